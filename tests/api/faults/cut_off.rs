//! A node that has lost its database (PostgreSQL only: nothing lies between a process and its own file).

use crate::support::{Reply, TestApp, wait_until};
use serde_json::json;
use std::time::{Duration, Instant};

fn refuses(reply: &Reply) -> bool {
    reply.status == 503 && reply["detail"].as_str().is_some_and(|detail| detail.contains("revocations"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_cannot_hear_of_revocations_honours_no_token_until_it_can() {
    let app = TestApp::start().await;
    let (station, room, wang) = app.station("Cut off").await;
    wang.report(station.near(0.0, 0.0)).await;
    let incident = room.incident(station.near(0.0, 0.0)).await;
    room.assign(&incident, &[&wang]).await;
    for one in [&room, &wang] {
        one.get("/me").await.expect(200);
    }
    if !app.shut_database(true).await {
        return;
    }
    let begun = Instant::now();
    wait_until("it says that it cannot know", || async { refuses(&room.get("/me").await) }).await;
    assert!(begun.elapsed() < Duration::from_secs(6), "{:?}", begun.elapsed());
    for (who, path) in [(&room, "/live"), (&room, "/cards"), (&wang, "/me/assignments"), (&wang, "/people")] {
        let reply = who.get(path).await;
        assert!(refuses(&reply), "{path}: {}", reply.json);
        assert!(reply.header("retry-after").is_some());
    }
    let notes = format!("/incidents/{}/notes", incident["id"].as_str().unwrap());
    assert!(refuses(&room.post(&notes, json!({ "text": "x" })).await));
    // A call for help and one's own inbox are not turned away for that; they only find no storage.
    let (inbox, help) = (wang.get("/me/inbox").await, wang.post("/backups", json!({})).await);
    for reply in [&inbox, &help] {
        assert!(reply.status >= 500 && !refuses(reply), "{}", reply.json);
    }
    assert_eq!(app.call("GET", "/healthz", None).await.status, 200, "the process itself is well");
    assert_eq!(app.call("GET", "/readyz", None).await.status, 503, "but nobody should be sent to it");

    app.shut_database(false).await;
    wait_until("it serves again", || async { room.get("/me").await.status == 200 }).await;
    wang.get("/me/assignments").await.expect(200);
    wang.post("/backups", json!({})).await.expect(201);
}
