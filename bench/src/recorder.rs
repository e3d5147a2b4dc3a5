//! Between a service and a server: passes bytes through and keeps what the service sent, so that the very same requests
//! can be sent without it.

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result, ensure};
use hyper::Method;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What each connection sent so far.
type Sent = Arc<Mutex<Vec<Arc<Mutex<Vec<u8>>>>>>;

pub struct Recorder {
    address: String,
    sent: Sent,
    accepting: JoinHandle<()>,
}

/// A request as it was sent.
#[derive(Debug, Clone)]
pub struct Request {
    pub method: Method,
    pub path: String,
    pub body: String,
}

impl Recorder {
    /// In front of the server at `base`, which is `http://host:port`.
    pub async fn before(base: &str) -> Result<Self> {
        let server = base.strip_prefix("http://").context("only http:// here")?;
        let server = server.trim_end_matches('/').to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = format!("http://{}", listener.local_addr()?);
        let sent = Sent::default();
        let kept = Arc::clone(&sent);
        let accepting = tokio::spawn(async move {
            // Each connection ends with its two ends, all of them with the bench.
            while let Ok((client, _)) = listener.accept().await {
                let of_connection = Arc::new(Mutex::new(Vec::new()));
                lock(&kept).push(Arc::clone(&of_connection));
                let server = server.clone();
                tokio::spawn(async move { pass(client, &server, &of_connection).await });
            }
        });
        Ok(Self {
            address,
            sent,
            accepting,
        })
    }

    pub fn base_url(&self) -> &str {
        &self.address
    }

    /// Forgets what was sent; to be called while nothing is.
    pub fn forget(&self) {
        for connection in lock(&self.sent).iter() {
            lock(connection).clear();
        }
    }

    /// The requests whose path contains `part`, connection by connection.
    pub fn requests(&self, part: &str) -> Result<Vec<Request>> {
        let mut requests = Vec::new();
        for connection in lock(&self.sent).iter() {
            let bytes = lock(connection).clone();
            requests.extend(parse(&bytes)?);
        }
        requests.retain(|request| request.path.contains(part));
        Ok(requests)
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn pass(client: TcpStream, server: &str, sent: &Mutex<Vec<u8>>) -> Result<()> {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = TcpStream::connect(server).await?.into_split();
    let forth = async {
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let read = from_client.read(&mut buffer).await?;
            if read == 0 {
                return to_server.shutdown().await;
            }
            lock(sent).extend_from_slice(&buffer[..read]);
            to_server.write_all(&buffer[..read]).await?;
        }
    };
    let back = tokio::io::copy(&mut from_server, &mut to_client);
    tokio::try_join!(forth, back)?;
    Ok(())
}

fn parse(mut bytes: &[u8]) -> Result<Vec<Request>> {
    let mut requests = Vec::new();
    while let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
        let head = std::str::from_utf8(&bytes[..end])?;
        let mut lines = head.lines();
        let mut first = lines.next().context("an empty head")?.split(' ');
        let method = first.next().context("no method")?.parse()?;
        let path = first.next().context("no path")?.to_owned();
        let mut length = 0;
        for (name, value) in lines.filter_map(|line| line.split_once(':')) {
            ensure!(
                !name.eq_ignore_ascii_case("transfer-encoding"),
                "a body in chunks"
            );
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse()?;
            }
        }
        let body = bytes
            .get(end + 4..end + 4 + length)
            .context("a body that is cut")?;
        requests.push(Request {
            method,
            path,
            body: std::str::from_utf8(body)?.to_owned(),
        });
        bytes = &bytes[end + 4 + length..];
    }
    Ok(requests)
}
