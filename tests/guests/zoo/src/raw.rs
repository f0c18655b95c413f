//! The imports as the machine sees them: functions of numbers. A program is a list of calls, `[function, numbers …]`; the
//! numbers are used as they are, whatever they then mean as pointers, lengths, cases or handles.
//!
//! Every call gives its memory through `scratch`, whose address the program cannot know, so `BASE + n` stands for its
//! byte `n`, `RESULT + n` for the word `n` of the last result, `HANDLE + n` for the handle the import `n` returned last.

use nomaflow_guest::Error;
use serde_json::Value;

/// Numbers from here on are places in the scratch.
const BASE: u64 = 1 << 40;
/// Numbers from here on are words of the last result.
const RESULT: u64 = 1 << 41;
/// Numbers from here on are the handle that the import `number - HANDLE` gave last.
const HANDLE: u64 = 1 << 42;
const SCRATCH: usize = 64 * 1024;
/// Where results go, at the end of the scratch.
const ANSWER: usize = SCRATCH - 256;

macro_rules! imports {
    ($($module:literal { $($name:literal $function:ident ($($kind:ident)*) $(-> $back:ident)?;)* })*) => {
        $(
            #[link(wasm_import_module = $module)]
            unsafe extern "C" {
                $(
                    #[link_name = $name]
                    fn $function($(_: $kind),*) $(-> $back)?;
                )*
            }
        )*

        /// Calls the import with the number `index`; false when there is none.
        fn call(index: u64, mut next: impl FnMut() -> u64) -> bool {
            let mut here = 0;
            $($(
                if here == index {
                    // SAFETY: none. The host has to bear every number, and an answer may land anywhere in this memory.
                    #[allow(clippy::unused_unit, clippy::unit_arg, clippy::let_unit_value, reason = "some return nothing")]
                    unsafe { let _ = $function($(next() as $kind),*); }
                    return true;
                }
                here += 1;
            )*)*
            let _ = here;
            false
        }
    };
}

imports! {
    "nomaflow:step/log@1.0.0" {
        "write" log_write(i32 i32 i32 i32 i32);
    }
    "nomaflow:step/context@1.0.0" {
        "get" context_get(i32 i32 i32);
        "parameter" context_parameter(i32 i32 i32);
        "report" context_report(i64 i32 i64 i32 i32);
        "canceled" context_canceled() -> i32;
    }
    "nomaflow:step/sql@1.0.0" {
        "[static]connection.open" sql_open(i32 i32 i32);
        "[method]connection.dialect" sql_dialect(i32 i32);
        "[method]connection.execute" sql_execute(i32 i32 i32 i32 i32 i32);
        "[method]connection.query" sql_query(i32 i32 i32 i32 i32 i32);
        "[method]connection.insert-rows" sql_insert_rows(i32 i32 i32 i32 i32 i32 i32 i32);
        "[method]connection.insert-columns" sql_insert_columns(i32 i32 i32 i32 i32 i32 i32 i32 i32);
        "[method]connection.begin" sql_begin(i32 i32);
        "[method]connection.commit" sql_commit(i32 i32);
        "[method]connection.rollback" sql_rollback(i32 i32);
        "[resource-drop]connection" sql_drop_connection(i32);
        "[method]cursor.columns" sql_columns(i32 i32);
        "[method]cursor.fetch" sql_fetch(i32 i32 i32);
        "[method]cursor.fetch-columns" sql_fetch_columns(i32 i32 i32);
        "[resource-drop]cursor" sql_drop_cursor(i32);
    }
    "nomaflow:step/http@1.0.0" {
        "send" http_send(i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32);
    }
    "nomaflow:step/ldap@1.0.0" {
        "[static]search.begin" ldap_begin(i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32);
        "[method]search.next-page" ldap_next_page(i32 i32);
        "[resource-drop]search" ldap_drop_search(i32);
    }
    "nomaflow:step/secrets@1.0.0" {
        "get" secrets_get(i32 i32 i32);
    }
    "nomaflow:step/state@1.0.0" {
        "get" state_get(i32 i32 i32);
        "set" state_set(i32 i32 i32 i32 i32);
        "compare-and-set" state_compare_and_set(i32 i32 i32 i32 i32 i32 i32 i32);
        "delete" state_delete(i32 i32 i32);
        "scan" state_scan(i32 i32 i32 i32 i32 i32 i32);
    }
}

#[derive(serde::Deserialize)]
pub(crate) struct Program {
    /// What lies in the scratch from its start.
    bytes: Vec<u8>,
    /// Words of the scratch that are places in it.
    #[serde(default)]
    places: Vec<usize>,
    calls: Vec<Vec<u64>>,
}

pub(crate) fn run(program: Program) -> Result<Value, Error> {
    let mut scratch = vec![0u8; SCRATCH];
    let start = scratch.as_mut_ptr();
    let n = program.bytes.len().min(ANSWER);
    scratch[..n].copy_from_slice(&program.bytes[..n]);
    for at in program.places.into_iter().filter(|at| at % 4 == 0 && *at < ANSWER) {
        // SAFETY: within the scratch, and aligned as the scratch is by the allocator.
        unsafe {
            let word = start.add(at).cast::<u32>();
            word.write(word.read().wrapping_add(start as u32));
        }
    }
    let mut handles = [0u64; 64];
    let word = |at: usize| {
        // SAFETY: within the scratch; read through its pointer, since the host writes there.
        unsafe { u64::from(start.add(ANSWER + at * 4).cast::<u32>().read_volatile()) }
    };
    let mut done = 0u64;
    for call_of in &program.calls {
        let mut numbers = call_of.iter().copied();
        let Some(function) = numbers.next() else { continue };
        let next = || match numbers.next().unwrap_or(BASE + ANSWER as u64) {
            number if number >= HANDLE => handles[(number - HANDLE) as usize % 64],
            number if number >= RESULT => word((number - RESULT) as usize % 8),
            number if number >= BASE => start as u64 + (number - BASE) % SCRATCH as u64,
            number => number,
        };
        done += u64::from(call(function, next));
        // A result that is not an error has its case 0 first, and the handle behind it.
        if word(0) & 0xff == 0 {
            handles[function as usize % 64] = word(1);
        }
    }
    Ok(done.into())
}
