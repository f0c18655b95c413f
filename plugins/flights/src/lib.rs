//! Delay statistics of flights: what one SQL statement does not say as well.
//!
//! `carrier_delays` is the callable, `summary` the figures of one carrier, `sketch` the quantiles, `table_name` the
//! check of what a job gives as a table. The component reads and writes through the connector it is granted, nothing else.

mod carrier_delays;
pub mod sketch;
mod summary;
mod table_name;

pub use carrier_delays::{Outcome, Params, carrier_delays};

nomaflow_guest::plugin! {
    "carrier_delays" => carrier_delays {
        title: "Arrival delays per carrier",
        doc: carrier_delays::DOC,
        params: carrier_delays::PARAMS_SCHEMA,
        output: carrier_delays::OUTPUT_SCHEMA,
    },
}
