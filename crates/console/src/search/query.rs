//! A search as the query of a URL: the same members as in JSON, patterns of event names repeated.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::{Order, SearchError, SearchRequest};

/// Everything but the characters that never need encoding (RFC 3986, unreserved).
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

impl SearchRequest {
    /// Reads a query, without its `?`.
    ///
    /// # Errors
    /// [`SearchError::Query`]: a name that no member has, a member twice, bad encoding, or a value of the wrong type.
    pub fn from_query(query: &str) -> Result<Self, SearchError> {
        let mut request = Self::default();
        let mut seen = Vec::new();
        // A presigned URL carries its signature among the members.
        let pairs = query.split('&').filter(|pair| !pair.is_empty() && !pair.starts_with("X-Amz-"));
        for pair in pairs {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (name, value) = (decode(name)?, decode(value)?);
            if name != "eventName" && seen.contains(&name) {
                return Err(SearchError::Query(format!("{name} is given twice")));
            }
            request.set(&name, value)?;
            seen.push(name);
        }
        Ok(request)
    }

    fn set(&mut self, name: &str, value: String) -> Result<(), SearchError> {
        let text = match name {
            "eventName" => {
                self.event_name.push(value);
                return Ok(());
            }
            "readOnly" => {
                self.read_only = Some(boolean(name, &value)?);
                return Ok(());
            }
            "denied" => {
                self.denied = boolean(name, &value)?;
                return Ok(());
            }
            "limit" => {
                self.limit = Some(value.parse().map_err(|_| SearchError::Limit)?);
                return Ok(());
            }
            "order" => {
                self.order = Some(order(&value)?);
                return Ok(());
            }
            "query" => &mut self.query,
            "eventSource" => &mut self.event_source,
            "userName" => &mut self.user_name,
            "resourceName" => &mut self.resource_name,
            "resourceType" => &mut self.resource_type,
            "accessKeyId" => &mut self.access_key_id,
            "eventId" => &mut self.event_id,
            "errorCode" => &mut self.error_code,
            "sourceIp" => &mut self.source_ip,
            "region" => &mut self.region,
            "account" => &mut self.account,
            "category" => &mut self.category,
            "since" => &mut self.since,
            "until" => &mut self.until,
            "cursor" => &mut self.cursor,
            _ => return Err(SearchError::Query(format!("there is no filter '{}'", model::limits::cut(name, 64)))),
        };
        *text = Some(value);
        Ok(())
    }

    /// The query, without its `?`; [`SearchRequest::from_query`] reads it back.
    pub fn to_query(&self) -> String {
        let mut pairs: Vec<(&str, &str)> = self.event_name.iter().map(|name| ("eventName", name.as_str())).collect();
        let texts = [
            ("query", &self.query),
            ("eventSource", &self.event_source),
            ("userName", &self.user_name),
            ("resourceName", &self.resource_name),
            ("resourceType", &self.resource_type),
            ("accessKeyId", &self.access_key_id),
            ("eventId", &self.event_id),
            ("errorCode", &self.error_code),
            ("sourceIp", &self.source_ip),
            ("region", &self.region),
            ("account", &self.account),
            ("category", &self.category),
            ("since", &self.since),
            ("until", &self.until),
            ("cursor", &self.cursor),
        ];
        pairs.extend(texts.into_iter().filter_map(|(name, value)| Some((name, value.as_deref()?))));
        let limit = self.limit.map(|limit| limit.to_string());
        pairs.extend(limit.as_deref().map(|limit| ("limit", limit)));
        pairs.extend(self.read_only.map(|read_only| ("readOnly", if read_only { "true" } else { "false" })));
        pairs.extend(self.denied.then_some(("denied", "true")));
        pairs.extend(self.order.map(|order| ("order", order.as_str())));
        let pairs = pairs.into_iter().map(|(name, value)| format!("{name}={}", utf8_percent_encode(value, ENCODED)));
        pairs.collect::<Vec<_>>().join("&")
    }
}

fn decode(text: &str) -> Result<String, SearchError> {
    let text = text.replace('+', " ");
    let decoded = percent_decode_str(&text).decode_utf8();
    decoded.map(|text| text.into_owned()).map_err(|_| SearchError::Query("a filter is not UTF-8".to_owned()))
}

fn boolean(name: &str, value: &str) -> Result<bool, SearchError> {
    value.parse().map_err(|_| SearchError::Query(format!("{name} must be true or false")))
}

fn order(value: &str) -> Result<Order, SearchError> {
    [Order::NewestFirst, Order::OldestFirst]
        .into_iter()
        .find(|order| order.as_str() == value)
        .ok_or_else(|| SearchError::Query("order must be newestFirst or oldestFirst".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_request_comes_back() {
        let text = |text: &str| Some(text.to_owned());
        let request = SearchRequest {
            query: Some("eventName=A,B !\"x y\"".to_owned()),
            event_name: vec!["Put*".to_owned(), "a&b=c d+é".to_owned()],
            event_source: text("iam"),
            user_name: text("ana"),
            resource_name: text("arn:aws:s3:::b/*"),
            resource_type: text("AWS::S3::Bucket"),
            access_key_id: text("AKIA"),
            event_id: text("e"),
            read_only: Some(false),
            error_code: text("any"),
            denied: true,
            source_ip: text("::1"),
            region: text("us-east-1"),
            account: text("111122223333"),
            category: text("Data"),
            since: text("90d"),
            until: text("2025-03-01T12:00:05+01:00"),
            limit: Some(7),
            cursor: text("c"),
            order: Some(Order::OldestFirst),
        };
        assert_eq!(SearchRequest::from_query(&request.to_query()), Ok(request.clone()));
        let json = serde_json::to_string(&request).expect("json");
        assert_eq!(serde_json::from_str::<SearchRequest>(&json).expect("read back"), request);
    }

    #[test]
    fn other_queries_are_refused() {
        for query in ["colour=red", "userName=a&userName=b", "readOnly=yes", "limit=x", "order=up", "userName=%FF"] {
            assert!(SearchRequest::from_query(query).is_err(), "{query}");
        }
        assert_eq!(SearchRequest::from_query("&X-Amz-Signature=00"), Ok(SearchRequest::default()));
    }
}
