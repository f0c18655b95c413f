//! Search over the log lines of all runs: what may be asked ([`Words`]), how a text is cut into words, and the port
//! [`LogSearch`], which the store implements.
//!
//! A word is a run of letters and digits, in any case; whatever else stands in a line only separates words. Both databases
//! index words cut here and every hit is looked at here, so both find the same lines.

use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;
use std::time::Duration;

use async_trait::async_trait;

use crate::log::{LogLevel, LogLine};
use crate::port::StoreError;
use crate::{Instant, JobId};

/// Longest text to look for, in bytes.
const LONGEST_TEXT: usize = 500;
/// Most words in it.
const MOST_WORDS: usize = 16;
/// Fewest letters before a `*`: fewer would fit a large part of all words.
const SHORTEST_PREFIX: usize = 2;
/// Longest word in the index, in bytes; of longer ones the beginning is indexed.
const LONGEST_KEY: usize = 64;

/// Why a text cannot be looked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WordsError {
    /// Nothing but blanks and signs.
    #[error("there is no word to look for; a word is made of letters and digits")]
    NoWord,
    /// A quote without its partner.
    #[error("the quote at character {at} is not closed; a phrase stands between two `\"`")]
    OpenQuote {
        /// Its place, counted from 1.
        at: usize,
    },
    /// A prefix that would fit too much.
    #[error("`{prefix}*` is too short: at least {SHORTEST_PREFIX} letters or digits must stand before `*`")]
    ShortPrefix {
        /// What stands before the star.
        prefix: String,
    },
    /// More than anybody types.
    #[error("{bytes} bytes are too many; allowed are {LONGEST_TEXT}")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// More than anybody types.
    #[error("{count} words are too many; allowed are {MOST_WORDS}")]
    TooMany {
        /// How many.
        count: usize,
    },
}

/// Words that follow each other in a line.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Sequence {
    words: Vec<String>,
    /// The last one may go on.
    is_prefix: bool,
}

/// Why a search was not made.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    /// As many as may wait for their turn are waiting.
    #[error("{waiting} searches wait for their turn already")]
    Busy {
        /// How many may wait.
        waiting: usize,
        /// When it makes sense to ask again.
        again: Duration,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What to look for: sequences of words, all of which have to be in a line, in any order.
///
/// `rows f0004` are two words anywhere in the line. `"no such table"`, and also `nomajde.f0004` and `order_total`, are words
/// one right after the other, whatever signs stand between them. `f00*` is every word that begins so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words(Vec<Sequence>);

impl Words {
    /// Reads what somebody typed.
    ///
    /// # Errors
    /// [`WordsError`] says where and what is allowed.
    pub fn parse(text: &str) -> Result<Self, WordsError> {
        if text.len() > LONGEST_TEXT {
            return Err(WordsError::TooLong { bytes: text.len() });
        }
        let mut sequences = Vec::new();
        let mut rest = text;
        while let Some(start) = rest.find(|c: char| !c.is_whitespace()) {
            rest = &rest[start..];
            let (piece, is_quoted) = match rest.strip_prefix('"') {
                Some(inside) => {
                    let end = inside.find('"').ok_or_else(|| {
                        let before = text.len() - rest.len();
                        WordsError::OpenQuote { at: text[..before].chars().count() + 1 }
                    })?;
                    rest = &inside[end + 1..];
                    (&inside[..end], true)
                }
                None => {
                    let end = rest.find(|c: char| c.is_whitespace() || c == '"').unwrap_or(rest.len());
                    let piece = &rest[..end];
                    rest = &rest[end..];
                    (piece, false)
                }
            };
            let words: Vec<String> = cut(piece).map(|place| fold(&piece[place])).collect();
            let is_prefix =
                !is_quoted && piece.strip_suffix('*').is_some_and(|beginning| beginning.ends_with(is_letter));
            if let Some(last) = words.last() {
                // Words before it narrow the search down by themselves.
                if is_prefix && words.len() == 1 && is_short(last) {
                    return Err(WordsError::ShortPrefix { prefix: last.clone() });
                }
                sequences.push(Sequence { words, is_prefix });
            }
        }
        let count = sequences.iter().map(|sequence| sequence.words.len()).sum();
        match count {
            0 => Err(WordsError::NoWord),
            1..=MOST_WORDS => Ok(Self(sequences)),
            _ => Err(WordsError::TooMany { count }),
        }
    }

    /// What the index is asked for: each word as it is indexed, and whether it may go on.
    pub fn keys(&self) -> impl Iterator<Item = (&str, bool)> {
        self.0.iter().flat_map(|sequence| {
            let last = sequence.words.len() - 1;
            let words = sequence.words.iter().enumerate();
            words
                .map(move |(n, word)| (word, sequence.is_prefix && n == last))
                .filter(move |(word, is_prefix)| !(*is_prefix && last > 0 && is_short(word)))
                .map(|(word, is_prefix)| (key(word), is_prefix))
        })
    }

    /// Where they are in a line, as ranges of bytes in order; none when one of them is not in it.
    pub fn find(&self, line: &str) -> Option<Vec<Range<usize>>> {
        let words: Vec<(Range<usize>, String)> = cut(line).map(|place| (place.clone(), fold(&line[place]))).collect();
        let mut marks = Vec::new();
        for sequence in &self.0 {
            let before = marks.len();
            for window in words.windows(sequence.words.len()) {
                if sequence.is_at(window)
                    && let ([first, ..], [.., last]) = (window, window)
                {
                    marks.push(first.0.start..last.0.end);
                }
            }
            if marks.len() == before {
                return None;
            }
        }
        marks.sort_by_key(|mark| (mark.start, mark.end));
        let mut apart: Vec<Range<usize>> = Vec::with_capacity(marks.len());
        for mark in marks {
            match apart.last_mut() {
                Some(last) if mark.start < last.end => last.end = last.end.max(mark.end),
                _ => apart.push(mark),
            }
        }
        Some(apart)
    }
}

impl Sequence {
    fn is_at(&self, window: &[(Range<usize>, String)]) -> bool {
        let last = self.words.len() - 1;
        self.words.iter().zip(window).enumerate().all(|(n, (wanted, (_, word)))| {
            if self.is_prefix && n == last { word.starts_with(wanted.as_str()) } else { word == wanted }
        })
    }
}

fn is_letter(c: char) -> bool {
    c.is_alphanumeric()
}

/// The places of the words of a text.
fn cut(text: &str) -> impl Iterator<Item = Range<usize>> {
    let mut from = 0;
    std::iter::from_fn(move || {
        let start = from + text[from..].find(is_letter)?;
        let end = text[start..].find(|c| !is_letter(c)).map_or(text.len(), |length| start + length);
        from = end;
        Some(start..end)
    })
}

/// Case does not count.
fn fold(word: &str) -> String {
    if word.is_ascii() { word.to_ascii_lowercase() } else { word.to_lowercase() }
}

/// Whether so many words begin with it that the index is better not asked.
fn is_short(beginning: &str) -> bool {
    beginning.chars().count() < SHORTEST_PREFIX
}

/// A folded word as it stands in the index.
fn key(word: &str) -> &str {
    if word.len() <= LONGEST_KEY {
        return word;
    }
    let end = (0..=LONGEST_KEY).rev().find(|end| word.is_char_boundary(*end)).unwrap_or(0);
    &word[..end]
}

/// Hands over each word of a text as it is indexed, again and again when it stands there more than once.
pub fn each_key(text: &str, mut take: impl FnMut(&str)) {
    for place in cut(text) {
        take(key(&fold(&text[place])));
    }
}

/// A place in the order of all lines: every line before it was written earlier. Opaque to whoever pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The block of lines.
    pub block: i64,
    /// The line's number in its run.
    pub seq: u64,
}

impl Place {
    /// Reads a place as printed.
    pub fn parse(text: &str) -> Option<Self> {
        let (block, seq) = text.split_once('.')?;
        Some(Self { block: block.parse().ok().filter(|block| *block >= 0)?, seq: seq.parse().ok()? })
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.block, self.seq)
    }
}

/// A search.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineSearch {
    /// What to look for.
    pub words: Words,
    /// Lines of these jobs only; `None`: of all.
    pub jobs: Option<BTreeSet<JobId>>,
    /// This level and those above it.
    pub level: Option<LogLevel>,
    /// Said at this instant or later.
    pub from: Option<Instant>,
    /// Said before this instant.
    pub to: Option<Instant>,
    /// Only lines before this place.
    pub before: Option<Place>,
    /// At most so many hits.
    pub limit: u32,
}

/// A line that fits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    /// The line.
    pub line: LogLine,
    /// The job of its run.
    pub job_id: JobId,
    /// Where the words are in its text, as ranges of bytes in order.
    pub marks: Vec<Range<usize>>,
}

/// A page of hits.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Found {
    /// The hits, those written last first.
    pub hits: Vec<Hit>,
    /// Where to go on; `None`: there are no more.
    pub next: Option<Place>,
    /// The time ran out: there may be more hits than these, from `next` on.
    pub is_cut: bool,
    /// Lines said before this instant are not all in the index yet.
    pub indexed_from: Option<Instant>,
}

/// See the module's note.
#[async_trait]
pub trait LogSearch: Send + Sync + 'static {
    /// Looks for lines. Ends within a few seconds, whatever is asked, and says so when it had to.
    ///
    /// # Errors
    /// [`SearchError::Busy`] rather than a long wait for its turn.
    async fn search(&self, search: &LineSearch) -> Result<Found, SearchError>;
    /// While lines from before there was an index are still being indexed: lines said before this instant may be missing.
    async fn indexed_from(&self) -> Result<Option<Instant>, StoreError>;
    /// Indexes up to `most` lines from before there was an index. False when there are none left.
    async fn index_older(&self, most: u32) -> Result<bool, StoreError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marked(query: &str, line: &str) -> Option<Vec<String>> {
        let found = Words::parse(query).unwrap().find(line)?;
        Some(found.into_iter().map(|place| line[place].to_owned()).collect())
    }

    #[test]
    fn all_words_have_to_be_there_in_any_order_and_case() {
        let line = "INSERT 42 rows into NOMAJDE.F0004, été 3.14";
        assert_eq!(marked("f0004 rows", line).unwrap(), ["rows", "F0004"]);
        assert_eq!(marked("ÉTÉ", line).unwrap(), ["été"]);
        assert_eq!(marked("rows f0005", line), None);
        assert_eq!(marked("row", line), None, "a part of a word is not the word");
    }

    #[test]
    fn a_phrase_is_words_one_after_the_other() {
        let line = "no such table: nomajde.f0004 (order_total)";
        assert_eq!(marked("nomajde.f0004", line).unwrap(), ["nomajde.f0004"]);
        assert_eq!(marked("\"such table nomajde\"", line).unwrap(), ["such table: nomajde"]);
        assert_eq!(marked("order-total", line).unwrap(), ["order_total"]);
        assert_eq!(marked("f0004.nomajde", line), None);
        assert_eq!(marked("\"no table\"", line), None);
    }

    #[test]
    fn a_star_stands_for_the_rest_of_a_word() {
        let line = "run 0d2m8x7k3q9vt of nightly-orders";
        assert_eq!(marked("0d2m*", line).unwrap(), ["0d2m8x7k3q9vt"]);
        assert_eq!(marked("nightly-ord*", line).unwrap(), ["nightly-orders"]);
        assert_eq!(marked("\"nightly ord*\"", line), None);
        assert_eq!(marked("* run", line).unwrap(), ["run"]);
    }

    #[test]
    fn marks_do_not_overlap() {
        assert_eq!(marked("\"a b\" b.c a", "a b c a").unwrap(), ["a b c", "a"]);
    }

    #[test]
    fn what_cannot_be_looked_for_says_why() {
        assert_eq!(Words::parse(" -- "), Err(WordsError::NoWord));
        assert_eq!(Words::parse("é \"no end"), Err(WordsError::OpenQuote { at: 3 }));
        assert_eq!(Words::parse("f*"), Err(WordsError::ShortPrefix { prefix: "f".to_owned() }));
        // After another word a short beginning is looked for in the lines, and not in the index.
        let words = Words::parse("f0004_t*").unwrap();
        assert_eq!(words.keys().collect::<Vec<_>>(), [("f0004", false)]);
        assert!(words.find("from f0004_total").is_some() && words.find("from f0004_rows").is_none());
        assert_eq!(Words::parse(&"x".repeat(501)), Err(WordsError::TooLong { bytes: 501 }));
        assert_eq!(Words::parse(&"x ".repeat(17)), Err(WordsError::TooMany { count: 17 }));
    }

    #[test]
    fn long_words_are_indexed_by_their_beginning() {
        let mut keys = Vec::new();
        each_key(&format!("A {}", "é".repeat(40)), |key| keys.push(key.to_owned()));
        assert_eq!(keys, ["a".to_owned(), "é".repeat(32)]);
        let long = "x".repeat(70);
        let words = Words::parse(&long).unwrap();
        assert_eq!(words.keys().collect::<Vec<_>>(), [(&long[..64], false)]);
        assert!(words.find(&long).is_some() && words.find(&long[..65]).is_none());
    }

    #[test]
    fn a_place_is_read_as_it_is_printed() {
        let place = Place { block: 1_099_511_627_777, seq: 12 };
        assert_eq!(Place::parse(&place.to_string()), Some(place));
        for bad in ["", "1", "-1.2", "1.-2", "a.b"] {
            assert_eq!(Place::parse(bad), None, "{bad}");
        }
    }
}
