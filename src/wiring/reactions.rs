//! The one table of reactions: event → service function, inside the
//! transaction of the change. One screen; read it to know what follows from what.

use std::sync::Arc;

use crate::duty::{assignments, backup, crews, evidence, location, mediation, partners};
use crate::platform::ctx::Core;
use crate::platform::db::Tx;
use crate::platform::events::Event;
use crate::words::error::Result;

/// Runs everything that follows from `event`.
pub fn react(core: &Arc<Core>, tx: &mut Tx<'_>, event: &Event) -> Result<()> {
    match event {
        // Each arm: one event, the service functions it calls, in order.
        Event::PersonDisabled { person } => {
            crews::service::person_gone(tx, person)?;
            location::service::person_gone(core, tx, person)
        }
        Event::PersonMoved { person } => location::service::person_changed(core, tx, person),
        Event::UnitMoved { from, to } => location::service::unit_moved(core, tx, from, to),
        Event::DeviceRevoked { device } => {
            crews::service::device_gone(tx, device)?;
            location::service::device_gone(core, tx, device)
        }
        Event::IncidentCreated { incident } => assignments::service::incident_created(tx, core, incident),
        Event::IncidentChanged { incident, fields, loud } => {
            assignments::service::tell_assigned(tx, core, incident, fields, *loud)?;
            partners::follow::incident_changed(tx, incident, fields)
        }
        Event::IncidentNoted { incident, note } => assignments::service::tell_note(tx, incident, note),
        Event::IncidentEnded { incident, reason } => {
            assignments::service::incident_ended(tx, core, incident, reason)?;
            partners::follow::incident_ended(tx, incident, reason)
        }
        Event::IncidentMerged { incident, into } => partners::follow::incident_merged(tx, incident, into),
        Event::FeedbackGiven { incident, stage, .. } => assignments::service::feedback_given(tx, incident, stage),
        Event::AssignmentStateChanged { assignment, to, people, .. } => {
            assignments::service::availability(tx, people)?;
            location::service::assignment_moved(core, tx, assignment, to, people)?;
            evidence::scene::service::left(core, tx, assignment, to)
        }
        Event::AssignmentJoined { assignment, state, person } => {
            assignments::service::availability(tx, &[*person])?;
            location::service::assignment_moved(core, tx, assignment, state, &[*person])
        }
        Event::AssignmentLeft { assignment, person } => {
            assignments::service::availability(tx, &[*person])?;
            location::service::assignment_left(core, tx, assignment, person)
        }
        Event::CrewChanged { crew } => {
            assignments::service::crew_changed(tx, crew)?;
            location::service::crew_changed(core, tx, crew)
        }
        Event::DutyChanged { person, on_duty } => {
            assignments::service::duty_changed(tx, person, *on_duty)?;
            location::service::person_changed(core, tx, person)
        }
        Event::AvailabilityChanged { person } => location::service::person_changed(core, tx, person),
        Event::RungRecorded { assignment, incident, person: Some(person), rung, truth, applied }
            if truth == "human" =>
        {
            if rung == "on_scene" && !applied {
                evidence::scene::service::arrival_told(core, tx, assignment)?;
            }
            if rung == "accepted" && *applied {
                mediation::history::accepted(tx, incident, person)?;
            }
            backup::checkin::rung(core, tx, assignment, incident, person, rung)
        }
        Event::BackupRaised { backup, .. } | Event::BackupChanged { backup } | Event::BackupClosed { backup, .. } => {
            backup::service::share(core, tx, backup)
        }
        Event::EvidenceReceived { evidence, incident } => evidence::service::received(tx, evidence, incident.as_ref()),
        Event::InquiryNoted { .. } => evidence::inquiries::noted(tx, event),
        Event::Received { person, device, carried, kind, subject_kind, subject_id, .. } if subject_kind == "backup" => {
            backup::service::alert_received(tx, person, device, *carried, kind, subject_id)
        }
        Event::Received { person, device, carried, kind, subject_id, .. } => {
            assignments::service::received(tx, core, *person, *device, *carried, kind, subject_id)
        }
        Event::ClearingAnswered { assignment } => evidence::scene::service::answer(core, tx, assignment),
        _ => Ok(()),
    }
}
