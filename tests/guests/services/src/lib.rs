//! Asks for everything a plugin may be granted, and returns what came of it: `{"ok": …}` or `{"code", "message"}`.
//! See the README for the params of each callable.

use std::time::Duration;

use nomaflow_guest::{Error, context, http, ldap, log, secrets, state};
use serde_json::{Value, json};

fn answer(result: Result<Value, Error>) -> Result<Value, Error> {
    Ok(match result {
        Ok(value) => json!({"ok": value}),
        Err(error) => json!({"code": error.code, "message": error.message, "retryable": error.is_retryable}),
    })
}

#[derive(serde::Deserialize)]
struct Request {
    url: String,
    #[serde(default = "get")]
    method: String,
    #[serde(default)]
    headers: Vec<(String, String)>,
    body: Option<String>,
    #[serde(default = "ten")]
    redirects: u32,
    timeout_ms: Option<u64>,
}

fn get() -> String {
    "GET".to_owned()
}

fn ten() -> u32 {
    10
}

fn send(params: Request) -> Result<Value, Error> {
    log::info!("sending");
    let mut request = http::Request::new(&params.method, &params.url).redirects(params.redirects);
    for (name, value) in &params.headers {
        request = request.header(name, value);
    }
    if let Some(body) = params.body {
        request = request.body(body);
    }
    if let Some(ms) = params.timeout_ms {
        request = request.timeout(Duration::from_millis(ms));
    }
    answer(request.send().map(|response| {
        let body = String::from_utf8_lossy(&response.body);
        let shown: String = body.chars().take(1000).collect();
        json!({"status": response.status, "url": response.url, "headers": response.headers, "bytes": body.len(), "body": shown})
    }))
}

#[derive(serde::Deserialize)]
struct Search {
    connector: String,
    filter: String,
    base: Option<String>,
    #[serde(default)]
    attributes: Vec<String>,
    #[serde(default)]
    page_size: u32,
}

fn search(params: Search) -> Result<Value, Error> {
    let attributes: Vec<&str> = params.attributes.iter().map(String::as_str).collect();
    let mut query = ldap::Query::new(&params.filter).attributes(&attributes).page_size(params.page_size);
    if let Some(base) = &params.base {
        query = query.base(base);
    }
    let found = query.search(&params.connector).and_then(|entries| entries.collect::<Result<Vec<_>, _>>());
    answer(found.map(|entries| {
        let entry = |entry: &ldap::Entry| json!({"dn": entry.dn, "texts": entry.texts, "bytes": entry.bytes});
        entries.iter().map(entry).collect()
    }))
}

#[derive(serde::Deserialize)]
struct Secret {
    name: String,
    /// Gives the secret itself away: `return` or `fail`.
    #[serde(default)]
    then: String,
}

fn secret(params: Secret) -> Result<Value, Error> {
    let secret = secrets::get(&params.name);
    if let Ok(secret) = &secret {
        log::info!("the secret is {secret}!");
        println!("printed: {secret}");
        match params.then.as_str() {
            "return" => return Ok(json!({"given": {"list": [secret]}, secret: 1})),
            "fail" => return Err(Error::invalid(format!("it was {secret}")).with_detail(secret.clone())),
            _ => {}
        }
    }
    answer(secret.map(|secret| json!(secret.len())))
}

#[derive(serde::Deserialize)]
struct Operations {
    operations: Vec<Vec<Option<String>>>,
}

fn remember(params: Operations) -> Result<Value, Error> {
    let mut results = Vec::new();
    for operation in params.operations {
        let at = |index: usize| operation.get(index).cloned().flatten();
        let text = |index: usize| at(index).unwrap_or_default();
        let result = match text(0).as_str() {
            "get" => state::get(&text(1)).map(|value| json!(value)),
            "set" => state::set(&text(1), &text(2)).map(|()| json!(null)),
            "set-large" => state::set(&text(1), &"x".repeat(70_000)).map(|()| json!(null)),
            "compare" => state::compare_and_set(&text(1), at(2).as_deref(), &text(3)).map(|is_set| json!(is_set)),
            "delete" => state::delete(&text(1)).map(|was_there| json!(was_there)),
            _ => state::scan(&text(1)).map(|found| found.into_iter().map(|e| json!([e.key, e.value])).collect()),
        };
        results.push(answer(result)?);
    }
    Ok(json!(results))
}

#[derive(serde::Deserialize)]
struct Variables {
    names: Vec<String>,
}

fn variables(params: Variables) -> Result<Value, Error> {
    let all: Vec<String> = std::env::vars().map(|(name, _)| name).collect();
    let values: Vec<Option<String>> = params.names.iter().map(|name| std::env::var(name).ok()).collect();
    Ok(json!({"all": all, "values": values, "param": context::parameter::<Value>("names")?}))
}

#[derive(serde::Deserialize)]
struct File {
    path: String,
    text: Option<String>,
}

fn file(params: File) -> Result<Value, Error> {
    let done = match params.text {
        Some(text) => std::fs::write(&params.path, text).map(|()| json!(null)),
        None => std::fs::read_to_string(&params.path).map(|text| json!(text)),
    };
    answer(done.map_err(|error| Error::new("io", error.to_string())))
}

nomaflow_guest::plugin! {
    "http" => send,
    "ldap" => search,
    "secret" => secret,
    "state" => remember,
    "env" => variables,
    "file" => file,
}
