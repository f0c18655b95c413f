//! Reads `schedule`, `[[jobs.schedules]]`, `[[jobs.presets]]` and the overrides they carry. What a cron text means is
//! `host_model::schedule`'s business; its errors are moved to their place inside the TOML string.

use std::collections::BTreeSet;
use std::ops::Range;

use chrono_tz::Tz;
use host_model::diagnostic::nearest;
use host_model::job::{JobSchedule, Overrides, Preset};
use host_model::log::LogLevel;
use host_model::placement::{PLACEMENTS, is_label};
use host_model::schedule::{CronExpr, Every, Fold, Gap, ScheduleError, ScheduleKind, ScheduleSpec, zone_hint};
use host_model::{Placement, StepName};
use toml::de::DeTable;

use crate::draft::{Draft, Templated};
use crate::finding::{Findings, suggest};
use crate::param_place::ParamLayer;
use crate::reader::{Table, Text, each_text, entries, json_object, wrong_type};

/// Name of the schedule in the job's own `schedule` key.
const OWN_SCHEDULE: &str = "default";

/// The `schedule`, `gap` and `fold` keys of the job itself.
pub(crate) fn read_own(table: &mut Table<'_, '_>, zone: Tz, out: &mut Findings) -> Option<JobSchedule> {
    let text = table.filled_text("schedule", out);
    let (gap, fold) = read_clock_rules(table, out);
    let jitter_seconds = read_jitter(table, out);
    let text = text?;
    let cron = cron_of("schedule", &text, &table.what, out)?;
    let mut spec = ScheduleSpec::new(ScheduleKind::Cron(cron), zone);
    (spec.gap, spec.fold) = (gap, fold);
    let (name, overrides) = (OWN_SCHEDULE.to_owned(), Overrides::default());
    // The job's own `placement` holds for its runs.
    let placement = None;
    Some(JobSchedule { name, text: text.value, spec, enabled: true, jitter_seconds, placement, overrides })
}

/// Every `[[jobs.schedules]]`.
pub(crate) fn read_all(
    table: &mut Table<'_, '_>,
    zone: Tz,
    has_own: bool,
    draft: &mut Draft,
    out: &mut Findings,
) -> Vec<JobSchedule> {
    let mut names = BTreeSet::new();
    if has_own {
        names.insert(OWN_SCHEDULE.to_owned());
    }
    let mut schedules = Vec::new();
    for (index, (entry, place)) in table.tables("schedules", "[[jobs.schedules]]", out).into_iter().enumerate() {
        let (mut inner, name) = open_named(entry, place, "schedule", index, &mut names, out);
        let spec = read_spec(&mut inner, zone, out);
        let enabled = inner.boolean("enabled", out).unwrap_or(true);
        let overrides = read_overrides(&mut inner, draft, out);
        let jitter_seconds = read_jitter(&mut inner, out);
        let placement = read_placement(&mut inner, out);
        inner.finish(out);
        if let (Some(name), Some((text, spec))) = (name, spec) {
            schedules.push(JobSchedule { name, text, spec, enabled, jitter_seconds, placement, overrides });
        }
    }
    schedules
}

/// The `jitter_seconds` key.
fn read_jitter(table: &mut Table<'_, '_>, out: &mut Findings) -> u32 {
    table.whole("jitter_seconds", 0..=86_400, out).unwrap_or(0)
}

/// Every `[[jobs.presets]]`.
pub(crate) fn read_presets(table: &mut Table<'_, '_>, draft: &mut Draft, out: &mut Findings) -> Vec<Preset> {
    let mut names = BTreeSet::new();
    let mut presets = Vec::new();
    for (index, (entry, place)) in table.tables("presets", "[[jobs.presets]]", out).into_iter().enumerate() {
        let (mut inner, name) = open_named(entry, place, "preset", index, &mut names, out);
        for key in ["schedule", "cron", "every", "timezone"] {
            if let Some(found) = inner.take(key) {
                let message = format!("{} has `{key}`, but a preset has no schedule", inner.what);
                out.error("conflict", found.key_range(), message, Some("move it to `[[jobs.schedules]]`".into()));
            }
        }
        let overrides = read_overrides(&mut inner, draft, out);
        inner.finish(out);
        presets.extend(name.map(|name| Preset { name, overrides }));
    }
    presets
}

pub(crate) fn open_named<'t, 'i>(
    entry: &'t DeTable<'i>,
    place: Range<usize>,
    kind: &str,
    index: usize,
    names: &mut BTreeSet<String>,
    out: &mut Findings,
) -> (Table<'t, 'i>, Option<String>) {
    let mut table = Table::new(format!("{kind} {}", index + 1), entry, place);
    let name = table.need_text("name", out);
    if let Some(name) = &name {
        table.what = format!("{kind} `{}`", name.value);
        if !names.insert(name.value.clone()) {
            let message = format!("duplicate {kind} name `{}`", name.value);
            let hint = (name.value == OWN_SCHEDULE).then(|| "the job's own `schedule` has this name".to_owned());
            out.error("duplicate-name", name.span.clone(), message, hint);
        }
    }
    (table, name.map(|name| name.value))
}

fn read_spec(table: &mut Table<'_, '_>, job_zone: Tz, out: &mut Findings) -> Option<(String, ScheduleSpec)> {
    let cron = table.filled_text("cron", out);
    let every = table.filled_text("every", out);
    let zone = read_zone(table, out).unwrap_or(job_zone);
    let (gap, fold) = read_clock_rules(table, out);
    let has_either = table.take("cron").is_some() || table.take("every").is_some();
    let (text, kind) = match (cron, every) {
        (Some(_), Some(every)) => {
            let message = format!("{} has both `cron` and `every`", table.what);
            out.error("conflict", every.span, message, Some("keep one of them".into()));
            return None;
        }
        (Some(text), None) => {
            let cron = cron_of("cron", &text, &table.what, out)?;
            (text.value, ScheduleKind::Cron(cron))
        }
        (None, Some(text)) => match Every::parse(&text.value) {
            Ok(every) => (text.value, ScheduleKind::Every(every)),
            Err(error) => {
                schedule_error("every", &text, &error, &table.what, out);
                return None;
            }
        },
        (None, None) => {
            if !has_either {
                let message = format!("{} is missing required field(s): `cron` or `every`", table.what);
                out.error("missing-field", table.place.clone(), message, None);
            }
            return None;
        }
    };
    let mut spec = ScheduleSpec::new(kind, zone);
    (spec.gap, spec.fold) = (gap, fold);
    Some((text, spec))
}

fn cron_of(key: &str, text: &Text, what: &str, out: &mut Findings) -> Option<CronExpr> {
    match CronExpr::parse(&text.value) {
        Ok(cron) => {
            if cron.never_fires() {
                let message = format!("`{key}` of {what} never fires: no date matches `{}`", text.value);
                out.warning("schedule-never-fires", text.span.clone(), message, None);
            }
            Some(cron)
        }
        Err(error) => {
            schedule_error(key, text, &error, what, out);
            None
        }
    }
}

fn schedule_error(key: &str, text: &Text, error: &ScheduleError, what: &str, out: &mut Findings) {
    let place = out.file.inside_string(&text.span, &text.value, error.span());
    out.error("schedule-invalid", place, format!("`{key}` of {what}: {error}"), Some(error.hint()));
}

fn read_clock_rules(table: &mut Table<'_, '_>, out: &mut Findings) -> (Option<Gap>, Option<Fold>) {
    let gaps = Gap::ALL.map(Gap::as_str);
    let folds = Fold::ALL.map(Fold::as_str);
    let gap = table.word("gap", &gaps, Gap::parse, out).map(|(gap, _)| gap);
    (gap, table.word("fold", &folds, Fold::parse, out).map(|(fold, _)| fold))
}

/// The `placement` key of a job or a schedule.
pub(crate) fn read_placement(table: &mut Table<'_, '_>, out: &mut Findings) -> Option<Placement> {
    let text = table.text("placement", out)?;
    let placement = Placement::parse(&text.value);
    if placement.is_none() {
        let message = format!("`placement` is `{}`; allowed are {PLACEMENTS}", text.value);
        let hint = match nearest(&text.value, ["here", "any"]) {
            Some(near) => format!("did you mean `{near}`?"),
            None if is_label(&text.value) => format!("did you mean `label:{}`?", text.value),
            None => "the name of a label has 1 to 64 letters, digits, `-`, `_` and `.`".to_owned(),
        };
        out.error("not-allowed", text.span, message, Some(hint));
    }
    placement
}

/// The `timezone` key.
pub(crate) fn read_zone(table: &mut Table<'_, '_>, out: &mut Findings) -> Option<Tz> {
    let text = table.text("timezone", out)?;
    let zone = text.value.parse::<Tz>().ok();
    if zone.is_none() {
        let message = format!("unknown timezone `{}`", text.value);
        out.error("unknown-timezone", text.span, message, Some(zone_hint(&text.value)));
    }
    zone
}

/// The `log_level` key of a job or an override.
pub(crate) fn read_log_level(table: &mut Table<'_, '_>, out: &mut Findings) -> Option<LogLevel> {
    let parse = |text: &str| LogLevel::parse(text).filter(|level| matches!(level, LogLevel::Info | LogLevel::Debug));
    table.word("log_level", &["INFO", "DEBUG"], parse, out).map(|(level, _)| level)
}

fn read_overrides(table: &mut Table<'_, '_>, draft: &mut Draft, out: &mut Findings) -> Overrides {
    let mut overrides = Overrides { log_level: read_log_level(table, out), ..Overrides::default() };
    let owner = Some(table.what.clone());
    note_params(table, owner.clone(), draft);
    overrides.params = table.object("params", out);
    let key = table.alias("op_kwargs", "kwargs", out);
    if let Some(steps) = table.take(key).filter(|_| table.table(key, out).is_some()) {
        for entry in steps.value.get_ref().as_table().map(entries).unwrap_or_default() {
            let step = known_step(entry.key, entry.key_range(), draft, out);
            match (step, entry.value.get_ref().as_table()) {
                (Some((index, step)), Some(kwargs)) => {
                    each_text(entry.value, &mut |text| draft.templated.push(Templated { step: Some(index), text }));
                    draft.param_layers.push(ParamLayer::new(entry, owner.clone(), Some(index)));
                    overrides.op_kwargs.insert(step, json_object(kwargs, out));
                }
                (_, None) => wrong_type(entry.key, "a table of arguments", entry.value, out),
                (None, Some(_)) => {}
            }
        }
    }
    if let Some(steps) = table.take("step_enabled").filter(|_| table.table("step_enabled", out).is_some()) {
        for entry in steps.value.get_ref().as_table().map(entries).unwrap_or_default() {
            let step = known_step(entry.key, entry.key_range(), draft, out);
            match (step, entry.value.get_ref().as_bool()) {
                (Some((_, step)), Some(enabled)) => {
                    overrides.step_enabled.insert(step, enabled);
                }
                (_, None) => wrong_type(entry.key, "`true` or `false`", entry.value, out),
                (None, Some(_)) => {}
            }
        }
    }
    overrides
}

/// Notes `params` as shared by all steps, with the strings in it.
pub(crate) fn note_params(table: &mut Table<'_, '_>, owner: Option<String>, draft: &mut Draft) {
    if let Some(entry) = table.take("params") {
        each_text(entry.value, &mut |text| draft.templated.push(Templated { step: None, text }));
        draft.param_layers.push(ParamLayer::new(entry, owner, None));
    }
}

fn known_step(name: &str, place: Range<usize>, draft: &Draft, out: &mut Findings) -> Option<(usize, StepName)> {
    let names = draft.step_names.iter().flatten().map(|text| text.value.as_str());
    match draft.step_names.iter().position(|known| known.as_ref().is_some_and(|known| known.value == name)) {
        Some(index) => StepName::new(name).ok().map(|step| (index, step)),
        None => {
            out.error("unknown-step", place, format!("the job has no step named `{name}`"), suggest(name, names));
            None
        }
    }
}
