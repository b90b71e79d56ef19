//! What is known of a record before anybody writes into it: from the call, the crew and where it was, its recordings, the
//! documents that were shown, and earlier records of the same people.

use jiff::civil::Date;
use serde_json::{Value, json};
use uuid::Uuid;

use super::Kind;
use super::facts::{Entry, Record};
use super::record::fields::GROUPS;
use super::record::{self, Edit, Origin, Source, Values};
use super::rules::{calendar, identity};
use super::store::known::{self, FillRow, PartyIndexRow};
use super::store::{self, MediationRow};
use crate::duty::assignments::ladder::Rung;
use crate::duty::assignments::store as assignments;
use crate::duty::evidence::store::scene as recordings;
use crate::duty::incidents::reporter;
use crate::duty::incidents::store as incidents;
use crate::duty::incidents::store::IncidentRow;
use crate::duty::officers::store as officers;
use crate::duty::officers::store::PersonRow;
use crate::platform::db::Conn;
use crate::platform::keys::Keys;
use crate::platform::policy::PersonKind;
use crate::words::error::{Error, Result};
use crate::words::ids::{AssignmentId, EntryId, MediationId, PersonId};
use crate::words::time::Timestamp;

/// What an earlier record says of a party that may still be so, the name first.
const OF_A_PARTY: &[&str] =
    &["name", "sex", "birth_date", "ethnic", "phone", "address", "occupation", "employer", "id_type"];
/// How long what a party said of itself is taken to be so: people move and change their numbers every few years.
const FRESH_DAYS: i64 = 2 * 365;

/// The caller, who is one of the parties.
#[derive(Clone, Debug)]
pub struct Caller {
    pub party: EntryId,
    pub name: Option<String>,
    pub phone: Option<String>,
}

/// Everything that is offered for the fields of a record; some of it for fields that are filled already.
pub fn offered(
    conn: &mut Conn,
    keys: &Keys,
    row: &MediationRow,
    record: &Record,
    caller: Option<&Caller>,
    (by, now): (PersonId, Timestamp),
) -> Result<Vec<Source>> {
    let incident = incidents::incident_fetch(conn, &row.incident_id)?;
    let mut all = of_call(&incident, caller);
    let crew = Crew::of(conn, row.kind, &incident, by, now)?;
    all.extend(crew.offers());
    all.extend(of_recordings(conn, record, &crew, now)?);
    let today = calendar::date_of(now);
    for (group, party) in entries(record) {
        all.extend(of_document(group, &party, today));
    }
    all.extend(of_earlier(conn, keys, row, record, now)?);
    Ok(all)
}

fn entries(record: &Record) -> Vec<(&'static str, Entry<'_>)> {
    let parties = record.entries("parties").into_iter().map(|entry| ("parties", entry));
    parties.chain(record.entries("others").into_iter().map(|entry| ("others", entry))).collect()
}

fn of_call(incident: &IncidentRow, caller: Option<&Caller>) -> Vec<Source> {
    let reference = incident.external_no.clone().unwrap_or_else(|| incident.id.to_string());
    let offer =
        |field: String, value: Value| Source { field, value, from: Origin::Incident, reference: reference.clone() };
    let mut all = vec![
        offer("place".to_owned(), json!(incident.address)),
        offer("case_place".to_owned(), json!(incident.address)),
        offer("case_time".to_owned(), json!(incident.called_at.unwrap_or(incident.created_at))),
        // What it is about in the room's words; what the caller said of it stays his.
        offer("cause".to_owned(), json!(incident.title)),
    ];
    if let Some(caller) = caller {
        all.push(offer(format!("parties/{}/name", caller.party), json!(caller.name)));
        all.push(offer(format!("parties/{}/phone", caller.party), json!(caller.phone)));
    }
    all
}

/// Who is on the call, and since when.
#[derive(Debug)]
struct Crew {
    leader: Option<PersonId>,
    /// Beside the leader.
    others: Vec<PersonId>,
    arrived: Option<(Timestamp, AssignmentId)>,
    reference: String,
}

impl Crew {
    /// Those who accepted, and whoever writes. He leads where the law lets him, else the first who may.
    fn of(conn: &mut Conn, kind: Kind, incident: &IncidentRow, by: PersonId, now: Timestamp) -> Result<Self> {
        let parts = incidents::parties_of_incident(conn, &incident.id)?;
        let mut ids: Vec<PersonId> = vec![by];
        ids.extend(parts.iter().filter(|part| part.accepted_at.is_some()).map(|part| part.person_id));
        let mut seen = Vec::new();
        ids.retain(|id| {
            !seen.contains(id) && {
                seen.push(*id);
                true
            }
        });
        let people = officers::people_fetch(conn, &ids)?;
        let today = calendar::date_of(now);
        let leads = |id: &&PersonId| people.iter().any(|one| one.id == **id && may_lead(one, kind, today));
        let leader = ids.iter().find(leads).copied();
        let sent = |id: &PersonId| people.iter().any(|one| one.id == *id && one.kind.is_field());
        let others = ids.iter().filter(|id| Some(**id) != leader && sent(id)).copied().collect();
        let mut arrived = None;
        for part in parts.iter().filter(|part| ids.contains(&part.person_id)) {
            for rung in assignments::rungs_list(conn, &part.assignment_id)? {
                let at = rung.device_at.map_or(rung.at, |at| at.min(rung.at));
                let earlier = arrived.is_none_or(|(first, _)| at < first);
                if rung.step == Rung::OnScene && rung.applied && earlier {
                    arrived = Some((at, part.assignment_id));
                }
            }
        }
        Ok(Self { leader, others, arrived, reference: incident.id.to_string() })
    }

    fn offers(&self) -> Vec<Source> {
        let duty = |field: &str, value: Value| Source {
            field: field.to_owned(),
            value,
            from: Origin::Duty,
            reference: self.reference.clone(),
        };
        let arrived = self.arrived.map(|(at, assignment)| Source {
            field: "began_at".to_owned(),
            value: json!(at),
            from: Origin::Track,
            reference: assignment.to_string(),
        });
        let mut all = vec![duty("leader_id", json!(self.leader)), duty("assistants", json!(self.others))];
        all.extend(arrived);
        all
    }
}

/// Whether his kind may lead this kind; whether he is fit otherwise is for the rules to say.
fn may_lead(person: &PersonRow, kind: Kind, today: Date) -> bool {
    let last = person.mediator_expires.as_deref().and_then(|day| day.parse::<Date>().ok());
    match kind {
        Kind::PoliceOnScene | Kind::Police => person.kind == PersonKind::PoliceOfficer,
        Kind::People => person.mediator_no.is_some() && last.is_none_or(|last| today <= last),
    }
}

/// Recordings of those who mediate that reach into the session, with the stretch of each that shows it.
fn of_recordings(conn: &mut Conn, record: &Record, crew: &Crew, now: Timestamp) -> Result<Vec<Source>> {
    let mut people = record.assistants();
    people.extend(record.leader());
    if people.is_empty() {
        people.extend(crew.leader);
        people.extend(&crew.others);
    }
    let Some(from) = record.time("began_at").or_else(|| crew.arrived.map(|(at, _)| at)) else { return Ok(Vec::new()) };
    let ended = record.time("ended_at");
    let mut all = Vec::new();
    let room = GROUPS.iter().find(|(group, _)| *group == "evidence").map_or(0, |(_, most)| *most);
    let room = room.saturating_sub(record.entries("evidence").len());
    let found = recordings::recordings_of(conn, &people, from, ended.unwrap_or(now))?;
    let within = found.into_iter().filter(|(_, at, ms)| at.plus_millis(*ms) > from);
    for (id, at, ms) in within.take(room) {
        let offer = |name: &str, value: i64| Source {
            field: format!("evidence/{id}/{name}"),
            value: json!(value),
            from: Origin::Recording,
            reference: id.to_string(),
        };
        all.push(offer("from_ms", millis(at, from).max(0)));
        // A session that goes on has no last moment yet.
        all.extend(ended.map(|ended| offer("to_ms", millis(at, ended).min(ms))));
    }
    Ok(all)
}

const fn millis(from: Timestamp, to: Timestamp) -> i64 {
    (to.as_micros() - from.as_micros()) / 1_000
}

/// What a number says of its holder.
fn of_document(group: &str, party: &Entry<'_>, today: Date) -> Vec<Source> {
    let Some(kind) = party.word("id_type") else { return Vec::new() };
    let Ok(read) = identity::check(kind, party.text("id_number"), today) else { return Vec::new() };
    let offer = |name: &str, value: Value| Source {
        field: format!("{group}/{}/{name}", party.id),
        value,
        from: Origin::Identity,
        reference: kind.as_str().to_owned(),
    };
    vec![offer("sex", json!(read.sex)), offer("birth_date", json!(read.birth_date))]
}

/// What the latest final record of this unit says of the same person. What another station wrote of somebody is asked of
/// that station.
fn of_earlier(
    conn: &mut Conn,
    keys: &Keys,
    row: &MediationRow,
    record: &Record,
    now: Timestamp,
) -> Result<Vec<Source>> {
    let since = now.plus_secs(-FRESH_DAYS * 86_400);
    let mut all = Vec::new();
    for here in indexes(keys, row.id, &record.values) {
        let Some(index) = here.identity_index else { continue };
        let found = known::mediation_of_party(conn, &row.id, &row.unit_id, &index, since)?;
        let Some((earlier, there)) = found else { continue };
        let values = record::merge(&store::edits_of(conn, keys, &earlier.id)?).values;
        let reference = earlier.serial_no.clone().unwrap_or_else(|| earlier.id.to_string());
        for name in OF_A_PARTY {
            if let Some(value) = values.get(&format!("parties/{}/{name}", there.party_id)) {
                all.push(Source {
                    field: format!("parties/{}/{name}", here.party_id),
                    value: value.clone(),
                    from: Origin::EarlierRecord,
                    reference: reference.clone(),
                });
            }
        }
    }
    Ok(all)
}

/// By what the parties of a record are found again.
pub fn indexes(keys: &Keys, id: MediationId, values: &Values) -> Vec<PartyIndexRow> {
    let record = Record::of(values.clone());
    let said = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let row = |party: Entry<'_>| PartyIndexRow {
        mediation_id: id,
        party_id: party.id.into(),
        identity_index: said(party.text("id_number")).map(|number| keys.blind_index("identity", &number)),
        phone_index: said(&reporter::normalise(party.text("phone"))).map(|phone| keys.blind_index("phone", &phone)),
    };
    record.entries("parties").into_iter().map(row).collect()
}

/// What was filled in and stands as it was filled: the fields with whence each is.
pub fn standing(fills: Vec<FillRow>, edits: &[Edit], values: &Values) -> Vec<FillRow> {
    let value_of = |fill: &FillRow| {
        let edit = edits.iter().find(|edit| edit.path == fill.path && edit.id == Uuid::from(fill.edit_id));
        edit.map(|edit| &edit.value)
    };
    let shown = record::tree(values);
    let stands = |fill: &FillRow| {
        shown.pointer(&format!("/{}", fill.path)).is_some() && values.get(&fill.path) == value_of(fill)
    };
    let mut all: Vec<FillRow> = fills.into_iter().filter(stands).collect();
    // Filled twice with the same value it is still one field.
    all.dedup_by(|next, kept| next.path == kept.path);
    all
}

/// How many fields nobody typed, and how many stand filled.
pub fn share(conn: &mut Conn, row: &MediationRow, edits: &[Edit], values: &Values) -> Result<(i32, i32)> {
    let filled = known::fills_of(conn, &row.id)?;
    let filled: Values = standing(filled, edits, values)
        .into_iter()
        .filter_map(|fill| Some((fill.path.clone(), values.get(&fill.path)?.clone())))
        .collect();
    let (not_typed, fields) = record::share_not_typed(values, &filled);
    let count = |n: usize| i32::try_from(n).map_err(Error::internal);
    Ok((count(not_typed)?, count(fields)?))
}
