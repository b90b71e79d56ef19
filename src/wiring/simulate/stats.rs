//! Counting a run: latencies by name, events by name, own processor time.
//!
//! Latencies are kept whole (four bytes each) and sorted once at the end: percentiles are exact, and
//! a slow server cannot hide behind buckets. Called by everything in the load generator.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// Kernel ticks per second in `/proc/self/stat`; 100 on every Linux Suixing supports.
const TICKS_PER_SECOND: f64 = 100.0;
/// This process in `/proc`.
const SELF: &str = "self";

#[derive(Default)]
struct Book {
    latencies: BTreeMap<&'static str, Vec<u32>>,
    counts: BTreeMap<String, u64>,
}

/// The book of one run, shared by all tasks.
pub struct Stats {
    book: Mutex<Book>,
    started: Mutex<Instant>,
    cpu_at_start: Mutex<f64>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Stats {
    /// An empty book, the clock starting now.
    pub fn new() -> Self {
        Self {
            book: Mutex::default(),
            started: Mutex::new(Instant::now()),
            cpu_at_start: Mutex::new(cpu_seconds(SELF)),
        }
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        lock(&self.book)
    }

    /// Record how long something took.
    pub fn took(&self, name: &'static str, duration: Duration) {
        let micros = u32::try_from(duration.as_micros()).unwrap_or(u32::MAX);
        self.book().latencies.entry(name).or_default().push(micros);
    }

    /// Record how late something is, counted from when it was due.
    pub fn since_due(&self, name: &'static str, due: Instant) {
        self.took(name, Instant::now().saturating_duration_since(due));
    }

    /// Count one event.
    pub fn count(&self, name: &str) {
        self.add(name, 1);
    }

    /// Count several events.
    pub fn add(&self, name: &str, by: u64) {
        let mut book = self.book();
        match book.counts.get_mut(name) {
            Some(count) => *count += by,
            None => {
                book.counts.insert(name.to_owned(), by);
            }
        }
    }

    /// How often an event was counted.
    pub fn counted(&self, name: &str) -> u64 {
        self.book().counts.get(name).copied().unwrap_or_default()
    }

    /// How many latencies were recorded under a name.
    pub fn measured(&self, name: &str) -> usize {
        self.book().latencies.get(name).map_or(0, Vec::len)
    }

    /// The report so far; then forget it, since the warm-up is over.
    pub fn take(&self) -> Value {
        let report = self.report();
        *self.book() = Book::default();
        let (mut started, mut cpu) = (lock(&self.started), lock(&self.cpu_at_start));
        (*started, *cpu) = (Instant::now(), cpu_seconds(SELF));
        report
    }

    /// Throughput, percentiles in milliseconds, counts and own share of the processors.
    pub fn report(&self) -> Value {
        let elapsed = lock(&self.started).elapsed().as_secs_f64();
        let cpu = cpu_seconds(SELF) - *lock(&self.cpu_at_start);
        let mut book = self.book();
        let latency: serde_json::Map<String, Value> = book
            .latencies
            .iter_mut()
            .map(|(name, samples)| {
                samples.sort_unstable();
                let mut row = percentiles(samples);
                if let Some(row) = row.as_object_mut() {
                    row.insert("per_second".to_owned(), json!(round(samples.len() as f64 / elapsed, 1)));
                }
                ((*name).to_owned(), row)
            })
            .collect();
        json!({
            "elapsed_s": round(elapsed, 2),
            "latency_ms": latency,
            "counts": book.counts,
            "generator": {
                "cpu_seconds": round(cpu, 2),
                "cpu_share_of_one_core": round(cpu / elapsed, 3),
            },
        })
    }
}

impl Default for Stats {
    fn default() -> Self {
        Self::new()
    }
}

/// Exact percentiles of sorted microseconds, in milliseconds.
fn percentiles(sorted: &[u32]) -> Value {
    let at = |share: f64| -> Value {
        let rank = (share * sorted.len() as f64).ceil().max(1.0) as usize - 1;
        sorted
            .get(rank.min(sorted.len().saturating_sub(1)))
            .map_or(Value::Null, |us| json!(round(f64::from(*us) / 1e3, 3)))
    };
    json!({
        "n": sorted.len(), "p50": at(0.5), "p90": at(0.9), "p99": at(0.99), "p999": at(0.999), "max": at(1.0),
    })
}

/// Rounded for people.
pub fn round(value: f64, digits: i32) -> f64 {
    let scale = 10f64.powi(digits);
    (value * scale).round() / scale
}

/// Processor seconds a process used so far; 0 where `/proc` is absent.
pub fn cpu_seconds(pid: &str) -> f64 {
    let Ok(line) = std::fs::read_to_string(format!("/proc/{pid}/stat")) else { return 0.0 };
    let after_name = line.rsplit(')').next().unwrap_or_default();
    let ticks: f64 = after_name.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<f64>().ok()).sum();
    ticks / TICKS_PER_SECOND
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_exact() {
        let sorted: Vec<u32> = (1..=1000).map(|ms| ms * 1000).collect();
        let row = percentiles(&sorted);
        assert_eq!(row["p50"], 500.0);
        assert_eq!(row["p99"], 990.0);
        assert_eq!(row["p999"], 999.0);
        assert_eq!(row["max"], 1000.0);
        assert_eq!(percentiles(&[])["p50"], Value::Null);
    }

    #[test]
    fn report_counts_and_measures() {
        let stats = Stats::new();
        stats.took("fix_ack", Duration::from_millis(3));
        stats.add("fixes_sent", 2);
        stats.count("fixes_sent");
        let report = stats.report();
        assert_eq!(report["latency_ms"]["fix_ack"]["n"], 1);
        assert_eq!(report["counts"]["fixes_sent"], 3);
    }
}
