//! Commands that read their input, or files, and write it or a part of it.

use std::collections::VecDeque;

use super::{Call, Ended};
use crate::demo::shell::io::{Input, share};

/// The most that `sort` and its like hold in memory.
const MAX_HELD: usize = 16 << 20;
/// The most lines that `tail` keeps.
const MAX_TAIL: usize = 100_000;

pub(super) type Shared = std::sync::Arc<tokio::sync::Mutex<Input>>;

/// The files that are named, or standard input when none is; a missing one is told of.
pub(super) async fn inputs(call: &Call<'_>, names: &[String]) -> (Vec<(String, Shared)>, bool) {
    if names.is_empty() {
        return (vec![(String::new(), call.io.input.clone())], true);
    }
    let (mut found, mut all) = (Vec::new(), true);
    for name in names {
        if name == "-" {
            found.push((name.clone(), call.io.input.clone()));
            continue;
        }
        match call.shell.open(name) {
            Ok(input) => found.push((name.clone(), share(input))),
            Err(why) => {
                call.complain(1, &format!("{name}: {why}")).await;
                all = false;
            }
        }
    }
    (found, all)
}

fn ended(all_found: bool) -> Ended {
    if all_found { Ok(()) } else { Err(1) }
}

/// `cat [FILES]`
pub async fn cat(call: &mut Call<'_>) -> Ended {
    let (_, names) = call.flags("u").await?;
    let (inputs, all) = inputs(call, &names).await;
    for (_, input) in inputs {
        let mut input = input.lock().await;
        while let Some(chunk) = input.chunk().await {
            call.out(chunk).await?;
        }
    }
    ended(all)
}

/// What `head` and `tail` were asked for.
struct Ends {
    count: usize,
    /// `+N`: from the Nth on, rather than the last N.
    from: bool,
    bytes: bool,
    names: Vec<String>,
}

/// Reads `-n 5`, `-n5`, `-5`, `-c 5`.
async fn ends(call: &Call<'_>) -> Ended<Ends> {
    let mut ends = Ends {
        count: 10,
        from: false,
        bytes: false,
        names: Vec::new(),
    };
    let mut args = call.args.iter();
    while let Some(arg) = args.next() {
        let number = match arg.strip_prefix('-') {
            None | Some("") => {
                ends.names.push(arg.clone());
                continue;
            }
            Some("n" | "c") => {
                ends.bytes = arg == "-c";
                args.next().cloned().unwrap_or_default()
            }
            Some("f" | "q") => continue,
            Some(rest) => {
                ends.bytes = rest.starts_with('c');
                rest.trim_start_matches(['n', 'c']).to_owned()
            }
        };
        ends.from = number.starts_with('+');
        match number.trim_start_matches(['-', '+']).parse() {
            Ok(count) => ends.count = count,
            Err(_) => return call.unknown_option(arg).await,
        }
    }
    Ok(ends)
}

/// `head [-n N | -c N] [FILES]`
pub async fn head(call: &mut Call<'_>) -> Ended {
    let ends = ends(call).await?;
    let (inputs, all) = inputs(call, &ends.names).await;
    for (_, input) in inputs {
        let mut input = input.lock().await;
        let mut left = ends.count;
        while left > 0 {
            if ends.bytes {
                let Some(chunk) = input.at_most(left).await else {
                    break;
                };
                left -= chunk.len();
                call.out(chunk).await?;
            } else {
                let Some(mut line) = input.line().await else {
                    break;
                };
                left -= 1;
                line.push(b'\n');
                call.out(line).await?;
            }
        }
    }
    ended(all)
}

/// `tail [-n N] [FILES]`
pub async fn tail(call: &mut Call<'_>) -> Ended {
    let ends = ends(call).await?;
    let (inputs, all) = inputs(call, &ends.names).await;
    for (_, input) in inputs {
        let mut input = input.lock().await;
        match (ends.from, ends.bytes) {
            (true, true) => skip_bytes(call, &mut input, ends.count).await?,
            (true, false) => skip_lines(call, &mut input, ends.count).await?,
            (false, true) => last_bytes(call, &mut input, ends.count).await?,
            (false, false) => last_lines(call, &mut input, ends.count).await?,
        }
    }
    ended(all)
}

async fn skip_bytes(call: &Call<'_>, input: &mut Input, first: usize) -> Ended {
    let mut left = first.saturating_sub(1);
    while let Some(chunk) = input.chunk().await {
        let skip = left.min(chunk.len());
        left -= skip;
        call.out(chunk.slice(skip..)).await?;
    }
    Ok(())
}

async fn skip_lines(call: &Call<'_>, input: &mut Input, first: usize) -> Ended {
    let mut number = 0;
    while let Some(mut line) = input.line().await {
        number += 1;
        if number >= first {
            line.push(b'\n');
            call.out(line).await?;
        }
    }
    Ok(())
}

async fn last_bytes(call: &Call<'_>, input: &mut Input, count: usize) -> Ended {
    let keep = count.min(MAX_HELD);
    let mut kept = VecDeque::new();
    while let Some(chunk) = input.chunk().await {
        kept.extend(chunk);
        kept.drain(..kept.len().saturating_sub(keep));
    }
    call.out(Vec::from(kept)).await
}

async fn last_lines(call: &Call<'_>, input: &mut Input, count: usize) -> Ended {
    let keep = count.min(MAX_TAIL);
    let mut lines = VecDeque::new();
    while let Some(line) = input.line().await {
        lines.push_back(line);
        if lines.len() > keep {
            lines.pop_front();
        }
    }
    print_lines(call, lines.into()).await
}

/// `wc [-lwc] [FILES]`
pub async fn wc(call: &mut Call<'_>) -> Ended {
    let (flags, names) = call.flags("lwcm").await?;
    let (inputs, all) = inputs(call, &names).await;
    for (name, input) in inputs {
        let mut input = input.lock().await;
        let (mut lines, mut words, mut bytes, mut inside) = (0_u64, 0_u64, 0_u64, false);
        while let Some(chunk) = input.chunk().await {
            bytes += chunk.len() as u64;
            for byte in chunk {
                lines += u64::from(byte == b'\n');
                words += u64::from(inside && byte.is_ascii_whitespace());
                inside = !byte.is_ascii_whitespace();
            }
        }
        words += u64::from(inside);
        let shown: Vec<String> = [('l', lines), ('w', words), ('c', bytes)]
            .iter()
            .filter(|(flag, _)| flags.is_empty() || flags.contains(*flag))
            .map(|(_, n)| {
                if flags.len() == 1 {
                    n.to_string()
                } else {
                    format!("{n:>7}")
                }
            })
            .collect();
        let name = if name.is_empty() {
            name
        } else {
            format!(" {name}")
        };
        call.out(format!("{}{name}\n", shown.join(" "))).await?;
    }
    ended(all)
}

/// All lines of all inputs.
async fn lines(call: &Call<'_>, names: &[String]) -> Ended<Vec<Vec<u8>>> {
    let (inputs, all) = inputs(call, names).await;
    let (mut lines, mut held) = (Vec::new(), 0);
    for (_, input) in inputs {
        let mut input = input.lock().await;
        while let Some(line) = input.line().await {
            held += line.len() + 32;
            if held > MAX_HELD {
                return Err(call.complain(2, "memory exhausted").await);
            }
            lines.push(line);
        }
    }
    ended(all).map(|()| lines)
}

async fn print_lines(call: &Call<'_>, lines: Vec<Vec<u8>>) -> Ended {
    for mut line in lines {
        line.push(b'\n');
        call.out(line).await?;
    }
    Ok(())
}

/// `sort [-rnu] [FILES]`
pub async fn sort(call: &mut Call<'_>) -> Ended {
    let (flags, names) = call.flags("rnu").await?;
    let mut lines = lines(call, &names).await?;
    if flags.contains('n') {
        lines.sort_by_cached_key(|line| {
            let text = String::from_utf8_lossy(line).trim().to_owned();
            let end = text
                .find(|c: char| !c.is_ascii_digit() && c != '-')
                .unwrap_or(text.len());
            (text[..end].parse::<i64>().unwrap_or(0), line.clone())
        });
    } else {
        lines.sort();
    }
    if flags.contains('r') {
        lines.reverse();
    }
    if flags.contains('u') {
        lines.dedup();
    }
    print_lines(call, lines).await
}

/// `uniq [-c] [FILES]`
pub async fn uniq(call: &mut Call<'_>) -> Ended {
    let (flags, names) = call.flags("c").await?;
    let lines = lines(call, &names).await?;
    let counted = lines.chunk_by(|a, b| a == b).map(|same| {
        let count = if flags.contains('c') {
            format!("{:>7} ", same.len())
        } else {
            String::new()
        };
        [count.as_bytes(), &same[0]].concat()
    });
    print_lines(call, counted.collect()).await
}

/// `cut -d C -f N[,N…] [FILES]`
pub async fn cut(call: &mut Call<'_>) -> Ended {
    let (mut delimiter, mut fields, mut names) = (b'\t', Vec::new(), Vec::new());
    let mut args = call.args.iter();
    while let Some(arg) = args.next() {
        let (option, value) = match arg.get(..2) {
            Some(option @ ("-d" | "-f")) if arg.len() > 2 => (option, arg[2..].to_owned()),
            Some(option @ ("-d" | "-f")) => (option, args.next().cloned().unwrap_or_default()),
            _ => {
                names.push(arg.clone());
                continue;
            }
        };
        match option {
            "-d" => delimiter = value.bytes().next().unwrap_or(b'\t'),
            _ => {
                fields = value
                    .split(',')
                    .filter_map(|n| n.parse::<usize>().ok())
                    .collect();
            }
        }
    }
    if fields.is_empty() {
        return Err(call.complain(1, "usage: cut -d C -f N[,N…] [FILES]").await);
    }
    let lines = lines(call, &names).await?;
    let picked = lines.iter().map(|line| {
        let parts: Vec<&[u8]> = line.split(|b| *b == delimiter).collect();
        if parts.len() == 1 {
            return line.clone();
        }
        let kept: Vec<&[u8]> = fields
            .iter()
            .filter_map(|n| parts.get(n.wrapping_sub(1)).copied())
            .collect();
        kept.join(&delimiter)
    });
    print_lines(call, picked.collect()).await
}

/// `tr [-d] FROM [TO]`: characters and `a-z` ranges.
pub async fn tr(call: &mut Call<'_>) -> Ended {
    let (flags, sets) = call.flags("d").await?;
    let from = set(sets.first().map_or("", String::as_str));
    let to = set(sets.get(1).map_or("", String::as_str));
    let delete = flags.contains('d');
    if from.is_empty() || (to.is_empty() && !delete) {
        return Err(call.complain(1, "usage: tr [-d] FROM [TO]").await);
    }
    let input = call.io.input.clone();
    let mut input = input.lock().await;
    while let Some(chunk) = input.chunk().await {
        let changed: Vec<u8> = chunk
            .iter()
            .filter_map(|byte| match from.iter().position(|f| f == byte) {
                None => Some(*byte),
                Some(_) if delete => None,
                Some(place) => to.get(place).or(to.last()).copied(),
            })
            .collect();
        call.out(changed).await?;
    }
    Ok(())
}

fn set(text: &str) -> Vec<u8> {
    let bytes = text
        .replace("\\n", "\n")
        .replace("\\r", "\r")
        .replace("\\t", "\t")
        .into_bytes();
    let mut out = Vec::new();
    let mut at = 0;
    while let Some(&first) = bytes.get(at) {
        match (bytes.get(at + 1), bytes.get(at + 2)) {
            (Some(b'-'), Some(&last)) if last >= first => {
                out.extend(first..=last);
                at += 3;
            }
            _ => {
                out.push(first);
                at += 1;
            }
        }
    }
    out
}

/// `tee [-a] FILES`
pub async fn tee(call: &mut Call<'_>) -> Ended {
    let (flags, names) = call.flags("a").await?;
    let (mut sinks, mut all) = (Vec::new(), true);
    for name in &names {
        match call.shell.create(name, flags.contains('a'), &call.io) {
            Ok(sink) => sinks.push(sink),
            Err(why) => {
                call.complain(1, &format!("{name}: {why}")).await;
                all = false;
            }
        }
    }
    let input = call.io.input.clone();
    let mut input = input.lock().await;
    while let Some(chunk) = input.chunk().await {
        for sink in &sinks {
            all &= sink.write(chunk.clone()).await.is_ok();
        }
        call.out(chunk).await?;
    }
    ended(all)
}
