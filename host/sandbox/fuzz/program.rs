//! Programs for `zoo:raw`: sequences of calls whose arguments are mostly laid out as the contract says, with odd contents;
//! some are any number, which ends the call more often.

use host_model::Json;
use serde_json::json;

use super::Random;

/// As in the guest: places in its scratch, words of its last result, handles it was given, and where results go.
const BASE: u64 = 1 << 40;
const RESULT: u64 = 1 << 41;
const HANDLE: u64 = 1 << 42;
const ANSWER: usize = 64 * 1024 - 256;

/// What an argument is laid out as.
#[derive(Clone, Copy)]
enum Shape {
    Text,
    /// `option<string>`, or of bytes.
    MaybeText,
    Texts,
    /// `list<tuple<string, string>>`.
    Pairs,
    /// `list<tuple<string, value>>`.
    Binds,
    Rows,
    Columns,
    Handle,
    Number,
    /// `option<u32>` or `option<u64>`.
    MaybeNumber,
    /// A case of an enum.
    Case,
}

use Shape::{Binds, Case, Columns, Handle, MaybeNumber, MaybeText, Number, Pairs, Rows, Text, Texts};

/// The imports in the order of the guest; where results go is the last number, which the guest adds.
const IMPORTS: [&[Shape]; 29] = [
    &[Case, Text, Pairs],
    &[Text],
    &[Text],
    &[Number, MaybeNumber, Text],
    &[],
    &[Text],
    &[Handle],
    &[Handle, Text, Binds],
    &[Handle, Text, Binds],
    &[Handle, Text, Texts, Rows],
    &[Handle, Text, Texts, Columns],
    &[Handle],
    &[Handle],
    &[Handle],
    &[Handle],
    &[Handle],
    &[Handle, Number],
    &[Handle, Number],
    &[Handle],
    &[Text, Text, Pairs, MaybeText, MaybeNumber, Number],
    &[Text, MaybeText, Case, Text, Texts, Number],
    &[Handle],
    &[Handle],
    &[Text],
    &[Text],
    &[Text, Text],
    &[Text, MaybeText, Text],
    &[Text],
    &[Text, MaybeText, Number],
];
const OPEN: usize = 5;
const QUERY: usize = 8;
const SEARCH: usize = 20;

const TEXTS: [&str; 22] = [
    "c",
    "c",
    "c",
    "r",
    "away",
    "t",
    "id",
    "select",
    "select",
    "delete",
    "hang",
    "people",
    "token",
    "key",
    "(uid=*)",
    "GET",
    "http://localhost:1/",
    "",
    "\0",
    "näme\n\u{1b}[0m",
    "bytes",
    "decimal",
];

/// The memory of a program, as it is filled.
#[derive(Default)]
struct Scratch {
    bytes: Vec<u8>,
    places: Vec<usize>,
}

impl Scratch {
    fn room(&mut self, n: usize) -> usize {
        let at = self.bytes.len().next_multiple_of(8);
        self.bytes.resize(at + n, 0);
        at
    }

    fn word(&mut self, at: usize, value: u32) {
        self.bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
    }

    /// The two words of a list or text, the first of them a place.
    fn list(&mut self, at: usize, (place, n): (usize, usize)) {
        self.word(at, place as u32);
        self.word(at + 4, n as u32);
        self.places.push(at);
    }

    fn data(&mut self, data: &[u8]) -> (usize, usize) {
        let at = self.room(data.len());
        self.bytes[at..].copy_from_slice(data);
        (at, data.len())
    }

    fn text(&mut self, random: &mut Random) -> (usize, usize) {
        match random.below(24) {
            0 => self.data(&"x".repeat(random.below(3_000)).into_bytes()),
            1 if random.below(4) == 0 => self.data(&random.next().to_le_bytes()),
            _ => self.data(random.one_of(&TEXTS).as_bytes()),
        }
    }

    /// `n` items of `size` bytes each.
    fn items(&mut self, n: usize, size: usize, mut fill: impl FnMut(&mut Self, usize)) -> (usize, usize) {
        let at = self.room(n * size);
        for item in 0..n {
            fill(self, at + item * size);
        }
        (at, n)
    }

    fn texts(&mut self, n: usize, random: &mut Random) -> (usize, usize) {
        self.items(n, 8, |scratch, at| {
            let text = scratch.text(random);
            scratch.list(at, text);
        })
    }

    fn cell(&mut self, at: usize, random: &mut Random) {
        let case = random.below(10) + random.below(100) / 99;
        self.bytes[at] = case as u8;
        if case < 4 {
            let number = odd_number(random);
            self.bytes[at + 8..at + 16].copy_from_slice(&number.to_le_bytes());
            return;
        }
        for part in [8, 16] {
            let text = self.text(random);
            self.list(at + part, text);
        }
    }

    fn column(&mut self, at: usize, n: usize, random: &mut Random) {
        let kind = self.text(random);
        self.list(at, kind);
        let nulls = self.data(&random.next().to_le_bytes()[..random.below(9)]);
        self.list(at + 8, nulls);
        let case = random.below(6);
        self.bytes[at + 16] = case as u8;
        let cells = match case {
            0 => self.data(&vec![1; n]),
            1 | 2 => (self.room(n * 8), n),
            3 => self.texts(n, random),
            _ => {
                self.items(n + 1, 4, |scratch, at| scratch.word(at, (random.below(20)) as u32 * u32::from(at % 3 > 0)))
            }
        };
        self.list(at + 20, cells);
        let data = self.text(random);
        self.list(at + 28, data);
    }
}

fn odd_number(random: &mut Random) -> u64 {
    const ODD: [u64; 12] = [0, 1, 2, 3, 8, 255, 65_536, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 1 << 33, u64::MAX >> 1];
    match random.below(4) {
        0 => random.next() & (BASE - 1),
        _ => *random.one_of(&ODD) & (BASE - 1),
    }
}

/// The params of a call.
pub(super) fn program(random: &mut Random) -> Json {
    let mut scratch = Scratch::default();
    let mut calls = Vec::new();
    // Most begin with a session, many with a cursor too, so that there is something to misuse.
    let mut planned = match random.below(4) {
        0 => Vec::new(),
        1 => vec![OPEN],
        _ => vec![OPEN, QUERY],
    };
    planned.extend((0..random.below(12)).map(|_| random.below(IMPORTS.len())));
    for import in planned {
        // The scratch ends where the answers are.
        if scratch.bytes.len() > ANSWER - 16 * 1024 {
            break;
        }
        let mut call = vec![import as u64];
        for shape in IMPORTS[import] {
            argue(*shape, import, &mut call, &mut scratch, random);
        }
        if random.below(60) == 0 {
            let at = random.below(call.len());
            call[at] = odd_number(random);
        }
        calls.push(call);
    }
    json!({"bytes": scratch.bytes, "places": scratch.places, "calls": calls})
}

fn argue(shape: Shape, import: usize, call: &mut Vec<u64>, scratch: &mut Scratch, random: &mut Random) {
    let some = random.below(2) as u64;
    let n = random.below(5);
    let list = match shape {
        // Without a session and a cursor most of the rest is refused at once.
        Text if import == OPEN && random.below(8) > 0 => scratch.data(b"c"),
        Text if import == QUERY && random.below(4) > 0 => scratch.data(b"select"),
        Text => scratch.text(random),
        MaybeText => {
            call.push(some);
            scratch.text(random)
        }
        Texts => scratch.texts(n, random),
        Pairs => scratch.items(n, 16, |scratch, at| {
            for part in [0, 8] {
                let text = scratch.text(random);
                scratch.list(at + part, text);
            }
        }),
        Binds => scratch.items(n, 32, |scratch, at| {
            let name = scratch.text(random);
            scratch.list(at, name);
            scratch.cell(at + 8, random);
        }),
        Rows => scratch.items(n, 8, |scratch, at| {
            let width = random.below(4);
            let row = scratch.items(width, 24, |scratch, at| scratch.cell(at, random));
            scratch.list(at, row);
        }),
        Columns => {
            let n_rows = random.below(6);
            call.push(if random.below(6) == 0 { odd_number(random) } else { n_rows as u64 });
            scratch.items(n, 40, |_, _| {});
            // A column is 36 bytes, and the next one follows at once.
            scratch.items(n, 36, |scratch, at| scratch.column(at, n_rows, random))
        }
        Handle => {
            let maker = match import {
                ..15 => OPEN,
                15..19 => QUERY,
                _ => SEARCH,
            };
            call.push(match random.below(60) {
                0 => odd_number(random),
                1 => RESULT + 1,
                2 => HANDLE + *random.one_of(&[OPEN, QUERY, SEARCH]) as u64,
                _ => HANDLE + maker as u64,
            });
            return;
        }
        Number => {
            call.push(odd_number(random));
            return;
        }
        MaybeNumber => {
            call.extend([some, odd_number(random)]);
            return;
        }
        Case => {
            call.push((random.below(3) + random.below(40) / 39 * 9) as u64);
            return;
        }
    };
    call.extend([BASE + list.0 as u64, list.1 as u64]);
}
