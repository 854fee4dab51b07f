//! What Ansible's inventories mean here where there is no oracle: errors, and connections.

use proptest::prelude::*;

use super::*;

fn ini(text: &str) -> Result<Source, InventoryError> {
    parse(
        "a",
        &[File {
            path: "hosts.ini",
            text,
        }],
        &[],
    )
}

fn yml(text: &str) -> Result<Source, InventoryError> {
    parse(
        "a",
        &[File {
            path: "hosts.yml",
            text,
        }],
        &[],
    )
}

fn reached(source: &Source, host: &str) -> (Option<String>, Option<u16>, Option<String>) {
    let connection = &source.host(host).unwrap().connection;
    (
        connection.address.as_deref().map(str::to_owned),
        connection.port,
        connection.user.as_deref().map(str::to_owned),
    )
}

#[test]
fn a_connection_comes_from_the_variables_that_hold() {
    let text = "[web]\na ansible_host=10.0.0.1\nb:2222 ansible_user=bob\n[web:vars]\nansible_user=deploy\nansible_port=22\n";
    let source = ini(text).unwrap();
    assert_eq!(
        reached(&source, "a"),
        (Some("10.0.0.1".into()), Some(22), Some("deploy".into()))
    );
    assert_eq!(
        reached(&source, "b"),
        (None, Some(2222), Some("bob".into()))
    );
}

#[test]
fn plain_names_in_templates_are_filled_in_and_anything_more_makes_the_host_unreachable() {
    let text = "all:\n  vars: {domain: example.net, ansible_host: '{{ inventory_hostname }}.{{domain}}'}\n  hosts:\n    a:\n    b: {ansible_host: \"{{ lookup('x') }}\"}\n    c: {domain: '{{ d }}', d: x}\n";
    let source = yml(text).unwrap();
    assert_eq!(reached(&source, "a").0.as_deref(), Some("a.example.net"));
    assert_eq!(
        reached(&source, "b").0.as_deref(),
        Some("unresolved.invalid")
    );
    assert_eq!(
        reached(&source, "c").0.as_deref(),
        Some("unresolved.invalid")
    );
    assert_eq!(source.warnings().len(), 2);
    assert!(
        source.warnings()[0]
            .to_string()
            .starts_with("hosts.yml:5:9: the address of the host \"b\" is a template")
    );
}

#[test]
fn variables_files_win_over_groups_and_lose_against_hosts() {
    let file = File {
        path: "hosts",
        text: "[web]\na x=1\nb\n[web:vars]\nx=2\ny=2\n",
    };
    let vars = |owner, text| VarsFile {
        owner,
        file: File {
            path: "vars.yml",
            text,
        },
    };
    let all = vars(Owner::Group("all"), "y: 3\nz: 3\n");
    let host = vars(Owner::Host("b"), "z: 4\n");
    let unknown = vars(Owner::Group("nobody"), "z: 5\n");
    let source = parse("a", &[file], &[all, host, unknown]).unwrap();
    let inventory = crate::inventory::Inventory::new(vec![Arc::new(source)]);
    let values = |name: &str| {
        let vars = inventory.vars(inventory.host(name).unwrap());
        vars.iter()
            .map(|var| format!("{}={}", var.key, var.value))
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert_eq!(values("a"), "x=1 y=3 z=3");
    assert_eq!(values("b"), "x=2 y=3 z=4");
}

#[test]
fn what_is_wrong_in_ini_is_named_with_its_place() {
    for (text, expected) in [
        (
            "[web]\na\n  b c\n",
            "hosts.ini:3:3: \"c\" is no variable; write key=value",
        ),
        (
            "[we b]\n",
            "hosts.ini:1:1: the section \"[we b]\" is wrong: write [NAME], [NAME:children] or [NAME:vars], without blanks",
        ),
        (
            "[web:kids]\n",
            "hosts.ini:1:1: a section of the kind \"kids\" is not known; write children or vars",
        ),
        (
            "[web:vars]\nx=1\n",
            "hosts.ini:1:1: variables are given to the group \"web\", which is not declared; declare it with a section [web]",
        ),
        (
            "[web:children]\ndb\n",
            "hosts.ini:2:1: the group \"db\" is a child, but is not declared; declare it with a section [db]",
        ),
        (
            "[a:children]\nb\n[b:children]\na\n",
            "hosts.ini:1:1: groups contain each other in a circle: \"a\" > \"b\" > \"a\"; take one of them out of the other's children",
        ),
        (
            "a[5:3]\n",
            "hosts.ini:1:1: the host range \"a[5:3]\" is wrong: its begin is behind its end",
        ),
        ("a 'b\n", "hosts.ini:1:1: a quotation is not closed"),
        (
            "a ansible_port=http\n",
            "hosts.ini:1:1: \"http\" is no port; write a number from 1 to 65535",
        ),
        (
            "a ansible_host=-oProxyCommand=x\n",
            "hosts.ini:1:1: \"-oProxyCommand=x\" is no address: it starts with a dash and could be read as an option",
        ),
        (
            "'a b'\n",
            "hosts.ini:1:1: \"a b\" is no host name: it has a blank or a control character in it",
        ),
    ] {
        assert_eq!(ini(text).unwrap_err().to_string(), expected);
    }
}

#[test]
fn what_is_wrong_in_yaml_is_named_with_its_place() {
    for (text, expected) in [
        ("", "hosts.yml: the inventory is empty"),
        (
            "- a\n",
            "hosts.yml:1:1: the inventory must be a map of groups, but is a list",
        ),
        (
            "web:\n  hosts: [a]\n",
            "hosts.yml:2:10: hosts must be a map, but is a list; write a colon behind each name",
        ),
        (
            "web:\n  hosts:\n    5:\n",
            "hosts.yml:3:5: the host \"5\" is no name; put numbers into quotation marks",
        ),
        (
            "web:\n  hosts:\n    a: 1\n",
            "hosts.yml:3:8: variables of a host must be a map, but this is a number",
        ),
        (
            "plugin: aws_ec2\n",
            "hosts.yml:1:1: this configures an inventory plugin and is no inventory; use it as kind = \"command\" with: ansible-inventory --list -i FILE",
        ),
    ] {
        assert_eq!(yml(text).unwrap_err().to_string(), expected);
    }
}

#[test]
fn what_is_wrong_in_json_is_named() {
    for (text, expected) in [
        (
            "{",
            "inv: this is not JSON: EOF while parsing an object at line 1 column 1",
        ),
        ("[]", "inv: the inventory must be a JSON object of groups"),
        (
            "{\"a\": {\"hosts\": {}}}",
            "inv: the hosts of the group \"a\" must be a list",
        ),
        (
            "{\"a\": [1]}",
            "inv: a host of the group \"a\" has no name: \"1\"",
        ),
        (
            "{\"a\": {\"children\": [[]]}}",
            "inv: the children of the group \"a\" must be a list of names",
        ),
    ] {
        assert_eq!(
            parse_dynamic("a", "inv", text)
                .unwrap_err()
                .to_string()
                .replace("inv:1:1:", "inv:"),
            expected
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn no_ini_makes_the_reader_panic(text in "(\\[|\\]|:|=|#|'|\"|\\\\| |\n|\\PC|[a-c]|[0-9]|web|vars|children|ansible_port|ansible_group_priority|\\{\\{){0,60}") {
        let _ = ini(&text);
    }

    #[test]
    fn no_yaml_makes_the_reader_panic(text in "(all|web|hosts|vars|children|ansible_host|[a-c]|[0-9]|: |:\n|\n|  |\\{|\\}|\\[|\\]|,|null|'){0,40}") {
        let _ = yml(&text);
    }

    #[test]
    fn no_json_makes_the_reader_panic(text in "(\\{|\\}|\\[|\\]|,|:|\"(a|b|hosts|vars|children|_meta|hostvars|)\"|1|null|true){0,30}") {
        let _ = parse_dynamic("a", "inv", &text);
    }
}
