//! What people did with a record, as it is shown.

use serde::Serialize;

use super::super::rules::signing::SignerRole;
use super::super::rules::{SignStatus, State, Step};
use super::super::store::MediationRow;
use super::super::store::acts::{self, MarkForm};
use super::super::{Outcome, PaperName, Purpose, Way};
use crate::duty::partners;
use crate::duty::partners::rules::State as TaskState;
use crate::platform::db::Conn;
use crate::words::error::Result;
use crate::words::ids::{ActId, EntryId, EvidenceId, MediationId, PersonId, TaskId};
use crate::words::time::Timestamp;

/// One signing.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct SignatureView {
    pub id: ActId,
    pub signer: EntryId,
    pub role: SignerRole,
    pub status: SignStatus,
    pub form: MarkForm,
    /// Of what stands now; otherwise it fell when that changed.
    pub counts: bool,
    pub reason: Option<String>,
    pub evidence_id: Option<EvidenceId>,
    pub from_ms: Option<i64>,
    pub to_ms: Option<i64>,
    pub signed_at: Timestamp,
    pub by: PersonId,
}

/// What a party said of being mediated.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct ConsentView {
    pub id: ActId,
    pub party: EntryId,
    pub consents: bool,
    pub needs_interpreter: bool,
    pub declines_guardian: bool,
    pub evidence_id: Option<EvidenceId>,
    pub said_at: Timestamp,
    pub by: PersonId,
}

/// One move.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct StepView {
    pub step: Step,
    #[schema(inline)]
    pub from: State,
    #[schema(inline)]
    pub to: State,
    pub at: Timestamp,
    /// None for what followed by itself.
    pub by: Option<PersonId>,
    pub reason: Option<String>,
}

/// One paper.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct DocumentView {
    #[schema(inline)]
    pub kind: PaperName,
    /// Its place among those of its kind: which receipt, which delivery note, which edition of an agreement.
    pub n: i32,
    pub url: String,
    /// False of what is drawn when it is asked for and not kept: the slip.
    pub stored: bool,
    /// Of a receipt the performance, of a delivery note the copy.
    pub act_id: Option<ActId>,
    /// Its bytes, as an item of evidence, once it is made.
    pub evidence_id: Option<EvidenceId>,
    pub sha256: Option<String>,
    pub pages: Option<i32>,
    /// Why it cannot be made.
    pub problem: Option<String>,
}

/// To whom the record was handed.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct ReferralView {
    /// The work order; all about it by `GET /tasks/{id}`.
    pub task_id: TaskId,
    #[schema(inline)]
    pub purpose: Purpose,
    /// Name of the body.
    pub agency: String,
    /// Of the work order.
    #[schema(inline)]
    pub state: TaskState,
    /// The result, or why it came back.
    pub outcome: Option<String>,
    pub at: Timestamp,
    pub by: PersonId,
}

impl ReferralView {
    /// Of one record, in their order.
    pub(super) fn all(conn: &mut Conn, id: &MediationId) -> Result<Vec<Self>> {
        let mut all = Vec::new();
        for row in acts::referrals_of(conn, id)? {
            let Some(task) = partners::store::task_find(conn, &row.task_id)? else { continue };
            let agency = partners::store::agencies::agency_fetch(conn, &task.agency_id)?.name;
            all.push(Self {
                task_id: row.task_id,
                purpose: row.purpose,
                agency,
                state: task.state,
                outcome: task.outcome,
                at: row.at,
                by: row.by_person,
            });
        }
        Ok(all)
    }
}

/// How a party got its copy.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct CopyView {
    pub id: ActId,
    pub party: EntryId,
    pub document: PaperName,
    pub way: Way,
    pub note: Option<String>,
    pub handed_at: Timestamp,
    pub by: PersonId,
}

/// What became of a term.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct PerformanceView {
    pub id: ActId,
    pub term: EntryId,
    pub outcome: Outcome,
    /// `YYYY-MM-DD`, in China.
    pub on: String,
    pub amount_fen: Option<i64>,
    pub evidence_id: Option<EvidenceId>,
    pub note: Option<String>,
    /// What the payee said of it.
    pub payee_words: Option<String>,
    pub by: PersonId,
}

impl SignatureView {
    pub(super) fn of(row: &acts::SignatureRow, current: &str) -> Self {
        Self {
            id: row.id,
            signer: row.signer_id,
            role: row.role,
            status: row.status,
            form: row.form,
            counts: row.content_hash == current,
            reason: row.reason.clone(),
            evidence_id: row.evidence_id,
            from_ms: row.from_ms,
            to_ms: row.to_ms,
            signed_at: row.signed_at,
            by: row.by_person,
        }
    }
}

impl From<&acts::ConsentRow> for ConsentView {
    fn from(row: &acts::ConsentRow) -> Self {
        Self {
            id: row.id,
            party: row.party_id,
            consents: row.consents,
            needs_interpreter: row.needs_interpreter,
            declines_guardian: row.declines_guardian,
            evidence_id: row.evidence_id,
            said_at: row.said_at,
            by: row.by_person,
        }
    }
}

impl From<acts::StepRow> for StepView {
    fn from(row: acts::StepRow) -> Self {
        Self {
            step: row.step,
            from: row.from_state,
            to: row.to_state,
            at: row.at,
            by: row.by_person,
            reason: row.reason,
        }
    }
}

impl DocumentView {
    /// The papers of a record, and of a final one the slip.
    pub(super) fn all(record: &MediationRow, rows: Vec<acts::DocumentRow>) -> Vec<Self> {
        let url = |name: &str| format!("/api/v1/mediations/{}/documents/{name}.pdf", record.id);
        let latest: Vec<(PaperName, i32)> = rows.iter().map(|row| (row.kind, row.n)).collect();
        // Where a later edition takes the place of an earlier one, the plain name is the latest's.
        let plain = |kind: PaperName, n: i32| {
            !kind.is_numbered() && latest.iter().all(|(other, later)| *other != kind || *later <= n)
        };
        let slip = record.finalized_at.is_some().then(|| Self {
            kind: PaperName::Slip,
            n: 1,
            url: url(PaperName::Slip.as_str()),
            stored: false,
            act_id: None,
            evidence_id: None,
            sha256: None,
            pages: None,
            problem: None,
        });
        let stored = rows.into_iter().map(|row| Self {
            kind: row.kind,
            n: row.n,
            url: if plain(row.kind, row.n) { url(row.kind.as_str()) } else { url(&format!("{}-{}", row.kind, row.n)) },
            stored: true,
            act_id: row.act_id,
            evidence_id: row.evidence_id,
            sha256: row.sha256,
            pages: row.pages,
            problem: row.problem,
        });
        stored.chain(slip).collect()
    }
}

impl From<acts::CopyRow> for CopyView {
    fn from(row: acts::CopyRow) -> Self {
        Self {
            id: row.id,
            party: row.party_id,
            document: row.document,
            way: row.way,
            note: row.note,
            handed_at: row.handed_at,
            by: row.by_person,
        }
    }
}

impl From<acts::PerformanceRow> for PerformanceView {
    fn from(row: acts::PerformanceRow) -> Self {
        Self {
            id: row.id,
            term: row.term_id,
            outcome: row.outcome,
            on: row.on_day,
            amount_fen: row.amount_fen,
            evidence_id: row.evidence_id,
            note: row.note,
            payee_words: row.payee_words,
            by: row.by_person,
        }
    }
}
