//! Which events cannot have the values that are looked for, told by a few bits of each.
//!
//! Of an event in memory the facts lie in a dozen places, which no cache of the processor has. A lookup of a rare value
//! that looks at tens of thousands of them takes longer than all segments; to look at their bits, which are neighbours,
//! takes a nanosecond for each.

use model::LookupIndex;

use crate::query::AttributeFilter;

/// Two of 128 bits for each fact of an event, or for each that is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct FactBits(u128);

/// What a text is: the same text of another kind has other bits.
#[derive(Clone, Copy)]
enum Kind {
    EventId = 1,
    EventName,
    ReadOnly,
    Username,
    ResourceType,
    ResourceName,
    EventSource,
    AccessKeyId,
    SourceIp,
}

impl FactBits {
    /// The bits of all that an event can be looked up by.
    pub(crate) fn of_event(index: &LookupIndex) -> Self {
        let mut bits = Self::default();
        bits.add(Kind::EventId, &index.event_id);
        bits.add(Kind::EventName, &index.event_name);
        bits.add(Kind::EventSource, &index.event_source);
        if let Some(read_only) = index.read_only {
            bits.add(Kind::ReadOnly, truth(read_only));
        }
        let named = [
            (Kind::Username, &index.username),
            (Kind::AccessKeyId, &index.access_key_id),
            (Kind::SourceIp, &index.source_ip),
        ];
        for (kind, text) in named {
            if let Some(text) = text {
                bits.add(kind, text);
            }
        }
        for resource in &index.resources {
            bits.add(Kind::ResourceName, &resource.resource_name);
            if let Some(resource_type) = &resource.resource_type {
                bits.add(Kind::ResourceType, resource_type);
            }
        }
        bits
    }

    /// The bits that an event with all of these values has.
    pub(crate) fn wanted(attributes: &[AttributeFilter]) -> Self {
        let mut bits = Self::default();
        for attribute in attributes {
            match attribute {
                AttributeFilter::EventId(text) => bits.add(Kind::EventId, text),
                AttributeFilter::EventName(text) => bits.add(Kind::EventName, text),
                AttributeFilter::ReadOnly(read_only) => bits.add(Kind::ReadOnly, truth(*read_only)),
                AttributeFilter::Username(text) => bits.add(Kind::Username, text),
                AttributeFilter::ResourceType(text) => bits.add(Kind::ResourceType, text),
                AttributeFilter::ResourceName(text) => bits.add(Kind::ResourceName, text),
                AttributeFilter::EventSource(text) => bits.add(Kind::EventSource, text),
                AttributeFilter::AccessKeyId(text) => bits.add(Kind::AccessKeyId, text),
                AttributeFilter::SourceIp(text) => bits.add(Kind::SourceIp, text),
            }
        }
        bits
    }

    /// Whether an event of these bits may have what is wanted. If not, it has not.
    pub(crate) fn may_have(self, wanted: Self) -> bool {
        self.0 & wanted.0 == wanted.0
    }

    fn add(&mut self, kind: Kind, text: &str) {
        let hash = crc32c::crc32c_append(kind as u32, text.as_bytes());
        self.0 |= 1 << (hash & 127) | 1 << (hash >> 7 & 127);
    }
}

fn truth(read_only: bool) -> &'static str {
    if read_only { "true" } else { "false" }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index(record: &str) -> LookupIndex {
        LookupIndex::derive(record.as_bytes()).expect("a record")
    }

    fn record(name: &str, key: &str, bucket: &str) -> String {
        format!(
            r#"{{"eventTime":"2026-11-23T10:00:00Z","eventID":"id-of-{name}","eventName":"{name}","eventSource":"s3.amazonaws.com",
            "readOnly":false,"sourceIPAddress":"192.0.2.7","userIdentity":{{"type":"IAMUser","userName":"{name}-user","accessKeyId":"{key}"}},
            "requestParameters":{{"bucketName":"{bucket}"}},
            "resources":[{{"type":"AWS::S3::Bucket","ARN":"arn:aws:s3:::{bucket}"}}]}}"#
        )
    }

    #[test]
    fn an_event_may_have_each_of_its_values_alone_and_all_together() {
        let index = index(&record("PutBucketPolicy", "AKIAIOSFODNN7EXAMPLE", "logs"));
        let mut all = vec![
            AttributeFilter::EventId("id-of-PutBucketPolicy".to_owned()),
            AttributeFilter::EventName("PutBucketPolicy".to_owned()),
            AttributeFilter::ReadOnly(false),
            AttributeFilter::Username("PutBucketPolicy-user".to_owned()),
            AttributeFilter::EventSource("s3.amazonaws.com".to_owned()),
            AttributeFilter::AccessKeyId("AKIAIOSFODNN7EXAMPLE".to_owned()),
            AttributeFilter::SourceIp("192.0.2.7".to_owned()),
        ];
        for resource in &index.resources {
            all.push(AttributeFilter::ResourceName(resource.resource_name.to_string()));
            all.extend(resource.resource_type.as_ref().map(|kind| AttributeFilter::ResourceType(kind.to_string())));
        }
        assert!(all.len() > 8, "{all:?}");
        let bits = FactBits::of_event(&index);
        for attribute in &all {
            assert!(attribute.fits(&index), "{attribute:?}");
            assert!(bits.may_have(FactBits::wanted(std::slice::from_ref(attribute))), "{attribute:?}");
        }
        assert!(bits.may_have(FactBits::wanted(&all)));
        assert!(bits.may_have(FactBits::wanted(&[])));
    }

    #[test]
    fn few_events_may_have_what_they_have_not() {
        let bits: Vec<FactBits> = (0..1000)
            .map(|number| {
                FactBits::of_event(&index(&record(&format!("Name{number}"), &format!("AKIA{number:016}"), "logs")))
            })
            .collect();
        let may_have = |wanted: &[AttributeFilter]| {
            let wanted = FactBits::wanted(wanted);
            bits.iter().filter(|bits| bits.may_have(wanted)).count()
        };
        let mut taken = 0;
        for number in 0..100 {
            taken += may_have(&[AttributeFilter::Username(format!("nobody-{number}"))]);
        }
        assert!(taken < 100 * 1000 / 20, "{taken} of 100,000");
        assert!((1..50).contains(&may_have(&[AttributeFilter::EventName("Name7".to_owned())])));
        assert_eq!(may_have(&[AttributeFilter::ReadOnly(false)]), 1000);
    }
}
