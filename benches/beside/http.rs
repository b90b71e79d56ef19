//! The least HTTP/1.1 client that keeps a connection alive: a general one would spend more than the server.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::Result;

/// One keep-alive connection.
pub struct Conn {
    stream: TcpStream,
    host: String,
    buffer: Vec<u8>,
}

impl Conn {
    /// Connects to `http://HOST:PORT`.
    pub async fn open(root: &str) -> Result<Self> {
        let host = root.trim_start_matches("http://").trim_end_matches('/').to_owned();
        let stream = TcpStream::connect(&host).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, host, buffer: Vec::with_capacity(16 * 1024) })
    }

    /// One call; the body of a 2xx answer.
    pub async fn call(&mut self, method: &str, path: &str, bearer: &str, body: &[u8]) -> Result<&[u8]> {
        let asked = format!(
            "{method} /api/v1{path} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {bearer}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            self.host,
            body.len()
        );
        let mut request = asked.into_bytes();
        request.extend_from_slice(body);
        self.stream.write_all(&request).await?;
        self.buffer.clear();
        let (status, from, length) = loop {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Err("the server ended the connection".into());
            }
            if let Some(found) = head(&self.buffer)? {
                break found;
            }
        };
        while self.buffer.len() < from + length {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Err("the server ended the connection".into());
            }
        }
        let body = &self.buffer[from..from + length];
        if (200..300).contains(&status) {
            return Ok(body);
        }
        Err(format!("{status} {path}: {}", String::from_utf8_lossy(body)).into())
    }
}

/// Status, where the body begins, how long it is; `None` while the head is not whole.
fn head(bytes: &[u8]) -> Result<Option<(u16, usize, usize)>> {
    let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else { return Ok(None) };
    let head = std::str::from_utf8(&bytes[..end])?;
    let status = head.split(' ').nth(1).ok_or("no status")?.parse()?;
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
    });
    Ok(Some((status, end + 4, length.ok_or("no content-length")?)))
}
