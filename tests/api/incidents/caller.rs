//! The caller's number: masked, one tap for those who accepted, masked again a day after the end.

use super::*;

/// A call with a caller, one officer sent to it who has not answered yet.
async fn call(no: &str) -> (Unit, Officer, Officer, Value, Value) {
    let (unit, room, intake) = station().await;
    let incident = intake.post("/incidents", pushed(&unit, &source(), no, 1)).await.expect(201).json;
    let wang = unit.officer("wang").await;
    let sent = room.assign(&incident, &[&wang]).await.remove(0);
    (unit, room, wang, incident, sent)
}

/// A day and an hour pass on a column of the incident.
async fn a_day_later(unit: &Unit, incident: &Value, column: &str) {
    let (id, micros) = (incident["id"].as_str().unwrap(), 25 * 3_600_000_000_i64);
    unit.app.sql(format!("UPDATE incident SET {column} = {column} - {micros} WHERE id = '{id}'")).await;
}

async fn looks(room: &Officer, incident: &Value) -> Vec<Value> {
    let lines = room.get(&path(incident, "/timeline")).await.expect(200);
    lines.items().iter().filter(|line| line["kind"] == "caller.shown").map(|line| line["person_id"].clone()).collect()
}

#[tokio::test]
async fn the_callers_number_is_one_tap_from_acceptance_to_a_day_after_the_final_feedback() {
    let (unit, room, wang, incident, sent) = call("C-1").await;
    let caller = path(&incident, "/caller");
    let masked = || async {
        let shown = wang.get(&path(&incident, "")).await.expect(200);
        assert_eq!(shown["reporter"], json!({ "name": "张*", "phone": "138****8000", "secret": false }));
    };
    masked().await;
    wang.get(&caller).await.problem(403, "forbidden");
    wang.event(&sent, "viewed").await.expect(200);
    wang.get(&caller).await.problem(403, "forbidden");
    wang.event(&sent, "accepted").await.expect(200);
    let shown = wang.get(&caller).await.expect(200);
    assert_eq!((&shown["phone"], &shown["name"]), (&json!("13800138000"), &json!("张三")));
    assert_eq!(shown.header("cache-control"), Some("no-store"));
    masked().await;
    let stranger = unit.officer("zhao").await;
    stranger.get(&caller).await.problem(404, "not_found");

    for event in ["on_scene", "cleared"] {
        wang.event(&sent, event).await.expect(200);
    }
    wang.post(&path(&incident, "/feedbacks"), json!({ "stage": "final", "result_code": "01" })).await.expect(201);
    wang.get(&caller).await.expect(200);
    room.post(&path(&incident, "/review"), json!({ "accept": true })).await.expect(200);
    wang.get(&caller).await.expect(200);
    assert_eq!(looks(&room, &incident).await, vec![json!(wang.person_id); 3], "every look is logged by itself");

    a_day_later(&unit, &incident, "final_at").await;
    wang.get(&caller).await.problem(403, "forbidden");
    masked().await;
    assert_eq!(looks(&room, &incident).await.len(), 3, "a refused look shows nothing");
    // The room calls back (回访) for as long as it commands the call; its looks are logged too.
    room.get(&caller).await.expect(200);
    assert_eq!(looks(&room, &incident).await[3], room.person_id);
    // A new round is new work for whoever is on it.
    room.post(&path(&incident, "/reopen"), json!({ "reason": "he is back" })).await.expect(200);
    wang.get(&caller).await.expect(200);
}

#[tokio::test]
async fn a_call_that_ends_without_feedback_closes_the_number_as_well() {
    let (unit, room, wang, incident, sent) = call("C-2").await;
    wang.event(&sent, "accepted").await.expect(200);
    room.post(&path(&incident, "/cancel"), json!({ "reason": "found at home" })).await.expect(200);
    wang.get(&path(&incident, "/caller")).await.expect(200);
    a_day_later(&unit, &incident, "updated_at").await;
    wang.get(&path(&incident, "/caller")).await.problem(403, "forbidden");
}

#[tokio::test]
async fn a_secret_caller_stays_a_relay_note() {
    let (unit, room, intake) = station().await;
    let mut body = pushed(&unit, &source(), "A-7", 1);
    body["reporter"] = json!({ "name": "李四", "phone": "13900139000", "secret": true });
    let incident = intake.post("/incidents", body).await.expect(201).json;
    assert_eq!(incident["reporter"]["secret"], true);
    let shown = room.get(&path(&incident, "/caller")).await.expect(200);
    assert_eq!(shown["phone"], Value::Null);
    assert_eq!(shown["callers"][0]["relay"], true);
}
