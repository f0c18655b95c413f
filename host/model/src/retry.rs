//! How often a step is tried and how long to wait between tries. The decision is pure; the engine does the waiting.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::StepError;

/// Growth of the wait between attempts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Backoff {
    /// Always `base_seconds`.
    Fixed,
    /// `base_seconds`, doubled after each further failure.
    Exponential,
}

impl Backoff {
    /// The spelling in files and API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Fixed => "fixed",
            Self::Exponential => "exponential",
        }
    }
}

/// The retry policy of a job or a step. Applies to step failures, never to the whole run (seeds, create-a-job ⑤).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetryPolicy {
    /// Total tries, the first included; at least 1.
    pub attempts: u32,
    /// Growth of the wait.
    pub backoff: Backoff,
    /// Wait before the first retry, in seconds.
    pub base_seconds: u32,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self { attempts: 1, backoff: Backoff::Fixed, base_seconds: 60 }
    }
}

/// What to do after a failed attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryDecision {
    /// Try again after this wait.
    Again(Duration),
    /// The step has failed.
    GiveUp,
}

/// A wait never grows beyond a day, whatever the doubling says.
const LONGEST_WAIT: Duration = Duration::from_secs(24 * 3600);

impl RetryPolicy {
    /// Decides what follows the failure of attempt number `attempt` (from 1).
    pub fn decide(&self, attempt: u32, error: &StepError) -> RetryDecision {
        if attempt >= self.attempts || !error.may_retry || !error.kind.retryable() {
            return RetryDecision::GiveUp;
        }
        let base = u64::from(self.base_seconds);
        let seconds = match self.backoff {
            Backoff::Fixed => base,
            Backoff::Exponential => {
                1_u64.checked_shl(attempt - 1).map_or(u64::MAX, |factor| base.saturating_mul(factor))
            }
        };
        let asked = error.retry_after.unwrap_or_default();
        RetryDecision::Again(Duration::from_secs(seconds).max(asked).min(LONGEST_WAIT))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::StepErrorKind;

    fn waits(policy: RetryPolicy) -> Vec<u64> {
        let error = StepError::remote("no route");
        (1..=policy.attempts)
            .map_while(|n| match policy.decide(n, &error) {
                RetryDecision::Again(wait) => Some(wait.as_secs()),
                RetryDecision::GiveUp => None,
            })
            .collect()
    }

    #[test]
    fn exponential_backoff_doubles_each_wait() {
        let policy = RetryPolicy { attempts: 5, backoff: Backoff::Exponential, base_seconds: 60 };
        assert_eq!(waits(policy), [60, 120, 240, 480]);
    }

    #[test]
    fn fixed_backoff_repeats_the_base_and_a_huge_exponent_is_capped() {
        assert_eq!(waits(RetryPolicy { attempts: 3, backoff: Backoff::Fixed, base_seconds: 5 }), [5, 5]);
        let policy = RetryPolicy { attempts: 100, backoff: Backoff::Exponential, base_seconds: 60 };
        assert_eq!(waits(policy).last(), Some(&86_400));
    }

    #[test]
    fn the_other_side_may_ask_for_a_longer_wait_but_not_for_a_shorter_one() {
        let policy = RetryPolicy { attempts: 2, backoff: Backoff::Fixed, base_seconds: 30 };
        for (asked, waits) in [(5, 30), (90, 90), (1_000_000, 86_400)] {
            let mut error = StepError::remote("too many requests");
            error.retry_after = Some(Duration::from_secs(asked));
            assert_eq!(policy.decide(1, &error), RetryDecision::Again(Duration::from_secs(waits)), "{asked}");
        }
    }

    #[test]
    fn only_failures_that_may_pass_are_retried() {
        let policy = RetryPolicy { attempts: 3, ..RetryPolicy::default() };
        for kind in StepErrorKind::ALL {
            let again = policy.decide(1, &StepError::new(kind, "x")) != RetryDecision::GiveUp;
            assert_eq!(again, kind.retryable(), "{kind:?}");
        }
        let mut error = StepError::remote("x");
        error.may_retry = false;
        assert_eq!(policy.decide(1, &error), RetryDecision::GiveUp);
    }
}
