//! Reads the text of a condition: words first, then a descent with one function for each strength of binding. From loose
//! to tight: `or`, `and`, `not`, then a comparison, of which there is at most one between two of those.

use std::ops::Range;

use super::{Kind, Node, Operator};
use crate::Json;
use crate::diagnostic::nearest;
use crate::template::{self, TemplateError};

/// How deep parentheses and lists may lie inside each other.
const DEEPEST: u32 = 32;
/// Longest text, in bytes.
const LONGEST: usize = 4096;
const WORDS: [&str; 9] = ["and", "or", "not", "in", "is", "empty", "true", "false", "null"];
const SIGNS: [&str; 11] = ["==", "!=", "<=", ">=", "<", ">", "(", ")", "[", "]", ","];
/// What people write who think in another language.
const FOREIGN: [(&str, &str); 9] = [
    ("&&", "and"),
    ("||", "or"),
    ("===", "=="),
    ("!==", "!="),
    ("<>", "!="),
    ("=~", "in"),
    ("=", "=="),
    ("!", "not"),
    ("&", "and"),
];

#[derive(Debug, Clone, PartialEq)]
enum Lexeme {
    Word(&'static str),
    Sign(&'static str),
    Value(Kind),
}

type Placed = (Lexeme, Range<usize>);

fn error(place: Range<usize>, message: impl Into<String>, hint: Option<&str>) -> TemplateError {
    TemplateError { message: message.into(), hint: hint.map(str::to_owned), start: place.start, end: place.end }
}

pub(super) fn read(text: &str) -> Result<Node, TemplateError> {
    if text.len() > LONGEST {
        let message = format!("the condition has {} bytes; allowed are {LONGEST}", text.len());
        return Err(error(0..text.len(), message, None));
    }
    let mut reader = Reader { lexemes: split(text)?, next: 0, end: text.len(), depth: 0 };
    if reader.lexemes.is_empty() {
        let hint = "write what has to be true, as `${params.mode} == 'full'`, or leave `when` out";
        return Err(error(0..text.len(), "the condition is empty", Some(hint)));
    }
    let root = reader.either()?;
    match reader.peek() {
        None => Ok(root),
        Some((lexeme, place)) => {
            let hint = match lexeme {
                Lexeme::Sign("==" | "!=" | "<" | "<=" | ">" | ">=") => "compare two values at a time, joined by `and`",
                Lexeme::Sign(")") => "there is no `(` for it",
                _ => "join two conditions with `and` or `or`",
            };
            Err(error(place.clone(), format!("`{}` does not follow here", &text[place.clone()]), Some(hint)))
        }
    }
}

fn split(text: &str) -> Result<Vec<Placed>, TemplateError> {
    let mut lexemes = Vec::new();
    let mut at = 0;
    while let Some(first) = text[at..].chars().next() {
        let rest = &text[at..];
        if first.is_whitespace() {
            at += first.len_utf8();
            continue;
        }
        let (lexeme, length) = if rest.starts_with("${") {
            template_at(text, at)?
        } else if matches!(first, '\'' | '"') {
            quoted_at(text, at, first)?
        } else if first.is_ascii_digit() || (first == '-' && rest[1..].starts_with(|c: char| c.is_ascii_digit())) {
            number_at(text, at)?
        } else if first.is_alphabetic() || first == '_' {
            word_at(text, at)?
        } else {
            sign_at(text, at)?
        };
        lexemes.push((lexeme, at..at + length));
        at += length;
    }
    Ok(lexemes)
}

fn template_at(text: &str, at: usize) -> Result<(Lexeme, usize), TemplateError> {
    let length = text[at..].find('}').map_or(text.len() - at, |end| end + 1);
    let written = &text[at..at + length];
    // What is wrong with a template is said in the words of templates.
    template::parse(written).map_err(|e| TemplateError { start: e.start + at, end: e.end + at, ..e })?;
    Ok((Lexeme::Value(Kind::Template(written.to_owned())), length))
}

fn quoted_at(text: &str, at: usize, quote: char) -> Result<(Lexeme, usize), TemplateError> {
    let Some(length) = text[at + 1..].find(quote) else {
        let message = format!("the text that begins with `{quote}` is not closed");
        return Err(error(
            at..text.len(),
            message,
            Some("text with one kind of quote inside stands in the other kind"),
        ));
    };
    let inner = &text[at + 1..at + 1 + length];
    template::parse(inner).map_err(|e| TemplateError { start: e.start + at + 1, end: e.end + at + 1, ..e })?;
    Ok((Lexeme::Value(Kind::Text(inner.to_owned())), length + 2))
}

fn number_at(text: &str, at: usize) -> Result<(Lexeme, usize), TemplateError> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '+' | '_');
    let length = text[at..].find(|c| !is_part(c)).unwrap_or(text.len() - at);
    let written = &text[at..at + length];
    match serde_json::from_str::<Json>(written) {
        Ok(number) if number.is_number() => Ok((Lexeme::Value(Kind::Literal(number)), length)),
        _ => {
            let hint = "text and dates stand in quotes: `'2026-01-31'`";
            Err(error(at..at + length, format!("`{written}` is not a number"), Some(hint)))
        }
    }
}

fn word_at(text: &str, at: usize) -> Result<(Lexeme, usize), TemplateError> {
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '-');
    let length = text[at..].find(|c| !is_part(c)).unwrap_or(text.len() - at);
    let written = &text[at..at + length];
    let lexeme = match WORDS.iter().find(|known| **known == written) {
        Some(&"true") => Lexeme::Value(Kind::Literal(Json::Bool(true))),
        Some(&"false") => Lexeme::Value(Kind::Literal(Json::Bool(false))),
        Some(&"null") => Lexeme::Value(Kind::Literal(Json::Null)),
        Some(word) => Lexeme::Word(word),
        None => {
            let is_template = ["params.", "steps.", "previous_step.", "run.", "job.", "env.", "secret."]
                .iter()
                .any(|head| written.starts_with(head));
            let near = nearest(&written.to_lowercase(), WORDS);
            let hint = match near {
                _ if is_template => format!("a value stands in a template: `${{{written}}}`"),
                Some(word) => format!("did you mean `{word}`? text stands in quotes: `'{written}'`"),
                None => format!("text stands in quotes: `'{written}'`"),
            };
            return Err(error(at..at + length, format!("unknown word `{written}`"), Some(&hint)));
        }
    };
    Ok((lexeme, length))
}

fn sign_at(text: &str, at: usize) -> Result<(Lexeme, usize), TemplateError> {
    let rest = &text[at..];
    let starts = |sign: &&str| rest.starts_with(*sign);
    let known = SIGNS.iter().find(|sign| starts(sign)).copied();
    let foreign = FOREIGN.iter().find(|(sign, _)| rest.starts_with(sign));
    match (known, foreign) {
        (Some(sign), foreign) if foreign.is_none_or(|(other, _)| other.len() <= sign.len()) => {
            Ok((Lexeme::Sign(sign), sign.len()))
        }
        (_, Some((sign, ours))) => {
            let hint = format!("write `{ours}`");
            Err(error(at..at + sign.len(), format!("`{sign}` means nothing here"), Some(&hint)))
        }
        _ => {
            let length = rest.chars().next().map_or(0, char::len_utf8);
            let message = format!("`{}` means nothing here", &rest[..length]);
            Err(error(at..at + length, message, Some("there are ==, !=, <, <=, >, >=, in, is empty, and, or, not")))
        }
    }
}

struct Reader {
    lexemes: Vec<Placed>,
    next: usize,
    /// Bytes of the text.
    end: usize,
    depth: u32,
}

impl Reader {
    fn peek(&self) -> Option<&Placed> {
        self.lexemes.get(self.next)
    }

    /// Goes past `wanted` if it is next.
    fn take(&mut self, wanted: &Lexeme) -> bool {
        let is_next = self.peek().is_some_and(|(lexeme, _)| lexeme == wanted);
        self.next += usize::from(is_next);
        is_next
    }

    fn take_word(&mut self, word: &'static str) -> bool {
        self.take(&Lexeme::Word(word))
    }

    /// Where something is missing: at the next word, or behind the last.
    fn here(&self) -> Range<usize> {
        self.peek().map_or(self.end.saturating_sub(1)..self.end, |(_, place)| place.clone())
    }

    fn deeper(&mut self) -> Result<(), TemplateError> {
        self.depth += 1;
        match self.depth > DEEPEST {
            true => Err(error(self.here(), format!("nested deeper than {DEEPEST} levels"), None)),
            false => Ok(()),
        }
    }

    fn either(&mut self) -> Result<Node, TemplateError> {
        let mut left = self.both()?;
        while self.take_word("or") {
            let right = self.both()?;
            left = joined(left, right, Kind::Or);
        }
        Ok(left)
    }

    fn both(&mut self) -> Result<Node, TemplateError> {
        let mut left = self.negated()?;
        while self.take_word("and") {
            let right = self.negated()?;
            left = joined(left, right, Kind::And);
        }
        Ok(left)
    }

    fn negated(&mut self) -> Result<Node, TemplateError> {
        let start = self.here().start;
        if !self.take_word("not") {
            return self.comparison();
        }
        self.deeper()?;
        let inner = self.negated()?;
        self.depth -= 1;
        Ok(Node { place: start..inner.place.end, kind: Kind::Not(Box::new(inner)) })
    }

    fn comparison(&mut self) -> Result<Node, TemplateError> {
        let left = self.operand()?;
        let Some((lexeme, place)) = self.peek().cloned() else { return Ok(left) };
        let operator = match lexeme {
            Lexeme::Sign("==") => Operator::Equal,
            Lexeme::Sign("!=") => Operator::Unequal,
            Lexeme::Sign("<") => Operator::Less,
            Lexeme::Sign("<=") => Operator::LessOrEqual,
            Lexeme::Sign(">") => Operator::Greater,
            Lexeme::Sign(">=") => Operator::GreaterOrEqual,
            Lexeme::Word("in") => {
                self.next += 1;
                let right = self.operand()?;
                return Ok(joined(left, right, Kind::In));
            }
            Lexeme::Word("not") => {
                self.next += 1;
                if !self.take_word("in") {
                    return Err(error(place, "`not` after a value begins `not in`", Some("write `… not in […]`")));
                }
                let right = self.operand()?;
                return Ok(negation(joined(left, right, Kind::In)));
            }
            Lexeme::Word("is") => {
                self.next += 1;
                let is_not = self.take_word("not");
                let end = self.here().end;
                if !self.take_word("empty") {
                    let hint = "write `is empty` or `is not empty`; values are compared with `==`";
                    return Err(error(place, "`is` only asks whether something is empty", Some(hint)));
                }
                let node = Node { place: left.place.start..end, kind: Kind::IsEmpty(Box::new(left)) };
                return Ok(if is_not { negation(node) } else { node });
            }
            _ => return Ok(left),
        };
        self.next += 1;
        let right = self.operand()?;
        Ok(joined(left, right, |left, right| Kind::Compare(left, operator, right)))
    }

    fn operand(&mut self) -> Result<Node, TemplateError> {
        let Some((lexeme, place)) = self.peek().cloned() else {
            return Err(error(self.here(), "a value is missing at the end", None));
        };
        self.next += 1;
        match lexeme {
            Lexeme::Value(kind) => Ok(Node { place, kind }),
            Lexeme::Sign("(") => {
                self.deeper()?;
                let inner = self.either()?;
                let end = self.here().end;
                if !self.take(&Lexeme::Sign(")")) {
                    return Err(error(place, "this `(` is not closed", Some("write `)` after it")));
                }
                self.depth -= 1;
                Ok(Node { place: place.start..end, kind: inner.kind })
            }
            Lexeme::Sign("[") => self.list(place),
            Lexeme::Word(word) | Lexeme::Sign(word) => {
                let message = format!("`{word}` stands where a value is missing");
                Err(error(place, message, Some("a value is a template, a number, text in quotes, true, false or null")))
            }
        }
    }

    fn list(&mut self, open: Range<usize>) -> Result<Node, TemplateError> {
        self.deeper()?;
        let mut items = Vec::new();
        loop {
            let end = self.here().end;
            if self.take(&Lexeme::Sign("]")) {
                self.depth -= 1;
                return Ok(Node { place: open.start..end, kind: Kind::List(items) });
            }
            if self.peek().is_none() {
                return Err(error(open, "this `[` is not closed", Some("write `]` after it")));
            }
            items.push(self.operand()?);
            let is_last = matches!(self.peek(), Some((Lexeme::Sign("]"), _)) | None);
            if !is_last && !self.take(&Lexeme::Sign(",")) {
                return Err(error(self.here(), "a `,` is missing between two values of a list", None));
            }
        }
    }
}

fn joined(left: Node, right: Node, kind: impl FnOnce(Box<Node>, Box<Node>) -> Kind) -> Node {
    Node { place: left.place.start..right.place.end, kind: kind(Box::new(left), Box::new(right)) }
}

fn negation(inner: Node) -> Node {
    Node { place: inner.place.clone(), kind: Kind::Not(Box::new(inner)) }
}
