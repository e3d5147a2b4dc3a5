//! The Confluent wire format: a zero byte, the schema's id in the registry as four bytes big endian, the Avro body.

const MAGIC: u8 = 0;
const PREFIX: usize = 5;

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    #[error("the record has no value")]
    Empty,
    #[error("{0} bytes are too few for the Confluent prefix of five")]
    TooShort(usize),
    #[error("the first byte is {0:#04x}, not the magic byte 0x00")]
    NoMagicByte(u8),
}

/// Puts the prefix before an Avro body.
pub fn frame(schema_id: u32, body: &[u8]) -> Vec<u8> {
    let mut framed = Vec::with_capacity(PREFIX + body.len());
    framed.push(MAGIC);
    framed.extend_from_slice(&schema_id.to_be_bytes());
    framed.extend_from_slice(body);
    framed
}

/// Takes the prefix off: the schema's id and the Avro body.
pub fn unframe(record: &[u8]) -> Result<(u32, &[u8]), WireError> {
    match record {
        [] => Err(WireError::Empty),
        [MAGIC, a, b, c, d, body @ ..] => Ok((u32::from_be_bytes([*a, *b, *c, *d]), body)),
        [MAGIC, ..] => Err(WireError::TooShort(record.len())),
        [first, ..] => Err(WireError::NoMagicByte(*first)),
    }
}
