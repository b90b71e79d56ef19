//! Papers that come after the agreement: receipts, delivery notes, the agreement under its seal, the strip.

use super::extract::{bare, printed};
use super::*;
use crate::support::evidence::{film_of, jpeg};

/// A server whose papers bear a code.
const VERIFIED: &str = "[documents]\npublic_url = \"https://verify.example.cn\"\n";

#[tokio::test]
async fn each_payment_has_its_receipt() {
    let app = TestApp::shared().await;
    let scene = Scene::set(&app, "Receipts").await;
    let table = performing(&scene, "police").await;
    let proof = scene.wang.photo(&jpeg(64, 48, 3), json!({ "incident_id": scene.incident_id() })).await.expect(201);
    let part = json!({
        "id": new_id(), "term": TERM, "outcome": "performed", "amount_fen": 20_000, "evidence_id": proof.id(),
        "payee_words": "第一笔收到，<b>无误</b>。", "note": "微信转账",
    });
    table.post("performances", part.clone()).await.expect(201);
    assert_eq!(
        table.post("performances", part.clone()).await.expect(200)["performances"][0]["payee_words"],
        part["payee_words"]
    );
    let mut other = part.clone();
    other["payee_words"] = json!("没有收到。");
    table.post("performances", other).await.problem(422, "key_reused");
    // The rest, said as a whole: the receipt is for what was left.
    table.post("performances", json!({ "term": TERM, "outcome": "performed" })).await.expect(201);
    let papers = table.papers().await;
    let receipts = of_kind(&papers, "receipt");
    assert_eq!(receipts.len(), 2, "{papers}");
    assert_eq!(receipts[0]["act_id"], part["id"]);
    for (at, receipt) in receipts.iter().enumerate() {
        let name = format!("receipt-{}", at + 1);
        assert_eq!(receipt["url"], format!("/api/v1{}", table.at(&format!("documents/{name}.pdf"))));
        assert_eq!((&receipt["problem"], &receipt["n"]), (&Value::Null, &json!(at + 1)));
        let item = scene.wang.get(&format!("/evidence/{}", receipt["evidence_id"].as_str().unwrap())).await.expect(200);
        assert_eq!((&item["kind"], &item["sha256"]), (&json!("document"), &receipt["sha256"]));
        assert!(scene.wang.touches(item["id"].as_str().unwrap()).await.contains(&"received".to_owned()));
    }
    let first = printed(&scene.wang, &table.at("documents/receipt-1.pdf")).await;
    let serial = table.now().await["serial_no"].as_str().unwrap().to_owned();
    for part in [
        "收条",
        &serial,
        "给付人张伟",
        "收受人欧阳建国",
        "第一条（张伟赔偿欧阳建国手机屏幕维修费）",
        "人民币贰佰元整（¥200.00）",
        "第一笔收到，<b>无误</b>。",
        "备注微信转账",
        &proof.id(),
        "收受人签名",
    ] {
        assert!(first.contains(&bare(part)), "{part} in {first}");
    }
    assert!(printed(&scene.wang, &table.at("documents/receipt-2.pdf")).await.contains("人民币肆佰元整（¥400.00）"));
    // The list of the file was made once more, with what came since.
    assert_eq!(of_kind(&papers, "volume").len(), 2);
    let list = printed(&scene.wang, &table.at("documents/volume.pdf")).await;
    assert!(list.contains("4份") && list.matches("收条").count() == 2, "{list}");
    assert!(printed(&scene.wang, &table.at("documents/volume-1.pdf")).await.contains("2份"));
    // A default is no payment, and other people's papers are none of theirs.
    for unknown in ["receipt-3", "receipt-0", "receipt-01", "receipt--1", "receipt-x", "slip-1", "-1"] {
        scene.wang.get(&table.at(&format!("documents/{unknown}.pdf"))).await.problem(404, "not_found");
    }
    let boss = scene.station.supervisor("boss").await;
    assert_eq!(boss.bytes(&table.at("documents/receipt-1.pdf"), &[]).await.status, 200);
    let looks = boss.touches(receipts[0]["evidence_id"].as_str().unwrap()).await;
    assert!(looks.iter().any(|touch| touch == "downloaded"), "{looks:?}");
}

#[tokio::test]
async fn what_is_no_payment_has_no_receipt() {
    let app = TestApp::shared().await;
    let scene = Scene::set(&app, "NoReceipt").await;
    let table = performing(&scene, "police").await;
    let long = json!({ "term": TERM, "outcome": "performed", "payee_words": "字".repeat(501) });
    assert_eq!(table.post("performances", long).await.problem(422, "invalid_field")["field"], "payee_words");
    table.post("performances", json!({ "term": TERM, "outcome": "defaulted", "note": "未付" })).await.expect(201);
    assert!(of_kind(&table.papers().await, "receipt").is_empty());
}

#[tokio::test]
async fn each_copy_has_its_delivery_note() {
    let app = TestApp::shared().await;
    let scene = Scene::set(&app, "Delivery").await;
    let table = performing(&scene, "police").await;
    for (party, document, way, note) in [
        (PARTY_A, "agreement", "printed", ""),
        (PARTY_B, "agreement", "refused", "称回家再看，拒收"),
        (PARTY_B, "minutes", "handed_later", "次日到所领取"),
        (PARTY_A, "minutes", "sent", "挂号信"),
    ] {
        let copy = json!({ "party": party, "document": document, "way": way, "note": note });
        table.post("copies", copy).await.expect(201);
    }
    for none in ["receipt", "delivery", "slip"] {
        let copy = json!({ "party": PARTY_A, "document": none, "way": "printed" });
        assert_eq!(table.post("copies", copy).await.problem(422, "invalid_field")["field"], "document");
    }
    let papers = table.papers().await;
    let notes = of_kind(&papers, "delivery");
    assert_eq!(notes.len(), 4, "{papers}");
    let serial = table.now().await["serial_no"].as_str().unwrap().to_owned();
    for (at, name, what, how, more) in [
        (1, "张伟", "治安调解协议书", "当场打印交付", "东门大街18号门前"),
        (2, "欧阳建国", "治安调解协议书", "拒收", "（拒绝签名）称回家再看，拒收"),
        (3, "欧阳建国", "调解笔录", "事后交付", "次日到所领取"),
        (4, "张伟", "调解笔录", "寄送", "挂号信"),
    ] {
        let text = printed(&scene.wang, &table.at(&format!("documents/delivery-{at}.pdf"))).await;
        let to = format!("受送达人{name}");
        for part in ["送达回证", &to, &format!("{what}（{serial}）"), how, more, "送达人签名", "时"] {
            assert!(text.contains(&bare(part)), "{part} in {text}");
        }
        assert_eq!(notes[at - 1]["problem"], Value::Null);
    }
}

#[tokio::test]
async fn under_its_seal_it_is_drawn_again_and_names_the_one_before() {
    let app = TestApp::shared().await;
    let scene = Scene::set(&app, "Sealed").await;
    let table = awaiting_seal(&scene).await;
    let before = table.papers().await;
    let unsealed = of_kind(&before, "agreement")[0].clone();
    assert!(!printed(&scene.wang, &table.at("documents/agreement.pdf")).await.contains("已盖章"));
    let boss = scene.station.supervisor("boss").await;
    let seal = json!({ "step": "seal", "reason": "加盖调委会公章一式三份，章号 3204130012" });
    boss.post(&table.at("steps"), seal.clone()).await.expect(200);
    // Sent again it is not sealed again.
    boss.post(&table.at("steps"), seal).await.expect(200);
    let after = table.papers().await;
    let editions = of_kind(&after, "agreement");
    assert_eq!(editions.len(), 2, "{after}");
    assert_eq!((&editions[0]["sha256"], &editions[0]["evidence_id"]), (&unsealed["sha256"], &unsealed["evidence_id"]));
    assert_ne!(editions[0]["sha256"], editions[1]["sha256"]);
    let urls: Vec<String> = ["agreement-1", "agreement"]
        .map(|name| format!("/api/v1{}", table.at(&format!("documents/{name}.pdf"))))
        .into();
    assert_eq!([&editions[0]["url"], &editions[1]["url"]], [&json!(urls[0]), &json!(urls[1])]);
    let text = printed(&scene.wang, &table.at("documents/agreement.pdf")).await;
    let told = table.now().await;
    let step = told["history"].as_array().unwrap().iter().find(|one| one["step"] == "seal").unwrap();
    let name = boss.person["name"].as_str().unwrap().to_owned();
    for part in [
        "（已盖章）",
        "用印记录：加盖调委会公章一式三份，章号 3204130012",
        &format!("用印人：{name}"),
        &format!("用印时间：{}", beijing(step["at"].as_str().unwrap())),
        unsealed["sha256"].as_str().unwrap(),
    ] {
        assert!(text.contains(&bare(part)), "{part} in {text}");
    }
    let old = scene.wang.bytes(&table.at("documents/agreement-1.pdf"), &[]).await.expect(200);
    assert_eq!(unsealed["sha256"], crate::support::merkle::sha256_hex(&old.body), "the old one stays");
    let named = scene.wang.bytes(&table.at("documents/agreement-2.pdf"), &[]).await.expect(200);
    assert_eq!(editions[1]["sha256"], crate::support::merkle::sha256_hex(&named.body));
    // An item of the call's evidence, for whoever may see those, though the keeper of the seal may not add to it.
    let item = format!("/evidence/{}", editions[1]["evidence_id"].as_str().unwrap());
    for who in [&scene.wang, &boss, &scene.room] {
        assert_eq!(who.get(&item).await.expect(200)["quarantined"], false);
    }
}

#[tokio::test]
async fn sealed_before_any_paper_was_made_both_are_made() {
    let app = TestApp::start().await;
    let scene = Scene::set(&app, "SealedSoon").await;
    let boss = scene.station.supervisor("boss").await;
    let table = awaiting_seal(&scene).await;
    boss.post(&table.at("steps"), json!({ "step": "seal" })).await.expect(200);
    app.kill9();
    app.sql("UPDATE job SET lease_until = 1 WHERE kind = 'mediation.documents'".to_owned()).await;
    app.restart().await;
    let papers = table.papers().await;
    let editions = of_kind(&papers, "agreement");
    assert_eq!(editions.len(), 2, "{papers}");
    let text = printed(&scene.wang, &table.at("documents/agreement.pdf")).await;
    assert!(text.contains(editions[0]["sha256"].as_str().unwrap()), "{text}");
    assert!(!printed(&scene.wang, &table.at("documents/agreement-1.pdf")).await.contains("已盖章"));
}

#[tokio::test]
async fn the_strip_for_a_receipt_printer_leads_to_the_verification() {
    let app = TestApp::builder().config(VERIFIED).start().await;
    let scene = Scene::set(&app, "Strip").await;
    let table = Table::set(&scene, "police", later(&scene.wang, &scene.li)).await;
    table.signed().await;
    scene.wang.get(&table.at("documents/slip.pdf")).await.problem(404, "not_found");
    let done = table.finalize().await.expect(200);
    let slip = of_kind(&done["documents"], "slip")[0].clone();
    assert_eq!((&slip["stored"], &slip["evidence_id"]), (&json!(false), &Value::Null));
    assert_eq!(slip["url"], format!("/api/v1{}", table.at("documents/slip.pdf")));
    let url = format!("https://verify.example.cn/api/v1/verify/{}", table.id);
    for (query, points) in [("", 80.0), ("?width=80", 80.0), ("?width=58", 58.0)] {
        let path = table.at(&format!("documents/slip.pdf{query}"));
        let text = printed(&scene.wang, &path).await;
        for part in ["治安调解凭条", "甲方：张伟", "人民币陆佰元整", done["serial_no"].as_str().unwrap(), &url]
        {
            assert!(text.contains(&bare(part)), "{part} in {text}");
        }
        for particular in [ID_NUMBER, "13800138000", "东门大街18号门前路边"] {
            assert!(!text.contains(particular), "{particular}");
        }
        let pdf = scene.wang.bytes(&path, &[]).await.expect(200).body;
        let width = super::extract::width_mm(&pdf);
        assert!((width - points).abs() < 0.5, "{width} mm");
    }
    for wrong in ["slip.pdf?width=76", "agreement.pdf?width=80"] {
        let refused = scene.wang.get(&table.at(&format!("documents/{wrong}"))).await.problem(422, "invalid_field");
        assert_eq!(refused["field"], "width");
    }
    let looks = format!("FROM audit WHERE subject_id = '{}' AND action = 'mediation.slip_read'", table.id);
    assert_eq!(app.count(looks).await, 6);
    let stored = format!("FROM mediation_document WHERE mediation_id = '{}' AND kind = 'slip'", table.id);
    assert_eq!(app.count(stored).await, 0);
    // A stranger holds no paper of it.
    let other = Scene::set(&app, "Elsewhere").await;
    let refused = other.wang.get(&table.at("documents/slip.pdf")).await;
    assert!(matches!(refused.status, 403 | 404), "{}", refused.json);
}

#[tokio::test]
async fn who_leads_it_is_told_once_when_all_papers_are_there_or_what_cannot_be_made() {
    let app = TestApp::shared().await;
    let scene = Scene::set(&app, "Told").await;
    for (name, lacking) in [("欧阳建国", 0), ("\u{E815}某", 3)] {
        let mut record = later(&scene.wang, &scene.li);
        record["parties"][PARTY_B]["name"] = json!(name);
        let table = Table::set(&scene, "police", record).await;
        table.signed().await;
        let (mut leader, mut mate) = (scene.wang.socket().await, scene.li.socket().await);
        let done = table.finalize().await.expect(200);
        let told = leader.expect("mediation.papers").await["data"].clone();
        let said = (&told["mediation_id"], &told["serial_no"], &told["lacking"], &told["state"]);
        assert_eq!(said, (&json!(table.id), &done["serial_no"], &json!(lacking), &json!("performing")));
        // What was told is so.
        let papers = table.now().await["documents"].clone();
        let settled = |one: &&Value| one["evidence_id"].is_string() || one["problem"].is_string();
        assert_eq!(papers.as_array().unwrap().iter().filter(settled).count(), 3, "{papers}");
        leader.ack_all();
        // What comes of a payment later is behind whatever else was to be said of these.
        table.post("performances", json!({ "term": TERM, "outcome": "performed" })).await.expect(201);
        let next = leader.expect("mediation.papers").await["data"].clone();
        assert_eq!(next["state"], "performed", "once, and then of the receipt: {next}");
        leader.ack_all();
        mate.expect_none("mediation.papers", std::time::Duration::ZERO).await;
    }
}

/// The same of one record.
async fn no_job_of(app: &TestApp, id: &str) {
    let of_it = format!("FROM job WHERE kind = 'mediation.documents' AND args LIKE '%{id}%'");
    wait_for("the end of its job", || async { (app.count(of_it.clone()).await == 0).then_some(()) }).await;
}

/// The job ends behind the last paper.
pub async fn no_job_is_left(app: &TestApp) {
    wait_for("the end of the jobs", || async {
        let left = app.count("FROM job WHERE kind = 'mediation.documents'".to_owned()).await;
        (left == 0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn papers_that_were_given_up_come_with_the_next_start() {
    let app = TestApp::start().await;
    let scene = Scene::set(&app, "GivenUp").await;
    let mut tables = Vec::new();
    for _ in 0..3 {
        let table = Table::set(&scene, "police_on_scene", quarrel(&scene.wang, &scene.li)).await;
        table.signed().await;
        tables.push(table);
    }
    for table in &tables {
        table.finalize().await.expect(200);
    }
    tables[2].papers().await;
    no_job_of(&app, &tables[2].id).await;
    app.kill9();
    // As after all attempts of a server without fonts; and as of a font that lacked a character.
    let given_up = "parked = true, attempts = 20, lease_until = NULL, due_at = 9000000000000000";
    app.sql(format!("UPDATE job SET {given_up} WHERE kind = 'mediation.documents'")).await;
    let lacking = format!(
        "evidence_id = NULL, sha256 = NULL, problem = 'no font has it' WHERE mediation_id = '{}'",
        tables[1].id
    );
    app.sql(format!("UPDATE mediation_document SET {lacking}")).await;
    let lacking = lacking.replace(&tables[1].id, &tables[2].id);
    app.sql(format!("UPDATE mediation_document SET {lacking} AND kind = 'minutes'")).await;
    app.sql(format!("DELETE FROM job WHERE kind = 'mediation.documents' AND args LIKE '%{}%'", tables[1].id)).await;
    app.restart().await;
    for (table, number) in tables.iter().zip([3, 3, 4]) {
        let papers = wait_for("papers", || async {
            let papers = table.papers().await;
            let all = papers.as_array()?;
            (all.len() == number && all.iter().all(|one| one["evidence_id"].is_string())).then_some(papers)
        });
        let kinds: Vec<String> = papers.await.as_array().unwrap().iter().map(|one| one["kind"].to_string()).collect();
        let lists = kinds.iter().filter(|kind| kind.contains("volume")).count();
        assert_eq!(lists, number - 2, "the list that lacked one is made again: {kinds:?}");
    }
    no_job_is_left(&app).await;
}

#[tokio::test]
async fn what_shows_it_belongs_to_the_call_or_is_on_its_way() {
    let app = TestApp::shared().await;
    let scene = Scene::set(&app, "Proof").await;
    let other = Scene::set(&app, "OtherCall").await;
    let ours = json!({ "incident_id": scene.incident_id(), "captured_at": ago(60.0) });
    let film = scene.wang.upload(&film_of(30), ours.clone()).await;
    let photo = scene.wang.photo(&jpeg(64, 48, 5), ours).await.expect(201).id().to_owned();
    let theirs = json!({ "incident_id": other.incident_id(), "captured_at": ago(60.0) });
    let foreign = other.wang.upload(&film_of(30), theirs).await;
    wait_for("its length", || async {
        let item = scene.wang.get(&format!("/evidence/{film}")).await.expect(200).json;
        item["media"]["duration_ms"].is_i64().then_some(())
    })
    .await;
    let clip = |id: &str, to: i64| json!({ "evidence_id": id, "from_ms": 0, "to_ms": to });
    let table = Table::set(&scene, "police", later(&scene.wang, &scene.li)).await;
    let said = |clip: Value| json!({ "party": PARTY_A, "consents": true, "oral": clip });
    for wrong in [clip(&foreign, 9_000), clip(&photo, 9_000), clip(&film, 31_000)] {
        let refused = table.post("consents", said(wrong)).await.problem(422, "invalid_field");
        assert_eq!(refused["field"], "oral");
    }
    // What nobody has seen yet may still be on the camera.
    for fine in [clip(&new_id(), 9_000), clip(&film, 29_000)] {
        table.post("consents", said(fine)).await.expect(201);
    }
    let table = performing(&scene, "people").await;
    for wrong in [&foreign] {
        let paid = json!({ "term": TERM, "outcome": "performed", "amount_fen": 1, "evidence_id": wrong });
        assert_eq!(table.post("performances", paid).await.problem(422, "invalid_field")["field"], "evidence_id");
    }
    for fine in [&photo, &new_id()] {
        let paid = json!({ "term": TERM, "outcome": "performed", "amount_fen": 1, "evidence_id": fine });
        table.post("performances", paid).await.expect(201);
    }
    let third = Table::set(&scene, "people", civil(&scene.wang, &scene.li)).await;
    third.agree().await;
    let refused = third.sign(PARTY_B, json!({ "oral": clip(&foreign, 9_000) })).await.problem(422, "invalid_field");
    assert_eq!(refused["field"], "oral");
    // The record's own list; a photo may stand in it, of a recording no more than there is. A camera knows of no call.
    let camera = scene.wang.upload(&film_of(20), json!({ "captured_at": ago(60.0) })).await;
    let note = |id: &str| json!({ format!("evidence/{id}/note"): "见证" });
    let upto = |id: &str, ms: i64| json!({ format!("evidence/{id}/to_ms"): ms });
    for wrong in [note(&foreign), upto(&film, 31_000), upto(&photo, 9_000)] {
        let field = wrong.as_object().unwrap().keys().next().unwrap().clone();
        let refused = third.write(json!({ "fields": wrong })).await.problem(422, "invalid_field");
        assert_eq!(refused["field"], field.as_str());
    }
    for fine in [note(&photo), upto(&film, 29_000), note(&camera), note(&new_id())] {
        third.write(json!({ "fields": fine })).await.expect(200);
    }
    third.sign(PARTY_B, json!({ "oral": clip(&film, 9_000) })).await.expect(201);
}

fn of_kind(papers: &Value, kind: &str) -> Vec<Value> {
    papers.as_array().unwrap().iter().filter(|one| one["kind"] == kind).cloned().collect()
}

/// `2026年11月23日9时05分`, as papers write an instant.
fn beijing(at: &str) -> String {
    let at: jiff::Timestamp = at.parse().unwrap();
    at.to_zoned(jiff::tz::TimeZone::fixed(jiff::tz::offset(8))).strftime("%Y年%-m月%-d日%-H时%M分").to_string()
}

/// An agreement of the people's that waits for its seal.
async fn awaiting_seal(scene: &Scene) -> Table<'_> {
    let paper = json!({ "certificate": { "number": "苏人调6", "expires_on": day(9) } });
    scene.station.admin().patch(&format!("/people/{}", scene.wang.person_id), paper).await.expect(200);
    let table = Table::set(scene, "people", civil(&scene.wang, &scene.li)).await;
    table.signed().await;
    assert_eq!(table.finalize().await.expect(200)["state"], "awaiting_seal");
    table
}

/// An agreement in effect whose term is due in a month.
async fn performing<'a>(scene: &'a Scene, kind: &str) -> Table<'a> {
    if kind == "people" {
        let table = awaiting_seal(scene).await;
        let boss = scene.station.supervisor("boss").await;
        boss.post(&table.at("steps"), json!({ "step": "seal" })).await.expect(200);
        return table;
    }
    let table = Table::set(scene, kind, later(&scene.wang, &scene.li)).await;
    table.signed().await;
    assert_eq!(table.finalize().await.expect(200)["state"], "performing");
    table
}
