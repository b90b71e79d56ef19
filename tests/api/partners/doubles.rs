//! What becomes of orders when their call is a double of another, or is cancelled.

use super::*;

async fn board(desk: &Desk, incident: &str) -> Vec<Value> {
    desk.room.get(&format!("/incidents/{incident}/tasks")).await.expect(200).items().to_vec()
}

async fn finish(account: &Officer, order: &str) {
    for kind in ["sign", "accept"] {
        say(account, order, kind, json!({})).await.expect(201);
    }
    say(account, order, "close", json!({ "text": "fixed" })).await.expect(201);
}

#[tokio::test]
async fn a_double_hands_its_open_orders_to_the_main_call() {
    let app = TestApp::shared().await;
    let desk = Desk::set(&app, "Doubles").await;
    let (agency, account) = desk.software("12345").await;
    let (open, done) = (desk.sent(&agency).await, desk.sent(&agency).await);
    finish(&account, &done).await;
    let body = json!({ "id": new_id(), "agency_id": agency, "ask": "A tree fell." });
    let again = desk.room.post(&desk.at("/tasks"), body.clone()).await.expect(201).id();
    let before = read(&desk.room, &open).await["version"].as_i64().unwrap();
    let main = desk.room.incident_with(desk.station.near(0.0, 0.01), json!({ "address": "9 Hill Road" })).await;
    let main = main["id"].as_str().unwrap();
    desk.room.post(&desk.at("/merge"), json!({ "into": main })).await.expect(200);

    let theirs: Vec<Value> = board(&desk, main).await.iter().map(|one| one["id"].clone()).collect();
    assert_eq!(theirs, [json!(open), json!(again)]);
    let stays: Vec<Value> = board(&desk, desk.id()).await.iter().map(|one| one["id"].clone()).collect();
    assert_eq!(stays, [json!(done)], "what had ended stays where it was");
    let now = read(&desk.room, &open).await;
    assert_eq!((&now["incident_id"], &now["version"]), (&json!(main), &json!(before + 1)));
    // Whoever is on his way hears the place of the main call.
    let inbox = account.get("/inbox/tasks").await.expect(200);
    let last = inbox.items().iter().rfind(|one| one["task"]["id"] == open.as_str()).unwrap().clone();
    assert_eq!((&last["kind"], &last["task"]["place"]["address"]), (&json!("task.updated"), &json!("9 Hill Road")));
    for call in [desk.id(), main] {
        let lines = desk.room.get(&format!("/incidents/{call}/timeline")).await.expect(200);
        assert_eq!(lines.items().iter().filter(|line| line["kind"] == "task.taken_over").count(), 2, "{call}");
    }
    // A repetition from before is still the same order, and no second.
    let same = desk.room.post(&desk.at("/tasks"), body.clone()).await.expect(200);
    assert_eq!(same.id(), again);
    let mut other = body;
    other["ask"] = json!("Two trees fell.");
    desk.room.post(&desk.at("/tasks"), other).await.problem(422, "key_reused");

    // It comes back to the main call.
    desk.room.post(&format!("/incidents/{main}/divert"), json!({ "to": "12345" })).await.expect(200);
    say(&account, &open, "return", json!({ "text": "not ours" })).await.expect(201);
    let card = desk.card("task.returned", &open).await;
    assert_eq!((&card["data"]["incident_id"], &card["data"]["reopened"]), (&json!(main), &json!(true)));
    let call = desk.room.get(&format!("/incidents/{main}")).await.expect(200);
    assert_eq!(call["state"], "returned");
}

#[tokio::test]
async fn a_cancelled_call_with_somebody_on_the_way_is_on_the_rooms_list() {
    let app = TestApp::shared().await;
    let desk = Desk::set(&app, "Orphans").await;
    let (ambulance, (agency, account)) = (desk.phone("120").await, desk.software("12345").await);
    let (called, linked, done) = (desk.sent(&ambulance).await, desk.sent(&agency).await, desk.sent(&agency).await);
    finish(&account, &done).await;
    desk.room.post(&desk.at("/cancel"), json!({ "reason": "the caller was mistaken" })).await.expect(200);
    for (order, open) in [(&called, 1), (&linked, 1), (&done, 0)] {
        assert_eq!(cards(&desk.room, "task.orphaned", order).await.len(), open);
        // Nobody withdrew it for the room: by telephone that would reach nobody.
        assert_ne!(read(&desk.room, order).await["state"], "withdrawn");
    }
    desk.room.post(&format!("/tasks/{called}/events"), json!({ "kind": "withdraw" })).await.expect(201);
    finish(&account, &linked).await;
    for order in [&called, &linked] {
        assert!(cards(&desk.room, "task.orphaned", order).await.is_empty(), "it has ended");
    }
}
