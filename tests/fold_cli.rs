//! `conn fold` against the installed `clubak`: the same output and exit code.

// A helper of tests may fail as a test does.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::{Case, Site, compare};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;

const OPTIONS: [&str; 24] = [
    "",
    "-b",
    "-c",
    "--dshbak",
    "-B",
    "-L",
    "-bL",
    "-N",
    "-bN",
    "-bLN",
    "-r",
    "-r -G -s racks",
    "-rL -s racks",
    "-F",
    "-bF",
    "-T",
    "-TL",
    "--diff",
    "--diff -F",
    "-bq",
    "-b -v",
    "--color=always -b",
    "--color=always -bL",
    "--color=always --diff",
];

fn with_all_options(input: &[u8]) -> Vec<Case> {
    let case = |options: &&str| {
        let options: Vec<&str> = options
            .split(' ')
            .filter(|option| !option.is_empty())
            .collect();
        Case::with_input(&options, input)
    };
    OPTIONS.iter().map(case).collect()
}

#[test]
fn outputs_are_gathered_and_shown_alike() {
    let site = Site::new();
    for input in [
        "web1: up\nweb2: up\nweb3: down\nweb1: 5 days\nweb2: 5 days\n",
        "web1: a\nweb2: a\nweb2: b\nweb1: c\nweb10: a\nweb10: b\ndb: a\n",
        "r1n1: x\nr1n2: x\nr2n1: x\nr2n2: y\n",
        "web[1-3]: same for all\nweb2: more\n@rack2: group\n",
        "web1:no space\nweb1:  two spaces\nweb1:\nweb2:no space\r\n",
        " web1 : padded key\nweb01: other host\n",
        "web1: last line without an end",
        "",
    ] {
        compare("fold", "clubak", &site, &with_all_options(input.as_bytes()));
    }
}

#[test]
fn bytes_that_are_not_text_pass_through() {
    compare(
        "fold",
        "clubak",
        &Site::new(),
        &with_all_options(b"web1: \xff\xfe\x00\xc3\nweb2: \xff\xfe\x00\xc3\nweb3: \xc3\xa9\x80\n"),
    );
}

#[test]
fn other_separators_and_keys_are_read_alike() {
    let site = Site::new();
    let case = |options: &[&str], input: &str| Case::with_input(options, input);
    compare(
        "fold",
        "clubak",
        &site,
        &[
            case(&["-b", "-S", "="], "web1=a:b\nweb2=a:b\n"),
            case(&["-b", "-S", " - "], "web1 - a\nweb2 - a\n"),
            case(&["-b", "--separator", ">>"], "web1>>a\nweb2>>b\n"),
            case(&["-S", ""], "web1:a\n"),
            case(&[], "no separator\n"),
            case(&[], ": no host\n"),
            case(&[], "web1: a\n\nweb2: b\n"),
            case(&["-b"], "bad[: a\n"),
            case(&["-b"], "web1: a\nbad[: b\n"),
            case(
                &["--interpret-keys=never"],
                "web[1-2]: a\nweb3: b\nweb3: c\n",
            ),
            case(&["--interpret-keys=never", "-L"], "web[1-2]: a\nweb3: b\n"),
            case(
                &["--interpret-keys=never", "-b"],
                "b: 1\na: 2\na: 3\nc: 2\n",
            ),
            case(
                &["--interpret-keys=never", "-bL"],
                "b: 1\na: 2\na: 3\nc: 2\nc: 4\n",
            ),
            case(
                &["--interpret-keys=never", "-b", "-F"],
                "b: 1\na: 2\na: 3\nc: 2\n",
            ),
            case(&["--interpret-keys=always"], "web[1-2]: a\n"),
            case(&["--interpret-keys=always"], "web[1-2: a\n"),
            case(&["--interpret-keys=auto"], "web[1-2: a\nweb[3-4]: b\n"),
            case(&["--interpret-keys=never", "-T"], "web[1-2]: a\nweb3: a\n"),
            case(&["--interpret-keys=never", "--diff"], "b: 1\na: 2\n"),
            case(&["-b"], "@nowhere:x: a\n"),
            case(&["-b"], "@rack1: a\n"),
            case(&["-F", "-T"], ""),
            case(&["-F", "-L"], ""),
            case(&["--diff", "-L"], ""),
            case(&["--nonsense"], ""),
            case(&["--color=sometimes"], ""),
            case(&["-b", "--groupsconf=/nonexistent"], "web1: a\n"),
            case(&["-d"], "web1: a\n"),
        ],
    );
}

/// Outputs of many hosts that share beginnings and endings.
fn outputs() -> impl Strategy<Value = String> {
    let host = prop_oneof![
        3 => (1u32..30).prop_map(|n| format!("web{n}")),
        1 => (1u32..4, 1u32..4).prop_map(|(a, b)| format!("r{a}n{b}")),
        1 => Just("db".to_string()),
        1 => Just("web[2-7]".to_string()),
    ];
    let line = prop_oneof![
        Just("up"),
        Just("down"),
        Just(" 1 user"),
        Just(""),
        Just("--- a"),
        Just("x: y"),
        Just("load 0.1")
    ];
    proptest::collection::vec((host, line), 0..60).prop_map(|lines| {
        lines
            .iter()
            .map(|(host, line)| format!("{host}: {line}\n"))
            .collect::<Vec<_>>()
            .concat()
    })
}

/// Long outputs, so that a diff has several hunks and lines that are too frequent to match on.
fn long_outputs() -> impl Strategy<Value = String> {
    let line = prop_oneof![2 => (0u32..400).prop_map(|n| format!("line {n}")), 1 => Just("}".to_string()), 1 => Just(String::new())];
    let base = proptest::collection::vec(line, 150..320);
    (
        base,
        proptest::collection::vec((0usize..320, 0usize..3), 1..12),
    )
        .prop_map(|(base, edits)| {
            let mut other = base.clone();
            for (at, kind) in edits {
                let at = at % other.len();
                match kind {
                    0 => other[at] = "changed".into(),
                    1 => other.insert(at, "inserted".into()),
                    _ => drop(other.remove(at)),
                }
            }
            let lines = |host: &str, lines: &[String]| {
                lines
                    .iter()
                    .map(|line| format!("{host}: {line}\n"))
                    .collect::<Vec<_>>()
                    .concat()
            };
            lines("web[1-2]", &base) + &lines("web3", &other)
        })
}

fn random(strategy: &impl Strategy<Value = String>, options: &[&str], count: usize) -> Vec<Case> {
    let mut runner = TestRunner::deterministic();
    let input = |number: usize, runner: &mut TestRunner| {
        let options: Vec<&str> = options[number % options.len()]
            .split(' ')
            .filter(|option| !option.is_empty())
            .collect();
        Case::with_input(&options, strategy.new_tree(runner).unwrap().current())
    };
    (0..count)
        .map(|number| input(number, &mut runner))
        .collect()
}

#[test]
fn random_outputs_are_shown_alike() {
    compare(
        "fold",
        "clubak",
        &Site::new(),
        &random(&outputs(), &OPTIONS, 300),
    );
}

#[test]
fn random_differences_are_shown_alike() {
    compare(
        "fold",
        "clubak",
        &Site::new(),
        &random(&long_outputs(), &["--diff", "--diff -q", "--diff -r"], 40),
    );
}
