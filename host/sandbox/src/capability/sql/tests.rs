//! The rules of sessions and cursors that no well-behaved guest shows: called as a guest would, without one.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use host_model::CancelToken;
use host_model::value::Value;

use super::*;
use memory_sql::{Memory, MemoryConnectors, column};

#[path = "../../../tests/sandbox/memory_sql.rs"]
#[allow(dead_code, reason = "shared with the tests of whole components, which use more of it")]
pub(crate) mod memory_sql;

struct Bench {
    state: CallState,
    memory: Arc<Memory>,
    cancel: CancelToken,
}

impl Bench {
    /// A call that may write to `c`, whose `select` gives three rows.
    fn new() -> Self {
        let rows = (1..=3).map(|i| vec![Value::Int(i), Value::Text("x".repeat(100))]).collect();
        let result = (vec![column("i", "int4"), column("t", "text")], rows);
        let results = [("select".to_owned(), result)].into();
        Self::on(Memory { results, ..Memory::default() })
    }

    fn on(memory: Memory) -> Self {
        let memory = Arc::new(memory);
        let cancel = CancelToken::new();
        let mut state = CallState::without_capabilities(cancel.clone());
        state.call.connectors = Some(Arc::new(MemoryConnectors(Arc::clone(&memory))));
        state.call.grants.connectors.insert("c".to_owned(), Access::ReadWrite);
        Self { state, memory, cancel }
    }

    async fn open(&mut self) -> u32 {
        self.state.open("c".to_owned()).await.expect("no trap").expect("opens").rep()
    }

    async fn query(&mut self, connection: u32) -> Result<u32, String> {
        let answer = self.state.query(Resource::new_borrow(connection), "select".to_owned(), Vec::new()).await;
        answer.expect("no trap").map(|cursor| cursor.rep()).map_err(|error| error.code)
    }

    async fn fetch(&mut self, cursor: u32, max: u32) -> Result<usize, String> {
        let answer = self.state.fetch(Resource::new_borrow(cursor), max).await;
        answer.expect("no trap").map(|batch| batch.rows.len()).map_err(|error| error.code)
    }

    async fn execute(&mut self, connection: u32) -> Result<u64, String> {
        let answer = self.state.execute(Resource::new_borrow(connection), "update".to_owned(), Vec::new()).await;
        answer.expect("no trap").map_err(|error| error.code)
    }

    async fn drop_connection(&mut self, connection: u32) {
        HostConnection::drop(&mut self.state, Resource::new_own(connection)).await.expect("no trap");
    }

    async fn drop_cursor(&mut self, cursor: u32) {
        HostCursor::drop(&mut self.state, Resource::new_own(cursor)).await.expect("no trap");
    }
}

#[tokio::test]
async fn a_connection_is_busy_until_its_cursor_is_dropped() {
    let mut bench = Bench::new();
    let connection = bench.open().await;
    let cursor = bench.query(connection).await.expect("rows");
    assert_eq!(bench.query(connection).await, Err("busy".to_owned()));
    assert_eq!(bench.execute(connection).await, Err("busy".to_owned()));
    let begun = bench.state.begin(Resource::new_borrow(connection)).await.expect("no trap");
    assert_eq!(begun.expect_err("busy").code, "busy");
    bench.drop_cursor(cursor).await;
    assert!(bench.execute(connection).await.is_ok());
}

#[tokio::test]
async fn a_cursor_at_its_end_stays_there_and_frees_its_connection() {
    let mut bench = Bench::new();
    let connection = bench.open().await;
    let cursor = bench.query(connection).await.expect("rows");
    assert_eq!(bench.fetch(cursor, 2).await, Ok(2));
    assert_eq!(bench.fetch(cursor, 2).await, Ok(1));
    assert_eq!(bench.execute(connection).await, Err("busy".to_owned()), "the end is not seen yet");
    assert_eq!(bench.fetch(cursor, 2).await, Ok(0));
    assert_eq!(bench.fetch(cursor, 2).await, Ok(0));
    assert!(bench.execute(connection).await.is_ok());
    let second = bench.query(connection).await.expect("rows");
    bench.drop_cursor(cursor).await;
    assert_eq!(bench.query(connection).await, Err("busy".to_owned()), "the second cursor is still open");
    assert_eq!(bench.fetch(second, 0).await, Ok(3));
    assert_eq!(bench.state.call.usage.rows_in, 6);
}

#[tokio::test]
async fn a_connection_may_be_dropped_before_its_cursor() {
    let mut bench = Bench::new();
    let connection = bench.open().await;
    let cursor = bench.query(connection).await.expect("rows");
    bench.drop_connection(connection).await;
    assert_eq!(bench.memory.n_open.load(Ordering::SeqCst), 0);
    // The handle of the dropped connection is given out again; the old cursor must not touch its new owner.
    let second = bench.open().await;
    let open = bench.query(second).await.expect("rows");
    assert_eq!(bench.fetch(cursor, 1).await, Ok(0));
    bench.drop_cursor(cursor).await;
    assert_eq!(bench.execute(second).await, Err("busy".to_owned()));
    assert_eq!(bench.fetch(open, 1).await, Ok(1));
}

#[tokio::test]
async fn a_call_holds_eight_connections_at_most() {
    let mut bench = Bench::new();
    let mut open = Vec::new();
    for _ in 0..SESSIONS {
        open.push(bench.open().await);
    }
    let ninth = bench.state.open("c".to_owned()).await.expect("no trap");
    assert_eq!(ninth.expect_err("one too many").code, "limit");
    bench.drop_connection(open[0]).await;
    bench.open().await;
}

#[tokio::test]
async fn a_call_never_takes_the_last_connection_of_a_pool_whatever_the_connectors_are_called() {
    for (connections, most) in [(1, 1), (2, 1), (3, 2), (5, 4), (100, 4)] {
        let mut bench = Bench::on(Memory { pool: connections, ..Memory::default() });
        bench.state.call.grants.connectors.insert("same".to_owned(), Access::Read);
        let mut open = vec![bench.open().await];
        for _ in 1..most {
            open.push(bench.state.open("same".to_owned()).await.expect("no trap").expect("opens").rep());
        }
        for connector in ["c", "same"] {
            let refused = bench.state.open(connector.to_owned()).await.expect("no trap").expect_err("one too many");
            let message = format!(
                "connector `{connector}`: {most} connections to the pool `p` are open already, of its {connections} a \
                 plugin may have {most} at once"
            );
            assert_eq!((refused.code.as_str(), refused.message), ("limit", message));
        }
        assert_eq!(bench.memory.n_open.load(Ordering::SeqCst), most);
        bench.drop_connection(open[0]).await;
        bench.open().await;
    }
}

#[tokio::test]
async fn a_batch_ends_with_the_row_that_reaches_eight_megabytes() {
    let wide = |i| vec![Value::Int(i), Value::Text("x".repeat(1024 * 1024))];
    let result = (vec![column("i", "int4"), column("t", "text")], (1..=20).map(wide).collect());
    let mut bench = Bench::on(Memory { results: [("select".to_owned(), result)].into(), ..Memory::default() });
    let connection = bench.open().await;
    let cursor = bench.query(connection).await.expect("rows");
    let answer = bench.state.fetch_columns(Resource::new_borrow(cursor), 1_000).await.expect("no trap").expect("rows");
    assert_eq!(answer.rows, 8);
    assert_eq!(bench.fetch(cursor, 1_000).await, Ok(8));
    assert_eq!(bench.fetch(cursor, 1_000).await, Ok(4));
    assert_eq!(bench.fetch(cursor, 1_000).await, Ok(0));
}

#[tokio::test]
async fn after_a_cancel_every_call_that_can_fail_fails_with_canceled() {
    let mut bench = Bench::new();
    let connection = bench.open().await;
    let other = bench.open().await;
    let cursor = bench.query(connection).await.expect("rows");
    bench.cancel.cancel("canceled by user:alice");
    let canceled = Err("canceled".to_owned());
    let opened = bench.state.open("c".to_owned()).await.expect("no trap").expect_err("canceled");
    assert_eq!(
        (opened.code.as_str(), opened.message.as_str()),
        ("canceled", "the run is being stopped: canceled by user:alice")
    );
    assert_eq!(bench.query(other).await.map(drop), canceled.clone());
    assert_eq!(bench.execute(other).await.map(drop), canceled.clone());
    assert_eq!(bench.fetch(cursor, 1).await.map(drop), canceled);
    for answer in [
        bench.state.begin(Resource::new_borrow(other)).await,
        bench.state.commit(Resource::new_borrow(other)).await,
        bench.state.rollback(Resource::new_borrow(other)).await,
    ] {
        assert_eq!(answer.expect("no trap").expect_err("canceled").code, "canceled");
    }
    let rows = RowBatch { rows: Vec::new() };
    let inserted = bench.state.insert_rows(Resource::new_borrow(other), "t".to_owned(), Vec::new(), rows).await;
    assert_eq!(inserted.expect("no trap").expect_err("canceled").code, "canceled");
}

#[tokio::test]
async fn rows_that_do_not_fit_their_columns_are_invalid_and_nothing_is_inserted() {
    let mut bench = Bench::new();
    let connection = bench.open().await;
    let cell = || types::Value::Integer(1);
    let rows = RowBatch { rows: vec![vec![cell(), cell()], vec![cell()]] };
    let columns = vec!["a".to_owned(), "b".to_owned()];
    let answer = bench.state.insert_rows(Resource::new_borrow(connection), "t".to_owned(), columns, rows).await;
    let error = answer.expect("no trap").expect_err("invalid");
    assert_eq!((error.code.as_str(), error.message.as_str()), ("invalid", "row 1 has 1 cells, 2 columns are named"));
    assert!(bench.memory.tables.lock().expect("no panic").is_empty());
}

#[tokio::test]
async fn large_rows_come_one_by_one_and_a_row_larger_than_the_memory_of_the_guest_ends_the_cursor() {
    let mut bench = Bench::new();
    bench.state.call.grants.limits.memory_bytes = 200;
    let connection = bench.open().await;
    let cursor = bench.query(connection).await.expect("rows");
    assert_eq!(bench.fetch(cursor, 1).await, Ok(1));
    assert_eq!(bench.fetch(cursor, 2).await, Ok(1), "a second one would not fit");
    bench.state.call.grants.limits.memory_bytes = 100;
    assert_eq!(bench.fetch(cursor, 2).await, Err("limit".to_owned()));
    assert_eq!(bench.fetch(cursor, 1).await, Ok(0));
    assert!(bench.execute(connection).await.is_ok());
}
