//! Storey 3: the duties. A slice imports only slices above it in this list.

pub mod crews;
pub mod location;
pub mod officers;
pub mod rooms;
