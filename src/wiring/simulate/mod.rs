//! `suixing simulate`: terminals, watchers and a command room made of nothing, as load or as a test.
//!
//! Speaks the public protocol only, so that it measures what a client sees and can be pointed at any
//! server. Called by the command line; its client is also what the demo plays with.

pub mod client;
pub mod crew;
pub mod dice;
pub mod drive;
pub mod faults;
pub mod frames;
pub mod ledger;
pub mod stats;
pub mod terminal;
pub mod verify;
pub mod watcher;
pub mod wire;

use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::sync::watch;

use self::client::{Api, Trouble};
use self::dice::Dice;
use self::faults::Faults;
use self::stats::Stats;
use self::terminal::Run;
use crate::wiring::cli::print_line;
use crate::words::error::{Error, Result};

/// How long is waited at the end for what is still on its way.
const DRAIN: Duration = Duration::from_secs(15);
/// More of one core than this and the figures say more about the generator than about the server.
const FAIR_SHARE: f64 = 0.5;
/// Terminals connect over this long at most, evenly.
const RAMP_PER_TERMINAL: Duration = Duration::from_millis(2);

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
    /// Seconds between two fixes of one terminal.
    #[arg(long, default_value_t = 10.0)]
    fix_every: f64,
    /// Assignments per second.
    #[arg(long, default_value_t = 1.0)]
    assignments_per_s: f64,
    /// Presses of the backup button per second.
    #[arg(long, default_value_t = 0.0)]
    backups_per_s: f64,
    /// Seconds of measured load, after everybody is connected.
    #[arg(long, default_value_t = 30)]
    duration: u64,
    /// What goes wrong on purpose: cut=SHARE per minute, kill=SHARE per minute, slow=NUMBER of watchers.
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
    if !(args.fix_every.is_finite() && args.fix_every > 0.0) {
        return Err(Error::bad("--fix-every must be above 0"));
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
    let mut run = Run {
        stats: Stats::new(),
        ledger: ledger::Ledger::default(),
        fix_every_s: args.fix_every,
        faults: Faults::default(),
        centre: (119.5762, 31.7472),
        recent: ledger::Recent::of(&crew.terminals),
    };
    run.faults = args.faults;
    let run = Arc::new(run);
    let dice = Dice::new(args.seed);
    let (stop, stopped) = watch::channel(false);
    let mut handles = Vec::with_capacity(crew.terminals.len());
    for (n, session) in crew.terminals.into_iter().take(args.terminals).enumerate() {
        handles.push(terminal::start(run.clone(), n, session, dice.fork(100 + n as u64), stopped.clone()));
        tokio::time::sleep(RAMP_PER_TERMINAL).await;
    }
    let handles = Arc::new(handles);
    let mut watchers = Vec::new();
    for (n, session) in crew.watchers.into_iter().take(args.watchers).enumerate() {
        let (slow, binary) = (n < args.faults.slow, args.binary);
        let screen = watcher::Screen { session, unit_id: crew.unit_id.clone(), slow, binary };
        let run = run.clone();
        let watching = watcher::watch_live(run, screen, dice.fork(50_000_000 + n as u64), stopped.clone());
        watchers.push(tokio::spawn(watching));
    }
    everybody_up(&run, handles.len()).await;
    let connecting = run.stats.take();
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
    tokio::join!(sending, pressing, tokio::time::sleep_until(until.into()));
    let report = run.stats.report();
    drain(&run).await;
    // Nobody hears this only when every terminal has ended already.
    let _ = stop.send(true);
    for watcher in watchers {
        let _ = watcher.await;
    }
    let handles = Arc::into_inner(handles).unwrap_or_default();
    let mut tracks = Vec::with_capacity(handles.len());
    for handle in handles {
        tracks.push(verify::Track { session: handle.session, acked: handle.task.await.unwrap_or_default() });
    }
    let verified = match crew.dispatchers.first() {
        Some(reader) => verify::fixes(reader, &tracks).await?,
        None => json!({"fixes_checked": 0}),
    };
    Ok(conclude(args, &run, &making.report(), &connecting, report, &verified))
}

fn password() -> Result<String> {
    let mut line = String::new();
    std::io::stdin().read_to_string(&mut line)?;
    Ok(line.lines().next().unwrap_or_default().to_owned())
}

/// Wait until every terminal is connected, for a while.
async fn everybody_up(run: &Run, wanted: usize) {
    let limit = Instant::now() + Duration::from_secs(60);
    while Instant::now() < limit && run.stats.measured("connect") < wanted {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Wait for what is still on its way to the devices.
async fn drain(run: &Run) {
    let limit = Instant::now() + DRAIN;
    tokio::time::sleep(Duration::from_secs(3)).await;
    while Instant::now() < limit && run.ledger.outstanding_all() > 0 {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

fn conclude(
    args: &SimulateArgs,
    run: &Run,
    making: &Value,
    connecting: &Value,
    load: Value,
    verified: &Value,
) -> (Value, bool) {
    let mut verification = run.ledger.report();
    if let (Some(all), Some(fixes)) = (verification.as_object_mut(), verified.as_object()) {
        all.extend(fixes.clone());
        for name in ["messages_missing", "messages_doubled"] {
            all.insert(name.to_owned(), json!(run.stats.counted(name)));
        }
    }
    let broken = [
        "assignments_lost",
        "assignments_doubled",
        "fixes_lost",
        "fixes_doubled",
        "messages_missing",
        "messages_doubled",
    ];
    let sound = broken.iter().all(|name| verification.get(*name).and_then(Value::as_u64).unwrap_or_default() == 0);
    let share = load.pointer("/generator/cpu_share_of_one_core").and_then(Value::as_f64).unwrap_or_default();
    let report = json!({
        "event": "simulated",
        "offered": {
            "terminals": args.terminals,
            "watchers": args.watchers,
            "live_frames": if args.binary { "binary" } else { "json" },
            "fix_every_s": args.fix_every,
            "assignments_per_s": args.assignments_per_s,
            "backups_per_s": args.backups_per_s,
            "faults": {"cut": args.faults.cut, "slow": args.faults.slow, "kill": args.faults.kill},
            "duration_s": args.duration,
            "seed": args.seed,
        },
        "login_ms": making.pointer("/latency_ms/login"),
        "connect_ms": connecting.pointer("/latency_ms/connect"),
        "load": load,
        "generator_fair": share <= FAIR_SHARE,
        "verification": verification,
        "sound": sound,
    });
    (report, sound)
}
