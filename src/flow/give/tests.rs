//! What parameter values a start takes.

use super::*;
use crate::flow::pattern::Pattern;
use crate::flow::template::{CommandText, Text};

fn param(kind: ParamKind) -> Param {
    Param {
        kind,
        about: None,
        pattern: None,
        default: None,
        required: true,
        secret: false,
    }
}

fn params() -> Params {
    let version = Param {
        pattern: Some(Pattern::parse(r"\d+\.\d+").unwrap()),
        about: Some("what to install.".into()),
        ..param(ParamKind::String)
    };
    let drain = Param {
        default: Some(ParamValue::Duration("2m".into())),
        required: false,
        ..param(ParamKind::Duration)
    };
    let token = Param {
        secret: true,
        required: false,
        ..param(ParamKind::String)
    };
    let near = Param {
        required: false,
        ..param(ParamKind::Hosts)
    };
    let count = Param {
        required: false,
        ..param(ParamKind::Integer {
            min: Some(1),
            max: Some(5),
        })
    };
    let mode = Param {
        required: false,
        ..param(ParamKind::Choice(vec!["fast".into(), "safe".into()]))
    };
    let named = [
        ("version", version),
        ("drain", drain),
        ("token", token),
        ("near", near),
        ("count", count),
        ("mode", mode),
    ];
    named
        .into_iter()
        .map(|(name, param)| (name.to_owned(), param))
        .collect()
}

fn check_words(words: &[&str]) -> Result<Values, Vec<String>> {
    let words: Vec<String> = words.iter().map(ToString::to_string).collect();
    let told = |errors: Vec<GiveError>| errors.iter().map(ToString::to_string).collect::<Vec<_>>();
    let expand = |text: &str| {
        if text == "none" {
            Ok(Vec::new())
        } else {
            Ok(vec![format!("{text}1"), format!("{text}2")])
        }
    };
    Values::check(&params(), &offers(&words).map_err(told)?, &expand).map_err(told)
}

#[test]
fn values_are_typed_and_defaults_fill_in() {
    let values = check_words(&[
        "version=2.4",
        "near=web",
        "count=5",
        "mode=safe",
        "token=secret:ops",
    ])
    .unwrap();
    assert_eq!(values.get("count"), Some(&ParamValue::Integer(5)));
    assert_eq!(
        values.get("drain"),
        Some(&ParamValue::Duration("2m".into()))
    );
    assert_eq!(values.get("token"), Some(&ParamValue::Secret("ops".into())));
    let command = CommandText::parse("x {{ version }} {{ near }} {{ drain }}").unwrap();
    assert_eq!(
        command.render(&values.scope()).unwrap(),
        "x '2.4' web1 web2 '2m'"
    );
}

#[test]
fn everything_wrong_is_said_at_once_with_the_rule_and_the_way_out() {
    assert_eq!(
        check_words(&[
            "vresion=1",
            "count=9",
            "mode=slow",
            "near=none",
            "drain=5",
            "token=hunter2"
        ])
        .unwrap_err(),
        [
            "there is no parameter \"vresion\"; did you mean \"version\"?",
            "the parameter \"count\": \"9\" must be at most 5",
            "the parameter \"drain\": \"5\" must be a duration, as in 90s, 10m or 2h",
            "the parameter \"mode\": \"slow\" must be one of fast, safe",
            "the parameter \"near\": \"none\" has no hosts; write a host set that has, as in web[01-20]",
            "the parameter \"token\": \"…\" is not the name of a secret; write secret:NAME, never the secret itself",
            "the parameter \"version\" is missing (what to install); give it: --set version=…",
        ]
    );
    assert_eq!(
        check_words(&["version=2.4\n"]).unwrap_err(),
        ["the parameter \"version\": \"2.4\\n\" does not match \"\\d+\\.\\d+\""]
    );
    assert_eq!(check_words(&["x", "a=1", "a=2"]).unwrap_err().len(), 2);
}

#[test]
fn a_value_from_outside_stays_out_of_paths_unless_its_type_bounds_it() {
    let offers = [("version", "2.4"), ("mode", "fast"), ("count", "2")];
    let offers = offers.map(|(name, value)| (name.to_owned(), Offer::Outside(Tainted::new(value))));
    let values = Values::check(&params(), &offers.into(), &|_| Ok(Vec::new())).unwrap();
    let render = |text: &str| Text::parse(text).unwrap().render(&values.scope());
    assert_eq!(render("/{{ mode }}/{{ count }}").unwrap(), "/fast/2");
    assert!(
        render("/{{ version }}")
            .unwrap_err()
            .message
            .contains("came from outside")
    );
    let secret = [(
        "token".to_owned(),
        Offer::Outside(Tainted::new("secret:root")),
    )];
    let errors = Values::check(&params(), &secret.into(), &|_| Ok(Vec::new())).unwrap_err();
    assert!(
        errors
            .iter()
            .any(|error| error.to_string().contains("nothing from outside"))
    );
}
