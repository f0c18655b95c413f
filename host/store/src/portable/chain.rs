//! Follows the audit trail in the rows of a copy, without a database.

use host_model::audit::{AuditDraft, AuditOutcome};
use host_model::{Instant, Json};

/// Goes along the chain row by row, in the order of `seq`.
#[derive(Debug, Default)]
pub struct ChainCheck {
    /// Place and hash of the entry before the first.
    head: Option<(u64, String)>,
    last: Option<(u64, String)>,
    entries: u64,
    broken_at: Option<u64>,
}

impl ChainCheck {
    /// The row of `ly2_audit_head`.
    pub fn head(&mut self, columns: &[String], line: &str) {
        let row = Row::read(columns, line);
        self.head = row.and_then(|row| Some((row.number("seq")?, row.text("hash")?.to_owned())));
    }

    /// A row of `ly2_audit`.
    pub fn entry(&mut self, columns: &[String], line: &str) {
        if self.broken_at.is_some() {
            return;
        }
        let before = self.last.take().or_else(|| self.head.clone());
        match Row::read(columns, line).and_then(|row| row.follows(before.as_ref())) {
            Some(next) => {
                self.entries += 1;
                self.last = Some(next);
            }
            None => self.broken_at = Some(before.map_or(0, |(seq, _)| seq) + 1),
        }
    }

    /// Entries that follow each other, and the place of the first that does not.
    pub fn verdict(&self) -> (u64, Option<u64>) {
        (self.entries, self.broken_at)
    }
}

struct Row<'c> {
    columns: &'c [String],
    values: Vec<Json>,
}

impl<'c> Row<'c> {
    fn read(columns: &'c [String], line: &str) -> Option<Self> {
        Some(Self { columns, values: serde_json::from_str(line).ok()? })
    }

    fn value(&self, name: &str) -> Option<&Json> {
        let at = self.columns.iter().position(|column| column == name)?;
        self.values.get(at)
    }

    fn number(&self, name: &str) -> Option<u64> {
        self.value(name)?.as_u64()
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.value(name)?.as_str()
    }

    /// Its place and hash, when it follows the entry before.
    fn follows(&self, before: Option<&(u64, String)>) -> Option<(u64, String)> {
        let (seq, at, detail) = (self.number("seq")?, self.text("at")?, self.text("detail")?);
        let draft = AuditDraft {
            at: at.parse::<Instant>().ok()?,
            user: self.text("username")?.to_owned(),
            source: self.text("source")?.to_owned(),
            address: self.text("address")?.to_owned(),
            action: self.text("action")?.to_owned(),
            object: self.text("object")?.to_owned(),
            outcome: AuditOutcome::parse(self.text("outcome")?)?,
            detail: Default::default(),
            closes: self.number("closes"),
        };
        let (previous, hash) = (self.text("previous")?, self.text("hash")?);
        let is_next = before.is_some_and(|(last, end)| seq == last + 1 && previous == end);
        let is_sound = crate::audit::hash_of(&draft, seq, previous, at, detail) == hash;
        (is_next && is_sound).then(|| (seq, hash.to_owned()))
    }
}
