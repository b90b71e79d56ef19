//! The parts of a load run around the measured load: everybody up and placed, everybody gone and back, the rest drained.
//!
//! Called by `simulate::measure`.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::sync::watch;

use super::client::Session;
use super::drive;
use super::run::{Order, Run};
use super::terminal::Handle;
use crate::words::dice::Dice;

/// How long is waited at the end for what is still on its way.
const DRAIN: Duration = Duration::from_secs(15);
/// How long everybody stays away.
const AWAY: Duration = Duration::from_secs(5);
/// How long is waited until all are back.
const BACK_LIMIT: Duration = Duration::from_secs(120);
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Wait until every terminal is connected, for a while.
pub async fn everybody_up(run: &Run, wanted: usize) {
    let limit = Instant::now() + Duration::from_secs(60);
    while Instant::now() < limit && run.stats.measured("connect") < wanted {
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Wait until every terminal has a fix that is stored: before, nobody could be offered a call for backup. How many have.
pub async fn everybody_placed(run: &Run, wanted: usize) -> usize {
    let limit = Instant::now() + Duration::from_secs_f64(run.fix_every_s * 2.0 + 10.0);
    while Instant::now() < limit && run.placed.load(Ordering::Relaxed) < wanted {
        tokio::time::sleep(LOOK_EVERY).await;
    }
    run.placed.load(Ordering::Relaxed)
}

/// Wait for what is still on its way to the devices.
pub async fn drain(run: &Run) {
    let limit = Instant::now() + DRAIN;
    tokio::time::sleep(Duration::from_secs(3)).await;
    while Instant::now() < limit && run.ledger.outstanding_all() > 0 {
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Cuts every terminal at once, goes on assigning, and lets all dial again within a second.
pub async fn everybody_back(
    run: &Arc<Run>,
    orders: &watch::Sender<Order>,
    terminals: &Arc<Vec<Handle>>,
    dispatchers: &[Session],
    rate: f64,
    dice: Dice,
) -> Value {
    let back = Instant::now() + AWAY;
    // Nobody hears this only when every terminal has ended already.
    let _ = orders.send(Order::Away(back));
    run.returned.store(0, Ordering::Relaxed);
    drive::assignments(run.clone(), terminals.clone(), dispatchers.to_vec(), rate, back, dice).await;
    tokio::time::sleep_until(back.into()).await;
    let missed = run.ledger.outstanding_all();
    run.stats.take();
    let everybody = || run.returned.load(Ordering::Relaxed) >= terminals.len();
    while back.elapsed() < BACK_LIMIT && !everybody() {
        tokio::time::sleep(LOOK_EVERY / 10).await;
    }
    json!({
        "all_caught_up_s": everybody().then(|| back.elapsed().as_secs_f64()),
        "away_s": AWAY.as_secs(),
        "promised_meanwhile": missed,
        "returned": run.returned.load(Ordering::Relaxed),
        "load": run.stats.report(),
    })
}
