//! No secret leaves: every operation of the catalog, with a marked value in every member that its model calls
//! sensitive, is rendered, and the mark is nowhere in it.

use std::sync::Arc;

use aws_wire::RequestHead;
use aws_wire::catalog::{Catalog, OperationId, Service, ShapeId, ShapeKind};
use aws_wire::classify::Call;
use aws_wire::value::{Field, FieldKey, StructureValue, Timestamp, Value};
use http::{HeaderMap, Method};
use model::{AccountId, EventTime, Region, UserIdentity};
use serde_json::Value as Json;

use crate::asked::Asked;
use crate::exchange::{Authentication, BodyCapture, Exchange, Outcome, Subject};
use crate::parameters::{Answer, Input, request_parameters, response_elements};
use crate::redaction_key::RedactionKey;
use crate::service_rules::{Layout, ServiceRules};

const MARK: &str = "Xq9ZmarkZq9X";
const MARK_BASE64: &str = "WHE5Wm1hcmtacTlY";
const MARK_NUMBER: i64 = 918_273_645;

/// Deepest level that is filled, and most values of one operation.
const LEVELS_MAX: usize = 7;
const VALUES_MAX: usize = 3000;

struct Filler<'a> {
    service: &'a Service,
    values_left: usize,
    /// Secrets placed so far.
    secrets: usize,
}

impl Filler<'_> {
    /// A value with every member filled; under a sensitive shape, every value is the mark.
    fn value(&mut self, shape: ShapeId, is_secret: bool, level: usize) -> Option<Value> {
        if level == LEVELS_MAX || self.values_left == 0 {
            return None;
        }
        self.values_left -= 1;
        let service = self.service;
        let shape_of = service.shape(shape);
        let is_secret = is_secret || shape_of.is_sensitive;
        self.secrets += usize::from(is_secret);
        let text = if is_secret { MARK } else { "plain" };
        Some(match &shape_of.kind {
            ShapeKind::Structure(_) => Value::Structure(self.structure(shape, is_secret, level)),
            ShapeKind::List { member, .. } => {
                Value::List(self.value(member.shape, is_secret, level + 1).into_iter().collect())
            }
            ShapeKind::Map { key, value, .. } => {
                let is_secret_key = is_secret || service.shape(key.shape).is_sensitive;
                let key = if is_secret_key { MARK } else { "plain" };
                let value = self.value(value.shape, is_secret, level + 1);
                Value::Map(value.into_iter().map(|value| (key.to_owned(), value)).collect())
            }
            ShapeKind::String => Value::String(text.to_owned()),
            ShapeKind::Integer | ShapeKind::Long | ShapeKind::Float => {
                Value::Number((if is_secret { MARK_NUMBER } else { 1 }).into())
            }
            ShapeKind::Boolean => Value::Boolean(true),
            ShapeKind::Timestamp(_) => Value::Timestamp(Timestamp::default()),
            // Bytes are content and are hidden unless a row shows them.
            ShapeKind::Blob { .. } => Value::Blob(text.as_bytes().to_vec()),
            ShapeKind::Document => Value::Document(Json::from(text)),
        })
    }

    fn structure(&mut self, shape: ShapeId, is_secret: bool, level: usize) -> StructureValue {
        let members = self.service.structure(shape).map_or(&[][..], |structure| &structure.members);
        let mut fields = Vec::new();
        for (index, member) in members.iter().enumerate() {
            if let Some(value) = self.value(member.shape, is_secret, level + 1) {
                fields.push(Field { key: FieldKey::Member(u16::try_from(index).expect("few members")), value });
            }
        }
        StructureValue { shape, fields }
    }
}

fn is_leaked(json: &Option<Json>) -> bool {
    json.as_ref().is_some_and(|json| {
        let text = json.to_string();
        text.contains(MARK) || text.contains(MARK_BASE64) || text.contains(&MARK_NUMBER.to_string())
    })
}

#[test]
fn no_sensitive_member_of_any_operation_is_written() {
    check_every_operation(None);
}

#[test]
fn hashes_do_not_show_what_they_are_of() {
    check_every_operation(Some(&RedactionKey::new([7; 32])));
}

fn check_every_operation(key: Option<&RedactionKey>) {
    let (headers, caller, region) =
        (HeaderMap::new(), Arc::new(UserIdentity::default()), Region::parse("us-east-1").expect("a region"));
    let mut with_secrets = 0;
    for summary in Catalog::embedded().summaries() {
        let service = Catalog::embedded().service(&summary.id).expect("a service of the index");
        // S3 is written from lists of headers and parameters that hold no secret; `s3` has tests of its own.
        if ServiceRules::of(service).layout == Layout::S3 || !service.shapes.iter().any(|shape| shape.is_sensitive) {
            continue;
        }
        for (index, operation) in service.operations.iter().enumerate() {
            let call = Call {
                service,
                operation: OperationId(u16::try_from(index).expect("few operations")),
                protocol: service.protocols[0],
                bucket_in_host: None,
            };
            let exchange = Exchange {
                subject: Subject::Call(&call),
                head: RequestHead { method: &Method::POST, path: "/", query: None, headers: &headers },
                request_body: BodyCapture::Complete(b""),
                caller: &caller,
                authentication: Authentication::SigV4Header,
                source_ip: std::net::IpAddr::from([192, 0, 2, 1]),
                tls: None,
                recipient_account: AccountId::parse("111122223333").expect("digits"),
                region: &region,
                event_id: "e",
                request_id: "r",
                event_time: EventTime::from_seconds(0),
                outcome: Outcome::Unknown,
                redaction_key: key,
                asked: &Asked::default(),
            };
            if let Some(shape) = operation.input {
                let mut filler = Filler { service, values_left: VALUES_MAX, secrets: 0 };
                let input = Input::Decoded(filler.structure(shape, false, 0));
                let json = request_parameters(&exchange, &call, &input);
                assert!(!is_leaked(&json), "{} {} request {json:?}", service.id, operation.name);
                with_secrets += usize::from(filler.secrets > 0);
            }
            if let Some(shape) = operation.output {
                let mut filler = Filler { service, values_left: VALUES_MAX, secrets: 0 };
                let output = filler.structure(shape, false, 0);
                let answer = Answer { status: 200, headers: &headers, body: BodyCapture::Complete(b"") };
                let json = response_elements(&call, &answer, Some(&output), "r", key);
                assert!(!is_leaked(&json), "{} {} response {json:?}", service.id, operation.name);
            }
        }
    }
    assert!(with_secrets > 1500, "{with_secrets} operations take secrets");
}
