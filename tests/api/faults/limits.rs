//! Starting wrongly, and clients that open much and say nothing.

use crate::support::{Socket, TestApp, run_in, wait_until};
use std::path::Path;
use std::time::{Duration, Instant};
use tokio::net::TcpStream;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_start_on_the_same_folder_is_refused() {
    let app = TestApp::start().await;
    let second = app.command(&["serve", "--listen", "127.0.0.1:0"], "").await;
    assert_ne!(second.code, 0);
    assert!(second.stdout.is_empty(), "no ready line: {}", second.stdout);
    assert!(second.stderr.contains("in use by another"), "{}", second.stderr);
    app.call("GET", "/healthz", None).await.expect(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mistyped_setting_is_refused_by_name() {
    let why = TestApp::builder().config("[auth]\naccess_ttl_seconds = 60\n").try_start().await.err().unwrap();
    assert!(why.contains("access_ttl_seconds"), "{why}");
    let why = TestApp::builder().env("SUIXING_AUTH__ACCES_TTL_S", "60").try_start().await.err().unwrap();
    assert!(why.to_lowercase().contains("acces_ttl_s"), "{why}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_example_configuration_starts_a_server() {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("config.example.toml");
    let text = std::fs::read_to_string(example).unwrap();
    let app = TestApp::builder().config(&text).start().await;
    app.call("GET", "/readyz", None).await.expect(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_address_that_cannot_be_is_an_error_that_says_so() {
    let folder = std::env::temp_dir().join(format!("suixing-test-{}-badurl", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    for (url, word) in [
        ("mysql://root@localhost/x", "mysql"),
        ("postgres:typo", "postgres"),
        ("postgres://nobody@127.0.0.1:1/none", "postgres"),
        ("sqlite:", "sqlite"),
        ("nonsense", "unknown scheme"),
    ] {
        let args = ["serve", "--listen", "127.0.0.1:0", "--database-url", url];
        let ended = run_in(&folder, &args).await;
        assert_ne!(ended.code, 0, "{url} started");
        assert!(ended.stderr.to_lowercase().contains(word), "{url}: {}", ended.stderr);
    }
    let made: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(!made.iter().any(|name| name.to_string_lossy().ends_with(".db")), "a typo made a database: {made:?}");
    std::fs::remove_dir_all(&folder).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_sockets_that_never_say_hello() {
    let app = TestApp::builder().env("SUIXING_SOCKET__HELLO_TIMEOUT_S", "3").start().await;
    let (station, room, officer) = app.station("Silent").await;
    let mut mine = officer.socket().await;

    let (base, token) = (app.base(), station.dispatcher("silent").await.token());
    let mut silent = Vec::new();
    for _ in 0..1000 {
        silent.push(Socket::connect(&base, "suixing.v1.json", Some(&token), None).await.expect("opens"));
    }
    // Work goes on beside them.
    let begun = Instant::now();
    let incident = room.incident(station.near(0.0, 0.0)).await;
    room.assign(&incident, &[&officer]).await;
    mine.expect("assignment.offered").await;
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    // And they are all sent away, with a code.
    for mut socket in silent {
        let code = socket.close_code().await;
        assert!((4000..5000).contains(&code), "close code {code}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_say_nothing_at_all_are_let_go() {
    let app = TestApp::shared().await;
    let address = app.base().trim_start_matches("http://").to_owned();
    let mut idle = Vec::new();
    for _ in 0..300 {
        idle.push(TcpStream::connect(&address).await.unwrap());
    }
    app.call("GET", "/healthz", None).await.expect(200);
    let first = idle.first().unwrap();
    wait_until("the server hangs up", || async {
        let mut byte = [0; 1];
        first.try_read(&mut byte).is_ok()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_polite_stop_tells_the_sockets_and_exits_in_time() {
    let app = TestApp::start().await;
    let station = app.unit("Stop").await;
    let officer = station.officer("wang").await;
    let mut socket = officer.socket().await;
    let begun = Instant::now();
    assert_eq!(app.terminate().await, 0);
    assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
    assert_eq!(socket.close_code().await, 1012);
}
