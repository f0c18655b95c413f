//! The port's `AccountStore`. Accounts are in `accounts`; here are sessions (`ly2_sessions`) and API tokens
//! (`ly2_tokens`), both kept as hashes, and the port that joins the three.

use async_trait::async_trait;
use host_model::account::{
    Account, AccountChange, AccountStore, ApiToken, Changed, PasswordHash, Rotated, Session, TokenHash, Vouched,
    Welcomed,
};
use host_model::port::StoreError;
use host_model::{Instant, JsonMap};

use crate::accounts::{self, Change, Create, Delete, EndSessions, SetPassword, Welcome, permissions};
use crate::error::DbError;
use crate::row::StoredRow;
use crate::sql::{Bind, Conn};
use crate::store::SqlStore;
use crate::write::{Verdict, Write};

const SESSION: &str = "id, user_name, opened_by, epoch, created_at, refreshed_at, expires_at, address, agent";
const TOKEN: &str = "id, name, user_name, permissions, created_at, expires_at, last_used_at, last_used_from";

fn session(row: &StoredRow) -> Result<Session, DbError> {
    Ok(Session {
        id: row.text("id")?,
        user: row.text("user_name")?,
        opened_by: row.text("opened_by")?,
        epoch: row.count("epoch")?,
        created_at: row.at("created_at")?,
        refreshed_at: row.at("refreshed_at")?,
        expires_at: row.at("expires_at")?,
        address: row.text("address")?,
        agent: row.text("agent")?,
    })
}

fn token(row: &StoredRow) -> Result<ApiToken, DbError> {
    Ok(ApiToken {
        id: row.text("id")?,
        name: row.text("name")?,
        user: row.text("user_name")?,
        permissions: permissions(row, "permissions")?,
        created_at: row.at("created_at")?,
        expires_at: row.opt_at("expires_at")?,
        last_used_at: row.opt_at("last_used_at")?,
        last_used_from: row.opt_text("last_used_from")?,
    })
}

fn hex(hash: &TokenHash) -> String {
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

struct OpenSession(Session, TokenHash);

#[async_trait]
impl Write for OpenSession {
    type Answer = ();

    async fn perform(&self, conn: &mut Conn<'_>) -> Result<Verdict<()>, DbError> {
        let Self(new, hash) = self;
        conn.execute("delete from ly2_sessions where expires_at <= $1", &[Bind::at(new.created_at)]).await?;
        let sql = format!(
            "insert into ly2_sessions ({SESSION}, refresh_hash) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
        );
        let hash = hex(hash);
        let binds = [
            Bind::text(&new.id),
            Bind::text(&new.user),
            Bind::text(&new.opened_by),
            Bind::int(new.epoch),
            Bind::at(new.created_at),
            Bind::at(new.refreshed_at),
            Bind::at(new.expires_at),
            Bind::text(&new.address),
            Bind::text(&new.agent),
            Bind::text(&hash),
        ];
        conn.execute(&sql, &binds).await?;
        let sql = "update ly2_users set last_sign_in_at = $1 where name = $2";
        conn.execute(sql, &[Bind::at(new.created_at), Bind::text(&new.user)]).await?;
        Ok(Verdict::Keep(()))
    }
}

struct Rotate {
    session: Session,
    old: TokenHash,
    new: TokenHash,
}

#[async_trait]
impl Write for Rotate {
    type Answer = Rotated;

    async fn perform(&self, conn: &mut Conn<'_>) -> Result<Verdict<Rotated>, DbError> {
        let next = &self.session;
        let sql = "update ly2_sessions set refresh_hash = $1, refreshed_at = $2, expires_at = $3, address = $4, \
                   agent = $5 where id = $6 and refresh_hash = $7 and expires_at > $2";
        let (old, new) = (hex(&self.old), hex(&self.new));
        let binds = [
            Bind::text(&new),
            Bind::at(next.refreshed_at),
            Bind::at(next.expires_at),
            Bind::text(&next.address),
            Bind::text(&next.agent),
            Bind::text(&next.id),
            Bind::text(&old),
        ];
        let is_done = conn.execute(sql, &binds).await? == 1;
        Ok(match find_session(conn, &next.id, next.refreshed_at).await? {
            Some(session) if is_done => Verdict::Keep(Rotated::Done(Box::new(session))),
            Some(session) => Verdict::Undo(Rotated::Reused { refreshed_at: session.refreshed_at }),
            None => Verdict::Undo(Rotated::Unknown),
        })
    }
}

async fn find_session(conn: &mut Conn<'_>, id: &str, now: Instant) -> Result<Option<Session>, DbError> {
    let sql = format!("select {SESSION} from ly2_sessions where id = $1 and expires_at > $2");
    conn.fetch_optional(&sql, &[Bind::text(id), Bind::at(now)]).await?.as_ref().map(session).transpose()
}

async fn list_sessions(conn: &mut Conn<'_>, user: &str, now: Instant) -> Result<Vec<Session>, DbError> {
    let sql = format!(
        "select {SESSION} from ly2_sessions where user_name = $1 and expires_at > $2 order by created_at desc, id"
    );
    let rows = conn.fetch_all(&sql, &[Bind::text(user), Bind::at(now)]).await?;
    rows.iter().map(session).collect()
}

async fn find_token(conn: &mut Conn<'_>, hash: &TokenHash) -> Result<Option<ApiToken>, DbError> {
    let sql = format!("select {TOKEN} from ly2_tokens where hash = $1");
    conn.fetch_optional(&sql, &[Bind::text(&hex(hash))]).await?.as_ref().map(token).transpose()
}

async fn list_tokens(conn: &mut Conn<'_>, user: Option<&str>) -> Result<Vec<ApiToken>, DbError> {
    let (filter, binds) = match user {
        Some(user) => ("where user_name = $1", vec![Bind::text(user)]),
        None => ("", Vec::new()),
    };
    let sql = format!("select {TOKEN} from ly2_tokens {filter} order by created_at desc, id");
    conn.fetch_all(&sql, &binds).await?.iter().map(token).collect()
}

/// A statement with its parameters; answers whether it changed a row.
struct Run(&'static str, Vec<Bind<'static>>);

#[async_trait]
impl Write for Run {
    type Answer = bool;

    async fn perform(&self, conn: &mut Conn<'_>) -> Result<Verdict<bool>, DbError> {
        Ok(Verdict::Keep(conn.execute(self.0, &self.1).await? > 0))
    }
}

/// Runs one reading function on a connection of the pool.
macro_rules! read {
    ($store:expr, $operation:literal, $function:path $(, $argument:expr)*) => {{
        let mut reader = $store.reader($operation).await?;
        $function(&mut reader.conn() $(, $argument)*).await.map_err(|error| error.during($operation))
    }};
}

#[async_trait]
impl AccountStore for SqlStore {
    async fn list_accounts(&self) -> Result<Vec<Account>, StoreError> {
        read!(self, "list the accounts", accounts::list)
    }

    async fn find_account(&self, name: &str) -> Result<Option<Account>, StoreError> {
        read!(self, "find an account", accounts::find, name)
    }

    async fn create_account(&self, account: &Account, password: Option<&PasswordHash>) -> Result<bool, StoreError> {
        let write = Create { account: account.clone(), password: password.cloned(), is_first: false };
        self.write("create an account", write).await
    }

    async fn create_first_account(&self, account: &Account, password: &PasswordHash) -> Result<bool, StoreError> {
        let write = Create { account: account.clone(), password: Some(password.clone()), is_first: true };
        self.write("create the first account", write).await
    }

    async fn change_account(&self, name: &str, change: &AccountChange) -> Result<Changed, StoreError> {
        self.write("change an account", Change { name: name.to_owned(), change: change.clone() }).await
    }

    async fn delete_account(&self, name: &str) -> Result<Changed, StoreError> {
        self.write("delete an account", Delete(name.to_owned())).await
    }

    async fn find_preferences(&self, name: &str) -> Result<Option<JsonMap>, StoreError> {
        read!(self, "find preferences", accounts::find_preferences, name)
    }

    async fn set_preferences(&self, name: &str, preferences: &JsonMap) -> Result<bool, StoreError> {
        let binds = vec![Bind::word(name), Bind::json_map(Some(preferences))];
        self.write("keep preferences", Run("update ly2_users set preferences = $2 where name = $1", binds)).await
    }

    async fn find_password(&self, name: &str) -> Result<Option<PasswordHash>, StoreError> {
        read!(self, "find a password", accounts::find_password, name)
    }

    async fn set_password(
        &self,
        name: &str,
        password: &PasswordHash,
        must_change: bool,
        keep: Option<&str>,
    ) -> Result<bool, StoreError> {
        let (name, password, keep) = (name.to_owned(), password.clone(), keep.map(str::to_owned));
        self.write("set a password", SetPassword { name, password, must_change, keep }).await
    }

    async fn welcome(&self, vouched: &Vouched, now: Instant) -> Result<Welcomed, StoreError> {
        self.write("welcome an account", Welcome { vouched: vouched.clone(), now }).await
    }

    async fn open_session(&self, session: &Session, refresh: &TokenHash) -> Result<(), StoreError> {
        self.write("open a session", OpenSession(session.clone(), *refresh)).await
    }

    async fn find_session(&self, id: &str, now: Instant) -> Result<Option<Session>, StoreError> {
        read!(self, "find a session", find_session, id, now)
    }

    async fn list_sessions(&self, user: &str, now: Instant) -> Result<Vec<Session>, StoreError> {
        read!(self, "list the sessions", list_sessions, user, now)
    }

    async fn rotate_session(&self, session: &Session, old: &TokenHash, new: &TokenHash) -> Result<Rotated, StoreError> {
        self.write("refresh a session", Rotate { session: session.clone(), old: *old, new: *new }).await
    }

    async fn end_session(&self, id: &str) -> Result<bool, StoreError> {
        let write = Run("delete from ly2_sessions where id = $1", vec![Bind::word(id)]);
        self.write("end a session", write).await
    }

    async fn end_sessions(&self, user: &str, keep: Option<&str>) -> Result<(), StoreError> {
        self.write("end sessions", EndSessions { user: user.to_owned(), keep: keep.map(str::to_owned) }).await
    }

    async fn create_token(&self, token: &ApiToken, hash: &TokenHash) -> Result<(), StoreError> {
        let sql = "insert into ly2_tokens (id, name, user_name, permissions, created_at, expires_at, last_used_at, \
                   last_used_from, hash) values ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
        let from = token.last_used_from.clone();
        let binds = vec![
            Bind::word(&token.id),
            Bind::word(&token.name),
            Bind::word(&token.user),
            Bind::texts(&token.permissions.texts()),
            Bind::at(token.created_at),
            Bind::opt_at(token.expires_at),
            Bind::opt_at(token.last_used_at),
            Bind::Text(from.map(Into::into)),
            Bind::word(hex(hash)),
        ];
        self.write("create a token", Run(sql, binds)).await.map(drop)
    }

    async fn find_token(&self, hash: &TokenHash) -> Result<Option<ApiToken>, StoreError> {
        read!(self, "find a token", find_token, hash)
    }

    async fn list_tokens(&self, user: Option<&str>) -> Result<Vec<ApiToken>, StoreError> {
        read!(self, "list the tokens", list_tokens, user)
    }

    async fn note_token_use(&self, id: &str, at: Instant, from: &str) -> Result<(), StoreError> {
        let sql = "update ly2_tokens set last_used_at = $1, last_used_from = $2 where id = $3";
        let write = Run(sql, vec![Bind::at(at), Bind::word(from), Bind::word(id)]);
        self.write("note the use of a token", write).await.map(drop)
    }

    async fn delete_token(&self, id: &str, user: Option<&str>) -> Result<bool, StoreError> {
        let write = match user {
            Some(user) => {
                Run("delete from ly2_tokens where id = $1 and user_name = $2", vec![Bind::word(id), Bind::word(user)])
            }
            None => Run("delete from ly2_tokens where id = $1", vec![Bind::word(id)]),
        };
        self.write("delete a token", write).await
    }
}
