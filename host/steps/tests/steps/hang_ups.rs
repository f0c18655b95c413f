//! Servers that hang up: while a connection is made (it is made again), while nobody uses it (the next one gets another),
//! while a statement runs (an error that says so, and the session goes on).

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use host_model::connector::{Hidden, Pool, PoolAddress};
use host_model::port::{Access, Connectors as _};
use host_model::value::Value;
use host_model::{StepError, StepErrorKind};
use serde_json::json;
use test_support::{Mariadb, Postgres, wait_until, wait_until_async};
use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::kit::{Bench, Set, all_rows};

/// A door in front of a server, as a balancer or an overloaded server is one: the first guests are shown out.
struct Door {
    port: u16,
    guests: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Drop for Door {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Door {
    /// Hangs up on the first `shown_out`, before or behind their first words, and lets the others through to `port`.
    async fn before(port: u16, shown_out: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let own = listener.local_addr().unwrap().port();
        let guests: Arc<AtomicUsize> = Arc::default();
        let counter = Arc::clone(&guests);
        let task = tokio::spawn(async move {
            let mut open = tokio::task::JoinSet::new();
            while let Ok((mut guest, _)) = listener.accept().await {
                let number = counter.fetch_add(1, Ordering::SeqCst);
                open.spawn(async move {
                    if number >= shown_out {
                        let Ok(mut server) = TcpStream::connect(("127.0.0.1", port)).await else { return };
                        // However it ends.
                        let _ = tokio::io::copy_bidirectional(&mut guest, &mut server).await;
                    } else if number % 2 == 1 {
                        // MySQL speaks first, so its clients say nothing here.
                        let mut words = [0; 8];
                        let _ = tokio::time::timeout(Duration::from_millis(50), guest.read(&mut words)).await;
                    }
                });
            }
        });
        Self { port: own, guests, task }
    }

    fn guests(&self) -> usize {
        self.guests.load(Ordering::SeqCst)
    }
}

fn with_port(url: &str, port: u16) -> String {
    let (server, database) = url.rsplit_once('/').unwrap();
    let (host, _) = server.rsplit_once(':').unwrap();
    format!("{host}:{port}/{database}")
}

fn port_of(url: &str) -> u16 {
    let (server, _) = url.rsplit_once('/').unwrap();
    server.rsplit_once(':').unwrap().1.parse().unwrap()
}

fn postgres(url: String) -> PoolAddress {
    PoolAddress::Postgres { url: Hidden::new(url), password: None }
}

fn mysql(url: String) -> PoolAddress {
    PoolAddress::MySql { url: Hidden::new(url), password: None }
}

const SHOWN_OUT: usize = 4;

async fn is_let_in(address: PoolAddress, door: &Door) {
    let bench = Set::default().add("erp", address, |_| {}).build();
    let done = bench.run_query("erp", "select 1 as one", json!({})).await;
    let done = done.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(done.output["first_row"], json!({"one": 1}));
    assert_eq!(door.guests(), SHOWN_OUT + 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_to_postgres_that_breaks_while_it_is_made_is_made_again() {
    let server = Postgres::start().unwrap();
    let database = server.database().unwrap();
    let door = Door::before(port_of(database.url()), SHOWN_OUT).await;
    is_let_in(postgres(with_port(database.url(), door.port)), &door).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_to_mariadb_that_breaks_while_it_is_made_is_made_again() {
    let server = Mariadb::start().unwrap();
    let database = server.database().unwrap();
    let door = Door::before(server.port(), SHOWN_OUT).await;
    is_let_in(mysql(with_port(&database.url(), door.port)), &door).await;
}

#[cfg(feature = "sqlserver")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_to_sql_server_that_breaks_while_it_is_made_is_made_again() {
    use crate::tds::{Answer, Tds};
    let server = Tds::start(|_| Answer::Done(1)).await;
    let door = Door::before(server.port, SHOWN_OUT).await;
    let bench = crate::sqlserver::set(&with_port(&server.url(), door.port)).build();
    let done = bench.run_query("erp", "delete from t", json!({})).await.unwrap();
    assert_eq!(done.rows_affected, Some(1));
    assert_eq!(door.guests(), SHOWN_OUT + 1);
}

/// The addresses of servers that only hang up, each with a door of its own.
async fn doors() -> Vec<(Door, PoolAddress)> {
    let kinds: &[fn(u16) -> PoolAddress] = &[
        |port| postgres(format!("postgres://u:s3cret@127.0.0.1:{port}/d")),
        |port| mysql(format!("mysql://u:s3cret@127.0.0.1:{port}/d")),
        #[cfg(feature = "sqlserver")]
        |port| PoolAddress::SqlServer {
            url: Hidden::new(format!("sqlserver://u:s3cret@127.0.0.1:{port}/d")),
            password: None,
        },
        #[cfg(feature = "oracle")]
        |port| PoolAddress::Oracle {
            url: Hidden::new(format!("oracle://u:s3cret@127.0.0.1:{port}/d")),
            password: None,
        },
    ];
    let mut doors = Vec::new();
    for address in kinds {
        let door = Door::before(1, usize::MAX).await;
        let address = address(door.port);
        doors.push((door, address));
    }
    doors
}

async fn open_error(bench: &Bench) -> StepError {
    bench.pools.open("erp", Access::Read, &bench.cancel).await.err().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_only_hangs_up_is_given_up_within_the_time_for_a_connection() {
    for (door, address) in doors().await {
        let one_second = |pool: &mut Pool| pool.acquire_timeout_seconds = 1;
        let bench = Set::default().add("erp", address, one_second).build();
        let begun = Instant::now();
        let error = open_error(&bench).await;
        assert!(begun.elapsed() < Duration::from_secs(20), "{error}: {:?}", begun.elapsed());
        assert_eq!((error.kind, error.may_retry), (StepErrorKind::Remote, true), "{error}");
        assert!(error.message.contains("cannot reach"), "{error}");
        // On a machine that is busy enough one try takes all the time there is, or the last one gets no answer.
        let says_how_often =
            error.message.ends_with("tries within 1 s") || error.message.ends_with("no answer within 1 s");
        assert!(says_how_often || door.guests() == 1, "{error}: {} guests", door.guests());
        assert!(!format!("{error:?}").contains("s3cret"), "{error:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancel_ends_the_knocking() {
    for (door, address) in doors().await {
        let bench = Set::default().add("erp", address, |pool| pool.acquire_timeout_seconds = 600).build();
        let cancel = async {
            let has_knocked = || std::future::ready(door.guests() > 1);
            wait_until_async(Duration::from_secs(20), tokio::time::sleep, has_knocked).await.or_panic("a second try");
            bench.cancel.cancel("enough");
        };
        let (error, ()) = tokio::join!(open_error(&bench), cancel);
        assert_eq!((error.kind, error.message.as_str()), (StepErrorKind::Canceled, "enough"));
    }
}

#[tokio::test]
async fn a_connection_that_died_idle_is_replaced_unnoticed() {
    let server = Postgres::start().unwrap();
    let database = server.database().unwrap();
    let bench = Set::default().postgres("pg", database.url()).build();
    let pid = bench.run_query("pg", "select pg_backend_pid() as pid", json!({})).await.unwrap();
    let pid = pid.output["first_row"]["pid"].clone();
    database.execute(&format!("select pg_terminate_backend({pid}, 20000)")).unwrap();
    let other = bench.run_query("pg", "select pg_backend_pid() as pid", json!({})).await.unwrap();
    assert_ne!(other.output["first_row"]["pid"], pid);
}

/// `who` asks for the number of a connection, `end` ends one.
async fn a_session_survives_its_connection(bench: &Bench, who: &str, end: impl Fn(&str)) {
    let session = bench.session("erp", Access::ReadWrite).await;
    session.execute("create table kept (i int)", Vec::new()).await.unwrap();
    let number = async || match all_rows(&*session, who, Vec::new()).await[0][0] {
        Value::Int(number) => number.to_string(),
        ref other => panic!("{other:?}"),
    };
    // Between two statements: one error at most, and not a word about it later.
    let first = number().await;
    end(&first);
    let mut errors = Vec::new();
    while let Err(error) = session.execute("insert into kept values (1)", Vec::new()).await {
        errors.push(error);
        assert!(errors.len() < 3, "{errors:?}");
    }
    assert!(!errors.is_empty() && errors.iter().all(|error| error.may_retry), "{errors:?}");
    assert_ne!(number().await, first);
    // Within a transaction, which is gone: nothing of it is done, and nothing goes on as if it were there.
    session.begin().await.unwrap();
    session.execute("insert into kept values (2)", Vec::new()).await.unwrap();
    end(&number().await);
    let mut lost = 0;
    while session.execute("insert into kept values (3)", Vec::new()).await.is_err() {
        lost += 1;
        assert!(lost < 4);
    }
    assert!(lost > 1, "the loss of the transaction is told");
    let kept = all_rows(&*session, "select i from kept order by i", Vec::new()).await;
    assert_eq!(kept, [[Value::Int(1)], [Value::Int(3)]]);
}

#[tokio::test]
async fn a_session_on_postgres_survives_its_connection() {
    let server = Postgres::start().unwrap();
    let database = server.database().unwrap();
    let bench = Set::default().postgres("erp", database.url()).build();
    let end = |pid: &str| drop(database.execute(&format!("select pg_terminate_backend({pid}, 20000)")).unwrap());
    a_session_survives_its_connection(&bench, "select pg_backend_pid()", end).await;
}

#[tokio::test]
async fn a_session_on_mariadb_survives_its_connection_and_a_lost_statement_is_told_as_one() {
    let mut server = Mariadb::start().unwrap();
    let database = server.database().unwrap();
    let bench = Set::default().mysql("erp", &database.url()).build();
    let end = |id: &str| {
        database.execute(&format!("kill {id}")).unwrap();
        let there = format!("select count(*) from information_schema.processlist where id = {id}");
        let is_gone = || database.execute(&there).unwrap() == "0";
        wait_until(Duration::from_secs(20), is_gone).or_panic("the connection to end");
    };
    a_session_survives_its_connection(&bench, "select connection_id()", end).await;
    // The server itself goes, in the middle of a statement.
    let work = bench.run_query("erp", "select sleep(600)", json!({}));
    let kill = async {
        let running = "select count(*) from information_schema.processlist where info like 'select sleep%'";
        let is_running = || std::future::ready(server.admin(running).unwrap() == "1");
        wait_until_async(Duration::from_secs(20), tokio::time::sleep, is_running).await.or_panic("the statement");
        server.kill();
    };
    let (done, ()) = tokio::join!(work, kill);
    let error = done.unwrap_err();
    assert!(error.message.contains("connector `erp` has lost its connection to `mysql://"), "{error}");
    assert!(error.may_retry && error.detail.contains("select sleep(600)"), "{error}: {}", error.detail);
}
