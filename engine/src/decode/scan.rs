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
pub(super) enum Kind {
    Null,
    True,
    False,
    Number,
    /// A string without escapes.
    Text,
    /// A string with at least one escape.
    Escaped,
    Object,
    Array,
}

/// A value and where it stands, a string with its quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) start: usize,
    pub(super) end: usize,
}

impl Token {
    /// The value's text in its record; a string's without the quotes.
    #[inline]
    pub(super) fn text<'a>(&self, record: &'a [u8]) -> &'a [u8] {
        let quote = usize::from(matches!(self.kind, Kind::Text | Kind::Escaped));
        let text = record.get(self.start + quote..self.end - quote);
        text.unwrap_or_default()
    }
}

/// A flaw is boxed, so that what is returned where there is none fits into registers.
pub(super) type Walked<T> = Result<T, Box<Flaw>>;

/// Every byte 1.
const ONES: u64 = 0x0101_0101_0101_0101;
/// The high bit of every byte.
const HIGHS: u64 = ONES * 0x80;

/// A place in a record's text.
pub(super) struct Cursor<'a> {
    text: &'a [u8],
    at: usize,
    /// Words of string text, or-ed: a high bit in it means that the text may not be ASCII.
    seen: u64,
    max_depth: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(text: &'a [u8], max_depth: usize) -> Self {
        Self {
            text,
            at: 0,
            seen: 0,
            max_depth,
        }
    }

    /// Whether all strings walked over so far are certainly ASCII.
    pub(super) fn is_ascii(&self) -> bool {
        self.seen & HIGHS == 0
    }

    pub(super) fn at(&self) -> usize {
        self.at
    }

    pub(super) fn text(&self) -> &'a [u8] {
        self.text
    }

    #[inline]
    pub(super) fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    #[inline]
    pub(super) fn advance(&mut self, bytes: usize) {
        self.at += bytes;
    }

    #[inline]
    pub(super) fn space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    /// The next 16 bytes as a little-endian number, with zeros beyond the end of the text.
    #[inline]
    pub(super) fn next_16(&self) -> u128 {
        match self.text.get(self.at..).and_then(<[u8]>::first_chunk) {
            Some(bytes) => u128::from_le_bytes(*bytes),
            None => self.last_bytes(),
        }
    }

    /// The next 8 bytes, likewise.
    #[inline]
    fn next_8(&self) -> u64 {
        match self.text.get(self.at..).and_then(<[u8]>::first_chunk) {
            Some(bytes) => u64::from_le_bytes(*bytes),
            None => self.last_bytes() as u64,
        }
    }

    /// What is left of the text, less than 16 bytes.
    #[inline]
    fn last_bytes(&self) -> u128 {
        let rest = self.text.get(self.at..).unwrap_or_default();
        match self.text.last_chunk() {
            Some(bytes) if !rest.is_empty() => {
                u128::from_le_bytes(*bytes) >> (8 * (16 - rest.len()))
            }
            _ => rest
                .iter()
                .rev()
                .fold(0, |word, byte| word << 8 | u128::from(*byte)),
        }
    }

    #[cold]
    pub(super) fn expected(&self, expected: &'static str) -> Box<Flaw> {
        Box::new(Flaw::Malformed {
            at: self.at,
            expected,
        })
    }

    /// Nothing but white space may follow.
    pub(super) fn end(&mut self) -> Walked<()> {
        self.space();
        match self.peek() {
            None => Ok(()),
            Some(_) => Err(self.expected("nothing after the value")),
        }
    }

    /// Walks over a value that stands inside `depth` objects and arrays.
    #[inline]
    pub(super) fn value(&mut self, depth: usize) -> Walked<Kind> {
        match self.peek() {
            Some(b'"') => self.string(),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b'{') => self.object(depth),
            Some(b'[') => self.array(depth),
            Some(b't') => self.literal(b"true", Kind::True),
            Some(b'f') => self.literal(b"false", Kind::False),
            Some(b'n') => self.literal(b"null", Kind::Null),
            _ => Err(self.expected("a value")),
        }
    }

    /// Steps into an object or array that stands inside `depth` others, and over the space after its bracket. False
    /// where it is empty, and then it is left again.
    #[inline]
    pub(super) fn open(&mut self, depth: usize, close: u8) -> Walked<bool> {
        if depth >= self.max_depth {
            return Err(Box::new(Flaw::TooDeep { at: self.at }));
        }
        self.at += 1;
        self.space();
        if self.peek() == Some(close) {
            self.at += 1;
            return Ok(false);
        }
        Ok(true)
    }

    /// Walks over the comma after a value and the space around it; false where the object or array ends instead.
    #[inline]
    pub(super) fn more(&mut self, close: u8, expected: &'static str) -> Walked<bool> {
        let mut next = self.peek();
        if !matches!(next, Some(byte) if byte == b',' || byte == close) {
            self.space();
            next = self.peek();
        }
        match next {
            Some(b',') => {
                self.at += 1;
                self.space();
                Ok(true)
            }
            Some(byte) if byte == close => {
                self.at += 1;
                Ok(false)
            }
            _ => Err(self.expected(expected)),
        }
    }

    fn object(&mut self, depth: usize) -> Walked<Kind> {
        let mut more = self.open(depth, b'}')?;
        while more {
            self.name()?;
            self.value(depth + 1)?;
            more = self.more(b'}', "`,` or `}`")?;
        }
        Ok(Kind::Object)
    }

    fn array(&mut self, depth: usize) -> Walked<Kind> {
        let mut more = self.open(depth, b']')?;
        while more {
            self.value(depth + 1)?;
            more = self.more(b']', "`,` or `]`")?;
        }
        Ok(Kind::Array)
    }

    /// Walks over a field's name and its colon.
    pub(super) fn name(&mut self) -> Walked<Token> {
        if self.peek() != Some(b'"') {
            return Err(self.expected("a field name in double quotes"));
        }
        let start = self.at;
        let kind = self.string()?;
        let end = self.at;
        self.space();
        if self.peek() != Some(b':') {
            return Err(self.expected("`:`"));
        }
        self.at += 1;
        self.space();
        Ok(Token { kind, start, end })
    }

    #[inline]
    fn string(&mut self) -> Walked<Kind> {
        self.at += 1;
        let mut kind = Kind::Text;
        loop {
            self.plain();
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => {
                    self.escape()?;
                    kind = Kind::Escaped;
                }
                Some(_) => return Err(self.expected("an escape in place of the control character")),
                None => return Err(self.expected("`\"` at the end of the string")),
            }
        }
        self.at += 1;
        Ok(kind)
    }

    /// Walks over string text up to a quote, a backslash, a control character or the end.
    #[inline]
    fn plain(&mut self) {
        loop {
            let word = self.next_8();
            self.seen |= word;
            // Each term has a byte's high bit set where the byte is special. A borrow can set it above a special byte
            // too, but never below the first one. A quote differs from 0x20 in the bit that the first term flips.
            let control_or_quote = (word ^ (ONES * 0x02)).wrapping_sub(ONES * 0x21);
            let backslash = (word ^ (ONES * 0x5c)).wrapping_sub(ONES);
            let special = (control_or_quote | backslash) & !word & HIGHS;
            if special != 0 {
                self.at += (special.trailing_zeros() / 8) as usize;
                return;
            }
            self.at += 8;
        }
    }

    /// Walks over an escape. A surrogate must have its other half: alone it is no character.
    fn escape(&mut self) -> Walked<()> {
        self.at += 1;
        match self.peek() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
                self.at += 1;
                Ok(())
            }
            Some(b'u') => match self.code_unit()? {
                0xd800..=0xdbff => self.low_surrogate(),
                0xdc00..=0xdfff => Err(self.expected("a high surrogate before the low one")),
                _ => Ok(()),
            },
            _ => Err(self.expected("one of `\"\\/bfnrtu` after the backslash")),
        }
    }

    fn low_surrogate(&mut self) -> Walked<()> {
        const EXPECTED: &str = "an escaped low surrogate after the high one";
        if self.peek() != Some(b'\\') || self.text.get(self.at + 1) != Some(&b'u') {
            return Err(self.expected(EXPECTED));
        }
        self.at += 1;
        match self.code_unit()? {
            0xdc00..=0xdfff => Ok(()),
            _ => Err(self.expected(EXPECTED)),
        }
    }

    /// Walks over the `u` of an escape and its four digits.
    fn code_unit(&mut self) -> Walked<u16> {
        self.at += 1;
        let mut unit = 0;
        for _ in 0..4 {
            let digit = self.peek().and_then(|b| char::from(b).to_digit(16));
            let digit =
                digit.ok_or_else(|| self.expected("four hexadecimal digits after `\\u`"))?;
            unit = unit << 4 | digit as u16;
            self.at += 1;
        }
        Ok(unit)
    }

    #[inline]
    fn number(&mut self) -> Walked<Kind> {
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        match self.peek() {
            Some(b'0') => self.at += 1,
            _ => self.digits()?,
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(Kind::Number)
    }

    /// Walks over digits. How many there are differs from record to record: counted, they cost no mispredicted branch.
    #[inline]
    fn digits(&mut self) -> Walked<()> {
        let start = self.at;
        loop {
            let digits = leading_digits(self.next_8());
            self.at += digits;
            if digits < 8 {
                break;
            }
        }
        if self.at == start {
            return Err(self.expected("a digit"));
        }
        Ok(())
    }

    #[inline]
    fn literal(&mut self, word: &'static [u8], kind: Kind) -> Walked<Kind> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        if !rest.starts_with(word) {
            return Err(self.expected("a value"));
        }
        self.at += word.len();
        Ok(kind)
    }
}

/// How many bytes at the start of a little-endian word are digits.
#[inline]
fn leading_digits(word: u64) -> usize {
    let digits = word ^ (ONES * u64::from(b'0'));
    // Adding 0x76 to the low bits sets a byte's high bit from 10 on.
    let too_large = ((digits & !HIGHS) + ONES * 0x76 | digits) & HIGHS;
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
