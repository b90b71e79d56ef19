//! Patrol grids (警格) and the strength each must keep.

use serde::Deserialize;
use serde_json::json;

use crate::duty::crews::{GridRow, store};
use crate::duty::officers::rules;
use crate::duty::officers::service::{admin_only, unit_writable};
use crate::platform::audit;
use crate::platform::ctx::Ctx;
use crate::platform::db::Priority;
use crate::platform::http::{Done, RequestMeta, idem};
use crate::words::error::{Error, Result};
use crate::words::ids::{GridId, UnitId};

/// Largest minimum strength that makes sense.
const STRENGTH_MAX: i64 = 1_000;

/// A new grid.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GridNew {
    /// One's own unit when absent.
    #[serde(default)]
    pub unit_id: Option<UnitId>,
    /// Unique in its unit.
    pub code: String,
    pub name: String,
    /// How many must stay; backup takes the last of a grid only when nobody else is there.
    #[serde(default)]
    pub min_strength: i64,
}

/// What can be changed about a grid.
#[derive(Clone, Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct GridPatch {
    pub name: Option<String>,
    pub min_strength: Option<i64>,
}

fn strength_check(value: i64) -> Result<i64> {
    if (0..=STRENGTH_MAX).contains(&value) {
        Ok(value)
    } else {
        Err(Error::field("min_strength", format!("must be between 0 and {STRENGTH_MAX}")))
    }
}

/// Makes a grid. Errors: `already_exists` for a code taken in the unit.
pub async fn grid_create(ctx: &Ctx, meta: &RequestMeta, body: GridNew) -> Result<Done> {
    admin_only(&ctx.actor)?;
    let code = rules::name("code", &body.code)?;
    let name = rules::name("name", &body.name)?;
    let min_strength = strength_check(body.min_strength)?;
    let actor = std::sync::Arc::clone(&ctx.actor);
    idem::run(ctx, meta, Priority::Normal, move |tx| {
        let unit = unit_writable(tx.conn(), &actor, &body.unit_id.unwrap_or(actor.unit), "unit")?;
        let row = GridRow {
            id: GridId::new(),
            unit_id: unit.id,
            code: code.clone(),
            name: name.clone(),
            min_strength,
            version: 1,
            created_at: tx.now,
            updated_at: tx.now,
        };
        store::grid_insert(tx.conn(), &row)?;
        audit::record(tx, Some(&actor), "grid.create", "grid", &row.id.to_string(), &json!({ "unit_id": unit.id }))?;
        Ok(Done::new(201, row.id.to_string()))
    })
    .await
}

/// Renames a grid or sets its strength.
pub async fn grid_change(ctx: &Ctx, meta: &RequestMeta, id: GridId, body: GridPatch) -> Result<Done> {
    admin_only(&ctx.actor)?;
    let name = body.name.as_deref().map(|n| rules::name("name", n)).transpose()?;
    let strength = body.min_strength.map(strength_check).transpose()?;
    let actor = std::sync::Arc::clone(&ctx.actor);
    let guard = meta.clone();
    idem::run(ctx, meta, Priority::Normal, move |tx| {
        let mut row = store::grid_fetch(tx.conn(), &id)?;
        unit_writable(tx.conn(), &actor, &row.unit_id, "grid")?;
        guard.check_version(row.version, || json!(row))?;
        if let Some(name) = &name {
            row.name.clone_from(name);
        }
        row.min_strength = strength.unwrap_or(row.min_strength);
        row.version += 1;
        row.updated_at = tx.now;
        store::grid_update(tx.conn(), &row)?;
        audit::record(
            tx,
            Some(&actor),
            "grid.change",
            "grid",
            &id.to_string(),
            &json!({ "min_strength": row.min_strength }),
        )?;
        Ok(Done::new(200, id.to_string()))
    })
    .await
}
