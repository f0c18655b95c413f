//! Pages without scripts, for signing in and out when the page itself does not come up: a broken build, a slow line, a text
//! browser. Forms of HTML and one small style sheet; each page has less than 10 kB.
//!
//! Invariant: whatever comes from outside is escaped here, once, where it enters the text. All of them stand right below
//! `/auth`, and every address in them is relative to that: so they work below any path.

mod words;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::auth::Provider;
pub(crate) use words::{Words, words_of};

/// No script at all; forms go to this server.
const CSP: &str = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'self'; \
     frame-ancestors 'none'";

/// How the pages look.
pub(crate) const STYLE: &str = include_str!("plain/plain.css");

/// A text as it may stand between tags and in the value of an attribute.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

/// A text as it may stand in a query.
fn in_query(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~/".contains(&byte);
    text.bytes().map(|b| if is_plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

fn page(words: &Words, status: StatusCode, title: &str, body: &str) -> Response {
    let html = format!(
        "<!doctype html>\n<html lang=\"{}\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>{title} · Nomaflow</title>\n\
         <link rel=\"icon\" type=\"image/svg+xml\" href=\"../favicon.svg\">\n\
         <link rel=\"stylesheet\" href=\"plain.css\">\n</head>\n<body>\n<main>\n<p class=\"brand\">Nomaflow</p>\n\
         <h1>{title}</h1>\n{body}</main>\n</body>\n</html>\n",
        words.language
    );
    let kind = (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    let csp = (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(CSP));
    let vary = (header::VARY, HeaderValue::from_static("accept-language"));
    (status, [kind, csp, vary], html).into_response()
}

fn alert(trouble: Option<&str>) -> String {
    trouble.map(|text| format!("<p role=\"alert\">{}</p>\n", escape(text))).unwrap_or_default()
}

/// What is asked for again, and why.
#[derive(Default)]
pub(crate) struct Again<'t> {
    pub(crate) status: StatusCode,
    pub(crate) trouble: Option<&'t str>,
}

/// User and password; `to` is where to go then. A browser that is known may have a session to end.
pub(crate) fn sign_in(
    words: &Words,
    user: &str,
    to: &str,
    providers: &[Provider],
    is_known: bool,
    again: &Again<'_>,
) -> Response {
    let mut body = alert(again.trouble);
    body.push_str(&format!(
        "<form method=\"post\" action=\"login\">\n<input type=\"hidden\" name=\"to\" value=\"{}\">\n\
         <label for=\"username\">{}</label>\n<input id=\"username\" name=\"username\" type=\"text\" value=\"{}\" \
         autocomplete=\"username\" autocapitalize=\"none\" spellcheck=\"false\" required autofocus>\n\
         <label for=\"password\">{}</label>\n<input id=\"password\" name=\"password\" type=\"password\" \
         autocomplete=\"current-password\" required>\n<button>{}</button>\n</form>\n",
        escape(to),
        words.user,
        escape(user),
        words.password,
        words.sign_in,
    ));
    for provider in providers {
        let Some(start) = &provider.start else { continue };
        let start = start.strip_prefix("/auth/").unwrap_or(start);
        let (label, address) = (escape(&provider.label), format!("{start}?return_to={}", in_query(to)));
        body.push_str(&format!("<p><a href=\"{}\">{} {label}</a></p>\n", escape(&address), words.with));
    }
    if is_known {
        body.push_str(&out(words));
    }
    page(words, again.status, words.sign_in, &body)
}

/// The way out.
fn out(words: &Words) -> String {
    format!("<form method=\"post\" action=\"logout\">\n<button>{}</button>\n</form>\n", words.sign_out)
}

/// Somebody is signed in: the way on, and the way out.
pub(crate) fn signed_in(words: &Words, user: &str, to: &str) -> Response {
    let body = format!(
        "<p>{} <strong>{}</strong></p>\n<p><a href=\"..{}\">{}</a></p>\n{}",
        words.signed_in_as,
        escape(user),
        escape(to),
        words.go_on,
        out(words),
    );
    page(words, StatusCode::OK, words.signed_in, &body)
}

/// Nobody is signed in any more; `elsewhere` is a provider that still has a session, with what it is called.
pub(crate) fn signed_out(words: &Words, elsewhere: Option<(&str, &str)>) -> Response {
    let mut body = String::new();
    if let Some((address, label)) = elsewhere {
        body.push_str(&format!("<p><a href=\"{}\">{} {}</a></p>\n", escape(address), words.sign_out_at, escape(label)));
    }
    body.push_str(&format!("<p><a href=\"login\">{}</a></p>\n", words.sign_in));
    page(words, StatusCode::OK, words.signed_out, &body)
}

/// Where `user` chooses a password; `code` is the one-time password, empty where it is typed in.
pub(crate) fn setup_path(user: &str, code: &str, to: &str) -> String {
    let pairs = [("user", user), ("code", code), ("to", to)].into_iter().filter(|(_, value)| !value.is_empty());
    let pairs: Vec<String> = pairs.map(|(key, value)| format!("{key}={}", in_query(value))).collect();
    format!("/auth/setup?{}", pairs.join("&"))
}

/// The password of a first sign-in, as a setup link brings it; empty where it is typed in.
pub(crate) struct Setup<'t> {
    pub(crate) user: &'t str,
    pub(crate) code: &'t str,
    pub(crate) to: &'t str,
    /// Fewest characters of a password.
    pub(crate) least: usize,
}

/// Somebody chooses a password.
pub(crate) fn set_up(words: &Words, setup: &Setup<'_>, again: &Again<'_>) -> Response {
    let mut body = format!("{}<form method=\"post\" action=\"setup\">\n", alert(again.trouble));
    body.push_str(&format!("<input type=\"hidden\" name=\"to\" value=\"{}\">\n", escape(setup.to)));
    let (known, focus) = if setup.user.is_empty() { ("", " autofocus") } else { (" readonly", "") };
    body.push_str(&format!(
        "<label for=\"username\">{}</label>\n<input id=\"username\" name=\"username\" type=\"text\" value=\"{}\" \
         autocomplete=\"username\" autocapitalize=\"none\" spellcheck=\"false\" required{known}{focus}>\n",
        words.user,
        escape(setup.user)
    ));
    if setup.code.is_empty() {
        body.push_str(&format!(
            "<label for=\"code\">{}</label>\n<input id=\"code\" name=\"code\" type=\"password\" \
             autocomplete=\"current-password\" required>\n",
            words.given_password
        ));
    } else {
        body.push_str(&format!("<input type=\"hidden\" name=\"code\" value=\"{}\">\n", escape(setup.code)));
    }
    for (name, label) in [("new", words.new_password), ("again", words.once_more)] {
        body.push_str(&format!(
            "<label for=\"{name}\">{label}</label>\n<input id=\"{name}\" name=\"{name}\" type=\"password\" \
             autocomplete=\"new-password\" minlength=\"{}\" required>\n",
            setup.least
        ));
    }
    body.push_str(&format!("<button>{}</button>\n</form>\n", words.choose));
    page(words, again.status, words.set_up, &body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_from_outside_cannot_leave_its_place() {
        assert_eq!(escape("\"><script>'&"), "&quot;&gt;&lt;script&gt;&#39;&amp;");
        assert_eq!(in_query("/jobs/a?b=c&d#é"), "/jobs/a%3Fb%3Dc%26d%23%C3%A9");
    }
}
