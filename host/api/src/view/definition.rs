//! The definition a run was recorded with, on the wire. Templates are as written; a password or token that was written in
//! clear is masked by the very rule that masks step inputs.

use host_model::definition::Definition;
use host_model::job::input::input_json;
use host_model::job::spec::HttpAuth;
use host_model::{Json, JsonMap, StepSpec};
use utoipa::ToSchema;

use super::concealed::concealed;

/// What a run does, as the document describes it. On the wire it is the model's own form, which is kept as long as the run.
#[derive(ToSchema)]
#[schema(as = Definition)]
#[allow(dead_code, reason = "it is only described")]
pub(crate) struct DefinitionView {
    app: String,
    #[schema(value_type = Object)]
    params: JsonMap,
    #[schema(value_type = Vec<Object>)]
    steps: Vec<Json>,
    #[schema(value_type = Object)]
    retry: JsonMap,
    timeout_seconds: Option<u32>,
    on_restart: String,
    /// What the schedule that fired it sets over the job.
    #[schema(value_type = Object)]
    schedule: JsonMap,
    /// The zone of date words.
    zone: String,
}

/// `definition` without what nobody may see.
pub(crate) fn masked(mut definition: Definition) -> Definition {
    definition.params = concealed(&definition.params);
    for step in &mut definition.steps {
        step.op_kwargs = concealed(&step.op_kwargs);
        mask(&mut step.spec);
    }
    definition
}

fn mask(spec: &mut StepSpec) {
    let shown = input_json(spec, &JsonMap::new());
    let text = |value: &Json| value.as_str().unwrap_or_default().to_owned();
    match spec {
        StepSpec::Http(http) => {
            match &mut http.auth {
                Some(HttpAuth::Basic { password, .. }) => *password = text(&shown["auth"]["password"]),
                Some(HttpAuth::Bearer { token }) => *token = text(&shown["auth"]["token"]),
                Some(HttpAuth::Header { value, .. }) => *value = text(&shown["auth"]["value"]),
                None => {}
            }
            http.proxy = shown["proxy"].as_str().map(str::to_owned);
            if let Some(headers) = shown["headers"].as_object() {
                http.headers.clone_from(headers);
            }
        }
        StepSpec::LdapSync(sync) => sync.bind_password = text(&shown["bind_password"]),
        StepSpec::SqlQuery(_)
        | StepSpec::SqlCopy(_)
        | StepSpec::Python { .. }
        | StepSpec::Wasm { .. }
        | StepSpec::CallJob { .. }
        | StepSpec::PruneRuns => {}
    }
}
