//! An instance of `conn` with a directory of definitions: no host is needed for what is done with them.

use std::path::PathBuf;

use serde_json::Value;

use super::{Conn, Ended};

/// An instance of `conn`, and a directory of definitions.
pub struct Desk {
    pub conn: Conn,
    pub site: PathBuf,
}

impl Desk {
    pub fn new() -> Self {
        let conn = Conn::new();
        let config = conn.home().join("config");
        std::fs::create_dir_all(&config).unwrap();
        std::fs::write(
            config.join("conn.toml"),
            "[store]\nreserve = \"1MiB\"\nlow_mark = \"1MiB\"\n",
        )
        .unwrap();
        std::fs::write(
            config.join("inventory.toml"),
            "[[hosts]]\nnames = \"web[1-6]\"\nlabels = { site = \"ams\" }\n[groups.web]\nmembers = \"web[1-6]\"\nvars = { port = 80 }\n",
        )
        .unwrap();
        let site = conn.home().join("../site");
        std::fs::create_dir_all(site.join("flows")).unwrap();
        std::fs::create_dir_all(site.join("actions")).unwrap();
        let site = site.canonicalize().unwrap();
        Self { conn, site }
    }

    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.site.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }

    #[track_caller]
    pub fn run(&self, args: &[&str]) -> Ended {
        self.conn.run(args.iter().copied())
    }

    /// `conn apply` of the whole directory.
    #[track_caller]
    pub fn apply(&self, options: &[&str]) -> Ended {
        let site = self.site.to_str().unwrap();
        self.run(&[&["apply", site], options].concat())
    }

    #[track_caller]
    pub fn list(&self) -> Vec<(String, u64)> {
        let listed = self
            .run(&["list", "flow", "--json"])
            .expect_success()
            .json();
        let listed = listed.as_array().unwrap().iter();
        listed
            .map(|line| {
                assert_eq!(line["broken"], Value::Null);
                (
                    line["name"].as_str().unwrap().to_owned(),
                    line["version"].as_u64().unwrap(),
                )
            })
            .collect()
    }

    #[track_caller]
    pub fn text(&self, name: &str) -> String {
        self.run(&["show", name]).expect_success().out()
    }

    /// The acts on definitions, as the audit records have them.
    #[track_caller]
    pub fn audit(&self) -> Vec<String> {
        let whole = self.run(&["audit", "verify", "--json"]).expect_success();
        assert_eq!(whole.json()["whole"], true);
        let records = self.run(&["audit", "--json"]).expect_success().json_lines();
        let texts = records
            .iter()
            .filter(|record| record["act"] == "apply" || record["act"] == "remove");
        texts
            .map(|record| record["text"].as_str().unwrap().to_owned())
            .collect()
    }

    /// Makes a shell script the editor; it gets the file as its first word.
    pub fn editor(&mut self, script: &str) {
        let path = self.write("../editor", &format!("#!/bin/sh\nset -e\n{script}\n"));
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(&path, mode).unwrap();
        self.conn.unset("VISUAL");
        self.conn.set("EDITOR", format!("sh {}", path.display()));
    }

    #[track_caller]
    pub fn edit(&self, name: &str, answers: &str) -> Ended {
        self.conn.run_with_input(["edit", name], answers.as_bytes())
    }
}

pub fn leaf(name: &str, command: &str) -> String {
    format!(
        "# {name}\nkind = \"simple\"\nname = \"{name}\"\n\n[[steps]]\nname = \"x\"\nexec = {{ command = \"{command}\" }}\n"
    )
}

pub fn over(name: &str, flow: &str) -> String {
    format!(
        "kind = \"multi\"\nname = \"{name}\"\n\n[[stages]]\nname = \"a\"\nflow = \"{flow}\"\ntargets = \"@web\"\n"
    )
}
