//! What the processes of a step use, and when that is too much: the worker and everything it started, looked at twenty
//! times a second. Polled and not set as a kernel limit, because a limit on address space breaks libraries that reserve
//! much and use little, and because only whoever looks from outside can name the limit afterwards.

use std::path::Path;
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior};

/// How often the processes are looked at. Shorter steps are never looked at.
const LOOK: Duration = Duration::from_millis(50);
/// Most processes of one step; honest steps start a few, a loop around `fork` passes this within a second.
const PROCESSES: usize = 256;

/// Waits until the process `pid` and its descendants use more than they may, and says what. `memory` is in bytes, all
/// of them together.
pub(crate) async fn exceeded(pid: Option<i32>, memory: Option<u64>) -> String {
    let Some(pid) = pid else { return std::future::pending().await };
    let mut looks = tokio::time::interval_at(Instant::now() + LOOK, LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        looks.tick().await;
        let family = family(pid);
        if family.len() > PROCESSES {
            return format!("it started more than {PROCESSES} processes");
        }
        if let Some(limit) = memory
            && let Some(used) = passes(&family, limit)
        {
            let (used, limit) = (used >> 20, limit >> 20);
            return format!("it used {used} MiB of memory, and a step may use {limit} MiB (`memory_mb` of `[python]`)");
        }
    }
}

/// Bytes of memory the process has now; 0 when it has gone.
pub(crate) fn resident(pid: i32) -> u64 {
    bytes_of(Path::new(&format!("/proc/{pid}/status")), "VmRSS:")
}

/// What the processes use together when it is more than `limit`.
fn passes(family: &[i32], limit: u64) -> Option<u64> {
    let resident: u64 = family.iter().map(|pid| resident(*pid)).sum();
    if resident <= limit {
        return None;
    }
    // Forked processes share pages, and each counts them as its own; the exact share takes longer to find.
    let used = match family {
        [_] => resident,
        _ => family.iter().map(|pid| bytes_of(Path::new(&format!("/proc/{pid}/smaps_rollup")), "Pss:")).sum(),
    };
    (used > limit).then_some(used)
}

/// The process and its descendants, as far as they are needed to tell that they are too many.
pub(crate) fn family(root: i32) -> Vec<i32> {
    let mut all = vec![root];
    let mut next = 0;
    while let Some(pid) = all.get(next).copied().filter(|_| all.len() <= PROCESSES) {
        // A process is the child of the thread that forked it.
        for task in std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten() {
            let children = std::fs::read_to_string(task.path().join("children")).unwrap_or_default();
            all.extend(children.split_whitespace().filter_map(|id| id.parse::<i32>().ok()));
        }
        next += 1;
    }
    all
}

/// A line `Name:   123 kB` of a file of /proc.
fn bytes_of(file: &Path, name: &str) -> u64 {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let kib = line.and_then(|rest| rest.trim().strip_suffix("kB")?.trim().parse::<u64>().ok());
    kib.unwrap_or_default() << 10
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_uses_memory_and_a_process_that_is_gone_uses_none() {
        let own = i32::try_from(std::process::id()).unwrap();
        assert!(resident(own) > 1 << 20, "{}", resident(own));
        assert!(passes(&[own], 1 << 20).is_some());
        assert!(passes(&[own], 1 << 50).is_none());
        assert_eq!(resident(i32::MAX), 0);
    }

    #[test]
    fn children_belong_to_the_family() {
        let own = i32::try_from(std::process::id()).unwrap();
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let id = i32::try_from(child.id()).unwrap();
        let found = family(own).contains(&id);
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(found);
    }
}
