//! Which bucket of the outbox an aggregate belongs to.

use uuid::Uuid;

use crate::application::ports::BUCKETS;

/// FNV-1a of 64 bits over the id's 16 bytes, both halves folded together, modulo [`BUCKETS`].
///
/// Rows in the outbox carry the result, so it must not change while rows wait: two builds that disagree would let two
/// relays publish one aggregate at once.
pub fn bucket_of(aggregate_id: Uuid) -> u16 {
    let hash = aggregate_id
        .as_bytes()
        .iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
    ((hash ^ (hash >> 32)) % u64::from(BUCKETS)) as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bucket_of_an_id_never_changes() {
        let golden = [
            ("00000000-0000-0000-0000-000000000000", 12),
            ("ffffffff-ffff-ffff-ffff-ffffffffffff", 13),
            ("0190b5a0-1111-7000-8000-000000000001", 2),
            ("0190b5a0-1111-7000-8000-000000000002", 11),
            ("7d0a2f6e-25c7-4f37-8c8e-2f2a3a9f1b22", 1),
        ];
        for (id, bucket) in golden {
            assert_eq!(bucket_of(id.parse().unwrap()), bucket, "{id}");
        }
    }

    #[test]
    fn ids_that_differ_little_spread_over_all_buckets() {
        let mut counts = [0_u32; BUCKETS as usize];
        for n in 0..16_000_u128 {
            counts[usize::from(bucket_of(Uuid::from_u128(
                0x0190_b5a0_1111_7000_8000_0000_0000_0000 + n,
            )))] += 1;
        }
        assert!(
            counts.iter().all(|count| (800..1200).contains(count)),
            "{counts:?}"
        );
    }
}
