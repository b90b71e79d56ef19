//! What is learnt of a recording, what of it is believed, and what does not fit. Pure.

use serde::Serialize;
use serde_json::json;

use crate::duty::evidence::photos::findings::{self, CLOCK_TOLERANCE_S, Finding, FindingCode};
use crate::duty::evidence::store::media::MediaRow;
use crate::text_enum;
use crate::words::ids::EvidenceId;
use crate::words::time::{MICROS, Timestamp};

text_enum! {
    /// In what a recording is packed.
    pub enum Container {
        /// MP4, MOV, 3GP, M4A: all of one family.
        Mp4 = "mp4",
        Wav = "wav",
        /// Kept as it is; nothing is known of its length.
        Unknown = "unknown",
    }
}

/// From 1904, where the clock of these files begins, to 1970, seconds.
const FROM_1904_S: u64 = 2_082_844_800;
/// The year 2000: a camera that says less has never been told the time.
const PLAUSIBLE_FROM_S: i64 = 946_684_800;
/// The year 2100.
const PLAUSIBLE_TO_S: i64 = 4_102_444_800;
/// A week; whatever says that it is longer has a broken header.
const DURATION_MAX_MS: i64 = 7 * 86_400_000;

/// As a container says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    pub container: Container,
    pub duration_ms: Option<i64>,
    /// Seconds since 1904 by the camera's clock.
    pub created_1904: Option<u64>,
    /// Four letters: `avc1`, `hvc1`, …
    pub codec: Option<String>,
    pub audio_codec: Option<String>,
    /// Pixels as they are coded, whichever way up.
    pub width: Option<i32>,
    pub height: Option<i32>,
    /// The file stops before the recording does.
    pub truncated: bool,
}

impl Facts {
    /// Nothing but the container.
    pub const fn of(container: Container) -> Self {
        Self {
            container,
            duration_ms: None,
            created_1904: None,
            codec: None,
            audio_codec: None,
            width: None,
            height: None,
            truncated: false,
        }
    }

    /// The camera's clock when it began, or ended: some write it then.
    fn camera_at(&self) -> Option<Timestamp> {
        let seconds = i64::try_from(self.created_1904?.checked_sub(FROM_1904_S)?).ok()?;
        (PLAUSIBLE_FROM_S..PLAUSIBLE_TO_S).contains(&seconds).then(|| Timestamp::from_micros(seconds * MICROS))
    }

    /// What is believed of it, as it is stored. Nothing was recorded after it had arrived.
    pub fn row(&self, id: EvidenceId, received_at: Timestamp, now: Timestamp) -> MediaRow {
        let started_at = self.camera_at().filter(|at| *at <= received_at.plus_secs(CLOCK_TOLERANCE_S));
        MediaRow {
            evidence_id: id,
            container: self.container,
            duration_ms: self.duration_ms.filter(|ms| (1..=DURATION_MAX_MS).contains(ms)),
            started_at,
            codec: self.codec.clone(),
            audio_codec: self.audio_codec.clone(),
            width: self.width,
            height: self.height,
            at: now,
        }
    }

    /// What does not fit what else is known of the item; `size` in bytes.
    pub fn findings(&self, captured_at: Timestamp, received_at: Timestamp, size: i64) -> Vec<Finding> {
        let cut = self.truncated.then(|| findings::truncated(u64::try_from(size).unwrap_or(0)));
        [self.camera_clock(captured_at, received_at), cut].into_iter().flatten().collect()
    }

    /// The camera's clock against the time the recording came with, its beginning or its end, whichever is nearer;
    /// against the server's, when it says a time after the file arrived.
    fn camera_clock(&self, captured_at: Timestamp, received_at: Timestamp) -> Option<Finding> {
        let at = self.camera_at()?;
        let ahead = |of: Timestamp| (at.as_micros() - of.as_micros()) / MICROS;
        let end = captured_at.plus_millis(self.duration_ms.unwrap_or(0).clamp(0, DURATION_MAX_MS));
        let (compared_to, reference) = if ahead(received_at) > CLOCK_TOLERANCE_S {
            ("received_at", received_at)
        } else if at > end {
            ("captured_at", end)
        } else {
            ("captured_at", captured_at)
        };
        let difference_s = ahead(reference);
        let within = compared_to == "captured_at" && (captured_at..=end).contains(&at);
        (!within && difference_s.abs() > CLOCK_TOLERANCE_S).then(|| Finding {
            code: FindingCode::CameraClock,
            detail: json!({
                "difference_s": difference_s, "camera_at": at, "compared_to": compared_to, "compared_at": reference,
            }),
        })
    }
}

/// What is known of a recording from its container. Null is not known; nothing is guessed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema, schemars::JsonSchema)]
pub struct MediaView {
    /// `unknown`: the original is kept, and nothing is known of it.
    #[schema(inline)]
    pub container: Container,
    pub duration_ms: Option<i64>,
    /// By the camera's clock, where that is plausible.
    pub started_at: Option<Timestamp>,
    /// Four letters of the picture's codec: `avc1`, `hvc1`, …
    pub codec: Option<String>,
    pub audio_codec: Option<String>,
    /// Pixels as they are coded, whichever way up.
    pub width: Option<i32>,
    pub height: Option<i32>,
}

impl From<MediaRow> for MediaView {
    fn from(row: MediaRow) -> Self {
        Self {
            container: row.container,
            duration_ms: row.duration_ms,
            started_at: row.started_at,
            codec: row.codec,
            audio_codec: row.audio_codec,
            width: row.width,
            height: row.height,
        }
    }
}
