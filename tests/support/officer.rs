//! A person with an account: their session, their requests, the usual steps of a shift.

use super::{Reply, Socket, TestApp, now};
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::sync::Arc;

/// One person on one device; clones share the session.
#[derive(Clone)]
pub struct Officer {
    /// The server.
    pub app: TestApp,
    /// Their person id.
    pub person_id: String,
    /// Their account name.
    pub username: String,
    /// Their password.
    pub password: String,
    /// The `person` of the login answer; `Null` before it.
    pub person: serde_json::Value,
    session: Arc<Mutex<Session>>,
}

#[derive(Clone, Default)]
struct Session {
    access: String,
    refresh: String,
    device: String,
}

impl Officer {
    pub(super) fn unauthenticated(app: &TestApp, person_id: &str, username: &str, password: &str) -> Self {
        Self {
            app: app.clone(),
            person_id: person_id.to_owned(),
            username: username.to_owned(),
            password: password.to_owned(),
            person: Value::Null,
            session: Arc::default(),
        }
    }

    /// Logs any account in; `device` is the optional `device` object of the login.
    pub async fn log_in(app: &TestApp, username: &str, password: &str, device: Option<Value>) -> Self {
        let mut body = json!({ "username": username, "password": password });
        if let Some(device) = device {
            body["device"] = device;
        }
        let reply = app.call("POST", "/auth/login", Some(&body)).await.expect(200);
        let person_id = reply["person"]["id"].as_str().unwrap().to_owned();
        let mut this = Self::unauthenticated(app, &person_id, username, password);
        this.person = reply["person"].clone();
        this.take(&reply);
        this
    }

    /// A new session of the same person on a new handheld; this one stays as it is.
    pub async fn login_handheld(&self) -> Self {
        self.login_device("handheld").await
    }

    /// A new session of the same person on a new device of any kind.
    pub async fn login_device(&self, kind: &str) -> Self {
        let device = json!({ "kind": kind, "name": format!("{kind} of {}", self.username) });
        Self::log_in(&self.app, &self.username, &self.password, Some(device)).await
    }

    /// A new session of the same person in a browser.
    pub async fn login_browser(&self) -> Self {
        Self::log_in(&self.app, &self.username, &self.password, None).await
    }

    /// A new session of the same person on a device that exists (a shared handheld).
    pub async fn login_on(&self, device_id: &str) -> Self {
        let body = json!({ "username": self.username, "password": self.password, "device_id": device_id });
        let reply = self.app.call("POST", "/auth/login", Some(&body)).await.expect(200);
        let this = Self::unauthenticated(&self.app, &self.person_id, &self.username, &self.password);
        this.take(&reply);
        this
    }

    /// Takes the tokens of a login or refresh answer over.
    pub fn take(&self, reply: &Reply) {
        let mut session = self.session.lock();
        session.access = reply.text("access_token");
        session.refresh = reply.text("refresh_token");
        if let Some(device) = reply["device_id"].as_str() {
            device.clone_into(&mut session.device);
        }
    }

    /// The access token.
    pub fn token(&self) -> String {
        self.session.lock().access.clone()
    }

    /// The refresh token.
    pub fn refresh_token(&self) -> String {
        self.session.lock().refresh.clone()
    }

    /// The device of this session.
    pub fn device_id(&self) -> String {
        self.session.lock().device.clone()
    }

    /// Renews the access token; fails the test if that is refused.
    pub async fn refresh(&self) {
        let body = json!({ "refresh_token": self.refresh_token() });
        let reply = self.app.call("POST", "/auth/refresh", Some(&body)).await.expect(200);
        self.take(&reply);
    }

    /// Any request with this session's token and further headers.
    pub async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Option<Value>) -> Reply {
        self.app.send(method, path, Some(&self.token()), headers, body.as_ref()).await
    }

    /// GET.
    pub async fn get(&self, path: &str) -> Reply {
        self.send("GET", path, &[], None).await
    }

    /// POST of a JSON body.
    pub async fn post(&self, path: &str, body: Value) -> Reply {
        self.send("POST", path, &[], Some(body)).await
    }

    /// POST of a JSON body under an `Idempotency-Key`.
    pub async fn post_keyed(&self, path: &str, key: &str, body: Value) -> Reply {
        self.send("POST", path, &[("idempotency-key", key)], Some(body)).await
    }

    /// POST without any body.
    pub async fn post_empty(&self, path: &str) -> Reply {
        self.send("POST", path, &[], None).await
    }

    /// PUT of a JSON body.
    pub async fn put(&self, path: &str, body: Value) -> Reply {
        self.send("PUT", path, &[], Some(body)).await
    }

    /// PATCH of a JSON body.
    pub async fn patch(&self, path: &str, body: Value) -> Reply {
        self.send("PATCH", path, &[], Some(body)).await
    }

    /// DELETE.
    pub async fn delete(&self, path: &str) -> Reply {
        self.send("DELETE", path, &[], None).await
    }

    /// Signs on duty carrying this session's device.
    pub async fn sign_on(&self) -> Reply {
        self.put("/me/duty", json!({ "on_duty": true })).await.ok()
    }

    /// Signs off duty.
    pub async fn sign_off(&self) -> Reply {
        self.put("/me/duty", json!({ "on_duty": false })).await.ok()
    }

    /// Reports one position taken now.
    pub async fn report(&self, at: (f64, f64)) -> Reply {
        self.positions(vec![super::fix(at, 0.0)]).await.ok()
    }

    /// `POST /positions` with these fixes.
    pub async fn positions(&self, fixes: Vec<Value>) -> Reply {
        self.post("/positions", json!({ "fixes": fixes })).await
    }

    /// Makes an incident at a place (priority 2) and gives its body.
    pub async fn incident(&self, at: (f64, f64)) -> Value {
        self.incident_with(at, json!({})).await
    }

    /// The same with further or other fields.
    pub async fn incident_with(&self, at: (f64, f64), more: Value) -> Value {
        let mut body = json!({
            "category": "dispute", "priority": 2, "title": "Two neighbours argue about a wall",
            "location": { "lon": at.0, "lat": at.1 }, "called_at": now(),
        });
        for (name, value) in more.as_object().unwrap() {
            body[name] = value.clone();
        }
        self.post("/incidents", body).await.expect(201).json
    }

    /// Sends people to an incident; gives the assignments in the order of the answer.
    pub async fn assign(&self, incident: &Value, people: &[&Self]) -> Vec<Value> {
        let ids: Vec<&str> = people.iter().map(|person| person.person_id.as_str()).collect();
        let path = format!("/incidents/{}/assignments", incident["id"].as_str().unwrap());
        let reply = self.post(&path, json!({ "person_ids": ids })).await.expect(201);
        reply["assignments"].as_array().unwrap().clone()
    }

    /// Records one rung of an assignment as happened now.
    pub async fn event(&self, assignment: &Value, event: &str) -> Reply {
        let path = format!("/assignments/{}/events", assignment["id"].as_str().unwrap());
        self.post(&path, json!({ "event": event, "at": now() })).await
    }

    /// Opens the socket as a terminal that was never here before (JSON protocol), welcome already read.
    pub async fn socket(&self) -> Socket {
        let mut socket = self.socket_raw().await;
        socket.hello(None, None, None).await;
        socket
    }

    /// Opens the socket (JSON protocol) and says nothing yet.
    pub async fn socket_raw(&self) -> Socket {
        let (base, token) = (self.app.base(), self.token());
        Socket::connect(&base, "suixing.v1.json", Some(&token), None).await.expect("the socket opens")
    }

    /// Opens the socket with the binary protocol and says nothing yet.
    pub async fn socket_binary(&self) -> Socket {
        let (base, token) = (self.app.base(), self.token());
        Socket::connect(&base, "suixing.v1.bin", Some(&token), None).await.expect("the socket opens")
    }
}
