//! An upload begins: a file, a part of one, or a file of parts that are here.

use std::sync::Arc;

use serde_json::json;

use super::super::State;
use super::super::metadata::{Described, Metadata};
use super::super::tus::Concat;
use super::super::who::Asker;
use super::fetch;
use crate::duty::evidence::access;
use crate::duty::evidence::jobs::CONCAT_JOB;
use crate::duty::evidence::keeping::redact;
use crate::duty::evidence::recordings::service as recordings;
use crate::duty::evidence::store::uploads::{self as store, UploadRow};
use crate::platform::db::{Conn, Priority, Tx};
use crate::platform::http::{Done, RequestMeta, idem};
use crate::platform::jobs;
use crate::words::error::{Code, Error, Result};
use crate::words::ids::{PersonId, UploadId};
use crate::words::time::Timestamp;

/// Seconds after which somebody with too many open uploads may try again.
const FULL_RETRY_S: u32 = 60;

/// What a client asks for.
#[derive(Clone, Debug)]
pub struct Creation {
    /// `Upload-Length`; a file of parts has none.
    pub length: Option<i64>,
    /// `Upload-Metadata` as it came.
    pub metadata: String,
    /// `Upload-Concat`, read and as it came.
    pub concat: Option<(Concat, String)>,
}

/// Who made it, and when: loaded before the write.
struct Origin {
    author: PersonId,
    captured_at: Timestamp,
}

/// Makes the upload. Under the same `Idempotency-Key` it is the same one again; then `true`.
///
/// Errors: `bad_request`, `invalid_field`, `payload_too_large`, `not_found` and `forbidden` of the incident or of a
/// part, `conflict` when a part is not whole, `rate_limited` with too many uploads open.
pub async fn create(asker: &Asker, asked: Creation, meta: &RequestMeta) -> Result<(UploadRow, bool)> {
    let ctx = &asker.ctx;
    let parts = match &asked.concat {
        Some((Concat::Final(parts), _)) => parts.clone(),
        _ => Vec::new(),
    };
    let length = length_of(&asked, ctx.config.evidence.max_upload_bytes)?;
    let metadata = Metadata::parse(&asked.metadata)?;
    let is_part = matches!(asked.concat, Some((Concat::Partial, _)));
    // What a part is of is said when the file is named.
    let described = if is_part { None } else { Some(Described::read(&metadata)?) };
    let now = ctx.clock.now();
    let origin = match described {
        None => Origin { author: ctx.actor.person, captured_at: now },
        Some(described) if asker.is_dock() => {
            let (author, captured_at) = recordings::origin(ctx, &ctx.actor, &described, length).await?;
            let (author_id, actor) = (author, Arc::clone(&ctx.actor));
            let (incident, assignment) = (described.incident, described.assignment);
            ctx.db.read(move |conn| access::bind(conn, &actor, &author_id, incident, assignment).map(drop)).await?;
            Origin { author, captured_at }
        }
        Some(described) => {
            let asker = asker.clone();
            ctx.db.read(move |conn| origin_of(conn, &asker, &described, now)).await?
        }
    };
    let row = UploadRow {
        id: UploadId::new(),
        state: if parts.is_empty() { State::Receiving } else { State::Verifying },
        concat: asked.concat.map(|(_, text)| text).unwrap_or_default(),
        parts: serde_json::to_string(&parts)?,
        length: length.unwrap_or(0),
        synced: 0,
        metadata: asked.metadata,
        sha256: None,
        owner_id: ctx.actor.person,
        author_id: origin.author,
        device_id: ctx.actor.device,
        session_id: ctx.actor.session,
        captured_at: origin.captured_at,
        created_at: now,
        expires_at: now.plus_secs(ctx.config.evidence.upload_ttl_s),
        evidence_id: None,
        failure: None,
        node: None,
        lease_until: None,
        lease_gen: 0,
    };
    let asking = asker.clone();
    let done = idem::run(ctx, meta, Priority::Normal, move |tx| {
        if parts.is_empty() { begin(tx, &asking, &row) } else { begin_joined(tx, &asking, &row, &parts) }
    })
    .await?;
    Ok((fetch(ctx, done.id()?).await?, done.replayed))
}

/// Errors: `bad_request` without a length or with one too many, `payload_too_large`.
fn length_of(asked: &Creation, most: i64) -> Result<Option<i64>> {
    let joined = matches!(asked.concat, Some((Concat::Final(_), _)));
    match asked.length {
        None if joined => Ok(None),
        None => Err(Error::bad("Upload-Length is missing; a length that comes later is not offered")),
        Some(_) if joined => Err(Error::bad("a file of parts has no Upload-Length of its own")),
        Some(length) => check_size(length, most).map(Some),
    }
}

fn check_size(length: i64, most: i64) -> Result<i64> {
    if length > most {
        return Err(Error::new(Code::PayloadTooLarge)
            .detail(format!("at most {most} bytes"))
            .with("max_bytes", most.into()));
    }
    Ok(length)
}

/// Who captured it, if he may deliver it by this device and to this incident.
fn origin_of(conn: &mut Conn, asker: &Asker, described: &Described, now: Timestamp) -> Result<Origin> {
    let actor = &asker.ctx.actor;
    let author = described.author.unwrap_or(actor.person);
    let captured_at = described.captured_at;
    asker.by.check_author(conn, actor, &author, captured_at, now)?;
    if let Some(original) = &described.redacts {
        if asker.by.is_device() {
            return Err(Error::forbidden("a redacted copy is made by somebody who is signed in"));
        }
        redact::allow(conn, actor, original)?;
    }
    access::bind(conn, actor, &author, described.incident, described.assignment)?;
    Ok(Origin { author, captured_at })
}

fn begin(tx: &mut Tx<'_>, asker: &Asker, row: &UploadRow) -> Result<Done> {
    let ctx = &asker.ctx;
    let most = ctx.config.evidence.half_open_max;
    let now = tx.now;
    let open = if asker.is_dock() {
        store::uploads_half_open_on(tx.conn(), &row.owner_id, &row.device_id, now)?
    } else {
        store::uploads_half_open(tx.conn(), &row.owner_id, now)?
    };
    if open >= most {
        return Err(Error::new(Code::RateLimited)
            .retry_after(FULL_RETRY_S)
            .detail(format!("at most {most} uploads may be open; end or terminate some")));
    }
    store::upload_insert(tx.conn(), row)?;
    Ok(made(row.id))
}

/// A file of parts. Named again with the same parts, as a client does that has not heard the answer, it is the same.
fn begin_joined(tx: &mut Tx<'_>, asker: &Asker, row: &UploadRow, parts: &[UploadId]) -> Result<Done> {
    let found = store::uploads_fetch(tx.conn(), parts)?;
    let mine: Vec<&UploadRow> = found.iter().filter(|part| asker.owns(part) && !part.state.is_gone()).collect();
    if mine.len() != parts.len() {
        return Err(Error::not_found("upload"));
    }
    if let Some(known) = joined_before(tx.conn(), &mine, parts)? {
        return Ok(made(known));
    }
    if let Some(other) = mine.iter().find(|part| !part.is_partial() || part.state != State::Whole) {
        return Err(Error::conflict(format!("{} is no whole part", other.id)));
    }
    let sum = mine.iter().try_fold(0_i64, |sum, part| sum.checked_add(part.length)).unwrap_or(i64::MAX);
    let length = check_size(sum, asker.ctx.config.evidence.max_upload_bytes)?;
    if !store::parts_join(tx, parts, &row.id)? {
        return Err(Error::conflict("a part was taken by another file"));
    }
    store::upload_insert(tx.conn(), &UploadRow { length, ..row.clone() })?;
    let now = tx.now;
    jobs::enqueue(tx, CONCAT_JOB, &json!({ "upload_id": row.id }), now)?;
    Ok(made(row.id))
}

/// The file that these very parts were joined to before.
fn joined_before(conn: &mut Conn, mine: &[&UploadRow], parts: &[UploadId]) -> Result<Option<UploadId>> {
    let Some(first) = mine.first().filter(|part| part.is_partial()) else { return Ok(None) };
    let Some(file) = first.parts()?.first().copied() else { return Ok(None) };
    let row = store::upload_fetch(conn, &file)?;
    Ok((row.parts()? == parts && !row.state.is_gone()).then_some(file))
}

fn made(id: UploadId) -> Done {
    Done::new(201, json!({ "id": id }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(length: Option<i64>, concat: Option<Concat>) -> Creation {
        Creation { length, metadata: String::new(), concat: concat.map(|concat| (concat, String::new())) }
    }

    #[test]
    fn a_length_is_wanted_once_and_bounded() {
        let joined = || Some(Concat::Final(vec![UploadId::new()]));
        assert_eq!(length_of(&asked(Some(0), None), 10).unwrap(), Some(0));
        assert_eq!(length_of(&asked(Some(10), Some(Concat::Partial)), 10).unwrap(), Some(10));
        assert_eq!(length_of(&asked(None, joined()), 10).unwrap(), None);
        assert!(length_of(&asked(Some(11), None), 10).unwrap_err().is(Code::PayloadTooLarge));
        assert!(length_of(&asked(Some(i64::MAX), None), 10).unwrap_err().is(Code::PayloadTooLarge));
        assert!(length_of(&asked(None, None), 10).unwrap_err().is(Code::BadRequest));
        assert!(length_of(&asked(Some(1), joined()), 10).unwrap_err().is(Code::BadRequest));
    }
}
