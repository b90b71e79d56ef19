//! The ladder: who vouches for a rung, late and repeated ones, change requests, calling off.

use super::*;

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
