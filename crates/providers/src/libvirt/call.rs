//! One call to libvirt: on a thread of its own, where it may block, and for so long at most.
//!
//! A daemon that is there and doesn't answer (stopped, or at a disk that hangs) would else hold whoever asks for ever.

use std::sync::{Arc, Weak};
use std::thread;
use std::time::Duration;

use hostler_core::ports::Remedy;
use tokio::sync::oneshot;

use super::trouble::Trouble;

/// What a call is about, which says how long it may take and what is known when it took longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Call {
    /// It only reads.
    Look,
    /// It makes, changes or removes: long enough for the upload of a base image and for a slow shut-down.
    Change,
}

impl Call {
    fn limit(self) -> Duration {
        match self {
            Self::Look => Duration::from_secs(20),
            Self::Change => Duration::from_secs(300),
        }
    }

    /// A look can be repeated. What became of a change isn't known: it is found by its ticket, or not.
    fn late(self, limit: Duration) -> Trouble {
        let remedy = match self {
            Self::Look => Remedy::Retry(Duration::from_secs(2)),
            Self::Change => Remedy::Report,
        };
        let hint = "`hostler check local` says whether libvirt answers; it may have to be restarted";
        let message = format!("libvirt did not finish in {}s", limit.as_secs());
        Trouble { message, remedy, hint: Some(hint.to_owned()) }
    }

    /// Does it, and waits for it within the limit.
    pub async fn make<T: Send + 'static>(
        self,
        act: impl FnOnce() -> Result<T, Trouble> + Send + 'static,
    ) -> Result<T, Trouble> {
        self.within(self.limit(), act).await
    }

    /// The thread is none of the runtime's, which would wait at its end for one that hangs.
    async fn within<T: Send + 'static>(
        self,
        limit: Duration,
        act: impl FnOnce() -> Result<T, Trouble> + Send + 'static,
    ) -> Result<T, Trouble> {
        let (answer, answered) = oneshot::channel();
        // Where nobody waits for the answer any more, nobody misses it.
        thread::Builder::new().name("libvirt".to_owned()).spawn(move || drop(answer.send(act())))?;
        match tokio::time::timeout(limit, answered).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(Trouble::report("the call broke down; this is a bug in hostler")),
            Err(_) => Err(self.late(limit)),
        }
    }
}

/// Held by whoever waits for what a call makes.
pub(super) struct Waiting(Arc<()>);

/// Asks whether anybody still does. A thread goes on where its caller is gone: it must make nothing from then on, for that
/// would come after everything was given back.
pub(super) struct Awaited(Weak<()>);

impl Waiting {
    pub fn new() -> Self {
        Self(Arc::new(()))
    }

    pub fn awaited(&self) -> Awaited {
        Awaited(Arc::downgrade(&self.0))
    }
}

impl Awaited {
    pub fn check(&self) -> Result<(), Trouble> {
        if self.0.strong_count() > 0 {
            return Ok(());
        }
        Err(Trouble::report("nobody waits for it any more"))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    async fn remedy_of_one_that_hangs(call: Call) -> Remedy {
        let (end, ended) = mpsc::channel::<()>();
        let hangs = move || ended.recv().map_err(|error| Trouble::report(error.to_string()));
        let trouble = call.within(Duration::from_millis(1), hangs).await.unwrap_err();
        drop(end);
        trouble.remedy
    }

    #[tokio::test]
    async fn one_that_hangs_is_given_up() {
        assert_eq!(remedy_of_one_that_hangs(Call::Look).await, Remedy::Retry(Duration::from_secs(2)));
        assert_eq!(remedy_of_one_that_hangs(Call::Change).await, Remedy::Report);
    }

    /// The one that hung goes on when whoever waited has given up, and sees that before it makes anything.
    #[tokio::test]
    async fn what_nobody_waits_for_is_not_made() {
        let (go, hanging) = mpsc::channel::<()>();
        let (tell, told) = mpsc::channel();
        let waiting = Waiting::new();
        let awaited = waiting.awaited();
        awaited.check().unwrap();
        let act = move || {
            let _ = hanging.recv();
            tell.send(awaited.check().map_err(|trouble| trouble.message)).unwrap();
            Ok(())
        };
        Call::Change.within(Duration::from_millis(1), act).await.unwrap_err();
        drop(waiting);
        go.send(()).unwrap();
        assert_eq!(told.recv().unwrap().unwrap_err(), "nobody waits for it any more");
    }

    #[tokio::test]
    async fn an_answer_comes_back() {
        assert_eq!(Call::Look.make(|| Ok(7)).await.unwrap(), 7);
        let refused = Call::Look.make(|| Err::<(), _>(Trouble::full("no room"))).await;
        assert_eq!(refused.unwrap_err().remedy, Remedy::Replan);
    }
}
