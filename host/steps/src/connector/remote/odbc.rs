//! Connection strings of ODBC: `Key=value;Key={a value; with a semicolon}`. Values are kept as they are written, so that
//! whoever gets them reads what the operator wrote.

/// Keys whose values may be shown.
const SHOWN: [&str; 7] = ["dsn", "driver", "server", "servername", "database", "port", "uid"];

/// A string taken apart.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Source(Vec<(String, String)>);

impl Source {
    /// `password` goes in as `PWD`, in the place of one that is there.
    pub(crate) fn of(text: &str, password: Option<&str>) -> Self {
        let mut pairs = split(text);
        if let Some(password) = password {
            pairs.retain(|(key, _)| !key.eq_ignore_ascii_case("pwd") && !key.eq_ignore_ascii_case("password"));
            pairs.push(("PWD".into(), braced(password)));
        }
        Self(pairs)
    }

    /// Keys and values, in order.
    pub(crate) fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// The whole string again.
    #[cfg_attr(not(feature = "odbc"), allow(dead_code, reason = "Python gets the parts"))]
    pub(crate) fn text(&self) -> String {
        self.pairs().map(|(key, value)| format!("{key}={value};")).collect()
    }

    /// How messages call the database: nothing but what says where it is.
    pub(crate) fn label(&self) -> String {
        let shown = |(key, _): &(&str, &str)| SHOWN.iter().any(|s| key.eq_ignore_ascii_case(s));
        let parts: Vec<String> = self.pairs().filter(shown).map(|(key, value)| format!("{key}={value}")).collect();
        format!("odbc:{}", parts.join(";"))
    }
}

/// In braces where it needs them; a closing one is doubled.
fn braced(value: &str) -> String {
    if value.contains(['[', ']', '{', '}', '(', ')', ',', ';', '?', '*', '=', '!', '@', ' ']) {
        format!("{{{}}}", value.replace('}', "}}"))
    } else {
        value.to_owned()
    }
}

fn split(text: &str) -> Vec<(String, String)> {
    let (mut pairs, mut rest) = (Vec::new(), text);
    while let Some((key, tail)) = rest.split_once('=') {
        let end = value_end(tail);
        let key = key.trim_matches(|c: char| c == ';' || c.is_whitespace());
        if !key.is_empty() {
            pairs.push((key.to_owned(), tail[..end].trim().to_owned()));
        }
        rest = tail[end..].trim_start_matches(';');
    }
    pairs
}

/// Where the value at the beginning of `text` ends.
fn value_end(text: &str) -> usize {
    if !text.trim_start().starts_with('{') {
        return text.find(';').unwrap_or(text.len());
    }
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        if c != '}' {
            continue;
        }
        if chars.next_if(|(_, c)| *c == '}').is_none() {
            return text[at..].find(';').map_or(text.len(), |semicolon| at + semicolon);
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_string_is_taken_apart_and_its_label_hides_what_may_be_secret() {
        let text = "Driver={PostgreSQL; \"U}}nicode\"};Server=db.example ; UID=sa;PWD=s3cret;APIKEY=s3cret2";
        let source = Source::of(text, None);
        let keys: Vec<&str> = source.pairs().map(|(key, _)| key).collect();
        assert_eq!(keys, ["Driver", "Server", "UID", "PWD", "APIKEY"]);
        assert_eq!(source.label(), "odbc:Driver={PostgreSQL; \"U}}nicode\"};Server=db.example;UID=sa");
        assert!(!source.label().contains("s3cret"));
    }

    #[test]
    fn a_password_replaces_the_one_in_the_string_and_cannot_break_out_of_it() {
        let source = Source::of("DSN=erp;pwd=old", Some("a;Server=evil}b"));
        assert_eq!(source.text(), "DSN=erp;PWD={a;Server=evil}}b};");
        let again = Source::of(&source.text(), None);
        assert_eq!(again.pairs().count(), 2);
    }
}
