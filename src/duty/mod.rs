//! Storey 3: the duties. A slice imports only slices above it in this list.

pub mod assignments;
pub mod backup;
pub mod crews;
pub mod dossier;
pub mod evidence;
pub mod incidents;
pub mod inquiries;
pub mod location;
pub mod mediation;
pub mod officers;
pub mod partners;
pub mod rooms;
