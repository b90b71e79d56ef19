//! A duplicate of every write: the same request under the same key is answered the same and done once.

use crate::mediation::{PARTY_A, PARTY_B, TERM, later, picture};
use crate::support::evidence::{Signer, jpeg};
use crate::support::{Officer, Reply, TestApp, Unit, ago, fix, new_id, now, operations, wait_until};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Writes whose repetition has a rule and a test of its own.
const OWN_RULE: [&str; 13] = [
    "POST /auth/login",    // each is a session
    "POST /auth/refresh",  // the same successor until it is used
    "POST /auth/logout",   // gone is gone
    "POST /devices/enrol", // a one-time code
    "POST /ws-tickets",    // each can be redeemed once
    // Bytes: the same content of the same author and moment is the same item (tests/api/evidence).
    "POST /evidence/photos",
    "POST /evidence/{id}/redacted",
    "POST /uploads",
    // A device says it under the recording's own id, without a key (tests/api/evidence/docks.rs).
    "POST /devices/{id}/manifest",
    "POST /recordings/{id}/held",
    "PATCH /uploads/{id}",  // an offset is written once
    "POST /uploads/{id}",   // the same for clients that know only POST
    "DELETE /uploads/{id}", // gone is gone
];

/// Members that tell the moment of answering.
const MOMENTS: [&str; 5] = ["updated_at", "server_time", "age_s", "expires_in", "next_at"];

/// Members of an item that its jobs write, at their time.
const FOUND_BY_JOBS: [&str; 5] = ["previewed", "previews", "findings", "sm3", "version"];

/// Sends writes twice and remembers which ones.
#[derive(Default)]
struct Twice {
    done: BTreeSet<String>,
}

impl Twice {
    /// The same request twice under one key; `pattern` is its documented path with `{id}`s.
    async fn send(&mut self, who: &Officer, method: &str, pattern: &str, ids: &[&str], body: Value) -> Reply {
        self.send_while(who, (method, pattern, ids), body, &[]).await
    }

    /// The same, while something else may write `but` into what is answered.
    async fn send_while(
        &mut self,
        who: &Officer,
        (method, pattern, ids): (&str, &str, &[&str]),
        body: Value,
        but: &[&str],
    ) -> Reply {
        let mut path = String::new();
        let mut ids = ids.iter();
        for part in pattern.split('/').skip(1) {
            path.push('/');
            path.push_str(if part.starts_with('{') { ids.next().unwrap() } else { part });
        }
        let key = new_id();
        let headers = [("idempotency-key", key.as_str())];
        let body = (method != "DELETE").then_some(body);
        let one = who.send(method, &path, &headers, body.clone()).await.ok();
        let two = who.send(method, &path, &headers, body).await;
        assert_eq!(two.status, one.status, "{method} {path} again: {}", two.json);
        let alike = |answer: &Reply| without(&answer.json, &[MOMENTS.as_slice(), but].concat());
        assert_eq!(alike(&two), alike(&one), "{method} {path} again");
        self.done.insert(format!("{method} {pattern}"));
        one
    }
}

fn without(value: &Value, names: &[&str]) -> Value {
    match value {
        Value::Object(all) => all
            .iter()
            .filter(|(name, _)| !names.contains(&name.as_str()))
            .map(|(name, value)| (name.clone(), without(value, names)))
            .collect(),
        Value::Array(all) => all.iter().map(|one| without(one, names)).collect(),
        other => other.clone(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_duplicate_of_every_write_is_answered_alike_and_done_once() {
    let app = TestApp::builder().config("[backup]\ncheck_in_categories = [\"brawl\"]\n").start().await;
    let mut twice = Twice::default();
    people_and_units(&app, &mut twice).await;
    duty_and_crews(&app, &mut twice).await;
    incidents(&app, &mut twice).await;
    assignments(&app, &mut twice).await;
    backups(&app, &mut twice).await;
    evidence(&app, &mut twice).await;
    inquiries(&app, &mut twice).await;
    mediation(&app, &mut twice).await;
    agreement(&app, &mut twice).await;
    orders(&app, &mut twice).await;
    let offered: BTreeSet<String> = operations(&app)
        .await
        .iter()
        .filter(|operation| operation.writes())
        .map(|operation| operation.name())
        .collect();
    let own: BTreeSet<String> = OWN_RULE.iter().map(|name| (*name).to_owned()).collect();
    let missing: Vec<_> = offered.iter().filter(|name| !twice.done.contains(*name) && !own.contains(*name)).collect();
    assert!(missing.is_empty(), "writes that nobody sends twice: {missing:#?}");
}

async fn people_and_units(app: &TestApp, twice: &mut Twice) {
    let station = app.unit("Twice").await;
    let admin = station.admin().clone();
    let unit = json!({ "name": "Post 7", "kind": "street_post", "parent_id": station.id });
    let unit = twice.send(&admin, "POST", "/units", &[], unit).await.id();
    twice.send(&admin, "PATCH", "/units/{id}", &[&unit], json!({ "name": "Post 8" })).await;
    let children = admin.get(&format!("/units?parent_id={}", station.id)).await;
    if children.status == 200 {
        assert_eq!(children.items().iter().filter(|unit| unit["name"] == "Post 8").count(), 1);
    }
    let person = json!({
        "username": format!("twice-{}", &new_id()[24..]), "password": "correct-horse-battery-9", "name": "Zhao",
        "kind": "police_officer", "unit_id": station.id,
    });
    let person = twice.send(&admin, "POST", "/people", &[], person).await.id();
    twice.send(&admin, "PATCH", "/people/{id}", &[&person], json!({ "name": "Zhao Yi" })).await;
    twice.send(&admin, "POST", "/people/{id}/disable", &[&person], json!({})).await;
    twice.send(&admin, "POST", "/people/{id}/enable", &[&person], json!({})).await;
    let password = json!({ "password": "another-long-secret-4" });
    twice.send(&admin, "PUT", "/people/{id}/password", &[&person], password).await;
    let code = json!({ "kind": "handheld", "name": "Terminal 12", "unit_id": station.id });
    twice.send(&admin, "POST", "/devices/enrolment-codes", &[], code).await;
    let carrier = station.officer("carrier").await;
    let radio = carrier.login_device("radio").await.device_id();
    let to = json!({ "person_id": carrier.person_id });
    twice.send(&admin, "POST", "/devices/{id}/issue", &[&radio], to).await;
    twice.send(&admin, "POST", "/devices/{id}/return", &[&radio], json!({})).await;
    twice.send(&admin, "POST", "/devices/{id}/revoke", &[&radio], json!({ "reason": "lost" })).await;
    let own = json!({ "old_password": "correct-horse-battery-9", "new_password": "another-long-secret-4" });
    let leaver = station.officer("leaver").await;
    // The new password ends the session; the repeat finds it ended, or answered alike.
    let one = leaver.send("PUT", "/me/password", &[("idempotency-key", "once")], Some(own.clone())).await.ok();
    let two = leaver.send("PUT", "/me/password", &[("idempotency-key", "once")], Some(own)).await;
    assert!(two.status == one.status || two.status == 401, "{}", two.json);
    twice.done.insert("PUT /me/password".to_owned());
}

async fn duty_and_crews(app: &TestApp, twice: &mut Twice) {
    let station = app.unit("Twice").await;
    let room = station.dispatcher("room").await;
    let (a, b, c) = (station.officer("a").await, station.officer("b").await, station.officer("c").await);
    twice.send(&a, "PUT", "/me/duty", &[], json!({ "on_duty": true })).await;
    twice.send(&room, "PUT", "/people/{id}/duty", &[&b.person_id], json!({ "on_duty": true })).await;
    c.sign_on().await;
    let admin = station.admin();
    let grid = json!({ "code": format!("G{}", &new_id()[30..]), "name": "Lakeside 1", "unit_id": station.id });
    let grid = twice.send(admin, "POST", "/grids", &[], grid).await.id();
    twice.send(admin, "PATCH", "/grids/{id}", &[&grid], json!({ "name": "Lakeside 2" })).await;
    let crew = json!({
        "call_sign": format!("Car {}", &new_id()[30..]), "unit_id": station.id,
        "members": [{ "person_id": a.person_id, "role": "lead" }],
    });
    let crew = twice.send(&room, "POST", "/crews", &[], crew).await.id();
    twice.send(&room, "PATCH", "/crews/{id}", &[&crew], json!({ "vehicle": "苏D1234警" })).await;
    let join = json!({ "person_id": b.person_id, "role": "assist" });
    twice.send(&room, "POST", "/crews/{id}/join", &[&crew], join).await;
    room.post(&format!("/crews/{crew}/join"), json!({ "person_id": c.person_id, "role": "assist" })).await.ok();
    let split = json!({
        "call_sign": format!("Car {}", &new_id()[30..]), "members": [{ "person_id": b.person_id, "role": "lead" }],
    });
    twice.send(&room, "POST", "/crews/{id}/split", &[&crew], split).await;
    twice.send(&room, "POST", "/crews/{id}/leave", &[&crew], json!({ "person_id": c.person_id })).await;
    let at = station.near(0.0, 0.0);
    let fixes = json!({ "fixes": [fix(at, 2.0), fix(at, 1.0)] });
    // A fix needs no key: its identity is (device, time), and the answer says what was there already.
    let taken = a.post("/positions", fixes.clone()).await.ok();
    assert_eq!((&taken["stored"], &taken["duplicates"]), (&json!(2), &json!(0)), "{}", taken.json);
    let again = a.post("/positions", fixes).await.ok();
    assert_eq!((&again["stored"], &again["duplicates"]), (&json!(0), &json!(2)), "{}", again.json);
    twice.done.insert("POST /positions".to_owned());
    let track = format!("/people/{}/track?from={}&to={}", a.person_id, ago(60.0), ago(-60.0));
    assert_eq!(a.get(&track).await.ok()["fixes"].as_array().unwrap().len(), 2);
}

async fn incidents(app: &TestApp, twice: &mut Twice) {
    let station = app.unit("Twice").await;
    let other = station.child("Next door", "station_command_room").await;
    let (room, next) = (station.dispatcher("room").await, other.dispatcher("next").await);
    let service = station.service("intake").await;
    let at = station.near(0.0, 0.0);
    let body = json!({
        "category": "dispute", "priority": 2, "title": "A wall", "location": { "lon": at.0, "lat": at.1 },
        "called_at": now(), "unit_id": station.id,
    });
    let incident = twice.send(&room, "POST", "/incidents", &[], body).await.id();
    let id = incident.as_str();
    twice.send(&room, "POST", "/incidents/{id}/sign", &[id], json!({})).await;
    twice.send(&room, "PATCH", "/incidents/{id}", &[id], json!({ "title": "A taller wall" })).await;
    twice.send(&room, "POST", "/incidents/{id}/notes", &[id], json!({ "text": "a dog" })).await;
    assert_eq!(room.get(&format!("/incidents/{id}/notes")).await.ok().items().len(), 1);
    twice.send(&room, "POST", "/incidents/{id}/claim", &[id], json!({})).await;
    twice.send(&room, "DELETE", "/incidents/{id}/claim", &[id], json!({})).await;
    let second = room.incident(at).await["id"].as_str().unwrap().to_owned();
    twice.send(&room, "POST", "/incidents/{id}/links", &[id], json!({ "incident_id": second })).await;
    twice.send(&room, "POST", "/incidents/{id}/merge", &[&second], json!({ "into": id })).await;
    let third = room.incident(at).await["id"].as_str().unwrap().to_owned();
    let reason = json!({ "reason": "the caller asked us to" });
    twice.send(&room, "POST", "/incidents/{id}/cancel", &[&third], reason.clone()).await;
    let fourth = room.incident(at).await["id"].as_str().unwrap().to_owned();
    let to = json!({ "to": "12345", "reason": "a pothole" });
    twice.send(&room, "POST", "/incidents/{id}/divert", &[&fourth], to).await;

    // Two stations: moved to the neighbour, who signs, and one that is given back.
    let fifth = room.incident(at).await["id"].as_str().unwrap().to_owned();
    let over = json!({ "unit_id": other.id, "reason": "their street" });
    twice.send(&room, "POST", "/incidents/{id}/transfer", &[&fifth], over).await;
    twice.send(&next, "POST", "/incidents/{id}/return", &[&fifth], json!({ "reason": "our border ends there" })).await;

    // Handled, reported, reviewed, closed, opened again.
    let officer = station.officer("wang").await;
    officer.sign_on().await;
    let incident = room.incident(at).await;
    let id = incident["id"].as_str().unwrap();
    let assignment = room.assign(&incident, &[&officer]).await.remove(0);
    for event in ["accepted", "en_route", "on_scene", "cleared"] {
        officer.event(&assignment, event).await.ok();
    }
    let final_one =
        json!({ "stage": "final", "result_code": "mediated", "resolved_on_scene": true, "text": "settled" });
    let feedback = twice.send(&officer, "POST", "/incidents/{id}/feedbacks", &[id], final_one).await;
    let feedback = feedback["id"].as_str().or(feedback["feedback"]["id"].as_str()).unwrap().to_owned();
    assert_eq!(room.get(&format!("/incidents/{id}/feedbacks")).await.ok().items().len(), 1);
    twice.send(&officer, "POST", "/feedbacks/{id}/confirm", &[&feedback], json!({})).await;
    twice.send(&room, "POST", "/incidents/{id}/review", &[id], json!({ "accept": true })).await;
    twice.send(&room, "POST", "/incidents/{id}/close", &[id], json!({})).await;
    twice.send(&room, "POST", "/incidents/{id}/reopen", &[id], json!({ "reason": "they argue again" })).await;
    let hook = json!({ "url": "http://127.0.0.1:9/hook", "secret": "a-long-shared-secret-1", "enabled": false });
    let source = service.username.clone();
    twice.send(station.admin(), "PUT", "/integrations/{source}/webhook", &[&source], hook).await;
}

async fn assignments(app: &TestApp, twice: &mut Twice) {
    let station = app.unit("Twice").await;
    let room = station.dispatcher("room").await;
    let (a, b, c) = (station.officer("a").await, station.officer("b").await, station.officer("c").await);
    for officer in [&a, &b, &c] {
        officer.sign_on().await;
    }
    let at = station.near(0.0, 0.0);
    let agency = json!({ "name": format!("Gas company {}", &new_id()[30..]) });
    twice.send(station.admin(), "POST", "/agencies", &[], agency).await;
    let incident = room.incident(at).await["id"].as_str().unwrap().to_owned();
    let whom = json!({ "person_ids": [a.person_id] });
    let made = twice.send(&room, "POST", "/incidents/{id}/assignments", &[&incident], whom).await;
    let first = made["assignments"][0]["id"].as_str().unwrap().to_owned();
    let accepted = json!({ "event": "accepted", "at": now() });
    twice.send(&a, "POST", "/assignments/{id}/events", &[&first], accepted).await;
    let rungs = a.get(&format!("/assignments/{first}")).await.ok();
    let tapped = rungs["rungs"].as_array().unwrap().iter().filter(|rung| rung["rung"] == "accepted").count();
    assert_eq!(tapped, 1, "{}", rungs.json);
    let wish = json!({ "event": "change_requested", "at": now(), "reason": "a burst tyre" });
    a.post(&format!("/assignments/{first}/events"), wish).await.ok();
    twice.send(&room, "POST", "/assignments/{id}/keep", &[&first], json!({ "reason": "nobody else" })).await;
    let other = json!({ "to": { "person_ids": [b.person_id] }, "reason": "the tyre" });
    twice.send(&room, "POST", "/assignments/{id}/reassign", &[&first], other).await;
    let all = room.get(&format!("/incidents/{incident}/assignments")).await.ok();
    assert_eq!(all.items().len(), 2, "{}", all.json);
    let second = all.items().iter().find(|one| one["id"] != first.as_str()).unwrap()["id"].as_str().unwrap().to_owned();
    twice.send(&room, "POST", "/assignments/{id}/cancel", &[&second], json!({ "reason": "calm now" })).await;
    twice.send(&c, "POST", "/incidents/{id}/join", &[&incident], json!({})).await;

    // A crew's assignment, which one of the two leaves.
    let crew = json!({
        "call_sign": format!("Car {}", &new_id()[30..]), "unit_id": station.id,
        "members": [{ "person_id": a.person_id, "role": "lead" }, { "person_id": b.person_id, "role": "assist" }],
    });
    let crew = room.post("/crews", crew).await.ok().id();
    let incident = room.incident(at).await["id"].as_str().unwrap().to_owned();
    let made = room.post(&format!("/incidents/{incident}/assignments"), json!({ "crew_ids": [crew] })).await.ok();
    let third = made["assignments"][0]["id"].as_str().unwrap().to_owned();
    twice.send(&b, "POST", "/assignments/{id}/leave", &[&third], json!({})).await;
}

async fn evidence(app: &TestApp, twice: &mut Twice) {
    let (station, room, officer) = app.station("Twice").await;
    let keeper = station.person("keeper", "custodian").await.login_browser().await;
    let incident = room.incident(station.center).await["id"].as_str().unwrap().to_owned();
    let item = officer.photo(&jpeg(64, 48, 1), json!({})).await.expect(201).id();
    // What its jobs find is in every answer that shows it.
    officer.previewed(&item).await;
    wait_until("the second hash", || async {
        officer.get(&format!("/evidence/{item}")).await.expect(200)["sm3"].is_string()
    })
    .await;
    let to = json!({ "incident_id": incident });
    twice
        .send(&officer, "POST", "/evidence/{id}/marks", &[&item], json!({ "from_ms": 0, "to_ms": 5, "text": "x" }))
        .await;
    twice.send(&keeper, "POST", "/evidence/{id}/links", &[&item], to).await;
    let why = json!({ "reason": "a complaint" });
    let hold = twice.send(&keeper, "POST", "/evidence/{id}/holds", &[&item], why.clone()).await.id();
    twice.send(&keeper, "POST", "/incidents/{id}/holds", &[&incident], why).await;
    twice.send(&keeper, "DELETE", "/holds/{id}", &[&hold], Value::Null).await;
    let kept = keeper.get(&format!("/evidence/{item}")).await.expect(200);
    let holds = kept["retention"]["holds"].as_array().unwrap();
    assert_eq!((kept["marks"].as_array().unwrap().len(), holds.len()), (1, 1));
    keeping(&station, twice, &officer, &keeper).await;
    // What a lost device brings waits for the custodian.
    let device = Signer::enrol(&station).await;
    station.person("holder", "police_officer").await.login_on(&device.id).await.sign_on().await;
    let lost = json!({ "reason": "lost" });
    station.admin().post(&format!("/devices/{}/revoke", device.id), lost).await.expect(200);
    let late = device.photo(&jpeg(64, 48, 2), json!({ "captured_at": ago(5.0) })).await.expect(201).json();
    let late = late["id"].as_str().unwrap().to_owned();
    // With its release its jobs begin.
    let release: (&str, &str, &[&str]) = ("POST", "/evidence/{id}/release", &[&late]);
    twice.send_while(&keeper, release, json!({}), &FOUND_BY_JOBS).await;
    // What a unit owes from the scene.
    let call = room.incident_with(station.center, json!({ "category": "hazard" })).await;
    let visit = room.assign(&call, &[&officer]).await.remove(0);
    for event in ["accepted", "on_scene", "cleared"] {
        officer.event(&visit, event).await.ok();
    }
    let gap = room.get("/scene-gaps").await.ok().items()[0]["id"].as_str().unwrap().to_owned();
    twice.send(&room, "POST", "/scene-gaps/{id}/close", &[&gap], json!({ "reason": "the camera burnt" })).await;
    recordings(&station, twice, &room, &officer, &keeper).await;
}

/// A recording that nobody is known to have worn.
async fn recordings(station: &Unit, twice: &mut Twice, room: &Officer, officer: &Officer, keeper: &Officer) {
    let camera = Signer::enrol_as(station, "body_worn_camera").await;
    let film = new_id();
    let named = json!({
        "recording_id": film, "sha256": "ab".repeat(32), "started_at": ago(120.0), "ended_at": ago(60.0), "size": 9,
        "marks": [],
    });
    let body = json!({ "clock_offset_ms": 0, "recordings": [named] }).to_string().into_bytes();
    let path = format!("/devices/{}/manifest", camera.id);
    let json_type = [("content-type", "application/json")];
    let known = camera.send("POST", &path, &body, &json_type, body.clone()).await.expect(200).json();
    let again = camera.send("POST", &path, &body, &json_type, body.clone()).await.expect(200).json();
    assert_eq!(without(&again, &MOMENTS), without(&known, &MOMENTS), "the same manifest");
    let wearer = json!({ "person_id": officer.person_id, "reason": "his voice" });
    twice.send(keeper, "POST", "/recordings/{id}/wearer", &[&film], wearer).await;
    twice.send(room, "POST", "/recordings/{id}/fetch", &[&film], json!({ "purpose": "appeal" })).await;
}

/// Classes, deletions and copies outward: of items whose term is over.
async fn keeping(station: &Unit, twice: &mut Twice, officer: &Officer, keeper: &Officer) {
    let boss = station.supervisor("boss").await;
    let mut items = Vec::new();
    for seed in 11..14 {
        let item = officer.photo(&jpeg(64, 48, seed), json!({})).await.expect(201).id();
        officer.previewed(&item).await;
        station.app.sql(format!("UPDATE evidence SET keep_until = 1 WHERE id = '{item}'")).await;
        items.push(item);
    }
    let [single, listed, classed]: [String; 3] = items.try_into().unwrap();
    // The second hash is in the answer that shows the item.
    wait_until("the second hash", || async {
        officer.get(&format!("/evidence/{classed}")).await.expect(200)["sm3"].is_string()
    })
    .await;
    let class = json!({ "category": "case", "reason": "a case after all" });
    twice.send(keeper, "PUT", "/evidence/{id}/retention", &[&classed], class).await;
    let why = json!({ "reason": "over", "article": "第十三条" });
    twice.send(keeper, "POST", "/evidence/{id}/deletion", &[&single], why).await;
    twice.send(&boss, "POST", "/evidence/{id}/deletion/approve", &[&single], json!({})).await;
    let no = json!({ "reason": "not yet" });
    twice.send(&boss, "POST", "/evidence/{id}/deletion/refuse", &[&single], no.clone()).await;
    let batch = twice.send(keeper, "POST", "/deletions/batches", &[], json!({})).await.id();
    wait_until("the list", || async {
        keeper.get(&format!("/deletions/batches/{batch}")).await.expect(200)["state"] == "proposed"
    })
    .await;
    let list = keeper.get(&format!("/deletions/batches/{batch}")).await.expect(200);
    assert!(list.items().iter().any(|one| one["evidence_id"] == listed.as_str()), "{}", list.json);
    twice.send(&boss, "POST", "/deletions/batches/{id}/approve", &[&batch], json!({})).await;
    twice.send(&boss, "POST", "/deletions/batches/{id}/refuse", &[&batch], no).await;
    let share = json!({ "receiver": "Court", "purpose": "a trial", "expires_at": ago(-3_600.0) });
    let share = twice.send(keeper, "POST", "/evidence/{id}/shares", &[&listed], share).await.id();
    twice.send(&boss, "POST", "/shares/{id}/approve", &[&share], json!({})).await;
    twice.send(&boss, "POST", "/shares/{id}/revoke", &[&share], json!({})).await;
}

async fn backups(app: &TestApp, twice: &mut Twice) {
    let station = app.unit("Twice").await;
    let room = station.dispatcher("room").await;
    let (caller, helper) = (station.officer("caller").await, station.officer("helper").await);
    for (officer, east) in [(&caller, 0.0), (&helper, 800.0)] {
        officer.sign_on().await;
        officer.report(station.near(east, 0.0)).await;
    }
    let id = twice.send(&caller, "POST", "/backups", &[], json!({ "kind": "help" })).await.id();
    let list = room.get("/backups").await.ok();
    assert_eq!(list.items().iter().filter(|one| one["id"] == id.as_str()).count(), 1);
    // An alarm is a card of the room, too.
    let cards = room.get("/cards").await.ok();
    let card = cards.items().first().and_then(|card| card["id"].as_str()).expect("a card").to_owned();
    let later = json!({ "minutes": 2, "reason": "being handled" });
    twice.send(&room, "POST", "/cards/{id}/snooze", &[&card], later).await;
    twice.send(&room, "POST", "/cards/{id}/close", &[&card], json!({})).await;
    twice.send(&caller, "PATCH", "/backups/{id}", &[&id], json!({ "kind": "weapon" })).await;
    twice.send(&helper, "POST", "/backups/{id}/responses", &[&id], json!({ "answer": "coming" })).await;
    twice.send(&room, "POST", "/backups/{id}/take", &[&id], json!({})).await;
    twice.send(&room, "POST", "/backups/{id}/close", &[&id], json!({ "reason": "resolved" })).await;
    let inbox = helper.get("/me/inbox").await.ok();
    let last = inbox.items().last().unwrap();
    let ack = json!({ "epoch": inbox["epoch"], "seq": last["seq"], "id": last["id"] });
    twice.send(&helper, "POST", "/me/inbox/ack", &[], ack).await;

    // On the scene of a risky call one is asked whether all is right.
    let risky = room.incident_with(station.near(0.0, 0.0), json!({ "category": "brawl" })).await;
    let assignment = room.assign(&risky, &[&caller]).await.remove(0);
    for event in ["accepted", "en_route", "on_scene"] {
        caller.event(&assignment, event).await.ok();
    }
    twice.send(&caller, "POST", "/me/check-ins", &[], json!({ "assignment_id": assignment["id"] })).await;
}

async fn orders(app: &TestApp, twice: &mut Twice) {
    let (station, room, _) = app.station("Twice").await;
    let agency = new_id();
    let body = json!({ "name": "Gas", "kind": "utility", "channel": "phone", "phone": "1", "unit_id": station.id });
    twice.send(station.admin(), "PUT", "/agencies/{id}", &[&agency], body).await;
    let incident = room.incident(station.near(0.0, 0.0)).await["id"].as_str().unwrap().to_owned();
    let order = json!({ "agency_id": agency, "ask": "a leak" });
    let task = twice.send(&room, "POST", "/incidents/{id}/tasks", &[&incident], order).await.id();
    let signed = json!({ "kind": "sign", "by_name": "Chen" });
    let seen = twice.send(&room, "POST", "/tasks/{id}/events", &[&task], signed).await;
    assert_eq!(seen["events"].as_array().map(Vec::len), Some(2), "{}", seen.json);
    assert_eq!(room.get(&format!("/incidents/{incident}/tasks")).await.ok().items().len(), 1);
}

async fn inquiries(app: &TestApp, twice: &mut Twice) {
    let (station, _, officer) = app.station("Twice").await;
    let boss = station.supervisor("boss").await;
    let number = new_id();
    let body = json!({
        "number": number, "subject": { "person_id": officer.person_id }, "from": ago(60.0), "to": ago(0.0),
        "reason": "a complaint", "expires_at": ago(-600.0),
    });
    let id = twice.send(&boss, "POST", "/inquiries", &[], body).await.id();
    let listed = boss.get("/inquiries").await.ok();
    assert_eq!(listed.items().iter().filter(|one| one["number"] == number.as_str()).count(), 1);
    twice.send(&app.admin().await, "POST", "/inquiries/{id}/approve", &[&id], json!({})).await;
    twice.send(&boss, "POST", "/inquiries/{id}/close", &[&id], json!({})).await;
}

async fn mediation(app: &TestApp, twice: &mut Twice) {
    let (station, room, officer) = app.station("Twice").await;
    let incident = room.incident(station.center).await;
    room.assign(&incident, &[&officer]).await;
    let (id, party) = (new_id(), new_id());
    let record = json!({ "parties": { &party: { "name": "Zhao", "phone": "13800138000" } } });
    let body = json!({ "incident_id": incident["id"], "kind": "police", "record": record });
    twice.send(&officer, "PUT", "/mediations/{id}", &[&id], body).await;
    let listed = officer.get("/mediations").await.ok();
    assert_eq!((listed.items().len(), &listed.items()[0]["version"]), (1, &json!(1)));
    // A single field names the version that was seen.
    let (key, body) = (new_id(), json!({ "fields": { "place": "a bridge" } }));
    let headers = [("idempotency-key", key.as_str()), ("if-match", "\"1\"")];
    let one = officer.send("PATCH", &format!("/mediations/{id}"), &headers, Some(body.clone())).await.ok();
    let two = officer.send("PATCH", &format!("/mediations/{id}"), &headers, Some(body)).await.ok();
    assert_eq!((&one["version"], &one.json), (&json!(2), &two.json));
    twice.done.insert("PATCH /mediations/{id}".to_owned());
    let edits = officer.get(&format!("/mediations/{id}/edits")).await.ok();
    assert_eq!(edits.items().len(), 3, "{}", edits.json);
    // A question that is asked twice is in the audit twice.
    let asked = json!({ "fields": [format!("parties/{party}/phone")], "purpose": "to call him" });
    twice.send(&officer, "POST", "/mediations/{id}/particulars", &[&id], asked).await;
    assert_eq!(app.count(format!("FROM audit WHERE subject_id = '{id}' AND action LIKE '%read'")).await, 2);

    let leased = json!({ "series": "xczatj", "count": 3 });
    let block = twice.send(&officer, "POST", "/units/{id}/number-blocks", &[&station.id], leased).await.id();
    let spoilt = json!({ "void": [{ "number": 1, "reason": "spoilt" }] });
    twice.send(&officer, "POST", "/number-blocks/{id}/return", &[&block], spoilt).await;
    let form = json!({ "series": "xczatj", "number": "A 00001", "last": "A 00005" });
    twice.send(&officer, "POST", "/units/{id}/numbers/preprinted", &[&station.id], form).await;
    let void = json!({ "series": "xczatj", "number": 2, "reason": "torn" });
    twice.send(&room, "POST", "/units/{id}/numbers/void", &[&station.id], void).await;
    let register = room.get(&format!("/units/{}/numbers", station.id)).await.ok();
    let states: Vec<&str> = register.items().iter().map(|row| row["state"].as_str().unwrap()).collect();
    let forms = ["reserved"; 5];
    assert_eq!(states, [["void", "void", "returned"].as_slice(), forms.as_slice()].concat());
}

/// From the first word of the parties to a payment; and one that fails.
async fn agreement(app: &TestApp, twice: &mut Twice) {
    let (station, room, wang) = app.station("Twice").await;
    let li = station.officer("li").await;
    let incident = room.incident(station.center).await;
    room.assign(&incident, &[&wang]).await;
    let (id, record) = (new_id(), later(&wang, &li));
    let path = format!("/mediations/{id}");
    let body = json!({ "incident_id": incident["id"], "kind": "police", "record": record });
    wang.put(&path, body.clone()).await.expect(201);
    twice.send(&wang, "POST", "/mediations/{id}/prefill", &[&id], json!({})).await;
    for party in [PARTY_A, PARTY_B] {
        let said = json!({ "party": party, "consents": true });
        twice.send(&wang, "POST", "/mediations/{id}/consents", &[&id], said).await;
    }
    for signer in [PARTY_A, PARTY_B, &wang.person_id] {
        let hash = wang.get(&path).await.ok()["content_hash"].clone();
        let signed = json!({ "signer": signer, "content_hash": hash, "image": picture() });
        twice.send(&wang, "POST", "/mediations/{id}/signatures", &[&id], signed).await;
    }
    // Its papers are made meanwhile.
    let last: (&str, &str, &[&str]) = ("POST", "/mediations/{id}/finalize", &[&id]);
    let serial = twice.send_while(&wang, last, json!({}), &["documents", "version"]).await["serial_no"].clone();
    wait_until("the papers", || async {
        let documents = wang.get(&path).await.ok()["documents"].clone();
        let mut kept = documents.as_array().unwrap().iter().filter(|one| one["stored"] == true);
        kept.all(|one| one["evidence_id"].is_string())
    })
    .await;
    let copied = json!({ "party": PARTY_A, "document": "agreement", "way": "printed" });
    // Each has a paper of its own, which is made meanwhile.
    let meanwhile = ["documents", "version"];
    twice.send_while(&wang, ("POST", "/mediations/{id}/copies", &[&id]), copied, &meanwhile).await;
    let paid = json!({ "term": TERM, "outcome": "performed", "amount_fen": 100 });
    twice.send_while(&wang, ("POST", "/mediations/{id}/performances", &[&id]), paid, &meanwhile).await;
    let done = wang.get(&path).await.ok();
    for (member, count) in [("consents", 2), ("copies", 1), ("performances", 1)] {
        assert_eq!(done[member].as_array().map(Vec::len), Some(count), "{member}: {}", done.json);
    }
    for paper in ["receipt", "delivery"] {
        let of_kind = done["documents"].as_array().unwrap().iter().filter(|one| one["kind"] == paper);
        assert_eq!(of_kind.count(), 1, "{paper}: {}", done["documents"]);
    }
    let signed = done["signing"]["signatures"].as_array().map(Vec::len);
    assert_eq!((signed, &done["serial_no"]), (Some(3), &serial), "{}", done.json);
    // Another one, where they do not agree.
    let other = new_id();
    wang.put(&format!("/mediations/{other}"), body).await.expect(201);
    for party in [PARTY_A, PARTY_B] {
        let said = json!({ "party": party, "consents": true });
        wang.post(&format!("/mediations/{other}/consents"), said).await.expect(201);
    }
    let failed = json!({ "step": "fail", "reason": "neither gives way" });
    let failed = twice.send(&wang, "POST", "/mediations/{id}/steps", &[&other], failed).await;
    let agency = new_id();
    let committee = json!({ "name": "调委会", "kind": "mediation_committee", "channel": "phone", "phone": "0519-1", "unit_id": station.id });
    station.admin().put(&format!("/agencies/{agency}"), committee).await.expect(201);
    let referral = json!({ "agency_id": agency, "purpose": "mediate", "ask": "请接收" });
    let handed = twice.send(&wang, "POST", "/mediations/{id}/referrals", &[&other], referral).await;
    assert_eq!(handed["referrals"].as_array().map(Vec::len), Some(1), "{}", handed.json);
    let steps = failed["history"].as_array().unwrap().iter().filter(|step| step["step"] == "fail").count();
    assert_eq!(steps, 1, "{}", failed.json);
}
