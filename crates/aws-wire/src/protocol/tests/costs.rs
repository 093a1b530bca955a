//! What decoding costs, measured: `cargo test -p opentrail-aws-wire --release -- --ignored --nocapture protocol_costs`.

use std::hint::black_box;
use std::time::{Duration, Instant};

use http::{HeaderMap, Method};

use crate::RequestHead;
use crate::catalog::{Catalog, Protocol};
use crate::protocol::{decode_request, decode_response};

/// How long each case is repeated.
const MEASURED: Duration = Duration::from_millis(300);

fn measure(name: &str, size: usize, mut run: impl FnMut()) {
    run();
    let (began, mut count) = (Instant::now(), 0_u32);
    while began.elapsed() < MEASURED {
        run();
        count += 1;
    }
    let micros = began.elapsed().as_secs_f64() * 1e6 / f64::from(count);
    #[expect(clippy::print_stdout, reason = "it is there to print")]
    {
        println!("{name}: {micros:.1} us for {size} bytes");
    }
}

#[test]
#[ignore = "a measurement, not a check"]
fn protocol_costs() {
    let headers = HeaderMap::new();
    let head = RequestHead { method: &Method::POST, path: "/", query: None, headers: &headers };
    let call = |id: &str, name: &str| {
        let service = Catalog::embedded().service(id).expect(id);
        (service, service.operation_named(name).expect(name))
    };

    let attributes: Vec<String> =
        (0..20).map(|index| format!(r#""attribute{index:02}":{{"S":"a value of some length {index}"}}"#)).collect();
    let body = format!(r#"{{"TableName":"table","Item":{{{}}}}}"#, attributes.join(","));
    let (service, operation) = call("dynamodb", "PutItem");
    measure("DynamoDB PutItem request", body.len(), || {
        black_box(
            decode_request(service, operation, Protocol::Json10, &head, black_box(body.as_bytes())).expect("a value"),
        );
    });

    let tags: Vec<String> =
        (1..=20).map(|index| format!("Tags.member.{index}.Key=k{index}&Tags.member.{index}.Value=v")).collect();
    let body = format!("Action=CreateUser&Version=2010-05-08&UserName=u&{}", tags.join("&"));
    let (service, operation) = call("iam", "CreateUser");
    measure("IAM CreateUser request", body.len(), || {
        black_box(
            decode_request(service, operation, Protocol::Query, &head, black_box(body.as_bytes())).expect("a value"),
        );
    });

    let item = "<item><instanceId>i-0123456789abcdef0</instanceId><imageId>ami-0123456789abcdef0</imageId><instanceState><code>0</code>\
        <name>pending</name></instanceState><privateDnsName>ip-10-0-0-1.ec2.internal</privateDnsName><dnsName/><reason/>\
        <keyName>key</keyName><amiLaunchIndex>0</amiLaunchIndex><productCodes/><instanceType>t3.micro</instanceType>\
        <launchTime>2025-03-01T12:00:05.000Z</launchTime><placement><availabilityZone>us-east-1a</availabilityZone><groupName/>\
        <tenancy>default</tenancy></placement><monitoring><state>disabled</state></monitoring><subnetId>subnet-1</subnetId>\
        <vpcId>vpc-1</vpcId><privateIpAddress>10.0.0.1</privateIpAddress><sourceDestCheck>true</sourceDestCheck><groupSet><item>\
        <groupId>sg-1</groupId><groupName>default</groupName></item></groupSet><stateReason><code>pending</code>\
        <message>pending</message></stateReason><architecture>x86_64</architecture><rootDeviceType>ebs</rootDeviceType>\
        <rootDeviceName>/dev/xvda</rootDeviceName><blockDeviceMapping/><virtualizationType>hvm</virtualizationType>\
        <clientToken>t</clientToken><tagSet><item><key>Name</key><value>web</value></item></tagSet><hypervisor>xen</hypervisor>\
        <networkInterfaceSet/><ebsOptimized>false</ebsOptimized></item>";
    let body = format!(
        "<RunInstancesResponse xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\"><requestId>r</requestId>\
         <reservationId>r-1</reservationId><ownerId>123456789012</ownerId><groupSet/><instancesSet>{}</instancesSet>\
         </RunInstancesResponse>",
        item.repeat(2)
    );
    let (service, operation) = call("ec2", "RunInstances");
    measure("EC2 RunInstances response, 2 instances", body.len(), || {
        let value = decode_response(service, operation, Protocol::Ec2, 200, &headers, black_box(body.as_bytes()));
        black_box(value.expect("a value"));
    });
    measure("the XML tree of it alone", body.len(), || {
        black_box(crate::protocol::xml_tree::parse_xml(black_box(body.as_bytes())).expect("a tree"));
    });
    let forged = format!("{{{}}}", vec![r#""a":1"#; 100_000].join(","));
    let (service, operation) = call("ec2", "RunInstances");
    measure("600 kB of unknown members", forged.len(), || {
        black_box(
            decode_request(service, operation, Protocol::Json11, &head, black_box(forged.as_bytes())).expect("a value"),
        );
    });
    let forged = vec!["A.B=1"; 170_000].join("&");
    measure("1 MB of one parameter", forged.len(), || {
        black_box(
            decode_request(service, operation, Protocol::Ec2, &head, black_box(forged.as_bytes())).expect("a value"),
        );
    });
    let forged: Vec<String> = (0..60_000).map(|index| format!("Filter.{index}.Name=1")).collect();
    let forged = forged.join("&");
    measure("1.3 MB of list items", forged.len(), || {
        let (service, operation) = call("ec2", "DescribeInstances");
        black_box(
            decode_request(service, operation, Protocol::Ec2, &head, black_box(forged.as_bytes())).expect("a value"),
        );
    });
}
