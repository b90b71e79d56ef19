//! What a record looks like: the tree of what stands, what people disagree about, and nothing personal in clear.

mod acts;
mod owed;

use serde::Serialize;
use serde_json::Value;

pub use self::acts::{ConsentView, CopyView, DocumentView, PerformanceView, ReferralView, SignatureView, StepView};
pub use self::owed::OwedView;
use super::documents::Papers;
use super::lifecycle::Now;
use super::record::{self, Edit, Merged, Values, field_of};
use super::rules::calendar::date_of;
use super::rules::clocks::{self, Due};
use super::rules::signing::{Signer, Standing};
use super::rules::{Calendar, Finding, State, Step, states};
use super::service::Filled;
use super::sources;
use super::store::acts as done;
use super::store::known;
use super::store::{self, MediationRow};
use super::{Form, Kind};
use crate::platform::ctx::Core;
use crate::platform::db::Conn;
use crate::words::error::Result;
use crate::words::ids::{DeviceId, EditId, IncidentId, MediationId, PersonId, UnitId};
use crate::words::time::Timestamp;

/// A record in a list.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct MediationLine {
    pub id: MediationId,
    pub incident_id: IncidentId,
    pub unit_id: UnitId,
    #[schema(inline)]
    pub kind: Kind,
    /// Also its `ETag`.
    pub version: i64,
    /// Fields and removals about which people disagree.
    pub open_questions: i32,
    #[schema(inline)]
    pub state: State,
    /// Since when.
    pub state_at: Timestamp,
    /// Sessions held or being held, from 1.
    pub round: i32,
    /// A drill (演练): counted nowhere.
    pub drill: bool,
    pub amends: Option<MediationId>,
    pub leader_id: Option<PersonId>,
    pub form: Option<Form>,
    /// Once it is final.
    pub serial_no: Option<String>,
    pub finalized_at: Option<Timestamp>,
    pub effective_at: Option<Timestamp>,
    /// Fields that stand filled.
    pub fields: i32,
    /// Of them those that stand as they were filled in from what was known.
    pub not_typed: i32,
    pub created_by: PersonId,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl From<MediationRow> for MediationLine {
    fn from(row: MediationRow) -> Self {
        Self {
            id: row.id,
            incident_id: row.incident_id,
            unit_id: row.unit_id,
            kind: row.kind,
            version: row.version,
            open_questions: row.open_questions,
            state: row.state,
            state_at: row.state_at,
            round: row.round,
            drill: row.drill,
            amends: row.amends,
            leader_id: row.leader_id,
            form: row.form,
            serial_no: row.serial_no,
            finalized_at: row.finalized_at,
            effective_at: row.effective_at,
            fields: row.fields,
            not_typed: row.not_typed,
            created_by: row.created_by,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

/// One record.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct MediationView {
    #[serde(flatten)]
    pub line: MediationLine,
    /// What stands, as a tree. Where people disagree the latest stands here, and all of it in `conflicts`.
    #[schema(value_type = Object)]
    pub record: Value,
    /// Entries that were removed; nothing of them is lost.
    #[schema(value_type = Object)]
    pub removed: Value,
    /// Fields that several wrote without knowing of each other; whoever has seen them writes the field again.
    pub conflicts: Vec<Conflict>,
    /// Entries that somebody removed while others wrote into them: they stand until `removed` is written again.
    pub removals: Vec<Conflict>,
    /// Fields that name a party or somebody present who is not in the record.
    pub loose: Vec<String>,
    /// Characters that no font here has, by their field: no paper can be made of the record while they stand in it. For
    /// who may write.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unprintable: Vec<Unprintable>,
    /// What is signed, SHA-256 in hex; for who may write, since it covers what the masks hide.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_hash: Option<String>,
    /// What the law says of it, the gravest first.
    pub findings: Vec<Finding>,
    /// Steps that are possible from here, whoever may take them.
    pub steps: Vec<Step>,
    pub signing: Signing,
    pub consents: Vec<ConsentView>,
    /// How it came to stand where it does.
    pub history: Vec<StepView>,
    pub documents: Vec<DocumentView>,
    pub copies: Vec<CopyView>,
    pub performances: Vec<PerformanceView>,
    /// Of an agreement in effect: what is owed, what of it was paid, whether it is late.
    pub terms: Vec<OwedView>,
    pub referrals: Vec<ReferralView>,
    pub clocks: ClocksView,
    /// Fields that nobody typed, with whence each value is; those that somebody wrote over are not among them.
    pub filled: Vec<Filled>,
}

/// Who signs, who has, and who lacks.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Signing {
    pub required: Vec<Signer>,
    #[serde(flatten)]
    pub standing: Standing,
    pub signatures: Vec<SignatureView>,
}

/// A character that cannot be printed.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Unprintable {
    pub field: String,
    /// The first of its field.
    #[schema(value_type = String)]
    pub character: char,
}

/// By when what is to be done, as the law says.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct ClocksView {
    /// A police mediation's first session, counted from the record's making.
    pub first_session: Option<Due>,
    /// Its second, counted from the first.
    pub second_session: Option<Due>,
    /// The end of a people's mediation.
    pub finish: Option<Due>,
    /// A people's agreement may be confirmed by a court until then.
    pub judicial_confirmation: Option<Due>,
}

/// What people disagree about.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Conflict {
    /// A field, or of a removal the entry.
    pub field: String,
    /// What was written, the latest first.
    pub values: Vec<Written>,
}

/// One writing of a field.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Written {
    pub edit_id: EditId,
    pub field: String,
    /// Masked where it is personal; null where it was emptied.
    pub value: Value,
    pub by: PersonId,
    pub device_id: DeviceId,
    /// By the device's clock, but not after it arrived.
    pub at: Timestamp,
    /// The version of the record that its author had seen.
    pub base: i64,
    /// The version that took it in.
    pub version: i64,
}

impl From<&Edit> for Written {
    fn from(edit: &Edit) -> Self {
        Self {
            edit_id: edit.id.into(),
            field: edit.path.clone(),
            value: masked(&edit.path, &edit.value),
            by: edit.by.into(),
            device_id: edit.device.into(),
            at: Timestamp::from_micros(edit.at),
            base: edit.base,
            version: edit.version,
        }
    }
}

impl MediationView {
    /// The record as it stands; `writes` for a reader who may write into it.
    pub fn of(conn: &mut Conn, core: &Core, row: MediationRow, writes: bool, instant: Timestamp) -> Result<Self> {
        let (keys, papers) = (&core.keys, core.part::<Papers>()?);
        let edits = store::edits_of(conn, keys, &row.id)?;
        let now = Now::of(conn, &row, &edits, instant)?;
        let Merged { values: plain, conflicts, removals, .. } = record::merge(&edits);
        let values: Values = plain.iter().map(|(path, value)| (path.clone(), masked(path, value))).collect();
        let told = |(field, heads): (String, Vec<&Edit>)| Conflict {
            field,
            values: heads.into_iter().map(Written::from).collect(),
        };
        let lacking = |(path, value): (&String, &Value)| {
            let character = papers.unprintable(value.as_str()?)?;
            Some(Unprintable { field: path.clone(), character })
        };
        let unprintable = plain.iter().filter(|_| writes).filter_map(lacking).collect();
        let performed = done::performances_of(conn, &row.id)?;
        let fills = known::fills_of(conn, &row.id)?;
        Ok(Self {
            filled: sources::standing(fills, &edits, &plain).into_iter().map(Filled::from).collect(),
            unprintable,
            content_hash: writes.then(|| row.content_hash.clone()),
            steps: states::steps_from(row.kind, row.state),
            consents: now.consents.iter().map(ConsentView::from).collect(),
            history: done::steps_of(conn, &row.id)?.into_iter().map(StepView::from).collect(),
            documents: DocumentView::all(&row, done::documents_of(conn, &row.id)?),
            copies: done::copies_of(conn, &row.id)?.into_iter().map(CopyView::from).collect(),
            terms: OwedView::all(&row, &now.record, now.law()?, &performed, instant),
            performances: performed.into_iter().map(PerformanceView::from).collect(),
            referrals: ReferralView::all(conn, &row.id)?,
            clocks: ClocksView::of(&row, &now)?,
            signing: Signing {
                signatures: now.signatures.iter().map(|one| SignatureView::of(one, &row.content_hash)).collect(),
                required: now.required,
                standing: now.standing,
            },
            findings: now.findings,
            record: record::tree(&values),
            removed: record::removed(&values),
            loose: record::loose(&values),
            conflicts: conflicts.into_iter().map(told).collect(),
            removals: removals.into_iter().map(told).collect(),
            line: row.into(),
        })
    }
}

impl ClocksView {
    fn of(row: &MediationRow, now: &Now) -> Result<Self> {
        let (law, calendar) = (now.law()?, Calendar::ours()?);
        let police = law.kind(row.kind)?.offence;
        let made = date_of(row.created_at);
        let held = row.state != State::Proposed && now.record.time("began_at").is_some();
        let effective = row.effective_at.filter(|_| row.kind == Kind::People).map(date_of);
        Ok(Self {
            first_session: (police && !held).then(|| clocks::first_due(law, calendar, made)),
            second_session: (row.kind == Kind::Police && held && row.finalized_at.is_none())
                .then(|| clocks::second_due(law, calendar, now.day)),
            finish: if row.finalized_at.is_none() { clocks::finish_due(law, row.kind, calendar, made)? } else { None },
            judicial_confirmation: effective.map(|day| clocks::judicial_confirmation_until(law, calendar, day)),
        })
    }
}

/// Of a personal field: how many characters are shown at its beginning and its end, if it has so many. Of an identity
/// number the region and the last four, as officials read them out; the year of a birth; the district, never the street.
const SHOWN: [(&str, usize, usize, usize); 4] =
    [("id_number", 6, 4, 15), ("phone", 3, 4, 11), ("birth_date", 4, 0, 8), ("address", 6, 0, 12)];

/// A value as everybody sees it who may see the record.
pub fn masked(path: &str, value: &Value) -> Value {
    let personal = field_of(path).is_none_or(|field| field.personal);
    match value.as_str() {
        Some(text) if personal => Value::from(mask(path.rsplit('/').next().unwrap_or_default(), text)),
        _ => value.clone(),
    }
}

fn mask(name: &str, text: &str) -> String {
    let letters: Vec<char> = text.chars().filter(|c| !matches!(c, ' ' | '-')).collect();
    let row = SHOWN.iter().find(|(of, _, _, least)| *of == name && letters.len() >= *least);
    let (first, last) = row.map_or((0, 0), |(_, first, last, _)| (*first, *last));
    let hidden = letters.len() - first - last;
    let shown = |range: &[char]| range.iter().collect::<String>();
    let (head, rest) = letters.split_at(first);
    let (_, tail) = rest.split_at(hidden);
    format!("{}{}{}", shown(head), "*".repeat(hidden.max(1)), shown(tail))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_found_by_what_is_shown() {
        for (name, plain, seen) in [
            ("id_number", "11010519491231002X", "110105********002X"),
            ("id_number", "DEU110077121801", "DEU110*****1801"),
            ("id_number", "E12345678", "*********"),
            ("id_number", "", "*"),
            ("phone", "13800138000", "138****8000"),
            ("phone", "110", "***"),
            ("birth_date", "1949-12-31", "1949****"),
            ("address", "江苏省常州市金坛区东门大街 18 号 2 幢", "江苏省常州市************"),
            ("address", "东门", "**"),
        ] {
            assert_eq!(mask(name, plain), seen, "{name}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_breaks_the_mask(field in 0_usize..4, text in "\\PC{0,40}") {
            let seen = mask(SHOWN[field].0, &text);
            let most = text.chars().count().max(1);
            proptest::prop_assert!(seen.contains('*') && seen.chars().count() <= most, "{}", seen);
        }
    }

    #[test]
    fn only_personal_fields_are_masked() {
        let party = "parties/01900000-0000-7000-8000-00000000000a";
        assert_eq!(masked(&format!("{party}/name"), &"甲".into()), "甲");
        assert_eq!(masked(&format!("{party}/phone"), &"13800138000".into()), "138****8000");
        assert_eq!(masked(&format!("{party}/phone"), &Value::Null), Value::Null);
        assert_eq!(masked("facts", &"13800138000".into()), "13800138000");
    }
}
