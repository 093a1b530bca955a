//! The inner loop: strings and braces. Everything rare is handed back to the splitter.

use memchr::memchr3;

/// Where a scan stands between two chunks.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Scan {
    /// Open braces.
    depth: u32,
    /// What is open, innermost in the lowest bit: 1 for a brace, 0 for a bracket. Only to tell broken JSON sooner, so
    /// that nesting beyond its width does no harm.
    kinds: u64,
    is_in_string: bool,
    is_escaped: bool,
    /// The byte before was a newline.
    is_behind_newline: bool,
    saw_newline: bool,
    /// The last byte of the chunks before that is no space.
    before_chunk: Option<u8>,
}

/// Why the scan stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    EndOfChunk,
    /// Behind the brace that closes the object.
    Closed,
    /// Behind a bracket directly in the object.
    Bracket,
    /// At a brace, not yet taken, that begins a line; maybe inside of a string.
    LineOfBrace,
    /// At a brace, not yet taken, in an object, behind what may be a comma: there none may stand in sound JSON.
    Brace,
}

impl Scan {
    /// Behind the opening brace of an object.
    pub(super) fn inside_object() -> Self {
        Self { depth: 1, kinds: 1, ..Self::default() }
    }

    pub(super) fn is_in_string(&self) -> bool {
        self.is_in_string
    }

    /// Whether the innermost open thing is an object.
    pub(super) fn is_in_object(&self) -> bool {
        self.kinds & 1 == 1
    }

    pub(super) fn saw_newline(&self) -> bool {
        self.saw_newline
    }

    /// The last byte before the end of `part` that is no space, in this chunk or an earlier one.
    pub(super) fn last_significant(&self, part: &[u8]) -> Option<u8> {
        last_significant(part).or(self.before_chunk)
    }

    /// Notes that the last byte of a chunk was a backslash.
    pub(super) fn leave_escaped(&mut self) {
        self.is_escaped = true;
    }

    /// Whether the first byte of this chunk is escaped by the last of the one before.
    pub(super) fn take_escaped(&mut self) -> bool {
        std::mem::take(&mut self.is_escaped)
    }

    /// Takes the brace at which [`Stop::LineOfBrace`] or [`Stop::Brace`] stopped as part of what it stands in.
    pub(super) fn take_brace(&mut self) {
        self.is_behind_newline = false;
        if !self.is_in_string {
            self.open_brace();
        }
    }

    fn open_brace(&mut self) {
        self.depth += 1;
        self.kinds = self.kinds << 1 | 1;
    }

    /// Runs over `chunk` from `at` to the next thing that the splitter must see; returns where.
    pub(super) fn run(&mut self, chunk: &[u8], at: usize) -> (usize, Stop) {
        let mut at = at;
        if at < chunk.len() && self.take_escaped() && chunk[at] != b'\n' {
            at += 1;
        }
        while at < chunk.len() {
            if self.is_behind_newline {
                if chunk[at] == b'{' && self.depth > 0 {
                    return (at, Stop::LineOfBrace);
                }
                self.is_behind_newline = false;
            }
            if self.is_in_string {
                let Some(found) = memchr3(b'"', b'\\', b'\n', &chunk[at..]) else { break };
                at += found + 1;
                match chunk[at - 1] {
                    b'"' => self.is_in_string = false,
                    b'\\' if at == chunk.len() => self.is_escaped = true,
                    // No newline is in sound JSON, escaped or not.
                    b'\\' if chunk[at] == b'\n' => {}
                    b'\\' => at += 1,
                    _ => self.newline(),
                }
                continue;
            }
            // One byte at a time: between the strings of minified JSON stand one or two.
            let byte = chunk[at];
            match byte {
                b'"' => self.is_in_string = true,
                b'{' => {
                    let is_odd = at == 0 || matches!(chunk[at - 1], b',' | b' ' | b'\t' | b'\r' | b'\n');
                    if is_odd && self.is_in_object() {
                        return (at, Stop::Brace);
                    }
                    self.open_brace();
                }
                b'}' => {
                    self.depth = self.depth.saturating_sub(1);
                    self.kinds >>= 1;
                    if self.depth == 0 {
                        return (at + 1, Stop::Closed);
                    }
                }
                b'[' => {
                    let is_direct = self.depth == 1 && self.kinds == 1;
                    self.kinds <<= 1;
                    if is_direct {
                        return (at + 1, Stop::Bracket);
                    }
                }
                b']' => self.kinds >>= 1,
                b'\n' => self.newline(),
                _ => {}
            }
            at += 1;
        }
        self.before_chunk = last_significant(chunk).or(self.before_chunk);
        (chunk.len(), Stop::EndOfChunk)
    }

    fn newline(&mut self) {
        self.is_behind_newline = true;
        self.saw_newline = true;
    }
}

/// The four spaces of JSON.
pub(super) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

fn last_significant(bytes: &[u8]) -> Option<u8> {
    bytes.iter().rev().copied().find(|byte| !is_space(*byte))
}
