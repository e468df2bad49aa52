use std::fs::File;

use super::*;
use crate::host::{Command, ProcessExit};
use crate::setup::lock;

/// Releases the lock of an earlier attempt as soon as a phase reports waiting for it.
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

/// Takes the lock, as an earlier attempt does.
fn held(bench: &Bench) -> File {
    let path = lock_file(bench);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let file = File::create(path).unwrap();
    file.lock().unwrap();
    file
}

fn command(bench: &Bench, script: &str, timeout: u64) -> Command {
    let lock = lock_file(bench).display().to_string();
    lock::run_locked(&Command::new(script).args(["a b"]), &lock, Duration::from_secs(timeout))
}

#[tokio::test]
async fn phase_starts_after_an_earlier_attempt_has_ended() {
    let mut bench = Bench::new().await;
    for phase in [setup("echo done"), Phase::Packages { packages: vec!["tar".to_owned()] }] {
        let report = EndsWhenAwaited(Mutex::new(Some(held(&bench))), Seen::default());
        bench.perform_with(&*bench.session, &phase, &report).await.unwrap();
        assert!(report.0.lock().unwrap().is_none(), "it waited");
        bench.seen = report.1;
        assert_eq!(bench.output().len(), usize::from(phase == setup("echo done")), "waiting is not output");
    }
}

#[tokio::test]
async fn run_does_not_wait_for_the_lock() {
    let bench = Bench::new().await;
    let _held = held(&bench);
    bench.perform(&run("echo ran")).await.unwrap();
    assert_eq!(bench.output(), ["ran"]);
}

#[tokio::test]
async fn lock_times_out_with_a_hint() {
    let bench = Bench::new().await;
    let _held = held(&bench);
    let said = Mutex::new(Vec::new());
    let keep = |_, line: &str| said.lock().unwrap().push(line.to_owned());
    let exit = bench.session.run(&command(&bench, "echo ran", 0), &keep).await.unwrap();
    assert_eq!(exit, ProcessExit::Status(75));
    let said = said.into_inner().unwrap();
    assert!(matches!(said.as_slice(), [line] if line.contains("end its processes or restart the machine")), "{said:?}");
}

#[tokio::test]
async fn script_runs_unlocked_without_flock() {
    let bench = Bench::new().await;
    let _held = held(&bench);
    let said = Mutex::new(Vec::new());
    let keep = |_, line: &str| said.lock().unwrap().push(line.to_owned());
    let bare = command(&bench, "echo \"$#: $1\"; exit 3", 0).env("PATH", "/nonexistent");
    assert_eq!(bench.session.run(&bare, &keep).await.unwrap(), ProcessExit::Status(3));
    assert_eq!(said.into_inner().unwrap(), ["1: a b"]);
}

#[tokio::test]
async fn background_program_does_not_hold_the_lock() {
    let bench = Bench::new().await;
    bench.perform(&setup("sleep 1000 >/dev/null 2>&1 & echo $!")).await.unwrap();
    let pid = bench.output().concat();
    let free = File::open(lock_file(&bench)).unwrap().try_lock();
    assert!(std::process::Command::new("kill").arg(&pid).status().unwrap().success(), "it was running");
    free.unwrap();
}
