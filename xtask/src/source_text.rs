//! Rust source reduced to what is compiled into the product: no comments, no literals, no test modules.
//!
//! This is a scanner of a few token kinds, not a parser. It needs to be right about one thing only: a word that it
//! keeps is a word that the compiler sees outside of tests.

/// Blanks comments and the contents of string and character literals. Line numbers stay what they were.
pub(crate) fn without_comments_and_literals(source: &str) -> String {
    let bytes = source.as_bytes();
    let mut kept = bytes.to_vec();
    let mut at = 0;
    while at < bytes.len() {
        let end = literal_or_comment_end(bytes, at);
        match end {
            Some(end) => {
                for byte in kept[at..end].iter_mut().filter(|byte| **byte != b'\n') {
                    *byte = b' ';
                }
                at = end;
            }
            None => at += 1,
        }
    }
    String::from_utf8_lossy(&kept).into_owned()
}

/// Cuts every inline module behind `#[cfg(test)]` out of text that has no comments and literals any more.
pub(crate) fn without_test_modules(code: &str) -> String {
    const MARK: &str = "#[cfg(test)]";
    let mut kept = code.to_owned();
    let mut from = 0;
    while let Some(found) = kept[from..].find(MARK).map(|offset| from + offset) {
        let after = found + MARK.len();
        let Some(open) = kept[after..].find(['{', ';']).map(|offset| after + offset) else { break };
        let end = if kept.as_bytes()[open] == b'{' { matching_brace(kept.as_bytes(), open) } else { open + 1 };
        let blank: String = kept[found..end].chars().map(|c| if c == '\n' { '\n' } else { ' ' }).collect();
        kept.replace_range(found..end, &blank);
        from = found + blank.len();
    }
    kept
}

/// Paths, without `.rs`, of the modules that this file declares behind `#[cfg(test)]` and keeps in files of their own.
pub(crate) fn test_module_files(path: &str, source: &str) -> Vec<String> {
    let code = without_comments_and_literals(source);
    let (folder, file) = path.rsplit_once('/').unwrap_or(("", path));
    let stem = file.trim_end_matches(".rs");
    let folder = if matches!(stem, "lib" | "main" | "mod") { folder.to_owned() } else { format!("{folder}/{stem}") };
    code.split("#[cfg(test)]")
        .skip(1)
        .filter_map(|rest| rest.trim_start().trim_start_matches("pub(crate) ").strip_prefix("mod "))
        .filter_map(|rest| rest.split_once([';', '{']).map(|(name, _)| (name, &rest[name.len()..])))
        .filter(|(_, rest)| rest.starts_with(';'))
        .map(|(name, _)| format!("{folder}/{}", name.trim()))
        .collect()
}

/// Where the comment or literal that starts at `at` ends; `None` when none starts there.
fn literal_or_comment_end(bytes: &[u8], at: usize) -> Option<usize> {
    let rest = &bytes[at..];
    let previous_is_word = at > 0 && (bytes[at - 1].is_ascii_alphanumeric() || bytes[at - 1] == b'_');
    match rest {
        [b'/', b'/', ..] => Some(at + rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len())),
        [b'/', b'*', ..] => Some(block_comment_end(bytes, at)),
        [b'"', ..] => Some(string_end(bytes, at + 1)),
        [b'r', b'"' | b'#', ..] if !previous_is_word => raw_string_end(bytes, at + 1),
        [b'b', b'r', b'"' | b'#', ..] if !previous_is_word => raw_string_end(bytes, at + 2),
        [b'\'', b'\\', ..] => rest.iter().skip(3).position(|byte| *byte == b'\'').map(|offset| at + 3 + offset + 1),
        [b'\'', _, b'\'', ..] => Some(at + 3),
        _ => None,
    }
}

fn block_comment_end(bytes: &[u8], start: usize) -> usize {
    let mut depth = 0;
    let mut at = start;
    while at < bytes.len() {
        match &bytes[at..] {
            [b'/', b'*', ..] => {
                depth += 1;
                at += 2;
            }
            [b'*', b'/', ..] => {
                depth -= 1;
                at += 2;
                if depth == 0 {
                    return at;
                }
            }
            _ => at += 1,
        }
    }
    bytes.len()
}

fn string_end(bytes: &[u8], mut at: usize) -> usize {
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

fn raw_string_end(bytes: &[u8], hashes_at: usize) -> Option<usize> {
    let hashes = bytes[hashes_at..].iter().take_while(|byte| **byte == b'#').count();
    let open = hashes_at + hashes;
    if bytes.get(open) != Some(&b'"') {
        return None; // A raw identifier such as r#type.
    }
    let mut close = vec![b'"'];
    close.extend(std::iter::repeat_n(b'#', hashes));
    let length = bytes[open + 1..].windows(close.len()).position(|window| window == close);
    Some(length.map_or(bytes.len(), |offset| open + 1 + offset + close.len()))
}

fn matching_brace(bytes: &[u8], open: usize) -> usize {
    let mut depth = 0;
    for (offset, byte) in bytes[open..].iter().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' => {
                depth -= 1;
                if depth == 0 {
                    return open + offset + 1;
                }
            }
            _ => {}
        }
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(source: &str, kept: &[&str], gone: &[&str]) {
        let code = without_test_modules(&without_comments_and_literals(source));
        for word in kept {
            assert!(code.contains(word), "{word} is missing in {code:?}");
        }
        for word in gone {
            assert!(!code.contains(word), "{word} is left in {code:?}");
        }
        assert_eq!(code.lines().count(), source.lines().count());
    }

    #[test]
    fn comments_and_literals_go_and_code_stays() {
        check("// alpha\nbeta /* gamma /* delta */ */ epsilon", &["beta", "epsilon"], &["alpha", "gamma", "delta"]);
        check(r##"let a = "alpha \" beta"; gamma(r#"del"ta"#, b"eps")"##, &["gamma"], &["alpha", "beta", "ta", "eps"]);
        check(r"fn f<'a>(x: &'a str, c: char) { c == '\'' || c == '{' } alpha", &["&'a str", "alpha"], &["'{'"]);
        check("let r#type = alpha;", &["r#type", "alpha"], &[]);
    }

    #[test]
    fn test_modules_in_files_of_their_own_are_found() {
        let source = "mod a;\n#[cfg(test)]\nmod b;\n#[cfg(test)]\nmod c { }\n// #[cfg(test)]\nmod d;\n";
        assert_eq!(test_module_files("x/src/lib.rs", source), ["x/src/b"]);
        assert_eq!(test_module_files("x/src/e.rs", source), ["x/src/e/b"]);
    }

    #[test]
    fn test_modules_go_and_what_follows_stays() {
        check("alpha\n#[cfg(test)]\nmod tests {\n fn f() { beta }\n}\ngamma", &["alpha", "gamma"], &["beta"]);
        check("#[cfg(test)]\nmod tests;\nalpha", &["alpha"], &["tests"]);
    }
}
