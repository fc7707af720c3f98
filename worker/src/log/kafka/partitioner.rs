//! Which partition a key belongs to: as Java clients decide it, so that topics written here and there line up.

/// The partition of a key among `partitions` (at least 1).
pub(super) fn partition_of(key: &[u8], partitions: u32) -> i32 {
    // Below 2^31 in any case.
    ((murmur2(key) & 0x7fff_ffff) % partitions.max(1)).cast_signed()
}

/// MurmurHash2 with the seed that Kafka's Java client uses.
fn murmur2(data: &[u8]) -> u32 {
    const M: u32 = 0x5bd1_e995;
    const SEED: u32 = 0x9747_b28c;
    // The length is a Java int.
    let mut hash = SEED ^ (data.len() as u32);
    let (words, rest) = data.as_chunks::<4>();
    for word in words {
        let mut k = u32::from_le_bytes(*word).wrapping_mul(M);
        k ^= k >> 24;
        hash = hash.wrapping_mul(M) ^ k.wrapping_mul(M);
    }
    if !rest.is_empty() {
        for (shift, byte) in (0..).step_by(8).zip(rest) {
            hash ^= u32::from(*byte) << shift;
        }
        hash = hash.wrapping_mul(M);
    }
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(M);
    hash ^ (hash >> 15)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From the tests of Kafka's Java client and of librdkafka.
    #[test]
    fn known_answers() {
        let answers: [(&[u8], i32); 9] = [
            (b"21", -973_932_308),
            (b"foobar", -790_332_482),
            (b"a-little-bit-long-string", -985_981_536),
            (b"a-little-bit-longer-string", -1_486_304_829),
            (
                b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8",
                -58_897_971,
            ),
            (b"abc", 479_470_107),
            (b"kafka", 0xd067_cf64_u32.cast_signed()),
            (b"giberish123456789", 0x8f55_2b0c_u32.cast_signed()),
            (b"", 0x106e_08d9),
        ];
        for (key, answer) in answers {
            assert_eq!(
                murmur2(key).cast_signed(),
                answer,
                "{}",
                String::from_utf8_lossy(key)
            );
        }
    }

    #[test]
    fn a_partition_is_never_negative_nor_out_of_range() {
        for n in 0..1000_u32 {
            let partition = partition_of(&n.to_le_bytes(), 7);
            assert!((0..7).contains(&partition));
        }
        assert_eq!(partition_of(b"21", 0), 0);
    }
}
