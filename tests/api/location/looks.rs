//! A look that names people is told to each of them, whatever happens to the server in between.

use crate::support::{Officer, TestApp, Unit, fix, new_id, wait_until};

/// A look waits so long for its segment: longer than the test takes.
const NEVER: &str = "[location]\nlooks_seal_s = 3600\n";
/// From the next start: hardly at all.
const SOON: &str = "[location]\nlooks_seal_s = 1\n";

/// Each of them is told of each of these looks once, latest first.
async fn told_once(people: &[&Officer], viewer: &Officer, purposes: &[&str], when: &str) {
    for person in people {
        let looks = person.get("/me/looked-at").await.expect(200);
        let told: Vec<&str> = looks.items().iter().map(|look| look["purpose"].as_str().unwrap()).collect();
        assert_eq!(told, purposes, "{when}: {}", looks.json);
        assert!(looks.items().iter().all(|look| look["viewer_id"] == viewer.person_id), "{when}: {}", looks.json);
    }
}

/// The two who are within a kilometre are shown.
async fn near(viewer: &Officer, station: &Unit, purpose: &str) {
    let (lon, lat) = station.near(0.0, 0.0);
    let path = format!("/nearby?lon={lon}&lat={lat}&within_m=1000&purpose={purpose}");
    let shown = viewer.get(&path).await.expect(200);
    assert_eq!(shown["people"].as_array().unwrap().len(), 2, "{}", shown.json);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_look_is_told_once_through_a_kill_and_through_sealing() {
    let app = TestApp::builder().config(NEVER).start().await;
    let (station, room, wang) = app.station("Looks").await;
    let (li, far) = (station.officer("li").await, station.officer("far").await);
    for (officer, east) in [(&wang, 10.0), (&li, 20.0), (&far, 5_000.0)] {
        officer.sign_on().await;
        officer.report(station.near(east, 0.0)).await;
    }
    let shown = [&wang, &li];
    near(&room, &station, "first").await;
    told_once(&shown, &room, &["first"], "at once").await;
    near(&room, &station, "second").await;
    room.get(&format!("/people/{}/track?purpose=third", far.person_id)).await.expect(200);
    told_once(&shown, &room, &["second", "first"], "at once").await;
    told_once(&[&far], &room, &["third"], "at once").await;

    app.restart().await;
    told_once(&shown, &room, &["second", "first"], "after a kill").await;
    told_once(&[&far], &room, &["third"], "after a kill").await;

    std::fs::write(app.dir().join("test-config.toml"), SOON).unwrap();
    app.restart().await;
    wait_until("all are sealed", || async {
        let metrics = app.call("GET", "/metrics", None).await.expect(200);
        metrics.json.as_str().is_some_and(|text| text.contains("suixing_look_segments_sealed_total 3"))
    })
    .await;
    told_once(&shown, &room, &["second", "first"], "after sealing").await;
    app.restart().await;
    near(&room, &station, "fourth").await;
    told_once(&shown, &room, &["fourth", "second", "first"], "after sealing and a kill").await;
    told_once(&[&far], &room, &["third"], "after sealing and a kill").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_number_of_the_log_that_is_taken_is_passed_over() {
    let app = TestApp::builder().config(NEVER).start().await;
    let (station, room, wang) = app.station("Taken").await;
    let li = station.officer("li").await;
    for (officer, east) in [(&wang, 10.0), (&li, 20.0)] {
        officer.sign_on().await;
        officer.report(station.near(east, 0.0)).await;
    }
    let shown = [&wang, &li];
    near(&room, &station, "first").await;
    // As another node would have written it, had it shown the same.
    let taken = "INSERT INTO look_log (n, looks, body, created_at) \
                 SELECT n + 1, looks, body, created_at FROM look_log";
    app.sql(taken.to_owned()).await;
    near(&room, &station, "second").await;
    told_once(&shown, &room, &["second", "first"], "at once").await;
    app.restart().await;
    told_once(&shown, &room, &["second", "first"], "after a kill").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_look_of_before_there_was_a_log_is_told_too() {
    let app = TestApp::builder().config(NEVER).start().await;
    let (station, room, wang) = app.station("Before").await;
    let li = station.officer("li").await;
    for (officer, east) in [(&wang, 10.0), (&li, 20.0)] {
        officer.sign_on().await;
        officer.report(station.near(east, 0.0)).await;
    }
    near(&room, &station, "now").await;
    let (look, viewer, device) = (new_id(), &room.person_id, new_id());
    app.sql(format!(
        "INSERT INTO location_access (id, viewer_id, viewer_unit_id, device_id, kind, purpose, subtree, from_at, to_at) \
         SELECT '{look}', '{viewer}', '{}', '{device}', 'nearby', 'before', FALSE, created_at - 60000000, \
         created_at - 60000000 FROM look_log",
        station.id
    ))
    .await;
    for officer in [&wang, &li] {
        let shown = format!("('{}', '{look}')", officer.person_id);
        app.sql(format!("INSERT INTO location_access_subject (person_id, access_id) VALUES {shown}")).await;
    }
    told_once(&[&wang, &li], &room, &["now", "before"], "after the change").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_who_ask_at_once_are_each_told_of_after_a_kill() {
    let app = TestApp::builder().config(NEVER).start().await;
    let (station, room, wang) = app.station("Many").await;
    let li = station.officer("li").await;
    for (officer, east) in [(&wang, 10.0), (&li, 20.0)] {
        officer.sign_on().await;
        officer.report(station.near(east, 0.0)).await;
    }
    let asked: Vec<String> = (0..40).map(|n| format!("q{n:02}")).collect();
    futures_util::future::join_all(asked.iter().map(|purpose| near(&room, &station, purpose))).await;
    app.restart().await;
    for officer in [&wang, &li] {
        let looks = officer.get("/me/looked-at").await.expect(200);
        let mut told: Vec<&str> = looks.items().iter().map(|look| look["purpose"].as_str().unwrap()).collect();
        told.sort_unstable();
        assert_eq!(told, asked);
    }
}

#[tokio::test]
async fn who_is_looked_at_hears_of_it_although_his_clock_is_ahead() {
    let app = TestApp::shared().await;
    let (station, room, officer) = app.station("Ahead").await;
    officer.sign_on().await;
    // Within what a clock may be ahead, so that the map shows it.
    officer.positions(vec![fix(station.near(0.0, 0.0), -30.0)]).await.ok();
    let map = room.get(&format!("/live?unit_id={}&purpose=ahead", station.id)).await.expect(200);
    assert!(map.json.to_string().contains(&officer.person_id), "{}", map.json);
    wait_until("he is told", || async {
        officer.get("/me/looked-at").await.expect(200).items().iter().any(|look| look["purpose"] == "ahead")
    })
    .await;
}
