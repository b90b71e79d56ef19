//! Positions in and the live view out over the socket.

use crate::support::{Officer, Socket, TestApp, Unit, fix, new_id};
use serde_json::{Value, json};
use std::time::Duration;

async fn track(officer: &Officer) -> Vec<Value> {
    officer.get(&format!("/people/{}/track", officer.person_id)).await.ok()["fixes"].as_array().unwrap().clone()
}

async fn on_duty(station: &Unit, name: &str) -> (Officer, Socket) {
    let officer = station.officer(name).await;
    officer.sign_on().await;
    let socket = officer.socket().await;
    (officer, socket)
}

/// The latest frame about a person; acknowledges every frame it sees.
async fn seen(socket: &mut Socket, person: &str, check: impl Fn(&Value) -> bool) -> Value {
    loop {
        let frame = socket
            .expect_where("a live frame", |frame| frame["type"] == "live_snapshot" || frame["type"] == "live_delta")
            .await;
        socket.send(json!({ "type": "live_ack", "version": frame["version"] }));
        let list = if frame["type"] == "live_snapshot" { &frame["people"] } else { &frame["changed"] };
        if let Some(found) = list.as_array().unwrap().iter().find(|p| p["person_id"] == person && check(p)) {
            return found.clone();
        }
    }
}

#[tokio::test]
async fn fixes_are_acknowledged_once_stored_and_again_is_not_twice() {
    let app = TestApp::shared().await;
    let station = app.unit("Fixes").await;
    let (wang, mut socket) = on_duty(&station, "wang").await;
    let place = station.near(10.0, 10.0);
    let batch: Vec<Value> = (0..20).map(|i| fix(place, f64::from(100 - i))).collect();
    for (i, one) in batch.iter().enumerate() {
        socket.send(json!({ "type": "fixes", "n": i + 1, "fixes": [one] }));
    }
    let mut acks = 0;
    let mut up_to = 0;
    while up_to < 20 {
        let ack = socket.expect("fixes_ack").await;
        assert!(ack["up_to"].as_u64().unwrap() > up_to, "{ack}");
        up_to = ack["up_to"].as_u64().unwrap();
        acks += 1;
    }
    assert!(acks <= 20);
    assert_eq!(track(&wang).await.len(), 20);
    // The same again on the next connection: known by (device, time).
    let mut again = wang.socket().await;
    again.send(json!({ "type": "fixes", "n": 1, "fixes": batch }));
    assert_eq!(again.expect("fixes_ack").await["up_to"], 1);
    assert_eq!(track(&wang).await.len(), 20);
}

#[tokio::test]
async fn bad_fixes_are_named_and_the_others_are_stored() {
    let app = TestApp::shared().await;
    let station = app.unit("Bad fixes").await;
    let (wang, mut socket) = on_duty(&station, "wang").await;
    let place = station.near(0.0, 0.0);
    let mut wrong = fix(place, 5.0);
    wrong["lat"] = json!(97.0);
    socket.send(json!({ "type": "fixes", "n": 3, "fixes": [fix(place, 9.0), wrong, fix(place, 2.0)] }));
    let ack = socket.expect("fixes_ack").await;
    assert_eq!(ack["up_to"], 3);
    assert_eq!((ack["rejected"][0]["n"].as_u64(), ack["rejected"][0]["index"].as_u64()), (Some(3), Some(1)));
    assert_eq!(ack["rejected"][0]["code"], "invalid_field");
    assert_eq!(track(&wang).await.len(), 2);
    // Refused as a whole: the error names the message, later ones go on.
    socket.send(json!({ "type": "fixes", "n": 4, "fixes": [{ "at": "x" }] }));
    assert_eq!(socket.expect("error").await["n"], 4);
    socket.send(json!({ "type": "fixes", "n": 4, "fixes": [fix(place, 1.0)] }));
    assert_eq!(socket.expect("error").await["code"], "invalid_field");
    let many: Vec<Value> = (0..10_001).map(|_| json!({ "at": "2026-01-01T00:00:00Z", "lon": 1, "lat": 2 })).collect();
    socket.send(json!({ "type": "fixes", "n": 5, "fixes": many }));
    assert_eq!(socket.expect("error").await["code"], "too_many_fixes");
    socket.send(json!({ "type": "fixes", "n": 6, "fixes": [fix(place, 0.5)] }));
    let ack = socket.expect_where("ack of 6", |frame| frame["type"] == "fixes_ack" && frame["up_to"] == 6).await;
    assert!(ack["rejected"].is_null());
    assert_eq!(track(&wang).await.len(), 3);
}

#[tokio::test]
async fn a_room_watches_its_people_move_and_a_slow_page_gets_the_latest() {
    let app = TestApp::shared().await;
    let station = app.unit("Live").await;
    let room = station.dispatcher("room").await;
    let (wang, mut terminal) = on_duty(&station, "wang").await;
    let mut page = room.socket().await;
    let mut slow = room.login_browser().await.socket().await;
    for socket in [&page, &slow] {
        socket.send(json!({ "type": "subscribe", "request_id": "s1" }));
    }
    assert_eq!(page.reply("s1").await["status"], 200);
    assert_eq!(slow.reply("s1").await["status"], 200);
    assert!(slow.expect("live_snapshot").await["people"].is_array());
    let mut last = station.near(0.0, 0.0);
    for i in 0..12 {
        last = station.near(f64::from(i) * 5.0, 0.0);
        terminal.send(json!({ "type": "fixes", "n": i + 1, "fixes": [fix(last, 0.0)] }));
        terminal.expect("fixes_ack").await;
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    let here = seen(&mut page, &wang.person_id, |p| (p["lon"].as_f64().unwrap() - last.0).abs() < 1e-6).await;
    assert_eq!(here["freshness"], "fresh");
    // The slow one acknowledged nothing: one delta is out, the rest conflates.
    let frames = slow.drain("live_delta", Duration::from_millis(500)).await;
    assert_eq!(frames.len(), 1, "{frames:#?}");
    let newest = slow.welcome.clone();
    drop(newest);
    slow.send(json!({ "type": "live_ack", "version": frames[0]["version"] }));
    let latest = seen(&mut slow, &wang.person_id, |_| true).await;
    assert!((latest["lon"].as_f64().unwrap() - last.0).abs() < 1e-6, "{latest}");
    // Must-deliver goes on beside it, and off duty is out of view at once.
    wang.sign_off().await;
    let gone = page
        .expect_where("removal", |frame| {
            frame["type"] == "live_delta"
                && frame["removed"].as_array().is_some_and(|r| r.contains(&json!(wang.person_id)))
        })
        .await;
    assert!(gone["version"].is_u64());
    page.send(json!({ "type": "unsubscribe", "request_id": "s2" }));
    assert_eq!(page.reply("s2").await["status"], 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_that_waits_for_the_database_holds_up_neither_the_map_nor_the_ping() {
    let app = TestApp::start().await;
    let station = app.unit("Waiting").await;
    let (wang, mut terminal) = on_duty(&station, "wang").await;
    let mut page = station.dispatcher("room").await.socket().await;
    page.send(json!({ "type": "subscribe", "request_id": "s1" }));
    page.reply("s1").await;
    let snapshot = page.expect("live_snapshot").await;
    // Two frames are out and not acknowledged: the second report waits for the page.
    let reports = [station.near(5.0, 0.0), station.near(50.0, 0.0)];
    for (i, place) in reports.iter().enumerate() {
        terminal.send(json!({ "type": "fixes", "n": i + 1, "fixes": [fix(*place, 0.0)] }));
        terminal.expect("fixes_ack").await;
        if i == 0 {
            page.expect("live_delta").await;
        }
    }
    let held = app.hold_assignments().await;
    let target = new_id();
    let accept =
        json!({ "type": "assignment_event", "request_id": "e1", "assignment_id": target, "event": "accepted" });
    page.send(accept);
    page.send(json!({ "type": "ping", "request_id": "p1" }));
    page.expect("pong").await;
    page.send(json!({ "type": "live_ack", "version": snapshot["version"] }));
    let moved = page.expect("live_delta").await;
    let marker = moved["changed"].as_array().unwrap().iter().find(|p| p["person_id"] == wang.person_id).unwrap();
    assert!((marker["lon"].as_f64().unwrap() - reports[1].0).abs() < 1e-6, "{moved}");
    page.expect_none("error", Duration::ZERO).await;
    drop(held);
    assert_eq!(page.error("e1").await["code"], "not_found");
}

#[tokio::test]
async fn a_view_is_limited_to_what_one_may_see() {
    let app = TestApp::shared().await;
    let station = app.unit("Scope").await;
    let other = app.unit("Neighbour").await;
    let room = station.dispatcher("room").await;
    let mut page = room.socket().await;
    for (body, code) in [
        (json!({ "unit_id": other.id }), "not_found"),
        (json!({ "unit_id": new_id() }), "not_found"),
        (json!({ "unit_id": "x" }), "invalid_field"),
        (json!({ "bbox": [0, 0, 1] }), "invalid_field"),
        (json!({ "bbox": [0, 50, 1, 40] }), "invalid_field"),
        (json!({ "bbox": [0, 0, 1, 400] }), "invalid_field"),
        (json!({ "purpose": "x".repeat(300) }), "invalid_field"),
        (json!({ "everything": true }), "invalid_field"),
    ] {
        let (mut message, id) = (body, new_id());
        (message["type"], message["request_id"]) = (json!("subscribe"), json!(id));
        page.send(message.clone());
        assert_eq!(page.error(&id).await["code"], code, "{message}");
    }
    // A box around his own place, then one elsewhere.
    let (wang, mut terminal) = on_duty(&station, "wang").await;
    let place = station.near(0.0, 0.0);
    terminal.send(json!({ "type": "fixes", "n": 1, "fixes": [fix(place, 0.0)] }));
    terminal.expect("fixes_ack").await;
    let around = json!([place.0 - 0.01, place.1 - 0.01, place.0 + 0.01, place.1 + 0.01]);
    page.send(json!({ "type": "subscribe", "request_id": "a", "unit_id": station.id, "bbox": around }));
    page.reply("a").await;
    seen(&mut page, &wang.person_id, |_| true).await;
    page.send(json!({ "type": "subscribe", "request_id": "b", "bbox": "0,0,1,1" }));
    page.reply("b").await;
    let empty = page.expect("live_snapshot").await;
    assert_eq!(empty["people"], json!([]));
}

#[tokio::test]
async fn the_binary_subprotocol_sends_live_frames_in_sixteen_bytes_a_person() {
    let app = TestApp::shared().await;
    let station = app.unit("Binary").await;
    let room = station.dispatcher("room").await;
    let (_, mut terminal) = on_duty(&station, "wang").await;
    terminal.send(json!({ "type": "fixes", "n": 1, "fixes": [fix(station.near(0.0, 0.0), 0.0)] }));
    terminal.expect("fixes_ack").await;
    let mut page = room.socket_binary().await;
    page.hello(None, None, None).await;
    page.send(json!({ "type": "subscribe", "request_id": "s1" }));
    page.reply("s1").await;
    let frame = page.next_binary().await;
    assert_eq!(frame[0], 1, "a snapshot");
    let count = |at: usize| usize::from(u16::from_le_bytes([frame[at], frame[at + 1]]));
    let (names, records, removed) = (count(17), count(19), count(21));
    assert_eq!((names, records, removed), (1, 1, 0));
    assert_eq!(frame.len(), 23 + names * 21 + records * 16);
    let version = u64::from_le_bytes(frame[1..9].try_into().unwrap());
    page.send(json!({ "type": "live_ack", "version": version }));
    terminal.send(json!({ "type": "fixes", "n": 2, "fixes": [fix(station.near(30.0, 0.0), 0.0)] }));
    terminal.expect("fixes_ack").await;
    let delta = page.next_binary().await;
    assert_eq!(delta[0], 2);
    assert_eq!(delta.len(), 23 + 16, "16 bytes for a moved person");
}

#[tokio::test]
async fn one_press_over_the_socket_is_one_alarm() {
    let app = TestApp::shared().await;
    let station = app.unit("Alarm").await;
    let (_, mut socket) = on_duty(&station, "wang").await;
    let id = new_id();
    for _ in 0..3 {
        socket.send(json!({ "type": "backup", "request_id": id }));
    }
    let first = socket.reply(&id).await;
    assert_eq!(first["status"], 201, "{first}");
    assert!(first["body"]["alerted"].is_array());
    for _ in 0..2 {
        assert_eq!(socket.reply(&id).await["body"]["id"], first["body"]["id"]);
    }
    let close = new_id();
    socket.send(json!({
        "type": "backup_close", "request_id": close, "backup_id": first["body"]["id"], "reason": "false_alarm",
    }));
    assert_eq!(socket.reply(&close).await["body"]["id"], first["body"]["id"]);
    let bad = new_id();
    socket.send(json!({ "type": "backup", "request_id": bad, "kind": "tea" }));
    assert_eq!(socket.error(&bad).await["code"], "invalid_field");
}
