//! A sound component that is no plugin: it exports a world of its own.

#[allow(missing_docs, reason = "generated")]
mod bindings {
    wit_bindgen::generate!({
        inline: "
            package test:wrong;

            world greeter {
                export greet: func(name: string) -> string;
            }
        ",
        world: "greeter",
    });
}

/// The greeter.
pub struct Greeter;

impl bindings::Guest for Greeter {
    fn greet(name: String) -> String {
        format!("hello {name}")
    }
}

#[cfg(target_family = "wasm")]
bindings::export!(Greeter with_types_in bindings);
