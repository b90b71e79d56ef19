//! The clocks of an order: the room is told once a stage.

use super::*;
use crate::support::ago;

#[tokio::test]
async fn a_late_order_is_a_card_once_a_stage_and_goes_with_the_answer() {
    let app = TestApp::shared().await;
    let desk = Desk::set(&app, "Late").await;
    let gas = desk.phone("Gas company").await;
    let task = desk.send(&gas, json!({ "due_at": ago(-2.0) })).await.expect(201).id();
    let card = desk.card("task.overdue", &task).await;
    assert_eq!((&card["data"]["stage"], &card["data"]["agency_id"]), (&json!("accept"), &json!(gas)));
    let late = read(&desk.room, &task).await;
    assert_eq!((&late["running"], &late["state"]), (&json!("accept"), &json!("sent")));
    assert!(late["late_s"].as_i64().is_some_and(|s| (0..600).contains(&s)), "{}", late.json);
    say(&desk.room, &task, "sign", json!({})).await.expect(201);
    assert_eq!(cards(&desk.room, "task.overdue", &task).await.len(), 1, "it is not accepted by that");
    say(&desk.room, &task, "accept", json!({})).await.expect(201);
    // What it was due by is over as well: now they have it, and are not done.
    let card = desk.card("task.overdue", &task).await;
    assert_eq!(card["data"]["stage"], "finish");
    say(&desk.room, &task, "close", json!({ "text": "done" })).await.expect(201);
    assert!(cards(&desk.room, "task.overdue", &task).await.is_empty());
}

#[tokio::test]
async fn an_accepted_order_that_is_not_finished_in_time_is_another_card() {
    let app = TestApp::shared().await;
    let desk = Desk::set(&app, "Later").await;
    let gas = desk.phone("Gas company").await;
    let task = desk.send(&gas, json!({ "due_at": ago(-3.0) })).await.expect(201).id();
    for kind in ["sign", "accept"] {
        say(&desk.room, &task, kind, json!({})).await.expect(201);
    }
    let card = desk.card("task.overdue", &task).await;
    assert_eq!(card["data"]["stage"], "finish");
    // Somebody has seen to it: it does not come again by itself.
    desk.room.post(&format!("/cards/{}/close", card["id"].as_str().unwrap()), json!({})).await.expect(200);
    let fence = desk.send(&gas, json!({ "due_at": ago(-2.0) })).await.expect(201).id();
    desk.card("task.overdue", &fence).await;
    assert!(cards(&desk.room, "task.overdue", &task).await.is_empty(), "once a stage");
    let done = say(&desk.room, &task, "close", json!({ "text": "done" })).await.expect(201);
    assert!(done["late_s"].is_i64(), "it was late when it ended: {}", done.json);
}
