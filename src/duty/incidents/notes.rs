//! Notes with links, pushed to everyone on the way; the caller's number.

use serde::Deserialize;
use serde_json::{Value, json};

use super::access;
use super::service::{audit_of, begin};
use super::store::{self, NoteRow};
use super::trail;
use super::view;
use crate::platform::ctx::Ctx;
use crate::platform::db::Tx;
use crate::platform::events::Event;
use crate::platform::http::{Done, RequestMeta, body};
use crate::platform::policy::Action;
use crate::words::error::{Code, Error, Result};
use crate::words::ids::{IncidentId, NoteId};

/// Links on one note.
const LINKS_MAX: usize = 10;
/// Characters of a link.
const LINK_MAX: usize = 1000;

/// The body of `POST /incidents/{id}/notes`.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewNote {
    /// A client's own id, so that it can be written offline.
    pub id: Option<NoteId>,
    pub text: String,
    /// Addresses of camera views, plans, documents.
    #[serde(default)]
    pub links: Vec<String>,
}

impl NewNote {
    /// Errors: `invalid_field`.
    pub fn check(&self) -> Result<()> {
        body::text("text", &self.text, 1, 4000)?;
        if self.links.len() > LINKS_MAX {
            return Err(Error::field("links", format!("must be at most {LINKS_MAX}")));
        }
        for link in &self.links {
            body::text("links", link, 1, LINK_MAX)?;
            let known = ["https://", "http://", "rtsp://", "rtsps://", "geo:", "tel:"];
            if !known.iter().any(|scheme| link.starts_with(scheme)) {
                return Err(Error::field("links", "must start with https:, http:, rtsp:, rtsps:, geo: or tel:"));
            }
        }
        Ok(())
    }
}

/// Adds the note and tells everyone on the way.
pub fn add(tx: &mut Tx<'_>, ctx: &Ctx, id: &IncidentId, meta: &RequestMeta, new: &NewNote) -> Result<Done> {
    let row = begin(tx, ctx, id, meta, Action::IncidentContribute)?;
    if let Some(note) = new.id
        && let Ok(had) = store::note_fetch(tx.conn(), &note)
    {
        let same = had.incident_id == row.id && had.text == new.text && had.author == ctx.actor.person;
        return if same { Ok(Done::new(200, json!({ "id": note }))) } else { Err(Error::new(Code::AlreadyExists)) };
    }
    let note = NoteRow {
        id: new.id.unwrap_or_else(NoteId::new),
        incident_id: row.id,
        author: ctx.actor.person,
        text: new.text.clone(),
        links: serde_json::to_string(&new.links)?,
        at: tx.now,
    };
    store::note_insert(tx.conn(), &note)?;
    trail::entry(tx, &row.id, "incident.note", Some(ctx.actor.person), json!({ "note_id": note.id }))?;
    trail::feed_append(tx, &row, "incident.note", &view::note(&note)?);
    tx.emit(&Event::IncidentNoted { incident: row.id, note: note.id })?;
    Ok(Done::new(201, json!({ "id": note.id })))
}

/// The caller in clear: one tap for the assigned, logged by itself.
///
/// Errors: `forbidden` outside the window, `not_found`.
pub fn caller(tx: &mut Tx<'_>, ctx: &Ctx, id: &IncidentId) -> Result<Value> {
    let row = store::incident_fetch(tx.conn(), id)?;
    let sight = access::sight(tx.conn(), &ctx.actor, &row)?;
    let window = sight.caller_window(&row, tx.now, ctx.config.dispatch.caller_hours);
    sight.decide_in_window(&ctx.actor, Action::CallerRead, window).check("incident")?;
    let callers = store::callers_list(tx.conn(), id)?;
    let purpose = if sight.assigned { "assignment" } else { "command" };
    trail::entry(tx, id, "caller.shown", Some(ctx.actor.person), json!({ "purpose": purpose }))?;
    audit_of(tx, ctx, "caller.show", id, &json!({ "purpose": purpose }))?;
    let shown = callers.iter().map(|caller| view::caller_clear(&ctx.keys, caller)).collect::<Result<Vec<_>>>()?;
    let (name, phone) = shown.first().map_or((Value::Null, Value::Null), |first| {
        (first.get("name").cloned().unwrap_or_default(), first.get("phone").cloned().unwrap_or_default())
    });
    Ok(json!({ "incident_id": id, "name": name, "phone": phone, "callers": shown }))
}
