//! Numbers as JSON, exactly.

use arrow::datatypes::i256;

/// Writes a whole number.
pub(crate) fn push_integer(out: &mut Vec<u8>, value: impl itoa::Integer) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// Writes the shortest number that reads back as the same one (`5000.0`); `null` for what JSON cannot say.
pub(crate) fn push_float<F: serde::Serialize>(out: &mut Vec<u8>, value: F) {
    let start = out.len();
    if serde_json::to_writer(&mut *out, &value).is_err() {
        out.truncate(start);
        out.extend_from_slice(b"null");
    }
}

/// Writes `unscaled / 10^scale` with exactly `scale` digits after the point.
pub(crate) fn push_decimal(out: &mut Vec<u8>, unscaled: i128, scale: i8) {
    if unscaled < 0 {
        out.push(b'-');
    }
    let magnitude = unscaled.unsigned_abs();
    let mut buffer = itoa::Buffer::new();
    let digits = match u64::try_from(magnitude) {
        Ok(small) => buffer.format(small),
        Err(_) => buffer.format(magnitude),
    };
    push_scaled(out, digits.as_bytes(), scale);
}

/// The same for 256 bits. What needs more than 128 is rare, and may allocate.
pub(super) fn push_decimal256(out: &mut Vec<u8>, unscaled: i256, scale: i8) {
    if let Some(unscaled) = unscaled.to_i128() {
        return push_decimal(out, unscaled, scale);
    }
    let text = unscaled.to_string();
    let digits = match text.strip_prefix('-') {
        Some(digits) => {
            out.push(b'-');
            digits
        }
        None => &text,
    };
    push_scaled(out, digits.as_bytes(), scale);
}

/// Puts the point into the digits of a magnitude.
fn push_scaled(out: &mut Vec<u8>, digits: &[u8], scale: i8) {
    let places = usize::from(scale.unsigned_abs());
    if scale <= 0 {
        out.extend_from_slice(digits);
        if digits != b"0" {
            out.resize(out.len() + places, b'0');
        }
    } else if let Some((whole, fraction)) = digits
        .len()
        .checked_sub(places)
        .filter(|&whole| whole > 0)
        .map(|whole| digits.split_at(whole))
    {
        out.extend_from_slice(whole);
        out.push(b'.');
        out.extend_from_slice(fraction);
    } else {
        out.extend_from_slice(b"0.");
        out.resize(out.len() + places - digits.len(), b'0');
        out.extend_from_slice(digits);
    }
}
