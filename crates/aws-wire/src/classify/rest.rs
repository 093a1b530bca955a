//! Paths and query parameters of REST services, as a tree that is walked once per request.
//!
//! A request matches an operation when its method and path fit and what the operation requires in the query and the
//! headers is there. Among several, the one with the most literal path wins, then the one that requires most. This one
//! rule also tells S3's operations apart, whose paths are all alike.

use std::collections::HashMap;

use percent_encoding::percent_decode_str;

use crate::RequestHead;
use crate::catalog::{Location, OperationId, Service};

/// Query parameter that SDKs add for readers of logs; never needed to tell operations apart.
const OPERATION_HINT: &str = "x-id";

/// Most segments of a path that are looked at one by one; what follows belongs to a greedy label.
const SEGMENTS_MAX: usize = 64;

/// The routes of one REST service.
#[derive(Debug, Default)]
pub(crate) struct RestRoutes {
    root: Node,
}

#[derive(Debug, Default)]
struct Node {
    literals: HashMap<String, Node>,
    /// Segments with a label inside: text before, text after.
    mixed: Vec<(String, String, Node)>,
    label: Option<Box<Node>>,
    /// A label that takes one or more segments, followed by fixed ones (most often none).
    greedy: Vec<(Vec<String>, Vec<Route>)>,
    routes: Vec<Route>,
}

#[derive(Debug, Clone)]
struct Route {
    operation: OperationId,
    is_current: bool,
    method: String,
    /// Query parameters of the URI template, with their fixed value if there is one.
    query: Vec<(String, Option<String>)>,
    required_query: Vec<String>,
    required_headers: Vec<String>,
    literal_segments: usize,
}

/// How well a route fits; more is better, in the order of the fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Fit {
    is_complete: bool,
    literal_segments: usize,
    query_literals: usize,
    required: usize,
    // Two generations of one operation may share a route (S3 lifecycle).
    is_current: bool,
}

impl RestRoutes {
    /// Compiles the routes of a service.
    pub(crate) fn compile(service: &Service) -> Self {
        let mut routes = Self::default();
        for (index, operation) in service.operations.iter().enumerate() {
            let Ok(index) = u16::try_from(index) else { break };
            let (path, query) = operation.http_uri.split_once('?').unwrap_or((&operation.http_uri, ""));
            let members = operation.input.and_then(|input| service.structure(input));
            let required = |location: Location| -> Vec<String> {
                members
                    .into_iter()
                    .flat_map(|structure| &structure.members)
                    .filter(|member| member.is_required && member.location == location)
                    .map(|member| member.wire_name().to_owned())
                    .collect()
            };
            let query = query
                .split('&')
                .filter(|pair| !pair.is_empty())
                .map(|pair| match pair.split_once('=') {
                    Some((name, value)) if !value.is_empty() => (name.to_owned(), Some(value.to_owned())),
                    Some((name, _)) => (name.to_owned(), None),
                    None => (pair.to_owned(), None),
                })
                .filter(|(name, _)| name != OPERATION_HINT)
                .collect();
            let segments: Vec<&str> = segments_of(path).collect();
            let route = Route {
                operation: OperationId(index),
                is_current: !operation.is_deprecated,
                method: operation.http_method.clone(),
                query,
                required_query: required(Location::QueryString),
                required_headers: required(Location::Header),
                literal_segments: segments.iter().filter(|segment| !segment.contains('{')).count(),
            };
            routes.root.insert(&segments, route);
        }
        routes
    }

    /// The operation that a request fits best, and how well.
    pub(crate) fn find(&self, head: &RequestHead<'_>, bucket_in_host: Option<&str>) -> Option<(OperationId, Fit)> {
        let path: Vec<&str> = bucket_in_host.into_iter().chain(segments_of(head.path)).collect();
        let mut best = None;
        self.root.walk(&path, 0, &mut |route: &Route| {
            if let Some(fit) = route.fit(head)
                && best.is_none_or(|(_, best_fit)| fit > best_fit)
            {
                best = Some((route.operation, fit));
            }
        });
        best
    }
}

/// The segments of a path. A trailing slash makes no segment, so that `/bucket/` is the bucket.
fn segments_of(path: &str) -> impl Iterator<Item = &str> {
    let path = path.strip_prefix('/').unwrap_or(path);
    let mut segments: Vec<&str> = path.splitn(SEGMENTS_MAX, '/').collect();
    if segments.last().is_some_and(|last| last.is_empty()) {
        segments.pop();
    }
    segments.into_iter()
}

impl Node {
    fn insert(&mut self, segments: &[&str], route: Route) {
        let Some((first, rest)) = segments.split_first() else {
            self.routes.push(route);
            return;
        };
        if let Some(label) = first.strip_prefix('{').and_then(|text| text.strip_suffix('}')) {
            if label.ends_with('+') {
                let tail: Vec<String> = rest.iter().map(|segment| (*segment).to_owned()).collect();
                match self.greedy.iter_mut().find(|(known, _)| *known == tail) {
                    Some((_, routes)) => routes.push(route),
                    None => self.greedy.push((tail, vec![route])),
                }
                return;
            }
            return self.label.get_or_insert_default().insert(rest, route);
        }
        if let (Some(open), Some(close)) = (first.find('{'), first.rfind('}')) {
            let (before, after) = (&first[..open], &first[close + 1..]);
            if let Some((_, _, node)) = self.mixed.iter_mut().find(|(b, a, _)| b == before && a == after) {
                return node.insert(rest, route);
            }
            let mut node = Self::default();
            node.insert(rest, route);
            self.mixed.push((before.to_owned(), after.to_owned(), node));
            return;
        }
        self.literals.entry((*first).to_owned()).or_default().insert(rest, route);
    }

    /// Visits all routes whose path fits.
    fn walk(&self, path: &[&str], depth: usize, visit: &mut impl FnMut(&Route)) {
        let Some((first, rest)) = path.split_first() else {
            return self.routes.iter().for_each(visit);
        };
        for (tail, routes) in &self.greedy {
            if fits_greedy(path, tail) {
                routes.iter().for_each(&mut *visit);
            }
        }
        if depth >= SEGMENTS_MAX {
            return;
        }
        let literal = if first.contains('%') {
            let decoded = percent_decode_str(first).decode_utf8_lossy();
            self.literals.get(decoded.as_ref())
        } else {
            self.literals.get(*first)
        };
        if let Some(node) = literal {
            node.walk(rest, depth + 1, visit);
        }
        for (before, after, node) in &self.mixed {
            if first.len() > before.len() + after.len() && first.starts_with(before) && first.ends_with(after) {
                node.walk(rest, depth + 1, visit);
            }
        }
        if let Some(node) = &self.label
            && !first.is_empty()
        {
            node.walk(rest, depth + 1, visit);
        }
    }
}

fn fits_greedy(path: &[&str], tail: &[String]) -> bool {
    let Some(label_size) = path.len().checked_sub(tail.len()).filter(|size| *size > 0) else { return false };
    let (label, rest) = path.split_at(label_size);
    let has_text = label.len() > 1 || !label[0].is_empty();
    has_text && rest.iter().zip(tail).all(|(segment, literal)| literal.starts_with('{') || segment == literal)
}

impl Route {
    fn fit(&self, head: &RequestHead<'_>) -> Option<Fit> {
        if self.method != head.method.as_str() {
            return None;
        }
        let query = head.query.unwrap_or("");
        if !self.query.iter().all(|(name, value)| has_parameter(query, name, value.as_deref())) {
            return None;
        }
        let queries = self.required_query.iter().filter(|name| has_parameter(query, name, None)).count();
        let headers = self.required_headers.iter().filter(|name| head.headers.contains_key(name.as_str())).count();
        Some(Fit {
            is_complete: queries == self.required_query.len() && headers == self.required_headers.len(),
            literal_segments: self.literal_segments,
            query_literals: self.query.len(),
            required: queries + headers,
            is_current: self.is_current,
        })
    }
}

/// Whether a query string holds a parameter, with a value if one is asked for.
fn has_parameter(query: &str, name: &str, value: Option<&str>) -> bool {
    query.split('&').any(|pair| {
        let (found, found_value) = pair.split_once('=').unwrap_or((pair, ""));
        same_text(found, name) && value.is_none_or(|value| same_text(found_value, value))
    })
}

fn same_text(encoded: &str, text: &str) -> bool {
    if encoded.contains('%') { percent_decode_str(encoded).eq(text.bytes()) } else { encoded == text }
}
