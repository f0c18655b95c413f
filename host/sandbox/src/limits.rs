//! What a call may use, and the meter that Wasmtime asks before memory or tables grow. Wall and processor time are
//! watched by `instance`, log volume by `lines`, the size of the result by `outcome`, that of a response by
//! `capability::http`; the stack belongs to the engine.
//!
//! Invariant: the sums are over all memories and all tables of the store; a Python component has several.

use std::time::Duration;

use wasmtime::ResourceLimiter;

const MB: u64 = 1024 * 1024;

/// Core instances, tables and memories of one store. A Python component has about thirty, two and two; and each memory, an
/// empty one too, takes gigabytes of address space.
const INSTANCES: usize = 1_000;
const TABLES: usize = 100;
const MEMORIES: usize = 32;

/// The keys of `[limits]` in a file of grants.
pub(crate) const LIMIT_KEYS: [&str; 9] = [
    "memory_mb",
    "wall_seconds",
    "cpu_seconds",
    "output_bytes",
    "response_bytes",
    "log_lines",
    "log_lines_per_second",
    "table_elements",
    "stack_kb",
];

/// The limits of one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of linear memory.
    pub memory_bytes: u64,
    /// Wall time of a call; `None` = the timeout of the step alone.
    pub wall: Option<Duration>,
    /// Processor time of a call, what the host does on its behalf included; `None` = no limit but the wall time.
    pub cpu: Option<Duration>,
    /// Bytes of the JSON text a call returns.
    pub output_bytes: u64,
    /// Bytes of one HTTP response.
    pub response_bytes: u64,
    /// Log lines of a call, those of stdout and stderr included.
    pub log_lines: u64,
    /// The same in one second; more of them slow the guest down.
    pub log_lines_per_second: u64,
    /// Elements of all tables together. A Python component starts with about 20 000.
    pub table_elements: u64,
    /// Bytes of the stack; the engine has one of the next power of two.
    pub stack_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory_bytes: 256 * MB,
            wall: None,
            cpu: None,
            output_bytes: MB,
            response_bytes: 16 * MB,
            log_lines: 10_000,
            log_lines_per_second: 5_000,
            table_elements: 200_000,
            stack_bytes: MB / 2,
        }
    }
}

/// Counts what a store has, and refuses what goes beyond.
#[derive(Debug)]
pub(crate) struct Meter {
    memory_limit: usize,
    memory: usize,
    peak: usize,
    table_limit: usize,
    table_elements: usize,
    refused_memory: bool,
    refused_table: bool,
}

impl Meter {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            memory_limit: usize::try_from(limits.memory_bytes).unwrap_or(usize::MAX),
            memory: 0,
            peak: 0,
            table_limit: usize::try_from(limits.table_elements).unwrap_or(usize::MAX),
            table_elements: 0,
            refused_memory: false,
            refused_table: false,
        }
    }

    /// The most linear memory the store ever had, in bytes.
    pub(crate) fn peak(&self) -> usize {
        self.peak
    }

    /// Whether the guest asked for more memory than it may have. It may have lived on.
    pub(crate) fn refused_memory(&self) -> bool {
        self.refused_memory
    }

    /// Whether the guest asked for more table elements than it may have.
    pub(crate) fn refused_table(&self) -> bool {
        self.refused_table
    }
}

impl ResourceLimiter for Meter {
    fn memory_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let total = self.memory.saturating_add(desired.saturating_sub(current));
        if total > self.memory_limit {
            self.refused_memory = true;
            return Ok(false);
        }
        self.memory = total;
        self.peak = self.peak.max(total);
        Ok(true)
    }

    fn table_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let total = self.table_elements.saturating_add(desired.saturating_sub(current));
        if total > self.table_limit {
            self.refused_table = true;
            return Ok(false);
        }
        self.table_elements = total;
        Ok(true)
    }

    fn instances(&self) -> usize {
        INSTANCES
    }

    fn tables(&self) -> usize {
        TABLES
    }

    fn memories(&self) -> usize {
        MEMORIES
    }
}
