//! Commands that tell of files.

use std::fmt::Write as _;

use chrono::DateTime;

use super::{Call, Ended};
use crate::demo::vfs::{FsError, Kind, Node, join, parent_of};

/// `ls [-la1dhn] [PATHS]`
pub async fn ls(call: &mut Call<'_>) -> Ended {
    let (flags, mut names) = call.flags("la1dhtrRFnA").await?;
    if names.is_empty() {
        names.push(".".into());
    }
    let mut ended = Ok(());
    for name in &names {
        let listing = listing(call, name, &flags);
        match listing {
            Ok(text) if names.len() > 1 && text.is_directory => {
                call.out(format!("{name}:\n{}", text.lines)).await?;
            }
            Ok(text) => call.out(text.lines).await?,
            Err(why) => {
                ended = Err(call
                    .complain(2, &format!("cannot access '{name}': {why}"))
                    .await);
            }
        }
    }
    ended
}

struct Listing {
    lines: String,
    is_directory: bool,
}

fn listing(call: &Call<'_>, name: &str, flags: &str) -> Result<Listing, FsError> {
    let path = call.shell.path(name);
    let files = call.shell.host.files();
    let node = files.stat(&path)?;
    let is_directory = node.is_directory() && !flags.contains('d');
    let mut lines = String::new();
    if is_directory {
        for (name, node) in files.list(&path)? {
            if flags.contains('a') || !name.starts_with('.') {
                line(&mut lines, &name, node, flags);
            }
        }
    } else {
        line(&mut lines, name, node, flags);
    }
    Ok(Listing {
        lines,
        is_directory,
    })
}

fn line(out: &mut String, name: &str, node: &Node, flags: &str) {
    if !flags.contains(['l', 'n']) {
        let _ = writeln!(out, "{name}");
        return;
    }
    let time = DateTime::from_timestamp(node.mtime, 0).unwrap_or_default();
    let _ = write!(
        out,
        "{} 1 {owner:<6} {owner:<6} {:>8} {} {name}",
        mode_text(node),
        node.size(),
        time.format("%b %e %H:%M"),
        owner = node.owner,
    );
    if let Kind::Link(target) = &node.kind {
        let _ = write!(out, " -> {target}");
    }
    out.push('\n');
}

/// `drwxr-xr-x` and its like.
pub fn mode_text(node: &Node) -> String {
    let kind = match node.kind {
        Kind::File(_) => '-',
        Kind::Directory => 'd',
        Kind::Link(_) => 'l',
        Kind::Fifo => 'p',
    };
    let bits = (0..9).rev().map(|bit| match (node.mode >> bit) & 1 {
        0 => '-',
        _ => ['x', 'w', 'r'][bit % 3],
    });
    std::iter::once(kind).chain(bits).collect()
}

/// `stat [-c FORMAT] PATHS` with `%s %a %U %G %n %Y %F`.
pub async fn stat(call: &mut Call<'_>) -> Ended {
    let (format, names) = match call.args {
        [flag, format, names @ ..] if flag == "-c" => (format.clone(), names),
        names => (
            "  File: %n\n  Size: %s\t%F\nAccess: (%a)  Uid: %U\nModify: %Y".into(),
            names,
        ),
    };
    let mut ended = Ok(());
    for name in names {
        let node = call
            .shell
            .host
            .files()
            .lstat(&call.shell.path(name))
            .cloned();
        match node {
            Ok(node) => call.out(describe(&format, name, &node) + "\n").await?,
            Err(why) => {
                ended = Err(call
                    .complain(1, &format!("cannot stat '{name}': {why}"))
                    .await);
            }
        }
    }
    ended
}

fn describe(format: &str, name: &str, node: &Node) -> String {
    let kind = match node.kind {
        Kind::File(_) => "regular file",
        Kind::Directory => "directory",
        Kind::Link(_) => "symbolic link",
        Kind::Fifo => "fifo",
    };
    format
        .replace("%s", &node.size().to_string())
        .replace("%a", &format!("{:o}", node.mode))
        .replace("%U", &node.owner)
        .replace("%G", &node.owner)
        .replace("%Y", &node.mtime.to_string())
        .replace("%F", kind)
        .replace("%n", name)
}

/// `readlink [-f] PATH`
pub async fn readlink(call: &mut Call<'_>) -> Ended {
    let (flags, names) = call.flags("fe").await?;
    let path = call.shell.path(names.first().map_or("", String::as_str));
    let target = {
        let files = call.shell.host.files();
        match files.lstat(&path) {
            Ok(Node {
                kind: Kind::Link(target),
                ..
            }) if flags.is_empty() => Some(target.clone()),
            _ if flags.is_empty() => None,
            _ => files.resolve(&path).ok(),
        }
    };
    match target {
        Some(target) => call.out(target + "\n").await,
        None => Err(1),
    }
}

/// `basename PATH` and `dirname PATH`
pub async fn part_of_path(call: &mut Call<'_>) -> Ended {
    let Some(path) = call.args.first() else {
        return Err(call.complain(1, "missing operand").await);
    };
    let trimmed = path.trim_end_matches('/');
    let part = if call.name.ends_with("basename") {
        trimmed.rsplit('/').next().unwrap_or("/")
    } else if trimmed.contains('/') {
        parent_of(trimmed)
    } else {
        "."
    };
    call.out(format!("{part}\n")).await
}

/// `du -s PATHS`: the size of what is below, in KiB.
pub async fn du(call: &mut Call<'_>) -> Ended {
    let (flags, mut names) = call.flags("shkx").await?;
    if names.is_empty() {
        names.push(".".into());
    }
    let mut ended = Ok(());
    for name in &names {
        let path = call.shell.path(name);
        match size_below(call, &path) {
            Ok(bytes) if flags.contains('h') => {
                call.out(format!("{:.1}M\t{name}\n", bytes as f64 / 1_048_576.0))
                    .await?;
            }
            Ok(bytes) => {
                call.out(format!("{}\t{name}\n", bytes.div_ceil(1024)))
                    .await?;
            }
            Err(why) => {
                ended = Err(call
                    .complain(1, &format!("cannot access '{name}': {why}"))
                    .await);
            }
        }
    }
    ended
}

fn size_below(call: &Call<'_>, path: &str) -> Result<u64, FsError> {
    let files = call.shell.host.files();
    let mut pending = vec![files.resolve(path)?];
    let mut sum = 0;
    while let Some(path) = pending.pop() {
        let node = files.lstat(&path)?;
        sum += node.size();
        if node.is_directory() {
            pending.extend(
                files
                    .list(&path)?
                    .into_iter()
                    .map(|(name, _)| join(&path, &name)),
            );
        }
    }
    Ok(sum)
}
