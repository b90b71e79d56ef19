//! Recordings that a real encoder made: how long, since when, in what, and what does not fit.

use super::*;

/// A recording by ffmpeg of so many seconds; `more` are its arguments before the name of the file. A test without ffmpeg
/// fails: scripts/test installs it.
async fn encoded(app: &TestApp, name: &str, seconds: u32, more: &[&str]) -> Vec<u8> {
    let path = app.dir().join(format!("{}-{name}", new_id()));
    let picture = format!("testsrc=size=320x240:rate=10:duration={seconds}");
    let sound = format!("sine=frequency=440:duration={seconds}");
    let mut command = std::process::Command::new("ffmpeg");
    command.args(["-v", "error", "-y", "-f", "lavfi", "-i", &picture, "-f", "lavfi", "-i", &sound]);
    command.args(["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "10", "-c:a", "aac"]);
    command.args(more).arg(&path);
    let out = tokio::task::spawn_blocking(move || command.output().expect("ffmpeg is installed")).await.unwrap();
    assert!(out.status.success(), "ffmpeg: {}", String::from_utf8_lossy(&out.stderr));
    std::fs::read(&path).unwrap()
}

/// The item once its container was read.
pub async fn examined(who: &Officer, id: &str) -> Value {
    wait_for("the container to be read", || async {
        let item = who.get(&format!("/evidence/{id}")).await.expect(200).json;
        item["media"].is_object().then_some(item)
    })
    .await
}

#[tokio::test]
async fn a_recording_says_how_long_it_is_and_the_room_hears_of_it() {
    let app = TestApp::shared().await;
    let scene = Scene::set(&app, "Film").await;
    let mut desk = scene.room.socket().await;
    let begun = ago(300.0);
    let created = format!("creation_time={begun}");
    let film = encoded(&app, "a.mp4", 3, &["-metadata", &created, "-movflags", "+faststart"]).await;
    let more = json!({ "incident_id": scene.incident_id(), "captured_at": begun });
    let id = scene.officer.upload(&film, more).await;
    let told = desk.expect_where("the film", |frame| frame["data"]["evidence_id"] == id.as_str()).await;
    assert_eq!((&told["kind"], &told["data"]["preview"]), (&json!("evidence.received"), &json!(false)));
    let item = examined(&scene.officer, &id).await;
    let media = &item["media"];
    assert_eq!(told["data"]["media"], *media, "told with its length");
    assert_eq!((&media["container"], &media["codec"]), (&json!("mp4"), &json!("avc1")));
    assert_eq!((&media["audio_codec"], &media["width"], &media["height"]), (&json!("mp4a"), &json!(320), &json!(240)));
    let length = media["duration_ms"].as_i64().unwrap();
    assert!((2_900..3_200).contains(&length), "{media}");
    // To a second, as the container counts.
    assert_eq!(media["started_at"].as_str().unwrap()[..19], begun[..19]);
    assert!(findings(&item).is_empty(), "{}", item["findings"]);
    assert_eq!((&item["duration_ms"], &item["codec"]), (&json!(length), &json!("avc1")));
    // A mark beyond its end is refused now.
    let late = json!({ "from_ms": 0, "to_ms": length + 1, "text": "m" });
    scene.officer.post(&format!("/evidence/{id}/marks"), late).await.problem(422, "invalid_field");
    let touches = scene.officer.touches(&id).await;
    assert_eq!(touches.iter().filter(|kind| *kind == "examined").count(), 1, "{touches:?}");
}

#[tokio::test]
async fn fragments_a_header_at_the_end_and_a_cut_are_read_alike() {
    let app = TestApp::shared().await;
    let scene = Scene::set(&app, "Fragments").await;
    let fragmented = ["-movflags", "+frag_keyframe+empty_moov+default_base_moof"];
    let film = encoded(&app, "b.mp4", 4, &fragmented).await;
    let whole = examined(&scene.officer, &scene.officer.upload(&film, json!({})).await).await;
    let length = whole["media"]["duration_ms"].as_i64().unwrap();
    assert!((3_800..4_300).contains(&length), "{}", whole["media"]);
    assert_eq!((&whole["media"]["codec"], &whole["media"]["started_at"]), (&json!("avc1"), &Value::Null));
    // The camera's battery fell out.
    let half = &film[..film.len() * 6 / 10];
    let cut = examined(&scene.officer, &scene.officer.upload(half, json!({})).await).await;
    let left = cut["media"]["duration_ms"].as_i64().unwrap();
    assert!((500..length).contains(&left), "{left} of {length}");
    assert_eq!(findings(&cut), ["truncated"]);
    // The header behind the pictures, in a file of Apple's.
    let film = encoded(&app, "c.mov", 2, &[]).await;
    let item = examined(&scene.officer, &scene.officer.upload(&film, json!({ "filename": "c.mov" })).await).await;
    assert_eq!((&item["media_type"], &item["media"]["container"]), (&json!("video/quicktime"), &json!("mp4")));
    assert!((1_900..2_200).contains(&item["media"]["duration_ms"].as_i64().unwrap()), "{}", item["media"]);
    // An interview.
    let sound = encoded(&app, "d.wav", 2, &["-map", "1:a", "-c:a", "pcm_s16le"]).await;
    let more = json!({ "filename": "d.wav", "kind": "audio" });
    let item = examined(&scene.officer, &scene.officer.upload(&sound, more).await).await;
    assert_eq!((&item["media"]["container"], &item["media"]["audio_codec"]), (&json!("wav"), &json!("pcm")));
    assert_eq!(item["media"]["duration_ms"].as_i64().unwrap() / 100, 20);
}

#[tokio::test]
async fn a_camera_whose_clock_is_off_is_told_so() {
    let app = TestApp::shared().await;
    let scene = Scene::set(&app, "Clock").await;
    let created = format!("creation_time={}", ago(600.0 + 540.0));
    let film = encoded(&app, "e.mp4", 2, &["-metadata", &created]).await;
    let item = examined(&scene.officer, &scene.officer.upload(&film, json!({ "captured_at": ago(600.0) })).await).await;
    assert_eq!(findings(&item), ["camera_clock"]);
    let off = item["findings"][0]["detail"]["difference_s"].as_i64().unwrap();
    assert!((-542..=-538).contains(&off), "{off}");
}

#[tokio::test]
async fn what_no_container_says_is_called_unknown_and_holds_nobody_up() {
    let app = TestApp::shared().await;
    let scene = Scene::set(&app, "Unknown").await;
    let mut desk = scene.room.socket().await;
    let film = encoded(&app, "f.mkv", 1, &[]).await;
    let noise: Vec<u8> = (0..70_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    for file in [film, noise] {
        let id = scene.officer.upload(&file, json!({ "incident_id": scene.incident_id() })).await;
        let told = desk.expect_where("the file", |frame| frame["data"]["evidence_id"] == id.as_str()).await;
        assert_eq!(told["data"]["media"]["container"], "unknown");
        let item = examined(&scene.officer, &id).await;
        assert_eq!((&item["media"]["duration_ms"], &item["duration_ms"]), (&Value::Null, &Value::Null));
        assert_eq!(item["previewed"], "not_wanted");
    }
    // A photo has no such thing.
    let (photo, _) = scene.photo(1).await;
    assert!(scene.officer.get(&format!("/evidence/{photo}")).await.expect(200)["media"].is_null());
}
