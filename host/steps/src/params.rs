//! Parameters of a step as values to bind.

use host_model::JsonMap;
use host_model::value::{Binds, Value};

/// JSON parameters by name.
pub(crate) fn binds(params: &JsonMap) -> Binds {
    params.iter().map(|(name, json)| (name.clone(), Value::from_json(json))).collect()
}
