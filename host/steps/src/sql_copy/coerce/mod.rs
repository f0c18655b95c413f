//! What happens to cells between source and target: nothing, blanks stripped, or the rules of JD Edwards; and last, what
//! stands for an absent value where the target's pool wants one. Settled per column before the first row moves
//! ([`plan`]), applied cell by cell by the reader ([`Rules::apply`]).
//!
//! Not here: how a type is spelled in a database (`types`), where the data dictionary is read (`dictionary`), the
//! conversions themselves (`value`).

pub(super) mod dictionary;
mod value;

use std::sync::atomic::{AtomicU64, Ordering};

use host_model::StepError;
use host_model::job::spec::{DecimalMode, SourceTable, SqlCopySpec, TypeCoercion};

use super::plan::SourceColumn;
use super::types::{SourceType, Standard};
use crate::connector::cell::Cell;
use crate::connector::fault::Place;
use dictionary::{Dictionary, Item};

/// What is done to the cells of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rule {
    /// Nothing.
    Keep,
    /// White space is cut off: at the end, or on both sides; NUL goes too when `drop_nul`.
    Trim { both: bool, drop_nul: bool },
    /// What is behind the point is cut off.
    Whole,
    /// `CYYDDD` becomes a date, 0 and blank become NULL.
    Julian,
    /// The point moves `digits` to the left; a physical fraction is cut off first when `whole`.
    Scale { digits: u32, whole: bool },
}

/// What a target column holds, as far as rules care.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taste {
    /// Numbers.
    Number,
    /// Dates, times, booleans, identifiers: no text, no number.
    Other,
    /// Text, bytes, or anything at all.
    Text,
}

/// What is written where there is nothing (`coalesce_nulls`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Filler {
    /// One space, for NULL and for an empty text.
    Blank,
    /// The number 0, for NULL.
    Zero,
}

/// The columns of a copy after coercion, and the rules that get them there.
pub(super) struct Plan {
    /// As the target is to see them.
    pub(super) columns: Vec<SourceColumn>,
    rules: Vec<Planned>,
    is_jde: bool,
}

#[derive(Clone, Copy)]
struct Planned {
    rule: Rule,
    /// The step itself says so, and not the data dictionary.
    is_asked_for: bool,
}

/// The rules in force, one for each column.
pub(super) struct Rules {
    rules: Vec<Rule>,
    /// Blank text becomes NULL: the target's column holds no text.
    blank_is_null: Vec<bool>,
    /// What an absent value becomes, after everything else.
    fillers: Vec<Option<Filler>>,
    /// Names of the columns, for [`Rules::oddities`].
    names: Vec<String>,
    /// Numbers in date columns that are no dates.
    odd: Vec<AtomicU64>,
}

/// Settles what happens to each column of the source. `trims` is the `trim_strings` of its pool.
pub(super) fn plan(
    spec: &SqlCopySpec,
    source: &[SourceColumn],
    dictionary: &Dictionary,
    trims: bool,
    place: &Place,
) -> Result<Plan, StepError> {
    for (key, names) in [("strip_both_columns", &spec.strip_both_columns), ("julian_columns", &spec.julian_columns)] {
        names.iter().try_for_each(|name| must_exist(key, name, source, place))?;
    }
    spec.decimal_columns.keys().try_for_each(|name| must_exist("decimal_columns", name, source, place))?;
    let is_jde = spec.type_coercion == TypeCoercion::Jde;
    let table = match &spec.source.table {
        SourceTable::Table { table, .. } => Some(table.as_str()),
        SourceTable::Query(_) => None,
    };
    let mut columns = Vec::with_capacity(source.len());
    let mut rules = Vec::with_capacity(source.len());
    for column in source {
        let strips_both = is_listed(&spec.strip_both_columns, &column.name);
        if !is_jde {
            let rule = match (strips_both, trims && column.source_type.is_text()) {
                (false, false) => Rule::Keep,
                (both, _) => Rule::Trim { both, drop_nul: false },
            };
            rules.push(Planned { rule, is_asked_for: true });
            columns.push(column.clone());
            continue;
        }
        let (planned, standard) = jde(spec, column, table, dictionary, strips_both, place)?;
        rules.push(planned);
        columns.push(SourceColumn {
            name: column.name.to_lowercase(),
            source_type: SourceType::Standard(standard),
            is_sampled: false,
            // JD Edwards' word for "no date" is 0, ours is NULL.
            is_not_null: column.is_not_null && planned.rule != Rule::Julian,
            key: column.key,
        });
    }
    Ok(Plan { columns, rules, is_jde })
}

/// The rule and the target type of one column, by the table in `docs/sql-copy.md`.
fn jde(
    spec: &SqlCopySpec,
    column: &SourceColumn,
    table: Option<&str>,
    dictionary: &Dictionary,
    strips_both: bool,
    place: &Place,
) -> Result<(Planned, Standard), StepError> {
    let standard = column.source_type.standard();
    let truncates = spec.decimal_mode == DecimalMode::Truncate;
    let digits = spec.decimal_columns.iter().find(|(name, _)| name.eq_ignore_ascii_case(&column.name));
    let is_julian = is_listed(&spec.julian_columns, &column.name);
    let item = dictionary.item(table, &column.name);
    let asked = |rule| Planned { rule, is_asked_for: true };
    if let Some(key) = match (is_julian, digits) {
        _ if standard.is_number() => None,
        (true, _) => Some("julian_columns"),
        (_, Some(_)) => Some("decimal_columns"),
        _ => None,
    } {
        return Err(place.definition(format!("`{key}` names the column `{}`, which holds no numbers", column.name)));
    }
    Ok(match standard {
        _ if is_julian => (asked(Rule::Julian), Standard::Date),
        _ if digits.is_some() => {
            let digits = digits.map_or(0, |(_, digits)| *digits);
            (asked(Rule::Scale { digits, whole: truncates }), standard.scaled(digits, truncates))
        }
        number if number.is_number() => match item {
            Some(Item::Date) => (Planned { rule: Rule::Julian, is_asked_for: false }, Standard::Date),
            // `truncate` keeps the stored whole number, so the dictionary's decimals only count without it.
            Some(Item::Decimals(digits)) if !truncates => {
                let rule = Rule::Scale { digits, whole: false };
                (Planned { rule, is_asked_for: false }, number.scaled(digits, false))
            }
            _ => match number {
                Standard::Bigint => (asked(Rule::Whole), Standard::Bigint),
                Standard::Numeric(Some((_, 0))) => (asked(Rule::Whole), Standard::Bigint),
                _ if truncates => (asked(Rule::Whole), Standard::Bigint),
                kept => (asked(Rule::Keep), kept),
            },
        },
        text @ (Standard::Varchar(_) | Standard::Text) if column.source_type.is_text() => {
            (asked(Rule::Trim { both: strips_both, drop_nul: true }), text)
        }
        other => (asked(Rule::Keep), other),
    })
}

fn is_listed(names: &[String], column: &str) -> bool {
    names.iter().any(|name| name.eq_ignore_ascii_case(column))
}

fn must_exist(key: &str, name: &str, source: &[SourceColumn], place: &Place) -> Result<(), StepError> {
    match source.iter().any(|c| c.name.eq_ignore_ascii_case(name)) {
        true => Ok(()),
        false => Err(place.definition(format!("`{key}` names `{name}`, which is no column of the source"))),
    }
}

impl Plan {
    /// Fits the rules to the columns that are there: what only the data dictionary says gives way to a target column
    /// of another kind, and blank text becomes NULL where there can be no text. `coalesces` is the `coalesce_nulls` of the
    /// target's pool.
    pub(super) fn settle(self, tastes: &[Taste], coalesces: bool) -> Rules {
        let taste = |n: usize| tastes.get(n).copied().unwrap_or(Taste::Text);
        let fit = |(n, planned): (usize, &Planned)| match (planned.rule, taste(n)) {
            (Rule::Julian, Taste::Number) if !planned.is_asked_for => Rule::Whole,
            (rule, _) => rule,
        };
        let filler = |(n, column): (usize, &SourceColumn)| match taste(n) {
            _ if !coalesces => None,
            Taste::Number => Some(Filler::Zero),
            Taste::Other => None,
            Taste::Text if column.source_type.standard().is_number() => Some(Filler::Zero),
            Taste::Text => column.source_type.is_text().then_some(Filler::Blank),
        };
        Rules {
            rules: self.rules.iter().enumerate().map(fit).collect(),
            fillers: self.columns.iter().enumerate().map(filler).collect(),
            blank_is_null: (0..self.rules.len()).map(|n| self.is_jde && taste(n) != Taste::Text).collect(),
            odd: self.rules.iter().map(|_| AtomicU64::new(0)).collect(),
            names: self.columns.into_iter().map(|c| c.name).collect(),
        }
    }
}

impl Rules {
    /// Whether the cells of column `n` pass as they are.
    pub(super) fn keeps(&self, n: usize) -> bool {
        self.rule(n) == Rule::Keep && self.fillers.get(n).is_none_or(Option::is_none)
    }

    pub(super) fn rule(&self, n: usize) -> Rule {
        self.rules.get(n).copied().unwrap_or(Rule::Keep)
    }

    /// The cell as the target is to get it. What a rule cannot make anything of passes as it is, so that the target
    /// refuses it by name.
    pub(super) fn apply<'a>(&self, n: usize, cell: Cell<'a>, scratch: &'a mut String) -> Cell<'a> {
        match (self.coerce(n, cell, scratch), self.fillers[n]) {
            (Cell::Null | Cell::Text(""), Some(Filler::Blank)) => Cell::Text(" "),
            (Cell::Null, Some(Filler::Zero)) => Cell::Int(0),
            (cell, _) => cell,
        }
    }

    fn coerce<'a>(&self, n: usize, cell: Cell<'a>, scratch: &'a mut String) -> Cell<'a> {
        let is_blank = |text: &str| self.blank_is_null[n] && text.trim().is_empty();
        match (self.rule(n), cell) {
            (Rule::Keep, cell) | (_, cell @ Cell::Null) => cell,
            (Rule::Julian, cell) => match value::julian(cell) {
                Ok(date) => date.map_or(Cell::Null, |date| value::date_cell(date, scratch)),
                Err(value::NoDate) => {
                    self.odd[n].fetch_add(1, Ordering::Relaxed);
                    Cell::Null
                }
            },
            (_, Cell::Text(text)) if is_blank(text) => Cell::Null,
            (Rule::Trim { both, drop_nul }, Cell::Text(text)) => value::trimmed(text, both, drop_nul, scratch),
            (Rule::Trim { .. }, cell) => cell,
            (Rule::Whole, cell) => value::whole(cell, scratch),
            (Rule::Scale { digits, whole }, cell) => value::scaled(cell, digits, whole, scratch),
        }
    }

    /// Columns with numbers that are no dates, and how many.
    pub(super) fn oddities(&self) -> Vec<(&str, u64)> {
        let counted = self.names.iter().zip(&self.odd).map(|(name, odd)| (name.as_str(), odd.load(Ordering::Relaxed)));
        counted.filter(|(_, count)| *count > 0).collect()
    }
}

#[cfg(test)]
mod tests;
