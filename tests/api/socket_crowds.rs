//! Many sockets at once: who waits, who goes, and whom it must not hurt.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::{Proxy, Socket, TestApp, new_id, wait_until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_sockets_that_say_nothing_hurt_nobody() {
    let app = TestApp::builder().config("[socket]\nhello_timeout_s = 6").start().await;
    let station = app.unit("Plaza").await;
    let wang = station.officer("wang").await;
    let mute = station.officer("mute").await;
    let mut good = wang.socket().await;
    let mut silent = Vec::new();
    for _ in 0..1_000 {
        if let Ok(socket) = Socket::connect(&app.base(), "suixing.v1.json", Some(&mute.token()), None).await {
            silent.push(socket);
        }
    }
    assert!(silent.len() >= 900, "{}", silent.len());
    for _ in 0..20 {
        let asked = Instant::now();
        good.send(json!({ "type": "ping" }));
        good.expect("pong").await;
        assert!(asked.elapsed() < Duration::from_millis(500), "{:?}", asked.elapsed());
    }
    // A newcomer, also of that person, is served at once.
    let mut late = mute.socket().await;
    late.send(json!({ "type": "ping" }));
    late.expect("pong").await;
    for socket in &mut silent {
        assert_eq!(socket.close_code().await, 4000);
    }
    wait_until("the sockets are forgotten", || async {
        app.call("GET", "/readyz", None).await.json["sockets"].as_u64().unwrap_or(99) <= 3
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everybody_behind_one_address_gets_in_however_many_wait() {
    let app = TestApp::builder().config("[socket]\nhello_timeout_s = 60").start().await;
    let station = app.unit("Gateway").await;
    let mut first = Vec::new();
    for n in 0..75 {
        let officer = station.officer(&format!("officer{n}")).await;
        first.push((officer.socket_raw().await, officer));
    }
    let mut later = Vec::new();
    for (_, officer) in &first {
        // With those above 2,250 that have not said hello, each person within what one may have.
        for _ in 0..29 {
            later.push(officer.socket_raw().await);
        }
    }
    for (socket, _) in &mut first {
        socket.hello(None, None, None).await;
        socket.send(json!({ "type": "ping" }));
        socket.expect("pong").await;
    }
    assert_eq!(later.len(), 75 * 29);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_room_that_reads_late_gets_every_long_answer() {
    let app = TestApp::builder().config("[backup]\nwave_s = 1\n").start().await;
    let station = app.unit("Verbose").await;
    let room = station.dispatcher("room").await;
    for n in 0..40 {
        let officer = station.officer(&format!("officer{n}")).await;
        officer.sign_on().await;
        officer.report(station.near(50.0 * f64::from(n), 0.0)).await;
    }
    let caller = station.officer("caller").await;
    caller.sign_on().await;
    caller.report(station.near(0.0, 0.0)).await;
    let (long, short) = (caller.post_empty("/backups").await.expect(201).id(), {
        let other = station.officer("other").await;
        other.post_empty("/backups").await.expect(201).id()
    });
    // Wave after wave: what the room is told of a call that nobody answers grows by 12 KB each.
    wait_until("the answer is long", || async {
        room.get(&format!("/backups/{long}")).await.expect(200).json.to_string().len() > 27_000
    })
    .await;

    let proxy = Proxy::start(&app.base()).await;
    let mut desk = Socket::connect(&proxy.base, "suixing.v1.json", Some(&room.token()), None).await.unwrap();
    desk.hello(None, None, None).await;
    proxy.deafen(true);
    let asked: Vec<String> = (0..30).map(|_| new_id()).collect();
    for (n, id) in asked.iter().enumerate() {
        let backup = if n == 9 { &short } else { &long };
        desk.send(json!({ "type": "backup_take", "backup_id": backup, "request_id": id }));
    }
    // By the tenth more was answered than may be on the way, and so much waits that no more is read.
    wait_until("ten are done", || async {
        room.get(&format!("/backups/{short}")).await.expect(200)["taken_by"].is_object()
    })
    .await;
    proxy.deafen(false);
    for id in &asked {
        assert_eq!(desk.reply(id).await["status"], 200);
    }
}
