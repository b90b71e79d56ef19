//! Durable ingest: fixes that the server says are stored.
//!
//! `--window` alone is a closed loop that looks for the highest throughput: each connection keeps so many messages
//! unacknowledged. With `--rate` the schedule is fixed and does not wait: a latency counts from when its message was
//! due. Throughput may need the generator's whole core; a latency taken so is void.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::fmt::Write as _;
use std::rc::Rc;
use std::time::{Duration, Instant};

use futures_util::{SinkExt as _, StreamExt as _, stream};
use serde_json::{Value, json};
use suixing::wiring::simulate::client::{Session, text};
use tokio_tungstenite::tungstenite::Message;

use crate::Result;
use crate::history;
use crate::http::Conn;
use crate::meter::{Cost, Latencies, round};
use crate::socket::{self, Link, number_after};
use crate::world::{self, Server, now_us, stamp};

/// Where tracks that are brought later begin: a second a fix, they must not run past now, nor begin where tracks are
/// dropped (90 days). 80 days are 345,000 fixes a second and connection for 20 seconds.
const AGO_US: i64 = 80 * 86_400_000_000;
/// Of a track in one answer: the server gives 31 days at most.
const READ_US: i64 = 30 * 86_400_000_000;
/// Tracks that are read back and compared with what was acknowledged.
const CHECKED: usize = 8;
/// Once so many fixes were compared, no further track is read.
const CHECKED_FIXES: u64 = 300_000;
/// How long is waited at the end for acknowledgements.
const DRAIN: Duration = Duration::from_secs(10);

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Way {
    /// `fixes` messages over WebSocket.
    Socket,
    /// `POST /positions`.
    Post,
}

/// `ingest`.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    server: Server,
    /// How fixes travel.
    #[arg(long, default_value = "socket")]
    way: Way,
    /// Connections, each of its own terminal.
    #[arg(long, default_value_t = 1_000)]
    connections: usize,
    /// Fixes of one message.
    #[arg(long, default_value_t = 1)]
    batch: usize,
    /// Messages of one connection that may be unacknowledged (closed loop).
    #[arg(long, default_value_t = 16)]
    window: usize,
    /// Messages per second altogether, on a fixed schedule (open loop).
    #[arg(long)]
    rate: Option<f64>,
    /// Messages handed to the kernel in one write, all due at the same moment (open loop).
    #[arg(long, default_value_t = 1)]
    per_write: usize,
    /// Seconds.
    #[arg(long, default_value_t = 10.0)]
    seconds: f64,
}

struct Field {
    batch: usize,
    window: usize,
    rate: Option<f64>,
    per_write: usize,
    connections: usize,
    start: Instant,
    until: Instant,
    acked: Cell<u64>,
    acked_in_time: Cell<u64>,
    rejected: Cell<u64>,
    latencies: RefCell<Latencies>,
}

impl Field {
    fn settled(&self, fixes: u64, due: Instant) {
        self.acked.set(self.acked.get() + fixes);
        if Instant::now() <= self.until {
            self.acked_in_time.set(self.acked_in_time.get() + fixes);
        }
        self.latencies.borrow_mut().since(due);
    }
}

/// One run.
pub async fn run(args: Args) -> Result<Value> {
    let crew = world::people(&args.server, args.connections, 0).await?;
    let tokens = world::bearers(&crew.terminals).await?;
    let url = args.server.url.as_str();
    let mut links = Vec::new();
    if args.way == Way::Socket {
        let mut dialling = stream::iter(tokens.iter().enumerate())
            .map(|(n, token)| async move {
                socket::dial_ours(url, token, "suixing.v1.json", socket::QUIET).await.map(|link| (n, link))
            })
            .buffer_unordered(32);
        while let Some(dialled) = dialling.next().await {
            links.push(dialled?);
        }
    }
    let (start, cost) = (Instant::now(), Cost::begin(args.server.server_pid));
    let field = Rc::new(Field {
        batch: args.batch,
        window: args.window,
        rate: args.rate,
        per_write: args.per_write.max(1),
        connections: args.connections,
        start,
        until: start + Duration::from_secs_f64(args.seconds),
        acked: Cell::default(),
        acked_in_time: Cell::default(),
        rejected: Cell::default(),
        latencies: RefCell::default(),
    });
    let mut tasks = Vec::new();
    for (n, link) in links {
        let field = Rc::clone(&field);
        tasks.push(tokio::task::spawn_local(async move { (n, Terminal::new(field, n).send(link).await) }));
    }
    if args.way == Way::Post {
        for (n, token) in tokens.iter().cloned().enumerate() {
            let (field, url) = (Rc::clone(&field), url.to_owned());
            tasks.push(tokio::task::spawn_local(async move { (n, post(&field, n, &url, &token).await.unwrap()) }));
        }
    }
    let mut acked_of = vec![0; args.connections];
    for task in tasks {
        let (n, acked) = task.await?;
        acked_of[n] = acked;
    }
    let mut report = json!({
        "offered": {
            "way": if args.way == Way::Post { "POST" } else { "socket" }, "connections": args.connections,
            "batch": args.batch, "rate": args.rate, "seconds": args.seconds,
            "window": if args.rate.is_some() { None } else { Some(if args.way == Way::Post { 1 } else { args.window }) },
            "per_write": args.per_write,
        },
        "fixes_per_s": round(field.acked_in_time.get() as f64 / args.seconds, 0),
        "ack_ms": field.latencies.borrow_mut().report(),
        "acked": field.acked.get(), "rejected": field.rejected.get(),
    });
    cost.tell(&mut report);
    let (checked, lost) = verify(&crew.dispatchers[0], &crew.terminals, &acked_of).await?;
    report["checked"] = json!(checked);
    report["lost_of_checked"] = json!(lost);
    report["sound"] = json!(lost == 0 && field.rejected.get() == 0 && field.acked.get() > 0);
    Ok(report)
}

/// Reads some tracks back: how many fixes were compared, how many acknowledged ones are not there exactly once.
async fn verify(reader: &Session, terminals: &[Session], acked_of: &[u64]) -> Result<(u64, u64)> {
    let (mut checked, mut wrong) = (0, 0);
    let (begin, end) = (now_us() - AGO_US - 86_400_000_000, now_us() + 60_000_000);
    let step = (terminals.len() / CHECKED).max(1);
    for (session, acked) in terminals.iter().zip(acked_of).step_by(step) {
        if checked > CHECKED_FIXES {
            break;
        }
        let (mut from_us, mut times) = (begin, Vec::new());
        while from_us < end {
            let (mut from, to) = (stamp(from_us).to_string(), stamp(end.min(from_us + READ_US) - 1));
            loop {
                let track = reader.get(&format!("/people/{}/track?from={from}&to={to}", session.person_id)).await?;
                times.extend(track["fixes"].as_array().into_iter().flatten().map(|fix| text(fix, "at").to_owned()));
                match track["next_from"].as_str() {
                    Some(next) => from = next.to_owned(),
                    None => break,
                }
            }
            from_us += READ_US;
        }
        let found = times.len();
        times.sort_unstable();
        times.dedup();
        checked += acked;
        wrong += acked.abs_diff(times.len() as u64) + (found - times.len()) as u64;
    }
    Ok((checked, wrong))
}

/// One connection.
struct Terminal {
    field: Rc<Field>,
    place: usize,
    n: u64,
    acked: u64,
    newest_us: i64,
    in_flight: VecDeque<(u64, Instant)>,
}

impl Terminal {
    fn new(field: Rc<Field>, place: usize) -> Self {
        // A batch brings what was kept while away, so it lies in the past; single fixes are of now.
        let newest_us = if field.batch > 1 { now_us() - AGO_US } else { 0 };
        Self { field, place, n: 0, acked: 0, newest_us, in_flight: VecDeque::new() }
    }

    async fn send(mut self, mut link: Link) -> u64 {
        let field = Rc::clone(&self.field);
        let every = field.rate.map(|rate| (field.per_write * field.connections) as f64 / rate);
        let mut turn = 0_u32;
        loop {
            let now = Instant::now();
            if now >= field.until + DRAIN || (now >= field.until && self.in_flight.is_empty()) {
                return self.acked;
            }
            let due = every.map(|every| {
                let turns = f64::from(turn) + self.place as f64 / field.connections as f64;
                field.start + Duration::from_secs_f64(turns * every)
            });
            let due = due.filter(|due| *due < field.until);
            if every.is_none() && now < field.until && self.in_flight.len() < field.window {
                while self.in_flight.len() < field.window {
                    link.feed(self.message(Instant::now())).await.unwrap();
                }
                link.flush().await.unwrap();
            }
            let wake =
                due.unwrap_or(field.until).max(if due.is_none() && now >= field.until { now + DRAIN } else { now });
            tokio::select! {
                heard = link.next() => match heard {
                    Some(Ok(Message::Text(text))) => self.heard(&text),
                    Some(Ok(_)) => {}
                    other => panic!("the server ended the connection: {other:?}"),
                },
                () = tokio::time::sleep_until(wake.into()) => if let Some(due) = due {
                    turn += 1;
                    for _ in 0..field.per_write {
                        link.feed(self.message(due)).await.unwrap();
                    }
                    link.flush().await.unwrap();
                },
            }
        }
    }

    fn message(&mut self, due: Instant) -> Message {
        self.n += 1;
        self.in_flight.push_back((self.n, due));
        let mut text = String::with_capacity(40 + self.field.batch * 110);
        write!(text, r#"{{"type":"fixes","n":{},"fixes":["#, self.n).unwrap();
        if self.field.batch == 1 {
            self.newest_us = now_us().max(self.newest_us + 1);
            let (lon, lat) = (119.0 + (self.place % 4_000) as f64 * 1e-4, 31.0 + self.n as f64 * 1e-7);
            let at = stamp(self.newest_us);
            let fix = format_args!(r#"{{"at":"{at}","lon":{lon:.4},"lat":{lat:.7},"accuracy_m":6,"speed_mps":2.2}}"#)
                .to_string();
            text.push_str(&fix);
        } else {
            text.push_str(&history::body(self.place, self.newest_us, self.field.batch));
            self.newest_us += self.field.batch as i64 * 1_000_000;
        }
        text.push_str("]}");
        Message::text(text)
    }

    fn heard(&mut self, text: &str) {
        if !text.starts_with(r#"{"type":"fixes_ack""#) {
            assert!(!text.contains(r#""type":"error""#), "{text}");
            return;
        }
        let up_to = number_after(text, "\"up_to\":").unwrap_or_default();
        let refused = text.matches("\"index\":").count() as u64;
        self.field.rejected.set(self.field.rejected.get() + refused);
        while let Some((n, due)) = self.in_flight.front().copied().filter(|(n, _)| *n <= up_to) {
            debug_assert!(n > 0);
            self.in_flight.pop_front();
            self.acked += self.field.batch as u64;
            self.field.settled(self.field.batch as u64, due);
        }
    }
}

/// One keep-alive connection that always has one call open.
async fn post(field: &Field, place: usize, url: &str, token: &str) -> Result<u64> {
    let mut conn = Conn::open(url).await?;
    let (mut acked, mut begin) = (0, now_us() - AGO_US);
    while Instant::now() < field.until {
        let body = format!(r#"{{"fixes":[{}]}}"#, history::body(place, begin, field.batch));
        begin += field.batch as i64 * 1_000_000;
        let asked = Instant::now();
        let answer: Value = serde_json::from_slice(conn.call("POST", "/positions", token, body.as_bytes()).await?)?;
        let stored = answer["stored"].as_u64().unwrap_or_default();
        field.rejected.set(field.rejected.get() + (field.batch as u64 - stored));
        acked += stored;
        field.settled(stored, asked);
    }
    Ok(acked)
}
