use std::cell::Cell;

use super::*;
use proptest::prelude::*;

/// Groups for tests, counting the questions.
#[derive(Default)]
struct Asked {
    groups: Vec<(&'static str, String)>,
    questions: Cell<usize>,
}

impl Asked {
    fn new(groups: &[(&'static str, &str)]) -> Self {
        let groups = groups
            .iter()
            .map(|&(name, hosts)| (name, hosts.to_string()))
            .collect();
        Self {
            groups,
            questions: Cell::new(0),
        }
    }
}

impl Groups for Asked {
    fn sources(&self) -> Result<Vec<String>, GroupError> {
        Ok(vec!["test".into()])
    }

    fn hosts(&self, _source: Option<&str>, group: &str) -> Result<Vec<String>, GroupError> {
        self.questions.update(|count| count + 1);
        let found = self.groups.iter().find(|(name, _)| *name == group);
        Ok(found
            .map(|(_, hosts)| vec![hosts.clone()])
            .unwrap_or_default())
    }

    fn all_hosts(&self, source: Option<&str>) -> Result<Vec<String>, GroupError> {
        self.hosts(source, "all")
    }

    fn group_names(&self, _source: Option<&str>) -> Result<Vec<String>, GroupError> {
        Ok(self
            .groups
            .iter()
            .map(|(name, _)| (*name).to_string())
            .collect())
    }

    fn knows_groups_of(&self, _source: Option<&str>) -> bool {
        false
    }

    fn groups_of(&self, _source: Option<&str>, _host: &str) -> Result<Vec<String>, GroupError> {
        Ok(Vec::new())
    }
}

fn set(text: &str) -> HostSet {
    HostSet::parse(text, &NoGroups).unwrap()
}

fn error(text: &str, groups: &dyn Groups) -> String {
    HostSet::parse(text, groups).unwrap_err().to_string()
}

#[test]
fn an_error_names_the_place_and_the_way_out() {
    assert_eq!(
        error("web1,é[5-3]", &NoGroups),
        "a range runs backwards: put the smaller number first at column 8, in \"5-3\""
    );
    assert_eq!(
        error("a,,b", &NoGroups),
        "the operator \",\" lacks a host set on one side at column 3, in \",b\""
    );
    let groups = Asked::new(&[("web", "n[1")]);
    assert_eq!(
        error("@web", &groups),
        "group @web holds a faulty host set: a \"[\" is never closed: add the missing \"]\" at column 2, in \"[1\""
    );
}

#[test]
fn a_set_larger_than_any_fleet_is_refused_at_once() {
    for text in [
        "a[1-99999999999]",
        "a[1-10000001]",
        "a[1-9000000],b[1-9000000]",
        "a[1-9999]b[1-9999]",
        "a[1-99]b[1-99]c[1-99]d[1-99]e[1-99]f[1-99]",
        "a[0-99999999/2]",
        "a[1-2000]b[1-2000],a1b9000",
        "a[1-3000]b[1-3000]!a1b1",
    ] {
        assert!(HostSet::parse(text, &NoGroups).is_err(), "{text}");
    }
    assert_eq!(set("a[1-10000000]").len(), MAX_HOSTS);
}

#[test]
fn a_group_within_itself_is_an_error_and_not_a_hang() {
    let groups = Asked::new(&[("a", "n1,@b"), ("b", "@c"), ("c", "@a")]);
    assert_eq!(
        error("@a", &groups),
        "group @a contains itself: break the circle in the source that defines it"
    );
    let groups = Asked::new(&[("all", "@*")]);
    assert!(error("@*", &groups).contains("contains itself"));
}

#[test]
fn nested_groups_cost_one_question_each() {
    let mut groups = Asked::default();
    for level in 0..60 {
        let definition = format!("@g{next},n{level},@g{next}", next = level + 1);
        groups.groups.push((format!("g{level}").leak(), definition));
    }
    assert_eq!(HostSet::parse("@g0", &groups).unwrap().fold(), "n[0-59]");
    assert_eq!(groups.questions.get(), 61);
}

#[test]
fn wildcards_ask_for_all_hosts_once() {
    let groups = Asked::new(&[("all", "web[1-20],db1")]);
    assert_eq!(
        HostSet::parse("web1*,*b1!web?", &groups).unwrap().fold(),
        "db1,web[10-19]"
    );
    assert_eq!(groups.questions.get(), 1);
}

#[test]
fn digits_before_a_bracket_are_part_of_each_number() {
    // `ClusterShell` reads the first as n[18-112]: a hundred hosts that nobody named.
    assert_eq!(set("n1[8-12]").fold(), "n[18-19,110-112]");
    assert_eq!(set("n1[08-12]").fold(), "n[108-112]");
    assert_eq!(
        set("n[0-10]5").fold(),
        "n[05,15,25,35,45,55,65,75,85,95,105]"
    );
}

#[test]
fn numbers_too_long_to_count_with_stay_text() {
    let long = "9".repeat(50);
    let text = format!("a{long},b1");
    let hosts = set(&text);
    assert_eq!((hosts.len(), hosts.fold()), (2, text));
    assert!(hosts.contains(&format!("a{long}")));
}

#[test]
fn plain_names_are_not_read_as_notation() {
    let names = ["a[1-2]", "@x", "b*", "50%", "c,d"];
    let hosts = HostSet::from_names(names).unwrap();
    assert_eq!(hosts.len(), 5);
    assert!(names.iter().all(|name| hosts.contains(name)));
    assert!(!hosts.contains("a1"));
}

#[test]
fn picked_hosts_are_as_many_as_asked_for_and_of_the_set() {
    let hosts = set("n[1-50],r[1-3]n[1-9],x");
    let mut state = 7usize;
    let mut below = |end: usize| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % end
    };
    for count in [0, 1, 10, 77, 78, 100] {
        let picked = hosts.pick(count, &mut below);
        assert_eq!(picked.len(), count.min(78));
        assert!(hosts.contains_all(&picked));
    }
}

#[test]
fn a_hundred_thousand_scattered_hosts_of_two_numbers_fold_without_comparing_each_with_each() {
    let names = (0..100_000).map(|n| format!("r{}n{}", n, (n * 7919) % 100_003));
    let hosts = HostSet::from_names(names).unwrap();
    assert_eq!(hosts.len(), 100_000);
    let half = HostSet::from_names((0..50_000).map(|n| format!("r{}n{}", n, (n * 7919) % 100_003)))
        .unwrap();
    assert_eq!(hosts.difference(&half).len(), 50_000);
    assert_eq!(hosts.intersection(&half), half);
}

proptest! {
    #[test]
    fn no_text_panics_or_hangs(text in "\\PC{0,30}|[a-c0-9\\[\\],!&^/@:*?% -]{0,50}") {
        let groups = Asked::new(&[("a", "n[1-3]"), ("b", "@a,c*"), ("all", "a1,b[1-9]c[1-3]")]);
        if let Ok(hosts) = HostSet::parse(&text, &groups) {
            let style = FoldStyle { autostep: Some(3), axes: Some(vec![0]) };
            let _ = (hosts.fold_as(&style), hosts.regroup(&groups, None, "@", &style));
            prop_assert_eq!(hosts.iter().take(2000).count(), hosts.len().min(2000));
        }
    }

    #[test]
    fn any_names_come_back(names in proptest::collection::btree_set("[a-b%é.-]{0,2}[0-9]{1,3}[a-b]?[0-9]{0,2}", 0..20)) {
        let hosts = HostSet::from_names(&names).unwrap();
        prop_assert_eq!(hosts.iter().collect::<std::collections::BTreeSet<_>>(), names.clone());
        prop_assert_eq!(HostSet::parse(&hosts.fold(), &NoGroups).unwrap(), hosts);
    }
}
