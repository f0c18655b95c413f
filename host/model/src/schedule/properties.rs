//! Property tests of the schedule: random expressions against the brute-force oracle around changes of offset, against
//! a count over days for rare dates, and against `croner`. Every failure prints what is needed to repeat it.
//! `NOMAFLOW_CRON_FULL=1` checks every zone and every change from 1970 to 2037 in place of a sample.

use std::collections::HashSet;

use chrono::{DateTime, Datelike, Duration, NaiveDate, TimeZone, Utc};
use chrono_tz::{TZ_VARIANTS, Tz};
use croner::parser::{CronParser, Seconds};

use super::generator::{Expression, Item, Random, Taste};
use super::oracle::{Timeline, Turn, turns_of};
use super::{CronExpr, Every, Fold, Gap, ScheduleKind, ScheduleSpec};

const HOUR: i64 = 3600;

/// Zones whose clocks did something odd: half hours, whole days, midnight, twice a year around Ramadan, seconds.
const ODD_ZONES: [Tz; 16] = [
    Tz::Australia__Lord_Howe,
    Tz::Africa__Casablanca,
    Tz::Africa__Cairo,
    Tz::Africa__Monrovia,
    Tz::Asia__Gaza,
    Tz::Asia__Pyongyang,
    Tz::Asia__Tehran,
    Tz::Pacific__Apia,
    Tz::Pacific__Kwajalein,
    Tz::Pacific__Kiritimati,
    Tz::America__Sao_Paulo,
    Tz::America__Havana,
    Tz::America__Caracas,
    Tz::Antarctica__Troll,
    Tz::Europe__Dublin,
    Tz::Europe__Paris,
];

fn is_full() -> bool {
    std::env::var("NOMAFLOW_CRON_FULL").is_ok_and(|value| value == "1")
}

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(seconds, 0).unwrap()
}

fn cron(text: &str, zone: Tz, gap: Option<Gap>, fold: Option<Fold>) -> ScheduleSpec {
    let kind = ScheduleKind::Cron(CronExpr::parse(text).unwrap_or_else(|error| panic!("`{text}`: {error}")));
    ScheduleSpec { kind, zone, gap, fold }
}

fn frequent(has_seconds: bool) -> Taste {
    Taste { is_frequent: true, has_seconds, is_loose: true }
}

fn random_rules(random: &mut Random) -> (Option<Gap>, Option<Fold>) {
    let gap = *random.pick(&[None, None, Some(Gap::Shift), Some(Gap::Skip)]);
    let fold = *random.pick(&[None, None, Some(Fold::First), Some(Fold::Second), Some(Fold::Both)]);
    (gap, fold)
}

/// Compares the walk with the oracle around one turn; returns how many slots agreed.
fn check_turn(zone: Tz, turn: Turn, with_seconds: bool, count: u32, random: &mut Random) -> usize {
    let jump = turn.jump.abs();
    let reach = if with_seconds { HOUR } else { 14 * HOUR + jump };
    let inner = turn.at - reach..turn.at + reach;
    let outer = inner.start - jump - HOUR..inner.end + jump + HOUR;
    let step = if with_seconds || turn.has_seconds { 1 } else { 60 };
    let timeline = Timeline::new(zone, outer, step);
    let mut agreed = 0;
    for _ in 0..count {
        let expression = Expression::random(random, frequent(with_seconds));
        let text = expression.text();
        let (gap, fold) = random_rules(random);
        let expected = timeline.slots(&expression, gap, fold, inner.clone());
        let spec = cron(&text, zone, gap, fold);
        let found: Vec<i64> = spec
            .upcoming(at(inner.start - 1))
            .map(|instant| instant.timestamp())
            .take_while(|instant| *instant < inner.end)
            .collect();
        assert_eq!(found, expected, "`{text}` in {zone}, gap {gap:?}, fold {fold:?}, around {}", at(turn.at));
        // From any instant, not only from slot to slot.
        for _ in 0..8 {
            let offset = i64::from(random.between(0, (2 * reach - 1) as u32));
            let from = at(inner.start + offset) + Duration::nanoseconds(i64::from(random.between(0, 999_999_999)));
            let next = spec.next_after(from).map(|instant| instant.timestamp()).filter(|next| *next < inner.end);
            let expected = expected.iter().copied().find(|slot| at(*slot) > from);
            assert_eq!(next, expected, "`{text}` in {zone}, gap {gap:?}, fold {fold:?}, after {from:?}");
        }
        agreed += expected.len();
    }
    agreed
}

/// Whole-day jumps and offsets with seconds need a finer or longer look, so they are checked apart.
fn is_costly(turn: Turn) -> bool {
    turn.has_seconds || turn.jump.abs() > 4 * HOUR
}

/// The changes to check: of every zone once, or of the odd zones and some others.
fn chosen_turns(random: &mut Random) -> Vec<(Tz, Turn)> {
    let zones: Vec<Tz> = if is_full() {
        TZ_VARIANTS.to_vec()
    } else {
        let others = (0..12).map(|_| *random.pick(&TZ_VARIANTS));
        ODD_ZONES.into_iter().chain(others).collect()
    };
    let mut seen = HashSet::new();
    let mut chosen = Vec::new();
    for zone in zones {
        let turns = turns_of(zone, if is_full() { HOUR } else { 12 * HOUR });
        // Links have the same changes as the zone they point at.
        if seen.insert(turns.clone()) {
            chosen.extend(turns.into_iter().map(|turn| (zone, turn)));
        }
    }
    chosen
}

#[test]
fn around_changes_of_offset_the_walk_agrees_with_the_brute_force_oracle() {
    let mut random = Random(0x5eed_0001);
    let mut turns = chosen_turns(&mut random);
    turns.retain(|(_, turn)| !is_costly(*turn));
    let (sample, per_turn) = if is_full() { (turns.len(), 6) } else { (900, 5) };
    let mut agreed = 0;
    for at in 0..sample {
        let (zone, turn) = if is_full() { turns[at] } else { *random.pick(&turns) };
        agreed += check_turn(zone, turn, false, per_turn, &mut random);
    }
    assert!(agreed > sample * 50, "only {agreed} slots were compared");
}

#[test]
fn days_that_never_were_and_offsets_with_seconds_agree_with_the_oracle() {
    let mut random = Random(0x5eed_0002);
    let mut odd = chosen_turns(&mut random);
    odd.retain(|(_, turn)| is_costly(*turn));
    assert!(odd.len() >= 4, "the zone data has lost its odd changes: {odd:?}");
    let mut agreed = 0;
    for (zone, turn) in &odd {
        let count = if turn.has_seconds { 12 } else { 40 };
        agreed += check_turn(*zone, *turn, false, count, &mut random);
    }
    assert!(agreed > odd.len() * 50, "only {agreed} slots were compared");
}

#[test]
fn schedules_with_seconds_agree_with_the_oracle_around_changes_of_offset() {
    let mut random = Random(0x5eed_0003);
    let turns = chosen_turns(&mut random);
    let turns: Vec<_> = turns.iter().filter(|(_, turn)| turn.jump.abs() <= 2 * HOUR).collect();
    let sample = if is_full() { turns.len() / 10 } else { 100 };
    let mut agreed = 0;
    for _ in 0..sample {
        let (zone, turn) = **random.pick(&turns);
        agreed += check_turn(zone, turn, true, 6, &mut random);
    }
    assert!(agreed > sample * 40, "only {agreed} slots were compared");
}

#[test]
fn rare_dates_agree_with_a_count_over_days() {
    let mut random = Random(0x5eed_0004);
    let (mut rare, mut never) = (0, 0);
    for _ in 0..if is_full() { 50_000 } else { 3_000 } {
        let mut expression =
            Expression::random(&mut random, Taste { is_frequent: false, has_seconds: false, is_loose: true });
        if random.one_in(3) {
            // The rarest of all: the end of February on a given weekday.
            expression.month.items = vec![Item::Value(2)];
            expression.day.items = vec![Item::Star { step: random.between(27, 31) }];
            if random.one_in(2) {
                expression.day.items = vec![Item::Value(random.between(29, 31))];
            }
            expression.weekday.items = vec![Item::Value(random.between(0, 7))];
            if random.one_in(2) {
                expression.weekday.items = vec![Item::Star { step: random.between(1, 7) }];
            }
        }
        let text = expression.text();
        let start = NaiveDate::from_ymd_opt(random.between(1890, 2096) as i32, random.between(1, 12), 1).unwrap();
        let spec = cron(&text, Tz::UTC, None, None);
        let holds =
            |day: &NaiveDate| expression.holds_day(day.month(), day.day(), day.weekday().num_days_from_sunday());
        // Forty years hold every kind of year around a century without a leap day.
        let expected = start.iter_days().take(41 * 366).find(holds);
        let midnight = start.and_hms_opt(0, 0, 0).unwrap().and_utc();
        let found = spec.next_after(midnight - Duration::seconds(1)).map(|next| next.date_naive());
        assert_eq!(found, expected, "`{text}` from {start}");
        assert_eq!(spec.never_fires(), expected.is_none(), "`{text}`");
        never += usize::from(expected.is_none());
        rare += usize::from(expected.is_some_and(|day| day - start > Duration::days(1000)));
    }
    assert!(rare > 20 && never > 20, "{rare} rare and {never} impossible expressions are too few to mean something");
}

/// The expression in croner's notation: seconds first, and `+` where Vixie's star rule asks for both days.
fn croner_text(expression: &Expression) -> String {
    let number = |value: u32| value.to_string();
    let (day, weekday) = (expression.day.render(number), expression.weekday.render(number));
    let needs_both =
        (expression.day.starts_with_star() || expression.weekday.starts_with_star()) && day != "*" && weekday != "*";
    format!(
        "{} {} {} {day} {} {}{weekday}",
        expression.second.as_ref().map_or_else(|| "0".to_owned(), |second| second.render(number)),
        expression.minute.render(number),
        expression.hour.render(number),
        expression.month.render(number),
        if needs_both { "+" } else { "" },
    )
}

#[test]
fn croner_finds_the_same_instants_where_its_rules_are_ours() {
    let mut random = Random(0x5eed_0005);
    let parser = CronParser::builder().seconds(Seconds::Required).build();
    let zones = [Tz::UTC, Tz::Europe__Paris, Tz::America__New_York, Tz::Australia__Lord_Howe, Tz::Asia__Kolkata];
    let mut compared = 0;
    for _ in 0..if is_full() { 50_000 } else { 3_000 } {
        let taste = Taste { is_frequent: !random.one_in(3), has_seconds: random.one_in(4), is_loose: false };
        let expression = Expression::random(&mut random, taste);
        let (text, croner_text) = (expression.text(), croner_text(&expression));
        let theirs =
            parser.parse(&croner_text).unwrap_or_else(|error| panic!("croner refuses `{croner_text}`: {error}"));
        let zone = *random.pick(&zones);
        // Croner calls a schedule fixed when it has one hour, one minute and one second; then it shifts and takes the
        // first, as we do for fixed hours. Any other schedule follows real time there. Our overrides say the same.
        let (gap, fold) = match theirs.determine_job_type() {
            croner::JobType::FixedTime => (Gap::Shift, Fold::First),
            croner::JobType::IntervalWildcard => (Gap::Skip, Fold::Both),
        };
        let spec = cron(&text, zone, Some(gap), Some(fold));
        let from = zone.from_utc_datetime(&at(i64::from(random.between(0, 2_000_000_000))).naive_utc());
        if spec.never_fires() {
            assert!(theirs.find_next_occurrence(&from, false).is_err(), "`{text}` does fire, says croner");
            continue;
        }
        let mut ours = spec.upcoming(from.with_timezone(&Utc));
        let mut cursor = from;
        for _ in 0..6 {
            let Ok(next) = theirs.find_next_occurrence(&cursor, false) else {
                break;
            };
            assert_eq!(ours.next(), Some(next.with_timezone(&Utc)), "`{text}` in {zone} after {cursor}");
            cursor = next;
            compared += 1;
        }
    }
    assert!(compared > 3_000, "only {compared} instants were compared");
}

#[test]
fn an_interval_fires_on_multiples_of_its_length_since_the_epoch() {
    let mut random = Random(0x5eed_0006);
    for _ in 0..2_000 {
        let seconds = random.between(1, 400_000);
        let every = Every::parse(&format!("{seconds}s")).unwrap();
        let zone = *random.pick(&TZ_VARIANTS);
        let spec = ScheduleSpec::new(ScheduleKind::Every(every), zone);
        let from = at(i64::from(random.between(0, 4_000_000_000)) - 1_000_000_000)
            + Duration::nanoseconds(i64::from(random.between(0, 999_999_999)));
        let next = spec.next_after(from).unwrap();
        assert!(next > from && next - from <= Duration::seconds(i64::from(seconds)), "{seconds}s after {from:?}");
        assert_eq!(next.timestamp().rem_euclid(i64::from(seconds)), 0);
    }
}
