//! The ledger of the scene (现场台账): what must exist before a unit leaves, what is missing, and until when it must be
//! handed in.
//!
//! ```text
//! measure    what there is against what is asked; pure      service    gaps opened, closed, explained, overdue
//! ledger     when a unit was there, what it has left        view       the ledger and a gap as they are shown
//! messages   what the room receives                         jobs       what was just arriving, what is overdue
//! http       GET …/scene-ledger, /scene-gaps
//! ```
//!
//! What is asked for stands in the configuration, by category. Nothing of it keeps a unit at the scene: a gap is shown
//! before clearing, comes with the answer to it, and then counts down in the room's list. What a gap was opened with is
//! kept in it, so that a changed rule asks nothing new of a call that is over.

pub mod http;
pub mod jobs;
pub mod ledger;
pub mod measure;
pub mod messages;
pub mod service;
pub mod view;

use crate::text_enum;

text_enum! {
    /// What can be asked for.
    pub enum Requirement {
        /// Seconds between arrival and clear that recordings of the unit's people cover.
        Recording = "recording",
        /// Photos of the incident, of whomever.
        Photos = "photos",
        /// Signed papers of a mediation.
        MediationSignatures = "mediation_signatures",
    }
}

text_enum! {
    /// What is missing, for programs; never renamed.
    pub enum GapCode {
        NoRecording = "no_recording",
        RecordingShort = "recording_short",
        /// Cleared, and nobody ever said that the unit had arrived: what should be recorded is not known.
        ArrivalUnknown = "arrival_unknown",
        NoPhotos = "no_photos",
        TooFewPhotos = "too_few_photos",
        NoSignatures = "no_signatures",
        TooFewSignatures = "too_few_signatures",
    }
}

text_enum! {
    /// Where a gap stands.
    pub enum GapState {
        Open = "open",
        /// What was missing has come.
        Supplied = "supplied",
        /// Somebody has said why it cannot come.
        Explained = "explained",
    }
}
