//! What follows an agreement: who is reminded of what is due, what becomes of it, who got a copy.

use super::*;

#[tokio::test]
async fn performed_in_parts_it_is_performed() {
    let app = TestApp::shared().await;
    let scene = Scene::set(&app, "Parts").await;
    let table = in_effect(&scene, "police").await;
    let paid = |part: i64| json!({ "id": new_id(), "term": TERM, "outcome": "performed", "amount_fen": part });
    let part = paid(20_000);
    let view = table.post("performances", part.clone()).await.expect(201);
    assert_eq!((&view["state"], &view["performances"][0]["amount_fen"]), (&json!("performing"), &json!(20_000)));
    // Sent twice it is paid once; the same id with something else is no repetition.
    // Its receipt is made meanwhile.
    let again = table.post("performances", part.clone()).await.expect(200);
    assert_eq!((&again["performances"], &again["state"]), (&view["performances"], &view["state"]));
    let receipts =
        |view: &Reply| view["documents"].as_array().unwrap().iter().filter(|one| one["kind"] == "receipt").count();
    assert_eq!((receipts(&view), receipts(&again)), (1, 1));
    for (name, other) in [
        ("amount_fen", json!(60_000)),
        ("outcome", json!("defaulted")),
        ("term", json!(new_id())),
        ("on", json!(day(-3))),
        ("evidence_id", json!(new_id())),
        ("note", json!("现金")),
    ] {
        let mut body = part.clone();
        body[name] = other;
        body["note"] = if name == "outcome" { json!("未付") } else { body["note"].clone() };
        table.post("performances", body).await.problem(422, "key_reused");
    }
    for (wrong, field) in [
        (json!({ "term": TERM, "outcome": "performed", "on": day(1) }), "on"),
        (json!({ "term": TERM, "outcome": "performed", "amount_fen": 0 }), "amount_fen"),
        (json!({ "term": new_id(), "outcome": "performed" }), "term"),
        (json!({ "term": TERM, "outcome": "defaulted" }), "note"),
    ] {
        assert_eq!(table.post("performances", wrong).await.problem(422, "invalid_field")["field"], field);
    }
    assert_eq!(table.post("performances", paid(SUM - 20_001)).await.expect(201)["state"], "performing");
    let view = table.post("performances", paid(1)).await.expect(201);
    assert_eq!((&view["state"], view["performances"].as_array().unwrap().len()), (&json!("performed"), 3));
    table.post("performances", paid(1)).await.problem(409, "conflict");
    assert_eq!(open_reminders(&app, &table).await, 0, "nobody is reminded of what is done");
}

#[tokio::test]
async fn what_was_performed_is_not_performed_again() {
    let app = TestApp::shared().await;
    let scene = Scene::set(&app, "Twice").await;
    let mut record = later(&scene.wang, &scene.li);
    let other = "01900000-0000-7000-8000-0000000000c2";
    record["terms"][other] = json!({
        "what": "欧阳建国当面道歉。", "debtor": PARTY_B, "creditor": PARTY_A, "due_on": day(30), "how": "当面",
    });
    let table = Table::set(&scene, "police", record).await;
    table.signed().await;
    table.finalize().await.expect(200);
    let (mine, theirs) = (new_id(), new_id());
    let paid = |id: &str| json!({ "id": id, "term": TERM, "outcome": "performed" });
    assert_eq!(table.post("performances", paid(&mine)).await.expect(201)["state"], "performing");
    // The other officer heard of the same payment: one payment, one receipt.
    let refused = scene.li.post(&table.at("performances"), paid(&theirs)).await.problem(409, "conflict");
    assert_eq!(refused["performance"], json!(mine));
    table.post("performances", paid(&mine)).await.expect(200);
    let default = json!({ "term": TERM, "outcome": "defaulted", "note": "未付" });
    table.post("performances", default).await.problem(409, "conflict");
    let papers = table.papers().await;
    assert_eq!(papers.as_array().unwrap().iter().filter(|one| one["kind"] == "receipt").count(), 1, "{papers}");
    // An apology has no parts.
    let part = json!({ "term": other, "outcome": "performed", "amount_fen": 1 });
    assert_eq!(table.post("performances", part).await.problem(422, "invalid_field")["field"], "amount_fen");
    let whole = json!({ "term": other, "outcome": "performed" });
    assert_eq!(table.post("performances", whole).await.expect(201)["state"], "performed");
}

#[tokio::test]
async fn where_each_term_stands_is_told_and_not_left_to_the_reader() {
    let app = TestApp::shared().await;
    let scene = Scene::set(&app, "Standing").await;
    let standing = |view: &Reply| {
        let all = view["terms"].as_array().unwrap().clone();
        all.into_iter().map(|one| (one["state"].as_str().unwrap().to_owned(), one["paid_fen"].as_i64().unwrap()))
    };
    let one = |state: &str, paid| vec![(state.to_owned(), paid)];
    // Nothing is owed by what is not in effect.
    let table = Table::set(&scene, "police", later(&scene.wang, &scene.li)).await;
    assert_eq!(table.now().await["terms"], json!([]));

    let table = in_effect(&scene, "police").await;
    let now = table.now().await;
    assert_eq!(now["terms"][0]["amount_fen"], SUM);
    let due_on = &now["record"]["terms"][TERM]["due_on"];
    assert_eq!((&now["terms"][0]["term"], &now["terms"][0]["due_on"]), (&json!(TERM), due_on));
    assert_eq!(standing(&now).collect::<Vec<_>>(), one("open", 0));
    let paid = json!({ "term": TERM, "outcome": "performed", "amount_fen": 20_000 });
    let part = table.post("performances", paid).await.expect(201);
    assert_eq!(standing(&part).collect::<Vec<_>>(), one("open", 20_000));
    // The rest, said without its sum.
    let rest = table.post("performances", json!({ "term": TERM, "outcome": "performed" })).await.expect(201);
    assert_eq!(standing(&rest).collect::<Vec<_>>(), one("performed", SUM));

    // Late by the day in China, and no default before somebody says so.
    let mut record = later(&scene.wang, &scene.li);
    record["terms"][TERM]["due_on"] = json!(day(-1));
    let table = Table::set(&scene, "police", record).await;
    table.signed().await;
    let done = table.finalize().await.expect(200);
    assert_eq!((&done["state"], standing(&done).collect::<Vec<_>>()), (&json!("performing"), one("overdue", 0)));
    let default = json!({ "term": TERM, "outcome": "defaulted", "note": "逾期未付" });
    let view = table.post("performances", default).await.expect(201);
    assert_eq!(standing(&view).collect::<Vec<_>>(), one("defaulted", 0));

    // Paid before it was signed.
    let table = Table::set(&scene, "police_on_scene", quarrel(&scene.wang, &scene.li)).await;
    table.signed().await;
    let done = table.finalize().await.expect(200);
    assert_eq!((&done["state"], standing(&done).collect::<Vec<_>>()), (&json!("performed"), one("performed", SUM)));
}

#[tokio::test]
async fn a_default_reopens_the_polices_and_stays_with_the_peoples() {
    let app = TestApp::shared().await;
    let scene = Scene::set(&app, "Default").await;
    let default = json!({ "term": TERM, "outcome": "defaulted", "note": "电话不接，逾期未付" });
    let table = in_effect(&scene, "police").await;
    let mut desk = scene.room.socket().await;
    let view = table.post("performances", default.clone()).await.expect(201);
    let steps: Vec<&Value> = view["history"].as_array().unwrap().iter().rev().take(2).map(|one| &one["to"]).collect();
    assert_eq!((view["state"].clone(), steps), (json!("reopened"), vec![&json!("reopened"), &json!("defaulted")]));
    let told = desk.expect_where("the room is told", |frame| {
        frame["kind"] == "mediation.moved" && frame["data"]["state"] == "reopened"
    });
    assert_eq!(told.await["data"]["mediation_id"], table.id.as_str());
    table.post("performances", default.clone()).await.problem(409, "conflict");

    let table = in_effect(&scene, "people").await;
    assert_eq!(table.post("performances", default).await.expect(201)["state"], "defaulted");
    table.post("steps", json!({ "step": "reopen", "reason": "履行不能" })).await.problem(409, "conflict");
    // Late, and yet done.
    let paid = json!({ "term": TERM, "outcome": "performed" });
    assert_eq!(table.post("performances", paid).await.expect(201)["state"], "performed");
}

#[tokio::test]
async fn who_leads_it_and_the_room_are_reminded_once() {
    let app = TestApp::start().await;
    let scene = Scene::set(&app, "Due").await;
    let table = in_effect(&scene, "police").await;
    let rows = format!("FROM mediation_reminder WHERE mediation_id = '{}'", table.id);
    assert_eq!(app.count(format!("{rows} AND done = false")).await, 4, "before, on the day, and twice after it");
    let (mut leader, mut desk, mut mate) =
        (scene.wang.socket().await, scene.room.socket().await, scene.li.socket().await);
    pass(&app, &table, "due").await;
    for socket in [&mut leader, &mut desk] {
        let told = socket.expect("mediation.due").await["data"].clone();
        let said = (&told["mediation_id"], &told["term_id"], &told["reminder"], &told["state"]);
        assert_eq!(said, (&json!(table.id), &json!(TERM), &json!("due"), &json!("performing")));
        socket.ack_all();
    }
    // What was said once is not said again, after a restart neither: the next is what becomes due next.
    app.restart().await;
    let (mut leader_later, mut desk_later) = (scene.wang.socket_raw().await, scene.room.socket_raw().await);
    for (socket, before) in [(&mut leader_later, &leader), (&mut desk_later, &desk)] {
        socket.resume(before).await;
    }
    pass(&app, &table, "overdue").await;
    for socket in [&mut leader_later, &mut desk_later] {
        let told = socket.expect("mediation.due").await;
        assert_eq!((&told["data"]["reminder"], &told["data"]["term_id"]), (&json!("overdue"), &json!(TERM)));
        socket.ack_all();
    }
    assert_eq!(app.count(format!("{rows} AND done = false")).await, 2);
    mate.expect_none("mediation.due", std::time::Duration::ZERO).await;
    // What was performed meanwhile is due to nobody.
    table.post("performances", json!({ "term": TERM, "outcome": "performed" })).await.expect(201);
    assert_eq!(open_reminders(&app, &table).await, 0);
}

#[tokio::test]
async fn how_each_party_got_its_copy() {
    let app = TestApp::shared().await;
    let scene = Scene::set(&app, "Copies").await;
    let table = Table::set(&scene, "police", later(&scene.wang, &scene.li)).await;
    let printed = json!({ "id": new_id(), "party": PARTY_A, "document": "agreement", "way": "printed" });
    table.post("copies", printed.clone()).await.problem(409, "conflict");
    table.signed().await;
    table.finalize().await.expect(200);
    let refused = json!({ "party": PARTY_B, "document": "agreement", "way": "refused" });
    assert_eq!(table.post("copies", refused.clone()).await.problem(422, "invalid_field")["field"], "note");
    let stranger = json!({ "party": new_id(), "document": "agreement", "way": "sent" });
    assert_eq!(table.post("copies", stranger).await.problem(422, "invalid_field")["field"], "party");
    for unknown in [json!({ "way": "thrown" }), json!({ "document": "letter" })] {
        let mut body = printed.clone();
        body.as_object_mut().unwrap().extend(unknown.as_object().unwrap().clone());
        table.post("copies", body).await.problem(422, "invalid_field");
    }
    table.post("copies", printed.clone()).await.expect(201);
    let mut why = refused;
    why["note"] = json!("拒收，已留置");
    table.post("copies", why).await.expect(201);
    let again = table.post("copies", printed.clone()).await.expect(200);
    let copies: Vec<_> = again["copies"].as_array().unwrap().iter().map(|one| (&one["party"], &one["way"])).collect();
    assert_eq!(copies, [(&json!(PARTY_A), &json!("printed")), (&json!(PARTY_B), &json!("refused"))]);
    for (name, other) in
        [("party", PARTY_B), ("way", "sent"), ("document", "minutes"), ("note", "门口交付")].map(|(n, o)| (n, json!(o)))
    {
        let mut body = printed.clone();
        body[name] = other;
        table.post("copies", body).await.problem(422, "key_reused");
    }
}

/// The first instant of a kind that is still to come is over.
async fn pass(app: &TestApp, table: &Table<'_>, kind: &str) {
    let of = format!("mediation_id = '{}' AND kind = '{kind}' AND done = false", table.id);
    let first = format!("(SELECT min(at) FROM mediation_reminder WHERE {of})");
    app.sql(format!("UPDATE mediation_reminder SET at = 1 + (SELECT count(*) FROM mediation_reminder WHERE done = true) WHERE {of} AND at = {first}")).await;
}

async fn open_reminders(app: &TestApp, table: &Table<'_>) -> i64 {
    app.count(format!("FROM mediation_reminder WHERE mediation_id = '{}' AND done = false", table.id)).await
}
