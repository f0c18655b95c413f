//! The name of this process in run rows: `host/pid/start`, where `start` is the kernel's start time of the process, so
//! that a reused pid is not mistaken for the old owner. `host` ends in a mark of the boot and of the namespace of pids, so
//! that another container or machine of the same name is not mistaken for this one.

use std::path::Path;
use std::sync::OnceLock;

fn host_name() -> &'static str {
    static NAME: OnceLock<String> = OnceLock::new();
    NAME.get_or_init(|| {
        let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
        let name = read("/proc/sys/kernel/hostname").trim().replace('/', "-");
        let pids = std::fs::read_link("/proc/self/ns/pid").unwrap_or_default();
        let place = format!("{}{}", read("/proc/sys/kernel/random/boot_id").trim(), pids.display());
        // FNV-1a, folded: the mark is to be the same for every process of this place, and short.
        let hash = place
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        let name = if name.is_empty() { "localhost" } else { &name };
        format!("{name}-{:06x}", (hash ^ (hash >> 32)) & 0x00ff_ffff)
    })
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

/// False when the process behind `owner` is known to be dead. One in another place (machine, boot, namespace of pids) is
/// never called dead here: only its silence can tell.
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
