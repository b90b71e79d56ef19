//! Evidence in a bucket: away it loses nothing and holds nobody up but those who want its bytes; damaged it is told; a
//! large file goes through little memory. Without a bucket (`SUIXING_TEST_S3_URL`) there is nothing to see here.

use super::keeping::Keepers;
use super::*;
use crate::support::bucket::{is_kept, original, until_gone};
use crate::support::evidence::{recording, upload_path};
use crate::support::{Proxy, bucket};

const MIB: usize = 1024 * 1024;

/// Bytes that differ in every piece.
fn film(size: usize, seed: u32) -> Vec<u8> {
    let piece: Vec<u8> = (0..65_521_u32).map(|n| (n ^ seed).wrapping_mul(2_654_435_761).to_be_bytes()[0]).collect();
    let mut film = Vec::with_capacity(size + piece.len());
    let mut n = 0_u32;
    while film.len() < size {
        film.extend_from_slice(&n.to_be_bytes());
        film.extend_from_slice(&piece);
        n += 1;
    }
    film.truncate(size);
    film
}

/// A server whose way to the bucket can be cut; an approved deletion waits for nothing.
async fn behind_a_link() -> Option<(TestApp, Proxy)> {
    let url = bucket::url()?;
    let link = Proxy::start(url.rsplit_once('/').unwrap().0).await;
    let app = TestApp::builder().env("SUIXING_EVIDENCE__S3__ENDPOINT", &link.base);
    Some((app.config("[evidence]\ndeletion_wait_s = 0\n").start().await, link))
}

/// A refusal that says: later, and nothing was done.
#[track_caller]
fn is_away(answer: &Raw) {
    assert_eq!(answer.status, 503, "{answer:?}");
    assert!(answer.number("retry-after") > 0, "{answer:?}");
    assert!(answer.header("suixing-receipt").is_empty() && answer.header("suixing-evidence-id").is_empty());
    if !answer.body.is_empty() {
        assert_eq!(answer.json()["code"], "busy", "{answer:?}");
    }
}

async fn content(who: &Officer, id: &str) -> Raw {
    who.bytes(&format!("/evidence/{id}/content"), &[]).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bucket_that_is_away_loses_nothing_and_is_found_again() {
    let Some((app, link)) = behind_a_link().await else { return };
    let scene = Scene::set(&app, "Away").await;
    let who = &scene.officer;
    let (before, photo) = scene.photo(1).await;
    let file = film(20 * MIB, 1);
    let begin = async || upload_path(&who.tus_create(file.len(), &recording(json!({})), &[]).await.expect(201));
    let (first, second) = (begin().await, begin().await);
    who.tus_patch(&first, 0, &file[..9 * MIB], &[]).await.expect(204);

    link.shut(true);
    // What arrives is staged as ever; what is whole cannot be said to be stored.
    let staged = who.tus_patch(&first, 9 * MIB, &file[9 * MIB..12 * MIB], &[]).await.expect(204);
    assert_eq!(staged.number("upload-offset"), (12 * MIB) as u64);
    who.tus_patch(&second, 0, &file[..MIB], &[]).await.expect(204);
    is_away(&who.tus_patch(&first, 12 * MIB, &file[12 * MIB..], &[]).await);
    is_away(&who.tus_head(&first).await);
    let more = json!({ "captured_at": ago(30.0), "incident_id": scene.incident_id() });
    let picture = jpeg(640, 480, 2);
    let refused = who.photo(&picture, more.clone()).await;
    assert_eq!((refused.status, &refused["code"]), (503, &json!("busy")), "{refused:?}");
    // Its bytes cannot be had, what is known of it can.
    is_away(&content(who, &before).await);
    is_away(&who.bytes(&format!("/evidence/{before}/preview?px=320"), &[]).await);
    is_away(&who.bytes(&format!("/evidence/{before}/bundle"), &[]).await);
    assert_eq!(who.get("/evidence").await.expect(200).items().len(), 1, "there is no half of an item");
    // Everything else goes on.
    scene.room.incident(scene.station.near(100.0, 0.0)).await;

    link.shut(false);
    let head = who.tus_head(&first).await.expect(200);
    let id = head.header("suixing-evidence-id").to_owned();
    assert!(content(who, &id).await.expect(200).body == file);
    let rest = who.tus_patch(&second, MIB, &file[MIB..], &[]).await.expect(204);
    assert!(content(who, rest.header("suixing-evidence-id")).await.expect(200).body == file);
    let late = who.photo(&picture, more).await.expect(201).id();
    who.previewed(&late).await;
    assert_eq!(content(who, &late).await.expect(200).body, picture);
    assert_eq!(content(who, &before).await.expect(200).body, photo);
    who.proven(&id).await;
    let touches = who.touches(&id).await;
    assert_eq!(touches.iter().filter(|kind| *kind == "received").count(), 1, "{touches:?}");
    if !Database::on_postgres() {
        wait_until("the log to catch up", || async { verify(app.dir()).await.code == 0 }).await;
    }
    // Only the folder's name is left.
    let staging = app.dir().join("staging");
    wait_until("what was staged to go", || async { std::fs::read_dir(&staging).unwrap().count() == 1 }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_while_the_bucket_is_away_costs_nothing() {
    let Some((app, link)) = behind_a_link().await else { return };
    let scene = Scene::set(&app, "Killed").await;
    let who = &scene.officer;
    let file = film(18 * MIB, 3);
    let declared = json!({ "sha256": sha256_hex(&file) });
    let upload = upload_path(&who.tus_create(file.len(), &recording(declared), &[]).await.expect(201));
    link.shut(true);
    is_away(&who.tus_patch(&upload, 0, &file, &[]).await);
    app.kill9();
    app.restart().await;
    is_away(&who.tus_head(&upload).await);
    link.shut(false);
    // Once more in the middle of the way to the bucket, wherever that is by then.
    let head = tokio::spawn({
        let (app, token, path) = (app.clone(), who.token(), upload.clone());
        async move {
            let tus = [crate::support::evidence::TUS];
            crate::support::evidence::try_raw(&app, Some(&token), "HEAD", &path, &tus, Vec::new()).await
        }
    });
    tokio::time::sleep(Duration::from_millis(60)).await;
    app.kill9();
    drop(head.await);
    app.restart().await;
    // A device that asks, or the server by itself.
    let head = who.tus_head(&upload).await.expect(200);
    let id = head.header("suixing-evidence-id").to_owned();
    assert!(content(who, &id).await.expect(200).body == file);
    who.proven(&id).await;
    assert_eq!(who.touches(&id).await.iter().filter(|kind| *kind == "received").count(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn previews_wait_for_a_bucket_that_is_away() {
    let Some((app, link)) = behind_a_link().await else { return };
    let scene = Scene::set(&app, "Waiting").await;
    let who = &scene.officer;
    // The job begins with the answer: it finds the bucket away at the latest when it stores what it made.
    let picture = jpeg(3000, 2000, 5);
    let made = who.photo(&picture, json!({ "incident_id": scene.incident_id() })).await.expect(201).id();
    link.shut(true);
    // Oftener than a picture is decoded before it is given up; half of it is the job of the second hash.
    wait_until("the jobs to have tried", || async { failures(&app).await >= 8.0 }).await;
    link.shut(false);
    let item = who.previewed(&made).await;
    assert_eq!((&item["previewed"], &item["findings"]), (&json!("made"), &json!([])), "a slow bucket is no finding");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_lawfully_deleted_goes_when_the_bucket_is_back() {
    let Some((app, link)) = behind_a_link().await else { return };
    let keepers = Keepers::set(&app, "Deleted").await;
    let (id, file) = keepers.expired(8).await;
    keepers.scene.officer.previewed(&id).await;
    link.shut(true);
    keepers.approved(&id).await;
    assert_eq!(keepers.ended(&id).await["state"], "done");
    // Nobody sees it any more, whether its bytes have gone or not.
    keepers.scene.officer.bytes(&format!("/evidence/{id}/content"), &[]).await.expect(410);
    wait_until("the removal to have been tried", || async { failures(&app).await > 0.0 }).await;
    assert!(is_kept(&app, &original(&file)).await);
    app.kill9();
    link.shut(false);
    app.restart().await;
    until_gone(&app, &original(&file)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_hand_takes_from_the_bucket_or_changes_in_it_is_named() {
    if bucket::url().is_none() || Database::on_postgres() {
        return;
    }
    let app = TestApp::start().await;
    let scene = Scene::set(&app, "Hand").await;
    let (taken, first) = scene.photo(6).await;
    let (changed, second) = scene.photo(7).await;
    wait_until("the log to catch up", || async { verify(app.dir()).await.code == 0 }).await;
    let place = bucket::object(app.dir(), &first);
    assert_eq!(bucket::call(&app, "HEAD", &place, Vec::new()).await.status(), 200, "it lies where it should");
    bucket::call(&app, "DELETE", &place, Vec::new()).await;
    let mut other = second.clone();
    other[100] ^= 1;
    bucket::call(&app, "PUT", &bucket::object(app.dir(), &second), other).await;
    let found = verify(app.dir()).await;
    assert_ne!(found.code, 0);
    let line =
        |id: &str| found.stdout.lines().find(|line| line.contains(id)).unwrap_or_else(|| panic!("{}", found.stdout));
    assert!(line(&taken).contains("s3://") && line(&taken).ends_with("is missing"), "{}", line(&taken));
    assert!(line(&changed).contains("was changed: its SHA-256 is"), "{}", line(&changed));
    assert_eq!(found.stdout.lines().count(), 2, "{}", found.stdout);
    // Who asks for it hears that it is our fault.
    assert_eq!(content(&scene.officer, &taken).await.status, 500);
    // What no item names is counted.
    for (bytes, id) in [(&first, &taken), (&second, &changed)] {
        bucket::call(&app, "PUT", &bucket::object(app.dir(), bytes), bytes.clone()).await;
        assert_eq!(&content(&scene.officer, id).await.expect(200).body, bytes);
    }
    bucket::call(&app, "PUT", &bucket::object(app.dir(), b"stray"), b"stray".to_vec()).await;
    let told = verify(app.dir()).await;
    assert!(told.code == 0 && told.stdout.contains("; 1 originals in s3://"), "{} {}", told.stdout, told.stderr);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_file_goes_over_in_parts_through_little_memory() {
    if bucket::url().is_none() {
        return;
    }
    let app = TestApp::start().await;
    let scene = Scene::set(&app, "Large").await;
    let who = &scene.officer;
    // Everything that is loaded once.
    let small = who.upload(&film(20 * MIB, 8), json!({})).await;
    content(who, &small).await.expect(200);
    let before = most_memory(app.pid());
    let file = film(256 * MIB, 9);
    let id = who.upload(&file, json!({ "sha256": sha256_hex(&file) })).await;
    let tail = who.bytes(&format!("/evidence/{id}/content"), &[("range", "bytes=260000000-")]).await.expect(206);
    assert!(tail.body == file[260_000_000..]);
    assert!(content(who, &id).await.expect(200).body == file);
    let grown = most_memory(app.pid()).saturating_sub(before);
    assert!(grown < 48 * MIB, "256 MiB took {} MiB", grown / MIB);
    // How the server of the bucket tells an object of parts: so many.
    let head = bucket::call(&app, "HEAD", &bucket::object(app.dir(), &file), Vec::new()).await;
    assert!(head.headers()["etag"].to_str().unwrap().trim_matches('"').ends_with("-32"), "{head:?}");
}

/// How often the server did not reach the bucket.
async fn failures(app: &TestApp) -> f64 {
    let metrics = app.call("GET", "/metrics", None).await;
    let lines = metrics.json.as_str().unwrap_or_default().lines();
    let name = "suixing_evidence_store_failures_total ";
    lines.filter_map(|line| line.strip_prefix(name)).map(|count| count.trim().parse::<f64>().unwrap()).sum()
}

/// Bytes of memory the process has had at most.
fn most_memory(pid: u32) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() * 1024
}

/// The uploads of parts to the bucket's object that have been begun and not completed, as the bucket lists them.
async fn begun(app: &TestApp, file: &[u8]) -> Vec<String> {
    let place = bucket::object(app.dir(), file);
    let all = format!("{}?uploads", bucket::url().unwrap());
    let listed = bucket::call(app, "GET", &all, Vec::new()).await;
    let text = listed.text().await.unwrap();
    let key = place.strip_prefix(&format!("{}/", bucket::url().unwrap())).unwrap();
    let mine = text.split("<Upload>").skip(1).filter(|upload| upload.contains(key));
    mine.map(|upload| between(upload, "<UploadId>", "</UploadId>").to_owned()).collect()
}

/// How many parts have come of one that was begun.
async fn parts(app: &TestApp, file: &[u8]) -> usize {
    let Some(id) = begun(app, file).await.pop() else { return 0 };
    let place = format!("{}?uploadId={id}", bucket::object(app.dir(), file));
    let listed = bucket::call(app, "GET", &place, Vec::new()).await.text().await.unwrap();
    listed.matches("<PartNumber>").count()
}

fn between<'a>(text: &'a str, from: &str, to: &str) -> &'a str {
    text.split_once(from).unwrap().1.split_once(to).unwrap().0
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sealed_pieces_of_a_declared_file_go_ahead_and_survive_a_kill() {
    if bucket::url().is_none() {
        return;
    }
    let app = TestApp::start().await;
    let scene = Scene::set(&app, "Ahead").await;
    let who = &scene.officer;
    let file = film(30 * MIB, 11);
    let declared = json!({ "sha256": sha256_hex(&file) });
    let upload = upload_path(&who.tus_create(file.len(), &recording(declared), &[]).await.expect(201));
    who.tus_patch(&upload, 0, &file[..20 * MIB], &[]).await.expect(204);
    wait_until("two pieces in the bucket", || async { parts(&app, &file).await == 2 }).await;
    let before = begun(&app, &file).await;
    app.kill9();
    app.restart().await;
    who.tus_patch(&upload, 20 * MIB, &file[20 * MIB..25 * MIB], &[]).await.expect(204);
    wait_until("the third piece in the bucket", || async { parts(&app, &file).await == 3 }).await;
    assert_eq!(begun(&app, &file).await, before, "it goes on with what was there");
    let done = who.tus_patch(&upload, 25 * MIB, &file[25 * MIB..], &[]).await.expect(204);
    assert!(content(who, done.header("suixing-evidence-id")).await.expect(200).body == file);
    assert!(begun(&app, &file).await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bytes_that_were_refused_or_given_up_stay_nowhere() {
    if bucket::url().is_none() {
        return;
    }
    let app = TestApp::start().await;
    let scene = Scene::set(&app, "Back").await;
    let who = &scene.officer;
    let (file, other) = (film(60 * MIB, 12), film(60 * MIB, 13));
    let declared = json!({ "sha256": sha256_hex(&file) });
    let begin = async || upload_path(&who.tus_create(file.len(), &recording(declared.clone()), &[]).await.expect(201));
    let upload = begin().await;
    // A long chunk is recorded, and sent ahead, before its sum is known not to hold.
    let sum = base64::Engine::encode(&base64::prelude::BASE64_STANDARD, merkle::sha256(&[&file[..50 * MIB]]));
    let sum = format!("sha256 {sum}");
    who.tus_patch(&upload, 0, &other[..50 * MIB], &[("upload-checksum", &sum)]).await.expect(460);
    assert_eq!(who.tus_head(&upload).await.expect(200).number("upload-offset"), 0);
    let done = who.tus_patch(&upload, 0, &file, &[]).await.expect(204);
    assert!(content(who, done.header("suixing-evidence-id")).await.expect(200).body == file, "not the others");

    let upload = begin().await;
    who.tus_patch(&upload, 0, &file[..20 * MIB], &[]).await.expect(204);
    wait_until("pieces in the bucket", || async { parts(&app, &file).await == 2 }).await;
    who.raw("DELETE", &upload, &[crate::support::evidence::TUS], Vec::new()).await.expect(204);
    wait_until("the pieces to go", || async { begun(&app, &file).await.is_empty() }).await;
}
