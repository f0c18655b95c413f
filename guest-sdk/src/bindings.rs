//! What `wit-bindgen` makes of `wit/step`: types, imports and the export macro.
//!
//! Plugins use the other modules of this crate; only the `plugin!` macro reaches in here.

wit_bindgen::generate!({
    path: "../wit/step",
    world: "plugin",
    generate_all,
    additional_derives: [PartialEq],
    pub_export_macro: true,
    export_macro_name: "export_plugin",
    default_bindings_module: "nomaflow_guest::bindings",
});
