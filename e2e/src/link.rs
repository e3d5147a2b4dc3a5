//! The way from a process to a server: it can be long, it can stand still, it can be cut, while others reach the server as
//! before. Before Elasticsearch it can also answer in its place.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// What becomes of what is sent along it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    Open,
    /// What is sent arrives so much later.
    Long(Duration),
    /// What is sent arrives when it is open again.
    Still,
    /// Connections end, also new ones.
    Cut,
    /// Every HTTP request is answered with 429 on the way.
    Refusing,
}

/// As Elasticsearch answers when its queues are full.
const TOO_MANY: &str =
    r#"{"error":{"type":"es_rejected_execution_exception","reason":"rejected execution"},"status":429}"#;

pub struct Link {
    /// `127.0.0.1` and the port.
    pub address: String,
    way: watch::Sender<Way>,
    sent: watch::Receiver<usize>,
    // Gone with the link.
    _connections: JoinSet<()>,
}

impl Link {
    /// Open, to the server at `host:port`.
    pub async fn to(server: &str) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?.to_string();
        let (way, is) = watch::channel(Way::Open);
        let (count, sent) = watch::channel(0);
        let server: Arc<str> = server.into();
        let mut connections = JoinSet::new();
        connections.spawn(async move {
            let mut running = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                let (server, is, count) = (server.clone(), is.clone(), count.clone());
                running.spawn(async move {
                    // A connection that ends is nothing to tell of.
                    _ = connection(client, &server, is, &count).await;
                });
                while running.try_join_next().is_some() {}
            }
        });
        Ok(Self {
            address,
            way,
            sent,
            _connections: connections,
        })
    }

    /// To the server of an `http` URL, and the URL that leads along the link.
    pub async fn to_url(url: &str) -> Result<(Self, String)> {
        let server = url.strip_prefix("http://").context("an http URL")?;
        let link = Self::to(server.trim_end_matches('/')).await?;
        let url = format!("http://{}", link.address);
        Ok((link, url))
    }

    /// To the server of a database URL, and the URL that leads along the link.
    pub async fn to_database(url: &str) -> Result<(Self, String)> {
        let (before, server) = url.rsplit_once('@').context("a user in the database URL")?;
        let (server, database) = server.split_once('/').context("a database in its URL")?;
        let link = Self::to(server).await?;
        let url = format!("{before}@{}/{database}", link.address);
        Ok((link, url))
    }

    pub fn set(&self, way: Way) {
        self.way.send_replace(way);
    }

    /// Waits until clients have sent something so many times more.
    pub async fn is_tried(&self, times: usize, limit: Duration) -> Result<()> {
        let mut sent = self.sent.clone();
        let until = *sent.borrow() + times;
        tokio::time::timeout(limit, sent.wait_for(|sent| *sent >= until))
            .await
            .with_context(|| format!("nobody tried {times} times within {limit:?}"))??;
        Ok(())
    }
}

async fn connection(
    mut client: TcpStream,
    server: &str,
    mut is: watch::Receiver<Way>,
    count: &watch::Sender<usize>,
) -> Result<()> {
    count.send_modify(|sent| *sent += 1);
    client.set_nodelay(true)?;
    let way = *is.borrow_and_update();
    match way {
        Way::Cut => return Ok(()),
        Way::Refusing => return refuse(&mut client, count).await,
        Way::Open | Way::Long(_) | Way::Still => {}
    }
    let mut server = TcpStream::connect(server).await?;
    server.set_nodelay(true)?;
    let (mut from_client, mut to_client) = client.split();
    let (mut from_server, mut to_server) = server.split();
    let both = async {
        tokio::select! {
            ended = pass(&mut from_client, &mut to_server, is.clone(), Some(count)) => ended,
            ended = pass(&mut from_server, &mut to_client, is.clone(), None) => ended,
        }
    };
    let mut ended = is.clone();
    tokio::select! {
        // Who is on it meets what follows with the next connection.
        _ = ended.wait_for(|way| matches!(way, Way::Cut | Way::Refusing)) => Ok(()),
        ended = both => ended,
    }
}

async fn pass(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    mut is: watch::Receiver<Way>,
    count: Option<&watch::Sender<usize>>,
) -> Result<()> {
    let mut bytes = vec![0; 64 * 1024];
    loop {
        let read = from.read(&mut bytes).await?;
        if read == 0 {
            return Ok(());
        }
        if let Some(count) = count {
            count.send_modify(|sent| *sent += 1);
        }
        let way = *is.borrow_and_update();
        match way {
            Way::Long(delay) => tokio::time::sleep(delay).await,
            Way::Still => _ = is.wait_for(|way| *way != Way::Still).await?,
            Way::Open | Way::Cut | Way::Refusing => {}
        }
        to.write_all(&bytes[..read]).await?;
    }
}

/// Reads one request to its end, answers it, and closes.
async fn refuse(client: &mut TcpStream, count: &watch::Sender<usize>) -> Result<()> {
    let mut request = Vec::new();
    let mut bytes = vec![0; 64 * 1024];
    loop {
        let read = client.read(&mut bytes).await?;
        if read == 0 {
            return Ok(());
        }
        request.extend_from_slice(&bytes[..read]);
        if is_whole(&request) {
            break;
        }
    }
    count.send_modify(|sent| *sent += 1);
    let answer = format!(
        "HTTP/1.1 429 Too Many Requests\r\nx-elastic-product: Elasticsearch\r\ncontent-type: application/json\r\n\
         content-length: {}\r\nconnection: close\r\n\r\n{TOO_MANY}",
        TOO_MANY.len()
    );
    client.write_all(answer.as_bytes()).await?;
    client.shutdown().await?;
    Ok(())
}

/// Whether head and body are there. A body without a length ends with the last chunk.
fn is_whole(request: &[u8]) -> bool {
    let Some(head) = request.windows(4).position(|part| part == b"\r\n\r\n") else {
        return false;
    };
    let body = &request[head + 4..];
    let head = String::from_utf8_lossy(&request[..head]).to_ascii_lowercase();
    match head
        .lines()
        .find_map(|line| line.strip_prefix("content-length:"))
        .and_then(|length| length.trim().parse::<usize>().ok())
    {
        Some(length) => body.len() >= length,
        None => !head.contains("transfer-encoding: chunked") || body.ends_with(b"0\r\n\r\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_whole_with_its_body() {
        assert!(!is_whole(b"GET / HTTP/1.1\r\nhost: a\r\n"));
        assert!(is_whole(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"));
        assert!(!is_whole(b"POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nab"));
        assert!(is_whole(b"POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc"));
        assert!(!is_whole(
            b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n"
        ));
        assert!(is_whole(
            b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n"
        ));
    }
}
