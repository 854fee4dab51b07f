//! The one place where text is matched loosely.

use fuzzy_matcher::FuzzyMatcher as _;
use fuzzy_matcher::skim::SkimMatcherV2;

/// The items that match, best first; those that match alike stay in their order.
pub(super) fn ranked<T>(items: Vec<T>, typed: &str, text: impl Fn(&T) -> String) -> Vec<T> {
    let matcher = SkimMatcherV2::default();
    let mut scored: Vec<(i64, T)> = items
        .into_iter()
        .filter_map(|item| {
            let score = if typed.is_empty() {
                Some(0)
            } else {
                matcher.fuzzy_match(&text(&item), typed)
            };
            score.map(|score| (score, item))
        })
        .collect();
    scored.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
    scored.into_iter().map(|(_, item)| item).collect()
}
