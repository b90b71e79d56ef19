//! What the server's process used during a run, from `/proc`. Only for a server on the same machine.

use std::time::Instant;

use serde_json::{Value, json};

use super::stats::{cpu_seconds, round};

/// Memory and processor time of a process since [`Usage::begin`].
pub struct Usage {
    pid: String,
    rss_kib: u64,
    own_kib: u64,
    cpu_s: f64,
    begun: Instant,
}

impl Usage {
    /// Notes where it stands.
    pub fn begin(pid: u32) -> Self {
        let pid = pid.to_string();
        let (rss_kib, own_kib) = (rss_kib(&pid), own_kib(&pid));
        Self { rss_kib, own_kib, cpu_s: cpu_seconds(&pid), begun: Instant::now(), pid }
    }

    /// Starts the processor time anew; memory still counts from the beginning.
    pub fn load_begins(&mut self) {
        (self.cpu_s, self.begun) = (cpu_seconds(&self.pid), Instant::now());
    }

    /// What `clients` connections cost, and the share of one core since the load began.
    pub fn report(&self, clients: usize) -> Value {
        let grown = own_kib(&self.pid).saturating_sub(self.own_kib);
        let share = (cpu_seconds(&self.pid) - self.cpu_s) / self.begun.elapsed().as_secs_f64();
        json!({
            "rss_before_mib": self.rss_kib / 1024,
            "rss_mib": rss_kib(&self.pid) / 1024,
            "kib_per_terminal": round(grown as f64 / clients.max(1) as f64, 1),
            "cores": round(share, 3),
        })
    }
}

/// Resident memory; 0 where it cannot be read.
pub fn rss_kib(pid: &str) -> u64 {
    status_kib(pid, "VmRSS:")
}

/// Resident memory that is the process's own: without mapped files, such as a database, which the kernel keeps for
/// everybody and takes back when it likes.
pub fn own_kib(pid: &str) -> u64 {
    status_kib(pid, "RssAnon:")
}

/// The most that was ever resident at once.
pub fn peak_kib(pid: &str) -> u64 {
    status_kib(pid, "VmHWM:")
}

fn status_kib(pid: &str, name: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
    line.split_whitespace().next().and_then(|kib| kib.parse().ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_has_memory_and_a_missing_one_has_none() {
        assert!(rss_kib("self") > own_kib("self"));
        assert!(own_kib("self") > 1_000);
        assert!(peak_kib("self") >= rss_kib("self"));
        assert_eq!(rss_kib("0"), 0);
        assert!(Usage::begin(std::process::id()).report(0)["cores"].is_number());
    }
}
