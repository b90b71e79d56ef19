//! Incidents (警情): what happened, where, who said so, and what was reported
//! back. Identity is (source, external number) with a revision; the states are
//! apart from those of the assignments, which live one slice to the right.
//!
//! | file | what |
//! |---|---|
//! | `state`, `revision`, `reporter` | pure rules |
//! | `intake`, `push` | a push of a source, a call taken in the room, an officer's own: checked, then applied |
//! | `commands`, `notes`, `feedback`, `webhook` | what can be asked of an incident |
//! | `service`, `trail`, `access`, `view` | what those share |
//! | `jobs` | pushes the feed to the source's webhook |

pub mod access;
mod commands;
pub mod feedback;
pub mod http;
mod intake;
pub mod jobs;
pub mod messages;
pub mod notes;
mod push;
pub mod reporter;
pub mod revision;
pub mod service;
pub mod state;
pub mod store;
pub mod trail;
pub mod view;
mod webhook;

pub use commands::check_claim;
pub use store::IncidentRow;
