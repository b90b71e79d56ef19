//! Storey 4: what joins the duties into one server.
pub mod app;
pub mod cli;
pub mod openapi;
pub mod reactions;
pub mod router;
pub mod tasks;
pub mod ws;
