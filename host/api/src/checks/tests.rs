//! What each check says of things that are as they should be, and of those that are not; and since when.

use host_model::replica::Presence;

use super::*;

fn replica(owner: &str, seen_at: Instant) -> Replica {
    let presence = Presence {
        owner: owner.to_owned(),
        role: "server".to_owned(),
        labels: Vec::new(),
        url: None,
        version: "1".to_owned(),
        scheduler_enabled: true,
        room: 4,
        started_at: Instant::default(),
    };
    Replica { presence, beat: 1, seen_at }
}

fn now() -> Instant {
    Instant::from_timestamp_millis(1_795_000_000_000).unwrap()
}

fn well(replicas: &[Replica]) -> Found<'_> {
    Found {
        now: now(),
        store: Some(Duration::from_micros(300)),
        dialect: "sqlite",
        pools: &[],
        scheduler: SchedulerState::Active,
        holder: Some("a"),
        replicas,
        armed: 3,
        jobs: 8,
        invalid: Vec::new(),
        sees_all: true,
        diagnostics: &[],
        free_bytes: Some(80 << 30),
        streams: 2,
        taken: Some(Taken { backup: Some(now() - TimeDelta::hours(2)), export: None }),
    }
}

/// Those that are not as they should be, with their state.
fn wrong(found: &Found<'_>) -> Vec<(&'static str, &'static str)> {
    let all = Memory::default().look(found);
    let told = |check: &Check| (check.advice.is_some()) == (check.state != "ok");
    assert!(all.iter().all(told), "what to do is told of what is not well, and of nothing else: {all:?}");
    all.iter().filter(|check| check.state != "ok").map(|check| (check.name, check.state)).collect()
}

#[test]
fn everything_is_fine_where_nothing_is_wrong() {
    let replicas = [replica("a", now())];
    let found = well(&replicas);
    assert_eq!(wrong(&found), []);
    let all = Memory::default().look(&found);
    let backup = all.iter().find(|check| check.name == "backup").unwrap();
    assert_eq!(backup.at, Some(instant(now() - TimeDelta::hours(2))));
    assert_eq!((backup.export_at.as_ref(), backup.text.as_str()), (None, "the last backup is 2 hours old"));
}

#[test]
fn each_thing_that_is_wrong_is_told_by_itself() {
    let replicas = [replica("a", now())];
    let mut newer = replica("b", now());
    newer.presence.version = "2".to_owned();
    let mixed = [replica("a", now()), newer];
    let ahead = [replica("a", now()), replica("b", now() + TimeDelta::seconds(30))];
    let broken = |file: &str| Diagnostic {
        code: "x",
        severity: Severity::Error,
        message: "x".to_owned(),
        hint: None,
        file: file.to_owned(),
        line: 1,
        column: 1,
        span: 0..0,
        job: None,
    };
    let of_jobs = [broken("plugins/a/jobs.toml"), broken("plugins/a/jobs.local.toml"), broken("app.toml")];
    let of_plugins = [broken("plugins/a/x.wasm"), broken("plugins/a/x.wasm"), broken("plugins/a/y.toml")];
    let fine = || well(&replicas);
    assert_eq!(wrong(&Found { diagnostics: &of_jobs, ..fine() }), []);
    for (found, name, state) in [
        (Found { store: None, ..fine() }, "store", "bad"),
        (Found { store: Some(Duration::from_millis(900)), ..fine() }, "store", "look"),
        (Found { scheduler: SchedulerState::Error, ..fine() }, "scheduler", "bad"),
        (Found { holder: None, ..fine() }, "scheduler", "bad"),
        (Found { holder: None, replicas: &[], ..fine() }, "scheduler", "look"),
        (Found { invalid: vec!["nightly"], ..fine() }, "catalogue", "bad"),
        (Found { diagnostics: &of_plugins, ..fine() }, "plugins", "bad"),
        (Found { replicas: &ahead, ..fine() }, "clocks", "look"),
        (Found { replicas: &mixed, ..fine() }, "versions", "look"),
        (Found { free_bytes: Some(1 << 20), ..fine() }, "disk", "bad"),
        (Found { free_bytes: None, ..fine() }, "disk", "look"),
        (Found { taken: None, ..fine() }, "backup", "look"),
        (Found { taken: Some(Taken::default()), ..fine() }, "backup", "look"),
        (
            Found { taken: Some(Taken { backup: Some(now() - TimeDelta::hours(49)), export: None }), ..fine() },
            "backup",
            "look",
        ),
    ] {
        assert_eq!(wrong(&found), [(name, state)]);
    }
    let told = Memory::default().look(&Found { diagnostics: &of_plugins, ..fine() });
    let plugins = told.iter().find(|check| check.name == "plugins").unwrap();
    assert_eq!((plugins.figure, plugins.names.len()), (Some(2.0), 2), "a file counts once");
}

#[test]
fn a_state_keeps_its_beginning_until_it_changes() {
    let replicas = [replica("a", now())];
    let memory = Memory::default();
    let since = |found: &Found<'_>| {
        let all = memory.look(found);
        all.iter().find(|check| check.name == "disk").map(|check| check.since.clone()).unwrap()
    };
    let later = |minutes: i64, free: u64| Found {
        now: now() + TimeDelta::minutes(minutes),
        free_bytes: Some(free),
        ..well(&replicas)
    };
    assert_eq!(since(&later(0, 80 << 30)), instant(now()));
    assert_eq!(since(&later(5, 60 << 30)), instant(now()), "another figure is not another state");
    assert_eq!(since(&later(10, 1 << 20)), instant(now() + TimeDelta::minutes(10)));
    assert_eq!(since(&later(20, 80 << 30)), instant(now() + TimeDelta::minutes(20)));
}
