//! A cancellation signal without a runtime: anything may wait for it, the first reason given wins. The engine owns
//! one per run and hands a child to each attempt, so that a step's timeout never cancels the run.

use std::sync::{Arc, Mutex, OnceLock, Weak};

use event_listener::Event;

#[derive(Default)]
struct Shared {
    reason: OnceLock<String>,
    event: Event,
    children: Mutex<Vec<Weak<Shared>>>,
}

impl Shared {
    fn cancel(&self, reason: &str) {
        if self.reason.set(reason.to_owned()).is_err() {
            return;
        }
        self.event.notify(usize::MAX);
        let children = std::mem::take(&mut *lock(&self.children));
        for child in children.iter().filter_map(Weak::upgrade) {
            child.cancel(reason);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Cheap to clone; all clones are the same signal.
#[derive(Clone, Default)]
pub struct CancelToken(Arc<Shared>);

impl CancelToken {
    /// A token nobody has cancelled yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// A token that is cancelled with this one, and can be cancelled alone.
    pub fn child(&self) -> Self {
        let child = Self::default();
        lock(&self.0.children).push(Arc::downgrade(&child.0));
        // A cancel between the push and here has already reached the child; one before the push has not.
        if let Some(reason) = self.reason() {
            child.cancel(reason);
        }
        child
    }

    /// Cancels with `reason` ("canceled by user:alice", "timed out after 5 s"); later calls change nothing.
    pub fn cancel(&self, reason: &str) {
        self.0.cancel(reason);
    }

    /// Whether somebody has cancelled.
    pub fn is_canceled(&self) -> bool {
        self.0.reason.get().is_some()
    }

    /// The first reason given, if any.
    pub fn reason(&self) -> Option<&str> {
        self.0.reason.get().map(String::as_str)
    }

    /// Completes once the token is cancelled. Safe to drop and ask again.
    pub async fn canceled(&self) {
        while !self.is_canceled() {
            let listener = self.0.event.listen();
            if self.is_canceled() {
                return;
            }
            listener.await;
        }
    }
}

impl std::fmt::Debug for CancelToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("CancelToken").field(&self.reason()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cancel_reaches_children_and_the_first_reason_wins() {
        let run = CancelToken::new();
        let step = run.child();
        run.cancel("canceled by user:alice");
        run.cancel("too late");
        assert_eq!(step.reason(), Some("canceled by user:alice"));
        assert_eq!(run.child().reason(), Some("canceled by user:alice"));
    }

    #[test]
    fn a_child_can_be_cancelled_alone() {
        let run = CancelToken::new();
        let step = run.child();
        step.cancel("timed out after 1 s");
        assert!(step.is_canceled());
        assert!(!run.is_canceled());
    }
}
