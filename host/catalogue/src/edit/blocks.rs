//! Where the jobs of a file are: the bytes from the comments right above `[[jobs]]` to the end of the last line that
//! belongs to the job. Blank lines, and comments set apart by them, belong to nobody.
//!
//! Invariant: blocks do not overlap and are in the order of the file; splicing one changes no byte outside it.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::EditError;
use crate::overlay::id_of;
use crate::source::SourceFile;

/// The bytes of one job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Block {
    pub(super) id: Option<String>,
    pub(super) range: Range<usize>,
    /// Where `[[jobs]]` stands.
    pub(super) header: usize,
}

/// A file with its blocks.
#[derive(Debug, Clone)]
pub(super) struct Blocks {
    pub(super) list: Vec<Block>,
    /// `[meta] vendor = true`.
    pub(super) is_vendor: bool,
}

/// A table at the top of the file, with everything below it.
struct Section {
    head: usize,
    content_end: usize,
    job: Option<Option<String>>,
}

impl Blocks {
    /// Finds them in `text`, which messages call `file`.
    pub(super) fn find(text: &str, file: &str) -> Result<Self, EditError> {
        let root = DeTable::parse(text).map_err(|error| {
            let (line, _) = SourceFile::new(file, text).place(error.span().map_or(0, |span| span.start));
            EditError::Broken { file: file.to_owned(), line, why: error.message().to_owned() }
        })?;
        let unfit = |why: &str| EditError::Unfit { file: file.to_owned(), why: why.to_owned() };
        let mut sections = Vec::new();
        let mut preamble_end = text.len() - text.trim_start_matches('\u{feff}').len();
        let mut is_vendor = false;
        for (key, value) in root.get_ref() {
            if key.get_ref() == "jobs" {
                for job in value.get_ref().as_array().into_iter().flat_map(|jobs| jobs.iter()) {
                    let (Some(table), Some("[[")) =
                        (job.get_ref().as_table(), text.get(job.span().start..job.span().start + 2))
                    else {
                        return Err(unfit("its jobs are an inline list; write each under a `[[jobs]]` of its own"));
                    };
                    let id = id_of(table).map(str::to_owned);
                    sections.push(Section { head: job.span().start, content_end: end_of(job), job: Some(id) });
                }
            } else if text.get(value.span().start..).is_some_and(|at| at.starts_with('[')) && value.get_ref().is_table()
            {
                is_vendor |= key.get_ref() == "meta"
                    && value.get_ref().get("vendor").and_then(|vendor| vendor.get_ref().as_bool()) == Some(true);
                sections.push(Section { head: value.span().start, content_end: end_of(value), job: None });
            } else {
                preamble_end = preamble_end.max(end_of(value));
            }
        }
        sections.sort_by_key(|section| section.head);
        if sections.windows(2).any(|pair| pair[0].content_end > pair[1].head) {
            return Err(unfit("the parts of a job do not stand together"));
        }
        Ok(Self { list: blocks_of(text, &sections, preamble_end), is_vendor })
    }

    /// The only block of this id.
    pub(super) fn of(&self, id: &str) -> Option<&Block> {
        self.list.iter().find(|block| block.id.as_deref() == Some(id))
    }
}

fn blocks_of(text: &str, sections: &[Section], preamble_end: usize) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut previous_end = if preamble_end == 0 { 0 } else { line_end(text, preamble_end) };
    for (index, section) in sections.iter().enumerate() {
        let own_end = line_end(text, section.content_end);
        if let Some(id) = &section.job {
            let next_head = sections.get(index + 1).map_or(text.len(), |next| line_start(text, next.head));
            let comments_end = skip_comments(text, own_end, next_head);
            // Comments that touch the next header are about the next job.
            let end = if comments_end == next_head && next_head < text.len() { own_end } else { comments_end };
            let start = lead(text, section.head, previous_end);
            blocks.push(Block { id: id.clone(), range: start..end, header: section.head });
        }
        previous_end = own_end;
    }
    blocks
}

/// One past the last byte of a value and of everything below it.
fn end_of(value: &Spanned<DeValue<'_>>) -> usize {
    let below = match value.get_ref() {
        DeValue::Table(table) => {
            table.iter().map(|(key, value)| end_of(value).max(key.span().end)).max().unwrap_or_default()
        }
        DeValue::Array(items) => items.iter().map(end_of).max().unwrap_or_default(),
        _ => 0,
    };
    value.span().end.max(below)
}

fn line_start(text: &str, at: usize) -> usize {
    text[..at].rfind('\n').map_or(0, |newline| newline + 1)
}

fn line_end(text: &str, at: usize) -> usize {
    // An end right behind a line break is the end of that line.
    if at > 0 && text.as_bytes().get(at - 1) == Some(&b'\n') {
        return at;
    }
    text[at..].find('\n').map_or(text.len(), |newline| at + newline + 1)
}

fn is_comment(line: &str) -> bool {
    line.trim_start().starts_with('#')
}

fn skip_comments(text: &str, from: usize, until: usize) -> usize {
    let lines = text[from..until.max(from)].split_inclusive('\n');
    from + lines.take_while(|line| is_comment(line)).map(str::len).sum::<usize>()
}

/// The start of the comments right above the line of `head`, not before `limit`.
fn lead(text: &str, head: usize, limit: usize) -> usize {
    let mut start = line_start(text, head).max(limit);
    while start > limit {
        let above = line_start(text, start - 1);
        if above < limit || !is_comment(&text[above..start]) {
            break;
        }
        start = above;
    }
    start
}

/// The line break most lines of `text` end with.
pub(super) fn line_break(text: &str) -> &'static str {
    let windows = text.matches("\r\n").count();
    if windows * 2 > text.matches('\n').count() { "\r\n" } else { "\n" }
}

/// `new` with the line breaks of `old` where a line is in both, and those of its file elsewhere.
pub(super) fn with_breaks_of(old: &str, new: &str, line_break: &str) -> String {
    let plain = old.replace("\r\n", "\n");
    let mut kept = old.split_inclusive('\n');
    let mut out = String::with_capacity(new.len() + 64);
    for change in similar::TextDiff::from_lines(plain.as_str(), new).iter_all_changes() {
        let raw = if change.tag() == similar::ChangeTag::Insert { None } else { kept.next() };
        match (change.tag(), raw) {
            (similar::ChangeTag::Delete, _) => {}
            (similar::ChangeTag::Equal, Some(raw)) => out.push_str(raw),
            _ => match change.value().strip_suffix('\n') {
                Some(line) => {
                    out.push_str(line);
                    out.push_str(line_break);
                }
                None => out.push_str(change.value()),
            },
        }
    }
    out
}

/// `text` with `block` in place of the bytes `range`.
pub(super) fn splice(text: &str, range: &Range<usize>, block: &str) -> String {
    let mut out = String::with_capacity(text.len() + block.len());
    out.push_str(&text[..range.start]);
    out.push_str(block);
    if !block.is_empty() && !block.ends_with('\n') && range.end < text.len() {
        out.push_str(line_break(text));
    }
    out.push_str(&text[range.end..]);
    out
}

/// `text` without the bytes `range` and the blank lines after them.
pub(super) fn cut(text: &str, range: &Range<usize>) -> String {
    let blank = text[range.end..].split_inclusive('\n').take_while(|line| line.trim().is_empty());
    let end = range.end + blank.map(str::len).sum::<usize>();
    let mut out = text[..range.start].to_owned();
    if end == text.len() {
        let kept = out.trim_end().len();
        let rest = out[kept..].find('\n').map_or(out.len(), |newline| kept + newline + 1);
        out.truncate(rest);
    }
    out.push_str(&text[end..]);
    out
}

/// `text` with `block` as its last job.
pub(super) fn append(text: &str, block: &str) -> String {
    let newline = line_break(text);
    let mut out = text.to_owned();
    if !out.is_empty() && !out.ends_with('\n') {
        out.push_str(newline);
    }
    if !out.trim_start_matches('\u{feff}').is_empty() && !out.ends_with("\n\n") && !out.ends_with("\n\r\n") {
        out.push_str(newline);
    }
    out.push_str(&block.replace("\r\n", "\n").replace('\n', newline));
    if !out.ends_with('\n') {
        out.push_str(newline);
    }
    out
}
