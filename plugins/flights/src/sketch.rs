//! A streaming quantile sketch with bounded relative error.
//!
//! Values are counted in buckets that grow geometrically: bucket `i` holds the values in `(g^(i-1), g^i]`, where
//! `g = (1 + a) / (1 - a)` and `a` is the accuracy. Its representative `2 g^i / (g + 1)` is at most `a * v` away from
//! each value `v` of the bucket. Negative values have buckets of their own; what is closer to zero than `TINY` counts as zero.
//!
//! **Error bound.** With the values sorted as `v[0] <= … <= v[n-1]`, `quantile(q)` differs from
//! `v[floor(q * (n - 1))]` by at most `a * |v[…]|` (or by `TINY`, next to zero), whatever the data and their order.
//!
//! Memory is one counter per bucket that is in use: for delays of 1 to 1500 minutes at accuracy 0.01 at most 366 on
//! each side of zero, however many flights. (The scheme is that of Masson, Rim and Lee, "DDSketch", VLDB 2019, without
//! the collapsing of buckets, which would give up the bound.)

use std::collections::BTreeMap;

/// Values this close to zero are zero.
pub const TINY: f64 = 1e-9;

/// The accuracies a sketch can have: finer ones need too many buckets, coarser ones say nothing.
pub const ACCURACIES: std::ops::RangeInclusive<f64> = 0.0001..=0.25;

/// A sketch of the values it has seen.
#[derive(Debug, Clone)]
pub struct Sketch {
    growth: f64,
    inverse_log_growth: f64,
    negative: BTreeMap<i32, u64>,
    zeros: u64,
    positive: BTreeMap<i32, u64>,
    count: u64,
    min: f64,
    max: f64,
}

impl Sketch {
    /// An empty sketch; `None` when the accuracy is not within `ACCURACIES`.
    #[must_use]
    pub fn new(accuracy: f64) -> Option<Self> {
        if !ACCURACIES.contains(&accuracy) {
            return None;
        }
        let growth = (1.0 + accuracy) / (1.0 - accuracy);
        Some(Self {
            growth,
            inverse_log_growth: growth.ln().recip(),
            negative: BTreeMap::new(),
            zeros: 0,
            positive: BTreeMap::new(),
            count: 0,
            min: f64::INFINITY,
            max: f64::NEG_INFINITY,
        })
    }

    /// Counts a value in. What is not finite has no place among the values and is ignored; returns whether it counted.
    pub fn add(&mut self, value: f64) -> bool {
        if !value.is_finite() {
            return false;
        }
        let side = if value.abs() < TINY {
            self.zeros += 1;
            None
        } else if value < 0.0 {
            Some(&mut self.negative)
        } else {
            Some(&mut self.positive)
        };
        if let Some(buckets) = side {
            let bucket = (value.abs().ln() * self.inverse_log_growth).ceil() as i32;
            *buckets.entry(bucket).or_default() += 1;
        }
        self.count += 1;
        self.min = self.min.min(value);
        self.max = self.max.max(value);
        true
    }

    /// How many values were counted in.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The largest value, exactly; `None` when there is none.
    #[must_use]
    pub fn max(&self) -> Option<f64> {
        (self.count > 0).then_some(self.max)
    }

    /// The value at the rank `floor(q * (count - 1))`, within the error bound of the module; `None` when the sketch is
    /// empty or `q` is not within 0 to 1.
    #[must_use]
    pub fn quantile(&self, q: f64) -> Option<f64> {
        if self.count == 0 || !(0.0..=1.0).contains(&q) {
            return None;
        }
        let rank = (q * (self.count - 1) as f64).floor() as u64;
        let mut before = 0;
        for (value, n) in self.in_order() {
            before += n;
            if before > rank {
                // The true value lies between the extremes, so pulling the estimate there never adds to its error.
                return Some(value.clamp(self.min, self.max));
            }
        }
        Some(self.max)
    }

    /// The representatives of all buckets with their counts, ascending.
    fn in_order(&self) -> impl Iterator<Item = (f64, u64)> {
        let representative = |bucket: i32| 2.0 * self.growth.powi(bucket) / (self.growth + 1.0);
        let negative = self.negative.iter().rev().map(move |(bucket, n)| (-representative(*bucket), *n));
        let positive = self.positive.iter().map(move |(bucket, n)| (representative(*bucket), *n));
        negative.chain((self.zeros > 0).then_some((0.0, self.zeros))).chain(positive)
    }
}

#[cfg(test)]
mod tests;
