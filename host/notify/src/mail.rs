//! Mail: one message to one address, in plain text and HTML, over a connection made for it.

use std::path::Path;
use std::time::Duration;

use host_model::connector::Hidden;
use host_model::notify::transport::SmtpTls;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message as Mail, MultiPart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Tokio1Executor};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use crate::http::chain;
use crate::message::Message;
use crate::send::Failure;

/// A mail server, and who sends.
pub(crate) struct Server<'a> {
    pub(crate) host: &'a str,
    pub(crate) port: u16,
    pub(crate) tls: SmtpTls,
    pub(crate) user: Option<&'a str>,
    pub(crate) password: Option<&'a Hidden>,
    pub(crate) from: &'a str,
    pub(crate) ca_file: Option<&'a Path>,
    pub(crate) timeout: Duration,
}

/// Sends, and gives back what the server answered. `id` is the same for every attempt, so that a mail that comes twice can
/// be told to be one.
pub(crate) async fn send(server: &Server<'_>, to: &str, id: &str, message: &Message) -> Result<String, Failure> {
    let mail = compose(server.from, to, id, message)?;
    let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(server.host)
        .port(server.port)
        .tls(tls(server)?)
        .timeout(Some(server.timeout));
    if let (Some(user), Some(password)) = (server.user, server.password) {
        builder = builder.credentials(Credentials::new(user.to_owned(), password.reveal().to_owned()));
    }
    let response = builder.build().send(mail).await.map_err(|error| Failure {
        // A refusal is for good; the rest, a certificate among it, somebody may mend while we try.
        may_retry: !error.is_permanent(),
        why: chain(&error),
        retry_after: None,
    })?;
    Ok(format!("{} {}", response.code(), response.message().collect::<Vec<_>>().join(" ")))
}

fn tls(server: &Server<'_>) -> Result<Tls, Failure> {
    if server.tls == SmtpTls::None {
        return Ok(Tls::None);
    }
    // One provider of cryptography in the whole binary; an error only says that it is in place already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut parameters = TlsParameters::builder(server.host.to_owned());
    if let Some(path) = server.ca_file {
        let unusable = |why: String| Failure::again(format!("the CA file `{}` cannot be used: {why}", path.display()));
        let text = std::fs::read(path).map_err(|error| unusable(error.to_string()))?;
        for certificate in CertificateDer::pem_slice_iter(&text) {
            let certificate = certificate.map_err(|error| unusable(error.to_string()))?;
            let certificate = Certificate::from_der(certificate.to_vec()).map_err(|error| unusable(chain(&error)))?;
            parameters = parameters.add_root_certificate(certificate);
        }
    }
    let parameters = parameters
        .build_rustls()
        .map_err(|error| Failure::again(format!("TLS cannot be set up: {}", chain(&error))))?;
    Ok(if server.tls == SmtpTls::Implicit { Tls::Wrapper(parameters) } else { Tls::Required(parameters) })
}

fn compose(from: &str, to: &str, id: &str, message: &Message) -> Result<Mail, Failure> {
    let mailbox = |what: &str, text: &str| {
        text.parse::<Mailbox>()
            .map_err(|_| Failure::last(format!("{what} `{}` is no mail address", text.escape_debug())))
    };
    let (from, to) = (mailbox("the sender", from)?, mailbox("the recipient", to)?);
    let id = format!("<{id}@{}>", from.email.domain());
    // One line, whatever the title says: what follows a line break would be a header.
    let subject: String = message.title.chars().filter(|c| !c.is_control()).collect();
    let auto = HeaderValue::new(HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated".to_owned());
    let mail = Mail::builder().from(from).to(to).subject(subject).message_id(Some(id)).raw_header(auto);
    mail.multipart(MultiPart::alternative_plain_html(message.text(), html(message)))
        .map_err(|error| Failure::last(format!("the mail cannot be written: {error}")))
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

pub(crate) fn html(message: &Message) -> String {
    let mut html = String::from("<!doctype html><html><body style=\"font-family:sans-serif\">");
    for line in &message.lines {
        html.push_str(&format!(
            "<div style=\"border-left:4px solid {};padding:4px 12px;margin:0 0 12px\"><b>{}</b>",
            message.color(),
            escape(&line.title)
        ));
        for detail in &line.details {
            html.push_str(&format!("<pre style=\"white-space:pre-wrap;margin:4px 0\">{}</pre>", escape(detail)));
        }
        if let Some(link) = &line.link {
            html.push_str(&format!("<a href=\"{}\">View run</a>", escape(link)));
        }
        html.push_str("</div>");
    }
    if message.n_more > 0 {
        html.push_str(&format!("<p>and {} more</p>", message.n_more));
    }
    html.push_str("</body></html>");
    html
}

#[cfg(test)]
mod tests {
    use host_model::notify::Severity;

    use super::*;

    fn message(title: &str) -> Message {
        let lines = Vec::new();
        Message { title: title.to_owned(), severity: Severity::High, is_good: false, lines, n_more: 0, link: None }
    }

    #[test]
    fn nobody_can_write_a_header_through_an_address_or_a_title() {
        let mail = compose("a@b.test", "c@d.test", "1", &message("x\r\nBcc: evil@e.test")).unwrap();
        let text = String::from_utf8(mail.formatted()).unwrap();
        assert!(!text.contains("\r\nBcc:") && text.contains("Subject: xBcc: evil@e.test"), "{text}");
        for bad in ["c@d.test\r\nBcc: e@f.test", "c@d.test, e@f.test", "nobody", ""] {
            let failure = compose("a@b.test", bad, "1", &message("x")).unwrap_err();
            assert!(!failure.may_retry && failure.why.contains("no mail address"), "{}", failure.why);
        }
    }
}
