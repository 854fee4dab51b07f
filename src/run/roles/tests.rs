//! What people with roles, and without, can rely on.

use std::collections::HashSet;
use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::run::command::{Command, Refusal, Verdict};
use crate::run::event::What;
use crate::run::ids::{At, HostIx, RunId, StepIx};
use crate::run::line_up::Alone;
use crate::run::spec::{
    Access, Act, Approval, FlowRef, Lease, Rollout, RunKind, RunSpec, Step, StepRules, Target,
};
use crate::run::state::Run;

/// An ad-hoc run on these hosts.
pub(crate) fn on(hosts: &[&str]) -> RunSpec {
    let target = |name: &&str| Target {
        name: (*name).into(),
        address: None,
        port: None,
        user: None,
    };
    RunSpec {
        kind: RunKind::Exec,
        title: "true".to_owned(),
        targets_text: hosts.join(","),
        targets: hosts.iter().map(target).collect(),
        steps: vec![],
        rollout: Rollout {
            concurrency: 1,
            batches: vec![u32::try_from(hosts.len()).unwrap()],
            ..Rollout::default()
        },
        lease: Lease::Shared,
        access: Access::default(),
        flow: None,
        stages: None,
    }
}

fn flow(name: &str, hosts: &[&str]) -> RunSpec {
    RunSpec {
        kind: RunKind::Flow,
        flow: Some(FlowRef {
            name: name.to_owned(),
            version: 1,
            digest: String::new(),
            frozen: String::new(),
            secrets: Vec::new(),
        }),
        ..on(hosts)
    }
}

fn grant(role: Role, who: &str, hosts: Option<&[&str]>, definitions: Option<&[&str]>) -> Grant {
    let names = |hosts: &[&str]| hosts.iter().map(|host| (*host).to_owned()).collect();
    Grant {
        role,
        members: vec![Member::User(who.to_owned())],
        hosts: hosts.map(|hosts| HostScope {
            text: hosts.join(","),
            names: Ok(Arc::new(names(hosts))),
        }),
        definitions: definitions.map(|masks| {
            let masks = masks.iter().map(|mask| Covers((*mask).to_owned()));
            masks.collect()
        }),
    }
}

fn authority(who: &str, grants: &[Grant]) -> Authority {
    let owners: Arc<str> = "root or conn".into();
    let them = Member::User(who.to_owned());
    Authority::of(
        who,
        grants.to_vec().into(),
        |members| members.contains(&them),
        &owners,
    )
}

fn told(answer: Result<(), Denied>) -> String {
    answer.unwrap_err().to_string()
}

#[test]
fn every_deed_stands_in_the_table_once_and_the_readme_tells_it() {
    let readme = include_str!("../../../README.md");
    for rule in &TABLE {
        let same = TABLE.iter().filter(|other| other.deed == rule.deed);
        assert_eq!(same.count(), 1, "{:?}", rule.deed);
        assert_eq!(rule.deed.needs(), rule.role);
        let row = format!("| {} | {} | {} |", rule.words, rule.role, rule.commands);
        assert!(readme.contains(&row), "the README lacks {row}");
    }
    assert_eq!(Deed::Answer(Role::Lead).needs(), Role::Lead);
    assert_eq!(Deed::Answer(Role::Viewer).needs(), Role::Operator);
}

#[test]
fn a_refusal_names_the_missing_role_and_whom_to_ask() {
    let mut grants = vec![
        grant(Role::Viewer, "vic", None, None),
        grant(Role::Operator, "kim", Some(&["web1"]), None),
        grant(Role::Lead, "lee", None, None),
    ];
    grants[2].members.push(Member::Group("leads".to_owned()));
    let (one, two) = (on(&["web1"]), on(&["web1", "web2", "web3"]));
    let start = |who, spec| authority(who, &grants).may(Deed::Start, &Scope::Run(spec));
    assert!(start("kim", &one).is_ok() && start("lee", &two).is_ok());
    assert_eq!(
        told(start("vic", &one)),
        "vic may not start a run: that takes the role operator, and vic is viewer. \
         Ask kim or lee or anyone in @leads"
    );
    assert_eq!(
        told(start("max", &two)),
        "max may not start a run: that takes the role operator, and max has no role here. \
         Ask lee or anyone in @leads"
    );
    assert_eq!(
        told(start("kim", &two)),
        "kim may not start a run on web2 and 1 more host: kim is operator on web1 only. \
         Ask lee or anyone in @leads"
    );
    let engine = authority("lee", &grants).may(Deed::Engine, &Scope::Everything);
    assert_eq!(
        told(engine),
        "lee may not end or replace the engine: that takes the role admin, and lee is lead. \
         Ask root or conn"
    );
}

#[test]
fn limited_definitions_limit_commands_that_no_definition_describes() {
    let grants = [
        grant(
            Role::Operator,
            "kim",
            None,
            Some(&["hbase*", "flow/Flight*"]),
        ),
        grant(Role::Operator, "ann", None, Some(&["e*"])),
        grant(Role::Operator, "bob", None, Some(&["exec"])),
        grant(Role::Operator, "all", None, Some(&["*"])),
    ];
    let may = |who, spec: &RunSpec| {
        let asked = authority(who, &grants).may(Deed::Start, &Scope::Run(spec));
        asked.is_ok()
    };
    let names = ["kim", "ann", "bob", "all"];
    let those = |spec: &RunSpec| names.map(|who| may(who, spec));
    assert_eq!(those(&flow("hbase-up", &["a"])), [true, false, false, true]);
    assert_eq!(
        those(&flow("Flighting", &["a"])),
        [true, false, false, true]
    );
    assert_eq!(those(&on(&["a"])), [false, false, true, true]);
    let checks = RunSpec {
        kind: RunKind::Preflight,
        ..on(&["a"])
    };
    assert_eq!(those(&checks), [false, false, false, true]);
    let refused = authority("kim", &grants).may(Deed::Start, &Scope::Run(&on(&["a"])));
    assert_eq!(
        told(refused),
        "kim may not start a run: kim is operator for hbase*, flow/Flight*, and not for exec. \
         Ask all or bob"
    );
}

#[test]
fn a_role_limited_to_hosts_changes_no_definition_unless_it_names_it() {
    let grants = [
        grant(Role::Lead, "whole", None, None),
        grant(Role::Lead, "hosts", Some(&["a"]), None),
        grant(Role::Lead, "named", Some(&["a"]), Some(&["flow/hbase*"])),
        grant(Role::Operator, "low", None, None),
    ];
    let may = |who, name| {
        let scope = Scope::Definition { kind: "flow", name };
        authority(who, &grants).may(Deed::Define, &scope).is_ok()
    };
    assert!(may("whole", "any") && may("named", "hbase-up"));
    assert!(!may("hosts", "any") && !may("named", "any") && !may("low", "any"));
}

/// A run that stands before a question for a lead, in the hands of kim.
fn asked(role: Role, not_starter: bool) -> Run {
    let mut spec = flow("up", &["a", "b"]);
    spec.steps = vec![Step {
        name: "look".to_owned(),
        act: Act::Approve(Approval {
            role,
            not_starter,
            ..Approval::default()
        }),
        timeout: None,
        idempotent: false,
        rules: StepRules::default(),
        part: None,
    }];
    let mut run = Run::new(RunId(1), Arc::new(spec), "kim", At(0));
    let reached = run.advance(At(1), &Alone).unwrap();
    assert!(matches!(reached.what, What::BarrierReached { .. }));
    run.apply(&reached);
    run
}

fn yes(by: &str) -> Command {
    Command::Approve {
        by: by.to_owned(),
        reason: String::new(),
    }
}

#[test]
fn a_question_is_answered_by_the_role_it_asks_for_and_not_by_the_starter_where_it_says_so() {
    let grants = [
        grant(Role::Lead, "kim", None, None),
        grant(Role::Lead, "lee", None, None),
        grant(Role::Operator, "max", None, None),
    ];
    let run = asked(Role::Lead, true);
    let ask = |who: &str| run.ask(&authority(who, &grants), &[], &yes(who), At(2));
    assert_eq!(
        ask("kim").unwrap_err().to_string(),
        "run 1: kim started it, so somebody else must approve. Ask lee"
    );
    assert!(matches!(ask("max"), Err(Refusal::Role { .. })));
    assert!(ask("lee").is_ok());
    let run = asked(Role::Operator, false);
    assert!(
        run.ask(&authority("max", &grants), &[], &yes("max"), At(2))
            .is_ok()
    );
}

#[test]
fn a_yes_counts_for_what_it_was_said_to_and_for_nothing_else() {
    let all = Authority::everything("lee");
    let said = asked(Role::Lead, true)
        .ask(&all, &[], &yes("lee"), At(2))
        .unwrap();
    let mut run = asked(Role::Lead, true);
    run.apply(&said[0]);
    let next = run.advance(At(3), &Alone).unwrap();
    assert!(matches!(next.what, What::LinePassed { .. }), "{next:?}");
    // The same run, frozen otherwise.
    let mut other = asked(Role::Lead, true);
    Arc::make_mut(&mut other.spec).targets[1].name = "c".into();
    other.apply(&said[0]);
    let next = other.advance(At(3), &Alone).unwrap();
    assert!(matches!(next.what, What::BarrierReached { .. }), "{next:?}");
    other.apply(&next);
    assert!(other.asks().is_some(), "it is asked anew");
}

#[test]
fn a_lead_takes_the_conn_at_once_and_an_operator_waits_for_the_answer() {
    let grants = [
        grant(Role::Lead, "lee", None, None),
        grant(Role::Operator, "max", None, None),
        grant(Role::Viewer, "vic", None, None),
    ];
    let run = Run::new(RunId(1), Arc::new(on(&["a"])), "kim", At(0));
    let take = |who: &str| {
        let take = Command::Take {
            by: who.to_owned(),
            reason: "mine".to_owned(),
            holder_attached: true,
        };
        let answer = run.ask(&authority(who, &grants), &[], &take, At(1));
        answer.map(|events| events[0].what.clone())
    };
    assert!(matches!(take("lee"), Ok(What::ConnMoved { .. })));
    assert!(matches!(take("max"), Ok(What::TakeAsked { .. })));
    assert!(matches!(take("vic"), Err(Refusal::Role { .. })));
}

/// Every request there is, by this person.
fn requests(by: &str) -> Vec<Command> {
    let (by, reason) = (by.to_owned(), "so".to_owned());
    let host = HostIx(0);
    let verdict = Verdict::Ok;
    vec![
        Command::Pause {
            by: by.clone(),
            reason: reason.clone(),
        },
        Command::Resume { by: by.clone() },
        Command::Abort {
            by: by.clone(),
            reason: reason.clone(),
        },
        Command::Retry {
            by: by.clone(),
            only: vec![],
            hosts: vec![],
        },
        Command::Skip {
            by: by.clone(),
            hosts: vec![host],
        },
        Command::SkipStep {
            by: by.clone(),
            step: StepIx(0),
        },
        Command::Approve {
            by: by.clone(),
            reason: reason.clone(),
        },
        Command::Reject {
            by: by.clone(),
            reason: reason.clone(),
        },
        Command::Settle {
            by: by.clone(),
            host,
            verdict,
        },
        Command::Tune {
            by: by.clone(),
            concurrency: Some(2),
            batches: None,
            max_failures: None,
        },
        Command::Take {
            by: by.clone(),
            reason: reason.clone(),
            holder_attached: false,
        },
        Command::RefuseTake { by: by.clone() },
        Command::Give {
            by: by.clone(),
            to: "kim".to_owned(),
        },
        Command::Note { by, text: reason },
    ]
}

#[test]
fn who_only_looks_changes_no_run_whatever_they_ask() {
    let grants = [grant(Role::Viewer, "kim", None, None)];
    // Kim started it and has its conn, and is a viewer by now.
    let run = asked(Role::Operator, false);
    for who in ["kim", "nobody"] {
        for request in requests(who) {
            let answer = run.ask(&authority(who, &grants), &[], &request, At(2));
            assert!(matches!(answer, Err(Refusal::Role { .. })), "{request:?}");
        }
    }
}

const HOSTS: [&str; 4] = ["a", "b", "c", "d"];
const FLOWS: [&str; 3] = ["hbase-up", "hbase-down", "web"];
const MASKS: [&str; 5] = ["hbase*", "flow/web", "action/*", "exec", "*"];

fn any_grant() -> impl Strategy<Value = Grant> {
    let hosts = proptest::option::of(proptest::sample::subsequence(&HOSTS[..], 0..4));
    let masks = proptest::option::of(proptest::sample::subsequence(&MASKS[..], 1..3));
    let role = proptest::sample::select(&Role::ALL[..]);
    let who = proptest::sample::select(&["kim", "lee"][..]);
    (role, who, hosts, masks)
        .prop_map(|(role, who, hosts, masks)| grant(role, who, hosts.as_deref(), masks.as_deref()))
}

proptest! {
    #[test]
    fn nobody_may_on_a_run_what_no_role_of_theirs_gives_them_there(
        grants in proptest::collection::vec(any_grant(), 0..6),
        hosts in proptest::sample::subsequence(&HOSTS[..], 1..4),
        name in proptest::option::of(proptest::sample::select(&FLOWS[..])),
        place in 0..TABLE.len(),
    ) {
        let spec = name.map_or_else(|| on(&hosts), |name| flow(name, &hosts));
        let deed = TABLE[place].deed;
        let fits = |mask: &str| match (mask, name) {
            ("*", _) | ("exec", None) => true,
            ("hbase*", Some(name)) => name.starts_with("hbase"),
            ("flow/web", Some(name)) => name == "web",
            _ => false,
        };
        let theirs = |grant: &&Grant| {
            grant.members == [Member::User("kim".to_owned())]
                && grant.role >= deed.needs()
                && grant.definitions.as_ref().is_none_or(|masks| masks.iter().any(|mask| fits(&mask.0)))
        };
        let mut reached: HashSet<&str> = HashSet::new();
        for grant in grants.iter().filter(theirs) {
            let limit = grant.hosts.as_ref().map(|hosts| hosts.names.clone().unwrap());
            reached.extend(HOSTS.iter().filter(|host| limit.as_ref().is_none_or(|names| names.contains(**host))));
        }
        let expected = hosts.iter().all(|host| reached.contains(host));
        let may = authority("kim", &grants).may(deed, &Scope::Run(&spec));
        prop_assert_eq!(may.is_ok(), expected, "{:?}", may);
        // Whoever is to be asked may do it alone.
        if let Err(denied) = may {
            let lee = authority("lee", &grants).may(deed, &Scope::Run(&spec));
            prop_assert!(!denied.ask.contains("lee") || lee.is_ok());
        }
    }

    #[test]
    fn a_higher_role_may_all_that_a_lower_one_may(low in 0..4_usize, place in 0..TABLE.len()) {
        let roles = &Role::ALL[low..];
        let may = |role: Role| {
            let grants = [grant(role, "kim", None, None)];
            authority("kim", &grants).may(TABLE[place].deed, &Scope::Everything).is_ok()
        };
        let mut before = false;
        for role in roles {
            let now = may(*role);
            prop_assert!(now || !before);
            before = now;
        }
    }
}

#[test]
fn nobody_gets_past_a_question_by_leaving_its_step_out() {
    let run = asked(Role::Lead, true);
    let skip = Command::SkipStep {
        by: "kim".to_owned(),
        step: StepIx(0),
    };
    let answer = run.ask(&Authority::everything("kim"), &[], &skip, At(2));
    assert!(
        matches!(answer, Err(Refusal::BadValue { .. })),
        "{answer:?}"
    );
}

#[test]
fn a_fanout_is_an_action_and_no_flow_for_a_role_that_is_limited_to_definitions() {
    let grants = [
        grant(Role::Operator, "kim", None, Some(&["action/All*"])),
        grant(Role::Operator, "lee", None, Some(&["flow/All*"])),
    ];
    let fanout = RunSpec {
        kind: RunKind::Fanout,
        ..flow("AllAtOnce", &["a"])
    };
    let may = |who| authority(who, &grants).may(Deed::Start, &Scope::Run(&fanout));
    assert!(may("kim").is_ok());
    let refused = told(may("lee"));
    assert!(refused.contains("not for action/AllAtOnce"), "{refused}");
}
