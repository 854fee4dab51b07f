"""How each tool is told to run one command on all hosts; it checks host keys and prints what the hosts print."""

import os


class Site:
    """What the cheap server wrote, and where each tool may keep its files."""

    def __init__(self, directory, port, options):
        self.dir, self.port, self.options = directory, port, options
        self.hosts = self.path("hosts")
        self.config = self.path("ssh_config" + options.known_hosts_suffix)
        self.pinned = self.pin()
        with open(self.path("targets"), encoding="ascii") as file:
            self.targets = file.read().strip()

    def path(self, name):
        return os.path.join(self.dir, name)

    def pin(self):
        """The peers' ssh_config: without the costlier post-quantum key exchange, which conn does."""
        with open(self.config, encoding="utf-8") as file:
            text = file.read()
        with open(self.path("ssh_config.pinned"), "w", encoding="utf-8") as file:
            file.write("KexAlgorithms curve25519-sha256\n" + text)
        return file.name

    def environment(self, extra):
        home = self.path("home")
        os.makedirs(home + "/.ssh", mode=0o700, exist_ok=True)
        known = home + "/.ssh/known_hosts"
        if not os.path.exists(known):
            os.symlink(self.path("known_hosts"), known)
        base = {"PATH": os.environ["PATH"], "HOME": home, "LANG": "C.UTF-8", "TERM": "dumb"}
        return base | {"USER": "bench", "LOGNAME": "bench"} | extra


class Tool:
    """One tool: `program` must be installed; `argv` and `env` take a site and extra words for ssh(1)."""

    def __init__(self, name, program, argv, env=lambda site, ssh: {}, advice=""):
        self.name, self.program, self.argv, self.make_env, self.advice = name, program, argv, env, advice

    def env(self, site, ssh):
        return site.environment(self.make_env(site, ssh))


def conn(site, _):
    options = site.options
    words = ["run", "-F", site.config, "-w", site.targets, "-f", options.fanout, "--", *options.command]
    return [options.conn, "--home", site.path("conn"), *words]


def conn_pinned(site, _):
    """With the peers' key exchange; by default it does the post-quantum one."""
    argv = conn(site, _)
    argv[argv.index(site.config)] = site.pinned
    return argv


def conn_stop(site):
    return [site.options.conn, "--home", site.path("conn"), "engine", "stop"]


def xargs(site, ssh):
    run = ["ssh", "-F", site.pinned, *ssh, "{}", *site.options.command]
    return ["xargs", "-a", site.hosts, "-P", site.options.fanout, "-I{}", *run]


def clush(site, ssh):
    words = ["-f", site.options.fanout, "-S", "-o", " ".join(["-F", site.pinned, *ssh])]
    return ["clush", "--hostfile", site.hosts, *words, " ".join(site.options.command)]


def pssh(site, ssh):
    words = ["-p", site.options.fanout, "-t", "0", "-i", "-x", " ".join(["-F", site.pinned, *ssh])]
    return ["parallel-ssh", "-h", site.hosts, *words, " ".join(site.options.command)]


def pdsh(site, _):
    words = ["-f", site.options.fanout, "-S", " ".join(site.options.command)]
    return ["pdsh", "-R", "ssh", "-w", "^" + site.hosts, *words]


def pdsh_env(site, ssh):
    return {"PDSH_SSH_ARGS_APPEND": " ".join(["-F", site.pinned, *ssh])}


def ansible(site, _):
    words = ["-f", site.options.fanout, "-m", "raw", "-a", " ".join(site.options.command)]
    return ["ansible", "all", "-i", site.hosts, *words]


def ansible_env(site, ssh):
    return {
        "ANSIBLE_SSH_ARGS": " ".join(["-F", site.pinned, *(ssh or ["-o", "ControlMaster=no"])]),
        "ANSIBLE_HOST_KEY_CHECKING": "True",
        "ANSIBLE_LOCAL_TEMP": site.path("ansible"),
        "ANSIBLE_NOCOLOR": "1",
    }


def bssh(site, _):
    # It takes the port from the host alone, and known hosts from its home, without wildcards.
    hosts = ",".join(f"{block}:{site.port}" for block in blocks(site.targets))
    who = ["-l", "bench", "-i", site.path("id_ed25519"), "--strict-host-key-checking", "yes"]
    words = ["--parallel", site.options.fanout, " ".join(site.options.command)]
    return ["bssh", "-H", hosts, *who, *words]


def blocks(targets):
    """`a.[1-2],b.[1-2]` in its parts, which have no commas of their own."""
    return targets.split(",")


BSSH_ADVICE = "cargo install bssh --locked --root DIR, then DIR/bin in PATH; cargo names the version for its Rust"

CONN = Tool("conn", "conn", conn)
CONN_PINNED = Tool("conn curve25519", "conn", conn_pinned)
OURS = [CONN, CONN_PINNED]

PEERS = [
    Tool("xargs ssh", "ssh", xargs, advice="apt-get install openssh-client"),
    Tool("clush", "clush", clush, advice="apt-get install clustershell"),
    Tool("pssh", "parallel-ssh", pssh, advice="apt-get install pssh"),
    Tool("pdsh", "pdsh", pdsh, pdsh_env, advice="apt-get install pdsh"),
    Tool("ansible -m raw", "ansible", ansible, ansible_env, advice="apt-get install ansible-core"),
    Tool("bssh", "bssh", bssh, advice=BSSH_ADVICE),
]


def control_master(site):
    """Words that make ssh(1) keep a connection and use it again."""
    return ["-o", "ControlMaster=auto", "-o", "ControlPersist=300", "-o", "ControlPath=" + site.path("cm-%C")]
