//! What the library finds, in our words: `limit must be at least 1`. The text of a rule is made of the schema alone.

use host_model::Json;
use host_model::diagnostic::nearest;
use jsonschema::error::{TypeKind, ValidationErrorKind};
use jsonschema::{JsonType, ValidationError};

use super::ParamRule;

/// One thing that is wrong.
pub(super) struct Complaint {
    /// As in `ParamProblem`.
    pub(super) path: Vec<String>,
    pub(super) rule: ParamRule,
    /// What follows the name of the param: `must be a string`. Empty where there is none.
    pub(super) text: String,
    pub(super) hint: Option<String>,
}

/// What one error of the library comes to.
pub(super) fn complaints(error: &ValidationError<'_>) -> Vec<Complaint> {
    use ValidationErrorKind as Kind;
    let path = segments(error.instance_path().as_str());
    let named = |name: &str, rule| {
        let path = path.iter().cloned().chain([name.to_owned()]).collect();
        Complaint { path, rule, text: String::new(), hint: None }
    };
    match error.kind() {
        Kind::AdditionalProperties { unexpected } | Kind::UnevaluatedProperties { unexpected } => {
            unexpected.iter().map(|name| named(name, ParamRule::Unknown)).collect()
        }
        Kind::Required { property } => vec![named(property.as_str().unwrap_or_default(), ParamRule::Missing)],
        Kind::AnyOf { context } | Kind::OneOfNotValid { context } => alternatives(path, error.instance(), context),
        kind => {
            let rule = if matches!(kind, Kind::Type { .. }) { ParamRule::Type } else { ParamRule::Value };
            let hint = options_of(kind).and_then(|options| near_option(error.instance(), &options));
            vec![Complaint { path, rule, text: format!("must {}", rule_text(kind)), hint }]
        }
    }
}

/// None of several schemas fits: the only one whose type does is the one that was meant; else all are named.
fn alternatives(path: Vec<String>, value: &Json, branches: &[Vec<ValidationError<'_>>]) -> Vec<Complaint> {
    let is_here = |error: &ValidationError<'_>| segments(error.instance_path().as_str()) == path;
    let has_other_type = |branch: &[ValidationError<'_>]| {
        branch.iter().any(|it| is_here(it) && matches!(it.kind(), ValidationErrorKind::Type { .. }))
    };
    let mut fitting = branches.iter().filter(|branch| !has_other_type(branch));
    if let (Some(meant), None) = (fitting.next(), fitting.next()) {
        return meant.iter().flat_map(complaints).collect();
    }
    let options: Vec<Json> = branches.iter().flatten().filter_map(|error| options_of(error.kind())).flatten().collect();
    let rule = if branches.iter().all(|branch| has_other_type(branch)) { ParamRule::Type } else { ParamRule::Value };
    let texts = branches.iter().flatten().filter(|error| is_here(error) && options_of(error.kind()).is_none());
    let mut texts: Vec<String> = texts.map(|error| rule_text(error.kind())).collect();
    if !options.is_empty() {
        texts.insert(0, one_of(&options));
    }
    texts.dedup();
    let text = if texts.is_empty() { "fit one of the forms its schema lists".to_owned() } else { texts.join(" or ") };
    vec![Complaint { path, rule, text: format!("must {text}"), hint: near_option(value, &options) }]
}

/// A pointer of JSON, taken apart.
fn segments(pointer: &str) -> Vec<String> {
    pointer.split('/').skip(1).map(|segment| segment.replace("~1", "/").replace("~0", "~")).collect()
}

/// The values a rule lists.
fn options_of(kind: &ValidationErrorKind) -> Option<Vec<Json>> {
    match kind {
        ValidationErrorKind::Enum { options } => options.as_array().cloned(),
        ValidationErrorKind::Constant { expected_value } => Some(vec![(**expected_value).clone()]),
        _ => None,
    }
}

fn near_option(value: &Json, options: &[Json]) -> Option<String> {
    let near = nearest(value.as_str()?, options.iter().filter_map(Json::as_str))?;
    Some(format!("did you mean `{near}`?"))
}

fn one_of(options: &[Json]) -> String {
    let shown: Vec<String> = options.iter().map(|option| format!("`{}`", plain(option))).collect();
    match shown.as_slice() {
        [only] => format!("be {only}"),
        _ => format!("be one of {}", shown.join(", ")),
    }
}

/// A text without its quotes.
fn plain(value: &Json) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// What follows `must`.
fn rule_text(kind: &ValidationErrorKind) -> String {
    use ValidationErrorKind as Kind;
    match kind {
        Kind::Type { kind: TypeKind::Single(kind) } => format!("be {}", type_name(*kind)),
        Kind::Type { kind: TypeKind::Multiple(kinds) } => {
            format!("be {}", kinds.iter().map(type_name).collect::<Vec<_>>().join(" or "))
        }
        Kind::Enum { .. } | Kind::Constant { .. } => one_of(&options_of(kind).unwrap_or_default()),
        Kind::Minimum { limit } => format!("be at least {limit}"),
        Kind::Maximum { limit } => format!("be at most {limit}"),
        Kind::ExclusiveMinimum { limit } => format!("be more than {limit}"),
        Kind::ExclusiveMaximum { limit } => format!("be less than {limit}"),
        Kind::MultipleOf { multiple_of } => format!("be a multiple of {multiple_of}"),
        Kind::MinLength { limit } => format!("have at least {limit} character(s)"),
        Kind::MaxLength { limit } => format!("have at most {limit} character(s)"),
        Kind::MinItems { limit } => format!("have at least {limit} item(s)"),
        Kind::MaxItems { limit } => format!("have at most {limit} item(s)"),
        Kind::AdditionalItems { limit } => format!("have at most {limit} item(s)"),
        Kind::MinProperties { limit } => format!("have at least {limit} key(s)"),
        Kind::MaxProperties { limit } => format!("have at most {limit} key(s)"),
        Kind::UniqueItems => "not have an item twice".to_owned(),
        Kind::Pattern { pattern } => format!("match `{pattern}`"),
        Kind::Format { format } => format!("be of the format `{format}`"),
        Kind::PropertyNames { error } => format!("have keys that each {}", rule_text(error.kind())),
        Kind::FalseSchema => "not be given".to_owned(),
        other => format!("keep to `{}` of its schema", other.keyword()),
    }
}

fn type_name(kind: JsonType) -> &'static str {
    match kind {
        JsonType::Array => "a list",
        JsonType::Boolean => "`true` or `false`",
        JsonType::Integer => "a whole number",
        JsonType::Null => "nothing",
        JsonType::Number => "a number",
        JsonType::Object => "a table",
        JsonType::String => "a string",
    }
}
