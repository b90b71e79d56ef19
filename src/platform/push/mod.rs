//! Getting messages to people: who is connected ([`hub`]), what they must
//! receive ([`outbox`]) and what each device has of it ([`cursor`]).
pub mod cursor;
pub mod hub;
pub mod outbox;
