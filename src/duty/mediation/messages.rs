//! What people receive about records: that one moved, and that something promised is due. Must-deliver.

use serde::Serialize;
use serde_json::{Value, json};

use super::history::Counts;
use super::rules::State;
use super::store::acts::ReminderRow;
use super::store::{self, MediationRow};
use super::{Kind, Reminder, access};
use crate::duty::incidents::access as calls;
use crate::duty::incidents::store as incidents;
use crate::duty::incidents::store::IncidentRow;
use crate::duty::officers::store as officers;
use crate::platform::db::{Conn, Tx};
use crate::platform::policy::{Action, Actor, Decision};
use crate::platform::push::outbox::{self, Draft, Envelope, Subject};
use crate::words::error::Result;
use crate::words::ids::{EntryId, IncidentId, MediationId, PersonId};
use crate::words::time::Timestamp;

/// A record is final, in effect, performed, defaulted, or ended otherwise.
pub const MOVED: &str = "mediation.moved";
/// A term is due soon or today, or was due and nobody has said what became of it.
pub const DUE: &str = "mediation.due";
/// What was asked for on paper is made, or it is known what cannot be.
pub const PAPERS: &str = "mediation.papers";
/// There were mediations before where one is going, or of its people.
pub const HISTORY: &str = "mediation.history";

/// The body of `mediation.history`; what there was is read from `GET /incidents/{id}/mediation-history`.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
pub struct HistoryData {
    pub incident_id: IncidentId,
    /// As they stood when the message was sent.
    #[serde(flatten)]
    pub counts: Counts,
}

/// The body of `mediation.moved`, `mediation.due` and `mediation.papers`.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
pub struct MediationData {
    pub mediation_id: MediationId,
    pub incident_id: IncidentId,
    pub kind: Kind,
    /// As it stands when the message is read.
    pub state: State,
    pub serial_no: Option<String>,
    /// Of `mediation.due`: which term.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub term_id: Option<EntryId>,
    /// Of `mediation.due`: whether it is only due, or overdue.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reminder: Option<Reminder>,
    /// Of `mediation.due`: the instant for which it was set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// Of `mediation.papers`: how many papers cannot be made; the record says of each why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lacking: Option<u32>,
}

/// Tells whoever leads it, and the seats of its unit or of the nearest above that has any.
pub fn tell(tx: &mut Tx<'_>, row: &MediationRow, kind: &'static str) -> Result<()> {
    send(tx, row, kind, json!({}))
}

/// Reminds the same people of a term.
pub fn remind(tx: &mut Tx<'_>, row: &MediationRow, reminder: &ReminderRow) -> Result<()> {
    let args = json!({ "term_id": reminder.term_id, "reminder": reminder.kind, "at": reminder.at });
    send(tx, row, DUE, args)
}

/// Tells whoever leads it and whoever asked for them that papers may be handed out.
pub fn tell_papers(tx: &mut Tx<'_>, row: &MediationRow, asked: &PersonId, lacking: u32) -> Result<()> {
    let mut people: Vec<PersonId> = row.leader_id.into_iter().chain([*asked]).collect();
    people.dedup();
    post(tx, row, &people, PAPERS, json!({ "lacking": lacking }))
}

fn send(tx: &mut Tx<'_>, row: &MediationRow, kind: &'static str, args: Value) -> Result<()> {
    let (_, mut people) = officers::seats_or_parent(tx.conn(), &row.unit_id)?;
    people.extend(row.leader_id);
    people.sort_unstable();
    people.dedup();
    post(tx, row, &people, kind, args)
}

fn post(tx: &mut Tx<'_>, row: &MediationRow, people: &[PersonId], kind: &'static str, args: Value) -> Result<()> {
    if people.is_empty() {
        return Ok(());
    }
    let subject = Subject::new("mediation", row.id);
    outbox::send(tx, people, &Draft { kind, subject, version: row.version, args, urgent: false }).map(drop)
}

/// Tells who goes there that there was something before.
pub fn tell_history(tx: &mut Tx<'_>, incident: &IncidentRow, person: &PersonId, counts: Counts) -> Result<()> {
    let subject = Subject::new("mediation_history", incident.id);
    let args = json!(HistoryData { incident_id: incident.id, counts });
    let draft = Draft { kind: HISTORY, subject, version: incident.version, args, urgent: false };
    outbox::send(tx, &[*person], &draft).map(drop)
}

/// The body of `mediation.history`; none when he may no longer know of the call.
fn render_history(conn: &mut Conn, reader: &Actor, message: &Envelope) -> Result<Option<Value>> {
    let id: IncidentId = message.subject.id.parse()?;
    let Some(row) = incidents::incident_find(conn, &id)? else { return Ok(None) };
    let may = calls::sight(conn, reader, &row)?.decide(reader, Action::MediationRead) == Decision::Allow;
    Ok(may.then(|| message.args.clone()))
}

/// The body for this reader today; none when he may no longer know of it.
pub fn render(conn: &mut Conn, reader: &Actor, message: &Envelope) -> Result<Option<Value>> {
    if message.kind == HISTORY {
        return render_history(conn, reader, message);
    }
    let id: MediationId = message.subject.id.parse()?;
    let Some(row) = store::mediation_find(conn, &id)? else { return Ok(None) };
    if access::decide(conn, reader, &row, Action::MediationRead)? != Decision::Allow {
        return Ok(None);
    }
    let said = |name: &str| message.args.get(name).cloned().unwrap_or_default();
    Ok(Some(serde_json::to_value(MediationData {
        mediation_id: row.id,
        incident_id: row.incident_id,
        kind: row.kind,
        state: row.state,
        serial_no: row.serial_no,
        term_id: serde_json::from_value(said("term_id"))?,
        reminder: serde_json::from_value(said("reminder"))?,
        at: serde_json::from_value(said("at"))?,
        lacking: serde_json::from_value(said("lacking"))?,
    })?))
}
