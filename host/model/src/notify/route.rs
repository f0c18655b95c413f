//! Routes: which events go to whom. An ordered list; the first that matches wins, unless it says `continue`.

use chrono_tz::Tz;

use super::quiet::QuietHours;
use super::{EventKind, Keys, Notice, Problem, Severity};
use crate::{Json, JsonMap};

/// One rule. Conditions that are empty hold always; all of them have to hold.
#[derive(Debug, Clone, PartialEq)]
pub struct Route {
    /// For people; unique in the list.
    pub name: String,
    /// False = it is passed over.
    pub enabled: bool,
    /// Job ids; `*` and `?` stand for any characters and any one.
    pub jobs: Vec<String>,
    /// The job has one of these tags; wildcards as in `jobs`.
    pub tags: Vec<String>,
    /// Empty = those of [`EventKind::is_told_unasked`].
    pub events: Vec<EventKind>,
    /// The event matters at least so much.
    pub min_severity: Option<Severity>,
    /// Channels, addresses, names of transports; empty = every transport at its default recipient.
    pub recipients: Vec<String>,
    /// The routes after it are looked at too.
    pub goes_on: bool,
    /// When it does not disturb.
    pub quiet_hours: Option<QuietHours>,
    /// Events within so many seconds become one message; `None` = as set for all routes.
    pub group_seconds: Option<u32>,
}

/// The longest span over which events are gathered, in seconds.
pub const LONGEST_GROUP: u32 = 3600;
const LONGEST_RECIPIENT: usize = 254;

impl Route {
    /// Whether the event goes this way.
    pub fn matches(&self, notice: &Notice) -> bool {
        let is_meant = |kind| {
            // A recovery is a success, and nobody hears of both.
            self.events.contains(&kind) || (kind == EventKind::Recovered && self.events.contains(&EventKind::Succeeded))
        };
        let is_asked = if self.events.is_empty() { notice.kind.is_told_unasked() } else { is_meant(notice.kind) };
        self.enabled
            && is_asked
            && self.min_severity.is_none_or(|least| notice.kind.severity().is_at_least(least))
            && (self.jobs.is_empty() || self.jobs.iter().any(|glob| is_like(notice.job_id.as_str(), glob)))
            && (self.tags.is_empty() || self.tags.iter().any(|glob| notice.tags.iter().any(|tag| is_like(tag, glob))))
    }

    /// Reads one route as files and the API spell it; `zone` is that of quiet hours that name none.
    ///
    /// # Errors
    /// Every mistake, with the key it is about.
    pub fn read(map: &JsonMap, zone: Tz) -> Result<Self, Vec<Problem>> {
        let mut keys = Keys::new(map);
        let name = keys.text("name");
        if name.is_none() && keys.problems.is_empty() {
            keys.wrong("name", "a route needs a `name`");
        }
        let enabled = keys.flag("enabled").unwrap_or(true);
        let (jobs, tags) = (keys.texts("jobs"), keys.texts("tags"));
        let mut events = Vec::new();
        for word in keys.texts("events") {
            match EventKind::parse(&word).filter(|kind| *kind != EventKind::Test) {
                Some(kind) => events.push(kind),
                None => {
                    let all: Vec<String> = EventKind::ALL
                        .iter()
                        .filter(|kind| **kind != EventKind::Test)
                        .map(|kind| format!("`{}`", kind.as_str()))
                        .collect();
                    keys.wrong("events", format!("there is no event `{word}`; known are {}", all.join(", ")));
                }
            }
        }
        let min_severity = keys.word("min_severity", "`low`, `medium`, `high`", Severity::parse);
        let recipients = keys.texts("recipients");
        for recipient in &recipients {
            if let Err(why) = check_recipient(recipient) {
                keys.wrong("recipients", why);
            }
        }
        let goes_on = keys.flag("continue").unwrap_or(false);
        let quiet_hours = match keys.take("quiet_hours") {
            None => None,
            Some(Json::Object(map)) => match QuietHours::read(map, zone) {
                Ok(hours) => Some(hours),
                Err(problems) => {
                    let below = |problem: Problem| Problem {
                        path: std::iter::once("quiet_hours".to_owned()).chain(problem.path).collect(),
                        ..problem
                    };
                    keys.problems.extend(problems.into_iter().map(below));
                    None
                }
            },
            Some(_) => {
                keys.wrong("quiet_hours", "`quiet_hours` must be a table with `from` and `to`");
                None
            }
        };
        let group_seconds = keys.whole("group_seconds", 0..=LONGEST_GROUP);
        let problems = keys.finish();
        match name {
            Some(name) if problems.is_empty() => Ok(Self {
                name,
                enabled,
                jobs,
                tags,
                events,
                min_severity,
                recipients,
                goes_on,
                quiet_hours,
                group_seconds,
            }),
            _ => Err(problems),
        }
    }

    /// What [`Route::read`] reads.
    pub fn to_json(&self) -> Json {
        let mut map = JsonMap::new();
        map.insert("name".into(), self.name.clone().into());
        map.insert("enabled".into(), self.enabled.into());
        map.insert("jobs".into(), self.jobs.clone().into());
        map.insert("tags".into(), self.tags.clone().into());
        map.insert("events".into(), self.events.iter().map(|kind| kind.as_str()).collect::<Vec<_>>().into());
        map.insert("min_severity".into(), self.min_severity.map(Severity::as_str).into());
        map.insert("recipients".into(), self.recipients.clone().into());
        map.insert("continue".into(), self.goes_on.into());
        map.insert("quiet_hours".into(), self.quiet_hours.as_ref().map_or(Json::Null, QuietHours::to_json));
        map.insert("group_seconds".into(), self.group_seconds.into());
        Json::Object(map)
    }
}

/// Reads a list of routes, in order.
///
/// # Errors
/// Every mistake; its path begins with the index.
pub fn read_routes(items: &[Json], zone: Tz) -> Result<Vec<Route>, Vec<Problem>> {
    let (mut routes, mut problems): (Vec<Route>, Vec<Problem>) = (Vec::new(), Vec::new());
    for (index, item) in items.iter().enumerate() {
        let index = index.to_string();
        let read = match item.as_object() {
            Some(map) => Route::read(map, zone),
            None => Err(vec![Problem::new(&[], "a route is an object")]),
        };
        match read {
            Ok(route) if routes.iter().any(|other| other.name == route.name) => {
                problems.push(Problem::new(&[&index, "name"], format!("two routes have the name `{}`", route.name)));
            }
            Ok(route) => routes.push(route),
            Err(found) => problems.extend(found.into_iter().map(|problem| Problem {
                path: std::iter::once(index.clone()).chain(problem.path).collect(),
                ..problem
            })),
        }
    }
    if problems.is_empty() { Ok(routes) } else { Err(problems) }
}

/// Whether a text may name a recipient: one word, so that it can neither end a header nor begin another.
///
/// # Errors
/// Why not, for people.
pub fn check_recipient(text: &str) -> Result<(), String> {
    if text.is_empty() {
        return Err("a recipient is empty".to_owned());
    }
    if text.len() > LONGEST_RECIPIENT {
        return Err(format!("a recipient is longer than {LONGEST_RECIPIENT} bytes"));
    }
    match text.chars().find(|c| c.is_whitespace() || c.is_control() || matches!(c, ',' | ';' | '<' | '>' | '"')) {
        Some(bad) => Err(format!("recipient {text:?} has {bad:?}; name one channel, address or transport in each")),
        None => Ok(()),
    }
}

/// Whether `text` is what `glob` describes: `*` stands for any characters, `?` for one.
pub fn is_like(text: &str, glob: &str) -> bool {
    let (text, glob): (Vec<char>, Vec<char>) = (text.chars().collect(), glob.chars().collect());
    let (mut t, mut g) = (0, 0);
    // Where to go on when what followed the last star did not fit: the star takes one more.
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        if glob.get(g) == Some(&'*') {
            star = Some((g, t));
            g += 1;
        } else if glob.get(g).is_some_and(|c| *c == '?' || *c == text[t]) {
            (g, t) = (g + 1, t + 1);
        } else if let Some((at, taken)) = star {
            star = Some((at, taken + 1));
            (g, t) = (at + 1, taken + 1);
        } else {
            return false;
        }
    }
    glob[g..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn globs_match_as_shells_do() {
        for (text, glob, is_match) in [
            ("nightly", "nightly", true),
            ("nightly", "night*", true),
            ("nightly", "*ly", true),
            ("nightly", "n*t*y", true),
            ("nightly", "n?ghtly", true),
            ("nightly", "n?tly", false),
            ("nightly", "", false),
            ("", "*", true),
            ("aaaaaaaaaaaaaaaaaaaaaaaaaaaa", "a*a*a*a*a*a*a*a*b", false),
        ] {
            assert_eq!(is_like(text, glob), is_match, "{text} {glob}");
        }
    }

    #[test]
    fn a_route_is_read_back_as_it_was_and_its_mistakes_are_all_told() {
        let json = json!({
            "name": "night", "jobs": ["nomajde-*"], "tags": ["etl"], "events": ["failed"], "min_severity": "high",
            "recipients": ["#ops"], "continue": true, "group_seconds": 60,
            "quiet_hours": { "from": "22:00", "to": "07:00", "then": "drop", "let_through": "high" }
        });
        let route = Route::read(json.as_object().unwrap(), Tz::UTC).unwrap();
        assert_eq!(Route::read(route.to_json().as_object().unwrap(), Tz::Europe__Paris).unwrap(), route);
        let wrong = json!({
            "name": "x", "events": ["failure", "test"], "recipients": ["a@b\r\nBcc: c@d", "a b"], "contine": true,
            "quiet_hours": { "from": "25:00" }, "group_seconds": -1
        });
        let problems = Route::read(wrong.as_object().unwrap(), Tz::UTC).unwrap_err();
        let told: Vec<String> = problems.iter().map(Problem::pointer).collect();
        let expected = [
            "/events",
            "/events",
            "/recipients",
            "/recipients",
            "/quiet_hours/from",
            "/quiet_hours/to",
            "/group_seconds",
            "/contine",
        ];
        assert_eq!(told, expected, "{problems:?}");
    }
}
