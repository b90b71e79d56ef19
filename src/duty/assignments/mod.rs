//! Assignments (派警): who is sent to an incident and how far each has come.
//! Assignee = person | crew | unit | agency; state belongs to (assignee,
//! assignment). Every rung says who, when by whose clock, by which way, and
//! whether a machine or a human vouches for it.
//!
//! | file | what |
//! |---|---|
//! | `ladder`, `unit_ladder`, `lead`, `clock_rules`, `escalation` | pure rules |
//! | `assign`, `offer`, `nearest` | sending |
//! | `events`, `after`, `active` | one rung and what follows from it |
//! | `commands`, `unit` | the room's and the unit's acts |
//! | `clocks`, `escalate`, `jobs` | deadlines and what a missed one leads to |
//! | `follow` | reactions to other duties |

mod active;
mod after;
mod assign;
mod clock_rules;
mod clocks;
mod commands;
mod escalate;
pub mod escalation;
mod events;
mod follow;
pub mod http;
pub mod jobs;
pub mod ladder;
mod lead;
pub mod messages;
mod nearest;
mod offer;
mod proposal;
pub mod service;
pub mod store;
mod unit;
mod unit_ladder;
pub mod view;

pub use events::EventIn;
pub use store::{AssignmentRow, assigned_people, open_of_incident, open_of_person};
