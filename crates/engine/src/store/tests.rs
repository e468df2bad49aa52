use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};

use futures::future::{join, join_all};
use hostler_core::journal::StepEvent;
use tempfile::TempDir;

use super::testing::{plan_of, second};
use super::*;

async fn new_store() -> (TempDir, Store) {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).await.unwrap();
    (dir, store)
}

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

fn numbers(record: &Record) -> Vec<u64> {
    record.entries.iter().map(|stored| stored.number).collect()
}

// ---- in this process

#[tokio::test]
async fn concurrent_opens_of_a_new_store_all_succeed() {
    for round in 0..20 {
        let dir = tempfile::tempdir().unwrap();
        let opened = join_all((0..6).map(|_| Store::open(dir.path()))).await;
        for store in opened {
            store.unwrap_or_else(|error| panic!("round {round}: {error:?}")).list().await.unwrap();
        }
    }
}

#[tokio::test]
async fn directory_is_readable_by_its_owner_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().unwrap();
    let inner = dir.path().join("a/b");
    Store::open(&inner).await.unwrap();
    assert_eq!(inner.metadata().unwrap().permissions().mode() & 0o777, 0o700);
}

#[tokio::test]
async fn record_reads_back_unchanged() {
    let (dir, store) = new_store().await;
    let (plan, at) = (plan_of("digits", 1), second(1));
    store.begin(&plan, at).await.unwrap();
    let mut record = store.find(&name("digits")).await.unwrap().unwrap();
    let step = plan.steps[0].id.clone();
    let entry = Entry::Step { step: step.clone(), event: StepEvent::Started };
    store.record(&mut record, second(2), entry).await.unwrap();
    store.pin(plan.deployment, &[(step.clone(), "ssh-ed25519 AAAA".to_owned())]).await.unwrap();
    let again = Store::open(dir.path()).await.unwrap();
    assert_eq!(again.find(&name("digits")).await.unwrap().as_ref(), Some(&record));
    assert_eq!((numbers(&record), &record.plan, record.created), (vec![1, 2], &plan, at));
    assert_eq!(again.pinned(plan.deployment).await.unwrap(), BTreeMap::from([(step, "ssh-ed25519 AAAA".to_owned())]));
    assert!(again.find(&name("digit")).await.unwrap().is_none(), "only the exact name");
}

#[tokio::test]
async fn next_round_has_the_newer_plan_and_the_same_journal() {
    let (_dir, store) = new_store().await;
    let first = plan_of("digits", 1);
    store.begin(&first, second(1)).await.unwrap();
    let mut later = first.clone();
    later.demand.workload.run = Some("./train".to_owned());
    let mut record = store.find(&name("digits")).await.unwrap().unwrap();
    let round = Round::of(&later, &first, record.journal()).unwrap();
    store.begin_round(&mut record, round, second(2)).await.unwrap();
    assert_eq!(store.find(&name("digits")).await.unwrap().as_ref(), Some(&record));
    assert_eq!((numbers(&record), record.plan), (vec![1, 2], later));
}

#[tokio::test]
async fn illegal_entry_is_refused_before_it_is_written() {
    let (_dir, store) = new_store().await;
    let plan = plan_of("digits", 1);
    store.begin(&plan, second(0)).await.unwrap();
    let mut record = store.find(&name("digits")).await.unwrap().unwrap();
    let undone = Entry::Step { step: plan.steps[0].id.clone(), event: StepEvent::Undone };
    let down = || Entry::Goal(Goal::Down);
    let stored = record.clone();
    for entries in [vec![undone.clone()], vec![down(), undone], vec![down(), Entry::Goal(Goal::Up)]] {
        let error = store.record_all(&mut record, second(1), entries).await.unwrap_err();
        assert!(matches!(&error, StoreError::IllegalEntry { .. }), "{error}");
        assert_eq!(record, stored);
        assert_eq!(store.find(&name("digits")).await.unwrap().as_ref(), Some(&stored));
    }
    // No new round, and no newer plan, for a deployment that is being deleted.
    store.record(&mut record, second(2), down()).await.unwrap();
    let later = Plan { until: Some(second(9)), ..plan.clone() };
    let round = Round::of(&later, &plan, record.journal()).unwrap();
    store.begin_round(&mut record, round, second(3)).await.unwrap_err();
    assert_eq!(record.plan, plan);
    assert_eq!(store.find(&name("digits")).await.unwrap(), Some(record));
}

#[tokio::test]
async fn stored_illegal_entry_makes_only_its_deployment_unreadable() {
    let (_dir, store) = new_store().await;
    for (text, id) in [("good", 1), ("bad", 2)] {
        store.begin(&plan_of(text, id), second(1)).await.unwrap();
    }
    let undone = Entry::Step { step: "machine-bad".parse().unwrap(), event: StepEvent::Undone };
    store.insert_all(DeploymentId::from_bits(2), second(2), &[undone], None).await.unwrap();
    let listing = store.list().await.unwrap();
    assert_eq!(listing.records.iter().map(|record| record.name.as_str()).collect::<Vec<_>>(), ["good"]);
    let errors = [
        listing.unreadable.into_iter().next().unwrap(),
        store.find(&name("bad")).await.unwrap_err(),
        store.find_last(&name("bad")).await.unwrap_err(),
    ];
    for error in errors {
        let text = error.to_string();
        assert!(
            text.contains("entry 2 (`undone` of step `machine-bad` is illegal: the step has not started"),
            "{text}"
        );
        assert!(text.contains("of `bad`"), "{text}");
    }
    assert_eq!(store.ids_of("bad").await.unwrap(), BTreeSet::from([DeploymentId::from_bits(2)]));
    assert_eq!(store.live_names().await.unwrap()[&DeploymentId::from_bits(2)], name("bad"));
    let taken = store.begin(&plan_of("bad", 3), second(3)).await.unwrap_err();
    assert!(matches!(taken, StoreError::NameTaken(_)), "{taken}");
}

#[tokio::test]
async fn unparsable_name_hides_no_other_live_deployment() {
    let (_dir, store) = new_store().await;
    for (text, id) in [("good", 1), ("bad", 2)] {
        store.begin(&plan_of(text, id), second(1)).await.unwrap();
    }
    let renamed = sqlx::query("UPDATE deployment SET name = 'Not a name' WHERE name = 'bad'");
    renamed.execute(&mut *store.connection.lock().await).await.unwrap();
    assert_eq!(store.live_names().await.unwrap(), BTreeMap::from([(DeploymentId::from_bits(1), name("good"))]));
    assert_eq!(store.live_ids().await.unwrap(), [1, 2].map(DeploymentId::from_bits).into());
}

#[tokio::test]
async fn concurrent_writers_number_entries_without_gaps() {
    let (dir, one) = new_store().await;
    let plan = plan_of("digits", 1);
    one.begin(&plan, second(0)).await.unwrap();
    one.begin(&plan_of("other", 2), second(0)).await.unwrap();
    let two = Store::open(dir.path()).await.unwrap();
    let writes = async |store: &Store| {
        let mut written = Vec::new();
        for _ in 0..20 {
            written.extend(store.insert_all(plan.deployment, second(1), &[Entry::Hold(true)], None).await.unwrap());
        }
        written
    };
    let (mut written, others) = join(writes(&one), writes(&two)).await;
    written.extend(others);
    written.sort_unstable();
    assert_eq!(written, (2..=41).collect::<Vec<u64>>(), "each number is used once");
    let record = one.find(&name("digits")).await.unwrap().unwrap();
    assert_eq!(numbers(&record), (1..=41).collect::<Vec<u64>>());
    assert_eq!(numbers(&one.find(&name("other")).await.unwrap().unwrap()), [1], "each deployment has its own numbers");
}

#[tokio::test]
async fn name_is_unique_among_live_deployments_and_freed_by_close() {
    let (_dir, store) = new_store().await;
    let (first, second_plan) = (plan_of("digits", 1), plan_of("digits", 2));
    store.begin(&first, second(1)).await.unwrap();
    let taken = store.begin(&second_plan, second(2)).await.unwrap_err();
    assert!(matches!(&taken, StoreError::NameTaken(taken) if *taken == name("digits")), "{taken}");
    store.close(first.deployment, second(3)).await.unwrap();
    assert!(store.find(&name("digits")).await.unwrap().is_none());
    store.begin(&second_plan, second(4)).await.unwrap();
    assert_eq!(store.closed().await.unwrap(), [first.deployment]);
    assert_eq!(store.ids().await.unwrap(), BTreeSet::from([first.deployment, second_plan.deployment]));
}

#[tokio::test]
async fn find_last_prefers_the_live_deployment_then_the_newest() {
    let (_dir, store) = new_store().await;
    let last = async || store.find_last(&name("digits")).await.unwrap().map(|record| record.id);
    assert_eq!(last().await, None);
    let plans = [1, 2, 3].map(|id| plan_of("digits", id));
    for (plan, at) in plans.iter().zip([10, 20]) {
        store.begin(plan, second(at)).await.unwrap();
        store.close(plan.deployment, second(at + 1)).await.unwrap();
    }
    assert_eq!(last().await, Some(plans[1].deployment));
    // Created while this computer's clock was slow.
    store.begin(&plans[2], second(5)).await.unwrap();
    assert_eq!(last().await, Some(plans[2].deployment));
}

#[tokio::test]
async fn unreadable_deployment_does_not_hide_others() {
    let (_dir, store) = new_store().await;
    for (id, text) in [(1, "a"), (2, "b"), (3, "c"), (4, "d")] {
        store.begin(&plan_of(text, id), second(1)).await.unwrap();
    }
    for damage in ["UPDATE plan SET plan = '{' WHERE deployment = ?", "UPDATE entry SET at = 'x' WHERE deployment = ?"]
    {
        let id = if damage.contains("plan") { 1 } else { 3 };
        let query = sqlx::query(damage).bind(DeploymentId::from_bits(id).to_string());
        query.execute(&mut *store.connection.lock().await).await.unwrap();
    }
    let listing = store.list().await.unwrap();
    let readable: Vec<&str> = listing.records.iter().map(|record| record.name.as_str()).collect();
    assert_eq!((readable, listing.unreadable.len()), (vec!["b", "d"], 2));
    let error = listing.unreadable[0].to_string();
    assert!(error.contains(&DeploymentId::from_bits(1).to_string()), "{error}");
}

#[tokio::test]
async fn busy_queries_do_not_prevent_locking() {
    let (_dir, store) = new_store().await;
    let (name, done) = (name("digits"), AtomicBool::new(false));
    std::thread::scope(|threads| {
        for _ in 0..2 {
            threads.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    lock::is_held(&store.locks(), &name).unwrap();
                }
            });
        }
        let locked: Vec<_> = (0..100).map(|_| store.lock_blocking(&name).map(drop)).collect();
        done.store(true, Ordering::Relaxed);
        locked.into_iter().for_each(|locked| locked.unwrap());
    });
}

// ---- with another process

const ROLE: &str = "STORE_TEST_ROLE";
const DIR: &str = "STORE_TEST_DIR";

/// Role of a child process that another test starts. Does nothing in a usual run of the tests.
#[tokio::test]
async fn child() {
    let (Ok(role), Some(dir)) = (std::env::var(ROLE), std::env::var_os(DIR)) else { return };
    let store = Store::open(Path::new(&dir)).await.unwrap();
    match role.as_str() {
        "lock" => hold_lock(&store),
        _ => fill(&store).await,
    }
}

/// Completes a command so that it runs [`child`] in a role.
fn in_role(role: &str, dir: &Path, mut command: Command) -> Command {
    command.arg(std::env::current_exe().unwrap());
    command.args(["--exact", "store::tests::child", "--nocapture", "--test-threads=1"]);
    command.env(ROLE, role).env(DIR, dir).stdin(Stdio::piped()).stdout(Stdio::piped());
    command
}

/// Holds a lock until standard input is closed.
fn hold_lock(store: &Store) {
    let _lock = store.lock_blocking(&name("digits")).unwrap();
    println!("locked");
    std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
}

/// Starts a process that holds the lock of `digits`. Returns once it holds the lock.
fn holder(dir: &Path) -> Child {
    let mut child = in_role("lock", dir, Command::new("env")).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().ends_with("locked")));
    child
}

#[tokio::test]
async fn lock_excludes_other_processes_and_ends_with_its_process() {
    let (dir, store) = new_store().await;
    let mut other = holder(dir.path());
    let busy = store.lock_blocking(&name("digits")).unwrap_err();
    assert!(matches!(&busy, StoreError::Busy { pid, .. } if *pid == Some(other.id())), "{busy}");
    assert!(store.is_busy(&name("digits")).await.unwrap());
    assert!(!store.is_busy(&name("digits-2")).await.unwrap() && store.lock_blocking(&name("digits-2")).is_ok());
    other.kill().unwrap();
    other.wait().unwrap();
    assert!(!store.is_busy(&name("digits")).await.unwrap());
    let lock = store.lock_blocking(&name("digits")).unwrap();
    let busy = store.lock_blocking(&name("digits")).unwrap_err();
    assert!(matches!(&busy, StoreError::Busy { pid, .. } if *pid == Some(std::process::id())), "{busy}");
    drop(lock);
    store.lock_blocking(&name("digits")).unwrap();
}

/// A distinct entry for each number.
fn entry(number: u64) -> Entry {
    Entry::Until(Some(second(number.try_into().unwrap())))
}

/// Appends pairs of entries until five appends have failed, and prints the result of each.
async fn fill(store: &Store) {
    let (mut next, mut failures) = (2, 0);
    while failures < 5 {
        match store.insert_all(DeploymentId::from_bits(1), second(0), &[entry(next), entry(next + 1)], None).await {
            Ok(numbers) => {
                assert_eq!(numbers, [next, next + 1]);
                println!("\nwritten {next}\nwritten {}", next + 1);
                next += 2;
            }
            Err(error) => {
                println!("\nfailed: {error:?}");
                failures += 1;
            }
        }
    }
}

#[tokio::test]
async fn full_disk_never_loses_an_entry_that_was_reported_as_written() {
    let (dir, store) = new_store().await;
    store.begin(&plan_of("digits", 1), second(0)).await.unwrap();
    drop(store);
    // A file size limit stands for a full disk. Ignoring SIGXFSZ turns the signal into an error of the write.
    let mut limited = Command::new("sh");
    limited.args(["-c", "trap '' XFSZ && ulimit -f 400 && exec \"$@\"", "sh"]);
    let output = in_role("fill", dir.path(), limited).output().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && printed.contains("failed: "), "{printed}");
    let written: Vec<u64> = printed.lines().filter_map(|line| line.strip_prefix("written ")?.parse().ok()).collect();
    assert!(!written.is_empty(), "{printed}");

    let store = Store::open(dir.path()).await.unwrap();
    let record = store.find(&name("digits")).await.unwrap().unwrap();
    assert_eq!(numbers(&record), (1..=record.entries.len() as u64).collect::<Vec<_>>());
    assert_eq!(record.entries.len() % 2, 1, "the goal, and then pairs");
    for number in written {
        let stored = record.entries.iter().find(|stored| stored.number == number);
        assert_eq!(stored.map(|stored| &stored.entry), Some(&entry(number)), "{number} was reported as written");
    }
}
