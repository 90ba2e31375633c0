//! Regular expressions that a whole name has to match.
//!
//! The engine is linear in the name and bounded in size, whoever wrote the expression. It has no look-around, no sets of classes, no
//! references to groups and no tables of Unicode. What belongs to one dialect is not here: RE2's, in which consumers
//! subscribe, is put into the engine's syntax by `groups/consumer/pattern.rs`.

use alloc::format;
use alloc::string::{String, ToString};

use regex_lite::{Regex, RegexBuilder};

/// What a compiled expression may take up: the time that a name takes grows with it.
const SIZE_MAX_BYTES: usize = 64 << 10;
const NESTING_MAX: u32 = 50;

/// An expression, and that the whole has to match it.
#[derive(Debug)]
pub(crate) struct WholeMatch(Regex);

impl WholeMatch {
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn new(text: &str) -> Result<Self, String> {
        // By itself first: what is put around it must not make up for a bracket.
        compile(text)?;
        compile(&format!("\\A(?:{text})\\z")).map(Self)
    }

    /// An expression that Java's syntax allows, as far as the engine has what it asks for.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn of_java(text: &str) -> Result<Self, String> {
        match foreign_to_java(text) {
            None => Self::new(text),
            Some(part) => Err(format!("`{part}` means nothing")),
        }
    }

    /// Whether the whole name matches.
    pub(crate) fn matches(&self, name: &str) -> bool {
        self.0.is_match(name)
    }
}

fn compile(text: &str) -> Result<Regex, String> {
    let built = RegexBuilder::new(text).size_limit(SIZE_MAX_BYTES).nest_limit(NESTING_MAX).build();
    built.map_err(|error| error.to_string())
}

/// What the engine takes, but not Java: a repetition of a repetition, Python's names of groups, a flag for line ends.
fn foreign_to_java(text: &str) -> Option<&'static str> {
    const FOREIGN: [&str; 5] = ["**", "+*", "?*", "(?P", "(?R"];
    let (mut rest, mut is_in_class) = (text, false);
    while let Some(first) = rest.chars().next() {
        if let Some(foreign) = FOREIGN.into_iter().find(|foreign| !is_in_class && rest.starts_with(foreign)) {
            return Some(foreign);
        }
        is_in_class = first == '[' || is_in_class && first != ']';
        let escaped = if first == '\\' { rest.chars().nth(1) } else { None };
        rest = &rest[first.len_utf8() + escaped.map_or(0, char::len_utf8)..];
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(text: &str, name: &str) -> bool {
        WholeMatch::of_java(text).unwrap_or_else(|error| panic!("{text}: {error}")).matches(name)
    }

    #[test]
    fn the_whole_name_has_to_match() {
        assert!(matches("a.*", "a-1") && matches("a|b", "b") && matches("", ""));
        assert!(!matches("a", "a-1") && !matches("1", "a-1") && !matches("(?m)a", "a\nb"));
    }

    /// What Apache Kafka 4.3.1 refuses to match clients with.
    #[test]
    fn what_java_does_not_take_is_refused() {
        for text in [
            "(",
            "a)",
            "[",
            "{",
            "a{",
            "a{2",
            "a{x}",
            "*",
            "+a",
            "a**",
            "a+*",
            "\\",
            "\\q",
            "\\p{Klingon}",
            "(?P<n>a)",
            "[z-a]",
            "[a",
            "[^]",
            "\\N",
            "(?",
            "(?:",
            "(?z)",
            "\\y",
            "(?R)a",
            "(?<n>a)(?<n>b)",
            "[a-\\d]",
            "\\09",
            "(?i",
            "(?<1>a)",
            "a)|(?:b",
        ] {
            assert!(WholeMatch::of_java(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_java_takes_and_the_engine_has_is_taken() {
        for text in [
            "a", "]", "}", "a{2}", "a*?", "a{2}{3}", "\\d", "(?i)a", "(?x)a b", "(?<n>a)", "\\x41", "\\x{41}",
            "\\u0041", "(?-i)a", "|", "a||b", "()", "^$", "\u{e4}", "(?s-m:a)", "a#b", "[?*]", "\\**", "[*+]*",
        ] {
            assert!(WholeMatch::of_java(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn what_grows_without_end_is_refused() {
        assert!(WholeMatch::new("((((a{99}){99}){99}){99})").is_err());
        assert!(WholeMatch::new(&format!("{}{}", "(".repeat(60), ")".repeat(60))).is_err());
    }
}
