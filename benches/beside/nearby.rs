//! The ten nearest of many people in one city, asked on keep-alive connections in a closed loop, still or while
//! positions are updated at a fixed rate: ours with authorisation and its access record, Redis with a radius tuned to
//! the density, PostGIS with a prepared `<->` over an index.

mod sources;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use suixing::words::dice::Dice;

use crate::Result;
use crate::meter::{Cost, Latencies, round};
use crate::world::Server;
use sources::{Asker, Mover};

/// The city: 50 km × 50 km around here, degrees.
const CITY: (f64, f64, f64, f64) = (119.3, 31.5, 119.83, 31.95);
/// People of one answer.
const K: usize = 10;
/// Between two rounds of updates.
const TICK: Duration = Duration::from_millis(5);

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Target {
    /// Ours, `GET /nearby`.
    Suixing,
    /// `GEOSEARCH`.
    Redis,
    /// `ORDER BY place <-> point`.
    Postgis,
}

/// `nearby`.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    server: Server,
    /// Who is measured; `--url` is HOST:PORT for Redis and PostGIS.
    #[arg(long)]
    target: Target,
    /// People.
    #[arg(long, default_value_t = 10_000)]
    people: usize,
    /// Numbers of connections, one measurement each.
    #[arg(long, value_delimiter = ',', default_value = "1,8,50")]
    connections: Vec<usize>,
    /// Position updates per second in the second half of the measurements.
    #[arg(long, default_value_t = 2_000)]
    updates: usize,
    /// Seconds of one measurement.
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
}

/// A place in the city.
fn place(dice: &mut Dice) -> (f64, f64) {
    (dice.between(CITY.0, CITY.2), dice.between(CITY.1, CITY.3))
}

/// The radius in metres that holds about three times as many people as are wanted.
fn tuned_radius_m(people: usize) -> f64 {
    let area = 50_000.0 * 50_000.0;
    (3.0 * K as f64 * area / people as f64 / std::f64::consts::PI).sqrt()
}

/// Queries per second for every number of connections, still and moving.
pub async fn run(args: Args) -> Result<Value> {
    let filling = Instant::now();
    let source = sources::fill(args.target, &args.server, args.people, args.updates).await?;
    let filled_s = round(filling.elapsed().as_secs_f64(), 1);
    let mut rows = Vec::new();
    for moving in [false, true] {
        let mover = if moving { Some(source.mover(args.updates).await?) } else { None };
        let moved = Rc::new(Cell::new(0_usize));
        let stop = Rc::new(Cell::new(false));
        let moving_task =
            mover.map(|mover| tokio::task::spawn_local(drive(mover, args.updates, moved.clone(), stop.clone())));
        for connections in &args.connections {
            let mut askers = Vec::new();
            for _ in 0..*connections {
                askers.push(source.asker().await?);
            }
            moved.set(0);
            rows.push(measure(&args, askers, moving.then(|| Rc::clone(&moved))).await?);
        }
        stop.set(true);
        if let Some(task) = moving_task {
            task.await?;
        }
    }
    Ok(json!({
        "offered": {"people": args.people, "k": K, "updates_per_s": args.updates, "seconds": args.seconds},
        "filled_s": filled_s, "rows": rows, "sound": true,
    }))
}

/// Updates at a fixed rate, whether or not the queries keep up.
async fn drive(mut mover: Mover, rate: usize, moved: Rc<Cell<usize>>, stop: Rc<Cell<bool>>) {
    let (start, mut dice, mut done) = (Instant::now(), Dice::new(9), 0_usize);
    let mut tick = tokio::time::interval(TICK);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    while !stop.get() {
        tick.tick().await;
        let due = (start.elapsed().as_secs_f64() * rate as f64) as usize;
        let count = due - done;
        mover.update(&mut dice, count).await.unwrap();
        done = due;
        moved.set(moved.get() + count);
    }
}

async fn measure(args: &Args, askers: Vec<Asker>, moved: Option<Rc<Cell<usize>>>) -> Result<Value> {
    let cost = Cost::begin(args.server.server_pid);
    let until = Instant::now() + Duration::from_secs_f64(args.seconds);
    let latencies = Rc::new(RefCell::new(Latencies::default()));
    let connections = askers.len();
    let mut tasks = Vec::new();
    for (n, mut asker) in askers.into_iter().enumerate() {
        let latencies = Rc::clone(&latencies);
        let mut dice = Dice::new(100 + n as u64);
        tasks.push(tokio::task::spawn_local(async move {
            while Instant::now() < until {
                let from = place(&mut dice);
                let asked = Instant::now();
                asker.ask(from).await.unwrap();
                latencies.borrow_mut().since(asked);
            }
        }));
    }
    for task in tasks {
        task.await?;
    }
    let seconds = cost.seconds();
    let per_second = latencies.borrow().count() as f64 / seconds;
    let mut row = json!({
        "connections": connections, "moving": moved.is_some(),
        "updates_per_s": moved.map(|moved| round(moved.get() as f64 / seconds, 0)),
        "queries_per_s": round(per_second, 0), "latency_ms": latencies.borrow_mut().report(),
    });
    cost.tell(&mut row);
    Ok(row)
}
