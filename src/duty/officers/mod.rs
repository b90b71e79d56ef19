//! Who is who: units, people, devices, sessions and signing in.
//!
//! Every other duty asks here for people, units and devices ([`store`]), and every handler gets
//! its [`crate::platform::ctx::Ctx`] through [`auth`]. The rules of names and bounds are in
//! [`rules`].

pub mod auth;
pub mod http;
pub mod jobs;
pub mod rules;
pub mod service;
pub mod store;

use crate::text_enum;

pub use auth::Auth;
pub use store::{AuthChangeRow, DeviceRow, EnrolmentCodeRow, PersonRow, SessionRow, SigningKeyRow, UnitRow};

text_enum! {
    /// A revoked device is dead for good; it enrols again as a new one.
    pub enum DeviceStatus {
        Active = "active",
        Revoked = "revoked",
    }
}

text_enum! {
    /// Whether a person may sign in.
    pub enum PersonStatus {
        Active = "active",
        Disabled = "disabled",
    }
}
