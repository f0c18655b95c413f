//! Attributes with more values than a server gives at once, as Active Directory hands them out. OpenLDAP cannot, so the
//! server is one of our own that speaks as much of RFC 4511 as it takes.

use host_model::job::spec::{LdapSyncSpec, MultiValues};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::kit::{Set, text};
use crate::ldap_sync::{spec, sync, with_directory};

const DN: &str = "cn=all,dc=nomaflow,dc=test";
/// Values of `member`, and how many of them come at once.
const MEMBERS: usize = 7;
const AT_ONCE: usize = 3;

fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len();
    // The long form is right for every length.
    let mut out = vec![tag, 0x82, (length >> 8) as u8, length as u8];
    out.extend(content);
    out
}

/// A whole BER element of the stream: its tag and its content.
async fn element(stream: &mut TcpStream) -> Option<(u8, Vec<u8>)> {
    let tag = stream.read_u8().await.ok()?;
    let mut length = usize::from(stream.read_u8().await.ok()?);
    if length >= 0x80 {
        let mut wide = 0;
        for _ in 0..length & 0x7f {
            wide = wide << 8 | usize::from(stream.read_u8().await.ok()?);
        }
        length = wide;
    }
    let mut content = vec![0; length];
    stream.read_exact(&mut content).await.ok()?;
    Some((tag, content))
}

fn done(tag: u8) -> Vec<u8> {
    tlv(tag, &[tlv(0x0a, &[0]), tlv(0x04, b""), tlv(0x04, b"")].concat())
}

fn attribute(name: &str, values: &[String]) -> Vec<u8> {
    let values: Vec<u8> = values.iter().flat_map(|value| tlv(0x04, value.as_bytes())).collect();
    tlv(0x30, &[tlv(0x04, name.as_bytes()), tlv(0x31, &values)].concat())
}

/// The entry, with the members from `from` on.
fn entry(from: usize) -> Vec<u8> {
    let end = (from + AT_ONCE).min(MEMBERS);
    let members: Vec<String> = (from..end).map(|n| format!("cn=m{n}")).collect();
    let last = if end == MEMBERS { "*".to_owned() } else { (end - 1).to_string() };
    let attributes = [
        attribute("cn", &["all".to_owned()]),
        // The name itself comes too, empty.
        attribute("member", &[]),
        attribute(&format!("member;range={from}-{last}"), &members),
    ];
    tlv(0x64, &[tlv(0x04, DN.as_bytes()), tlv(0x30, &attributes.concat())].concat())
}

async fn serve(mut stream: TcpStream) {
    while let Some((0x30, message)) = element(&mut stream).await {
        // The number of a message, and what it is.
        let number = &message[..2 + usize::from(message[1])];
        let operation = message[number.len()];
        let answers = match operation {
            0x60 => vec![done(0x61)],
            0x63 => {
                let said = String::from_utf8_lossy(&message);
                let from = said.split("member;range=").nth(1).and_then(|rest| rest.split('-').next()?.parse().ok());
                vec![entry(from.unwrap_or(0)), done(0x65)]
            }
            _ => return,
        };
        for answer in answers {
            if stream.write_all(&tlv(0x30, &[number.to_vec(), answer].concat())).await.is_err() {
                return;
            }
        }
    }
}

#[tokio::test]
async fn the_rest_of_an_attribute_that_comes_in_ranges_is_fetched() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ldap://{}", listener.local_addr().unwrap());
    let server = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            serve(stream).await;
        }
    });
    let folder = tempfile::tempdir().unwrap();
    let bench = with_directory(Set::default().sqlite("lite", &folder.path().join("t.db")), &url).build();
    bench.execute("lite", &["create table teams (name text primary key, members text)"]).await;
    let groups = LdapSyncSpec {
        target_table: "teams".into(),
        key_columns: vec!["name".into()],
        mapping: json!({"cn": "name", "member": "members"}).as_object().cloned().unwrap(),
        multi_values: MultiValues::Join,
        ..spec("lite")
    };
    sync(&bench, &groups).await.unwrap();
    let members: Vec<String> = (0..MEMBERS).map(|n| format!("cn=m{n}")).collect();
    let rows = bench.rows("lite", "select name, members from teams").await;
    assert_eq!(rows, [[text("all"), text(&members.join(";"))]]);
    server.abort();
}
