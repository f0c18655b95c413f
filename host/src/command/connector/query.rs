//! `nomaflow connector query`: one question, its rows as they come. Interrupted, the statement ends on the server too.

use std::io::IsTerminal as _;

use host_model::value::{Binds, Row, Value};
use host_model::{CancelToken, StepErrorKind};
use host_steps::{Answer, Question, Rows};
use serde_json::json;

use super::rows::{Printer, counted};
use super::{Shelf, failure};
use crate::cli::{Format, Global, QueryArgs};
use crate::command::job::interrupted;
use crate::exit::{Exit, Failure, Outcome};
use crate::say;

/// Rows of a table when nobody says how many.
const TABLE_ROWS: u64 = 1_000;
/// Rows asked for at once.
const BATCH: usize = 500;

/// Asks, and prints the answer.
pub(super) async fn run(shelf: &Shelf, global: &Global, args: QueryArgs) -> Outcome {
    shelf.ensure_declared(&args.name)?;
    if shelf.set.directories.contains_key(args.name.as_str()) {
        let failure = Failure::new(Exit::Usage, format!("connector `{}` is a directory and takes no SQL", args.name));
        return Err(failure.hint("`nomaflow connector test` binds to it"));
    }
    let binds: Binds = args.params.iter().map(|text| bind(text)).collect::<Result<_, _>>()?;
    let format = match (global.json, args.format) {
        (true, _) => Format::Jsonl,
        (_, Some(format)) => format,
        (_, None) if std::io::stdout().is_terminal() => Format::Table,
        (_, None) => Format::Csv,
    };
    let cancel = CancelToken::new();
    let asking = ask(shelf, &args, &binds, format, &cancel);
    tokio::pin!(asking);
    tokio::select! {
        outcome = &mut asking => outcome,
        () = interrupted() => {
            cancel.cancel("interrupted");
            asking.await
        }
    }
}

async fn ask(shelf: &Shelf, args: &QueryArgs, binds: &Binds, format: Format, cancel: &CancelToken) -> Outcome {
    let question = Question { connector: &args.name, text: &args.query, binds, may_write: args.write };
    let answer = shelf.pools.ask(question, cancel).await.map_err(|error| {
        let failure = failure(&error);
        match error.kind {
            StepErrorKind::Denied if !args.write => failure.hint("let it write with --write"),
            _ => failure,
        }
    })?;
    match answer {
        Answer::Affected(rows) => {
            say(&match format {
                Format::Jsonl => json!({ "rows_affected": rows }).to_string(),
                Format::Table | Format::Csv => format!("{} affected", counted(rows)),
            })?;
        }
        Answer::Rows(rows) => {
            let limit = args.limit.unwrap_or(if format == Format::Table { TABLE_ROWS } else { u64::MAX });
            print(rows, Printer::new(format), limit, args.write).await?;
        }
    }
    Ok(Exit::Fine)
}

/// Prints up to `limit` rows and says when there are more. A statement that writes is read to its end all the same.
async fn print(mut rows: Rows, mut printer: Printer, limit: u64, may_write: bool) -> Result<(), Failure> {
    printer.begin(rows.columns())?;
    let (mut printed, mut is_cut) = (0, false);
    while !is_cut || may_write {
        let batch: Vec<Row> = rows.next_batch(BATCH).await.map_err(|error| failure(&error))?;
        if batch.is_empty() {
            break;
        }
        let room = usize::try_from(limit - printed).unwrap_or(usize::MAX);
        let shown = &batch[..batch.len().min(room)];
        is_cut |= shown.len() < batch.len();
        printed += shown.len() as u64;
        printer.rows(shown)?;
    }
    printer.end()?;
    if is_cut {
        eprintln!("note: there are more rows; --limit says how many are shown");
    }
    Ok(())
}

/// `key=value`. A number keeps every digit: what is no whole number is bound as the decimal it says.
fn bind(text: &str) -> Result<(String, Value), Failure> {
    let (key, json) = crate::command::job::pair(text)?;
    let written = text.split_once('=').map_or("", |(_, value)| value);
    let is_plain = written.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'-'));
    let value = match &json {
        number if number.is_number() && !number.is_i64() && is_plain => Value::Decimal(written.to_owned()),
        other => Value::from_json(other),
    };
    Ok((key.to_owned(), value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_is_what_it_looks_like_and_keeps_its_digits() {
        let value = |text| bind(text).unwrap().1;
        assert_eq!(value("x=7"), Value::Int(7));
        assert_eq!(value("x=12345678901234567890.10"), Value::Decimal("12345678901234567890.10".into()));
        assert_eq!(value("x=99999999999999999999"), Value::Decimal("99999999999999999999".into()));
        assert_eq!(value("x=1e3"), Value::Float(1000.0));
        assert_eq!(value("x=null"), Value::Null);
        assert_eq!(value("x=\"7\""), Value::Text("7".into()));
        assert_eq!(value("x=a=b"), Value::Text("a=b".into()));
        assert_eq!(value("x=2024-02-29"), Value::Text("2024-02-29".into()));
        assert_eq!(value("x="), Value::Text(String::new()));
        assert!(bind("novalue").is_err());
    }
}
