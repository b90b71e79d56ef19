//! Who looked: told to who recorded it and to its keeper, and reading it is itself in the log, each time once.

use super::*;

/// The looks at an item: what, viewer, purpose; latest first.
async fn looks(who: &Officer, id: &str) -> Vec<(String, Value, Value)> {
    let told = who.get(&format!("/evidence/{id}/looks")).await.expect(200);
    let line =
        |look: &Value| (look["what"].as_str().unwrap().to_owned(), look["viewer_id"].clone(), look["purpose"].clone());
    told.items().iter().map(line).collect()
}

#[tokio::test]
async fn the_recorder_and_the_keeper_are_told_who_looked() {
    let app = TestApp::shared().await;
    let scene = Scene::set(&app, "Told").await;
    let (id, _) = scene.photo(41).await;
    let item = format!("/evidence/{id}");
    let keeper = scene.custodian().await;
    assert!(looks(&scene.officer, &id).await.is_empty(), "the author's own are nobody's news");

    scene.room.get(&format!("{item}?purpose=report")).await.expect(200);
    scene.room.bytes(&format!("{item}/content?purpose=appeal"), &[]).await.expect(200);
    scene.room.bytes(&format!("{item}/bundle?purpose=court"), &[]).await.expect(200);
    let room = json!(scene.room.person_id);
    let expected = [("bundle", "court"), ("content", "appeal"), ("metadata", "report")];
    let expected: Vec<_> = expected.iter().map(|(what, why)| ((*what).to_owned(), room.clone(), json!(why))).collect();
    assert_eq!(looks(&scene.officer, &id).await, expected);
    let told = scene.officer.get(&format!("{item}/looks")).await.expect(200);
    assert_eq!(told.items()[0]["viewer_name"], "room");
    assert_eq!(told.items()[0]["device_id"], json!(scene.room.device_id()));
    assert!(told.items().iter().all(|look| look["inquiry"].is_null()));
    // The keeper sees them too, and that the author read who looked.
    let seen = looks(&keeper, &id).await;
    assert!(expected.iter().all(|look| seen.contains(look)), "{seen:?}");
    assert!(seen.iter().any(|(what, who, _)| what == "looks" && *who == json!(scene.officer.person_id)), "{seen:?}");

    // Others not: the room may know of the item, a stranger not even that.
    scene.room.get(&format!("{item}/looks")).await.problem(403, "forbidden");
    let boss = scene.station.supervisor("boss").await;
    boss.get(&format!("{item}/looks")).await.problem(403, "forbidden");
    let (_, _, stranger) = app.station("Elsewhere").await;
    stranger.get(&format!("{item}/looks")).await.problem(404, "not_found");
}

#[tokio::test]
async fn reading_who_looked_is_logged_once_for_each_reading() {
    let app = TestApp::shared().await;
    let scene = Scene::set(&app, "Readings").await;
    let (id, _) = scene.photo(42).await;
    let keeper = scene.custodian().await;
    let readings = |touches: &Reply, what: &str| {
        let of = |entry: &&Value| entry["kind"] == "log_read" && entry["detail"]["what"] == what;
        touches.items().iter().filter(of).count()
    };
    let path = format!("/evidence/{id}/custody");
    // Each reading shows itself and those before it, and is one entry: reading does not feed on itself.
    for n in 1..=3 {
        let touches = keeper.get(&path).await.expect(200);
        assert_eq!((readings(&touches, "custody"), readings(&touches, "looks")), (n, 0), "{}", touches.json);
    }
    for _ in 0..2 {
        keeper.get(&format!("/evidence/{id}/looks?purpose=round")).await.expect(200);
    }
    let touches = keeper.get(&path).await.expect(200);
    assert_eq!((readings(&touches, "custody"), readings(&touches, "looks")), (4, 2), "{}", touches.json);
    let by: Vec<_> = touches.items().iter().filter(|entry| entry["detail"]["what"] == "looks").collect();
    assert!(by.iter().all(|entry| entry["actor_id"] == json!(keeper.person_id)));
    assert!(by.iter().all(|entry| entry["detail"]["purpose"] == "round"));
    // Refused readings leave nothing.
    scene.room.get(&format!("/evidence/{id}/looks")).await.problem(403, "forbidden");
    let touches = keeper.get(&path).await.expect(200);
    assert_eq!(readings(&touches, "looks"), 2, "{}", touches.json);
}
