//! `suixing simulate`: terminals, watchers and a command room made of nothing, as load or as a test.
//!
//! Speaks the public protocol only, so that it measures what a client sees and can be pointed at any
//! server. Called by the command line; its client is also what the demo plays with.

pub mod client;
pub mod crew;
pub mod drive;
pub mod faults;
pub mod frames;
pub mod ledger;
pub mod phases;
pub mod process;
pub mod run;
pub mod stats;
pub mod terminal;
pub mod verify;
pub mod watcher;
pub mod wire;

use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::sync::watch;

use self::client::{Api, Trouble};
use self::faults::Faults;
use self::process::Usage;
use self::run::{Order, Run};
use self::stats::Stats;
use crate::wiring::cli::print_line;
use crate::words::dice::Dice;
use crate::words::error::{Error, Result};

/// More of one core than this and the figures say more about the generator than about the server.
pub const FAIR_SHARE: f64 = 0.5;
/// Terminals connect in bunches, each this much after the one before.
const RAMP_STEP: Duration = Duration::from_millis(10);
const RAMP_BUNCH: usize = 8;
/// How long is waited for deadlines after the last assignment of a run whose terminals are mute.
const DEADLINES: Duration = Duration::from_secs(6);

/// `suixing simulate`: load for a running server; prints one JSON object.
#[derive(clap::Args, Clone, Debug)]
pub struct SimulateArgs {
    /// Address of the server, such as http://127.0.0.1:8080.
    #[arg(long)]
    url: String,
    /// Administrator who makes the accounts of the run; the password comes with --password-stdin.
    #[arg(long, requires = "password_stdin", conflicts_with = "accounts")]
    username: Option<String>,
    /// Read the administrator's password from standard input.
    #[arg(long)]
    password_stdin: bool,
    /// Use existing accounts instead: lines of role,username,password (terminal, watcher, dispatcher).
    #[arg(long, required_unless_present = "username")]
    accounts: Option<PathBuf>,
    /// Keep sessions in this file, so that the next run need not log everybody in again.
    #[arg(long)]
    state: Option<PathBuf>,
    /// Terminals to connect.
    #[arg(long, default_value_t = 100)]
    terminals: usize,
    /// Watchers of the live view.
    #[arg(long, default_value_t = 2)]
    watchers: usize,
    /// Watchers take binary live frames (suixing.v1.bin) instead of JSON.
    #[arg(long)]
    binary: bool,
    /// Every second watcher takes binary live frames.
    #[arg(long, conflicts_with = "binary")]
    half_binary: bool,
    /// Watchers look anew every so many seconds; how long the whole picture takes is measured each time.
    #[arg(long)]
    look_every: Option<f64>,
    /// Process of the server, on this machine: its memory and processor time are reported.
    #[arg(long)]
    server_pid: Option<u32>,
    /// After the load, cut everybody at once and measure until all are back and caught up.
    #[arg(long)]
    reconnect_all: bool,
    /// Only make the accounts and keep their sessions; no load.
    #[arg(long, requires = "state")]
    only_accounts: bool,
    /// Seconds between two fixes of one terminal.
    #[arg(long, default_value_t = 10.0)]
    fix_every: f64,
    /// Assignments per second.
    #[arg(long, default_value_t = 1.0)]
    assignments_per_s: f64,
    /// The last rung officers report of each assignment: viewed, accepted, en_route, on_scene or cleared. They come within
    /// seconds; officers take minutes.
    #[arg(long, value_name = "RUNG", default_value = "cleared", value_parser = terminal::answers_until)]
    until: usize,
    /// Presses of the backup button per second.
    #[arg(long, default_value_t = 0.0)]
    backups_per_s: f64,
    /// Seconds of measured load, after everybody is connected.
    #[arg(long, default_value_t = 30)]
    duration: u64,
    /// What goes wrong on purpose: cut=SHARE per minute, kill=SHARE per minute, slow=NUMBER of watchers,
    /// mute=SHARE of terminals whose bearers answer no offer.
    #[arg(long, default_value = "")]
    faults: Faults,
    /// The same seed gives the same schedule.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

impl From<Trouble> for Error {
    fn from(trouble: Trouble) -> Self {
        Error::bad(trouble.to_string())
    }
}

/// Put the load on, print the figures, and fail if anything acknowledged was lost or doubled.
pub async fn run(args: SimulateArgs) -> Result<()> {
    for (name, seconds) in [("--fix-every", args.fix_every), ("--look-every", args.look_every.unwrap_or(1.0))] {
        if !(seconds.is_finite() && seconds > 0.0) {
            return Err(Error::bad(format!("{name} must be above 0")));
        }
    }
    let (report, sound) = measure(&args).await?;
    print_line(&report)?;
    if sound { Ok(()) } else { Err(Error::bad("something acknowledged was lost or doubled; see `verification`")) }
}

async fn measure(args: &SimulateArgs) -> Result<(Value, bool)> {
    let api = Api::new(&args.url)?;
    let making = Stats::new();
    let state = args.state.as_deref();
    let crew = match (&args.accounts, &args.username) {
        (Some(file), _) => crew::from_file(&api, file, state, &making).await?,
        (None, Some(username)) => {
            let admin = api.login(username, &password()?, Value::Null).await?;
            crew::make(&api, &admin, args.terminals, args.watchers, state, &making).await?
        }
        (None, None) => return Err(Error::bad("--username or --accounts is needed")),
    };
    if args.only_accounts {
        return Ok((json!({"event": "accounts", "accounts": crew.terminals.len() + crew.watchers.len()}), true));
    }
    let run = Arc::new(Run {
        stats: Stats::new(),
        ledger: ledger::Ledger::default(),
        fix_every_s: args.fix_every,
        faults: args.faults,
        answers: args.until,
        centre: (119.5762, 31.7472),
        recent: ledger::Recent::of(&crew.terminals),
        placed: AtomicUsize::new(0),
        returned: AtomicUsize::new(0),
    });
    let mut usage = args.server_pid.map(Usage::begin);
    let dice = Dice::new(args.seed);
    let (orders, ordered) = watch::channel(Order::Work);
    let (stop, stopped) = watch::channel(false);
    let mut handles = Vec::with_capacity(crew.terminals.len());
    for (n, session) in crew.terminals.into_iter().take(args.terminals).enumerate() {
        handles.push(terminal::start(run.clone(), n, session, dice.fork(100 + n as u64), ordered.clone()));
        if n % RAMP_BUNCH == 0 {
            tokio::time::sleep(RAMP_STEP).await;
        }
    }
    let handles = Arc::new(handles);
    let mut watchers = Vec::new();
    // Whoever measures missed deadlines sits in the room that is told of them.
    let room = crew.dispatchers.first().filter(|_| args.faults.mute > 0.0).cloned();
    for (n, session) in crew.watchers.into_iter().take(args.watchers).chain(room).enumerate() {
        let (slow, binary) = (n < args.faults.slow, args.binary || (args.half_binary && n % 2 == 1));
        let look_every = args.look_every.map(Duration::from_secs_f64);
        let screen = watcher::Screen { session, unit_id: crew.unit_id.clone(), slow, binary, look_every };
        let run = run.clone();
        let watching = watcher::watch_live(run, screen, dice.fork(50_000_000 + n as u64), stopped.clone());
        watchers.push(tokio::spawn(watching));
    }
    phases::everybody_up(&run, handles.len()).await;
    let placed = phases::everybody_placed(&run, handles.len()).await;
    if placed < handles.len() {
        tracing::warn!(placed, of = handles.len(), "not every terminal has a place when the load begins");
    }
    let connecting = run.stats.take();
    if let Some(usage) = &mut usage {
        usage.load_begins();
    }
    tracing::info!(terminals = handles.len(), watchers = watchers.len(), seconds = args.duration, "load begins");

    let until = Instant::now() + Duration::from_secs(args.duration);
    let sending = drive::assignments(
        run.clone(),
        handles.clone(),
        crew.dispatchers.clone(),
        args.assignments_per_s,
        until,
        dice.fork(1),
    );
    let pressing = drive::backups(
        run.clone(),
        handles.clone(),
        crew.dispatchers.first().cloned(),
        args.backups_per_s,
        until,
        dice.fork(2),
    );
    // A deadline that nobody keeps is missed a while after its assignment was sent.
    let over = if args.faults.mute > 0.0 { until + DEADLINES } else { until };
    tokio::join!(sending, pressing, tokio::time::sleep_until(over.into()));
    let mut parts = Parts {
        making: making.report(),
        connecting,
        usage: usage.map(|usage| usage.report(handles.len())),
        load: run.stats.take(),
        reconnect: None,
        verified: Value::Null,
    };
    if args.reconnect_all {
        let (seats, rate) = (&crew.dispatchers, args.assignments_per_s);
        let back = phases::everybody_back(&run, &orders, &handles, seats, rate, dice.fork(3)).await;
        parts.reconnect = Some(back);
    }
    phases::drain(&run).await;
    // Nobody hears this only when every terminal has ended already.
    let _ = (stop.send(true), orders.send(Order::Stop));
    for watcher in watchers {
        let _ = watcher.await;
    }
    let handles = Arc::into_inner(handles).unwrap_or_default();
    let mut tracks = Vec::with_capacity(handles.len());
    for handle in handles {
        tracks.push(verify::Track { session: handle.session, acked: handle.task.await.unwrap_or_default() });
    }
    parts.verified = match crew.dispatchers.first() {
        Some(reader) => verify::fixes(reader, &tracks).await?,
        None => json!({"fixes_checked": 0}),
    };
    Ok(conclude(args, &run, &parts))
}

/// What the phases of a run had to report.
struct Parts {
    making: Value,
    connecting: Value,
    usage: Option<Value>,
    load: Value,
    reconnect: Option<Value>,
    verified: Value,
}

fn password() -> Result<String> {
    let mut line = String::new();
    std::io::stdin().read_to_string(&mut line)?;
    Ok(line.lines().next().unwrap_or_default().to_owned())
}

fn conclude(args: &SimulateArgs, run: &Run, parts: &Parts) -> (Value, bool) {
    let mut verification = run.ledger.report();
    let counted = |name: &str| {
        let before = [Some(&parts.connecting), Some(&parts.load)].into_iter().flatten();
        let before = before.filter_map(|part| part.get("counts")?.get(name)?.as_u64());
        before.sum::<u64>() + run.stats.counted(name)
    };
    if let (Some(all), Some(fixes)) = (verification.as_object_mut(), parts.verified.as_object()) {
        all.extend(fixes.clone());
        for name in ["messages_missing", "messages_doubled"] {
            all.insert(name.to_owned(), json!(counted(name)));
        }
    }
    let broken = [
        "assignments_lost",
        "assignments_doubled",
        "fixes_lost",
        "fixes_doubled",
        "messages_missing",
        "messages_doubled",
        "deadlines_untold",
    ];
    let sound = broken.iter().all(|name| verification.get(*name).and_then(Value::as_u64).unwrap_or_default() == 0);
    let share = parts.load.pointer("/generator/cpu_share_of_one_core").and_then(Value::as_f64).unwrap_or_default();
    let mut report = json!({
        "event": "simulated",
        "offered": {
            "terminals": args.terminals,
            "watchers": args.watchers,
            "live_frames": if args.binary { "binary" } else if args.half_binary { "both" } else { "json" },
            "fix_every_s": args.fix_every,
            "assignments_per_s": args.assignments_per_s,
            "rungs_of_officers": if args.faults.mute < 1.0 { args.until } else { 0 },
            "backups_per_s": args.backups_per_s,
            "faults": {"cut": args.faults.cut, "slow": args.faults.slow, "kill": args.faults.kill, "mute": args.faults.mute},
            "duration_s": args.duration,
            "seed": args.seed,
        },
        "login_ms": parts.making.pointer("/latency_ms/login"),
        "connect_ms": parts.connecting.pointer("/latency_ms/connect"),
        "load": parts.load,
        "generator_fair": share <= FAIR_SHARE,
        "verification": verification,
        "sound": sound,
    });
    let more = [("usage", &parts.usage), ("reconnect", &parts.reconnect)];
    if let Some(report) = report.as_object_mut() {
        report.extend(more.into_iter().filter_map(|(name, part)| Some((name.to_owned(), part.clone()?))));
    }
    (report, sound)
}
