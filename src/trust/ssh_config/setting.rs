//! One line of configuration as a value that can be set.

use super::jump::{self, JumpHost};
use super::keywords::{Applied, Concern, Form, When};
use super::lexer::Words;
use super::options::{AddressFamily, StrictHostKey};
use super::values;

/// A value, checked, before tokens are filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Setting {
    HostName(String),
    Port(u16),
    User(String),
    IdentityFile(String),
    CertificateFile(String),
    IdentitiesOnly(bool),
    IdentityAgent(String),
    /// An empty chain stands for `none`.
    ProxyJump(Vec<JumpHost>),
    ProxyCommand(String),
    ProxyUseFdpass(bool),
    HostKeyAlias(String),
    HostKeyAlgorithms(String),
    CaSignatureAlgorithms(String),
    UserKnownHostsFile(Vec<String>),
    GlobalKnownHostsFile(Vec<String>),
    StrictHostKeyChecking(StrictHostKey),
    RevokedHostKeys(String),
    ConnectTimeout(u32),
    ServerAliveInterval(u32),
    ServerAliveCountMax(u32),
    Ciphers(String),
    Macs(String),
    KexAlgorithms(String),
    AddressFamily(AddressFamily),
    BindAddress(String),
    Tag(String),
    IgnoreUnknown(String),
    /// A value of a watched option: the first one takes the slot, also when it is harmless.
    Watched {
        keyword: &'static str,
        /// What to say when it is not.
        concern: Option<(Concern, String)>,
    },
}

/// OpenSSH holds no more known-hosts files than this.
const MAX_HOSTS_FILES: usize = 32;

/// Checks the arguments of a keyword against its form.
pub(super) fn check_form(words: &Words<'_>, form: Form) -> Result<(), String> {
    if form == Form::Any {
        return Ok(());
    }
    let keyword = &words.keyword;
    if form == Form::Words {
        let empty = words.args.iter().any(String::is_empty);
        return if empty {
            Err(format!("{keyword} has an empty value"))
        } else {
            Ok(())
        };
    }
    let [arg] = words.args.as_slice() else {
        let what = if words.args.is_empty() {
            "needs a value"
        } else {
            "takes one value only"
        };
        return Err(format!("{keyword} {what}"));
    };
    let good = match form {
        Form::Flag => values::flag(arg).is_some(),
        Form::Choice(choices) => choices
            .iter()
            .any(|choice| arg.eq_ignore_ascii_case(choice)),
        Form::Time => arg == "none" || values::seconds(arg).is_some(),
        Form::Number => values::number(arg).is_some(),
        _ => !arg.is_empty(),
    };
    if good {
        Ok(())
    } else {
        Err(format!(
            "\"{}\" is no value of {keyword}",
            arg.escape_debug()
        ))
    }
}

/// The setting of an applied keyword; `None` when the value leaves it unset.
pub(super) fn applied(option: Applied, words: &Words<'_>) -> Result<Option<Setting>, String> {
    let arg = words.args.first().cloned().unwrap_or_default();
    let is_yes = values::flag(&arg) == Some(true);
    Ok(Some(match option {
        Applied::HostName => Setting::HostName(arg),
        Applied::Port => Setting::Port(
            values::port(&arg).ok_or_else(|| format!("\"{}\" is no port", arg.escape_debug()))?,
        ),
        Applied::User => Setting::User(arg),
        Applied::IdentityFile => Setting::IdentityFile(arg),
        Applied::CertificateFile => Setting::CertificateFile(arg),
        Applied::IdentitiesOnly => Setting::IdentitiesOnly(is_yes),
        Applied::IdentityAgent => Setting::IdentityAgent(arg),
        Applied::ProxyJump => Setting::ProxyJump(proxy_jump(words.rest)?),
        Applied::ProxyCommand => Setting::ProxyCommand(rest_of_line(words.rest).to_owned()),
        Applied::ProxyUseFdpass => Setting::ProxyUseFdpass(is_yes),
        Applied::HostKeyAlias => Setting::HostKeyAlias(arg),
        Applied::HostKeyAlgorithms => Setting::HostKeyAlgorithms(arg),
        Applied::CaSignatureAlgorithms => Setting::CaSignatureAlgorithms(arg),
        Applied::UserKnownHostsFile => return files(words, Setting::UserKnownHostsFile),
        Applied::GlobalKnownHostsFile => return files(words, Setting::GlobalKnownHostsFile),
        Applied::StrictHostKeyChecking => Setting::StrictHostKeyChecking(strictness(&arg)),
        Applied::RevokedHostKeys => Setting::RevokedHostKeys(arg),
        Applied::ConnectTimeout => return Ok(values::seconds(&arg).map(Setting::ConnectTimeout)),
        Applied::ServerAliveInterval => {
            return Ok(values::seconds(&arg).map(Setting::ServerAliveInterval));
        }
        Applied::ServerAliveCountMax => {
            return Ok(values::number(&arg).map(Setting::ServerAliveCountMax));
        }
        Applied::Ciphers => Setting::Ciphers(arg),
        Applied::Macs => Setting::Macs(arg),
        Applied::KexAlgorithms => Setting::KexAlgorithms(arg),
        Applied::AddressFamily => Setting::AddressFamily(family(&arg)),
        Applied::BindAddress => Setting::BindAddress(arg),
        Applied::Tag => Setting::Tag(arg),
        Applied::IgnoreUnknown => Setting::IgnoreUnknown(arg),
    }))
}

/// The setting of a watched keyword.
pub(super) fn watched(concern: Concern, words: &Words<'_>) -> Setting {
    let value = match words.args.first() {
        Some(arg) if words.args.len() == 1 => arg.clone(),
        _ => rest_of_line(words.rest).to_owned(),
    };
    let no = matches!(value.to_ascii_lowercase().as_str(), "no" | "false");
    let none = value.eq_ignore_ascii_case("none");
    let worth_a_word = match concern.when {
        When::Yes => !no,
        When::No => no,
        When::Set => !none,
        When::Lacks(element) => !value.split(',').any(|listed| listed == element),
        When::Narrows => !value.starts_with(['+', '^']),
    };
    Setting::Watched {
        keyword: concern.keyword,
        concern: worth_a_word.then_some((concern, value)),
    }
}

fn proxy_jump(rest: &str) -> Result<Vec<JumpHost>, String> {
    jump::parse(rest_of_line(rest))
        .map_err(|hop| format!("\"{}\" is no jump host", hop.escape_debug()))
}

/// Options that take the whole line skip one more run of blanks and equals signs.
fn rest_of_line(rest: &str) -> &str {
    rest.trim_start_matches([' ', '\t', '\r', '\n', '='])
}

fn files(
    words: &Words<'_>,
    setting: fn(Vec<String>) -> Setting,
) -> Result<Option<Setting>, String> {
    let args = &words.args;
    if args.is_empty() {
        return Ok(None);
    }
    if args.len() > MAX_HOSTS_FILES {
        return Err(format!(
            "{} names more than {MAX_HOSTS_FILES} files",
            words.keyword
        ));
    }
    let has_none = args.iter().any(|arg| arg.eq_ignore_ascii_case("none"));
    match (has_none, args.len()) {
        (true, 1) => Ok(Some(setting(Vec::new()))),
        (true, _) => Err(format!("\"none\" must stand alone after {}", words.keyword)),
        (false, _) => Ok(Some(setting(args.clone()))),
    }
}

fn strictness(word: &str) -> StrictHostKey {
    match word.to_ascii_lowercase().as_str() {
        "yes" | "true" => StrictHostKey::Yes,
        "accept-new" => StrictHostKey::AcceptNew,
        "ask" => StrictHostKey::Ask,
        _ => StrictHostKey::No,
    }
}

fn family(word: &str) -> AddressFamily {
    match word.to_ascii_lowercase().as_str() {
        "inet" => AddressFamily::Inet,
        "inet6" => AddressFamily::Inet6,
        _ => AddressFamily::Any,
    }
}
