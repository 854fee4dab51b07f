use super::*;
use crate::trust::known_hosts::VerdictKind::{Changed, Known, Revoked, Unknown};
use proptest::prelude::*;
use ssh_key::PublicKey;

const A: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILM+rvN+ot98qgEN796jTiQfZfG1KaT0PtFDJ/XFSqti";
const B: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEliYXNlNjRvZmEzMmJ5dGVwdWJsaWNrZXkxMjM0NTY3";

fn key(text: &str) -> PublicKey {
    PublicKey::from_openssh(text).unwrap()
}

fn known(text: &str) -> KnownHosts {
    KnownHosts::parse(&[("kh".to_owned(), text)])
}

fn verdict(text: &str, name: &str, port: u16) -> VerdictKind {
    known(text).check_key(name, port, &key(A)).kind
}

#[test]
fn one_matching_key_among_others_is_enough() {
    let text = format!("web1 {B}\nweb1 {A}\n");
    let told = known(&text).check_key("web1", 22, &key(A));
    assert_eq!(told.kind, Known);
    assert_eq!(
        told.lines,
        [LineRef {
            file: "kh".into(),
            line: 2
        }]
    );
    assert_eq!(told.known.len(), 2);
}

#[test]
fn a_changed_key_is_told_with_both_fingerprints_and_its_line() {
    let told = known(&format!("web1 {B}\n")).check_key("web1", 22, &key(A));
    assert_eq!(told.kind, Changed);
    assert_eq!(told.lines[0].line, 1);
    for text in [A, B] {
        let print = key(text).fingerprint(ssh_key::HashAlg::Sha256).to_string();
        assert!(told.reason.contains(&print), "{}", told.reason);
    }
}

#[test]
fn a_revoked_key_is_refused_whatever_else_is_on_file() {
    for line in [
        "@revoked *",
        "@revoked web1",
        "@revoked\tweb1",
        "@revoked  WEB?",
    ] {
        assert_eq!(
            verdict(&format!("web1 {A}\n{line} {A}\n"), "web1", 22),
            Revoked,
            "{line}"
        );
    }
    assert_eq!(
        verdict(&format!("web1 {A}\n@revoked web2 {A}\n"), "web1", 22),
        Known
    );
}

#[test]
fn a_port_other_than_22_is_looked_up_in_brackets_and_then_without() {
    assert_eq!(verdict(&format!("[web1]:2222 {A}\n"), "web1", 2222), Known);
    assert_eq!(verdict(&format!("[web1]:2222 {A}\n"), "web1", 22), Unknown);
    assert_eq!(verdict(&format!("web1 {A}\n"), "web1", 2222), Known);
    assert_eq!(
        verdict(&format!("web1 {A}\n[web1]:2222 {B}\n"), "web1", 2222),
        Changed
    );
    assert_eq!(
        verdict(&format!("web1 {B}\n"), "web1", 2222),
        Unknown,
        "only for a yes"
    );
}

#[test]
fn a_key_revoked_for_the_bare_name_is_revoked_on_every_port() {
    assert_eq!(
        verdict(
            &format!("[web1]:2222 {A}\n@revoked web1 {A}\n"),
            "web1",
            2222
        ),
        Revoked
    );
}

#[test]
fn bad_lines_are_warnings_with_their_place_and_spoil_nothing() {
    let text = format!(
        "web1\nweb1 ssh-foo AAAA\nweb1 ssh-ed25519 !!!\n|1|x|y {A}\n@what web1 {A}\n\
         @cert-authority\tweb1 {A}\nweb1 1024 35 1234\n# fine\n\n\t \r\nweb1 {A} a comment\r\n"
    );
    let known = known(&text);
    let lines: Vec<u32> = known.warnings().iter().map(|w| w.at.line).collect();
    assert_eq!(lines, [1, 2, 3, 4, 5, 6, 7]);
    assert_eq!(known.check_key("web1", 22, &key(A)).kind, Known);
    assert!(
        known.warnings()[1]
            .to_string()
            .starts_with("kh:2: the key type \"ssh-foo\"")
    );
}

#[test]
fn the_first_file_and_the_second_are_both_asked() {
    let (one, two) = (format!("web1 {B}\n"), format!("web1 {A}\n"));
    let known = KnownHosts::parse(&[
        ("user".to_owned(), one.as_str()),
        ("global".to_owned(), &two),
    ]);
    let told = known.check_key("web1", 22, &key(A));
    assert_eq!((told.kind, told.lines[0].file.as_str()), (Known, "global"));
}

#[test]
fn a_key_of_the_revoked_list_is_refused_for_every_name() {
    let list = RevokedKeys::parse("rev", format!("# stolen\n{A} old host\n").as_bytes()).unwrap();
    let told = known(&format!("web1 {A}\n"))
        .revoking(list)
        .check_key("web1", 22, &key(A));
    assert_eq!(told.kind, Revoked);
    assert!(told.reason.contains("rev"), "{}", told.reason);
}

#[test]
fn a_revoked_list_that_cannot_be_read_is_an_error_and_not_an_empty_list() {
    let krl = RevokedKeys::parse("rev", b"SSHKRL\n\0rest").unwrap_err();
    assert!(krl.to_string().contains("binary"), "{krl}");
    let line = RevokedKeys::parse("rev", b"\nnot a key\n").unwrap_err();
    assert!(line.to_string().starts_with("rev:2:"), "{line}");
    assert!(RevokedKeys::parse("rev", b"\xff\xfe").is_err());
}

#[test]
fn known_algorithms_lead_with_the_full_name_and_fall_back_to_the_bare_one() {
    let known = known(&format!("web1 {A}\n@cert-authority *.x {B}\n"));
    assert_eq!(
        known.known_algorithms("web1", 2222).plain,
        [Algorithm::Ed25519]
    );
    assert_eq!(
        known.known_algorithms("a.x", 22).authorities,
        [Algorithm::Ed25519]
    );
    assert_eq!(
        known.known_algorithms("else", 22),
        KnownAlgorithms::default()
    );
}

#[test]
fn ten_thousand_hosts_are_found_among_a_hundred_thousand_lines() {
    use std::fmt::Write as _;
    let mut text = String::new();
    for n in 0..100_000 {
        writeln!(
            text,
            "node{n}.example,10.{}.{}.{} {A}",
            n >> 16,
            n >> 8 & 255,
            n & 255
        )
        .unwrap();
    }
    let known = known(&text);
    assert_eq!(known.len(), 100_000);
    for n in (0..100_000).step_by(10) {
        let told = known.check_key(&format!("node{n}.example"), 22, &key(A));
        assert_eq!((told.kind, told.lines[0].line), (Known, n + 1));
    }
}

proptest! {
    #[test]
    fn no_text_and_no_name_panics(text in "(.|\n){0,200}", name in ".{0,40}", port: u16) {
        let known = known(&text);
        let _ = known.check_key(&name, port, &key(A));
        let _ = known.known_algorithms(&name, port);
    }

    #[test]
    fn no_damage_to_a_line_makes_it_speak_for_another_key(
        at in 0_usize..200, to in proptest::char::range(' ', '~'), name in "web[12]"
    ) {
        let mut text: Vec<char> = format!("web1,web? {B} note").chars().collect();
        let at = at % text.len();
        text[at] = to;
        let text: String = text.into_iter().collect();
        prop_assert_ne!(known(&text).check_key(&name, 22, &key(A)).kind, Known);
    }
}
