//! Where a record stands: what follows by itself from what people wrote and did, and the steps that people take.

use jiff::civil::Date;
use serde_json::{Value, json};

use super::facts::{self, Record};
use super::record::{self, Edit};
use super::rules::eligibility::{self, Finding};
use super::rules::law::{Law, Reason};
use super::rules::signing::{self, Signer, Standing};
use super::rules::states::{self, State, Step};
use super::rules::vocabulary::Level;
use super::rules::{Laws, calendar};
use super::store::acts::{self, ConsentRow, SignatureRow, StepRow};
use super::store::{self, MediationRow};
use crate::duty::incidents::trail;
use crate::platform::db::{Conn, Tx};
use crate::platform::keys::Keys;
use crate::words::error::{Code, Error, Result};
use crate::words::ids::PersonId;
use crate::words::time::Timestamp;

/// Moves that may follow one another from one writing: fewer than there are states; more would be a circle.
const MOVES_MAX: usize = 20;

/// All that is so of a record at an instant.
#[derive(Clone, Debug)]
pub struct Now {
    pub record: Record,
    /// Nobody has to be asked about what stands.
    pub settled: bool,
    pub loose: Vec<String>,
    /// The day whose law counts.
    pub day: Date,
    /// What stands in the way, is missing, on its way, or worth knowing; the gravest first.
    pub findings: Vec<Finding>,
    pub consents: Vec<ConsentRow>,
    pub signatures: Vec<SignatureRow>,
    pub required: Vec<Signer>,
    pub standing: Standing,
}

impl Now {
    /// What stands of a record made of these edits. `row` is read for what is no field.
    pub fn of(conn: &mut Conn, row: &MediationRow, edits: &[Edit], now: Timestamp) -> Result<Self> {
        let merged = record::merge(edits);
        let settled = merged.is_settled();
        let loose = record::loose(&merged.values);
        let record = Record::of(merged.values);
        let hash = facts::hash(row.kind, &record.values);
        let consents = acts::consents_of(conn, &row.id)?;
        let signatures = acts::signatures_of(conn, &row.id)?;
        let day = facts::day(&record, now);
        let mut standing_row = row.clone();
        standing_row.content_hash.clone_from(&hash);
        let all = facts::facts(conn, &standing_row, &record, &consents, &signatures, day, now)?;
        let law = law_of(day)?;
        let mut findings = eligibility::eligible(law, &all)?;
        if record.leader().is_none() {
            // Nobody was named yet, which is missing as a field; nobody unfit was.
            findings.retain(|finding| !is_of_leader(finding.code));
        }
        findings.extend(eligibility::missing(law, row.kind, &|name| record.is_present(name))?);
        findings.sort_by_key(|finding| finding.level);
        let roster = record.roster(&consents);
        let required = roster.map(|roster| signing::required(row.kind, &roster)).unwrap_or_default();
        let standing = signing::standing(&required, &facts::given(&signatures), &hash);
        Ok(Self { record, settled, loose, day, findings, consents, signatures, required, standing })
    }

    /// As [`Now::of`], of what is stored.
    pub fn stored(conn: &mut Conn, keys: &Keys, row: &MediationRow, now: Timestamp) -> Result<Self> {
        let edits = store::edits_of(conn, keys, &row.id)?;
        Self::of(conn, row, &edits, now)
    }

    pub fn law(&self) -> Result<&'static Law> {
        law_of(self.day)
    }

    fn is_barred(&self) -> bool {
        !eligibility::may_begin(&self.findings)
    }

    /// Everything that decides whether there may be a mediation has been said; who consents and records comes later.
    fn is_checked(&self) -> bool {
        let later = |finding: &Finding| {
            matches!(
                finding.code,
                Reason::ConsentMissing
                    | Reason::RecordingMissing
                    | Reason::SigningRecordingMissing
                    | Reason::LossMissing
                    | Reason::PerformanceMissing
                    | Reason::BirthDateMissing
                    | Reason::GuardianMissing
                    | Reason::GuardianNotCome
                    | Reason::InterpreterMissing
                    | Reason::DelegateNotCome
                    | Reason::DelegateScopeMissing
                    | Reason::FieldMissing
            )
        };
        self.missing().all(later)
    }

    fn is_consented(&self) -> bool {
        self.is_checked() && !self.missing().any(|finding| finding.code == Reason::ConsentMissing)
    }

    fn missing(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| matches!(finding.level, Level::Bar | Level::Missing))
    }

    /// What stands can be signed: all of it is there, agreed upon by who wrote it, and whoever must be there is.
    pub fn is_signable(&self) -> bool {
        self.settled && self.loose.is_empty() && !self.required.is_empty() && eligibility::may_sign(&self.findings)
    }

    /// Signed or not, it may take effect.
    pub fn may_take_effect(&self) -> bool {
        self.is_signable() && eligibility::may_take_effect(&self.findings)
    }

    /// The answer to who wants to go on too early.
    pub fn not_ready(&self, what: &str) -> Error {
        let open: Vec<&Finding> = self.findings.iter().filter(|finding| finding.level != Level::Notice).collect();
        Error::new(Code::NotReady)
            .detail(what.to_owned())
            .with("findings", json!(open))
            .with("settled", json!(self.settled))
            .with("loose", json!(self.loose))
            .with("signing", json!(self.standing))
    }

    /// The step that follows from what is so.
    fn follows(&self, state: State) -> Option<Step> {
        match state {
            State::Proposed | State::Eligible | State::Consented | State::InSession | State::Agreed
                if self.is_barred() =>
            {
                Some(Step::Bar)
            }
            State::Proposed | State::Ineligible if !self.is_barred() && self.is_checked() => Some(Step::Pass),
            State::Eligible if self.is_consented() => Some(Step::Consent),
            State::Consented if self.record.time("began_at").is_some() => Some(Step::Begin),
            State::InSession if self.is_signable() => Some(Step::Agree),
            State::Agreed if self.is_signable() && self.standing.complete => Some(Step::SignAll),
            State::Signed | State::AwaitingSeal if !self.standing.complete => Some(Step::Unsign),
            _ => None,
        }
    }
}

const fn is_of_leader(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::LeaderNotPolice
            | Reason::LeaderNotMediator
            | Reason::CertificateMissing
            | Reason::CertificateExpired
            | Reason::CertificateNotYet
    )
}

fn law_of(day: Date) -> Result<&'static Law> {
    let laws = Laws::builtin()?;
    // A date before the law that is known is a slip of the pen; it is judged by today's rules rather than by none.
    laws.on(day).or_else(|_early| laws.versions().last().ok_or_else(|| Error::internal("no law")))
}

/// Brings the row up to what stands, moves it where it belongs by now, and writes it. The caller holds its lock.
pub fn advance(tx: &mut Tx<'_>, row: &mut MediationRow, edits: &[Edit], by: Option<PersonId>) -> Result<Now> {
    let (instant, before) = (tx.now, row.state);
    let now = Now::of(tx.conn(), row, edits, instant)?;
    row.leader_id = now.record.leader();
    row.content_hash = facts::hash(row.kind, &now.record.values);
    if row.finalized_at.is_none() {
        let mut moves = 0;
        while let Some(step) = now.follows(row.state).filter(|_| moves < MOVES_MAX) {
            step_to(tx, row, step, by, None)?;
            moves += 1;
        }
    }
    if row.state != before {
        tracing::debug!(mediation = %row.id, from = %before, to = %row.state, "a record moved");
    }
    store::mediation_save(tx.conn(), row)?;
    Ok(now)
}

/// One step, written down; nothing when the record is there already. The row is the caller's to save, under a version
/// that the caller has raised.
pub fn step_to(
    tx: &mut Tx<'_>,
    row: &mut MediationRow,
    step: Step,
    by: Option<PersonId>,
    reason: Option<String>,
) -> Result<()> {
    let Some(to) = states::next(row.kind, row.state, step)? else { return Ok(()) };
    let steps = acts::steps_of(tx.conn(), &row.id)?;
    let at = tx.now;
    let n = i32::try_from(steps.len()).map_err(Error::internal)? + 1;
    let moved =
        StepRow { mediation_id: row.id, n, step, from_state: row.state, to_state: to, by_person: by, reason, at };
    acts::step_insert(tx.conn(), &moved)?;
    let data = json!({ "mediation_id": row.id, "state": to, "step": step });
    trail::entry(tx, &row.incident_id, "mediation.moved", by, data)?;
    (row.state, row.state_at, row.updated_at) = (to, at, at);
    Ok(())
}

/// Refuses to write into what is closed, saying where it stands.
pub fn open_for_writing(row: &MediationRow) -> Result<()> {
    if row.state.is_open() && row.finalized_at.is_none() {
        return Ok(());
    }
    let detail = match &row.serial_no {
        Some(serial) => format!("the record is final as {serial}: amend it by another one"),
        None => format!("the record is {}: make another one", row.state),
    };
    Err(Error::conflict(detail).with("state", json!(row.state)).with("serial_no", json!(row.serial_no)))
}

/// When it was last in a state, as its clocks count.
pub fn day_of_state(row: &MediationRow) -> Date {
    calendar::date_of(row.state_at)
}

/// A list of findings as values, for the audit.
pub fn codes(findings: &[Finding]) -> Vec<Value> {
    findings.iter().map(|finding| json!(finding.code)).collect()
}
