//! Seed: a small volume in the NoCloud format, which hostler's images and every image with cloud-init read at first boot.
//!
//! See <https://docs.cloud-init.io/en/latest/reference/datasources/nocloud.html>: a FAT volume labelled `cidata` with
//! the files `meta-data` and `user-data`. A `user-data` that begins with `#!` is run once, as root.

use std::io::{self, Cursor, Write};

use fatfs::{FileSystem, FormatVolumeOptions, FsOptions};

/// Smallest size of a seed in bytes: enough for a script with a bundle of certificates.
const SIZE: usize = 2 << 20;

/// Configuration of a machine's first boot.
pub(super) struct Seed<'a> {
    /// Id of the machine. cloud-init reads the seed again if it changes.
    pub instance: &'a str,
    /// Host name.
    pub host_name: &'a str,
    /// Public key for log-in, in OpenSSH's format.
    pub public_key: &'a str,
    /// Shell script without its `#!` line.
    pub script: &'a str,
}

impl Seed<'_> {
    /// Content of the volume.
    pub fn volume(&self) -> io::Result<Vec<u8>> {
        let script = format!("#!/bin/sh\n{}", self.script);
        let size = SIZE.max((script.len() * 2).next_multiple_of(1 << 20));
        let mut bytes = vec![0; size];
        let options = FormatVolumeOptions::new().volume_label(*b"cidata     ");
        fatfs::format_volume(Cursor::new(&mut bytes), options)?;
        {
            let volume = FileSystem::new(Cursor::new(&mut bytes), FsOptions::new())?;
            for (name, text) in [("meta-data", self.meta_data()), ("user-data", script)] {
                volume.root_dir().create_file(name)?.write_all(text.as_bytes())?;
            }
            volume.unmount()?;
        }
        Ok(bytes)
    }

    /// YAML that a shell script can read too: one line per value.
    fn meta_data(&self) -> String {
        let Self { instance, host_name, .. } = self;
        format!("instance-id: {instance}\nlocal-hostname: {host_name}\npublic-keys:\n  - \"{}\"\n", self.key())
    }

    /// Type and data of the key. Its comment is dropped: it is of no use, and may contain anything, YAML included.
    fn key(&self) -> String {
        let allowed = |c: &char| c.is_ascii_alphanumeric() || " -+/=@.".contains(*c);
        let words: Vec<&str> = self.public_key.split_whitespace().take(2).collect();
        words.join(" ").chars().filter(allowed).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn a_seed_can_be_read() {
        let script = "echo hello\n".repeat(1000);
        let seed = Seed {
            instance: "hostler-7-digits",
            host_name: "digits",
            public_key: "ssh-ed25519 AAAA+/= me\"\nruncmd: [evil]",
            script: &script,
        };
        let volume = FileSystem::new(Cursor::new(seed.volume().unwrap()), FsOptions::new()).unwrap();
        assert_eq!(volume.volume_label(), "cidata");
        let read = |name| {
            let mut text = String::new();
            volume.root_dir().open_file(name).unwrap().read_to_string(&mut text).unwrap();
            text
        };
        insta::assert_snapshot!(read("meta-data"), @r#"
        instance-id: hostler-7-digits
        local-hostname: digits
        public-keys:
          - "ssh-ed25519 AAAA+/="
        "#);
        assert_eq!(read("user-data"), format!("#!/bin/sh\n{script}"));
    }

    #[test]
    fn a_long_script_makes_the_seed_larger() {
        let script = "x".repeat(3 << 20);
        let seed = Seed { instance: "i", host_name: "h", public_key: "k k", script: &script };
        assert!(seed.volume().unwrap().len() >= 6 << 20);
    }
}
