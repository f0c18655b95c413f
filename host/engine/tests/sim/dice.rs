//! The one source of chance in a history: SplitMix64, so that a seed means the same history on every machine.

/// A stream of numbers from a seed.
#[derive(Clone, Debug)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A stream of its own that neither follows nor disturbs this one.
    pub(crate) fn fork(&mut self) -> Self {
        Self(self.next())
    }

    /// From `range`, which must not be empty.
    pub(crate) fn of(&mut self, range: std::ops::Range<u64>) -> u64 {
        range.start + self.next() % (range.end - range.start)
    }

    /// True in `percent` of a hundred throws.
    pub(crate) fn chance(&mut self, percent: u64) -> bool {
        self.of(0..100) < percent
    }

    /// One of `all`, which must not be empty.
    pub(crate) fn pick<T: Clone>(&mut self, all: &[T]) -> T {
        all[self.of(0..all.len() as u64) as usize].clone()
    }
}
