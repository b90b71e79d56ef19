//! Every query about records of mediation; `noun_verb`.

pub mod acts;
mod edits;
pub mod known;

use std::collections::BTreeSet;

use diesel::prelude::*;

pub use self::edits::{edit_insert, edits_of, whole_insert_new, wholes_of};
use super::rules::State;
use super::{Figure, Form, Kind};
use crate::platform::db::Conn;
use crate::platform::db::conn::MultiBackend;
use crate::platform::db::schema::{incident, incident_person, mediation, mediation_step};
use crate::words::error::{Error, Result};
use crate::words::ids::{IncidentId, MediationId, PersonId, UnitId};
use crate::words::time::Timestamp;
use crate::{lock_row, per_backend};

/// One record; what stands in it is what its edits make.
#[derive(Clone, Debug, Queryable, Insertable, AsChangeset)]
#[diesel(table_name = mediation, treat_none_as_null = true, treat_none_as_default_value = false)]
pub struct MediationRow {
    pub id: MediationId,
    pub incident_id: IncidentId,
    /// In charge of the incident when the record was made.
    pub unit_id: UnitId,
    pub kind: Kind,
    /// Rises by one with each request that wrote something.
    pub version: i64,
    /// Fields, and removals of entries, about which people disagree.
    pub open_questions: i32,
    pub state: State,
    pub state_at: Timestamp,
    /// Sessions held or being held, from 1.
    pub round: i32,
    /// A drill (演练): said on every page, counted nowhere.
    pub drill: bool,
    /// The record that this one changes.
    pub amends: Option<MediationId>,
    /// Who leads it, as the record says.
    pub leader_id: Option<PersonId>,
    /// Of what stands now.
    pub content_hash: String,
    /// In which form it was made final.
    pub form: Option<Form>,
    pub serial_no: Option<String>,
    pub finalized_at: Option<Timestamp>,
    pub finalized_by: Option<PersonId>,
    pub effective_at: Option<Timestamp>,
    /// That stand filled.
    pub fields: i32,
    /// Of them those that stand as they were filled in from what was known.
    pub not_typed: i32,
    pub created_by: PersonId,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// False when there is one of this id.
pub fn mediation_insert_new(conn: &mut Conn, row: &MediationRow) -> Result<bool> {
    let rows =
        per_backend!(conn, |c| diesel::insert_into(mediation::table).values(row).on_conflict_do_nothing().execute(c))?;
    Ok(rows > 0)
}

pub fn mediation_find(conn: &mut Conn, id: &MediationId) -> Result<Option<MediationRow>> {
    Ok(mediation::table.find(id).first(conn).optional()?)
}

/// Errors: `not_found`.
pub fn mediation_fetch(conn: &mut Conn, id: &MediationId) -> Result<MediationRow> {
    mediation_find(conn, id)?.ok_or_else(|| Error::not_found("mediation"))
}

/// Fetches and locks the row until the transaction ends.
pub fn mediation_lock(conn: &mut Conn, id: &MediationId) -> Result<MediationRow> {
    let row: Option<MediationRow> = lock_row!(conn, mediation, id)?;
    row.ok_or_else(|| Error::not_found("mediation"))
}

/// Writes the row down as it is now; the caller holds its lock.
pub fn mediation_save(conn: &mut Conn, row: &MediationRow) -> Result<()> {
    per_backend!(conn, |c| diesel::update(mediation::table.find(row.id)).set(row).execute(c))?;
    Ok(())
}

/// Whose records a list shows.
#[derive(Clone, Debug)]
pub enum Scope {
    /// Of one incident, and of these units if any are named; whether the reader may know of that is asked before.
    Incident(IncidentId, Option<Vec<UnitId>>),
    /// Of these units.
    Units(Vec<UnitId>),
    /// One's own, and those of incidents one was sent to.
    Own(PersonId),
}

/// The number of a final record that changes this one.
pub fn amended_by(conn: &mut Conn, id: &MediationId) -> Result<Option<String>> {
    let found: Option<Option<String>> = mediation::table
        .filter(mediation::amends.eq(id))
        .filter(mediation::effective_at.is_not_null())
        .order(mediation::effective_at.desc())
        .select(mediation::serial_no)
        .first(conn)
        .optional()?;
    Ok(found.flatten())
}

/// What else a list asks for.
#[derive(Clone, Debug, Default)]
pub struct Narrow {
    pub kind: Option<Kind>,
    pub state: Option<State>,
    /// Exactly this unit.
    pub unit: Option<UnitId>,
    pub leader: Option<PersonId>,
    pub no_leader: bool,
    /// Made from then on …
    pub from: Option<Timestamp>,
    /// … and before then.
    pub until: Option<Timestamp>,
    pub drill: Option<bool>,
    /// Of the incident.
    pub category: Option<String>,
    pub figure: Option<Figure>,
}

/// Said not to be kept.
const DEFAULTED: &[State] = &[State::Defaulted];
/// A session ended without an agreement.
const BROKEN_OFF: &[State] = &[State::Failed, State::NotReached];
/// Where a record stands of which nothing came: for good, for now, or with another body.
pub const ENDED_WITHOUT: [State; 4] = [State::Failed, State::NotReached, State::ClosedFailed, State::Referred];

/// What a report counts of one record.
#[derive(Clone, Debug)]
pub struct Counted {
    pub unit_id: UnitId,
    pub kind: Kind,
    pub state: State,
    pub round: i32,
    pub leader_id: Option<PersonId>,
    pub effective_at: Option<Timestamp>,
    pub created_at: Timestamp,
    /// Of the incident.
    pub category: String,
    /// Was ever said not to be kept.
    pub defaulted: bool,
    /// A session of it ended without an agreement.
    pub broke_off: bool,
    /// Once it is final: fields that stand filled, and of them those that nobody typed.
    pub fields: u32,
    pub not_typed: u32,
}

/// Of these units, made in a period; no drills.
pub fn mediations_counted(
    conn: &mut Conn,
    units: &[UnitId],
    from: Timestamp,
    until: Timestamp,
) -> Result<Vec<Counted>> {
    let rows: Vec<(MediationRow, String)> = mediation::table
        .inner_join(incident::table.on(incident::id.eq(mediation::incident_id)))
        .filter(mediation::unit_id.eq_any(units))
        .filter(mediation::created_at.ge(from))
        .filter(mediation::created_at.lt(until))
        .filter(mediation::drill.eq(false))
        .select((mediation::all_columns, incident::category))
        .load(conn)?;
    let mut came_to = |states: &[State]| -> Result<BTreeSet<MediationId>> {
        let steps = mediation_step::table
            .filter(mediation_step::to_state.eq_any(states.to_vec()))
            .filter(mediation_step::at.ge(from))
            .select(mediation_step::mediation_id);
        Ok(steps.load::<MediationId>(conn)?.into_iter().collect())
    };
    let (defaulted, broke_off) = (came_to(DEFAULTED)?, came_to(BROKEN_OFF)?);
    let counted = |(row, category): (MediationRow, String)| Counted {
        unit_id: row.unit_id,
        kind: row.kind,
        state: row.state,
        round: row.round,
        leader_id: row.leader_id,
        effective_at: row.effective_at,
        created_at: row.created_at,
        category,
        defaulted: defaulted.contains(&row.id),
        broke_off: broke_off.contains(&row.id),
        fields: row.finalized_at.and_then(|_| u32::try_from(row.fields).ok()).unwrap_or_default(),
        not_typed: row.finalized_at.and_then(|_| u32::try_from(row.not_typed).ok()).unwrap_or_default(),
    };
    Ok(rows.into_iter().map(counted).collect())
}

/// Of one incident, the earliest made first; no drills.
pub fn mediations_of_incident(conn: &mut Conn, id: &IncidentId) -> Result<Vec<MediationId>> {
    Ok(mediation::table
        .filter(mediation::incident_id.eq(id))
        .filter(mediation::drill.eq(false))
        .order((mediation::created_at.asc(), mediation::id.asc()))
        .select(mediation::id)
        .load(conn)?)
}

/// Made final, and not in effect because something is still on its way; by their ids, from the one after `after` on.
pub fn mediations_pending(conn: &mut Conn, after: Option<MediationId>, limit: i64) -> Result<Vec<MediationRow>> {
    let mut query = mediation::table
        .filter(mediation::state.eq_any([State::Agreed, State::Signed]))
        .filter(mediation::finalized_at.is_not_null())
        .into_boxed::<MultiBackend>();
    if let Some(after) = after {
        query = query.filter(mediation::id.gt(after));
    }
    Ok(query.order(mediation::id.asc()).limit(limit).load(conn)?)
}

/// The latest made first.
pub fn mediations_page(
    conn: &mut Conn,
    scope: &Scope,
    narrow: &Narrow,
    before: Option<(Timestamp, MediationId)>,
    limit: i64,
) -> Result<Vec<MediationRow>> {
    let mut query = mediation::table.into_boxed::<MultiBackend>();
    query = match scope {
        Scope::Incident(id, None) => query.filter(mediation::incident_id.eq(*id)),
        Scope::Incident(id, Some(units)) => {
            query.filter(mediation::incident_id.eq(*id)).filter(mediation::unit_id.eq_any(units.clone()))
        }
        Scope::Units(units) => query.filter(mediation::unit_id.eq_any(units.clone())),
        Scope::Own(person) => {
            let sent_to = incident_person::table
                .filter(incident_person::person_id.eq(*person))
                .select(incident_person::incident_id);
            query.filter(mediation::created_by.eq(*person).or(mediation::incident_id.eq_any(sent_to)))
        }
    };
    if let Some(kind) = narrow.kind {
        query = query.filter(mediation::kind.eq(kind));
    }
    if let Some(state) = narrow.state {
        query = query.filter(mediation::state.eq(state));
    }
    if let Some(unit) = narrow.unit {
        query = query.filter(mediation::unit_id.eq(unit));
    }
    if let Some(leader) = narrow.leader {
        query = query.filter(mediation::leader_id.eq(leader));
    }
    if narrow.no_leader {
        query = query.filter(mediation::leader_id.is_null());
    }
    if let Some(from) = narrow.from {
        query = query.filter(mediation::created_at.ge(from));
    }
    if let Some(until) = narrow.until {
        query = query.filter(mediation::created_at.lt(until));
    }
    if let Some(drill) = narrow.drill {
        query = query.filter(mediation::drill.eq(drill));
    }
    if let Some(category) = &narrow.category {
        let of_category = incident::table.filter(incident::category.eq(category)).select(incident::id);
        query = query.filter(mediation::incident_id.eq_any(of_category));
    }
    let came_to = |states: &[State]| {
        let steps = mediation_step::table.filter(mediation_step::to_state.eq_any(states.to_vec()));
        mediation::id.eq_any(steps.select(mediation_step::mediation_id))
    };
    let reached = || mediation::effective_at.is_not_null().and(mediation::state.ne(State::Amended));
    query = match narrow.figure {
        None => query,
        Some(Figure::Reached) => query.filter(reached()),
        Some(Figure::OnScene) => query.filter(reached()).filter(mediation::kind.eq(Kind::PoliceOnScene)),
        Some(Figure::Failed) => query
            .filter(mediation::effective_at.is_null())
            .filter(mediation::state.eq_any(ENDED_WITHOUT))
            .filter(came_to(BROKEN_OFF)),
        Some(Figure::Performed) => query.filter(mediation::state.eq(State::Performed)),
        Some(Figure::Defaults) => query.filter(came_to(DEFAULTED)),
        Some(Figure::SecondRounds) => query.filter(mediation::round.gt(1)),
        Some(Figure::Referred) => query.filter(mediation::state.eq(State::Referred)),
    };
    if let Some((at, id)) = before {
        query = query.filter(mediation::created_at.lt(at).or(mediation::created_at.eq(at).and(mediation::id.lt(id))));
    }
    Ok(query.order((mediation::created_at.desc(), mediation::id.desc())).limit(limit).load(conn)?)
}
