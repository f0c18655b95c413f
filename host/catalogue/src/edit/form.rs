//! A job as JSON, with the keys of the file, into TOML: a new table from nothing, or the least change of the one there is.
//! What is equal is not touched, so its comments, order and spelling stay.

use host_model::{Json, JsonMap};
use toml::de::DeTable;
use toml_edit::{Array, ArrayOfTables, DocumentMut, InlineTable, Item, Table, TableLike, Value};

use super::{EditError, is_same};
use crate::finding::Findings;
use crate::overlay::NAMED_LISTS;
use crate::reader::json_object;
use crate::source::SourceFile;

/// Keys that are written first, in this order; the others follow as they come.
const FIRST_KEYS: [&str; 6] = ["id", "name", "app", "description", "tags", "enabled"];
/// Widest list on one line.
const WIDEST: usize = 100;

fn content(pointer: &str, why: impl Into<String>) -> EditError {
    EditError::Content { pointer: pointer.to_owned(), why: why.into() }
}

/// The one job that `text` declares.
///
/// # Errors
/// [`EditError::Content`] when it is not TOML, or not exactly one `[[jobs]]` table.
pub fn job_json(text: &str) -> Result<JsonMap, EditError> {
    let root = DeTable::parse(text).map_err(|error| content("", format!("not valid TOML: {}", error.message())))?;
    let one = || content("", "the text must be one `[[jobs]]` table with what belongs to it, and nothing else");
    if root.get_ref().len() != 1 {
        return Err(one());
    }
    let jobs = root.get_ref().get("jobs").and_then(|jobs| jobs.get_ref().as_array()).ok_or_else(one)?;
    let [job] = jobs.iter().as_slice() else { return Err(one()) };
    let is_header = text.get(job.span().start..).is_some_and(|at| at.starts_with("[["));
    let table = job.get_ref().as_table().filter(|_| is_header).ok_or_else(one)?;
    let mut out = Findings::new(SourceFile::new("", ""));
    let job = json_object(table, &mut out);
    match out.drain().into_iter().next() {
        Some(found) => Err(content("", found.message)),
        None => Ok(job),
    }
}

/// `job` without keys that are null: they are not there.
pub(super) fn without_nulls(job: &JsonMap) -> JsonMap {
    let keep = |(key, value): (&String, &Json)| match value {
        Json::Null => None,
        Json::Object(inner) => Some((key.clone(), Json::Object(without_nulls(inner)))),
        Json::Array(items) => {
            let clean = |item: &Json| match item {
                Json::Object(inner) => Json::Object(without_nulls(inner)),
                other => other.clone(),
            };
            Some((key.clone(), Json::Array(items.iter().map(clean).collect())))
        }
        other => Some((key.clone(), other.clone())),
    };
    job.iter().filter_map(keep).collect()
}

/// A new `[[jobs]]` table.
///
/// # Errors
/// [`EditError::Content`] for a value that TOML has no form for.
pub fn job_text(job: &JsonMap) -> Result<String, EditError> {
    let job = without_nulls(job);
    let first = FIRST_KEYS.iter().filter_map(|key| Some(((*key).to_owned(), job.get(*key)?.clone())));
    let mut ordered: JsonMap = first.collect();
    for (key, value) in &job {
        ordered.entry(key.clone()).or_insert_with(|| value.clone());
    }
    let mut table = Table::new();
    table.decor_mut().set_prefix("");
    set_table(&mut table, &ordered, "", true)?;
    print(table)
}

/// The text of the one job in `block`, changed so that it says `job`; what it says already is not touched.
///
/// # Errors
/// [`EditError::Content`] when the text is not TOML, or a value has no form in it.
pub fn edited(block: &str, job: &JsonMap) -> Result<String, EditError> {
    let plain = block.replace("\r\n", "\n");
    let mut document: DocumentMut =
        plain.parse().map_err(|error: toml_edit::TomlError| content("", error.message().to_owned()))?;
    let trailing = document.trailing().as_str().unwrap_or_default().to_owned();
    let jobs = document.get_mut("jobs").and_then(Item::as_array_of_tables_mut);
    let table = jobs.and_then(|jobs| jobs.get_mut(0)).ok_or_else(|| content("", "there is no job in the text"))?;
    set_table(table, &without_nulls(job), "", true)?;
    Ok(print(table.clone())? + &trailing)
}

fn print(mut table: Table) -> Result<String, EditError> {
    renumber(&mut table, &mut 0);
    let mut jobs = ArrayOfTables::new();
    jobs.push(table);
    let mut document = DocumentMut::new();
    document.insert("jobs", Item::ArrayOfTables(jobs));
    Ok(document.to_string())
}

/// Tables are printed by their position: those that were there keep their order, new ones stand where they are read best.
fn renumber(table: &mut Table, next: &mut isize) {
    table.set_position(Some(*next));
    *next += 1;
    let mut below: Vec<(isize, &mut Item)> = Vec::new();
    for (_, item) in table.iter_mut() {
        let place = match &*item {
            Item::Table(inner) if !inner.is_dotted() => inner.position().unwrap_or(-1),
            Item::ArrayOfTables(list) => list.iter().filter_map(Table::position).min().unwrap_or(isize::MAX),
            _ => continue,
        };
        below.push((place, item));
    }
    below.sort_by_key(|(place, _)| *place);
    for (_, item) in below {
        match item {
            Item::Table(inner) => renumber(inner, next),
            Item::ArrayOfTables(list) => list.iter_mut().for_each(|inner| renumber(inner, next)),
            _ => {}
        }
    }
}

pub(super) fn set_table(table: &mut dyn TableLike, want: &JsonMap, at: &str, is_job: bool) -> Result<(), EditError> {
    let gone: Vec<String> = table.iter().map(|(key, _)| key.to_owned()).filter(|key| !want.contains_key(key)).collect();
    for key in gone {
        table.remove(&key);
    }
    for (key, value) in want {
        let at = format!("{at}/{}", key.replace('~', "~0").replace('/', "~1"));
        match table.get_mut(key) {
            Some(item) if item_json(item).is_some_and(|found| is_same(&found, value)) => {}
            Some(item) => set_item(item, value, &at)?,
            None => {
                table.insert(key, new_item(key, value, &at, is_job)?);
            }
        }
    }
    Ok(())
}

fn set_item(item: &mut Item, want: &Json, at: &str) -> Result<(), EditError> {
    match (&mut *item, want) {
        (Item::Table(table), Json::Object(want)) => set_table(table, want, at, false),
        (Item::Value(Value::InlineTable(table)), Json::Object(want)) => set_table(table, want, at, false),
        (Item::ArrayOfTables(list), Json::Array(want)) if !want.is_empty() && want.iter().all(Json::is_object) => {
            set_list(list, want, at)
        }
        (Item::Value(Value::Array(array)), Json::Array(want)) => set_array(array, want, at),
        (Item::Value(value), want) => {
            let decor = value.decor().clone();
            *value = new_value(want, at)?;
            *value.decor_mut() = decor;
            Ok(())
        }
        (item, want) => {
            *item = Item::Value(new_value(want, at)?);
            Ok(())
        }
    }
}

/// Tables meet by name; one whose name is new takes the place of the one that stood there if that name is gone.
fn set_list(list: &mut ArrayOfTables, want: &[Json], at: &str) -> Result<(), EditError> {
    let mut old: Vec<Option<Table>> = list.iter().cloned().map(Some).collect();
    let name_of = |table: &Table| table.get("name").and_then(Item::as_str).map(str::to_owned);
    let wanted: Vec<Option<&str>> = want.iter().map(|item| item.get("name").and_then(Json::as_str)).collect();
    let place = list.iter().filter_map(Table::position).min();
    list.clear();
    for (index, item) in want.iter().enumerate() {
        let Json::Object(item) = item else { continue };
        let at = format!("{at}/{index}");
        let by_name = old.iter().position(|table| {
            table.as_ref().is_some_and(|table| name_of(table).is_some() && name_of(table).as_deref() == wanted[index])
        });
        let is_free = |table: &Table| name_of(table).is_none_or(|name| !wanted.contains(&Some(name.as_str())));
        let found = by_name.or_else(|| old.get(index).and_then(Option::as_ref).is_some_and(is_free).then_some(index));
        let mut table = found.and_then(|found| old[found].take()).unwrap_or_default();
        set_table(&mut table, item, &at, false)?;
        list.push(table);
    }
    // The list as a whole stays where it stood; `renumber` counts its tables through.
    list.iter_mut().for_each(|table| table.set_position(place));
    Ok(())
}

fn set_array(array: &mut Array, want: &[Json], at: &str) -> Result<(), EditError> {
    let old: Vec<Value> = array.iter().cloned().collect();
    let mut used = vec![false; old.len()];
    let multiline =
        old.first().and_then(|first| first.decor().prefix()?.as_str()).filter(|prefix| prefix.contains('\n'));
    let multiline = multiline.map(str::to_owned);
    array.clear();
    for (index, item) in want.iter().enumerate() {
        let at = format!("{at}/{index}");
        let is_equal =
            |value: &Value| item_json(&Item::Value(value.clone())).is_some_and(|found| is_same(&found, item));
        let equal = (0..old.len()).find(|place| !used[*place] && is_equal(&old[*place]));
        let mut value = match equal {
            Some(place) => {
                used[place] = true;
                old[place].clone()
            }
            None => match (old.get(index), item) {
                (Some(Value::InlineTable(table)), Json::Object(want)) if !used[index] => {
                    used[index] = true;
                    let mut table = table.clone();
                    set_table(&mut table, want, &at, false)?;
                    Value::InlineTable(table)
                }
                _ => {
                    let mut value = new_value(item, &at)?;
                    if let Some(prefix) = &multiline {
                        value.decor_mut().set_prefix(prefix.as_str());
                    }
                    value
                }
            },
        };
        if multiline.is_none() {
            value.decor_mut().set_prefix(if index == 0 { "" } else { " " });
            value.decor_mut().set_suffix("");
        }
        array.push_formatted(value);
    }
    Ok(())
}

fn new_item(key: &str, value: &Json, at: &str, is_job: bool) -> Result<Item, EditError> {
    match value {
        Json::Object(inner) if is_job && !inner.is_empty() => {
            let mut table = Table::new();
            set_table(&mut table, inner, at, false)?;
            Ok(Item::Table(table))
        }
        Json::Array(items)
            if is_job && NAMED_LISTS.contains(&key) && !items.is_empty() && items.iter().all(Json::is_object) =>
        {
            let mut list = ArrayOfTables::new();
            set_list(&mut list, items, at)?;
            Ok(Item::ArrayOfTables(list))
        }
        other => Ok(Item::Value(new_value(other, at)?)),
    }
}

fn new_value(value: &Json, at: &str) -> Result<Value, EditError> {
    Ok(match value {
        Json::Null => return Err(content(at, "a list cannot hold `null`")),
        Json::Bool(flag) => (*flag).into(),
        Json::String(text) => text.as_str().into(),
        Json::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => whole.into(),
            (None, Some(real)) if number.is_f64() => real.into(),
            _ => return Err(content(at, format!("the number `{number}` is too large"))),
        },
        Json::Array(items) => {
            let mut array = Array::new();
            for (index, item) in items.iter().enumerate() {
                array.push_formatted(new_value(item, &format!("{at}/{index}"))?);
            }
            array.fmt();
            if array.to_string().len() > WIDEST && items.len() > 1 {
                array.iter_mut().for_each(|item| item.decor_mut().set_prefix("\n  "));
                array.set_trailing("\n");
                array.set_trailing_comma(true);
            }
            Value::Array(array)
        }
        Json::Object(inner) => {
            let mut table = InlineTable::new();
            for (key, item) in inner {
                table.insert(key, new_value(item, &format!("{at}/{key}"))?);
            }
            Value::InlineTable(table)
        }
    })
}

/// What an item says; `None` for what JSON cannot.
fn item_json(item: &Item) -> Option<Json> {
    let table = |table: &dyn TableLike| -> Option<Json> {
        table
            .iter()
            .map(|(key, item)| Some((key.to_owned(), item_json(item)?)))
            .collect::<Option<JsonMap>>()
            .map(Json::Object)
    };
    match item {
        Item::None => None,
        Item::Table(inner) => table(inner),
        Item::ArrayOfTables(list) => list.iter().map(|inner| table(inner)).collect::<Option<_>>().map(Json::Array),
        Item::Value(value) => match value {
            Value::String(text) => Some(text.value().as_str().into()),
            Value::Integer(number) => Some((*number.value()).into()),
            Value::Float(number) => serde_json::Number::from_f64(*number.value()).map(Json::Number),
            Value::Boolean(flag) => Some((*flag.value()).into()),
            Value::Datetime(date) => Some(date.value().to_string().into()),
            Value::InlineTable(inner) => table(inner),
            Value::Array(items) => {
                items.iter().map(|item| item_json(&Item::Value(item.clone()))).collect::<Option<_>>().map(Json::Array)
            }
        },
    }
}
