//! `${…}` templates: grammar, the tokens that exist, and their resolution against a [`Scope`] (product §4).
//!
//! A string that is exactly one token keeps the value's type; tokens inside longer text are rendered as text.
//! `$${` writes a literal `${`. Resolution happens twice per attempt: [`Reveal::All`] for the runner, and
//! [`Reveal::Masked`] for the recorded input, where `env` and `secret` tokens stay as written, so that no secret
//! reaches history.

mod scope;
mod spec;
#[cfg(test)]
mod tests;

pub use scope::{Scope, StepResult};
pub use spec::{for_each_string, resolve_spec};

use crate::diagnostic::nearest;

/// One `${…}` as parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Token {
    /// `${params.k}`; the path continues into lists and objects.
    Param(Vec<String>),
    /// `${steps.<name>.<field>}`.
    Step(String, Vec<String>),
    /// `${previous_step.<field>}`.
    PreviousStep(Vec<String>),
    /// `${run.id}`.
    RunId,
    /// `${run.scheduled_at}`: the slot, or the moment of the trigger for a run without one.
    RunScheduledAt,
    /// `${job.id}`.
    JobId,
    /// `${env.NAME}`.
    Env(String),
    /// `${secret.NAME}`.
    Secret(String),
    /// `${NAME}` or `${NAME:-default}`: an environment variable.
    EnvOr(String, Option<String>),
    /// A date word such as `${month.previous}`.
    Date(DateWord),
}

/// The date words, counted from the slot in the schedule's time zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DateWord {
    /// The slot's day.
    Today,
    /// The day before.
    Yesterday,
    /// Monday of the slot's week.
    WeekMonday,
    /// Sunday of the slot's week.
    WeekSunday,
    /// First day of the slot's month.
    MonthFirst,
    /// Last day of the slot's month.
    MonthLast,
    /// The slot's month, `YYYY-MM`.
    MonthCurrent,
    /// The month before, `YYYY-MM`.
    MonthPrevious,
}

const DATE_WORDS: [(&str, DateWord); 8] = [
    ("today", DateWord::Today),
    ("yesterday", DateWord::Yesterday),
    ("week.monday", DateWord::WeekMonday),
    ("week.sunday", DateWord::WeekSunday),
    ("month.first", DateWord::MonthFirst),
    ("month.last", DateWord::MonthLast),
    ("month.current", DateWord::MonthCurrent),
    ("month.previous", DateWord::MonthPrevious),
];

const FIXED_WORDS: [&str; 3] = ["run.id", "run.scheduled_at", "job.id"];

/// A piece of a string: plain text or a token, with its byte range in the string.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// Text as it is.
    Text(String),
    /// A token at `start..end` of the source text.
    Token {
        /// What it asks for.
        token: Token,
        /// First byte of `${`.
        start: usize,
        /// Byte after `}`.
        end: usize,
    },
}

/// A template that cannot be parsed or resolved.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct TemplateError {
    /// What is wrong, naming the token.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// Byte range in the string that held it.
    pub start: usize,
    /// End of the range.
    pub end: usize,
}

/// How much of the surroundings a resolution may show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reveal {
    /// Everything: for the runner.
    All,
    /// `env` and `secret` tokens stay as written: for history.
    Masked,
}

/// Splits `text` into text and tokens.
///
/// # Errors
/// [`TemplateError`] for an unknown or unclosed token.
pub fn parse(text: &str) -> Result<Vec<Part>, TemplateError> {
    let mut parts = Vec::new();
    let mut plain = String::new();
    let mut rest = 0;
    while let Some(found) = text[rest..].find("${") {
        let start = rest + found;
        if text[..start].ends_with('$') {
            plain.push_str(&text[rest..start - 1]);
            plain.push_str("${");
            rest = start + 2;
            continue;
        }
        let Some(length) = text[start..].find('}') else {
            return Err(TemplateError {
                message: format!("`{}` is not closed", &text[start..]),
                hint: Some("write `}` after the token, or `$${` for a literal `${`".into()),
                start,
                end: text.len(),
            });
        };
        let end = start + length + 1;
        plain.push_str(&text[rest..start]);
        if !plain.is_empty() {
            parts.push(Part::Text(std::mem::take(&mut plain)));
        }
        let token = parse_token(&text[start + 2..end - 1]).map_err(|(message, hint)| TemplateError {
            message,
            hint,
            start,
            end,
        })?;
        parts.push(Part::Token { token, start, end });
        rest = end;
    }
    plain.push_str(&text[rest..]);
    if !plain.is_empty() || parts.is_empty() {
        parts.push(Part::Text(plain));
    }
    Ok(parts)
}

fn is_env_name(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn parse_token(body: &str) -> Result<Token, (String, Option<String>)> {
    let unknown = |hint: Option<String>| Err((format!("unknown template token `${{{body}}}`"), hint));
    if let Some((name, default)) = body.split_once(":-") {
        return if is_env_name(name) {
            Ok(Token::EnvOr(name.to_owned(), Some(default.to_owned())))
        } else {
            unknown(Some("a default follows the name of an environment variable: `${NAME:-default}`".into()))
        };
    }
    if let Some((_, word)) = DATE_WORDS.iter().find(|(name, _)| *name == body) {
        return Ok(Token::Date(*word));
    }
    match body {
        "run.id" => return Ok(Token::RunId),
        "run.scheduled_at" => return Ok(Token::RunScheduledAt),
        "job.id" => return Ok(Token::JobId),
        _ => {}
    }
    let mut segments = body.split('.').map(str::to_owned);
    let head = segments.next().unwrap_or_default();
    let path: Vec<String> = segments.collect();
    if path.iter().any(String::is_empty) {
        return unknown(Some("there is an empty part between two dots".into()));
    }
    match (head.as_str(), path.as_slice()) {
        ("params", [_, ..]) => Ok(Token::Param(path)),
        ("steps", [name, _, ..]) => Ok(Token::Step(name.clone(), path[1..].to_vec())),
        ("previous_step", [_, ..]) => Ok(Token::PreviousStep(path)),
        ("env", [name]) if is_env_name(name) => Ok(Token::Env(name.clone())),
        ("secret", [name]) => Ok(Token::Secret(name.clone())),
        ("params" | "previous_step", []) => unknown(Some(format!("say which one: `${{{head}.<name>}}`"))),
        ("steps", _) => unknown(Some("say which field: `${steps.<step>.<field>}`".into())),
        (_, []) if is_env_name(&head) && head.chars().any(|c| c.is_ascii_uppercase()) => Ok(Token::EnvOr(head, None)),
        _ => {
            let known = DATE_WORDS.iter().map(|(name, _)| *name).chain(FIXED_WORDS);
            let near = nearest(body, known).map(|n| format!("did you mean `${{{n}}}`?"));
            unknown(near.or_else(|| {
                Some("known are params.*, steps.*.*, previous_step.*, run.id, run.scheduled_at, job.id, env.*, secret.*, date words and NAME:-default".into())
            }))
        }
    }
}
