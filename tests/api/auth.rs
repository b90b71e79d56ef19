//! Signing in, refreshing, ending sessions, devices that prove themselves.

use crate::support::{Officer, PASSWORD, Reply, Socket, TestApp, Unit, ago, new_id, now};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

async fn login(app: &TestApp, body: Value) -> Reply {
    app.call("POST", "/auth/login", Some(&body)).await
}

async fn refresh(app: &TestApp, token: &str) -> Reply {
    app.call("POST", "/auth/refresh", Some(&json!({ "refresh_token": token }))).await
}

async fn me(app: &TestApp, token: &str) -> Reply {
    app.send("GET", "/me", Some(token), &[], None).await
}

/// Fails unless the token is refused with `code` within a second.
async fn dead_within_a_second(app: &TestApp, token: &str, code: &str) {
    let start = Instant::now();
    loop {
        let reply = me(app, token).await;
        if reply.status == 401 {
            assert_eq!(reply.code(), code);
            return;
        }
        assert!(start.elapsed() < Duration::from_secs(1), "alive after a second");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A device with a key of its own.
struct Keyed {
    id: String,
    pair: Ed25519KeyPair,
}

impl Keyed {
    async fn enrol(unit: &Unit, kind: &str) -> Self {
        let code = unit.admin().post("/devices/enrolment-codes", json!({ "unit_id": unit.id, "kind": kind })).await;
        let code = code.expect(201).text("code");
        let pair = Ed25519KeyPair::generate().unwrap();
        let key = BASE64_STANDARD.encode(pair.public_key().as_ref());
        let body = json!({ "code": code, "public_key": key, "name": "Enrolled" });
        let made = unit.app.call("POST", "/devices/enrol", Some(&body)).await.expect(201);
        assert_eq!(made["enrolled"], true);
        assert_eq!(made["kind"], kind);
        // The answer may be lost: the same code with the same key answers the same device.
        let again = unit.app.call("POST", "/devices/enrol", Some(&body)).await.expect(201);
        assert_eq!(again.id(), made.id());
        // Anybody else finds the code used.
        let other = BASE64_STANDARD.encode(Ed25519KeyPair::generate().unwrap().public_key().as_ref());
        let body = json!({ "code": code, "public_key": other });
        unit.app.call("POST", "/devices/enrol", Some(&body)).await.problem(404, "not_found");
        Self { id: made.text("device_id"), pair }
    }

    /// A POST signed by the device.
    async fn post(&self, app: &TestApp, path: &str, body: &Value) -> Reply {
        let time = now();
        let raw = serde_json::to_vec(body).unwrap();
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &raw);
        let hash: String = digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        let text = format!("suixing-device-v1\nPOST\n/api/v1{path}\n{time}\n{hash}");
        let signature = BASE64_URL_SAFE_NO_PAD.encode(self.pair.sign(text.as_bytes()).as_ref());
        let headers = [("x-device-id", self.id.as_str()), ("x-device-time", &time), ("x-device-signature", &signature)];
        app.send("POST", path, None, &headers, Some(body)).await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn login_answers_the_agreed_fields_and_makes_the_agreed_devices() {
    let app = TestApp::shared().await;
    let unit = app.unit("Login").await;
    let person = unit.person("li", "police_officer").await;
    let body = json!({ "username": person.username, "password": PASSWORD });
    let browser = login(&app, body.clone()).await.expect(200);
    assert_eq!(browser["token_type"], "Bearer");
    assert_eq!(browser["expires_in"], 600);
    assert_eq!(browser["person"]["id"], person.person_id);
    let mine = me(&app, &browser.text("access_token")).await.expect(200);
    assert_eq!(mine["device"]["kind"], "browser");
    assert_eq!(mine["device"]["id"], browser["device_id"]);
    assert_eq!(mine["unit"]["id"], unit.id);
    assert_eq!(mine["duty"]["on_duty"], false);

    // The same browser again by its id: no second device.
    let mut again = body.clone();
    again["device_id"] = browser["device_id"].clone();
    assert_eq!(login(&app, again).await.expect(200)["device_id"], browser["device_id"]);

    // An unenrolled handheld where the setting allows it; a repeated attempt finds the same one.
    let mut handheld = body.clone();
    handheld["device"] = json!({ "kind": "handheld", "name": "PDA 7" });
    let key = new_id();
    let first = app.send("POST", "/auth/login", None, &[("idempotency-key", &key)], Some(&handheld)).await.expect(200);
    let second = app.send("POST", "/auth/login", None, &[("idempotency-key", &key)], Some(&handheld)).await.expect(200);
    assert_eq!(first["device_id"], second["device_id"]);
    let mine = me(&app, &first.text("access_token")).await.expect(200);
    assert_eq!((mine["device"]["kind"].as_str(), mine["device"]["name"].as_str()), (Some("handheld"), Some("PDA 7")));

    // Usernames do not depend on case; a foreign browser is not known to others.
    let loud = json!({ "username": person.username.to_uppercase(), "password": PASSWORD });
    login(&app, loud).await.expect(200);
    let other = unit.person("wang", "police_officer").await;
    let foreign = json!({ "username": other.username, "password": PASSWORD, "device_id": browser["device_id"] });
    login(&app, foreign).await.problem(404, "not_found");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_passwords_and_unknown_people_look_the_same() {
    let app = TestApp::shared().await;
    let person = app.unit("Wrong").await.person("li", "police_officer").await;
    let wrong = login(&app, json!({ "username": person.username, "password": "not this one" })).await;
    let unknown = login(&app, json!({ "username": format!("no-{}", new_id()), "password": "not this one" })).await;
    assert_eq!(wrong.problem(401, "bad_credentials").json, unknown.problem(401, "bad_credentials").json);
    for password in ["", &"x".repeat(100_000)] {
        login(&app, json!({ "username": person.username, "password": password })).await.problem(401, "bad_credentials");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_refresh_response_is_dropped_once_and_nobody_is_logged_out() {
    let app = TestApp::shared().await;
    let officer = app.unit("Refresh").await.officer("li").await;
    let mut token = officer.refresh_token();
    for _ in 0..10 {
        let lost = refresh(&app, &token).await.expect(200);
        let retried = refresh(&app, &token).await.expect(200);
        assert_eq!(lost["refresh_token"], retried["refresh_token"], "the same successor");
        assert_ne!(retried.text("refresh_token"), token);
        me(&app, &lost.text("access_token")).await.expect(200);
        me(&app, &retried.text("access_token")).await.expect(200);
        token = retried.text("refresh_token");
    }
    me(&app, &officer.token()).await.expect(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_refreshes_at_once_agree_on_the_successor() {
    let app = TestApp::shared().await;
    let officer = app.unit("Storm").await.officer("li").await;
    let token = officer.refresh_token();
    let storm = (0..20).map(|_| refresh(&app, &token));
    let replies = futures_util::future::join_all(storm).await;
    let first = replies[0].clone().expect(200).text("refresh_token");
    for reply in replies {
        assert_eq!(reply.expect(200).text("refresh_token"), first);
    }
    refresh(&app, &first).await.expect(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_older_refresh_token_ends_the_whole_session() {
    let app = TestApp::shared().await;
    let officer = app.unit("Reuse").await.officer("li").await;
    let oldest = officer.refresh_token();
    let middle = refresh(&app, &oldest).await.expect(200).text("refresh_token");
    let newest = refresh(&app, &middle).await.expect(200);
    refresh(&app, &oldest).await.problem(401, "refresh_reused");
    refresh(&app, &newest.text("refresh_token")).await.problem(401, "refresh_reused");
    dead_within_a_second(&app, &newest.text("access_token"), "token_revoked").await;
    dead_within_a_second(&app, &officer.token(), "token_revoked").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn garbage_tokens_are_refused_with_a_code() {
    let app = TestApp::shared().await;
    let officer = app.unit("Garbage").await.officer("li").await;
    let good = officer.refresh_token();
    for bad in ["", "garbage", "sxr1.a.b.c", &format!("{good}x"), &good.replace(".0.", ".7."), &officer.token()] {
        refresh(&app, bad).await.problem(401, "unauthenticated");
    }
    let token = officer.token();
    let (head, signature) = token.rsplit_once('.').unwrap();
    let none = BASE64_URL_SAFE_NO_PAD.encode(br#"{"alg":"none"}"#);
    let body = head.split_once('.').unwrap().1;
    for bad in
        ["x", "a.b.c", &format!("{head}.AAAA"), &format!("{none}.{body}."), &format!("{none}.{body}.{signature}")]
    {
        me(&app, bad).await.problem(401, "unauthenticated");
    }
    app.call("GET", "/me", None).await.problem(401, "unauthenticated");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn log_out_kills_tokens_and_sockets_within_a_second() {
    let app = TestApp::shared().await;
    let unit = app.unit("Out").await;
    let officer = unit.officer("li").await;
    let other = officer.login_browser().await;
    let mut socket = officer.socket().await;
    officer.post_empty("/auth/logout").await.expect(204);
    dead_within_a_second(&app, &officer.token(), "token_revoked").await;
    refresh(&app, &officer.refresh_token()).await.problem(401, "token_revoked");
    assert!(socket.close_code_within(Duration::from_secs(2)).await.is_some(), "the socket is closed");
    // Another session of the same person goes on; it ends by its refresh token alone.
    me(&app, &other.token()).await.expect(200);
    let body = json!({ "refresh_token": other.refresh_token() });
    app.call("POST", "/auth/logout", Some(&body)).await.expect(204);
    app.call("POST", "/auth/logout", Some(&body)).await.expect(204);
    dead_within_a_second(&app, &other.token(), "token_revoked").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn access_tokens_expire_and_are_renewed() {
    let app = TestApp::builder().config("[auth]\naccess_ttl_s = 1\nrefresh_ttl_s = 4\n").start().await;
    let officer = app.admin().await;
    let token = officer.token();
    tokio::time::sleep(Duration::from_millis(2_100)).await;
    me(&app, &token).await.problem(401, "token_expired");
    officer.refresh().await;
    me(&app, &officer.token()).await.expect(200);
    tokio::time::sleep(Duration::from_millis(4_200)).await;
    refresh(&app, &officer.refresh_token()).await.problem(401, "token_expired");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn guessing_is_slowed_and_the_real_user_gets_in() {
    let app = TestApp::builder().config("[auth]\nlongest_wait_s = 3\n").start().await;
    let unit = app.unit("Guess").await;
    let victim = unit.officer("li").await;
    let mut waits = Vec::new();
    for n in 0..60 {
        let reply = login(&app, json!({ "username": victim.username, "password": format!("guess-{n}") })).await;
        match reply.status {
            401 => assert_eq!(reply.code(), "bad_credentials"),
            _ => {
                let wait: u64 =
                    reply.clone().problem(429, "too_many_attempts").header("retry-after").unwrap().parse().unwrap();
                assert!((1..=3).contains(&wait), "{wait}");
                waits.push(wait);
            }
        }
    }
    assert!(waits.len() > 40, "only {} of 60 guesses were slowed", waits.len());
    // The officer's own handheld is untouched by it, at once.
    victim.login_on(&victim.device_id()).await;
    // And from an unknown device the right password gets in after the wait it was told.
    let body = json!({ "username": victim.username, "password": PASSWORD });
    let start = Instant::now();
    loop {
        let reply = login(&app, body.clone()).await;
        if reply.status == 200 {
            break;
        }
        assert!(start.elapsed() < Duration::from_secs(10), "the real user is locked out");
        let wait: u64 = reply.problem(429, "too_many_attempts").header("retry-after").unwrap().parse().unwrap();
        tokio::time::sleep(Duration::from_secs(wait)).await;
    }
    // Others behind the same address are untouched.
    unit.officer("wang").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disabled_person_is_out_within_a_second() {
    let app = TestApp::shared().await;
    let unit = app.unit("Disabled").await;
    let officer = unit.officer("li").await;
    officer.sign_on().await;
    unit.admin().post_empty(&format!("/people/{}/disable", officer.person_id)).await.expect(200);
    dead_within_a_second(&app, &officer.token(), "token_revoked").await;
    refresh(&app, &officer.refresh_token()).await.problem(401, "token_revoked");
    let body = json!({ "username": officer.username, "password": PASSWORD });
    login(&app, body.clone()).await.problem(403, "forbidden");
    let duty = unit.admin().get(&format!("/people/{}/duty", officer.person_id)).await.expect(200);
    assert_eq!((&duty["on_duty"], &duty["carried_device_ids"]), (&json!(false), &json!([])));
    unit.admin().post_empty(&format!("/people/{}/enable", officer.person_id)).await.expect(200);
    login(&app, body).await.expect(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_password_ends_every_session() {
    let app = TestApp::shared().await;
    let unit = app.unit("Password").await;
    let officer = unit.officer("li").await;
    let browser = officer.login_browser().await;
    let change = json!({ "old_password": "wrong wrong", "new_password": "another long one" });
    officer.put("/me/password", change).await.problem(401, "bad_credentials");
    let change = json!({ "old_password": PASSWORD, "new_password": "short" });
    officer.put("/me/password", change).await.problem(422, "invalid_field");
    let change = json!({ "old_password": PASSWORD, "new_password": "another long one" });
    officer.put("/me/password", change).await.expect(204);
    dead_within_a_second(&app, &officer.token(), "token_revoked").await;
    dead_within_a_second(&app, &browser.token(), "token_revoked").await;
    login(&app, json!({ "username": officer.username, "password": PASSWORD })).await.problem(401, "bad_credentials");
    let again = Officer::log_in(&app, &officer.username, "another long one", None).await;
    let path = format!("/people/{}/password", officer.person_id);
    unit.admin().put(&path, json!({ "password": "set by the station" })).await.expect(204);
    dead_within_a_second(&app, &again.token(), "token_revoked").await;
    Officer::log_in(&app, &officer.username, "set by the station", None).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_enrolled_device_proves_itself_and_a_lost_one_is_dead() {
    let app = TestApp::shared().await;
    let unit = app.unit("Enrol").await;
    let device = Keyed::enrol(&unit, "handheld").await;
    let person = unit.person("li", "police_officer").await;
    let officer = person.login_on(&device.id).await;
    let oldest = json!({ "refresh_token": officer.refresh_token() });
    let middle =
        json!({ "refresh_token": device.post(&app, "/auth/refresh", &oldest).await.expect(200).text("refresh_token") });
    let newest = device.post(&app, "/auth/refresh", &middle).await.expect(200);
    // Re-use by the same key is harmless: it answers what is current.
    let again = device.post(&app, "/auth/refresh", &oldest).await.expect(200);
    assert_eq!(again["refresh_token"], newest["refresh_token"]);
    // Another device's key does not pass for it, nor does a changed body.
    let thief = Keyed::enrol(&unit, "handheld").await;
    thief.post(&app, "/auth/refresh", &oldest).await.problem(401, "bad_signature");
    let forged = Keyed { id: device.id.clone(), pair: Ed25519KeyPair::generate().unwrap() };
    forged.post(&app, "/auth/refresh", &oldest).await.problem(401, "bad_signature");
    me(&app, &newest.text("access_token")).await.expect(200);
    // Lost: everything of it is dead, for good.
    officer.sign_on().await;
    unit.admin().post(&format!("/devices/{}/revoke", device.id), json!({ "reason": "lost" })).await.expect(200);
    dead_within_a_second(&app, &newest.text("access_token"), "token_revoked").await;
    let body = json!({ "refresh_token": newest["refresh_token"] });
    device.post(&app, "/auth/refresh", &body).await.problem(401, "token_revoked");
    let body = json!({ "username": person.username, "password": PASSWORD, "device_id": device.id });
    login(&app, body).await.problem(401, "token_revoked");
    let log = unit.admin().get(&format!("/devices/{}/issues", device.id)).await.expect(200);
    assert_eq!(log.items()[0]["return_reason"], "revoked");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_devices_must_be_enrolled_a_handheld_signs_in_with_its_key() {
    let app = TestApp::builder().config("[auth]\nrequire_enrolled_devices = true\n").start().await;
    let unit = app.unit("Strict").await;
    let person = unit.person("li", "police_officer").await;
    let body = json!({ "username": person.username, "password": PASSWORD, "device": { "kind": "handheld" } });
    login(&app, body).await.problem(403, "device_not_enrolled");
    person.login_browser().await;
    let device = Keyed::enrol(&unit, "handheld").await;
    let body = json!({ "username": person.username, "password": PASSWORD, "device_id": device.id });
    login(&app, body.clone()).await.problem(401, "bad_signature");
    let officer = device.post(&app, "/auth/login", &body).await.expect(200);
    assert_eq!(officer["device_id"], device.id);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_published_keys_verify_a_token() {
    let app = TestApp::shared().await;
    let officer = app.unit("Keys").await.officer("li").await;
    let keys: jsonwebtoken::jwk::JwkSet =
        serde_json::from_value(app.call("GET", "/.well-known/jwks.json", None).await.expect(200).json).unwrap();
    let token = officer.token();
    let header = jsonwebtoken::decode_header(&token).unwrap();
    assert_eq!(header.alg, jsonwebtoken::Algorithm::EdDSA);
    let key = keys.find(&header.kid.unwrap()).expect("the key is published");
    let mut rules = jsonwebtoken::Validation::new(jsonwebtoken::Algorithm::EdDSA);
    rules.set_issuer(&["suixing"]);
    let key = jsonwebtoken::DecodingKey::from_jwk(key).unwrap();
    let claims = jsonwebtoken::decode::<Value>(&token, &key, &rules).unwrap().claims;
    assert_eq!(claims["sub"], officer.person_id);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokens_and_keys_survive_a_restart() {
    let app = TestApp::start().await;
    let officer = app.unit("Restart").await.officer("li").await;
    let gone = officer.login_browser().await;
    gone.post_empty("/auth/logout").await.expect(204);
    app.restart().await;
    me(&app, &officer.token()).await.expect(200);
    me(&app, &gone.token()).await.problem(401, "token_revoked");
    officer.refresh().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shared_handheld_changes_hands() {
    let app = TestApp::shared().await;
    let unit = app.unit("Shared").await;
    let a = unit.officer("a").await;
    a.sign_on().await;
    let b = unit.person("b", "police_officer").await.login_on(&a.device_id()).await;
    // A's session on it is over; B carries it from his sign-on, and the log says so.
    dead_within_a_second(&app, &a.token(), "token_revoked").await;
    let duty = b.sign_on().await;
    assert_eq!(duty["carried_device_ids"], json!([a.device_id()]));
    let log = unit.admin().get(&format!("/devices/{}/issues", a.device_id())).await.expect(200);
    let who: Vec<_> =
        log.items().iter().map(|line| (line["person_id"].clone(), line["return_reason"].clone())).collect();
    assert_eq!(who, [(json!(b.person_id), Value::Null), (json!(a.person_id), json!("handed_over"))]);
    // A elsewhere is untouched.
    a.login_browser().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_socket_ticket_works_once() {
    let app = TestApp::shared().await;
    let officer = app.unit("Ticket").await.officer("li").await;
    let ticket = officer.post_empty("/ws-tickets").await.expect(201);
    assert_eq!(ticket["expires_in"], 30);
    let ticket = ticket.text("ticket");
    let base = app.base();
    let mut socket = Socket::connect(&base, "suixing.v1.json", None, Some(&ticket)).await.expect("it opens the socket");
    socket.hello(None, None, None).await;
    assert!(Socket::connect(&base, "suixing.v1.json", None, Some(&ticket)).await.is_err(), "a second time it does not");
    assert!(Socket::connect(&base, "suixing.v1.json", None, Some("garbage")).await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn enrolment_refuses_what_it_should() {
    let app = TestApp::shared().await;
    let unit = app.unit("Codes").await;
    let officer = unit.officer("li").await;
    officer.post("/devices/enrolment-codes", json!({})).await.problem(403, "forbidden");
    let admin = unit.admin();
    admin.post("/devices/enrolment-codes", json!({ "kind": "browser" })).await.problem(422, "invalid_field");
    admin.post("/devices/enrolment-codes", json!({ "expires_in_s": 1 })).await.problem(422, "invalid_field");
    let code = admin.post("/devices/enrolment-codes", json!({ "kind": "dock" })).await.expect(201);
    for key in ["", "AAAA", "not a key"] {
        let body = json!({ "code": code["code"], "public_key": key });
        app.call("POST", "/devices/enrol", Some(&body)).await.problem(422, "invalid_field");
    }
    let key = BASE64_STANDARD.encode(Ed25519KeyPair::generate().unwrap().public_key().as_ref());
    let body = json!({ "code": "ABCD-EFGH-JKLM-NPQR", "public_key": key });
    app.call("POST", "/devices/enrol", Some(&body)).await.problem(404, "not_found");
    assert!(code.text("expires_at") > ago(0.0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_node_hears_of_a_revocation_within_a_second() {
    let app = TestApp::start().await;
    let unit = app.unit("Nodes").await;
    let officer = unit.officer("li").await;
    let Some(node) = app.second_node().await else { return };
    let there = async |token: &str| {
        let asked = app.http().get(format!("{}/api/v1/me", node.base)).bearer_auth(token).send().await.unwrap();
        Reply::read("GET /me on the second node".to_owned(), asked).await
    };
    there(&officer.token()).await.expect(200);
    // A changed fact, then the end of the session.
    let path = format!("/people/{}", officer.person_id);
    unit.admin().patch(&path, json!({ "kind": "administrator" })).await.expect(200);
    officer.post_empty("/auth/logout").await.expect(204);
    let start = Instant::now();
    while there(&officer.token()).await.status == 200 {
        assert!(start.elapsed() < Duration::from_secs(1), "the other node still honours the token");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    there(&officer.token()).await.problem(401, "token_revoked");
}
