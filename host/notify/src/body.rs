//! The body of a webhook, as somebody wrote it with `${…}` in it: the words of the first notice, and of the message.
//!
//! A body that is JSON, as a table of the file or as a text, is filled in string by string, so that nothing a job says can
//! end a string or begin a field; a string that is one word only keeps the value's type. Any other text is filled in as
//! it is.

use host_model::notify::Notice;
use host_model::{Json, JsonMap};

use crate::message::{Message, link};

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

/// Fills `body` in. An unknown word is an error that names it.
pub(crate) fn fill(body: &Json, words: &JsonMap) -> Result<(String, bool), String> {
    let parsed = body.as_str().and_then(|text| serde_json::from_str::<Json>(text).ok());
    match (body, parsed) {
        (Json::String(text), None) => Ok((plain(&fill_text(text, words)?), false)),
        (_, Some(json)) => Ok((fill_json(&json, words)?.to_string(), true)),
        (json, None) => Ok((fill_json(json, words)?.to_string(), true)),
    }
}

fn fill_json(json: &Json, words: &JsonMap) -> Result<Json, String> {
    Ok(match json {
        Json::String(text) => fill_text(text, words)?,
        Json::Array(items) => items.iter().map(|item| fill_json(item, words)).collect::<Result<_, _>>()?,
        Json::Object(map) => {
            let filled = map.iter().map(|(key, value)| Ok((key.clone(), fill_json(value, words)?)));
            Json::Object(filled.collect::<Result<_, String>>()?)
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

fn fill_text(text: &str, words: &JsonMap) -> Result<Json, String> {
    let (mut out, mut rest) = (String::new(), text);
    while let Some(start) = rest.find("${") {
        if rest[..start].ends_with('$') {
            out.push_str(&rest[..start - 1]);
            out.push_str("${");
            rest = &rest[start + 2..];
            continue;
        }
        let Some(length) = rest[start..].find('}') else {
            return Err("`${` in the body is not closed".to_owned());
        };
        let name = &rest[start + 2..start + length];
        let (name, default) = name.split_once(":-").map_or((name, None), |(name, default)| (name, Some(default)));
        let Some(value) = words.get(name) else {
            let known: Vec<String> = words.keys().map(|word| format!("`{word}`")).collect();
            return Err(format!("the body has an unknown word `${{{name}}}`; known are {}", known.join(", ")));
        };
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
            let (text, is_json) = fill(&body, &words()).unwrap();
            assert!(is_json);
            assert_eq!(serde_json::from_str::<Json>(&text).unwrap(), expected);
        }
    }

    #[test]
    fn a_text_is_filled_in_as_it_is_and_unknown_words_are_named() {
        let (text, is_json) = fill(&json!("${job_id} $${x} ${count}!"), &words()).unwrap();
        assert_eq!((text.as_str(), is_json), ("nightly ${x} 3!", false));
        assert!(fill(&json!("${jobid}"), &words()).unwrap_err().contains("`${jobid}`"));
        assert!(fill(&json!("${job_id"), &words()).unwrap_err().contains("not closed"));
    }
}
