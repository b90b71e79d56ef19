//! A backup has what its rows name, stands for itself, and comes back.

use super::*;
use crate::support::bucket;
use crate::support::evidence::{recording, upload_path};
use std::path::Path;

/// Puts everything of one folder into another.
fn put(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            std::fs::create_dir_all(&target).unwrap();
            put(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), &target).unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_brings_the_evidence_back() {
    let app = TestApp::start().await;
    let backup = app.dir().join("backup");
    let folder = backup.display().to_string();
    if Database::on_postgres() {
        let refused = app.command(&["admin", "backup", "--to", &folder], "").await;
        assert!(refused.code != 0 && refused.stderr.contains("evidence/"), "{}", refused.stderr);
        return;
    }
    let scene = Scene::set(&app, "Copied").await;
    let (id, file) = scene.photo(21).await;
    let receipt = scene.officer.proven(&id).await;
    // Half of another file is here when the copy is made.
    let film = [7_u8; 100_000];
    let half = upload_path(&scene.officer.tus_create(film.len(), &recording(json!({})), &[]).await.expect(201));
    scene.officer.tus_patch(&half, 0, &film[..40_000], &[]).await.expect(204);
    wait_until("the log to catch up", || async { verify(app.dir()).await.code == 0 }).await;
    let made = app.command(&["admin", "backup", "--to", &folder], "").await;
    assert_eq!(made.code, 0, "{}", made.stderr);
    let said: Value = serde_json::from_str(made.stdout.lines().last().unwrap()).unwrap();
    match bucket::url() {
        None => assert_eq!(said["evidence_files"], 3, "the original and its previews: {said}"),
        Some(_) => assert!(said["evidence_note"].as_str().unwrap().contains("not in this copy"), "{said}"),
    }
    let verified = verify(&backup).await;
    assert_eq!(verified.code, 0, "{} {}", verified.stdout, verified.stderr);

    // What came after the copy goes with the disk.
    let (late, _) = scene.photo(22).await;
    app.kill9();
    for lost in ["suixing.db", "suixing.db-wal", "suixing.db-shm", "master.key", "custody-heads.log"] {
        // The files beside the database are there or not.
        drop(std::fs::remove_file(app.dir().join(lost)));
    }
    // A bucket is another machine's.
    for lost in ["evidence", "staging"] {
        std::fs::remove_dir_all(app.dir().join(lost)).unwrap();
    }
    put(&backup, app.dir());
    std::fs::remove_dir_all(&backup).unwrap();
    app.restart().await;

    let who = &scene.officer;
    assert_eq!(who.bytes(&format!("/evidence/{id}/content"), &[]).await.expect(200).body, file);
    assert_eq!(
        who.bytes(&format!("/evidence/{id}/preview?px=320"), &[]).await.expect(200).header("content-type"),
        "image/jpeg"
    );
    assert_eq!(who.get(&format!("/evidence/{id}/receipt")).await.expect(200)["receipt"], receipt["receipt"]);
    who.get(&format!("/evidence/{late}")).await.problem(404, "not_found");
    // The lease of the folder that is lost runs out.
    app.sql("UPDATE upload SET lease_until = 1".to_owned()).await;
    // The device still has what the server had only half, and sends it again.
    let done = wait_for("the upload to begin anew", || async {
        let offset = who.tus_head(&half).await.expect(200).number("upload-offset");
        let offset = usize::try_from(offset).unwrap();
        let answer = who.tus_patch(&half, offset, &film[offset..], &[]).await;
        (answer.status == 204).then_some(answer)
    })
    .await;
    let again = done.header("suixing-evidence-id").to_owned();
    assert_eq!(who.bytes(&format!("/evidence/{again}/content"), &[]).await.expect(200).body, film);
    wait_until("the log to go on", || async { verify(app.dir()).await.code == 0 }).await;
}
