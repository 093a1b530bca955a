//! Moves segments from the data folder to the bucket, and deletes objects that nobody needs.
//!
//! A segment is sealed, imported or joined as a file of the folder, as ever, and is whole and searchable there. It goes up
//! later, one at a time:
//!
//! 1. its bytes are put under its name, and the end of the object is read back;
//! 2. one transaction of the manifest says that it is in the bucket: **the commit point**;
//! 3. it is read from the bucket;
//! 4. its file is deleted.
//!
//! A crash before 2 leaves an object that the next start writes again, with the same bytes. One after 2 leaves a file that
//! the next start deletes. Objects are deleted as the manifest says: **known objects**. While the bucket is away segments wait in the folder, and recording goes on until the disk
//! budget is met.

use std::sync::Arc;

use bytes::Bytes;

use crate::StoreError;
use crate::bucket::BucketError;
use crate::event_store::{EventStore, run_blocking};
use crate::manifest::{BucketPlace, Change, Moved};
use crate::remote_segments::RemoteSegments;
use crate::segment_file::{StoredSegment, write_file};

/// Segments that are opened at once after a start: what takes time is the way to the bucket.
const OPENED_AT_ONCE: usize = 4;

/// A segment was moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MovedSegment {
    /// Its bytes.
    pub bytes: u64,
    /// Segments that still wait.
    pub left: u64,
}

impl EventStore {
    /// Waits until there may be something to move to the bucket or to delete in it; for ever without a bucket.
    pub async fn until_bucket_work(&self) {
        match self.remote() {
            Some(remote) => remote.to_do.notified().await,
            None => std::future::pending().await,
        }
    }

    /// Moves one segment from the folder to the bucket; `None` if there is none, or no bucket. May be dropped at any point.
    /// Not at the same time as another move, or a deletion.
    ///
    /// # Errors
    /// The bucket does not take it, or the manifest fails. It stays where it is.
    pub async fn move_up(&self) -> Result<Option<MovedSegment>, StoreError> {
        let Some(remote) = self.remote() else { return Ok(None) };
        let mut waiting: Vec<_> = self.all_segments().into_iter().filter(|stored| stored.is_local()).collect();
        waiting.sort_by_key(|stored| stored.row.min_sequence);
        let Some(stored) = waiting.first() else { return Ok(None) };
        let (url, file_name) = (remote.url(), &stored.row.file_name);
        if remote.is_doomed(file_name) {
            // It was in the bucket before. Whoever deletes objects is the same who moves segments, and does one at a time.
            self.manifest().forget_object(url, file_name).await?;
            remote.is_not_doomed(file_name);
        }
        let (bytes, checksums) = {
            let (stored, remote) = (Arc::clone(stored), Arc::clone(remote));
            run_blocking(move || {
                let bytes = Bytes::from(stored.bytes()?);
                let put = remote.put(&stored.row.file_name, &bytes);
                Ok((bytes.len() as u64, put.map_err(failed(&remote))?))
            })
            .await?
        };
        // Nobody takes segments away from here on.
        let _alone = self.upkeep().await;
        if !self.all_segments().iter().any(|kept| Arc::ptr_eq(kept, stored)) {
            // What took it away has seen to its object.
            return Ok(Some(MovedSegment { bytes: 0, left: waiting.len() as u64 - 1 }));
        }
        let place = BucketPlace { url: url.to_owned(), page_checksums: checksums };
        // Commit point.
        let moved = Some(Moved { file_name, to: Some(&place) });
        self.manifest().commit(&Change { moved, ..Change::default() }).await?;
        stored.is_now_in_bucket(remote.segment(file_name, bytes, place.page_checksums));
        let path = self.segment_folder().join(file_name);
        std::fs::remove_file(&path).map_err(StoreError::io("delete", &path))?;
        Ok(Some(MovedSegment { bytes, left: waiting.len() as u64 - 1 }))
    }

    /// Brings one segment back from the bucket into the folder; `None` if there is none there.
    ///
    /// # Errors
    /// It cannot be read or written, or the manifest fails. It stays where it is.
    pub async fn move_down(&self) -> Result<Option<MovedSegment>, StoreError> {
        let _alone = self.upkeep().await;
        let mut there: Vec<_> = self.all_segments().into_iter().filter(|stored| !stored.is_local()).collect();
        let left = there.len().saturating_sub(1) as u64;
        let Some(stored) = there.pop() else { return Ok(None) };
        let (folder, reading) = (self.segment_folder(), Arc::clone(&stored));
        let bytes = run_blocking(move || {
            let bytes = reading.bytes()?;
            write_file(&folder, &reading.row.file_name, &bytes)?;
            Ok(bytes.len() as u64)
        })
        .await?;
        // Commit point.
        let moved = Some(Moved { file_name: &stored.row.file_name, to: None });
        let bucket_url = self.remote().map(|remote| remote.url());
        self.manifest().commit(&Change { moved, bucket_url, ..Change::default() }).await?;
        stored.is_now_in_folder()?;
        Ok(Some(MovedSegment { bytes, left }))
    }

    /// Deletes the objects of segments that are no more and that nobody reads any more. Gives their number.
    ///
    /// # Errors
    /// The bucket does not serve; what is left waits.
    pub async fn delete_unread_objects(&self) -> Result<usize, StoreError> {
        let Some(remote) = self.remote() else { return Ok(0) };
        let mut deleted = 0;
        while let Some(file_name) = remote.next_doomed() {
            let (deleting, doomed) = (Arc::clone(remote), file_name.clone());
            run_blocking(move || deleting.delete(&doomed).map_err(failed(&deleting))).await?;
            self.manifest().forget_object(remote.url(), &file_name).await?;
            remote.is_not_doomed(&file_name);
            deleted += 1;
        }
        Ok(deleted)
    }

    /// Opens the segments that are in the bucket, so that no lookup has to. One that cannot be read now is opened when it
    /// is asked.
    ///
    /// # Errors
    /// The first that cannot be read.
    pub async fn open_bucket_segments(&self) -> Result<(), StoreError> {
        let there: Vec<_> = self.all_segments().into_iter().filter(|stored| !stored.is_local()).collect();
        let open = |segments: Vec<Arc<StoredSegment>>| {
            run_blocking(move || segments.iter().try_for_each(|stored| stored.segment().map(drop)))
        };
        let parts = there.chunks(there.len().div_ceil(OPENED_AT_ONCE).max(1));
        futures::future::try_join_all(parts.map(|part| open(part.to_vec()))).await?;
        Ok(())
    }
}

fn failed(remote: &RemoteSegments) -> impl FnOnce(BucketError) -> StoreError + use<> {
    let url = remote.url().to_owned();
    move |source| StoreError::Bucket { url, source }
}
