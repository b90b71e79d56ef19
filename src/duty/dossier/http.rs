//! The endpoint of dossiers.

use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS,
};
use actix_web::web::{ServiceConfig, get, resource};
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;
use utoipa::OpenApi;

use super::archive;
use super::service::{self, Asked, PURPOSE_MAX};
use crate::platform::ctx::Ctx;
use crate::platform::http::problem::request_reads_chinese;
use crate::platform::http::{Params, PathId, body};
use crate::words::error::Result;
use crate::words::ids::IncidentId;
use crate::words::time::Timestamp;

/// path → handler, below `/api/v1`.
pub fn routes(config: &mut ServiceConfig) {
    config.service(resource("/incidents/{id}/dossier").route(get().to(dossier)));
}

/// The part of the interface description that is ours.
#[derive(OpenApi)]
#[openapi(paths(dossier))]
pub struct Api;

/// What of it, and why.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct DossierQuery {
    /// Why; kept in the log and in the custody of every item.
    #[param(min_length = 1, max_length = 200)]
    pub purpose: String,
    /// Only what was known at that moment; all that is known unless told.
    #[param(value_type = Option<String>)]
    pub as_of: Option<Timestamp>,
    /// `false`: proofs and timeline without the files themselves.
    pub originals: Option<bool>,
}

/// Everything about an incident in one archive (tar) for `suixing verify` and any other tool: what happened, what was
/// known when, what is missing and why, the evidence with its proofs. The page in it is in the language asked for.
///
/// Permissions: supervisors and administrators of the incident's units. An export is an entry in the custody of every
/// item, a look at everybody who was sent, and an entry of the log with the archive's own hash.
#[utoipa::path(get, path = "/api/v1/incidents/{id}/dossier", tag = "incidents",
    params(("id" = IncidentId, Path), DossierQuery),
    responses((status = 200, description = "application/x-tar"), (status = 403), (status = 404), (status = 422),
        (status = 503, description = "`busy`: the log is behind")))]
pub async fn dossier(
    ctx: Ctx,
    PathId(id): PathId<IncidentId>,
    Params(query): Params<DossierQuery>,
    request: HttpRequest,
) -> Result<HttpResponse> {
    body::text("purpose", &query.purpose, 1, PURPOSE_MAX)?;
    let asked = Asked {
        incident: id,
        purpose: query.purpose,
        as_of: query.as_of,
        originals: query.originals.unwrap_or(true),
        english: !request_reads_chinese(&request),
    };
    let plan = service::make(&ctx, &asked).await?;
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "application/x-tar"))
        .insert_header((CONTENT_DISPOSITION, format!("attachment; filename=\"suixing-dossier-{id}.tar\"")))
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox"))
        .insert_header((CACHE_CONTROL, "private, no-store"))
        .streaming(archive::send(ctx.core, plan)))
}
