//! The grants of one call: those in the file beside a component, with what the command line adds.

use std::path::Path;

use anyhow::{Context, Result, bail};
use toml::{Table, Value};

/// The text of a file of grants: `base`, with each of `grants` (`connectors.reporting=read`) set below `[grants]` and
/// each of `limits` (`memory_mb=64`) below `[limits]`. A value is TOML when it reads as such, else text. Granted folders
/// are below `home` wherever the text is read.
///
/// # Errors
/// When `base` is no TOML, or an addition is not of the form `path=value`. What the keys mean is for the sandbox to say.
pub fn merge_grants(base: &str, grants: &[String], limits: &[String], home: &Path) -> Result<String> {
    let mut document: Table = base.parse().context("the file of grants is no TOML")?;
    for (section, additions) in [("grants", grants), ("limits", limits)] {
        for addition in additions {
            let (path, value) = addition
                .split_once('=')
                .filter(|(path, _)| path.split('.').all(|key| !key.trim().is_empty()))
                .with_context(|| format!("`{addition}` is not of the form path=value"))?;
            let mut keys: Vec<&str> = path.split('.').map(str::trim).collect();
            keys.insert(0, section);
            set(&mut document, &keys, read_value(value.trim()))
                .with_context(|| format!("`{addition}` cannot be added"))?;
        }
    }
    let directories = document.get_mut("grants").and_then(|grants| grants.get_mut("directories"));
    for (_, directory) in directories.and_then(Value::as_table_mut).into_iter().flatten() {
        if let Some(Value::String(path)) = directory.get_mut("path") {
            *path = home.join(&*path).display().to_string();
        }
    }
    Ok(document.to_string())
}

/// The text of a file of grants as JSON, for programs that read what an operator granted.
///
/// # Errors
/// When it is no TOML.
pub fn grants_as_json(text: &str) -> Result<serde_json::Value> {
    toml::from_str(text).context("the file of grants is no TOML")
}

fn read_value(text: &str) -> Value {
    let read = format!("value = {text}").parse::<Table>().ok().and_then(|mut table| table.remove("value"));
    read.unwrap_or_else(|| Value::String(text.to_owned()))
}

fn set(table: &mut Table, keys: &[&str], value: Value) -> Result<()> {
    let Some((key, rest)) = keys.split_first() else { return Ok(()) };
    if rest.is_empty() {
        table.insert((*key).to_owned(), value);
        return Ok(());
    }
    match table.entry(*key).or_insert_with(|| Value::Table(Table::new())) {
        Value::Table(inner) => set(inner, rest, value),
        _ => bail!("`{key}` is no table"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn merged(base: &str, grants: &[&str], limits: &[&str]) -> Result<Table> {
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        Ok(merge_grants(base, &owned(grants), &owned(limits), Path::new("/home"))?.parse()?)
    }

    #[test]
    fn additions_go_over_the_file_and_leave_the_rest_of_it() {
        let base = "[grants.connectors]\na = \"read\"\nb = \"read\"\n[limits]\nmemory_mb = 8\n";
        let read = merged(base, &["connectors.b=read-write", "env=[\"HOME\"]"], &["memory_mb=64"]).expect("merges");
        let wanted = "grants.connectors = { a = \"read\", b = \"read-write\" }\ngrants.env = [\"HOME\"]\nlimits.memory_mb = 64\n";
        assert_eq!(read, wanted.parse::<Table>().expect("reads"));
    }

    #[test]
    fn a_folder_is_below_the_home() {
        let directories = "grants.directories = { inbox = { path = \"data/in\" }, tmp = { path = \"/tmp\" } }";
        let read = merged(directories, &[], &[]).expect("merges").to_string();
        assert!(read.contains("\"/home/data/in\"") && read.contains("\"/tmp\""), "{read}");
    }

    #[test]
    fn an_addition_without_a_place_is_refused() {
        for bad in ["state", "=x", "a..b=1"] {
            assert!(merged("", &[bad], &[]).is_err(), "{bad}");
        }
        assert!(merged("grants = 1", &["state=true"], &[]).is_err());
    }
}
