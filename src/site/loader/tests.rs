//! What users of a site's inventory can rely on.

use std::fs;
use std::time::Duration;

use super::*;
use crate::site::Settings;

/// Enough of the notation for these tests: commas, and one range of numbers.
fn expand(set: &str) -> Result<Vec<String>, String> {
    let mut names = Vec::new();
    for part in set.split(',') {
        match part
            .split_once('[')
            .and_then(|(head, rest)| Some((head, rest.strip_suffix(']')?.split_once('-')?)))
        {
            Some((head, (from, to))) => {
                let bound = |text: &str| text.parse::<u32>().map_err(|error| error.to_string());
                names.extend(
                    (bound(from)?..=bound(to)?)
                        .map(|n| format!("{head}{n:0width$}", width = from.len())),
                );
            }
            None => names.push(part.to_owned()),
        }
    }
    Ok(names)
}

fn readers() -> Readers<'static> {
    Readers {
        expand: &expand,
        ssh_config: &|path| {
            path.map_or(Ok(vec!["bastion".into(), "-bad".into()]), |_| {
                Err("no such file".into())
            })
        },
        clustershell: &|_| Ok(vec![("rack1".into(), vec!["web01".into(), "n1".into()])]),
    }
}

fn site(dir: &Path, conn_toml: &str) -> Inventories {
    let settings = Settings::parse(&dir.join("conn.toml"), conn_toml).unwrap();
    Inventories::of_site(&settings, dir)
}

fn names(loaded: &Loaded) -> Vec<String> {
    loaded
        .inventory
        .hosts()
        .map(|host| loaded.inventory.name(host).to_string())
        .collect()
}

const ALL_KINDS: &str = "
[inventory.site]
kind = 'toml'
path = 'hosts.toml'
[inventory.ansible]
kind = 'ansible'
path = 'ansible/hosts'
[inventory.ssh]
kind = 'ssh_config'
[inventory.cmdb]
kind = 'command'
command = 'cat cmdb.txt'
[inventory.cluster]
kind = 'clustershell'
";

fn write_all_kinds(dir: &Path) {
    fs::create_dir_all(dir.join("ansible/group_vars/web")).unwrap();
    fs::write(
        dir.join("hosts.toml"),
        "[[hosts]]\nnames = 'web[01-02]'\naddress = '10.0.0.{n}'\n",
    )
    .unwrap();
    fs::write(
        dir.join("ansible/hosts"),
        "[web]\nweb01 ansible_host=10.9.9.9\ndb1\n[web:vars]\nx=1\n",
    )
    .unwrap();
    fs::write(dir.join("ansible/group_vars/web/a.yml"), "x: 2\n").unwrap();
    fs::write(dir.join("cmdb.txt"), "# hosts\nm[1-2]\n").unwrap();
}

#[test]
fn all_kinds_of_sources_make_one_inventory() {
    let dir = tempfile::tempdir().unwrap();
    write_all_kinds(dir.path());
    let loaded = site(dir.path(), ALL_KINDS).load(readers(), Instant::now());
    assert_eq!(loaded.problems, []);
    assert_eq!(
        names(&loaded),
        ["web01", "web02", "db1", "bastion", "m1", "m2", "n1"]
    );
    let web01 = loaded
        .inventory
        .resolve(loaded.inventory.host("web01").unwrap());
    assert_eq!(web01.address.as_deref(), Some("10.0.0.1"));
    assert_eq!(web01.sources, ["site", "ansible", "cluster"]);
    assert_eq!(
        web01.groups,
        ["ansible:all", "ansible:web", "cluster:rack1"]
    );
    assert_eq!(web01.vars["x"], serde_json::json!(2));
    assert!(
        web01.vars_from["x"]
            .place
            .ends_with("ansible/group_vars/web/a.yml:1:1")
    );
    let conflicts: Vec<String> = loaded
        .inventory
        .conflicts()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(conflicts.len(), 1);
    assert!(
        conflicts[0].contains("site says address \"10.0.0.1\"")
            && conflicts[0].contains("ansible says address \"10.9.9.9\""),
        "{conflicts:?}"
    );
}

#[test]
fn a_site_without_configuration_has_the_inventory_beside_it_once_there_is_one() {
    let dir = tempfile::tempdir().unwrap();
    let mut site = Inventories::of_site(&Settings::default(), dir.path());
    let mut load = || site.load(readers(), Instant::now());
    assert!(load().inventory.is_empty() && load().problems.is_empty());
    fs::write(
        dir.path().join("inventory.toml"),
        "[groups.web]\nmembers = 'a,b'\n",
    )
    .unwrap();
    assert_eq!(names(&load()), ["a", "b"]);
}

#[test]
fn nothing_is_read_again_until_it_changes() {
    let dir = tempfile::tempdir().unwrap();
    write_all_kinds(dir.path());
    let files = "[inventory.site]\nkind = 'toml'\npath = 'hosts.toml'\n[inventory.ansible]\nkind = 'ansible'\npath = 'ansible/hosts'\n";
    let mut site = site(dir.path(), files);
    let first = site.load(readers(), Instant::now()).inventory;
    assert!(Arc::ptr_eq(
        &first,
        &site.load(readers(), Instant::now()).inventory
    ));
    fs::write(dir.path().join("hosts.toml"), "[[hosts]]\nnames = 'new'\n").unwrap();
    let second = site.load(readers(), Instant::now());
    assert_eq!(names(&second), ["new", "web01", "db1"]);
    fs::write(dir.path().join("ansible/group_vars/all.yml"), "y: 3\n").unwrap();
    let third = site.load(readers(), Instant::now()).inventory;
    assert_eq!(third.vars(third.host("db1").unwrap()).len(), 2);
}

#[test]
fn a_command_is_asked_again_when_its_time_has_passed() {
    let dir = tempfile::tempdir().unwrap();
    let text = "[inventory.cmdb]\nkind = 'command'\ncommand = 'echo x >>asked; wc -l <asked'\nrefresh = '5m'\n";
    let mut site = site(dir.path(), text);
    let start = Instant::now();
    assert_eq!(names(&site.load(readers(), start)), ["1"]);
    assert_eq!(
        names(&site.load(readers(), start + Duration::from_secs(299))),
        ["1"]
    );
    assert_eq!(
        names(&site.load(readers(), start + Duration::from_mins(5))),
        ["2"]
    );
}

#[test]
fn a_source_that_fails_keeps_its_last_good_answer_and_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let text = "[inventory.cmdb]\nkind = 'command'\ncommand = 'cat hosts || { echo down >&2; exit 1; }'\nrefresh = '5m'\n[inventory.site]\nkind = 'toml'\npath = 'gone.toml'\n[inventory.ssh]\nkind = 'ssh_config'\npath = 'gone'\n";
    let mut site = site(dir.path(), text);
    let start = Instant::now();
    fs::write(dir.path().join("hosts"), "a\n").unwrap();
    assert_eq!(names(&site.load(readers(), start)), ["a"]);
    fs::remove_file(dir.path().join("hosts")).unwrap();
    let loaded = site.load(readers(), start + Duration::from_secs(301));
    assert_eq!(names(&loaded), ["a"]);
    let problems: Vec<String> = loaded.problems.iter().map(ToString::to_string).collect();
    assert!(
        problems[0].starts_with("inventory source cmdb: its last good answer is used: ")
            && problems[0].contains("it said \"down\""),
        "{problems:?}"
    );
    assert!(
        problems[1].starts_with("inventory source site: its hosts are missing: cannot read "),
        "{problems:?}"
    );
    assert_eq!(
        problems[2],
        "inventory source ssh: its hosts are missing: no such file"
    );
    fs::write(dir.path().join("hosts"), "b\n").unwrap();
    assert_eq!(
        names(&site.load(readers(), start + Duration::from_secs(302))),
        ["a"],
        "a failed command is not asked at every turn"
    );
    assert_eq!(
        names(&site.load(readers(), start + Duration::from_secs(602))),
        ["b"]
    );
}

#[test]
fn an_inventory_that_is_wrong_is_named_with_its_place() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("hosts.toml"), "[[hosts]]\nname = 'x'\n").unwrap();
    let loaded = site(
        dir.path(),
        "[inventory.site]\nkind = 'toml'\npath = 'hosts.toml'\n",
    )
    .load(readers(), Instant::now());
    assert!(loaded.inventory.is_empty());
    assert!(
        loaded.problems[0].message.contains(
            "hosts.toml:2:1: the key \"name\" is not known in [hosts]; did you mean \"names\"?"
        ),
        "{:?}",
        loaded.problems
    );
}
