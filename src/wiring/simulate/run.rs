//! What the parts of a load run share, and what terminals are told. Made by `simulate::measure`.

use std::sync::atomic::AtomicUsize;
use std::time::Instant;

use super::faults::Faults;
use super::ledger::{Ledger, Recent};
use super::stats::Stats;

/// What every terminal of a run shares.
pub struct Run {
    /// Counters and latencies.
    pub stats: Stats,
    /// Promises.
    pub ledger: Ledger,
    /// Seconds between two fixes of one terminal.
    pub fix_every_s: f64,
    /// What goes wrong on purpose.
    pub faults: Faults,
    /// How many of the answers to an offer are given, from the first.
    pub answers: usize,
    /// Places lie around here: longitude, latitude.
    pub centre: (f64, f64),
    /// What was reported lately.
    pub recent: Recent,
    /// Terminals whose first fix is stored: whoever has none can be offered no call for backup.
    pub placed: AtomicUsize,
    /// Terminals that came back after [`Order::Away`] and have everything promised meanwhile.
    pub returned: AtomicUsize,
}

/// What all terminals are told to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Be connected.
    Work,
    /// Hang up now, dial again at this moment.
    Away(Instant),
    /// End.
    Stop,
}
