//! From stored bytes to a body, with memory for two blocks.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::{FutureExt, Stream};
use tokio::task::{JoinHandle, spawn_blocking};

use super::{BLOCK_BYTES, ContentFolder};
use crate::attributes::Extent;
use crate::cleaning::ReadPermit;

/// The side that reads, on threads that may block.
#[derive(Debug)]
struct Source {
    folder: Arc<ContentFolder>,
    /// What is still to be read, the first piece first.
    pieces: VecDeque<(i64, Range<u64>)>,
    open: Option<(i64, File)>,
    /// Keeps the files in place.
    _permit: ReadPermit,
}

impl Source {
    /// The next block; empty at the end.
    fn next_block(&mut self) -> io::Result<Bytes> {
        let Some((id, range)) = self.pieces.front_mut() else { return Ok(Bytes::new()) };
        let file = match &mut self.open {
            Some((open_id, file)) if open_id == id => file,
            slot => &mut slot.insert((*id, self.folder.open_file(*id)?)).1,
        };
        let length = (range.end - range.start).min(BLOCK_BYTES as u64);
        let mut block = vec![0; length as usize];
        file.read_exact_at(&mut block, range.start)?;
        range.start += length;
        if range.start == range.end {
            self.pieces.pop_front();
        }
        Ok(block.into())
    }
}

type PendingBlock = JoinHandle<io::Result<(Source, Bytes)>>;

/// A stream of blocks; the next one is read while one is sent.
#[derive(Debug)]
pub(crate) struct Reading {
    state: State,
}

#[derive(Debug)]
enum State {
    /// The first block was read and not handed out.
    Begun(Source, Bytes),
    Pending(PendingBlock),
    Over,
}

fn read_on(mut source: Source) -> PendingBlock {
    spawn_blocking(move || {
        let block = source.next_block()?;
        Ok((source, block))
    })
}

impl Reading {
    /// Reads the first block, so that content that cannot be read is an error before an answer begins.
    pub(crate) async fn begin(
        folder: Arc<ContentFolder>,
        extents: &[Extent],
        range: Range<u64>,
        permit: ReadPermit,
    ) -> io::Result<Self> {
        let pieces = pieces_of(extents, range);
        let source = Source { folder, pieces, open: None, _permit: permit };
        let (source, first) = read_on(source).await.map_err(io::Error::other)??;
        Ok(Self { state: State::Begun(source, first) })
    }

    /// The first block, when there is nothing behind it.
    pub(crate) fn into_only_block(self) -> Result<Bytes, Self> {
        match self.state {
            State::Begun(source, block) if source.pieces.is_empty() => Ok(block),
            state => Err(Self { state }),
        }
    }

    fn hand_out(&mut self, source: Source, block: Bytes) -> Option<io::Result<Bytes>> {
        if block.is_empty() {
            self.state = State::Over;
            return None;
        }
        self.state = if source.pieces.is_empty() { State::Over } else { State::Pending(read_on(source)) };
        Some(Ok(block))
    }
}

impl Stream for Reading {
    type Item = io::Result<Bytes>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        match std::mem::replace(&mut this.state, State::Over) {
            State::Over => Poll::Ready(None),
            State::Begun(source, block) => Poll::Ready(this.hand_out(source, block)),
            State::Pending(mut task) => {
                let Poll::Ready(result) = task.poll_unpin(context) else {
                    this.state = State::Pending(task);
                    return Poll::Pending;
                };
                match result.map_err(io::Error::other).flatten() {
                    Ok((source, block)) => Poll::Ready(this.hand_out(source, block)),
                    Err(error) => Poll::Ready(Some(Err(error))),
                }
            }
        }
    }
}

/// Which bytes of which files make up a range of the whole.
fn pieces_of(extents: &[Extent], range: Range<u64>) -> VecDeque<(i64, Range<u64>)> {
    let mut pieces = VecDeque::new();
    let mut start = 0;
    for extent in extents {
        let end = start + extent.size;
        let (from, to) = (range.start.max(start), range.end.min(end));
        if from < to {
            pieces.push_back((extent.file_id, from - start..to - start));
        }
        start = end;
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_meet_the_files() {
        let extents = [(1, 10), (2, 0), (3, 5), (4, 5)].map(Extent::from);
        let check = |range, expected: &[(i64, Range<u64>)]| {
            assert_eq!(Vec::from(pieces_of(&extents, range)), expected);
        };
        check(0..20, &[(1, 0..10), (3, 0..5), (4, 0..5)]);
        check(9..16, &[(1, 9..10), (3, 0..5), (4, 0..1)]);
        check(10..15, &[(3, 0..5)]);
        check(3..3, &[]);
    }
}
