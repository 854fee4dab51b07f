//! What a step does.

use toml::de::DeValue;

use super::common::{command, duration, env, exec, given_map, given_of, need, text, url};
use crate::flow::step::{Act, Approve, Http, Local, Method, Pull, Push, Role};
use crate::flow::template::{Known, Text};
use crate::run::complaint::quote;
use crate::run::strict_toml::Table;

const ACTS: [&str; 8] = [
    "exec", "push", "pull", "http", "approve", "wait", "local", "tree",
];
const METHODS: [(&str, Method); 6] = [
    ("GET", Method::Get),
    ("HEAD", Method::Head),
    ("POST", Method::Post),
    ("PUT", Method::Put),
    ("PATCH", Method::Patch),
    ("DELETE", Method::Delete),
];

/// Headers that whoever sends a request writes itself.
const OUR_HEADERS: [&str; 8] = [
    "connection",
    "content-length",
    "expect",
    "host",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// The one act of a step.
pub(super) fn read(
    table: &Table<'_>,
    host: &Known,
    batch: &Known,
    durable: Option<bool>,
) -> Option<Act> {
    let there: Vec<&str> = ACTS.into_iter().filter(|act| table.has(act)).collect();
    match there[..] {
        [] => {
            let known = ACTS.map(quote).join(", ");
            table.complain_here(format!("the step does nothing; write one of {known}"));
        }
        [_] => {}
        [first, second, ..] => {
            let message = format!(
                "a step does one thing, but this has {} and {}",
                quote(first),
                quote(second)
            );
            table.complain_hint(second, message, "make two steps of them");
        }
    }
    let acts = [
        inner(table, "exec", |t| {
            exec(t, host, durable.unwrap_or(true)).map(Act::Exec)
        }),
        inner(table, "push", |t| push(t, host)),
        inner(table, "pull", |t| pull(t, host)),
        inner(table, "http", |t| http(t, host)),
        inner(table, "approve", |t| {
            approve(t, batch, text).map(Act::Approve)
        }),
        duration(table, "wait").map(Act::Wait),
        inner(table, "local", |t| local(t, host)),
        table.string("tree").map(Act::Tree),
    ];
    acts.into_iter().flatten().next()
}

fn inner(
    table: &Table<'_>,
    key: &'static str,
    read: impl FnOnce(&Table<'_>) -> Option<Act>,
) -> Option<Act> {
    table.table(key, read)?
}

fn push(table: &Table<'_>, known: &Known) -> Option<Act> {
    need(table, "source", "write source = \"files/NAME\"");
    need(table, "dest", "write dest = \"/path/on/the/host\"");
    let source = text(table, "source", known);
    let dest = text(table, "dest", known);
    absolute(table, "dest", dest.as_ref());
    let owner = text(table, "owner", known);
    let mode = table.get("mode", mode);
    Some(Act::Push(Push {
        source: source?,
        dest: dest?,
        owner,
        mode,
    }))
}

fn mode(value: &DeValue<'_>) -> Result<u32, String> {
    let wrong = || "\"mode\" must be permission bits in quotes, as in \"0644\"".to_owned();
    let text = value.as_str().ok_or_else(wrong)?;
    let octal =
        text.len() <= 4 && text.len() >= 3 && text.bytes().all(|b| (b'0'..=b'7').contains(&b));
    let bits = octal.then(|| u32::from_str_radix(text, 8).ok()).flatten();
    bits.ok_or_else(wrong)
}

fn pull(table: &Table<'_>, known: &Known) -> Option<Act> {
    need(table, "source", "write source = \"/path/on/the/host\"");
    need(table, "dest", "write dest = \"logs/{{ host.name }}.log\"");
    let source = text(table, "source", known);
    absolute(table, "source", source.as_ref());
    let dest = text(table, "dest", known);
    if dest
        .as_ref()
        .is_some_and(|dest| !dest.source().contains("host."))
    {
        let message = "every host would write to one file";
        table.complain_hint("dest", message, "put {{ host.name }} into the path");
    }
    Some(Act::Pull(Pull {
        source: source?,
        dest: dest?,
    }))
}

fn absolute(table: &Table<'_>, key: &'static str, path: Option<&Text>) {
    let wrong = |path: &&Text| !path.source().starts_with('/') && !path.source().starts_with("{{");
    if let Some(path) = path.filter(wrong) {
        let message = format!("{} is no absolute path", quote(path.source()));
        table.complain_hint(key, message, "begin it with a /");
    }
}

fn http(table: &Table<'_>, known: &Known) -> Option<Act> {
    need(table, "url", "write url = \"https://…\"");
    let method = table.choice("method", &METHODS).unwrap_or(Method::Get);
    let url = url(table, known);
    let headers = given_map(table, "headers", known, |name| {
        let fits = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
        if name.is_empty() || !name.chars().all(fits) {
            return Err(format!("{} is no name of a header", quote(name)));
        }
        if OUR_HEADERS
            .iter()
            .any(|ours| name.eq_ignore_ascii_case(ours))
        {
            return Err(format!(
                "the header {} says how the request is sent, which is not the definition's to say",
                quote(name)
            ));
        }
        Ok(())
    });
    let body = table
        .written("body")
        .and_then(|written| given_of(table, &written, known));
    if body.is_some() && matches!(method, Method::Get | Method::Head) {
        table.complain_hint(
            "body",
            "a request with this method has no body",
            "write method = \"POST\"",
        );
    }
    let success = if table.has("success") {
        table.get("success", statuses)?
    } else {
        vec![(200, 299)]
    };
    Some(Act::Http(Http {
        method,
        url: url?,
        headers,
        body,
        success,
    }))
}

/// `[200, "300-304"]`.
fn statuses(value: &DeValue<'_>) -> Result<Vec<(u16, u16)>, String> {
    let wrong =
        || "\"success\" must be a list of status codes, as in [200, \"300-304\"]".to_owned();
    let DeValue::Array(items) = value else {
        return Err(wrong());
    };
    let range = |item: &DeValue<'_>| {
        let text = match item {
            DeValue::Integer(number) => number.as_str().to_owned(),
            DeValue::String(text) => text.to_string(),
            _ => return None,
        };
        let (first, last) = text.split_once('-').unwrap_or((&text, &text));
        let range: (u16, u16) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
        (range.0 >= 100 && range.0 <= range.1 && range.1 <= 599).then_some(range)
    };
    let ranges: Option<Vec<_>> = items.iter().map(|item| range(item.get_ref())).collect();
    ranges.filter(|ranges| !ranges.is_empty()).ok_or_else(wrong)
}

/// `text` reads its question.
pub(super) fn approve(
    table: &Table<'_>,
    known: &Known,
    text: fn(&Table<'_>, &'static str, &Known) -> Option<Text>,
) -> Option<Approve> {
    need(
        table,
        "role",
        "write role = \"lead\": the least role that may approve",
    );
    let role = table.choice("role", &Role::ALL.map(|role| (role.word(), role)));
    if matches!(role, Some(Role::Viewer)) {
        table.complain(
            "role",
            "a viewer only looks; write \"operator\", \"lead\" or \"admin\"",
        );
    }
    let not_starter = table.boolean("not_starter").unwrap_or(false);
    let expires = duration(table, "expires");
    let use_within = duration(table, "use_within");
    let text = text(table, "text", known);
    Some(Approve {
        role: role?,
        not_starter,
        expires,
        use_within,
        text,
    })
}

fn local(table: &Table<'_>, known: &Known) -> Option<Act> {
    need(table, "command", "write command = \"…\"");
    let command = command(table, "command", known);
    let env = env(table, known);
    Some(Act::Local(Local {
        command: command?,
        env,
    }))
}
