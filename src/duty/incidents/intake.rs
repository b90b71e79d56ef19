//! `POST /incidents`: a push of a source system, a call taken in the room, or
//! an officer who meets something. Idempotent by (source, number, revision) and
//! by the client's id.

use serde::{Deserialize, Serialize};

use super::reporter::{Reporter, Sealed};
use super::service;
use crate::platform::ctx::Ctx;
use crate::platform::http::body;
use crate::platform::keys::sha256_hex;
use crate::platform::policy::{self, Action, Actor, Facts, PersonKind};
use crate::words::error::{Error, Result};
use crate::words::geo::Position;
use crate::words::ids::{IncidentId, UnitId};
use crate::words::time::Timestamp;

/// How far ahead of ours the clock of another system may be, seconds.
const AHEAD_MAX_S: i64 = 300;
/// What an officer starts with one tap, before he has found words for it.
const CATEGORY_UNSAID: &str = "unsaid";
const TITLE_UNSAID: &str = "现场警情";
const PRIORITY_UNSAID: i32 = 3;

/// The body of `POST /incidents`. From a source system it is the whole state
/// of that revision: what is absent is empty.
#[derive(Clone, Debug, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Intake {
    /// A client's own UUIDv7, so that it can be made offline.
    #[serde(skip_serializing)]
    pub id: Option<IncidentId>,
    pub source: Option<String>,
    pub external_no: Option<String>,
    #[serde(skip_serializing)]
    pub revision: Option<i64>,
    /// The unit to handle it; the caller's own unless told.
    pub unit_id: Option<UnitId>,
    pub category: Option<String>,
    /// 1 (gravest) to 4.
    pub priority: Option<i32>,
    pub title: Option<String>,
    pub description: Option<String>,
    /// e.g. `knife`, `gas`, `firearm`, `dog`.
    #[serde(default)]
    pub hazards: Vec<String>,
    pub location: Position,
    pub address: Option<String>,
    pub reporter: Option<Reporter>,
    pub called_at: Option<Timestamp>,
    pub answered_at: Option<Timestamp>,
    pub dispatched_at: Option<Timestamp>,
    /// The source system takes the call back.
    #[serde(default)]
    pub cancelled: bool,
    /// A field officer who is there already.
    #[serde(default, skip_serializing)]
    pub attach_self: bool,
}

/// A checked intake with everything that must not happen inside a recipe done.
#[derive(Clone)]
pub struct Prepared {
    pub(super) id: IncidentId,
    pub(super) id_given: bool,
    pub(super) source: String,
    pub(super) revision: i64,
    pub(super) category: String,
    pub(super) priority: i32,
    pub(super) title: String,
    pub(super) hash: String,
    pub(super) history: String,
    pub(super) caller: Option<Sealed>,
    pub(super) body: Intake,
}

impl Prepared {
    /// Checks every bound and seals the caller. Errors: `invalid_field`, `forbidden`.
    pub fn new(ctx: &Ctx, mut body: Intake) -> Result<Self> {
        policy::may(&ctx.actor, Action::IncidentCreate, &Facts::default()).check("incident")?;
        let now = ctx.clock.now();
        let field = ctx.actor.kind.is_field();
        check(&body, now)?;
        if let Some(id) = body.id
            && uuid::Uuid::from(id).get_version_num() != 7
        {
            return Err(Error::field("id", "must be a UUIDv7"));
        }
        let source = source_of(&ctx.actor, &body)?;
        let category = said(body.category.as_deref(), field, "category", CATEGORY_UNSAID)?;
        let title = said(body.title.as_deref(), field, "title", TITLE_UNSAID)?;
        let priority = match body.priority {
            Some(priority) => priority,
            None if field => PRIORITY_UNSAID,
            None => return Err(Error::field("priority", "is required")),
        };
        if body.attach_self && !field {
            return Err(Error::field("attach_self", "is for people in the field"));
        }
        let caller = body.reporter.as_ref().map(|reporter| reporter.seal(&ctx.keys)).transpose()?;
        body.source = Some(source.clone());
        let hash = sha256_hex(&serde_json::to_vec(&body)?);
        let reporter = body.reporter.take();
        let history = serde_json::to_string(&body)?;
        body.reporter = reporter;
        Ok(Self {
            id: body.id.unwrap_or_else(IncidentId::new),
            id_given: body.id.is_some(),
            source,
            revision: body.revision.unwrap_or(1),
            category,
            priority,
            title,
            hash,
            history,
            caller,
            body,
        })
    }
}

fn said(given: Option<&str>, field: bool, name: &str, unsaid: &str) -> Result<String> {
    match given {
        Some(text) => Ok(text.to_owned()),
        None if field => Ok(unsaid.to_owned()),
        None => Err(Error::field(name, "is required")),
    }
}

fn check(body: &Intake, now: Timestamp) -> Result<()> {
    body.location.checked()?;
    if let Some(source) = &body.source {
        service::check_source(source)?;
    }
    if let Some(no) = &body.external_no {
        body::text("external_no", no, 1, 64)?;
    }
    if body.revision.is_some_and(|revision| revision < 0) {
        return Err(Error::field("revision", "must not be negative"));
    }
    if body.priority.is_some_and(|priority| !(1..=4).contains(&priority)) {
        return Err(Error::field("priority", "must be between 1 and 4"));
    }
    if let Some(category) = &body.category {
        body::text("category", category, 1, 64)?;
    }
    if let Some(title) = &body.title {
        body::text("title", title, 1, 200)?;
    }
    body::text_opt("description", body.description.as_deref(), 4000)?;
    body::text_opt("address", body.address.as_deref(), 300)?;
    service::check_hazards(&body.hazards)?;
    if let Some(reporter) = &body.reporter {
        reporter.check()?;
    }
    for (name, at) in
        [("called_at", body.called_at), ("answered_at", body.answered_at), ("dispatched_at", body.dispatched_at)]
    {
        if at.is_some_and(|at| at > now.plus_secs(AHEAD_MAX_S)) {
            return Err(Error::field(name, "lies in the future"));
        }
    }
    Ok(())
}

/// The source an actor may speak for.
fn source_of(actor: &Actor, body: &Intake) -> Result<String> {
    if actor.kind == PersonKind::ServiceAccount {
        let own = actor.source.as_deref();
        return match (own, body.source.as_deref()) {
            (Some(own), Some(given)) if own != given => Err(Error::forbidden(format!("this account speaks for {own}"))),
            (Some(own), _) => Ok(own.to_owned()),
            (None, Some(given)) => Ok(given.to_owned()),
            (None, None) => Err(Error::field("source", "is required")),
        };
    }
    if actor.kind.is_field() && (body.source.is_some() || body.external_no.is_some()) {
        return Err(Error::field("source", "is for intake systems and the room"));
    }
    match &body.source {
        Some(source) => Ok(source.clone()),
        None if body.external_no.is_some() => Err(Error::field("source", "is required with external_no")),
        None => Ok(if actor.kind.is_field() { "field" } else { "room" }.to_owned()),
    }
}
