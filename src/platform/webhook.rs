//! Signed deliveries to other systems: how one is signed, and the one way an ordered feed is pushed to its receiver.
//!
//! In order, one at a time, until the receiver has said 2xx; the position is stored after each, so a restart goes on
//! where it was. The same delivery may arrive twice and has the same id. Each duty that has such a feed implements
//! [`Feed`] over its own tables, and `wiring::tasks` runs it.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use aws_lc_rs::hmac;
use tokio::task::JoinSet;

use crate::platform::ctx::Core;
use crate::platform::db::{Conn, Priority, Tx};
use crate::platform::http::body;
use crate::platform::keys::hex;
use crate::words::error::{Error, Result};
use crate::words::time::{MICROS, Timestamp};

/// Entries read at once for one receiver.
const BATCH: i64 = 100;
/// A node's right to send outlives one call by this, seconds.
const LEASE_SLACK_S: i64 = 5;
/// How often receivers with something to be sent are looked for.
const TURN: Duration = Duration::from_millis(250);
/// Characters of what a receiver is remembered to have said.
const ERROR_MAX: usize = 300;

/// One receiver, and how far it got.
#[derive(Clone, Debug)]
pub struct Outlet {
    /// What its feed calls it: a source, an agency.
    pub key: String,
    pub url: String,
    pub secret_sealed: Vec<u8>,
    pub delivered_seq: i64,
    /// Refusals in a row.
    pub attempts: i32,
}

/// One entry as it leaves.
#[derive(Clone, Debug)]
pub struct Letter {
    pub seq: i64,
    /// Names the delivery, however often it is tried.
    pub delivery: String,
    /// JSON.
    pub body: String,
}

/// How one turn of sending stands.
#[derive(Clone, Debug)]
pub struct Progress {
    pub delivered_seq: i64,
    pub attempts: i32,
    pub next_at: Timestamp,
    pub error: Option<String>,
    /// When the receiver said 2xx, if this tells of that.
    pub ok_at: Option<Timestamp>,
}

/// A family of ordered feeds, each with one receiver.
pub trait Feed: 'static {
    /// Its name in logs and figures.
    const NAME: &'static str;

    /// Receivers that have something to be sent, are not waited for and are in nobody's turn.
    fn due(conn: &mut Conn, now: Timestamp) -> Result<Vec<Outlet>>;

    /// Takes the right to send; the new generation, or none when another node has it.
    fn lease(conn: &mut Conn, key: &str, now: Timestamp, until: Timestamp) -> Result<Option<i64>>;

    /// Entries after `after`, in order.
    fn letters(conn: &mut Conn, key: &str, after: i64, limit: i64) -> Result<Vec<Letter>>;

    /// Writes the position down, and until when the lease is kept; false when it was lost meanwhile.
    fn progress(tx: &mut Tx<'_>, key: &str, lease: i64, progress: &Progress, until: Timestamp) -> Result<bool>;

    /// It was refused so often that a human must look.
    fn refused(tx: &mut Tx<'_>, outlet: &Outlet, seq: i64, attempts: i32) -> Result<()>;
}

/// Pushes every feed of the family, for ever. A receiver that answers slowly keeps nobody else waiting.
pub async fn run<F: Feed>(core: Arc<Core>) {
    let mut turns: JoinSet<Result<()>> = JoinSet::new();
    let mut ticker = tokio::time::interval(TURN);
    ticker.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticker.tick().await;
        while let Some(turn) = turns.try_join_next() {
            let outcome = turn.map_err(Error::internal).flatten();
            failed::<F>(outcome.err());
        }
        let now = core.clock.now();
        match core.db.read(move |conn| F::due(conn, now)).await {
            Ok(due) => due.into_iter().for_each(|outlet| drop(turns.spawn(send::<F>(Arc::clone(&core), outlet)))),
            Err(error) => failed::<F>(Some(error)),
        }
    }
}

fn failed<F: Feed>(error: Option<Error>) {
    if let Some(error) = error {
        metrics::counter!("suixing_task_failures_total", "task" => F::NAME).increment(1);
        tracing::warn!(task = F::NAME, %error, "a turn of sending failed; it is tried again");
    }
}

async fn send<F: Feed>(core: Arc<Core>, outlet: Outlet) -> Result<()> {
    let lease_s = i64::from(core.config.dispatch.webhook_timeout_s) + LEASE_SLACK_S;
    let key = outlet.key.clone();
    let leased = move |tx: &mut Tx<'_>| {
        let now = tx.now;
        F::lease(tx.conn(), &key, now, now.plus_secs(lease_s))
    };
    let Some(lease) = core.db.write(Priority::Background, leased).await? else { return Ok(()) };
    let secret = core.keys.unseal(&outlet.secret_sealed)?;
    let (key, mut delivered, mut attempts) = (outlet.key.clone(), outlet.delivered_seq, outlet.attempts);
    let letters = core.db.read(move |conn| F::letters(conn, &key, delivered, BATCH)).await?;
    for letter in letters {
        let outcome = post(&core, &outlet.url, &secret, &letter).await;
        let now = core.clock.now();
        match outcome {
            Ok(()) => {
                (delivered, attempts) = (letter.seq, 0);
                let progress =
                    Progress { delivered_seq: delivered, attempts, next_at: now, error: None, ok_at: Some(now) };
                if !note::<F>(&core, &outlet, lease, progress, now.plus_secs(lease_s)).await? {
                    return Ok(());
                }
            }
            Err(error) => {
                attempts = attempts.saturating_add(1);
                let wait = backoff_s(attempts, core.config.dispatch.webhook_backoff_max_s);
                let text: String = error.to_string().chars().take(ERROR_MAX).collect();
                tracing::info!(feed = F::NAME, key = outlet.key, seq = letter.seq, attempts, "refused: {text}");
                let next_at = now.plus_secs(wait);
                let progress = Progress { delivered_seq: delivered, attempts, next_at, error: Some(text), ok_at: None };
                note::<F>(&core, &outlet, lease, progress, now).await?;
                if u32::try_from(attempts).is_ok_and(|n| n == core.config.dispatch.webhook_card_after) {
                    let tell = move |tx: &mut Tx<'_>| F::refused(tx, &outlet, letter.seq, attempts);
                    core.db.write(Priority::Background, tell).await?;
                }
                return Ok(());
            }
        }
    }
    let now = core.clock.now();
    let progress = Progress { delivered_seq: delivered, attempts, next_at: now, error: None, ok_at: None };
    note::<F>(&core, &outlet, lease, progress, now).await.map(drop)
}

async fn note<F: Feed>(core: &Core, outlet: &Outlet, lease: i64, progress: Progress, until: Timestamp) -> Result<bool> {
    let key = outlet.key.clone();
    core.db.write(Priority::Background, move |tx| F::progress(tx, &key, lease, &progress, until)).await
}

/// One call. Errors: whatever kept the receiver from saying 2xx.
async fn post(core: &Core, url: &str, secret: &[u8], letter: &Letter) -> Result<()> {
    let timestamp = core.clock.now().as_micros() / MICROS;
    let signature = sign(secret, timestamp, &letter.delivery, letter.body.as_bytes());
    let response = client(core)?
        .post(url)
        .header("content-type", "application/json")
        .header("x-suixing-delivery", &letter.delivery)
        .header("x-suixing-timestamp", timestamp.to_string())
        .header("x-suixing-signature", signature)
        .body(letter.body.clone())
        .send()
        .await
        .map_err(Error::internal)?;
    if response.status().is_success() {
        Ok(())
    } else {
        Err(Error::internal(format!("the receiver answered {}", response.status())))
    }
}

/// One client for all calls to other systems: no redirects, bounded time.
pub fn client(core: &Core) -> Result<&'static reqwest::Client> {
    static CLIENT: OnceLock<reqwest::Client> = OnceLock::new();
    if let Some(client) = CLIENT.get() {
        return Ok(client);
    }
    let made = reqwest::Client::builder()
        .timeout(Duration::from_secs(u64::from(core.config.dispatch.webhook_timeout_s)))
        .connect_timeout(Duration::from_secs(5))
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .build()
        .map_err(Error::internal)?;
    Ok(CLIENT.get_or_init(|| made))
}

/// Checks where something is to be sent, and the secret if one is given. Errors: `invalid_field`.
pub fn check(url: &str, secret: Option<&str>) -> Result<()> {
    body::text("url", url, 8, 500)?;
    let parsed = reqwest::Url::parse(url).map_err(|error| Error::field("url", error))?;
    if !matches!(parsed.scheme(), "http" | "https") || parsed.host_str().is_none() {
        return Err(Error::field("url", "must be http or https"));
    }
    secret.map_or(Ok(()), |secret| body::text("secret", secret, 16, 200))
}

/// `sha256=` and the hex HMAC-SHA256 over `timestamp.delivery.body`.
pub fn sign(secret: &[u8], timestamp: i64, delivery: &str, body: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    let mut context = hmac::Context::with_key(&key);
    context.update(format!("{timestamp}.{delivery}.").as_bytes());
    context.update(body);
    format!("sha256={}", hex(context.sign().as_ref()))
}

/// Seconds until the next try: doubling from 1, bounded.
fn backoff_s(attempts: i32, max: u32) -> i64 {
    let doubled = 1_i64 << attempts.clamp(1, 20).saturating_sub(1);
    doubled.min(i64::from(max)).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_covers_time_delivery_and_body() {
        let sig = sign(b"secret-secret-secret", 1_700_000_000, "110:7", b"{}");
        assert!(sig.starts_with("sha256=") && sig.len() == 71);
        assert_ne!(sig, sign(b"secret-secret-secret", 1_700_000_001, "110:7", b"{}"));
        assert_ne!(sig, sign(b"secret-secret-secret", 1_700_000_000, "110:8", b"{}"));
        assert_ne!(sig, sign(b"secret-secret-secret", 1_700_000_000, "110:7", b"{ }"));
    }

    #[test]
    fn waiting_doubles_up_to_the_bound() {
        assert_eq!([1, 2, 3, 4, 9].map(|n| backoff_s(n, 60)), [1, 2, 4, 8, 60]);
    }
}
