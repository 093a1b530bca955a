//! Every service, operation, protocol and shape of AWS.
//!
//! The content is one generated file, compiled into the program (`catalog/catalog.bin`; docs/formats/catalog.md). Its
//! index, some 440 entries, is read at the first use; each service is decoded when it is first asked for and stays.

mod decode;
pub mod shape;

use std::collections::HashMap;
use std::sync::OnceLock;

pub use decode::CatalogError;
pub use shape::{
    Location, Member, Operation, OperationId, Protocol, Service, Shape, ShapeId, ShapeKind, Structure, TimestampFormat,
};

/// The generated file.
static FILE: &[u8] = include_bytes!("../../../catalog/catalog.bin");

/// Signing names that no model has as its own, and the services whose requests bear them.
///
/// Source: the endpoint rule sets of S3 and S3 Control, which choose these names by bucket and access point.
const SIGNING_ALIASES: [(&str, &[&str]); 3] =
    [("s3express", &["s3", "s3control"]), ("s3-object-lambda", &["s3"]), ("s3-outposts", &["s3control", "s3"])];

/// All services of AWS.
#[derive(Debug)]
pub struct Catalog {
    /// The whole file, of which blocks are decoded later.
    file: &'static [u8],
    /// Release of botocore whose models these are.
    version: String,
    entries: Vec<Entry>,
    by_id: HashMap<String, usize>,
    by_signing_name: HashMap<String, Vec<usize>>,
    by_target_prefix: HashMap<String, Vec<usize>>,
    by_endpoint_prefix: HashMap<String, Vec<usize>>,
    /// Services that speak the query protocol or EC2's dialect of it, by API version.
    by_query_version: HashMap<String, Vec<usize>>,
    /// REST services with operations that need no SigV4 signature.
    unsigned_rest: Vec<usize>,
}

/// What is known of a service before it is decoded.
#[derive(Debug)]
pub struct ServiceSummary {
    /// Folder name in the published models, unique.
    pub id: String,
    /// `serviceId` of the model.
    pub service_id: String,
    /// First label of the host name.
    pub endpoint_prefix: String,
    /// Service name in the SigV4 credential scope.
    pub signing_name: String,
    /// Version of the API.
    pub api_version: String,
    /// Text before the dot in `X-Amz-Target`; empty when the protocol has no target.
    pub target_prefix: String,
    /// XML namespace of request bodies, or empty.
    pub xml_namespace: String,
    /// One endpoint for all regions.
    pub is_global: bool,
    /// Some of its operations need no signature, such as those that begin a session.
    pub has_unsigned_operations: bool,
    /// Takes `Authorization: Bearer`, instead of a signature or besides it.
    pub takes_bearer_tokens: bool,
    /// Preferred protocol first.
    pub protocols: Vec<Protocol>,
    /// How many operations it has.
    pub operation_count: usize,
}

#[derive(Debug)]
struct Entry {
    summary: ServiceSummary,
    /// Where its block is in the file.
    block: std::ops::Range<usize>,
    raw_size: usize,
    decoded: OnceLock<Result<Service, CatalogError>>,
}

impl ServiceSummary {
    /// Whether it answers a protocol.
    pub fn speaks(&self, protocol: Protocol) -> bool {
        self.protocols.contains(&protocol)
    }

    /// Whether it answers the query protocol or EC2's dialect of it.
    pub fn speaks_query(&self) -> bool {
        self.speaks(Protocol::Query) || self.speaks(Protocol::Ec2)
    }

    /// Whether its operations have paths of their own.
    pub fn is_rest(&self) -> bool {
        self.speaks(Protocol::RestJson) || self.speaks(Protocol::RestXml)
    }
}

/// Services that share a name. They are decoded one by one, when a caller comes to them.
#[derive(Debug, Clone, Copy)]
pub struct Services {
    catalog: &'static Catalog,
    indexes: &'static [usize],
}

impl Services {
    /// Whether there are none.
    pub fn is_empty(self) -> bool {
        self.indexes.is_empty()
    }

    /// What is known of them without decoding.
    pub fn summaries(self) -> impl Iterator<Item = &'static ServiceSummary> {
        self.indexes.iter().map(move |&index| &self.catalog.entries[index].summary)
    }

    /// All of them.
    pub fn iter(self) -> impl Iterator<Item = &'static Service> {
        self.those(|_| true)
    }

    /// Those that a condition holds for; the others are not decoded.
    pub fn those(self, condition: impl Fn(&ServiceSummary) -> bool) -> impl Iterator<Item = &'static Service> {
        let catalog = self.catalog;
        let is_wanted = move |index: &&usize| condition(&catalog.entries[**index].summary);
        self.indexes.iter().filter(is_wanted).filter_map(move |&index| catalog.decoded(index).ok())
    }
}

impl Catalog {
    /// The catalog that is compiled into the program.
    ///
    /// # Panics
    /// Never, unless the program itself is damaged: a test decodes every service of the file.
    pub fn embedded() -> &'static Self {
        static CATALOG: OnceLock<Catalog> = OnceLock::new();
        #[expect(clippy::expect_used, reason = "the file is part of the program, and a test reads all of it")]
        CATALOG.get_or_init(|| Self::open(FILE).expect("the embedded catalog can be read"))
    }

    /// Reads the index of a catalog file.
    ///
    /// # Errors
    /// The bytes are not a catalog of this format version, or are cut short.
    pub fn open(file: &'static [u8]) -> Result<Self, CatalogError> {
        decode::index(file)
    }

    fn new(file: &'static [u8], version: String, entries: Vec<Entry>) -> Self {
        let mut catalog = Self {
            file,
            version,
            entries,
            by_id: HashMap::new(),
            by_signing_name: HashMap::new(),
            by_target_prefix: HashMap::new(),
            by_endpoint_prefix: HashMap::new(),
            by_query_version: HashMap::new(),
            unsigned_rest: Vec::new(),
        };
        for (index, entry) in catalog.entries.iter().enumerate() {
            let summary = &entry.summary;
            catalog.by_id.insert(summary.id.clone(), index);
            for (map, name) in [
                (&mut catalog.by_signing_name, &summary.signing_name),
                (&mut catalog.by_target_prefix, &summary.target_prefix),
                (&mut catalog.by_endpoint_prefix, &summary.endpoint_prefix),
            ] {
                if !name.is_empty() {
                    map.entry(name.clone()).or_default().push(index);
                }
            }
            if summary.speaks_query() {
                catalog.by_query_version.entry(summary.api_version.clone()).or_default().push(index);
            }
            if summary.is_rest() && (summary.has_unsigned_operations || summary.takes_bearer_tokens) {
                catalog.unsigned_rest.push(index);
            }
        }
        // Where several services share a name (rds, docdb and neptune sign as rds), its namesake comes first.
        let Self { entries, by_id, by_signing_name, by_endpoint_prefix, by_query_version, .. } = &mut catalog;
        for (name, sharing) in by_signing_name.iter_mut().chain(by_endpoint_prefix) {
            sharing.sort_by_key(|&index| entries[index].summary.id != *name);
        }
        for sharing in by_query_version.values_mut() {
            sharing.sort_by_key(|&index| entries[index].summary.id != entries[index].summary.signing_name);
        }
        for (alias, ids) in SIGNING_ALIASES {
            let found = ids.iter().filter_map(|id| by_id.get(*id).copied());
            by_signing_name.entry(alias.to_owned()).or_default().extend(found);
        }
        catalog
    }

    /// Release of botocore whose models these are.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// How many services there are.
    pub fn service_count(&self) -> usize {
        self.entries.len()
    }

    /// What is known of all services without decoding them.
    pub fn summaries(&self) -> impl Iterator<Item = &ServiceSummary> {
        self.entries.iter().map(|entry| &entry.summary)
    }

    /// The service with this catalog id.
    pub fn service(&'static self, id: &str) -> Option<&'static Service> {
        self.by_id.get(id).and_then(|&index| self.decoded(index).ok())
    }

    /// Decodes every service.
    ///
    /// # Errors
    /// One of them is damaged. Until this is called, a damaged service is one that no look-up finds.
    pub fn decode_all(&'static self) -> Result<(), CatalogError> {
        (0..self.entries.len()).try_for_each(|index| self.decoded(index).map(|_| ()).map_err(Clone::clone))
    }

    /// Services whose requests bear a signing name: its namesake first, then in the order of their ids.
    pub fn services_signing_as(&'static self, signing_name: &str) -> Services {
        self.found(&self.by_signing_name, signing_name)
    }

    /// Services of this API version that speak the query protocol or EC2's dialect of it.
    pub fn query_services_of_version(&'static self, api_version: &str) -> Services {
        self.found(&self.by_query_version, api_version)
    }

    /// Services with this target prefix.
    pub fn services_with_target(&'static self, target_prefix: &str) -> Services {
        self.found(&self.by_target_prefix, target_prefix)
    }

    /// Services with this endpoint prefix.
    pub fn services_at(&'static self, endpoint_prefix: &str) -> Services {
        self.found(&self.by_endpoint_prefix, endpoint_prefix)
    }

    /// REST services with operations that need no SigV4 signature.
    pub fn unsigned_rest_services(&'static self) -> Services {
        Services { catalog: self, indexes: &self.unsigned_rest }
    }

    fn found(&'static self, map: &'static HashMap<String, Vec<usize>>, name: &str) -> Services {
        Services { catalog: self, indexes: map.get(name).map_or(&[], Vec::as_slice) }
    }

    /// Whether a text is a catalog id or a signing name.
    pub fn is_service_name(&self, name: &str) -> bool {
        self.by_id.contains_key(name) || self.by_signing_name.contains_key(name)
    }

    /// All catalog ids and signing names.
    pub fn service_names(&self) -> impl Iterator<Item = &str> {
        self.by_id.keys().chain(self.by_signing_name.keys()).map(String::as_str)
    }

    fn decoded(&'static self, index: usize) -> Result<&'static Service, &'static CatalogError> {
        let entry = &self.entries[index];
        entry.decoded.get_or_init(|| decode::service(self.file, index, entry)).as_ref()
    }
}

#[cfg(test)]
mod tests;
