//! Gives equal bytes the same number.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};

/// Numbers from 0 for distinct texts, each with a tag that is part of it.
#[derive(Debug, Default)]
pub(crate) struct Interner {
    table: HashTable<Slot>,
    entries: Vec<Entry>,
    texts: Vec<u8>,
    hasher: DefaultHashBuilder,
}

/// A number, with bits of its text's hash: growing then reads no text, and few wrong ones are looked at.
#[derive(Debug, Clone, Copy)]
struct Slot {
    hash: u32,
    number: u32,
}

impl Slot {
    /// The hash that places it in the table, all of whose bits count there.
    fn place(&self) -> u64 {
        u64::from(self.hash).wrapping_mul(0x9E37_79B9_7F4A_7C15)
    }
}

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
        let mut slot = Slot { hash: self.hasher.hash_one((tag, text)) as u32, number: 0 };
        let (entries, texts) = (&mut self.entries, &mut self.texts);
        let is_same = |found: &Slot| {
            let entry = entries[found.number as usize];
            found.hash == slot.hash && entry.tag == tag && texts[entry.start as usize..entry.end as usize] == *text
        };
        if let Some(&Slot { number, .. }) = self.table.find(slot.place(), is_same) {
            entries[number as usize].count += 1;
            return (number, false);
        }
        slot.number = self.add_alone(tag, text);
        self.table.insert_unique(slot.place(), slot, Slot::place);
        (slot.number, true)
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
        self.table.clear();
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
        /// Of a slot in a table that is filled by half to whole.
        const SLOT_BYTES: usize = 12;
        self.texts.len() + self.entries.len() * size_of::<Entry>() + self.table.len() * SLOT_BYTES
    }
}
