//! Units: made, renamed, moved.

use serde::Deserialize;
use serde_json::json;

use super::auth_changed;
use crate::duty::officers::auth::{Auth, AuthChange};
use crate::duty::officers::{UnitRow, rules, store};
use crate::platform::audit;
use crate::platform::ctx::Ctx;
use crate::platform::db::{Conn, Priority};
use crate::platform::events::Event;
use crate::platform::http::{Done, RequestMeta, idem};
use crate::platform::policy::{Action, Actor, Decision, Facts, PersonKind, may};
use crate::words::error::{Code, Error, Result};
use crate::words::ids::UnitId;

/// Units of a path deeper than this are refused; bounds the stored path.
const DEPTH_MAX: usize = 12;

/// A new unit; without `parent_id` it hangs below the asking administrator's own.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UnitNew {
    pub name: String,
    /// 1 to 32 of a-z and _: city, county, station_command_room, street_post, checkpoint, team, …
    pub kind: String,
    #[serde(default)]
    pub parent_id: Option<UnitId>,
}

/// What can be changed about a unit.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UnitPatch {
    #[serde(default)]
    pub name: Option<String>,
    #[serde(default)]
    pub kind: Option<String>,
    #[serde(default)]
    pub parent_id: Option<UnitId>,
}

/// Only administrators change the organisation: 403 before anything is looked up.
pub fn admin_only(actor: &Actor) -> Result<()> {
    if actor.kind == PersonKind::Administrator { Ok(()) } else { Err(Error::forbidden("administrators only")) }
}

/// Whether the actor may change what belongs to this unit.
pub fn org_write(actor: &Actor, unit: &UnitRow) -> Decision {
    may(actor, Action::OrgWrite, &Facts { unit_path: Some(&unit.path), ..Facts::default() })
}

/// A unit the actor may change; 404 outside his subtree.
pub fn unit_writable(conn: &mut Conn, actor: &Actor, id: &UnitId, noun: &str) -> Result<UnitRow> {
    let unit = store::unit_fetch(conn, id)?;
    org_write(actor, &unit).check(noun)?;
    Ok(unit)
}

/// A unit the actor may see: his subtree and the line above it.
pub fn unit_visible(conn: &mut Conn, actor: &Actor, id: &UnitId) -> Result<UnitRow> {
    let unit = store::unit_fetch(conn, id)?;
    let seen = actor.commands(&unit.path) || actor.unit_path.starts_with(&unit.path);
    if seen { Ok(unit) } else { Err(Error::not_found("unit")) }
}

/// Makes a unit. Errors: `forbidden`, `not_found` for a parent out of scope.
pub async fn unit_create(ctx: &Ctx, meta: &RequestMeta, body: UnitNew) -> Result<Done> {
    admin_only(&ctx.actor)?;
    let name = rules::name("name", &body.name)?;
    rules::unit_kind(&body.kind)?;
    let actor = std::sync::Arc::clone(&ctx.actor);
    idem::run(ctx, meta, Priority::Normal, move |tx| {
        let parent = unit_writable(tx.conn(), &actor, &body.parent_id.unwrap_or(actor.unit), "unit")?;
        depth_check(&parent.path, 1)?;
        let id = UnitId::new();
        let row = UnitRow {
            id,
            name: name.clone(),
            kind: body.kind.clone(),
            parent_id: Some(parent.id),
            path: format!("{}{id}/", parent.path),
            version: 1,
            created_at: tx.now,
            updated_at: tx.now,
        };
        store::unit_insert(tx.conn(), &row)?;
        audit::record(tx, Some(&actor), "unit.create", "unit", &id.to_string(), &json!({ "parent_id": parent.id }))?;
        Ok(Done::new(201, id.to_string()))
    })
    .await
}

/// Renames, re-kinds or moves a unit. Errors: `stale`, `conflict` for a move below itself.
pub async fn unit_change(ctx: &Ctx, meta: &RequestMeta, id: UnitId, body: UnitPatch) -> Result<Done> {
    admin_only(&ctx.actor)?;
    let name = body.name.as_deref().map(|n| rules::name("name", n)).transpose()?;
    body.kind.as_deref().map(rules::unit_kind).transpose()?;
    let actor = std::sync::Arc::clone(&ctx.actor);
    let auth = ctx.part::<Auth>()?.clone();
    let if_match = meta.clone();
    idem::run(ctx, meta, Priority::Normal, move |tx| {
        let now = tx.now;
        let mut row = unit_writable(tx.conn(), &actor, &id, "unit")?;
        if_match.check_version(row.version, || json!(row))?;
        if let Some(name) = &name {
            row.name.clone_from(name);
        }
        if let Some(kind) = &body.kind {
            row.kind.clone_from(kind);
        }
        row.version += 1;
        row.updated_at = now;
        store::unit_update(tx.conn(), &row)?;
        if let Some(parent_id) = body.parent_id.filter(|p| Some(*p) != row.parent_id) {
            let parent = unit_writable(tx.conn(), &actor, &parent_id, "unit")?;
            if parent.path.starts_with(&row.path) {
                return Err(Error::conflict("a unit cannot hang below itself"));
            }
            if row.id == actor.unit || row.parent_id.is_none() {
                return Err(Error::conflict("the top of your own tree cannot be moved"));
            }
            let deepest = store::units_in_subtree(tx.conn(), &row.path)?.iter().map(|u| depth(&u.path)).max();
            depth_check(&parent.path, deepest.unwrap_or(1).saturating_sub(depth(&row.path)) + 1)?;
            let path = store::unit_move(tx.conn(), &row, &parent, now)?;
            tx.emit(&Event::UnitMoved { from: row.path.clone(), to: path })?;
            auth_changed(tx, &auth, AuthChange::UnitsChanged)?;
        }
        audit::record(
            tx,
            Some(&actor),
            "unit.change",
            "unit",
            &id.to_string(),
            &json!({ "parent_id": body.parent_id }),
        )?;
        Ok(Done::new(200, id.to_string()))
    })
    .await
}

fn depth(path: &str) -> usize {
    path.split('/').filter(|part| !part.is_empty()).count()
}

fn depth_check(parent_path: &str, below: usize) -> Result<()> {
    if depth(parent_path) + below > DEPTH_MAX {
        return Err(Error::conflict(format!("units nest at most {DEPTH_MAX} deep")));
    }
    Ok(())
}

/// The units whose figures the actor is asking for: those below `unit`, or below his own.
///
/// Errors: `not_found` outside his subtree, `forbidden` for who answers for no unit.
pub fn units_reported(conn: &mut Conn, actor: &Actor, unit: Option<&UnitId>) -> Result<Vec<UnitRow>> {
    let path = match unit {
        Some(unit) => store::unit_fetch(conn, unit)?.path,
        None => actor.unit_path.clone(),
    };
    if !actor.commands(&path) {
        return Err(Error::not_found("unit"));
    }
    if !(actor.kind.is_watching() || actor.kind == PersonKind::Custodian) {
        return Err(Error::new(Code::Forbidden));
    }
    store::units_in_subtree(conn, &path)
}
