//! `kill -9` in the middle of work. Clients behave as terminals do: they repeat what was not answered,
//! with the same keys, until it is. Afterwards every acknowledged thing is there, once.

use crate::support::{Officer, TestApp, ago, fix, new_id, wait_for};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// One write that a client will repeat until it is answered.
#[derive(Clone)]
struct Write {
    path: String,
    key: String,
    body: Value,
}

/// Sends `writes` over eight lines at once, kills the server after `kill_after` answers, restarts it and lets
/// every line repeat what it had no answer to. Gives the first and the last answer to each write.
async fn through_a_kill(
    app: &TestApp,
    who: &Officer,
    writes: Vec<Write>,
    kill_after: usize,
) -> Vec<(Option<Value>, Value)> {
    let answered = Arc::new(AtomicUsize::new(0));
    let mut lines = Vec::new();
    for line in 0..8 {
        let (who, answered) = (who.clone(), answered.clone());
        let mine: Vec<(usize, Write)> = writes.iter().cloned().enumerate().filter(|(n, _)| n % 8 == line).collect();
        lines.push(tokio::spawn(async move {
            let mut before = Vec::new();
            for (n, write) in mine {
                match try_once(&who, &write).await {
                    Some(answer) => {
                        answered.fetch_add(1, Ordering::SeqCst);
                        before.push((n, answer));
                    }
                    None => break,
                }
            }
            before
        }));
    }
    wait_for("enough answers before the kill", || {
        let enough = answered.load(Ordering::SeqCst) >= kill_after;
        async move { enough.then_some(()) }
    })
    .await;
    app.kill9();
    let mut before = BTreeMap::new();
    for line in lines {
        before.extend(line.await.unwrap());
    }
    assert!(before.len() < writes.len(), "the kill came too late to be in the middle");
    app.restart().await;
    let mut all = Vec::new();
    for (n, write) in writes.iter().enumerate() {
        let after = wait_for("an answer after the restart", || try_once(who, write)).await;
        all.push((before.remove(&n), after));
    }
    all
}

async fn try_once(who: &Officer, write: &Write) -> Option<Value> {
    // The port is gone while the server is: that is a cut link, not a failed test.
    let (app, token) = (who.app.clone(), who.token());
    let (key, path, body) = (write.key.clone(), write.path.clone(), write.body.clone());
    let sent = tokio::spawn(async move {
        app.try_send("POST", &path, Some(&token), &[("idempotency-key", &key)], Some(&body)).await
    });
    let reply = sent.await.ok()?.ok()?;
    if reply.status == 503 {
        tokio::time::sleep(Duration::from_millis(50)).await;
        return None;
    }
    Some(reply.ok().json)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_in_the_middle_of_assignments() {
    let app = TestApp::start().await;
    let (station, room, officer) = app.station("Kill").await;
    let mut incidents = Vec::new();
    for _ in 0..40 {
        incidents.push(room.incident(station.near(0.0, 0.0)).await);
    }
    let writes = incidents
        .iter()
        .map(|incident| Write {
            path: format!("/incidents/{}/assignments", incident["id"].as_str().unwrap()),
            key: new_id(),
            body: json!({ "person_ids": [officer.person_id] }),
        })
        .collect();
    let answers = through_a_kill(&app, &room, writes, 12).await;

    let mut made = BTreeSet::new();
    for (before, after) in &answers {
        let id = after["assignments"][0]["id"].as_str().unwrap().to_owned();
        if let Some(before) = before {
            assert_eq!(before["assignments"][0]["id"], id.as_str(), "an acknowledged assignment changed its id");
        }
        assert!(made.insert(id), "one assignment answered for two incidents");
    }
    for incident in &incidents {
        let path = format!("/incidents/{}/assignments", incident["id"].as_str().unwrap());
        let now = room.get(&path).await.ok();
        assert_eq!(now.items().len(), 1, "{}", now.json);
    }
    // The officer hears of each exactly once.
    let mut socket = officer.socket().await;
    let mut offered = BTreeSet::new();
    while offered.len() < made.len() {
        let offer = socket.expect("assignment.offered").await;
        socket.ack_all();
        let id = offer["data"]["assignment_id"].as_str().unwrap().to_owned();
        assert!(offered.insert(id), "offered twice: {offer}");
    }
    assert_eq!(offered, made);
    socket.expect_none("assignment.offered", Duration::from_millis(500)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_in_the_middle_of_fix_batches() {
    let app = TestApp::start().await;
    let station = app.unit("Kill").await;
    let officer = station.officer("wang").await;
    officer.sign_on().await;
    // 60 batches of 20 fixes, a second apart, ending now.
    let batches: Vec<Vec<Value>> = (0..60)
        .map(|batch| {
            (0..20)
                .map(|n| {
                    let back = f64::from(1200 - (batch * 20 + n));
                    fix(station.near(1200.0 - back, 0.0), back)
                })
                .collect()
        })
        .collect();
    let writes = batches
        .iter()
        .map(|fixes| Write { path: "/positions".to_owned(), key: new_id(), body: json!({ "fixes": fixes }) })
        .collect();
    let answers = through_a_kill(&app, &officer, writes, 15).await;
    for (_, after) in &answers {
        let (stored, duplicates) = (after["stored"].as_i64().unwrap(), after["duplicates"].as_i64().unwrap_or(0));
        assert_eq!(stored + duplicates, 20, "{after}");
    }
    let path = format!("/people/{}/track?from={}&to={}", officer.person_id, ago(3600.0), ago(-60.0));
    let track = officer.get(&path).await.ok();
    let times: Vec<&str> = track["fixes"].as_array().unwrap().iter().map(|fix| fix["at"].as_str().unwrap()).collect();
    let sent: BTreeSet<&str> = batches.iter().flatten().map(|fix| fix["at"].as_str().unwrap()).collect();
    assert_eq!(times.len(), sent.len(), "every acknowledged fix once");
    let micros = |text: &str| text.parse::<jiff::Timestamp>().unwrap();
    let there: BTreeSet<_> = times.into_iter().map(micros).collect();
    assert_eq!(there, sent.into_iter().map(micros).collect::<BTreeSet<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_in_the_middle_of_a_backup() {
    let app = TestApp::start().await;
    let station = app.unit("Kill").await;
    let room = station.dispatcher("room").await;
    let mut callers = Vec::new();
    for n in 0..10 {
        let caller = station.officer(&format!("caller{n}")).await;
        caller.sign_on().await;
        caller.report(station.near(f64::from(n) * 30.0, 0.0)).await;
        callers.push(caller);
    }
    // All press at once; the server dies while it answers; every terminal presses on with its key.
    let keys: Vec<String> = callers.iter().map(|_| new_id()).collect();
    let answered = Arc::new(AtomicUsize::new(0));
    let presses: Vec<_> = callers
        .iter()
        .zip(&keys)
        .map(|(caller, key)| {
            let write = Write { path: "/backups".to_owned(), key: key.clone(), body: json!({ "kind": "help" }) };
            let (caller, answered) = (caller.clone(), answered.clone());
            tokio::spawn(async move {
                let answer = try_once(&caller, &write).await;
                answered.fetch_add(usize::from(answer.is_some()), Ordering::SeqCst);
                answer
            })
        })
        .collect();
    wait_for("three presses answered", || {
        let enough = answered.load(Ordering::SeqCst) >= 3;
        async move { enough.then_some(()) }
    })
    .await;
    app.kill9();
    let mut before = Vec::new();
    for press in presses {
        before.push(press.await.unwrap());
    }
    app.restart().await;
    let mut raised = BTreeSet::new();
    for ((caller, key), before) in callers.iter().zip(&keys).zip(before) {
        let write = Write { path: "/backups".to_owned(), key: key.clone(), body: json!({ "kind": "help" }) };
        let after = wait_for("an answer after the restart", || try_once(caller, &write)).await;
        if let Some(before) = before {
            assert_eq!(before["id"], after["id"], "an acknowledged alarm changed its id");
        }
        let id = after["id"].as_str().unwrap().to_owned();
        let seen = room.get(&format!("/backups/{id}")).await.ok();
        assert_ne!(seen["state"], "closed");
        assert!(raised.insert(id), "two people's presses became one alarm");
    }
    assert_eq!(raised.len(), callers.len());
    // The room heard of each alarm.
    let mut socket = room.socket().await;
    let mut heard = BTreeSet::new();
    while heard.len() < raised.len() {
        let frame = socket
            .expect_where("an alarm for the room", |frame| {
                frame["type"] == "message" && raised.iter().any(|id| frame["data"].to_string().contains(id.as_str()))
            })
            .await;
        socket.ack_all();
        heard.extend(raised.iter().filter(|id| frame["data"].to_string().contains(id.as_str())).cloned());
    }
}
