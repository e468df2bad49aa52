use std::collections::VecDeque;

use async_trait::async_trait;
use hostler_core::setup::RunAs;
use hostler_core::setup::gpu::{GpuRepository, GpuRequest, GpuStack, Vendor};

use super::executor::{executor, machine, set_up};
use super::packages::{Scripted, answering};
use super::*;
use crate::host::{Command, HostError, HostKey, Hosts, ProgressSink, Shell, Target};

/// Output for a Debian 12 machine with two GPUs, and further facts.
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
/// A container that uses the driver of its host.
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

/// Arguments of the command with this script.
#[track_caller]
fn args_of<'a>(commands: &'a [Command], script: &str) -> &'a [String] {
    let is = |command: &&Command| command.args.iter().any(|arg| arg == script);
    let command = commands.iter().find(is).unwrap_or_else(|| panic!("not run: {script}"));
    assert_eq!(command.user, RunAs::Root);
    // The lock's arguments and the script come first.
    &command.args[3..]
}

const COMPONENTS: &str = include_str!("../scripts/add-components.sh");
const REPOSITORY: &str = include_str!("../scripts/add-repository.sh");
const INSTALL: &str = include_str!("../scripts/install-packages.sh");
const RESTARTED: &str = include_str!("../scripts/restarted-for.sh");
const PROFILE: &str = include_str!("../scripts/write-profile.sh");

#[tokio::test]
async fn machine_without_gpus_needs_nothing() {
    let (outcome, commands) =
        answering(&[(0, "os debian 12\narch x86_64\ndevice 0000:3b:00.0 0x030000 0x102b 0x0538")], &any()).await;
    assert_eq!((outcome.unwrap(), commands.len()), (Performed::NotNeeded, 1));
}

#[tokio::test]
async fn complete_machine_is_queried_once() {
    let (outcome, commands) = answering(&[(0, RIGHT)], &any()).await;
    assert_eq!((outcome.unwrap(), commands.len(), commands[0].shell), (Performed::Already, 1, Shell::LoginBash));
    // A stack that the matrix does not know counts, too.
    let foreign = "os gentoo 2\ndevice 0000:3b:00.0 0x030200 0x10de 0x2330\nnvidia 00000000:3B:00.0 999.1\ncuda 99.1.2";
    assert_eq!(answering(&[(0, foreign)], &any()).await.0.unwrap(), Performed::Already);
}

#[tokio::test]
async fn unavailable_version_fails_before_anything_is_installed() {
    let (outcome, commands) = answering(&[(0, BARE)], &auto(cuda("12.2"))).await;
    let error = outcome.unwrap_err();
    assert_eq!((error.to_string().contains("does not offer CUDA 12.2"), commands.len()), (true, 1), "{error}");
    assert!(error.hint.unwrap().contains("`ubuntu 22.04`"));
}

#[tokio::test]
async fn kernel_without_modules_is_reported() {
    let (outcome, commands) = answering(&[(0, debian!(""))], &any()).await;
    let error = outcome.unwrap_err();
    assert_eq!(
        (error.to_string().contains("modules of the kernel 6.1.0-37-amd64"), commands.len()),
        (true, 1),
        "{error}"
    );
    assert!(error.hint.unwrap().contains("container"));
}

#[tokio::test]
async fn container_with_driver_gets_its_toolkit() {
    let answers = [
        (0, CONTAINED),
        (0, "Debian's components"),
        (0, "apt\nnvidia-cuda-toolkit"),
        (0, "installed"),
        (0, "apt"),
        (0, ""),
        (0, debian!("nvidia 00000000:3B:00.0 580.95.05\nnvidia 00000000:D8:00.0 580.95.05\ncuda 11.8.89\n")),
    ];
    let (outcome, commands) = answering(&answers, &any()).await;
    assert_eq!(outcome.unwrap(), Performed::Now);
    assert_eq!(args_of(&commands, INSTALL), ["apt", "nvidia-cuda-toolkit"]);
}

/// Answers up to loading the driver, on a machine whose kernel headers are available.
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
async fn distribution_driver_and_toolkit_are_installed_with_kernel_headers() {
    let answers = [INSTALLS.as_slice(), &[(0, "ready"), (0, RIGHT)]].concat();
    let (outcome, commands) = answering(&answers, &any()).await;
    assert_eq!(outcome.unwrap(), Performed::Now);
    assert_eq!(args_of(&commands, COMPONENTS), ["Debian", "contrib", "non-free", "non-free-firmware"]);
    assert_eq!(
        args_of(&commands, INSTALL),
        ["apt", "linux-headers-6.1.0-37-amd64"],
        "before the module that needs them"
    );
    let [name, text] = args_of(&commands, PROFILE) else { panic!() };
    assert_eq!(name, "gpu");
    assert!(text.ends_with("export CUDA_HOME=/usr/lib/cuda"), "{text}");
}

#[tokio::test]
async fn driver_must_work_on_all_gpus() {
    let answers = [INSTALLS.as_slice(), &[(0, "ready"), (0, HALF)]].concat();
    let (outcome, _) = answering(&answers, &any()).await;
    let error = outcome.unwrap_err();
    assert!(
        error.to_string().contains("the driver works on 1 of 2 GPUs, not 0000:d8:00.0 (10de:1db5)"),
        "which one isn't: {error}"
    );
}

#[tokio::test]
async fn driver_too_old_for_the_toolkit_is_replaced() {
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
    let (outcome, commands) = answering(&answers, &auto(cuda("12.4"))).await;
    assert!(matches!(*outcome.unwrap_err().cause, Cause::Restarting(_)));
    assert_eq!(args_of(&commands, INSTALL), ["apt", "linux-headers-6.1.0-37-amd64"]);
}

/// Output for a machine with an NVSwitch, and further facts.
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
async fn fabric_manager_is_installed_for_nvswitches() {
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
    let (outcome, commands) = answering(&answers, &any()).await;
    assert_eq!(outcome.unwrap(), Performed::Now);
    assert_eq!(
        args_of(&commands, INSTALL),
        ["apt", "nvidia-headless-580-server", "nvidia-utils-580-server", "nvidia-fabricmanager-580"],
        "a driver that is there is brought to the same version"
    );
    assert!(args_of(&commands, FABRIC).is_empty());
    assert_eq!(answering(&[(0, WHOLE)], &any()).await.0.unwrap(), Performed::Already);
}

#[tokio::test]
async fn stopped_fabric_manager_is_started() {
    const IDLE: &str = "os gentoo 2\nmodules\ndevice 0000:3b:00.0 0x030200 0x10de 0x2330\n\
                        device 0000:c1:00.0 0x068000 0x10de 0x22a3\n\
                        nvidia 00000000:3B:00.0 580.95.05\ncuda 13.0.88\nfabric idle";
    let (outcome, commands) = answering(&[(0, IDLE), (0, ""), (0, WHOLE)], &any()).await;
    assert_eq!((outcome.unwrap(), commands.len()), (Performed::Now, 3));
    assert!(args_of(&commands, FABRIC).is_empty());
    let (outcome, _) = answering(&[(0, IDLE), (0, ""), (0, IDLE)], &any()).await;
    let error = outcome.unwrap_err();
    assert!(error.to_string().contains("the fabric manager, which configures the NVSwitches, does not run"), "{error}");
}

#[tokio::test]
async fn machine_restarts_once_if_another_driver_holds_the_gpus() {
    let nouveau = (0, "restart `nouveau` holds the GPUs");
    let answers = [INSTALLS.as_slice(), &[nouveau, (1, ""), (0, "a-boot-id"), (0, "")]].concat();
    let (outcome, commands) = answering(&answers, &any()).await;
    assert!(matches!(&*outcome.unwrap_err().cause, Cause::Restarting(boot) if boot == "a-boot-id"));
    assert!(args_of(&commands, include_str!("../scripts/restart.sh")).is_empty());
    let noted = commands.iter().find(|command| command.args.iter().any(|arg| arg == RESTARTED)).unwrap();
    assert!(noted.args[4].ends_with(": `nouveau` holds the GPUs"), "another reason allows another restart");
    let again = [INSTALLS.as_slice(), &[nouveau, (0, "")]].concat();
    let error = answering(&again, &any()).await.0.unwrap_err();
    assert!(
        matches!(*error.cause, Cause::Unsatisfiable(_)) && error.to_string().contains("after a restart either"),
        "{error}"
    );
}

#[test]
fn restart_reason_includes_full_versions() {
    let dir = tempfile::tempdir().unwrap();
    program(&dir.path().join("modinfo"), "echo 535.261.03");
    std::fs::create_dir_all(dir.path().join("module/nvidia")).unwrap();
    std::fs::write(dir.path().join("module/nvidia/version"), "535.247.01\n").unwrap();
    let module = format!("{}/module", dir.path().display());
    let mut load = here(&include_str!("../scripts/load-driver.sh").replace("/sys/module", &module), &["nvidia"]);
    load.env("PATH", format!("{}:{}", dir.path().display(), std::env::var("PATH").unwrap()));
    assert_eq!(said(&mut load).1, "restart `nvidia` 535.261.03 is installed, but 535.247.01 is loaded\n");
}

/// Hosts with a list of scripted sessions.
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
async fn executor_waits_for_the_restart_and_finds_the_driver_working() {
    let server = Sshd::start();
    let restart = [(0, "restart `nouveau` holds the GPUs"), (1, ""), (0, "first"), (0, "")];
    let sessions = [&[INSTALLS.as_slice(), &restart].concat(), [(0, "second")].as_slice(), &[(0, RIGHT), (0, "")]];
    let sessions: Vec<Arc<Scripted>> = sessions.into_iter().map(|answers| Arc::new(Scripted::new(answers))).collect();
    let hosts = Lists(server.host_key.clone(), Mutex::new(sessions.iter().cloned().collect()));
    let executor = SshExecutor { hosts: Arc::new(hosts), ..executor(&server) };
    let done = set_up(&executor, &machine(&server, None), &any(), &Seen::default()).await;
    assert_eq!(done, Ok(Performed::Now), "the restart counts as work");
    let [before, after] = [sessions[0].commands(), sessions[2].commands()];
    let noted = before.iter().find(|command| command.args.iter().any(|arg| arg == RESTARTED)).unwrap();
    assert_eq!(after[1].args[0], noted.args[3], "a later restart is allowed");
}

#[tokio::test]
async fn rejected_driver_is_reported_with_the_reason() {
    let refused = (0, "refused modprobe: ERROR: could not insert 'nvidia': Key was rejected by service");
    let (outcome, _) = answering(&[INSTALLS.as_slice(), &[refused]].concat(), &any()).await;
    let error = outcome.unwrap_err();
    assert!(error.to_string().contains("Key was rejected"), "{error}");
    assert!(error.hint.unwrap().contains("Secure Boot"));
}

#[tokio::test]
async fn old_kernel_is_replaced_by_the_newest_of_its_flavour() {
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
    let (outcome, commands) = answering(&answers, &any()).await;
    assert!(matches!(*outcome.unwrap_err().cause, Cause::Restarting(_)));
    assert_eq!(args_of(&commands, INSTALL), ["apt", "linux-image-amd64", "linux-headers-amd64"]);
}

#[tokio::test]
async fn vendor_repository_is_added_with_its_key_and_takes_precedence() {
    let stack = GpuStack { from: Some(GpuRepository::Vendor), ..cuda("12.4") };
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
    let (outcome, commands) = answering(&answers, &Phase::Gpu(GpuRequest::Forced(Vendor::Nvidia, stack))).await;
    assert_eq!(outcome.unwrap(), Performed::Now);
    let [name, key, fingerprint, place, rank] = args_of(&commands, REPOSITORY) else { panic!() };
    assert_eq!((name.as_str(), rank.as_str()), ("cuda", "preferred"));
    assert!(key.ends_with("/debian12/x86_64/3bf863cc.pub") && place.ends_with("/debian12/x86_64 /"), "{key} {place}");
    assert_eq!(fingerprint, "EB693B3035CD5710E231E123A4B469963BF863CC");
    let text = &args_of(&commands, PROFILE)[1];
    assert!(text.contains("/usr/local/cuda-12.4/bin") && text.contains("/usr/local/cuda-12.4/lib64"), "{text}");
}

#[tokio::test]
async fn installed_toolkit_is_only_added_to_the_path() {
    const THERE: &str = "os gentoo 2\ndevice 0000:3b:00.0 0x030200 0x10de 0x1db5\nnvidia 00000000:3B:00.0 580.95.05\n\
                         cuda_at 12.8.61 /usr/local/cuda-12.8\ncuda_at 13.0.88 /usr/local/cuda-13.0\n";
    let answers = [
        (0, THERE),
        (0, ""),
        (0, "os gentoo 2\ndevice 0000:3b:00.0 0x030200 0x10de 0x1db5\nnvidia 00000000:3B:00.0 580.95.05\ncuda 12.8.61"),
    ];
    let (outcome, commands) = answering(&answers, &auto(cuda("12.8"))).await;
    assert_eq!(outcome.unwrap(), Performed::Now);
    let text = &args_of(&commands, PROFILE)[1];
    assert!(text.contains("/usr/local/cuda-12.8/bin") && text.contains("LD_LIBRARY_PATH"), "{text}");
}

/// Runs the phase on a real host with a prepared sysfs. Every case fails or ends before an installation.
async fn with_devices(devices: &[&str], request: GpuRequest) -> Result<Performed, SetupError> {
    let bench = Bench::new().await;
    let root = bench.server.dir.path().join("sys");
    for (number, ids) in devices.iter().enumerate() {
        let device = root.join(format!("bus/pci/devices/0000:3b:00.{number}"));
        std::fs::create_dir_all(&device).unwrap();
        for (file, id) in ["class", "vendor", "device"].iter().zip(ids.split(' ')) {
            std::fs::write(device.join(file), format!("{id}\n")).unwrap();
        }
    }
    let (phase, root) = (Phase::Gpu(request.clone()), root.display().to_string());
    bench
        .in_context(async |context| {
            let job = PhaseRun::new(&*bench.session, &phase, context, &bench.seen).await?;
            crate::setup::gpu::install_with_sysfs(&job, &request, &root).await
        })
        .await
}

#[tokio::test]
async fn gpus_are_found_on_the_pci_bus_of_a_real_host() {
    let request = GpuRequest::Auto(GpuStack {
        driver: Some("470".to_owned()),
        from: Some(GpuRepository::Vendor),
        ..cuda("11.8")
    });
    let nothing = with_devices(&["0x020000 0x8086 0x1572", "0x030000 0x102b 0x0538"], request.clone()).await;
    assert_eq!(nothing.unwrap(), Performed::NotNeeded);
    let error = with_devices(&["0x020000 0x8086 0x1572", "0x030200 0x10de 0x1db5"], request).await.unwrap_err();
    assert!(matches!(*error.cause, Cause::Unsatisfiable(_)), "no vendor repository has that: {error}");
    let request = GpuRequest::Auto(GpuStack { rocm: Some("5.2".to_owned()), ..GpuStack::default() });
    let error = with_devices(&["0x120000 0x1002 0x74a1"], request).await.unwrap_err();
    assert!(error.to_string().contains("ROCm 5.2 does not support CDNA 3 GPUs"), "{error}");
}
