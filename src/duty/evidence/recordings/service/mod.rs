//! What is done with recordings.
//!
//! | file | what |
//! |---|---|
//! | `manifest` | a camera's list: what is new, what has vanished, in which order it goes up |
//! | `held` | a dock has one whole and signs for it |
//! | `arrive` | the file comes: which recording it is, that it is stored, where it belongs, or that it differs |
//! | `wearer` | who wore the camera, decided by a named person; and what is proposed to him |
//! | `fetch` | the room asks for one; what a dock is to bring |
//! | `cover` | the recordings of an incident, and what of it nobody recorded |

mod arrive;
mod cover;
mod fetch;
mod held;
mod manifest;
mod wearer;

pub use arrive::{announced, arriving, differs, filed, is_doubtful, linked, origin, own_unit, said};
pub use cover::{Coverage, Gap, IncidentRecordings, Whole, of_incident, rows_of_incident};
pub use fetch::{FetchBody, WantedLine, WantedList, fetch, wanted};
pub use held::{CameraLeft, HeldAnswer, HeldBody, hold, stored};
pub use manifest::{Announced, Manifest, ManifestAnswer, Order, announce};
pub use wearer::{Proposal, UnclaimedLine, WearerBody, decide, unclaimed};

use serde_json::Value;

use super::EventKind;
use super::store::EventRow;
use crate::words::ids::{DeviceId, NoteId, PersonId, RecordingId};
use crate::words::time::Timestamp;

/// A line of a recording's own trail.
fn event(
    recording: RecordingId,
    at: Timestamp,
    kind: EventKind,
    person: Option<PersonId>,
    device: Option<DeviceId>,
    data: &Value,
) -> EventRow {
    let data = data.to_string();
    EventRow { id: NoteId::new(), recording_id: recording, at, kind, person_id: person, device_id: device, data }
}
