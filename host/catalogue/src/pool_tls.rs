//! Reads `tls` and `ca_file` of a pool and holds them against what its `url` says: the keys count, and where the URL says
//! something else, or a file of authorities would never be looked at, there is a warning. A file that cannot be used is
//! an error here and not at three in the morning.

use std::path::{Path, PathBuf};

use host_model::connector::{Dialect, PoolAddress, PoolTls, TlsMode};

use crate::address::{Env, fill};
use crate::finding::{Findings, list_words};
use crate::reader::{Table, Text, text_of};

/// The first line of what a PEM file of authorities holds.
const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----";

/// `tls` and `ca_file`, which only a server has.
pub(crate) fn read_tls(
    table: &mut Table<'_, '_>,
    address: Option<&PoolAddress>,
    home: &Path,
    env: &Env<'_>,
    out: &mut Findings,
) -> PoolTls {
    if let Some(PoolAddress::Sqlite { .. }) = address {
        for key in ["tls", "ca_file", "statement_timeout_seconds"] {
            if let Some(place) = table.take(key).map(|entry| entry.key_range()) {
                let message = format!("{} has `{key}`, but a SQLite file has no server", table.what);
                out.error("conflict", place, message, None);
            }
        }
    }
    let words: Vec<&str> = TlsMode::ALL.iter().map(|mode| mode.as_str()).collect();
    let mode = table.word("tls", &words, TlsMode::parse, out);
    let ca_text = table.filled_text("ca_file", out);
    let ca_file = ca_text.as_ref().and_then(|text| read_ca_file(text, home, env, out));
    if address.is_some_and(|address| address.dialect() == Dialect::Postgres) {
        check_against_url(table, address, mode.as_ref(), ca_text.as_ref(), out);
    }
    PoolTls { mode: mode.map(|(mode, _)| mode), ca_file }
}

/// The file, when there is at least one certificate in it.
fn read_ca_file(text: &Text, home: &Path, env: &Env<'_>, out: &mut Findings) -> Option<PathBuf> {
    let path = home.join(fill(text, env, out)?);
    let wrong = match std::fs::read_to_string(&path) {
        Ok(content) if content.contains(CERTIFICATE) => return Some(path),
        Ok(_) => "holds no certificate in PEM form".to_owned(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => "does not exist".to_owned(),
        Err(error) => format!("cannot be read: {error}"),
    };
    let hint = "a relative path begins at the home directory; the file holds the authority that signed the server's \
                certificate";
    out.error("ca-file", text.span.clone(), format!("`{}` {wrong}", text.value), Some(hint.to_owned()));
    None
}

/// What `url` says about encryption: `?sslmode=…` and `?sslrootcert=…`.
fn check_against_url(
    table: &mut Table<'_, '_>,
    address: Option<&PoolAddress>,
    mode: Option<&(TlsMode, Text)>,
    ca_file: Option<&Text>,
    out: &mut Findings,
) {
    let (Some(PoolAddress::Postgres { url, .. }), Some(raw)) = (address, table.take("url")) else { return };
    let Some(raw) = text_of(raw.value) else { return };
    let query = url.reveal().split_once('?').map_or("", |(_, query)| query);
    let option = |names: [&str; 2]| {
        let found = query.split('&').filter_map(|pair| pair.split_once('=')).rfind(|(key, _)| names.contains(key))?;
        // The option may have come from the environment; then the whole text is its place.
        let inner = raw.value.find(&format!("{}={}", found.0, found.1));
        let place = inner.map(|at| at..at + found.0.len() + 1 + found.1.len());
        let place = place.map_or_else(|| raw.span.clone(), |at| out.file.inside_string(&raw.span, &raw.value, at));
        Some((found.0, found.1.to_ascii_lowercase(), place))
    };
    let (said, root) = (option(["sslmode", "ssl-mode"]), option(["sslrootcert", "ssl-root-cert"]));
    if let Some((key, word, place)) = &said {
        let known: Vec<&str> = TlsMode::ALL.iter().map(|mode| mode.as_str()).chain(["allow"]).collect();
        if !known.contains(&word.as_str()) {
            let message = format!("`url` of {} says `{key}={word}`; allowed are", table.what);
            let list = list_words(known).unwrap_or_default();
            out.error("not-allowed", place.clone(), format!("{message} {list}"), None);
        } else if let Some((mode, _)) = mode.filter(|(mode, _)| mode.as_str() != word) {
            let message =
                format!("{} has `tls = \"{}\"`, but its `url` says `{key}={word}`", table.what, mode.as_str());
            let hint = format!("`tls` counts; leave `{key}` out of the `url`");
            out.warning("conflict", place.clone(), message, Some(hint));
        }
    }
    if let (Some((key, _, place)), Some(_)) = (&root, ca_file) {
        let message = format!("{} has a `ca_file`, but its `url` names another with `{key}`", table.what);
        out.warning(
            "conflict",
            place.clone(),
            message,
            Some(format!("`ca_file` counts; leave `{key}` out of the `url`")),
        );
    }
    let verifies = |word: &str| word.starts_with("verify-");
    let in_force = mode.map(|(mode, _)| mode.as_str()).or(said.as_ref().map(|(_, word, _)| word.as_str()));
    if let Some(text) = ca_file.filter(|_| !in_force.is_some_and(verifies)) {
        let message = format!("`ca_file` of {} has no effect: nobody asks for the server's certificate", table.what);
        let hint = "set `tls = \"verify-full\"`, or `\"verify-ca\"` where the host goes by another name";
        out.warning("conflict", text.span.clone(), message, Some(hint.to_owned()));
    }
}
