//! What questions to an inventory answer.

use std::collections::BTreeMap;

use super::*;
use crate::inventory::{ansible, command, listed, native};

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

fn toml(name: &str, text: &str) -> Arc<Source> {
    Arc::new(
        native::parse(name, &format!("{name}.toml"), text, &expand)
            .unwrap_or_else(|error| panic!("{error}")),
    )
}

fn site() -> Inventory {
    Inventory::new(vec![
        toml(
            "site",
            "[[hosts]]\nnames = 'rs[1-4]'\naddress = '10.0.0.{n}'\nuser = 'hbase'\nvars = { heap = '8g' }\nlabels = { rack = 'a' }\n\
             [[hosts]]\nnames = 'rs4'\nport = 2222\nvars = { heap = '16g' }\nlabels = { disk = 'ssd' }\n\
             [groups.canary]\nmembers = 'rs1'\nvars = { version = '2.6', heap = '1g' }\n\
             [groups.old]\nmembers = 'rs[1-2]'\nchildren = ['canary']\nvars = { version = '2.4' }\n\
             [clusters.a]\nmembers = 'rs[1-4]'\nvars = { version = '2.5', zone = 'z1' }\n\
             [apps.hbase]\nchildren = ['a']\nvars = { version = '2', zone = 'z0', owner = 'storage' }\n",
        ),
        Arc::new(
            ansible::parse(
                "ansible",
                &[ansible::File {
                    path: "hosts",
                    text: "[old]\nrs9\n[db]\nrs1 owner=dba ansible_host=10.9.9.9\n",
                }],
                &[],
            )
            .unwrap(),
        ),
    ])
}

fn names(inventory: &Inventory, hosts: &[HostId]) -> Vec<String> {
    hosts
        .iter()
        .map(|host| inventory.name(*host).to_string())
        .collect()
}

#[test]
fn the_more_special_level_wins_and_each_value_knows_where_it_came_from() {
    let inventory = site();
    let said = |host: &str| -> BTreeMap<String, String> {
        let vars = inventory.vars(inventory.host(host).unwrap());
        vars.iter()
            .map(|var| {
                (
                    var.key.to_string(),
                    format!(
                        "{} from {} {} at {}",
                        var.value,
                        var.origin.level.word(),
                        var.origin.name,
                        var.origin.place
                    ),
                )
            })
            .collect()
    };
    let rs1 = said("rs1");
    assert_eq!(rs1["heap"], "\"8g\" from host rs1 at site.toml:5:10");
    assert_eq!(
        rs1["version"],
        "\"2.6\" from group canary at site.toml:14:10"
    );
    assert_eq!(rs1["zone"], "\"z1\" from cluster a at site.toml:21:27");
    assert_eq!(rs1["owner"], "\"dba\" from host rs1 at hosts:4:1");
    assert_eq!(
        said("rs2")["version"],
        "\"2.4\" from group old at site.toml:18:10"
    );
    assert_eq!(
        said("rs3")["version"],
        "\"2.5\" from cluster a at site.toml:21:10"
    );
    assert_eq!(
        said("rs3")["owner"],
        "\"storage\" from app hbase at site.toml:24:38"
    );
}

#[test]
fn all_that_is_said_of_a_variable_can_be_asked_for_the_strongest_first() {
    let inventory = site();
    let said = inventory.explain(inventory.host("rs1").unwrap(), "version");
    let order: Vec<&str> = said.iter().map(|var| &*var.origin.name).collect();
    assert_eq!(order, ["canary", "old", "a", "hbase"]);
    assert!(
        inventory
            .explain(inventory.host("rs1").unwrap(), "nothing")
            .is_empty()
    );
}

#[test]
fn the_first_source_decides_how_a_host_is_reached_and_both_are_named() {
    let inventory = site();
    let rs1 = inventory.resolve(inventory.host("rs1").unwrap());
    assert_eq!(
        (rs1.address.as_deref(), rs1.user.as_deref(), rs1.port),
        (Some("10.0.0.1"), Some("hbase"), None)
    );
    let conflicts: Vec<String> = inventory
        .conflicts()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        conflicts,
        [
            "the host \"rs1\" is reached in two ways: site says address \"10.0.0.1\", user \"hbase\" (site.toml:2:9), ansible says address \"10.9.9.9\" (hosts:4:1); site comes first and is used",
            "the group \"old\" is in site and in ansible; @old means @site:old",
        ]
    );
}

#[test]
fn a_source_that_only_names_a_host_does_not_decide_how_it_is_reached() {
    let inventory = Inventory::new(vec![
        Arc::new(
            listed::hosts("ssh", "config", &["rs1".into(), "-oProxyCommand=x".into()]).unwrap(),
        ),
        toml("site", "[[hosts]]\nnames = 'rs1'\naddress = '10.0.0.1'\n"),
    ]);
    let rs1 = inventory.resolve(inventory.host("rs1").unwrap());
    assert_eq!(
        (rs1.address.as_deref(), rs1.source.as_str()),
        (Some("10.0.0.1"), "site")
    );
    assert_eq!(rs1.sources, ["site", "ssh"]);
    assert!(inventory.conflicts().is_empty());
    assert_eq!(inventory.sources()[0].warnings().len(), 1);
}

#[test]
fn a_later_description_adds_to_an_earlier_one() {
    let inventory = site();
    let rs4 = inventory.resolve(inventory.host("rs4").unwrap());
    assert_eq!(
        (rs4.address.as_deref(), rs4.port, rs4.user.as_deref()),
        (Some("10.0.0.4"), Some(2222), Some("hbase"))
    );
    assert_eq!(rs4.vars["heap"], "16g");
    assert_eq!(
        rs4.labels,
        [
            ("disk".to_owned(), "ssd".to_owned()),
            ("rack".to_owned(), "a".to_owned())
        ]
        .into()
    );
    let rs3 = inventory.resolve(inventory.host("rs3").unwrap());
    assert_eq!(
        (rs3.port, rs3.vars["heap"].as_str(), rs3.labels.len()),
        (None, Some("8g"), 1)
    );
}

#[test]
fn groups_are_found_by_name_and_by_source_with_all_members_below_them() {
    let inventory = site();
    let members = |source, name| {
        inventory
            .group(source, name)
            .map(|group| names(&inventory, &inventory.members(group)))
    };
    assert_eq!(members(None, "old").unwrap(), ["rs1", "rs2"]);
    assert_eq!(members(Some("ansible"), "old").unwrap(), ["rs9"]);
    assert_eq!(
        members(None, "hbase").unwrap(),
        ["rs1", "rs2", "rs3", "rs4"]
    );
    assert_eq!(members(None, "db").unwrap(), ["rs1"]);
    assert_eq!(
        members(Some("site"), "db").unwrap_err().to_string(),
        "there is no group \"db\" in the source \"site\"; see conn hosts"
    );
    assert_eq!(
        members(None, "hbse").unwrap_err().to_string(),
        "there is no group \"hbse\"; did you mean \"hbase\"?"
    );
    assert_eq!(
        members(Some("x"), "db").unwrap_err().to_string(),
        "there is no inventory source \"x\"; known: site, ansible"
    );
    assert_eq!(
        names(&inventory, &inventory.source_hosts("ansible").unwrap()),
        ["rs9", "rs1"]
    );
    assert_eq!(
        inventory.require_host("rs11").unwrap_err().to_string(),
        "there is no host \"rs11\" in the inventory; did you mean \"rs1\"?"
    );
}

#[test]
fn a_host_knows_all_its_groups() {
    let inventory = site();
    let groups = inventory.resolve(inventory.host("rs1").unwrap()).groups;
    assert_eq!(
        groups,
        [
            "site:canary",
            "site:old",
            "site:a",
            "site:hbase",
            "ansible:all",
            "ansible:db"
        ]
    );
    assert_eq!(inventory.groups().count(), 8);
}

#[test]
fn a_command_may_print_host_sets_or_json() {
    let lines = command::parse(
        "cmdb",
        "command cmdb",
        " \n# all\nweb[1-2]\n  db1\n",
        &expand,
    )
    .unwrap();
    let inventory = Inventory::new(vec![Arc::new(lines)]);
    assert_eq!(
        names(&inventory, &inventory.hosts().collect::<Vec<_>>()),
        ["web1", "web2", "db1"]
    );
    let json = command::parse(
        "cmdb",
        "command cmdb",
        "\n {\"web\": [\"a\"], \"_meta\": {\"hostvars\": {\"a\": {\"ansible_port\": 22}}}}",
        &expand,
    )
    .unwrap();
    assert_eq!(json.host("a").unwrap().connection.port, Some(22));
    let error = command::parse(
        "cmdb",
        "command cmdb",
        "ok\n  web[1-x]\n@group\n-x\n",
        &expand,
    )
    .unwrap_err()
    .to_string();
    assert_eq!(
        error,
        "command cmdb:2:3: invalid digit found in string\n\
         command cmdb:3:1: the host set \"@group\" names a group, which an inventory command cannot use\n\
         command cmdb:4:1: \"-x\" is no host name: it starts with a dash and could be read as an option"
    );
}

#[test]
fn a_hundred_thousand_hosts_are_one_inventory() {
    let mut text = "[[hosts]]\nnames = 'web[000001-100000]'\naddress = '10.0.0.{n}'\nvars = { a = 1 }\n[groups.all-web]\nmembers = 'web[000001-100000]'\nvars = { b = 2 }\n".to_owned();
    for rack in 0..100 {
        let (from, to) = (rack * 1_000 + 1, (rack + 1) * 1_000);
        let group = format!("[groups.rack{rack}]\nmembers = 'web[{from:06}-{to:06}]'\n");
        text.push_str(&group);
    }
    let inventory = Inventory::new(vec![toml("site", &text), toml("again", &text)]);
    assert_eq!(inventory.len(), 100_000);
    assert_eq!(
        inventory
            .members(inventory.group(None, "all-web").unwrap())
            .len(),
        100_000
    );
    let all: Vec<_> = inventory
        .hosts()
        .step_by(97)
        .map(|host| inventory.resolve(host))
        .collect();
    assert!(
        all.iter()
            .all(|host| host.vars.len() == 2 && host.groups.len() == 4)
    );
    // Hosts that were described together share their variables.
    let source = &inventory.sources()[0];
    assert!(Arc::ptr_eq(
        &source.hosts()[0].vars,
        &source.hosts()[99_999].vars
    ));
}
