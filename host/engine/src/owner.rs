//! The name of this process in run rows: `host/pid/start`, where `start` is the kernel's start time of the process, so
//! that a reused pid is not mistaken for the old owner.

use std::path::Path;

fn host_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name = name.trim();
    if name.is_empty() { "localhost".to_owned() } else { name.replace('/', "-") }
}

/// Field 22 of `/proc/<pid>/stat`: clock ticks since boot when the process began (proc(5)).
fn start_ticks(pid: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("stat")).ok()?;
    // The command name may hold spaces and parentheses; the fields after it do not.
    stat.rsplit_once(')')?.1.split_whitespace().nth(19)?.parse().ok()
}

/// The owner text of this process.
pub fn owner_id() -> String {
    let pid = std::process::id();
    format!("{}/{pid}/{}", host_name(), start_ticks(pid).unwrap_or(0))
}

/// Whether the process behind `owner` is known to be dead. A process on another machine is never called dead here.
pub fn is_owner_alive(owner: &str) -> bool {
    let mut parts = owner.rsplitn(3, '/');
    let (Some(start), Some(pid), Some(host)) = (parts.next(), parts.next(), parts.next()) else {
        return false;
    };
    if host != host_name() {
        return true;
    }
    match (pid.parse().ok().and_then(start_ticks), start.parse::<u64>()) {
        (Some(now), Ok(then)) => now == then,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_lives_and_a_dead_pid_or_another_start_does_not() {
        let me = owner_id();
        assert!(is_owner_alive(&me));
        let (front, start) = me.rsplit_once('/').unwrap();
        assert!(!is_owner_alive(&format!("{front}/{}", start.parse::<u64>().unwrap() + 1)));
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let dead = format!("{}/{}/1", host_name(), child.id());
        child.wait().unwrap();
        assert!(!is_owner_alive(&dead));
        assert!(is_owner_alive("another-machine/1/1"));
    }
}
