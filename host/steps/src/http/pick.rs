//! Paths into JSON: `data.items`, `rows.0.id`, or a JSON pointer (RFC 6901) such as `/data/items`.

use host_model::Json;

/// The value at `path`, if there is one. A part that is a number counts in a list, from 0.
pub(super) fn pick<'j>(json: &'j Json, path: &str) -> Option<&'j Json> {
    if path.starts_with('/') || path.is_empty() {
        return json.pointer(path);
    }
    path.split('.').try_fold(json, |here, part| match here {
        Json::Object(map) => map.get(part),
        Json::Array(items) => items.get(part.parse::<usize>().ok()?),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_path_is_dotted_or_a_pointer() {
        let json = json!({"data": {"items": [{"id": 7}], "a.b": 1, "0": "zero"}, "x": null});
        for (path, found) in [
            ("data.items.0.id", Some(json!(7))),
            ("/data/items/0/id", Some(json!(7))),
            ("/data/a.b", Some(json!(1))),
            ("data.0", Some(json!("zero"))),
            ("x", Some(json!(null))),
            ("x.y", None),
            ("data.items.1", None),
            ("data.items.-1", None),
            ("nothing", None),
        ] {
            assert_eq!(pick(&json, path), found.as_ref(), "{path}");
        }
    }
}
