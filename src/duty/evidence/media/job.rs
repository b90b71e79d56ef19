//! The durable job behind every recording, by whatever door it came: what its container says, what does not fit,
//! custody, and the room is told.
//!
//! Idempotent: whoever notes first what was found has done it all, in one recipe with the end of the job. A container
//! that says nothing is an outcome and no failure; what fails (a disk, a database) is tried again.

use std::time::{Duration, Instant};

use serde_json::json;

use super::facts::{Container, Facts, MediaView};
use crate::duty::evidence::custody::{Touch, TouchKind, touch};
use crate::duty::evidence::jobs::{Args, MEDIA_JOB};
use crate::duty::evidence::photos::Gate;
use crate::duty::evidence::photos::gate::Ran;
use crate::duty::evidence::scene;
use crate::duty::evidence::store::{self, EvidenceRow, media, previews};
use crate::duty::evidence::{Kind, Place, messages};
use crate::platform::blobs::Blobs;
use crate::platform::ctx::Core;
use crate::platform::db::{Conn, Priority, Tx};
use crate::platform::jobs::{self, JobRow};
use crate::words::error::{Error, Result};
use crate::words::ids::EvidenceId;

/// For the walk through one container, which ends by itself then; a thousand short reads of a slow disk.
const READ_WITHIN: Duration = Duration::from_secs(8);
/// What a read that hangs has beyond that; then it is left to itself.
const GRACE: Duration = Duration::from_secs(1);
/// Attempts in which a disk may have been busy; after these, nothing is known of the recording.
const READ_ATTEMPTS: i32 = 3;

/// Whether an item is told of by this job and not as it arrives.
pub fn waits(conn: &mut Conn, row: &EvidenceRow) -> Result<bool> {
    let recorded = matches!(row.kind, Kind::Video | Kind::Audio) && row.place == Place::Stored;
    Ok(recorded && row.gone_at.is_none() && media::media_find(conn, &row.id)?.is_none())
}

/// Has a recording looked at.
pub fn enqueue(tx: &mut Tx<'_>, id: EvidenceId) -> Result<()> {
    let args = serde_json::to_value(Args { evidence_id: id, declared_type: None })?;
    let now = tx.now;
    jobs::enqueue(tx, MEDIA_JOB, &args, now).map(drop)
}

/// Does one claimed job. Errors: what may go better the next time.
pub async fn run(core: &Core, job: &JobRow) -> Result<()> {
    let Args { evidence_id: id, .. } = serde_json::from_str(&job.args)?;
    let job = job.clone();
    let waiting = core
        .db
        .read(move |conn| {
            let Some(row) = store::evidence_find(conn, &id)? else { return Ok(None) };
            Ok(waits(conn, &row)?.then_some(row))
        })
        .await?;
    match waiting {
        Some(row) => {
            let facts = look(core, &row, job.attempts).await?;
            settle(core, job, row, facts).await
        }
        None => core.db.write(Priority::Background, move |tx| jobs::finish(tx, &job).map(drop)).await,
    }
}

async fn look(core: &Core, row: &EvidenceRow, attempts: i32) -> Result<Facts> {
    let (blobs, gate) = (core.part::<Blobs>()?.clone(), core.part::<Gate>()?);
    let (key, media_type) = (row.sha256.clone(), row.media_type.clone());
    let work = move || -> Result<Facts> {
        let file = blobs.open(&key)?;
        let length = file.len();
        Ok(super::read(file, length, &media_type, Instant::now() + READ_WITHIN)?)
    };
    match gate.run(READ_WITHIN + GRACE, work).await {
        Ran::Done(facts) => facts,
        Ran::TookTooLong if attempts < READ_ATTEMPTS => {
            Err(Error::busy(1).detail("the recording was not read in its time"))
        }
        Ran::Panicked | Ran::TookTooLong => {
            tracing::warn!(evidence = %row.id, "nothing is known of a recording");
            Ok(Facts::of(Container::Unknown))
        }
    }
}

/// Everything that is now known, in one recipe with the end of the job.
async fn settle(core: &Core, job: JobRow, row: EvidenceRow, facts: Facts) -> Result<()> {
    // A room waits for it.
    core.db
        .write(Priority::Normal, move |tx| {
            if !jobs::finish(tx, &job)? {
                // Another worker has taken the job over.
                return Ok(());
            }
            note(tx, &row, &facts)
        })
        .await
}

fn note(tx: &mut Tx<'_>, row: &EvidenceRow, facts: &Facts) -> Result<()> {
    let (id, now) = (row.id, tx.now);
    let known = facts.row(id, row.received_at, now);
    if !media::media_insert(tx.conn(), &known)? {
        return Ok(());
    }
    media::evidence_measured(tx.conn(), &id, known.duration_ms, known.codec.as_deref())?;
    let mut found_all = Vec::new();
    for finding in facts.findings(row.captured_at, row.received_at, row.size) {
        found_all.push(json!({ "code": finding.code.as_str(), "detail": finding.detail }));
        previews::finding_insert(tx.conn(), &finding.row(id, now))?;
    }
    let detail = json!({ "media": MediaView::from(known), "findings": found_all });
    touch(tx, Touch { evidence: Some(&id), kind: TouchKind::Examined, actor: None, device: None, detail })?;
    // As it stands now: it may have been put aside or let in meanwhile.
    let row = store::evidence_fetch(tx.conn(), &id)?;
    scene::service::came(tx, &row)?;
    let incident = store::incidents_of(tx.conn(), &id)?.first().copied();
    messages::tell_room(tx, &row, incident, false)
}
