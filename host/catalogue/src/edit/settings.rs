//! `app.toml` while one of its settings is changed: text to text, with the comments and the order of whoever wrote it. What
//! a value may be is for whoever reads the settings; nothing is read from a disk or written to it here.
//!
//! Invariant: a text that was changed is read back, and says what was meant and nothing else.

use host_model::{Json, JsonMap};
use toml_edit::{Item, Table};

use super::connectors::{document, printed, says};
use super::form::set_table;
use super::{EditError, is_same};
use crate::settings::FILE;

/// What the file is called.
pub const SETTINGS_FILE: &str = FILE;

/// The text with another value for `jobs.history_days` and the like; without a value the key is taken out.
///
/// # Errors
/// [`EditError::Broken`] when the text is not TOML, [`EditError::Unfit`] when it has something else in that place,
/// [`EditError::Misread`] when the outcome is not what was meant.
pub fn with_setting(text: &str, key: &str, value: Option<&Json>) -> Result<String, EditError> {
    let unfit = |why: String| EditError::Unfit { file: SETTINGS_FILE.to_owned(), why };
    let (section, name) = key.split_once('.').ok_or_else(|| unfit(format!("`{key}` is in no table")))?;
    let mut meant = says(text, SETTINGS_FILE)?;
    let table = meant.entry(section).or_insert_with(|| Json::Object(JsonMap::new()));
    let table = table.as_object_mut().ok_or_else(|| unfit(format!("`{section}` is not a table")))?;
    match value {
        Some(value) => drop(table.insert(name.to_owned(), value.clone())),
        None => drop(table.remove(name)),
    }
    let mut document = document(text)?;
    let item = document.entry(section).or_insert_with(|| Item::Table(Table::new()));
    let item = item.as_table_like_mut().ok_or_else(|| unfit(format!("`{section}` is not a table")))?;
    set_table(item, table, "", false)?;
    let new = printed(&document, text);
    let misread = || EditError::Misread { file: SETTINGS_FILE.to_owned() };
    let said = says(&new, SETTINGS_FILE).map_err(|_| misread())?;
    if is_same(&Json::Object(said), &Json::Object(meant)) { Ok(new) } else { Err(misread()) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_setting_is_changed_where_it_stands_and_comments_stay() {
        let text = "# ours\n[server]\nlisten = \"0.0.0.0:80\" # all\n\n[jobs] # runs\nhistory_days = 30 # a month\n";
        let changed = with_setting(text, "jobs.history_days", Some(&json!(365))).unwrap();
        assert_eq!(changed, text.replace("= 30", "= 365"));
        let more = with_setting(&changed, "jobs.scheduler_enabled", Some(&json!(false))).unwrap();
        assert_eq!(more, format!("{changed}scheduler_enabled = false\n"));
        let less = with_setting(&more, "jobs.history_days", None).unwrap();
        assert!(!less.contains("history_days") && less.contains("scheduler_enabled = false"), "{less}");
        assert_eq!(with_setting("", "audit.keep_days", Some(&json!(7))).unwrap(), "[audit]\nkeep_days = 7\n");
        assert_eq!(
            with_setting("jobs.history_days = 1\r\n", "jobs.history_days", Some(&json!(2))).unwrap(),
            "jobs.history_days = 2\r\n"
        );
    }

    #[test]
    fn a_file_that_cannot_be_read_is_left_alone() {
        for text in ["[jobs", "jobs = 3"] {
            assert!(with_setting(text, "jobs.history_days", Some(&json!(1))).is_err(), "{text}");
        }
    }
}
