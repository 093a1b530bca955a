//! CloudTrail log files in the folders that AWS lays them into, by the time of their events.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use digest::names::Root;
use digest::{LogFile, LogKind};
use model::{AccountId, EventTime, Region};

use crate::columns::Members;
use crate::target::{keep, temporary};
use crate::{ExportError, RecordWriter, Written};

/// Bytes of records of a file, before it is packed.
const FILE_BYTES: usize = 16 * 1024 * 1024;
/// Bytes of records of all open files: when there are more, the largest ends.
const OPEN_BYTES_MAX: usize = 256 * 1024 * 1024;

/// A folder of log files.
#[derive(Debug)]
pub struct LogFileFolder {
    root: PathBuf,
    /// Where an event goes that does not say so.
    elsewhere: (AccountId, Region),
    /// By account, region and day.
    open: BTreeMap<Place, OpenFile>,
    written: Written,
    /// Numbers the files, so that no two have one name.
    next: u64,
}

/// Account, region, and the day of the events, counted from 1970.
type Place = (AccountId, Region, i64);

#[derive(Debug)]
struct OpenFile {
    file: LogFile,
    first: EventTime,
}

/// What says where a record goes. A member that is not what it should be is no reason to leave the record out: the
/// history takes such records too.
#[derive(Default)]
struct Head {
    time: Option<EventTime>,
    account: Option<AccountId>,
    region: Option<Region>,
}

impl Head {
    fn read(record: &str) -> Result<Self, ExportError> {
        let members: Members<'_> = serde_json::from_str(record).map_err(ExportError::record(record))?;
        let text = |members: &Members<'_>, name: &str| {
            members.get(name).and_then(|value| serde_json::from_str::<String>(value.get()).ok())
        };
        let caller = || serde_json::from_str::<Members<'_>>(members.get("userIdentity")?.get()).ok();
        let account = text(&members, "recipientAccountId").or_else(|| text(&caller()?, "accountId"));
        Ok(Self {
            time: text(&members, "eventTime").and_then(|time| EventTime::parse(&time).ok()),
            account: account.and_then(|account| AccountId::parse(&account).ok()),
            region: text(&members, "awsRegion").and_then(|region| Region::parse(&region).ok()),
        })
    }
}

impl LogFileFolder {
    /// Begins to fill a folder. Events that do not say where they happened go to the account and region that are given.
    pub fn new(root: &Path, account: AccountId, region: Region) -> Self {
        Self {
            root: root.to_owned(),
            elsewhere: (account, region),
            open: BTreeMap::new(),
            written: Written::default(),
            next: 0,
        }
    }

    fn end(&mut self, place: &Place) -> Result<(), ExportError> {
        let Some(OpenFile { file, first }) = self.open.remove(place) else { return Ok(()) };
        let (account, region, _) = place;
        let root = Root { prefix: None, organization_id: None, account: *account };
        let key = root.log_file(LogKind::Events, region, first, &format!("export{:010}", self.next));
        self.next += 1;
        let path = self.root.join(key);
        let finished = file.finish().map_err(ExportError::write(&path))?;
        let Some(finished) = finished else { return Ok(()) };
        let mut file = temporary(&path).map_err(ExportError::write(&path))?;
        file.write_all(&finished.packed).and_then(|()| keep(file, &path)).map_err(ExportError::write(&path))?;
        self.written.files += 1;
        self.written.bytes += finished.packed.len() as u64;
        Ok(())
    }
}

impl RecordWriter for LogFileFolder {
    fn write(&mut self, record: &str) -> Result<(), ExportError> {
        let head = Head::read(record)?;
        let time = head.time.unwrap_or(EventTime::from_seconds(0));
        let account = head.account.unwrap_or(self.elsewhere.0);
        let region = head.region.unwrap_or_else(|| self.elsewhere.1.clone());
        let place = (account, region, time.as_seconds().div_euclid(86_400));
        let open = self.open.entry(place.clone()).or_insert_with(|| OpenFile { file: LogFile::default(), first: time });
        open.file.push(record.as_bytes(), time);
        if open.file.len() >= FILE_BYTES {
            return self.end(&place);
        }
        if self.open.values().map(|open| open.file.len()).sum::<usize>() >= OPEN_BYTES_MAX {
            let largest = self.open.iter().max_by_key(|(_, open)| open.file.len()).map(|(place, _)| place.clone());
            return largest.map_or(Ok(()), |place| self.end(&place));
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<Written, ExportError> {
        while let Some(place) = self.open.keys().next().cloned() {
            self.end(&place)?;
        }
        Ok(self.written)
    }
}
