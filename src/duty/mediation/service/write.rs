//! What people send becomes edits: a whole record against the one its author saw, or single fields.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::super::record::{self, Edit, Origin, Values};
use super::super::rules::State;
use super::super::store::known::{self, FillRow};
use super::super::store::{self, MediationRow};
use super::super::{EDITS_BYTES_MAX, EDITS_MAX, Kind, access, facts, lifecycle, sources};
use super::checks;
use crate::duty::incidents::access as calls;
use crate::duty::incidents::store as incidents;
use crate::duty::incidents::trail;
use crate::platform::ctx::{Core, Ctx};
use crate::platform::db::{Priority, Tx};
use crate::platform::http::{Done, RequestMeta, idem};
use crate::platform::policy::{Action, Actor};
use crate::words::error::{Code, Error, Result};
use crate::words::ids::{EditId, IncidentId, MediationId, PersonId};
use crate::words::time::Timestamp;

/// The body of `PUT /mediations/{id}`.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PutMediation {
    pub incident_id: IncidentId,
    #[schema(inline)]
    pub kind: Kind,
    /// The whole record as a tree; what is not in it was emptied, an entry that is not in it removed.
    #[schema(value_type = Object)]
    pub record: Value,
    /// The client's own id of this writing (UUIDv7), the same when it is sent again; one is made unless given.
    pub edit_id: Option<EditId>,
    /// The device's count of its writings, from 1 and never back; tells their order where its clock may step.
    #[serde(default)]
    #[schema(minimum = 0)]
    pub counter: i64,
    /// When it was written, by the device's clock; now unless told.
    pub edited_at: Option<Timestamp>,
    /// A drill (演练); said when the record is made, never changed.
    #[serde(default)]
    pub drill: bool,
    /// The record in effect that this one changes; said when it is made.
    pub amends: Option<MediationId>,
    /// Of fields that nobody typed, where the terminal had their values from.
    #[serde(default)]
    #[schema(inline)]
    pub filled_from: BTreeMap<String, Origin>,
    /// Signatures may fall by this.
    #[serde(default)]
    pub confirm_signatures_fall: bool,
}

/// The body of `PATCH /mediations/{id}`.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PatchMediation {
    /// New values by the path of their field, e.g. `parties/<uuid>/name`; null empties one.
    #[schema(value_type = Object)]
    pub fields: BTreeMap<String, Value>,
    /// As of a `PUT`.
    pub edit_id: Option<EditId>,
    /// As of a `PUT`.
    #[serde(default)]
    #[schema(minimum = 0)]
    pub counter: i64,
    /// As of a `PUT`.
    pub edited_at: Option<Timestamp>,
    /// As of a `PUT`.
    #[serde(default)]
    #[schema(inline)]
    pub filled_from: BTreeMap<String, Origin>,
    /// Signatures may fall by this.
    #[serde(default)]
    pub confirm_signatures_fall: bool,
}

/// Of a writing as a whole.
const NO_FIELD: (String, Value) = (String::new(), Value::Null);

/// On whose behalf edits are taken in.
#[derive(Clone, Debug)]
pub(super) struct Taking {
    pub by: PersonId,
    /// He knows that signatures fall.
    pub may_fall: bool,
    /// Of fields that nobody typed, whence their values are and a reference there.
    pub from: BTreeMap<String, (Origin, String)>,
}

impl Taking {
    /// Errors: `invalid_field` when a field is said to be filled in that is not written.
    fn new(by: PersonId, may_fall: bool, from: &BTreeMap<String, Origin>, written: &Values) -> Result<Self> {
        if let Some(other) = from.keys().find(|path| !written.contains_key(*path)) {
            return Err(Error::field("filled_from", "must name fields that are sent").with("named", json!(other)));
        }
        // The terminal says no more than whence; the reference is its own business.
        let from = from.iter().map(|(path, origin)| (path.clone(), (*origin, String::new())));
        Ok(Self { by, may_fall, from: from.collect() })
    }
}

/// Who wrote, where and when.
#[derive(Clone, Copy, Debug)]
struct Writing {
    id: Uuid,
    counter: i64,
    at: Option<Timestamp>,
}

impl Writing {
    fn of(id: Option<EditId>, counter: i64, at: Option<Timestamp>) -> Result<Self> {
        if counter < 0 {
            return Err(Error::field("counter", "must not be negative"));
        }
        Ok(Self { id: id.unwrap_or_else(EditId::new).into(), counter, at })
    }

    /// `at` orders what is shown of a conflict: a clock that is ahead does not win by that.
    fn edit(&self, actor: &Actor, base: i64, (path, value): (String, Value), now: Timestamp) -> Edit {
        Edit {
            id: self.id,
            path,
            value,
            base,
            // Given when it is taken in.
            version: 0,
            device: actor.device.into(),
            counter: self.counter,
            by: actor.person.into(),
            at: self.at.map_or(now, |at| at.min(now)).as_micros(),
        }
    }
}

/// Makes a record, or brings a whole one into it.
///
/// Errors: `not_found`, `forbidden`, `invalid_field`, `conflict` when it is of another incident or kind, `stale` when the
/// version named is not there yet, `key_reused` when the edit's id came with other values.
pub async fn put(ctx: &Ctx, meta: &RequestMeta, id: MediationId, body: PutMediation) -> Result<Done> {
    let wanted = record::flatten(&body.record)?;
    let writing = Writing::of(body.edit_id, body.counter, body.edited_at)?;
    let (core, actor, seen) = (Arc::clone(&ctx.core), Arc::clone(&ctx.actor), meta.if_match);
    let taking = Taking::new(actor.person, body.confirm_signatures_fall, &body.filled_from, &wanted)?;
    idem::run(ctx, meta, Priority::Normal, move |tx| {
        if let Some(mut row) = made(tx, &actor, &id, &body)? {
            let fields = record::diff(&Values::new(), &wanted)?;
            let edits = fields.into_iter().map(|field| writing.edit(&actor, 0, field, tx.now)).collect();
            take_in(tx, &core, &mut row, edits, Vec::new(), &taking)?;
            let here = writing.edit(&actor, 0, NO_FIELD, tx.now);
            store::whole_insert_new(tx.conn(), &id, &here)?;
            return Ok(Done::new(201, json!({ "id": id })));
        }
        let mut row = store::mediation_lock(tx.conn(), &id)?;
        access::decide(tx.conn(), &actor, &row, Action::MediationWrite)?.check("mediation")?;
        if row.incident_id != body.incident_id || row.kind != body.kind {
            return Err(Error::conflict("the record is of another incident, or of another kind")
                .with("incident_id", json!(row.incident_id))
                .with("kind", json!(row.kind)));
        }
        let known = store::edits_of(tx.conn(), &core.keys, &id)?;
        let base = base_again(&row, &known, &writing, &actor, seen, &wanted)?;
        let here = writing.edit(&actor, base, NO_FIELD, tx.now);
        let fields = record::diff(&record::values_before(&known, &here), &wanted)?;
        is_the_same(&known, &here, &wanted)?;
        let mut edits: Vec<Edit> = fields.into_iter().map(|field| writing.edit(&actor, base, field, tx.now)).collect();
        overtaken(tx, &row, &known, &mut edits, &actor)?;
        store::whole_insert_new(tx.conn(), &id, &here)?;
        take_in(tx, &core, &mut row, edits, known, &taking)?;
        Ok(Done::new(200, json!({ "id": id })))
    })
    .await
}

/// Writes single fields.
///
/// Errors: `not_found`, `forbidden`, `invalid_field`, `stale`, `key_reused`.
pub async fn patch(ctx: &Ctx, meta: &RequestMeta, id: MediationId, body: PatchMediation) -> Result<Done> {
    let mut fields = Values::new();
    for (path, value) in &body.fields {
        fields.insert(path.clone(), record::check(path, value)?);
    }
    if fields.is_empty() {
        return Err(Error::field("fields", "must name at least one"));
    }
    let writing = Writing::of(body.edit_id, body.counter, body.edited_at)?;
    let (core, actor, seen) = (Arc::clone(&ctx.core), Arc::clone(&ctx.actor), meta.if_match);
    let taking = Taking::new(actor.person, body.confirm_signatures_fall, &body.filled_from, &fields)?;
    idem::run(ctx, meta, Priority::Normal, move |tx| {
        let mut row = store::mediation_lock(tx.conn(), &id)?;
        access::decide(tx.conn(), &actor, &row, Action::MediationWrite)?.check("mediation")?;
        let known = store::edits_of(tx.conn(), &core.keys, &id)?;
        let base = base(&row, seen)?;
        let field = |(path, value): (&String, &Value)| (path.clone(), value.clone());
        let mut edits: Vec<Edit> = fields.iter().map(|one| writing.edit(&actor, base, field(one), tx.now)).collect();
        overtaken(tx, &row, &known, &mut edits, &actor)?;
        take_in(tx, &core, &mut row, edits, known, &taking)?;
        Ok(Done::new(200, json!({ "id": id })))
    })
    .await
}

/// What comes in after a whole record that its device wrote later: what that one said of its fields comes with it.
fn overtaken(tx: &mut Tx<'_>, row: &MediationRow, known: &[Edit], edits: &mut Vec<Edit>, actor: &Actor) -> Result<()> {
    let is_known = |edit: &Edit| known.iter().any(|one| one.id == edit.id && one.path == edit.path);
    let version = row.version + 1;
    let late: Vec<Edit> =
        edits.iter().filter(|one| !is_known(one)).map(|one| Edit { version, ..one.clone() }).collect();
    if !late.is_empty() {
        let wholes = store::wholes_of(tx.conn(), &row.id, &actor.device)?;
        edits.extend(record::whole::overtaken(known, &late, &wholes)?);
    }
    Ok(())
}

/// The new record; none when there is one of this id.
fn made(tx: &mut Tx<'_>, actor: &Actor, id: &MediationId, body: &PutMediation) -> Result<Option<MediationRow>> {
    if store::mediation_find(tx.conn(), id)?.is_some() {
        return Ok(None);
    }
    let incident = incidents::incident_fetch(tx.conn(), &body.incident_id)?;
    calls::sight(tx.conn(), actor, &incident)?.check(actor, Action::MediationWrite)?;
    if let Some(amended) = &body.amends {
        amendable(tx, amended, &incident.id, body.drill)?;
    }
    let row = MediationRow {
        id: *id,
        incident_id: incident.id,
        unit_id: incident.unit_id,
        kind: body.kind,
        version: 0,
        open_questions: 0,
        state: State::Proposed,
        state_at: tx.now,
        round: 1,
        drill: body.drill,
        amends: body.amends,
        leader_id: None,
        content_hash: facts::hash(body.kind, &Values::new()),
        form: None,
        serial_no: None,
        finalized_at: None,
        finalized_by: None,
        effective_at: None,
        fields: 0,
        not_typed: 0,
        created_by: actor.person,
        created_at: tx.now,
        updated_at: tx.now,
    };
    if !store::mediation_insert_new(tx.conn(), &row)? {
        return Ok(None);
    }
    let data = json!({ "mediation_id": id, "kind": row.kind });
    trail::entry(tx, &incident.id, "mediation.created", Some(actor.person), data)?;
    Ok(Some(row))
}

/// What takes effect is changed by a new document that names it, of the same call.
fn amendable(tx: &mut Tx<'_>, id: &MediationId, incident: &IncidentId, drill: bool) -> Result<()> {
    let wrong = |rule: &str| Error::field("amends", rule.to_owned());
    let row = store::mediation_find(tx.conn(), id)?.ok_or_else(|| wrong("there is no such record"))?;
    if row.incident_id != *incident {
        return Err(wrong("is of another incident"));
    }
    if row.drill != drill {
        return Err(wrong("a drill changes a drill, and nothing else does"));
    }
    if row.state == State::Amended {
        return Err(wrong("was amended already: amend the document that took its place"));
    }
    if !row.state.is_in_effect() {
        return Err(wrong("is not in effect: write into it instead"));
    }
    Ok(())
}

/// The version an author saw. Older than today's is what merging is for; one that is not there yet comes of a database
/// that was copied back.
fn base(row: &MediationRow, seen: Option<i64>) -> Result<i64> {
    let seen = seen.ok_or_else(|| Error::field("If-Match", "must name the version that was seen, e.g. \"3\""))?;
    if seen < 0 {
        return Err(Error::field("If-Match", "must not be negative"));
    }
    if seen > row.version {
        return Err(Error::new(Code::Stale)
            .detail(format!("you saw version {seen}, it is {}: read the record anew", row.version))
            .with("current_version", row.version.into()));
    }
    Ok(seen)
}

/// The same of a whole record that may come again after an answer that was lost. Then its author saw what he had seen the
/// first time, whatever its sender read since; and of a record that was new there was no version to name.
fn base_again(
    row: &MediationRow,
    known: &[Edit],
    writing: &Writing,
    actor: &Actor,
    seen: Option<i64>,
    wanted: &Values,
) -> Result<i64> {
    let first = known.iter().find(|edit| edit.id == writing.id && edit.device == Uuid::from(actor.device));
    // Nothing stands under the id of a record that was made empty.
    let made_empty = || {
        let says_nothing = wanted.values().all(Value::is_null);
        says_nothing && row.created_by == actor.person && known.iter().all(|edit| edit.version > 1)
    };
    let first = first.map(|edit| edit.base).or_else(|| made_empty().then_some(0));
    let seen = base(row, seen.or(first))?;
    Ok(first.map_or(seen, |first| first.min(seen)))
}

/// Whether a whole record says of each field that came before under its id what it said then, also where that is what
/// stood before, which makes no edit. `here` is a writing of its id.
///
/// Errors: `key_reused`.
fn is_the_same(known: &[Edit], here: &Edit, wanted: &Values) -> Result<()> {
    let said = |path: &str| known.iter().any(|one| one.id == here.id && one.path == path);
    match record::diff(&record::values_after(known, here), wanted)?.iter().find(|(path, _)| said(path)) {
        Some((path, _)) => Err(reused(path)),
        None => Ok(()),
    }
}

fn reused(path: &str) -> Error {
    Error::new(Code::KeyReused)
        .detail("the edit's id came before, with another value of this field")
        .with("field", json!(path))
}

/// Takes edits in that are not there yet; what is there already changes nothing.
pub(super) fn take_in(
    tx: &mut Tx<'_>,
    core: &Core,
    row: &mut MediationRow,
    edits: Vec<Edit>,
    mut all: Vec<Edit>,
    taking: &Taking,
) -> Result<()> {
    let mut fresh = Vec::new();
    for edit in edits {
        match all.iter().find(|one| one.id == edit.id && one.path == edit.path) {
            None => fresh.push(edit),
            Some(one) if one.value == edit.value && one.device == edit.device => {}
            Some(_) => return Err(reused(&edit.path)),
        }
    }
    let made_now = row.version == 0;
    if fresh.is_empty() && !made_now {
        return Ok(());
    }
    lifecycle::open_for_writing(row)?;
    if all.len() + fresh.len() > EDITS_MAX {
        return Err(Error::conflict(format!("the record has {EDITS_MAX} edits; make another one")));
    }
    let size = |edit: &Edit| edit.value.as_str().map_or(0, str::len);
    if all.iter().chain(&fresh).map(size).sum::<usize>() > EDITS_BYTES_MAX {
        return Err(Error::conflict(format!("the record's edits have {EDITS_BYTES_MAX} bytes; make another one")));
    }
    let before = record::merge(&all).values;
    let written: Vec<String> = fresh.iter().map(|edit| edit.path.clone()).collect();
    row.version += 1;
    row.updated_at = tx.now;
    let now = tx.now;
    let mut fills = Vec::new();
    for edit in &mut fresh {
        edit.version = row.version;
        store::edit_insert(tx.conn(), &core.keys, &row.id, edit, now)?;
        if let Some((origin, reference)) = taking.from.get(&edit.path).filter(|_| !edit.value.is_null()) {
            let (path, reference) = (edit.path.clone(), reference.clone());
            fills.push(FillRow { mediation_id: row.id, edit_id: edit.id.into(), path, origin: *origin, reference });
        }
    }
    known::fills_insert(tx.conn(), &fills)?;
    all.extend(fresh);
    let merged = record::merge(&all);
    record::bounds(&merged.values)?;
    checks::identities(&merged.values, &written, now)?;
    checks::shown(tx, row, &merged.values, &written)?;
    if !taking.may_fall {
        checks::signatures_stand(tx, row, &before, &merged.values)?;
    }
    if written.iter().any(|path| path.starts_with("parties/")) {
        known::parties_index(tx.conn(), &row.id, &sources::indexes(&core.keys, row.id, &merged.values))?;
    }
    (row.not_typed, row.fields) = sources::share(tx.conn(), row, &all, &merged.values)?;
    row.open_questions = i32::try_from(merged.conflicts.len() + merged.removals.len()).map_err(Error::internal)?;
    lifecycle::advance(tx, row, &all, Some(taking.by)).map(drop)
}
