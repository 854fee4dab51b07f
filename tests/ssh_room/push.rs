//! Files: whole or not at all.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use theconn::run::outcome::Outcome;
use theconn::ssh::*;
use tokio_util::sync::CancellationToken;

use crate::common::*;

fn source(host: &Host, bytes: &[u8]) -> PathBuf {
    let path = host.path("source");
    std::fs::write(&path, bytes).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
    path
}

fn push(source: &Path, dest: &str) -> PushSpec {
    PushSpec {
        source: source.to_owned(),
        dest: dest.to_owned(),
        owner: None,
        mode: None,
        run_as: None,
        timeout: None,
        connect_timeout: None,
    }
}

async fn pushed(ssh: &Ssh, route: &Arc<Route>, push: &PushSpec) -> Ran {
    let end = ssh
        .push(route, push, granted(), &CancellationToken::new())
        .await;
    Ran {
        end,
        kept: Kept::default(),
    }
}

/// A directory that the test user owns.
fn place(host: &Host) -> PathBuf {
    let path = host.path("place");
    sh(&format!(
        "mkdir {0}; chown {1} {0}",
        path.display(),
        bash_user()
    ));
    path
}

fn leftovers(dir: &Path) -> Vec<String> {
    let names = std::fs::read_dir(dir)
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap());
    names
        .filter(|name| name.starts_with(".conn-push"))
        .collect()
}

#[tokio::test]
async fn a_file_arrives_whole_with_the_mode_it_had_or_was_given() {
    let host = Host::start();
    let (ssh, route, place) = (ssh(), host.bash(), place(&host));
    let bytes: Vec<u8> = (0..5_000_003_u32)
        .map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8)
        .collect();
    let source = source(&host, &bytes);
    let dest = place.join("a 'quoted' name");
    let spec = push(&source, dest.to_str().unwrap());
    assert_eq!(*pushed(&ssh, &route, &spec).await.outcome(), Outcome::Ok);
    assert!(std::fs::read(&dest).unwrap() == bytes);
    assert_eq!(dest.metadata().unwrap().mode() & 0o7777, 0o640);
    // Over an existing file, and with a mode of its own.
    let again = PushSpec {
        mode: Some(0o755),
        ..spec
    };
    assert_eq!(*pushed(&ssh, &route, &again).await.outcome(), Outcome::Ok);
    assert_eq!(dest.metadata().unwrap().mode() & 0o7777, 0o755);
    // Into a directory, and from the home directory.
    assert_eq!(
        *pushed(&ssh, &route, &push(&source, place.to_str().unwrap()))
            .await
            .outcome(),
        Outcome::Ok
    );
    assert!(place.join("source").exists());
    assert_eq!(
        *pushed(&ssh, &route, &push(&source, "~/conn-pushed"))
            .await
            .outcome(),
        Outcome::Ok
    );
    assert!(home_of(&bash_user()).join("conn-pushed").exists());
    assert_eq!(leftovers(&place), Vec::<String>::new());
}

#[tokio::test]
async fn an_empty_file_is_a_file() {
    let host = Host::start();
    let (place, source) = (place(&host), source(&host, b""));
    let spec = push(&source, place.join("empty").to_str().unwrap());
    assert_eq!(
        *pushed(&ssh(), &host.bash(), &spec).await.outcome(),
        Outcome::Ok
    );
    assert_eq!(place.join("empty").metadata().unwrap().len(), 0);
}

#[tokio::test]
async fn owner_and_forbidden_directories_take_the_rights_of_run_as() {
    let host = Host::start();
    sudo_rights();
    let (ssh, route) = (ssh(), host.bash());
    let source = source(&host, b"content");
    let dest = host.path("roots-own");
    let spec = push(&source, dest.to_str().unwrap());
    let ran = pushed(&ssh, &route, &spec).await;
    assert_eq!(*ran.outcome(), Outcome::Failed(1));
    assert!(
        ran.detail().contains("was not replaced") && ran.detail().contains("denied"),
        "{}",
        ran.detail()
    );
    let dash = user("/bin/dash");
    let spec = PushSpec {
        run_as: Some(RunAsMethod::Sudo),
        owner: Some(format!("{dash}:{dash}")),
        mode: Some(0o4711),
        ..spec
    };
    let ran = pushed(&ssh, &route, &spec).await;
    assert_eq!(*ran.outcome(), Outcome::Ok, "{}", ran.detail());
    assert_eq!(std::fs::read(&dest).unwrap(), b"content");
    assert_eq!(
        sh(&format!("stat -c '%U:%G %a' {}", dest.display())),
        format!("{dash}:{dash} 4711")
    );
    assert_eq!(leftovers(host.dir.path()), Vec::<String>::new());
    assert_eq!(leftovers(&home_of(&bash_user())), Vec::<String>::new());
    let ran = pushed(&ssh, &Arc::new(host.route(&dash)), &spec).await;
    assert_eq!(*ran.outcome(), Outcome::Failed(1));
    assert!(ran.detail().contains("sudo"), "{}", ran.detail());
    let spec = PushSpec {
        owner: Some("nobody-of-this-name".into()),
        ..push(&source, "conn-owned")
    };
    let ran = pushed(&ssh, &route, &spec).await;
    assert!(ran.detail().contains("invalid user"), "{}", ran.detail());
}

#[tokio::test]
async fn what_is_given_up_or_cut_off_changes_nothing() {
    let host = Host::start();
    let (ssh, route, place) = (ssh(), host.bash(), place(&host));
    let dest = place.join("file");
    std::fs::write(&dest, "old").unwrap();
    let source = host.path("big");
    sh(&format!("truncate -s 3G {}", source.display()));
    let spec = PushSpec {
        timeout: Some(Duration::from_millis(800)),
        ..push(&source, dest.to_str().unwrap())
    };
    assert_eq!(
        *pushed(&ssh, &route, &spec).await.outcome(),
        Outcome::TimedOut
    );
    assert_eq!(leftovers(&place), Vec::<String>::new());
    let spec = PushSpec {
        timeout: None,
        ..spec
    };
    let cut = async {
        wait_until("it is on its way", || !leftovers(&place).is_empty()).await;
        host.kill_sessions();
    };
    let (ran, ()) = tokio::join!(pushed(&ssh, &route, &spec), cut);
    assert_eq!(*ran.outcome(), Outcome::Unreachable, "{}", ran.detail());
    assert!(
        ran.detail().contains("was not replaced"),
        "{}",
        ran.detail()
    );
    assert_eq!(std::fs::read(&dest).unwrap(), b"old");
}

#[tokio::test]
async fn wrong_sources_and_destinations_are_told_in_words() {
    let host = Host::start();
    let (ssh, route) = (ssh(), host.bash());
    let ran = pushed(&ssh, &route, &push(Path::new("/nonexistent/file"), "x")).await;
    assert_eq!(*ran.outcome(), Outcome::NotStarted);
    assert!(
        ran.detail().contains("/nonexistent/file"),
        "{}",
        ran.detail()
    );
    let source = source(&host, b"x");
    let ran = pushed(&ssh, &route, &push(&source, "/nonexistent/dir/file")).await;
    assert_eq!(*ran.outcome(), Outcome::Failed(1));
    assert!(ran.detail().contains("does not exist"), "{}", ran.detail());
    let no_sftp = Host::with(&Setup {
        config: "Subsystem sftp /bin/false".into(),
        ..Setup::default()
    });
    let ran = pushed(&ssh, &no_sftp.bash(), &push(&source, "x")).await;
    assert_ne!(*ran.outcome(), Outcome::Ok);
}

#[tokio::test]
async fn a_login_confined_to_sftp_is_enough() {
    let host = Host::with(&Setup {
        config: "ForceCommand internal-sftp".into(),
        ..Setup::default()
    });
    let (place, source) = (place(&host), source(&host, b"content"));
    let dest = place.join("file");
    std::fs::write(&dest, "old").unwrap();
    let ran = pushed(&ssh(), &host.bash(), &push(&source, dest.to_str().unwrap())).await;
    assert_eq!(*ran.outcome(), Outcome::Ok, "{}", ran.detail());
    assert_eq!(std::fs::read(&dest).unwrap(), b"content");
    assert_eq!(dest.metadata().unwrap().mode() & 0o7777, 0o640);
}
