//! The OpenAPI 3.1 document, made of the handlers' own types and of the table of addresses, and the page that shows it.
//! What holds for every route (problems, permission, how to sign in) is added here, so that no handler repeats it.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Extension;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use utoipa::openapi::extensions::ExtensionsBuilder;
use utoipa::openapi::path::Operation;
use utoipa::openapi::response::Response as Described;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{
    ComponentsBuilder, ContentBuilder, InfoBuilder, OpenApi, OpenApiBuilder, Ref, RefOr, ResponseBuilder, Schema,
    SecurityRequirement,
};
use utoipa::{PartialSchema, ToSchema};

use crate::error::Problem;
use crate::surface::Need;
use crate::view::run::{LogEvent, ProgressView};

const ABOUT: &str = "Every answer that is not a success is a problem document (RFC 9457). Instants are RFC 3339. Lists are \
     read page by page: `next` of one page goes into the next request. What a request needs stands with it, and as \
     `x-permission`. A request may bring an `X-Request-Id`, which comes back and stands in the log.";

/// The empty document.
pub(crate) fn start(version: &str) -> OpenApi {
    let info = InfoBuilder::new().title("Nomaflow").version(version).description(Some(ABOUT)).build();
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("An access token, an API token, or the bootstrap token of the home directory."))
        .build();
    let cookie =
        ApiKeyValue::with_description("nomaflow_session", "The session of the page; `POST /auth/login` opens it.");
    let mut schemas = vec![(Problem::name().into_owned(), Problem::schema())];
    // What only the event stream carries.
    for (name, schema) in [(ProgressView::name(), ProgressView::schema()), (LogEvent::name(), LogEvent::schema())] {
        schemas.push((name.into_owned(), schema));
    }
    let components = ComponentsBuilder::new()
        .schemas_from_iter(schemas)
        .response("Problem", problem())
        .security_scheme("bearer", SecurityScheme::Http(bearer))
        .security_scheme("session", SecurityScheme::ApiKey(ApiKey::Cookie(cookie)))
        .build();
    let none: [&str; 0] = [];
    let security = [SecurityRequirement::new("bearer", none), SecurityRequirement::new("session", none)];
    OpenApiBuilder::new().info(info).components(Some(components)).security(Some(security)).build()
}

fn problem() -> Described {
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(Problem::name()))).build();
    ResponseBuilder::new().description("What went wrong").content("application/problem+json", content).build()
}

/// What the document says of an operation beyond what its handler says.
pub(crate) fn describe(operation: &mut Operation, method: &str, path: &str, need: Need) {
    operation.operation_id = Some(operation_id(method, path));
    let permission = ExtensionsBuilder::new().add("x-permission", need.permission()).build();
    operation.extensions.get_or_insert_default().merge(permission);
    let text = operation.description.take().map(|text| format!("{text}\n\n")).unwrap_or_default();
    operation.description = Some(format!("{text}{}", need.in_words()));
    if need == Need::Nothing {
        operation.security = Some(Vec::new());
    }
    let responses = &mut operation.responses.responses;
    for (status, response) in responses.iter_mut() {
        if let RefOr::T(response) = response
            && response.description.is_empty()
        {
            let status = status.parse().ok().and_then(|code| StatusCode::from_u16(code).ok());
            response.description = status.and_then(|s| s.canonical_reason()).unwrap_or("Answer").to_owned();
        }
    }
    responses.insert("default".to_owned(), RefOr::Ref(Ref::from_response_name("Problem")));
}

/// An answer has every key each time: one without a value is `null`. The macros take such keys for optional, as they are in
/// requests; here they are told apart. A key that may be missing is declared as never `null`.
pub(crate) fn complete_answers(document: &mut OpenApi) {
    let mut asked = BTreeSet::new();
    for item in document.paths.paths.values() {
        let operations = [&item.get, &item.post, &item.put, &item.patch, &item.delete];
        for body in operations.into_iter().flatten().filter_map(|operation| operation.request_body.as_ref()) {
            collect(&json!(body), &mut asked);
        }
    }
    let Some(components) = &mut document.components else { return };
    let mut reached: Vec<String> = asked.iter().cloned().collect();
    while let Some(schema) = reached.pop().and_then(|name| components.schemas.get(&name)) {
        let mut more = BTreeSet::new();
        collect(&json!(schema), &mut more);
        reached.extend(more.into_iter().filter(|name| asked.insert(name.clone())));
    }
    for schema in components.schemas.iter_mut().filter(|(name, _)| !asked.contains(*name)).map(|(_, schema)| schema) {
        complete(schema);
    }
}

/// The names of the schemas that a part of the document refers to.
fn collect(part: &Value, names: &mut BTreeSet<String>) {
    match part {
        Value::Object(map) => {
            let name = map.get("$ref").and_then(Value::as_str).and_then(|text| text.rsplit('/').next());
            names.extend(name.map(str::to_owned));
            map.values().for_each(|each| collect(each, names));
        }
        Value::Array(list) => list.iter().for_each(|each| collect(each, names)),
        _ => {}
    }
}

fn complete(schema: &mut RefOr<Schema>) {
    match schema {
        RefOr::T(Schema::Object(object)) => {
            let missing: Vec<String> =
                object.properties.iter().filter(|(_, of)| may_be_null(of)).map(|(name, _)| name.clone()).collect();
            for name in missing {
                if !object.required.contains(&name) {
                    object.required.push(name);
                }
            }
        }
        RefOr::T(Schema::AllOf(parts)) => parts.items.iter_mut().for_each(complete),
        RefOr::T(_) | RefOr::Ref(_) => {}
    }
}

fn may_be_null(schema: &RefOr<Schema>) -> bool {
    let shown = json!(schema);
    let is_null = |kind: &Value| kind == "null" || kind.as_array().is_some_and(|kinds| kinds.contains(&"null".into()));
    let of_several = |list: &Vec<Value>| list.iter().any(|each| is_null(&each["type"]));
    // Without a type it is any value.
    (shown["type"].is_null() && shown["$ref"].is_null() && shown["oneOf"].is_null())
        || is_null(&shown["type"])
        || shown["oneOf"].as_array().is_some_and(of_several)
}

/// Stable, unique, and fit for the name of a function: `get_jobs_runs_by_id_logs`.
fn operation_id(method: &str, path: &str) -> String {
    let parts = path.split('/').filter(|part| !part.is_empty() && *part != "admin").map(|part| {
        match part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
            Some(name) => format!("by_{name}"),
            None => part.replace(['-', '.'], "_"),
        }
    });
    std::iter::once(method.to_ascii_lowercase()).chain(parts).collect::<Vec<_>>().join("_")
}

/// The finished document as it is served.
#[derive(Clone, Default)]
pub(crate) struct Document(Arc<Served>);

#[derive(Default)]
struct Served {
    text: String,
    tag: String,
}

impl Document {
    pub(crate) fn new(document: &OpenApi) -> Self {
        // Strings, numbers and lists of them always render.
        let text = document.to_json().unwrap_or_default();
        let tag = format!("\"{}\"", hex::encode(&Sha256::digest(&text)[..8]));
        Self(Arc::new(Served { text, tag }))
    }
}

/// This document.
#[utoipa::path(get, path = "/openapi.json", tag = "documentation",
    responses((status = 200, body = Object), (status = 304, description = "As it was")))]
pub(crate) async fn document(Extension(document): Extension<Document>, headers: HeaderMap) -> Response {
    let Served { text, tag } = &*document.0;
    crate::etag::answer(&headers, tag, "application/json", text.clone())
}

const CSP: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; \
     form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

/// The same to be read by people; needs nothing from elsewhere.
#[utoipa::path(get, path = "/docs", tag = "documentation", responses((status = 200, body = String, content_type = "text/html")))]
pub(crate) async fn page() -> Response {
    let kind = (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    let csp = (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(CSP));
    ([kind, csp], include_str!("openapi/docs.html")).into_response()
}

/// What makes that page.
#[utoipa::path(get, path = "/docs/docs.js", tag = "documentation", responses((status = 200, body = String, content_type = "text/javascript")))]
pub(crate) async fn script() -> Response {
    ([(header::CONTENT_TYPE, "text/javascript; charset=utf-8")], include_str!("openapi/docs.js")).into_response()
}

/// How it looks.
#[utoipa::path(get, path = "/docs/docs.css", tag = "documentation", responses((status = 200, body = String, content_type = "text/css")))]
pub(crate) async fn style() -> Response {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], include_str!("openapi/docs.css")).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operation_ids_name_method_and_address() {
        assert_eq!(operation_id("GET", "/admin/jobs/runs/{id}/logs"), "get_jobs_runs_by_id_logs");
        assert_eq!(operation_id("GET", "/openapi.json"), "get_openapi_json");
        assert_eq!(operation_id("PUT", "/admin/secrets/{name}"), "put_secrets_by_name");
    }
}
