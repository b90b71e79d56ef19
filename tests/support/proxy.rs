//! A TCP proxy in front of the server that loses things on purpose: answers, connections, everything.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// A running proxy; dropped, it stops accepting.
pub struct Proxy {
    /// `http://127.0.0.1:PORT` to use instead of the server's address.
    pub base: String,
    drop_answers: Arc<AtomicBool>,
    deaf: watch::Sender<bool>,
    shut: watch::Sender<bool>,
    task: tokio::task::JoinHandle<()>,
}

impl Proxy {
    /// Starts a proxy to `base` (`http://127.0.0.1:PORT`).
    pub async fn start(base: &str) -> Self {
        let target: SocketAddr = base.trim_start_matches("http://").parse().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let drop_answers = Arc::new(AtomicBool::new(false));
        let dropping = drop_answers.clone();
        let (deaf, heard) = watch::channel(false);
        let (shut, open) = watch::channel(false);
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                if !*open.borrow() {
                    tokio::spawn(pump(client, target, dropping.clone(), heard.clone(), open.clone()));
                }
            }
        });
        Self { base, drop_answers, deaf, shut, task }
    }

    /// While on, nothing the server says is read; it may go on listening.
    pub fn deafen(&self, yes: bool) {
        self.deaf.send_replace(yes);
    }

    /// While on, every connection is cut, those that come anew at once.
    pub fn shut(&self, yes: bool) {
        self.shut.send_replace(yes);
    }

    /// From now on requests reach the server, but the connection is cut instead of bringing the answer.
    pub fn drop_answers(&self, yes: bool) {
        self.drop_answers.store(yes, Ordering::SeqCst);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn pump(
    mut client: TcpStream,
    target: SocketAddr,
    drop_answers: Arc<AtomicBool>,
    mut deaf: watch::Receiver<bool>,
    mut shut: watch::Receiver<bool>,
) {
    let Ok(mut server) = TcpStream::connect(target).await else { return };
    let (mut from_client, mut from_server) = (vec![0; 16_384], vec![0; 16_384]);
    loop {
        tokio::select! {
            read = client.read(&mut from_client) => match read {
                Ok(n) if n > 0 => if server.write_all(&from_client[..n]).await.is_err() { return },
                _ => return,
            },
            changed = deaf.changed() => if changed.is_err() { return },
            changed = shut.changed() => if changed.is_err() || *shut.borrow() { return },
            read = server.read(&mut from_server), if !*deaf.borrow() => match read {
                Ok(n) if n > 0 => {
                    if drop_answers.load(Ordering::SeqCst) { return }
                    if client.write_all(&from_server[..n]).await.is_err() { return }
                }
                _ => return,
            },
        }
    }
}
