//! The bytes below a WebSocket: plain TCP, or TLS where the address says `https://`. The certificate that is trusted
//! lies in the file that `BENCH_CA` names: the proxies of a run make their own.

use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use rustls::pki_types::{CertificateDer, ServerName, pem::PemObject as _};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::Result;

/// One connection.
pub enum Pipe {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Pipe {
    /// Connects to `http://HOST:PORT` or `https://HOST:PORT`; also the host and port.
    pub async fn open(root: &str) -> Result<(Self, String)> {
        let root = root.trim_end_matches('/');
        let (tls, host) = match root.strip_prefix("https://") {
            Some(host) => (true, host),
            None => (false, root.trim_start_matches("http://")),
        };
        let stream = TcpStream::connect(host).await?;
        stream.set_nodelay(true)?;
        if !tls {
            return Ok((Self::Plain(stream), host.to_owned()));
        }
        let name = ServerName::try_from(host.rsplit_once(':').map_or(host, |(name, _)| name).to_owned())?;
        let stream = connector().connect(name, stream).await?;
        Ok((Self::Tls(Box::new(stream)), host.to_owned()))
    }
}

fn connector() -> TlsConnector {
    static CONFIG: OnceLock<Arc<rustls::ClientConfig>> = OnceLock::new();
    let config = CONFIG.get_or_init(|| {
        let mut roots = rustls::RootCertStore::empty();
        let file = std::env::var_os("BENCH_CA").expect("BENCH_CA names the certificate to trust");
        roots.add(CertificateDer::from_pem_file(file).unwrap()).unwrap();
        Arc::new(rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth())
    });
    TlsConnector::from(Arc::clone(config))
}

impl AsyncRead for Pipe {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buffer),
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for Pipe {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
