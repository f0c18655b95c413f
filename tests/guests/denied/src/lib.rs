//! `denied:run` opens the connector of the param `connector` and returns the code and message of the error it got
//! (`code` is null when the connector opened). `denied:write` opens it, then tries the param `statement` with `execute`, and
//! `denied:read` with `query`; they return the same.

use nomaflow_guest::{Error, sql::Connection};

#[derive(serde::Deserialize)]
struct Params {
    connector: String,
    #[serde(default)]
    statement: String,
}

#[derive(serde::Serialize)]
struct Outcome {
    code: Option<String>,
    message: Option<String>,
}

fn outcome_of<T>(result: Result<T, Error>) -> Result<Outcome, Error> {
    let (code, message) = result.err().map(|error| (error.code, error.message)).unzip();
    Ok(Outcome { code, message })
}

fn run(params: Params) -> Result<Outcome, Error> {
    outcome_of(Connection::open(&params.connector))
}

fn write(params: Params) -> Result<Outcome, Error> {
    let mut connection = Connection::open(&params.connector)?;
    outcome_of(connection.execute(&params.statement, &[]))
}

fn read(params: Params) -> Result<Outcome, Error> {
    let mut connection = Connection::open(&params.connector)?;
    outcome_of(connection.query(&params.statement, &[]).and_then(|rows| rows.collect::<Result<Vec<_>, _>>()))
}

nomaflow_guest::plugin! { "run" => run, "write" => write, "read" => read }
