//! The REST door of the backup duty. Thin: reads the request, calls `service`, renders under the reader's standing.

use std::pin::Pin;
use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::error::PayloadError;
use actix_web::http::header::ACCEPT_LANGUAGE;
use actix_web::web::{self, Bytes, ServiceConfig, get, patch, post, resource};
use actix_web::{FromRequest, HttpRequest, HttpResponse};
use futures_util::Stream;
use serde::Deserialize;
use utoipa::OpenApi;

use super::State;
use super::checkin::{self, CheckInBody};
use super::cover::{self, CoverView};
use super::facts::Around;
use super::rows::{AlertRow, Via};
use super::service::{self, CloseBody, PatchBody, Press, Presser, ResponseBody};
use super::store::{self, Whose};
use super::view::{self, Audience, BackupView, Standing};
use crate::duty::officers::auth;
use crate::platform::ctx::Ctx;
use crate::platform::http::body::{Empty, collect};
use crate::platform::http::{Body, Done, Items, Params, PathId, RequestMeta, page, problem, strict};
use crate::platform::policy::Actor;
use crate::words::error::{Code, Error, Result};
use crate::words::ids::{BackupId, PersonId};
use crate::words::time::Timestamp;

/// Bytes of a press: a note and a handful of words.
const PRESS_MAX: usize = 16 * 1024;

/// A body that was collected once and is read again.
type Again = Pin<Box<dyn Stream<Item = std::result::Result<Bytes, PayloadError>>>>;

/// What this slice adds to the OpenAPI document.
#[derive(OpenApi)]
#[openapi(paths(
    backup_raise,
    backups_list,
    backup_get,
    backup_patch,
    backup_take,
    backup_respond,
    backup_close,
    me_cover,
    me_check_in
))]
pub struct Api;

/// The slice's addresses.
pub fn routes(config: &mut ServiceConfig) {
    config
        .service(resource("/backups").route(post().to(backup_raise)).route(get().to(backups_list)))
        .service(resource("/backups/{id}").route(get().to(backup_get)).route(patch().to(backup_patch)))
        .service(resource("/backups/{id}/take").route(post().to(backup_take)))
        .service(resource("/backups/{id}/responses").route(post().to(backup_respond)))
        .service(resource("/backups/{id}/close").route(post().to(backup_close)))
        .service(resource("/me/check-ins").route(post().to(me_check_in)))
        .service(resource("/me/cover").route(get().to(me_cover)));
}

fn english(request: &HttpRequest) -> bool {
    !problem::reads_chinese(request.headers().get(ACCEPT_LANGUAGE))
}

/// One press for help. The body may be empty; any state, off duty too.
///
/// Permissions: every person on any device; an enrolled device's signature alone when its token has expired.
#[utoipa::path(post, path = "/api/v1/backups", tag = "backup", request_body(content = Press), responses(
    (status = 201, description = "A new request; who was alerted", body = BackupView),
    (status = 200, description = "The press belongs to a request that is there already", body = BackupView),
))]
pub async fn backup_raise(request: HttpRequest, payload: web::Payload) -> Result<HttpResponse> {
    let bytes = Bytes::from(collect(&request, &mut payload.into_inner(), PRESS_MAX).await?);
    let presser = presser(&request, &bytes).await?;
    let body = reread::<Press>(&request, bytes).await?;
    let ctx = presser.ctx.clone();
    let (_, done) = service::raise(presser, body.value, body.meta).await?;
    answer(&ctx, done, english(&request)).await
}

/// The body parsed as everywhere else, from bytes that were needed for the signature first.
async fn reread<T: serde::de::DeserializeOwned + 'static>(
    request: &HttpRequest,
    bytes: Bytes,
) -> Result<Body<T, PRESS_MAX>> {
    let again: Again = Box::pin(futures_util::stream::once(std::future::ready(Ok(bytes))));
    let mut payload = Payload::Stream { payload: again };
    Body::from_request(request, &mut payload).await
}

/// The session's person; without a valid one, the holder of the enrolled device that signed.
async fn presser(request: &HttpRequest, bytes: &[u8]) -> Result<Presser> {
    let refused = match auth::ctx_or_refusal(request).await? {
        Ok(ctx) => return Ok(Presser { ctx, via: Via::Rest }),
        Err(refused) => refused,
    };
    let signed = auth::signed_by(request, bytes)?.ok_or(refused)?;
    let core = auth::core_of(request)?;
    let actor: Actor = core
        .db
        .read(move |conn| {
            let device = auth::device_actor(conn, &signed)?;
            service::device_presser(conn, &device)
        })
        .await?;
    core.hub.touch_rest(actor.person, actor.device, core.clock.now());
    Ok(Presser { ctx: Ctx::new(core, actor), via: Via::DeviceKey })
}

/// A command of the socket; the same services and the same answers as the REST calls of that meaning.
///
/// `what` is `backup`, `backup_response`, `backup_take` or `backup_close`; `target` the request's id.
pub async fn socket_command(
    ctx: &Ctx,
    meta: &RequestMeta,
    what: &str,
    target: &str,
    body: serde_json::Map<String, serde_json::Value>,
) -> Result<(u16, serde_json::Value)> {
    let body = serde_json::Value::Object(body);
    let done = match what {
        "backup" => {
            let presser = Presser { ctx: ctx.clone(), via: Via::Socket };
            service::raise(presser, strict::from_value(body)?, meta.clone()).await?.1
        }
        "backup_response" => service::respond(ctx, target.parse()?, strict::from_value(body)?, meta).await?,
        "backup_take" => {
            let Empty {} = strict::from_value(body)?;
            service::take(ctx, target.parse()?, meta).await?
        }
        "backup_close" => service::close(ctx, target.parse()?, strict::from_value(body)?, meta).await?,
        _ => return Err(Error::new(Code::UnknownType)),
    };
    let status = done.status;
    Ok((status, rendered(ctx, done, false).await?.1))
}

/// Renders the request a write was about, for its writer.
async fn answer(ctx: &Ctx, done: Done, english: bool) -> Result<HttpResponse> {
    let status = actix_web::http::StatusCode::from_u16(done.status).map_err(Error::internal)?;
    let (version, body) = rendered(ctx, done, english).await?;
    Ok(HttpResponse::build(status).insert_header(("ETag", format!("\"{version}\""))).json(body))
}

async fn rendered(ctx: &Ctx, done: Done, english: bool) -> Result<(i64, serde_json::Value)> {
    let shown = show(ctx, done.id()?, english).await?;
    let mut body = serde_json::to_value(&shown)?;
    if let (Some(applied), Some(object)) = (done.resource.get("applied"), body.as_object_mut()) {
        object.insert("applied".to_owned(), applied.clone());
    }
    Ok((shown.version, body))
}

async fn show(ctx: &Ctx, id: BackupId, english: bool) -> Result<BackupView> {
    let around = Around::of(&ctx.core)?;
    let actor = Arc::clone(&ctx.actor);
    ctx.db
        .read(move |conn| {
            let row = store::backup_fetch(conn, &id)?;
            let audience = Standing::load(conn, &row, &actor.person)?.audience(&actor)?;
            view::backup_view(conn, &around, &row, audience, english)
        })
        .await
}

/// Query of the list.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ListQuery {
    /// `open` or `closed`; both if left out.
    pub state: Option<State>,
    /// 1 to 500; 50 unless told.
    pub limit: Option<i64>,
    /// From `next_cursor` of the page before.
    pub cursor: Option<String>,
}

/// A page of requests, newest first.
///
/// Permissions: a room sees its subtree; everybody else what he called or was told of.
#[utoipa::path(get, path = "/api/v1/backups", tag = "backup", params(ListQuery), responses(
    (status = 200, description = "One page", body = Items<BackupView>)
))]
pub async fn backups_list(ctx: Ctx, query: Params<ListQuery>, request: HttpRequest) -> Result<HttpResponse> {
    let limit = page::limit(query.0.limit)?;
    let before = query.0.cursor.as_deref().map(cursor).transpose()?;
    let (state, english) = (query.0.state, english(&request));
    let around = Around::of(&ctx.core)?;
    let actor = Arc::clone(&ctx.actor);
    let items = ctx
        .db
        .read(move |conn| {
            let whose =
                if actor.kind.is_watching() { Whose::Subtree(&actor.unit_path) } else { Whose::Person(&actor.person) };
            let rows = store::backups_page(conn, &whose, state, before, limit + 1)?;
            let paged = Items::from_rows(rows, limit, |row| format!("{}|{}", row.received_at.as_micros(), row.id));
            let ids: Vec<BackupId> = paged.items.iter().map(|row| row.id).collect();
            let all = store::alerts_of_many(conn, &ids)?;
            let mut items = Vec::new();
            for row in &paged.items {
                let alerts: Vec<AlertRow> = all.iter().filter(|alert| alert.backup_id == row.id).cloned().collect();
                let audience = audience_in_list(&actor, row);
                items.push(view::summary(conn, &around, row, &alerts, audience, english)?);
            }
            Ok(Items { items, next_cursor: paged.next_cursor })
        })
        .await?;
    Ok(HttpResponse::Ok().json(items))
}

fn audience_in_list(actor: &Actor, row: &super::rows::BackupRow) -> Audience {
    if row.is_caller_side(&actor.person) {
        Audience::Caller
    } else if actor.kind.is_watching() {
        Audience::Room
    } else {
        Audience::Told
    }
}

fn cursor(text: &str) -> Result<(Timestamp, BackupId)> {
    let plain = page::decode(text)?;
    let wrong = || Error::new(Code::InvalidCursor);
    let (at, id) = plain.split_once('|').ok_or_else(wrong)?;
    let micros: i64 = at.parse().map_err(|_bad| wrong())?;
    let id: BackupId = id.parse().map_err(|_bad| wrong())?;
    Ok((Timestamp::from_micros(micros), id))
}

/// One request; the room sees waves, receipts and history too.
///
/// Permissions: the caller, the person it is for, everybody told, rooms of the unit and above. Others: 404.
#[utoipa::path(get, path = "/api/v1/backups/{id}", tag = "backup", params(("id" = BackupId, Path)), responses(
    (status = 200, description = "The request", body = BackupView)
))]
pub async fn backup_get(ctx: Ctx, id: PathId<BackupId>, request: HttpRequest) -> Result<HttpResponse> {
    let shown = show(&ctx, id.0, english(&request)).await?;
    Ok(HttpResponse::Ok().insert_header(("ETag", format!("\"{}\"", shown.version))).json(shown))
}

/// Kind, note, needs, target or place, known after the press.
///
/// Permissions: the caller's side, everybody told of it, the room; `ring` only the room.
#[utoipa::path(patch, path = "/api/v1/backups/{id}", tag = "backup", params(("id" = BackupId, Path)),
    request_body = PatchBody, responses((status = 200, description = "As it is now", body = BackupView)))]
pub async fn backup_patch(
    ctx: Ctx,
    id: PathId<BackupId>,
    body: Body<PatchBody>,
    request: HttpRequest,
) -> Result<HttpResponse> {
    let done = service::patch(&ctx, id.0, body.value, &body.meta).await?;
    answer(&ctx, done, english(&request)).await
}

/// The room takes it by name; that stops the way up.
///
/// Permissions: rooms of the unit and above.
#[utoipa::path(post, path = "/api/v1/backups/{id}/take", tag = "backup", params(("id" = BackupId, Path)), responses(
    (status = 200, description = "Taken", body = BackupView),
    (status = 409, description = "`claimed`: another seat was first"),
))]
pub async fn backup_take(
    ctx: Ctx,
    id: PathId<BackupId>,
    body: Body<Empty>,
    request: HttpRequest,
) -> Result<HttpResponse> {
    let done = service::take(&ctx, id.0, &body.meta).await?;
    answer(&ctx, done, english(&request)).await
}

/// An alerted person's answer; the room may record what it heard from him.
///
/// Permissions: everybody told of it; for somebody else (`person_id`, `via`) the room.
#[utoipa::path(post, path = "/api/v1/backups/{id}/responses", tag = "backup", params(("id" = BackupId, Path)),
    request_body = ResponseBody, responses(
    (status = 200, description = "Recorded; `applied` is false when it came too late to matter", body = BackupView),
))]
pub async fn backup_respond(
    ctx: Ctx,
    id: PathId<BackupId>,
    body: Body<ResponseBody>,
    request: HttpRequest,
) -> Result<HttpResponse> {
    let done = service::respond(&ctx, id.0, body.value, &body.meta).await?;
    answer(&ctx, done, english(&request)).await
}

/// Ends it. The caller's own word is kept and shown; responders go on until somebody else confirms.
///
/// Permissions: the room, a colleague on the scene, the caller's side (their word only).
#[utoipa::path(post, path = "/api/v1/backups/{id}/close", tag = "backup", params(("id" = BackupId, Path)),
    request_body = CloseBody, responses((status = 200, description = "As it is now", body = BackupView)))]
pub async fn backup_close(
    ctx: Ctx,
    id: PathId<BackupId>,
    body: Body<CloseBody>,
    request: HttpRequest,
) -> Result<HttpResponse> {
    let done = service::close(&ctx, id.0, body.value, &body.meta).await?;
    answer(&ctx, done, english(&request)).await
}

/// Who could reach me now: response units within four minutes, and how many are proven reachable.
///
/// Permissions: everybody, about himself.
#[utoipa::path(get, path = "/api/v1/me/cover", tag = "backup", responses(
    (status = 200, description = "Counts of response units", body = CoverView)
))]
pub async fn me_cover(ctx: Ctx) -> Result<HttpResponse> {
    let around = Around::of(&ctx.core)?;
    let settings = ctx.config.backup.clone();
    let person: PersonId = ctx.actor.person;
    let shown = ctx.db.read(move |conn| cover::cover(conn, &around, &person, &settings)).await?;
    Ok(HttpResponse::Ok().json(shown))
}

/// "All right": one tap in answer to `check_in.ask`.
///
/// Permissions: the person who was asked.
#[utoipa::path(post, path = "/api/v1/me/check-ins", tag = "backup", request_body = CheckInBody, responses(
    (status = 200, description = "Noted; the next question comes after `next_in_s`")
))]
pub async fn me_check_in(ctx: Ctx, body: Body<CheckInBody>) -> Result<HttpResponse> {
    let done = checkin::all_right(&ctx, body.value, &body.meta).await?;
    Ok(HttpResponse::Ok().json(done.resource))
}
