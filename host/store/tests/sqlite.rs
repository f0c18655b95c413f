//! The conformance suite on SQLite, and what can go wrong with a file.
#![allow(clippy::unwrap_used, reason = "test code")]

use std::path::Path;

use host_store::conformance::{self, Bench};
use host_store::{OpenError, each_check};
use test_support::TempHome;

const URL: &str = "sqlite:data/nomaflow.db";

macro_rules! tests {
    ($($area:ident: $($name:ident)*;)*) => {
        $(mod $area {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::check(stringify!($area), stringify!($name)).await;
            })*
        })*
    };
}

each_check!(tests);

async fn check(area: &str, name: &str) {
    let home = TempHome::new().unwrap();
    conformance::run(area, name, &Bench::new(URL, home.path())).await;
}

async fn open_error(url: &str, home: &Path) -> OpenError {
    match host_store::open(url, home).await {
        Ok(_) => panic!("`{url}` was opened"),
        Err(error) => error,
    }
}

#[tokio::test]
async fn the_folders_above_the_file_are_made() {
    let home = TempHome::new().unwrap();
    let store = host_store::open("sqlite:a/b/c.db", home.path()).await.unwrap();
    store.close().await;
    let mut files: Vec<_> =
        std::fs::read_dir(home.path().join("a/b")).unwrap().map(|e| e.unwrap().file_name()).collect();
    files.sort();
    assert_eq!(files, ["c.db"], "a clean end leaves neither WAL nor shared memory behind");
}

#[tokio::test]
async fn a_file_that_is_no_database_is_named() {
    let home = TempHome::new().unwrap();
    let file = home
        .write("data/nomaflow.db", "this is a text, and long enough to be taken for a header\n".repeat(20))
        .unwrap();
    let error = open_error(URL, home.path()).await;
    assert_eq!(error, OpenError::NotADatabase { path: file.clone() });
    assert!(error.to_string().contains("is not an SQLite database"), "{error}");
    assert!(home.read("data/nomaflow.db").unwrap().starts_with("this is a text"), "it is left alone");
}

#[tokio::test]
async fn a_folder_that_cannot_be_made_is_named() {
    let home = TempHome::new().unwrap();
    home.write("data", "a file where a folder is wanted").unwrap();
    let error = open_error(URL, home.path()).await;
    assert!(matches!(&error, OpenError::Folder { path, .. } if *path == home.path().join("data")), "{error:?}");
}

#[tokio::test]
async fn a_file_that_cannot_be_opened_is_named() {
    let home = TempHome::new().unwrap();
    std::fs::create_dir_all(home.path().join("data/nomaflow.db")).unwrap();
    let error = open_error(URL, home.path()).await;
    assert!(matches!(&error, OpenError::File { path, .. } if path.ends_with("nomaflow.db")), "{error:?}");
    assert!(error.hint().is_some());
}

/// Permissions do not stop root, but `/proc` does.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_folder_that_cannot_be_written_is_named() {
    let error = open_error("sqlite:nomaflow.db", Path::new("/proc/self")).await;
    assert!(matches!(&error, OpenError::File { path, .. } if path.starts_with("/proc/self")), "{error:?}");
}

#[tokio::test]
async fn another_process_holding_the_file_is_waited_for() {
    use sqlx::{Connection, SqliteConnection};
    let home = TempHome::new().unwrap();
    let store = host_store::open(URL, home.path()).await.unwrap();
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(home.path().join("data/nomaflow.db"));
    let mut other = SqliteConnection::connect_with(&options).await.unwrap();
    sqlx::raw_sql("begin immediate").execute(&mut other).await.unwrap();
    let run = host_model::RunId::from_parts(1, 1);
    let write = tokio::spawn({
        let store = std::sync::Arc::clone(&store);
        async move { store.request_cancel(run, "x", host_model::Instant::default()).await }
    });
    // Readers go on while both wait.
    assert!(store.find_run(run).await.unwrap().is_none());
    assert!(!write.is_finished());
    sqlx::raw_sql("commit").execute(&mut other).await.unwrap();
    assert_eq!(write.await.unwrap().unwrap(), host_model::port::CancelMark::NotFound);
}
