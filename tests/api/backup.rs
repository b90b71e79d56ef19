//! One press brings the nearest: who is alerted, who is spared, what the room hears, who may end it.

use crate::support::{Officer, Socket, TestApp, Unit, ago, fix, new_id, wait_for, wait_until};
use serde_json::{Value, json};
use std::time::Duration;

mod answers;
mod choosing;
mod doors;
mod room;

/// Long enough for a message that must not come to have come.
const QUIET: Duration = Duration::from_millis(700);

/// An officer on patrol: on duty, at a place, with his terminal's socket open.
pub struct Patrol {
    pub who: Officer,
    pub socket: Socket,
}

impl Patrol {
    pub async fn of(who: Officer, at: (f64, f64)) -> Self {
        who.sign_on().await;
        let socket = who.socket().await;
        stand(&who, at).await;
        Self { who, socket }
    }

    pub fn id(&self) -> &str {
        &self.who.person_id
    }

    pub async fn alert(&mut self) -> Value {
        self.socket.expect("backup.alert").await["data"].clone()
    }

    pub async fn answer(&self, backup: &str, answer: &str) -> crate::support::Reply {
        self.who.post(&format!("/backups/{backup}/responses"), json!({ "answer": answer })).await
    }
}

/// Patrols of one unit at these distances east of its middle.
pub async fn patrols(unit: &Unit, metres: &[f64]) -> Vec<Patrol> {
    let mut all = Vec::new();
    for (n, east) in metres.iter().enumerate() {
        let who = unit.officer(&format!("patrol{n}")).await;
        all.push(Patrol::of(who, unit.near(*east, 0.0)).await);
    }
    all
}

/// The caller: on duty at the unit's middle.
pub async fn caller(unit: &Unit) -> Officer {
    let who = unit.officer("caller").await;
    who.sign_on().await;
    stand(&who, unit.near(0.0, 0.0)).await;
    who
}

/// Reports a place that is good for ten minutes, however slow the machine is.
pub async fn stand(who: &Officer, at: (f64, f64)) {
    let mut here = fix(at, 0.0);
    here["next_within_s"] = json!(600);
    who.positions(vec![here]).await.ok();
}

pub async fn press(who: &Officer, body: Value) -> Value {
    who.post("/backups", body).await.expect(201).json
}

pub fn ids(list: &Value) -> Vec<String> {
    list.as_array().unwrap().iter().map(|one| one["person_id"].as_str().unwrap().to_owned()).collect()
}

pub fn id_of(backup: &Value) -> String {
    backup["id"].as_str().unwrap().to_owned()
}

pub async fn get(who: &Officer, id: &str) -> Value {
    who.get(&format!("/backups/{id}")).await.expect(200).json
}

#[tokio::test]
async fn an_empty_press_alerts_the_nearest_units_and_enough_acceptances_send_the_rest_home() {
    let app = TestApp::shared().await;
    let unit = app.unit("Nearest").await;
    let room = unit.dispatcher("room").await;
    let mut ring = patrols(&unit, &[300.0, 600.0, 900.0, 1200.0, 1500.0, 9000.0]).await;
    let who = caller(&unit).await;

    let reply = who.post_empty("/backups").await.expect(201);
    let (id, alerted) = (reply.id(), ids(&reply["alerted"]));
    assert_eq!(reply["state"], "open");
    let expected: Vec<String> = ring[..5].iter().map(|one| one.id().to_owned()).collect();
    assert_eq!(alerted, expected, "three and two spare, nearest first: {}", reply.json);
    for one in &mut ring[..5] {
        let alert = one.alert().await;
        assert_eq!((&alert["backup_id"], &alert["role"]), (&json!(id), &json!("respond")), "{alert}");
        assert_eq!(alert["requester_id"], who.person_id);
        assert!(alert["destination"]["age_s"].as_f64().unwrap() < 30.0, "{alert}");
    }
    ring[5].socket.expect_none("backup.alert", QUIET).await;

    // Machine truth: the receipt of each alerted terminal.
    ring[0].socket.ack_all();
    wait_until("the receipt shows", || async {
        let seen = get(&room, &id).await;
        seen["alerted"][0]["received_at"].is_string() && seen["alerted"][0]["answer"].is_null()
    })
    .await;

    for one in &ring[..3] {
        let told = one.answer(&id, "coming").await.expect(200);
        assert_eq!(told["applied"], true);
    }
    for one in &mut ring[3..5] {
        let down = one.socket.expect("backup.stand_down").await;
        assert_eq!(down["data"]["stand_down_reason"], "enough", "{down}");
    }
    ring[0].socket.expect_none("backup.stand_down", QUIET).await;
    let seen = get(&room, &id).await;
    assert_eq!((&seen["covered"], &seen["accepted_units"]), (&json!(true), &json!(3)));
    let reasons: Vec<&str> = seen["waves"][0]["choices"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|choice| choice["person_id"] == ring[5].id())
        .map(|choice| choice["reason"].as_str().unwrap())
        .collect();
    assert_eq!(reasons, ["enough_nearer"], "why the sixth was spared is kept");

    // The same answer again changes nothing.
    let before = get(&room, &id).await["version"].clone();
    ring[0].answer(&id, "coming").await.expect(200);
    assert_eq!(get(&room, &id).await["version"], before);

    room.post(&format!("/backups/{id}/close"), json!({ "reason": "resolved" })).await.expect(200);
    let down = ring[0].socket.expect("backup.stand_down").await;
    assert_eq!(down["data"]["stand_down_reason"], "resolved");
    assert_eq!(get(&room, &id).await["state"], "closed");
}

#[tokio::test]
async fn two_partners_in_one_car_are_one_unit_and_the_callers_partner_is_none() {
    let app = TestApp::shared().await;
    let unit = app.unit("Cars").await;
    let room = unit.dispatcher("room").await;
    let car = patrols(&unit, &[400.0, 410.0]).await;
    let lone = patrols(&unit, &[800.0, 1600.0, 2400.0, 3200.0, 4000.0]).await;
    let who = caller(&unit).await;
    let mut partner = Patrol::of(unit.officer("partner").await, unit.near(10.0, 0.0)).await;
    for (sign, members) in [("A1", [car[0].id(), car[1].id()]), ("A2", [&who.person_id, partner.id()])] {
        let members: Vec<Value> =
            members.iter().zip(["lead", "assist"]).map(|(id, role)| json!({ "person_id": id, "role": role })).collect();
        room.post("/crews", json!({ "call_sign": sign, "members": members })).await.ok();
    }

    let made = press(&who, json!({})).await;
    let alerted = ids(&made["alerted"]);
    assert_eq!(alerted.len(), 6, "one car of two and four lone officers: {made}");
    assert!(!alerted.contains(&lone[4].id().to_owned()));
    assert_eq!(ids(&made["informed"]), [partner.id()]);
    let alert = partner.alert().await;
    assert_eq!(alert["role"], "informed", "{alert}");

    // Both in the car come: still one unit.
    let id = id_of(&made);
    for one in &car {
        one.answer(&id, "coming").await.expect(200);
    }
    assert_eq!(get(&room, &id).await["accepted_units"], 1);
    // The partner's word does not count either.
    partner.answer(&id, "coming").await.expect(200);
    assert_eq!(get(&room, &id).await["accepted_units"], 1);
}

#[tokio::test]
async fn a_recent_caller_is_asked_after_connected_terminals_and_an_unreachable_one_never() {
    let app = TestApp::shared().await;
    let unit = app.unit("Reach").await;
    let connected = patrols(&unit, &[3000.0]).await;
    // He reported by REST a moment ago, without a socket.
    let recent = unit.officer("recent").await;
    recent.sign_on().await;
    stand(&recent, unit.near(200.0, 0.0)).await;
    // She reports from a browser: that proves nothing about her terminal.
    let browser = unit.person("browser", "police_officer").await.login_browser().await;
    browser.put("/me/duty", json!({ "on_duty": true, "carried_device_ids": [] })).await.ok();
    let off = unit.officer("off").await;
    off.report(unit.near(100.0, 0.0)).await;
    let who = caller(&unit).await;

    let made = press(&who, json!({})).await;
    let chosen: Vec<(String, String)> = made["alerted"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["person_id"].as_str().unwrap().to_owned(), one["reach"].as_str().unwrap().to_owned()))
        .collect();
    assert!(chosen.contains(&(connected[0].id().to_owned(), "socket".to_owned())), "{made}");
    assert!(chosen.contains(&(recent.person_id.clone(), "recent".to_owned())), "{made}");
    assert_eq!(chosen.len(), 2, "{made}");
}

#[tokio::test]
async fn police_first_when_a_weapon_is_seen() {
    let app = TestApp::shared().await;
    let unit = app.unit("Weapon").await;
    let police = patrols(&unit, &[2000.0]).await;
    let guard = Patrol::of(unit.member("guard", "guard").await, unit.near(100.0, 0.0)).await;
    let auxiliary = Patrol::of(unit.member("aux", "auxiliary").await, unit.near(150.0, 0.0)).await;
    let who = caller(&unit).await;
    let made = press(&who, json!({ "kind": "weapon" })).await;
    let role = |id: &str| {
        made["alerted"].as_array().unwrap().iter().find(|one| one["person_id"] == id).map(|one| one["role"].clone())
    };
    assert_eq!(role(police[0].id()), Some(json!("respond")));
    assert_eq!(role(auxiliary.id()), Some(json!("perimeter")));
    assert_eq!(role(guard.id()), None);
}

#[tokio::test]
async fn neighbours_of_another_unit_come_and_see_each_other_until_it_ends() {
    let app = TestApp::shared().await;
    let unit = app.unit("Border").await;
    let other = app.unit("Neighbour").await;
    let room = unit.dispatcher("room").await;
    let mut far = Patrol::of(other.officer("neighbour").await, unit.near(700.0, 0.0)).await;
    let stranger = other.officer("stranger").await;
    let who = caller(&unit).await;
    let live = |who: &Officer| {
        let who = who.clone();
        async move { ids(&who.get("/live").await.expect(200)["people"]) }
    };
    assert!(!live(&far.who).await.contains(&who.person_id));

    let made = press(&who, json!({ "note": "two men, one bottle" })).await;
    let id = id_of(&made);
    assert_eq!(ids(&made["alerted"]), [far.id()]);
    assert_eq!(far.alert().await["note"], "two men, one bottle");
    let seen = get(&far.who, &id).await;
    assert!(seen["destination"]["lon"].is_f64(), "{seen}");
    wait_until("the responder sees the caller live", || async { live(&far.who).await.contains(&who.person_id) }).await;
    wait_until("the caller sees who comes", || async { live(&who).await.contains(&far.who.person_id) }).await;
    stranger.get(&format!("/backups/{id}")).await.problem(404, "not_found");
    stranger.post(&format!("/backups/{id}/responses"), json!({ "answer": "coming" })).await.problem(404, "not_found");

    room.post(&format!("/backups/{id}/close"), json!({ "reason": "resolved" })).await.expect(200);
    wait_until("the right ends", || async { !live(&far.who).await.contains(&who.person_id) }).await;
    let after = get(&far.who, &id).await;
    assert!(after["destination"].is_null() && after["alerted"][0].get("position").is_none(), "{after}");
}

#[tokio::test]
async fn the_destination_follows_the_caller_and_a_pursued_target() {
    let app = TestApp::shared().await;
    let unit = app.unit("Chase").await;
    let mut ring = patrols(&unit, &[800.0]).await;
    let who = caller(&unit).await;
    let id = id_of(&press(&who, json!({})).await);
    ring[0].alert().await;
    ring[0].answer(&id, "coming").await.expect(200);

    tokio::time::sleep(Duration::from_secs(5)).await;
    let there = unit.near(0.0, 150.0);
    who.report(there).await;
    let moved = ring[0]
        .socket
        .expect_where("the moved destination", |frame| {
            frame["kind"] == "backup.updated" && frame["data"]["change"] == "destination"
        })
        .await;
    assert!((moved["data"]["destination"]["lat"].as_f64().unwrap() - there.1).abs() < 1e-6, "{moved}");

    let seen_at = unit.near(2000.0, 0.0);
    let target = json!({ "plate": "苏D12345", "colour": "white", "direction": "east",
        "last_seen": { "lon": seen_at.0, "lat": seen_at.1 } });
    let now = ring[0].who.patch(&format!("/backups/{id}"), json!({ "kind": "pursuit", "target": target })).await;
    let now = now.expect(200);
    assert_eq!((&now["kind"], &now["target"]["plate"]), (&json!("pursuit"), &json!("苏D12345")));
    assert_eq!(now["destination"]["source"], "target");
    ring[0].socket.expect_where("the target", |frame| frame["data"]["target"]["plate"] == "苏D12345").await;
}

#[tokio::test]
async fn who_could_reach_me_is_known_before_the_press() {
    let app = TestApp::shared().await;
    let unit = app.unit("Cover").await;
    let _near = patrols(&unit, &[100.0, 200.0]).await;
    let _far = patrols(&unit, &[15_000.0]).await;
    let who = caller(&unit).await;
    let cover = who.get("/me/cover").await.expect(200);
    assert_eq!((&cover["located"], &cover["units"], &cover["reachable"]), (&json!(true), &json!(2), &json!(2)));
    assert!(cover["nearest_s"].as_f64().unwrap() < 240.0);
}

#[tokio::test]
async fn bad_presses_are_told_what_is_wrong_and_alarm_nobody() {
    let app = TestApp::shared().await;
    let unit = app.unit("Garbage").await;
    let who = caller(&unit).await;
    for body in [
        json!({ "kind": "flood" }),
        json!({ "location": { "lon": 500.0, "lat": 1.0 } }),
        json!({ "location": { "lon": 1.0 } }),
        json!({ "for_person_id": new_id() }),
        json!({ "needs": "ambulance" }),
        json!({ "colour": "red" }),
        json!({ "note": "x".repeat(3000) }),
    ] {
        who.post("/backups", body).await.problem(422, "invalid_field");
    }
    who.post("/backups", json!({ "id": "no-uuid" })).await.problem(422, "invalid_field");
    app.call("POST", "/backups", None).await.problem(401, "unauthenticated");
    who.get("/backups/no-uuid").await.problem(400, "invalid_id");
    who.get(&format!("/backups/{}", new_id())).await.problem(404, "not_found");
    assert_eq!(who.get("/backups").await.expect(200).items().len(), 0);
}
