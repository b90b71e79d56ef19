//! What an order and a linked body look like: to us, and to the agency, which sees less.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::rules::{Clocks, Kind, Stage, State};
use super::store::agencies::{self, AgencyRow};
use super::store::outlet::OutletRow;
use super::store::{self, EventRow, TaskRow};
use super::{AgencyKind, Channel, Truth, WhoseClock};
use crate::duty::incidents::store as incidents;
use crate::duty::officers::store as officers;
use crate::platform::db::Conn;
use crate::words::error::{Error, Result};
use crate::words::ids::{AgencyId, IncidentId, MediationId, PersonId, TaskEventId, TaskId, UnitId};
use crate::words::time::Timestamp;

/// A linked body as those see it who may call it.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct AgencyView {
    pub id: AgencyId,
    pub name: String,
    #[schema(inline)]
    pub kind: AgencyKind,
    /// Whose administrators keep it.
    pub unit_id: UnitId,
    pub phone: Option<String>,
    #[schema(inline)]
    pub channel: Channel,
    /// From sent to accepted, seconds.
    pub accept_within_s: i32,
    /// From sent to closed, seconds.
    pub finish_within_s: i32,
    /// Takes new orders.
    pub enabled: bool,
    pub version: i64,
    /// For administrators above it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connection: Option<Connection>,
}

/// How an agency's software is reached, and how far that got.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Connection {
    pub webhook_url: Option<String>,
    /// The account it answers under.
    pub service_person_id: Option<PersonId>,
    /// Of its feed.
    pub last_seq: i64,
    pub delivered_seq: i64,
    /// Refusals in a row.
    pub attempts: i32,
    pub last_error: Option<String>,
    pub last_ok_at: Option<Timestamp>,
    /// The fresh secret, shown once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
}

impl AgencyView {
    pub fn of(row: AgencyRow) -> Self {
        Self {
            id: row.id,
            name: row.name,
            kind: row.kind,
            unit_id: row.unit_id,
            phone: row.phone,
            channel: row.channel,
            accept_within_s: row.accept_within_s,
            finish_within_s: row.finish_within_s,
            enabled: row.enabled,
            version: row.version,
            connection: None,
        }
    }

    /// With how its software is reached.
    pub fn whole(row: AgencyRow, outlet: Option<OutletRow>, secret: Option<String>) -> Self {
        let connection = Connection {
            webhook_url: row.webhook_url.clone(),
            service_person_id: row.service_person_id,
            last_seq: outlet.as_ref().map_or(0, |outlet| outlet.last_seq),
            delivered_seq: outlet.as_ref().map_or(0, |outlet| outlet.delivered_seq),
            attempts: outlet.as_ref().map_or(0, |outlet| outlet.attempts),
            last_ok_at: outlet.as_ref().and_then(|outlet| outlet.last_ok_at),
            last_error: outlet.and_then(|outlet| outlet.last_error),
            secret,
        };
        Self { connection: Some(connection), ..Self::of(row) }
    }
}

/// Who an order was handed to.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Called {
    pub id: AgencyId,
    pub name: String,
    #[schema(inline)]
    pub kind: AgencyKind,
    #[schema(inline)]
    pub channel: Channel,
    pub phone: Option<String>,
}

/// One move of an order.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Move {
    pub id: TaskEventId,
    #[schema(inline)]
    pub kind: Kind,
    /// `machine`: a receiver took it, which says nothing about people; `recorded_by_room`: a seat wrote down what was said.
    #[schema(inline)]
    pub truth: Truth,
    /// The human of the agency.
    pub by_name: Option<String>,
    /// Whose account said so; none for a machine.
    pub by_person: Option<PersonId>,
    pub text: Option<String>,
    /// When it happened, as told, and by whose clock.
    pub said_at: Option<Timestamp>,
    #[schema(inline)]
    pub clock: WhoseClock,
    /// When the server heard of it.
    pub at: Timestamp,
}

/// An order as we see it.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct TaskView {
    pub id: TaskId,
    pub incident_id: IncidentId,
    pub unit_id: UnitId,
    pub agency: Called,
    pub mediation_id: Option<MediationId>,
    pub ask: String,
    pub safety_notes: Option<String>,
    pub documents: Vec<String>,
    pub due_at: Option<Timestamp>,
    pub drill: bool,
    #[schema(inline)]
    pub state: State,
    /// Since when.
    pub state_at: Timestamp,
    pub version: i64,
    pub sent_by: PersonId,
    pub sent_at: Timestamp,
    /// A machine's receipt; nobody has signed by that.
    pub delivered_at: Option<Timestamp>,
    pub signed_at: Option<Timestamp>,
    pub accepted_at: Option<Timestamp>,
    pub arrived_at: Option<Timestamp>,
    pub ended_at: Option<Timestamp>,
    /// The result, or the reason.
    pub outcome: Option<String>,
    pub accept_by: Timestamp,
    pub finish_by: Timestamp,
    /// The clock that runs; none when it is over.
    #[schema(inline)]
    pub running: Option<Stage>,
    /// Seconds that clock is over, or that a closed order was late; none in time.
    pub late_s: Option<i64>,
    /// Every move, in order.
    pub events: Vec<Move>,
}

/// Where to go. WGS-84 degrees.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct SharedPlace {
    pub lon: f64,
    pub lat: f64,
    pub address: Option<String>,
}

/// A paper that goes along.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct SharedPaper {
    pub name: String,
    /// Of `GET`, under the agency's account.
    pub url: String,
}

/// An order as the agency sees it: never a caller, a party or a note.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct AgencyTask {
    pub id: TaskId,
    #[schema(inline)]
    pub state: State,
    pub version: i64,
    /// Who asks.
    pub from: String,
    pub ask: String,
    pub safety_notes: Option<String>,
    pub category: String,
    pub place: SharedPlace,
    pub documents: Vec<SharedPaper>,
    pub due_at: Option<Timestamp>,
    pub accept_by: Timestamp,
    pub finish_by: Timestamp,
    pub drill: bool,
    pub sent_at: Timestamp,
    pub signed_at: Option<Timestamp>,
    pub accepted_at: Option<Timestamp>,
    pub arrived_at: Option<Timestamp>,
    pub ended_at: Option<Timestamp>,
    /// The result, or the reason.
    pub outcome: Option<String>,
}

impl Move {
    fn of(row: EventRow) -> Self {
        Self {
            id: row.id,
            kind: row.kind,
            truth: row.truth,
            by_name: row.by_name,
            by_person: row.by_person,
            text: row.text,
            said_at: row.said_at,
            clock: row.clock,
            at: row.at,
        }
    }
}

impl TaskRow {
    /// Its clocks.
    pub const fn clocks(&self) -> Clocks {
        Clocks { accept_by: self.accept_by, finish_by: self.finish_by }
    }

    /// The names of the papers that go along.
    pub fn papers(&self) -> Result<Vec<String>> {
        Ok(serde_json::from_str(&self.documents)?)
    }
}

/// Orders as we see them.
pub fn tasks(conn: &mut Conn, rows: Vec<TaskRow>, now: Timestamp) -> Result<Vec<TaskView>> {
    let ids: BTreeSet<AgencyId> = rows.iter().map(|row| row.agency_id).collect();
    let called: BTreeMap<AgencyId, Called> = agencies::agencies_fetch(conn, &ids.into_iter().collect::<Vec<_>>())?
        .into_iter()
        .map(|row| {
            let AgencyRow { id, name, kind, channel, phone, .. } = row;
            (id, Called { id, name, kind, channel, phone })
        })
        .collect();
    let mut moves: BTreeMap<TaskId, Vec<Move>> = BTreeMap::new();
    for event in store::events_of(conn, &rows.iter().map(|row| row.id).collect::<Vec<_>>())? {
        moves.entry(event.task_id).or_default().push(Move::of(event));
    }
    rows.into_iter()
        .map(|row| {
            let agency = called.get(&row.agency_id).cloned().ok_or_else(|| Error::not_found("agency"))?;
            let (documents, clocks) = (row.papers()?, row.clocks());
            Ok(TaskView {
                id: row.id,
                incident_id: row.incident_id,
                unit_id: row.unit_id,
                agency,
                mediation_id: row.mediation_id,
                ask: row.ask,
                safety_notes: row.safety_notes,
                documents,
                due_at: row.due_at,
                drill: row.drill,
                state: row.state,
                state_at: row.state_at,
                version: row.version,
                sent_by: row.sent_by,
                sent_at: row.sent_at,
                delivered_at: row.delivered_at,
                signed_at: row.signed_at,
                accepted_at: row.accepted_at,
                arrived_at: row.arrived_at,
                ended_at: row.ended_at,
                outcome: row.outcome,
                accept_by: row.accept_by,
                finish_by: row.finish_by,
                running: Clocks::running(row.state),
                late_s: clocks.late_s(row.state, row.ended_at, now),
                events: moves.remove(&row.id).unwrap_or_default(),
            })
        })
        .collect()
}

/// An order as its agency sees it now.
pub fn for_agency(conn: &mut Conn, row: &TaskRow) -> Result<AgencyTask> {
    let incident = incidents::incident_fetch(conn, &row.incident_id)?;
    let from = officers::unit_fetch(conn, &row.unit_id)?.name;
    let names = row.papers()?;
    let documents = row.mediation_id.map_or_else(Vec::new, |mediation| {
        let url = |name: &str| format!("/api/v1/mediations/{mediation}/documents/{name}.pdf");
        names.into_iter().map(|name| SharedPaper { url: url(&name), name }).collect()
    });
    Ok(AgencyTask {
        id: row.id,
        state: row.state,
        version: row.version,
        from,
        ask: row.ask.clone(),
        safety_notes: row.safety_notes.clone(),
        category: incident.category,
        place: SharedPlace { lon: incident.lon, lat: incident.lat, address: incident.address },
        documents,
        due_at: row.due_at,
        accept_by: row.accept_by,
        finish_by: row.finish_by,
        drill: row.drill,
        sent_at: row.sent_at,
        signed_at: row.signed_at,
        accepted_at: row.accepted_at,
        arrived_at: row.arrived_at,
        ended_at: row.ended_at,
        outcome: row.outcome.clone(),
    })
}
