//! What a hold on an incident freezes beside its items: the tracks of those who were sent.

use super::keeping::Keepers;
use super::*;
use crate::support::fix;

/// More than one sealed segment takes.
const FIXES: usize = 600;

async fn length(who: &Officer) -> usize {
    let path = format!("/people/{}/track?from={}&to={}", who.person_id, ago(3_000.0), ago(-60.0));
    who.get(&path).await.expect(200)["fixes"].as_array().unwrap().len()
}

#[tokio::test]
async fn the_tracks_of_a_held_incident_outlive_their_term() {
    let app = TestApp::start().await;
    let keepers = Keepers::set(&app, "Tracks").await;
    let scene = &keepers.scene;
    let mate = scene.station.officer("mate").await;
    mate.sign_on().await;
    for who in [&scene.officer, &mate] {
        let fixes = (0..FIXES).map(|n| fix(scene.station.center, (FIXES - n) as f64)).collect();
        assert_eq!(who.positions(fixes).await.expect(200)["stored"], json!(FIXES));
        assert_eq!(length(who).await, FIXES);
    }
    let path = format!("/incidents/{}/holds", scene.incident_id());
    let hold = keepers.boss.post(&path, json!({ "reason": "行政诉讼" })).await.expect(201).id();
    // Long ago; the server looks when it starts.
    app.sql("UPDATE fix_segment SET received_day = 1".to_owned()).await;
    app.restart().await;
    wait_until("the old track to go", || async { length(&mate).await < FIXES }).await;
    assert_eq!(length(&scene.officer).await, FIXES, "whoever was sent to the held incident keeps his");
    keepers.keeper.delete(&format!("/holds/{hold}")).await.expect(200);
    app.restart().await;
    wait_until("the track to go with the hold", || async { length(&scene.officer).await < FIXES }).await;
}
