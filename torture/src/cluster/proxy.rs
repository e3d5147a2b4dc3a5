//! A way between the services and a server that can be made slow, cut, or closed.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::overloaded;

/// How the way is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    Open,
    /// Every connection is cut when it has lasted so long.
    CutEvery(Duration),
    /// What is sent arrives so much later, and of so many connections one is cut now and then.
    Slow(Duration),
    /// HTTP: 429 to every request, or to every item of a bulk.
    Overloaded,
}

pub struct Proxy {
    /// Where it listens: `host:port`.
    pub address: String,
    way: watch::Sender<Way>,
    // Gone with the proxy.
    _connections: JoinSet<()>,
}

impl Proxy {
    /// `to`: `host:port`.
    pub async fn before(to: &str) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?.to_string();
        let (way, ways) = watch::channel(Way::Open);
        let to: Arc<str> = to.into();
        let mut connections = JoinSet::new();
        connections.spawn(async move {
            let mut running = JoinSet::new();
            loop {
                let Ok((client, _)) = listener.accept().await else {
                    continue;
                };
                running.spawn(through(client, to.clone(), ways.clone()));
                while running.try_join_next().is_some() {}
            }
        });
        Ok(Self {
            address,
            way,
            _connections: connections,
        })
    }

    /// From now on; connections that exist are cut where the way is no longer open to them.
    pub fn set(&self, way: Way) {
        self.way.send_replace(way);
    }
}

async fn through(client: TcpStream, to: Arc<str>, mut ways: watch::Receiver<Way>) {
    let way = *ways.borrow_and_update();
    let _ = client.set_nodelay(true);
    match way {
        // The service is away from its server while this lasts.
        Way::Overloaded => tokio::select! {
            _ = overloaded::refuse(client) => {}
            _ = changed_from(&mut ways, |now| now == Way::Overloaded) => {}
        },
        Way::Open | Way::Slow(_) | Way::CutEvery(_) => {
            let Ok(server) = TcpStream::connect(&*to).await else {
                return;
            };
            let _ = server.set_nodelay(true);
            let mut cut = ways.clone();
            tokio::select! {
                _ = pass(client, server, ways) => {}
                () = until_cut(&mut cut) => {}
            }
        }
    }
}

/// Returns when the connection is to be cut.
async fn until_cut(ways: &mut watch::Receiver<Way>) {
    loop {
        let way = *ways.borrow_and_update();
        match way {
            Way::Overloaded => return,
            Way::CutEvery(lasting) => {
                if changed_within(ways, lasting).await {
                    continue;
                }
                return;
            }
            Way::Open | Way::Slow(_) => {
                if ways.changed().await.is_err() {
                    return;
                }
            }
        }
    }
}

async fn changed_within(ways: &mut watch::Receiver<Way>, limit: Duration) -> bool {
    tokio::time::timeout(limit, ways.changed()).await.is_ok()
}

async fn changed_from(ways: &mut watch::Receiver<Way>, stays: impl Fn(Way) -> bool) {
    let _ = ways.wait_for(|way| !stays(*way)).await;
}

async fn pass(mut client: TcpStream, mut server: TcpStream, ways: watch::Receiver<Way>) -> Result<()> {
    let (mut from_client, mut to_client) = client.split();
    let (mut from_server, mut to_server) = server.split();
    tokio::select! {
        ended = carry(&mut from_client, &mut to_server, ways.clone()) => ended,
        ended = carry(&mut from_server, &mut to_client, ways) => ended,
    }
}

/// On a slow way each piece is held up, and after some hundred pieces the connection is lost.
async fn carry(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    ways: watch::Receiver<Way>,
) -> Result<()> {
    let mut buffer = vec![0; 32 * 1024];
    let mut slow_pieces = 0_u32;
    let opened = Instant::now();
    loop {
        let count = from.read(&mut buffer).await?;
        if count == 0 {
            return Ok(());
        }
        let way = *ways.borrow();
        if let Way::Slow(delay) = way {
            sleep(delay).await;
            slow_pieces += 1;
            // No two connections end after the same number.
            let lasting = 100 + u32::try_from(opened.elapsed().as_micros() % 100).unwrap_or_default();
            if slow_pieces > lasting {
                return Ok(());
            }
        }
        to.write_all(buffer.get(..count).unwrap_or_default()).await?;
    }
}
