//! The law as data with dates of effect: `law.json` beside this file. Which articles the rules cite, in which words a
//! reason is told, the clocks, and what each kind of mediation asks for.
//!
//! The file has versions. The first is whole; each later one says only what it changes (a merge patch, RFC 7396, over the
//! version before), so what a new law changes can be read in one place. A date has the last version that begins on or
//! before it.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use jiff::civil::Date;
use serde::Deserialize;
use serde_json::Value;

use super::Kind;
use super::vocabulary::{LeaderKind, Level, Nature, SaidBar};
use crate::text_enum;
use crate::words::error::{Error, Result};

const BUILTIN: &str = include_str!("law.json");

text_enum! {
    /// Why a mediation may not go on, what it still lacks, or what is worth knowing.
    pub enum Reason {
        NoOffence = "no_offence",
        NotMinor = "not_minor",
        Hired = "hired",
        Gang = "gang",
        Repeated = "repeated",
        /// Nobody can override it.
        PartyRefuses = "party_refuses",
        NewViolation = "new_violation",
        SuspectFled = "suspect_fled",
        OtherBar = "other_bar",
        LossDispute = "loss_dispute",
        NotOnTheSpot = "not_on_the_spot",
        LeaderNotPolice = "leader_not_police",
        LeaderNotMediator = "leader_not_mediator",
        CertificateMissing = "certificate_missing",
        CertificateExpired = "certificate_expired",
        CertificateNotYet = "certificate_not_yet",
        SuspectDelegates = "suspect_delegates",
        NatureMissing = "nature_missing",
        GravityMissing = "gravity_missing",
        GroundMissing = "ground_missing",
        LossMissing = "loss_missing",
        PerformanceMissing = "performance_missing",
        PartiesMissing = "parties_missing",
        RoleMissing = "role_missing",
        ConsentMissing = "consent_missing",
        BirthDateMissing = "birth_date_missing",
        GuardianMissing = "guardian_missing",
        GuardianNotCome = "guardian_not_come",
        DelegateScopeMissing = "delegate_scope_missing",
        DelegateNotCome = "delegate_not_come",
        InterpreterMissing = "interpreter_missing",
        RecordingMissing = "recording_missing",
        SigningRecordingMissing = "signing_recording_missing",
        FieldMissing = "field_missing",
        RecordingPending = "recording_pending",
        GuardianDeclined = "guardian_declined",
        PoliceMustApprove = "police_must_approve",
        WaiverExcluded = "waiver_excluded",
    }
}

/// Chinese and English words for the same.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Text {
    pub zh: String,
    pub en: String,
}

/// A period that the law sets.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Clock {
    #[serde(default)]
    pub days: u16,
    /// The days are working days.
    #[serde(default)]
    pub working: bool,
    #[serde(default)]
    pub months: u16,
    pub article: String,
}

/// When the responsible person is reminded of what parties promised; custom of the house, no law.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reminders {
    /// Days before the due date, 0 = on it.
    pub days_before: Vec<u16>,
    /// Days after it, while nobody has said whether it was performed.
    pub days_after: Vec<u16>,
    /// Hour of the day in China.
    pub hour: i8,
}

/// Every clock.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Clocks {
    /// From the acceptance of the case, or from the expert's report, to the first police mediation.
    pub first: Clock,
    /// From the first session to the end of the second.
    pub second: Clock,
    /// From the effect of a people's agreement to the joint application for judicial confirmation.
    pub judicial_confirmation: Clock,
    /// From the acceptance to the end of a people's mediation.
    pub people_finish: Clock,
    pub reminders: Reminders,
}

/// How many copies there are of an agreement and for whom.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Copies {
    /// With two parties; each further party one more.
    pub count: u8,
    /// `一式三联`, `一式三份`
    pub form: String,
    pub article: String,
}

/// A field that the agreement has to state.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FieldLaw {
    /// The record's field, `*` for every entry of a map: `parties/*/name`.
    pub field: String,
    /// Any of these does as well.
    #[serde(default)]
    pub or: Vec<String>,
    /// `missing`, or `notice` where the law says "may".
    pub level: Level,
    pub article: String,
    pub zh: String,
    pub en: String,
}

/// What one kind of mediation asks for.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KindLaw {
    /// The name of the agreement on paper.
    pub document: Text,
    pub basis: String,
    pub copies: Copies,
    /// The agreement takes effect with the committee's seal, and in no other way on paper.
    pub needs_seal: bool,
    /// Parties may agree orally, and the mediator writes it down.
    pub oral_allowed: bool,
    /// A recording that shows parties, facts and terms takes the place of the agreement on paper.
    pub video_only: bool,
    /// Settled and performed on the spot, without dispute about losses.
    pub on_the_spot: bool,
    /// The act is an offence: there are a suspect and a victim, and grounds and bars of the law count.
    pub offence: bool,
    /// The leader must be a mediator with a certificate that is valid on the day.
    pub certificate: bool,
    /// One officer alone must be recorded from beginning to end.
    pub full_recording: bool,
    /// At most so many sessions; null for any number.
    pub rounds: Option<u8>,
    /// What may be mediated; null for every quarrel.
    pub natures: Option<Vec<Nature>>,
    /// What forbids it, of that which its leader may say.
    pub bars: Vec<SaidBar>,
    /// Who may lead it.
    pub leaders: Vec<LeaderKind>,
    /// What the agreement has to state.
    pub fields: Vec<FieldLaw>,
}

/// How a reason is told.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReasonLaw {
    pub level: Level,
    /// A person with the right to do so may go on all the same, under his name.
    #[serde(default)]
    pub overridable: bool,
    /// As Chinese offices cite it.
    pub article: String,
    /// Kinds for which another article says it.
    #[serde(default)]
    pub article_of: BTreeMap<Kind, String>,
    pub zh: String,
    pub en: String,
}

impl ReasonLaw {
    pub fn article(&self, kind: Kind) -> &str {
        self.article_of.get(&kind).unwrap_or(&self.article)
    }
}

/// A text that the rules were made from.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceText {
    pub title: String,
    /// The number of the decree or notice.
    pub number: String,
    pub in_force: Date,
    /// Whether the articles cited were compared with the published text, or come from summaries of it.
    pub compared: bool,
}

/// The law as it stands from a day on.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Law {
    pub from: Date,
    pub name: Text,
    pub sources: BTreeMap<String, SourceText>,
    pub clocks: Clocks,
    pub kinds: BTreeMap<Kind, KindLaw>,
    pub reasons: BTreeMap<Reason, ReasonLaw>,
}

impl Law {
    /// Errors: `internal`; [`Laws::parse`] takes no law in which a kind is missing.
    pub fn kind(&self, kind: Kind) -> Result<&KindLaw> {
        self.kinds.get(&kind).ok_or_else(|| Error::internal(format!("no law for {kind}")))
    }

    /// Errors: `internal`; [`Laws::parse`] takes no law in which a reason is missing.
    pub fn reason(&self, reason: Reason) -> Result<&ReasonLaw> {
        self.reasons.get(&reason).ok_or_else(|| Error::internal(format!("no words for {reason}")))
    }
}

/// Every version.
#[derive(Clone, Debug)]
pub struct Laws {
    /// Ascending, never empty.
    versions: Vec<Law>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    versions: Vec<Value>,
}

impl Laws {
    /// The law that came with this build, read once. Errors: `internal` when the file beside is broken, which a test
    /// excludes.
    pub fn builtin() -> Result<&'static Self> {
        static OURS: LazyLock<Result<Laws, String>> =
            LazyLock::new(|| Laws::parse(BUILTIN).map_err(|error| error.to_string()));
        OURS.as_ref().map_err(|error| Error::internal(error.clone()))
    }

    /// Errors: `invalid_field` naming `law` and what is wrong.
    pub fn parse(text: &str) -> Result<Self> {
        let wrong = |what: String| Error::field("law", what);
        let file: File = serde_json::from_str(text).map_err(|error| wrong(error.to_string()))?;
        let mut versions: Vec<Law> = Vec::new();
        let mut whole = Value::Null;
        for patch in file.versions {
            merge(&mut whole, &patch);
            let law: Law = serde_path_to_error::deserialize(&whole).map_err(|error| wrong(error.to_string()))?;
            if versions.last().is_some_and(|before| before.from >= law.from) {
                return Err(wrong(format!("{} does not come after the version before it", law.from)));
            }
            if let Some(kind) = Kind::ALL.iter().find(|kind| !law.kinds.contains_key(kind)) {
                return Err(wrong(format!("{}: no {kind}", law.from)));
            }
            if let Some(reason) = Reason::ALL.iter().find(|reason| !law.reasons.contains_key(reason)) {
                return Err(wrong(format!("{}: no {reason}", law.from)));
            }
            if law.reasons.get(&Reason::PartyRefuses).is_some_and(|reason| reason.overridable) {
                return Err(wrong(format!("{}: nobody is mediated against his will", law.from)));
            }
            versions.push(law);
        }
        if versions.is_empty() {
            return Err(wrong("no version".to_owned()));
        }
        Ok(Self { versions })
    }

    /// The law in force on a day in China. Errors: `invalid_field` (`date`) before the first version.
    pub fn on(&self, date: Date) -> Result<&Law> {
        let law = self.versions.iter().rev().find(|law| law.from <= date);
        law.ok_or_else(|| Error::field("date", "lies before the first law that is known"))
    }

    pub fn versions(&self) -> &[Law] {
        &self.versions
    }
}

/// RFC 7396. The depth is that of our own file.
fn merge(into: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *into = patch.clone();
        return;
    };
    if !into.is_object() {
        *into = Value::Object(serde_json::Map::new());
    }
    let Value::Object(into) = into else { return };
    for (name, value) in patch {
        if value.is_null() {
            into.remove(name);
        } else {
            merge(into.entry(name.clone()).or_insert(Value::Null), value);
        }
    }
}

#[cfg(test)]
#[path = "law_tests.rs"]
mod tests;
