use std::fs::File;

use super::*;
use crate::host::{Command, ProcessExit};
use crate::setup::alone;

/// Ends an earlier attempt, which holds the lock, as soon as somebody says that they wait for it.
struct EndsWhenAwaited(Mutex<Option<File>>, Seen);

impl Report for EndsWhenAwaited {
    fn report(&self, event: &Event) {
        self.1.report(event);
        if matches!(event, Event::Progress { text, .. } if text.starts_with("waiting for an earlier attempt")) {
            self.0.lock().unwrap().take();
        }
    }
}

fn lock_file(bench: &Bench) -> PathBuf {
    bench.server.dir.path().join("the state/digits/lock")
}

/// The lock, as an earlier attempt holds it.
fn held(bench: &Bench) -> File {
    let path = lock_file(bench);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let file = File::create(path).unwrap();
    file.lock().unwrap();
    file
}

fn command(bench: &Bench, script: &str, patience: u64) -> Command {
    let lock = lock_file(bench).display().to_string();
    alone::after_others(&Command::new(script).args(["a b"]), &lock, Duration::from_secs(patience))
}

#[tokio::test]
async fn a_phase_begins_once_an_earlier_attempt_has_ended() {
    let mut bench = Bench::new().await;
    for phase in [setup("echo done"), Phase::Packages { packages: vec!["tar".to_owned()] }] {
        let report = EndsWhenAwaited(Mutex::new(Some(held(&bench))), Seen::default());
        bench.perform_with(&*bench.session, &phase, &report).await.unwrap();
        assert!(report.0.lock().unwrap().is_none(), "it waited");
        bench.seen = report.1;
        assert_eq!(bench.output().len(), usize::from(phase == setup("echo done")), "waiting is no output");
    }
}

#[tokio::test]
async fn what_is_not_repeated_waits_for_nobody() {
    let bench = Bench::new().await;
    let _held = held(&bench);
    bench.perform(&run("echo ran")).await.unwrap();
    assert_eq!(bench.output(), ["ran"]);
}

#[tokio::test]
async fn waiting_has_an_end_and_says_what_to_do() {
    let bench = Bench::new().await;
    let _held = held(&bench);
    let said = Mutex::new(Vec::new());
    let keep = |_, line: &str| said.lock().unwrap().push(line.to_owned());
    let exit = bench.session.run(&command(&bench, "echo ran", 0), &keep).await.unwrap();
    assert_eq!(exit, ProcessExit::Status(75));
    let said = said.into_inner().unwrap();
    assert!(
        matches!(said.as_slice(), [line] if line.contains("end its processes, or restart the machine")),
        "{said:?}"
    );
}

#[tokio::test]
async fn without_flock_a_script_is_run_as_it_is() {
    let bench = Bench::new().await;
    let _held = held(&bench);
    let said = Mutex::new(Vec::new());
    let keep = |_, line: &str| said.lock().unwrap().push(line.to_owned());
    let bare = command(&bench, "echo \"$#: $1\"; exit 3", 0).env("PATH", "/nonexistent");
    assert_eq!(bench.session.run(&bare, &keep).await.unwrap(), ProcessExit::Status(3));
    assert_eq!(said.into_inner().unwrap(), ["1: a b"]);
}

#[tokio::test]
async fn a_program_that_is_left_in_the_background_keeps_nobody_waiting() {
    let bench = Bench::new().await;
    bench.perform(&setup("sleep 1000 >/dev/null 2>&1 & echo $!")).await.unwrap();
    let pid = bench.output().concat();
    let free = File::open(lock_file(&bench)).unwrap().try_lock();
    assert!(std::process::Command::new("kill").arg(&pid).status().unwrap().success(), "it lived");
    free.unwrap();
}
