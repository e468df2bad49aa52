use std::error::Error as _;
use std::num::NonZeroU32;

use hostler_core::setup::{CustomStep, PhaseKind, RunAs};
use hostler_core::shape::Shape;

use hostler_core::size::Bytes;
use hostler_core::verify::ExpectedMachine;

use super::packages::Scripted;
use super::*;

#[tokio::test]
async fn script_gets_its_directory_variables_and_peers() {
    let mut bench = Bench::new().await;
    bench.work.envs.insert("GREETING".to_owned(), "it's $(touch x)\nme".to_owned());
    let script = "echo \"$PWD\"; echo \"$GREETING\"; echo $HOSTLER_NODE_RANK/$SKYPILOT_NUM_NODES\n\
                  echo $SKYPILOT_NODE_IPS $HOSTLER_NUM_GPUS_PER_NODE; ls -A; false\necho goes on";
    assert!(!bench.already(&run(script)).await);
    let here = bench.work_file("").display().to_string();
    let here = here.trim_end_matches('/');
    assert_eq!(bench.output(), [here, "it's $(touch x)", "me", "0/2", "10.0.0.1 10.0.0.2 2", "goes on"]);
    assert_eq!(bench.log(), bench.output().join("\n") + "\n");
}

#[tokio::test]
async fn run_always_runs_and_setup_only_after_changes() {
    let mut bench = Bench::new().await.with_source(&[("a.txt", "1")]);
    bench.perform(&Phase::Source).await.unwrap();
    assert!(!bench.already(&run("echo ran")).await && !bench.already(&run("echo ran")).await);
    assert!(!bench.already(&setup("echo one")).await);
    assert!(bench.already(&setup("echo one")).await);
    assert!(!bench.already(&setup("echo two")).await);
    bench.work.envs.insert("A".to_owned(), "1".to_owned());
    assert!(!bench.already(&setup("echo two")).await);
    std::fs::write(bench.source.as_ref().unwrap().join("a.txt"), "2").unwrap();
    bench.perform(&Phase::Source).await.unwrap();
    assert!(!bench.already(&setup("echo two")).await);
    assert!(bench.already(&setup("echo two")).await);
}

#[tokio::test]
async fn failed_setup_runs_again() {
    let bench = Bench::new().await;
    let script = "test -e marker && exit; touch marker; exit 7";
    assert!(bench.perform(&setup(script)).await.is_err());
    assert!(!bench.already(&setup(script)).await);
}

fn custom(script: &str) -> Phase {
    let (name, run, tries) = ("state".to_owned(), script.to_owned(), NonZeroU32::MIN);
    Phase::Custom(CustomStep { name, run, check: None, user: RunAs::User, timeout: None, tries })
}

#[tokio::test]
async fn failed_change_invalidates_previous_done_marker() {
    let bench = Bench::new().await;
    for phase in [setup, custom] {
        let (one, other) = (phase("echo one >state"), phase("echo other >state; exit 1"));
        bench.perform(&one).await.unwrap();
        assert!(bench.perform(&other).await.is_err());
        assert_eq!(bench.perform(&one).await.unwrap(), Performed::Now);
        assert_eq!(std::fs::read_to_string(bench.work_file("state")).unwrap(), "one\n");
        assert!(bench.already(&one).await);
    }
}

#[tokio::test]
async fn rerun_repeats_completed_steps() {
    let mut bench = Bench::new().await;
    for phase in [setup, custom] {
        let adds = phase("echo once >>added");
        bench.rerun = false;
        bench.perform(&adds).await.unwrap();
        assert!(bench.already(&adds).await);
        bench.rerun = true;
        assert_eq!(bench.perform(&adds).await.unwrap(), Performed::Now);
    }
    assert_eq!(std::fs::read_to_string(bench.work_file("added")).unwrap(), "once\n".repeat(4));
}

#[tokio::test]
async fn user_variables_may_have_any_name() {
    let mut bench = Bench::new().await;
    std::fs::create_dir_all(bench.work_file(".venv/bin")).unwrap();
    for name in ["name", "value", "at", "left", "s"] {
        bench.work.envs.insert(name.to_owned(), format!("my {name}"));
    }
    bench.perform(&setup("echo \"$name, $value, $at, $left, $s\"")).await.unwrap();
    assert_eq!(bench.output(), ["my name, my value, my at, my left, my s"]);
}

#[tokio::test]
async fn lock_timeout_is_three_quarters_of_the_phase_limit() {
    let mut bench = Bench::new().await;
    bench.work.phases.timeouts.insert(PhaseKind::Setup, jiff::SignedDuration::from_secs(8));
    let session = Scripted::new(&[(0, ""), (0, ""), (0, ""), (0, "")]);
    bench.perform_on(&session, &setup("true")).await.unwrap();
    assert!(session.commands().iter().all(|command| command.args[1] == "6"), "three quarters of it");
}

#[tokio::test]
async fn first_boot_is_awaited_within_the_phase_limit() {
    let bench = Bench::new().await;
    let shape = Shape { cpus: 1, memory: Bytes::default(), disk: Bytes::default(), gpus: Vec::new() };
    let session = Scripted::new(&[(0, "cpus 1")]);
    let phase = Phase::Verify(ExpectedMachine { shape, arch: None, os: None });
    bench.perform_on(&session, &phase).await.unwrap();
    assert_eq!(session.commands()[0].limit, None, "only the phase has a limit, which the demand sets");
}

#[tokio::test]
async fn failure_shows_last_output_lines_and_log_path() {
    let bench = Bench::new().await;
    let error = bench.perform(&Phase::Check { command: "seq 30; exit 9".to_owned() }).await.unwrap_err();
    assert_eq!(error.to_string(), "phase `check` on `digits` failed: exit status 9");
    let tail = error.source().unwrap().to_string();
    let log = bench.server.dir.path().join("logs/digits/phase.log");
    assert!(
        tail.starts_with(&format!("last lines of the output (all of it: `{}`):\n  11\n  12\n", log.display())),
        "{tail}"
    );
    assert!(tail.ends_with("\n  30"), "{tail}");
    assert_eq!(bench.log().lines().count(), 30);
    let error = bench.perform(&run("no-such-program")).await.unwrap_err();
    assert!(error.hint.unwrap().contains("packages"));
}

#[tokio::test]
async fn secrets_reach_only_the_script() {
    let mut bench = Bench::new().await;
    bench.secrets.insert("TOKEN".to_owned(), SecretString::from("hunter2 $(x)"));
    let script = "echo \"${#TOKEN}: $TOKEN\"; cat /proc/[0-9]*/cmdline 2>/dev/null | grep -a -c 'hunte[r]2'; exit 0";
    bench.perform(&setup(script)).await.unwrap();
    assert_eq!(bench.output(), ["12: ***", "0"]);
    assert!(!bench.log().contains("hunter2"));
    let state = std::process::Command::new("grep").args(["-r", "hunter2"]).arg(bench.server.path("the state")).output();
    assert!(state.unwrap().stdout.is_empty());
}

#[tokio::test]
async fn lost_connection_is_transient() {
    let bench = Bench::new().await;
    let cutting = async {
        bench.seen.1.notified().await;
        bench.server.cut();
    };
    let phase = run("echo started; sleep 1000");
    let (outcome, ()) = tokio::join!(bench.perform(&phase), cutting);
    let error = outcome.unwrap_err();
    assert!(error.is_transient(), "{error}");
}
