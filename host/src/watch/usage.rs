//! What a step used, in one line for people.

use host_model::Json;
use indicatif::{DecimalBytes, HumanCount};

/// `peak memory 1.8 MB, processor time 3.1 ms, …`: the figures that are there, and which component ran. Empty when nothing was recorded.
pub(crate) fn usage_line(usage: &Json) -> String {
    let whole = |key: &str| usage[key].as_u64();
    let millis = |key: &str| usage[key].as_f64().map(milliseconds);
    let counted = |key: &str, what: &str| whole(key).map(|n| format!("{what} {}", HumanCount(n)));
    let parts = [
        whole("peak_memory_bytes").map(|n| format!("peak memory {}", DecimalBytes(n))),
        millis("cpu_ms").map(|time| format!("processor time {time}")),
        counted("host_calls", "host calls"),
        counted("rows_in", "rows in"),
        counted("rows_out", "rows out"),
        usage["component_sha256"].as_str().map(|digest| format!("component {}", digest.get(..12).unwrap_or(digest))),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn milliseconds(ms: f64) -> String {
    if ms < 1000.0 { format!("{ms:.1} ms") } else { format!("{:.1} s", ms / 1000.0) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::usage_line;

    #[test]
    fn what_a_call_used_is_one_line_and_what_was_not_recorded_is_left_out() {
        let usage = json!({
            "component_sha256": "8f3c2a91b0d4e577", "wall_ms": 9.0, "cpu_ms": 3.07, "peak_memory_bytes": 1_835_008,
            "host_calls": 12_040, "rows_in": 5, "rows_out": 0,
        });
        let wanted = "peak memory 1.84 MB, processor time 3.1 ms, host calls 12,040, rows in 5, rows out 0, component 8f3c2a91b0d4";
        assert_eq!(usage_line(&usage), wanted);
        assert_eq!(usage_line(&json!({ "cpu_ms": 2500.0 })), "processor time 2.5 s");
        assert_eq!(usage_line(&json!(null)), "");
    }
}
