//! Docks and manifests (采集站): what cameras hold, where each recording lies until it is stored, and who wore them.
//!
//! ```text
//! rules      limits, the camera's clock, wearer, segments, gaps, the order of upload; pure
//! statement  what a dock signs when it has a file whole             who       an enrolled device that signs for itself
//! service/   manifest, held, arrival, wearer, fetch, coverage       access    who may see what
//! store/     every query                                            http/     the doors
//! messages   what the room hears                                    view      a recording as it is shown
//! ```
//!
//! A recording is known from the moment a dock has named it: `on_camera`, then `at_dock` against the dock's own
//! signature (the camera may be emptied), then `stored` against the server's receipt (the dock may let go of it).
//! What a camera no longer has and nobody has signed for is `missing`, by its name.

pub mod access;
pub mod http;
pub mod messages;
pub mod rules;
pub mod service;
pub mod statement;
pub mod store;
pub mod view;
pub mod who;

use crate::text_enum;

text_enum! {
    /// Where a recording lies.
    pub enum State {
        /// A camera has it, and as far as is known nothing else.
        OnCamera = "on_camera",
        /// A dock has it whole and has signed for it.
        AtDock = "at_dock",
        /// It is an item of evidence.
        Stored = "stored",
        /// The camera had it, has it no longer, and nobody signed for it.
        Missing = "missing",
    }
}

text_enum! {
    /// How it is known on whose body the camera was.
    pub enum WearerBy {
        /// One person had it issued.
        IssueLog = "issue_log",
        /// Nobody had it issued: unclaimed.
        Nobody = "nobody",
        /// Several had it issued in turn: unclaimed.
        Several = "several",
        /// A named person decided.
        Decision = "decision",
    }
}

text_enum! {
    /// What happened to a recording, besides being named again.
    pub enum EventKind {
        /// The camera had it no longer.
        Vanished = "vanished",
        /// The camera had it after all.
        Returned = "returned",
        /// Under the same id the camera had something else.
        Changed = "changed",
        /// What a dock has, or delivered, is not what the camera named.
        Differs = "differs",
        Held = "held",
        /// It is to come up at once, by whom and to what end.
        Wanted = "wanted",
        Stored = "stored",
        /// It was decided who wore the camera.
        Wearer = "wearer",
    }
}

impl State {
    /// The bytes are not at the server.
    pub const fn is_owed(self) -> bool {
        matches!(self, Self::OnCamera | Self::AtDock)
    }

    /// Somebody has signed for it: whoever had it before may let go.
    pub const fn is_signed_for(self) -> bool {
        matches!(self, Self::AtDock | Self::Stored)
    }
}
