//! What holds for any template and any value.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::flow::value::Tainted;

fn scope() -> Scope {
    Scope::new()
        .with("v", &json!("it's"))
        .with("n", &json!(5))
        .with("yes", &json!(true))
        .with("list", &json!(["a b", "c"]))
        .with("host", &json!({ "name": "web1" }))
        .with("drain", &json!("2m"))
        .with_outside("evil", &Tainted::new("$(reboot)"))
}

#[track_caller]
fn command(text: &str) -> String {
    CommandText::parse(text).unwrap().render(&scope()).unwrap()
}

fn refused(text: &str) -> String {
    match CommandText::parse(text) {
        Ok(command) => command.render(&scope()).unwrap_err().message,
        Err(error) => error.message,
    }
}

#[test]
fn a_value_in_a_body_of_json_is_data() {
    let body = Text::parse(r#"{"a": {{ v | json }}, "b": {{ n | json }}}"#).unwrap();
    let hostile = "x\", \"admin\": true, \"y\": \"\n\u{1b}";
    let scope = Scope::new()
        .with("v", &json!(hostile))
        .with("n", &json!(["1", 2]));
    let read: serde_json::Value = serde_json::from_str(&body.render(&scope).unwrap()).unwrap();
    assert_eq!(read, json!({ "a": hostile, "b": ["1", 2] }));
}

#[test]
fn every_value_in_a_command_is_quoted_once() {
    assert_eq!(
        command("a {{ v }} {{ n }} {{ yes }}"),
        r"a 'it'\''s' '5' true"
    );
    assert_eq!(command("a {{ list }}"), "a 'a b' c");
    assert_eq!(command("a {{ list | join(',') }}"), "a 'a b,c'");
    assert_eq!(
        command("a {{ evil }} --{{ host.name }}"),
        "a '$(reboot)' --web1"
    );
    assert_eq!(command("a {{ 'b c' }} {{ v ~ n }}"), r"a 'b c' 'it'\''s5'");
    assert_eq!(
        command("{% for x in list %}[ {{ x }} ];{% endfor %}"),
        "[ 'a b' ];[ c ];"
    );
    assert_eq!(command("sleep {{ drain | seconds }}\n"), "sleep '120'\n");
    assert_eq!(command("a {{ '--f' if not yes }}"), "a ");
    assert_eq!(command("{% set x = v %}a {{ x }}"), r"a 'it'\''s'");
    assert_eq!(command("{% raw %}{{ v }}{% endraw %}"), "{{ v }}");
}

#[test]
fn quoting_cannot_be_switched_off() {
    for text in [
        "a {{ evil | safe }}",
        "a {{ evil | escape }}",
        "{% autoescape false %}{{ evil }}{% endautoescape %}",
        "{% filter upper %}a {{ evil }}{% endfilter %}",
        "{% set x %}{{ evil }}{% endset %}{{ x }}",
        "a '{{ evil }}'",
        "a \"{{ evil }}\"",
        "a ${{ evil }}",
        "a \\{{ evil }}",
        "{% if yes %}'{% endif %}{{ evil }}'",
        "{% include 'x' %}",
        "{% macro m() %}{% endmacro %}",
    ] {
        assert!(!refused(text).is_empty(), "{text}");
    }
}

#[test]
fn what_is_no_word_is_refused() {
    assert!(refused("a {{ host }}").contains("is no text"));
    assert!(refused("a {{ none }}").contains("none is no text"));
    assert!(
        refused("a {{ missing }}").contains("missing"),
        "{}",
        refused("a {{ missing }}")
    );
    assert!(refused("a \0").contains("NUL"));
    let nul = Scope::new().with("v", &json!("a\0b"));
    let text = CommandText::parse("x {{ v }}").unwrap();
    assert!(text.render(&nul).unwrap_err().message.contains("NUL"));
}

#[test]
fn endless_work_ends() {
    let text = "{% for a in range(9999) %}{% for b in range(9999) %}x{% endfor %}{% endfor %}";
    assert!(refused(text).contains("too much work"), "{}", refused(text));
    let text = "{% for a in range(9999) %}{{ 'x' * 100000 }}{% endfor %}";
    assert!(CommandText::parse(text).unwrap().render(&scope()).is_err());
}

#[test]
fn a_value_from_outside_enters_no_path() {
    let text = Text::parse("/tmp/{{ evil }}").unwrap();
    let error = text.render(&scope()).unwrap_err();
    assert!(error.message.contains("came from outside"), "{error}");
    assert_eq!(error.at, Some(8));
    assert_eq!(
        Text::parse("/tmp/{{ v }}-{{ list }}")
            .unwrap()
            .render(&scope())
            .unwrap(),
        "/tmp/it's-a b,c"
    );
    assert!(
        Condition::parse("evil == '$(reboot)' and n > 4")
            .unwrap()
            .holds(&scope())
            .unwrap()
    );
    assert!(Condition::parse("nope").unwrap().holds(&scope()).is_err());
}

#[test]
fn unknown_names_are_found_with_their_places() {
    let known = Known::default()
        .with("version", Shape::Value)
        .with("token", Shape::Secret)
        .with(
            "registered",
            Shape::Outside(Box::new(Shape::Parts(
                [("pid".to_owned(), Shape::Value)].into(),
            ))),
        )
        .with(
            "host",
            Shape::Parts(
                [
                    ("name".to_owned(), Shape::Value),
                    ("labels".to_owned(), Shape::Open),
                ]
                .into(),
            ),
        );
    let told = |text: &str| {
        let text = CommandText::parse(text).unwrap();
        text.faults(&known)
            .into_iter()
            .map(|fault| {
                format!(
                    "{} {}; {}",
                    fault.at,
                    fault.message,
                    fault.hint.unwrap_or_default()
                )
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(
        told("a {{ version }} {{ host.name }} {{ host.labels.x }} {{ registered.pid }}"),
        Vec::<String>::new()
    );
    assert_eq!(
        told("a {{ vresion }}"),
        ["5 the name \"vresion\" is not known; did you mean \"version\"?"]
    );
    let of_params = &told("a {{ params.version }}")[0];
    assert!(
        of_params.contains("a parameter stands by its name alone; known here: "),
        "{of_params}"
    );
    assert_eq!(
        told("a {{ host.nam }}"),
        ["5 \"host\" has no \"nam\"; did you mean \"name\"?"]
    );
    assert_eq!(
        told("a {{ host }}"),
        ["5 \"host\" is not one value; known here: labels, name"]
    );
    assert!(told("a {{ token }}")[0].contains("is a secret"));
    assert!(told("a {{ version | uper }}")[0].contains("did you mean \"upper\"?"));
    let path = Text::parse("/{{ registered.pid }}").unwrap();
    assert!(path.faults(&known)[0].message.contains("came from outside"));
}

#[test]
fn every_filter_that_is_called_known_is_known_to_the_engine() {
    for name in engine::FILTERS {
        let text = format!("{{{{ v | {name} }}}}");
        let error = engine::of_texts().render_str(&text, minijinja::context! { v => "1s" });
        let unknown = error.is_err_and(|error| error.kind() == minijinja::ErrorKind::UnknownFilter);
        assert!(!unknown, "{name}");
    }
    for name in engine::TESTS {
        let text = format!("{{{{ v is {name} }}}}");
        let error = engine::of_texts().render_str(&text, minijinja::context! { v => "1s" });
        let unknown = error.is_err_and(|error| error.kind() == minijinja::ErrorKind::UnknownTest);
        assert!(!unknown, "{name}");
    }
}

fn hostile() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => prop::sample::select(&["'", "\"", "\\", "$(reboot)", "`id`", "${HOME}", "\n", "\r", " ", "#", ";", "&", "|", ">", "{{ v }}", "{% raw %}", "\u{1b}[2J", "-n", "~", "*", "!", "EOF\n", "é"][..]).prop_map(str::to_owned),
        1 => any::<String>().prop_map(|text| text.replace('\0', "")),
    ];
    prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

/// Shell text around values, some of it such that values are refused there.
fn shell_text() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(
        &[
            "V", "V", "V", " ", " x ", "'", "\"", "\\", "$", "$(p ", ")", "`", "#", "\n", ";",
            "${y:-", "}", "<<E\n", "\nE\n", "(", "=", "[", "]", "$((", "))", "a", "1",
        ][..],
    );
    prop::collection::vec(piece, 1..8).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    /// Wherever a value is let in, a real shell gets it as part of a word, and runs nothing of it.
    #[test]
    fn a_shell_runs_nothing_of_a_value_wherever_it_is_let_in(around in shell_text(), value in hostile()) {
        let text = format!("p() {{ :; }}\n{}", around.replace('V', "{{ v }}"));
        let bait = format!("{value}$(echo TAKEN >&3)\\'$(echo TAKEN >&3)`echo TAKEN >&3`;echo TAKEN >&3\necho TAKEN >&3\n'\n'echo TAKEN >&3 ");
        let Ok(command) = CommandText::parse(text) else { return Ok(()) };
        let Ok(command) = command.render(&Scope::new().with("v", &json!(bait))) else { return Ok(()) };
        for shell in ["sh", "bash"] {
            let script = format!("exec 3>&1 >/dev/null 2>&1 </dev/null; cd /nonexistent; PATH=/nonexistent\n{command}\n");
            let output = std::process::Command::new("/bin/env").args(["-i", &format!("/bin/{shell}"), "-c", &script]).output().unwrap();
            prop_assert!(output.stdout.is_empty(), "{shell}: {script}");
        }
    }

    #[test]
    fn any_value_arrives_as_one_argument(values in prop::collection::vec(hostile(), 1..5)) {
        let text = CommandText::parse("printf '%s\\0' {{ a }} x{{ a }}y {{ list }} \"$(printf %s {{ a }}; echo x)\"").unwrap();
        let scope = Scope::new().with("a", &json!(values[0])).with("list", &json!(values));
        let output = std::process::Command::new("/bin/sh").arg("-c").arg(text.render(&scope).unwrap()).output().unwrap();
        let mut expected = vec![values[0].clone(), format!("x{}y", values[0])];
        expected.extend(values.iter().cloned());
        expected.push(format!("{}x", values[0]));
        let mut told: Vec<&[u8]> = output.stdout.split(|byte| *byte == 0).collect();
        prop_assert_eq!(told.pop(), Some(&b""[..]));
        let expected: Vec<&[u8]> = expected.iter().map(String::as_bytes).collect();
        prop_assert_eq!(told, expected);
    }

    #[test]
    fn no_text_makes_the_templates_panic(text in "(\\PC|[{}%#'\"\\\\.|=\\[\\]() ]|raw|for x in |if|v){0,30}") {
        if let Ok(command) = CommandText::parse(text.clone()) {
            let _ = command.render(&scope());
            command.faults(&Known::default());
        }
        if let Ok(condition) = Condition::parse(text) {
            let _ = condition.holds(&scope());
            condition.faults(&Known::default());
        }
    }
}

fn handed(values: &[(&str, &str)]) -> Scope {
    let mut registered = crate::run::stages::Registered::new();
    for (host, value) in values {
        let of_value = registered.entry("rev".to_owned()).or_default();
        let hosts: &mut Vec<String> = of_value.entry((*value).to_owned()).or_default();
        hosts.push((*host).to_owned());
    }
    let node = crate::run::stages::OfNode {
        item: Some("x".to_owned()),
        values: registered,
    };
    let stages = [("canary".to_owned(), vec![node])].into();
    Scope::new().with_stages(&StageValues::from(&crate::run::stages::Handed(stages)))
}

#[test]
fn values_of_stages_enter_commands_quoted_and_conditions_and_nothing_else() {
    let scope = handed(&[("a", "1; rm -rf /"), ("b", "1; rm -rf /")]);
    let command = |text: &str| CommandText::parse(text).unwrap().render(&scope).unwrap();
    for used in [
        "stages.canary.registered.rev",
        "stages.canary.by_host['a'].rev",
        "stages.canary.by_item.x.registered.rev",
        "stages.canary.values.rev",
    ] {
        assert_eq!(command(&format!("x {{{{ {used} }}}}")), "x '1; rm -rf /'");
    }
    let holds = |text: &str| Condition::parse(text).unwrap().holds(&scope).unwrap();
    assert!(holds("'1; rm -rf /' in stages.canary.values.rev"));
    let path = Text::parse("/x/{{ stages.canary.registered.rev }}").unwrap();
    let refused = path.render(&scope).unwrap_err().message;
    assert!(refused.contains("came from outside"), "{refused}");
    let asked = handed(&[("a", "1\u{1b}[2J\n2")]);
    assert_eq!(path.for_people(&asked).unwrap(), "/x/1 [2J 2");
}

#[test]
fn hosts_that_do_not_agree_are_an_error_for_whoever_takes_them_for_one() {
    let scope = handed(&[("a", "1"), ("b", "2")]);
    let told = "the hosts of canary do not agree on rev: it is \"1\" on a, and \"2\" on b";
    for used in [
        "stages.canary.registered.rev",
        "stages.canary.registered.rev | default('x')",
    ] {
        let command = CommandText::parse(format!("x {{{{ {used} }}}}")).unwrap();
        let error = command.render(&scope).unwrap_err().message;
        assert!(error.starts_with(told), "{used}: {error}");
    }
    for used in [
        "stages.canary.registered.rev == '1'",
        "stages.canary.registered.rev != '1'",
        "not stages.canary.registered.rev",
        "stages.canary.registered.rev in ['1']",
    ] {
        let error = Condition::parse(used).unwrap().holds(&scope).unwrap_err();
        assert!(error.message.starts_with(told), "{used}: {}", error.message);
    }
    let each = CommandText::parse("x {{ stages.canary.values.rev }}").unwrap();
    assert_eq!(each.render(&scope).unwrap(), "x '1' '2'");
}
