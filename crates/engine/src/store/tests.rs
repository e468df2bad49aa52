use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};

use futures::future::{join, join_all};
use hostler_core::journal::{Journal, StepEvent};
use tempfile::TempDir;

use super::testing::{plan_of, second};
use super::*;

async fn fresh() -> (TempDir, Store) {
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
async fn openers_at_once_all_come_in() {
    for round in 0..20 {
        let dir = tempfile::tempdir().unwrap();
        let opened = join_all((0..6).map(|_| Store::open(dir.path()))).await;
        for store in opened {
            store.unwrap_or_else(|error| panic!("round {round}: {error:?}")).list().await.unwrap();
        }
    }
}

#[tokio::test]
async fn the_directory_is_the_owners_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().unwrap();
    let inner = dir.path().join("a/b");
    Store::open(&inner).await.unwrap();
    assert_eq!(inner.metadata().unwrap().permissions().mode() & 0o777, 0o700);
}

#[tokio::test]
async fn what_was_entered_is_found_as_it_was() {
    let (dir, store) = fresh().await;
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
async fn another_round_has_the_later_plan_and_the_same_journal() {
    let (_dir, store) = fresh().await;
    let first = plan_of("digits", 1);
    store.begin(&first, second(1)).await.unwrap();
    let mut later = first.clone();
    later.demand.work.run = Some("./train".to_owned());
    let round = Round::of(&later, &first, &Journal::default()).unwrap();
    assert_eq!(store.begin_again(round, second(2)).await.unwrap(), 2);
    let record = store.find(&name("digits")).await.unwrap().unwrap();
    assert_eq!((numbers(&record), record.plan), (vec![1, 2], later));
}

#[tokio::test]
async fn entries_are_numbered_without_a_gap_whoever_writes_them() {
    let (dir, one) = fresh().await;
    let plan = plan_of("digits", 1);
    one.begin(&plan, second(0)).await.unwrap();
    one.begin(&plan_of("other", 2), second(0)).await.unwrap();
    let two = Store::open(dir.path()).await.unwrap();
    let writes = async |store: &Store| {
        let mut written = Vec::new();
        for _ in 0..20 {
            written.extend(store.append_all(plan.deployment, second(1), &[Entry::Ready]).await.unwrap());
        }
        written
    };
    let (mut written, others) = join(writes(&one), writes(&two)).await;
    written.extend(others);
    written.sort_unstable();
    assert_eq!(written, (2..=41).collect::<Vec<u64>>(), "each number is given once");
    let record = one.find(&name("digits")).await.unwrap().unwrap();
    assert_eq!(numbers(&record), (1..=41).collect::<Vec<u64>>());
    assert_eq!(numbers(&one.find(&name("other")).await.unwrap().unwrap()), [1], "each deployment counts for itself");
}

#[tokio::test]
async fn a_name_belongs_to_one_live_deployment_and_its_end_frees_it() {
    let (_dir, store) = fresh().await;
    let (first, second_plan) = (plan_of("digits", 1), plan_of("digits", 2));
    store.begin(&first, second(1)).await.unwrap();
    let taken = store.begin(&second_plan, second(2)).await.unwrap_err();
    assert!(matches!(&taken, StoreError::Taken(taken) if *taken == name("digits")), "{taken}");
    store.close(first.deployment, second(3)).await.unwrap();
    assert!(store.find(&name("digits")).await.unwrap().is_none());
    store.begin(&second_plan, second(4)).await.unwrap();
    assert_eq!(store.closed().await.unwrap(), [first.deployment]);
    assert_eq!(store.ids().await.unwrap(), BTreeSet::from([first.deployment, second_plan.deployment]));
}

#[tokio::test]
async fn the_last_of_a_name_is_the_live_one_else_the_latest() {
    let (_dir, store) = fresh().await;
    let last = async || store.find_last(&name("digits")).await.unwrap().map(|record| record.id);
    assert_eq!(last().await, None);
    let plans = [1, 2, 3].map(|id| plan_of("digits", id));
    for (plan, at) in plans.iter().zip([10, 20]) {
        store.begin(plan, second(at)).await.unwrap();
        store.close(plan.deployment, second(at + 1)).await.unwrap();
    }
    assert_eq!(last().await, Some(plans[1].deployment));
    // Entered while this computer's clock was behind.
    store.begin(&plans[2], second(5)).await.unwrap();
    assert_eq!(last().await, Some(plans[2].deployment));
}

#[tokio::test]
async fn one_that_cannot_be_read_hides_no_other() {
    let (_dir, store) = fresh().await;
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
    let said = listing.unreadable[0].to_string();
    assert!(said.contains(&DeploymentId::from_bits(1).to_string()), "{said}");
}

#[tokio::test]
async fn who_only_asks_keeps_nobody_from_the_lock() {
    let (_dir, store) = fresh().await;
    let (name, done) = (name("digits"), AtomicBool::new(false));
    std::thread::scope(|threads| {
        for _ in 0..2 {
            threads.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    store.is_busy(&name).unwrap();
                }
            });
        }
        let taken: Vec<_> = (0..100).map(|_| store.lock_blocking(&name).map(drop)).collect();
        done.store(true, Ordering::Relaxed);
        taken.into_iter().for_each(|taken| taken.unwrap());
    });
}

// ---- with another process

const ROLE: &str = "STORE_TEST_ROLE";
const DIR: &str = "STORE_TEST_DIR";

/// What another process does for a test; in a usual run of the tests, nothing.
#[tokio::test]
async fn child() {
    let (Ok(role), Some(dir)) = (std::env::var(ROLE), std::env::var_os(DIR)) else { return };
    let store = Store::open(Path::new(&dir)).await.unwrap();
    match role.as_str() {
        "lock" => hold_lock(&store),
        _ => fill(&store).await,
    }
}

/// Runs [`child`] by the words of a command before it.
fn in_role(role: &str, dir: &Path, mut command: Command) -> Command {
    command.arg(std::env::current_exe().unwrap());
    command.args(["--exact", "store::tests::child", "--nocapture", "--test-threads=1"]);
    command.env(ROLE, role).env(DIR, dir).stdin(Stdio::piped()).stdout(Stdio::piped());
    command
}

/// Holds a lock until nobody has the other end of its standard input any more.
fn hold_lock(store: &Store) {
    let _lock = store.lock_blocking(&name("digits")).unwrap();
    println!("locked");
    std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
}

/// A process that holds the lock of `digits`, as it has said.
fn holder(dir: &Path) -> Child {
    let mut child = in_role("lock", dir, Command::new("env")).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().ends_with("locked")));
    child
}

#[tokio::test]
async fn a_lock_is_one_processes_and_ends_with_it() {
    let (dir, store) = fresh().await;
    let mut other = holder(dir.path());
    let busy = store.lock_blocking(&name("digits")).unwrap_err();
    assert!(matches!(&busy, StoreError::Busy { pid, .. } if *pid == Some(other.id())), "{busy}");
    assert!(store.is_busy(&name("digits")).unwrap());
    assert!(!store.is_busy(&name("digits-2")).unwrap() && store.lock_blocking(&name("digits-2")).is_ok());
    other.kill().unwrap();
    other.wait().unwrap();
    assert!(!store.is_busy(&name("digits")).unwrap());
    let lock = store.lock_blocking(&name("digits")).unwrap();
    let busy = store.lock_blocking(&name("digits")).unwrap_err();
    assert!(matches!(&busy, StoreError::Busy { pid, .. } if *pid == Some(std::process::id())), "{busy}");
    drop(lock);
    store.lock_blocking(&name("digits")).unwrap();
}

/// The content that the entry of a number is given, so that it can be told from any other.
fn entry(number: u64) -> Entry {
    Entry::Until(Some(second(number.try_into().unwrap())))
}

/// Appends two at a time until there is no more space, and some more; says of each whether it is kept.
async fn fill(store: &Store) {
    let (mut next, mut refused) = (2, 0);
    while refused < 5 {
        match store.append_all(DeploymentId::from_bits(1), second(0), &[entry(next), entry(next + 1)]).await {
            Ok(numbers) => {
                assert_eq!(numbers, [next, next + 1]);
                println!("\nkept {next}\nkept {}", next + 1);
                next += 2;
            }
            Err(error) => {
                println!("\nrefused: {error:?}");
                refused += 1;
            }
        }
    }
}

#[tokio::test]
async fn without_space_no_entry_is_said_to_be_kept_that_is_not() {
    let (dir, store) = fresh().await;
    store.begin(&plan_of("digits", 1), second(0)).await.unwrap();
    drop(store);
    // Files can't grow any more at some point, as on a full disk; without the signal that a process gets of it.
    let mut limited = Command::new("sh");
    limited.args(["-c", "trap '' XFSZ && ulimit -f 400 && exec \"$@\"", "sh"]);
    let output = in_role("fill", dir.path(), limited).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && said.contains("refused: "), "{said}");
    let kept: Vec<u64> = said.lines().filter_map(|line| line.strip_prefix("kept ")?.parse().ok()).collect();
    assert!(!kept.is_empty(), "{said}");

    let store = Store::open(dir.path()).await.unwrap();
    let record = store.find(&name("digits")).await.unwrap().unwrap();
    assert_eq!(numbers(&record), (1..=record.entries.len() as u64).collect::<Vec<_>>());
    assert_eq!(record.entries.len() % 2, 1, "the goal, and then two at a time or none");
    for number in kept {
        let stored = record.entries.iter().find(|stored| stored.number == number);
        assert_eq!(stored.map(|stored| &stored.entry), Some(&entry(number)), "{number} was said to be kept");
    }
}
