//! What is posted: Slack's message with an attachment, an adaptive card for Teams, and the JSON of a webhook with its
//! signature.

use host_model::Json;
use host_model::notify::delivery::Delivery;
use ring::hmac;
use serde_json::json;

use crate::body::words;
use crate::message::{Line, Message};

/// Slack reads `&`, `<` and `>` as the beginning of something.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// A message for an incoming webhook.
pub(crate) fn slack(message: &Message, username: &str, icon: &str, channel: Option<&str>) -> Json {
    let line = |line: &Line| {
        let title = escape(&line.title);
        let title = line.link.as_ref().map_or_else(|| format!("*{title}*"), |link| format!("*<{link}|{title}>*"));
        let details: Vec<String> = line.details.iter().map(|detail| escape(detail)).collect();
        format!("{title}\n{}", details.join("\n"))
    };
    let mut text = message.lines.iter().map(line).collect::<Vec<_>>().join("\n");
    if message.n_more > 0 {
        text.push_str(&format!("\nand {} more", message.n_more));
    }
    let mut attachment = json!({
        "color": message.color(),
        "fallback": escape(&message.title),
        "text": text,
        "mrkdwn_in": ["text"],
    });
    if let Some(link) = &message.link {
        attachment["actions"] = json!([{ "type": "button", "text": "View run", "url": link }]);
    }
    let mut body = json!({
        "username": username,
        "icon_emoji": icon,
        "text": escape(&message.title),
        "attachments": [attachment],
    });
    if let Some(channel) = channel {
        body["channel"] = channel.into();
    }
    body
}

/// An adaptive card for a Teams workflow.
pub(crate) fn teams(message: &Message) -> Json {
    let color = match message.color() {
        "#d13438" => "Attention",
        "#e8a200" => "Warning",
        "#2e9e44" => "Good",
        _ => "Default",
    };
    let mut body = vec![json!({
        "type": "TextBlock", "text": message.title, "weight": "Bolder", "size": "Medium", "color": color, "wrap": true,
    })];
    for line in &message.lines {
        if message.lines.len() > 1 {
            body.push(json!({ "type": "TextBlock", "text": line.title, "weight": "Bolder", "wrap": true }));
        }
        for detail in &line.details {
            body.push(json!({ "type": "TextBlock", "text": detail, "wrap": true, "spacing": "Small" }));
        }
    }
    if message.n_more > 0 {
        body.push(json!({ "type": "TextBlock", "text": format!("and {} more", message.n_more), "wrap": true }));
    }
    let mut card = json!({
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": body,
    });
    if let Some(link) = &message.link {
        card["actions"] = json!([{ "type": "Action.OpenUrl", "title": "View run", "url": link }]);
    }
    let attachment =
        json!({ "contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": null, "content": card });
    json!({ "type": "message", "attachments": [attachment] })
}

/// What a webhook gets that says nothing of its body.
pub(crate) fn webhook(delivery: &Delivery, message: &Message, public_url: Option<&str>) -> Json {
    let mut body = words(&delivery.notices, delivery.n_notices, message, public_url);
    let events: Vec<Json> = delivery.notices.iter().map(|notice| notice.to_json()).collect();
    body.insert("delivery".to_owned(), delivery.id.into());
    body.insert("events".to_owned(), events.into());
    Json::Object(body)
}

/// The value of the signature's header: `t=<seconds since 1970>,v1=<HMAC-SHA256 of "<t>.<body>" in hexadecimal>`.
pub(crate) fn signature(key: &str, seconds: i64, body: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes());
    let tag = hmac::sign(&key, format!("{seconds}.{body}").as_bytes());
    format!("t={seconds},v1={}", hex::encode(tag))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_the_one_others_compute() {
        // python3: hmac.new(b"key", b"1795000000.{}", "sha256").hexdigest()
        let expected = "t=1795000000,v1=71f6cd81e7ac967a6bfd8d621347e9ee7792b1fde3a9a64c3161a631437c7fb6";
        assert_eq!(signature("key", 1_795_000_000, "{}"), expected);
    }
}
