//! Transports: over what messages go. What each kind can be told, read from the same keys in `app.toml`, in the store and
//! over the API. Texts may hold `${secret.NAME}`, `${env.NAME}` and, in files, `ENC:…`; they are filled in when a message
//! is sent, so what is kept and shown is what was written.
//!
//! Invariant: a field of [`secret_fields`] is never among the settings, and a setting is never secret.

use std::collections::BTreeMap;

use super::{Keys, Problem};
use crate::connector::Hidden;
use crate::job::word_enum;
use crate::{Json, JsonMap};

word_enum!(
    /// The kinds of transport.
    TransportKind {
        /// A Slack incoming webhook.
        Slack = "slack",
        /// Mail.
        Smtp = "smtp",
        /// A request of one's own making.
        Webhook = "webhook",
        /// A Microsoft Teams workflow that takes adaptive cards.
        Teams = "teams",
    }
);

word_enum!(
    /// How a connection to a mail server is protected.
    SmtpTls {
        /// Plain first, then encrypted before anything is said; a server that cannot is refused.
        StartTls = "starttls",
        /// Encrypted from the first byte.
        Implicit = "implicit",
        /// Not at all.
        None = "none",
    }
);

impl TransportKind {
    /// Its fields that are secret, the first of which it cannot do without where it has `needs_secret`.
    pub fn secret_fields(self) -> &'static [&'static str] {
        match self {
            Self::Slack | Self::Teams => &["webhook_url"],
            Self::Smtp => &["password"],
            Self::Webhook => &["signing_key", "authorization"],
        }
    }

    fn needs_secret(self) -> bool {
        matches!(self, Self::Slack | Self::Teams)
    }
}

/// A transport as somebody set it up.
#[derive(Debug, Clone, PartialEq)]
pub struct Transport {
    /// Its name, which is also the id that recipients use.
    pub name: String,
    /// What it is.
    pub kind: TransportKind,
    /// False = nothing goes over it.
    pub enabled: bool,
    /// What is not secret, as written.
    pub settings: JsonMap,
    /// Secret fields, as written or opened.
    pub secrets: BTreeMap<String, Hidden>,
}

/// What a transport does, once its texts are filled in.
#[derive(Debug, Clone, PartialEq)]
pub struct TransportSpec {
    /// Who gets what names nobody; a channel or an address. Slack, Teams and webhooks have one behind their URL.
    pub to: Option<String>,
    /// What one delivery may take, in seconds.
    pub timeout_seconds: u32,
    /// Authorities to trust beside the machine's: a file in PEM, relative to the home.
    pub ca_file: Option<String>,
    /// By kind.
    pub target: Target,
}

/// Where a transport leads.
#[derive(Debug, Clone, PartialEq)]
pub enum Target {
    /// See [`TransportKind::Slack`].
    Slack {
        /// The incoming webhook.
        webhook_url: Hidden,
        /// The name messages appear under.
        username: String,
        /// The picture beside them, `:gear:`.
        icon: String,
    },
    /// See [`TransportKind::Smtp`].
    Smtp {
        /// Name of the server.
        host: String,
        /// Its port.
        port: u16,
        /// How the connection is protected.
        tls: SmtpTls,
        /// The account; `None` = no login.
        user: Option<String>,
        /// Its password.
        password: Option<Hidden>,
        /// The sender, `Nomaflow <jobs@example.org>` or an address.
        from: String,
    },
    /// See [`TransportKind::Webhook`].
    Webhook {
        /// Where the request goes.
        url: String,
        /// Headers it has.
        headers: Vec<(String, String)>,
        /// Value of `Authorization`.
        authorization: Option<Hidden>,
        /// Key of the signature.
        signing_key: Option<Hidden>,
        /// The body with `${…}` in it; `None` = the documented JSON.
        body: Option<Json>,
    },
    /// See [`TransportKind::Teams`].
    Teams {
        /// The workflow's URL.
        webhook_url: Hidden,
    },
}

/// Default of `timeout_seconds`.
pub const DEFAULT_TIMEOUT_SECONDS: u32 = 15;
const LONGEST_NAME: usize = 64;

/// Whether a text may name a transport.
pub fn is_transport_name(text: &str) -> bool {
    (1..=LONGEST_NAME).contains(&text.len())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
        && text != "test"
}

impl Transport {
    /// Whether it reaches somebody when nobody is named.
    pub fn has_default_recipient(&self) -> bool {
        self.kind != TransportKind::Smtp || self.settings.contains_key("to")
    }

    /// Checks everything and says what it comes to. Texts are taken as they are: filled in by whoever sends, as written by
    /// whoever only checks.
    ///
    /// # Errors
    /// Every mistake, with the key it is about.
    pub fn read(&self) -> Result<TransportSpec, Vec<Problem>> {
        let mut keys = Keys::new(&self.settings);
        let mut secrets: BTreeMap<&str, Hidden> = BTreeMap::new();
        for (field, value) in &self.secrets {
            if !self.kind.secret_fields().contains(&field.as_str()) {
                keys.wrong(field, format!("a transport of kind `{}` has no secret `{field}`", self.kind.as_str()));
            } else if value.reveal().chars().any(char::is_control) || value.reveal().trim().is_empty() {
                keys.wrong(field, format!("`{field}` is empty or holds a line break"));
            } else {
                secrets.insert(field, value.clone());
            }
        }
        let first = self.kind.secret_fields()[0];
        if self.kind.needs_secret() && !self.secrets.contains_key(first) {
            keys.wrong(first, format!("a transport of kind `{}` needs `{first}`", self.kind.as_str()));
        }
        let to = keys.text("to");
        if let Some(Err(why)) = to.as_deref().map(super::route::check_recipient) {
            keys.wrong("to", why);
        }
        let timeout_seconds = keys.whole("timeout_seconds", 1..=120).unwrap_or(DEFAULT_TIMEOUT_SECONDS);
        let ca_file = keys.text("ca_file");
        let target = match self.kind {
            TransportKind::Slack => secrets.get(first).map(|url| Target::Slack {
                webhook_url: url.clone(),
                username: keys.text("username").unwrap_or_else(|| "Nomaflow".to_owned()),
                icon: keys.text("icon").unwrap_or_else(|| ":gear:".to_owned()),
            }),
            TransportKind::Teams => secrets.get(first).map(|url| Target::Teams { webhook_url: url.clone() }),
            TransportKind::Smtp => read_smtp(&mut keys, &secrets),
            TransportKind::Webhook => read_webhook(&mut keys, &secrets),
        };
        if let Some(Target::Slack { webhook_url, .. } | Target::Teams { webhook_url }) = &target
            && !is_web_address(webhook_url.reveal())
        {
            keys.wrong(first, format!("`{first}` must begin with `https://`, `http://` or `${{`"));
        }
        let problems = keys.finish();
        match target {
            Some(target) if problems.is_empty() => Ok(TransportSpec { to, timeout_seconds, ca_file, target }),
            _ => Err(problems),
        }
    }
}

/// A URL, or a reference that stands for one.
fn is_web_address(text: &str) -> bool {
    ["https://", "http://", "${", "ENC:"].iter().any(|start| text.starts_with(start))
}

fn read_smtp(keys: &mut Keys<'_>, secrets: &BTreeMap<&str, Hidden>) -> Option<Target> {
    let host = keys.text("host");
    let from = keys.text("from");
    for (key, value) in [("host", &host), ("from", &from)] {
        if value.is_none() {
            keys.wrong(key, format!("a transport of kind `smtp` needs `{key}`"));
        }
    }
    let tls = keys.word("tls", "`starttls`, `implicit`, `none`", SmtpTls::parse).unwrap_or(SmtpTls::StartTls);
    let standard = match tls {
        SmtpTls::StartTls => 587,
        SmtpTls::Implicit => 465,
        SmtpTls::None => 25,
    };
    let port = keys.whole("port", 1..=65_535).and_then(|port| u16::try_from(port).ok()).unwrap_or(standard);
    let user = keys.text("user");
    let password = secrets.get("password").cloned();
    if user.is_some() != password.is_some() {
        keys.wrong("user", "`user` and `password` go together");
    }
    Some(Target::Smtp { host: host?, port, tls, user, password, from: from? })
}

fn read_webhook(keys: &mut Keys<'_>, secrets: &BTreeMap<&str, Hidden>) -> Option<Target> {
    let url = keys.text("url");
    if !url.as_deref().is_some_and(is_web_address) {
        keys.wrong("url", "a transport of kind `webhook` needs a `url` that begins with `https://` or `http://`");
    }
    let mut headers = Vec::new();
    match keys.take("headers") {
        None => {}
        Some(Json::Object(map)) => {
            for (name, value) in map {
                let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
                match value.as_str() {
                    _ if name.is_empty() || !name.chars().all(is_token) => {
                        keys.wrong("headers", format!("{name:?} is not the name of an HTTP header"));
                    }
                    Some(text) if !text.chars().any(char::is_control) => headers.push((name.clone(), text.to_owned())),
                    _ => keys.wrong("headers", format!("the value of the header `{name}` is not a line of text")),
                }
            }
        }
        Some(_) => keys.wrong("headers", "`headers` must be a table of names and values"),
    }
    let body = keys.take("body").cloned();
    let secret = |field: &str| secrets.get(field).cloned();
    Some(Target::Webhook {
        url: url?,
        headers,
        authorization: secret("authorization"),
        signing_key: secret("signing_key"),
        body,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn transport(kind: TransportKind, settings: Json, secrets: &[(&str, &str)]) -> Transport {
        Transport {
            name: "t".into(),
            kind,
            enabled: true,
            settings: settings.as_object().cloned().unwrap(),
            secrets: secrets.iter().map(|(field, text)| ((*field).to_owned(), Hidden::new(*text))).collect(),
        }
    }

    #[test]
    fn what_is_not_said_is_at_its_default() {
        let url = ("webhook_url", "https://hooks.test/x");
        let slack = transport(TransportKind::Slack, json!({}), &[url]).read().unwrap();
        assert_eq!(slack.timeout_seconds, DEFAULT_TIMEOUT_SECONDS);
        assert!(
            matches!(slack.target, Target::Slack { username, icon, .. } if username == "Nomaflow" && icon == ":gear:")
        );
        let mail = json!({ "host": "mail.test", "from": "a@b.test" });
        for (tls, expected) in [(None, 587), (Some("implicit"), 465), (Some("none"), 25)] {
            let mut settings = mail.clone();
            if let Some(tls) = tls {
                settings["tls"] = tls.into();
            }
            let read = transport(TransportKind::Smtp, settings, &[]).read().unwrap();
            assert!(matches!(read.target, Target::Smtp { port, .. } if port == expected), "{tls:?}");
        }
    }

    #[test]
    fn every_mistake_is_told_with_its_key() {
        let cases = [
            (TransportKind::Slack, json!({}), vec![], vec!["/webhook_url"]),
            (TransportKind::Slack, json!({}), vec![("webhook_url", "file:///x")], vec!["/webhook_url"]),
            (TransportKind::Slack, json!({}), vec![("webhook_url", "https://x\r\nA: b")], vec!["/webhook_url"]),
            (TransportKind::Smtp, json!({ "port": 0, "tls": "ssl" }), vec![], vec!["/host", "/from", "/tls", "/port"]),
            (
                TransportKind::Smtp,
                json!({ "host": "h", "from": "a@b", "to": "a@b\r\nBcc: x@y", "user": "u" }),
                vec![],
                vec!["/to", "/user"],
            ),
            (
                TransportKind::Webhook,
                json!({ "url": "https://x.test", "headers": { "A\r\nB": "x", "C": "d\r\ne" }, "uri": 1 }),
                vec![("password", "x")],
                vec!["/password", "/headers", "/headers", "/uri"],
            ),
        ];
        for (kind, settings, secrets, expected) in cases {
            let problems = transport(kind, settings, &secrets).read().unwrap_err();
            let told: Vec<String> = problems.iter().map(Problem::pointer).collect();
            assert_eq!(told, expected, "{problems:?}");
        }
    }
}
