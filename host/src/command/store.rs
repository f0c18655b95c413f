//! `nomaflow store …`: status, migrate, check and move in this process; prune through the API, which records it as a run.

use host_catalogue::Flags;
use host_model::Json;
use host_store::portable::{Finding, Hold, Loader, PortableError, Snapshot, newest_schema, signs_of_life};
use serde_json::json;

use super::backup::ACTION;
use super::table;
use crate::assemble::open_store;
use crate::backup::unused::ensure_unused;
use crate::backup::{bytes, copy, failure};
use crate::cli::{Global, Store};
use crate::client::Client;
use crate::exit::{Exit, Failure, Outcome};
use crate::history::announce;
use crate::home::Home;
use crate::say;
use crate::watch::{Show, field};

/// Runs a `store` command.
pub(crate) async fn run(command: Store, global: &Global) -> Outcome {
    match command {
        Store::Status => status(global).await,
        Store::Migrate => migrate(global).await,
        Store::Prune { dry_run, history_days } => prune(dry_run, history_days, global).await,
        Store::Check => check(global).await,
        Store::Move { to, force } => carry(&to, force, global).await,
    }
}

fn url_of(home: &Home) -> Result<String, Failure> {
    let settings = home.settings(&Flags::default())?.settings;
    Ok(Home::store_url(&settings.store.value)?)
}

async fn snapshot(url: &str, home: &Home, hold: Hold) -> Result<Snapshot, Failure> {
    let opened = Snapshot::open(url, home.path(), hold).await;
    opened.map_err(|error| {
        let is_missing = matches!(error, PortableError::Missing { .. });
        let failure = failure(error, "the store cannot be opened");
        if is_missing {
            failure.hint("the first `nomaflow serve` makes it, and `nomaflow store migrate`")
        } else {
            failure
        }
    })
}

async fn status(global: &Global) -> Outcome {
    const DOING: &str = "the store cannot be looked at";
    let home = Home::new(&global.home);
    let url = url_of(&home)?;
    let mut snapshot = snapshot(&url, &home, Hold::Nobody).await?;
    let sizes = snapshot.sizes().await;
    let (shown, dialect, schema) = (snapshot.shown().to_owned(), snapshot.dialect(), snapshot.schema());
    let backup = snapshot.last_done(ACTION).await;
    snapshot.close().await;
    let sizes = sizes.map_err(|error| failure(error, DOING))?;
    let backup = backup.map_err(|error| failure(error, DOING))?;
    let signs = signs_of_life(&url, home.path()).await.map_err(|error| failure(error, DOING))?;
    let alive: Vec<_> = signs.into_iter().filter(|sign| host_engine::is_owner_alive(&sign.owner)).collect();
    let total: u64 = sizes.iter().filter_map(|(_, _, bytes)| *bytes).sum();
    if global.json {
        let table =
            |(name, rows, bytes): &(String, u64, Option<u64>)| json!({ "name": name, "rows": rows, "bytes": bytes });
        let process = |sign: &host_store::portable::Sign| json!({ "owner": sign.owner, "role": sign.role, "url": sign.url, "lease": sign.has_lease });
        let answer = json!({
            "store": shown, "dialect": dialect, "schema": schema, "known_schema": newest_schema(), "bytes": total,
            "tables": sizes.iter().map(table).collect::<Vec<Json>>(),
            "processes": alive.iter().map(process).collect::<Vec<Json>>(), "last_backup_at": backup,
        });
        say(&answer.to_string())?;
        return Ok(Exit::Fine);
    }
    say(&format!("{shown} ({dialect}), schema {schema} of {}, {}", newest_schema(), bytes(total)))?;
    let row = |(name, rows, size): &(String, u64, Option<u64>)| {
        vec![name.clone(), rows.to_string(), size.map_or_else(|| "-".to_owned(), bytes)]
    };
    say(&table::render(&["TABLE", "ROWS", "SIZE"], &sizes.iter().map(row).collect::<Vec<_>>()))?;
    for sign in &alive {
        let lease = if sign.has_lease { ", has the scheduler's lease" } else { "" };
        say(&format!("{} {}{lease}", sign.role, sign.owner))?;
    }
    say(&match backup {
        Some(at) => format!("last backup: {at}"),
        None => "last backup: never".to_owned(),
    })?;
    Ok(Exit::Fine)
}

async fn migrate(global: &Global) -> Outcome {
    let home = Home::new(&global.home);
    let settings = home.settings(&Flags::default())?.settings;
    let url = Home::store_url(&settings.store.value)?;
    let before = match Snapshot::open(&url, home.path(), Hold::Nobody).await {
        Ok(snapshot) => {
            let schema = snapshot.schema();
            snapshot.close().await;
            schema
        }
        // Opening makes it, or says what is wrong.
        Err(_) => 0,
    };
    home.ensure_data()?;
    let (roles, _) = open_store(&home, &settings).await?;
    let _ = roles.store.close().await;
    let now = newest_schema();
    if global.json {
        say(&json!({ "before": before, "now": now }).to_string())?;
    } else if before == now {
        say(&format!("the schema is current: {now}"))?;
    } else {
        say(&format!("the schema was {before} and is {now} now"))?;
    }
    Ok(Exit::Fine)
}

async fn prune(dry_run: bool, history_days: Option<u32>, global: &Global) -> Outcome {
    let client = Client::open(global).await?;
    let ended = match dry_run {
        true => {
            let days = history_days.map(|days| format!("?history_days={days}")).unwrap_or_default();
            client.call("GET", &format!("/admin/jobs/retention/estimate{days}"), None).await
        }
        false => client.call("POST", "/admin/jobs/retention/sweep", Some(&json!({}))).await,
    };
    if dry_run {
        client.close().await;
        let answer = ended?;
        if global.json {
            say(&answer.to_string())?;
            return Ok(Exit::Fine);
        }
        say(&format!("what ended before {} would go:", field(&answer, "cutoff")))?;
        for (key, word) in
            [("run_rows", "runs"), ("step_rows", "steps"), ("log_rows", "log lines"), ("slot_rows", "slots")]
        {
            say(&format!("{:>12}  {word}", answer[key].to_string()))?;
        }
        return Ok(Exit::Fine);
    }
    let show = Show { json: global.json, all_lines: true, steps: true };
    let watched = match ended {
        Ok(answer) => super::job::follow_to_end(&client, field(&answer, "run_id"), show).await,
        Err(failure) => Err(failure),
    };
    client.close().await;
    watched
}

async fn check(global: &Global) -> Outcome {
    let home = Home::new(&global.home);
    let mut snapshot = snapshot(&url_of(&home)?, &home, Hold::Nobody).await?;
    let found = look(&mut snapshot).await;
    snapshot.close().await;
    let found = found.map_err(|error| failure(error, "the store cannot be checked"))?;
    let is_sound = found.iter().all(|finding| finding.is_sound);
    if global.json {
        let shown = |f: &Finding| json!({ "area": f.area, "ok": f.is_sound, "text": f.text });
        say(&json!({ "ok": is_sound, "findings": found.iter().map(shown).collect::<Vec<Json>>() }).to_string())?;
    } else {
        for finding in &found {
            let state = if finding.is_sound { "ok" } else { "BAD" };
            say(&format!("{state:<4}  {:<10}  {}", finding.area, finding.text))?;
        }
        say(if is_sound {
            "\nthe store is sound"
        } else {
            "\nthe store is damaged: restore the last backup that is whole"
        })?;
    }
    Ok(if is_sound { Exit::Fine } else { Exit::RunFailed })
}

async fn look(snapshot: &mut Snapshot) -> Result<Vec<Finding>, PortableError> {
    let mut all = vec![snapshot.check_pages().await?];
    all.extend(snapshot.check_references().await?);
    all.push(snapshot.check_audit().await?);
    Ok(all)
}

async fn carry(to: &str, force: bool, global: &Global) -> Outcome {
    const DOING: &str = "the store cannot be moved";
    let home = Home::new(&global.home);
    let settings = home.settings(&Flags::default())?.settings;
    let from = Home::store_url(&settings.store.value)?;
    if let Some(url) = home.read_server_address() {
        let text = format!("the server of this home is running at {url}, and has the store");
        return Err(Failure::new(Exit::RunFailed, text).hint("stop it first"));
    }
    ensure_unused(&from, home.path(), DOING).await?;
    ensure_unused(to, home.path(), DOING).await?;
    let (roles, _) = open_store(&home, &settings).await?;
    let announced = announce(&*roles.audit, "store.move", &host_store::shown_url(to)).await;
    let announced = announced.map_err(|error| Failure::new(Exit::RunFailed, error))?;
    let _ = roles.store.close().await;
    let moved = carry_rows(&from, to, force, &home).await;
    // Both trails say what came of it; the one that was carried has the announcement too.
    let (roles, _) = open_store(&home, &settings).await?;
    announced.clone().close(&*roles.audit, moved.is_ok()).await;
    let _ = roles.store.close().await;
    let tables = moved.map_err(|error| failure(error, DOING))?;
    let target = host_store::open_roles(to, home.path()).await;
    let target = target.map_err(|error| failure(error.into(), "the new store cannot be opened"))?;
    announced.close(&*target.audit, true).await;
    let _ = target.store.close().await;
    let shown = host_store::shown_url(to);
    let rows: u64 = tables.iter().map(|table| table.rows).sum();
    if global.json {
        let each: serde_json::Map<_, _> = tables.iter().map(|table| (table.name.clone(), table.rows.into())).collect();
        say(&json!({ "to": shown, "rows": rows, "tables": each }).to_string())?;
        return Ok(Exit::Fine);
    }
    for table in &tables {
        say(&format!("{:>12}  {}", table.rows, table.name))?;
    }
    say(&format!("{rows} rows of {} tables are in {shown}; each table was read back and is the same", tables.len()))?;
    say("next: set [store] url in app.toml to it and start; the old store was left as it is")?;
    Ok(Exit::Fine)
}

async fn carry_rows(from: &str, to: &str, force: bool, home: &Home) -> Result<Vec<copy::Copied>, PortableError> {
    let mut snapshot = Snapshot::open(from, home.path(), Hold::Writers).await?;
    let mut loader = match Loader::open(to, home.path(), snapshot.schema(), force).await {
        Ok(loader) => loader,
        Err(error) => {
            snapshot.close().await;
            return Err(error);
        }
    };
    let mut tables = Vec::new();
    let copied = copy::into_store(&mut snapshot, &mut loader, |table| {
        tables.push(copy::Copied { name: table.name.clone(), rows: table.rows });
    });
    let ended = match copied.await {
        Ok(()) => loader.keep().await,
        Err(error) => {
            loader.give_up().await;
            Err(error)
        }
    };
    snapshot.close().await;
    ended.map(|()| tables)
}
