//! `wit/step-0.1`, the draft that the first plugins were built against. Its data are those of the present version, so
//! only its functions are generated here.

wasmtime::component::bindgen!({
    path: "../../wit/step-0.1",
    world: "plugin",
    imports: {
        "nomaflow:step/context": trappable,
        default: async | trappable,
    },
    exports: { default: async },
    with: {
        "nomaflow:step/types": crate::bindings::nomaflow::step::types,
        "nomaflow:step/sql.connection": crate::capability::sql::Connection,
        "nomaflow:step/sql.cursor": crate::capability::sql::Cursor,
    },
    require_store_data_send: true,
});
