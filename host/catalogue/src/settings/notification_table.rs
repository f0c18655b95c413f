//! `[notifications]`: how messages are gathered and repeated, `[notifications.transports.<name>]` and
//! `[[notifications.routes]]`. Texts are kept as written; `${…}` and `ENC:…` in them are filled in when a message is sent.

use std::collections::BTreeMap;

use chrono_tz::Tz;
use host_model::JsonMap;
use host_model::connector::Hidden;
use host_model::notify::Problem;
use host_model::notify::route::{LONGEST_GROUP, Route};
use host_model::notify::transport::{Transport, TransportKind, is_transport_name};

use super::Setting;
use super::layers::Layers;
use crate::finding::Findings;
use crate::reader::{Table, entries, json_object, wrong_type};

/// How people are told.
#[derive(Debug, Clone, PartialEq)]
pub struct NotificationSettings {
    /// `group_seconds`: events of one route to one recipient within so many seconds become one message.
    pub group_seconds: Setting<u32>,
    /// `retry_seconds`: after so many the first repetition of an attempt that failed.
    pub retry_seconds: Setting<u32>,
    /// `give_up_hours`: a message so old is given up.
    pub give_up_hours: Setting<u32>,
    /// `[notifications.transports.<name>]`.
    pub transports: Vec<Transport>,
    /// `[[notifications.routes]]`, in order.
    pub routes: Vec<Route>,
}

/// Reads the table; `zone` is that of quiet hours that name none.
pub(super) fn read_notifications(
    table: &mut Table<'_, '_>,
    layers: &mut Layers<'_>,
    zone: Tz,
    out: &mut Findings,
) -> NotificationSettings {
    let names = ["NOMAFLOW_NOTIFICATIONS_GROUP_SECONDS"];
    let group_seconds = layers.whole(table, "group_seconds", &names, (0..=LONGEST_GROUP, 10), out);
    let names = ["NOMAFLOW_NOTIFICATIONS_RETRY_SECONDS"];
    let retry_seconds = layers.whole(table, "retry_seconds", &names, (1..=3600, 5), out);
    let names = ["NOMAFLOW_NOTIFICATIONS_GIVE_UP_HOURS"];
    let give_up_hours = layers.whole(table, "give_up_hours", &names, (1..=168, 24), out);
    let transports = read_transports(table, out);
    let routes = read_routes(table, zone, out);
    NotificationSettings { group_seconds, retry_seconds, give_up_hours, transports, routes }
}

/// Reports problems of a table at the keys they are about.
fn report(table: &mut Table<'_, '_>, keys: &[(&str, std::ops::Range<usize>)], found: Vec<Problem>, out: &mut Findings) {
    for problem in found {
        let key = problem.path.first().map(String::as_str).unwrap_or_default();
        let place = keys.iter().find(|(name, _)| *name == key).map(|(_, place)| place.clone());
        let message = format!("{}: {}", table.what, problem.message);
        out.error("not-allowed", place.unwrap_or_else(|| table.place.clone()), message, None);
    }
}

fn read_transports(table: &mut Table<'_, '_>, out: &mut Findings) -> Vec<Transport> {
    let Some(parent) = table.take("transports").filter(|_| table.table("transports", out).is_some()) else {
        return Vec::new();
    };
    let mut transports = Vec::new();
    for entry in parent.value.get_ref().as_table().map(entries).unwrap_or_default() {
        let what = format!("`[notifications.transports.{}]`", entry.key);
        let Some(inner) = entry.value.get_ref().as_table() else {
            wrong_type(&format!("transports.{}", entry.key), "a table", entry.value, out);
            continue;
        };
        if !is_transport_name(entry.key) {
            let message = format!("`{}` is no name of a transport", entry.key);
            let hint = "1 to 64 letters, digits, `-` and `_`, and not `test`".to_owned();
            out.error("not-allowed", entry.key_range(), message, Some(hint));
        }
        let mut keys = Table::new(what, inner, entry.key_range());
        let places: Vec<_> = entries(inner).into_iter().map(|inner| (inner.key, inner.key_range())).collect();
        keys.require("kind");
        let words: Vec<&str> = TransportKind::ALL.iter().map(|kind| kind.as_str()).collect();
        let kind = keys.word("kind", &words, TransportKind::parse, out);
        let enabled = keys.boolean("enabled", out).unwrap_or(true);
        let mut settings = json_object(inner, out);
        settings.remove("kind");
        settings.remove("enabled");
        let Some((kind, _)) = kind else {
            keys.finish_typeless(out);
            continue;
        };
        let mut secrets = BTreeMap::new();
        for field in kind.secret_fields() {
            match settings.remove(*field) {
                Some(serde_json::Value::String(text)) => drop(secrets.insert((*field).to_owned(), Hidden::new(text))),
                Some(_) => {
                    report(&mut keys, &places, vec![Problem::new(&[field], format!("`{field}` must be a string"))], out)
                }
                None => {}
            }
        }
        let transport = Transport { name: entry.key.to_owned(), kind, enabled, settings, secrets };
        match transport.read() {
            Ok(_) => transports.push(transport),
            Err(problems) => report(&mut keys, &places, problems, out),
        }
        keys.finish_typeless(out);
    }
    transports
}

fn read_routes(table: &mut Table<'_, '_>, zone: Tz, out: &mut Findings) -> Vec<Route> {
    let mut routes: Vec<Route> = Vec::new();
    for (inner, place) in table.tables("routes", "[[notifications.routes]]", out) {
        let places: Vec<_> = entries(inner).into_iter().map(|inner| (inner.key, inner.key_range())).collect();
        let mut keys = Table::new("a route of `[[notifications.routes]]`", inner, place);
        let map: JsonMap = json_object(inner, out);
        match Route::read(&map, zone) {
            Ok(route) if routes.iter().any(|other| other.name == route.name) => {
                let message = format!("two routes have the name `{}`", route.name);
                report(&mut keys, &places, vec![Problem::new(&["name"], message)], out);
            }
            Ok(route) => routes.push(route),
            Err(problems) => report(&mut keys, &places, problems, out),
        }
    }
    routes
}

/// Reads `public_url`.
pub(super) fn parse_public_url(text: &str) -> Result<Option<String>, String> {
    let text = text.trim().trim_end_matches('/');
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    match rest {
        Some(rest)
            if !rest.is_empty()
                && !text.chars().any(|c| c.is_whitespace() || c.is_control() || c == '#' || c == '?') =>
        {
            Ok(Some(text.to_owned()))
        }
        _ => Err(format!("`{text}` is no address such as `https://jobs.example.org`")),
    }
}
