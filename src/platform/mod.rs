//! Storey 2: the platform every duty stands on. Knows no duty by name.
pub mod audit;
pub mod blobs;
pub mod bugs;
pub mod cards;
pub mod config;
pub mod ctx;
pub mod db;
pub mod disk;
pub mod events;
pub mod http;
pub mod jobs;
pub mod keys;
pub mod policy;
pub mod push;
pub mod webhook;
