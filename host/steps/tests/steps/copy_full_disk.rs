//! A disk of the PostgreSQL server that fills up in the middle of a copy: the live table is whole, the space comes back, and
//! the next run works. Everywhere by a limit on the size of a file, and by a file system of a few megabytes where the test
//! may mount one.

use std::os::unix::fs::{MetadataExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use host_model::job::spec::CopyMode;
use host_model::value::Value;
use tempfile::TempDir;
use test_support::{Postgres, Shutdown, wait_until_async};

use crate::kit::{Set, copy, text};

const SOON: Duration = Duration::from_secs(30);

/// A source of 55 MB, larger than any room below.
const SOURCE: &str = "create table big as select i, repeat('x', 100) t from generate_series(1, 400000) i";
/// What the target has before: rows of 4 MB, and an index.
const TARGET: &str = "create table t (i int primary key, t text); \
                      insert into t select i, repeat('o', 90) from generate_series(1, 30000) i";

/// A small file system, gone with its value.
struct Small(TempDir);

impl Small {
    /// `None` where nobody may mount anything.
    fn mount(server: &Postgres) -> Option<Self> {
        let folder = TempDir::new().unwrap();
        let mount = Command::new("mount").args(["-t", "tmpfs", "-o", "size=40m", "tmpfs"]).arg(folder.path()).output();
        if !mount.is_ok_and(|done| done.status.success()) {
            return None;
        }
        let small = Self(folder);
        let owner = std::fs::metadata(server.admin("show data_directory").unwrap()).unwrap();
        chown(small.path(), Some(owner.uid()), Some(owner.gid())).unwrap();
        // The server's account has to get there.
        server.admin(&format!("create tablespace small location '{}'", small.path().display())).ok()?;
        Some(small)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg("--lazy").arg(self.path()).status();
        if !unmounted.is_ok_and(|status| status.success()) {
            eprintln!("`{}` stays mounted", self.path().display());
        }
    }
}

/// Files of the server's new processes may be so large.
fn limit_files(server: &Postgres, limit: &str) {
    let pid = server.id().unwrap().to_string();
    let owner = std::fs::metadata(format!("/proc/{pid}")).unwrap();
    // Even root may do this to its own processes only, where it has no further rights.
    let mut prlimit = Command::new("prlimit");
    prlimit.args(["--pid", &pid, &format!("--fsize={limit}:")]).uid(owner.uid()).gid(owner.gid());
    assert!(prlimit.status().unwrap().success(), "prlimit");
}

/// Copies too much into `url`, then what fits.
async fn overfill(server: &Postgres, from: &str, to: &str, way: &str, said: &str, make_room: impl Fn()) {
    for mode in [CopyMode::Overwrite, CopyMode::Append, CopyMode::Upsert] {
        let bench = Set::default().postgres("from", from).postgres("to", to).build();
        let mut spec = copy("from", "big", "to", "t", mode);
        spec.source.filter = (mode == CopyMode::Append).then(|| "i > 30000".to_owned());
        let error = bench.run_copy(spec).await.unwrap_err();
        assert!(error.message.contains("connector `to`") && error.message.contains(said), "{way} {mode:?}: {error}");
        assert!(error.may_retry, "{way} {mode:?}: there may be room again");
        bench.pools.close().await;
        // Until the server has rolled back it may not even have the room to read.
        let others =
            "select count(*) from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()";
        let has_recovered = || std::future::ready(server.admin(others).is_ok_and(|count| count == "0"));
        wait_until_async(SOON, tokio::time::sleep, has_recovered).await.or_panic("the server to roll back");
        let bench = Set::default().postgres("from", from).postgres("to", to).build();
        let state = "select count(*) || min(t) || max(t) from t";
        let old = bench.rows("to", state).await;
        let whole = format!("30000{0}{0}", "o".repeat(90));
        assert_eq!(old, [[text(&whole)]], "{way} {mode:?}: the old rows, all of them");
        let leftovers = "select count(*) from pg_class where relname like 'nomaflow%'";
        assert_eq!(bench.rows("to", leftovers).await, [[Value::Int(0)]], "{way} {mode:?}");
        // Rows that were appended and rolled back are left in the table's own file, for (auto)vacuum to remove.
        bench.execute("to", &["vacuum t"]).await;
        bench.pools.close().await;
    }
    make_room();
    // What the failed copies had taken is free again: these rows would not fit beside it.
    let bench = Set::default().postgres("from", from).postgres("to", to).build();
    let mut spec = copy("from", "big", "to", "t", CopyMode::Overwrite);
    spec.source.filter = Some("i <= 60000".into());
    let done = bench.run_copy(spec).await.unwrap_or_else(|e| panic!("{way}: {e}"));
    assert_eq!(done.rows_affected, Some(60_000), "{way}");
    assert!(server.id().is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_of_the_server_that_fills_up_leaves_the_table_whole() {
    let server = Postgres::start_private().unwrap();
    let (from, to) = (server.database().unwrap(), server.database().unwrap());
    // Reading must not write anything any more.
    from.execute(&format!("{SOURCE}; vacuum freeze big; checkpoint")).unwrap();
    to.execute(TARGET).unwrap();
    // Whole pages, and room for a segment of the write-ahead log, which has 16 MB.
    limit_files(&server, "16785408");
    overfill(&server, from.url(), to.url(), "a limit", "File too large", || limit_files(&server, "unlimited")).await;

    let Some(small) = Small::mount(&server) else {
        eprintln!("nothing can be mounted here: a full file system was not tried");
        return;
    };
    server.admin("create database small tablespace small template template0 encoding 'UTF8'").unwrap();
    let url = server.url("small");
    let bench = Set::default().postgres("to", &url).build();
    for sql in TARGET.split("; ") {
        bench.execute("to", &[sql]).await;
    }
    bench.pools.close().await;
    // What is there has its room before the rest is taken.
    server.admin("checkpoint").unwrap();
    overfill(&server, from.url(), &url, "a full file system", "No space left on device", || {}).await;
    server.stop_server(Shutdown::Fast).unwrap();
    drop(small);
}
