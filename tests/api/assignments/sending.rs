//! Who is sent: the police lead, two seats at once, the nearest, a passing officer, agencies.

use super::*;

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
async fn an_agency_is_sent_and_the_room_writes_down_what_it_says() {
    let (unit, room) = station().await;
    let (wang, stranger) = (unit.officer("wang").await, unit.officer("zhao").await);
    let gas = unit.admin().post("/agencies", json!({ "name": "Gas company, night shift" })).await.expect(201);
    let leak = room.incident(unit.center).await;
    room.assign(&leak, &[&wang]).await;
    let body = json!({ "agency_ids": [gas.id()] });
    let sent = room.post(&path(&leak, "/assignments"), body.clone()).await.expect(201)["assignments"][0].clone();
    assert_eq!(sent["assignee"], json!({ "kind": "agency", "id": gas.id() }));
    assert_eq!(sent["deadlines"].as_array().map_or(0, Vec::len), 0);
    let again = room.post(&path(&leak, "/assignments"), body.clone()).await.expect(200);
    assert_eq!(again["assignments"][0]["id"], sent["id"], "it is sent once");

    // Nobody there has a terminal: only a voice moves it, and the room's name stands beside it.
    say(&room, &sent, json!({ "event": "accepted", "at": now() })).await.problem(422, "invalid_field");
    for (event, at) in [("accepted", ago(60.0)), ("en_route", ago(30.0)), ("on_scene", now())] {
        let spoken = json!({ "event": event, "at": at, "via": "phone", "reason": "engineer Chen" });
        assert_eq!(say(&room, &sent, spoken).await.expect(200)["state"], event);
        let shown = seen(&room, &sent).await;
        let rung = &rungs(&shown, event)[0];
        assert_eq!((rung["truth"].as_str(), rung["via"].as_str()), (Some("human"), Some("phone")), "{rung}");
        assert_eq!((&rung["recorded_by"], &rung["reason"]), (&json!(room.person_id), &json!("engineer Chen")));
        assert_eq!(rung["device_at"], at);
        assert!(rung["at"].is_string() && rung.get("device_id").is_none() && rung.get("person_id").is_none());
        assert_eq!(shown["deadlines"], json!([]), "no clock runs for hands that carry nothing of ours: {event}");
    }
    // Everybody on the call sees who else is there.
    for reader in [&room, &wang] {
        let all = reader.get(&path(&leak, "/assignments")).await.expect(200);
        let found = all.items().iter().find(|a| a["assignee"]["kind"] == "agency").cloned().unwrap();
        assert_eq!((&found["why"]["name"], &found["state"]), (&json!("Gas company, night shift"), &json!("on_scene")));
    }
    let voice = json!({ "event": "cleared", "at": now(), "via": "phone" });
    say(&stranger, &sent, voice).await.problem(404, "not_found");

    // It has many hands: its calls do not wait for each other.
    let other = room.incident(unit.center).await;
    let second = room.post(&path(&other, "/assignments"), body).await.expect(201)["assignments"][0].clone();
    for event in ["accepted", "en_route"] {
        let spoken = json!({ "event": event, "at": now(), "via": "phone" });
        assert_eq!(say(&room, &second, spoken).await.expect(200)["state"], event);
    }
    assert_eq!(seen(&room, &sent).await["state"], "on_scene");
    let none = json!({ "agency_ids": [uuid::Uuid::now_v7()] });
    room.post(&path(&other, "/assignments"), none).await.problem(404, "not_found");
}
