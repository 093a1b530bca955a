//! A bucket in memory that fails, waits or calls a test at any request.

#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use store::{BucketError, SegmentBucket};

/// Called at each request, before and after it is carried out; what it returns is answered instead.
pub(crate) type Hook = Box<dyn FnMut(&'static str, &MemoryBucket) -> Result<(), BucketError> + Send>;

/// The bucket. Clones are the same one.
#[derive(Clone)]
pub(crate) struct MemoryBucket {
    url: String,
    pub(crate) objects: Arc<Mutex<BTreeMap<String, Bytes>>>,
    hook: Arc<Mutex<Option<Hook>>>,
}

impl std::fmt::Debug for MemoryBucket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MemoryBucket").finish_non_exhaustive()
    }
}

impl MemoryBucket {
    pub(crate) fn new(url: &str) -> Self {
        Self { url: url.to_owned(), objects: Arc::default(), hook: Arc::default() }
    }

    pub(crate) fn with_objects(url: &str, objects: BTreeMap<String, Bytes>) -> Self {
        Self { objects: Arc::new(Mutex::new(objects)), ..Self::new(url) }
    }

    pub(crate) fn set_hook(&self, hook: Option<Hook>) {
        *self.hook.lock().unwrap() = hook;
    }

    pub(crate) fn keys(&self) -> Vec<String> {
        self.objects.lock().unwrap().keys().cloned().collect()
    }

    fn ask<T>(
        &self,
        before: &'static str,
        after: &'static str,
        work: impl FnOnce(&mut BTreeMap<String, Bytes>) -> Result<T, BucketError>,
    ) -> Result<T, BucketError> {
        // Taken out meanwhile: a hook that waits holds up nobody else.
        let hook = |point| {
            let taken = self.hook.lock().unwrap().take();
            let Some(mut taken) = taken else { return Ok(()) };
            let outcome = taken(point, self);
            self.hook.lock().unwrap().get_or_insert(taken);
            outcome
        };
        hook(before)?;
        let answer = work(&mut self.objects.lock().unwrap());
        hook(after)?;
        answer
    }
}

impl SegmentBucket for MemoryBucket {
    fn url(&self) -> &str {
        &self.url
    }

    fn put(&self, key: &str, bytes: Bytes) -> Result<(), BucketError> {
        self.ask("put", "was put", |objects| {
            let there = objects.insert(key.to_owned(), bytes.clone());
            assert!(there.is_none_or(|there| there == bytes), "an object is never changed");
            Ok(())
        })
    }

    fn get(&self, key: &str, range: Range<u64>) -> Result<Bytes, BucketError> {
        self.ask("get", "was got", |objects| {
            let bytes = objects.get(key).ok_or_else(|| BucketError::Missing(key.to_owned()))?;
            Ok(bytes.slice(range.start as usize..range.end as usize))
        })
    }

    fn delete(&self, key: &str) -> Result<(), BucketError> {
        self.ask("delete", "was deleted", |objects| {
            objects.remove(key);
            Ok(())
        })
    }
}
