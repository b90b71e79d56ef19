//! The room: taking by name, the way up, voice, who may do what.

use super::*;

#[tokio::test]
async fn nobody_reachable_alarms_the_room_at_once_and_somebody_who_comes_back_is_asked() {
    let app = TestApp::shared().await;
    let unit = app.unit("Alone").await;
    let room = unit.dispatcher("room").await;
    let mut desk = room.socket().await;
    let back = unit.officer("back").await;
    let who = caller(&unit).await;
    let made = press(&who, json!({})).await;
    assert_eq!((&made["nobody_reachable"], &made["alerted"]), (&json!(true), &json!([])));
    let card = desk.expect_where("the alarm", |frame| frame["data"]["kind"] == "backup.unreachable").await;
    assert_eq!(card["data"]["subject_id"], made["id"]);
    let mut back = Patrol::of(back, unit.near(900.0, 0.0)).await;
    assert_eq!(back.alert().await["backup_id"], made["id"]);
}

#[tokio::test]
async fn a_request_nobody_takes_climbs_to_the_parent_room_and_the_duty_commander() {
    let config = "[backup]\nparent_room_after_s = 1\ncommander_after_s = 2\n";
    let app = TestApp::builder().config(config).start().await;
    let station = app.unit("Station").await;
    let post = station.child("Post", "street_post").await;
    let (low, high) = (post.dispatcher("low").await, station.dispatcher("high").await);
    // A seat of the lowest room himself: his own card comes first, the commander's only when nobody took it.
    let chief = post.supervisor("chief").await;
    let (mut low_desk, mut high_desk, mut chief_desk) = (low.socket().await, high.socket().await, chief.socket().await);
    let who = caller(&post).await;
    let id = id_of(&press(&who, json!({})).await);
    low_desk.expect_where("the room's card", |frame| frame["data"]["kind"] == "backup.raised").await;
    high_desk.expect_where("the parent's card", |frame| frame["data"]["kind"] == "backup.untaken").await;
    chief_desk.expect_where("the commander's card", |frame| frame["data"]["kind"] == "backup.untaken").await;

    let taken = high.post(&format!("/backups/{id}/take"), json!({})).await.expect(200);
    assert_eq!(taken["taken_by"]["person_id"], high.person_id);
    high.post(&format!("/backups/{id}/take"), json!({})).await.expect(200);
    low.post(&format!("/backups/{id}/take"), json!({})).await.problem(409, "claimed");
    let kinds: Vec<String> = get(&high, &id).await["timeline"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| event["kind"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(kinds.iter().filter(|kind| *kind == "taken").count(), 1);
    assert!(kinds.contains(&"escalated_parent_room".to_owned()) && kinds.contains(&"escalated_commander".to_owned()));
}

#[tokio::test]
async fn a_clock_that_only_a_newer_server_knows_stops_no_other() {
    let app = TestApp::builder().config("[backup]\nparent_room_after_s = 1\n").start().await;
    let station = app.unit("Station").await;
    let post = station.child("Post", "street_post").await;
    post.dispatcher("low").await;
    let mut desk = station.dispatcher("above").await.socket().await;
    let columns = "id, kind, subject_id, attempt, state, due_at";
    app.sql(format!("INSERT INTO backup_timer ({columns}) VALUES ('newer', 'of_a_newer_server', 'x', 1, 'open', 1)"))
        .await;
    let who = caller(&post).await;
    let id = id_of(&press(&who, json!({})).await);
    let card = desk.expect_where("the parent's card", |frame| frame["data"]["kind"] == "backup.untaken").await;
    assert_eq!(card["data"]["subject_id"], id);
}

#[tokio::test]
async fn a_request_that_is_taken_does_not_climb() {
    let config = "[backup]\nparent_room_after_s = 2\ncommander_after_s = 2\n";
    let app = TestApp::builder().config(config).start().await;
    let station = app.unit("Station").await;
    let post = station.child("Post", "street_post").await;
    let (low, high) = (post.dispatcher("low").await, station.dispatcher("high").await);
    let mut high_desk = high.socket().await;
    let who = caller(&post).await;
    let mut own = who.socket().await;
    let id = id_of(&press(&who, json!({})).await);
    low.post(&format!("/backups/{id}/take"), json!({})).await.expect(200);
    let told = own.expect_where("who took it", |frame| frame["data"]["change"] == "taken").await;
    assert_eq!(told["data"]["taken_by"], low.person_id);
    let up = high_desk.maybe(Duration::from_secs(3), |frame| frame["data"]["kind"] == "backup.untaken").await;
    assert!(up.is_none(), "{up:?}");
}

#[tokio::test]
async fn the_room_records_what_it_heard_and_only_those_concerned_may_act() {
    let app = TestApp::shared().await;
    let unit = app.unit("Voice").await;
    let other = app.unit("Elsewhere").await;
    let (room, watcher) = (unit.dispatcher("room").await, unit.supervisor("watcher").await);
    let foreign = other.dispatcher("foreign").await;
    let ring = patrols(&unit, &[300.0]).await;
    let bystander = unit.officer("bystander").await;
    let who = caller(&unit).await;
    let id = id_of(&press(&who, json!({})).await);
    let (responses, take, close) =
        (format!("/backups/{id}/responses"), format!("/backups/{id}/take"), format!("/backups/{id}/close"));

    let spoken = json!({ "answer": "coming", "person_id": ring[0].id() });
    room.post(&responses, spoken.clone()).await.problem(422, "invalid_field");
    let mut heard = spoken;
    heard["via"] = json!("radio");
    let seen = room.post(&responses, heard.clone()).await.expect(200);
    assert_eq!(seen["alerted"][0]["answer"], "coming");
    ring[0]
        .who
        .post(&responses, json!({ "answer": "coming", "person_id": who.person_id }))
        .await
        .problem(403, "forbidden");

    for (actor, code) in [(&foreign, 404), (&bystander, 404)] {
        for (method, path) in [("GET", format!("/backups/{id}")), ("POST", take.clone()), ("POST", close.clone())] {
            let body = (path == close).then(|| json!({ "reason": "resolved" }));
            let reply = actor.send(method, &path, &[], body).await;
            assert_eq!(reply.status, code, "{method} {path}: {}", reply.json);
        }
    }
    ring[0].who.post(&take, json!({})).await.problem(403, "forbidden");
    who.post(&take, json!({})).await.problem(403, "forbidden");
    assert_eq!(get(&watcher, &id).await["id"], id);
    let sees_reason = ring[0].who.get(&format!("/backups/{id}")).await.expect(200);
    assert!(sees_reason["waves"].is_null() && sees_reason["timeline"].is_null(), "history is the room's");
    let english = room.send("GET", &format!("/backups/{id}"), &[("accept-language", "en")], None).await;
    assert_eq!(english["alerted"][0]["reason_text"], "soonest there, terminal connected");
    assert_eq!(foreign.get("/backups").await.expect(200).items().len(), 0);
    let mine = wait_for("the list", || async { who.get("/backups").await.expect(200).items().first().cloned() }).await;
    assert_eq!(mine["id"], id);
}

#[tokio::test]
async fn an_officer_who_goes_quiet_at_a_risky_call_is_asked_and_then_looked_for() {
    let config = "[backup]\ncheck_in_categories = [\"dispute\"]\ncheck_in_after_s = 1\ncheck_in_answer_s = 2\n";
    let app = TestApp::builder().config(config).start().await;
    let unit = app.unit("Risky").await;
    let room = unit.dispatcher("room").await;
    let mut desk = room.socket().await;
    let mut one = patrols(&unit, &[100.0]).await.remove(0);
    let incident = room.incident(unit.near(100.0, 0.0)).await;
    let sent = room.assign(&incident, &[&one.who]).await;
    for rung in ["accepted", "on_scene"] {
        one.who.event(&sent[0], rung).await.ok();
    }
    let asked = one.socket.expect("check_in.ask").await;
    assert_eq!(asked["data"]["assignment_id"], sent[0]["id"], "{asked}");
    // Answered with one tap: asked again, not looked for.
    one.who.post("/me/check-ins", json!({ "assignment_id": sent[0]["id"] })).await.expect(200);
    one.socket.expect("check_in.ask").await;
    let card = desk.expect_where("somebody looks after him", |frame| frame["data"]["kind"] == "check_in.missed").await;
    assert_eq!(card["data"]["data"]["person_id"], one.id(), "{card}");
    one.who.post("/me/check-ins", json!({ "assignment_id": new_id() })).await.problem(404, "not_found");
}
