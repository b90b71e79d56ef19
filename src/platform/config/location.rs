use serde::{Deserialize, Serialize};

/// Settings of the location duty.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Location {
    /// Seconds a marker is believed when its device promises nothing; a grace of a fifth is added.
    pub default_promise_s: i64,
    /// Milliseconds between two deliveries to live watchers.
    pub live_tick_ms: u64,
    /// Days tracks are kept, counted from receipt.
    pub retention_days: i64,
    /// Days the records of who looked at whom are kept.
    pub access_retention_days: i64,
    /// Fixes a restart replays at most; beyond, segments are sealed early.
    pub max_log_fixes: u64,
    /// Seconds after which looks that name people leave the log for a row per person. Longer makes fewer and larger
    /// rows, and more for a restart to read.
    pub looks_seal_s: i64,
    /// How much longer the road is than the straight line.
    pub detour: f64,
}

impl Default for Location {
    fn default() -> Self {
        Self {
            default_promise_s: 60,
            live_tick_ms: 250,
            retention_days: 90,
            access_retention_days: 365,
            max_log_fixes: 500_000,
            looks_seal_s: 60,
            detour: 1.35,
        }
    }
}
