//! Storey 4: what joins the duties into one server.
pub mod admin;
pub mod app;
pub mod cli;
pub mod demo;
pub mod door;
pub mod openapi;
pub mod page;
pub mod reactions;
pub mod router;
pub mod simulate;
pub mod tasks;
pub mod verify;
pub mod ws;
