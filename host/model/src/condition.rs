//! The condition of a step, its `when`: comparisons, `and`, `or`, `not`, `in` and `is empty` over templates and literals
//! (product §4). Here is what a condition means; [`parse`] reads its text.
//!
//! Invariant: nothing is converted. A bare value has to be true or false, and an order exists between two numbers or two
//! texts only; anything else is an error that names the kinds and never a value, because values may be secret.

mod parse;
#[cfg(test)]
mod tests;

use std::cmp::Ordering;
use std::ops::Range;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::template::{self, Part, Scope, TemplateError, Token};
use crate::{Json, JsonMap};

/// A condition that can be evaluated.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    text: String,
    root: Node,
}

/// A piece of a condition, with its bytes in the text.
#[derive(Debug, Clone, PartialEq)]
struct Node {
    place: Range<usize>,
    kind: Kind,
}

#[derive(Debug, Clone, PartialEq)]
enum Kind {
    /// `null`, `true`, `false` or a number.
    Literal(Json),
    /// One template: what it stands for.
    Template(String),
    /// Text, which may hold templates.
    Text(String),
    List(Vec<Node>),
    Not(Box<Node>),
    And(Box<Node>, Box<Node>),
    Or(Box<Node>, Box<Node>),
    Compare(Box<Node>, Operator, Box<Node>),
    In(Box<Node>, Box<Node>),
    IsEmpty(Box<Node>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// What history keeps of an evaluation.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Judgement {
    /// The condition as written.
    pub condition: String,
    /// Its templates with what they stood for; those of the environment and of secrets as written.
    pub values: JsonMap,
    /// What it came to.
    pub result: bool,
}

impl Condition {
    /// Reads a condition.
    ///
    /// # Errors
    /// [`TemplateError`] with the place in `text`.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        let root = parse::read(text)?;
        let condition = Self { text: text.to_owned(), root };
        condition.check_kinds()?;
        Ok(condition)
    }

    /// As written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether the condition holds.
    ///
    /// # Errors
    /// [`TemplateError`] when a template has no value, or values are of kinds that do not go together.
    pub fn holds(&self, scope: &Scope<'_>) -> Result<bool, TemplateError> {
        self.truth(&self.root, scope)
    }

    /// What is kept of an evaluation that came to `result`. `masked` is the scope of history.
    pub fn judged(&self, result: bool, masked: &Scope<'_>) -> Judgement {
        let mut values = JsonMap::new();
        for part in template::parse(&self.text).unwrap_or_default() {
            if let Part::Token { start, end, .. } = part {
                let written = &self.text[start..end];
                // One that was not looked at may have no value.
                if let Ok(value) = masked.resolve_text(written) {
                    values.insert(written.to_owned(), value);
                }
            }
        }
        Judgement { condition: self.text.clone(), values, result }
    }

    fn truth(&self, node: &Node, scope: &Scope<'_>) -> Result<bool, TemplateError> {
        Ok(match &node.kind {
            Kind::Not(inner) => !self.truth(inner, scope)?,
            Kind::And(left, right) => self.truth(left, scope)? && self.truth(right, scope)?,
            Kind::Or(left, right) => self.truth(left, scope)? || self.truth(right, scope)?,
            Kind::IsEmpty(inner) => is_empty(&self.value_if_any(inner, scope)?),
            Kind::Compare(left, operator, right) => {
                let (a, b) = (self.value(left, scope)?, self.value(right, scope)?);
                self.compare(node, (left, &a), *operator, (right, &b))?
            }
            Kind::In(left, right) => {
                let (needle, hay) = (self.value(left, scope)?, self.value(right, scope)?);
                self.is_in(node, (left, &needle), (right, &hay))?
            }
            Kind::Literal(_) | Kind::Template(_) | Kind::Text(_) | Kind::List(_) => match self.value(node, scope)? {
                Json::Bool(truth) => truth,
                other => return Err(self.not_a_truth(node, kind_of(&other))),
            },
        })
    }

    fn value(&self, node: &Node, scope: &Scope<'_>) -> Result<Json, TemplateError> {
        Ok(match &node.kind {
            Kind::Literal(value) => value.clone(),
            Kind::Template(text) => self.resolved(node, text, scope)?,
            // In quotes it is text, whatever it stands for.
            Kind::Text(text) => Json::String(match self.resolved(node, text, scope)? {
                Json::String(text) => text,
                Json::Null => String::new(),
                other => other.to_string(),
            }),
            Kind::List(items) => {
                Json::Array(items.iter().map(|item| self.value(item, scope)).collect::<Result<_, _>>()?)
            }
            _ => Json::Bool(self.truth(node, scope)?),
        })
    }

    fn resolved(&self, node: &Node, text: &str, scope: &Scope<'_>) -> Result<Json, TemplateError> {
        let here = |error| TemplateError { start: node.place.start, end: node.place.end, ..error };
        scope.resolve_text(text).map_err(here)
    }

    /// A step that was skipped, or left a field out, has given nothing: for `is empty` that is an answer, not a mistake.
    fn value_if_any(&self, node: &Node, scope: &Scope<'_>) -> Result<Json, TemplateError> {
        let is_of_step = |text: &str| {
            let parts = template::parse(text).unwrap_or_default();
            matches!(parts.as_slice(), [Part::Token { token: Token::Step(..) | Token::PreviousStep(_), .. }])
        };
        match (&node.kind, self.value(node, scope)) {
            (Kind::Template(text), Err(_)) if is_of_step(text) => Ok(Json::Null),
            (_, value) => value,
        }
    }

    fn compare(
        &self,
        node: &Node,
        (left, a): (&Node, &Json),
        operator: Operator,
        (right, b): (&Node, &Json),
    ) -> Result<bool, TemplateError> {
        let unlike = || self.unlike(node, (left, kind_of(a)), (right, kind_of(b)));
        let is_equality = matches!(operator, Operator::Equal | Operator::Unequal);
        if is_equality && kind_of(a) != kind_of(b) && !a.is_null() && !b.is_null() {
            return Err(unlike());
        }
        let order = match (a, b) {
            (Json::String(a), Json::String(b)) => a.cmp(b),
            (Json::Number(_), Json::Number(_)) => number_order(a, b).ok_or_else(unlike)?,
            _ if is_equality => return Ok(is_equal(a, b) == (operator == Operator::Equal)),
            _ => return Err(unlike()),
        };
        Ok(match operator {
            Operator::Equal => order == Ordering::Equal,
            Operator::Unequal => order != Ordering::Equal,
            Operator::Less => order == Ordering::Less,
            Operator::LessOrEqual => order != Ordering::Greater,
            Operator::Greater => order == Ordering::Greater,
            Operator::GreaterOrEqual => order != Ordering::Less,
        })
    }

    fn is_in(
        &self,
        node: &Node,
        (left, needle): (&Node, &Json),
        (right, hay): (&Node, &Json),
    ) -> Result<bool, TemplateError> {
        match (needle, hay) {
            (_, Json::Array(items)) => Ok(items.iter().any(|item| is_equal(needle, item))),
            (Json::String(key), Json::Object(map)) => Ok(map.contains_key(key)),
            (Json::String(part), Json::String(whole)) => Ok(whole.contains(part.as_str())),
            _ => {
                let (part, whole) = (kind_of(needle), kind_of(hay));
                let message = format!("{part} ({}) cannot be in {whole} ({})", self.said(left), self.said(right));
                let hint = "`in` looks for a value in a list, a key in an object, or text in text";
                Err(self.error(node, message, Some(hint.to_owned())))
            }
        }
    }

    /// What can be told before anything has a value: literals whose kinds never go together.
    fn check_kinds(&self) -> Result<(), TemplateError> {
        let mut open = vec![(&self.root, true)];
        while let Some((node, is_truth)) = open.pop() {
            match &node.kind {
                Kind::Not(inner) => open.push((inner, true)),
                Kind::And(left, right) | Kind::Or(left, right) => open.extend([(&**left, true), (&**right, true)]),
                Kind::IsEmpty(inner) => open.push((inner, false)),
                Kind::List(items) => {
                    open.extend(items.iter().map(|item| (item, false)));
                    if is_truth {
                        return Err(self.not_a_truth(node, "a list"));
                    }
                }
                Kind::Compare(left, operator, right) => {
                    open.extend([(&**left, false), (&**right, false)]);
                    if let (Some(a), Some(b)) = (known_kind(left), known_kind(right)) {
                        let is_order = !matches!(operator, Operator::Equal | Operator::Unequal);
                        let has_order = matches!(a, NUMBER | TEXT);
                        let is_null = a == NULL || b == NULL;
                        let is_like = if is_order { a == b && has_order } else { a == b || is_null };
                        if !is_like {
                            return Err(self.unlike(node, (left, a), (right, b)));
                        }
                    }
                }
                Kind::In(left, right) => open.extend([(&**left, false), (&**right, false)]),
                Kind::Literal(_) | Kind::Template(_) | Kind::Text(_) if is_truth => {
                    if let Some(kind) = known_kind(node).filter(|kind| *kind != TRUTH) {
                        return Err(self.not_a_truth(node, kind));
                    }
                }
                Kind::Literal(_) | Kind::Template(_) | Kind::Text(_) => {}
            }
        }
        Ok(())
    }

    fn said(&self, node: &Node) -> String {
        format!("`{}`", &self.text[node.place.clone()])
    }

    fn unlike(&self, node: &Node, (left, a): (&Node, &str), (right, b): (&Node, &str)) -> TemplateError {
        let message = format!("{a} ({}) and {b} ({}) cannot be compared", self.said(left), self.said(right));
        let hint = "numbers compare with numbers and text with text; a value of the environment is always text";
        self.error(node, message, Some(hint.to_owned()))
    }

    fn not_a_truth(&self, node: &Node, kind: &str) -> TemplateError {
        let said = self.said(node);
        let hint = format!("compare it: `{} is not empty`, or with `==`, `<`, `in`", &self.text[node.place.clone()]);
        self.error(node, format!("{said} is {kind}, not true or false"), Some(hint))
    }

    fn error(&self, node: &Node, message: String, hint: Option<String>) -> TemplateError {
        TemplateError { message, hint, start: node.place.start, end: node.place.end }
    }
}

const NULL: &str = "null";
const TRUTH: &str = "true or false";
const NUMBER: &str = "a number";
const TEXT: &str = "text";

fn kind_of(value: &Json) -> &'static str {
    match value {
        Json::Null => NULL,
        Json::Bool(_) => TRUTH,
        Json::Number(_) => NUMBER,
        Json::String(_) => TEXT,
        Json::Array(_) => "a list",
        Json::Object(_) => "an object",
    }
}

/// The kind a node has whatever its templates stand for.
fn known_kind(node: &Node) -> Option<&'static str> {
    match &node.kind {
        Kind::Literal(value) => Some(kind_of(value)),
        Kind::List(_) => Some("a list"),
        Kind::Text(_) => Some(TEXT),
        Kind::Template(text) => match template::parse(text).ok()?.as_slice() {
            [Part::Token { token: Token::Param(_) | Token::Step(..) | Token::PreviousStep(_), .. }] => None,
            _ => Some(TEXT),
        },
        _ => Some(TRUTH),
    }
}

fn is_empty(value: &Json) -> bool {
    match value {
        Json::Null => true,
        Json::String(text) => text.is_empty(),
        Json::Array(items) => items.is_empty(),
        Json::Object(map) => map.is_empty(),
        Json::Bool(_) | Json::Number(_) => false,
    }
}

/// As people count: `1` and `1.0` are one number, inside lists and objects too.
fn is_equal(a: &Json, b: &Json) -> bool {
    match (a, b) {
        (Json::Number(_), Json::Number(_)) => number_order(a, b) == Some(Ordering::Equal),
        (Json::Array(a), Json::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| is_equal(a, b)),
        (Json::Object(a), Json::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| is_equal(a, b)))
        }
        _ => a == b,
    }
}

/// Whole numbers are compared as such: a key of 18 digits does not survive as a fraction.
fn number_order(a: &Json, b: &Json) -> Option<Ordering> {
    let whole = |n: &Json| n.as_i64().map(i128::from).or_else(|| n.as_u64().map(i128::from));
    match (whole(a), whole(b)) {
        (Some(a), Some(b)) => Some(a.cmp(&b)),
        _ => a.as_f64()?.partial_cmp(&b.as_f64()?),
    }
}

impl Serialize for Condition {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for Condition {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(from)?).map_err(serde::de::Error::custom)
    }
}
