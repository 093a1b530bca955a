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

/// All services of AWS.
#[derive(Debug)]
pub struct Catalog {
    /// Release of botocore whose models these are.
    version: String,
    entries: Vec<Entry>,
    by_id: HashMap<String, usize>,
    by_signing_name: HashMap<String, Vec<usize>>,
    by_target_prefix: HashMap<String, Vec<usize>>,
    by_endpoint_prefix: HashMap<String, Vec<usize>>,
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
    decoded: OnceLock<Service>,
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

    fn new(version: String, entries: Vec<Entry>) -> Self {
        let mut catalog = Self {
            version,
            entries,
            by_id: HashMap::new(),
            by_signing_name: HashMap::new(),
            by_target_prefix: HashMap::new(),
            by_endpoint_prefix: HashMap::new(),
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
        }
        // Where several services share a name (rds, docdb and neptune sign as rds), its namesake comes first.
        let Self { entries, by_signing_name, by_endpoint_prefix, .. } = &mut catalog;
        for (name, sharing) in by_signing_name.iter_mut().chain(by_endpoint_prefix) {
            sharing.sort_by_key(|&index| entries[index].summary.id != *name);
        }
        catalog
    }

    /// Release of botocore whose models these are.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// What is known of all services without decoding them.
    pub fn summaries(&self) -> impl Iterator<Item = &ServiceSummary> {
        self.entries.iter().map(|entry| &entry.summary)
    }

    /// The service with this catalog id.
    pub fn service(&'static self, id: &str) -> Option<&'static Service> {
        self.by_id.get(id).map(|&index| self.decoded(index))
    }

    /// Services that share a signing name, its namesake first, then in the order of their ids.
    pub fn services_signing_as(&'static self, signing_name: &str) -> impl Iterator<Item = &'static Service> {
        self.found(&self.by_signing_name, signing_name)
    }

    /// Services of this API version that speak the query protocol or EC2's dialect of it.
    pub fn query_services_of_version(&'static self, api_version: &str) -> impl Iterator<Item = &'static Service> {
        let speaks_query = |protocol: &Protocol| matches!(protocol, Protocol::Query | Protocol::Ec2);
        (0..self.entries.len())
            .filter(move |&index| {
                let summary = &self.entries[index].summary;
                summary.api_version == api_version && summary.protocols.iter().any(speaks_query)
            })
            .map(|index| self.decoded(index))
    }

    /// Services with this target prefix.
    pub fn services_with_target(&'static self, target_prefix: &str) -> impl Iterator<Item = &'static Service> {
        self.found(&self.by_target_prefix, target_prefix)
    }

    /// Services with this endpoint prefix.
    pub fn services_at(&'static self, endpoint_prefix: &str) -> impl Iterator<Item = &'static Service> {
        self.found(&self.by_endpoint_prefix, endpoint_prefix)
    }

    fn found(
        &'static self,
        map: &'static HashMap<String, Vec<usize>>,
        name: &str,
    ) -> impl Iterator<Item = &'static Service> {
        map.get(name).into_iter().flatten().map(|&index| self.decoded(index))
    }

    /// Whether a text is a catalog id or a signing name.
    pub fn is_service_name(&self, name: &str) -> bool {
        self.by_id.contains_key(name) || self.by_signing_name.contains_key(name)
    }

    /// All catalog ids and signing names.
    pub fn service_names(&self) -> impl Iterator<Item = &str> {
        self.by_id.keys().chain(self.by_signing_name.keys()).map(String::as_str)
    }

    fn decoded(&'static self, index: usize) -> &'static Service {
        let entry = &self.entries[index];
        #[expect(clippy::expect_used, reason = "the file is part of the program, and a test reads all of it")]
        entry.decoded.get_or_init(|| decode::service(FILE, entry).expect("an embedded service can be decoded"))
    }
}

#[cfg(test)]
mod tests;
