//! What INI values mean where Python cannot be asked.

use proptest::prelude::*;
use serde_json::json;

use super::parse;

#[test]
fn what_json_cannot_hold_stays_text() {
    assert_eq!(
        parse("99999999999999999999999"),
        Some(json!("99999999999999999999999"))
    );
    assert_eq!(parse("-1e999"), Some(json!("-Infinity")));
    assert_eq!(parse("{1, 2}"), None);
    assert_eq!(parse("1+2j"), None);
    assert_eq!(parse(&"[".repeat(100_000)), None);
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(text in "([\\[\\](){},:'\"\\\\#+._exobrjNU-]|\\PC|[0-9]|True){0,30}") {
        let _ = parse(&text);
    }
}
