//! Patterns with `*`.

use std::fmt;

/// A text in which `*` stands for any characters, none included. Case counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern(Box<str>);

impl Pattern {
    /// Any text is a pattern; one without `*` fits itself alone.
    pub fn new(text: &str) -> Self {
        Self(text.into())
    }

    /// The text, when nothing but itself fits.
    pub fn as_exact(&self) -> Option<&str> {
        (!self.0.contains('*')).then_some(&*self.0)
    }

    /// Whether a text fits. Takes time in the length of both, never more.
    pub fn fits(&self, text: &str) -> bool {
        let mut parts = self.0.split('*');
        let Some(rest) = parts.next().and_then(|first| text.strip_prefix(first)) else { return false };
        let Some(last) = parts.next_back() else { return rest.is_empty() };
        // The earliest place of each part between leaves the most room for those after it.
        let mut rest = rest;
        for part in parts {
            let Some(place) = rest.find(part) else { return false };
            rest = &rest[place + part.len()..];
        }
        rest.ends_with(last)
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pattern: &str, fitting: &[&str], others: &[&str]) {
        let parsed = Pattern::new(pattern);
        for text in fitting {
            assert!(parsed.fits(text), "{pattern} should fit {text}");
        }
        for text in others {
            assert!(!parsed.fits(text), "{pattern} should not fit {text}");
        }
    }

    #[test]
    fn stars_stand_for_any_characters() {
        check("PutRolePolicy", &["PutRolePolicy"], &["", "PutRolePolicyX", "putRolePolicy"]);
        check("Put*Policy", &["PutRolePolicy", "PutPolicy"], &["PutRole", "XPutPolicy", "PutPolicyX", "PutPolic"]);
        check("*", &["", "x"], &[]);
        check("**", &["", "x"], &[]);
        check("", &[""], &["x"]);
        check("a*a", &["aa", "aba"], &["a", ""]);
        check("*Unauthorized*", &["Client.UnauthorizedOperation", "Unauthorized"], &["unauthorized"]);
        check("a*b*c", &["abc", "aXbXbXc", "abbc"], &["ac", "acb", "ab"]);
        check("*é*", &["é", "aéb"], &["e"]);
    }
}
