//! Memory of idle connections: each has received 60 KB and sent 60 KB before it falls silent. What ours keeps about
//! people and fixes in any case is there before the first measurement, and as many connections are open already, so that
//! pools, caches and the allocator have grown and the difference is the connections' alone. Counted is memory of the
//! process's own, not the mapped database file.

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _, stream};
use serde_json::{Value, json};
use suixing::wiring::simulate::client::Session;
use suixing::wiring::simulate::crew::Crew;
use tokio::sync::watch;
use tokio_tungstenite::tungstenite::Message;

use crate::Result;
use crate::history;
use crate::http::Conn;
use crate::meter::{Cost, own_bytes, round};
use crate::socket::{self, Link, number_after};
use crate::world::{self, Server, now_us};

/// What each connection receives and sends, bytes.
const TALK: usize = 60 * 1024;
/// Fixes of the batch sent: about as many bytes.
const FIXES: usize = 640;
/// Letters of a description; with the rest of an offer about 4.5 KB.
const DESCRIPTION: usize = 3_900;
/// People of one incident.
const GROUP: usize = 50;
/// Seconds of quiet before memory is read.
const SETTLE: Duration = Duration::from_secs(4);

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Target {
    /// Ours.
    Suixing,
    /// benches/peers/ws_idle.mjs
    Ws,
}

/// `idle`.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    server: Server,
    /// Who is measured.
    #[arg(long)]
    target: Target,
    /// Connections.
    #[arg(long, default_value_t = 1_000)]
    connections: usize,
    /// Where sockets are dialled, when that is not the server itself but a proxy in front of it.
    #[arg(long)]
    socket_url: Option<String>,
    /// Further processes whose memory counts: the proxy's.
    #[arg(long)]
    also_pid: Vec<u32>,
}

/// Bytes per connection.
pub async fn run(args: Args) -> Result<Value> {
    let pid = args.server.server_pid.ok_or("--server-pid is needed")?;
    let (first, begin) = (args.connections, now_us() - 3_600_000_000);
    let mut tokens = vec![String::new(); first + args.connections];
    if args.target == Target::Suixing {
        let crew = world::people(&args.server, tokens.len(), 0).await?;
        tokens = world::bearers(&crew.terminals).await?;
        let mut conn = Conn::open(&args.server.url).await?;
        for (n, token) in tokens.iter().enumerate() {
            let body = format!(r#"{{"fixes":[{}]}}"#, history::body(n, begin, FIXES));
            conn.call("POST", "/positions", token, body.as_bytes()).await?;
        }
        offers(&crew).await?;
    }
    let (over, ends) = watch::channel(false);
    let (root, mut tasks) = (args.socket_url.as_deref().unwrap_or(&args.server.url), Vec::new());
    let also = || args.also_pid.iter().map(|pid| own_bytes(*pid)).sum::<u64>();
    // The first ones pay for threads, pools and caches that any number of connections needs.
    open(args.target, root, &tokens[..first], 0, begin, &ends, &mut tasks).await?;
    tokio::time::sleep(SETTLE).await;
    let (before, also_before, cost) = (own_bytes(pid), also(), Cost::begin(Some(pid)));
    let received = open(args.target, root, &tokens[first..], first, begin, &ends, &mut tasks).await?;
    tokio::time::sleep(SETTLE).await;
    let (after, also_after) = (own_bytes(pid), also());
    let each = |before: u64, after: u64| after.saturating_sub(before) as f64 / 1024.0 / args.connections as f64;
    let mut report = json!({
        "offered": {"connections": args.connections, "first": first, "sent_bytes": TALK},
        "received_bytes_each": received / args.connections,
        "own_before_mib": before >> 20, "own_after_mib": after >> 20,
        "kib_per_connection": round(each(before + also_before, after + also_after), 2),
        "kib_of_server": round(each(before, after), 2), "kib_of_proxy": round(each(also_before, also_after), 2),
    });
    cost.tell(&mut report);
    let _ = over.send(true);
    let mut closed = 0;
    for task in tasks {
        closed += usize::from(!task.await?);
    }
    report["sound"] = json!(closed == 0 && received / args.connections >= TALK);
    Ok(report)
}

/// Opens connections that stay; how many bytes they received together.
async fn open(
    target: Target,
    root: &str,
    tokens: &[String],
    place: usize,
    begin: i64,
    ends: &watch::Receiver<bool>,
    tasks: &mut Vec<tokio::task::JoinHandle<bool>>,
) -> Result<usize> {
    let mut received = 0;
    let mut dialling = stream::iter(tokens.iter().enumerate())
        .map(|(n, token)| talk(target, root, place + n, token, begin))
        .buffer_unordered(16);
    while let Some(talked) = dialling.next().await {
        let (link, heard) = talked?;
        received += heard;
        tasks.push(tokio::task::spawn_local(stay(target, link, ends.clone())));
    }
    Ok(received)
}

/// Sends everybody enough offers for 60 KB, while nobody is connected.
async fn offers(crew: &Crew) -> Result<()> {
    let words = "x".repeat(DESCRIPTION);
    let groups: Vec<&[Session]> = crew.terminals.chunks(GROUP).collect();
    let calls = groups.iter().flat_map(|group| std::iter::repeat_n(*group, TALK / DESCRIPTION + 1));
    let done: Vec<Result<()>> = stream::iter(calls.enumerate())
        .map(|(n, group)| {
            let seat = &crew.dispatchers[n % crew.dispatchers.len()];
            let body = json!({"category": "assistance", "priority": 4, "title": "Load", "description": words,
                "location": {"lon": 119.0, "lat": 31.0}});
            async move {
                let incident = seat.post("/incidents", &body).await?;
                let ids: Vec<&str> = group.iter().map(|session| &*session.person_id).collect();
                let path = format!("/incidents/{}/assignments", incident["id"].as_str().unwrap_or_default());
                seat.post(&path, &json!({"person_ids": ids})).await?;
                Ok(())
            }
        })
        .buffer_unordered(4)
        .collect()
        .await;
    done.into_iter().collect()
}

/// Connects, receives 60 KB, sends 60 KB and has it acknowledged.
async fn talk(target: Target, root: &str, n: usize, token: &str, begin: i64) -> Result<(Link, usize)> {
    if target == Target::Ws {
        let mut link = socket::dial(root, "/", None, socket::QUIET).await?;
        let heard = socket::hear(&mut link, "x").await?.len();
        socket::say(&mut link, "y".repeat(TALK)).await?;
        socket::hear(&mut link, "taken").await?;
        return Ok((link, heard));
    }
    let mut link = socket::dial_ours(root, token, "suixing.v1.json", socket::QUIET).await?;
    let mut heard = 0;
    while heard < TALK {
        let next = tokio::time::timeout(Duration::from_secs(20), socket::hear(&mut link, "\"type\":\"message\""));
        let text = next.await.map_err(|_late| format!("only {heard} bytes of replay came"))??;
        heard += text.len();
        let seq = number_after(&text, "\"seq\":").unwrap_or_default();
        socket::say(&mut link, format!(r#"{{"type":"ack","seq":{seq}}}"#)).await?;
    }
    let batch = history::body(n, begin, FIXES);
    socket::say(&mut link, format!(r#"{{"type":"fixes","n":1,"fixes":[{batch}]}}"#)).await?;
    socket::hear(&mut link, "\"type\":\"fixes_ack\"").await?;
    Ok((link, heard))
}

/// Stays connected until told; false if the server ended it.
async fn stay(target: Target, mut link: Link, mut ends: watch::Receiver<bool>) -> bool {
    let mut beat = tokio::time::interval(socket::BEAT);
    loop {
        tokio::select! {
            _ = ends.changed() => return true,
            _ = beat.tick(), if target == Target::Suixing => {
                if link.send(Message::text(r#"{"type":"ping"}"#)).await.is_err() {
                    return false;
                }
            }
            heard = link.next() => if !matches!(heard, Some(Ok(_))) {
                return false;
            },
        }
    }
}
