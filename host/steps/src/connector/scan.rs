//! Reads SQL text just well enough to find `:name` parameters and the `;` between statements, in one pass, for the
//! dialects we speak. It never changes a character of the statement itself.
//!
//! Left alone: quoted text and identifiers (with backslashes in MySQL), comments (nested in PostgreSQL, `#` in MySQL, where
//! `--` needs a blank behind it), dollar quotes, `::`, `:=`, array slices, and the `;` inside `create trigger … begin …
//! end` and `begin atomic … end`. What belongs to Oracle and SQL Server alone (`q'[…]'`, blocks, lines of `/` and `GO`)
//! is in `blocks`.

use host_model::connector::Dialect;

/// One statement with its parameters taken out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Statement {
    parts: Vec<Part>,
    names: Vec<String>,
    keyword: String,
    is_block: bool,
    writing: Option<String>,
    /// Where it begins in the source, in bytes.
    start: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Param(usize),
}

/// SQL that cannot be split.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the SQL text has no end for the `{opening}` in line {line}")]
pub(crate) struct ScanError {
    opening: String,
    line: usize,
}

impl Statement {
    /// The statement with `placeholder(n)` (n from 0, one number per distinct name) where parameters were.
    pub(crate) fn render(&self, mut placeholder: impl FnMut(usize) -> String) -> String {
        self.parts
            .iter()
            .map(|part| match part {
                Part::Text(text) => text.clone(),
                Part::Param(n) => placeholder(*n),
            })
            .collect()
    }

    /// Distinct parameter names, in order of appearance.
    pub(crate) fn names(&self) -> &[String] {
        &self.names
    }

    /// The first word in lower case; empty when the statement opens with a parenthesis.
    pub(crate) fn keyword(&self) -> &str {
        &self.keyword
    }

    /// Whether the statement can be expected to return rows without changing any; the database has the last word.
    pub(crate) fn is_reading(&self) -> bool {
        matches!(self.keyword(), "select" | "with" | "values" | "table" | "show" | "explain" | "describe" | "desc" | "")
    }

    /// Whether a statement that writes may return rows too.
    pub(crate) fn is_returning(&self) -> bool {
        let text = self.render(|_| String::new()).to_ascii_lowercase();
        text.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == "returning")
    }

    /// Whether it would begin or end a transaction behind the back of a session.
    pub(crate) fn is_transaction_control(&self) -> bool {
        match self.keyword() {
            // `begin … end` of PL/SQL and T-SQL.
            "begin" if self.is_block => false,
            "begin" | "start" | "commit" | "end" | "abort" => true,
            "rollback" => {
                let text = self.render(|_| String::new()).to_ascii_lowercase();
                !text.split_whitespace().any(|word| word == "to")
            }
            "prepare" => self.render(|_| String::new()).to_ascii_lowercase().contains("transaction"),
            _ => false,
        }
    }
}

/// Splits `source` into its statements; empty ones and lone comments are dropped.
///
/// # Errors
/// A quote or comment without an end.
pub(crate) fn split(source: &str, dialect: Dialect) -> Result<Vec<Statement>, ScanError> {
    Scanner { source, bytes: source.as_bytes(), dialect, at: 0, from: 0, statement: Draft::default() }.run()
}

#[derive(Default)]
struct Draft {
    parts: Vec<Part>,
    names: Vec<String>,
    keyword: Option<String>,
    /// Open `begin`/`case` blocks of a `create` statement: its `;` do not end it.
    depth: usize,
    has_code: bool,
    /// A block of PL/SQL or T-SQL: no `;` ends it.
    is_block: bool,
    /// Words so far.
    words: usize,
    /// The first word, wherever it stands, that only a statement that writes has.
    writing: Option<String>,
    start: usize,
}

struct Scanner<'a> {
    source: &'a str,
    bytes: &'a [u8],
    dialect: Dialect,
    at: usize,
    from: usize,
    statement: Draft,
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

impl Scanner<'_> {
    fn run(mut self) -> Result<Vec<Statement>, ScanError> {
        let postgres = self.dialect == Dialect::Postgres;
        let mysql = self.dialect == Dialect::MySql;
        let mut found = Vec::new();
        while let Some(&byte) = self.bytes.get(self.at) {
            match byte {
                b'\'' => self.quoted(b'\'', mysql)?,
                b'"' => self.quoted(b'"', mysql)?,
                b'`' if !postgres => self.quoted(b'`', false)?,
                b'[' if self.dialect == Dialect::SqlServer => self.quoted(b']', false)?,
                b'[' if self.dialect == Dialect::Sqlite => self.until("]", 1)?,
                b'/' if self.ends_block() => found.extend(self.finish()),
                b'-' if self.starts("--") && (!mysql || self.is_blank(self.at + 2)) => self.line_comment(),
                b'#' if mysql => self.line_comment(),
                // What MySQL runs, and others take for a comment, is code: it must not pass for an empty statement.
                b'/' if mysql && (self.starts("/*!") || self.starts("/*M!")) => {
                    self.statement.has_code = true;
                    self.statement.keyword.get_or_insert_with(|| "/*!".to_owned());
                    self.block_comment(false)?;
                }
                b'/' if self.starts("/*") => self.block_comment(postgres)?,
                b'$' if postgres => self.dollar()?,
                b':' => self.colon(),
                b';' if self.statement.depth == 0 && !self.statement.is_block => found.extend(self.finish()),
                b if is_word(b) && self.is_go() => {
                    found.extend(self.finish());
                    // Behind the `o` too.
                    self.at += 1;
                    self.begin();
                }
                b if is_word(b) => self.word()?,
                b => {
                    self.statement.has_code |= !b.is_ascii_whitespace();
                    // A statement that opens with a parenthesis is a SELECT without a word in front.
                    if b == b'(' && self.statement.keyword.is_none() {
                        self.statement.keyword = Some(String::new());
                    }
                    self.at += 1;
                }
            }
        }
        found.extend(self.finish());
        Ok(found)
    }

    fn starts(&self, what: &str) -> bool {
        self.bytes[self.at..].starts_with(what.as_bytes())
    }

    /// Whether a blank or the end of the text is at `at`.
    fn is_blank(&self, at: usize) -> bool {
        self.bytes.get(at).is_none_or(|b| b.is_ascii_whitespace() || b.is_ascii_control())
    }

    fn previous(&self) -> Option<u8> {
        self.at.checked_sub(1).map(|i| self.bytes[i])
    }

    fn unfinished(&self, opening: &str, at: usize) -> ScanError {
        let line = self.bytes[..at].iter().filter(|b| **b == b'\n').count() + 1;
        ScanError { opening: opening.to_owned(), line }
    }

    fn quoted(&mut self, quote: u8, backslashes: bool) -> Result<(), ScanError> {
        let start = self.at;
        self.statement.has_code = true;
        self.at += 1;
        while let Some(&byte) = self.bytes.get(self.at) {
            match byte {
                b'\\' if backslashes => self.at += 2,
                b if b == quote && self.bytes.get(self.at + 1) == Some(&quote) => self.at += 2,
                b if b == quote => {
                    self.at += 1;
                    return Ok(());
                }
                _ => self.at += 1,
            }
        }
        Err(self.unfinished(&char::from(quote).to_string(), start))
    }

    /// Skips to behind the next `end`, looking from `skip` bytes on.
    fn until(&mut self, end: &str, skip: usize) -> Result<(), ScanError> {
        self.statement.has_code = true;
        let opening = &self.source[self.at..self.at + skip];
        match self.source[self.at + skip..].find(end) {
            Some(found) => {
                self.at += skip + found + end.len();
                Ok(())
            }
            None => Err(self.unfinished(opening, self.at)),
        }
    }

    fn line_comment(&mut self) {
        while self.bytes.get(self.at).is_some_and(|b| *b != b'\n') {
            self.at += 1;
        }
    }

    fn block_comment(&mut self, nests: bool) -> Result<(), ScanError> {
        let start = self.at;
        let mut depth = 0_usize;
        while self.at < self.bytes.len() {
            if self.starts("/*") && (nests || depth == 0) {
                depth += 1;
                self.at += 2;
            } else if self.starts("*/") {
                depth -= 1;
                self.at += 2;
                if depth == 0 {
                    return Ok(());
                }
            } else {
                self.at += 1;
            }
        }
        Err(self.unfinished("/*", start))
    }

    /// `$tag$ … $tag$`; a `$1` or a lone `$` is just a character.
    fn dollar(&mut self) -> Result<(), ScanError> {
        self.statement.has_code = true;
        let tag_end = self.bytes[self.at + 1..].iter().position(|b| !is_word(*b)).map(|n| self.at + 1 + n);
        match tag_end {
            Some(end) if self.bytes[end] == b'$' && !self.bytes[self.at + 1].is_ascii_digit() => {
                let tag = self.source[self.at..=end].to_owned();
                self.until(&tag, tag.len())
            }
            _ => {
                self.at += 1;
                Ok(())
            }
        }
    }

    fn colon(&mut self) {
        self.statement.has_code = true;
        let next = self.bytes.get(self.at + 1).copied();
        if matches!(next, Some(b':' | b'=')) {
            self.at += 2;
            return;
        }
        let opens_name = next.is_some_and(|b| b.is_ascii_alphabetic() || b == b'_');
        // The bound of an array slice (`a[1:n]`) has a word or a bracket on its left.
        let is_slice = self.previous().is_some_and(|b| is_word(b) || b == b']');
        if !opens_name || is_slice {
            self.at += 1;
            return;
        }
        self.flush();
        let start = self.at + 1;
        self.at = start;
        while self.bytes.get(self.at).is_some_and(|b| is_word(*b)) {
            self.at += 1;
        }
        let name = &self.source[start..self.at];
        let names = &mut self.statement.names;
        let number = names.iter().position(|n| n == name).unwrap_or_else(|| {
            names.push(name.to_owned());
            names.len() - 1
        });
        self.statement.parts.push(Part::Param(number));
        self.from = self.at;
    }

    fn word(&mut self) -> Result<(), ScanError> {
        let start = self.at;
        while self.bytes.get(self.at).is_some_and(|b| is_word(*b) || *b == b'$') {
            self.at += 1;
        }
        let word = self.source[start..self.at].to_ascii_lowercase();
        self.statement.has_code = true;
        let keyword = self.statement.keyword.get_or_insert_with(|| word.clone());
        if keyword == "create" {
            match word.as_str() {
                "begin" => self.statement.depth += 1,
                "case" if self.statement.depth > 0 => self.statement.depth += 1,
                // `end if` closes what nobody counted.
                "end" if self.dialect == Dialect::MySql && self.ends_flow_control() => {}
                "end" => self.statement.depth = self.statement.depth.saturating_sub(1),
                _ => {}
            }
        }
        self.note_word(&word);
        if matches!(word.as_str(), "q" | "nq") && self.dialect == Dialect::Oracle && self.starts("'") {
            return self.alternative_quote();
        }
        if word == "e" && self.dialect == Dialect::Postgres && self.bytes.get(self.at) == Some(&b'\'') {
            return self.quoted(b'\'', true);
        }
        Ok(())
    }

    /// Behind `end`: the word that says which statement of a MySQL routine ends. Skips a `case`, which opens nothing here.
    fn ends_flow_control(&mut self) -> bool {
        let rest = &self.source[self.at..];
        let word = rest.trim_start();
        let length = word.bytes().take_while(|b| is_word(*b)).count();
        match word[..length].to_ascii_lowercase().as_str() {
            "if" | "while" | "loop" | "repeat" | "for" => true,
            "case" => {
                self.at += rest.len() - word.len() + length;
                false
            }
            _ => false,
        }
    }

    fn flush(&mut self) {
        let text = &self.source[self.from..self.at];
        if !text.is_empty() {
            self.statement.parts.push(Part::Text(text.to_owned()));
        }
        self.from = self.at;
    }

    fn finish(&mut self) -> Option<Statement> {
        self.flush();
        // Behind the `;`, if there is one.
        self.at = (self.at + 1).min(self.bytes.len());
        let mut draft = std::mem::take(&mut self.statement);
        self.begin();
        if !draft.has_code {
            return None;
        }
        if let Some(Part::Text(first)) = draft.parts.first_mut() {
            draft.start += first.len() - first.trim_start().len();
            *first = first.trim_start().to_owned();
        }
        if let Some(Part::Text(last)) = draft.parts.last_mut() {
            *last = last.trim_end().to_owned();
        }
        Some(Statement {
            parts: draft.parts,
            names: draft.names,
            keyword: draft.keyword.unwrap_or_default(),
            is_block: draft.is_block,
            writing: draft.writing,
            start: draft.start,
        })
    }

    /// The next statement begins here.
    fn begin(&mut self) {
        self.from = self.at;
        self.statement.start = self.at;
    }
}

mod blocks;
mod place;

#[cfg(test)]
#[path = "scan_tests.rs"]
mod tests;
