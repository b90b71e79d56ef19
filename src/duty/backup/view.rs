//! A request as somebody may see it: built from rows under the reader's standing, for REST and messages alike.

use std::collections::{HashMap, HashSet};

use super::facts::Around;
use super::rows::{AlertRow, BackupRow};
use super::rules;
pub use super::shapes::{
    AlertedView, BackupView, ClosedView, EventView, PersonView, ReceiptView, SaysView, TakenView, WaveView, WhereView,
};
use super::{AlertRole, CloseReason, UnitKey, store};
use crate::platform::db::Conn;
use crate::platform::policy::{self, Action, Actor, Facts, PersonKind};
use crate::words::error::{Error, Result};
use crate::words::ids::{PersonId, UnitId};

/// How a reader stands to a request; decides what he sees of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// A room of the unit or above: everything, with waves and history.
    Room,
    /// The caller or the person it is for.
    Caller,
    /// Somebody who was told; sees places only until it ends.
    Told,
}

/// The facts a decision about one request and one person needs.
pub struct Standing {
    pub unit_path: String,
    pub own: bool,
    pub alert: Option<AlertRow>,
}

impl Standing {
    pub fn load(conn: &mut Conn, row: &BackupRow, person: &PersonId) -> Result<Self> {
        Ok(Self {
            unit_path: store::unit_path(conn, &row.unit_id)?,
            own: row.is_caller_side(person),
            alert: store::alert_fetch(conn, &row.id, person)?,
        })
    }

    fn facts(&self) -> Facts<'_> {
        Facts { unit_path: Some(&self.unit_path), own: self.own, shared: self.alert.is_some(), ..Facts::default() }
    }

    /// Refuses with 404 or 403 what the actor may not do.
    pub fn check(&self, actor: &Actor, action: Action) -> Result<()> {
        policy::may(actor, action, &self.facts()).check("backup")
    }

    /// Whether the actor may do it.
    pub fn may(&self, actor: &Actor, action: Action) -> bool {
        policy::may(actor, action, &self.facts()) == policy::Decision::Allow
    }

    /// How this reader sees the request; `not_found` if it is none of his business.
    pub fn audience(&self, actor: &Actor) -> Result<Audience> {
        self.check(actor, Action::BackupRead)?;
        if self.own {
            Ok(Audience::Caller)
        } else if self.alert.is_some() && !actor.kind.is_watching() {
            Ok(Audience::Told)
        } else {
            Ok(Audience::Room)
        }
    }
}

/// Builds the view of one request.
pub fn backup_view(
    conn: &mut Conn,
    around: &Around,
    row: &BackupRow,
    audience: Audience,
    english: bool,
) -> Result<BackupView> {
    let alerts = store::alerts_of(conn, &row.id)?;
    let mut view = summary(conn, around, row, &alerts, audience, english)?;
    if audience == Audience::Room {
        view.waves = store::waves_of(conn, &row.id)?
            .into_iter()
            .map(|wave| {
                Ok::<_, Error>(WaveView {
                    wave: wave.wave,
                    at: wave.at,
                    cause: wave.cause,
                    units: wave.units,
                    choices: serde_json::from_str(&wave.verdicts)?,
                })
            })
            .collect::<Result<_>>()?;
        view.receipts = store::receipts_of(conn, &row.id)?
            .into_iter()
            .map(|one| ReceiptView {
                person_id: one.person_id,
                device_id: one.device_id,
                message_kind: one.message_kind,
                carried: one.carried,
                at: one.at,
                truth: "machine",
            })
            .collect();
        view.timeline = store::events_of(conn, &row.id)?
            .into_iter()
            .map(|event| {
                Ok::<_, Error>(EventView {
                    at: event.at,
                    kind: event.kind,
                    person_id: event.person_id,
                    device_id: event.device_id,
                    data: serde_json::from_str(&event.data)?,
                })
            })
            .collect::<Result<_>>()?;
    }
    Ok(view)
}

/// The view without waves, receipts and history; what lists show.
pub fn summary(
    conn: &mut Conn,
    around: &Around,
    row: &BackupRow,
    alerts: &[AlertRow],
    audience: Audience,
    english: bool,
) -> Result<BackupView> {
    let mut people: HashSet<PersonId> = alerts.iter().map(|alert| alert.person_id).collect();
    people.extend([row.requester_id, row.for_person_id]);
    people.extend(row.taken_by);
    let names = store::people_names(conn, &people.into_iter().collect::<Vec<_>>())?;
    let sees_places = row.is_open() || audience != Audience::Told;
    let offers: Vec<rules::Offer> = alerts.iter().map(AlertRow::offer).collect();
    let (informed, alerted): (Vec<&AlertRow>, Vec<&AlertRow>) =
        alerts.iter().partition(|alert| alert.role == AlertRole::Informed);
    let told = |rows: Vec<&AlertRow>| -> Vec<AlertedView> {
        rows.into_iter().map(|alert| alerted_view(around, row, alert, &names, sees_places, english)).collect()
    };
    let destination = destination_now(around, row)?;
    let says = row.says()?;
    Ok(BackupView {
        id: row.id,
        state: row.state,
        kind: row.kind,
        silent: row.silent,
        late: row.late,
        ringing: row.ring,
        unauthenticated_session: row.unauthenticated_session,
        requester_id: row.requester_id,
        for_person_id: row.for_person_id,
        requester: person_view(&names, row.requester_id, row.unit_id),
        for_person: person_view(&names, row.for_person_id, row.unit_id),
        unit_id: row.unit_id,
        device_id: row.device_id,
        note: row.note.clone(),
        needs: row.needs()?,
        target: row.target()?,
        pressed_at: row.pressed_at,
        received_at: row.received_at,
        place: row.place()?.filter(|_| sees_places).map(|place| WhereView::of(&place, around.now)),
        destination: destination.filter(|_| sees_places),
        wanted: row.wanted,
        accepted_units: rules::accepted_units(&offers),
        covered: row.covered_at.is_some(),
        wave: row.wave,
        nobody_reachable: row.ring && !offers.iter().any(|offer| offer.role == AlertRole::Respond),
        alerted: told(alerted),
        informed: told(informed),
        taken_by: row.taken_by.map(|person_id| TakenView {
            person_id,
            name: name_of(&names, &person_id),
            unit_id: row.taken_unit_id,
            at: row.taken_at,
        }),
        says_false_alarm: says.is_some_and(|says| says.reason != CloseReason::Resolved),
        says: says.map(|says| SaysView { reason: says.reason, by: says.by, at: says.at }),
        closed: row.closed_at.map(|at| ClosedView { reason: row.close_reason, by: row.closed_by, at }),
        waves: Vec::new(),
        receipts: Vec::new(),
        timeline: Vec::new(),
        version: row.version,
    })
}

/// Where to go at this moment: the stored destination, or the person's newer fix while open.
pub fn destination_now(around: &Around, row: &BackupRow) -> Result<Option<WhereView>> {
    let stored = row.destination()?;
    if row.is_open()
        && let Some(place) = super::follow::newer(around, row, stored.as_ref())
    {
        return Ok(Some(WhereView::of(&place, around.now)));
    }
    Ok(stored.map(|place| WhereView::of(&place, around.now)))
}

type Names = HashMap<PersonId, (String, PersonKind, UnitId)>;

fn name_of(names: &Names, person: &PersonId) -> String {
    names.get(person).map(|(name, _, _)| name.clone()).unwrap_or_default()
}

fn person_view(names: &Names, person_id: PersonId, unit: UnitId) -> PersonView {
    let (name, kind, unit_id) =
        names.get(&person_id).cloned().unwrap_or_else(|| (String::new(), PersonKind::PoliceOfficer, unit));
    PersonView { person_id, name, kind, unit_id }
}

fn alerted_view(
    around: &Around,
    row: &BackupRow,
    alert: &AlertRow,
    names: &Names,
    sees_places: bool,
    english: bool,
) -> AlertedView {
    let position = if row.is_open() && sees_places { around.marker(&alert.person_id) } else { None };
    AlertedView {
        person_id: alert.person_id,
        name: name_of(names, &alert.person_id),
        unit: alert.unit_key.clone(),
        crew_id: match alert.unit() {
            UnitKey::Crew(id) => Some(id),
            UnitKey::Person(_) => None,
        },
        role: alert.role,
        reason: alert.reason,
        reason_text: alert.reason.text(english),
        reach: alert.reach,
        wave: alert.wave,
        quiet: row.silent && alert.quiet,
        distance_m: alert.distance_m,
        eta_s: alert.eta_s,
        alerted_at: alert.alerted_at,
        received_at: alert.received_at,
        received_device_id: alert.received_device_id,
        answer: alert.answer,
        answered_at: alert.answered_at,
        arrived_at: alert.arrived_at,
        stood_down_at: alert.stood_down_at,
        stand_down_reason: alert.stand_down_reason.clone(),
        position: position.map(|(marker, fresh)| WhereView {
            lon: marker.position.lon,
            lat: marker.position.lat,
            at: marker.at,
            age_s: around.now.secs_since(marker.at).max(0.0),
            accuracy_m: marker.accuracy_m,
            source: None,
            fresh: Some(fresh),
        }),
    }
}
