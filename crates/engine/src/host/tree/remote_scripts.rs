//! Scripts that change a remote directory: as the user who may write to it, and only with complete input.
//!
//! After a broken connection the SSH server ends a program's standard input, just as we do after sending everything. So
//! every script that reads input must verify that it is complete.

/// Runs the script `$1` on the directory `$2`, as root if the login user may not write to it.
///
/// A directory that only root may write to keeps its owner, and files created in it belong to root.
macro_rules! as_owner {
    () => {
        r#"s=$1; shift; if test -d "$1" && ! test -w "$1"; then exec sudo -n -- sh -c "$s" hostler "$@"; fi; exec sh -c "$s" hostler "$@""#
    };
}

/// `whole FILE LENGTH` writes its input to a file, and fails unless it is `LENGTH` bytes long.
macro_rules! whole {
    () => {
        r#"whole() { cat >"$1" && test "$(wc -c <"$1")" -eq "$2" && return; echo "the transfer was incomplete" >&2; return 1; }; "#
    };
}

/// Runs a script in an existing directory. Scripts run by [`AS_OWNER`] or [`CREATING`] get the directory as `$1`.
pub(super) const AS_OWNER: &str = as_owner!();

/// Like [`AS_OWNER`], but creates the directory first, with the mode `$3` unless that is empty. A directory that only root
/// can create is given to the user; an existing one that only root can see is left unchanged.
pub(super) const CREATING: &str = concat!(
    r#"e=$(mkdir -p ${3:+-m "$3"} "$2" 2>&1) || test -d "$2" || sudo -n test -d "$2" || sudo -n install -d ${3:+-m "$3"} -o "$(id -u)" -g "$(id -g)" "$2" || { echo "$e" >&2; exit 1; }; "#,
    as_owner!()
);

/// In `$1`: prints `same` if its fingerprint is `$2`, else `differs` and the list of uploaded entries.
pub(super) const COMPARE: &str = r#"if test -d "$1" && test "$(cat "$1/.hostler/fingerprint" 2>/dev/null)" = "$2"; then echo same; else echo differs; cat "$1/.hostler/list" 2>/dev/null; fi; exit 0"#;

/// In `$1`, of mode `$2`: stores a list of `$3` bytes with the entries that the upload will create. `$4` is a unique name:
/// of two concurrent uploads one fails.
pub(super) const PREPARE: &str = concat!(
    whole!(),
    r#"mkdir -p "$1/.hostler" && cd "$1/.hostler" && rm -f fingerprint list.* && whole "list.$4" "$3" && mv "list.$4" list"#
);

/// In `$1`: deletes the paths of a [`super::record::deletion_list`]: `files` and links, or `directories` that are empty.
/// The last item of the list is an end marker and not deleted.
pub(super) const DELETE: &str = r#"cd "$1" && if test "$2" = files; then sed -z \$d | xargs -0r rm -f; else sed -z \$d | xargs -0r rmdir 2>/dev/null; exit 0; fi"#;

/// In `$1`: unpacks an archive, and stores the fingerprint `$2` of the resulting tree.
///
/// `tar` accepts an archive that ends between two entries. The list is the last entry, under a unique name (`$3`): if it is
/// missing, the archive was cut short.
pub(super) const UNPACK: &str =
    r#"tar -C "$1" -xpof - && cd "$1/.hostler" && mv "list.$3" list && printf %s "$2" >fingerprint"#;

/// In `$1`: prints `directory` if `$2` is one, or hash and mode of the file `$2`.
pub(super) const INSPECT_FILE: &str = r#"f=$1/$2; if test -d "$f"; then echo directory; elif test -f "$f"; then sha256sum <"$f"; stat -L -c %a "$f"; fi; exit 0"#;

/// In `$1`, of mode `$2`: writes the file `$3` of mode `$4` and `$5` bytes, readable by its owner only until it is complete.
/// If root writes, an existing file keeps its owner. `$6` is a unique name: of two concurrent writers one fails.
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

    use super::super::record::deletion_list;
    use super::*;

    /// Runs a script with this input, as if the connection broke after it.
    fn fed(script: &str, args: &[&str], input: &[u8]) -> bool {
        let mut shell = Command::new("sh");
        shell.args(["-c", AS_OWNER, "hostler", script]).args(args).stdin(Stdio::piped()).stderr(Stdio::null());
        let mut shell = shell.spawn().unwrap();
        // The script may fail before it has read all input.
        let _ = shell.stdin.take().unwrap().write_all(input);
        shell.wait().unwrap().success()
    }

    #[test]
    fn incomplete_file_or_list_never_replaces_a_complete_one() {
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
    fn incomplete_list_deletes_no_other_path() {
        let dir = tempfile::tempdir().unwrap();
        let at = dir.path().to_str().unwrap();
        let there = |name: &str| Path::new(at).join(name).exists();
        let gone = deletion_list(&[b"gone".to_vec(), b"a.txt.old".to_vec()]);
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
