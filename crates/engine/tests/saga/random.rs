//! Random drives: runs with random faults and interrupts, and changes between them.

use hostler_core::journal::DeploymentState;
use hostler_core::ports::{Power, Remedy};
use hostler_engine::run::RunOutcome;
use hostler_sim::{CallKind, Fault, FaultKind, retry_immediately};

use crate::bench::{self, Bench};
use crate::life::Order;
use crate::{call_of, creates};

/// Drives, each with its own seed.
const DRIVES: u64 = 40;
/// Runs per drive. Most drives end earlier, because a roll-back or `down` completes.
const RUNS: u64 = 8;

/// A xorshift generator: the same seed gives the same drive.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }

    fn choose<T: Clone>(&mut self, of: &[T]) -> T {
        let place = usize::try_from(self.below(of.len() as u64)).unwrap();
        of[place].clone()
    }
}

/// A run panics if the store refuses an entry as illegal.
#[tokio::test]
async fn random_drives_write_only_legal_entries() {
    for seed in 1..=DRIVES {
        let mut random = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let bench = Bench::new();
        for _ in 0..RUNS {
            run(&bench, &mut random).await;
            let Some(record) = bench.record().await else { break };
            match random.below(4) {
                0 => bench.hold(!record.journal().is_held()).await,
                1 if record.state() == DeploymentState::Ready => bench.set_power(Power::Off).await,
                _ => {}
            }
        }
        bench.assert_down_deletes_all(&format!("seed {seed}")).await;
    }
}

/// A run that is interrupted once, twice or, like in a crash, without waiting for its calls; or one with a fault.
async fn run(bench: &Bench, random: &mut Random) -> RunOutcome {
    let order = random.choose(&[Order::Up, Order::Up, Order::Up, Order::Down]);
    let entries = bench.record().await.map_or(0, |record| record.entries.len() as u64);
    match random.below(5) {
        0 => bench.run(vec![], order).await,
        times @ 1..=3 => {
            let number = entries + 1 + random.below(20);
            bench.run_interrupted_times(order, number, u32::try_from(times).unwrap()).await
        }
        _ => bench.run(vec![random_fault(random)], order).await,
    }
}

fn random_fault(random: &mut Random) -> Fault {
    let plan = bench::plan();
    let kinds = [FaultKind::Reject(Remedy::Report), FaultKind::LoseResponse, FaultKind::Reject(retry_immediately())];
    let kind = random.choose(&kinds);
    let (call, step) = if random.below(3) == 0 {
        (CallKind::Delete, random.choose(&creates(&plan)).id.clone())
    } else {
        let step = random.choose(&plan.steps);
        (call_of(&step), step.id)
    };
    let times = if random.below(2) == 0 { 1 } else { u32::MAX };
    Fault { call, step, kind, times }
}
