//! Pictures of real cameras through the photo door, as `scripts/test` finds them on the machine: whatever they are, each
//! is kept to the byte and either shown or said why not.

use super::*;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Pictures that are shown at least, else the decoders have become worse: most samples are heads of files whose picture
/// was cut away.
const SHOWN_AT_LEAST: usize = 13;

/// Every picture in the folders that `SUIXING_PICTURES` names, colons between them.
fn pictures() -> Vec<PathBuf> {
    let folders = std::env::var("SUIXING_PICTURES").expect("SUIXING_PICTURES names folders with pictures");
    let mut found = Vec::new();
    for folder in folders.split(':') {
        let before = found.len();
        let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{folder}: {error}"));
        found.extend(entries.map(|entry| entry.unwrap().path()).filter(|path| {
            let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default().to_ascii_lowercase();
            ["jpg", "jpeg", "png", "webp", "heic", "tif", "tiff"].contains(&ending.as_str())
        }));
        assert!(found.len() > before, "no pictures in {folder}");
    }
    found.sort();
    found
}

#[tokio::test]
#[ignore = "needs pictures of real cameras: scripts/test --only corpus"]
async fn real_pictures_are_kept_and_shown_or_said_why_not() {
    let app = TestApp::start().await;
    let scene = Scene::set(&app, "Corpus").await;
    let (mut shown, mut kept) = (0, BTreeMap::new());
    for path in pictures() {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let file = std::fs::read(&path).unwrap();
        let made =
            scene.officer.photo(&file, json!({ "filename": name, "sha256": sha256_hex(&file) })).await.expect(201);
        let item = scene.officer.previewed(&made.id()).await;
        let place = format!("/evidence/{}", made.id());
        assert_eq!(scene.officer.bytes(&format!("{place}/content"), &[]).await.expect(200).body, file, "{name}");
        if item["previewed"] == "made" {
            shown += 1;
            for px in [320, 1600] {
                let preview = scene.officer.bytes(&format!("{place}/preview?px={px}"), &[]).await.expect(200).body;
                let picture = image::load_from_memory(&preview).unwrap();
                assert!(picture.width().max(picture.height()) <= px, "{name}: {item}");
            }
        } else {
            let why = ["not_decodable", "truncated", "too_large_to_decode", "took_too_long"];
            let said = findings(&item).into_iter().find(|code| why.contains(code));
            let said = said.unwrap_or_else(|| panic!("{name} is not shown and nothing says why: {item}"));
            *kept.entry(said.to_owned()).or_insert(0) += 1;
        }
    }
    eprintln!("{shown} shown, kept without a preview {kept:?}");
    assert!(shown >= SHOWN_AT_LEAST, "only {shown} are shown");
    // The server is as well as before.
    scene.photo(1).await;
    assert!(!app.log().contains("panicked"), "{}", app.log());
}
