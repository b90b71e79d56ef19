//! The behaviour suite: one binary, the real server as a child process, real sockets, both databases.
//!
//! Every area has its file; `support` is the kit and shows how a test reads.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "helpers of tests fail like tests: loudly; and a terminal's clock is its own"
)]

#[path = "../support/mod.rs"]
mod support;

mod assignments;
mod auth;
mod authz;
mod backup;
mod duty;
mod evidence;
mod faults;
mod feedback;
mod incidents;
mod load;
mod location;
mod mediation;
mod openapi;
mod page;
mod partners;
mod people;
mod socket;
mod socket_crowds;
mod socket_live;
mod socket_noise;
mod stream;
