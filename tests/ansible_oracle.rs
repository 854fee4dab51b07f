//! Our reading of Ansible's inventories against `ansible-inventory`: hosts, groups, children,
//! variables where they are set, and variables as they hold.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::{Map, Value, json};
use theconn::inventory::ansible::{self, File};
use theconn::inventory::{Inventory, Source, Vars};

const MISSING: &str =
    "ansible-inventory is the oracle of this test: install the package ansible-core";

fn ansible_command(program: &Path, plugin: &str) -> Command {
    let mut command = Command::new(program);
    command
        .env(
            "ANSIBLE_CONFIG",
            Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ansible/ansible.cfg"),
        )
        .env("ANSIBLE_INVENTORY_ENABLED", plugin)
        .env("ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED", "True")
        .env("LC_ALL", "C.UTF-8")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// What `ansible-inventory --list` itself says.
fn program_says(file: &Path, plugin: &str, export: bool) -> Value {
    let mut command = ansible_command(Path::new("ansible-inventory"), plugin);
    command
        .args(["--list", "-i"])
        .arg(file)
        .args(export.then_some("--export"));
    let output = command.output().expect(MISSING);
    let shown = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {shown}", file.display());
    serde_json::from_slice(&output.stdout).unwrap()
}

/// What the code of `ansible-inventory` says of many files, in one process.
fn library_says(files: &[PathBuf], plugin: &str, export: bool) -> Vec<Value> {
    let program = find_program("ansible-inventory");
    let script = std::fs::read_to_string(&program).unwrap();
    let interpreter = script
        .lines()
        .next()
        .and_then(|line| line.strip_prefix("#!"))
        .expect("ansible-inventory is a Python script");
    let mut command = ansible_command(Path::new(interpreter.trim()), plugin);
    command
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ansible/oracle.py"))
        .args(export.then_some("--export"));
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    for file in files {
        writeln!(stdin, "{}", file.display()).unwrap();
    }
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    let answers: Vec<Value> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(
        answers.len(),
        files.len(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    answers
}

fn find_program(name: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .map(|dir| dir.join(name))
        .find(|file| file.is_file())
        .expect(MISSING)
}

/// Our reading in the shape of `ansible-inventory --list`.
fn we_say(source: Source, export: bool) -> Value {
    let inventory = Inventory::new(vec![Arc::new(source)]);
    let source = &inventory.sources()[0];
    let mut root = Map::new();
    for group in source.groups() {
        let mut entry = Map::new();
        let hosts: Vec<&str> = group
            .hosts
            .iter()
            .map(|ix| &*source.host_at(*ix).name)
            .collect();
        if !hosts.is_empty() && &*group.name != "all" {
            entry.insert("hosts".into(), json!(hosts));
        }
        let children: Vec<&str> = group
            .children
            .iter()
            .map(|ix| &*source.group_at(*ix).name)
            .collect();
        if !children.is_empty() {
            entry.insert("children".into(), json!(children));
        }
        let mut vars = plain(&group.vars);
        vars.extend(plain(&group.file_vars));
        if group.priority != 1 {
            vars.insert("ansible_group_priority".into(), group.priority.into());
        }
        if export && !vars.is_empty() {
            entry.insert("vars".into(), vars.into());
        }
        if !entry.is_empty() {
            root.insert(group.name.to_string(), entry.into());
        }
    }
    let mut hostvars = Map::new();
    for id in inventory.hosts() {
        let name = inventory.name(id);
        let vars = if export {
            plain(&source.host(name).unwrap().vars)
        } else {
            inventory
                .vars(id)
                .iter()
                .map(|var| (var.key.to_string(), var.value.clone()))
                .collect()
        };
        if !vars.is_empty() {
            hostvars.insert(name.to_string(), vars.into());
        }
    }
    root.insert("_meta".into(), json!({ "hostvars": hostvars }));
    Value::Object(root)
}

fn plain(vars: &Vars) -> Map<String, Value> {
    vars.iter()
        .map(|(key, assigned)| (key.to_string(), assigned.value.clone()))
        .collect()
}

fn samples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ansible/samples")
}

#[test]
fn every_sample_file_is_read_as_ansible_inventory_reads_it() {
    for (name, plugin) in [
        ("classic.ini", "ini"),
        ("odd.ini", "ini"),
        ("crlf.ini", "ini"),
        ("noext", "yaml,ini"),
        ("classic.yml", "yaml"),
        ("merges.yaml", "yaml"),
        ("static.json", "yaml"),
    ] {
        let path = samples().join(name);
        let text = std::fs::read_to_string(&path).unwrap();
        for export in [true, false] {
            let file = File {
                path: name,
                text: &text,
            };
            let source =
                ansible::parse("a", &[file], &[]).unwrap_or_else(|error| panic!("{error}"));
            pretty_eq(
                &we_say(source, export),
                &program_says(&path, plugin, export),
                name,
            );
        }
    }
}

#[test]
fn variables_files_and_inventory_directories_are_read_as_ansible_inventory_reads_them() {
    for name in ["with_vars/hosts", "dir"] {
        let path = samples().join(name);
        for export in [true, false] {
            let source = theconn::site::ansible_files::find(&path)
                .unwrap()
                .parse("a")
                .unwrap();
            pretty_eq(
                &we_say(source, export),
                &program_says(&path, "yaml,ini", export),
                name,
            );
        }
    }
}

#[test]
fn the_output_of_a_dynamic_inventory_is_read_as_ansible_inventory_reads_it() {
    let path = samples().join("dynamic.sh");
    let output = Command::new("sh").arg(&path).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    for export in [true, false] {
        let source = ansible::parse_dynamic("a", "dynamic.sh", &text).unwrap();
        let (ours, theirs) = (
            we_say(source, export),
            program_says(&path, "script", export),
        );
        pretty_eq(&unordered(ours), &unordered(theirs), "dynamic.sh");
    }
}

#[test]
fn generated_ini_files_are_read_as_ansible_reads_them() {
    compare_generated(ini_text(), "ini", "ini");
}

#[test]
fn generated_yaml_files_are_read_as_ansible_reads_them() {
    compare_generated(yaml_text(), "yml", "yaml");
}

/// Where Ansible fails we fail; where it reads we read the same, or refuse for a documented reason.
fn compare_generated(texts: impl Strategy<Value = String>, ending: &str, plugin: &str) {
    let dir = tempfile::tempdir().unwrap();
    let mut runner = TestRunner::deterministic();
    let texts: Vec<String> = (0..300)
        .map(|_| texts.new_tree(&mut runner).unwrap().current())
        .collect();
    let files: Vec<PathBuf> = (0..texts.len())
        .map(|n| dir.path().join(format!("{n}.{ending}")))
        .collect();
    for (file, text) in files.iter().zip(&texts) {
        std::fs::write(file, text).unwrap();
    }
    let mut compared = 0;
    for export in [true, false] {
        for ((text, theirs), file) in texts
            .iter()
            .zip(library_says(&files, plugin, export))
            .zip(&files)
        {
            let path = file.to_str().unwrap();
            match (
                ansible::parse("a", &[File { path, text }], &[]),
                theirs.get("error"),
            ) {
                (Ok(source), None) => {
                    compared += 1;
                    pretty_eq(&we_say(source, export), &theirs, text);
                }
                (Err(_), Some(_)) => {}
                (Err(error), None) => {
                    let known = [
                        "behind its end",
                        "dash and could",
                        "blank or a control",
                        "is no port",
                    ];
                    assert!(
                        known.iter().any(|why| error.to_string().contains(why)),
                        "we refuse: {error}\n{text}"
                    );
                }
                (Ok(_), Some(why)) => panic!("Ansible refuses: {why}\n{text}"),
            }
        }
    }
    assert!(
        compared > 200,
        "only {compared} of the generated files were read by both"
    );
}

/// Asks Python what each text means; what is no literal, or none that JSON has, is the text itself.
fn python_says(texts: &[String]) -> Vec<Value> {
    const SCRIPT: &str = "
import ast, json, sys, warnings
warnings.simplefilter('ignore')
def value(text):
    try:
        v = ast.literal_eval(text)
        if isinstance(v, bytes): v = v.decode('utf-8')
        v = json.loads(json.dumps(v), parse_constant=lambda c: c)
        json.dumps(v, ensure_ascii=False).encode('utf-8')
        return v
    except Exception:
        return text
print(json.dumps([value(t) for t in json.load(sys.stdin)]))
";
    let mut command = Command::new("python3");
    command
        .args(["-c", SCRIPT])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let missing = "python3 is the oracle of this test: install the package python3";
    let mut child = command.spawn().expect(missing);
    let input = serde_json::to_vec(texts).unwrap();
    child.stdin.take().unwrap().write_all(&input).unwrap();
    let output = child.wait_with_output().unwrap();
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Compares values of an INI file, one variable a text, with what Python says.
fn compare_literals(texts: &[String]) {
    let mut text = "[all:vars]\n".to_owned();
    for (number, literal) in texts.iter().enumerate() {
        text.extend(["v", &number.to_string(), "=", literal, "\n"]);
    }
    let source = ansible::parse(
        "a",
        &[File {
            path: "hosts.ini",
            text: &text,
        }],
        &[],
    )
    .unwrap();
    let vars = &source.group("all").unwrap().vars;
    for (number, (text, expected)) in texts.iter().zip(python_says(texts)).enumerate() {
        let ours = &vars[format!("v{number}").as_str()].value;
        assert_eq!(*ours, expected, "{text}");
    }
}

#[test]
fn values_in_ini_files_mean_what_python_says() {
    let texts: Vec<String> = include_str!("ansible/literals.txt")
        .lines()
        .map(|line| line.trim().to_owned())
        .collect();
    compare_literals(&texts);
}

#[test]
fn generated_values_in_ini_files_mean_what_python_says() {
    let mut runner = TestRunner::deterministic();
    let texts = literal_text();
    let texts: Vec<String> = (0..6_000)
        .map(|_| {
            texts
                .new_tree(&mut runner)
                .unwrap()
                .current()
                .trim()
                .to_owned()
        })
        .collect();
    compare_literals(&texts);
}

fn literal_text() -> BoxedStrategy<String> {
    let word = prop_oneof![
        "[0-9]{1,3}",
        "-?[0-9_.eE+-]{1,7}",
        "0[xob_]{0,2}[0-9a-f_]{0,3}",
        "'[a-z\"]{0,3}'",
        "\"[a-z']{0,3}\"",
        "[rub]{0,2}'[a-z]{0,2}(\\\\[nxtu'0-7abz]{1,4})?'",
        "True|False|None|yes|x",
        "[ \\t]{1,2}",
        "[\\[\\](){},:#+-]"
    ];
    prop_oneof![
        prop::collection::vec(word.clone(), 1..8).prop_map(|words| words.concat()),
        prop::collection::vec(word.clone(), 0..4)
            .prop_map(|words| format!("[{}]", words.join(", "))),
        prop::collection::vec((word.clone(), word), 0..3).prop_map(|pairs| format!(
            "{{{}}}",
            pairs
                .iter()
                .map(|(k, v)| format!("{k}: {v}"))
                .collect::<Vec<_>>()
                .join(",")
        )),
    ]
    .boxed()
}

fn pretty_eq(ours: &Value, theirs: &Value, what: &str) {
    let show = |value: &Value| serde_json::to_string_pretty(value).unwrap();
    assert!(
        ours == theirs,
        "{what}\nours: {}\ntheirs: {}",
        show(ours),
        show(theirs)
    );
}

/// Ansible keeps the groups of a dynamic inventory in the order of the JSON; we sort them.
fn unordered(value: Value) -> Value {
    match value {
        Value::Array(mut items) => {
            items.sort_by_key(ToString::to_string);
            Value::Array(items)
        }
        Value::Object(map) => Value::Object(
            map.into_iter()
                .map(|(key, value)| (key, unordered(value)))
                .collect(),
        ),
        other => other,
    }
}

fn group() -> BoxedStrategy<String> {
    prop_oneof![9 => "g[1-5]", 1 => Just("all".to_owned())].boxed()
}

fn host() -> BoxedStrategy<String> {
    prop_oneof![
        6 => "h[1-6]",
        1 => "h[1-6]:22",
        2 => (0..5_u32, 1..9_u32, 1..4_u32, 0..3_usize)
            .prop_map(|(from, more, step, width)| format!("r[{from:0width$}:{:0width$}:{step}]", from + more)),
        1 => "[a-c]\\[[a-c]:[c-e]\\]\\[1:2\\]",
        1 => "[a-c]{1,2}[_.:-]{0,2}[0-9]{0,2}",
    ]
    .boxed()
}

fn assignment() -> BoxedStrategy<String> {
    let value = prop_oneof![
        "[a-z0-9]{0,3}",
        "[0-9]{1,3}",
        "'[a-z #]{0,3}'",
        "\"'[a-z]{0,2}'\"",
        "[a-z]#[a-z]",
        "\\[1,[a-z]\\]|\\[1,'\\\\?[a-z]'\\]",
        "True|False|None|yes|1.50|0x1F|010",
        "[a-z]{0,2}|\\\\[a-z]",
        "\\{\"'a'\": [0-9]\\}"
    ];
    ("[x-z]|ansible_user|key", value)
        .prop_map(|(key, value)| format!("{key}={value}"))
        .boxed()
}

fn ini_text() -> BoxedStrategy<String> {
    let hosts = prop::collection::vec((host(), prop::collection::vec(assignment(), 0..3)), 0..5)
        .prop_map(|hosts| {
            let line = |(host, vars): (String, Vec<String>)| format!("{host} {}\n", vars.join(" "));
            hosts.into_iter().map(line).collect::<Vec<_>>().concat()
        })
        .boxed();
    let section = prop_oneof![
        4 => (group(), hosts.clone()).prop_map(|(group, hosts)| format!("[{group}]\n{hosts}")),
        2 => ("g[1-4]", prop::collection::vec(prop_oneof![12 => "g[4-5]".boxed(), 1 => group()], 1..3))
            .prop_map(|(group, children)| format!("[{group}:children]  # c\n{}\n", children.join("\n"))),
        2 => (group(), prop::collection::vec(assignment(), 1..3)).prop_map(|(group, vars)| format!("[{group}:vars]\n{}\n", vars.join("\n"))),
        1 => hosts.clone().prop_map(|hosts| format!("[ungrouped]\n{hosts}")),
        1 => (group(), -3..9).prop_map(|(group, priority)| format!("[{group}:vars]\nansible_group_priority={priority}\n")),
    ];
    // Most groups are declared somewhere, so that most files can be read.
    (
        hosts,
        prop::collection::vec(section, 1..7),
        prop::bool::weighted(0.95),
    )
        .prop_map(|(first, sections, declare)| {
            let declared = if declare {
                "[g1]\n[g2]\n[g3]\n[g4]\n[g5]\n"
            } else {
                ""
            };
            format!("{first}{}\n{declared}", sections.join("\n"))
        })
        .boxed()
}

fn yaml_text() -> BoxedStrategy<String> {
    let scalar = prop_oneof![
        "[a-z]{1,3}",
        "[0-9]{1,3}",
        "'[a-z: ]{0,3}'",
        "\"[a-z0-9]{0,3}\"",
        "yes|no|On|~|null|1:30|017|0x1f|1_0|1.5|1e3|.5|-3|08",
        "\\[1, [a-z], '2'\\]",
        "\\{k: [0-9]\\}"
    ];
    let vars = prop::collection::vec(("[x-z]|ansible_user|key", scalar), 0..3)
        .prop_map(|vars| {
            vars.into_iter()
                .map(|(key, value)| format!("{key}: {value}"))
                .collect::<Vec<_>>()
                .join(", ")
        })
        .boxed();
    let hosts = prop::collection::vec((host(), vars.clone()), 0..4).prop_map(|hosts| {
        hosts
            .into_iter()
            .map(|(host, vars)| format!("\"{host}\": {{{vars}}}"))
            .collect::<Vec<_>>()
            .join(", ")
    });
    let body = (hosts, vars)
        .prop_map(|(hosts, vars)| format!("hosts: {{{hosts}}}, vars: {{{vars}}}"))
        .boxed();
    let leaf = (group(), body.clone()).prop_map(|(group, body)| format!("{group}: {{{body}}}"));
    let tree = leaf.prop_recursive(3, 12, 3, move |inner| {
        (group(), body.clone(), prop::collection::vec(inner, 0..3)).prop_map(
            |(group, body, children)| {
                format!("{group}: {{{body}, children: {{{}}}}}", children.join(", "))
            },
        )
    });
    prop::collection::vec(tree, 1..4)
        .prop_map(|groups| groups.join("\n") + "\n")
        .boxed()
}
