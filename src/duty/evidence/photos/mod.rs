//! Photos: the multipart door, what a picture is by its bytes, previews, what its EXIF says beside what we know.
//!
//! ```text
//! http     POST /evidence/photos               sniff     what the bytes are: shown, kept, or no picture
//! body     bounded, hashed if it is signed     shape     where the picture ends in its file
//! form     its two parts, piece by piece       exif      time, place, camera, orientation
//! staged   one arriving file, hashed           examine   all that is learnt without decoding
//! job      the durable job behind both doors   decode    previews within bounds
//! gate     how many decode at once, how long   findings  differences, as codes, details and words
//! turbo    large JPEGs at a part of their size   planes   their previews, brightness and colours apart
//! turn     planes upright
//! ```

pub mod body;
pub mod decode;
#[cfg(test)]
mod decode_tests;
pub mod examine;
pub mod exif;
#[cfg(test)]
mod exif_tests;
pub mod findings;
#[cfg(test)]
mod findings_tests;
pub mod form;
pub mod gate;
pub mod http;
pub mod job;
mod planes;
#[cfg(test)]
mod planes_tests;
#[cfg(test)]
mod samples;
pub mod shape;
pub mod sniff;
pub mod staged;
mod turbo;
mod turn;

pub use gate::Gate;

/// Longest side of the preview a person reads on.
pub const LARGE_PX: u32 = 1600;
/// Longest side of the preview a room sees first.
pub const SMALL_PX: u32 = 320;
/// Bytes of a photo by the multipart door; larger ones come by the resumable way.
pub const PHOTO_MAX: u64 = 64 * 1024 * 1024;
