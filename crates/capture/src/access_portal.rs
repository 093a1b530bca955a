//! Calls on the access portal of Identity Center: what a person's token of the portal lists and fetches.
//!
//! They are recorded as events of the service and not as calls: nothing was asked or answered by their records, and what
//! they were for stands in the details, under the names that travel. Source: Identity Center guide; records (2026,
//! github.com/aidansteele).

use aws_wire::catalog::Service;
use serde_json::{Map, Value as Json};

use crate::asked::Asked;
use crate::exchange::Exchange;
use crate::resources::text_of;

/// What details tell of, by the member and the key of it.
const DETAILS: [(&str, &str); 2] = [("roleName", "role_name"), ("accountId", "account_id")];

/// Whether calls on this service are events of the service.
pub(crate) fn is_portal(service: &Service) -> bool {
    service.id == "sso"
}

/// The `serviceEventDetails` of a call on the portal; `None` when it named neither an account nor a role.
pub(crate) fn details(exchange: &Exchange<'_>) -> Option<Json> {
    let call = exchange.subject.call()?;
    let input = Asked::input(exchange, call).value()?;
    let named = |(member, key): (&str, &str)| Some((key.to_owned(), Json::from(text_of(call.service, input, member)?)));
    let details: Map<_, _> = DETAILS.into_iter().filter_map(named).collect();
    (!details.is_empty()).then_some(Json::Object(details))
}
