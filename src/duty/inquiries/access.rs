//! Who stands how to an inquiry, and the right that an open one gives: only to whom it names, only when it is named.

use super::rules::{About, Inquiry, State};
use super::store;
use crate::duty::officers::store as officers;
use crate::platform::db::Conn;
use crate::platform::policy::{self, Action, Actor, Decision, Facts};
use crate::words::error::{Code, Error, Result};
use crate::words::ids::{InquiryId, PersonId};
use crate::words::time::Timestamp;

/// An actor's standing towards one inquiry.
#[derive(Clone, Debug, Default)]
pub struct Sight {
    /// He asked for it.
    own: bool,
    /// He is named as an investigator.
    investigates: bool,
    approved: bool,
    /// The unit that asked, where everything it reaches into lies in his subtree.
    path: Option<String>,
    /// It is about him.
    subject: bool,
}

/// Loads the facts.
pub fn sight(conn: &mut Conn, actor: &Actor, inquiry: &Inquiry) -> Result<Sight> {
    let row = &inquiry.row;
    let path = officers::unit_fetch(conn, &row.requested_unit_id)?.path;
    let over_all = actor.commands(&path) && reach(conn, inquiry)?.iter().all(|path| actor.commands(path));
    Ok(Sight {
        own: row.requested_by == actor.person,
        investigates: inquiry.investigators.contains(&actor.person),
        approved: row.approved_by == Some(actor.person),
        path: over_all.then_some(path),
        subject: is_subject(conn, inquiry, &actor.person)?,
    })
}

impl Sight {
    /// Asks the policy.
    pub fn decide(&self, actor: &Actor, action: Action) -> Decision {
        let facts = Facts {
            unit_path: self.path.as_deref(),
            own: self.own,
            assigned: self.investigates,
            shared: self.approved,
            withheld: self.subject,
            ..Facts::default()
        };
        policy::may(actor, action, &facts)
    }

    /// Errors: `not_found` or `forbidden`.
    pub fn check(&self, actor: &Actor, action: Action) -> Result<()> {
        self.decide(actor, action).check("inquiry")
    }
}

/// Paths of every unit it reaches into: its subject's, its incidents', those it is narrowed to.
fn reach(conn: &mut Conn, inquiry: &Inquiry) -> Result<Vec<String>> {
    let mut paths = inquiry.unit_paths.clone();
    if let Some(person) = &inquiry.row.person_id {
        let home = officers::person_fetch(conn, person)?.unit_id;
        paths.push(officers::unit_fetch(conn, &home)?.path);
    }
    paths.extend(store::incidents_known(conn, &inquiry.incidents)?.into_iter().map(|(_, path)| path));
    Ok(paths)
}

/// Whether it is about this person: he is its subject, or was sent to one of its incidents.
pub fn is_subject(conn: &mut Conn, inquiry: &Inquiry, person: &PersonId) -> Result<bool> {
    if inquiry.row.person_id == Some(*person) {
        return Ok(true);
    }
    Ok(!store::incidents_of_person(conn, person, &inquiry.incidents)?.is_empty())
}

/// The inquiry, if it is open and the actor is one of its investigators.
///
/// Errors: `not_found` for whoever is not named in it, `forbidden` until it is approved, `gone` when it has ended.
pub fn open_for(conn: &mut Conn, actor: &Actor, id: &InquiryId, now: Timestamp) -> Result<Inquiry> {
    let inquiry = store::inquiry_fetch(conn, id)?;
    if !inquiry.investigators.contains(&actor.person) {
        return Err(Error::not_found("inquiry"));
    }
    let state = inquiry.state(now);
    match state {
        State::Open => Ok(inquiry),
        State::Requested => Err(Error::forbidden("nobody has approved the inquiry")),
        State::Closed | State::Expired => {
            Err(Error::new(Code::Gone).detail("the inquiry has ended").with("state", state.as_str().into()))
        }
    }
}

/// [`open_for`] a stretch of a person's track.
///
/// Errors: besides, `not_found` for another person and `forbidden` for another time.
pub fn open_for_track(
    conn: &mut Conn,
    actor: &Actor,
    id: &InquiryId,
    person: &PersonId,
    (from, to): (Option<Timestamp>, Option<Timestamp>),
    now: Timestamp,
) -> Result<(Inquiry, Timestamp, Timestamp)> {
    let inquiry = open_for(conn, actor, id, now)?;
    let home = officers::person_fetch(conn, person)?.unit_id;
    let unit_path = officers::unit_fetch(conn, &home)?.path;
    let incidents = store::incidents_of_person(conn, person, &inquiry.incidents)?;
    let about = About { people: &[*person], incidents: &incidents, unit_path: &unit_path };
    let (from, to) = (from.unwrap_or(inquiry.row.from_at), to.unwrap_or(inquiry.row.to_at));
    if !inquiry.concerns(&about) {
        return Err(Error::not_found("person"));
    }
    if !inquiry.covers_stretch(&about, from, to) {
        return Err(Error::forbidden("the inquiry is about another time"));
    }
    let facts = Facts { inquiry: true, ..Facts::default() };
    policy::may(actor, Action::TrackRead, &facts).check("person")?;
    Ok((inquiry, from, to))
}
