//! A machine that comes up with a clock that is behind, as after a power cut with a dead battery.

use crate::support::{TestApp, wait_for};
use serde_json::json;

/// How far the clock is behind when the server starts again.
const BEHIND_US: i64 = 300_000_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deadlines_do_not_wait_for_a_clock_that_is_behind() {
    let clocks = "[dispatch]\ndelivered_s = [4, 4, 4, 4]\nviewed_s = [4, 4, 4, 4]\naccepted_s = [4, 4, 4, 4]\n";
    let app = TestApp::builder().config(clocks).start().await;
    let (station, room, officer) = app.station("Clock").await;
    let incident = room.incident(station.near(0.0, 0.0)).await;
    room.assign(&incident, &[&officer]).await;
    // A clock that is behind is the same as rows that are ahead.
    for (table, column) in [("message", "created_at"), ("deadline", "due_at"), ("deadline", "opened_at")] {
        app.sql(format!("UPDATE {table} SET {column} = {column} + {BEHIND_US}")).await;
    }
    app.restart().await;
    let timeline = format!("/incidents/{}/timeline", incident["id"].as_str().unwrap());
    wait_for("the missed deadline", || async {
        let lines = room.get(&timeline).await.ok();
        lines.items().iter().any(|line| line["kind"] == "deadline.missed").then_some(json!(true))
    })
    .await;
}
