//! What a template may see while one attempt is being prepared, and how each token finds its value there.

use std::collections::HashMap;

use chrono::{Datelike, Days, Months, NaiveDate};

use super::{DateWord, Part, Reveal, TemplateError, Token, parse};
use crate::diagnostic::nearest;
use crate::{Instant, JobId, Json, JsonMap, RunId, StepName, StepStatus};

/// What an earlier step left behind.
#[derive(Debug, Clone, PartialEq)]
pub struct StepResult {
    /// Its final status.
    pub status: StepStatus,
    /// Its output object; empty when it did not succeed.
    pub output: JsonMap,
}

/// The values tokens resolve to.
pub struct Scope<'a> {
    /// The run.
    pub run_id: RunId,
    /// Its job.
    pub job_id: &'a JobId,
    /// The slot, or the moment of the trigger.
    pub scheduled_at: Instant,
    /// The slot's day in the schedule's time zone.
    pub date: NaiveDate,
    /// Merged parameters of this step, their own tokens not filled in yet.
    pub params: &'a JsonMap,
    /// The parameters every step of the job shares, without those given to this step by name.
    pub shared: &'a JsonMap,
    /// Finished steps by name.
    pub steps: &'a HashMap<StepName, StepResult>,
    /// The step just before, if any.
    pub previous: Option<&'a StepName>,
    /// Reads an environment variable.
    pub env: &'a (dyn Fn(&str) -> Option<String> + Sync),
    /// Reads a secret.
    pub secret: &'a (dyn Fn(&str) -> Option<String> + Sync),
    /// What may be shown.
    pub reveal: Reveal,
}

/// How far parameters may refer to parameters.
const DEEPEST: u8 = 8;

type Missing = (String, Option<String>);

impl Scope<'_> {
    /// Resolves every token of `text`. One token alone keeps its value's type.
    ///
    /// # Errors
    /// [`TemplateError`] naming the token that cannot be parsed or has no value.
    pub fn resolve_text(&self, text: &str) -> Result<Json, TemplateError> {
        self.text_at(text, 0)
    }

    fn text_at(&self, text: &str, depth: u8) -> Result<Json, TemplateError> {
        let parts = parse(text)?;
        if let [Part::Token { token, start, end }] = parts.as_slice() {
            return self.value(token, &text[*start..*end], depth).map_err(|(message, hint)| TemplateError {
                message,
                hint,
                start: *start,
                end: *end,
            });
        }
        let mut out = String::with_capacity(text.len());
        for part in parts {
            match part {
                Part::Text(plain) => out.push_str(&plain),
                Part::Token { token, start, end } => match self.value(&token, &text[start..end], depth) {
                    Ok(Json::String(s)) => out.push_str(&s),
                    Ok(Json::Null) => {}
                    Ok(other) => out.push_str(&other.to_string()),
                    Err((message, hint)) => return Err(TemplateError { message, hint, start, end }),
                },
            }
        }
        Ok(Json::String(out))
    }

    /// Resolves every string inside `json`; keys stay as they are.
    ///
    /// # Errors
    /// As [`Scope::resolve_text`].
    pub fn resolve_json(&self, json: &Json) -> Result<Json, TemplateError> {
        self.json_at(json, 0)
    }

    fn json_at(&self, json: &Json, depth: u8) -> Result<Json, TemplateError> {
        Ok(match json {
            Json::String(text) => self.text_at(text, depth)?,
            Json::Array(items) => Json::Array(items.iter().map(|i| self.json_at(i, depth)).collect::<Result<_, _>>()?),
            Json::Object(map) => Json::Object(
                map.iter()
                    .map(|(key, value)| Ok((key.clone(), self.json_at(value, depth)?)))
                    .collect::<Result<_, TemplateError>>()?,
            ),
            other => other.clone(),
        })
    }

    /// The parameters this step works with, their tokens filled in.
    ///
    /// # Errors
    /// As [`Scope::resolve_text`].
    pub fn resolve_params(&self) -> Result<JsonMap, TemplateError> {
        self.params.iter().map(|(key, value)| Ok((key.clone(), self.json_at(value, 1)?))).collect()
    }

    /// Resolves every string inside `map`.
    ///
    /// # Errors
    /// As [`Scope::resolve_text`].
    pub fn resolve_map(&self, map: &JsonMap) -> Result<JsonMap, TemplateError> {
        map.iter().map(|(key, value)| Ok((key.clone(), self.resolve_json(value)?))).collect()
    }

    /// Where `${params.k}` looks. Written in a step's own arguments it means what is shared with the whole job, so that
    /// `minutes = "${params.minutes}"` passes a shared value on; written anywhere else it means what the step works with.
    fn layer(&self, path: &[String], depth: u8) -> &JsonMap {
        let is_shared = path.first().is_some_and(|key| self.shared.contains_key(key));
        if depth > 0 && is_shared { self.shared } else { self.params }
    }

    fn value(&self, token: &Token, written: &str, depth: u8) -> Result<Json, Missing> {
        match token {
            Token::Param(path) => {
                if depth == DEEPEST {
                    return Err((format!("parameters refer to each other in a circle, through `{written}`"), None));
                }
                // A parameter may be written with tokens of its own. Outputs of steps never are: data that happens
                // to hold `${` must not be read as a template.
                let found = walk_map(self.layer(path, depth), path, written)?;
                self.json_at(found, depth + 1).map_err(|e| match depth {
                    0 => (format!("`{written}`: {}", e.message), e.hint),
                    _ => (e.message, e.hint),
                })
            }
            Token::Step(name, path) => {
                let result = self.steps.get(name.as_str()).ok_or_else(|| {
                    let hint =
                        nearest(name, self.steps.keys().map(StepName::as_str)).map(|n| format!("did you mean `{n}`?"));
                    (format!("`{written}`: no step named `{name}` has finished"), hint)
                })?;
                output_of(result, name, path, written)
            }
            Token::PreviousStep(path) => {
                let name = self.previous.ok_or_else(|| (format!("`{written}`: this is the first step"), None))?;
                let result = self
                    .steps
                    .get(name)
                    .ok_or_else(|| (format!("`{written}`: step `{name}` has not finished"), None))?;
                output_of(result, name.as_str(), path, written)
            }
            Token::RunId => Ok(Json::String(self.run_id.to_string())),
            Token::JobId => Ok(Json::String(self.job_id.to_string())),
            Token::RunScheduledAt => {
                Ok(Json::String(self.scheduled_at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true)))
            }
            Token::Date(word) => render_date(*word, self.date)
                .map(Json::String)
                .ok_or_else(|| (format!("`{written}`: no such date"), None)),
            Token::Env(_) | Token::Secret(_) | Token::EnvOr(..) if self.reveal == Reveal::Masked => {
                Ok(Json::String(written.to_owned()))
            }
            Token::Env(name) | Token::EnvOr(name, None) => (self.env)(name).map(Json::String).ok_or_else(|| {
                let hint = format!("set `{name}` for the server, or give a default: `${{{name}:-…}}`");
                (format!("`{written}`: the environment variable `{name}` is not set"), Some(hint))
            }),
            Token::EnvOr(name, Some(default)) => {
                let set = (self.env)(name).filter(|v| !v.is_empty());
                Ok(Json::String(set.unwrap_or_else(|| default.clone())))
            }
            Token::Secret(name) => (self.secret)(name)
                .map(Json::String)
                .ok_or_else(|| (format!("`{written}`: there is no secret named `{name}`"), None)),
        }
    }
}

fn output_of(result: &StepResult, name: &str, path: &[String], written: &str) -> Result<Json, Missing> {
    if result.status != StepStatus::Succeeded {
        let message = format!("`{written}`: step `{name}` has no output, it is {}", result.status.as_str());
        return Err((message, None));
    }
    walk_map(&result.output, path, written).cloned()
}

fn walk_map<'j>(map: &'j JsonMap, path: &[String], written: &str) -> Result<&'j Json, Missing> {
    let Some((first, rest)) = path.split_first() else {
        return Err((format!("`{written}` names no field"), None));
    };
    let mut here = map.get(first).ok_or_else(|| {
        let hint = match nearest(first, map.keys().map(String::as_str)) {
            Some(near) => format!("did you mean `{near}`?"),
            None if map.is_empty() => "there are none here".to_owned(),
            None => format!("there are: {}", map.keys().map(|k| format!("`{k}`")).collect::<Vec<_>>().join(", ")),
        };
        (format!("`{written}`: there is no `{first}`"), Some(hint))
    })?;
    for key in rest {
        let next = match here {
            Json::Object(object) => object.get(key),
            Json::Array(items) => key.parse::<usize>().ok().and_then(|i| items.get(i)),
            _ => None,
        };
        here = next.ok_or_else(|| (format!("`{written}`: there is no `{key}` inside"), None))?;
    }
    Ok(here)
}

fn render_date(word: DateWord, today: NaiveDate) -> Option<String> {
    let day = |d: NaiveDate| d.format("%Y-%m-%d").to_string();
    let month = |d: NaiveDate| d.format("%Y-%m").to_string();
    let weekday = u64::from(today.weekday().num_days_from_monday());
    let first = today.with_day(1)?;
    Some(match word {
        DateWord::Today => day(today),
        DateWord::Yesterday => day(today.pred_opt()?),
        DateWord::WeekMonday => day(today.checked_sub_days(Days::new(weekday))?),
        DateWord::WeekSunday => day(today.checked_add_days(Days::new(6 - weekday))?),
        DateWord::MonthFirst => day(first),
        DateWord::MonthLast => day(first.checked_add_months(Months::new(1))?.pred_opt()?),
        DateWord::MonthCurrent => month(first),
        DateWord::MonthPrevious => month(first.checked_sub_months(Months::new(1))?),
    })
}
