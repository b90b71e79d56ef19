//! tus 1.0 by raw requests: what the protocol says, what a phone does to it, what survives a kill.

use super::*;
use crate::support::evidence::{CHUNK, TUS, recording, tus_metadata, upload_path};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

const MIB: usize = 1024 * 1024;

/// Bytes that differ everywhere.
fn film(size: usize, seed: u64) -> Vec<u8> {
    let mut state = seed | 1;
    (0..size)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 56) as u8
        })
        .collect()
}

fn checksum(bytes: &[u8]) -> String {
    format!("sha256 {}", BASE64_STANDARD.encode(merkle::sha256(&[bytes])))
}

/// A chunk whose connection is cut before all of it has come.
async fn cut_patch(who: &Officer, upload: &str, offset: usize, announced: usize, sent: &[u8]) -> TcpStream {
    let base = who.app.base();
    let mut stream = TcpStream::connect(base.trim_start_matches("http://")).await.unwrap();
    let head = format!(
        "PATCH /api/v1{upload} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\nTus-Resumable: 1.0.0\r\n\
         Content-Type: application/offset+octet-stream\r\nUpload-Offset: {offset}\r\nContent-Length: {announced}\r\n\r\n",
        who.token()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(sent).await.unwrap();
    stream.flush().await.unwrap();
    stream
}

/// Begins an upload that must be accepted; gives its path.
async fn begin(who: &Officer, file: &[u8], more: Value) -> String {
    upload_path(&who.tus_create(file.len(), &recording(more), &[]).await.expect(201))
}

/// What an unhindered client does after any trouble: asks where it stands and sends the rest.
async fn resume(who: &Officer, upload: &str, file: &[u8]) -> Raw {
    let offset = who.tus_head(upload).await.expect(200).number("upload-offset");
    let offset = usize::try_from(offset).unwrap();
    who.tus_patch(upload, offset, &file[offset..], &[]).await
}

async fn content(who: &Officer, id: &str) -> Vec<u8> {
    who.bytes(&format!("/evidence/{id}/content"), &[]).await.expect(200).body
}

#[tokio::test]
async fn a_file_comes_in_chunks_and_becomes_an_item() {
    let app = TestApp::shared().await;
    let scene = Scene::set(&app, "Tus").await;
    let who = &scene.officer;
    let file = film(100_000, 1);
    let more = json!({
        "filename": "现场视频 1.mp4", "incident_id": scene.incident_id(), "assignment_id": scene.assignment["id"],
        "sha256": sha256_hex(&file),
    });
    let offered = who.raw("OPTIONS", "/uploads", &[], Vec::new()).await;
    assert!((200..300).contains(&offered.status), "{offered:?}");
    assert_eq!(offered.header("tus-version"), "1.0.0");
    for extension in ["creation", "creation-with-upload", "checksum", "expiration", "termination", "concatenation"] {
        assert!(offered.header("tus-extension").split(',').any(|offer| offer == extension), "{extension}");
    }
    assert_eq!(offered.header("tus-checksum-algorithm"), "sha1,sha256");
    assert!(offered.number("tus-max-size") >= 1 << 30);

    let metadata = recording(more);
    let made = who.tus_create(file.len(), &metadata, &[]).await.expect(201);
    assert_eq!(made.header("tus-resumable"), "1.0.0");
    assert!(!made.header("upload-expires").is_empty(), "{made:?}");
    let upload = upload_path(&made);
    let first = who.tus_patch(&upload, 0, &file[..40_000], &[]).await.expect(204);
    assert_eq!(first.number("upload-offset"), 40_000);
    assert_eq!((first.header("tus-resumable"), first.header("suixing-evidence-id")), ("1.0.0", ""));

    let head = who.tus_head(&upload).await.expect(200);
    assert_eq!((head.number("upload-offset"), head.number("upload-length")), (40_000, 100_000));
    assert!(head.header("cache-control").contains("no-store"));
    assert_eq!(head.header("upload-metadata"), tus_metadata(&metadata));

    let last = who.tus_patch(&upload, 40_000, &file[40_000..], &[]).await.expect(204);
    assert_eq!(last.number("upload-offset"), 100_000);
    let id = last.header("suixing-evidence-id").to_owned();
    assert!(last.header("suixing-receipt").ends_with(&format!("/api/v1/evidence/{id}/receipt")), "{last:?}");
    let item = who.get(&format!("/evidence/{id}")).await.expect(200);
    assert_eq!((&item["filename"], &item["kind"]), (&json!("现场视频 1.mp4"), &json!("video")));
    assert_eq!(item["incident_ids"], json!([scene.incident_id()]));
    assert_eq!(item["assignment_id"], scene.assignment["id"]);
    assert_eq!(content(who, &id).await, file);
    who.proven(&id).await;
}

#[tokio::test]
async fn what_the_protocol_names_is_answered_as_it_says() {
    let app = TestApp::shared().await;
    let scene = Scene::set(&app, "Rules").await;
    let who = &scene.officer;
    let file = film(10_000, 2);
    let upload = begin(who, &file, json!({})).await;

    // Another version, or none.
    let metadata = tus_metadata(&recording(json!({})));
    let plain = [("upload-length", "5"), ("upload-metadata", metadata.as_str())];
    let refused = who.raw("POST", "/uploads", &plain, Vec::new()).await.expect(412);
    assert_eq!(refused.header("tus-version"), "1.0.0");
    who.raw("HEAD", &upload, &[("tus-resumable", "0.2.2")], Vec::new()).await.expect(412);
    // A chunk of another type, at another place, with too many bytes.
    let wrong_type = [TUS, ("content-type", "application/json"), ("upload-offset", "0")];
    who.raw("PATCH", &upload, &wrong_type, file[..10].to_vec()).await.expect(415);
    who.tus_patch(&upload, 5, &file[5..], &[]).await.expect(409);
    let long = [file.as_slice(), b"x"].concat();
    who.tus_patch(&upload, 0, &long, &[]).await.expect(413);
    who.raw("PATCH", &upload, &[TUS, CHUNK], file.clone()).await.expect(400);
    assert_eq!(who.tus_head(&upload).await.expect(200).number("upload-offset"), 0, "nothing of that was kept");
    // Too large, and metadata that cannot be read.
    let huge = [TUS, ("upload-length", "99999999999999"), ("upload-metadata", metadata.as_str())];
    who.raw("POST", "/uploads", &huge, Vec::new()).await.expect(413);
    let not_utf8 = format!("filename {}", BASE64_STANDARD.encode(b"\xFF\xFE\xFD"));
    for bad in ["filename !!!", "filename 5omn5rOV%", not_utf8.as_str()] {
        let headers = [TUS, ("upload-length", "5"), ("upload-metadata", bad)];
        let answer = who.raw("POST", "/uploads", &headers, Vec::new()).await;
        assert!(matches!(answer.status, 400 | 422), "{bad}: {answer:?}");
    }
    for name in ["../../etc/passwd", "a/b.mp4", "C:\\x.mp4", "..", ""] {
        let answer = who.tus_create(5, &recording(json!({ "filename": name })), &[]).await;
        assert!(matches!(answer.status, 400 | 422), "{name}: {answer:?}");
    }
    // Unknown, and somebody else's.
    who.tus_head(&format!("/uploads/{}", new_id())).await.expect(404);
    let other = scene.station.officer("other").await;
    other.tus_head(&upload).await.expect(404);
    other.tus_patch(&upload, 0, &file, &[]).await.expect(404);
    other.raw("DELETE", &upload, &[TUS], Vec::new()).await.expect(404);
    // An incident that is none of his business.
    let (elsewhere, room, _) = app.station("Elsewhere").await;
    let foreign = room.incident(elsewhere.near(0.0, 0.0)).await;
    who.tus_create(5, &recording(json!({ "incident_id": foreign["id"] })), &[]).await.expect(404);
    // And nothing else was disturbed.
    let done = resume(who, &upload, &file).await.expect(204);
    assert_eq!(content(who, done.header("suixing-evidence-id")).await, file);
}

#[tokio::test]
async fn a_chunk_and_a_file_are_what_they_say_or_not_kept() {
    let app = TestApp::shared().await;
    let scene = Scene::set(&app, "Sums").await;
    let who = &scene.officer;
    let file = film(50_000, 3);
    let upload = begin(who, &file, json!({ "sha256": sha256_hex(&file) })).await;
    let good = checksum(&file[..20_000]);
    who.tus_patch(&upload, 0, &file[..20_000], &[("upload-checksum", &good)]).await.expect(204);
    let wrong = checksum(b"something else");
    let refused = who.tus_patch(&upload, 20_000, &file[20_000..], &[("upload-checksum", &wrong)]).await.expect(460);
    assert!(refused.header("suixing-evidence-id").is_empty());
    assert_eq!(who.tus_head(&upload).await.expect(200).number("upload-offset"), 20_000, "the chunk is discarded");
    for bad in ["md5 AAAA", "sha256 !!!!", "sha256"] {
        who.tus_patch(&upload, 20_000, &file[20_000..], &[("upload-checksum", bad)]).await.expect(400);
    }
    let sha1 = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY, &file[20_000..]);
    let sha1 = format!("sha1 {}", BASE64_STANDARD.encode(sha1.as_ref()));
    let done = who.tus_patch(&upload, 20_000, &file[20_000..], &[("upload-checksum", &sha1)]).await.expect(204);
    assert_eq!(content(who, done.header("suixing-evidence-id")).await, file);

    // The whole file against what was said of it before.
    let other = film(50_000, 4);
    let upload = begin(who, &other, json!({ "sha256": sha256_hex(&file) })).await;
    who.tus_patch(&upload, 0, &other, &[]).await.expect(460);
    who.tus_head(&upload).await.expect(410);
    let listed = who.get("/evidence").await.expect(200);
    let hash = sha256_hex(&other);
    assert!(listed.items().iter().all(|item| item["sha256"] != hash.as_str()), "nothing of it is kept");
}

#[tokio::test]
async fn creation_can_bring_bytes_and_weak_clients_know_only_post() {
    let app = TestApp::shared().await;
    let scene = Scene::set(&app, "Weak").await;
    let who = &scene.officer;
    let file = film(30_000, 5);
    let metadata = tus_metadata(&recording(json!({})));
    let headers = [TUS, CHUNK, ("upload-length", "30000"), ("upload-metadata", metadata.as_str())];
    let part = who.raw("POST", "/uploads", &headers, file[..10_000].to_vec()).await.expect(201);
    assert_eq!(part.number("upload-offset"), 10_000);
    let upload = upload_path(&part);
    let over = [TUS, CHUNK, ("x-http-method-override", "PATCH"), ("upload-offset", "10000")];
    let done = who.raw("POST", &upload, &over, file[10_000..].to_vec()).await.expect(204);
    assert_eq!(content(who, done.header("suixing-evidence-id")).await, file);

    let metadata = tus_metadata(&recording(json!({ "filename": "REC_2.mp4" })));
    let headers = [TUS, CHUNK, ("upload-length", "30000"), ("upload-metadata", metadata.as_str())];
    let whole = who.raw("POST", "/uploads", &headers, film(30_000, 6)).await.expect(201);
    assert_eq!(whole.number("upload-offset"), 30_000);
    let id = whole.header("suixing-evidence-id").to_owned();
    assert_eq!(content(who, &id).await, film(30_000, 6));
}

#[tokio::test]
async fn a_link_that_breaks_costs_what_was_on_its_way() {
    let app = TestApp::shared().await;
    let scene = Scene::set(&app, "Links").await;
    let who = &scene.officer;
    let file = film(3 * MIB, 7);
    let upload = begin(who, &file, json!({ "sha256": sha256_hex(&file) })).await;
    let mut sent = 0;
    for cut in [200_000, 900_000, 1_500_000] {
        let stream = cut_patch(who, &upload, sent, file.len() - sent, &file[sent..cut]).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
        drop(stream);
        // The upload is free at once: the next request is not told that it is locked.
        let head = who.tus_head(&upload).await.expect(200);
        let offset = usize::try_from(head.number("upload-offset")).unwrap();
        assert!(offset >= sent && offset <= cut, "{offset} after {sent} to {cut}");
        sent = offset;
    }
    assert!(sent > 0, "nothing of three broken chunks was kept");
    let done = resume(who, &upload, &file).await.expect(204);
    assert_eq!(content(who, done.header("suixing-evidence-id")).await, file);
}

#[tokio::test]
async fn a_new_connection_takes_the_upload_over_from_a_dead_one() {
    let app = TestApp::shared().await;
    let scene = Scene::set(&app, "Roaming").await;
    let who = &scene.officer;
    let file = film(MIB, 8);
    let upload = begin(who, &file, json!({})).await;
    // The old network is gone, but nobody has told the server.
    let _dead = cut_patch(who, &upload, 0, file.len(), &file[..300_000]).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    let done = wait_for("the upload to go on", || async {
        let answer = resume(who, &upload, &file).await;
        (answer.status == 204).then_some(answer)
    })
    .await;
    assert_eq!(content(who, done.header("suixing-evidence-id")).await, file);
}

#[tokio::test]
async fn an_upload_is_given_up_or_runs_out() {
    let app = TestApp::shared().await;
    let scene = Scene::set(&app, "Ends").await;
    let who = &scene.officer;
    let file = film(10_000, 9);
    let upload = begin(who, &file, json!({})).await;
    who.tus_patch(&upload, 0, &file[..5_000], &[]).await.expect(204);
    who.raw("DELETE", &upload, &[TUS], Vec::new()).await.expect(204);
    who.tus_head(&upload).await.expect(410);
    who.tus_patch(&upload, 5_000, &file[5_000..], &[]).await.expect(410);

    let late = begin(who, &film(10_000, 10), json!({})).await;
    let id = late.rsplit('/').next().unwrap();
    app.sql(format!("UPDATE upload SET expires_at = 1 WHERE id = '{id}'")).await;
    who.tus_head(&late).await.expect(410);
    who.tus_patch(&late, 0, &film(10_000, 10), &[]).await.expect(410);
}

#[tokio::test]
async fn parts_become_one_file() {
    let app = TestApp::shared().await;
    let scene = Scene::set(&app, "Parts").await;
    let who = &scene.officer;
    let file = film(200_000, 11);
    let mut parts = Vec::new();
    for piece in [&file[..70_000], &file[70_000..150_000], &file[150_000..]] {
        let length = piece.len().to_string();
        let headers = [TUS, ("upload-length", length.as_str()), ("upload-concat", "partial")];
        let made = who.raw("POST", "/uploads", &headers, Vec::new()).await.expect(201);
        let part = upload_path(&made);
        let sent = who.tus_patch(&part, 0, piece, &[]).await.expect(204);
        assert!(sent.header("suixing-evidence-id").is_empty(), "a part is no item");
        parts.push(format!("/api/v1{part}"));
    }
    let concat = format!("final;{}", parts.join(" "));
    let metadata = tus_metadata(&recording(json!({ "filename": "joined.mp4", "sha256": sha256_hex(&file) })));
    let headers = [TUS, ("upload-concat", concat.as_str()), ("upload-metadata", metadata.as_str())];
    let made = who.raw("POST", "/uploads", &headers, Vec::new()).await.expect(201);
    let upload = upload_path(&made);
    let done = wait_for("the joined file", || async {
        let head = who.tus_head(&upload).await.expect(200);
        (!head.header("suixing-evidence-id").is_empty()).then_some(head)
    })
    .await;
    assert_eq!(done.number("upload-length"), file.len() as u64);
    assert_eq!(content(who, done.header("suixing-evidence-id")).await, file);
    who.tus_patch(&upload, 0, b"x", &[]).await.expect(403);

    // Joined wrongly, it is not what was declared, and nothing of it is kept.
    let piece = film(1_000, 12);
    let headers = [TUS, ("upload-length", "1000"), ("upload-concat", "partial")];
    let part = upload_path(&who.raw("POST", "/uploads", &headers, Vec::new()).await.expect(201));
    who.tus_patch(&part, 0, &piece, &[]).await.expect(204);
    let concat = format!("final;/api/v1{part}");
    let metadata = tus_metadata(&recording(json!({ "sha256": sha256_hex(&file) })));
    let headers = [TUS, ("upload-concat", concat.as_str()), ("upload-metadata", metadata.as_str())];
    let wrong = upload_path(&who.raw("POST", "/uploads", &headers, Vec::new()).await.expect(201));
    wait_until("the wrong file is given up", || async { who.tus_head(&wrong).await.status == 410 }).await;
}

#[tokio::test]
async fn the_same_again_is_the_same_item() {
    let app = TestApp::shared().await;
    let scene = Scene::set(&app, "Again").await;
    let who = &scene.officer;
    let file = film(20_000, 13);
    let more = json!({ "captured_at": ago(900.0) });
    let first = who.upload(&file, more.clone()).await;
    // The answer was lost: the client begins anew, under another name even.
    let mut renamed = more.clone();
    renamed["filename"] = json!("again.mp4");
    assert_eq!(who.upload(&file, renamed).await, first);
    let touches = who.touches(&first).await;
    assert_eq!(touches.iter().filter(|kind| *kind == "received").count(), 1, "{touches:?}");
    // The same content at another time is another capture; the bytes lie there once.
    assert_ne!(who.upload(&file, json!({ "captured_at": ago(800.0) })).await, first);
    // The last chunk sent again after its answer was lost.
    let upload = begin(who, &film(5_000, 14), json!({})).await;
    let done = who.tus_patch(&upload, 0, &film(5_000, 14), &[]).await.expect(204);
    let again = who.tus_head(&upload).await.expect(200);
    assert_eq!(again.number("upload-offset"), 5_000);
    let empty = who.tus_patch(&upload, 5_000, b"", &[]).await.expect(204);
    assert_eq!(empty.header("suixing-evidence-id"), done.header("suixing-evidence-id"));
}

#[tokio::test]
async fn a_shared_handset_brings_in_what_its_holder_before_captured() {
    let app = TestApp::shared().await;
    let scene = Scene::set(&app, "Shared").await;
    let (a, file) = (&scene.officer, film(30_000, 15));
    let captured = ago(120.0);
    let b = scene.station.person("b", "police_officer").await.login_on(&a.device_id()).await;
    // A's session there is over; what A captured before is still A's.
    let more = json!({ "author_id": a.person_id, "captured_at": captured, "incident_id": scene.incident_id() });
    let id = b.upload(&file, more).await;
    let a = a.login_handheld().await;
    let item = a.get(&format!("/evidence/{id}")).await.expect(200);
    assert_eq!((&item["author_id"], &item["quarantined"]), (&json!(a.person_id), &json!(false)));
    assert_eq!(item["incident_ids"], json!([scene.incident_id()]));
    // B delivered it and may not look at it; the receipt is his, so that the handset can let go of it.
    b.get(&format!("/evidence/{id}")).await.problem(404, "not_found");
    b.get(&format!("/evidence/{id}/content")).await.problem(404, "not_found");
    b.proven(&id).await;
    // What A "captured" after he handed it over is nobody's.
    let after = recording(json!({ "author_id": a.person_id, "captured_at": ago(-300.0) }));
    b.tus_create(5, &after, &[]).await.expect(403);
    let stranger = scene.station.officer("stranger").await;
    let forged = recording(json!({ "author_id": stranger.person_id }));
    b.tus_create(5, &forged, &[]).await.expect(403);
}

#[tokio::test]
async fn a_session_that_ends_in_the_middle_does_not_end_the_upload() {
    let app = TestApp::shared().await;
    let scene = Scene::set(&app, "Expired").await;
    let device = Signer::enrol(&scene.station).await;
    let holder = scene.station.person("holder", "police_officer").await.login_on(&device.id).await;
    holder.sign_on().await;
    let file = film(60_000, 18);
    let upload = begin(&holder, &file, json!({ "captured_at": ago(30.0), "sha256": sha256_hex(&file) })).await;
    holder.tus_patch(&upload, 0, &file[..25_000], &[]).await.expect(204);
    holder.post("/auth/logout", json!({})).await.ok();
    // The token is worth nothing any more, the device's key goes on.
    holder.tus_head(&upload).await.expect(401);
    let head = device.tus("HEAD", &upload, &[TUS], Vec::new()).await.expect(200);
    assert_eq!(head.number("upload-offset"), 25_000);
    let rest = [TUS, CHUNK, ("upload-offset", "25000")];
    let thief = Signer { id: device.id.clone(), ..Signer::enrol(&scene.station).await };
    thief.tus("PATCH", &upload, &rest, file[25_000..].to_vec()).await.expect(401);
    let done = device.tus("PATCH", &upload, &rest, file[25_000..].to_vec()).await.expect(204);
    let id = done.header("suixing-evidence-id");
    let item = scene.room.get(&format!("/evidence/{id}")).await.expect(200);
    assert_eq!((&item["author_id"], &item["quarantined"]), (&json!(holder.person_id), &json!(false)));
    assert_eq!(content(&scene.room, id).await, file);
}

#[tokio::test]
async fn many_half_open_uploads_are_bounded_and_disturb_nobody() {
    let app = TestApp::builder().config("[evidence]\nhalf_open_max = 5\n").start().await;
    let scene = Scene::set(&app, "Flood").await;
    let other = scene.station.officer("other").await;
    for n in 0..5 {
        scene.officer.tus_create(10, &recording(json!({ "filename": format!("{n}.mp4") })), &[]).await.expect(201);
    }
    let refused = scene.officer.tus_create(10, &recording(json!({})), &[]).await.expect(429);
    assert!(!refused.header("retry-after").is_empty());
    other.upload(&film(1_000, 16), json!({})).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_loses_nothing_that_was_answered() {
    let app = TestApp::start().await;
    let scene = Scene::set(&app, "Kill").await;
    let who = &scene.officer;
    let file = film(20 * MIB, 17);
    let upload = begin(who, &file, json!({ "sha256": sha256_hex(&file) })).await;
    let mut answered = 0;
    for round in 0..3 {
        // One chunk is answered, the next is on its way when the server dies.
        let to = answered + 2 * MIB + round * 1_000;
        let done = who.tus_patch(&upload, answered, &file[answered..to], &[]).await.expect(204);
        assert_eq!(done.number("upload-offset"), to as u64);
        let way = (to + 3 * MIB).min(file.len());
        let stream = cut_patch(who, &upload, to, file.len() - to, &file[to..way]).await;
        tokio::time::sleep(Duration::from_millis(20 * round as u64)).await;
        app.kill9();
        drop(stream);
        app.restart().await;
        let head = who.tus_head(&upload).await.expect(200);
        answered = usize::try_from(head.number("upload-offset")).unwrap();
        assert!(answered >= to && answered <= way, "{answered} after {to} to {way}");
    }
    let done = resume(who, &upload, &file).await.expect(204);
    let id = done.header("suixing-evidence-id").to_owned();
    assert_eq!(content(who, &id).await, file);
    let item = who.get(&format!("/evidence/{id}")).await.expect(200);
    assert_eq!(item["sha256"], sha256_hex(&file).as_str());
    // And once more when it is whole: item, receipt and custody are there.
    app.kill9();
    app.restart().await;
    assert_eq!(who.tus_head(&upload).await.expect(200).header("suixing-evidence-id"), id);
    who.proven(&id).await;
    assert_eq!(who.touches(&id).await.iter().filter(|kind| *kind == "received").count(), 1);
}
