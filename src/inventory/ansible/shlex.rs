//! Splits a host line into words, as Python's `shlex.split(line, comments=True)` does.

/// Words of a line; the error is a sentence.
pub(super) fn split(line: &str) -> Result<Vec<String>, &'static str> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match c {
            ' ' | '\t' | '\r' | '\n' => words.extend(word.take()),
            // A comment starts in the middle of a word too.
            '#' => break,
            '\\' => {
                let escaped = chars
                    .next()
                    .ok_or("there is nothing after the last backslash")?;
                word.get_or_insert_default().push(escaped);
            }
            '\'' | '"' => quoted(c, &mut chars, word.get_or_insert_default())?,
            other => word.get_or_insert_default().push(other),
        }
    }
    words.extend(word);
    Ok(words)
}

/// The inside of quotes; in double ones a backslash escapes itself and the quote, nothing else.
fn quoted(
    quote: char,
    chars: &mut std::str::Chars<'_>,
    word: &mut String,
) -> Result<(), &'static str> {
    loop {
        let c = chars.next().ok_or("a quotation is not closed")?;
        if c == quote {
            return Ok(());
        }
        if c == '\\' && quote == '"' {
            let escaped = chars
                .next()
                .ok_or("there is nothing after the last backslash")?;
            if escaped != '\\' && escaped != quote {
                word.push('\\');
            }
            word.push(escaped);
        } else {
            word.push(c);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn words_are_split_as_a_shell_would() {
        for (line, words) in [
            ("a b=c  d", vec!["a", "b=c", "d"]),
            ("a b='c d' e=\"f g\"", vec!["a", "b=c d", "e=f g"]),
            ("a b=\"'x'\" # c", vec!["a", "b='x'"]),
            ("a b=c#d e", vec!["a", "b=c"]),
            ("a b='#' ''", vec!["a", "b=#", ""]),
            (
                r#"a b=\"c\" d="e\\f\"\g""#,
                vec!["a", "b=\"c\"", r#"d=e\f"\g"#],
            ),
            (r"a 'b\c'd\ e", vec!["a", r"b\cd e"]),
        ] {
            assert_eq!(split(line).unwrap(), words, "{line}");
        }
    }

    #[test]
    fn open_quotations_are_refused() {
        for line in ["a 'b", "a \"b", "a \\", "a \"b\\"] {
            assert!(split(line).is_err(), "{line}");
        }
    }
}
