//! Host sets against the installed `ClusterShell`: random sets, every operation, the same text.

// A helper of tests may fail as a test does.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::io::Write as _;
use std::process::{Command, Stdio};

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use theconn::inventory::hostset::{FoldStyle, GroupError, Groups, HostSet, NoGroups, RangeSet};

/// How many random cases each comparison has; `ORACLE_CASES` asks for more.
fn case_count() -> usize {
    std::env::var("ORACLE_CASES")
        .ok()
        .and_then(|count| count.parse().ok())
        .unwrap_or(300)
}

/// A question as `ClusterShell` is asked it: what, groups, text, further arguments.
type Question = Vec<String>;

fn clustershell(questions: &[Question]) -> Vec<String> {
    let mut child = Command::new("/usr/bin/python3")
        .args(["-c", include_str!("oracle/clustershell.py")])
        .env("PYTHONIOENCODING", "utf-8")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("/usr/bin/python3 runs: these tests need the Debian packages python3 and python3-clustershell");
    let text: String = questions
        .iter()
        .map(|fields| fields.join("\x1f") + "\n")
        .collect();
    let mut stdin = child.stdin.take().unwrap();
    let writer = std::thread::spawn(move || stdin.write_all(text.as_bytes()).unwrap());
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    assert!(
        output.status.success(),
        "ClusterShell could not be asked: install python3-clustershell"
    );
    let answers: Vec<String> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(String::from)
        .collect();
    assert_eq!(answers.len(), questions.len());
    answers
}

/// Asks both about random cases and compares; `None` from ours is a refusal.
fn compare<T: std::fmt::Debug>(
    strategy: impl Strategy<Value = T>,
    question: impl Fn(&T) -> Question,
    ours: impl Fn(&T) -> Option<String>,
) {
    let mut runner = TestRunner::deterministic();
    let cases: Vec<T> = (0..case_count())
        .map(|_| strategy.new_tree(&mut runner).unwrap().current())
        .collect();
    let questions: Vec<Question> = cases.iter().map(question).collect();
    let mut wrong = Vec::new();
    for ((case, question), theirs) in cases.iter().zip(&questions).zip(clustershell(&questions)) {
        let ours = ours(case);
        let same = match &ours {
            Some(answer) => *answer == theirs,
            None => theirs.starts_with("ERROR"),
        };
        if !same {
            wrong.push(format!(
                "{question:?}\n  ours   {ours:?}\n  theirs {theirs}"
            ));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {} differ:\n{}",
        wrong.len(),
        cases.len(),
        wrong[..wrong.len().min(12)].join("\n")
    );
}

fn ask(what: &str, text: &str, rest: &[String]) -> Question {
    [&[what.to_string(), String::new(), text.to_string()], rest].concat()
}

/// One range: single, run, run with a step; padded or not, never with a fault.
fn range() -> impl Strategy<Value = String> {
    (0u32..130, 0u32..25, 1u32..5, 0usize..6).prop_map(|(low, length, step, form)| {
        let high = low + length;
        let width = high.to_string().len();
        match form {
            0 => format!("{low}"),
            1 => format!("{low:03}"),
            2 => format!("{low}-{high}"),
            3 => format!("{low:0width$}-{high:0width$}", width = width + 1),
            4 => format!("{low}-{high}/{step}"),
            _ => format!("{low:0width$}-{high:0width$}/{step}"),
        }
    })
}

fn ranges() -> impl Strategy<Value = String> {
    proptest::collection::vec(range(), 1..5).prop_map(|ranges| ranges.join(","))
}

/// Few, small ranges, so that sets of several dimensions often meet.
fn small_ranges() -> impl Strategy<Value = String> {
    proptest::collection::vec((1u32..12, 0u32..4, 0usize..3), 1..3).prop_map(|parts| {
        let part = |(low, length, form): (u32, u32, usize)| match form {
            0 => format!("{low}"),
            1 => format!("{low}-{}", low + length),
            _ => format!("{low:02}-{:02}", low + length),
        };
        parts.into_iter().map(part).collect::<Vec<_>>().join(",")
    })
}

fn operand() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => (prefix(), ranges()).prop_map(|(prefix, ranges)| format!("{prefix}[{ranges}]")),
        2 => (prefix(), 0u32..40).prop_map(|(prefix, number)| format!("{prefix}{number}")),
        1 => (prefix(), 0u32..12).prop_map(|(prefix, number)| format!("{prefix}{number:03}-ib")),
        1 => prefix().prop_filter("a name", |prefix| !prefix.is_empty()),
        3 => (small_ranges(), small_ranges()).prop_map(|(a, b)| format!("r[{a}]n[{b}]")),
        1 => (small_ranges(), 0u32..12).prop_map(|(a, b)| format!("r[{a}]n{b}")),
        2 => (small_ranges(), small_ranges(), small_ranges()).prop_map(|(a, b, c)| format!("r[{a}]n[{b}]p[{c}]")),
        1 => (small_ranges(), small_ranges()).prop_map(|(a, b)| format!("x[{a}]y[{b}].z")),
    ]
}

fn prefix() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("a"),
        Just("node"),
        Just("a-b"),
        Just("é"),
        Just("50%"),
        Just("")
    ]
    .prop_map(String::from)
}

fn host_set() -> impl Strategy<Value = String> {
    let operator = prop_oneof![5 => Just(","), 2 => Just("!"), 1 => Just("&"), 1 => Just("^"), 1 => Just(" , ")];
    (
        operand(),
        proptest::collection::vec((operator, operand()), 0..7),
    )
        .prop_map(|(first, rest)| {
            rest.into_iter().fold(first, |text, (operator, operand)| {
                text + operator + &operand
            })
        })
}

/// Only of several dimensions, and many overlapping: what folding finds hardest.
fn grid() -> impl Strategy<Value = String> {
    let cell = || (small_ranges(), small_ranges()).prop_map(|(a, b)| format!("r[{a}]n[{b}]"));
    let operator = prop_oneof![4 => Just(","), 1 => Just("!"), 1 => Just("^")];
    (cell(), proptest::collection::vec((operator, cell()), 1..14)).prop_map(|(first, rest)| {
        rest.into_iter().fold(first, |text, (operator, operand)| {
            text + operator + &operand
        })
    })
}

/// Single hosts of two or three numbers, scattered.
fn scatter() -> impl Strategy<Value = String> {
    let two = proptest::collection::vec((0u32..13, 0u32..13), 1..60).prop_map(|hosts| {
        hosts
            .iter()
            .map(|(a, b)| format!("r{a}n{b}"))
            .collect::<Vec<_>>()
            .join(",")
    });
    let three = proptest::collection::vec((0u32..4, 8u32..12, 0u32..3), 1..40).prop_map(|hosts| {
        hosts
            .iter()
            .map(|(a, b, c)| format!("r{a}n{b}p{c:02}"))
            .collect::<Vec<_>>()
            .join(",")
    });
    prop_oneof![two, three]
}

fn any_set() -> impl Strategy<Value = String> {
    prop_oneof![3 => host_set(), 2 => grid(), 1 => scatter()]
}

fn parse(text: &str) -> Option<HostSet> {
    HostSet::parse(text, &NoGroups).ok()
}

fn folded(sets: &[HostSet]) -> String {
    sets.iter().map(HostSet::fold).collect::<Vec<_>>().join(" ")
}

#[test]
fn every_set_folds_to_the_same_text() {
    let question = |text: &String| ask("fold", text, &[String::new(), String::new()]);
    compare(host_set(), question, |text| Some(parse(text)?.fold()));
    compare(grid(), question, |text| Some(parse(text)?.fold()));
    compare(scatter(), question, |text| Some(parse(text)?.fold()));
}

#[test]
fn folded_text_reads_back_as_the_same_set() {
    let mut runner = TestRunner::deterministic();
    for _ in 0..case_count() {
        let set = parse(&any_set().new_tree(&mut runner).unwrap().current()).unwrap();
        assert_eq!(parse(&set.fold()).unwrap(), set);
        assert_eq!(HostSet::from_names(set.iter()).unwrap(), set);
        assert!(set.iter().all(|name| set.contains(&name)));
    }
}

#[test]
fn hosts_come_in_the_same_order() {
    compare(
        any_set(),
        |text| ask("names", text, &[]),
        |text| Some(parse(text)?.iter().collect::<Vec<_>>().join(" ")),
    );
}

#[test]
fn hosts_are_counted_alike() {
    compare(
        any_set(),
        |text| ask("count", text, &[]),
        |text| Some(parse(text)?.len().to_string()),
    );
}

#[test]
fn steps_are_found_alike() {
    let case = (any_set(), 0i64..8);
    let question = |(text, autostep): &(String, i64)| {
        ask("fold", text, &[autostep.to_string(), String::new()])
    };
    compare(case, question, |(text, autostep)| {
        Some(parse(text)?.fold_as(&FoldStyle {
            autostep: Some(*autostep),
            axes: None,
        }))
    });
}

#[test]
fn folding_keeps_to_the_same_axes() {
    let case = (any_set(), proptest::collection::vec(-3i64..4, 1..3));
    let axes = |axes: &[i64]| {
        axes.iter()
            .map(i64::to_string)
            .collect::<Vec<_>>()
            .join(" ")
    };
    let question =
        |(text, wanted): &(String, Vec<i64>)| ask("fold", text, &[String::new(), axes(wanted)]);
    compare(case, question, |(text, axes)| {
        Some(parse(text)?.fold_as(&FoldStyle {
            autostep: None,
            axes: Some(axes.clone()),
        }))
    });
}

#[test]
fn sets_split_into_the_same_shares() {
    let question = |(text, shares): &(String, usize)| ask("split", text, &[shares.to_string()]);
    compare((any_set(), 1usize..9), question, |(text, shares)| {
        Some(folded(&parse(text)?.split(*shares)))
    });
}

#[test]
fn slices_hold_the_same_hosts() {
    let case = (any_set(), 0usize..30, 0usize..30);
    let question = |(text, from, length): &(String, usize, usize)| {
        ask(
            "slice",
            text,
            &[from.to_string(), (from + length).to_string()],
        )
    };
    compare(case, question, |(text, from, length)| {
        Some(parse(text)?.slice(*from, from + length).fold())
    });
}

#[test]
fn unbroken_ranges_are_the_same() {
    compare(
        any_set(),
        |text| ask("contiguous", text, &[]),
        |text| Some(folded(&parse(text)?.contiguous())),
    );
}

#[test]
fn range_sets_fold_and_expand_alike() {
    let signed = prop_oneof![
        3 => ranges(),
        1 => (-30i32..5, 0i32..40, ranges()).prop_map(|(low, length, more)| format!("{low}-{},{more}", low + length)),
    ];
    let case = (signed, 0i64..6);
    let autostep = |autostep: i64| (autostep > 1).then_some(autostep);
    let text = |step: i64| {
        autostep(step)
            .map(|step| step.to_string())
            .unwrap_or_default()
    };
    compare(
        &case,
        |(ranges, step)| ask("ranges", ranges, &[text(*step)]),
        |(ranges, step)| Some(RangeSet::parse(ranges).ok()?.fold(autostep(*step))),
    );
    compare(
        &case,
        |(ranges, _)| ask("range-names", ranges, &[]),
        |(ranges, _)| {
            Some(
                RangeSet::parse(ranges)
                    .ok()?
                    .iter()
                    .collect::<Vec<_>>()
                    .join(" "),
            )
        },
    );
}

/// Text that is mostly wrong: both have to refuse the same, and agree on the rest.
#[test]
fn faulty_notation_is_refused_alike() {
    let token = prop_oneof![
        Just("a"),
        Just("b1"),
        Just("[1-3]"),
        Just("[08-10]"),
        Just("["),
        Just("]"),
        Just("[]"),
        Just(","),
        Just("!"),
        Just("&"),
        Just("^"),
        Just(" "),
        Just("[1,,2]"),
        Just("[5-1]"),
        Just("[01-3]"),
        Just("[x]"),
        Just("-"),
        Just("[1-5/2]"),
        Just("[1-5/0]"),
        Just("[3/2]"),
        Just("."),
        Just("[1-]"),
        Just("[ 1 - 2 ]"),
        Just("[01-100]"),
    ];
    let text = proptest::collection::vec(token, 1..7).prop_map(|tokens| tokens.concat());
    let question = |text: &String| ask("fold", text, &[String::new(), String::new()]);
    compare(text, question, |text| Some(parse(text)?.fold()));
}

/// Groups as the oracle is told them: `name=hosts;name=hosts`.
struct Listed(Vec<(String, String)>);

impl Listed {
    fn new(text: &str) -> Self {
        Self(
            text.split(';')
                .filter_map(|pair| pair.split_once('='))
                .map(|(a, b)| (a.into(), b.into()))
                .collect(),
        )
    }

    fn hosts(&self, group: &str) -> Option<Vec<String>> {
        let (_, hosts) = self.0.iter().find(|(name, _)| name == group)?;
        Some(hosts.split_whitespace().map(String::from).collect())
    }
}

/// The only source there is.
fn known(source: Option<&str>) -> Result<(), GroupError> {
    match source {
        None | Some("local") => Ok(()),
        other => Err(GroupError::unknown(other, "there is local")),
    }
}

impl Groups for Listed {
    fn sources(&self) -> Result<Vec<String>, GroupError> {
        Ok(vec!["local".into()])
    }

    fn hosts(&self, source: Option<&str>, group: &str) -> Result<Vec<String>, GroupError> {
        known(source)?;
        Ok(self.hosts(group).unwrap_or_default())
    }

    fn all_hosts(&self, source: Option<&str>) -> Result<Vec<String>, GroupError> {
        known(source)?;
        self.hosts("all").ok_or(GroupError::NoUpcall {
            source_name: "local".into(),
            upcall: "all",
        })
    }

    fn group_names(&self, source: Option<&str>) -> Result<Vec<String>, GroupError> {
        known(source)?;
        Ok(self.0.iter().map(|(name, _)| name.clone()).collect())
    }

    fn knows_groups_of(&self, _source: Option<&str>) -> bool {
        false
    }

    fn groups_of(&self, _source: Option<&str>, _host: &str) -> Result<Vec<String>, GroupError> {
        Err(GroupError::NoUpcall {
            source_name: "local".into(),
            upcall: "reverse",
        })
    }
}

fn groups() -> impl Strategy<Value = String> {
    let hosts = prop_oneof![
        (1u32..20, 0u32..9).prop_map(|(low, length)| format!("n[{low}-{}]", low + length)),
        (1u32..4, 0u32..3).prop_map(|(low, length)| format!("r[{low}-{}]p[1-2]", low + length)),
        Just("@rack2,n1!n3".to_string()),
        Just("other n2".to_string()),
    ];
    let listed = proptest::collection::vec(hosts, 6);
    (listed, any::<bool>()).prop_map(|(hosts, all)| {
        let names = ["rack1", "rack2", "rack3", "web", "db-x", "all"];
        let count = if all { 6 } else { 5 };
        let pair = |(name, hosts): (&&str, &String)| {
            // A group must not be defined by itself. And `@*` put together from all groups must not
            // meet an operator: ClusterShell lets it work on the hosts of other groups, we do not.
            let hosts = if *name == "rack2" { "n[4-6]" } else { hosts };
            format!(
                "{name}={}",
                if all {
                    hosts.to_string()
                } else {
                    hosts.replace('!', ",")
                }
            )
        };
        names
            .iter()
            .zip(&hosts)
            .take(count)
            .map(pair)
            .collect::<Vec<_>>()
            .join(";")
    })
}

fn with_groups() -> impl Strategy<Value = (String, String)> {
    let operand = prop_oneof![
        Just("@rack1"),
        Just("@rack[1-2]"),
        Just("@web"),
        Just("@local:rack3"),
        Just("@*"),
        Just("@local:*"),
        Just("@nope"),
        Just("@@"),
        Just("@@local"),
        Just("n*"),
        Just("r?p[1-2]"),
        Just("*2"),
        Just("n[1-9]"),
        Just("n[5-20]"),
        Just("r[1-6]p[1-2]"),
        Just("@bad:x"),
    ];
    let operator = prop_oneof![3 => Just(","), 1 => Just("!"), 1 => Just("&"), 1 => Just("^")];
    let text = (
        operand.clone(),
        proptest::collection::vec((operator, operand), 0..4),
    );
    let text = text.prop_map(|(first, rest)| {
        rest.into_iter()
            .fold(first.to_string(), |text, (operator, operand)| {
                text + operator + operand
            })
    });
    (text, groups())
}

#[test]
fn groups_and_wildcards_mean_the_same_hosts() {
    let question = |(text, groups): &(String, String)| {
        vec![
            "fold".into(),
            groups.clone(),
            text.clone(),
            String::new(),
            String::new(),
        ]
    };
    compare(with_groups(), question, |(text, groups)| {
        Some(HostSet::parse(text, &Listed::new(groups)).ok()?.fold())
    });
}

#[test]
fn sets_regroup_alike() {
    let question = |what: &'static str| {
        move |(text, groups): &(String, String)| vec![what.into(), groups.clone(), text.clone()]
    };
    compare(with_groups(), question("regroup"), |(text, groups)| {
        let groups = Listed::new(groups);
        let set = HostSet::parse(text, &groups).ok()?;
        set.regroup(&groups, None, "@", &FoldStyle::default()).ok()
    });
    compare(with_groups(), question("groups"), |(text, groups)| {
        let groups = Listed::new(groups);
        let found = HostSet::parse(text, &groups)
            .ok()?
            .groups(&groups, None)
            .ok()?;
        let shown = |group: &theconn::inventory::hostset::GroupMatch| {
            format!("@{}={}/{}", group.name, group.matched, group.members.len())
        };
        Some(found.iter().map(shown).collect::<Vec<_>>().join(" "))
    });
}
