//! Ranges of a whole-number key, so that several readers can share a table out. There are more ranges than readers and
//! each reader takes the next one when it is done with the last, because keys are rarely spread evenly.

use host_model::StepError;
use host_model::connector::Dialect;

use super::plan::{TableRead, single_select};
use crate::connector::fault::Place;
use crate::connector::scan::Statement;

/// Ranges for each reader.
const RANGES_PER_READER: usize = 8;

/// The bounds between the ranges: n + 1 of them for n ranges.
pub(super) struct Ranges(Vec<i128>);

/// The statement that asks for the least and the greatest key.
pub(super) fn bounds(table: &TableRead, key: &str, dialect: Dialect, place: &Place) -> Result<Statement, StepError> {
    let whole = if dialect == Dialect::MySql { "signed" } else { "bigint" };
    let sql = table.select(&format!("cast(min({key}) as {whole}), cast(max({key}) as {whole})"), None);
    single_select(&sql, dialect, place)
}

impl Ranges {
    /// For a table without rows.
    pub(super) fn none() -> Self {
        Self(Vec::new())
    }

    /// Ranges that cover `low` to `high`, both included.
    pub(super) fn over(low: i64, high: i64, readers: usize) -> Self {
        let (low, high) = (i128::from(low), i128::from(high) + 1);
        let count = ((readers * RANGES_PER_READER) as i128).min(high - low);
        Self((0..=count).map(|n| low + (high - low) * n / count).collect())
    }

    /// The condition of range `n`; `None` behind the last one.
    pub(super) fn condition(&self, n: usize, key: &str) -> Option<String> {
        let (from, to) = (self.0.get(n)?, self.0.get(n + 1)?);
        // The last bound may be one more than a bigint holds.
        Some(format!("{key} >= {from} and {key} <= {}", to - 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_cover_every_key_once() {
        for (low, high) in [(1, 1), (-3, 4), (0, 1_000), (i64::MIN, i64::MAX), (i64::MAX - 2, i64::MAX)] {
            let Ranges(bounds) = Ranges::over(low, high, 4);
            assert_eq!((bounds[0], *bounds.last().unwrap()), (i128::from(low), i128::from(high) + 1));
            assert!(bounds.windows(2).all(|w| w[0] < w[1]), "{bounds:?}");
            assert!(bounds.len() <= 33);
        }
        assert_eq!(Ranges::over(1, 2, 1).condition(1, "k").as_deref(), Some("k >= 2 and k <= 2"));
        assert_eq!(Ranges::over(1, 2, 1).condition(2, "k"), None);
        assert_eq!(Ranges::none().condition(0, "k"), None);
    }
}
