//! Lines of the run's log: `log::info!("read {n} rows")`.
//!
//! Nothing here fails. The host drops what is below the log level of the run or beyond the plugin's limit.

use crate::imports;

pub use crate::bindings::nomaflow::step::log::Level;
#[doc(inline)]
pub use crate::{
    __log_debug as debug, __log_error as error, __log_info as info, __log_trace as trace, __log_warn as warn,
};

/// Adds one line, with further facts by name.
pub fn write(level: Level, message: &str, fields: &[(&str, String)]) {
    let fields: Vec<(String, String)> =
        fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    imports::log(level, message, &fields);
}

/// Adds a line of level trace; takes what `format!` takes.
#[doc(hidden)]
#[macro_export]
macro_rules! __log_trace {
    ($($argument:tt)*) => { $crate::log::write($crate::log::Level::Trace, &::std::format!($($argument)*), &[]) };
}

/// Adds a line of level debug; takes what `format!` takes.
#[doc(hidden)]
#[macro_export]
macro_rules! __log_debug {
    ($($argument:tt)*) => { $crate::log::write($crate::log::Level::Debug, &::std::format!($($argument)*), &[]) };
}

/// Adds a line of level info; takes what `format!` takes.
#[doc(hidden)]
#[macro_export]
macro_rules! __log_info {
    ($($argument:tt)*) => { $crate::log::write($crate::log::Level::Info, &::std::format!($($argument)*), &[]) };
}

/// Adds a line of level warn; takes what `format!` takes.
#[doc(hidden)]
#[macro_export]
macro_rules! __log_warn {
    ($($argument:tt)*) => { $crate::log::write($crate::log::Level::Warn, &::std::format!($($argument)*), &[]) };
}

/// Adds a line of level error; takes what `format!` takes.
#[doc(hidden)]
#[macro_export]
macro_rules! __log_error {
    ($($argument:tt)*) => { $crate::log::write($crate::log::Level::Error, &::std::format!($($argument)*), &[]) };
}
