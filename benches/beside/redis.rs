//! The part of Redis' protocol that is needed: commands out, answers skipped or counted.

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

use crate::Result;

/// One connection.
pub struct Conn {
    stream: BufReader<TcpStream>,
    out: Vec<u8>,
    line: Vec<u8>,
}

impl Conn {
    /// Connects to `HOST:PORT`.
    pub async fn open(address: &str) -> Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream: BufReader::with_capacity(16 * 1024, stream), out: Vec::new(), line: Vec::new() })
    }

    /// Adds a command to what [`Conn::flush`] sends.
    pub fn push(&mut self, words: &[&str]) {
        self.out.extend_from_slice(format!("*{}\r\n", words.len()).as_bytes());
        for word in words {
            self.out.extend_from_slice(format!("${}\r\n{word}\r\n", word.len()).as_bytes());
        }
    }

    /// Sends what was pushed.
    pub async fn flush(&mut self) -> Result<()> {
        self.stream.get_mut().write_all(&self.out).await?;
        self.out.clear();
        Ok(())
    }

    /// Reads one answer; the number of its elements if it is a list, its value if it is a number.
    pub async fn answer(&mut self) -> Result<usize> {
        let mut left = 1_usize;
        let mut first = None;
        while left > 0 {
            left -= 1;
            self.line.clear();
            self.stream.read_until(b'\n', &mut self.line).await?;
            let text = std::str::from_utf8(&self.line)?.trim_end();
            let (kind, rest) = text.split_at_checked(1).ok_or("the server ended the connection")?;
            let mut value = 0_usize;
            match kind {
                "-" => return Err(rest.into()),
                "$" => {
                    let mut body = vec![0; rest.parse::<usize>()? + 2];
                    self.stream.read_exact(&mut body).await?;
                }
                "*" => {
                    value = rest.parse()?;
                    left += value;
                }
                ":" => value = rest.parse()?,
                _ => {}
            }
            first.get_or_insert(value);
        }
        Ok(first.unwrap_or_default())
    }

    /// One command and its answer.
    pub async fn call(&mut self, words: &[&str]) -> Result<usize> {
        self.push(words);
        self.flush().await?;
        self.answer().await
    }
}
