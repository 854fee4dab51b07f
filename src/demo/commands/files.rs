//! Commands that make, move, change and remove files.

use super::{Call, Ended};
use crate::demo::vfs::{FsError, Node, Write, join};

/// Does `change` to each path; tells of those that refuse.
async fn for_each(
    call: &mut Call<'_>,
    names: &[String],
    what: &str,
    mut change: impl FnMut(&Call<'_>, &str) -> Result<(), FsError>,
) -> Ended {
    if names.is_empty() {
        return Err(call.complain(1, "missing operand").await);
    }
    let mut ended = Ok(());
    for name in names {
        if let Err(why) = change(call, &call.shell.path(name)) {
            ended = Err(call
                .complain(1, &format!("cannot {what} '{name}': {why}"))
                .await);
        }
    }
    ended
}

/// `mkdir [-p] [-m MODE] PATHS`
pub async fn mkdir(call: &mut Call<'_>) -> Ended {
    let mut mode = None;
    let mut args = call.args.to_vec();
    if let Some(at) = args.iter().position(|arg| arg == "-m") {
        mode = args
            .get(at + 1)
            .and_then(|text| u32::from_str_radix(text, 8).ok());
        args.drain(at..args.len().min(at + 2));
    }
    let mut call = Call {
        shell: call.shell,
        name: call.name,
        args: &args,
        io: call.io.clone(),
    };
    let (flags, names) = call.flags("pv").await?;
    for_each(&mut call, &names, "create directory", |call, path| {
        let by = call.shell.author();
        let mut files = call.shell.host.files();
        if flags.contains('p') {
            files.make_directories(path, &by)?;
        } else {
            files.make_directory(path, &by)?;
        }
        match mode {
            Some(mode) => files.change(path, |node| node.mode = mode),
            None => Ok(()),
        }
    })
    .await
}

/// `mkfifo PATHS`
pub async fn mkfifo(call: &mut Call<'_>) -> Ended {
    let (_, names) = call.flags("").await?;
    for_each(call, &names, "create fifo", |call, path| {
        let by = call.shell.author();
        call.shell.host.files().make_fifo(path, &by)
    })
    .await
}

/// `rmdir PATHS`
pub async fn rmdir(call: &mut Call<'_>) -> Ended {
    let (_, names) = call.flags("").await?;
    for_each(call, &names, "remove", |call, path| {
        call.shell.host.files().remove_directory(path)
    })
    .await
}

/// `rm [-rf] PATHS`
pub async fn rm(call: &mut Call<'_>) -> Ended {
    let (flags, names) = call.flags("rRfv").await?;
    if names.is_empty() && flags.contains('f') {
        return Ok(());
    }
    for_each(call, &names, "remove", |call, path| {
        let mut files = call.shell.host.files();
        let removed = if flags.contains(['r', 'R']) {
            files.remove_tree(path)
        } else {
            files.remove(path)
        };
        match removed {
            Err(FsError::NotFound) if flags.contains('f') => Ok(()),
            other => other,
        }
    })
    .await
}

/// The last argument as a place: inside it when it is a directory.
fn destination(call: &Call<'_>, source: &str, to: &str) -> String {
    let path = call.shell.path(to);
    let inside = call
        .shell
        .host
        .files()
        .stat(&path)
        .is_ok_and(Node::is_directory);
    match source.trim_end_matches('/').rsplit('/').next() {
        Some(name) if inside => join(&path, name),
        _ => path,
    }
}

/// `mv SOURCES DESTINATION`
pub async fn mv(call: &mut Call<'_>) -> Ended {
    let (_, mut names) = call.flags("fnvT").await?;
    let Some(to) = names.pop() else {
        return Err(call.complain(1, "missing file operand").await);
    };
    for_each(call, &names, "move", |call, from| {
        let to = destination(call, from, &to);
        call.shell.host.files().rename(from, &to)
    })
    .await
}

/// `cp [-pr] SOURCES DESTINATION`, files only.
pub async fn cp(call: &mut Call<'_>) -> Ended {
    let (_, mut names) = call.flags("afpv").await?;
    let Some(to) = names.pop() else {
        return Err(call.complain(1, "missing file operand").await);
    };
    for_each(call, &names, "copy", |call, from| {
        let to = destination(call, from, &to);
        let by = call.shell.author();
        let mut files = call.shell.host.files();
        let bytes = files.read(from)?.to_vec();
        files.write(&to, &bytes, Write::Replace, &by)
    })
    .await
}

/// `ln -s TARGET PATH`
pub async fn ln(call: &mut Call<'_>) -> Ended {
    let (flags, names) = call.flags("sf").await?;
    let ([target, name], true) = (names.as_slice(), flags.contains('s')) else {
        return Err(call.complain(1, "usage: ln -s TARGET PATH").await);
    };
    for_each(call, std::slice::from_ref(name), "link", |call, path| {
        let by = call.shell.author();
        let mut files = call.shell.host.files();
        if flags.contains('f') {
            let _ = files.remove(path);
        }
        files.make_link(path, target, &by)
    })
    .await
}

/// `touch PATHS`
pub async fn touch(call: &mut Call<'_>) -> Ended {
    let (_, names) = call.flags("c").await?;
    for_each(call, &names, "touch", |call, path| {
        let by = call.shell.author();
        let mut files = call.shell.host.files();
        if files.stat(path).is_err() {
            files.write(path, b"", Write::Append, &by)?;
        }
        files.change(path, |node| node.mtime = by.now)
    })
    .await
}

/// `chmod MODE PATHS`, octal, or `+x` and `-x`.
pub async fn chmod(call: &mut Call<'_>) -> Ended {
    let names = call.args.to_vec();
    let names = match names.split_first() {
        Some((dashes, names)) if dashes == "--" => names,
        _ => &names,
    };
    let Some((mode, names)) = names.split_first() else {
        return Err(call.complain(1, "missing operand").await);
    };
    let change: Box<dyn Fn(u32) -> u32 + Send + Sync> =
        match (mode.as_str(), u32::from_str_radix(mode, 8)) {
            (_, Ok(mode)) => Box::new(move |_| mode & 0o7777),
            ("+x" | "a+x", _) => Box::new(|mode| mode | 0o111),
            ("u+x", _) => Box::new(|mode| mode | 0o100),
            ("-x", _) => Box::new(|mode| mode & !0o111),
            _ => return Err(call.complain(1, &format!("invalid mode: '{mode}'")).await),
        };
    for_each(call, names, "access", |call, path| {
        call.shell
            .host
            .files()
            .change(path, |node| node.mode = change(node.mode))
    })
    .await
}

/// `chown USER[:GROUP] PATHS`
pub async fn chown(call: &mut Call<'_>) -> Ended {
    let (_, names) = call.flags("hR").await?;
    let Some((owner, names)) = names.split_first() else {
        return Err(call.complain(1, "missing operand").await);
    };
    let user = owner.split(':').next().unwrap_or_default().to_owned();
    for_each(call, names, "access", |call, path| {
        call.shell
            .host
            .files()
            .change(path, |node| node.owner.clone_from(&user))
    })
    .await
}

/// `mktemp [-d]`
pub async fn mktemp(call: &mut Call<'_>) -> Ended {
    let (flags, _) = call.flags("d").await?;
    let by = call.shell.author();
    let made = {
        let mut files = call.shell.host.files();
        let count = files.list("/tmp").map_or(0, |entries| entries.len());
        let name = format!(
            "/tmp/tmp.{:010x}",
            call.shell.host.dice(&format!("tmp {count} {}", by.now)) >> 24
        );
        let made = if flags.contains('d') {
            files.make_directory(&name, &by)
        } else {
            files.write(&name, b"", Write::Replace, &by)
        };
        made.map(|()| name)
    };
    match made {
        Ok(name) => call.out(name + "\n").await,
        Err(why) => Err(call
            .complain(1, &format!("failed to create file: {why}"))
            .await),
    }
}
