//! What made-up people are called, where they live and what they spend money on.

/// What money is spent on.
#[derive(Debug)]
pub(super) struct Category {
    pub(super) name: &'static str,
    /// The `type` of such a transaction.
    pub(super) kind: &'static str,
    /// A middling amount.
    pub(super) cents: u64,
    /// How frequent it is.
    pub(super) weight: u64,
    pub(super) merchants: &'static [&'static str],
}

const fn category(
    name: &'static str,
    kind: &'static str,
    cents: u64,
    weight: u64,
    merchants: &'static [&'static str],
) -> Category {
    Category {
        name,
        kind,
        cents,
        weight,
        merchants,
    }
}

pub(super) const CASH: Category = category(
    "cash",
    "withdrawal",
    12_000,
    8,
    &["Market Square ATM", "Station ATM", "Airport ATM"],
);
pub(super) const ELECTRONICS: Category = category(
    "electronics",
    "payment",
    24_000,
    3,
    &["Bright Circuit", "Gadget Harbour", "Pixel Barn"],
);
pub(super) const GIFT_CARDS: Category = category(
    "gift_cards",
    "payment",
    5_000,
    1,
    &["Card Corner", "Gift Lane"],
);
pub(super) const TRANSFERS: Category = category(
    "transfers",
    "transfer",
    15_000,
    7,
    &["Bank Transfer", "Mobile Transfer"],
);

/// All of them. No usual amount reaches 10,000, and no usual withdrawal 1,000: those are left to fraud.
pub(super) static CATEGORIES: [Category; 21] = [
    category(
        "groceries",
        "payment",
        4_200,
        20,
        &[
            "Green Basket",
            "Corner Grocer",
            "Daily Larder",
            "Harvest Hall",
        ],
    ),
    category(
        "restaurants",
        "payment",
        3_400,
        12,
        &[
            "The Copper Pot",
            "Noodle Yard",
            "Olive Terrace",
            "Old Mill Inn",
        ],
    ),
    category(
        "coffee",
        "payment",
        600,
        8,
        &["Bean Street", "Morning Cup", "Roast House"],
    ),
    category(
        "fuel",
        "payment",
        5_500,
        6,
        &["Ring Road Fuel", "Hilltop Station"],
    ),
    category(
        "transport",
        "payment",
        1_400,
        7,
        &["City Transit", "Quick Cab", "Harbour Ferry"],
    ),
    category(
        "travel",
        "payment",
        32_000,
        2,
        &["Blue Sky Travel", "Lakeside Hotel", "Northern Rail"],
    ),
    category(
        "clothing",
        "payment",
        6_500,
        5,
        &["Thread and Needle", "Linen Loft", "Shoe Yard"],
    ),
    category(
        "health",
        "payment",
        3_800,
        4,
        &["Park Pharmacy", "Well Clinic"],
    ),
    category(
        "entertainment",
        "payment",
        2_600,
        4,
        &["Grand Cinema", "Arcade Row", "Stage Door"],
    ),
    category(
        "books",
        "payment",
        2_200,
        3,
        &["Paper Lantern Books", "Second Shelf"],
    ),
    category(
        "sports",
        "payment",
        5_200,
        2,
        &["Summit Sports", "River Gym"],
    ),
    category(
        "home",
        "payment",
        8_800,
        3,
        &["Oak and Iron", "Garden Gate"],
    ),
    category(
        "utilities",
        "payment",
        9_500,
        4,
        &["City Water", "Valley Power", "Clear Line Telecom"],
    ),
    category(
        "insurance",
        "payment",
        11_000,
        2,
        &["Harbour Mutual", "Anchor Cover"],
    ),
    category(
        "subscriptions",
        "payment",
        1_200,
        4,
        &["Stream Box", "News Daily", "Cloud Locker"],
    ),
    category(
        "rent",
        "transfer",
        85_000,
        2,
        &["Maple Property", "Riverside Homes"],
    ),
    category("salary", "deposit", 185_000, 4, &["Payroll"]),
    CASH,
    ELECTRONICS,
    GIFT_CARDS,
    TRANSFERS,
];

/// Where people live, and what they pay with there.
#[derive(Debug, Clone, Copy)]
pub(super) struct Country {
    pub(super) code: &'static str,
    pub(super) currency: &'static str,
}

const fn country(code: &'static str, currency: &'static str) -> Country {
    Country { code, currency }
}

pub(super) static COUNTRIES: [Country; 12] = [
    country("DE", "EUR"),
    country("FR", "EUR"),
    country("ES", "EUR"),
    country("IT", "EUR"),
    country("NL", "EUR"),
    country("AT", "EUR"),
    country("US", "USD"),
    country("US", "USD"),
    country("GB", "GBP"),
    country("CH", "CHF"),
    country("SE", "SEK"),
    country("PL", "PLN"),
];

pub(super) static FIRST_NAMES: [&str; 32] = [
    "Robin", "Sasha", "Alex", "Kim", "Noor", "Jules", "Mika", "Toni", "Dana", "Luca", "Ariel",
    "Sam", "Rene", "Jona", "Kai", "Lee", "Nika", "Remy", "Charlie", "Eden", "Finley", "Gale",
    "Harper", "Indra", "Jesse", "Lior", "Marin", "Nilo", "Quinn", "Rowan", "Sky", "Wren",
];

pub(super) static LAST_NAMES: [&str; 32] = [
    "Ashwood",
    "Birchfield",
    "Brook",
    "Cedarholm",
    "Copperfell",
    "Dale",
    "Elmhurst",
    "Fernley",
    "Fieldstone",
    "Foxglove",
    "Greenmoor",
    "Hazelwood",
    "Heather",
    "Hillcrest",
    "Lakeland",
    "Larkspur",
    "Lindenau",
    "Marshfield",
    "Meadows",
    "Millbrook",
    "Northgate",
    "Oakley",
    "Pinewood",
    "Quarry",
    "Ridgeway",
    "Riverstone",
    "Saltmarsh",
    "Thornbury",
    "Underhill",
    "Valley",
    "Westerly",
    "Willowby",
];
