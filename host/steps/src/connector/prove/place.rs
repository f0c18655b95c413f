//! From the words of a database to a place in the text: positions it gives, lines it names, words it quotes.

/// Line and column of a byte, both from 1, the column in characters.
pub(super) fn line_and_column(source: &str, at: usize) -> (u32, u32) {
    let before = source.get(..at).unwrap_or(source);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    (u32::try_from(line).unwrap_or(u32::MAX), u32::try_from(column).unwrap_or(u32::MAX))
}

/// The byte of the n-th character, from 1; the end when there are not so many.
pub(super) fn byte_of_char(text: &str, n: usize) -> usize {
    text.char_indices().nth(n.saturating_sub(1)).map_or(text.len(), |(at, _)| at)
}

/// Where the line begins that MySQL names at the end of a message: `… near 'x' at line 3`.
pub(super) fn line_named_in(message: &str, sql: &str) -> Option<usize> {
    let (_, line) = message.rsplit_once(" at line ")?;
    let line: usize = line.trim().parse().ok()?;
    match line.checked_sub(2) {
        None => Some(0),
        Some(breaks) => sql.match_indices('\n').nth(breaks).map(|(at, _)| at + 1),
    }
}

/// Where the word is that SQLite quotes or names (`near "x"`, `no such table: x`), if it is there once.
pub(super) fn word_named_in(message: &str, sql: &str) -> Option<usize> {
    let word = match message.strip_prefix("near \"") {
        Some(rest) => rest.rsplit_once("\": ").map_or(rest, |(word, _)| word),
        None => message.split_once(": ").or_else(|| message.rsplit_once(" named "))?.1,
    };
    if word.is_empty() {
        return None;
    }
    let is_part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    let is_whole = |at: &usize| {
        let opens_word = is_part(word.chars().next()) && is_part(sql[..*at].chars().next_back());
        let ends_word = is_part(word.chars().next_back()) && is_part(sql[*at + word.len()..].chars().next());
        !opens_word && !ends_word
    };
    let mut places = sql.match_indices(word).map(|(at, _)| at).filter(is_whole);
    let first = places.next()?;
    places.next().is_none().then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_counted_in_lines_and_characters() {
        let source = "select 'ž',\n  wrong";
        assert_eq!(line_and_column(source, 0), (1, 1));
        assert_eq!(line_and_column(source, source.find(',').unwrap()), (1, 11));
        assert_eq!(line_and_column(source, source.find("wrong").unwrap()), (2, 3));
        assert_eq!(byte_of_char(source, 11), source.find(',').unwrap());
        assert_eq!(byte_of_char(source, 99), source.len());
    }

    #[test]
    fn a_line_that_is_named_is_found() {
        let message = "You have an error in your SQL syntax; … near 'form t' at line 2";
        assert_eq!(line_named_in(message, "select 1\nform t"), Some(9));
        assert_eq!(line_named_in("near 'x' at line 1", "x"), Some(0));
        assert_eq!(line_named_in("near 'x' at line 7", "x"), None);
        assert_eq!(line_named_in("Table 'a.b' doesn't exist", "x"), None);
    }

    #[test]
    fn a_word_that_is_quoted_is_found_when_there_is_one_of_it() {
        assert_eq!(word_named_in("near \"form\": syntax error", "select form t"), Some(7));
        assert_eq!(word_named_in("no such table: flight", "select * from flights, flight"), Some(23));
        assert_eq!(word_named_in("no such column: t.x", "select t.x, t.xy from t"), Some(7));
        assert_eq!(word_named_in("table t has no column named y", "insert into t (x, y) values (1, 2)"), Some(18));
        assert_eq!(word_named_in("near \",\": syntax error", "select a,, b"), None);
        assert_eq!(word_named_in("incomplete input", "select"), None);
    }
}
