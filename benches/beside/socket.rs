//! WebSocket clients: plain, ours with its greeting, and socket.io's over the same wire.

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::ClientRequestBuilder;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

use crate::Result;
use crate::pipe::Pipe;

/// One open connection.
pub type Link = WebSocketStream<Pipe>;

/// Read buffer of a connection that hears little.
pub const QUIET: usize = 4 * 1024;
/// Read buffer of a connection that hears whole pictures.
pub const BUSY: usize = 64 * 1024;

/// Something is said at least this often.
pub const BEAT: Duration = Duration::from_secs(10);

/// Dials `http://HOST:PORT` or `https://HOST:PORT` + path as a WebSocket.
pub async fn dial(root: &str, path: &str, bearer: Option<(&str, &str)>, buffer: usize) -> Result<Link> {
    let (stream, host) = Pipe::open(root).await?;
    let mut request = ClientRequestBuilder::new(format!("ws://{host}{path}").parse()?);
    if let Some((bearer, protocol)) = bearer {
        request = request.with_header("Authorization", format!("Bearer {bearer}")).with_sub_protocol(protocol);
    }
    let config = WebSocketConfig::default()
        .read_buffer_size(buffer)
        .write_buffer_size(QUIET)
        .max_message_size(None)
        .max_frame_size(None);
    let (link, _) = tokio_tungstenite::client_async_with_config(request, stream, Some(config)).await?;
    Ok(link)
}

/// Dials ours with a session's token, says hello, waits for the welcome.
pub async fn dial_ours(root: &str, bearer: &str, protocol: &str, buffer: usize) -> Result<Link> {
    let mut link = dial(root, "/api/v1/ws", Some((bearer, protocol)), buffer).await?;
    say(&mut link, r#"{"type":"hello","epoch":null,"last_seq":0,"last_id":null}"#.to_owned()).await?;
    hear(&mut link, "\"type\":\"welcome\"").await?;
    Ok(link)
}

/// Dials a socket.io server and joins its root namespace.
pub async fn dial_socketio(root: &str, buffer: usize) -> Result<Link> {
    let mut link = dial(root, "/socket.io/?EIO=4&transport=websocket", None, buffer).await?;
    hear(&mut link, "0{").await?;
    say(&mut link, "40".to_owned()).await?;
    hear(&mut link, "40").await?;
    Ok(link)
}

/// Sends one text frame.
pub async fn say(link: &mut Link, text: String) -> Result<()> {
    Ok(link.send(Message::text(text)).await?)
}

/// Waits for a text frame that contains `part`.
pub async fn hear(link: &mut Link, part: &str) -> Result<Utf8Bytes> {
    loop {
        match link.next().await {
            Some(Ok(Message::Text(text))) if text.contains(part) => return Ok(text),
            Some(Ok(Message::Text(text))) if text.contains("\"type\":\"error\"") => return Err(text.as_str().into()),
            Some(Ok(Message::Close(frame))) => return Err(format!("closed: {frame:?}").into()),
            Some(Ok(_)) => {}
            Some(Err(error)) => return Err(error.into()),
            None => return Err("the server ended the connection".into()),
        }
    }
}

/// The whole number after `name` in a text, e.g. `"version":`.
pub fn number_after(text: &str, name: &str) -> Option<u64> {
    let rest = &text[text.find(name)? + name.len()..];
    rest[..rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len())].parse().ok()
}
