//! Must-deliver messages: written in the transaction of the change, replayed
//! from the database until the device has acknowledged them.
//!
//! A message is stored once; each recipient's stream gives it a gap-free `seq`.
//! `args` hold ids and enums only: the body is rendered at send and at replay
//! under the policy of that moment.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use diesel::prelude::*;
use serde_json::{Value, json};
use uuid::Uuid;

use super::hub::Hub;
use crate::per_backend;
use crate::platform::db::schema::{delivery, message, stream};
use crate::platform::db::{Conn, Hot, Tx, kept, straight};
use crate::platform::jobs;
use crate::words::error::{Error, Result};
use crate::words::ids::{DeviceId, MessageId, PersonId};
use crate::words::time::{MICROS, Timestamp};

/// What a message is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    pub kind: Cow<'static, str>,
    pub id: String,
}

impl Subject {
    pub fn new(kind: &'static str, id: impl ToString) -> Self {
        Self { kind: Cow::Borrowed(kind), id: id.to_string() }
    }
}

/// A message to send.
pub struct Draft<'a> {
    /// e.g. `assignment.offered`.
    pub kind: &'a str,
    pub subject: Subject,
    /// Version of the subject this message speaks of.
    pub version: i64,
    /// Ids and enums only.
    pub args: Value,
    /// Rings through: assignments, alarms.
    pub urgent: bool,
}

/// One row of a recipient's stream, joined with its message.
#[derive(Clone, Debug)]
pub struct Envelope {
    pub recipient: PersonId,
    pub seq: i64,
    pub id: MessageId,
    pub kind: String,
    pub subject: Subject,
    pub version: i64,
    pub args: Value,
    pub urgent: bool,
    pub created_at: Timestamp,
}

/// The state of a recipient's stream.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = stream)]
pub struct StreamRow {
    pub recipient: PersonId,
    pub epoch: String,
    /// Highest seq given out; 0 for none.
    pub last_seq: i64,
    /// Rows below this seq have been trimmed; its own is only there to be compared with.
    pub trimmed_seq: i64,
}

/// Recipients written in the transaction of the change; more go through a job in
/// chunks of as many, so that one announcement never holds the writer for long.
const FANOUT_MAX: usize = 64;
/// Days a delivered or undelivered row is kept; a device away longer reloads its inbox.
pub const KEPT_DAYS: i64 = 7;
/// The job that writes the rest of a large fan-out.
pub const FANOUT_JOB: &str = "outbox.fanout";

/// The hub that is nudged after commits; set once by the wiring.
static HUB: std::sync::OnceLock<Arc<Hub>> = std::sync::OnceLock::new();

/// Names the hub whose sockets are woken after a commit.
pub fn set_hub(hub: Arc<Hub>) {
    if HUB.set(hub).is_err() {
        tracing::debug!("the hub was set before; the first stays");
    }
}

/// Appends one message to every recipient's stream; wakes their sockets after the commit.
pub fn send(tx: &mut Tx<'_>, recipients: &[PersonId], draft: &Draft<'_>) -> Result<MessageId> {
    let id = MessageId::new();
    let now = tx.now;
    let row = (
        message::id.eq(id),
        message::kind.eq(draft.kind),
        message::subject_kind.eq(draft.subject.kind.as_ref()),
        message::subject_id.eq(&draft.subject.id),
        message::version.eq(draft.version),
        message::args.eq(draft.args.to_string()),
        message::urgent.eq(draft.urgent),
        message::created_at.eq(now),
    );
    straight::execute(tx.conn(), diesel::insert_into(message::table).values(row))?;
    // Each once.
    let recipients: BTreeSet<PersonId> = recipients.iter().copied().collect();
    if recipients.len() > FANOUT_MAX {
        let args = json!({ "message_id": id, "recipients": recipients });
        jobs::enqueue(tx, FANOUT_JOB, &args, now)?;
        return Ok(id);
    }
    for person in recipients {
        append(tx, person, id);
    }
    Ok(id)
}

/// Gives `message` the next seq of one recipient's stream, at the end of the transaction.
fn append(tx: &mut Tx<'_>, person: PersonId, message: MessageId) {
    tx.at_end(Hot::Stream(person), move |tx| number(tx, person, message));
}

fn number(tx: &mut Tx<'_>, person: PersonId, message: MessageId) -> Result<()> {
    let now = tx.now;
    let seq = next_seq(tx, &person)?;
    let row = (
        delivery::recipient.eq(person),
        delivery::seq.eq(seq),
        delivery::message_id.eq(message),
        delivery::created_at.eq(now),
    );
    straight::execute(tx.conn(), diesel::insert_into(delivery::table).values(row))?;
    tx.on_commit(move || {
        if let Some(hub) = HUB.get() {
            hub.nudge(&person, seq);
        }
    });
    Ok(())
}

/// One chunk of a large fan-out; what is left becomes the next job. Idempotent:
/// the chunk and the removal of its job commit together.
pub fn fanout_chunk(tx: &mut Tx<'_>, job: &jobs::JobRow) -> Result<()> {
    #[derive(serde::Deserialize)]
    struct Args {
        message_id: MessageId,
        recipients: Vec<PersonId>,
    }
    if !jobs::finish(tx, job)? {
        return Ok(());
    }
    let mut args: Args = serde_json::from_str(&job.args)?;
    let rest = args.recipients.split_off(args.recipients.len().min(FANOUT_MAX));
    for person in &args.recipients {
        append(tx, *person, args.message_id);
    }
    if !rest.is_empty() {
        let now = tx.now;
        jobs::enqueue(tx, FANOUT_JOB, &json!({ "message_id": args.message_id, "recipients": rest }), now)?;
    }
    Ok(())
}

/// Rows of one trimming step; bounds how long it holds the writer.
const TRIM_STEP: i64 = 2_000;
/// Rows of one statement that names them; bounds its bind parameters.
const DELETE_STEP: usize = 500;

/// Forgets rows older than [`KEPT_DAYS`]; streams remember up to where, and the last of the old rows stays, so that a
/// device which says it has that one can be held to it. Returns how many went, so that the caller goes on until none do.
pub fn trim(tx: &mut Tx<'_>) -> Result<usize> {
    trim_but(tx, &HashSet::new())
}

/// [`trim`], but for messages about these subjects, by their ids: they stay with their receipts. Once their subjects are
/// no longer among these they go with whatever is older than the newest of the old.
pub fn trim_but(tx: &mut Tx<'_>, spared: &HashSet<String>) -> Result<usize> {
    let before = tx.now.plus_secs(-KEPT_DAYS * 86_400);
    let old: Vec<(PersonId, i64)> = delivery::table
        .inner_join(stream::table.on(stream::recipient.eq(delivery::recipient)))
        .filter(delivery::created_at.lt(before))
        .filter(delivery::seq.gt(stream::trimmed_seq))
        .order(delivery::created_at.asc())
        .limit(TRIM_STEP)
        .select((delivery::recipient, delivery::seq))
        .load(tx.conn())?;
    // By person: streams are written in the order in which everybody writes them.
    let mut last: BTreeMap<PersonId, i64> = BTreeMap::new();
    for (person, seq) in &old {
        last.entry(*person).and_modify(|had| *had = (*had).max(*seq)).or_insert(*seq);
    }
    for (person, seq) in last {
        if spared.is_empty() {
            diesel::delete(delivery::table.filter(delivery::recipient.eq(person)).filter(delivery::seq.lt(seq)))
                .execute(tx.conn())?;
        } else {
            let rows: Vec<(i64, String)> = delivery::table
                .inner_join(message::table.on(message::id.eq(delivery::message_id)))
                .filter(delivery::recipient.eq(person))
                .filter(delivery::seq.lt(seq))
                .select((delivery::seq, message::subject_id))
                .load(tx.conn())?;
            let gone: Vec<i64> =
                rows.into_iter().filter(|(_, subject)| !spared.contains(subject)).map(|(seq, _)| seq).collect();
            for some in gone.chunks(DELETE_STEP) {
                diesel::delete(
                    delivery::table.filter(delivery::recipient.eq(person)).filter(delivery::seq.eq_any(some)),
                )
                .execute(tx.conn())?;
            }
        }
        diesel::update(stream::table.filter(stream::recipient.eq(person)))
            .set(stream::trimmed_seq.eq(seq))
            .execute(tx.conn())?;
    }
    let orphans =
        diesel::delete(message::table.filter(message::created_at.lt(before)).filter(diesel::dsl::not(
            diesel::dsl::exists(delivery::table.filter(delivery::message_id.eq(message::id))),
        )))
        .execute(tx.conn())?;
    Ok(old.len() + orphans)
}

fn next_seq(tx: &mut Tx<'_>, person: &PersonId) -> Result<i64> {
    let bump = || {
        diesel::update(stream::table.filter(stream::recipient.eq(person)))
            .set(stream::last_seq.eq(stream::last_seq + 1))
            .returning(stream::last_seq)
    };
    if let Some(seq) = kept::returning(tx.conn(), bump())? {
        return Ok(seq);
    }
    stream_open(tx, person)?;
    kept::returning(tx.conn(), bump())?.ok_or_else(|| Error::internal("a stream vanished"))
}

/// Makes the stream when it is not there yet.
pub fn stream_open(tx: &mut Tx<'_>, person: &PersonId) -> Result<StreamRow> {
    let epoch = epoch_of(tx.now);
    per_backend!(tx.conn(), |c| {
        diesel::insert_into(stream::table)
            .values((
                stream::recipient.eq(person),
                stream::epoch.eq(&epoch),
                stream::last_seq.eq(0),
                stream::trimmed_seq.eq(0),
            ))
            .on_conflict_do_nothing()
            .execute(c)
    })?;
    stream_fetch(tx.conn(), person)?.ok_or_else(|| Error::internal("a stream vanished"))
}

/// A name for a history that begins now: a UUIDv7 of the server's clock, which a stepped system clock does not move.
fn epoch_of(now: Timestamp) -> String {
    let (seconds, micros) = (now.as_micros().div_euclid(MICROS), now.as_micros().rem_euclid(MICROS));
    let nanos = u32::try_from(micros * 1_000).unwrap_or(0);
    let at = uuid::Timestamp::from_unix(uuid::NoContext, u64::try_from(seconds).unwrap_or(0), nanos);
    Uuid::new_v7(at).to_string()
}

/// The stream's state, if the person ever had one.
pub fn stream_fetch(conn: &mut Conn, person: &PersonId) -> Result<Option<StreamRow>> {
    Ok(stream::table.filter(stream::recipient.eq(person)).select(stream::all_columns).first(conn).optional()?)
}

/// Starts a new epoch after the stream was found to have diverged from a client's.
pub fn stream_renew(tx: &mut Tx<'_>, person: &PersonId) -> Result<StreamRow> {
    let epoch = epoch_of(tx.now);
    diesel::update(stream::table.filter(stream::recipient.eq(person)))
        .set(stream::epoch.eq(epoch))
        .execute(tx.conn())?;
    stream_open(tx, person)
}

/// The id of the message at `seq`, if that row is still there.
pub fn message_at(conn: &mut Conn, person: &PersonId, seq: i64) -> Result<Option<MessageId>> {
    Ok(delivery::table
        .filter(delivery::recipient.eq(person))
        .filter(delivery::seq.eq(seq))
        .select(delivery::message_id)
        .first(conn)
        .optional()?)
}

/// Up to `limit` messages after `seq`, in order.
pub fn messages_after(conn: &mut Conn, person: &PersonId, seq: i64, limit: i64) -> Result<Vec<Envelope>> {
    type Row = (i64, MessageId, String, String, String, i64, String, bool, Timestamp);
    let page = delivery::table
        .inner_join(message::table.on(message::id.eq(delivery::message_id)))
        .filter(delivery::recipient.eq(person))
        .filter(delivery::seq.gt(seq))
        .order(delivery::seq.asc())
        .limit(limit)
        .select((
            delivery::seq,
            message::id,
            message::kind,
            message::subject_kind,
            message::subject_id,
            message::version,
            message::args,
            message::urgent,
            message::created_at,
        ));
    let rows: Vec<Row> = straight::all(conn, page)?;
    rows.into_iter()
        .map(|(seq, id, kind, subject_kind, subject_id, version, args, urgent, created_at)| {
            Ok(Envelope {
                recipient: *person,
                seq,
                id,
                kind,
                subject: Subject { kind: Cow::Owned(subject_kind), id: subject_id },
                version,
                args: serde_json::from_str(&args)?,
                urgent,
                created_at,
            })
        })
        .collect()
}

/// Marks rows received by a carried device; returns those that were not before.
pub fn mark_received(
    tx: &mut Tx<'_>,
    person: &PersonId,
    device: &DeviceId,
    after_seq: i64,
    up_to_seq: i64,
) -> Result<Vec<i64>> {
    let now = tx.now;
    let new = delivery::table
        .filter(delivery::recipient.eq(person))
        .filter(delivery::seq.gt(after_seq))
        .filter(delivery::seq.le(up_to_seq))
        .filter(delivery::received_at.is_null());
    let receipt = (delivery::received_at.eq(now), delivery::received_device.eq(device));
    Ok(kept::returning_all(tx.conn(), diesel::update(new).set(receipt).returning(delivery::seq))?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::db::memory::Memory;

    #[test]
    fn messages_about_what_is_spared_stay_until_it_is_spared_no_more() {
        let mut memory = Memory::open();
        let person = PersonId::new();
        let now = Timestamp::from_micros(1_767_225_600_000_000);
        for subject in ["held", "other", "other", "held", "last"] {
            let draft = Draft {
                kind: "incident.updated",
                subject: Subject::new("incident", subject),
                version: 1,
                args: json!({}),
                urgent: false,
            };
            memory.write(now, None, |tx| send(tx, &[person], &draft)).unwrap();
        }
        let later = now.plus_secs((KEPT_DAYS + 1) * 86_400);
        let spared = HashSet::from(["held".to_owned()]);
        let mut left = |spared: &HashSet<String>| {
            while memory.write(later, None, |tx| trim_but(tx, spared)).unwrap() > 0 {}
            let rows = messages_after(memory.conn(), &person, 0, 10).unwrap();
            rows.into_iter().map(|row| row.subject.id).collect::<Vec<_>>()
        };
        assert_eq!(left(&spared), ["held", "held", "last"]);
        // With the next of the old ones the others go; there is none here, so one is made.
        assert_eq!(left(&HashSet::new()), ["held", "held", "last"]);
        let draft = Draft {
            kind: "incident.updated",
            subject: Subject::new("incident", "newest"),
            version: 1,
            args: json!({}),
            urgent: false,
        };
        memory.write(now, None, |tx| send(tx, &[person], &draft)).unwrap();
        while memory.write(later, None, trim).unwrap() > 0 {}
        let rows = messages_after(memory.conn(), &person, 0, 10).unwrap();
        assert_eq!(rows.into_iter().map(|row| row.subject.id).collect::<Vec<_>>(), ["newest"]);
    }
}
