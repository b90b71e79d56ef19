//! Lifts, basements and shared handsets: terminals that drop, people with several devices, lost answers.

use crate::support::{Proxy, TestApp, ago, fix, new_id, wait_until};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_terminal_that_drops_resumes_where_it_stopped() {
    let app = TestApp::shared().await;
    let (station, room, officer) = app.station("Drop").await;
    let mut first = officer.socket().await;
    let incident = room.incident(station.near(0.0, 0.0)).await;
    room.assign(&incident, &[&officer]).await;
    let offer = first.expect("assignment.offered").await;
    first.ack_all();
    let note = format!("/incidents/{}/notes", incident["id"].as_str().unwrap());
    room.post(&note, json!({ "text": "unacknowledged" })).await.ok();
    let unacknowledged = first.expect("incident.note").await;
    let cut = Cursor { epoch: first.epoch.clone(), seq: offer["seq"].as_i64().unwrap(), id: offer["id"].clone() };
    drop(first);
    for text in ["while away 1", "while away 2"] {
        room.post(&note, json!({ "text": text })).await.ok();
    }
    let mut second = officer.socket_raw().await;
    let welcome = second.hello(Some(cut.epoch), Some(cut.seq), Some(cut.id)).await;
    assert_eq!(welcome["recovered"], true, "{welcome}");
    let again = second.expect("incident.note").await;
    assert_eq!(again["id"], unacknowledged["id"], "what was not acknowledged comes again, as the same message");
    for text in ["while away 1", "while away 2"] {
        let message = second.expect("incident.note").await;
        assert!(message.to_string().contains(text), "in order: {message}");
    }
    second.expect_none("assignment.offered", Duration::from_millis(300)).await;
}

struct Cursor {
    epoch: Value,
    seq: i64,
    id: Value,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_devices_and_a_browser_of_one_person() {
    let app = TestApp::shared().await;
    let station = app.unit("Devices").await;
    let room = station.dispatcher("room").await;
    let handset = station.officer("wang").await;
    let vehicle = handset.login_device("vehicle_unit").await;
    let browser = handset.login_browser().await;
    let carried = json!({ "on_duty": true, "carried_device_ids": [handset.device_id(), vehicle.device_id()] });
    handset.put("/me/duty", carried).await.ok();
    let (mut on_handset, mut in_car, mut tab) =
        (handset.socket().await, vehicle.socket().await, browser.socket().await);
    let incident = room.incident(station.near(0.0, 0.0)).await;
    let assignment = room.assign(&incident, &[&handset]).await.remove(0);
    let path = format!("/assignments/{}", assignment["id"].as_str().unwrap());

    // The tab acknowledges first: shown, but nobody is "delivered" by a browser.
    tab.expect("assignment.offered").await;
    tab.ack_all();
    in_car.expect("assignment.offered").await;
    on_handset.expect("assignment.offered").await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let now = room.get(&path).await.ok();
    assert_eq!(now["state"], "sent", "a browser's receipt stops no clock: {}", now.json);

    on_handset.ack_all();
    wait_until("delivered by the handset", || async { room.get(&path).await.ok()["state"] == "delivered" }).await;
    in_car.ack_all();
    let now = room.get(&path).await.ok();
    let delivered: Vec<&Value> =
        now["rungs"].as_array().unwrap().iter().filter(|rung| rung["rung"] == "delivered").collect();
    assert!(delivered.iter().all(|rung| rung["truth"] == "machine"), "{delivered:?}");
    assert!(delivered.iter().any(|rung| rung["device_id"] == handset.device_id().as_str()), "{delivered:?}");

    // A tap on one device is seen on the others.
    handset.event(&assignment, "accepted").await.ok();
    in_car.expect("assignment.updated").await;
    tab.expect("assignment.updated").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_refresh_answer_lost_once_logs_nobody_out() {
    let app = TestApp::shared().await;
    let station = app.unit("Lift").await;
    let officer = station.officer("wang").await;
    let proxy = Proxy::start(&app.base()).await;
    for round in 0..6 {
        let body = json!({ "refresh_token": officer.refresh_token() });
        let old = officer.token();
        proxy.drop_answers(true);
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let lost = client.post(format!("{}/api/v1/auth/refresh", proxy.base)).json(&body).send().await;
        assert!(lost.is_err(), "the answer was to be lost");
        proxy.drop_answers(false);
        // The same token again, twice: the same successor, since nobody has used it yet.
        let one = app.call("POST", "/auth/refresh", Some(&body)).await.expect(200);
        let two = app.call("POST", "/auth/refresh", Some(&body)).await.expect(200);
        assert_eq!(one["refresh_token"], two["refresh_token"], "round {round}");
        assert_ne!(one["access_token"], old.as_str());
        officer.take(&two);
        officer.get("/me").await.expect(200);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_never_reads_harms_nobody_and_is_dropped() {
    let app = TestApp::builder().env("SUIXING_SOCKET__STALLED_AFTER_S", "3").start().await;
    let station = app.unit("Stuck").await;
    let room = station.dispatcher("room").await;
    let stuck = station.officer("stuck").await;
    let well = station.officer("well").await;
    stuck.sign_on().await;
    well.sign_on().await;
    let mut healthy = well.socket().await;

    let mut stream = open_and_never_read(&app.base(), &stuck.token()).await;
    let incident = room.incident(station.near(0.0, 0.0)).await;
    room.assign(&incident, &[&stuck, &well]).await;
    let note = format!("/incidents/{}/notes", incident["id"].as_str().unwrap());
    let long = "x".repeat(3500);
    let begun = std::time::Instant::now();
    for _ in 0..60 {
        room.post(&note, json!({ "text": long })).await.ok();
        healthy.expect("incident.note").await;
        healthy.ack_all();
    }
    assert!(begun.elapsed() < Duration::from_secs(30), "the stuck reader held others up: {:?}", begun.elapsed());

    // After a while the connection is dropped: reading now finds an end, not an endless queue.
    tokio::time::sleep(Duration::from_secs(5)).await;
    let mut rest = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut rest)).await;
    assert!(read.is_ok(), "the stuck connection is still held");
    // What it missed waits for it.
    let mut back = stuck.socket().await;
    back.expect("assignment.offered").await;
}

/// A terminal whose app hangs: upgraded, said hello, never reads a byte again.
async fn open_and_never_read(base: &str, token: &str) -> TcpStream {
    let mut stream = TcpStream::connect(base.trim_start_matches("http://")).await.unwrap();
    let request = format!(
        "GET /api/v1/ws HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         Sec-WebSocket-Protocol: suixing.v1.json\r\nAuthorization: Bearer {token}\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut head = [0; 12];
    stream.read_exact(&mut head).await.unwrap();
    assert_eq!(&head, b"HTTP/1.1 101");
    let hello = br#"{"type":"hello","epoch":null,"last_seq":0,"last_id":null}"#;
    // A client frame: final text, masked with zeros.
    let mut frame = vec![0x81, 0x80 | u8::try_from(hello.len()).unwrap(), 0, 0, 0, 0];
    frame.extend_from_slice(hello);
    stream.write_all(&frame).await.unwrap();
    stream
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_last_bearer_had_not_sent_arrives_as_his() {
    let app = TestApp::shared().await;
    let station = app.unit("Shift").await;
    let room = station.dispatcher("room").await;
    let a = station.officer("a").await;
    let b = station.person("b", "police_officer").await;
    a.sign_on().await;
    // A walked without a network, hands the handset over and logs out; B logs in on it.
    let unsent: Vec<Value> =
        (0..20).map(|n| fix(station.near(f64::from(n) * 2.0, 0.0), 100.0 - f64::from(n) * 2.0)).collect();
    a.sign_off().await;
    assert!((200..300).contains(&a.post("/auth/logout", json!({})).await.status));
    let b = b.login_on(&a.device_id()).await;
    b.sign_on().await;
    let author = json!({ "person_id": a.person_id });
    let late = json!({ "fixes": unsent, "author": author });
    let taken = b.post("/positions", late.clone()).await.ok();
    assert_eq!(taken["stored"], 20, "{}", taken.json);
    let again = b.post("/positions", late).await.ok();
    assert_eq!((again["stored"].as_i64(), again["duplicates"].as_i64()), (Some(0), Some(20)), "{}", again.json);
    b.report(station.near(0.0, 50.0)).await;

    let track = |person: String| {
        let room = room.clone();
        async move {
            let path = format!("/people/{person}/track?from={}&to={}", ago(600.0), ago(-60.0));
            room.get(&path).await.ok()["fixes"].as_array().unwrap().len()
        }
    };
    assert_eq!(track(a.person_id.clone()).await, 20);
    assert_eq!(track(b.person_id.clone()).await, 1);
    // A's session stays dead: bringing his work in is not reading in his name.
    a.get("/me").await.expect(401);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pressed_button_on_every_device_is_one_alarm() {
    let app = TestApp::shared().await;
    let station = app.unit("Press").await;
    let handset = station.officer("wang").await;
    let camera = handset.login_device("body_worn_camera").await;
    let carried = json!({ "on_duty": true, "carried_device_ids": [handset.device_id(), camera.device_id()] });
    handset.put("/me/duty", carried).await.ok();
    handset.report(station.near(0.0, 0.0)).await;
    let one = handset.post_keyed("/backups", &new_id(), json!({})).await.ok();
    let two = camera.post_keyed("/backups", &new_id(), json!({})).await.ok();
    assert_eq!(one.id(), two.id());
}
