//! Serial numbers of documents (文书编号): per unit, year and series 1, 2, 3 …, every one of them accounted for.
//!
//! ```text
//! rules    series, years, how a number reads, what may be taken; pure      store   every query
//! service  leases, returns, pre-printed forms, voids; what is overdue      view    what they look like
//! take     a document takes its number, in its own transaction             http    endpoints
//! ```
//!
//! A document that is made at the scene is numbered there, online or not. So a terminal holds some numbers of its unit
//! in advance (a *block*); what it does not need goes back and is handed out again before new ones, or is voided with a
//! reason and stays void. A block whose time is over does not go back by itself: paper may have been signed with its
//! numbers while the terminal was away. The room is told, and a named person says what became of them.
//!
//! Every number of a series changes under the lock of its counter's row, which comes after all other locks of a
//! transaction. What happened to a number is never overwritten (`number_event`).

pub mod http;
pub mod rules;
pub mod service;
pub mod store;
pub mod take;
#[cfg(test)]
mod tests;
pub mod view;

pub use rules::{NumberState, Run, Series};
pub use take::{Number, Use, of_mediation, take_leased, take_next, take_printed, void_used};
