//! Resumable uploads, tus 1.0: recordings of any length over links that break.
//!
//! ```text
//! http       POST HEAD PATCH DELETE OPTIONS     holds     one writer per upload; whoever comes anew takes over
//! who        a session, or a device by its key  staging   the file while it arrives: append, take back, resume
//! tus        headers, read and written          hash      SHA-256 that outlives the process
//! metadata   what the client says of the file   service/  create, append, finish, join, end
//! ```
//!
//! The offset that a client hears is what has been synced: the bytes, then the row, then the answer. A row says how far
//! its file is good; what lies behind that in the file after a kill is cut off and sent again, 8 MiB at most.

pub mod hash;
pub mod holds;
pub mod http;
pub mod metadata;
pub mod service;
pub mod staging;
#[cfg(test)]
mod staging_tests;
pub mod tus;
#[cfg(test)]
mod tus_tests;
pub mod who;

pub use holds::Uploads;

use crate::text_enum;

text_enum! {
    /// How far an upload is.
    pub enum State {
        /// Bytes are missing, or have just come and are not yet evidence.
        Receiving = "receiving",
        /// A part that has all its bytes and waits for the others.
        Whole = "whole",
        /// A part that belongs to a file that is being joined.
        Joined = "joined",
        /// Parts are being joined and hashed.
        Verifying = "verifying",
        /// It is evidence now, or was a part of such.
        Done = "done",
        /// What arrived is not what was declared; nothing of it is kept.
        Failed = "failed",
        /// Given up by the client.
        Terminated = "terminated",
        /// Nothing came for too long.
        Expired = "expired",
    }
}

impl State {
    /// Nothing will come of it, and its bytes are no longer kept here.
    pub const fn is_gone(self) -> bool {
        matches!(self, Self::Failed | Self::Terminated | Self::Expired)
    }
}
