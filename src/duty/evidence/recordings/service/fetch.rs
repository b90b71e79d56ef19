//! The room asks for a recording that is not at the server yet; the dock hears of it when it asks what is wanted, or with
//! its next manifest.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::super::store::{self, RecordingRow};
use super::super::who::Speaker;
use super::super::{EventKind, State, access};
use super::event;
use crate::duty::evidence::rules::PURPOSE_MAX;
use crate::platform::ctx::{Core, Ctx};
use crate::platform::db::Priority;
use crate::platform::http::{Done, Items, Page, RequestMeta, body, idem, page};
use crate::platform::policy::Action;
use crate::words::error::{Error, Result};
use crate::words::ids::{DeviceId, RecordingId};
use crate::words::time::Timestamp;

/// To what end a recording is asked for.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FetchBody {
    /// 1 to 200 characters; kept in the recording's trail.
    pub purpose: String,
}

/// One recording that is to come up at once.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct WantedLine {
    pub recording_id: RecordingId,
    /// The camera.
    pub device_id: DeviceId,
    #[schema(inline)]
    pub state: State,
    /// Hex.
    pub sha256: String,
    pub size: i64,
    pub wanted_at: Option<Timestamp>,
}

/// A page of what is wanted, named for the description.
#[derive(Serialize, utoipa::ToSchema)]
pub struct WantedList {
    /// Who waits longest first.
    pub items: Vec<WantedLine>,
    pub next_cursor: Option<String>,
}

/// Asks for a recording; what is stored already needs no asking and stays as it is.
///
/// Errors: `invalid_field`, `not_found`, `forbidden`, `conflict` when it is missing.
pub async fn fetch(ctx: &Ctx, meta: &RequestMeta, id: RecordingId, asked: FetchBody) -> Result<Done> {
    body::text("purpose", &asked.purpose, 1, PURPOSE_MAX)?;
    let actor = Arc::clone(&ctx.actor);
    idem::run(ctx, meta, Priority::Normal, move |tx| {
        access::fetch(tx.conn(), &actor, &id, Action::EvidenceContent)?;
        let now = tx.now;
        let row = store::recording_lock(tx.conn(), &id)?;
        match row.state {
            State::Stored => return Ok(Done::new(200, json!({ "id": id }))),
            State::Missing => return Err(Error::conflict("the camera no longer has it and nobody has signed for it")),
            State::OnCamera | State::AtDock => {}
        }
        if row.wanted_at.is_none() {
            let row =
                RecordingRow { wanted_at: Some(now), wanted_by: Some(actor.person), version: row.version + 1, ..row };
            store::recording_save(tx.conn(), &row)?;
        }
        let data = json!({ "purpose": asked.purpose });
        let line = event(id, now, EventKind::Wanted, Some(actor.person), Some(actor.device), &data);
        store::event_insert(tx.conn(), &line)?;
        Ok(Done::new(200, json!({ "id": id })))
    })
    .await
}

/// What this device is to bring first. Errors: `forbidden` when another one asks, `invalid_cursor`.
pub async fn wanted(core: &Core, speaker: &Speaker, device: DeviceId, asked: &Page) -> Result<WantedList> {
    if speaker.device.id != device {
        return Err(Error::forbidden("a device asks for itself alone"));
    }
    let limit = asked.limit()?;
    let after = asked.after()?.as_deref().map(page::placed).transpose()?;
    let rows = core.db.read(move |conn| store::wanted_list(conn, &device, after, limit + 1)).await?;
    let place = |row: &RecordingRow| page::place(row.wanted_at.unwrap_or(Timestamp::EPOCH), row.id);
    let Items { items, next_cursor } = Items::from_rows(rows, limit, place);
    let items = items
        .into_iter()
        .map(|row| WantedLine {
            recording_id: row.id,
            device_id: row.camera_id,
            state: row.state,
            sha256: row.sha256,
            size: row.size,
            wanted_at: row.wanted_at,
        })
        .collect();
    Ok(WantedList { items, next_cursor })
}
