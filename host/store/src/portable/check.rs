//! Whether a store is sound: the database's own opinion, rows that refer to nothing, and the audit trail.

use host_model::Instant;

use super::layout::quote;
use super::session::Session;
use super::{PortableError, Snapshot};
use crate::audit;
use crate::error::DbError;
use crate::sql::{Bind, Conn};

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What was looked at.
    pub area: &'static str,
    /// Whether it is sound.
    pub is_sound: bool,
    /// In words.
    pub text: String,
}

impl Finding {
    fn sound(area: &'static str, text: impl Into<String>) -> Self {
        Self { area, is_sound: true, text: text.into() }
    }

    fn broken(area: &'static str, text: impl Into<String>) -> Self {
        Self { area, is_sound: false, text: text.into() }
    }
}

/// Rows that must name a row of another table, though no foreign key says so.
const ORPHANS: [(&str, &str, &str); 2] = [
    (
        "runs of a definition that is gone",
        "ly2_job_definitions",
        "select count(*) as n from ly2_job_runs r where r.definition is not null \
         and not exists (select 1 from ly2_job_definitions d where d.digest = r.definition)",
    ),
    (
        "runs that say to have more steps than there are",
        "ly2_step_runs",
        "select count(*) as n from ly2_job_runs r where r.status <> 'SKIPPED' and r.step_count > \
         (select count(distinct s.step_index) from ly2_step_runs s where s.run_id = r.id)",
    ),
];

impl Snapshot {
    /// What the database says of its own pages and indexes. Reads all of an SQLite file; PostgreSQL has no such question.
    ///
    /// # Errors
    /// When it cannot even be asked.
    pub async fn check_pages(&mut self) -> Result<Finding, PortableError> {
        if let Session::Postgres(..) = self.session {
            return Ok(Finding::sound("pages", "PostgreSQL checks its pages itself as it reads them"));
        }
        let rows = self.session.conn().fetch_all("pragma integrity_check(20)", &[]).await.map_err(failed)?;
        let said: Vec<String> =
            rows.iter().map(|row| row.text("integrity_check")).collect::<Result<_, _>>().map_err(failed)?;
        Ok(match said.as_slice() {
            [one] if one == "ok" => Finding::sound("pages", "integrity_check: ok"),
            all => Finding::broken("pages", format!("integrity_check: {}", all.join("; "))),
        })
    }

    /// Rows that refer to rows which are not there.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn check_references(&mut self) -> Result<Vec<Finding>, PortableError> {
        let mut conn = self.session.conn();
        let mut all = vec![match &conn {
            Conn::Sqlite(_) => {
                let rows = conn.fetch_all("select distinct \"table\" as name from pragma_foreign_key_check", &[]).await;
                let rows = rows.map_err(failed)?;
                let names: Vec<String> =
                    rows.iter().map(|row| row.text("name")).collect::<Result<_, _>>().map_err(failed)?;
                references(&names)
            }
            Conn::Postgres(..) => {
                let sql = "select conname::text as name from pg_constraint where contype = 'f' and not convalidated \
                           and conrelid::regclass::text like '%ly2\\_%'";
                let rows = conn.fetch_all(sql, &[]).await.map_err(failed)?;
                let names: Vec<String> =
                    rows.iter().map(|row| row.text("name")).collect::<Result<_, _>>().map_err(failed)?;
                references(&names)
            }
        }];
        for (what, table, sql) in ORPHANS {
            if !self.tables.iter().any(|known| known.name == table) {
                continue;
            }
            let row = conn.fetch_optional(sql, &[]).await.map_err(failed)?;
            let found: u64 = row.map(|row| row.count("n")).transpose().map_err(failed)?.unwrap_or_default();
            all.push(match found {
                0 => Finding::sound("references", format!("no {what}")),
                some => Finding::broken("references", format!("{some} {what}")),
            });
        }
        Ok(all)
    }

    /// The chain of the audit trail.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn check_audit(&mut self) -> Result<Finding, PortableError> {
        if !self.tables.iter().any(|table| table.name == "ly2_audit") {
            return Ok(Finding::sound("audit", "there is no audit trail yet"));
        }
        let verdict = audit::verify(&mut self.session.conn()).await.map_err(failed)?;
        Ok(match verdict.broken_at {
            None => Finding::sound("audit", format!("{} entries follow each other", verdict.entries)),
            Some(at) => Finding::broken("audit", format!("the chain is broken at entry {at}")),
        })
    }

    /// When the audit trail last said that `action` was done.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn last_done(&mut self, action: &str) -> Result<Option<Instant>, PortableError> {
        if !self.tables.iter().any(|table| table.name == "ly2_audit") {
            return Ok(None);
        }
        let sql = "select max(at) as at from ly2_audit where action = $1 and outcome = 'done'";
        let row = self.session.conn().fetch_optional(sql, &[Bind::text(action)]).await;
        row.and_then(|row| row.map(|row| row.opt_at("at")).transpose()).map(Option::flatten).map_err(failed)
    }

    /// Rows of each table, counted, and the bytes it takes where the database says so.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn sizes(&mut self) -> Result<Vec<(String, u64, Option<u64>)>, PortableError> {
        let mut all = Vec::with_capacity(self.tables.len());
        let mut conn = self.session.conn();
        for table in &self.tables {
            let row = conn.fetch_optional(&format!("select count(*) as n from {}", quote(&table.name)), &[]).await;
            let rows =
                row.and_then(|row| row.map(|row| row.count("n")).transpose()).map_err(failed)?.unwrap_or_default();
            let sql = match conn {
                Conn::Sqlite(_) => {
                    "select coalesce(sum(d.pgsize), 0) as n from dbstat d where d.aggregate = true and d.name in \
                     (select m.name from sqlite_master m where m.tbl_name = $1)"
                }
                Conn::Postgres(..) => "select pg_total_relation_size(to_regclass($1)) as n",
            };
            let row = conn.fetch_optional(sql, &[Bind::text(&table.name)]).await;
            let bytes = row.ok().flatten().and_then(|row| row.count("n").ok());
            all.push((table.name.clone(), rows, bytes));
        }
        Ok(all)
    }
}

fn references(broken: &[String]) -> Finding {
    match broken {
        [] => Finding::sound("references", "every foreign key leads to a row"),
        some => Finding::broken("references", format!("foreign keys that lead nowhere in {}", some.join(", "))),
    }
}

fn failed(error: DbError) -> PortableError {
    PortableError::database("checking the store", error)
}
