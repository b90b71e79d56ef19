//! The ways to a person, one after the other, each with its outcome and whose word it is.

use std::sync::Arc;

use parking_lot::Mutex;

use super::*;
use crate::support::Call;

/// A push or SMS adapter that answers with this status and keeps what it was told.
async fn adapter(status: u16) -> (Receiver, Arc<Mutex<Vec<Value>>>) {
    let told = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&told);
    let receiver = Receiver::start(move |_, call: &Call| {
        kept.lock().push(call.json());
        Answer::Status(status)
    });
    (receiver.await, told)
}

fn way<'a>(assignment: &'a Value, channel: &str) -> &'a Value {
    let attempts = assignment["attempts"].as_array().unwrap();
    attempts.iter().find(|a| a["channel"] == channel && a["limit"] == "delivered").unwrap()
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
    let tried = ways(&shown);
    let order: Vec<&str> = tried.iter().map(|(channel, _)| channel.as_str()).collect();
    assert_eq!(order, ["socket", "other_devices", "partner", "push_adapter", "voice_card"]);
    assert_eq!(tried[3].1, "skipped");
    let body = json!({ "event": "accepted", "at": now(), "via": "phone", "on_behalf_of": wang.person_id });
    say(&room, &sent, body).await.expect(200);
    let left = seen(&room, &sent).await["deadlines"].clone();
    assert_eq!(left[0]["limit"], "en_route", "{left}");
}

#[tokio::test]
async fn the_adapter_is_called_when_every_carried_device_is_silent() {
    let (receiver, told) = adapter(202).await;
    let (_app, unit, room) = hasty(&format!("push_adapter_url = \"{}\"", receiver.url)).await;
    let wang = unit.officer("wang").await;
    let car = wang.login_device("vehicle_unit").await;
    let carried = json!({ "on_duty": true, "carried_device_ids": [wang.device_id(), car.device_id()] });
    wang.put("/me/duty", carried).await.expect(200);
    let incident = room.incident_with(unit.center, json!({ "priority": 3 })).await;
    let sent = room.assign(&incident, &[&wang]).await.remove(0);
    wait_until("a voice is asked for", || async { !cards(&room, "assignment.call_now").await.is_empty() }).await;
    let shown = seen(&room, &sent).await;
    let expected = [
        ("socket", "tried"),
        ("other_devices", "tried"),
        ("partner", "skipped"),
        ("push_adapter", "sent"),
        ("voice_card", "tried"),
    ];
    assert_eq!(ways(&shown), expected.map(|(way, outcome)| (way.to_owned(), outcome.to_owned())));
    let push = way(&shown, "push_adapter");
    assert_eq!(push["truth"], "machine", "the adapter's word is no human's: {push}");
    assert!(push["outcome_at"].is_string());
    assert_eq!(shown["state"], "sent", "it proves nothing about the officer");
    let told = told.lock().clone();
    assert_eq!(told.len(), 1, "once: {told:?}");
    assert_eq!(told[0]["person_id"], wang.person_id);
    assert_eq!(told[0]["assignment_id"], sent["id"]);
    assert!(told[0]["delivery"].is_string(), "by which a repeated call is recognised");
}

#[tokio::test]
async fn a_handset_that_answers_spares_the_adapter() {
    let (receiver, told) = adapter(202).await;
    let (_app, unit, room) = hasty(&format!("push_adapter_url = \"{}\"", receiver.url)).await;
    let wang = unit.officer("wang").await;
    wang.sign_on().await;
    let mut socket = wang.socket().await;
    let incident = room.incident_with(unit.center, json!({ "priority": 3 })).await;
    let sent = room.assign(&incident, &[&wang]).await.remove(0);
    socket.expect("assignment.offered").await;
    socket.ack_all();
    // The clock of the answer is later than that of the receipt would have been.
    wait_until("nobody has answered", || async { !cards(&room, "deadline.accepted").await.is_empty() }).await;
    assert_eq!(ways(&seen(&room, &sent).await), [("socket".to_owned(), "received".to_owned())]);
    assert!(told.lock().is_empty());
}

#[tokio::test]
async fn an_adapter_that_is_down_is_not_waited_for() {
    let (receiver, told) = adapter(500).await;
    let config = format!(
        "[dispatch]\ndelivered_s = [1, 1, 1, 1]\nviewed_s = [600, 600, 600, 600]\naccepted_s = [600, 600, 600, 600]\n\
         channel_s = [600, 600, 600, 600]\npush_adapter_url = \"{}\"",
        receiver.url
    );
    let app = TestApp::builder().config(&config).start().await;
    let unit = app.unit("Lakeside").await;
    let room = unit.dispatcher("li").await;
    let wang = unit.officer("wang").await;
    wang.sign_on().await;
    let incident = room.incident(unit.center).await;
    let sent = room.assign(&incident, &[&wang]).await.remove(0);
    // Ten minutes are given to a channel that might still bring an answer; this one cannot.
    wait_until("a voice is asked for", || async { !cards(&room, "assignment.call_now").await.is_empty() }).await;
    let shown = seen(&room, &sent).await;
    let push = way(&shown, "push_adapter");
    assert_eq!((push["outcome"].as_str(), push["truth"].as_str()), (Some("failed"), Some("machine")), "{push}");
    assert!(push["detail"].as_str().unwrap().contains("500"), "{push}");
    assert_eq!(told.lock().len(), 1);
}
