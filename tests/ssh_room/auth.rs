//! Credentials: agents, key files, certificates, and what is said when there is none.

use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use theconn::run::outcome::{Outcome, RefusedBy};
use theconn::ssh::*;
use theconn::trust::ssh_config::IdentityAgent;

use crate::common::*;

/// A real `ssh-agent`.
struct RealAgent {
    child: Child,
    socket: PathBuf,
}

impl RealAgent {
    fn start(dir: &Path, name: &str) -> Self {
        let socket = dir.join(name);
        let child = Command::new("ssh-agent")
            .args(["-D", "-a"])
            .arg(&socket)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        while !socket.exists() {
            std::thread::sleep(Duration::from_millis(5));
        }
        Self { child, socket }
    }

    fn add(&self, what: &str) {
        sh(&format!(
            "SSH_AUTH_SOCK={} ssh-add -q {what}",
            self.socket.display()
        ));
    }
}

impl Drop for RealAgent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn keygen(host: &Host, name: &str, options: &str) -> PathBuf {
    let path = host.path(name);
    sh(&format!(
        "ssh-keygen -q -C {name} {options} -f {}",
        path.display()
    ));
    path
}

/// Lets a key in.
fn authorize(host: &Host, key: &str) {
    sh(&format!(
        "cat {0}/{key}.pub >> {0}/authorized",
        host.dir.path().display()
    ));
}

fn with_keys(host: &Host, keys: &[&str]) -> Arc<Route> {
    let mut route = host.route(&bash_user());
    route.options.identity_files = keys
        .iter()
        .map(|key| host.path(key).display().to_string())
        .collect();
    Arc::new(route)
}

async fn ok(ssh: &Ssh, route: &Arc<Route>) {
    let ran = run(ssh, route, "echo in").await;
    assert!(
        matches!(
            ran.end,
            AttemptEnd::Ended {
                outcome: Outcome::Ok,
                ..
            }
        ),
        "{:?}",
        ran.end
    );
}

async fn no_credential(ssh: &Ssh, route: &Arc<Route>, said: &str) {
    let ran = run(ssh, route, "echo in").await;
    let AttemptEnd::NoCredential { why } = &ran.end else {
        panic!("{:?}", ran.end)
    };
    assert!(why.contains(said), "{why}");
}

async fn refused(ssh: &Ssh, route: &Arc<Route>, said: &str) {
    let ran = run(ssh, route, "echo in").await;
    assert_eq!(
        *ran.outcome(),
        Outcome::Refused(RefusedBy::Auth),
        "{:?}",
        ran.end
    );
    assert!(ran.detail().contains(said), "{}", ran.detail());
}

#[tokio::test]
async fn key_files_of_every_type_let_in() {
    let host = Host::start();
    for (kind, options) in [
        ("ecdsa", "-t ecdsa -b 256"),
        ("p384", "-t ecdsa -b 384"),
        ("p521", "-t ecdsa -b 521"),
        ("ed", "-t ed25519"),
        ("rsa", "-t rsa -b 3072"),
        ("pem", "-t rsa -m PEM"),
    ] {
        keygen(&host, kind, &format!("{options} -N ''"));
        authorize(&host, kind);
        ok(&ssh(), &with_keys(&host, &[kind])).await;
    }
    keygen(&host, "weak", "-t rsa -b 1024 -N ''");
    authorize(&host, "weak");
    no_credential(&ssh(), &with_keys(&host, &["weak"]), "2048").await;
    ok(&ssh(), &with_keys(&host, &["weak", "ed"])).await;
}

#[tokio::test]
async fn an_encrypted_key_waits_for_its_passphrase() {
    let host = Host::start();
    let path = keygen(&host, "locked", "-t ed25519 -N secret");
    authorize(&host, "locked");
    let (ssh, route) = (ssh(), with_keys(&host, &["locked"]));
    no_credential(&ssh, &route, "encrypted").await;
    ssh.passphrases().add(&path, "wrong");
    no_credential(&ssh, &route, "does not open it").await;
    ssh.passphrases().add(&path, "secret");
    ok(&ssh, &route).await;
    ssh.close_idle().await;
    ssh.passphrases().remove(&path);
    no_credential(&ssh, &route, "encrypted").await;
}

#[tokio::test]
async fn a_key_file_that_others_can_read_or_that_is_missing_is_not_used() {
    let host = Host::start();
    let path = keygen(&host, "open", "-t ed25519 -N ''");
    authorize(&host, "open");
    sh(&format!("chmod 644 {}", path.display()));
    no_credential(&ssh(), &with_keys(&host, &["open"]), "chmod 600").await;
    no_credential(&ssh(), &with_keys(&host, &["absent"]), "is not there").await;
    std::fs::write(host.path("junk"), "what?").unwrap();
    sh(&format!("chmod 600 {}", host.path("junk").display()));
    no_credential(&ssh(), &with_keys(&host, &["junk"]), "no private key").await;
}

#[tokio::test]
async fn agents_sign_also_with_rsa_and_the_newest_is_asked_first() {
    let host = Host::start();
    let (ssh, route) = (ssh(), with_keys(&host, &[]));
    no_credential(&ssh, &route, "no agent").await;
    let key = keygen(&host, "rsa", "-t rsa -N ''");
    authorize(&host, "rsa");
    let empty = RealAgent::start(host.dir.path(), "empty");
    let agent = RealAgent::start(host.dir.path(), "agent");
    agent.add(&key.display().to_string());
    ssh.agents().register(1, agent.socket.clone());
    ssh.agents().register(2, empty.socket.clone());
    ok(&ssh, &route).await;
    // A connection that is there needs no agent; a new one does.
    drop(agent);
    ok(&ssh, &route).await;
    ssh.close_idle().await;
    no_credential(&ssh, &route, "gives nothing").await;
    let agent = RealAgent::start(host.dir.path(), "agent2");
    agent.add(&key.display().to_string());
    ssh.agents().remove(1);
    ssh.agents().register(3, agent.socket.clone());
    ok(&ssh, &route).await;
}

#[tokio::test]
async fn an_agent_that_never_answers_holds_nobody_up() {
    let host = Host::start();
    let mut settings = settings();
    settings.timeouts.agent = Duration::from_millis(300);
    let ssh = Ssh::new(settings);
    let silent = UnixListener::bind(host.path("silent")).unwrap();
    ssh.agents().register(1, host.path("silent"));
    no_credential(&ssh, &with_keys(&host, &[]), "did not answer").await;
    ok(&ssh, &with_keys(&host, &["id"])).await;
    drop(silent);
}

#[tokio::test]
async fn an_agent_that_hangs_on_the_signature_is_a_missing_credential() {
    let host = Host::start();
    let agent = RealAgent::start(host.dir.path(), "agent");
    agent.add(&host.path("id").display().to_string());
    // Between: answers the list of keys, swallows the rest.
    let front = UnixListener::bind(host.path("front")).unwrap();
    let back = agent.socket.clone();
    std::thread::spawn(move || {
        use std::io::{Read as _, Write as _};
        let mut swallowed = Vec::new();
        for stream in front.incoming() {
            let mut stream = stream.unwrap();
            let mut request = [0; 5];
            stream.read_exact(&mut request).unwrap();
            if request[4] != 11 {
                swallowed.push(stream);
                continue;
            }
            let mut behind = std::os::unix::net::UnixStream::connect(&back).unwrap();
            behind.write_all(&request).unwrap();
            let mut length = [0; 4];
            behind.read_exact(&mut length).unwrap();
            let mut body = vec![0; u32::from_be_bytes(length) as usize];
            behind.read_exact(&mut body).unwrap();
            stream.write_all(&[&length[..], &body].concat()).unwrap();
        }
    });
    let mut settings = settings();
    settings.timeouts.agent_sign = Duration::from_millis(300);
    let ssh = Ssh::new(settings);
    ssh.agents().register(1, host.path("front"));
    no_credential(&ssh, &with_keys(&host, &[]), "no signature").await;
    // The connection goes on with the next key.
    ok(&ssh, &with_keys(&host, &["id"])).await;
}

#[tokio::test]
async fn identity_agent_names_the_agent_or_none() {
    let host = Host::start();
    let agent = RealAgent::start(host.dir.path(), "agent");
    agent.add(&host.path("id").display().to_string());
    let ssh = ssh();
    let mut route = host.route(&bash_user());
    route.options.identity_files.clear();
    route.options.identity_agent = IdentityAgent::Socket(agent.socket.display().to_string());
    ok(&ssh, &Arc::new(route.clone())).await;
    ssh.close_idle().await;
    ssh.agents().register(1, agent.socket.clone());
    route.options.identity_agent = IdentityAgent::None;
    no_credential(&ssh, &Arc::new(route), "no key").await;
}

#[tokio::test]
async fn rejected_keys_are_a_refusal_that_names_them() {
    let host = Host::start();
    keygen(&host, "other", "-t ed25519 -N ''");
    let fingerprint = sh(&format!(
        "ssh-keygen -lf {} | cut -d' ' -f2",
        host.path("other.pub").display()
    ));
    refused(&ssh(), &with_keys(&host, &["other"]), &fingerprint).await;
}

#[tokio::test]
async fn too_many_keys_are_a_refusal_that_says_what_to_do_and_identities_only_does_it() {
    let host = Host::with(&Setup {
        config: "MaxAuthTries 3".into(),
        ..Setup::default()
    });
    let agent = RealAgent::start(host.dir.path(), "agent");
    for i in 0..5 {
        let key = keygen(&host, &format!("k{i}"), "-t ed25519 -N ''");
        agent.add(&key.display().to_string());
    }
    let ssh = ssh();
    ssh.agents().register(1, agent.socket.clone());
    refused(&ssh, &with_keys(&host, &[]), "IdentitiesOnly").await;
    let mut route = host.route(&bash_user());
    route.options.identities_only = true;
    ok(&ssh, &Arc::new(route)).await;
    // A key that a file names goes before others, also with its private half in the agent only.
    authorize(&host, "k4");
    std::fs::remove_file(host.path("k4")).unwrap();
    ok(&ssh, &with_keys(&host, &["k4"])).await;
}

#[tokio::test]
async fn user_certificates_let_in_from_files_and_agents() {
    let setup = Setup {
        config: "TrustedUserCAKeys {dir}/ca.pub\nAuthorizedKeysFile none".into(),
        ..Setup::default()
    };
    let user = bash_user();
    let host = Host::with(&setup);
    sh(&format!(
        "ssh-keygen -q -t ed25519 -N '' -f {}",
        host.path("ca").display()
    ));
    let sign = |key: &str, valid: &str| {
        sh(&format!(
            "ssh-keygen -q -s {} -I test -n {user} -V {valid} {}",
            host.path("ca").display(),
            host.path(&format!("{key}.pub")).display()
        ))
    };
    for key in ["beside", "named", "agent", "split", "late"] {
        keygen(&host, key, "-t ed25519 -N ''");
        sign(key, if key == "late" { "-2d:-1d" } else { "-1d:+1d" });
    }
    ok(&ssh(), &with_keys(&host, &["beside"])).await;

    let moved = |key: &str| {
        sh(&format!(
            "mv {0}/{key}-cert.pub {0}/{key}.elsewhere",
            host.dir.path().display()
        ))
    };
    moved("named");
    refused(&ssh(), &with_keys(&host, &["named"]), "none of the keys").await;
    let mut route = host.route(&user);
    route.options.identity_files = vec![host.path("named").display().to_string()];
    route.options.certificate_files = vec![host.path("named.elsewhere").display().to_string()];
    ok(&ssh(), &Arc::new(route.clone())).await;

    let agent = RealAgent::start(host.dir.path(), "sock");
    agent.add(&host.path("agent").display().to_string());
    let with_agent = ssh();
    with_agent.agents().register(1, agent.socket.clone());
    ok(&with_agent, &with_keys(&host, &[])).await;

    // The certificate in a file, its key in the agent only.
    moved("split");
    agent.add(&host.path("split").display().to_string());
    let split = ssh();
    split.agents().register(1, agent.socket.clone());
    route.options.identity_files = vec![];
    route.options.identities_only = true;
    route.options.certificate_files = vec![host.path("split.elsewhere").display().to_string()];
    ok(&split, &Arc::new(route)).await;

    refused(&ssh(), &with_keys(&host, &["late"]), "expired").await;
}

#[tokio::test]
async fn a_named_identity_uses_its_own_key_and_asks_no_agent() {
    let host = Host::start();
    keygen(&host, "other", "-t ed25519 -N ''");
    let agent = RealAgent::start(host.dir.path(), "agent");
    agent.add(&host.path("id").display().to_string());
    let ssh = ssh();
    ssh.agents().register(1, agent.socket.clone());
    let mut route = host.route("ignored");
    route.options.user = None;
    let named = |key: &str| Identity::Named {
        key: host.path(key),
        certificate: None,
        user: Some(bash_user()),
    };
    route.identity = named("other");
    refused(&ssh, &Arc::new(route.clone()), "none of the keys").await;
    route.identity = named("id");
    let ran = run(&ssh, &Arc::new(route.clone()), "id -un").await;
    assert_eq!(ran.kept.stdout().trim(), bash_user());
    route.identity = named("absent");
    no_credential(&ssh, &Arc::new(route), "is not there").await;
}

#[tokio::test]
async fn a_host_that_asks_for_more_than_a_key_is_refused_with_the_reason() {
    let host = Host::with(&Setup {
        config: "AuthenticationMethods publickey,password\nPasswordAuthentication yes".into(),
        ..Setup::default()
    });
    refused(&ssh(), &host.bash(), "password").await;
}

#[tokio::test]
async fn a_key_restricted_to_a_destination_signs_for_it_only() {
    let (host, other) = (Host::start(), Host::start());
    let agent = RealAgent::start(host.dir.path(), "agent");
    let known = host.path("known");
    std::fs::write(
        &known,
        host.known_line("ed25519") + &other.known_line("ed25519"),
    )
    .unwrap();
    sh(&format!(
        "cat {} >> {}",
        host.path("id.pub").display(),
        other.path("authorized").display()
    ));
    agent.add(&format!(
        "-H {} -h '[127.0.0.1]:{}' {}",
        known.display(),
        host.port,
        host.path("id").display()
    ));
    let ssh = ssh();
    ssh.agents().register(1, agent.socket.clone());
    ok(&ssh, &with_keys(&host, &[])).await;
    let mut route = other.route(&bash_user());
    route.options.identity_files.clear();
    no_credential(&ssh, &Arc::new(route), "no signature").await;
}
