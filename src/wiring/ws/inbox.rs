//! `GET /me/inbox`: the person's stream without a socket, by the same rule of
//! continuation and rendered by the same policy. Also a receipt by REST, for an
//! app that could only poll.

use actix_web::HttpResponse;
use actix_web::web::{self, ServiceConfig};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, OpenApi, ToSchema};

use super::protocol::{Delivered, Reason};
use super::{slices, stream};
use crate::platform::ctx::Ctx;
use crate::platform::db::Priority;
use crate::platform::http::page;
use crate::platform::http::{Body, Params};
use crate::platform::push::cursor::Known;
use crate::platform::push::outbox;
use crate::words::error::{Code, Error, Result};
use crate::words::ids::MessageId;
use crate::words::time::Timestamp;

/// What the caller has already.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct InboxQuery {
    /// Epoch of the last welcome or inbox.
    pub epoch: Option<String>,
    /// Highest number received.
    pub after_seq: Option<i64>,
    /// Id of the message with that number.
    pub after_id: Option<MessageId>,
    /// 1 to 500; 50 unless told.
    pub limit: Option<i64>,
    /// From `next_cursor` of the page before; stands in for the three above.
    pub cursor: Option<String>,
}

/// Messages of the person's stream.
#[derive(Debug, Serialize, ToSchema)]
pub struct Inbox {
    pub epoch: String,
    /// False: what the caller has is not continued; reload, then keep these.
    pub recovered: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub reason: Option<Reason>,
    /// Highest number given out.
    pub last_seq: i64,
    pub server_time: Timestamp,
    #[schema(value_type = Vec<Object>)]
    pub items: Vec<Delivered>,
    pub next_cursor: Option<String>,
}

/// Everything up to `seq` is stored on the device.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InboxAck {
    pub epoch: String,
    pub seq: i64,
    /// Id of the message with that number; null with 0.
    pub id: Option<MessageId>,
}

/// The part of the interface description that is ours.
#[derive(OpenApi)]
#[openapi(paths(read, acknowledge))]
pub struct Api;

/// path → handler, below `/api/v1`.
pub fn routes(config: &mut ServiceConfig) {
    config
        .service(web::resource("/me/inbox").route(web::get().to(read)))
        .service(web::resource("/me/inbox/ack").route(web::post().to(acknowledge)));
}

/// Reads one's own stream.
///
/// Permissions: everybody, their own.
#[utoipa::path(get, path = "/api/v1/me/inbox", tag = "inbox", params(InboxQuery), responses((status = 200, body = Inbox)))]
pub async fn read(ctx: Ctx, query: Params<InboxQuery>) -> Result<HttpResponse> {
    let Params(query) = query;
    let limit = page::limit(query.limit)?;
    let known = known(&query)?;
    let actor = std::sync::Arc::clone(&ctx.actor);
    let now = ctx.clock.now();
    // Opening a stream is a write, and so is its new epoch; who has one and continues it only reads.
    let (holder, seen) = (stream::Holder::of_actor(&actor), known.clone());
    let continued = ctx.db.read(move |conn| stream::look(conn, holder, &seen, now)).await?;
    let resumption = match continued {
        Some(resumption) => resumption,
        None => ctx.db.write(Priority::Normal, move |tx| stream::look_recipe(tx, holder, &known)).await?,
    };
    let inbox = ctx
        .db
        .read(move |conn| {
            let mut found = outbox::messages_after(conn, &actor.person, resumption.from_seq, limit.saturating_add(1))?;
            let more = i64::try_from(found.len()).unwrap_or(0) > limit;
            found.truncate(usize::try_from(limit).unwrap_or(0));
            let next_cursor = if more {
                found.last().map(|last| page::encode(&format!("{} {} {}", resumption.epoch, last.seq, last.id)))
            } else {
                None
            };
            let items = found.iter().map(|one| slices::message(conn, &actor, one)).collect::<Result<_>>()?;
            Ok(Inbox {
                epoch: resumption.epoch,
                recovered: resumption.lost.is_none(),
                reason: resumption.lost.map(Reason::from),
                last_seq: resumption.head,
                server_time: now,
                items,
                next_cursor,
            })
        })
        .await?;
    Ok(HttpResponse::Ok().json(inbox))
}

fn known(query: &InboxQuery) -> Result<Known> {
    if let Some(cursor) = &query.cursor {
        let text = page::decode(cursor)?;
        let mut parts = text.split(' ');
        let (Some(epoch), Some(seq), Some(id)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(Error::new(Code::InvalidCursor));
        };
        let wrong = |_bad| Error::new(Code::InvalidCursor);
        return Ok(Known {
            epoch: Some(epoch.to_owned()),
            seq: seq.parse().map_err(|_bad: std::num::ParseIntError| Error::new(Code::InvalidCursor))?,
            id: Some(id.parse().map_err(wrong)?),
        });
    }
    let seq = query.after_seq.unwrap_or(0);
    if seq < 0 {
        return Err(Error::field("after_seq", "must not be negative"));
    }
    Ok(Known { epoch: query.epoch.clone().filter(|epoch| !epoch.is_empty()), seq, id: query.after_id })
}

/// Confirms what was read, as the socket's `ack` does; for an app that polls.
///
/// Permissions: everybody, their own.
#[utoipa::path(post, path = "/api/v1/me/inbox/ack", tag = "inbox", request_body = InboxAck, responses((status = 204)))]
pub async fn acknowledge(ctx: Ctx, body: Body<InboxAck>) -> Result<HttpResponse> {
    let holder = stream::Holder::of_actor(&ctx.actor);
    let InboxAck { epoch, seq, id } = body.value;
    ctx.db.write(Priority::Receipt, move |tx| stream::polled_recipe(tx, holder, &epoch, seq, id)).await?;
    Ok(HttpResponse::NoContent().finish())
}
