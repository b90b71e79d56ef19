//! The table of who meets what. Letters: A D U O F V | a d o v, see the test.

use super::{Target, World, empty, password};
use crate::support::{ago, new_id, now};
use serde_json::{Value, json};

/// What the path's parameter names.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// No parameter.
    Nothing,
    /// An id that nothing has.
    Unknown,
    /// The source V speaks for.
    Source,
    /// The station.
    Unit,
    /// O.
    Officer,
    /// Somebody of the station, made for this call.
    Stranger,
    Grid,
    /// O's handheld, which he carries.
    Device,
    /// A handheld of the station, made for this call.
    LostDevice,
    /// A crew of O and a mate.
    Crew,
    /// An incident of V's source and the station; O was sent and has accepted.
    Incident,
    /// The same with nobody sent.
    NewIncident,
    /// O's assignment.
    Assignment,
    /// O's first feedback.
    Feedback,
    /// O's alarm.
    Backup,
    /// O's photo, of no incident yet; the twin is one he was sent to.
    Evidence,
    /// A hold on such a photo, set by U.
    Hold,
    /// Such a photo whose term is over and whose deletion a custodian asked for.
    Deletion,
    /// A batch that a custodian proposed, with such a photo on it.
    Batch,
    /// A copy of such a photo for somebody outside, asked for by O.
    Share,
    /// An inquiry about O that U asked for.
    Inquiry,
    /// A camera of the station.
    Camera,
    /// A recording on it that O wore.
    Recording,
    /// O's record of mediation; the twin is its incident, to which he was sent.
    Mediation,
    /// A number that O's handheld holds.
    NumberBlock,
    /// A linked body that the station keeps.
    Agency,
    /// An order that D handed to such a body; the twin is its incident, to which O was sent.
    Task,
}

/// One route.
pub struct Row {
    pub route: &'static str,
    pub subject: Subject,
    pub query: &'static str,
    pub body: fn(&World, &Target) -> Value,
    /// One letter per caller, or `public`.
    pub expected: &'static str,
    /// The call ends the session that makes it.
    pub ends_session: bool,
}

const fn row(route: &'static str, subject: Subject, expected: &'static str) -> Row {
    Row { route, subject, query: "", body: empty, expected, ends_session: false }
}

const fn with(
    route: &'static str,
    subject: Subject,
    body: fn(&World, &Target) -> Value,
    expected: &'static str,
) -> Row {
    Row { route, subject, query: "", body, expected, ends_session: false }
}

fn lead(person: &str) -> Value {
    json!([{ "person_id": person, "role": "lead" }])
}

/// Served to everybody signed in.
const ALL: &str = "++++++ ++++";
/// The organisation as its members see it; systems see none of it.
const ORG: &str = "+++++0 +++0";
/// One subject of the organisation, seen from its own subtree.
const OWN_ORG: &str = "+++++0 0000";
/// Changed by administrators of the subtree alone; who is none hears so before anything is looked up.
const ADMIN: &str = "+----- 0---";
/// The room in command of an incident; who may see it hears 403, others nothing.
const COMMAND: &str = "++--0- 0000";
/// Who may see an incident.
const SEES: &str = "++++0+ 0000";
/// Who may see what O captured: he and those above him, no system.
const ITEM: &str = "++++00 0000";
/// Who agrees to deletions and to copies that leave the house.
const DISPOSE: &str = "+-+-00 0000";
/// Said by a device with its key alone.
const KEYED: &str = "------ ----";

pub const ROWS: &[Row] = &[
    // Signing in
    row("POST /auth/login", Subject::Nothing, "public"),
    row("POST /auth/refresh", Subject::Nothing, "public"),
    row("POST /devices/enrol", Subject::Nothing, "public"),
    row("GET /.well-known/jwks.json", Subject::Nothing, "public"),
    Row { ends_session: true, ..row("POST /auth/logout", Subject::Nothing, ALL) },
    row("POST /ws-tickets", Subject::Nothing, ALL),
    // Units, people, devices
    row("GET /units", Subject::Nothing, ORG),
    with(
        "POST /units",
        Subject::Nothing,
        |w, _| json!({ "name": "T", "kind": "team", "parent_id": w.station.id }),
        ADMIN,
    ),
    row("GET /units/{id}", Subject::Unit, OWN_ORG),
    with("PATCH /units/{id}", Subject::Unit, |_, _| json!({ "name": "Station" }), ADMIN),
    row("GET /people", Subject::Nothing, ORG),
    with(
        "POST /people",
        Subject::Nothing,
        |w, _| json!({ "username": new_id(), "password": password(), "name": "n", "kind": "guard", "unit_id": w.station.id }),
        ADMIN,
    ),
    row("GET /people/{id}", Subject::Officer, OWN_ORG),
    with("PATCH /people/{id}", Subject::Stranger, |_, _| json!({ "name": "x" }), ADMIN),
    row("POST /people/{id}/disable", Subject::Stranger, ADMIN),
    row("POST /people/{id}/enable", Subject::Stranger, ADMIN),
    with("PUT /people/{id}/password", Subject::Stranger, |_, _| json!({ "password": password() }), ADMIN),
    with(
        "PUT /me/password",
        Subject::Nothing,
        // Too short a new one: refused after the caller was let in.
        |_, _| json!({ "old_password": password(), "new_password": "short" }),
        ALL,
    ),
    row("GET /devices", Subject::Nothing, "+++--- ++--"),
    with("POST /devices/enrolment-codes", Subject::Nothing, |w, _| json!({ "unit_id": w.station.id }), ADMIN),
    row("GET /devices/{id}", Subject::Device, "++++00 0000"),
    row("POST /devices/{id}/revoke", Subject::LostDevice, ADMIN),
    // Duty, crews, grids, issued devices
    row("GET /me", Subject::Nothing, ALL),
    row("GET /me/duty", Subject::Nothing, ALL),
    with("PUT /me/duty", Subject::Nothing, |_, _| json!({ "on_duty": true }), "+++++- +++-"),
    row("GET /people/{id}/duty", Subject::Officer, OWN_ORG),
    with("PUT /people/{id}/duty", Subject::Officer, |_, _| json!({ "on_duty": true }), "++-+-- 0000"),
    row("GET /people/{id}/duty-log", Subject::Officer, "++++-0 0000"),
    row("GET /roster", Subject::Nothing, "+++--- ++--"),
    row("GET /crews", Subject::Nothing, ORG),
    with(
        "POST /crews",
        Subject::Nothing,
        |w, _| json!({ "call_sign": "K", "members": lead(&w.who("F").person_id) }),
        "++--+- 0000",
    ),
    row("GET /crews/{id}", Subject::Crew, OWN_ORG),
    with("PATCH /crews/{id}", Subject::Crew, |_, _| json!({ "grid": "G1" }), "++-+-0 0000"),
    with("POST /crews/{id}/join", Subject::Crew, |w, _| json!({ "person_id": w.mate() }), "++-+-0 0000"),
    with("POST /crews/{id}/leave", Subject::Crew, |w, _| json!({ "person_id": w.mate() }), "++---0 0000"),
    with(
        "POST /crews/{id}/split",
        Subject::Crew,
        |w, _| json!({ "call_sign": "K2", "members": lead(w.mate()) }),
        "++-+-0 0000",
    ),
    row("GET /grids", Subject::Nothing, ORG),
    with(
        "POST /grids",
        Subject::Nothing,
        |w, _| json!({ "unit_id": w.station.id, "code": new_id(), "name": "n" }),
        ADMIN,
    ),
    with("PATCH /grids/{id}", Subject::Grid, |_, _| json!({ "name": "n" }), ADMIN),
    with(
        "POST /devices/{id}/issue",
        Subject::Device,
        |w, _| json!({ "person_id": w.who("O").person_id }),
        "++-+-- 0000",
    ),
    row("POST /devices/{id}/return", Subject::LostDevice, "++---- 0000"),
    row("GET /devices/{id}/issues", Subject::Device, "++++00 0000"),
    // Incidents
    row("GET /incidents", Subject::Nothing, ALL),
    with(
        "POST /incidents",
        Subject::Nothing,
        |w, _| {
            let (lon, lat) = w.station.center;
            json!({ "category": "dispute", "priority": 3, "title": "t", "location": { "lon": lon, "lat": lat } })
        },
        "++-+++ ++++",
    ),
    row("GET /incidents/{id}", Subject::Incident, SEES),
    with("PATCH /incidents/{id}", Subject::Incident, |_, _| json!({ "hazards": ["dog"] }), "++-+0+ 0000"),
    row("GET /incidents/{id}/notes", Subject::Incident, SEES),
    with("POST /incidents/{id}/notes", Subject::Incident, |_, _| json!({ "text": "n" }), "++-+0+ 0000"),
    row("GET /incidents/{id}/timeline", Subject::Incident, SEES),
    row("GET /incidents/{id}/caller", Subject::Incident, "++-+0+ 0000"),
    row("POST /incidents/{id}/claim", Subject::Incident, COMMAND),
    row("DELETE /incidents/{id}/claim", Subject::Incident, COMMAND),
    row("POST /incidents/{id}/cancel", Subject::Incident, COMMAND),
    with("POST /incidents/{id}/merge", Subject::Incident, |_, t| json!({ "into": t.twin }), COMMAND),
    with("POST /incidents/{id}/links", Subject::Incident, |_, t| json!({ "incident_id": t.twin }), COMMAND),
    with("POST /incidents/{id}/divert", Subject::Incident, |_, _| json!({ "to": "12345" }), COMMAND),
    row("POST /incidents/{id}/close", Subject::Incident, COMMAND),
    with("POST /incidents/{id}/review", Subject::Incident, |_, _| json!({ "accept": true }), COMMAND),
    row("POST /incidents/{id}/reopen", Subject::Incident, COMMAND),
    with(
        "POST /incidents/{id}/feedbacks",
        Subject::Incident,
        |_, _| json!({ "stage": "first", "text": "t" }),
        "++-+0- 0000",
    ),
    row("GET /incidents/{id}/feedbacks", Subject::Incident, SEES),
    row("POST /feedbacks/{id}/confirm", Subject::Feedback, "++-+0- 0000"),
    row("GET /integrations/{source}/changes", Subject::Source, "+--00+ +-00"),
    with(
        "PUT /integrations/{source}/webhook",
        Subject::Source,
        |_, _| json!({ "url": "http://127.0.0.1:9/hook" }),
        "+--000 +-00",
    ),
    row("GET /integrations/{source}/webhook", Subject::Source, "+--000 +-00"),
    // Assignments
    with(
        "POST /incidents/{id}/assignments",
        Subject::NewIncident,
        |w, _| json!({ "person_ids": [w.who("F").person_id] }),
        "++-00- 0000",
    ),
    row("GET /incidents/{id}/assignments", Subject::Incident, SEES),
    row("POST /incidents/{id}/sign", Subject::NewIncident, "++-00- 0000"),
    with("POST /incidents/{id}/return", Subject::NewIncident, |_, _| json!({ "reason": "not ours" }), "++-00- 0000"),
    with("POST /incidents/{id}/transfer", Subject::NewIncident, |w, _| json!({ "unit_id": w.other.id }), "++-00- 0000"),
    row("POST /incidents/{id}/join", Subject::NewIncident, "---++- 0000"),
    row("GET /incidents/{id}/feedback-proposal", Subject::Incident, SEES),
    row("GET /assignments/{id}", Subject::Assignment, SEES),
    with(
        "POST /assignments/{id}/events",
        Subject::Assignment,
        |_, _| json!({ "event": "en_route", "at": now() }),
        "++-+0- 0000",
    ),
    row("POST /assignments/{id}/cancel", Subject::Assignment, COMMAND),
    with(
        "POST /assignments/{id}/reassign",
        Subject::Assignment,
        |w, _| json!({ "to": { "person_ids": [w.who("F").person_id] } }),
        COMMAND,
    ),
    row("POST /assignments/{id}/keep", Subject::Assignment, COMMAND),
    with(
        "POST /assignments/{id}/leave",
        Subject::Assignment,
        |w, _| json!({ "person_id": w.who("O").person_id }),
        "++-+0- 0000",
    ),
    row("GET /me/assignments", Subject::Nothing, ALL),
    row("GET /agencies", Subject::Nothing, ORG),
    with("POST /agencies", Subject::Nothing, |_, _| json!({ "name": new_id() }), "+--000 +-00"),
    // Places
    with(
        "POST /positions",
        Subject::Nothing,
        // Far from the station: whoever stands beside an alarm is told of it and may see it.
        |w, _| json!({ "fixes": [{ "at": now(), "lon": w.station.center.0, "lat": w.station.center.1 - 40.0 }] }),
        "+++++- +++-",
    ),
    row("GET /live", Subject::Nothing, "+++++- +++-"),
    Row { query: "lon=108.9&lat=34.2", ..row("GET /nearby", Subject::Nothing, "+++++- +++-") },
    row("GET /people/{id}/track", Subject::Officer, "++++00 0000"),
    row("GET /me/looked-at", Subject::Nothing, ALL),
    row("GET /me/reporting-policy", Subject::Nothing, ALL),
    // Backup
    row("POST /backups", Subject::Nothing, "+++++- +++-"),
    row("GET /backups", Subject::Nothing, ALL),
    row("GET /backups/{id}", Subject::Backup, "++++.0 0000"),
    with("PATCH /backups/{id}", Subject::Backup, |_, _| json!({ "note": "n" }), "++++.0 0000"),
    // A supervisor is the duty commander an untaken alarm climbs to: he may take and close it.
    row("POST /backups/{id}/take", Subject::Backup, "+++-.0 0000"),
    with("POST /backups/{id}/responses", Subject::Backup, |_, _| json!({ "answer": "coming" }), "---..0 0000"),
    with("POST /backups/{id}/close", Subject::Backup, |_, _| json!({ "reason": "resolved" }), "+++..0 0000"),
    row("GET /me/cover", Subject::Nothing, ALL),
    with("POST /me/check-ins", Subject::Nothing, |_, _| json!({ "assignment_id": new_id() }), "000000 0000"),
    // Evidence
    row("POST /evidence/photos", Subject::Nothing, ALL),
    row("GET /evidence", Subject::Nothing, ALL),
    row("GET /evidence/{id}", Subject::Evidence, ITEM),
    row("GET /evidence/{id}/content", Subject::Evidence, ITEM),
    row("GET /evidence/{id}/preview", Subject::Evidence, ITEM),
    row("GET /evidence/{id}/receipt", Subject::Evidence, ITEM),
    row("GET /evidence/{id}/custody", Subject::Evidence, ITEM),
    row("GET /evidence/{id}/bundle", Subject::Evidence, ITEM),
    with("POST /evidence/{id}/marks", Subject::Evidence, |_, _| json!({ "from_ms": 0, "to_ms": 1, "text": "m" }), ITEM),
    with("POST /evidence/{id}/links", Subject::Evidence, |_, t| json!({ "incident_id": t.twin }), "++-+00 0000"),
    with("POST /evidence/{id}/holds", Subject::Evidence, |_, _| json!({ "reason": "r" }), "+-+-00 0000"),
    with("POST /incidents/{id}/holds", Subject::Incident, |_, _| json!({ "reason": "r" }), "+-+-0- 0000"),
    // A custodian's alone, and none of the callers is one.
    row("DELETE /holds/{id}", Subject::Hold, "----00 0000"),
    row("POST /evidence/{id}/release", Subject::Evidence, "----00 0000"),
    // Keeping. What only a custodian may, none of the callers may.
    row("GET /retention/terms", Subject::Nothing, ALL),
    with(
        "PUT /evidence/{id}/retention",
        Subject::Evidence,
        |_, _| json!({ "category": "case", "reason": "r" }),
        "----00 0000",
    ),
    with(
        "POST /evidence/{id}/deletion",
        Subject::Evidence,
        |_, _| json!({ "reason": "r", "article": "a" }),
        "----00 0000",
    ),
    row("GET /evidence/{id}/deletion", Subject::Deletion, DISPOSE),
    row("POST /evidence/{id}/deletion/approve", Subject::Deletion, DISPOSE),
    with("POST /evidence/{id}/deletion/refuse", Subject::Deletion, |_, _| json!({ "reason": "r" }), DISPOSE),
    row("GET /deletions", Subject::Nothing, "+-+--- +---"),
    row("GET /deletions/batches", Subject::Nothing, "+-+--- +---"),
    row("POST /deletions/batches", Subject::Nothing, "------ ----"),
    row("GET /deletions/batches/{id}", Subject::Batch, "+-+000 0000"),
    row("POST /deletions/batches/{id}/approve", Subject::Batch, "+-+000 0000"),
    with("POST /deletions/batches/{id}/refuse", Subject::Batch, |_, _| json!({ "reason": "r" }), "+-+000 0000"),
    // By the photo door, which asks for a form first.
    row("POST /evidence/{id}/redacted", Subject::Evidence, ALL),
    with(
        "POST /evidence/{id}/shares",
        Subject::Evidence,
        |_, _| json!({ "receiver": "R", "purpose": "p", "expires_at": ago(-600.0) }),
        ITEM,
    ),
    row("GET /evidence/{id}/shares", Subject::Evidence, ITEM),
    row("GET /shares/{id}", Subject::Share, ITEM),
    row("POST /shares/{id}/approve", Subject::Share, DISPOSE),
    row("POST /shares/{id}/revoke", Subject::Share, "+-++00 0000"),
    row("GET /shares/{id}/content", Subject::Share, "+-++00 0000"),
    // The custody log: hashes, which name nobody.
    row("GET /custody/tree-heads", Subject::Nothing, ALL),
    Row { query: "index=0", ..row("GET /custody/proofs/inclusion", Subject::Nothing, ALL) },
    Row { query: "from=1", ..row("GET /custody/proofs/consistency", Subject::Nothing, ALL) },
    row("GET /custody/keys", Subject::Nothing, "public"),
    // The ledger of the scene
    row("GET /assignments/{id}/scene-ledger", Subject::Assignment, SEES),
    row("GET /scene-gaps", Subject::Nothing, "+++--- ++--"),
    with("POST /scene-gaps/{id}/close", Subject::Unknown, |_, _| json!({ "reason": "r" }), "000000 0000"),
    // Resumable uploads: whoever may ask at all is first told of the protocol's version.
    row("POST /uploads", Subject::Nothing, ALL),
    row("PATCH /uploads/{id}", Subject::Unknown, ALL),
    row("DELETE /uploads/{id}", Subject::Unknown, ALL),
    row("POST /uploads/{id}", Subject::Unknown, ALL),
    // Recordings. Docks and cameras speak with their own key; whoever comes by a session hears 403.
    with(
        "POST /devices/{id}/manifest",
        Subject::Camera,
        |_, _| json!({ "clock_offset_ms": 0, "recordings": [] }),
        KEYED,
    ),
    row("GET /devices/{id}/wanted", Subject::Camera, KEYED),
    with(
        "POST /recordings/{id}/held",
        Subject::Recording,
        |_, _| json!({ "sha256": "00".repeat(32), "size": 1, "held_at": now(), "signature": "" }),
        KEYED,
    ),
    row("GET /recordings/{id}/receipt", Subject::Recording, KEYED),
    row("GET /recordings", Subject::Nothing, ALL),
    row("GET /recordings/unclaimed", Subject::Nothing, "+++--- ++--"),
    row("GET /recordings/{id}", Subject::Recording, ITEM),
    with(
        "POST /recordings/{id}/wearer",
        Subject::Recording,
        |w, _| json!({ "person_id": w.mate(), "reason": "r" }),
        "--+-00 0000",
    ),
    with("POST /recordings/{id}/fetch", Subject::Recording, |_, _| json!({ "purpose": "p" }), ITEM),
    row("GET /incidents/{id}/recordings", Subject::Incident, ITEM),
    // The stream
    row("GET /me/inbox", Subject::Nothing, ALL),
    with("POST /me/inbox/ack", Subject::Nothing, |_, _| json!({ "seq": 0 }), ALL),
    row("GET /ws", Subject::Nothing, "++++++ ++++"),
    // Rooms
    row("GET /cards", Subject::Nothing, "+++--- ++--"),
    row("GET /cards/{id}", Subject::Unknown, "000... 00.."),
    row("POST /cards/{id}/close", Subject::Unknown, "00.... 00.."),
    with("POST /cards/{id}/snooze", Subject::Unknown, |_, _| json!({ "reason": "r", "minutes": 5 }), "00.... 00.."),
    // The dossier of an incident: who answers for its unit, not who sends people.
    Row { query: "purpose=court", ..row("GET /incidents/{id}/dossier", Subject::Incident, "+-+-0- 0000") },
    // Who looked: its recorder's to know and its keeper's, and none of the callers is one.
    row("GET /evidence/{id}/looks", Subject::Evidence, "---+00 0000"),
    // Inquiries: asked for by who answers for a unit, approved by another above all of it; whom one is about has none.
    row("GET /inquiries", Subject::Nothing, ALL),
    with("POST /inquiries", Subject::Nothing, |w, _| w.inquiry(), "+-+--- +---"),
    row("GET /inquiries/{id}", Subject::Inquiry, "+0+000 0000"),
    row("POST /inquiries/{id}/approve", Subject::Inquiry, "+0-000 0000"),
    row("POST /inquiries/{id}/close", Subject::Inquiry, "+0+000 0000"),
    // Mediation: who is at the scene and who commands it write, who answers for them reads; no system.
    row("GET /mediations", Subject::Nothing, "+++++- +++-"),
    row("GET /mediations/{id}", Subject::Mediation, "++++0- 0000"),
    row("GET /mediations/{id}/edits", Subject::Mediation, "++++0- 0000"),
    with(
        "PUT /mediations/{id}",
        Subject::Mediation,
        |_, t| json!({ "incident_id": t.twin, "kind": "police", "record": {} }),
        "++-+0- 0000",
    ),
    with("PATCH /mediations/{id}", Subject::Mediation, |_, _| json!({ "fields": { "place": "p" } }), "++-+0- 0000"),
    with(
        "POST /mediations/{id}/particulars",
        Subject::Mediation,
        |_, _| json!({ "fields": [format!("parties/{}/phone", new_id())], "purpose": "p" }),
        "++-+0- 0000",
    ),
    with(
        "POST /mediations/{id}/consents",
        Subject::Mediation,
        |_, _| json!({ "party": new_id(), "consents": true }),
        "++-+0- 0000",
    ),
    with(
        "POST /mediations/{id}/signatures",
        Subject::Mediation,
        |_, _| json!({ "signer": new_id(), "content_hash": "0".repeat(64), "status": "refused", "reason": "r" }),
        "++-+0- 0000",
    ),
    // By who leads it alone, whoever else commands the scene.
    row("POST /mediations/{id}/finalize", Subject::Mediation, "---+0- 0000"),
    // Withdrawn by who answers for the unit, neither by who led it nor by who sends people.
    with(
        "POST /mediations/{id}/steps",
        Subject::Mediation,
        |_, _| json!({ "step": "void", "reason": "r" }),
        "+-+-0- 0000",
    ),
    with(
        "POST /mediations/{id}/copies",
        Subject::Mediation,
        |_, _| json!({ "party": new_id(), "document": "agreement", "way": "printed" }),
        "++-+0- 0000",
    ),
    with(
        "POST /mediations/{id}/performances",
        Subject::Mediation,
        |_, _| json!({ "term": new_id(), "outcome": "performed" }),
        "++-+0- 0000",
    ),
    // By who leads it, as finalizing.
    with(
        "POST /mediations/{id}/referrals",
        Subject::Mediation,
        |w, _| json!({ "agency_id": w.agency, "purpose": "mediate", "ask": "a" }),
        "---+0- 0000",
    ),
    row("POST /mediations/{id}/prefill", Subject::Mediation, "++-+0- 0000"),
    row("GET /incidents/{id}/mediation-history", Subject::Incident, "++++0- 0000"),
    // A draft, with everything that stands on it, for who writes; whoever holds a paper may ask whether it counts.
    row("GET /mediations/{id}/documents/{kind}.pdf", Subject::Mediation, "++-+0- 0000"),
    row("GET /verify/{id}", Subject::Unknown, "public"),
    // Numbers of documents: of the unit's own people, and of who answers for it.
    with(
        "POST /units/{id}/number-blocks",
        Subject::Unit,
        |_, _| json!({ "series": "xczatj", "count": 1 }),
        "++-++0 0000",
    ),
    row("POST /number-blocks/{id}/return", Subject::NumberBlock, "++++-0 0000"),
    row("GET /units/{id}/numbers", Subject::Unit, OWN_ORG),
    row("GET /units/{id}/numbers/summary", Subject::Unit, OWN_ORG),
    with(
        "POST /units/{id}/numbers/preprinted",
        Subject::Unit,
        |_, _| json!({ "series": "xczatj", "number": format!("{}-1", new_id().split_off(24)) }),
        "++-++0 0000",
    ),
    with(
        "POST /units/{id}/numbers/void",
        Subject::Unit,
        // None that is there: refused after the caller was let in.
        |_, _| json!({ "series": "xczatj", "number": 999_999, "reason": "r" }),
        "+++--0 0000",
    ),
    // Figures are for who answers for the unit.
    Row { query: "from=2026-01-01&to=2026-01-31", ..row("GET /reports/mediations", Subject::Nothing, "+++--- ++--") },
    // Linked bodies, and work orders: ours by the incident; of systems only the account of the body itself.
    with(
        "PUT /agencies/{id}",
        Subject::Agency,
        |_, _| json!({ "name": "N", "kind": "fire", "channel": "phone", "phone": "119" }),
        "+--000 0-00",
    ),
    row("GET /incidents/{id}/tasks", Subject::Incident, "++++0- 0000"),
    with(
        "POST /incidents/{id}/tasks",
        Subject::Incident,
        |w, _| json!({ "agency_id": w.agency, "ask": "a" }),
        "++++0- 0000",
    ),
    row("GET /tasks/{id}", Subject::Task, "++++0- 0000"),
    with("POST /tasks/{id}/events", Subject::Task, |_, _| json!({ "kind": "sign", "by_name": "Chen" }), "+++-0- 0000"),
    row("GET /inbox/tasks", Subject::Nothing, KEYED),
    Row { query: "from=2026-01-01&to=2026-01-31", ..row("GET /reports/tasks", Subject::Nothing, "+++--- ++--") },
];
