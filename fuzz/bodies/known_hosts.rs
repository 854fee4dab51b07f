//! Any text as a `known_hosts` file and as a list of revoked keys: no panic, and no answer but the
//! one that the key on file allows.

use ssh_key::PublicKey;
use theconn::trust::known_hosts::{KnownHosts, RevokedKeys};

const KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILM+rvN+ot98qgEN796jTiQfZfG1KaT0PtFDJ/XFSqti";

pub fn run(data: &[u8]) {
    let Ok(key) = PublicKey::from_openssh(KEY) else {
        return;
    };
    let text = String::from_utf8_lossy(data);
    let known = KnownHosts::parse(&[("fuzz".to_owned(), &text)]);
    for (name, port) in [("web1", 22), ("web1", 2222), ("", 1)] {
        let verdict = known.check_key(name, port, &key);
        let holds_key = text.contains("AAAAC3NzaC1lZDI1NTE5AAAAILM");
        assert!(
            !verdict.kind.is_trusted() || holds_key,
            "trusted from nothing"
        );
        let _ = known.known_algorithms(name, port);
    }
    let _ = RevokedKeys::parse("fuzz", data);
}
