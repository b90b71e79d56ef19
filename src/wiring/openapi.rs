//! The OpenAPI document, collected from the handlers' own attributes; pinned
//! in `api-spec/openapi.json` by a test.

use actix_web::{HttpResponse, Responder};
use utoipa::openapi::schema::ArrayItems;
use utoipa::openapi::schema::Type;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Components, Content, ObjectBuilder, Ref, RefOr, Required, ResponseBuilder, Schema};
use utoipa::{Modify, OpenApi, PartialSchema};

use super::ws;
use crate::duty::{
    assignments, backup, crews, dossier, evidence, incidents, inquiries, location, mediation, officers, partners, rooms,
};
use crate::words::ids::PersonId;

/// The document's frame; slices add their paths with `merge_from`.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Suixing 随行",
        description = "Assignments, live location and one-press backup for officers in the field"
    ),
    security(("bearer" = [])),
    modifiers(&Bearer)
)]
struct Frame;

/// Everything but what says `security(())` wants an access token.
struct Bearer;

impl Modify for Bearer {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build();
        document
            .components
            .get_or_insert_with(Components::new)
            .add_security_scheme("bearer", SecurityScheme::Http(scheme));
    }
}

/// What each slice says of itself.
fn parts() -> Vec<utoipa::openapi::OpenApi> {
    vec![
        officers::http::Api::openapi(),
        crews::http::Api::openapi(),
        incidents::http::Api::openapi(),
        assignments::http::Api::openapi(),
        location::http::Api::openapi(),
        backup::http::Api::openapi(),
        evidence::photos::http::Api::openapi(),
        evidence::uploads::http::Api::openapi(),
        evidence::http::Api::openapi(),
        evidence::http::custody::Api::openapi(),
        evidence::scene::http::Api::openapi(),
        evidence::keeping::http::Api::openapi(),
        evidence::recordings::http::Api::openapi(),
        rooms::http::Api::openapi(),
        dossier::http::Api::openapi(),
        inquiries::http::Api::openapi(),
        mediation::http::Api::openapi(),
        mediation::numbers::http::Api::openapi(),
        mediation::reports::Api::openapi(),
        partners::http::Api::openapi(),
        partners::reports::Api::openapi(),
        ws::inbox::Api::openapi(),
    ]
}

/// The whole document.
pub fn document() -> utoipa::openapi::OpenApi {
    let mut document = Frame::openapi();
    for part in parts() {
        document.merge(part);
    }
    add_problems(&mut document);
    add_missing_ids(&mut document);
    allow_empty_bodies(&mut document);
    for schema in document.components.get_or_insert_with(Components::new).schemas.values_mut() {
        describe_in_place(schema);
    }
    document
}

/// An inlined schema with a description of its field comes out as "both this and an object", which no text or list is:
/// the description goes where it belongs.
fn describe_in_place(schema: &mut RefOr<Schema>) {
    let RefOr::T(inner) = schema else { return };
    match inner {
        Schema::Object(object) => object.properties.values_mut().for_each(describe_in_place),
        Schema::Array(array) => {
            if let ArrayItems::RefOrSchema(items) = &mut array.items {
                describe_in_place(items);
            }
        }
        Schema::OneOf(one) => one.items.iter_mut().for_each(describe_in_place),
        Schema::AnyOf(any) => any.items.iter_mut().for_each(describe_in_place),
        Schema::AllOf(all) => {
            all.items.iter_mut().for_each(describe_in_place);
            let [RefOr::T(plain), RefOr::T(Schema::Object(said))] = all.items.as_slice() else { return };
            let says_no_more = said.properties.is_empty() && said.enum_values.is_none() && said.required.is_empty();
            let description = said.description.clone().filter(|_| says_no_more);
            let Some(description) = description else { return };
            let mut plain = plain.clone();
            match &mut plain {
                Schema::Object(object) => object.description = Some(description),
                Schema::Array(array) => array.description = Some(description),
                _ => return,
            }
            *schema = RefOr::T(plain);
        }
        _ => {}
    }
}

/// Every operation may fail in the one way of this house; said once here instead of at each handler.
fn add_problems(document: &mut utoipa::openapi::OpenApi) {
    let text = || ObjectBuilder::new().schema_type(Type::String);
    let problem = ObjectBuilder::new()
        .description(Some("RFC 9457; clients branch on `code`, which is never renamed"))
        .property("type", text())
        .property("title", text())
        .property("status", ObjectBuilder::new().schema_type(Type::Integer))
        .property("code", text())
        .property("detail", text())
        .property("field", text())
        .required("type")
        .required("title")
        .required("status")
        .required("code");
    document.components.get_or_insert_with(Components::new).schemas.insert("Problem".to_owned(), problem.into());
    let answer = || {
        ResponseBuilder::new()
            .description("A failure, as a problem document")
            .content("application/problem+json", Content::new(Some(Ref::from_schema_name("Problem"))))
            .build()
    };
    for item in document.paths.paths.values_mut() {
        for operation in [&mut item.get, &mut item.post, &mut item.put, &mut item.patch, &mut item.delete] {
            let Some(operation) = operation else { continue };
            operation.responses.responses.entry("default".to_owned()).or_insert_with(|| answer().into());
        }
        // Without a body there is only the status.
        for operation in [&mut item.head, &mut item.options].into_iter().flatten() {
            let bare = || ResponseBuilder::new().description("A failure").build();
            operation.responses.responses.entry("default".to_owned()).or_insert_with(|| bare().into());
        }
    }
}

/// Typed ids are referred to by name everywhere; those that no handler lists are all the same UUID text.
fn add_missing_ids(document: &mut utoipa::openapi::OpenApi) {
    let Ok(text) = serde_json::to_string(&*document) else { return };
    let components = document.components.get_or_insert_with(Components::new);
    for rest in text.split("#/components/schemas/").skip(1) {
        let name = rest.split('"').next().unwrap_or_default();
        if name.ends_with("Id") && !components.schemas.contains_key(name) {
            components.schemas.insert(name.to_owned(), <PersonId as PartialSchema>::schema());
        }
    }
}

/// An empty body reads as `{}`, so a body without required members need not be sent.
fn allow_empty_bodies(document: &mut utoipa::openapi::OpenApi) {
    let needs_nothing = |schema: &RefOr<Schema>, document: &Components| {
        let found = match schema {
            RefOr::Ref(reference) => {
                document.schemas.get(reference.ref_location.rsplit('/').next().unwrap_or_default())
            }
            own @ RefOr::T(_) => Some(own),
        };
        matches!(found, Some(RefOr::T(Schema::Object(object))) if object.required.is_empty())
    };
    let Some(components) = document.components.clone() else { return };
    for item in document.paths.paths.values_mut() {
        for operation in [&mut item.post, &mut item.put, &mut item.patch].into_iter().flatten() {
            let Some(RefOr::T(body)) = &mut operation.request_body else { continue };
            let optional = body.content.values().all(|content| match content {
                RefOr::T(content) => content.schema.as_ref().is_none_or(|schema| needs_nothing(schema, &components)),
                RefOr::Ref(_) => false,
            });
            if optional {
                body.required = Some(Required::False);
            }
        }
    }
}

/// `GET /api/v1/openapi.json`
pub async fn serve() -> impl Responder {
    HttpResponse::Ok().json(document())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::Value;

    use super::*;

    /// Of an `allOf` that no value satisfies.
    fn impossible(at: &str, value: &Value, found: &mut Vec<String>) {
        let types: Vec<&Value> = value["allOf"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|one| &one["type"])
            .filter(|one| one.is_string())
            .collect();
        if types.windows(2).any(|pair| pair[0] != pair[1]) {
            found.push(at.to_owned());
        }
        match value {
            Value::Object(map) => {
                map.iter().for_each(|(name, inner)| impossible(&format!("{at}/{name}"), inner, found))
            }
            Value::Array(list) => list.iter().for_each(|inner| impossible(at, inner, found)),
            _ => {}
        }
    }

    /// Of two schemas of one name a document keeps one, and the other's answers no longer fit.
    #[test]
    fn no_two_schemas_have_one_name() {
        let mut known: BTreeMap<String, Value> = BTreeMap::new();
        let mut differ = Vec::new();
        for part in parts() {
            let said = serde_json::to_value(part).unwrap();
            for (name, schema) in said["components"]["schemas"].as_object().into_iter().flatten() {
                let first = known.entry(name.clone()).or_insert_with(|| schema.clone());
                if first != schema {
                    differ.push(name.clone());
                }
            }
        }
        assert!(known.len() > 100);
        assert_eq!(differ, Vec::<String>::new());
    }

    #[test]
    fn every_schema_can_be_satisfied() {
        let mut found = Vec::new();
        impossible("", &serde_json::to_value(document()).unwrap(), &mut found);
        assert_eq!(found, Vec::<String>::new());
        let text = serde_json::json!({ "allOf": [{ "type": "string" }, { "type": "object" }] });
        impossible("wrong", &text, &mut found);
        assert_eq!(found, ["wrong"]);
    }
}
