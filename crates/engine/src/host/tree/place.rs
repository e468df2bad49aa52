//! A directory over there: who may write in it, and how it is known that something arrived whole.
//!
//! An SSH server whose connection broke ends a program's standard input, as we do when all was sent. So whatever is fed
//! with bytes has to see their end before it takes them for whole.

/// Does the script `$1` on the directory `$2` in the name of whoever may write in it.
///
/// A directory that is there and in which only root may write stays root's, and so does what comes into it.
macro_rules! as_owner {
    () => {
        r#"s=$1; shift; if test -d "$1" && ! test -w "$1"; then exec sudo -n -- sh -c "$s" hostler "$@"; fi; exec sh -c "$s" hostler "$@""#
    };
}

/// `whole FILE LENGTH` writes its input to a file, and fails where that is not so many bytes.
macro_rules! whole {
    () => {
        r#"whole() { cat >"$1" && test "$(wc -c <"$1")" -eq "$2" && return; echo "not all that was sent arrived" >&2; return 1; }; "#
    };
}

/// A script that is done by [`AS_OWNER`] or [`MAKING`] begins with the directory as `$1`.
pub(super) const AS_OWNER: &str = as_owner!();

/// The same, and the directory is made first: with the mode `$3`, if that isn't empty. One that only root may make belongs
/// to the user; one that only root can see is left as it is.
pub(super) const MAKING: &str = concat!(
    r#"e=$(mkdir -p ${3:+-m "$3"} "$2" 2>&1) || test -d "$2" || sudo -n test -d "$2" || sudo -n install -d ${3:+-m "$3"} -o "$(id -u)" -g "$(id -g)" "$2" || { echo "$e" >&2; exit 1; }; "#,
    as_owner!()
);

/// In `$1`: says whether the tree there is `$2`, and else what was put.
pub(super) const LOOK: &str = r#"if test -d "$1" && test "$(cat "$1/.hostler/fingerprint" 2>/dev/null)" = "$2"; then echo same; else echo differs; cat "$1/.hostler/list" 2>/dev/null; fi; exit 0"#;

/// In `$1`, of mode `$2`: notes what will be there before any of it is, in a list of `$3` bytes. `$4` is a name that nobody else
/// has: of two who are here at once, one fails.
pub(super) const PREPARE: &str = concat!(
    whole!(),
    r#"mkdir -p "$1/.hostler" && cd "$1/.hostler" && rm -f fingerprint list.* && whole "list.$4" "$3" && mv "list.$4" list"#
);

/// In `$1`: deletes what [`super::record::gone_list`] names, `files` and links or `directories` that are empty by now.
/// What is last in the list is not deleted.
pub(super) const DELETE: &str = r#"cd "$1" && if test "$2" = files; then sed -z \$d | xargs -0r rm -f; else sed -z \$d | xargs -0r rmdir 2>/dev/null; exit 0; fi"#;

/// In `$1`: unpacks what makes it the tree `$2`.
///
/// `tar` takes an archive that ends between two entries for a whole one. The list is its last entry, under a name (`$3`)
/// that no other archive has: where it is missing, so is more.
pub(super) const UNPACK: &str =
    r#"tar -C "$1" -xpof - && cd "$1/.hostler" && mv "list.$3" list && printf %s "$2" >fingerprint"#;

/// In `$1`: what is there by the name of `$2`: that it is a directory, or a file's hash and mode.
pub(super) const LOOK_FILE: &str = r#"f=$1/$2; if test -d "$f"; then echo directory; elif test -f "$f"; then sha256sum <"$f"; stat -L -c %a "$f"; fi; exit 0"#;

/// In `$1`, of mode `$2`: writes the file `$3` of mode `$4` and `$5` bytes, which nobody else may read until it is whole.
/// Where root writes, what was there keeps its owner. `$6` is a name that nobody else has: of two who write it at once, one
/// fails.
pub(super) const WRITE: &str = concat!(
    whole!(),
    r#"f=$1/$3; p=$f.hostler-part.$6; umask 077; rm -f "$f".hostler-part.* && set -C && whole "$p" "$5" && chmod "$4" "$p" && { test "$(id -u)" != 0 || ! test -e "$f" || chown --reference="$f" "$p"; } && mv -T "$p" "$f""#
);

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write as _;
    use std::path::Path;
    use std::process::{Command, Stdio};

    use super::super::record::gone_list;
    use super::*;

    /// Does a script with these bytes only, as when the connection breaks behind them.
    fn fed(script: &str, args: &[&str], input: &[u8]) -> bool {
        let mut shell = Command::new("sh");
        shell.args(["-c", AS_OWNER, "hostler", script]).args(args).stdin(Stdio::piped()).stderr(Stdio::null());
        let mut shell = shell.spawn().unwrap();
        // A script that has failed before it read everything is no failure of ours.
        let _ = shell.stdin.take().unwrap().write_all(input);
        shell.wait().unwrap().success()
    }

    #[test]
    fn a_file_or_a_list_that_was_cut_off_never_stands_in_the_place_of_a_whole_one() {
        let dir = tempfile::tempdir().unwrap();
        let (at, file) = (dir.path().to_str().unwrap(), dir.path().join("key"));
        let list = dir.path().join(".hostler/list");
        assert!(fed(WRITE, &[at, "", "key", "600", "3", "n"], b"old") && fed(PREPARE, &[at, "", "6", "n"], b"f-1 a\0"));
        for cut in 0..6 {
            assert!(!fed(WRITE, &[at, "", "key", "600", "6", "n"], &b"longer"[..cut]));
            assert!(!fed(PREPARE, &[at, "", "6", "n"], &b"f-2 b\0"[..cut]));
            assert_eq!((fs::read(&file).unwrap(), fs::read(&list).unwrap()), (b"old".to_vec(), b"f-1 a\0".to_vec()));
        }
        assert!(
            fed(WRITE, &[at, "", "key", "600", "6", "n"], b"longer") && fed(PREPARE, &[at, "", "6", "n"], b"f-2 b\0")
        );
        assert_eq!((fs::read(&file).unwrap(), fs::read(&list).unwrap()), (b"longer".to_vec(), b"f-2 b\0".to_vec()));
    }

    #[test]
    fn a_list_that_was_cut_off_deletes_nothing_that_it_does_not_name() {
        let dir = tempfile::tempdir().unwrap();
        let at = dir.path().to_str().unwrap();
        let there = |name: &str| Path::new(at).join(name).exists();
        let gone = gone_list(&[b"gone".to_vec(), b"a.txt.old".to_vec()]);
        for cut in 0..gone.len() {
            for name in ["a", "a.txt", "gone", "g", "end"] {
                fs::write(dir.path().join(name), "").unwrap();
            }
            assert!(fed(DELETE, &[at, "files"], &gone[..cut]));
            assert!(["a", "a.txt", "g", "end"].into_iter().all(there), "{cut}");
        }
        fs::write(dir.path().join("a.txt.old"), "").unwrap();
        assert!(fed(DELETE, &[at, "files"], &gone) && !there("gone") && !there("a.txt.old") && there("end"));
    }
}
