//! What is done with uploads: begun, filled, made evidence, joined, ended.
//!
//! | file | what |
//! |---|---|
//! | `create` | a row for a file, a part, or a file of parts |
//! | `append` | opens an upload for the bytes of one request, and hands them over |
//! | `writer` | the task that takes those bytes into the file, whatever becomes of the connection |
//! | `finish` | all bytes are here: compared, adopted, made evidence |
//! | `join` | the job that makes one file of parts |
//! | `end` | given up, expired, swept away |

mod append;
mod create;
mod end;
mod finish;
mod join;
mod writer;

use std::time::Duration;

pub use append::{Ask, Begun, Feed, append};
pub use create::{Creation, create};
pub use end::{expire, terminate};
pub use finish::offset;
pub use join::run_concat;

use super::State;
use super::holds::{Hold, Uploads};
use super::staging::{self, Staged, io_error};
use super::who::Asker;
use crate::duty::evidence::store::uploads::{self as store, UploadRow};
use crate::platform::blobs::Blobs;
use crate::platform::ctx::Core;
use crate::platform::db::Priority;
use crate::platform::disk::blocking;
use crate::words::error::{Code, Error, Result};
use crate::words::ids::UploadId;
use crate::words::time::Timestamp;

/// Seconds for which a staging folder has an upload to itself; every record of progress renews it.
const LEASE_S: i64 = 60;

async fn fetch(core: &Core, id: UploadId) -> Result<UploadRow> {
    core.db.read(move |conn| store::upload_fetch(conn, &id)).await
}

/// An upload of the one who asks that still is something. Errors: `not_found`, also for somebody else's, `gone`.
async fn own(asker: &Asker, id: UploadId) -> Result<UploadRow> {
    let row = fetch(&asker.ctx, id).await?;
    if !asker.owns(&row) {
        return Err(Error::not_found("upload"));
    }
    alive(&row, asker.ctx.clock.now())?;
    Ok(row)
}

/// The right to write an upload that was found, and what it is once the writer before has let go.
///
/// Errors: `not_found`, `gone`, `busy`.
async fn held(core: &Core, seen: &UploadRow) -> Result<(Hold, UploadRow)> {
    let hold = core.part::<Uploads>()?.hold(seen.id).await?;
    let row = fetch(core, seen.id).await?;
    alive(&row, core.clock.now())?;
    Ok((hold, row))
}

/// Errors: `gone` when nothing will come of it any more.
fn alive(row: &UploadRow, now: Timestamp) -> Result<()> {
    let over = !matches!(row.state, State::Done | State::Joined) && row.expires_at <= now;
    if !over && !row.state.is_gone() {
        return Ok(());
    }
    let why = row.failure.clone().unwrap_or_else(|| "the upload has ended".to_owned());
    let state = if over && !row.state.is_gone() { State::Expired } else { row.state };
    Err(Error::new(Code::Gone).detail(why).with("state", state.as_str().into()))
}

/// The same upload, leased to this node. Errors: `busy` while another node has its bytes.
async fn leased(core: &Core, row: UploadRow) -> Result<UploadRow> {
    let node = core.part::<Uploads>()?.node().to_owned();
    let half_over = core.clock.now().plus_secs(LEASE_S / 2);
    if row.node.as_deref() == Some(node.as_str()) && row.lease_until.is_some_and(|until| until > half_over) {
        return Ok(row);
    }
    let id = row.id;
    let taken = core.db.write(Priority::Normal, move |tx| store::lease_take(tx, &id, &node, LEASE_S)).await?;
    taken.ok_or_else(|| Error::busy(2).detail("another node is receiving this upload"))
}

/// Waits for what may take long with a leased upload, which stays leased meanwhile.
async fn leased_while<T>(core: &Core, row: &UploadRow, work: impl Future<Output = Result<T>>) -> Result<T> {
    let mut work = std::pin::pin!(work);
    let mut beat = tokio::time::interval(Duration::from_secs(LEASE_S.unsigned_abs() / 3));
    beat.tick().await;
    loop {
        tokio::select! {
            done = &mut work => return done,
            _ = beat.tick() => {
                let (id, node) = (row.id, core.part::<Uploads>()?.node().to_owned());
                let renewed = core.db.write(Priority::Background, move |tx| store::lease_take(tx, &id, &node, LEASE_S));
                if let Err(error) = renewed.await {
                    tracing::warn!(upload = %id, %error, "a lease could not be renewed");
                }
            }
        }
    }
}

/// The staged file of a leased upload, as far as the row says it is good.
async fn open_staged(core: &Core, row: &mut UploadRow) -> Result<Staged> {
    let path = core.part::<Uploads>()?.path(row.id);
    let looked_at = path.clone();
    let here = blocking(move || staging::length(&looked_at)).await?.map_err(io_error)?;
    let usable = row.synced.min(here.cast_signed());
    let (id, lease_gen) = (row.id, row.lease_gen);
    if usable < row.synced {
        tracing::error!(upload = %id, synced = row.synced, here, "staged bytes are missing; the upload goes back");
        forget_sent(core, id).await?;
        core.db.write(Priority::Normal, move |tx| store::progress_lower(tx, &id, lease_gen, usable)).await?;
        row.synced = usable;
    }
    let known = core.db.read(move |conn| store::piece_last(conn, &id, usable)).await?;
    blocking(move || Staged::open(&path, usable.cast_unsigned(), known.as_ref())).await?.map_err(io_error)
}

/// Forgets what of an upload was sent to a bucket: its bytes may change or go.
async fn forget_sent(core: &Core, id: UploadId) -> Result<()> {
    core.part::<Blobs>()?.forget(&core.part::<Uploads>()?.path(id)).await
}

/// Removes what is staged of these; what cannot be removed now is swept away later.
async fn unstage(core: &Core, ids: Vec<UploadId>) -> Result<()> {
    for id in &ids {
        if let Err(error) = forget_sent(core, *id).await {
            tracing::warn!(upload = %id, %error, "what was sent of an upload could not be forgotten");
        }
    }
    let uploads = core.part::<Uploads>()?.clone();
    blocking(move || {
        for id in ids {
            if let Err(error) = staging::remove(&uploads.path(id)) {
                tracing::warn!(upload = %id, %error, "a staged file could not be removed");
            }
        }
    })
    .await
}
