//! A door before Kafka that can be shut for one process, while the broker goes on for all others.

use std::sync::Arc;

use anyhow::{Context, Result};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// How a broker may be told to call itself.
const HOSTS: [&str; 2] = ["127.0.0.1", "localhost"];

pub struct Door {
    /// For `KAFKA__BOOTSTRAP_SERVERS`.
    pub address: String,
    open: watch::Sender<bool>,
    // Gone with the door.
    _connections: JoinSet<()>,
}

impl Door {
    /// Open, before the broker at `kafka`. What the broker says of its own address leads back to the door.
    pub async fn before(kafka: &str) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let ours = listener.local_addr()?.port();
        let theirs: u16 = kafka.rsplit(':').next().context("a port")?.parse()?;
        let (open, is_open) = watch::channel(true);
        let kafka: Arc<str> = kafka.into();
        let mut connections = JoinSet::new();
        connections.spawn(async move {
            let mut running = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                let (kafka, mut is_open) = (kafka.clone(), is_open.clone());
                running.spawn(async move {
                    if !*is_open.borrow_and_update() {
                        return;
                    }
                    tokio::select! {
                        _ = is_open.changed() => {}
                        _ = pass(client, &kafka, theirs, ours) => {}
                    }
                });
                while running.try_join_next().is_some() {}
            }
        });
        Ok(Self {
            address: format!("127.0.0.1:{ours}"),
            open,
            _connections: connections,
        })
    }

    /// Cuts every connection and lets nobody in.
    pub fn shut(&self) {
        self.open.send_replace(false);
    }

    pub fn open(&self) {
        self.open.send_replace(true);
    }
}

async fn pass(mut client: TcpStream, kafka: &str, theirs: u16, ours: u16) -> Result<()> {
    let mut server = TcpStream::connect(kafka).await?;
    let (mut from_client, mut to_client) = client.split();
    let (mut from_server, mut to_server) = server.split();
    tokio::select! {
        ended = tokio::io::copy(&mut from_client, &mut to_server) => ended.map(drop)?,
        ended = answers(&mut from_server, &mut to_client, theirs, ours) => ended?,
    }
    Ok(())
}

/// An answer is a length and so many bytes; a host in it has its port behind it.
async fn answers(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    theirs: u16,
    ours: u16,
) -> Result<()> {
    let places = HOSTS.map(|host| {
        let named = |port: u16| [host.as_bytes(), &u32::from(port).to_be_bytes()].concat();
        (named(theirs), named(ours))
    });
    loop {
        let length = from.read_u32().await?;
        let mut answer = vec![0; usize::try_from(length)?];
        from.read_exact(&mut answer).await?;
        for (theirs, ours) in &places {
            let mut at = 0;
            while at + theirs.len() <= answer.len() {
                if answer[at..].starts_with(theirs) {
                    answer[at..at + ours.len()].copy_from_slice(ours);
                }
                at += 1;
            }
        }
        to.write_u32(length).await?;
        to.write_all(&answer).await?;
    }
}
