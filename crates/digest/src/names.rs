//! Where log files and digest files lie in a bucket, and what their names say.

use model::{AccountId, EventTime, Region};

/// What stands before the folder of a kind of files: `[prefix/]AWSLogs/[o-ORG/]ACCOUNT`.
#[derive(Debug, Clone, Copy)]
pub struct Root<'a> {
    /// Prefix of the trail.
    pub prefix: Option<&'a str>,
    /// Id of the organization, for its trails.
    pub organization_id: Option<&'a str>,
    /// Account whose events are in the files.
    pub account: AccountId,
}

/// What is in a log file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LogKind {
    /// Events as they were recorded.
    Events,
    /// Insights events.
    Insights,
}

impl LogKind {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Events, Self::Insights];

    /// The name of the folder, which stands in the names of the files too.
    fn folder(self) -> &'static str {
        match self {
            Self::Events => "CloudTrail",
            Self::Insights => "CloudTrail-Insight",
        }
    }
}

/// Whose digests they are: what stands in the name of each.
#[derive(Debug, Clone, Copy)]
pub struct DigestNames<'a> {
    /// What the keys begin with.
    pub root: Root<'a>,
    /// Region whose log files are covered.
    pub region: &'a Region,
    /// Name of the trail: several can share a bucket.
    pub trail_name: &'a str,
    /// Region that the trail was made in.
    pub home_region: &'a Region,
}

impl Root<'_> {
    /// `[prefix/]AWSLogs/[o-ORG/]ACCOUNT/KIND/REGION/`
    fn folder(&self, kind: &str, region: &Region) -> String {
        let mut folder = String::new();
        if let Some(prefix) = self.prefix {
            folder.push_str(prefix);
            folder.push('/');
        }
        folder.push_str("AWSLogs/");
        if let Some(organization) = self.organization_id {
            folder.push_str(organization);
            folder.push('/');
        }
        let (account, region) = (self.account.as_str(), region.as_str());
        format!("{folder}{account}/{kind}/{region}/")
    }

    /// What the keys of all log files of a region begin with.
    pub fn log_folder(&self, kind: LogKind, region: &Region) -> String {
        self.folder(kind.folder(), region)
    }

    /// Key of a digest file of a trail. The time is the end of its window.
    pub fn digest_file(&self, region: &Region, trail_name: &str, home_region: &Region, end: EventTime) -> String {
        DigestNames { root: *self, region, trail_name, home_region }.digest_file(end, false)
    }

    /// Key of a log file. The time is that of the delivery; `random` tells files of one minute apart: 16 letters and
    /// digits.
    pub fn log_file(&self, kind: LogKind, region: &Region, time: EventTime, random: &str) -> String {
        let time = compact(time);
        let minute = format!("{}Z", &time[..13]);
        let (folder, day) = (self.log_folder(kind, region), day_of(&time));
        let (account, kind, region) = (self.account.as_str(), kind.folder(), region.as_str());
        format!("{folder}{day}/{account}_{kind}_{region}_{minute}_{random}.json.gz")
    }
}

impl DigestNames<'_> {
    /// What the keys of all digests of the account and region begin with; those of other trails are among them.
    pub fn folder(&self) -> String {
        self.root.folder("CloudTrail-Digest", self.region)
    }

    /// What the names of the files begin with.
    pub fn stem(&self) -> String {
        let (account, region, home) = (self.root.account.as_str(), self.region.as_str(), self.home_region.as_str());
        format!("{account}_CloudTrail-Digest_{region}_{}_{home}_", self.trail_name)
    }

    /// Key of a digest file. The time is the end of its window.
    pub fn digest_file(&self, end: EventTime, is_backfill: bool) -> String {
        let time = compact(end);
        let backfill = if is_backfill { "_backfill" } else { "" };
        format!("{}{}/{}{time}{backfill}.json.gz", self.folder(), day_of(&time), self.stem())
    }

    /// End of the window of the digest under a key, and whether it is a backfill; `None` for keys that are no digest of
    /// this trail.
    pub fn parse(&self, key: &str) -> Option<(EventTime, bool)> {
        let (_, name) = key.strip_prefix(&*self.folder())?.rsplit_once('/')?;
        let rest = name.strip_prefix(&*self.stem())?.strip_suffix(".json.gz")?;
        let (time, is_backfill) = rest.strip_suffix("_backfill").map_or((rest, false), |time| (time, true));
        Some((parse_compact(time)?, is_backfill))
    }
}

/// What the key of a digest says, of whatever trail.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct DigestPlace {
    /// Prefix and organization: what stands before the account, with its slash.
    pub before_account: String,
    /// Account.
    pub account: String,
    /// Region whose log files are covered.
    pub region: String,
    /// Name of the trail.
    pub trail_name: String,
    /// Region that the trail was made in.
    pub home_region: String,
    /// Whether it belongs to the chain of backfills.
    pub is_backfill: bool,
}

impl DigestPlace {
    /// Reads a key; gives the end of the window too. `None` for keys of no digest.
    pub fn parse(key: &str) -> Option<(Self, EventTime)> {
        let (before, rest) = key.split_once("/CloudTrail-Digest/")?;
        let (before_account, account) = before.rsplit_once('/')?;
        let (region, rest) = rest.split_once('/')?;
        let name = rest.rsplit_once('/')?.1.strip_suffix(".json.gz")?;
        let (name, is_backfill) = name.strip_suffix("_backfill").map_or((name, false), |name| (name, true));
        let name = name.strip_prefix(&*format!("{account}_CloudTrail-Digest_{region}_"))?;
        // A region has no underscore, and a trail may.
        let (name, time) = name.rsplit_once('_')?;
        let (trail_name, home_region) = name.rsplit_once('_')?;
        let place = Self {
            before_account: format!("{before_account}/"),
            account: account.to_owned(),
            region: region.to_owned(),
            trail_name: trail_name.to_owned(),
            home_region: home_region.to_owned(),
            is_backfill,
        };
        Some((place, parse_compact(time)?))
    }

    /// What the keys of the log files begin with that its digests cover.
    pub fn log_folder(&self, kind: LogKind) -> String {
        format!("{}{}/{}/{}/", self.before_account, self.account, kind.folder(), self.region)
    }
}

/// Minute of the delivery in the key of a log file; `None` for other keys.
pub fn log_file_minute(key: &str) -> Option<EventTime> {
    let name = key.rsplit('/').next()?.strip_suffix(".json.gz")?;
    if !LogKind::ALL.iter().any(|kind| name.contains(&format!("_{}_", kind.folder()))) {
        return None;
    }
    let minute = name.rsplit('_').nth(1)?.strip_suffix('Z')?;
    parse_compact(&format!("{minute}00Z"))
}

/// A time as file names have it: `20250301T120531Z`.
fn compact(time: EventTime) -> String {
    time.to_string().replace(['-', ':'], "")
}

/// The inverse of [`compact`].
fn parse_compact(text: &str) -> Option<EventTime> {
    if text.len() != 16 || !text.is_ascii() {
        return None;
    }
    let part = |range: std::ops::Range<usize>| &text[range];
    let (year, month, day) = (part(0..4), part(4..6), part(6..8));
    let (hour, minute, second) = (part(9..11), part(11..13), part(13..15));
    EventTime::parse(&format!("{year}-{month}-{day}T{hour}:{minute}:{second}Z")).ok().filter(|at| compact(*at) == text)
}

/// The folders of a day, `2025/03/01`, of a time of the form `20250301T1205…`.
fn day_of(time: &str) -> String {
    format!("{}/{}/{}", &time[..4], &time[4..6], &time[6..8])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_laid_out_as_the_original_does() {
        let (account, region) = (AccountId::parse("111122223333").unwrap(), Region::parse("eu-west-1").unwrap());
        let time = EventTime::parse("2025-03-01T12:05:31Z").unwrap();
        let root = Root { prefix: None, organization_id: None, account };
        assert_eq!(
            root.log_file(LogKind::Events, &region, time, "AbCdEfGh12345678"),
            "AWSLogs/111122223333/CloudTrail/eu-west-1/2025/03/01/111122223333_CloudTrail_eu-west-1_20250301T1205Z_AbCdEfGh12345678.json.gz"
        );
        let insights = root.log_file(LogKind::Insights, &region, time, "AbCdEfGh12345678");
        assert_eq!(
            insights,
            "AWSLogs/111122223333/CloudTrail-Insight/eu-west-1/2025/03/01/111122223333_CloudTrail-Insight_eu-west-1_20250301T1205Z_AbCdEfGh12345678.json.gz"
        );
        let root = Root { prefix: Some("a/b"), organization_id: Some("o-example"), account };
        let home = Region::parse("us-east-1").unwrap();
        let names = DigestNames { root, region: &region, trail_name: "main", home_region: &home };
        let key = names.digest_file(time, false);
        assert_eq!(
            key,
            "a/b/AWSLogs/o-example/111122223333/CloudTrail-Digest/eu-west-1/2025/03/01/111122223333_CloudTrail-Digest_eu-west-1_main_us-east-1_20250301T120531Z.json.gz"
        );
        assert_eq!(root.digest_file(&region, "main", &home, time), key);
        assert_eq!(names.parse(&key), Some((time, false)));
        assert_eq!(names.parse(&names.digest_file(time, true)), Some((time, true)));
        let (place, end) = DigestPlace::parse(&key.replace("_main_", "_my_main_")).unwrap();
        assert_eq!((place.trail_name.as_str(), place.home_region.as_str(), end), ("my_main", "us-east-1", time));
        for kind in LogKind::ALL {
            assert_eq!(place.log_folder(kind), root.log_folder(kind, &region));
            let minute = log_file_minute(&root.log_file(kind, &region, time, "AbCdEfGh12345678")).unwrap();
            assert_eq!(minute, EventTime::parse("2025-03-01T12:05:00Z").unwrap());
        }
        for other in [key.replace("_main_", "_other_"), key.replace("120531Z", "126031Z"), key.replace(".json", ".x")] {
            assert_eq!(names.parse(&other), None, "{other}");
        }
    }
}
