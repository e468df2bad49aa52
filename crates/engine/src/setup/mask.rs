//! Masks the values of secrets in text.

use std::borrow::Cow;

use secrecy::{ExposeSecret as _, SecretString};

use crate::host::TRUNCATED;

/// Values shorter than this are not masked: they would match in unrelated text.
const MIN_LENGTH: usize = 4;
const STARS: &str = "***";

/// Replaces secret values by `***`.
#[derive(Default)]
pub struct SecretMask {
    /// Longest first, so that a value that contains another is masked as a whole.
    values: Vec<SecretString>,
}

impl SecretMask {
    /// Masks values of at least four bytes, and each line of multi-line values separately.
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a SecretString>) -> Self {
        let mut values: Vec<&str> = secrets
            .into_iter()
            .flat_map(|secret| secret.expose_secret().lines())
            .map(str::trim)
            .filter(|value| value.len() >= MIN_LENGTH)
            .collect();
        values.sort_by(|a, b| b.len().cmp(&a.len()).then(a.cmp(b)));
        values.dedup();
        Self { values: values.into_iter().map(SecretString::from).collect() }
    }

    /// The line with all values masked.
    pub fn apply<'l>(&self, line: &'l str) -> Cow<'l, str> {
        let mut line = Cow::Borrowed(line);
        for value in &self.values {
            let value = value.expose_secret();
            if line.contains(value) {
                line = Cow::Owned(line.replace(value, STARS));
            }
            if let Some(shown) = truncated_at(&line, value) {
                line = Cow::Owned(format!("{}{STARS}{TRUNCATED}", &line[..shown]));
            }
        }
        line
    }
}

/// Start of a value that the end of a truncated line cuts off.
fn truncated_at(line: &str, value: &str) -> Option<usize> {
    let kept = line.strip_suffix(TRUNCATED)?;
    let starts = value.char_indices().map(|(at, _)| at).filter(|at| *at >= MIN_LENGTH).rev();
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
    fn values_are_masked_anywhere_in_a_line() {
        assert_eq!(masked(&["hunter2"], "a hunter2, b=hunter2"), "a ***, b=***");
        assert_eq!(masked(&["abc"], "abc is too short to hide"), "abc is too short to hide");
        assert_eq!(masked(&["abcd", "abcdef"], "abcdef abcd"), "*** ***");
        assert_eq!(masked(&["-----BEGIN\nline two\n"], "x line two"), "x ***");
    }

    #[test]
    fn value_cut_off_by_truncation_is_masked() {
        assert_eq!(masked(&["hunter2000"], &format!("x hunter2{TRUNCATED}")), format!("x ***{TRUNCATED}"));
        assert_eq!(masked(&["hunter2000"], "x hunter2"), "x hunter2");
    }
}
