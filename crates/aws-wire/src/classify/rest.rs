//! Paths and query parameters of REST services, as a tree that is walked once per request.
//!
//! A request matches an operation when its method and path fit and the query literals of the operation's URI are there.
//! Among several the most specific wins: literal segments before labels, the earlier the better; then most query
//! literals; then one whose required parameters and headers are all there, and most of them. This one rule also tells
//! S3's operations apart, whose paths are all alike.

use http::{HeaderName, Method};
use percent_encoding::percent_decode_str;

use crate::RequestHead;
use crate::catalog::{Location, Operation, OperationId, Service};

/// Query parameter that SDKs add for readers of logs; never needed to tell operations apart.
const OPERATION_HINT: &str = "x-id";

/// S3, whose paths are all alike, tells operations without a query literal apart by what they require: a POST to an
/// object is CompleteMultipartUpload only with its `uploadId`. Elsewhere a request without a required parameter is the
/// same operation, refused.
///
/// Source: error answers of the S3 API reference (`MethodNotAllowed` for a POST without a sub-resource).
const TOLD_BY_REQUIRED_PARAMETERS: &str = "s3";

/// Requests that SDKs make for an operation in another form than its model says: service, operation, method, path.
///
/// Source: botocore's `handlers.py` sends a search as a form, and the CloudSearch developer guide writes a GET without
/// the query literals of the model, which choose only how the answer looks.
const OTHER_FORMS: [(&str, &str, Method, &str); 2] = [
    ("cloudsearchdomain", "Search", Method::POST, "/2013-01-01/search"),
    ("cloudsearchdomain", "Search", Method::GET, "/2013-01-01/search"),
];

/// Depth of the segments that count towards how specific a path is: two bits each.
const RANKED_SEGMENTS_MAX: u32 = u64::BITS / 2;

/// The routes of one REST service.
#[derive(Debug, Default)]
pub(crate) struct RestRoutes {
    root: Node,
    /// Query parameters that any route asks for, sorted. One's index is its bit in a [`ParameterSet`].
    parameters: Vec<Parameter>,
}

/// A query parameter, with a fixed value or with any.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Parameter {
    name: String,
    value: Option<String>,
}

/// A set of the parameters of a service, one bit each. A test holds the catalog to its size.
type ParameterSet = u128;

#[derive(Debug, Default)]
struct Node {
    /// Sorted by the segment.
    literals: Vec<(String, Node)>,
    label: Option<Box<Node>>,
    /// Labels that take one or more segments.
    greedy: Vec<Greedy>,
    ends: Ends,
}

/// A greedy label, followed by fixed segments (most often none).
#[derive(Debug)]
struct Greedy {
    tail: Vec<String>,
    ends: Ends,
}

/// Routes that end at one place of the tree, by method.
type Ends = Vec<(Method, Vec<Route>)>;

#[derive(Debug, Clone)]
struct Route {
    operation: OperationId,
    /// Parameters without which this is another operation.
    literals: ParameterSet,
    /// Parameters that the operation requires.
    required: ParameterSet,
    headers: Vec<HeaderName>,
    ends_in_slash: bool,
    is_current: bool,
}

/// How well a route fits; more is better, in the order of the fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Fit {
    /// Two bits per segment from the top: 2 for a literal, 1 for a label, 0 for a greedy one.
    path_rank: u64,
    query_literals: u32,
    /// All that the operation requires of query and headers is there.
    pub(crate) is_complete: bool,
    required: u32,
    /// Template and path agree on a slash at the end: the one thing that tells `PrepareAgent` from
    /// `InvokeInlineAgent` of Bedrock.
    is_same_slash: bool,
    /// Two generations of one operation may share a route (S3 lifecycle).
    is_current: bool,
}

impl RestRoutes {
    /// Compiles the routes of a service.
    pub(crate) fn compile(service: &Service) -> Self {
        let mut parameters: Vec<Parameter> = service.operations.iter().flat_map(parameters_of_uri).collect();
        parameters.extend(service.operations.iter().flat_map(|operation| {
            required(service, operation, Location::QueryString)
                .map(|name| Parameter { name: name.to_owned(), value: None })
        }));
        parameters.sort();
        parameters.dedup();
        let mut routes = Self { root: Node::default(), parameters };
        for (index, operation) in service.operations.iter().enumerate() {
            let Ok(index) = u16::try_from(index) else { break };
            let Ok(method) = Method::from_bytes(operation.http_method.as_bytes()) else { continue };
            let path = operation.http_uri.split_once('?').map_or(operation.http_uri.as_str(), |(path, _)| path);
            let parameters = required(service, operation, Location::QueryString)
                .map(|name| Parameter { name: name.to_owned(), value: None });
            let required_parameters = routes.set_of(parameters);
            let mut literals = routes.set_of(parameters_of_uri(operation));
            if literals == 0 && service.id == TOLD_BY_REQUIRED_PARAMETERS {
                literals = required_parameters;
            }
            let headers = required(service, operation, Location::Header);
            let route = Route {
                operation: OperationId(index),
                literals,
                required: required_parameters,
                headers: headers.filter_map(|name| HeaderName::from_bytes(name.as_bytes()).ok()).collect(),
                ends_in_slash: ends_in_slash(path),
                is_current: !operation.is_deprecated,
            };
            routes.root.insert(&segments_of(path), method, route);
        }
        for (_, name, method, path) in OTHER_FORMS.into_iter().filter(|(id, ..)| *id == service.id) {
            let Some(operation) = service.operation_named(name) else { continue };
            let (headers, ends_in_slash, is_current) = (Vec::new(), false, true);
            let route = Route { operation, literals: 0, required: 0, headers, ends_in_slash, is_current };
            routes.root.insert(&segments_of(path), method, route);
        }
        routes
    }

    /// How many parameters the routes ask for.
    #[cfg(test)]
    pub(super) fn parameter_count(&self) -> usize {
        self.parameters.len()
    }

    fn set_of(&self, parameters: impl Iterator<Item = Parameter>) -> ParameterSet {
        parameters
            .filter_map(|parameter| self.parameters.binary_search(&parameter).ok())
            .fold(0, |set, index| set | bit(index))
    }

    /// The operation that a request fits best among the `eligible` ones, and how well.
    pub(crate) fn find(
        &self,
        head: &RequestHead<'_>,
        bucket_in_host: Option<&str>,
        eligible: impl Fn(OperationId) -> bool,
    ) -> Option<(OperationId, Fit)> {
        let present = self.present_in(head.query);
        let is_slash = ends_in_slash(head.path);
        let mut best = None;
        self.root.walk(Path::new(head.path, bucket_in_host), Rank::default(), &mut |ends: &Ends, path_rank| {
            let of_method = ends.iter().filter(|(method, _)| method == head.method).flat_map(|(_, routes)| routes);
            for route in of_method.filter(|route| route.literals & !present == 0 && eligible(route.operation)) {
                let fit = route.fit(head, present, path_rank, is_slash);
                if best.is_none_or(|(_, best_fit)| fit > best_fit) {
                    best = Some((route.operation, fit));
                }
            }
        });
        best
    }

    /// Which of the parameters a query string holds.
    fn present_in(&self, query: Option<&str>) -> ParameterSet {
        let Some(query) = query.filter(|_| !self.parameters.is_empty()) else { return 0 };
        query.split('&').fold(0, |set, pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let start = if name.contains('%') {
                self.parameters.iter().position(|known| same_text(name, &known.name)).unwrap_or(usize::MAX)
            } else {
                self.parameters.partition_point(|known| known.name.as_str() < name)
            };
            let named =
                self.parameters.iter().enumerate().skip(start).take_while(|(_, known)| same_text(name, &known.name));
            let fitting = named.filter(|(_, known)| known.value.as_ref().is_none_or(|fixed| same_text(value, fixed)));
            fitting.fold(set, |set, (index, _)| set | bit(index))
        })
    }
}

/// The bit of a parameter; none beyond the size of a set.
fn bit(index: usize) -> ParameterSet {
    u32::try_from(index).ok().and_then(|index| ParameterSet::checked_shl(1, index)).unwrap_or(0)
}

/// The query part of a URI template.
fn parameters_of_uri(operation: &Operation) -> impl Iterator<Item = Parameter> {
    let query = operation.http_uri.split_once('?').map_or("", |(_, query)| query);
    query.split('&').filter(|pair| !pair.is_empty()).filter_map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value = (!value.is_empty()).then(|| value.to_owned());
        (name != OPERATION_HINT).then(|| Parameter { name: name.to_owned(), value })
    })
}

/// Wire names of the members that an operation requires in a place.
fn required<'a>(service: &'a Service, operation: &Operation, location: Location) -> impl Iterator<Item = &'a str> {
    let input = operation.input.and_then(|input| service.structure(input));
    let members = input.into_iter().flat_map(|structure| &structure.members);
    members.filter(move |member| member.is_required && member.location == location).map(|member| member.wire_name())
}

/// The segments of a template's path.
fn segments_of(path: &str) -> Vec<&str> {
    path.split('/').filter(|segment| !segment.is_empty()).collect()
}

fn ends_in_slash(path: &str) -> bool {
    path.len() > 1 && path.ends_with('/')
}

/// What is left of a path, with the bucket of the host as its first segment.
///
/// A slash at the end makes no segment, so that `/bucket/` is the bucket.
#[derive(Clone, Copy)]
struct Path<'a> {
    bucket: Option<&'a str>,
    rest: &'a str,
}

impl<'a> Path<'a> {
    fn new(path: &'a str, bucket: Option<&'a str>) -> Self {
        Self { bucket, rest: path.strip_prefix('/').unwrap_or(path) }
    }

    /// The next segment, and what follows it.
    fn split(self) -> Option<(&'a str, Self)> {
        if let Some(bucket) = self.bucket {
            return Some((bucket, Self { bucket: None, rest: self.rest }));
        }
        let (first, rest) = self.rest.split_once('/').unwrap_or((self.rest, ""));
        (!self.rest.is_empty()).then_some((first, Self { bucket: None, rest }))
    }
}

/// How specific a path is as far as it was walked.
#[derive(Debug, Clone, Copy, Default)]
struct Rank {
    value: u64,
    depth: u32,
}

impl Rank {
    fn then(self, weight: u64) -> Self {
        let shift = RANKED_SEGMENTS_MAX.checked_sub(self.depth + 1).map(|segment| segment * 2);
        Self { value: self.value | shift.map_or(0, |shift| weight << shift), depth: self.depth + 1 }
    }

    fn literal(self) -> Self {
        self.then(2)
    }

    fn label(self) -> Self {
        self.then(1)
    }

    fn greedy(self) -> Self {
        self.then(0)
    }
}

impl Node {
    fn insert(&mut self, segments: &[&str], method: Method, route: Route) {
        let Some((first, rest)) = segments.split_first() else {
            return insert_end(&mut self.ends, method, route);
        };
        if first.ends_with("+}") {
            let known = self.greedy.iter().position(|known| known.tail == rest);
            let index = known.unwrap_or_else(|| {
                let tail = rest.iter().map(|segment| (*segment).to_owned()).collect();
                self.greedy.push(Greedy { tail, ends: Ends::new() });
                self.greedy.len() - 1
            });
            return insert_end(&mut self.greedy[index].ends, method, route);
        }
        if first.contains('{') {
            return self.label.get_or_insert_default().insert(rest, method, route);
        }
        let index = match self.literals.binary_search_by(|(literal, _)| literal.as_str().cmp(first)) {
            Ok(index) => index,
            Err(index) => {
                self.literals.insert(index, ((*first).to_owned(), Self::default()));
                index
            }
        };
        self.literals[index].1.insert(rest, method, route);
    }

    /// Visits the ends of all routes whose path fits. It goes no deeper than the longest template.
    fn walk(&self, path: Path<'_>, rank: Rank, visit: &mut impl FnMut(&Ends, u64)) {
        let Some((first, rest)) = path.split() else { return visit(&self.ends, rank.value) };
        if let Some(node) = self.literal(first) {
            node.walk(rest, rank.literal(), visit);
        }
        if let Some(node) = &self.label
            && !first.is_empty()
        {
            node.walk(rest, rank.label(), visit);
        }
        for greedy in &self.greedy {
            if greedy.fits(path) {
                let rank = greedy.tail.iter().fold(rank.greedy(), |rank, _| rank.literal());
                visit(&greedy.ends, rank.value);
            }
        }
    }

    fn literal(&self, segment: &str) -> Option<&Self> {
        if self.literals.is_empty() {
            return None;
        }
        let index = if segment.contains('%') {
            self.literals.iter().position(|(literal, _)| same_text(segment, literal))
        } else {
            self.literals.binary_search_by(|(literal, _)| literal.as_str().cmp(segment)).ok()
        };
        index.map(|index| &self.literals[index].1)
    }
}

fn insert_end(ends: &mut Ends, method: Method, route: Route) {
    match ends.iter_mut().find(|(known, _)| *known == method) {
        Some((_, routes)) => routes.push(route),
        None => ends.push((method, vec![route])),
    }
}

impl Greedy {
    fn fits(&self, path: Path<'_>) -> bool {
        if path.bucket.is_some() {
            return false;
        }
        if self.tail.is_empty() {
            return !path.rest.is_empty();
        }
        let mut rest = path.rest.strip_suffix('/').unwrap_or(path.rest);
        for expected in self.tail.iter().rev() {
            let Some((before, segment)) = rest.rsplit_once('/') else { return false };
            if !expected.contains('{') && !same_text(segment, expected) {
                return false;
            }
            rest = before;
        }
        !rest.is_empty()
    }
}

impl Route {
    fn fit(&self, head: &RequestHead<'_>, present: ParameterSet, path_rank: u64, is_slash: bool) -> Fit {
        let headers = self.headers.iter().filter(|name| head.headers.contains_key(*name)).count();
        Fit {
            path_rank,
            query_literals: self.literals.count_ones(),
            is_complete: self.required & !present == 0 && headers == self.headers.len(),
            required: (self.required & present).count_ones() + u32::try_from(headers).unwrap_or(u32::MAX),
            is_same_slash: self.ends_in_slash == is_slash,
            is_current: self.is_current,
        }
    }
}

fn same_text(encoded: &str, text: &str) -> bool {
    if encoded.contains('%') { percent_decode_str(encoded).eq(text.bytes()) } else { encoded == text }
}
