//! Intake, revisions, notes, corrections.

use std::time::Duration;

use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Officer, TestApp, Unit, now};

mod caller;
mod ends;

/// A source of its own: tests share one server.
fn source() -> String {
    format!("t{}", Uuid::now_v7().simple().to_string().split_off(16))
}

fn pushed(unit: &Unit, source: &str, no: &str, revision: i64) -> Value {
    let (lon, lat) = unit.center;
    json!({
        "source": source, "external_no": no, "revision": revision,
        "category": "theft", "priority": 3, "title": "Phone stolen",
        "location": { "lon": lon, "lat": lat }, "address": "1 Lake Road",
        "reporter": { "name": "张三", "phone": "13800138000" }, "called_at": now(),
    })
}

async fn station() -> (Unit, Officer, Officer) {
    let app = TestApp::shared().await;
    let unit = app.unit("Lakeside").await;
    let room = unit.dispatcher("li").await;
    let intake = unit.service("intake").await;
    (unit, room, intake)
}

fn path(incident: &Value, rest: &str) -> String {
    format!("/incidents/{}{rest}", incident["id"].as_str().unwrap())
}

#[tokio::test]
async fn the_same_push_again_is_the_same_incident() {
    let (unit, _, intake) = station().await;
    let body = pushed(&unit, &source(), "A-1", 1);
    let first = intake.post("/incidents", body.clone()).await.expect(201);
    assert_eq!(first["state"], "awaiting_signature");
    assert_eq!(first["reporter"]["phone"], "138****8000");
    assert!(!first.json.to_string().contains("13800138000"), "the number is masked");
    let again = intake.post("/incidents", body).await.expect(200);
    assert_eq!(again.id(), first.id());
    assert_eq!(again["applied"], false);
    assert_eq!(again["version"], first["version"]);
}

#[tokio::test]
async fn a_newer_revision_is_applied_and_everyone_on_the_way_hears_what_changed() {
    let (unit, room, intake) = station().await;
    let source = source();
    let first = intake.post("/incidents", pushed(&unit, &source, "A-2", 1)).await.expect(201);
    let wang = unit.officer("wang").await;
    wang.sign_on().await;
    let mut socket = wang.socket().await;
    room.assign(&first.json, &[&wang]).await;
    socket.expect("assignment.offered").await;
    let mut newer = pushed(&unit, &source, "A-2", 3);
    newer["hazards"] = json!(["knife"]);
    newer["priority"] = json!(1);
    newer["called_at"] = first["called_at"].clone();
    let applied = intake.post("/incidents", newer).await.expect(200);
    assert_eq!(applied.id(), first.id());
    assert_eq!(applied["applied"], true);
    assert_eq!(applied["priority"], 1);
    assert_eq!(applied["revision"], 3);
    let heard = socket.expect("incident.updated").await;
    let changed: Vec<&str> = heard["data"]["changed"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert!(changed.contains(&"hazards") && changed.contains(&"priority"), "{changed:?}");
    assert_eq!(heard["data"]["loud"], true);

    let older = intake.post("/incidents", pushed(&unit, &source, "A-2", 2)).await.expect(200);
    assert_eq!(older["applied"], false);
    assert_eq!(older["revision"], 3);
    assert_eq!(older["hazards"], json!(["knife"]));
    socket.expect_none("incident.updated", Duration::from_millis(300)).await;
}

#[tokio::test]
async fn the_same_revision_with_another_body_is_refused() {
    let (unit, _, intake) = station().await;
    let source = source();
    let body = pushed(&unit, &source, "A-3", 1);
    intake.post("/incidents", body.clone()).await.expect(201);
    let mut other = body;
    other["title"] = json!("Two phones stolen");
    intake.post("/incidents", other).await.problem(409, "revision_conflict");
}

#[tokio::test]
async fn the_same_number_of_two_sources_is_two_incidents() {
    let (unit, _, intake) = station().await;
    let one = intake.post("/incidents", pushed(&unit, &source(), "A-4", 1)).await.expect(201);
    let two = intake.post("/incidents", pushed(&unit, &source(), "A-4", 1)).await.expect(201);
    assert_ne!(one.id(), two.id());
}

#[tokio::test]
async fn an_officer_starts_a_call_offline_under_his_own_id() {
    let (unit, room, _) = station().await;
    let wang = unit.officer("wang").await;
    wang.sign_on().await;
    let id = Uuid::now_v7().to_string();
    let (lon, lat) = unit.center;
    let body = json!({ "id": id, "location": { "lon": lon, "lat": lat }, "attach_self": true });
    let first = wang.post("/incidents", body.clone()).await.expect(201);
    assert_eq!(first.id(), id);
    let again = wang.post("/incidents", body).await.expect(200);
    assert_eq!(again.id(), id);
    assert_eq!(again["state"], "handling");
    let mine = wang.get("/me/assignments").await.expect(200);
    assert_eq!(mine.items().len(), 1);
    assert_eq!(mine.items()[0]["state"], "on_scene");
    room.get(&format!("/incidents/{id}")).await.expect(200);
    let linked = json!({ "external": { "source": source(), "external_no": "L-1" }, "category": "dispute" });
    let linked = room.patch(&format!("/incidents/{id}"), linked).await.expect(200);
    assert_eq!(linked["external_no"], "L-1");
    let v4 = json!({ "id": Uuid::nil(), "location": { "lon": lon, "lat": lat } });
    wang.post("/incidents", v4).await.problem(422, "invalid_field");
}

#[tokio::test]
async fn a_stale_command_answers_with_the_current_state() {
    let (unit, room, _) = station().await;
    let incident = room.incident(unit.center).await;
    let version = incident["version"].as_i64().unwrap();
    let seen = format!("\"{version}\"");
    let change = json!({ "priority": 1 });
    let changed = room.send("PATCH", &path(&incident, ""), &[("if-match", &seen)], Some(change)).await.expect(200);
    assert_eq!(changed.header("etag"), Some(format!("\"{}\"", version + 1).as_str()));
    for (method, rest, body) in [
        ("PATCH", "", json!({ "priority": 2 })),
        ("POST", "/cancel", json!({ "reason": "by mistake" })),
        ("POST", "/notes", json!({ "text": "late" })),
        ("POST", "/claim", json!({})),
    ] {
        let stale =
            room.send(method, &path(&incident, rest), &[("if-match", &seen)], Some(body)).await.problem(412, "stale");
        assert_eq!(stale["current"]["priority"], 1, "{method} {rest}");
        assert_eq!(stale["current"]["version"], version + 1);
    }
}

#[tokio::test]
async fn notes_reach_everyone_on_the_way_once() {
    let (unit, room, _) = station().await;
    let incident = room.incident(unit.center).await;
    let wang = unit.officer("wang").await;
    let zhao = unit.officer("zhao").await;
    room.assign(&incident, &[&wang]).await;
    let (mut on_it, mut not_on_it) = (wang.socket().await, zhao.socket().await);
    let body = json!({ "text": "third floor", "links": ["https://camera.example/7"] });
    let first = room.post_keyed(&path(&incident, "/notes"), "note-1", body.clone()).await.expect(201);
    let again = room.post_keyed(&path(&incident, "/notes"), "note-1", body).await.expect(201);
    assert_eq!(first.id(), again.id());
    let heard = on_it.expect("incident.note").await;
    assert_eq!(heard["data"]["text"], "third floor");
    assert_eq!(heard["data"]["links"][0], "https://camera.example/7");
    on_it.expect_none("incident.note", Duration::from_millis(200)).await;
    not_on_it.expect_none("incident.note", Duration::from_millis(100)).await;
    let notes = wang.get(&path(&incident, "/notes")).await.expect(200);
    assert_eq!(notes.items().len(), 1);
    zhao.get(&path(&incident, "/notes")).await.problem(404, "not_found");
}

#[tokio::test]
async fn the_scene_corrects_the_place_and_it_stands_against_the_source() {
    let (unit, room, intake) = station().await;
    let source = source();
    let incident = intake.post("/incidents", pushed(&unit, &source, "A-5", 1)).await.expect(201).json;
    let (wang, zhao) = (unit.officer("wang").await, unit.officer("zhao").await);
    room.assign(&incident, &[&wang, &zhao]).await;
    let mut partner = zhao.socket().await;
    let (lon, lat) = unit.near(300.0, 40.0);
    let found = json!({ "location": { "lon": lon, "lat": lat }, "category_found": "fraud" });
    let corrected = wang.patch(&path(&incident, ""), found).await.expect(200);
    assert_eq!(corrected["location"]["lon"], lon);
    assert_eq!(corrected["category"], "theft");
    assert_eq!(corrected["category_found"], "fraud");
    assert_eq!(corrected["local_fields"]["location"]["by"], "scene");
    let heard = partner.expect("incident.updated").await;
    assert_eq!(heard["data"]["incident"]["location"]["lon"], lon);
    wang.patch(&path(&incident, ""), json!({ "priority": 4 })).await.problem(403, "forbidden");

    let mut newer = pushed(&unit, &source, "A-5", 2);
    newer["location"]["lon"] = json!(unit.center.0 + 0.001);
    let applied = intake.post("/incidents", newer).await.expect(200);
    assert_eq!(applied["location"]["lon"], lon, "the scene stands");
    assert_eq!(applied["reported"]["location"]["lon"], unit.center.0 + 0.001, "the source's word is shown");
}

#[tokio::test]
async fn a_station_signs_returns_and_hands_on() {
    let (unit, room, _) = station().await;
    let town = unit.child("Town", "station_command_room").await;
    let seat = town.dispatcher("sun").await;
    let mut screen = seat.socket().await;
    let mut body = pushed(&unit, &source(), "A-10", 1);
    body["unit_id"] = json!(town.id);
    let incident = room.post("/incidents", body).await.expect(201).json;
    assert_eq!(incident["state"], "awaiting_signature");
    let offered = screen.expect("assignment.offered").await;
    assert_eq!(offered["data"]["assignment"]["assignee"]["kind"], "unit");
    let signed = seat.post(&path(&incident, "/sign"), json!({})).await.expect(200);
    assert_eq!(signed["state"], "awaiting_dispatch");
    assert_eq!(signed["signed_by"], seat.person_id);
    seat.post(&path(&incident, "/sign"), json!({})).await.expect(200);
    seat.post(&path(&incident, "/return"), json!({})).await.problem(422, "invalid_field");
    let back = seat.post(&path(&incident, "/return"), json!({ "reason": "not our district" })).await.expect(200);
    assert_eq!(back["state"], "returned");

    let other = unit.child("Hill", "station_command_room").await;
    let hill = other.dispatcher("qian").await;
    let handed = room.post(&path(&incident, "/transfer"), json!({ "unit_id": other.id })).await.expect(200);
    assert_eq!(handed["pending_unit_id"], other.id, "the sender stays responsible");
    assert_eq!(handed["unit_id"], town.id);
    let taken = hill.post(&path(&incident, "/sign"), json!({})).await.expect(200);
    assert_eq!(taken["unit_id"], other.id);
    assert_eq!(taken["pending_unit_id"], Value::Null);
}

#[tokio::test]
async fn a_call_that_comes_back_is_on_the_senders_pile_once() {
    let (unit, room, _) = station().await;
    let (town, hill) =
        (unit.child("Town", "station_command_room").await, unit.child("Hill", "station_command_room").await);
    let (seat, neighbour) = (town.dispatcher("sun").await, hill.dispatcher("qian").await);
    let mut body = pushed(&unit, &source(), "A-11", 1);
    body["unit_id"] = json!(town.id);
    let incident = room.post("/incidents", body).await.expect(201).json;
    seat.post(&path(&incident, "/sign"), json!({})).await.expect(200);
    let handed = json!({ "unit_id": hill.id, "reason": "nearer" });
    seat.post(&path(&incident, "/transfer"), handed).await.expect(200);
    neighbour.post(&path(&incident, "/return"), json!({ "reason": "not ours" })).await.expect(200);

    let all = room.get(&path(&incident, "/assignments")).await.expect(200);
    let of_town: Vec<&Value> = all.items().iter().filter(|one| one["assignee"]["id"] == town.id).collect();
    let open: Vec<&&Value> = of_town.iter().filter(|one| one["closed_at"].is_null()).collect();
    assert_eq!((of_town.len(), open.len()), (2, 1), "{}", all.json);
    assert_eq!(of_town[0]["state"], "transferred", "what was signed is settled: {}", all.json);
    assert_ne!(open[0]["state"], "signed", "it waits for a signature anew");
    let signed = seat.post(&path(&incident, "/sign"), json!({})).await.expect(200);
    assert_eq!(signed["unit_id"], town.id);
}

#[tokio::test]
async fn a_room_above_speaks_for_another_unit_only_by_name() {
    let (unit, room, _) = station().await;
    let town = unit.child("Town", "station_command_room").await;
    let seat = town.dispatcher("sun").await;
    let mut body = pushed(&unit, &source(), "A-12", 1);
    body["unit_id"] = json!(town.id);
    let incident = room.post("/incidents", body).await.expect(201).json;
    for (act, word) in [("/sign", json!({})), ("/return", json!({ "reason": "not ours" }))] {
        let refused = room.post(&path(&incident, act), word).await;
        assert_eq!(refused.problem(409, "conflict")["unit_id"], town.id);
    }
    let hill = unit.child("Hill", "station_command_room").await;
    room.post(&path(&incident, "/sign"), json!({ "unit_id": hill.id })).await.problem(409, "conflict");
    let shown = seat.get(&path(&incident, "")).await.expect(200);
    assert_eq!((&shown["state"], &shown["signed_by"]), (&json!("awaiting_signature"), &Value::Null));
    let signed = room.post(&path(&incident, "/sign"), json!({ "unit_id": town.id })).await.expect(200);
    assert_eq!((&signed["signed_by"], &signed["unit_id"]), (&json!(room.person_id), &json!(town.id)));
    // Who is late finds it signed, and nothing changes.
    seat.post(&path(&incident, "/sign"), json!({})).await.expect(200);
    room.post(&path(&incident, "/sign"), json!({})).await.expect(200);
    assert_eq!(seat.get(&path(&incident, "")).await.expect(200)["signed_by"], room.person_id);
}

#[tokio::test]
async fn who_was_asked_before_another_signed_may_look_and_no_longer_command() {
    let (unit, room, _) = station().await;
    let (town, hill) = (unit.child("Town", "station_command_room").await, unit.child("Hill", "police_station").await);
    let (first, second) = (town.dispatcher("sun").await, hill.dispatcher("qian").await);
    let crew = town.officer("wu").await;
    let incident = room.incident(unit.center).await;
    room.post(&path(&incident, "/assignments"), json!({ "unit_ids": [town.id] })).await.expect(201);
    room.post(&path(&incident, "/transfer"), json!({ "unit_id": hill.id, "reason": "nearer" })).await.expect(200);
    second.post(&path(&incident, "/sign"), json!({})).await.expect(200);
    let word = json!({ "reason": "not ours" });
    first.post(&path(&incident, "/return"), word.clone()).await.problem(403, "forbidden");
    let own = json!({ "person_ids": [crew.person_id], "override_claim": true });
    first.post(&path(&incident, "/assignments"), own).await.problem(403, "forbidden");
    let shown = first.get(&path(&incident, "")).await.expect(200);
    assert_eq!((&shown["signed_by"], &shown["state"]), (&json!(second.person_id), &json!("awaiting_dispatch")));
    // Who commands both speaks for the one that has it by name only.
    assert_eq!(room.post(&path(&incident, "/return"), word).await.problem(409, "conflict")["unit_id"], hill.id);
}

#[tokio::test]
async fn a_room_above_that_sends_people_says_nothing_for_the_station() {
    let (unit, room, _) = station().await;
    let town = unit.child("Town", "station_command_room").await;
    let (seat, officer) = (town.dispatcher("sun").await, unit.officer("wu").await);
    let mut body = pushed(&unit, &source(), "A-14", 1);
    body["unit_id"] = json!(town.id);
    let incident = room.post("/incidents", body).await.expect(201).json;
    room.post(&path(&incident, "/assignments"), json!({ "person_ids": [officer.person_id] })).await.expect(201);
    let shown = seat.get(&path(&incident, "")).await.expect(200);
    assert_eq!((&shown["state"], &shown["signed_by"]), (&json!("handling"), &Value::Null));
    let signed = seat.post(&path(&incident, "/sign"), json!({})).await.expect(200);
    assert_eq!((&signed["state"], &signed["signed_by"]), (&json!("handling"), &json!(seat.person_id)));
}

#[tokio::test]
async fn lists_are_paged_filtered_and_scoped() {
    let (unit, room, _) = station().await;
    for n in 0..5 {
        room.incident_with(unit.center, json!({ "priority": 1 + n % 2 })).await;
    }
    let mut seen = Vec::new();
    let mut query = "/incidents?limit=2".to_owned();
    loop {
        let page = room.get(&query).await.expect(200);
        seen.extend(page.items().iter().map(|item| item["id"].as_str().unwrap().to_owned()));
        match page["next_cursor"].as_str() {
            Some(cursor) => query = format!("/incidents?limit=2&cursor={cursor}"),
            None => break,
        }
    }
    assert_eq!(seen.len(), 5);
    let grave = room.get("/incidents?priority=1&state=open").await.expect(200);
    assert_eq!(grave.items().len(), 3);
    let stranger = unit.officer("wang").await;
    assert!(stranger.get("/incidents").await.expect(200).items().is_empty());
    stranger.get(&format!("/incidents/{}", seen[0])).await.problem(404, "not_found");
    let elsewhere = TestApp::shared().await.unit("Elsewhere").await.dispatcher("zhou").await;
    assert!(elsewhere.get("/incidents").await.expect(200).items().is_empty());
    elsewhere.get(&format!("/incidents/{}", seen[0])).await.problem(404, "not_found");
    room.get("/incidents?cursor=!!").await.problem(400, "invalid_cursor");
    room.get("/incidents?limit=0").await.problem(422, "invalid_field");
}

#[tokio::test]
async fn bad_incidents_are_refused_by_name() {
    let (unit, room, intake) = station().await;
    let wang = unit.officer("wang").await;
    for (field, value) in [
        ("priority", json!(0)),
        ("priority", json!(5)),
        ("priority", json!("high")),
        ("title", json!("")),
        ("title", json!("x".repeat(201))),
        ("category", json!("")),
        ("location", json!({ "lon": 181.0, "lat": 0.0 })),
        ("location", json!({ "lon": 0.0, "lat": -90.5 })),
        ("location", json!({ "lon": 0.0 })),
        ("called_at", json!("2999-01-01T00:00:00Z")),
        ("called_at", json!("yesterday")),
        ("revision", json!(-1)),
        ("external_no", json!("x".repeat(65))),
        ("source", json!("no spaces please")),
        ("hazards", json!(vec!["knife"; 17])),
        ("weather", json!("rain")),
        ("reporter", json!({ "name": "x", "shoe": 43 })),
    ] {
        let mut body = pushed(&unit, "110", "B-1", 1);
        body[field] = value;
        intake.post("/incidents", body).await.problem(422, "invalid_field");
    }
    for missing in ["category", "priority", "title", "location"] {
        let mut body = pushed(&unit, "110", "B-2", 1);
        body.as_object_mut().unwrap().remove(missing);
        room.post("/incidents", body).await.problem(422, "invalid_field");
    }
    wang.post("/incidents", pushed(&unit, "110", "B-3", 1)).await.problem(422, "invalid_field");
    room.get("/incidents/nonsense").await.problem(400, "invalid_id");
    room.get(&format!("/incidents/{}", Uuid::now_v7())).await.problem(404, "not_found");
    let supervisor = unit.supervisor("gao").await;
    supervisor.post("/incidents", pushed(&unit, "110", "B-4", 1)).await.problem(403, "forbidden");
}
