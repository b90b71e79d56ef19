//! Socket side of a pretended client: dial, greet, resume, acknowledge.
//!
//! One `Wire` is one connection; the `Cursor` outlives it and is what a terminal keeps on disk.
//! Called by the load generator and by the demo play.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::ClientRequestBuilder;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Bytes, Error as WsError, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config};

use super::client::{Session, Trouble, text};
use crate::words::time::Timestamp;

/// Read and write buffer of one connection: a generator holds thousands.
const BUFFER_BYTES: usize = 4 * 1024;
/// How long dialling plus greeting may take.
const GREETING_LIMIT: Duration = Duration::from_secs(20);

/// What a terminal remembers between connections.
#[derive(Clone, Debug, Default)]
pub struct Cursor {
    /// Stream epoch, none before the first welcome.
    pub epoch: Option<Value>,
    /// Highest sequence number handled.
    pub last_seq: u64,
    /// Message id at that number.
    pub last_id: Option<String>,
}

/// The server's answer to the greeting.
#[derive(Clone, Debug)]
pub struct Welcome {
    /// False: the stream could not be continued and the inbox must be reloaded.
    pub recovered: bool,
    /// Why not.
    pub reason: String,
    /// Something must be said at least this often.
    pub heartbeat: Duration,
    /// The server's clock, µs since the epoch.
    pub server_us: Option<i64>,
}

/// What came in.
#[derive(Debug)]
pub enum Incoming {
    /// A JSON frame.
    Json(Value),
    /// A binary live frame.
    Binary(Bytes),
    /// The connection ended; code and text if the server said any.
    Closed(Option<u16>, String),
}

/// One open connection.
pub struct Wire {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

fn broken(error: &WsError) -> Trouble {
    match error {
        WsError::Http(answer) => Trouble::Refused {
            status: answer.status().as_u16(),
            code: answer
                .body()
                .as_deref()
                .and_then(|b| serde_json::from_slice::<Value>(b).ok())
                .map(|v| text(&v, "code").to_owned())
                .unwrap_or_default(),
            detail: "socket upgrade".to_owned(),
        },
        other => Trouble::Link(other.to_string()),
    }
}

impl Wire {
    /// Dial with the session's token, greet with the cursor and wait for the welcome.
    pub async fn open(session: &Session, protocol: &str, cursor: &mut Cursor) -> Result<(Self, Welcome), Trouble> {
        tokio::time::timeout(GREETING_LIMIT, Self::greet(session, protocol, cursor))
            .await
            .map_err(|_elapsed| Trouble::Link("no welcome in time".to_owned()))?
    }

    async fn greet(session: &Session, protocol: &str, cursor: &mut Cursor) -> Result<(Self, Welcome), Trouble> {
        let bearer = session.bearer().await?;
        let uri = session.api().socket_url().parse().map_err(|e| Trouble::Link(format!("address: {e}")))?;
        let request = ClientRequestBuilder::new(uri)
            .with_header("Authorization", format!("Bearer {bearer}"))
            .with_sub_protocol(protocol);
        let config = WebSocketConfig::default().read_buffer_size(BUFFER_BYTES).write_buffer_size(BUFFER_BYTES);
        let (stream, _answer) = connect_async_with_config(request, Some(config), true).await.map_err(|e| broken(&e))?;
        let mut wire = Self { stream };
        wire.send(&json!({
            "type": "hello",
            "epoch": cursor.epoch,
            "last_seq": cursor.last_seq,
            "last_id": cursor.last_id,
        }))
        .await?;
        loop {
            match wire.next().await {
                Incoming::Json(value) if text(&value, "type") == "welcome" => {
                    return Ok((wire, welcomed(&value, cursor)));
                }
                Incoming::Json(value) if text(&value, "type") == "error" => {
                    return Err(Trouble::Refused {
                        status: 0,
                        code: text(&value, "code").to_owned(),
                        detail: text(&value, "detail").to_owned(),
                    });
                }
                Incoming::Closed(code, why) => {
                    return Err(Trouble::Refused {
                        status: code.unwrap_or_default(),
                        code: code.map_or_else(|| "closed".to_owned(), |c| format!("close_{c}")),
                        detail: why,
                    });
                }
                _ => {}
            }
        }
    }

    /// Send one JSON frame.
    pub async fn send(&mut self, value: &Value) -> Result<(), Trouble> {
        self.stream.send(Message::text(value.to_string())).await.map_err(|e| broken(&e))
    }

    /// Send a heartbeat; the server answers with `pong`.
    pub async fn ping(&mut self) -> Result<(), Trouble> {
        self.send(&json!({"type": "ping"})).await
    }

    /// The next frame; safe to drop half-way.
    pub async fn next(&mut self) -> Incoming {
        loop {
            match self.stream.next().await {
                Some(Ok(Message::Text(frame))) => match serde_json::from_str(&frame) {
                    Ok(value) => return Incoming::Json(value),
                    Err(e) => return Incoming::Closed(None, format!("frame is not JSON: {e}")),
                },
                Some(Ok(Message::Binary(bytes))) => return Incoming::Binary(bytes),
                Some(Ok(Message::Close(frame))) => return closed(frame),
                Some(Ok(_)) => {}
                Some(Err(e)) => return Incoming::Closed(None, e.to_string()),
                None => return Incoming::Closed(None, "end of stream".to_owned()),
            }
        }
    }

    /// Say goodbye politely; cutting is done by dropping the wire instead.
    pub async fn close(mut self) {
        let _ = tokio::time::timeout(Duration::from_secs(2), self.stream.close(None)).await;
    }
}

/// The next frame of a connection that may be absent; waits for ever without one.
pub async fn hear(wire: &mut Option<Wire>) -> Incoming {
    match wire {
        Some(wire) => wire.next().await,
        None => std::future::pending().await,
    }
}

fn closed(frame: Option<CloseFrame>) -> Incoming {
    match frame {
        Some(frame) => Incoming::Closed(Some(frame.code.into()), frame.reason.to_string()),
        None => Incoming::Closed(None, String::new()),
    }
}

fn welcomed(value: &Value, cursor: &mut Cursor) -> Welcome {
    let recovered = value.get("recovered").and_then(Value::as_bool).unwrap_or(false);
    if !recovered {
        cursor.last_seq = value.get("last_seq").and_then(Value::as_u64).unwrap_or_default();
        cursor.last_id = value.get("last_id").and_then(Value::as_str).map(str::to_owned);
    }
    cursor.epoch = value.get("epoch").filter(|e| !e.is_null()).cloned();
    let heartbeat = value.get("heartbeat_s").and_then(Value::as_u64).unwrap_or(15).max(1);
    Welcome {
        recovered,
        reason: text(value, "reason").to_owned(),
        heartbeat: Duration::from_secs(heartbeat),
        server_us: Timestamp::parse(text(value, "server_time")).ok().map(Timestamp::as_micros),
    }
}
