//! What the system knows already is written into the fields that nobody filled.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::super::facts::Record;
use super::super::record::{self, Edit, Origin, Source};
use super::super::sources::{self, Caller};
use super::super::store::known::FillRow;
use super::super::{access, lifecycle, store};
use super::write::{Taking, take_in};
use crate::duty::incidents::notes;
use crate::platform::ctx::Ctx;
use crate::platform::db::{Priority, Tx};
use crate::platform::http::{Done, RequestMeta, idem};
use crate::platform::policy::Action;
use crate::words::error::{Error, Result};
use crate::words::ids::{EditId, EntryId, IncidentId, MediationId};

/// The body of `POST /mediations/{id}/prefill`.
#[derive(Clone, Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Prefill {
    /// The party of the record who called: his name and number are filled in, and that they were looked at is written
    /// down as any look at a caller is.
    pub caller_is: Option<EntryId>,
    /// Signatures may fall by this.
    pub confirm_signatures_fall: bool,
}

/// A field whose value nobody typed.
#[derive(Clone, Debug, Deserialize, Serialize, utoipa::ToSchema)]
pub struct Filled {
    pub field: String,
    #[schema(inline)]
    pub from: Origin,
    /// Which incident, assignment, recording, record, document: its id, number or type; empty where the terminal filled
    /// the field in by itself.
    pub reference: String,
}

impl From<FillRow> for Filled {
    fn from(row: FillRow) -> Self {
        Self { field: row.path, from: row.origin, reference: row.reference }
    }
}

/// Fills in what is known of the fields that nobody filled, as edits that may be written over like any other.
///
/// A field that somebody emptied stays empty. They come from the server, not from the terminal that asks: what was typed
/// on one that had no link stands beside them until somebody decides, rather than being written over.
///
/// Errors: `not_found`, `forbidden`, `conflict` when the record is final, `invalid_field` when the caller is to be
/// somebody who is no party, `signatures_fall`.
pub async fn prefill(ctx: &Ctx, meta: &RequestMeta, id: MediationId, asked: Prefill) -> Result<Done> {
    let inner = ctx.clone();
    idem::run(ctx, meta, Priority::Normal, move |tx| {
        let (core, actor) = (&inner.core, &inner.actor);
        let mut row = store::mediation_lock(tx.conn(), &id)?;
        access::decide(tx.conn(), actor, &row, Action::MediationWrite)?.check("mediation")?;
        lifecycle::open_for_writing(&row)?;
        let known = store::edits_of(tx.conn(), &core.keys, &id)?;
        let (fresh, from) = {
            let merged = record::merge(&known);
            let here = Record::of(merged.values.clone());
            let caller = asked.caller_is.map(|party| caller(tx, &inner, &row.incident_id, &here, party)).transpose()?;
            let who = (actor.person, tx.now);
            let offered = sources::offered(tx.conn(), &core.keys, &row, &here, caller.as_ref(), who)?;
            let filled = record::prefill(&merged.values, &merged.emptied, offered);
            let from: BTreeMap<_, _> =
                filled.iter().map(|one| (one.field.clone(), (one.from, one.reference.clone()))).collect();
            let writing = Uuid::from(EditId::new());
            let edit = |one: Source| Edit {
                id: writing,
                path: one.field,
                value: one.value,
                base: row.version,
                version: 0,
                device: Uuid::nil(),
                counter: 0,
                by: actor.person.into(),
                at: tx.now.as_micros(),
            };
            (filled.into_iter().map(edit).collect::<Vec<_>>(), from)
        };
        let filled: Vec<Value> = from
            .iter()
            .map(|(field, (origin, reference))| {
                json!(Filled { field: field.clone(), from: *origin, reference: reference.clone() })
            })
            .collect();
        let taking = Taking { by: actor.person, may_fall: asked.confirm_signatures_fall, from };
        if !fresh.is_empty() {
            take_in(tx, core, &mut row, fresh, known, &taking)?;
        }
        Ok(Done::new(200, json!({ "id": id, "filled": filled })))
    })
    .await
}

/// Errors: `invalid_field`, those of a look at a caller.
fn caller(tx: &mut Tx<'_>, ctx: &Ctx, incident: &IncidentId, here: &Record, party: EntryId) -> Result<Caller> {
    if !here.entries("parties").iter().any(|entry| entry.id == Uuid::from(party)) {
        return Err(Error::field("caller_is", "must be a party of the record"));
    }
    let told = notes::caller(tx, ctx, incident)?;
    let text = |name: &str| told.get(name).and_then(Value::as_str).map(str::to_owned);
    Ok(Caller { party, name: text("name"), phone: text("phone") })
}
