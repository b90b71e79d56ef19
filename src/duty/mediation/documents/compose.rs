//! From a record to its papers: values in the words of the forms. Reads people and units; nothing here is drawn.

use std::collections::BTreeMap;

use jiff::civil::DateTime;
use uuid::Uuid;

use super::super::facts::{Entry, Record};
use super::super::lifecycle::Now;
use super::super::paper::agreement::{
    Agreement, Attendee, AttendeeRole, Case, Host, Kind as PaperOf, PartyFacts, PartyRole, ReadAloud, Term,
};
use super::super::paper::forms::copy_note;
use super::super::paper::minutes::{Entry as Said, Outcome, Talk};
use super::super::paper::volume::{Volume, VolumeItem};
use super::super::paper::{SealNote, Verify};
use super::super::rules::calendar::{clock_of, date_of};
use super::super::rules::identity;
use super::super::rules::vocabulary::PartyRole as Role;
use super::super::store::MediationRow;
use super::super::{Form, Kind};
use super::after::ids;
use super::signed::{moment, signatures};
use crate::duty::officers::store as officers;
use crate::platform::config::Documents;
use crate::platform::db::Conn;
use crate::platform::keys::Keys;
use crate::platform::policy::PersonKind;
use crate::words::error::Result;
use crate::words::ids::{EntryId, PersonId};
use crate::words::time::Timestamp;

/// Digits of the content's hash in the code: 128 bits, which nobody finds by trying, in a code that is still easily read.
pub const CONTENT_DIGITS: usize = 32;

/// Everything on paper: the agreement, and what the minutes have beyond it.
pub struct Composed {
    pub agreement: Agreement,
    pub talk: Talk,
    /// Entries of the record, in the order in which they are printed.
    pub parties: Vec<EntryId>,
    pub terms: Vec<EntryId>,
}

/// The record as its forms say it, as it stands; `made_at` is the date the papers bear.
pub fn compose(
    conn: &mut Conn,
    keys: &Keys,
    row: &MediationRow,
    now: &Now,
    made_at: Timestamp,
    settings: &Documents,
) -> Result<Composed> {
    let record = &now.record;
    let unit = officers::unit_fetch(conn, &row.unit_id)?;
    let office = settings.office(&unit.id.to_string(), &unit.name, row.kind == Kind::People).to_owned();
    let people = people(conn, record, settings)?;
    let host = |id: PersonId| people.get(&id).cloned().unwrap_or_default();
    let parties = record.entries("parties");
    let others = record.entries("others");
    let place = |id: Option<Uuid>| parties.iter().position(|party| Some(party.id) == id);
    let leader = record.leader().map(host).unwrap_or_default();
    let assistants: Vec<PersonId> = record.assistants();
    let agreement = Agreement {
        kind: kind_of(row.kind),
        office: office.clone(),
        serial: row.serial_no.clone(),
        copy_note: copy_note(kind_of(row.kind), parties.len()),
        amends: amends(conn, row)?,
        leader: leader.clone(),
        assistants: assistants.iter().map(|id| host(*id)).collect(),
        place: record.text("place").to_owned(),
        began_at: record.time("began_at").map(clock_of),
        ended_at: record.time("ended_at").map(clock_of),
        application: record.text("application").to_owned(),
        open: record.flag("open"),
        parties: parties.iter().map(|party| party_facts(party, made_at)).collect(),
        others: others.iter().map(|other| attendee(other, place(other.party("for")))).collect(),
        case: case(record),
        terms: record.entries("terms").iter().map(|term| agreed(term, &parties)).collect(),
        performed_on_the_spot: record.flag("performed_on_the_spot") == Some(true),
        read_aloud: read_aloud(record, &people),
        recordings: recordings(record, row.form == Some(Form::OnFilm)),
        form: row.form.unwrap_or(Form::Written),
        signatures: signatures(conn, keys, row, now, &people)?,
        date: date_of(made_at),
        // What is agreed by word of mouth has no seal (人民调解法 article 30).
        seal: (row.form != Some(Form::Oral)).then_some(SealNote {
            office,
            date: None,
            sealed: false,
            note: String::new(),
        }),
        verify: verify(row, &settings.public_url),
        drill: row.drill,
        made_at: clock_of(made_at),
    };
    let said = |party: &Entry<'_>| {
        let words = [party.text("consent_words"), party.text("statement")];
        words.into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join("\n")
    };
    // Each has its place, also who said nothing; nobody has said who wrote it down.
    let entries = parties.iter().enumerate();
    let talk = Talk {
        recorder: String::new(),
        round: usize::try_from(row.round).unwrap_or(1),
        told: Vec::new(),
        entries: entries
            .map(|(at, party)| Said {
                speaker: format!("{}（{}）", super::super::paper::agreement::side(at), party.text("name")),
                words: said(party),
            })
            .collect(),
        recordings: recordings(record, true),
        outcome: Outcome::Agreed { words: record.text("outcome_words").to_owned() },
    };
    let (parties, terms) = (ids(&parties), ids(&record.entries("terms")));
    Ok(Composed { agreement, talk, parties, terms })
}

/// Cover and list of the file whose papers have so many pages.
pub fn volume(composed: &Composed, papers: &[(&str, u32)], note: String) -> Volume {
    let agreement = &composed.agreement;
    let names: Vec<&str> = agreement.parties.iter().map(|party| party.name.as_str()).collect();
    let mut page = 1;
    let items = papers.iter().map(|(name, pages)| {
        let from_page = Some(page);
        page += pages;
        VolumeItem {
            name: (*name).to_owned(),
            serial: agreement.serial.clone().unwrap_or_default(),
            from_page,
            pages: *pages,
            note: String::new(),
        }
    });
    let items = items.collect();
    let mut mediators = vec![agreement.leader.name.clone()];
    mediators.extend(agreement.assistants.iter().map(|host| host.name.clone()));
    let day = |at: Option<DateTime>| at.map(|at| at.date());
    Volume {
        kind: agreement.kind,
        office: agreement.office.clone(),
        name: format!("{}调解案", names.join("、")),
        number: String::new(),
        serial: agreement.serial.clone(),
        mediators,
        began_on: day(agreement.began_at).unwrap_or(agreement.date),
        ended_on: day(agreement.ended_at),
        filed_by: agreement.leader.name.clone(),
        filed_on: agreement.date,
        keep_for: String::new(),
        note,
        items,
        verify: agreement.verify.clone(),
        drill: agreement.drill,
        made_at: agreement.made_at,
    }
}

const fn kind_of(kind: Kind) -> PaperOf {
    match kind {
        Kind::PoliceOnScene => PaperOf::PoliceOnScene,
        Kind::Police => PaperOf::Police,
        Kind::People => PaperOf::People,
    }
}

/// Officers and mediators by their ids, with their posts.
fn people(conn: &mut Conn, record: &Record, settings: &Documents) -> Result<BTreeMap<PersonId, Host>> {
    let mut ids = record.assistants();
    ids.extend(record.leader());
    ids.extend(record.at("/read_aloud/by").and_then(|id| serde_json::from_value::<PersonId>(id.clone()).ok()));
    hosts(conn, &ids, settings)
}

/// Anybody of the house as papers name him.
pub(super) fn hosts(conn: &mut Conn, ids: &[PersonId], settings: &Documents) -> Result<BTreeMap<PersonId, Host>> {
    let mut hosts = BTreeMap::new();
    for person in officers::people_fetch(conn, ids)? {
        let unit = officers::unit_fetch(conn, &person.unit_id)?;
        let post = match person.kind {
            PersonKind::Auxiliary => "辅警",
            PersonKind::Mediator => "人民调解员",
            PersonKind::GridChief => "警格长",
            PersonKind::GridWorker => "网格员",
            _ => "民警",
        };
        let office = settings.office(&unit.id.to_string(), &unit.name, person.kind == PersonKind::Mediator);
        let post = format!("{office} {post}");
        hosts.insert(person.id, Host { name: person.name, post });
    }
    Ok(hosts)
}

fn amends(conn: &mut Conn, row: &MediationRow) -> Result<Option<String>> {
    let Some(id) = &row.amends else { return Ok(None) };
    let amended = super::super::store::mediation_fetch(conn, id)?;
    Ok(amended.serial_no.map(|serial| format!("本文书变更{serial}号文书")))
}

fn party_facts(party: &Entry<'_>, made_at: Timestamp) -> PartyFacts {
    let kind: Option<identity::IdentityKind> = party.word("id_type");
    let read = kind.and_then(|kind| identity::check(kind, party.text("id_number"), date_of(made_at)).ok());
    let sex = party.word("sex").or_else(|| read.as_ref().and_then(|read| read.sex));
    PartyFacts {
        role: party.word::<Role>("role").map(role_of).unwrap_or_default(),
        name: party.text("name").to_owned(),
        sex: sex.map(|sex| if sex == identity::Sex::Male { "男" } else { "女" }).unwrap_or_default().to_owned(),
        birth_date: party.date("birth_date").or_else(|| read.and_then(|read| read.birth_date)),
        ethnic: party.text("ethnic").to_owned(),
        id_type: kind.map(document).unwrap_or_default().to_owned(),
        id_number: party.text("id_number").to_owned(),
        occupation: party.text("occupation").to_owned(),
        employer: party.text("employer").to_owned(),
        address: party.text("address").to_owned(),
        phone: party.text("phone").to_owned(),
        statement: party.text("statement").to_owned(),
    }
}

const fn role_of(role: Role) -> PartyRole {
    match role {
        Role::Suspect => PartyRole::Suspect,
        Role::Victim => PartyRole::Victim,
        Role::Both => PartyRole::Both,
        Role::Party => PartyRole::Party,
    }
}

const fn document(kind: identity::IdentityKind) -> &'static str {
    use identity::IdentityKind as Id;
    match kind {
        Id::ResidentId => "居民身份证",
        Id::Passport => "护照",
        Id::HkMacaoPermit => "港澳居民来往内地通行证",
        Id::TaiwanPermit => "台湾居民来往大陆通行证",
        Id::HmtResidencePermit => "港澳台居民居住证",
        Id::ForeignPermanentResident => "外国人永久居留身份证",
        Id::Other => "其他证件",
        Id::None => "未出示证件",
    }
}

fn attendee(other: &Entry<'_>, party: Option<usize>) -> Attendee {
    let role = match other.text("role") {
        "guardian" => AttendeeRole::Guardian,
        "delegate" => AttendeeRole::Delegate,
        "interpreter" => AttendeeRole::Interpreter,
        "witness" => AttendeeRole::Witness,
        "scribe" => AttendeeRole::Scribe,
        "reader" => AttendeeRole::Reader,
        "helper" => AttendeeRole::Helper,
        _ => AttendeeRole::Present,
    };
    Attendee {
        role,
        party,
        name: other.text("name").to_owned(),
        relation: other.text("relation").to_owned(),
        scope: other.text("scope").to_owned(),
        id_type: other.word("id_type").map(document).unwrap_or_default().to_owned(),
        id_number: other.text("id_number").to_owned(),
        phone: other.text("phone").to_owned(),
    }
}

fn case(record: &Record) -> Case {
    let text = |name: &str| record.text(name).to_owned();
    Case {
        at: record.time("case_time").map(clock_of),
        place: text("case_place"),
        people: String::new(),
        cause: text("cause"),
        facts: text("facts"),
        result: text("result"),
        disputed_points: text("disputed_points"),
        responsibility: text("responsibility"),
    }
}

fn agreed(term: &Entry<'_>, parties: &[Entry<'_>]) -> Term {
    let name = |field: &str| {
        let party = parties.iter().find(|party| Some(party.id) == term.party(field));
        party.map(|party| party.text("name")).unwrap_or_default().to_owned()
    };
    Term {
        what: term.text("what").to_owned(),
        debtor: name("debtor"),
        creditor: name("creditor"),
        amount_fen: term.int("amount_fen"),
        due_on: term.date("due_on"),
        how: term.text("how").to_owned(),
    }
}

fn read_aloud(record: &Record, people: &BTreeMap<PersonId, Host>) -> Option<ReadAloud> {
    let at: Timestamp = serde_json::from_value(record.at("/read_aloud/at")?.clone()).ok()?;
    let by: PersonId = serde_json::from_value(record.at("/read_aloud/by")?.clone()).ok()?;
    Some(ReadAloud { by: people.get(&by).map(|host| host.name.clone()).unwrap_or_default(), at: clock_of(at) })
}

/// Above signatures stands nothing that they do not bind, and words about evidence may be written afterwards: `words` is
/// where nothing was signed, or where it will be by hand.
fn recordings(record: &Record, words: bool) -> Vec<String> {
    let line = |entry: Entry<'_>| {
        // Of a recording in the place of a written record the text says where what stands (程序规定 articles 45 and 55).
        let range = match (entry.int("from_ms"), entry.int("to_ms")) {
            (Some(from), Some(to)) => format!("{}至{}", moment(from), moment(to)),
            _ => String::new(),
        };
        let said = if words { [range.as_str(), entry.text("covers"), entry.text("note")] } else { [""; 3] };
        let said: Vec<&str> = said.into_iter().filter(|text| !text.is_empty()).collect();
        format!(
            "视听资料 {}{}",
            entry.id,
            if said.is_empty() { String::new() } else { format!("（{}）", said.join("；")) }
        )
    };
    record.entries("evidence").into_iter().map(line).collect()
}

fn verify(row: &MediationRow, public_url: &str) -> Option<Verify> {
    (!public_url.is_empty()).then(|| Verify { url_text: address(public_url, row), digest: row.content_hash.clone() })
}

/// Where a paper of this record is verified. It brings what was signed along, so that the answer says whether that is
/// what stands and nobody learns the hash who does not hold the paper.
pub fn address(public_url: &str, row: &MediationRow) -> String {
    let content = row.content_hash.get(..CONTENT_DIGITS).unwrap_or(&row.content_hash);
    format!("{}/api/v1/verify/{}?content={content}", public_url.trim_end_matches('/'), row.id)
}
