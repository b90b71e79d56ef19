//! Whose a recording is, which segments are one, to which incidents it belongs, and what nobody recorded.

use super::docks::{Film, Yard, ids, kinds, sent};
use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whose_a_recording_is_that_the_log_does_not_know_a_custodian_decides() {
    let app = TestApp::start().await;
    let yard = Yard::set(&app, "Unclaimed").await;
    let scene = &yard.scene;
    let mate = scene.station.officer("mate").await;
    // Issued for two hours to the officer, for the last ten minutes to another: three recordings, one of both.
    let hand_over = format!("/devices/{}/issue", yard.camera.id);
    scene.room.post(&hand_over, json!({ "person_id": mate.person_id })).await.expect(200);
    let id = &yard.camera.id;
    app.sql(format!("UPDATE device_issue SET returned_at = returned_at - 600000000 WHERE device_id = '{id}'")).await;
    let open = format!("device_id = '{id}' AND returned_at IS NULL");
    app.sql(format!("UPDATE device_issue SET issued_at = issued_at - 600000000 WHERE {open}")).await;
    let his = Film::new(1, 3_000.0, 2_400.0);
    let both = [Film::new(2, 1_200.0, 900.0), Film::new(3, 899.0, 500.0)];
    let early = Film::new(4, 7_800.0, 7_500.0);
    yard.docked(&[&his, &both[0], &both[1], &early]).await;
    assert_eq!(yard.seen(&both[1]).await["wearer_by"], "several");

    let keeper = scene.custodian().await;
    let unclaimed = keeper.get("/recordings/unclaimed").await.expect(200);
    assert_eq!(ids(&unclaimed["items"], "id"), [&both[1].id, &early.id].map(Clone::clone));
    let proposals: Vec<&Value> = unclaimed.items().iter().map(|line| &line["proposal"]).collect();
    assert_eq!(proposals[0]["person_id"], json!(scene.officer.person_id), "he had it longer: {proposals:?}");
    assert_eq!(proposals[0]["basis"], "issue_log");
    // Nobody had it yet; the next recording on it was somebody's too long after.
    assert_eq!(*proposals[1], Value::Null);
    let english = keeper.send("GET", "/recordings/unclaimed", &[("accept-language", "en")], None).await.expect(200);
    assert!(english.items()[0]["proposal"]["reason"].as_str().unwrap().contains("issued"), "{}", english.json);
    scene.officer.get("/recordings/unclaimed").await.problem(403, "forbidden");

    // The dock brings it before it is decided: it is nobody's, of the camera's station, and the room may look.
    let done = yard.bring(&both[1], &both[1].bytes, json!({})).await.expect(204);
    let item = format!("/evidence/{}", done.header("suixing-evidence-id"));
    let seen = scene.room.get(&item).await.expect(200);
    assert_eq!((&seen["unit_id"], &seen["wearer_id"]), (&json!(scene.station.id), &Value::Null));
    assert_eq!(seen["incident_ids"], json!([]));
    scene.officer.get(&item).await.problem(404, "not_found");

    let path = format!("/recordings/{}/wearer", both[1].id);
    let decision = json!({ "person_id": scene.officer.person_id, "reason": "his voice, and the door of number 7" });
    scene.officer.post(&path, decision.clone()).await.problem(404, "not_found");
    scene.room.post(&path, decision.clone()).await.problem(403, "forbidden");
    let (other, _, _) = app.station("Other custodian").await;
    let stranger = other.person("keeper", "custodian").await.login_browser().await;
    stranger.post(&path, decision.clone()).await.problem(404, "not_found");
    keeper.post(&path, json!({ "person_id": new_id(), "reason": "x" })).await.problem(404, "not_found");
    keeper
        .post(&path, json!({ "person_id": scene.officer.person_id, "reason": "" }))
        .await
        .problem(422, "invalid_field");
    let person = json!({ "person_id": keeper.person_id, "reason": "me" });
    keeper.post(&path, person).await.problem(422, "invalid_field");
    let decided = keeper.post(&path, decision.clone()).await.expect(200);
    assert_eq!((&decided["wearer_id"], &decided["wearer_by"]), (&json!(scene.officer.person_id), &json!("decision")));
    let line = decided["events"].as_array().unwrap().last().unwrap().clone();
    assert_eq!((&line["kind"], &line["person_id"]), (&json!("wearer"), &json!(keeper.person_id)));
    assert_eq!((&line["data"]["reason"], &line["data"]["before_by"]), (&decision["reason"], &json!("several")));
    keeper.post(&path, decision).await.expect(200);
    assert_eq!(kinds(&yard.seen(&both[1]).await), ["stored", "wearer"], "once");

    // The item is his now and belongs to his incident, and its custody says who said so.
    let seen = scene.officer.get(&item).await.expect(200);
    assert_eq!(seen["wearer_id"], json!(scene.officer.person_id));
    assert_eq!(seen["incident_ids"], json!([scene.incident_id()]));
    assert!(keeper.touches(item.trim_start_matches("/evidence/")).await.contains(&"wearer_decided".to_owned()));
    // A supervisor may too, and another opinion stands beside the first.
    let boss = scene.station.supervisor("boss").await;
    let again = boss.post(&path, json!({ "person_id": mate.person_id, "reason": "number 7 is his" })).await.expect(200);
    assert_eq!(again["wearer_id"], json!(mate.person_id));
    boss.post(
        &format!("/recordings/{}/wearer", early.id),
        json!({ "person_id": mate.person_id, "reason": "the night" }),
    )
    .await
    .expect(200);
    assert_eq!(keeper.get("/recordings/unclaimed").await.expect(200).items().len(), 0);
    // A later manifest does not undo it.
    yard.docked(&[&his, &both[0], &early]).await;
    assert_eq!(yard.seen(&early).await["wearer_by"], "decision");
    if app.ready()["database"] == "sqlite" {
        wait_until("the whole store to fit its log", || async { verify(app.dir()).await.code == 0 }).await;
    }
}

#[tokio::test]
async fn a_neighbouring_recording_is_a_reason_to_ask_somebody() {
    let app = TestApp::shared().await;
    let yard = Yard::set(&app, "Neighbours").await;
    let scene = &yard.scene;
    scene.room.post(&format!("/devices/{}/return", yard.camera.id), json!({})).await.expect(200);
    let id = &yard.camera.id;
    app.sql(format!("UPDATE device_issue SET returned_at = returned_at - 3000000000 WHERE device_id = '{id}'")).await;
    // Worn until fifty minutes ago; then nobody's, ten minutes after the last of his, and hours after.
    let his = Film::new(1, 3_600.0, 3_100.0);
    let next = Film::new(2, 2_500.0, 2_400.0);
    let later = Film::new(3, 600.0, 300.0);
    yard.docked(&[&his, &next, &later]).await;
    let unclaimed = scene.room.get("/recordings/unclaimed").await.expect(200);
    assert_eq!(ids(&unclaimed["items"], "id"), [&later.id, &next.id].map(Clone::clone));
    let basis: Vec<&Value> = unclaimed.items().iter().map(|line| &line["proposal"]["basis"]).collect();
    assert_eq!(basis, [&json!("last_holder"), &json!("neighbour")]);
    for line in unclaimed.items() {
        assert_eq!(line["proposal"]["person_id"], json!(scene.officer.person_id));
        assert!(!line["proposal"]["reason"].as_str().unwrap().is_empty());
    }
}

#[tokio::test]
async fn segments_are_one_recording_which_may_belong_to_several_incidents() {
    let app = TestApp::shared().await;
    let yard = Yard::set(&app, "Segments").await;
    let scene = &yard.scene;
    let second = scene.room.incident(scene.station.near(100.0, 0.0)).await;
    let assignment = scene.room.assign(&second, &[&scene.officer]).await.remove(0);
    sent(&app, &assignment, 1_500).await;
    // Five minutes each, a second apart; the third is named later; one after a break of three seconds.
    let films = [
        Film::new(1, 2_400.0, 2_101.0),
        Film::new(2, 2_100.0, 1_801.0),
        Film::new(3, 1_800.0, 1_501.0),
        Film::new(4, 1_500.0, 1_201.0),
        Film::new(5, 1_198.0, 900.0),
    ];
    yard.docked(&[&films[3], &films[0], &films[1], &films[4]]).await;
    let group = |seen: &Value| seen["group_id"].as_str().unwrap().to_owned();
    assert_eq!(group(&yard.seen(&films[1]).await), films[0].id);
    assert_eq!(group(&yard.seen(&films[3]).await), films[3].id);
    yard.docked(&[&films[0], &films[1], &films[2], &films[3], &films[4]]).await;
    for film in &films[..4] {
        let seen = yard.seen(film).await;
        assert_eq!(group(&seen), films[0].id);
        assert_eq!(seen["segments"], json!(films[..4].iter().map(|film| &film.id).collect::<Vec<_>>()));
    }
    assert_eq!(group(&yard.seen(&films[4]).await), films[4].id);

    // The second incident began in the fourth segment.
    let (one, two) = (scene.incident_id(), second["id"].as_str().unwrap());
    assert_eq!(yard.seen(&films[2]).await["incident_ids"], json!([one]));
    assert_eq!(yard.seen(&films[3]).await["incident_ids"], json!([one, two]));
    let whole = |incident: &str| {
        let (room, path) = (scene.room.clone(), format!("/incidents/{incident}/recordings"));
        async move { room.get(&path).await.expect(200)["recordings"].clone() }
    };
    let of_first = whole(one).await;
    assert_eq!(ids(&of_first, "group_id"), [&films[0].id, &films[4].id].map(Clone::clone));
    assert_eq!(ids(&of_first[0]["segments"], "id"), films[..4].iter().map(|film| film.id.clone()).collect::<Vec<_>>());
    let seen = yard.seen(&films[0]).await;
    assert_eq!((&of_first[0]["started_at"], &of_first[0]["state"]), (&seen["started_at"], &json!("on_camera")));
    assert_eq!(ids(&whole(two).await, "group_id"), [&films[0].id, &films[4].id].map(Clone::clone));
    // Its state is that of the segment that lags behind.
    for film in &films[..3] {
        yard.hold(film).await;
    }
    assert_eq!(whole(one).await[0]["state"], "on_camera");
    yard.hold(&films[3]).await;
    assert_eq!(whole(one).await[0]["state"], "at_dock");
}

#[tokio::test]
async fn what_nobody_recorded_at_the_scene_is_told() {
    let app = TestApp::shared().await;
    let yard = Yard::set(&app, "Coverage").await;
    let scene = &yard.scene;
    let path = format!("/incidents/{}/recordings", scene.incident_id());
    assert_eq!(scene.room.get(&path).await.expect(200)["coverage"], json!([]), "nobody is there yet");
    let rung = |event: &str, at: String| {
        let (officer, id) = (scene.officer.clone(), scene.assignment["id"].as_str().unwrap().to_owned());
        let body = json!({ "event": event, "at": at });
        async move { officer.post(&format!("/assignments/{id}/events"), body).await.ok() }
    };
    let (arrived, cleared) = (ago(1_800.0), ago(300.0));
    rung("on_scene", arrived.clone()).await;
    // From before his arrival on; a second file at once; then a break, and one that will be missing.
    let films = [
        Film::new(1, 2_000.0, 1_500.0),
        Film::new(2, 1_499.0, 1_200.0),
        Film::new(3, 1_000.0, 900.0),
        Film::new(4, 800.0, 700.0),
    ];
    yard.docked(&films.iter().collect::<Vec<_>>()).await;
    yard.docked(&[&films[0], &films[1], &films[2]]).await;
    rung("cleared", cleared.clone()).await;
    let found = scene.officer.get(&path).await.expect(200);
    let cover = &found["coverage"][0];
    assert_eq!(cover["person_id"], json!(scene.officer.person_id));
    assert_eq!((&cover["on_scene_at"], &cover["cleared_at"]), (&json!(arrived), &json!(cleared)));
    let end = |film: &Film, side: &str| film.named(yard.base, 0.0)[side].clone();
    let gaps = json!([
        { "from": end(&films[1], "ended_at"), "to": end(&films[2], "started_at"), "missing": [] },
        { "from": end(&films[2], "ended_at"), "to": cleared, "missing": [films[3].id] },
    ]);
    assert_eq!(cover["gaps"], gaps);
    assert_eq!(found["recordings"].as_array().unwrap().len(), 3, "{}", found.json);
}
