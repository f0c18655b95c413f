//! What is wrong with a connector that is not saved yet: found by the catalogue's own code, so that every word is that of
//! `nomaflow check`, and each finding at its place in what was submitted.

use host_api::CatalogueSource as _;
use host_api::connector_desk::ConnectorError;
use host_api::desk::Finding;
use host_catalogue::edit::EditError;
use host_catalogue::edit::connectors::{CONNECTORS_FILE, ConnectorsText};
use host_catalogue::{Catalogue, Proposal};
use host_model::diagnostic::Severity;

use super::check::allowed;
use super::connectors::Connectors;

/// A mistake that no line of the file is to blame for.
pub(super) fn mistake(pointer: &str, code: &str, message: impl Into<String>, hint: Option<&str>) -> ConnectorError {
    ConnectorError::Invalid(vec![Finding {
        pointer: pointer.to_owned(),
        line: 0,
        column: 0,
        length: 0,
        severity: Severity::Error,
        code: code.to_owned(),
        message: message.into(),
        found: None,
        allowed: Vec::new(),
        hint: hint.map(str::to_owned),
    }])
}

/// A value that cannot stand in the file, at its place below `below`.
pub(super) fn content(error: EditError, below: &str) -> ConnectorError {
    match error {
        EditError::Content { pointer, why } => mistake(&format!("{below}{pointer}"), "syntax", why, None),
        other => other.into(),
    }
}

/// A place in the file as a place in what was submitted; `None` when it is about something else.
fn own_pointer(at: &str, name: &str, pool: Option<&str>) -> Option<String> {
    let below = |prefix: String| {
        let rest = at.strip_prefix(&prefix)?;
        (rest.is_empty() || rest.starts_with('/')).then(|| rest.to_owned())
    };
    let escaped = |name: &str| name.replace('~', "~0").replace('/', "~1");
    let rest = below(format!("/connectors/{}", escaped(name))).map(|rest| format!("/connector{rest}"));
    let rest = rest.or_else(|| Some(format!("/pool{}", below(format!("/pools/{}", escaped(pool?)))?)))?;
    Some(if rest.ends_with("/password") { "/secrets/password".to_owned() } else { rest })
}

impl Connectors {
    /// Reads the catalogue as it would be, and refuses what is wrong then and was not before; warnings come back.
    pub(super) async fn examine(
        &self,
        text: &ConnectorsText,
        name: &str,
    ) -> Result<(Catalogue, Vec<Finding>), ConnectorError> {
        let proposal = Proposal { connectors: Some(text.text().to_owned()), ..Proposal::default() };
        let found = self.desk.propose(proposal).await?;
        let before = self.desk.keeper.current();
        let pool = text.pool_of(name);
        let mut findings = Vec::new();
        for diagnostic in found.diagnostics.iter().filter(|found| found.file == CONNECTORS_FILE) {
            let was_there = before.diagnostics.iter().any(|old| {
                old.file == CONNECTORS_FILE && old.code == diagnostic.code && old.message == diagnostic.message
            });
            for at in text.places_of(diagnostic) {
                let Some(pointer) = own_pointer(&at.pointer, name, pool.as_deref()).or((!was_there).then(String::new))
                else {
                    continue;
                };
                findings.push(Finding {
                    pointer,
                    line: diagnostic.line,
                    column: diagnostic.column,
                    length: at.length,
                    severity: diagnostic.severity,
                    code: diagnostic.code.to_owned(),
                    message: diagnostic.message.clone(),
                    found: None,
                    allowed: allowed(&diagnostic.message).unwrap_or_default(),
                    hint: diagnostic.hint.clone(),
                });
            }
        }
        for broken in found.invalid.iter().filter(|broken| before.jobs.contains_key(broken.id.as_str())) {
            let why = broken.diagnostics.iter().find(|found| found.severity == Severity::Error);
            let why = why.map(|found| found.message.clone()).unwrap_or_default();
            let message = format!("job `{}` would not be valid any more: {why}", broken.id);
            if let ConnectorError::Invalid(mut more) = mistake("", "job-breaks", message, None) {
                findings.append(&mut more);
            }
        }
        if findings.iter().any(|found| found.severity == Severity::Error) {
            return Err(ConnectorError::Invalid(findings));
        }
        Ok((found, findings))
    }
}
