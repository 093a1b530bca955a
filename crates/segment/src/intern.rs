//! Gives equal bytes the same number.

use std::hash::BuildHasher;
use std::hint::black_box;

use hashbrown::DefaultHashBuilder;

use crate::bytes::equal;

/// Numbers from 0 for distinct texts, each with a tag that is part of it.
#[derive(Debug, Default)]
pub(crate) struct Interner {
    /// As many as a power of two, or none; at most [`FILLED_MAX`] of them are taken. A text is at the first free slot from
    /// the place of its hash on when it comes.
    slots: Vec<Slot>,
    taken: usize,
    entries: Vec<Entry>,
    texts: Vec<u8>,
    hasher: DefaultHashBuilder,
}

/// A number and 1, or 0 where the slot is free, with bits of its text's hash: growing then reads no text, and few wrong
/// ones are looked at.
#[derive(Debug, Clone, Copy, Default)]
struct Slot {
    hash: u32,
    number: u32,
}

/// Slots that may be taken, of so many.
const FILLED_MAX: (usize, usize) = (5, 8);
const SLOTS_MIN: usize = 16;

/// Bits of the hash of a text with its tag.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TextHash(u32);

#[derive(Debug, Clone, Copy)]
struct Entry {
    tag: u32,
    count: u32,
    start: u32,
    end: u32,
}

impl Interner {
    /// The number of a text, and whether it is new. Counts that it came.
    pub(crate) fn number(&mut self, tag: u32, text: &[u8]) -> (u32, bool) {
        self.number_of_hash(self.hash(tag, text), tag, text)
    }

    pub(crate) fn hash(&self, tag: u32, text: &[u8]) -> TextHash {
        TextHash(self.hasher.hash_one((tag, text)) as u32)
    }

    /// The same as [`Interner::number`], for a text whose hash is known.
    pub(crate) fn number_of_hash(&mut self, TextHash(hash): TextHash, tag: u32, text: &[u8]) -> (u32, bool) {
        if (self.taken + 1) * FILLED_MAX.1 > self.slots.len() * FILLED_MAX.0 {
            self.grow();
        }
        let mask = self.slots.len() - 1;
        let mut place = hash as usize & mask;
        loop {
            let slot = self.slots[place];
            let Some(number) = slot.number.checked_sub(1) else { break };
            if slot.hash == hash {
                let entry = &mut self.entries[number as usize];
                if entry.tag == tag && equal(&self.texts[entry.start as usize..entry.end as usize], text) {
                    entry.count += 1;
                    return (number, false);
                }
            }
            place = (place + 1) & mask;
        }
        let number = self.add_alone(tag, text);
        self.slots[place] = Slot { hash, number: number + 1 };
        self.taken += 1;
        (number, true)
    }

    /// Has the memory fetched in which some texts will be looked for. To look for one takes three fetches, one after the other:
    /// those of several go on at the same time here.
    pub(crate) fn fetch(&self, hashes: impl Iterator<Item = TextHash> + Clone) {
        let Some(mask) = self.slots.len().checked_sub(1) else { return };
        let slot = |TextHash(hash): TextHash| self.slots[hash as usize & mask];
        let slots = hashes.clone().fold(0, |sum: u32, hash| sum.wrapping_add(slot(hash).number));
        black_box(slots);
        let is_same = |hash: &TextHash| slot(*hash).hash == hash.0;
        let entry = |hash| self.entries.get(slot(hash).number.wrapping_sub(1) as usize);
        let places = hashes.filter(is_same).filter_map(entry).map(|entry| entry.start as usize);
        let texts =
            places.fold(0, |sum: u8, start| sum.wrapping_add(self.texts.get(start).copied().unwrap_or_default()));
        black_box(texts);
    }

    /// Has the first memory fetched in which a text will be looked for, while something else is done.
    pub(crate) fn fetch_slot(&self, TextHash(hash): TextHash) {
        if let Some(mask) = self.slots.len().checked_sub(1) {
            black_box(self.slots[hash as usize & mask].number);
        }
    }

    fn grow(&mut self) {
        let count = (self.slots.len() * 2).max(SLOTS_MIN);
        let before = std::mem::replace(&mut self.slots, vec![Slot::default(); count]);
        let mask = count - 1;
        for slot in before.into_iter().filter(|slot| slot.number > 0) {
            let mut place = slot.hash as usize & mask;
            while self.slots[place].number > 0 {
                place = (place + 1) & mask;
            }
            self.slots[place] = slot;
        }
    }

    /// Gives a text a number of its own, under which it is not found again.
    pub(crate) fn add_alone(&mut self, tag: u32, text: &[u8]) -> u32 {
        let start = self.texts.len() as u32;
        self.texts.extend_from_slice(text);
        self.entries.push(Entry { tag, count: 1, start, end: self.texts.len() as u32 });
        (self.entries.len() - 1) as u32
    }

    /// Counts that the text of a number came once more.
    pub(crate) fn count_again(&mut self, number: u32) {
        self.entries[number as usize].count += 1;
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// How often a number was given.
    pub(crate) fn count(&self, number: u32) -> u32 {
        self.entries[number as usize].count
    }

    pub(crate) fn tag(&self, number: u32) -> u32 {
        self.entries[number as usize].tag
    }

    pub(crate) fn text(&self, number: u32) -> &[u8] {
        let entry = self.entries[number as usize];
        &self.texts[entry.start as usize..entry.end as usize]
    }

    /// Forgets all texts, and keeps the memory for as many again.
    pub(crate) fn clear(&mut self) {
        self.slots.fill(Slot::default());
        self.taken = 0;
        self.entries.clear();
        self.texts.clear();
    }

    /// Takes the room for so many texts of so many bytes in all.
    pub(crate) fn reserve(&mut self, texts: usize, bytes: usize) {
        self.entries.reserve(texts);
        self.texts.reserve(bytes);
    }

    /// Memory that it needs, bytes, about.
    pub(crate) fn memory(&self) -> usize {
        /// Of a text in a table that is filled by a third to two.
        const SLOT_BYTES: usize = 16;
        self.texts.len() + self.entries.len() * size_of::<Entry>() + self.taken * SLOT_BYTES
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::Interner;

    proptest! {
        #[test]
        fn equal_texts_have_one_number_and_others_have_others(
            texts in prop::collection::vec((0..3_u32, "[a-c]{0,4}|[a-b]{6,20}", 0..8_u8), 0..400),
        ) {
            let mut interner = Interner::default();
            for round in 0..2 {
                let mut known: HashMap<(u32, &str), u32> = HashMap::new();
                for (tag, text, way) in &texts {
                    if *way == 0 {
                        let alone = interner.add_alone(*tag, text.as_bytes());
                        prop_assert_eq!(interner.text(alone), text.as_bytes());
                        continue;
                    }
                    interner.fetch([interner.hash(*tag, text.as_bytes())].into_iter());
                    let (number, is_new) = interner.number(*tag, text.as_bytes());
                    prop_assert_eq!(is_new, !known.contains_key(&(*tag, text)), "round {}", round);
                    prop_assert_eq!(*known.entry((*tag, text)).or_insert(number), number);
                    prop_assert_eq!((interner.tag(number), interner.text(number)), (*tag, text.as_bytes()));
                }
                for (&(tag, text), &number) in &known {
                    let times = texts.iter().filter(|(of, other, way)| *way > 0 && (*of, &**other) == (tag, text)).count();
                    prop_assert_eq!(interner.count(number) as usize, times);
                }
                interner.clear();
            }
        }
    }
}
