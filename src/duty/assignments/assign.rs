//! `POST /incidents/{id}/assignments`: a seat sends people, crews, units,
//! agencies or the nearest free response units.

use std::collections::HashSet;

use serde::Deserialize;
use serde_json::{Value, json};

use super::lead::{self, Verdict};
use super::nearest::{Wanted, nearest};
use super::offer::{self, Offer, Party};
use super::store::{self, AssigneeKind, AssignmentRow, Origin};
use super::{unit, view};
use crate::duty::incidents::service as incident_service;
use crate::duty::incidents::state::{self, Command};
use crate::duty::incidents::{IncidentRow, check_claim, store as incidents};
use crate::duty::officers::store as officers;
use crate::platform::ctx::Ctx;
use crate::platform::db::Tx;
use crate::platform::http::{Done, RequestMeta};
use crate::platform::policy::{Action, PersonKind};
use crate::words::error::{Code, Error, Result};
use crate::words::ids::{AgencyId, AssignmentId, CrewId, IncidentId, PersonId, UnitId};
use crate::words::time::Timestamp;

/// Assignees of one request.
const ASSIGNEES_MAX: usize = 50;
/// Response units asked for at once.
const NEAREST_MAX: usize = 20;

/// The nearest free response units.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Nearest {
    /// 1 to 20.
    pub k: usize,
    /// Kinds of people; police officers unless told.
    #[serde(default)]
    pub kinds: Vec<PersonKind>,
    /// Metres; the configured bound unless told.
    pub within_m: Option<f64>,
}

/// The body: at least one of the five.
#[derive(Clone, Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Assign {
    #[serde(default)]
    pub person_ids: Vec<PersonId>,
    #[serde(default)]
    pub crew_ids: Vec<CrewId>,
    #[serde(default)]
    pub unit_ids: Vec<UnitId>,
    #[serde(default)]
    pub agency_ids: Vec<AgencyId>,
    pub nearest: Option<Nearest>,
    /// Send although another seat holds the claim or has just sent somebody.
    #[serde(default)]
    pub override_claim: bool,
    /// Send without a police lead; flagged on the assignment.
    #[serde(default)]
    pub override_lead: bool,
}

impl Assign {
    /// Errors: `invalid_field`.
    pub fn check(&self) -> Result<()> {
        let named = self.person_ids.len() + self.crew_ids.len() + self.unit_ids.len() + self.agency_ids.len();
        if named == 0 && self.nearest.is_none() {
            return Err(Error::field("person_ids", "or crew_ids, unit_ids, agency_ids, nearest must name somebody"));
        }
        if named > ASSIGNEES_MAX {
            return Err(Error::field("person_ids", format!("must name at most {ASSIGNEES_MAX} in all")));
        }
        if let Some(nearest) = &self.nearest {
            if !(1..=NEAREST_MAX).contains(&nearest.k) {
                return Err(Error::field("nearest.k", format!("must be between 1 and {NEAREST_MAX}")));
            }
            if nearest.within_m.is_some_and(|m| !(1.0..=200_000.0).contains(&m)) {
                return Err(Error::field("nearest.within_m", "must be between 1 and 200000"));
            }
            if nearest.kinds.iter().any(|kind| !kind.is_field()) {
                return Err(Error::field("nearest.kinds", "must be kinds that work in the field"));
            }
        }
        Ok(())
    }
}

/// The recipe: 201 with what was made, 200 when everybody was on it already.
pub fn assign(tx: &mut Tx<'_>, ctx: &Ctx, id: &IncidentId, meta: &RequestMeta, body: &Assign) -> Result<Done> {
    let mut row = incident_service::begin(tx, ctx, id, meta, Action::IncidentCommand)?;
    let rows = send(tx, ctx, &mut row, meta, body, None)?;
    let status = if rows.iter().any(|(_, fresh)| *fresh) { 201 } else { 200 };
    let ids: Vec<AssignmentId> = rows.iter().map(|(row, _)| row.id).collect();
    Ok(Done::new(status, json!({ "ids": ids })))
}

/// Sends; each with whether it is new. Shared with re-assignment.
pub fn send(
    tx: &mut Tx<'_>,
    ctx: &Ctx,
    row: &mut IncidentRow,
    meta: &RequestMeta,
    body: &Assign,
    replaces: Option<AssignmentId>,
) -> Result<Vec<(AssignmentRow, bool)>> {
    if let Err(from) = state::next(row.state, Command::Dispatch) {
        return Err(Error::conflict(format!("the incident is {from}")).with("state", json!(from)));
    }
    check_claim(row, ctx, tx, body.override_claim)?;
    let open = store::open_of_incident(tx.conn(), &row.id)?;
    if replaces.is_none() {
        check_recent(tx, ctx, row, meta, body, &open)?;
    }
    let parties = parties(tx, ctx, row, body, &open)?;
    let flagged = check_lead(tx, ctx, row, body, &parties)?;
    let mut made = Vec::new();
    for party in &parties {
        let had = open
            .iter()
            .find(|had| had.assignee_kind == party.kind && had.assignee_id == party.id && Some(had.id) != replaces);
        if let Some(had) = had {
            made.push((had.clone(), false));
            continue;
        }
        if party.kind == AssigneeKind::Unit {
            unit::hand_to(tx, row, party)?;
        }
        let offer = Offer {
            party,
            origin: Origin::Seat,
            by: Some(ctx.actor.person),
            lead_override: flagged && party.kind != AssigneeKind::Unit,
            replaces,
            start: None,
        };
        made.push((offer::offer(tx, &ctx.core, row, &offer)?, true));
    }
    if made.iter().any(|(_, fresh)| *fresh) {
        let now = tx.now;
        incident_service::mark(row, "assigned_by", json!(ctx.actor.person))?;
        incident_service::mark(row, "assigned_at", json!(now))?;
        if parties.iter().any(|party| party.kind != AssigneeKind::Unit) {
            incident_service::step(row, Command::Dispatch)?;
            unit::dispatched(tx, ctx, row)?;
        }
        incident_service::touch(tx, row)?;
        let ids: Vec<AssignmentId> = made.iter().map(|(row, _)| row.id).collect();
        incident_service::audit_of(
            tx,
            ctx,
            "incident.assign",
            &row.id,
            &json!({ "assignments": ids, "lead_override": flagged }),
        )?;
    }
    Ok(made)
}

/// Two seats never send two cars unknowingly: who names the version he saw, knows.
fn check_recent(
    tx: &Tx<'_>,
    ctx: &Ctx,
    row: &IncidentRow,
    meta: &RequestMeta,
    body: &Assign,
    open: &[AssignmentRow],
) -> Result<()> {
    if body.override_claim || meta.if_match.is_some() {
        return Ok(());
    }
    let by: Option<PersonId> =
        incident_service::marked(row, "assigned_by").and_then(|v| serde_json::from_value(v).ok());
    let at: Option<Timestamp> =
        incident_service::marked(row, "assigned_at").and_then(|v| serde_json::from_value(v).ok());
    let (Some(by), Some(at)) = (by, at) else { return Ok(()) };
    let recent = tx.now.secs_since(at) <= f64::from(ctx.config.dispatch.recent_assignment_s);
    if by == ctx.actor.person || !recent || open.iter().all(AssignmentRow::is_unit) {
        return Ok(());
    }
    let sent: Vec<Value> = open.iter().filter(|a| !a.is_unit()).map(view::brief).collect();
    Err(Error::new(Code::AlreadyAssigned)
        .detail("another seat has just sent somebody; name the version you saw (If-Match) or say override_claim: true")
        .with("assigned_by", json!(by))
        .with("assigned_at", json!(at))
        .with("version", json!(row.version))
        .with("assignments", Value::Array(sent)))
}

fn parties(tx: &mut Tx<'_>, ctx: &Ctx, row: &IncidentRow, body: &Assign, open: &[AssignmentRow]) -> Result<Vec<Party>> {
    let mut parties = Vec::new();
    let mut seen: HashSet<String> = HashSet::new();
    for id in body.person_ids.iter().filter(|id| seen.insert(id.to_string())) {
        let party = offer::party_of_person(tx, id)?;
        in_scope(tx, ctx, &party, "person")?;
        if !party.kinds().iter().all(|kind| kind.is_field()) {
            return Err(Error::field("person_ids", format!("{id} does not work in the field")));
        }
        parties.push(party);
    }
    for id in body.crew_ids.iter().filter(|id| seen.insert(id.to_string())) {
        let party = offer::party_of_crew(tx, id)?;
        in_scope(tx, ctx, &party, "crew")?;
        if party.hands.is_empty() {
            return Err(Error::conflict(format!("crew {id} has no members")));
        }
        parties.push(party);
    }
    for id in body.unit_ids.iter().filter(|id| seen.insert(id.to_string())) {
        let party = offer::party_of_unit(tx, id)?;
        in_scope(tx, ctx, &party, "unit")?;
        parties.push(party);
    }
    for id in body.agency_ids.iter().filter(|id| seen.insert(id.to_string())) {
        parties.push(offer::party_of_agency(tx, id)?);
    }
    if let Some(asked) = &body.nearest {
        let mut without: HashSet<PersonId> = HashSet::new();
        for member in store::members_of_all(tx.conn(), &open.iter().map(|a| a.id).collect::<Vec<_>>())? {
            without.insert(member.person_id);
        }
        without.extend(parties.iter().flat_map(|party| party.hands.iter().map(|hand| hand.person_id)));
        let wanted = Wanted {
            k: asked.k,
            kinds: &asked.kinds,
            within_m: asked.within_m.unwrap_or(ctx.config.dispatch.nearest_within_m),
            scope_path: &ctx.actor.unit_path,
            without: &without,
            fresh_only: false,
        };
        let found = nearest(tx, &ctx.core, row, &wanted)?;
        if found.is_empty() && parties.is_empty() {
            return Err(Error::conflict("no free response unit with a position is near"));
        }
        parties.extend(found);
    }
    Ok(parties)
}

/// One sends only whom one commands; others do not exist for him.
fn in_scope(tx: &mut Tx<'_>, ctx: &Ctx, party: &Party, noun: &str) -> Result<()> {
    let unit = officers::unit_fetch(tx.conn(), &party.unit_id)?;
    if ctx.actor.commands(&unit.path) { Ok(()) } else { Err(Error::not_found(noun)) }
}

/// Whether the override had to be used.
fn check_lead(tx: &mut Tx<'_>, ctx: &Ctx, row: &IncidentRow, body: &Assign, parties: &[Party]) -> Result<bool> {
    let field: Vec<PersonKind> = parties
        .iter()
        .filter(|party| matches!(party.kind, AssigneeKind::Person | AssigneeKind::Crew))
        .flat_map(Party::kinds)
        .collect();
    if field.is_empty() {
        return Ok(false);
    }
    let mut already = Vec::new();
    for person in incidents::people_open(tx.conn(), &row.id)? {
        already.push(officers::person_fetch(tx.conn(), &person)?.kind);
    }
    match lead::judge(ctx.config.dispatch.is_civil(&row.category), &field, &already) {
        Verdict::Fine => Ok(false),
        Verdict::NeedsOverride if body.override_lead => Ok(true),
        Verdict::NeedsOverride => Err(Error::new(Code::PoliceLeadRequired)
            .detail("name a police officer or say override_lead: true")
            .with("category", json!(row.category))),
    }
}
