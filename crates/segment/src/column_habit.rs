//! What the values of a column were like so far, so that most need not be looked for among all that came before.

use crate::builder::NO_VALUE;

/// What the values of a column were like so far.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ColumnHabit {
    /// Values that came lately, each at the place of its [`sketch`]: calls of one caller follow one another, and most
    /// columns have few values.
    recent: [RecentValue; RECENT_VALUES],
    /// Values that were looked for among those that came before, and how many of them were new.
    looked_for: u32,
    new: u32,
}

/// A value that came lately, with bits of its sketch: others are told from it without a look at its text.
#[derive(Debug, Clone, Copy)]
struct RecentValue {
    sketch: u32,
    number: u32,
}

/// Values of a column that are remembered to be looked at first, a power of 2.
const RECENT_VALUES: usize = 16;

impl Default for ColumnHabit {
    fn default() -> Self {
        Self { recent: [RecentValue { sketch: 0, number: NO_VALUE }; RECENT_VALUES], looked_for: 0, new: 0 }
    }
}

impl ColumnHabit {
    /// The value that came lately and may have a text with this sketch.
    pub(crate) fn recent(&self, sketch: u64) -> Option<u32> {
        let RecentValue { sketch: some, number } = self.recent[recent_place(sketch)];
        (some == short_sketch(sketch) && number != NO_VALUE).then_some(number)
    }

    /// Notes that a value that came lately came again.
    pub(crate) fn note_recent(&mut self) {
        self.looked_for += 1;
    }

    /// Notes a value that was looked for among those that came before.
    pub(crate) fn note(&mut self, sketch: u64, number: u32, is_new: bool) {
        self.recent[recent_place(sketch)] = RecentValue { sketch: short_sketch(sketch), number };
        self.looked_for += 1;
        self.new += u32::from(is_new);
    }

    /// Whether hardly any value comes twice: random ids and tokens, which cost most where they are looked for.
    pub(crate) fn is_random(&self) -> bool {
        /// Before so many values there is no telling.
        const VALUES_MIN: u32 = 512;
        /// At most one of so many came before.
        const KNOWN_ONE_IN: u32 = 64;
        self.looked_for >= VALUES_MIN && self.looked_for - self.new <= self.looked_for / KNOWN_ONE_IN
    }
}

/// Some bytes of a text and its length, mixed: equal texts have equal ones, and it costs less than a hash. What texts
/// differ in is seen in its lower half: mostly it is the last of their bytes.
pub(crate) fn sketch(text: &[u8]) -> u64 {
    let some = match (text.first_chunk::<8>(), text[text.len() / 2..].first_chunk::<4>(), text.last_chunk::<8>()) {
        (Some(first), Some(middle), Some(last)) => {
            u64::from_le_bytes(*first).rotate_left(29)
                ^ u64::from(u32::from_le_bytes(*middle)).rotate_left(13)
                ^ u64::from_le_bytes(*last)
        }
        _ => text.iter().fold(0, |some, byte| some << 8 | u64::from(*byte)),
    };
    let mixed = (some ^ text.len() as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    mixed ^ mixed >> 32
}

/// Where the value with a sketch is among those that came lately.
fn recent_place(sketch: u64) -> usize {
    (sketch >> 28) as usize % RECENT_VALUES
}

fn short_sketch(sketch: u64) -> u32 {
    sketch as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_lately_is_known_by_its_sketch() {
        let mut habit = ColumnHabit::default();
        let texts: Vec<String> = (0..400).map(|number| format!("arn:aws:iam::111122223333:user/{number}")).collect();
        for (number, text) in (0..).zip(&texts) {
            assert_eq!(habit.recent(sketch(text.as_bytes())), None, "{text}");
            habit.note(sketch(text.as_bytes()), number, true);
            assert_eq!(habit.recent(sketch(text.as_bytes())), Some(number));
        }
        let known = texts.iter().filter(|text| habit.recent(sketch(text.as_bytes())).is_some()).count();
        assert!((RECENT_VALUES / 2..=RECENT_VALUES).contains(&known), "{known}");
    }

    #[test]
    fn a_column_is_random_as_long_as_hardly_any_value_came_before() {
        let mut habit = ColumnHabit::default();
        (0..600).for_each(|number| habit.note(number, number as u32, true));
        assert!(habit.is_random());
        (0..20).for_each(|_| habit.note_recent());
        assert!(!habit.is_random());
    }
}
