//! Which call a request is.
//!
//! The service comes from the signature's scope, else from the target header, the path, the host, the action, or marks
//! that SDKs leave on calls without a SigV4 signature. The operation comes from the target header (JSON), the action
//! (query, EC2), the path (REST, RPC v2 CBOR). Everything is looked up in tables that are compiled once per service; a
//! request costs no allocation but what is returned, and no pattern match over all operations.

mod host;
mod query_action;
pub(crate) mod rest;
mod s3;

use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use http::{HeaderName, Method};

use crate::catalog::{Catalog, OperationId, Protocol, Service, ServiceSummary, Services};
use crate::{RequestHead, header_text};
use host::Host;
pub use host::is_aws_host;
use query_action::QueryAction;

static TARGET: HeaderName = HeaderName::from_static("x-amz-target");
static SMITHY_PROTOCOL: HeaderName = HeaderName::from_static("smithy-protocol");

/// Headers that every AWS SDK of today puts on every call, signed or not.
static SDK_MARKS: [HeaderName; 2] =
    [HeaderName::from_static("amz-sdk-invocation-id"), HeaderName::from_static("amz-sdk-request")];

/// One operation of one service, and the protocol that the request speaks.
#[derive(Debug, Clone)]
pub struct Call {
    /// The service.
    pub service: &'static Service,
    /// The operation.
    pub operation: OperationId,
    /// The protocol of this request; a service may answer several.
    pub protocol: Protocol,
    /// The bucket, where an S3 request names it in its host and not in its path.
    pub bucket_in_host: Option<String>,
}

/// What a request is.
#[derive(Debug, Clone)]
pub enum Classification {
    /// A call of the catalog.
    Call(Call),
    /// A call of a service of the catalog, to an operation that the catalog does not know.
    ServiceOnly {
        /// The service.
        service: &'static Service,
        /// The protocol of the request, as far as it shows.
        protocol: Protocol,
    },
    /// The action is in the body: classify again with it.
    NeedsBody,
    /// Not recognisable as an AWS call.
    NotAws,
}

/// Host names of this installation.
#[derive(Debug, Clone, Copy)]
pub struct HostNames<'a> {
    /// Names under which virtual-host style buckets are served: `{bucket}.{name}`.
    pub own: &'a [String],
}

impl Call {
    /// The name of the operation in the model.
    pub fn operation_name(&self) -> &'static str {
        &self.service.operation(self.operation).name
    }
}

/// Classifies a request.
///
/// `scope_service` is the service of its SigV4 scope. `body` is the request's body, or as much of it as is held; without
/// it the answer may be [`Classification::NeedsBody`].
pub fn classify(
    catalog: &'static Catalog,
    head: &RequestHead<'_>,
    hosts: &HostNames<'_>,
    scope_service: Option<&str>,
    body: Option<&[u8]>,
) -> Classification {
    let request = Request { catalog, head, hosts, body };
    match scope_service {
        Some(name) => request.of_scope(name),
        None => request.unscoped(),
    }
}

struct Request<'a> {
    catalog: &'static Catalog,
    head: &'a RequestHead<'a>,
    hosts: &'a HostNames<'a>,
    body: Option<&'a [u8]>,
}

impl<'a> Request<'a> {
    /// Of a signed request: the scope names the service, or several that sign alike.
    fn of_scope(&self, name: &str) -> Classification {
        let signing = self.catalog.services_signing_as(name);
        let services = if signing.is_empty() { self.catalog.services_at(name) } else { signing };
        match self.among(services) {
            Some(Classification::Call(call)) if name == s3::EXPRESS_SIGNING_NAME => {
                Classification::Call(s3::of_directory_buckets(call))
            }
            Some(found) => found,
            None => self.unscoped(),
        }
    }

    /// What a request to one of these services is; `None` only if there are none.
    fn among(&self, services: Services) -> Option<Classification> {
        // A form is read as a form, whatever target it claims besides: so does the server that answers it.
        let by_action = if self.is_form() { self.by_query(services) } else { None };
        let by_name = || self.by_target(services).or_else(|| self.by_rpc_path(services));
        if let Some(found) = by_action.or_else(by_name).or_else(|| self.by_query(services)) {
            return Some(found);
        }
        let by_path = self.by_path(services).map(|(call, _)| call);
        by_path.or_else(|| self.browser_upload(services)).map(Classification::Call).or_else(|| {
            let service = self.preferred(services, |_| true)?;
            Some(Classification::ServiceOnly { service, protocol: self.protocol_shown(service) })
        })
    }

    /// By an action in the query string or the body, if any of these services speaks a query protocol.
    fn by_query(&self, services: Services) -> Option<Classification> {
        if !services.summaries().any(ServiceSummary::speaks_query) {
            return None;
        }
        // What has no content type is asked for its action where it cannot be anything else.
        let must_be_query = services.summaries().all(ServiceSummary::speaks_query);
        match self.query_action(must_be_query) {
            Action::Found(action) => self.by_action(services, &action),
            Action::InBody => Some(Classification::NeedsBody),
            Action::None => None,
        }
    }

    /// Of a request without a SigV4 scope.
    fn unscoped(&self) -> Classification {
        self.unscoped_by_name()
            .or_else(|| self.unscoped_by_host())
            .or_else(|| self.unscoped_by_action())
            .or_else(|| self.unscoped_by_sdk_mark())
            .or_else(|| self.unscoped_by_form())
            .unwrap_or(Classification::NotAws)
    }

    /// Target header and RPC path name a service of their own accord.
    fn unscoped_by_name(&self) -> Option<Classification> {
        let by_target = self.target().and_then(|(prefix, _)| self.among(self.catalog.services_with_target(prefix)));
        by_target.or_else(|| {
            let (name, _) = self.rpc_path()?;
            self.by_rpc_path(self.catalog.services_with_target(name))
        })
    }

    fn unscoped_by_host(&self) -> Option<Classification> {
        match self.host() {
            Host::Bucket(_) | Host::S3 { is_express: false } => self.of_s3(),
            Host::S3 { is_express: true } => match self.of_s3()? {
                Classification::Call(call) => Some(Classification::Call(s3::of_directory_buckets(call))),
                found => Some(found),
            },
            Host::Aws(labels) => {
                let mut at = host::label_runs(labels).map(|run| self.catalog.services_at(run));
                self.among(at.find(|services| !services.is_empty())?)
            }
            // Version 2 signatures of this form are S3's alone.
            Host::Other if s3::has_version_2_header(self.head) => self.of_s3(),
            Host::Other => None,
        }
    }

    fn unscoped_by_action(&self) -> Option<Classification> {
        match self.query_action(false) {
            Action::Found(action) => {
                let services = self.catalog.query_services_of_version(action.version?);
                let found = self.by_action(services, &action)?;
                matches!(found, Classification::Call(_)).then_some(found)
            }
            Action::InBody => Some(Classification::NeedsBody),
            Action::None if s3::has_version_2_query(self.head) => self.of_s3(),
            Action::None => None,
        }
    }

    /// Calls of SDKs that need no SigV4 signature and go to an address that says nothing: sign-in and token services,
    /// services that take bearer tokens, and S3 without credentials.
    fn unscoped_by_sdk_mark(&self) -> Option<Classification> {
        if !SDK_MARKS.iter().any(|mark| self.head.headers.contains_key(mark)) {
            return None;
        }
        let authorization = self.head.headers.get(AUTHORIZATION).map(|value| value.as_bytes());
        let is_bearer = authorization.is_some_and(|value| value.starts_with(b"Bearer "));
        if authorization.is_some() && !is_bearer {
            return None;
        }
        let eligible =
            |service: &Service, operation: OperationId| is_bearer || service.operation(operation).is_unsigned;
        let wanted = |summary: &ServiceSummary| {
            if is_bearer { summary.takes_bearer_tokens } else { summary.has_unsigned_operations }
        };
        let services = self.catalog.unsigned_rest_services().those(wanted);
        let (call, is_complete) = self.best_path(services, eligible).or_else(|| {
            let s3 = (!is_bearer).then(|| self.s3())?;
            self.by_path(s3)
        })?;
        is_complete.then_some(Classification::Call(call))
    }

    /// A form that a browser posts to a bucket, at an address that says nothing: its credentials are among its fields.
    fn unscoped_by_form(&self) -> Option<Classification> {
        let call = s3::browser_upload(self.catalog, self.head, None)?;
        match self.body {
            None => Some(Classification::NeedsBody),
            Some(body) => s3::has_field_of_upload(body).then_some(Classification::Call(call)),
        }
    }

    fn s3(&self) -> Services {
        self.catalog.services_signing_as("s3")
    }

    fn of_s3(&self) -> Option<Classification> {
        self.among(self.s3())
    }

    /// The first of these services, or the one that the host names.
    fn preferred(&self, services: Services, condition: impl Fn(&ServiceSummary) -> bool) -> Option<&'static Service> {
        let home = self.home(services);
        let at_home =
            services.those(|summary| home == Some(summary.endpoint_prefix.as_str()) && condition(summary)).next();
        at_home.or_else(|| services.those(condition).next())
    }

    /// The endpoint prefix that an AWS host name holds, if there is more than one service to choose from.
    fn home(&self, services: Services) -> Option<&'static str> {
        services.summaries().nth(1)?;
        let Host::Aws(labels) = self.host() else { return None };
        host::label_runs(labels).find_map(|run| {
            services.summaries().map(|summary| summary.endpoint_prefix.as_str()).find(|prefix| *prefix == run)
        })
    }

    /// `X-Amz-Target: Prefix.Operation`.
    fn target(&self) -> Option<(&'a str, &'a str)> {
        header_text(self.head.headers.get(&TARGET)?)?.rsplit_once('.')
    }

    fn by_target(&self, services: Services) -> Option<Classification> {
        let (prefix, name) = self.target()?;
        // Some SDK generations send only what follows the last dot of the prefix.
        let fits = |summary: &ServiceSummary| {
            let known = summary.target_prefix.as_str();
            !known.is_empty() && (known == prefix || known.rsplit('.').next() == Some(prefix))
        };
        let known = |service: &'static Service| Some((service, service.operation_named(name)?));
        match self.one_of(services, fits, known)? {
            Ok((service, operation)) => Some(call(service, operation, self.json_protocol(service))),
            Err(service) => Some(Classification::ServiceOnly { service, protocol: self.json_protocol(service) }),
        }
    }

    /// What `find` finds in the preferred one of the services with a condition, else in the first that it finds it in.
    /// The preferred service if it finds nothing; `None` if the condition holds for none.
    fn one_of<T>(
        &self,
        services: Services,
        condition: impl Fn(&ServiceSummary) -> bool + Copy,
        find: impl Fn(&'static Service) -> Option<T>,
    ) -> Option<Result<T, &'static Service>> {
        let preferred = self.preferred(services, condition)?;
        Some(find(preferred).or_else(|| services.those(condition).find_map(find)).ok_or(preferred))
    }

    fn json_protocol(&self, service: &Service) -> Protocol {
        let is_json = |protocol: &&Protocol| matches!(protocol, Protocol::Json10 | Protocol::Json11);
        match service.protocols.iter().find(is_json) {
            Some(protocol) => *protocol,
            None if self.content_type().contains("1.0") => Protocol::Json10,
            None => Protocol::Json11,
        }
    }

    /// The protocol of a request to an unknown operation.
    fn protocol_shown(&self, service: &Service) -> Protocol {
        let speaks = |protocol: Protocol| service.protocols.contains(&protocol);
        if self.head.headers.contains_key(&SMITHY_PROTOCOL) && speaks(Protocol::RpcV2Cbor) {
            Protocol::RpcV2Cbor
        } else if self.head.headers.contains_key(&TARGET) {
            self.json_protocol(service)
        } else if self.is_form() && speaks(Protocol::Query) {
            Protocol::Query
        } else {
            service.protocols[0]
        }
    }

    fn content_type(&self) -> &'a str {
        self.head.headers.get(CONTENT_TYPE).and_then(header_text).unwrap_or("")
    }

    fn is_form(&self) -> bool {
        is_prefix_ignoring_case(self.content_type(), "application/x-www-form-urlencoded")
    }

    /// `/service/{name}/operation/{operation}`.
    fn rpc_path(&self) -> Option<(&'a str, &'a str)> {
        let (name, operation) = self.head.path.strip_prefix("/service/")?.split_once("/operation/")?;
        (self.head.method == Method::POST && !operation.contains('/')).then_some((name, operation))
    }

    fn by_rpc_path(&self, services: Services) -> Option<Classification> {
        let (service_name, name) = self.rpc_path()?;
        let find = |service: &'static Service| Some((service, service.operation_named(name)?));
        let speaks = |summary: &ServiceSummary| summary.speaks(Protocol::RpcV2Cbor);
        let named = |summary: &ServiceSummary| speaks(summary) && summary.target_prefix == service_name;
        let found = self.one_of(services, named, find).or_else(|| self.one_of(services, speaks, find))?;
        Some(match found {
            Ok((service, operation)) => call(service, operation, Protocol::RpcV2Cbor),
            Err(service) => Classification::ServiceOnly { service, protocol: Protocol::RpcV2Cbor },
        })
    }

    fn query_action(&self, must_be_query: bool) -> Action<'a> {
        if let Some(action) = self.head.query.and_then(|query| QueryAction::find(query.as_bytes())) {
            return Action::Found(action);
        }
        let may_be_form = self.is_form() || (must_be_query && !self.head.headers.contains_key(CONTENT_TYPE));
        if self.head.method != Method::POST || !may_be_form {
            return Action::None;
        }
        match self.body {
            None => Action::InBody,
            Some(body) => QueryAction::find(body).map_or(Action::None, Action::Found),
        }
    }

    /// Services that sign alike are told apart by the version of their API.
    fn by_action(&self, services: Services, action: &QueryAction<'_>) -> Option<Classification> {
        let speaks = ServiceSummary::speaks_query;
        let of_version =
            |summary: &ServiceSummary| speaks(summary) && Some(summary.api_version.as_str()) == action.version;
        let find = |service: &'static Service| Some((service, service.operation_named(&action.name)?));
        let found = match self.one_of(services, of_version, find) {
            Some(Ok(found)) => Ok(found),
            // A version that nobody knows, or an operation that came with another one.
            of_version => match self.one_of(services, speaks, find)? {
                Ok(found) => Ok(found),
                Err(first) => Err(of_version.and_then(Result::err).unwrap_or(first)),
            },
        };
        Some(match found {
            Ok((service, operation)) => call(service, operation, query_protocol(service)),
            Err(service) => Classification::ServiceOnly { service, protocol: query_protocol(service) },
        })
    }

    fn browser_upload(&self, services: Services) -> Option<Call> {
        services.summaries().find(|summary| summary.id == "s3")?;
        s3::browser_upload(self.catalog, self.head, self.bucket_in_host())
    }

    /// The best of the REST services, and whether all is there that the operation requires.
    fn by_path(&self, services: Services) -> Option<(Call, bool)> {
        self.best_path(services.those(ServiceSummary::is_rest), |_, _| true)
    }

    fn best_path(
        &self,
        services: impl Iterator<Item = &'static Service>,
        eligible: impl Fn(&Service, OperationId) -> bool,
    ) -> Option<(Call, bool)> {
        let mut best = None;
        for service in services {
            let is_rest = |protocol: &&Protocol| matches!(protocol, Protocol::RestJson | Protocol::RestXml);
            let Some(&protocol) = service.protocols.iter().find(is_rest) else { continue };
            let bucket = if service.id == "s3" { self.bucket_in_host() } else { None };
            let routes = service.rest_routes.get_or_init(|| rest::RestRoutes::compile(service));
            let found = routes.find(self.head, bucket, |operation| eligible(service, operation));
            let Some((operation, fit)) = found else { continue };
            let found = Found { service, operation, protocol, bucket, fit };
            if best.as_ref().is_none_or(|best| self.is_better(&found, best)) {
                best = Some(found);
            }
        }
        best.map(|found| (found.call(), found.fit.is_complete))
    }

    /// Of two services, one whose requirements are met comes first, then one that the host names, then the more
    /// specific path.
    fn is_better(&self, found: &Found<'_>, best: &Found<'_>) -> bool {
        let is_home = |service: &Service| match self.host() {
            Host::Aws(labels) => host::label_runs(labels).any(|run| run == service.endpoint_prefix),
            _ => false,
        };
        found
            .fit
            .is_complete
            .cmp(&best.fit.is_complete)
            .then_with(|| is_home(found.service).cmp(&is_home(best.service)))
            .then_with(|| found.fit.cmp(&best.fit))
            .is_gt()
    }

    fn host(&self) -> Host<'a> {
        let value = self.head.headers.get(HOST).and_then(header_text);
        value.map_or(Host::Other, |value| Host::parse(value, self.hosts))
    }

    fn bucket_in_host(&self) -> Option<&'a str> {
        match self.host() {
            Host::Bucket(bucket) if !s3::has_route_in_host(self.head) => Some(bucket),
            _ => None,
        }
    }
}

/// An operation that a path fits.
struct Found<'a> {
    service: &'static Service,
    operation: OperationId,
    protocol: Protocol,
    bucket: Option<&'a str>,
    fit: rest::Fit,
}

impl Found<'_> {
    fn call(&self) -> Call {
        let &Self { service, operation, protocol, bucket, .. } = self;
        Call { service, operation, protocol, bucket_in_host: bucket.map(str::to_owned) }
    }
}

enum Action<'a> {
    Found(QueryAction<'a>),
    InBody,
    None,
}

fn call(service: &'static Service, operation: OperationId, protocol: Protocol) -> Classification {
    Classification::Call(Call { service, operation, protocol, bucket_in_host: None })
}

fn query_protocol(service: &Service) -> Protocol {
    if service.protocols.contains(&Protocol::Ec2) { Protocol::Ec2 } else { Protocol::Query }
}

fn is_prefix_ignoring_case(text: &str, prefix: &str) -> bool {
    text.as_bytes().get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix.as_bytes()))
}

#[cfg(test)]
mod tests;
