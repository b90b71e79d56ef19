//! Uploads that come to nothing: given up, expired, refused; and what a kill left of others.

use std::path::Path;
use std::sync::Arc;

use super::super::State;
use super::super::holds::Uploads;
use super::super::staging::io_error;
use super::super::who::Asker;
use super::finish::settled;
use super::{fetch, held, own, unstage};
use crate::duty::evidence::store::uploads::{self as store, UploadRow};
use crate::platform::blobs;
use crate::platform::ctx::Core;
use crate::platform::db::Priority;
use crate::platform::disk::blocking;
use crate::words::error::{Code, Error, Result};
use crate::words::ids::UploadId;

/// Uploads looked at in one round; the rest wait for the next.
const ROUND: i64 = 200;
/// Ids of one question to the database.
const ASKED: usize = 500;
/// Days after its expiry for which an ended upload still says what became of it.
const REMEMBERED_DAYS: i64 = 30;

/// Gives an upload up; whoever writes it is stopped first.
///
/// Errors: `not_found`, `gone`, `conflict` once it is evidence or belongs to a file that is being joined.
pub async fn terminate(asker: &Asker, id: UploadId) -> Result<()> {
    let core = &asker.ctx.core;
    let seen = own(asker, id).await?;
    let (_hold, row) = held(core, &seen).await?;
    match row.state {
        State::Done => Err(Error::conflict("it is evidence now, which is not ended by its maker")),
        State::Joined => Err(Error::conflict("it belongs to a file that is being joined; end that one")),
        _ => end(core, &row, State::Terminated, "given up by the client".to_owned()).await,
    }
}

/// Ends an upload as it was seen, with the parts of its file. The row first: what a kill leaves of the bytes is swept
/// away later, bytes that a row promises must be there.
pub(super) async fn end(core: &Core, row: &UploadRow, to: State, why: String) -> Result<()> {
    let (id, from) = (row.id, row.state);
    let mut ids = if row.is_final() { row.parts()? } else { Vec::new() };
    let parts = ids.clone();
    let ended = core
        .db
        .write(Priority::Normal, move |tx| {
            let ended = store::upload_end(tx, &id, from, to, Some(&why))?;
            if ended && !parts.is_empty() {
                store::parts_end(tx, &parts, to)?;
            }
            Ok(ended)
        })
        .await?;
    if !ended {
        return Ok(());
    }
    ids.push(id);
    unstage(core, ids).await
}

/// The periodic duty: ends what has expired, does what a kill left undone, removes files nobody needs, forgets.
pub async fn expire(core: Arc<Core>) -> Result<()> {
    let now = core.clock.now();
    for row in core.db.read(move |conn| store::uploads_expired(conn, now, ROUND)).await? {
        if let Err(error) = expire_one(&core, row.id).await {
            tracing::warn!(upload = %row.id, %error, "an upload could not be ended; it is tried again");
        }
    }
    for row in core.db.read(move |conn| store::uploads_owed(conn, now, ROUND)).await? {
        match settle_one(&core, row.id).await {
            // The others would wait for the same bucket, one after the other.
            Err(error) if blobs::is_unreachable(&error) => break,
            Err(error) if ![Code::ChecksumMismatch, Code::Erased].contains(&error.code()) => {
                tracing::warn!(upload = %row.id, %error, "a whole upload could not be finished; it is tried again");
            }
            _ => {}
        }
    }
    core.db
        .write(Priority::Background, move |tx| {
            let before = tx.now.plus_secs(-REMEMBERED_DAYS * 86_400);
            store::uploads_purge(tx, before)
        })
        .await?;
    sweep(&core).await
}

async fn expire_one(core: &Core, id: UploadId) -> Result<()> {
    let _hold = core.part::<Uploads>()?.hold(id).await?;
    let row = fetch(core, id).await?;
    let waits = matches!(row.state, State::Receiving | State::Whole | State::Verifying);
    if !waits || row.expires_at > core.clock.now() {
        return Ok(());
    }
    end(core, &row, State::Expired, "nothing came for too long".to_owned()).await
}

async fn settle_one(core: &Arc<Core>, id: UploadId) -> Result<()> {
    let hold = core.part::<Uploads>()?.hold(id).await?;
    let row = fetch(core, id).await?;
    settled(core, &hold, row).await.map(drop)
}

/// Removes staged files of uploads that have ended. Files that are nobody's upload are somebody else's.
async fn sweep(core: &Core) -> Result<()> {
    let folder = core.part::<Uploads>()?.staging();
    let staged = blocking(move || staged_ids(&folder)).await?.map_err(io_error)?;
    for some in staged.chunks(ASKED) {
        let asked = some.to_vec();
        let over = core.db.read(move |conn| store::uploads_over(conn, &asked)).await?;
        unstage(core, over).await?;
    }
    Ok(())
}

fn staged_ids(folder: &Path) -> std::io::Result<Vec<UploadId>> {
    let mut ids = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        if let Some(id) = entry?.file_name().to_str().and_then(|name| name.parse().ok()) {
            ids.push(id);
        }
    }
    Ok(ids)
}
