//! Secrets typed into a job file are kept from whoever reads the job over the API, its versions or an export: in their
//! place stands [`MARK`]. Saving what was read puts them back. What only names a secret (`${…}`) or is sealed (`ENC:…`)
//! stays as it is.
//!
//! Invariant: `unmask(mask(job), job)` is `job`.

use host_model::{Json, JsonMap};

use super::form::{edited, job_json};
use crate::blot::{find_url_password, is_secret_key};

/// Stands for a secret.
pub const MARK: &str = "********";

/// What stands for `value` under `key` to others; `None` when it is no secret.
fn masked(key: &str, value: &str) -> Option<String> {
    let is_open =
        |text: &str| !text.is_empty() && !text.contains("${") && !text.starts_with("ENC:") && !text.contains(MARK);
    if is_secret_key(key) {
        return is_open(value).then(|| MARK.to_owned());
    }
    let password = find_url_password(value).filter(|range| is_open(&value[range.clone()]))?;
    Some(format!("{}{MARK}{}", &value[..password.start], &value[password.end..]))
}

/// `job` as others may see it.
pub fn mask_job(job: &JsonMap) -> JsonMap {
    job.iter().map(|(key, value)| (key.clone(), mask_value(key, value))).collect()
}

fn mask_value(key: &str, value: &Json) -> Json {
    match value {
        Json::String(text) => masked(key, text).map_or_else(|| value.clone(), Json::String),
        Json::Array(items) => items.iter().map(|item| mask_value(key, item)).collect(),
        Json::Object(inner) => Json::Object(mask_job(inner)),
        other => other.clone(),
    }
}

/// The text of a job as others may see it.
pub fn mask_text(text: &str) -> String {
    let Ok(job) = job_json(text) else { return crate::blot::blot(text) };
    let shown = mask_job(&job);
    if shown == job {
        return text.to_owned();
    }
    edited(text, &shown).unwrap_or_else(|_| crate::blot::blot(text))
}

/// Puts the secrets of `current` back where `job` has the mark, and gives back the places, as JSON Pointers, where there
/// is none to put.
pub fn unmask(job: &mut JsonMap, current: Option<&JsonMap>) -> Vec<String> {
    let mut missing = Vec::new();
    unmask_table(job, current, "", &mut missing);
    missing
}

fn unmask_table(job: &mut JsonMap, current: Option<&JsonMap>, at: &str, missing: &mut Vec<String>) {
    for (key, value) in job.iter_mut() {
        let at = format!("{at}/{}", key.replace('~', "~0").replace('/', "~1"));
        unmask_value(key, value, current.and_then(|current| current.get(key)), &at, missing);
    }
}

fn unmask_value(key: &str, value: &mut Json, current: Option<&Json>, at: &str, missing: &mut Vec<String>) {
    match value {
        Json::String(text) if text.contains(MARK) => {
            let found = current.and_then(Json::as_str);
            match found.filter(|found| masked(key, found).as_ref() == Some(text)) {
                Some(found) => *text = found.to_owned(),
                None => missing.push(at.to_owned()),
            }
        }
        Json::Object(inner) => unmask_table(inner, current.and_then(Json::as_object), at, missing),
        Json::Array(items) => {
            let others = current.and_then(Json::as_array).map(Vec::as_slice).unwrap_or_default();
            for (index, item) in items.iter_mut().enumerate() {
                let name = item.get("name").cloned();
                let same = others.iter().find(|other| name.is_some() && other.get("name") == name.as_ref());
                let other = same.or_else(|| others.get(index).filter(|_| name.is_none()));
                unmask_value(key, item, other, &format!("{at}/{index}"), missing);
            }
        }
        _ => {}
    }
}
