//! Asks a server whether it is ready, in its own protocol, without a client library.

use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(2);

/// Whether PostgreSQL lets a client begin to log in; while it recovers it answers an error instead.
pub fn postgres(address: &str) -> bool {
    let mut body = 196_608_i32.to_be_bytes().to_vec();
    body.extend_from_slice(b"user\0probe\0database\0postgres\0\0");
    ask(address, &body, true).is_some_and(|answer| answer.first() == Some(&b'R'))
}

/// Whether a Kafka broker answers a metadata request and names a broker.
pub fn kafka(address: &str) -> bool {
    ask(address, &metadata_request(), false).is_some_and(|answer| names_a_broker(&answer))
}

/// Metadata, version 4, for no topic.
fn metadata_request() -> Vec<u8> {
    let mut body = Vec::new();
    body.extend_from_slice(&3_i16.to_be_bytes());
    body.extend_from_slice(&4_i16.to_be_bytes());
    body.extend_from_slice(&1_i32.to_be_bytes());
    body.extend_from_slice(&(-1_i16).to_be_bytes());
    body.extend_from_slice(&0_i32.to_be_bytes());
    body.push(0);
    body
}

/// After the length come the request's number, the throttle time, and how many brokers there are.
fn names_a_broker(answer: &[u8]) -> bool {
    answer
        .get(12..16)
        .and_then(|count| count.try_into().ok())
        .is_some_and(|count| i32::from_be_bytes(count) > 0)
}

/// Sends a message with its length before it (which counts itself where `inclusive`) and reads the answer's beginning.
fn ask(address: &str, body: &[u8], inclusive: bool) -> Option<Vec<u8>> {
    let address = address.to_socket_addrs().ok()?.next()?;
    let mut stream = TcpStream::connect_timeout(&address, LIMIT).ok()?;
    stream.set_read_timeout(Some(LIMIT)).ok()?;
    stream.set_write_timeout(Some(LIMIT)).ok()?;
    let length = i32::try_from(body.len()).ok()? + if inclusive { 4 } else { 0 };
    let mut message = length.to_be_bytes().to_vec();
    message.extend_from_slice(body);
    stream.write_all(&message).ok()?;
    let mut answer = vec![0; 256];
    let mut filled = 0;
    while filled < 16 {
        match stream.read(answer.get_mut(filled..)?) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(_) => return None,
        }
        if inclusive {
            break;
        }
    }
    answer.truncate(filled);
    Some(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_without_brokers_is_not_ready() {
        let mut answer = vec![0; 16];
        assert!(!names_a_broker(&answer));
        answer[15] = 1;
        assert!(names_a_broker(&answer));
        assert!(!names_a_broker(&answer[..8]));
    }

    #[test]
    fn nothing_listening_is_not_ready() {
        let address = format!("127.0.0.1:{}", crate::free_port().unwrap());
        assert!(!kafka(&address));
        assert!(!postgres(&address));
    }
}
