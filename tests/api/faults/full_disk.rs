//! A full disk: where everybody is can still be seen, and who looked is recorded when there is room again.

use crate::support::{Database, TestApp, wait_for};
use serde_json::json;

/// Where looks are written: those over a unit, and those that name people.
const TABLES: [&str; 2] = ["location_access", "look_log"];

/// From now on no look can be stored: what a full disk answers, without one.
fn refuse() -> Vec<String> {
    let trigger = |table: &str| format!("CREATE TRIGGER full_{table} BEFORE INSERT ON {table}");
    if Database::on_postgres() {
        let body = "BEGIN RAISE EXCEPTION 'could not extend file: No space left on device'; END";
        let function = format!("CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ {body} $$");
        let each = "FOR EACH ROW EXECUTE FUNCTION refuse()";
        let triggers = TABLES.iter().map(|table| format!("{} {each}", trigger(table)));
        return std::iter::once(function).chain(triggers).collect();
    }
    let body = "BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END";
    TABLES.iter().map(|table| format!("{} {body}", trigger(table))).collect()
}

fn relieve() -> Vec<String> {
    let on = |table: &str| if Database::on_postgres() { format!(" ON {table}") } else { String::new() };
    TABLES.iter().map(|table| format!("DROP TRIGGER full_{table}{}", on(table))).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_map_is_shown_and_the_look_is_recorded_later() {
    let app = TestApp::start().await;
    let (station, room, officer) = app.station("Full").await;
    officer.sign_on().await;
    officer.report(station.near(0.0, 0.0)).await.expect(200);
    for statement in refuse() {
        app.sql(statement).await;
    }

    let (lon, lat) = station.near(10.0, 0.0);
    for path in [
        format!("/live?unit_id={}&purpose=once", station.id),
        format!("/nearby?lon={lon}&lat={lat}&k=3&purpose=near"),
        format!("/people/{}/track?purpose=where", officer.person_id),
    ] {
        let shown = room.get(&path).await.expect(200);
        assert!(path.contains("track") || shown.json.to_string().contains(&officer.person_id), "{path}: {shown:?}");
    }
    let mut page = room.socket().await;
    page.send(json!({ "type": "subscribe", "request_id": "view", "unit_id": station.id, "purpose": "watching" }));
    page.expect_where("a snapshot", |frame| frame["type"] == "live_snapshot").await;
    // One view ends while its record is still owed.
    page.send(json!({ "type": "unsubscribe", "request_id": "off" }));
    page.reply("off").await;

    for statement in relieve() {
        app.sql(statement).await;
    }
    let looks = wait_for("the looks", || async {
        let looks = officer.get("/me/looked-at").await.expect(200);
        let text = looks.json.to_string();
        ["once", "near", "where", "watching"].iter().all(|purpose| text.contains(purpose)).then_some(looks)
    })
    .await;
    let watching = looks["items"].as_array().unwrap().iter().find(|look| look["purpose"] == "watching").unwrap();
    assert!(watching["to"].is_string(), "its end is known: {watching}");
}
