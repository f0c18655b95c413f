//! What the file beside a component grants, as the operator wrote it: for `inspect` and `list`. The sandbox has judged the
//! file before; here it is only told.

use std::path::Path;

use host_model::Json;
use host_sandbox::SandboxError;
use host_sandbox::grants::Grants;

/// The file of grants of a component as JSON; `None` when there is no file, so that nothing is granted.
///
/// # Errors
/// What is wrong with the file.
pub(crate) fn read(component: &Path) -> Result<Option<Json>, SandboxError> {
    let file = component.with_extension("toml");
    Grants::read(&file, &file.display().to_string())?;
    // Sound, hence TOML; a file that went away in between grants nothing.
    let text = std::fs::read_to_string(&file).ok();
    Ok(text.and_then(|text| plugin_builder::grants_as_json(&text).ok()))
}

/// What is granted, an item each: `connector reporting: read-write`.
pub(crate) fn granted(file: &Json) -> Vec<String> {
    let Some(grants) = file["grants"].as_object() else { return Vec::new() };
    let mut items = Vec::new();
    for (key, value) in grants {
        match (key.as_str(), value) {
            ("connectors", Json::Object(named)) => {
                items.extend(named.iter().map(|(name, mode)| format!("connector {name}: {}", plain(mode))));
            }
            ("directories", Json::Object(named)) => items.extend(named.iter().map(|(name, it)| {
                let mode = it.get("mode").map_or_else(|| "read".to_owned(), plain);
                format!("directory /{name}: {}, {mode}", plain(&it["path"]))
            })),
            ("http", http) => {
                let methods = http.get("methods").map_or_else(|| "GET, HEAD".to_owned(), plain);
                items.push(format!("http {}: {methods}", plain(&http["hosts"])));
            }
            (_, Json::Bool(is_granted)) => items.extend(is_granted.then(|| key.clone())),
            (_, Json::Array(names)) if names.is_empty() => {}
            (_, value) => items.push(format!("{key} {}", plain(value))),
        }
    }
    items
}

/// Limits that are set: `memory_mb 64`.
pub(crate) fn limits(file: &Json) -> Vec<String> {
    file["limits"].as_object().into_iter().flatten().map(|(key, value)| format!("{key} {}", plain(value))).collect()
}

/// A value without the signs of JSON.
fn plain(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        Json::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grants_are_told_in_the_words_of_their_file() {
        let file = plugin_builder::grants_as_json(
            "[grants]\nsecrets = [\"token\"]\nenv = []\nstate = true\n[grants.connectors]\nreporting = \"read-write\"\n\
             [grants.http]\nhosts = [\"api.example.com\", \"*.example.org\"]\n\
             [grants.directories]\ninbox = { path = \"data/inbox\" }\n[limits]\nmemory_mb = 64\n",
        )
        .expect("TOML");
        let mut told = granted(&file);
        told.sort();
        let wanted = [
            "connector reporting: read-write",
            "directory /inbox: data/inbox, read",
            "http api.example.com, *.example.org: GET, HEAD",
            "secrets token",
            "state",
        ];
        assert_eq!(told, wanted);
        assert_eq!(limits(&file), ["memory_mb 64"]);
        assert!(granted(&Json::Null).is_empty() && limits(&Json::Null).is_empty());
    }
}
