//! Which events stand in which file, known before any is made, so that files can be made in any order on all cores.

use crate::population::REGIONS;

/// A file to make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FilePlan {
    /// Number of the file, from 0.
    pub(crate) number: u64,
    pub(crate) account: usize,
    pub(crate) region: usize,
    /// Events of the account in the region before those of this file.
    pub(crate) first: u64,
    pub(crate) count: u64,
    /// Events of the account in the region.
    pub(crate) total: u64,
}

/// Share of each region, and of each account, falls like this with its rank.
fn shares(count: usize, exponent: f64) -> Vec<f64> {
    let weights: Vec<f64> = (1..=count).map(|rank| (rank as f64).powf(-exponent)).collect();
    let total: f64 = weights.iter().sum();
    weights.into_iter().map(|weight| weight / total).collect()
}

/// Share of all events in the first region.
pub(crate) fn first_region_share(regions: usize) -> f64 {
    shares(regions, 1.2)[0]
}

/// Spreads events over accounts, regions and files.
pub(crate) fn files(events: u64, accounts: usize, regions: usize, events_per_file: u64) -> Vec<FilePlan> {
    let accounts = shares(accounts, 1.0);
    let regions = shares(regions.min(REGIONS.len()), 1.2);
    let mut files = Vec::new();
    let mut left = events;
    let last = (accounts.len() - 1, regions.len() - 1);
    for (account, account_share) in accounts.iter().enumerate() {
        for (region, region_share) in regions.iter().enumerate() {
            let share = (events as f64 * account_share * region_share).round() as u64;
            // The last takes what rounding left over.
            let total = if (account, region) == last { left } else { share.min(left) };
            left -= total;
            let mut first = 0;
            while first < total {
                let count = events_per_file.min(total - first);
                files.push(FilePlan { number: files.len() as u64, account, region, first, count, total });
                first += count;
            }
        }
    }
    files
}

#[cfg(test)]
mod tests {
    use super::files;

    #[test]
    fn every_event_stands_in_one_file() {
        for events in [0, 1, 7, 4_999, 100_003] {
            let plan = files(events, 3, 4, 500);
            assert_eq!(plan.iter().map(|file| file.count).sum::<u64>(), events);
            assert!(plan.iter().all(|file| file.count <= 500 && file.first + file.count <= file.total));
        }
    }
}
