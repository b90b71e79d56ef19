//! People and units that move in the organisation: who watches them changes at once.

use crate::support::{Officer, Socket, TestApp, Unit};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// From the answer to the change until the watcher has it.
const AT_ONCE: Duration = Duration::from_millis(2_500);

/// A socket with a live view of a unit (one's own unless told); the snapshot is read.
async fn watch(viewer: &Officer, unit: Option<&Unit>) -> (Socket, Value) {
    let mut socket = viewer.socket().await;
    let id = unit.map(|unit| unit.id.as_str());
    socket.send(json!({ "type": "subscribe", "request_id": "s", "unit_id": id }));
    let snapshot = frame(&mut socket, |frame| frame["type"] == "live_snapshot").await;
    (socket, snapshot["people"].clone())
}

/// The first live frame for which `check` is true; acknowledges every one on the way.
async fn frame(socket: &mut Socket, check: impl Fn(&Value) -> bool) -> Value {
    loop {
        let next = socket.expect_where("a live frame", |m| m["type"] == "live_snapshot" || m["type"] == "live_delta");
        let next = next.await;
        socket.send(json!({ "type": "live_ack", "version": next["version"] }));
        if check(&next) {
            return next;
        }
    }
}

fn lists(people: &Value, who: &Officer) -> bool {
    people.as_array().unwrap().iter().any(|p| p["person_id"] == who.person_id)
}

async fn gains(socket: &mut Socket, who: &Officer) {
    frame(socket, |frame| frame["type"] == "live_delta" && lists(&frame["changed"], who)).await;
}

async fn loses(socket: &mut Socket, who: &Officer) {
    let gone = |frame: &Value| frame["removed"].as_array().is_some_and(|all| all.contains(&json!(who.person_id)));
    frame(socket, gone).await;
}

struct County {
    chief: Officer,
    old: Unit,
    new: Unit,
}

async fn county() -> County {
    let county = TestApp::shared().await.unit("County").await;
    County {
        chief: county.administrator("chief").await,
        old: county.child("Old", "station_command_room").await,
        new: county.child("New", "station_command_room").await,
    }
}

async fn placed(unit: &Unit, name: &str) -> Officer {
    let officer = unit.officer(name).await;
    officer.sign_on().await;
    officer.report(unit.near(10.0, 10.0)).await;
    officer
}

#[tokio::test]
async fn a_person_moved_to_another_unit_leaves_one_map_and_is_on_the_other_at_once() {
    let County { chief, old, new } = county().await;
    let wang = placed(&old, "wang").await;
    let (left, right) = (old.dispatcher("left").await, new.dispatcher("right").await);
    let (mut from, before) = watch(&left, None).await;
    let (mut to, _) = watch(&right, None).await;
    assert!(lists(&before, &wang));

    let path = format!("/people/{}", wang.person_id);
    chief.patch(&path, json!({ "unit_id": new.id })).await.expect(200);
    let begun = Instant::now();
    loses(&mut from, &wang).await;
    gains(&mut to, &wang).await;
    assert!(begun.elapsed() < AT_ONCE, "{:?}", begun.elapsed());
    assert!(!lists(&left.get("/live").await.expect(200)["people"], &wang));
    let here = right.get("/live").await.expect(200);
    let shown = here["people"].as_array().unwrap().iter().find(|p| p["person_id"] == wang.person_id).unwrap();
    assert_eq!(shown["unit_id"], new.id);
}

#[tokio::test]
async fn a_unit_moved_in_the_tree_takes_its_people_to_the_new_rooms_map_at_once() {
    let County { chief, old, new } = county().await;
    let post = old.child("Post", "street_post").await;
    let wang = placed(&post, "wang").await;
    let (left, right) = (old.dispatcher("left").await, new.dispatcher("right").await);
    let own = post.dispatcher("own").await;
    let (mut from, before) = watch(&left, None).await;
    let (mut part, _) = watch(&left.login_browser().await, Some(&post)).await;
    let (mut to, _) = watch(&right, None).await;
    let (mut inside, _) = watch(&own, None).await;
    assert!(lists(&before, &wang));

    chief.patch(&format!("/units/{}", post.id), json!({ "parent_id": new.id })).await.expect(200);
    let begun = Instant::now();
    loses(&mut from, &wang).await;
    gains(&mut to, &wang).await;
    assert!(begun.elapsed() < AT_ONCE, "{:?}", begun.elapsed());
    // Who sits in the moved unit goes on watching it; who watched it from above may no longer.
    let anew = frame(&mut inside, |frame| frame["type"] == "live_snapshot").await;
    assert!(lists(&anew["people"], &wang), "{anew}");
    let emptied = frame(&mut part, |frame| frame["type"] == "live_snapshot").await;
    assert_eq!(emptied["people"], json!([]));
    wang.report(post.near(60.0, 10.0)).await;
    gains(&mut inside, &wang).await;
    gains(&mut to, &wang).await;
    left.get(&format!("/live?unit_id={}", post.id)).await.problem(404, "not_found");
}

#[tokio::test]
async fn a_watcher_who_is_moved_sees_the_new_unit_and_no_more_the_old() {
    let County { chief, old, new } = county().await;
    let (wang, zhao) = (placed(&old, "wang").await, placed(&new, "zhao").await);
    let seat = old.dispatcher("seat").await;
    let (mut socket, before) = watch(&seat, None).await;
    assert!(lists(&before, &wang) && !lists(&before, &zhao));
    chief.patch(&format!("/people/{}", seat.person_id), json!({ "unit_id": new.id })).await.expect(200);
    let begun = Instant::now();
    let anew = frame(&mut socket, |frame| frame["type"] == "live_snapshot").await;
    assert!(begun.elapsed() < AT_ONCE, "{:?}", begun.elapsed());
    assert!(!lists(&anew["people"], &wang) && lists(&anew["people"], &zhao), "{anew}");
    wang.report(old.near(90.0, 10.0)).await;
    zhao.report(new.near(90.0, 10.0)).await;
    let next = frame(&mut socket, |frame| frame["type"] == "live_delta").await;
    assert!(!lists(&next["changed"], &wang) && lists(&next["changed"], &zhao), "{next}");
}
