//! One line of a `known_hosts` file.
//!
//! Reads as OpenSSH does: a line it would skip is an error here, so that the caller can warn of it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ssh_key::PublicKey;
use ssh_key::public::KeyData;

/// OpenSSH refuses RSA keys below this size wherever it meets them.
const MIN_RSA_BITS: u32 = 1024;

/// What a line's `@word` says about its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Marker {
    /// The key of the host itself.
    None,
    /// The key of an authority that signs host certificates for these names.
    CertAuthority,
    /// The key must never be accepted for these names.
    Revoked,
}

/// The first field of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Names<'a> {
    /// A comma list of names or patterns.
    Plain(&'a str),
    /// `|1|salt|hmac`: one name, known by its hash only.
    Hashed {
        /// The key of the HMAC.
        salt: [u8; 20],
        /// HMAC-SHA1 of the name.
        digest: [u8; 20],
    },
}

/// A line that holds a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line<'a> {
    pub marker: Marker,
    pub names: Names<'a>,
    pub key: ReadKey,
}

/// A key as it stands in a file: the bare key, and whether it came inside a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ReadKey {
    /// The bare key; of a certificate, the key it certifies.
    pub key: KeyData,
    /// A certificate on file never equals a host's key; only `@` lines compare what is inside.
    pub certificate: bool,
}

/// Reads a line; `None` for blank lines and comments.
pub(super) fn parse(line: &str) -> Result<Option<Line<'_>>, String> {
    let line = line.split('\0').next().unwrap_or_default();
    let line = line.trim_end_matches('\r').trim_start_matches([' ', '\t']);
    if line.is_empty() || line.starts_with('#') {
        return Ok(None);
    }
    let (marker, rest) = take_marker(line)?;
    let (names, rest) = split_field(rest);
    if rest.is_empty() || rest.starts_with('#') {
        return Err("the line ends before its key".to_owned());
    }
    let key = parse_key(rest)?;
    Ok(Some(Line {
        marker,
        names: parse_names(names)?,
        key,
    }))
}

/// OpenSSH looks for the end of a marker at the first space of the line, and at a tab only when
/// there is no space. A `@revoked` that it would overlook for that is honoured here.
fn take_marker(line: &str) -> Result<(Marker, &str), String> {
    if !line.starts_with('@') {
        return Ok((Marker::None, line));
    }
    let end = line
        .find(' ')
        .or_else(|| line.find('\t'))
        .unwrap_or(line.len());
    let (word, rest) = split_field(line);
    let marker = match word {
        "@revoked" => Marker::Revoked,
        "@cert-authority" if end == word.len() => Marker::CertAuthority,
        "@cert-authority" => {
            return Err("OpenSSH overlooks a marker that a tab ends: use a space".to_owned());
        }
        other => return Err(format!("the marker {} is not known", shown(other))),
    };
    if rest.starts_with('@') {
        return Err("a line takes one marker only".to_owned());
    }
    Ok((marker, rest))
}

/// The text before the first blank, and what follows the blanks.
fn split_field(text: &str) -> (&str, &str) {
    match text.find([' ', '\t']) {
        Some(at) => (&text[..at], text[at..].trim_start_matches([' ', '\t'])),
        None => (text, ""),
    }
}

fn parse_names(names: &str) -> Result<Names<'_>, String> {
    if !names.starts_with('|') {
        return Ok(Names::Plain(names));
    }
    let bad = || format!("the hashed name {} is damaged", shown(names));
    let body = names.strip_prefix("|1|").ok_or_else(bad)?;
    let (salt, digest) = body.split_once('|').ok_or_else(bad)?;
    let decode = |text: &str| {
        STANDARD
            .decode(text)
            .ok()
            .and_then(|bytes| bytes.try_into().ok())
    };
    match (decode(salt), decode(digest)) {
        (Some(salt), Some(digest)) => Ok(Names::Hashed { salt, digest }),
        _ => Err(bad()),
    }
}

/// Reads `TYPE BASE64 [COMMENT]`, the form shared by `known_hosts`, `.pub` files and key lists.
pub(super) fn parse_key(text: &str) -> Result<ReadKey, String> {
    let (kind, rest) = split_field(text);
    let (blob, _comment) = split_field(rest);
    if blob.is_empty() {
        return Err("the line ends before its key".to_owned());
    }
    if !kind_is_known(kind) {
        return Err(format!("the key type {} is not known", shown(kind)));
    }
    let bytes = STANDARD
        .decode(blob)
        .map_err(|why| format!("the key is not base64: {why}"))?;
    let key = PublicKey::from_bytes(&bytes).map_err(|why| format!("the key is damaged: {why}"))?;
    read_key(KeyData::from(key), kind)
}

fn read_key(key: KeyData, kind: &str) -> Result<ReadKey, String> {
    let (key, certificate, name) = match key {
        KeyData::Certificate(inside) => {
            let name = inside.algorithm().to_certificate_type();
            (inside.public_key().clone(), true, name)
        }
        plain => {
            let name = plain.algorithm().as_str().to_owned();
            (plain, false, name)
        }
    };
    if plain_rsa_name(kind) != name {
        return Err(format!(
            "the line says {} but holds a key of type {name}",
            shown(kind)
        ));
    }
    if key.rsa().is_some_and(|rsa| rsa.key_size() < MIN_RSA_BITS) {
        return Err(format!(
            "an RSA key below {MIN_RSA_BITS} bits is not accepted"
        ));
    }
    Ok(ReadKey { key, certificate })
}

/// Key types that OpenSSH reads in a key file.
fn kind_is_known(kind: &str) -> bool {
    let plain = match kind.strip_suffix("-cert-v01@openssh.com") {
        Some("sk-ssh-ed25519") => "sk-ssh-ed25519@openssh.com",
        Some("sk-ecdsa-sha2-nistp256") => "sk-ecdsa-sha2-nistp256@openssh.com",
        Some(plain) => plain,
        None => kind,
    };
    matches!(
        plain,
        "ssh-ed25519"
            | "ecdsa-sha2-nistp256"
            | "ecdsa-sha2-nistp384"
            | "ecdsa-sha2-nistp521"
            | "ssh-rsa"
            | "rsa-sha2-256"
            | "rsa-sha2-512"
            | "ssh-dss"
            | "sk-ssh-ed25519@openssh.com"
            | "sk-ecdsa-sha2-nistp256@openssh.com"
    )
}

/// The signature names of RSA stand for the one RSA key type.
fn plain_rsa_name(kind: &str) -> &str {
    match kind {
        "rsa-sha2-256" | "rsa-sha2-512" => "ssh-rsa",
        "rsa-sha2-256-cert-v01@openssh.com" | "rsa-sha2-512-cert-v01@openssh.com" => {
            "ssh-rsa-cert-v01@openssh.com"
        }
        other => other,
    }
}

/// A piece of foreign text for a message: short, and without control characters.
fn shown(text: &str) -> String {
    let mut short: String = text
        .chars()
        .take(40)
        .flat_map(char::escape_default)
        .collect();
    if text.chars().nth(40).is_some() {
        short.push('…');
    }
    format!("\"{short}\"")
}
