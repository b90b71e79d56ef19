//! What a run cost and how long things took: processor seconds and memory from `/proc`, exact percentiles.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use suixing::wiring::simulate::FAIR_SHARE;
use suixing::wiring::simulate::process::{own_kib, rss_kib};
use suixing::wiring::simulate::stats::cpu_seconds;
pub use suixing::wiring::simulate::stats::round;

/// Processor use of the server and of this process since [`Cost::begin`].
pub struct Cost {
    server: Option<u32>,
    server_cpu: f64,
    own_cpu: f64,
    begun: Instant,
}

impl Cost {
    /// Starts counting.
    pub fn begin(server: Option<u32>) -> Self {
        Self {
            server,
            server_cpu: server.map_or(0.0, |pid| cpu_seconds(&pid.to_string())),
            own_cpu: cpu_seconds("self"),
            begun: Instant::now(),
        }
    }

    /// Seconds since the start.
    pub fn seconds(&self) -> f64 {
        self.begun.elapsed().as_secs_f64()
    }

    /// Adds what was used to a report.
    pub fn tell(&self, report: &mut Value) {
        let seconds = self.seconds();
        let own = (cpu_seconds("self") - self.own_cpu) / seconds;
        report["elapsed_s"] = json!(round(seconds, 2));
        report["generator"] = json!({"cpu_share_of_one_core": round(own, 3)});
        report["generator_fair"] = json!(own <= FAIR_SHARE);
        if let Some(pid) = self.server {
            let used = cpu_seconds(&pid.to_string()) - self.server_cpu;
            report["server_cpu_s"] = json!(round(used, 2));
            report["server_cores"] = json!(round(used / seconds, 3));
            report["server_rss_mib"] = json!(rss_kib(&pid.to_string()) / 1024);
        }
    }
}

/// Resident memory of a process that is its own, see [`own_kib`].
pub fn own_bytes(pid: u32) -> u64 {
    own_kib(&pid.to_string()) * 1024
}

/// Latencies of a run, kept whole.
#[derive(Default)]
pub struct Latencies(Vec<u32>);

impl Latencies {
    /// One more.
    pub fn took(&mut self, duration: Duration) {
        self.0.push(u32::try_from(duration.as_micros()).unwrap_or(u32::MAX));
    }

    /// Since a moment that may lie ahead of now by a hair.
    pub fn since(&mut self, due: Instant) {
        self.took(Instant::now().saturating_duration_since(due));
    }

    /// How many.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// Milliseconds.
    pub fn report(&mut self) -> Value {
        self.0.sort_unstable();
        let at = |share: f64| {
            let rank = (share * self.0.len() as f64).ceil().max(1.0) as usize - 1;
            self.0.get(rank).map(|us| round(f64::from(*us) / 1e3, 3))
        };
        json!({"n": self.0.len(), "p50": at(0.5), "p99": at(0.99), "p999": at(0.999), "max": at(1.0)})
    }
}
