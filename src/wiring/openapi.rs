//! The OpenAPI document, collected from the handlers' own attributes; pinned
//! in `api-spec/openapi.json` by a test.

use actix_web::{HttpResponse, Responder};
use utoipa::openapi::Components;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};

use crate::duty::{assignments, backup, crews, incidents, location, officers, rooms};

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

/// The whole document.
pub fn document() -> utoipa::openapi::OpenApi {
    let mut document = Frame::openapi();
    document.merge(officers::http::Api::openapi());
    document.merge(crews::http::Api::openapi());
    document.merge(incidents::http::Api::openapi());
    document.merge(assignments::http::Api::openapi());
    document.merge(location::http::Api::openapi());
    document.merge(backup::http::Api::openapi());
    document.merge(rooms::http::Api::openapi());
    document
}

/// `GET /api/v1/openapi.json`
pub async fn serve() -> impl Responder {
    HttpResponse::Ok().json(document())
}
