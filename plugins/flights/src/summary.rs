//! The figures of one carrier, gathered flight by flight.

use nomaflow_guest::{Value, row};

use crate::sketch::Sketch;

/// The columns of the summary table, in the order of `Summary::to_row`.
pub(crate) const COLUMNS: &[&str] =
    &["carrier", "flights", "with_delay", "mean_delay", "p50_delay", "p90_delay", "p99_delay", "max_delay"];

/// What is known of one carrier. Delays are minutes, negative when early.
#[derive(Debug)]
pub(crate) struct Summary {
    flights: u64,
    sum: f64,
    delays: Sketch,
}

impl Summary {
    /// A summary of no flights whose quantiles will be as accurate as `empty`.
    pub(crate) fn new(empty: Sketch) -> Self {
        Self { flights: 0, sum: 0.0, delays: empty }
    }

    /// Adds a flight; one that was cancelled or diverted has no delay, and counts as a flight only.
    pub(crate) fn add(&mut self, delay: Option<f64>) {
        self.flights += 1;
        if let Some(delay) = delay
            && self.delays.add(delay)
        {
            self.sum += delay;
        }
    }

    /// The row of the summary table; the figures are null when no flight has a delay.
    pub(crate) fn to_row(&self, carrier: &str) -> Vec<Value> {
        let with_delay = self.delays.count();
        let mean = (with_delay > 0).then(|| self.sum / with_delay as f64);
        row![
            carrier,
            self.flights as i64,
            with_delay as i64,
            mean,
            self.delays.quantile(0.5),
            self.delays.quantile(0.9),
            self.delays.quantile(0.99),
            self.delays.max(),
        ]
    }
}
