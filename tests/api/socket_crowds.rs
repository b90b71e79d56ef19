//! Many sockets at once: who waits, who goes, and whom it must not hurt.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::{Socket, TestApp, wait_until};

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
