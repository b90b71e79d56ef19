//! The must-deliver stream over the socket: resume, receipts, windows, several devices, commands.

use crate::support::{Officer, Socket, TestApp, Unit, new_id, now, wait_for, wait_until};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

/// Puts `count` notes into the stream of everybody assigned; gives their texts in order.
async fn notes(room: &Officer, incident: &Value, count: usize) -> Vec<String> {
    let mut texts = Vec::new();
    for i in 0..count {
        let text = format!("note {i}");
        let path = format!("/incidents/{}/notes", incident["id"].as_str().unwrap());
        let reply = room.post(&path, json!({ "text": text })).await;
        assert!(reply.status < 300, "{}", reply.json);
        texts.push(text);
    }
    texts
}

async fn texts(socket: &mut Socket, count: usize) -> Vec<String> {
    let mut texts = Vec::new();
    for _ in 0..count {
        texts.push(socket.expect("incident.note").await["data"]["text"].as_str().unwrap().to_owned());
    }
    texts
}

async fn assigned(station: &Unit, room: &Officer, people: &[&Officer]) -> (Value, Vec<Value>) {
    let incident = room.incident(station.near(0.0, 0.0)).await;
    let made = room.assign(&incident, people).await;
    (incident, made)
}

async fn state_of(officer: &Officer, assignment: &Value) -> Value {
    officer.get(&format!("/assignments/{}", assignment["id"].as_str().unwrap())).await.ok().json
}

fn machine_rung(assignment: &Value, rung: &str) -> Option<Value> {
    assignment["rungs"].as_array()?.iter().find(|r| r["rung"] == rung && r["truth"] == "machine").cloned()
}

#[tokio::test]
async fn an_offer_arrives_and_its_receipt_makes_it_delivered() {
    let app = TestApp::shared().await;
    let (station, room, wang) = app.station("Delivery").await;
    let mut socket = wang.socket().await;
    let (incident, made) = assigned(&station, &room, &[&wang]).await;
    let offer = socket.expect("assignment.offered").await;
    assert_eq!(offer["seq"], 1);
    assert_eq!(offer["data"]["incident_id"], incident["id"]);
    assert_eq!(offer["data"]["assignment_id"], made[0]["id"]);
    assert!(offer["id"].is_string() && offer["sent_at"].is_string());
    assert!(machine_rung(&state_of(&room, &made[0]).await, "delivered").is_none(), "before the receipt");
    socket.ack_all();
    let delivered =
        wait_for("the delivered rung", || async { machine_rung(&state_of(&room, &made[0]).await, "delivered") }).await;
    assert_eq!(delivered["device_id"], wang.device_id());
    assert_eq!(delivered["via"], "device");
}

#[tokio::test]
async fn a_dropped_terminal_continues_where_it_stopped() {
    let app = TestApp::shared().await;
    let (station, room, wang) = app.station("Resume").await;
    let mut socket = wang.socket().await;
    let (incident, _) = assigned(&station, &room, &[&wang]).await;
    socket.expect("assignment.offered").await;
    socket.ack_all();
    let first = notes(&room, &incident, 3).await;
    assert_eq!(texts(&mut socket, 3).await, first);
    // Gone without a word, the last two not acknowledged.
    let mark = (socket.epoch.clone(), socket.last_seq, socket.last_id.clone());
    drop(socket);
    let second = notes(&room, &incident, 5).await;
    let mut again = wang.socket_raw().await;
    let started = Instant::now();
    let welcome = again.hello(Some(mark.0), Some(mark.1), Some(mark.2)).await;
    assert_eq!((welcome["recovered"].as_bool(), welcome["last_seq"].as_i64()), (Some(true), Some(mark.1)));
    assert!(welcome["reason"].is_null());
    assert_eq!(texts(&mut again, 5).await, second);
    assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());
    assert!(again.drain("message", Duration::from_millis(200)).await.is_empty());
    // The same by REST.
    let (epoch, id) = (again.epoch.as_str().unwrap(), again.last_id.as_str().unwrap());
    let inbox = wang.get(&format!("/me/inbox?epoch={epoch}&after_seq={}&after_id={id}", again.last_seq)).await.ok();
    assert_eq!((inbox["recovered"].as_bool(), inbox["items"].as_array().unwrap().len()), (Some(true), 0));
}

#[tokio::test]
async fn a_new_device_and_a_foreign_cursor_are_told_to_reload() {
    let app = TestApp::shared().await;
    let (station, room, wang) = app.station("Newcomer").await;
    let (incident, _) = assigned(&station, &room, &[&wang]).await;
    notes(&room, &incident, 2).await;
    // The first connection ever still gets what nobody has confirmed.
    let mut socket = wang.socket().await;
    assert_eq!(socket.welcome["reason"], "new_device");
    socket.expect("assignment.offered").await;
    texts(&mut socket, 2).await;
    let epoch = socket.epoch.clone();
    // Another id at that number: another history.
    let mut foreign = wang.socket_raw().await;
    let welcome = foreign.hello(Some(epoch.clone()), Some(2), Some(json!(new_id()))).await;
    assert_eq!((welcome["recovered"].as_bool(), welcome["reason"].as_str()), (Some(false), Some("diverged")));
    // A number that was never given out, and another epoch.
    for (epoch, seq) in [(epoch.clone(), 999), (json!("elsewhere"), 2)] {
        let mut foreign = wang.socket_raw().await;
        let welcome = foreign.hello(Some(epoch), Some(seq), Some(json!(new_id()))).await;
        assert_eq!(welcome["reason"], "diverged");
        assert!(welcome["last_seq"].as_i64().unwrap() <= 3);
    }
    let inbox =
        wang.get(&format!("/me/inbox?epoch={}&after_seq=2&after_id={}", epoch.as_str().unwrap(), new_id())).await.ok();
    assert_eq!((inbox["recovered"].as_bool(), inbox["reason"].as_str()), (Some(false), Some("diverged")));
    assert_eq!(inbox["items"].as_array().unwrap().len(), 3);
    // Paging through it.
    let page = wang.get("/me/inbox?limit=2").await.ok();
    assert_eq!(page["items"].as_array().unwrap().len(), 2);
    let rest = wang.get(&format!("/me/inbox?limit=2&cursor={}", page["next_cursor"].as_str().unwrap())).await.ok();
    assert_eq!((rest["recovered"].as_bool(), rest["items"].as_array().unwrap().len()), (Some(true), 1));
    assert!(rest["next_cursor"].is_null());
    for bad in ["?after_seq=-1", "?after_seq=x", "?after_id=1", "?cursor=zzz", "?limit=0", "?nonsense=1"] {
        let reply = wang.get(&format!("/me/inbox{bad}")).await;
        assert!((400..500).contains(&reply.status), "{bad}: {}", reply.json);
    }
}

#[tokio::test]
async fn a_terminal_away_longer_than_messages_are_kept_is_told_so() {
    let app = TestApp::start().await;
    let (station, room, wang) = app.station("Long leave").await;
    let zhao = station.officer("zhao").await;
    let mut socket = wang.socket().await;
    let (incident, _) = assigned(&station, &room, &[&wang, &zhao]).await;
    socket.expect("assignment.offered").await;
    notes(&room, &incident, 1).await;
    texts(&mut socket, 1).await;
    let early = (socket.epoch.clone(), socket.last_seq, socket.last_id.clone());
    notes(&room, &incident, 2).await;
    texts(&mut socket, 2).await;
    let edge = (socket.epoch.clone(), socket.last_seq, socket.last_id.clone());
    notes(&room, &incident, 3).await;
    texts(&mut socket, 3).await;
    drop(socket);
    // Eight days pass over the first four messages; they are kept for seven.
    let (person, seq, days) = (&wang.person_id, edge.1, 8 * 86_400_000_000_i64);
    let old = format!("recipient = '{person}' AND seq <= {seq}");
    app.sql(format!("UPDATE delivery SET created_at = created_at - {days} WHERE {old}")).await;
    app.restart().await;
    wait_until("they are trimmed", || async { wang.get("/me/inbox").await.ok()["items"][0]["seq"] == seq + 1 }).await;

    let inbox = |(epoch, seq, id): (Value, i64, Value)| {
        let query = format!("?epoch={}&after_seq={seq}&after_id={}", epoch.as_str().unwrap(), id.as_str().unwrap());
        let wang = wang.clone();
        async move { wang.get(&format!("/me/inbox{query}")).await.ok() }
    };
    let told = inbox(early.clone()).await;
    assert_eq!((told["recovered"].as_bool(), told["reason"].as_str()), (Some(false), Some("trimmed")));
    assert_eq!(told["items"].as_array().unwrap().len(), 3, "what is still kept: {}", told.json);
    let mut lost = wang.socket_raw().await;
    let welcome = lost.hello(Some(early.0), Some(early.1), Some(early.2)).await;
    assert_eq!((welcome["recovered"].as_bool(), welcome["reason"].as_str()), (Some(false), Some("trimmed")));
    assert!(welcome["last_seq"].as_i64().unwrap() >= seq, "{welcome}");
    assert_eq!(texts(&mut lost, 3).await, ["note 0", "note 1", "note 2"], "and then goes on with what is kept");
    // Who had everything that went misses nothing.
    assert_eq!(inbox(edge.clone()).await["recovered"], true);
    let mut whole = wang.socket_raw().await;
    let welcome = whole.hello(Some(edge.0), Some(edge.1), Some(edge.2)).await;
    assert_eq!((welcome["recovered"].as_bool(), welcome["last_seq"].as_i64()), (Some(true), Some(seq)));
    // Others' streams are as long as they were.
    assert_eq!(zhao.get("/me/inbox").await.ok()["items"][0]["seq"], 1);
}

#[tokio::test]
async fn two_devices_and_a_browser_of_one_person_each_have_their_own_cursor() {
    let app = TestApp::shared().await;
    let (station, room, wang) = app.station("Devices").await;
    let camera = wang.login_device("body_worn_camera").await;
    let page = wang.login_browser().await;
    let (mut on_phone, mut on_camera, mut on_page) = (wang.socket().await, camera.socket().await, page.socket().await);
    let (incident, made) = assigned(&station, &room, &[&wang]).await;
    for socket in [&mut on_phone, &mut on_camera, &mut on_page] {
        socket.expect("assignment.offered").await;
    }
    // Neither a page nor a device that is not carried proves delivery.
    on_page.ack_all();
    on_camera.ack_all();
    tokio::time::sleep(Duration::from_millis(400)).await;
    assert_eq!(state_of(&room, &made[0]).await["state"], "sent");
    on_phone.ack_all();
    wait_until("delivered", || async { state_of(&room, &made[0]).await["state"] == "delivered" }).await;
    // Each continues from its own place.
    drop(on_camera);
    notes(&room, &incident, 2).await;
    assert_eq!(texts(&mut on_phone, 2).await.len(), 2);
    assert_eq!(texts(&mut on_page, 2).await.len(), 2);
    let mut back = camera.socket_raw().await;
    back.hello(Some(on_phone.epoch.clone()), Some(0), None).await;
    assert_eq!(texts(&mut back, 2).await.len(), 2);
}

#[tokio::test]
async fn at_most_a_window_of_messages_is_unacknowledged() {
    let app = TestApp::builder().config("[socket]\nunacked_max = 5").start().await;
    let (station, room, wang) = app.station("Window").await;
    let mut socket = wang.socket().await;
    assert_eq!(socket.welcome["ack_window"], 5);
    let (incident, _) = assigned(&station, &room, &[&wang]).await;
    notes(&room, &incident, 11).await;
    let got = socket.drain("message", Duration::from_millis(600)).await;
    assert_eq!(got.len(), 5, "{got:#?}");
    socket.ack(2);
    assert_eq!(socket.drain("message", Duration::from_millis(600)).await.len(), 2);
    socket.ack_all();
    let more = socket.drain("message", Duration::from_millis(600)).await;
    assert_eq!(more.len(), 5);
    assert_eq!(more.last().unwrap()["seq"], 12);
    // Acknowledging again, or less, changes nothing.
    socket.ack(3);
    socket.ack_all();
    socket.ack_all();
    socket.send(json!({ "type": "ping" }));
    socket.expect("pong").await;
}

#[tokio::test]
async fn a_database_copied_back_is_noticed() {
    let app = TestApp::start().await;
    let (station, room, wang) = app.station("Rollback").await;
    let mut socket = wang.socket().await;
    let (incident, _) = assigned(&station, &room, &[&wang]).await;
    socket.expect("assignment.offered").await;
    socket.ack_all();
    app.copy_db_aside().await;
    notes(&room, &incident, 3).await;
    let mut socket2 = wang.socket_raw().await;
    socket2.resume(&socket).await;
    texts(&mut socket2, 3).await;
    socket2.ack_all();
    tokio::time::sleep(Duration::from_millis(200)).await;
    app.put_back().await;
    // Ahead of the server's history.
    let mut back = wang.socket_raw().await;
    let welcome = back.resume(&socket2).await;
    assert_eq!((welcome["recovered"].as_bool(), welcome["reason"].as_str()), (Some(false), Some("diverged")));
    // Other messages take the same numbers.
    notes(&room, &incident, 4).await;
    assert_eq!(texts(&mut back, 4).await.len(), 4);
    let mut again = wang.socket_raw().await;
    let welcome = again.resume(&socket2).await;
    assert_eq!(welcome["reason"], "diverged");
}

#[tokio::test]
async fn a_reader_that_never_reads_delays_nobody_and_is_dropped() {
    let app = TestApp::builder().config("[socket]\nping_every_s = 1\nstalled_after_s = 2").start().await;
    let (station, room, wang) = app.station("Deaf").await;
    let li = station.officer("li").await;
    li.sign_on().await;
    let mut request = format!("{}/ws", app.base().replacen("http", "ws", 1)).into_client_request().unwrap();
    request.headers_mut().insert("authorization", format!("Bearer {}", li.token()).parse().unwrap());
    let (mut deaf, _) = tokio_tungstenite::connect_async(request).await.unwrap();
    deaf.send(Message::text("{\"type\":\"hello\"}")).await.unwrap();
    let mut socket = wang.socket().await;
    let (incident, _) = assigned(&station, &room, &[&wang, &li]).await;
    socket.expect("assignment.offered").await;
    let opened = Instant::now();
    let mut dropped = false;
    while opened.elapsed() < Duration::from_secs(8) {
        let started = Instant::now();
        notes(&room, &incident, 1).await;
        texts(&mut socket, 1).await;
        socket.ack_all();
        assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());
        let sockets = app.call("GET", "/readyz", None).await["sockets"].as_u64();
        dropped = dropped || sockets == Some(1);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(dropped, "the deaf socket is still there");
    // It finds its close code when it reads at last.
    let end = async {
        while let Some(Ok(frame)) = deaf.next().await {
            if let Message::Close(frame) = frame {
                return frame.map(|frame| u16::from(frame.code));
            }
        }
        None
    };
    let code = tokio::time::timeout(Duration::from_secs(5), end).await.unwrap();
    assert!(matches!(code, Some(4004) | None), "{code:?}");
}

#[tokio::test]
async fn commands_answer_like_rest_and_a_repeated_one_happens_once() {
    let app = TestApp::shared().await;
    let (station, room, wang) = app.station("Commands").await;
    let mut socket = wang.socket().await;
    let (_, made) = assigned(&station, &room, &[&wang]).await;
    socket.expect("assignment.offered").await;
    let command = json!({
        "type": "assignment_event", "request_id": new_id(), "assignment_id": made[0]["id"],
        "event": "accepted", "at": now(),
    });
    let id = command["request_id"].as_str().unwrap().to_owned();
    socket.send(command.clone());
    let first = socket.reply(&id).await;
    assert_eq!(first["status"], 200);
    assert_eq!(first["body"]["applied"], true, "{first}");
    socket.send(command.clone());
    assert_eq!(socket.reply(&id).await["body"], first["body"]);
    // Once more after a reconnect.
    let mut again = wang.socket_raw().await;
    again.resume(&socket).await;
    again.send(command);
    assert_eq!(again.reply(&id).await["body"], first["body"]);
    let rungs = state_of(&room, &made[0]).await["rungs"].as_array().unwrap().clone();
    assert_eq!(rungs.iter().filter(|rung| rung["rung"] == "accepted").count(), 1, "{rungs:#?}");
    // Errors carry REST's codes.
    for (message, code) in [
        (json!({ "assignment_id": new_id(), "event": "viewed", "at": now() }), "not_found"),
        (json!({ "assignment_id": "x", "event": "viewed", "at": now() }), "invalid_id"),
        (json!({ "assignment_id": made[0]["id"], "event": "dancing", "at": now() }), "invalid_field"),
        (json!({ "assignment_id": made[0]["id"], "event": "viewed", "at": now(), "more": 1 }), "invalid_field"),
        (json!({ "event": "viewed" }), "invalid_field"),
    ] {
        let mut message = message;
        let id = new_id();
        (message["type"], message["request_id"]) = (json!("assignment_event"), json!(id));
        again.send(message);
        assert_eq!(again.error(&id).await["code"], code);
    }
    // Somebody else's assignment does not exist for a stranger.
    let other = app.unit("Elsewhere").await;
    let stranger = other.officer("stranger").await;
    let mut outside = stranger.socket().await;
    outside.send(json!({
        "type": "assignment_event", "request_id": "r1", "assignment_id": made[0]["id"], "event": "viewed", "at": now(),
    }));
    assert_eq!(outside.error("r1").await["code"], "not_found");
}

#[tokio::test]
async fn what_one_may_no_longer_see_is_withdrawn_under_its_number() {
    let app = TestApp::shared().await;
    let (station, room, wang) = app.station("Withdrawn").await;
    let elsewhere = app.unit("Faraway").await;
    let (incident, made) = assigned(&station, &room, &[&wang]).await;
    notes(&room, &incident, 1).await;
    let before = wang.get("/me/inbox").await.ok();
    assert_eq!(before["items"][1]["kind"], "incident.note");
    // He moves to another unit and the assignment is cancelled: the note is no longer his to read.
    let path = format!("/assignments/{}/cancel", made[0]["id"].as_str().unwrap());
    assert!(room.post(&path, json!({})).await.status < 300);
    let moved = station.admin().patch(&format!("/people/{}", wang.person_id), json!({ "unit_id": elsewhere.id })).await;
    assert!(moved.status < 300, "{}", moved.json);
    let after = wang.get("/me/inbox").await.ok();
    let note = &after["items"][1];
    assert_eq!(note["seq"], before["items"][1]["seq"]);
    assert_eq!(note["id"], before["items"][1]["id"]);
    assert!(note["kind"] == "withdrawn" || note["kind"] == "incident.note", "{note}");
    if note["kind"] == "withdrawn" {
        assert_eq!(note["data"], json!({}));
    }
}

#[tokio::test]
async fn an_app_that_only_polls_can_confirm_too() {
    let app = TestApp::shared().await;
    let (station, room, wang) = app.station("Polling").await;
    let (_, made) = assigned(&station, &room, &[&wang]).await;
    let inbox = wang.get("/me/inbox").await.ok();
    let (last, id) = (inbox["items"][0]["seq"].as_i64().unwrap(), inbox["items"][0]["id"].clone());
    let ack = |epoch: &Value, seq: i64, id: &Value| {
        let body = json!({ "epoch": epoch, "seq": seq, "id": id });
        let wang = &wang;
        async move { wang.post("/me/inbox/ack", body).await }
    };
    // Another message under the same number: that one was never seen.
    assert_eq!(ack(&inbox["epoch"], last, &json!(new_id())).await.status, 409);
    assert_eq!(ack(&json!("other"), last, &id).await.status, 409);
    assert_eq!(ack(&inbox["epoch"], last, &Value::Null).await.status, 422);
    assert_eq!(ack(&inbox["epoch"], 99, &id).await.status, 422);
    assert_eq!(state_of(&room, &made[0]).await["state"], "sent");
    assert_eq!(ack(&inbox["epoch"], last, &id).await.status, 204);
    wait_until("delivered", || async { state_of(&room, &made[0]).await["state"] == "delivered" }).await;
}
