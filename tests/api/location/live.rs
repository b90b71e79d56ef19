//! Where everybody is now: scope, freshness, nearby, live frames.

use crate::support::{Officer, TestApp, fix, wait_until};
use serde_json::{Value, json};

fn find(people: &Value, who: &Officer) -> Option<Value> {
    people.as_array().unwrap().iter().find(|p| p["person_id"] == who.person_id).cloned()
}

async fn live(viewer: &Officer, query: &str) -> Value {
    viewer.get(&format!("/live{query}")).await.expect(200)["people"].clone()
}

#[tokio::test]
async fn rooms_see_their_subtree_and_officers_their_own_unit() {
    let app = TestApp::shared().await;
    let unit = app.unit("scope").await;
    let (post, other) = (unit.child("post", "street_post").await, app.unit("elsewhere").await);
    let (walker, stranger) = (post.officer("walker").await, other.officer("stranger").await);
    let mate = post.officer("mate").await;
    for officer in [&walker, &stranger, &mate] {
        officer.sign_on().await;
        officer.report(unit.near(10.0, 10.0)).await;
    }
    let (room, far_room) = (unit.dispatcher("room").await, other.dispatcher("far").await);
    let seen = live(&room, "").await;
    assert!(find(&seen, &walker).is_some() && find(&seen, &stranger).is_none());
    assert!(find(&live(&room, &format!("?unit_id={}", post.id)).await, &walker).is_some());
    assert!(find(&live(&far_room, "").await, &walker).is_none());
    far_room.get(&format!("/live?unit_id={}", unit.id)).await.problem(404, "not_found");
    assert!(find(&live(&walker, "").await, &mate).is_some());
    assert!(find(&live(&stranger, "").await, &mate).is_none());
    unit.service("intake").await.get("/live").await.problem(403, "forbidden");

    let (lon, lat) = unit.center;
    let (west, east) = (lon - 0.01, lon + 0.01);
    let inside = live(&room, &format!("?bbox={west},{},{east},{}", lat - 0.01, lat + 0.01)).await;
    let outside = live(&room, &format!("?bbox={west},{},{east},{}", lat + 0.01, lat + 0.02)).await;
    assert!(find(&inside, &walker).is_some() && find(&outside, &walker).is_none());
    room.get("/live?bbox=1,2,3").await.problem(422, "invalid_field");
    room.get("/live?box=1").await.problem(422, "invalid_field");
    let me = find(&seen, &walker).unwrap();
    assert_eq!((&me["freshness"], &me["availability"]), (&json!("fresh"), &json!("available")));
    assert_eq!(me["device_id"], walker.device_id());
}

#[tokio::test]
async fn off_duty_is_out_of_sight_within_a_second() {
    let app = TestApp::shared().await;
    let unit = app.unit("offduty").await;
    let (officer, room) = (unit.officer("shift").await, unit.dispatcher("room").await);
    officer.report(unit.center).await;
    assert!(find(&live(&room, "").await, &officer).is_none(), "never signed on");
    officer.sign_on().await;
    assert!(find(&live(&room, "").await, &officer).is_some(), "the place was known before");
    let mut socket = room.socket().await;
    socket.send(json!({ "type": "subscribe", "request_id": "s" }));
    let snapshot = socket.expect("live_snapshot").await;
    assert!(find(&snapshot["people"], &officer).is_some());
    officer.sign_off().await;
    let delta = socket.expect_where("the removal", |m| m["type"] == "live_delta").await;
    assert_eq!(delta["removed"], json!([officer.person_id]));
    let (lon, lat) = unit.center;
    let near = room.get(&format!("/nearby?lon={lon}&lat={lat}&k=5")).await.expect(200);
    assert!(find(&near["people"], &officer).is_none());
    assert!(find(&live(&room, "").await, &officer).is_none());
}

#[tokio::test]
async fn silence_is_told_at_the_moment_it_begins_with_its_cause() {
    let app = TestApp::shared().await;
    let unit = app.unit("silent").await;
    let (officer, room) = (unit.officer("quiet").await, unit.dispatcher("room").await);
    officer.sign_on().await;
    let mut socket = room.socket().await;
    socket.send(json!({ "type": "subscribe", "request_id": "s" }));
    socket.expect("live_snapshot").await;
    let mut report = fix(unit.center, 0.0);
    report["next_within_s"] = json!(1);
    report["battery_pct"] = json!(3);
    officer.positions(vec![report]).await.expect(200);
    let fresh = socket.expect_where("fresh", |m| m["type"] == "live_delta" && !m["changed"][0].is_null()).await;
    assert_eq!(fresh["changed"][0]["freshness"], "fresh");
    socket.send(json!({ "type": "live_ack", "version": fresh["version"] }));
    let silent = socket.expect_where("silent", |m| m["changed"][0]["freshness"] == "silent").await;
    assert_eq!(silent["changed"][0]["cause"], "battery");
    let due: jiff::Timestamp = silent["changed"][0]["due_at"].as_str().unwrap().parse().unwrap();
    let late = jiff::Timestamp::now().as_millisecond() - due.as_millisecond();
    assert!((0..2_000).contains(&late), "told {late} ms after it was due");
    assert_eq!(find(&live(&room, "").await, &officer).unwrap()["freshness"], "silent");
}

#[tokio::test]
async fn the_nearest_are_found_by_exact_distance() {
    let app = TestApp::shared().await;
    let unit = app.unit("near").await;
    let room = unit.dispatcher("room").await;
    let mut people = Vec::new();
    for (i, metres) in [900.0, 100.0, 400.0, 2_500.0].into_iter().enumerate() {
        let officer = unit.officer(&format!("n{i}")).await;
        officer.sign_on().await;
        officer.report(unit.near(metres, 0.0)).await;
        people.push(officer);
    }
    let (lon, lat) = unit.center;
    let ask = |more: &str| format!("/nearby?lon={lon}&lat={lat}{more}");
    let near = room.get(&ask("&k=3&within_m=2000")).await.expect(200);
    let order: Vec<&Value> = near["people"].as_array().unwrap().iter().map(|p| &p["person_id"]).collect();
    assert_eq!(order, [&json!(people[1].person_id), &json!(people[2].person_id), &json!(people[0].person_id)]);
    for (found, metres) in near["people"].as_array().unwrap().iter().zip([100.0, 400.0, 900.0]) {
        assert!((found["distance_m"].as_f64().unwrap() - metres).abs() < 1.0, "{found}");
        assert!(found["eta_s"].as_f64().unwrap() > 0.0 && found["freshness"] == "fresh");
    }
    assert_eq!(room.get(&ask("&k=1")).await.expect(200)["people"].as_array().unwrap().len(), 1);
    people[1].put("/me/duty", json!({ "on_duty": true, "availability": "unavailable" })).await.ok();
    let free = room.get(&ask("&available=true&within_m=500")).await.expect(200);
    assert!(find(&free["people"], &people[1]).is_none() && find(&free["people"], &people[2]).is_some());
    for wrong in ["&k=0", "&k=101", "&within_m=-1", "&within_m=NaN", "&kinds=pirate"] {
        room.get(&ask(wrong)).await.problem(422, "invalid_field");
    }
    room.get("/nearby?lon=NaN&lat=1").await.problem(422, "invalid_field");
    room.get("/nearby?lon=200&lat=1").await.problem(422, "invalid_field");
    let far = app.unit("faraway").await.dispatcher("other").await;
    assert!(far.get(&ask("&k=5")).await.expect(200)["people"].as_array().unwrap().is_empty());
}

#[tokio::test]
async fn after_a_restart_places_are_known_and_none_is_fresh_that_is_not() {
    let app = TestApp::start().await;
    let unit = app.unit("restart").await;
    let (steady, quiet, room) =
        (unit.officer("steady").await, unit.officer("quiet").await, unit.dispatcher("room").await);
    for (officer, within) in [(&steady, 600), (&quiet, 1)] {
        officer.sign_on().await;
        let mut report = fix(unit.center, 0.0);
        report["next_within_s"] = json!(within);
        officer.positions(vec![report]).await.expect(200);
    }
    let before = room.get("/live").await.expect(200);
    app.kill9();
    tokio::time::sleep(std::time::Duration::from_secs(4)).await;
    app.restart().await;
    let after = room.get("/live").await.expect(200);
    assert_eq!(find(&after["people"], &steady).unwrap()["freshness"], "fresh");
    assert_eq!(find(&after["people"], &quiet).unwrap()["freshness"], "silent");
    assert_eq!(find(&after["people"], &quiet).unwrap()["due_at"], find(&before["people"], &quiet).unwrap()["due_at"]);
    assert!(after["version"].as_u64() > before["version"].as_u64());
}

#[tokio::test]
async fn a_watcher_follows_a_box_and_leaves_the_rest() {
    let app = TestApp::shared().await;
    let unit = app.unit("box").await;
    let (officer, room) = (unit.officer("mover").await, unit.dispatcher("room").await);
    officer.sign_on().await;
    officer.report(unit.near(0.0, 0.0)).await;
    let (lon, lat) = unit.center;
    let mut socket = room.socket().await;
    let bbox = json!([lon - 0.01, lat - 0.01, lon + 0.01, lat + 0.01]);
    socket.send(json!({ "type": "subscribe", "request_id": "s", "bbox": bbox }));
    let snapshot = socket.expect("live_snapshot").await;
    assert!(find(&snapshot["people"], &officer).is_some());
    socket.send(json!({ "type": "live_ack", "version": snapshot["version"] }));
    officer.report(unit.near(300.0, 0.0)).await;
    let moved = socket.expect_where("moved", |m| m["type"] == "live_delta" && !m["changed"][0].is_null()).await;
    assert!((moved["changed"][0]["lon"].as_f64().unwrap() - unit.near(300.0, 0.0).0).abs() < 1e-6);
    assert!(moved["version"].as_u64() > snapshot["version"].as_u64());
    socket.send(json!({ "type": "live_ack", "version": moved["version"] }));
    officer.report(unit.near(1_900.0, 0.0)).await;
    let gone = socket.expect_where("gone", |m| m["type"] == "live_delta" && !m["removed"][0].is_null()).await;
    assert_eq!(gone["removed"], json!([officer.person_id]));
}

#[tokio::test]
async fn devices_are_told_how_often_to_report() {
    let app = TestApp::shared().await;
    let unit = app.unit("policy").await;
    let (officer, room) = (unit.officer("sent").await, unit.dispatcher("room").await);
    officer.sign_on().await;
    assert_eq!(officer.get("/me/reporting-policy").await.expect(200)["mode"], "normal");
    let mut socket = officer.socket().await;
    let incident = room.incident(unit.center).await;
    let assignment = room.assign(&incident, &[&officer]).await.remove(0);
    officer.event(&assignment, "accepted").await.ok();
    let told = socket.expect_where("the policy", |m| m["kind"] == "reporting.policy").await;
    assert_eq!(told["data"]["policy"]["mode"], "on_assignment");
    officer.event(&assignment, "cleared").await.ok();
    wait_until("back to normal", || async {
        officer.get("/me/reporting-policy").await.expect(200)["mode"] == "normal"
    })
    .await;
}
