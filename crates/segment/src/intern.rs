//! Gives equal bytes the same number.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};

/// Numbers from 0 for distinct texts, each with a tag that is part of it.
#[derive(Debug, Default)]
pub(crate) struct Interner {
    table: HashTable<u32>,
    entries: Vec<Entry>,
    texts: Vec<u8>,
    hasher: DefaultHashBuilder,
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
        let hash = self.hasher.hash_one((tag, text));
        let (entries, texts) = (&mut self.entries, &mut self.texts);
        let is_same = |number: &u32| {
            let entry = entries[*number as usize];
            entry.tag == tag && texts[entry.start as usize..entry.end as usize] == *text
        };
        if let Some(&number) = self.table.find(hash, is_same) {
            entries[number as usize].count += 1;
            return (number, false);
        }
        let number = entries.len() as u32;
        let start = texts.len() as u32;
        texts.extend_from_slice(text);
        entries.push(Entry { tag, count: 1, start, end: texts.len() as u32 });
        let (hasher, entries, texts) = (&self.hasher, &self.entries, &self.texts);
        self.table.insert_unique(hash, number, |number| {
            let entry = entries[*number as usize];
            hasher.hash_one((entry.tag, &texts[entry.start as usize..entry.end as usize]))
        });
        (number, true)
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

    /// Memory that it holds, bytes, about.
    pub(crate) fn memory(&self) -> usize {
        self.texts.len() + self.entries.len() * 24
    }
}
