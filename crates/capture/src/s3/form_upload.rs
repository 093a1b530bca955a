//! The key of the object that a browser uploads with a form: a field before the file.
//!
//! Source: "POST Object" of the S3 API reference. The file is the last field that counts, the fields before it take 20 KB
//! at most, and `${filename}` in the key stands for the name of the file.

use http::HeaderMap;
use http::header::CONTENT_TYPE;

/// Bytes of a form that hold its fields and the head of its file: the 20 KB that S3 allows, and what divides them.
pub const FORM_FIELDS_BYTES_MAX: usize = 24 * 1024;

/// The key that a form gives its object, as far as `body`, the form or its beginning, tells.
pub(crate) fn key_of_form(headers: &HeaderMap, body: &[u8]) -> Option<String> {
    let boundary = boundary(headers.get(CONTENT_TYPE)?.to_str().ok()?)?;
    let delimiter = format!("--{boundary}");
    let mut key = None;
    let mut rest = after(body, delimiter.as_bytes())?;
    loop {
        let part = rest.strip_prefix(b"\r\n")?;
        let head_end = find(part, b"\r\n\r\n")?;
        let head = String::from_utf8_lossy(&part[..head_end]);
        let content = &part[head_end + 4..];
        let (name, filename) = names(&head)?;
        if name.eq_ignore_ascii_case("file") {
            let filename = filename.unwrap_or_default();
            let filename = filename.rsplit(['/', '\\']).next().unwrap_or_default().to_owned();
            return key.map(|key: String| key.replace("${filename}", &filename));
        }
        let end = find(content, format!("\r\n{delimiter}").as_bytes())?;
        if key.is_none() && name.eq_ignore_ascii_case("key") {
            key = Some(String::from_utf8_lossy(&content[..end]).into_owned());
        }
        rest = &content[end + 2 + delimiter.len()..];
        if rest.starts_with(b"--") {
            return key;
        }
    }
}

/// The boundary that a content type names.
fn boundary(content_type: &str) -> Option<String> {
    parameters(content_type).find(|(name, _)| name.eq_ignore_ascii_case("boundary")).map(|(_, value)| value)
}

/// Name of a field, and of its file.
fn names(head: &str) -> Option<(String, Option<String>)> {
    let line = head.split("\r\n").find(|line| {
        let name = line.split(':').next().unwrap_or_default();
        name.eq_ignore_ascii_case("content-disposition")
    })?;
    let of =
        |wanted: &str| parameters(line).find(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| value);
    Some((of("name")?, of("filename")))
}

/// The parameters of a header: `; name=value` and `; name="value"`. Browsers escape a quote as `%22`, so that the next
/// quote ends a value.
fn parameters(header: &str) -> impl Iterator<Item = (&str, String)> {
    let mut rest = header.split_once(';').map(|(_, rest)| rest);
    std::iter::from_fn(move || {
        let (name, value) = rest?.split_once('=')?;
        let (value, after) = match value.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"')?,
            None => value.split_at(value.find(';').unwrap_or(value.len())),
        };
        rest = after.split_once(';').map(|(_, rest)| rest);
        Some((name.trim(), value.trim().replace("%22", "\"")))
    })
}

fn after<'a>(bytes: &'a [u8], needle: &[u8]) -> Option<&'a [u8]> {
    find(bytes, needle).map(|at| &bytes[at + needle.len()..])
}

fn find(bytes: &[u8], needle: &[u8]) -> Option<usize> {
    bytes.windows(needle.len()).position(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_form_gets_an_answer(content_type in "[ -~]{0,60}", body: Vec<u8>, form in "(--b|\r\n|[a-z:;=\" ]){0,30}") {
            for text in [content_type.as_str(), "multipart/form-data; boundary=b", "a; boundary="] {
                let mut headers = HeaderMap::new();
                headers.insert(CONTENT_TYPE, HeaderValue::from_str(text).expect("printable"));
                let _ = key_of_form(&headers, &body);
                let _ = key_of_form(&headers, form.as_bytes());
            }
        }
    }

    fn check(content_type: &'static str, body: &str, expected: Option<&str>) {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        assert_eq!(key_of_form(&headers, body.as_bytes()).as_deref(), expected, "{body}");
    }

    fn part(disposition: &str, content: &str) -> String {
        format!("--b\r\nContent-Disposition: form-data; {disposition}\r\n\r\n{content}\r\n")
    }

    #[test]
    fn keys_stand_before_the_file() {
        const TYPE: &str = "multipart/form-data; boundary=b";
        let key = part("name=\"key\"", "up/ü.txt");
        let acl = part("name=\"acl\"", "private");
        let file = part("name=\"file\"; filename=\"C:\\dir\\f.txt\"", "--b is no end");
        check(TYPE, &format!("{acl}{key}{file}--b--\r\n"), Some("up/ü.txt"));
        check("Multipart/Form-Data; Boundary=\"b\"", &format!("{key}{file}--b--\r\n"), Some("up/ü.txt"));
        check(TYPE, &format!("{key}{acl}--b--\r\n"), Some("up/ü.txt"));
        let named = part("NAME=\"Key\"", "up/${filename}");
        check(TYPE, &format!("{named}{file}"), Some("up/f.txt"));
        let quoted = part("name=\"file\"; filename=\"a%22;b.txt\"", "x");
        check(TYPE, &format!("{named}{quoted}"), Some("up/a\";b.txt"));
        // The beginning of a form.
        let whole = format!("{named}{file}{}", "x".repeat(100));
        check(TYPE, &whole[..whole.len() - 90], Some("up/f.txt"));
        check(TYPE, &whole[..named.len() - 3], None);
        // What stands after the file does not count.
        check(TYPE, &format!("{file}{key}--b--\r\n"), None);
        // No form at all.
        check(TYPE, "", None);
        check(TYPE, "--b", None);
        check(TYPE, "--b\r\n\r\n\r\n", None);
        check("multipart/form-data", &format!("{key}{file}"), None);
        check("multipart/form-data; boundary=\"b", &format!("{key}{file}"), None);
    }
}
