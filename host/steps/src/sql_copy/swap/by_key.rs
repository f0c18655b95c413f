//! PostgreSQL's side of [`crate::sql_copy::staged`]: the temporary table, and the statements that bring its rows into
//! the live one.

use host_model::StepError;

use crate::connector::postgres::Lease;
use crate::connector::postgres::copy_in::CopyColumns;
use crate::connector::postgres::kind::Kind;
use crate::connector::vet::quote;
use crate::sql_copy::plan::TableColumn;
use crate::sql_copy::side::Changes;
use crate::sql_copy::staged::Keys;

const STAGING: &str = "pg_temp.nomaflow_staging";

/// Check constraints of the table that speak of copied columns only, as `add constraint` takes them.
const CHECKS: &str = "select format('alter table pg_temp.nomaflow_staging add constraint %I %s', k.conname, pg_get_constraintdef(k.oid)) \
    from pg_constraint k where k.conrelid = to_regclass($1) and k.contype = 'c' and k.conkey is not null \
    and not exists (select from unnest(k.conkey) n join pg_attribute a on a.attrelid = k.conrelid and a.attnum = n \
      where a.attname::text <> all ($2))";

/// A unique index over exactly these columns, which `on conflict` can go by.
const UNIQUE: &str = "select exists (select from pg_index i where i.indrelid = to_regclass($1) and i.indisunique and i.indisvalid \
    and i.indimmediate and i.indpred is null and i.indexprs is null and i.indnkeyatts = cardinality($2) \
    and not exists (select from generate_series(0, i.indnkeyatts - 1) n join pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[n] \
      where a.attname::text <> all ($2)))";

/// Makes the temporary table: the copied columns, with those rules of the live table that a row can be judged by alone,
/// so that a bad row is named while it is copied. With `is_unique` also the key itself.
pub(super) async fn stage(
    lease: &mut Lease,
    path: &str,
    existing: &[TableColumn],
    keys: &Keys,
    copied: &[String],
    is_unique: bool,
) -> Result<String, StepError> {
    let list = copied.iter().map(|n| quote(n)).collect::<Vec<_>>().join(", ");
    lease
        .batch(&format!(
            "create temporary table nomaflow_staging on commit drop as select {list} from {path} with no data"
        ))
        .await?;
    let must = |name: &&String| keys.keys.contains(name) || existing.iter().any(|c| c.is_not_null && c.name == **name);
    let not_null: Vec<String> =
        copied.iter().filter(must).map(|n| format!("alter {} set not null", quote(n))).collect();
    lease.batch(&format!("alter table {STAGING} {}", not_null.join(", "))).await?;
    for check in texts(lease, CHECKS, path, copied).await? {
        lease.batch(&check).await?;
    }
    if is_unique {
        index(lease, keys).await?;
    }
    Ok(STAGING.to_owned())
}

async fn index(lease: &mut Lease, keys: &Keys) -> Result<(), StepError> {
    lease.batch(&format!("create unique index if not exists nomaflow_staging_key on {STAGING} ({})", keys.list())).await
}

/// Brings the rows of the staging table into `path`; `deletes` makes it hold no others.
pub(super) async fn apply(
    lease: &mut Lease,
    path: &str,
    keys: &Keys,
    columns: &CopyColumns,
    deletes: bool,
) -> Result<Changes, StepError> {
    // Two rows of the source with one key show here, by name.
    index(lease, keys).await?;
    lease.batch(&format!("analyze {STAGING}")).await?;
    if deletes {
        let same = keys.same();
        let delete = format!("delete from {path} t where not exists (select 1 from {STAGING} s where {same})");
        lease.batch(&delete).await?;
    }
    let has_index = has_unique_index(lease, path, keys).await?;
    if !has_index {
        // Nothing else keeps another writer from adding the same key at this moment.
        lease.batch(&format!("lock table {path} in share row exclusive mode")).await?;
    }
    let is_comparable = |name: &str| {
        let kind = columns.names().iter().position(|n| n == name).map(|n| columns.kinds()[n]);
        !matches!(kind, Some(Kind::Json | Kind::Other))
    };
    let compared = |side: &str, name: &str| match is_comparable(name) {
        true => format!("{side}.{}", quote(name)),
        false => format!("{side}.{}::text", quote(name)),
    };
    let statements = keys.statements(path, STAGING, "is distinct from", compared);
    let mut changes = Changes::default();
    if let Some(update) = &statements.update {
        changes.updated = lease.execute(update).await?;
    }
    let mut insert = statements.insert.replacen(" select ", " overriding system value select ", 1);
    if has_index {
        // A row that somebody else has added since the update is updated too.
        let set = keys.others.iter().map(|c| format!("{0} = excluded.{0}", quote(c))).collect::<Vec<_>>().join(", ");
        let action = if set.is_empty() { "nothing".to_owned() } else { format!("update set {set}") };
        insert.push_str(&format!(" on conflict ({}) do {action}", keys.list()));
    }
    changes.inserted = lease.execute(&insert).await?;
    Ok(changes)
}

async fn has_unique_index(lease: &mut Lease, path: &str, keys: &Keys) -> Result<bool, StepError> {
    let stop = lease.stop.clone();
    let conn = &mut lease.conn;
    let work = async { Ok(sqlx::query_scalar(UNIQUE).bind(path).bind(&keys.keys).fetch_one(conn).await?) };
    stop.guard(UNIQUE, work).await
}

async fn texts(lease: &mut Lease, sql: &'static str, path: &str, names: &[String]) -> Result<Vec<String>, StepError> {
    let stop = lease.stop.clone();
    let conn = &mut lease.conn;
    stop.guard(sql, async { Ok(sqlx::query_scalar(sql).bind(path).bind(names).fetch_all(conn).await?) }).await
}
