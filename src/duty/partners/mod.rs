//! Linked bodies (联动单位) and the work orders (联动工单) handed to them: the mediation committee, the governance centre,
//! 12345, the ambulance, the gas company.
//!
//! ```text
//! rules     states, clocks; pure                       access    who stands how to an order
//! agencies  who there is, how each is reached          service   an order is sent; what is said of it moves it
//! follow    what a return, a late order, a moved place mean     outlet    what agencies are told, in order, signed
//! messages  what the room and the crew receive         reports   figures
//! store     every query       view    what it looks like, to us and to the agency       http   endpoints
//! ```
//!
//! An agency with software gets every change over its webhook and out of its inbox, and answers under a service account of
//! its own; one without is telephoned, and the room writes down what was said, by whom and when. Three kinds of truth are
//! kept apart: a machine's receipt, a named human of the agency, and what the room recorded. An agency sees its own
//! orders: what is asked, where, what to beware of; never a caller, a party or a note.

pub mod access;
pub mod agencies;
pub mod follow;
pub mod http;
pub mod messages;
pub mod outlet;
pub mod reports;
pub mod rules;
pub mod service;
pub mod store;
pub mod view;

use crate::text_enum;

text_enum! {
    /// What a linked body is.
    pub enum AgencyKind {
        /// 人民调解委员会
        MediationCommittee = "mediation_committee",
        /// 综治中心
        GovernanceCentre = "governance_centre",
        /// 12345
        Hotline12345 = "hotline_12345",
        Court = "court",
        Ambulance = "ambulance",
        Fire = "fire",
        /// Gas, water, power, street lights.
        Utility = "utility",
        Other = "other",
    }
}

text_enum! {
    /// How it is reached.
    pub enum Channel {
        /// Its own system reads and answers.
        Software = "software",
        /// The room telephones and writes down what is said.
        Phone = "phone",
    }
}

text_enum! {
    /// Who vouches for a move of an order.
    pub enum Truth {
        /// A receiver took it; says nothing about people.
        Machine = "machine",
        /// A named human, through his own account or his agency's.
        Human = "human",
        /// A seat wrote down what a named human of the agency said.
        RecordedByRoom = "recorded_by_room",
    }
}

text_enum! {
    /// Whose clock told the time of a move.
    pub enum WhoseClock { Server = "server", Agency = "agency", Room = "room" }
}
