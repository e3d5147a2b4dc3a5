//! The producer that dead letters and changes share.

use rdkafka::error::KafkaError;
use rdkafka::producer::FutureProducer;

use super::settings::KafkaSettings;
use super::topics::DEAD_LETTER_MAX_BYTES;

/// One for the process: it batches over all that is sent. Drop it off the async threads.
pub fn producer(settings: &KafkaSettings) -> Result<FutureProducer, KafkaError> {
    settings
        .client_config()
        .set("enable.idempotence", "true")
        .set("acks", "all")
        // A batch is handed over at once; somebody waits for the change that it tells of.
        .set("linger.ms", "0")
        // As every other client of Kafka shares keys out, the command service too.
        .set("partitioner", "murmur2_random")
        .set("compression.type", "zstd")
        .set("message.max.bytes", DEAD_LETTER_MAX_BYTES)
        .set("message.timeout.ms", "30000")
        .set("queue.buffering.max.kbytes", "32768")
        .create()
}
