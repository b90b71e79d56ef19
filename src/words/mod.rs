//! Storey 1: the words everything speaks. Pure; imports nothing of ours.
pub mod days;
pub mod dice;
pub mod error;
pub mod geo;
pub mod ids;
#[cfg(test)]
pub mod sim;
pub mod time;
