use proptest::prelude::*;
use serde_json::json;

use crate::flow::template::{QueryText, Scope, TemplateError, UrlText};

fn url(template: &str, value: &str) -> Result<String, TemplateError> {
    let scope = Scope::new().with("v", &json!(value));
    UrlText::parse(template)?.render(&scope)
}

/// What a server makes of a part of a URL.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, more @ ..] = rest {
        bytes.push(*first);
        rest = more;
        if let (b'%', [a, b, after @ ..]) = (first, more) {
            let digits = [*a, *b];
            let digits = std::str::from_utf8(&digits).unwrap();
            *bytes.last_mut().unwrap() = u8::from_str_radix(digits, 16).unwrap();
            rest = after;
        }
    }
    String::from_utf8(bytes).unwrap()
}

proptest! {
    #[test]
    fn a_value_behind_the_server_stays_one_segment_and_one_part_of_the_query(
        value in "[^\0]{0,12}|[/?#@:&=%.\\\\ \r\n]{0,6}",
    ) {
        match url("https://api.example.com/a/{{ v }}/b?x={{ v }}&y=1", &value) {
            Ok(url) => {
                let rest = url.strip_prefix("https://api.example.com/a/").unwrap();
                let (path, query) = rest.split_once('?').unwrap();
                prop_assert_eq!(&decoded(path.strip_suffix("/b").unwrap()), &value);
                prop_assert!(!path.strip_suffix("/b").unwrap().contains('/'));
                let inside = query.strip_prefix("x=").unwrap().strip_suffix("&y=1").unwrap();
                prop_assert_eq!(&decoded(inside), &value);
                prop_assert!(url.bytes().all(|byte| byte.is_ascii_graphic()));
            }
            // Dots mean a step there, encoded or not.
            Err(_) => prop_assert!(matches!(&*value, "." | ".."), "{:?}", value),
        }
    }

    #[test]
    fn a_value_in_the_server_s_name_never_ends_it(value in "[^\0]{0,12}|[a-z/?#@:.\\[\\]]{1,6}") {
        if let Ok(url) = url("https://{{ v }}.example.com:8443/a", &value) {
            let rest = url.strip_prefix("https://").unwrap();
            prop_assert_eq!(rest.strip_suffix(".example.com:8443/a"), Some(&*value));
            prop_assert!(value.chars().all(|c| c.is_ascii_alphanumeric() || ".-_".contains(c)));
        }
    }

    #[test]
    fn a_value_in_a_string_of_a_query_ends_no_string(value in "[^\0]{0,12}|[\"'`\\\\\n#}]{1,6}") {
        let scope = Scope::new().with("v", &json!(value));
        for mark in ['"', '\''] {
            let text = QueryText::parse(format!("up{{a={mark}{{{{ v }}}}{mark}}}")).unwrap();
            let query = text.render(&scope).unwrap();
            let inside = query.strip_prefix(&format!("up{{a={mark}")).unwrap();
            let inside = inside.strip_suffix(&format!("{mark}}}")).unwrap();
            let mut escaped = false;
            for c in inside.chars() {
                prop_assert!(escaped || c != mark, "{}", query);
                prop_assert!(c != '\n');
                escaped = c == '\\' && !escaped;
            }
            prop_assert!(!escaped, "{}", query);
        }
    }
}

#[test]
fn a_value_may_be_the_beginning_of_a_url_and_nothing_worse() {
    let base = |value| url("{{ v }}/api", value);
    assert_eq!(base("http://web01:8080").unwrap(), "http://web01:8080/api");
    assert_eq!(base("https://web01/x").unwrap(), "https://web01/x/api");
    for wrong in [
        "web01",
        "ftp://x",
        "http://",
        "http://a@b",
        "http://a?b",
        "http://a#b",
        "http://a b",
        "http://a\r\nb",
    ] {
        assert!(base(wrong).is_err(), "{wrong:?}");
    }
    assert_eq!(
        url("http://[{{ v }}]:80/", "::1").unwrap(),
        "http://[::1]:80/"
    );
    assert!(url("http://{{ v }}/", "::1").is_err());
    assert!(url("http://x/{{ v }}", "..").is_err());
    assert_eq!(url("http://x/a{{ v }}", "..").unwrap(), "http://x/a..");
}

#[test]
fn the_fixed_text_of_a_url_is_one_of_a_url() {
    for wrong in [
        "http://x/a b",
        "http://x/#a",
        "http://x/\"a\"",
        "http://x\\y",
        "http://x/ü",
    ] {
        assert!(UrlText::parse(wrong).is_err(), "{wrong}");
    }
    let no_values = Scope::new();
    for wrong in ["http://u:p@x/", "http://x/../a", "http://x/%2E%2e", "//x"] {
        assert!(
            UrlText::parse(wrong).unwrap().render(&no_values).is_err(),
            "{wrong}"
        );
    }
}

#[test]
fn outside_of_strings_a_value_of_a_query_is_one_word() {
    let query = |template: &str, value: &str| {
        QueryText::parse(template)
            .unwrap()
            .render(&Scope::new().with("v", &json!(value)))
    };
    assert_eq!(query("rate(up[{{ v }}])", "5m").unwrap(), "rate(up[5m])");
    assert_eq!(
        query("{{ v }} > 1", "http_requests:rate").unwrap(),
        "http_requests:rate > 1"
    );
    for (template, value) in [
        ("sum(up{{ v }})", "} or vector(0)"),
        ("up{a={{ v }}}", "\"b\""),
        ("up # {{ v }}", "x"),
        ("up{a=`{{ v }}`}", "`"),
        ("up{a=\"\\{{ v }}\"}", "x"),
        ("{{ v }}", ""),
    ] {
        assert!(query(template, value).is_err(), "{template} {value}");
    }
    assert_eq!(query("up{a=`{{ v }}`}", "\"\\").unwrap(), "up{a=`\"\\`}");
}
