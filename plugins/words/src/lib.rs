//! The example plugin in Rust: counts the words in a column of texts. `words-py` and `words-js` beside it do the same, and
//! all three hold the cases in `tests/cases.json`.

use std::collections::BTreeMap;

use nomaflow_guest::{Error, JsonSchema, callable, context, log, plugin, row, schemars, sql::Connection};
use serde::Serialize;

const BATCH_ROWS: u32 = 1000;

/// What `word_counts` did.
#[derive(Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Counted {
    /// Texts read.
    pub rows_read: u64,
    /// Words in them, each as often as it comes.
    pub words: u64,
    /// Rows written, one per different word.
    pub rows_affected: u64,
}

/// Counts the words in a column of texts.
///
/// Reads `text_column` of every row of `source_table` and replaces the rows of `target_table` (made if it is missing) with
/// one per word: `word` and `occurrences`. Words are separated by white space, without the ASCII punctuation around them,
/// in lower case.
#[callable]
pub fn word_counts(
    /// The connector to read from and write to; needs the grant read-write.
    connector: String,
    /// The table of texts.
    source_table: String,
    /// Its column of texts.
    text_column: String,
    /// The table of words.
    target_table: String,
    /// Words with fewer characters are left out.
    #[default(1)]
    min_length: usize,
) -> Result<Counted, Error> {
    for (param, name) in
        [("source_table", &source_table), ("text_column", &text_column), ("target_table", &target_table)]
    {
        check_name(param, name)?;
    }
    let mut database = Connection::open(&connector)?;
    let (mut counts, mut counted) = (BTreeMap::new(), Counted { rows_read: 0, words: 0, rows_affected: 0 });
    let mut texts = database.query(&format!("select {text_column} from {source_table}"), &[])?.batch_size(BATCH_ROWS);
    loop {
        let batch = texts.next_batch()?;
        if batch.is_empty() {
            break;
        }
        for text in batch {
            counted.rows_read += 1;
            for word in words_of(&text.at::<Option<String>>(0)?.unwrap_or_default(), min_length) {
                counted.words += 1;
                *counts.entry(word).or_insert(0i64) += 1;
            }
        }
        context::report(counted.rows_read, None, "texts read");
    }
    drop(texts);

    let mut transaction = database.transaction()?;
    let table =
        format!("create table if not exists {target_table} (word varchar(200) not null, occurrences bigint not null)");
    transaction.execute(&table, &[])?;
    transaction.execute(&format!("delete from {target_table}"), &[])?;
    let rows = counts.iter().map(|(word, count)| row![word.as_str(), *count]).collect();
    counted.rows_affected = transaction.insert_rows(&target_table, &["word", "occurrences"], rows)?;
    transaction.commit()?;
    log::info!("{} words in {} texts, {} of them different", counted.words, counted.rows_read, counts.len());
    Ok(counted)
}

plugin!(word_counts);

fn words_of(text: &str, min_length: usize) -> impl Iterator<Item = String> {
    let bare = text.split_whitespace().map(|word| word.trim_matches(|c: char| c.is_ascii_punctuation()).to_lowercase());
    bare.filter(move |word| !word.is_empty() && word.chars().count() >= min_length)
}

/// A name stands in a statement as it is, so it may be nothing but a name.
fn check_name(param: &str, name: &str) -> Result<(), Error> {
    let is_plain = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if is_plain {
        Ok(())
    } else {
        Err(Error::new("invalid.param", format!("`{param}` is `{name}`, which is no plain name")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nomaflow_guest::testing::check_cases;

    #[test]
    fn the_cases_hold() {
        check_cases(&plugin_steps(), include_str!("../tests/cases.json"));
    }

    #[test]
    fn a_word_has_no_punctuation_around_it_and_keeps_it_inside() {
        let words: Vec<String> = words_of("«Don't», she said: STOP… 'now'!", 1).collect();
        assert_eq!(words, ["«don't»", "she", "said", "stop…", "now"]);
    }
}
