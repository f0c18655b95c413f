//! Editing job files: what a change leaves alone, what it writes, and what it refuses.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop where it stands")]

use host_catalogue::edit::{
    Content, EditError, EditLock, JobFiles, Journal, MARK, Plan, is_same, job_json, job_text, mask_job, mask_text,
    unmask,
};
use host_model::{Json, JsonMap};
use serde_json::json;
use tempfile::TempDir;

struct Home(TempDir);

impl Home {
    fn with(files: &[(&str, &str)]) -> Self {
        let home = Self(tempfile::tempdir().unwrap());
        for (name, text) in files {
            home.write(name, text.as_bytes());
        }
        home
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        std::fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        std::fs::write(self.path(name), bytes).unwrap();
    }

    fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    fn files(&self) -> JobFiles {
        JobFiles::new(self.0.path(), "plugins")
    }

    fn change(&self, id: &str, change: impl FnOnce(&mut JsonMap)) -> Result<(), EditError> {
        let files = self.files();
        let mut plan = Plan::new(&files);
        let saved = plan.find(id)?.unwrap();
        let mut job = saved.job.clone();
        change(&mut job);
        plan.set(&saved, &Content::Job(job))?;
        plan.write_one()
    }

    fn job(&self, id: &str) -> Json {
        let files = self.files();
        Json::Object(Plan::new(&files).find(id).unwrap().unwrap().job)
    }
}

fn object(value: Json) -> JsonMap {
    value.as_object().cloned().unwrap()
}

const TWO: &str = r#"# What we run at night.

[meta]
version = 1

# The first one.
[[jobs]]
id = "one"            # never change this
description = 'plain'
tags = [
    "etl",   # the family
    "night",
]
schedule = "0 2 * * *"
timezone = "Europe/Paris"

  [jobs.params]
  day = "${today}"    # in the zone of the schedule
  limit = 1_000

  # Reads.
  [[jobs.steps]]
  name = "read"
  type = "sql_query"
  connector = "ops"
  query = """
# not a comment, not a header:
[[jobs]]
select 1"""

  # Writes.
  [[jobs.steps]]
  name = "write"
  type = "python"
  callable = "work.report:write_report"
  op_kwargs = { b = 2, a = 1 }   # order counts
# limit = 5

# ---- the others ----

# The second one.
[[jobs]]
id = "two"
[[jobs.steps]]
name = "go"
type = "python"
callable = "work.report:load"
"#;

/// Lines of `a` that are not in `b` and the other way round, with `-` and `+`.
fn lines_changed(a: &str, b: &str) -> Vec<String> {
    let diff = host_catalogue::edit::unified(a, b, "a", "b");
    let is_change = |line: &&str| {
        (line.starts_with('-') || line.starts_with('+')) && !line.starts_with("--- a") && !line.starts_with("+++ b")
    };
    diff.lines().filter(is_change).map(str::to_owned).collect()
}

#[test]
fn a_changed_value_is_the_only_changed_line() {
    let home = Home::with(&[("app/jobs.toml", TWO)]);
    home.change("one", |job| drop(job.insert("schedule".into(), "30 3 * * *".into()))).unwrap();
    assert_eq!(
        lines_changed(TWO, &home.text("app/jobs.toml")),
        ["-schedule = \"0 2 * * *\"", "+schedule = \"30 3 * * *\""]
    );
}

#[test]
fn a_new_key_is_the_only_new_line_and_a_removed_one_the_only_one_gone() {
    let home = Home::with(&[("app/jobs.toml", TWO)]);
    home.change("one", |job| drop(job.insert("enabled".into(), false.into()))).unwrap();
    let with = home.text("app/jobs.toml");
    assert_eq!(lines_changed(TWO, &with), ["+enabled = false"]);
    home.change("one", |job| drop(job.shift_remove("enabled"))).unwrap();
    assert_eq!(home.text("app/jobs.toml"), TWO);
}

#[test]
fn a_value_deep_inside_keeps_its_comment_and_its_neighbors() {
    let home = Home::with(&[("app/jobs.toml", TWO)]);
    home.change("one", |job| {
        job["params"]["day"] = "${yesterday}".into();
        job["steps"][1]["op_kwargs"]["a"] = json!([1, "x"]);
        job["tags"] = json!(["etl", "night", "new"]);
    })
    .unwrap();
    let expected = [
        "+    \"new\",",
        "-  day = \"${today}\"    # in the zone of the schedule",
        "+  day = \"${yesterday}\"    # in the zone of the schedule",
        "-  op_kwargs = { b = 2, a = 1 }   # order counts",
        "+  op_kwargs = { b = 2, a = [1, \"x\"] }   # order counts",
    ];
    assert_eq!(lines_changed(TWO, &home.text("app/jobs.toml")), expected);
}

#[test]
fn steps_are_moved_added_and_taken_out_with_their_comments() {
    let home = Home::with(&[("app/jobs.toml", TWO)]);
    home.change("one", |job| {
        let steps = job["steps"].as_array_mut().unwrap();
        steps.reverse();
        steps.push(json!({"name": "last", "type": "call_job", "job": "two"}));
    })
    .unwrap();
    let text = home.text("app/jobs.toml");
    let at = |part: &str| text.find(part).unwrap_or_else(|| panic!("{part} is not in\n{text}"));
    assert!(at("# Writes.") < at("name = \"write\"") && at("name = \"write\"") < at("# Reads."), "{text}");
    assert!(at("name = \"read\"") < at("name = \"last\"") && at("name = \"last\"") < at("# ---- the others"), "{text}");
    home.change("one", |job| drop(job["steps"].as_array_mut().unwrap().remove(0))).unwrap();
    let text = home.text("app/jobs.toml");
    assert!(!text.contains("# Writes.") && text.contains("# Reads.") && text.contains("# The second one."), "{text}");
    assert_eq!(home.job("one")["steps"].as_array().unwrap().len(), 2);
}

#[test]
fn a_job_is_deleted_with_its_own_comments_and_nothing_else() {
    let home = Home::with(&[("app/jobs.toml", TWO)]);
    let files = home.files();
    let mut plan = Plan::new(&files);
    let saved = plan.find("one").unwrap().unwrap();
    assert!(
        saved.text.starts_with("# The first one.\n[[jobs]]") && saved.text.ends_with("# limit = 5\n"),
        "{}",
        saved.text
    );
    plan.remove(&saved).unwrap();
    plan.write_one().unwrap();
    let text = home.text("app/jobs.toml");
    assert!(
        text.starts_with(
            "# What we run at night.\n\n[meta]\nversion = 1\n\n# ---- the others ----\n\n# The second one.\n"
        ),
        "{text}"
    );
    let mut plan = Plan::new(&files);
    let saved = plan.find("two").unwrap().unwrap();
    plan.remove(&saved).unwrap();
    plan.write_one().unwrap();
    assert_eq!(
        home.text("app/jobs.toml"),
        "# What we run at night.\n\n[meta]\nversion = 1\n\n# ---- the others ----\n"
    );
}

#[test]
fn a_new_job_comes_last_and_reads_as_a_person_would_write_it() {
    let home = Home::with(&[("app/jobs.toml", "[[jobs]]\nid = \"a\"\n[[jobs.steps]]\nname = \"s\"\ntype = \"x\"")]);
    let job = json!({
        "steps": [
            {"name": "q", "type": "sql_query", "query": "select 1\nfrom t\n", "params": {"day": "${today}", "n": 1.5}},
            {"name": "p", "type": "python", "callable": "a:b", "enabled": false, "missing": null},
        ],
        "schedule": "0 1 * * *", "params": {"x": 1, "list": [1, 2]}, "retry": {"attempts": 2},
        "schedules": [{"name": "noon", "cron": "0 12 * * *", "params": {"x": 2}}],
        "tags": ["one"], "id": "b", "description": "a \"quoted\" text",
    });
    let files = home.files();
    let mut plan = Plan::new(&files);
    plan.add("app", &Content::Job(object(job.clone()))).unwrap();
    plan.write_one().unwrap();
    let expected = r#"[[jobs]]
id = "a"
[[jobs.steps]]
name = "s"
type = "x"

[[jobs]]
id = "b"
description = 'a "quoted" text'
tags = ["one"]
schedule = "0 1 * * *"

[jobs.params]
x = 1
list = [1, 2]

[jobs.retry]
attempts = 2

[[jobs.steps]]
name = "q"
type = "sql_query"
query = """
select 1
from t
"""
params = { day = "${today}", n = 1.5 }

[[jobs.steps]]
name = "p"
type = "python"
callable = "a:b"
enabled = false

[[jobs.schedules]]
name = "noon"
cron = "0 12 * * *"
params = { x = 2 }
"#;
    assert_eq!(home.text("app/jobs.toml"), expected);
}

#[test]
fn a_file_of_another_editor_keeps_its_line_breaks_and_its_mark() {
    let windows = format!("\u{feff}{}", TWO.replace('\n', "\r\n"));
    let home = Home::with(&[("app/jobs.toml", &windows)]);
    home.change("one", |job| drop(job.insert("enabled".into(), false.into()))).unwrap();
    let text = home.text("app/jobs.toml");
    assert_eq!(text.replace("enabled = false\r\n", ""), windows);
    let files = home.files();
    let mut plan = Plan::new(&files);
    plan.add("app", &Content::Text("[[jobs]]\nid = \"b\"\n".into())).unwrap();
    plan.write_one().unwrap();
    assert_eq!(home.text("app/jobs.toml"), text + "\r\n[[jobs]]\r\nid = \"b\"\r\n");
}

#[test]
fn what_cannot_be_edited_is_refused_and_stays_as_it_is() {
    for (text, why) in [
        ("jobs = [{ id = \"a\" }]\n", "inline list"),
        ("[[jobs]]\nid = \"a\"\n[meta]\nversion = 1\n[jobs.params]\nx = 1\n", "do not stand together"),
        ("[[jobs]]\nid = \"a\n", "is not valid TOML (line 2)"),
    ] {
        let home = Home::with(&[("app/jobs.toml", text)]);
        let files = home.files();
        let error = Plan::new(&files).find("a").unwrap_err();
        assert!(error.to_string().contains(why), "{error}");
        let mut plan = Plan::new(&files);
        assert!(plan.add("app", &Content::Text("[[jobs]]\nid = \"b\"\n".into())).is_err());
        assert_eq!(home.text("app/jobs.toml"), text);
    }
    let home = Home::with(&[]);
    home.write("app/jobs.toml", b"[[jobs]]\nid = \"\xff\"\n");
    assert!(Plan::new(&home.files()).find("a").unwrap_err().to_string().contains("is not UTF-8"));
    for text in [
        "[[jobs]]\nid = \"a\"\n[[jobs]]\nid = \"b\"\n",
        "[meta]\n[[jobs]]\nid = \"a\"\n",
        "jobs = [{id = \"a\"}]",
        "",
        "[[jobs]",
    ] {
        assert!(job_json(text).is_err(), "{text}");
    }
}

#[test]
fn no_name_of_an_app_leads_out_of_the_plugins_folder() {
    let home = Home::with(&[]);
    let files = home.files();
    for app in ["..", "../x", "a/b", "/etc", "", ".hidden", "_x", "a\0b", "ä", "a b"] {
        let refused = Plan::new(&files).add(app, &Content::Text("[[jobs]]\nid = \"b\"\n".into()));
        assert!(matches!(refused, Err(EditError::App { .. })), "{app}");
    }
    for id in ["../../etc/passwd", "a/b", "", "\0"] {
        assert_eq!(Plan::new(&files).find(id).unwrap(), None);
    }
}

#[test]
fn a_link_is_followed_and_mode_and_link_stay() {
    use std::os::unix::fs::PermissionsExt as _;
    let home = Home::with(&[("elsewhere/real.toml", TWO)]);
    std::fs::create_dir(home.path("app")).unwrap();
    std::os::unix::fs::symlink("../elsewhere/real.toml", home.path("app/jobs.toml")).unwrap();
    std::fs::set_permissions(home.path("elsewhere/real.toml"), std::fs::Permissions::from_mode(0o640)).unwrap();
    home.change("two", |job| drop(job.insert("enabled".into(), false.into()))).unwrap();
    assert!(home.path("app/jobs.toml").is_symlink());
    assert!(home.text("elsewhere/real.toml").contains("enabled = false"));
    let mode = std::fs::metadata(home.path("elsewhere/real.toml")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o640);
    assert_eq!(std::fs::read_dir(home.path("elsewhere")).unwrap().count(), 1, "nothing is left beside it");
}

#[test]
fn a_file_that_changed_meanwhile_is_not_written_over() {
    let home = Home::with(&[("app/jobs.toml", TWO)]);
    let files = home.files();
    let mut plan = Plan::new(&files);
    let saved = plan.find("two").unwrap().unwrap();
    let mut job = saved.job.clone();
    job.insert("enabled".into(), false.into());
    plan.set(&saved, &Content::Job(job)).unwrap();
    let by_hand = TWO.replace("plain", "by hand");
    home.write("app/jobs.toml", by_hand.as_bytes());
    assert!(matches!(plan.write_one(), Err(EditError::Changed { .. })));
    assert_eq!(home.text("app/jobs.toml"), by_hand);
    assert_eq!(std::fs::read_dir(home.path("app")).unwrap().count(), 1);
}

#[test]
fn a_folder_that_takes_no_file_is_said_to_be_so() {
    let home = Home::with(&[("app/jobs.toml", TWO), ("app/.jobs.toml.new/in-the-way", "")]);
    let error = home.change("two", |job| drop(job.insert("enabled".into(), false.into()))).unwrap_err();
    assert!(matches!(&error, EditError::Unwritable { file, .. } if file == "plugins/app/jobs.toml"), "{error}");
    assert_eq!(home.text("app/jobs.toml"), TWO);
}

const VENDOR: &str = "[meta]\nvendor = true\n\n[[jobs]]\nid = \"load\"\nenabled = false\nschedule = \"0 1 * * *\"\n\
    params = { day = 1, keep = true }\n[[jobs.steps]]\nname = \"a\"\ntype = \"python\"\ncallable = \"x:y\"\n\
    op_kwargs = { n = 1, m = 2 }\n[[jobs.steps]]\nname = \"b\"\ntype = \"python\"\ncallable = \"x:z\"\n";

#[test]
fn a_change_of_a_vendors_job_is_laid_over_it() {
    let home = Home::with(&[("app/jobs.toml", VENDOR)]);
    home.change("load", |job| {
        job.insert("enabled".into(), true.into());
        job["params"]["day"] = 2.into();
        job["steps"][0]["op_kwargs"]["n"] = 9.into();
    })
    .unwrap();
    assert_eq!(home.text("app/jobs.toml"), VENDOR);
    let over = "[[jobs]]\nid = \"load\"\nenabled = true\n\n[jobs.params]\nday = 2\n\n[[jobs.steps]]\nname = \"a\"\n\
                op_kwargs = { n = 9 }\n";
    assert_eq!(home.text("app/jobs.local.toml"), over);
    assert_eq!(home.job("load")["steps"][0]["op_kwargs"], json!({"n": 9, "m": 2}));
    // An upgrade of the vendor's file goes through, and what was changed stays changed.
    home.write("app/jobs.toml", VENDOR.replace("x:z", "x:new").replace("keep = true", "keep = false").as_bytes());
    let job = home.job("load");
    assert_eq!(
        (&job["steps"][1]["callable"], &job["params"], &job["enabled"]),
        (&json!("x:new"), &json!({"day": 2, "keep": false}), &json!(true))
    );
    // Back to what the vendor says.
    home.change("load", |job| {
        job.insert("enabled".into(), false.into());
        job["params"]["day"] = 1.into();
        job["steps"][0]["op_kwargs"]["n"] = 1.into();
    })
    .unwrap();
    assert_eq!(home.text("app/jobs.local.toml").trim(), "");
}

#[test]
fn what_cannot_be_laid_over_a_vendors_job_takes_its_place() {
    let home = Home::with(&[("app/jobs.toml", VENDOR)]);
    home.change("load", |job| drop(job["steps"].as_array_mut().unwrap().remove(0))).unwrap();
    let over = home.text("app/jobs.local.toml");
    assert!(over.starts_with("[[jobs]]\nid = \"load\"\nenabled = false\nreplace = true\n"), "{over}");
    assert_eq!(home.job("load")["steps"].as_array().unwrap().len(), 1);
    assert!(home.job("load").get("replace").is_none());
    let files = home.files();
    let mut plan = Plan::new(&files);
    let saved = plan.find("load").unwrap().unwrap();
    assert!(plan.remove(&saved).unwrap_err().to_string().contains("disable it instead"));
    plan.add("app", &Content::Text("[[jobs]]\nid = \"own\"\n[[jobs.steps]]\nname = \"s\"\n".into())).unwrap();
    plan.write_one().unwrap();
    assert_eq!(home.text("app/jobs.toml"), VENDOR);
    assert!(home.text("app/jobs.local.toml").ends_with("\n\n[[jobs]]\nid = \"own\"\n[[jobs.steps]]\nname = \"s\"\n"));
}

#[test]
fn a_secret_typed_into_a_file_is_not_shown_and_not_lost() {
    let text = "[[jobs]]\nid = \"a\"\n# the header\n[[jobs.steps]]\nname = \"s\"\ntype = \"http\"\n\
                url = \"https://u:hunter2@host/x\"\nheaders = { Authorization = \"Basic abc\", Accept = \"*/*\" }\n\
                auth = { type = \"bearer\", token = \"t0p\" } # of the shop\n[[jobs.steps]]\nname = \"r\"\ntype = \"http\"\n\
                auth = { type = \"bearer\", token = \"${secret.SHOP}\" }\n";
    let shown = mask_text(text);
    for secret in ["hunter2", "Basic abc", "t0p"] {
        assert!(!shown.contains(secret), "{shown}");
    }
    assert!(shown.contains("${secret.SHOP}") && shown.contains("*/*") && shown.contains("# of the shop"), "{shown}");
    let job = job_json(text).unwrap();
    let mut back = mask_job(&job);
    assert_eq!(job_json(&shown).unwrap(), back);
    // Another order of the steps does not mix them up.
    back["steps"].as_array_mut().unwrap().reverse();
    assert_eq!(unmask(&mut back, Some(&job)), Vec::<String>::new());
    back["steps"].as_array_mut().unwrap().reverse();
    assert_eq!(back, job);
    let mut alone = object(json!({"steps": [{"name": "new", "auth": {"token": MARK}}]}));
    assert_eq!(unmask(&mut alone, Some(&job)), ["/steps/0/auth/token"]);
}

#[test]
fn a_change_of_several_files_happens_as_a_whole_whoever_is_killed_when() {
    let start = || {
        let home = Home::with(&[
            ("a/jobs.toml", "[[jobs]]\nid = \"a\"\n"),
            ("b/jobs.toml", "[[jobs]]\nid = \"b\"\n"),
            ("data/x", ""),
        ]);
        let files = home.files();
        let mut plan = Plan::new(&files);
        for app in ["a", "b"] {
            let saved = plan.find(app).unwrap().unwrap();
            plan.set(&saved, &Content::Text(format!("[[jobs]]\nid = \"{app}2\"\n"))).unwrap();
        }
        let changes = plan.changes();
        assert_eq!(changes.len(), 2);
        (home, changes)
    };
    let said = |home: &Home| ["a", "b"].map(|app| home.text(&format!("{app}/jobs.toml")));
    let (old, new) =
        (["[[jobs]]\nid = \"a\"\n", "[[jobs]]\nid = \"b\"\n"], ["[[jobs]]\nid = \"a2\"\n", "[[jobs]]\nid = \"b2\"\n"]);
    // Killed before the journal stands: only leftovers, which the next change writes over.
    let (home, changes) = start();
    home.write("a/.jobs.toml.new", b"half");
    assert!(Journal::find(&home.path("data")).unwrap().is_none());
    assert_eq!(said(&home), old);
    // Killed right after it, and killed between the two files.
    for placed in [0, 1] {
        let journal = Journal::begin(&home.path("data"), &changes, None).unwrap();
        drop(journal);
        if placed == 1 {
            std::fs::rename(home.path("a/.jobs.toml.new"), home.path("a/jobs.toml")).unwrap();
        }
        Journal::find(&home.path("data")).unwrap().unwrap().finish().unwrap();
        assert_eq!(said(&home), new);
        assert!(Journal::find(&home.path("data")).unwrap().is_none());
        for (file, text) in ["a/jobs.toml", "b/jobs.toml"].iter().zip(old) {
            home.write(file, text.as_bytes());
        }
    }
    // One of the files cannot be written: none is.
    home.write("b/.jobs.toml.new/in-the-way", b"");
    assert!(Journal::begin(&home.path("data"), &changes, None).is_err());
    assert_eq!(said(&home), old);
    assert!(Journal::find(&home.path("data")).unwrap().is_none());
    // Given up before anything was done.
    std::fs::remove_dir_all(home.path("b/.jobs.toml.new")).unwrap();
    Journal::begin(&home.path("data"), &changes, None).unwrap().give_up().unwrap();
    assert_eq!(said(&home), old);
    assert_eq!(std::fs::read_dir(home.path("b")).unwrap().count(), 1);
}

#[test]
fn two_editors_of_a_home_take_turns() {
    let home = Home::with(&[("data/x", "")]);
    let first = EditLock::take(&home.path("data")).unwrap();
    let data = home.path("data");
    let second = std::thread::spawn(move || EditLock::take(&data).map(drop));
    std::thread::yield_now();
    assert!(!second.is_finished());
    drop(first);
    second.join().unwrap().unwrap();
}

#[test]
fn five_megabytes_of_jobs_are_edited_in_place() {
    let filler = "x".repeat(1000);
    let job = |n: usize| {
        format!(
            "[[jobs]]\nid = \"job-{n}\"\ndescription = \"{filler}\"\n[[jobs.steps]]\nname = \"s\"\ntype = \"python\"\n\n"
        )
    };
    let text: String = (0..5000).map(job).collect();
    assert!(text.len() > 5_000_000);
    let home = Home::with(&[("app/jobs.toml", &text)]);
    home.change("job-2500", |job| drop(job.insert("enabled".into(), false.into()))).unwrap();
    assert_eq!(home.text("app/jobs.toml").replacen("enabled = false\n", "", 1), text);
}

/// A generator that needs no library: the tests only want many different numbers, always the same.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % n
    }

    fn scalar(&mut self) -> Json {
        let texts = [
            "",
            "a",
            "${today}",
            "two\nlines\n",
            "a \"b\" 'c'",
            "tab\there",
            "\u{e4}\u{1f600}",
            "'''",
            "\"\"\"",
            "back\\slash",
            "# no comment",
            "[[jobs]]\nid = \"x\"",
        ];
        match self.below(6) {
            0 => (self.below(10_000) as i64 - 5000).into(),
            1 => json!(self.below(1000) as f64 / 8.0),
            2 => (self.below(2) == 0).into(),
            3 => Json::Array((0..self.below(4)).map(|n| Json::from(n * 7)).collect()),
            _ => texts[self.below(texts.len())].into(),
        }
    }

    fn table(&mut self, depth: usize) -> Json {
        let keys = ["k", "key two", "ä", "dotted.key", "x", "y"];
        let mut table = JsonMap::new();
        for _ in 0..self.below(4) {
            let value = if depth > 0 && self.below(4) == 0 { self.table(depth - 1) } else { self.scalar() };
            table.insert(keys[self.below(keys.len())].into(), value);
        }
        Json::Object(table)
    }

    fn edit(&mut self, job: &mut JsonMap) {
        let keys = ["description", "enabled", "tags", "schedule", "params", "retry", "log_level"];
        match self.below(8) {
            0 => drop(job.shift_remove(keys[self.below(keys.len())])),
            1 | 2 => {
                let (key, value) = (keys[self.below(keys.len())], self.scalar());
                job.insert(key.into(), value);
            }
            3 => drop(job.insert("params".into(), self.table(2))),
            4 => {
                let name = format!("step-{}", self.below(1000));
                let step = json!({"name": name, "type": "python", "op_kwargs": self.table(1), "query": self.scalar()});
                let steps = job.entry("steps").or_insert_with(|| json!([])).as_array_mut().unwrap();
                let at = self.below(steps.len() + 1);
                steps.insert(at, step);
            }
            _ => {
                let Some(steps) = job.get_mut("steps").and_then(Json::as_array_mut) else { return };
                if steps.is_empty() {
                    return;
                }
                let (a, b) = (self.below(steps.len()), self.below(steps.len()));
                match self.below(4) {
                    0 => drop(steps.remove(a)),
                    1 => steps.swap(a, b),
                    2 => steps[a]["op_kwargs"] = self.table(1),
                    _ => steps[a]["type"] = self.scalar(),
                }
            }
        }
    }
}

/// The property: after any edit the file says what was meant, and every byte of the other jobs is where it was.
#[test]
fn random_edits_say_what_was_meant_and_leave_the_others_alone() {
    for seed in 0..300 {
        let mut numbers = Numbers(seed);
        let vendor = seed % 3 == 0;
        let head = if vendor { "[meta]\nvendor = true\n\n" } else { "" };
        let text = head.to_owned() + &TWO.replace("[meta]\nversion = 1\n", "");
        let text = if seed % 5 == 0 { text.replace('\n', "\r\n") } else { text };
        let home = Home::with(&[("app/jobs.toml", &text)]);
        for round in 0..6 {
            let id = if numbers.below(3) == 0 { "two" } else { "one" };
            let other = if id == "one" { "two" } else { "one" };
            let files = home.files();
            let mut plan = Plan::new(&files);
            let untouched = plan.find(other).unwrap().unwrap();
            let saved = plan.find(id).unwrap().unwrap();
            let mut want = saved.job.clone();
            numbers.edit(&mut want);
            let (base, local) = (
                home.text("app/jobs.toml"),
                std::fs::read_to_string(home.path("app/jobs.local.toml")).unwrap_or_default(),
            );
            let context =
                || format!("seed {seed}, round {round}: {}\n{base}\n----\n{local}", Json::Object(want.clone()));
            plan.set(&saved, &Content::Job(want.clone())).unwrap_or_else(|error| panic!("{error}: {}", context()));
            plan.write_one().unwrap();
            let mut plan = Plan::new(&files);
            assert!(is_same(&home.job(id), &Json::Object(want.clone())), "{}\n{}", home.job(id), context());
            let still = plan.find(other).unwrap().unwrap();
            assert_eq!((&still.text, &still.local), (&untouched.text, &untouched.local), "{}", context());
            if vendor {
                assert_eq!(home.text("app/jobs.toml"), text, "a vendor's file is never written");
            }
        }
    }
}

#[test]
fn a_job_of_json_is_read_back_from_its_text() {
    for seed in 0..300 {
        let mut numbers = Numbers(seed + 1_000);
        let mut job = object(json!({"id": "j", "steps": [{"name": "a", "type": "python"}]}));
        for _ in 0..5 {
            numbers.edit(&mut job);
        }
        let text = job_text(&job).unwrap();
        let back = job_json(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        assert!(is_same(&Json::Object(back), &Json::Object(job.clone())), "{text}\n{}", Json::Object(job));
    }
    assert!(job_text(&object(json!({"id": "j", "tags": [null]}))).is_err());
    assert!(job_text(&object(json!({"id": "j", "params": {"n": 18_446_744_073_709_551_615_u64}}))).is_err());
}
