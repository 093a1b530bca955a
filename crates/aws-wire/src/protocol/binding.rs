//! Which members of a structure a body can hold.

use crate::catalog::{Location, Member, Structure};

/// Where a structure stands. Only the members of a REST request or answer itself are bound to path, query and headers;
/// inside them, and in the other protocols, all members are in the body (Smithy, HTTP binding traits).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Binding {
    /// A REST request.
    RestRequest,
    /// A REST answer: what would be in a request's path or query is in its body.
    RestResponse,
    /// Anything else.
    All,
}

impl Binding {
    /// Whether the body holds this member. A body that names a member of the path or a header does not say what the
    /// call is about, and must not be able to.
    pub(super) fn is_in_body(self, member: &Member) -> bool {
        match (self, member.location) {
            (Self::All, _) | (_, Location::Body) | (Self::RestResponse, Location::Uri | Location::QueryString) => true,
            (Self::RestRequest | Self::RestResponse, _) => false,
        }
    }

    /// Whether a name in the body is that of a member which is elsewhere. Services do not look at it there.
    pub(super) fn is_elsewhere(self, structure: Option<&Structure>, name: &str) -> bool {
        self != Self::All
            && structure.is_some_and(|structure| {
                structure.members.iter().any(|member| member.wire_name() == name && !self.is_in_body(member))
            })
    }
}
