//! Where both doors end: a whole file becomes an item, with its link, its custody, its receipt and its jobs, or not at all.

use std::io::Read as _;

use aws_lc_rs::digest::{SHA256, digest};
use serde_json::{Value, json};

use super::super::access;
use super::super::custody::receipt::{self, Taken};
use super::super::custody::{ReceiptKind, Touch, TouchKind, touch};
use super::super::jobs::{Args, PHOTO_JOB, SM3_JOB};
use super::super::keeping::terms::is_permanent;
use super::super::keeping::{self, Terms, standing};
use super::super::media;
use super::super::messages;
use super::super::recordings::service as recordings;
use super::super::recordings::store::RecordingRow;
use super::super::rules;
use super::super::scene;
use super::super::store::{self, EvidenceRow};
use super::super::{Kind, Place, Previewed, Retention};
use crate::duty::incidents::trail;
use crate::duty::officers::store as officers;
use crate::platform::blobs::{self, Blobs};
use crate::platform::ctx::Ctx;
use crate::platform::db::{Conn, Priority, Tx};
use crate::platform::disk::blocking;
use crate::platform::events::Event;
use crate::platform::jobs;
use crate::words::error::{Code, Error, Result};
use crate::words::ids::{AssignmentId, DeviceId, EvidenceId, IncidentId, PersonId, RecordingId, SessionId, UploadId};
use crate::words::time::Timestamp;

/// Seconds after which the second hash is computed: a preview is waited for, that is not.
const SM3_AFTER_S: i64 = 3;

/// A file that is whole, its hash checked, its bytes adopted by [`Blobs`].
#[derive(Clone, Debug)]
pub struct Arrived {
    pub kind: Kind,
    /// As [`rules::filename`] passed it.
    pub filename: String,
    /// What the client said it is; kept in the custody, never believed.
    pub declared_type: Option<String>,
    pub size: i64,
    /// Lower-case hex, computed here.
    pub sha256: String,
    /// Who captured it.
    pub author: PersonId,
    /// Who delivered it.
    pub owner: PersonId,
    /// The device that delivered it.
    pub device: DeviceId,
    pub session: Option<SessionId>,
    /// On whose body the camera was.
    pub wearer: Option<PersonId>,
    pub incident: Option<IncidentId>,
    pub assignment: Option<AssignmentId>,
    pub captured_at: Timestamp,
    pub device_signature: Option<String>,
    /// The upload it came by.
    pub upload: Option<UploadId>,
    /// The original of which it is a redacted copy.
    pub redacts: Option<EvidenceId>,
    /// The recording of a manifest that it is said to be.
    pub recording: Option<RecordingId>,
    /// The server made it itself: no device brought it, and that one was revoked since says nothing against it.
    pub made_here: bool,
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Completed {
    pub id: EvidenceId,
    /// The same had come before; nothing was done.
    pub again: bool,
    /// The same had come before and was lawfully deleted; what came is removed.
    pub erased: bool,
}

/// Makes an item of a file whose bytes have been adopted. The same again answers the first.
pub async fn complete(ctx: &Ctx, arrived: Arrived) -> Result<Completed> {
    let media_type = media_type_of(ctx, &arrived.sha256).await?;
    let inner = ctx.clone();
    ctx.db.write(Priority::Normal, move |tx| complete_in(tx, &inner, &arrived, media_type)).await
}

/// What the stored bytes are. Errors: `not_found` when they have not been adopted.
pub async fn media_type_of(ctx: &Ctx, sha256: &str) -> Result<&'static str> {
    let (blobs, key) = (ctx.part::<Blobs>()?.clone(), sha256.to_owned());
    blocking(move || -> Result<&'static str> {
        let limit = u64::try_from(rules::HEAD_LEN).map_err(Error::internal)?;
        let mut head = Vec::with_capacity(rules::HEAD_LEN);
        blobs.open(&key)?.take(limit).read_to_end(&mut head).map_err(blobs::cause)?;
        Ok(rules::media_type(&head))
    })
    .await?
}

/// [`complete`] within a recipe that has more to do.
pub fn complete_in(tx: &mut Tx<'_>, ctx: &Ctx, arrived: &Arrived, media_type: &str) -> Result<Completed> {
    let recording = recordings::arriving(tx.conn(), arrived)?;
    if let Some(known) = recording.as_ref().and_then(|recording| recording.evidence_id) {
        return again(tx, &known, arrived);
    }
    let id = identity(arrived)?;
    let now = tx.now;
    let author = officers::person_fetch(tx.conn(), &arrived.author)?;
    let mut quarantined = is_doubtful(tx.conn(), arrived)?;
    let (mut unit, mut wearer) = (author.unit_id, arrived.wearer);
    if let Some(recording) = &recording {
        quarantined = quarantined || recordings::is_doubtful(tx.conn(), recording)?;
        unit = recordings::own_unit(recording, arrived).unwrap_or(unit);
        wearer = recording.wearer_id.or(wearer);
    }
    let incident = bound(tx, ctx, arrived, &id)?;
    let (retention, keep_until) = class(tx, ctx.part::<Terms>()?, arrived, incident)?;
    let row = EvidenceRow {
        id,
        kind: arrived.kind,
        filename: arrived.filename.clone(),
        media_type: media_type.to_owned(),
        size: arrived.size,
        sha256: arrived.sha256.clone(),
        sm3: None,
        place: Place::Stored,
        quarantined,
        author_id: arrived.author,
        wearer_id: wearer.filter(|wearer| *wearer != arrived.author),
        device_id: arrived.device,
        session_id: arrived.session,
        unit_id: unit,
        assignment_id: arrived.assignment,
        captured_at: arrived.captured_at,
        received_at: now,
        device_signature: arrived.device_signature.clone(),
        duration_ms: None,
        codec: None,
        previewed: if arrived.kind == Kind::Photo { Previewed::Waiting } else { Previewed::NotWanted },
        redacted_of: arrived.redacts,
        retention,
        keep_until,
        gone_at: None,
        version: 1,
    };
    if !store::evidence_insert_new(tx.conn(), &row)? {
        let known = again(tx, &id, arrived)?;
        if let Some(recording) = recording.as_ref().filter(|_| !known.erased) {
            recordings::filed(tx, recording, arrived, id, None)?;
        }
        return Ok(known);
    }
    if let Some(incident) = &incident {
        store::link_insert(tx.conn(), incident, &id, &arrived.author, now)?;
    }
    let entry = touch(
        tx,
        Touch {
            evidence: Some(&id),
            kind: TouchKind::Received,
            actor: Some(arrived.owner),
            device: Some(arrived.device),
            detail: said(&row, arrived, incident, recording.as_ref()),
        },
    )?;
    receipt::issue(
        tx,
        &ctx.keys,
        &Taken {
            kind: ReceiptKind::Stored,
            evidence: id,
            sha256: &row.sha256,
            size: row.size,
            filename: &row.filename,
            author: row.author_id,
            device: row.device_id,
            captured_at: row.captured_at,
            received_at: row.received_at,
            entry,
        },
    )?;
    let incident = match &arrived.redacts {
        Some(original) => keeping::redact::linked(tx, arrived, &id, original, incident)?,
        None => incident,
    };
    if quarantined {
        // By the rule, not by a person.
        let detail = json!({});
        touch(tx, Touch { evidence: Some(&id), kind: TouchKind::Quarantined, actor: None, device: None, detail })?;
    }
    let args = serde_json::to_value(Args { evidence_id: id, declared_type: arrived.declared_type.clone() })?;
    if row.previewed == Previewed::Waiting {
        jobs::enqueue(tx, PHOTO_JOB, &args, now)?;
    }
    jobs::enqueue(tx, SM3_JOB, &args, now.plus_secs(SM3_AFTER_S))?;
    let incident = match &recording {
        Some(recording) => recordings::filed(tx, recording, arrived, id, incident)?,
        None => incident,
    };
    tx.emit(&Event::EvidenceReceived { evidence: id, incident })?;
    Ok(Completed { id, again: false, erased: false })
}

/// What came is there already, or was and is lawfully deleted: then the bytes that came with it go again.
///
/// Errors: `conflict` when it is there, but not as a copy of what it is said to be.
fn again(tx: &mut Tx<'_>, id: &EvidenceId, arrived: &Arrived) -> Result<Completed> {
    let known = store::evidence_fetch(tx.conn(), id)?;
    let erased = known.gone_at.is_some();
    if erased {
        keeping::erase::remove_later(tx, &known)?;
    } else if known.redacted_of != arrived.redacts {
        return Err(Error::conflict("the same bytes are another item").with("evidence_id", json!(id)));
    }
    Ok(Completed { id: *id, again: true, erased })
}

/// The class an item arrives in and until when it is kept: its original's, or the one its incident asks for.
fn class(
    tx: &mut Tx<'_>,
    terms: &Terms,
    arrived: &Arrived,
    incident: Option<IncidentId>,
) -> Result<(Retention, Option<Timestamp>)> {
    let of_original = match &arrived.redacts {
        Some(original) => store::evidence_fetch(tx.conn(), original)?.retention,
        None => Retention::Ordinary,
    };
    let incidents: Vec<IncidentId> = incident.into_iter().collect();
    let proposed = standing::proposed(tx.conn(), terms, &incidents)?;
    let class = if is_permanent(of_original) { of_original } else { proposed };
    Ok((class, terms.keep_until(class, tx.now)))
}

/// What the log keeps of an item that arrives: every column by its name, so that none can be changed unseen.
fn said(row: &EvidenceRow, arrived: &Arrived, incident: Option<IncidentId>, recording: Option<&RecordingRow>) -> Value {
    json!({
        "assignment_id": row.assignment_id,
        "author_id": row.author_id,
        "captured_at": row.captured_at,
        "declared_type": arrived.declared_type,
        "device_signature": row.device_signature,
        "filename": row.filename,
        "incident_id": incident,
        "keep_until": row.keep_until,
        "kind": row.kind,
        "media_type": row.media_type,
        "place": row.place,
        "previewed": row.previewed,
        "redacted_of": row.redacted_of,
        "recording": recording.map(recordings::said),
        "retention": row.retention,
        "session_id": row.session_id,
        "sha256": row.sha256,
        "size": row.size,
        "unit_id": row.unit_id,
        "upload_id": arrived.upload,
        "wearer_id": row.wearer_id,
    })
}

/// The same content of the same author and instant is the same item, by whatever door and however often it comes: its
/// id follows from them, so that two deliveries at once meet in one row on either database.
fn identity(arrived: &Arrived) -> Result<EvidenceId> {
    let said = format!("{}\n{}\n{}", arrived.author, arrived.sha256, arrived.captured_at.as_micros());
    let hash = digest(&SHA256, said.as_bytes());
    let bytes = hash.as_ref().first_chunk().copied().ok_or_else(|| Error::internal("a hash of fewer than 16 bytes"))?;
    Ok(EvidenceId::from(uuid::Builder::from_custom_bytes(bytes).into_uuid()))
}

/// What comes late from a device or a session that had been revoked is kept, and shown to the custodian alone.
fn is_doubtful(conn: &mut Conn, arrived: &Arrived) -> Result<bool> {
    if arrived.made_here {
        return Ok(false);
    }
    if !officers::device_fetch(conn, &arrived.device)?.is_active() {
        return Ok(true);
    }
    let session = officers::session_latest_of(conn, &arrived.author, &arrived.device)?;
    Ok(session.and_then(|session| session.end_reason).is_some_and(|reason| rules::is_revocation(&reason)))
}

/// The incident the item is for. What the door allowed when the first byte came may have changed since; the file is
/// kept all the same, unlinked, and who may can link it.
fn bound(tx: &mut Tx<'_>, ctx: &Ctx, arrived: &Arrived, id: &EvidenceId) -> Result<Option<IncidentId>> {
    if arrived.made_here {
        return Ok(arrived.incident);
    }
    match access::bind(tx.conn(), &ctx.actor, &arrived.author, arrived.incident, arrived.assignment) {
        Err(error) if [Code::NotFound, Code::Forbidden, Code::InvalidField].contains(&error.code()) => {
            tracing::warn!(evidence = %id, %error, "an item is kept without the incident it was captured for");
            Ok(None)
        }
        other => other,
    }
}

/// What follows when an item is there for those it concerns: the incident's timeline says so, and the room hears of it.
/// A photo is told by its job, with the preview, and a recording by its own, with its length; what is in quarantine by
/// its release.
pub fn received(tx: &mut Tx<'_>, id: &EvidenceId, incident: Option<&IncidentId>) -> Result<()> {
    let row = store::evidence_fetch(tx.conn(), id)?;
    if row.quarantined {
        return Ok(());
    }
    if let Some(incident) = incident {
        let data = json!({ "evidence_id": id, "kind": row.kind });
        trail::entry(tx, incident, "evidence.received", Some(row.author_id), data)?;
    }
    scene::service::came(tx, &row)?;
    if row.previewed == Previewed::Waiting {
        return Ok(());
    }
    if media::job::waits(tx.conn(), &row)? {
        return media::job::enqueue(tx, *id);
    }
    messages::tell_room(tx, &row, incident.copied(), row.previewed == Previewed::Made)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arrived() -> Arrived {
        Arrived {
            kind: Kind::Photo,
            filename: "x.jpg".to_owned(),
            declared_type: None,
            size: 3,
            sha256: "ab".repeat(32),
            author: PersonId::new(),
            owner: PersonId::new(),
            device: DeviceId::new(),
            session: None,
            wearer: None,
            incident: None,
            assignment: None,
            captured_at: Timestamp::from_micros(1_767_225_600_000_000),
            device_signature: None,
            upload: None,
            redacts: None,
            recording: None,
            made_here: false,
        }
    }

    #[test]
    fn one_capture_is_one_item_by_whatever_door() {
        let first = arrived();
        let by_upload = Arrived {
            upload: Some(UploadId::new()),
            owner: PersonId::new(),
            device: DeviceId::new(),
            filename: "IMG_1.jpg".to_owned(),
            ..first.clone()
        };
        assert_eq!(identity(&first).unwrap(), identity(&by_upload).unwrap());
        for other in [
            Arrived { author: PersonId::new(), ..first.clone() },
            Arrived { sha256: "cd".repeat(32), ..first.clone() },
            Arrived { captured_at: first.captured_at.plus_millis(1), ..first.clone() },
        ] {
            assert_ne!(identity(&first).unwrap(), identity(&other).unwrap());
        }
        let text = identity(&first).unwrap().to_string();
        assert!(text.parse::<EvidenceId>().is_ok() && text.as_bytes()[14] == b'8', "a UUID of its own making: {text}");
    }
}
