//! Table tests: the grammar, the mistakes with their places and hints, and the days on which clocks change.

use chrono::{DateTime, Datelike, NaiveDate, Utc};
use chrono_tz::Tz;

use super::{CronExpr, CronField, Every, Fold, Gap, ScheduleKind, ScheduleProblem, ScheduleSpec};

fn utc(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn spec(text: &str, zone: Tz) -> ScheduleSpec {
    ScheduleSpec::new(ScheduleKind::Cron(CronExpr::parse(text).unwrap()), zone)
}

/// The next `count` instants, shown in the zone of the schedule.
fn shown(spec: &ScheduleSpec, after: &str, count: usize) -> Vec<String> {
    spec.upcoming(utc(after))
        .take(count)
        .map(|instant| instant.with_timezone(&spec.zone).format("%m-%d %H:%M:%S%:z").to_string())
        .collect()
}

#[track_caller]
fn assert_same(left: &str, right: &str) {
    let (left, right) = (CronExpr::parse(left).unwrap(), CronExpr::parse(right).unwrap());
    assert_eq!(left.fields, right.fields, "`{left}` and `{right}`");
}

/// Values of one field, read back from the parsed set.
fn values(set: u64) -> Vec<u32> {
    (0..64).filter(|bit| set & (1 << bit) != 0).collect()
}

#[test]
fn lists_ranges_and_steps_expand() {
    let cases: [(&str, &[u32]); 10] = [
        ("*/15", &[0, 15, 30, 45]),
        ("5/15", &[5, 20, 35, 50]),
        ("7", &[7]),
        ("07", &[7]),
        ("1,2,3", &[1, 2, 3]),
        ("10-14", &[10, 11, 12, 13, 14]),
        ("10-20/5", &[10, 15, 20]),
        ("10-11/59", &[10]),
        ("1-3,2-4,58/1", &[1, 2, 3, 4, 58, 59]),
        ("3,*/30", &[0, 3, 30]),
    ];
    for (minutes, expected) in cases {
        let parsed = CronExpr::parse(&format!("{minutes} * * * *")).unwrap();
        assert_eq!(values(parsed.fields.minutes), expected, "{minutes}");
        assert_eq!(values(parsed.fields.seconds), [0]);
        let parsed = CronExpr::parse(&format!("* * * * * {minutes}")).unwrap();
        assert_eq!(values(parsed.fields.seconds), expected, "{minutes} as seconds");
    }
}

#[test]
fn weekdays_count_from_sunday_and_seven_is_sunday() {
    let cases: [(&str, &[u32]); 20] = [
        ("0", &[0]),
        ("7", &[0]),
        ("sun", &[0]),
        ("1-5", &[1, 2, 3, 4, 5]),
        ("mon-fri", &[1, 2, 3, 4, 5]),
        ("Monday-FRIDAY", &[1, 2, 3, 4, 5]),
        ("5-7", &[0, 5, 6]),
        ("fri-sun", &[0, 5, 6]),
        ("sun-tue", &[0, 1, 2]),
        ("sun-sun", &[0]),
        ("7-7", &[0]),
        ("0-7", &[0, 1, 2, 3, 4, 5, 6]),
        ("0-7/7", &[0]),
        ("1-7/2", &[0, 1, 3, 5]),
        ("2-7/2", &[2, 4, 6]),
        ("*/2", &[0, 2, 4, 6]),
        ("*/7", &[0]),
        ("1/2", &[1, 3, 5]),
        ("7/3", &[0, 3, 6]),
        ("sat,0,wed", &[0, 3, 6]),
    ];
    for (text, expected) in cases {
        let parsed = CronExpr::parse(&format!("0 0 * * {text}")).unwrap();
        assert_eq!(values(u64::from(parsed.fields.weekdays)), expected, "{text}");
    }
}

#[test]
fn months_have_names() {
    assert_same("0 0 1 jan,Mar-MAY/2,december *", "0 0 1 1,3,5,12 *");
    assert_same("0 0 1 sep/1 *", "0 0 1 9-12 *");
}

#[test]
fn shorthands_stand_for_their_five_fields() {
    assert_same("@hourly", "0 * * * *");
    assert_same("@daily", "0 0 * * *");
    assert_same("@midnight", "0 0 * * *");
    assert_same("@weekly", "0 0 * * 0");
    assert_same("@monthly", "0 0 1 * *");
    assert_same("@yearly", "0 0 1 1 *");
    assert_same(" @Annually\n", "0 0 1 1 *");
}

#[test]
fn the_text_is_kept_as_it_was_written() {
    let cron = CronExpr::parse("  0   9 * *\tMON ").unwrap();
    assert_eq!(cron.to_string(), "0   9 * *\tMON");
    assert_eq!(CronExpr::parse("@daily").unwrap().as_str(), "@daily");
    assert_eq!(ScheduleKind::Every(Every::parse(" 1h30m ").unwrap()).to_string(), "every 1h30m");
}

#[test]
fn two_restricted_day_fields_match_either_unless_one_begins_with_a_star() {
    let days = |text: &str| -> Vec<u32> {
        let end = utc("2026-05-31T23:59:59Z");
        let spec = spec(text, Tz::UTC);
        let dates = spec.upcoming(utc("2026-04-30T23:59:59Z")).take_while(|at| *at <= end);
        dates.map(|at| at.day()).collect()
    };
    // May 2026 begins on a Friday.
    assert_eq!(days("0 0 13 * fri"), [1, 8, 13, 15, 22, 29]);
    assert_eq!(days("0 0 * * fri"), [1, 8, 15, 22, 29]);
    assert_eq!(days("0 0 13 * *"), [13]);
    assert_eq!(days("0 0 */10 * fri"), [1]);
    assert_eq!(days("0 0 10-20 * */3"), [10, 13, 16, 17, 20]);
    assert_eq!(days("0 0 1-31/10 * fri"), [1, 8, 11, 15, 21, 22, 29, 31]);
}

/// Text, marks under the offending bytes, message.
const MISTAKES: [(&str, &str, &str); 33] = [
    ("* * * *", "^^^^^^^", "at least five fields are needed, found 4"),
    ("  5 ", "  ^", "at least five fields are needed, found 1"),
    ("0 0 12 * * 0 2026", "             ^^^^", "at most six fields are allowed, found 7"),
    ("* * * * * * a b", "            ^^^", "at most six fields are allowed, found 8"),
    ("0 25 * * *", "  ^^", "hour `25` is outside 0-23"),
    ("60 0 * * *", "^^", "minute `60` is outside 0-59"),
    ("0 0 0 * *", "    ^", "day of month `0` is outside 1-31"),
    ("0 0 1,32 * *", "      ^^", "day of month `32` is outside 1-31"),
    ("0 0 1 13 *", "      ^^", "month `13` is outside 1-12"),
    ("0 0 * * 8", "        ^", "day of week `8` is outside 0-7"),
    ("0 0 * * * 60", "          ^^", "second `60` is outside 0-59"),
    ("0 0 * * 1-9", "          ^", "day of week `9` is outside 0-7"),
    ("0 99999999999999999999 * * *", "  ^^^^^^^^^^^^^^^^^^^^", "hour `99999999999999999999` is outside 0-23"),
    ("0 22-2 * * *", "  ^^^^", "hour range `22-2` runs backwards"),
    ("0 0 1 nov-feb *", "      ^^^^^^^", "month range `nov-feb` runs backwards"),
    ("0 0 * * 1,5-0/2", "          ^^^", "day of week range `5-0` runs backwards"),
    ("1,2,,3 * * * *", "   ^", "empty item in the list of the minute field"),
    ("1,2, * * * *", "   ^", "empty item in the list of the minute field"),
    ("* ,5 * * *", "  ^", "empty item in the list of the hour field"),
    ("*/0 * * * *", "  ^", "step `0` of the minute field is outside 1-59"),
    ("*/60 * * * *", "  ^^", "step `60` of the minute field is outside 1-59"),
    ("0 */24 * * *", "    ^^", "step `24` of the hour field is outside 1-23"),
    ("*/ * * * *", " ^", "step `` of the minute field is not a number"),
    ("*/2/3 * * * *", "  ^^^", "step `2/3` of the minute field is not a number"),
    ("/5 * * * *", "^^", "`/5` is not a value of the minute field"),
    ("-5 * * * *", "^^", "`-5` is not a value of the minute field"),
    ("5- * * * *", "^^", "`5-` is not a value of the minute field"),
    ("mon * * * *", "^^^", "`mon` is not a value of the minute field"),
    ("0 0 ? * *", "    ^", "`?` is not a value of the day of month field"),
    ("0 0 L * *", "    ^", "`L` is not a value of the day of month field"),
    ("0 0 * juni *", "      ^^^^", "`juni` is not a value of the month field"),
    ("0 0 * * lun,mar", "        ^^^", "`lun` is not a value of the day of week field"),
    ("0 ½ * * *", "  ^^", "`½` is not a value of the hour field"),
];

#[test]
fn mistakes_are_shown_at_their_place() {
    for (text, marks, message) in MISTAKES {
        let error = CronExpr::parse(text).expect_err(text);
        assert_eq!(error.to_string(), message, "`{text}`");
        let place = " ".repeat(error.offset) + &"^".repeat(error.len);
        assert_eq!(place, marks, "`{text}`: {message}");
        assert!(text.get(error.span()).is_some_and(|bytes| !bytes.is_empty()), "`{text}`");
        assert!(!error.hint().is_empty(), "`{text}`");
    }
}

#[test]
fn hints_say_what_to_write_instead() {
    let hint = |text: &str| CronExpr::parse(text).expect_err(text).hint();
    assert_eq!(hint("0 22-2 * * *"), "split it in two: `22-23,0-2`");
    assert_eq!(hint("0 0 1 nov-feb *"), "split it in two: `nov-dec,jan-feb`");
    assert_eq!(hint("0 0 * * fri-mon"), "split it in two: `fri-sat,sun-mon`");
    assert_eq!(hint("@every 5m"), "write `every = \"15m\"` in place of the cron text");
    assert!(hint("0 30 2 * * *").contains("the second, goes last"), "seconds written first");
    assert!(hint("0 0 ? * *").contains("other schedulers"));
    assert!(hint("* * * * * * 2026").contains("a year cannot be given"));
    assert!(hint("0 0 * * lun").contains("`sun` to `sat`"));
    for suggestion in ["0 22-23,0-2 * * *", "0 0 1 nov-dec,jan-feb *", "0 0 * * fri-sat,sun-mon"] {
        CronExpr::parse(suggestion).unwrap();
    }
}

#[test]
fn shorthands_that_name_no_time_are_refused() {
    let error = CronExpr::parse(" @reboot").unwrap_err();
    assert_eq!((error.problem.clone(), error.span()), (ScheduleProblem::Reboot, 1..8));
    assert!(error.hint().contains("a schedule names times"));
    let error = CronExpr::parse("@dayly").unwrap_err();
    assert_eq!(error.to_string(), "unknown shorthand `@dayly`");
    assert!(error.hint().contains("`@daily`"));
    assert_eq!(CronExpr::parse("").unwrap_err().problem, ScheduleProblem::Empty);
    assert_eq!(CronExpr::parse(" \t ").unwrap_err().span(), 0..3);
    assert_eq!(
        CronField::ALL.map(|field| field.to_string()).join(" "),
        "minute hour day of month month day of week second"
    );
}

#[test]
fn intervals_add_up_their_units() {
    for (text, seconds) in
        [("1s", 1), ("15m", 900), ("1h30m", 5_400), ("2d", 172_800), ("1d1h1m1s", 90_061), (" 90m ", 5_400)]
    {
        assert_eq!(Every::parse(text).unwrap().seconds(), seconds, "{text}");
    }
}

#[test]
fn mistakes_in_intervals_are_shown_at_their_place() {
    let cases = [
        ("15", "^^", "`15` has no unit"),
        (" 1h30", "   ^^", "`30` has no unit"),
        ("15min", "  ^^^", "unknown unit `min`"),
        ("1.5h", " ^", "unknown unit `.`"),
        ("-5m", "^^^", "`-5m` is not an interval"),
        ("m", "^", "`m` is not an interval"),
        ("30m1h", "    ^", "unit `h` stands after a smaller or equal one"),
        ("1m1m", "   ^", "unit `m` stands after a smaller or equal one"),
        ("0s", "^^", "an interval of zero never ends"),
        ("367d", "^^^^", "interval `367d` is longer than 366 days"),
        ("99999999999999999999s", "^^^^^^^^^^^^^^^^^^^^^", "interval `99999999999999999999s` is longer than 366 days"),
        ("999999999999999999d", "^^^^^^^^^^^^^^^^^^^", "interval `999999999999999999d` is longer than 366 days"),
    ];
    for (text, marks, message) in cases {
        let error = Every::parse(text).expect_err(text);
        assert_eq!(error.to_string(), message, "`{text}`");
        assert_eq!(" ".repeat(error.offset) + &"^".repeat(error.len), marks, "`{text}`");
        assert!(!error.hint().is_empty(), "`{text}`");
    }
    assert_eq!(Every::parse("  ").unwrap_err().problem, ScheduleProblem::EmptyInterval);
}

#[test]
fn an_interval_keeps_its_instants_whatever_the_zone() {
    let mut spec = ScheduleSpec::new(ScheduleKind::Every(Every::parse("7h").unwrap()), Tz::Asia__Tokyo);
    let found: Vec<_> = spec.upcoming(utc("1969-12-31T23:00:00Z")).take(3).collect();
    assert_eq!(found, [utc("1970-01-01T00:00:00Z"), utc("1970-01-01T07:00:00Z"), utc("1970-01-01T14:00:00Z")]);
    spec.zone = Tz::Europe__Paris;
    assert_eq!(spec.next_after(utc("1970-01-01T00:00:00Z")), Some(found[1]));
    assert_eq!(spec.next_after(DateTime::<Utc>::MAX_UTC), None);
}

#[test]
fn fixed_hours_fire_once_on_the_days_clocks_change() {
    let nightly = spec("30 2 * * *", Tz::Europe__Paris);
    assert_eq!(
        shown(&nightly, "2026-03-28T00:00:00Z", 3),
        ["03-28 02:30:00+01:00", "03-29 03:00:00+02:00", "03-30 02:30:00+02:00"]
    );
    assert_eq!(shown(&nightly, "2026-10-24T12:00:00Z", 2), ["10-25 02:30:00+02:00", "10-26 02:30:00+01:00"]);
    // Four swallowed times and the first one after the gap are one slot.
    let dense = spec("*/15 2-3 * * *", Tz::Europe__Paris);
    assert_eq!(
        shown(&dense, "2026-03-29T00:00:00Z", 3),
        ["03-29 03:00:00+02:00", "03-29 03:15:00+02:00", "03-29 03:30:00+02:00"]
    );
}

#[test]
fn a_wildcard_hour_keeps_its_rhythm_when_clocks_change() {
    let paris = spec("*/30 * * * *", Tz::Europe__Paris);
    assert_eq!(
        shown(&paris, "2026-03-29T00:29:00Z", 3),
        ["03-29 01:30:00+01:00", "03-29 03:00:00+02:00", "03-29 03:30:00+02:00"]
    );
    assert_eq!(
        shown(&paris, "2026-10-24T23:59:00Z", 5),
        [
            "10-25 02:00:00+02:00",
            "10-25 02:30:00+02:00",
            "10-25 02:00:00+01:00",
            "10-25 02:30:00+01:00",
            "10-25 03:00:00+01:00"
        ]
    );
    // From the second pass on, not back into the first.
    assert_eq!(shown(&paris, "2026-10-25T01:10:00Z", 1), ["10-25 02:30:00+01:00"]);
    // Lord Howe changes by half an hour, so quarter past two is swallowed, and quarter to two comes twice.
    let lord_howe = spec("15,45 * * * *", Tz::Australia__Lord_Howe);
    assert_eq!(
        shown(&lord_howe, "2026-04-04T14:30:00Z", 3),
        ["04-05 01:45:00+11:00", "04-05 01:45:00+10:30", "04-05 02:15:00+10:30"]
    );
    assert_eq!(
        shown(&lord_howe, "2026-10-03T15:00:00Z", 3),
        ["10-04 01:45:00+10:30", "10-04 02:45:00+11:00", "10-04 03:15:00+11:00"]
    );
}

#[test]
fn overrides_replace_the_defaults() {
    let mut nightly = spec("30 2 * * *", Tz::Europe__Paris);
    nightly.gap = Some(Gap::Skip);
    assert_eq!(shown(&nightly, "2026-03-28T12:00:00Z", 1), ["03-30 02:30:00+02:00"]);
    nightly.fold = Some(Fold::Second);
    assert_eq!(shown(&nightly, "2026-10-24T12:00:00Z", 2), ["10-25 02:30:00+01:00", "10-26 02:30:00+01:00"]);
    // Started inside the first pass, the second still lies ahead.
    assert_eq!(shown(&nightly, "2026-10-25T00:45:00Z", 1), ["10-25 02:30:00+01:00"]);
    nightly.fold = Some(Fold::Both);
    assert_eq!(shown(&nightly, "2026-10-24T12:00:00Z", 2), ["10-25 02:30:00+02:00", "10-25 02:30:00+01:00"]);
    let mut often = spec("*/20 * * * *", Tz::Europe__Paris);
    often.gap = Some(Gap::Shift);
    often.fold = Some(Fold::First);
    assert_eq!(shown(&often, "2026-03-29T00:45:00Z", 2), ["03-29 03:00:00+02:00", "03-29 03:20:00+02:00"]);
    assert_eq!(shown(&often, "2026-10-25T00:39:00Z", 2), ["10-25 02:40:00+02:00", "10-25 03:00:00+01:00"]);
}

#[test]
fn a_gap_at_midnight_and_a_day_that_never_was_fire_at_the_first_instant_after() {
    let daily = |zone| spec("@daily", zone);
    assert_eq!(
        shown(&daily(Tz::America__Sao_Paulo), "2018-11-03T12:00:00Z", 2),
        ["11-04 01:00:00-02:00", "11-05 00:00:00-02:00"]
    );
    assert_eq!(shown(&daily(Tz::America__Havana), "2026-03-07T12:00:00Z", 1), ["03-08 01:00:00-04:00"]);
    // Samoa had no 30 December 2011: its slots fall on the midnight that begins the 31st, which is one slot.
    assert_eq!(
        shown(&daily(Tz::Pacific__Apia), "2011-12-29T00:00:00Z", 3),
        ["12-29 00:00:00-10:00", "12-31 00:00:00+14:00", "01-01 00:00:00+14:00"]
    );
    assert_eq!(
        shown(&spec("0 9 30 12 *", Tz::Pacific__Apia), "2011-01-01T00:00:00Z", 2),
        ["12-31 00:00:00+14:00", "12-30 09:00:00+14:00"]
    );
}

#[test]
fn impossible_dates_are_accepted_and_never_fire() {
    for text in ["30 2 30 2 *", "0 0 31 4,6,9,11 *", "0 0 30,31 feb *"] {
        let never = spec(text, Tz::Europe__Paris);
        assert!(never.never_fires(), "{text}");
        assert_eq!(never.next_after(utc("2026-01-01T00:00:00Z")), None, "{text}");
        assert_eq!(never.upcoming(utc("2026-01-01T00:00:00Z")).count(), 0, "{text}");
    }
    // The weekday alone is enough when both are restricted.
    assert!(!spec("0 0 30 2 mon", Tz::UTC).never_fires());
}

#[test]
fn rare_dates_are_found_across_centuries() {
    let date = |y, m, d| NaiveDate::from_ymd_opt(y, m, d).unwrap();
    let next = |text: &str, after: &str| spec(text, Tz::UTC).next_after(utc(after)).unwrap().date_naive();
    assert_eq!(next("0 0 29 2 *", "2096-02-29T00:00:00Z"), date(2104, 2, 29));
    // A leap day on a Sunday: 28 years apart, and 40 across a century without one.
    assert_eq!(next("0 0 29 2 */7", "2060-02-29T00:00:00Z"), date(2088, 2, 29));
    assert_eq!(next("0 0 29 2 */7", "2088-02-29T00:00:00Z"), date(2128, 2, 29));
}

#[test]
fn the_ends_of_the_calendar_are_survived() {
    let often = spec("* * * * *", Tz::Pacific__Kiritimati);
    assert_eq!(often.next_after(DateTime::<Utc>::MAX_UTC), None);
    assert_eq!(often.next_after(utc("9999-01-01T00:00:00Z")), None);
    // Local mean time there was 10:29:20 behind Greenwich.
    assert_eq!(often.next_after(DateTime::<Utc>::MIN_UTC), Some(utc("0001-01-03T00:00:20Z")));
    assert!(often.next_after(utc("9998-12-31T23:59:59Z")).is_some());
}

#[test]
fn the_next_instant_is_strictly_later_to_the_nanosecond() {
    let often = spec("* * * * * *", Tz::Europe__Paris);
    assert_eq!(often.next_after(utc("2026-01-01T00:00:00Z")), Some(utc("2026-01-01T00:00:01Z")));
    assert_eq!(often.next_after(utc("2026-01-01T00:00:00.999999999Z")), Some(utc("2026-01-01T00:00:01Z")));
    let every = ScheduleSpec::new(ScheduleKind::Every(Every::parse("1s").unwrap()), Tz::UTC);
    assert_eq!(every.next_after(utc("1969-12-31T23:59:59.5Z")), Some(utc("1970-01-01T00:00:00Z")));
}

#[test]
fn the_spellings_of_the_rules_are_read_back() {
    for gap in Gap::ALL {
        assert_eq!(Gap::parse(gap.as_str()), Some(gap));
    }
    for fold in Fold::ALL {
        assert_eq!(Fold::parse(fold.as_str()), Some(fold));
    }
    assert_eq!((Gap::parse("Shift"), Fold::parse("")), (None, None));
}
