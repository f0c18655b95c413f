//! From the values of an attribute to a cell that fits its column. The rules are those of `docs/ldap-sync.md`; what fits
//! no rule is an error that names entry, attribute and column, never a guess.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use host_model::job::spec::{LdapSyncSpec, MultiValues};
use host_model::plugin_port::{DirectoryEntry, DirectoryValues};
use host_model::value::{Row, Value};
use host_model::{Json, StepError};

/// Attributes that hold a GUID of Microsoft: 16 bytes, the first three groups little-endian.
const GUIDS: [&str; 4] = ["objectguid", "ms-ds-consistencyguid", "msexchmailboxguid", "msexcharchiveguid"];
/// Attributes that hold security identifiers.
const SIDS: [&str; 4] = ["objectsid", "sidhistory", "tokengroups", "securityidentifier"];
/// Attributes that are bytes even where they happen to be text.
const BINARY: [&str; 9] = [
    "jpegphoto",
    "thumbnailphoto",
    "thumbnaillogo",
    "photo",
    "audio",
    "usercertificate",
    "usersmimecertificate",
    "cacertificate",
    "logonhours",
];
/// Microsoft's word for never, in 100 ns since 1601.
const NEVER: i64 = i64::MAX;

/// What kind of cell a column takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    Text,
    Bytes,
    Bool,
    Int,
    Decimal,
    Float,
    Date,
    /// `has_zone`: it holds instants.
    Timestamp {
        has_zone: bool,
    },
}

impl Class {
    /// From the type's name as a session reports it.
    pub(super) fn of(kind: &str) -> Self {
        let kind = kind.trim().to_ascii_lowercase();
        let word = kind.split(['(', ' ']).next().unwrap_or_default();
        match word {
            "bool" | "boolean" | "bit" => Self::Bool,
            "bytea" | "binary" | "varbinary" | "raw" | "image" | "rowversion" => Self::Bytes,
            _ if word.ends_with("blob") => Self::Bytes,
            "long" if kind == "long raw" => Self::Bytes,
            "date" => Self::Date,
            "timestamptz" | "datetimeoffset" => Self::Timestamp { has_zone: true },
            "timestamp" | "datetime" | "datetime2" | "smalldatetime" => {
                Self::Timestamp { has_zone: kind.contains("with time zone") || kind.contains("with local time zone") }
            }
            "numeric" | "decimal" | "number" | "money" => Self::Decimal,
            "real" | "double" | "float" | "float4" | "float8" | "binary_float" | "binary_double" => Self::Float,
            "int" | "integer" | "int2" | "int4" | "int8" | "bigint" | "smallint" | "tinyint" | "mediumint" => Self::Int,
            _ => Self::Text,
        }
    }
}

/// One attribute and its column.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Mapped {
    pub(super) attribute: String,
    /// The column, or parameter, as the step names it.
    pub(super) column: String,
    multi: MultiValues,
}

/// All of them, in the order of the step.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Mapping {
    pub(super) mapped: Vec<Mapped>,
    separator: String,
}

impl Mapping {
    /// Reads the step; without a mapping, each attribute goes to the column of its name.
    pub(super) fn of(spec: &LdapSyncSpec) -> Result<Self, StepError> {
        let multi = spec.multi_values;
        let mapped: Vec<Mapped> = if spec.mapping.is_empty() {
            let one = |name: &String| Mapped { attribute: name.clone(), column: name.clone(), multi };
            spec.attributes.iter().map(one).collect()
        } else {
            let one = |(attribute, to): (&String, &Json)| {
                let (column, word) = match to {
                    Json::Object(table) => (table.get("column"), table.get("multi_values")),
                    other => (Some(other), None),
                };
                let multi = word.and_then(Json::as_str).map_or(Some(multi), MultiValues::parse)?;
                let column = column.and_then(Json::as_str).filter(|name| !name.is_empty())?.to_owned();
                Some(Mapped { attribute: attribute.clone(), column, multi })
            };
            let wrong = || StepError::definition("`mapping` names an attribute without a column");
            spec.mapping.iter().map(one).collect::<Option<_>>().ok_or_else(wrong)?
        };
        if mapped.is_empty() {
            return Err(StepError::definition("neither `mapping` nor `attributes` says what to read"));
        }
        Ok(Self { mapped, separator: spec.separator.clone() })
    }

    /// What the server is asked for.
    pub(super) fn attributes(&self) -> Vec<String> {
        let names: Vec<String> = self.mapped.iter().map(|m| m.attribute.clone()).filter(|name| !is_dn(name)).collect();
        // "No attributes"; an empty list would be all of them.
        if names.is_empty() { vec!["1.1".to_owned()] } else { names }
    }

    /// The row of an entry, for columns of these classes.
    pub(super) fn row(&self, entry: &DirectoryEntry, classes: &[Class]) -> Result<Row, StepError> {
        let cells = self.mapped.iter().zip(classes).map(|(mapped, class)| {
            let values = find(entry, &mapped.attribute).map_err(|why| (mapped, why))?;
            self.cell(mapped, *class, values).map_err(|why| (mapped, why))
        });
        cells.collect::<Result<Row, _>>().map_err(|(mapped, why)| {
            let Mapped { attribute, column, .. } = mapped;
            StepError::definition(format!("entry `{}`: attribute `{attribute}` for `{column}` {why}", entry.dn))
        })
    }

    fn cell(&self, mapped: &Mapped, class: Class, mut values: Vec<Vec<u8>>) -> Result<Value, String> {
        if mapped.multi == MultiValues::First {
            values.truncate(1);
        }
        if values.is_empty() {
            return Ok(Value::Null);
        }
        if class == Class::Text {
            let mut texts: Vec<String> = values.into_iter().map(|value| text(&mapped.attribute, value)).collect();
            // Values have no order of their own; sorted, the same ones are the same cell.
            texts.sort();
            return Ok(Value::Text(match mapped.multi {
                MultiValues::Json => Json::from(texts).to_string(),
                MultiValues::Join | MultiValues::First => texts.join(&self.separator),
            }));
        }
        let count = values.len();
        let Some(value) = values.pop().filter(|_| count == 1) else {
            return Err(format!(
                "has {count} values, and the column takes one; `multi_values = \"first\"` takes the first"
            ));
        };
        if class == Class::Bytes {
            return Ok(Value::Bytes(value));
        }
        let text = String::from_utf8(value).map_err(|_| "holds bytes that are no text".to_owned())?;
        let shown: String = text.chars().take(40).collect();
        typed(text.trim(), class).ok_or_else(|| format!("holds `{shown}`, which does not fit the column"))
    }
}

fn is_dn(attribute: &str) -> bool {
    attribute.eq_ignore_ascii_case("dn")
}

/// The values of an attribute, in any case and also as `name;binary`; none when the entry does not have it.
fn find(entry: &DirectoryEntry, attribute: &str) -> Result<Vec<Vec<u8>>, String> {
    if is_dn(attribute) {
        return Ok(vec![entry.dn.clone().into_bytes()]);
    }
    let mut found = Vec::new();
    for (name, values) in &entry.attributes {
        let (base, option) = name.split_once(';').unwrap_or((name, ""));
        if name.eq_ignore_ascii_case(attribute) || base.eq_ignore_ascii_case(attribute) && option == "binary" {
            match values {
                DirectoryValues::Texts(texts) => found.extend(texts.iter().map(|text| text.clone().into_bytes())),
                DirectoryValues::Bytes(bytes) => found.extend(bytes.iter().cloned()),
            }
        } else if base.eq_ignore_ascii_case(attribute) && option.starts_with("range=") {
            return Err("has more values than the server gives at once".to_owned());
        }
    }
    Ok(found)
}

/// A value in a column of text.
fn text(attribute: &str, value: Vec<u8>) -> String {
    let (base, option) = attribute.split_once(';').unwrap_or((attribute, ""));
    let name = base.to_ascii_lowercase();
    let known = if GUIDS.contains(&name.as_str()) {
        <[u8; 16]>::try_from(value.as_slice()).ok().map(|bytes| guid(&bytes))
    } else if SIDS.contains(&name.as_str()) {
        sid(&value)
    } else if BINARY.contains(&name.as_str()) || option == "binary" {
        None
    } else {
        return String::from_utf8(value).unwrap_or_else(|error| STANDARD.encode(error.into_bytes()));
    };
    known.unwrap_or_else(|| STANDARD.encode(value))
}

fn guid(bytes: &[u8; 16]) -> String {
    const ORDER: [usize; 16] = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];
    let mut text = String::with_capacity(36);
    for (at, from) in ORDER.into_iter().enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        text.push_str(&format!("{:02x}", bytes[from]));
    }
    text
}

/// `S-1-5-21-…`: revision, count, a big-endian authority of 48 bits, little-endian parts of 32.
fn sid(bytes: &[u8]) -> Option<String> {
    let (&[revision, count], rest) = bytes.split_first_chunk::<2>()?;
    let (authority, parts) = rest.split_first_chunk::<6>()?;
    if parts.len() != usize::from(count) * 4 {
        return None;
    }
    let authority = authority.iter().fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
    let mut text = format!("S-{revision}-{authority}");
    for part in parts.as_chunks::<4>().0 {
        text.push_str(&format!("-{}", u32::from_le_bytes(*part)));
    }
    Some(text)
}

/// A value in a column of another type.
fn typed(text: &str, class: Class) -> Option<Value> {
    Some(match class {
        Class::Text | Class::Bytes => return None,
        Class::Bool => match text.to_ascii_lowercase().as_str() {
            "true" | "1" => Value::Bool(true),
            "false" | "0" => Value::Bool(false),
            _ => return None,
        },
        Class::Int => Value::Int(text.parse().ok()?),
        Class::Decimal => {
            let digits = text.strip_prefix('-').unwrap_or(text);
            let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
            let is_digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
            if !is_digits(whole) || !is_digits(fraction) {
                return None;
            }
            Value::Decimal(text.to_owned())
        }
        Class::Float => Value::Float(text.parse().ok()?),
        Class::Date | Class::Timestamp { .. } => match instant(text)? {
            None => Value::Null,
            Some(at) if class == Class::Date => Value::Date(at.format("%Y-%m-%d").to_string()),
            Some(at) => {
                let zone = if class == (Class::Timestamp { has_zone: true }) { "Z" } else { "" };
                Value::Timestamp(format!("{}{zone}", at.format("%Y-%m-%dT%H:%M:%S%.f")))
            }
        },
    })
}

/// GeneralizedTime, or Microsoft's count of 100 ns since 1601, where 0 and the largest number mean never.
fn instant(text: &str) -> Option<Option<DateTime<Utc>>> {
    if text.bytes().all(|b| b.is_ascii_digit()) && (text == "0" || text.len() >= 16) {
        let ticks: i64 = text.parse().ok()?;
        if ticks == 0 || ticks == NEVER {
            return Some(None);
        }
        let since = TimeDelta::microseconds(ticks / 10);
        let begin = NaiveDateTime::parse_from_str("1601-01-01T00:00:00", "%Y-%m-%dT%H:%M:%S").ok()?.and_utc();
        return Some(Some(begin.checked_add_signed(since)?));
    }
    // `YYYYMMDDHH[MM[SS]][.fraction]` and `Z` or an offset.
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (moment, rest) = text.split_at(digits);
    let zone_at = rest.find(['Z', '+', '-'])?;
    let (fraction, zone) = rest.split_at(zone_at);
    let padded = match moment.len() {
        10 => format!("{moment}0000"),
        12 => format!("{moment}00"),
        14 => moment.to_owned(),
        _ => return None,
    };
    let fraction = fraction.trim_start_matches(['.', ',']);
    if !fraction.is_empty() && moment.len() != 14 {
        return None;
    }
    let offset = match zone {
        "Z" => "+0000".to_owned(),
        hours if hours.len() == 3 => format!("{hours}00"),
        other => other.to_owned(),
    };
    let fraction = if fraction.is_empty() { "0" } else { fraction };
    DateTime::parse_from_str(&format!("{padded}.{fraction}{offset}"), "%Y%m%d%H%M%S%.f%z")
        .ok()
        .map(|at| Some(at.with_timezone(&Utc)))
}

#[cfg(test)]
mod tests;
