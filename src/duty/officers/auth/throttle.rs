//! Slows down password guessing without locking anybody out.
//!
//! Failures are counted per (account, source). A source is a device or address the account has
//! been signed in from before, which keeps a bucket of its own, or else the bare address. After
//! `free_attempts` the source is refused for a wait that doubles up to `longest_wait_s`; attempts
//! during the wait are not evaluated and do not lengthen it, so the right password gets in after
//! at most that long. A guesser with many addresses is met by a *delay* before the check
//! (account-wide and address-wide), never by a refusal, because refusing would lock out the owner.
//! Counts live in memory per node; `service::login` is the only caller.

use std::collections::HashMap;
use std::time::Duration;

use parking_lot::Mutex;

/// Failures over all sources of one account, or over all accounts of one address, before each
/// unfamiliar attempt is delayed.
const WIDE_FREE: u32 = 30;
/// Longest delay before an unfamiliar attempt is evaluated.
const MAX_DELAY_MS: u64 = 2_000;
/// A bucket without failures for this many seconds is forgotten.
const FORGET_S: i64 = 900;
/// Bound of the table; beyond it the stalest buckets are dropped.
const MAX_BUCKETS: usize = 50_000;
const MICROS: i64 = 1_000_000;

#[derive(Clone, Copy, Default)]
struct Bucket {
    failures: u32,
    last: i64,
    not_before: i64,
}

/// One attempt to sign in, as the throttle sees it.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// Username in its stored (lower-case) form.
    pub account: String,
    /// Peer address without port.
    pub address: String,
    /// A device or address this account was signed in from before.
    pub familiar: Option<String>,
}

/// What to do with an attempt.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Evaluate the password after this delay.
    Check(Duration),
    /// Refuse; seconds until the next attempt is evaluated.
    Wait(i64),
}

/// Failure counts of this node.
pub struct Throttle {
    free: u32,
    longest_s: i64,
    buckets: Mutex<HashMap<String, Bucket>>,
}

impl Attempt {
    fn source_key(&self) -> String {
        match &self.familiar {
            Some(known) => format!("k\0{}\0{known}", self.account),
            None => format!("s\0{}\0{}", self.account, self.address),
        }
    }

    fn wide_keys(&self) -> [String; 2] {
        [format!("a\0{}", self.account), format!("n\0{}", self.address)]
    }
}

impl Throttle {
    /// `free` wrong passwords before waiting begins, `longest_s` seconds as the longest wait.
    pub fn new(free: u32, longest_s: i64) -> Self {
        Self { free, longest_s: longest_s.max(1), buckets: Mutex::default() }
    }

    /// Judges an attempt at `now` (µs); counts nothing.
    pub fn judge(&self, attempt: &Attempt, now: i64) -> Verdict {
        let buckets = self.buckets.lock();
        if let Some(bucket) = buckets.get(&attempt.source_key()) {
            let wait = bucket.not_before - now;
            if wait > 0 {
                return Verdict::Wait((wait + MICROS - 1) / MICROS);
            }
        }
        if attempt.familiar.is_some() {
            return Verdict::Check(Duration::ZERO);
        }
        let worst = attempt.wide_keys().iter().filter_map(|k| buckets.get(k)).map(|b| decayed(b, now)).max();
        let over = worst.unwrap_or(0).saturating_sub(WIDE_FREE);
        Verdict::Check(Duration::from_millis((u64::from(over) * 50).min(MAX_DELAY_MS)))
    }

    /// Counts a wrong password and answers the seconds this source has to wait now.
    pub fn failed(&self, attempt: &Attempt, now: i64) -> i64 {
        let mut buckets = self.buckets.lock();
        if buckets.len() >= MAX_BUCKETS {
            shrink(&mut buckets, now);
        }
        for key in attempt.wide_keys() {
            count(buckets.entry(key).or_default(), now);
        }
        let bucket = buckets.entry(attempt.source_key()).or_default();
        count(bucket, now);
        let over = bucket.failures.saturating_sub(self.free);
        if over == 0 {
            return 0;
        }
        let wait = 1_i64
            .checked_shl(over - 1)
            .map_or(self.longest_s, |w| if w <= 0 { self.longest_s } else { w.min(self.longest_s) });
        bucket.not_before = now + wait * MICROS;
        wait
    }

    /// Forgets the failures of a source that knew the password.
    pub fn succeeded(&self, attempt: &Attempt) {
        self.buckets.lock().remove(&attempt.source_key());
    }
}

fn decayed(bucket: &Bucket, now: i64) -> u32 {
    let minutes = u32::try_from(((now - bucket.last) / (60 * MICROS)).clamp(0, 31)).unwrap_or(31);
    bucket.failures >> minutes
}

fn count(bucket: &mut Bucket, now: i64) {
    bucket.failures = decayed(bucket, now).saturating_add(1);
    bucket.last = now;
}

fn shrink(buckets: &mut HashMap<String, Bucket>, now: i64) {
    buckets.retain(|_, b| now - b.last < FORGET_S * MICROS);
    if buckets.len() >= MAX_BUCKETS {
        let mut lasts: Vec<i64> = buckets.values().map(|b| b.last).collect();
        let middle = lasts.len() / 2;
        let (_, median, _) = lasts.select_nth_unstable(middle);
        let median = *median;
        buckets.retain(|_, b| b.last > median);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FREE: u32 = 5;
    const LONGEST_S: i64 = 8;

    fn attempt(address: &str, familiar: Option<&str>) -> Attempt {
        Attempt { account: "li".into(), address: address.into(), familiar: familiar.map(Into::into) }
    }

    #[test]
    fn guessing_is_slowed_and_the_wait_is_capped() {
        let throttle = Throttle::new(FREE, LONGEST_S);
        let guesser = attempt("10.0.0.9", None);
        let mut now = 0;
        for _ in 0..FREE {
            assert_eq!(throttle.judge(&guesser, now), Verdict::Check(Duration::ZERO));
            assert_eq!(throttle.failed(&guesser, now), 0);
        }
        let mut longest = 0;
        for _ in 0..40 {
            let wait = throttle.failed(&guesser, now);
            assert_eq!(throttle.judge(&guesser, now), Verdict::Wait(wait));
            longest = longest.max(wait);
            now += wait * MICROS;
            assert!(matches!(throttle.judge(&guesser, now), Verdict::Check(_)));
        }
        assert_eq!(longest, LONGEST_S);
    }

    #[test]
    fn a_known_device_is_untouched_by_guesses_from_elsewhere() {
        let throttle = Throttle::new(FREE, LONGEST_S);
        for n in 0..2_000 {
            throttle.failed(&attempt(&format!("10.0.{}.{}", n / 250, n % 250), None), 0);
        }
        assert_eq!(throttle.judge(&attempt("10.9.9.9", Some("d1")), 0), Verdict::Check(Duration::ZERO));
        match throttle.judge(&attempt("10.9.9.9", None), 0) {
            Verdict::Check(delay) => assert!(delay > Duration::ZERO && delay <= Duration::from_millis(MAX_DELAY_MS)),
            Verdict::Wait(_) => panic!("an unfamiliar address must not be locked out by other addresses"),
        }
    }

    #[test]
    fn the_right_password_clears_the_source() {
        let throttle = Throttle::new(FREE, LONGEST_S);
        let owner = attempt("10.0.0.1", None);
        for _ in 0..=FREE {
            throttle.failed(&owner, 0);
        }
        throttle.succeeded(&owner);
        assert_eq!(throttle.judge(&owner, 0), Verdict::Check(Duration::ZERO));
    }
}
