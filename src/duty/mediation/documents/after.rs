//! What is done after the agreement, on paper: receipts, delivery notes, the agreement once more under its seal.

use super::super::paper::agreement::{Agreement, Kind as Form};
use super::super::paper::minutes::Outcome as Told;
use super::super::paper::receipt::{Delivery, DeliveryItem, Receipt};
use super::super::paper::{Mark, SealNote, words};
use super::super::rules::calendar::{clock_of, date_of};
use super::super::rules::states::Step;
use super::super::store::MediationRow;
use super::super::store::acts::{self, DocumentRow, PerformanceRow};
use super::super::{Outcome, PaperName, Way};
use super::compose::{Composed, hosts};
use super::title;
use crate::platform::config::Documents;
use crate::platform::db::Conn;
use crate::words::error::{Error, Result};
use crate::words::ids::{ActId, EntryId, PersonId};

/// What was paid with a performance, in fen: what was said, or of a term performed as a whole what was left of its sum.
/// None where no money was due.
pub fn paid(done: &[PerformanceRow], of: &PerformanceRow, whole: Option<i64>) -> Option<i64> {
    if of.outcome != Outcome::Performed {
        return None;
    }
    let before = done.iter().filter(|one| one.term_id == of.term_id && one.n < of.n && one.outcome == of.outcome);
    if before.clone().any(|one| one.amount_fen.is_none()) {
        // It was performed as a whole before: there was nothing left to pay.
        return of.amount_fen;
    }
    let before = before.filter_map(|one| one.amount_fen).fold(0, i64::saturating_add);
    of.amount_fen.or_else(|| whole.map(|whole| whole.saturating_sub(before))).filter(|fen| *fen > 0)
}

/// The receipt for a performance.
pub(super) fn receipt(
    conn: &mut Conn,
    row: &MediationRow,
    composed: &Composed,
    of: &DocumentRow,
    settings: &Documents,
) -> Result<Receipt> {
    let (agreement, done) = (&composed.agreement, acts::performances_of(conn, &row.id)?);
    let act = act_of(of)?;
    let performed = done.iter().find(|one| one.id == act).ok_or_else(|| lost("performance"))?;
    let at = composed.terms.iter().position(|id| *id == performed.term_id).ok_or_else(|| lost("term"))?;
    let term = agreement.terms.get(at).ok_or_else(|| lost("term"))?;
    let clerk = name_of(conn, performed.by_person, settings)?;
    Ok(Receipt {
        office: agreement.office.clone(),
        // It has no number of its own; the agreement's stands where it is named.
        serial: None,
        agreement: of_agreement(row, agreement),
        term: at + 1,
        what: term.what.clone(),
        from: term.debtor.clone(),
        to: term.creditor.clone(),
        amount_fen: paid(&done, performed, term.amount_fen),
        received_on: performed.on_day.parse().map_err(Error::internal)?,
        how: term.how.clone(),
        words: performed.payee_words.clone().unwrap_or_default(),
        proof: performed.evidence_id.map(|id| format!("视听资料、电子数据 {id}")).unwrap_or_default(),
        note: performed.note.clone().unwrap_or_default(),
        signature: None,
        recorder: Some((clerk, None)),
        verify: agreement.verify.clone(),
        drill: agreement.drill,
        made_at: clock_of(of.made_at),
    })
}

/// The delivery note for a copy.
pub(super) fn delivery(
    conn: &mut Conn,
    row: &MediationRow,
    composed: &Composed,
    of: &DocumentRow,
    settings: &Documents,
) -> Result<Delivery> {
    let agreement = &composed.agreement;
    let act = act_of(of)?;
    let copies = acts::copies_of(conn, &row.id)?;
    let copy = copies.iter().find(|one| one.id == act).ok_or_else(|| lost("copy"))?;
    let party = composed.parties.iter().position(|id| *id == copy.party_id);
    let party = party.and_then(|at| agreement.parties.get(at)).ok_or_else(|| lost("party"))?;
    let note = copy.note.clone().unwrap_or_default();
    let how = match copy.way {
        Way::Printed => "当场打印交付",
        Way::HandedLater => "事后交付",
        Way::Refused => "拒收",
        Way::Sent => "寄送",
    };
    Ok(Delivery {
        office: agreement.office.clone(),
        serial: None,
        cause: agreement.case.cause.clone(),
        to: party.name.clone(),
        // Only of what was printed at the scene is the place known.
        place: if copy.way == Way::Printed { agreement.place.clone() } else { String::new() },
        items: vec![DeliveryItem {
            document: format!("{}（{}）", title(row, copy.document), agreement.serial.as_deref().unwrap_or_default()),
            copies: 1,
            how: how.to_owned(),
            at: Some(clock_of(copy.handed_at)),
        }],
        receiver: (copy.way == Way::Refused).then(|| super::super::paper::Signature {
            signer: super::super::paper::Signer::Recorder,
            name: party.name.clone(),
            mark: Mark::Refused { text: note.clone() },
            at: Some(clock_of(copy.handed_at)),
            notes: Vec::new(),
        }),
        instead: None,
        witness: copy.way == Way::Refused,
        by: vec![name_of(conn, copy.by_person, settings)?],
        note,
        verify: agreement.verify.clone(),
        drill: agreement.drill,
        made_at: clock_of(of.made_at),
    })
}

/// What was told who could not agree, in the law's words (治安管理处罚法 article 9; 人民调解法 article 26).
const OF_AN_OFFENCE: &str = "公安机关依法对违反治安管理行为作出处理；当事人可以就民事争议依法向人民法院提起民事诉讼。";
const OF_THE_PEOPLES: &str = "可以依法通过仲裁、行政、司法等途径维护自己的权利。";

/// The minutes of a session that brought no agreement: why, and what the parties may do now. They lead to no verification,
/// since there is nothing in effect to verify.
pub(super) fn unreached(conn: &mut Conn, row: &MediationRow, composed: &mut Composed, of: &DocumentRow) -> Result<()> {
    let steps = acts::steps_of(conn, &row.id)?;
    let ended = |step: &&acts::StepRow| matches!(step.step, Step::Fail | Step::NotReached) && step.at <= of.made_at;
    let why = steps.iter().rfind(ended).ok_or_else(|| lost("step"))?;
    let beside = match &composed.talk.outcome {
        Told::Agreed { words } => words.as_str(),
        Told::Failed { .. } => "",
    };
    let reasons = [why.reason.as_deref().unwrap_or_default(), beside];
    let reasons: Vec<&str> = reasons.into_iter().filter(|words| !words.trim().is_empty()).collect();
    let remedies = if composed.agreement.kind == Form::People { OF_THE_PEOPLES } else { OF_AN_OFFENCE };
    composed.talk.outcome = Told::Failed { reason: reasons.join("\n"), remedies: remedies.to_owned() };
    // One session, one record of it.
    composed.talk.round = usize::try_from(of.n).map_err(Error::internal)?;
    (composed.agreement.serial, composed.agreement.verify) = (None, None);
    Ok(())
}

/// The agreement as it is after it was sealed: who put the seal on the paper, when and how, and which document it was put
/// on. The seal itself is on paper; a drawn one would be a forgery of it.
pub(super) fn sealed(
    conn: &mut Conn,
    row: &MediationRow,
    agreement: &mut Agreement,
    before: &DocumentRow,
    of: &DocumentRow,
    settings: &Documents,
) -> Result<()> {
    agreement.made_at = clock_of(of.made_at);
    let steps = acts::steps_of(conn, &row.id)?;
    let step = steps.iter().rfind(|step| step.step == Step::Seal).ok_or_else(|| lost("seal"))?;
    let mut lines = Vec::new();
    if let Some(by) = step.by_person {
        let people = hosts(conn, &[by], settings)?;
        let keeper = people.get(&by).cloned().unwrap_or_default();
        lines.push(format!("用印人：{}（{}）", keeper.name, keeper.post));
    }
    lines.push(format!("用印时间：{}", words::date_time(clock_of(step.at))));
    if let Some(how) = &step.reason {
        lines.push(format!("用印记录：{how}"));
    }
    if let Some(sha256) = &before.sha256 {
        lines.push(format!("本件在盖章后制作，盖章前的文书SHA-256：{sha256}"));
    }
    agreement.seal = Some(SealNote {
        office: agreement.office.clone(),
        date: Some(date_of(step.at)),
        sealed: true,
        note: lines.join("\n"),
    });
    Ok(())
}

fn of_agreement(row: &MediationRow, agreement: &Agreement) -> String {
    format!("{}（{}）", title(row, PaperName::Agreement), agreement.serial.as_deref().unwrap_or_default())
}

fn act_of(of: &DocumentRow) -> Result<ActId> {
    of.act_id.ok_or_else(|| lost("act"))
}

fn name_of(conn: &mut Conn, person: PersonId, settings: &Documents) -> Result<String> {
    Ok(hosts(conn, &[person], settings)?.remove(&person).unwrap_or_default().name)
}

/// Of what a paper was asked for is never taken away.
fn lost(what: &str) -> Error {
    Error::internal(format!("a paper was asked for of a {what} that is not there"))
}

/// The entries of a map in the order of the paper.
pub(super) fn ids(entries: &[super::super::facts::Entry<'_>]) -> Vec<EntryId> {
    entries.iter().map(|entry| EntryId::from(entry.id)).collect()
}
