//! A crew that is sent in the very moment somebody leaves it or the last ones go.

use super::*;

/// Tries; each a race of its own.
const TRIES: usize = 12;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn who_leaves_while_the_crew_is_sent_is_not_on_the_call() {
    let (unit, room) = station().await;
    let people = [unit.officer("wang").await, unit.officer("zhao").await, unit.officer("chen").await];
    for person in &people {
        person.sign_on().await;
    }
    for _ in 0..TRIES {
        let crew = form(&room, &people).await;
        let incident = room.incident(unit.center).await;
        let (send, leave) = (path(&incident, "/assignments"), format!("/crews/{}/leave", crew.id()));
        let (sent, left) =
            tokio::join!(room.post(&send, json!({ "crew_ids": [crew.id()] })), people[2].post(&leave, json!({})),);
        left.expect(200);
        let sent = sent.expect(201)["assignments"][0].clone();
        let shown = seen(&room, &sent).await;
        let on_it = shown["people"].as_array().unwrap().iter().filter(|member| member["left_at"].is_null()).count();
        assert_eq!(on_it, 2, "two are in the crew: {}", shown["people"]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_crew_whose_last_two_leave_together_has_ended() {
    let (unit, room) = station().await;
    let people = [unit.officer("wang").await, unit.officer("zhao").await];
    for person in &people {
        person.sign_on().await;
    }
    for _ in 0..TRIES {
        let crew = form(&room, &people).await;
        let leave = format!("/crews/{}/leave", crew.id());
        let (one, other) = tokio::join!(people[0].post(&leave, json!({})), people[1].post(&leave, json!({})));
        one.expect(200);
        other.expect(200);
        let shown = room.get(&format!("/crews/{}", crew.id())).await.expect(200);
        assert_eq!((&shown["status"], &shown["members"]), (&json!("ended"), &json!([])), "{}", shown.json);
    }
}

async fn form(room: &Officer, people: &[Officer]) -> Reply {
    let role = |place: usize| if place == 0 { "lead" } else { "assist" };
    let members: Vec<Value> = people
        .iter()
        .enumerate()
        .map(|(place, person)| json!({ "person_id": person.person_id, "role": role(place) }))
        .collect();
    room.post("/crews", json!({ "call_sign": "201", "members": members })).await.expect(201)
}
