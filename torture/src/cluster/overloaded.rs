//! An Elasticsearch that has too much to do: every request, or every item of a bulk, is answered 429.

use anyhow::{Context, Result};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

/// Serves a connection until the client closes it. The first answer is about the whole request, the next about items, in turn.
pub async fn refuse(client: TcpStream) -> Result<()> {
    let mut client = BufReader::new(client);
    for turn in 0_u64.. {
        let mut request_line = String::new();
        if client.read_line(&mut request_line).await? == 0 {
            return Ok(());
        }
        let body = body(&mut client).await?;
        let is_bulk = request_line.contains("/_bulk");
        let (status, answer) = if is_bulk && turn % 2 == 1 {
            ("200 OK", refused_items(&body)?)
        } else {
            (
                "429 Too Many Requests",
                json!({"error": rejected(), "status": 429}),
            )
        };
        let text = if request_line.starts_with("HEAD ") {
            String::new()
        } else {
            answer.to_string()
        };
        let head = format!(
            "HTTP/1.1 {status}\r\nX-elastic-product: Elasticsearch\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            text.len()
        );
        client.write_all(head.as_bytes()).await?;
        client.write_all(text.as_bytes()).await?;
        client.flush().await?;
    }
    Ok(())
}

/// The rest of the head, and what follows it.
async fn body(client: &mut BufReader<TcpStream>) -> Result<Vec<u8>> {
    let (mut length, mut chunked) = (0, false);
    loop {
        let mut line = String::new();
        client.read_line(&mut line).await?;
        let line = line.trim().to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse()?;
        }
        chunked |= line.starts_with("transfer-encoding:") && line.ends_with("chunked");
    }
    let mut body = vec![0; length];
    client.read_exact(&mut body).await?;
    while chunked {
        let mut size = String::new();
        client.read_line(&mut size).await?;
        let size = usize::from_str_radix(size.trim(), 16)?;
        let mut part = vec![0; size + 2];
        client.read_exact(&mut part).await?;
        part.truncate(size);
        body.extend(part);
        chunked = size > 0;
    }
    Ok(body)
}

/// The answer to a bulk none of whose items was taken.
fn refused_items(body: &[u8]) -> Result<Value> {
    let mut lines = body.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let mut items = Vec::new();
    while let Some(line) = lines.next() {
        let action: Value = serde_json::from_slice(line)?;
        let (kind, of) = action
            .as_object()
            .and_then(|action| action.iter().next())
            .context("a bulk without an action")?;
        if kind != "delete" {
            lines.next();
        }
        let item = json!({"_index": of["_index"], "_id": of["_id"], "status": 429, "error": rejected()});
        items.push(json!({ kind: item }));
    }
    Ok(json!({"took": 1, "errors": true, "items": items}))
}

fn rejected() -> Value {
    json!({"type": "es_rejected_execution_exception", "reason": "rejected execution: the harness says so"})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_item_of_a_bulk_is_refused() -> Result<()> {
        let bulk = b"{\"index\":{\"_index\":\"a\",\"_id\":\"1\"}}\n{\"x\":1}\n{\"delete\":{\"_index\":\"a\",\"_id\":\"2\"}}\n";
        let answer = refused_items(bulk)?;
        assert_eq!(answer["items"][0]["index"]["status"], 429);
        assert_eq!(answer["items"][1]["delete"]["_id"], "2");
        assert_eq!(answer["items"].as_array().map(Vec::len), Some(2));
        Ok(())
    }
}
