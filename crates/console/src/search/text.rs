//! A search as one line of text: `eventName=PutBucketPolicy userName!=ci-* "0.0.0.0/0"`.
//!
//! ```text
//! query = term*                          all must fit
//! term  = field "=" values               any of the values, in any resource where the field is of resources
//!       | field "!=" values              none of them
//!       | word | "!" word                the record's text has the word, or has it not
//! values= word ("," word)*               "*" in a value stands for any characters
//! word  = characters without whitespace, comma and quote | '"' characters with \" and \\ '"'
//! ```
//!
//! What looks like a term of another grammar (`a.b=c`, `eventTime>2025-03-01`, `userName:x`, `a = b`, `-a=b`, `OR`) is
//! refused with what to write instead: taken as a text it would find nothing, and say that nothing happened. In quotes
//! it is a text.

use model::{LookupIndex, Text};

use super::SearchError;
use super::pattern::Pattern;

/// Most terms of one query.
pub const TERMS_MAX: usize = 50;

/// A part of a query, which an event must fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Term {
    /// Whether the event must not fit the rest.
    pub is_not: bool,
    /// What is looked at.
    pub test: Test,
}

/// What a term looks at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Test {
    /// A field has one of these values.
    Field(Field, Vec<Value>),
    /// The record's text has this in it. Case counts.
    Text(String),
}

/// A value of a term.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// The same text.
    Exact(String),
    /// A text that fits a pattern with `*`.
    Pattern(Pattern),
}

/// A field that can be searched by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// `eventName`.
    EventName,
    /// `eventSource`.
    EventSource,
    /// Name of the caller.
    UserName,
    /// Name, id or ARN of a resource.
    ResourceName,
    /// Type of a resource.
    ResourceType,
    /// Access key of the caller.
    AccessKeyId,
    /// `eventID`.
    EventId,
    /// `readOnly`.
    ReadOnly,
    /// `errorCode`; no text where the call did not fail.
    ErrorCode,
    /// `sourceIPAddress`.
    SourceIp,
    /// `awsRegion`.
    Region,
    /// Account of the record.
    Account,
    /// `eventCategory`.
    Category,
}

/// Names of the fields, in any case: ours, and those of the record where they differ.
const FIELDS: [(&str, Field); 19] = [
    ("eventName", Field::EventName),
    ("eventSource", Field::EventSource),
    ("userName", Field::UserName),
    ("user", Field::UserName),
    ("resourceName", Field::ResourceName),
    ("resource", Field::ResourceName),
    ("resourceType", Field::ResourceType),
    ("accessKeyId", Field::AccessKeyId),
    ("eventId", Field::EventId),
    ("readOnly", Field::ReadOnly),
    ("errorCode", Field::ErrorCode),
    ("sourceIp", Field::SourceIp),
    ("sourceIPAddress", Field::SourceIp),
    ("region", Field::Region),
    ("awsRegion", Field::Region),
    ("account", Field::Account),
    ("recipientAccountId", Field::Account),
    ("category", Field::Category),
    ("eventCategory", Field::Category),
];

/// Reads a query.
///
/// # Errors
/// A field that there is not, a value that is missing, a quote that does not end, or too many terms.
pub fn parse(text: &str) -> Result<Vec<Term>, SearchError> {
    let mut reader = Reader { rest: text };
    let mut terms = Vec::new();
    while let Some(term) = reader.term()? {
        if terms.len() == TERMS_MAX {
            return Err(problem(format!("a query has at most {TERMS_MAX} terms")));
        }
        terms.push(term);
    }
    Ok(terms)
}

fn problem(what: impl Into<String>) -> SearchError {
    SearchError::Query(what.into())
}

struct Reader<'a> {
    rest: &'a str,
}

impl Reader<'_> {
    fn term(&mut self) -> Result<Option<Term>, SearchError> {
        self.rest = self.rest.trim_start();
        if self.rest.is_empty() {
            return Ok(None);
        }
        if let Some((name, is_not, rest)) = field_part(self.rest) {
            let field = field(name)?;
            self.rest = rest;
            let mut values = vec![self.value(name, field)?];
            while let Some(rest) = self.rest.strip_prefix(',') {
                self.rest = rest;
                values.push(self.value(name, field)?);
            }
            return Ok(Some(Term { is_not, test: Test::Field(field, values) }));
        }
        let is_not = self.rest.starts_with('!');
        self.rest = &self.rest[usize::from(is_not)..];
        if let Some((name, _, _)) = field_part(self.rest).filter(|_| is_not) {
            field(name)?;
            return Err(problem(format!("write {name}!=value, with the ! in front of the =")));
        }
        let (word, is_quoted) = self.word(false)?;
        if word.is_empty() {
            return Err(problem("a word is missing: quote a text with blanks or commas in it, as in \"a b\""));
        }
        if !is_quoted {
            check_is_text(&word)?;
        }
        Ok(Some(Term { is_not, test: Test::Text(word) }))
    }

    fn value(&mut self, name: &str, field: Field) -> Result<Value, SearchError> {
        let (word, is_quoted) = self.word(true)?;
        if word.is_empty() && !is_quoted {
            return Err(problem(format!("{name} has no value: write {name}=VALUE, without blanks around the =")));
        }
        if !is_quoted {
            check_is_value(name, &word)?;
        }
        if word.contains('*') && !is_quoted {
            let word = if field == Field::EventSource { super::full_event_source(word) } else { word };
            return Ok(Value::Pattern(Pattern::new(&word)));
        }
        field.exact_value(name, word).map(Value::Exact)
    }

    /// A word, and whether it was quoted.
    fn word(&mut self, ends_at_comma: bool) -> Result<(String, bool), SearchError> {
        let Some(quoted) = self.rest.strip_prefix('"') else {
            let is_end = |character: char| character.is_whitespace() || (ends_at_comma && character == ',');
            let end = self.rest.find(is_end).unwrap_or(self.rest.len());
            let (word, rest) = self.rest.split_at(end);
            self.rest = rest;
            return Ok((word.to_owned(), false));
        };
        let mut word = String::new();
        let mut characters = quoted.char_indices();
        while let Some((at, character)) = characters.next() {
            match character {
                '"' => {
                    self.rest = &quoted[at + 1..];
                    return Ok((word, true));
                }
                '\\' => match characters.next() {
                    Some((_, escaped @ ('"' | '\\'))) => word.push(escaped),
                    Some((_, other)) => word.extend(['\\', other]),
                    None => break,
                },
                other => word.push(other),
            }
        }
        Err(problem("a quote is not closed"))
    }
}

/// Name of the field, whether it is denied, and what is behind, if the text begins with `name=` or `name!=`.
fn field_part(text: &str) -> Option<(&str, bool, &str)> {
    let end = text.find(|character: char| !character.is_ascii_alphanumeric()).filter(|end| *end > 0)?;
    let (name, rest) = text.split_at(end);
    match rest.strip_prefix("!=") {
        Some(rest) => Some((name, true, rest)),
        None => rest.strip_prefix('=').map(|rest| (name, false, rest)),
    }
}

fn field(name: &str) -> Result<Field, SearchError> {
    let known = FIELDS.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, field)| *field);
    known.ok_or_else(|| no_field(name))
}

fn no_field(name: &str) -> SearchError {
    let names: Vec<&str> = FIELDS.iter().map(|(known, _)| *known).collect();
    problem(format!(
        "there is no field '{}': there are {}; put a text that has = in it in quotes",
        model::limits::cut(name, 64),
        names.join(", ")
    ))
}

/// Refuses a value that was written as other grammars have it.
fn check_is_value(name: &str, word: &str) -> Result<(), SearchError> {
    if word.starts_with(['=', '~']) {
        return Err(problem(format!("write {name}=VALUE with nothing but =; * in VALUE stands for any characters")));
    }
    if word.starts_with('\'') {
        return Err(problem(format!("quotes are double ones: write {name}=\"VALUE\"")));
    }
    Ok(())
}

/// Refuses a word that was meant as something else.
fn check_is_text(word: &str) -> Result<(), SearchError> {
    match word.to_ascii_lowercase().as_str() {
        "and" | "&&" | "&" => {
            return Err(problem(format!(
                "terms are joined as they stand: leave {word} out, or put it in quotes to look for it"
            )));
        }
        "or" | "||" | "|" => {
            return Err(problem(format!(
                "there is no {word}: write the values of a field with commas, as in eventName=a,b; put {word} in quotes \
                 to look for it"
            )));
        }
        "not" => {
            return Err(problem(format!(
                "write field!=value or !text for what must not be there; put {word} in quotes to look for it"
            )));
        }
        _ => {}
    }
    if word.starts_with('*') {
        return Err(problem(
            "* stands for any characters in values alone: a text is found anywhere in the record without it; put it in \
             quotes to look for it",
        ));
    }
    if word.starts_with('=') {
        return Err(problem(
            "write field=value without blanks around the =; put what begins with = in quotes to look for it",
        ));
    }
    let is_of_name = |character: char| character.is_ascii_alphanumeric() || matches!(character, '.' | '_' | '[' | ']');
    let sign = word.find(|character| !matches!(character, '-' | '+' | '(')).unwrap_or(word.len());
    let (sign, signed) = word.split_at(sign);
    let end = signed.find(|character| !is_of_name(character)).unwrap_or(signed.len());
    let (name, rest) = signed.split_at(end);
    let is_field = field(name).is_ok();
    let is_compared = rest.starts_with(['=', ':', '~']) || rest.starts_with("!=");
    if !sign.is_empty() {
        return match is_field && is_compared {
            true => Err(problem(format!(
                "'{sign}' has no meaning in front of {name}: terms must all fit, and what must not be there is \
                 {name}!=value; put '{}' in quotes to look for it",
                model::limits::cut(word, 64)
            ))),
            false => Ok(()),
        };
    }
    if !name.starts_with(|character: char| character.is_ascii_alphabetic()) {
        return Ok(());
    }
    if rest.starts_with(['<', '>']) {
        return Err(problem(format!(
            "values are not compared by < and >: times have --since and --until; put '{}' in quotes to look for it",
            model::limits::cut(word, 64)
        )));
    }
    // Only behind a field's name: a text such as s3:PutObject or arn:aws:iam is one that records have.
    if is_field && rest.starts_with([':', '~']) {
        return Err(problem(format!(
            "write {name}=VALUE; put '{}' in quotes to look for it",
            model::limits::cut(word, 64)
        )));
    }
    if rest.starts_with('=') || rest.starts_with("!=") {
        return Err(no_field(name));
    }
    Ok(())
}

impl Term {
    /// Whether an event fits, with its record's text.
    pub fn fits(&self, index: &LookupIndex, record: &[u8]) -> bool {
        let fits = match &self.test {
            Test::Field(field, values) => values.iter().any(|value| field.has(index, value)),
            Test::Text(text) => memchr::memmem::find(record, text.as_bytes()).is_some(),
        };
        fits != self.is_not
    }

    /// What the term asks about, unless it is a single event.
    pub(crate) fn owner(&self) -> Option<FieldOwner> {
        match &self.test {
            Test::Field(field, _) => field.owner(),
            Test::Text(_) => None,
        }
    }

    /// The text that the record must have, where the term says that.
    pub fn text(&self) -> Option<&str> {
        match &self.test {
            Test::Text(text) if !self.is_not => Some(text),
            _ => None,
        }
    }

    /// The field and the one value that an event must have to fit, where the term says that.
    pub fn exact(&self) -> Option<(Field, &str)> {
        match &self.test {
            Test::Field(field, values) if !self.is_not => match &values[..] {
                [Value::Exact(text)] => Some((*field, text)),
                _ => None,
            },
            _ => None,
        }
    }
}

/// What has a field in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FieldOwner {
    /// All events of one kind in one place.
    Kind,
    /// All events of one caller.
    Caller,
}

impl Value {
    fn fits(&self, text: &str) -> bool {
        match self {
            Self::Exact(exact) => exact == text,
            Self::Pattern(pattern) => pattern.fits(text),
        }
    }
}

impl Field {
    fn owner(self) -> Option<FieldOwner> {
        match self {
            Self::EventName
            | Self::EventSource
            | Self::ReadOnly
            | Self::ErrorCode
            | Self::Region
            | Self::Account
            | Self::Category => Some(FieldOwner::Kind),
            Self::UserName | Self::AccessKeyId => Some(FieldOwner::Caller),
            Self::ResourceName | Self::ResourceType | Self::EventId | Self::SourceIp => None,
        }
    }

    /// A value as the field has it; an error where it can have none of the kind, as that would find nothing.
    fn exact_value(self, name: &str, word: String) -> Result<String, SearchError> {
        match self {
            // A service may be named without its domain, as in `opentrail events --event-source iam`.
            Self::EventSource => Ok(super::full_event_source(word)),
            Self::ReadOnly if ["true", "false"].iter().any(|truth| word.eq_ignore_ascii_case(truth)) => {
                Ok(word.to_ascii_lowercase())
            }
            Self::ReadOnly => Err(problem(format!("{name} is true or false, not '{}'", model::limits::cut(&word, 64)))),
            Self::Category => Ok(super::parse_category(word)?.as_str().to_owned()),
            Self::SourceIp if word.contains('/') => Err(problem(format!(
                "{name} takes addresses and no ranges: write the part that they share and *, as in {name}=192.0.2.*"
            ))),
            _ => Ok(word),
        }
    }

    fn has(self, index: &LookupIndex, value: &Value) -> bool {
        let optional = |text: &Option<Text>| text.as_deref().is_some_and(|text| value.fits(text));
        match self {
            Self::EventName => value.fits(&index.event_name),
            Self::EventSource => value.fits(&index.event_source),
            Self::UserName => optional(&index.username),
            Self::ResourceName => index.resources.iter().any(|found| value.fits(&found.resource_name)),
            Self::ResourceType => index.resources.iter().any(|found| optional(&found.resource_type)),
            Self::AccessKeyId => optional(&index.access_key_id),
            Self::EventId => value.fits(&index.event_id),
            Self::ReadOnly => index.read_only.is_some_and(|truth| value.fits(if truth { "true" } else { "false" })),
            Self::ErrorCode => optional(&index.error_code),
            Self::SourceIp => optional(&index.source_ip),
            Self::Region => optional(&index.region),
            Self::Account => optional(&index.account),
            Self::Category => value.fits(index.category.as_str()),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const RECORD: &str = r#"{"eventTime":"2025-03-01T12:00:05Z","eventID":"e-1","eventName":"PutBucketPolicy",
        "eventSource":"s3.amazonaws.com","awsRegion":"us-east-1","sourceIPAddress":"192.0.2.1","readOnly":false,
        "userIdentity":{"type":"IAMUser","userName":"ci-7","accessKeyId":"AKIA1"},"recipientAccountId":"111122223333",
        "requestParameters":{"bucketName":"b","policy":"{\"cidr\":\"0.0.0.0/0\"}"},"errorCode":"AccessDenied"}"#;

    #[track_caller]
    fn check(query: &str, fits: bool) {
        let index = LookupIndex::derive(RECORD.as_bytes()).expect("a record");
        let terms = parse(query).expect(query);
        assert_eq!(terms.iter().all(|term| term.fits(&index, RECORD.as_bytes())), fits, "{query}");
    }

    #[test]
    fn terms_decide() {
        for (query, fits) in [
            ("", true),
            ("eventName=PutBucketPolicy userName!=ci-* \"0.0.0.0/0\"", false),
            ("eventName=PutBucketPolicy userName=ci-* \"0.0.0.0/0\"", true),
            ("eventname=Get*,Put* errorCode=AccessDenied", true),
            ("eventSource=s3", true),
            ("eventSource!=s3", false),
            ("resourceName=b resourceType=AWS::S3::*", true),
            ("resource!=b", false),
            ("readOnly=false region=us-east-1 account=111122223333 category=Management", true),
            ("sourceIp=192.0.2.*", true),
            ("sourceIp=\"192.0.2.*\"", false),
            ("0.0.0.0/0 !203.0.113", true),
            ("!0.0.0.0/0", false),
            (r#""cidr\\\"""#, true),
            ("accessKeyId!=AKIA1,AKIA2", false),
            ("readOnly=False category=management", true),
            ("\"AND\"", false),
            ("!s3:PutObject !arn:aws:iam !-9", true),
            ("errorCode=Access*", true),
            ("userName=\"'ci-7'\"", false),
            ("!\"userName:ci-7\" !\"= a\" !\"not\" !\"*\"", true),
            ("\"policy\\\":\\\"{\"", true),
            ("eventId=e-2", false),
        ] {
            check(query, fits);
        }
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for (query, part) in [
            ("eventNam=x", "there is no field 'eventNam'"),
            ("eventName=", "eventName has no value"),
            ("eventName=a, b", "eventName has no value"),
            ("\"open", "a quote is not closed"),
            ("!", "a word is missing"),
            ("requestParameters.bucketName=b", "there is no field 'requestParameters.bucketName'"),
            ("tags[0].key!=b", "there is no field 'tags[0].key'"),
            ("eventTime>2025-03-01", "--since"),
            ("eventTime<=2025-03-01", "--since"),
            ("readOnly=maybe", "readOnly is true or false, not 'maybe'"),
            ("category=Managment", "'Managment' is not an event category"),
            ("sourceIp=192.0.2.0/24", "sourceIp=192.0.2.*"),
            ("eventName=a OR eventName=b", "write the values of a field with commas"),
            ("eventName=a AND userName=b", "leave AND out"),
            ("NOT eventName=a", "write field!=value"),
            ("eventName=a or eventName=b", "write the values of a field with commas"),
            ("eventName=a && userName=b", "leave && out"),
            ("eventName = a", "without blanks around the ="),
            ("userName != a", "without blanks around the ="),
            ("eventName= a", "without blanks around the ="),
            ("eventName==a", "nothing but ="),
            ("eventName=~Get.*", "nothing but ="),
            ("username:ci-7", "write username=VALUE"),
            ("eventName~Get", "write eventName=VALUE"),
            ("userName='ci 7'", "quotes are double ones"),
            ("!eventName=a", "write eventName!=value"),
            ("!eventNam=a", "there is no field 'eventNam'"),
            ("-userName=a", "'-' has no meaning in front of userName"),
            ("(eventName=a", "'(' has no meaning in front of eventName"),
            ("*Policy*", "found anywhere in the record"),
            ("*", "found anywhere in the record"),
        ] {
            let error = parse(query).expect_err(query).to_string();
            assert!(error.contains(part), "{query}: {error}");
        }
    }

    proptest! {
        #[test]
        fn any_text_gets_an_answer(text: String, words in "[a-zA-Z=!,\"*\\\\ ]{0,40}") {
            let _ = parse(&text);
            let _ = parse(&words);
        }
    }
}
