//! Commands that make output of their arguments.

use std::fmt::Write as _;

use bytes::Bytes;

use super::{Call, Ended};
use crate::demo::shell::io::CHUNK;

/// The most that one `printf` writes.
const MAX_PRINTF: usize = 1 << 20;

/// `echo [-n] [-e] WORDS`
pub async fn echo(call: &mut Call<'_>) -> Ended {
    let (mut newline, mut escapes) = (true, false);
    let mut words = call.args;
    while let Some((first, rest)) = words.split_first() {
        match first.as_str() {
            "-n" => newline = false,
            "-e" => escapes = true,
            _ => break,
        }
        words = rest;
    }
    let mut text = words.join(" ").into_bytes();
    if escapes {
        text = unescape(&text);
    }
    if newline {
        text.push(b'\n');
    }
    call.out(text).await
}

/// `printf FORMAT WORDS`: `%s`, `%d`, `%x`, `%b`, repeated while words are left.
pub async fn printf(call: &mut Call<'_>) -> Ended {
    let Some((format, mut words)) = call.args.split_first() else {
        return Err(call.complain(2, "usage: printf format [arguments]").await);
    };
    let mut out = Vec::new();
    loop {
        let before = words.len();
        out.extend(fill(format, &mut words));
        if words.is_empty() || words.len() == before || out.len() > MAX_PRINTF {
            break;
        }
    }
    call.out(out).await
}

/// Fills one round of a format with as many words as it takes.
fn fill(format: &str, words: &mut &[String]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = format;
    while let Some(at) = rest.find('%') {
        out.extend(unescape(&rest.as_bytes()[..at]));
        rest = &rest[at + 1..];
        let spec_len = rest
            .find(|c: char| !"-0123456789.".contains(c))
            .unwrap_or(rest.len());
        let (spec, tail) = rest.split_at(spec_len);
        let kind = tail.chars().next();
        rest = &tail[kind.map_or(0, char::len_utf8)..];
        if matches!(kind, Some('%') | None) {
            out.push(b'%');
            continue;
        }
        let word = words.split_first().map_or("", |(first, others)| {
            *words = others;
            first
        });
        match kind {
            Some('b') => out.extend(unescape(word.as_bytes())),
            kind => out.extend(padded(spec, kind, word).into_bytes()),
        }
    }
    out.extend(unescape(rest.as_bytes()));
    out
}

fn padded(spec: &str, kind: Option<char>, word: &str) -> String {
    let left = spec.starts_with('-');
    let zeros = spec.starts_with('0');
    let digits = spec.trim_start_matches('-').split('.').next().unwrap_or("");
    let width = digits.parse().unwrap_or(0_usize).min(4096);
    let text = match kind {
        Some('d' | 'i' | 'u') => word.trim().parse::<i64>().unwrap_or(0).to_string(),
        Some('x') => format!("{:x}", word.trim().parse::<i64>().unwrap_or(0)),
        _ => word.to_owned(),
    };
    match (left, zeros) {
        (true, _) => format!("{text:<width$}"),
        (false, true) => format!("{text:0>width$}"),
        (false, false) => format!("{text:>width$}"),
    }
}

/// Turns `\n`, `\t`, `\033`, `\x1b` and their like into what they stand for.
fn unescape(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        let Some((&code, after)) = tail.split_first().filter(|_| byte == b'\\') else {
            out.push(byte);
            continue;
        };
        rest = after;
        match code {
            b'n' => out.push(b'\n'),
            b't' => out.push(b'\t'),
            b'r' => out.push(b'\r'),
            b'a' => out.push(7),
            b'b' => out.push(8),
            b'e' => out.push(27),
            b'\\' => out.push(b'\\'),
            b'0'..=b'7' => rest = number(&mut out, tail, 8, if code == b'0' { 4 } else { 3 }),
            b'x' => rest = number(&mut out, after, 16, 2),
            other => out.extend([b'\\', other]),
        }
    }
    out
}

/// Reads up to `most` digits and adds the byte they name; gives what is left.
fn number<'a>(out: &mut Vec<u8>, text: &'a [u8], base: u32, most: usize) -> &'a [u8] {
    let digits: Vec<u32> = text
        .iter()
        .take(most)
        .map_while(|b| char::from(*b).to_digit(base))
        .collect();
    out.push(digits.iter().fold(0_u32, |sum, digit| sum * base + digit) as u8);
    &text[digits.len()..]
}

/// `seq [FIRST [STEP]] LAST`
pub async fn seq(call: &mut Call<'_>) -> Ended {
    let numbers: Option<Vec<i64>> = call.args.iter().map(|arg| arg.parse().ok()).collect();
    let (first, step, last) = match numbers.as_deref() {
        Some(&[last]) => (1, 1, last),
        Some(&[first, last]) => (first, 1, last),
        Some(&[first, step, last]) if step != 0 => (first, step, last),
        _ => {
            return Err(call
                .complain(1, "usage: seq [FIRST [STEP]] LAST, whole numbers")
                .await);
        }
    };
    let mut next = Some(first);
    let mut block = String::with_capacity(CHUNK + 24);
    while let Some(n) = next.filter(|n| if step > 0 { *n <= last } else { *n >= last }) {
        let _ = writeln!(block, "{n}");
        if block.len() >= CHUNK {
            call.out(std::mem::take(&mut block)).await?;
        }
        next = n.checked_add(step);
    }
    call.out(block).await
}

/// `yes [WORDS]`: the same line without end.
pub async fn yes(call: &mut Call<'_>) -> Ended {
    let line = if call.args.is_empty() {
        "y".to_owned()
    } else {
        call.args.join(" ")
    } + "\n";
    let block = Bytes::from(line.repeat((CHUNK / line.len()).max(1)));
    loop {
        call.out(block.clone()).await?;
    }
}

/// `flood [BYTES]`: that much output in lines with numbers, 50 MB when nothing is said.
pub async fn flood(call: &mut Call<'_>) -> Ended {
    let bytes = match call.args.first().map(|arg| arg.parse::<u64>()) {
        None => 50_000_000,
        Some(Ok(bytes)) => bytes,
        Some(Err(_)) => return Err(call.complain(2, "usage: flood [BYTES]").await),
    };
    lines(call, bytes).await
}

/// Writes `bytes` bytes of numbered lines.
pub async fn lines(call: &Call<'_>, bytes: u64) -> Ended {
    let (mut left, mut number) = (bytes, 0_u64);
    while left > 0 {
        let mut block = String::with_capacity(CHUNK + 128);
        while block.len() < CHUNK && (block.len() as u64) < left {
            number += 1;
            let _ = writeln!(
                block,
                "{number:>9} water, water, everywhere, nor any drop to drink; water, water, everywhere"
            );
        }
        block.truncate(usize::try_from(left).unwrap_or(usize::MAX));
        left -= block.len() as u64;
        call.out(block).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn printf_fills_and_pads_as_the_shell_does() {
        let words = ["a".to_owned(), "7".to_owned()];
        for (format, expected) in [
            ("%s-%d\\n", "a-7\n"),
            ("%5s|%-3s|", "    a|7  |"),
            ("%%%s", "%a"),
            ("\\033[1m\\x41\\101", "\x1b[1mAA"),
            ("%", "%"),
            ("%03d", "000"),
        ] {
            let mut rest = &words[..];
            assert_eq!(fill(format, &mut rest), expected.as_bytes(), "{format}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_format_panics(format in ".{0,40}", word in ".{0,10}") {
            let _ = fill(&format, &mut &[word][..]);
        }
    }
}
