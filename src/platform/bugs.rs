//! Deliberate faults, each of which breaks one promise: `scripts/fault --bugs` must catch every one of them, or its
//! checker proves nothing. Only in builds with the feature `deliberate-bugs`; the variable `SUIXING_BUG` names the one
//! that is in. In every other build [`has`] is the constant false and the compiler removes what it guards.

/// What is broken on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bug {
    /// Fixes are acknowledged 100 ms before they are committed.
    AckBeforeCommit,
    /// SQLite does not sync its log.
    SyncOff,
    /// Deadlines set before a restart are not looked at again.
    ForgetDeadline,
    /// Fixes beyond a short queue are acknowledged and dropped.
    DropWhenFull,
    /// A repeated request is carried out again.
    ReplayTwice,
    /// A stream keeps its epoch after an older copy of the database was put back.
    KeepEpoch,
}

/// Fixes in the queue of [`Bug::DropWhenFull`]: what a terminal brings after a short outage.
pub const SHORT_QUEUE: usize = 16;

/// Whether this fault is in.
#[cfg(not(feature = "deliberate-bugs"))]
pub const fn has(_bug: Bug) -> bool {
    false
}

/// Whether this fault is in.
#[cfg(feature = "deliberate-bugs")]
pub fn has(bug: Bug) -> bool {
    static CHOSEN: std::sync::OnceLock<Option<Bug>> = std::sync::OnceLock::new();
    *CHOSEN.get_or_init(|| match std::env::var("SUIXING_BUG").as_deref() {
        Ok("ack_before_commit") => Some(Bug::AckBeforeCommit),
        Ok("sync_off") => Some(Bug::SyncOff),
        Ok("forget_deadline") => Some(Bug::ForgetDeadline),
        Ok("drop_when_full") => Some(Bug::DropWhenFull),
        Ok("replay_twice") => Some(Bug::ReplayTwice),
        Ok("keep_epoch") => Some(Bug::KeepEpoch),
        _ => None,
    }) == Some(bug)
}
