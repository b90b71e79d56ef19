//! Recipes: an order is sent; what is said of it moves it; a machine's receipt is written down.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::json;

use super::access::{self, Side};
use super::rules::{self, Clocks, Kind, Stage};
use super::store::agencies;
use super::store::outlet as feeds;
use super::store::{self, EventRow, TaskRow};
use super::{Truth, WhoseClock, follow, messages, outlet};
use crate::duty::incidents::access as calls;
use crate::duty::incidents::state::State as IncidentState;
use crate::duty::incidents::{IncidentRow, store as incidents, trail};
use crate::platform::audit;
use crate::platform::cards;
use crate::platform::ctx::Ctx;
use crate::platform::db::{Priority, Tx};
use crate::platform::http::{Done, RequestMeta, body, idem};
use crate::platform::policy::{Action, Actor, Decision};
use crate::words::error::{Code, Error, Result};
use crate::words::ids::{AgencyId, IncidentId, MediationId, PersonId, TaskEventId, TaskId};
use crate::words::time::Timestamp;

/// Characters of what is asked: a page.
const ASK_MAX: usize = 2_000;
/// Characters of what to beware of, of a result, of a reason.
const TEXT_MAX: usize = 1_000;
/// Characters of a name.
const NAME_MAX: usize = 100;
/// Papers that go along: a record has three.
const PAPERS_MAX: usize = 10;
/// Orders of one incident: every linked body of a county once, and some again.
const TASKS_MAX: usize = 100;
/// Farthest that something is due ahead: a year, as long as any agency is given.
const DUE_MAX_S: i64 = 366 * 86_400;
/// How far the clock of whoever says so may be off before its time is refused, as of an officer's.
const ASKEW_MAX_S: i64 = 1_800;

/// The body of `POST /incidents/{id}/tasks`.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewTask {
    /// The client's own id (UUIDv7), the same when it is sent again; one is made unless given.
    pub id: Option<TaskId>,
    pub agency_id: AgencyId,
    /// What is to be done; 1 to 2000 characters. The agency reads it: no callers, no parties.
    pub ask: String,
    /// Until when; as agreed with the agency unless told.
    pub due_at: Option<Timestamp>,
    /// What whoever comes must beware of; at most 1000 characters.
    pub safety_notes: Option<String>,
    /// The record of mediation that it comes from, of the same incident.
    pub mediation_id: Option<MediationId>,
    /// Papers of that record that the agency may fetch: `agreement`, `minutes`, `volume`.
    #[serde(default)]
    pub documents: Vec<String>,
    /// A drill (演练): counted nowhere.
    #[serde(default)]
    pub drill: bool,
}

impl NewTask {
    /// Errors: `invalid_field`.
    pub fn check(&self) -> Result<()> {
        body::text("ask", &self.ask, 1, ASK_MAX)?;
        if self.ask.trim().is_empty() {
            return Err(Error::field("ask", "must say something"));
        }
        body::text_opt("safety_notes", self.safety_notes.as_deref(), TEXT_MAX)?;
        if self.documents.len() > PAPERS_MAX {
            return Err(Error::field("documents", format!("must be at most {PAPERS_MAX}")));
        }
        let is_name =
            |name: &String| (1..=32).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
        if !self.documents.iter().all(is_name) {
            return Err(Error::field("documents", "must be names of papers, such as `agreement`"));
        }
        if self.mediation_id.is_none() && !self.documents.is_empty() {
            return Err(Error::field("documents", "are papers of a record: name it in `mediation_id`"));
        }
        Ok(())
    }

    fn check_due(&self, now: Timestamp) -> Result<()> {
        match self.due_at {
            Some(due) if due <= now => Err(Error::field("due_at", "must be to come")),
            Some(due) if due > now.plus_secs(DUE_MAX_S) => Err(Error::field("due_at", "must be within a year")),
            _ => Ok(()),
        }
    }

    fn is(&self, row: &TaskRow) -> Result<bool> {
        Ok(row.agency_id == self.agency_id
            && row.ask == self.ask
            && row.due_at == self.due_at
            && row.safety_notes == self.safety_notes
            && row.mediation_id == self.mediation_id
            && row.drill == self.drill
            && row.papers()? == self.documents)
    }
}

/// An order, and whether it was made just now.
#[derive(Clone, Copy, Debug)]
pub struct Sent {
    pub id: TaskId,
    pub fresh: bool,
}

/// Hands an order to a linked body, in the caller's own recipe: the desk's, or a referral's. The same id again is the
/// same order.
///
/// Errors: `not_found` incident, agency or record; `forbidden`; `invalid_field`; `conflict` when the agency takes no orders
/// or the incident has gone into another; `key_reused` when the id came with another order.
pub fn send_task(tx: &mut Tx<'_>, actor: &Actor, incident: &IncidentId, new: &NewTask) -> Result<Sent> {
    new.check()?;
    let call = incidents::incident_lock(tx.conn(), incident)?;
    // Who settled it at a double of this call hands it over though he was never sent to this one.
    let from = match &new.mediation_id {
        Some(record) if calls::sight(tx.conn(), actor, &call)?.decide(actor, Action::TaskSend) != Decision::Allow => {
            call_of_record(tx, record, &call)?
        }
        _ => call.clone(),
    };
    calls::sight(tx.conn(), actor, &from)?.check(actor, Action::TaskSend)?;
    let id = new.id.unwrap_or_else(TaskId::new);
    if let Some(known) = store::task_find(tx.conn(), &id)? {
        return if is_of(tx, &call, &known)? && new.is(&known)? {
            Ok(Sent { id, fresh: false })
        } else {
            Err(Error::new(Code::KeyReused))
        };
    }
    new.check_due(tx.now)?;
    if matches!(call.state, IncidentState::Merged | IncidentState::Cancelled) {
        return Err(Error::conflict(format!("the incident is {}", call.state))
            .with("state", json!(call.state))
            .with("merged_into", json!(call.merged_into)));
    }
    let agency = agencies::agency_fetch(tx.conn(), &new.agency_id)?;
    if !agency.enabled {
        return Err(Error::conflict("the agency takes no orders now").with("agency_id", json!(agency.id)));
    }
    if let Some(record) = &new.mediation_id {
        call_of_record(tx, record, &call)?;
    }
    if store::tasks_of_incident(tx.conn(), incident)?.len() >= TASKS_MAX {
        return Err(Error::conflict(format!("an incident has at most {TASKS_MAX} orders")));
    }
    let now = tx.now;
    let clocks = Clocks::set(now, agency.accept_within_s, agency.finish_within_s, new.due_at);
    let row = TaskRow {
        id,
        incident_id: *incident,
        unit_id: call.unit_id,
        agency_id: agency.id,
        mediation_id: new.mediation_id,
        ask: new.ask.clone(),
        safety_notes: new.safety_notes.clone(),
        documents: serde_json::to_string(&new.documents)?,
        due_at: new.due_at,
        drill: new.drill,
        state: rules::State::Sent,
        state_at: now,
        version: 1,
        sent_by: actor.person,
        sent_at: now,
        delivered_at: None,
        signed_at: None,
        accepted_at: None,
        arrived_at: None,
        ended_at: None,
        outcome: None,
        accept_by: clocks.accept_by,
        finish_by: clocks.finish_by,
        tell_at: clocks.tell_at(rules::State::Sent, None).map(|(at, _)| at),
        told: None,
    };
    if !store::task_insert_new(tx.conn(), &row)? {
        return Err(Error::new(Code::KeyReused));
    }
    let event = EventRow {
        id: TaskEventId::new(),
        task_id: id,
        n: 1,
        kind: Kind::Sent,
        truth: Truth::Human,
        clock: WhoseClock::Server,
        by_person: Some(actor.person),
        by_name: None,
        text: None,
        said_at: None,
        at: now,
        state_after: row.state,
    };
    store::event_insert(tx.conn(), &event)?;
    told(tx, &row, Kind::Sent, Some(actor.person))?;
    audit::record(tx, Some(actor), "task.sent", "task", &id.to_string(), &json!({ "agency_id": agency.id }))?;
    Ok(Sent { id, fresh: true })
}

/// Whether an order is this call's, or was before the call went into another.
fn is_of(tx: &mut Tx<'_>, call: &IncidentRow, order: &TaskRow) -> Result<bool> {
    Ok(order.incident_id == call.id || main_of(tx, &call.id)?.contains(&order.incident_id))
}

/// The calls of which a call is a double, one after the other; the last is the one that is worked on.
pub fn main_of(tx: &mut Tx<'_>, call: &IncidentId) -> Result<Vec<IncidentId>> {
    let mut mains = Vec::new();
    let mut next = incidents::incident_fetch(tx.conn(), call)?.merged_into;
    while let Some(main) = next {
        mains.push(main);
        next = incidents::incident_fetch(tx.conn(), &main)?.merged_into;
    }
    Ok(mains)
}

/// The call that a record is of, which is this one or a double of it. Errors: `not_found`.
fn call_of_record(tx: &mut Tx<'_>, record: &MediationId, call: &IncidentRow) -> Result<IncidentRow> {
    let own = store::incident_of_record(tx.conn(), record)?.ok_or_else(|| Error::not_found("mediation"))?;
    if own == call.id {
        return Ok(call.clone());
    }
    if !main_of(tx, &own)?.contains(&call.id) {
        return Err(Error::not_found("mediation"));
    }
    incidents::incident_fetch(tx.conn(), &own)
}

/// What every move means for others: the incident's timeline, the agency, the room and the crew.
fn told(tx: &mut Tx<'_>, row: &TaskRow, kind: Kind, by: Option<PersonId>) -> Result<()> {
    let data = json!({ "task_id": row.id, "agency_id": row.agency_id, "state": row.state });
    trail::entry(tx, &row.incident_id, &format!("task.{kind}"), by, data)?;
    outlet::append(tx, row, kind.as_str())?;
    messages::tell(tx, row, kind)
}

/// `POST /incidents/{id}/tasks`.
///
/// Errors: as of [`send_task`].
pub async fn send(ctx: &Ctx, meta: &RequestMeta, incident: IncidentId, new: NewTask) -> Result<Done> {
    new.check()?;
    let actor = Arc::clone(&ctx.actor);
    // Without an id of the client's a second run of the recipe makes the same order.
    let new = NewTask { id: Some(new.id.unwrap_or_else(TaskId::new)), ..new };
    idem::run(ctx, meta, Priority::Normal, move |tx| {
        let sent = send_task(tx, &actor, &incident, &new)?;
        Ok(Done::new(if sent.fresh { 201 } else { 200 }, json!({ "id": sent.id })))
    })
    .await
}

/// The body of `POST /tasks/{id}/events`.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewMove {
    /// The client's own id (UUIDv7), the same when it is sent again; one is made unless given.
    pub id: Option<TaskEventId>,
    /// `sign`, `accept`, `arrive`, `close`, `return`; by whoever sent it `withdraw`.
    #[schema(inline)]
    pub kind: Kind,
    /// The result or the reason, needed of `close` and `return`; at most 1000 characters.
    pub text: Option<String>,
    /// When it happened, by the clock of whoever says so; now unless told.
    pub at: Option<Timestamp>,
    /// The human of the agency: who signed, who was spoken to. Needed but of `withdraw`.
    pub by_name: Option<String>,
}

impl NewMove {
    /// Errors: `invalid_field`.
    fn check(&self) -> Result<()> {
        if matches!(self.kind, Kind::Sent | Kind::Delivered) {
            return Err(Error::field("kind", "follows by itself"));
        }
        let said = |text: &Option<String>| text.as_deref().is_some_and(|text| !text.trim().is_empty());
        if matches!(self.kind, Kind::Closed | Kind::Returned) && !said(&self.text) {
            return Err(Error::field("text", "must say the result, or why"));
        }
        if self.kind != Kind::Withdrawn && !said(&self.by_name) {
            return Err(Error::field("by_name", "must name the human of the agency"));
        }
        body::text_opt("text", self.text.as_deref(), TEXT_MAX)?;
        body::text_opt("by_name", self.by_name.as_deref(), NAME_MAX)
    }

    /// When it counts as done, and by whose clock it is told. What a seat was told by telephone happened when it says;
    /// what a foreign clock says is kept, and ours counts.
    fn instant(&self, side: Side, row: &TaskRow, now: Timestamp) -> Result<(Timestamp, WhoseClock)> {
        let Some(at) = self.at else { return Ok((now, WhoseClock::Server)) };
        if at > now.plus_secs(ASKEW_MAX_S) {
            return Err(Error::field("at", "must not be to come"));
        }
        match side {
            Side::Agency => Ok((now, WhoseClock::Agency)),
            Side::House if at < row.sent_at.plus_secs(-ASKEW_MAX_S) => {
                Err(Error::field("at", "must not be before it was sent"))
            }
            Side::House => Ok((at.min(now).max(row.sent_at), WhoseClock::Room)),
        }
    }
}

/// Something happened to an order: its agency says so under its account, or a seat writes down what it was told.
///
/// Errors: `not_found`; `forbidden`; `invalid_field`; `stale`; `conflict` when it cannot happen in that state;
/// `key_reused` when the id came with another move.
pub async fn record(ctx: &Ctx, meta: &RequestMeta, id: TaskId, new: NewMove) -> Result<Done> {
    new.check()?;
    let (core, actor, guard) = (Arc::clone(&ctx.core), Arc::clone(&ctx.actor), meta.clone());
    let event = new.id.unwrap_or_else(TaskEventId::new);
    idem::run(ctx, meta, Priority::Normal, move |tx| {
        let (seen, side) = access::fetch(tx.conn(), &actor, &id)?;
        let truth = may_say(tx, &actor, &seen, side, new.kind)?;
        if new.kind == Kind::Returned {
            // What comes back may open the incident again: it is locked first, as everywhere.
            lock_call(tx, seen)?;
        }
        let mut row = store::task_lock(tx.conn(), &id)?;
        if let Some(known) = store::event_find(tx.conn(), &event)? {
            let same =
                (known.task_id, known.kind, &known.text, &known.by_name) == (id, new.kind, &new.text, &new.by_name);
            return if same { Ok(Done::new(200, json!({ "id": id }))) } else { Err(Error::new(Code::KeyReused)) };
        }
        guard.check_version(row.version, || json!({ "id": row.id, "state": row.state, "version": row.version }))?;
        let (at, clock) = new.instant(side, &row, tx.now)?;
        apply(tx, &mut row, &new, at)?;
        let moved = EventRow {
            id: event,
            task_id: id,
            n: next_n(tx, &id)?,
            kind: new.kind,
            truth,
            clock,
            by_person: Some(actor.person),
            by_name: new.by_name.clone(),
            text: new.text.clone(),
            said_at: new.at,
            at: tx.now,
            state_after: row.state,
        };
        store::event_insert(tx.conn(), &moved)?;
        told(tx, &row, new.kind, Some(actor.person))?;
        if new.kind == Kind::Returned {
            let reason = new.text.clone().unwrap_or_default();
            follow::returned(tx, &core, &row, actor.person, &reason)?;
        }
        let detail = json!({ "kind": new.kind, "truth": truth });
        audit::record(tx, Some(&actor), "task.event", "task", &id.to_string(), &detail)?;
        Ok(Done::new(201, json!({ "id": id })))
    })
    .await
}

/// Locks the call of an order. While it is waited for, the order may go into the main call of a double.
fn lock_call(tx: &mut Tx<'_>, mut seen: TaskRow) -> Result<()> {
    loop {
        incidents::incident_lock(tx.conn(), &seen.incident_id)?;
        let now = store::task_fetch(tx.conn(), &seen.id)?;
        if now.incident_id == seen.incident_id {
            return Ok(());
        }
        seen = now;
    }
}

/// Whether the actor may say that, and as what it counts.
fn may_say(tx: &mut Tx<'_>, actor: &Actor, row: &TaskRow, side: Side, kind: Kind) -> Result<Truth> {
    match (side, kind) {
        (Side::Agency, Kind::Withdrawn) => Err(Error::forbidden("who sent it takes it back; an agency returns it")),
        (Side::Agency, _) => Ok(Truth::Human),
        (Side::House, Kind::Withdrawn) => {
            let own = row.sent_by == actor.person
                && access::decide(tx.conn(), actor, row, Action::TaskSend)? == Decision::Allow;
            if !own {
                access::decide(tx.conn(), actor, row, Action::TaskRecord)?.check("task")?;
            }
            Ok(Truth::Human)
        }
        (Side::House, _) => {
            access::decide(tx.conn(), actor, row, Action::TaskRecord)?.check("task")?;
            Ok(Truth::RecordedByRoom)
        }
    }
}

/// Moves the row. Errors: `conflict` naming the state.
fn apply(tx: &mut Tx<'_>, row: &mut TaskRow, new: &NewMove, at: Timestamp) -> Result<()> {
    let before = row.state;
    row.state = rules::step(before, new.kind)
        .map_err(|state| Error::conflict(format!("the order is {state}")).with("state", json!(state)))?;
    row.state_at = at;
    row.version += 1;
    match new.kind {
        Kind::Signed => row.signed_at = Some(at),
        Kind::Accepted => row.accepted_at = Some(at),
        Kind::Arrived => row.arrived_at = Some(at),
        Kind::Closed | Kind::Returned | Kind::Withdrawn => {
            row.ended_at = Some(at);
            row.outcome.clone_from(&new.text);
        }
        Kind::Sent | Kind::Delivered => {}
    }
    row.tell_at = row.clocks().tell_at(row.state, row.told).map(|(at, _)| at);
    store::task_save(tx.conn(), row)?;
    let running = Clocks::running(row.state);
    for stage in Stage::ALL {
        // What is no longer waited for is nobody's to look at.
        if running != Some(*stage) && (running.is_none() || *stage == Stage::Accept) {
            cards::close(tx, &follow::overdue_key(&row.id, *stage), None)?;
        }
    }
    if !row.state.is_open() {
        cards::close(tx, &follow::orphan_key(&row.id), None)?;
    }
    Ok(())
}

fn next_n(tx: &mut Tx<'_>, id: &TaskId) -> Result<i32> {
    i32::try_from(store::events_count(tx.conn(), id)? + 1).map_err(Error::internal)
}

/// Writes down that a machine of the agency has everything up to this number of its feed. Moves no order.
pub fn taken(tx: &mut Tx<'_>, agency: &AgencyId, up_to: i64) -> Result<()> {
    for id in feeds::tasks_taken(tx.conn(), agency, up_to)? {
        let mut row = store::task_lock(tx.conn(), &id)?;
        if row.delivered_at.is_some() {
            continue;
        }
        row.delivered_at = Some(tx.now);
        store::task_save(tx.conn(), &row)?;
        let event = EventRow {
            id: TaskEventId::new(),
            task_id: id,
            n: next_n(tx, &id)?,
            kind: Kind::Delivered,
            truth: Truth::Machine,
            clock: WhoseClock::Server,
            by_person: None,
            by_name: None,
            text: None,
            said_at: None,
            at: tx.now,
            state_after: row.state,
        };
        store::event_insert(tx.conn(), &event)?;
        messages::tell(tx, &row, Kind::Delivered)?;
    }
    Ok(())
}
