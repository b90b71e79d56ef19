//! Feedback, the ordered feed back to the source, its webhook.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use serde::Deserialize;
use serde_json::json;

use super::super::access;
use super::super::feedback::{self, NewFeedback};
use super::super::service::check_source;
use super::super::store::{self, feed, feedbacks};
use super::super::trail;
use super::super::webhook::{self, PutWebhook};
use super::items;
use crate::platform::ctx::Ctx;
use crate::platform::db::Priority;
use crate::platform::http::{Body, Done, Params, PathId, body, idem};
use crate::platform::policy::{self, Action, Facts};
use crate::words::error::{Error, Result};
use crate::words::ids::{FeedbackId, IncidentId};

/// Changes of the largest answer.
const CHANGES_MAX: i64 = 1000;

async fn shown(ctx: &Ctx, done: &Done) -> Result<HttpResponse> {
    let id: FeedbackId = done.id()?;
    let value = ctx.db.read(move |conn| feedback::view(&feedbacks::feedback_fetch(conn, &id)?)).await?;
    let status = StatusCode::from_u16(done.status).map_err(Error::internal)?;
    Ok(HttpResponse::build(status).json(value))
}

/// Feedback (反馈) in stages; the final one moves the incident to fed_back.
///
/// Permissions: the assigned, who started it, the room.
#[utoipa::path(post, path = "/api/v1/incidents/{id}/feedbacks", tag = "feedback", params(("id" = IncidentId, Path)), request_body = NewFeedback,
    responses((status = 201, body = Object), (status = 200, description = "the same again", body = Object)))]
pub async fn give(ctx: Ctx, PathId(id): PathId<IncidentId>, body: Body<NewFeedback>) -> Result<HttpResponse> {
    body.check(ctx.clock.now())?;
    let (inner, meta, new) = (ctx.clone(), body.meta.clone(), body.value);
    let done =
        idem::run(&ctx, &body.meta, Priority::Normal, move |tx| feedback::give(tx, &inner, &id, &meta, &new)).await?;
    shown(&ctx, &done).await
}

/// All feedback, oldest first.
///
/// Permissions: who may see the incident.
#[utoipa::path(get, path = "/api/v1/incidents/{id}/feedbacks", tag = "feedback", params(("id" = IncidentId, Path)),
    responses((status = 200, body = Object)))]
pub async fn list(ctx: Ctx, PathId(id): PathId<IncidentId>) -> Result<HttpResponse> {
    let actor = std::sync::Arc::clone(&ctx.actor);
    let rows = ctx
        .db
        .read(move |conn| {
            let row = store::incident_fetch(conn, &id)?;
            access::sight(conn, &actor, &row)?.check(&actor, Action::IncidentRead)?;
            feedbacks::feedbacks_list(conn, &id)
        })
        .await?;
    Ok(items(rows.iter().map(feedback::view).collect::<Result<Vec<_>>>()?))
}

/// Confirms what an assisting hand wrote.
///
/// Permissions: an officer on the incident, the room.
#[utoipa::path(post, path = "/api/v1/feedbacks/{id}/confirm", tag = "feedback", params(("id" = FeedbackId, Path)),
    responses((status = 200, body = Object)))]
pub async fn confirm(ctx: Ctx, PathId(id): PathId<FeedbackId>, body: Body<body::Empty>) -> Result<HttpResponse> {
    let incident = ctx.db.read(move |conn| Ok(feedbacks::feedback_fetch(conn, &id)?.incident_id)).await?;
    let (inner, meta) = (ctx.clone(), body.meta.clone());
    let done =
        idem::run(&ctx, &body.meta, Priority::Normal, move |tx| feedback::confirm(tx, &inner, &incident, &meta, &id))
            .await?;
    shown(&ctx, &done).await
}

/// Where to read on.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ChangesQuery {
    /// The last `seq` seen; 0 unless told.
    pub after: Option<i64>,
    /// 1 to 1000; 100 unless told.
    pub limit: Option<i64>,
}

/// The durable ordered feed of a source: every rung, feedback and change, numbered without gaps.
///
/// Permissions: the source's own service account, administrators.
#[utoipa::path(get, path = "/api/v1/integrations/{source}/changes", tag = "integrations", params(("source" = String, Path), ChangesQuery),
    responses((status = 200, body = Object), (status = 404)))]
pub async fn changes(ctx: Ctx, source: web::Path<String>, Params(query): Params<ChangesQuery>) -> Result<HttpResponse> {
    let source = source.into_inner();
    check_source(&source)?;
    let facts = Facts { source: Some(&source), ..Facts::default() };
    policy::may(&ctx.actor, Action::FeedRead, &facts).check("integration")?;
    let after = query.after.unwrap_or(0);
    if after < 0 {
        return Err(Error::field("after", "must not be negative"));
    }
    let limit = query.limit.unwrap_or(100);
    if !(1..=CHANGES_MAX).contains(&limit) {
        return Err(Error::field("limit", format!("must be between 1 and {CHANGES_MAX}")));
    }
    let (rows, last) = ctx
        .db
        .read(move |conn| Ok((feed::feed_list(conn, &source, after, limit)?, feed::feed_last(conn, &source)?)))
        .await?;
    let next = rows.last().map_or(after, |row| row.seq);
    let shown = rows.iter().map(trail::feed_view).collect::<Result<Vec<_>>>()?;
    Ok(HttpResponse::Ok().json(json!({
        "items": shown,
        "next_cursor": (next < last).then(|| next.to_string()),
        "next_after": next,
        "last_seq": last,
    })))
}

/// Sets where the feed is pushed to.
///
/// Permissions: administrators.
#[utoipa::path(put, path = "/api/v1/integrations/{source}/webhook", tag = "integrations", params(("source" = String, Path)),
    request_body = PutWebhook, responses((status = 200, body = Object)))]
pub async fn put_webhook(ctx: Ctx, source: web::Path<String>, body: Body<PutWebhook>) -> Result<HttpResponse> {
    let prepared = webhook::Prepared::new(&ctx, source.into_inner(), &body)?;
    let inner = ctx.clone();
    let value = ctx.db.write(Priority::Normal, move |tx| webhook::put(tx, &inner, &prepared)).await?;
    Ok(HttpResponse::Ok().json(value))
}

/// How far the pushing got.
///
/// Permissions: administrators; supervisors and dispatchers are told it is not theirs.
#[utoipa::path(get, path = "/api/v1/integrations/{source}/webhook", tag = "integrations", params(("source" = String, Path)),
    responses((status = 200, body = Object), (status = 404)))]
pub async fn webhook(ctx: Ctx, source: web::Path<String>) -> Result<HttpResponse> {
    let source = source.into_inner();
    check_source(&source)?;
    let facts = Facts { source: Some(&source), ..Facts::default() };
    policy::may(&ctx.actor, Action::IntegrationWrite, &facts).check("integration")?;
    let value = ctx
        .db
        .read(move |conn| {
            let row = feed::webhook_fetch(conn, &source)?.ok_or_else(|| Error::not_found("webhook"))?;
            Ok(webhook::view(&row, feed::feed_last(conn, &source)?))
        })
        .await?;
    Ok(HttpResponse::Ok().json(value))
}
