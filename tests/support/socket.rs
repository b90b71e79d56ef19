//! A terminal's socket: a task reads all the time (so pings are answered), tests look for frames by kind.

use super::PATIENCE;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::net::TcpStream;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

/// One open socket. Frames that a test did not look for stay in order for later looks.
pub struct Socket {
    outgoing: UnboundedSender<Message>,
    incoming: UnboundedReceiver<Frame>,
    seen: VecDeque<Value>,
    closed: Option<u16>,
    /// The epoch of the welcome.
    pub epoch: Value,
    /// The welcome itself; `Null` before it.
    pub welcome: Value,
    /// The highest `seq` received.
    pub last_seq: i64,
    /// The id of that message.
    pub last_id: Value,
    /// Binary frames received, whole.
    pub binary: Vec<Vec<u8>>,
    pings: Arc<AtomicUsize>,
}

enum Frame {
    Json(Value),
    Binary(Vec<u8>),
    /// Close code; 1006 when the connection ended without one.
    Closed(u16),
}

impl Socket {
    /// Opens `/api/v1/ws`; gives the HTTP status and problem body when the server refuses the upgrade.
    pub async fn connect(
        base: &str,
        protocol: &str,
        token: Option<&str>,
        ticket: Option<&str>,
    ) -> Result<Self, (u16, Value)> {
        let address = base.replacen("http", "ws", 1);
        let query = ticket.map(|ticket| format!("?ticket={ticket}")).unwrap_or_default();
        let mut request = format!("{address}/api/v1/ws{query}").into_client_request().unwrap();
        if !protocol.is_empty() {
            request.headers_mut().insert("sec-websocket-protocol", protocol.parse().unwrap());
        }
        if let Some(token) = token {
            request.headers_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
        }
        match tokio_tungstenite::connect_async(request).await {
            Ok((stream, _)) => Ok(Self::over(stream)),
            Err(Error::Http(response)) => {
                let body = response.body().as_deref().unwrap_or_default();
                Err((response.status().as_u16(), serde_json::from_slice(body).unwrap_or(Value::Null)))
            }
            Err(error) => panic!("no socket: {error}"),
        }
    }

    fn over(stream: WebSocketStream<MaybeTlsStream<TcpStream>>) -> Self {
        let (mut sink, mut source) = stream.split();
        let (outgoing, mut to_send) = unbounded_channel::<Message>();
        let (arrived, incoming) = unbounded_channel();
        let pings = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&pings);
        tokio::spawn(async move {
            let end = loop {
                tokio::select! {
                    message = to_send.recv() => match message {
                        Some(message) => if sink.send(message).await.is_err() { break 1006 },
                        None => break 1006,
                    },
                    frame = source.next() => match frame {
                        Some(Ok(Message::Text(text))) => {
                            let value = serde_json::from_str(&text).unwrap_or_else(|_| Value::String(text.to_string()));
                            if arrived.send(Frame::Json(value)).is_err() { break 1006 }
                        }
                        Some(Ok(Message::Binary(bytes))) => {
                            if arrived.send(Frame::Binary(bytes.to_vec())).is_err() { break 1006 }
                        }
                        Some(Ok(Message::Close(frame))) => break frame.map_or(1005, |frame| u16::from(frame.code)),
                        Some(Ok(other)) => {
                            counted.fetch_add(usize::from(other.is_ping()), Ordering::Relaxed);
                            let _ = sink.flush().await;
                        }
                        Some(Err(_)) | None => break 1006,
                    },
                }
            };
            let _ = arrived.send(Frame::Closed(end));
            let _ = sink.close().await;
        });
        Self {
            outgoing,
            incoming,
            seen: VecDeque::new(),
            closed: None,
            epoch: Value::Null,
            welcome: Value::Null,
            last_seq: 0,
            last_id: Value::Null,
            binary: Vec::new(),
            pings,
        }
    }

    /// How often the server asked for a sign of life.
    pub fn pings(&self) -> usize {
        self.pings.load(Ordering::Relaxed)
    }

    /// Says hello with these cursors (none: a device that was never here) and gives the welcome.
    pub async fn hello(&mut self, epoch: Option<Value>, last_seq: Option<i64>, last_id: Option<Value>) -> Value {
        self.send(json!({ "type": "hello", "epoch": epoch, "last_seq": last_seq.unwrap_or(0), "last_id": last_id }));
        let welcome = self.expect("welcome").await;
        self.epoch = welcome["epoch"].clone();
        self.welcome = welcome.clone();
        welcome
    }

    /// Says hello where another socket of the same device stopped.
    pub async fn resume(&mut self, from: &Self) -> Value {
        let (epoch, id) = (from.epoch.clone(), from.last_id.clone());
        (self.last_seq, self.last_id) = (from.last_seq, id.clone());
        self.hello(Some(epoch), Some(from.last_seq), Some(id)).await
    }

    /// Sends one JSON frame.
    pub fn send(&self, frame: Value) {
        self.send_text(&frame.to_string());
    }

    /// Sends any text, garbage included.
    pub fn send_text(&self, text: &str) {
        let _ = self.outgoing.send(Message::text(text));
    }

    /// Sends a binary frame.
    pub fn send_binary(&self, bytes: Vec<u8>) {
        let _ = self.outgoing.send(Message::binary(bytes));
    }

    /// Acknowledges all messages up to `seq`.
    pub fn ack(&self, seq: i64) {
        self.send(json!({ "type": "ack", "seq": seq }));
    }

    /// Acknowledges everything received so far.
    pub fn ack_all(&self) {
        self.ack(self.last_seq);
    }

    /// The first frame of this type (`welcome`, `reply`, …) or message of this kind (`assignment.offered`, …).
    pub async fn expect(&mut self, kind: &str) -> Value {
        self.expect_where(kind, |frame| is(frame, kind)).await
    }

    /// The reply to this request id; a frame of type `error` for it fails the test.
    pub async fn reply(&mut self, request_id: &str) -> Value {
        let frame = self.expect_where(request_id, |frame| frame["request_id"] == request_id).await;
        assert_eq!(frame["type"], "reply", "{frame}");
        frame
    }

    /// The error for this request id.
    pub async fn error(&mut self, request_id: &str) -> Value {
        let frame = self.expect_where(request_id, |frame| frame["request_id"] == request_id).await;
        assert_eq!(frame["type"], "error", "{frame}");
        frame
    }

    /// The first frame for which `check` is true; others are kept for later looks.
    pub async fn expect_where(&mut self, what: &str, check: impl Fn(&Value) -> bool) -> Value {
        self.look(PATIENCE, &check).await.unwrap_or_else(|| {
            panic!("no `{what}` in {PATIENCE:?}; closed {:?}; received {:#?}", self.closed, self.seen)
        })
    }

    /// The first matching frame within `limit`, if any.
    pub async fn maybe(&mut self, limit: Duration, check: impl Fn(&Value) -> bool) -> Option<Value> {
        self.look(limit, &check).await
    }

    /// Fails the test if a frame of this type or kind arrives within `limit`.
    pub async fn expect_none(&mut self, kind: &str, limit: Duration) {
        if let Some(frame) = self.look(limit, &|frame| is(frame, kind)).await {
            panic!("unexpected {frame}");
        }
    }

    async fn look(&mut self, limit: Duration, check: &impl Fn(&Value) -> bool) -> Option<Value> {
        if let Some(at) = self.seen.iter().position(check) {
            return self.seen.remove(at);
        }
        let end = Instant::now() + limit;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            match tokio::time::timeout(left, self.incoming.recv()).await {
                Ok(Some(Frame::Json(frame))) => {
                    self.note(&frame);
                    if check(&frame) {
                        return Some(frame);
                    }
                    self.seen.push_back(frame);
                }
                Ok(Some(Frame::Binary(bytes))) => self.binary.push(bytes),
                Ok(Some(Frame::Closed(code))) => {
                    self.closed = Some(code);
                    return None;
                }
                Ok(None) | Err(_) => return None,
            }
        }
    }

    fn note(&mut self, frame: &Value) {
        if let Some(seq) = frame["seq"].as_i64().filter(|seq| frame["type"] == "message" && *seq > self.last_seq) {
            self.last_seq = seq;
            self.last_id = frame["id"].clone();
        }
    }

    /// All frames of this type or kind received and not yet looked at, waiting `limit` for more.
    pub async fn drain(&mut self, kind: &str, limit: Duration) -> Vec<Value> {
        let end = Instant::now() + limit;
        let mut all = Vec::new();
        while let Some(frame) = self.look(end.saturating_duration_since(Instant::now()), &|frame| is(frame, kind)).await
        {
            all.push(frame);
        }
        all
    }

    /// Waits for the next binary frame.
    pub async fn next_binary(&mut self) -> Vec<u8> {
        let end = Instant::now() + PATIENCE;
        loop {
            if !self.binary.is_empty() {
                return self.binary.remove(0);
            }
            let left = end.saturating_duration_since(Instant::now());
            match tokio::time::timeout(left, self.incoming.recv()).await {
                Ok(Some(Frame::Json(frame))) => {
                    self.note(&frame);
                    self.seen.push_back(frame);
                }
                Ok(Some(Frame::Binary(bytes))) => self.binary.push(bytes),
                other => panic!("no binary frame; received {:#?}; closed {}", self.seen, other.is_ok()),
            }
        }
    }

    /// Waits until the server closes and gives the code (1006: dropped without one).
    pub async fn close_code(&mut self) -> u16 {
        self.close_code_within(PATIENCE).await.unwrap_or_else(|| panic!("still open after {PATIENCE:?}"))
    }

    /// The close code if the server closes within `limit`.
    pub async fn close_code_within(&mut self, limit: Duration) -> Option<u16> {
        if self.closed.is_none() {
            self.look(limit, &|_| false).await;
        }
        self.closed
    }
}

fn is(frame: &Value, kind: &str) -> bool {
    frame["type"] == kind || (frame["type"] == "message" && frame["kind"] == kind)
}
