//! Callables and the component's exports.
//!
//! A callable is a function from a params type to a result of an output type; serde does the JSON on both sides. The
//! exports exist only in a component: their names cannot be linked into a native library, and tests call `Step::run`.

use serde::{Serialize, de::DeserializeOwned};

use crate::Error;
use crate::bindings::exports::nomaflow::step::callables::Callable;

type Function = Box<dyn Fn(&str) -> Result<String, Error>>;

/// One callable of a plugin.
pub struct Step {
    info: Callable,
    function: Function,
}

impl Step {
    /// A callable by the name a job uses after the component: `carrier_delays`, or `reports:carrier_delays`. Title and
    /// doc are empty and the schemas accept anything until they are set.
    pub fn new<P, T, F>(name: &str, function: F) -> Self
    where
        P: DeserializeOwned,
        T: Serialize,
        F: Fn(P) -> Result<T, Error> + 'static,
    {
        let called = name.to_owned();
        Self {
            info: Callable {
                name: name.to_owned(),
                title: String::new(),
                doc: String::new(),
                params_schema: "{}".to_owned(),
                result_schema: "{}".to_owned(),
                meta: Vec::new(),
            },
            function: Box::new(move |params| {
                let params = serde_json::from_str(params)
                    .map_err(|error| Error::invalid(format!("the params of `{called}` do not fit: {error}")))?;
                let output = function(params)?;
                serde_json::to_string(&output)
                    .map_err(|error| Error::new("internal", format!("the result of `{called}` is no JSON: {error}")))
            }),
        }
    }

    /// One line for a list.
    #[must_use]
    pub fn title(mut self, title: &str) -> Self {
        self.info.title = title.to_owned();
        self
    }

    /// What it does, in Markdown.
    #[must_use]
    pub fn doc(mut self, doc: &str) -> Self {
        self.info.doc = doc.to_owned();
        self
    }

    /// JSON Schema of the params; the host checks a job's params against it.
    #[must_use]
    pub fn params(mut self, schema: &str) -> Self {
        self.info.params_schema = schema.to_owned();
        self
    }

    /// JSON Schema of the result.
    #[must_use]
    pub fn output(mut self, schema: &str) -> Self {
        self.info.result_schema = schema.to_owned();
        self
    }

    /// What the host is told about it.
    #[must_use]
    pub fn info(&self) -> &Callable {
        &self.info
    }

    /// Runs it on params in JSON, as the host does. Errors: `invalid` when the params do not fit, else its own.
    pub fn run(&self, params: &str) -> Result<String, Error> {
        (self.function)(params)
    }
}

/// Runs the callable called `name`. Error `not-found` when there is none.
#[doc(hidden)]
pub fn run_step(steps: &[Step], name: &str, params: &str) -> Result<String, Error> {
    let found = steps.iter().find(|step| step.info.name == name);
    let Some(step) = found else {
        let known: Vec<&str> = steps.iter().map(|step| step.info.name.as_str()).collect();
        return Err(Error::new(
            "not-found",
            format!("there is no callable `{name}`; there are `{}`", known.join("`, `")),
        ));
    };
    let result = step.run(params);
    // Standard output waits for the end of its line; the instance ends here, and with it whatever still waits.
    let _ = std::io::Write::flush(&mut std::io::stdout());
    result
}

/// Makes a component of this crate: `plugin!(purge, reports::summarize)`, each a function with `#[callable]`.
///
/// Without the attribute a function says about itself here what it is:
/// `plugin! { "name" => function { title: "…", params: SCHEMA }, … }`. Each is then `fn(P) -> Result<T, Error>` with
/// `P: Deserialize` and `T: Serialize`; the block is optional and sets any of `title`, `doc`, `params`, `output` (see
/// `Step`). Use the macro once, at the root of the crate; it also makes `plugin_steps()`, the list of callables, for tests.
#[macro_export]
macro_rules! plugin {
    ($($name:literal => $function:path $({ $($key:ident: $value:expr),* $(,)? })?),* $(,)?) => {
        $crate::plugin!(@export ::std::vec![$($crate::Step::new($name, $function)$($(.$key($value))*)?),*]);
    };
    ($($($segment:ident)::+),+ $(,)?) => {
        $crate::plugin!(@export ::std::vec![$($($segment)::+::step()),+]);
    };
    (@export $steps:expr) => {
        /// The callables of this plugin.
        pub fn plugin_steps() -> ::std::vec::Vec<$crate::Step> {
            $steps
        }

        #[cfg(target_family = "wasm")]
        const _: () = {
            use $crate::bindings::exports::nomaflow::step::callables;

            struct Plugin;

            impl callables::Guest for Plugin {
                fn describe() -> ::std::vec::Vec<callables::Callable> {
                    plugin_steps().iter().map(|step| step.info().clone()).collect()
                }

                fn call(
                    name: ::std::string::String,
                    params: ::std::string::String,
                ) -> ::std::result::Result<::std::string::String, callables::Error> {
                    ::std::result::Result::Ok($crate::run_step(&plugin_steps(), &name, &params)?)
                }
            }

            $crate::bindings::export_plugin!(Plugin with_types_in $crate::bindings);
        };
    };
}

#[cfg(test)]
mod tests {
    use super::{Step, run_step};
    use crate::Error;

    #[derive(serde::Deserialize)]
    struct Params {
        count: u32,
    }

    fn double(params: Params) -> Result<u32, Error> {
        params.count.checked_mul(2).ok_or_else(|| Error::invalid("too large"))
    }

    crate::plugin! {
        "double" => double { title: "Twice", params: r#"{"type": "object"}"# },
        "more:double" => double,
    }

    #[test]
    fn a_callable_is_found_by_name_and_speaks_json() {
        assert_eq!(run_step(&plugin_steps(), "more:double", r#"{"count": 21}"#), Ok("42".into()));
        assert_eq!(plugin_steps()[0].info().title, "Twice");
        assert_eq!(plugin_steps()[1].info().params_schema, "{}");
    }

    #[test]
    fn params_that_do_not_fit_are_invalid_and_name_the_callable() {
        let error = Step::new("double", double).run(r#"{"count": "x"}"#).expect_err("refused");
        assert!(error.is("invalid"));
        assert!(error.message.contains("`double`") && error.message.contains("u32"), "{error}");
    }

    #[test]
    fn an_unknown_callable_is_not_found_and_the_message_names_those_there_are() {
        let error = run_step(&plugin_steps(), "treble", "{}").expect_err("refused");
        assert!(error.is("not-found") && error.message.contains("`double`, `more:double`"), "{error}");
    }
}
