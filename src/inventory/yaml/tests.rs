//! What readers of YAML can rely on.

use std::sync::Arc;

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn read(text: &str) -> Result<Value, String> {
    let node = parse(&Arc::from("a.yml"), text).map_err(|complaint| complaint.to_string())?;
    Ok(node.map_or(Value::Null, |node| node.to_json()))
}

#[test]
fn words_mean_what_yaml_1_1_says() {
    let text = "[yes, No, on, n, ~, null, 017, 0o17, 08, 0x1f, 0b101, 1_000, 1:30, 1.5, .5, -.5, 1e3, 1.5e+3, .inf, 2001-01-01, \"yes\", '5', -7, +7, 190:20:30.15]";
    let expected = json!([
        true,
        false,
        true,
        "n",
        null,
        null,
        15,
        "0o17",
        "08",
        31,
        5,
        1000,
        90,
        1.5,
        0.5,
        "-.5",
        "1e3",
        1500.0,
        "Infinity",
        "2001-01-01",
        "yes",
        "5",
        -7,
        7,
        685_230.15
    ]);
    assert_eq!(read(text), Ok(expected));
}

#[test]
fn tags_force_a_type() {
    assert_eq!(
        read("[!!str 5, !!int '5', !!float 5, !!bool 'yes', !unsafe '{{ x }}']"),
        Ok(json!(["5", 5, 5, true, "{{ x }}"]))
    );
    assert_eq!(
        read("!!python/object:os.system x").unwrap_err(),
        "a.yml:1:1: the tag \"tag:yaml.org,2002:!python/object:os.system\" is not known"
    );
    assert!(read("!!int x").is_err());
}

#[test]
fn numbers_beyond_64_bits_stay_text() {
    assert_eq!(
        read("[18446744073709551615, 18446744073709551616, -9223372036854775809]"),
        Ok(json!([
            u64::MAX,
            "18446744073709551616",
            "-9223372036854775809"
        ]))
    );
}

#[test]
fn aliases_and_merges_are_followed_and_what_is_written_wins() {
    let text = "base: &b {a: 1, b: 2}\nother: &o {b: 3, c: 4}\nx: {<<: *b, b: 5}\ny: {<<: [*b, *o], d: 6}\nz: {'<<': *b}\n";
    let read = read(text).unwrap();
    assert_eq!(read["x"], json!({"a": 1, "b": 5}));
    assert_eq!(read["y"], json!({"a": 1, "b": 2, "c": 4, "d": 6}));
    assert_eq!(read["z"], json!({"<<": {"a": 1, "b": 2}}));
}

#[test]
fn the_last_of_two_equal_keys_wins() {
    assert_eq!(read("a: 1\nb: 2\na: 3\n"), Ok(json!({"a": 3, "b": 2})));
}

#[test]
fn what_is_wrong_is_named_with_its_place() {
    assert_eq!(
        read("a: 1\n---\nb: 2\n").unwrap_err(),
        "a.yml:2:1: a second document starts here, and only one can be read"
    );
    assert!(
        read("a: [1\n")
            .unwrap_err()
            .starts_with("a.yml:2:1: this is not YAML: ")
    );
    assert_eq!(
        read("? [a]\n: 1\n").unwrap_err(),
        "a.yml:1:3: a list or map cannot be a key"
    );
}

#[test]
fn a_small_text_cannot_become_a_large_value() {
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let aliases = vec![format!("*a{}", level - 1); 10].join(", ");
        let line = format!("a{level}: &a{level} [{aliases}]\n");
        text.push_str(&line);
    }
    assert!(read(&text).unwrap_err().contains("aliases make more than"));
    assert!(read("a: &a [*a]\n").is_err());
    for open in ["[", "{a: ", "- ", "? "] {
        assert!(read(&open.repeat(20_000)).is_err(), "{open}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(800))]
    #[test]
    fn no_text_makes_the_reader_panic(text in "([\\[\\]{}:,?&*!|>'\"%@`#<~ \t\n-]|\\PC|[a-z0-9]|- |: |\n  |---\n|<<: |&a |\\*a){0,60}") {
        let _ = read(&text);
    }

    #[test]
    fn no_word_makes_the_resolver_panic(text in "[-+]?[0-9_:.eExb]{0,12}[infanINFAN~]{0,3}") {
        let _ = scalar::resolve(&text);
        let _ = scalar::tagged("float", &text);
    }
}
