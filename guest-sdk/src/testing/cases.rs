//! Cases: what a callable makes of params, as data. `nomaflow plugin test` runs the same file in the sandbox.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use serde::Deserialize;
use serde_json::{Map, Value as Json};

use super::Host;
use crate::{Error, Step};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    callable: String,
    #[serde(default)]
    params: Map<String, Json>,
    /// Connector to the script that fills its SQLite database.
    #[serde(default)]
    connectors: BTreeMap<String, String>,
    result: Option<Json>,
    error: Option<String>,
    /// Connector to a query and the rows it gives afterwards.
    #[serde(default)]
    after: BTreeMap<String, After>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct After {
    query: String,
    rows: Json,
}

/// Runs the cases in `text`, a JSON array, on `steps` against stand-ins. Connectors need the feature `sqlite`.
///
/// # Panics
/// With the name of the first case that does not hold.
pub fn check_cases(steps: &[Step], text: &str) {
    let cases: Vec<Case> =
        serde_json::from_str(text).unwrap_or_else(|error| panic!("the cases cannot be read: {error}"));
    for case in cases {
        check(steps, &case);
    }
}

fn check(steps: &[Step], case: &Case) {
    let name = &case.name;
    let databases = databases(case);
    let mut host = Host::new();
    for (connector, database) in &databases {
        host = host.shared_connector(connector, Rc::clone(database));
    }
    let installed = host.install();
    let answer = crate::run_step(steps, &case.callable, &Json::Object(case.params.clone()).to_string());
    drop(installed);
    match (answer, &case.error) {
        (Err(error), Some(wanted)) => assert!(error.is(wanted), "`{name}`: the error is {error}, not `{wanted}`"),
        (Err(error), None) => panic!("`{name}`: failed: {error}"),
        (Ok(got), Some(wanted)) => panic!("`{name}`: gives {got} and not the error `{wanted}`"),
        (Ok(got), None) => {
            let got: Json = serde_json::from_str(&got).unwrap_or_default();
            let wanted = case.result.clone().unwrap_or(Json::Null);
            assert!(got == wanted, "`{name}`: the result is {got}, not {wanted}");
        }
    }
    for (connector, after) in &case.after {
        let rows = rows_of(&databases, connector, &after.query).unwrap_or_else(|error| panic!("`{name}`: {error}"));
        assert!(rows == after.rows, "`{name}`: `{connector}` holds {rows}, not {}", after.rows);
    }
}

type Shared = Rc<RefCell<dyn super::Database>>;

#[cfg(feature = "sqlite")]
fn databases(case: &Case) -> Vec<(String, Shared)> {
    let open = |(connector, script): (&String, &String)| {
        let database = super::Sqlite::in_memory(script).unwrap_or_else(|error| panic!("`{}`: {error}", case.name));
        (connector.clone(), Rc::new(RefCell::new(database)) as Shared)
    };
    case.connectors.iter().map(open).collect()
}

#[cfg(not(feature = "sqlite"))]
fn databases(case: &Case) -> Vec<(String, Shared)> {
    assert!(case.connectors.is_empty(), "`{}`: connectors need the feature `sqlite` of nomaflow-guest", case.name);
    Vec::new()
}

/// The rows of a query as JSON arrays of cells.
fn rows_of(databases: &[(String, Shared)], connector: &str, query: &str) -> Result<Json, Error> {
    let found = databases.iter().find(|(name, _)| name == connector);
    let (_, database) = found.ok_or_else(|| Error::invalid(format!("the case has no connector `{connector}`")))?;
    let table = database.borrow_mut().query(query, &[])?;
    Ok(table.rows.iter().map(|row| row.iter().map(json_of).collect::<Json>()).collect())
}

fn json_of(cell: &crate::Value) -> Json {
    use crate::Value;
    match cell {
        Value::Null => Json::Null,
        Value::Boolean(value) => (*value).into(),
        Value::Integer(value) => (*value).into(),
        Value::Float(value) => (*value).into(),
        Value::Bytes(value) => String::from_utf8_lossy(value).into(),
        Value::Decimal(text) | Value::Text(text) | Value::Date(text) | Value::Timestamp(text) => text.as_str().into(),
        Value::Other((_, text)) => text.as_str().into(),
    }
}
