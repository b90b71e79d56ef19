//! The part of PostgreSQL's wire protocol that is needed: statements, prepared queries, COPY. Trusted connections only.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

use crate::Result;

/// Protocol 3.0.
const VERSION: i32 = 196_608;
/// OID of `float8`.
const FLOAT8: i32 = 701;

/// One connection.
pub struct Conn {
    stream: BufReader<TcpStream>,
    out: Vec<u8>,
}

impl Conn {
    /// Connects to `HOST:PORT` as the user `suixing`.
    pub async fn open(address: &str, database: &str) -> Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let mut conn = Self { stream: BufReader::with_capacity(64 * 1024, stream), out: Vec::new() };
        let mut start = VERSION.to_be_bytes().to_vec();
        start.extend_from_slice(format!("user\0suixing\0database\0{database}\0\0").as_bytes());
        conn.out.extend_from_slice(&(start.len() as i32 + 4).to_be_bytes());
        conn.out.extend_from_slice(&start);
        conn.flush().await?;
        conn.ready().await?;
        Ok(conn)
    }

    fn message(&mut self, kind: u8, body: &[u8]) {
        self.out.push(kind);
        self.out.extend_from_slice(&(body.len() as i32 + 4).to_be_bytes());
        self.out.extend_from_slice(body);
    }

    /// Sends what was pushed.
    pub async fn flush(&mut self) -> Result<()> {
        self.stream.get_mut().write_all(&self.out).await?;
        self.out.clear();
        Ok(())
    }

    /// Reads until the server is ready again; the number of rows.
    pub async fn ready(&mut self) -> Result<usize> {
        self.until(b'Z').await
    }

    async fn until(&mut self, wanted: u8) -> Result<usize> {
        let (mut rows, mut body) = (0, Vec::new());
        loop {
            let kind = self.stream.read_u8().await?;
            let length = usize::try_from(self.stream.read_i32().await?)? - 4;
            body.resize(length, 0);
            self.stream.read_exact(&mut body).await?;
            match kind {
                b'E' => return Err(String::from_utf8_lossy(&body).replace('\0', " ").into()),
                b'D' => rows += 1,
                _ => {}
            }
            if kind == wanted {
                return Ok(rows);
            }
        }
    }

    /// One or more statements as text.
    pub async fn execute(&mut self, sql: &str) -> Result<usize> {
        self.message(b'Q', format!("{sql}\0").as_bytes());
        self.flush().await?;
        self.ready().await
    }

    /// Prepares the statement `name`; its parameters are all `float8`.
    pub async fn prepare(&mut self, name: &str, sql: &str, parameters: i16) -> Result<()> {
        let mut body = format!("{name}\0{sql}\0").into_bytes();
        body.extend_from_slice(&parameters.to_be_bytes());
        (0..parameters).for_each(|_| body.extend_from_slice(&FLOAT8.to_be_bytes()));
        self.message(b'P', &body);
        self.message(b'S', b"");
        self.flush().await?;
        self.ready().await.map(drop)
    }

    /// Adds an execution of a prepared statement; binary parameters, so that nothing is parsed.
    pub fn push(&mut self, name: &str, parameters: &[f64]) {
        let mut body = format!("\0{name}\0").into_bytes();
        body.extend_from_slice(&[0, 1, 0, 1]);
        body.extend_from_slice(&(parameters.len() as i16).to_be_bytes());
        for parameter in parameters {
            body.extend_from_slice(&8_i32.to_be_bytes());
            body.extend_from_slice(&parameter.to_be_bytes());
        }
        body.extend_from_slice(&[0, 0]);
        self.message(b'B', &body);
        self.message(b'E', b"\0\0\0\0\0");
        self.message(b'S', b"");
    }

    /// Copies lines of text into a table and waits for the commit.
    pub async fn copy(&mut self, table: &str, lines: &[u8]) -> Result<()> {
        self.message(b'Q', format!("COPY {table} FROM STDIN\0").as_bytes());
        self.flush().await?;
        self.until(b'G').await?;
        for chunk in lines.chunks(64 * 1024) {
            self.message(b'd', chunk);
        }
        self.message(b'c', b"");
        self.flush().await?;
        self.ready().await.map(drop)
    }
}
