//! What writers of our own inventory can rely on.

use proptest::prelude::*;

use super::*;

fn expand(set: &str) -> Result<Vec<String>, String> {
    match set {
        "empty" => Ok(Vec::new()),
        "bad[" => Err("the bracket is not closed".to_owned()),
        names => Ok(names.split(',').map(str::to_owned).collect()),
    }
}

fn read(text: &str) -> Result<Source, InventoryError> {
    parse("site", "inventory.toml", text, &expand)
}

#[test]
fn the_example_of_the_documentation_is_read() {
    let docs = include_str!("../native.rs");
    let example: String = docs
        .lines()
        .skip_while(|line| *line != "//! ```toml")
        .skip(1)
        .take_while(|line| *line != "//! ```")
        .map(|line| {
            line.trim_start_matches("//!")
                .trim_start_matches(' ')
                .to_owned()
                + "\n"
        })
        .collect();
    let range = |set: &str| {
        Ok(if set.contains('[') {
            vec![format!("{}7", set.split('[').next().unwrap_or(set))]
        } else {
            vec![set.to_owned()]
        })
    };
    let source =
        parse("site", "inventory.toml", &example, &range).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(
        source.host("web7").unwrap().connection.address.as_deref(),
        Some("10.99.0.7")
    );
    assert_eq!(source.groups().len(), 4);
}

#[test]
fn hosts_that_only_stand_in_groups_need_no_entry() {
    let source = read("[groups.web]\nmembers = ['a,b', 'c']\n").unwrap();
    assert_eq!(source.hosts().len(), 3);
    assert!(source.host("b").unwrap().connection.is_empty());
}

#[test]
fn mistakes_are_named_with_their_place() {
    for (text, expected) in [
        (
            "[[host]]\n",
            "inventory.toml:1:3: the key \"host\" is not known; did you mean \"hosts\"?",
        ),
        (
            "[[hosts]]\nadress = 'x'\n",
            "inventory.toml:1:1: the key \"names\" is missing in [hosts]; write names = \"web[01-20]\"\ninventory.toml:2:1: the key \"adress\" is not known in [hosts]; did you mean \"address\"?",
        ),
        (
            "[[hosts]]\nnames = 'a'\naddress = '{m}'\n",
            "inventory.toml:3:11: the placeholder {m} is not known; write {name}, {short}, {n}, {1} or {n+10}",
        ),
        (
            "[[hosts]]\nnames = 'a,b'\naddress = '{n}'\n",
            "inventory.toml:3:11: the host name \"a\" has no such number to make its address from\ninventory.toml:3:11: the host name \"b\" has no such number to make its address from",
        ),
        (
            "[[hosts]]\nnames = 'a'\nport = 70000\n",
            "inventory.toml:3:8: \"port\" must be from 1 to 65535, but is 70000",
        ),
        (
            "[[hosts]]\nnames = 'a'\nuser = '-l'\n",
            "inventory.toml:3:8: \"-l\" is no user name: it starts with a dash and could be read as an option",
        ),
        (
            "[[hosts]]\nnames = 'a'\nlabels = { n = 1 }\n",
            "inventory.toml:3:10: the label \"n\" must be a string",
        ),
        (
            "[[hosts]]\nnames = 'bad['\n",
            "inventory.toml:2:9: the bracket is not closed",
        ),
        (
            "[[hosts]]\nnames = 'empty'\n",
            "inventory.toml:2:9: the host set \"empty\" is empty",
        ),
        (
            "[[hosts]]\nnames = '@web'\n",
            "inventory.toml:2:9: the host set \"@web\" names a group; name groups under \"children\"",
        ),
        (
            "[groups.web]\nchildren = ['wbe', 'canari']\n[groups.canary]\n",
            "inventory.toml:2:12: there is no group, cluster or app \"wbe\"; did you mean \"web\"?\ninventory.toml:2:12: there is no group, cluster or app \"canari\"; did you mean \"canary\"?",
        ),
        (
            "[groups.web]\n[apps.web]\n",
            "inventory.toml:2:7: \"web\" is the name of another group, cluster or app already",
        ),
        (
            "[groups.web]\nchildren = 'x'\n[apps.x]\n",
            "inventory.toml:2:12: the app \"x\" cannot be a child of the group \"web\"; children of apps are clusters and groups, of clusters and groups only groups",
        ),
        (
            "[groups.'a:b']\n",
            "inventory.toml:1:9: the group name \"a:b\" has a ':' in it; use letters, digits, - _ . + /",
        ),
        (
            "[groups.a]\nchildren = 'b'\n[groups.b]\nchildren = 'a'\n",
            "inventory.toml:1:9: groups contain each other in a circle: \"a\" > \"b\" > \"a\"; take one of them out of the other's children",
        ),
        (
            "[groups.a]\nmember = 'x'\n",
            "inventory.toml:2:1: the key \"member\" is not known in [groups.a]; did you mean \"members\"?",
        ),
    ] {
        assert_eq!(read(text).unwrap_err().to_string(), expected);
    }
}

proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(text in "(\\[\\[hosts\\]\\]|\\[groups\\.[ab]\\]|\\[apps\\.[ab]\\]|names|members|children|address|vars|labels|port| = |'[a-c{}n,@]{0,4}'|[0-9]|\n|\\PC){0,40}") {
        let _ = read(&text);
    }
}
