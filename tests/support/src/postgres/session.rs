//! A connection that stays open, for tests that look at a database many times a second: starting `psql` for each look would
//! take the processor from the program under test.

use std::io::{BufRead, BufReader, Write as _};
use std::process::{ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context, bail};

use crate::process::OwnedProcess;

/// Ends each answer.
const MARK: &str = "\u{1}end";

/// A `psql` that waits for the next statement.
#[derive(Debug)]
pub struct Session {
    // The pipes go first: `psql` ends with its input.
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    _process: OwnedProcess,
}

impl Session {
    pub(super) fn open(mut psql: Command) -> anyhow::Result<Self> {
        psql.args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--file=-"]);
        psql.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = OwnedProcess::start(&mut psql, libc::SIGTERM, libc::SIGKILL)?;
        let input = process.child().stdin.take();
        let output = process.child().stdout.take().context("psql has no output")?;
        Ok(Self { input, output: BufReader::new(output), _process: process })
    }

    /// Runs one statement; its rows, each a list of cells as PostgreSQL prints them. No cell may hold a `|` or a line break.
    ///
    /// # Errors
    /// With the server's message; when the connection is gone, too.
    pub fn rows(&mut self, sql: &str) -> anyhow::Result<Vec<Vec<String>>> {
        let input = self.input.as_mut().context("psql has no input")?;
        let sql = sql.trim().trim_end_matches(';');
        write!(input, "{sql}\n;\n\\echo {MARK} :ERROR :LAST_ERROR_MESSAGE\n").context("writing to psql")?;
        let mut rows = Vec::new();
        loop {
            let mut line = String::new();
            if self.output.read_line(&mut line).context("reading from psql")? == 0 {
                bail!("psql has ended: the server does not answer");
            }
            let line = line.trim_end_matches('\n');
            match line.strip_prefix(MARK) {
                Some(end) if end.starts_with(" false") => return Ok(rows),
                Some(end) => bail!("psql: {}: {sql}", end.trim_start_matches(" true").trim()),
                None => rows.push(line.split('|').map(str::to_owned).collect()),
            }
        }
    }

    /// The first cell of the first row; empty when there is none.
    ///
    /// # Errors
    /// As [`Session::rows`].
    pub fn value(&mut self, sql: &str) -> anyhow::Result<String> {
        Ok(self.rows(sql)?.into_iter().next().and_then(|row| row.into_iter().next()).unwrap_or_default())
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        drop(self.input.take());
    }
}
