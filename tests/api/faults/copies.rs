//! A database that was copied back: every terminal that knows more than the server is told to reload.

use crate::support::{TestApp, wait_for};
use serde_json::json;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_copied_back_is_noticed() {
    let app = TestApp::start().await;
    let (station, room, officer) = app.station("Copy").await;
    let mut first = officer.socket().await;
    let incident = room.incident(station.near(0.0, 0.0)).await;
    room.assign(&incident, &[&officer]).await;
    first.expect("assignment.offered").await;
    first.ack_all();
    let note = format!("/incidents/{}/notes", incident["id"].as_str().unwrap());

    // What happened after the copy: the terminal heard two notes and acknowledged them.
    app.copy_db_aside().await;
    let mut second = officer.socket_raw().await;
    let welcome = second.resume(&first).await;
    assert_eq!(welcome["recovered"], true, "a mere restart loses nothing: {welcome}");
    for text in ["dog in the yard", "the neighbour has left"] {
        room.post(&note, json!({ "text": text })).await.ok();
        second.expect("incident.note").await;
    }
    second.ack_all();

    // The copy is put back and lives on: as many messages as before, but other ones.
    app.put_back().await;
    for text in ["ring at the back door", "second floor", "bring a ladder"] {
        room.post(&note, json!({ "text": text })).await.ok();
    }
    let mut third = officer.socket_raw().await;
    let welcome = third.resume(&second).await;
    assert_eq!(welcome["recovered"], false, "{welcome}");
    assert_eq!(welcome["reason"], "diverged", "{welcome}");
    // Numbers begin again, so they belong to another epoch; a later comer keeps it.
    assert_ne!(welcome["epoch"], second.epoch, "{welcome}");
    let known = third.epoch.clone();
    let welcome = officer.login_on(&officer.device_id()).await.socket_raw().await.resume(&second).await;
    assert_eq!((welcome["reason"].as_str(), &welcome["epoch"]), (Some("diverged"), &known), "{welcome}");

    // Reloading the inbox gives what is true now.
    let inbox = wait_for("the inbox", || async {
        let inbox = officer.get("/me/inbox").await.ok();
        inbox["items"].as_array().is_some_and(|items| items.len() >= 4).then_some(inbox)
    })
    .await;
    let text = inbox.json.to_string();
    assert!(text.contains("bring a ladder") && !text.contains("dog in the yard"), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_terminal_ahead_of_the_server_is_told_to_reload() {
    let app = TestApp::start().await;
    let (station, room, officer) = app.station("Copy").await;
    app.copy_db_aside().await;
    let mut before = officer.socket().await;
    let incident = room.incident(station.near(0.0, 0.0)).await;
    room.assign(&incident, &[&officer]).await;
    before.expect("assignment.offered").await;
    before.ack_all();
    app.put_back().await;
    let mut after = officer.socket_raw().await;
    let welcome = after.resume(&before).await;
    assert_eq!(welcome["recovered"], false, "{welcome}");
    assert_eq!(welcome["reason"], "diverged", "{welcome}");
}
