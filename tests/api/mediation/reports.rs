//! Figures: what is counted, by what, and that every figure opens into exactly its records.

use super::*;

/// In the order of the report.
const FIGURES: [&str; 7] = ["reached", "failed", "performed", "defaults", "on_scene", "second_rounds", "referred"];

fn today() -> String {
    let china = jiff::tz::Offset::constant(8).to_time_zone();
    jiff::Zoned::now().with_time_zone(china).date().to_string()
}

#[tokio::test]
async fn every_figure_opens_into_its_records() {
    let app = TestApp::shared().await;
    let scene = Scene::set(&app, "Counted").await;
    let supervisor = scene.station.supervisor("boss").await;
    for (kind, drill) in [("police", false), ("police", false), ("people", false), ("police", true)] {
        let record = json!({ "leader_id": scene.wang.person_id, "place": "p" });
        let body = json!({ "incident_id": scene.incident_id(), "kind": kind, "drill": drill, "record": record });
        scene.wang.put(&path(&new_id()), body).await.expect(201);
    }
    // One that failed and went to court, one that failed for now, one not kept, one settled on the spot.
    let failed = |reason: &'static str| json!({ "step": "fail", "reason": reason });
    for handed_over in [true, false] {
        let table = Table::set(&scene, "police", later(&scene.wang, &scene.li)).await;
        table.agree().await;
        table.post("steps", failed("数额分歧")).await.expect(200);
        if handed_over {
            let court = new_id();
            let agency = json!({ "name": "Court", "kind": "court", "channel": "phone",
                "phone": "0519-82600000", "unit_id": scene.station.id });
            scene.station.admin().put(&format!("/agencies/{court}"), agency).await.expect(201);
            let body = json!({ "agency_id": court, "purpose": "litigate", "ask": "双方要求起诉。" });
            table.post("referrals", body).await.expect(201);
        }
    }
    let table = in_effect(&scene, "police").await;
    let default = json!({ "term": TERM, "outcome": "defaulted", "note": "逾期未付" });
    table.post("performances", default).await.expect(201);
    let table = Table::set(&scene, "police_on_scene", quarrel(&scene.wang, &scene.li)).await;
    table.signed().await;
    table.finalize().await.expect(200);
    let period = format!("from={}&to={}", day(-1), day(0));
    for (by, wanted) in
        [("kind", vec![1, 1, 5]), ("unit", vec![7]), ("mediator", vec![7]), ("category", vec![7]), ("month", vec![7])]
    {
        let report = supervisor.get(&format!("/reports/mediations?{period}&by={by}")).await.expect(200);
        let rows = report["items"].as_array().unwrap();
        let mut counts: Vec<u64> = rows.iter().map(|row| row["count"].as_u64().unwrap()).collect();
        counts.sort_unstable();
        assert_eq!(counts, wanted, "{by}: drills are not counted");
        for row in rows.iter().chain([&report["total"]]) {
            let opened = supervisor.get(&format!("/mediations?{}&limit=50", row["records"].as_str().unwrap())).await;
            assert_eq!(opened.expect(200).items().len() as u64, row["count"].as_u64().unwrap(), "{by}: {row}");
            for figure in FIGURES {
                let query = format!("/mediations?{}&figure={figure}&limit=50", row["records"].as_str().unwrap());
                let opened = supervisor.get(&query).await.expect(200).items().len() as u64;
                assert_eq!(opened, row[figure].as_u64().unwrap(), "{by} {figure}: {row}");
            }
        }
        let counted = FIGURES.map(|figure| report["total"][figure].as_u64().unwrap());
        assert_eq!(counted, [2, 2, 1, 1, 1, 0, 1], "{by}: {}", report["total"]);
    }
    let csv = supervisor.bytes(&format!("/reports/mediations?{period}&by=mediator&format=csv"), &[]).await;
    let text = String::from_utf8(csv.body).unwrap();
    assert!(text.starts_with("\u{FEFF}\"组别\",\"名称\",\"件数\""), "{text}");
    assert_eq!(text.lines().count(), 3, "head, one who leads, total");
}

#[tokio::test]
async fn a_report_is_for_who_answers_and_of_a_year_at_most() {
    let app = TestApp::shared().await;
    let scene = Scene::set(&app, "Asked").await;
    let other = Scene::set(&app, "Elsewhere").await;
    let period = format!("from={0}&to={0}", today());
    scene.wang.get(&format!("/reports/mediations?{period}")).await.problem(403, "forbidden");
    let foreign = format!("/reports/mediations?{period}&unit_id={}", other.station.id);
    scene.room.get(&foreign).await.problem(404, "not_found");
    for wrong in ["from=2026-01-02&to=2026-01-01", "from=2024-01-01&to=2026-01-01", "from=2026-02-30&to=2026-03-01"] {
        scene.room.get(&format!("/reports/mediations?{wrong}")).await.problem(422, "invalid_field");
    }
}
