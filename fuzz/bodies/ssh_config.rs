//! Any text as an `ssh_config`, which also includes itself: no panic, no endless work.

use theconn::trust::ssh_config::{Context, Given, IncludedFile, SourceText, SshConfig};

pub fn run(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let include = |pattern: &str| {
        let text = if pattern.ends_with("self") {
            text.to_string()
        } else {
            "User x".to_owned()
        };
        vec![IncludedFile {
            path: pattern.to_owned(),
            text,
            refused: None,
        }]
    };
    let context = Context {
        home: "/home/me",
        local_user: "me",
        local_host: "bastion.example",
        uid: 1000,
        include: &include,
        env: &|name| (name == "HOME").then(|| "/home/me".to_owned()),
    };
    let source = SourceText {
        path: "fuzz",
        text: &text,
        user: true,
    };
    let Ok(config) = SshConfig::parse(&[source], &context) else {
        return;
    };
    let given = Given {
        user: None,
        port: None,
        outside: Some(&|_| true),
    };
    for host in ["web1", "10.1", "::1"] {
        if let Ok(options) = config.resolve(host, &given) {
            assert!(options.proxy_jump.is_empty() || options.proxy_command.is_none());
        }
    }
    let _ = config.literal_hosts();
}
