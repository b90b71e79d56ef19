//! The room's and the scene's commands on one incident: correct, note, link,
//! claim, cancel, merge, divert, review, close, reopen.

use serde::Deserialize;
use serde_json::{Value, json};

use super::access;
use super::revision::is_loud;
use super::service::{self, audit_of, begin, finish, step};
use super::state::Command;
use super::store::{self, CallerRow, IncidentRow, LinkRow};
use super::trail;
use crate::platform::ctx::Ctx;
use crate::platform::db::Tx;
use crate::platform::events::Event;
use crate::platform::http::{Done, RequestMeta, body};
use crate::platform::policy::{Action, Decision};
use crate::words::error::{Code, Error, Result};
use crate::words::geo::Position;
use crate::words::ids::IncidentId;

/// Corrections; what is absent stays.
#[derive(Clone, Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Patch {
    pub title: Option<String>,
    pub description: Option<String>,
    /// As reported (接警类别).
    pub category: Option<String>,
    /// As found (处警反馈类别).
    pub category_found: Option<String>,
    pub priority: Option<i32>,
    pub hazards: Option<Vec<String>>,
    pub location: Option<Position>,
    pub address: Option<String>,
    /// 110's number for a call an officer started.
    pub external: Option<External>,
}

/// The identity a source system gave it.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct External {
    pub source: String,
    pub external_no: String,
}

impl Patch {
    /// Errors: `invalid_field`.
    pub fn check(&self) -> Result<()> {
        if let Some(title) = &self.title {
            body::text("title", title, 1, 200)?;
        }
        body::text_opt("description", self.description.as_deref(), 4000)?;
        for (name, value) in [("category", &self.category), ("category_found", &self.category_found)] {
            if let Some(value) = value {
                body::text(name, value, 1, 64)?;
            }
        }
        if self.priority.is_some_and(|priority| !(1..=4).contains(&priority)) {
            return Err(Error::field("priority", "must be between 1 and 4"));
        }
        if let Some(hazards) = &self.hazards {
            service::check_hazards(hazards)?;
        }
        if let Some(location) = self.location {
            location.checked()?;
        }
        if let Some(external) = &self.external {
            service::check_source(&external.source)?;
            body::text("external_no", &external.external_no, 1, 64)?;
        }
        body::text_opt("address", self.address.as_deref(), 300)
    }

    /// What only the room may change; the scene corrects what it sees.
    const fn needs_room(&self) -> bool {
        self.title.is_some()
            || self.description.is_some()
            || self.category.is_some()
            || self.priority.is_some()
            || self.external.is_some()
    }
}

/// Applies corrections. A call an officer started himself is his to complete.
pub fn patch(tx: &mut Tx<'_>, ctx: &Ctx, id: &IncidentId, meta: &RequestMeta, patch: &Patch) -> Result<Done> {
    let mut row = begin(tx, ctx, id, meta, Action::IncidentContribute)?;
    let room =
        access::sight(tx.conn(), &ctx.actor, &row)?.decide(&ctx.actor, Action::IncidentCommand) == Decision::Allow;
    let own_field_call = row.created_by == Some(ctx.actor.person) && row.source == "field";
    if patch.needs_room() && !room && !own_field_call {
        return Err(Error::forbidden(
            "the scene corrects place, hazards and the category found; the rest is the room's",
        ));
    }
    let mut changed: Vec<String> = Vec::new();
    let mut note = |name: &str| changed.push(name.to_owned());
    if let Some(place) = patch.location
        && (place.lon, place.lat) != (row.lon, row.lat)
    {
        (row.lon, row.lat) = (place.lon, place.lat);
        note("location");
    }
    if let Some(title) = &patch.title
        && *title != row.title
    {
        row.title.clone_from(title);
        note("title");
    }
    if let Some(category) = &patch.category
        && *category != row.category
    {
        row.category.clone_from(category);
        note("category");
    }
    if let Some(priority) = patch.priority
        && priority != row.priority
    {
        row.priority = priority;
        note("priority");
    }
    for (name, had, new) in [
        ("description", &mut row.description, &patch.description),
        ("category_found", &mut row.category_found, &patch.category_found),
        ("address", &mut row.address, &patch.address),
    ] {
        if new.is_some() && had != new {
            had.clone_from(new);
            note(name);
        }
    }
    if let Some(hazards) = &patch.hazards {
        let text = serde_json::to_string(hazards)?;
        if text != row.hazards {
            row.hazards = text;
            note("hazards");
        }
    }
    if let Some(external) = &patch.external {
        link_number(tx, &mut row, external)?;
        note("external_no");
    }
    if changed.is_empty() {
        return Ok(Done::new(200, json!({ "id": row.id })));
    }
    let now = tx.now;
    let mut local: serde_json::Map<String, Value> = serde_json::from_str(&row.local_fields)?;
    for name in &changed {
        let by = if room { "room" } else { "scene" };
        local.insert(name.clone(), json!({ "by": by, "person_id": ctx.actor.person, "at": now }));
    }
    row.local_fields = Value::Object(local).to_string();
    let loud = is_loud(&changed);
    let mut data = json!({});
    if changed.iter().any(|name| name == "category_found") {
        data = json!({ "category_found": row.category_found });
    }
    if changed.iter().any(|name| name == "location")
        && let Value::Object(map) = &mut data
    {
        map.insert("location".into(), json!({ "lon": row.lon, "lat": row.lat }));
    }
    finish(tx, &mut row, ctx.actor.person, "incident.updated", &changed, loud, data)?;
    audit_of(tx, ctx, "incident.patch", &row.id, &json!({ "changed": changed }))?;
    Ok(Done::new(200, json!({ "id": row.id })))
}

/// Gives a call started here the number its source system knows it by.
fn link_number(tx: &mut Tx<'_>, row: &mut IncidentRow, external: &External) -> Result<()> {
    if row.external_no.is_some() {
        return Err(Error::conflict("it has a number already"));
    }
    if store::incident_by_external(tx.conn(), &external.source, &external.external_no)?.is_some() {
        return Err(Error::new(Code::AlreadyExists).detail("that number is another incident's; merge the two"));
    }
    row.source.clone_from(&external.source);
    row.external_no = Some(external.external_no.clone());
    Ok(())
}

/// Two incidents that belong together.
pub fn link(tx: &mut Tx<'_>, ctx: &Ctx, id: &IncidentId, meta: &RequestMeta, other: &IncidentId) -> Result<Done> {
    let mut row = begin(tx, ctx, id, meta, Action::IncidentCommand)?;
    if other == id {
        return Err(Error::field("incident_id", "must be another incident"));
    }
    let other = store::incident_fetch(tx.conn(), other)?;
    access::sight(tx.conn(), &ctx.actor, &other)?.check(&ctx.actor, Action::IncidentRead)?;
    if link_both(tx, ctx, id, &other.id, "linked")? {
        finish(
            tx,
            &mut row,
            ctx.actor.person,
            "incident.linked",
            &["links".to_owned()],
            false,
            json!({ "incident_id": other.id }),
        )?;
    }
    Ok(Done::new(200, json!({ "id": id })))
}

fn link_both(tx: &mut Tx<'_>, ctx: &Ctx, id: &IncidentId, other: &IncidentId, kind: &str) -> Result<bool> {
    let at = tx.now;
    let mut fresh = false;
    for (from, to) in [(id, other), (other, id)] {
        let row = LinkRow { incident_id: *from, other_id: *to, kind: kind.to_owned(), author: ctx.actor.person, at };
        fresh |= store::link_insert(tx.conn(), &row)?;
    }
    Ok(fresh)
}

/// A seat says "I am on it" for a while; another seat needs `override_claim`.
pub fn claim(tx: &mut Tx<'_>, ctx: &Ctx, id: &IncidentId, meta: &RequestMeta, over: bool) -> Result<Done> {
    let mut row = begin(tx, ctx, id, meta, Action::IncidentCommand)?;
    check_claim(&row, ctx, tx, over)?;
    row.claimed_by = Some(ctx.actor.person);
    row.claim_until = Some(tx.now.plus_secs(i64::from(ctx.config.dispatch.claim_s)));
    store::incident_save(tx.conn(), &row)?;
    trail::entry(
        tx,
        id,
        "incident.claimed",
        Some(ctx.actor.person),
        json!({ "until": row.claim_until, "override": over }),
    )?;
    Ok(Done::new(200, json!({ "id": id })))
}

/// Errors: `claimed` while another seat's claim runs and no override was said.
pub fn check_claim(row: &IncidentRow, ctx: &Ctx, tx: &Tx<'_>, over: bool) -> Result<()> {
    match (row.claimed_by, row.claim_until) {
        (Some(by), Some(until)) if by != ctx.actor.person && until > tx.now && !over => Err(Error::new(Code::Claimed)
            .detail("say override_claim: true to act all the same")
            .with("claim", json!({ "person_id": by, "until": until }))
            .with("version", json!(row.version))),
        _ => Ok(()),
    }
}

/// Gives one's own claim back; somebody else's stays.
pub fn release(tx: &mut Tx<'_>, ctx: &Ctx, id: &IncidentId, meta: &RequestMeta) -> Result<Done> {
    let mut row = begin(tx, ctx, id, meta, Action::IncidentCommand)?;
    if row.claimed_by == Some(ctx.actor.person) {
        row.claimed_by = None;
        row.claim_until = None;
        store::incident_save(tx.conn(), &row)?;
    }
    Ok(Done::new(200, json!({ "id": id })))
}

/// Takes the call back.
pub fn cancel(tx: &mut Tx<'_>, ctx: &Ctx, id: &IncidentId, meta: &RequestMeta, reason: &str) -> Result<Done> {
    let mut row = begin(tx, ctx, id, meta, Action::IncidentCommand)?;
    service::cancel_row(tx, ctx.actor.person, &mut row, reason)?;
    audit_of(tx, ctx, "incident.cancel", id, &json!({}))?;
    Ok(Done::new(200, json!({ "id": id })))
}

/// The call is a double of `into`: its callers and notes join there, its crews stand down.
pub fn merge(tx: &mut Tx<'_>, ctx: &Ctx, id: &IncidentId, meta: &RequestMeta, into: &IncidentId) -> Result<Done> {
    if into == id {
        return Err(Error::field("into", "must be another incident"));
    }
    let mut row = begin(tx, ctx, id, meta, Action::IncidentCommand)?;
    let mut main = store::incident_lock(tx.conn(), into)?;
    access::sight(tx.conn(), &ctx.actor, &main)?.check(&ctx.actor, Action::IncidentCommand)?;
    if row.merged_into == Some(main.id) {
        return Ok(Done::new(200, json!({ "id": id })));
    }
    if main.merged_into.is_some() || main.state == super::state::State::Merged {
        return Err(Error::conflict("the main incident is merged into another itself"));
    }
    if !step(&mut row, Command::Merge)? {
        return Err(Error::conflict("it is merged into another already"));
    }
    row.merged_into = Some(main.id);
    callers_join(tx, &row, &main)?;
    link_both(tx, ctx, id, into, "merged")?;
    let by = ctx.actor.person;
    finish(tx, &mut row, by, "incident.merged", &["state".to_owned()], false, json!({ "into": main.id }))?;
    finish(tx, &mut main, by, "incident.absorbed", &["links".to_owned()], false, json!({ "incident_id": row.id }))?;
    tx.emit(&Event::IncidentEnded { incident: row.id, reason: "merged".to_owned() })?;
    tx.emit(&Event::IncidentMerged { incident: row.id, into: main.id })?;
    audit_of(tx, ctx, "incident.merge", id, &json!({ "into": main.id }))?;
    Ok(Done::new(200, json!({ "id": id })))
}

/// Every caller is kept for the call back (回访).
fn callers_join(tx: &mut Tx<'_>, from: &IncidentRow, main: &IncidentRow) -> Result<()> {
    let known = store::callers_list(tx.conn(), &main.id)?;
    let mut n = known.iter().map(|caller| caller.n).max().unwrap_or(0);
    for caller in store::callers_list(tx.conn(), &from.id)? {
        if known.iter().any(|had| had.phone_index.is_some() && had.phone_index == caller.phone_index) {
            continue;
        }
        n += 1;
        store::caller_insert(tx.conn(), &CallerRow { incident_id: main.id, n, ..caller })?;
    }
    Ok(())
}

/// No police matter: an agency takes it (分流), or another authority (移交).
pub fn divert(
    tx: &mut Tx<'_>,
    ctx: &Ctx,
    id: &IncidentId,
    meta: &RequestMeta,
    to: &str,
    reason: &str,
    command: Command,
) -> Result<Done> {
    let mut row = begin(tx, ctx, id, meta, Action::IncidentCommand)?;
    if step(&mut row, command)? {
        let kind = if command == Command::Divert { "incident.diverted" } else { "incident.transferred" };
        finish(
            tx,
            &mut row,
            ctx.actor.person,
            kind,
            &["state".to_owned()],
            false,
            json!({ "to": to, "reason": reason }),
        )?;
        tx.emit(&Event::IncidentEnded { incident: row.id, reason: row.state.to_string() })?;
        audit_of(tx, ctx, kind, id, &json!({}))?;
    }
    Ok(Done::new(200, json!({ "id": id })))
}

/// Done (办结). Crews still on it are called off.
pub fn close(tx: &mut Tx<'_>, ctx: &Ctx, id: &IncidentId, meta: &RequestMeta, reason: Option<&str>) -> Result<Done> {
    let mut row = begin(tx, ctx, id, meta, Action::IncidentCommand)?;
    if step(&mut row, Command::Close)? {
        let now = tx.now;
        service::mark(&mut row, "closed_at", json!(now))?;
        finish(
            tx,
            &mut row,
            ctx.actor.person,
            "incident.closed",
            &["state".to_owned()],
            false,
            json!({ "reason": reason }),
        )?;
        tx.emit(&Event::IncidentEnded { incident: row.id, reason: "closed".to_owned() })?;
        audit_of(tx, ctx, "incident.close", id, &json!({}))?;
    }
    Ok(Done::new(200, json!({ "id": id })))
}

/// The review of the final feedback: accepted closes, refused goes back to the crew.
pub fn review(
    tx: &mut Tx<'_>,
    ctx: &Ctx,
    id: &IncidentId,
    meta: &RequestMeta,
    accept: bool,
    text: Option<&str>,
) -> Result<Done> {
    if accept {
        return close(tx, ctx, id, meta, text);
    }
    let mut row = begin(tx, ctx, id, meta, Action::IncidentCommand)?;
    if step(&mut row, Command::RefuseFeedback)? {
        row.final_at = None;
        let changed = ["state".to_owned()];
        finish(tx, &mut row, ctx.actor.person, "feedback.refused", &changed, true, json!({ "text": text }))?;
    }
    Ok(Done::new(200, json!({ "id": id })))
}

/// A new handling round; what the first did is never undone.
pub fn reopen(tx: &mut Tx<'_>, ctx: &Ctx, id: &IncidentId, meta: &RequestMeta, reason: &str) -> Result<Done> {
    let mut row = begin(tx, ctx, id, meta, Action::IncidentCommand)?;
    if service::reopen_row(tx, ctx.actor.person, &mut row, reason)? {
        audit_of(tx, ctx, "incident.reopen", id, &json!({}))?;
    }
    Ok(Done::new(200, json!({ "id": id })))
}
