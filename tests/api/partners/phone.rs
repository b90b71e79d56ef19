//! An agency that is telephoned: the room writes down who said what and when.

use super::*;
use crate::support::ago;

#[tokio::test]
async fn the_room_writes_down_what_it_was_told() {
    let app = TestApp::shared().await;
    let desk = Desk::set(&app, "Phone").await;
    let gas = desk.phone("Gas company").await;
    let task = desk.sent(&gas).await;
    let shown = read(&desk.room, &task).await;
    let sent_at = shown["sent_at"].as_str().unwrap().to_owned();
    // The room names whom it spoke to, and when; not before it was asked, and not tomorrow.
    let nobody = json!({ "kind": "sign" });
    desk.room.post(&format!("/tasks/{task}/events"), nobody).await.problem(422, "invalid_field");
    for wrong in [ago(3_600.0), ago(-3_600.0)] {
        say(&desk.room, &task, "sign", json!({ "at": wrong })).await.problem(422, "invalid_field");
    }
    for (kind, state) in [("sign", "signed"), ("accept", "accepted"), ("arrive", "arrived")] {
        let at = crate::support::now();
        let moved = say(&desk.room, &task, kind, json!({ "at": at })).await.expect(201);
        let last = moved["events"].as_array().unwrap().last().unwrap().clone();
        assert_eq!((&moved["state"], &last["said_at"]), (&json!(state), &json!(at)));
        assert_eq!((&last["truth"], &last["clock"]), (&json!("recorded_by_room"), &json!("room")));
        assert_eq!((&last["by_name"], &last["by_person"]), (&json!("engineer Chen"), &json!(desk.room.person_id)));
    }
    let done = say(&desk.room, &task, "close", json!({ "text": "valve shut", "at": sent_at })).await.expect(201);
    assert_eq!((&done["state"], &done["delivered_at"]), (&json!("closed"), &Value::Null));
}

#[tokio::test]
async fn the_room_writes_down_for_an_agency_whose_software_is_away() {
    let app = TestApp::shared().await;
    let desk = Desk::set(&app, "Fallback").await;
    let (agency, account) = desk.software("Fire").await;
    let task = desk.sent(&agency).await;
    say(&desk.room, &task, "sign", json!({})).await.expect(201);
    say(&account, &task, "accept", json!({})).await.expect(201);
    let events = read(&desk.room, &task).await["events"].clone();
    let truths: Vec<&Value> = events.as_array().unwrap().iter().map(|event| &event["truth"]).collect();
    assert_eq!(truths, ["human", "recorded_by_room", "human"]);
}

#[tokio::test]
async fn an_agency_that_gets_software_is_told_of_its_open_orders() {
    let app = TestApp::shared().await;
    let desk = Desk::set(&app, "Joins").await;
    let agency = desk.phone("Water works").await;
    let (over, open) = (desk.sent(&agency).await, desk.sent(&agency).await);
    say(&desk.room, &over, "return", json!({ "text": "no" })).await.expect(201);
    let account = desk.station.service("water").await;
    let body = desk.linked("Water works", &account);
    let put = desk.station.admin().send("PUT", &agency_path(&agency), &[("if-match", "\"1\"")], Some(body)).await;
    assert_eq!(put.expect(200)["channel"], "software");
    let inbox = account.get("/inbox/tasks").await.expect(200);
    assert_eq!((inbox.items().len(), &inbox["items"][0]["task"]["id"]), (1, &json!(open)));
}
