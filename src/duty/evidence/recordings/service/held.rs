//! A dock has a recording whole, its hash checked, and signs for it: the camera may be emptied and issued.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::super::messages::{self, Change};
use super::super::statement::{self, Held};
use super::super::store::{self, RecordingRow};
use super::super::who::{Speaker, Spoken, camera_of};
use super::super::{EventKind, State};
use super::{differs, event};
use crate::duty::evidence::custody::receipt::{self, Receipt};
use crate::duty::evidence::custody::{ReceiptKind, Touch, TouchKind, touch};
use crate::duty::evidence::rules;
use crate::duty::officers::DeviceRow;
use crate::platform::ctx::Core;
use crate::platform::db::{Conn, Priority, Tx};
use crate::platform::keys::hex;
use crate::platform::policy::DeviceKind;
use crate::words::error::{Code, Error, Result};
use crate::words::ids::{DeviceId, RecordingId};
use crate::words::time::Timestamp;

/// What a dock says it has.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct HeldBody {
    /// Of the file as it lies in the dock, hex.
    pub sha256: String,
    pub size: i64,
    /// The dock's clock, RFC 3339; the statement has it to the letter.
    pub held_at: String,
    /// Ed25519 with the dock's enrolled key over the lines `suixing-held-v1`, recording, camera and dock (their ids),
    /// sha256 in lower case, size, held_at, without a line break at the end; URL-safe base64.
    pub signature: String,
}

/// The receipt `held`.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct HeldAnswer {
    pub recording_id: RecordingId,
    #[schema(inline)]
    pub state: State,
    /// When it was first signed for, by the server's clock.
    pub held_at: Option<Timestamp>,
    /// The text that was signed and is kept.
    pub statement: Option<String>,
    pub camera: CameraLeft,
}

/// What a camera still has that nobody has signed for.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct CameraLeft {
    pub device_id: DeviceId,
    pub on_camera: i64,
    /// Nothing is left on it alone: empty it and issue it.
    pub may_be_emptied: bool,
}

/// A statement that was read and verified.
struct Said {
    id: RecordingId,
    speaker: Speaker,
    sha256: String,
    size: i64,
    text: String,
    signature: Vec<u8>,
}

/// Takes a dock's word; again changes nothing.
///
/// Errors: `invalid_field`; `forbidden` for what is no dock, `not_found` for a recording of another house;
/// `bad_signature`; `checksum_mismatch` when what the dock has is not what the camera named, which is noted.
pub async fn hold(spoken: Spoken<HeldBody>, id: RecordingId) -> Result<HeldAnswer> {
    let Spoken { core, speaker, value } = spoken;
    if speaker.device.kind != DeviceKind::Dock {
        return Err(Error::forbidden("only a dock holds recordings"));
    }
    let sha256 = rules::sha256(&value.sha256)?;
    Timestamp::parse(&value.held_at).map_err(|error| Error::field("held_at", error.detail_text().to_owned()))?;
    let dock = speaker.device.clone();
    let row = core.db.read(move |conn| own(conn, &dock, &id)).await?;
    let text = statement::text(&Held {
        recording: id,
        camera: row.camera_id,
        dock: speaker.device.id,
        sha256: &sha256,
        size: value.size,
        held_at: &value.held_at,
    });
    let signature = statement::verify(&text, &value.signature, speaker.device.public_key.as_deref())?;
    if row.sha256 != sha256 || row.size != value.size {
        differs(&core, id, "at_dock", &sha256, value.size, speaker.device.id).await?;
        return Err(Error::new(Code::ChecksumMismatch)
            .detail(format!("the camera named {} bytes with the SHA-256 {}", row.size, row.sha256)));
    }
    let camera = row.camera_id;
    let said = Arc::new(Said { id, speaker, sha256, size: value.size, text, signature });
    core.db.write(Priority::Background, move |tx| take(tx, &said)).await?;
    core.db
        .read(move |conn| {
            let row = store::recording_fetch(conn, &id)?;
            let on_camera = store::recordings_unsigned(conn, &camera)?;
            Ok(HeldAnswer {
                recording_id: id,
                state: row.state,
                held_at: row.held_at,
                statement: row.held_statement,
                camera: CameraLeft { device_id: camera, on_camera, may_be_emptied: on_camera == 0 },
            })
        })
        .await
}

fn take(tx: &mut Tx<'_>, said: &Said) -> Result<()> {
    let (now, dock) = (tx.now, said.speaker.device.id);
    let row = store::recording_lock(tx.conn(), &said.id)?;
    if row.sha256 != said.sha256 || row.size != said.size {
        return Err(Error::conflict("the camera has named something else meanwhile"));
    }
    if row.held_at.is_some() && row.dock_id == Some(dock) {
        return Ok(());
    }
    let before = row.state;
    let saved = RecordingRow {
        dock_id: Some(dock),
        // What is stored stays so.
        state: if row.state == State::Stored { State::Stored } else { State::AtDock },
        missing_since: None,
        held_at: Some(now),
        held_statement: Some(said.text.clone()),
        held_signature: Some(said.signature.clone()),
        version: row.version + 1,
        ..row
    };
    store::recording_save(tx.conn(), &saved)?;
    let data = json!({ "statement": said.text });
    store::event_insert(tx.conn(), &event(said.id, now, EventKind::Held, None, Some(dock), &data))?;
    touch(
        tx,
        Touch {
            evidence: saved.evidence_id.as_ref(),
            kind: TouchKind::Held,
            actor: None,
            device: Some(dock),
            detail: json!({
                "recording_id": said.id, "camera_id": saved.camera_id, "statement": said.text,
                "signature": hex(&said.signature),
            }),
        },
    )?;
    // The last one: the camera may go out again.
    if before == State::OnCamera && store::recordings_unsigned(tx.conn(), &saved.camera_id)? == 0 {
        messages::tell_room(tx, &saved.camera_id, &saved.unit_id, Change::default())?;
    }
    Ok(())
}

/// A recording that the one who speaks may speak for. Errors: `forbidden`, `not_found`.
fn own(conn: &mut Conn, speaker: &DeviceRow, id: &RecordingId) -> Result<RecordingRow> {
    let row = store::recording_fetch(conn, id)?;
    match camera_of(conn, speaker, &row.camera_id) {
        Ok(_) => Ok(row),
        // Whose it is, is none of another house's business.
        Err(error) if error.is(Code::NotFound) => Err(Error::not_found("recording")),
        Err(error) => Err(error),
    }
}

/// The server's receipt of a stored recording. Errors: `forbidden`, `not_found` also while it is not stored.
pub async fn stored(core: &Core, speaker: Speaker, id: RecordingId) -> Result<Receipt> {
    core.db
        .read(move |conn| {
            let row = own(conn, &speaker.device, &id)?;
            let evidence = row.evidence_id.ok_or_else(|| Error::not_found("receipt"))?;
            receipt::fetch(conn, &evidence, ReceiptKind::Stored)
        })
        .await
}
