//! Text that a shell takes as it is.

/// Quotes a value for a POSIX shell: nothing in it is special any more, newlines included.
pub fn quote(value: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_./:=@%+,".contains(&b);
    if !value.is_empty() && value.bytes().all(plain) { value.to_owned() } else { always(value) }
}

fn always(value: &str) -> String {
    format!("'{}'", value.replace('\'', r"'\''"))
}

/// A remote path that needs no home directory to be known: `~/work` becomes `./work`, as every session starts at home.
///
/// What is relative begins with `./`, so that no program takes it for an option, and no `CDPATH` counts.
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
    fn home_is_where_a_session_starts() {
        assert_eq!(remote_path("~/work"), "./work");
        assert_eq!(remote_path("~"), ".");
        assert_eq!(remote_path("/data"), "/data");
        assert_eq!(remote_path("-x"), "./-x");
        assert_eq!(remote_path("~other/x"), "./~other/x");
    }
}
