use std::collections::VecDeque;

use async_trait::async_trait;
use hostler_core::setup::gpu::{GpuFrom, GpuRequest, GpuStack, Maker};

use super::executor::{executor, machine, set_up};
use super::packages::{Scripted, answering};
use super::*;
use crate::host::{Command, HostError, HostKey, Hosts, ProgressSink, RunAs, Shell, Target};

/// A machine of a Debian 12 with two accelerators, and more facts.
macro_rules! debian {
    ($more:literal) => {
        concat!(
            "os debian 12\narch x86_64\nkernel 6.1.0-37-amd64\ndevice 0000:3b:00.0 0x030200 0x10de 0x1db5\n",
            "device 0000:d8:00.0 0x030200 0x10de 0x1db5\nuser debian debian\n",
            $more
        )
    };
}

const BARE: &str = debian!("modules\n");
const RIGHT: &str =
    debian!("modules\nnvidia 00000000:3B:00.0 535.261.03\nnvidia 00000000:D8:00.0 535.261.03\ncuda 11.8.89\n");
const HALF: &str = debian!("modules\nnvidia 00000000:3B:00.0 535.261.03\ncuda 11.8.89\n");
/// A container that a driver of the computer outside was given to.
const CONTAINED: &str = debian!("nvidia 00000000:3B:00.0 580.95.05\nnvidia 00000000:D8:00.0 580.95.05\n");

fn auto(stack: GpuStack) -> Phase {
    Phase::Gpu(GpuRequest::Auto(stack))
}

fn any() -> Phase {
    auto(GpuStack::default())
}

fn cuda(version: &str) -> GpuStack {
    GpuStack { cuda: Some(version.to_owned()), ..GpuStack::default() }
}

/// What the command with this script was given.
#[track_caller]
fn args_of<'a>(asked: &'a [Command], script: &str) -> &'a [String] {
    let is = |command: &&Command| command.args.iter().any(|arg| arg == script);
    let command = asked.iter().find(is).unwrap_or_else(|| panic!("it was not asked: {script}"));
    assert_eq!(command.user, RunAs::Root);
    // Behind what the lock is given, and the script.
    &command.args[3..]
}

const COMPONENTS: &str = include_str!("../scripts/add-components.sh");
const REPOSITORY: &str = include_str!("../scripts/add-repository.sh");
const INSTALL: &str = include_str!("../scripts/install-packages.sh");
const RESTARTED: &str = include_str!("../scripts/restarted-for.sh");
const PROFILE: &str = include_str!("../scripts/write-profile.sh");

#[tokio::test]
async fn a_machine_without_an_accelerator_needs_nothing() {
    let (outcome, asked) =
        answering(&[(0, "os debian 12\narch x86_64\ndevice 0000:3b:00.0 0x030000 0x102b 0x0538")], &any()).await;
    assert_eq!((outcome.unwrap(), asked.len()), (Performed::NotNeeded, 1));
}

#[tokio::test]
async fn a_machine_on_which_all_is_right_is_asked_once() {
    let (outcome, asked) = answering(&[(0, RIGHT)], &any()).await;
    assert_eq!((outcome.unwrap(), asked.len(), asked[0].shell), (Performed::Already, 1, Shell::LoginBash));
    // Whoever installed it: nothing of it is known to the matrix.
    let foreign = "os gentoo 2\ndevice 0000:3b:00.0 0x030200 0x10de 0x2330\nnvidia 00000000:3B:00.0 999.1\ncuda 99.1.2";
    assert_eq!(answering(&[(0, foreign)], &any()).await.0.unwrap(), Performed::Already);
}

#[tokio::test]
async fn what_cannot_be_had_there_is_refused_before_anything_is_installed() {
    let (outcome, asked) = answering(&[(0, BARE)], &auto(cuda("12.2"))).await;
    let error = outcome.unwrap_err();
    assert_eq!((error.to_string().contains("has not got CUDA 12.2"), asked.len()), (true, 1), "{error}");
    assert!(error.hint.unwrap().contains("`ubuntu 22.04`"));
}

#[tokio::test]
async fn a_kernel_that_can_have_no_driver_is_told_apart() {
    let (outcome, asked) = answering(&[(0, debian!(""))], &any()).await;
    let error = outcome.unwrap_err();
    assert_eq!((error.to_string().contains("modules of the kernel 6.1.0-37-amd64"), asked.len()), (true, 1), "{error}");
    assert!(error.hint.unwrap().contains("container"));
}

#[tokio::test]
async fn a_container_with_a_driver_still_gets_its_toolkit() {
    let answers = [
        (0, CONTAINED),
        (0, "Debian's components"),
        (0, "apt\nnvidia-cuda-toolkit"),
        (0, "installed"),
        (0, "apt"),
        (0, ""),
        (0, debian!("nvidia 00000000:3B:00.0 580.95.05\nnvidia 00000000:D8:00.0 580.95.05\ncuda 11.8.89\n")),
    ];
    let (outcome, asked) = answering(&answers, &any()).await;
    assert_eq!(outcome.unwrap(), Performed::Now);
    assert_eq!(args_of(&asked, INSTALL), ["apt", "nvidia-cuda-toolkit"]);
}

/// All that comes before the driver is loaded, on a machine that has its headers.
const INSTALLS: [(u32, &str); 10] = [
    (0, BARE),
    (0, "linux-headers-6.1.0-37-amd64"),
    (0, "Debian's components"),
    (0, "apt\nlinux-headers-6.1.0-37-amd64"),
    (0, "installed"),
    (0, "apt"),
    (0, "apt\nnvidia-kernel-dkms\nnvidia-smi\nlibcuda1\nnvidia-cuda-toolkit"),
    (0, "installed"),
    (0, "apt"),
    (0, ""),
];

#[tokio::test]
async fn the_distributions_driver_and_toolkit_are_installed_with_the_kernels_headers() {
    let answers = [INSTALLS.as_slice(), &[(0, "ready"), (0, RIGHT)]].concat();
    let (outcome, asked) = answering(&answers, &any()).await;
    assert_eq!(outcome.unwrap(), Performed::Now);
    assert_eq!(args_of(&asked, COMPONENTS), ["Debian", "contrib", "non-free", "non-free-firmware"]);
    assert_eq!(args_of(&asked, INSTALL), ["apt", "linux-headers-6.1.0-37-amd64"], "before the module that needs them");
    let [name, text] = args_of(&asked, PROFILE) else { panic!() };
    assert_eq!(name, "gpu");
    assert!(text.ends_with("export CUDA_HOME=/usr/lib/cuda"), "{text}");
}

#[tokio::test]
async fn one_of_two_accelerators_that_is_not_driven_is_not_enough() {
    let answers = [INSTALLS.as_slice(), &[(0, "ready"), (0, HALF)]].concat();
    let (outcome, _) = answering(&answers, &any()).await;
    let error = outcome.unwrap_err();
    assert!(
        error.to_string().contains("1 of 2 accelerators are driven, not 0000:d8:00.0 (10de:1db5)"),
        "which one isn't: {error}"
    );
}

#[tokio::test]
async fn a_driver_that_cannot_run_the_toolkit_gives_way_with_all_that_it_takes() {
    const OLD: &str = debian!("modules\nnvidia 00000000:3B:00.0 470.256.02\nnvidia 00000000:D8:00.0 470.256.02\n");
    let answers = [
        (0, OLD),
        (0, "linux-headers-6.1.0-37-amd64"),
        (0, "apt\n"),
        (0, ""),
        (0, "apt\nlinux-headers-6.1.0-37-amd64"),
        (0, "installed"),
        (0, "apt"),
        (0, "apt\ncuda-drivers-580\ncuda-toolkit-12-4"),
        (0, "installed"),
        (0, "apt"),
        (0, ""),
        (0, "restart another version of `nvidia` is loaded"),
        (1, ""),
        (0, "a-boot-id"),
        (0, ""),
    ];
    let (outcome, asked) = answering(&answers, &auto(cuda("12.4"))).await;
    assert!(matches!(*outcome.unwrap_err().cause, Cause::Restarting(_)));
    assert_eq!(args_of(&asked, INSTALL), ["apt", "linux-headers-6.1.0-37-amd64"]);
}

/// A machine with a switch, and more facts.
macro_rules! switched {
    ($more:literal) => {
        concat!(
            "os ubuntu 24.04\narch x86_64\nkernel 6.8.0-50-generic\nmodules\nuser ubuntu ubuntu\n",
            "device 0000:3b:00.0 0x030200 0x10de 0x2330\ndevice 0000:c1:00.0 0x068000 0x10de 0x22a3\n",
            $more
        )
    };
}

const FABRIC: &str = include_str!("../scripts/start-fabric.sh");
const WHOLE: &str = switched!("nvidia 00000000:3B:00.0 580.95.05\ncuda 12.0.140\nfabric running\n");

#[tokio::test]
async fn where_switches_link_the_accelerators_the_fabric_manager_comes_with_the_driver_and_is_started() {
    let answers = [
        (0, switched!("nvidia 00000000:3B:00.0 580.95.05\ncuda 12.0.140\n")),
        (0, "linux-headers-6.8.0-50-generic"),
        (0, "Ubuntu's components"),
        (0, "apt\n"),
        (0, "apt"),
        (0, "installed"),
        (0, "apt"),
        (0, "ready"),
        (0, ""),
        (0, WHOLE),
    ];
    let (outcome, asked) = answering(&answers, &any()).await;
    assert_eq!(outcome.unwrap(), Performed::Now);
    assert_eq!(
        args_of(&asked, INSTALL),
        ["apt", "nvidia-headless-580-server", "nvidia-utils-580-server", "nvidia-fabricmanager-580"],
        "a driver that is there is brought to the same version"
    );
    assert!(args_of(&asked, FABRIC).is_empty());
    assert_eq!(answering(&[(0, WHOLE)], &any()).await.0.unwrap(), Performed::Already);
}

#[tokio::test]
async fn a_fabric_manager_that_does_not_run_is_started_whatever_the_system() {
    const IDLE: &str = "os gentoo 2\nmodules\ndevice 0000:3b:00.0 0x030200 0x10de 0x2330\n\
                        device 0000:c1:00.0 0x068000 0x10de 0x22a3\n\
                        nvidia 00000000:3B:00.0 580.95.05\ncuda 13.0.88\nfabric idle";
    let (outcome, asked) = answering(&[(0, IDLE), (0, ""), (0, WHOLE)], &any()).await;
    assert_eq!((outcome.unwrap(), asked.len()), (Performed::Now, 3));
    assert!(args_of(&asked, FABRIC).is_empty());
    let (outcome, _) = answering(&[(0, IDLE), (0, ""), (0, IDLE)], &any()).await;
    let error = outcome.unwrap_err();
    assert!(error.to_string().contains("the fabric manager, which sets up the NVSwitches, doesn't run"), "{error}");
}

#[tokio::test]
async fn the_machine_restarts_once_where_another_driver_has_the_accelerators() {
    let nouveau = (0, "restart `nouveau` has the accelerators");
    let answers = [INSTALLS.as_slice(), &[nouveau, (1, ""), (0, "a-boot-id"), (0, "")]].concat();
    let (outcome, asked) = answering(&answers, &any()).await;
    assert!(matches!(&*outcome.unwrap_err().cause, Cause::Restarting(boot) if boot == "a-boot-id"));
    assert!(args_of(&asked, include_str!("../scripts/restart.sh")).is_empty());
    let noted = asked.iter().find(|command| command.args.iter().any(|arg| arg == RESTARTED)).unwrap();
    assert!(noted.args[4].ends_with(": `nouveau` has the accelerators"), "another reason is another restart");
    let again = [INSTALLS.as_slice(), &[nouveau, (0, "")]].concat();
    let error = answering(&again, &any()).await.0.unwrap_err();
    assert!(
        matches!(*error.cause, Cause::Unsatisfiable(_)) && error.to_string().contains("after a restart either"),
        "{error}"
    );
}

#[test]
fn a_reason_to_restart_says_versions_in_full() {
    let dir = tempfile::tempdir().unwrap();
    program(&dir.path().join("modinfo"), "echo 535.261.03");
    std::fs::create_dir_all(dir.path().join("module/nvidia")).unwrap();
    std::fs::write(dir.path().join("module/nvidia/version"), "535.247.01\n").unwrap();
    let module = format!("{}/module", dir.path().display());
    let mut load = here(&include_str!("../scripts/load-driver.sh").replace("/sys/module", &module), &["nvidia"]);
    load.env("PATH", format!("{}:{}", dir.path().display(), std::env::var("PATH").unwrap()));
    assert_eq!(said(&mut load).1, "restart `nvidia` 535.261.03 is installed, and 535.247.01 is loaded\n");
}

/// Hosts whose sessions, one after the other, answer from lists.
struct Lists(HostKey, Mutex<VecDeque<Arc<Scripted>>>);

#[async_trait]
impl Hosts for Lists {
    async fn wait_for_ssh(&self, _: &Target, _: Duration, _: ProgressSink<'_>) -> Result<HostKey, HostError> {
        Ok(self.0.clone())
    }

    async fn session(&self, _: &Target) -> Result<Arc<dyn Session>, HostError> {
        Ok(self.1.lock().unwrap().pop_front().expect("no more sessions"))
    }

    async fn close(&self, _: &Target) {}
}

#[tokio::test]
async fn the_crew_waits_for_the_restart_and_finds_the_driver_at_work() {
    let server = Sshd::start();
    let restart = [(0, "restart `nouveau` has the accelerators"), (1, ""), (0, "first"), (0, "")];
    let sessions = [&[INSTALLS.as_slice(), &restart].concat(), [(0, "second")].as_slice(), &[(0, RIGHT), (0, "")]];
    let sessions: Vec<Arc<Scripted>> = sessions.into_iter().map(|answers| Arc::new(Scripted::new(answers))).collect();
    let hosts = Lists(server.host_key.clone(), Mutex::new(sessions.iter().cloned().collect()));
    let executor = SshExecutor { hosts: Arc::new(hosts), ..executor(&server) };
    let done = set_up(&executor, &machine(&server, None), &any(), &Seen::default()).await;
    assert_eq!(done, Ok(Performed::Now), "what it restarted for was done now");
    let [before, after] = [sessions[0].asked(), sessions[2].asked()];
    let noted = before.iter().find(|command| command.args.iter().any(|arg| arg == RESTARTED)).unwrap();
    assert_eq!(after[1].args[0], noted.args[3], "and another one may come");
}

#[tokio::test]
async fn a_driver_that_the_kernel_refuses_is_told_with_its_reason() {
    let refused = (0, "refused modprobe: ERROR: could not insert 'nvidia': Key was rejected by service");
    let (outcome, _) = answering(&[INSTALLS.as_slice(), &[refused]].concat(), &any()).await;
    let error = outcome.unwrap_err();
    assert!(error.to_string().contains("Key was rejected"), "{error}");
    assert!(error.hint.unwrap().contains("Secure Boot"));
}

#[tokio::test]
async fn an_old_kernel_gets_a_new_one_of_its_flavour() {
    let answers = [
        (0, BARE),
        (0, ""),
        (0, "linux-headers-amd64"),
        (0, "Debian's components"),
        (0, "apt\nlinux-image-amd64\nlinux-headers-amd64"),
        (0, "installed"),
        (0, "apt"),
        (0, "apt\nnvidia-kernel-dkms"),
        (0, "installed"),
        (0, "apt"),
        (0, ""),
        (0, "restart `nvidia` was built for the kernel 6.1.0-38-amd64, and 6.1.0-37-amd64 runs"),
        (1, ""),
        (0, "a-boot-id"),
        (0, ""),
    ];
    let (outcome, asked) = answering(&answers, &any()).await;
    assert!(matches!(*outcome.unwrap_err().cause, Cause::Restarting(_)));
    assert_eq!(args_of(&asked, INSTALL), ["apt", "linux-image-amd64", "linux-headers-amd64"]);
}

#[tokio::test]
async fn the_makers_repository_is_added_by_its_key_and_its_toolkit_goes_first() {
    let stack = GpuStack { from: Some(GpuFrom::Maker), ..cuda("12.4") };
    let answers = [
        (0, debian!("modules\nnvidia 00000000:3B:00.0 580.95.05\nnvidia 00000000:D8:00.0 580.95.05\n")),
        (0, "apt\n"),
        (0, ""),
        (0, "apt\ncuda-toolkit-12-4"),
        (0, "installed"),
        (0, "apt"),
        (0, ""),
        (0, debian!("modules\nnvidia 00000000:3B:00.0 580.95.05\nnvidia 00000000:D8:00.0 580.95.05\ncuda 12.4.131\n")),
    ];
    let (outcome, asked) = answering(&answers, &Phase::Gpu(GpuRequest::Forced(Maker::Nvidia, stack))).await;
    assert_eq!(outcome.unwrap(), Performed::Now);
    let [name, key, fingerprint, place, rank] = args_of(&asked, REPOSITORY) else { panic!() };
    assert_eq!((name.as_str(), rank.as_str()), ("cuda", "preferred"));
    assert!(key.ends_with("/debian12/x86_64/3bf863cc.pub") && place.ends_with("/debian12/x86_64 /"), "{key} {place}");
    assert_eq!(fingerprint, "EB693B3035CD5710E231E123A4B469963BF863CC");
    let text = &args_of(&asked, PROFILE)[1];
    assert!(text.contains("/usr/local/cuda-12.4/bin") && text.contains("/usr/local/cuda-12.4/lib64"), "{text}");
}

#[tokio::test]
async fn a_toolkit_that_is_there_is_only_made_known() {
    const THERE: &str = "os gentoo 2\ndevice 0000:3b:00.0 0x030200 0x10de 0x1db5\nnvidia 00000000:3B:00.0 580.95.05\n\
                         cuda_at 12.8.61 /usr/local/cuda-12.8\ncuda_at 13.0.88 /usr/local/cuda-13.0\n";
    let answers = [
        (0, THERE),
        (0, ""),
        (0, "os gentoo 2\ndevice 0000:3b:00.0 0x030200 0x10de 0x1db5\nnvidia 00000000:3B:00.0 580.95.05\ncuda 12.8.61"),
    ];
    let (outcome, asked) = answering(&answers, &auto(cuda("12.8"))).await;
    assert_eq!(outcome.unwrap(), Performed::Now);
    let text = &args_of(&asked, PROFILE)[1];
    assert!(text.contains("/usr/local/cuda-12.8/bin") && text.contains("LD_LIBRARY_PATH"), "{text}");
}

/// On a real host, whose kernel shows its devices in a prepared place. Nothing that would be installed gets that far.
async fn by_devices(devices: &[&str], wish: GpuRequest) -> Result<Performed, SetupError> {
    let bench = Bench::new().await;
    let root = bench.server.dir.path().join("sys");
    for (number, ids) in devices.iter().enumerate() {
        let device = root.join(format!("bus/pci/devices/0000:3b:00.{number}"));
        std::fs::create_dir_all(&device).unwrap();
        for (file, id) in ["class", "vendor", "device"].iter().zip(ids.split(' ')) {
            std::fs::write(device.join(file), format!("{id}\n")).unwrap();
        }
    }
    let (phase, root) = (Phase::Gpu(wish.clone()), root.display().to_string());
    bench
        .in_context(async |context| {
            let job = PhaseRun::new(&*bench.session, &phase, context, &bench.seen)?;
            crate::setup::gpu::install_by(&job, &wish, &root).await
        })
        .await
}

#[tokio::test]
async fn accelerators_are_found_on_the_bus_of_a_real_host() {
    let wish =
        GpuRequest::Auto(GpuStack { driver: Some("470".to_owned()), from: Some(GpuFrom::Maker), ..cuda("11.8") });
    let nothing = by_devices(&["0x020000 0x8086 0x1572", "0x030000 0x102b 0x0538"], wish.clone()).await;
    assert_eq!(nothing.unwrap(), Performed::NotNeeded);
    let error = by_devices(&["0x020000 0x8086 0x1572", "0x030200 0x10de 0x1db5"], wish).await.unwrap_err();
    assert!(matches!(*error.cause, Cause::Unsatisfiable(_)), "no maker's repository has that: {error}");
    let wish = GpuRequest::Auto(GpuStack { rocm: Some("5.2".to_owned()), ..GpuStack::default() });
    let error = by_devices(&["0x120000 0x1002 0x74a1"], wish).await.unwrap_err();
    assert!(error.to_string().contains("ROCm 5.2 is not for accelerators of CDNA 3"), "{error}");
}
