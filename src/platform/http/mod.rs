//! The REST kit: strict bodies and queries, problems, pages, idempotent writes.
//! Knows no slice.

pub mod body;
pub mod idem;
pub mod pace;
pub mod page;
pub mod problem;
pub mod report;
pub mod strict;

pub use body::{Body, Params, PathId, RequestMeta};
pub use idem::Done;
pub use page::{Items, Page};
