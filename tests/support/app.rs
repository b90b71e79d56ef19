//! `TestApp`: one server with its data folder, its first administrator and plain HTTP.

use super::bucket;
use super::database::Database;
use super::process::{self, Finished, Process};
use super::{Officer, PASSWORD, Reply, Unit};
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use tokio::sync::OnceCell;

/// One server under test; clones share it, the last one dropped stops it and removes its data.
#[derive(Clone)]
pub struct TestApp {
    inner: Arc<Inner>,
    /// One connection pool per test: pools must not outlive the test's runtime.
    http: reqwest::Client,
}

struct Inner {
    process: Mutex<Option<Process>>,
    database: Database,
    dir: PathBuf,
    args: Vec<String>,
    env: Vec<(String, String)>,
    units: AtomicU32,
}

/// Settings of a server that a test starts for itself.
#[derive(Default)]
pub struct Builder {
    config: Option<String>,
    args: Vec<String>,
    env: Vec<(String, String)>,
}

impl Builder {
    /// The text of its configuration file (TOML).
    pub fn config(mut self, toml: &str) -> Self {
        self.config = Some(toml.to_owned());
        self
    }

    /// One more command-line argument.
    pub fn arg(mut self, arg: &str) -> Self {
        self.args.push(arg.to_owned());
        self
    }

    /// One environment variable of the server.
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Makes the first administrator and starts the server; fails the test if it does not come up.
    pub async fn start(self) -> TestApp {
        self.try_start().await.unwrap_or_else(|why| panic!("{why}"))
    }

    /// The same, giving the reason when the server refuses to start.
    pub async fn try_start(self) -> Result<TestApp, String> {
        tokio::task::spawn_blocking(move || self.start_blocking()).await.unwrap()
    }

    fn start_blocking(self) -> Result<TestApp, String> {
        let dir = fresh_dir();
        let database = Database::fresh(&dir);
        let mut common = vec!["--data-dir".to_owned(), dir.display().to_string()];
        if let Some(url) = database.url() {
            common.extend(["--database-url".to_owned(), url]);
        }
        let mut admin = vec!["admin".to_owned(), "create".to_owned()];
        admin.extend(common.iter().cloned());
        admin.extend(["--username", "admin", "--password-stdin"].map(str::to_owned));
        let made = process::run(&admin, &[], &format!("{PASSWORD}\n"));
        if made.code != 0 {
            return Err(format!("admin create ended with {}: {}", made.code, made.stderr));
        }
        let mut args = vec!["serve".to_owned(), "--listen".to_owned(), "127.0.0.1:0".to_owned()];
        args.extend(common);
        if let Some(text) = &self.config {
            let file = dir.join("test-config.toml");
            std::fs::write(&file, text).unwrap();
            args.extend(["--config".to_owned(), file.display().to_string()]);
        }
        args.extend(self.args);
        let mut env = bucket::env(&dir);
        env.extend(self.env);
        let process = Process::start(&args, &env, &dir.join("server.log"))?;
        let inner = Inner { process: Mutex::new(Some(process)), database, dir, args, env, units: AtomicU32::new(0) };
        Ok(TestApp { inner: Arc::new(inner), http: client() })
    }
}

impl TestApp {
    /// The server that all tests of the binary share; each test works in units of its own.
    pub async fn shared() -> Self {
        static SHARED: OnceCell<TestApp> = OnceCell::const_new();
        let app = SHARED.get_or_init(Self::start).await;
        Self { inner: app.inner.clone(), http: client() }
    }

    /// A server of this test's own with default settings.
    pub async fn start() -> Self {
        Self::builder().start().await
    }

    /// Settings for a server of this test's own.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// `http://127.0.0.1:PORT` of the running server.
    pub fn base(&self) -> String {
        self.inner.process.lock().as_ref().expect("the server runs").base.clone()
    }

    /// The ready line it printed.
    pub fn ready(&self) -> Value {
        self.inner.process.lock().as_ref().expect("the server runs").ready.clone()
    }

    /// The whole address of a path: `/api/v1` is put before all but the paths that live at the root.
    pub fn url(&self, path: &str) -> String {
        let at_root = ["/api/", "/healthz", "/readyz", "/metrics", "/.well-known"].iter().any(|p| path.starts_with(p));
        let prefix = if at_root || path == "/" { "" } else { "/api/v1" };
        format!("{}{prefix}{path}", self.base())
    }

    /// The data folder.
    pub fn dir(&self) -> &Path {
        &self.inner.dir
    }

    /// What the server wrote to standard error so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.inner.dir.join("server.log")).unwrap_or_default()
    }

    /// The server's process id.
    pub fn pid(&self) -> u32 {
        self.inner.process.lock().as_ref().expect("the server runs").pid()
    }

    /// This test's connection pool.
    pub fn http(&self) -> &reqwest::Client {
        &self.http
    }

    /// `kill -9`; returns when the process is gone.
    pub fn kill9(&self) {
        if let Some(mut process) = self.inner.process.lock().take() {
            process.kill9();
        }
    }

    /// SIGTERM; returns its exit code once the server has gone.
    pub async fn terminate(&self) -> i32 {
        let mut process = self.inner.process.lock().take().expect("the server runs");
        tokio::task::spawn_blocking(move || process.terminate()).await.unwrap()
    }

    /// Starts the server again on the same data; a running one is killed first. The port changes.
    pub async fn restart(&self) {
        self.kill9();
        let inner = self.inner.clone();
        tokio::task::spawn_blocking(move || {
            let process = Process::start(&inner.args, &inner.env, &inner.dir.join("server.log"));
            *inner.process.lock() = Some(process.unwrap_or_else(|why| panic!("{why}")));
        })
        .await
        .unwrap();
    }

    /// Kills the server, keeps a copy of its database, starts it again.
    pub async fn copy_db_aside(&self) {
        self.kill9();
        self.inner.database.copy_aside();
        self.restart().await;
    }

    /// Kills the server, puts the kept copy in place of the present database, starts it again.
    pub async fn put_back(&self) {
        self.kill9();
        self.inner.database.put_back();
        self.restart().await;
    }

    /// Runs statements on the server's rows, past the server: what a test cannot wait for, such as days.
    pub async fn sql(&self, statement: String) {
        let inner = self.inner.clone();
        tokio::task::spawn_blocking(move || inner.database.run(&[statement])).await.unwrap();
    }

    /// How many rows `SELECT count(*) {of}` finds.
    pub async fn count(&self, of: String) -> i64 {
        let inner = self.inner.clone();
        tokio::task::spawn_blocking(move || inner.database.count(&of)).await.unwrap()
    }

    /// Lets no command about an assignment through until what it returns is dropped.
    pub async fn hold_assignments(&self) -> Box<dyn Send> {
        let inner = self.inner.clone();
        tokio::task::spawn_blocking(move || inner.database.hold_assignments()).await.unwrap()
    }

    /// Cuts the running server off from its database, or joins them again; false on SQLite, where nothing can.
    pub async fn shut_database(&self, shut: bool) -> bool {
        let inner = self.inner.clone();
        tokio::task::spawn_blocking(move || inner.database.shut(shut)).await.unwrap()
    }

    /// A second server on the same database with the same keys; none on SQLite, which one process owns.
    pub async fn second_node(&self) -> Option<Process> {
        let url = self.inner.database.url()?;
        let dir = self.inner.dir.join("second");
        std::fs::create_dir_all(&dir).unwrap();
        std::fs::copy(self.inner.dir.join("master.key"), dir.join("master.key")).unwrap();
        let (folder, log) = (dir.display().to_string(), dir.join("server.log"));
        let args = ["serve", "--listen", "127.0.0.1:0", "--data-dir", &folder, "--database-url", &url];
        let args: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
        let env = self.inner.env.clone();
        let started = tokio::task::spawn_blocking(move || Process::start(&args, &env, &log)).await.unwrap();
        Some(started.unwrap_or_else(|why| panic!("{why}")))
    }

    /// Runs `suixing ARGS… --data-dir … [--database-url …]` beside the server, to its end.
    pub async fn command(&self, args: &[&str], input: &str) -> Finished {
        let mut all: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
        all.extend(["--data-dir".to_owned(), self.inner.dir.display().to_string()]);
        if let Some(url) = self.inner.database.url() {
            all.extend(["--database-url".to_owned(), url]);
        }
        let (input, env) = (input.to_owned(), self.inner.env.clone());
        tokio::task::spawn_blocking(move || process::run(&all, &env, &input)).await.unwrap()
    }

    /// One request without an account.
    pub async fn call(&self, method: &str, path: &str, body: Option<&Value>) -> Reply {
        self.send(method, path, None, &[], body).await
    }

    /// One request with a bearer token and headers as given.
    pub async fn send(
        &self,
        method: &str,
        path: &str,
        token: Option<&str>,
        headers: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Reply {
        self.try_send(method, path, token, headers, body).await.unwrap_or_else(|error| {
            panic!("{method} {path}: {error}; server log:\n{}", process::tail(&self.inner.dir.join("server.log")))
        })
    }

    /// The same, giving the transport's error when no answer came (the server was killed).
    pub async fn try_send(
        &self,
        method: &str,
        path: &str,
        token: Option<&str>,
        headers: &[(&str, &str)],
        body: Option<&Value>,
    ) -> reqwest::Result<Reply> {
        let mut request = self.http.request(method.parse().unwrap(), self.url(path));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        Ok(Reply::read(format!("{method} {path}"), request.send().await?).await)
    }

    /// What `/metrics` says of one counter or gauge, over all its labels; 0 before it was first counted.
    pub async fn metric(&self, name: &str) -> f64 {
        let answer = self.call("GET", "/metrics", None).await;
        let of_it = |line: &&str| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' ']));
        let lines = answer.json.as_str().unwrap().lines().filter(of_it);
        lines.map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()).sum()
    }

    /// The first administrator, logged in on a browser.
    pub async fn admin(&self) -> Officer {
        Officer::log_in(self, "admin", PASSWORD, None).await
    }

    /// A new station, its room's dispatcher, and one officer on duty there.
    pub async fn station(&self, name: &str) -> (Unit, Officer, Officer) {
        let station = self.unit(name).await;
        let room = station.dispatcher("room").await;
        let wang = station.officer("wang").await;
        wang.sign_on().await;
        (station, room, wang)
    }

    /// A new station (a command room of its own) under the administrator's unit.
    pub async fn unit(&self, name: &str) -> Unit {
        let admin = self.admin().await;
        let parent = admin.person["unit_id"].clone();
        let n = self.inner.units.fetch_add(1, Ordering::Relaxed);
        Unit::make(&admin, json!({ "name": name, "kind": "station_command_room", "parent_id": parent }), n).await
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        let mut process = self.process.lock().take();
        if std::thread::panicking() {
            eprintln!("server log:\n{}", process::tail(&self.dir.join("server.log")));
        }
        if let Some(process) = process.as_mut() {
            process.kill9();
        }
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

fn client() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().build().unwrap()
}

/// A new empty data folder; folders of test binaries that no longer run are swept away first.
fn fresh_dir() -> PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let temp = std::env::temp_dir();
    let n = COUNT.fetch_add(1, Ordering::Relaxed);
    if n == 0 {
        for entry in std::fs::read_dir(&temp).unwrap().filter_map(Result::ok) {
            let name = entry.file_name().to_string_lossy().into_owned();
            let pid = name.strip_prefix("suixing-test-").and_then(|rest| rest.split('-').next().map(str::to_owned));
            if pid.is_some_and(|pid| !Path::new("/proc").join(pid).exists()) {
                let _ = std::fs::remove_dir_all(entry.path());
            }
        }
    }
    let dir = temp.join(format!("suixing-test-{}-{n}", std::process::id()));
    let _ = std::fs::remove_dir_all(&dir);
    std::fs::create_dir_all(&dir).unwrap();
    dir
}
