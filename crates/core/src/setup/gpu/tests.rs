//! Laws of the matrix, and what is said of what can't be had.

use proptest::prelude::*;

use super::architecture::{ARCHITECTURES, Modules};
use super::matrix::{CUDA, ROCM, SUPPLIES};
use super::version::of;
use super::*;

const DEBIAN_13: System<'_> = System { id: "debian", version: "13", arch: "x86_64" };
const UBUNTU_24: System<'_> = System { id: "ubuntu", version: "24.04", arch: "x86_64" };
const DEBIAN_12: System<'_> = System { id: "debian", version: "12", arch: "x86_64" };
const UBUNTU_22: System<'_> = System { id: "ubuntu", version: "22.04", arch: "x86_64" };

/// As in `driver=535 cuda=12.2 from=maker`.
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
            "from" => stack.from = Some(if word == "from=maker" { GpuFrom::Maker } else { GpuFrom::Distribution }),
            _ => panic!("{word}"),
        }
    }
    stack
}

fn on(system: System<'_>, maker: Maker, text: &str, have: &Have) -> String {
    with(&Hardware::default(), system, maker, text, have)
}

fn with(hardware: &Hardware, system: System<'_>, maker: Maker, text: &str, have: &Have) -> String {
    match resolve(maker, &stack(text), system, hardware, have) {
        Ok(recipe) => shown(&recipe),
        Err(impossible) => format!("{}: {impossible}\n  {}", impossible.key, impossible.hint),
    }
}

fn shown(recipe: &Recipe) -> String {
    let cudnn = recipe.cudnn.as_ref().map(|cudnn| format!(", cuDNN {}", cudnn.version())).unwrap_or_default();
    let (driver, toolkit) = (recipe.driver.version(), recipe.toolkit.version());
    format!("{:?}: driver {driver}, {} {toolkit}{cudnn}", recipe.from, recipe.maker.toolkit())
}

/// Accelerators with these PCI ids.
fn devices(ids: &[&str]) -> Vec<Device> {
    let device = |(number, id): (usize, &&str)| {
        let (vendor, device) = id.split_once(':').unwrap();
        Device::read(&format!("0000:{number:02x}:00.0 0x030200 {vendor} {device}")).unwrap()
    };
    ids.iter().enumerate().map(device).collect()
}

fn hardware(ids: &[&str], links: Links) -> Hardware {
    Hardware::new(Maker::Nvidia, &devices(ids), links)
}

fn nvidia(system: System<'_>, text: &str) -> String {
    on(system, Maker::Nvidia, text, &Have::default())
}

#[test]
fn what_is_not_wished_is_the_newest_that_goes_with_the_rest() {
    assert_eq!(nvidia(DEBIAN_12, ""), "Distribution: driver 535, CUDA 11.8");
    assert_eq!(nvidia(DEBIAN_12, "cudnn=8"), "Distribution: driver 535, CUDA 11.8, cuDNN 8.5.0");
    assert_eq!(nvidia(DEBIAN_12, "cuda=12.4"), "Maker: driver 580, CUDA 12.4");
    assert_eq!(nvidia(DEBIAN_12, "from=maker"), "Maker: driver 580, CUDA 13.0");
    assert_eq!(nvidia(UBUNTU_22, "driver=535 from=maker"), "Maker: driver 535, CUDA 12.2");
    assert_eq!(nvidia(UBUNTU_22, "driver=535 cuda=12.2 cudnn=8.9"), "Maker: driver 535, CUDA 12.2, cuDNN 8.9.7");
    assert_eq!(nvidia(UBUNTU_22, "cudnn=9"), "Maker: driver 580, CUDA 13.0, cuDNN 9.19.0");
    assert_eq!(on(UBUNTU_22, Maker::Amd, "", &Have::default()), "Maker: driver of the same release, ROCm 7.2");
    assert_eq!(on(DEBIAN_12, Maker::Amd, "", &Have::default()), "Distribution: driver of the kernel, ROCm 5.2");
}

#[test]
fn an_older_driver_serves_where_it_is_wished_and_runs_the_toolkit() {
    assert_eq!(nvidia(DEBIAN_12, "driver=470"), "Distribution: driver 470, CUDA 11.8");
    assert_eq!(nvidia(UBUNTU_22, "driver=535 cuda=12.8"), "Maker: driver 535, CUDA 12.8");
}

#[test]
fn what_is_there_stays() {
    let have = |driver: &str, toolkit: Option<&str>| Have { driver: Version::read(driver), toolkit: toolkit.map(of) };
    let ubuntu = |text: &str, have| on(UBUNTU_22, Maker::Nvidia, text, &have);
    assert_eq!(ubuntu("", have("570.86.15", None)), "Distribution: driver 570.86.15, CUDA 11.5");
    assert_eq!(ubuntu("cuda=12.4", have("535.54.03", None)), "Maker: driver 535.54.3, CUDA 12.4");
    assert_eq!(ubuntu("cuda=12.4", have("470.256.02", None)), "Maker: driver 580, CUDA 12.4");
    assert_eq!(ubuntu("driver=580", have("535.54.03", Some("12.2"))), "Distribution: driver 580, CUDA 12.2");
    assert_eq!(ubuntu("cudnn=9", have("580.65.06", Some("12.8"))), "Maker: driver 580.65.6, CUDA 12.8, cuDNN 9.19.0");
    let kept = resolve(Maker::Nvidia, &stack(""), UBUNTU_22, &Hardware::default(), &have("570.86.15", None)).unwrap();
    assert_eq!((kept.packages(), kept.may_restart()), (vec!["nvidia-cuda-toolkit"], false));
}

#[test]
fn what_is_chosen_is_for_the_accelerators() {
    let by =
        |ids: &[&str], system, text| with(&hardware(ids, Links::Direct), system, Maker::Nvidia, text, &Have::default());
    let (k80, p100, v100, h100) = (["10de:102d"], ["10de:15f8"], ["10de:1db5"], ["10de:2330"]);
    assert_eq!(by(&k80, DEBIAN_12, ""), "Distribution: driver 470, CUDA 11.8");
    assert_eq!(by(&v100, DEBIAN_12, "from=maker"), "Maker: driver 580, CUDA 12.9");
    assert_eq!(by(&p100, UBUNTU_22, "cudnn=9"), "Maker: driver 580, CUDA 12.9, cuDNN 9.10.2");
    assert_eq!(by(&v100, UBUNTU_22, ""), "Distribution: driver 580, CUDA 11.5");
    assert_eq!(by(&h100, UBUNTU_22, ""), "Maker: driver 580, CUDA 13.0");
    assert_eq!(by(&["10de:26b9"], UBUNTU_22, "driver=535"), "Maker: driver 535, CUDA 12.2");
    assert_eq!(by(&h100, UBUNTU_24, ""), "Distribution: driver 580, CUDA 12.0");
    assert_eq!(by(&["10de:1db5", "10de:2330"], UBUNTU_22, "from=maker"), "Maker: driver 580, CUDA 12.9");
    assert_eq!(
        by(&["10de:fffe"], UBUNTU_22, "cuda=13"),
        "Maker: driver 580, CUDA 13.0",
        "what isn't known is bound to nothing"
    );
    let mi300 = Hardware::by_pci_ids(Maker::Amd, ["1002:74a1"].into_iter());
    assert_eq!(
        with(&mi300, DEBIAN_12, Maker::Amd, "", &Have::default()),
        "Maker: driver of the same release, ROCm 7.1"
    );
}

#[test]
fn blackwell_gets_the_open_modules() {
    let packages = |system, text: &str| {
        let blackwell = hardware(&["10de:2bb5"], Links::Direct);
        resolve(Maker::Nvidia, &stack(text), system, &blackwell, &Have::default()).unwrap().packages()
    };
    assert_eq!(packages(DEBIAN_12, ""), ["nvidia-open-580", "cuda-toolkit-13-0"]);
    assert_eq!(packages(UBUNTU_24, "driver=570"), ["nvidia-open-570", "cuda-toolkit-12-8"]);
    let there = Have { toolkit: Version::read("12.8.61"), driver: None };
    let ubuntu =
        resolve(Maker::Nvidia, &stack(""), UBUNTU_24, &hardware(&["10de:2bb5"], Links::Direct), &there).unwrap();
    assert_eq!(ubuntu.packages(), ["nvidia-headless-580-server-open", "nvidia-utils-580-server"]);
}

#[test]
fn switches_get_the_fabric_manager_of_the_drivers_branch() {
    let switched = hardware(&["10de:2330"], Links::Switched);
    let packages = |system, text: &str, have: &Have| {
        resolve(Maker::Nvidia, &stack(text), system, &switched, have).unwrap().packages()
    };
    let none = Have::default();
    assert_eq!(
        packages(UBUNTU_24, "", &none),
        ["nvidia-headless-580-server", "nvidia-utils-580-server", "nvidia-fabricmanager-580", "nvidia-cuda-toolkit"]
    );
    assert_eq!(
        packages(DEBIAN_12, "driver=570", &none),
        ["cuda-drivers-570", "nvidia-fabricmanager-570", "cuda-toolkit-12-8"],
        "Debian itself has none"
    );
    let whole = Have { driver: Version::read("580.95.05"), toolkit: Version::read("12.4") };
    assert_eq!(packages(DEBIAN_12, "", &whole), [""; 0]);
    let direct = Hardware::new(Maker::Amd, &devices(&["1002:740c"]), Links::Switched);
    assert!(!direct.is_switched(), "they are NVIDIA's");
}

#[test]
fn what_is_not_for_the_accelerators_is_told_with_what_is() {
    let mut said = String::new();
    for (ids, links, system, text) in [
        (["10de:1db5"], Links::Direct, UBUNTU_22, "cuda=13"),
        (["10de:15f8"], Links::Direct, UBUNTU_22, "cudnn=9.19"),
        (["10de:2330"], Links::Direct, DEBIAN_12, "driver=470"),
        (["10de:2330"], Links::Direct, UBUNTU_22, "cuda=11.5"),
        (["10de:2330"], Links::Direct, UBUNTU_22, "from=distribution"),
        (["10de:102d"], Links::Direct, UBUNTU_22, ""),
        (["10de:2901"], Links::Direct, DEBIAN_13, ""),
        (["10de:2330"], Links::Switched, DEBIAN_12, "from=distribution"),
        (["10de:20b2"], Links::Switched, DEBIAN_13, ""),
    ] {
        let told = with(&hardware(&ids, links), system, Maker::Nvidia, text, &Have::default());
        said.push_str(&format!("{} {}, {}, {links:?}, {text}\n{told}\n", system.id, system.version, ids[0]));
    }
    insta::assert_snapshot!(said);
}

#[test]
fn what_cannot_be_had_is_told_with_what_can() {
    let mut said = String::new();
    for (system, maker, text) in [
        (DEBIAN_12, Maker::Nvidia, "cuda=12.2"),
        (DEBIAN_12, Maker::Nvidia, "driver=470 cuda=12.4"),
        (DEBIAN_12, Maker::Nvidia, "driver=580 from=distribution"),
        (DEBIAN_12, Maker::Nvidia, "driver=535 cuda=12.4"),
        (DEBIAN_12, Maker::Nvidia, "cuda=12.7"),
        (DEBIAN_12, Maker::Nvidia, "driver=537"),
        (DEBIAN_12, Maker::Nvidia, "cuda=13.0 cudnn=8.9"),
        (DEBIAN_12, Maker::Nvidia, "driver=470 cudnn=9"),
        (DEBIAN_12, Maker::Nvidia, "rocm=6.2"),
        (UBUNTU_22, Maker::Amd, "cuda=12.2"),
        (UBUNTU_22, Maker::Amd, "rocm=5.7"),
        (System { id: "fedora", version: "41", arch: "x86_64" }, Maker::Nvidia, ""),
        (System { arch: "aarch64", ..DEBIAN_12 }, Maker::Amd, ""),
    ] {
        said.push_str(&format!(
            "{} {}, {}, {text}\n{}\n",
            system.id,
            system.version,
            maker.name(),
            on(system, maker, text, &Have::default())
        ));
    }
    insta::assert_snapshot!(said);
}

#[test]
fn where_the_machine_decides_a_wish_may_speak_of_both_makers() {
    let both = stack("cuda=12.4 rocm=6.4");
    assert_eq!(contradiction(None, &both), None);
    assert_eq!(
        on(UBUNTU_22, Maker::Amd, "cuda=12.4 rocm=6.4", &Have::default()),
        "Maker: driver of the same release, ROCm 6.4"
    );
    assert!(contradiction(Some(Maker::Amd), &both).is_some());
}

#[test]
fn paths_lead_to_the_toolkit_that_is_installed() {
    let recipe = |maker, system, text: &str| {
        resolve(maker, &stack(text), system, &Hardware::default(), &Have::default()).unwrap()
    };
    let cuda = recipe(Maker::Nvidia, UBUNTU_22, "cuda=12.2").home().unwrap();
    assert_eq!(cuda.programs().as_deref(), Some("/usr/local/cuda-12.2/bin"));
    assert_eq!(cuda.libraries().as_deref(), Some("/usr/local/cuda-12.2/lib64"));
    let packed = recipe(Maker::Nvidia, DEBIAN_12, "").home().unwrap();
    assert_eq!((packed.directory.as_str(), packed.programs(), packed.libraries()), ("/usr/lib/cuda", None, None));
    let rocm = recipe(Maker::Amd, UBUNTU_22, "rocm=7.1");
    let Source::Repositories(repositories) = &rocm.source else { panic!("{:?}", rocm.source) };
    let places: Vec<&str> = repositories.iter().map(|repository| repository.place.as_str()).collect();
    assert_eq!(
        places,
        ["https://repo.radeon.com/rocm/apt/7.1 jammy main", "https://repo.radeon.com/amdgpu/30.20/ubuntu jammy main"]
    );
}

#[test]
fn every_row_resolves_to_itself() {
    let mut count = 0;
    for row in rows() {
        let version = |part: &str| Some(part.to_owned());
        let wish = match row.supply.maker {
            Maker::Nvidia => GpuStack {
                driver: version(row.driver.version),
                cuda: version(row.toolkit.version),
                cudnn: row.cudnn.and_then(|cudnn| version(cudnn.version)),
                ..GpuStack::default()
            },
            Maker::Amd => GpuStack { rocm: version(row.toolkit.version), ..GpuStack::default() },
        };
        let wish = GpuStack { from: Some(row.supply.from), ..wish };
        let system = System { id: row.supply.id, version: row.supply.version, arch: row.supply.arch };
        assert_eq!(contradiction(Some(row.supply.maker), &wish), None, "{wish:?}");
        let hardware = match row.modules {
            Modules::Usual => Hardware::default(),
            Modules::Open => hardware(&["10de:2901"], Links::Direct),
        };
        // Who takes the open modules only takes no old toolkit either.
        let is_taken = |cudnn: &matrix::Cudnn| hardware.takes_cudnn(cudnn.version);
        if !hardware.takes_toolkit(&of(row.toolkit.version)) || !row.cudnn.is_none_or(is_taken) {
            continue;
        }
        let recipe = resolve(row.supply.maker, &wish, system, &hardware, &Have::default()).unwrap();
        let parts = [Some(row.driver.packages), Some(row.toolkit.packages), row.cudnn.map(|cudnn| cudnn.packages)];
        let packages: Vec<&str> = parts.into_iter().flatten().flatten().copied().collect();
        assert_eq!(recipe.packages(), packages, "{wish:?}");
        count += 1;
    }
    assert!(count > 100, "{count}");
}

#[test]
fn the_matrix_is_well_formed() {
    let newest_first = |versions: Vec<&str>| versions.windows(2).all(|two| of(two[0]) > of(two[1]));
    assert!(newest_first(CUDA.iter().map(|cuda| cuda.version).collect()));
    assert!(newest_first(ROCM.iter().map(|(rocm, _)| *rocm).collect()));
    for cuda in CUDA {
        assert!(of(cuda.made_with) >= of(cuda.runs_from), "{cuda:?}");
        let had = SUPPLIES.iter().flat_map(|supply| supply.toolkits).any(|part| part.version == cuda.version);
        assert!(had, "nobody has {cuda:?}");
    }
    for supply in SUPPLIES {
        let versions = |parts: &'static [matrix::Part]| parts.iter().map(|part| part.version).collect::<Vec<_>>();
        assert!(newest_first(versions(supply.toolkits)), "{supply:?}");
        assert!(supply.maker == Maker::Amd || newest_first(versions(supply.drivers)), "{supply:?}");
        assert!(newest_first(versions(supply.open)) && newest_first(versions(supply.fabrics)), "{supply:?}");
        let branches = versions(supply.drivers);
        assert!(versions(supply.open).iter().chain(&versions(supply.fabrics)).all(|one| branches.contains(one)));
        let known = |part: &matrix::Part| match (supply.maker, supply.from) {
            (Maker::Nvidia, _) => CUDA.iter().any(|cuda| cuda.version == part.version),
            (Maker::Amd, GpuFrom::Maker) => ROCM.iter().any(|(rocm, _)| *rocm == part.version),
            (Maker::Amd, GpuFrom::Distribution) => true,
        };
        assert!(supply.toolkits.iter().all(known), "{supply:?}");
    }
}

/// A machine with two accelerators of NVIDIA's, of which the first so many work.
fn two(device: &str, working: usize, toolkit: &str) -> Seen {
    let accelerators = devices(&[device, device]);
    let works = |device: &Device| Working { at: device.address, what: "535.261.03".to_owned() };
    Seen {
        working: accelerators.iter().take(working).map(works).collect(),
        accelerators: [accelerators, devices(&["8086:0bd5"])].concat(),
        toolkit: Version::read(toolkit),
        ..Seen::default()
    }
}

#[test]
fn a_machine_lacks_what_is_not_as_wished() {
    let seen = |working, toolkit| two("10de:1db5", working, toolkit);
    let nvidia = |text: &str, seen: &Seen| lacks(Maker::Nvidia, &stack(text), seen);
    assert_eq!(nvidia("", &seen(2, "12.2.140")), []);
    assert_eq!(nvidia("driver=535 cuda=12.2", &seen(2, "12.2.140")), []);
    assert_eq!(nvidia("driver=550 cuda=12.4", &seen(2, "12.2.140")), [Lack::Driver, Lack::Toolkit]);
    assert_eq!(nvidia("cudnn=8.9", &seen(2, "12.2.140")), [Lack::Cudnn]);
    assert_eq!(nvidia("", &seen(1, "12.2.140")), [Lack::Driver], "one of two is not driven");
    assert_eq!(nvidia("", &seen(0, "")), [Lack::Driver, Lack::Toolkit]);
    let beside = Seen { places: vec![(of("12.2.140"), "/usr/local/cuda-12.2".to_owned())], ..seen(2, "11.5") };
    assert_eq!(nvidia("cuda=12.2", &beside), [Lack::Path]);
    assert_eq!((nvidia("", &beside).len(), nvidia("cuda=12.4", &beside)), (0, vec![Lack::Toolkit]));
    assert_eq!(beside.have(Maker::Nvidia, &stack("cuda=12.2")).toolkit, Version::read("12.2.140"));
    let none = Seen { module: Version::read("535.261.03"), toolkit: Version::read("11.8.89"), ..Seen::default() };
    assert_eq!(nvidia("", &none), [], "where there is no accelerator, an installed driver is all there can be");
    let accelerators = devices(&["1002:740c"]);
    let working = vec![Working { at: Address::within_domain("0").unwrap(), what: "gfx90a".to_owned() }];
    let amd = Seen { accelerators, working, access: Access::Missing, ..Seen::default() };
    assert_eq!(lacks(Maker::Amd, &stack(""), &amd), [Lack::Toolkit, Lack::Access]);
    assert_eq!((amd.maker(), seen(2, "").maker(), none.maker()), (Some(Maker::Amd), Some(Maker::Nvidia), None));
}

#[test]
fn an_accelerator_that_does_not_work_is_known_by_its_address() {
    let undriven = |seen: &Seen| seen.undriven(Maker::Nvidia).iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(undriven(&two("10de:1db5", 1, "")), ["0000:01:00.0 (10de:1db5)"]);
    assert_eq!(undriven(&two("10de:1db5", 2, "")), [""; 0]);
    // As many as the bus shows, and others: parts of one (of AMD's), or another that is shown twice.
    let mut twice = two("10de:1db5", 1, "12.2");
    twice.working.push(twice.working[0].clone());
    assert_eq!(undriven(&twice), ["0000:01:00.0 (10de:1db5)"]);
    assert_eq!(lacks(Maker::Nvidia, &stack(""), &twice), [Lack::Driver]);
}

#[test]
fn a_toolkit_that_makes_no_programs_for_the_accelerators_is_as_good_as_none() {
    let seen = two("10de:1db5", 2, "13.0.88");
    assert_eq!(lacks(Maker::Nvidia, &stack(""), &seen), [Lack::Toolkit]);
    assert_eq!(seen.have(Maker::Nvidia, &stack("")).toolkit, None);
    let beside = Seen { places: vec![(of("12.9.86"), "/usr/local/cuda-12.9".to_owned())], ..seen };
    assert_eq!(lacks(Maker::Nvidia, &stack(""), &beside), [Lack::Path]);
    assert_eq!(lacks(Maker::Nvidia, &stack(""), &two("10de:2330", 2, "11.5.119")), [Lack::Toolkit]);
}

#[test]
fn a_driver_without_the_fabric_manager_that_it_needs_does_not_stay() {
    let seen = |fabric| Seen { links: Links::Switched, fabric, ..two("10de:2330", 2, "12.2.140") };
    let of_fabric = |fabric| {
        let seen = seen(fabric);
        let kept = seen.have(Maker::Nvidia, &stack("")).driver.is_some();
        (lacks(Maker::Nvidia, &stack(""), &seen), kept)
    };
    assert_eq!(of_fabric(Fabric::Running), (vec![], true));
    assert_eq!(of_fabric(Fabric::Idle), (vec![Lack::Fabric], true), "it only has to run");
    assert_eq!(of_fabric(Fabric::Absent), (vec![Lack::Fabric], false));
    assert_eq!(lacks(Maker::Nvidia, &stack(""), &two("10de:2330", 2, "12.2.140")), [], "nothing links them");
}

fn wishes() -> impl Strategy<Value = GpuStack> {
    let one_of =
        |versions: Vec<&'static str>| proptest::option::of(proptest::sample::select(versions).prop_map(str::to_owned));
    let from = proptest::option::of(proptest::sample::select(vec![GpuFrom::Distribution, GpuFrom::Maker]));
    let drivers = one_of(vec!["470", "525", "535", "535.54", "550", "570", "580"]);
    let cudas = one_of(vec!["11", "11.5", "11.8", "12", "12.2", "12.4", "12.8", "13", "13.0"]);
    let cudnns = one_of(vec!["8", "8.2", "8.5", "8.9", "8.9.7", "9", "9.0", "9.10", "9.19"]);
    (drivers, cudas, cudnns, one_of(vec!["5", "5.7", "6.2", "7", "7.2"]), from)
        .prop_map(|(driver, cuda, cudnn, rocm, from)| GpuStack { driver, cuda, cudnn, rocm, from })
}

fn there() -> impl Strategy<Value = Have> {
    let some = |versions: Vec<&'static str>| proptest::option::of(proptest::sample::select(versions).prop_map(of));
    (
        some(vec!["450.80.02", "470.256.02", "525.60.13", "535.261.03", "580.95.05"]),
        some(vec!["11.8.89", "12.2.140", "12.8.61"]),
    )
        .prop_map(|(driver, toolkit)| Have { driver, toolkit })
}

fn systems() -> impl Strategy<Value = System<'static>> {
    proptest::sample::select(SUPPLIES.iter().collect::<Vec<_>>()).prop_map(|supply| System {
        id: supply.id,
        version: supply.version,
        arch: supply.arch,
    })
}

/// One device of each architecture of NVIDIA's, or of several, or of none that is known.
fn machines() -> impl Strategy<Value = Hardware> {
    let ids: Vec<String> = ARCHITECTURES
        .iter()
        .filter(|one| one.maker == Maker::Nvidia)
        .flat_map(|one| one.devices)
        .map(|(first, _)| format!("10de:{first:04x}"))
        .chain(["10de:fffe".to_owned()])
        .collect();
    let links = proptest::sample::select(vec![Links::Direct, Links::Switched]);
    (proptest::collection::vec(proptest::sample::select(ids), 0..3), links)
        .prop_map(|(ids, links)| hardware(&ids.iter().map(String::as_str).collect::<Vec<_>>(), links))
}

/// Whether all of a recipe can be used with the accelerators; what is there already drives them.
fn is_for(hardware: &Hardware, recipe: &Recipe) -> bool {
    let made: Vec<Modules> = SUPPLIES
        .iter()
        .flat_map(matrix::Supply::all_drivers)
        .filter(|(_, part)| !part.packages.is_empty() && part.packages == recipe.driver.packages())
        .map(|(modules, _)| modules)
        .collect();
    let kept = matches!(recipe.driver, Chosen::Kept(_));
    let driver = recipe.driver.version();
    let fabric = recipe.fabric.as_ref().map(Chosen::version);
    hardware.takes_toolkit(&of(&recipe.toolkit.version()))
        && recipe.cudnn.as_ref().is_none_or(|cudnn| hardware.takes_cudnn(&cudnn.version()))
        && (kept || made.iter().any(|modules| hardware.is_driven_by(&driver, *modules)))
        && fabric == (hardware.is_switched() && !kept).then_some(driver)
}

#[test]
fn every_row_on_every_architecture_is_for_it_or_refused() {
    let (mut had, mut refused) = (0, 0);
    let of_nvidia = || ARCHITECTURES.iter().filter(|one| one.maker == Maker::Nvidia);
    for (row, one) in rows().flat_map(|row| of_nvidia().map(move |one| (row, one))) {
        let version = |part: &str| Some(part.to_owned());
        let wish = GpuStack {
            driver: version(row.driver.version),
            cuda: version(row.toolkit.version),
            cudnn: row.cudnn.and_then(|cudnn| version(cudnn.version)),
            from: Some(row.supply.from),
            ..GpuStack::default()
        };
        if row.supply.maker != Maker::Nvidia {
            continue;
        }
        let system = System { id: row.supply.id, version: row.supply.version, arch: row.supply.arch };
        for links in [Links::Direct, Links::Switched] {
            let machine = hardware(&[&format!("10de:{:04x}", one.devices[0].0)], links);
            match resolve(Maker::Nvidia, &wish, system, &machine, &Have::default()) {
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
    fn whatever_resolves_is_for_the_accelerators(wish in wishes(), machine in machines(), have in there(), system in systems()) {
        if let Ok(recipe) = resolve(Maker::Nvidia, &wish, system, &machine, &have) {
            prop_assert!(is_for(&machine, &recipe), "{machine:?} {recipe:?}");
        }
    }

    #[test]
    fn whatever_resolves_goes_together_and_is_what_is_wished(wish in wishes(), have in there(), system in systems()) {
        if let Ok(recipe) = resolve(Maker::Nvidia, &wish, system, &Hardware::default(), &have) {
            let (driver, toolkit) = (of(&recipe.driver.version()), of(&recipe.toolkit.version()));
            let cuda = CUDA.iter().find(|cuda| toolkit.is(&of(cuda.version))).unwrap();
            prop_assert!(driver.reaches(&of(cuda.runs_from)), "{recipe:?}");
            if wish.driver.is_none() && have == Have::default() {
                prop_assert!(driver.reaches(&of(cuda.made_with)), "{recipe:?}");
            }
            for (wished, got) in [(&wish.driver, Some(&recipe.driver)), (&wish.cuda, Some(&recipe.toolkit)), (&wish.cudnn, recipe.cudnn.as_ref())] {
                if let Some(wished) = wished {
                    prop_assert!(of(&got.unwrap().version()).is(&of(wished)), "{recipe:?}");
                }
            }
            prop_assert!(wish.from.is_none_or(|from| from == recipe.from));
        }
    }

    #[test]
    fn a_contradiction_can_be_had_nowhere(wish in wishes(), system in systems()) {
        if contradiction(Some(Maker::Nvidia), &wish).is_some() {
            let only = GpuStack { rocm: None, ..wish.clone() };
            prop_assert!(wish.rocm.is_some() || resolve(Maker::Nvidia, &only, system, &Hardware::default(), &Have::default()).is_err());
        }
    }
}
