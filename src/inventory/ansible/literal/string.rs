//! Python's string literals: prefixes, quotes, escapes.

/// A string literal that was read.
pub(super) struct Text {
    pub(super) text: String,
    /// Whether it is a bytes literal.
    pub(super) bytes: bool,
}

impl Text {
    /// Two literals in a row; text and bytes do not mix.
    pub(super) fn followed_by(mut self, next: &Self) -> Option<Self> {
        self.text.push_str(&next.text);
        (self.bytes == next.bytes).then_some(self)
    }
}

/// Reads the literal that `source` starts with; also gives what follows it.
pub(super) fn read(source: &str) -> Option<(Text, &str)> {
    let at = source.find(['\'', '"']).filter(|at| *at <= 2)?;
    let (raw, bytes) = match source[..at].to_ascii_lowercase().as_str() {
        "" | "u" => (false, false),
        "r" => (true, false),
        "b" => (false, true),
        "br" | "rb" => (true, true),
        _ => return None,
    };
    let quoted = &source[at..];
    let single = &quoted[..1];
    let triple = single.repeat(3);
    let quote = if quoted.starts_with(&triple) {
        triple.as_str()
    } else {
        single
    };
    let (inside, rest) = split_at_quote(&quoted[quote.len()..], quote)?;
    if bytes && !inside.is_ascii() {
        return None;
    }
    let text = if raw {
        inside.to_owned()
    } else {
        unescape(inside, bytes)?
    };
    Some((Text { text, bytes }, rest))
}

/// What stands before the closing quote, and what after it.
fn split_at_quote<'s>(text: &'s str, quote: &str) -> Option<(&'s str, &'s str)> {
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        if escaped {
            escaped = false;
        } else if c == '\\' {
            escaped = true;
        } else if text[at..].starts_with(quote) {
            return Some((&text[..at], &text[at + quote.len()..]));
        }
    }
    None
}

/// The text that escapes stand for; `None` for those that need a table of names or give no text.
fn unescape(text: &str, bytes: bool) -> Option<String> {
    let mut plain: Vec<u8> = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        plain.extend_from_slice(&rest.as_bytes()[..at]);
        rest = &rest[at + 1..];
        let c = rest.chars().next()?;
        rest = &rest[c.len_utf8()..];
        let digits = match c {
            'x' => 2,
            'u' if !bytes => 4,
            'U' if !bytes => 8,
            'N' if !bytes => return None,
            '0'..='7' => {
                let more = rest
                    .bytes()
                    .take(2)
                    .take_while(|b| matches!(b, b'0'..=b'7'))
                    .count();
                let code = format!("{c}{}", &rest[..more]);
                rest = &rest[more..];
                push_code(&mut plain, u32::from_str_radix(&code, 8).ok()?, bytes)?;
                continue;
            }
            _ => 0,
        };
        if digits > 0 {
            let code = rest
                .get(..digits)
                .filter(|code| code.bytes().all(|b| b.is_ascii_hexdigit()))?;
            rest = &rest[digits..];
            push_code(&mut plain, u32::from_str_radix(code, 16).ok()?, bytes)?;
        } else {
            push_simple(&mut plain, c);
        }
    }
    plain.extend_from_slice(rest.as_bytes());
    String::from_utf8(plain).ok()
}

fn push_code(plain: &mut Vec<u8>, code: u32, bytes: bool) -> Option<()> {
    if bytes {
        plain.push((code & 0xff) as u8);
    } else {
        plain.extend_from_slice(char::from_u32(code)?.encode_utf8(&mut [0; 4]).as_bytes());
    }
    Some(())
}

/// One-letter escapes; an unknown one keeps its backslash.
fn push_simple(plain: &mut Vec<u8>, c: char) {
    let known = match c {
        '\n' => return,
        '\\' | '\'' | '"' => c,
        'a' => '\u{7}',
        'b' => '\u{8}',
        'f' => '\u{c}',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'v' => '\u{b}',
        other => {
            plain.push(b'\\');
            other
        }
    };
    plain.extend_from_slice(known.encode_utf8(&mut [0; 4]).as_bytes());
}
