//! What has to be laid over a vendor's job for it to become another; what comes of laying it is `overlay::merge`, the same
//! code that reads the files. A difference that `merge` cannot make (something is taken away, or stands in another order)
//! becomes a job that takes the vendor's place as a whole.

use host_model::{Json, JsonMap};
use toml::de::DeTable;

use super::form::job_json;
use super::{EditError, is_same};
use crate::finding::Findings;
use crate::overlay::{NAMED_LISTS, REPLACE, merge, twin};
use crate::reader::json_object;
use crate::source::SourceFile;

/// The job that `base` with `over` upon it declares; both are `[[jobs]]` texts.
pub(super) fn effective(base: &str, over: &str) -> Result<JsonMap, EditError> {
    let broken =
        |error: toml::de::Error| EditError::Content { pointer: String::new(), why: error.message().to_owned() };
    // Keys are read in the order of their places, so the upper text has to be the later one.
    let shifted = " ".repeat(base.len() + 1) + over;
    let (base, over) = (DeTable::parse(base).map_err(broken)?, DeTable::parse(&shifted).map_err(broken)?);
    let none = || EditError::Content { pointer: String::new(), why: "there is no job in the text".to_owned() };
    let below = only_job(base.get_ref()).ok_or_else(none)?;
    let above = only_job(over.get_ref()).ok_or_else(none)?;
    let replaces = above.get(REPLACE).and_then(|value| value.get_ref().as_bool()) == Some(true);
    let merged = if replaces { merge(&DeTable::new(), above) } else { merge(below, above) };
    let mut out = Findings::new(SourceFile::new("", ""));
    Ok(json_object(&merged, &mut out))
}

fn only_job<'t, 'i>(root: &'t DeTable<'i>) -> Option<&'t DeTable<'i>> {
    root.get("jobs")?.get_ref().as_array()?.first()?.get_ref().as_table()
}

/// What to lay over `base` so that it becomes `want`; `None` when it is that already.
pub(super) fn difference(base: &str, want: &JsonMap) -> Result<Option<JsonMap>, EditError> {
    let below = job_json(base)?;
    if is_same(&Json::Object(below.clone()), &Json::Object(want.clone())) {
        return Ok(None);
    }
    let id = |job: &JsonMap| job.get("id").or_else(|| job.get("name")).cloned().unwrap_or_default();
    let with_id = |rest: JsonMap| {
        let mut over = JsonMap::new();
        over.insert("id".to_owned(), id(want));
        over.extend(rest.into_iter().filter(|(key, _)| key != "id" && key != "name"));
        over
    };
    if let Some(over) = table_difference(&below, want).map(with_id) {
        // The one judge of what a difference comes to is the merge itself.
        let made = effective(base, &super::job_text(&over)?)?;
        if is_same(&Json::Object(made), &Json::Object(want.clone())) {
            return Ok(Some(over));
        }
    }
    let mut whole = JsonMap::new();
    whole.insert(REPLACE.to_owned(), true.into());
    whole.extend(want.clone());
    Ok(Some(with_id(whole)))
}

fn table_difference(below: &JsonMap, want: &JsonMap) -> Option<JsonMap> {
    let is_gone = |key: &String| !want.contains_key(key) && !twin(key).is_some_and(|twin| want.contains_key(twin));
    if below.keys().any(is_gone) {
        return None;
    }
    let mut over = JsonMap::new();
    for (key, value) in want {
        let value = match (below.get(key), value) {
            (Some(found), value) if is_same(found, value) => continue,
            (Some(Json::Object(below)), Json::Object(want)) => Json::Object(table_difference(below, want)?),
            (Some(Json::Array(below)), Json::Array(want)) if NAMED_LISTS.contains(&key.as_str()) => {
                Json::Array(list_difference(below, want)?)
            }
            (_, value) => value.clone(),
        };
        over.insert(key.clone(), value);
    }
    Some(over)
}

fn list_difference(below: &[Json], want: &[Json]) -> Option<Vec<Json>> {
    if want.len() < below.len() {
        return None;
    }
    let mut over = Vec::new();
    for (found, value) in below.iter().zip(want) {
        let (Json::Object(found), Json::Object(value)) = (found, value) else { return None };
        let name = found.get("name").filter(|name| name.is_string() && value.get("name") == Some(name))?;
        let rest = table_difference(found, value)?;
        if !rest.is_empty() {
            let mut item = JsonMap::new();
            item.insert("name".to_owned(), name.clone());
            item.extend(rest);
            over.push(Json::Object(item));
        }
    }
    over.extend(want[below.len()..].iter().cloned());
    Some(over)
}
