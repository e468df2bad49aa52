//! What a machine shows of accelerators, drivers and toolkits.

use hostler_core::setup::gpu::{Access, Maker, Seen, Version};

use crate::host::{Command, Shell};
use crate::setup::error::SetupError;
use crate::setup::job::Job;
use crate::setup::verify::accelerator;

/// What was seen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Sight {
    /// `ID` of `/etc/os-release`.
    pub(super) id: String,
    /// `VERSION_ID`.
    pub(super) version: String,
    /// As `uname -m` says it.
    pub(super) arch: String,
    /// As `uname -r` says it.
    pub(super) kernel: String,
    /// Whether the running kernel's modules are on the disk.
    pub(super) modules: Modules,
    /// The PCI vendors of all accelerators.
    pub(super) vendors: Vec<String>,
    /// Who logs in.
    pub(super) user: String,
    access: Access,
    nvidia: Found,
    amd: Found,
}

/// Whether the running kernel's modules are on the disk.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Modules {
    /// They are.
    There,
    /// They aren't: the kernel is somebody else's.
    #[default]
    Absent,
}

/// What there is of one maker.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Found {
    working: Vec<String>,
    module: Option<Version>,
    toolkit: Option<Version>,
    places: Vec<(Version, String)>,
    cudnn: Option<Version>,
}

/// Looks, with one question.
pub(super) async fn look(job: &Job<'_>, devices: &str) -> Result<Sight, SetupError> {
    let script = concat!(include_str!("../scripts/pci-devices.sh"), include_str!("../scripts/look-gpu.sh"));
    Ok(read(&job.ask(&Command::new(script).args([devices]).shell(Shell::LoginBash)).await?))
}

fn read(lines: &[String]) -> Sight {
    let mut sight = Sight::default();
    for line in lines {
        let (fact, value) = line.split_once(' ').unwrap_or((line, ""));
        let (first, rest) = value.split_once(' ').unwrap_or((value, ""));
        match fact {
            "os" => (sight.id, sight.version) = (first.to_owned(), rest.to_owned()),
            "arch" => sight.arch = value.to_owned(),
            "kernel" => sight.kernel = value.to_owned(),
            "modules" => sight.modules = Modules::There,
            "device" => sight.vendors.extend(accelerator(value).as_deref().and_then(vendor)),
            "nvidia" => sight.nvidia.working.push(value.to_owned()),
            "amd" => sight.amd.working.push(value.to_owned()),
            "module" if first == "nvidia" => sight.nvidia.module = Version::read(rest),
            "module" => sight.amd.module = Version::read(rest),
            "cuda" => sight.nvidia.toolkit = Version::read(value),
            "rocm" => sight.amd.toolkit = Version::read(value),
            "cuda_at" => sight.nvidia.places.extend(Version::read(first).map(|version| (version, rest.to_owned()))),
            "rocm_at" => sight.amd.places.extend(Version::read(first).map(|version| (version, rest.to_owned()))),
            "cudnn" => sight.nvidia.cudnn = Version::read(value),
            "user" => (sight.user, sight.access) = (first.to_owned(), access(first, rest)),
            _ => {}
        }
    }
    sight
}

fn vendor(id: &str) -> Option<String> {
    id.split_once(':').map(|(vendor, _)| vendor.to_owned())
}

fn access(user: &str, groups: &str) -> Access {
    let is_in = |group: &&str| groups.split(' ').any(|one| one == *group);
    if user == "root" || ["render", "video"].iter().all(is_in) { Access::Given } else { Access::Missing }
}

impl Sight {
    /// What there is of a maker's.
    pub(super) fn of(&self, maker: Maker) -> Seen {
        let found = match maker {
            Maker::Nvidia => self.nvidia.clone(),
            Maker::Amd => self.amd.clone(),
        };
        let Found { working, module, toolkit, places, cudnn } = found;
        // NVIDIA's devices are open to everybody.
        let access = if maker == Maker::Amd { self.access } else { Access::Given };
        Seen { vendors: self.vendors.clone(), working, module, toolkit, places, cudnn, access }
    }

    /// Whose accelerators there are.
    pub(super) fn maker(&self) -> Option<Maker> {
        self.of(Maker::Nvidia).maker()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sight(text: &str) -> Sight {
        read(&text.lines().map(|line| line.trim().to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn what_the_script_says_is_read() {
        let sight = sight(
            "os debian 12\narch x86_64\nkernel 6.1.0-37-amd64\nmodules\ndevice 0x030200 0x10de 0x1db5\n\
             device 0x020000 0x8086 0x1572\ndevice 0x030000 0x1002 0x164e\nnvidia 535.261.03\nmodule nvidia 535.261.03\n\
             module amdgpu 6.8.5\ncuda 11.8.89\n\
             cuda_at 12.2.140 /usr/local/cuda-12.2\ncudnn 8.5.0\nuser debian debian sudo",
        );
        assert_eq!((sight.id.as_str(), sight.version.as_str(), sight.modules), ("debian", "12", Modules::There));
        assert_eq!(sight.vendors, ["10de"], "neither the network card nor the desktop's");
        assert_eq!(sight.maker(), Some(Maker::Nvidia));
        let nvidia = sight.of(Maker::Nvidia);
        assert_eq!((nvidia.working.len(), nvidia.access), (1, Access::Given));
        assert_eq!(nvidia.toolkit, Version::read("11.8.89"));
        assert_eq!(nvidia.places[0].1, "/usr/local/cuda-12.2");
        let amd = sight.of(Maker::Amd);
        assert_eq!((amd.working.len(), amd.access, amd.module), (0, Access::Missing, Version::read("6.8.5")));
    }

    #[test]
    fn what_is_not_said_is_not_there() {
        assert_eq!(sight("").maker(), None);
        assert_eq!(sight("device 0x038000 0x1002 0x738c\nuser root root").of(Maker::Amd).access, Access::Given);
        assert_eq!(sight("device 0x038000 0x8086 0x0bd5").maker(), None, "another maker's");
    }
}
