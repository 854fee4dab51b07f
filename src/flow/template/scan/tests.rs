//! Which names are found in templates.

use super::*;
use proptest::prelude::*;

fn shown(text: &str) -> Vec<String> {
    uses(text)
        .iter()
        .map(|used| {
            let mut name = used.name.to_owned();
            for part in &used.path {
                name.extend([".", part]);
            }
            assert!(text[used.at..].starts_with(used.name));
            format!("{:?} {name}", used.role)
        })
        .collect()
}

#[test]
fn names_are_found_where_they_are_used() {
    assert_eq!(
        shown(r#"a {{ host.labels["rack"] }} {{ v | default("x}}y") }}{# {{ no }} #}"#),
        ["Value host.labels.rack", "Value v", "Filter default"]
    );
    assert_eq!(
        shown("{% for x in xs if x is not defined %}{{ f(a=x.y, b) }}{% endfor %}"),
        [
            "Assigned x",
            "Value xs",
            "Value x",
            "Test defined",
            "Value f",
            "Value x.y",
            "Value b"
        ]
    );
    assert_eq!(
        shown("{% set a = b == c %}{%- if a[1:n] -%}{% endif %}{{ {'k': {'l': z}} }}"),
        [
            "Assigned a",
            "Value b",
            "Value c",
            "Value a",
            "Value n",
            "Value z"
        ]
    );
    assert_eq!(shown("{% raw %}{{ a }}{% endraw %}{{ b }}"), ["Value b"]);
}

proptest! {
    #[test]
    fn no_text_makes_the_scanner_panic(text in "(\\PC|[{}%#'\"\\\\.|=\\[\\]() ]|raw|endraw|for|in|é){0,40}") {
        uses(&text);
        expression_uses(&text);
    }
}
