//! Crews on a call: whose tap counts, one call at a time, splitting off, going off duty.

use super::*;

/// A crew of two on duty, wang leading.
async fn crew(unit: &Unit, room: &Officer) -> (Reply, Officer, Officer) {
    let (wang, zhao) = (unit.officer("wang").await, unit.officer("zhao").await);
    wang.sign_on().await;
    zhao.sign_on().await;
    let members = json!([{ "person_id": wang.person_id, "role": "lead" },
        { "person_id": zhao.person_id, "role": "assist" }]);
    let crew = room.post("/crews", json!({ "call_sign": "201", "members": members })).await.expect(201);
    (crew, wang, zhao)
}

async fn send_crew(room: &Officer, incident: &Value, crew: &Reply) -> Value {
    let sent = room.post(&path(incident, "/assignments"), json!({ "crew_ids": [crew.id()] })).await.expect(201);
    sent["assignments"][0].clone()
}

fn member(assignment: &Value, who: &Officer) -> Value {
    let people = assignment["people"].as_array().unwrap();
    people.iter().find(|p| p["person_id"] == who.person_id).cloned().unwrap()
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
async fn who_splits_off_is_free_and_the_rest_go_on() {
    let (unit, room) = station().await;
    let (crew, wang, zhao) = crew(&unit, &room).await;
    let incident = room.incident(unit.center).await;
    let sent = send_crew(&room, &incident, &crew).await;
    for event in ["accepted", "en_route"] {
        wang.event(&sent, event).await.expect(200);
    }
    assert_eq!(availability(&zhao).await, "en_route");
    assert_eq!(zhao.get("/me/reporting-policy").await.expect(200)["mode"], "on_assignment");
    let (mut partner, mut gone) = (wang.socket().await, zhao.socket().await);

    let leave = format!("/assignments/{}/leave", sent["id"].as_str().unwrap());
    zhao.post(&leave, json!({})).await.expect(200);
    let told = partner
        .expect_where("he hears of it", |m| {
            m["kind"] == "assignment.updated"
                && m["data"]["assignment"]["people"].as_array().unwrap().iter().any(|p| p["left_at"].is_string())
        })
        .await;
    assert_eq!(told["data"]["state"], "en_route");
    let shown = seen(&room, &sent).await;
    assert!(member(&shown, &zhao)["left_at"].is_string() && member(&shown, &wang)["left_at"].is_null());
    assert_eq!(shown["state"], "en_route");
    assert_eq!((availability(&zhao).await, availability(&wang).await), (json!("available"), json!("en_route")));
    assert_eq!(zhao.get("/me/reporting-policy").await.expect(200)["mode"], "normal");
    assert!(zhao.get("/me/assignments").await.items().is_empty());
    let lines = room.get(&path(&incident, "/timeline")).await.expect(200);
    let left = lines.items().iter().find(|line| line["kind"] == "assignment.left").cloned().unwrap();
    assert_eq!((&left["person_id"], &left["data"]["person_id"]), (&json!(zhao.person_id), &json!(zhao.person_id)));

    // His later taps are kept and move nothing; what is told to the call is not told to him.
    let late = zhao.event(&sent, "on_scene").await.expect(200);
    assert_eq!((late["applied"].as_bool(), late["state"].as_str()), (Some(false), Some("en_route")));
    room.post(&path(&incident, "/notes"), json!({ "text": "back door" })).await.expect(201);
    partner.expect("incident.note").await;
    gone.expect_none("incident.note", std::time::Duration::from_millis(300)).await;
    // Once is enough, and the last one stays responsible.
    zhao.post(&leave, json!({})).await.expect(200);
    wang.post(&leave, json!({})).await.problem(409, "conflict");
    // Free is free: he is sent elsewhere, and nothing waits behind the call he left.
    let other = room.incident(unit.center).await;
    let next = room.assign(&other, &[&zhao]).await.remove(0);
    assert_eq!(zhao.event(&next, "accepted").await.expect(200)["state"], "accepted");
}

#[tokio::test]
async fn a_crew_that_changes_mid_call_takes_its_people_on_and_off_the_call() {
    let (unit, room) = station().await;
    let (crew, wang, zhao) = crew(&unit, &room).await;
    let incident = room.incident(unit.center).await;
    let sent = send_crew(&room, &incident, &crew).await;
    for event in ["accepted", "on_scene"] {
        wang.event(&sent, event).await.expect(200);
    }
    // The room takes one out by splitting the crew; a third joins what is left of it.
    let split = json!({ "call_sign": "202", "members": [{ "person_id": zhao.person_id, "role": "lead" }] });
    room.post(&format!("/crews/{}/split", crew.id()), split).await.expect(201);
    assert_eq!(availability(&zhao).await, "available");
    let qian = unit.officer("qian").await;
    qian.sign_on().await;
    let mut socket = qian.socket().await;
    let joins = json!({ "person_id": qian.person_id, "role": "assist" });
    room.post(&format!("/crews/{}/join", crew.id()), joins).await.expect(200);
    assert_eq!(socket.expect("assignment.offered").await["data"]["assignment_id"], sent["id"]);
    assert_eq!(availability(&qian).await, "on_scene");
    assert_eq!(qian.get("/me/reporting-policy").await.expect(200)["mode"], "on_assignment");
    let shown = seen(&room, &sent).await;
    assert_eq!(shown["people"].as_array().unwrap().len(), 3);
    assert!(member(&shown, &zhao)["left_at"].is_string());
    assert_eq!(qian.event(&sent, "cleared").await.expect(200)["applied"], true);
    assert_eq!((availability(&wang).await, availability(&qian).await), (json!("available"), json!("available")));
}

#[tokio::test]
async fn going_off_duty_with_open_calls_is_the_rooms_to_settle() {
    let (unit, room) = station().await;
    let (wang, zhao) = (unit.officer("wang").await, unit.officer("zhao").await);
    wang.sign_on().await;
    zhao.sign_on().await;
    let (first, second) = (room.incident(unit.center).await, room.incident(unit.center).await);
    let a = room.assign(&first, &[&wang]).await.remove(0);
    let b = room.assign(&second, &[&wang]).await.remove(0);
    wang.event(&a, "accepted").await.expect(200);
    let mut screen = room.socket().await;

    let off = wang.sign_off().await;
    assert_eq!((&off["on_duty"], &off["availability"]), (&json!(false), &json!("off_duty")));
    let card = screen.expect_where("the card", |m| m["data"]["kind"] == "duty.open_calls").await;
    assert_eq!(card["data"]["subject_id"], wang.person_id);
    assert_eq!(card["data"]["data"]["assignment_ids"], json!([a["id"], b["id"]]));
    // They are his until they are moved: kept, shown to him, and his word still counts.
    assert_eq!(wang.get("/me/assignments").await.expect(200).items().len(), 2);
    assert_eq!(wang.event(&a, "en_route").await.expect(200)["applied"], true);
    assert_eq!(seen(&room, &b).await["state"], "sent");
    wang.sign_off().await;
    assert_eq!(cards(&room, "duty.open_calls").await.len(), 1, "one card, however often he says it");

    let to = json!({ "to": { "person_ids": [zhao.person_id] }, "reason": "end of shift" });
    let reassign = |assignment: &Value| format!("/assignments/{}/reassign", assignment["id"].as_str().unwrap());
    room.post(&reassign(&a), to.clone()).await.expect(201);
    assert_eq!(cards(&room, "duty.open_calls").await.len(), 1, "one is left");
    room.post(&reassign(&b), to).await.expect(201);
    assert!(cards(&room, "duty.open_calls").await.is_empty(), "nothing is left to settle");
    assert!(wang.get("/me/assignments").await.expect(200).items().is_empty());
    assert_eq!(zhao.get("/me/assignments").await.expect(200).items().len(), 2);
    assert_eq!(availability(&wang).await, "off_duty");
}

#[tokio::test]
async fn the_last_of_a_crew_to_sign_off_keeps_its_call() {
    let (unit, room) = station().await;
    let (crew, wang, zhao) = crew(&unit, &room).await;
    let incident = room.incident(unit.center).await;
    let sent = send_crew(&room, &incident, &crew).await;
    wang.event(&sent, "accepted").await.expect(200);
    zhao.sign_off().await;
    assert!(cards(&room, "duty.open_calls").await.is_empty(), "his partner has the call");
    assert!(zhao.get("/me/assignments").await.expect(200).items().is_empty());
    wang.sign_off().await;
    let card = cards(&room, "duty.open_calls").await.remove(0);
    assert_eq!((&card["subject_id"], &card["data"]["assignment_ids"]), (&json!(wang.person_id), &json!([sent["id"]])));
    assert_eq!(seen(&room, &sent).await["state"], "accepted");
    // Back on duty he simply goes on.
    wang.sign_on().await;
    assert!(cards(&room, "duty.open_calls").await.is_empty());
    assert_eq!(availability(&wang).await, "assigned");
    assert_eq!(wang.event(&sent, "en_route").await.expect(200)["state"], "en_route");
}
