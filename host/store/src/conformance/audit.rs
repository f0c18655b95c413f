//! The audit trail and its chain.

use std::sync::Arc;

use host_model::audit::{AuditDraft, AuditFilter, AuditOutcome, AuditTrail, GENESIS};

use super::{Bench, at, map};

fn draft(user: &str, action: &str, object: &str, milli: i64) -> AuditDraft {
    AuditDraft {
        at: at(milli),
        user: user.to_owned(),
        source: "page".to_owned(),
        address: "127.0.0.1".to_owned(),
        action: action.to_owned(),
        object: object.to_owned(),
        outcome: AuditOutcome::Begun,
        detail: map(r#"{"b":1,"a":"\u0000 and \"quotes\""}"#),
        closes: None,
    }
}

fn closing(of: &AuditDraft, seq: u64, outcome: AuditOutcome) -> AuditDraft {
    AuditDraft { outcome, closes: Some(seq), detail: map(r#"{"status":200}"#), ..of.clone() }
}

async fn filled(bench: &Bench, entries: i64) -> Arc<dyn AuditTrail> {
    let trail = bench.open_audit().await;
    for n in 0..entries {
        trail.append(&draft("ann", "jobs.run", "nightly", n)).await.unwrap();
    }
    trail
}

/// The trigger that stands in the way of whoever tampers, put aside as somebody with all rights could.
async fn tamper(bench: &Bench, sql: &str) {
    let is_sqlite = bench.url.starts_with("sqlite:");
    let (off, on) = if is_sqlite {
        ("drop trigger ly2_audit_stays; drop trigger ly2_audit_kept;", "")
    } else {
        ("alter table ly2_audit disable trigger all;", "alter table ly2_audit enable trigger all;")
    };
    bench.execute(&format!("{off} {sql}; {on}")).await.unwrap();
}

pub(super) async fn entries_are_chained_and_listed_with_what_closed_them(bench: &Bench) {
    let trail = bench.open_audit().await;
    assert_eq!(trail.verify().await.unwrap().last, (0, GENESIS.to_owned()));
    let run = draft("ann", "jobs.run", "nightly\0", 1);
    assert_eq!(trail.append(&run).await.unwrap(), 1);
    let lost = draft("bob", "jobs.run", "other", 2);
    assert_eq!(trail.append(&lost).await.unwrap(), 2);
    assert_eq!(trail.append(&closing(&run, 1, AuditOutcome::Done)).await.unwrap(), 3);
    let all = trail.page(0, 10).await.unwrap();
    assert_eq!(all.iter().map(|entry| entry.seq).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(all[0].previous, GENESIS);
    assert_eq!((&all[1].previous, &all[2].previous), (&all[0].hash, &all[1].hash));
    assert_eq!(all[0].draft.object, "nightly\u{2400}");
    assert_eq!(trail.page(2, 10).await.unwrap(), all[2..]);
    let listed = trail.list(&AuditFilter { limit: 10, ..AuditFilter::default() }).await.unwrap();
    let seen: Vec<_> =
        listed.iter().map(|entry| (entry.seq, entry.closing.as_ref().map(|closing| closing.outcome))).collect();
    assert_eq!(seen, [(2, None), (1, Some(AuditOutcome::Done))]);
    let verdict = trail.verify().await.unwrap();
    assert_eq!((verdict.entries, verdict.broken_at, verdict.last), (3, None, (3, all[2].hash.clone())));
}

pub(super) async fn a_change_to_an_entry_is_found(bench: &Bench) {
    let changes = [
        "username = 'bob'",
        "at = '2026-01-01T00:00:00.000Z'",
        "detail = '{\"b\":2}'",
        "outcome = 'done'",
        "address = '10.0.0.1'",
        "closes = 1",
    ];
    let trail = filled(bench, 1 + changes.len() as i64).await;
    assert_eq!(trail.verify().await.unwrap().broken_at, None);
    // From the newest to the oldest, so that each is the first that is found.
    for (n, change) in changes.iter().enumerate().rev() {
        let seq = 2 + n as u64;
        let sql = format!("update ly2_audit set {change} where seq = {seq}");
        if bench.url.starts_with("sqlite:") {
            bench.execute("drop trigger if exists ly2_audit_stays").await.unwrap();
            bench.execute(&sql).await.unwrap();
        } else {
            tamper(bench, &sql).await;
        }
        let verdict = trail.verify().await.unwrap();
        assert_eq!((verdict.broken_at, verdict.entries), (Some(seq), seq - 1), "{change}");
    }
}

pub(super) async fn an_entry_that_is_taken_out_is_found(bench: &Bench) {
    let trail = filled(bench, 5).await;
    tamper(bench, "delete from ly2_audit where seq = 3").await;
    assert_eq!(trail.verify().await.unwrap().broken_at, Some(3));
}

pub(super) async fn the_database_refuses_to_change_or_delete_entries(bench: &Bench) {
    let trail = filled(bench, 3).await;
    for sql in [
        "update ly2_audit set username = 'bob' where seq = 2",
        "delete from ly2_audit where seq = 1",
        "delete from ly2_audit",
        "update ly2_audit_head set seq = 2, hash = 'made up'",
        "update ly2_audit_head set seq = 0, hash = '0'",
        "delete from ly2_audit_head",
        "insert into ly2_audit select seq + 7, at, username, source, address, action, object, outcome, detail, closes, \
         'x', 'y' from ly2_audit where seq = 3",
    ] {
        let refused = bench.execute(sql).await.unwrap_err().to_string();
        assert!(refused.contains("ly2_audit"), "{sql}: {refused}");
    }
    assert_eq!(trail.verify().await.unwrap().entries, 3);
}

pub(super) async fn sixteen_writers_of_two_processes_make_one_chain(bench: &Bench) {
    let trails = [bench.open_audit().await, bench.open_audit().await];
    let mut writers = tokio::task::JoinSet::new();
    for n in 0..16_usize {
        let trail = trails[n % 2].clone();
        writers.spawn(async move {
            let mut places = Vec::new();
            for milli in 0..25 {
                places.push(trail.append(&draft(&format!("u{n}"), "jobs.run", "nightly", milli)).await.unwrap());
            }
            places
        });
    }
    let mut places: Vec<u64> = writers.join_all().await.into_iter().flatten().collect();
    places.sort_unstable();
    assert_eq!(places, (1..=400).collect::<Vec<_>>());
    let verdict = trails[0].verify().await.unwrap();
    assert_eq!((verdict.entries, verdict.broken_at), (400, None));
}

pub(super) async fn entries_go_only_off_the_old_end_and_the_chain_still_holds(bench: &Bench) {
    let trail = filled(bench, 10).await;
    // Its clock went back: what lies behind an entry that stays, stays.
    trail.append(&draft("ann", "jobs.run", "nightly", -5)).await.unwrap();
    assert_eq!(trail.prune(at(6), 4).await.unwrap(), 4);
    assert_eq!(trail.prune(at(6), 4).await.unwrap(), 2);
    assert_eq!(trail.prune(at(6), 4).await.unwrap(), 0);
    let verdict = trail.verify().await.unwrap();
    assert_eq!((verdict.entries, verdict.broken_at, verdict.last.0), (5, None, 11));
    assert_eq!(trail.prune(at(100), 100).await.unwrap(), 5);
    assert_eq!(trail.verify().await.unwrap().last, (11, verdict.last.1));
    assert_eq!(trail.append(&draft("ann", "jobs.run", "nightly", 20)).await.unwrap(), 12);
    let verdict = trail.verify().await.unwrap();
    assert_eq!((verdict.entries, verdict.broken_at), (1, None));
}

pub(super) async fn entries_are_found_by_what_they_say(bench: &Bench) {
    let trail = bench.open_audit().await;
    for (n, (user, action, object)) in
        [("ann", "jobs.run", "a"), ("bob", "jobs.run", "b"), ("ann", "jobs", "a"), ("ann", "jobsearch", "c")]
            .into_iter()
            .enumerate()
    {
        trail.append(&draft(user, action, object, n as i64)).await.unwrap();
    }
    let base = AuditFilter { limit: 10, ..AuditFilter::default() };
    let rows = [
        (AuditFilter { user: Some("ann".into()), ..base.clone() }, vec![4, 3, 1]),
        (AuditFilter { action: Some("jobs".into()), ..base.clone() }, vec![3, 2, 1]),
        (AuditFilter { action: Some("jobs.run".into()), ..base.clone() }, vec![2, 1]),
        (AuditFilter { object: Some("a".into()), ..base.clone() }, vec![3, 1]),
        (AuditFilter { outcome: Some(AuditOutcome::Done), ..base.clone() }, vec![]),
        (AuditFilter { outcome: Some(AuditOutcome::Begun), object: Some("b".into()), ..base.clone() }, vec![2]),
        (AuditFilter { from: Some(at(1)), to: Some(at(3)), ..base.clone() }, vec![3, 2]),
        (AuditFilter { before: Some(3), limit: 1, ..base.clone() }, vec![2]),
        (AuditFilter { user: Some("' or 1=1 --".into()), ..base }, vec![]),
    ];
    for (filter, expected) in rows {
        let found: Vec<u64> = trail.list(&filter).await.unwrap().iter().map(|entry| entry.seq).collect();
        assert_eq!(found, expected, "{filter:?}");
    }
}
