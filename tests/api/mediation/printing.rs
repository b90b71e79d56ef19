//! What is printed depends on how it was agreed, or whether it was; and above a signature stands what was signed.

use super::extract::{bare, printed};
use super::*;

#[tokio::test]
async fn by_word_of_mouth_there_is_no_seal_and_no_place_to_sign() {
    let app = TestApp::shared().await;
    let scene = Scene::set(&app, "Mouth").await;
    let paper = json!({ "certificate": { "number": "苏人调8", "expires_on": day(9) } });
    scene.station.admin().patch(&format!("/people/{}", scene.wang.person_id), paper).await.expect(200);
    let table = Table::set(&scene, "people", civil(&scene.wang, &scene.li)).await;
    table.agree().await;
    table.post("finalize", json!({ "form": "oral" })).await.expect(200);
    table.papers().await;
    let text = printed(&scene.wang, &table.at("documents/agreement.pdf")).await;
    assert!(text.contains("口头协议自各方当事人达成协议之日起生效"), "{text}");
    for absent in ["（印）", "当事人（甲方）签名", "当事人（乙方）签名", "加盖人民调解委员会印章之日起生效"]
    {
        assert!(!text.contains(absent), "{absent} in {text}");
    }
    assert!(text.contains("人民调解口头协议登记表") && !text.contains("一式"), "{text}");
    assert!(text.contains("人民调解员签名"), "whoever wrote it down signs: {text}");
}

#[tokio::test]
async fn on_film_the_paper_says_where_the_consent_is() {
    let app = TestApp::shared().await;
    let scene = Scene::set(&app, "OnFilm").await;
    let table = Table::set(&scene, "police_on_scene", quarrel(&scene.wang, &scene.li)).await;
    table.agree().await;
    let film = new_id();
    let fields = json!({
        format!("evidence/{film}/note"): "记录仪拍摄", format!("evidence/{film}/covers"): "宣读和双方同意",
    });
    table.write(json!({ "fields": fields })).await.expect(200);
    table.post("finalize", json!({ "form": "on_film" })).await.expect(200);
    // It is final and waits for a recording that nobody has sent: what is final is not failed, handed over or sent back.
    let (boss, reason) = (scene.station.supervisor("boss").await, "等待录像");
    for step in ["fail", "not_reached"] {
        table.post("steps", json!({ "step": step, "reason": reason })).await.problem(409, "conflict");
    }
    assert!(table.now().await["serial_no"].is_string());
    table.papers().await;
    let text = printed(&scene.wang, &table.at("documents/agreement.pdf")).await;
    for part in ["记录仪拍摄", "宣读和双方同意", "同步录音录像"] {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert!(!text.contains("当事人（甲方）签名"), "{text}");
    let done = boss.post(&table.at("steps"), json!({ "step": "void", "reason": reason })).await.expect(200);
    assert_eq!(done["state"], "void");
}

#[tokio::test]
async fn a_draft_says_so_on_every_page_and_ends_with_the_talks() {
    let app = TestApp::shared().await;
    let scene = Scene::set(&app, "Draft").await;
    let table = Table::set(&scene, "police", later(&scene.wang, &scene.li)).await;
    table.agree().await;
    let draft = printed(&scene.wang, &table.at("documents/agreement.pdf")).await;
    let pages = draft.matches("页共").count();
    assert_eq!((draft.matches("尚未定稿没有效力").count(), pages), (2, 2), "{draft}");
    table.post("steps", json!({ "step": "fail", "reason": "甲方反悔" })).await.expect(200);
    table.leader.get(&table.at("documents/agreement.pdf")).await.problem(409, "conflict");
}

#[tokio::test]
async fn a_session_without_an_agreement_has_its_minutes() {
    let app = TestApp::shared().await;
    let scene = Scene::set(&app, "Failed").await;
    let mut record = later(&scene.wang, &scene.li);
    record["outcome_words"] = json!("乙方要求当面道歉。");
    let table = Table::set(&scene, "police", record).await;
    table.agree().await;
    let view = table.post("steps", json!({ "step": "fail", "reason": "对数额分歧较大" })).await.expect(200);
    assert_eq!((&view["state"], &view["serial_no"]), (&json!("failed"), &Value::Null));
    let papers = table.papers().await;
    let kinds: Vec<&Value> = papers.as_array().unwrap().iter().map(|one| &one["kind"]).collect();
    assert_eq!(kinds, ["minutes"]);
    let first = printed(&scene.wang, &table.at("documents/minutes.pdf")).await;
    for part in ["第一次", "未能达成协议", "对数额分歧较大", "乙方要求当面道歉", "向人民法院提起民事诉讼"]
    {
        assert!(first.contains(&bare(part)), "{part} in {first}");
    }
    assert!(!first.contains("自愿达成如下协议") && !first.contains("编号"), "{first}");
    // The second session succeeds: the file has the minutes of both.
    table.post("steps", json!({ "step": "second_round", "reason": "双方要求再次调解" })).await.expect(200);
    let held = json!({ "fields": { "began_at": ago(120.0), "ended_at": ago(20.0), "read_aloud/at": ago(30.0) } });
    assert_eq!(table.write(held).await.expect(200)["state"], "agreed");
    let view = table.all_sign().await;
    assert_eq!(view["state"], "signed", "{:#}", view["findings"]);
    let done = table.finalize().await.expect(200);
    table.papers().await;
    let second = printed(&scene.wang, &table.at("documents/minutes.pdf")).await;
    for part in ["第二次", "自愿达成如下协议", done["serial_no"].as_str().unwrap()] {
        assert!(second.contains(&bare(part)), "{part} in {second}");
    }
    let volume = printed(&scene.wang, &table.at("documents/volume.pdf")).await;
    assert_eq!(volume.matches("调解笔录").count(), 2, "{volume}");
    assert_eq!(printed(&scene.wang, &table.at("documents/minutes-1.pdf")).await, first, "the first stays as it was");
}

#[tokio::test]
async fn nobodys_signature_stands_under_what_may_change_without_him() {
    let app = TestApp::shared().await;
    let scene = Scene::set(&app, "Beneath").await;
    let table = Table::set(&scene, "police", later(&scene.wang, &scene.li)).await;
    table.agree().await;
    table.all_sign().await;
    // A statement is no part of the agreement: the signatures stand, and the minutes have none of them.
    let words = format!("parties/{PARTY_A}/statement");
    table.write(json!({ "fields": { words: "签名以后改写的陈述" } })).await.expect(200);
    // That it was read aloud stands above the signatures: it does not change unasked.
    let aloud = json!({ "fields": { "read_aloud/at": ago(60.0) } });
    table.write(aloud).await.problem(409, "signatures_fall");
    assert_eq!(table.finalize().await.expect(200)["state"], "performing");
    table.papers().await;
    let minutes = printed(&scene.wang, &table.at("documents/minutes.pdf")).await;
    assert!(minutes.contains("签名以后改写的陈述"), "{minutes}");
    let agreement = printed(&scene.wang, &table.at("documents/agreement.pdf")).await;
    assert!(!agreement.contains("签名以后改写的陈述"), "{agreement}");
    let (signed, blank) = (agreement.matches("年月日").count(), minutes.matches("年月日").count());
    assert!(blank >= 4 && signed < blank, "{agreement}\n{minutes}");
}

#[tokio::test]
async fn a_paper_is_no_doubtful_item_though_the_terminal_was_lost_since() {
    let app = TestApp::shared().await;
    let scene = Scene::set(&app, "Lost").await;
    let paper = json!({ "certificate": { "number": "苏人调6", "expires_on": day(9) } });
    scene.station.admin().patch(&format!("/people/{}", scene.wang.person_id), paper).await.expect(200);
    let table = Table::set(&scene, "people", civil(&scene.wang, &scene.li)).await;
    table.signed().await;
    table.finalize().await.expect(200);
    table.papers().await;
    let device = scene.wang.device_id();
    scene.station.admin().post(&format!("/devices/{device}/revoke"), json!({ "reason": "丢失" })).await.expect(200);
    let boss = scene.station.supervisor("boss").await;
    boss.post(&table.at("steps"), json!({ "step": "seal" })).await.expect(200);
    let sealed = wait_for("the sealed paper", || async {
        let papers = read(&boss, &table.id).await["documents"].clone();
        let is_there = |one: &&Value| one["kind"] == "agreement" && one["n"] == 2 && one["evidence_id"].is_string();
        papers.as_array()?.iter().find(is_there).cloned()
    })
    .await;
    let item = boss.get(&format!("/evidence/{}", sealed["evidence_id"].as_str().unwrap())).await.expect(200);
    assert_eq!(
        (&item["quarantined"], &item["incident_ids"]),
        (&json!(false), &json!([scene.incident_id()])),
        "{}",
        item.json
    );
    assert!(printed(&scene.li, &table.at("documents/agreement.pdf")).await.contains("已盖章"));
}
