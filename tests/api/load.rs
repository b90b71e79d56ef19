//! `suixing simulate` against a real server: what it counts is what happened, also with broken links.

use serde_json::Value;

use crate::support::{PASSWORD, TestApp, run_binary};

async fn simulate(app: &TestApp, more: &[&str]) -> (i32, Value, String) {
    let mut args: Vec<String> =
        ["simulate", "--username", "admin", "--password-stdin", "--url"].map(str::to_owned).into();
    args.push(app.base());
    args.extend(more.iter().map(|arg| (*arg).to_owned()));
    let done = tokio::task::spawn_blocking(move || run_binary(&args, &[], &format!("{PASSWORD}\n"))).await.unwrap();
    let report = serde_json::from_str(done.stdout.trim()).unwrap_or_default();
    (done.code, report, done.stderr)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_with_cut_links_and_killed_apps_loses_and_doubles_nothing() {
    let app = TestApp::start().await;
    let state = app.dir().join("load-state.json");
    let run = [
        "--terminals",
        "12",
        "--watchers",
        "2",
        "--fix-every",
        "0.5",
        "--assignments-per-s",
        "4",
        "--backups-per-s",
        "1",
        "--duration",
        "5",
        "--faults",
        "cut=6,kill=2",
        "--state",
        state.to_str().unwrap(),
    ];
    let (code, report, log) = simulate(&app, &run).await;
    assert_eq!(code, 0, "{report:#}\n{log}");
    assert_eq!(report["event"], "simulated");
    assert_eq!(report["sound"], true);
    let verified = &report["verification"];
    assert!(verified["assignments"].as_u64().unwrap() >= 5, "{report:#}");
    assert!(verified["fixes_checked"].as_u64().unwrap() >= 50, "{report:#}");
    for name in ["assignment_due_to_device", "fix_ack", "event_reply", "live_frame_delay", "backup_tap_to_first_alert"]
    {
        assert!(report["load"]["latency_ms"][name]["n"].as_u64().unwrap_or_default() > 0, "{name}: {report:#}");
    }

    let again =
        ["--terminals", "12", "--watchers", "1", "--binary", "--duration", "3", "--state", state.to_str().unwrap()];
    let (code, report, log) = simulate(&app, &again).await;
    assert_eq!(code, 0, "{report:#}\n{log}");
    assert_eq!(report["login_ms"], Value::Null, "sessions were kept: nobody logs in twice");
    assert_eq!(report["load"]["counts"]["live_frames_unreadable"], Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_or_address_is_told_plainly() {
    let app = TestApp::shared().await;
    let args = ["simulate", "--url", &app.base(), "--username", "admin", "--password-stdin"].map(str::to_owned);
    let done = tokio::task::spawn_blocking(move || run_binary(&args, &[], "wrong\n")).await.unwrap();
    assert_ne!(done.code, 0);
    assert!(done.stderr.contains("bad_credentials"), "{}", done.stderr);
    assert!(done.stdout.is_empty());
}
