//! What people do with a record: consents, signatures, making it final, steps, copies, performances.

use actix_web::HttpResponse;

use super::super::service::{self, Finalize, NewConsent, NewCopy, NewPerformance, NewReferral, NewSignature, NewStep};
use super::super::view::MediationView;
use super::shown;
use crate::platform::ctx::Ctx;
use crate::platform::http::{Body, PathId};
use crate::words::error::Result;
use crate::words::ids::MediationId;

/// Bytes of a signature's body: strokes of 20,000 points, or a picture of 384 KiB in base64.
const SIGNATURE_BODY_MAX: usize = 1024 * 1024;

/// A party says whether it wants to be mediated; the last word counts.
///
/// Permissions: whoever may write into the record.
#[utoipa::path(post, path = "/api/v1/mediations/{id}/consents", tag = "mediation",
    params(("id" = MediationId, Path)), request_body = NewConsent,
    responses((status = 201, body = MediationView), (status = 200, body = MediationView, description = "It was said already"),
        (status = 403), (status = 404), (status = 409, description = "`conflict`: the record is final"), (status = 422)))]
pub async fn consent(ctx: Ctx, PathId(id): PathId<MediationId>, body: Body<NewConsent>) -> Result<HttpResponse> {
    let done = service::consent(&ctx, &body.meta, id, body.value).await?;
    shown(&ctx, &done).await
}

/// Somebody signs, refuses or leaves.
///
/// Bound to the content whose hash it names: one of a content that changed meanwhile is kept, and does not count.
///
/// Permissions: whoever may write into the record; for himself who leads it.
#[utoipa::path(post, path = "/api/v1/mediations/{id}/signatures", tag = "mediation",
    params(("id" = MediationId, Path)), request_body = NewSignature,
    responses((status = 201, body = MediationView), (status = 200, body = MediationView, description = "It was there already"),
        (status = 403), (status = 404), (status = 409, description = "`not_ready` with `findings`; `conflict`: the record is final"),
        (status = 413), (status = 422)))]
pub async fn sign(
    ctx: Ctx,
    PathId(id): PathId<MediationId>,
    body: Body<NewSignature, SIGNATURE_BODY_MAX>,
) -> Result<HttpResponse> {
    let done = service::sign(&ctx, &body.meta, id, body.value).await?;
    shown(&ctx, &done).await
}

/// Makes the record final: it takes its number, and its papers are made.
///
/// It takes effect at once, or when what is still on its way (a recording, the committee's seal) is there.
///
/// Permissions: who leads it.
#[utoipa::path(post, path = "/api/v1/mediations/{id}/finalize", tag = "mediation",
    params(("id" = MediationId, Path)), request_body = Finalize,
    responses((status = 200, body = MediationView), (status = 403), (status = 404),
        (status = 409, description = "`not_ready` with `findings`; `conflict` with `serial_no`: it is final already"), (status = 422)))]
pub async fn finalize(ctx: Ctx, PathId(id): PathId<MediationId>, body: Body<Finalize>) -> Result<HttpResponse> {
    let done = service::finalize(&ctx, &body.meta, id, body.value).await?;
    shown(&ctx, &done).await
}

/// A step that does not follow by itself: a session that failed or is held again, the seal, a withdrawal.
///
/// Permissions: by step, as the law has it: who leads it; `seal` another mediator, a supervisor or administrator;
/// `void` these two; `reopen` any officer of it.
#[utoipa::path(post, path = "/api/v1/mediations/{id}/steps", tag = "mediation",
    params(("id" = MediationId, Path)), request_body = NewStep,
    responses((status = 200, body = MediationView), (status = 403), (status = 404),
        (status = 409, description = "`conflict` with `allowed`"), (status = 422)))]
pub async fn step(ctx: Ctx, PathId(id): PathId<MediationId>, body: Body<NewStep>) -> Result<HttpResponse> {
    let done = service::step(&ctx, &body.meta, id, body.value).await?;
    shown(&ctx, &done).await
}

/// How a party got its copy.
///
/// Permissions: whoever may write into the record.
#[utoipa::path(post, path = "/api/v1/mediations/{id}/copies", tag = "mediation",
    params(("id" = MediationId, Path)), request_body = NewCopy,
    responses((status = 201, body = MediationView), (status = 200, body = MediationView, description = "It was said already"),
        (status = 403), (status = 404), (status = 409, description = "`conflict`: there is no paper yet"), (status = 422)))]
pub async fn copy(ctx: Ctx, PathId(id): PathId<MediationId>, body: Body<NewCopy>) -> Result<HttpResponse> {
    let done = service::copy(&ctx, &body.meta, id, body.value).await?;
    shown(&ctx, &done).await
}

/// What became of a term. A default reopens a police case from that day.
///
/// Permissions: whoever may write into the record.
#[utoipa::path(post, path = "/api/v1/mediations/{id}/performances", tag = "mediation",
    params(("id" = MediationId, Path)), request_body = NewPerformance,
    responses((status = 201, body = MediationView), (status = 200, body = MediationView, description = "It was said already"),
        (status = 403), (status = 404), (status = 409, description = "`conflict`: nothing is due by it"), (status = 422)))]
pub async fn perform(ctx: Ctx, PathId(id): PathId<MediationId>, body: Body<NewPerformance>) -> Result<HttpResponse> {
    let done = service::perform(&ctx, &body.meta, id, body.value).await?;
    shown(&ctx, &done).await
}

/// Hands the record to another body by a work order: a committee that mediates on, a court that hears the parties or
/// confirms the agreement.
///
/// Permissions: `mediate` and `litigate` by who leads it; `judicial_confirmation` by whoever may write into the record.
#[utoipa::path(post, path = "/api/v1/mediations/{id}/referrals", tag = "mediation",
    params(("id" = MediationId, Path)), request_body = NewReferral,
    responses((status = 201, body = MediationView), (status = 200, body = MediationView, description = "It was sent already"),
        (status = 403), (status = 404),
        (status = 409, description = "`conflict`: not possible from here (`allowed`), or too late (`due`)"), (status = 422)))]
pub async fn refer(ctx: Ctx, PathId(id): PathId<MediationId>, body: Body<NewReferral>) -> Result<HttpResponse> {
    let done = service::refer(&ctx, &body.meta, id, body.value).await?;
    shown(&ctx, &done).await
}
