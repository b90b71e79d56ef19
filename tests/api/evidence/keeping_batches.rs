//! Batches of what ran out: once a month by the rule, or when a custodian asks; two others agree.

use super::keeping::{Keepers, at_once, expire};
use super::*;
use crate::support::bucket::{original, until_gone};

/// A batch once its list stands.
async fn made(keepers: &Keepers, id: &str) -> Value {
    let path = format!("/deletions/batches/{id}");
    wait_for("the list", || async {
        let seen = keepers.keeper.get(&path).await.expect(200).json;
        (seen["state"] != "gathering").then_some(seen)
    })
    .await
}

async fn propose(keepers: &Keepers) -> Value {
    let id = keepers.keeper.post_empty("/deletions/batches").await.expect(202).id();
    made(keepers, &id).await
}

fn listed(batch: &Value) -> Vec<(&str, &str)> {
    let items = batch["items"].as_array().unwrap();
    items.iter().map(|one| (one["evidence_id"].as_str().unwrap(), one["state"].as_str().unwrap())).collect()
}

#[tokio::test]
async fn what_ran_out_goes_by_a_list_that_two_others_agree_to() {
    let app = at_once().await;
    let keepers = Keepers::set(&app, "Batch").await;
    let scene = &keepers.scene;
    let (fresh, _) = scene.photo(1).await;
    let (held, _) = keepers.expired(2).await;
    let (goes, file) = keepers.expired(3).await;
    let (drops, _) = keepers.expired(4).await;
    let (classed, _) = keepers.expired(5).await;
    keepers.held(&held).await.expect(201);
    keepers.boss.post_empty("/deletions/batches").await.problem(403, "forbidden");
    let batch = propose(&keepers).await;
    let id = batch["id"].as_str().unwrap().to_owned();
    assert_eq!((&batch["state"], &batch["size"]), (&json!("proposed"), &json!(3)), "{batch}");
    let mut expected = [goes.as_str(), drops.as_str(), classed.as_str()];
    expected.sort_unstable();
    assert_eq!(listed(&batch), expected.map(|id| (id, "asked")));
    let lines: String = expected.iter().map(|id| format!("{id}\n")).collect();
    assert_eq!(batch["digest"], json!(sha256_hex(lines.as_bytes())), "what is agreed to is this list");
    // Page by page it is the same.
    let first = keepers.boss.get(&format!("/deletions/batches/{id}?limit=2")).await.expect(200);
    let cursor = first["next_cursor"].as_str().unwrap().to_owned();
    let rest = keepers.boss.get(&format!("/deletions/batches/{id}?limit=2&cursor={cursor}")).await.expect(200);
    assert_eq!((first.items().len(), rest.items().len(), &rest["next_cursor"]), (2, 1, &Value::Null));
    // On a list it is not asked for by itself, and not put on another list.
    keepers.ask(&goes).await.problem(409, "already_exists");
    keepers.boss.post_empty(&format!("/evidence/{goes}/deletion/approve")).await.problem(409, "conflict");
    assert_eq!(propose(&keepers).await["state"], "empty");

    let approve = format!("/deletions/batches/{id}/approve");
    keepers.keeper.post_empty(&approve).await.problem(403, "other_person_required");
    scene.room.post_empty(&approve).await.problem(403, "forbidden");
    scene.officer.post_empty(&approve).await.problem(404, "not_found");
    app.station("Elsewhere").await.1.get(&format!("/deletions/batches/{id}")).await.problem(404, "not_found");
    keepers.boss.post_empty(&approve).await.expect(200);
    keepers.boss.post_empty(&approve).await.problem(403, "other_person_required");
    // Meanwhile one is held and one turns out to be a case: both drop out where everybody sees it.
    keepers.held(&drops).await.expect(201);
    let class = json!({ "category": "case", "reason": "立案" });
    keepers.keeper.put(&format!("/evidence/{classed}/retention"), class).await.expect(200);
    let seen = keepers.boss.get(&format!("/deletions/batches/{id}")).await.expect(200).json;
    assert_eq!((&seen["dropped"], &seen["deleted"], &seen["size"]), (&json!(2), &json!(0), &json!(3)));
    let why = |item: &str| {
        let found = seen["items"].as_array().unwrap().iter().find(|one| one["evidence_id"] == item).unwrap();
        found["why"].clone()
    };
    assert_eq!((why(&drops), why(&classed), why(&goes)), (json!("held"), json!("class"), Value::Null));

    assert_eq!(keepers.chief.post_empty(&approve).await.expect(200)["state"], "approved");
    let done = wait_for("the batch to be carried out", || async {
        let seen = keepers.keeper.get(&format!("/deletions/batches/{id}")).await.expect(200).json;
        (seen["state"] == "done").then_some(seen)
    })
    .await;
    assert_eq!((&done["dropped"], &done["deleted"]), (&json!(2), &json!(1)));
    let gone = scene.officer.get(&format!("/evidence/{goes}")).await.problem(410, "erased");
    assert_eq!((&gone["batch_id"], &gone["asked_by"]), (&json!(id), &json!(keepers.keeper.person_id)));
    assert_eq!(gone["approved_by"].as_array().unwrap().len(), 2);
    until_gone(&app, &original(&file)).await;
    for kept in [&fresh, &held, &drops, &classed] {
        scene.officer.bytes(&format!("/evidence/{kept}/content"), &[]).await.expect(200);
    }
    keepers.chief.post(&format!("/deletions/batches/{id}/refuse"), json!({ "reason": "late" })).await.expect(409);
    let all = keepers.keeper.get("/deletions/batches").await.expect(200);
    assert!(all.items().iter().any(|one| one["id"] == id.as_str() && one["state"] == "done"), "{}", all.json);
}

#[tokio::test]
async fn a_batch_is_refused_and_its_items_stay() {
    let app = TestApp::shared().await;
    let keepers = Keepers::set(&app, "No batch").await;
    let (id, file) = keepers.expired(1).await;
    let own = keepers.boss.photo(&jpeg(64, 48, 2), json!({})).await.expect(201).id();
    expire(&app, &own).await;
    let batch = propose(&keepers).await;
    let path = format!("/deletions/batches/{}", batch["id"].as_str().unwrap());
    assert_eq!(listed(&batch).len(), 2);
    // His own recording is on the list.
    keepers.boss.post_empty(&format!("{path}/approve")).await.problem(403, "other_person_required");
    keepers.boss.post(&format!("{path}/refuse"), json!({ "reason": "" })).await.problem(422, "invalid_field");
    let refused = keepers.boss.post(&format!("{path}/refuse"), json!({ "reason": "too early" })).await.expect(200);
    assert_eq!(refused["state"], "refused");
    keepers.chief.post_empty(&format!("{path}/approve")).await.problem(409, "conflict");
    assert_eq!(keepers.scene.officer.bytes(&format!("/evidence/{id}/content"), &[]).await.expect(200).body, file);
    let seen = keepers.keeper.get(&format!("/evidence/{id}/deletion")).await.expect(200);
    assert_eq!((&seen["state"], &seen["why"]), (&json!("refused"), &json!("too early")));
    // It may be asked for again.
    keepers.ask(&id).await.expect(201);
}

#[tokio::test]
async fn each_month_the_rule_proposes_once() {
    let app = TestApp::start().await;
    let keepers = Keepers::set(&app, "Month").await;
    let (id, _) = keepers.expired(1).await;
    let of_rule = |all: &Reply| -> Vec<Value> {
        all.items().iter().filter(|batch| batch["month"].is_string()).cloned().collect()
    };
    // The server looks when it starts, and each hour.
    app.sql("DELETE FROM deletion_round".to_owned()).await;
    app.restart().await;
    let batch = wait_for("the month's batch", || async {
        let all = keepers.keeper.get("/deletions/batches").await.expect(200);
        of_rule(&all).into_iter().find(|batch| batch["state"] == "proposed")
    })
    .await;
    assert_eq!((&batch["proposed_by"], &batch["size"]), (&Value::Null, &json!(1)));
    assert_eq!(batch["month"].as_str().unwrap(), &now()[..7]);
    let seen = made(&keepers, batch["id"].as_str().unwrap()).await;
    assert_eq!(listed(&seen), [(id.as_str(), "asked")]);
    // Once in this month, whatever runs out after it and however often the server starts.
    keepers.expired(2).await;
    app.restart().await;
    keepers.scene.officer.photo(&jpeg(64, 48, 3), json!({})).await.expect(201);
    let all = keepers.keeper.get("/deletions/batches").await.expect(200);
    assert_eq!(of_rule(&all).len(), 1, "{}", all.json);
    // Nobody in particular asked, so the custodian may be one of the two.
    let approve = format!("/deletions/batches/{}/approve", batch["id"].as_str().unwrap());
    keepers.keeper.post_empty(&approve).await.expect(200);
    assert_eq!(keepers.boss.post_empty(&approve).await.expect(200)["state"], "approved");
}
