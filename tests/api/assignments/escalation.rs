//! Missed deadlines: what the server adds, suggests and tells, and when it holds back.

use std::time::Duration;

use super::*;

#[tokio::test]
async fn escalation_adds_for_priority_one_suggests_otherwise_and_takes_nothing_away() {
    let (_app, unit, room) = hasty("").await;
    let (wang, zhao) = (unit.officer("wang").await, unit.officer("zhao").await);
    for (n, officer) in [&wang, &zhao].into_iter().enumerate() {
        officer.sign_on().await;
        officer.report(unit.near(100.0 * f64::from(u32::try_from(n).unwrap()), 50.0)).await;
    }
    let calm = room.incident_with(unit.center, json!({ "priority": 3 })).await;
    room.assign(&calm, &[&wang]).await;
    let mut screen = room.socket().await;
    screen.expect_where("a suggestion", |m| m["kind"] == "card.raised").await;
    tokio::time::sleep(Duration::from_millis(2500)).await;
    let all = room.get(&path(&calm, "/assignments")).await.expect(200);
    assert_eq!(all.items().len(), 1, "the room decides");
    let grave = room.incident_with(unit.center, json!({ "priority": 1 })).await;
    let sent = room.assign(&grave, &[&wang]).await.remove(0);
    wait_until("one more is sent", || async { room.get(&path(&grave, "/assignments")).await.items().len() == 2 }).await;
    let all = room.get(&path(&grave, "/assignments")).await.expect(200);
    assert_eq!(all.items()[1]["origin"], "auto");
    assert_eq!(all.items()[1]["person_id"], zhao.person_id);
    assert!(!["reassigned", "cancelled"].contains(&seen(&room, &sent).await["state"].as_str().unwrap()));
}

#[tokio::test]
async fn deadlines_survive_a_kill() {
    let (app, unit, room) = hasty("").await;
    let wang = unit.officer("wang").await;
    let incident = room.incident_with(unit.center, json!({ "priority": 3 })).await;
    let sent = room.assign(&incident, &[&wang]).await.remove(0);
    app.restart().await;
    wait_until("the deadline is missed after the restart", || async {
        seen(&room, &sent).await["attempts"].as_array().unwrap().len() > 1
    })
    .await;
    let shown = seen(&room, &sent).await;
    let socket = shown["attempts"].as_array().unwrap().iter().filter(|a| a["channel"] == "other_devices").count();
    assert_eq!(socket, 1, "each channel once: {shown}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixty_terminals_gone_dark_together_are_one_card_and_nobody_is_offered_anything() {
    const MANY: u32 = 60;
    let config = "[auth]\nargon2_memory_kib = 64\nargon2_passes = 1\n\
                  [dispatch]\ndelivered_s = [9, 9, 9, 9]\nviewed_s = [9, 9, 9, 9]\naccepted_s = [9, 9, 9, 9]\n\
                  en_route_s = [9, 9, 9, 9]\narea_silent_min = 5\narea_silent_hold_s = 1\n";
    let app = TestApp::builder().config(config).start().await;
    let unit = app.unit("Lakeside").await;
    let room = unit.dispatcher("li").await;
    let mut on_patrol = Vec::new();
    for n in 0..MANY {
        let officer = unit.officer(&format!("o{n}")).await;
        officer.sign_on().await;
        on_patrol.push((officer.socket().await, officer, unit.near(20.0 * f64::from(n), 0.0)));
    }
    // Each has a call of the highest priority, every third of them has accepted it.
    let mut steps = tokio::task::JoinSet::new();
    let mut sockets = Vec::new();
    for (n, (socket, officer, (lon, lat))) in on_patrol.into_iter().enumerate() {
        sockets.push(socket);
        let room = room.clone();
        steps.spawn(async move {
            let fix = json!({ "at": now(), "lon": lon, "lat": lat, "accuracy_m": 8.0, "next_within_s": 1 });
            officer.positions(vec![fix]).await.ok();
            let incident = room.incident_with((lon, lat), json!({ "priority": 1 })).await;
            let assignment = room.assign(&incident, &[&officer]).await.remove(0);
            if n % 3 == 0 {
                officer.event(&assignment, "accepted").await.expect(200);
            }
            (n, incident, assignment)
        });
    }
    let sent = steps.join_all().await;
    // Everything goes dark at once.
    drop(sockets);
    let first_due = seen(&room, &sent[0].2).await["deadlines"][0]["due_at"].as_str().unwrap().to_owned();
    wait_until("one card for the whole area", || async { !cards(&room, "area.silent").await.is_empty() }).await;
    let card = cards(&room, "area.silent").await.remove(0);
    let instant = |value: &str| value.parse::<jiff::Timestamp>().unwrap().as_millisecond();
    let late = instant(card["raised_at"].as_str().unwrap()) - instant(&first_due);
    assert!(late < 2_000, "the room was told {late} ms after the first clock ran out");
    // Every clock of every call comes due and is held, again and again.
    wait_until("all of them are held", || async {
        let card = cards(&room, "area.silent").await.remove(0);
        card["data"]["silent"] == MANY && card["data"]["calls_affected"] == MANY
    })
    .await;
    tokio::time::sleep(Duration::from_millis(2500)).await;
    let begun = std::time::Instant::now();
    let open = room.get("/cards?limit=500").await.expect(200);
    let kinds: Vec<&str> = open.items().iter().map(|card| card["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["area.silent"], "one card, not sixty");
    for (n, incident, assignment) in &sent {
        let all = room.get(&path(incident, "/assignments")).await.expect(200);
        assert_eq!(all.items().len(), 1, "nobody else is offered it: {}", all.json);
        let shown = seen(&room, assignment).await;
        assert_eq!(shown["state"], if n % 3 == 0 { "accepted" } else { "sent" });
        assert_eq!(shown["attempts"].as_array().unwrap().len(), 1, "he is not offered it again: {shown}");
    }
    assert!(begun.elapsed() < Duration::from_secs(10), "the server is busy holding back: {:?}", begun.elapsed());
}

#[tokio::test]
async fn an_unsigned_call_goes_to_the_room_above() {
    let (_app, unit, room) = hasty("").await;
    let town = unit.child("Town", "station_command_room").await;
    let seat = town.dispatcher("sun").await;
    let mut above = room.socket().await;
    let incident = room.incident_with(unit.center, json!({ "unit_id": town.id })).await;
    above
        .expect_where("the room above", |m| m["kind"] == "card.raised" && m["data"]["kind"] == "deadline.signed")
        .await;
    seat.post(&path(&incident, "/sign"), json!({})).await.expect(200);
}
