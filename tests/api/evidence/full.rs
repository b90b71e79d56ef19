//! A full disk: nothing is answered that was not kept, and everything goes on when there is room again.

use super::*;
use crate::support::evidence::{recording, upload_path};

/// What a full disk answers, without one: so much can no longer be written.
async fn refuse(app: &TestApp, what: &str, table: &str) {
    if Database::on_postgres() {
        let body = "BEGIN RAISE EXCEPTION 'could not extend file: No space left on device'; END";
        let function = format!("CREATE FUNCTION full_{table}() RETURNS trigger LANGUAGE plpgsql AS $$ {body} $$");
        app.sql(function).await;
        let each = format!("FOR EACH ROW EXECUTE FUNCTION full_{table}()");
        app.sql(format!("CREATE TRIGGER full_{table} BEFORE {what} ON {table} {each}")).await;
        return;
    }
    let body = "BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END";
    app.sql(format!("CREATE TRIGGER full_{table} BEFORE {what} ON {table} {body}")).await;
}

async fn relieve(app: &TestApp, table: &str) {
    let on = if Database::on_postgres() { format!(" ON {table}") } else { String::new() };
    app.sql(format!("DROP TRIGGER full_{table}{on}")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_could_not_be_recorded_was_not_kept() {
    let app = TestApp::start().await;
    let scene = Scene::set(&app, "Full").await;
    let who = &scene.officer;
    let film: Vec<u8> = (0..300_000_u32).map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()[0]).collect();
    let upload = upload_path(&who.tus_create(film.len(), &recording(json!({})), &[]).await.expect(201));
    who.tus_patch(&upload, 0, &film[..100_000], &[]).await.expect(204);

    // The bytes come, their place cannot be noted.
    refuse(&app, "UPDATE", "upload").await;
    let refused = who.tus_patch(&upload, 100_000, &film[100_000..200_000], &[]).await;
    assert!((500..600).contains(&refused.status), "{refused:?}");
    assert_eq!(who.tus_head(&upload).await.expect(200).number("upload-offset"), 100_000);
    relieve(&app, "upload").await;

    // The last bytes come, the item cannot be made.
    refuse(&app, "INSERT", "evidence").await;
    let refused = who.tus_patch(&upload, 100_000, &film[100_000..], &[]).await;
    assert!((500..600).contains(&refused.status) && refused.header("suixing-receipt").is_empty(), "{refused:?}");
    let picture = jpeg(64, 48, 31);
    let more = json!({ "captured_at": ago(9.0) });
    let photo = who.photo(&picture, more.clone()).await;
    assert!((500..600).contains(&photo.status), "{photo:?}");
    assert_eq!(who.get("/evidence").await.expect(200).items().len(), 0, "there is no half of an item");
    relieve(&app, "evidence").await;

    // A client asks where it stands, and everything that was owed is done.
    let head = who.tus_head(&upload).await.expect(200);
    assert_eq!(head.number("upload-offset"), film.len() as u64);
    let id = head.header("suixing-evidence-id").to_owned();
    assert_eq!(who.bytes(&format!("/evidence/{id}/content"), &[]).await.expect(200).body, film);
    who.proven(&id).await;
    let made = who.photo(&picture, more).await.expect(201);
    who.previewed(&made.id()).await;
    assert_eq!(who.bytes(&format!("/evidence/{}/content", made.id()), &[]).await.expect(200).body, picture);
    assert_eq!(who.get("/evidence").await.expect(200).items().len(), 2);
}
