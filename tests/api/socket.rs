//! The socket: who gets in, what it refuses, how it ends. The must-deliver stream is in `stream.rs`.

use crate::support::{Officer, Socket, TestApp};
use futures_util::{SinkExt, StreamExt};
use serde_json::json;
use std::time::{Duration, Instant};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};
use tokio_tungstenite::tungstenite::protocol::frame::{Frame, FrameHeader};
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

/// A server whose silent sockets go quickly.
async fn hasty() -> TestApp {
    TestApp::builder()
        .config("[socket]\nhello_timeout_s = 1\nping_every_s = 1\nsilent_after_s = 3\nstalled_after_s = 2\nmax_message_bytes = 65536")
        .start()
        .await
}

async fn raw(
    officer: &Officer,
    protocol: &str,
) -> tokio_tungstenite::WebSocketStream<tokio_tungstenite::MaybeTlsStream<tokio::net::TcpStream>> {
    let url = format!("{}/ws", officer.app.base().replacen("http", "ws", 1));
    let mut request = url.into_client_request().unwrap();
    request.headers_mut().insert("authorization", format!("Bearer {}", officer.token()).parse().unwrap());
    if !protocol.is_empty() {
        request.headers_mut().insert("sec-websocket-protocol", protocol.parse().unwrap());
    }
    let (stream, response) = tokio_tungstenite::connect_async(request).await.unwrap();
    let chosen = response.headers().get("sec-websocket-protocol").map(|v| v.to_str().unwrap().to_owned());
    assert_eq!(chosen.unwrap_or_default(), protocol.split(',').next().unwrap_or_default());
    stream
}

#[tokio::test]
async fn a_terminal_says_hello_and_is_welcomed() {
    let app = TestApp::shared().await;
    let station = app.unit("Lakeside").await;
    let wang = station.officer("wang").await;
    for protocol in ["suixing.v1.json", "suixing.v1.bin", ""] {
        let mut socket = Socket::connect(&app.base(), protocol, Some(&wang.token()), None).await.unwrap();
        let welcome = socket.hello(None, None, None).await;
        assert_eq!(welcome["recovered"], false);
        assert_eq!(welcome["reason"], "new_device");
        assert_eq!(welcome["last_seq"], 0);
        assert_eq!(welcome["device_id"], wang.device_id());
        assert_eq!(welcome["person_id"], wang.person_id);
        assert!(welcome["epoch"].is_string() && welcome["server_time"].is_string());
        socket.send(json!({ "type": "ping", "request_id": "p1" }));
        assert_eq!(socket.expect("pong").await["request_id"], "p1");
    }
    // At the root too, with a choice of subprotocols.
    let mut stream = raw(&wang, "suixing.v1.bin, suixing.v1.json").await;
    stream
        .send(Message::text(json!({ "type": "hello", "epoch": null, "last_seq": 0, "last_id": null }).to_string()))
        .await
        .unwrap();
    let Some(Ok(Message::Text(text))) = stream.next().await else { panic!("no welcome") };
    assert!(text.contains("\"type\":\"welcome\""));
}

#[tokio::test]
async fn nobody_enters_without_a_live_session_and_a_ticket_works_once() {
    let app = TestApp::shared().await;
    let station = app.unit("Gate").await;
    let li = station.dispatcher("li").await;
    let refused = Socket::connect(&app.base(), "suixing.v1.json", None, None).await.err().unwrap();
    assert_eq!((refused.0, refused.1["code"].as_str()), (401, Some("unauthenticated")));
    let refused = Socket::connect(&app.base(), "suixing.v1.json", Some("nonsense"), None).await.err().unwrap();
    assert_eq!(refused.0, 401);
    let ticket = li.post("/ws-tickets", json!({})).await.ok()["ticket"].as_str().unwrap().to_owned();
    let mut socket = Socket::connect(&app.base(), "suixing.v1.json", None, Some(&ticket)).await.unwrap();
    assert_eq!(socket.hello(None, None, None).await["person_id"], li.person_id);
    let again = Socket::connect(&app.base(), "suixing.v1.json", None, Some(&ticket)).await.err().unwrap();
    assert_eq!(again.0, 401);
    // A plain GET is no handshake.
    assert_eq!(li.get("/ws").await.status, 400);
}

#[tokio::test]
async fn only_the_newest_socket_of_a_device_lives() {
    let app = TestApp::shared().await;
    let station = app.unit("Bridge").await;
    let wang = station.officer("wang").await;
    let browser = wang.login_browser().await;
    let mut page = browser.socket().await;
    let mut first = wang.socket().await;
    let mut second = wang.socket().await;
    assert_eq!(first.close_code().await, 4001);
    assert!(second.welcome["session_gen"].as_i64() > first.welcome["session_gen"].as_i64());
    // Hand-over of a shared handset: the next holder's login or hello ends the previous holder's socket.
    let li = station.person("li", "police_officer").await.login_on(&wang.device_id()).await;
    let mut other = li.socket().await;
    assert!(matches!(second.close_code().await, 4001 | 4003));
    other.send(json!({ "type": "ping" }));
    other.expect("pong").await;
    page.send(json!({ "type": "ping" }));
    page.expect("pong").await;
}

#[tokio::test]
async fn an_ended_session_ends_its_socket_within_a_second() {
    let app = TestApp::shared().await;
    let station = app.unit("Quay").await;
    let wang = station.officer("wang").await;
    let tablet = wang.login_handheld().await;
    let mut kept = tablet.socket().await;
    let mut socket = wang.socket().await;
    let started = Instant::now();
    assert!(wang.post("/auth/logout", json!({})).await.status < 300);
    assert_eq!(socket.close_code().await, 4003);
    assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());
    kept.send(json!({ "type": "ping" }));
    kept.expect("pong").await;
    // A lost device.
    assert!(station.admin().post(&format!("/devices/{}/revoke", tablet.device_id()), json!({})).await.status < 300);
    assert_eq!(kept.close_code().await, 4003);
}

#[tokio::test]
async fn what_is_not_understood_is_answered_and_too_much_of_it_ends_the_socket() {
    let app = TestApp::shared().await;
    let station = app.unit("Market").await;
    let wang = station.officer("wang").await;
    let mut early = wang.socket_raw().await;
    early.send(json!({ "type": "ack", "seq": 1 }));
    assert_eq!(early.expect("error").await["code"], "hello_first");
    let mut socket = wang.socket().await;
    for (text, code) in [
        ("{\"type\":\"dance\",\"request_id\":\"r1\"}", "unknown_type"),
        ("{\"type\":\"ack\"}", "invalid_field"),
        ("{\"type\":\"ack\",\"seq\":\"one\"}", "invalid_field"),
        ("{\"type\":\"ack\",\"seq\":0,\"more\":1}", "invalid_field"),
        ("{\"type\":\"ack\",\"seq\":99}", "invalid_field"),
        ("{\"type\":\"assignment_event\",\"event\":\"viewed\"}", "invalid_field"),
        ("{\"type\":\"fixes\",\"n\":1,\"fixes\":[{\"at\":\"yesterday\",\"lon\":1,\"lat\":2}]}", "invalid_field"),
        ("{\"type\":\"fixes\",\"n\":1,\"fixes\":[]}", "invalid_field"),
        ("{\"type\":", "malformed_json"),
        ("{}", "bad_request"),
    ] {
        socket.send_text(text);
        let error = socket.expect("error").await;
        assert_eq!(error["code"], code, "{text} → {error}");
        assert!(error["title"].is_string() && error["status"].is_number());
    }
    socket.send(json!({ "type": "dance", "request_id": "r2" }));
    assert_eq!(socket.error("r2").await["code"], "unknown_type");
    socket.send(json!({ "type": "ping" }));
    socket.expect("pong").await;
    for _ in 0..20 {
        socket.send_text("garbage");
    }
    assert_eq!(socket.close_code().await, 4002);
}

#[tokio::test]
async fn broken_and_oversize_frames_have_their_close_codes() {
    let app = hasty().await;
    let station = app.unit("Yard").await;
    let wang = station.officer("wang").await;
    let mut socket = wang.socket().await;
    socket.send_text(&"x".repeat(70_000));
    assert_eq!(socket.close_code().await, 1009);
    // A header that announces a gigabyte is refused before the bytes come.
    let mut stream = raw(&wang, "suixing.v1.json").await;
    {
        use tokio::io::AsyncWriteExt;
        let tokio_tungstenite::MaybeTlsStream::Plain(tcp) = stream.get_mut() else { panic!() };
        tcp.write_all(&[0x82, 0xFF, 0, 0, 0, 0, 0x40, 0, 0, 0, 1, 2, 3, 4, 0]).await.unwrap();
    }
    assert_eq!(close_code(&mut stream).await, 1009);
    // Fragments that add up to too much.
    let mut stream = raw(&wang, "suixing.v1.json").await;
    for i in 0..3 {
        let opcode = OpCode::Data(if i == 0 { Data::Text } else { Data::Continue });
        let header = FrameHeader { is_final: false, opcode, mask: Some([1, 2, 3, 4]), ..FrameHeader::default() };
        stream.send(Message::Frame(Frame::from_payload(header, vec![b'x'; 40_000].into()))).await.unwrap();
    }
    assert_eq!(close_code(&mut stream).await, 1009);
    // Not UTF-8.
    let mut stream = raw(&wang, "suixing.v1.json").await;
    let header = FrameHeader { opcode: OpCode::Data(Data::Text), mask: Some([0; 4]), ..FrameHeader::default() };
    stream.send(Message::Frame(Frame::from_payload(header, vec![0xFF, 0xFE].into()))).await.unwrap();
    assert_eq!(close_code(&mut stream).await, 1007);
    // Reserved bits.
    let mut stream = raw(&wang, "suixing.v1.json").await;
    {
        use tokio::io::AsyncWriteExt;
        let tokio_tungstenite::MaybeTlsStream::Plain(tcp) = stream.get_mut() else { panic!() };
        tcp.write_all(&[0xF1, 0x80, 1, 2, 3, 4]).await.unwrap();
    }
    assert_eq!(close_code(&mut stream).await, 1002);
    // A message in fragments within the limit is one message.
    let mut stream = raw(&wang, "suixing.v1.json").await;
    let hello = json!({ "type": "hello", "epoch": null, "last_seq": 0, "last_id": null }).to_string();
    let (head, tail) = hello.split_at(9);
    for (part, opcode, is_final) in [(head, Data::Text, false), (tail, Data::Continue, true)] {
        let header =
            FrameHeader { is_final, opcode: OpCode::Data(opcode), mask: Some([9, 8, 7, 6]), ..FrameHeader::default() };
        stream.send(Message::Frame(Frame::from_payload(header, part.as_bytes().to_vec().into()))).await.unwrap();
    }
    let Some(Ok(Message::Text(text))) = stream.next().await else { panic!("no welcome") };
    assert!(text.contains("welcome"));
}

async fn close_code(
    stream: &mut tokio_tungstenite::WebSocketStream<tokio_tungstenite::MaybeTlsStream<tokio::net::TcpStream>>,
) -> u16 {
    let limit = Instant::now() + Duration::from_secs(10);
    while Instant::now() < limit {
        match tokio::time::timeout(Duration::from_secs(10), stream.next()).await.unwrap() {
            Some(Ok(Message::Close(frame))) => return frame.map_or(1005, |frame| u16::from(frame.code)),
            Some(Ok(_)) => {}
            other => panic!("no close frame: {other:?}"),
        }
    }
    panic!("no close frame in time")
}

#[tokio::test]
async fn silence_ends_a_socket_before_and_after_hello() {
    let app = hasty().await;
    let station = app.unit("Tower").await;
    let wang = station.officer("wang").await;
    let started = Instant::now();
    let mut mute = wang.socket_raw().await;
    assert_eq!(mute.close_code().await, 4000);
    assert!(started.elapsed() >= Duration::from_millis(900));
    // After hello: a client that does not even answer pings.
    let mut stream = raw(&wang, "suixing.v1.json").await;
    stream.send(Message::text("{\"type\":\"hello\"}")).await.unwrap();
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert!(matches!(close_code(&mut stream).await, 4004 | 4005));
    // One that answers pings stays.
    let mut socket = wang.socket().await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    socket.send(json!({ "type": "ping" }));
    socket.expect("pong").await;
}

#[tokio::test]
async fn a_stopping_server_tells_when_to_come_back() {
    let app = TestApp::start().await;
    let station = app.unit("Pier").await;
    let wang = station.officer("wang").await;
    let mut stream = raw(&wang, "suixing.v1.json").await;
    stream.send(Message::text("{\"type\":\"hello\"}")).await.unwrap();
    stream.next().await.unwrap().unwrap();
    let stop = tokio::spawn({
        let app = app.clone();
        async move { app.terminate().await }
    });
    let reason = loop {
        match stream.next().await {
            Some(Ok(Message::Close(Some(frame)))) => break (u16::from(frame.code), frame.reason),
            Some(Ok(_)) => {}
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(reason.0, 1012);
    assert!(Utf8Bytes::as_str(&reason.1).contains("retry_ms="), "{reason:?}");
    assert_eq!(stop.await.unwrap(), 0);
}
