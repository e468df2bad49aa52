//! Example commands: the last part of `--help`, the EXAMPLES section of the manual pages and the command-line reference.

/// Heading of the examples in `--help`; other renderers strip it.
pub const HEADING: &str = "Examples:\n";

/// `hostler plan`.
pub const PLAN: &str = "\
Examples:
  hostler plan train.yaml                         show machines, cost and steps
  hostler plan . --gpus A100:2 --on chameleon     2 A100 per machine, Chameleon
  hostler plan train.yaml --out plan.json         save for `hostler apply`
  hostler plan train.yaml -o json | jq .picks     chosen machines, as JSON";

/// `hostler up`.
pub const UP: &str = "\
Examples:
  hostler up examples/digits                      a directory
  hostler up https://github.com/pytorch/examples  a git repository
  hostler up train.yaml --on local --cpus 4+      demand file and overrides
  hostler up train.yaml --dry-run                 print the plan only
  hostler up train                                resume or repeat `train`";

/// `hostler down`.
pub const DOWN: &str = "\
Examples:
  hostler down train                              list, ask, delete
  hostler down train other --yes                  two, without asking
  hostler down --all --dry-run                    list all resources";

/// `hostler exec`.
pub const EXEC: &str = "\
Examples:
  hostler exec train -- nvidia-smi -L             every machine of `train`
  hostler exec train -m train-2 -- df -h          one machine
  hostler exec train -- sh -c 'cat out/*.log'     shell syntax needs a shell
  hostler exec --hosts hosts.toml -- uptime       hosts of a list";

/// `hostler sync`.
pub const SYNC: &str = "\
Examples:
  hostler sync up . train:~/work                  to every machine
  hostler sync down train:~/work/out results      from each to results/MACHINE
  hostler sync up data train:~/data --delete      also delete extra remote files";

/// `hostler setup`.
pub const SETUP: &str = "\
Examples:
  hostler setup train                             all phases
  hostler setup train --only docker               one phase
  hostler setup train --from gpu --skip python    later phases, but not `python`
  hostler setup train --only setup --again        even if `setup` is unchanged";

/// `hostler lease create`.
pub const LEASE_CREATE: &str = "\
Examples:
  hostler lease create paper --site uc --node-type gpu_p100 --amount 2
  hostler lease create big --site uc --filter 'gpu_count>=4' --duration 4h
  hostler lease create night --site uc --start 2026-10-30T20:00Z --within 6h
  hostler up train.yaml --reuse-lease paper       launch on an active lease";

/// `hostler availability`.
pub const AVAILABILITY: &str = "\
Examples:
  hostler availability --site uc --filter 'gpu_count>=4' --duration 4h
  hostler availability --amount 3 --start 2026-10-30T20:00Z --within 48h
  hostler availability --from feed --calendar     saved files, with a calendar
  hostler availability --from feed --plot calendar.html";

/// `hostler sweep`.
pub const SWEEP: &str = "\
Examples:
  hostler sweep --dry-run                         list only
  hostler sweep                                   list, ask, delete
  hostler sweep --ticket TICKET                   also untracked resources";

/// All of them.
pub const ALL: &[&str] = &[PLAN, UP, DOWN, EXEC, SYNC, SETUP, LEASE_CREATE, AVAILABILITY, SWEEP];
