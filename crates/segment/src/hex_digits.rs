//! Digits of base 16 apart from the texts that they are in.
//!
//! Ids of most resources, keys of objects and UUIDs in ARNs are random digits among letters that are always the same. The
//! digits stand behind one another, two in a byte, and in the text a mark stands for them. What is left compresses to hardly
//! anything, and whoever looks for some digits looks at a few hundred bytes of a block and unpacks none.

use std::ops::Range;

use memchr::memmem::Finder;

use crate::block::{ENDING_CODE, TEXT_CODE};
use crate::bytes::{Cursor, Damage, put_number, put_text};
use crate::cells::parse_uuid;

/// Fewest digits that are taken out of a text, but for those of a UUID: shorter ones are parts of words.
const RUN_MIN: usize = 8;
/// Stands in a text for the digits of a UUID in lower case, and its dashes.
const UUID_MARK: u8 = 1;
/// Stands for [`RUN_MIN`] digits; the marks behind it for one more each.
const FIRST_RUN_MARK: u8 = 2;
/// No byte of a text that digits are taken out of is one of the marks: they are below it, where no string has any.
const MARKS_END: u8 = 0x20;
/// Most digits that one mark stands for.
const RUN_MAX: usize = RUN_MIN + (MARKS_END - 1 - FIRST_RUN_MARK) as usize;
/// Digits that came lately are not taken out again: where the same come with other texts, to compress them costs less.
const RUNS_REMEMBERED: usize = 32;
const UUID_BYTES: usize = 36;
const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// Texts of a column without their digits.
#[derive(Debug, Default)]
pub(crate) struct TakenOut {
    /// For each text: its length now, `<<1`, and 1 if it ends with an earlier text of its row, how many are between the two;
    /// the text with its marks.
    pub(crate) texts: Vec<u8>,
    /// Two in a byte, the first one high.
    pub(crate) digits: Vec<u8>,
    pub(crate) digit_count: usize,
    /// Parts of the texts that are beside the digits, each with [`BESIDE`] bytes of what it has before and behind it, and with
    /// its length.
    pub(crate) parts_beside: Vec<u8>,
}

/// Bytes before and behind a part of a text that are added to it, so that all groups of one more have a byte of their own.
pub(crate) const BESIDE: usize = 3;

impl TakenOut {
    /// Takes digits out of texts; `None` if there are none.
    pub(crate) fn of(codes: &[u8], texts: &[u8]) -> Option<Self> {
        // Lengths are among them: this only tells whether to look closer.
        if !may_have_runs(texts) {
            return None;
        }
        let mut taken = Self {
            texts: Vec::with_capacity(texts.len()),
            digits: Vec::with_capacity(texts.len() / 2),
            digit_count: 0,
            parts_beside: Vec::with_capacity(texts.len()),
        };
        let mut lately = LateRuns::default();
        let mut marked = Vec::new();
        let (mut codes, mut texts) = (Cursor::new(codes), Cursor::new(texts));
        while !codes.is_empty() {
            let code = codes.code().ok()?;
            if code != TEXT_CODE && code != ENDING_CODE {
                continue;
            }
            let texts_between = if code == ENDING_CODE { Some(texts.number().ok()?) } else { None };
            let text = texts.text().ok()?;
            // All bytes at once, which compilers make few instructions of.
            if text.iter().fold(false, |has_mark, byte| has_mark | (*byte < MARKS_END)) {
                return None;
            }
            marked.clear();
            taken.take(text, &mut lately, &mut marked);
            put_number(&mut taken.texts, (marked.len() as u64) << 1 | u64::from(texts_between.is_some()));
            texts_between.into_iter().for_each(|count| put_number(&mut taken.texts, count));
            taken.texts.extend_from_slice(&marked);
        }
        (taken.digit_count > 0).then_some(taken)
    }

    fn take(&mut self, text: &[u8], lately: &mut LateRuns, marked: &mut Vec<u8>) {
        // Where the text was read to, and where the digits end that were taken out last.
        let (mut from, mut taken) = (0, 0);
        while let Some(run) = next_run(text, from) {
            marked.extend_from_slice(&text[from..run.start]);
            let uuid = text.get(run.start..run.start + UUID_BYTES).filter(|_| run.len() == RUN_MIN);
            let ends = text.get(run.start + UUID_BYTES).is_none_or(|byte| digit(*byte).is_none());
            if let Some(uuid) = uuid.filter(|uuid| ends && parse_uuid(uuid).is_some()) {
                from = run.start + UUID_BYTES;
                if lately.is_new(uuid) {
                    marked.push(UUID_MARK);
                    self.put_beside(text, taken..run.start);
                    let mut at = run.start;
                    for digits in uuid.split(|byte| *byte == b'-') {
                        if at > run.start {
                            self.put_beside(text, at - 1..at);
                        }
                        self.put(digits);
                        at += digits.len() + 1;
                    }
                    taken = from;
                } else {
                    marked.extend_from_slice(uuid);
                }
                continue;
            }
            from = run.end;
            let place = run;
            let run = &text[place.clone()];
            // Numbers and words are not random, and compress better.
            let is_mixed = run.iter().any(u8::is_ascii_digit) && run.iter().any(u8::is_ascii_lowercase);
            if is_mixed && lately.is_new(run) {
                put_marks(run.len(), marked);
                self.put(run);
                self.put_beside(text, taken..place.start);
                taken = place.end;
            } else {
                marked.extend_from_slice(run);
            }
        }
        marked.extend_from_slice(&text[from..]);
        self.put_beside(text, taken..text.len());
    }

    fn put_beside(&mut self, text: &[u8], part: Range<usize>) {
        if !part.is_empty() {
            put_text(
                &mut self.parts_beside,
                &text[part.start.saturating_sub(BESIDE)..text.len().min(part.end + BESIDE)],
            );
        }
    }

    /// Appends digits.
    fn put(&mut self, mut digits: &[u8]) {
        // Without a branch: of random digits none can be foretold. Letters have the bit of 64, and end with 1 to 6.
        let value = |byte: u8| (byte & 15) + 9 * (byte >> 6);
        if self.digit_count % 2 == 1
            && let (Some(last), [first, rest @ ..]) = (self.digits.last_mut(), digits)
        {
            *last |= value(*first);
            self.digit_count += 1;
            digits = rest;
        }
        let (pairs, rest) = digits.as_chunks::<2>();
        self.digits.extend(pairs.iter().map(|[high, low]| value(*high) << 4 | value(*low)));
        self.digits.extend(rest.iter().map(|high| value(*high) << 4));
        self.digit_count += digits.len();
    }
}

/// What stands for so many digits.
fn put_marks(mut count: usize, out: &mut Vec<u8>) {
    while count > 0 {
        // What is left must have a mark as well.
        let of_mark = if count <= RUN_MAX { count } else { RUN_MAX.min(count - RUN_MIN) };
        out.push(FIRST_RUN_MARK + (of_mark - RUN_MIN) as u8);
        count -= of_mark;
    }
}

/// The first bytes of digits that came lately.
#[derive(Debug, Default)]
struct LateRuns {
    beginnings: [u64; RUNS_REMEMBERED],
    next: usize,
}

impl LateRuns {
    /// Whether digits, at least eight, did not come lately.
    fn is_new(&mut self, run: &[u8]) -> bool {
        let beginning = run.first_chunk::<8>().map_or(0, |bytes| u64::from_le_bytes(*bytes));
        if self.beginnings.contains(&beginning) {
            return false;
        }
        self.beginnings[self.next % RUNS_REMEMBERED] = beginning;
        self.next += 1;
        true
    }
}

fn digit(byte: u8) -> Option<u8> {
    const NONE: u8 = 16;
    const VALUES: [u8; 256] = {
        let mut values = [NONE; 256];
        let mut value = 0;
        while value < 16 {
            values[DIGITS[value] as usize] = value as u8;
            value += 1;
        }
        values
    };
    let value = VALUES[usize::from(byte)];
    (value != NONE).then_some(value)
}

/// Whether all bytes are digits.
pub(crate) fn are_digits(text: &[u8]) -> bool {
    text.iter().all(|byte| digit(*byte).is_some())
}

/// The first digits behind a place that are enough and have no digit beside them.
fn next_run(text: &[u8], from: usize) -> Option<Range<usize>> {
    // One of so many neighbours is looked at: digits that are enough have one of them.
    let mut at = from + RUN_MIN - 1;
    while at < text.len() {
        if digit(text[at]).is_none() {
            at += RUN_MIN;
            continue;
        }
        let before = text[from..at].iter().rev().take_while(|byte| digit(**byte).is_some()).count();
        let behind = text[at..].iter().take_while(|byte| digit(**byte).is_some()).count();
        if before + behind >= RUN_MIN {
            return Some(at - before..at + behind);
        }
        at += behind + RUN_MIN;
    }
    None
}

fn may_have_runs(texts: &[u8]) -> bool {
    next_run(texts, 0).is_some()
}

/// A text that digits are put back into.
#[derive(Debug)]
pub(crate) struct PutBack<'a> {
    texts: Cursor<'a>,
    digits: &'a [u8],
    /// How many digits were put back.
    used: usize,
    digit_count: usize,
    text: Vec<u8>,
}

/// A text that is whole again.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WholeText<'a> {
    /// Where it ends with an earlier one of its row: how many are between the two.
    pub(crate) texts_between: Option<u64>,
    pub(crate) text: &'a [u8],
}

impl<'a> PutBack<'a> {
    /// `texts` are as they are in [`TakenOut`].
    pub(crate) fn new(texts: &'a [u8], digits: &'a [u8], digit_count: usize) -> Self {
        Self { texts: Cursor::new(texts), digits, used: 0, digit_count, text: Vec::new() }
    }

    /// The next text; `None` behind the last.
    pub(crate) fn next_text(&mut self) -> Result<Option<WholeText<'_>>, Damage> {
        if self.texts.is_empty() {
            let is_all = self.used == self.digit_count;
            return if is_all { Ok(None) } else { Err(Damage("a frame has more digits than its texts")) };
        }
        let number = self.texts.index()?;
        let texts_between = if number & 1 == 1 { Some(self.texts.number()?) } else { None };
        let marked = self.texts.take(number >> 1)?;
        self.text.clear();
        for &byte in marked {
            match byte {
                UUID_MARK => {
                    let from = self.text.len();
                    for digits in [8, 4, 4, 4, 12] {
                        if self.text.len() > from {
                            self.text.push(b'-');
                        }
                        self.put(digits)?;
                    }
                }
                FIRST_RUN_MARK..MARKS_END => self.put(RUN_MIN + usize::from(byte - FIRST_RUN_MARK))?,
                byte => self.text.push(byte),
            }
        }
        Ok(Some(WholeText { texts_between, text: &self.text }))
    }

    fn put(&mut self, count: usize) -> Result<(), Damage> {
        let (first, end) = (self.used, self.used + count);
        let bytes = self.digits.get(first / 2..end.div_ceil(2)).filter(|_| end <= self.digit_count);
        let bytes = bytes.ok_or(Damage("digits are missing"))?;
        let is_low = first % 2;
        self.text
            .extend((is_low..is_low + count).map(|at| DIGITS[usize::from(bytes[at / 2] >> (4 - at % 2 * 4) & 15)]));
        self.used = end;
        Ok(())
    }
}

/// Fewest digits that are looked for: in every place there is a byte that is whole.
const PROBE_MIN: usize = 3;

/// Some digits that are looked for among those that were taken out.
#[derive(Debug)]
pub(crate) struct DigitsProbe {
    /// As they stand if the first is in the high half of a byte, and if it is in the low half.
    parts: [ShiftedDigits; 2],
}

#[derive(Debug)]
struct ShiftedDigits {
    /// The bytes that are whole.
    bytes: Finder<'static>,
    /// The first digit, where it is the low half of the byte before.
    low_before: Option<u8>,
    /// The last digit, where it is the high half of the byte behind.
    high_behind: Option<u8>,
}

impl DigitsProbe {
    /// `None` if a text has something else than digits, or fewer than [`PROBE_MIN`].
    pub(crate) fn new(text: &[u8]) -> Option<Self> {
        let digits: Vec<u8> = text.iter().map(|byte| digit(*byte)).collect::<Option<_>>()?;
        let shifted = |digits: &[u8], low_before| {
            let (pairs, rest) = digits.as_chunks::<2>();
            let bytes: Vec<u8> = pairs.iter().map(|[high, low]| high << 4 | low).collect();
            ShiftedDigits { bytes: Finder::new(&bytes).into_owned(), low_before, high_behind: rest.first().copied() }
        };
        let [first, rest @ ..] = &digits[..] else { return None };
        (digits.len() >= PROBE_MIN).then(|| Self { parts: [shifted(&digits, None), shifted(rest, Some(*first))] })
    }

    /// Whether they are among digits, two in a byte.
    pub(crate) fn is_in(&self, digits: &[u8]) -> bool {
        self.parts.iter().any(|part| part.is_in(digits))
    }
}

impl ShiftedDigits {
    fn is_in(&self, digits: &[u8]) -> bool {
        let mut from = 0;
        while let Some(found) = digits.get(from..).and_then(|rest| self.bytes.find(rest)) {
            let at = from + found;
            let behind = at + self.bytes.needle().len();
            let has_low = |digit| at.checked_sub(1).is_some_and(|before| digits[before] & 15 == digit);
            let has_high = |digit| digits.get(behind).is_some_and(|byte| byte >> 4 == digit);
            if self.low_before.is_none_or(has_low) && self.high_behind.is_none_or(has_high) {
                return true;
            }
            from = at + 1;
        }
        false
    }
}

/// A way in which a part of a text that is not all of digits may be among the digits that were taken out, and the rest stand
/// beside them.
#[derive(Debug)]
pub(crate) struct BesideDigits {
    /// Parts of which one must be among the digits; `None` if nothing is known of them.
    parts: Option<Vec<DigitsProbe>>,
    /// Bytes that may be among the digits. All others stand in texts as they are.
    taken: Vec<Range<usize>>,
    /// The longest part of these others; `None` if there is none that certainly stands there.
    rest: Option<RestOfText>,
}

/// A part of a text that stands beside digits that were taken out of it.
#[derive(Debug)]
struct RestOfText {
    part: Finder<'static>,
    /// Whether a mark is known to stand before it, and behind it.
    has_mark_before: bool,
    has_mark_behind: bool,
}

impl RestOfText {
    fn longest(text: &[u8], taken: &[Range<usize>]) -> Option<Self> {
        let starts = std::iter::once(0).chain(taken.iter().map(|taken| taken.end));
        let ends = taken.iter().map(|taken| taken.start).chain([text.len()]);
        // A dash between digits may be one of a UUID, and is taken out with them.
        let stands = |(start, end): &(usize, usize)| start < end && text[*start..*end] != *b"-";
        let longest = starts.zip(ends).filter(stands).max_by_key(|(start, end)| end - start)?;
        let part = &text[longest.0..longest.1];
        // Of several none is known to be taken out.
        let mark = if let [mark] = taken { mark.clone() } else { usize::MAX..usize::MAX };
        Some(Self {
            part: Finder::new(part).into_owned(),
            has_mark_before: mark.end == longest.0,
            has_mark_behind: mark.start == longest.1,
        })
    }

    fn is_in(&self, marked: &[u8]) -> bool {
        let is_mark = |at: Option<usize>| at.and_then(|at| marked.get(at)).is_some_and(|byte| *byte < MARKS_END);
        let mut from = 0;
        while let Some(found) = marked.get(from..).and_then(|rest| self.part.find(rest)) {
            let at = from + found;
            let end = at + self.part.needle().len();
            if (!self.has_mark_before || is_mark(at.checked_sub(1))) && (!self.has_mark_behind || is_mark(Some(end))) {
                return true;
            }
            // The next one may begin inside of this one.
            from = at + 1;
        }
        false
    }
}

impl BesideDigits {
    /// All ways, of which some need not be told apart. None if no part of the text may be among such digits.
    ///
    /// Digits were taken out with all digits around them: of the text those at its begin and end, which may go on in what is
    /// before and behind it, eight or more inside of it, and fewer in a UUID.
    pub(crate) fn ways_of(text: &[u8]) -> Vec<Self> {
        let runs = runs_of(text);
        let is_cut = |run: &Range<usize>| run.start == 0 || run.end == text.len();
        let (short, long): (Vec<_>, Vec<_>) = runs
            .iter()
            .filter(|run| is_cut(run) || run.len() >= RUN_MIN)
            .cloned()
            .partition(|run| run.len() < PROBE_MIN);
        let mut ways = Vec::new();
        if !long.is_empty() {
            let mut taken = [&short[..], &long].concat();
            taken.sort_unstable_by_key(|run| run.start);
            let rest = RestOfText::longest(text, &taken);
            ways.push(Self { rest, ..Self::new(text, &long, taken) });
        }
        // Those at the begin and the end alone: all groups of four have a byte that stands in a text.
        if !short.is_empty() {
            let mut short = short;
            short.sort_unstable_by_key(|run| run.start);
            let rest = RestOfText::longest(text, &short);
            ways.push(Self { parts: None, taken: short, rest });
        }
        ways.extend(Self::in_uuid(text, &runs));
        ways
    }

    fn new(text: &[u8], parts: &[Range<usize>], taken: Vec<Range<usize>>) -> Self {
        let parts = parts.iter().map(|part| DigitsProbe::new(&text[part.clone()])).collect();
        Self { parts, taken, rest: None }
    }

    /// Where digits of a UUID are taken out that are fewer than eight.
    fn in_uuid(text: &[u8], runs: &[Range<usize>]) -> Vec<Self> {
        let mut ways = Vec::new();
        let is_inside = |run: &Range<usize>| run.start > 0 && run.end < text.len();
        let may_be_inside_of_one = text.iter().all(|byte| *byte == b'-' || digit(*byte).is_some());
        if may_be_inside_of_one {
            // Then all of its digits are neighbours.
            let digits: Vec<u8> = text.iter().copied().filter(|byte| *byte != b'-').collect();
            let parts = DigitsProbe::new(&digits).map(|probe| vec![probe]);
            ways.push(Self { parts, taken: runs.to_vec(), rest: None });
        }
        // One that begins or ends inside of the text has its first or last digits there.
        let is_over = !may_be_inside_of_one || runs.iter().any(|run| is_inside(run) && run.len() >= RUN_MIN);
        if is_over && runs.iter().any(|run| is_inside(run) && run.len() < RUN_MIN && text[run.start - 1] == b'-') {
            let long: Vec<_> = runs.iter().filter(|run| run.len() >= PROBE_MIN).cloned().collect();
            ways.push(Self::new(text, &long, runs.to_vec()));
        }
        ways
    }

    /// Whether bytes at a place stand in a text, at least one of them.
    pub(crate) fn has_beside(&self, bytes: &Range<usize>) -> bool {
        !self.taken.iter().any(|taken| taken.start <= bytes.start && bytes.end <= taken.end)
    }

    /// Whether the rest may stand in texts with their marks.
    pub(crate) fn may_be_beside(&self, marked: &[u8]) -> bool {
        self.rest.as_ref().is_none_or(|rest| rest.is_in(marked))
    }

    /// Whether digits do not tell: they are too few.
    pub(crate) fn is_always(&self) -> bool {
        self.parts.is_none()
    }

    /// Whether a part of it may be among digits.
    pub(crate) fn may_be_in(&self, digits: &[u8]) -> bool {
        self.parts.as_ref().is_none_or(|parts| parts.iter().any(|part| part.is_in(digits)))
    }
}

/// Digits of a text, as many in a row as there are.
fn runs_of(text: &[u8]) -> Vec<Range<usize>> {
    let mut runs = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let count = text[at..].iter().take_while(|byte| digit(**byte).is_some()).count();
        if count > 0 {
            runs.push(at..at + count);
        }
        at += count + 1;
    }
    runs
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn column(texts: &[String]) -> (Vec<u8>, Vec<u8>) {
        let (mut codes, mut column) = (Vec::new(), Vec::new());
        for (number, text) in texts.iter().enumerate() {
            codes.extend_from_slice(&[7, if number % 5 == 4 { ENDING_CODE as u8 } else { TEXT_CODE as u8 }]);
            if number % 5 == 4 {
                put_number(&mut column, 3);
            }
            put_text(&mut column, text.as_bytes());
        }
        (codes, column)
    }

    /// Takes digits out and puts them back. Gives what was taken out.
    fn check(texts: &[String]) -> Option<TakenOut> {
        let (codes, column) = column(texts);
        let taken = TakenOut::of(&codes, &column)?;
        let mut back = PutBack::new(&taken.texts, &taken.digits, taken.digit_count);
        for (number, text) in texts.iter().enumerate() {
            let whole = back.next_text().expect("sound").expect("a text");
            assert_eq!(whole.text, text.as_bytes());
            assert_eq!(whole.texts_between, (number % 5 == 4).then_some(3));
        }
        assert!(back.next_text().expect("sound").is_none());
        Some(taken)
    }

    #[test]
    fn random_digits_are_taken_out_and_nothing_else() {
        let left = |text: &str| {
            let taken = check(&[text.to_owned()]).unwrap_or_default();
            (taken.texts.get(1..).map(<[u8]>::to_vec).unwrap_or_default(), taken.digit_count)
        };
        assert_eq!(left("eni-0a1b2c3d"), (b"eni-\x02".to_vec(), 8));
        assert_eq!(left("i-0123456789abcdef0"), (b"i-\x0b".to_vec(), 17));
        assert_eq!(left("key/01234567-0000-4000-8000-0123456789ab!"), (b"key/\x01!".to_vec(), 32));
        assert_eq!(left("01234567-0000-4000-8000-0123456789abc0123"), (b"01234567-0000-4000-8000-\x0b".to_vec(), 17));
        for text in ["arn:aws:iam::111122223333:root", "facade-defaced", "2026/11/30", "EADBEEF0", "a1b2c3d"] {
            assert_eq!(left(text).1, 0, "{text}");
        }
        let long = "0a".repeat(50);
        assert_eq!(left(&long).1, 100);
        assert_eq!(check(&["x-0a1b2c3d4e".to_owned(), "y-0a1b2c3d4e".to_owned()]).expect("digits").digit_count, 10);
        assert!(check(&["0a1b2c3d4e".to_owned(), "\u{1f}".to_owned()]).is_none());
    }

    #[test]
    fn a_rest_is_found_where_it_begins_inside_of_itself() {
        let taken = check(&["vggg0a1b2c3d4e".to_owned()]).expect("digits");
        let is_there = |part: &[u8]| BesideDigits::ways_of(part).iter().any(|way| way.may_be_beside(&taken.texts));
        assert!(is_there(b"gg0a1") && is_there(b"vggg0") && !is_there(b"vgg0a"));
    }

    fn text() -> impl Strategy<Value = String> {
        prop_oneof![
            "[a-z]{1,4}-[0-9a-f]{6,19}",
            "[a-g0-9-]{0,60}",
            "[/:]?[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{11,13}[g/]?",
            "[0-9a-f]{30,90}",
            "[g-]{0,4}[0-9a-f]{6,9}[g-]{0,4}[0-9a-f]{6,9}[g-]{0,4}",
            "[A-Z0-9a-f ]{0,30}é?",
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_000))]

        #[test]
        fn texts_come_back(texts in prop::collection::vec(text(), 0..20)) {
            check(&texts);
        }

        /// All groups of four bytes of a text but those that are of digits alone, and of these what was left.
        #[test]
        fn parts_beside_digits_have_all_groups_but_those_of_digits(text in text()) {
            let (codes, column) = column(std::slice::from_ref(&text));
            if let Some(taken) = TakenOut::of(&codes, &column) {
                let mut parts = Cursor::new(&taken.parts_beside);
                let parts: Vec<&[u8]> = std::iter::from_fn(|| parts.text().ok()).collect();
                let has = |texts: &[u8], group| memchr::memmem::find(texts, group).is_some();
                for group in text.as_bytes().windows(BESIDE + 1) {
                    if !are_digits(group) || has(&taken.texts, group) {
                        prop_assert!(parts.iter().any(|part| has(part, group)), "{group:?} of {text}");
                    }
                }
            }
        }

        /// Each part of a text is in what was left of it, or there is a way in which a part of it is among the digits and all
        /// groups of the rest stand beside them.
        #[test]
        fn a_part_is_beside_digits_in_one_of_its_ways(
            pieces in prop::collection::vec(text(), 1..4),
            divider in "[-/g]?",
            start in 0..120_usize,
            length in 2..50_usize,
        ) {
            let text = pieces.join(&divider);
            let bytes = text.as_bytes();
            let part = bytes.get(start % bytes.len().max(1)..).unwrap_or_default();
            let part = &part[..part.len().min(length)];
            let (codes, column) = column(std::slice::from_ref(&text));
            let Some(taken) = TakenOut::of(&codes, &column) else { return Ok(()) };
            let has = |texts: &[u8], part| memchr::memmem::find(texts, part).is_some();
            if part.is_empty() || are_digits(part) || has(&taken.texts, part) {
                return Ok(());
            }
            let mut beside = Cursor::new(&taken.parts_beside);
            let beside: Vec<&[u8]> = std::iter::from_fn(|| beside.text().ok()).collect();
            let groups = || part.windows(BESIDE + 1).enumerate();
            let fits = |way: &BesideDigits| {
                way.may_be_in(&taken.digits)
                    && way.may_be_beside(&taken.texts)
                    && groups()
                        .filter(|(at, _)| way.has_beside(&(*at..at + BESIDE + 1)))
                        .all(|(_, group)| beside.iter().any(|beside| has(beside, group)))
            };
            let is_found = BesideDigits::ways_of(part).iter().any(fits);
            prop_assert!(is_found, "{} of {text}", String::from_utf8_lossy(part));
        }

        #[test]
        fn digits_are_found_where_they_are(
            digits in "[01f]{0,60}",
            part in "[01f]{3,9}",
            from in 0..60_usize,
            length in 3..14_usize,
        ) {
            let mut taken = TakenOut::default();
            taken.put(digits.as_bytes());
            let own = digits.get(from..(from + length).min(digits.len())).filter(|own| own.len() >= 3);
            for part in [Some(&part[..]), own].into_iter().flatten() {
                // A last digit that fills a byte is a 0.
                let filled = format!("{digits}{}", if digits.len() % 2 == 1 { "0" } else { "" });
                let probe = DigitsProbe::new(part.as_bytes()).expect("digits");
                prop_assert_eq!(probe.is_in(&taken.digits), filled.contains(part), "{} in {}", part, digits);
            }
        }

        #[test]
        fn damage_is_no_panic(texts: Vec<u8>, digits: Vec<u8>, digit_count in 0..40_usize) {
            let mut back = PutBack::new(&texts, &digits, digit_count);
            while let Ok(Some(_)) = back.next_text() {}
        }
    }
}
