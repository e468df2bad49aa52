//! Laws of the matrix, and messages for unavailable versions.

use proptest::prelude::*;

use super::architecture::{ARCHITECTURES, KernelModuleKind};
use super::matrix::{CUDA, MATRIX, ROCM};
use super::version::known_version;
use super::*;

const DEBIAN_13: System<'_> = System { id: "debian", version: "13", arch: "x86_64" };
const UBUNTU_24: System<'_> = System { id: "ubuntu", version: "24.04", arch: "x86_64" };
const DEBIAN_12: System<'_> = System { id: "debian", version: "12", arch: "x86_64" };
const UBUNTU_22: System<'_> = System { id: "ubuntu", version: "22.04", arch: "x86_64" };

/// Parses a request such as `driver=535 cuda=12.2 from=vendor`.
fn stack(text: &str) -> GpuStack {
    let mut stack = GpuStack::default();
    for word in text.split_whitespace() {
        let (key, value) = word.split_once('=').unwrap();
        let value = Some(value.to_owned());
        match key {
            "driver" => stack.driver = value,
            "cuda" => stack.cuda = value,
            "cudnn" => stack.cudnn = value,
            "rocm" => stack.rocm = value,
            "from" => {
                stack.from =
                    Some(if word == "from=vendor" { GpuRepository::Vendor } else { GpuRepository::Distribution });
            }
            _ => panic!("{word}"),
        }
    }
    stack
}

fn on(system: System<'_>, vendor: Vendor, text: &str, have: &Installed) -> String {
    with(&GpuHardware::default(), system, vendor, text, have)
}

fn with(hardware: &GpuHardware, system: System<'_>, vendor: Vendor, text: &str, have: &Installed) -> String {
    match resolve(vendor, &stack(text), system, hardware, have) {
        Ok(recipe) => shown(&recipe),
        Err(impossible) => format!("{}: {impossible}\n  {}", impossible.key, impossible.hint),
    }
}

fn shown(recipe: &Recipe) -> String {
    let cudnn = recipe.cudnn.as_ref().map(|cudnn| format!(", cuDNN {}", cudnn.version())).unwrap_or_default();
    let (driver, toolkit) = (recipe.driver.version(), recipe.toolkit.version());
    format!("{:?}: driver {driver}, {} {toolkit}{cudnn}", recipe.from, recipe.vendor.toolkit())
}

/// GPUs with these PCI ids.
fn devices(ids: &[&str]) -> Vec<PciDevice> {
    let device = |(number, id): (usize, &&str)| {
        let (vendor, device) = id.split_once(':').unwrap();
        PciDevice::read(&format!("0000:{number:02x}:00.0 0x030200 {vendor} {device}")).unwrap()
    };
    ids.iter().enumerate().map(device).collect()
}

fn hardware(ids: &[&str], links: GpuLinks) -> GpuHardware {
    GpuHardware::new(Vendor::Nvidia, &devices(ids), links)
}

fn nvidia(system: System<'_>, text: &str) -> String {
    on(system, Vendor::Nvidia, text, &Installed::default())
}

#[test]
fn unrequested_versions_are_the_newest_compatible_ones() {
    assert_eq!(nvidia(DEBIAN_12, ""), "Distribution: driver 535, CUDA 11.8");
    assert_eq!(nvidia(DEBIAN_12, "cudnn=8"), "Distribution: driver 535, CUDA 11.8, cuDNN 8.5.0");
    assert_eq!(nvidia(DEBIAN_12, "cuda=12.4"), "Vendor: driver 580, CUDA 12.4");
    assert_eq!(nvidia(DEBIAN_12, "from=vendor"), "Vendor: driver 580, CUDA 13.0");
    assert_eq!(nvidia(UBUNTU_22, "driver=535 from=vendor"), "Vendor: driver 535, CUDA 12.2");
    assert_eq!(nvidia(UBUNTU_22, "driver=535 cuda=12.2 cudnn=8.9"), "Vendor: driver 535, CUDA 12.2, cuDNN 8.9.7");
    assert_eq!(nvidia(UBUNTU_22, "cudnn=9"), "Vendor: driver 580, CUDA 13.0, cuDNN 9.19.0");
    assert_eq!(on(UBUNTU_22, Vendor::Amd, "", &Installed::default()), "Vendor: driver of the same release, ROCm 7.2");
    assert_eq!(on(DEBIAN_12, Vendor::Amd, "", &Installed::default()), "Distribution: driver of the kernel, ROCm 5.2");
}

#[test]
fn older_driver_is_used_on_request_if_it_runs_the_toolkit() {
    assert_eq!(nvidia(DEBIAN_12, "driver=470"), "Distribution: driver 470, CUDA 11.8");
    assert_eq!(nvidia(UBUNTU_22, "driver=535 cuda=12.8"), "Vendor: driver 535, CUDA 12.8");
}

#[test]
fn installed_software_is_kept() {
    let have = |driver: &str, toolkit: Option<&str>| Installed {
        driver: DottedVersion::read(driver),
        toolkit: toolkit.map(known_version),
    };
    let ubuntu = |text: &str, have| on(UBUNTU_22, Vendor::Nvidia, text, &have);
    assert_eq!(ubuntu("", have("570.86.15", None)), "Distribution: driver 570.86.15, CUDA 11.5");
    assert_eq!(ubuntu("cuda=12.4", have("535.54.03", None)), "Vendor: driver 535.54.3, CUDA 12.4");
    assert_eq!(ubuntu("cuda=12.4", have("470.256.02", None)), "Vendor: driver 580, CUDA 12.4");
    assert_eq!(ubuntu("driver=580", have("535.54.03", Some("12.2"))), "Distribution: driver 580, CUDA 12.2");
    assert_eq!(ubuntu("cudnn=9", have("580.65.06", Some("12.8"))), "Vendor: driver 580.65.6, CUDA 12.8, cuDNN 9.19.0");
    let kept =
        resolve(Vendor::Nvidia, &stack(""), UBUNTU_22, &GpuHardware::default(), &have("570.86.15", None)).unwrap();
    assert_eq!((kept.packages(), kept.may_restart()), (vec!["nvidia-cuda-toolkit"], false));
}

#[test]
fn resolved_versions_support_the_gpus() {
    let by = |ids: &[&str], system, text| {
        with(&hardware(ids, GpuLinks::Direct), system, Vendor::Nvidia, text, &Installed::default())
    };
    let (k80, p100, v100, h100) = (["10de:102d"], ["10de:15f8"], ["10de:1db5"], ["10de:2330"]);
    assert_eq!(by(&k80, DEBIAN_12, ""), "Distribution: driver 470, CUDA 11.8");
    assert_eq!(by(&v100, DEBIAN_12, "from=vendor"), "Vendor: driver 580, CUDA 12.9");
    assert_eq!(by(&p100, UBUNTU_22, "cudnn=9"), "Vendor: driver 580, CUDA 12.9, cuDNN 9.10.2");
    assert_eq!(by(&v100, UBUNTU_22, ""), "Distribution: driver 580, CUDA 11.5");
    assert_eq!(by(&h100, UBUNTU_22, ""), "Vendor: driver 580, CUDA 13.0");
    assert_eq!(by(&["10de:26b9"], UBUNTU_22, "driver=535"), "Vendor: driver 535, CUDA 12.2");
    assert_eq!(by(&h100, UBUNTU_24, ""), "Distribution: driver 580, CUDA 12.0");
    assert_eq!(by(&["10de:1db5", "10de:2330"], UBUNTU_22, "from=vendor"), "Vendor: driver 580, CUDA 12.9");
    assert_eq!(
        by(&["10de:fffe"], UBUNTU_22, "cuda=13"),
        "Vendor: driver 580, CUDA 13.0",
        "what isn't known is bound to nothing"
    );
    let mi300 = GpuHardware::by_pci_ids(Vendor::Amd, ["1002:74a1"].into_iter());
    assert_eq!(
        with(&mi300, DEBIAN_12, Vendor::Amd, "", &Installed::default()),
        "Vendor: driver of the same release, ROCm 7.1"
    );
}

#[test]
fn blackwell_gets_the_open_modules() {
    let packages = |system, text: &str| {
        let blackwell = hardware(&["10de:2bb5"], GpuLinks::Direct);
        resolve(Vendor::Nvidia, &stack(text), system, &blackwell, &Installed::default()).unwrap().packages()
    };
    assert_eq!(packages(DEBIAN_12, ""), ["nvidia-open-580", "cuda-toolkit-13-0"]);
    assert_eq!(packages(UBUNTU_24, "driver=570"), ["nvidia-open-570", "cuda-toolkit-12-8"]);
    let there = Installed { toolkit: DottedVersion::read("12.8.61"), driver: None };
    let ubuntu =
        resolve(Vendor::Nvidia, &stack(""), UBUNTU_24, &hardware(&["10de:2bb5"], GpuLinks::Direct), &there).unwrap();
    assert_eq!(ubuntu.packages(), ["nvidia-headless-580-server-open", "nvidia-utils-580-server"]);
}

#[test]
fn switches_get_the_fabric_manager_of_the_drivers_branch() {
    let switched = hardware(&["10de:2330"], GpuLinks::Switched);
    let packages = |system, text: &str, have: &Installed| {
        resolve(Vendor::Nvidia, &stack(text), system, &switched, have).unwrap().packages()
    };
    let none = Installed::default();
    assert_eq!(
        packages(UBUNTU_24, "", &none),
        ["nvidia-headless-580-server", "nvidia-utils-580-server", "nvidia-fabricmanager-580", "nvidia-cuda-toolkit"]
    );
    assert_eq!(
        packages(DEBIAN_12, "driver=570", &none),
        ["cuda-drivers-570", "nvidia-fabricmanager-570", "cuda-toolkit-12-8"],
        "Debian itself has none"
    );
    let whole = Installed { driver: DottedVersion::read("580.95.05"), toolkit: DottedVersion::read("12.4") };
    assert_eq!(packages(DEBIAN_12, "", &whole), [""; 0]);
    let direct = GpuHardware::new(Vendor::Amd, &devices(&["1002:740c"]), GpuLinks::Switched);
    assert!(!direct.is_switched(), "they are NVIDIA's");
}

#[test]
fn versions_that_do_not_support_the_gpus_list_alternatives() {
    let mut messages = String::new();
    for (ids, links, system, text) in [
        (["10de:1db5"], GpuLinks::Direct, UBUNTU_22, "cuda=13"),
        (["10de:15f8"], GpuLinks::Direct, UBUNTU_22, "cudnn=9.19"),
        (["10de:2330"], GpuLinks::Direct, DEBIAN_12, "driver=470"),
        (["10de:2330"], GpuLinks::Direct, UBUNTU_22, "cuda=11.5"),
        (["10de:2330"], GpuLinks::Direct, UBUNTU_22, "from=distribution"),
        (["10de:102d"], GpuLinks::Direct, UBUNTU_22, ""),
        (["10de:2901"], GpuLinks::Direct, DEBIAN_13, ""),
        (["10de:2330"], GpuLinks::Switched, DEBIAN_12, "from=distribution"),
        (["10de:20b2"], GpuLinks::Switched, DEBIAN_13, ""),
    ] {
        let message = with(&hardware(&ids, links), system, Vendor::Nvidia, text, &Installed::default());
        messages.push_str(&format!("{} {}, {}, {links:?}, {text}\n{message}\n", system.id, system.version, ids[0]));
    }
    insta::assert_snapshot!(messages);
}

#[test]
fn unavailable_versions_list_alternatives() {
    let mut messages = String::new();
    for (system, vendor, text) in [
        (DEBIAN_12, Vendor::Nvidia, "cuda=12.2"),
        (DEBIAN_12, Vendor::Nvidia, "driver=470 cuda=12.4"),
        (DEBIAN_12, Vendor::Nvidia, "driver=580 from=distribution"),
        (DEBIAN_12, Vendor::Nvidia, "driver=535 cuda=12.4"),
        (DEBIAN_12, Vendor::Nvidia, "cuda=12.7"),
        (DEBIAN_12, Vendor::Nvidia, "driver=537"),
        (DEBIAN_12, Vendor::Nvidia, "cuda=13.0 cudnn=8.9"),
        (DEBIAN_12, Vendor::Nvidia, "driver=470 cudnn=9"),
        (DEBIAN_12, Vendor::Nvidia, "rocm=6.2"),
        (UBUNTU_22, Vendor::Amd, "cuda=12.2"),
        (UBUNTU_22, Vendor::Amd, "rocm=5.7"),
        (System { id: "fedora", version: "41", arch: "x86_64" }, Vendor::Nvidia, ""),
        (System { arch: "aarch64", ..DEBIAN_12 }, Vendor::Amd, ""),
    ] {
        messages.push_str(&format!(
            "{} {}, {}, {text}\n{}\n",
            system.id,
            system.version,
            vendor.name(),
            on(system, vendor, text, &Installed::default())
        ));
    }
    insta::assert_snapshot!(messages);
}

#[test]
fn request_may_name_versions_of_both_vendors() {
    let both = stack("cuda=12.4 rocm=6.4");
    assert_eq!(find_conflict(None, &both), None);
    assert_eq!(
        on(UBUNTU_22, Vendor::Amd, "cuda=12.4 rocm=6.4", &Installed::default()),
        "Vendor: driver of the same release, ROCm 6.4"
    );
    assert!(find_conflict(Some(Vendor::Amd), &both).is_some());
}

#[test]
fn paths_point_to_the_installed_toolkit() {
    let recipe = |vendor, system, text: &str| {
        resolve(vendor, &stack(text), system, &GpuHardware::default(), &Installed::default()).unwrap()
    };
    let cuda = recipe(Vendor::Nvidia, UBUNTU_22, "cuda=12.2").toolkit_home().unwrap();
    assert_eq!(cuda.programs().as_deref(), Some("/usr/local/cuda-12.2/bin"));
    assert_eq!(cuda.libraries().as_deref(), Some("/usr/local/cuda-12.2/lib64"));
    let packed = recipe(Vendor::Nvidia, DEBIAN_12, "").toolkit_home().unwrap();
    assert_eq!((packed.directory.as_str(), packed.programs(), packed.libraries()), ("/usr/lib/cuda", None, None));
    let rocm = recipe(Vendor::Amd, UBUNTU_22, "rocm=7.1");
    let PackageSource::Repositories(repositories) = &rocm.source else { panic!("{:?}", rocm.source) };
    let places: Vec<&str> = repositories.iter().map(|repository| repository.source_line.as_str()).collect();
    assert_eq!(
        places,
        ["https://repo.radeon.com/rocm/apt/7.1 jammy main", "https://repo.radeon.com/amdgpu/30.20/ubuntu jammy main"]
    );
}

#[test]
fn every_combination_resolves_to_itself() {
    let mut count = 0;
    for row in combinations() {
        let version = |part: &str| Some(part.to_owned());
        let request = match row.row.vendor {
            Vendor::Nvidia => GpuStack {
                driver: version(row.driver.version),
                cuda: version(row.toolkit.version),
                cudnn: row.cudnn.and_then(|cudnn| version(cudnn.version)),
                ..GpuStack::default()
            },
            Vendor::Amd => GpuStack { rocm: version(row.toolkit.version), ..GpuStack::default() },
        };
        let request = GpuStack { from: Some(row.row.from), ..request };
        let system = System { id: row.row.id, version: row.row.version, arch: row.row.arch };
        assert_eq!(find_conflict(Some(row.row.vendor), &request), None, "{request:?}");
        let hardware = match row.modules {
            KernelModuleKind::Standard => GpuHardware::default(),
            KernelModuleKind::Open => hardware(&["10de:2901"], GpuLinks::Direct),
        };
        // GPUs that need open modules do not support old toolkits either.
        let is_taken = |cudnn: &matrix::CudnnPackages| hardware.takes_cudnn(cudnn.version);
        if !hardware.takes_toolkit(&known_version(row.toolkit.version)) || !row.cudnn.is_none_or(is_taken) {
            continue;
        }
        let recipe = resolve(row.row.vendor, &request, system, &hardware, &Installed::default()).unwrap();
        let parts = [Some(row.driver.packages), Some(row.toolkit.packages), row.cudnn.map(|cudnn| cudnn.packages)];
        let packages: Vec<&str> = parts.into_iter().flatten().flatten().copied().collect();
        assert_eq!(recipe.packages(), packages, "{request:?}");
        count += 1;
    }
    assert!(count > 100, "{count}");
}

#[test]
fn matrix_is_well_formed() {
    let newest_first =
        |versions: Vec<&str>| versions.windows(2).all(|two| known_version(two[0]) > known_version(two[1]));
    assert!(newest_first(CUDA.iter().map(|cuda| cuda.version).collect()));
    assert!(newest_first(ROCM.iter().map(|(rocm, _)| *rocm).collect()));
    for cuda in CUDA {
        assert!(known_version(cuda.made_with) >= known_version(cuda.runs_from), "{cuda:?}");
        let is_listed = MATRIX.iter().flat_map(|row| row.toolkits).any(|part| part.version == cuda.version);
        assert!(is_listed, "no repository has {cuda:?}");
    }
    for row in MATRIX {
        let versions =
            |parts: &'static [matrix::PackageGroup]| parts.iter().map(|part| part.version).collect::<Vec<_>>();
        assert!(newest_first(versions(row.toolkits)), "{row:?}");
        assert!(row.vendor == Vendor::Amd || newest_first(versions(row.drivers)), "{row:?}");
        assert!(newest_first(versions(row.open)) && newest_first(versions(row.fabrics)), "{row:?}");
        let branches = versions(row.drivers);
        assert!(versions(row.open).iter().chain(&versions(row.fabrics)).all(|one| branches.contains(one)));
        let known = |part: &matrix::PackageGroup| match (row.vendor, row.from) {
            (Vendor::Nvidia, _) => CUDA.iter().any(|cuda| cuda.version == part.version),
            (Vendor::Amd, GpuRepository::Vendor) => ROCM.iter().any(|(rocm, _)| *rocm == part.version),
            (Vendor::Amd, GpuRepository::Distribution) => true,
        };
        assert!(row.toolkits.iter().all(known), "{row:?}");
    }
}

/// A machine with two NVIDIA GPUs, of which `working` work.
fn two(device: &str, working: usize, toolkit: &str) -> GpuState {
    let gpus = devices(&[device, device]);
    let works = |device: &PciDevice| WorkingGpu { address: device.address, label: "535.261.03".to_owned() };
    GpuState {
        working: gpus.iter().take(working).map(works).collect(),
        gpus: [gpus, devices(&["8086:0bd5"])].concat(),
        toolkit: DottedVersion::read(toolkit),
        ..GpuState::default()
    }
}

#[test]
fn parts_that_differ_from_the_request_are_missing() {
    let seen = |working, toolkit| two("10de:1db5", working, toolkit);
    let nvidia = |text: &str, seen: &GpuState| missing_parts(Vendor::Nvidia, &stack(text), seen);
    assert_eq!(nvidia("", &seen(2, "12.2.140")), []);
    assert_eq!(nvidia("driver=535 cuda=12.2", &seen(2, "12.2.140")), []);
    assert_eq!(nvidia("driver=550 cuda=12.4", &seen(2, "12.2.140")), [MissingPart::Driver, MissingPart::Toolkit]);
    assert_eq!(nvidia("cudnn=8.9", &seen(2, "12.2.140")), [MissingPart::Cudnn]);
    assert_eq!(nvidia("", &seen(1, "12.2.140")), [MissingPart::Driver], "one of two is not driven");
    assert_eq!(nvidia("", &seen(0, "")), [MissingPart::Driver, MissingPart::Toolkit]);
    let outside_path =
        GpuState { places: vec![(known_version("12.2.140"), "/usr/local/cuda-12.2".to_owned())], ..seen(2, "11.5") };
    assert_eq!(nvidia("cuda=12.2", &outside_path), [MissingPart::Path]);
    assert_eq!((nvidia("", &outside_path).len(), nvidia("cuda=12.4", &outside_path)), (0, vec![MissingPart::Toolkit]));
    assert_eq!(outside_path.installed(Vendor::Nvidia, &stack("cuda=12.2")).toolkit, DottedVersion::read("12.2.140"));
    let none = GpuState {
        module: DottedVersion::read("535.261.03"),
        toolkit: DottedVersion::read("11.8.89"),
        ..GpuState::default()
    };
    assert_eq!(nvidia("", &none), [], "without a GPU, an installed driver is enough");
    let gpus = devices(&["1002:740c"]);
    let working = vec![WorkingGpu { address: PciAddress::within_domain("0").unwrap(), label: "gfx90a".to_owned() }];
    let amd = GpuState { gpus, working, access: DeviceAccess::Denied, ..GpuState::default() };
    assert_eq!(missing_parts(Vendor::Amd, &stack(""), &amd), [MissingPart::Toolkit, MissingPart::DeviceAccess]);
    assert_eq!((amd.vendor(), seen(2, "").vendor(), none.vendor()), (Some(Vendor::Amd), Some(Vendor::Nvidia), None));
}

#[test]
fn failed_gpu_is_identified_by_address() {
    let undriven = |seen: &GpuState| seen.undriven(Vendor::Nvidia).iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(undriven(&two("10de:1db5", 1, "")), ["0000:01:00.0 (10de:1db5)"]);
    assert_eq!(undriven(&two("10de:1db5", 2, "")), [""; 0]);
    // The number matches the bus, the addresses do not: a partitioned GPU (AMD), or one that is listed twice.
    let mut twice = two("10de:1db5", 1, "12.2");
    twice.working.push(twice.working[0].clone());
    assert_eq!(undriven(&twice), ["0000:01:00.0 (10de:1db5)"]);
    assert_eq!(missing_parts(Vendor::Nvidia, &stack(""), &twice), [MissingPart::Driver]);
}

#[test]
fn incompatible_toolkit_counts_as_missing() {
    let seen = two("10de:1db5", 2, "13.0.88");
    assert_eq!(missing_parts(Vendor::Nvidia, &stack(""), &seen), [MissingPart::Toolkit]);
    assert_eq!(seen.installed(Vendor::Nvidia, &stack("")).toolkit, None);
    let outside_path = GpuState { places: vec![(known_version("12.9.86"), "/usr/local/cuda-12.9".to_owned())], ..seen };
    assert_eq!(missing_parts(Vendor::Nvidia, &stack(""), &outside_path), [MissingPart::Path]);
    assert_eq!(missing_parts(Vendor::Nvidia, &stack(""), &two("10de:2330", 2, "11.5.119")), [MissingPart::Toolkit]);
}

#[test]
fn driver_without_its_fabric_manager_is_replaced() {
    let seen = |fabric| GpuState { links: GpuLinks::Switched, fabric, ..two("10de:2330", 2, "12.2.140") };
    let of_fabric = |fabric| {
        let seen = seen(fabric);
        let kept = seen.installed(Vendor::Nvidia, &stack("")).driver.is_some();
        (missing_parts(Vendor::Nvidia, &stack(""), &seen), kept)
    };
    assert_eq!(of_fabric(FabricManager::Running), (vec![], true));
    assert_eq!(of_fabric(FabricManager::Stopped), (vec![MissingPart::FabricManager], true), "installed, to be started");
    assert_eq!(of_fabric(FabricManager::NotInstalled), (vec![MissingPart::FabricManager], false));
    assert_eq!(missing_parts(Vendor::Nvidia, &stack(""), &two("10de:2330", 2, "12.2.140")), [], "no NVSwitches");
}

fn requests() -> impl Strategy<Value = GpuStack> {
    let one_of =
        |versions: Vec<&'static str>| proptest::option::of(proptest::sample::select(versions).prop_map(str::to_owned));
    let from = proptest::option::of(proptest::sample::select(vec![GpuRepository::Distribution, GpuRepository::Vendor]));
    let drivers = one_of(vec!["470", "525", "535", "535.54", "550", "570", "580"]);
    let cudas = one_of(vec!["11", "11.5", "11.8", "12", "12.2", "12.4", "12.8", "13", "13.0"]);
    let cudnns = one_of(vec!["8", "8.2", "8.5", "8.9", "8.9.7", "9", "9.0", "9.10", "9.19"]);
    (drivers, cudas, cudnns, one_of(vec!["5", "5.7", "6.2", "7", "7.2"]), from)
        .prop_map(|(driver, cuda, cudnn, rocm, from)| GpuStack { driver, cuda, cudnn, rocm, from })
}

fn installed() -> impl Strategy<Value = Installed> {
    let some =
        |versions: Vec<&'static str>| proptest::option::of(proptest::sample::select(versions).prop_map(known_version));
    (
        some(vec!["450.80.02", "470.256.02", "525.60.13", "535.261.03", "580.95.05"]),
        some(vec!["11.8.89", "12.2.140", "12.8.61"]),
    )
        .prop_map(|(driver, toolkit)| Installed { driver, toolkit })
}

fn systems() -> impl Strategy<Value = System<'static>> {
    proptest::sample::select(MATRIX.iter().collect::<Vec<_>>()).prop_map(|row| System {
        id: row.id,
        version: row.version,
        arch: row.arch,
    })
}

/// Up to two GPUs, each of any NVIDIA architecture or of an unknown one.
fn machines() -> impl Strategy<Value = GpuHardware> {
    let ids: Vec<String> = ARCHITECTURES
        .iter()
        .filter(|one| one.vendor == Vendor::Nvidia)
        .flat_map(|one| one.devices)
        .map(|(first, _)| format!("10de:{first:04x}"))
        .chain(["10de:fffe".to_owned()])
        .collect();
    let links = proptest::sample::select(vec![GpuLinks::Direct, GpuLinks::Switched]);
    (proptest::collection::vec(proptest::sample::select(ids), 0..3), links)
        .prop_map(|(ids, links)| hardware(&ids.iter().map(String::as_str).collect::<Vec<_>>(), links))
}

/// True if every component of a recipe supports the GPUs. An existing driver is assumed to.
fn is_for(hardware: &GpuHardware, recipe: &Recipe) -> bool {
    let modules: Vec<KernelModuleKind> = MATRIX
        .iter()
        .flat_map(matrix::MatrixRow::all_drivers)
        .filter(|(_, part)| !part.packages.is_empty() && part.packages == recipe.driver.packages())
        .map(|(modules, _)| modules)
        .collect();
    let kept = matches!(recipe.driver, GpuComponent::Existing(_));
    let driver = recipe.driver.version();
    let fabric = recipe.fabric.as_ref().map(GpuComponent::version);
    hardware.takes_toolkit(&known_version(&recipe.toolkit.version()))
        && recipe.cudnn.as_ref().is_none_or(|cudnn| hardware.takes_cudnn(&cudnn.version()))
        && (kept || modules.iter().any(|kind| hardware.is_driven_by(&driver, *kind)))
        && fabric == (hardware.is_switched() && !kept).then_some(driver)
}

#[test]
fn every_combination_on_every_architecture_is_supported_or_rejected() {
    let (mut had, mut refused) = (0, 0);
    let of_nvidia = || ARCHITECTURES.iter().filter(|one| one.vendor == Vendor::Nvidia);
    for (row, one) in combinations().flat_map(|row| of_nvidia().map(move |one| (row, one))) {
        let version = |part: &str| Some(part.to_owned());
        let request = GpuStack {
            driver: version(row.driver.version),
            cuda: version(row.toolkit.version),
            cudnn: row.cudnn.and_then(|cudnn| version(cudnn.version)),
            from: Some(row.row.from),
            ..GpuStack::default()
        };
        if row.row.vendor != Vendor::Nvidia {
            continue;
        }
        let system = System { id: row.row.id, version: row.row.version, arch: row.row.arch };
        for links in [GpuLinks::Direct, GpuLinks::Switched] {
            let machine = hardware(&[&format!("10de:{:04x}", one.devices[0].0)], links);
            match resolve(Vendor::Nvidia, &request, system, &machine, &Installed::default()) {
                Ok(recipe) => {
                    assert!(is_for(&machine, &recipe), "{one:?} {recipe:?}");
                    had += 1;
                }
                Err(impossible) => {
                    assert!(!impossible.hint.is_empty(), "{impossible:?}");
                    refused += 1;
                }
            }
        }
    }
    assert!(had > 1000 && refused > 500, "{had} {refused}");
}

proptest! {
    #[test]
    fn every_resolution_supports_the_gpus(request in requests(), machine in machines(), have in installed(), system in systems()) {
        if let Ok(recipe) = resolve(Vendor::Nvidia, &request, system, &machine, &have) {
            prop_assert!(is_for(&machine, &recipe), "{machine:?} {recipe:?}");
        }
    }

    #[test]
    fn resolved_versions_are_compatible_and_as_requested(request in requests(), have in installed(), system in systems()) {
        if let Ok(recipe) = resolve(Vendor::Nvidia, &request, system, &GpuHardware::default(), &have) {
            let (driver, toolkit) = (known_version(&recipe.driver.version()), known_version(&recipe.toolkit.version()));
            let cuda = CUDA.iter().find(|cuda| toolkit.satisfies(&known_version(cuda.version))).unwrap();
            prop_assert!(driver.is_at_least(&known_version(cuda.runs_from)), "{recipe:?}");
            if request.driver.is_none() && have == Installed::default() {
                prop_assert!(driver.is_at_least(&known_version(cuda.made_with)), "{recipe:?}");
            }
            for (requested, got) in [(&request.driver, Some(&recipe.driver)), (&request.cuda, Some(&recipe.toolkit)), (&request.cudnn, recipe.cudnn.as_ref())] {
                if let Some(requested) = requested {
                    prop_assert!(known_version(&got.unwrap().version()).satisfies(&known_version(requested)), "{recipe:?}");
                }
            }
            prop_assert!(request.from.is_none_or(|from| from == recipe.from));
        }
    }

    #[test]
    fn conflicts_resolve_on_no_system(request in requests(), system in systems()) {
        if find_conflict(Some(Vendor::Nvidia), &request).is_some() {
            let only = GpuStack { rocm: None, ..request.clone() };
            prop_assert!(request.rocm.is_some() || resolve(Vendor::Nvidia, &only, system, &GpuHardware::default(), &Installed::default()).is_err());
        }
    }
}
