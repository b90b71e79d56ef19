//! Live fan-out: officers report at a fixed rate, every watcher receives. Open loop: a report is due whether or not the
//! server keeps up, and its delay counts from when it was due to when a watcher has it.
//!
//! All deliveries are counted; the delay is taken at some watchers, the probes, who read every record whole.

mod watcher;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};

use futures_util::{SinkExt as _, StreamExt as _, stream};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio_tungstenite::tungstenite::Message;
use uuid::Uuid;

use crate::Result;
use crate::meter::{Cost, Latencies, round};
use crate::records;
use crate::socket::{self, Link};
use crate::world::{self, Server, now_us, stamp};

/// Reports of one officer whose due time is remembered.
const RING: usize = 64;
/// Connections dialled at once.
const AT_ONCE: usize = 32;
/// How long is waited at the end for what has not arrived.
const DRAIN: Duration = Duration::from_secs(5);

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Target {
    /// Ours, `suixing.v1.bin`.
    Binary,
    /// Ours, `suixing.v1.json`.
    Json,
    /// benches/peers/ws_batch.mjs
    Ws,
    /// benches/peers/socketio_each.mjs
    Socketio,
}

impl Target {
    fn is_ours(self) -> bool {
        matches!(self, Self::Binary | Self::Json)
    }
}

/// `fanout`.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    server: Server,
    /// Who is measured.
    #[arg(long)]
    target: Target,
    /// Reporting officers.
    #[arg(long, default_value_t = 2_000)]
    officers: usize,
    /// Reports of one officer per second.
    #[arg(long, default_value_t = 1.0)]
    rate: f64,
    /// Watchers.
    #[arg(long, default_value_t = 1_000)]
    watchers: usize,
    /// Share of the officers in the viewport of each watcher (ours only; the peers cannot filter).
    #[arg(long, default_value_t = 1.0)]
    coverage: f64,
    /// Watchers who also measure the delay.
    #[arg(long, default_value_t = 20)]
    probes: usize,
    /// Seconds.
    #[arg(long, default_value_t = 20.0)]
    seconds: f64,
    /// Reports of so many seconds at the start do not count for the delay.
    #[arg(long, default_value_t = 2.0)]
    warm_up: f64,
}

/// What all connections of a run share.
struct Field {
    target: Target,
    rate: f64,
    officers: usize,
    reports: u32,
    warm_reports: u32,
    due_at: Vec<Cell<Option<Instant>>>,
    sent: Vec<Cell<u32>>,
    records: Cell<u64>,
    frames: Cell<u64>,
    bytes: Cell<u64>,
    last_receipt: Cell<Instant>,
    delays: RefCell<Latencies>,
    missed: Cell<u64>,
    again: Cell<u64>,
    closed: Cell<u64>,
    /// Pictures of before the start are not deliveries.
    counting: Cell<bool>,
}

fn add(cell: &Cell<u64>, by: u64) {
    cell.set(cell.get() + by);
}

/// Begins, ends.
#[derive(Clone, Copy, PartialEq)]
enum Phase {
    Connecting,
    Since(Instant),
    Over,
}

/// One run against one server.
pub async fn run(args: Args) -> Result<Value> {
    let field = Rc::new(Field {
        target: args.target,
        rate: args.rate,
        officers: args.officers,
        reports: (args.seconds * args.rate).round() as u32,
        warm_reports: (args.warm_up * args.rate).round() as u32,
        due_at: vec![Cell::new(None); args.officers * RING],
        sent: vec![Cell::new(0); args.officers],
        records: Cell::default(),
        frames: Cell::default(),
        bytes: Cell::default(),
        last_receipt: Cell::new(Instant::now()),
        delays: RefCell::default(),
        missed: Cell::default(),
        again: Cell::default(),
        closed: Cell::default(),
        counting: Cell::new(false),
    });
    let root = args.server.url.as_str();
    let (mut officer_tokens, mut watcher_tokens, mut unit) = (Vec::new(), Vec::new(), None);
    if args.target.is_ours() {
        let crew = world::people(&args.server, args.officers, args.watchers).await?;
        officer_tokens = world::bearers(&crew.terminals).await?;
        watcher_tokens = world::bearers(&crew.watchers).await?;
        unit = crew.unit_id;
    }
    let (phase, phases) = watch::channel(Phase::Connecting);
    let mut tasks = Vec::new();
    let windows: Vec<(usize, usize)> = (0..args.watchers).map(|n| window(&args, n)).collect();
    let probe_every = (args.watchers / args.probes.max(1)).max(1);
    let mut dialling = stream::iter(0..args.watchers)
        .map(|n| {
            let dialled = watcher::open(args.target, root, watcher_tokens.get(n), unit.as_deref(), windows[n]);
            async move { dialled.await.map(|link| (n, link)) }
        })
        .buffer_unordered(AT_ONCE);
    while let Some(dialled) = dialling.next().await {
        let (n, link) = dialled?;
        let probe = n % probe_every == 0;
        tasks.push(tokio::task::spawn_local(watcher::watch(Rc::clone(&field), link, probe, phases.clone())));
    }
    let mut dialling = stream::iter(0..args.officers)
        .map(|n| {
            let token = officer_tokens.get(n);
            async move { dial(args.target, root, token).await.map(|link| (n, link)) }
        })
        .buffer_unordered(AT_ONCE);
    while let Some(dialled) = dialling.next().await {
        let (n, link) = dialled?;
        tasks.push(tokio::task::spawn_local(officer(Rc::clone(&field), n, link, phases.clone())));
    }
    tokio::time::sleep(Duration::from_secs(2)).await;

    let (start, cost) = (Instant::now() + Duration::from_millis(100), Cost::begin(args.server.server_pid));
    field.counting.set(true);
    phase.send(Phase::Since(start))?;
    tokio::time::sleep_until((start + Duration::from_secs_f64(args.seconds + 0.3)).into()).await;
    let limit = Instant::now() + DRAIN;
    while Instant::now() < limit && field.records.get() < expected(&field, &windows) {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let mut report = conclude(&args, &field, start, expected(&field, &windows));
    cost.tell(&mut report);
    // The server may have ended every connection already.
    let _ = phase.send(Phase::Over);
    for task in tasks {
        task.await?;
    }
    Ok(report)
}

/// The officers a watcher sees: a stretch of the given share, another for each watcher.
fn window(args: &Args, n: usize) -> (usize, usize) {
    let share = if args.target.is_ours() { args.coverage } else { 1.0 };
    let wide = ((args.officers as f64 * share).round() as usize).clamp(1, args.officers);
    let from = (n * 37) % (args.officers - wide + 1);
    (from, from + wide)
}

fn expected(field: &Field, windows: &[(usize, usize)]) -> u64 {
    let mut sums = vec![0_u64];
    for sent in &field.sent {
        sums.push(sums.last().unwrap() + u64::from(sent.get()));
    }
    windows.iter().map(|(from, to)| sums[*to] - sums[*from]).sum()
}

async fn dial(target: Target, root: &str, token: Option<&String>) -> Result<Link> {
    match (target, token) {
        (Target::Ws, _) => socket::dial(root, "/report", None, socket::QUIET).await,
        (Target::Socketio, _) => socket::dial_socketio(root, socket::QUIET).await,
        (_, Some(token)) => socket::dial_ours(root, token, "suixing.v1.json", socket::QUIET).await,
        (_, None) => Err("a token is missing".into()),
    }
}

/// Reports on schedule until told to stop.
async fn officer(field: Rc<Field>, n: usize, mut link: Link, mut phases: watch::Receiver<Phase>) {
    let id = Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 | n as u128);
    let mut beat = tokio::time::interval(socket::BEAT);
    let (mut report, mut start) = (0_u32, None);
    loop {
        let due: Option<Instant> = start.filter(|_| report < field.reports).map(|start: Instant| {
            let turns = f64::from(report) + n as f64 / field.officers as f64;
            start + Duration::from_secs_f64(turns / field.rate)
        });
        let said = tokio::select! {
            changed = phases.changed() => {
                let phase = *phases.borrow();
                match phase {
                    Phase::Since(at) if changed.is_ok() => start = Some(at),
                    Phase::Over => break,
                    _ => {}
                }
                None
            }
            heard = link.next() => match heard {
                Some(Ok(Message::Text(text))) if text.as_str() == "2" => Some("3".to_owned()),
                Some(Ok(_)) => None,
                _ => { add(&field.closed, 1); break }
            },
            _ = beat.tick(), if field.target.is_ours() => Some(r#"{"type":"ping"}"#.to_owned()),
            () = tokio::time::sleep_until(due.unwrap_or_else(Instant::now).into()), if due.is_some() => {
                field.due_at[n * RING + report as usize % RING].set(due);
                field.sent[n].set(report + 1);
                report += 1;
                Some(message(field.target, n, report - 1, id))
            }
        };
        if let Some(said) = said
            && link.send(Message::text(said)).await.is_err()
        {
            add(&field.closed, 1);
            break;
        }
    }
}

fn message(target: Target, n: usize, report: u32, id: Uuid) -> String {
    let (lon, lat, at) = (records::lon(n), records::lat(report), stamp(now_us()));
    let plain = || format!(r#"{{"id":"{id}","lon":{lon},"lat":{lat},"at":"{at}"}}"#);
    match target {
        Target::Ws => plain(),
        Target::Socketio => format!(r#"42["fix",{}]"#, plain()),
        Target::Binary | Target::Json => format!(
            r#"{{"type":"fixes","n":{},"fixes":[{{"at":"{at}","lon":{lon},"lat":{lat},"accuracy_m":6,"speed_mps":1.1,"next_within_s":60}}]}}"#,
            report + 1
        ),
    }
}

fn conclude(args: &Args, field: &Field, start: Instant, expected: u64) -> Value {
    let seconds = field.last_receipt.get().saturating_duration_since(start).as_secs_f64().max(1e-3);
    let (records, bytes) = (field.records.get(), field.bytes.get());
    json!({
        "offered": {
            "officers": args.officers, "rate": args.rate, "watchers": args.watchers,
            "coverage": if args.target.is_ours() { args.coverage } else { 1.0 },
            "seconds": args.seconds, "probes": args.probes,
        },
        "deliveries": {"expected": expected, "received": records, "missing": expected.saturating_sub(records),
            "per_second": round(records as f64 / seconds, 0), "last_after_s": round(seconds, 2)},
        "probes": {"missed": field.missed.get(), "again": field.again.get()},
        "delay_ms": field.delays.borrow_mut().report(),
        "frames": field.frames.get(),
        "mib_per_s": round(bytes as f64 / seconds / f64::from(1 << 20), 1),
        "bytes_per_delivery": round(bytes as f64 / records.max(1) as f64, 1),
        "closed": field.closed.get(),
        "sound": field.closed.get() == 0,
    })
}
