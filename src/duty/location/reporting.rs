//! How often devices report. The server decides and tells each device; the device decides what it can promise.
//!
//! A person has any number of reasons to report more often (an open assignment, an alarm), each under the name of its
//! source; the strongest holds. When it changes, the person's devices hear `reporting.policy`, and what is expected of a
//! device that promises nothing changes with it.

use serde::{Deserialize, Serialize};

use crate::text_enum;

text_enum! {
    /// How urgently a person's place is needed; later is stronger.
    pub enum Mode {
        /// On patrol.
        Normal = "normal",
        /// Sent somewhere.
        OnAssignment = "on_assignment",
        /// In an open alarm.
        Alarm = "alarm",
    }
}

/// What a device is asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema, utoipa::ToSchema)]
pub struct Policy {
    /// Why.
    pub mode: Mode,
    /// Seconds between reports while moving.
    pub moving_every_s: u32,
    /// Seconds between reports while standing still.
    pub still_every_s: u32,
    /// Report at once after moving this many metres.
    pub at_least_every_m: u32,
}

impl Mode {
    /// The strongest of several reasons.
    pub fn strongest(modes: impl IntoIterator<Item = Mode>) -> Mode {
        modes.into_iter().max().unwrap_or(Mode::Normal)
    }

    /// What devices are asked to do.
    pub const fn policy(self) -> Policy {
        match self {
            Self::Normal => Policy { mode: self, moving_every_s: 10, still_every_s: 60, at_least_every_m: 50 },
            Self::OnAssignment => Policy { mode: self, moving_every_s: 5, still_every_s: 30, at_least_every_m: 25 },
            Self::Alarm => Policy { mode: self, moving_every_s: 2, still_every_s: 5, at_least_every_m: 10 },
        }
    }

    /// Seconds a device without a promise of its own is believed; `None`: the configured default.
    pub fn promise_s(self) -> Option<i64> {
        match self {
            Self::Normal => None,
            Self::OnAssignment | Self::Alarm => Some(i64::from(self.policy().still_every_s)),
        }
    }
}
