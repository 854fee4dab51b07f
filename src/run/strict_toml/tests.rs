//! What a reader of strict TOML can rely on.

use proptest::prelude::*;

use super::*;
use crate::run::duration::HumanDuration;

#[derive(Debug, PartialEq)]
struct Sample {
    name: String,
    limit: u16,
    wait: HumanDuration,
}

fn sample(text: &str) -> Result<Sample, Complaints> {
    parse("a.toml", text, |root| {
        let name = root.string("name");
        let inner = root.table("inner", |inner| {
            (inner.integer("limit", 1..=100), inner.parsed("wait"))
        });
        let (limit, wait) = inner.unwrap_or_default();
        root.named("groups", |_, group| {
            group.strings("members");
            group.values("vars");
        });
        root.tables("hosts", |host| {
            host.boolean("up");
            host.choice("kind", &[("a", 1), ("b", 2)]);
        });
        if !root.has("name") {
            root.missing("name", "write name = \"…\"");
        }
        Some(Sample {
            name: name?,
            limit: limit.unwrap_or(5),
            wait: wait.unwrap_or_default(),
        })
    })
}

fn lines(text: &str) -> Vec<String> {
    sample(text)
        .unwrap_err()
        .0
        .iter()
        .map(ToString::to_string)
        .collect()
}

#[test]
fn what_is_right_is_read() {
    let text = "name = 'x'\n[inner]\nlimit = 0x10\nwait = '90s'\n[groups.web]\nmembers = 'a'\nvars = {a = [1, 2.5]}\n[[hosts]]\nup = true\nkind = 'b'\n";
    assert_eq!(
        sample(text),
        Ok(Sample {
            name: "x".into(),
            limit: 16,
            wait: HumanDuration::from_secs(90)
        })
    );
}

#[test]
fn an_unknown_key_is_named_with_its_place_and_the_key_it_may_have_been() {
    assert_eq!(
        lines("name = 'x'\n[inner]\nlimt = 5\n"),
        ["a.toml:3:1: the key \"limt\" is not known in [inner]; did you mean \"limit\"?"]
    );
    assert_eq!(
        lines("name = 'x'\nzzz = 5\n"),
        ["a.toml:2:1: the key \"zzz\" is not known; known here: groups, hosts, inner, name"]
    );
}

#[test]
fn all_that_is_wrong_is_said_at_once_and_in_order() {
    assert_eq!(
        lines("name = 1\n[[hosts]]\nup = 1\nkind = 'c'\n[inner]\nlimit = 101\nwait = '5'\n"),
        [
            "a.toml:1:8: \"name\" must be a string, but is a whole number",
            "a.toml:3:6: \"up\" must be true or false, but is a whole number",
            "a.toml:4:8: \"c\" is not known for \"kind\"; write one of \"a\", \"b\"",
            "a.toml:6:9: \"limit\" must be from 1 to 100, but is 101",
            "a.toml:7:8: the duration \"5\" has no unit; write one behind it, as in 90s, 10m or 2h",
        ]
    );
}

#[test]
fn a_table_of_the_wrong_shape_is_told_how_to_be_written() {
    assert_eq!(
        lines("name = 'x'\nhosts = 5\ngroups = [1]\ninner = 'a'\n"),
        [
            "a.toml:2:1: \"hosts\" must be a list of tables, written [[hosts]]",
            "a.toml:3:10: \"groups\" must be a table, but is a list",
            "a.toml:4:9: \"inner\" must be a table, but is a string",
        ]
    );
}

fn places_in(text: &str) -> Vec<String> {
    let read = |root: &Table<'_>| {
        let complain = |written: &Written| root.complain_in(written, 2, "here", None);
        root.written("one").iter().for_each(complain);
        root.written_list("list")
            .iter()
            .flatten()
            .for_each(complain);
        for (name, place, written) in root.written_values("map") {
            let message = format!("{name} at {place} is {}", written.value);
            root.complain_in(&written, 2, message, None);
        }
        Some(())
    };
    let errors = parse("a.toml", text, read).unwrap_err();
    errors.0.iter().map(ToString::to_string).collect()
}

#[test]
fn a_byte_of_a_string_has_a_place_where_the_file_holds_it_as_it_is() {
    assert_eq!(
        places_in("one = \"abc\"\nlist = ['ax\u{fc}', \"\"\"\n\nde\"\"\"]\n"),
        ["a.toml:1:10: here", "a.toml:2:12: here", "a.toml:4:2: here"]
    );
    // With escapes, the string is all that can be pointed at.
    assert_eq!(places_in(r#"one = "a\tbc""#), ["a.toml:1:7: here"]);
}

#[test]
fn scalars_under_free_names_are_read_as_their_text() {
    assert_eq!(
        places_in("[map]\na = 'text'\nb = 0x10\nc = true\nd = [1]\n"),
        [
            "a.toml:2:8: a at a.toml:2:1 is text",
            "a.toml:3:5: b at a.toml:3:1 is 16",
            "a.toml:4:5: c at a.toml:4:1 is true",
            "a.toml:5:5: \"d\" must be a string, but is a list",
        ]
    );
}

#[test]
fn what_is_not_toml_is_shown_with_a_caret() {
    let error = sample("name = 'x'\n[inner\n").unwrap_err();
    let shown = error.0[0].with_caret();
    assert!(
        shown.starts_with("a.toml:2:7: this is not TOML: "),
        "{shown}"
    );
    assert!(shown.ends_with("2 | [inner\n  |       ^"), "{shown}");
}

#[test]
fn a_hopeless_file_yields_a_bounded_number_of_complaints() {
    let lines: Vec<String> = (0..1_000).map(|n| format!("k{n} = 1")).collect();
    let text = lines.join("\n");
    assert_eq!(sample(&text).unwrap_err().0.len(), MAX_COMPLAINTS);
}

#[test]
fn deep_nesting_is_refused_or_read_but_never_overflows() {
    for text in [
        format!("name = {}", "[".repeat(50_000)),
        format!("{}=1", "a.".repeat(50_000) + "a"),
        format!("name = {}", "{a=".repeat(50_000)),
    ] {
        assert!(sample(&text).is_err());
    }
}

proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(text in "(\\PC|\n|[\\[\\]{}=.'\"#]|name|inner|hosts){0,80}") {
        let _ = sample(&text).map_err(|error| error.0.iter().map(Complaint::with_caret).collect::<Vec<_>>());
    }
}
