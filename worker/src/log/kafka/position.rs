//! What a committed offset carries as its metadata: who wrote it, and the task's clock.
//!
//! The writer is the identity of the worker that committed. Whoever takes the partition over can then tell whether a
//! transaction that holds it up may be a dead worker's.

/// Marks metadata as ours, with its version.
const MARK: &str = "1";

/// The longest identity: with it and a clock of 4,000 bytes the metadata stays within the 4,096 that brokers take.
pub(super) const MAX_IDENTITY: usize = 90;

/// Writer and clock as metadata.
pub(super) fn frame(writer: &str, clock: &str) -> String {
    format!("{MARK}{writer}\n{clock}")
}

/// Writer and clock from metadata; `None` where it is not ours, as after an offset was set by a tool.
pub(super) fn unframe(metadata: &[u8]) -> Option<(&str, &str)> {
    std::str::from_utf8(metadata)
        .ok()?
        .strip_prefix(MARK)?
        .split_once('\n')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comes_back_as_it_went() {
        for (writer, clock) in [
            ("worker-0", "17:5"),
            ("w", ""),
            ("worker-1", "1\nline\n"),
            ("ä", "{\"ü\":1}"),
        ] {
            assert_eq!(
                unframe(frame(writer, clock).as_bytes()),
                Some((writer, clock))
            );
        }
    }

    #[test]
    fn what_is_not_ours_is_not_taken_for_a_clock() {
        for foreign in [
            &b""[..],
            b"set by hand",
            b"1no line",
            b"2w\nclock",
            b"\xff\xfe",
        ] {
            assert_eq!(unframe(foreign), None);
        }
    }

    #[test]
    fn the_longest_fits_a_broker() {
        assert!(frame(&"i".repeat(MAX_IDENTITY), &"c".repeat(4000)).len() <= 4096);
    }
}
