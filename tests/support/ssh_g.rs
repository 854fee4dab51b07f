//! Asks `ssh -G` and [`SshConfig`] the same question, and compares what can be compared.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use theconn::trust::pattern::glob;
use theconn::trust::ssh_config::{
    AddressFamily, ConfigError, Context, Given, HostOptions, IdentityAgent, IncludedFile, JumpHost,
    Outside, SourceText, SshConfig, StrictHostKey,
};

/// Who and where we are, as ssh sees it.
pub struct Me {
    pub user: String,
    pub home: String,
    pub host: String,
    pub uid: u32,
}

fn output(program: &str, args: &[&str]) -> String {
    let output = Command::new(program)
        .args(args)
        .output()
        .unwrap_or_else(|why| {
            panic!("{program} is needed for this test: {why}");
        });
    String::from_utf8(output.stdout)
        .unwrap()
        .trim_end()
        .to_owned()
}

pub fn me() -> &'static Me {
    static ME: OnceLock<Me> = OnceLock::new();
    ME.get_or_init(|| {
        let uid = output("id", &["-u"]);
        let entry = output("getent", &["passwd", &uid]);
        let fields: Vec<&str> = entry.split(':').collect();
        Me {
            user: fields[0].to_owned(),
            home: fields[5].to_owned(),
            host: output("uname", &["-n"]),
            uid: uid.parse().unwrap(),
        }
    })
}

/// The files that an absolute pattern finds; wildcards in the last part only.
fn include(pattern: &str) -> Vec<IncludedFile> {
    let (dir, last) = pattern.rsplit_once('/').unwrap();
    let mut names: Vec<String> = fs::read_dir(Path::new(dir))
        .map(|entries| {
            entries
                .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                .collect()
        })
        .unwrap_or_default();
    names.retain(|name| glob(last, name));
    names.sort();
    let read = |name: String| {
        let path = format!("{dir}/{name}");
        let text = fs::read_to_string(&path).unwrap();
        IncludedFile {
            path,
            text,
            refused: None,
        }
    };
    names.into_iter().map(read).collect()
}

fn outside(question: Outside<'_>) -> bool {
    match question {
        Outside::Exec(command) => Command::new("sh")
            .args(["-c", command])
            .status()
            .unwrap()
            .success(),
        Outside::LocalNetwork(_) => false,
    }
}

/// Our answer.
pub fn ours(path: &Path, host: &str, given: Given<'_>) -> Result<HostOptions, ConfigError> {
    let me = me();
    let text = fs::read_to_string(path).unwrap();
    let source = SourceText {
        path: path.to_str().unwrap(),
        text: &text,
        user: true,
    };
    let context = Context {
        home: &me.home,
        local_user: &me.user,
        local_host: &me.host,
        uid: me.uid,
        include: &include,
        env: &|name| std::env::var(name).ok(),
    };
    let config = SshConfig::parse(&[source], &context)?;
    config.resolve(
        host,
        &Given {
            outside: Some(&outside),
            ..given
        },
    )
}

/// The answer of `ssh -G`: values by keyword; `Err` holds its complaint.
pub fn theirs(path: &Path, host: &str, given: Given<'_>) -> Result<Answer, String> {
    let mut command = Command::new("ssh");
    command
        .arg("-G")
        .arg("-F")
        .arg(path)
        .env("SHELL", "/bin/sh")
        .stdin(Stdio::null());
    if let Some(user) = given.user {
        command.args(["-l", user]);
    }
    if let Some(port) = given.port {
        command.args(["-p", &port.to_string()]);
    }
    let output = command
        .arg(host)
        .output()
        .expect("ssh is needed for this test");
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    let mut answer: Answer = HashMap::new();
    for line in String::from_utf8(output.stdout).unwrap().lines() {
        let (keyword, value) = line.split_once(' ').unwrap_or((line, ""));
        answer
            .entry(keyword.to_owned())
            .or_default()
            .push(value.to_owned());
    }
    Ok(answer)
}

pub type Answer = HashMap<String, Vec<String>>;

/// Our answer in the words of `ssh -G`.
fn in_their_words(options: &HostOptions) -> Vec<(&'static str, Vec<String>)> {
    let one = |text: &str| vec![text.to_owned()];
    let opt = |text: &Option<String>| text.iter().cloned().collect::<Vec<_>>();
    let files = |list: &[String]| match list {
        [] => one("none"),
        list => one(&list.join(" ")),
    };
    let secs = |time: Option<Duration>| time.map_or(0, |time| time.as_secs()).to_string();
    let strict = match options.strict_host_key_checking {
        StrictHostKey::Yes => "true",
        StrictHostKey::No => "false",
        StrictHostKey::Ask => "ask",
        StrictHostKey::AcceptNew => "accept-new",
    };
    let family = match options.address_family {
        AddressFamily::Any => "any",
        AddressFamily::Inet => "inet",
        AddressFamily::Inet6 => "inet6",
    };
    let agent = match &options.identity_agent {
        IdentityAgent::Default => vec![],
        IdentityAgent::None => one("none"),
        IdentityAgent::Socket(path) => one(path),
    };
    vec![
        ("user", one(options.user.as_deref().unwrap_or(&me().user))),
        ("hostname", one(&options.hostname)),
        ("port", one(&options.port.to_string())),
        ("identityfile", options.identity_files.clone()),
        ("certificatefile", options.certificate_files.clone()),
        (
            "identitiesonly",
            one(if options.identities_only { "yes" } else { "no" }),
        ),
        ("identityagent", agent),
        ("proxyjump", jumps(&options.proxy_jump)),
        ("proxycommand", opt(&options.proxy_command)),
        ("hostkeyalias", opt(&options.host_key_alias)),
        ("userknownhostsfile", files(&options.user_known_hosts_files)),
        (
            "globalknownhostsfile",
            files(&options.global_known_hosts_files),
        ),
        ("stricthostkeychecking", one(strict)),
        ("revokedhostkeys", opt(&options.revoked_host_keys)),
        ("connecttimeout", one(&secs(options.connect_timeout))),
        (
            "serveraliveinterval",
            one(&secs(options.server_alive_interval)),
        ),
        (
            "serveralivecountmax",
            one(&options.server_alive_count_max.unwrap_or(3).to_string()),
        ),
        ("addressfamily", one(family)),
        ("bindaddress", opt(&options.bind_address)),
    ]
}

/// As `ssh -G` prints a chain: only its last hop goes through brackets.
fn jumps(hops: &[JumpHost]) -> Vec<String> {
    let show = |hop: &JumpHost, last: bool| {
        let numeric =
            hop.host.contains(':') || hop.host.chars().all(|c| c.is_ascii_digit() || c == '.');
        let host = if numeric && last {
            format!("[{}]", hop.host)
        } else {
            hop.host.clone()
        };
        let user = hop
            .user
            .as_ref()
            .map(|user| format!("{user}@"))
            .unwrap_or_default();
        let port = hop.port.map(|port| format!(":{port}")).unwrap_or_default();
        format!("{user}{host}{port}")
    };
    match hops {
        [] => vec![],
        hops => {
            let last = hops.len() - 1;
            let shown: Vec<_> = hops
                .iter()
                .enumerate()
                .map(|(at, hop)| show(hop, at == last))
                .collect();
            vec![shown.join(",")]
        }
    }
}

/// What `ssh -G` says of a keyword, with its own defaults taken away.
fn expected(answer: &Answer, keyword: &str) -> Vec<String> {
    let mut values = answer.get(keyword).cloned().unwrap_or_default();
    match keyword {
        "identityfile" if values.first().is_some_and(|v| v == "~/.ssh/id_rsa") => values.clear(),
        "identityfile" | "certificatefile" => values.retain(|v| !v.eq_ignore_ascii_case("none")),
        "identityagent" => values.retain(|v| v != "SSH_AUTH_SOCK"),
        "connecttimeout" if values == ["none"] => values = vec!["0".to_owned()],
        // ssh -G leaves "~" in place where we fill it in.
        "revokedhostkeys" | "userknownhostsfile" => {
            for value in &mut values {
                *value = value.replace("~/", &format!("{}/", me().home));
            }
        }
        _ => {}
    }
    values
}

/// Asks both; panics with the file when they differ. Whether there was an answer at all.
pub fn compare(path: &Path, host: &str, given: Given<'_>) -> bool {
    let told = || format!("host {host} of\n{}", fs::read_to_string(path).unwrap());
    match (ours(path, host, given), theirs(path, host, given)) {
        (Ok(options), Ok(answer)) => {
            for (keyword, value) in in_their_words(&options) {
                assert_eq!(value, expected(&answer, keyword), "{keyword}, {}", told());
            }
            true
        }
        (Err(_), Err(_)) => false,
        (Ok(_), Err(why)) => panic!("ssh refuses: {why}\n{}", told()),
        (Err(why), Ok(_)) => panic!("we refuse: {why}\n{}", told()),
    }
}
