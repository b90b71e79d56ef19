//! What there was before: mediations at the place of a call and of its people, for whoever goes there.

use std::collections::BTreeMap;
use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::http::header::CACHE_CONTROL;
use serde::Serialize;

use super::Kind;
use super::access;
use super::messages;
use super::record;
use super::rules::State;
use super::store::known::{self, Near};
use super::store::{self, MediationRow};
use crate::duty::incidents::access as calls;
use crate::duty::incidents::store as incidents;
use crate::duty::incidents::store::IncidentRow;
use crate::platform::audit;
use crate::platform::ctx::{Core, Ctx};
use crate::platform::db::{Conn, Priority, Tx};
use crate::platform::http::PathId;
use crate::platform::policy::{Action, Actor, Decision};
use crate::text_enum;
use crate::words::error::Result;
use crate::words::geo::Position;
use crate::words::ids::{IncidentId, MediationId, PersonId, UnitId};
use crate::words::time::Timestamp;

/// How far back: two years. A quarrel between neighbours comes back within months; what is older tells little of today.
const BACK_DAYS: i64 = 2 * 365;
/// A place is the same within so many metres: a building and its yard, as a caller's address is found on a map.
const SAME_PLACE_M: f64 = 50.0;
/// An address written alike is the same place also where the map set it a little beside.
const SAME_ADDRESS_M: f64 = 300.0;
/// Records that are looked through; more than anybody reads on the way, and the counts say "at least" from there.
const LOOKED_MAX: i64 = 50;
/// Characters of what it was about: two lines on a handset.
const ABOUT_MAX: usize = 60;

text_enum! {
    /// Why an earlier record concerns a call.
    pub enum Because {
        SamePlace = "same_place",
        /// Who called now was a party then.
        SameCaller = "same_caller",
        /// A party of a record of this call was a party then.
        SameParty = "same_party",
    }
}

/// An earlier mediation.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct EarlierMediation {
    pub mediation_id: MediationId,
    pub incident_id: IncidentId,
    pub unit_id: UnitId,
    #[schema(inline)]
    pub kind: Kind,
    #[schema(inline)]
    pub state: State,
    pub serial_no: Option<String>,
    pub made_at: Timestamp,
    /// Why it is here.
    #[schema(inline)]
    pub because: Vec<Because>,
    /// From the place of this call, in metres.
    pub distance_m: Option<u32>,
    /// What was promised was at some time said not to be kept.
    pub defaulted: bool,
    /// What it was about, at most 60 characters; for who may open it.
    pub about: Option<String>,
    /// Whether the reader may open the record.
    pub may_open: bool,
}

/// What there was before.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct HistoryView {
    pub incident_id: IncidentId,
    #[serde(flatten)]
    pub counts: Counts,
    /// The latest first, at most 50.
    pub items: Vec<EarlierMediation>,
}

/// In how many earlier mediations, of the last two years.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, utoipa::ToSchema, schemars::JsonSchema)]
pub struct Counts {
    /// At this place.
    pub same_place: u32,
    /// With the caller, or with a party of a record of this call.
    pub same_people: u32,
    /// What was promised in them was not kept.
    pub defaulted: u32,
}

impl Counts {
    pub const fn is_none(self) -> bool {
        self.same_place == 0 && self.same_people == 0
    }
}

struct Found {
    row: MediationRow,
    because: Vec<Because>,
    distance_m: Option<f64>,
}

/// The latest first.
fn find(conn: &mut Conn, incident: &IncidentRow, now: Timestamp) -> Result<Vec<Found>> {
    let since = now.plus_secs(-BACK_DAYS * 86_400);
    let mut all: BTreeMap<MediationId, Found> = BTreeMap::new();
    let mut add = |row: MediationRow, because: Because, distance_m: Option<f64>| {
        let found = all.entry(row.id).or_insert(Found { row, because: Vec::new(), distance_m: None });
        if !found.because.contains(&because) {
            found.because.push(because);
        }
        found.distance_m = found.distance_m.or(distance_m);
    };
    let here = Position::new(incident.lon, incident.lat)?;
    let address = incident.address.as_deref().map(str::trim).filter(|address| !address.is_empty());
    // Where the place is not known every unknown place is the same.
    if !here.is_null_island() {
        for Near { row, at, address: there } in
            known::mediations_near(conn, &incident.id, here, SAME_ADDRESS_M, since, LOOKED_MAX)?
        {
            let distance = here.distance_m(at);
            let alike = address.is_some() && there.as_deref().map(str::trim) == address;
            if distance <= SAME_PLACE_M || alike {
                add(row, Because::SamePlace, Some(distance));
            }
        }
    }
    let callers = incidents::callers_list(conn, &incident.id)?;
    let phones: Vec<String> =
        callers.into_iter().filter(|caller| !caller.secret).filter_map(|caller| caller.phone_index).collect();
    for (row, _) in known::mediations_with(conn, &[], &phones, since, LOOKED_MAX)? {
        if row.incident_id != incident.id {
            add(row, Because::SameCaller, None);
        }
    }
    let ours = store::mediations_of_incident(conn, &incident.id)?;
    let parties = known::parties_indexed(conn, &ours)?;
    let identities: Vec<String> = parties.iter().filter_map(|party| party.identity_index.clone()).collect();
    let phones: Vec<String> = parties.iter().filter_map(|party| party.phone_index.clone()).collect();
    for (row, _) in known::mediations_with(conn, &identities, &phones, since, LOOKED_MAX)? {
        if row.incident_id != incident.id {
            add(row, Because::SameParty, None);
        }
    }
    let mut found: Vec<Found> = all.into_values().collect();
    found.sort_by_key(|one| std::cmp::Reverse((one.row.created_at, one.row.id)));
    found.truncate(usize::try_from(LOOKED_MAX).unwrap_or(usize::MAX));
    Ok(found)
}

fn counts(found: &[Found], defaulted: &[MediationId]) -> Counts {
    let count =
        |is: &dyn Fn(&Found) -> bool| u32::try_from(found.iter().filter(|one| is(one)).count()).unwrap_or(u32::MAX);
    Counts {
        same_place: count(&|one| one.because.contains(&Because::SamePlace)),
        same_people: count(&|one| one.because.iter().any(|because| *because != Because::SamePlace)),
        defaulted: count(&|one| defaulted.contains(&one.row.id)),
    }
}

/// How much there was before.
fn counted(conn: &mut Conn, incident: &IncidentRow, now: Timestamp) -> Result<Counts> {
    let found = find(conn, incident, now)?;
    let ids: Vec<MediationId> = found.iter().map(|one| one.row.id).collect();
    Ok(counts(&found, &known::mediations_defaulted(conn, &ids)?))
}

fn view(conn: &mut Conn, core: &Core, actor: &Actor, incident: &IncidentRow, now: Timestamp) -> Result<HistoryView> {
    let found = find(conn, incident, now)?;
    let ids: Vec<MediationId> = found.iter().map(|one| one.row.id).collect();
    let defaulted = known::mediations_defaulted(conn, &ids)?;
    let counts = counts(&found, &defaulted);
    let mut items = Vec::with_capacity(found.len());
    for Found { row, because, distance_m } in found {
        let may_open = access::decide(conn, actor, &row, Action::MediationRead)? == Decision::Allow;
        let about = if may_open {
            let values = record::merge(&store::edits_of(conn, &core.keys, &row.id)?).values;
            values.get("cause").and_then(|cause| cause.as_str()).map(|cause| cause.chars().take(ABOUT_MAX).collect())
        } else {
            None
        };
        items.push(EarlierMediation {
            mediation_id: row.id,
            incident_id: row.incident_id,
            unit_id: row.unit_id,
            kind: row.kind,
            state: row.state,
            serial_no: row.serial_no,
            made_at: row.created_at,
            because,
            distance_m: distance_m.map(|metres| metres.round() as u32),
            defaulted: defaulted.contains(&row.id),
            about,
            may_open,
        });
    }
    Ok(HistoryView { incident_id: incident.id, counts, items })
}

/// Earlier mediations at the place of a call, of its caller, and of the parties of its records, in the last two years.
/// Each look is in the audit.
///
/// Permissions: whoever is or was sent to the incident or made it; rooms, supervisors and custodians above it. What an
/// earlier one was about is told to those who may open it.
#[utoipa::path(get, path = "/api/v1/incidents/{id}/mediation-history", tag = "mediation",
    params(("id" = IncidentId, Path)), responses((status = 200, body = HistoryView), (status = 404)))]
pub async fn fetch(ctx: Ctx, PathId(id): PathId<IncidentId>) -> Result<HttpResponse> {
    let (core, actor) = (Arc::clone(&ctx.core), Arc::clone(&ctx.actor));
    let view = ctx
        .db
        .write(Priority::Normal, move |tx| {
            let now = tx.now;
            let incident = incidents::incident_fetch(tx.conn(), &id)?;
            calls::sight(tx.conn(), &actor, &incident)?.check(&actor, Action::MediationRead)?;
            let view = view(tx.conn(), &core, &actor, &incident, now)?;
            let shown = serde_json::json!({ "items": view.items.len() });
            audit::record(tx, Some(&actor), "mediation.history_read", "incident", &id.to_string(), &shown)?;
            Ok(view)
        })
        .await?;
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(view))
}

/// Somebody accepted a call: he hears on the way whether there was something before.
pub fn accepted(tx: &mut Tx<'_>, incident: &IncidentId, person: &PersonId) -> Result<()> {
    let now = tx.now;
    let row = incidents::incident_fetch(tx.conn(), incident)?;
    let counts = counted(tx.conn(), &row, now)?;
    if counts.is_none() { Ok(()) } else { messages::tell_history(tx, &row, person, counts) }
}
