//! The test kit: a real server as a child process, people who use it over real sockets.
//!
//! A behaviour test reads like the shift it proves:
//! ```ignore
//! let app = TestApp::shared().await;                    // one server for the whole binary
//! let station = app.unit("Lakeside").await;             // every test works in its own subtree
//! let room = station.dispatcher("li").await;
//! let wang = station.officer("wang").await;             // created and logged in on a handheld
//! wang.sign_on().await;
//! let mut socket = wang.socket().await;                 // hello and welcome already exchanged
//! let incident = room.incident(station.near(0.0, 0.0)).await;
//! room.assign(&incident, &[&wang]).await;
//! let offer = socket.expect("assignment.offered").await;
//! ```
//! Only tests of faults, configuration or limits start a server of their own (`TestApp::start`).
#![allow(
    dead_code,
    unused_imports,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a kit for tests: not every test uses all of it, and a broken step must end the test"
)]

mod app;
pub mod bucket;
mod database;
pub mod evidence;
pub mod merkle;
mod officer;
mod operations;
mod process;
mod proxy;
mod receiver;
mod reply;
mod socket;
mod unit;

pub use app::{Builder, TestApp};
pub use database::Database;
pub use officer::Officer;
pub use operations::{Operation, operations};
pub use process::{Finished, run as run_binary};
pub use proxy::Proxy;
pub use receiver::{Answer, Call, Receiver};
pub use reply::Reply;
pub use socket::Socket;
pub use unit::Unit;

use std::future::Future;
use std::time::{Duration, Instant};

/// How long a wait may last before a test fails; generous, since CI has two busy cores.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// The password of every account that the kit makes.
pub const PASSWORD: &str = "correct-horse-battery-9";

/// Polls `check` every 20 ms until it is true; fails the test after [`PATIENCE`] saying `what` was awaited.
pub async fn wait_until<F, Fut>(what: &str, mut check: F)
where
    F: FnMut() -> Fut,
    Fut: Future<Output = bool>,
{
    let end = Instant::now() + PATIENCE;
    while !check().await {
        assert!(Instant::now() < end, "waited {PATIENCE:?} in vain: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Polls `look` every 20 ms until it gives a value; fails the test after [`PATIENCE`] saying `what` was awaited.
pub async fn wait_for<T, F, Fut>(what: &str, mut look: F) -> T
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Option<T>>,
{
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(Instant::now() < end, "waited {PATIENCE:?} in vain: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Runs `suixing ARGS… --data-dir DIR` without any server, to its end.
pub async fn run_in(dir: &std::path::Path, args: &[&str]) -> Finished {
    let mut all: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
    all.extend(["--data-dir".to_owned(), dir.display().to_string()]);
    tokio::task::spawn_blocking(move || process::run(&all, &[], "")).await.unwrap()
}

/// A fresh random id in the form clients make (UUIDv7), for request ids, idempotency keys and client-made incidents.
pub fn new_id() -> String {
    uuid::Uuid::now_v7().to_string()
}

/// The present moment as RFC 3339 UTC with microseconds.
pub fn now() -> String {
    ago(0.0)
}

/// The moment `seconds` before now (negative: in the future) as RFC 3339 UTC with microseconds.
pub fn ago(seconds: f64) -> String {
    let micros = jiff::Timestamp::now().as_microsecond() - (seconds * 1e6) as i64;
    format!("{:.6}", jiff::Timestamp::from_microsecond(micros).unwrap())
}

/// A plain fix as a terminal sends it, taken `seconds` ago.
pub fn fix(at: (f64, f64), seconds: f64) -> serde_json::Value {
    serde_json::json!({ "at": ago(seconds), "lon": at.0, "lat": at.1, "accuracy_m": 8.0 })
}
