//! A server that speaks as much of TDS 7.4 as a connector needs, written from the [MS-TDS] specification and not from a
//! client: prelogin, LOGIN7, SQL batches, `sp_executesql`, the transaction manager, attention. What it answers is up to a
//! script; what it was asked is in its journal.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// Bytes of a packet, with its header.
const PACKET: usize = 4_096;

/// What to say to a statement.
pub(crate) enum Answer {
    /// A result set.
    Rows(Table),
    /// Changed rows.
    Done(u64),
    /// Number, severity, text.
    Error(u32, u8, &'static str),
    /// These rows and then nothing until the client gives up.
    RowsThenSilence(Table),
    /// The same rows again and again until the client gives up.
    Endless(Table),
    /// These rows, half of another, and the connection is gone.
    RowsThenGone(Table),
}

/// Columns (name, TYPE_INFO) and encoded cells.
#[derive(Clone, Default)]
pub(crate) struct Table {
    pub(crate) columns: Vec<(&'static str, Vec<u8>)>,
    pub(crate) rows: Vec<Vec<Vec<u8>>>,
}

type Script = dyn Fn(&str) -> Answer + Send + Sync;

pub(crate) struct Tds {
    pub(crate) port: u16,
    journal: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl Drop for Tds {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Tds {
    /// Listens on a free port. Logins with another password than `s3cret` are refused.
    pub(crate) async fn start(script: impl Fn(&str) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let journal: Arc<Mutex<Vec<String>>> = Arc::default();
        let (script, notes): (Arc<Script>, _) = (Arc::new(script), Arc::clone(&journal));
        let task = tokio::spawn(async move {
            let mut open = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let (read, write) = TcpStream::into_split(stream);
                let peer = Peer { read, write, script: Arc::clone(&script), journal: Arc::clone(&notes) };
                open.spawn(peer.serve());
            }
        });
        Self { port, journal, task }
    }

    pub(crate) fn url(&self) -> String {
        format!("sqlserver://jde:s3cret@127.0.0.1:{}/JDE", self.port)
    }

    /// Everything that was asked so far.
    pub(crate) fn journal(&self) -> Vec<String> {
        self.journal.lock().unwrap().clone()
    }

    /// Waits until something was asked.
    pub(crate) async fn wait_for(&self, what: &str) {
        for _ in 0..500 {
            if self.journal().iter().any(|line| line.contains(what)) {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        panic!("`{what}` was never asked: {:?}", self.journal());
    }
}

struct Peer {
    read: OwnedReadHalf,
    write: OwnedWriteHalf,
    script: Arc<Script>,
    journal: Arc<Mutex<Vec<String>>>,
}

impl Peer {
    async fn serve(mut self) {
        while let Some((kind, message)) = receive(&mut self.read).await {
            let is_alive = match kind {
                0x12 => self.send(&prelogin()).await,
                0x10 => self.login(&message).await,
                0x01 => self.run(&utf16(headerless(&message))).await,
                0x03 => self.run(&rpc(headerless(&message))).await,
                0x0e => self.transaction(headerless(&message)).await,
                0x06 => self.acknowledge().await,
                other => panic!("a packet of type {other:#x}"),
            };
            if !is_alive {
                return;
            }
        }
        self.note("gone");
    }

    fn note(&self, line: impl Into<String>) {
        self.journal.lock().unwrap().push(line.into());
    }

    async fn login(&mut self, message: &[u8]) -> bool {
        let field = |at: usize| {
            let (from, count) = (u16_at(message, at), u16_at(message, at + 2));
            message[from..from + 2 * count].to_vec()
        };
        let password: Vec<u8> = field(44).iter().map(|b| (b ^ 0xa5).rotate_left(4)).collect();
        let intent = if message[26] & 0x20 != 0 { "read-only" } else { "read-write" };
        let names = [40, 48, 68].map(|at| utf16(&field(at))).join(" ");
        self.note(format!("login {names} {intent}"));
        if utf16(&password) != "s3cret" {
            let mut answer = error(18_456, 14, "Login failed for user 'jde'.");
            answer.extend(done(0xfd, 0x02, 0));
            return self.send(&answer).await;
        }
        let mut body = vec![1, 0x74, 0, 0, 4];
        body.extend(b_varchar("Microsoft SQL Server"));
        body.extend([16, 0, 0, 0]);
        let mut answer = vec![0xad];
        answer.extend((body.len() as u16).to_le_bytes());
        answer.extend(body);
        answer.extend(done(0xfd, 0, 0));
        self.send(&answer).await
    }

    async fn transaction(&mut self, message: &[u8]) -> bool {
        let (word, change, new, old): (_, u8, &[u8], &[u8]) = match u16_at(message, 0) {
            5 => ("begin", 8, &[7; 8], &[]),
            7 => ("commit", 9, &[], &[7; 8]),
            8 => ("rollback", 10, &[], &[7; 8]),
            other => panic!("a request {other} to the transaction manager"),
        };
        self.note(word);
        let mut body = vec![change, new.len() as u8];
        body.extend(new);
        body.push(old.len() as u8);
        body.extend(old);
        let mut answer = vec![0xe3];
        answer.extend((body.len() as u16).to_le_bytes());
        answer.extend(body);
        answer.extend(done(0xfd, 0, 0));
        self.send(&answer).await
    }

    async fn acknowledge(&mut self) -> bool {
        self.note("attention");
        self.send(&done(0xfd, 0x20, 0)).await
    }

    async fn run(&mut self, sql: &str) -> bool {
        self.note(sql);
        let script = Arc::clone(&self.script);
        match script(sql) {
            Answer::Done(count) => self.send(&ended(Vec::new(), count)).await,
            Answer::Rows(table) => {
                let mut answer = table.metadata();
                table.rows.iter().for_each(|row| answer.extend(encode_row(row)));
                self.send(&ended(answer, table.rows.len() as u64)).await
            }
            Answer::Error(number, class, text) => {
                let mut answer = error(number, class, text);
                answer.extend(done(0xfe, 0x02, 0));
                self.send(&answer).await
            }
            Answer::RowsThenSilence(table) => {
                let mut answer = table.metadata();
                table.rows.iter().for_each(|row| answer.extend(encode_row(row)));
                // No packet at all when there is nothing to say: the client waits for the first one.
                (table.columns.is_empty() || self.packets(&answer, false).await) && self.until_attention().await
            }
            Answer::Endless(table) => {
                let mut answer = table.metadata();
                loop {
                    table.rows.iter().for_each(|row| answer.extend(encode_row(row)));
                    let chunk = std::mem::take(&mut answer);
                    tokio::select! {
                        biased;
                        message = receive(&mut self.read) => match message {
                            Some((0x06, _)) => return self.acknowledge().await,
                            _ => return false,
                        },
                        sent = send(&mut self.write, &chunk, false) => if !sent { return false },
                    }
                }
            }
            Answer::RowsThenGone(table) => {
                let mut answer = table.metadata();
                table.rows.iter().for_each(|row| answer.extend(encode_row(row)));
                answer.push(0xd1);
                self.packets(&answer, false).await;
                false
            }
        }
    }

    async fn until_attention(&mut self) -> bool {
        match receive(&mut self.read).await {
            Some((0x06, _)) => self.acknowledge().await,
            Some((other, _)) => panic!("a packet of type {other:#x} while a statement runs"),
            None => {
                self.note("gone");
                false
            }
        }
    }

    async fn send(&mut self, message: &[u8]) -> bool {
        self.packets(message, true).await
    }

    async fn packets(&mut self, message: &[u8], is_last: bool) -> bool {
        send(&mut self.write, message, is_last).await
    }
}

/// One message, all its packets together: its type and its payload.
pub(crate) async fn receive(read: &mut (impl AsyncRead + Unpin)) -> Option<(u8, Vec<u8>)> {
    let mut message = Vec::new();
    loop {
        let mut header = [0; 8];
        read.read_exact(&mut header).await.ok()?;
        let mut payload = vec![0; usize::from(u16::from_be_bytes([header[2], header[3]])) - 8];
        read.read_exact(&mut payload).await.ok()?;
        message.extend(payload);
        if header[1] & 1 != 0 {
            return Some((header[0], message));
        }
    }
}

async fn send(write: &mut OwnedWriteHalf, message: &[u8], is_last: bool) -> bool {
    let count = message.len().div_ceil(PACKET - 8);
    for (n, payload) in message.chunks(PACKET - 8).enumerate() {
        let mut packet = vec![0x04, u8::from(is_last && n + 1 == count)];
        packet.extend((payload.len() as u16 + 8).to_be_bytes());
        packet.extend([0, 0, 1, 0]);
        packet.extend(payload);
        if write.write_all(&packet).await.is_err() {
            return false;
        }
    }
    true
}

/// Version 16 and no encryption.
fn prelogin() -> Vec<u8> {
    vec![0, 0, 11, 0, 6, 1, 0, 17, 0, 1, 0xff, 16, 0, 0, 0, 0, 0, 2]
}

fn u16_at(bytes: &[u8], at: usize) -> usize {
    usize::from(u16::from_le_bytes([bytes[at], bytes[at + 1]]))
}

fn utf16(bytes: &[u8]) -> String {
    let units: Vec<u16> = bytes.chunks_exact(2).map(|b| u16::from_le_bytes([b[0], b[1]])).collect();
    String::from_utf16(&units).unwrap()
}

/// What is behind ALL_HEADERS.
fn headerless(message: &[u8]) -> &[u8] {
    let length = u32::from_le_bytes(message[..4].try_into().unwrap()) as usize;
    &message[length..]
}

fn encode_row(cells: &[Vec<u8>]) -> Vec<u8> {
    let mut row = vec![0xd1];
    cells.iter().for_each(|cell| row.extend(cell));
    row
}

fn done(token: u8, status: u16, count: u64) -> Vec<u8> {
    let mut out = vec![token];
    out.extend(status.to_le_bytes());
    out.extend([0, 0]);
    out.extend(count.to_le_bytes());
    out
}

/// DONEINPROC with the count, RETURNSTATUS, DONEPROC.
fn ended(mut answer: Vec<u8>, count: u64) -> Vec<u8> {
    answer.extend(done(0xff, 0x11, count));
    answer.extend([0x79, 0, 0, 0, 0]);
    answer.extend(done(0xfe, 0, 0));
    answer
}

fn error(number: u32, class: u8, text: &str) -> Vec<u8> {
    let mut body = number.to_le_bytes().to_vec();
    body.extend([1, class]);
    body.extend((text.encode_utf16().count() as u16).to_le_bytes());
    body.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
    body.extend(b_varchar("ERP01"));
    body.extend(b_varchar(""));
    body.extend(1_u32.to_le_bytes());
    let mut out = vec![0xaa];
    out.extend((body.len() as u16).to_le_bytes());
    out.extend(body);
    out
}

fn b_varchar(text: &str) -> Vec<u8> {
    let mut out = vec![text.encode_utf16().count() as u8];
    out.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
    out
}

impl Table {
    fn metadata(&self) -> Vec<u8> {
        let mut out = vec![0x81];
        out.extend((self.columns.len() as u16).to_le_bytes());
        for (name, type_info) in &self.columns {
            out.extend([0, 0, 0, 0, 1, 0]);
            out.extend(type_info);
            out.extend(b_varchar(name));
        }
        out
    }
}

/// The statement of a call of `sp_executesql`, and behind ` | ` its parameters as `name=value`.
fn rpc(message: &[u8]) -> String {
    assert_eq!((u16_at(message, 0), u16_at(message, 2)), (0xffff, 10), "only sp_executesql is known");
    let mut rest = &message[6..];
    let mut params = Vec::new();
    while !rest.is_empty() {
        let name = utf16(&take(&mut rest, 1, |n| n * 2));
        rest = &rest[1..];
        params.push((name, parameter(&mut rest)));
    }
    let mut params = params.into_iter();
    let (_, sql) = params.next().unwrap();
    // The list of declarations.
    let values: Vec<String> = params.skip(1).map(|(name, value)| format!("{name}={value}")).collect();
    if values.is_empty() { sql } else { format!("{sql} | {}", values.join(", ")) }
}

/// Bytes behind a length of `width` bytes.
fn take(rest: &mut &[u8], width: usize, bytes: impl Fn(usize) -> usize) -> Vec<u8> {
    let mut length = [0; 8];
    length[..width].copy_from_slice(&rest[..width]);
    let length = bytes(u64::from_le_bytes(length) as usize);
    let found = rest[width..width + length].to_vec();
    *rest = &rest[width + length..];
    found
}

fn parameter(rest: &mut &[u8]) -> String {
    let kind = rest[0];
    *rest = &rest[1..];
    let mut skip = |count: usize| {
        let skipped = rest[..count].to_vec();
        *rest = &rest[count..];
        skipped
    };
    let same = |n: usize| n;
    match kind {
        // INTN, BITN, FLTN
        0x26 | 0x68 | 0x6d => {
            skip(1);
            let bytes = take(rest, 1, same);
            let mut wide = [0; 8];
            wide[..bytes.len()].copy_from_slice(&bytes);
            if kind == 0x6d { f64::from_le_bytes(wide).to_string() } else { i64::from_le_bytes(wide).to_string() }
        }
        // DECIMALN, NUMERICN
        0x6a | 0x6c => {
            let scale = skip(3)[2];
            let bytes = take(rest, 1, same);
            let mut wide = [0; 16];
            wide[..bytes.len() - 1].copy_from_slice(&bytes[1..]);
            let sign = if bytes[0] == 0 { "-" } else { "" };
            format!("{sign}{}e-{scale}", u128::from_le_bytes(wide))
        }
        // NVARCHAR and BIGVARBIN, short or of any length
        0xe7 | 0xa5 => {
            let size = u16_at(&skip(if kind == 0xe7 { 7 } else { 2 }), 0);
            let bytes = if size == 0xffff {
                skip(8);
                let mut all = Vec::new();
                loop {
                    let chunk = take(rest, 4, same);
                    if chunk.is_empty() {
                        break all;
                    }
                    all.extend(chunk);
                }
            } else {
                take(rest, 2, same)
            };
            if kind == 0xe7 { utf16(&bytes) } else { format!("{bytes:02x?}") }
        }
        // INT4, INT8, BIT, FLT8
        0x38 => i32::from_le_bytes(skip(4).try_into().unwrap()).to_string(),
        0x7f => i64::from_le_bytes(skip(8).try_into().unwrap()).to_string(),
        0x32 => skip(1)[0].to_string(),
        0x3e => f64::from_le_bytes(skip(8).try_into().unwrap()).to_string(),
        other => panic!("a parameter of type {other:#x}"),
    }
}

/// TYPE_INFO and cells, by the tables of the specification.
pub(crate) mod cell {
    const COLLATION: [u8; 5] = [0x09, 0x04, 0xd0, 0x00, 0x34];

    pub(crate) fn sized(kind: u8, size: u16) -> Vec<u8> {
        let mut out = vec![kind];
        out.extend(size.to_le_bytes());
        if matches!(kind, 0xe7 | 0xef | 0xa7 | 0xaf) {
            out.extend(COLLATION);
        }
        out
    }

    pub(crate) fn nvarchar(size: u16) -> Vec<u8> {
        sized(0xe7, size)
    }

    pub(crate) fn decimal(precision: u8, scale: u8) -> Vec<u8> {
        vec![0x6a, 17, precision, scale]
    }

    /// A value behind a length of one byte.
    pub(crate) fn short(bytes: &[u8]) -> Vec<u8> {
        let mut out = vec![bytes.len() as u8];
        out.extend(bytes);
        out
    }

    /// A value behind a length of two bytes.
    pub(crate) fn long(bytes: &[u8]) -> Vec<u8> {
        let mut out = (bytes.len() as u16).to_le_bytes().to_vec();
        out.extend(bytes);
        out
    }

    pub(crate) fn long_null() -> Vec<u8> {
        vec![0xff, 0xff]
    }

    /// A value of any length, in two chunks.
    pub(crate) fn chunked(bytes: &[u8]) -> Vec<u8> {
        let mut out = (bytes.len() as u64).to_le_bytes().to_vec();
        let (a, b) = bytes.split_at(bytes.len() / 2);
        for chunk in [a, b] {
            out.extend((chunk.len() as u32).to_le_bytes());
            out.extend(chunk);
        }
        out.extend([0; 4]);
        out
    }

    pub(crate) fn text(text: &str) -> Vec<u8> {
        long(&units(text))
    }

    pub(crate) fn units(text: &str) -> Vec<u8> {
        text.encode_utf16().flat_map(u16::to_le_bytes).collect()
    }

    pub(crate) fn int(n: i32) -> Vec<u8> {
        short(&n.to_le_bytes())
    }

    pub(crate) fn number(value: i128) -> Vec<u8> {
        let mut out = vec![17, u8::from(value >= 0)];
        out.extend(value.unsigned_abs().to_le_bytes());
        out
    }
}
