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
        assert!(catalog.services_signing_as(&service.signing_name).any(|found| found.id == service.id));
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
    assert!(iam.is_global && !sqs.is_global);
    let errors: Vec<_> = iam.operation(iam.operation_named("GetUser").expect("an operation")).errors.clone();
    let missing = iam.structure(errors[0]).expect("an exception");
    assert_eq!((missing.error_code.as_deref(), missing.error_status), (Some("NoSuchEntity"), 404));
    let sts = catalog.service("sts").expect("STS");
    let web = sts.operation(sts.operation_named("AssumeRoleWithWebIdentity").expect("an operation"));
    assert!(web.is_unsigned);
}

#[test]
fn other_files_are_refused_with_a_reason() {
    assert_eq!(Catalog::open(b"").err(), Some(CatalogError::NotACatalog));
    assert_eq!(Catalog::open(b"OTCATALOG\x02").err(), Some(CatalogError::Version { found: 2 }));
    assert!(matches!(Catalog::open(&FILE[..100]), Err(CatalogError::Damaged { .. })));
}

proptest! {
    #[test]
    fn damaged_blocks_give_an_error_or_a_service_but_no_panic(
        at in 0..1000_usize, value: u8, service in 0..100_usize
    ) {
        let catalog = Catalog::embedded();
        let entry = &catalog.entries[service];
        let mut file = FILE[entry.block.clone()].to_vec();
        let length = file.len();
        file[at % length] = value;
        let damaged = Entry {
            summary: ServiceSummary { id: "damaged".to_owned(), protocols: Vec::new(), service_id: String::new(),
                endpoint_prefix: String::new(), signing_name: String::new(), api_version: String::new(),
                target_prefix: String::new(), xml_namespace: String::new(), is_global: false, operation_count: 0 },
            block: 0..length,
            raw_size: entry.raw_size,
            decoded: OnceLock::new(),
        };
        let _ = decode::service(&file, &damaged);
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
