//! Who may see what, byte ranges, names, lists, marks, links and holds.

use super::*;

#[tokio::test]
async fn everybody_sees_what_his_part_in_it_allows() {
    let app = TestApp::shared().await;
    let scene = Scene::set(&app, "Sight").await;
    let mate = scene.station.officer("mate").await;
    mate.sign_on().await;
    scene.room.assign(&scene.incident, &[&mate]).await;
    let (id, file) = scene.photo(1).await;
    let item = format!("/evidence/{id}");

    // The author and the room: everything.
    for who in [&scene.officer, &scene.room] {
        let seen = who.get(&item).await.expect(200);
        assert_eq!((&seen["sha256"], &seen["size"]), (&json!(sha256_hex(&file)), &json!(file.len())));
        assert_eq!(seen["incident_ids"], json!([scene.incident_id()]));
        assert_eq!((&seen["retention"]["category"], &seen["place"]), (&json!("ordinary"), &json!("stored")));
        assert!(seen["retention"]["keep_until"].is_string() && seen["quarantined"] == false, "{}", seen.json);
        assert_eq!(who.bytes(&format!("{item}/content"), &[]).await.expect(200).body, file);
        who.get(&format!("{item}/custody")).await.expect(200);
    }
    // Sent to the same incident: that it is there and what it shows, not the original, not who looked.
    mate.get(&item).await.expect(200);
    mate.bytes(&format!("{item}/preview?px=320"), &[]).await.expect(200);
    mate.get(&format!("{item}/content")).await.problem(403, "forbidden");
    mate.get(&format!("{item}/custody")).await.problem(403, "forbidden");
    // Not concerned, and another unit: nothing is there.
    let stranger = scene.station.officer("stranger").await;
    let (_, other_room, other) = app.station("Elsewhere").await;
    for who in [&stranger, &other, &other_room] {
        for path in ["", "/content", "/preview", "/receipt", "/custody", "/bundle"] {
            who.get(&format!("{item}{path}")).await.problem(404, "not_found");
        }
        who.post(&format!("{item}/marks"), json!({ "from_ms": 0, "to_ms": 1, "text": "x" }))
            .await
            .problem(404, "not_found");
    }
    // The custodian of the subtree.
    let keeper = scene.custodian().await;
    assert_eq!(keeper.bytes(&format!("{item}/content"), &[]).await.expect(200).body, file);
    app.call("GET", &item, None).await.problem(401, "unauthenticated");
}

#[tokio::test]
async fn parts_of_a_file_are_sent_as_players_ask_for_them() {
    let app = TestApp::shared().await;
    let scene = Scene::set(&app, "Ranges").await;
    let (id, file) = scene.photo(2).await;
    let path = format!("/evidence/{id}/content");
    let size = file.len();
    let who = &scene.officer;

    let whole = who.bytes(&path, &[]).await.expect(200);
    let etag = whole.header("etag").to_owned();
    assert_eq!(etag, format!("\"{}\"", sha256_hex(&file)));
    assert_eq!((whole.header("accept-ranges"), whole.header("content-type")), ("bytes", "image/jpeg"));
    assert_eq!(whole.number("content-length"), size as u64);
    assert_eq!(whole.header("x-content-type-options"), "nosniff");
    assert!(whole.header("cache-control").contains("no-store"));
    for (asked, from, to) in [
        ("bytes=0-99".to_owned(), 0, 99),
        ("bytes=100-".to_owned(), 100, size - 1),
        ("bytes=-7".to_owned(), size - 7, size - 1),
        (format!("bytes={}-{}", size - 1, size + 50), size - 1, size - 1),
    ] {
        let part = who.bytes(&path, &[("range", &asked)]).await.expect(206);
        assert_eq!(part.body, file[from..=to], "{asked}");
        assert_eq!(part.header("content-range"), format!("bytes {from}-{to}/{size}"));
        assert_eq!(part.header("etag"), etag);
    }
    let beyond = who.bytes(&path, &[("range", &format!("bytes={size}-"))]).await.expect(416);
    assert_eq!(beyond.header("content-range"), format!("bytes */{size}"));
    assert_eq!(beyond.json()["code"], "range_not_satisfiable");
    // Two at once, nonsense, and a part of something else: the whole file, as the standard allows.
    for asked in ["bytes=0-1,5-6", "bytes=9-1", "pages=1-2"] {
        assert_eq!(who.bytes(&path, &[("range", asked)]).await.expect(200).body, file, "{asked}");
    }
    assert_eq!(who.bytes(&path, &[("range", "bytes=0-9"), ("if-range", &etag)]).await.expect(206).body, file[..10]);
    let other = who.bytes(&path, &[("range", "bytes=0-9"), ("if-range", "\"else\"")]).await.expect(200);
    assert_eq!(other.body, file);
}

#[tokio::test]
async fn a_name_is_sent_safely_and_bytes_under_their_own_type() {
    let app = TestApp::shared().await;
    let scene = Scene::set(&app, "Names").await;
    let name = "现场 \"1\";.jpg";
    let metadata = photo_of(json!({ "filename": name }));
    let made = scene.officer.photo_named("x.jpg", "image/jpeg", &jpeg(64, 48, 3), &metadata).await.expect(201);
    let answer = scene.officer.bytes(&format!("/evidence/{}/content", made.id()), &[]).await.expect(200);
    assert_eq!(
        answer.header("content-disposition"),
        "attachment; filename=\"__ _1_;.jpg\"; filename*=UTF-8''%E7%8E%B0%E5%9C%BA%20%221%22%3B.jpg"
    );
    // A page that calls itself a picture never leaves as a page.
    let page = b"\x00<!DOCTYPE html><script>alert(1)</script>\xFF".to_vec();
    let upload =
        scene.officer.upload(&page, json!({ "filename": "x.html", "kind": "other", "filetype": "text/html" })).await;
    let answer = scene.officer.bytes(&format!("/evidence/{upload}/content"), &[]).await.expect(200);
    assert_eq!((answer.header("content-type"), answer.body.as_slice()), ("application/octet-stream", page.as_slice()));
    assert!(answer.header("content-disposition").starts_with("attachment;"));
    assert!(answer.header("content-security-policy").contains("sandbox"));
}

#[tokio::test]
async fn lists_show_what_one_may_see_in_pages() {
    let app = TestApp::shared().await;
    let scene = Scene::set(&app, "List").await;
    let mate = scene.station.officer("mate").await;
    let mut ids = Vec::new();
    for seed in 10..15 {
        let more = json!({ "incident_id": scene.incident_id(), "captured_at": ago(f64::from(seed) * 60.0) });
        ids.push(scene.officer.photo(&jpeg(64, 48, seed), more).await.expect(201).id());
    }
    let own = mate.photo(&jpeg(64, 48, 20), json!({})).await.expect(201).id();
    let listed = |reply: &Reply| -> Vec<String> {
        reply.items().iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
    };

    let of_incident = format!("/evidence?incident_id={}", scene.incident_id());
    let all = scene.room.get(&of_incident).await.expect(200);
    assert_eq!(listed(&all), ids.iter().rev().cloned().collect::<Vec<_>>(), "latest arrivals first");
    assert_eq!(
        listed(&mate.get("/evidence").await.expect(200)),
        std::slice::from_ref(&own),
        "his own, not the others'"
    );
    assert!(listed(&mate.get(&of_incident).await.expect(200)).is_empty());
    let by_person = scene.room.get(&format!("/evidence?person_id={}", mate.person_id)).await.expect(200);
    assert_eq!(listed(&by_person), [own]);
    let window = format!("{of_incident}&from={}&to={}", ago(12.5 * 60.0), ago(10.5 * 60.0));
    assert_eq!(listed(&scene.room.get(&window).await.expect(200)), [ids[2].clone(), ids[1].clone()]);

    let mut paged = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = scene.room.get(&format!("{of_incident}&limit=2{cursor}")).await.expect(200);
        assert!(page.items().len() <= 2);
        paged.extend(listed(&page));
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(paged, listed(&all));
    scene.room.get("/evidence?cursor=nonsense").await.problem(400, "invalid_cursor");
    scene.room.get("/evidence?limit=0").await.problem(422, "invalid_field");
    let (_, other_room, _) = app.station("Elsewhere").await;
    assert!(listed(&other_room.get(&of_incident).await.expect(200)).is_empty());
}

#[tokio::test]
async fn marks_and_links_are_said_once_and_kept() {
    let app = TestApp::shared().await;
    let scene = Scene::set(&app, "Marks").await;
    let (id, _) = scene.photo(30).await;
    let item = format!("/evidence/{id}");
    let key = new_id();
    let mark = json!({ "from_ms": 1000, "to_ms": 2500, "text": "他先动手" });
    let made = scene.officer.post_keyed(&format!("{item}/marks"), &key, mark.clone()).await.expect(201);
    assert_eq!((&made["from_ms"], &made["text"]), (&json!(1000), &json!("他先动手")));
    let again = scene.officer.post_keyed(&format!("{item}/marks"), &key, mark).await.expect(201);
    assert_eq!(made.id(), again.id());
    for wrong in [
        json!({ "from_ms": -1, "to_ms": 5, "text": "x" }),
        json!({ "from_ms": 6, "to_ms": 5, "text": "x" }),
        json!({ "from_ms": 0, "to_ms": 5, "text": "" }),
    ] {
        scene.officer.post(&format!("{item}/marks"), wrong).await.problem(422, "invalid_field");
    }
    let seen = scene.room.get(&item).await.expect(200);
    assert_eq!(seen["marks"].as_array().unwrap().len(), 1);

    // A second incident of the same room; saying it twice changes nothing.
    let second = scene.room.incident(scene.station.near(200.0, 0.0)).await;
    for _ in 0..2 {
        let linked =
            scene.room.post(&format!("{item}/links"), json!({ "incident_id": second["id"] })).await.expect(200);
        assert_eq!(linked["incident_ids"], json!([scene.incident_id(), second["id"]]));
    }
    // The officer has nothing to do with the second one.
    let path = format!("{item}/links");
    scene.officer.post(&path, json!({ "incident_id": second["id"] })).await.problem(404, "not_found");
    scene.room.post(&path, json!({ "incident_id": new_id() })).await.problem(404, "not_found");
    let touches = scene.officer.touches(&id).await;
    assert_eq!(touches.iter().filter(|kind| *kind == "linked").count(), 1, "{touches:?}");
    assert_eq!(touches.iter().filter(|kind| *kind == "marked").count(), 1, "{touches:?}");
    let line = format!("/incidents/{}/timeline", second["id"].as_str().unwrap());
    let timeline = scene.room.get(&line).await.expect(200);
    assert!(timeline.items().iter().any(|entry| entry["kind"] == "evidence.linked"), "{}", timeline.json);
}

#[tokio::test]
async fn a_hold_stands_until_a_custodian_lifts_it() {
    let app = TestApp::shared().await;
    let scene = Scene::set(&app, "Hold").await;
    let (id, _) = scene.photo(31).await;
    let item = format!("/evidence/{id}");
    let boss = scene.station.supervisor("boss").await;
    let keeper = scene.custodian().await;
    let why = json!({ "reason": "行政复议" });

    scene.officer.post(&format!("{item}/holds"), why.clone()).await.problem(403, "forbidden");
    scene.room.post(&format!("{item}/holds"), why.clone()).await.problem(403, "forbidden");
    let own = boss.post(&format!("{item}/holds"), why.clone()).await.expect(201).id();
    let path = format!("/incidents/{}/holds", scene.incident_id());
    let of_call = keeper.post(&path, why.clone()).await.expect(201).id();
    scene.room.post(&path, why).await.problem(403, "forbidden");
    keeper.post(&path, json!({ "reason": "" })).await.problem(422, "invalid_field");
    let seen = scene.officer.get(&item).await.expect(200);
    let holds: Vec<&str> =
        seen["retention"]["holds"].as_array().unwrap().iter().map(|hold| hold["id"].as_str().unwrap()).collect();
    assert_eq!(holds, [own.as_str(), of_call.as_str()]);

    boss.delete(&format!("/holds/{own}")).await.problem(403, "forbidden");
    let stranger = scene.station.officer("stranger").await;
    stranger.delete(&format!("/holds/{own}")).await.problem(404, "not_found");
    for _ in 0..2 {
        let lifted = keeper.delete(&format!("/holds/{own}")).await.expect(200);
        assert_eq!(lifted["lifted_by"], json!(keeper.person_id));
    }
    keeper.delete(&format!("/holds/{of_call}")).await.expect(200);
    assert_eq!(scene.officer.get(&item).await.expect(200)["retention"]["holds"], json!([]));
    let touches = scene.officer.touches(&id).await;
    let of = |kind: &str| touches.iter().filter(|touch| *touch == kind).count();
    assert_eq!((of("hold_set"), of("hold_lifted")), (2, 2), "{touches:?}");
}

#[tokio::test]
async fn the_sm3_follows() {
    let app = TestApp::shared().await;
    let scene = Scene::set(&app, "Sums").await;
    // GB/T 32905, appendix A.
    let id = scene.officer.upload(&b"abcd".repeat(16), json!({ "filename": "standard.bin", "kind": "other" })).await;
    let item = wait_for("the second hash", || async {
        let item = scene.officer.get(&format!("/evidence/{id}")).await.expect(200).json;
        item["sm3"].is_string().then_some(item)
    })
    .await;
    assert_eq!(item["sm3"], "debe9ff92275b8a138604889c18e5a4d6fdb70e5387e5765293dcba39c0c5732");
    assert_eq!(item["previewed"], "not_wanted");
}
