//! Building an image from a distribution's packages with mmdebstrap, as root or as a user with subordinate ids.

use std::collections::VecDeque;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use hostler_core::hash::hexadecimal;
use hostler_core::size::Bytes;
use sha2::{Digest, Sha256};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, Command};

use super::disk;
use super::error::{ImageError, file_error};
use super::store::{Boot, Image, ImageStore, checked_name, digest_of, remove_tree};
use crate::blocking::blocking;
use crate::http::ProgressFn;
use crate::shell_quoted;

/// The image that is built by default.
pub const DEFAULT_IMAGE: &str = "debian-12";

const SETUP: &str = include_str!("debian/setup.sh");
const FIRST_BOOT: &str = include_str!("debian/first-boot.sh");
const DHCP: &str = include_str!("debian/dhcp.sh");
const INITRD_INIT: &str = include_str!("debian/initrd-init.sh");
const MAKE_DISK: &str = include_str!("debian/make-disk.sh");

/// Few packages, but those that the set-up of a project needs most often.
const PACKAGES: &str = "linux-image-cloud-amd64,tiny-initramfs,busybox-static,lz4,systemd-sysv,udev,\
    dbus,openssh-server,sudo,iproute2,netbase,ca-certificates,curl,rsync,e2fsprogs,python3,python3-venv,python3-pip,\
    procps,less";

/// Measured: checks and mitigations take a third of the boot time, most of all in emulated guests. A short-lived guest does not
/// need them: QEMU isolates guests from each other, not their kernels.
const COMMAND_LINE: &str = "root=/dev/vda rw console=ttyS0 quiet loglevel=3 nokaslr mitigations=off audit=0 \
    apparmor=0 selinux=0 no_timer_check tsc=reliable random.trust_cpu=on cryptomgr.notests fsck.mode=skip \
    net.ifnames=0 systemd.show_status=0";

impl ImageStore {
    /// Builds the image of a recipe, or returns it if the store has it. The only recipe is `debian-12`.
    ///
    /// `sources` are package sources in one of apt's formats; Debian's own by default. An image of an older recipe, or one
    /// that can't be read, is built again.
    pub async fn build(
        &self,
        name: &str,
        sources: Option<&str>,
        progress: ProgressFn<'_>,
    ) -> Result<Image, ImageError> {
        let name = checked_name(name)?;
        if name != DEFAULT_IMAGE {
            return Err(ImageError::NoRecipe(name));
        }
        let new = name.clone();
        let begin = move |store: &Self| {
            let lock = store.lock(&new)?;
            if let Ok(Some(image)) = store.find(&new)
                && image.origin == origin()
            {
                return Ok(Begun::Exists(image));
            }
            check_programs()?;
            Ok::<_, ImageError>(Begun::Draft(lock, store.draft(&new)?))
        };
        let (_lock, draft) = match self.blocking(begin).await? {
            Begun::Exists(image) => return Ok(image),
            Begun::Draft(lock, draft) => (lock, draft),
        };
        let built = self.build_in(&draft, &name, sources, progress).await;
        if built.is_err() {
            self.blocking(move |_| remove_tree(&draft)).await?;
        }
        built
    }

    async fn build_in(
        &self,
        draft: &Path,
        name: &str,
        sources: Option<&str>,
        progress: ProgressFn<'_>,
    ) -> Result<Image, ImageError> {
        mmdebstrap(draft, sources, progress).await?;
        let path = draft.join("disk.qcow2");
        let found = disk::check(&path, name).await?;
        let image = Image {
            name: name.to_owned(),
            user: "debian".to_owned(),
            arch: "x86_64".to_owned(),
            boot: Boot::Kernel { command_line: COMMAND_LINE.to_owned() },
            disk: found.size,
            memory: Bytes::mib(256),
            digest: self.blocking(move |_| digest_of(&path)).await?,
            origin: origin(),
        };
        let draft = draft.to_owned();
        self.blocking(move |store| store.publish(&draft, &image).map(|()| image)).await
    }
}

/// The start of a build, under the lock of the image's name.
enum Begun {
    /// The store has the image already.
    Exists(Image),
    /// The lock and the directory of the new image.
    Draft(File, PathBuf),
}

/// Origin of a built image, with a digest of the recipe: an image of a changed recipe is built again.
fn origin() -> String {
    let mut digest = Sha256::new();
    for part in [SETUP, FIRST_BOOT, DHCP, INITRD_INIT, MAKE_DISK, PACKAGES, COMMAND_LINE] {
        digest.update(part);
    }
    format!("debian packages, recipe {}", &hexadecimal(&digest.finalize())[..12])
}

/// Checks the required programs before a build that takes minutes.
#[expect(clippy::disallowed_methods, reason = "called on blocking threads")]
fn check_programs() -> Result<(), ImageError> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = |program: &str| {
        std::env::split_paths(&path).chain(["/usr/sbin".into(), "/sbin".into()]).any(|dir| dir.join(program).exists())
    };
    let needed = [
        ("mmdebstrap", "mmdebstrap"),
        ("mke2fs", "e2fsprogs"),
        ("qemu-img", "qemu-utils"),
        ("unshare", "util-linux"),
        // root does not need it, but requiring it always is simpler.
        ("newuidmap", "uidmap"),
    ];
    for (program, package) in needed {
        if !found(program) {
            return Err(ImageError::NoProgram { program, package });
        }
    }
    if !Path::new("/usr/share/keyrings/debian-archive-keyring.gpg").exists() {
        return Err(ImageError::NoProgram { program: "Debian's keyring", package: "debian-archive-keyring" });
    }
    Ok(())
}

async fn mmdebstrap(out: &Path, sources: Option<&str>, progress: ProgressFn<'_>) -> Result<(), ImageError> {
    let files = tempfile::tempdir().map_err(file_error(out, "prepared"))?;
    let mut command = Command::new("mmdebstrap");
    command.args(["--format=null", "--variant=minbase", "--architectures=amd64"]);
    command.arg(format!("--include={PACKAGES}"));
    for path in ["doc/*", "man/*", "locale/*", "info/*"] {
        command.arg(format!("--dpkgopt=path-exclude=/usr/share/{path}"));
    }
    command.arg("--dpkgopt=path-include=/usr/share/doc/*/copyright");
    command.arg("--aptopt=Acquire::Languages \"none\"");
    let (directory, out) = (files.path().to_owned(), out.to_owned());
    for hook in blocking(move || hooks(&directory, &out)).await? {
        command.arg(format!("--customize-hook={hook}"));
    }
    command.args(["bookworm", "/dev/null"]);
    if sources.is_some() {
        command.arg("-");
    }
    // The root directory needs space that other user ids can reach. /tmp is often small, and in memory.
    if tokio::fs::metadata("/var/tmp").await.is_ok_and(|found| found.is_dir()) {
        command.env("TMPDIR", "/var/tmp");
    }
    let path = std::env::var("PATH").unwrap_or_default();
    // Users may lack the administrator's programs in PATH, and a home directory that the subordinate ids can read.
    command.env("PATH", format!("{path}:/usr/sbin:/sbin")).env("HOME", "/nonexistent");
    command.env("LC_ALL", "C.UTF-8").stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    run(command, sources.unwrap_or_default(), progress).await
}

/// Commands for the root directory after the installation of the packages. mmdebstrap itself copies files in and out: the
/// user ids of its namespace can't access the user's directories.
#[expect(clippy::disallowed_methods, reason = "called on blocking threads")]
fn hooks(files: &Path, out: &Path) -> Result<Vec<String>, ImageError> {
    let mut hooks = vec!["mkdir \"$1/hostler\"".to_owned()];
    let scripts =
        [("setup.sh", SETUP), ("first-boot.sh", FIRST_BOOT), ("dhcp.sh", DHCP), ("initrd-init.sh", INITRD_INIT)];
    for (name, text) in scripts {
        let file = files.join(name);
        std::fs::write(&file, text).map_err(file_error(&file, "written"))?;
        hooks.push(format!("upload {} /hostler/{name}", quoted(&file)?));
    }
    hooks.push("chroot \"$1\" sh /hostler/setup.sh".to_owned());
    hooks.push(MAKE_DISK.to_owned());
    for name in ["disk.qcow2", "kernel", "initrd"] {
        hooks.push(format!("download /hostler/out/{name} {}", quoted(&out.join(name))?));
    }
    Ok(hooks)
}

/// A path as one word of a shell command, which is how mmdebstrap parses hooks.
fn quoted(path: &Path) -> Result<String, ImageError> {
    match path.to_str() {
        Some(text) => Ok(shell_quoted(text)),
        None => Err(ImageError::File {
            path: path.to_owned(),
            doing: "passed to mmdebstrap",
            source: std::io::Error::other("it is not UTF-8"),
        }),
    }
}

async fn run(mut command: Command, input: &str, progress: ProgressFn<'_>) -> Result<(), ImageError> {
    let missing = |_| ImageError::NoProgram { program: "mmdebstrap", package: "mmdebstrap" };
    let mut child = TerminateOnDrop(command.spawn().map_err(missing)?);
    if let Some(mut stdin) = child.0.stdin.take() {
        // Fails if the program has already ended, whose error is reported below.
        let _ = stdin.write_all(input.as_bytes()).await;
    }
    let mut tail = VecDeque::new();
    if let Some(stderr) = child.0.stderr.take() {
        let mut lines = BufReader::new(stderr).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            if let Some(message) = line.strip_prefix("I: ") {
                progress(message);
            }
            if tail.len() == 15 {
                tail.pop_front();
            }
            tail.push_back(line);
        }
    }
    let status = child.0.wait().await.map_err(missing)?;
    if status.success() {
        return Ok(());
    }
    let tail = tail.into_iter().collect::<Vec<_>>().join("\n");
    Err(ImageError::Program { program: "mmdebstrap", status: status.to_string(), tail })
}

/// A child that is terminated on drop, and not killed: mmdebstrap removes its root directory before it ends.
struct TerminateOnDrop(Child);

impl Drop for TerminateOnDrop {
    #[expect(clippy::disallowed_methods, reason = "a drop can't be async, and `kill` ends at once")]
    fn drop(&mut self) {
        if let (Some(id), Ok(None)) = (self.0.id(), self.0.try_wait()) {
            let _ = std::process::Command::new("kill").arg("-TERM").arg(id.to_string()).status();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn unknown_recipe_is_rejected() {
        let directory = tempfile::tempdir().unwrap();
        let store = ImageStore::new(directory.path());
        assert!(matches!(store.build("plan-9", None, &|_| {}).await, Err(ImageError::NoRecipe(_))));
    }

    #[test]
    fn path_stays_one_word() {
        assert_eq!(quoted(Path::new("/a b/it's")).unwrap(), r"'/a b/it'\''s'");
    }
}
