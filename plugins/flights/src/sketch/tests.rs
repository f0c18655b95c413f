//! The sketch against exact quantiles, on data shaped like arrival delays: whole minutes, most a little early, a long
//! tail of late ones.

use super::Sketch;

const QUANTILES: &[f64] = &[0.0, 0.001, 0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 1.0];

/// A small generator with a fixed seed (SplitMix64), so that a failure repeats.
struct Dice(u64);

impl Dice {
    /// A number within 0 to 1, both ends excluded.
    fn roll(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64 + f64::MIN_POSITIVE
    }

    /// Minutes of delay: a bell around 9 minutes early, and for a third of the flights an exponential tail on top.
    fn delay(&mut self) -> f64 {
        let bell: f64 = (0..12).map(|_| self.roll()).sum::<f64>() - 6.0;
        let tail = if self.roll() < 0.33 { -60.0 * self.roll().ln() } else { 0.0 };
        (bell * 13.0 - 9.0 + tail).round()
    }
}

fn exact(sorted: &[f64], q: f64) -> f64 {
    sorted[(q * (sorted.len() - 1) as f64).floor() as usize]
}

fn assert_within_bound(values: &[f64], accuracy: f64) {
    let mut sketch = Sketch::new(accuracy).expect("an accuracy");
    for value in values {
        sketch.add(*value);
    }
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    for q in QUANTILES {
        let (wanted, found) = (exact(&sorted, *q), sketch.quantile(*q).expect("not empty"));
        // A hair of slack for the rounding of the logarithm itself.
        let bound = accuracy * wanted.abs() * (1.0 + 1e-9) + super::TINY;
        assert!((wanted - found).abs() <= bound, "accuracy {accuracy}, q {q}: {found} for {wanted}");
    }
}

#[test]
fn every_quantile_of_delays_is_within_the_bound_at_every_accuracy() {
    let mut dice = Dice(1);
    for accuracy in [0.0001, 0.001, 0.01, 0.05, 0.25] {
        for size in [1, 2, 3, 10, 1000, 60_000] {
            let values: Vec<f64> = (0..size).map(|_| dice.delay()).collect();
            assert_within_bound(&values, accuracy);
        }
    }
}

#[test]
fn the_bound_holds_over_many_orders_of_magnitude_and_for_any_order_of_arrival() {
    let mut values: Vec<f64> = (-2000..2000).map(|i| f64::from(i).powi(7) * 1e-9).collect();
    assert_within_bound(&values, 0.01);
    values.reverse();
    assert_within_bound(&values, 0.01);
}

#[test]
fn one_value_many_times_is_every_quantile_exactly() {
    let mut sketch = Sketch::new(0.01).expect("an accuracy");
    (0..1000).for_each(|_| assert!(sketch.add(-17.0)));
    assert!(QUANTILES.iter().all(|q| sketch.quantile(*q) == Some(-17.0)));
    assert_eq!(sketch.max(), Some(-17.0));
}

#[test]
fn an_empty_sketch_has_no_quantiles_and_what_is_not_finite_is_not_counted() {
    let mut sketch = Sketch::new(0.01).expect("an accuracy");
    for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        assert!(!sketch.add(value));
    }
    assert_eq!((sketch.count(), sketch.quantile(0.5), sketch.max()), (0, None, None));
    sketch.add(0.0);
    assert_eq!((sketch.quantile(0.5), sketch.quantile(1.5), sketch.quantile(f64::NAN)), (Some(0.0), None, None));
}

#[test]
fn memory_does_not_grow_with_the_number_of_values() {
    let mut sketch = Sketch::new(0.01).expect("an accuracy");
    for i in 0..200_000 {
        sketch.add(f64::from(i % 1500));
    }
    assert!(sketch.positive.len() <= 366 + 1, "{} buckets", sketch.positive.len());
}

#[test]
fn senseless_accuracies_make_no_sketch() {
    for accuracy in [0.0, -0.1, 0.00001, 0.3, 1.0, f64::NAN] {
        assert!(Sketch::new(accuracy).is_none(), "{accuracy}");
    }
}
