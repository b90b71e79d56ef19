//! Fixes as binary frames: kept like those in JSON, and refused as clearly.

use crate::support::{Socket, TestApp, ago, fix, now};
use serde_json::{Value, json};
use std::time::Duration;
use suixing::duty::location::fix::FixIn;
use suixing::duty::location::uplink::{FIXES, decode_ack, encode};

fn frame(n: u64, fixes: &[Value]) -> Vec<u8> {
    let fixes: Vec<FixIn> = fixes.iter().map(|fix| serde_json::from_value(fix.clone()).unwrap()).collect();
    encode(n, &fixes)
}

/// Fixes five seconds apart, the last one taken `until` seconds ago, to the millisecond.
fn walk(from: (f64, f64), n: usize, until: f64) -> Vec<Value> {
    (0..n)
        .map(|i| {
            let mut fix = fix((from.0 + i as f64 * 1e-5, from.1), until + (n - 1 - i) as f64 * 5.0);
            let at: jiff::Timestamp = fix["at"].as_str().unwrap().parse().unwrap();
            fix["at"] = json!(jiff::Timestamp::from_millisecond(at.as_millisecond()).unwrap().to_string());
            fix["speed_mps"] = json!(1.4);
            fix
        })
        .collect()
}

async fn acked(socket: &mut Socket) -> u64 {
    decode_ack(&socket.next_binary().await).unwrap()
}

#[tokio::test]
async fn binary_fixes_are_kept_once_like_those_in_json() {
    let app = TestApp::shared().await;
    let unit = app.unit("few bytes").await;
    let wang = unit.officer("wang").await;
    let mut socket = wang.socket_binary().await;
    socket.hello(None, None, None).await;
    let fixes = walk(unit.center, 12, 0.0);
    socket.send_binary(frame(1, &fixes[6..]));
    assert_eq!(acked(&mut socket).await, 1);
    // Late ones, one of them known already, and the whole again as JSON: nothing twice.
    socket.send_binary(frame(2, &fixes[..7]));
    assert_eq!(acked(&mut socket).await, 2);
    socket.send(json!({ "type": "fixes", "n": 3, "fixes": fixes }));
    assert_eq!(socket.expect("fixes_ack").await["up_to"], 3, "acknowledged as it was sent");
    let path = format!("/people/{}/track?from={}&to={}", wang.person_id, ago(300.0), ago(-300.0));
    let kept = wang.get(&path).await.expect(200)["fixes"].as_array().unwrap().clone();
    assert_eq!(kept.len(), 12);
    for (kept, sent) in kept.iter().zip(&fixes) {
        assert!((kept["lon"].as_f64().unwrap() - sent["lon"].as_f64().unwrap()).abs() < 1e-6);
        assert_eq!(kept["speed_mps"], 1.4);
        let moment = |fix: &Value| fix["at"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
        assert_eq!(moment(kept), moment(sent));
    }
    assert_eq!(kept.iter().filter(|fix| fix["flags"] == json!(["late"])).count(), 6);
}

#[tokio::test]
async fn a_bad_binary_frame_is_refused_in_words_and_costs_nothing_else() {
    let app = TestApp::shared().await;
    let unit = app.unit("broken bytes").await;
    let li = unit.officer("li").await;
    let mut socket = li.socket_binary().await;
    socket.send_binary(frame(1, &walk(unit.center, 1, 0.0)));
    assert_eq!(socket.expect("error").await["code"], "hello_first");
    socket.hello(None, None, None).await;
    let fixes = walk(unit.center, 3, 0.0);
    let whole = frame(5, &fixes);
    // Cut short: refused under its counter, which is passed over; the same fixes under the next are stored.
    socket.send_binary(whole[..whole.len() - 2].to_vec());
    let error = socket.expect("error").await;
    assert_eq!((error["code"].as_str(), error["n"].as_u64()), (Some("bad_request"), Some(5)), "{error}");
    assert!(error["detail"].as_str().unwrap().contains("cut short"), "{error}");
    assert_eq!(socket.expect("fixes_ack").await["up_to"], 5);
    socket.send_binary(frame(6, &fixes));
    assert_eq!(acked(&mut socket).await, 6);
    // A counter that does not grow, nothing inside, an unknown kind, no counter.
    socket.send_binary(frame(6, &fixes));
    assert_eq!(socket.expect("error").await["code"], "invalid_field");
    socket.send_binary(frame(7, &[]));
    assert_eq!(socket.expect("error").await["n"], 7);
    assert_eq!(acked(&mut socket).await, 7);
    for unknown in [vec![0x7f, 1], vec![FIXES], vec![]] {
        socket.send_binary(unknown);
        assert_eq!(socket.expect("error").await["code"], "bad_request");
    }
    // One bad fix among good ones is named; it is told as JSON, since there is something to tell.
    let mut mixed = walk(unit.center, 3, -1.0);
    mixed[1]["lat"] = json!(91.0);
    socket.send_binary(frame(8, &mixed));
    let ack = socket.expect("fixes_ack").await;
    assert_eq!((&ack["up_to"], &ack["rejected"][0]["index"]), (&json!(8), &json!(1)), "{ack}");
    assert_eq!(ack["rejected"][0]["field"], "lat");
    let path = format!("/people/{}/track?from={}&to={}", li.person_id, ago(300.0), ago(-300.0));
    assert_eq!(li.get(&path).await.expect(200)["fixes"].as_array().unwrap().len(), 5);
}

#[tokio::test]
async fn the_json_subprotocol_takes_no_binary_frames_and_who_keeps_the_beat_is_not_asked() {
    let app = TestApp::builder().config("[socket]\nping_every_s = 1").start().await;
    let unit = app.unit("beat").await;
    let chen = unit.officer("chen").await;
    let mut socket = chen.socket().await;
    socket.send_binary(frame(1, &walk(unit.center, 1, 0.0)));
    let error = socket.expect("error").await;
    assert!(error["detail"].as_str().unwrap().contains("suixing.v1.bin"), "{error}");
    for _ in 0..4 {
        tokio::time::sleep(Duration::from_millis(700)).await;
        socket.send(json!({ "type": "ping" }));
    }
    assert_eq!(socket.pings(), 0, "it was heard all the time, last at {}", now());
    tokio::time::sleep(Duration::from_millis(1_800)).await;
    assert!(socket.pings() > 0, "silent, so it was asked");
}
