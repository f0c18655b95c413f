//! Blots passwords and tokens out of the text of a file before it is drawn. Works on plain lines, not on parsed values,
//! so that a file with syntax errors is covered too.
//!
//! Invariant: every hidden byte becomes one asterisk, so offsets stay true. `${…}` references stay readable.

use std::ops::Range;

const SENSITIVE_KEYS: [&str; 4] = ["bind_password", "password", "token", "secret"];

/// Whether the value of `key` must not be repeated in a message.
pub(crate) fn is_sensitive(key: &str) -> bool {
    key == "url" || SENSITIVE_KEYS.contains(&key)
}

/// Keys of headers and params that hold secrets as a rule.
const SECRET_HEADERS: [&str; 6] = ["authorization", "proxy-authorization", "x-api-key", "api_key", "api-key", "apikey"];

/// Whether the value of `key` is a secret, or names one.
pub(crate) fn is_secret_key(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    SENSITIVE_KEYS.contains(&key.as_str()) || SECRET_HEADERS.contains(&key.as_str())
}

/// `text` with literal secrets replaced.
pub(crate) fn blot(text: &str) -> String {
    text.split_inclusive('\n').map(blot_line).collect()
}

fn blot_line(line: &str) -> String {
    let secrets: Vec<Range<usize>> =
        SENSITIVE_KEYS.iter().filter_map(|key| find_value(line, key)).chain(find_url_password(line)).collect();
    let mut out = String::with_capacity(line.len());
    for (at, c) in line.char_indices() {
        if !c.is_control() && secrets.iter().any(|range| range.contains(&at)) {
            out.extend(std::iter::repeat_n('*', c.len_utf8()));
        } else {
            out.push(c);
        }
    }
    out
}

/// The bytes between the quotes of `key = "…"`; to the end of the line when no quote closes it.
fn find_value(line: &str, key: &str) -> Option<Range<usize>> {
    let after_key = line.match_indices(key).find_map(|(at, _)| {
        let starts_word = !line[..at].ends_with(|c: char| c.is_alphanumeric() || matches!(c, '_' | '-'));
        let rest = line[at + key.len()..].trim_start_matches(['"', '\'']).trim_start();
        (starts_word && rest.starts_with('=')).then(|| line.len() - rest.len() + 1)
    })?;
    let value = line[after_key..].trim_start();
    let quotes = value.len() - value.trim_start_matches(['"', '\'']).len();
    let start = line.len() - value.len() + quotes;
    let rest = &line[start..];
    if rest.starts_with("${") {
        return None;
    }
    let end = if quotes == 0 { None } else { rest.find(['"', '\'']) };
    Some(start..end.map_or(line.len(), |end| start + end))
}

/// The password of the first URL in `line`.
pub(crate) fn find_url_password(line: &str) -> Option<Range<usize>> {
    let user = line.find("://")? + 3;
    let length = line[user..].find(['"', '\'', ' ', '?']).unwrap_or(line.len() - user);
    let at = line[user..user + length].rfind('@')?;
    let colon = line[user..user + at].find(':')?;
    let password = user + colon + 1..user + at;
    (!line[password.clone()].starts_with("${")).then_some(password)
}

#[cfg(test)]
mod tests {
    use super::blot;

    #[test]
    fn literal_secrets_are_hidden_and_references_are_not() {
        for (line, shown) in [
            ("password = \"pässe\"\n", "password = \"******\"\n"),
            ("password = \"open\n", "password = \"****\n"),
            ("auth = { type = 'bearer', token = 'abc' }", "auth = { type = 'bearer', token = '***' }"),
            ("password = \"${env.PGPASSWORD}\"", "password = \"${env.PGPASSWORD}\""),
            ("url = \"postgres://u:p:w@host/db\"", "url = \"postgres://u:***@host/db\""),
            ("url = \"postgres://u:${PW}@host/db\"", "url = \"postgres://u:${PW}@host/db\""),
            ("url = \"postgres://host:5432/db\"", "url = \"postgres://host:5432/db\""),
            ("tokens = 5", "tokens = 5"),
        ] {
            assert_eq!(blot(line), shown);
            assert_eq!(blot(line).len(), line.len());
        }
    }
}
