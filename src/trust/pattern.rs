//! Patterns of OpenSSH: `*`, `?`, comma lists and negation.
//!
//! Matching is iterative and costs at most `text × pattern` steps, so that no pattern can hang it.

/// OpenSSH gives up on a whole list when one of its elements is this long or longer.
const MAX_ELEMENT: usize = 1023;

/// Whether `pattern`, with `*` and `?`, matches the whole of `text`. Case matters.
pub fn glob(pattern: &str, text: &str) -> bool {
    glob_bytes(pattern.as_bytes(), text.as_bytes())
}

/// Two cursors and one remembered star: on a mismatch the last star takes one byte more.
fn glob_bytes(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p + 1, t));
                p += 1;
            }
            Some(&c) if c == b'?' || c == text[t] => {
                p += 1;
                t += 1;
            }
            _ => match star.as_mut() {
                Some((after, taken)) => {
                    *taken += 1;
                    p = *after;
                    t = *taken;
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|&c| c == b'*')
}

/// Whether the text is free of the characters that make a pattern more than a name.
pub fn is_literal(text: &str) -> bool {
    !text.bytes().any(|c| matches!(c, b'*' | b'?' | b'!'))
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Element {
    negated: bool,
    pattern: Box<str>,
}

/// A comma list of patterns, split once and matched often.
///
/// It matches when one element does and no negated element does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PatternList {
    elements: Box<[Element]>,
    fold: bool,
}

impl PatternList {
    /// A list whose letters count as they stand, as for user names.
    pub fn exact(list: &str) -> Self {
        Self::new(list, false)
    }

    /// A list for host names: upper and lower case are the same.
    pub fn hosts(list: &str) -> Self {
        Self::new(list, true)
    }

    fn new(list: &str, fold: bool) -> Self {
        let pieces = list.strip_suffix(',').unwrap_or(list).split(',');
        let mut elements: Vec<Element> = pieces.map(|piece| Element::new(piece, fold)).collect();
        if elements.iter().any(|e| e.pattern.len() >= MAX_ELEMENT) {
            elements.clear();
        }
        Self {
            elements: elements.into(),
            fold,
        }
    }

    /// Whether the list takes this name.
    pub fn matches(&self, text: &str) -> bool {
        if self.fold && text.bytes().any(|c| c.is_ascii_uppercase()) {
            return self.matches_folded(&text.to_ascii_lowercase());
        }
        self.matches_folded(text)
    }

    fn matches_folded(&self, text: &str) -> bool {
        let mut found = false;
        for element in &self.elements {
            if glob(&element.pattern, text) {
                if element.negated {
                    return false;
                }
                found = true;
            }
        }
        found
    }
}

impl Element {
    fn new(piece: &str, fold: bool) -> Self {
        let (negated, pattern) = match piece.strip_prefix('!') {
            Some(rest) => (true, rest),
            None => (false, piece),
        };
        let pattern = if fold {
            pattern.to_ascii_lowercase()
        } else {
            pattern.to_owned()
        };
        Self {
            negated,
            pattern: pattern.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The definition, slow and obvious.
    fn by_definition(pattern: &[u8], text: &[u8]) -> bool {
        match pattern.split_first() {
            None => text.is_empty(),
            Some((b'*', rest)) => (0..=text.len()).any(|n| by_definition(rest, &text[n..])),
            Some((b'?', rest)) => !text.is_empty() && by_definition(rest, &text[1..]),
            Some((c, rest)) => text.first() == Some(c) && by_definition(rest, &text[1..]),
        }
    }

    proptest! {
        #[test]
        fn a_glob_matches_what_its_definition_says(pattern in "[ab*?]{0,7}", text in "[ab]{0,8}") {
            prop_assert_eq!(
                glob(&pattern, &text),
                by_definition(pattern.as_bytes(), text.as_bytes())
            );
        }

        #[test]
        fn no_pattern_and_no_text_panics(pattern in ".{0,40}", text in ".{0,40}") {
            let _ = glob(&pattern, &text);
            let _ = PatternList::hosts(&pattern).matches(&text);
        }
    }

    #[test]
    fn a_negated_element_wins_wherever_it_stands() {
        for list in ["!web1,*", "*,!web1", "web1,!web?"] {
            assert!(!PatternList::hosts(list).matches("web1"), "{list}");
        }
        assert!(PatternList::hosts("*,!web1").matches("web2"));
        assert!(
            !PatternList::hosts("!web1").matches("web2"),
            "negation alone takes nothing"
        );
    }

    #[test]
    fn a_pattern_of_many_stars_ends_soon() {
        let pattern = "*a".repeat(200) + "b";
        assert!(!glob(&pattern, &"a".repeat(5_000)));
    }

    #[test]
    fn host_lists_fold_case_and_user_lists_do_not() {
        assert!(PatternList::hosts("WEB1").matches("Web1"));
        assert!(!PatternList::exact("Root").matches("root"));
    }

    #[test]
    fn an_element_of_1023_bytes_spoils_its_list() {
        let long = "a".repeat(1023);
        assert!(!PatternList::hosts(&format!("web1,{long}")).matches("web1"));
        assert!(PatternList::hosts(&format!("web1,{}", &long[1..])).matches("web1"));
    }
}
