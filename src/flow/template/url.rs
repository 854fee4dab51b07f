//! Values in URLs: data at the place where they stand, and nothing more.
//!
//! Behind the server's name every value is percent-encoded, so that it ends no segment and opens no
//! query. In the server's name it must look like a part of one. At the very beginning it is the
//! beginning of a URL: a value that names the server, such as a variable of the inventory.

use super::TemplateError;
use super::engine::MARK;
use crate::run::complaint::quote;
use crate::run::percent;

/// Puts values, each between marks, into a URL.
pub(super) fn fill(marked: &str) -> Result<String, TemplateError> {
    let mut url = String::with_capacity(marked.len());
    for (index, part) in marked.split(MARK).enumerate() {
        if index % 2 == 0 {
            url.push_str(part);
            continue;
        }
        match place(&url) {
            Place::Beginning => url.push_str(beginning(part)?),
            Place::Server => url.push_str(server_part(part, &url)?),
            Place::Behind => percent::encode(part, &mut url),
        }
    }
    whole(&url)?;
    Ok(url)
}

/// What the fixed text of a URL must not have, wherever values stand in it.
pub(super) fn literal(text: &str, at: usize) -> Result<(), TemplateError> {
    let wrong = |(found, c): (usize, char)| {
        let hint = match c {
            '#' => "what stands behind a # is never sent to a server; leave it out",
            ' ' => "a URL has no blanks; write %20",
            _ => "it cannot stand in a URL; write it as % and two hexadecimal digits",
        };
        let message = format!("{} is wrong here: {hint}", quote(&c.to_string()));
        TemplateError::new(Some(at + found), message)
    };
    let found = text.char_indices().find(|(_, c)| !may_stand(*c));
    found.map_or(Ok(()), |found| Err(wrong(found)))
}

fn may_stand(c: char) -> bool {
    c.is_ascii_graphic() && !"\"<>\\^`{|}#".contains(c)
}

enum Place {
    Beginning,
    Server,
    Behind,
}

/// Where the end of this much of a URL is.
fn place(url: &str) -> Place {
    if url.is_empty() {
        return Place::Beginning;
    }
    match url.split_once("://") {
        Some((_, rest)) if rest.contains(['/', '?']) => Place::Behind,
        _ => Place::Server,
    }
}

/// A value that a URL begins with.
fn beginning(value: &str) -> Result<&str, TemplateError> {
    let rest = ["http://", "https://"]
        .iter()
        .find_map(|scheme| value.strip_prefix(scheme));
    let fits = |rest: &str| {
        !rest.is_empty()
            && rest
                .chars()
                .all(|c| may_stand(c) && !matches!(c, '@' | '?'))
    };
    if rest.is_some_and(fits) {
        return Ok(value);
    }
    Err(TemplateError::of(&format!(
        "the value {} is no beginning of a URL: it must be http:// or https:// with a server, and a \
         path at most",
        quote(value)
    )))
}

/// A value in the server's name or port.
fn server_part<'v>(value: &'v str, url: &str) -> Result<&'v str, TemplateError> {
    let in_brackets = url.rfind('[') > url.rfind(']');
    let fits = |c: char| {
        c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_') || (c == ':' && in_brackets)
    };
    if !value.is_empty() && value.chars().all(fits) {
        return Ok(value);
    }
    Err(TemplateError::of(&format!(
        "the value {} cannot be part of a server's name: only letters, digits, - _ and . can",
        quote(value)
    )))
}

/// What can be seen only of the whole: a step up, a person's name before the server's.
fn whole(url: &str) -> Result<(), TemplateError> {
    let shown = || quote(url);
    let rest = ["http://", "https://"]
        .iter()
        .find_map(|scheme| url.strip_prefix(scheme));
    let Some(rest) = rest else {
        let message = format!(
            "{} is no URL: it must begin with http:// or https://",
            shown()
        );
        return Err(TemplateError::of(&message));
    };
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (server, path) = rest.split_at(end);
    if server.contains('@') {
        let message = format!(
            "{} has a name before its server; give it as a header",
            shown()
        );
        return Err(TemplateError::of(&message));
    }
    let path = path.split('?').next().unwrap_or_default();
    // The dots of a value are not encoded, and would not be data if they were.
    if path.split('/').any(is_step) {
        let message = format!("{} has a . or .. for a segment of its path", shown());
        return Err(TemplateError::of(&message));
    }
    literal(url, 0)
}

fn is_step(segment: &str) -> bool {
    let plain = segment.replace("%2e", ".").replace("%2E", ".");
    matches!(plain.as_str(), "." | "..")
}

#[cfg(test)]
mod tests;
