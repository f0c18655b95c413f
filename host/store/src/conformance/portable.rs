//! Stores as rows: what backups, restores and moves rely on. Each check moves between the store of the bench and a file of
//! SQLite beside it, so that on PostgreSQL it crosses from one kind to the other and back.

use host_model::JsonMap;
use host_model::audit::{AuditDraft, AuditOutcome};
use host_model::search::{LineSearch, Words};
use host_model::secret::SealedSecret;
use host_model::transition::RunChange;

use super::{Bench, ME, at, get, line, presence, slot, took};
use crate::portable::{Hold, Loader, PortableError, RowSum, Snapshot, Table, TableSum, newest_schema, signs_of_life};

/// The file beside the store of the bench.
const ELSEWHERE: &str = "sqlite:data/elsewhere.db";
/// Whoever held these is gone after a move.
const LEASES: [&str; 2] = ["ly2_jobs_lock", "ly2_notify_lock"];

type Rows = Vec<(Table, Vec<String>)>;

fn sum(lines: &[String]) -> TableSum {
    let mut sum = RowSum::default();
    lines.iter().for_each(|line| sum.add(line));
    sum.finish()
}

/// The lines of every table but those of leases.
fn names(rows: &Rows) -> Vec<(&str, &[String])> {
    let kept = rows.iter().filter(|(table, _)| !LEASES.contains(&table.name.as_str()));
    let mut all: Vec<_> = kept.map(|(table, lines)| (table.name.as_str(), lines.as_slice())).collect();
    all.sort_unstable();
    all
}

async fn rows_of(snapshot: &mut Snapshot) -> Rows {
    let mut all = Vec::new();
    for table in snapshot.tables() {
        let mut lines = Vec::new();
        let keep = async |line: &str| {
            lines.push(line.to_owned());
            Ok(())
        };
        snapshot.read(&table, keep).await.unwrap();
        all.push((table, lines));
    }
    all
}

async fn fill(bench: &Bench, url: &str, rows: &Rows, replace: bool) -> Result<(), PortableError> {
    let mut loader = Loader::open(url, &bench.home, newest_schema(), replace).await?;
    for (table, lines) in rows {
        loader.begin_table(&table.name, &table.columns).await?;
        for line in lines {
            loader.push(line).await?;
        }
        loader.compare(&table.name, &table.columns, &sum(lines)).await?;
    }
    loader.keep().await
}

impl Bench {
    async fn snapshot(&self, hold: Hold) -> Snapshot {
        Snapshot::open(&self.url, &self.home, hold).await.unwrap()
    }

    async fn rows_at(&self, url: &str) -> Rows {
        let mut snapshot = Snapshot::open(url, &self.home, Hold::Nobody).await.unwrap();
        let rows = rows_of(&mut snapshot).await;
        snapshot.close().await;
        rows
    }

    /// Something in most tables, then closed.
    async fn furnished(&self) {
        let roles = crate::open_roles(&self.url, &self.home).await.unwrap();
        let store = roles.store;
        store.beat(&presence(ME), at(0)).await.unwrap();
        store.take_lease(ME, None, at(1)).await.unwrap().unwrap();
        for n in 0..5 {
            let run = self.running(&*store, &format!("job-{n}")).await;
            let odd = ["plain", "quote \" and ' and \\", "ü ✓ 𝄞", "tab\tand\nbreak", "\u{0}nul"];
            let lines: Vec<_> = (0..50).map(|seq| line(run.id, seq, odd[seq as usize % odd.len()])).collect();
            store.append_logs(&lines).await.unwrap();
            if n < 3 {
                took(&*store, &[RunChange::fail(run.id, ME, at(99), "why \u{1F980}".to_owned()).into()]).await;
            }
        }
        let mut fired = self.new_run("daily");
        fired.slot = Some(slot("daily", 1));
        store.record_fire(&fired).await.unwrap();
        let sealed = SealedSecret {
            name: "TOKEN".to_owned(),
            sealed: "ENC:x".to_owned(),
            updated_at: at(5),
            updated_by: "ann".to_owned(),
        };
        roles.secrets.put_secret(&sealed).await.unwrap();
        for action in ["backup.create", "jobs.run"] {
            roles.audit.append(&entry(action)).await.unwrap();
        }
        store.close().await;
    }
}

fn entry(action: &str) -> AuditDraft {
    AuditDraft {
        at: at(7),
        user: "ann".to_owned(),
        source: "page".to_owned(),
        address: "127.0.0.1".to_owned(),
        action: action.to_owned(),
        object: "ü".to_owned(),
        outcome: AuditOutcome::Done,
        detail: JsonMap::new(),
        closes: None,
    }
}

pub(super) async fn a_store_crosses_to_another_kind_and_back_row_by_row(bench: &Bench) {
    bench.furnished().await;
    let before = bench.rows_at(&bench.url).await;
    assert!(names(&before).iter().filter(|(_, lines)| !lines.is_empty()).count() >= 7, "{:?}", names(&before));
    fill(bench, ELSEWHERE, &before, false).await.unwrap();
    let there = bench.rows_at(ELSEWHERE).await;
    assert_eq!(names(&there), names(&before));
    fill(bench, &bench.url, &there, true).await.unwrap();
    assert_eq!(names(&bench.rows_at(&bench.url).await), names(&before));
}

pub(super) async fn life_goes_on_in_a_store_that_was_filled(bench: &Bench) {
    bench.furnished().await;
    let before = bench.rows_at(&bench.url).await;
    fill(bench, ELSEWHERE, &before, false).await.unwrap();
    fill(bench, &bench.url, &before, true).await.unwrap();
    for url in [bench.url.as_str(), ELSEWHERE] {
        let (roles, place) = (crate::open_roles(url, &bench.home).await.unwrap(), Bench::new(url, &bench.home));
        let store = roles.store;
        let is_alone = store.list_replicas().await.unwrap().is_empty();
        assert!(is_alone || url != ELSEWHERE, "who was alive is not carried");
        // The lease is free, in its next term; numbers that the database gives go on.
        assert_eq!(store.take_lease("host/9/9", None, at(50)).await.unwrap(), Some(2));
        roles.audit.append(&entry("jobs.run")).await.unwrap();
        let verdict = roles.audit.verify().await.unwrap();
        assert_eq!((verdict.entries, verdict.broken_at), (3, None));
        assert!(place.execute("delete from ly2_audit").await.is_err(), "what guards the trail stands again");
        let new = bench.running(&*store, "job-4-again").await;
        store.append_logs(&[line(new.id, 0, "plain again")]).await.unwrap();
        while roles.search.index_older(1000).await.unwrap() {}
        let words = Words::parse("plain").unwrap();
        let asked = LineSearch { words, jobs: None, level: None, from: None, to: None, before: None, limit: 500 };
        assert_eq!(roles.search.search(&asked).await.unwrap().hits.len(), 51, "lines are indexed anew");
        store.close().await;
    }
}

pub(super) async fn a_store_with_rows_is_replaced_only_for_who_says_so(bench: &Bench) {
    bench.furnished().await;
    let before = bench.rows_at(&bench.url).await;
    let refused = fill(bench, &bench.url, &before, false).await;
    assert!(matches!(&refused, Err(PortableError::NotEmpty { .. })), "{refused:?}");
    let newer = Loader::open(&bench.url, &bench.home, newest_schema() + 1, true).await.err();
    assert!(matches!(&newer, Some(PortableError::Newer { .. })), "{newer:?}");
    assert_eq!(bench.rows_at(&bench.url).await, before);
}

pub(super) async fn a_copy_that_is_not_whole_changes_nothing(bench: &Bench) {
    bench.furnished().await;
    let before = bench.rows_at(&bench.url).await;
    let (runs, lines) = before.iter().find(|(table, _)| table.name == "ly2_job_definitions").unwrap();
    let open = async || Loader::open(&bench.url, &bench.home, newest_schema(), true).await.unwrap();

    let mut loader = open().await;
    loader.begin_table(&runs.name, &runs.columns).await.unwrap();
    loader.push(&lines[0]).await.unwrap();
    let fewer = loader.compare(&runs.name, &runs.columns, &sum(lines)).await;
    assert!(
        matches!(&fewer, Err(PortableError::Differs { was, is: 1, .. }) if *was == lines.len() as u64),
        "{fewer:?}"
    );
    loader.give_up().await;

    let mut loader = open().await;
    let unknown = loader.begin_table("ly2_nothing", &runs.columns).await;
    assert!(matches!(&unknown, Err(PortableError::Row { .. })), "{unknown:?}");
    let unknown = loader.begin_table(&runs.name, &["nothing".to_owned()]).await;
    assert!(matches!(&unknown, Err(PortableError::Row { .. })), "{unknown:?}");
    loader.begin_table(&runs.name, &runs.columns).await.unwrap();
    for line in [&lines[0], &lines[0]] {
        loader.push(line).await.unwrap();
    }
    let twice = loader.keep().await;
    assert!(matches!(&twice, Err(PortableError::Row { .. })), "{twice:?}");
    assert_eq!(bench.rows_at(&bench.url).await, before);
    bench.open().await.close().await;
}

pub(super) async fn a_snapshot_is_of_one_moment(bench: &Bench) {
    bench.furnished().await;
    let before = bench.rows_at(&bench.url).await;
    let store = bench.open().await;
    let mut snapshot = bench.snapshot(Hold::Nobody).await;
    let later = bench.running(&*store, "later").await;
    assert_eq!(rows_of(&mut snapshot).await, before);
    snapshot.close().await;
    assert_eq!(get(&*store, later.id).await.job_id, later.job_id);
    store.close().await;
}

pub(super) async fn a_store_that_is_held_takes_no_writes(bench: &Bench) {
    bench.furnished().await;
    let snapshot = bench.snapshot(Hold::Writers).await;
    let briefly = if snapshot.dialect() == "sqlite" { "pragma busy_timeout = 100" } else { "set lock_timeout = 100" };
    let write = format!("{briefly}; delete from ly2_secrets");
    assert!(bench.execute(&write).await.is_err());
    let beside = bench.rows_at(&bench.url).await;
    assert!(beside.iter().any(|(table, lines)| table.name == "ly2_secrets" && lines.len() == 1), "it can be read");
    snapshot.close().await;
    bench.execute(&write).await.unwrap();
}

pub(super) async fn a_store_is_sound_until_something_is_missing(bench: &Bench) {
    bench.furnished().await;
    let look = async || {
        let mut snapshot = bench.snapshot(Hold::Nobody).await;
        let mut all = vec![snapshot.check_pages().await.unwrap(), snapshot.check_audit().await.unwrap()];
        all.extend(snapshot.check_references().await.unwrap());
        snapshot.close().await;
        all
    };
    let sound = look().await;
    assert!(sound.iter().all(|finding| finding.is_sound), "{sound:?}");
    assert!(sound.iter().any(|finding| finding.area == "audit" && finding.text.starts_with("2 entries")), "{sound:?}");
    bench.execute("delete from ly2_step_runs where step_index = 1").await.unwrap();
    let found = look().await;
    let broken: Vec<&str> = found.iter().filter(|finding| !finding.is_sound).map(|found| found.text.as_str()).collect();
    assert_eq!(broken, ["6 runs that say to have more steps than there are"]);
}

pub(super) async fn a_snapshot_knows_sizes_and_what_was_done_last(bench: &Bench) {
    bench.furnished().await;
    let mut snapshot = bench.snapshot(Hold::Nobody).await;
    assert_eq!(snapshot.schema(), newest_schema());
    let sizes = snapshot.sizes().await.unwrap();
    let runs = sizes.iter().find(|(name, ..)| name == "ly2_job_runs").unwrap();
    assert!(runs.1 == 6 && runs.2 > Some(0), "{runs:?}");
    assert_eq!(snapshot.last_done("backup.create").await.unwrap(), Some(at(7)));
    assert_eq!(snapshot.last_done("catalogue.export").await.unwrap(), None);
    snapshot.close().await;
}

pub(super) async fn who_works_on_a_store_is_told(bench: &Bench) {
    bench.furnished().await;
    let signs = signs_of_life(&bench.url, &bench.home).await.unwrap();
    let told: Vec<_> = signs.iter().map(|sign| (sign.owner.as_str(), sign.role.as_str(), sign.has_lease)).collect();
    assert_eq!(told, [(ME, "server", true)]);
    let nowhere = signs_of_life("sqlite:data/nowhere.db", &bench.home).await;
    assert!(matches!(&nowhere, Err(PortableError::Missing { .. })), "{nowhere:?}");
    assert!(!bench.home.join("data/nowhere.db").exists(), "asking makes no store");
}
