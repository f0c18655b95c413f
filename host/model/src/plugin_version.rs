//! Versions of a plugin's component: which files were in force under its name, what each of them asks for, and what of that
//! somebody approved. Files are known by their digest.
//!
//! The rule: the first version of a name counts as approved by whoever put it there, because nothing is granted but what
//! the operator writes beside it. A later one may ask for what was approved before, and no more until somebody approves it.
//! What was approved once for a name stays approved.

use std::collections::BTreeSet;
use std::time::Duration;

use async_trait::async_trait;

use crate::port::StoreError;
use crate::{Instant, StepErrorKind};

/// Files of each plugin that are kept to go back to, the one in force among them.
pub const PLUGIN_FILES_KEPT: usize = 5;

/// A file of a plugin that was found in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenPlugin {
    /// The plugin.
    pub plugin: String,
    /// SHA-256 of the file, in hexadecimal.
    pub digest: String,
    /// The app it belongs to.
    pub app: String,
    /// Size of the file in bytes.
    pub bytes: u64,
    /// What it asks for: `http`, `sql` …
    pub asked: BTreeSet<String>,
    /// When it was found.
    pub at: Instant,
    /// Who put it there, as far as is known; `file` for a change by hand.
    pub by: String,
}

/// A version of a plugin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PluginVersion {
    /// As it was seen the last time it came into force.
    pub seen: SeenPlugin,
    /// When and by whom it was approved.
    pub approved: Option<(Instant, String)>,
}

/// What one call of a component used.
#[derive(Debug, Clone, PartialEq)]
pub struct PluginCall {
    /// The digest that ran.
    pub digest: String,
    /// The kind of its failure.
    pub failed: Option<String>,
    /// How long it took.
    pub wall: Duration,
    /// Processor time of it.
    pub cpu: Duration,
    /// Most memory it had, in bytes.
    pub peak_memory: u64,
}

/// Where versions of plugins are kept.
#[async_trait]
pub trait PluginVersionStore: Send + Sync {
    /// Keeps that a file is in force: as the newest version of its plugin, unless it is that already. The first of a name is
    /// approved by it. Gives back all versions of the plugin, newest first.
    async fn note_plugin(&self, seen: &SeenPlugin) -> Result<Vec<PluginVersion>, StoreError>;
    /// Approves what a version asks for. False when there is no such version.
    async fn approve_plugin(&self, plugin: &str, digest: &str, at: Instant, by: &str) -> Result<bool, StoreError>;
    /// The versions of a plugin, or of all, newest first.
    async fn list_plugin_versions(&self, plugin: Option<&str>) -> Result<Vec<PluginVersion>, StoreError>;
    /// Calls of these digests in runs that began since, newest first, at most `most`.
    async fn list_plugin_calls(
        &self,
        digests: &[String],
        since: Instant,
        most: u32,
    ) -> Result<Vec<PluginCall>, StoreError>;
}

/// Says what a component asks for beyond what was approved.
#[async_trait]
pub trait PluginApprovals: Send + Sync {
    /// What of `asked` is too much, as far as this process knows. Nothing is, for a plugin nobody has seen yet.
    fn known_excess(&self, plugin: &str, asked: &BTreeSet<String>) -> Vec<String>;
    /// The same, from the store where that is needed to be sure.
    ///
    /// # Errors
    /// When the store does not answer.
    async fn excess(&self, seen: SeenPlugin) -> Result<Vec<String>, StoreError>;
}

/// What of `asked` no version in `versions` was approved for.
pub fn excess_over(asked: &BTreeSet<String>, versions: &[PluginVersion]) -> Vec<String> {
    let approved: BTreeSet<&String> =
        versions.iter().filter(|it| it.approved.is_some()).flat_map(|it| &it.seen.asked).collect();
    asked.iter().filter(|ask| !approved.contains(ask)).cloned().collect()
}

/// What many calls came to.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PluginStats {
    /// How many there were.
    pub calls: usize,
    /// Those that failed, traps among them.
    pub failed: usize,
    /// Those that broke instead of answering: traps, limits.
    pub traps: usize,
    /// The time half of them stayed within.
    pub wall_p50: Duration,
    /// The time 95 of 100 stayed within.
    pub wall_p95: Duration,
    /// Processor time half of them stayed within.
    pub cpu_p50: Duration,
    /// Processor time of all.
    pub cpu_total: Duration,
    /// Most memory one had, in bytes.
    pub peak_memory: u64,
}

impl PluginStats {
    /// Counts calls.
    pub fn of<'c>(calls: impl IntoIterator<Item = &'c PluginCall>) -> Self {
        let (mut stats, mut wall, mut cpu) = (Self::default(), Vec::new(), Vec::new());
        for call in calls {
            stats.calls += 1;
            stats.failed += usize::from(call.failed.is_some());
            stats.traps += usize::from(call.failed.as_deref() == Some(StepErrorKind::Crashed.as_str()));
            stats.cpu_total += call.cpu;
            stats.peak_memory = stats.peak_memory.max(call.peak_memory);
            wall.push(call.wall);
            cpu.push(call.cpu);
        }
        wall.sort_unstable();
        cpu.sort_unstable();
        stats.wall_p50 = within(&wall, 50);
        stats.wall_p95 = within(&wall, 95);
        stats.cpu_p50 = within(&cpu, 50);
        stats
    }
}

/// The least of sorted values that `percent` of them stay within.
fn within(sorted: &[Duration], percent: usize) -> Duration {
    let nth = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
    sorted.get(nth).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_counted_with_their_percentiles() {
        let calls: Vec<PluginCall> = (1..=100)
            .map(|n| PluginCall {
                digest: "d".into(),
                failed: [(7, "crashed"), (8, "failed")].into_iter().find(|it| it.0 == n).map(|it| it.1.to_owned()),
                wall: Duration::from_millis(n),
                cpu: Duration::from_millis(n / 2),
                peak_memory: n,
            })
            .collect();
        let stats = PluginStats::of(&calls);
        assert_eq!((stats.calls, stats.failed, stats.traps, stats.peak_memory), (100, 2, 1, 100));
        let ms = Duration::from_millis;
        assert_eq!((stats.wall_p50, stats.wall_p95, stats.cpu_p50), (ms(50), ms(95), ms(25)));
        assert_eq!(PluginStats::of(&calls[..1]).wall_p95, ms(1));
        assert_eq!(PluginStats::of([]), PluginStats::default());
    }

    fn version(asked: &[&str], is_approved: bool) -> PluginVersion {
        let at = Instant::UNIX_EPOCH;
        PluginVersion {
            seen: SeenPlugin {
                plugin: "words".into(),
                digest: "d".into(),
                app: "a".into(),
                bytes: 1,
                asked: asked.iter().map(|ask| (*ask).to_owned()).collect(),
                at,
                by: "file".into(),
            },
            approved: is_approved.then(|| (at, "ann".to_owned())),
        }
    }

    #[test]
    fn only_what_no_approved_version_asked_for_is_too_much() {
        let wanted = version(&["http", "ldap", "sql"], false);
        let before = [version(&["ldap"], false), version(&["sql"], true), version(&["state"], true)];
        assert_eq!(excess_over(&wanted.seen.asked, &before), ["http", "ldap"]);
        assert!(excess_over(&version(&["sql", "state"], false).seen.asked, &before).is_empty());
    }
}
