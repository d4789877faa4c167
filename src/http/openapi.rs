//! The OpenAPI document: what the handlers declare, and what holds for all of them.

use axum::Router;
use serde_json::json;
use utoipa::openapi::path::{Operation, Parameter};
use utoipa::openapi::schema::Type;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{
    Components, ContentBuilder, InfoBuilder, ObjectBuilder, OpenApi, OpenApiBuilder, Ref, RefOr,
    ResponseBuilder, Schema,
};
use utoipa_swagger_ui::SwaggerUi;

/// Title, version and the parts that handlers refer to.
pub fn base() -> OpenApi {
    let info = InfoBuilder::new()
        .title("Vitrine")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(
            "Shoppable short video: a ranked feed of clips, the products they show, and the shop \
             behind them. Amounts are integers in minor units; times are RFC 3339 in UTC; errors are \
             problem documents (RFC 9457) with a stable `code`.",
        ))
        .build();
    let mut components = Components::new();
    let bearer = Http::builder().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build();
    components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
    components.schemas.insert("Problem".into(), RefOr::T(problem_schema()));
    OpenApiBuilder::new().info(info).components(Some(components)).build()
}

fn problem_schema() -> Schema {
    let schema = json!({
        "type": "object",
        "required": ["type", "title", "status", "code", "request_id"],
        "properties": {
            "type": { "type": "string", "format": "uri" },
            "title": { "type": "string" },
            "status": { "type": "integer" },
            "detail": { "type": "string" },
            "code": { "type": "string", "description": "Stable; branch on this." },
            "request_id": { "type": "string" },
            "errors": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["pointer", "detail"],
                    "properties": {
                        "pointer": { "type": "string" },
                        "detail": { "type": "string" }
                    }
                }
            }
        }
    });
    serde_json::from_value(schema).expect("a constant schema parses")
}

/// Adds to each operation the answer that all of them can give.
pub fn finish(mut document: OpenApi) -> OpenApi {
    for item in document.paths.paths.values_mut() {
        let operations = [
            &mut item.get,
            &mut item.put,
            &mut item.post,
            &mut item.delete,
            &mut item.patch,
            &mut item.head,
        ];
        for operation in operations.into_iter().flatten() {
            add_problem(operation);
            for parameter in operation.parameters.iter_mut().flatten() {
                if let RefOr::T(parameter) = parameter {
                    describe_id(parameter);
                }
            }
        }
    }
    document
}

/// Gives a parameter that is described as an id (`` `clip_…` ``) the pattern of its text.
fn describe_id(parameter: &mut Parameter) {
    let described = parameter.description.as_deref().unwrap_or_default();
    let prefix = described.strip_prefix('`').and_then(|rest| rest.split_once("_…`"));
    if let Some((prefix, _)) = prefix {
        let pattern = format!("^{prefix}_[0-7][0-9a-hjkmnp-tv-z]{{25}}$");
        let text = ObjectBuilder::new().schema_type(Type::String).pattern(Some(pattern));
        parameter.schema = Some(RefOr::T(Schema::Object(text.build())));
    }
}

fn add_problem(operation: &mut Operation) {
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
    let problem = ResponseBuilder::new()
        .description("A problem document; `code` says which.")
        .content("application/problem+json", content)
        .build();
    operation.responses.responses.insert("default".into(), RefOr::T(problem));
}

/// `/openapi.json` and a page to read and try it at `/docs`.
pub fn reference(document: OpenApi) -> Router {
    Router::new().merge(SwaggerUi::new("/docs").url("/openapi.json", document))
}
