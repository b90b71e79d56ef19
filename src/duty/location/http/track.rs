//! Where somebody has been: his own to read, his room's, and an inquiry's while it is open.

use std::sync::Arc;

use actix_web::HttpResponse;
use serde::{Deserialize, Serialize};

use super::{TRACK_DEFAULT_S, TRACK_MAX_S};
use crate::duty::inquiries::{self, Inquiry};
use crate::duty::location::access::{self, AccessKind};
use crate::duty::location::fix::FixOut;
use crate::duty::location::live::Live;
use crate::duty::location::{geojson, service};
use crate::duty::officers::store as officers;
use crate::platform::ctx::Ctx;
use crate::platform::db::Conn;
use crate::platform::http::{Params, PathId, body};
use crate::platform::policy::{Action, Facts, may};
use crate::text_enum;
use crate::words::error::{Error, Result};
use crate::words::ids::{InquiryId, PersonId};
use crate::words::time::Timestamp;

/// Fixes of one track answer; a longer one says where to go on.
const TRACK_FIXES_MAX: usize = 50_000;

text_enum! {
    /// The form of a track.
    pub enum TrackFormat {
        Json = "json",
        Geojson = "geojson",
    }
}

/// Which part of a track, in what form.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct TrackQuery {
    /// Device time; a day before `to` unless told.
    pub from: Option<Timestamp>,
    /// Device time; now unless told.
    pub to: Option<Timestamp>,
    /// `json` (default) or `geojson`.
    pub format: Option<TrackFormat>,
    /// An open inquiry of one's own that covers the person and the time; then no other right counts, and the look is told
    /// when it ends. `from` and `to` are the inquiry's unless told.
    pub inquiry: Option<InquiryId>,
    /// At most so many points per device, the ones that tell most of the line's shape; 2 to 50,000.
    #[param(minimum = 2, maximum = 50_000)]
    pub max_points: Option<usize>,
    /// Why; kept in the access record.
    #[param(max_length = 200)]
    pub purpose: Option<String>,
}

/// A person's fixes by device time.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Track {
    /// Whose.
    pub person_id: PersonId,
    /// All of them, the flagged too, unless `max_points` thinned them out.
    pub fixes: Vec<FixOut>,
    /// Where to go on if the answer was cut; null otherwise.
    pub next_from: Option<Timestamp>,
}

/// Where somebody has been.
///
/// Permissions: one's own; a room that of its unit's subtree; investigators of an inquiry that covers it and is named.
/// Another's leaves an access record.
#[utoipa::path(get, path = "/api/v1/people/{id}/track", tag = "location",
    params(("id" = PersonId, Path), TrackQuery),
    responses((status = 200, content((Track = "application/json"), (serde_json::Value = "application/geo+json")))))]
pub async fn track(
    ctx: Ctx,
    PathId(person): PathId<PersonId>,
    Params(query): Params<TrackQuery>,
) -> Result<HttpResponse> {
    let now = ctx.clock.now();
    let under = under_inquiry(&ctx, person, &query).await?;
    let (query_from, query_to) = match &under {
        Some((_, from, to)) => (Some(*from), Some(*to)),
        None => (query.from, query.to),
    };
    let to = query_to.unwrap_or_else(|| query_from.map_or(now, |from| now.max(from.plus_secs(TRACK_DEFAULT_S))));
    let from = query_from.unwrap_or_else(|| to.plus_secs(-TRACK_DEFAULT_S));
    if from > to {
        return Err(Error::field("from", "must not be after `to`"));
    }
    if to.secs_since(from) > TRACK_MAX_S as f64 {
        return Err(Error::field("from", "must be at most 31 days before `to`"));
    }
    let as_geojson = query.format == Some(TrackFormat::Geojson);
    if query.max_points.is_some_and(|max| !(2..=TRACK_FIXES_MAX).contains(&max)) {
        return Err(Error::field("max_points", format!("must be between 2 and {TRACK_FIXES_MAX}")));
    }
    body::text_opt("purpose", query.purpose.as_deref(), 200)?;
    match &under {
        Some((inquiry, ..)) => {
            inquiries::service::look_at_track(&ctx, inquiry, person, (from, to), query.purpose).await?;
        }
        None => look_at_track(&ctx, person, query.purpose, now).await?,
    }
    let mut fixes = service::track(&ctx, person, from, to).await?;
    let thinned = query.max_points.map(|max| geojson::thin(std::mem::take(&mut fixes), max));
    let mut fixes = thinned.unwrap_or(fixes);
    let next_from = fixes.get(TRACK_FIXES_MAX).map(|(_, fix)| fix.at());
    fixes.truncate(TRACK_FIXES_MAX);
    if as_geojson {
        let body = geojson::features(person, &fixes);
        return Ok(HttpResponse::Ok().content_type("application/geo+json").body(body.to_string()));
    }
    let fixes = fixes.iter().map(|(device, fix)| FixOut::of(*device, fix)).collect();
    Ok(HttpResponse::Ok().json(Track { person_id: person, fixes, next_from }))
}

/// The inquiry that the request names, if it covers the person and the time, and that time. Errors: those of the inquiry.
async fn under_inquiry(
    ctx: &Ctx,
    person: PersonId,
    query: &TrackQuery,
) -> Result<Option<(Inquiry, Timestamp, Timestamp)>> {
    let Some(id) = query.inquiry else { return Ok(None) };
    let (actor, now, times) = (Arc::clone(&ctx.actor), ctx.clock.now(), (query.from, query.to));
    let covered = move |conn: &mut Conn| inquiries::access::open_for_track(conn, &actor, &id, &person, times, now);
    ctx.db.read(covered).await.map(Some)
}

/// Whether the actor may read a person's track by what he is; another's leaves an access record.
async fn look_at_track(ctx: &Ctx, person: PersonId, purpose: Option<String>, now: Timestamp) -> Result<()> {
    let own = person == ctx.actor.person;
    let unit = ctx
        .db
        .read(move |conn| {
            let home = officers::person_fetch(conn, &person)?.unit_id;
            officers::unit_fetch(conn, &home)
        })
        .await?;
    let shared = ctx.part::<Live>()?.shared(&ctx.actor.person, &person);
    let facts = Facts { unit_path: Some(&unit.path), own, shared, ..Facts::default() };
    may(&ctx.actor, Action::TrackRead, &facts).check("person")?;
    if !own {
        let row = access::look(&ctx.actor, AccessKind::Track, purpose, now);
        access::record(ctx, row, vec![person]).await?;
    }
    Ok(())
}
