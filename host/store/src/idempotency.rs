//! The port's `IdempotencyKeys`: a row of `ly2_idempotency` for each key of a caller.

use async_trait::async_trait;
use host_model::Instant;
use host_model::idempotency::{IdempotencyKeys, KeptAnswer, KeyState, KeyedRequest};
use host_model::port::StoreError;

use crate::error::DbError;
use crate::row::StoredRow;
use crate::sql::{Bind, Conn};
use crate::store::SqlStore;
use crate::write::{Verdict, Write};

struct Reserve {
    request: KeyedRequest,
    expired: Instant,
}

#[async_trait]
impl Write for Reserve {
    type Answer = KeyState;

    async fn perform(&self, conn: &mut Conn<'_>) -> Result<Verdict<KeyState>, DbError> {
        let KeyedRequest { caller, key, request, run, owner, at } = &self.request;
        conn.execute("delete from ly2_idempotency where created_at < $1", &[Bind::at(self.expired)]).await?;
        let sql = "insert into ly2_idempotency (caller, key, request, run_id, owner, created_at) \
                   values ($1, $2, $3, $4, $5, $6) on conflict (caller, key) do nothing";
        let binds = [
            Bind::text(caller),
            Bind::text(key),
            Bind::text(request),
            Bind::word(run),
            Bind::text(owner),
            Bind::at(*at),
        ];
        if conn.execute(sql, &binds).await? == 1 {
            return Ok(Verdict::Keep(KeyState::New));
        }
        let sql = "select request, run_id, owner, status, body from ly2_idempotency where caller = $1 and key = $2";
        let row = conn.fetch_optional(sql, &[Bind::text(caller), Bind::text(key)]).await?;
        // Between the two statements nobody deletes it but a release, after which it is as if it had never been.
        Ok(Verdict::Keep(match row {
            Some(row) => read_state(&row)?,
            None => KeyState::Known { request: request.clone(), run: *run, owner: owner.clone(), answer: None },
        }))
    }
}

fn read_state(row: &StoredRow) -> Result<KeyState, DbError> {
    let answer = match row.opt_text("body")? {
        Some(body) => Some(KeptAnswer { status: row.count("status")?, body }),
        None => None,
    };
    Ok(KeyState::Known { request: row.text("request")?, run: row.run_id("run_id")?, owner: row.text("owner")?, answer })
}

struct TakeOver {
    request: KeyedRequest,
    before: String,
}

#[async_trait]
impl Write for TakeOver {
    type Answer = bool;

    async fn perform(&self, conn: &mut Conn<'_>) -> Result<Verdict<bool>, DbError> {
        let sql = "update ly2_idempotency set owner = $3 \
                   where caller = $1 and key = $2 and owner = $4 and run_id = $5 and status is null";
        let KeyedRequest { caller, key, owner, run, .. } = &self.request;
        let binds = [Bind::text(caller), Bind::text(key), Bind::text(owner), Bind::text(&self.before), Bind::word(run)];
        Ok(Verdict::Keep(conn.execute(sql, &binds).await? == 1))
    }
}

struct Answer {
    request: KeyedRequest,
    answer: KeptAnswer,
}

#[async_trait]
impl Write for Answer {
    type Answer = ();

    async fn perform(&self, conn: &mut Conn<'_>) -> Result<Verdict<()>, DbError> {
        let sql = "update ly2_idempotency set status = $4, body = $5 \
                   where caller = $1 and key = $2 and run_id = $3 and status is null";
        let KeyedRequest { caller, key, run, .. } = &self.request;
        let KeptAnswer { status, body } = &self.answer;
        let binds =
            [Bind::text(caller), Bind::text(key), Bind::word(run), Bind::int(i64::from(*status)), Bind::text(body)];
        conn.execute(sql, &binds).await?;
        Ok(Verdict::Keep(()))
    }
}

struct Release(KeyedRequest);

#[async_trait]
impl Write for Release {
    type Answer = ();

    async fn perform(&self, conn: &mut Conn<'_>) -> Result<Verdict<()>, DbError> {
        let sql = "delete from ly2_idempotency where caller = $1 and key = $2 and run_id = $3 and status is null";
        let KeyedRequest { caller, key, run, .. } = &self.0;
        conn.execute(sql, &[Bind::text(caller), Bind::text(key), Bind::word(run)]).await?;
        Ok(Verdict::Keep(()))
    }
}

#[async_trait]
impl IdempotencyKeys for SqlStore {
    async fn reserve_key(&self, request: &KeyedRequest, expired: Instant) -> Result<KeyState, StoreError> {
        self.write("keep the key of a request", Reserve { request: request.clone(), expired }).await
    }

    async fn take_key_over(&self, request: &KeyedRequest, before: &str) -> Result<bool, StoreError> {
        let write = TakeOver { request: request.clone(), before: before.to_owned() };
        self.write("take the key of a request over", write).await
    }

    async fn answer_key(&self, request: &KeyedRequest, answer: &KeptAnswer) -> Result<(), StoreError> {
        let write = Answer { request: request.clone(), answer: answer.clone() };
        self.write("keep the answer of a request", write).await
    }

    async fn release_key(&self, request: &KeyedRequest) -> Result<(), StoreError> {
        self.write("forget the key of a request", Release(request.clone())).await
    }
}
