//! Storey 1: the words everything speaks. Pure; imports nothing of ours.
pub mod error;
pub mod geo;
pub mod ids;
pub mod time;
