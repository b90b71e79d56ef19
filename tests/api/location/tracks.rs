//! Where somebody has been, and who looked.

use crate::support::{Officer, TestApp, ago, fix};
use serde_json::{Value, json};

async fn zigzag(officer: &Officer, from: (f64, f64), n: usize) {
    let fixes: Vec<Value> = (0..n)
        .map(|i| fix((from.0 + i as f64 * 1e-4, from.1 + (i % 7) as f64 * 1e-4), 20.0 * (n - i) as f64))
        .collect();
    officer.positions(fixes).await.expect(200);
}

#[tokio::test]
async fn a_track_is_read_by_its_owner_and_his_room_only() {
    let app = TestApp::shared().await;
    let unit = app.unit("track").await;
    let (officer, mate, room) = (unit.officer("own").await, unit.officer("mate").await, unit.dispatcher("room").await);
    let stranger = app.unit("other").await.dispatcher("stranger").await;
    zigzag(&officer, unit.center, 600).await;
    let path = format!("/people/{}/track?from={}", officer.person_id, ago(13_000.0));
    for reader in [&officer, &room] {
        let reply = reader.get(&path).await.expect(200);
        let fixes = reply["fixes"].as_array().unwrap();
        assert_eq!((fixes.len(), &reply["next_from"]), (600, &Value::Null));
        assert!(fixes.windows(2).all(|w| w[0]["at"].as_str() < w[1]["at"].as_str()));
    }
    mate.get(&path).await.problem(404, "not_found");
    stranger.get(&path).await.problem(404, "not_found");
    let part = format!("/people/{}/track?from={}&to={}", officer.person_id, ago(1_010.0), ago(510.0));
    assert_eq!(room.get(&part).await.expect(200)["fixes"].as_array().unwrap().len(), 25);
    room.get(&format!("{path}&format=kml")).await.problem(422, "invalid_field");
    room.get(&format!("{path}&max_points=1")).await.problem(422, "invalid_field");
    room.get(&format!("{path}&to=2001-01-01T00:00:00Z")).await.problem(422, "invalid_field");
    room.get("/people/not-an-id/track").await.problem(400, "invalid_id");
    room.get(&format!("/people/{}/track", crate::support::new_id())).await.problem(404, "not_found");
}

#[tokio::test]
async fn a_track_comes_as_geojson_and_thinned_out() {
    let app = TestApp::shared().await;
    let unit = app.unit("geojson").await;
    let officer = unit.officer("line").await;
    zigzag(&officer, unit.center, 300).await;
    let path = format!("/people/{}/track?from={}", officer.person_id, ago(7_000.0));
    let thin = officer.get(&format!("{path}&max_points=50")).await.expect(200);
    assert_eq!(thin["fixes"].as_array().unwrap().len(), 50);
    let reply = officer.get(&format!("{path}&max_points=40&format=geojson")).await.expect(200);
    assert!(reply.header("content-type").unwrap().starts_with("application/geo+json"));
    assert_eq!(reply["type"], "FeatureCollection");
    let feature = &reply["features"][0];
    assert_eq!((&feature["type"], &feature["geometry"]["type"]), (&json!("Feature"), &json!("LineString")));
    assert_eq!(feature["geometry"]["coordinates"].as_array().unwrap().len(), 40);
    assert_eq!(feature["properties"]["times"].as_array().unwrap().len(), 40);
    assert_eq!(feature["properties"]["device_id"], officer.device_id());
}

#[tokio::test]
async fn everybody_sees_who_looked_at_him() {
    let app = TestApp::shared().await;
    let unit = app.unit("looks").await;
    let officer = unit.officer("seen").await;
    officer.sign_on().await;
    officer.report(unit.center).await;
    let look = |name: &'static str| unit.dispatcher(name);
    let (map, near, tracked, watching, blind) =
        (look("map").await, look("near").await, look("track").await, look("watch").await, look("blind").await);
    let (lon, lat) = unit.center;
    map.get("/live?purpose=handover").await.expect(200);
    near.get(&format!("/nearby?lon={lon}&lat={lat}&k=3")).await.expect(200);
    tracked.get(&format!("/people/{}/track?purpose=inquiry%207", officer.person_id)).await.expect(200);
    let mut socket = watching.socket().await;
    socket.send(json!({ "type": "subscribe", "request_id": "s" }));
    socket.expect("live_snapshot").await;
    // Looked elsewhere, so saw nobody.
    blind.get(&format!("/live?bbox={},{},{},{}", lon + 0.1, lat, lon + 0.2, lat + 0.1)).await.expect(200);
    officer.get("/live").await.expect(200);

    let looks = officer.get("/me/looked-at").await.expect(200);
    let by = |who: &Officer| looks.items().iter().find(|look| look["viewer_id"] == who.person_id).cloned();
    assert_eq!(by(&map).unwrap()["purpose"], "handover");
    assert_eq!(by(&near).unwrap()["kind"], "nearby");
    assert_eq!(by(&tracked).unwrap()["purpose"], "inquiry 7");
    let watch = by(&watching).unwrap();
    assert_eq!((&watch["kind"], &watch["to"]), (&json!("subscription"), &Value::Null));
    assert!(by(&blind).is_none() && by(&officer).is_none(), "{}", looks.json);
    let other = unit.officer("unseen").await;
    let unseen = other.get("/me/looked-at").await.expect(200);
    assert!(unseen.items().is_empty(), "no place known, nothing seen: {}", unseen.json);
}
