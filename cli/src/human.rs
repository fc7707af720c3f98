//! Numbers and times as people read them.

/// `1234567` as `1,234,567`.
pub(crate) fn grouped(value: u64) -> String {
    let digits = value.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A span of time in its one or two largest units: `0.4s`, `42s`, `5m10s`, `3h`, `2d4h`.
pub(crate) fn span(millis: u64) -> String {
    let seconds = millis / 1_000;
    let two = |large: u64, unit: &str, small: u64, part: &str, keep: u64| {
        if small == 0 || large >= keep {
            format!("{large}{unit}")
        } else {
            format!("{large}{unit}{small}{part}")
        }
    };
    match seconds {
        0..10 if !millis.is_multiple_of(1_000) => format!("{seconds}.{}s", millis % 1_000 / 100),
        0..60 => format!("{seconds}s"),
        60..3_600 => two(seconds / 60, "m", seconds % 60, "s", 10),
        3_600..86_400 => two(seconds / 3_600, "h", seconds % 3_600 / 60, "m", 10),
        _ => two(seconds / 86_400, "d", seconds % 86_400 / 3_600, "h", 10),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_in_threes() {
        let shown: Vec<String> = [0, 999, 1000, 1_234_567].into_iter().map(grouped).collect();
        assert_eq!(shown, ["0", "999", "1,000", "1,234,567"]);
    }

    #[test]
    fn spans_have_at_most_two_units() {
        let shown = [
            0,
            420,
            2_000,
            9_950,
            42_400,
            60_000,
            310_000,
            3_599_000,
            7_500_000,
            187_200_000,
            8_640_000_000,
        ]
        .map(span);
        assert_eq!(
            shown,
            [
                "0s", "0.4s", "2s", "9.9s", "42s", "1m", "5m10s", "59m", "2h5m", "2d4h", "100d"
            ]
        );
    }
}
