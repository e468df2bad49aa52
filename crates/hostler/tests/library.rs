//! A program that uses the library: it needs no crate of hostler but `hostler`.
#![expect(clippy::unwrap_used, reason = "a test fails where it can't continue")]

use std::sync::{Arc, Mutex};

use hostler::operate::{Answer, Ask, DownRequest, Proposal, Requested, UpRequest};
use hostler::run::never;
use hostler::{
    Demand, Event, Interrupts, Notice, Observer, OperateError, Operator, Report, RunStart, Sites, async_trait,
};

/// Collects notices, and ignores the events of runs.
#[derive(Default)]
struct Notices(Mutex<Vec<Notice>>);

struct Ignored;

impl Report for Ignored {
    fn report(&self, _: &Event) {}
}

impl Observer for Notices {
    fn begin(&self, _: &RunStart<'_>) -> Box<dyn Report> {
        Box::new(Ignored)
    }

    fn notice(&self, notice: &Notice) {
        self.0.lock().unwrap().push(notice.clone());
    }
}

/// Refuses everything.
struct Refusal;

#[async_trait]
impl Ask for Refusal {
    async fn agree(&self, _: &Proposal<'_>) -> Answer {
        Answer::No
    }
}

#[tokio::test]
async fn a_program_observes_and_confirms_with_types_of_this_crate_alone() {
    let data = tempfile::tempdir().unwrap();
    let notices = Arc::new(Notices::default());
    let operator = Operator {
        observer: Arc::clone(&notices) as Arc<dyn Observer>,
        ask: Arc::new(Refusal),
        ..Operator::new(Sites::new(), data.path())
    };
    let interrupts: Interrupts = never();
    let demand = Demand::from_yaml("name: web\n").unwrap();
    let up = operator.up(&UpRequest::new(Requested::from(demand)), &interrupts).await;
    assert!(matches!(up, Err(OperateError::NoSites)));
    assert!(operator.down(&DownRequest::default(), &interrupts).await.unwrap().down.is_empty());
    assert!(notices.0.lock().unwrap().is_empty());
}
