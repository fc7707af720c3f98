//! The header that shows who has posted a request.

use std::fmt::Write as _;

use ring::hmac;

/// Its name.
pub(super) const HEADER: &str = "X-Tidemill-Signature";

/// Signs a body at a time, in seconds since the epoch: `t=<seconds>,v1=<HMAC-SHA256 of "<seconds>.<body>" in hexadecimal>`.
/// The time is signed too, so that a receiver can refuse what somebody has kept and posts again.
pub(super) fn signature(key: &hmac::Key, seconds: u64, body: &[u8]) -> String {
    let mut context = hmac::Context::with_key(key);
    context.update(format!("{seconds}.").as_bytes());
    context.update(body);
    let mut header = format!("t={seconds},v1=");
    for byte in context.sign().as_ref() {
        // Writing to memory does not fail.
        let _ = write!(header, "{byte:02x}");
    }
    header
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As `printf '1700000000.{"a":1}' | openssl dgst -sha256 -hmac secret` has it.
    #[test]
    fn it_is_the_hmac_of_time_and_body() {
        let key = hmac::Key::new(hmac::HMAC_SHA256, b"secret");
        assert_eq!(
            signature(&key, 1_700_000_000, br#"{"a":1}"#),
            "t=1700000000,v1=49f24e537407743fa4a0242bb63b94b9a47ee99cbbe071ccd8a22550ae411686"
        );
    }
}
