use insta::assert_snapshot;
use proptest::prelude::*;

use super::*;

fn tree(files: &[(&str, &str)]) -> FileTree {
    let mut tree = FileTree::default();
    for (path, text) in files {
        tree.files.insert((*path).to_owned(), text.len() as u64);
        if wants(path) {
            tree.contents.insert((*path).to_owned(), text.as_bytes().to_vec());
        }
    }
    tree
}

/// All findings and problems, one per line.
fn show(files: &[(&str, &str)]) -> String {
    let scan = scan(&tree(files));
    let also = |finding: &Finding| if finding.also == 0 { String::new() } else { format!(" (+{})", finding.also) };
    let findings = scan.findings.iter().map(|finding| {
        let (fact, value) = (finding.fact.name(), finding.fact.value().replace('\n', "⏎"));
        format!(
            "{fact} {value}, {} by {}{}: {}",
            finding.confidence,
            finding.location(),
            also(finding),
            finding.evidence
        )
    });
    findings.chain(scan.problems.iter().map(|problem| format!("! {problem}"))).collect::<Vec<_>>().join("\n")
}

/// Checks the suggested `gpus`, and the presence of a GPU among the hints.
#[track_caller]
fn check_gpu(files: &[(&str, &str)], expected: Option<&str>, is_hinted: bool) {
    let scan = scan(&tree(files));
    let needs = scan.suggestions();
    assert_eq!(needs.gpus.map(|gpus| gpus.value.to_string()).as_deref(), expected, "{files:?}");
    let hint = needs.hints.iter().any(|index| matches!(scan.findings[*index].fact, ScanFact::Gpu(_)));
    assert_eq!(hint, is_hinted, "{files:?}");
}

#[test]
fn frameworks_hint_at_a_gpu_in_every_format() {
    check_gpu(&[("requirements.txt", "torch\n")], None, true);
    check_gpu(&[("pyproject.toml", "[project]\ndependencies = ['torch>=2']\n")], None, true);
    check_gpu(&[("setup.py", "from setuptools import setup\nsetup(install_requires=['torch'])\n")], None, true);
    check_gpu(&[("setup.cfg", "[options]\ninstall_requires =\n  numpy\n  torch\n")], None, true);
    check_gpu(&[("environment.yml", "dependencies:\n  - pytorch::pytorch=2.1\n")], None, true);
    check_gpu(&[("environment.yml", "dependencies:\n  - pip:\n    - torch\n")], None, true);
    check_gpu(&[("Pipfile", "[packages]\ntorch = '*'\n")], None, true);
    check_gpu(&[("uv.lock", "[[package]]\nname = 'torch'\nversion = '2.1.0'\n")], None, true);
    check_gpu(&[("Pipfile.lock", "{\"default\": {\"torch\": {\"version\": \"==2.1.0\"}}}")], None, true);
}

#[test]
fn comments_and_similar_names_are_no_evidence() {
    for text in ["# no torch here", "numpy  # not torch", "ajax-client", "torchlight-logger", "scikit-learn"] {
        check_gpu(&[("requirements.txt", text)], None, false);
    }
    check_gpu(&[("README.md", "torch and CUDA and #SBATCH --gres=gpu:1")], None, false);
    check_gpu(&[("setup.py", "# torch\n'''setup(install_requires=[\"torch\"])'''\n")], None, false);
    check_gpu(
        &[("CMakeLists.txt", "# project(x CUDA)\n#[[\nenable_language(CUDA)\n]]\nproject(CUDA CXX)\n")],
        None,
        false,
    );
    check_gpu(&[("run.sh", "echo hi\n#SBATCH --gres=gpu:1\n")], None, false);
    check_gpu(&[("job.slurm", "##SBATCH --gres=gpu:1\n")], None, false);
    check_gpu(&[("Dockerfile", "FROM debian\nRUN echo nvidia/cuda:12.1\n# FROM nvidia/cuda:12.1\n")], None, false);
    check_gpu(&[("deploy.yaml", "apiVersion: v1\nresources: {accelerators: V100}\nrun: x\n")], None, false);
}

#[test]
fn cuda_builds_require_a_gpu() {
    let one = Some("any:1");
    check_gpu(&[("requirements.txt", "torch==2.1.0+cu118\n")], one, false);
    check_gpu(&[("requirements.txt", "--extra-index-url https://example.org/whl/cu118\ntorch\n")], one, false);
    check_gpu(&[("requirements.txt", "-r more/gpu.in\n"), ("more/gpu.in", "cupy\n")], None, false);
    check_gpu(
        &[
            ("requirements.txt", "-r requirements/gpu.in\n"),
            ("requirements/gpu.in", "-r base.txt"),
            ("requirements/base.txt", "cupy-cuda12x"),
        ],
        None,
        true,
    );
    check_gpu(&[("src/a/kernel.cu", "")], one, false);
    check_gpu(&[("CMakeLists.txt", "project(x\n  LANGUAGES CXX CUDA)\n")], one, false);
    check_gpu(&[("CMakeLists.txt", "find_package(CUDAToolkit 12.0 REQUIRED)\n")], one, false);
    check_gpu(&[("Dockerfile", "ARG V=12.1.0\nFROM nvidia/cuda:${V}-devel AS base\nFROM base\n")], one, false);
    check_gpu(&[("Dockerfile", "FROM tensorflow/tensorflow:2.14.0-gpu\n")], one, false);
    check_gpu(&[("docker-compose.yml", "services: {a: {runtime: nvidia}}\n")], one, false);
    check_gpu(&[("environment.yml", "dependencies: [pytorch, pytorch-cuda=11.8]\n")], one, false);
    check_gpu(&[("poetry.lock", "[[package]]\nname = 'torch'\nversion = '2.1.0+cu118'\n")], one, false);
}

#[test]
fn optional_and_auxiliary_files_are_hints() {
    check_gpu(&[("requirements-gpu.txt", "torch==2.1.0+cu118\n")], None, true);
    check_gpu(&[("examples/mnist/requirements.txt", "torch==2.1.0+cu118\n")], None, true);
    check_gpu(&[("tests/kernel.cu", "")], None, true);
    check_gpu(&[("pyproject.toml", "[project.optional-dependencies]\ngpu = ['cupy-cuda12x']\n")], None, true);
    check_gpu(
        &[("pyproject.toml", "[tool.poetry.dependencies]\ncupy = {version = '*', optional = true}\n[build-system]\n")],
        None,
        true,
    );
    check_gpu(&[("CMakeLists.txt", "if(USE_CUDA)\n enable_language(CUDA)\nendif()\n")], None, true);
    check_gpu(&[("CMakeLists.txt", "find_package(CUDAToolkit)\n")], None, true);
    check_gpu(
        &[("Dockerfile", "FROM nvidia/cuda:12.1.0-devel AS build\nFROM debian:12\nCOPY --from=build /x /x\n")],
        None,
        true,
    );
    check_gpu(&[(".devcontainer/devcontainer.json", "{\"hostRequirements\": {\"gpu\": \"optional\"}}")], None, true);
    let both = "[[package]]\nname='torch'\nversion='2.1.0+cpu'\n[[package]]\nname='torch'\nversion='2.1.0+cu118'\n";
    check_gpu(&[("uv.lock", both)], None, true);
    check_gpu(&[("third_party/x/kernel.cu", ""), (".venv/requirements.txt", "cupy")], None, false);
}

#[test]
fn stated_beats_implied_and_larger_wins_among_equals() {
    let pin = ("requirements.txt", "torch==2.1.0+cu118\n");
    let small = ("a.sbatch", "#!/bin/sh\n#SBATCH --gres=gpu:a100:2 --mem=8G\n");
    let large = ("b.sbatch", "#!/bin/sh\n#SBATCH --gres=gpu:4 --mem=512\n");
    check_gpu(&[pin, small], Some("a100:2"), false);
    check_gpu(&[pin, small, large], Some("any:4"), false);
    let scan = scan(&tree(&[pin, small, large]));
    let memory = scan.suggestions().memory.unwrap();
    assert_eq!(memory.value, crate::size::Bytes::gib(8));
    assert_eq!(scan.findings[memory.evidence[0]].location(), "a.sbatch:2");
}

#[test]
fn same_fact_in_two_files_is_one_finding() {
    assert_snapshot!(show(&[
        ("requirements.txt", "torch\n"),
        ("pyproject.toml", "[build-system]\n[project]\nname = 'x'\ndependencies = [\n  'torch',\n]\n"),
    ]), @r"
    gpu any:1, guessed by pyproject.toml:5 (+1): torch
    requirement_file requirements.txt, implied by requirements.txt: requirements.txt
    install_project yes, implied by pyproject.toml:1: pyproject.toml
    ");
}

#[test]
fn python_project() {
    assert_snapshot!(show(&[
        (".python-version", "# pinned\n3.11.4\n"),
        ("pyproject.toml", "[project]\nrequires-python = '>=3.8,<3.11'\ndependencies = ['numpy>=1.26', 'tqdm']\n"),
        ("Pipfile", "[packages]\nrequests = {version = '>=2', extras = ['socks']}\n[requires]\npython_version = '3.10'\n"),
        ("setup.cfg", "[options]\npython_requires = >=3.9\n"),
        ("train.py", ""),
        ("Procfile", "web: gunicorn app\nworker: celery\n"),
    ]), @r"
    python 3.10, stated by Pipfile:4 (+1): 3.10
    python 3.11, stated by .python-version:2: 3.11.4
    python_range >=3.8,<3.11, stated by pyproject.toml:2: >=3.8,<3.11
    python_range >=3.9, stated by setup.cfg:2: >=3.9
    requirement numpy>=1.26, implied by pyproject.toml:3: numpy>=1.26
    requirement requests[socks]>=2, implied by Pipfile:2: requests[socks]>=2
    requirement tqdm, implied by pyproject.toml:3: tqdm
    run celery, guessed by Procfile:2: celery
    run gunicorn app, guessed by Procfile:1: gunicorn app
    run python train.py, guessed by train.py: train.py
    ");
}

#[test]
fn python_environment() {
    let scan = scan(&tree(&[
        ("requirements.txt", "scikit-learn\n"),
        ("requirements-dev.txt", "pytest\n"),
        ("setup.py", "from setuptools import setup\nsetup(name='x', python_requires='>=3.12')\n"),
    ]));
    let python = scan.suggestions().python.unwrap();
    assert_snapshot!(format!("{:?}", python.value), @r#"PythonRequest { version: Some("3.12"), requirement_files: ["requirements.txt"], requirements: [], install_project: true }"#);
    let places: Vec<String> = python.evidence.iter().map(|index| scan.findings[*index].location()).collect();
    assert_eq!(places, ["setup.py:2", "requirements.txt", "setup.py:2"]);
}

#[test]
fn conda_environment() {
    assert_snapshot!(show(&[(
        "environment.yml",
        "name: x\ndependencies:\n  - python=3.10\n  - nvidia::cudatoolkit=11.8.0\n  - numpy\n  - pip:\n    - tqdm>4\n    - -r requirements/all.txt\n",
    ), ("requirements/all.txt", "")]), @r"
    gpu any:1, implied by environment.yml:4: nvidia::cudatoolkit=11.8.0
    cuda 11.8, implied by environment.yml:4: nvidia::cudatoolkit=11.8.0
    python 3.10, stated by environment.yml:3: 3.10
    requirement_file requirements/all.txt, implied by environment.yml:8: -r requirements/all.txt
    conda_file environment.yml, stated by environment.yml: environment.yml
    requirement tqdm>4, implied by environment.yml:7: tqdm>4
    ! environment.yml:3: 2 conda packages are installed only if conda is requested: `setup_phases: {conda: true}`
    ");
}

#[test]
fn dockerfile() {
    assert_snapshot!(show(&[("Dockerfile", "\
ARG TAG=2.1.0-cuda12.1-cudnn8-runtime
FROM pytorch/pytorch:$TAG AS base
RUN apt-get update && apt-get install -y --no-install-recommends \\
    # a comment between
    git=1:2.39 libgl1 \\
    $EXTRA cuda-toolkit-12-1 && rm -rf /var/lib/apt/lists/*
RUN add-apt-repository ppa:x/y
RUN apt-get install -y python3.9
FROM base
RUN --mount=type=cache,target=/root/.cache pip install --upgrade pip 'numpy>=1.26' -r requirements.txt .
"), ("requirements.txt", "")]), @r"
    gpu any:1, implied by Dockerfile:2: pytorch/pytorch:2.1.0-cuda12.1-cudnn8-runtime
    cuda 12.1, implied by Dockerfile:2: pytorch/pytorch:2.1.0-cuda12.1-cudnn8-runtime
    base_image pytorch/pytorch:2.1.0-cuda12.1-cudnn8-runtime, stated by Dockerfile:2: pytorch/pytorch:2.1.0-cuda12.1-cudnn8-runtime
    requirement_file requirements.txt, implied by Dockerfile:10 (+1): pip install -r requirements.txt
    requirement numpy>=1.26, implied by Dockerfile:10: numpy>=1.26
    system_package git, implied by Dockerfile:3: apt-get install git
    system_package libgl1, implied by Dockerfile:3: apt-get install libgl1
    system_package cuda-toolkit-12-1, guessed by Dockerfile:3: apt-get install cuda-toolkit-12-1
    system_package python3.9, guessed by Dockerfile:8: apt-get install python3.9
    ");
}

#[test]
fn slurm_job() {
    assert_snapshot!(show(&[("jobs/train.sbatch", "\
#!/bin/bash
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=4 --cpus-per-task=8   # a remark
#SBATCH --mem-per-cpu=2G
#SBATCH -t 1-12:00:00
#SBATCH --gpus-per-task=a100:1

srun python train.py
#SBATCH --mem=999G
")]), @r"
    gpu a100:4, implied by jobs/train.sbatch:6: #SBATCH --gpus-per-task=a100:1
    cpus 32, implied by jobs/train.sbatch:3: #SBATCH --ntasks-per-node=4 --cpus-per-task=8   # a remark
    memory 64GiB, implied by jobs/train.sbatch:4: #SBATCH --mem-per-cpu=2G
    nodes 2, implied by jobs/train.sbatch:2: #SBATCH --nodes=2
    duration 1d12h, implied by jobs/train.sbatch:5: #SBATCH -t 1-12:00:00
    ");
}

#[test]
fn compose_services() {
    assert_snapshot!(show(&[("compose.yaml", "\
services:
  db:
    image: postgres
    deploy: {resources: {limits: {memory: 900g}, reservations: {cpus: '0.5', memory: 512m}}}
  train:
    build: .
    deploy:
      resources:
        reservations:
          cpus: '2'
          memory: 4gb
          devices:
            - driver: nvidia
              device_ids: ['0', '3']
              capabilities: [gpu]
")]), @r"
    gpu any:2, stated by compose.yaml:13: capabilities: [gpu]
    cpus 3, stated by compose.yaml:4: cpus: 3
    memory 4.5GiB, stated by compose.yaml:4: memory: 4.5GiB
    ");
}

#[test]
fn skypilot_task() {
    assert_snapshot!(show(&[("train.yaml", "\
num_nodes: 2
resources:
  cpus: 8+
  memory: 32+
  accelerators: {V100: 4}
  disk_size: 100
setup: pip install -e .
run: |
  python train.py
  echo done
"), ("sky/other.yaml", "resources:\n  accelerators: [A100:2, H100:1]\nrun: other\n")]), @r"
    gpu V100:4, stated by train.yaml:5: accelerators: V100:4
    gpu any:1, implied by sky/other.yaml:2: accelerators: any:1
    cpus 8, stated by train.yaml:3: cpus: 8+
    memory 32GiB, stated by train.yaml:4: memory: 32+
    disk 100GiB, stated by train.yaml:6: disk_size: 100
    nodes 2, stated by train.yaml:1: num_nodes: 2
    setup pip install -e ., stated by train.yaml:7: setup: pip install -e .
    run python train.py⏎echo done, stated by train.yaml:9: run: python train.py
    run other, guessed by sky/other.yaml:3: run: other
    ");
}

#[test]
fn none_of_two_run_scripts_is_suggested() {
    let task = |run: &str| format!("resources:\n  cpus: 2\nrun: {run}\n");
    let one = scan(&tree(&[("a.yaml", &task("x"))]));
    assert_eq!(one.suggestions().run.unwrap().value, "x");
    let two = scan(&tree(&[("a.yaml", &task("x")), ("b.yaml", &task("y"))]));
    let needs = two.suggestions();
    assert_eq!(needs.run, None);
    let hints: Vec<String> = needs.hints.iter().map(|index| two.findings[*index].location()).collect();
    assert_eq!(hints, ["a.yaml:3", "b.yaml:3"]);
}

#[test]
fn development_container() {
    assert_snapshot!(show(&[(".devcontainer/devcontainer.json", "\
// For the editor.
{
\t\"image\": \"devcontainers/python:1-3.11-bookworm\",
\t\"hostRequirements\": {
\t\t\"cpus\": 4, /* enough */
\t\t\"memory\": \"8gb\",
\t\t\"storage\": \"much\",
\t\t\"gpu\": true,
\t},
}
")]), @r"
    gpu any:1, stated by .devcontainer/devcontainer.json:8: gpu
    cpus 4, stated by .devcontainer/devcontainer.json:5: cpus: 4
    memory 7.5GiB, stated by .devcontainer/devcontainer.json:6: memory: 7.5GiB
    base_image devcontainers/python:1-3.11-bookworm, stated by .devcontainer/devcontainer.json:3: devcontainers/python:1-3.11-bookworm
    python 3.11, implied by .devcontainer/devcontainer.json:3: 3.11
    ! .devcontainer/devcontainer.json:7: `storage` is not a size
    ");
}

#[test]
fn unreadable_files_are_problems() {
    let mut tree = tree(&[
        ("pyproject.toml", "[project\n"),
        ("environment.yml", "a: [\n"),
        ("compose.yml", "\t- x"),
        (".devcontainer.json", "{"),
        ("job.sbatch", "#SBATCH --time=soon\n"),
        ("setup.py", "setup(install_requires=read())"),
        ("requirements.txt", "cupy-cuda12x\n"),
    ]);
    tree.contents.insert("Dockerfile".to_owned(), b"FROM \xff\xfe".to_vec());
    tree.files.insert("Dockerfile".to_owned(), 7);
    let scan = scan(&tree);
    assert_eq!(scan.suggestions().gpus.unwrap().value.to_string(), "any:1");
    let problems: Vec<String> = scan.problems.iter().map(ScanProblem::to_string).collect();
    assert_snapshot!(problems.join("\n"), @r"
    .devcontainer.json:1: not JSON: unclosed bracket '{'; ignored
    Dockerfile: not a text file; ignored
    environment.yml:1: not YAML: unclosed bracket '['; ignored
    job.sbatch:1: `soon` is not a valid Slurm time
    pyproject.toml:1: not TOML; ignored
    setup.py:1: `install_requires` is computed at run time; its packages are unknown
    ");
}

#[test]
fn credentials_are_hidden_in_evidence() {
    let kept = show(&[("Pipfile", "[packages]\nx = {version = '@ https://s3cret@example.org/x.whl'}\n")]);
    assert_eq!(kept, "! Pipfile:2: contains credentials; not installed");
    let shown = show(&[("requirements.txt", "--extra-index-url https://me:s3cret@example.org/whl/cu118\n")]);
    assert!(shown.contains("https://***@example.org/whl/cu118") && !shown.contains("s3cret"), "{shown}");
}

/// A recursive or quadratic reader would overflow the stack or take minutes on each of these.
#[test]
fn malicious_files_are_scanned_quickly() {
    let many = |text: &str| text.repeat((1 << 20) / text.len());
    let keys: String = (0..40_000).map(|number| format!("k{number}: 1\n  ")).collect();
    for (path, text) in [
        ("pyproject.toml", format!("a = {}", many("["))),
        ("pyproject.toml", format!("a = {}", many("{a="))),
        ("pyproject.toml", format!("{}a = 1", many("a."))),
        ("pyproject.toml", format!("[{}a]", many("a."))),
        ("pyproject.toml", many("[[a.a]]\n")),
        ("environment.yml", many("[")),
        ("environment.yml", many("- ")),
        ("environment.yml", format!("a: &a\n  {keys}\nb:\n  <<: *a\n  {}", keys.replace('k', "l"))),
        ("Pipfile.lock", many("{\"a\":")),
        (".devcontainer.json", many("/*")),
        (".devcontainer.json", many("\"")),
        ("Dockerfile", many("FROM a as a\n")),
        ("Dockerfile", many("RUN a && \\\n")),
        ("setup.py", format!("install_requires={}", many("["))),
        ("setup.py", many("\"\"\"")),
        ("CMakeLists.txt", many("(")),
        ("CMakeLists.txt", many("#[[")),
        ("requirements.txt", many("#")),
        ("requirements.txt", many("a\\\n")),
        ("a.sbatch", many("#SBATCH -c ")),
    ] {
        scan(&tree(&[(path, &text)]));
    }
}

const NAMES: [&str; 18] = [
    "requirements.txt",
    "pyproject.toml",
    "setup.py",
    "setup.cfg",
    "environment.yml",
    "Pipfile",
    "Pipfile.lock",
    "uv.lock",
    ".python-version",
    "Dockerfile",
    "compose.yml",
    "job.sbatch",
    "task.yaml",
    "devcontainer.json",
    "CMakeLists.txt",
    "Procfile",
    "a/kernel.cu",
    "main.py",
];

/// Random bytes, or fragments of the syntax that the readers look for.
fn contents() -> impl Strategy<Value = Vec<u8>> {
    let scrap = prop::sample::select(vec![
        "torch",
        "+cu118",
        "[",
        "]",
        "(",
        ")",
        "{",
        "}",
        "\"",
        "'",
        "'''",
        "\\",
        "\n",
        "  ",
        "#",
        "/*",
        "//",
        "=",
        ":",
        "-",
        "$",
        "${",
        "FROM ",
        "RUN apt-get install ",
        "ARG A=",
        " AS a",
        "#SBATCH ",
        "--gres=gpu:",
        "--time=",
        "9",
        "project(",
        "CUDA",
        "endif(",
        "install_requires",
        "setup(",
        "resources:\n",
        "run: ",
        "dependencies",
        "project",
        "é",
        "\u{0}",
        "&a ",
        "*a",
        "<<: ",
    ]);
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..60),
        prop::collection::vec(scrap, 0..40).prop_map(|scraps| scraps.concat().into_bytes()),
    ]
}

proptest! {
    #[test]
    fn scan_never_panics_and_is_deterministic(
        files in prop::collection::vec((prop::sample::select(NAMES.to_vec()), contents()), 0..8),
        odd in prop::collection::vec(("[a-z./ é\\-]{0,20}", contents()), 0..3),
    ) {
        let all: Vec<(String, Vec<u8>)> = files.into_iter().map(|(name, bytes)| (name.to_owned(), bytes)).chain(odd).collect();
        // Paths must be unique: among equal ones the last would win, which depends on the order.
        let unique: std::collections::BTreeMap<String, Vec<u8>> = all.into_iter().collect();
        let build = |paths: Vec<&String>| {
            let mut tree = FileTree::default();
            for path in paths {
                tree.files.insert(path.clone(), unique[path].len() as u64);
                tree.contents.insert(path.clone(), unique[path].clone());
                tree.problems.push(ScanProblem::file(path.clone(), "skipped"));
            }
            tree
        };
        let forward = scan(&build(unique.keys().collect()));
        let backward = scan(&build(unique.keys().rev().collect()));
        prop_assert_eq!(&forward, &backward);
        let needs = forward.suggestions();
        prop_assert!(needs.hints.iter().all(|index| *index < forward.findings.len()));
    }
}
