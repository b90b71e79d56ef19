//! From revoked to dead: people who are connected are signed out by each of the ways there are, on a fixed schedule, and
//! the time counts from the moment the call was due until the socket is closed, and until the token is refused on REST.

use std::time::{Duration, Instant};

use futures_util::{StreamExt as _, stream};
use reqwest::Method;
use serde_json::{Value, json};
use suixing::wiring::simulate::client::{Api, Session, Trouble};
use tokio_tungstenite::tungstenite::Message;

use crate::Result;
use crate::meter::{Cost, Latencies};
use crate::socket::{self, Link};
use crate::world::{self, Server};

/// How a session can be ended.
const WAYS: [&str; 4] = ["log-out", "device revoked", "person disabled", "new password"];
/// After this a session counts as still alive.
const LIMIT: Duration = Duration::from_secs(10);
/// How often the token is tried.
const TRY_EVERY: Duration = Duration::from_millis(20);

/// `revoke`.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    server: Server,
    /// Connected people who stay.
    #[arg(long, default_value_t = 1_000)]
    staying: usize,
    /// People signed out, a quarter by each way.
    #[arg(long, default_value_t = 200)]
    revoked: usize,
    /// How many of them a second.
    #[arg(long, default_value_t = 20.0)]
    rate: f64,
}

/// One run.
pub async fn run(args: Args) -> Result<Value> {
    let crew = world::people(&args.server, args.staying + args.revoked, 0).await?;
    let url = args.server.url.as_str();
    let mut links: Vec<(usize, Link)> = Vec::new();
    let mut dialling = stream::iter(crew.terminals.iter().enumerate())
        .map(|(n, session)| async move {
            let bearer = session.bearer().await?;
            Result::Ok((n, socket::dial_ours(url, &bearer, "suixing.v1.json", socket::QUIET).await?))
        })
        .buffer_unordered(16);
    while let Some(dialled) = dialling.next().await {
        links.push(dialled?);
    }
    drop(dialling);
    let admin = world::administrator(&args.server).await?;
    let (leaving, staying): (Vec<_>, Vec<_>) = links.into_iter().partition(|(n, _)| *n < args.revoked);
    let kept: Vec<_> = staying.into_iter().map(|(_, link)| tokio::task::spawn_local(hear_end(link))).collect();
    let (begun, cost) = (Instant::now() + Duration::from_millis(500), Cost::begin(args.server.server_pid));
    let mut tasks = Vec::new();
    for (n, link) in leaving {
        let due = begun + Duration::from_secs_f64(n as f64 / args.rate);
        let (session, admin) = (crew.terminals[n].clone(), admin.clone());
        let closed = tokio::task::spawn_local(hear_end(link));
        tasks.push(tokio::task::spawn_local(async move {
            tokio::time::sleep_until(due.into()).await;
            let bearer = session.bearer().await.unwrap();
            end(n, &session, &admin, &bearer).await.unwrap();
            let refused = refused(session.api(), &bearer).await;
            let closed = tokio::time::timeout(LIMIT, closed).await.ok().and_then(std::result::Result::ok);
            (n, closed.map(|(at, code)| (at - due, code)), refused.map(|at| at - due))
        }));
    }
    let (mut to_closed, mut to_refused, mut alive, mut codes) =
        (Latencies::default(), Latencies::default(), 0, std::collections::BTreeMap::<String, u32>::new());
    for task in tasks {
        let (n, closed, refused) = task.await?;
        if let (Some((closed, code)), Some(refused)) = (closed, refused) {
            to_closed.took(closed);
            to_refused.took(refused);
            *codes.entry(format!("{} {code}", WAYS[n % WAYS.len()])).or_default() += 1;
        } else {
            alive += 1;
        }
    }
    let wrongly_ended = kept.iter().filter(|task| task.is_finished()).count();
    kept.iter().for_each(tokio::task::JoinHandle::abort);
    let mut report = json!({
        "offered": {"connected": args.staying + args.revoked, "revoked": args.revoked, "per_s": args.rate},
        "closed_ms": to_closed.report(), "refused_ms": to_refused.report(), "close_codes": codes,
        "still_alive": alive, "ended_without_reason": wrongly_ended,
        "sound": alive == 0 && wrongly_ended == 0,
    });
    cost.tell(&mut report);
    Ok(report)
}

/// Ends a session by one of the ways, in turn.
async fn end(n: usize, session: &Session, admin: &Session, bearer: &str) -> std::result::Result<(), Trouble> {
    let nothing = json!({});
    match WAYS[n % WAYS.len()] {
        "log-out" => session.api().bearer_call(Method::POST, "/auth/logout", bearer, &nothing).await.map(drop),
        "device revoked" => admin.post(&format!("/devices/{}/revoke", session.device_id), &nothing).await.map(drop),
        "person disabled" => admin.post(&format!("/people/{}/disable", session.person_id), &nothing).await.map(drop),
        _ => {
            let body = json!({"password": "another-load-password"});
            admin.put(&format!("/people/{}/password", session.person_id), &body).await.map(drop)
        }
    }
}

/// When the token was refused first.
async fn refused(api: &Api, bearer: &str) -> Option<Instant> {
    let begun = Instant::now();
    while begun.elapsed() < LIMIT {
        match api.bearer_call(Method::GET, "/me", bearer, &Value::Null).await {
            Err(Trouble::Refused { status: 401, .. }) => return Some(Instant::now()),
            _ => tokio::time::sleep(TRY_EVERY).await,
        }
    }
    None
}

/// Reads until the server ends the socket: when, and with which code.
async fn hear_end(mut link: Link) -> (Instant, u16) {
    let mut beat = tokio::time::interval(socket::BEAT);
    loop {
        tokio::select! {
            _ = beat.tick() => {
                if socket::say(&mut link, r#"{"type":"ping"}"#.to_owned()).await.is_err() {
                    return (Instant::now(), 0);
                }
            }
            heard = link.next() => match heard {
                Some(Ok(Message::Close(frame))) => return (Instant::now(), frame.map_or(0, |frame| frame.code.into())),
                Some(Ok(_)) => {}
                _ => return (Instant::now(), 0),
            },
        }
    }
}
