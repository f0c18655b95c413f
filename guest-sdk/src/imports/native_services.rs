//! The imports of a native build besides SQL: HTTP, LDAP, secrets and state, answered by the stand-ins of
//! `testing::Host` with the errors of `wit/step`.

use std::cell::RefCell;
use std::collections::BTreeMap;

use crate::bindings::nomaflow::step::{http, ldap, state, types};
use crate::testing::{Services, with_host};
use crate::{Error, http::Response};

type Wire<T> = Result<T, types::Error>;

/// Asks the stand-ins, unless the run is canceled; none of them is `denied`.
fn ask<T>(what: &str, answer: impl FnOnce(&Services) -> Option<T>) -> Wire<T> {
    super::check_canceled()?;
    let granted = with_host(|host| answer(host.services())).flatten();
    granted.ok_or_else(|| Error::new("denied", format!("{what} is not granted: the test installed none")).into())
}

pub(crate) fn context_parameter(name: &str) -> Option<String> {
    with_host(|host| host.services().params.get(name).cloned()).flatten()
}

pub(crate) fn http_send(request: &http::Request) -> Wire<http::Response> {
    let body = request.body.as_deref().unwrap_or_default();
    let method = request.method.to_ascii_uppercase();
    let answer = |services: &Services| services.server.as_ref().map(|server| server(&method, &request.url, body));
    let Response { status, url, headers, body } = ask("HTTP", answer)?;
    let url = if url.is_empty() { request.url.clone() } else { url };
    Ok(http::Response { status, url, headers, body })
}

pub(crate) struct Search {
    entries: RefCell<std::vec::IntoIter<ldap::Entry>>,
    page_size: usize,
}

impl Search {
    pub(crate) fn begin(connector: &str, query: &ldap::Query) -> Wire<Self> {
        let found = ask(&format!("the LDAP connector `{connector}`"), |s| s.directories.get(connector).cloned())?;
        let entries: Vec<ldap::Entry> = found.into_iter().map(Into::into).collect();
        let page_size = if query.page_size == 0 { 500 } else { query.page_size as usize };
        Ok(Self { entries: RefCell::new(entries.into_iter()), page_size })
    }

    pub(crate) fn next_page(&self) -> Wire<Vec<ldap::Entry>> {
        super::check_canceled()?;
        Ok(self.entries.borrow_mut().by_ref().take(self.page_size).collect())
    }
}

pub(crate) fn secrets_get(name: &str) -> Wire<String> {
    ask(&format!("the secret `{name}`"), |services| services.secrets.get(name).cloned())
}

fn with_state<T>(act: impl FnOnce(&mut BTreeMap<String, String>) -> T) -> Wire<T> {
    ask("durable state", |services| services.state.as_ref().map(|state| act(&mut state.borrow_mut())))
}

fn check_key(key: &str) -> Wire<()> {
    if key.is_empty() || key.len() > 200 || key.chars().any(char::is_control) {
        return Err(Error::invalid("a key has 1 to 200 bytes and no control character").into());
    }
    Ok(())
}

pub(crate) fn state_get(key: &str) -> Wire<Option<String>> {
    check_key(key)?;
    with_state(|state| state.get(key).cloned())
}

pub(crate) fn state_set(key: &str, value: &str) -> Wire<()> {
    check_key(key)?;
    with_state(|state| drop(state.insert(key.to_owned(), value.to_owned())))
}

pub(crate) fn state_compare_and_set(key: &str, expected: Option<&str>, value: &str) -> Wire<bool> {
    check_key(key)?;
    with_state(|state| {
        let is_met = state.get(key).map(String::as_str) == expected;
        if is_met {
            state.insert(key.to_owned(), value.to_owned());
        }
        is_met
    })
}

pub(crate) fn state_delete(key: &str) -> Wire<bool> {
    check_key(key)?;
    with_state(|state| state.remove(key).is_some())
}

pub(crate) fn state_scan(prefix: &str, after: Option<&str>, max: u32) -> Wire<Vec<state::Entry>> {
    let max = if max == 0 { 1000 } else { max.min(1000) as usize };
    let entry = |(key, value): (&String, &String)| state::Entry {
        key: key.clone(),
        value: value.clone(),
        updated_at: "1970-01-01T00:00:00.000Z".to_owned(),
    };
    with_state(|state| {
        let after_it = |key: &&String| key.starts_with(prefix) && after.is_none_or(|after| key.as_str() > after);
        state.iter().filter(|(key, _)| after_it(key)).take(max).map(entry).collect()
    })
}
