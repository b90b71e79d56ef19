//! What a device has of a person's stream, fenced: every connection of a device
//! raises its generation, and a write that carries an older one changes nothing.
//! Called by the socket and by `GET /me/inbox`.

use diesel::prelude::*;

use super::outbox::{self, StreamRow};
use crate::per_backend;
use crate::platform::bugs::{self, Bug};
use crate::platform::db::schema::{delivery, device_cursor};
use crate::platform::db::{Conn, Tx, kept};
use crate::words::error::Result;
use crate::words::ids::{DeviceId, MessageId, PersonId};
use crate::words::time::Timestamp;

/// Messages a device that remembers nothing is sent at most; older ones it finds in its lists.
const FRESH_MAX: i64 = 1_000;
/// The same for a browser, whose receipts never clear anything.
const FRESH_BROWSER_MAX: i64 = 256;
/// And only messages of this age, in seconds, for a browser.
const FRESH_BROWSER_S: i64 = 3_600;

/// The highest number of everybody whose stream grew after an instant. The limit limits nothing: without it SQLite reads
/// every message ever sent in the order of its recipients, which spares it the grouping, instead of those of the last
/// seconds by their index.
pub(crate) const GROWN: &str = "SELECT recipient, MAX(seq) AS seq FROM (SELECT recipient, seq FROM delivery \
                                WHERE created_at > $1 LIMIT 9223372036854775807) AS lately GROUP BY recipient";

/// What a device says it has.
#[derive(Clone, Debug, Default)]
pub struct Known {
    pub epoch: Option<String>,
    pub seq: i64,
    pub id: Option<MessageId>,
}

/// Why a stream cannot be continued from what the device has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lost {
    /// The history is another one than the device knows.
    Diverged,
    /// What it missed is no longer kept.
    Trimmed,
    /// It has nothing yet.
    NewDevice,
}

/// Where a stream goes on.
#[derive(Clone, Debug)]
pub struct Resumption {
    pub epoch: String,
    /// Why it does not continue; None when it does.
    pub lost: Option<Lost>,
    /// Messages after this number follow.
    pub from_seq: i64,
    pub from_id: Option<MessageId>,
    /// Highest number given out.
    pub head: i64,
    /// The device knows a later history than the database: an older copy was put back. The stream needs a new
    /// epoch, or numbers that were given out once would be given out again under the same one.
    pub put_back: bool,
}

/// Compares what the device has with the stream. The same rule for socket and inbox.
pub fn resume(conn: &mut Conn, row: &StreamRow, known: &Known, browser: bool, now: Timestamp) -> Result<Resumption> {
    let lost = match &known.epoch {
        None => Some(Lost::NewDevice),
        Some(epoch) if *epoch != row.epoch => Some(Lost::Diverged),
        Some(_) if known.seq == 0 => (row.trimmed_seq > 0).then_some(Lost::NewDevice),
        Some(_) if known.seq > row.last_seq || known.seq < 0 => Some(Lost::Diverged),
        Some(_) if known.seq < row.trimmed_seq => Some(Lost::Trimmed),
        Some(_) => {
            let here = outbox::message_at(conn, &row.recipient, known.seq)?;
            // Streams trimmed by an earlier version have nothing there to compare with.
            let gone = here.is_none() && known.seq == row.trimmed_seq;
            (!gone && (here.is_none() || here != known.id)).then_some(Lost::Diverged)
        }
    };
    let (from_seq, from_id) = match lost {
        None => (known.seq, known.id),
        Some(_) => {
            let seq = fresh_start(conn, row, browser, now)?;
            (seq, outbox::message_at(conn, &row.recipient, seq)?)
        }
    };
    // A place without an id within our numbers proves no other history.
    let shown = known.id.is_some() || known.seq > row.last_seq || known.epoch.as_deref() != Some(row.epoch.as_str());
    let put_back = lost == Some(Lost::Diverged)
        && shown
        && known.epoch.as_deref().is_some_and(|epoch| !is_older(epoch, &row.epoch));
    Ok(Resumption { epoch: row.epoch.clone(), lost, from_seq, from_id, head: row.last_seq, put_back })
}

/// Whether an epoch came before ours, or is none of ours at all: epochs are UUIDv7 and carry their time.
fn is_older(epoch: &str, ours: &str) -> bool {
    let read = |text: &str| uuid::Uuid::parse_str(text).ok();
    read(epoch).is_none_or(|epoch| read(ours).is_some_and(|ours| epoch < ours))
}

/// [`resume`] for who may write: a stream that was put back goes on under a new epoch.
pub fn resume_or_renew(tx: &mut Tx<'_>, row: &StreamRow, known: &Known, browser: bool) -> Result<Resumption> {
    let now = tx.now;
    let mut resumption = resume(tx.conn(), row, known, browser, now)?;
    if resumption.put_back && !bugs::has(Bug::KeepEpoch) {
        resumption.epoch = outbox::stream_renew(tx, &row.recipient)?.epoch;
    }
    Ok(resumption)
}

/// Where a device that remembers nothing starts: before the first message that
/// no carried device has confirmed.
fn fresh_start(conn: &mut Conn, row: &StreamRow, browser: bool, now: Timestamp) -> Result<i64> {
    let since = if browser { now.plus_secs(-FRESH_BROWSER_S) } else { Timestamp::EPOCH };
    let waiting: Option<i64> = delivery::table
        .filter(delivery::recipient.eq(&row.recipient))
        .filter(delivery::received_at.is_null())
        .filter(delivery::created_at.ge(since))
        .select(diesel::dsl::min(delivery::seq))
        .first(conn)?;
    let most = if browser { FRESH_BROWSER_MAX } else { FRESH_MAX };
    let start = waiting.map_or(row.last_seq, |seq| seq.saturating_sub(1));
    Ok(start.max(row.last_seq.saturating_sub(most)).max(row.trimmed_seq))
}

/// Makes the cursor of a device and its holder when it is not there yet.
fn cursor_open(tx: &mut Tx<'_>, device: &DeviceId, person: &PersonId) -> Result<()> {
    let now = tx.now;
    per_backend!(tx.conn(), |c| {
        diesel::insert_into(device_cursor::table)
            .values((
                device_cursor::device_id.eq(device),
                device_cursor::person_id.eq(person),
                device_cursor::session_gen.eq(0),
                device_cursor::ack_seq.eq(0),
                device_cursor::updated_at.eq(now),
            ))
            .on_conflict_do_nothing()
            .execute(c)
    })?;
    Ok(())
}

/// The number a device has confirmed of its holder's stream, if it ever did.
pub fn cursor_fetch(conn: &mut Conn, device: &DeviceId, person: &PersonId) -> Result<Option<i64>> {
    Ok(device_cursor::table
        .filter(device_cursor::device_id.eq(device))
        .filter(device_cursor::person_id.eq(person))
        .select(device_cursor::ack_seq)
        .first(conn)
        .optional()?)
}

/// Moves a cursor forward without a connection; never back.
pub fn cursor_advance(tx: &mut Tx<'_>, device: &DeviceId, person: &PersonId, seq: i64) -> Result<()> {
    cursor_open(tx, device, person)?;
    let now = tx.now;
    diesel::update(
        device_cursor::table
            .filter(device_cursor::device_id.eq(device))
            .filter(device_cursor::person_id.eq(person))
            .filter(device_cursor::ack_seq.lt(seq)),
    )
    .set((device_cursor::ack_seq.eq(seq), device_cursor::updated_at.eq(now)))
    .execute(tx.conn())?;
    Ok(())
}

/// Puts a cursor where a device was told to begin: what lies before is not its own to confirm.
pub fn cursor_place(tx: &mut Tx<'_>, device: &DeviceId, person: &PersonId, seq: i64) -> Result<()> {
    cursor_open(tx, device, person)?;
    let now = tx.now;
    let mine =
        device_cursor::table.filter(device_cursor::device_id.eq(device)).filter(device_cursor::person_id.eq(person));
    diesel::update(mine).set((device_cursor::ack_seq.eq(seq), device_cursor::updated_at.eq(now))).execute(tx.conn())?;
    Ok(())
}

/// Raises the generation of a device for a new connection of `person`; gives it
/// and the number the device had confirmed before.
pub fn cursor_raise(tx: &mut Tx<'_>, device: &DeviceId, person: &PersonId) -> Result<(i64, i64)> {
    cursor_open(tx, device, person)?;
    let conn = tx.conn();
    let highest: Option<i64> = device_cursor::table
        .filter(device_cursor::device_id.eq(device))
        .select(diesel::dsl::max(device_cursor::session_gen))
        .first(conn)?;
    let next = highest.unwrap_or(0).saturating_add(1);
    // Every holder's row of the device: a hand-over ends the previous holder's socket too.
    diesel::update(device_cursor::table.filter(device_cursor::device_id.eq(device)))
        .set(device_cursor::session_gen.eq(next))
        .execute(conn)?;
    let had = cursor_fetch(conn, device, person)?.unwrap_or(0);
    Ok((next, had))
}

/// Moves the cursor of this generation; false when a newer connection took over.
pub fn cursor_move(tx: &mut Tx<'_>, device: &DeviceId, person: &PersonId, session_gen: i64, seq: i64) -> Result<bool> {
    let now = tx.now;
    let mine = device_cursor::table
        .filter(device_cursor::device_id.eq(device))
        .filter(device_cursor::person_id.eq(person))
        .filter(device_cursor::session_gen.eq(session_gen));
    let place = (device_cursor::ack_seq.eq(seq), device_cursor::updated_at.eq(now));
    Ok(kept::execute(tx.conn(), diesel::update(mine).set(place))? > 0)
}

/// Every stream that grew since `since`, with its highest number: covers other
/// nodes and missed nudges.
pub fn streams_grown_since(conn: &mut Conn, since: Timestamp) -> Result<Vec<(PersonId, i64)>> {
    #[derive(QueryableByName)]
    struct Grown {
        #[diesel(sql_type = diesel::sql_types::Text)]
        recipient: PersonId,
        #[diesel(sql_type = diesel::sql_types::BigInt)]
        seq: i64,
    }
    let rows: Vec<Grown> = diesel::sql_query(GROWN).bind::<diesel::sql_types::BigInt, _>(since).load(conn)?;
    Ok(rows.into_iter().map(|row| (row.recipient, row.seq)).collect())
}

/// The stream of a person, opened when it is not there yet.
pub fn stream_of(tx: &mut Tx<'_>, person: &PersonId) -> Result<StreamRow> {
    match outbox::stream_fetch(tx.conn(), person)? {
        Some(row) => Ok(row),
        None => outbox::stream_open(tx, person),
    }
}
