//! Which layer of a setting counts: flag over environment over file over default. A value that cannot be used is reported
//! and the next lower layer counts.

use std::net::SocketAddr;
use std::ops::RangeInclusive;

use host_model::diagnostic::Diagnostic;
use host_model::placement::is_label;
use host_model::proxy::TrustedProxies;

use super::{Metrics, Origin, Role, Setting};
use crate::address::Env;
use crate::finding::{Findings, placeless};
use crate::reader::Table;

/// A string with its line.
pub(super) fn read_text_setting(
    table: &mut Table<'_, '_>,
    key: &'static str,
    out: &mut Findings,
) -> Option<(String, u32)> {
    let text = table.filled_text(key, out)?;
    let (line, _) = out.file.place(text.span.start);
    Some((text.value, line))
}

/// The layers above the file.
pub(super) struct Layers<'a> {
    pub(super) env: Env<'a>,
    /// Findings no file is to blame for.
    pub(super) loose: Vec<Diagnostic>,
}

impl Layers<'_> {
    /// The value of the highest layer that has one. Of several variables `names` the first counts.
    pub(super) fn pick<T>(
        &mut self,
        names: &[&str],
        flag: Option<(&'static str, &str)>,
        in_file: Option<(T, u32)>,
        default: T,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Setting<T> {
        let from_env =
            names.iter().filter_map(|name| Some((*name, self.env.var(name).filter(|text| !text.is_empty())?)));
        let from_env: Vec<(&str, String)> = from_env.collect();
        let flag_layer = flag.map(|(flag, text)| (Origin::Flag(flag), text));
        let env_layers = from_env.iter().map(|(name, text)| (Origin::Env((*name).to_owned()), text.as_str()));
        for (origin, text) in flag_layer.into_iter().chain(env_layers) {
            match parse(text) {
                Ok(value) => return Setting { value, origin },
                Err(message) => {
                    let code = "setting-invalid";
                    self.loose.push(placeless("", code, format!("`{origin}`: {message}"), None));
                }
            }
        }
        match in_file {
            Some((value, line)) => Setting { value, origin: Origin::File { line } },
            None => Setting { value: default, origin: Origin::Default },
        }
    }

    /// A switch that is on unless somebody turns it off.
    pub(super) fn switch(
        &mut self,
        table: &mut Table<'_, '_>,
        key: &'static str,
        names: &[&str],
        flag: Option<(&'static str, &str)>,
        out: &mut Findings,
    ) -> Setting<bool> {
        let line = table.take(key).map(|entry| out.file.place(entry.key_span.0).0);
        let in_file = table.boolean(key, out).zip(line);
        self.pick(names, flag, in_file, true, parse_switch)
    }

    /// A whole number, with what is allowed and the default.
    pub(super) fn whole(
        &mut self,
        table: &mut Table<'_, '_>,
        key: &'static str,
        names: &[&str],
        (allowed, default): (RangeInclusive<u32>, u32),
        out: &mut Findings,
    ) -> Setting<u32> {
        let line = table.take(key).map(|entry| out.file.place(entry.key_span.0).0);
        let in_file = table.whole(key, allowed.clone(), out).zip(line);
        self.pick(names, None, in_file, default, |text| {
            let number = text.trim().parse::<u32>().ok().filter(|number| allowed.contains(number));
            let range = || format!("`{text}` is not a whole number from {} to {}", allowed.start(), allowed.end());
            number.ok_or_else(range)
        })
    }
}

pub(super) fn parse_listen(text: &str) -> Result<SocketAddr, String> {
    let numeric = text.trim().replacen("localhost:", "127.0.0.1:", 1);
    numeric.parse().map_err(|_| format!("`{text}` is not an address and a port, like `127.0.0.1:8000`"))
}

pub(super) fn parse_role(text: &str) -> Result<Role, String> {
    let found = [Role::Server, Role::Worker].into_iter().find(|role| role.as_str() == text.trim());
    found.ok_or_else(|| format!("`{text}` is neither `server` nor `worker`"))
}

pub(super) fn parse_metrics(text: &str) -> Result<Metrics, String> {
    let found = [Metrics::Off, Metrics::Open, Metrics::Token].into_iter().find(|word| word.as_str() == text.trim());
    found.ok_or_else(|| format!("`{text}` is none of `off`, `open` and `token`"))
}

/// Labels separated by commas.
pub(super) fn parse_labels(text: &str) -> Result<Vec<String>, String> {
    let mut labels = Vec::new();
    for label in text.split(',').map(str::trim).filter(|label| !label.is_empty()) {
        if !is_label(label) {
            return Err(no_label(label));
        }
        add_label(&mut labels, label);
    }
    Ok(labels)
}

fn no_label(text: &str) -> String {
    format!("`{text}` is no label; one has 1 to 64 letters, digits, `-`, `_` and `.`")
}

fn add_label(labels: &mut Vec<String>, label: &str) {
    if !labels.iter().any(|known| known == label) {
        labels.push(label.to_owned());
    }
}

/// The `labels` key; `None` when it is absent or a label of it is wrong.
pub(super) fn read_label_list(table: &mut Table<'_, '_>, out: &mut Findings) -> Option<(Vec<String>, u32)> {
    let line = out.file.place(table.take("labels")?.key_span.0).0;
    let mut labels = Vec::new();
    let mut is_whole = true;
    for text in table.texts("labels", out) {
        if is_label(&text.value) {
            add_label(&mut labels, &text.value);
        } else {
            is_whole = false;
            out.error("not-allowed", text.span, format!("`labels` of `[server]`: {}", no_label(&text.value)), None);
        }
    }
    is_whole.then_some((labels, line))
}

/// The `trusted_proxies` key; `None` when it is absent or one of it is wrong.
pub(super) fn read_proxies(table: &mut Table<'_, '_>, out: &mut Findings) -> Option<(TrustedProxies, u32)> {
    let line = out.file.place(table.take("trusted_proxies")?.key_span.0).0;
    let texts = table.texts("trusted_proxies", out);
    let mut is_whole = true;
    for text in &texts {
        if let Err(message) = TrustedProxies::parse([text.value.as_str()]) {
            is_whole = false;
            out.error("not-allowed", text.span.clone(), format!("`trusted_proxies` of `[server]`: {message}"), None);
        }
    }
    let proxies = TrustedProxies::parse(texts.iter().map(|text| text.value.as_str())).ok()?;
    is_whole.then_some((proxies, line))
}

fn parse_switch(text: &str) -> Result<bool, String> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Ok(true),
        "false" | "0" | "no" | "off" => Ok(false),
        _ => Err(format!("`{text}` is neither `true` nor `false`")),
    }
}
