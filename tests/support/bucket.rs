//! Where the originals and previews of one test server lie: its folder, or a prefix of its own in the bucket that
//! `SUIXING_TEST_S3_URL` names.
//!
//! `SUIXING_TEST_S3_URL=http://127.0.0.1:PORT/BUCKET` puts the evidence of every test server there; `scripts/test` starts
//! such a server. It takes any credentials.

use std::path::Path;

use super::merkle::sha256_hex;
use super::{TestApp, wait_until};

/// The address of the bucket, if the suite has one.
pub fn url() -> Option<String> {
    std::env::var("SUIXING_TEST_S3_URL").ok().filter(|url| !url.is_empty())
}

/// What a server, or a command beside it, is told of the bucket; nothing without one. `path` is its data folder, or lies
/// in it.
pub fn env(path: &Path) -> Vec<(String, String)> {
    let Some(url) = url() else { return Vec::new() };
    let (endpoint, bucket) = url.rsplit_once('/').expect("SUIXING_TEST_S3_URL ends in the bucket's name");
    let named = [
        ("SUIXING_EVIDENCE__STORE", "s3"),
        ("SUIXING_EVIDENCE__S3__ENDPOINT", endpoint),
        ("SUIXING_EVIDENCE__S3__BUCKET", bucket),
        ("SUIXING_EVIDENCE__S3__PREFIX", &prefix(path)),
        ("SUIXING_EVIDENCE__S3__ALLOW_HTTP", "true"),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "a secret of tests"),
    ];
    named.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec()
}

/// The name of the original with these bytes, in the folder and in the bucket.
pub fn original(bytes: &[u8]) -> String {
    let key = sha256_hex(bytes);
    format!("{}/{key}", &key[..2])
}

/// The name of a preview.
pub fn preview(id: &str, px: u32) -> String {
    format!("previews/{id}.{px}.jpg")
}

/// The address of the original with these bytes in the bucket.
pub fn object(path: &Path, bytes: &[u8]) -> String {
    address(path, &original(bytes))
}

fn address(path: &Path, name: &str) -> String {
    format!("{}/{}/{name}", url().expect("a bucket"), prefix(path))
}

/// Whether an original or a preview is there, seen past the server.
pub async fn is_kept(app: &TestApp, name: &str) -> bool {
    if url().is_none() {
        return app.dir().join("evidence").join(name).exists();
    }
    call(app, "HEAD", &address(app.dir(), name), Vec::new()).await.status().is_success()
}

/// Waits until an original or a preview has gone.
pub async fn until_gone(app: &TestApp, name: &str) {
    wait_until("the file to be removed", || async { !is_kept(app, name).await }).await;
}

/// Takes an original or a preview away past the server.
pub async fn take_away(app: &TestApp, name: &str) {
    if url().is_none() {
        return std::fs::remove_file(app.dir().join("evidence").join(name)).unwrap();
    }
    assert!(call(app, "DELETE", &address(app.dir(), name), Vec::new()).await.status().is_success());
}

/// One request to the bucket past the server, as somebody who may do anything there.
pub async fn call(app: &TestApp, method: &str, url: &str, body: Vec<u8>) -> reqwest::Response {
    let scope = "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=x";
    let request = app.http().request(method.parse().unwrap(), url).header("authorization", scope).body(body);
    request.send().await.expect("the bucket answers")
}

/// The name of the data folder.
fn prefix(path: &Path) -> String {
    let names = path.components().map(|part| part.as_os_str().to_string_lossy().into_owned());
    names.rev().find(|name| name.starts_with("suixing-test-")).expect("a data folder of a test")
}
