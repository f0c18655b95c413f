//! Plain SQL past the store, for checks that damage a row or look at one.

use sqlx::{Connection, PgConnection, SqliteConnection};

use super::Bench;
use crate::url::Target;

impl Bench {
    /// Runs SQL past the store.
    pub(super) async fn execute(&self, sql: &str) -> Result<(), sqlx::Error> {
        let sql = sqlx::AssertSqlSafe(sql);
        match Target::parse(&self.url, &self.home).unwrap() {
            Target::Sqlite(path) => {
                let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path).foreign_keys(true);
                let mut conn = SqliteConnection::connect_with(&options).await?;
                sqlx::raw_sql(sql).execute(&mut conn).await?;
                conn.close().await
            }
            Target::Postgres { options, .. } => {
                let mut conn = PgConnection::connect_with(&options).await?;
                sqlx::raw_sql(sql).execute(&mut conn).await?;
                conn.close().await
            }
        }
    }

    /// Reads one number past the store.
    pub(super) async fn number(&self, sql: &str) -> i64 {
        let query = sqlx::AssertSqlSafe(sql);
        match Target::parse(&self.url, &self.home).unwrap() {
            Target::Sqlite(path) => {
                let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path);
                let mut conn = SqliteConnection::connect_with(&options).await.unwrap();
                sqlx::query_scalar(query).fetch_one(&mut conn).await.unwrap()
            }
            Target::Postgres { options, .. } => {
                let mut conn = PgConnection::connect_with(&options).await.unwrap();
                sqlx::query_scalar(query).fetch_one(&mut conn).await.unwrap()
            }
        }
    }
}
