use super::*;
use proptest::prelude::*;

#[test]
fn every_service_decodes_and_is_found_by_its_names() {
    let catalog = Catalog::embedded();
    assert!(catalog.summaries().count() > 400);
    for summary in catalog.summaries() {
        let service = catalog.service(&summary.id).expect("a service of the index");
        assert_eq!(service.operations.len(), summary.operation_count, "{}", service.id);
        assert!(service.operations.is_sorted_by(|left, right| left.name < right.name), "{}", service.id);
        assert!(catalog.services_signing_as(&service.signing_name).iter().any(|found| found.id == service.id));
        for operation in &service.operations {
            let id = service.operation_named(&operation.name).expect("a sorted table");
            assert_eq!(service.operation(id).name, operation.name);
            for shape in operation.input.iter().chain(&operation.output) {
                assert!(service.structure(*shape).is_some(), "{}.{}", service.id, operation.name);
            }
        }
    }
}

#[test]
fn marks_arrive() {
    let catalog = Catalog::embedded();
    let s3 = catalog.service("s3").expect("S3");
    let put = s3.operation(s3.operation_named("PutObject").expect("an operation"));
    assert_eq!((put.http_method.as_str(), put.http_uri.as_str()), ("PUT", "/{Bucket}/{Key+}"));
    let input = s3.structure(put.input.expect("an input")).expect("a structure");
    let body = &input.members[usize::from(input.payload.expect("a payload"))];
    assert!(body.name == "Body" && body.is_streaming);
    let key = input.members.iter().find(|member| member.name == "SSECustomerKey").expect("a member");
    assert!(s3.shape(key.shape).is_sensitive && key.location == Location::Header);

    let sqs = catalog.service("sqs").expect("SQS");
    assert_eq!(sqs.protocols, [Protocol::Json10, Protocol::Query]);
    let iam = catalog.service("iam").expect("IAM");
    assert!(iam.is_global && !sqs.is_global && !s3.is_global);
    let errors: Vec<_> = iam.operation(iam.operation_named("GetUser").expect("an operation")).errors.clone();
    let missing = iam.structure(errors[0]).expect("an exception");
    assert_eq!((missing.error_code.as_deref(), missing.error_status), (Some("NoSuchEntity"), 404));
    let sts = catalog.service("sts").expect("STS");
    let web = sts.operation(sts.operation_named("AssumeRoleWithWebIdentity").expect("an operation"));
    assert!(web.is_unsigned);
    let ebs = catalog.service("ebs").expect("EBS");
    let block = ebs.operation(ebs.operation_named("PutSnapshotBlock").expect("an operation"));
    assert!(block.has_unsigned_payload && !put.has_unsigned_payload);
    let bearers: Vec<_> = catalog.summaries().filter(|summary| summary.takes_bearer_tokens).collect();
    assert!(bearers.iter().any(|summary| summary.id == "bedrock-runtime") && bearers.len() < 20);
    assert!(catalog.unsigned_rest_services().summaries().any(|summary| summary.id == "sso-oidc"));
}

#[test]
fn services_are_found_by_every_name() {
    let catalog = Catalog::embedded();
    let ids = |services: Services| services.summaries().map(|summary| summary.id.as_str()).collect::<Vec<_>>();
    for (found, expected) in [
        (catalog.services_signing_as("rds"), &["rds", "docdb", "neptune"][..]),
        (catalog.services_signing_as("s3"), &["s3", "s3control"]),
        (catalog.services_signing_as("s3-outposts"), &["s3outposts", "s3control", "s3"]),
        (catalog.services_with_target("DynamoDB_20120810"), &["dynamodb"]),
        (catalog.services_at("api.ecr"), &["ecr"]),
        (catalog.services_at("monitoring"), &["cloudwatch"]),
        (catalog.query_services_of_version("2014-10-31"), &["rds", "docdb", "neptune"]),
        (catalog.services_signing_as("nobody"), &[]),
    ] {
        assert_eq!(ids(found), expected);
    }
}

#[test]
fn every_block_of_the_embedded_file_can_be_decoded() {
    assert_eq!(Catalog::embedded().decode_all(), Ok(()));
}

/// A file of one service, STS, that a test may damage.
fn small_file() -> Vec<u8> {
    fn number(out: &mut Vec<u8>, mut value: usize) {
        while value >= 0x80 {
            out.push(u8::try_from(value & 0x7f).expect("seven bits") | 0x80);
            value >>= 7;
        }
        out.push(u8::try_from(value).expect("seven bits"));
    }
    fn text(out: &mut Vec<u8>, text: &str) {
        number(out, text.len());
        out.extend_from_slice(text.as_bytes());
    }
    let catalog = Catalog::embedded();
    let entry = &catalog.entries[catalog.by_id["sts"]];
    let mut index = vec![1];
    for value in ["sts", "STS", "sts", "sts", "2011-06-15", "", "https://sts.amazonaws.com/doc/2011-06-15/"] {
        text(&mut index, value);
    }
    index.extend([0, 1, 0]);
    for value in [entry.summary.operation_count, 0, entry.block.len(), entry.raw_size] {
        number(&mut index, value);
    }
    let mut file = b"OTCATALOG\x02".to_vec();
    text(&mut file, catalog.version());
    number(&mut file, index.len());
    file.extend(index);
    file.extend_from_slice(&FILE[entry.block.clone()]);
    file
}

fn open_leaked(file: Vec<u8>) -> Result<&'static Catalog, CatalogError> {
    Catalog::open(file.leak()).map(|catalog| &*Box::leak(Box::new(catalog)))
}

#[test]
fn a_damaged_service_is_not_found_and_named() {
    let whole = open_leaked(small_file()).expect("a catalog");
    assert_eq!(whole.decode_all(), Ok(()));
    assert!(whole.service("sts").expect("a service").operation_named("AssumeRole").is_some());
    let mut file = small_file();
    let middle = file.len() - 1000;
    file[middle..].fill(0xff);
    let damaged = open_leaked(file).expect("a whole index");
    assert!(damaged.service("sts").is_none());
    let error = damaged.decode_all().expect_err("damage").to_string();
    assert!(error.starts_with("the catalog is damaged at byte ") && error.contains("of its sts"), "{error}");
}

#[test]
fn other_files_are_refused_with_a_reason() {
    assert_eq!(Catalog::open(b"").err(), Some(CatalogError::NotACatalog));
    assert_eq!(Catalog::open(b"OTCATALOG\x01").err(), Some(CatalogError::Version { found: 1 }));
    assert!(matches!(Catalog::open(&FILE[..100]), Err(CatalogError::Damaged { .. })));
}

proptest! {
    #[test]
    fn damaged_files_give_an_error_or_a_catalog_but_no_panic(
        at: prop::sample::Index, value: u8, length in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let mut file = small_file();
        let at = at.index(file.len());
        file[at] = value;
        if let Some(length) = length {
            file.truncate(length.index(file.len()));
        }
        if let Ok(catalog) = open_leaked(file) {
            let _ = catalog.decode_all();
        }
    }

    #[test]
    fn damaged_index_entries_do_the_same(at in 0..120_usize, value: u8) {
        let mut file = small_file();
        file[at] = value;
        if let Ok(catalog) = open_leaked(file) {
            let _ = catalog.decode_all();
        }
    }
}

/// A service whose tables are damaged after inflation: what a wrong generator would make.
#[test]
fn damaged_tables_give_an_error_or_a_service_but_no_panic() {
    use std::io::{Read, Write};
    let entry = &Catalog::embedded().entries[Catalog::embedded().by_id["sts"]];
    let mut raw = Vec::new();
    flate2::read::DeflateDecoder::new(&FILE[entry.block.clone()]).read_to_end(&mut raw).expect("a block");
    for (index, value) in (0..raw.len()).step_by(3).zip([0x00_u8, 0x7f, 0x80, 0xff].into_iter().cycle()) {
        let mut damaged = raw.clone();
        damaged[index] = value;
        let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::none());
        encoder.write_all(&damaged).expect("memory");
        let file = encoder.finish().expect("memory");
        let summary = ServiceSummary {
            id: "damaged".to_owned(),
            service_id: String::new(),
            endpoint_prefix: String::new(),
            signing_name: String::new(),
            api_version: String::new(),
            target_prefix: String::new(),
            xml_namespace: String::new(),
            is_global: false,
            has_unsigned_operations: false,
            takes_bearer_tokens: false,
            protocols: vec![Protocol::Query],
            operation_count: 0,
        };
        let entry = Entry { summary, block: 0..file.len(), raw_size: raw.len(), decoded: OnceLock::new() };
        let _ = decode::service(&file, 0, &entry);
    }
}

/// Prints what opening and decoding cost: `cargo test -p opentrail-aws-wire --release -- --ignored --nocapture costs`.
#[test]
#[ignore = "a measurement, not a check"]
#[expect(clippy::print_stdout, reason = "it is there to print")]
fn costs() {
    let began = std::time::Instant::now();
    let catalog: &'static Catalog = Box::leak(Box::new(Catalog::open(FILE).expect("a catalog")));
    println!("open: {:?}", began.elapsed());
    for id in ["ec2", "s3", "dynamodb", "iam", "sts"] {
        let began = std::time::Instant::now();
        catalog.service(id).expect(id);
        println!("decode {id}: {:?}", began.elapsed());
    }
}
