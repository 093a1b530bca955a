use super::{Piece, ResourceClasses, Slot, compile};

/// The record with the name of a slot wherever one stands.
fn marked(record: &str) -> String {
    let template = compile(1.0, record.to_owned(), &mut ResourceClasses::default()).unwrap();
    let piece = |piece: &Piece| match piece {
        Piece::Text(range) => template.text[range.clone()].to_owned(),
        Piece::Slot(slot) => match &template.slots[*slot] {
            Slot::Resource { .. } => "<Resource>".to_owned(),
            Slot::Random(_) => "<Random>".to_owned(),
            Slot::ObjectKey(ending) => format!("<Key{ending}>"),
            other => format!("<{other:?}>"),
        },
    };
    template.pieces.iter().map(piece).collect()
}

#[test]
fn what_names_the_caller_changes_everywhere_and_nothing_else_does() {
    let record = r#"{"userIdentity":{"type":"IAMUser","principalId":"AIDACKCEVSQ6C2EXAMPLE","arn":"arn:aws:iam::111122223333:user/mary","accountId":"111122223333","accessKeyId":"AKIAIOSFODNN7EXAMPLE","userName":"mary"},"eventTime":"2026-03-02T09:14:07Z","eventSource":"iam.amazonaws.com","eventName":"mary","awsRegion":"us-east-1","sourceIPAddress":"192.0.2.17","userAgent":"aws","errorMessage":"User mary, not rosemary, from 192.0.2.17 in us-east-1a; mary","eventID":"00000001-aaaa-4bbb-8ccc-000000000001","recipientAccountId":"111122223333"}"#;
    let expected = r#"{"userIdentity":{"type":"IAMUser","principalId":"<UserId>","arn":"arn:aws:iam::<Account>:user/<UserName>","accountId":"<Account>","accessKeyId":"<UserKey>","userName":"<UserName>"},"eventTime":"<Time>","eventSource":"iam.amazonaws.com","eventName":"mary","awsRegion":"<Region>","sourceIPAddress":"<Address>","userAgent":"<Agent>","errorMessage":"User <UserName>, not rosemary, from <Address> in <Region>a; <UserName>","eventID":"<EventId>","recipientAccountId":"<Account>"}"#;
    assert_eq!(marked(record), expected);
}

#[test]
fn objects_and_tokens_change_as_wholes_and_escapes_stay() {
    let record = r#"{"eventTime":"2026-03-02T09:14:07Z","eventSource":"s3.amazonaws.com","eventName":"GetObject","sourceIPAddress":"x.amazonaws.com","userAgent":"x.amazonaws.com","requestParameters":{"bucketName":"photos","Host":"photos.s3.amazonaws.com","key":"a/b.jpg","sessionToken":"IQoJb3JpZ2luX2VjEXAMPLE\u003d\u003d","instanceId":"i-0123456789abcdef0"},"eventID":"00000001-aaaa-4bbb-8ccc-000000000001","resources":[{"ARN":"arn:aws:s3:::photos/a/b.jpg"}]}"#;
    let expected = r#"{"eventTime":"<Time>","eventSource":"s3.amazonaws.com","eventName":"GetObject","sourceIPAddress":"x.amazonaws.com","userAgent":"x.amazonaws.com","requestParameters":{"bucketName":"<Resource>","Host":"<Resource>.s3.amazonaws.com","key":"<Key.jpg>","sessionToken":"<Random>\u003d\u003d","instanceId":"<Resource>"},"eventID":"<EventId>","resources":[{"ARN":"arn:aws:s3:::<Resource>/<Key.jpg>"}]}"#;
    assert_eq!(marked(record), expected);
}
