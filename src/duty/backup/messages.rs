//! What responders, the caller and the room receive about a request, rendered for one recipient at send and replay.

use serde::Serialize;
use serde_json::Value;

use super::rows::Target;
use super::view::WhereView;
use super::{AlertRole, Answer, CloseReason, Kind, State, rules, store};
use crate::platform::db::Conn;
use crate::platform::policy::{self, Action, Actor, Facts};
use crate::platform::push::outbox::Envelope;
use crate::words::error::{Code, Result};
use crate::words::ids::{BackupId, PersonId};
use crate::words::time::Timestamp;

/// A call for help, with how to get there. Must-deliver and urgent.
pub const ALERT: &str = "backup.alert";
/// Something about it changed: who comes, kind, target, destination, taken, the caller's word.
pub const UPDATED: &str = "backup.updated";
/// You are no longer needed, or it has ended.
pub const STAND_DOWN: &str = "backup.stand_down";

/// The body of all three kinds; `message` tells them apart.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
pub struct BackupData {
    pub backup_id: BackupId,
    pub state: State,
    pub kind: Kind,
    /// No sound, light or screen change on this device.
    pub quiet: bool,
    pub silent: bool,
    pub late: bool,
    pub unauthenticated_session: bool,
    /// What the recipient is told to do; null for the caller and the room.
    pub role: Option<AlertRole>,
    pub requester_id: PersonId,
    pub requester_name: String,
    pub for_person_id: PersonId,
    pub for_person_name: String,
    pub call_sign: Option<String>,
    pub note: Option<String>,
    pub needs: Vec<String>,
    pub target: Option<Target>,
    /// Null once the recipient's right to see it has ended.
    pub destination: Option<WhereView>,
    /// As estimated when he was alerted.
    pub distance_m: Option<f64>,
    pub eta_s: Option<f64>,
    pub pressed_at: Timestamp,
    pub wanted: i64,
    pub accepted_units: usize,
    pub answer: Option<Answer>,
    pub taken_by: Option<PersonId>,
    pub says_false_alarm: bool,
    pub stood_down: bool,
    /// Why the recipient was stood down: `enough`, or how the request ended.
    pub stand_down_reason: Option<String>,
    pub close_reason: Option<CloseReason>,
    /// What changed, in the words of the history; for `backup.updated`. `answers`: one or more since the last, told
    /// together to whoever was called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub change: Option<String>,
}

/// The body for this recipient today; `None` when he may no longer see the request.
pub fn render(conn: &mut Conn, actor: &Actor, envelope: &Envelope) -> Result<Option<Value>> {
    let id: BackupId = envelope.subject.id.parse()?;
    let row = match store::backup_fetch(conn, &id) {
        Ok(row) => row,
        Err(error) if error.is(Code::NotFound) => return Ok(None),
        Err(error) => return Err(error),
    };
    let unit_path = store::unit_path(conn, &row.unit_id)?;
    let alert = store::alert_fetch(conn, &id, &actor.person)?;
    let own = row.is_caller_side(&actor.person);
    let facts = Facts { unit_path: Some(&unit_path), own, shared: alert.is_some(), ..Facts::default() };
    if policy::may(actor, Action::BackupRead, &facts) != policy::Decision::Allow {
        return Ok(None);
    }
    let names = store::people_names(conn, &[row.requester_id, row.for_person_id])?;
    let name = |person: &PersonId| names.get(person).map(|(name, _, _)| name.clone()).unwrap_or_default();
    let call_sign = store::call_sign_of(conn, &row.for_person_id)?;
    let offers: Vec<rules::Offer> = store::alerts_of(conn, &id)?.iter().map(super::rows::AlertRow::offer).collect();
    let sees_place = row.is_open() || own || actor.commands(&unit_path) && actor.kind.is_watching();
    let quiet = row.silent
        && (own
            || alert.as_ref().is_some_and(|alert| alert.quiet)
            || envelope.args.get("quiet").and_then(Value::as_bool).unwrap_or(false));
    let data = BackupData {
        backup_id: id,
        state: row.state,
        kind: row.kind,
        quiet,
        silent: row.silent,
        late: row.late,
        unauthenticated_session: row.unauthenticated_session,
        role: alert.as_ref().map(|alert| alert.role),
        requester_id: row.requester_id,
        requester_name: name(&row.requester_id),
        for_person_id: row.for_person_id,
        for_person_name: name(&row.for_person_id),
        call_sign,
        note: row.note.clone(),
        needs: row.needs()?,
        target: row.target()?,
        destination: row.destination()?.filter(|_| sees_place).map(|place| WhereView::of(&place, envelope.created_at)),
        distance_m: alert.as_ref().and_then(|alert| alert.distance_m),
        eta_s: alert.as_ref().and_then(|alert| alert.eta_s),
        pressed_at: row.pressed_at,
        wanted: row.wanted,
        accepted_units: rules::accepted_units(&offers),
        answer: alert.as_ref().and_then(|alert| alert.answer),
        taken_by: row.taken_by,
        says_false_alarm: row.says()?.is_some_and(|says| says.reason != CloseReason::Resolved),
        stood_down: alert.as_ref().is_some_and(|alert| alert.stood_down_at.is_some()),
        stand_down_reason: alert.and_then(|alert| alert.stand_down_reason),
        close_reason: row.close_reason,
        change: envelope.args.get("change").and_then(Value::as_str).map(str::to_owned),
    };
    Ok(Some(serde_json::to_value(data)?))
}
