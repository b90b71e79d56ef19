//! Receipts and proofs are checked by a second reader that shares no code with the server; who looked is told.

use super::*;
use std::collections::BTreeSet;

/// The published keys of the custody log.
async fn keys(who: &Officer) -> Vec<(String, Vec<u8>)> {
    merkle::published(&who.get("/custody/keys").await.expect(200).json)
}

#[tokio::test]
async fn a_receipt_is_proven_without_trusting_the_server() {
    let app = TestApp::shared().await;
    let scene = Scene::set(&app, "Receipt").await;
    let (id, file) = scene.photo(1).await;
    let receipt = scene.officer.proven(&id).await;
    let keys = keys(&scene.officer).await;
    let body = merkle::check_receipt(&receipt, &keys, &file).unwrap();
    assert_eq!((&body["kind"], &body["evidence_id"]), (&json!("stored"), &json!(id)));
    assert_eq!(body["author_id"], json!(scene.officer.person_id));
    assert_eq!(body["device_id"], json!(scene.officer.device_id()));

    // One flipped bit anywhere does not pass.
    let mut other = file.clone();
    other[100] ^= 1;
    assert!(merkle::check_receipt(&receipt, &keys, &other).is_err());
    let mut forged = receipt.clone();
    forged["receipt"] = json!(receipt["receipt"].as_str().unwrap().replace("stored", "stolen"));
    assert!(merkle::check_receipt(&forged, &keys, &file).is_err());
    for (member, other) in [("salt", "00".repeat(16)), ("leaf", "11".repeat(32))] {
        let mut forged = receipt.clone();
        forged[member] = json!(other);
        assert!(merkle::check_receipt(&forged, &keys, &file).is_err(), "{member}");
    }
    let mut forged = receipt.clone();
    forged["entry"]["at"] = json!(now());
    assert!(merkle::check_receipt(&forged, &keys, &file).is_err());
    let mut forged = receipt.clone();
    forged["tree_head"]["size"] = json!(forged["tree_head"]["size"].as_u64().unwrap() + 1);
    assert!(merkle::check_receipt(&forged, &keys, &file).is_err());
    let mut forged = receipt;
    forged["n"] = json!(forged["n"].as_u64().unwrap() ^ 1);
    assert!(merkle::check_receipt(&forged, &keys, &file).is_err());
}

#[tokio::test]
async fn one_tree_head_is_a_beginning_of_the_next() {
    let app = TestApp::start().await;
    let scene = Scene::set(&app, "Heads").await;
    let keys = {
        let (id, _) = scene.photo(2).await;
        scene.officer.proven(&id).await;
        keys(&scene.officer).await
    };
    let boss = scene.station.admin();
    let mut heads: Vec<Value> = Vec::new();
    for seed in 3..9 {
        let (id, _) = scene.photo(seed).await;
        heads.push(scene.officer.proven(&id).await["tree_head"].clone());
    }
    let sizes: BTreeSet<u64> = heads.iter().map(|head| head["size"].as_u64().unwrap()).collect();
    assert!(sizes.len() > 2, "{sizes:?}");
    for head in &heads {
        assert!(merkle::head_signed(&keys, head), "{head}");
    }
    let root = |head: &Value| -> merkle::Hash { merkle::hashes(&json!([head["root"]]))[0] };
    for pair in heads.windows(2) {
        let (from, to) = (pair[0]["size"].as_u64().unwrap(), pair[1]["size"].as_u64().unwrap());
        let proof = boss.get(&format!("/custody/proofs/consistency?from={from}&to={to}")).await.expect(200);
        let path = merkle::hashes(path_of(&proof));
        assert!(merkle::consistent(from, to, &path, &root(&pair[0]), &root(&pair[1])), "{from} to {to}");
        if from < to {
            assert!(!merkle::consistent(from, to, &path, &root(&pair[1]), &root(&pair[1])));
        }
    }
    // The same through a restart: the log goes on where it was.
    let last = heads.last().unwrap().clone();
    app.restart().await;
    let (id, _) = scene.photo(9).await;
    let next = scene.officer.proven(&id).await["tree_head"].clone();
    let (from, to) = (last["size"].as_u64().unwrap(), next["size"].as_u64().unwrap());
    let boss = app.admin().await;
    let proof = boss.get(&format!("/custody/proofs/consistency?from={from}&to={to}")).await.expect(200);
    assert!(merkle::consistent(from, to, &merkle::hashes(path_of(&proof)), &root(&last), &root(&next)));
}

/// The hashes of a proof, whatever the answer calls them.
fn path_of(proof: &Reply) -> &Value {
    ["path", "proof", "hashes", "consistency", "inclusion"]
        .iter()
        .map(|name| &proof[*name])
        .find(|list| list.is_array())
        .unwrap_or_else(|| panic!("no proof: {}", proof.json))
}

#[tokio::test]
async fn who_looked_is_told_to_the_author() {
    let app = TestApp::shared().await;
    let scene = Scene::set(&app, "Looks").await;
    let (id, file) = scene.photo(10).await;
    let path = format!("/evidence/{id}");
    let of = |custody: &Reply, kind: &str| -> Vec<Value> {
        custody.items().iter().filter(|entry| entry["kind"] == kind).cloned().collect()
    };
    // One's own looks are nobody's business.
    scene.officer.get(&path).await.expect(200);
    scene.officer.bytes(&format!("{path}/content"), &[]).await.expect(200);
    let before = scene.officer.get(&format!("{path}/custody")).await.expect(200);
    assert!(of(&before, "viewed").is_empty() && of(&before, "downloaded").is_empty(), "{}", before.json);

    scene.room.get(&path).await.expect(200);
    scene.room.bytes(&format!("{path}/preview?px=320"), &[]).await.expect(200);
    // A film in a hundred parts is one look; another purpose is another.
    for part in 0..20 {
        let range = format!("bytes={}-{}", part * 100, part * 100 + 99);
        let asked = format!("{path}/content?purpose=report");
        scene.room.bytes(&asked, &[("range", &range)]).await.expect(206);
    }
    scene.room.bytes(&format!("{path}/content?purpose=appeal"), &[]).await.expect(200);
    let custody = scene.officer.get(&format!("{path}/custody")).await.expect(200);
    let viewed = of(&custody, "viewed");
    let what: BTreeSet<&str> = viewed.iter().map(|entry| entry["detail"]["what"].as_str().unwrap()).collect();
    assert_eq!(what, BTreeSet::from(["metadata", "preview"]), "{}", custody.json);
    let downloaded = of(&custody, "downloaded");
    assert_eq!(downloaded.len(), 2, "{}", custody.json);
    assert_eq!(downloaded[0]["detail"]["purpose"], "report");
    assert_eq!((&downloaded[0]["detail"]["from"], &downloaded[0]["detail"]["to"]), (&json!(0), &json!(100)));
    assert_eq!(downloaded[1]["detail"]["to"], json!(file.len()));
    for entry in viewed.iter().chain(&downloaded) {
        assert_eq!(entry["actor_id"], json!(scene.room.person_id));
        assert_eq!(entry["device_id"], json!(scene.room.device_id()));
    }
    // Reading the log is in the log.
    scene.room.get(&format!("{path}/custody?purpose=audit")).await.expect(200);
    let custody = scene.officer.get(&format!("{path}/custody")).await.expect(200);
    let read = of(&custody, "log_read");
    assert!(read.iter().any(|entry| entry["detail"]["purpose"] == "audit"), "{}", custody.json);
    let long = "x".repeat(201);
    scene.room.get(&format!("{path}?purpose={long}")).await.problem(422, "invalid_field");
    scene.room.bytes(&format!("{path}/content?purpose={long}"), &[]).await.expect(422);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bundle_is_checked_offline_and_one_bit_is_found() {
    let app = TestApp::start().await;
    let scene = Scene::set(&app, "Bundle").await;
    let (id, file) = scene.photo(11).await;
    let item = format!("/evidence/{id}");
    scene.room.get(&item).await.expect(200);
    let path = format!("{item}/bundle?purpose=court");
    let bundle = scene.room.bytes(&path, &[]).await.expect(200);
    assert_eq!(bundle.header("content-type"), "application/x-tar");
    assert_eq!(bundle.number("content-length"), bundle.body.len() as u64);
    let place = bundle.body.windows(file.len()).position(|bytes| bytes == file).expect("the original is in it");
    let custody = scene.officer.get(&format!("{item}/custody")).await.expect(200);
    let exported = custody.items().iter().find(|entry| entry["kind"] == "exported").expect("the export is an entry");
    assert_eq!(exported["detail"]["purpose"], "court");

    let whole = app.dir().join("bundle.tar");
    std::fs::write(&whole, &bundle.body).unwrap();
    let verified = verify(&whole).await;
    assert_eq!(verified.code, 0, "{} {}", verified.stdout, verified.stderr);
    let mut flipped = bundle.body.clone();
    flipped[place + 7] ^= 1;
    let damaged = app.dir().join("damaged.tar");
    std::fs::write(&damaged, &flipped).unwrap();
    assert_ne!(verify(&damaged).await.code, 0);

    // The whole store while the server runs, and after a row was changed behind its back.
    if app.ready()["database"] != "sqlite" {
        return;
    }
    wait_until("the log to catch up", || async { verify(app.dir()).await.code == 0 }).await;
    app.sql(format!("UPDATE evidence SET captured_at = captured_at + 1 WHERE id = '{id}'")).await;
    let found = verify(app.dir()).await;
    assert_ne!(found.code, 0);
    let said = format!("{}{}", found.stdout, found.stderr);
    assert!(said.contains(&id), "it is named: {said}");
}
