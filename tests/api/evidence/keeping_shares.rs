//! Copies: redacted ones beside their original, and those that leave the house, marked, until their time is over.

use super::keeping::Keepers;
use super::*;
use crate::support::bucket::{self, is_kept};
use std::path::Path;

/// Fonts with Chinese letters, and the one with Latin ones, where the server looks for them.
const CHINESE: [&str; 5] = [
    "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc",
    "/usr/share/fonts/opentype/noto/NotoSerifCJK-Regular.ttc",
    "/usr/share/fonts/truetype/wqy/wqy-microhei.ttc",
    "/usr/share/fonts/truetype/wqy/wqy-zenhei.ttc",
    "/usr/share/fonts/truetype/arphic/uming.ttc",
];
const LATIN: &str = "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf";

fn has_chinese() -> bool {
    CHINESE.iter().any(|path| Path::new(path).exists())
}

fn outward(receiver: &str) -> Value {
    json!({ "receiver": receiver, "purpose": "trial 2026-17", "expires_at": ago(-3_600.0) })
}

/// The files of a tar, by name.
fn unpacked(archive: &[u8]) -> Vec<(String, Vec<u8>)> {
    let (mut at, mut files) = (0, Vec::new());
    while archive[at] != 0 {
        let text = |from: usize, to: usize| {
            let field = &archive[at + from..at + to];
            let end = field.iter().position(|byte| *byte == 0).unwrap_or(field.len());
            String::from_utf8(field[..end].to_vec()).unwrap()
        };
        let size = usize::from_str_radix(&text(124, 136), 8).unwrap();
        files.push((text(0, 100), archive[at + 512..at + 512 + size].to_vec()));
        at += 512 + size.next_multiple_of(512);
    }
    files
}

fn file<'a>(files: &'a [(String, Vec<u8>)], name: &str) -> &'a [u8] {
    let found = files.iter().find(|(known, _)| known == name);
    &found.unwrap_or_else(|| panic!("no {name}")).1
}

/// What was told about copies in an item's custody.
async fn told(who: &Officer, id: &str) -> Vec<Value> {
    let custody = who.get(&format!("/evidence/{id}/custody")).await.expect(200);
    custody.items().iter().filter(|entry| entry["kind"] == "shared").cloned().collect()
}

#[tokio::test]
async fn a_picture_leaves_with_its_receivers_name_over_it() {
    let app = TestApp::shared().await;
    let keepers = Keepers::set(&app, "Outward").await;
    let scene = &keepers.scene;
    let camera = Exif { model: Some("SpyCam".to_owned()), place: Some((104.0, 30.0)), ..Exif::default() };
    let original = with_exif(&jpeg(640, 480, 3), &camera);
    let id = scene.officer.photo(&original, json!({ "incident_id": scene.incident_id() })).await.expect(201).id();
    scene.officer.previewed(&id).await;
    let path = format!("/evidence/{id}/shares");
    if !has_chinese() && !Path::new(LATIN).exists() {
        scene.room.post(&path, outward("Lake Court")).await.problem(409, "watermark_impossible");
        return;
    }
    for wrong in [
        json!({ "receiver": "", "purpose": "p", "expires_at": ago(-60.0) }),
        json!({ "receiver": "a\nb", "purpose": "p", "expires_at": ago(-60.0) }),
        json!({ "receiver": "R", "purpose": "", "expires_at": ago(-60.0) }),
        json!({ "receiver": "R", "purpose": "p", "expires_at": ago(60.0) }),
        json!({ "receiver": "R", "purpose": "p", "expires_at": ago(-91.0 * 86_400.0) }),
    ] {
        scene.room.post(&path, wrong).await.problem(422, "invalid_field");
    }
    let asked = scene.room.post(&path, outward("Lake Court")).await.expect(201);
    assert_eq!((&asked["state"], &asked["form"]), (&json!("pending"), &json!("watermarked")));
    let share = format!("/shares/{}", asked.id());
    let content = format!("{share}/content");
    scene.room.get(&content).await.problem(409, "conflict");
    scene.room.post_empty(&format!("{share}/approve")).await.problem(403, "forbidden");
    scene.officer.post_empty(&format!("{share}/approve")).await.problem(403, "forbidden");
    let approved = keepers.boss.post_empty(&format!("{share}/approve")).await.expect(200);
    assert_eq!((&approved["state"], &approved["approved_by"]), (&json!("approved"), &json!(keepers.boss.person_id)));
    keepers.chief.post_empty(&format!("{share}/approve")).await.problem(409, "conflict");

    let copy = scene.room.bytes(&content, &[]).await.expect(200);
    assert_eq!(copy.header("content-type"), "image/jpeg");
    let contains = |text: &str| copy.body.windows(text.len()).any(|bytes| bytes == text.as_bytes());
    assert!(contains(&asked.id()) && contains("Lake Court") && contains("trial 2026-17"), "it says whose it is");
    assert!(!contains("SpyCam") && !contains("Exif"), "and not what the camera wrote");
    let (marked, plain) = (image::load_from_memory(&copy.body).unwrap(), image::load_from_memory(&original).unwrap());
    let (marked, plain) = (marked.to_rgb8(), plain.to_rgb8());
    assert_eq!(marked.dimensions(), plain.dimensions());
    let differs = marked
        .pixels()
        .zip(plain.pixels())
        .filter(|(one, other)| one.0.iter().zip(&other.0).any(|(one, other)| one.abs_diff(*other) > 40));
    let share_of = differs.count() as f64 / f64::from(640 * 480);
    assert!((0.02..0.5).contains(&share_of), "{share_of} of the pixels are marked");
    // The original is what it was.
    assert_eq!(scene.officer.bytes(&format!("/evidence/{id}/content"), &[]).await.expect(200).body, original);

    // Whoever agreed gets it too; a colleague who had no part in it does not.
    keepers.boss.bytes(&content, &[]).await.expect(200);
    scene.officer.get(&content).await.problem(403, "forbidden");
    assert_eq!(scene.room.get(&share).await.expect(200)["fetches"], json!(2));
    let told = told(&scene.officer, &id).await;
    let what: Vec<&str> = told.iter().map(|entry| entry["detail"]["what"].as_str().unwrap()).collect();
    assert_eq!(what, ["asked", "approved", "handed_out", "handed_out"]);
    assert_eq!(told[2]["detail"]["sha256"], json!(sha256_hex(&copy.body)));
    assert_eq!(told[2]["detail"]["receiver"], "Lake Court");
    assert_eq!(told[2]["actor_id"], json!(scene.room.person_id));

    app.sql(format!("UPDATE evidence_share SET expires_at = 1 WHERE id = '{}'", asked.id())).await;
    let over = scene.room.get(&content).await.problem(410, "gone");
    assert_eq!(over["state"], "expired");
    assert_eq!(scene.room.get(&share).await.expect(200)["expired"], true);
    let list = scene.room.get(&path).await.expect(200);
    assert_eq!(list.items().len(), 1);
    let (_, other_room, _) = app.station("Elsewhere").await;
    for path in [&share, &content, &path] {
        other_room.get(path).await.problem(404, "not_found");
    }
}

#[tokio::test]
async fn either_of_the_two_takes_a_copy_back() {
    let app = TestApp::shared().await;
    let keepers = Keepers::set(&app, "Taken back").await;
    let scene = &keepers.scene;
    let film = vec![3_u8; 70_000];
    let id = scene.officer.upload(&film, json!({ "incident_id": scene.incident_id() })).await;
    for (n, by) in [&scene.room, &keepers.boss, &keepers.keeper].into_iter().enumerate() {
        let asked = scene.room.post(&format!("/evidence/{id}/shares"), outward("湖滨区法院")).await.expect(201);
        let share = format!("/shares/{}", asked.id());
        // The last one while nobody has agreed.
        if n < 2 {
            keepers.boss.post_empty(&format!("{share}/approve")).await.expect(200);
            scene.room.bytes(&format!("{share}/content"), &[]).await.expect(200);
        }
        let mate = scene.station.officer("mate").await;
        mate.post_empty(&format!("{share}/revoke")).await.problem(404, "not_found");
        let revoked = by.post_empty(&format!("{share}/revoke")).await.expect(200);
        assert_eq!((&revoked["state"], &revoked["ended_by"]), (&json!("revoked"), &json!(by.person_id)));
        let over = scene.room.get(&format!("{share}/content")).await.problem(410, "gone");
        assert_eq!(over["state"], "revoked");
        keepers.boss.post_empty(&format!("{share}/approve")).await.problem(410, "gone");
    }
}

#[tokio::test]
async fn what_cannot_be_marked_leaves_with_a_signed_statement() {
    let app = TestApp::shared().await;
    let keepers = Keepers::set(&app, "Package").await;
    let scene = &keepers.scene;
    let film: Vec<u8> = (0..200_000_u32).map(|n| n.to_le_bytes()[1]).collect();
    let id = scene.officer.upload(&film, json!({ "filename": "现场.mp4", "incident_id": scene.incident_id() })).await;
    let asked = keepers.keeper.post(&format!("/evidence/{id}/shares"), outward("湖滨区法院")).await.expect(201);
    assert_eq!(asked["form"], "package");
    let share = format!("/shares/{}", asked.id());
    keepers.keeper.post_empty(&format!("{share}/approve")).await.problem(403, "other_person_required");
    keepers.boss.post_empty(&format!("{share}/approve")).await.expect(200);
    let copy = keepers.keeper.bytes(&format!("{share}/content"), &[]).await.expect(200);
    assert_eq!(copy.number("content-length"), copy.body.len() as u64);
    let files = unpacked(&copy.body);
    assert_eq!(file(&files, "original/现场.mp4"), film);
    let text = String::from_utf8(file(&files, "statement.json").to_vec()).unwrap();
    let statement: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&statement["receiver"], &statement["purpose"]), (&json!("湖滨区法院"), &json!("trial 2026-17")));
    assert_eq!((&statement["sha256"], &statement["share_id"]), (&json!(sha256_hex(&film)), &json!(asked.id())));
    assert_eq!(statement["approved_by"], json!(keepers.boss.person_id));
    let signature: Value = serde_json::from_slice(file(&files, "statement.sig.json")).unwrap();
    let keys = merkle::published(&scene.officer.get("/custody/keys").await.expect(200).json);
    assert!(merkle::signed(&keys, &signature["key_id"], &text, &signature["signature"]));
    assert!(!merkle::signed(&keys, &signature["key_id"], &text.replace("湖滨", "城关"), &signature["signature"]));
    let sums = String::from_utf8(file(&files, "SHA256SUMS").to_vec()).unwrap();
    for (name, bytes) in files.iter().filter(|(name, _)| name != "SHA256SUMS") {
        assert!(sums.contains(&format!("{}  {name}\n", sha256_hex(bytes))), "{name}");
    }
    assert!(String::from_utf8_lossy(file(&files, "README.txt")).contains("no watermark"), "it says so");
}

#[tokio::test]
async fn a_name_that_no_font_can_write_is_refused() {
    let app = TestApp::shared().await;
    let keepers = Keepers::set(&app, "Letters").await;
    let (id, _) = keepers.scene.photo(1).await;
    let path = format!("/evidence/{id}/shares");
    let asked = keepers.scene.room.post(&path, outward("湖滨区人民法院")).await;
    if has_chinese() {
        asked.expect(201);
    } else {
        let refused = asked.problem(409, "watermark_impossible");
        assert_eq!(refused["missing"], "湖");
        assert!(keepers.scene.room.get(&path).await.expect(200).items().is_empty(), "nothing was asked for");
    }
    keepers.scene.room.post(&path, outward("\u{F8FE}")).await.problem(409, "watermark_impossible");
}

/// Delivers a redacted copy of a photo.
async fn redact(who: &Officer, original: &str, bytes: &[u8], more: Value) -> Raw {
    let (kind, body) = multipart("redacted.jpg", "image/jpeg", bytes, &photo_of(more));
    who.raw("POST", &format!("/evidence/{original}/redacted"), &[("content-type", &kind)], body).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redacted_copy_stands_beside_its_original() {
    let app = TestApp::start().await;
    let keepers = Keepers::set(&app, "Redacted").await;
    let scene = &keepers.scene;
    let (id, file) = scene.photo(1).await;
    let class = json!({ "category": "case", "reason": "立案" });
    keepers.keeper.put(&format!("/evidence/{id}/retention"), class).await.expect(200);
    let blurred = jpeg(640, 480, 77);
    let mate = scene.station.officer("mate").await;
    mate.sign_on().await;
    scene.room.assign(&scene.incident, &[&mate]).await;
    // He sees what it shows, not the original.
    redact(&mate, &id, &blurred, json!({})).await.expect(403);
    let (_, other_room, _) = app.station("Elsewhere").await;
    redact(&other_room, &id, &blurred, json!({})).await.expect(404);
    let same = redact(&scene.room, &id, &file, json!({})).await.expect(422).json();
    assert_eq!((&same["code"], &same["field"]), (&json!("invalid_field"), &json!("redacts")));
    let made = redact(&scene.room, &id, &blurred, json!({})).await.expect(201).json();
    let copy = made["id"].as_str().unwrap().to_owned();
    assert_eq!((&made["redacts"], &made["retention"]["category"]), (&json!(id), &json!("case")));
    assert_eq!(made["incident_ids"], json!([scene.incident_id()]));
    // A copy of the copy points nowhere; of a film by the resumable way.
    redact(&scene.room, &copy, &jpeg(640, 480, 78), json!({})).await.expect(409);
    let film = [9_u8; 9_000];
    let second = scene.room.upload(&film, json!({ "redacts": id })).await;
    let twin = json!({ "redacts": copy, "filename": "x.mp4", "kind": "video", "captured_at": now() });
    scene.room.tus_create(9, &twin, &[]).await.expect(409);
    let exact = json!({ "redacts": id, "filename": "x.jpg", "kind": "photo", "captured_at": now() });
    let upload =
        crate::support::evidence::upload_path(&scene.room.tus_create(file.len(), &exact, &[]).await.expect(201));
    scene.room.tus_patch(&upload, 0, &file, &[]).await.expect(460);

    let original = scene.officer.get(&format!("/evidence/{id}")).await.expect(200);
    assert_eq!((&original["redacted_copies"], &original["redacts"]), (&json!([copy, second]), &Value::Null));
    assert_eq!(original["sha256"], json!(sha256_hex(&file)));
    assert_eq!(scene.officer.bytes(&format!("/evidence/{id}/content"), &[]).await.expect(200).body, file);
    assert_eq!(scene.officer.previewed(&copy).await["previewed"], "made");
    let touches = scene.officer.touches(&id).await;
    assert_eq!(touches.iter().filter(|kind| *kind == "redacted").count(), 2, "{touches:?}");
    assert!(is_kept(&app, &bucket::original(&file)).await && is_kept(&app, &bucket::original(&blurred)).await);
    if !Database::on_postgres() {
        wait_until("the store to fit its log", || async { verify(app.dir()).await.code == 0 }).await;
    }
}
