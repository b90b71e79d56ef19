//! Fixes in: once each, judged, safe against kill -9, as their author's.

use crate::support::{Officer, TestApp, ago, fix, now, wait_until};
use serde_json::{Value, json};
use std::collections::HashSet;

/// `n` fixes ten seconds apart, the last one taken `until` seconds ago, walking east from a place.
fn walk(from: (f64, f64), n: usize, until: f64) -> Vec<Value> {
    (0..n)
        .map(|i| {
            let mut fix = fix((from.0 + i as f64 * 1e-5, from.1), until + (n - 1 - i) as f64 * 10.0);
            fix["battery_pct"] = json!(80);
            fix["next_within_s"] = json!(30);
            fix
        })
        .collect()
}

/// The moment of a fix in microseconds: the same time may be written with more or fewer digits.
fn moment(fix: &Value) -> i64 {
    fix["at"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap().as_microsecond()
}

async fn track(who: &Officer, seconds: f64) -> Vec<Value> {
    let path = format!("/people/{}/track?from={}&to={}", who.person_id, ago(seconds), ago(-7_200.0));
    let reply = who.get(&path).await.expect(200);
    reply["fixes"].as_array().unwrap().clone()
}

#[tokio::test]
async fn a_fix_is_kept_once_whatever_is_sent_again() {
    let app = TestApp::shared().await;
    let unit = app.unit("once").await;
    let officer = unit.officer("walker").await;
    let fixes = walk(unit.center, 100, 0.0);
    let first = officer.positions(fixes.clone()).await.expect(200);
    assert_eq!((&first["stored"], &first["duplicates"], &first["flagged"]), (&json!(100), &json!(0), &json!(0)));
    let again = officer.positions(fixes.clone()).await.expect(200);
    assert_eq!((&again["stored"], &again["duplicates"]), (&json!(0), &json!(100)));
    let mut mixed = walk(unit.center, 1, -1.0);
    mixed.extend(mixed.clone());
    mixed.extend(fixes[50..60].to_vec());
    let mixed = officer.positions(mixed).await.expect(200);
    assert_eq!((&mixed["stored"], &mixed["duplicates"]), (&json!(1), &json!(11)));
    let kept = track(&officer, 2_000.0).await;
    assert_eq!(kept.len(), 101);
    assert_eq!(moment(&kept[7]), moment(&fixes[7]));
    assert!((kept[7]["lon"].as_f64().unwrap() - fixes[7]["lon"].as_f64().unwrap()).abs() < 1e-7);
    assert_eq!((&kept[7]["battery_pct"], &kept[7]["device_id"]), (&json!(80), &json!(officer.device_id())));
}

#[tokio::test]
async fn another_device_with_the_same_times_is_another_track() {
    let app = TestApp::shared().await;
    let unit = app.unit("two").await;
    let phone = unit.officer("both").await;
    let camera = phone.login_device("body_worn_camera").await;
    let fixes = walk(unit.center, 10, 0.0);
    assert_eq!(phone.positions(fixes.clone()).await.expect(200)["stored"], 10);
    assert_eq!(camera.positions(fixes).await.expect(200)["stored"], 10);
    assert_eq!(track(&phone, 500.0).await.len(), 20);
}

#[tokio::test]
async fn what_cannot_be_believed_is_kept_and_moves_nothing() {
    let app = TestApp::shared().await;
    let unit = app.unit("odd").await;
    let officer = unit.officer("odd").await;
    let room = unit.dispatcher("room").await;
    officer.sign_on().await;
    officer.positions(vec![fix(unit.center, 5.0)]).await.expect(200);
    let odd = [
        (fix(unit.near(50.0, 0.0), 60.0), "late"),
        (fix(unit.near(50.0, 0.0), -3_600.0), "future"),
        (fix((0.0, 0.0), 3.0), "zero"),
        (fix((unit.center.0 + 5.0, unit.center.1), 2.0), "impossible"),
    ];
    for (fix, flag) in &odd {
        let reply = officer.positions(vec![fix.clone()]).await.expect(200);
        assert_eq!((&reply["stored"], &reply["flagged"]), (&json!(1), &json!(1)), "{flag}");
        assert_eq!(reply["flags"][flag], 1, "{flag}");
    }
    let live = room.get("/live").await.expect(200);
    let me = live["people"].as_array().unwrap().iter().find(|p| p["person_id"] == officer.person_id).unwrap();
    assert!((me["lon"].as_f64().unwrap() - unit.center.0).abs() < 1e-6, "{me}");
    let kept = track(&officer, 3_000.0).await;
    assert_eq!(kept.len(), 5);
    for (sent, flag) in &odd {
        let fix = kept.iter().find(|f| moment(f) == moment(sent)).unwrap();
        assert_eq!(fix["flags"], json!([flag]));
    }
    // A good fix afterwards moves the marker again.
    officer.positions(vec![fix(unit.near(20.0, 0.0), 0.0)]).await.expect(200);
    let live = room.get("/live").await.expect(200);
    let me = live["people"].as_array().unwrap().iter().find(|p| p["person_id"] == officer.person_id).unwrap();
    assert!((me["lon"].as_f64().unwrap() - unit.near(20.0, 0.0).0).abs() < 1e-6, "{me}");
}

#[tokio::test]
async fn bad_fixes_are_refused_by_name_and_nothing_of_the_call_is_kept() {
    let app = TestApp::shared().await;
    let unit = app.unit("bad").await;
    let officer = unit.officer("bad").await;
    let cases = [
        (json!({ "lat": 90.5 }), "fixes[1].lat"),
        (json!({ "lon": -180.5 }), "fixes[1].lon"),
        (json!({ "accuracy_m": -1 }), "fixes[1].accuracy_m"),
        (json!({ "heading_deg": 361 }), "fixes[1].heading_deg"),
        (json!({ "battery_pct": 101 }), "fixes[1].battery_pct"),
        (json!({ "next_within_s": -5 }), "fixes[1].next_within_s"),
        (json!({ "datum": "mars" }), "fixes[1].datum"),
        (json!({ "at": "yesterday" }), "fixes[1].at"),
        (json!({ "lon": "119" }), "fixes[1].lon"),
    ];
    for (change, field) in cases {
        let mut wrong = fix(unit.center, 0.0);
        for (name, value) in change.as_object().unwrap() {
            wrong[name] = value.clone();
        }
        let reply = officer.positions(vec![fix(unit.center, 1.0), wrong]).await.problem(422, "invalid_field");
        assert_eq!(reply["field"], field, "{}", reply.json);
    }
    let mut unknown = fix(unit.center, 0.0);
    unknown["hdop"] = json!(1);
    officer.positions(vec![unknown]).await.problem(422, "invalid_field");
    officer.positions(vec![]).await.problem(422, "invalid_field");
    officer.positions(vec![fix(unit.center, 0.0); 10_001]).await.problem(413, "too_many_fixes");
    let nan = format!(r#"{{"fixes":[{{"at":"{}","lon":NaN,"lat":1}}]}}"#, now());
    let raw = app.http().post(app.url("/positions")).bearer_auth(officer.token());
    let raw = raw.header("content-type", "application/json").body(nan).send().await.unwrap();
    assert_eq!(raw.status(), 400);
    assert_eq!(track(&officer, 1_000.0).await.len(), 0);
    unit.service("intake").await.positions(vec![fix(unit.center, 0.0)]).await.problem(403, "forbidden");
}

#[tokio::test]
async fn map_datums_are_converted_at_the_door() {
    let app = TestApp::shared().await;
    let unit = app.unit("datum").await;
    for (datum, sent, wgs) in [
        ("gcj02", (119.581_132_4, 31.745_064_0), (119.5762, 31.7472)),
        ("bd09", (116.416_627_2, 39.922_699_6), (116.404, 39.915)),
        ("wgs84", (119.5762, 31.7472), (119.5762, 31.7472)),
        ("gcj02", (-0.1276, 51.5072), (-0.1276, 51.5072)),
    ] {
        let officer = unit.officer("datum").await;
        let mut fix = fix(sent, 1.0);
        fix["datum"] = json!(datum);
        officer.positions(vec![fix]).await.expect(200);
        let kept = &track(&officer, 100.0).await[0];
        let off = |name: &str, want: f64| (kept[name].as_f64().unwrap() - want).abs() * 111_000.0;
        assert!(off("lon", wgs.0) < 1.0 && off("lat", wgs.1) < 1.0, "{datum}: {kept}");
    }
}

#[tokio::test]
async fn ten_thousand_of_any_age_survive_kill_9_and_are_known_again() {
    let app = TestApp::start().await;
    let unit = app.unit("backlog").await;
    let officer = unit.officer("backlog").await;
    let fixes = walk(unit.center, 10_000, 5.0);
    let first = officer.positions(fixes.clone()).await.expect(200);
    assert_eq!((&first["stored"], &first["flagged"]), (&json!(10_000), &json!(0)));
    app.kill9();
    app.restart().await;
    let again = officer.positions(fixes.clone()).await.expect(200);
    assert_eq!((&again["stored"], &again["duplicates"]), (&json!(0), &json!(10_000)));
    let kept = track(&officer, 110_000.0).await;
    assert_eq!(kept.len(), 10_000);
    let late = officer.positions(vec![fix(unit.center, 90_001.5)]).await.expect(200);
    assert_eq!((&late["stored"], &late["flags"]["late"]), (&json!(1), &json!(1)));
}

#[tokio::test]
async fn everything_acknowledged_before_a_kill_is_there_once() {
    let app = TestApp::start().await;
    let unit = app.unit("kill").await;
    let officers = [unit.officer("a").await, unit.officer("b").await, unit.officer("c").await];
    let mut senders = Vec::new();
    for officer in officers.clone() {
        let (center, url) = (unit.center, app.url("/positions"));
        senders.push(tokio::spawn(async move {
            let (mut acknowledged, mut i) = (Vec::new(), 0);
            loop {
                let batch: Vec<Value> =
                    (0..7).map(|k| fix((center.0, center.1), 50_000.0 - f64::from(i * 7 + k))).collect();
                i += 1;
                let times: Vec<i64> = batch.iter().map(moment).collect();
                let call = officer.app.http().post(&url).bearer_auth(officer.token()).json(&json!({ "fixes": batch }));
                match call.send().await {
                    Ok(answer) if answer.status() == 200 => acknowledged.extend(times),
                    _ => return acknowledged,
                }
            }
        }));
    }
    tokio::time::sleep(std::time::Duration::from_millis(1_500)).await;
    app.kill9();
    let mut acknowledged = Vec::new();
    for sender in senders {
        acknowledged.push(sender.await.unwrap());
    }
    app.restart().await;
    for (officer, acknowledged) in officers.iter().zip(acknowledged) {
        assert!(acknowledged.len() > 20);
        let kept: Vec<i64> = track(officer, 51_000.0).await.iter().map(moment).collect();
        let distinct: HashSet<&i64> = kept.iter().collect();
        assert_eq!(distinct.len(), kept.len(), "nothing is there twice");
        let missing: Vec<&i64> = acknowledged.iter().filter(|at| !distinct.contains(at)).collect();
        assert!(missing.is_empty(), "acknowledged and lost: {missing:?}");
    }
}

#[tokio::test]
async fn what_a_queued_on_a_shared_handheld_arrives_as_a_s_from_b() {
    let app = TestApp::shared().await;
    let unit = app.unit("handover").await;
    let a = unit.officer("early").await;
    a.positions(vec![fix(unit.near(5.0, 0.0), 0.0)]).await.expect(200);
    let queued: Vec<Value> = (1..=20).map(|i| fix(unit.near(f64::from(i), 0.0), -f64::from(i) / 1e4)).collect();
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    a.post_empty("/auth/logout").await.ok();
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    let b = unit.person("late", "police_officer").await.login_on(&a.device_id()).await;
    let own = fix(unit.near(100.0, 0.0), -0.5);
    let mut all = queued.clone();
    all.push(own.clone());
    let reply = b.positions(all.clone()).await.expect(200);
    assert_eq!((&reply["stored"], &reply["duplicates"]), (&json!(21), &json!(0)));
    assert_eq!(b.positions(all).await.expect(200)["stored"], 0);
    let of_b = track(&b, 100.0).await;
    assert_eq!((of_b.len(), moment(&of_b[0])), (1, moment(&own)));
    let a = a.login_browser().await;
    let of_a = track(&a, 100.0).await;
    assert_eq!(of_a.len(), 21);

    let named = json!({ "person_id": a.person_id });
    let body = json!({ "fixes": [fix(unit.center, 0.0)], "author": named });
    assert_eq!(b.post("/positions", body).await.expect(200)["stored"], 1);
    let stranger = unit.officer("stranger").await;
    let body = json!({ "fixes": [fix(unit.center, 1.0)], "author": { "person_id": stranger.person_id } });
    b.post("/positions", body).await.problem(403, "forbidden");
}

#[tokio::test]
async fn a_socket_is_acknowledged_by_its_counter() {
    let app = TestApp::shared().await;
    let unit = app.unit("counter").await;
    let officer = unit.officer("socket").await;
    let mut socket = officer.socket().await;
    for n in 1..=20u32 {
        let fixes = vec![fix(unit.center, 30.0 - f64::from(n))];
        socket.send(json!({ "type": "fixes", "n": n, "fixes": fixes }));
    }
    let mut good = fix(unit.center, 1.0);
    good["lat"] = json!(91.0);
    socket.send(json!({ "type": "fixes", "n": 21, "fixes": [good, fix(unit.center, 0.5)] }));
    let ack = socket.expect_where("the last acknowledgement", |m| m["type"] == "fixes_ack" && m["up_to"] == 21).await;
    assert_eq!((&ack["rejected"][0]["n"], &ack["rejected"][0]["index"]), (&json!(21), &json!(0)));
    wait_until("all are in the track", || async { track(&officer, 100.0).await.len() == 21 }).await;
}
