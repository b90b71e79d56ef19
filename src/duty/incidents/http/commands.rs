//! The room's commands. All take `If-Match` and `Idempotency-Key`.

use actix_web::HttpResponse;
use serde::Deserialize;

use super::super::commands;
use super::super::state::Command;
use super::shown;
use crate::platform::ctx::Ctx;
use crate::platform::db::{Priority, Tx};
use crate::platform::http::{Body, Done, PathId, RequestMeta, body, idem};
use crate::words::error::Result;
use crate::words::ids::IncidentId;

/// Claiming.
#[derive(Clone, Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Claim {
    /// Take it although another seat has it.
    #[serde(default)]
    pub override_claim: bool,
}

/// A reason in words.
#[derive(Clone, Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Reason {
    pub reason: Option<String>,
}

/// Merging.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Merge {
    /// The main incident.
    pub into: IncidentId,
}

/// Linking.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Link {
    pub incident_id: IncidentId,
}

/// Handing it out of the house.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Divert {
    /// The agency or authority, in words.
    pub to: String,
    pub reason: Option<String>,
    /// Another authority takes it as its own (移交) rather than as a work order (分流).
    #[serde(default)]
    pub transfer: bool,
}

/// The review of the final feedback.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Review {
    pub accept: bool,
    pub text: Option<String>,
}

async fn run<F>(ctx: &Ctx, meta: &RequestMeta, recipe: F) -> Result<HttpResponse>
where
    F: Fn(&mut Tx<'_>, &Ctx, &RequestMeta) -> Result<Done> + Send + 'static,
{
    let (inner, own) = (ctx.clone(), meta.clone());
    let done = idem::run(ctx, meta, Priority::Normal, move |tx| recipe(tx, &inner, &own)).await?;
    shown(ctx, &done).await
}

/// "I am on it": other seats need an override while it runs.
///
/// Permissions: the room in command.
#[utoipa::path(post, path = "/api/v1/incidents/{id}/claim", tag = "incidents", params(("id" = IncidentId, Path)), request_body = Claim,
    responses((status = 200, body = Object), (status = 409, description = "claimed")))]
pub async fn claim(ctx: Ctx, PathId(id): PathId<IncidentId>, body: Body<Claim>) -> Result<HttpResponse> {
    let over = body.override_claim;
    run(&ctx, &body.meta, move |tx, ctx, meta| commands::claim(tx, ctx, &id, meta, over)).await
}

/// Gives one's own claim back.
///
/// Permissions: the room in command.
#[utoipa::path(delete, path = "/api/v1/incidents/{id}/claim", tag = "incidents", params(("id" = IncidentId, Path)),
    responses((status = 200, body = Object)))]
pub async fn release(ctx: Ctx, PathId(id): PathId<IncidentId>, body: Body<body::Empty>) -> Result<HttpResponse> {
    run(&ctx, &body.meta, move |tx, ctx, meta| commands::release(tx, ctx, &id, meta)).await
}

/// Takes the call back; crews on their way are called off and confirm.
///
/// Permissions: the room in command.
#[utoipa::path(post, path = "/api/v1/incidents/{id}/cancel", tag = "incidents", params(("id" = IncidentId, Path)), request_body = Reason,
    responses((status = 200, body = Object), (status = 409), (status = 412)))]
pub async fn cancel(ctx: Ctx, PathId(id): PathId<IncidentId>, body: Body<Reason>) -> Result<HttpResponse> {
    body::text_opt("reason", body.reason.as_deref(), 500)?;
    let reason = body.value.reason.unwrap_or_default();
    run(&ctx, &body.meta, move |tx, ctx, meta| commands::cancel(tx, ctx, &id, meta, &reason)).await
}

/// The call is a double of another.
///
/// Permissions: the room in command of both.
#[utoipa::path(post, path = "/api/v1/incidents/{id}/merge", tag = "incidents", params(("id" = IncidentId, Path)), request_body = Merge,
    responses((status = 200, body = Object), (status = 409), (status = 412)))]
pub async fn merge(ctx: Ctx, PathId(id): PathId<IncidentId>, body: Body<Merge>) -> Result<HttpResponse> {
    let into = body.into;
    run(&ctx, &body.meta, move |tx, ctx, meta| commands::merge(tx, ctx, &id, meta, &into)).await
}

/// Two calls that belong together.
///
/// Permissions: the room in command.
#[utoipa::path(post, path = "/api/v1/incidents/{id}/links", tag = "incidents", params(("id" = IncidentId, Path)), request_body = Link,
    responses((status = 200, body = Object), (status = 412)))]
pub async fn link(ctx: Ctx, PathId(id): PathId<IncidentId>, body: Body<Link>) -> Result<HttpResponse> {
    let other = body.incident_id;
    run(&ctx, &body.meta, move |tx, ctx, meta| commands::link(tx, ctx, &id, meta, &other)).await
}

/// Out of our hands: an agency's work order or another authority's call.
///
/// Permissions: the room in command.
#[utoipa::path(post, path = "/api/v1/incidents/{id}/divert", tag = "incidents", params(("id" = IncidentId, Path)), request_body = Divert,
    responses((status = 200, body = Object), (status = 409), (status = 412)))]
pub async fn divert(ctx: Ctx, PathId(id): PathId<IncidentId>, body: Body<Divert>) -> Result<HttpResponse> {
    body::text("to", &body.to, 1, 200)?;
    body::text_opt("reason", body.reason.as_deref(), 500)?;
    let command = if body.transfer { Command::Transfer } else { Command::Divert };
    let (to, reason) = (body.value.to, body.value.reason.unwrap_or_default());
    run(&ctx, &body.meta, move |tx, ctx, meta| commands::divert(tx, ctx, &id, meta, &to, &reason, command)).await
}

/// Done (办结).
///
/// Permissions: the room in command.
#[utoipa::path(post, path = "/api/v1/incidents/{id}/close", tag = "incidents", params(("id" = IncidentId, Path)), request_body = Reason,
    responses((status = 200, body = Object), (status = 409), (status = 412)))]
pub async fn close(ctx: Ctx, PathId(id): PathId<IncidentId>, body: Body<Reason>) -> Result<HttpResponse> {
    body::text_opt("reason", body.reason.as_deref(), 500)?;
    let reason = body.value.reason;
    run(&ctx, &body.meta, move |tx, ctx, meta| commands::close(tx, ctx, &id, meta, reason.as_deref())).await
}

/// Accepts the final feedback (which closes) or sends it back.
///
/// Permissions: the room in command.
#[utoipa::path(post, path = "/api/v1/incidents/{id}/review", tag = "incidents", params(("id" = IncidentId, Path)), request_body = Review,
    responses((status = 200, body = Object), (status = 409), (status = 412)))]
pub async fn review(ctx: Ctx, PathId(id): PathId<IncidentId>, body: Body<Review>) -> Result<HttpResponse> {
    body::text_opt("text", body.text.as_deref(), 2000)?;
    let (accept, text) = (body.accept, body.value.text);
    run(&ctx, &body.meta, move |tx, ctx, meta| commands::review(tx, ctx, &id, meta, accept, text.as_deref())).await
}

/// A new handling round.
///
/// Permissions: the room in command.
#[utoipa::path(post, path = "/api/v1/incidents/{id}/reopen", tag = "incidents", params(("id" = IncidentId, Path)), request_body = Reason,
    responses((status = 200, body = Object), (status = 409), (status = 412)))]
pub async fn reopen(ctx: Ctx, PathId(id): PathId<IncidentId>, body: Body<Reason>) -> Result<HttpResponse> {
    body::text_opt("reason", body.reason.as_deref(), 500)?;
    let reason = body.value.reason.unwrap_or_default();
    run(&ctx, &body.meta, move |tx, ctx, meta| commands::reopen(tx, ctx, &id, meta, &reason)).await
}
