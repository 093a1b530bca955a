//! Facts that events are found by, as kinds of terms.

use model::EventCategory;
use model::lookup::{NamingKey, listed_resources};

/// Kinds of terms. Part of the format: a number never changes its meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub(crate) enum TermKind {
    EventName = 1,
    EventSource = 2,
    ReadOnly = 3,
    Username = 4,
    ResourceType = 5,
    ResourceName = 6,
    AccessKeyId = 7,
    Category = 8,
    ErrorCode = 9,
    Region = 10,
    Account = 11,
    SourceIp = 12,
}

/// How a leaf tells of resources.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ResourceRule {
    /// It stands under a key that names resources.
    Naming(NamingKey),
    /// ARN of an entry of `resources`.
    ListedArn,
    /// Type of an entry of `resources`.
    ListedType,
}

impl ResourceRule {
    /// The terms that a text gives: at least those that [`model::LookupIndex::derive`] finds in it.
    pub(crate) fn terms(self, text: &str, found: &mut dyn FnMut(TermKind, &str)) {
        let mut resource = |kind: Option<&str>, name: &str| {
            found(TermKind::ResourceName, name);
            if let Some(kind) = kind {
                found(TermKind::ResourceType, kind);
            }
        };
        match self {
            Self::Naming(key) => key.resources(text, &mut |kind, name| resource(kind, name)),
            Self::ListedArn => listed_resources(None, text, &mut resource),
            Self::ListedType => found(TermKind::ResourceType, text),
        }
    }
}

/// The text that stands for a category in terms.
pub(crate) fn category_text(category: EventCategory) -> &'static str {
    category.as_str()
}

/// The text that stands for a truth in terms.
pub(crate) fn truth_text(truth: bool) -> &'static str {
    if truth { "true" } else { "false" }
}
