//! Walks over JSON text and checks it, without making values of it.

/// Why a record is not a JSON object that can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flaw {
    /// It is not JSON.
    Malformed {
        /// The byte at fault, counted from 0.
        at: usize,
        /// What should be there.
        expected: &'static str,
    },
    /// It is nested deeper than is read, from this byte on.
    TooDeep { at: usize },
    /// It is JSON, but not an object.
    NotAnObject(Kind),
}

/// What kind of value stands somewhere in a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)] // A token without padding is copied in registers.
pub(super) enum Kind {
    Null,
    True,
    False,
    Number,
    /// A string in ASCII without escapes.
    Text,
    /// Another string.
    RichText,
    Object,
    Array,
}

/// A value and where it stands, a string with its quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    start: u32,
    end: u32,
}

impl Token {
    /// The decoder takes no more text at once than 32 bits can count.
    #[inline]
    pub(super) fn new(kind: Kind, start: usize, end: usize) -> Self {
        let (start, end) = (start as u32, end as u32);
        Self { kind, start, end }
    }

    /// Where it ends.
    #[inline]
    pub(super) fn end(&self) -> usize {
        self.end as usize
    }

    /// The value's text in its record; a string's without the quotes.
    #[inline]
    pub(super) fn text<'a>(&self, record: &'a [u8]) -> &'a [u8] {
        let quote = usize::from(matches!(self.kind, Kind::Text | Kind::RichText));
        let text = record.get(self.start as usize + quote..self.end() - quote);
        text.unwrap_or_default()
    }
}

/// A flaw is boxed, so that what is returned where there is none fits into registers.
pub(super) type Walked<T> = Result<T, Box<Flaw>>;

/// Every byte 1.
const ONES: u64 = 0x0101_0101_0101_0101;
/// The high bit of every byte.
const HIGHS: u64 = ONES * 0x80;

/// A record's text. Walking over a part of it takes the place where it begins and gives that where it ends: a place
/// that is handed on by value stays in a register.
#[derive(Clone, Copy)]
pub(super) struct Text<'a> {
    bytes: &'a [u8],
    max_depth: usize,
}

impl<'a> Text<'a> {
    pub(super) fn new(bytes: &'a [u8], max_depth: usize) -> Self {
        Self { bytes, max_depth }
    }

    pub(super) fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    #[inline]
    pub(super) fn byte(&self, at: usize) -> Option<u8> {
        self.bytes.get(at).copied()
    }

    /// What stands from there on.
    #[inline]
    pub(super) fn rest(&self, at: usize) -> &'a [u8] {
        self.bytes.get(at..).unwrap_or_default()
    }

    /// The 16 bytes from there on as a little-endian number, with zeros beyond the end of the text.
    #[inline]
    pub(super) fn next_16(&self, at: usize) -> u128 {
        match self.bytes.get(at..).and_then(<[u8]>::first_chunk) {
            Some(bytes) => u128::from_le_bytes(*bytes),
            None => last_bytes(self.bytes, at),
        }
    }

    /// The 8 bytes from there on, likewise.
    #[inline]
    fn next_8(&self, at: usize) -> u64 {
        match self.bytes.get(at..).and_then(<[u8]>::first_chunk) {
            Some(bytes) => u64::from_le_bytes(*bytes),
            None => last_bytes(self.bytes, at) as u64,
        }
    }

    /// Steps over white space.
    #[inline]
    pub(super) fn space(&self, mut at: usize) -> usize {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.byte(at) {
            at += 1;
        }
        at
    }

    /// Nothing but white space may follow.
    pub(super) fn end(&self, at: usize) -> Walked<()> {
        let at = self.space(at);
        match self.byte(at) {
            None => Ok(()),
            Some(_) => expected(at, "nothing after the value"),
        }
    }

    /// Walks over white space and a value that stands inside `depth` objects and arrays.
    #[inline(always)]
    pub(super) fn value(&self, at: usize, depth: usize) -> Walked<Token> {
        let mut start = at;
        if self.byte(start) != Some(b'"') {
            start = self.space(start);
        }
        if self.byte(start) == Some(b'"') {
            let end = self.plain(start + 1);
            if self.byte(end) == Some(b'"') {
                return Ok(Token::new(Kind::Text, start, end + 1));
            }
        }
        let kind = kind_of(self.byte(start));
        let end = self.any_value(start, depth)?;
        Ok(Token::new(kind, start, end))
    }

    #[inline(never)]
    fn any_value(&self, at: usize, depth: usize) -> Walked<usize> {
        match self.byte(at) {
            Some(b'"') => self.rich_text(at),
            Some(b'-' | b'0'..=b'9') => self.number(at),
            Some(b'{') => self.object(at, depth),
            Some(b'[') => self.array(at, depth),
            Some(b't') => self.literal(at, b"true"),
            Some(b'f') => self.literal(at, b"false"),
            Some(b'n') => self.literal(at, b"null"),
            _ => expected(at, "a value"),
        }
    }

    /// Steps into an object or array that stands inside `depth` others, and over the space after its bracket.
    #[inline]
    pub(super) fn open(&self, at: usize, depth: usize, close: u8) -> Walked<Next> {
        if depth >= self.max_depth {
            return Err(Box::new(Flaw::TooDeep { at }));
        }
        let at = self.space(at + 1);
        if self.byte(at) == Some(close) {
            return Ok(Next::End(at + 1));
        }
        Ok(Next::Item(at))
    }

    /// Walks over what follows a value in an object or array.
    #[inline(always)]
    pub(super) fn next(&self, at: usize, close: u8) -> Walked<Next> {
        let at = match self.byte(at) {
            Some(byte) if byte == b',' || byte == close => at,
            _ => self.space(at),
        };
        match self.byte(at) {
            Some(b',') => Ok(Next::Item(self.space(at + 1))),
            Some(byte) if byte == close => Ok(Next::End(at + 1)),
            _ if close == b']' => expected(at, "`,` or `]`"),
            _ => expected(at, "`,` or `}`"),
        }
    }

    fn object(&self, at: usize, depth: usize) -> Walked<usize> {
        let mut next = self.open(at, depth, b'}')?;
        loop {
            match next {
                Next::End(at) => return Ok(at),
                Next::Item(at) => {
                    let (_, at) = self.name(at)?;
                    let value = self.value(at, depth + 1)?;
                    next = self.next(value.end(), b'}')?;
                }
            }
        }
    }

    fn array(&self, at: usize, depth: usize) -> Walked<usize> {
        let mut next = self.open(at, depth, b']')?;
        loop {
            match next {
                Next::End(at) => return Ok(at),
                Next::Item(at) => {
                    let value = self.value(at, depth + 1)?;
                    next = self.next(value.end(), b']')?;
                }
            }
        }
    }

    /// Walks over a field's name and its colon; the name, and where the colon ends.
    pub(super) fn name(&self, at: usize) -> Walked<(Token, usize)> {
        if self.byte(at) != Some(b'"') {
            return expected(at, "a field name in double quotes");
        }
        let name = self.value(at, 0)?;
        let colon = self.space(name.end());
        if self.byte(colon) != Some(b':') {
            return expected(colon, "`:`");
        }
        Ok((name, colon + 1))
    }

    /// Walks over string text up to a quote, a backslash, a control character, one beyond ASCII, or the end.
    #[inline(always)]
    fn plain(&self, mut at: usize) -> usize {
        let first = |special: u64| (special.trailing_zeros() / 8) as usize;
        let (words, _) = self.rest(at).as_chunks();
        for word in words {
            let special = special_bytes(u64::from_le_bytes(*word));
            if special != 0 {
                return at + first(special);
            }
            at += 8;
        }
        at + first(special_bytes(last_bytes(self.bytes, at) as u64)) // The zeros after the end are special.
    }

    /// Walks over a string, whatever is in it.
    fn rich_text(&self, start: usize) -> Walked<usize> {
        let mut is_ascii = true;
        let mut at = start + 1;
        loop {
            at = self.plain(at);
            at = match self.byte(at) {
                Some(b'"') => break,
                Some(b'\\') => self.escape(at + 1)?,
                Some(0x80..) => {
                    is_ascii = false;
                    at + 1
                }
                Some(_) => return expected(at, "an escape in place of the control character"),
                None => return expected(at, "`\"` at the end of the string"),
            };
        }
        let text = self.bytes.get(start..at).unwrap_or_default();
        if is_ascii || simdutf8::basic::from_utf8(text).is_ok() {
            return Ok(at + 1);
        }
        expected(start, "UTF-8")
    }

    /// Walks over what follows a backslash. A surrogate must have its other half: alone it is no character.
    fn escape(&self, at: usize) -> Walked<usize> {
        match self.byte(at) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(at + 1),
            Some(b'u') => match self.code_unit(at + 1)? {
                0xd800..=0xdbff => self.low_surrogate(at + 5),
                0xdc00..=0xdfff => expected(at + 5, "a high surrogate before the low one"),
                _ => Ok(at + 5),
            },
            _ => expected(at, "one of `\"\\/bfnrtu` after the backslash"),
        }
    }

    fn low_surrogate(&self, at: usize) -> Walked<usize> {
        const EXPECTED: &str = "an escaped low surrogate after the high one";
        if !self.rest(at).starts_with(b"\\u") {
            return expected(at, EXPECTED);
        }
        match self.code_unit(at + 2)? {
            0xdc00..=0xdfff => Ok(at + 6),
            _ => expected(at + 6, EXPECTED),
        }
    }

    /// The code unit that four digits write.
    fn code_unit(&self, at: usize) -> Walked<u32> {
        let mut unit = 0;
        for at in at..at + 4 {
            let digit = self.byte(at).and_then(|byte| char::from(byte).to_digit(16));
            let Some(digit) = digit else {
                return expected(at, "four hexadecimal digits after `\\u`");
            };
            unit = unit << 4 | digit;
        }
        Ok(unit)
    }

    #[inline]
    fn number(&self, at: usize) -> Walked<usize> {
        let mut at = at + usize::from(self.byte(at) == Some(b'-'));
        at = match self.byte(at) {
            Some(b'0') => at + 1,
            _ => self.digits(at)?,
        };
        if self.byte(at) == Some(b'.') {
            at = self.digits(at + 1)?;
        }
        if let Some(b'e' | b'E') = self.byte(at) {
            let is_signed = matches!(self.byte(at + 1), Some(b'+' | b'-'));
            at = self.digits(at + 1 + usize::from(is_signed))?;
        }
        Ok(at)
    }

    /// Walks over digits. How many there are differs from record to record: counted, they cost no mispredicted branch.
    #[inline]
    fn digits(&self, start: usize) -> Walked<usize> {
        let mut at = start;
        loop {
            let digits = leading_digits(self.next_8(at));
            at += digits;
            if digits < 8 {
                break;
            }
        }
        if at == start {
            return expected(at, "a digit");
        }
        Ok(at)
    }

    fn literal(&self, at: usize, word: &'static [u8]) -> Walked<usize> {
        if !self.rest(at).starts_with(word) {
            return expected(at, "a value");
        }
        Ok(at + word.len())
    }
}

/// What follows a value, or an opening bracket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// Another item begins there.
    Item(usize),
    /// The object or array ended before there.
    End(usize),
}

/// What is left of a text from there on, less than 16 bytes.
#[inline(never)]
fn last_bytes(text: &[u8], at: usize) -> u128 {
    let rest = text.get(at..).unwrap_or_default();
    match text.last_chunk() {
        Some(bytes) if !rest.is_empty() => u128::from_le_bytes(*bytes) >> (8 * (16 - rest.len())),
        _ => rest
            .iter()
            .rev()
            .fold(0, |word, byte| word << 8 | u128::from(*byte)),
    }
}

#[cold]
#[inline(never)]
fn expected<T>(at: usize, expected: &'static str) -> Walked<T> {
    Err(Box::new(Flaw::Malformed { at, expected }))
}

/// The kind of a value that begins with this byte; a string may be any.
#[inline]
fn kind_of(first: Option<u8>) -> Kind {
    match first {
        Some(b'"') => Kind::RichText,
        Some(b'{') => Kind::Object,
        Some(b'[') => Kind::Array,
        Some(b't') => Kind::True,
        Some(b'f') => Kind::False,
        Some(b'n') => Kind::Null,
        _ => Kind::Number,
    }
}

/// A word in which the high bit of every byte is set that is a quote, a backslash, a control character or not ASCII.
/// It may be set above such a byte too, where a borrow came from below, but never below the first one.
#[inline]
fn special_bytes(word: u64) -> u64 {
    // A quote differs from 0x20 in one bit; with it flipped, quotes and control characters are all below 0x21.
    let controls_and_quotes = (word ^ (ONES * 0x02)).wrapping_sub(ONES * 0x21);
    let backslashes = (word ^ (ONES * 0x5c)).wrapping_sub(ONES);
    (controls_and_quotes | backslashes | word) & HIGHS
}

/// How many bytes at the start of a little-endian word are digits.
#[inline]
fn leading_digits(word: u64) -> usize {
    let digits = word ^ (ONES * u64::from(b'0'));
    // Adding 0x76 to the low bits sets a byte's high bit from 10 on.
    let too_large = (((digits & !HIGHS) + ONES * 0x76) | digits) & HIGHS;
    (too_large.trailing_zeros() / 8) as usize
}

/// Appends the text that a string stands for, whose escapes a [`Cursor`] has walked over.
pub(super) fn unescape(raw: &[u8], text: &mut Vec<u8>) {
    let mut rest = raw;
    while let Some(at) = memchr::memchr(b'\\', rest) {
        let (plain, escape) = rest.split_at(at);
        text.extend_from_slice(plain);
        let (character, after) = unescape_one(escape);
        text.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        rest = after;
    }
    text.extend_from_slice(rest);
}

/// The character that the escape at the start of `text` stands for, and what follows.
fn unescape_one(text: &[u8]) -> (char, &[u8]) {
    match text {
        [_, b'u', a, b, c, d, rest @ ..] => match (unit([a, b, c, d]), rest) {
            (high @ 0xd800..=0xdbff, [b'\\', b'u', a, b, c, d, rest @ ..]) => {
                (pair(high, unit([a, b, c, d])), rest)
            }
            (unit, rest) => (char_of(unit), rest),
        },
        [_, b'b', rest @ ..] => ('\u{8}', rest),
        [_, b'f', rest @ ..] => ('\u{c}', rest),
        [_, b'n', rest @ ..] => ('\n', rest),
        [_, b'r', rest @ ..] => ('\r', rest),
        [_, b't', rest @ ..] => ('\t', rest),
        [_, byte, rest @ ..] => (char::from(*byte), rest),
        _ => (char::REPLACEMENT_CHARACTER, &[]),
    }
}

fn unit(digits: [&u8; 4]) -> u32 {
    let value = |digit: &u8| char::from(*digit).to_digit(16).unwrap_or_default();
    digits
        .into_iter()
        .fold(0, |unit, digit| unit << 4 | value(digit))
}

fn pair(high: u32, low: u32) -> char {
    char_of(0x1_0000 + ((high & 0x3ff) << 10 | low & 0x3ff))
}

fn char_of(code: u32) -> char {
    char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER)
}
