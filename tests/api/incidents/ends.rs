//! The ways out of a call and back: handed out of the house, merged, returned, cancelled, reopened.

use super::*;

async fn state(reader: &Officer, incident: &Value) -> Value {
    reader.get(&path(incident, "")).await.expect(200)["state"].clone()
}

/// Every command in this list is refused in the present state, which stays.
async fn refused(room: &Officer, incident: &Value, commands: &[(&str, Value)]) {
    let before = room.get(&path(incident, "")).await.expect(200);
    for (command, body) in commands {
        let said = room.post(&path(incident, &format!("/{command}")), body.clone()).await.problem(409, "conflict");
        assert_eq!(said["state"], before["state"], "{command}: {}", said.json);
    }
    let after = room.get(&path(incident, "")).await.expect(200);
    assert_eq!((&after["state"], &after["version"]), (&before["state"], &before["version"]));
}

#[tokio::test]
async fn a_diverted_call_is_an_agencys_work_order_until_it_is_closed_or_comes_back() {
    let (unit, room, _) = station().await;
    let (wang, zhao) = (unit.officer("wang").await, unit.officer("zhao").await);
    let next_door = unit.child("Hill", "station_command_room").await;
    wang.sign_on().await;
    let incident = room.incident(unit.center).await;
    let sent = room.assign(&incident, &[&wang]).await.remove(0);
    wang.event(&sent, "en_route").await.expect(200);
    room.post(&path(&incident, "/transfer"), json!({ "unit_id": next_door.id })).await.expect(200);
    let mut socket = wang.socket().await;

    let at = path(&incident, "/divert");
    wang.post(&at, json!({ "to": "12345" })).await.problem(403, "forbidden");
    for wrong in [json!({}), json!({ "to": "" }), json!({ "to": "12345", "why": 1 })] {
        room.post(&at, wrong).await.problem(422, "invalid_field");
    }
    let order = json!({ "to": "12345 city hotline", "reason": "a street lamp" });
    let gone = room.post(&at, order.clone()).await.expect(200);
    assert_eq!(gone["state"], "diverted");
    assert_eq!(gone["pending_unit_id"], Value::Null, "nobody is to sign for it any more");
    let heard = socket.expect("assignment.cancelled").await;
    assert_eq!((&heard["data"]["assignment_id"], &heard["data"]["reason"]), (&sent["id"], &json!("diverted")));
    assert_eq!(wang.get("/me/duty").await.expect(200)["availability"], "available");
    let again = room.post(&at, order).await.expect(200);
    assert_eq!(again["version"], gone["version"], "said twice it is done once");
    let lines = room.get(&path(&incident, "/timeline")).await.expect(200);
    let noted: Vec<&Value> = lines.items().iter().filter(|line| line["kind"] == "incident.diverted").collect();
    assert_eq!((noted.len(), &noted[0]["data"]["to"]), (1, &json!("12345 city hotline")));

    let other = room.incident(unit.center).await;
    refused(
        &room,
        &incident,
        &[
            ("assignments", json!({ "person_ids": [zhao.person_id] })),
            ("cancel", json!({})),
            ("merge", json!({ "into": other["id"] })),
            ("transfer", json!({ "unit_id": next_door.id })),
            ("divert", json!({ "to": "the court", "transfer": true })),
            ("review", json!({ "accept": false })),
        ],
    )
    .await;
    // The agency gives it back: work again, in the same round.
    let back = room.post(&path(&incident, "/return"), json!({ "reason": "it is a fight" })).await.expect(200);
    assert_eq!((&back["state"], &back["round"]), (&json!("returned"), &json!(1)));
    room.assign(&incident, &[&zhao]).await;
    assert_eq!(state(&room, &incident).await, "handling");
    // Or it is done there.
    room.post(&path(&other, "/divert"), json!({ "to": "12345" })).await.expect(200);
    assert_eq!(room.post(&path(&other, "/close"), json!({})).await.expect(200)["state"], "closed");
}

#[tokio::test]
async fn a_call_handed_to_another_authority_is_out_of_the_house_until_it_is_reopened() {
    let (unit, room, _) = station().await;
    let (wang, zhao) = (unit.officer("wang").await, unit.officer("zhao").await);
    let incident = room.incident(unit.center).await;
    let sent = room.assign(&incident, &[&wang]).await.remove(0);
    wang.event(&sent, "on_scene").await.expect(200);
    let mut socket = wang.socket().await;
    let to = json!({ "to": "railway police", "reason": "on their platform", "transfer": true });
    assert_eq!(room.post(&path(&incident, "/divert"), to).await.expect(200)["state"], "transferred");
    let heard = socket.expect("assignment.cancelled").await;
    assert_eq!(heard["data"]["ask"], true, "who is on the scene is asked, not called off");
    refused(
        &room,
        &incident,
        &[
            ("assignments", json!({ "person_ids": [zhao.person_id] })),
            ("return", json!({ "reason": "no" })),
            ("cancel", json!({})),
            ("divert", json!({ "to": "12345" })),
        ],
    )
    .await;
    let open = room.post(&path(&incident, "/reopen"), json!({ "reason": "they sent it back" })).await.expect(200);
    assert_eq!((&open["state"], &open["round"]), (&json!("handling"), &json!(2)));
    let fresh = room.assign(&incident, &[&zhao]).await.remove(0);
    assert_eq!(fresh["round"], 2);
}

#[tokio::test]
async fn a_cancelled_call_stays_cancelled_until_it_is_reopened() {
    let (unit, room, _) = station().await;
    let (wang, other) = (unit.officer("wang").await, room.incident(unit.center).await);
    let incident = room.incident(unit.center).await;
    room.assign(&incident, &[&wang]).await;
    let gone = room.post(&path(&incident, "/cancel"), json!({ "reason": "a mistake" })).await.expect(200);
    assert_eq!(gone["state"], "cancelled");
    let again = room.post(&path(&incident, "/cancel"), json!({ "reason": "a mistake" })).await.expect(200);
    assert_eq!(again["version"], gone["version"]);
    assert!(wang.get("/me/assignments").await.expect(200).items().is_empty());
    refused(
        &room,
        &incident,
        &[
            ("close", json!({})),
            ("divert", json!({ "to": "12345" })),
            ("return", json!({ "reason": "no" })),
            ("merge", json!({ "into": other["id"] })),
            ("review", json!({ "accept": true })),
        ],
    )
    .await;
    let open = room.post(&path(&incident, "/reopen"), json!({})).await.expect(200);
    assert_eq!((&open["state"], &open["round"]), (&json!("handling"), &json!(2)));
    refused(&room, &incident, &[("reopen", json!({}))]).await;
    let sent = room.assign(&incident, &[&wang]).await.remove(0);
    assert_eq!(sent["round"], 2, "the first round's assignment is not undone");
}

#[tokio::test]
async fn what_is_merged_or_closed_is_not_merged_into_or_handed_on() {
    let (unit, room, _) = station().await;
    let (main, double, third) =
        (room.incident(unit.center).await, room.incident(unit.center).await, room.incident(unit.center).await);
    room.post(&path(&double, "/merge"), json!({ "into": main["id"] })).await.expect(200);
    for (command, body) in [
        ("divert", json!({ "to": "12345" })),
        ("close", json!({})),
        ("cancel", json!({})),
        ("return", json!({ "reason": "no" })),
        ("merge", json!({ "into": third["id"] })),
    ] {
        room.post(&path(&double, &format!("/{command}")), body).await.problem(409, "conflict");
    }
    room.post(&path(&third, "/merge"), json!({ "into": double["id"] })).await.problem(409, "conflict");
    room.post(&path(&main, "/close"), json!({})).await.expect(200);
    refused(&room, &main, &[("divert", json!({ "to": "12345" })), ("cancel", json!({}))]).await;
    assert_eq!(state(&room, &double).await, "merged");
}

#[tokio::test]
async fn doubles_are_merged_and_their_crews_stand_down() {
    let (unit, room, intake) = station().await;
    let source = source();
    let main = intake.post("/incidents", pushed(&unit, &source, "A-8", 1)).await.expect(201).json;
    let mut body = pushed(&unit, &source, "A-9", 1);
    body["reporter"] = json!("赵六 13700137000");
    let double = intake.post("/incidents", body).await.expect(201).json;
    let wang = unit.officer("wang").await;
    let sent = room.assign(&double, &[&wang]).await;
    let mut socket = wang.socket().await;
    let merged = room.post(&path(&double, "/merge"), json!({ "into": main["id"] })).await.expect(200);
    assert_eq!(merged["state"], "merged");
    assert_eq!(merged["merged_into"], main["id"]);
    let heard = socket.expect("assignment.cancelled").await;
    assert_eq!(heard["data"]["assignment_id"], sent[0]["id"]);
    let kept = room.get(&path(&main, "")).await.expect(200);
    assert_eq!(kept["callers"], 2, "every caller is kept for the call back");
    room.post(&path(&double, "/merge"), json!({ "into": main["id"] })).await.expect(200);
    room.post(&path(&main, "/merge"), json!({ "into": main["id"] })).await.problem(422, "invalid_field");
    room.post(&path(&double, "/reopen"), json!({})).await.problem(409, "conflict");
}

#[tokio::test]
async fn reopening_is_a_new_round() {
    let (unit, room, _) = station().await;
    let incident = room.incident(unit.center).await;
    room.post(&path(&incident, "/close"), json!({})).await.expect(200);
    room.post(&path(&incident, "/cancel"), json!({})).await.problem(409, "conflict");
    let open = room.post(&path(&incident, "/reopen"), json!({ "reason": "they argue again" })).await.expect(200);
    assert_eq!((open["state"].as_str(), open["round"].as_i64()), (Some("handling"), Some(2)));
}
