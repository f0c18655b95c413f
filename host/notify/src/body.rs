//! The body of a webhook, as somebody wrote it with `${…}` in it: the words of the first notice, and of the message.
//!
//! A body that is JSON, as a table of the file or as a text, is filled in string by string, so that nothing a job says can
//! end a string or begin a field; a string that is one word only keeps the value's type. Any other text is filled in as
//! it is.

use host_model::diagnostic::nearest;
use host_model::notify::Notice;
use host_model::notify::delivery::Delivery;
use host_model::{Json, JsonMap};

use crate::message::{Message, link};
use crate::payload::webhook;

/// What templates can say.
pub(crate) fn words(notices: &[Notice], n_notices: u32, message: &Message, public_url: Option<&str>) -> JsonMap {
    let mut words = JsonMap::new();
    for key in ["state", "triggered_by", "queued_at", "started_at", "finished_at", "error", "reason", "step"] {
        words.insert(key.to_owned(), Json::Null);
    }
    if let Some(first) = notices.first() {
        words.extend(first.facts.clone());
        if words["error"].is_null() && !first.text.is_empty() {
            words.insert("error".to_owned(), first.text.clone().into());
        }
        words.insert("event".to_owned(), first.kind.as_str().into());
        words.insert("severity".to_owned(), first.kind.severity().as_str().into());
        words.insert("job_id".to_owned(), first.job_id.as_str().into());
        words.insert("run_id".to_owned(), first.run_id.map(|id| id.to_string()).into());
        words.insert("tags".to_owned(), first.tags.clone().into());
        words.insert("url".to_owned(), link(first, public_url).into());
    }
    words.insert("title".to_owned(), message.title.clone().into());
    words.insert("text".to_owned(), message.text().into());
    words.insert("count".to_owned(), n_notices.into());
    words
}

/// What a webhook gets: `body` filled in or, without one, everything.
pub(crate) fn of_webhook(
    body: Option<&Json>,
    delivery: &Delivery,
    message: &Message,
    public_url: Option<&str>,
) -> Result<Filled, Fault> {
    match body {
        Some(body) => fill(body, &words(&delivery.notices, delivery.n_notices, message, public_url)),
        None => Ok(Filled { text: webhook(delivery, message, public_url).to_string(), is_json: true }),
    }
}

/// A body that is filled in.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Filled {
    pub(crate) text: String,
    pub(crate) is_json: bool,
}

/// Why a body cannot be filled in, and where: the strings on the way to the one at fault, and line and column in it. Of a
/// body that is a text, those in the whole of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) path: Vec<String>,
    pub(crate) line: u32,
    pub(crate) column: u32,
    pub(crate) message: String,
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}, at line {}, column {}", self.message, self.line, self.column)?;
        if self.path.is_empty() { Ok(()) } else { write!(f, " of `{}`", self.path.join(".")) }
    }
}

/// Fills `body` in. An unknown word is an error that names it.
pub(crate) fn fill(body: &Json, words: &JsonMap) -> Result<Filled, Fault> {
    let Json::String(text) = body else {
        return Ok(Filled { text: fill_json(body, words, &mut Vec::new())?.to_string(), is_json: true });
    };
    // Of the whole text first, whatever it is: its lines are those that somebody sees who wrote it.
    let plain_text = fill_text(text, words).map_err(|fault| fault.at(text, &[]))?;
    match serde_json::from_str::<Json>(text) {
        Ok(json) => Ok(Filled { text: fill_json(&json, words, &mut Vec::new())?.to_string(), is_json: true }),
        Err(_) => Ok(Filled { text: plain(&plain_text), is_json: false }),
    }
}

/// Where a text that was meant as JSON stops being JSON. None when it is, and for a text that does not look like it.
pub(crate) fn broken_json(body: &Json) -> Option<String> {
    let text = body.as_str()?;
    if !text.trim_start().starts_with(['{', '[']) {
        return None;
    }
    let error = serde_json::from_str::<Json>(text).err()?;
    Some(format!("the body looks like JSON and is none, so that it is sent as plain text: {error}"))
}

fn fill_json(json: &Json, words: &JsonMap, path: &mut Vec<String>) -> Result<Json, Fault> {
    Ok(match json {
        Json::String(text) => fill_text(text, words).map_err(|fault| fault.at(text, path))?,
        Json::Array(items) => {
            let mut filled = Vec::with_capacity(items.len());
            for (index, item) in items.iter().enumerate() {
                path.push(index.to_string());
                filled.push(fill_json(item, words, path)?);
                path.pop();
            }
            Json::Array(filled)
        }
        Json::Object(map) => {
            let mut filled = JsonMap::new();
            for (key, value) in map {
                path.push(key.clone());
                filled.insert(key.clone(), fill_json(value, words, path)?);
                path.pop();
            }
            Json::Object(filled)
        }
        other => other.clone(),
    })
}

fn plain(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        Json::Null => String::new(),
        other => other.to_string(),
    }
}

/// A mistake at a byte of a text.
struct Slip {
    at: usize,
    message: String,
}

impl Slip {
    fn at(self, text: &str, path: &[String]) -> Fault {
        let before = &text[..self.at];
        let lines = before.matches('\n').count();
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count();
        let count = |n: usize| u32::try_from(n + 1).unwrap_or(u32::MAX);
        Fault { path: path.to_vec(), line: count(lines), column: count(column), message: self.message }
    }
}

fn fill_text(text: &str, words: &JsonMap) -> Result<Json, Slip> {
    let (mut out, mut rest) = (String::new(), text);
    while let Some(start) = rest.find("${") {
        if rest[..start].ends_with('$') {
            out.push_str(&rest[..start - 1]);
            out.push_str("${");
            rest = &rest[start + 2..];
            continue;
        }
        let at = text.len() - rest.len() + start;
        let inside = &rest[start + 2..];
        let name = inside.find('}').map(|end| &inside[..end]);
        // A word that is not closed would reach to the next brace of whatever it stands in.
        let Some(name) = name.filter(|name| !name.contains(['"', '\n', '{'])) else {
            return Err(Slip { at, message: "`${` in the body is not closed".to_owned() });
        };
        let length = name.len() + 2;
        let (name, default) = name.split_once(":-").map_or((name, None), |(name, default)| (name, Some(default)));
        let Some(value) = words.get(name) else { return Err(Slip { at, message: unknown(name, words) }) };
        let is_whole = out.is_empty() && start == 0 && rest.len() == length + 1 && rest.len() == text.len();
        out.push_str(&rest[..start]);
        match (value, default) {
            (Json::Null, Some(default)) => out.push_str(default),
            (value, _) if is_whole => return Ok(value.clone()),
            (value, _) => out.push_str(&plain(value)),
        }
        rest = &rest[start + length + 1..];
    }
    out.push_str(rest);
    Ok(Json::String(out))
}

fn unknown(name: &str, words: &JsonMap) -> String {
    let near = nearest(name, words.keys().map(String::as_str));
    let near = near.map(|near| format!("; did you mean `${{{near}}}`?")).unwrap_or_default();
    let known: Vec<String> = words.keys().map(|word| format!("`{word}`")).collect();
    format!("the body has an unknown word `${{{name}}}`{near} (known are {})", known.join(", "))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn words() -> JsonMap {
        let words = json!({ "job_id": "nightly", "error": "said \"no\"\n", "count": 3, "step": null });
        words.as_object().cloned().unwrap()
    }

    #[test]
    fn what_a_job_says_cannot_leave_its_string() {
        let body =
            json!({ "text": "job ${job_id}: ${error}", "n": "${count}", "step": "${step}", "or": "${step:-none}" });
        let expected = json!({ "text": "job nightly: said \"no\"\n", "n": 3, "step": null, "or": "none" });
        for body in [body.clone(), Json::String(body.to_string())] {
            let Filled { text, is_json } = fill(&body, &words()).unwrap();
            assert!(is_json);
            assert_eq!(serde_json::from_str::<Json>(&text).unwrap(), expected);
        }
    }

    #[test]
    fn a_text_is_filled_in_as_it_is_and_unknown_words_are_named() {
        let filled = fill(&json!("${job_id} $${x} ${count}!"), &words()).unwrap();
        assert_eq!(filled, Filled { text: "nightly ${x} 3!".to_owned(), is_json: false });
        let fault = fill(&json!("${jobid}"), &words()).unwrap_err().message;
        assert!(fault.contains("`${jobid}`; did you mean `${job_id}`?"), "{fault}");
        assert!(fill(&json!("${job_id"), &words()).unwrap_err().message.contains("not closed"));
    }

    #[test]
    fn a_mistake_is_told_with_its_line_and_column() {
        let place = |body: &Json| {
            let fault = fill(body, &words()).unwrap_err();
            (fault.path.join("/"), fault.line, fault.column)
        };
        assert_eq!(place(&json!("é ${job_id}\n  ${nope}")), (String::new(), 2, 3));
        // A text that is JSON is told of as it was written, not as it was read.
        assert_eq!(place(&json!("{\n  \"a\": \"x\\n${nope}\"\n}")), (String::new(), 2, 12));
        assert_eq!(place(&json!("{\"a\": \"${job_id\", \"b\": {}}")), (String::new(), 1, 8));
        assert_eq!(place(&json!({ "a": [{ "b": "one\n${nope}" }] })), ("a/0/b".to_owned(), 2, 1));
        let told = fill(&json!({ "a": "${nope}" }), &words()).unwrap_err().to_string();
        assert!(told.ends_with("at line 1, column 1 of `a`"), "{told}");
    }

    #[test]
    fn what_looks_like_json_and_is_none_is_told() {
        assert!(broken_json(&json!("{\"a\": 1,}")).unwrap().contains("line 1 column 9"));
        for fine in [json!("{\"a\": 1}"), json!("a {"), json!({ "a": 1 })] {
            assert_eq!(broken_json(&fine), None);
        }
    }
}
