//! Uploads and the pieces of their files.

use diesel::prelude::*;

use crate::duty::evidence::uploads::State;
use crate::duty::evidence::uploads::staging::Piece;
use crate::platform::db::schema::{upload, upload_piece};
use crate::platform::db::{Conn, Tx, kept, straight};
use crate::words::error::{Error, Result};
use crate::words::ids::{DeviceId, EvidenceId, PersonId, SessionId, UploadId};
use crate::words::time::Timestamp;

/// What will never take another byte.
const ENDED: [State; 4] = [State::Done, State::Failed, State::Terminated, State::Expired];

/// One upload. What is staged of it is good as far as `synced`.
#[derive(Clone, Debug, Queryable, Insertable)]
#[diesel(table_name = upload, treat_none_as_default_value = false)]
pub struct UploadRow {
    pub id: UploadId,
    pub state: State,
    /// `Upload-Concat` as it came; empty for a file of its own.
    pub concat: String,
    /// JSON list of ids: of a joined file its parts in order, of a part its file once that is named.
    pub parts: String,
    pub length: i64,
    pub synced: i64,
    /// `Upload-Metadata` as it came.
    pub metadata: String,
    /// Of the whole file, once that is known.
    pub sha256: Option<String>,
    /// Whose upload it is: the person of the session, or the holder of the device that signed.
    pub owner_id: PersonId,
    /// Who captured it.
    pub author_id: PersonId,
    pub device_id: DeviceId,
    pub session_id: Option<SessionId>,
    pub captured_at: Timestamp,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
    pub evidence_id: Option<EvidenceId>,
    /// Why nothing came of it.
    pub failure: Option<String>,
    /// Name of the staging folder that has the bytes.
    pub node: Option<String>,
    pub lease_until: Option<Timestamp>,
    /// Raised whenever the lease goes to another node; a writer of before records nothing any more.
    pub lease_gen: i64,
}

impl UploadRow {
    /// A part of a file that is joined from several.
    pub fn is_partial(&self) -> bool {
        self.concat == "partial"
    }

    /// A file that is joined from parts.
    pub fn is_final(&self) -> bool {
        self.concat.starts_with("final;")
    }

    /// The ids in `parts`.
    pub fn parts(&self) -> Result<Vec<UploadId>> {
        Ok(serde_json::from_str(&self.parts)?)
    }

    /// Nothing more can come: all bytes are here.
    pub fn is_full(&self) -> bool {
        self.synced >= self.length
    }
}

/// How far a file is good now.
pub struct Progress {
    pub id: UploadId,
    pub lease_gen: i64,
    pub from: State,
    pub to: State,
    pub synced: i64,
    pub pieces: Vec<Piece>,
    pub ttl_s: i64,
    pub lease_s: i64,
}

pub fn upload_insert(conn: &mut Conn, row: &UploadRow) -> Result<()> {
    diesel::insert_into(upload::table).values(row).execute(conn)?;
    Ok(())
}

/// `not_found` if there is none.
pub fn upload_fetch(conn: &mut Conn, id: &UploadId) -> Result<UploadRow> {
    straight::one(conn, upload::table.find(id))?.ok_or_else(|| Error::not_found("upload"))
}

/// Those of these that there are, in no order.
pub fn uploads_fetch(conn: &mut Conn, ids: &[UploadId]) -> Result<Vec<UploadRow>> {
    Ok(upload::table.filter(upload::id.eq_any(ids)).load(conn)?)
}

/// Uploads a person has begun and not ended.
pub fn uploads_half_open(conn: &mut Conn, owner: &PersonId, now: Timestamp) -> Result<i64> {
    Ok(upload::table
        .filter(upload::owner_id.eq(owner))
        .filter(upload::state.eq(State::Receiving))
        .filter(upload::expires_at.gt(now))
        .count()
        .get_result(conn)?)
}

/// Takes or renews the lease for a staging folder; `None` while another one has it. Bytes of another folder are not
/// here: the upload begins anew.
pub fn lease_take(tx: &mut Tx<'_>, id: &UploadId, node: &str, lease_s: i64) -> Result<Option<UploadRow>> {
    let now = tx.now;
    let mut row = upload_fetch(tx.conn(), id)?;
    let seen = row.lease_gen;
    if row.node.as_deref() != Some(node) {
        if row.node.is_some() && row.lease_until.is_some_and(|until| until >= now) {
            return Ok(None);
        }
        if row.node.is_some() {
            pieces_delete(tx.conn(), id)?;
            row.synced = 0;
        }
        row.node = Some(node.to_owned());
        row.lease_gen += 1;
    }
    row.lease_until = Some(now.plus_secs(lease_s));
    let taken = diesel::update(upload::table.filter(upload::id.eq(id)).filter(upload::lease_gen.eq(seen)))
        .set((
            upload::node.eq(Some(node)),
            upload::lease_until.eq(row.lease_until),
            upload::lease_gen.eq(row.lease_gen),
            upload::synced.eq(row.synced),
        ))
        .execute(tx.conn())?;
    Ok((taken == 1).then_some(row))
}

/// Records how far the file is good, which also renews the lease and puts the expiry off; false when the lease has gone
/// to another node or the upload has ended.
pub fn progress_put(tx: &mut Tx<'_>, progress: &Progress) -> Result<bool> {
    let now = tx.now;
    let mine = upload::table
        .filter(upload::id.eq(&progress.id))
        .filter(upload::lease_gen.eq(progress.lease_gen))
        .filter(upload::state.eq(progress.from))
        .filter(upload::synced.le(progress.synced));
    let set = (
        upload::state.eq(progress.to),
        upload::synced.eq(progress.synced),
        upload::expires_at.eq(now.plus_secs(progress.ttl_s)),
        upload::lease_until.eq(Some(now.plus_secs(progress.lease_s))),
    );
    if kept::execute(tx.conn(), diesel::update(mine).set(set))? == 0 {
        return Ok(false);
    }
    for piece in &progress.pieces {
        piece_put(tx.conn(), &progress.id, piece, now)?;
    }
    Ok(true)
}

fn piece_put(conn: &mut Conn, id: &UploadId, piece: &Piece, now: Timestamp) -> Result<()> {
    let state = piece.state.as_slice();
    let new = (
        upload_piece::upload_id.eq(id),
        upload_piece::n.eq(piece.n),
        upload_piece::to_byte.eq(piece.to_byte),
        upload_piece::hash_state.eq(state),
        upload_piece::sealed_at.eq(now),
    );
    let put = diesel::insert_into(upload_piece::table)
        .values(new)
        .on_conflict((upload_piece::upload_id, upload_piece::n))
        .do_update()
        .set((
            upload_piece::to_byte.eq(piece.to_byte),
            upload_piece::hash_state.eq(state),
            upload_piece::sealed_at.eq(now),
        ));
    kept::execute(conn, put)?;
    Ok(())
}

/// Takes back what was recorded beyond `to`: a chunk that was not what it should be, or bytes that are no longer here.
pub fn progress_lower(tx: &mut Tx<'_>, id: &UploadId, lease_gen: i64, to: i64) -> Result<()> {
    diesel::update(upload::table.filter(upload::id.eq(id)).filter(upload::lease_gen.eq(lease_gen)))
        .set(upload::synced.eq(to))
        .execute(tx.conn())?;
    diesel::delete(upload_piece::table.filter(upload_piece::upload_id.eq(id)).filter(upload_piece::to_byte.gt(to)))
        .execute(tx.conn())?;
    Ok(())
}

/// The last known state of the hash at or before a place.
pub fn piece_last(conn: &mut Conn, id: &UploadId, at_most: i64) -> Result<Option<Piece>> {
    let found: Option<(i64, i64, Vec<u8>)> = upload_piece::table
        .filter(upload_piece::upload_id.eq(id))
        .filter(upload_piece::to_byte.le(at_most))
        .order(upload_piece::to_byte.desc())
        .select((upload_piece::n, upload_piece::to_byte, upload_piece::hash_state))
        .first(conn)
        .optional()?;
    Ok(found.map(|(n, to_byte, state)| Piece { n, to_byte, state }))
}

/// Ends an upload; false when it was no longer in the state it was seen in. Its pieces go; its bytes are the caller's.
pub fn upload_end(tx: &mut Tx<'_>, id: &UploadId, from: State, to: State, failure: Option<&str>) -> Result<bool> {
    let ended = diesel::update(upload::table.filter(upload::id.eq(id)).filter(upload::state.eq(from)))
        .set((upload::state.eq(to), upload::failure.eq(failure)))
        .execute(tx.conn())?;
    if ended == 1 {
        pieces_delete(tx.conn(), id)?;
    }
    Ok(ended == 1)
}

/// Notes which item an upload became; its pieces are no longer needed. Again changes nothing.
pub fn upload_done(tx: &mut Tx<'_>, id: &UploadId, evidence: &EvidenceId, sha256: &str) -> Result<()> {
    diesel::update(upload::table.filter(upload::id.eq(id)))
        .set((upload::state.eq(State::Done), upload::evidence_id.eq(Some(*evidence)), upload::sha256.eq(Some(sha256))))
        .execute(tx.conn())?;
    pieces_delete(tx.conn(), id)
}

/// All bytes of a part are here; again changes nothing.
pub fn part_whole(tx: &mut Tx<'_>, id: &UploadId) -> Result<()> {
    diesel::update(upload::table.filter(upload::id.eq(id)).filter(upload::state.eq(State::Receiving)))
        .set(upload::state.eq(State::Whole))
        .execute(tx.conn())?;
    Ok(())
}

/// Says to which file parts belong; false when one of them was no longer free.
pub fn parts_join(tx: &mut Tx<'_>, parts: &[UploadId], file: &UploadId) -> Result<bool> {
    let list = serde_json::to_string(&[file])?;
    let joined = diesel::update(upload::table.filter(upload::id.eq_any(parts)).filter(upload::state.eq(State::Whole)))
        .set((upload::state.eq(State::Joined), upload::parts.eq(list)))
        .execute(tx.conn())?;
    Ok(joined == parts.len())
}

/// Ends the parts of a file with it.
pub fn parts_end(tx: &mut Tx<'_>, parts: &[UploadId], to: State) -> Result<()> {
    diesel::update(upload::table.filter(upload::id.eq_any(parts)).filter(upload::state.eq(State::Joined)))
        .set(upload::state.eq(to))
        .execute(tx.conn())?;
    diesel::delete(upload_piece::table.filter(upload_piece::upload_id.eq_any(parts))).execute(tx.conn())?;
    Ok(())
}

/// Uploads whose time is over, the oldest first. Parts of a file end with it.
pub fn uploads_expired(conn: &mut Conn, now: Timestamp, limit: i64) -> Result<Vec<UploadRow>> {
    Ok(upload::table
        .filter(upload::state.eq_any([State::Receiving, State::Whole, State::Verifying]))
        .filter(upload::expires_at.lt(now))
        .order(upload::expires_at.asc())
        .limit(limit)
        .load(conn)?)
}

/// Uploads that have all their bytes, are not evidence yet, and that nobody writes: a kill came between.
pub fn uploads_owed(conn: &mut Conn, now: Timestamp, limit: i64) -> Result<Vec<UploadRow>> {
    Ok(upload::table
        .filter(upload::state.eq(State::Receiving))
        .filter(upload::concat.eq(""))
        .filter(upload::synced.eq(upload::length))
        .filter(upload::lease_until.is_null().or(upload::lease_until.lt(now)))
        .filter(upload::expires_at.gt(now))
        .order(upload::created_at.asc())
        .limit(limit)
        .load(conn)?)
}

/// Which of these have ended, so that no bytes of theirs are needed here.
pub fn uploads_over(conn: &mut Conn, ids: &[UploadId]) -> Result<Vec<UploadId>> {
    Ok(upload::table
        .filter(upload::id.eq_any(ids))
        .filter(upload::state.eq_any(ENDED))
        .select(upload::id)
        .load(conn)?)
}

/// Forgets uploads that ended and whose time was over before `before`; how many.
pub fn uploads_purge(tx: &mut Tx<'_>, before: Timestamp) -> Result<usize> {
    Ok(diesel::delete(upload::table.filter(upload::state.eq_any(ENDED)).filter(upload::expires_at.lt(before)))
        .execute(tx.conn())?)
}

fn pieces_delete(conn: &mut Conn, id: &UploadId) -> Result<()> {
    diesel::delete(upload_piece::table.filter(upload_piece::upload_id.eq(id))).execute(conn)?;
    Ok(())
}

/// The same of one device: a dock's uploads are all in the name of who let it in, who may have let in many.
pub fn uploads_half_open_on(conn: &mut Conn, owner: &PersonId, device: &DeviceId, now: Timestamp) -> Result<i64> {
    Ok(upload::table
        .filter(upload::owner_id.eq(owner))
        .filter(upload::device_id.eq(device))
        .filter(upload::state.eq(State::Receiving))
        .filter(upload::expires_at.gt(now))
        .count()
        .get_result(conn)?)
}
