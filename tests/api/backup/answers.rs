//! Answers and ends: declining, a caller with a suspect holding the phone, the colleague who confirms.

use super::*;

#[tokio::test]
async fn when_the_asked_decline_the_next_ring_is_asked_at_once() {
    let app = TestApp::shared().await;
    let unit = app.unit("Declined").await;
    let mut ring = patrols(&unit, &[300.0, 600.0, 900.0, 1200.0, 1500.0, 1800.0]).await;
    let who = caller(&unit).await;
    let id = id_of(&press(&who, json!({})).await);
    for one in &ring[..3] {
        one.answer(&id, "declined").await.expect(200);
    }
    let alert = ring[5].alert().await;
    assert_eq!(alert["backup_id"], id);
    let seen = get(&who, &id).await;
    assert_eq!(seen["wave"], 2, "{seen}");
}

#[tokio::test]
async fn a_responder_who_drops_out_uncovers_it_and_the_stood_down_are_called_again() {
    let app = TestApp::shared().await;
    let unit = app.unit("Dropped").await;
    let mut ring = patrols(&unit, &[300.0, 600.0, 900.0, 1200.0]).await;
    let who = caller(&unit).await;
    let id = id_of(&press(&who, json!({})).await);
    for one in &ring[..3] {
        one.answer(&id, "coming").await.expect(200);
    }
    ring[3].alert().await;
    ring[3].socket.expect("backup.stand_down").await;
    ring[0].answer(&id, "declined").await.expect(200);
    assert_eq!(ring[3].alert().await["stood_down"], false);
    ring[3].answer(&id, "coming").await.expect(200);
    let seen = get(&who, &id).await;
    assert_eq!((&seen["covered"], &seen["accepted_units"]), (&json!(true), &json!(3)), "{seen}");
}

#[tokio::test]
async fn the_callers_own_word_ends_nothing_until_a_colleague_on_the_scene_confirms() {
    let app = TestApp::shared().await;
    let unit = app.unit("Duress").await;
    let room = unit.dispatcher("room").await;
    let mut ring = patrols(&unit, &[300.0, 600.0]).await;
    let who = caller(&unit).await;
    let id = id_of(&press(&who, json!({})).await);
    let close = format!("/backups/{id}/close");

    for reason in ["false_alarm", "cancelled", "resolved"] {
        let said = who.post(&close, json!({ "reason": reason })).await.expect(200);
        assert_eq!(said["state"], "open", "{reason}: {}", said.json);
    }
    let said = who.post(&close, json!({ "reason": "false_alarm" })).await.expect(200);
    assert_eq!(said["says_false_alarm"], true);
    ring[0]
        .socket
        .expect_where("the caller's word", |frame| {
            frame["kind"] == "backup.updated" && frame["data"]["says_false_alarm"] == true
        })
        .await;
    ring[0].socket.expect_none("backup.stand_down", QUIET).await;
    // Somebody still on the way cannot know.
    ring[0].answer(&id, "coming").await.expect(200);
    ring[0].who.post(&close, json!({ "reason": "false_alarm" })).await.problem(403, "forbidden");
    ring[0].answer(&id, "arrived").await.expect(200);
    let ended = ring[0].who.post(&close, json!({ "reason": "false_alarm" })).await.expect(200);
    assert_eq!((&ended["state"], &ended["closed"]["reason"]), (&json!("closed"), &json!("false_alarm")));
    ring[1].socket.expect("backup.stand_down").await;

    // Ending it again, and answering after the end, change nothing.
    let again = room.post(&close, json!({ "reason": "resolved" })).await.expect(200);
    assert_eq!(again["closed"]["reason"], "false_alarm");
    let late = ring[1].answer(&id, "coming").await.expect(200);
    assert_eq!((&late["applied"], &late["state"]), (&json!(false), &json!("closed")));
}

#[tokio::test]
async fn one_real_and_one_false_alarm_stand_side_by_side() {
    let app = TestApp::shared().await;
    let unit = app.unit("TwoAlarms").await;
    let room = unit.dispatcher("room").await;
    let ring = patrols(&unit, &[300.0, 600.0, 900.0, 1200.0]).await;
    let (one, two) = (caller(&unit).await, caller(&unit).await);
    two.report(unit.near(0.0, 1500.0)).await;
    let real = id_of(&press(&one, json!({ "kind": "officer_down" })).await);
    ring[0].answer(&real, "coming").await.expect(200);
    let other = press(&two, json!({})).await;
    let told = ids(&other["alerted"]);
    assert!(!told.contains(&ring[0].who.person_id), "he is on the way to the first: {other}");
    assert!(!told.contains(&one.person_id), "nobody in trouble is sent: {other}");
    assert_eq!(room.get("/backups?state=open").await.expect(200).items().len(), 2);
    let close = format!("/backups/{}/close", id_of(&other));
    room.post(&close, json!({ "reason": "false_alarm" })).await.expect(200);
    assert_eq!(get(&room, &real).await["state"], "open");
    assert_eq!(room.get("/backups?state=open").await.expect(200).items().len(), 1);
}

#[tokio::test]
async fn the_caller_hears_every_answer_at_once_and_the_called_hear_a_burst_together() {
    let app = TestApp::shared().await;
    let unit = app.unit("Burst").await;
    let room = unit.dispatcher("room").await;
    let mut ring = patrols(&unit, &[300.0, 600.0, 900.0]).await;
    let who = caller(&unit).await;
    let mut own = who.socket().await;
    let id = id_of(&press(&who, json!({})).await);
    ring[2].alert().await;
    let (one, two) = tokio::join!(ring[0].answer(&id, "coming"), ring[1].answer(&id, "coming"));
    assert_eq!((&one.expect(200)["applied"], &two.expect(200)["applied"]), (&json!(true), &json!(true)));

    for count in [1, 2] {
        let told = own.expect("backup.updated").await;
        assert_eq!(
            (&told["data"]["change"], told["data"]["accepted_units"].as_u64() >= Some(count)),
            (&json!("coming"), true),
            "{told}"
        );
    }
    own.expect_none("backup.updated", QUIET).await;

    let counts_both = |frame: &Value| frame["kind"] == "backup.updated" && frame["data"]["accepted_units"] == 2;
    let told = ring[2].socket.expect_where("both answers", counts_both).await;
    assert_eq!(told["data"]["change"], "answers", "{told}");
    let timeline = get(&room, &id).await["timeline"].clone();
    let answered = timeline.as_array().unwrap().iter().filter(|event| event["kind"] == "answered");
    let at: Vec<jiff::Timestamp> = answered.map(|event| event["at"].as_str().unwrap().parse().unwrap()).collect();
    if at[0].duration_until(at[1]).as_secs() == 0 {
        // One message for both, and no other before or after.
        assert!(ring[2].socket.drain("backup.updated", QUIET).await.is_empty());
    }
}
