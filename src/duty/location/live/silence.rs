//! How dark a unit is. A missed deadline asks it inside the writer, and after an outage thousands are missed at once,
//! most of them of few units: what a unit was found to be is kept for a moment instead of counting everybody each time.

use std::collections::HashMap;

use parking_lot::Mutex;

use super::Live;
use super::marker::Freshness;
use crate::platform::push::hub::Reach;
use crate::words::time::Timestamp;

/// Milliseconds an answer is kept: short beside the seconds of the shortest promise to report.
const KEPT_MS: i64 = 250;

/// People of a unit and of all below it, on duty, with a terminal that has shown itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Silence {
    /// Past their promise to report, with no socket in contact.
    pub silent: u32,
    pub on_duty: u32,
}

/// What was found last, by the unit's path. One entry a unit that ever missed a deadline.
#[derive(Default)]
pub struct Kept {
    found: Mutex<HashMap<String, (Timestamp, Silence)>>,
}

impl Kept {
    /// What was found less than [`KEPT_MS`] from `now`, else what `count` finds.
    fn get(&self, path: &str, now: Timestamp, count: impl FnOnce() -> Silence) -> Silence {
        let mut found = self.found.lock();
        if let Some((at, silence)) = found.get(path)
            && now.millis_since(*at).abs() < KEPT_MS
        {
            return *silence;
        }
        let silence = count();
        found.insert(path.to_owned(), (now, silence));
        silence
    }
}

impl Live {
    /// How many people of these units are silent, at most [`KEPT_MS`] ago. From memory.
    pub fn silence_of(&self, unit_path: &str) -> Silence {
        let now = self.inner.clock.now();
        self.inner.silences.get(unit_path, now, || self.count_silent(unit_path, now))
    }

    fn count_silent(&self, unit_path: &str, now: Timestamp) -> Silence {
        let state = self.inner.state.read();
        let mut silence = Silence { silent: 0, on_duty: 0 };
        for (person, one) in &state.people {
            let Some(facts) = one.facts.as_ref().filter(|facts| facts.on_duty) else { continue };
            if !facts.unit_path.starts_with(unit_path) {
                continue;
            }
            let Some(entry) = state.best(one, now) else { continue };
            silence.on_duty += 1;
            let overdue = entry.freshness(now) != Freshness::Fresh;
            if overdue && self.inner.hub.reach(person, &facts.carried, now) != Reach::Socket {
                silence.silent += 1;
            }
        }
        silence
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_is_counted_again_after_a_moment_and_for_itself() {
        let kept = Kept::default();
        let (one, two) = (Silence { silent: 1, on_duty: 4 }, Silence { silent: 4, on_duty: 4 });
        let at = Timestamp::from_micros(1_000_000_000);
        assert_eq!(kept.get("/a/", at, || one), one);
        assert_eq!(kept.get("/a/", at.plus_millis(KEPT_MS - 1), || two), one);
        assert_eq!(kept.get("/b/", at, || two), two);
        assert_eq!(kept.get("/a/", at.plus_millis(KEPT_MS), || two), two);
        // A clock that was set back does not keep it for ever.
        assert_eq!(kept.get("/a/", at.plus_secs(-600), || one), one);
    }
}
