//! Host keys: nothing is sent to a host that is not known.

use std::sync::Arc;

use theconn::run::outcome::{Outcome, RefusedBy};
use theconn::ssh::*;
use theconn::trust::ssh_config::StrictHostKey;

use crate::common::*;

async fn refused(host: &Host, known_hosts: &str, said: &[&str]) {
    let mut route = host.route(&bash_user());
    route.known = known(known_hosts);
    let ran = run(&ssh(), &Arc::new(route), "echo in").await;
    assert_eq!(
        *ran.outcome(),
        Outcome::Refused(RefusedBy::HostKey),
        "{:?}",
        ran.end
    );
    for said in said {
        assert!(ran.detail().contains(said), "{said}: {}", ran.detail());
    }
}

async fn trusted(host: &Host, known_hosts: &str) {
    let mut route = host.route(&bash_user());
    route.known = known(known_hosts);
    let ran = run(&ssh(), &Arc::new(route), "echo in").await;
    assert_eq!(*ran.outcome(), Outcome::Ok, "{:?}", ran.end);
}

fn fingerprint(host: &Host, key: &str) -> String {
    sh(&format!(
        "ssh-keygen -lf {} | cut -d' ' -f2",
        host.path(&format!("{key}.pub")).display()
    ))
}

#[tokio::test]
async fn unknown_changed_and_revoked_keys_are_refused_with_fingerprints_and_lines() {
    let (host, other) = (Host::start(), Host::start());
    let mine = fingerprint(&host, "host_ed25519");
    refused(&host, "", &[&mine]).await;
    let wrong = other
        .known_line("ed25519")
        .replace(&other.port.to_string(), &host.port.to_string());
    let theirs = fingerprint(&other, "host_ed25519");
    refused(
        &host,
        &format!("# a comment\n{wrong}"),
        &[&mine, &theirs, "known_hosts:2"],
    )
    .await;
    let line = host.known_line("ed25519");
    refused(
        &host,
        &format!("@revoked * {}\n{line}", &line[line.find(' ').unwrap()..]),
        &[&mine, "revoked"],
    )
    .await;
    trusted(&host, &format!("{wrong}{line}")).await;
}

#[tokio::test]
async fn a_host_is_asked_for_the_type_of_key_that_is_on_file() {
    let host = Host::with(&Setup {
        host_keys: vec!["ed25519", "ecdsa", "rsa"],
        ..Setup::default()
    });
    trusted(&host, &host.known_line("ecdsa")).await;
    trusted(&host, &host.known_line("ed25519")).await;
    trusted(&host, &host.known_line("rsa")).await;
}

#[tokio::test]
async fn a_host_with_an_rsa_key_is_verified_with_sha2_and_never_with_sha1() {
    let of = |config: &str| {
        Host::with(&Setup {
            host_keys: vec!["rsa"],
            config: config.into(),
        })
    };
    for names in ["rsa-sha2-512", "rsa-sha2-256"] {
        let host = of(&format!("HostKeyAlgorithms {names}"));
        trusted(&host, &host.known_line("rsa")).await;
        let other = of("");
        let line = other
            .known_line("rsa")
            .replace(&other.port.to_string(), &host.port.to_string());
        refused(&host, &line, &["SHA256:"]).await;
    }
    let old = of("HostKeyAlgorithms ssh-rsa");
    let mut route = old.route(&bash_user());
    route.known = known(&old.known_line("rsa"));
    let ran = run(&ssh(), &Arc::new(route), "echo in").await;
    assert_eq!(*ran.outcome(), Outcome::Unreachable);
    assert!(ran.detail().contains("ssh-rsa"), "{}", ran.detail());
}

#[tokio::test]
async fn host_certificates_are_checked_against_their_authority_and_name() {
    let setup = Setup {
        config: "HostCertificate {dir}/host_ed25519-cert.pub".into(),
        ..Setup::default()
    };
    let mut host = Host::with(&setup);
    let d = host.dir.path().display().to_string();
    sh(&format!("ssh-keygen -q -t ed25519 -N '' -f {d}/ca"));
    let sign = |names: &str, valid: &str| {
        sh(&format!(
            "ssh-keygen -q -h -s {d}/ca -I host -n {names} -V {valid} {d}/host_ed25519.pub"
        ))
    };
    let authority = format!(
        "@cert-authority [127.0.0.1]:{} {}",
        host.port,
        std::fs::read_to_string(host.path("ca.pub")).unwrap()
    );
    sign("127.0.0.1", "-1d:+1d");
    host.restart();
    trusted(&host, &authority).await;
    // Without an authority on file the plain key is asked for, and counts as before.
    trusted(&host, &host.known_line("ed25519")).await;
    refused(
        &host,
        &authority.replace("@cert-authority", "@revoked"),
        &["SHA256:"],
    )
    .await;
    sign("elsewhere", "-1d:+1d");
    host.restart();
    refused(&host, &authority, &["elsewhere"]).await;
    sign("127.0.0.1", "-2d:-1d");
    host.restart();
    refused(&host, &authority, &[]).await;
}

#[tokio::test]
async fn an_alias_stands_for_the_host_whatever_its_port() {
    let host = Host::start();
    let mut route = host.route(&bash_user());
    route.options.host_key_alias = Some("web1".into());
    let key = std::fs::read_to_string(host.path("host_ed25519.pub")).unwrap();
    route.known = known(&format!("web1 {key}"));
    assert_eq!(
        *run(&ssh(), &Arc::new(route.clone()), "true")
            .await
            .outcome(),
        Outcome::Ok
    );
    route.known = host.known();
    assert_eq!(
        *run(&ssh(), &Arc::new(route), "true").await.outcome(),
        Outcome::Refused(RefusedBy::HostKey)
    );
}

#[tokio::test]
async fn accept_new_takes_a_first_key_writes_it_down_and_takes_no_second() {
    let mut host = Host::start();
    let ssh = ssh();
    let file = host.path("written");
    std::fs::write(&file, "# no line end").unwrap();
    let mut route = host.route(&bash_user());
    route.known = known("");
    route.options.strict_host_key_checking = StrictHostKey::AcceptNew;
    route.options.user_known_hosts_files = vec![file.display().to_string()];
    assert_eq!(
        *run(&ssh, &Arc::new(route.clone()), "true").await.outcome(),
        Outcome::Ok
    );
    let written = std::fs::read_to_string(&file).unwrap();
    assert_eq!(
        sh(&format!(
            "ssh-keygen -F '[127.0.0.1]:{}' -f {} | grep -c ed25519",
            host.port,
            file.display()
        )),
        "1",
        "{written}"
    );
    // The key of the same place changes.
    let d = host.dir.path().display();
    sh(&format!(
        "rm {d}/host_ed25519*; ssh-keygen -q -t ed25519 -N '' -f {d}/host_ed25519"
    ));
    host.restart();
    ssh.close_idle().await;
    assert_eq!(
        *run(&ssh, &Arc::new(route.clone()), "true").await.outcome(),
        Outcome::Refused(RefusedBy::HostKey)
    );
    route.options.strict_host_key_checking = StrictHostKey::No;
    route.known = known("");
    assert_eq!(
        *run(&Ssh::new(settings()), &Arc::new(route), "true")
            .await
            .outcome(),
        Outcome::Refused(RefusedBy::HostKey)
    );
}
