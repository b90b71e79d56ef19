//! What everybody may ask about himself: who looked at me, how often to report.

use std::sync::Arc;

use actix_web::HttpResponse;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{TRACK_DEFAULT_S, TRACK_MAX_S};
use crate::duty::location::reporting::Policy;
use crate::duty::location::service::{self, LookedAt};
use crate::duty::location::store;
use crate::platform::audit;
use crate::platform::ctx::Ctx;
use crate::platform::db::Priority;
use crate::platform::http::Params;
use crate::words::error::{Error, Result};
use crate::words::time::Timestamp;

/// Which looks.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct LookedAtQuery {
    /// A week before `to` unless told.
    pub from: Option<Timestamp>,
    /// Now unless told.
    pub to: Option<Timestamp>,
}

/// Looks at me.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Looks {
    /// Latest first, at most 500 of each kind.
    pub items: Vec<LookedAt>,
    /// Always null: narrow `from` and `to` instead.
    pub next_cursor: Option<String>,
}

/// Who looked at where I was, and when.
///
/// Permissions: everybody, for himself. Looks under an inquiry are told when that has ended, with its number. Reading this
/// is noted in the audit.
#[utoipa::path(get, path = "/api/v1/me/looked-at", tag = "location", params(LookedAtQuery),
    responses((status = 200, body = Looks)))]
pub async fn looked_at(ctx: Ctx, Params(query): Params<LookedAtQuery>) -> Result<HttpResponse> {
    let to = query.to.unwrap_or_else(|| ctx.clock.now());
    let from = query.from.unwrap_or_else(|| to.plus_secs(-7 * TRACK_DEFAULT_S));
    if from > to {
        return Err(Error::field("from", "must not be after `to`"));
    }
    if to.secs_since(from) > TRACK_MAX_S as f64 {
        return Err(Error::field("from", "must be at most 31 days before `to`"));
    }
    let actor = Arc::clone(&ctx.actor);
    ctx.db
        .write(Priority::Normal, move |tx| {
            let detail = json!({ "from": from, "to": to });
            audit::record(tx, Some(&actor), "location.looks_read", "person", &actor.person.to_string(), &detail)
        })
        .await?;
    let items = service::looked_at(&ctx, ctx.actor.person, from, to).await?;
    Ok(HttpResponse::Ok().json(Looks { items, next_cursor: None }))
}

/// How often my devices should report now.
///
/// Permissions: everybody, for himself.
#[utoipa::path(get, path = "/api/v1/me/reporting-policy", tag = "location", responses((status = 200, body = Policy)))]
pub async fn reporting_policy(ctx: Ctx) -> Result<HttpResponse> {
    let person = ctx.actor.person;
    let mode = ctx.db.read(move |conn| store::mode_of(conn, &person)).await?;
    Ok(HttpResponse::Ok().json(mode.policy()))
}
