//! Everything that was recorded about one incident, read within one look at the database. Tracks come after it.

use std::collections::{BTreeMap, BTreeSet};

use super::store::{self, LinkRow};
use crate::duty::assignments::store::{self as assignments, AssignmentRow, AttemptRow, MemberRow, RungRow};
use crate::duty::backup::rows::{AlertRow, BackupRow, EventRow, PressRow};
use crate::duty::backup::store as backups;
use crate::duty::crews::{DutyLogRow, IssueRow, store as crews};
use crate::duty::evidence::access as item_access;
use crate::duty::evidence::custody::ReceiptKind;
use crate::duty::evidence::store as evidence;
use crate::duty::evidence::store::custody::receipt_find;
use crate::duty::evidence::store::uploads::UploadRow;
use crate::duty::evidence::store::{EvidenceRow, FindingRow, HoldRow, MarkRow};
use crate::duty::incidents::access;
use crate::duty::incidents::store::feedbacks::{self, FeedbackRow};
use crate::duty::incidents::store::{self as incidents, EntryRow, IncidentRow, NoteRow, RevisionRow};
use crate::platform::db::Conn;
use crate::platform::policy::{Action, Actor, Decision};
use crate::words::error::{Error, Result};
use crate::words::ids::{IncidentId, PersonId};
use crate::words::time::Timestamp;

/// Seconds of track before somebody was sent and after he was cleared: how he came to be where he was.
const AROUND_S: i64 = 600;
/// Longest stretch of one person's track: an assignment that nobody closed must not fetch a month of his life.
pub const TRACK_MAX_S: i64 = 48 * 3_600;
/// Lines of the incident's own timeline, and of a person's duty log: far more than any call has.
pub const LINES_MAX: i64 = 10_000;

/// One assignment with everything about it.
pub struct Sent {
    pub row: AssignmentRow,
    pub members: Vec<MemberRow>,
    pub rungs: Vec<RungRow>,
    pub attempts: Vec<AttemptRow>,
}

/// One call for help with everything about it.
pub struct Called {
    pub row: BackupRow,
    pub presses: Vec<PressRow>,
    pub alerts: Vec<AlertRow>,
    pub events: Vec<EventRow>,
}

/// One item with what is said about it.
pub struct Item {
    pub row: EvidenceRow,
    pub link: LinkRow,
    pub findings: Vec<FindingRow>,
    pub marks: Vec<MarkRow>,
    /// It has a receipt of the server's, so that its bytes can be proved.
    pub proven: bool,
}

/// Somebody who was sent, and from when to when his whereabouts belong to this incident.
#[derive(Clone, Copy, Debug)]
pub struct Way {
    pub person: PersonId,
    /// When he was first sent.
    pub sent_at: Timestamp,
    /// When his last part ended, or until when is known.
    pub ended_at: Timestamp,
}

impl Way {
    /// The stretch of his track.
    pub fn window(&self) -> (Timestamp, Timestamp) {
        let from = self.sent_at.plus_secs(-AROUND_S);
        (from, self.ended_at.plus_secs(AROUND_S).min(from.plus_secs(TRACK_MAX_S)))
    }

    /// Longer than what is read of it.
    pub fn is_cut(&self) -> bool {
        self.ended_at.plus_secs(AROUND_S) > self.sent_at.plus_secs(TRACK_MAX_S - AROUND_S)
    }
}

/// All of it.
pub struct Facts {
    pub incident: IncidentRow,
    pub revisions: Vec<RevisionRow>,
    pub trail: Vec<EntryRow>,
    pub notes: Vec<NoteRow>,
    pub feedbacks: Vec<FeedbackRow>,
    pub sent: Vec<Sent>,
    pub called: Vec<Called>,
    pub items: Vec<Item>,
    pub holds: Vec<HoldRow>,
    pub duty: Vec<DutyLogRow>,
    pub issues: Vec<IssueRow>,
    pub uploads: Vec<UploadRow>,
    pub ways: Vec<Way>,
}

/// Reads it as it was known at `until`; what is known later is left out where a row says when, and by the caller where
/// a line does.
///
/// Errors: `not_found`, `forbidden`; `invalid_field` when the incident was not known by then.
pub fn load(conn: &mut Conn, actor: &Actor, id: &IncidentId, until: Timestamp) -> Result<Facts> {
    let incident = incidents::incident_fetch(conn, id)?;
    access::sight(conn, actor, &incident)?.check(actor, Action::IncidentDossier)?;
    if incident.created_at > until {
        return Err(Error::field("as_of", "lies before the incident was known"));
    }
    let sent = sent(conn, id, until)?;
    let ways = ways(&sent, until);
    let people: Vec<PersonId> = ways.iter().map(|way| way.person).collect();
    let from = ways.iter().map(|way| way.window().0).min().unwrap_or(incident.created_at);
    let to = ways.iter().map(|way| way.window().1).max().unwrap_or(until).min(until);
    let items = items(conn, actor, id, until)?;
    let ids: Vec<_> = items.iter().map(|item| item.row.id).collect();
    let mut duty = Vec::new();
    for person in &people {
        duty.extend(crews::duty_log_of(conn, person, from, to, LINES_MAX)?);
    }
    Ok(Facts {
        revisions: store::revisions_of(conn, id)?,
        trail: incidents::entries_list(conn, id, None, LINES_MAX)?,
        notes: incidents::notes_list(conn, id)?,
        feedbacks: feedbacks::feedbacks_list(conn, id)?,
        called: called(conn, &people, from, to)?,
        holds: store::holds_about(conn, id, &ids)?,
        duty,
        issues: store::issues_of(conn, &people, from, to)?,
        uploads: store::uploads_lost(conn, &people, from, until)?,
        incident,
        sent,
        items,
        ways,
    })
}

fn sent(conn: &mut Conn, id: &IncidentId, until: Timestamp) -> Result<Vec<Sent>> {
    let mut rows = assignments::assignments_of_incident(conn, id)?;
    rows.retain(|row| row.created_at <= until);
    rows.into_iter()
        .map(|row| {
            Ok(Sent {
                members: assignments::members_of(conn, &row.id)?,
                rungs: assignments::rungs_list(conn, &row.id)?,
                attempts: assignments::attempts_of(conn, &row.id)?,
                row,
            })
        })
        .collect()
}

/// Everybody who was sent, once. Those who sit in the room of a unit were not sent anywhere.
fn ways(sent: &[Sent], until: Timestamp) -> Vec<Way> {
    let mut ways: BTreeMap<PersonId, Way> = BTreeMap::new();
    for one in sent.iter().filter(|one| !one.row.is_unit()) {
        for member in one.members.iter().filter(|member| member.sent_at <= until) {
            let ended = member.left_at.or(one.row.closed_at).filter(|at| *at <= until).unwrap_or(until);
            let (person, sent_at) = (member.person_id, member.sent_at);
            let way = ways.entry(person).or_insert(Way { person, sent_at, ended_at: ended });
            way.sent_at = way.sent_at.min(sent_at);
            way.ended_at = way.ended_at.max(ended);
        }
    }
    ways.into_values().collect()
}

fn called(conn: &mut Conn, people: &[PersonId], from: Timestamp, to: Timestamp) -> Result<Vec<Called>> {
    store::backups_of(conn, people, from, to)?
        .into_iter()
        .map(|row| {
            Ok(Called {
                presses: backups::presses_of(conn, &row.id)?,
                alerts: backups::alerts_of(conn, &row.id)?,
                events: backups::events_of(conn, &row.id)?,
                row,
            })
        })
        .collect()
}

/// The items the actor may have whole; what waits for the custodian's decision exists for nobody else.
fn items(conn: &mut Conn, actor: &Actor, id: &IncidentId, until: Timestamp) -> Result<Vec<Item>> {
    let mut found = Vec::new();
    for link in store::links_of(conn, id)? {
        let row = evidence::evidence_fetch(conn, &link.evidence_id)?;
        let may = item_access::sight(conn, actor, &row)?.decide(actor, Action::EvidenceContent) == Decision::Allow;
        if !may || link.linked_at > until || row.received_at > until {
            continue;
        }
        found.push(Item {
            findings: evidence::findings_of(conn, &row.id)?,
            marks: evidence::marks_of(conn, &row.id)?,
            proven: receipt_find(conn, &row.id, ReceiptKind::Stored)?.is_some(),
            row,
            link,
        });
    }
    Ok(found)
}

/// Everybody who is named anywhere in it.
pub fn named(entries: &[super::Entry], gaps: &[super::Gap], more: &[PersonId]) -> Vec<PersonId> {
    let people = entries.iter().filter_map(|entry| entry.person_id);
    let people = people.chain(gaps.iter().filter_map(|gap| gap.person_id)).chain(more.iter().copied());
    people.collect::<BTreeSet<_>>().into_iter().collect()
}
