//! Periodic duties of signing in: hearing of revocations, loading and rotating keys, trimming.

use std::time::Duration;

use crate::duty::officers::auth::jwt::key_generate;
use crate::duty::officers::auth::{Auth, AuthChange};
use crate::duty::officers::store;
use crate::platform::ctx::Core;
use crate::platform::db::{Backend, Priority};
use crate::words::error::Result;
use crate::words::time::Timestamp;

/// Seconds after which a successor is made: a week.
const ROTATE_AFTER_S: i64 = 7 * 86_400;
/// Seconds a new key is published before it signs, so that every node and client has it.
const PUBLISH_AHEAD_S: i64 = 600;
/// Seconds a predecessor verifies after its successor signs, beyond a token's life.
const OVERLAP_S: i64 = 600;
/// How far back each poll of the notices looks: covers clock differences and slow commits.
const LOOK_BACK_S: i64 = 30;
/// How far back the first poll looks: longer than an access token lives.
const FIRST_LOOK_S: i64 = 3_600;
/// How long a poll may take before it is asked whether the database is there at all.
const NEWS_LATE: Duration = Duration::from_millis(700);
/// Seconds a notice is kept.
const NOTICES_KEPT_S: i64 = 2 * 3_600;

/// Reads the notices of other nodes and forgets what they say. Every 300 ms on PostgreSQL; on
/// SQLite there is no other node, and one look at start suffices.
pub async fn changes_poll(core: &Core) -> Result<()> {
    let auth = core.part::<Auth>()?.clone();
    let polled = auth.polled_at();
    if core.db.backend() == Backend::Sqlite && polled.is_some() {
        return Ok(());
    }
    let now = core.clock.now();
    let look = if polled.is_some() { LOOK_BACK_S } else { FIRST_LOOK_S };
    let mut read = std::pin::pin!(core.db.read(move |conn| store::auth_changes_since(conn, now.plus_secs(-look))));
    let rows = match tokio::time::timeout(NEWS_LATE, &mut read).await {
        Ok(rows) => rows,
        Err(_late) => {
            // Slow is one thing; without a single connection nothing will be heard however long it takes.
            if core.db.is_cut_off() {
                auth.unheard();
            }
            read.await
        }
    };
    let rows = rows.inspect_err(|_unreachable| auth.unheard())?;
    for row in rows {
        let change = AuthChange::from_row(&row.kind, &row.subject);
        let fresh = match change {
            AuthChange::SessionEnded(session) => !auth.has_ended(&session),
            // Facts are cheap to reload; only those since the last poll matter.
            AuthChange::PersonChanged(_) | AuthChange::UnitsChanged => {
                polled.is_none_or(|at| row.at.plus_secs(LOOK_BACK_S / 6) >= at)
            }
        };
        if fresh {
            auth.apply(change, now);
        }
    }
    auth.polled(now);
    Ok(())
}

/// Loads the signing keys into the ring.
pub async fn keys_load(core: &Core, auth: &Auth) -> Result<()> {
    let now = core.clock.now();
    let rows = core.db.read(move |conn| store::signing_keys_valid(conn, now)).await?;
    auth.ring().load(&rows, &core.keys)
}

/// Makes the first key at once and a successor in time; retires and purges old ones.
pub async fn keys_rotate(core: &Core) -> Result<()> {
    let auth = core.part::<Auth>()?.clone();
    keys_load(core, &auth).await?;
    let now = core.clock.now();
    let signs_from = match auth.ring().newest_from() {
        None => now,
        Some(newest) if newest.plus_secs(ROTATE_AFTER_S) <= now => now.plus_secs(PUBLISH_AHEAD_S),
        Some(_) => return Ok(()),
    };
    key_add(core, signs_from).await?;
    keys_load(core, &auth).await
}

/// Adds a key that signs from `signs_from` unless another node was faster.
async fn key_add(core: &Core, signs_from: Timestamp) -> Result<()> {
    let now = core.clock.now();
    let row = key_generate(&core.keys, signs_from, now)?;
    let overlap = core.config.auth.access_ttl_s.saturating_add(OVERLAP_S);
    core.db
        .write(Priority::Normal, move |tx| {
            let valid = store::signing_keys_valid(tx.conn(), now)?;
            if valid.iter().any(|k| k.signs_from.plus_secs(ROTATE_AFTER_S) > now) {
                return Ok(());
            }
            store::signing_keys_retire(tx.conn(), signs_from, signs_from.plus_secs(overlap))?;
            store::signing_key_insert(tx.conn(), &row)?;
            store::signing_keys_purge(tx.conn(), now.plus_secs(-ROTATE_AFTER_S)).map(drop)
        })
        .await
}

/// Trims memory and spent rows. Every minute.
pub async fn trim(core: &Core) -> Result<()> {
    let now = core.clock.now();
    core.part::<Auth>()?.trim(now);
    core.db
        .write(Priority::Background, move |tx| {
            let at = tx.now;
            store::auth_purge(tx.conn(), at.plus_secs(-3_600), at.plus_secs(-NOTICES_KEPT_S)).map(drop)
        })
        .await
}

/// What must be there before the first request: keys, and which sessions have ended.
pub async fn prepare(core: &Core) -> Result<()> {
    keys_rotate(core).await?;
    changes_poll(core).await
}
