//! Who may search, and who waits for it. Searches are heavy and answered by few connections; behind those that run, a small
//! number waits, and whoever comes when that is full is told so at once: a queue without an end would keep callers waiting
//! for answers that nobody wants any more.
//!
//! Invariant: whoever gives up waiting, or is done, makes room by dropping what it holds.

use std::time::Duration;

use host_model::search::SearchError;
use tokio::sync::{Semaphore, SemaphorePermit};

/// See the module's note.
#[derive(Debug)]
pub(crate) struct Turns {
    /// Places for those that run and those that wait.
    door: Semaphore,
    running: Semaphore,
    waiting: usize,
    again: Duration,
}

/// The right to search, until it is dropped.
#[derive(Debug)]
pub(crate) struct Turn<'t> {
    _running: Option<SemaphorePermit<'t>>,
    _door: SemaphorePermit<'t>,
}

impl Turns {
    /// `at_once` run and `waiting` wait; the others are told to come back after `again`.
    pub(crate) const fn new(at_once: usize, waiting: usize, again: Duration) -> Self {
        let (door, running) = (Semaphore::const_new(at_once + waiting), Semaphore::const_new(at_once));
        Self { door, running, waiting, again }
    }

    /// Waits for a turn, the first who came first.
    ///
    /// # Errors
    /// [`SearchError::Busy`], at once, when as many wait as may.
    pub(crate) async fn take(&self) -> Result<Turn<'_>, SearchError> {
        let Ok(door) = self.door.try_acquire() else {
            return Err(SearchError::Busy { waiting: self.waiting, again: self.again });
        };
        // It is never closed.
        Ok(Turn { _running: self.running.acquire().await.ok(), _door: door })
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future as _;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    #[test]
    fn a_few_run_a_few_wait_and_the_rest_is_told_to_come_back() {
        let turns = Turns::new(2, 2, Duration::from_secs(3));
        let cx = &mut Context::from_waker(Waker::noop());
        let (mut first, mut second) = (pin!(turns.take()), pin!(turns.take()));
        let Poll::Ready(Ok(running)) = first.as_mut().poll(cx) else { panic!("the first has to wait") };
        let Poll::Ready(Ok(_also)) = second.as_mut().poll(cx) else { panic!("the second has to wait") };
        let mut third = pin!(turns.take());
        assert!(third.as_mut().poll(cx).is_pending());
        let mut impatient = Box::pin(turns.take());
        assert!(impatient.as_mut().poll(cx).is_pending());
        let refused = |polled: Poll<Result<Turn<'_>, SearchError>>| match polled {
            Poll::Ready(Err(SearchError::Busy { waiting, again })) => (waiting, again),
            other => panic!("{other:?}"),
        };
        assert_eq!(refused(pin!(turns.take()).poll(cx)), (2, Duration::from_secs(3)));
        // Whoever goes away makes room for another who waits, and changes nothing for those before it.
        drop(impatient);
        let mut fourth = pin!(turns.take());
        assert!(fourth.as_mut().poll(cx).is_pending());
        drop(running);
        let Poll::Ready(Ok(_next)) = third.as_mut().poll(cx) else { panic!("the one that came first is next") };
        assert!(fourth.as_mut().poll(cx).is_pending());
        let mut fifth = pin!(turns.take());
        assert!(fifth.as_mut().poll(cx).is_pending(), "there is room to wait again");
    }
}
