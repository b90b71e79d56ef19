//! The recipe of a dossier: gather, judge what is missing, write the export down, wait until it is under a head.
//!
//! Looking at where people were is a look at them and is told to each; every item's custody says that it was exported;
//! the log says which dossier it was, by its hash.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use super::archive::{Packed, Plan};
use super::gather::{self, Facts, LINES_MAX, TRACK_MAX_S};
use super::{Entry, Gap, PersonLine, SentLine, Timeline, entries, gaps, page};
use crate::duty::evidence::Place;
use crate::duty::evidence::custody::bundle::{self, HEAD, KEYS, PublicKeys, README};
use crate::duty::evidence::custody::dossier::{
    self, FORMAT, FileSum, ItemLine, Limit, MANIFEST, Manifest, Original, PAGE, PROOF, README_TEXT, TIMELINE,
};
use crate::duty::evidence::custody::{Touch, TouchKind, TreeHead, keys, sequencer, touch};
use crate::duty::evidence::store::custody as log;
use crate::duty::incidents::view;
use crate::duty::location::access::{self as looks, AccessKind};
use crate::duty::location::service as location;
use crate::duty::officers::store as officers;
use crate::platform::audit;
use crate::platform::blobs::Blobs;
use crate::platform::ctx::Ctx;
use crate::platform::db::{Conn, Priority};
use crate::platform::disk::blocking;
use crate::platform::keys::sha256_hex;
use crate::words::error::{Error, Result};
use crate::words::ids::{CustodyId, IncidentId, PersonId};
use crate::words::time::Timestamp;

/// Characters of the purpose.
pub const PURPOSE_MAX: usize = 200;
/// Positions of a timeline: some ten megabytes of it, read by a person; more are thinned out evenly.
const POSITIONS_MAX: usize = 20_000;
/// Bytes of the originals of one dossier: what is still fetched in one go, about two hours at 10 Mbit/s. What is larger
/// is fetched by itself; its proofs are here all the same.
const ORIGINALS_MAX: u64 = 8 << 30;
/// Items whose export is written down in one recipe: some 10 ms of the writer.
const ITEMS_AT_ONCE: usize = 50;
/// How long an export waits for its entries to come under a head.
const PATIENCE: Duration = Duration::from_secs(10);

/// What is wanted.
#[derive(Clone, Debug)]
pub struct Asked {
    pub incident: IncidentId,
    pub purpose: String,
    /// Only what was known then.
    pub as_of: Option<Timestamp>,
    /// With the files themselves.
    pub originals: bool,
    pub english: bool,
}

/// Does everything that may be refused; what is left is sending.
///
/// Errors: `not_found`, `forbidden`, `invalid_field`, `busy` when the log is behind.
pub async fn make(ctx: &Ctx, asked: &Asked) -> Result<Plan> {
    let now = ctx.clock.now();
    let until = asked.as_of.unwrap_or(now);
    if until > now {
        return Err(Error::field("as_of", "lies in the future"));
    }
    let (actor, incident) = (Arc::clone(&ctx.actor), asked.incident);
    let facts = ctx.db.snapshot(move |conn| gather::load(conn, &actor, &incident, until)).await?;
    let mut limits = Vec::new();
    let (lines, missing) = told(ctx, asked, &facts, until, &mut limits).await?;
    let items = packed(ctx, asked, &facts, &mut limits).await?;
    let sent = facts.sent.iter().flat_map(|one| {
        one.members.iter().filter(move |member| member.sent_at <= until).map(move |member| SentLine {
            assignment_id: one.row.id,
            person_id: member.person_id,
            role: member.role.clone(),
            sent_at: member.sent_at,
        })
    });
    let timeline = Timeline {
        format: "suixing-timeline-v1",
        incident_id: incident,
        incident: header(&facts, asked.as_of)?,
        as_of: asked.as_of,
        made_at: now,
        made_by: ctx.actor.person,
        purpose: asked.purpose.clone(),
        people: named(ctx, &lines, &missing, &facts).await?,
        sent: sent.collect(),
        entries: lines,
        gaps: missing,
        limits,
    };
    let english = asked.english;
    let draw = move || -> Result<(Vec<u8>, String, Vec<Limit>)> {
        Ok((serde_json::to_vec(&timeline)?, page::page(&timeline, english), timeline.limits))
    };
    let (timeline, page, limits) = blocking(draw).await??;
    let sum = |name: &str, bytes: &[u8]| FileSum { name: name.to_owned(), sha256: sha256_hex(bytes) };
    let manifest = Manifest {
        format: FORMAT.to_owned(),
        incident_id: incident,
        made_at: now,
        made_by: ctx.actor.person,
        purpose: asked.purpose.clone(),
        as_of: asked.as_of,
        files: vec![sum(TIMELINE, &timeline), sum(PAGE, page.as_bytes())],
        items: items.iter().map(|item| item.line.clone()).collect(),
        limits,
    };
    let manifest_bytes = bundle::pretty(&manifest)?;
    let (items, export) = announce(ctx, items, &manifest, &sha256_hex(&manifest_bytes)).await?;
    let (head, proof, keys) = under_a_head(ctx, &items, export).await?;
    let parts = vec![
        (MANIFEST.to_owned(), manifest_bytes),
        (README.to_owned(), README_TEXT.as_bytes().to_vec()),
        (KEYS.to_owned(), bundle::pretty(&PublicKeys { keys })?),
        (HEAD.to_owned(), bundle::pretty(&head)?),
        (PROOF.to_owned(), bundle::pretty(&proof)?),
        (TIMELINE.to_owned(), timeline),
        (PAGE.to_owned(), page.into_bytes()),
    ];
    Ok(Plan { head, parts, items })
}

/// The lines of the timeline by time, and what is missing in them. Records the look at the people's tracks before
/// anything of it leaves.
async fn told(
    ctx: &Ctx,
    asked: &Asked,
    facts: &Facts,
    until: Timestamp,
    limits: &mut Vec<Limit>,
) -> Result<(Vec<Entry>, Vec<Gap>)> {
    let mut lines = entries::all(facts)?;
    lines.retain(|line| line.known_at <= until);
    let mut missing = gaps::of_clocks(&lines, &facts.items);
    missing.extend(gaps::of_recordings(&facts.sent, &facts.items, until));
    // Their rows do not say when they were given up, so that nothing is told of them as of an earlier time.
    if asked.as_of.is_none() {
        missing.extend(gaps::of_uploads(&asked.incident, &facts.uploads));
    }
    if facts.trail.len() as i64 >= LINES_MAX {
        limits.push(limit("trail", LINES_MAX as u64, LINES_MAX as u64, "the first lines of the incident's timeline"));
    }
    let people: Vec<PersonId> = facts.ways.iter().map(|way| way.person).collect();
    if !people.is_empty() {
        let purpose = Some(asked.purpose.clone());
        looks::record(ctx, looks::look(&ctx.actor, AccessKind::Track, purpose, ctx.clock.now()), people).await?;
    }
    let (mut positions, mut of) = (Vec::new(), 0);
    let each = POSITIONS_MAX / facts.ways.len().max(1);
    for way in &facts.ways {
        let (from, to) = way.window();
        if way.is_cut() {
            let whole_s = way.ended_at.millis_since(way.sent_at) / 1_000;
            let reason = "the assignment stayed open for longer; seconds of the track from its beginning";
            limits.push(limit("track", TRACK_MAX_S as u64, u64::try_from(whole_s).unwrap_or_default(), reason));
        }
        let mut fixes = location::track(ctx, way.person, from, to).await?;
        fixes.retain(|(_, fix)| fix.received() <= until);
        missing.extend(gaps::of_track(way, &fixes, &facts.duty));
        of += fixes.len();
        let step = fixes.len().div_ceil(each.max(1)).max(1);
        positions.extend(entries::track(way.person, fixes.iter().step_by(step)));
    }
    if positions.len() < of {
        let reason = "positions thinned out evenly to what a person can read; the whole track is kept by the server";
        limits.push(limit("positions", positions.len() as u64, of as u64, reason));
    }
    lines.append(&mut positions);
    lines.sort_by_key(|line| (line.at, line.known_at));
    missing.sort_by_key(|gap| (gap.from, gap.to));
    Ok((lines, missing))
}

/// What the incident looks like; as of an earlier time, as the source had told it by then.
fn header(facts: &Facts, as_of: Option<Timestamp>) -> Result<serde_json::Value> {
    let row = &facts.incident;
    let Some(at) = as_of else { return view::plain(row) };
    let known = facts.revisions.iter().filter(|revision| revision.applied && revision.received_at <= at);
    let known = known.max_by_key(|revision| revision.revision);
    let body = known.map(|revision| view::parsed(&revision.body)).transpose()?.unwrap_or_default();
    Ok(json!({
        "id": row.id,
        "source": row.source,
        "external_no": row.external_no,
        "created_at": row.created_at,
        "revision": known.map(|revision| revision.revision),
        "title": body.get("title"),
        "reported": body,
    }))
}

async fn named(ctx: &Ctx, lines: &[Entry], missing: &[Gap], facts: &Facts) -> Result<Vec<PersonLine>> {
    let mut more: Vec<PersonId> = facts.ways.iter().map(|way| way.person).collect();
    more.push(ctx.actor.person);
    let people = gather::named(lines, missing, &more);
    ctx.db.read(move |conn| people_of(conn, &people)).await
}

fn people_of(conn: &mut Conn, people: &[PersonId]) -> Result<Vec<PersonLine>> {
    let mut lines = Vec::new();
    for person in officers::people_fetch(conn, people)? {
        let unit = officers::unit_fetch(conn, &person.unit_id)?;
        lines.push(PersonLine {
            id: person.id,
            name: person.name,
            kind: person.kind,
            badge_no: person.badge_no,
            unit_id: unit.id,
            unit: unit.name,
        });
    }
    lines.sort_by(|one, other| one.name.cmp(&other.name).then(one.id.cmp(&other.id)));
    Ok(lines)
}

/// The items in the order in which they were captured, each with whether its original goes along.
async fn packed(ctx: &Ctx, asked: &Asked, facts: &Facts, limits: &mut Vec<Limit>) -> Result<Vec<Packed>> {
    let mut items: Vec<_> = facts.items.iter().filter(|item| item.proven).collect();
    if items.len() < facts.items.len() {
        let reason = "items that the server does not have yet: no receipt of its own";
        limits.push(limit("items", items.len() as u64, facts.items.len() as u64, reason));
    }
    items.sort_by_key(|item| (item.row.captured_at, item.row.id));
    let (mut bytes, mut left_out) = (0_u64, 0_u64);
    let mut packed = Vec::new();
    for item in items {
        let size = u64::try_from(item.row.size).map_err(Error::internal)?;
        let original = if item.row.gone_at.is_some() {
            Original::Deleted
        } else if item.row.place != Place::Stored {
            Original::Elsewhere
        } else if !asked.originals {
            Original::LeftOut
        } else if bytes.saturating_add(size) > ORIGINALS_MAX {
            left_out += 1;
            Original::TooLarge
        } else {
            bytes += size;
            Original::Included
        };
        let line = ItemLine { evidence_id: item.row.id, original };
        packed.push(Packed { row: item.row.clone(), line, entries: Arc::default() });
    }
    if left_out > 0 {
        let all = packed.len() as u64;
        let reason = format!("originals of more than {ORIGINALS_MAX} bytes together; each has a bundle of its own");
        limits.push(limit("originals", all - left_out, all, &reason));
    }
    are_there(ctx, &packed).await?;
    Ok(packed)
}

/// Stored and not there: somebody else than we removed it. Better told before the answer begins.
async fn are_there(ctx: &Ctx, items: &[Packed]) -> Result<()> {
    let blobs = ctx.part::<Blobs>()?.clone();
    let included = items.iter().filter(|item| item.line.original == Original::Included);
    let wanted: Vec<_> = included.map(|item| (item.row.id, item.row.sha256.clone())).collect();
    let look = move || -> Result<()> {
        for (id, key) in wanted {
            if !blobs.has(&key)? {
                return Err(Error::internal(format!("the original of {id} is missing")));
            }
        }
        Ok(())
    };
    blocking(look).await?
}

/// Writes the export down: in the custody of each item, in the log with the hash of the manifest, in the audit. Gives the
/// items with the entries that go along, and the entry of the export.
async fn announce(
    ctx: &Ctx,
    mut items: Vec<Packed>,
    manifest: &Manifest,
    sha256: &str,
) -> Result<(Vec<Packed>, CustodyId)> {
    let said = dossier::said(manifest, sha256);
    for chunk in items.chunks_mut(ITEMS_AT_ONCE) {
        let ids: Vec<_> = chunk.iter().map(|item| item.row.id).collect();
        let (actor, said) = (Arc::clone(&ctx.actor), said.clone());
        let entries = ctx
            .db
            .write(Priority::Normal, move |tx| {
                let (person, device) = (Some(actor.person), Some(actor.device));
                ids.iter().map(|id| bundle::exported(tx, id, person, device, said.clone())).collect::<Result<Vec<_>>>()
            })
            .await?;
        chunk.iter_mut().zip(entries).for_each(|(item, entries)| item.entries = entries);
    }
    let (actor, incident) = (Arc::clone(&ctx.actor), manifest.incident_id);
    let export = ctx
        .db
        .write(Priority::Normal, move |tx| {
            audit::record(tx, Some(&actor), "incident.dossier", "incident", &incident.to_string(), &said)?;
            touch(tx, Touch::by(&actor, None, TouchKind::Exported, said.clone()))
        })
        .await?;
    Ok((items, export))
}

/// Waits until every entry has its number and a signed head is over all of them.
async fn under_a_head(
    ctx: &Ctx,
    items: &[Packed],
    export: CustodyId,
) -> Result<(TreeHead, bundle::Proved, Vec<keys::PublicKey>)> {
    let ids: Vec<CustodyId> = items.iter().flat_map(|item| item.entries.iter().copied()).chain([export]).collect();
    let ids = Arc::new(ids);
    sequencer::awaited(ctx, PATIENCE, move |conn| {
        let Some(last) = log::entries_last(conn, &ids)? else { return Ok(None) };
        let Some(head) = log::head_over(conn, last)?.map(|row| TreeHead::from(&row)) else { return Ok(None) };
        let row = log::entry_fetch(conn, &export)?;
        let proof = bundle::proved(conn, &row, head.size)?;
        Ok(Some((head, proof, keys::published(conn)?)))
    })
    .await
}

fn limit(what: &str, kept: u64, of: u64, reason: &str) -> Limit {
    Limit { what: what.to_owned(), kept, of, reason: reason.to_owned() }
}
