//! The number a final record bears, its papers, and what anybody may ask of them.

use super::*;
use futures_util::future::join_all;
use std::collections::BTreeSet;

#[tokio::test]
async fn its_leader_makes_it_final_once() {
    let app = TestApp::shared().await;
    let scene = Scene::set(&app, "Final").await;
    let table = Table::set(&scene, "police", later(&scene.wang, &scene.li)).await;
    table.signed().await;
    for who in [&scene.li, &scene.room] {
        who.post(&table.at("finalize"), json!({})).await.problem(403, "forbidden");
    }
    for wrong in [
        json!({ "leased": { "year": 2026, "number": 1 }, "printed": "A00001" }),
        json!({ "leased": { "year": 2026, "number": 1 } }),
        json!({ "printed": "现调" }),
        json!({ "form": "oral" }),
        json!({ "form": "on_film" }),
        json!({ "form": "sung" }),
    ] {
        table.post("finalize", wrong).await.problem(422, "invalid_field");
    }
    table.verified().await.problem(404, "not_found");
    assert_eq!(table.now().await["documents"], json!([]));
    let key = new_id();
    let first = scene.wang.post_keyed(&table.at("finalize"), &key, json!({})).await.expect(200);
    let serial = first["serial_no"].clone();
    let again = scene.wang.post_keyed(&table.at("finalize"), &key, json!({})).await.expect(200);
    assert_eq!((&again["serial_no"], &again["finalized_at"]), (&serial, &first["finalized_at"]));
    let refused = table.finalize().await.problem(409, "conflict");
    assert_eq!(refused["serial_no"], serial);
    let papers = table.papers().await;
    assert_eq!(papers.as_array().unwrap().len(), 3, "the papers of one");
    let used = format!("FROM serial_number WHERE mediation_id = '{}'", table.id);
    assert_eq!(app.count(used).await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn twelve_at_once_have_twelve_numbers_in_a_row() {
    let app = TestApp::shared().await;
    let scene = Scene::set(&app, "Twelve").await;
    let mut tables = Vec::new();
    for _ in 0..12 {
        let table = Table::set(&scene, "police", later(&scene.wang, &scene.li)).await;
        table.signed().await;
        tables.push(table);
    }
    // Each is sent twice, as a terminal does that had no answer.
    let tries = tables.iter().flat_map(|table| [table.finalize(), table.finalize()]);
    let answers = join_all(tries).await;
    let done: Vec<&Reply> = answers.iter().filter(|answer| answer.status == 200).collect();
    assert_eq!(done.len(), 12);
    for answer in answers.iter().filter(|answer| answer.status != 200) {
        assert_eq!((answer.status, answer.code()), (409, "conflict"), "{}", answer.json);
    }
    let numbers: BTreeSet<i64> = done.iter().map(|answer| serial_of(answer["serial_no"].as_str().unwrap())).collect();
    assert!(numbers.iter().copied().eq(1..=12), "{numbers:?}");
    let register = scene.room.get(&format!("/units/{}/numbers?state=used&limit=100", scene.station.id)).await;
    assert_eq!(register.expect(200).items().len(), 12);
}

#[tokio::test]
async fn a_leased_number_and_that_of_a_printed_form() {
    let app = TestApp::shared().await;
    let scene = Scene::set(&app, "Leased").await;
    let (mut tables, blocks) = (Vec::new(), format!("/units/{}/number-blocks", scene.station.id));
    for _ in 0..4 {
        let table = Table::set(&scene, "police", later(&scene.wang, &scene.li)).await;
        table.signed().await;
        tables.push(table);
    }
    let lease = json!({ "series": "zatj", "count": 3 });
    let block = scene.wang.post(&blocks, lease.clone()).await.expect(201);
    let others = scene.li.post(&blocks, lease).await.expect(201);
    let year = block["year"].clone();
    let leased = |n: &Value| json!({ "leased": { "year": year, "number": n } });
    tables[0].post("finalize", leased(&others["from"])).await.problem(403, "forbidden");
    let done = tables[0].post("finalize", leased(&json!(2))).await.expect(200);
    assert_eq!(done["serial_no"], block["texts"][1]);
    let taken = tables[1].post("finalize", leased(&json!(2))).await.problem(409, "already_exists");
    assert_eq!(taken["mediation_id"], tables[0].id.as_str());
    // The form that was in the car.
    let printed = json!({ "printed": "治调 ００１０７" });
    let done = tables[1].post("finalize", printed.clone()).await.expect(200);
    assert_eq!(done["serial_no"], "治调00107");
    tables[2].post("finalize", printed).await.problem(409, "already_exists");
    // Nobody's number is given to the next.
    let next = tables[2].finalize().await.expect(200);
    assert_eq!(serial_of(next["serial_no"].as_str().unwrap()), 7);
    assert_eq!(tables[3].finalize().await.expect(200)["state"], "performing");
}

#[tokio::test]
async fn what_a_superior_withdraws_keeps_its_number_void() {
    let app = TestApp::shared().await;
    let scene = Scene::set(&app, "Void").await;
    let boss = scene.station.supervisor("boss").await;
    let paper = json!({ "certificate": { "number": "苏人调8", "expires_on": day(9) } });
    scene.station.admin().patch(&format!("/people/{}", scene.wang.person_id), paper).await.expect(200);
    let table = Table::set(&scene, "people", civil(&scene.wang, &scene.li)).await;
    table.signed().await;
    let done = table.finalize().await.expect(200);
    assert_eq!(done["state"], "awaiting_seal");
    let void = json!({ "step": "void", "reason": "当事人姓名写错" });
    for who in [&scene.wang, &scene.li, &scene.room] {
        who.post(&table.at("steps"), void.clone()).await.problem(403, "forbidden");
    }
    boss.post(&table.at("steps"), json!({ "step": "void" })).await.problem(422, "invalid_field");
    assert_eq!(boss.post(&table.at("steps"), void.clone()).await.expect(200)["state"], "void");
    let register = scene.room.get(&format!("/units/{}/numbers?state=void", scene.station.id)).await.expect(200);
    let row = &register.items()[0];
    let shown = (&row["text"], &row["reason"], &row["mediation_id"], &row["person_id"]);
    assert_eq!(shown, (&done["serial_no"], &void["reason"], &json!(table.id), &json!(boss.person_id)));
    // It is void for whoever holds the paper, and the next record takes the next number.
    assert_eq!(table.verified().await.expect(200)["state"], "void");
    table.papers().await;
    boss.post(&table.at("steps"), json!({ "step": "seal" })).await.problem(409, "conflict");
    let next = Table::set(&scene, "people", civil(&scene.wang, &scene.li)).await;
    next.signed().await;
    let next = next.finalize().await.expect(200);
    assert_eq!(serial_of(next["serial_no"].as_str().unwrap()), serial_of(done["serial_no"].as_str().unwrap()) + 1);
    // What binds is not withdrawn but changed by another document.
    let table = Table::set(&scene, "police", later(&scene.wang, &scene.li)).await;
    table.signed().await;
    table.finalize().await.expect(200);
    let refused = boss.post(&table.at("steps"), void).await.problem(409, "conflict");
    assert!(refused["allowed"].as_array().unwrap().contains(&json!("amend")), "{}", refused.json);
}

#[tokio::test]
async fn a_later_document_changes_an_earlier_one_and_names_it() {
    let app = TestApp::shared().await;
    let scene = Scene::set(&app, "Amends").await;
    let first = Table::set(&scene, "police", later(&scene.wang, &scene.li)).await;
    let too_early = json!({
        "incident_id": scene.incident_id(), "kind": "police", "record": {}, "amends": first.id,
    });
    scene.wang.put(&path(&new_id()), too_early).await.problem(422, "invalid_field");
    first.signed().await;
    let serial = first.finalize().await.expect(200)["serial_no"].clone();
    let mut record = later(&scene.wang, &scene.li);
    record["terms"][TERM]["due_on"] = json!(day(60));
    let second = Table::led_by(&scene, &scene.wang, "police", record, json!({ "amends": first.id })).await;
    second.signed().await;
    assert_eq!(first.verified().await.expect(200)["amended_by"], Value::Null, "not before it is final");
    let later = second.finalize().await.expect(200);
    assert_eq!(later["amends"], first.id.as_str());
    assert_eq!(second.papers().await[0]["problem"], Value::Null);
    let told = first.verified().await.expect(200);
    assert_eq!((&told["serial_no"], &told["amended_by"]), (&serial, &later["serial_no"]));
    assert_eq!(second.verified().await.expect(200)["amended_by"], Value::Null);
    let trail = scene.room.get(&format!("/incidents/{}/timeline", scene.incident_id())).await.expect(200);
    let line = trail.items().iter().find(|entry| entry["kind"] == "mediation.amended").unwrap().clone();
    assert_eq!(line["data"]["serial_no"], later["serial_no"]);

    // What is owed is owed under the later one alone.
    let old = first.now().await;
    assert_eq!((&old["state"], &later["state"]), (&json!("amended"), &json!("performing")));
    let (open, of) = ("FROM mediation_reminder WHERE NOT done AND mediation_id", |id: &str| format!("'{id}'"));
    assert_eq!(app.count(format!("{open} = {}", of(&first.id))).await, 0);
    assert!(app.count(format!("{open} = {}", of(&second.id))).await > 0);
    let paid = json!({ "term": TERM, "outcome": "performed" });
    first.post("performances", paid.clone()).await.problem(409, "conflict");
    second.post("performances", paid).await.expect(201);
    let again = json!({
        "incident_id": scene.incident_id(), "kind": "police", "record": {}, "amends": first.id,
    });
    scene.wang.put(&path(&new_id()), again).await.problem(422, "invalid_field");
    let mut drill = json!({ "incident_id": scene.incident_id(), "kind": "police", "record": {}, "amends": second.id });
    drill["drill"] = json!(true);
    assert_eq!(scene.wang.put(&path(&new_id()), drill).await.problem(422, "invalid_field")["field"], "amends");
    let boss = scene.station.supervisor("boss").await;
    let report = boss.get(&format!("/reports/mediations?from={}&to={}", day(-1), day(0))).await.expect(200);
    let total = &report["total"];
    assert_eq!((&total["count"], &total["reached"], &total["performed"]), (&json!(2), &json!(1), &json!(1)));
}

#[tokio::test]
async fn anybody_with_the_paper_learns_whether_it_holds_and_nothing_of_people() {
    let app = TestApp::shared().await;
    let scene = Scene::set(&app, "Verify").await;
    let drill =
        Table::led_by(&scene, &scene.wang, "police", later(&scene.wang, &scene.li), json!({ "drill": true })).await;
    for id in [&drill.id, &new_id()] {
        app.call("GET", &format!("/verify/{id}"), None).await.problem(404, "not_found");
    }
    app.call("GET", "/verify/x'--", None).await.expect(400);
    drill.signed().await;
    let leased = json!({ "leased": { "year": 2026, "number": 1 } });
    assert_eq!(drill.post("finalize", leased).await.problem(422, "invalid_field")["field"], "leased");
    let done = drill.finalize().await.expect(200);
    // None of the year's numbers went.
    assert!(done["serial_no"].as_str().unwrap().starts_with("演练-"), "{}", done["serial_no"]);
    let register = scene.room.get(&format!("/units/{}/numbers", scene.station.id)).await.expect(200);
    assert_eq!(register.items().len(), 0, "{:#}", register.json);
    assert_eq!(drill.papers().await[0]["problem"], Value::Null);
    let told = drill.verified().await.expect(200);
    assert_eq!((&told["drill"], &told["serial_no"]), (&json!(true), &done["serial_no"]));
    assert_eq!(told["content_matches"], Value::Null, "who brings nothing along learns nothing");
    let hash = done["content_hash"].as_str().unwrap();
    for (content, matches) in [(&hash[..32], true), (hash, true), (&"0".repeat(32), false)] {
        let at = format!("/verify/{}?content={content}", drill.id);
        assert_eq!(app.call("GET", &at, None).await.expect(200)["content_matches"], matches, "{content}");
    }
    let short = format!("/verify/{}?content={}", drill.id, &hash[..31]);
    app.call("GET", &short, None).await.problem(422, "invalid_field");
    let mut names: Vec<&str> = told.json.as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    let public = ["amended_by", "content_matches", "drill", "finalized_at", "kind", "serial_no", "state", "unit"];
    assert_eq!(names, public);
    let html =
        app.send("GET", &format!("/verify/{}", drill.id), None, &[("accept", "text/html")], None).await.expect(200);
    assert_eq!(html.header("content-type"), Some("text/html; charset=utf-8"));
    let page = html.json.as_str().unwrap();
    assert!(page.contains(done["serial_no"].as_str().unwrap()) && page.contains("演练"), "{page}");
    for text in [page, &told.json.to_string()] {
        for secret in ["张伟", "欧阳", ID_NUMBER, "13800138000", "东门大街", &scene.wang.person_id, "元"] {
            assert!(!text.contains(secret), "{secret}: {text}");
        }
    }
}

#[tokio::test]
async fn rare_characters_are_printed_or_named() {
    let app = TestApp::shared().await;
    let scene = Scene::set(&app, "Rare").await;
    for (name, refused) in [("王\u{202E}明", true), ("王\u{0}明", true), ("王\u{2067}明", true)] {
        let record = json!({ "parties": { PARTY_A: { "name": name } } });
        let made = scene.wang.put(&path(&new_id()), scene.body(record)).await;
        assert_eq!(made.status == 422, refused, "{name:?}: {}", made.json);
    }
    let names = [
        "𠮷野",
        "李𬱖",
        "<b>王</b>&amp;<script>",
        "王\u{200F}小\u{200E}明",
        "葛\u{E0100}城",
        "阿依古丽·买买提",
        "\u{E815}某",
        "محمد",
    ];
    let mut tables = Vec::new();
    for name in names {
        let mut record = quarrel(&scene.wang, &scene.li);
        record["parties"][PARTY_B]["name"] = json!(name);
        let table = Table::set(&scene, "police_on_scene", record).await;
        table.signed().await;
        assert_eq!(table.now().await["record"]["parties"][PARTY_B]["name"], name, "as it was typed");
        table.finalize().await.expect(200);
        tables.push((name, table));
    }
    for (name, table) in tables {
        let papers = table.papers().await;
        for paper in papers.as_array().unwrap() {
            let url = table.at(&format!("documents/{}.pdf", paper["kind"].as_str().unwrap()));
            match paper["problem"].as_str() {
                None => assert!(scene.wang.bytes(&url, &[]).await.expect(200).body.starts_with(b"%PDF"), "{name}"),
                Some(problem) => {
                    let named = name.chars().any(|c| problem.contains(&format!("U+{:04X}", u32::from(c))));
                    assert!(named, "{name}: {problem}");
                    let told = scene.wang.get(&url).await.problem(409, "conflict");
                    assert!(told["detail"].as_str().unwrap().contains("U+"), "{}", told.json);
                }
            }
        }
        let plain = !matches!(name, "\u{E815}某" | "محمد" | "李𬱖" | "𠮷野");
        assert!(!plain || papers[0]["problem"].is_null(), "{name}: {papers}");
    }
}

#[tokio::test]
async fn killed_before_its_papers_are_made_it_has_them_once_afterwards() {
    let app = TestApp::start().await;
    let scene = Scene::set(&app, "Killed").await;
    let mut tables = Vec::new();
    for _ in 0..4 {
        let table = Table::set(&scene, "police_on_scene", quarrel(&scene.wang, &scene.li)).await;
        table.signed().await;
        tables.push(table);
    }
    let mut serials = Vec::new();
    for table in &tables {
        serials.push(table.finalize().await.expect(200)["serial_no"].clone());
    }
    app.kill9();
    let made = app.count("FROM mediation_document WHERE evidence_id IS NOT NULL".to_owned()).await;
    assert!(made < 12, "the kill came too late to be in the middle");
    // The lease of the job that was cut off is over.
    app.sql("UPDATE job SET lease_until = 1 WHERE kind = 'mediation.documents'".to_owned()).await;
    app.restart().await;
    for (table, serial) in tables.iter().zip(&serials) {
        let papers = table.papers().await;
        assert!(papers.as_array().unwrap().iter().all(|one| one["problem"].is_null()), "{papers}");
        assert_eq!(&table.now().await["serial_no"], serial);
        let pdf = scene.wang.bytes(&table.at("documents/agreement.pdf"), &[]).await.expect(200);
        assert_eq!(papers[0]["sha256"], crate::support::merkle::sha256_hex(&pdf.body));
    }
    assert_eq!(app.count("FROM evidence WHERE kind = 'document'".to_owned()).await, 12, "each once");
    super::papers::no_job_is_left(&app).await;
}

#[tokio::test]
async fn a_draft_is_for_who_writes_and_each_look_is_written_down() {
    let app = TestApp::shared().await;
    let scene = Scene::set(&app, "Drafts").await;
    let boss = scene.station.supervisor("boss").await;
    let table = Table::set(&scene, "police", later(&scene.wang, &scene.li)).await;
    let url = table.at("documents/agreement.pdf");
    let looks =
        || app.count(format!("FROM audit WHERE subject_id = '{}' AND action = 'mediation.draft_read'", table.id));
    // What he may not see in clear field by field he does not see on a draft.
    boss.get(&url).await.problem(403, "forbidden");
    assert_eq!(looks().await, 0);
    let pdf = scene.li.bytes(&url, &[]).await.expect(200);
    assert!(pdf.body.starts_with(b"%PDF"));
    assert_eq!(looks().await, 1);
    for kind in ["minutes", "volume", "letter"] {
        scene.li.get(&table.at(&format!("documents/{kind}.pdf"))).await.problem(404, "not_found");
    }
}
