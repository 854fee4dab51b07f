//! What a writer of `conn.toml` can rely on.

use super::*;
use crate::site::specs::Kind;
use crate::site::upcall::CommandLine;

fn parse(text: &str) -> Result<Settings, String> {
    Settings::parse(Path::new("/etc/conn/conn.toml"), text).map_err(|error| error.to_string())
}

#[test]
fn an_empty_file_and_the_reference_both_mean_the_defaults() {
    assert_eq!(parse("").unwrap(), Settings::default());
    assert_eq!(parse(REFERENCE).unwrap(), Settings::default());
}

#[test]
fn every_key_that_the_reference_shows_as_a_comment_is_known() {
    let example = |line: &str| {
        let rest = line.strip_prefix("# ")?;
        let key = rest.starts_with('[')
            || rest
                .split_once(" = ")
                .is_some_and(|(key, _)| key.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'));
        key.then(|| rest.to_owned())
    };
    let text: String = REFERENCE
        .lines()
        .map(|line| example(line).unwrap_or_else(|| line.to_owned()) + "\n")
        .collect();
    let settings = parse(&text).unwrap();
    assert_eq!(settings.environment.name.as_deref(), Some("production"));
    let kinds: Vec<&str> = settings.inventory.iter().map(|spec| &*spec.name).collect();
    assert_eq!(kinds, ["site", "ansible", "ssh", "cmdb", "cluster"]);
    let roles = settings.roles.unwrap();
    assert_eq!(roles.len(), 1);
    assert_eq!(roles[0].hosts.as_ref().unwrap().text, "@hbase");
    assert_eq!(roles[0].definitions.as_ref().unwrap().len(), 3);
}

#[test]
fn every_key_of_every_table_stands_in_the_reference() {
    // A key nobody knows makes the reader list those it knows.
    for table in [
        "environment",
        "ssh",
        "run",
        "retention",
        "store",
        "engine",
        "audit",
        "console",
    ] {
        let error = parse(&format!("[{table}]\nqqqqqqqq = 1\n")).unwrap_err();
        let (_, known) = error.split_once("known here: ").unwrap();
        for key in known.split(", ") {
            let start = REFERENCE.find(&format!("[{table}]")).unwrap();
            let section = REFERENCE[start..].split("\n\n").next().unwrap();
            let stands = section.lines().any(|line| {
                line.trim_start_matches("# ")
                    .starts_with(&format!("{key} = "))
            });
            assert!(stands, "{table}.{key}");
        }
    }
}

#[test]
fn what_is_set_is_read() {
    let text = "[environment]\nname = 'staging'\n[ssh]\nconnecting = 5\nconnect_timeout = '3s'\n[run]\nrun_as = 'doas'\noutput_disk = '1GiB'\n[engine]\nidle_stop = '2h'\nlog_level = 'debug'\n";
    let settings = parse(text).unwrap();
    assert_eq!(settings.environment.name.as_deref(), Some("staging"));
    assert_eq!(
        (settings.ssh.connecting, settings.ssh.connect_timeout),
        (5, HumanDuration::from_secs(3))
    );
    assert_eq!(
        (settings.run.run_as, settings.run.output_disk),
        (RunAs::Doas, ByteSize::from_mib(1_024))
    );
    assert_eq!(
        (settings.engine.idle_stop, settings.engine.log_level),
        (Some(HumanDuration::from_secs(7_200)), LogLevel::Debug)
    );
}

#[test]
fn mistakes_are_named_with_their_place_and_a_way_out() {
    for (text, expected) in [
        (
            "[ssh]\nconecting = 5\n",
            "/etc/conn/conn.toml:2:1: the key \"conecting\" is not known in [ssh]; did you mean \"connecting\"?",
        ),
        (
            "[shs]\n",
            "/etc/conn/conn.toml:1:2: the key \"shs\" is not known; did you mean \"ssh\"?",
        ),
        (
            "[run]\nfanout = 0\n",
            "/etc/conn/conn.toml:2:10: \"fanout\" must be from 1 to 1000000, but is 0",
        ),
        (
            "[ssh]\nconnect_timeout = '0s'\n",
            "/etc/conn/conn.toml:2:19: \"connect_timeout\" must be longer than 0s",
        ),
        (
            "[run]\noutput_disk = '1KiB'\n",
            "/etc/conn/conn.toml:2:15: \"output_disk\" must be at least 64KiB, but is 1KiB",
        ),
        (
            "[engine]\nidle_stop = '5'\n",
            "/etc/conn/conn.toml:2:13: the duration \"5\" has no unit; write one behind it, as in 90s, 10m or 2h, or \"never\"",
        ),
        (
            "[run]\nrun_as = 'root'\n",
            "/etc/conn/conn.toml:2:10: \"root\" is not known for \"run_as\"; write one of \"sudo\", \"su\", \"doas\"",
        ),
        (
            "[environment]\nname = ''\n",
            "/etc/conn/conn.toml:2:8: the environment's name must have 1 to 20 characters, but is \"\"",
        ),
        (
            "[inventory.x]\nkind = 'ansible'\n",
            "/etc/conn/conn.toml:1:12: the key \"path\" is missing in [inventory.x]; write path = \"FILE\"",
        ),
        (
            "[inventory.x]\npath = 'a'\n",
            "/etc/conn/conn.toml:1:12: the key \"kind\" is missing in [inventory.x]; write kind = \"toml\", \"ansible\", \"ssh_config\", \"command\" or \"clustershell\"",
        ),
        (
            "[inventory.x]\nkind = 'toml'\npath = 'a'\nrefresh = '5m'\n",
            "/etc/conn/conn.toml:4:1: the key \"refresh\" is not known in [inventory.x]; known here: kind, path",
        ),
        (
            "[inventory.'a:b']\nkind = 'toml'\npath = 'a'\n",
            "/etc/conn/conn.toml:1:12: the source name \"a:b\" must be made of letters, digits, - and _",
        ),
        (
            "[inventory.x]\nkind = 'command'\ncommand = []\n",
            "/etc/conn/conn.toml:3:11: \"command\" must have at least one word",
        ),
    ] {
        assert_eq!(parse(text).unwrap_err(), expected);
    }
}

#[test]
fn sources_keep_the_order_of_the_file_and_paths_start_from_it() {
    let text = "[inventory.z]\nkind = 'toml'\npath = 'z.toml'\n[inventory.a]\nkind = 'command'\ncommand = 'echo a'\nrefresh = '5m'\n[inventory.m]\nkind = 'ssh_config'\n";
    let settings = parse(text).unwrap();
    assert_eq!(
        settings.inventory[0].kind,
        Kind::Toml {
            path: "/etc/conn/z.toml".into()
        }
    );
    let Kind::Command {
        command,
        refresh,
        timeout,
    } = &settings.inventory[1].kind
    else {
        panic!("{settings:?}")
    };
    assert_eq!(*command, CommandLine::Shell("echo a".into()));
    assert_eq!(
        (refresh, timeout),
        (
            &HumanDuration::from_secs(300),
            &HumanDuration::from_secs(30)
        )
    );
    assert_eq!(settings.inventory[2].kind, Kind::SshConfig { path: None });
}

#[test]
fn a_missing_file_means_the_defaults_and_an_unreadable_one_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(
        Settings::load(&dir.path().join("conn.toml")).unwrap(),
        Settings::default()
    );
    std::fs::write(dir.path().join("bad.toml"), b"a = 1\n\xff").unwrap();
    let error = Settings::load(&dir.path().join("bad.toml"))
        .unwrap_err()
        .to_string();
    assert!(
        error.ends_with("bad.toml:2: this line is not UTF-8; save the file as UTF-8"),
        "{error}"
    );
    assert!(matches!(
        Settings::load(dir.path()),
        Err(SiteError::Unreadable { .. })
    ));
}

#[test]
fn roles_are_read_with_all_that_is_wrong_with_them() {
    let text = "[[roles]]\nrole = 'lead'\nusers = ['lee']\ngroups = 'leads'\nhosts = '@web!web1'\n\
        definitions = ['hbase*', 'flow/Up', 'exec']\n[[roles]]\nrole = 'admin'\nusers = 'ann'\n";
    let roles = parse(text).unwrap().roles.unwrap();
    let members: Vec<String> = roles[0].members.iter().map(ToString::to_string).collect();
    assert_eq!(members, ["lee", "anyone in @leads"]);
    assert!(roles[1].is_whole());
    assert_eq!(parse("").unwrap().roles, None);
    let head = "[[roles]]\nrole = 'operator'\nusers = 'kim'\n";
    let place = "/etc/conn/conn.toml";
    for (text, expected) in [
        (
            "[[roles]]\nusers = 'kim'\n".to_owned(),
            ":1:1: the key \"role\" is missing in [roles]; write role = \"viewer\", \"operator\", \"lead\" or \"admin\"",
        ),
        (
            "[[roles]]\nrole = 'boss'\nusers = 'kim'\n".to_owned(),
            ":2:8: \"boss\" is not known for \"role\"; write one of \"viewer\", \"operator\", \"lead\", \"admin\"",
        ),
        (
            "[[roles]]\nrole = 'lead'\n".to_owned(),
            ":1:1: the key \"users\" is missing in [roles]; write users = [\"kim\"] or groups = [\"oncall\"]",
        ),
        (
            "[[roles]]\nrole = 'lead'\nusers = ['@leads']\n".to_owned(),
            ":3:9: \"@leads\" is a group; write groups = [\"leads\"]",
        ),
        (
            "[[roles]]\nrole = 'lead'\ngroups = ['@leads']\n".to_owned(),
            ":3:10: groups are named without @; write \"leads\"",
        ),
        (
            "[[roles]]\nrole = 'admin'\nusers = 'kim'\nhosts = 'web1'\n".to_owned(),
            ":4:9: an admin has no limits; leave them out, or write role = \"lead\"",
        ),
        (
            head.to_owned() + "hosts = 'web[1-'\n",
            ":4:9: the host set \"web[1-\" cannot be read: ",
        ),
        (
            head.to_owned() + "hosts = ' '\n",
            ":4:9: the host set is empty; leave \"hosts\" out for all hosts",
        ),
        (
            head.to_owned() + "definitions = ['job/x']\n",
            ":4:15: \"job\" is no kind of definition; write one of flow, action, or leave it out",
        ),
        (
            head.to_owned() + "definitions = ['exec/x']\n",
            ":4:15: write \"exec\" alone",
        ),
        (
            head.to_owned() + "host = 'web1'\n",
            ":4:1: the key \"host\" is not known in [roles]; did you mean \"hosts\"?",
        ),
        (
            "[roles]\nrole = 'lead'\n".to_owned(),
            ":1:2: \"roles\" must be a list of tables, written [[roles]]",
        ),
    ] {
        let told = parse(&text).unwrap_err();
        assert!(told.starts_with(&format!("{place}{expected}")), "{told}");
    }
}
