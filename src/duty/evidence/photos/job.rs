//! The durable job behind every photo, by whatever door it came: previews, findings, custody, and the room is told.
//!
//! Idempotent: whoever notes first what became of the previewing has done it all, in one recipe with the end of the job.
//! A picture that cannot be shown is an outcome and no failure; what fails (a disk, a database) is tried again. A
//! picture that takes the process with it, or is not done in its time, is not decoded a fourth time: the machine may have
//! been busy, and a good picture is not called impossible for that.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;

use super::decode::{self, Preview, Refusal};
use super::examine::{Examined, examine};
use super::findings::{self, Finding, TRACK_GAP_S};
use super::gate::{Gate, Ran};
use super::shape::Shape;
use super::sniff::{Format, Sniffed};
use crate::duty::evidence::custody::{Touch, TouchKind, touch};
use crate::duty::evidence::jobs::Args;
use crate::duty::evidence::keeping::Bytes;
use crate::duty::evidence::store::previews::{self, PreviewRow};
use crate::duty::evidence::store::{self, EvidenceRow};
use crate::duty::evidence::{Kind, Previewed, messages};
use crate::duty::location;
use crate::duty::officers::store as officers;
use crate::platform::blobs::{Blobs, Local};
use crate::platform::ctx::Core;
use crate::platform::db::{Conn, Priority, Tx};
use crate::platform::disk::blocking;
use crate::platform::jobs::{self, JobRow};
use crate::words::error::{Error, Result};
use crate::words::geo::Position;
use crate::words::ids::{EvidenceId, IncidentId};
use crate::words::time::Timestamp;

/// For reading a file without decoding it.
const EXAMINE_WITHIN: Duration = Duration::from_secs(4);
/// For decoding it and making both previews: the largest picture that is allowed takes half of that on a slow core.
const DECODE_WITHIN: Duration = Duration::from_secs(6);
/// What a decoder that notices the end of its time has for saying so; then it is left to itself.
const GRACE: Duration = Duration::from_secs(1);
/// Attempts with decoding: a job that comes back for the fourth time may have been the end of three processes.
const DECODE_ATTEMPTS: i32 = 3;

/// What the job is about, as it stands now.
struct Item {
    row: EvidenceRow,
    incident: Option<IncidentId>,
    /// Name and serial number of the device that delivered it.
    device: String,
    declared_type: Option<String>,
}

/// What was made and found.
struct Seen {
    previews: Vec<Preview>,
    findings: Vec<Finding>,
}

/// Does one claimed job. Errors: what may go better the next time.
pub async fn run(core: &Core, job: &JobRow) -> Result<()> {
    let Args { evidence_id: id, declared_type } = serde_json::from_str(&job.args)?;
    let job = job.clone();
    // A deletion removes previews when none are being made any more.
    let sha256 = core.db.read(move |conn| Ok(store::evidence_find(conn, &id)?.map(|row| row.sha256))).await?;
    let _reading = core.part::<Bytes>()?.shared(sha256.as_deref().unwrap_or_default()).await;
    match core.db.read(move |conn| load(conn, &id, declared_type)).await? {
        Some(item) => {
            let seen = look(core, &item, job.attempts).await?;
            settle(core, job, item, seen).await
        }
        None => core.db.write(Priority::Background, move |tx| jobs::finish(tx, &job).map(drop)).await,
    }
}

/// None when there is nothing left to do.
fn load(conn: &mut Conn, id: &EvidenceId, declared_type: Option<String>) -> Result<Option<Item>> {
    let found = store::evidence_find(conn, id)?;
    let Some(row) =
        found.filter(|row| row.kind == Kind::Photo && row.previewed == Previewed::Waiting && row.gone_at.is_none())
    else {
        return Ok(None);
    };
    let device = officers::device_fetch(conn, &row.device_id)?;
    Ok(Some(Item {
        incident: store::incidents_of(conn, id)?.first().copied(),
        device: [Some(device.name), device.serial_no].into_iter().flatten().collect::<Vec<_>>().join(" "),
        declared_type,
        row,
    }))
}

async fn look(core: &Core, item: &Item, attempts: i32) -> Result<Seen> {
    let (blobs, gate) = (core.part::<Blobs>()?, core.part::<Gate>()?);
    let row = &item.row;
    let local = local(blobs, row).await?;
    let examined = examined(local.clone(), gate, row, attempts).await?;
    let mut found = noticed(&examined, item);
    let previews = match previewed(local, gate, row, &examined, attempts).await? {
        Ok(previews) => previews,
        Err(finding) => {
            found.push(finding);
            Vec::new()
        }
    };
    if let Some(photo) = examined.exif.position {
        found.extend(against_track(core, row, photo).await);
    }
    keep(blobs, row.id, &previews).await?;
    Ok(Seen { previews, findings: found })
}

/// The original on this machine, before its time is taken: a bucket that is slow is no fault of the picture. None of one
/// that is too large to be fetched, which would not be decoded either.
async fn local(blobs: &Blobs, row: &EvidenceRow) -> Result<Option<Arc<Local>>> {
    let (blobs, key) = (blobs.clone(), row.sha256.clone());
    blocking(move || Ok(blobs.local(&key, decode::FILE_MAX)?.map(Arc::new))).await?
}

async fn examined(local: Option<Arc<Local>>, gate: &Gate, row: &EvidenceRow, attempts: i32) -> Result<Examined> {
    let Some(local) = local else { return Ok(unknown(row)) };
    match gate.run(EXAMINE_WITHIN, move || -> Result<Examined> { Ok(examine(local.open()?)?) }).await {
        Ran::Done(examined) => examined,
        Ran::TookTooLong if attempts < DECODE_ATTEMPTS => Err(not_in_time()),
        Ran::Panicked | Ran::TookTooLong => Ok(unknown(row)),
    }
}

/// Nothing is known of it but its size.
fn unknown(row: &EvidenceRow) -> Examined {
    Examined {
        is: Sniffed::Picture(Format::Unknown),
        shape: Shape::default(),
        tail: "",
        exif: super::exif::Exif::default(),
        length: u64::try_from(row.size).unwrap_or(0),
    }
}

/// Tried again, by the back-off of the jobs.
fn not_in_time() -> Error {
    Error::busy(1).detail("the picture was not done in its time")
}

/// What can be told without a decoder and without asking anybody.
fn noticed(examined: &Examined, item: &Item) -> Vec<Finding> {
    let row = &item.row;
    let trailing = examined.shape.trailing(examined.length);
    [
        findings::wrong_extension(&row.filename, item.declared_type.as_deref(), examined.is),
        examined.shape.truncated.then(|| findings::truncated(examined.length)),
        findings::trailing_bytes(trailing, examined.tail),
        findings::camera_clock(&examined.exif, row.captured_at, row.received_at),
        findings::device_differs(&examined.exif, &item.device),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The previews, or the finding that says why there are none.
async fn previewed(
    local: Option<Arc<Local>>,
    gate: &Gate,
    row: &EvidenceRow,
    examined: &Examined,
    attempts: i32,
) -> Result<std::result::Result<Vec<Preview>, Finding>> {
    let is = examined.is;
    let format = is.format();
    let Some(local) = local.filter(|_| format.is_shown()) else {
        return Ok(Err(findings::not_decodable(is, "this kind of file is kept, not shown")));
    };
    if examined.length > decode::FILE_MAX {
        return Ok(Err(findings::refused(is, &Refusal::TooLarge(None))));
    }
    if attempts > DECODE_ATTEMPTS {
        return Ok(Err(findings::not_decodable(is, "decoding did not end well before")));
    }
    let orientation = examined.exif.orientation.unwrap_or(1);
    let work = move || {
        let file = local.open()?;
        Ok::<_, Error>(decode::previews(file, format, orientation, Instant::now() + DECODE_WITHIN))
    };
    let refusal = match gate.run(DECODE_WITHIN + GRACE, work).await {
        Ran::Done(outcome) => match outcome? {
            Ok(previews) => return Ok(Ok(previews)),
            Err(refusal) => refusal,
        },
        Ran::Panicked => Refusal::Broken("the decoder gave up".to_owned()),
        Ran::TookTooLong => Refusal::TookTooLong,
    };
    if refusal == Refusal::TookTooLong && attempts < DECODE_ATTEMPTS {
        return Err(not_in_time());
    }
    tracing::info!(evidence = %row.id, ?refusal, "a photo has no preview");
    Ok(Err(findings::refused(is, &refusal)))
}

/// The photo's place against the track of whoever had the camera. A track that cannot be read says nothing.
async fn against_track(core: &Core, row: &EvidenceRow, photo: Position) -> Option<Finding> {
    let (person, at) = (row.wearer_id.unwrap_or(row.author_id), row.captured_at);
    let (from, to) = (at.plus_secs(-TRACK_GAP_S), at.plus_secs(TRACK_GAP_S));
    match location::service::track(core, person, from, to).await {
        Ok(track) => findings::place(photo, &track, at),
        Err(error) => {
            tracing::warn!(evidence = %row.id, %error, "a photo is not compared with its officer's track");
            None
        }
    }
}

/// Stores the previews; made again, they are the same.
async fn keep(blobs: &Blobs, id: EvidenceId, previews: &[Preview]) -> Result<()> {
    let (blobs, previews) = (blobs.clone(), previews.to_vec());
    blocking(move || previews.iter().try_for_each(|made| blobs.put_preview(id, made.px, &made.jpeg))).await?
}

/// Everything that is now known, in one recipe with the end of the job.
async fn settle(core: &Core, job: JobRow, item: Item, seen: Seen) -> Result<()> {
    // A room waits for it.
    core.db
        .write(Priority::Normal, move |tx| {
            if !jobs::finish(tx, &job)? {
                // Another worker has taken the job over.
                return Ok(());
            }
            note(tx, &item, &seen)
        })
        .await
}

fn note(tx: &mut Tx<'_>, item: &Item, seen: &Seen) -> Result<()> {
    let (id, now) = (item.row.id, tx.now);
    let shown = !seen.previews.is_empty();
    let outcome = if shown { Previewed::Made } else { Previewed::Impossible };
    if !previews::evidence_previewed(tx.conn(), &id, outcome)? {
        return Ok(());
    }
    let (mut made_all, mut found_all) = (Vec::new(), Vec::new());
    for made in &seen.previews {
        let row = preview_row(id, made, now)?;
        made_all.push(json!({ "px": row.px, "width": row.width, "height": row.height, "size": row.size }));
        previews::preview_insert(tx.conn(), &row)?;
    }
    for finding in &seen.findings {
        found_all.push(json!({ "code": finding.code.as_str(), "detail": finding.detail }));
        previews::finding_insert(tx.conn(), &finding.row(id, now))?;
    }
    let detail = json!({ "outcome": outcome, "previews": made_all, "findings": found_all });
    touch(tx, Touch { evidence: Some(&id), kind: TouchKind::Previewed, actor: None, device: None, detail })?;
    // As it stands now: it may have been put aside or let in meanwhile.
    let row = store::evidence_fetch(tx.conn(), &id)?;
    messages::tell_room(tx, &row, item.incident, shown)
}

fn preview_row(id: EvidenceId, made: &Preview, now: Timestamp) -> Result<PreviewRow> {
    let small = |value: u32| i32::try_from(value).map_err(Error::internal);
    Ok(PreviewRow {
        evidence_id: id,
        px: small(made.px)?,
        width: small(made.width)?,
        height: small(made.height)?,
        size: i64::try_from(made.jpeg.len()).map_err(Error::internal)?,
        made_at: now,
    })
}
