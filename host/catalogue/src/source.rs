//! The text of one file and the arithmetic of places in it: byte offset to line and column, and offset inside a decoded
//! TOML string to offset in the file. Knows nothing of what the file means.
//!
//! Invariant: every function accepts any offset, also one past the end or inside a character.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use crate::blot::blot;

const BOM: char = '\u{feff}';

/// One file as read.
#[derive(Debug, Clone)]
pub(crate) struct SourceFile {
    /// Path as shown to people.
    pub(crate) name: Arc<str>,
    /// Its text, byte order mark included.
    pub(crate) text: Arc<str>,
    /// Where each line begins: a file of a hundred thousand lines is asked for as many places.
    lines: Arc<[usize]>,
    /// A file laid over this one, whose bytes are counted on from [`SourceFile::over_at`].
    over: Option<Arc<SourceFile>>,
}

/// The texts behind a set of findings, by the file name they carry: what [`crate::render`] draws from. Passwords and
/// tokens are blotted out.
#[derive(Debug, Clone, Default)]
pub struct Sources(BTreeMap<Arc<str>, Arc<str>>);

impl Sources {
    /// The text of `file`, if it was read.
    pub fn find_text(&self, file: &str) -> Option<&str> {
        self.0.get(file).map(|text| &**text)
    }

    pub(crate) fn add(&mut self, file: &SourceFile) {
        self.0.insert(file.name.clone(), blot(&file.text).into());
    }
}

impl SourceFile {
    pub(crate) fn new(name: &str, text: &str) -> Self {
        let after_breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
        Self {
            name: name.into(),
            text: text.into(),
            lines: std::iter::once(0).chain(after_breaks).collect(),
            over: None,
        }
    }

    /// This file with `over` laid over it.
    pub(crate) fn with_over(self, over: Self) -> Self {
        Self { over: Some(Arc::new(over)), ..self }
    }

    /// Where the bytes of a file that is laid over this one begin to count.
    pub(crate) fn over_at(&self) -> usize {
        self.text.len() + 1
    }

    /// The file that a byte is in, and where its own bytes begin to count.
    pub(crate) fn file_at(&self, offset: usize) -> (&Self, usize) {
        match &self.over {
            Some(over) if offset >= self.over_at() => (over, self.over_at()),
            _ => (self, 0),
        }
    }

    /// Line and column of a byte, both from 1; the column counts characters.
    pub(crate) fn place(&self, offset: usize) -> (u32, u32) {
        let (file, start) = self.file_at(offset);
        file.own_place(offset - start)
    }

    fn own_place(&self, offset: usize) -> (u32, u32) {
        let offset = floor_char(&self.text, offset);
        let line = self.lines.partition_point(|start| *start <= offset);
        let start = self.lines[line.saturating_sub(1)];
        let column = self.text[start..offset].chars().filter(|c| *c != BOM).count() + 1;
        (to_u32(line), to_u32(column))
    }

    /// The place in the file of bytes `inner` of the string whose literal stands at `literal`. The whole literal when
    /// the two cannot be matched.
    pub(crate) fn inside_string(&self, literal: &Range<usize>, decoded: &str, inner: Range<usize>) -> Range<usize> {
        let (file, start) = self.file_at(literal.start);
        let own = literal.start - start..literal.end - start;
        let Some(raw) = file.text.get(own) else { return literal.clone() };
        match decoded_offsets(raw) {
            Some(offsets) if offsets.len() == decoded.len() + 1 => {
                let at = |i: usize| literal.start + offsets[i.min(decoded.len())];
                at(inner.start)..at(inner.end).max(at(inner.start))
            }
            _ => literal.clone(),
        }
    }
}

fn to_u32(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

fn floor_char(text: &str, offset: usize) -> usize {
    let mut at = offset.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// For each byte of the decoded string, and its end, the offset in the TOML literal `raw`.
fn decoded_offsets(raw: &str) -> Option<Vec<usize>> {
    let quote = raw.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let triple: String = std::iter::repeat_n(quote, 3).collect();
    let is_multiline = raw.len() >= 6 && raw.starts_with(&triple) && raw.ends_with(&triple);
    let fence = if is_multiline { 3 } else { 1 };
    let end = raw.len().checked_sub(fence).filter(|end| *end >= fence)?;
    let mut at = fence;
    if is_multiline {
        at += ["\r\n", "\n"].iter().find(|nl| raw[at..].starts_with(**nl)).map_or(0, |nl| nl.len());
    }
    let mut offsets = Vec::with_capacity(raw.len());
    while at < end {
        let c = raw[at..].chars().next()?;
        if c != '\\' || quote == '\'' {
            offsets.extend((0..c.len_utf8()).map(|i| at + i));
            at += c.len_utf8();
            continue;
        }
        let escape = raw[at + 1..].chars().next()?;
        let digits = match escape {
            'u' => 4,
            'U' => 8,
            'x' => 2,
            c if c.is_whitespace() => {
                // A backslash at the end of a line swallows the blanks and line breaks that follow.
                let rest = &raw[at + 1..end];
                at += 1 + (rest.len() - rest.trim_start().len());
                continue;
            }
            _ => 0,
        };
        let after = at + 1 + escape.len_utf8();
        let width = match digits {
            0 => 1,
            _ => char::from_u32(u32::from_str_radix(raw.get(after..after + digits)?, 16).ok()?)?.len_utf8(),
        };
        offsets.extend(std::iter::repeat_n(at, width));
        at = after + digits;
    }
    offsets.push(end);
    Some(offsets)
}

#[cfg(test)]
mod tests;
