//! What people paste, mistype and try: refused with the field's name and nothing changed, or kept as it was typed.

use super::*;

#[tokio::test]
async fn what_cannot_be_printed_as_it_stands_is_refused_and_changes_nothing() {
    let app = TestApp::shared().await;
    let scene = Scene::set(&app, "Refused").await;
    let party = new_id();
    let record = json!({ "place": "门口", "parties": { &party: { "name": "甲" } } });
    let id = scene.made(record.clone()).await;
    let before = read(&scene.room, &id).await;
    let of = |name: &str| format!("parties/{party}/{name}");
    let wrong = [
        // Turned about, an amount reads as another one.
        ("place".to_owned(), json!("赔偿 \u{202E}001\u{202C} 元")),
        (of("name"), json!("\u{2066}甲\u{2069}")),
        (of("name"), json!("甲\u{0}")),
        (of("name"), json!("甲\n乙")),
        (of("name"), json!("字".repeat(101))),
        (of("name"), json!(["甲"])),
        (of("name"), json!({ "first": "甲" })),
        (of("birth_date"), json!("2026-02-30")),
        (of("birth_date"), json!("1899-12-31")),
        (of("birth_date"), json!("2026-1-5")),
        (of("sex"), json!("unknown")),
        (of("id_number"), json!("******")),
        (of("nickname"), json!("x")),
        ("parties/1/name".to_owned(), json!("x")),
        (format!("parties/{}/name", party.to_uppercase()), json!("x")),
        (format!("strangers/{party}/name"), json!("x")),
        ("began_at".to_owned(), json!("2026-02-30T10:00:00Z")),
        ("began_at".to_owned(), json!("2026-01-02T10:00:00")),
        ("nature".to_owned(), json!("murder")),
        ("bars".to_owned(), json!(["gang", "x"])),
        ("minor".to_owned(), json!("yes")),
        ("leader_id".to_owned(), json!("wang")),
        (format!("terms/{}/amount_fen", new_id()), json!(0)),
        (format!("terms/{}/amount_fen", new_id()), json!(10.5)),
        (format!("terms/{}/due_on", new_id()), json!("2026-13-01")),
        ("facts".to_owned(), json!("字".repeat(4_001))),
        ("surely_no_field".to_owned(), json!("x")),
        (String::new(), json!("x")),
        ("x".repeat(5_000), json!("x")),
    ];
    for (field, value) in &wrong {
        let refused = patch(&scene.li, &id, 1, json!({ "place": "院内", field.as_str(): value })).await;
        let refused = refused.problem(422, "invalid_field");
        let shown: String = field.chars().take(100).collect();
        assert_eq!(refused["field"], shown, "{}", refused.json);
        // The same in a whole record, where its path says it.
        if field.split('/').all(|part| !part.is_empty()) && field.len() < 200 {
            let mut whole = record.clone();
            whole["place"] = json!("院内");
            let mut at = &mut whole;
            for part in field.split('/') {
                at = &mut at[part];
            }
            *at = value.clone();
            put(&scene.li, &id, 1, scene.body(whole.clone())).await.problem(422, "invalid_field");
            let fresh = path(&new_id());
            scene.wang.put(&fresh, scene.body(whole)).await.problem(422, "invalid_field");
            scene.wang.get(&fresh).await.problem(404, "not_found");
        }
    }
    for body in [
        json!({ "fields": {} }),
        json!({ "fields": [] }),
        json!({ "fields": { "place": "x" }, "counter": -1 }),
        json!({ "fields": { "place": "x" }, "edit_id": "one" }),
        json!({ "fields": { "place": "x" }, "edited_at": "yesterday" }),
        json!({ "fields": { "place": "x" }, "extra": 1 }),
    ] {
        patch_as(&scene.li, &id, 1, body).await.problem(422, "invalid_field");
    }
    for (member, value) in [
        ("record", Value::Null),
        ("record", json!([])),
        ("record", json!("x")),
        ("record", json!({ "parties": [] })),
        ("record", json!({ "parties": { "1": {} } })),
        ("record", json!({ "parties/x": {} })),
        ("record", json!({ format!("parties/{party}/name"): "x" })),
        ("record", json!({ "place": { "deep": { "deeper": 1 } } })),
        ("kind", json!("police ")),
        ("incident_id", json!("1")),
        ("counter", json!(-1)),
    ] {
        let mut body = scene.body(record.clone());
        body[member] = value;
        put(&scene.li, &id, 1, body).await.problem(422, "invalid_field");
    }
    let after = read(&scene.room, &id).await;
    assert_eq!(after.json, before.json, "nothing changed");
    assert_eq!(edits(&scene.room, &id).await.len(), 2);
}

#[tokio::test]
async fn what_people_are_called_and_what_they_said_is_kept_as_it_was_typed() {
    let app = TestApp::shared().await;
    let scene = Scene::set(&app, "Typed").await;
    let party = new_id();
    let name = format!("parties/{party}/name");
    let id = scene.made(json!({ "parties": { &party: { "role": "victim" } } })).await;
    // Extension B, a compatibility ideograph, a variant, a register's own character, Uyghur and Tibetan names.
    let names =
        ["𠀀𪜀", "\u{F9D1}\u{2F800}", "葛\u{E0100}", "王\u{E001}", "ئەنۋەر · تۇرسۇن", "བསྟན་འཛིན་", "O'Brien-Łukasz Ñ"];
    for (n, typed) in names.iter().enumerate() {
        let version = i64::try_from(n).unwrap() + 1;
        let kept = patch(&scene.wang, &id, version, json!({ name.as_str(): typed })).await.expect(200);
        assert_eq!(kept["record"]["parties"][&party]["name"].as_str(), Some(*typed));
    }
    // Markup, statements of a database and templates are what somebody said.
    for said in [
        "<script>alert(1)</script> & <b>粗</b>",
        "'; DROP TABLE mediation; --",
        "{{7*7}} ${7*7} %s \\n \\u0000",
        "=cmd|' /C calc'!A0",
        "第一行\n\t第二行",
    ] {
        let version = read(&scene.wang, &id).await["version"].as_i64().unwrap();
        let kept = patch(&scene.wang, &id, version, json!({ "facts": said })).await.expect(200);
        assert_eq!(kept["record"]["facts"].as_str(), Some(said));
        assert!(kept.header("content-type").unwrap().starts_with("application/json"));
    }
    // Only what copying leaves behind goes: outer space, foreign line ends, spaces without width.
    let version = read(&scene.wang, &id).await["version"].as_i64().unwrap();
    let pasted = json!({ "cause": "\u{FEFF}  停车\u{200B}位\r\n争抢\u{2028}吵架  \n" });
    let kept = patch(&scene.wang, &id, version, pasted).await.expect(200);
    assert_eq!(kept["record"]["cause"], "停车位\n争抢\n吵架");
    assert_eq!(read(&scene.room, &id).await["record"], kept["record"]);
}

#[tokio::test]
async fn a_record_has_room_for_a_dozen_parties_and_some_twenty_pages() {
    let app = TestApp::shared().await;
    let scene = Scene::set(&app, "Bounds").await;
    let parties = |count: usize| -> Value {
        (0..count).map(|n| (new_id(), json!({ "name": format!("第{n}人") }))).collect::<serde_json::Map<_, _>>().into()
    };
    let id = scene.made(json!({ "parties": parties(7) })).await;
    // Each terminal alone stays within the bound; together they do not, and what was there stays.
    let fill = |count: usize| -> Value {
        (0..count)
            .map(|n| (format!("parties/{}/name", new_id()), json!(format!("又{n}"))))
            .collect::<serde_json::Map<_, _>>()
            .into()
    };
    patch(&scene.li, &id, 1, fill(5)).await.expect(200);
    let full = read(&scene.room, &id).await;
    let refused = patch(&scene.wang, &id, 1, fill(1)).await.problem(422, "invalid_field");
    assert_eq!(refused["field"], "parties");
    put(&scene.wang, &id, 2, scene.body(json!({ "parties": parties(13) }))).await.problem(422, "invalid_field");
    scene.wang.put(&path(&new_id()), scene.body(json!({ "parties": parties(13) }))).await.problem(422, "invalid_field");
    assert_eq!(read(&scene.room, &id).await.json, full.json);
    // Who is removed makes room.
    let one = full["record"]["parties"].as_object().unwrap().keys().next().unwrap().clone();
    patch(&scene.wang, &id, 2, json!({ format!("parties/{one}/removed"): true })).await.expect(200);
    patch(&scene.wang, &id, 3, fill(1)).await.expect(200);

    let long = |count: usize| -> Value {
        let said = |_| (new_id(), json!({ "statement": "话".repeat(4_000) }));
        json!({ "parties": (0..count).map(said).collect::<serde_json::Map<_, _>>() })
    };
    let refused = scene.wang.put(&path(&new_id()), scene.body(long(6))).await.problem(422, "invalid_field");
    assert_eq!(refused["field"], "record");
    scene.wang.put(&path(&new_id()), scene.body(long(5))).await.expect(201);
}
