//! Inquiries (督察核查): who may look, outside his own units, at exactly what, for how long, and who agreed to it.
//!
//! ```text
//! rules    bounds, states, what an inquiry covers; pure     access   who stands how to one; the right it opens
//! service  ask, approve, close, looks under one             view     what it looks like to those who may see it
//! ```
//!
//! An inquiry has a number, a subject (a person or incidents), a stretch of time, units if it is narrowed to some, named
//! investigators, a term, and somebody else who approved it. While it is open, and only when a request names it, its
//! investigators read what lies within that and nothing besides. Their looks are hidden from whom they concern until it
//! is closed or its term is over, and then told with its number.
//!
//! This slice stands left of location and evidence, which ask it what is covered and keep the looks here.

pub mod access;
pub mod http;
pub mod rules;
pub mod service;
pub mod store;
pub mod view;

pub use rules::{About, Inquiry, State};
