//! `nomaflow connector …`: the databases and directories of the home, reached from this process with the files as they are
//! now. No server is asked: what is tested is what the next reload will use. What changes them (`change`) goes through the API.

mod change;
mod query;
mod rows;

use futures_util::future::join_all;
use host_catalogue::{Flags, LoadOptions, SecretReader, load, render, system_zone};
use host_model::connector::{Connector as Declared, ConnectorSet, Directory};
use host_model::diagnostic::{Diagnostic, Severity, nearest};
use host_model::{CancelToken, Json, StepError, StepErrorKind};
use host_steps::{ConnectorPools, ConnectorTest};
use serde_json::json;

use super::job::interrupted;
use super::table::{self, or_dash};
use crate::assemble::{self, home_secrets};
use crate::cli::{Connector, Global};
use crate::exit::{Exit, Failure, Outcome};
use crate::home::{Home, env, style};
use crate::say;

/// The file connectors are declared in.
const FILE: &str = "connectors.toml";

/// The connectors of a home.
pub(super) struct Shelf {
    set: ConnectorSet,
    pub(super) pools: ConnectorPools,
    /// The findings about the file, drawn; empty when none of them is an error.
    pub(super) faults: String,
}

/// Runs a `connector` command.
pub(crate) async fn run(command: Connector, global: &Global) -> Outcome {
    match command {
        Connector::Add(args) => change::add(&args, global).await,
        Connector::Set(args) => change::set(&args, global).await,
        Connector::Remove { name } => change::remove(&name, global).await,
        Connector::Rename { name, to, dry_run } => change::rename(&name, &to, dry_run, global).await,
        Connector::List => {
            let shelf = Shelf::open(global).await?;
            let outcome = list(&shelf, global);
            shelf.close(outcome).await
        }
        Connector::Test { name, .. } => {
            let shelf = Shelf::open(global).await?;
            let outcome = test(&shelf, global, name.as_deref()).await;
            shelf.close(outcome).await
        }
        Connector::Query(args) => {
            let shelf = Shelf::open(global).await?;
            let outcome = query::run(&shelf, global, args).await;
            shelf.close(outcome).await
        }
    }
}

impl Shelf {
    pub(super) async fn open(global: &Global) -> Result<Self, Failure> {
        let home = Home::new(&global.home);
        home.ensure_exists()?;
        let secrets = home_secrets(&home).await?;
        let options = LoadOptions {
            plugins_dir: None,
            env: &env,
            secrets: secrets.as_deref().map(|book| book as &dyn SecretReader),
            default_zone: system_zone(),
            components: None,
            proposal: None,
        };
        let catalogue = load(home.path(), &options);
        let found: Vec<Diagnostic> = catalogue.diagnostics.into_iter().filter(|found| found.file == FILE).collect();
        let is_broken = found.iter().any(|found| found.severity == Severity::Error);
        let faults = if is_broken { render(&found, &catalogue.sources, style()) } else { String::new() };
        let drivers = assemble::drivers(&home.settings(&Flags::default())?.settings)?;
        let pools = ConnectorPools::new(catalogue.connectors.clone()).with_drivers(drivers);
        Ok(Self { pools, set: catalogue.connectors, faults })
    }

    async fn close(self, outcome: Outcome) -> Outcome {
        self.pools.close().await;
        outcome
    }

    /// Every name, in order.
    pub(super) fn names(&self) -> Vec<&str> {
        let sql = self.set.connectors.keys().map(|name| name.as_str());
        let mut names: Vec<&str> = sql.chain(self.set.directories.keys().map(|name| name.as_str())).collect();
        names.sort_unstable();
        names
    }

    /// Fails unless `name` is declared: it is unknown, or among what could not be read.
    fn ensure_declared(&self, name: &str) -> Result<(), Failure> {
        if self.set.connectors.contains_key(name) || self.set.directories.contains_key(name) {
            return Ok(());
        }
        if !self.faults.is_empty() {
            let text =
                format!("there is no connector `{name}` among those that can be used\n{}", self.faults.trim_end());
            return Err(Failure::new(Exit::Invalid, text));
        }
        let failure = Failure::new(Exit::NotFound, format!("there is no connector `{name}`"));
        let names = self.names();
        Err(match nearest(name, names.iter().copied()) {
            Some(near) => failure.hint(format!("did you mean `{near}`?")),
            None if names.is_empty() => failure.hint(format!("none is declared in `{FILE}`")),
            None => failure.hint(format!("declared are `{}`", names.join("`, `"))),
        })
    }
}

fn list(shelf: &Shelf, global: &Global) -> Outcome {
    let sql = shelf.set.connectors.values().map(|declared| sql_entry(shelf, declared));
    let mut entries: Vec<Json> = sql.chain(shelf.set.directories.values().map(directory_entry)).collect();
    entries.sort_by(|a, b| a["name"].as_str().cmp(&b["name"].as_str()));
    if global.json {
        say(&json!({ "connectors": entries }).to_string())?;
    } else {
        let text = |entry: &Json, key: &str| or_dash(entry[key].as_str().unwrap_or_default());
        let row = |entry: &Json| {
            let queries: Vec<&str> =
                entry["queries"].as_array().into_iter().flatten().filter_map(Json::as_str).collect();
            let access = if entry["read_only"] == true { "read only" } else { "-" };
            let mut cells: Vec<String> = ["name", "kind", "dialect", "pool", "where"].map(|k| text(entry, k)).into();
            cells.extend([access.to_owned(), or_dash(&queries.join(", "))]);
            cells
        };
        let rows: Vec<Vec<String>> = entries.iter().map(row).collect();
        say(&table::render(&["CONNECTOR", "KIND", "DIALECT", "POOL", "WHERE", "ACCESS", "QUERIES"], &rows))?;
    }
    if shelf.faults.is_empty() {
        return Ok(Exit::Fine);
    }
    Err(Failure::new(Exit::Invalid, format!("what has errors in `{FILE}` is left out\n{}", shelf.faults.trim_end())))
}

fn sql_entry(shelf: &Shelf, declared: &Declared) -> Json {
    let pool = shelf.set.pools.get(&declared.pool);
    // A URL that nobody can read leads nowhere; `test` says so.
    let place = shelf.pools.address(declared.name.as_str()).ok();
    let shown = |(name, query): (&String, &host_model::connector::NamedQuery)| match query.writable {
        true => format!("{name}:write"),
        false => name.clone(),
    };
    json!({
        "name": declared.name.as_str(),
        "kind": "sql",
        "dialect": declared.dialect.as_str(),
        "pool": declared.pool,
        "where": place,
        "read_only": pool.is_some_and(|pool| pool.read_only),
        "queries": declared.queries.iter().map(shown).collect::<Vec<_>>(),
    })
}

fn directory_entry(directory: &Directory) -> Json {
    json!({
        "name": directory.name.as_str(),
        "kind": "ldap",
        "dialect": null,
        "pool": null,
        "where": format!("{}/{}", directory.url.trim_end_matches('/'), directory.base),
        "read_only": true,
        "queries": [],
    })
}

/// Tests one connector, or all of them at once.
async fn test(shelf: &Shelf, global: &Global, name: Option<&str>) -> Outcome {
    let names = match name {
        Some(name) => {
            shelf.ensure_declared(name)?;
            vec![name]
        }
        None => shelf.names(),
    };
    let cancel = CancelToken::new();
    let testing = join_all(names.iter().map(|name| shelf.pools.test(name, &cancel)));
    tokio::pin!(testing);
    let results = tokio::select! {
        results = &mut testing => results,
        () = interrupted() => {
            cancel.cancel("interrupted");
            testing.await
        }
    };
    let results: Vec<(&str, Result<ConnectorTest, StepError>)> = names.into_iter().zip(results).collect();
    if global.json {
        say(&json!({ "tests": results.iter().map(test_json).collect::<Vec<_>>() }).to_string())?;
    } else {
        let rows: Vec<Vec<String>> = results.iter().map(test_row).collect();
        say(&table::render(&["CONNECTOR", "RESULT", "TLS", "TIME", "ANSWER"], &rows))?;
    }
    if name.is_none() && !shelf.faults.is_empty() {
        let text = format!("what has errors in `{FILE}` was not tested\n{}", shelf.faults.trim_end());
        return Err(Failure::new(Exit::Invalid, text));
    }
    Ok(if results.iter().all(|(_, result)| result.is_ok()) { Exit::Fine } else { Exit::RunFailed })
}

fn test_json((name, result): &(&str, Result<ConnectorTest, StepError>)) -> Json {
    match result {
        Ok(found) => json!({
            "connector": name,
            "ok": true,
            "dialect": found.dialect,
            "version": found.version,
            "tls": found.tls,
            "elapsed_ms": found.elapsed.as_secs_f64() * 1e3,
        }),
        Err(error) => json!({ "connector": name, "ok": false, "error": error.message }),
    }
}

fn test_row((name, result): &(&str, Result<ConnectorTest, StepError>)) -> Vec<String> {
    let cells = match result {
        Ok(found) => {
            let tls = found.tls.map_or("-", |is_encrypted| if is_encrypted { "yes" } else { "no" });
            // PostgreSQL goes on with its compiler.
            let version = found.version.split(" on ").next().unwrap_or_default();
            let time = format!("{:.0} ms", found.elapsed.as_secs_f64() * 1e3);
            ["ok".to_owned(), tls.to_owned(), time, format!("{} {version}", found.dialect)]
        }
        Err(error) => ["FAILED".to_owned(), "-".to_owned(), "-".to_owned(), error.message.clone()],
    };
    std::iter::once((*name).to_owned()).chain(cells.map(|cell| crate::watch::visible(&cell))).collect()
}

/// The failure of a question as one of the command.
fn failure(error: &StepError) -> Failure {
    let exit = match error.kind {
        StepErrorKind::Definition => Exit::Usage,
        StepErrorKind::Denied => Exit::Denied,
        _ => Exit::RunFailed,
    };
    Failure::new(exit, &error.message)
}
