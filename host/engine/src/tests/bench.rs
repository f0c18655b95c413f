//! How long a no-op run takes from store to store. Not a test of speed: it prints, and is run by `tests/bench/run`.

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn measure_noop_runs() {
    let rounds: usize = std::env::var("NOMAFLOW_BENCH_ROUNDS").ok().and_then(|n| n.parse().ok()).unwrap_or(20);
    let bench = bench(vec![job("noop", vec![step("a", "echo")])]).await;
    let mut times = Vec::with_capacity(rounds);
    for _ in 0..rounds {
        let began = std::time::Instant::now();
        let run = bench.fire("noop").await;
        bench.engine.wait_idle().await;
        times.push(began.elapsed());
        assert!(bench.run(run).await.status.is_final());
    }
    times.sort();
    let at = |share: usize| times[(rounds * share / 100).min(rounds - 1)];
    println!("no-op run on SQLite, store to store: p50 {:?} p99 {:?} ({rounds} runs)", at(50), at(99));
}
