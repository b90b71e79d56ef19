//! Recipes: an inquiry is asked for, approved by somebody else, closed; a look under one is written down.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};

use super::access;
use super::rules::{self, INCIDENTS_MAX, INVESTIGATORS_MAX, Inquiry, NUMBER_MAX, REASON_MAX, State, UNITS_MAX};
use super::store::{self, InquiryRow, LookRow};
use crate::duty::officers::{PersonStatus, store as officers};
use crate::platform::audit;
use crate::platform::ctx::Ctx;
use crate::platform::db::{Priority, Tx};
use crate::platform::events::Event;
use crate::platform::http::{Done, RequestMeta, body, idem};
use crate::platform::policy::{self, Action, Actor, Facts, PersonKind};
use crate::words::error::{Code, Error, Result};
use crate::words::ids::{AccessId, IncidentId, InquiryId, PersonId, UnitId};
use crate::words::time::Timestamp;

/// Whom or what an inquiry is about: a person, or incidents.
#[derive(Clone, Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Subject {
    pub person_id: Option<PersonId>,
    /// 1 to 20, where no person is named.
    pub incident_ids: Vec<IncidentId>,
}

/// The body of `POST /inquiries`.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewInquiry {
    /// The office's own number; 1 to 64 characters.
    pub number: String,
    pub subject: Subject,
    /// Only what these units and those below them have; none: wherever it is.
    #[serde(default)]
    pub unit_ids: Vec<UnitId>,
    /// What was captured, and where somebody was, at or after.
    pub from: Timestamp,
    /// Before.
    pub to: Timestamp,
    /// 1 to 500 characters.
    pub reason: String,
    /// At most 92 days ahead.
    pub expires_at: Timestamp,
    /// Who may look, 1 to 10; who asks unless told.
    #[serde(default)]
    pub investigator_ids: Vec<PersonId>,
}

/// The body of `POST /inquiries/{id}/approve`.
#[derive(Clone, Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Approval {
    /// An earlier end than was asked for.
    pub expires_at: Option<Timestamp>,
}

impl NewInquiry {
    /// Errors: `invalid_field`.
    fn check(&self, now: Timestamp) -> Result<()> {
        body::text("number", &self.number, 1, NUMBER_MAX)?;
        body::text("reason", &self.reason, 1, REASON_MAX)?;
        let Subject { person_id, incident_ids } = &self.subject;
        if person_id.is_some() != incident_ids.is_empty() {
            return Err(Error::field("subject", "must name either a person or incidents"));
        }
        for (name, count, most) in [
            ("subject.incident_ids", incident_ids.len(), INCIDENTS_MAX),
            ("unit_ids", self.unit_ids.len(), UNITS_MAX),
            ("investigator_ids", self.investigator_ids.len(), INVESTIGATORS_MAX),
        ] {
            if count > most {
                return Err(Error::field(name, format!("must be at most {most}")));
            }
        }
        rules::check_times(self.from, self.to)?;
        rules::check_term(self.expires_at, now)
    }
}

/// Asks for an inquiry. It opens nothing until somebody else has approved it.
///
/// Errors: `forbidden`, `invalid_field`, `already_exists` when the number is taken.
pub async fn request(ctx: &Ctx, meta: &RequestMeta, new: NewInquiry) -> Result<Done> {
    policy::may(&ctx.actor, Action::InquiryAsk, &Facts::default()).check("inquiry")?;
    new.check(ctx.clock.now())?;
    let actor = Arc::clone(&ctx.actor);
    idem::run(ctx, meta, Priority::Normal, move |tx| {
        let inquiry = made(tx, &actor, &new)?;
        store::inquiry_insert(tx.conn(), &inquiry)?;
        noted(tx, &actor, &inquiry.row, "requested")?;
        Ok(Done::new(201, json!({ "id": inquiry.row.id })))
    })
    .await
}

/// The inquiry as it is asked for, everything named in it looked up.
fn made(tx: &mut Tx<'_>, actor: &Actor, new: &NewInquiry) -> Result<Inquiry> {
    let now = tx.now;
    let distinct = |ids: &[PersonId]| {
        let mut ids = ids.to_vec();
        ids.sort_unstable();
        ids.dedup();
        ids
    };
    let mut investigators = distinct(&new.investigator_ids);
    if investigators.is_empty() {
        investigators.push(actor.person);
    }
    let mut incidents = new.subject.incident_ids.clone();
    incidents.sort_unstable();
    incidents.dedup();
    let mut units = new.unit_ids.clone();
    units.sort_unstable();
    units.dedup();
    let row = InquiryRow {
        id: InquiryId::new(),
        number: new.number.clone(),
        person_id: new.subject.person_id,
        from_at: new.from,
        to_at: new.to,
        reason: new.reason.clone(),
        requested_by: actor.person,
        requested_unit_id: actor.unit,
        requested_at: now,
        expires_at: new.expires_at,
        approved_by: None,
        approved_at: None,
        closed_by: None,
        closed_at: None,
        version: 1,
    };
    let unit_paths = store::unit_paths(tx.conn(), &units)?;
    let inquiry = Inquiry { row, investigators, incidents, units, unit_paths };
    check_named(tx, &inquiry)?;
    Ok(inquiry)
}

/// Everything that is named is there, and nobody looks into himself.
fn check_named(tx: &mut Tx<'_>, inquiry: &Inquiry) -> Result<()> {
    let missing = |field: &str, what: &str| Err(Error::field(field, format!("names {what} that is not there")));
    if let Some(person) = &inquiry.row.person_id
        && officers::people_fetch(tx.conn(), &[*person])?.is_empty()
    {
        return missing("subject.person_id", "a person");
    }
    if store::incidents_known(tx.conn(), &inquiry.incidents)?.len() != inquiry.incidents.len() {
        return missing("subject.incident_ids", "an incident");
    }
    if inquiry.unit_paths.len() != inquiry.units.len() {
        return missing("unit_ids", "a unit");
    }
    let people = officers::people_fetch(tx.conn(), &inquiry.investigators)?;
    if people.len() != inquiry.investigators.len() {
        return missing("investigator_ids", "a person");
    }
    for person in &people {
        let fit = matches!(
            person.kind,
            PersonKind::PoliceOfficer | PersonKind::Supervisor | PersonKind::Administrator | PersonKind::Custodian
        );
        if !fit || person.status != PersonStatus::Active {
            return Err(Error::field("investigator_ids", "must be police officers or who answers for a unit, active"));
        }
        if access::is_subject(tx.conn(), inquiry, &person.id)? {
            return Err(Error::field("investigator_ids", "must not be whom the inquiry is about"));
        }
    }
    if access::is_subject(tx.conn(), inquiry, &inquiry.row.requested_by)? {
        return Err(Error::field("subject", "must not be about whoever asks"));
    }
    Ok(())
}

/// Approves somebody else's inquiry; the same again changes nothing.
///
/// Errors: `not_found`, `forbidden`, `gone` when it has ended, `conflict` when somebody else has.
pub async fn approve(ctx: &Ctx, meta: &RequestMeta, id: InquiryId, approval: Approval) -> Result<Done> {
    let actor = Arc::clone(&ctx.actor);
    idem::run(ctx, meta, Priority::Normal, move |tx| {
        let inquiry = store::inquiry_lock(tx.conn(), &id)?;
        access::sight(tx.conn(), &actor, &inquiry)?.check(&actor, Action::InquiryApprove)?;
        let (row, now) = (&inquiry.row, tx.now);
        match inquiry.state(now) {
            State::Requested => {}
            State::Open if row.approved_by == Some(actor.person) => return Ok(Done::new(200, json!({ "id": id }))),
            State::Open => return Err(Error::conflict("somebody else has approved it")),
            State::Closed | State::Expired => return Err(Error::new(Code::Gone).detail("the inquiry has ended")),
        }
        let expires_at = approval.expires_at.unwrap_or(row.expires_at);
        if expires_at <= now || expires_at > row.expires_at {
            return Err(Error::field("expires_at", "must lie ahead, and not after what was asked for"));
        }
        store::inquiry_approve(tx.conn(), &id, &actor.person, expires_at, now)?;
        noted(tx, &actor, row, "approved")?;
        Ok(Done::new(200, json!({ "id": id })))
    })
    .await
}

/// Closes an inquiry, or takes back one that waits: nobody reads under it any more, and its looks are told.
///
/// Errors: `not_found`, `forbidden`.
pub async fn close(ctx: &Ctx, meta: &RequestMeta, id: InquiryId) -> Result<Done> {
    let actor = Arc::clone(&ctx.actor);
    idem::run(ctx, meta, Priority::Normal, move |tx| {
        let inquiry = store::inquiry_lock(tx.conn(), &id)?;
        access::sight(tx.conn(), &actor, &inquiry)?.check(&actor, Action::InquiryClose)?;
        let now = tx.now;
        if matches!(inquiry.state(now), State::Requested | State::Open) {
            store::inquiry_close(tx.conn(), &id, &actor.person, now)?;
            noted(tx, &actor, &inquiry.row, "closed")?;
        }
        Ok(Done::new(200, json!({ "id": id })))
    })
    .await
}

/// Writes down that a person's track is looked at under an inquiry; answer only after it.
pub async fn look_at_track(
    ctx: &Ctx,
    inquiry: &Inquiry,
    person: PersonId,
    (from, to): (Timestamp, Timestamp),
    purpose: Option<String>,
) -> Result<()> {
    let (actor, id) = (Arc::clone(&ctx.actor), inquiry.row.id);
    ctx.db
        .write(Priority::Normal, move |tx| {
            // It may have ended since it was asked.
            let now = tx.now;
            let inquiry = access::open_for(tx.conn(), &actor, &id, now)?;
            let look = LookRow {
                person_id: Some(person),
                from_at: Some(from),
                to_at: Some(to),
                ..look(&actor, id, "track", purpose.clone(), now)
            };
            store::look_insert(tx.conn(), &look)?;
            tx.emit(&Event::InquiryNoted {
                inquiry: id,
                number: inquiry.row.number,
                what: "track".to_owned(),
                by: actor.person,
                device: actor.device,
                about: Some(person),
            })
        })
        .await
}

/// A look under an inquiry, at nothing yet.
pub fn look(actor: &Actor, inquiry: InquiryId, what: &str, purpose: Option<String>, at: Timestamp) -> LookRow {
    LookRow {
        id: AccessId::new(),
        inquiry_id: inquiry,
        viewer_id: actor.person,
        device_id: actor.device,
        at,
        what: what.to_owned(),
        purpose,
        person_id: None,
        evidence_id: None,
        entry_id: None,
        from_at: None,
        to_at: None,
        disclosed_at: None,
    }
}

/// Reads an inquiry with its looks; that is noted itself.
///
/// Errors: `not_found`.
pub async fn read(ctx: &Ctx, id: InquiryId) -> Result<Inquiry> {
    let actor = Arc::clone(&ctx.actor);
    ctx.db
        .write(Priority::Normal, move |tx| {
            let inquiry = store::inquiry_fetch(tx.conn(), &id)?;
            access::sight(tx.conn(), &actor, &inquiry)?.check(&actor, Action::InquiryRead)?;
            audit::record(tx, Some(&actor), "inquiry.read", "inquiry", &id.to_string(), &Value::Null)?;
            Ok(inquiry)
        })
        .await
}

/// What happened to it: in the audit, and by the reaction in the custody log.
fn noted(tx: &mut Tx<'_>, actor: &Actor, row: &InquiryRow, what: &str) -> Result<()> {
    let action = format!("inquiry.{what}");
    let detail = json!({ "number": row.number });
    audit::record(tx, Some(actor), &action, "inquiry", &row.id.to_string(), &detail)?;
    tx.emit(&Event::InquiryNoted {
        inquiry: row.id,
        number: row.number.clone(),
        what: what.to_owned(),
        by: actor.person,
        device: actor.device,
        about: None,
    })
}
