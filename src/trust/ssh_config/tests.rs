use super::*;
use proptest::prelude::*;
use std::fmt::Write as _;

fn no_files(_: &str) -> Vec<IncludedFile> {
    Vec::new()
}

fn context(include: &dyn Fn(&str) -> Vec<IncludedFile>) -> Context<'_> {
    Context {
        home: "/home/me",
        local_user: "me",
        local_host: "bastion.example",
        uid: 1000,
        include,
        env: &|name| (name == "HOME").then(|| "/home/me".to_owned()),
    }
}

fn parse(text: &str) -> Result<SshConfig, ConfigError> {
    SshConfig::parse(
        &[SourceText {
            path: "cfg",
            text,
            user: true,
        }],
        &context(&no_files),
    )
}

fn resolve(text: &str, host: &str) -> Result<HostOptions, ConfigError> {
    parse(text)?.resolve(host, &Given::default())
}

fn file(path: &str, text: &str) -> IncludedFile {
    IncludedFile {
        path: path.to_owned(),
        text: text.to_owned(),
        refused: None,
    }
}

#[test]
fn without_a_file_a_host_has_the_defaults_of_openssh() {
    let options = resolve("", "WEB1").unwrap();
    assert_eq!(
        (options.host.as_str(), options.hostname.as_str()),
        ("WEB1", "web1")
    );
    assert_eq!((options.port, options.user), (22, None));
    assert!(options.default_identities && options.identity_files.is_empty());
    assert_eq!(
        options.user_known_hosts_files[0],
        "/home/me/.ssh/known_hosts"
    );
    assert_eq!(
        options.global_known_hosts_files[0],
        "/etc/ssh/ssh_known_hosts"
    );
    assert_eq!(options.strict_host_key_checking, StrictHostKey::Ask);
}

#[test]
fn what_is_given_wins_over_every_file() {
    let config = parse(
        "User file\nPort 1\nMatch user cli\n Tag seen\nMatch tagged seen\n IdentityFile /k\n",
    );
    let given = Given {
        user: Some("cli"),
        port: Some(2),
        outside: None,
    };
    let options = config.unwrap().resolve("web1", &given).unwrap();
    assert_eq!((options.user.as_deref(), options.port), (Some("cli"), 2));
    assert_eq!(options.identity_files, ["/k"]);
}

#[test]
fn the_users_file_comes_before_the_systems() {
    let files = [
        SourceText {
            path: "user",
            text: "Host web1\n User one\n",
            user: true,
        },
        SourceText {
            path: "system",
            text: "User two\nPort 2222\n",
            user: false,
        },
    ];
    let config = SshConfig::parse(&files, &context(&no_files)).unwrap();
    let options = config.resolve("web1", &Given::default()).unwrap();
    assert_eq!((options.user.as_deref(), options.port), (Some("one"), 2222));
    assert_eq!(
        config
            .resolve("web2", &Given::default())
            .unwrap()
            .user
            .as_deref(),
        Some("two")
    );
}

#[test]
fn relative_includes_are_looked_for_where_openssh_looks() {
    let asked = std::cell::RefCell::new(Vec::new());
    let include = |pattern: &str| {
        asked.borrow_mut().push(pattern.to_owned());
        Vec::new()
    };
    let text = "Include conf.d/* ~/x /abs/*.conf\n";
    let files = [
        SourceText {
            path: "u",
            text,
            user: true,
        },
        SourceText {
            path: "s",
            text: "Include conf.d/*\n",
            user: false,
        },
    ];
    SshConfig::parse(&files, &context(&include)).unwrap();
    let expected = [
        "/home/me/.ssh/conf.d/*",
        "/home/me/x",
        "/abs/*.conf",
        "/etc/ssh/conf.d/*",
    ];
    assert_eq!(*asked.borrow(), expected);
    let files = [SourceText {
        path: "s",
        text: "Include ~/x\n",
        user: false,
    }];
    assert!(SshConfig::parse(&files, &context(&include)).is_err());
}

#[test]
fn an_include_that_may_not_be_used_is_an_error_with_both_places() {
    let include = |_: &str| {
        let refused = Some("others can write it".to_owned());
        vec![IncludedFile {
            refused,
            ..file("/home/me/.ssh/open", "")
        }]
    };
    let files = [SourceText {
        path: "cfg",
        text: "\nInclude open\n",
        user: true,
    }];
    let why = SshConfig::parse(&files, &context(&include))
        .unwrap_err()
        .to_string();
    assert!(
        why.starts_with("cfg:2: /home/me/.ssh/open cannot be included: others"),
        "{why}"
    );
}

#[test]
fn files_that_include_each_other_for_ever_are_an_error() {
    let include = |_: &str| {
        vec![
            file("a", "Include a\nInclude b\n"),
            file("b", "Include a\n"),
        ]
    };
    let files = [SourceText {
        path: "cfg",
        text: "Include a\n",
        user: true,
    }];
    let why = SshConfig::parse(&files, &context(&include)).unwrap_err();
    assert!(matches!(why, ConfigError::Includes { .. }), "{why}");
}

#[test]
fn sixteen_levels_of_two_files_each_end_with_an_error_and_soon() {
    let include = |pattern: &str| {
        let level: u32 = pattern.rsplit('/').next().unwrap().parse().unwrap();
        let text = if level < 15 {
            format!("Include {}\n", level + 1)
        } else {
            String::new()
        };
        vec![file("x", &text), file("y", &text)]
    };
    let files = [SourceText {
        path: "cfg",
        text: "Include 0\n",
        user: true,
    }];
    let why = SshConfig::parse(&files, &context(&include)).unwrap_err();
    assert!(why.to_string().contains("4096"), "{why}");
}

#[test]
fn an_unknown_keyword_is_an_error_that_names_its_line_wherever_it_stands() {
    let why = resolve("User a\nHost never\n HostKeyChecking no\n", "web1").unwrap_err();
    assert_eq!(
        why.to_string().split(" is no ").next(),
        Some("cfg:3: \"hostkeychecking\"")
    );
    assert!(resolve("IgnoreUnknown hostkey*\nHostKeyChecking no\n", "web1").is_ok());
}

#[test]
fn options_that_cannot_be_honoured_refuse_the_host_they_hold_for() {
    for line in [
        "KnownHostsCommand /usr/bin/keys %H",
        "PubkeyAuthentication no",
        "PreferredAuthentications password,keyboard-interactive",
        "CanonicalizeHostname yes",
        "CanonicalizeHostname always",
        "RefuseConnection \"use the bastion\"",
        "ProxyUseFdpass yes\n ProxyCommand nc x 22",
    ] {
        let text = format!("Host web1\n {line}\n");
        let why = resolve(&text, "web1").unwrap_err();
        assert!(matches!(why, ConfigError::Refused { .. }), "{why}");
        assert!(why.to_string().starts_with("cfg:2: "), "{why}");
        assert!(resolve(&text, "web2").is_ok(), "{line}");
    }
}

#[test]
fn the_harmless_values_of_these_options_say_nothing() {
    let text = "KnownHostsCommand none\nPubkeyAuthentication unbound\nCanonicalizeHostname no\n\
        PreferredAuthentications gssapi-with-mic,publickey\nCheckHostIP no\nVerifyHostKeyDNS no\n\
        PKCS11Provider none\nPubkeyAcceptedAlgorithms +ssh-rsa\nProxyUseFdpass yes\n";
    assert_eq!(
        resolve(text, "web1").unwrap().warnings,
        Vec::<String>::new()
    );
}

#[test]
fn options_that_are_not_applied_are_warned_of_with_their_place() {
    for line in [
        "CheckHostIP yes",
        "VerifyHostKeyDNS ask",
        "NoHostAuthenticationForLocalhost yes",
        "StrictHostKeyChecking no",
        "HostbasedAuthentication yes",
        "PKCS11Provider /usr/lib/token.so",
        "SecurityKeyProvider /usr/lib/sk.so",
        "PubkeyAcceptedKeyTypes ssh-ed25519",
        "RequiredRSASize 4096",
        "BindInterface eth1",
    ] {
        let warnings = resolve(&format!("\n{line}\n"), "web1").unwrap().warnings;
        assert_eq!(warnings.len(), 1, "{line}");
        assert!(
            warnings[0].starts_with(&format!("cfg:2: {}", &line[..6])),
            "{}",
            warnings[0]
        );
    }
}

#[test]
fn the_first_value_of_a_watched_option_wins_too() {
    let text = "Host web1\n KnownHostsCommand none\nHost *\n KnownHostsCommand /bin/x\n";
    assert!(resolve(text, "web1").is_ok());
    assert!(resolve(text, "web2").is_err());
}

#[test]
fn match_exec_is_asked_of_the_caller_and_never_run_here() {
    let text = "Host web1\n User a\nMatch host web* exec \"test %h\"\n Port 2222\n";
    let config = parse(text).unwrap();
    let why = config
        .resolve("web1", &Given::default())
        .unwrap_err()
        .to_string();
    assert!(
        why.starts_with("cfg:3: \"Match exec\" cannot be decided"),
        "{why}"
    );
    assert!(
        config.resolve("db1", &Given::default()).is_ok(),
        "the host does not match anyway"
    );
    let yes = |question: Outside<'_>| question == Outside::Exec("test web1");
    let given = Given {
        outside: Some(&yes),
        ..Given::default()
    };
    assert_eq!(config.resolve("web1", &given).unwrap().port, 2222);
    assert_eq!(config.resolve("web2", &given).unwrap().port, 22);
}

#[test]
fn names_that_could_change_a_proxy_command_are_refused() {
    let config = parse("ProxyCommand nc %h %p\n").unwrap();
    for name in ["-oX=y", "a;reboot", "$(reboot)", ""] {
        let why = config.resolve(name, &Given::default()).unwrap_err();
        assert!(matches!(why, ConfigError::HostName { .. }), "{why}");
    }
    let given = Given {
        user: Some("x`reboot`"),
        ..Given::default()
    };
    assert!(matches!(
        config.resolve("a", &given),
        Err(ConfigError::UserName { .. })
    ));
}

#[test]
fn literal_hosts_are_the_names_without_wildcards() {
    let text = "Host web1 web2\nHost *.x !web3 web?\nHost web2 db1\nMatch host z\n";
    assert_eq!(
        parse(text).unwrap().literal_hosts(),
        ["web1", "web2", "db1"]
    );
}

#[test]
fn a_final_pass_sees_the_real_name_and_keeps_what_was_set() {
    let text = "Host alias\n HostName real.example\nMatch final host real.example\n Port 9\n\
        Host real.example\n User late\n";
    let options = resolve(text, "alias").unwrap();
    assert_eq!(
        (options.hostname.as_str(), options.port),
        ("real.example", 9)
    );
    assert_eq!(options.user.as_deref(), Some("late"));
}

#[test]
fn an_agent_may_be_named_by_a_variable() {
    let agent = |value: &str| {
        resolve(&format!("IdentityAgent {value}\n"), "h")
            .unwrap()
            .identity_agent
    };
    assert_eq!(agent("$HOME"), IdentityAgent::Socket("/home/me".to_owned()));
    assert_eq!(agent("$UNSET"), IdentityAgent::None);
    assert_eq!(
        agent("${HOME}/%r"),
        IdentityAgent::Socket("/home/me/me".to_owned())
    );
}

#[test]
fn a_jump_chain_keeps_its_order_and_a_loop_is_refused() {
    let options = resolve("ProxyJump a,u@b:2,c\n", "web1").unwrap();
    let hosts: Vec<_> = options
        .proxy_jump
        .iter()
        .map(|hop| hop.host.as_str())
        .collect();
    assert_eq!(hosts, ["a", "b", "c"]);
    assert_eq!(options.proxy_jump[1].user.as_deref(), Some("u"));
    assert!(matches!(
        resolve("ProxyJump web1\n", "web1"),
        Err(ConfigError::JumpLoop { .. })
    ));
}

#[test]
fn ten_thousand_hosts_resolve_against_ten_thousand_blocks() {
    let mut text = String::new();
    for n in 0..10_000 {
        writeln!(
            text,
            "Host node{n} n{n}\n HostName 10.0.{}.{}\n User u{n}",
            n >> 8,
            n & 255
        )
        .unwrap();
    }
    for n in 0..100 {
        writeln!(text, "Host *.rack{n}\n ProxyJump gate{n}").unwrap();
    }
    let config = parse(&text).unwrap();
    for n in 0..10_000 {
        let options = config
            .resolve(&format!("node{n}"), &Given::default())
            .unwrap();
        assert_eq!(options.user, Some(format!("u{n}")));
        assert_eq!(options.hostname, format!("10.0.{}.{}", n >> 8, n & 255));
    }
}

proptest! {
    #[test]
    fn no_text_and_no_name_panics(
        lines in prop::collection::vec(
            "(Host|Match|IdentityFile|User|ProxyJump|Include|IgnoreUnknown|.{0,9})[ =]+.{0,30}", 0..8),
        host in ".{0,20}",
    ) {
        let include = |_: &str| vec![file("x", "Host a\nUser b\n")];
        let text = lines.join("\n");
        let files = [SourceText { path: "cfg", text: &text, user: true }];
        if let Ok(config) = SshConfig::parse(&files, &context(&include)) {
            let _ = config.resolve(&host, &Given::default());
            let _ = config.literal_hosts();
        }
    }
}
