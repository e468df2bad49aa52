//! The phase `gpu`: GPUs on a prepared PCI bus, and the matrix against Debian's packages.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Output;

use hostler_core::setup::gpu::{
    GpuCombination, GpuHardware, GpuRepository, GpuStack, Installed, System, Vendor, combinations, resolve,
};

use crate::lab::{Lab, facts, program, stderr_of, stdout_of};

const ADD_COMPONENTS: &str = include_str!("../../../engine/src/setup/scripts/add-components.sh");
const ADD_REPOSITORY: &str = include_str!("../../../engine/src/setup/scripts/add-repository.sh");

fn lab(prefix: &str, facts: &Path) -> Lab {
    Lab::with(prefix, 1, &["--facts", facts.to_str().unwrap()])
}

/// `hostler up` of a demand with this `gpu`.
fn up(lab: &Lab, gpu: &str) -> Output {
    let demand = lab.path("train.yaml");
    std::fs::write(&demand, format!("name: train\non: [ssh]\nsetup_phases:\n  gpu: {gpu}\n")).unwrap();
    lab.command(&["up", demand.to_str().unwrap(), "--yes"]).output().unwrap()
}

/// Log of the phase, of all rounds.
fn log(lab: &Lab) -> String {
    let found = std::process::Command::new("find").arg(lab.path("data")).args(["-name", "gpu.log"]).output().unwrap();
    let paths = stdout_of(&found);
    paths.lines().map(|path| std::fs::read_to_string(path).unwrap()).collect()
}

#[test]
fn gpus_are_found_on_the_bus_and_a_container_rejects_drivers() {
    let two = facts(&["0x030200 0x10de 0x1db5", "0x030200 0x10de 0x1db5", "0x020000 0x8086 0x1572"]);
    let lab = lab("gpu", two.path());
    let failed = up(&lab, "auto");
    assert!(!failed.status.success());
    let text = stderr_of(&failed);
    assert!(text.contains("no driver can be installed: the modules of the kernel"), "{text}");
    assert!(text.contains("the machine is a container"), "{text}");
    assert!(log(&lab).contains("NVIDIA for 2 GPUs"), "{}", log(&lab));
    let impossible = up(&lab, "{cuda: '12.2'}");
    assert!(stderr_of(&impossible).contains("`debian 12` does not offer CUDA 12.2"), "{}", stderr_of(&impossible));
    let asked = lab.exec(&[], &["sh", "-c", "dpkg -l dkms nvidia-kernel-dkms 2>/dev/null | grep -c '^ii'; true"]);
    assert!(stdout_of(&asked).contains('0'), "nothing was installed: {}", stdout_of(&asked));
    assert!(lab.command(&["down", "train", "--yes"]).output().unwrap().status.success());
}

#[test]
fn a_machine_without_gpus_or_with_working_drivers_is_unchanged() {
    let none = facts(&["0x030000 0x102b 0x0538"]);
    let bare = lab("bare", none.path());
    let ready = up(&bare, "auto");
    assert!(ready.status.success(), "{}", stderr_of(&ready));
    assert!(log(&bare).contains("no GPU on the PCI bus"), "{}", log(&bare));
    let right = facts(&["0x030200 0x10de 0x1db5"]);
    program(&right, "bin", "nvidia-smi", "echo 00000000:3B:00.0, 535.261.03");
    program(&right, "bin", "nvcc", "echo 'Cuda compilation tools, release 12.2, V12.2.140'");
    let right = lab("right", right.path());
    let ready = up(&right, "{vendor: nvidia, driver: 535, cuda: '12.2'}");
    assert!(ready.status.success(), "{}", stderr_of(&ready));
    assert_eq!(log(&right), "", "it was asked once, and nothing was done");
    for lab in [bare, right] {
        assert!(lab.command(&["down", "train", "--yes"]).output().unwrap().status.success());
    }
}

/// Output of `rocminfo` for the CPU, and for a GPU at 3b:00.0.
const AGENTS: &str = "cat <<'END'
Agent 1
  Name:                    AMD EPYC 9654 96-Core Processor
  Marketing Name:          AMD EPYC 9654 96-Core Processor
  Device Type:             CPU
  BDFID:                   0
Agent 2
  Name:                    gfx942
  Marketing Name:          AMD Instinct MI300X
  Device Type:             GPU
  BDFID:                   15104
  ISA Info:
    ISA 1
      Name:                    amdgcn-amd-amdhsa--gfx942:sramecc+:xnack-
END";

#[test]
fn processing_accelerators_are_found_and_each_must_work() {
    let one = facts(&["0x120000 0x1002 0x74a1", "0x120000 0x1002 0x74a1"]);
    let two = facts(&["0x120000 0x1002 0x74a1"]);
    for facts in [&one, &two] {
        program(facts, "bin", "rocminfo", AGENTS);
        program(facts, "bin", "hipcc", "echo 'HIP version: 7.1.25424-1'");
    }
    let half = lab("half", one.path());
    assert!(!up(&half, "auto").status.success());
    let told = log(&half);
    assert!(told.contains("AMD for 2 GPUs"), "{told}");
    assert!(told.contains("the driver works on 1 of 2 GPUs, not 0000:3b:00.1 (1002:74a1)"), "{told}");
    let old = up(&half, "{rocm: '5.2'}");
    assert!(stderr_of(&old).contains("ROCm 5.2 does not support CDNA 3 GPUs"), "{}", stderr_of(&old));
    let whole = lab("mi", two.path());
    let ready = up(&whole, "auto");
    assert!(ready.status.success(), "{}", stderr_of(&ready));
    assert!(log(&whole).contains("the user is not in the groups"), "{}", log(&whole));
    for lab in [half, whole] {
        assert!(lab.command(&["down", "train", "--yes"]).output().unwrap().status.success());
    }
}

#[test]
fn a_toolkit_that_does_not_support_the_gpus_is_rejected() {
    let facts = facts(&["0x030200 0x10de 0x1db5"]);
    program(&facts, "bin", "nvidia-smi", "echo 00000000:3B:00.0, 580.95.05");
    program(&facts, "bin", "nvcc", "echo 'Cuda compilation tools, release 13.0, V13.0.88'");
    let lab = lab("volta", facts.path());
    let refused = up(&lab, "{cuda: 13}");
    assert!(stderr_of(&refused).contains("CUDA 13 does not support Volta GPUs"), "{}", stderr_of(&refused));
    assert!(stderr_of(&refused).contains("use CUDA 12.9 or older"), "{}", stderr_of(&refused));
    assert!(log(&lab).contains("does not support these GPUs"), "{}", log(&lab));
    assert!(lab.command(&["down", "train", "--yes"]).output().unwrap().status.success());
}

#[test]
fn a_toolkit_missing_in_login_shells_is_added_to_their_paths_once() {
    let facts = facts(&["0x030200 0x10de 0x1db5"]);
    program(&facts, "bin", "nvidia-smi", "echo 00000000:3B:00.0, 580.95.05");
    for version in ["12.8", "13.0"] {
        let text = format!("echo 'Cuda compilation tools, release {version}, V{version}.61'");
        program(&facts, &format!("cuda-{version}/bin"), "nvcc", &text);
    }
    let lab = lab("path", facts.path());
    let ready = up(&lab, "{cuda: '12.8'}");
    assert!(ready.status.success(), "{}", stderr_of(&ready));
    let found = lab.exec(&[], &["bash", "-lc", "command -v nvcc; echo $LD_LIBRARY_PATH in $CUDA_HOME"]);
    let found = stdout_of(&found);
    assert!(found.contains("/usr/local/cuda-12.8/bin/nvcc"), "{found}");
    assert!(found.contains("/usr/local/cuda-12.8/lib64 in /usr/local/cuda-12.8"), "{found}");
    let told = log(&lab);
    assert!(told.contains("CUDA is not in the path of login shells"), "{told}");
    assert!(up(&lab, "{cuda: '12.8'}").status.success());
    assert_eq!(log(&lab), told, "the second time nothing was done");
    assert!(lab.command(&["down", "train", "--yes"]).output().unwrap().status.success());
}

#[test]
fn incompatible_versions_are_rejected_at_their_line_before_any_connection() {
    let none = facts(&[]);
    let lab = lab("never", none.path());
    let refused = up(&lab, "{driver: 470, cuda: '12.2'}");
    assert_eq!(refused.status.code(), Some(2), "{}", stderr_of(&refused));
    assert!(stderr_of(&refused).contains("train.yaml:4:"), "{}", stderr_of(&refused));
    assert!(stderr_of(&refused).contains("CUDA 12.2 requires driver 525.60.13 or newer"), "{}", stderr_of(&refused));
}

/// Runs a script as root on the only host.
#[track_caller]
fn as_root(lab: &Lab, script: &str, args: &[&str]) -> String {
    let words = [&["sudo", "sh", "-c", script, "sh"], args].concat();
    let output = lab.exec(&[], &words);
    assert!(output.status.success(), "{script}: {}{}", stdout_of(&output), stderr_of(&output));
    stdout_of(&output)
}

/// Packages to install for each combination that a Debian release packages itself.
fn installs(version: &str) -> BTreeSet<Vec<&'static str>> {
    let of_debian = |row: &GpuCombination| {
        (row.row.id, row.row.version, row.row.from) == ("debian", version, GpuRepository::Distribution)
    };
    let recipe = |row: GpuCombination| {
        let version = |text: &str| Some(text.to_owned());
        let stack = match row.row.vendor {
            Vendor::Nvidia => GpuStack {
                driver: version(row.driver.version),
                cuda: version(row.toolkit.version),
                cudnn: row.cudnn.and_then(|cudnn| version(cudnn.version)),
                ..GpuStack::default()
            },
            Vendor::Amd => GpuStack { rocm: version(row.toolkit.version), ..GpuStack::default() },
        };
        let system = System { id: "debian", version: row.row.version, arch: row.row.arch };
        resolve(row.row.vendor, &stack, system, &GpuHardware::default(), &Installed::default()).unwrap().packages()
    };
    combinations().filter(of_debian).map(recipe).collect()
}

/// Simulates each installation with apt, and fails at the first that is impossible.
fn simulate(lab: &Lab, apt: &str, version: &str) {
    let all = installs(version);
    assert!(all.len() >= 5, "{all:?}");
    for packages in all {
        let script = format!("{apt} -q --simulate --no-install-recommends install -- \"$@\"");
        let text = as_root(lab, &script, &[&["linux-headers-amd64"], packages.as_slice()].concat());
        for package in packages {
            assert!(
                text.contains(&format!("Inst {package} ")) || text.contains(&format!("{package} is already")),
                "{package}: {text}"
            );
        }
    }
}

#[test]
fn apt_can_install_every_combination_on_debian_12() {
    let none = facts(&[]);
    let lab = lab("apt", none.path());
    let before = as_root(&lab, "cat /etc/apt/sources.list", &[]);
    assert!(!before.contains("non-free"), "{before}");
    let components = ["Debian", "contrib", "non-free", "non-free-firmware"];
    as_root(&lab, ADD_COMPONENTS, &components);
    let after = as_root(&lab, "cat /etc/apt/sources.list", &[]);
    assert!(after.contains("main contrib non-free non-free-firmware"), "{after}");
    as_root(&lab, ADD_COMPONENTS, &components);
    assert_eq!(as_root(&lab, "cat /etc/apt/sources.list", &[]), after, "a second time changes nothing");
    simulate(&lab, "apt-get", "12");
}

/// In the deb822 format of Debian's images since 12. The stanza of another repository must stay unchanged.
#[test]
fn components_are_added_to_stanzas_of_the_distribution_only() {
    let none = facts(&[]);
    let lab = lab("stanza", none.path());
    let convert = "set -e\ncd /etc/apt\n\
        awk '$1 == \"deb\" { at = 2; if ($2 ~ /^\\[/) { while ($at !~ /\\]$/) at++; at++ }; \
             print \"Types: deb\\nURIs: \" $at \"\\nSuites: \" $(at + 1) \"\\nComponents: main\\n\" }' \
            sources.list >sources.list.d/debian.sources\n\
        : >sources.list\nmkdir -p /srv/foreign\n: >/srv/foreign/Packages\n\
        printf 'Types: deb\\nURIs: file:/srv/foreign\\nSuites: ./\\nTrusted: yes\\n' >sources.list.d/foreign.sources\n\
        apt-get -q update";
    as_root(&lab, convert, &[]);
    as_root(&lab, ADD_COMPONENTS, &["Debian", "contrib", "non-free", "non-free-firmware"]);
    let stanzas = as_root(&lab, "cat /etc/apt/sources.list.d/debian.sources", &[]);
    let (all, with) =
        (stanzas.matches("Components: ").count(), stanzas.matches("main contrib non-free non-free-firmware").count());
    assert_eq!((all > 0, all), (true, with), "{stanzas}");
    assert!(!as_root(&lab, "cat /etc/apt/sources.list.d/foreign.sources", &[]).contains("non-free"));
    as_root(&lab, "apt-get -q --simulate install -- nvidia-smi", &[]);
}

#[test]
fn apt_can_install_every_combination_on_debian_13() {
    let none = facts(&[]);
    let lab = lab("next", none.path());
    // Packages of the next release.
    let prepare = "set -e\nmkdir -p /tmp/next/state/lists/partial /tmp/next/cache/archives/partial\n: >/tmp/next/status\n\
        sed 's/bookworm/trixie/g; s/ main$/ main contrib non-free non-free-firmware/' /etc/apt/sources.list >/tmp/next/list";
    as_root(&lab, prepare, &[]);
    let apt = "apt-get -o Dir::State=/tmp/next/state -o Dir::State::status=/tmp/next/status -o Dir::Cache=/tmp/next/cache \
               -o Dir::Etc::sourcelist=/tmp/next/list -o Dir::Etc::sourceparts=/dev/null";
    as_root(&lab, &format!("{apt} -q update"), &[]);
    simulate(&lab, apt, "13");
}

/// Creates a repository with one package and its own signing key; prints the fingerprint.
const FOREIGN: &str = "set -e
    export GNUPGHOME=$(mktemp -d)
    mkdir -p /srv/repository && cd /srv/repository
    gpg --batch --quiet --passphrase '' --quick-generate-key foreign default default never 2>/dev/null
    gpg --batch --armor --export >key.asc
    printf 'Package: tini\\nVersion: 0.0.1\\nArchitecture: amd64\\nMaintainer: nobody\\nFilename: ./tini.deb\\nSize: 1\\nSHA256: %064d\\nDescription: older\\n' 0 >Packages
    { echo 'Suite: ./'; echo \"Date: $(date -Ru)\"; echo SHA256:; echo \" $(sha256sum <Packages | cut -c-64) $(wc -c <Packages) Packages\"; } >Release
    gpg --batch --quiet --clearsign --output InRelease Release
    setsid python3 -m http.server --bind 127.0.0.1 8010 >/dev/null 2>&1 </dev/null &
    curl --silent --retry 50 --retry-connrefused --retry-delay 1 --output /dev/null http://127.0.0.1:8010/
    gpg --with-colons --list-keys | awk -F: '$1 == \"fpr\" { print \"fingerprint=\" $10; exit }'";

#[test]
fn a_repository_is_added_only_with_its_key_and_gets_priority_on_request() {
    let none = facts(&[]);
    let lab = lab("repo", none.path());
    let made = as_root(&lab, FOREIGN, &[]);
    let fingerprint = made.split("fingerprint=").nth(1).unwrap().get(..40).unwrap().to_owned();
    let (key, place) = ("http://127.0.0.1:8010/key.asc", "http://127.0.0.1:8010 ./");
    let other = "0".repeat(40);
    let words = ["sudo", "sh", "-c", ADD_REPOSITORY, "sh", "maker", key, &other, place, "preferred"];
    let refused = lab.exec(&[], &words);
    let told = stdout_of(&refused) + &stderr_of(&refused);
    assert!(!refused.status.success() && told.contains("nothing was added"), "{told}");
    assert!(as_root(&lab, "ls /etc/apt/sources.list.d", &[]).matches("hostler").count() == 0);
    let candidate = "apt-cache policy tini | grep Candidate";
    as_root(&lab, ADD_REPOSITORY, &["maker", key, &fingerprint, place, "ordinary"]);
    assert!(!as_root(&lab, candidate, &[]).contains("0.0.1"), "the newer one wins");
    as_root(&lab, ADD_REPOSITORY, &["maker", key, &fingerprint, place, "preferred"]);
    assert_eq!(
        as_root(&lab, "cat /etc/apt/preferences.d/hostler-maker", &[]).matches("Pin: origin 127.0.0.1").count(),
        1
    );
    let policy = as_root(&lab, "apt-cache policy tini", &[]);
    assert!(policy.contains("600 http://127.0.0.1:8010"), "it goes before the distribution's: {policy}");
    // The user already added it, with the key in another file: apt rejects two entries with different keys.
    as_root(&lab, "cd /etc/apt && mv sources.list.d/hostler-maker.list sources.list.d/theirs.list", &[]);
    let kept = as_root(&lab, ADD_REPOSITORY, &["maker", key, &fingerprint, place, "preferred"]);
    assert!(kept.contains("apt already has http://127.0.0.1:8010"), "{kept}");
}
