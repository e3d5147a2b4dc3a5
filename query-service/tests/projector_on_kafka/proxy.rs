//! The network between a client and a server, which can be cut and can freeze.

use std::pin::pin;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Network {
    Up,
    /// Connections stay, and nothing comes through.
    Frozen,
    /// Connections end, also new ones.
    Cut,
}

pub struct Proxy {
    /// As the server's, with the proxy's address in it.
    pub url: String,
    network: watch::Sender<Network>,
    /// Whatever clients have tried: connections, and what they sent on them.
    tries: watch::Sender<usize>,
    task: JoinHandle<()>,
}

impl Proxy {
    pub async fn before(url: &str) -> Self {
        let server = url.trim_start_matches("http://").to_owned();
        let (address, path) = server.split_once('/').unwrap_or((&server, ""));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let port = listener.local_addr().expect("it listens").port();
        let (network, tries) = (watch::Sender::new(Network::Up), watch::Sender::new(0));
        let task = tokio::spawn(accept(
            listener,
            address.to_owned(),
            network.clone(),
            tries.clone(),
        ));
        Self {
            url: format!("http://127.0.0.1:{port}/{path}"),
            network,
            tries,
            task,
        }
    }

    pub fn set(&self, network: Network) {
        self.network.send_replace(network);
    }

    /// Waits until clients have tried so many times more.
    pub async fn tried(&self, times: usize) {
        let mut tries = self.tries.subscribe();
        let until = *tries.borrow() + times;
        let reached = tries.wait_for(|tries| *tries >= until);
        let reached = tokio::time::timeout(std::time::Duration::from_secs(60), reached).await;
        reached.expect("clients try in time").expect("the proxy runs");
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(
    listener: TcpListener,
    address: String,
    network: watch::Sender<Network>,
    tries: watch::Sender<usize>,
) {
    while let Ok((client, _)) = listener.accept().await {
        tries.send_modify(|tries| *tries += 1);
        let (address, mut network, tries) = (address.clone(), network.subscribe(), tries.clone());
        tokio::spawn(async move {
            let Ok(server) = TcpStream::connect(address).await else {
                return;
            };
            let ((from_client, mut to_client), (mut from_server, to_server)) =
                (client.into_split(), server.into_split());
            let mut through = pin!(async {
                tokio::select! {
                    () = counted(from_client, to_server, &tries) => {}
                    _ = copy(&mut from_server, &mut to_client) => {}
                }
            });
            loop {
                let now = *network.borrow_and_update();
                match now {
                    Network::Up => tokio::select! {
                        () = &mut through => return,
                        changed = network.changed() => if changed.is_err() { return },
                    },
                    Network::Frozen => {
                        if network.changed().await.is_err() {
                            return;
                        }
                    }
                    Network::Cut => return,
                }
            }
        });
    }
}

async fn counted(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, tries: &watch::Sender<usize>) {
    let mut bytes = vec![0; 64 * 1024];
    while let Ok(read @ 1..) = from.read(&mut bytes).await {
        tries.send_modify(|tries| *tries += 1);
        if to.write_all(&bytes[..read]).await.is_err() {
            return;
        }
    }
}
