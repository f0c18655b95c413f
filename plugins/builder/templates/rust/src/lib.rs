//! {{name}}: a Nomaflow plugin.

use std::collections::HashSet;

use nomaflow_guest::{Error, JsonSchema, callable, log, plugin, schemars};
use serde::Serialize;

/// What `count_words` found.
#[derive(Debug, PartialEq, Serialize, JsonSchema)]
pub struct Counted {
    /// Words, each as often as it comes.
    pub words: usize,
    /// Different words.
    pub distinct: usize,
    /// The first of the longest words.
    pub longest: Option<String>,
}

/// Counts the words of a text.
///
/// Words are separated by white space.
#[callable]
pub fn count_words(
    /// The text to count in.
    text: String,
    /// Words with fewer characters are left out.
    #[default(1)]
    min_length: usize,
) -> Result<Counted, Error> {
    if min_length == 0 {
        return Err(Error::invalid("`min_length` is 0, but every word has a character"));
    }
    let mut seen = HashSet::new();
    let mut counted = Counted { words: 0, distinct: 0, longest: None };
    for word in text.split_whitespace().filter(|word| word.chars().count() >= min_length) {
        counted.words += 1;
        seen.insert(word);
        if counted.longest.as_deref().is_none_or(|longest| word.chars().count() > longest.chars().count()) {
            counted.longest = Some(word.to_owned());
        }
    }
    counted.distinct = seen.len();
    log::info!("{} words, {} of them different", counted.words, counted.distinct);
    Ok(counted)
}

plugin!(count_words);

#[cfg(test)]
mod tests {
    use super::*;
    use nomaflow_guest::testing::{Host, check_cases};

    #[test]
    fn a_callable_is_a_plain_function_and_its_log_can_be_read() {
        let host = Host::new().install();
        let counted = count_words("one two".into(), 1).expect("counts");
        assert_eq!(counted.words, 2);
        assert_eq!(host.lines()[0].message, "2 words, 2 of them different");
    }

    #[test]
    fn the_cases_hold() {
        check_cases(&plugin_steps(), include_str!("../tests/cases.json"));
    }
}
