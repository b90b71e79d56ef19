//! Getting messages to people: who is connected ([`hub`]) and what they must
//! receive ([`outbox`]).
pub mod hub;
pub mod outbox;
