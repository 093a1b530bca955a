//! Which call a request is.
//!
//! The service comes from the signature's scope, else from the target header, the path, the host or the action. The
//! operation comes from the target header (JSON), the action (query, EC2), the path (REST, RPC v2 CBOR). Everything is
//! looked up in tables that are compiled once per service; no request costs a pattern match over all of them.

mod query_action;
pub(crate) mod rest;

use http::Method;
use http::header::{CONTENT_TYPE, HOST};

use crate::RequestHead;
use crate::catalog::{Catalog, OperationId, Protocol, Service};
use query_action::QueryAction;

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

impl Request<'_> {
    /// Of a signed request: the scope names the service, or several that sign alike.
    fn of_scope(&self, name: &str) -> Classification {
        let name = match name {
            // Directory buckets and Object Lambda answer S3's operations under signing names of their own.
            "s3express" | "s3-object-lambda" => "s3",
            other => other,
        };
        let mut services = self.catalog.services_signing_as(name).peekable();
        if services.peek().is_none() {
            return self.among(self.catalog.services_at(name).collect());
        }
        self.among(services.collect())
    }

    fn among(&self, services: Vec<&'static Service>) -> Classification {
        let Some(&first) = services.first() else { return self.unscoped() };
        if let Some(found) = self.by_target(&services).or_else(|| self.by_rpc_path(&services)) {
            return found;
        }
        if services.iter().any(|service| speaks_query(service)) {
            match self.query_action() {
                Action::Found(action) => return self.by_action(&services, &action),
                Action::InBody => return Classification::NeedsBody,
                Action::None => {}
            }
        }
        self.by_path(&services).unwrap_or(Classification::ServiceOnly { service: first, protocol: first.protocols[0] })
    }

    /// Of a request without a SigV4 scope.
    fn unscoped(&self) -> Classification {
        if let Some((prefix, operation)) = self.target() {
            let services: Vec<_> = self.catalog.services_with_target(prefix).collect();
            if let Some(found) = self.json_call(&services, operation) {
                return found;
            }
        }
        if let Some((name, _)) = self.rpc_path() {
            let services: Vec<_> = self.catalog.services_with_target(name).collect();
            if let Some(found) = self.by_rpc_path(&services) {
                return found;
            }
        }
        if let Some(services) = self.by_host() {
            return self.among(services);
        }
        match self.query_action() {
            Action::Found(action) => {
                let services: Vec<_> = self.catalog.query_services_of_version(action.version.unwrap_or("")).collect();
                match self.by_action(&services, &action) {
                    found @ Classification::Call(_) => found,
                    _ => Classification::NotAws,
                }
            }
            Action::InBody => Classification::NeedsBody,
            Action::None => Classification::NotAws,
        }
    }

    /// `X-Amz-Target: Prefix.Operation`.
    fn target(&self) -> Option<(&str, &str)> {
        self.head.headers.get("x-amz-target")?.to_str().ok()?.rsplit_once('.')
    }

    fn by_target(&self, services: &[&'static Service]) -> Option<Classification> {
        let (prefix, operation) = self.target()?;
        // Some SDK generations send only what follows the last dot of the prefix.
        let fits = |known: &str| known == prefix || known.rsplit('.').next() == Some(prefix);
        let fitting: Vec<_> = services
            .iter()
            .copied()
            .filter(|service| !service.target_prefix.is_empty() && fits(&service.target_prefix))
            .collect();
        self.json_call(&fitting, operation)
    }

    fn json_call(&self, services: &[&'static Service], operation: &str) -> Option<Classification> {
        let first = *services.first()?;
        let found = services.iter().find_map(|service| Some((*service, service.operation_named(operation)?)));
        Some(match found {
            Some((service, operation)) => call(service, operation, self.json_protocol(service)),
            None => Classification::ServiceOnly { service: first, protocol: self.json_protocol(first) },
        })
    }

    fn json_protocol(&self, service: &Service) -> Protocol {
        let is_json = |protocol: &&Protocol| matches!(protocol, Protocol::Json10 | Protocol::Json11);
        match service.protocols.iter().find(is_json) {
            Some(protocol) => *protocol,
            None if self.content_type().contains("1.0") => Protocol::Json10,
            None => Protocol::Json11,
        }
    }

    fn content_type(&self) -> &str {
        self.head.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("")
    }

    /// `/service/{name}/operation/{operation}`.
    fn rpc_path(&self) -> Option<(&str, &str)> {
        let (name, operation) = self.head.path.strip_prefix("/service/")?.split_once("/operation/")?;
        (self.head.method == Method::POST && !operation.contains('/')).then_some((name, operation))
    }

    fn by_rpc_path(&self, services: &[&'static Service]) -> Option<Classification> {
        let (_, operation) = self.rpc_path()?;
        let speaks = |service: &&&'static Service| service.protocols.contains(&Protocol::RpcV2Cbor);
        let first: &'static Service = services.iter().find(speaks)?;
        let found =
            services.iter().filter(speaks).find_map(|service| Some((*service, service.operation_named(operation)?)));
        Some(match found {
            Some((service, operation)) => call(service, operation, Protocol::RpcV2Cbor),
            None => Classification::ServiceOnly { service: first, protocol: Protocol::RpcV2Cbor },
        })
    }

    fn query_action(&self) -> Action<'_> {
        if let Some(action) = self.head.query.and_then(|query| QueryAction::find(query.as_bytes())) {
            return Action::Found(action);
        }
        if self.head.method != Method::POST || !self.content_type().starts_with("application/x-www-form-urlencoded") {
            return Action::None;
        }
        match self.body {
            None => Action::InBody,
            Some(body) => QueryAction::find(body).map_or(Action::None, Action::Found),
        }
    }

    /// Services that sign alike are told apart by the version of their API.
    fn by_action(&self, services: &[&'static Service], action: &QueryAction<'_>) -> Classification {
        let speaking = || services.iter().copied().filter(|service| speaks_query(service));
        let of_version = || speaking().filter(|service| Some(service.api_version.as_str()) == action.version);
        let find = |service: &'static Service| Some((service, service.operation_named(&action.name)?));
        if let Some((service, operation)) = of_version().find_map(find).or_else(|| speaking().find_map(find)) {
            return call(service, operation, query_protocol(service));
        }
        match of_version().next().or_else(|| speaking().next()) {
            Some(service) => Classification::ServiceOnly { service, protocol: query_protocol(service) },
            None => Classification::NotAws,
        }
    }

    fn by_path(&self, services: &[&'static Service]) -> Option<Classification> {
        let mut best = None;
        for &service in services {
            let is_rest = |protocol: &&Protocol| matches!(protocol, Protocol::RestJson | Protocol::RestXml);
            let Some(&protocol) = service.protocols.iter().find(is_rest) else { continue };
            let bucket = if service.id == "s3" { self.bucket_in_host() } else { None };
            let routes = service.rest_routes.get_or_init(|| rest::RestRoutes::compile(service));
            if let Some((operation, fit)) = routes.find(self.head, bucket)
                && best.as_ref().is_none_or(|(_, best_fit)| fit > *best_fit)
            {
                let bucket_in_host = bucket.map(str::to_owned);
                best = Some((Call { service, operation, protocol, bucket_in_host }, fit));
            }
        }
        best.map(|(call, _)| Classification::Call(call))
    }

    /// The Host header without its port, if it is a name.
    fn host_name(&self) -> Option<&str> {
        let host = self.head.headers.get(HOST)?.to_str().ok()?;
        let name = match host.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
            _ => host,
        };
        let is_address = name.starts_with('[') || name.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        (!is_address && !name.is_empty()).then_some(name)
    }

    /// The bucket of a virtual-host style request: `{bucket}.{own name}` or `{bucket}.s3[.-]…amazonaws.com…`.
    fn bucket_in_host(&self) -> Option<&str> {
        let host = self.host_name()?;
        if self.hosts.own.iter().any(|own| own == host) {
            return None;
        }
        let own = self.hosts.own.iter().filter_map(|own| host.strip_suffix(own.as_str())?.strip_suffix('.'));
        if let Some(bucket) = own.min_by_key(|bucket| bucket.len()) {
            return (!bucket.is_empty()).then_some(bucket);
        }
        if !host.contains(".amazonaws.com") {
            return None;
        }
        let end = [".s3.", ".s3-", ".s3express-"].iter().filter_map(|mark| host.rfind(mark)).max()?;
        (end > 0).then(|| &host[..end])
    }

    /// Services of an AWS host name: `{service}.{region}.amazonaws.com`, buckets of S3, or a bucket of ours.
    fn by_host(&self) -> Option<Vec<&'static Service>> {
        let host = self.host_name()?;
        if self.bucket_in_host().is_some() {
            return Some(self.catalog.services_signing_as("s3").collect());
        }
        if !host.contains(".amazonaws.com") {
            return None;
        }
        let first = host.split('.').next()?;
        let services: Vec<_> = self.catalog.services_at(first).collect();
        (!services.is_empty()).then_some(services)
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

fn speaks_query(service: &Service) -> bool {
    service.protocols.iter().any(|protocol| matches!(protocol, Protocol::Query | Protocol::Ec2))
}

fn query_protocol(service: &Service) -> Protocol {
    if service.protocols.contains(&Protocol::Ec2) { Protocol::Ec2 } else { Protocol::Query }
}

#[cfg(test)]
mod tests;
