//! The least IAM policy for what a program did.
//!
//! What was used is in statements whose `Sid` begins with `Used`, roles that were handed to services in `PassRoles`, and
//! what was tried and denied, and never allowed, in statements whose `Sid` begins with `Denied`: they are for a person to
//! keep or strike.

use std::collections::BTreeMap;

use aws_wire::catalog::Service;
use model::{AccountId, EventRecord};
use serde_json::{Value, json};

use crate::arn_set::ArnSet;
use crate::denial::is_denial;
use crate::iam_actions::{actions, prefix};
use crate::used_resources::{arns, copy_source, passed_roles};

/// Most characters of a managed policy, white space not counted. Source: IAM user guide, quotas.
pub const MANAGED_POLICY_CHARACTERS_MAX: usize = 6_144;

/// A call, as far as a policy is concerned.
#[derive(Debug, Clone, Copy)]
pub struct UsedCall<'a> {
    /// The service.
    pub service: &'static Service,
    /// Name of the operation in the model, else what the record calls it.
    pub operation: &'a str,
    /// Status of the answer; `None` when none came.
    pub status: Option<u16>,
    /// The record.
    pub record: &'a EventRecord,
}

type Uses = BTreeMap<String, ArnSet>;

/// Collects the actions and resources of calls. Its size depends on how many actions there are, not on how many calls.
#[derive(Debug, Default)]
pub struct PolicyBuilder {
    used: Uses,
    denied: Uses,
    passed_roles: ArnSet,
    has_passed_roles: bool,
    /// An account that was assumed and is not known to be right: `*` in ARNs.
    assumed_account: Option<String>,
}

impl PolicyBuilder {
    /// A builder; `assumed_account` is the account that records name where nothing better is known.
    pub fn new(assumed_account: Option<AccountId>) -> Self {
        Self { assumed_account: assumed_account.map(|account| account.to_string()), ..Self::default() }
    }

    /// Adds a call. One that failed on the service's side says nothing about permissions; one that failed for another
    /// reason (`NoSuchKey`) had the permission.
    pub fn add(&mut self, call: &UsedCall<'_>) {
        if call.status.is_none_or(|status| status >= 500) {
            return;
        }
        let record = call.record;
        let is_denied = record.error_code.as_deref().is_some_and(is_denial);
        let needed = actions(call.service, call.operation, record.request_parameters.as_deref());
        let prefix = prefix(call.service);
        for action in needed {
            let arns = arns(prefix, &action, record);
            self.note(is_denied, action, arns);
        }
        if is_denied {
            return;
        }
        if call.service.id == "s3"
            && let Some(source) = copy_source(record)
        {
            self.note(false, "s3:GetObject".to_owned(), vec![source]);
        }
        for role in passed_roles(record) {
            self.has_passed_roles = true;
            self.passed_roles.add(role);
        }
    }

    fn note(&mut self, is_denied: bool, action: String, arns: Vec<String>) {
        let uses = if is_denied { &mut self.denied } else { &mut self.used };
        let set = uses.entry(action).or_default();
        if arns.is_empty() {
            set.add_everything();
        }
        for arn in arns {
            let arn = match &self.assumed_account {
                Some(account) => arn.replace(&format!(":{account}:"), ":*:"),
                None => arn,
            };
            set.add(arn);
        }
    }

    /// How many actions were used.
    pub fn used_actions(&self) -> usize {
        self.used.len()
    }

    /// The policy document, with statements in a stable order.
    pub fn document(&self) -> Value {
        let mut statements = statements("Used", &self.used);
        if self.has_passed_roles {
            statements.push(statement("PassRoles", vec!["iam:PassRole"], &self.passed_roles.to_list()));
        }
        let never_allowed = self
            .denied
            .iter()
            .filter(|(action, arns)| !self.allows_all(action, arns))
            .map(|(action, arns)| (action.clone(), arns.clone()))
            .collect();
        statements.extend(self::statements("Denied", &never_allowed));
        json!({"Version": "2012-10-17", "Statement": statements})
    }

    fn allows_all(&self, action: &str, arns: &ArnSet) -> bool {
        self.used.get(action).is_some_and(|used| arns.to_list().iter().all(|arn| used.covers(arn)))
    }
}

/// One statement for all actions of a service on the same resources.
fn statements(kind: &str, uses: &Uses) -> Vec<Value> {
    let mut groups: BTreeMap<(&str, Vec<String>), Vec<&str>> = BTreeMap::new();
    for (action, arns) in uses {
        let service = action.split(':').next().unwrap_or_default();
        groups.entry((service, arns.to_list())).or_default().push(action);
    }
    let mut numbers: BTreeMap<&str, usize> = BTreeMap::new();
    groups
        .into_iter()
        .map(|((service, arns), actions)| {
            let number = numbers.entry(service).or_default();
            *number += 1;
            let suffix = if *number == 1 { String::new() } else { format!("No{number}") };
            statement(&format!("{kind}{}{suffix}", capitalised(service)), actions, &arns)
        })
        .collect()
}

fn statement(sid: &str, actions: Vec<&str>, resources: &[String]) -> Value {
    json!({"Sid": sid, "Effect": "Allow", "Action": actions, "Resource": resources})
}

/// A service prefix as a part of a `Sid`, which takes letters and digits only.
fn capitalised(service: &str) -> String {
    service
        .split('-')
        .map(|part| {
            let mut characters = part.chars();
            characters
                .next()
                .map_or_else(String::new, |first| first.to_ascii_uppercase().to_string() + characters.as_str())
        })
        .collect()
}

#[cfg(test)]
pub(crate) mod tests;
