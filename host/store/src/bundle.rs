//! Recording many fires at once, in SQLite: when thousands of slots are due in one second, the trips to SQLite's thread and
//! the binding of parameters cost more than the rows do. A bundle is one JSON text, and one statement for each table runs
//! over all of it: the statements of `fires`, each parameter replaced by its place in the row.
//!
//! Invariant: a fire is in a bundle recorded as it would be alone, or leaves nothing and is then done alone. So a bundle
//! need not know why one does not take (slot decided, lease lost, run in the way, definition gone).

use std::collections::HashSet;
use std::sync::LazyLock;

use host_model::fire::NewRun;
use host_model::{Json, RunId};

use crate::definitions;
use crate::error::DbError;
use crate::fires::{NONE_IN_FLIGHT, RecordFire, run_statement, slot_statement, steps_statement_of_sqlite};
use crate::sql::{Bind, Conn};

/// Each row of the bundle.
const FROM: &str = "from json_each($1) fire";

/// Everything of every fire, in the order in which one depends on the other. Says which runs are new.
static RECORD: LazyLock<String> = LazyLock::new(|| {
    let may_begin = format!("($15 = false or {NONE_IN_FLIGHT})");
    let run = format!("{} returning id", run_statement(FROM, true, &may_begin));
    [slot_statement(FROM), run, steps_statement_of_sqlite(&format!("{FROM},"))].map(|one| over_rows(&one)).join("; ")
});

/// Takes away the slots of fires that came to no run.
static LEAVE_NOTHING: LazyLock<String> = LazyLock::new(|| {
    over_rows(&format!(
        "delete from ly2_slots where (job_id, due_at, schedule, run_id) in \
         (select $2, $7, $6, $1 {FROM} where not exists (select 1 from ly2_job_runs where id = $1))"
    ))
});

/// The statement with each parameter read from the row; that of [`FROM`] stays.
fn over_rows(statement: &str) -> String {
    let whole = "$bundle";
    let mut text = statement.replace(FROM, &FROM.replace("$1", whole));
    for n in (1..=27).rev() {
        text = text.replace(&format!("${n}"), &format!("(fire.value ->> {})", n - 1));
    }
    text.replace(whole, "$1")
}

/// Whether nothing has to be looked up before the run is recorded.
pub(crate) fn may_hold(new: &NewRun) -> bool {
    new.slot.is_some() && !new.overlap.waits() && new.depends_on.is_empty()
}

/// Records those of `fires`, all of which [`may_hold`] says yes to, that begin; says which.
pub(crate) async fn record(conn: &mut Conn<'_>, fires: &[&RecordFire]) -> Result<HashSet<RunId>, DbError> {
    let is_unnoted = |fire: &&&RecordFire| !fire.definitions.is_noted(&fire.digest, fire.new.queued_at);
    let unnoted: Vec<&&RecordFire> = fires.iter().filter(is_unnoted).collect();
    let texts: Vec<_> = unnoted.iter().map(|fire| (&fire.digest, &fire.new)).collect();
    definitions::keep_all(conn, &texts).await?;
    for fire in unnoted {
        fire.definitions.note(fire.digest, fire.new.queued_at);
    }
    let row = |fire: &&RecordFire| fire.binds(&fire.digest.to_string()).iter().map(Bind::to_json).collect::<Json>();
    let bundle = [Bind::word(fires.iter().map(row).collect::<Json>())];
    let mut recorded = HashSet::with_capacity(fires.len());
    for row in conn.fetch_all(&RECORD, &bundle).await? {
        recorded.insert(row.run_id("id")?);
    }
    if recorded.len() < fires.len() {
        conn.execute(&LEAVE_NOTHING, &bundle).await?;
    }
    Ok(recorded)
}
