//! What the names of functions stand for.

use model::{AccountId, Region};

/// The ARN of the function that a caller names, without the version or the alias that he may have asked for: records tell
/// which version ran beside it.
///
/// A name may be the function's own, one with its account before it, or an ARN, each with a version or an alias behind it.
/// Source: Lambda API reference, Invoke; records (2018, 2023, github.com/aidansteele/aidansteele.github.io).
pub(crate) fn function_arn(name: &str, region: &Region, account: AccountId) -> String {
    let parts: Vec<&str> = name.split(':').collect();
    match parts.as_slice() {
        ["arn", ..] => parts[..parts.len().min(ARN_PARTS)].join(":"),
        [owner, "function", function, ..] => arn(region, owner, function),
        [function, ..] => arn(region, account.as_str(), function),
        [] => name.to_owned(),
    }
}

/// Parts of the ARN of a function that has no qualifier.
const ARN_PARTS: usize = 7;

fn arn(region: &Region, account: &str, function: &str) -> String {
    format!("arn:{}:lambda:{region}:{account}:function:{function}", region.partition())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lose_their_qualifier_and_keep_their_account() {
        let (own, other) =
            ("arn:aws:lambda:eu-west-1:111122223333:function:f", "arn:aws:lambda:eu-west-1:444455556666:function:f");
        for (name, expected) in [
            ("f", own),
            ("f:live", own),
            ("f:$LATEST", own),
            ("111122223333:function:f", own),
            ("444455556666:function:f:7", other),
            (own, own),
            ("arn:aws:lambda:eu-west-1:444455556666:function:f:live", other),
            // What is no name of a function stays recognizable.
            ("arn:aws:lambda", "arn:aws:lambda"),
            ("", "arn:aws:lambda:eu-west-1:111122223333:function:"),
        ] {
            let found = function_arn(
                name,
                &Region::parse("eu-west-1").expect("a region"),
                AccountId::parse("111122223333").expect("digits"),
            );
            assert_eq!(found, expected, "{name}");
        }
    }
}
