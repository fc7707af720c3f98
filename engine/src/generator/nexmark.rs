//! The events of Nexmark, a benchmark of queries over an auction house: people, auctions and bids of one sequence. Of fifty
//! events in a row the first is a person, the next three are auctions, and the rest bids; numbers, shares and the skew
//! towards a few hot ones are those of its second edition (Tucker, Tufte, Papadimos, Maier: NEXMark, 2008, and its
//! implementation in Apache Beam).

use std::fmt::Write;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::DataType;
use tidemill_plan::model::Micros;

use super::people::texts;
use super::random::{Dice, Purpose};
use super::words::{FIRST_NAMES, LAST_NAMES};
use super::{Column, TIMESTAMP};

/// Of so many events in a row, how many are of each kind.
const ROUND: u64 = 50;
const PEOPLE: u64 = 1;
const AUCTIONS: u64 = 3;

const FIRST_PERSON: u64 = 1_000;
const FIRST_AUCTION: u64 = 1_000;
const FIRST_CATEGORY: u64 = 10;
const CATEGORIES: u64 = 5;

/// So many of the newest people are active, and so many of the newest auctions are bid for.
const ACTIVE: u64 = 1_000;
const IN_FLIGHT: u64 = 100;
/// One in so many ids is hot: the last of them attracts most.
const HOT_EVERY: u64 = 100;

/// Auctions end up to this long after they have begun (microseconds).
const LONGEST_AUCTION: u64 = 20_000_000;

const HOT_CHANNELS: [&str; 4] = ["Google", "Facebook", "Baidu", "Apple"];
const CHANNELS: u64 = 10_000;

/// Cities with their states.
const PLACES: [(&str, &str); 10] = [
    ("Phoenix", "AZ"),
    ("Los Angeles", "CA"),
    ("San Francisco", "CA"),
    ("Boise", "ID"),
    ("Portland", "OR"),
    ("Bend", "OR"),
    ("Redmond", "WA"),
    ("Seattle", "WA"),
    ("Kent", "WA"),
    ("Cheyenne", "WY"),
];

/// Which events are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Person,
    Auction,
    Bid,
}

impl Kind {
    /// The number in the sequence of all events of the one that is number `index` of its kind.
    pub(super) fn event(self, index: u64) -> u64 {
        let (first, share) = match self {
            Self::Person => (0, PEOPLE),
            Self::Auction => (PEOPLE, AUCTIONS),
            Self::Bid => (PEOPLE + AUCTIONS, ROUND - PEOPLE - AUCTIONS),
        };
        (index / share)
            .saturating_mul(ROUND)
            .saturating_add(first + index % share)
    }
}

/// The number of the last person that there is at an event.
fn last_person(event: u64) -> u64 {
    event / ROUND
}

/// The number of the last auction that there is at an event; before the first, of that.
fn last_auction(event: u64) -> u64 {
    let begun = (event % ROUND).saturating_sub(PEOPLE - 1).min(AUCTIONS);
    (event / ROUND * AUCTIONS + begun).saturating_sub(1)
}

/// One of the newest, `last` among them: most often the hot one.
fn newest(dice: &Dice, last: u64, of: u64, hot_share: u64, purpose: Purpose, event: u64) -> u64 {
    let draw = dice.number(purpose, event);
    if !draw.is_multiple_of(hot_share) {
        return last / HOT_EVERY * HOT_EVERY;
    }
    last - (draw / hot_share) % (last.min(of - 1) + 1)
}

/// Somebody who sells and bids.
#[derive(Debug, Clone, Copy)]
pub(super) struct Person {
    id: u64,
    first_name: &'static str,
    last_name: &'static str,
    card: u64,
    place: (&'static str, &'static str),
    extra: u64,
    at: Micros,
}

impl Person {
    pub(super) fn make(dice: &Dice, event: u64, at: Micros) -> Self {
        Self {
            id: FIRST_PERSON + last_person(event),
            first_name: dice.choose(&FIRST_NAMES, "Robin", Purpose::FirstName, event),
            last_name: dice.choose(&LAST_NAMES, "Ashwood", Purpose::LastName, event),
            card: dice.below(10_u64.pow(16), Purpose::Card, event),
            place: dice.choose(&PLACES, ("Bend", "OR"), Purpose::Place, event),
            extra: dice.number(Purpose::Extra, event),
            at,
        }
    }
}

/// Something for sale.
#[derive(Debug, Clone, Copy)]
pub(super) struct Auction {
    id: u64,
    initial_bid: u64,
    reserve: u64,
    expires: Micros,
    seller: u64,
    category: u64,
    extra: u64,
    at: Micros,
}

impl Auction {
    pub(super) fn make(dice: &Dice, event: u64, at: Micros) -> Self {
        let initial_bid = price(dice, Purpose::Price, event);
        let length = 1 + dice.below(LONGEST_AUCTION, Purpose::Length, event);
        Self {
            id: FIRST_AUCTION + last_auction(event),
            initial_bid,
            reserve: initial_bid + price(dice, Purpose::Reserve, event),
            expires: at.saturating_add(length as Micros),
            seller: FIRST_PERSON
                + newest(dice, last_person(event), ACTIVE, 4, Purpose::Person, event),
            category: FIRST_CATEGORY + dice.below(CATEGORIES, Purpose::Category, event),
            extra: dice.number(Purpose::Extra, event),
            at,
        }
    }
}

/// What somebody would pay.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bid {
    auction: u64,
    bidder: u64,
    price: u64,
    channel: Channel,
    extra: u64,
    at: Micros,
}

/// Where a bid came in.
#[derive(Debug, Clone, Copy)]
enum Channel {
    Hot(&'static str),
    Other(u64),
}

impl Bid {
    pub(super) fn make(dice: &Dice, event: u64, at: Micros) -> Self {
        let channel = match dice.number(Purpose::Channel, event) {
            draw if draw.is_multiple_of(2) => {
                Channel::Hot(dice.choose(&HOT_CHANNELS, "Google", Purpose::Merchant, event))
            }
            draw => Channel::Other((draw / 2) % CHANNELS),
        };
        let auction = newest(
            dice,
            last_auction(event),
            IN_FLIGHT,
            2,
            Purpose::Auction,
            event,
        );
        let bidder = newest(dice, last_person(event), ACTIVE, 4, Purpose::Person, event);
        Self {
            auction: FIRST_AUCTION + auction,
            bidder: FIRST_PERSON + bidder,
            price: price(dice, Purpose::Price, event),
            channel,
            extra: dice.number(Purpose::Extra, event),
            at,
        }
    }
}

/// In cents, from 1 to 1,000,000 of the unit, each power of ten as likely as the next.
fn price(dice: &Dice, purpose: Purpose, event: u64) -> u64 {
    (10_f64.powf(dice.unit(purpose, event) * 6.0) * 100.0).round() as u64
}

/// All columns of a person.
pub(super) fn people() -> Vec<Column<Person>> {
    vec![
        Column::new("id", DataType::Int64, |rows| numbers(rows, |row| row.id)),
        Column::new("name", DataType::Utf8, |rows| {
            texts(rows.iter(), |text, row| {
                write!(text, "{} {}", row.first_name, row.last_name)
            })
        }),
        Column::new("emailAddress", DataType::Utf8, |rows| {
            texts(rows.iter(), |text, row| {
                write!(text, "{}.{}@example.com", row.first_name, row.id)?;
                text.make_ascii_lowercase();
                Ok(())
            })
        }),
        Column::new("creditCard", DataType::Utf8, |rows| {
            texts(rows.iter(), |text, row| write!(text, "{:016}", row.card))
        }),
        Column::new("city", DataType::Utf8, |rows| {
            words(rows, |row| row.place.0)
        }),
        Column::new("state", DataType::Utf8, |rows| {
            words(rows, |row| row.place.1)
        }),
        Column::new("dateTime", TIMESTAMP, |rows| times(rows, |row| row.at)),
        Column::new("extra", DataType::Utf8, |rows| {
            padding(rows, |row| row.extra)
        }),
    ]
}

/// All columns of an auction.
pub(super) fn auctions() -> Vec<Column<Auction>> {
    vec![
        Column::new("id", DataType::Int64, |rows| numbers(rows, |row| row.id)),
        Column::new("itemName", DataType::Utf8, |rows| {
            texts(rows.iter(), |text, row| {
                write!(text, "item {}", row.extra % 1_000)
            })
        }),
        Column::new("description", DataType::Utf8, |rows| {
            texts(rows.iter(), |text, row| {
                write!(text, "lot {} of seller {}, as seen", row.id, row.seller)
            })
        }),
        Column::new("initialBid", DataType::Int64, |rows| {
            numbers(rows, |row| row.initial_bid)
        }),
        Column::new("reserve", DataType::Int64, |rows| {
            numbers(rows, |row| row.reserve)
        }),
        Column::new("dateTime", TIMESTAMP, |rows| times(rows, |row| row.at)),
        Column::new("expires", TIMESTAMP, |rows| times(rows, |row| row.expires)),
        Column::new("seller", DataType::Int64, |rows| {
            numbers(rows, |row| row.seller)
        }),
        Column::new("category", DataType::Int64, |rows| {
            numbers(rows, |row| row.category)
        }),
        Column::new("extra", DataType::Utf8, |rows| {
            padding(rows, |row| row.extra)
        }),
    ]
}

/// All columns of a bid.
pub(super) fn bids() -> Vec<Column<Bid>> {
    vec![
        Column::new("auction", DataType::Int64, |rows| {
            numbers(rows, |row| row.auction)
        }),
        Column::new("bidder", DataType::Int64, |rows| {
            numbers(rows, |row| row.bidder)
        }),
        Column::new("price", DataType::Int64, |rows| {
            numbers(rows, |row| row.price)
        }),
        Column::new("channel", DataType::Utf8, |rows| {
            texts(rows.iter(), |text, row| match row.channel {
                Channel::Hot(name) => text.write_str(name),
                Channel::Other(number) => write!(text, "channel-{number}"),
            })
        }),
        Column::new("url", DataType::Utf8, |rows| {
            texts(rows.iter(), |text, row| match row.channel {
                Channel::Hot(name) => write!(
                    text,
                    "https://www.example.com/{}/{:05x}/item.htm?query=1",
                    name,
                    row.extra % 0x10_0000
                ),
                Channel::Other(number) => write!(
                    text,
                    "https://www.example.com/{:05x}/item.htm?query=1&channel_id={number}",
                    row.extra % 0x10_0000
                ),
            })
        }),
        Column::new("dateTime", TIMESTAMP, |rows| times(rows, |row| row.at)),
        Column::new("extra", DataType::Utf8, |rows| {
            padding(rows, |row| row.extra)
        }),
    ]
}

fn numbers<R>(rows: &[R], number: impl Fn(&R) -> u64) -> ArrayRef {
    Arc::new(Int64Array::from_iter_values(
        rows.iter()
            .map(|row| i64::try_from(number(row)).unwrap_or(i64::MAX)),
    ))
}

fn times<R>(rows: &[R], time: impl Fn(&R) -> Micros) -> ArrayRef {
    Arc::new(TimestampMicrosecondArray::from_iter_values(
        rows.iter().map(time),
    ))
}

fn words<R>(rows: &[R], word: impl Fn(&R) -> &'static str) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(rows.iter().map(word)))
}

/// What makes a record as long as they are.
fn padding<R>(rows: &[R], chance: impl Fn(&R) -> u64) -> ArrayRef {
    texts(rows.iter(), |text, row| {
        let chance = chance(row);
        write!(text, "{chance:016x}{:016x}", !chance)
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::collections::HashMap;

    use super::*;

    const EVENTS: u64 = 200_000;

    fn events(kind: Kind) -> impl Iterator<Item = u64> {
        (0..)
            .map(move |i| kind.event(i))
            .take_while(|&e| e < EVENTS)
    }

    #[test]
    fn every_event_is_of_one_kind_in_its_share() {
        let kinds = [Kind::Person, Kind::Auction, Kind::Bid];
        let mut all: Vec<u64> = kinds.into_iter().flat_map(events).collect();
        all.sort_unstable();
        assert!(all.into_iter().eq(0..EVENTS));
        let counts = kinds.map(|kind| events(kind).count() as u64);
        assert_eq!(counts, [1, 3, 46].map(|share| share * EVENTS / 50));
    }

    #[test]
    fn ids_are_given_in_turn_and_what_is_referred_to_is_there() {
        let dice = Dice::new(7);
        for (i, event) in events(Kind::Person).enumerate() {
            let person = Person::make(&dice, event, 0);
            assert_eq!(person.id, FIRST_PERSON + i as u64, "event {event}");
        }
        for (i, event) in events(Kind::Auction).enumerate() {
            let auction = Auction::make(&dice, event, 5);
            assert_eq!(auction.id, FIRST_AUCTION + i as u64, "event {event}");
            let people = FIRST_PERSON..=FIRST_PERSON + last_person(event);
            assert!(people.contains(&auction.seller), "{auction:?} at {event}");
            assert!(auction.expires > 5 && auction.reserve > auction.initial_bid);
        }
        for event in events(Kind::Bid) {
            let bid = Bid::make(&dice, event, 0);
            let auctions = FIRST_AUCTION..=FIRST_AUCTION + last_auction(event);
            let people = FIRST_PERSON..=FIRST_PERSON + last_person(event);
            assert!(auctions.contains(&bid.auction), "{bid:?} at {event}");
            assert!(people.contains(&bid.bidder), "{bid:?} at {event}");
            assert!((100..=100_000_000).contains(&bid.price), "{bid:?}");
        }
    }

    #[test]
    fn half_of_the_bids_are_for_hot_auctions_and_three_quarters_by_hot_bidders() {
        let dice = Dice::new(8);
        let mut hot = HashMap::new();
        for event in events(Kind::Bid) {
            let bid = Bid::make(&dice, event, 0);
            *hot.entry("auction").or_default() += u64::from(bid.auction.is_multiple_of(HOT_EVERY));
            *hot.entry("bidder").or_default() += u64::from(bid.bidder.is_multiple_of(HOT_EVERY));
            *hot.entry("channel").or_insert(0) += u64::from(matches!(bid.channel, Channel::Hot(_)));
        }
        let share = |what: &str| hot.get(what).unwrap() * 100 / (EVENTS * 46 / 50);
        assert!((50..=52).contains(&share("auction")), "{hot:?}");
        assert!((74..=77).contains(&share("bidder")), "{hot:?}");
        assert!((49..=51).contains(&share("channel")), "{hot:?}");
    }
}
