//! Texts and figures that do not change when nothing does: what is shown is written, and writing wakes everybody up.

/// A text as it was said before, if it differs from that only in figures, such as how often something was tried.
#[must_use]
pub(crate) fn steady<'a>(text: String, earlier: impl IntoIterator<Item = &'a String>) -> String {
    let same = |before: &&String| without_figures(before).eq(without_figures(&text));
    let before = earlier.into_iter().find(same).cloned();
    before.unwrap_or(text)
}

fn without_figures(text: &str) -> impl Iterator<Item = char> {
    text.chars().filter(|c| !c.is_ascii_digit())
}

/// Two figures of a number, rounded down.
#[must_use]
pub(crate) fn two_figures(number: u64) -> u64 {
    let mut unit = 1_u64;
    while number / unit >= 100 {
        unit = unit.saturating_mul(10);
    }
    number / unit * unit
}

/// A span in seconds, as exactly as a person wants to know it.
#[must_use]
pub(crate) fn rounded_seconds(seconds: u64) -> u64 {
    let unit = match seconds {
        0..10 => 1,
        10..120 => 10,
        _ => 60,
    };
    seconds / unit * unit
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_only_counts_on_is_not_said_again() {
        let earlier = vec!["refused (tried 3 times)".to_owned(), "gone".to_owned()];
        let say = |text: &str| steady(text.to_owned(), &earlier);
        assert_eq!(say("refused (tried 14 times)"), "refused (tried 3 times)");
        assert_eq!(say("timed out"), "timed out");
    }

    #[test]
    fn figures_are_as_coarse_as_they_are_large() {
        let numbers = [0, 7, 42, 99, 101, 1_234, 987_654, u64::MAX];
        let rounded = [
            0,
            7,
            42,
            99,
            100,
            1_200,
            980_000,
            18_000_000_000_000_000_000,
        ];
        assert_eq!(numbers.map(two_figures), rounded);
        assert_eq!(
            [0, 9, 11, 119, 121, 3_700].map(rounded_seconds),
            [0, 9, 10, 110, 120, 3_660]
        );
    }
}
