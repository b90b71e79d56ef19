//! What is refused, and what is said twice.

use super::*;
use crate::support::ago;

#[tokio::test]
async fn the_same_order_twice_is_one() {
    let app = TestApp::shared().await;
    let desk = Desk::set(&app, "Twice").await;
    let gas = desk.phone("Gas").await;
    let id = new_id();
    let body = order(&gas, json!({ "id": id, "due_at": ago(-2.0) }));
    assert_eq!(desk.room.post(&desk.at("/tasks"), body.clone()).await.expect(201).id(), id);
    // Long after: what is over now was to come when it was said.
    desk.card("task.overdue", &id).await;
    assert_eq!(desk.room.post(&desk.at("/tasks"), body).await.expect(200).id(), id);
    let other = order(&gas, json!({ "id": id, "ask": "Another lamp." }));
    desk.room.post(&desk.at("/tasks"), other).await.problem(422, "key_reused");
    let keyed = order(&gas, json!({}));
    let one = desk.room.post_keyed(&desk.at("/tasks"), "k-1", keyed.clone()).await.expect(201).id();
    assert_eq!(desk.room.post_keyed(&desk.at("/tasks"), "k-1", keyed).await.expect(201).id(), one);
    assert_eq!(desk.room.get(&desk.at("/tasks")).await.expect(200).items().len(), 2);
    // A move, too.
    let event = new_id();
    say(&desk.room, &one, "sign", json!({ "id": event })).await.expect(201);
    let again = say(&desk.room, &one, "sign", json!({ "id": event })).await.expect(200);
    assert_eq!((&again["version"], again["events"].as_array().unwrap().len()), (&json!(2), 2));
    say(&desk.room, &one, "accept", json!({ "id": event })).await.problem(422, "key_reused");
}

#[tokio::test]
async fn a_wrong_order_is_refused_by_name() {
    let app = TestApp::shared().await;
    let desk = Desk::set(&app, "Wrong").await;
    let gas = desk.phone("Gas").await;
    for (field, more) in [
        ("ask", json!({ "ask": "" })),
        ("ask", json!({ "ask": " \n" })),
        ("ask", json!({ "ask": "x".repeat(2_001) })),
        ("due_at", json!({ "due_at": ago(60.0) })),
        ("due_at", json!({ "due_at": "2999-01-01T00:00:00Z" })),
        ("safety_notes", json!({ "safety_notes": "x".repeat(1_001) })),
        ("documents", json!({ "documents": ["agreement"] })),
        ("documents", json!({ "mediation_id": new_id(), "documents": ["../etc"] })),
    ] {
        let refused = desk.send(&gas, more.clone()).await.problem(422, "invalid_field");
        assert_eq!(refused["field"], field, "{more}");
    }
    desk.send(&gas, json!({ "colour": "red" })).await.problem(422, "invalid_field");
    desk.send(&gas, json!({ "mediation_id": new_id() })).await.problem(404, "not_found");
    desk.send(&new_id(), json!({})).await.problem(404, "not_found");
    let nowhere = format!("/incidents/{}/tasks", new_id());
    desk.room.post(&nowhere, order(&gas, json!({}))).await.problem(404, "not_found");
    // One that takes no orders, and a call that is another's double.
    let off = json!({
        "name": "Gas", "kind": "ambulance", "channel": "phone", "phone": "120", "enabled": false,
    });
    let admin = desk.station.admin();
    admin.send("PUT", &agency_path(&gas), &[("if-match", "\"1\"")], Some(off)).await.expect(200);
    desk.send(&gas, json!({})).await.problem(409, "conflict");
    let water = desk.phone("Water").await;
    desk.room.post(&desk.at("/cancel"), json!({ "reason": "a mistake" })).await.expect(200);
    let said = desk.send(&water, json!({})).await.problem(409, "conflict");
    assert_eq!(said["state"], "cancelled");
    assert!(desk.room.get(&desk.at("/tasks")).await.expect(200).items().is_empty());
}

#[tokio::test]
async fn a_wrong_move_is_refused_and_changes_nothing() {
    let app = TestApp::shared().await;
    let desk = Desk::set(&app, "Order").await;
    let (agency, account) = desk.software("Hotline").await;
    let task = desk.sent(&agency).await;
    for kind in ["accept", "arrive", "close"] {
        let said = say(&account, &task, kind, json!({ "text": "x" })).await.problem(409, "conflict");
        assert_eq!(said["state"], "sent", "{kind}");
    }
    for (kind, more) in [
        ("sent", json!({})),
        ("delivered", json!({})),
        ("sing", json!({})),
        ("close", json!({})),
        ("return", json!({ "text": " " })),
        ("sign", json!({ "by_name": "" })),
        ("sign", json!({ "by_name": "x".repeat(101) })),
        ("sign", json!({ "at": ago(-7_200.0) })),
        ("sign", json!({ "text": "x".repeat(1_001) })),
    ] {
        say(&account, &task, kind, more).await.problem(422, "invalid_field");
    }
    let body = json!({ "kind": "sign", "by_name": "Ms Zhou" });
    let path = format!("/tasks/{task}/events");
    let stale = account.send("POST", &path, &[("if-match", "\"7\"")], Some(body.clone())).await;
    assert_eq!(stale.problem(412, "stale")["current_version"], 1);
    assert_eq!(read(&desk.room, &task).await["events"].as_array().unwrap().len(), 1);
    account.send("POST", &path, &[("if-match", "\"1\"")], Some(body)).await.expect(201);
    say(&account, &task, "accept", json!({})).await.expect(201);
    say(&account, &task, "close", json!({ "text": "done" })).await.expect(201);
    for (who, kind) in [(&account, "close"), (&account, "return"), (&desk.room, "withdraw")] {
        let said = say(who, &task, kind, json!({ "text": "again" })).await.problem(409, "conflict");
        assert_eq!(said["state"], "closed");
    }
    assert_eq!(read(&desk.room, &task).await["outcome"], "done");
    desk.room.get(&format!("/tasks/{}", new_id())).await.problem(404, "not_found");
    account.get("/inbox/tasks?after=-1").await.problem(422, "invalid_field");
}
