//! Many at once: nobody waits for each other in a circle.

use crate::support::{Database, Officer, TestApp};
use serde_json::json;

/// Fails when PostgreSQL had to end a circle in this database; each has cost everybody in it a second.
const NO_CIRCLE: &str = "DO $$ BEGIN IF (SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()) > 0 \
                         THEN RAISE EXCEPTION 'somebody waited in a circle'; END IF; END $$";

/// A room that takes calls in, sends two, notes something, and calls them off while they answer.
async fn work(room: &Officer, at: (f64, f64), officers: &[Officer], from: usize) {
    for round in 0..6 {
        let incident = room.incident(at).await;
        let id = incident["id"].as_str().unwrap();
        let (one, other) =
            (&officers[(from + round) % officers.len()], &officers[(from + 3 * round + 1) % officers.len()]);
        let to = json!({ "person_ids": [one.person_id, other.person_id], "override_claim": true });
        let sent = room.post(&format!("/incidents/{id}/assignments"), to).await.ok();
        let sent = sent["assignments"].as_array().unwrap().clone();
        let note = format!("/incidents/{id}/notes");
        let (first, last) = (&sent[0], &sent[sent.len() - 1]);
        tokio::join!(
            one.event(first, "accepted"),
            other.event(last, "accepted"),
            room.post(&note, json!({ "text": "two men" })),
            one.post(&note, json!({ "text": "three" })),
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn rooms_and_officers_at_once_never_wait_in_a_circle() {
    if !Database::on_postgres() {
        // One writer: nobody to wait for.
        return;
    }
    // Clocks that run out while others are stopped belong to the crowd.
    let clocks = "[dispatch]\ndelivered_s = [1, 1, 1, 1]\nviewed_s = [1, 1, 1, 1]\naccepted_s = [1, 1, 1, 1]\n";
    let app = TestApp::builder().config(clocks).start().await;
    let (station, room, officer) = app.station("Crowd").await;
    let mut officers = vec![officer];
    for name in ["li", "wang", "zhao", "chen"] {
        officers.push(station.officer(name).await);
    }
    let rooms = [room, station.dispatcher("second").await, station.dispatcher("third").await];
    let at = station.near(0.0, 0.0);
    let (a, b, c) = (&rooms[0], &rooms[1], &rooms[2]);
    tokio::join!(
        work(a, at, &officers, 0),
        work(b, at, &officers, 1),
        work(c, at, &officers, 2),
        work(a, at, &officers, 3),
        work(b, at, &officers, 4),
        work(c, at, &officers, 2),
    );
    // Statistics come when a connection has been idle.
    tokio::time::sleep(std::time::Duration::from_secs(3)).await;
    app.sql(NO_CIRCLE.to_owned()).await;
}
