//! Live location: where everybody is, how far that may be believed, where they have been, who is near, who looked.
//!
//! ```text
//! fix       a report of a device, as sent and as kept    judge     late, future, impossible, zero
//! codec     segments as bytes                            log       write-ahead rows
//! history   open segments, sealing, trimming             ingest/   the one way in for REST and socket
//! live/     markers, freshness, nearest, subscriptions   live_bin  16 bytes a moved person
//! access    who looked at whom                           reporting how often devices report
//! looks/    looks that name people: log, open, sealed    owed      looks shown while the disk was full
//! travel    time to arrive                               simplify, geojson  tracks as lines
//! uplink    fixes as few bytes on the socket
//! ```

pub mod access;
pub mod codec;
pub mod fix;
pub mod geojson;
pub mod history;
pub mod http;
pub mod ingest;
pub mod jobs;
pub mod judge;
pub mod live;
pub mod live_bin;
pub mod log;
pub mod looks;
pub mod messages;
pub mod owed;
pub mod reporting;
pub mod service;
pub mod simplify;
pub mod store;
pub mod travel;
pub mod uplink;

pub use live::{Live, Marker};
pub use travel::{TravelMode, TravelTime, eta_s};

pub(crate) use crate::words::ids::{DeviceId, PersonId};
