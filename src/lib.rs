//! Suixing (随行): the backend at an officer's side.
//!
//! Four storeys; a file imports only from lower ones, a slice of `duty` only
//! slices to its left. `tests/architecture.rs` holds this map against the code.
//!
//! ```text
//! 4 wiring    app  router  openapi  reactions  tasks  cli  ws/  simulate/  demo/  external/
//! 3 duty      officers < crews < rooms < inquiries < location < incidents < assignments < backup < evidence < mediation < dossier
//! 2 platform  ctx  policy  events  http/  push/{hub,outbox}  cards  audit  blobs  keys  db/  config/
//! 1 words     error  ids  time  geo  dice
//! ```

pub mod duty;
pub mod platform;
pub mod wiring;
pub mod words;
