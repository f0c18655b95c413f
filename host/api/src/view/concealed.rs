//! Values of parameters as others may see them: what was typed in under the name of a secret, or as the password of an
//! address, is replaced by the mark that sources of jobs have there too. What only names a secret (`${…}`) stays.

use host_catalogue::edit::{MARK, mask_job};
use host_model::{Json, JsonMap};

/// `values` without secrets in clear.
pub(crate) fn concealed(values: &JsonMap) -> JsonMap {
    mask_job(values)
}

/// The same of any value.
pub(crate) fn concealed_json(value: &Json) -> Json {
    match value {
        Json::Object(map) => mask_job(map).into(),
        other => other.clone(),
    }
}

/// Where in `values` the mark stands in place of a value, as JSON Pointers: whoever sends one back meant to keep what is
/// there, and would pass on the mark.
pub(crate) fn marks(values: &Json) -> Vec<String> {
    fn look(value: &Json, at: &str, found: &mut Vec<String>) {
        match value {
            Json::String(text) if text.contains(MARK) => found.push(at.to_owned()),
            Json::Array(items) => {
                items.iter().enumerate().for_each(|(index, item)| look(item, &format!("{at}/{index}"), found));
            }
            Json::Object(map) => map.iter().for_each(|(key, item)| {
                look(item, &format!("{at}/{}", key.replace('~', "~0").replace('/', "~1")), found);
            }),
            _ => {}
        }
    }
    let mut found = Vec::new();
    look(values, "", &mut found);
    found
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn secrets_are_concealed_at_any_depth_and_their_marks_are_found() {
        let values = json!({"password": "hunter2", "rows": 3, "at": {"token": "${secret.t}", "api_key": "k"}});
        let shown = concealed_json(&values);
        assert_eq!(shown, json!({"password": MARK, "rows": 3, "at": {"token": "${secret.t}", "api_key": MARK}}));
        assert_eq!(marks(&shown), ["/password", "/at/api_key"]);
        assert!(marks(&values).is_empty());
    }
}
