//! Where a statement stands in the text it was taken from: what a database says of "character 17" is about the statement as
//! it was sent, with its own marks for parameters.

use super::{Part, Statement};

impl Statement {
    /// Where it begins in the source, in bytes.
    pub(crate) fn start(&self) -> usize {
        self.start
    }

    /// Where the byte `at` of the statement, rendered with the same `placeholder`, comes from in the source.
    pub(crate) fn source_of(&self, at: usize, mut placeholder: impl FnMut(usize) -> String) -> usize {
        let (mut rendered, mut source) = (0, self.start);
        for part in &self.parts {
            let (shown, written, is_text) = match part {
                Part::Text(text) => (text.len(), text.len(), true),
                // The colon and the name.
                Part::Param(n) => (placeholder(*n).len(), 1 + self.names[*n].len(), false),
            };
            if at < rendered + shown {
                return source + if is_text { at - rendered } else { 0 };
            }
            rendered += shown;
            source += written;
        }
        source
    }
}

#[cfg(test)]
mod tests {
    use host_model::connector::Dialect;

    use super::super::split;

    #[test]
    fn what_is_said_of_the_rendered_statement_is_found_in_the_source() {
        let source = "-- first\nselect 1;\n\n  select :a, wrong, :long_name, :a from t -- end\n";
        let found = split(source, Dialect::Postgres).unwrap();
        assert_eq!(found.len(), 2);
        let second = &found[1];
        assert_eq!(&source[second.start()..second.start() + 9], "select :a");
        let mark = |n: usize| format!("${}", n + 1);
        let rendered = second.render(mark);
        for word in ["select", "wrong", "from"] {
            let at = second.source_of(rendered.find(word).unwrap(), mark);
            assert!(source[at..].starts_with(word), "{word} is not at {at}");
        }
        let at = second.source_of(rendered.find("$2").unwrap() + 1, mark);
        assert!(source[at..].starts_with(":long_name"), "a mark is where its name is");
        assert_eq!(second.source_of(rendered.len() + 9, mark), source.trim_end().len(), "beyond is at its end");
    }

    #[test]
    fn a_batch_behind_go_begins_behind_it() {
        let source = "select 1\ngo\n  select 2";
        let found = split(source, Dialect::SqlServer).unwrap();
        assert_eq!(&source[found[1].start()..], "select 2");
    }
}
