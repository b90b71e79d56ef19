//! An order comes back: the room has it again, and the second time somebody above decides.

use super::*;

async fn state(desk: &Desk) -> (Value, Value) {
    let call = desk.room.get(&desk.at("")).await.expect(200);
    (call["state"].clone(), call["round"].clone())
}

/// The unit's own assignments on the incident that wait for its signature by a running clock.
async fn waiting(desk: &Desk) -> usize {
    let all = desk.room.get(&desk.at("/assignments")).await.expect(200);
    let mut waits = 0;
    for one in all.items().iter().filter(|one| one["assignee"]["kind"] == "unit" && one["closed_at"].is_null()) {
        let path = format!("/assignments/{}", one["id"].as_str().unwrap());
        let clocks = desk.room.get(&path).await.expect(200)["deadlines"].clone();
        waits += usize::from(!clocks.as_array().unwrap().is_empty());
    }
    waits
}

#[tokio::test]
async fn a_diverted_call_that_comes_back_is_work_again_with_a_fresh_clock() {
    let app = TestApp::shared().await;
    let desk = Desk::set(&app, "Bounce").await;
    let boss = desk.station.supervisor("boss").await;
    let (agency, account) = desk.software("12345").await;
    let mut screen = desk.room.socket().await;
    let first = desk.sent(&agency).await;
    desk.room.post(&desk.at("/divert"), json!({ "to": "12345" })).await.expect(200);
    assert_eq!(waiting(&desk).await, 0);
    let mut ring = boss.socket().await;
    say(&account, &first, "return", json!({ "text": "it is a fight" })).await.expect(201);
    assert_eq!(state(&desk).await, (json!("returned"), json!(1)));
    assert_eq!(waiting(&desk).await, 1, "the unit is asked to sign by a fresh clock");
    let card = desk.card("task.returned", &first).await;
    assert_eq!((&card["data"]["returns"], &card["data"]["reopened"]), (&json!(1), &json!(true)));
    assert!(card["data"]["answer_by"].is_string());
    let heard =
        screen.expect_where("the card", |m| m["kind"] == "card.raised" && m["data"]["kind"] == "task.returned").await;
    assert_eq!(heard["urgent"], true);
    screen.expect("assignment.offered").await;
    assert!(cards(&boss, "task.bounced", &first).await.is_empty());

    // They send it again; it comes back again, and now it is the supervisor's.
    desk.room.post(&desk.at("/sign"), json!({})).await.expect(200);
    let second = desk.sent(&agency).await;
    say(&account, &second, "sign", json!({})).await.expect(201);
    say(&account, &second, "return", json!({ "text": "still a fight" })).await.expect(201);
    let heard =
        ring.expect_where("the card", |m| m["kind"] == "card.raised" && m["data"]["kind"] == "task.bounced").await;
    assert_eq!(heard["data"]["data"]["returns"], 2);
    assert_eq!(cards(&desk.room, "task.returned", &second).await.len(), 1);
    // The seats of the room are not rung for it.
    let bounced = |m: &Value| m["kind"] == "card.raised" && m["data"]["kind"] == "task.bounced";
    assert!(screen.maybe(std::time::Duration::from_millis(300), bounced).await.is_none());
    // Another agency's first return is no bounce.
    let (other, clerk) = desk.software("Court").await;
    let third = desk.sent(&other).await;
    say(&clerk, &third, "return", json!({ "text": "no case" })).await.expect(201);
    assert_eq!(desk.card("task.returned", &third).await["data"]["returns"], 1);
    assert!(cards(&boss, "task.bounced", &third).await.is_empty());
}

#[tokio::test]
async fn a_call_closed_on_the_strength_of_an_order_is_opened_again() {
    let app = TestApp::shared().await;
    let desk = Desk::set(&app, "Closed").await;
    let lamp = desk.phone("Street lights").await;
    let task = desk.sent(&lamp).await;
    desk.room.post(&desk.at("/close"), json!({ "reason": "theirs" })).await.expect(200);
    say(&desk.room, &task, "return", json!({ "text": "not our lamp" })).await.expect(201);
    assert_eq!(state(&desk).await, (json!("handling"), json!(2)), "a round of its own");
    assert_eq!(waiting(&desk).await, 1);
    desk.card("task.returned", &task).await;
}

#[tokio::test]
async fn what_was_asked_after_the_call_was_closed_does_not_open_it() {
    let app = TestApp::shared().await;
    let desk = Desk::set(&app, "After").await;
    let court = desk.phone("Court").await;
    desk.room.post(&desk.at("/close"), json!({})).await.expect(200);
    let task = desk.sent(&court).await;
    say(&desk.room, &task, "return", json!({ "text": "no" })).await.expect(201);
    assert_eq!(state(&desk).await, (json!("closed"), json!(1)));
    assert_eq!(desk.card("task.returned", &task).await["data"]["reopened"], false);
}

#[tokio::test]
async fn a_call_that_is_worked_on_stays_as_it_is() {
    let app = TestApp::shared().await;
    let desk = Desk::set(&app, "Worked").await;
    let gas = desk.phone("Gas").await;
    let task = desk.sent(&gas).await;
    let before = state(&desk).await;
    say(&desk.room, &task, "return", json!({ "text": "electricity's" })).await.expect(201);
    assert_eq!(state(&desk).await, before);
    assert_eq!(waiting(&desk).await, 0);
    desk.card("task.returned", &task).await;
}
