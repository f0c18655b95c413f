//! Reads `[meta]` and `[[jobs]]` with everything below it into drafts. Keys of later versions are refused here, never
//! ignored. Rules between jobs, and between jobs and the rest of the home, are `check`'s.

use chrono_tz::Tz;
use host_model::job::{Alerts, CatchUp, INTERNAL_PREFIX, Job, OnRestart, Overlap, SourcePlace};
use host_model::log::LogLevel;
use host_model::notify::route::check_recipient;
use host_model::retry::{Backoff, RetryPolicy};
use host_model::schedule::Every;
use host_model::{JobId, Placement, Step};
use toml::Spanned;
use toml::de::DeTable;

use crate::blackout_table::read_blackouts;
use crate::draft::Draft;
use crate::finding::Findings;
use crate::overlay::{Fate, Laid};
use crate::pin_table::read_pins;
use crate::reader::{Table, Text, entries, unknown_key};
use crate::schedule_table::{note_params, read_all, read_log_level, read_own, read_placement, read_presets, read_zone};
use crate::step_table::read_step;

/// What a job inherits from where its file stands.
#[derive(Clone, Copy)]
pub(crate) struct Surroundings<'a> {
    /// Index of the file.
    pub(crate) file: usize,
    /// The folder under `plugins/`.
    pub(crate) app: &'a str,
    /// The zone of schedules that name none.
    pub(crate) zone: Tz,
}

/// Every job of a file, with what is laid over it. Each draft carries its own findings; those about the file stay in
/// `out`.
pub(crate) fn read_file<'i>(
    root: &Spanned<DeTable<'i>>,
    around: Surroundings<'_>,
    laid: &Laid<'i>,
    out: &mut Findings,
) -> Vec<Draft> {
    let mut table = Table::new("the file", root.get_ref(), 0..0);
    read_meta(&mut table, out);
    let jobs = table.tables("jobs", "[[jobs]]", out);
    table.finish(out);
    let about_file = out.drain();
    let mut drafts = Vec::new();
    for (entries, header) in jobs {
        let (merged, header) = match laid.over(entries, header) {
            Fate::Skip => continue,
            Fate::Alone(header) => (None, header),
            Fate::Merged(merged, header) => (Some(merged), header),
        };
        let entries = merged.as_ref().unwrap_or(entries);
        let mut draft = Draft::new(around.file, header.clone(), around.app);
        read_job(Table::new("", entries, header), around, &mut draft, out);
        laid.judge(entries, &draft, out);
        draft.found = out.drain();
        out.job = None;
        drafts.push(draft);
    }
    for finding in about_file {
        out.keep(finding);
    }
    drafts
}

fn read_meta(table: &mut Table<'_, '_>, out: &mut Findings) {
    let Some(mut meta) = table.table("meta", out) else { return };
    meta.what = "`[meta]`".to_owned();
    meta.whole("version", 1..=1, out);
    // Who may change the file is `edit`'s business.
    meta.boolean("vendor", out);
    meta.refuse("retention", "set `history_days` under `[jobs]` in app.toml", out);
    meta.finish(out);
}

fn read_job(mut table: Table<'_, '_>, around: Surroundings<'_>, draft: &mut Draft, out: &mut Findings) {
    let id = read_id(&mut table, draft, out);
    if let Some(app) = table.filled_text("app", out) {
        draft.app = app.value;
    }
    let description = table.text("description", out).map(|text| text.value).unwrap_or_default();
    let tags = values(table.texts("tags", out));
    let enabled = table.boolean("enabled", out).unwrap_or(true);
    let log_level = read_log_level(&mut table, out).unwrap_or(LogLevel::Info);
    let timeout_seconds = table.whole("timeout_seconds", 1..=u32::MAX, out);
    note_params(&mut table, None, draft);
    let params = table.object("params", out);
    let retry = read_retry(&mut table, out).unwrap_or_default();
    let mut steps = read_steps(&mut table, draft, out);
    read_pins(&mut table, &mut steps, draft, out);

    let zone = read_zone(&mut table, out).unwrap_or(around.zone);
    let has_own = table.take("schedule").is_some();
    let mut schedules: Vec<_> = read_own(&mut table, zone, out).into_iter().collect();
    schedules.extend(read_all(&mut table, zone, has_own, draft, out));
    let presets = read_presets(&mut table, draft, out);

    let alerts = read_alerts(&mut table, out);
    let rules = read_rules(&mut table, draft, out);
    let blackouts = read_blackouts(&mut table, out);
    let has_schedule = has_own || table.take("schedules").is_some();
    check_catch_up(&mut table, has_schedule, out);
    let place = table.place.clone();
    table.finish(out);

    let Some(id) = id else { return };
    let (line, _) = out.file.place(place.start);
    draft.job = Some(Job {
        id,
        app: draft.app.clone(),
        description,
        tags,
        enabled,
        schedules,
        presets,
        params,
        steps,
        retry,
        alerts,
        log_level,
        timeout_seconds,
        overlap: rules.overlap,
        catch_up: rules.catch_up,
        catch_up_window_seconds: rules.catch_up_window_seconds,
        blackouts,
        depends_on: rules.depends_on,
        on_restart: rules.on_restart,
        placement: rules.placement,
        source: SourcePlace { file: out.file.file_at(place.start).0.name.clone(), line },
    });
}

fn read_id(table: &mut Table<'_, '_>, draft: &mut Draft, out: &mut Findings) -> Option<JobId> {
    let (line, _) = out.file.place(table.place.start);
    table.what = format!("the job of line {line}");
    let key = table.alias("id", "name", out);
    let text = table.need_text(key, out)?;
    table.what = format!("job `{}`", text.value);
    out.job = Some(text.value.clone());
    draft.id = Some(text.clone());
    match JobId::new(&text.value) {
        Ok(id) if id.as_str().starts_with(INTERNAL_PREFIX) => {
            let message = format!("job id `{id}` is reserved: `{INTERNAL_PREFIX}` begins the ids of built-in jobs");
            out.error("job-id-invalid", text.span, message, Some("choose another id".into()));
            None
        }
        Ok(id) => Some(id),
        Err(error) => {
            out.error("job-id-invalid", text.span, error.to_string(), None);
            None
        }
    }
}

fn read_steps(table: &mut Table<'_, '_>, draft: &mut Draft, out: &mut Findings) -> Vec<Step> {
    let defaults = table.take("step_defaults").map(|entry| entry.value);
    let defaults = defaults.filter(|_| table.table("step_defaults", out).is_some());
    let defaults = defaults.and_then(|value| value.get_ref().as_table());
    let is_there = table.take("steps").is_some();
    let found = table.tables("steps", "[[jobs.steps]]", out);
    if found.is_empty() {
        let is_empty = table.take("steps").is_none_or(|e| e.value.get_ref().as_array().is_some_and(|a| a.is_empty()));
        if !is_there || is_empty {
            let message = format!("{} has no steps", table.what);
            out.error("missing-field", table.place.clone(), message, Some("add at least one `[[jobs.steps]]`".into()));
        }
        return Vec::new();
    }
    let mut steps = Vec::new();
    let mut known = Some(Vec::new());
    for (index, (step, place)) in found.into_iter().enumerate() {
        steps.extend(read_step(index, step, place, defaults, draft, &mut known, out));
    }
    // A default is unknown only when no step of the job could take it.
    if let (Some(known), Some(defaults)) = (known, defaults) {
        for entry in entries(defaults).into_iter().filter(|entry| !known.contains(&entry.key)) {
            unknown_key(entry, "`step_defaults`", &known, out);
        }
    }
    steps
}

/// The `retry` table of a job or a step.
pub(crate) fn read_retry(table: &mut Table<'_, '_>, out: &mut Findings) -> Option<RetryPolicy> {
    let mut retry = table.table("retry", out)?;
    let standard = RetryPolicy::default();
    let attempts = retry.alias("attempts", "max_attempts", out);
    let base = retry.alias("base_seconds", "initial_delay_seconds", out);
    let parse = |text: &str| [Backoff::Fixed, Backoff::Exponential].into_iter().find(|b| b.as_str() == text);
    let policy = RetryPolicy {
        attempts: retry.whole(attempts, 1..=1000, out).unwrap_or(standard.attempts),
        backoff: retry.word("backoff", &["fixed", "exponential"], parse, out).map_or(standard.backoff, |(b, _)| b),
        base_seconds: retry.whole(base, 0..=86_400, out).unwrap_or(standard.base_seconds),
    };
    retry.finish(out);
    Some(policy)
}

fn read_alerts(table: &mut Table<'_, '_>, out: &mut Findings) -> Option<Alerts> {
    let mut alerts = table.table("alerts", out)?;
    let on_failure = alerts.boolean("on_failure", out).unwrap_or(true);
    let on_recovery = alerts.boolean("on_recovery", out).unwrap_or(on_failure);
    let on_success = alerts.boolean("on_success", out).unwrap_or(false);
    let on_canceled = alerts.boolean("on_canceled", out).unwrap_or(false);
    let on_long_run_minutes = alerts.whole("on_long_run_minutes", 1..=u32::MAX, out);
    let no_success_within_hours = alerts.whole("no_success_within_hours", 1..=87_600, out);
    let recipients = alerts.texts("recipients", out);
    for recipient in &recipients {
        if let Err(why) = check_recipient(&recipient.value) {
            out.error("not-allowed", recipient.span.clone(), format!("`recipients` of {}: {why}", alerts.what), None);
        }
    }
    alerts.finish(out);
    Some(Alerts {
        on_failure,
        on_recovery,
        on_success,
        on_canceled,
        on_long_run_minutes,
        no_success_within_hours,
        recipients: values(recipients),
    })
}

/// How runs of a job meet one another, a restart and the processes there are.
struct Rules {
    overlap: Overlap,
    catch_up: CatchUp,
    catch_up_window_seconds: Option<u32>,
    depends_on: Vec<JobId>,
    on_restart: OnRestart,
    placement: Option<Placement>,
}

fn read_rules(table: &mut Table<'_, '_>, draft: &mut Draft, out: &mut Findings) -> Rules {
    let words: Vec<&str> = Overlap::ALL.iter().map(|word| word.as_str()).collect();
    let overlap = table.word("overlap", &words, Overlap::parse, out).map(|(overlap, _)| overlap);
    let words: Vec<&str> = CatchUp::ALL.iter().map(|word| word.as_str()).collect();
    let catch_up = table.word("catch_up", &words, CatchUp::parse, out).map(|(catch_up, _)| catch_up);
    let words: Vec<&str> = OnRestart::ALL.iter().map(|word| word.as_str()).collect();
    let on_restart = table.word("on_restart", &words, OnRestart::parse, out).map(|(on_restart, _)| on_restart);
    let rules = Rules {
        overlap: overlap.unwrap_or(Overlap::Skip),
        catch_up: catch_up.unwrap_or(CatchUp::None),
        catch_up_window_seconds: read_window(table, out),
        depends_on: read_depends_on(table, draft, out),
        on_restart: on_restart.unwrap_or(OnRestart::Fail),
        placement: read_placement(table, out),
    };
    let hint = "limits count over all jobs: write `[limits.tags]` or `[limits.connectors]` with `<name> = <number>` in app.toml";
    table.misplaced("limits", hint, out);
    table.misplaced("resumable", "it is a key of a step; of the job, set `on_restart = \"resume\"`", out);
    table.refuse("install_step", "leave it out and run the job with `nomaflow job run`", out);
    rules
}

fn read_window(table: &mut Table<'_, '_>, out: &mut Findings) -> Option<u32> {
    let text = table.text("catch_up_window", out)?;
    match Every::parse(&text.value) {
        Ok(length) => u32::try_from(length.seconds()).ok(),
        Err(error) => {
            let place = out.file.inside_string(&text.span, &text.value, error.span());
            out.error("schedule-invalid", place, format!("`catch_up_window`: {error}"), Some(error.hint()));
            None
        }
    }
}

/// Keys that say how schedules fire, on a job that has none.
fn check_catch_up(table: &mut Table<'_, '_>, has_schedule: bool, out: &mut Findings) {
    let found = ["catch_up", "catch_up_window", "blackouts"].into_iter().find_map(|key| table.take(key));
    if let (Some(entry), false) = (found, has_schedule) {
        let message = format!("{} has `{}`, but no schedule", table.what, entry.key);
        out.error("conflict", entry.key_range(), message, Some("give it a `schedule`, or leave it out".into()));
        return;
    }
    let rule = table.take("catch_up").map(|entry| entry.value.get_ref().as_str());
    if let (Some(entry), None | Some(Some("none"))) = (table.take("catch_up_window"), rule) {
        let message = format!("`catch_up_window` of {} does nothing: nothing is caught up", table.what);
        out.error("conflict", entry.key_range(), message, Some("set `catch_up = \"last\"` or `\"all\"`".into()));
    }
}

fn read_depends_on(table: &mut Table<'_, '_>, draft: &mut Draft, out: &mut Findings) -> Vec<JobId> {
    let texts = table.texts("depends_on", out);
    let mut ids = Vec::new();
    for text in &texts {
        match JobId::new(&text.value) {
            Ok(id) if ids.contains(&id) => {
                out.error("duplicate-name", text.span.clone(), format!("`depends_on` names job `{id}` twice"), None);
            }
            Ok(id) => {
                ids.push(id);
                draft.depends_on.push(text.clone());
            }
            Err(error) => out.error("job-id-invalid", text.span.clone(), error.to_string(), None),
        }
    }
    ids
}

/// The strings without their places.
pub(crate) fn values(texts: Vec<Text>) -> Vec<String> {
    texts.into_iter().map(|text| text.value).collect()
}
