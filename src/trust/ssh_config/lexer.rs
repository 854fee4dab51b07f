//! A line of `ssh_config` as keyword and arguments, by OpenSSH's own rules of quoting.

const BLANKS: [char; 4] = [' ', '\t', '\r', '\n'];

/// A line that says something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Words<'a> {
    /// In lower case.
    pub keyword: String,
    /// What follows the keyword as it stands: for options that take the rest of the line.
    pub rest: &'a str,
    /// The same as words: quotes and escapes taken off, comment left out.
    pub args: Vec<String>,
}

/// Splits a line; `None` for blank lines and comments.
pub(super) fn split(line: &str) -> Result<Option<Words<'_>>, String> {
    let line = line.split('\0').next().unwrap_or_default();
    let line = line.trim_end_matches([' ', '\t', '\r', '\n', '\u{c}']);
    let Some((keyword, rest)) = take_keyword(line) else {
        return Ok(None);
    };
    if keyword.is_empty() || keyword.starts_with('#') {
        return Ok(None);
    }
    let keyword = keyword.to_ascii_lowercase();
    let rest = rest.unwrap_or_default().trim_start_matches(BLANKS);
    if rest.is_empty() {
        return Err(format!("{} needs a value", keyword.escape_debug()));
    }
    let args = split_args(rest)?;
    Ok(Some(Words {
        keyword,
        rest,
        args,
    }))
}

/// The keyword and what follows it. Blanks before it make one empty word, which is passed over.
fn take_keyword(line: &str) -> Option<(String, Option<&str>)> {
    let (word, rest) = delimited(line)?;
    match rest {
        Some(rest) if word.is_empty() => delimited(rest),
        rest => Some((word, rest)),
    }
}

/// The text up to a blank or one `=`, and what follows; a quoted part runs to its closing quote.
/// `None` when a quote is not closed: OpenSSH passes over such a line.
fn delimited(text: &str) -> Option<(String, Option<&str>)> {
    let is_end = |c: char| BLANKS.contains(&c) || c == '"' || c == '=';
    let Some(at) = text.find(is_end) else {
        return Some((text.to_owned(), None));
    };
    let (word, tail) = (&text[..at], &text[at + 1..]);
    match text.as_bytes()[at] {
        b'"' => {
            let close = tail.find('"')?;
            let word = format!("{word}{}", &tail[..close]);
            Some((word, Some(tail[close + 1..].trim_start_matches(BLANKS))))
        }
        b'=' => Some((word.to_owned(), Some(tail.trim_start_matches(BLANKS)))),
        _ => {
            let tail = tail.trim_start_matches(BLANKS);
            let tail = tail
                .strip_prefix('=')
                .map_or(tail, |t| t.trim_start_matches(BLANKS));
            Some((word.to_owned(), Some(tail)))
        }
    }
}

/// Splits into words as `argv_split` of OpenSSH does: single and double quotes, a backslash before
/// a quote, a backslash or (outside quotes) a space, and `#` at the start of a word ends the line.
fn split_args(text: &str) -> Result<Vec<String>, String> {
    let mut args = Vec::new();
    let mut chars = text.chars().peekable();
    loop {
        while chars.next_if(|c| matches!(c, ' ' | '\t')).is_some() {}
        match chars.peek() {
            None | Some('#') => return Ok(args),
            Some(_) => args.push(take_word(&mut chars)?),
        }
    }
}

fn take_word(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Result<String, String> {
    let mut word = String::new();
    let mut quote: Option<char> = None;
    while let Some(c) = chars.next() {
        match (c, quote) {
            ('\\', _) => {
                let is_escape = |next: &char| {
                    matches!(next, '\'' | '"' | '\\') || (quote.is_none() && *next == ' ')
                };
                word.push(chars.next_if(is_escape).unwrap_or('\\'));
            }
            (' ' | '\t', None) => return Ok(word),
            ('"' | '\'', None) => quote = Some(c),
            (c, Some(open)) if c == open => quote = None,
            (c, _) => word.push(c),
        }
    }
    match quote {
        Some(open) => Err(format!("a quote ({open}) is not closed")),
        None => Ok(word),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn args(line: &str) -> Vec<String> {
        split(line).unwrap().unwrap().args
    }

    #[test]
    fn a_keyword_may_be_followed_by_blanks_and_one_equals_sign() {
        for line in [
            "Host a b",
            "host\ta  b",
            "Host=a b",
            "Host = a b",
            "  HOST =\ta b \r\n",
            "\"Host\" a b",
        ] {
            let words = split(line).unwrap().unwrap();
            assert_eq!(
                (words.keyword.as_str(), words.args.len()),
                ("host", 2),
                "{line:?}"
            );
        }
        assert_eq!(args("Host == a"), ["=", "a"]);
    }

    #[test]
    fn quotes_and_escapes_make_one_word_of_many() {
        assert_eq!(args(r#"IdentityFile "/a b/c" # note"#), ["/a b/c"]);
        assert_eq!(args(r"IdentityFile /a\ b/c#d"), ["/a b/c#d"]);
        assert_eq!(
            args(r#"X 'it is' "a\"b" c\d """#),
            ["it is", "a\"b", r"c\d", ""]
        );
        assert!(split(r#"X "open"#).is_err());
    }

    #[test]
    fn blank_lines_and_comments_say_nothing_and_a_bare_keyword_is_an_error() {
        for line in ["", "   ", "# Host a", "\t#x", "\r\n"] {
            assert_eq!(split(line), Ok(None), "{line:?}");
        }
        assert!(split("Host").is_err());
        assert!(split("Host =  ").is_err());
        assert_eq!(args("Host # nothing"), Vec::<String>::new());
    }

    proptest! {
        #[test]
        fn no_line_panics(line in "(.|\"|'|\\\\|=|#){0,60}") {
            let _ = split(&line);
        }
    }
}
