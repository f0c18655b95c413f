//! What `#[callable]` makes of a function: a `Step` whose JSON Schemas come from its types.

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value as Json};

use crate::{Error, Step};

impl Step {
    /// A callable with the schemas of its types; `()` becomes an empty object.
    pub fn typed<P, T, E, F>(name: &str, function: F) -> Self
    where
        P: DeserializeOwned + JsonSchema,
        T: Serialize + JsonSchema,
        E: Into<Error>,
        F: Fn(P) -> Result<T, E> + 'static,
    {
        let mut params = schema_of::<P>();
        // A typing error in a job is found before it runs.
        params.insert("additionalProperties".to_owned(), false.into());
        let result = schema_of::<T>();
        let function = move |params: P| {
            let output = function(params).map_err(Into::into)?;
            let unwritable = |error| Error::new("internal", format!("the result is no JSON: {error}"));
            let output = serde_json::to_value(&output).map_err(unwritable)?;
            Ok(if output.is_null() { Json::Object(Map::new()) } else { output })
        };
        Self::new(name, function).params(&text_of(&params)).output(&text_of(&result))
    }
}

fn schema_of<T: JsonSchema>() -> Schema {
    let mut schema = SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<T>();
    // The type's own name and the dialect tell the author of a job nothing.
    for key in ["$schema", "title"] {
        schema.remove(key);
    }
    if schema.get("type").is_some_and(|kind| kind == "null") { Schema::default() } else { schema }
}

fn text_of(schema: &Schema) -> String {
    schema.as_value().to_string()
}

#[cfg(test)]
mod tests {
    use crate::{Error, callable, testing::check_cases};
    use serde_json::{Value as Json, json};

    #[derive(serde::Serialize, schemars::JsonSchema, Debug, PartialEq)]
    struct Repeated {
        text: String,
    }

    /// Repeats a text.
    ///
    /// As often as it is told.
    #[callable]
    fn repeat(
        /// What to repeat.
        text: String,
        #[default(2)] times: usize,
        #[destructive] separator: Option<String>,
    ) -> Result<Repeated, Error> {
        Ok(Repeated { text: vec![text; times].join(separator.as_deref().unwrap_or("")) })
    }

    #[callable(name = "reports:fail", title = "Fails always")]
    fn fail() -> Result<(), std::num::ParseIntError> {
        "x".parse::<i32>().map(drop)
    }

    #[callable]
    fn nothing(#[serde(rename = "type")] kind: String) -> Result<(), Error> {
        if kind == "none" { Ok(()) } else { Err(Error::invalid("not none")) }
    }

    crate::plugin!(repeat, self::fail, nothing);

    impl From<std::num::ParseIntError> for Error {
        fn from(error: std::num::ParseIntError) -> Self {
            Self::invalid(error.to_string())
        }
    }

    fn schema(at: usize, of: fn(&crate::bindings::exports::nomaflow::step::callables::Callable) -> &String) -> Json {
        serde_json::from_str(of(plugin_steps()[at].info())).expect("a schema")
    }

    #[test]
    fn a_function_says_all_there_is_to_say_about_its_callable() {
        let steps = plugin_steps();
        let info = steps[0].info();
        assert_eq!((info.name.as_str(), info.title.as_str()), ("repeat", "Repeats a text"));
        assert_eq!(info.doc, "Repeats a text.\n\nAs often as it is told.");
        let params = schema(0, |info| &info.params_schema);
        assert_eq!(params["required"], json!(["text"]));
        assert_eq!(params["properties"]["text"], json!({"type": "string", "description": "What to repeat."}));
        assert_eq!(params["properties"]["times"]["default"], 2);
        assert_eq!(params["properties"]["separator"]["type"], json!(["string", "null"]));
        assert_eq!(params["properties"]["separator"]["destructive"], true, "{params}");
        assert!(params["properties"]["times"].get("destructive").is_none(), "{params}");
        assert_eq!(params["additionalProperties"], false);
        assert_eq!(schema(0, |info| &info.result_schema)["required"], json!(["text"]));
        assert_eq!((steps[1].info().name.as_str(), steps[1].info().title.as_str()), ("reports:fail", "Fails always"));
        assert_eq!(schema(1, |info| &info.result_schema), json!({}), "`()` promises nothing");
    }

    #[test]
    fn a_callable_is_still_the_function_it_was() {
        assert_eq!(repeat("a".into(), 3, Some("-".into())), Ok(Repeated { text: "a-a-a".into() }));
    }

    #[test]
    fn params_are_decoded_by_type_and_cases_say_what_comes_of_them() {
        check_cases(
            &plugin_steps(),
            r#"[
              {"name": "defaults", "callable": "repeat", "params": {"text": "a"}, "result": {"text": "aa"}},
              {"name": "all given", "callable": "repeat", "params": {"text": "a", "times": 2, "separator": "+"}, "result": {"text": "a+a"}},
              {"name": "no text", "callable": "repeat", "error": "invalid"},
              {"name": "not a number", "callable": "repeat", "params": {"text": "a", "times": "x"}, "error": "invalid"},
              {"name": "an error of its own", "callable": "reports:fail", "error": "invalid"},
              {"name": "nothing", "callable": "nothing", "params": {"type": "none"}, "result": {}}
            ]"#,
        );
    }

    #[test]
    #[should_panic(expected = "`wrong`: the result is")]
    fn a_case_that_does_not_hold_fails_by_name() {
        let case = r#"[{"name": "wrong", "callable": "repeat", "params": {"text": "a"}, "result": {"text": "b"}}]"#;
        check_cases(&plugin_steps(), case);
    }
}
