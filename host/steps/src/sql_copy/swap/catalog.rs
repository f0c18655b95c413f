//! What PostgreSQL's catalog says about a table that is to be replaced: who depends on it, and what a new table needs
//! that `LIKE` does not copy. The statements are written by the server (`format`, `pg_get_indexdef`), so that names and
//! expressions are quoted by the one who knows how.

use std::time::{Duration, Instant};

use host_model::{StepError, StepErrorKind};

use crate::connector::postgres::{Lease, Trouble};
use crate::connector::vet::quote;

/// What stands in the way of dropping a table.
pub(super) enum Dependents {
    /// Nothing.
    None,
    /// Foreign keys of other tables; the name of one.
    ForeignKeys(String),
    /// Views, triggers, policies, owned sequences, partitions, publications, statistics over several columns, or the right
    /// to drop it is missing.
    Others,
}

/// Statements that make a staging table the equal of the table it replaces. Two that were read at different times are
/// equal when nobody has changed indexes, keys, options, owner or grants of that table in between.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Rebuild {
    /// The staging table, quoted with its schema.
    pub(super) staging: String,
    /// Indexes, keys, options, owner, grants: while the old table is still there.
    pub(super) before_swap: Vec<String>,
    /// Names that only become free when the old table is gone, and what goes by them.
    pub(super) after_swap: Vec<String>,
    /// What the staging table and its indexes are called for now, and what people know them by.
    pub(super) names: Names,
}

/// Names of a staging table and what stands for them in messages, the longest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::sql_copy) struct Names(Vec<(String, String)>);

impl Names {
    /// Those of a temporary table whose rows go into `table`.
    pub(super) fn of_temporary(table: &str) -> Self {
        Self(vec![("nomaflow_staging".to_owned(), table.to_owned())])
    }

    /// The text as it would be if the rows went into the live table.
    pub(in crate::sql_copy) fn tell(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, (staged, live)| text.replace(staged, live))
    }

    /// The same for an error.
    pub(super) fn tell_error(&self, error: StepError) -> StepError {
        StepError { message: self.tell(&error.message), ..error }
    }
}

/// Between two tries for the lock of a table, and how long it is tried.
const LOCK_PAUSE: Duration = Duration::from_millis(50);
const LOCK_PATIENCE: Duration = Duration::from_secs(5);

/// One copy into a table at a time; the lock goes with the transaction. It is waited for a little, because the server may
/// still be undoing what a failed or killed copy has done.
pub(super) async fn lock_copy(lease: &mut Lease, path: &str, table: &str) -> Result<(), StepError> {
    const SQL: &str = "select pg_try_advisory_xact_lock(hashtextextended('nomaflow copy into ' || coalesce(to_regclass($1)::oid::text, $1), 0))";
    let stop = lease.stop.clone();
    let began = Instant::now();
    loop {
        let conn = &mut lease.conn;
        let work = async { Ok(sqlx::query_scalar::<_, bool>(SQL).bind(path).fetch_one(conn).await?) };
        if stop.guard(SQL, work).await? {
            return Ok(());
        }
        if began.elapsed() >= LOCK_PATIENCE {
            let text = format!("connector `{}`: another copy into `{table}` is running", stop.place.connector);
            return Err(StepError::new(StepErrorKind::Remote, text));
        }
        tokio::time::sleep(LOCK_PAUSE).await;
    }
}

/// Finds out how the table may be replaced.
pub(super) async fn find_dependents(lease: &mut Lease, path: &str, table: &str) -> Result<Dependents, StepError> {
    const SQL: &str = "select c.relkind::text, \
        (select format('%I of %s', k.conname, k.conrelid::regclass) from pg_constraint k \
          where k.confrelid = c.oid and k.conrelid <> c.oid and k.contype = 'f' limit 1), \
        c.relkind <> 'r' or c.relpersistence <> 'p' or c.relispartition or c.relrowsecurity or c.relreplident <> 'd' or c.reloftype <> 0 \
        or not pg_has_role(current_user, c.relowner, 'USAGE') or not has_schema_privilege(c.relnamespace, 'CREATE') \
        or exists (select from pg_inherits h where c.oid in (h.inhrelid, h.inhparent)) \
        or exists (select from pg_trigger t where t.tgrelid = c.oid and not t.tgisinternal) \
        or exists (select from pg_policy p where p.polrelid = c.oid) \
        or exists (select from pg_publication_tables p where p.tablename = c.relname \
          and p.schemaname = (select nspname from pg_namespace where oid = c.relnamespace)) \
        or exists (select from pg_statistic_ext s where s.stxrelid = c.oid) \
        or exists (select from pg_depend d join pg_class s on s.oid = d.objid and s.relkind = 'S' \
          where d.classid = 'pg_class'::regclass and d.refclassid = 'pg_class'::regclass and d.refobjid = c.oid and d.deptype in ('a', 'i')) \
        or exists (select from pg_depend d where d.refclassid = 'pg_type'::regclass and d.deptype = 'n' \
          and d.refobjid in (select t.oid from pg_type t where t.oid = c.reltype or t.typelem = c.reltype)) \
        or exists (select from pg_depend d where d.refclassid = 'pg_class'::regclass and d.refobjid = c.oid and d.deptype = 'n' \
          and d.classid <> 'pg_attrdef'::regclass \
          and not (d.classid = 'pg_constraint'::regclass and exists (select from pg_constraint k where k.oid = d.objid \
            and k.conrelid = c.oid and k.confrelid <> c.oid))) \
        from pg_class c where c.oid = to_regclass($1)";
    let stop = lease.stop.clone();
    let conn = &mut lease.conn;
    let work = async { Ok(sqlx::query_as::<_, (String, Option<String>, bool)>(SQL).bind(path).fetch_one(conn).await?) };
    let (relation_kind, foreign_key, others) = stop.guard(SQL, work).await?;
    if !matches!(relation_kind.as_str(), "r" | "p") {
        return Err(stop.place.definition(format!("`{table}` is not a table, so it cannot be overwritten")));
    }
    Ok(match (foreign_key, others) {
        (Some(name), _) => Dependents::ForeignKeys(name),
        (None, true) => Dependents::Others,
        (None, false) => Dependents::None,
    })
}

/// Makes the ANALYZE of this transaction look at a tenth of the usual sample where autovacuum follows with all of it: the
/// rows count as changed when the transaction commits, whatever was analyzed before. At a million rows the whole sample is
/// the whole table.
pub(super) fn brief_statistics(table: &str) -> String {
    format!(
        "select set_config('default_statistics_target', least(10, current_setting('default_statistics_target')::int)::text, \
         true) from pg_class where oid = to_regclass('{}') and current_setting('autovacuum')::bool \
         and not 'autovacuum_enabled=false' = any(coalesce(reloptions, '{{}}'))",
        table.replace('\'', "''")
    )
}

impl Rebuild {
    /// Reads everything about the table at `path` (quoted). `schema` as the step names it.
    pub(super) async fn read(lease: &mut Lease, path: &str, schema: Option<&str>) -> Result<Self, StepError> {
        let stop = lease.stop.clone();
        let conn = &mut lease.conn;
        let own = stop.clone();
        let work = async {
            let (schema, name): (String, String) = match schema {
                Some(schema) => {
                    let sql = "select $2::text, relname::text from pg_class where oid = to_regclass($1)";
                    sqlx::query_as(sql).bind(path).bind(schema).fetch_one(&mut *conn).await?
                }
                None => {
                    let sql = "select relnamespace::regnamespace::text, relname::text from pg_class where oid = to_regclass($1)";
                    sqlx::query_as::<_, (String, String)>(sql).bind(path).fetch_one(&mut *conn).await?
                }
            };
            let pid: i32 = sqlx::query_scalar("select pg_backend_pid()").fetch_one(&mut *conn).await?;
            let staging_name = format!("nomaflow_staging_{pid}");
            let staging = format!("{}.{}", quote(&schema), quote(&staging_name));
            let mut before_swap = Vec::new();
            let mut after_swap = Vec::new();
            let mut names = vec![(staging_name.clone(), name.clone())];
            let indexes: Vec<Index> = sqlx::query_as(INDEXES).bind(path).fetch_all(&mut *conn).await?;
            for (n, (index, constraint, definition, comment, is_clustered)) in indexes.into_iter().enumerate() {
                let temporary = format!("{staging_name}_{n}");
                names.push((temporary.clone(), index.clone()));
                let temporary = quote(&temporary);
                if constraint.is_some() {
                    before_swap.push(format!("alter table {staging} add constraint {temporary} {definition}"));
                } else {
                    let Some((unique, rest)) = definition.split_once('\n') else {
                        return Err(Trouble::Step(
                            own.place.definition(format!("the index `{index}` cannot be rebuilt")),
                        ));
                    };
                    before_swap.push(format!("create {unique}index {temporary} on {staging}{rest}"));
                }
                if is_clustered {
                    before_swap.push(format!("alter table {staging} cluster on {temporary}"));
                }
                // Renaming the index of a constraint renames the constraint.
                let schema = quote(&schema);
                after_swap.push(format!("alter index {schema}.{temporary} rename to {}", quote(&index)));
                if let Some(comment) = comment {
                    after_swap.push(format!("comment on index {schema}.{} is {comment}", quote(&index)));
                }
            }
            for sql in [FOREIGN_KEYS, COLUMN_STATISTICS, PROPERTIES, GRANTS] {
                let statements: Vec<String> =
                    sqlx::query_scalar(sql).bind(path).bind(&staging).fetch_all(&mut *conn).await?;
                before_swap.extend(statements);
            }
            let constraint_comments: Vec<String> =
                sqlx::query_scalar(CONSTRAINT_COMMENTS).bind(path).fetch_all(&mut *conn).await?;
            after_swap.extend(constraint_comments);
            names.sort_by_key(|(staged, _)| std::cmp::Reverse(staged.len()));
            tracing::debug!(table = name, statements = before_swap.len() + after_swap.len(), "a table will be swapped");
            Ok(Self { staging, before_swap, after_swap, names: Names(names) })
        };
        stop.guard("reading the catalog", work).await
    }

    /// Makes the empty staging table, with all but indexes, which are built faster once the rows are there.
    pub(super) async fn make(&self, lease: &mut Lease, path: &str) -> Result<(), StepError> {
        let staging = &self.staging;
        lease.batch(&format!("create table {staging} (like {path} including all excluding indexes)")).await?;
        let stop = lease.stop.clone();
        let conn = &mut lease.conn;
        let work = async { Ok(sqlx::query_scalar::<_, String>(DEFAULT_GRANTS).bind(staging).fetch_all(conn).await?) };
        for statement in stop.guard(DEFAULT_GRANTS, work).await? {
            lease.batch(&statement).await?;
        }
        Ok(())
    }
}

/// A row of [`INDEXES`].
type Index = (String, Option<String>, String, Option<String>, bool);

/// Name, constraint if it belongs to one, what comes after `ADD CONSTRAINT name` or (`UNIQUE ` or nothing, line break,
/// from ` USING` on) for a plain index, comment as a literal, whether the table is clustered on it.
const INDEXES: &str = "select x.relname::text, k.conname::text, \
    case when k.oid is not null then pg_get_constraintdef(k.oid) \
    else case when i.indisunique then 'unique ' else '' end || E'\\n' || substr(pg_get_indexdef(i.indexrelid), \
      length(format('CREATE %sINDEX %I ON %I.%I', case when i.indisunique then 'UNIQUE ' else '' end, x.relname, n.nspname, c.relname)) + 1) end, \
    quote_literal(obj_description(x.oid, 'pg_class')), i.indisclustered \
    from pg_index i join pg_class x on x.oid = i.indexrelid join pg_class c on c.oid = i.indrelid \
    join pg_namespace n on n.oid = c.relnamespace \
    left join pg_constraint k on k.conindid = i.indexrelid and k.conrelid = i.indrelid and k.contype in ('p', 'u', 'x') \
    where i.indrelid = to_regclass($1) and i.indisvalid order by i.indisprimary desc, x.relname";

/// Keys from this table to others. They hold for the staging table before it is swapped in.
const FOREIGN_KEYS: &str = "select format('alter table %s add constraint %I %s', $2::text, conname, pg_get_constraintdef(oid)) \
    from pg_constraint where conrelid = to_regclass($1) and contype = 'f' order by conname";

/// Takes back what default privileges have given to others on a new table: the old one may never have had it.
const DEFAULT_GRANTS: &str = "select distinct format('revoke all on table %s from %s', $1::text, \
      case when a.grantee = 0 then 'public' else quote_ident(pg_get_userbyid(a.grantee)) end) \
    from pg_class c cross join lateral aclexplode(c.relacl) a where c.oid = to_regclass($1) and a.grantee <> c.relowner";

/// How columns are to be analyzed, which `LIKE` does not copy.
const COLUMN_STATISTICS: &str = "select statement from pg_attribute t cross join lateral (values \
    (case when coalesce(t.attstattarget, -1) >= 0 then format('alter table %s alter %I set statistics %s', $2::text, t.attname, t.attstattarget) end), \
    (case when t.attoptions is not null then format('alter table %s alter %I set (%s)', $2::text, t.attname, array_to_string(t.attoptions, ', ')) end) \
    ) as s(statement) where t.attrelid = to_regclass($1) and t.attnum > 0 and not t.attisdropped and statement is not null \
    order by t.attnum";

/// Options, tablespace, comment and owner, in an order in which each is allowed.
const PROPERTIES: &str = "select statement from pg_class c cross join lateral (values \
    (1, case when c.reloptions is not null then format('alter table %s set (%s)', $2::text, array_to_string(c.reloptions, ', ')) end), \
    (1, (select format('alter table %s set (%s)', $2::text, string_agg('toast.' || o, ', ')) \
      from pg_class x, unnest(x.reloptions) o where x.oid = c.reltoastrelid having count(*) > 0)), \
    (2, case when c.reltablespace <> 0 then format('alter table %s set tablespace %I', $2::text, \
      (select spcname from pg_tablespace where oid = c.reltablespace)) end), \
    (3, 'comment on table ' || $2::text || ' is ' || quote_literal(obj_description(c.oid, 'pg_class'))), \
    (4, case when c.relowner <> current_user::regrole::oid then format('alter table %s owner to %I', $2::text, pg_get_userbyid(c.relowner)) end) \
    ) as s(position, statement) where c.oid = to_regclass($1) and statement is not null order by position";

/// Grants on the table and on its columns, word for word.
const GRANTS: &str = "select format('grant %s on table %s to %s%s', a.privilege_type, $2::text, \
      case when a.grantee = 0 then 'public' else quote_ident(pg_get_userbyid(a.grantee)) end, \
      case when a.is_grantable then ' with grant option' else '' end) \
    from pg_class c cross join lateral aclexplode(c.relacl) a where c.oid = to_regclass($1) and a.grantee <> c.relowner \
    union all \
    select format('grant %s (%I) on table %s to %s%s', a.privilege_type, t.attname, $2::text, \
      case when a.grantee = 0 then 'public' else quote_ident(pg_get_userbyid(a.grantee)) end, \
      case when a.is_grantable then ' with grant option' else '' end) \
    from pg_attribute t cross join lateral aclexplode(t.attacl) a where t.attrelid = to_regclass($1) and t.attnum > 0 and not t.attisdropped";

/// `LIKE` copies the comments of check constraints only.
const CONSTRAINT_COMMENTS: &str = "select format('comment on constraint %I on %s is %L', k.conname, $1::text, obj_description(k.oid, 'pg_constraint')) \
    from pg_constraint k where k.conrelid = to_regclass($1) and k.contype <> 'c' and obj_description(k.oid, 'pg_constraint') is not null";
