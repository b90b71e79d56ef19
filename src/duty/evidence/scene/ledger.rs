//! What a visit has left behind, read from the rows: whose rule it falls under, when the unit was there, what was
//! recorded, what the incident has. Measured by [`super::measure`], judged by nobody here.

use super::Requirement;
use super::measure::{self, Measured, Stretch};
use super::view::{LedgerView, RequirementView};
use crate::duty::assignments::ladder::{Rung, State};
use crate::duty::assignments::store::{self as assignments, AssigneeKind, AssignmentRow};
use crate::duty::evidence::Kind;
use crate::duty::evidence::store::scene as gaps;
use crate::duty::incidents::IncidentRow;
use crate::duty::incidents::access as calls;
use crate::duty::incidents::store as incidents;
use crate::platform::config::{Evidence, SceneRule};
use crate::platform::db::Conn;
use crate::platform::policy::{Action, Actor, Decision};
use crate::words::error::{Error, Result};
use crate::words::ids::{AssignmentId, PersonId};
use crate::words::time::Timestamp;

/// Seconds before the call and after the last unit left in which a photo is still one of the scene: cameras run minutes
/// off.
const CAMERA_OFF_S: i64 = 600;

/// The ledger of an assignment for whoever may see that. Errors: `not_found`.
pub fn ledger_for(
    conn: &mut Conn,
    settings: &Evidence,
    actor: &Actor,
    id: &AssignmentId,
    now: Timestamp,
) -> Result<LedgerView> {
    let row = assignments::assignment_fetch(conn, id)?;
    let incident = incidents::incident_fetch(conn, &row.incident_id)?;
    let may = calls::sight(conn, actor, &incident)?.decide(actor, Action::AssignmentRead) == Decision::Allow;
    if !may && !people_of(conn, id)?.contains(&actor.person) {
        return Err(Error::not_found("assignment"));
    }
    ledger(conn, settings, &row, now)
}

pub fn ledger(conn: &mut Conn, settings: &Evidence, row: &AssignmentRow, now: Timestamp) -> Result<LedgerView> {
    let incident = incidents::incident_fetch(conn, &row.incident_id)?;
    let rule = rule_of(settings, &incident).filter(|_| is_of_people(row));
    let visit = visit(conn, row, now)?;
    let mut measured = Vec::new();
    if let Some(rule) = rule {
        if rule.recording > 0.0 && (visit.is_some() || row.state == State::Cleared) {
            measured.push(recorded(conn, row, rule, visit)?);
        }
        let until = last_to_leave(conn, &incident)?.map_or(now, |last| left_at(&last, now));
        measured.extend(of_incident(conn, &incident, rule, until)?);
    }
    let own = gaps::gaps_of_assignment(conn, &row.id)?;
    let mut requirements = Vec::new();
    for one in measured {
        let of_incident = match one.requirement {
            Requirement::Recording => None,
            shared => gaps::gap_of_incident(conn, &incident.id, shared)?,
        };
        let gap = own.iter().find(|gap| gap.requirement == one.requirement).or(of_incident.as_ref());
        requirements.push(RequirementView::of(one, gap));
    }
    Ok(LedgerView {
        assignment_id: row.id,
        incident_id: row.incident_id,
        category: category_of(&incident).to_owned(),
        rule: rule.map(|rule| rule.category.clone()),
        arrived_at: visit.map(|visit| visit.from),
        cleared_at: visit.filter(|_| row.state == State::Cleared).map(|visit| visit.to),
        requirements,
    })
}

fn category_of(incident: &IncidentRow) -> &str {
    incident.category_found.as_deref().unwrap_or(&incident.category)
}

pub fn rule_of<'a>(settings: &'a Evidence, incident: &IncidentRow) -> Option<&'a SceneRule> {
    settings.scene_rule(category_of(incident))
}

/// A crew or a person; a unit's own assignment goes nowhere, an agency delivers nothing.
pub const fn is_of_people(row: &AssignmentRow) -> bool {
    matches!(row.assignee_kind, AssigneeKind::Crew | AssigneeKind::Person)
}

/// When it was over by the server's clock.
pub fn left_at(row: &AssignmentRow, now: Timestamp) -> Timestamp {
    row.closed_at.unwrap_or(now)
}

/// From the arrival to the clearing, by the clock of whoever said so; until now where it is not over.
pub fn visit(conn: &mut Conn, row: &AssignmentRow, now: Timestamp) -> Result<Option<Stretch>> {
    let rungs = assignments::rungs_list(conn, &row.id)?;
    let said = |step: Rung| {
        rungs
            .iter()
            .filter(move |rung| rung.step == step)
            .map(|rung| rung.device_at.map_or(rung.at, |at| at.min(rung.at)))
    };
    let until = match row.state {
        State::Cleared => said(Rung::Cleared).max().unwrap_or(now),
        _ => left_at(row, now),
    };
    Ok(said(Rung::OnScene).min().map(|from| Stretch { from, to: until.max(from) }))
}

pub fn people_of(conn: &mut Conn, id: &AssignmentId) -> Result<Vec<PersonId>> {
    Ok(assignments::members_of(conn, id)?.into_iter().map(|member| member.person_id).collect())
}

pub fn recordings(conn: &mut Conn, people: &[PersonId], from: Timestamp, to: Timestamp) -> Result<Vec<Stretch>> {
    let rows = gaps::recordings_of(conn, people, from, to)?;
    Ok(rows.into_iter().map(|(_, at, ms)| Stretch { from: at, to: at.plus_millis(ms) }).collect())
}

pub fn recorded(conn: &mut Conn, row: &AssignmentRow, rule: &SceneRule, visit: Option<Stretch>) -> Result<Measured> {
    let made = match visit {
        Some(visit) => {
            let people = people_of(conn, &row.id)?;
            recordings(conn, &people, visit.from, visit.to)?
        }
        None => Vec::new(),
    };
    Ok(measure::recording(rule.recording, visit, &made))
}

pub const fn kind_of(requirement: Requirement) -> Kind {
    match requirement {
        Requirement::Photos => Kind::Photo,
        Requirement::MediationSignatures => Kind::Document,
        Requirement::Recording => Kind::Video,
    }
}

/// What the incident as a whole must have, with what it has.
pub fn of_incident(
    conn: &mut Conn,
    incident: &IncidentRow,
    rule: &SceneRule,
    until: Timestamp,
) -> Result<Vec<Measured>> {
    let begun = incident.called_at.map_or(incident.created_at, |called| called.min(incident.created_at));
    let within = Stretch { from: begun.plus_secs(-CAMERA_OFF_S), to: until.plus_secs(CAMERA_OFF_S) };
    let asked = [(Requirement::Photos, rule.photos), (Requirement::MediationSignatures, rule.mediation_signatures)];
    let mut all = Vec::new();
    for (requirement, need) in asked.into_iter().filter(|(_, need)| *need > 0) {
        let have = gaps::items_of(conn, &incident.id, kind_of(requirement), within.from, within.to)?;
        all.push(measure::counted(requirement, have, i64::from(need), within));
    }
    Ok(all)
}

/// Who cleared last of those sent in this round; none while somebody is still on it, or when nobody cleared.
pub fn last_to_leave(conn: &mut Conn, incident: &IncidentRow) -> Result<Option<AssignmentRow>> {
    let mut sent = assignments::assignments_of_incident(conn, &incident.id)?;
    sent.retain(is_of_people);
    if sent.iter().any(|row| !row.state.is_closed()) {
        return Ok(None);
    }
    let cleared = sent.into_iter().filter(|row| row.state == State::Cleared && row.round == incident.round);
    Ok(cleared.max_by_key(|row| row.closed_at))
}
