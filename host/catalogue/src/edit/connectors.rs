//! `connectors.toml`, `app.toml` and files of grants while a connector of theirs is changed, renamed or taken out: texts to
//! texts, with the comments and the order of whoever wrote them. Nothing is read from a disk or written to it here.
//!
//! Invariant: a text that was changed is read back, and says what was meant and nothing else.

use host_model::diagnostic::Diagnostic;
use host_model::{Json, JsonMap};
use toml::de::DeTable;
use toml_edit::{DocumentMut, InlineTable, Item, Key, Table, TableLike, Value};

use super::form::{set_table, without_nulls};
use super::pointer::{Place, place_in_file};
use super::{EditError, is_same};
use crate::finding::Findings;
use crate::reader::json_object;
use crate::source::SourceFile;

/// What the file is called.
pub const CONNECTORS_FILE: &str = "connectors.toml";

/// A part of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    /// `[pools.<name>]`
    Pools,
    /// `[connectors.<name>]`
    Connectors,
}

impl Section {
    /// The key at the top of the file.
    pub fn key(self) -> &'static str {
        match self {
            Self::Pools => "pools",
            Self::Connectors => "connectors",
        }
    }
}

/// The file, and what it says.
#[derive(Debug, Clone)]
pub struct ConnectorsText {
    text: String,
    says: JsonMap,
}

impl ConnectorsText {
    /// Reads a text.
    ///
    /// # Errors
    /// [`EditError::Broken`] when it is not TOML, [`EditError::Unfit`] when it says something JSON cannot.
    pub fn parse(text: &str) -> Result<Self, EditError> {
        Ok(Self { text: text.to_owned(), says: says(text, CONNECTORS_FILE)? })
    }

    /// The text as it is now.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What stands under one name, with the keys of the file.
    pub fn find(&self, section: Section, name: &str) -> Option<&JsonMap> {
        self.says.get(section.key())?.get(name)?.as_object()
    }

    /// Everything of a section, by name.
    pub fn all(&self, section: Section) -> impl Iterator<Item = (&str, &JsonMap)> {
        let tables = self.says.get(section.key()).and_then(Json::as_object).into_iter().flatten();
        tables.filter_map(|(name, table)| Some((name.as_str(), table.as_object()?)))
    }

    /// The pool that a connector uses; `None` for a directory, or a connector there is not.
    pub fn pool_of(&self, connector: &str) -> Option<String> {
        let table = self.find(Section::Connectors, connector)?;
        if table.get("type").and_then(Json::as_str) == Some("ldap") {
            return None;
        }
        Some(table.get("pool").and_then(Json::as_str).unwrap_or(connector).to_owned())
    }

    /// The connectors that use a pool.
    pub fn users_of_pool(&self, pool: &str) -> Vec<String> {
        let names = self.all(Section::Connectors).map(|(name, _)| name.to_owned());
        names.filter(|name| self.pool_of(name).as_deref() == Some(pool)).collect()
    }

    /// Puts `want` under a name: a new table, or the least change of the one there is.
    ///
    /// # Errors
    /// [`EditError::Content`] for a value TOML has no form for, [`EditError::Misread`] when the outcome is not what was
    /// meant.
    pub fn set(&mut self, section: Section, name: &str, want: &JsonMap) -> Result<(), EditError> {
        let mut want = without_nulls(want);
        if want.get("queries").and_then(Json::as_object).is_some_and(JsonMap::is_empty) {
            want.remove("queries");
        }
        let mut document = document(&self.text)?;
        let parent = section_of(&mut document, section)?;
        let is_inline = parent.iter().next().is_some_and(|(_, item)| matches!(item, Item::Value(_)));
        if !parent.contains_key(name) {
            let new = if is_inline { InlineTable::new().into() } else { Item::Table(Table::new()) };
            parent.insert(name, new);
        }
        let item = parent.get_mut(name).ok_or_else(misread)?;
        make_room_for_queries(item, &want);
        let table = item.as_table_like_mut().ok_or_else(|| unfit(format!("`{name}` is not a table")))?;
        set_table(table, &want, "", false)?;
        let mut meant = self.says.clone();
        section_map(&mut meant, section)?.insert(name.to_owned(), Json::Object(want));
        self.accept(&document, meant)
    }

    /// Takes a name out, with the comments right above it.
    ///
    /// # Errors
    /// Like [`ConnectorsText::set`].
    pub fn remove(&mut self, section: Section, name: &str) -> Result<(), EditError> {
        let mut document = document(&self.text)?;
        let removed = section_of(&mut document, section)?.remove(name);
        if let Some(Item::Table(table)) = removed {
            keep_comments(&mut document, &table);
        }
        let mut meant = self.says.clone();
        section_map(&mut meant, section)?.remove(name);
        self.accept(&document, meant)
    }

    /// Gives what stands under a name another one, where it stands.
    ///
    /// # Errors
    /// Like [`ConnectorsText::set`].
    pub fn rename(&mut self, section: Section, from: &str, to: &str) -> Result<(), EditError> {
        let mut document = document(&self.text)?;
        rename_in(document.get_mut(section.key()), from, to);
        let mut meant = self.says.clone();
        let tables = section_map(&mut meant, section)?;
        if let Some(table) = tables.remove(from) {
            tables.insert(to.to_owned(), table);
        }
        self.accept(&document, meant)
    }

    /// Where in the file a finding is: `/pools/erp/url`.
    pub fn places_of(&self, found: &Diagnostic) -> Vec<Place> {
        place_in_file(&self.text, found)
    }

    fn accept(&mut self, document: &DocumentMut, mut meant: JsonMap) -> Result<(), EditError> {
        let text = printed(document, &self.text);
        let mut said = says(&text, CONNECTORS_FILE).map_err(|_| misread())?;
        for map in [&mut meant, &mut said] {
            map.retain(|_, value| value.as_object().is_none_or(|inner| !inner.is_empty()));
        }
        if !is_same(&Json::Object(said.clone()), &Json::Object(meant)) {
            return Err(misread());
        }
        *self = Self { text, says: said };
        Ok(())
    }
}

/// `text` of a file of grants with another name for a connector; `None` when it does not name it.
///
/// # Errors
/// [`EditError::Broken`] when it is not TOML.
pub fn renamed_in_grants(text: &str, file: &str, from: &str, to: &str) -> Result<Option<String>, EditError> {
    let before = says(text, file)?;
    let mut document = document(text)?;
    let Some(grants) = document.get_mut("grants").and_then(Item::as_table_like_mut) else { return Ok(None) };
    rename_in(grants.get_mut("connectors"), from, to);
    if let Some(list) = grants.get_mut("ldap").and_then(Item::as_array_mut) {
        for value in list.iter_mut().filter(|value| value.as_str() == Some(from)) {
            let decor = value.decor().clone();
            *value = Value::from(to);
            *value.decor_mut() = decor;
        }
    }
    changed(&document, text, file, &before)
}

/// `text` of `app.toml` with another name for a connector in its limits; `None` when it does not name it.
///
/// # Errors
/// [`EditError::Broken`] when it is not TOML.
pub fn renamed_in_limits(text: &str, from: &str, to: &str) -> Result<Option<String>, EditError> {
    let before = says(text, "app.toml")?;
    let mut document = document(text)?;
    let limits = document.get_mut("limits").and_then(Item::as_table_like_mut);
    rename_in(limits.and_then(|limits| limits.get_mut("connectors")), from, to);
    changed(&document, text, "app.toml", &before)
}

fn changed(document: &DocumentMut, text: &str, file: &str, before: &JsonMap) -> Result<Option<String>, EditError> {
    let new = printed(document, text);
    let after = says(&new, file).map_err(|_| EditError::Misread { file: file.to_owned() })?;
    Ok((after != *before).then_some(new))
}

fn misread() -> EditError {
    EditError::Misread { file: CONNECTORS_FILE.to_owned() }
}

fn unfit(why: String) -> EditError {
    EditError::Unfit { file: CONNECTORS_FILE.to_owned(), why }
}

pub(super) fn says(text: &str, file: &str) -> Result<JsonMap, EditError> {
    let root = DeTable::parse(text).map_err(|error| {
        let (line, _) = SourceFile::new(file, text).place(error.span().map_or(0, |span| span.start));
        EditError::Broken { file: file.to_owned(), line, why: error.message().to_owned() }
    })?;
    let mut out = Findings::new(SourceFile::new(file, ""));
    let says = json_object(root.get_ref(), &mut out);
    match out.drain().into_iter().next() {
        Some(found) => Err(EditError::Unfit { file: file.to_owned(), why: found.message }),
        None => Ok(says),
    }
}

pub(super) fn document(text: &str) -> Result<DocumentMut, EditError> {
    let plain = text.trim_start_matches('\u{feff}').replace("\r\n", "\n");
    plain.parse().map_err(|error: toml_edit::TomlError| unfit(error.message().to_owned()))
}

/// The document with the line breaks and the byte order mark of the text it came from.
pub(super) fn printed(document: &DocumentMut, was: &str) -> String {
    let mut text = document.to_string();
    if was.contains("\r\n") {
        text = text.replace('\n', "\r\n");
    }
    if was.starts_with('\u{feff}') { format!("\u{feff}{text}") } else { text }
}

fn section_map(says: &mut JsonMap, section: Section) -> Result<&mut JsonMap, EditError> {
    let value = says.entry(section.key()).or_insert_with(|| Json::Object(JsonMap::new()));
    value.as_object_mut().ok_or_else(|| unfit(format!("`{}` is not a table", section.key())))
}

fn section_of(document: &mut DocumentMut, section: Section) -> Result<&mut dyn TableLike, EditError> {
    let item = document.entry(section.key()).or_insert_with(implicit);
    item.as_table_like_mut().ok_or_else(|| unfit(format!("`{}` is not a table", section.key())))
}

fn implicit() -> Item {
    let mut table = Table::new();
    table.set_implicit(true);
    Item::Table(table)
}

/// Queries that are new get tables of their own, `[connectors.erp.queries.totals]`, where the others have them.
fn make_room_for_queries(connector: &mut Item, want: &JsonMap) {
    let (Item::Table(table), Some(queries)) = (connector, want.get("queries").and_then(Json::as_object)) else {
        return;
    };
    let Item::Table(parent) = table.entry("queries").or_insert_with(implicit) else { return };
    for name in queries.keys() {
        parent.entry(name).or_insert_with(|| Item::Table(Table::new()));
    }
}

fn rename_in(parent: Option<&mut Item>, from: &str, to: &str) {
    let renamed = |key: &Key| {
        let mut new = Key::new(to);
        *new.leaf_decor_mut() = key.leaf_decor().clone();
        *new.dotted_decor_mut() = key.dotted_decor().clone();
        new
    };
    match parent {
        Some(Item::Table(table)) => {
            if let Some((key, item)) = table.remove_entry(from) {
                table.insert_formatted(&renamed(&key), item);
            }
        }
        Some(Item::Value(Value::InlineTable(table))) => {
            if let Some((key, value)) = table.remove_entry(from) {
                table.insert_formatted(&renamed(&key), value);
            }
        }
        _ => {}
    }
}

/// Comments above a table that went, set apart from it by a blank line, are not about it: they go to what follows.
fn keep_comments(document: &mut DocumentMut, gone: &Table) {
    let prefix = gone.decor().prefix().and_then(|prefix| prefix.as_str()).unwrap_or_default();
    let Some((kept, _)) = prefix.rsplit_once("\n\n").filter(|(kept, _)| kept.contains('#')) else { return };
    let kept = format!("{kept}\n");
    let after = gone.position().unwrap_or(isize::MAX);
    let mut next: Option<&mut Table> = None;
    following(document.as_table_mut(), after, &mut next);
    match next {
        Some(table) => {
            let own = table.decor().prefix().and_then(|prefix| prefix.as_str()).unwrap_or("\n").to_owned();
            table.decor_mut().set_prefix(kept + &own);
        }
        None => {
            let own = document.trailing().as_str().unwrap_or_default().to_owned();
            document.set_trailing(kept + &own);
        }
    }
}

/// The first table that is printed after the position `after`.
fn following<'d>(table: &'d mut Table, after: isize, next: &mut Option<&'d mut Table>) {
    for (_, item) in table.iter_mut() {
        let Item::Table(inner) = item else { continue };
        let place = inner.position().filter(|at| *at > after && !inner.is_implicit() && !inner.is_dotted());
        let best = next.as_ref().and_then(|table| table.position()).unwrap_or(isize::MAX);
        // A table stands before those below it, so whoever is found need not be looked into.
        if place.is_some_and(|at| at < best) {
            *next = Some(inner);
        } else {
            following(inner, after, next);
        }
    }
}

#[cfg(test)]
#[path = "connectors_tests.rs"]
mod tests;
