//! All bytes of a file are here: its hash is compared, its bytes are adopted, it becomes evidence.
//!
//! Every step can be done again after a kill: adopting finds the file adopted, the item has its id from its content,
//! the row says at last what became of it. Until then whoever asks for the offset goes on with it, or the next round of
//! `expire`. So it is, too, when a bucket was away: nothing is said before it has the whole file, and what is staged
//! stays until the row has said so.

use std::sync::Arc;

use super::super::State;
use super::super::hash::WholeHash;
use super::super::holds::{Hold, Uploads};
use super::super::metadata::{Described, Metadata};
use super::super::who::Asker;
use super::end::end;
use super::{held, leased, leased_while, open_staged, own, unstage};
use crate::duty::evidence::keeping::erase::tombstone;
use crate::duty::evidence::keeping::{Bytes, redact};
use crate::duty::evidence::recordings::service as recordings;
use crate::duty::evidence::recordings::store::RecordingRow;
use crate::duty::evidence::service::{Arrived, complete};
use crate::duty::evidence::store::evidence_fetch;
use crate::duty::evidence::store::uploads::{self as store, UploadRow};
use crate::duty::officers::auth::actor_of;
use crate::duty::officers::store as officers;
use crate::platform::blobs::Blobs;
use crate::platform::ctx::{Core, Ctx};
use crate::platform::db::{Conn, Priority};
use crate::platform::disk::blocking;
use crate::platform::policy::Actor;
use crate::words::error::{Code, Error, Result};
use crate::words::ids::{RecordingId, UploadId};

/// How far an upload is, for whoever goes on with it. One who asks has lost his connection, so whatever still writes is
/// stopped and what it has is counted.
///
/// Errors: `not_found`, `gone`, `busy`, `checksum_mismatch`.
pub async fn offset(asker: &Asker, id: UploadId) -> Result<UploadRow> {
    let seen = own(asker, id).await?;
    if seen.state != State::Receiving {
        return Ok(seen);
    }
    let core = &asker.ctx.core;
    let (hold, row) = held(core, &seen).await?;
    settled(core, &hold, row).await
}

/// Does what is owed to an upload that has all its bytes; every other is answered as it is. The hold is the caller's.
pub(super) async fn settled(core: &Arc<Core>, _hold: &Hold, row: UploadRow) -> Result<UploadRow> {
    if row.state != State::Receiving || !row.is_full() {
        return Ok(row);
    }
    if row.is_partial() {
        let id = row.id;
        core.db.write(Priority::Normal, move |tx| store::part_whole(tx, &id)).await?;
        return Ok(UploadRow { state: State::Whole, ..row });
    }
    let mut row = leased(core, row).await?;
    match whole_hash(core, &mut row).await? {
        Some(sha256) => finish(core, row, sha256).await,
        None => Ok(row),
    }
}

/// The hash of a file that has all its bytes; `None` when some are no longer here, and the row says so.
async fn whole_hash(core: &Arc<Core>, row: &mut UploadRow) -> Result<Option<String>> {
    let (id, length) = (row.id, row.length);
    let last = core.db.read(move |conn| store::piece_last(conn, &id, length)).await?;
    let last = last.filter(|piece| piece.to_byte == length);
    let known = last.and_then(|piece| WholeHash::restore(&piece.state)).map(|hash| hash.hex());
    if let Some(sha256) = known {
        // Adopted before the kill: the staged file has moved.
        let (path, blobs) = (core.part::<Uploads>()?.path(id), core.part::<Blobs>()?.clone());
        let key = sha256.clone();
        if blocking(move || Ok::<_, Error>(!path.exists() && blobs.has(&key)?)).await?? {
            return Ok(Some(sha256));
        }
    }
    let staged = open_staged(core, row).await?;
    Ok(row.is_full().then(|| staged.hex()))
}

/// Makes evidence of a whole file, or ends the upload when its hash is not the declared one.
///
/// Errors: `checksum_mismatch`; after any other, as `busy` while a bucket is away, it can be tried again.
pub(super) async fn finish(core: &Arc<Core>, row: UploadRow, sha256: String) -> Result<UploadRow> {
    let described = Described::read(&Metadata::parse(&row.metadata)?)?;
    let recording = announced(core, &row, &described).await?;
    // What the camera named binds like what the client declares.
    let expected = [described.sha256.as_ref(), recording.as_ref().map(|recording| &recording.sha256)];
    if let Some(declared) = expected.into_iter().flatten().find(|declared| **declared != sha256) {
        let why = format!("the bytes that arrived have the SHA-256 {sha256}, declared was {declared}");
        tracing::warn!(upload = %row.id, %why, "an upload is refused");
        if let Some(recording) = &recording {
            recordings::differs(core, recording.id, "delivered", &sha256, row.length, row.device_id).await?;
        }
        end(core, &row, State::Failed, why.clone()).await?;
        return Err(Error::new(Code::ChecksumMismatch).detail(why));
    }
    if let Some(original) = described.redacts {
        let original = core.db.read(move |conn| evidence_fetch(conn, &original)).await?;
        if let Err(error) = redact::differs(&original, &sha256) {
            end(core, &row, State::Failed, error.detail_text().to_owned()).await?;
            return Err(Error::new(Code::ChecksumMismatch).detail(error.detail_text().to_owned()));
        }
    }
    let (path, blobs) = (core.part::<Uploads>()?.path(row.id), core.part::<Blobs>()?.clone());
    // Until the row is there nobody removes the same bytes.
    let storing = core.part::<Bytes>()?.shared(&sha256).await;
    leased_while(core, &row, blobs.take_in(&path, &sha256)).await?;
    let ended = row.clone();
    let actor = core.db.read(move |conn| owner(conn, &ended)).await?;
    let arrived = arrived(&row, described, &sha256, recording.map(|recording| recording.id));
    let completed = complete(&Ctx::new(Arc::clone(core), actor), arrived).await?;
    drop(storing);
    let evidence = completed.id;
    if completed.erased {
        end(core, &row, State::Failed, "the same was lawfully deleted".to_owned()).await?;
        return Err(core.db.read(move |conn| tombstone(conn, &evidence)).await?);
    }
    let parts = if row.is_final() { row.parts()? } else { Vec::new() };
    let (id, of_file, hash) = (row.id, parts.clone(), sha256.clone());
    core.db
        .write(Priority::Normal, move |tx| {
            store::upload_done(tx, &id, &evidence, &hash)?;
            if of_file.is_empty() { Ok(()) } else { store::parts_end(tx, &of_file, State::Done) }
        })
        .await?;
    // Of a file whose bytes went to a bucket the staged ones are left.
    unstage(core, parts.into_iter().chain([row.id]).collect()).await?;
    Ok(UploadRow { state: State::Done, evidence_id: Some(evidence), sha256: Some(sha256), ..row })
}

/// The recording that an upload names or declares, if it is its device's to deliver.
async fn announced(core: &Core, row: &UploadRow, described: &Described) -> Result<Option<RecordingRow>> {
    let (device, named, hash, length) = (row.device_id, described.recording, described.sha256.clone(), row.length);
    core.db.read(move |conn| recordings::announced(conn, &device, named, hash.as_deref(), Some(length))).await
}

fn arrived(row: &UploadRow, described: Described, sha256: &str, recording: Option<RecordingId>) -> Arrived {
    Arrived {
        kind: described.kind,
        filename: described.filename,
        declared_type: described.declared_type,
        size: row.length,
        sha256: sha256.to_owned(),
        author: row.author_id,
        owner: row.owner_id,
        device: row.device_id,
        session: row.session_id,
        wearer: described.wearer,
        incident: described.incident,
        assignment: described.assignment,
        captured_at: row.captured_at,
        device_signature: described.device_signature,
        upload: Some(row.id),
        redacts: described.redacts,
        recording,
        made_here: false,
    }
}

/// Whoever began the upload, as he stands now: the last bytes may come by the device's key, or by nobody at all.
fn owner(conn: &mut Conn, row: &UploadRow) -> Result<Actor> {
    let person = officers::person_fetch(conn, &row.owner_id)?;
    let device = officers::device_fetch(conn, &row.device_id)?;
    Ok(Actor { session: row.session_id, ..actor_of(conn, person, device.id, device.kind)? })
}
