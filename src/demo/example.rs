//! The example site of `config/`, as the demo has it: the same definitions and the same files for hosts.
//!
//! Only the soaks are shorter, so that a person can watch a rollout: a minute lasts a second.

use std::borrow::Cow;
use std::path::Path;

use super::DemoError;
use super::site::write;

macro_rules! from_config {
    ($($path:literal),* $(,)?) => {
        [$(($path, include_str!(concat!("../../config/", $path)))),*]
    };
}

/// Paths below the configuration directory, and what stands there.
const FILES: [(&str, &str); 9] = from_config![
    "actions/hbase-health.toml",
    "flows/flighting-update.toml",
    "flows/galaxy-upgrade-pool.toml",
    "flows/install-pretend-services.toml",
    "flows/upgrade-regionserver.toml",
    "files/galaxyctl",
    "files/hbase-2.4.17.run",
    "files/hbase-2.4.18.run",
    "files/pretend_hbase.sh",
];

/// Said at the head of a definition that was changed.
const CHANGED: &str =
    "# The demo is in a hurry: what soaks for a minute in config/ soaks for a second here.\n";

/// Writes definitions and files into a configuration directory.
pub fn lay(config: &Path) -> Result<(), DemoError> {
    for (path, text) in FILES {
        let path = config.join(path);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(DemoError::write(folder))?;
        }
        write(&path, &in_a_hurry(text))?;
    }
    Ok(())
}

/// A definition with seconds where it says how many minutes something soaks.
fn in_a_hurry(text: &str) -> Cow<'_, str> {
    let mut changed = String::new();
    let mut rest = text;
    while let Some((before, soak)) = next_soak(rest) {
        changed.push_str(before);
        changed.push('s');
        rest = soak;
    }
    if changed.is_empty() {
        return text.into();
    }
    (CHANGED.to_owned() + &changed + rest).into()
}

/// What stands before and behind the `m` of the next `soak = "5m"`.
fn next_soak(text: &str) -> Option<(&str, &str)> {
    let mut from = 0;
    while let Some(place) = text[from..].find("soak") {
        from += place + "soak".len();
        let value = text[from..].trim_start_matches(' ').strip_prefix('=');
        let value = value.and_then(|value| value.trim_start_matches(' ').strip_prefix('"'));
        let Some(value) = value else { continue };
        let unit = value.trim_start_matches(|c: char| c.is_ascii_digit());
        if unit.len() < value.len() && unit.starts_with("m\"") {
            return Some((&text[..text.len() - unit.len()], &unit[1..]));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_the_example_site_is_in_the_demo() {
        let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("config");
        let mut there = Vec::new();
        for folder in ["actions", "files", "flows"] {
            for entry in std::fs::read_dir(config.join(folder)).unwrap().flatten() {
                let name = entry.file_name().into_string().unwrap();
                there.push(format!("{folder}/{name}"));
            }
        }
        there.sort();
        let mut here = FILES.map(|(path, _)| path.to_owned());
        here.sort();
        assert_eq!(here.to_vec(), there);
    }

    #[test]
    fn nothing_soaks_for_minutes_in_the_demo_and_nothing_else_is_changed() {
        let text = "soak = \"5m\"\n# soak\ncanary = { soak         = \"30m\" }\ntimeout = \"5m\"\nsoak = \"2s\"\n";
        let hurried = in_a_hurry(text);
        assert_eq!(
            hurried.strip_prefix(CHANGED).unwrap(),
            "soak = \"5s\"\n# soak\ncanary = { soak         = \"30s\" }\ntimeout = \"5m\"\nsoak = \"2s\"\n"
        );
        for (path, text) in FILES.iter().filter(|(path, _)| !path.starts_with("flows/")) {
            assert_eq!(in_a_hurry(text), *text, "{path}");
        }
    }
}
