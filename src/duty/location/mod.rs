//! Live location: where everybody is, how far that may be believed, where they have been, who is near, who looked.
//!
//! ```text
//! fix.rs      a report of a device, as sent and as kept      judge.rs    duplicate, late, future, impossible, zero
//! codec.rs    segments as bytes     log.rs  write-ahead rows  history.rs  open segments, sealing, trimming
//! ingest/     one way in for REST and socket                  live/       markers, freshness, nearest, subscriptions
//! access.rs   who looked at whom    reporting.rs  how often devices report    travel.rs  time to arrive
//! ```

pub mod access;
pub mod codec;
pub mod fix;
pub mod history;
pub mod ingest;
pub mod judge;
pub mod live;
pub mod live_bin;
pub mod log;
pub mod reporting;
pub mod store;

pub(crate) use crate::words::ids::{DeviceId, PersonId};
