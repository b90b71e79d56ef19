//! Judging fixes: which are duplicates, which are kept but must not move the marker, which is the new place.
//!
//! Pure. One [`DeviceState`] per device lives with the collector, which is the only one to judge. The rules:
//!
//! * *late*: not newer than the newest fix the device had delivered before this call (in a call, order does not matter);
//! * *future*: more than [`CLOCK_AHEAD_S`] ahead of the server's clock;
//! * *zero*: at (0, 0);
//! * *impossible*: farther from the last good place than [`JUMP_M`], both uncertainties and [`MAX_SPEED_MPS`] times the
//!   time between allow. Three such in a row that agree with each other replace the place instead: then the first was wrong.

use crate::words::geo::distance_m;

use super::fix::{Fix, Flags};
use crate::words::ids::PersonId;

/// Seconds a device's clock may be ahead before its fixes count as future.
pub const CLOCK_AHEAD_S: i64 = 60;

/// Metres a place may jump in no time: from a cell tower's guess to the satellites'.
pub const JUMP_M: f64 = 2_000.0;

/// Metres per second nobody in the service exceeds, helicopter and train included.
pub const MAX_SPEED_MPS: f64 = 120.0;

/// Agreeing outliers in a row after which they are believed.
const BELIEVE_AFTER: u8 = 3;

/// A fix on its way in: whose, and which of the calls in the flush brought it.
#[derive(Debug, Clone, Copy)]
pub struct Filed {
    /// Whose fix it is.
    pub author: Option<PersonId>,
    /// Index of the call.
    pub call: usize,
    /// The fix.
    pub fix: Fix,
}

/// What judging needs to know of a device.
#[derive(Debug, Clone, Default)]
pub struct DeviceState {
    /// Newest device time ever accepted, µs; `None` before the first fix.
    pub newest_at: Option<i64>,
    /// The fix the marker stands on.
    pub marker: Option<Fix>,
    /// Whose fix that was.
    pub marker_author: Option<PersonId>,
    outlier: Option<(Fix, u8)>,
}

impl DeviceState {
    /// Nothing of the device can have this time already.
    pub fn is_beyond(&self, at: i64) -> bool {
        self.newest_at.is_none_or(|newest| at > newest)
    }

    /// Flags the fixes of one flush (sorted by time, duplicates gone) and moves the marker.
    pub fn judge(&mut self, fixes: &mut [Filed]) {
        let delivered_before = self.newest_at;
        for Filed { author, fix, .. } in fixes {
            fix.flags = self.flags_of(fix, delivered_before);
            if fix.flags.is_clear() {
                self.marker = Some(*fix);
                self.marker_author = *author;
            }
            self.saw(fix.at);
        }
    }

    /// Takes up a fix judged in an earlier life (start-up).
    pub fn recall(&mut self, author: Option<PersonId>, fix: &Fix) {
        self.saw(fix.at);
        if fix.flags.is_clear() && self.marker.is_none_or(|marker| fix.at > marker.at) {
            self.marker = Some(*fix);
            self.marker_author = author;
        }
    }

    /// The newest device time is known from elsewhere (start-up).
    pub fn saw(&mut self, at: i64) {
        self.newest_at = Some(self.newest_at.map_or(at, |newest| newest.max(at)));
    }

    fn flags_of(&mut self, fix: &Fix, delivered_before: Option<i64>) -> Flags {
        let mut flags = Flags::default();
        if fix.at > fix.received_ms.saturating_add(CLOCK_AHEAD_S * 1000).saturating_mul(1000) {
            flags = flags.with(Flags::FUTURE);
        }
        if fix.position().is_null_island() {
            flags = flags.with(Flags::ZERO);
        }
        let behind_marker = self.marker.is_some_and(|marker| fix.at <= marker.at);
        // A device whose clock once ran ahead must not be late for ever: its good fixes count against its marker.
        let behind_delivered = delivered_before.is_some_and(|newest| fix.at <= newest) && self.marker.is_none();
        if behind_marker || (behind_delivered && !self.newest_is_future(fix)) {
            flags = flags.with(Flags::LATE);
        }
        if flags.is_clear() && self.is_outlier(fix) {
            flags = flags.with(Flags::IMPOSSIBLE);
        }
        flags
    }

    fn newest_is_future(&self, fix: &Fix) -> bool {
        self.newest_at.is_some_and(|newest| newest > fix.received_ms.saturating_mul(1000))
    }

    fn is_outlier(&mut self, fix: &Fix) -> bool {
        let Some(marker) = self.marker else { return false };
        if reachable(&marker, fix) {
            self.outlier = None;
            return false;
        }
        let agreeing = match self.outlier {
            Some((before, n)) if reachable(&before, fix) => n + 1,
            _ => 1,
        };
        if agreeing >= BELIEVE_AFTER {
            self.outlier = None;
            return false;
        }
        self.outlier = Some((*fix, agreeing));
        true
    }
}

fn reachable(from: &Fix, to: &Fix) -> bool {
    let seconds = (to.at - from.at).unsigned_abs() as f64 / 1e6;
    let unsure = from.accuracy_m().unwrap_or(0.0) + to.accuracy_m().unwrap_or(0.0);
    distance_m(from.position(), to.position()) <= JUMP_M + unsure + MAX_SPEED_MPS * seconds
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::duty::location::fix::e7;

    const NOW_MS: i64 = 1_800_000_000_000;

    fn fix(seconds: i64, lon: f64, lat: f64) -> Fix {
        Fix {
            at: NOW_MS * 1000 + seconds * 1_000_000,
            received_ms: NOW_MS,
            lon_e7: e7(lon),
            lat_e7: e7(lat),
            ..Fix::default()
        }
    }

    fn judged(state: &mut DeviceState, fixes: Vec<Fix>) -> Vec<Flags> {
        let mut filed: Vec<Filed> = fixes.into_iter().map(|fix| Filed { author: None, call: 0, fix }).collect();
        state.judge(&mut filed);
        filed.iter().map(|f| f.fix.flags).collect()
    }

    #[test]
    fn late_future_and_zero_never_move_the_marker() {
        let mut state = DeviceState::default();
        assert_eq!(judged(&mut state, vec![fix(-10, 119.5, 31.7)]), [Flags::default()]);
        assert_eq!(judged(&mut state, vec![fix(-20, 119.51, 31.7)]), [Flags::LATE]);
        assert_eq!(judged(&mut state, vec![fix(-5, 0.0, 0.0)]), [Flags::ZERO]);
        assert_eq!(judged(&mut state, vec![fix(3600, 119.52, 31.7)]), [Flags::FUTURE]);
        assert_eq!(state.marker.unwrap().at, fix(-10, 0.0, 0.0).at);
        assert_eq!(judged(&mut state, vec![fix(-1, 119.501, 31.7)]), [Flags::default()]);
        assert_eq!(state.marker.unwrap().at, fix(-1, 0.0, 0.0).at);
    }

    #[test]
    fn a_clock_that_was_ahead_at_first_does_not_blind_the_device() {
        let mut state = DeviceState::default();
        assert_eq!(judged(&mut state, vec![fix(7200, 119.5, 31.7)]), [Flags::FUTURE]);
        assert_eq!(judged(&mut state, vec![fix(0, 119.5, 31.7)]), [Flags::default()]);
    }

    #[test]
    fn a_jump_is_impossible_until_it_is_repeated() {
        let mut state = DeviceState::default();
        judged(&mut state, vec![fix(-100, 119.5, 31.7)]);
        assert_eq!(judged(&mut state, vec![fix(-90, 116.4, 39.9)]), [Flags::IMPOSSIBLE]);
        assert_eq!(judged(&mut state, vec![fix(-80, 119.501, 31.7)]), [Flags::default()]);
        let there = vec![fix(-70, 116.4, 39.9), fix(-60, 116.4001, 39.9), fix(-50, 116.4002, 39.9)];
        assert_eq!(judged(&mut state, there), [Flags::IMPOSSIBLE, Flags::IMPOSSIBLE, Flags::default()]);
    }

    #[test]
    fn a_backlog_in_one_call_is_not_late() {
        let mut state = DeviceState::default();
        let backlog: Vec<Fix> = (0..100).map(|i| fix(i * 10 - 5000, 119.5, 31.7)).collect();
        assert!(judged(&mut state, backlog).iter().all(|flags| flags.is_clear()));
    }
}
