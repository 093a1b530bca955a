//! Reads the catalog file. Total: any bytes give a catalog or an error.

use std::io::Read;
use std::ops::Range;
use std::sync::OnceLock;

use flate2::read::DeflateDecoder;

use super::shape::{
    Location, Member, Operation, Protocol, Service, Shape, ShapeId, ShapeKind, Structure, TimestampFormat,
};
use super::{Catalog, Entry, ServiceSummary};

const MAGIC: &[u8] = b"OTCATALOG";
const FORMAT_VERSION: u64 = 2;

/// What deflate makes of a byte at most; a damaged size that claims more must not be allocated.
const INFLATED_BYTES_PER_BYTE_MAX: usize = 1032;

/// The catalog file cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CatalogError {
    /// It does not begin as a catalog does.
    #[error("the file is no service catalog")]
    NotACatalog,
    /// It is of another format version.
    #[error("the catalog has format version {found}, and this program reads version {FORMAT_VERSION}")]
    Version {
        /// The version found.
        found: u64,
    },
    /// It ends too early, or a value in it is out of range.
    #[error("the catalog is damaged at byte {offset} of its {part}: expected {expected}")]
    Damaged {
        /// Offset in the part.
        offset: usize,
        /// `index` or the id of a service.
        part: String,
        /// What should have been there.
        expected: &'static str,
    },
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    part: &'a str,
}

impl<'a> Reader<'a> {
    fn new(bytes: &'a [u8], part: &'a str) -> Self {
        Self { bytes, at: 0, part }
    }

    fn damaged(&self, expected: &'static str) -> CatalogError {
        CatalogError::Damaged { offset: self.at, part: self.part.to_owned(), expected }
    }

    fn number(&mut self) -> Result<u64, CatalogError> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = *self.bytes.get(self.at).ok_or_else(|| self.damaged("a number"))?;
            self.at += 1;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(self.damaged("a number of at most 64 bits"))
    }

    fn size(&mut self) -> Result<usize, CatalogError> {
        let value = self.number()?;
        usize::try_from(value).map_err(|_| self.damaged("a size"))
    }

    /// A count of things of at least one byte each, so that no damaged count allocates more than the file holds.
    fn count(&mut self) -> Result<usize, CatalogError> {
        let count = self.size()?;
        if count > self.bytes.len() - self.at {
            return Err(self.damaged("a count of what follows"));
        }
        Ok(count)
    }

    fn raw(&mut self, size: usize) -> Result<&'a [u8], CatalogError> {
        let end = self.at.checked_add(size).filter(|end| *end <= self.bytes.len());
        let end = end.ok_or_else(|| self.damaged("more bytes"))?;
        let raw = &self.bytes[self.at..end];
        self.at = end;
        Ok(raw)
    }

    fn text(&mut self) -> Result<&'a str, CatalogError> {
        let size = self.size()?;
        let raw = self.raw(size)?;
        std::str::from_utf8(raw).map_err(|_| self.damaged("UTF-8"))
    }
}

/// Reads the head and the index of a file.
pub(super) fn index(file: &'static [u8]) -> Result<Catalog, CatalogError> {
    let rest = file.strip_prefix(MAGIC).ok_or(CatalogError::NotACatalog)?;
    let mut head = Reader::new(rest, "index");
    let found = head.number()?;
    if found != FORMAT_VERSION {
        return Err(CatalogError::Version { found });
    }
    let version = head.text()?.to_owned();
    let index_size = head.size()?;
    let mut reader = Reader::new(head.raw(index_size)?, "index");
    let blocks_start = MAGIC.len() + head.at;
    let count = reader.count()?;
    let entries = (0..count).map(|_| entry(&mut reader, blocks_start, file.len())).collect::<Result<_, _>>()?;
    Ok(Catalog::new(file, version, entries))
}

fn entry(reader: &mut Reader<'_>, blocks_start: usize, file_size: usize) -> Result<Entry, CatalogError> {
    let mut text = || reader.text().map(str::to_owned);
    let (id, service_id, endpoint_prefix, signing_name) = (text()?, text()?, text()?, text()?);
    let (api_version, target_prefix, xml_namespace) = (text()?, text()?, text()?);
    let marks = reader.number()?;
    let protocol_count = reader.count()?;
    if protocol_count == 0 {
        return Err(reader.damaged("a protocol"));
    }
    let protocols = (0..protocol_count).map(|_| protocol(reader)).collect::<Result<_, _>>()?;
    let operation_count = reader.size()?;
    let (offset, size, raw_size) = (reader.size()?, reader.size()?, reader.size()?);
    let block = block_range(blocks_start, offset, size).filter(|block| block.end <= file_size);
    let block = block.ok_or_else(|| reader.damaged("a block inside the file"))?;
    if raw_size > size.saturating_mul(INFLATED_BYTES_PER_BYTE_MAX) {
        return Err(reader.damaged("a size that a block can inflate to"));
    }
    let summary = ServiceSummary {
        id,
        service_id,
        endpoint_prefix,
        signing_name,
        api_version,
        target_prefix,
        xml_namespace,
        is_global: marks & 1 == 1,
        has_unsigned_operations: marks >> 1 & 1 == 1,
        takes_bearer_tokens: marks >> 2 & 1 == 1,
        protocols,
        operation_count,
    };
    Ok(Entry { summary, block, raw_size, decoded: OnceLock::new() })
}

fn block_range(blocks_start: usize, offset: usize, size: usize) -> Option<Range<usize>> {
    let start = blocks_start.checked_add(offset)?;
    Some(start..start.checked_add(size)?)
}

fn protocol(reader: &mut Reader<'_>) -> Result<Protocol, CatalogError> {
    Ok(match reader.number()? {
        0 => Protocol::Query,
        1 => Protocol::Ec2,
        2 => Protocol::Json10,
        3 => Protocol::Json11,
        4 => Protocol::RestJson,
        5 => Protocol::RestXml,
        6 => Protocol::RpcV2Cbor,
        _ => return Err(reader.damaged("a protocol")),
    })
}

/// Decodes the block of a service.
pub(super) fn service(file: &[u8], place: usize, entry: &Entry) -> Result<Service, CatalogError> {
    let summary = &entry.summary;
    let mut raw = Vec::with_capacity(entry.raw_size);
    let limit = entry.raw_size as u64 + 1;
    let inflated = DeflateDecoder::new(&file[entry.block.clone()]).take(limit).read_to_end(&mut raw);
    if inflated.is_err() || raw.len() != entry.raw_size {
        let part = summary.id.clone();
        return Err(CatalogError::Damaged { offset: raw.len(), part, expected: "a whole deflate stream" });
    }
    let mut reader = Reader::new(&raw, &summary.id);
    let text_count = reader.count()?;
    let texts = (0..text_count).map(|_| reader.text()).collect::<Result<Vec<_>, _>>()?;
    let mut block = Block { reader, texts, shape_count: 0 };
    block.shape_count = block.reader.count()?;
    let shapes = (0..block.shape_count).map(|_| block.shape()).collect::<Result<_, _>>()?;
    let operation_count = block.reader.count()?;
    let operations = (0..operation_count).map(|_| block.operation()).collect::<Result<_, _>>()?;
    Ok(Service {
        place,
        id: summary.id.clone(),
        service_id: summary.service_id.clone(),
        endpoint_prefix: summary.endpoint_prefix.clone(),
        signing_name: summary.signing_name.clone(),
        api_version: summary.api_version.clone(),
        protocols: summary.protocols.clone(),
        target_prefix: summary.target_prefix.clone(),
        xml_namespace: (!summary.xml_namespace.is_empty()).then(|| summary.xml_namespace.clone()),
        is_global: summary.is_global,
        operations,
        shapes,
        rest_routes: OnceLock::new(),
    })
}

struct Block<'a> {
    reader: Reader<'a>,
    texts: Vec<&'a str>,
    shape_count: usize,
}

impl Block<'_> {
    fn optional_text(&mut self) -> Result<Option<String>, CatalogError> {
        match self.reader.size()? {
            0 => Ok(None),
            index => match self.texts.get(index - 1) {
                Some(text) => Ok(Some((*text).to_owned())),
                None => Err(self.reader.damaged("the index of a text")),
            },
        }
    }

    fn text(&mut self) -> Result<String, CatalogError> {
        self.optional_text()?.ok_or_else(|| self.reader.damaged("a text"))
    }

    fn shape_id(&mut self, index: usize) -> Result<ShapeId, CatalogError> {
        match u32::try_from(index) {
            Ok(id) if index < self.shape_count => Ok(ShapeId(id)),
            _ => Err(self.reader.damaged("the index of a shape")),
        }
    }

    fn optional_shape_id(&mut self) -> Result<Option<ShapeId>, CatalogError> {
        match self.reader.size()? {
            0 => Ok(None),
            index => self.shape_id(index - 1).map(Some),
        }
    }

    fn timestamp_format(&mut self) -> Result<Option<TimestampFormat>, CatalogError> {
        Ok(match self.reader.number()? {
            0 => None,
            1 => Some(TimestampFormat::Iso8601),
            2 => Some(TimestampFormat::Rfc822),
            3 => Some(TimestampFormat::UnixTimestamp),
            _ => return Err(self.reader.damaged("a timestamp format")),
        })
    }

    fn location(&mut self) -> Result<Location, CatalogError> {
        Ok(match self.reader.number()? {
            0 => Location::Body,
            1 => Location::Uri,
            2 => Location::QueryString,
            3 => Location::Header,
            4 => Location::Headers,
            5 => Location::StatusCode,
            _ => return Err(self.reader.damaged("a location")),
        })
    }

    fn member(&mut self) -> Result<Member, CatalogError> {
        let name = self.text()?;
        let shape = self.reader.size()?;
        let shape = self.shape_id(shape)?;
        let flags = self.reader.number()?;
        let has = |bit: u32| flags >> bit & 1 == 1;
        let location = if has(0) { self.location()? } else { Location::Body };
        let location_name = if has(1) { self.optional_text()? } else { None };
        let query_name = if has(2) { self.optional_text()? } else { None };
        let timestamp_format = if has(3) { self.timestamp_format()? } else { None };
        let xml_namespace = if has(10) { self.optional_text()? } else { None };
        Ok(Member {
            name,
            shape,
            location,
            location_name,
            query_name,
            timestamp_format,
            is_xml_attribute: has(4),
            is_flattened: has(5),
            is_json_text: has(6),
            is_streaming: has(7),
            is_required: has(8),
            is_event_payload: has(9),
            is_host_label: has(11),
            xml_namespace,
        })
    }

    fn shape(&mut self) -> Result<Shape, CatalogError> {
        let name = self.text()?;
        let kind_and_mark = self.reader.number()?;
        let kind = match kind_and_mark >> 1 {
            0 => ShapeKind::Structure(self.structure()?),
            1 => {
                let is_flattened = self.reader.number()? != 0;
                ShapeKind::List { member: self.member()?, is_flattened }
            }
            2 => {
                let is_flattened = self.reader.number()? != 0;
                ShapeKind::Map { key: self.member()?, value: self.member()?, is_flattened }
            }
            3 => ShapeKind::String,
            4 => ShapeKind::Integer,
            5 => ShapeKind::Long,
            6 => ShapeKind::Float,
            7 => ShapeKind::Boolean,
            8 => ShapeKind::Timestamp(self.timestamp_format()?),
            9 => ShapeKind::Blob { is_streaming: self.reader.number()? != 0 },
            10 => ShapeKind::Document,
            _ => return Err(self.reader.damaged("the kind of a shape")),
        };
        Ok(Shape { name, kind, is_sensitive: kind_and_mark & 1 == 1 })
    }

    fn structure(&mut self) -> Result<Structure, CatalogError> {
        let payload = self.reader.number()?;
        let marks = self.reader.number()?;
        let error_code = self.optional_text()?;
        let error_status = self.reader.number()?;
        let error_status = u16::try_from(error_status).map_err(|_| self.reader.damaged("a status"))?;
        let location_name = self.optional_text()?;
        let count = self.reader.count()?;
        let members: Vec<Member> = (0..count).map(|_| self.member()).collect::<Result<_, _>>()?;
        let payload = match payload.checked_sub(1) {
            None => None,
            Some(index) if index < members.len() as u64 => u16::try_from(index).ok(),
            Some(_) => return Err(self.reader.damaged("the index of a payload member")),
        };
        Ok(Structure {
            members,
            payload,
            is_event_stream: marks & 1 == 1,
            is_exception: marks >> 1 & 1 == 1,
            is_server_fault: marks >> 2 & 1 == 1,
            is_union: marks >> 3 & 1 == 1,
            error_code,
            error_status,
            location_name,
        })
    }

    fn operation(&mut self) -> Result<Operation, CatalogError> {
        let (name, http_method, http_uri) = (self.text()?, self.text()?, self.text()?);
        let (input, output) = (self.optional_shape_id()?, self.optional_shape_id()?);
        let (result_wrapper, input_root) = (self.optional_text()?, self.optional_text()?);
        let host_prefix = self.optional_text()?;
        let marks = self.reader.number()?;
        let count = self.reader.count()?;
        let errors = (0..count)
            .map(|_| {
                let index = self.reader.size()?;
                self.shape_id(index)
            })
            .collect::<Result<_, _>>()?;
        Ok(Operation {
            name,
            http_method,
            http_uri,
            input,
            output,
            result_wrapper,
            input_root,
            host_prefix,
            is_readonly_by_model: marks & 1 == 1,
            is_unsigned: marks >> 1 & 1 == 1,
            is_deprecated: marks >> 2 & 1 == 1,
            has_unsigned_payload: marks >> 3 & 1 == 1,
            errors,
        })
    }
}
