//! What is peculiar to PL/SQL and T-SQL. A block (`declare`, `begin … end`, `if`, `while`, the body of a procedure) holds
//! `;` of its own, so no `;` ends it: in Oracle a line with a lone `/` does, in SQL Server a line with a lone `GO`, and the
//! end of the text in both. Also here: which statements only read, where the server itself does not enforce it.

use host_model::connector::Dialect;

use super::{ScanError, Scanner, Statement};

/// Words that no SELECT has, unless it writes.
const WRITING: [&str; 6] = ["insert", "update", "delete", "merge", "into", "exec"];

impl Statement {
    /// Whether it is one SELECT that changes nothing and locks nothing.
    pub(crate) fn is_plain_select(&self) -> bool {
        !self.is_block && self.writing.is_none() && matches!(self.keyword(), "select" | "with" | "")
    }

    /// What to call the statement when it is refused for writing.
    pub(crate) fn writing_word(&self) -> &str {
        if self.is_reading() { self.writing.as_deref().unwrap_or(self.keyword()) } else { self.keyword() }
    }

    /// Whether rows can be expected of it, and not a count of changes: a SELECT, a procedure, a change with `output`.
    pub(crate) fn returns_rows(&self) -> bool {
        let writes =
            self.writing.as_deref().is_some_and(|word| matches!(word, "insert" | "update" | "delete" | "merge"));
        match self.keyword() {
            "exec" | "execute" => true,
            "select" | "" => !self.is_block,
            // A block may hold `with` and anything else; `select … into` makes a table.
            "with" => !writes,
            _ => self.has_output(),
        }
    }

    fn has_output(&self) -> bool {
        let text = self.render(|_| String::new()).to_ascii_lowercase();
        matches!(self.keyword(), "insert" | "update" | "delete" | "merge")
            && (text.contains("output inserted.") || text.contains("output deleted."))
    }
}

impl Scanner<'_> {
    /// Takes note of a word outside of quotes and comments.
    pub(super) fn note_word(&mut self, word: &str) {
        let is_foreign = matches!(self.dialect, Dialect::Oracle | Dialect::SqlServer);
        let statement = &mut self.statement;
        statement.words += 1;
        if !is_foreign {
            return;
        }
        if statement.writing.is_none() && WRITING.contains(&word) {
            statement.writing = Some(word.to_owned());
        }
        let oracle = self.dialect == Dialect::Oracle;
        let keyword = statement.keyword.as_deref().unwrap_or_default();
        match (keyword, statement.words) {
            ("declare" | "begin", 1) => statement.is_block = true,
            ("if" | "while", 1) => statement.is_block = !oracle,
            // `begin transaction` is no block.
            ("begin", 2) if matches!(word, "tran" | "transaction" | "distributed") => statement.is_block = oracle,
            ("create" | "alter", _) => {
                let body = matches!(word, "procedure" | "proc" | "function" | "trigger")
                    || (oracle && matches!(word, "package" | "type"));
                statement.is_block |= body && statement.words <= 5;
            }
            _ => {}
        }
    }

    /// At a `/` that is alone on its line.
    pub(super) fn ends_block(&self) -> bool {
        self.dialect == Dialect::Oracle && self.is_alone(1)
    }

    /// At a `GO` that is alone on its line.
    pub(super) fn is_go(&self) -> bool {
        self.dialect == Dialect::SqlServer
            && self.bytes[self.at..].get(..2).is_some_and(|b| b.eq_ignore_ascii_case(b"go"))
            && self.is_alone(2)
    }

    /// Whether the next `length` bytes have their line to themselves.
    fn is_alone(&self, length: usize) -> bool {
        let before = self.bytes[..self.at].iter().rev().take_while(|b| **b != b'\n');
        let after = self.bytes[self.at + length..].iter().take_while(|b| **b != b'\n');
        before.chain(after).all(u8::is_ascii_whitespace)
    }

    /// At the `'` of `q'[ … ]'`.
    pub(super) fn alternative_quote(&mut self) -> Result<(), ScanError> {
        let start = self.at;
        let opening = self.source[start + 1..].chars().next();
        let Some(opening) = opening.filter(|c| !c.is_ascii_whitespace()) else { return self.quoted(b'\'', false) };
        let closing = match opening {
            '[' => ']',
            '{' => '}',
            '<' => '>',
            '(' => ')',
            same => same,
        };
        let body = start + 1 + opening.len_utf8();
        match self.source[body..].find(&format!("{closing}'")) {
            Some(found) => {
                self.at = body + found + closing.len_utf8() + 1;
                Ok(())
            }
            None => Err(self.unfinished(&format!("q'{opening}"), start)),
        }
    }
}

#[cfg(test)]
mod tests {
    use host_model::connector::Dialect::{self, Oracle, SqlServer};

    use super::super::{Statement, split};

    fn texts(sql: &str, dialect: Dialect) -> Vec<String> {
        split(sql, dialect).unwrap().iter().map(|s| s.render(|n| format!("<{n}>"))).collect()
    }

    fn one(sql: &str, dialect: Dialect) -> Statement {
        split(sql, dialect).unwrap().remove(0)
    }

    #[test]
    fn a_plsql_block_is_one_statement_and_keeps_its_semicolons() {
        let block = "begin :x := f(:y); update t set a = :y; end;";
        assert_eq!(texts(block, Oracle), ["begin <0> := f(<1>); update t set a = <1>; end;"]);
        assert_eq!(
            texts("declare n number; begin null; end;\n/\nselect 1 / 2 from dual;\n select 2 from dual", Oracle),
            ["declare n number; begin null; end;", "select 1 / 2 from dual", "select 2 from dual"]
        );
        let made = "create or replace procedure p as begin null; end;\n/\ndelete from t";
        assert_eq!(texts(made, Oracle), ["create or replace procedure p as begin null; end;", "delete from t"]);
        assert_eq!(texts("create table t (a int); drop table t;", Oracle), ["create table t (a int)", "drop table t"]);
        assert!(!one(block, Oracle).is_transaction_control());
        assert!(one("begin transaction", SqlServer).is_transaction_control());
    }

    #[test]
    fn go_separates_batches_and_variables_keep_a_batch_together() {
        assert_eq!(
            texts("declare @n int = 1; select @n\n  go\nselect go from t; select 2\nGO\n", SqlServer),
            ["declare @n int = 1; select @n", "select go from t", "select 2"]
        );
        assert_eq!(texts("if 1 = :a begin select 1; end; select 2", SqlServer).len(), 1);
        assert_eq!(texts("create proc p as select 1; select 2\ngo\nexec p", SqlServer).len(), 2);
    }

    #[test]
    fn quotes_of_each_server_are_left_alone() {
        assert_eq!(texts("select [a]];:b], ':c', \"d:e\", :f", SqlServer), ["select [a]];:b], ':c', \"d:e\", <0>"]);
        assert_eq!(
            texts("select q'[it's :x; [a]]', nq'!:y!', 'q', :z from dual", Oracle),
            ["select q'[it's :x; [a]]', nq'!:y!', 'q', <0> from dual"]
        );
        assert_eq!(texts("select a[1] from t", Oracle), ["select a[1] from t"]);
        assert!(split("select q'[abc", Oracle).is_err());
    }

    #[test]
    fn a_select_that_writes_is_no_plain_select() {
        for (sql, plain) in [
            ("select 1", true),
            ("(select 1)", true),
            ("with a as (select 1 as n) select * from a", true),
            ("select [into], 'delete', /* update */ \"insert\" from t", true),
            ("select * into t2 from t", false),
            ("with a as (select 1 as n) delete from a", false),
            ("declare @n int select @n", false),
            ("exec p", false),
        ] {
            assert_eq!(one(sql, SqlServer).is_plain_select(), plain, "{sql}");
        }
        assert!(!one("select * from t for update", Oracle).is_plain_select());
        assert_eq!(one("select * into t2 from t", SqlServer).writing_word(), "into");
    }

    #[test]
    fn rows_are_expected_of_selects_procedures_and_output_clauses() {
        for (sql, rows) in [
            ("select 1", true),
            ("with a as (select 1 as n) select * from a", true),
            ("with a as (select 1 as n) delete from a", false),
            ("exec p", true),
            ("insert into t output inserted.id values (1)", true),
            ("insert into t values (1)", false),
            ("update t set output = 1", false),
            ("truncate table t", false),
        ] {
            assert_eq!(one(sql, SqlServer).returns_rows(), rows, "{sql}");
        }
    }
}
