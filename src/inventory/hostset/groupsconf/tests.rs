use super::*;
use proptest::prelude::*;

fn file(dir: &str, name: &str, text: &str) -> SourceText {
    SourceText {
        dir: dir.into(),
        path: format!("{dir}/{name}"),
        text: text.into(),
    }
}

fn main_file(text: &str) -> MainFile {
    MainFile::parse(&[file("/etc/cs", "groups.conf", text)])
        .unwrap()
        .unwrap()
}

fn config(text: &str) -> Result<GroupsConfig, GroupsConfigError> {
    GroupsConfig::assemble(&main_file(text), &[], &[])
}

fn error(text: &str) -> String {
    match MainFile::parse(&[file("/etc/cs", "groups.conf", text)]) {
        Err(error) => error.to_string(),
        Ok(main) => GroupsConfig::assemble(&main.unwrap(), &[], &[])
            .unwrap_err()
            .to_string(),
    }
}

const SLURM: &str = "\
[Main]
default: sp
confdir: /etc/cs/groups.conf.d \"$CFGDIR/with space\" $CFGDIR/groups.conf.d
autodir = ${CFGDIR}/../yaml.d
# a comment
[slurm,sp]
map: sinfo -h -o \"%N\" \\
   -p $GROUP
all=sinfo -h -o \"%N\"
; another
LIST: sinfo -h -o \"%R\"
cache_time: 60.5
";

#[test]
fn a_section_defines_each_of_its_sources_with_its_commands() {
    let config = config(SLURM).unwrap();
    assert_eq!(config.default.as_deref(), Some("sp"));
    let names: Vec<_> = config
        .sources
        .iter()
        .map(|source| source.name.as_str())
        .collect();
    assert_eq!(names, ["slurm", "sp"]);
    let SourceKind::Upcalls(upcalls) = &config.sources[1].kind else {
        panic!("no upcalls")
    };
    let map = upcalls.command("sp", Upcall::Map("debug")).unwrap();
    assert_eq!(map, "sinfo -h -o \"%N\" \\\n-p debug");
    assert_eq!(upcalls.list.as_deref(), Some("sinfo -h -o \"%R\""));
    assert_eq!(upcalls.cache_time.as_millis(), 60_500);
    let missing = upcalls.command("sp", Upcall::Reverse("n1")).unwrap_err();
    assert!(
        missing.to_string().contains("no reverse command"),
        "{missing}"
    );
}

#[test]
fn directories_are_listed_once_and_without_detours() {
    let main = main_file(SLURM);
    assert_eq!(
        main.conf_dirs().unwrap(),
        ["/etc/cs/groups.conf.d", "/etc/cs/with space"]
    );
    assert_eq!(main.yaml_dirs().unwrap(), ["/etc/yaml.d"]);
}

#[test]
fn a_name_that_a_shell_would_interpret_is_never_put_into_a_command() {
    let config = config("[x]\nmap: echo $GROUP\n").unwrap();
    let SourceKind::Upcalls(upcalls) = &config.sources[0].kind else {
        panic!("no upcalls")
    };
    for name in [
        "a;id", "$(id)", "a b", "a'b", "`id`", "a\nb", "-rf", "", "a/b", "a*", "a|b", "{a}", "~",
    ] {
        assert!(upcalls.command("x", Upcall::Map(name)).is_err(), "{name}");
    }
    for name in ["rack1", "a.b_c-d", "é", "a:b"] {
        assert_eq!(
            upcalls.command("x", Upcall::Map(name)).unwrap(),
            format!("echo {name}")
        );
    }
}

#[test]
fn yaml_sources_keep_their_order_and_join_their_lists() {
    let yaml = "\
roles:
    adm: 'example0'
    io: '@racks:rack2,example2'
    all: '@io,@adm'
racks:
    rack2: example[4-5] example7
    rack5:
        - 'example[200-205]'  # some comment
        - 'example245'
    rack2: example9
";
    let main = main_file("[Main]\nautodir: /y\n");
    let config = GroupsConfig::assemble(&main, &[], &[file("/y", "a.yaml", yaml)]).unwrap();
    assert_eq!(config.default.as_deref(), Some("roles"));
    let SourceKind::File(roles) = &config.sources[0].kind else {
        panic!("no file")
    };
    assert_eq!(roles.all_hosts().unwrap(), ["@io,@adm"]);
    assert_eq!(roles.hosts("nope"), [] as [&str; 0]);
    let SourceKind::File(racks) = &config.sources[1].kind else {
        panic!("no file")
    };
    assert_eq!(racks.names(), ["rack2", "rack5"]);
    assert_eq!(racks.hosts("rack2"), ["example9"]);
    assert_eq!(racks.hosts("rack5"), ["example[200-205],example245"]);
    assert_eq!(racks.all_hosts(), None);
}

#[test]
fn faulty_yaml_is_refused_with_its_file() {
    let main = main_file("[Main]\n");
    for yaml in [
        "",
        "- a\n",
        "a: 5\n",
        "a: {b: 5}\n",
        "5: {a: b}\n",
        "a: {1: b}\n",
        "a: {b: [1]}\n",
        "a: {b: [[c]]}\n",
        "a: {b:\n",
        "a: @x\n",
        "a: {b: c}\n---\nd: {e: f}\n",
    ] {
        let error = GroupsConfig::assemble(&main, &[], &[file("/y", "a.yaml", yaml)])
            .unwrap_err()
            .to_string();
        assert!(error.starts_with("/y/a.yaml:"), "{yaml}: {error}");
    }
}

#[test]
fn faulty_configuration_is_refused_with_its_place() {
    for (text, expected) in [
        (
            "map: x\n",
            "/etc/cs/groups.conf:1: an option stands before any section",
        ),
        (
            "[a]\nmap: x\nmap: y\n",
            "/etc/cs/groups.conf:3: option map stands in [a] a second time",
        ),
        (
            "[a]\nmap: x\n[a]\n",
            "/etc/cs/groups.conf:3: section [a] stands here a second time",
        ),
        ("[a]\nnonsense\n", "/etc/cs/groups.conf:2: this is neither"),
        ("[a]\nall: x\n", "section [a]: the option map is missing"),
        ("[a]\nmap: x\ncache_time: soon\n", "cache_time is no number"),
        (
            "[Main]\ndefault: b\n[a]\nmap: x\n",
            "default group source \"b\" is defined nowhere",
        ),
        ("[a,a]\nmap: x\n", "group source \"a\" is defined twice"),
    ] {
        assert!(error(text).contains(expected), "{}", error(text));
    }
}

#[test]
fn later_main_files_replace_what_earlier_ones_say() {
    let first = file(
        "/etc/cs",
        "groups.conf",
        "[Main]\ndefault: a\n[a]\nmap: one\n[DEFAULT]\nlist: l $SOURCE\n",
    );
    let second = file(
        "/home/cs",
        "groups.conf",
        "[Main]\ndefault: %(other)s\nother: b\n[b]\nmap: two $CFGDIR\n",
    );
    let main = MainFile::parse(&[first, second]).unwrap().unwrap();
    let config = GroupsConfig::assemble(&main, &[], &[]).unwrap();
    assert_eq!(config.default.as_deref(), Some("b"));
    let SourceKind::Upcalls(upcalls) = &config.source(None).unwrap().kind else {
        panic!("no upcalls")
    };
    assert_eq!(
        upcalls.command("b", Upcall::Map("g")).unwrap(),
        "two /home/cs"
    );
    assert_eq!(upcalls.command("b", Upcall::List).unwrap(), "l b");
}

proptest! {
    #[test]
    fn no_configuration_panics(text in "([\\[\\]a-z%()$:=#;\" \t]|Main|\n|default|map:|%\\(a\\)s|\\PC){0,60}") {
        if let Ok(Some(main)) = MainFile::parse(&[file("/d", "f", &text)]) {
            let _ = (main.conf_dirs(), main.yaml_dirs(), GroupsConfig::assemble(&main, &[], &[]));
        }
        let _ = yaml::parse("f", &text);
    }
}
