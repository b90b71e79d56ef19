//! May these people be mediated, by this person, in this way, on this day; and if not, why. A typed check over facts;
//! which article says what and in which words stands in the law's data.
//!
//! A finding is no error: a record with findings is kept and worked on. What they allow is asked by [`may_begin`] and
//! [`may_sign`].

use jiff::civil::Date;
use serde::Serialize;
use uuid::Uuid;

use super::Kind;
use super::identity::age_on;
use super::law::{FieldLaw, KindLaw, Law, Reason};
use super::vocabulary::{Ground, LeaderKind, Level, Nature, PartyRole, SaidBar};
use crate::text_enum;
use crate::words::error::Result;

/// Full age (民法典 article 17).
const FULL_AGE: u16 = 18;
/// From here on a minor who lives on its own earnings speaks for itself (程序规定 article 181; 民法典 article 18).
const OWN_EARNINGS_AGE: u16 = 16;
/// Two officers need no recording (程序规定 article 52).
const OFFICERS: u8 = 2;

text_enum! {
    /// How far a recording of the mediation is.
    pub enum Recording {
        /// Nobody recorded, or it stopped in between.
        None = "none",
        /// Recorded from beginning to end and announced; its upload is not finished, as without a network.
        Pending = "pending",
        Complete = "complete",
    }
}

text_enum! {
    /// How far a minor's guardian is.
    pub enum Guardian { None = "none", Notified = "notified", Present = "present" }
}

text_enum! {
    /// Whether a party needs somebody who translates or signs with the hands, and has him.
    pub enum Interpreter { NotNeeded = "not_needed", Needed = "needed", Present = "present" }
}

/// A mediator's certificate as registered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    pub number: String,
    pub valid_from: Date,
    /// Its last day; None when it does not expire.
    pub valid_until: Option<Date>,
}

/// Who leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leader {
    pub kind: LeaderKind,
    pub certificate: Option<Certificate>,
    /// Police officers who are there, the leader among them.
    pub officers_present: u8,
}

/// Somebody sent in a party's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delegate {
    pub present: bool,
    /// The authority was handed in, and says what the delegate may do.
    pub written_scope: bool,
}

/// One party.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartyFacts {
    /// The id of its entry in the record.
    pub id: Uuid,
    pub role: Option<PartyRole>,
    pub birth_date: Option<Date>,
    /// None = not asked yet, false = refuses.
    pub consents: Option<bool>,
    pub guardian: Guardian,
    /// Lives mainly on its own earnings and does not want a guardian called; counts from 16 to 17.
    pub declines_guardian: bool,
    pub delegate: Option<Delegate>,
    pub interpreter: Interpreter,
}

impl PartyFacts {
    /// A party of whom nothing is known.
    pub const fn new(id: Uuid) -> Self {
        Self {
            id,
            role: None,
            birth_date: None,
            consents: None,
            guardian: Guardian::None,
            declines_guardian: false,
            delegate: None,
            interpreter: Interpreter::NotNeeded,
        }
    }
}

/// All that decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    pub kind: Kind,
    /// The day of the mediation in China.
    pub date: Date,
    pub nature: Option<Nature>,
    /// 情节较轻, on the spot 情节轻微.
    pub minor: Option<bool>,
    pub ground: Option<Ground>,
    /// What forbids it, as the leader says.
    pub bars: Vec<SaidBar>,
    /// Nobody disputes who pays for treatment and damage, or there was none.
    pub no_loss_dispute: Option<bool>,
    pub performed_on_the_spot: Option<bool>,
    pub leader: Leader,
    pub recording: Recording,
    /// People sign on a screen, not on paper.
    pub signed_on_screen: bool,
    pub parties: Vec<PartyFacts>,
}

/// One thing that was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Finding {
    #[schema(inline)]
    pub code: Reason,
    pub level: Level,
    /// The article it comes from, as Chinese offices cite it.
    pub article: String,
    /// The party it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub subject: Option<Uuid>,
    /// The field of the record that is missing, `*` for every entry of a map.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    pub en: String,
    pub zh: String,
    /// A person with the right to do so may go on all the same, under his name.
    pub overridable: bool,
}

struct Found<'a> {
    law: &'a Law,
    kind: Kind,
    findings: Vec<Finding>,
}

impl Found<'_> {
    fn add(&mut self, code: Reason) -> Result<()> {
        self.about(code, None)
    }

    fn about(&mut self, code: Reason, subject: Option<Uuid>) -> Result<()> {
        let told = self.law.reason(code)?;
        self.findings.push(Finding {
            code,
            level: told.level,
            article: told.article(self.kind).to_owned(),
            subject,
            field: None,
            en: told.en.clone(),
            zh: told.zh.clone(),
            overridable: told.overridable,
        });
        Ok(())
    }
}

/// Everything that is found, the gravest first. `law` is that of `facts.date`.
///
/// Sources: 程序规定 articles 52, 178, 179, 181, 263; 人民调解法 articles 13, 14, 17; 治安管理处罚法 (2025) articles 9, 108.
///
/// Errors: `internal` when the law's data lack a word, which its reading excludes.
pub fn eligible(law: &Law, facts: &Facts) -> Result<Vec<Finding>> {
    let of_kind = law.kind(facts.kind)?;
    let mut found = Found { law, kind: facts.kind, findings: Vec::new() };
    the_case(&mut found, of_kind, facts)?;
    what_was_said(&mut found, of_kind, facts)?;
    the_leader(&mut found, of_kind, facts)?;
    the_recording(&mut found, of_kind, facts)?;
    the_sides(&mut found, of_kind, facts)?;
    for party in &facts.parties {
        the_party(&mut found, of_kind, facts, party)?;
    }
    let mut findings = found.findings;
    findings.sort_by_key(|finding| finding.level);
    Ok(findings)
}

/// No bar stands in the way; what is missing may still be fetched, and what is pending may come later.
pub fn may_begin(findings: &[Finding]) -> bool {
    findings.iter().all(|finding| finding.level != Level::Bar)
}

/// Nothing is missing either. A recording that is still on its way does not hinder signing, it delays the effect: an
/// officer without a network must be able to finish at the scene.
pub fn may_sign(findings: &[Finding]) -> bool {
    findings.iter().all(|finding| !matches!(finding.level, Level::Bar | Level::Missing))
}

/// Nothing is pending either: the agreement may take effect.
pub fn may_take_effect(findings: &[Finding]) -> bool {
    findings.iter().all(|finding| finding.level == Level::Notice)
}

/// The act, its gravity and the ground (程序规定 article 178).
fn the_case(found: &mut Found<'_>, law: &KindLaw, facts: &Facts) -> Result<()> {
    if let Some(natures) = &law.natures {
        match facts.nature {
            None => found.add(Reason::NatureMissing)?,
            Some(nature) if !natures.contains(&nature) => found.add(Reason::NoOffence)?,
            Some(_) => {}
        }
    }
    if law.offence {
        match facts.minor {
            None => found.add(Reason::GravityMissing)?,
            Some(false) => found.add(Reason::NotMinor)?,
            Some(true) => {}
        }
        if facts.ground.is_none() {
            found.add(Reason::GroundMissing)?;
        }
    } else if facts.nature.is_some_and(|nature| nature != Nature::Civil) {
        // The civil side of an offence: the police decide on the rest (程序规定 article 186).
        found.add(Reason::PoliceMustApprove)?;
        if facts.bars.iter().any(|bar| *bar != SaidBar::Refused && *bar != SaidBar::Other) {
            found.add(Reason::WaiverExcluded)?;
        }
    }
    if law.on_the_spot {
        match facts.no_loss_dispute {
            None => found.add(Reason::LossMissing)?,
            Some(false) => found.add(Reason::LossDispute)?,
            Some(true) => {}
        }
        match facts.performed_on_the_spot {
            None => found.add(Reason::PerformanceMissing)?,
            Some(false) => found.add(Reason::NotOnTheSpot)?,
            Some(true) => {}
        }
    }
    Ok(())
}

/// The bars (程序规定 article 179; 人民调解法 article 17).
fn what_was_said(found: &mut Found<'_>, law: &KindLaw, facts: &Facts) -> Result<()> {
    for bar in law.bars.iter().filter(|bar| facts.bars.contains(bar)) {
        found.add(match bar {
            SaidBar::Hired => Reason::Hired,
            SaidBar::Gang => Reason::Gang,
            SaidBar::Repeated => Reason::Repeated,
            SaidBar::Refused => Reason::PartyRefuses,
            SaidBar::NewViolation => Reason::NewViolation,
            SaidBar::Fled => Reason::SuspectFled,
            SaidBar::Other => Reason::OtherBar,
        })?;
    }
    Ok(())
}

/// Who may lead (程序规定 article 52, 国办发〔2016〕114号 for auxiliaries; 人民调解法 articles 13, 14).
fn the_leader(found: &mut Found<'_>, law: &KindLaw, facts: &Facts) -> Result<()> {
    let leader = &facts.leader;
    if !law.leaders.contains(&leader.kind) {
        found.add(if law.offence { Reason::LeaderNotPolice } else { Reason::LeaderNotMediator })?;
    }
    if !law.certificate {
        return Ok(());
    }
    match &leader.certificate {
        None => found.add(Reason::CertificateMissing),
        Some(paper) if paper.number.trim().is_empty() => found.add(Reason::CertificateMissing),
        Some(paper) if facts.date < paper.valid_from => found.add(Reason::CertificateNotYet),
        Some(paper) if paper.valid_until.is_some_and(|last| facts.date > last) => found.add(Reason::CertificateExpired),
        Some(_) => Ok(()),
    }
}

/// One officer alone, and signing on a screen, must be recorded (程序规定 articles 52 and 263; 治安管理处罚法 (2025)
/// article 108).
fn the_recording(found: &mut Found<'_>, law: &KindLaw, facts: &Facts) -> Result<()> {
    if !law.full_recording {
        return Ok(());
    }
    let alone = facts.leader.officers_present < OFFICERS;
    match facts.recording {
        Recording::Complete => Ok(()),
        _ if !alone && !facts.signed_on_screen => Ok(()),
        Recording::Pending => found.add(Reason::RecordingPending),
        Recording::None if alone => found.add(Reason::RecordingMissing),
        Recording::None => found.add(Reason::SigningRecordingMissing),
    }
}

/// At least two sides: of an offence a suspect and somebody who was wronged, who may be both at once.
fn the_sides(found: &mut Found<'_>, law: &KindLaw, facts: &Facts) -> Result<()> {
    let side = |is: fn(PartyRole) -> bool| facts.parties.iter().any(|party| party.role.is_none_or(is));
    let both = !law.offence || (side(PartyRole::is_suspect) && side(PartyRole::is_victim));
    if facts.parties.len() < 2 || !both {
        found.add(Reason::PartiesMissing)?;
    }
    Ok(())
}

fn the_party(found: &mut Found<'_>, law: &KindLaw, facts: &Facts, party: &PartyFacts) -> Result<()> {
    let id = Some(party.id);
    match party.consents {
        None => found.about(Reason::ConsentMissing, id)?,
        Some(false) => found.about(Reason::PartyRefuses, id)?,
        Some(true) => {}
    }
    if law.offence && party.role.is_none_or(|role| role == PartyRole::Party) {
        found.about(Reason::RoleMissing, id)?;
    }
    if party.interpreter == Interpreter::Needed {
        found.about(Reason::InterpreterMissing, id)?;
    }
    the_guardian(found, facts, party)?;
    let Some(delegate) = party.delegate else { return Ok(()) };
    if law.offence && party.role.is_some_and(PartyRole::is_suspect) {
        return found.about(Reason::SuspectDelegates, id);
    }
    if !delegate.written_scope {
        found.about(Reason::DelegateScopeMissing, id)?;
    }
    if !delegate.present {
        found.about(Reason::DelegateNotCome, id)?;
    }
    Ok(())
}

/// Minors (程序规定 article 181, paragraph 1; 民法典 articles 17 to 23).
fn the_guardian(found: &mut Found<'_>, facts: &Facts, party: &PartyFacts) -> Result<()> {
    let id = Some(party.id);
    // Somebody born after the mediation is a slip of the pen: as good as no date.
    let Some(age) = party.birth_date.and_then(|birth| age_on(birth, facts.date)) else {
        return found.about(Reason::BirthDateMissing, id);
    };
    match party.guardian {
        _ if age >= FULL_AGE => Ok(()),
        Guardian::Present => Ok(()),
        _ if age >= OWN_EARNINGS_AGE && party.declines_guardian => found.about(Reason::GuardianDeclined, id),
        Guardian::Notified => found.about(Reason::GuardianNotCome, id),
        Guardian::None => found.about(Reason::GuardianMissing, id),
    }
}

/// What the agreement of this kind has to state (程序规定 article 184; 人民调解法 article 29). An oral agreement has no
/// such list: of it the mediator writes down what was agreed (人民调解法 article 28).
///
/// Errors: `internal` when the law's data lack the kind, which its reading excludes.
pub fn statutory_fields(law: &Law, kind: Kind) -> Result<&[FieldLaw]> {
    Ok(&law.kind(kind)?.fields)
}

/// What of it is not there. `present` answers for a name of the table of fields, `*` meaning every entry that is not
/// removed: `parties/*/name` is there when there are parties and each has a name. Whoever has no document (`id_type`
/// `none`) has the number that he can have.
///
/// Errors: `internal` when the law's data lack a word, which its reading excludes.
pub fn missing(law: &Law, kind: Kind, present: &dyn Fn(&str) -> bool) -> Result<Vec<Finding>> {
    let told = law.reason(Reason::FieldMissing)?;
    let lacking = |row: &&FieldLaw| !present(&row.field) && !row.or.iter().any(|other| present(other));
    let rows = statutory_fields(law, kind)?.iter().filter(lacking);
    let mut findings: Vec<Finding> = rows
        .map(|row| Finding {
            code: Reason::FieldMissing,
            level: row.level,
            article: row.article.clone(),
            subject: None,
            field: Some(row.field.clone()),
            en: format!("{}: {}", told.en, row.en),
            zh: format!("{}：{}", told.zh, row.zh),
            overridable: told.overridable,
        })
        .collect();
    findings.sort_by_key(|finding| finding.level);
    Ok(findings)
}

#[cfg(test)]
#[path = "eligibility_tests.rs"]
mod tests;
