//! Accounts in `ly2_users`. Passwords are in there as hashes and are read by one statement of their own.
//!
//! Invariant: no transaction leaves an installation that had an enabled superuser without one, unless a provider says so
//! at a sign-in. In PostgreSQL one lock makes such changes wait for each other; SQLite has one writer in any case.

use async_trait::async_trait;
use host_model::access::{Permission, Permissions};
use host_model::account::{Account, AccountChange, AccountSource, Changed, PasswordHash, Vouched, Welcomed};
use host_model::{Instant, JsonMap};

use crate::error::DbError;
use crate::row::StoredRow;
use crate::sql::{Bind, Conn};
use crate::write::{Verdict, Write};

const COLUMNS: &str = "name, display_name, source, subject, granted, from_groups, disabled, must_change_password, \
                       epoch, created_at, created_by, last_sign_in_at";

/// Permissions in a column.
pub(crate) fn permissions(row: &StoredRow, column: &str) -> Result<Permissions, DbError> {
    let read = |text: &String| {
        Permission::parse(text).map_err(|error| DbError::Corrupt(format!("column `{column}` is wrong: {error}")))
    };
    row.texts(column)?.iter().map(read).collect()
}

fn account(row: &StoredRow) -> Result<Account, DbError> {
    let source = row.text("source")?;
    Ok(Account {
        name: row.text("name")?,
        display_name: row.text("display_name")?,
        source: AccountSource::parse(&source)
            .ok_or_else(|| DbError::Corrupt(format!("column `source` holds `{source}`, which is no source")))?,
        subject: row.opt_text("subject")?,
        granted: permissions(row, "granted")?,
        from_groups: permissions(row, "from_groups")?,
        disabled: row.flag("disabled")?,
        must_change_password: row.flag("must_change_password")?,
        epoch: row.count("epoch")?,
        created_at: row.at("created_at")?,
        created_by: row.text("created_by")?,
        last_sign_in_at: row.opt_at("last_sign_in_at")?,
    })
}

pub(crate) async fn list(conn: &mut Conn<'_>) -> Result<Vec<Account>, DbError> {
    let rows = conn.fetch_all(&format!("select {COLUMNS} from ly2_users order by name"), &[]).await?;
    rows.iter().map(account).collect()
}

pub(crate) async fn find(conn: &mut Conn<'_>, name: &str) -> Result<Option<Account>, DbError> {
    let sql = format!("select {COLUMNS} from ly2_users where name = $1");
    conn.fetch_optional(&sql, &[Bind::text(name)]).await?.as_ref().map(account).transpose()
}

pub(crate) async fn find_password(conn: &mut Conn<'_>, name: &str) -> Result<Option<PasswordHash>, DbError> {
    let sql = "select password from ly2_users where name = $1 and source = 'local'";
    let row = conn.fetch_optional(sql, &[Bind::text(name)]).await?;
    Ok(row.map(|row| row.opt_text("password")).transpose()?.flatten().map(PasswordHash))
}

pub(crate) async fn find_preferences(conn: &mut Conn<'_>, name: &str) -> Result<Option<JsonMap>, DbError> {
    let row = conn.fetch_optional("select preferences from ly2_users where name = $1", &[Bind::text(name)]).await?;
    row.map(|row| row.opt_json_map("preferences").map(Option::unwrap_or_default)).transpose()
}

/// Whoever changes accounts in PostgreSQL waits for whoever does so too.
async fn lock(conn: &mut Conn<'_>) -> Result<(), DbError> {
    if let Conn::Postgres(..) = conn {
        conn.execute("select pg_advisory_xact_lock(hashtextextended('nomaflow accounts', 0))", &[]).await?;
    }
    Ok(())
}

async fn insert(conn: &mut Conn<'_>, new: &Account, password: Option<&PasswordHash>) -> Result<bool, DbError> {
    let sql = format!(
        "insert into ly2_users ({COLUMNS}, password) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) \
         on conflict do nothing"
    );
    let (granted, from_groups) = (new.granted.texts(), new.from_groups.texts());
    let binds = [
        Bind::text(&new.name),
        Bind::text(&new.display_name),
        Bind::text(new.source.as_str()),
        Bind::opt_text(new.subject.as_deref()),
        Bind::texts(&granted),
        Bind::texts(&from_groups),
        Bind::Flag(new.disabled),
        Bind::Flag(new.must_change_password),
        Bind::int(new.epoch),
        Bind::at(new.created_at),
        Bind::text(&new.created_by),
        Bind::opt_at(new.last_sign_in_at),
        Bind::opt_text(password.map(|hash| hash.0.as_str())),
    ];
    Ok(conn.execute(&sql, &binds).await? == 1)
}

/// The parts of an account that change after it was made.
async fn update(conn: &mut Conn<'_>, changed: &Account) -> Result<(), DbError> {
    let sql = "update ly2_users set display_name = $1, granted = $2, from_groups = $3, disabled = $4, epoch = $5 \
               where name = $6";
    let binds = [
        Bind::text(&changed.display_name),
        Bind::texts(&changed.granted.texts()),
        Bind::texts(&changed.from_groups.texts()),
        Bind::Flag(changed.disabled),
        Bind::int(changed.epoch),
        Bind::text(&changed.name),
    ];
    conn.execute(sql, &binds).await.map(drop)
}

pub(crate) struct Create {
    pub(crate) account: Account,
    pub(crate) password: Option<PasswordHash>,
    /// Only when there is no other account.
    pub(crate) is_first: bool,
}

#[async_trait]
impl Write for Create {
    type Answer = bool;

    async fn perform(&self, conn: &mut Conn<'_>) -> Result<Verdict<bool>, DbError> {
        lock(conn).await?;
        if self.is_first && conn.fetch_optional("select 1 as one from ly2_users limit 1", &[]).await?.is_some() {
            return Ok(Verdict::Undo(false));
        }
        Ok(Verdict::Keep(insert(conn, &self.account, self.password.as_ref()).await?))
    }
}

fn may_everything(account: &Account) -> bool {
    !account.disabled && account.permissions().is_superuser()
}

/// Whether there is an enabled superuser besides `name`.
async fn has_other_superuser(conn: &mut Conn<'_>, name: &str) -> Result<bool, DbError> {
    Ok(list(conn).await?.iter().any(|other| other.name != name && may_everything(other)))
}

pub(crate) struct Change {
    pub(crate) name: String,
    pub(crate) change: AccountChange,
}

fn apply(change: &AccountChange, before: &Account) -> Account {
    let granted = change.permissions.as_ref().unwrap_or(&before.granted);
    let granted = granted.iter().chain(change.grant.iter()).filter(|p| !change.revoke.iter().any(|gone| gone == *p));
    let disabled = change.disabled.unwrap_or(before.disabled);
    Account {
        display_name: change.display_name.as_ref().unwrap_or(&before.display_name).clone(),
        granted: granted.cloned().collect(),
        disabled,
        // What was signed before does not come back with the account.
        epoch: before.epoch + u32::from(disabled && !before.disabled),
        ..before.clone()
    }
}

#[async_trait]
impl Write for Change {
    type Answer = Changed;

    async fn perform(&self, conn: &mut Conn<'_>) -> Result<Verdict<Changed>, DbError> {
        lock(conn).await?;
        let Some(before) = find(conn, &self.name).await? else { return Ok(Verdict::Undo(Changed::Unknown)) };
        let after = apply(&self.change, &before);
        if may_everything(&before) && !may_everything(&after) && !has_other_superuser(conn, &self.name).await? {
            return Ok(Verdict::Undo(Changed::LastSuperuser));
        }
        update(conn, &after).await?;
        if after.epoch != before.epoch {
            conn.execute("delete from ly2_sessions where user_name = $1", &[Bind::text(&self.name)]).await?;
        }
        Ok(Verdict::Keep(Changed::Done))
    }
}

pub(crate) struct Delete(pub(crate) String);

#[async_trait]
impl Write for Delete {
    type Answer = Changed;

    async fn perform(&self, conn: &mut Conn<'_>) -> Result<Verdict<Changed>, DbError> {
        lock(conn).await?;
        let Some(before) = find(conn, &self.0).await? else { return Ok(Verdict::Undo(Changed::Unknown)) };
        if may_everything(&before) && !has_other_superuser(conn, &self.0).await? {
            return Ok(Verdict::Undo(Changed::LastSuperuser));
        }
        let name = [Bind::text(&self.0)];
        conn.execute("delete from ly2_sessions where user_name = $1", &name).await?;
        // Its tokens go with it.
        conn.execute("delete from ly2_users where name = $1", &name).await?;
        Ok(Verdict::Keep(Changed::Done))
    }
}

pub(crate) struct SetPassword {
    pub(crate) name: String,
    pub(crate) password: PasswordHash,
    pub(crate) must_change: bool,
    pub(crate) keep: Option<String>,
}

#[async_trait]
impl Write for SetPassword {
    type Answer = bool;

    async fn perform(&self, conn: &mut Conn<'_>) -> Result<Verdict<bool>, DbError> {
        let sql = "update ly2_users set password = $1, must_change_password = $2 where name = $3 and source = 'local'";
        let binds = [Bind::text(&self.password.0), Bind::Flag(self.must_change), Bind::text(&self.name)];
        if conn.execute(sql, &binds).await? == 0 {
            return Ok(Verdict::Undo(false));
        }
        end_sessions(conn, &self.name, self.keep.as_deref()).await?;
        Ok(Verdict::Keep(true))
    }
}

/// Ends the sessions of an account but `keep`, which goes on in the new epoch.
pub(crate) async fn end_sessions(conn: &mut Conn<'_>, user: &str, keep: Option<&str>) -> Result<(), DbError> {
    let binds = [Bind::text(user), Bind::text(keep.unwrap_or_default())];
    conn.execute("update ly2_users set epoch = epoch + 1 where name = $1", &binds[..1]).await?;
    conn.execute("delete from ly2_sessions where user_name = $1 and id <> $2", &binds).await?;
    let sql = "update ly2_sessions set epoch = (select epoch from ly2_users where name = $1) \
               where user_name = $1 and id = $2 and exists (select 1 from ly2_users where name = $1)";
    conn.execute(sql, &binds).await.map(drop)
}

pub(crate) struct EndSessions {
    pub(crate) user: String,
    pub(crate) keep: Option<String>,
}

#[async_trait]
impl Write for EndSessions {
    type Answer = ();

    async fn perform(&self, conn: &mut Conn<'_>) -> Result<Verdict<()>, DbError> {
        end_sessions(conn, &self.user, self.keep.as_deref()).await?;
        Ok(Verdict::Keep(()))
    }
}

pub(crate) struct Welcome {
    pub(crate) vouched: Vouched,
    pub(crate) now: Instant,
}

#[async_trait]
impl Write for Welcome {
    type Answer = Welcomed;

    async fn perform(&self, conn: &mut Conn<'_>) -> Result<Verdict<Welcomed>, DbError> {
        lock(conn).await?;
        let Vouched { name, display_name, source, subject, from_groups, may_create } = &self.vouched;
        // By the provider's own id first: somebody who was renamed there stays who they are here.
        let sql = format!("select {COLUMNS} from ly2_users where subject = $1");
        let row = conn.fetch_optional(&sql, &[Bind::text(subject)]).await?;
        let known = row.as_ref().map(account).transpose()?;
        let Some(before) = known else {
            if let Some(other) = find(conn, name).await? {
                return Ok(Verdict::Undo(Welcomed::Taken(other.source)));
            }
            if !may_create {
                return Ok(Verdict::Undo(Welcomed::Unknown));
            }
            let new = Account {
                name: name.clone(),
                display_name: display_name.clone(),
                source: *source,
                subject: Some(subject.clone()),
                granted: Permissions::default(),
                from_groups: from_groups.clone(),
                disabled: false,
                must_change_password: false,
                epoch: 0,
                created_at: self.now,
                created_by: subject.split(':').next().unwrap_or_default().to_owned(),
                last_sign_in_at: None,
            };
            insert(conn, &new, None).await?;
            return Ok(Verdict::Keep(Welcomed::Known(Box::new(new))));
        };
        let mut after = Account { from_groups: from_groups.clone(), ..before };
        if !display_name.is_empty() {
            after.display_name.clone_from(display_name);
        }
        update(conn, &after).await?;
        Ok(Verdict::Keep(Welcomed::Known(Box::new(after))))
    }
}
