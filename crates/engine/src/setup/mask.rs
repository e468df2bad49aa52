//! Taking the values of secrets out of text.

use std::borrow::Cow;

use secrecy::{ExposeSecret as _, SecretString};

use crate::host::TRUNCATED;

/// Shorter values would make a riddle of every other line.
const SHORTEST: usize = 4;
const STARS: &str = "***";

/// Knows the values that must not be shown.
#[derive(Default)]
pub struct SecretMask {
    /// Longest first, so that a value that holds another is masked whole.
    values: Vec<SecretString>,
}

impl SecretMask {
    /// Masks values of four bytes and more, and each line of those that have several.
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a SecretString>) -> Self {
        let mut values: Vec<&str> = secrets
            .into_iter()
            .flat_map(|secret| secret.expose_secret().lines())
            .map(str::trim)
            .filter(|value| value.len() >= SHORTEST)
            .collect();
        values.sort_by(|a, b| b.len().cmp(&a.len()).then(a.cmp(b)));
        values.dedup();
        Self { values: values.into_iter().map(SecretString::from).collect() }
    }

    /// The line without the values.
    pub fn apply<'l>(&self, line: &'l str) -> Cow<'l, str> {
        let mut line = Cow::Borrowed(line);
        for value in &self.values {
            let value = value.expose_secret();
            if line.contains(value) {
                line = Cow::Owned(line.replace(value, STARS));
            }
            if let Some(shown) = cut_in(&line, value) {
                line = Cow::Owned(format!("{}{STARS}{TRUNCATED}", &line[..shown]));
            }
        }
        line
    }
}

/// Where a value begins that is cut off by the end of a line that was too long.
fn cut_in(line: &str, value: &str) -> Option<usize> {
    let kept = line.strip_suffix(TRUNCATED)?;
    let starts = value.char_indices().map(|(at, _)| at).filter(|at| *at >= SHORTEST).rev();
    starts.map(|length| &value[..length]).find(|start| kept.ends_with(start)).map(|start| kept.len() - start.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masked(values: &[&str], line: &str) -> String {
        let secrets: Vec<SecretString> = values.iter().map(|value| SecretString::from(*value)).collect();
        SecretMask::new(&secrets).apply(line).into_owned()
    }

    #[test]
    fn values_are_masked_wherever_they_stand() {
        assert_eq!(masked(&["hunter2"], "a hunter2, b=hunter2"), "a ***, b=***");
        assert_eq!(masked(&["abc"], "abc is too short to hide"), "abc is too short to hide");
        assert_eq!(masked(&["abcd", "abcdef"], "abcdef abcd"), "*** ***");
        assert_eq!(masked(&["-----BEGIN\nline two\n"], "x line two"), "x ***");
    }

    #[test]
    fn a_value_at_the_cut_of_a_long_line_is_masked_too() {
        assert_eq!(masked(&["hunter2000"], &format!("x hunter2{TRUNCATED}")), format!("x ***{TRUNCATED}"));
        assert_eq!(masked(&["hunter2000"], "x hunter2"), "x hunter2");
    }
}
