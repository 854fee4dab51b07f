//! `test` and `[`.

use super::{Call, Ended};
use crate::demo::vfs::Kind;

/// `test` and `[`
pub fn test(call: &Call<'_>) -> Ended {
    let mut words: Vec<&str> = call.args.iter().map(String::as_str).collect();
    if call.name == "[" && words.pop() != Some("]") {
        return Err(2);
    }
    let negated = words.first() == Some(&"!");
    if negated {
        words.remove(0);
    }
    match (holds(call, &words), negated) {
        (None, _) => Err(2),
        (Some(true), false) | (Some(false), true) => Ok(()),
        _ => Err(1),
    }
}

fn holds(call: &Call<'_>, words: &[&str]) -> Option<bool> {
    let number = |text: &str| text.parse::<i64>().ok();
    Some(match words {
        [] => false,
        [text] | ["-n", text] => !text.is_empty(),
        ["-z", text] => text.is_empty(),
        [option, path] => file_is(call, option, path)?,
        [left, "=" | "==", right] => left == right,
        [left, "!=", right] => left != right,
        [left, "-eq", right] => number(left)? == number(right)?,
        [left, "-ne", right] => number(left)? != number(right)?,
        [left, "-lt", right] => number(left)? < number(right)?,
        [left, "-le", right] => number(left)? <= number(right)?,
        [left, "-gt", right] => number(left)? > number(right)?,
        [left, "-ge", right] => number(left)? >= number(right)?,
        _ => return None,
    })
}

fn file_is(call: &Call<'_>, option: &str, path: &str) -> Option<bool> {
    let files = call.shell.host.files();
    let path = call.shell.path(path);
    let node = if matches!(option, "-L" | "-h") {
        files.lstat(&path)
    } else {
        files.stat(&path)
    };
    let Ok(node) = node else {
        return Some(false);
    };
    Some(match option {
        "-e" | "-r" | "-w" => true,
        "-O" | "-G" => node.owner == call.shell.user,
        "-p" => node.kind == Kind::Fifo,
        "-f" => matches!(node.kind, Kind::File(_)),
        "-d" => node.is_directory(),
        "-L" | "-h" => matches!(node.kind, Kind::Link(_)),
        "-s" => node.size() > 0,
        "-x" => node.mode & 0o111 != 0,
        _ => return None,
    })
}
