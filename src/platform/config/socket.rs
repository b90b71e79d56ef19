use serde::{Deserialize, Serialize};

/// The socket's limits and beats.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Socket {
    /// Seconds a connection may stay without a hello.
    pub hello_timeout_s: u64,
    /// Seconds of the beat a client keeps; one that is not heard for a third longer is pinged.
    pub ping_every_s: u64,
    /// Seconds without a frame from the client before it is dropped.
    pub silent_after_s: u64,
    /// Seconds without send progress before a reader that never reads is dropped.
    pub stalled_after_s: u64,
    /// Largest client message in bytes, continuations together.
    pub max_message_bytes: usize,
    /// Must-deliver messages sent and not yet acknowledged.
    pub unacked_max: usize,
}

impl Default for Socket {
    fn default() -> Self {
        Self {
            hello_timeout_s: 10,
            ping_every_s: 15,
            silent_after_s: 45,
            stalled_after_s: 20,
            max_message_bytes: 1 << 20,
            unacked_max: 64,
        }
    }
}
