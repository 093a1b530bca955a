//! Records that are made up: of every kind that a segment stores in a way of its own.

/// Records of the samples: every way in which a cell is stored, and more than one block.
pub(crate) fn sample_records() -> Vec<Vec<u8>> {
    let record = |number: usize| {
        format!(
            r#"{{"eventVersion":"1.11","userIdentity":{{"type":"IAMUser","userName":"user-{}","accountId":"111122223333"}},"eventTime":"2025-03-01T12:{:02}:{:02}Z","eventSource":"s3.amazonaws.com","eventName":"PutObject","awsRegion":"us-east-1","sourceIPAddress":"192.0.2.{}","requestParameters":{{"bucketName":"bucket","key":"k/{number}","size":{number}.0}},"responseElements":null,"requestID":"7d1e5b0a-0000-4000-8000-{number:012x}","eventID":"{}","readOnly":false,"recipientAccountId":"111122223333"}}"#,
            number % 7,
            number / 60 % 60,
            number % 60,
            number % 5,
            if number.is_multiple_of(3) { format!("id {number}") } else { format!("9b7e1c1e-0000-4000-8000-{number:012x}") },
        )
        .into_bytes()
    };
    (0..600).map(record).collect()
}

/// Records with what version 3 of the format brought: random tokens of several kinds, whole, among others and where a
/// text ends with an earlier one.
pub(crate) fn token_records() -> Vec<Vec<u8>> {
    const BASE64: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const URL: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const CAPITALS: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    let mut state = 1_u64;
    let mut token = |alphabet: &[u8], length: usize| -> String {
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            char::from(alphabet[(state >> 33) as usize % alphabet.len()])
        };
        (0..length).map(|_| next()).collect()
    };
    let mut record = |number: usize| {
        let id = token(BASE64, 75);
        let key = format!("data/{:03}/{}.gz", number % 40, token(b"0123456789abcdef", 16));
        let page = match number % 50 {
            0 => "no token: \\u00e9 = {}".to_owned(),
            1 => "==".to_owned(),
            _ => token(URL, 20 + number % 30),
        };
        let denied = match number % 97 {
            0 => format!(r#","errorMessage":"You may not. Encoded: {}""#, token(URL, 500)),
            _ => String::new(),
        };
        format!(
            r#"{{"eventTime":"2025-03-01T{:02}:{:02}:{:02}Z","eventID":"9b7e1c1e-0000-4000-8000-{number:012x}","eventSource":"s3.amazonaws.com","eventName":"GetObject","awsRegion":"us-east-1","recipientAccountId":"111122223333","sourceIPAddress":"192.0.2.1","requestID":"{}","requestParameters":{{"bucketName":"logs-{}","key":"{key}","continuation-token":"{page}"}},"responseElements":{{"x-amz-id-2":"{id}="}},"additionalEventData":{{"x-amz-id-2":"{id}="}},"resources":[{{"ARN":"arn:aws:s3:::logs-{}/{key}"}}]{denied}}}"#,
            number / 3600,
            number / 60 % 60,
            number % 60,
            token(CAPITALS, 16),
            number % 3,
            number % 3,
        )
        .into_bytes()
    };
    (0..1_200).map(&mut record).collect()
}

/// The same; of the later ones the messages are so short that they stand as they are. They have all kinds of frames.
pub(crate) fn framed_records() -> Vec<Vec<u8>> {
    let mut records = token_records();
    for record in &mut records[600..] {
        if let Some(at) = memchr::memmem::find(record, b"Encoded: ") {
            record.drain(at + 60..at + 500);
        }
    }
    records
}

/// Records of callers that have values in common: sessions of roles, each with some keys, in regions, accounts and
/// categories of their own, among those of one caller that is everywhere.
pub(crate) fn caller_records(count: usize) -> Vec<Vec<u8>> {
    let mut state = 7_u64;
    let mut next = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    let mut record = |number: usize| {
        let region = ["us-east-1", "eu-central-1", "ap-south-1"][next(3)];
        let account = ["111122223333", "444455556666"][usize::from(next(5) == 0)];
        let (category, name) = [("Management", "ListKeys"), ("Data", "GetObject"), ("Data", "PutObject")][next(3)];
        let identity = if next(3) == 0 {
            r#"{"type":"AWSService","invokedBy":"config.amazonaws.com"}"#.to_owned()
        } else {
            let (session, key) = (next(400), next(3));
            let role = session % 7;
            format!(
                r#"{{"type":"AssumedRole","principalId":"AROA{role:016}:session-{session}","arn":"arn:aws:sts::{account}:assumed-role/role-{role}/session-{session}","accountId":"{account}","accessKeyId":"ASIA{key:08}{session:08}","sessionContext":{{"sessionIssuer":{{"userName":"role-{role}"}},"sourceIdentity":"7d1e5b0a-0000-4000-8000-{session:012x}"}}}}"#,
            )
        };
        format!(
            r#"{{"eventTime":"2025-03-0{}T{:02}:{:02}:{:02}Z","eventID":"9b7e1c1e-0000-4000-8000-{number:012x}","userIdentity":{identity},"eventSource":"s3.amazonaws.com","eventName":"{name}","awsRegion":"{region}","sourceIPAddress":"192.0.2.{}","requestParameters":{{"bucketName":"b-{}"}},"eventCategory":"{category}","recipientAccountId":"{account}"}}"#,
            1 + number / 86_400,
            number / 3_600 % 24,
            number / 60 % 60,
            number % 60,
            number % 9,
            next(5),
        )
        .into_bytes()
    };
    (0..count).map(&mut record).collect()
}

/// Records with ids, keys and UUIDs of random digits, in columns of their own, among others, and in texts that end with an
/// earlier one.
pub(crate) fn digit_records() -> Vec<Vec<u8>> {
    let mut state = 5_u64;
    let mut digits = |count: usize| -> String {
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            char::from(b"0123456789abcdef"[(state >> 33) as usize % 16])
        };
        (0..count).map(|_| next()).collect()
    };
    let mut record = |number: usize| {
        let mut uuid = || [8, 4, 4, 4, 12].map(&mut digits).join("-");
        let (event, key, session) = (uuid(), uuid(), uuid());
        let object = format!("data/{:02}/{}.gz", number % 9, digits(16));
        let volume = match number % 5 {
            0 => format!("vol-{}", digits(8)),
            1 => format!("vol-{}", digits(17)),
            2 => digits(40 + number % 60),
            3 => digits(32).to_uppercase(),
            _ => format!("{}-{}_{}g{}", digits(9), digits(4), digits(11), digits(3)),
        };
        let message = match number % 41 {
            0 => format!(r#","errorMessage":"The volume with id vol-{} is not there any more""#, digits(17)),
            _ => String::new(),
        };
        let session = if number.is_multiple_of(100) { session } else { format!("session-{}", number % 7) };
        format!(
            r#"{{"eventTime":"2025-03-01T{:02}:{:02}:{:02}Z","eventID":"{event}","eventSource":"s3.amazonaws.com","eventName":"GetObject","awsRegion":"us-east-1","recipientAccountId":"111122223333","userIdentity":{{"type":"AssumedRole","session":"{session}","arn":"arn:aws:sts::111122223333:assumed-role/reader/{session}"}},"requestParameters":{{"key":"{object}","kmsKeyId":"arn:aws:kms:us-east-1:111122223333:key/{key}","volume":"{volume}","vpc":"vpc-{}"}},"resources":[{{"ARN":"arn:aws:s3:::logs-{}/{object}"}}]{message}}}"#,
            number / 3600,
            number / 60 % 60,
            number % 60,
            if number.is_multiple_of(3) { digits(8) } else { format!("{:08x}", number % 11 * 0x0123_4567) },
            if number.is_multiple_of(17) { digits(12) } else { "a".to_owned() },
        )
        .into_bytes()
    };
    (0..900).map(&mut record).collect()
}
