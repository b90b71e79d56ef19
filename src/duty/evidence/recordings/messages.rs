//! What the room hears: a camera has been docked, something is missing, a camera may go out again.

use serde::Serialize;
use serde_json::{Value, json};

use crate::duty::officers::store as officers;
use crate::platform::db::{Conn, Tx};
use crate::platform::policy::Actor;
use crate::platform::push::outbox::{self, Draft, Envelope, Subject};
use crate::words::error::{Code, Result};
use crate::words::ids::{DeviceId, UnitId};

/// A dock has named recordings, or signed for the last of a camera's. Must-deliver.
pub const RECORDINGS: &str = "evidence.recordings";

/// What of it changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// Named for the first time.
    pub fresh: i64,
    /// No longer on the camera, and nobody has signed for them.
    pub missing: i64,
    /// On the camera and signed for by nobody: 0 when it may be emptied.
    pub on_camera: i64,
}

/// The body of `evidence.recordings`; `GET /recordings?device_id=` shows them.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
pub struct RecordingsChanged {
    /// The camera.
    pub device_id: DeviceId,
    /// Recordings named for the first time.
    pub fresh: i64,
    /// Recordings that the camera no longer has and nobody has signed for.
    pub missing: i64,
    /// Recordings that are on the camera alone; 0 when it may be emptied and issued.
    pub on_camera: i64,
}

/// Tells the seats of the camera's unit.
pub fn tell_room(tx: &mut Tx<'_>, camera: &DeviceId, unit: &UnitId, change: Change) -> Result<()> {
    let (_, seats) = officers::seats_or_parent(tx.conn(), unit)?;
    if seats.is_empty() {
        return Ok(());
    }
    outbox::send(
        tx,
        &seats,
        &Draft {
            kind: RECORDINGS,
            subject: Subject::new("device", camera),
            version: 0,
            args: json!({
                "unit_id": unit, "fresh": change.fresh, "missing": change.missing, "on_camera": change.on_camera,
            }),
            urgent: false,
        },
    )?;
    Ok(())
}

/// The body for this reader today; none when the unit is no longer his to watch.
pub fn render(conn: &mut Conn, reader: &Actor, message: &Envelope) -> Result<Option<Value>> {
    let unit: UnitId = message.args.get("unit_id").and_then(Value::as_str).unwrap_or_default().parse()?;
    let path = match officers::unit_fetch(conn, &unit) {
        Ok(unit) => unit.path,
        Err(error) if error.is(Code::NotFound) => return Ok(None),
        Err(error) => return Err(error),
    };
    if !reader.kind.is_watching() || !reader.commands(&path) {
        return Ok(None);
    }
    let number = |name: &str| message.args.get(name).and_then(Value::as_i64).unwrap_or_default();
    let body = RecordingsChanged {
        device_id: message.subject.id.parse()?,
        fresh: number("fresh"),
        missing: number("missing"),
        on_camera: number("on_camera"),
    };
    Ok(Some(serde_json::to_value(body)?))
}
