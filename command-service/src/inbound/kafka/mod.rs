//! What the query service asks for by Kafka.

mod repair_requests;

pub use repair_requests::RepairRequests;
