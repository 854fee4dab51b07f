//! Every keyword of `ssh_config(5)`, and what becomes of it here.
//!
//! | use | keywords |
//! |---|---|
//! | applied | those of [`HostOptions`](super::HostOptions), and `Tag`, `IgnoreUnknown` |
//! | refused when active | `KnownHostsCommand` (it may revoke keys), `PubkeyAuthentication no` and `PreferredAuthentications` without `publickey` (nothing would be left to log in with), `CanonicalizeHostname yes` or `always`, `ProxyUseFdpass yes` with a proxy command, `RefuseConnection` |
//! | warned of when active | `CheckHostIP yes`, `VerifyHostKeyDNS yes` or `ask`, `NoHostAuthenticationForLocalhost yes`, `StrictHostKeyChecking no`, `HostbasedAuthentication yes`, `PKCS11Provider`, `SecurityKeyProvider`, `PubkeyAcceptedAlgorithms` that narrows, `RequiredRSASize`, `BindInterface` |
//! | silent | what only shapes an interactive session, forwards something (nothing is ever forwarded), writes `known_hosts` (never done), or offers ways to log in that are never used |
//! | anything else | an error, unless `IgnoreUnknown` names it |
//!
//! Values of silent keywords are checked where that is a word or a number; the inner form of
//! forwards, `IPQoS`, `RekeyLimit` and the like is not looked at, nor are names of algorithms.

/// How the arguments of a keyword must look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// yes, no, true, false.
    Flag,
    /// One of these words, in any case.
    Choice(&'static [&'static str]),
    /// Seconds, or units as in `1h30m`, or `none`.
    Time,
    /// Zero or more.
    Number,
    /// One argument.
    Word,
    /// Any number of arguments, none of them empty.
    Words,
    /// Anything at all.
    Any,
}

/// Options that have a field of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Applied {
    HostName,
    Port,
    User,
    IdentityFile,
    CertificateFile,
    IdentitiesOnly,
    IdentityAgent,
    ProxyJump,
    ProxyCommand,
    ProxyUseFdpass,
    HostKeyAlias,
    HostKeyAlgorithms,
    CaSignatureAlgorithms,
    UserKnownHostsFile,
    GlobalKnownHostsFile,
    StrictHostKeyChecking,
    RevokedHostKeys,
    ConnectTimeout,
    ServerAliveInterval,
    ServerAliveCountMax,
    Ciphers,
    Macs,
    KexAlgorithms,
    AddressFamily,
    BindAddress,
    Tag,
    IgnoreUnknown,
}

/// When an option that is not applied is worth a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum When {
    /// Any value but no and false.
    Yes,
    /// no or false.
    No,
    /// Any value but none.
    Set,
    /// A list that lacks this element.
    Lacks(&'static str),
    /// A list of algorithms that does not merely add or reorder.
    Narrows,
}

/// An option that bears on security and is not applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Concern {
    /// The manual's spelling; also the slot in which the first value wins.
    pub keyword: &'static str,
    pub when: When,
    /// Whether the host is refused; else a warning is given.
    pub refuse: bool,
    /// Goes on after "X is set, and …".
    pub why: &'static str,
}

/// What becomes of a keyword.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    Host,
    Match,
    Include,
    Applied(Applied),
    Watched(Concern),
    Silent,
}

/// Looks up a keyword in lower case.
pub(super) fn look_up(keyword: &str) -> Option<(Form, Use)> {
    APPLIED
        .iter()
        .map(|&(name, form, option)| (name, form, Use::Applied(option)))
        .chain(
            WATCHED
                .iter()
                .map(|&(name, form, concern)| (name, form, Use::Watched(concern))),
        )
        .chain(SILENT.iter().map(|&(name, form)| (name, form, Use::Silent)))
        .chain(STRUCTURE)
        .find(|(name, ..)| *name == keyword)
        .map(|(_, form, to)| (form, to))
}

const STRUCTURE: [(&str, Form, Use); 3] = [
    ("host", Form::Words, Use::Host),
    ("match", Form::Any, Use::Match),
    ("include", Form::Words, Use::Include),
];

const APPLIED: &[(&str, Form, Applied)] = &[
    ("hostname", Form::Word, Applied::HostName),
    ("port", Form::Word, Applied::Port),
    ("user", Form::Word, Applied::User),
    ("identityfile", Form::Word, Applied::IdentityFile),
    ("identityfile2", Form::Word, Applied::IdentityFile),
    ("certificatefile", Form::Word, Applied::CertificateFile),
    ("identitiesonly", Form::Flag, Applied::IdentitiesOnly),
    ("identityagent", Form::Word, Applied::IdentityAgent),
    ("proxyjump", Form::Any, Applied::ProxyJump),
    ("proxycommand", Form::Any, Applied::ProxyCommand),
    ("proxyusefdpass", Form::Flag, Applied::ProxyUseFdpass),
    ("hostkeyalias", Form::Word, Applied::HostKeyAlias),
    ("hostkeyalgorithms", Form::Word, Applied::HostKeyAlgorithms),
    (
        "casignaturealgorithms",
        Form::Word,
        Applied::CaSignatureAlgorithms,
    ),
    (
        "userknownhostsfile",
        Form::Words,
        Applied::UserKnownHostsFile,
    ),
    (
        "globalknownhostsfile",
        Form::Words,
        Applied::GlobalKnownHostsFile,
    ),
    (
        "stricthostkeychecking",
        Form::Choice(&["true", "false", "yes", "no", "ask", "off", "accept-new"]),
        Applied::StrictHostKeyChecking,
    ),
    ("revokedhostkeys", Form::Word, Applied::RevokedHostKeys),
    ("connecttimeout", Form::Time, Applied::ConnectTimeout),
    (
        "serveraliveinterval",
        Form::Time,
        Applied::ServerAliveInterval,
    ),
    (
        "protocolkeepalives",
        Form::Time,
        Applied::ServerAliveInterval,
    ), // Debian's alias
    ("setuptimeout", Form::Time, Applied::ServerAliveInterval), // Debian's alias
    (
        "serveralivecountmax",
        Form::Number,
        Applied::ServerAliveCountMax,
    ),
    ("ciphers", Form::Word, Applied::Ciphers),
    ("macs", Form::Word, Applied::Macs),
    ("kexalgorithms", Form::Word, Applied::KexAlgorithms),
    (
        "addressfamily",
        Form::Choice(&["inet", "inet6", "any"]),
        Applied::AddressFamily,
    ),
    ("bindaddress", Form::Word, Applied::BindAddress),
    ("tag", Form::Word, Applied::Tag),
    ("ignoreunknown", Form::Word, Applied::IgnoreUnknown),
];

const fn warn(keyword: &'static str, when: When, why: &'static str) -> Concern {
    Concern {
        keyword,
        when,
        refuse: false,
        why,
    }
}

const fn refuse(keyword: &'static str, when: When, why: &'static str) -> Concern {
    Concern {
        keyword,
        when,
        refuse: true,
        why,
    }
}

const PUBKEY: Concern = refuse(
    "PubkeyAuthentication",
    When::No,
    "public keys are the only way to log in from here. Remove it for this host",
);
const PKCS11: Concern = warn(
    "PKCS11Provider",
    When::Set,
    "its keys are not offered. Load them into the agent with ssh-add -s",
);
const PUBKEY_ALGORITHMS: Concern = warn(
    "PubkeyAcceptedAlgorithms",
    When::Narrows,
    "it is not applied: any key of an identity or of the agent may be offered",
);

const WATCHED: &[(&str, Form, Concern)] = &[
    (
        "knownhostscommand",
        Form::Any,
        refuse(
            "KnownHostsCommand",
            When::Set,
            "commands are not asked for host keys, though they may revoke one. Put the keys into \
             a file",
        ),
    ),
    (
        "pubkeyauthentication",
        Form::Choice(&["true", "false", "yes", "no", "unbound", "host-bound"]),
        PUBKEY,
    ),
    ("dsaauthentication", Form::Flag, PUBKEY),
    (
        "preferredauthentications",
        Form::Word,
        refuse(
            "PreferredAuthentications",
            When::Lacks("publickey"),
            "it leaves out publickey, the only way to log in from here. Add publickey for this host",
        ),
    ),
    (
        "canonicalizehostname",
        Form::Choice(&["true", "false", "yes", "no", "always"]),
        refuse(
            "CanonicalizeHostname",
            When::Yes,
            "names are not made canonical here, so it is not known which options hold. Give the \
             full names, or set it to no",
        ),
    ),
    (
        "refuseconnection",
        Form::Word,
        refuse("RefuseConnection", When::Set, "it forbids this connection"),
    ),
    (
        "checkhostip",
        Form::Flag,
        warn(
            "CheckHostIP",
            When::Yes,
            "addresses are not looked up in known_hosts, only names",
        ),
    ),
    (
        "verifyhostkeydns",
        Form::Choice(&["true", "false", "yes", "no", "ask"]),
        warn(
            "VerifyHostKeyDNS",
            When::Yes,
            "keys in DNS do not count here, only known_hosts",
        ),
    ),
    (
        "nohostauthenticationforlocalhost",
        Form::Flag,
        warn(
            "NoHostAuthenticationForLocalhost",
            When::Yes,
            "the keys of localhost are checked all the same",
        ),
    ),
    (
        "hostbasedauthentication",
        Form::Flag,
        warn(
            "HostbasedAuthentication",
            When::Yes,
            "host-based authentication is not offered",
        ),
    ),
    ("pkcs11provider", Form::Word, PKCS11),
    ("smartcarddevice", Form::Word, PKCS11),
    (
        "securitykeyprovider",
        Form::Word,
        warn(
            "SecurityKeyProvider",
            When::Set,
            "security keys are used only through the agent, with the agent's own provider",
        ),
    ),
    ("pubkeyacceptedalgorithms", Form::Word, PUBKEY_ALGORITHMS),
    ("pubkeyacceptedkeytypes", Form::Word, PUBKEY_ALGORITHMS),
    (
        "requiredrsasize",
        Form::Number,
        warn(
            "RequiredRSASize",
            When::Set,
            "it is not applied: RSA keys from 1024 bits are taken",
        ),
    ),
    (
        "bindinterface",
        Form::Word,
        warn(
            "BindInterface",
            When::Set,
            "it is not applied: the system chooses the interface",
        ),
    ),
];

const SILENT: &[(&str, Form)] = &[
    ("addkeystoagent", Form::Any),
    ("batchmode", Form::Flag),
    ("canonicaldomains", Form::Words),
    ("canonicalizefallbacklocal", Form::Flag),
    ("canonicalizemaxdots", Form::Number),
    ("canonicalizepermittedcnames", Form::Words),
    ("challengeresponseauthentication", Form::Flag),
    ("channeltimeout", Form::Any),
    ("clearallforwardings", Form::Flag),
    ("compression", Form::Choice(&["yes", "no"])),
    ("connectionattempts", Form::Number),
    (
        "controlmaster",
        Form::Choice(&["true", "yes", "false", "no", "auto", "ask", "autoask"]),
    ),
    ("controlpath", Form::Word),
    ("controlpersist", Form::Word),
    ("dynamicforward", Form::Any),
    ("enableescapecommandline", Form::Flag),
    ("enablesshkeysign", Form::Flag),
    ("escapechar", Form::Word),
    ("exitonforwardfailure", Form::Flag),
    ("fingerprinthash", Form::Word),
    ("forkafterauthentication", Form::Flag),
    ("forwardagent", Form::Word),
    ("forwardx11", Form::Flag),
    ("forwardx11timeout", Form::Time),
    ("forwardx11trusted", Form::Flag),
    ("gatewayports", Form::Flag),
    ("gssapiauthentication", Form::Flag),
    ("gssapiclientidentity", Form::Word),
    ("gssapidelegatecredentials", Form::Flag),
    ("gssapikexalgorithms", Form::Word),
    ("gssapikeyexchange", Form::Flag),
    ("gssapirenewalforcesrekey", Form::Flag),
    ("gssapiserveridentity", Form::Word),
    ("gssapitrustdns", Form::Flag),
    ("hashknownhosts", Form::Flag),
    ("hostbasedacceptedalgorithms", Form::Word),
    ("hostbasedkeytypes", Form::Word),
    ("ipqos", Form::Any),
    ("kbdinteractiveauthentication", Form::Flag),
    ("kbdinteractivedevices", Form::Word),
    ("keepalive", Form::Flag),
    ("localcommand", Form::Any),
    ("localforward", Form::Any),
    ("loglevel", Form::Word),
    ("logverbose", Form::Words),
    ("numberofpasswordprompts", Form::Number),
    ("obscurekeystroketiming", Form::Any),
    ("passwordauthentication", Form::Flag),
    ("permitlocalcommand", Form::Flag),
    ("permitremoteopen", Form::Any),
    ("rekeylimit", Form::Any),
    ("remotecommand", Form::Any),
    ("remoteforward", Form::Any),
    (
        "requesttty",
        Form::Choice(&["true", "yes", "false", "no", "force", "auto"]),
    ),
    ("sendenv", Form::Words),
    (
        "sessiontype",
        Form::Choice(&["none", "subsystem", "default"]),
    ),
    ("setenv", Form::Any),
    ("skeyauthentication", Form::Flag),
    ("stdinnull", Form::Flag),
    ("streamlocalbindmask", Form::Word),
    ("streamlocalbindunlink", Form::Flag),
    ("syslogfacility", Form::Word),
    ("tcpkeepalive", Form::Flag),
    ("tisauthentication", Form::Flag),
    (
        "tunnel",
        Form::Choice(&["ethernet", "point-to-point", "true", "yes", "false", "no"]),
    ),
    ("tunneldevice", Form::Word),
    (
        "updatehostkeys",
        Form::Choice(&["true", "false", "yes", "no", "ask"]),
    ),
    ("versionaddendum", Form::Any),
    ("visualhostkey", Form::Flag),
    ("warnweakcrypto", Form::Any),
    ("xauthlocation", Form::Word),
    // Deprecated or unsupported: OpenSSH passes over them as well.
    ("afstokenpassing", Form::Any),
    ("cipher", Form::Any),
    ("compressionlevel", Form::Any),
    ("fallbacktorsh", Form::Any),
    ("globalknownhostsfile2", Form::Any),
    ("kerberosauthentication", Form::Any),
    ("kerberostgtpassing", Form::Any),
    ("protocol", Form::Any),
    ("rhostsauthentication", Form::Any),
    ("rhostsrsaauthentication", Form::Any),
    ("rsaauthentication", Form::Any),
    ("useprivilegedport", Form::Any),
    ("userknownhostsfile2", Form::Any),
    ("useroaming", Form::Any),
    ("usersh", Form::Any),
];
