//! What `conn hosts` prints: a table for people, one JSON document for programs.
//!
//! Pure: takes resolved hosts, gives text. Names and values were written by others, so nothing of
//! them may act on the terminal.

use serde::Serialize;

use crate::inventory::ResolvedHost;

/// Columns are padded to their widest cell, but not beyond this: one long list of groups should
/// not push everything else off the screen.
const MAX_PADDING: usize = 40;

/// The document of `conn hosts --json`.
#[derive(Serialize)]
struct Document<'h> {
    hosts: &'h [ResolvedHost],
    warnings: &'h [String],
}

/// One JSON document: `{"hosts": […], "warnings": […]}`, ended by a newline.
///
/// Each host has `host`, `address`, `port`, `user` (null where `ssh_config` decides), `source`,
/// `sources`, `groups`, `labels`, `vars`, and in `vars_from` where each value comes from.
///
/// # Errors
/// None that values of these types can cause.
pub fn json(hosts: &[ResolvedHost], warnings: &[String]) -> Result<String, serde_json::Error> {
    let mut text = serde_json::to_string_pretty(&Document { hosts, warnings })?;
    text.push('\n');
    Ok(text)
}

/// One line a host under a line of headings; what no host has is left out as a column.
pub fn table(hosts: &[ResolvedHost]) -> String {
    let columns: Vec<Column> = COLUMNS
        .iter()
        .map(|(heading, always, cell)| Column::new(heading, *always, hosts.iter().map(cell)))
        .filter(|column| column.shown)
        .collect();
    let mut text = String::new();
    for row in 0..=hosts.len() {
        let mut line = String::new();
        for column in &columns {
            let cell = &column.cells[row];
            let padding = column.width.saturating_sub(cell.chars().count());
            line.push_str(cell);
            line.extend(std::iter::repeat_n(' ', padding + 2));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

type Cell = fn(&ResolvedHost) -> String;

/// Heading, whether it stands even when empty, and what it shows.
const COLUMNS: [(&str, bool, Cell); 8] = [
    ("HOST", true, |host| safe(&host.host)),
    ("ADDRESS", true, |host| {
        host.address.as_deref().map(safe).unwrap_or_default()
    }),
    ("PORT", true, |host| {
        host.port.map(|port| port.to_string()).unwrap_or_default()
    }),
    ("USER", true, |host| {
        host.user.as_deref().map(safe).unwrap_or_default()
    }),
    ("SOURCE", true, |host| safe(&host.sources.join(","))),
    ("GROUPS", false, |host| safe(&host.groups.join(","))),
    ("LABELS", false, |host| {
        pairs(host.labels.iter().map(|(key, value)| (key, value.clone())))
    }),
    ("VARIABLES", false, |host| {
        pairs(host.vars.iter().map(|(key, value)| (key, plain(value))))
    }),
];

struct Column {
    /// The heading, then one cell a host.
    cells: Vec<String>,
    width: usize,
    shown: bool,
}

impl Column {
    fn new(heading: &str, always: bool, cells: impl Iterator<Item = String>) -> Self {
        let mut shown = always;
        let mut column = vec![heading.to_owned()];
        for cell in cells {
            shown |= !cell.is_empty();
            column.push(if cell.is_empty() {
                "-".to_owned()
            } else {
                cell
            });
        }
        let widest = column
            .iter()
            .map(|cell| cell.chars().count())
            .max()
            .unwrap_or(0);
        Self {
            cells: column,
            width: widest.min(MAX_PADDING),
            shown,
        }
    }
}

fn pairs<'k>(pairs: impl Iterator<Item = (&'k String, String)>) -> String {
    let shown: Vec<String> = pairs
        .map(|(key, value)| format!("{}={}", safe(key), safe(&value)))
        .collect();
    shown.join(" ")
}

fn plain(value: &serde_json::Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

/// The text with everything that could act on a terminal or break the line written as an escape.
fn safe(text: &str) -> String {
    let escape = |c: char| match c {
        '"' | '\'' | '\\' => c.to_string(),
        other => other.escape_debug().to_string(),
    };
    text.chars().map(escape).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn host(name: &str) -> ResolvedHost {
        ResolvedHost {
            source: "site".into(),
            sources: vec!["site".into()],
            ..ResolvedHost::unlisted(name)
        }
    }

    fn full() -> ResolvedHost {
        ResolvedHost {
            address: Some("10.99.0.1".into()),
            port: Some(2222),
            user: Some("admin".into()),
            groups: vec!["site:web".into(), "site:canary".into()],
            labels: [("role".to_owned(), "web".to_owned())].into(),
            vars: [
                ("http_port".to_owned(), json!(80)),
                ("note".to_owned(), json!("a b")),
            ]
            .into(),
            ..host("web01")
        }
    }

    #[test]
    fn the_table_shows_what_is_known_and_a_dash_for_what_is_not() {
        assert_eq!(
            table(&[full(), host("db1")]),
            "HOST   ADDRESS    PORT  USER   SOURCE  GROUPS                LABELS    VARIABLES\n\
             web01  10.99.0.1  2222  admin  site    site:web,site:canary  role=web  http_port=80 note=a b\n\
             db1    -          -     -      site    -                     -         -\n"
        );
    }

    #[test]
    fn columns_that_no_host_fills_are_left_out() {
        assert_eq!(
            table(&[host("db1")]),
            "HOST  ADDRESS  PORT  USER  SOURCE\ndb1   -        -     -     site\n"
        );
    }

    #[test]
    fn nothing_in_a_table_acts_on_the_terminal() {
        let evil = ResolvedHost {
            user: Some("a\x1b[2J\n\u{202e}b".into()),
            ..host("c\r\u{200b}d")
        };
        let shown = table(&[evil]);
        assert_eq!(shown.lines().count(), 2);
        assert!(
            shown.contains("c\\r\\u{200b}d") && shown.contains("a\\u{1b}[2J\\n\\u{202e}b"),
            "{shown}"
        );
    }

    #[test]
    fn the_json_has_every_key_for_every_host() {
        let text = json(&[full(), host("db1")], &["odd".to_owned()]).unwrap();
        let document: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(document["hosts"][0]["port"], json!(2222));
        assert_eq!(document["hosts"][0]["vars"]["http_port"], json!(80));
        assert_eq!(document["hosts"][1]["address"], Value::Null);
        assert_eq!(document["warnings"], json!(["odd"]));
        let keys: Vec<&String> = document["hosts"][1].as_object().unwrap().keys().collect();
        assert_eq!(
            keys,
            [
                "address",
                "groups",
                "host",
                "labels",
                "port",
                "source",
                "sources",
                "user",
                "vars",
                "vars_from"
            ]
        );
    }
}
