use serde::{Deserialize, Serialize};

/// Sign-in, tokens, guessing.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Auth {
    /// Refuse handhelds that were not enrolled with a code and a key. Off for a
    /// fresh data folder so that a first terminal connects in minutes; a
    /// warning at start says so.
    pub require_enrolled_devices: bool,
    /// Life of an access token in seconds.
    pub access_ttl_s: i64,
    /// Life of an unused refresh token in seconds (30 days).
    pub refresh_ttl_s: i64,
    /// Life of a socket ticket in seconds.
    pub ticket_ttl_s: i64,
    /// Wrong passwords per account and address before waiting begins.
    pub free_attempts: i32,
    /// Longest wait between two attempts, in seconds; bounds what the real user may meet.
    pub longest_wait_s: i64,
    /// Argon2 memory in KiB.
    pub argon2_memory_kib: u32,
    /// Argon2 passes.
    pub argon2_passes: u32,
}

impl Default for Auth {
    fn default() -> Self {
        Self {
            require_enrolled_devices: false,
            access_ttl_s: 600,
            refresh_ttl_s: 30 * 86_400,
            ticket_ttl_s: 30,
            free_attempts: 5,
            longest_wait_s: 15,
            argon2_memory_kib: 19_456,
            argon2_passes: 2,
        }
    }
}
