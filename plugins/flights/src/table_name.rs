//! Names of tables as a job gives them: checked, then quoted, because they become part of a statement.

use nomaflow_guest::Error;

/// A table name of one to three parts joined by dots, each of letters, digits and `_`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TableName(String);

impl TableName {
    /// Checks the value of the param called `param`. Error `invalid`, naming the param.
    pub(crate) fn parse(param: &str, text: &str) -> Result<Self, Error> {
        let parts: Vec<&str> = text.split('.').collect();
        if parts.len() <= 3 && parts.iter().copied().all(is_identifier) {
            return Ok(Self(text.to_owned()));
        }
        Err(Error::new("invalid.param", format!("`{param}` is `{text}`, which is not the name of a table"))
            .with_detail("one to three parts joined by dots, each a letter or `_` and then letters, digits and `_`"))
    }

    /// As the job wrote it; `insert_rows` takes it so.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Quoted for a statement, so that it means the very table that `insert_rows` means.
    pub(crate) fn quoted(&self) -> String {
        self.0.split('.').map(|part| format!("\"{part}\"")).collect::<Vec<_>>().join(".")
    }
}

fn is_identifier(part: &str) -> bool {
    let mut letters = part.chars();
    letters.next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
        && letters.all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
        && part.len() <= 63
}

#[cfg(test)]
mod tests {
    use super::TableName;

    #[test]
    fn plain_and_qualified_names_pass_and_are_quoted_part_by_part() {
        let name = TableName::parse("source_table", "reporting.Carrier_2").expect("passes");
        assert_eq!(name.quoted(), r#""reporting"."Carrier_2""#);
    }

    #[test]
    fn whatever_could_leave_the_quotes_is_refused_by_the_name_of_its_param() {
        for text in ["", "a.", "a.b.c.d", "1a", "a b", "a\"b", "a;drop", "a--", "ä", "(select 1)"] {
            let error = TableName::parse("source_table", text).expect_err(text);
            assert!(error.is("invalid") && error.message.contains("`source_table`"), "{text}: {error}");
        }
    }
}
