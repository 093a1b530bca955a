//! What was asked: the input of a call, decoded, and its `requestParameters`. Both follow from the request alone, so that
//! the records of one call, before and after its answer, share them.

use std::sync::{Arc, OnceLock};

use aws_wire::classify::Call;
use serde_json::Value as Json;

use crate::exchange::Exchange;
use crate::parameters::{Input, decode_input, request_parameters};
use crate::record::within;

/// The element of the record that tells what was asked.
pub(crate) const REQUEST_PARAMETERS: &str = "requestParameters";

/// A place for what was asked. It is filled by the first record of a call; every call has its own.
#[derive(Debug, Default)]
pub struct Asked(OnceLock<Decoded>);

#[derive(Debug)]
struct Decoded {
    input: Input,
    parameters: Option<Arc<Json>>,
}

impl Asked {
    /// The input of the call.
    pub(crate) fn input<'a>(exchange: &Exchange<'a>, call: &Call) -> &'a Input {
        &Self::decoded(exchange, call).input
    }

    /// The `requestParameters` of the call; `None` when there are none.
    pub(crate) fn parameters(exchange: &Exchange<'_>, call: &Call) -> Option<Arc<Json>> {
        Self::decoded(exchange, call).parameters.clone()
    }

    fn decoded<'a>(exchange: &Exchange<'a>, call: &Call) -> &'a Decoded {
        exchange.asked.0.get_or_init(|| {
            let input = input_of(exchange, call);
            let parameters = request_parameters(exchange, call, &input);
            Decoded { input, parameters: parameters.map(|json| Arc::new(within(json, REQUEST_PARAMETERS))) }
        })
    }
}

/// S3 is written from its head and body as they stand, so that nothing needs decoding.
fn input_of(exchange: &Exchange<'_>, call: &Call) -> Input {
    if call.service.id == "s3" { Input::HeadOnly(None) } else { decode_input(exchange, call) }
}

#[cfg(test)]
mod tests {
    use aws_wire::RequestHead;
    use aws_wire::catalog::Catalog;
    use http::{HeaderMap, Method};
    use model::{AccountId, EventTime, Region, UserIdentity};

    use super::*;
    use crate::exchange::{Authentication, BodyCapture, Outcome, Subject};

    #[test]
    fn both_records_of_a_call_have_the_same_parameters() {
        let service = Catalog::embedded().service("dynamodb").unwrap();
        let operation = service.operation_named("PutItem").unwrap();
        let call = Call { service, operation, protocol: service.protocols[0], bucket_in_host: None };
        let (headers, caller) = (HeaderMap::new(), Arc::new(UserIdentity::default()));
        let note = Exchange {
            subject: Subject::Call(&call),
            head: RequestHead { method: &Method::POST, path: "/", query: None, headers: &headers },
            request_body: BodyCapture::Complete(br#"{"TableName":"Music","Item":{"Artist":{"S":"x"}}}"#),
            caller: &caller,
            authentication: Authentication::SigV4Header,
            source_ip: std::net::IpAddr::from([192, 0, 2, 1]),
            tls: None,
            recipient_account: AccountId::parse("111122223333").unwrap(),
            region: &Region::parse("us-east-1").unwrap(),
            event_id: "e",
            request_id: "r",
            event_time: EventTime::from_seconds(0),
            outcome: Outcome::Unknown,
            redaction_key: None,
            asked: &Asked::default(),
        };
        let body = BodyCapture::Complete(b"{}");
        let answered = Exchange { outcome: Outcome::Answered { status: 200, headers: &headers, body }, ..note };
        let (before, after) = (crate::record(&note), crate::record(&answered));
        let (before, after) = (before.request_parameters.unwrap(), after.request_parameters.unwrap());
        assert_eq!(before["tableName"], "Music");
        assert!(Arc::ptr_eq(&before, &after));
        // Another call has its own.
        let other = Exchange {
            request_body: BodyCapture::Complete(br#"{"TableName":"Books","Item":{}}"#),
            asked: &Asked::default(),
            ..note
        };
        assert_eq!(crate::record(&other).request_parameters.unwrap()["tableName"], "Books");
    }
}
