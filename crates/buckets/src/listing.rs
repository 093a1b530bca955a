//! Lists: in key order, cut into pages, with keys rolled up to common prefixes.
//!
//! A page reads as many rows as it returns, plus at most one batch for each common prefix: behind a prefix the next
//! read starts after all keys that share it.

use std::future::Future;

/// Greater than every key: no UTF-8 text contains this byte.
const AFTER_ALL_KEYS: [u8; 1] = [0xFF];

/// Rows read at once when keys are rolled up, where most rows of a batch may turn out to be under one prefix.
const ROLL_UP_BATCH: usize = 100;

/// What to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ListQuery {
    pub(crate) prefix: String,
    /// Keys are rolled up to its first occurrence behind the prefix; never empty.
    pub(crate) delimiter: Option<String>,
    /// Only what comes after this key or common prefix.
    pub(crate) after: Option<String>,
    /// Keys and common prefixes together.
    pub(crate) entries_max: usize,
}

/// One line of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ListEntry<Row> {
    Item(Row),
    CommonPrefix(String),
}

/// One page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ListPage<Row> {
    pub(crate) entries: Vec<ListEntry<Row>>,
    /// Whether anything comes after the last entry.
    pub(crate) is_truncated: bool,
}

/// What has a place in a list.
pub(crate) trait Listed {
    /// Its key.
    fn key(&self) -> &str;
    /// The least position after it.
    fn successor(&self) -> Position;
}

/// Where reading starts: at this key, after this id where keys can repeat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Position {
    pub(crate) key: Vec<u8>,
    pub(crate) after_id: String,
}

impl Position {
    pub(crate) fn at_key(key: Vec<u8>) -> Self {
        Self { key, after_id: String::new() }
    }

    /// The first position behind a key.
    pub(crate) fn after_key(key: &str) -> Self {
        let mut bytes = key.as_bytes().to_vec();
        bytes.push(0);
        Self::at_key(bytes)
    }
}

/// The least bytes greater than all that start with `prefix`. Nothing overflows: no byte of UTF-8 text is 0xFF.
fn after_prefix(prefix: &str) -> Vec<u8> {
    let mut bytes = prefix.as_bytes().to_vec();
    match bytes.last_mut() {
        Some(last) => *last += 1,
        None => return AFTER_ALL_KEYS.to_vec(),
    }
    bytes
}

impl ListQuery {
    /// The common prefix that a key is rolled up to, if it is.
    fn roll_up<'k>(&self, key: &'k str) -> Option<&'k str> {
        let delimiter = self.delimiter.as_deref()?;
        let behind = key.strip_prefix(&self.prefix)?;
        let end = self.prefix.len() + behind.find(delimiter)? + delimiter.len();
        key.get(..end)
    }

    /// Where to start. A marker that is itself a common prefix was returned before, so all keys under it are passed.
    fn start(&self, start: Option<Position>) -> Position {
        let first = Position::at_key(self.prefix.clone().into_bytes());
        let after = match (start, &self.after) {
            (Some(start), _) => start,
            (None, Some(after)) if self.roll_up(after) == Some(after) => Position::at_key(after_prefix(after)),
            (None, Some(after)) => Position::after_key(after),
            (None, None) => return first,
        };
        if after.key < first.key { first } else { after }
    }

    /// Makes a page. `read(from, below, limit)` returns rows from a position on, with keys less than `below`, in order.
    /// `start` overrides `after`.
    pub(crate) async fn page<Row, E, R, F>(&self, start: Option<Position>, read: R) -> Result<ListPage<Row>, E>
    where
        Row: Listed,
        R: Fn(Position, Vec<u8>, usize) -> F,
        F: Future<Output = Result<Vec<Row>, E>>,
    {
        let mut page = ListPage { entries: Vec::new(), is_truncated: false };
        if self.entries_max == 0 {
            return Ok(page);
        }
        let below = after_prefix(&self.prefix);
        let mut position = self.start(start);
        loop {
            let wanted = self.entries_max + 1 - page.entries.len();
            let limit = if self.delimiter.is_some() { wanted.min(ROLL_UP_BATCH) } else { wanted };
            let rows = read(position.clone(), below.clone(), limit).await?;
            let is_end = rows.len() < limit;
            for row in rows {
                if row.key().as_bytes() < position.key.as_slice() {
                    continue;
                }
                if page.entries.len() == self.entries_max {
                    page.is_truncated = true;
                    return Ok(page);
                }
                if let Some(prefix) = self.roll_up(row.key()) {
                    position = Position::at_key(after_prefix(prefix));
                    page.entries.push(ListEntry::CommonPrefix(prefix.to_owned()));
                } else {
                    position = row.successor();
                    page.entries.push(ListEntry::Item(row));
                }
            }
            if is_end {
                return Ok(page);
            }
        }
    }
}

#[cfg(test)]
mod tests;
