//! A plugin built against the draft `nomaflow:step@0.1.0`, without the SDK, as those that exist out there are.
//! `draft:run` opens the connector `c`, counts the rows of `statement` by row and by column, logs and reports, and returns
//! what it saw; `draft:wait` waits until the run is cancelled and returns the code a call of the host then gives.

#[allow(missing_docs, reason = "generated")]
mod bindings {
    wit_bindgen::generate!({ path: "../../../wit/step-0.1", world: "plugin", generate_all });
}

#[cfg(target_family = "wasm")]
mod plugin {
    use super::bindings;
    use bindings::exports::nomaflow::step::steps::{Guest, StepInfo};
    use bindings::nomaflow::step::types::{Error, Value};
    use bindings::nomaflow::step::{context, log, sql};

    struct Plugin;

    impl Guest for Plugin {
        fn list_steps() -> Vec<StepInfo> {
            let step = |name: &str| StepInfo {
                name: name.to_owned(),
                title: format!("The draft's {name}"),
                doc: String::new(),
                params_schema: r#"{"type": "object"}"#.to_owned(),
                output_schema: "{}".to_owned(),
                meta: Vec::new(),
            };
            vec![step("run"), step("wait")]
        }

        fn run(name: String, _params: String) -> Result<String, Error> {
            match name.as_str() {
                "run" => run(),
                _ => Ok(wait()),
            }
        }
    }

    fn run() -> Result<String, Error> {
        log::write(log::Level::Info, "from the draft", &[("answer".to_owned(), "42".to_owned())]);
        context::report(1, Some(2), "half");
        let connection = sql::Connection::open("c")?;
        connection.execute("create table made_by_draft (i integer)", &[])?;
        connection.execute("insert into made_by_draft values (:i)", &[("i".to_owned(), Value::Integer(7))])?;
        let by_row = connection.query("select i from made_by_draft", &[])?.fetch(0)?.rows.len();
        let by_column = connection.query("select i from made_by_draft", &[])?.fetch_columns(0)?.rows;
        let step = context::get("step.name").unwrap_or_default();
        Ok(format!(r#"{{"by_row": {by_row}, "by_column": {by_column}, "step": "{step}"}}"#))
    }

    fn wait() -> String {
        log::write(log::Level::Info, "waiting", &[]);
        while !context::cancelled() {
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        let code = sql::Connection::open("c").err().map(|error| error.code).unwrap_or_default();
        log::write(log::Level::Info, &format!("the code is {code}"), &[]);
        "{}".to_owned()
    }

    bindings::export!(Plugin with_types_in bindings);
}
