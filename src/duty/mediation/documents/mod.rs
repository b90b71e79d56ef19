//! The papers of a record, made by a job and kept as items of evidence: with custody, receipt, hold and retention like
//! everything else that must be proved later.
//!
//! The same record and date give the same bytes, so a job that was killed in the middle makes the same item again.

pub mod after;
pub mod compose;
mod signed;

use std::sync::Arc;

use serde::Deserialize;
use serde_json::json;

use self::compose::Composed;
use super::lifecycle::Now;
use super::paper::{self, Agreement, Fonts, MissingFont, Paper, Rendered, Sheet};
use super::rules::calendar::{clock_of, date_of};
use super::store::acts::{self, DocumentRow};
use super::store::{self, MediationRow};
use super::{Form, Kind, PaperName, messages};
use crate::duty::evidence::Kind as ItemKind;
use crate::duty::evidence::keeping::Bytes;
use crate::duty::evidence::service::{Arrived, complete};
use crate::duty::evidence::uploads::Uploads;
use crate::duty::officers::auth::actor_of;
use crate::duty::officers::store as officers;
use crate::platform::blobs::Blobs;
use crate::platform::config::Documents;
use crate::platform::ctx::{Core, Ctx};
use crate::platform::db::{Conn, Priority, Tx};
use crate::platform::disk::blocking;
use crate::platform::jobs::{self, JobRow};
use crate::platform::keys::sha256_hex;
use crate::words::error::{Error, Result};
use crate::words::ids::{ActId, DeviceId, EvidenceId, MediationId, PersonId, UploadId};

/// The papers of one record are made.
pub const JOB: &str = "mediation.documents";
/// All of ours, for the worker that does them.
pub const JOBS: &[&str] = &[JOB];

/// Records whose papers are asked for again in one transaction at a start.
const RESUMED: usize = 100;

/// The fonts of all papers, or what to install.
pub struct Papers(std::result::Result<Fonts, MissingFont>);

impl Papers {
    /// Reads the fonts; without any the server runs, says what to install, and makes no papers.
    pub fn load() -> Self {
        let fonts = Fonts::load(&[]);
        if let Err(missing) = &fonts {
            tracing::error!("{missing}");
        }
        Self(fonts)
    }

    /// Errors: `internal` that says what to install.
    pub fn fonts(&self) -> Result<&Fonts> {
        self.0.as_ref().map_err(|missing| Error::internal(missing.to_string()))
    }

    /// The first character of a text that could not be printed; none where there is no font to ask.
    pub fn unprintable(&self, text: &str) -> Option<char> {
        self.0.as_ref().ok().and_then(|fonts| fonts.missing(text))
    }
}

#[derive(Deserialize)]
struct Args {
    mediation_id: MediationId,
}

/// Asks for papers: their rows, each under the next number of its kind, and the job that makes them. The caller holds the
/// record's lock. `act`: of a receipt the performance, of a delivery note the copy. They become items of evidence of `by`,
/// who must be somebody who may add to the call's: what others bring is put aside unseen.
pub fn ask(
    tx: &mut Tx<'_>,
    id: MediationId,
    papers: &[(PaperName, Option<ActId>)],
    (by_person, device_id): (PersonId, DeviceId),
) -> Result<()> {
    if papers.is_empty() {
        return Ok(());
    }
    let there = acts::documents_of(tx.conn(), &id)?;
    for (kind, act) in papers {
        let of_kind = there.iter().filter(|row| row.kind == *kind).count();
        let paper = DocumentRow {
            mediation_id: id,
            kind: *kind,
            n: i32::try_from(of_kind).map_err(Error::internal)? + 1,
            act_id: *act,
            evidence_id: None,
            sha256: None,
            pages: None,
            problem: None,
            by_person,
            device_id,
            made_at: tx.now,
        };
        acts::document_save(tx.conn(), &paper)?;
    }
    enqueue(tx, id)
}

fn enqueue(tx: &mut Tx<'_>, id: MediationId) -> Result<()> {
    let at = tx.now;
    jobs::enqueue(tx, JOB, &json!({ "mediation_id": id }), at).map(drop)
}

/// At every start: what was given up while there was no font, and what a font lacked a character for, is tried again.
/// Without fonts it waits for a start with them.
pub async fn resume(core: &Arc<Core>) -> Result<()> {
    if core.part::<Papers>()?.fonts().is_err() {
        return Ok(());
    }
    let revived = core.db.write(Priority::Background, |tx| jobs::revive(tx, JOBS)).await?;
    let lacking = core.db.read(acts::documents_lacking).await?;
    if revived > 0 || !lacking.is_empty() {
        tracing::info!(jobs = revived, records = lacking.len(), "papers that could not be made are tried again");
    }
    for some in lacking.chunks(RESUMED) {
        let some = some.to_vec();
        core.db.write(Priority::Background, move |tx| some.iter().try_for_each(|id| enqueue(tx, *id))).await?;
    }
    Ok(())
}

/// Makes what is not made yet. What cannot be made says why in its row; the record stays final.
pub async fn run(core: &Arc<Core>, job: &JobRow) -> Result<()> {
    let Args { mediation_id: id } = serde_json::from_str(&job.args)?;
    // Without fonts it fails and is tried again, at last parked until a start with fonts; the log says what to install.
    core.part::<Papers>()?.fonts()?;
    let mut wanted = core.db.read(move |conn| acts::documents_of(conn, &id)).await?;
    wanted.retain(|paper| paper.evidence_id.is_none());
    let asked = !wanted.is_empty();
    // The list of all papers comes after what it lists.
    wanted.sort_by_key(|paper| (paper.kind == PaperName::Volume, paper.n));
    for of in wanted {
        let (inner, wanted) = (Arc::clone(core), of.clone());
        let (row, paper) = core
            .db
            .snapshot(move |conn| {
                let row = store::mediation_fetch(conn, &id)?;
                let paper = written(conn, &inner, &row, &wanted)?;
                Ok((row, paper))
            })
            .await?;
        let inner = Arc::clone(core);
        let drawn = blocking(move || -> Result<_> { Ok(paper::render(&paper, inner.part::<Papers>()?.fonts()?)) });
        let mended = of.problem.is_some() && of.kind != PaperName::Volume;
        let done = match drawn.await?? {
            Ok(rendered) => {
                let (evidence, sha256) = keep(core, &row, &of, &rendered).await?;
                let pages = i32::try_from(rendered.pages).map_err(Error::internal)?;
                DocumentRow {
                    evidence_id: Some(evidence),
                    sha256: Some(sha256),
                    pages: Some(pages),
                    problem: None,
                    ..of
                }
            }
            Err(problem) => {
                tracing::error!(mediation = %id, kind = %of.kind, %problem, "a paper cannot be made");
                let problem = Some(problem.to_string());
                if of.problem == problem {
                    continue;
                }
                DocumentRow { problem, ..of }
            }
        };
        core.db.write(Priority::Normal, move |tx| made(tx, &done, mended)).await?;
    }
    let job = job.clone();
    let finish = move |tx: &mut Tx<'_>| {
        // In the transaction that ends the job: it is said once, however often the job was begun.
        if jobs::finish(tx, &job)? && (asked || job.attempts > 1) {
            settled(tx, &id)?;
        }
        Ok(())
    };
    core.db.write(Priority::Background, finish).await
}

/// What a paper says. All papers say what stood when the record became final; each bears its own date.
fn written(conn: &mut Conn, core: &Core, row: &MediationRow, of: &DocumentRow) -> Result<Paper> {
    let settings = &core.config.documents;
    let papers = acts::documents_of(conn, &row.id)?;
    let final_at = papers.iter().filter(|paper| paper.kind == PaperName::Agreement).map(|paper| paper.made_at).min();
    let failed = of.kind == PaperName::Minutes && final_at.is_none_or(|at| of.made_at < at);
    let final_at = if failed { of.made_at } else { final_at.unwrap_or(of.made_at) };
    let now = Now::stored(conn, &core.keys, row, final_at)?;
    let mut composed = compose::compose(conn, &core.keys, row, &now, final_at, settings)?;
    let before = papers.iter().find(|paper| paper.kind == of.kind && paper.n == of.n - 1);
    Ok(match of.kind {
        PaperName::Agreement => {
            if let Some(before) = before {
                after::sealed(conn, row, &mut composed.agreement, before, of, settings)?;
            }
            form(&composed.agreement)
        }
        PaperName::Minutes => {
            if failed {
                after::unreached(conn, row, &mut composed, of)?;
            }
            paper::minutes(&composed.agreement, &composed.talk)
        }
        PaperName::Volume => {
            let list = listed(row, &papers, of)?;
            let note = before.and_then(|before| before.sha256.as_deref());
            let note = note.map(|sha256| format!("替代此前的封面和目录，其SHA-256：{sha256}"));
            composed.agreement.made_at = clock_of(of.made_at);
            let mut volume = compose::volume(&composed, &list, note.unwrap_or_default());
            volume.filed_on = date_of(of.made_at);
            paper::file_cover(&volume)
        }
        PaperName::Receipt => paper::receipt(&after::receipt(conn, row, &composed, of, settings)?),
        PaperName::Delivery => paper::delivery(&after::delivery(conn, row, &composed, of, settings)?),
        PaperName::Slip => return Err(Error::internal("a slip is not kept")),
    })
}

/// What is in the file when its list is made: of the agreement the latest edition, of the others each.
fn listed(row: &MediationRow, papers: &[DocumentRow], of: &DocumentRow) -> Result<Vec<(&'static str, u32)>> {
    let there: Vec<&DocumentRow> = papers.iter().filter(|paper| paper.made_at <= of.made_at).collect();
    let mut list = Vec::new();
    // The order of the forms of the Ministry of Justice: minutes, agreement, proof of performance.
    for of_kind in [PaperName::Minutes, PaperName::Agreement, PaperName::Receipt, PaperName::Delivery] {
        let mut some: Vec<&&DocumentRow> = there.iter().filter(|paper| paper.kind == of_kind).collect();
        // Of each session its minutes, and each receipt; of the agreement the sealed one.
        if of_kind == PaperName::Agreement {
            // The latest that there is: one that cannot be drawn takes no place.
            some = some.into_iter().rfind(|paper| paper.pages.is_some()).into_iter().collect();
        }
        for paper in some {
            let Some(pages) = paper.pages else { continue };
            list.push((title(row, of_kind), u32::try_from(pages).map_err(Error::internal)?));
        }
    }
    Ok(list)
}

/// A paper is there: whoever waits for it sees that the record changed. `mended`: it could not be made before, so the list
/// that was made meanwhile lacks it and is made again.
fn made(tx: &mut Tx<'_>, done: &DocumentRow, mended: bool) -> Result<()> {
    let mut row = store::mediation_lock(tx.conn(), &done.mediation_id)?;
    acts::document_save(tx.conn(), done)?;
    row.version += 1;
    store::mediation_save(tx.conn(), &row)?;
    let listed = |paper: &DocumentRow| paper.kind == PaperName::Volume && paper.evidence_id.is_some();
    if mended && done.evidence_id.is_some() && acts::documents_of(tx.conn(), &row.id)?.iter().any(listed) {
        return ask(tx, row.id, &[(PaperName::Volume, None)], (done.by_person, done.device_id));
    }
    Ok(())
}

/// Nothing is waited for any more: who leads it and who asked hear it. Of what was asked for since, its own job tells.
fn settled(tx: &mut Tx<'_>, id: &MediationId) -> Result<()> {
    let all = acts::documents_of(tx.conn(), id)?;
    if all.iter().any(|paper| paper.evidence_id.is_none() && paper.problem.is_none()) {
        return Ok(());
    }
    let Some(last) = all.iter().max_by_key(|paper| paper.made_at) else { return Ok(()) };
    let lacking = all.iter().filter(|paper| paper.problem.is_some()).count();
    let row = store::mediation_fetch(tx.conn(), id)?;
    messages::tell_papers(tx, &row, &last.by_person, u32::try_from(lacking).map_err(Error::internal)?)
}

/// The form of the kind.
fn form(agreement: &Agreement) -> Paper {
    match agreement.kind {
        paper::Kind::PoliceOnScene => paper::police_on_scene(agreement),
        paper::Kind::Police => paper::police(agreement),
        paper::Kind::People => paper::people(agreement),
    }
}

/// What the agreement looks like now, before it is final: to be read by who signs it.
pub async fn draft(core: &Arc<Core>, row: &MediationRow) -> Result<Vec<u8>> {
    // A draft leads nowhere: there is nothing to verify yet.
    let settings = Documents { public_url: String::new(), ..core.config.documents.clone() };
    drawn_now(core, row, settings, |composed| Paper { draft: true, ..form(&composed.agreement) }).await
}

/// The strip of a receipt printer, of what became final.
pub async fn slip(core: &Arc<Core>, row: &MediationRow, sheet: Sheet) -> Result<Vec<u8>> {
    let settings = core.config.documents.clone();
    drawn_now(core, row, settings, move |composed| paper::slip(&composed.agreement, sheet)).await
}

/// A paper that is not kept.
async fn drawn_now(
    core: &Arc<Core>,
    row: &MediationRow,
    settings: Documents,
    paper: impl Fn(&Composed) -> Paper + Send + 'static,
) -> Result<Vec<u8>> {
    let (inner, row) = (Arc::clone(core), row.clone());
    let made_at = row.finalized_at.unwrap_or(row.updated_at);
    let composed = core
        .db
        .snapshot(move |conn| {
            let now = Now::stored(conn, &inner.keys, &row, made_at)?;
            compose::compose(conn, &inner.keys, &row, &now, made_at, &settings)
        })
        .await?;
    let inner = Arc::clone(core);
    let rendered = blocking(move || -> Result<_> {
        let fonts = inner.part::<Papers>()?.fonts()?;
        Ok(paper::render(&paper(&composed), fonts))
    });
    match rendered.await?? {
        Ok(rendered) => Ok(rendered.pdf),
        Err(problem) => Err(Error::conflict(problem.to_string())),
    }
}

/// The bytes become an item of evidence of whoever made the record final.
async fn keep(
    core: &Arc<Core>,
    row: &MediationRow,
    of: &DocumentRow,
    rendered: &Rendered,
) -> Result<(EvidenceId, String)> {
    let (sha256, pdf) = (sha256_hex(&rendered.pdf), rendered.pdf.clone());
    let size = i64::try_from(pdf.len()).map_err(Error::internal)?;
    let blobs = core.part::<Blobs>()?.clone();
    // Under a name of its own among the staged files: what a kill leaves there is removed at the next start.
    let path = core.part::<Uploads>()?.path(UploadId::new());
    let staged = path.clone();
    blocking(move || std::fs::write(&staged, &pdf)).await??;
    let storing = core.part::<Bytes>()?.shared(&sha256).await;
    blobs.take_in(&path, &sha256).await?;
    let (person, device) = (of.by_person, of.device_id);
    let actor = core
        .db
        .snapshot(move |conn| {
            let device = officers::device_fetch(conn, &device)?;
            let person = officers::person_fetch(conn, &person)?;
            actor_of(conn, person, device.id, device.kind)
        })
        .await?;
    let arrived = Arrived {
        kind: ItemKind::Document,
        filename: filename(row, of),
        declared_type: Some("application/pdf".to_owned()),
        size,
        sha256: sha256.clone(),
        author: of.by_person,
        owner: of.by_person,
        device: of.device_id,
        session: None,
        wearer: None,
        incident: Some(row.incident_id),
        assignment: None,
        captured_at: of.made_at,
        device_signature: None,
        upload: None,
        redacts: None,
        recording: None,
        made_here: true,
    };
    let completed = complete(&Ctx::new(Arc::clone(core), actor), arrived).await?;
    drop(storing);
    // A bucket has a copy; from a folder it has gone already.
    blocking(move || match std::fs::remove_file(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    })
    .await??;
    Ok((completed.id, sha256))
}

/// e.g. `现场治安调解协议书 常公（城南）现调字〔2026〕第000123号.pdf`; with its number where there may be several.
fn filename(row: &MediationRow, of: &DocumentRow) -> String {
    let number = if of.kind.is_numbered() || of.n > 1 { of.n.to_string() } else { String::new() };
    // Minutes of a session without an agreement have no number.
    let serial = row.serial_no.as_ref().map(|serial| format!(" {serial}")).unwrap_or_default();
    format!("{}{number}{serial}.pdf", title(row, of.kind))
}

/// What a paper is called.
pub fn title(row: &MediationRow, paper: PaperName) -> &'static str {
    match (paper, row.kind) {
        (PaperName::Agreement, Kind::People) if row.form == Some(Form::Oral) => paper::forms::ORAL,
        (PaperName::Agreement, Kind::PoliceOnScene) => "现场治安调解协议书",
        (PaperName::Agreement, Kind::Police) => "治安调解协议书",
        (PaperName::Agreement, Kind::People) => "人民调解协议书",
        (PaperName::Minutes, _) => "调解笔录",
        (PaperName::Volume, _) => "调解卷宗",
        (PaperName::Receipt, _) => "收条",
        (PaperName::Delivery, _) => "送达回证",
        (PaperName::Slip, _) => "调解凭条",
    }
}
