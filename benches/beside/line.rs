//! The least client of tus: a kept connection, bodies that are sent whole or piece by piece, answers by their heads.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::Result;
use crate::world::{now_us, stamp};

/// The headers of a chunk, but for its offset.
const CHUNK: &str = "Tus-Resumable: 1.0.0\r\nContent-Type: application/offset+octet-stream\r\n";

/// Who is asked: where uploads begin, and as whom.
#[derive(Clone)]
pub struct Door {
    pub root: String,
    /// `/api/v1/uploads`, `/files`.
    pub path: &'static str,
    /// Nobody has to say who he is to the peer.
    pub bearer: Option<String>,
}

/// One connection.
pub struct Line {
    stream: TcpStream,
    host: String,
    who: String,
    buffer: Vec<u8>,
    /// The answer to HEAD tells the length of a body that does not come.
    bodiless: bool,
}

/// The head of an answer.
pub struct Answer {
    pub status: u16,
    head: String,
}

impl Answer {
    /// A header's text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (known, value) = line.split_once(':')?;
            known.eq_ignore_ascii_case(name).then_some(value.trim())
        })
    }

    /// Errors: any other status.
    pub fn expect(self, status: u16) -> Result<Self> {
        if self.status == status { Ok(self) } else { Err(format!("{status} was expected: {}", self.head).into()) }
    }
}

impl Line {
    /// Connects.
    pub async fn open(door: &Door) -> Result<Self> {
        let host = door.root.trim_start_matches("http://").trim_end_matches('/').to_owned();
        let stream = TcpStream::connect(&host).await?;
        stream.set_nodelay(true)?;
        let who = door.bearer.as_ref().map(|bearer| format!("Authorization: Bearer {bearer}\r\n")).unwrap_or_default();
        Ok(Self { stream, host, who, buffer: Vec::with_capacity(4 * 1024), bodiless: false })
    }

    /// Begins an upload of so many bytes; its path.
    pub async fn create(&mut self, door: &Door, length: u64, name: &str) -> Result<String> {
        let said = |text: &str| BASE64_STANDARD.encode(text);
        let taken = stamp(now_us() - 60_000_000).to_string();
        let headers = format!(
            "Tus-Resumable: 1.0.0\r\nUpload-Length: {length}\r\nUpload-Metadata: filename {},kind {},captured_at {}\r\n",
            said(name),
            said("video"),
            said(&taken)
        );
        self.begin("POST", door.path, &headers, 0).await?;
        let answer = self.answer().await?.expect(201)?;
        let place = answer.header("location").ok_or("no location")?;
        // An address may be whole.
        let path = place.split_once("//").map_or(place, |(_, rest)| &rest[rest.find('/').unwrap_or(rest.len())..]);
        Ok(path.to_owned())
    }

    /// How many bytes an upload has.
    pub async fn offset(&mut self, upload: &str) -> Result<u64> {
        self.begin("HEAD", upload, "Tus-Resumable: 1.0.0\r\n", 0).await?;
        let answer = self.answer().await?.expect(200)?;
        Ok(answer.header("upload-offset").ok_or("no offset")?.parse()?)
    }

    /// Announces a chunk; its bytes follow by [`Line::send`].
    pub async fn chunk(&mut self, upload: &str, offset: u64, length: usize) -> Result<()> {
        self.begin("PATCH", upload, &format!("{CHUNK}Upload-Offset: {offset}\r\n"), length).await
    }

    /// Bytes of a body.
    pub async fn send(&mut self, bytes: &[u8]) -> Result<()> {
        Ok(self.stream.write_all(bytes).await?)
    }

    async fn begin(&mut self, method: &str, path: &str, headers: &str, length: usize) -> Result<()> {
        self.bodiless = method == "HEAD";
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\n{}{headers}Content-Length: {length}\r\n\r\n",
            self.host, self.who
        );
        self.send(head.as_bytes()).await
    }

    /// What is answered; a body is read and forgotten.
    pub async fn answer(&mut self) -> Result<Answer> {
        self.buffer.clear();
        let end = loop {
            if let Some(at) = self.buffer.windows(4).position(|window| window == b"\r\n\r\n") {
                break at + 4;
            }
            self.more().await?;
        };
        let head = std::str::from_utf8(&self.buffer[..end])?.to_owned();
        let status = head.split(' ').nth(1).ok_or("no status")?.parse()?;
        let answer = Answer { status, head };
        if self.bodiless || status == 204 {
            return Ok(answer);
        }
        if answer.header("transfer-encoding").is_some() {
            while !self.buffer[end..].ends_with(b"0\r\n\r\n") {
                self.more().await?;
            }
        } else {
            let length: usize = answer.header("content-length").map_or(Ok(0), str::parse)?;
            while self.buffer.len() < end + length {
                self.more().await?;
            }
        }
        Ok(answer)
    }

    async fn more(&mut self) -> Result<()> {
        if self.stream.read_buf(&mut self.buffer).await? == 0 {
            return Err("the server ended the connection".into());
        }
        Ok(())
    }
}
