//! Versions of jobs, and a job that goes on under another id.

use host_model::fire::{Recorded, SlotOutcome, SlotRecord};
use host_model::run::RunFilter;
use host_model::transition::RunChange;
use host_model::version::{NewVersion, Renamed, VersionChange};

use super::accounts::{account, of};
use super::{Bench, ME, at, get, job_id, slot, took};

fn version(job: &str, text: &str, change: VersionChange) -> NewVersion {
    NewVersion {
        job_id: job_id(job),
        app: "demo".into(),
        at: at(text.len() as i64),
        by: "manual:ann".into(),
        change,
        etag: format!("of {text}"),
        text: text.into(),
    }
}

pub(super) async fn the_last_twenty_versions_are_kept_newest_first(bench: &Bench) {
    let store = bench.open_versions().await;
    for n in 1..=25_u32 {
        let kept = store.add_version(&version("a", &format!("text {n}"), VersionChange::Edit)).await.unwrap();
        assert_eq!(kept, n);
    }
    store.add_version(&version("b", "other", VersionChange::Create)).await.unwrap();
    let found = store.list_versions("a").await.unwrap();
    assert_eq!(found.iter().map(|found| found.number).collect::<Vec<_>>(), (6..=25).rev().collect::<Vec<_>>());
    assert_eq!(found[0].version, version("a", "text 25", VersionChange::Edit));
    assert_eq!(store.list_versions("c").await.unwrap(), []);
}

pub(super) async fn what_the_newest_says_already_is_not_kept_again(bench: &Bench) {
    let store = bench.open_versions().await;
    store.add_version(&version("a", "one", VersionChange::Create)).await.unwrap();
    assert_eq!(store.add_version(&version("a", "one", VersionChange::File)).await.unwrap(), 1);
    let found = [version("a", "one", VersionChange::File), version("b", "two", VersionChange::File)];
    assert_eq!(store.add_versions(&found).await.unwrap(), 1);
    let mut newest = store.list_newest_etags().await.unwrap();
    newest.sort();
    assert_eq!(newest, [("a".to_owned(), "of one".to_owned()), ("b".to_owned(), "of two".to_owned())]);
    // A deletion says something by itself, and the job is not among those that are there.
    assert_eq!(store.add_version(&version("a", "one", VersionChange::Delete)).await.unwrap(), 2);
    assert_eq!(store.list_newest_etags().await.unwrap().len(), 1);
}

pub(super) async fn a_deleted_job_that_comes_back_as_it_was_has_a_version_of_its_own(bench: &Bench) {
    let store = bench.open_versions().await;
    store.add_version(&version("a", "one", VersionChange::Create)).await.unwrap();
    store.add_version(&version("a", "one", VersionChange::Delete)).await.unwrap();
    assert_eq!(store.add_version(&version("a", "one", VersionChange::Restore)).await.unwrap(), 3);
    assert_eq!(store.list_versions("a").await.unwrap()[0].version.change, VersionChange::Restore);
    assert_eq!(store.list_newest_etags().await.unwrap(), [("a".to_owned(), "of one".to_owned())]);
    assert_eq!(store.add_version(&version("a", "one", VersionChange::File)).await.unwrap(), 3, "nothing new");
}

pub(super) async fn versions_added_at_once_have_numbers_of_their_own(bench: &Bench) {
    let store = bench.open_versions().await;
    let adding = (0..16).map(|n| {
        let store = store.clone();
        tokio::spawn(
            async move { store.add_version(&version("a", &format!("t{n}"), VersionChange::Edit)).await.unwrap() },
        )
    });
    let mut numbers = Vec::new();
    for added in adding.collect::<Vec<_>>() {
        numbers.push(added.await.unwrap());
    }
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=16).collect::<Vec<_>>());
}

pub(super) async fn everything_of_a_job_follows_its_new_id(bench: &Bench) {
    let (store, versions) = (bench.open().await, bench.open_versions().await);
    let accounts = bench.open_accounts().await;
    assert!(accounts.create_account(&account("ann", &["job:old", "job:older"]), None).await.unwrap());
    let run = bench.running(&*store, "old").await;
    versions.add_version(&version("old", "text", VersionChange::Create)).await.unwrap();
    let missed = SlotRecord {
        slot: slot("old", 5),
        outcome: SlotOutcome::Missed,
        reason: None,
        run_id: None,
        decided_at: at(6),
    };
    assert!(store.record_slot(&missed).await.unwrap());
    let (old, new) = (job_id("old"), job_id("new"));
    assert_eq!(versions.rename_job(&old, &new, false).await.unwrap(), Renamed::Active);
    took(&*store, &[RunChange::succeed(run.id, ME, at(9)).into()]).await;
    assert_eq!(versions.rename_job(&old, &new, false).await.unwrap(), Renamed::Done);
    assert_eq!(get(&*store, run.id).await.job_id, new);
    assert_eq!(store.list_slots(&new, 9).await.unwrap()[0].slot.due_at, at(5));
    assert_eq!(versions.list_versions("new").await.unwrap().len(), 1);
    assert_eq!(versions.list_versions("old").await.unwrap(), []);
    let ann = accounts.find_account("ann").await.unwrap().unwrap();
    assert_eq!(ann.granted, of(&["job:new", "job:older"]), "who may see the job may go on seeing it");
    let of_old = RunFilter { jobs: vec![old.clone()], limit: 9, ..RunFilter::default() };
    assert_eq!(store.list_runs(&of_old).await.unwrap(), []);
    // Done again, as after a crash, it changes nothing.
    assert_eq!(versions.rename_job(&old, &new, true).await.unwrap(), Renamed::Done);
    assert_eq!(get(&*store, run.id).await.job_id, new);
}

pub(super) async fn an_id_with_history_is_not_given_to_another_job(bench: &Bench) {
    let (store, versions) = (bench.open().await, bench.open_versions().await);
    for job in ["old", "new"] {
        let new = bench.new_run(job);
        assert_eq!(store.record_fire(&new).await.unwrap(), Recorded::Queued);
        took(
            &*store,
            &[RunChange::start(new.id, ME, new.queued_at).into(), RunChange::succeed(new.id, ME, at(9)).into()],
        )
        .await;
    }
    assert_eq!(versions.rename_job(&job_id("old"), &job_id("new"), false).await.unwrap(), Renamed::Taken);
}
