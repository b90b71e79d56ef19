//! Figures of orders: what is counted, and what is not.

use super::*;

#[tokio::test]
async fn orders_are_counted_by_agency_and_by_kind_and_drills_are_not() {
    let app = TestApp::shared().await;
    let desk = Desk::set(&app, "Figures").await;
    let (gas, (hotline, account)) = (desk.phone("Gas").await, desk.software("Hotline").await);
    for _ in 0..2 {
        let back = desk.sent(&hotline).await;
        say(&account, &back, "return", json!({ "text": "no" })).await.expect(201);
    }
    let done = desk.sent(&hotline).await;
    for (kind, more) in [("sign", json!({})), ("accept", json!({})), ("close", json!({ "text": "done" }))] {
        say(&account, &done, kind, more).await.expect(201);
    }
    desk.sent(&gas).await;
    let taken_back = desk.sent(&gas).await;
    say(&desk.room, &taken_back, "withdraw", json!({})).await.expect(201);
    desk.send(&gas, json!({ "drill": true })).await.expect(201);
    let today = crate::mediation::day(0);
    let period = format!("from={today}&to={today}");
    let supervisor = desk.station.supervisor("boss").await;
    let report = supervisor.get(&format!("/reports/tasks?{period}&by=agency")).await.expect(200);
    let row = |id: &str| report.items().iter().find(|row| row["key"] == id).cloned().unwrap();
    let figures = |row: &Value| {
        ["sent", "accepted", "returned", "bounced", "closed", "withdrawn", "open"]
            .map(|name| row[name].as_u64().unwrap())
    };
    assert_eq!(figures(&row(&hotline)), [3, 1, 2, 1, 1, 0, 0]);
    assert_eq!(figures(&row(&gas)), [2, 0, 0, 0, 0, 1, 1]);
    assert_eq!(figures(&report["total"]), [5, 1, 2, 1, 1, 1, 1]);
    assert_eq!((&row(&hotline)["diversion_rate"], &row(&gas)["diversion_rate"]), (&json!(0.333), &json!(0.5)));
    assert!(row(&hotline)["median_accept_s"].as_f64().is_some_and(|s| (0.0..60.0).contains(&s)));
    assert_eq!(row(&gas)["median_accept_s"], Value::Null);
    let kinds = supervisor.get(&format!("/reports/tasks?{period}&by=kind")).await.expect(200);
    let keys: Vec<&Value> = kinds.items().iter().map(|row| &row["key"]).collect();
    assert_eq!(keys, ["ambulance", "governance_centre"]);
    let csv = supervisor.bytes(&format!("/reports/tasks?{period}&format=csv"), &[]).await;
    let text = String::from_utf8(csv.body).unwrap();
    assert!(text.starts_with("\u{FEFF}\"组别\",\"名称\",\"派出\""), "{text}");
    assert_eq!(text.lines().count(), 4, "head, two agencies, total");
    desk.wang.get(&format!("/reports/tasks?{period}")).await.problem(403, "forbidden");
    let other = app.unit("Elsewhere").await;
    desk.room.get(&format!("/reports/tasks?{period}&unit_id={}", other.id)).await.problem(404, "not_found");
    supervisor.get("/reports/tasks?from=2026-01-02&to=2026-01-01").await.problem(422, "invalid_field");
}
