//! Who is spared for a grid, and calls for somebody else.

use super::*;

/// Signs a patrol on in a grid.
async fn post_to(patrol: &Patrol, grid: &str) {
    patrol.who.put("/me/duty", json!({ "on_duty": true, "grid": grid })).await.expect(200);
}

async fn make_grid(unit: &Unit, code: &str, min_strength: i64) {
    let chief = unit.administrator("chief").await;
    chief.post("/grids", json!({ "code": code, "name": code, "min_strength": min_strength })).await.expect(201);
}

/// Why this person was chosen or passed over in the first wave.
async fn reason(room: &Officer, backup: &Value, person: &str) -> Value {
    let seen = get(room, &id_of(backup)).await;
    let choices = seen["waves"][0]["choices"].as_array().unwrap();
    choices.iter().find(|choice| choice["person_id"] == person).unwrap()["reason"].clone()
}

#[tokio::test]
async fn the_last_unit_of_a_grid_stays_while_others_can_come() {
    let app = TestApp::shared().await;
    let unit = app.unit("Grid").await;
    let room = unit.dispatcher("room").await;
    make_grid(&unit, "G1", 1).await;
    // A neighbour's grid of the same name is another grid, and full of people.
    let other = app.unit("Next door").await;
    make_grid(&other, "G1", 0).await;
    for one in &patrols(&other, &[40_000.0, 40_100.0]).await {
        post_to(one, "G1").await;
    }
    let mut ring = patrols(&unit, &[300.0, 600.0, 900.0, 1200.0, 1500.0, 1800.0]).await;
    post_to(&ring[0], "G1").await;
    let who = caller(&unit).await;
    let made = press(&who, json!({})).await;
    let expected: Vec<String> = ring[1..].iter().map(|one| one.id().to_owned()).collect();
    assert_eq!(ids(&made["alerted"]), expected, "the nearest is his grid's last: {made}");
    assert_eq!(reason(&room, &made, ring[0].id()).await, "kept_for_grid");
    ring[1].alert().await;
    ring[0].socket.expect_none("backup.alert", QUIET).await;
}

#[tokio::test]
async fn the_last_unit_of_a_grid_comes_when_there_is_nobody_else() {
    let app = TestApp::shared().await;
    let unit = app.unit("Grid").await;
    let room = unit.dispatcher("room").await;
    make_grid(&unit, "G1", 1).await;
    let mut ring = patrols(&unit, &[300.0, 600.0]).await;
    post_to(&ring[0], "G1").await;
    let who = caller(&unit).await;
    let made = press(&who, json!({})).await;
    assert!(ids(&made["alerted"]).contains(&ring[0].id().to_owned()), "{made}");
    assert_eq!(reason(&room, &made, ring[0].id()).await, "grid_drawn_nobody_else");
    assert_eq!(reason(&room, &made, ring[1].id()).await, "nearest");
    ring[0].alert().await;
}

#[tokio::test]
async fn a_crew_stands_for_its_grid_and_the_callers_own_grid_is_not_spared() {
    let app = TestApp::shared().await;
    let unit = app.unit("Crews").await;
    let room = unit.dispatcher("room").await;
    make_grid(&unit, "G1", 1).await;
    make_grid(&unit, "G2", 1).await;
    let ring = patrols(&unit, &[300.0, 400.0, 600.0, 900.0, 1200.0, 1500.0, 1800.0]).await;
    // Two cars in G1, posted by the room: one may go, the other stays.
    for (sign, patrol) in [("A1", &ring[0]), ("A2", &ring[1])] {
        let members = json!([{ "person_id": patrol.id(), "role": "lead" }]);
        room.post("/crews", json!({ "call_sign": sign, "grid": "G1", "members": members })).await.expect(201);
    }
    // The caller's grid needs the help: its own people are sent, and its post stays his.
    post_to(&ring[2], "G2").await;
    let who = caller(&unit).await;
    who.put("/me/duty", json!({ "on_duty": true, "grid": "G2" })).await.expect(200);
    let made = press(&who, json!({})).await;
    assert_eq!(reason(&room, &made, ring[0].id()).await, "nearest", "the first car leaves one behind");
    assert_eq!(reason(&room, &made, ring[1].id()).await, "kept_for_grid");
    assert_eq!(reason(&room, &made, ring[2].id()).await, "nearest");
    assert_eq!(ids(&made["alerted"]).len(), 5, "{made}");
}

#[tokio::test]
async fn a_call_for_a_colleague_goes_to_him_and_follows_him() {
    let app = TestApp::shared().await;
    let unit = app.unit("For another").await;
    let room = unit.dispatcher("room").await;
    let who = caller(&unit).await;
    let hurt = unit.officer("hurt").await;
    hurt.sign_on().await;
    stand(&hurt, unit.near(6_000.0, 0.0)).await;
    let mut ring = patrols(&unit, &[5_500.0, 5_000.0, 4_500.0, 4_000.0, 3_500.0, 700.0]).await;

    let made = press(&who, json!({ "for_person_id": hurt.person_id, "kind": "officer_down" })).await;
    let id = id_of(&made);
    assert_eq!(made["requester"]["person_id"], who.person_id);
    assert_eq!(made["for_person"]["person_id"], hurt.person_id, "{made}");
    let expected: Vec<String> = ring[..5].iter().map(|one| one.id().to_owned()).collect();
    assert_eq!(ids(&made["alerted"]), expected, "nearest to him who needs it: {made}");
    let alert = ring[0].alert().await;
    assert_eq!((&alert["requester_id"], &alert["for_person_id"]), (&json!(who.person_id), &json!(hurt.person_id)));
    let is_at = |place: &Value, at: (f64, f64)| {
        (place["lon"].as_f64().unwrap() - at.0).abs() < 1e-6 && (place["lat"].as_f64().unwrap() - at.1).abs() < 1e-6
    };
    assert!(is_at(&alert["destination"], unit.near(6_000.0, 0.0)), "{alert}");

    // He is carried away, the one who called stays behind: the destination goes with him.
    let there = unit.near(6_000.0, 400.0);
    stand(&hurt, there).await;
    stand(&who, unit.near(0.0, 200.0)).await;
    wait_until("the destination follows him", || async { is_at(&get(&room, &id).await["destination"], there) }).await;
    // He is known as in trouble: nobody sends him to another call.
    let second = press(&caller(&unit).await, json!({})).await;
    assert!(!ids(&second["alerted"]).contains(&hurt.person_id), "{second}");
    // Whoever it is for may not end it by his own word either.
    let said = hurt.post(&format!("/backups/{id}/close"), json!({ "reason": "false_alarm" })).await.expect(200);
    assert_eq!(said["state"], "open");
    room.post(&format!("/backups/{id}/close"), json!({ "reason": "resolved" })).await.expect(200);
}
