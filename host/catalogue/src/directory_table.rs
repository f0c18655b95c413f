//! Reads a connector of `type = "ldap"`: where the directory is, and the account searches are made with.

use std::path::{Path, PathBuf};

use host_model::ConnectorName;
use host_model::connector::{Directory, Hidden};
use host_model::diagnostic::Severity;
use host_model::job::SourcePlace;

use crate::address::{Env, fill};
use crate::finding::Findings;
use crate::reader::{Entry, Table};

/// Whether a connector says that it is an LDAP directory.
pub(crate) fn is_directory(table: &mut Table<'_, '_>) -> bool {
    table.take("type").is_some_and(|entry| entry.value.get_ref().as_str() == Some("ldap"))
}

/// Reads the keys of the connector `entry`.
pub(crate) fn read_directory(
    entry: Entry<'_, '_>,
    mut table: Table<'_, '_>,
    home: &Path,
    env: &Env<'_>,
    out: &mut Findings,
) -> Option<Directory> {
    let errors_before = out.count(Severity::Error);
    let name = ConnectorName::new(entry.key);
    if let Err(error) = &name {
        out.error("connector-name-invalid", entry.key_range(), error.to_string(), None);
    }
    let place = read_place(&mut table, home, env, out);
    table.finish(out);
    let (line, _) = out.file.place(entry.key_span.0);
    let source = SourcePlace { file: out.file.name.clone(), line };
    let has_errors = out.count(Severity::Error) > errors_before;
    let DirectoryPlace { url, start_tls, ca_file, bind_dn, password, base, .. } = place;
    let (name, url, base) = (name.ok()?, url?, base?);
    (!has_errors).then_some(Directory { name, url, start_tls, ca_file, bind_dn, password, base, source })
}

/// Where a directory is, and who searches.
pub(crate) struct DirectoryPlace {
    pub(crate) url: Option<String>,
    pub(crate) start_tls: bool,
    pub(crate) ca_file: Option<PathBuf>,
    pub(crate) bind_dn: Option<String>,
    pub(crate) password: Option<Hidden>,
    pub(crate) base: Option<String>,
    /// Something of it was wrong.
    pub(crate) has_errors: bool,
}

/// The keys that say it.
pub(crate) fn read_place(table: &mut Table<'_, '_>, home: &Path, env: &Env<'_>, out: &mut Findings) -> DirectoryPlace {
    let errors_before = out.count(Severity::Error);
    for key in ["url", "base"] {
        table.require(key);
    }
    let url = table.filled_text("url", out);
    let address = url.as_ref().and_then(|url| fill(url, env, out));
    let scheme = address.as_deref().and_then(|address| address.split_once("://"));
    let is_sound = scheme.is_some_and(|(scheme, rest)| {
        matches!(scheme, "ldap" | "ldaps") && !rest.is_empty() && !rest.contains(['/', '?', '@', ' '])
    });
    if let Some(url) = url.filter(|_| address.is_some() && !is_sound) {
        let hint = "write `ldaps://host` or `ldap://host:389`".to_owned();
        out.error("not-allowed", url.span, format!("`url` of {} is no address of a directory", table.what), Some(hint));
    }
    let base = table.filled_text("base", out).and_then(|text| fill(&text, env, out));
    let start_tls_at = table.take("start_tls").map(|entry| entry.key_range());
    let start_tls = table.boolean("start_tls", out).unwrap_or(false);
    if let Some(place) = start_tls_at.filter(|_| start_tls && scheme.is_some_and(|(scheme, _)| scheme == "ldaps")) {
        let message = format!("{} has `start_tls`, but `ldaps` is encrypted from the start", table.what);
        out.error("conflict", place, message, None);
    }
    let ca_file = table.filled_text("ca_file", out);
    if let Some(text) = ca_file.as_ref().filter(|_| !start_tls && scheme.is_some_and(|(scheme, _)| scheme == "ldap")) {
        let message = format!("{} has a `ca_file`, but its connection is not encrypted", table.what);
        let hint = Some("write `ldaps://` in `url`, or add `start_tls = true`".to_owned());
        out.error("conflict", text.span.clone(), message, hint);
    }
    let ca_file = ca_file.and_then(|text| fill(&text, env, out)).map(|path| home.join(path));
    let account = table.filled_text("bind_dn", out);
    let bind_dn = account.as_ref().and_then(|text| fill(text, env, out));
    let password = table.filled_text("password", out);
    match (&account, &password) {
        // An account without a password is no login: a server takes it for an anonymous one.
        (Some(text), None) => {
            let hint = Some("add `password`, or leave out `bind_dn` to search anonymously".to_owned());
            out.error("missing-field", text.span.clone(), format!("{} has no `password`", table.what), hint);
        }
        (None, Some(text)) => {
            let hint = Some("add the account as `bind_dn`".to_owned());
            out.error("missing-field", text.span.clone(), format!("{} has no `bind_dn`", table.what), hint);
        }
        _ => {}
    }
    let password = password.and_then(|text| fill(&text, env, out)).map(Hidden::new);
    let has_errors = out.count(Severity::Error) > errors_before;
    DirectoryPlace { url: address, start_tls, ca_file, bind_dn, password, base, has_errors }
}
