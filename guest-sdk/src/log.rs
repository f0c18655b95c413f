//! Lines of the run's log: `log::info!("read {n} rows")`.
//!
//! Nothing here fails. The host drops what is below the log level of the run or beyond the plugin's limit.

use crate::imports;

pub use crate::bindings::nomaflow::step::log::Level;
#[doc(inline)]
pub use crate::{__log_debug as debug, __log_error as error, __log_info as info, __log_trace as trace, __log_warn as warn};

/// Adds one line, with further facts by name.
pub fn write(level: Level, message: &str, fields: &[(&str, String)]) {
    let fields: Vec<(String, String)> = fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    imports::log(level, message, &fields);
}

macro_rules! level_macro {
    ($($exported:ident, $level:ident, $doc:literal;)*) => { $(
        #[doc = $doc]
        #[doc(hidden)]
        #[macro_export]
        macro_rules! $exported {
            ($d($d argument:tt)*) => { $crate::log::write($crate::log::Level::$level, &::std::format!($d($d argument)*), &[]) };
        }
    )* };
}
