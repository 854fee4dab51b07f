//! A home of its own for `conn`, with the demo fleet in this process, as `conn demo` makes it.

use std::path::Path;

use portable_pty::CommandBuilder;
use theconn::demo::Fleet;

use super::support::Conn;
use super::terminal::Terminal;

/// `conn`, its engine and sixty hosts; all gone when dropped.
pub struct World {
    pub conn: Conn,
    _fleet: Fleet,
}

impl World {
    pub fn new() -> Self {
        let mut conn = Conn::new();
        conn.unset("LANG");
        for (name, value) in [("LC_ALL", "C.UTF-8"), ("TERM", "xterm-256color")] {
            conn.set(name, value);
        }
        let config = conn.home().join("config");
        std::fs::create_dir_all(&config).unwrap();
        let fleet = Fleet::start(&config).unwrap();
        let world = Self {
            conn,
            _fleet: fleet,
        };
        world.settings("");
        world
    }

    /// Writes `conn.toml` anew, as the demo does, with more at its end.
    pub fn settings(&self, more: &str) {
        let config = self.conn.home().join("config");
        let text = format!(
            "[environment]\nname = \"demo\"\n\n[ssh]\nconfig = {:?}\n\n\
             [store]\nreserve = \"16MiB\"\nlow_mark = \"64MiB\"\n\n{more}",
            config.join("ssh_config").display().to_string()
        );
        std::fs::write(config.join("conn.toml"), text).unwrap();
    }

    /// Runs a command on hosts to its end, and returns the run's number.
    #[track_caller]
    pub fn run(&self, hosts: &str, command: &str) -> u64 {
        self.start(hosts, command, &[]);
        self.newest()
    }

    /// The same with options; `--detach` leaves it running.
    #[track_caller]
    pub fn start(&self, hosts: &str, command: &str, options: &[&str]) {
        let mut args = vec!["--quiet", "run", "-w", hosts];
        args.extend(options);
        args.extend(["--", command]);
        let ended = self.conn.run(args);
        assert!(
            matches!(ended.code(), Some(0..=8)),
            "{hosts}: {command}: {ended:?}"
        );
    }

    /// The number of the newest run.
    #[track_caller]
    pub fn newest(&self) -> u64 {
        let runs = self.runs();
        runs.iter()
            .filter_map(|run| run["run"].as_u64())
            .max()
            .unwrap_or(0)
    }

    /// All runs, as `conn runs --json` has them.
    #[track_caller]
    pub fn runs(&self) -> Vec<serde_json::Value> {
        let json = self.conn.run(["runs", "--json"]).expect_success().json();
        json.as_array().expect("a list of runs").clone()
    }

    /// All that was done, as `conn audit --json` has it.
    #[track_caller]
    pub fn audit(&self) -> Vec<serde_json::Value> {
        self.conn
            .run(["audit", "--json"])
            .expect_success()
            .json_lines()
    }

    /// What a run wrote, as `conn runs output` prints it.
    #[track_caller]
    pub fn output(&self, run: u64) -> String {
        let run = run.to_string();
        self.conn
            .run(["runs", "output", &run])
            .expect_success()
            .out()
    }

    /// The console in a terminal of this size.
    #[track_caller]
    pub fn open(&self, width: u16, height: u16) -> Terminal {
        Terminal::open(self.console(), width, height)
    }

    /// How the console is started.
    pub fn console(&self) -> CommandBuilder {
        let plain = self.conn.command::<&str>([]);
        let mut command = CommandBuilder::new(plain.get_program());
        command.args(plain.get_args());
        command.env_clear();
        for (name, value) in plain.get_envs() {
            if let Some(value) = value {
                command.env(name, value);
            }
        }
        command.cwd(plain.get_current_dir().unwrap_or(Path::new("/")));
        command
    }
}
