//! The front door: connections as the server accepts them. Each reads a bounded piece at a time, so that a burst does
//! not leave its buffer behind for as long as the connection lives, and can be cut off from inside.

use std::cell::{Cell, RefCell};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use actix_http::{HttpService, KeepAlive, Request};
use actix_server::ServerBuilder;
use actix_service::{IntoServiceFactory, ServiceFactory, ServiceFactoryExt as _, fn_service, map_config};
use actix_web::body::MessageBody;
use actix_web::dev::{AppConfig, ServiceResponse};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf, Take};
use tokio::net::{TcpSocket, TcpStream};

use crate::platform::http::pace::{CALM, Pace};

/// Bytes of a socket's frames that actix-http collects before it writes: with one more piece of that size they fit
/// into the first page of the 8 KiB it holds per connection in any case.
pub const PIECE: usize = 2 * 1024 - 64;

/// A connection without a request is closed after this long; proxies hold theirs open for less.
const KEEP_ALIVE: Duration = Duration::from_secs(5);
/// A request's head must be complete after this long.
const HEAD_WITHIN: Duration = Duration::from_secs(5);
/// A peer that does not close its half is left after this long.
const GONE_WITHIN: Duration = Duration::from_secs(1);

/// Connections that may wait to be accepted, as many as Linux allows by default (`net.core.somaxconn`). With the 128 of
/// the standard library thousands that come back at once are told nothing, and try again after 1, 3 and 7 s.
const UNACCEPTED_MAX: u32 = 4096;

/// Opens the listener on `host:port`; the first address of the host that can be had.
pub async fn listen(at: &str) -> io::Result<TcpListener> {
    let mut refused = io::Error::new(io::ErrorKind::InvalidInput, "the host has no address");
    for address in tokio::net::lookup_host(at).await? {
        match listen_on(address) {
            Ok(listener) => return Ok(listener),
            Err(error) => refused = error,
        }
    }
    Err(refused)
}

fn listen_on(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // The ports of connections that have just ended do not hinder a restart.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(UNACCEPTED_MAX)?.into_std()
}

/// Serves what `app` makes, one per worker, on an open listener.
pub fn serve<A, I, S, B>(server: ServerBuilder, listener: TcpListener, app: A) -> io::Result<ServerBuilder>
where
    A: Fn() -> I + Send + Clone + 'static,
    I: IntoServiceFactory<S, Request>,
    S: ServiceFactory<Request, Config = AppConfig, Response = ServiceResponse<B>, Error = actix_web::Error>,
    S: 'static,
    S::InitError: std::fmt::Debug,
    B: MessageBody + 'static,
{
    let address = listener.local_addr()?;
    let stopping = server.graceful_shutdown_signal();
    server.listen("suixing", listener, move || {
        let stopping = stopping.clone();
        let app = app().into_factory().map_err(|error: actix_web::Error| error.error_response());
        let http = HttpService::build()
            .graceful_shutdown_signal(move || {
                let stopping = stopping.clone();
                async move { stopping.notified().await }
            })
            .keep_alive(KeepAlive::Timeout(KEEP_ALIVE))
            .client_request_timeout(HEAD_WITHIN)
            .client_disconnect_timeout(GONE_WITHIN)
            .h1_write_buffer_size(PIECE)
            .local_addr(address)
            .on_connect_ext(|io: &Connection, extensions| {
                extensions.insert(Rc::clone(&io.scissors));
                extensions.insert(Rc::clone(&io.pace));
            })
            .h1(map_config(app, |()| AppConfig::default()));
        fn_service(|io: TcpStream| async move { Ok::<_, actix_http::error::DispatchError>(enter(io)) }).and_then(http)
    })
}

fn enter(io: TcpStream) -> (Connection, Option<SocketAddr>) {
    // A push is small and must not wait for the acknowledgement of the one before.
    if let Err(error) = io.set_nodelay(true) {
        tracing::debug!(%error, "a connection is gone before it is used");
    }
    let peer = io.peer_addr().ok();
    (Connection { io: io.take(0), left: CALM, scissors: Rc::default(), pace: Rc::default() }, peer)
}

/// Cuts a connection off, whatever its peer reads. Found by handlers in the connection's data.
#[derive(Default)]
pub struct Scissors {
    cut: Cell<bool>,
    connection: RefCell<Option<Waker>>,
}

impl Scissors {
    /// The connection ends without another byte.
    pub fn cut(&self) {
        self.cut.set(true);
        if let Some(waker) = self.connection.borrow_mut().take() {
            waker.wake();
        }
    }

    /// Whether it was cut off.
    pub fn is_cut(&self) -> bool {
        self.cut.get()
    }

    fn check(&self, cx: &Context<'_>) -> io::Result<()> {
        if self.cut.get() {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        let mut connection = self.connection.borrow_mut();
        if !connection.as_ref().is_some_and(|known| known.will_wake(cx.waker())) {
            *connection = Some(cx.waker().clone());
        }
        Ok(())
    }
}

/// One accepted connection.
struct Connection {
    io: Take<TcpStream>,
    /// Bytes that may still be read in this turn.
    left: usize,
    scissors: Rc<Scissors>,
    pace: Rc<Pace>,
}

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.scissors.check(cx)?;
        if self.left == 0 {
            // What was read is handled first, then the rest.
            self.left = self.pace.at_once();
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let (left, before) = (self.left, buf.filled().len());
        self.io.set_limit(left as u64);
        let polled = Pin::new(&mut self.io).poll_read(cx, buf);
        self.left = match &polled {
            Poll::Ready(_) => left.saturating_sub(buf.filled().len().saturating_sub(before)),
            Poll::Pending => self.pace.at_once(),
        };
        polled
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.scissors.check(cx)?;
        Pin::new(self.io.get_mut()).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(self.io.get_mut()).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(self.io.get_mut()).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncWriteExt as _;

    async fn pair() -> (Connection, TcpStream) {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        (enter(listener.accept().await.unwrap().0).0, client)
    }

    /// What one turn of the dispatcher reads: until the connection says that there is nothing more.
    async fn turn(connection: &mut Connection) -> usize {
        let mut buf = vec![0; 64 * 1024];
        let mut buf = ReadBuf::new(&mut buf);
        std::future::poll_fn(|cx| {
            let before = buf.filled().len();
            while Pin::new(&mut *connection).poll_read(cx, &mut buf).is_ready() {}
            if buf.filled().len() > before { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
        buf.filled().len()
    }

    #[tokio::test]
    async fn a_burst_is_read_in_bounded_turns_and_whole() {
        let (mut connection, mut client) = pair().await;
        let sent = 60 * 1024;
        client.write_all(&vec![7; sent]).await.unwrap();
        let mut read = 0;
        while read < sent {
            let turn = turn(&mut connection).await;
            assert!(turn <= CALM, "{turn}");
            read += turn;
        }
        assert_eq!(read, sent);
    }

    #[tokio::test]
    async fn a_cut_wakes_a_reader_that_waits_and_ends_both_ways() {
        let (mut connection, _client) = pair().await;
        let scissors = Rc::clone(&connection.scissors);
        let mut buf = [0; 8];
        let ended = async { tokio::io::AsyncReadExt::read(&mut connection, &mut buf).await };
        let (ended, ()) = tokio::join!(ended, async move { scissors.cut() });
        assert_eq!(ended.unwrap_err().kind(), io::ErrorKind::ConnectionAborted);
        assert_eq!(connection.write(b"x").await.unwrap_err().kind(), io::ErrorKind::ConnectionAborted);
    }
}
