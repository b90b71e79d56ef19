//! What a record says, in the words of the law: from fields, consents and recordings to the facts that decide.

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::record::{self, Values};
use super::rules::eligibility::{Certificate, Delegate, Facts, Guardian, Interpreter, Leader, PartyFacts, Recording};
use super::rules::signing::{Given, Roster, Seat};
use super::rules::{LeaderKind, SignStatus, identity};
use super::store::MediationRow;
use super::store::acts::{ConsentRow, MarkForm, SignatureRow};
use super::{Form, Kind};
use crate::duty::evidence::scene::ledger;
use crate::duty::evidence::scene::measure::{self, Stretch};
use crate::duty::evidence::{Kind as ItemKind, Place, store as evidence};
use crate::duty::officers::store as officers;
use crate::duty::officers::store::PersonRow;
use crate::platform::db::Conn;
use crate::platform::policy::PersonKind;
use crate::words::error::Result;
use crate::words::ids::PersonId;
use crate::words::time::Timestamp;

/// Of a session the share that recordings must cover to be called complete: two devices' clocks and the seconds before
/// somebody presses a button are no gap.
const COVERED: f64 = 0.95;

/// A record as it stands, as a tree, read by name.
#[derive(Clone, Debug)]
pub struct Record {
    pub values: Values,
    tree: Value,
}

/// One entry of a map of the record.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    pub id: Uuid,
    fields: &'a Map<String, Value>,
}

impl<'a> Entry<'a> {
    /// Empty when nobody filled it.
    pub fn text(&self, name: &str) -> &'a str {
        self.fields.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    pub fn int(&self, name: &str) -> Option<i64> {
        self.fields.get(name).and_then(Value::as_i64)
    }

    pub fn flag(&self, name: &str) -> Option<bool> {
        self.fields.get(name).and_then(Value::as_bool)
    }

    pub fn word<T: std::str::FromStr>(&self, name: &str) -> Option<T> {
        self.text(name).parse().ok()
    }

    pub fn date(&self, name: &str) -> Option<Date> {
        self.word(name)
    }

    /// Of the entry of another map that it names.
    pub fn party(&self, name: &str) -> Option<Uuid> {
        self.word(name)
    }

    fn has(&self, name: &str) -> bool {
        self.fields.contains_key(name)
    }
}

impl Record {
    pub fn of(values: Values) -> Self {
        // Removed entries are left out.
        let tree = record::tree(&values);
        Self { values, tree }
    }

    /// Empty when nobody filled it.
    pub fn text(&self, name: &str) -> &str {
        self.tree.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    pub fn flag(&self, name: &str) -> Option<bool> {
        self.tree.get(name).and_then(Value::as_bool)
    }

    pub fn word<T: std::str::FromStr>(&self, name: &str) -> Option<T> {
        self.text(name).parse().ok()
    }

    pub fn time(&self, name: &str) -> Option<Timestamp> {
        self.at(&format!("/{name}")).and_then(|value| serde_json::from_value(value.clone()).ok())
    }

    pub fn words<T: std::str::FromStr>(&self, name: &str) -> Vec<T> {
        let all = self.tree.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        all.iter().filter_map(Value::as_str).filter_map(|word| word.parse().ok()).collect()
    }

    pub fn at(&self, pointer: &str) -> Option<&Value> {
        self.tree.pointer(pointer)
    }

    /// The entries of a map in the order in which they were made.
    pub fn entries(&self, group: &str) -> Vec<Entry<'_>> {
        let map = self.tree.get(group).and_then(Value::as_object);
        map.into_iter()
            .flatten()
            .filter_map(|(key, value)| Some(Entry { id: Uuid::try_parse(key).ok()?, fields: value.as_object()? }))
            .collect()
    }

    /// Who leads it.
    pub fn leader(&self) -> Option<PersonId> {
        self.word("leader_id")
    }

    /// Officers and mediators beside the leader.
    pub fn assistants(&self) -> Vec<PersonId> {
        self.words("assistants")
    }

    /// The others of a role who stand beside a party.
    fn beside(&self, party: Uuid, role: &str) -> Option<Entry<'_>> {
        let others = self.entries("others");
        others.into_iter().find(|other| other.text("role") == role && other.party("for") == Some(party))
    }

    /// Whether a field of the law's list is filled, as [`super::rules::missing`] asks: `parties/*/name` is when there are
    /// parties and each has a name.
    pub fn is_present(&self, name: &str) -> bool {
        // Said not to be done on the spot it takes the place of no due date.
        if name == "performed_on_the_spot" {
            return self.flag(name) == Some(true);
        }
        let Some((group, field)) = name.split_once("/*/") else {
            return self.at(&format!("/{name}")).is_some();
        };
        let entries = self.entries(group);
        let has = |entry: &Entry<'_>| entry.has(field) || (field == "id_number" && entry.text("id_type") == "none");
        !entries.is_empty() && entries.iter().all(has)
    }

    /// Everybody at the table whose signature may be needed; none while nobody leads.
    pub fn roster(&self, consents: &[ConsentRow]) -> Option<Roster> {
        let leader = self.leader()?;
        let said = latest(consents);
        let seats = self.entries("parties").into_iter().map(|party| {
            let id = |role: &str| self.beside(party.id, role).map(|other| other.id);
            let declines = said.get(&party.id).is_some_and(|said| said.declines_guardian);
            Seat {
                party: party.id,
                delegate: id("delegate"),
                guardian: id("guardian").filter(|_| !declines),
                interpreter: id("interpreter"),
            }
        });
        Some(Roster { leader: leader.into(), seats: seats.collect() })
    }
}

/// The last word of each party.
pub fn latest(consents: &[ConsentRow]) -> BTreeMap<Uuid, &ConsentRow> {
    consents.iter().map(|said| (said.party_id.into(), said)).collect()
}

/// Signings in the words of the rules.
pub fn given(rows: &[SignatureRow]) -> Vec<Given> {
    let of = |row: &SignatureRow| Given {
        signer: row.signer_id.into(),
        status: row.status,
        hash: row.content_hash.clone(),
        voided: false,
    };
    rows.iter().map(of).collect()
}

/// All that decides whether these people may be mediated so.
pub fn facts(
    conn: &mut Conn,
    row: &MediationRow,
    record: &Record,
    consents: &[ConsentRow],
    signatures: &[SignatureRow],
    date: Date,
    now: Timestamp,
) -> Result<Facts> {
    let said = latest(consents);
    let parties = record.entries("parties").into_iter().map(|party| {
        let said = said.get(&party.id);
        let interpreter = match (record.beside(party.id, "interpreter"), said.is_some_and(|it| it.needs_interpreter)) {
            (Some(_), _) => Interpreter::Present,
            (None, true) => Interpreter::Needed,
            (None, false) => Interpreter::NotNeeded,
        };
        let delegate = record.beside(party.id, "delegate");
        PartyFacts {
            role: party.word("role"),
            birth_date: party.date("birth_date").or_else(|| born(&party, date)),
            consents: said.map(|it| it.consents),
            guardian: if record.beside(party.id, "guardian").is_some() { Guardian::Present } else { Guardian::None },
            declines_guardian: said.is_some_and(|it| it.declines_guardian),
            delegate: delegate
                .map(|delegate| Delegate { present: true, written_scope: !delegate.text("scope").is_empty() }),
            interpreter,
            ..PartyFacts::new(party.id)
        }
    });
    let parties = parties.collect();
    let on_screen = signatures.iter().any(|one| one.content_hash == row.content_hash && one.form == MarkForm::Strokes);
    Ok(Facts {
        kind: row.kind,
        date,
        nature: record.word("nature"),
        minor: record.flag("minor"),
        ground: record.word("ground"),
        bars: record.words("bars"),
        no_loss_dispute: record.flag("no_loss_dispute"),
        performed_on_the_spot: record.flag("performed_on_the_spot"),
        leader: leader(conn, record)?,
        recording: recording(conn, record, row.finalized_at.unwrap_or(now))?,
        // A recording in place of paper is the only trace of who agreed to what.
        signed_on_screen: on_screen || row.form == Some(Form::OnFilm),
        parties,
    })
}

/// The birth date in the number of an identity card.
fn born(party: &Entry<'_>, today: Date) -> Option<Date> {
    identity::check(party.word("id_type")?, party.text("id_number"), today).ok()?.birth_date
}

/// Who leads, and how many police officers are there.
fn leader(conn: &mut Conn, record: &Record) -> Result<Leader> {
    let mut ids = record.assistants();
    ids.extend(record.leader());
    let people = officers::people_fetch(conn, &ids)?;
    let officers_present = people.iter().filter(|person| person.kind == PersonKind::PoliceOfficer).count();
    let leads = people.iter().find(|person| Some(person.id) == record.leader());
    Ok(Leader {
        kind: leads.map_or(LeaderKind::Other, |person| kind_of(person.kind)),
        certificate: leads.and_then(certificate),
        officers_present: u8::try_from(officers_present).unwrap_or(u8::MAX),
    })
}

const fn kind_of(kind: PersonKind) -> LeaderKind {
    match kind {
        PersonKind::PoliceOfficer => LeaderKind::PoliceOfficer,
        PersonKind::Auxiliary => LeaderKind::Auxiliary,
        PersonKind::Mediator => LeaderKind::Mediator,
        PersonKind::GridChief | PersonKind::GridWorker => LeaderKind::GridWorker,
        _ => LeaderKind::Other,
    }
}

/// As it is registered with the person; a day that cannot be read has passed.
fn certificate(person: &PersonRow) -> Option<Certificate> {
    let number = person.mediator_no.clone()?;
    let last = |day: &String| day.parse().unwrap_or(Date::MIN);
    Some(Certificate { number, valid_from: Date::MIN, valid_until: person.mediator_expires.as_ref().map(last) })
}

/// How far the recording of the session is: what the people who mediate have recorded, and what the record names. What is
/// named and not known here yet is on its way. A session of which nobody wrote down the end ends `until` then.
fn recording(conn: &mut Conn, record: &Record, until: Timestamp) -> Result<Recording> {
    let mut stretches = Vec::new();
    let mut pending = false;
    for entry in record.entries("evidence") {
        match evidence::evidence_find(conn, &entry.id.into())? {
            None => pending = true,
            Some(item) if !matches!(item.kind, ItemKind::Video | ItemKind::Audio) => {}
            Some(item) => match item.duration_ms.filter(|_| item.place == Place::Stored) {
                Some(ms) => stretches.push(Stretch { from: item.captured_at, to: item.captured_at.plus_millis(ms) }),
                None => pending = true,
            },
        }
    }
    let Some(from) = record.time("began_at") else {
        return Ok(if pending { Recording::Pending } else { Recording::None });
    };
    let session = Stretch { from, to: record.time("ended_at").unwrap_or(until).max(from) };
    let mut people = record.assistants();
    people.extend(record.leader());
    stretches.extend(ledger::recordings(conn, &people, session.from, session.to)?);
    let measured = measure::recording(COVERED, Some(session), &stretches);
    Ok(match (measured.code, pending) {
        (None, _) if !stretches.is_empty() => Recording::Complete,
        (_, true) => Recording::Pending,
        _ => Recording::None,
    })
}

/// The day of the mediation in China: that of its beginning, else today.
pub fn day(record: &Record, now: Timestamp) -> Date {
    super::rules::calendar::date_of(record.time("began_at").unwrap_or(now))
}

/// Whether any signature counts for what stands now.
pub fn has_signatures(rows: &[SignatureRow], hash: &str) -> bool {
    rows.iter().any(|one| one.content_hash == hash && one.status.is_given() && one.status != SignStatus::Pending)
}

/// The name of the kind in the text that is signed.
pub fn hash(kind: Kind, values: &Values) -> String {
    record::content_hash(kind.as_str(), values)
}
