//! The resources that an action was used on: exact while they are few, by their common beginnings when they are many.

use std::collections::BTreeSet;

/// Most single ARNs of one action. A run that reads a million objects must neither fill the memory nor the policy, which
/// IAM limits to 6,144 characters.
const ARNS_MAX: usize = 24;
/// Most patterns that ARNs are joined to; beyond, the action is used on everything.
const PATTERNS_MAX: usize = 24;

/// A bounded set of ARNs and ARN patterns.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ArnSet {
    exact: BTreeSet<String>,
    patterns: BTreeSet<String>,
    is_everything: bool,
}

impl ArnSet {
    /// Adds every resource.
    pub fn add_everything(&mut self) {
        self.is_everything = true;
        self.exact.clear();
        self.patterns.clear();
    }

    /// Adds an ARN, or everything under a path if it ends with `/*`.
    pub fn add(&mut self, arn: String) {
        if self.is_everything || self.covers(&arn) {
            return;
        }
        if arn.ends_with("/*") {
            self.add_pattern(arn);
        } else {
            self.exact.insert(arn);
        }
        if self.exact.len() > ARNS_MAX {
            for arn in std::mem::take(&mut self.exact) {
                self.add_pattern(joined(&arn));
            }
        }
        if self.patterns.len() > PATTERNS_MAX {
            self.add_everything();
        }
    }

    fn add_pattern(&mut self, pattern: String) {
        if !self.covers(&pattern) {
            let is_under = |arn: &String| fits(&pattern, arn);
            self.exact.retain(|arn| !is_under(arn));
            self.patterns.retain(|arn| !is_under(arn));
            self.patterns.insert(pattern);
        }
    }

    /// Whether a policy for this set already allows an ARN.
    pub fn covers(&self, arn: &str) -> bool {
        self.is_everything || self.exact.contains(arn) || self.patterns.iter().any(|pattern| fits(pattern, arn))
    }

    /// The `Resource` list of a policy, sorted.
    pub fn to_list(&self) -> Vec<String> {
        if self.is_everything || (self.exact.is_empty() && self.patterns.is_empty()) {
            return vec!["*".to_owned()];
        }
        let mut list: Vec<String> = self.exact.iter().chain(&self.patterns).cloned().collect();
        list.sort_unstable();
        list
    }
}

/// Whether a pattern with one `*` at its end, as [`joined`] makes them, covers an ARN.
fn fits(pattern: &str, arn: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(beginning) => arn.starts_with(beginning),
        None => pattern == arn,
    }
}

/// The pattern that stands for an ARN and those like it: all objects of a bucket, all resources of a kind.
fn joined(arn: &str) -> String {
    let Some((at, _)) = arn.match_indices(':').nth(4) else { return "*".to_owned() };
    let resource = &arn[at + 1..];
    let kept = resource.find(['/', ':']).map_or(0, |end| end + 1);
    format!("{}{}*", &arn[..=at], &resource[..kept])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(arns: impl IntoIterator<Item = String>, expected: &[&str]) {
        let mut set = ArnSet::default();
        for arn in arns {
            set.add(arn.clone());
            assert!(set.covers(&arn), "{arn}");
        }
        assert_eq!(set.to_list(), expected);
    }

    #[test]
    fn few_are_exact() {
        check(
            ["arn:aws:s3:::b/2".to_owned(), "arn:aws:s3:::b/1".to_owned()],
            &["arn:aws:s3:::b/1", "arn:aws:s3:::b/2"],
        );
        check([], &["*"]);
    }

    #[test]
    fn many_are_joined() {
        let objects = (0..100_000).map(|n| format!("arn:aws:s3:::bucket{}/dir/{n}", n % 2));
        check(objects, &["arn:aws:s3:::bucket0/*", "arn:aws:s3:::bucket1/*"]);
        let tables = (0..100).map(|n| format!("arn:aws:dynamodb:us-east-1:111122223333:table/t{n}"));
        check(tables, &["arn:aws:dynamodb:us-east-1:111122223333:table/*"]);
        let queues = (0..100).map(|n| format!("arn:aws:sqs:us-east-1:111122223333:q{n}"));
        check(queues, &["arn:aws:sqs:us-east-1:111122223333:*"]);
        check((0..10_000).map(|n| format!("arn:aws:s3:::bucket{n}/key")), &["*"]);
    }

    #[test]
    fn a_pattern_takes_in_what_it_covers() {
        let arns = ["arn:aws:s3:::b/1", "arn:aws:s3:::c/1", "arn:aws:s3:::b/*", "arn:aws:s3:::b/2"];
        check(arns.map(str::to_owned), &["arn:aws:s3:::b/*", "arn:aws:s3:::c/1"]);
    }
}
