//! Somebody else holds the database: a write is refused in time, keeps nothing, and goes through when it is let go.

use crate::support::{TestApp, new_id, now};
use serde_json::json;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_that_waits_too_long_is_told_to_come_again_and_does() {
    let app = TestApp::start().await;
    let (station, room, officer) = app.station("Held").await;
    officer.sign_on().await;
    let sent = room.assign(&room.incident(station.center).await, &[&officer]).await;
    let path = format!("/assignments/{}/events", sent[0]["id"].as_str().unwrap());
    let key = new_id();
    let (headers, body) = ([("idempotency-key", key.as_str())], json!({ "event": "accepted", "at": now() }));
    let accept = || officer.send("POST", &path, &headers, Some(body.clone()));

    let held = app.hold_assignments().await;
    let refused = accept().await.problem(503, "busy");
    assert_eq!(refused.header("retry-after"), Some("1"), "{}", refused.json);
    drop(held);

    assert_eq!(accept().await.expect(200)["state"], "accepted");
    assert_eq!(accept().await.expect(200)["state"], "accepted");
    let seen = room.get(&format!("/assignments/{}", sent[0]["id"].as_str().unwrap())).await.expect(200);
    let accepted = seen["rungs"].as_array().unwrap().iter().filter(|rung| rung["rung"] == "accepted").count();
    assert_eq!(accepted, 1, "{}", seen.json);
}
