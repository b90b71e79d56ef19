//! Endpoints: fixes in; live view, nearby, tracks and "who looked at me" out.

mod me;
mod track;

use actix_web::HttpResponse;
use actix_web::web::{ServiceConfig, get, post, resource};
use serde::{Deserialize, Serialize};
use utoipa::OpenApi;

use super::access::{self, AccessKind};
use super::fix::{Author, FixIn};
use super::ingest::{Bearer, FlagCounts, Ingest};
use super::live::{Found, Freshness, Live, LivePerson, LiveVehicle, Scope};
use super::travel::{StraightLine, TravelMode};
use crate::duty::officers::store as officers;
use crate::platform::ctx::Ctx;
use crate::platform::http::body::BATCH_BODY_MAX;
use crate::platform::http::{Body, Params, body};
use crate::platform::policy::PersonKind;
use crate::words::error::{Error, Result};
use crate::words::geo::{BBox, Position};
use crate::words::ids::{CrewId, PersonId, UnitId};
use crate::words::time::Timestamp;

/// People of one nearby answer.
const NEARBY_MAX: usize = 100;

/// Metres a nearby search reaches unless told.
const NEARBY_WITHIN_M: f64 = 20_000.0;

/// Metres a search can reach at most: half around the earth.
const EARTH_HALF_M: f64 = 20_038_000.0;

/// Seconds of track unless told: a day.
const TRACK_DEFAULT_S: i64 = 86_400;

/// Longest stretch of track in one answer, seconds: 31 days.
const TRACK_MAX_S: i64 = 31 * 86_400;

/// path → handler, below `/api/v1`.
pub fn routes(config: &mut ServiceConfig) {
    config
        .service(resource("/positions").route(post().to(positions)))
        .service(resource("/live").route(get().to(live)))
        .service(resource("/nearby").route(get().to(nearby)))
        .service(resource("/people/{id}/track").route(get().to(track::track)))
        .service(resource("/me/looked-at").route(get().to(me::looked_at)))
        .service(resource("/me/reporting-policy").route(get().to(me::reporting_policy)));
}

/// The part of the interface description that is ours.
#[derive(OpenApi)]
#[openapi(
    paths(positions, live, nearby, track::track, me::looked_at, me::reporting_policy),
    components(schemas(track::TrackFormat))
)]
pub struct Api;

/// Fixes of one device.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Positions {
    /// 1 to 10,000, of any age, in any order.
    #[schema(min_items = 1, max_items = 10_000)]
    pub fixes: Vec<FixIn>,
    /// Whose they all are, if they were taken before the present bearer signed in.
    #[serde(default)]
    pub author: Option<Author>,
}

/// What became of the fixes.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct PositionsTaken {
    /// New, and kept.
    pub stored: u32,
    /// Known already by (device, time); not stored again.
    pub duplicates: u32,
    /// Of the stored: kept, but not moving the marker.
    pub flagged: u32,
    /// Flagged ones by reason.
    pub flags: FlagCounts,
    /// The server's clock, so that a device can see how far it is off.
    pub server_time: Timestamp,
}

/// Delivers fixes; the answer comes after they are safe.
///
/// A fix is known by (device, `at`): sending it again changes nothing. One bad fix refuses the whole call.
/// Permissions: everybody with a session, for the device of the session; systems not.
#[utoipa::path(post, path = "/api/v1/positions", tag = "location", request_body = Positions,
    responses((status = 200, body = PositionsTaken), (status = 413, description = "`too_many_fixes`"),
        (status = 422, description = "`invalid_field` naming `fixes[i].…`")))]
pub async fn positions(ctx: Ctx, body: Body<Positions, BATCH_BODY_MAX>) -> Result<HttpResponse> {
    let bearer = Bearer::of(&ctx.actor)?;
    let mut body = body.value;
    if body.fixes.is_empty() {
        return Err(Error::field("fixes", "must not be empty"));
    }
    if let Some(author) = body.author {
        body.fixes.iter_mut().for_each(|fix| {
            fix.author.get_or_insert_with(|| author.clone());
        });
    }
    let receipt = ctx.part::<Ingest>()?.take(&ctx, bearer, &body.fixes).await?;
    Ok(HttpResponse::Ok().json(PositionsTaken {
        stored: receipt.stored,
        duplicates: receipt.duplicates,
        flagged: receipt.flagged,
        flags: receipt.flags,
        server_time: ctx.clock.now(),
    }))
}

/// What to look at.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct LiveQuery {
    /// A unit and everything below it; one's own when absent.
    pub unit_id: Option<UnitId>,
    /// `west,south,east,north` in degrees.
    #[param(example = "119.4,31.6,119.7,31.9")]
    pub bbox: Option<String>,
    /// Why; kept in the access record.
    #[param(max_length = 200)]
    pub purpose: Option<String>,
}

/// Everybody in view.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct LiveView {
    /// Rises with every published change.
    pub version: u64,
    /// The moment this holds for.
    pub server_time: Timestamp,
    /// People on duty with a known place.
    pub people: Vec<LivePerson>,
    /// Vehicles, drones and checkpoints that report with nobody on duty in them.
    pub vehicles: Vec<LiveVehicle>,
}

/// Where everybody is now.
///
/// Permissions: a room sees its unit's subtree, a field officer the people of his own unit; everybody himself and those
/// an open backup or assignment joins to him. Off-duty people are not shown. Leaves an access record.
#[utoipa::path(get, path = "/api/v1/live", tag = "location", params(LiveQuery), responses((status = 200, body = LiveView)))]
pub async fn live(ctx: Ctx, Params(query): Params<LiveQuery>) -> Result<HttpResponse> {
    let bbox: Option<BBox> = query.bbox.as_deref().map(str::parse).transpose()?;
    body::text_opt("purpose", query.purpose.as_deref(), 200)?;
    let scope = scope_asked(&ctx, query.unit_id).await?;
    let now = ctx.clock.now();
    let row = access::look(&ctx.actor, AccessKind::Live, query.purpose, now);
    access::record(&ctx, access::over(row, &scope, bbox.as_ref()), Vec::new()).await?;
    let live = ctx.part::<Live>()?;
    let (people, vehicles) = live.people(&scope, bbox.as_ref());
    Ok(HttpResponse::Ok().json(LiveView { version: live.version(), server_time: now, people, vehicles }))
}

/// The scope of an actor who asked for a unit; used by the socket's `subscribe` too.
///
/// Errors: `not_found` for a unit outside, `forbidden` for another system.
pub async fn scope_asked(ctx: &Ctx, unit: Option<UnitId>) -> Result<Scope> {
    if ctx.actor.kind == PersonKind::ServiceAccount {
        return Err(Error::forbidden("a service account does not watch people"));
    }
    let path = match unit {
        Some(unit) => Some(ctx.db.read(move |conn| officers::unit_fetch(conn, &unit)).await?.path),
        None => None,
    };
    Live::scope_of(&ctx.actor, path.as_deref()).ok_or_else(|| Error::not_found("unit"))
}

/// Around which place.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct NearbyQuery {
    /// Degrees east.
    #[param(minimum = -180, maximum = 180)]
    pub lon: f64,
    /// Degrees north.
    #[param(minimum = -90, maximum = 90)]
    pub lat: f64,
    /// 1 to 100 people; 10 unless told.
    #[param(minimum = 1, maximum = 100)]
    pub k: Option<usize>,
    /// Metres; 20,000 unless told.
    #[param(minimum = 0.1, maximum = 20_000_000)]
    pub within_m: Option<f64>,
    /// Only people free to be sent.
    pub available: Option<bool>,
    /// Only these kinds, separated by commas.
    pub kinds: Option<String>,
    /// Why; kept in the access record.
    #[param(max_length = 200)]
    pub purpose: Option<String>,
}

/// Somebody near.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Near {
    /// Who.
    pub person_id: PersonId,
    /// Straight distance, metres.
    pub distance_m: f64,
    /// Estimated seconds to arrive.
    pub eta_s: f64,
    /// How, for the estimate.
    pub mode: TravelMode,
    /// Whether the place may be believed.
    pub freshness: Freshness,
    /// Degrees east.
    pub lon: f64,
    /// Degrees north.
    pub lat: f64,
    /// Device time of the fix.
    pub at: Timestamp,
    /// When the next report is overdue.
    pub due_at: Timestamp,
    /// What the person is.
    pub kind: PersonKind,
    /// The availability column's word.
    pub availability: String,
    /// The crew, if in one.
    pub crew_id: Option<CrewId>,
}

/// The nearest people.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct NearbyPeople {
    /// Nearest first.
    pub people: Vec<Near>,
}

/// Who is near a place, nearest first by exact distance.
///
/// Permissions: as the live view; the caller himself is left out. Leaves an access record naming everybody shown.
#[utoipa::path(get, path = "/api/v1/nearby", tag = "location", params(NearbyQuery),
    responses((status = 200, body = NearbyPeople)))]
pub async fn nearby(ctx: Ctx, Params(query): Params<NearbyQuery>) -> Result<HttpResponse> {
    let place = Position::new(query.lon, query.lat)?;
    let k = query.k.unwrap_or(10);
    if !(1..=NEARBY_MAX).contains(&k) {
        return Err(Error::field("k", format!("must be between 1 and {NEARBY_MAX}")));
    }
    let within_m = query.within_m.unwrap_or(NEARBY_WITHIN_M);
    if !(within_m > 0.0 && within_m <= EARTH_HALF_M) {
        return Err(Error::field("within_m", format!("must be more than 0 and at most {EARTH_HALF_M}")));
    }
    body::text_opt("purpose", query.purpose.as_deref(), 200)?;
    let kinds = match query.kinds.as_deref() {
        Some(text) => Some(text.split(',').map(|kind| kind.trim().parse()).collect::<Result<Vec<PersonKind>>>()?),
        None => None,
    };
    let scope = scope_asked(&ctx, None).await?;
    let live = ctx.part::<Live>()?;
    let found = live.nearest_seen(&scope, place, k, within_m, |person, facts| {
        *person != ctx.actor.person
            && (query.available != Some(true) || facts.availability == "available")
            && kinds.as_ref().is_none_or(|kinds| kinds.contains(&facts.kind))
    });
    let travel = StraightLine { detour: ctx.config.location.detour };
    let now = ctx.clock.now();
    let people: Vec<Near> = found
        .into_iter()
        .map(|Found { distance_m, marker, facts }| {
            let mode = TravelMode::of(Some(&facts), &marker);
            Near {
                person_id: marker.person_id,
                distance_m: (distance_m * 10.0).round() / 10.0,
                eta_s: travel.over(distance_m, mode).round(),
                mode,
                freshness: marker.freshness(now),
                lon: marker.position.lon,
                lat: marker.position.lat,
                at: marker.at,
                due_at: marker.due_at,
                kind: facts.kind,
                availability: facts.availability.clone(),
                crew_id: facts.crew_id,
            }
        })
        .collect();
    let seen = people.iter().map(|near| near.person_id).collect();
    access::record(&ctx, access::look(&ctx.actor, AccessKind::Nearby, query.purpose, now), seen).await?;
    Ok(HttpResponse::Ok().json(NearbyPeople { people }))
}
