//! Another system's HTTP receiver (a webhook, a push adapter): says to each call what the test wants it to say.

use serde_json::Value;
use std::collections::BTreeMap;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// One call as it arrived; header names in small letters.
pub struct Call {
    /// Its headers.
    pub head: BTreeMap<String, String>,
    /// Its body.
    pub body: Vec<u8>,
}

impl Call {
    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// What the receiver does with a call.
pub enum Answer {
    /// This status, without a body.
    Status(u16),
    /// The connection is broken off without an answer.
    Nothing,
}

/// A running receiver; dropped, it stops.
pub struct Receiver {
    /// Where it listens: `http://127.0.0.1:PORT/calls`
    pub url: String,
    task: tokio::task::JoinHandle<()>,
}

impl Receiver {
    /// Starts one; `answer` is asked with the number of the connection (from 1) and the call.
    pub async fn start(answer: impl Fn(u32, &Call) -> Answer + Clone + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/calls", listener.local_addr().unwrap());
        let task = tokio::spawn(async move {
            let mut n = 0;
            while let Ok((mut stream, _)) = listener.accept().await {
                n += 1;
                let answer = answer.clone();
                tokio::spawn(async move {
                    let Some(call) = read(&mut stream).await else { return };
                    if let Answer::Status(status) = answer(n, &call) {
                        let said = format!("HTTP/1.1 {status} Said\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
                        let _ = stream.write_all(said.as_bytes()).await;
                    }
                });
            }
        });
        Self { url, task }
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn read(stream: &mut TcpStream) -> Option<Call> {
    let mut bytes = Vec::new();
    let end = loop {
        more(stream, &mut bytes).await?;
        if let Some(at) = bytes.windows(4).position(|w| w == b"\r\n\r\n") {
            break at + 4;
        }
    };
    let head: BTreeMap<String, String> = String::from_utf8_lossy(&bytes[..end])
        .lines()
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let length: usize = head.get("content-length")?.parse().ok()?;
    while bytes.len() < end + length {
        more(stream, &mut bytes).await?;
    }
    Some(Call { head, body: bytes[end..].to_vec() })
}

async fn more(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> Option<()> {
    let mut chunk = [0_u8; 4096];
    let read = stream.read(&mut chunk).await.ok().filter(|n| *n > 0)?;
    bytes.extend_from_slice(&chunk[..read]);
    Some(())
}
