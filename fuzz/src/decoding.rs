//! One input, every direction of one protocol.

use aws_wire::catalog::{Catalog, OperationId, Protocol};
use aws_wire::protocol;

use crate::RawRequest;

/// Decodes the input as a request and as an answer of some operation of some of the services.
///
/// The first three bytes choose service, operation and status; the rest is a request whose headers and body stand for
/// those of the answer too. Foreign bytes may be refused, but not differently the second time.
pub fn decode(protocol: Protocol, services: &[&str], input: &[u8]) {
    let [service, operation, status, rest @ ..] = input else { return };
    let Some(id) = services.get(usize::from(*service) % services.len()) else { return };
    let Some(service) = Catalog::embedded().service(id) else { panic!("the catalog has no service {id}") };
    // Two neighbouring bytes would reach no further: the services chosen have fewer operations than that.
    let index = usize::from(*operation) * service.operations.len() / 256;
    let operation = OperationId(u16::try_from(index).unwrap_or_default());
    let status = 200 + 100 * u16::from(*status % 4);
    let Some(request) = RawRequest::parse(rest) else { return };

    let decode = || protocol::decode_request(service, operation, protocol, &request.head(), request.body);
    assert_eq!(decode(), decode());
    let decode = || protocol::decode_response(service, operation, protocol, status, &request.headers, request.body);
    assert_eq!(decode(), decode());
    let _ = protocol::decode_error(service, protocol, status, &request.headers, request.body);
    let _ = protocol::request_id(protocol, &request.headers, request.body);
}
