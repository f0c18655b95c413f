//! `fail:run` returns the error its params describe.

use nomaflow_guest::Error;

#[derive(serde::Deserialize)]
struct Params {
    code: String,
    message: String,
    #[serde(default)]
    retryable: bool,
    #[serde(default)]
    detail: Option<String>,
}

fn run(params: Params) -> Result<(), Error> {
    let Params { code, message, retryable, detail } = params;
    Err(Error { code, message, is_retryable: retryable, detail })
}

nomaflow_guest::plugin! { "run" => run }
