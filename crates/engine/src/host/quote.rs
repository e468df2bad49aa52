//! Quoting for shells, and remote paths.

/// Quotes a value for a POSIX shell, newlines included.
pub fn quote(value: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_./:=@%+,".contains(&b);
    if !value.is_empty() && value.bytes().all(plain) { value.to_owned() } else { always(value) }
}

fn always(value: &str) -> String {
    format!("'{}'", value.replace('\'', r"'\''"))
}

/// A remote path without `~`: `~/work` becomes `./work`, because every session starts in the home directory.
///
/// Relative paths start with `./`, so that no program mistakes them for an option and `CDPATH` does not apply.
pub fn remote_path(path: &str) -> String {
    let path = match path {
        "" | "~" | "~/" => ".",
        _ => path.strip_prefix("~/").unwrap_or(path),
    };
    if path == "." || path.starts_with(['/']) || path.starts_with("./") { path.to_owned() } else { format!("./{path}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_values_are_inert() {
        assert_eq!(quote("a-b_c/1.0"), "a-b_c/1.0");
        assert_eq!(quote(""), "''");
        assert_eq!(quote("$(touch x)"), "'$(touch x)'");
        assert_eq!(quote("it's\n"), "'it'\\''s\n'");
        assert_eq!(quote("~root"), "'~root'");
    }

    #[test]
    fn home_is_the_start_directory() {
        assert_eq!(remote_path("~/work"), "./work");
        assert_eq!(remote_path("~"), ".");
        assert_eq!(remote_path("/data"), "/data");
        assert_eq!(remote_path("-x"), "./-x");
        assert_eq!(remote_path("~other/x"), "./~other/x");
    }
}
