//! Numbers against big arithmetic done on their digits.

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::decode::number::{Number, Unfit};

/// The number that a text writes, in units of `10^-scale`, by moving its point: its digits, and whether all digits
/// after the point are zeros.
fn by_moving_the_point(text: &str, scale: i64) -> (String, bool) {
    let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let shift = exponent.parse::<i64>().unwrap() + scale;
    let mut before: Vec<char> = whole.trim_start_matches('-').chars().collect();
    let mut after: std::collections::VecDeque<char> = fraction.chars().collect();
    for _ in 0..shift.max(0) {
        before.push(after.pop_front().unwrap_or('0'));
    }
    for _ in shift.min(0)..0 {
        after.push_front(before.pop().unwrap_or('0'));
    }
    let digits: String = before.into_iter().collect();
    let digits = digits.trim_start_matches('0').to_owned();
    (digits, after.iter().all(|digit| *digit == '0'))
}

#[test]
fn scaling_moves_the_point() {
    let seed = rand::random();
    println!("seed {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let digits = |random: &mut StdRng, range| {
        let length = random.random_range(range);
        let any_digit = |random: &mut StdRng| char::from(b"0000123459"[random.random_range(0..10)]);
        (0..length).map(|_| any_digit(random)).collect::<String>()
    };
    for _ in 0..50_000 {
        let mut text = digits(&mut random, 1..30);
        if random.random() {
            text = format!("{text}.{}", digits(&mut random, 1..30));
        }
        if random.random() {
            text = format!("{text}e{}", random.random_range(-30..30));
        }
        let scale = random.random_range(-6..20);
        let exactly = Number::parse(text.as_bytes()).unwrap().exactly(scale);
        let (whole, is_whole) = by_moving_the_point(&text, scale);
        let context = format!("{text} at {scale}: {exactly:?}, {whole} {is_whole}");
        match exactly {
            Ok(units) => {
                let units = if units == 0 {
                    String::new()
                } else {
                    units.to_string()
                };
                assert!(is_whole && units == whole, "{context}");
            }
            Err(Unfit::Fraction) => assert!(!is_whole, "{context}"),
            Err(Unfit::TooLarge) => assert!(whole.len() > 38, "{context}"),
        }
        let negative = Number::parse(format!("-{text}").as_bytes()).unwrap();
        assert_eq!(
            negative.exactly(scale),
            exactly.map(|units| -units),
            "{context}"
        );
    }
}

#[test]
fn floor_rounds_down() {
    for (text, scale, expected) in [
        ("1.29", 1, Some(12)),
        ("-1.29", 1, Some(-13)),
        ("-1.30", 1, Some(-13)),
        ("1e-99", 6, Some(0)),
        ("-1e-99", 6, Some(-1)),
        ("1e99", 6, None),
    ] {
        let number = Number::parse(text.as_bytes()).unwrap();
        assert_eq!(number.floor(scale), expected, "{text}");
    }
}
