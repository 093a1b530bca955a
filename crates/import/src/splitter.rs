//! Where records begin and end in a stream of JSON of any shape, without building values.
//!
//! It takes chunks cut anywhere and hands out one JSON object at a time: the elements of `{"Records":[…]}` (and of the
//! other lists in [`CONTAINER_KEYS`]), of arrays however nested, JSON lines, objects one after the other with anything
//! between, and strings that hold an object. Memory is bounded by one record.
//!
//! Only braces outside of strings count. Whether a piece is JSON is for the one who parses it anyway; when that one
//! says that it is not, the splitter looks for the next place in the piece where a record may begin, so that one broken
//! record does not take its neighbours along. Such places are those that cannot be in sound JSON as AWS writes it:
//! - a line that begins with `{` while a string is open, or after something that no object may follow, or in a file
//!   that proved to be JSON lines,
//! - `{` after a comma inside of an object, where only a key may stand,
//! - in a piece that is not JSON, is too long or does not end, behind the byte that shows it: a line that begins with `{`, or the
//!   beginning that the records of this file share (`{"eventVersion"`).
//!
//! In sound JSON none of them occurs, whatever a caller put into the parameters of a call: what is inside of a record
//! never becomes a record of its own.

mod grammar;
mod scan;
#[cfg(test)]
mod tests;

use memchr::{memchr, memchr2, memchr3, memmem};

use self::grammar::first_violation;
use self::scan::{Scan, Stop, is_space};
use crate::limits::{RECORD_BYTES_MAX, REJECT_BYTES_KEPT_MAX};
use crate::reject::RejectReason;

/// Keys of a top-level object whose value is a list of records: log files, and what programs make of them that write all
/// keys small; LookupEvents; FilterLogEvents and GetLogEvents of CloudWatch Logs; its subscriptions.
const CONTAINER_KEYS: [&[u8]; 5] = [b"Records", b"records", b"Events", b"events", b"logEvents"];
/// Lists in lists, and objects in them. Real files have one or two.
const FRAMES_MAX: usize = 8;
/// How often a run of broken pieces is searched for a new beginning before it is given up; a good record renews it.
/// Bounds the work that hostile input can cause: each search reads up to one record again.
const RECOVERIES_MAX: u32 = 16;
/// Longest shared beginning of records: `{`, whitespace and one key.
const BEGINNING_BYTES_MAX: usize = 64;

/// Who takes the pieces.
pub trait Sink {
    /// Takes the record that some bytes begin with, if it is whole and sound, and says how many of them it has. Asked
    /// first, because most files hold nothing else; what it does not take is looked at byte by byte. An object with a list
    /// under one of the names `lists` is none.
    fn sound_record(&mut self, bytes: &[u8], lists: &[&[u8]]) -> Option<usize> {
        let _ = (bytes, lists);
        None
    }

    /// One piece with balanced braces, or the text of a string.
    fn record(&mut self, bytes: &[u8]) -> Verdict;
    /// A piece that is no record, or what is kept of it. `size_bytes` is its whole size.
    fn refuse(&mut self, bytes: &[u8], size_bytes: u64, reason: RejectReason);
}

/// What the sink says of a piece.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is dealt with.
    Done,
    /// It is not JSON. The sink has not counted it: it comes back through [`Sink::refuse`], maybe shorter.
    NotJson {
        /// What the parser said.
        detail: String,
    },
}

/// How a stream ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// Between two records, or inside of one that is refused by then.
    Complete,
    /// Inside of a list or of the object around it: records may be missing.
    InsideList,
}

/// One level of nesting above the records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Frame {
    /// `[…]`
    Array,
    /// The list in `{"Records":[…]}`.
    Container,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// Before the next value.
    Between,
    /// After a `[` outside of everything, which begins an array or a line of a text log.
    MaybeArray,
    /// In an object that may be a record.
    Object,
    /// In an object that is longer than a record may be.
    TooLong,
    /// In a string that may hold a record.
    Text,
    /// In something that is no value of ours.
    Stray,
    /// Behind the list of a container, before its closing brace.
    Tail,
}

/// See the module.
#[derive(Debug)]
pub struct Splitter {
    mode: Mode,
    frames: Vec<Frame>,
    scan: Scan,
    /// What is kept of the piece that began in an earlier chunk.
    partial: Vec<u8>,
    /// Bytes of that piece so far, kept or not.
    partial_bytes: u64,
    /// The file proved to be JSON lines: a line that begins with `{` begins a record.
    is_lines: bool,
    /// Nothing but space stands before us in this line.
    at_line_start: bool,
    /// The last top-level value began at the start of a line and ended in the same line.
    ended_in_its_line: bool,
    /// The present top-level value began at the start of a line.
    began_at_line_start: bool,
    /// `{`, space and first key of the first good record.
    beginning: Vec<u8>,
    recoveries_left: u32,
    /// Pieces that were handed out and are dealt with.
    pieces: u64,
}

impl Default for Splitter {
    fn default() -> Self {
        Self {
            mode: Mode::Between,
            frames: Vec::new(),
            scan: Scan::default(),
            partial: Vec::new(),
            partial_bytes: 0,
            is_lines: false,
            at_line_start: true,
            ended_in_its_line: false,
            began_at_line_start: false,
            beginning: Vec::new(),
            recoveries_left: RECOVERIES_MAX,
            pieces: 0,
        }
    }
}

impl Splitter {
    /// Takes the next bytes of the stream.
    pub fn feed(&mut self, chunk: &[u8], sink: &mut impl Sink) {
        let mut at = 0;
        while at < chunk.len() {
            at = match self.mode {
                Mode::Between => match self.sound_record(&chunk[at..], sink) {
                    Some(size) => at + size,
                    None => self.between(chunk, at),
                },
                Mode::MaybeArray => self.maybe_array(chunk, at),
                Mode::Object => self.object(chunk, at, sink),
                Mode::TooLong => self.too_long(chunk, at, sink),
                Mode::Text => self.text(chunk, at, sink),
                Mode::Stray => self.stray(chunk, at, sink),
                Mode::Tail => self.tail(chunk, at),
            };
        }
    }

    /// Records and other pieces found so far: one side of **the identity**.
    pub fn pieces(&self) -> u64 {
        self.pieces
    }

    /// The stream is at its end. It may find last pieces; feeding it again begins another stream.
    pub fn finish(&mut self, sink: &mut impl Sink) -> Ending {
        while self.mode == Mode::Object {
            let piece = std::mem::take(&mut self.partial);
            if let Err(piece) = self.recover(piece, RejectReason::CutOff, sink) {
                self.partial = piece;
                break;
            }
        }
        match self.mode {
            Mode::Between | Mode::Tail => {}
            Mode::Object | Mode::Text => self.refuse_partial(RejectReason::CutOff, sink),
            Mode::TooLong => self.refuse_partial(TOO_LONG, sink),
            Mode::MaybeArray | Mode::Stray => self.refuse_partial(RejectReason::NotAnObject, sink),
        }
        let ending = if self.frames.is_empty() { Ending::Complete } else { Ending::InsideList };
        *self = Self { pieces: self.pieces, ..Self::default() };
        ending
    }

    /// Hands out the record that a chunk begins with, if the sink takes it.
    fn sound_record(&mut self, chunk: &[u8], sink: &mut impl Sink) -> Option<usize> {
        if chunk[0] != b'{' {
            return None;
        }
        let mut bytes = &chunk[..chunk.len().min(RECORD_BYTES_MAX)];
        if self.is_lines {
            // What goes on in the next line is for the slow way to judge.
            bytes = &bytes[..memchr(b'\n', bytes).unwrap_or(bytes.len())];
        }
        let size = sink.sound_record(bytes, &CONTAINER_KEYS)?;
        let piece = &bytes[..size];
        self.begin(Mode::Object);
        self.count_good(piece);
        self.began_at_line_start &= memchr(b'\n', piece).is_none();
        self.end_value();
        Some(size)
    }

    /// Skips what separates values and sees how the next one begins.
    fn between(&mut self, chunk: &[u8], at: usize) -> usize {
        let byte = chunk[at];
        match byte {
            b'\n' => {
                self.is_lines |= self.frames.is_empty() && self.ended_in_its_line;
                self.began_at_line_start &= self.frames.is_empty();
                self.ended_in_its_line = false;
                self.at_line_start = true;
                return at + 1;
            }
            // The record separator of RFC 7464.
            b' ' | b'\t' | b'\r' | b',' | 0x1e => return at + 1,
            // A byte order mark, wherever files were put one behind the other.
            0xef | 0xbb | 0xbf if self.frames.is_empty() && self.at_line_start => return at + 1,
            b'{' => self.begin(Mode::Object),
            b'"' if self.at_line_start || !self.frames.is_empty() => {
                self.begin(Mode::Text);
                self.keep(&chunk[at..=at]);
                return at + 1;
            }
            b'[' if self.frames.is_empty() => {
                self.begin(Mode::MaybeArray);
                self.keep(&chunk[at..=at]);
                return at + 1;
            }
            b'[' if self.frames.len() < FRAMES_MAX => {
                self.frames.push(Frame::Array);
                return at + 1;
            }
            b']' if !self.frames.is_empty() => {
                self.end_list();
                return at + 1;
            }
            // The bracket before it is missing.
            b'}' if self.frames.last() == Some(&Frame::Container) => {
                self.frames.pop();
                self.end_value();
                return at + 1;
            }
            _ => self.begin(Mode::Stray),
        }
        at
    }

    fn begin(&mut self, mode: Mode) {
        if self.frames.is_empty() {
            self.began_at_line_start = self.at_line_start;
        }
        self.at_line_start = false;
        self.ended_in_its_line = false;
        self.mode = mode;
        self.scan = Scan::default();
        self.partial.clear();
        self.partial_bytes = 0;
    }

    fn end_list(&mut self) {
        match self.frames.last() {
            Some(Frame::Container) => {
                self.mode = Mode::Tail;
                self.scan = Scan::inside_object();
            }
            Some(Frame::Array) | None => {
                self.frames.pop();
                self.end_value();
            }
        }
    }

    /// A value of ours has ended; what follows is between values.
    fn end_value(&mut self) {
        self.mode = Mode::Between;
        self.partial.clear();
        self.partial_bytes = 0;
        self.ended_in_its_line = self.frames.is_empty() && self.began_at_line_start && !self.at_line_start;
        self.at_line_start = false;
    }

    fn maybe_array(&mut self, chunk: &[u8], at: usize) -> usize {
        match chunk[at] {
            b'{' | b'[' | b'"' | b']' => {
                self.frames.push(Frame::Array);
                self.mode = Mode::Between;
                at
            }
            byte if is_space(byte) => {
                self.began_at_line_start &= byte != b'\n';
                at + 1
            }
            _ => {
                self.mode = Mode::Stray;
                at
            }
        }
    }

    fn object(&mut self, chunk: &[u8], start: usize, sink: &mut impl Sink) -> usize {
        let mut at = start;
        loop {
            let (next, stop) = self.scan.run(chunk, at);
            at = next;
            match stop {
                Stop::EndOfChunk => return self.keep_object(&chunk[start..], chunk.len(), sink),
                Stop::Closed => {
                    self.close_object(&chunk[start..at], sink);
                    return at;
                }
                Stop::Bracket => {
                    // `at` is behind the bracket.
                    if self.is_container(&chunk[start..at - 1]) {
                        self.frames.push(Frame::Container);
                        self.mode = Mode::Between;
                        return at;
                    }
                }
                Stop::LineOfBrace | Stop::Brace => {
                    // `at` is at the brace.
                    let before = self.scan.last_significant(&chunk[start..at]);
                    let is_new_line = stop == Stop::LineOfBrace;
                    if !self.begins_anew(is_new_line, before) {
                        self.scan.take_brace();
                        at += 1;
                        continue;
                    }
                    self.keep(&chunk[start..at]);
                    self.refuse_partial(RejectReason::CutOff, sink);
                    self.interrupt(is_new_line);
                    return at;
                }
            }
        }
    }

    /// Whether a brace inside of an object begins another record, because it cannot belong to this one.
    fn begins_anew(&self, is_new_line: bool, before: Option<u8>) -> bool {
        let after_comma_in_object = before == Some(b',') && self.scan.is_in_object();
        if self.scan.is_in_string() {
            return is_new_line;
        }
        let may_follow = matches!(before, None | Some(b',' | b'[' | b':'));
        after_comma_in_object || is_new_line && (self.is_lines || !may_follow)
    }

    /// The present value ends here, unfinished, and another begins.
    fn interrupt(&mut self, is_new_line: bool) {
        if self.is_lines && is_new_line {
            self.frames.clear();
        }
        self.mode = Mode::Between;
        self.at_line_start = is_new_line;
    }

    /// Keeps the part of an object that this chunk holds, up to the size that a record may have.
    fn keep_object(&mut self, part: &[u8], chunk_end: usize, sink: &mut impl Sink) -> usize {
        self.keep(part);
        if self.partial.len() > RECORD_BYTES_MAX {
            let piece = std::mem::take(&mut self.partial);
            if let Err(mut piece) = self.recover(piece, TOO_LONG, sink) {
                piece.truncate(REJECT_BYTES_KEPT_MAX);
                self.partial = piece;
                self.mode = Mode::TooLong;
            }
        }
        chunk_end
    }

    fn close_object(&mut self, part: &[u8], sink: &mut impl Sink) {
        let is_whole = self.partial.is_empty();
        if !is_whole {
            self.keep(part);
        }
        let mut partial = std::mem::take(&mut self.partial);
        let piece = if is_whole { part } else { &partial };
        let spans_lines = self.scan.saw_newline();
        let reason = if piece.len() > RECORD_BYTES_MAX {
            Some(TOO_LONG)
        } else {
            match sink.record(piece) {
                Verdict::Done => None,
                Verdict::NotJson { detail } => Some(RejectReason::NotJson { detail }),
            }
        };
        match reason {
            None => self.count_good(piece),
            Some(reason) => {
                let size_bytes = piece.len() as u64;
                let piece = piece.to_vec();
                match self.recover(piece, reason.clone(), sink) {
                    Ok(()) => return,
                    Err(piece) => self.refuse(&piece, size_bytes, reason, sink),
                }
            }
        }
        partial.clear();
        self.partial = partial;
        self.began_at_line_start &= !spans_lines;
        self.end_value();
    }

    fn count_good(&mut self, piece: &[u8]) {
        self.pieces += 1;
        self.recoveries_left = RECOVERIES_MAX;
        if self.beginning.is_empty() {
            self.beginning = beginning_of(piece);
        }
    }

    /// Looks for the next beginning of a record in a piece that is none, behind the place where it stops being JSON.
    /// With one, what is before is refused and what follows is read again; without, the piece comes back.
    fn recover(&mut self, piece: Vec<u8>, reason: RejectReason, sink: &mut impl Sink) -> Result<(), Vec<u8>> {
        let Some(recoveries_left) = self.recoveries_left.checked_sub(1) else { return Err(piece) };
        let Some(violation) = first_violation(&piece) else { return Err(piece) };
        let line = memmem::find(&piece[violation..], b"\n{").map(|newline| violation + newline + 1);
        // A quote that is missing shows in the first key of the next record, whose opening quote closes the string.
        let from = (violation + 1).saturating_sub(self.beginning.len()).max(1);
        let shared = piece.get(from..).filter(|_| !self.beginning.is_empty());
        let shared = shared.and_then(|behind| memmem::find(behind, &self.beginning)).map(|found| from + found);
        let Some(restart) = line.into_iter().chain(shared).min() else { return Err(piece) };
        self.recoveries_left = recoveries_left;
        let reason = if reason == TOO_LONG && restart <= RECORD_BYTES_MAX { RejectReason::CutOff } else { reason };
        self.refuse(&piece[..restart], restart as u64, reason, sink);
        self.restart(&piece[restart..], sink);
        Ok(())
    }

    /// Reads bytes again as if they came after the piece before them.
    fn restart(&mut self, bytes: &[u8], sink: &mut impl Sink) {
        self.mode = Mode::Between;
        self.at_line_start = true;
        self.feed(bytes, sink);
    }

    fn too_long(&mut self, chunk: &[u8], start: usize, sink: &mut impl Sink) -> usize {
        let mut at = start;
        loop {
            let (next, stop) = self.scan.run(chunk, at);
            at = next;
            match stop {
                Stop::EndOfChunk => {
                    self.partial_bytes += (chunk.len() - start) as u64;
                    return chunk.len();
                }
                Stop::Closed => {
                    self.partial_bytes += (at - start) as u64;
                    self.refuse_partial(TOO_LONG, sink);
                    self.began_at_line_start = false;
                    self.end_value();
                    return at;
                }
                Stop::Bracket => {}
                Stop::LineOfBrace | Stop::Brace => {
                    let is_new_line = stop == Stop::LineOfBrace;
                    if !self.begins_anew(is_new_line, self.scan.last_significant(&chunk[start..at])) {
                        self.scan.take_brace();
                        at += 1;
                        continue;
                    }
                    self.partial_bytes += (at - start) as u64;
                    self.refuse_partial(TOO_LONG, sink);
                    self.interrupt(is_new_line);
                    return at;
                }
            }
        }
    }

    fn tail(&mut self, chunk: &[u8], start: usize) -> usize {
        let mut at = start;
        loop {
            let (next, stop) = self.scan.run(chunk, at);
            at = next;
            match stop {
                Stop::EndOfChunk => {
                    // The key of another list may end in the next chunk.
                    self.partial = last_bytes(&self.partial, &chunk[start..]);
                    return chunk.len();
                }
                Stop::Closed => {
                    self.began_at_line_start &= !self.scan.saw_newline();
                    self.frames.pop();
                    self.end_value();
                    return at;
                }
                Stop::LineOfBrace if self.is_lines || self.scan.is_in_string() => {
                    self.interrupt(true);
                    return at;
                }
                Stop::LineOfBrace | Stop::Brace => {
                    self.scan.take_brace();
                    at += 1;
                }
                Stop::Bracket => {
                    // A key that is there twice: readers of JSON take the last, and records would be lost.
                    if ends_in_container_key(&last_bytes(&self.partial, &chunk[start..at - 1])) {
                        self.partial.clear();
                        self.mode = Mode::Between;
                        return at;
                    }
                }
            }
        }
    }

    fn text(&mut self, chunk: &[u8], start: usize, sink: &mut impl Sink) -> usize {
        let mut at = start;
        if self.scan.take_escaped() && chunk[at] != b'\n' {
            at += 1;
        }
        while let Some(found) = memchr3(b'"', b'\\', b'\n', chunk.get(at..).unwrap_or_default()) {
            at += found + 1;
            match chunk[at - 1] {
                b'"' => {
                    self.keep(&chunk[start..at]);
                    self.close_text(sink);
                    return at;
                }
                b'\\' if at == chunk.len() => self.scan.leave_escaped(),
                b'\\' if chunk[at] == b'\n' => {}
                b'\\' => at += 1,
                _ => {
                    self.keep(&chunk[start..at - 1]);
                    self.refuse_partial(RejectReason::CutOff, sink);
                    self.mode = Mode::Between;
                    return at - 1;
                }
            }
        }
        self.keep(&chunk[start..]);
        if self.partial.len() > RECORD_BYTES_MAX {
            // Its end cannot be told from the rest, so the rest of the line goes with it.
            self.mode = Mode::Stray;
        }
        chunk.len()
    }

    fn close_text(&mut self, sink: &mut impl Sink) {
        match serde_json::from_slice::<String>(&self.partial) {
            Ok(text) if text.trim_ascii_start().starts_with('{') => match sink.record(text.as_bytes()) {
                Verdict::Done => self.pieces += 1,
                Verdict::NotJson { detail } => self.refuse_partial(RejectReason::NotJson { detail }, sink),
            },
            Ok(_) => self.refuse_partial(RejectReason::NotAnObject, sink),
            Err(error) => self.refuse_partial(RejectReason::NotJson { detail: error.to_string() }, sink),
        }
        self.end_value();
    }

    /// Runs to the end of the line or the next value. In a list, to the next comma or bracket.
    fn stray(&mut self, chunk: &[u8], start: usize, sink: &mut impl Sink) -> usize {
        let rest = &chunk[start..];
        let end = if self.frames.is_empty() { memchr2(b'\n', b'{', rest) } else { end_in_list(rest) };
        let part = &rest[..end.unwrap_or(rest.len())];
        let room = REJECT_BYTES_KEPT_MAX.saturating_sub(self.partial.len());
        self.partial.extend_from_slice(&part[..part.len().min(room)]);
        self.partial_bytes += part.len() as u64;
        let Some(end) = end else { return chunk.len() };
        // A closing brace at the very beginning ends nothing: it is the stray byte.
        self.refuse_partial(RejectReason::NotAnObject, sink);
        self.mode = Mode::Between;
        start + end
    }

    fn keep(&mut self, part: &[u8]) {
        self.partial.extend_from_slice(part);
        self.partial_bytes += part.len() as u64;
    }

    fn refuse_partial(&mut self, reason: RejectReason, sink: &mut impl Sink) {
        let partial = std::mem::take(&mut self.partial);
        self.refuse(&partial, self.partial_bytes, reason, sink);
        self.partial_bytes = 0;
    }

    /// Hands out what is no record, without the space behind it.
    fn refuse(&mut self, bytes: &[u8], size_bytes: u64, reason: RejectReason, sink: &mut impl Sink) {
        self.pieces += 1;
        let trimmed = bytes.trim_ascii_end();
        let size_bytes = size_bytes - (bytes.len() - trimmed.len()) as u64;
        sink.refuse(&trimmed[..trimmed.len().min(REJECT_BYTES_KEPT_MAX)], size_bytes, reason);
    }

    /// Whether the bracket behind `part` opens a list of records: it is the value of one of the known keys, directly
    /// in an object that is not itself in such a list.
    fn is_container(&self, part: &[u8]) -> bool {
        if self.frames.contains(&Frame::Container) || self.frames.len() >= FRAMES_MAX {
            return false;
        }
        // The key may have begun in the chunk before.
        ends_in_container_key(&last_bytes(&self.partial, part))
    }
}

/// The last bytes of a piece in two parts: as many as a key and what stands around it need, of the same length wherever
/// chunks end.
fn last_bytes(partial: &[u8], part: &[u8]) -> Vec<u8> {
    let from_part = part.len().saturating_sub(BEGINNING_BYTES_MAX);
    let from_partial = partial.len().saturating_sub(BEGINNING_BYTES_MAX - (part.len() - from_part));
    partial[from_partial..].iter().chain(&part[from_part..]).copied().collect()
}

/// Whether one of the known keys and a colon are the last of these bytes.
fn ends_in_container_key(last: &[u8]) -> bool {
    let key = last.trim_ascii_end().strip_suffix(b":").unwrap_or_default().trim_ascii_end();
    let is_whole = |before: &[u8]| before.ends_with(b"\"");
    let Some(key) = key.strip_suffix(b"\"") else { return false };
    CONTAINER_KEYS.iter().any(|known| key.strip_suffix(*known).is_some_and(is_whole))
}

const TOO_LONG: RejectReason = RejectReason::TooLong { bytes_max: RECORD_BYTES_MAX };

/// Where something stray in a list ends; 0 only for what ends it at once.
fn end_in_list(rest: &[u8]) -> Option<usize> {
    rest.iter().position(|byte| matches!(byte, b'\n' | b'{' | b',' | b']'))
}

/// `{`, space and first key of a record, or nothing when it is too long to be one of AWS's.
fn beginning_of(record: &[u8]) -> Vec<u8> {
    let end = memchr(b'"', record).and_then(|open| Some(open + 2 + memchr(b'"', &record[open + 1..])?));
    end.and_then(|end| record.get(..end)).filter(|key| key.len() <= BEGINNING_BYTES_MAX).unwrap_or_default().to_vec()
}
