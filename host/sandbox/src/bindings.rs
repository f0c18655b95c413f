//! What Wasmtime makes of `wit/step`: the types and traits of the contract, and nothing else. `older` holds the same for
//! the versions that came before.

#![allow(unsafe_code, reason = "the generated code implements Wasmtime's unsafe traits for the types of the contract")]
#![allow(missing_docs, unreachable_pub, reason = "generated; the documentation is in the WIT files")]

pub(crate) mod older;

wasmtime::component::bindgen!({
    path: "../../wit/step",
    world: "plugin",
    imports: {
        // Answered from memory, so a call costs 40 ns and never leaves the thread.
        "nomaflow:step/context": trappable,
        "nomaflow:step/sql.[method]connection.dialect": trappable,
        default: async | trappable,
    },
    exports: { default: async },
    with: {
        "nomaflow:step/sql.connection": crate::capability::sql::Connection,
        "nomaflow:step/sql.cursor": crate::capability::sql::Cursor,
        "nomaflow:step/ldap.search": crate::capability::ldap::Search,
    },
    require_store_data_send: true,
});
