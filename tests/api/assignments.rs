//! Sending people and crews, both ladders, deadlines and escalation.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Officer, TestApp, Unit, ago, now, wait_until};

async fn station() -> (Unit, Officer) {
    let app = TestApp::shared().await;
    let unit = app.unit("Lakeside").await;
    let room = unit.dispatcher("li").await;
    (unit, room)
}

/// A server whose clocks are short enough to wait for.
async fn hasty(extra: &str) -> (TestApp, Unit, Officer) {
    let config = format!(
        "[dispatch]\ndelivered_s = [1, 1, 1, 1]\nviewed_s = [600, 600, 600, 600]\naccepted_s = [2, 2, 2, 2]\n\
         channel_s = [1, 1, 1, 1]\nsigned_s = [1, 1, 1, 1]\nwaiting_s = [1, 1, 1, 1]\nchange_s = [1, 1, 1, 1]\n{extra}"
    );
    let app = TestApp::builder().config(&config).start().await;
    let unit = app.unit("Lakeside").await;
    let room = unit.dispatcher("li").await;
    (app, unit, room)
}

fn path(incident: &Value, rest: &str) -> String {
    format!("/incidents/{}{rest}", incident["id"].as_str().unwrap())
}

async fn seen(person: &Officer, assignment: &Value) -> Value {
    person.get(&format!("/assignments/{}", assignment["id"].as_str().unwrap())).await.expect(200).json
}

fn rungs(assignment: &Value, rung: &str) -> Vec<Value> {
    assignment["rungs"].as_array().unwrap().iter().filter(|r| r["rung"] == rung).cloned().collect()
}

async fn say(person: &Officer, assignment: &Value, body: Value) -> crate::support::Reply {
    person.post(&format!("/assignments/{}/events", assignment["id"].as_str().unwrap()), body).await
}

#[tokio::test]
async fn the_ladder_is_climbed_and_every_rung_says_who_vouches_for_it() {
    let (unit, room) = station().await;
    let wang = unit.officer("wang").await;
    wang.sign_on().await;
    let mut socket = wang.socket().await;
    let incident = room.incident(unit.center).await;
    let sent = room.assign(&incident, &[&wang]).await;
    assert_eq!(sent[0]["assignee"], json!({ "kind": "person", "id": wang.person_id }));
    assert_eq!(sent[0]["person_id"], wang.person_id);
    let offer = socket.expect("assignment.offered").await;
    assert_eq!(offer["data"]["assignment"]["id"], sent[0]["id"]);
    assert_eq!(offer["data"]["incident"]["id"], incident["id"]);
    socket.ack(offer["seq"].as_i64().unwrap());
    wait_until("the receipt is on the ladder", || async {
        !rungs(&seen(&room, &sent[0]).await, "delivered").is_empty()
    })
    .await;
    for event in ["viewed", "accepted", "en_route", "on_scene", "cleared"] {
        let told = wang.event(&sent[0], event).await.expect(200);
        assert_eq!(told["applied"], true, "{event}");
        assert_eq!(told["state"], event);
    }
    let done = seen(&wang, &sent[0]).await;
    assert_eq!(done["state"], "cleared");
    let delivered = rungs(&done, "delivered");
    assert_eq!(delivered[0]["truth"], "machine");
    assert_eq!(delivered[0]["device_id"], wang.device_id());
    for event in ["viewed", "accepted", "on_scene"] {
        let rung = &rungs(&done, event)[0];
        assert_eq!((rung["truth"].as_str(), rung["via"].as_str()), (Some("human"), Some("device")), "{event}");
        assert_eq!(rung["person_id"], wang.person_id);
        assert!(rung["device_at"].is_string());
    }
    assert_eq!(room.get(&path(&incident, "")).await["state"], "handling");
}

#[tokio::test]
async fn a_browsers_receipt_is_shown_and_proves_nothing() {
    let (unit, room) = station().await;
    let person = unit.person("wang", "police_officer").await;
    let browser = person.login_browser().await;
    let mut socket = browser.socket().await;
    let incident = room.incident(unit.center).await;
    let sent = room.assign(&incident, &[&browser]).await;
    let offer = socket.expect("assignment.offered").await;
    socket.ack(offer["seq"].as_i64().unwrap());
    wait_until("the receipt is shown", || async { !rungs(&seen(&room, &sent[0]).await, "delivered").is_empty() }).await;
    let shown = seen(&room, &sent[0]).await;
    assert_eq!(shown["state"], "sent");
    assert_eq!(rungs(&shown, "delivered")[0]["counts"], false);
    assert_eq!(shown["people"][0]["delivered_at"], Value::Null);
    let waits = shown["deadlines"].as_array().unwrap().iter().any(|clock| clock["limit"] == "delivered");
    assert!(waits, "the delivery clock runs on: {shown}");
}

#[tokio::test]
async fn duplicates_get_the_first_answer() {
    let (unit, room) = station().await;
    let wang = unit.officer("wang").await;
    let incident = room.incident(unit.center).await;
    let sent = room.assign(&incident, &[&wang]).await;
    let body = json!({ "event": "accepted", "at": now() });
    let first = say(&wang, &sent[0], body.clone()).await.expect(200);
    wang.event(&sent[0], "en_route").await.expect(200);
    let again = say(&wang, &sent[0], body).await.expect(200);
    assert_eq!(again["state"], "accepted");
    assert_eq!(again["rung_id"], first["rung_id"]);
    assert_eq!(again["duplicate"], true);
    assert_eq!(rungs(&seen(&wang, &sent[0]).await, "accepted").len(), 1);
    let twice =
        room.post(&path(&incident, "/assignments"), json!({ "person_ids": [wang.person_id] })).await.expect(200);
    assert_eq!(twice["assignments"][0]["id"], sent[0]["id"], "nobody is sent twice");
}

#[tokio::test]
async fn late_rungs_are_kept_and_move_nothing_after_the_end() {
    let (unit, room) = station().await;
    let wang = unit.officer("wang").await;
    let incident = room.incident(unit.center).await;
    let sent = room.assign(&incident, &[&wang]).await;
    wang.event(&sent[0], "on_scene").await.expect(200);
    let late = say(&wang, &sent[0], json!({ "event": "accepted", "at": ago(600.0) })).await.expect(200);
    assert_eq!((late["applied"].as_bool(), late["state"].as_str()), (Some(true), Some("on_scene")));
    let other = room.incident(unit.center).await;
    let zhao = unit.officer("zhao").await;
    let gone = room.assign(&other, &[&zhao]).await;
    room.post(&format!("/assignments/{}/cancel", gone[0]["id"].as_str().unwrap()), json!({})).await.expect(200);
    let late = say(&zhao, &gone[0], json!({ "event": "en_route", "at": ago(60.0) })).await.expect(200);
    assert_eq!((late["applied"].as_bool(), late["state"].as_str()), (Some(false), Some("cancelled")));
    let kept = seen(&room, &gone[0]).await;
    assert_eq!(rungs(&kept, "en_route")[0]["applied"], false);
}

#[tokio::test]
async fn an_officer_asks_for_a_change_and_stays_until_it_is_granted() {
    let (unit, room) = station().await;
    let (wang, zhao) = (unit.officer("wang").await, unit.officer("zhao").await);
    let incident = room.incident(unit.center).await;
    let sent = room.assign(&incident, &[&wang]).await;
    say(&wang, &sent[0], json!({ "event": "declined", "at": now() })).await.problem(422, "invalid_field");
    let asked = say(&wang, &sent[0], json!({ "event": "change_requested", "at": now(), "reason": "flat tyre" })).await;
    assert_eq!(asked.expect(200)["state"], "change_requested");
    assert_eq!(wang.get("/me/assignments").await.items().len(), 1, "he is responsible still");
    let id = sent[0]["id"].as_str().unwrap();
    let kept = room.post(&format!("/assignments/{id}/keep"), json!({ "reason": "nobody else" })).await.expect(200);
    assert_eq!(kept["state"], "sent");
    say(&wang, &sent[0], json!({ "event": "change_requested", "at": now() })).await.expect(200);
    let body = json!({ "to": { "person_ids": [zhao.person_id] }, "reason": "granted" });
    let moved = room.post(&format!("/assignments/{id}/reassign"), body).await.expect(201);
    assert_eq!(moved["assignments"][0]["replaces"], sent[0]["id"]);
    assert_eq!(seen(&room, &sent[0]).await["state"], "reassigned");
    assert!(wang.get("/me/assignments").await.items().is_empty());
    assert_eq!(zhao.get("/me/assignments").await.items().len(), 1);
}

#[tokio::test]
async fn guards_and_volunteers_may_decline() {
    let (unit, room) = station().await;
    let (wang, guard) = (unit.officer("wang").await, unit.member("gu", "guard").await);
    let incident = room.incident(unit.center).await;
    let sent = room.assign(&incident, &[&wang, &guard]).await;
    let said = say(&guard, &sent[1], json!({ "event": "declined", "at": now() })).await.expect(200);
    assert_eq!(said["state"], "declined");
}

#[tokio::test]
async fn a_police_call_needs_a_police_lead() {
    let (unit, room) = station().await;
    let auxiliary = unit.member("fu", "auxiliary").await;
    let mediator = unit.member("tiao", "mediator").await;
    let theft = room.incident_with(unit.center, json!({ "category": "theft" })).await;
    let alone = json!({ "person_ids": [auxiliary.person_id] });
    room.post(&path(&theft, "/assignments"), alone).await.problem(403, "police_lead_required");
    let over = json!({ "person_ids": [auxiliary.person_id], "override_lead": true });
    let sent = room.post(&path(&theft, "/assignments"), over).await.expect(201);
    assert_eq!(sent["assignments"][0]["lead_override"], true);
    let quarrel = room.incident_with(unit.center, json!({ "category": "dispute" })).await;
    room.assign(&quarrel, &[&mediator]).await;
}

#[tokio::test]
async fn one_tap_moves_the_crew_and_each_has_an_own_look() {
    let (unit, room) = station().await;
    let (wang, zhao) = (unit.officer("wang").await, unit.member("zhao", "auxiliary").await);
    wang.sign_on().await;
    zhao.sign_on().await;
    let crew = room
        .post(
            "/crews",
            json!({ "call_sign": "201", "members": [
                { "person_id": wang.person_id, "role": "lead" }, { "person_id": zhao.person_id, "role": "auxiliary" } ] }),
        )
        .await
        .expect(201);
    let incident = room.incident(unit.center).await;
    let mut partner = zhao.socket().await;
    let sent = room.post(&path(&incident, "/assignments"), json!({ "crew_ids": [crew.id()] })).await.expect(201);
    let sent = sent["assignments"][0].clone();
    assert_eq!(sent["assignee"], json!({ "kind": "crew", "id": crew.id() }));
    partner.expect("assignment.offered").await;
    wang.event(&sent, "accepted").await.expect(200);
    let told = partner.expect("assignment.updated").await;
    assert_eq!(told["data"]["state"], "accepted");
    let shown = seen(&room, &sent).await;
    let person = |who: &Officer| {
        shown["people"].as_array().unwrap().iter().find(|p| p["person_id"] == who.person_id).cloned().unwrap()
    };
    assert!(person(&wang)["viewed_at"].is_string());
    assert!(person(&zhao)["viewed_at"].is_null(), "the partner has not looked");
    zhao.event(&sent, "on_scene").await.expect(200);
    let shown = seen(&wang, &sent).await;
    assert_eq!(shown["state"], "on_scene");
    assert_eq!(rungs(&shown, "on_scene")[0]["person_id"], zhao.person_id, "who tapped is kept");
}

#[tokio::test]
async fn one_call_at_a_time_and_the_next_in_line_follows() {
    let (unit, room) = station().await;
    let wang = unit.officer("wang").await;
    wang.sign_on().await;
    let (first, second) = (room.incident(unit.center).await, room.incident(unit.center).await);
    let a = room.assign(&first, &[&wang]).await.remove(0);
    let b = room.assign(&second, &[&wang]).await.remove(0);
    wang.event(&a, "accepted").await.expect(200);
    wang.event(&a, "en_route").await.expect(200);
    let queued = wang.event(&b, "accepted").await.expect(200);
    assert_eq!(queued["state"], "queued");
    let clocks = seen(&wang, &b).await["deadlines"].clone();
    assert_eq!(clocks[0]["limit"], "waiting", "the way's clock is paused: {clocks}");
    wang.event(&a, "cleared").await.expect(200);
    assert_eq!(seen(&wang, &b).await["state"], "accepted");

    let grave = room.incident_with(unit.center, json!({ "priority": 1 })).await;
    let c = room.assign(&grave, &[&wang]).await.remove(0);
    wang.event(&b, "en_route").await.expect(200);
    wang.event(&c, "en_route").await.expect(200);
    assert_eq!(seen(&wang, &b).await["state"], "suspended");
    wang.event(&b, "en_route").await.expect(200);
    assert_eq!(seen(&wang, &c).await["state"], "suspended");
    let me = wang.get("/me").await.expect(200);
    assert_eq!(me["duty"]["availability"], "en_route", "{}", me.json);
}

#[tokio::test]
async fn the_room_records_by_voice_and_it_is_shown_as_voice() {
    let (unit, room) = station().await;
    let (wang, zhao) = (unit.officer("wang").await, unit.officer("zhao").await);
    let incident = room.incident(unit.center).await;
    let sent = room.assign(&incident, &[&wang]).await.remove(0);
    say(&room, &sent, json!({ "event": "accepted", "at": now() })).await.problem(422, "invalid_field");
    let body = json!({ "event": "accepted", "at": now(), "via": "radio", "on_behalf_of": wang.person_id });
    assert_eq!(say(&room, &sent, body).await.expect(200)["state"], "accepted");
    let shown = seen(&room, &sent).await;
    let rung = &rungs(&shown, "accepted")[0];
    assert_eq!((rung["via"].as_str(), rung["truth"].as_str()), (Some("radio"), Some("human")));
    assert_eq!(rung["recorded_by"], room.person_id);
    assert!(rung.get("device_id").is_none());
    let waits = shown["deadlines"].as_array().unwrap().iter().any(|clock| clock["limit"] == "delivered");
    assert!(!waits, "it stops the clock");
    say(&zhao, &sent, json!({ "event": "on_scene", "at": now() })).await.problem(404, "not_found");
    let supervisor = unit.supervisor("gao").await;
    let body = json!({ "event": "on_scene", "at": now(), "via": "radio" });
    say(&supervisor, &sent, body).await.problem(403, "forbidden");
}

#[tokio::test]
async fn who_is_on_the_way_is_called_off_and_who_is_there_is_asked() {
    let (unit, room) = station().await;
    let (wang, zhao) = (unit.officer("wang").await, unit.officer("zhao").await);
    let incident = room.incident(unit.center).await;
    let sent = room.assign(&incident, &[&wang, &zhao]).await;
    wang.event(&sent[0], "en_route").await.expect(200);
    zhao.event(&sent[1], "on_scene").await.expect(200);
    let (mut way, mut scene) = (wang.socket().await, zhao.socket().await);
    room.post(&path(&incident, "/cancel"), json!({ "reason": "false report" })).await.expect(200);
    assert_eq!(way.expect("assignment.cancelled").await["data"]["ask"], false);
    assert_eq!(scene.expect("assignment.cancelled").await["data"]["ask"], true);
    assert_eq!(seen(&room, &sent[0]).await["state"], "cancelled");
    assert_eq!(seen(&room, &sent[1]).await["state"], "on_scene");
    wang.event(&sent[0], "cancel_confirmed").await.expect(200);
    assert!(seen(&room, &sent[0]).await["cancel_confirmed_at"].is_string());
    zhao.event(&sent[1], "cancel_confirmed").await.expect(200);
    assert_eq!(seen(&room, &sent[1]).await["state"], "cancelled");
    let late = json!({ "person_ids": [wang.person_id] });
    room.post(&path(&incident, "/assignments"), late).await.problem(409, "conflict");
}

#[tokio::test]
async fn two_seats_never_send_two_cars_unknowingly() {
    let (unit, room) = station().await;
    let other = unit.dispatcher("sun").await;
    let (wang, zhao) = (unit.officer("wang").await, unit.officer("zhao").await);
    let incident = room.incident(unit.center).await;
    room.post(&path(&incident, "/claim"), json!({})).await.expect(200);
    other.post(&path(&incident, "/claim"), json!({})).await.problem(409, "claimed");
    let body = json!({ "person_ids": [zhao.person_id] });
    other.post(&path(&incident, "/assignments"), body.clone()).await.problem(409, "claimed");
    room.assign(&incident, &[&wang]).await;
    room.delete(&path(&incident, "/claim")).await.expect(200);
    let told = other.post(&path(&incident, "/assignments"), body.clone()).await.problem(409, "already_assigned");
    assert_eq!(told["assignments"][0]["person_id"], wang.person_id);
    let stale = [("if-match", "\"1\"")];
    other.send("POST", &path(&incident, "/assignments"), &stale, Some(body.clone())).await.problem(412, "stale");
    let version = told["version"].to_string();
    let knows = [("if-match", version.as_str())];
    other.send("POST", &path(&incident, "/assignments"), &knows, Some(body)).await.expect(201);

    let second = room.incident(unit.center).await;
    let mut both = Vec::new();
    for seat in [&room, &other] {
        let (seat, at, who) = (seat.clone(), path(&second, "/assignments"), zhao.person_id.clone());
        let who = if seat.person_id == room.person_id { wang.person_id.clone() } else { who };
        both.push(tokio::spawn(async move { seat.post(&at, json!({ "person_ids": [who] })).await.status }));
    }
    let mut statuses = Vec::new();
    for one in both {
        statuses.push(one.await.unwrap());
    }
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409]);
    let third = json!({ "person_ids": [wang.person_id, zhao.person_id], "override_claim": true });
    other.post(&path(&second, "/assignments"), third).await.expect(201);
}

#[tokio::test]
async fn the_nearest_free_units_are_sent_and_a_crew_counts_once() {
    let (unit, room) = station().await;
    let mut people = Vec::new();
    for (n, name) in ["wang", "zhao", "qian", "far"].iter().enumerate() {
        let officer = unit.officer(name).await;
        officer.sign_on().await;
        officer.report(unit.near(100.0 * f64::from(u32::try_from(n).unwrap() + 1), 0.0)).await;
        people.push(officer);
    }
    let members = json!([{ "person_id": people[0].person_id, "role": "lead" }, { "person_id": people[1].person_id, "role": "assist" }]);
    let crew = room.post("/crews", json!({ "call_sign": "301", "members": members })).await.expect(201);
    let incident = room.incident(unit.center).await;
    let sent = room.post(&path(&incident, "/assignments"), json!({ "nearest": { "k": 2 } })).await.expect(201);
    let sent = sent["assignments"].as_array().unwrap();
    assert_eq!(sent.len(), 2);
    assert_eq!(sent[0]["assignee"], json!({ "kind": "crew", "id": crew.id() }));
    assert_eq!(sent[1]["person_id"], people[2].person_id);
    assert!(sent[1]["why"]["distance_m"].as_f64().unwrap() > 250.0);
    let busy = room.incident(unit.center).await;
    let next = room.post(&path(&busy, "/assignments"), json!({ "nearest": { "k": 3 } })).await.expect(201);
    assert_eq!(next["assignments"].as_array().unwrap().len(), 1, "who is sent is not free");
    assert_eq!(next["assignments"][0]["person_id"], people[3].person_id);
    let none = room.incident(unit.center).await;
    let asked = json!({ "nearest": { "k": 1 } });
    room.post(&path(&none, "/assignments"), asked).await.problem(409, "conflict");
}

#[tokio::test]
async fn a_passing_officer_joins_and_the_room_sees_it() {
    let (unit, room) = station().await;
    let wang = unit.officer("wang").await;
    let mut screen = room.socket().await;
    let incident = room.incident(unit.center).await;
    let joined = wang.post(&path(&incident, "/join"), json!({ "event": "on_scene" })).await.expect(201);
    assert_eq!(joined["assignments"][0]["state"], "on_scene");
    assert_eq!(joined["assignments"][0]["origin"], "own");
    wang.post(&path(&incident, "/join"), json!({})).await.expect(200);
    screen.expect_where("the card", |m| m["kind"] == "card.raised" && m["data"]["kind"] == "incident.joined").await;
    let stranger = TestApp::shared().await.unit("Elsewhere").await.officer("zhou").await;
    stranger.post(&path(&incident, "/join"), json!({})).await.problem(404, "not_found");
}

#[tokio::test]
async fn a_missed_deadline_tries_the_next_channel_and_ends_with_a_voice() {
    let (_app, unit, room) = hasty("").await;
    let wang = unit.officer("wang").await;
    wang.sign_on().await;
    let mut screen = room.socket().await;
    let incident = room.incident_with(unit.center, json!({ "priority": 3 })).await;
    let sent = room.assign(&incident, &[&wang]).await.remove(0);
    screen
        .expect_where("the room is told", |m| m["kind"] == "card.raised" && m["data"]["kind"] == "deadline.delivered")
        .await;
    screen
        .expect_where("call them now", |m| m["kind"] == "card.raised" && m["data"]["kind"] == "assignment.call_now")
        .await;
    let shown = seen(&room, &sent).await;
    let tried: Vec<(String, String)> = shown["attempts"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|a| a["limit"] == "delivered")
        .map(|a| (a["channel"].as_str().unwrap().to_owned(), a["outcome"].as_str().unwrap().to_owned()))
        .collect();
    let order: Vec<&str> = tried.iter().map(|(channel, _)| channel.as_str()).collect();
    assert_eq!(order, ["socket", "other_devices", "partner", "push_adapter", "voice_card"]);
    assert_eq!(tried[3].1, "skipped");
    let body = json!({ "event": "accepted", "at": now(), "via": "phone", "on_behalf_of": wang.person_id });
    say(&room, &sent, body).await.expect(200);
    let left = seen(&room, &sent).await["deadlines"].clone();
    assert_eq!(left[0]["limit"], "en_route", "{left}");
}

#[tokio::test]
async fn escalation_adds_for_priority_one_suggests_otherwise_and_takes_nothing_away() {
    let (_app, unit, room) = hasty("").await;
    let (wang, zhao) = (unit.officer("wang").await, unit.officer("zhao").await);
    for (n, officer) in [&wang, &zhao].into_iter().enumerate() {
        officer.sign_on().await;
        officer.report(unit.near(100.0 * f64::from(u32::try_from(n).unwrap()), 50.0)).await;
    }
    let calm = room.incident_with(unit.center, json!({ "priority": 3 })).await;
    room.assign(&calm, &[&wang]).await;
    let mut screen = room.socket().await;
    screen.expect_where("a suggestion", |m| m["kind"] == "card.raised").await;
    tokio::time::sleep(Duration::from_millis(2500)).await;
    let all = room.get(&path(&calm, "/assignments")).await.expect(200);
    assert_eq!(all.items().len(), 1, "the room decides");
    let grave = room.incident_with(unit.center, json!({ "priority": 1 })).await;
    let sent = room.assign(&grave, &[&wang]).await.remove(0);
    wait_until("one more is sent", || async { room.get(&path(&grave, "/assignments")).await.items().len() == 2 }).await;
    let all = room.get(&path(&grave, "/assignments")).await.expect(200);
    assert_eq!(all.items()[1]["origin"], "auto");
    assert_eq!(all.items()[1]["person_id"], zhao.person_id);
    assert!(!["reassigned", "cancelled"].contains(&seen(&room, &sent).await["state"].as_str().unwrap()));
}

#[tokio::test]
async fn deadlines_survive_a_kill() {
    let (app, unit, room) = hasty("").await;
    let wang = unit.officer("wang").await;
    let incident = room.incident_with(unit.center, json!({ "priority": 3 })).await;
    let sent = room.assign(&incident, &[&wang]).await.remove(0);
    app.restart().await;
    wait_until("the deadline is missed after the restart", || async {
        seen(&room, &sent).await["attempts"].as_array().unwrap().len() > 1
    })
    .await;
    let shown = seen(&room, &sent).await;
    let socket = shown["attempts"].as_array().unwrap().iter().filter(|a| a["channel"] == "other_devices").count();
    assert_eq!(socket, 1, "each channel once: {shown}");
}

#[tokio::test]
async fn a_dark_area_is_one_card_and_nobody_is_offered_anything() {
    let config = "[dispatch]\ndelivered_s = [8, 8, 8, 8]\nviewed_s = [8, 8, 8, 8]\naccepted_s = [8, 8, 8, 8]\n\
                  en_route_s = [8, 8, 8, 8]\narea_silent_min = 5\narea_silent_hold_s = 1\n";
    let app = TestApp::builder().config(config).start().await;
    let unit = app.unit("Lakeside").await;
    let room = unit.dispatcher("li").await;
    let (mut sockets, mut officers) = (Vec::new(), Vec::new());
    for n in 0..10_u32 {
        let officer = unit.officer(&format!("o{n}")).await;
        officer.sign_on().await;
        sockets.push(officer.socket().await);
        officers.push(officer);
    }
    let mut sent = Vec::new();
    for (n, officer) in officers.iter().enumerate() {
        let (lon, lat) = unit.near(50.0 * f64::from(u32::try_from(n).unwrap()), 0.0);
        let fix = json!({ "at": now(), "lon": lon, "lat": lat, "accuracy_m": 8.0, "next_within_s": 1 });
        officer.positions(vec![fix]).await.ok();
        if n < 6 {
            let incident = room.incident_with(unit.center, json!({ "priority": 1 })).await;
            let assignment = room.assign(&incident, &[officer]).await.remove(0);
            if n < 3 {
                officer.event(&assignment, "accepted").await.expect(200);
            }
            sent.push((incident, assignment));
        }
    }
    // Everything goes dark at once.
    drop(sockets);
    wait_until("one card for the whole area", || async {
        room.get("/cards?limit=500").await.items().iter().any(|card| card["kind"] == "area.silent")
    })
    .await;
    tokio::time::sleep(Duration::from_millis(3500)).await;
    let cards = room.get("/cards?limit=500").await.expect(200);
    assert_eq!(cards.items().iter().filter(|card| card["kind"] == "area.silent").count(), 1);
    for (n, (incident, assignment)) in sent.iter().enumerate() {
        let all = room.get(&path(incident, "/assignments")).await.expect(200);
        assert_eq!(all.items().len(), 1, "nobody is offered it: {}", all.json);
        let state = seen(&room, assignment).await["state"].clone();
        assert_eq!(state, if n < 3 { "accepted" } else { "sent" });
    }
}

#[tokio::test]
async fn an_unsigned_call_goes_to_the_room_above() {
    let (_app, unit, room) = hasty("").await;
    let town = unit.child("Town", "station_command_room").await;
    let seat = town.dispatcher("sun").await;
    let mut above = room.socket().await;
    let incident = room.incident_with(unit.center, json!({ "unit_id": town.id })).await;
    above
        .expect_where("the room above", |m| m["kind"] == "card.raised" && m["data"]["kind"] == "deadline.signed")
        .await;
    seat.post(&path(&incident, "/sign"), json!({})).await.expect(200);
}

#[tokio::test]
async fn bad_events_are_refused_by_name() {
    let (unit, room) = station().await;
    let wang = unit.officer("wang").await;
    let incident = room.incident(unit.center).await;
    let sent = room.assign(&incident, &[&wang]).await.remove(0);
    for body in [
        json!({ "event": "flying", "at": now() }),
        json!({ "event": "created", "at": now() }),
        json!({ "event": "delivered", "at": now() }),
        json!({ "event": "accepted", "at": "soon" }),
        json!({ "event": "accepted", "at": ago(-7200.0) }),
        json!({ "event": "accepted", "at": now(), "mood": "good" }),
        json!({ "event": "accepted", "at": now(), "reason": "x".repeat(501) }),
        json!({ "at": now() }),
    ] {
        say(&wang, &sent, body).await.problem(422, "invalid_field");
    }
    say(&wang, &sent, json!({ "event": "cancel_confirmed", "at": now() })).await.problem(409, "conflict");
    for body in [
        json!({}),
        json!({ "person_ids": [] }),
        json!({ "nearest": { "k": 0 } }),
        json!({ "nearest": { "k": 21 } }),
        json!({ "nearest": { "k": 1, "kinds": ["dispatcher"] } }),
        json!({ "person_ids": [room.person_id] }),
    ] {
        room.post(&path(&incident, "/assignments"), body).await.problem(422, "invalid_field");
    }
    let nobody = json!({ "person_ids": [uuid::Uuid::now_v7()] });
    room.post(&path(&incident, "/assignments"), nobody).await.problem(404, "not_found");
    wang.post(&path(&incident, "/assignments"), json!({ "person_ids": [wang.person_id] }))
        .await
        .problem(403, "forbidden");
}
