//! The page at `/` and its files, as a browser on a closed network gets them.

use crate::support::TestApp;

#[tokio::test(flavor = "multi_thread")]
async fn the_page_comes_whole_from_here_and_allows_nothing_from_elsewhere() {
    let app = TestApp::shared().await;
    let page = app.call("GET", "/", None).await.expect(200);
    let html = page.json.as_str().unwrap();
    assert!(html.contains("<title>随行</title>"));
    assert_eq!(page.header("content-type").unwrap(), "text/html; charset=utf-8");
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.contains("default-src 'none'") && policy.contains("script-src 'self'"), "{policy}");
    let mut seen = 0;
    for (file, kind) in [
        ("app.css", "text/css"),
        ("icon.svg", "image/svg"),
        ("js/main.js", "text/javascript"),
        ("js/api.js", "text/javascript"),
        ("js/stream.js", "text/javascript"),
        ("js/map.js", "text/javascript"),
        ("js/panels.js", "text/javascript"),
        ("js/alarms.js", "text/javascript"),
        ("js/evidence.js", "text/javascript"),
        ("js/gaps.js", "text/javascript"),
        ("js/words.js", "text/javascript"),
    ] {
        let url = format!("{}/{file}", app.base());
        let answer = app.http().get(url).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{file}");
        assert!(answer.headers()["content-type"].to_str().unwrap().starts_with(kind), "{file}");
        let text = answer.text().await.unwrap();
        for elsewhere in ["http://", "https://", "//cdn"] {
            let found = text.matches(elsewhere).count()
                - text.matches("http://www.w3.org/").count().min(text.matches(elsewhere).count());
            assert_eq!(found, 0, "{file} mentions {elsewhere}");
        }
        seen += 1;
    }
    assert_eq!(seen, 11);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_is_known_already_is_not_sent_again() {
    let app = TestApp::shared().await;
    let url = format!("{}/js/main.js", app.base());
    let first = app.http().get(&url).send().await.unwrap();
    let tag = first.headers()["etag"].clone();
    let again = app.http().get(&url).header("if-none-match", tag).send().await.unwrap();
    assert_eq!(again.status(), 304);
    assert!(again.bytes().await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_no_demo_gives_away_no_accounts_and_no_other_files() {
    let app = TestApp::shared().await;
    for path in ["/demo.json", "/js/none.js", "/none.css", "/js/..%2f..%2fCargo.toml", "/index.html"] {
        let url = format!("{}{path}", app.base());
        assert_eq!(app.http().get(&url).send().await.unwrap().status(), 404, "{path}");
    }
}
