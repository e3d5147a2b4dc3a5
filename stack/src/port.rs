//! Ports for servers that only this machine talks to.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener};
use std::sync::{LazyLock, Mutex, PoisonError};

use anyhow::{Context, Result, bail};

/// Below this, ports belong to well-known services.
const LOWEST: u16 = 10_240;
/// Linux's default for the first port that outgoing connections may take.
const DEFAULT_EPHEMERAL: u16 = 32_768;

static HANDED_OUT: LazyLock<Mutex<HashSet<u16>>> = LazyLock::new(Mutex::default);

/// A loopback port on which nothing listens, never the same twice in one process.
///
/// It lies below the range from which the kernel serves outgoing connections: a server that binds it some seconds later
/// does not find it taken by a client's connection.
pub fn free_port() -> Result<u16> {
    let end = ephemeral_start().max(LOWEST + 1_000);
    let random = RandomState::new();
    for attempt in 0..2_000_u64 {
        let span = u64::from(end - LOWEST);
        let candidate = LOWEST + u16::try_from(random.hash_one(attempt) % span).context("port range")?;
        let fresh = HANDED_OUT
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(candidate);
        if fresh && is_free(candidate) {
            return Ok(candidate);
        }
    }
    bail!("no free port found between {LOWEST} and {end}")
}

/// Whether a server could listen on this port of every interface now.
pub fn is_free(port: u16) -> bool {
    TcpListener::bind(SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, port)).is_ok()
}

fn ephemeral_start() -> u16 {
    std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range")
        .ok()
        .and_then(|range| parse_range_start(&range))
        .unwrap_or(DEFAULT_EPHEMERAL)
}

fn parse_range_start(range: &str) -> Option<u16> {
    range.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_distinct_and_free() {
        let ports: HashSet<u16> = (0..50).map(|_| free_port().unwrap()).collect();
        assert_eq!(ports.len(), 50);
        assert!(ports.iter().all(|port| *port >= LOWEST));
    }

    #[test]
    fn a_port_in_use_is_not_free() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        assert!(!is_free(listener.local_addr().unwrap().port()));
    }

    #[test]
    fn the_kernels_range_is_read() {
        assert_eq!(parse_range_start("32768\t60999\n"), Some(32_768));
        assert_eq!(parse_range_start(""), None);
    }
}
