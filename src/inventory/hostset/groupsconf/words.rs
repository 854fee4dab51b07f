//! Lists of directories: words with shell-like quotes, and paths without detours.

/// The words of a text; `None` when a quote is never closed.
pub(super) fn split(text: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = text.chars();
    while let Some(char) = chars.next() {
        match char {
            '\'' => read_quoted(&mut chars, '\'', word.get_or_insert_default())?,
            '"' => read_quoted(&mut chars, '"', word.get_or_insert_default())?,
            '\\' => word.get_or_insert_default().push(chars.next()?),
            char if char.is_whitespace() => words.extend(word.take()),
            char => word.get_or_insert_default().push(char),
        }
    }
    words.extend(word);
    Some(words)
}

/// Reads up to the closing quote. In double quotes a backslash escapes a quote or itself.
fn read_quoted(chars: &mut std::str::Chars, quote: char, word: &mut String) -> Option<()> {
    loop {
        match chars.next()? {
            char if char == quote => return Some(()),
            '\\' if quote == '"' => match chars.next()? {
                escaped @ ('"' | '\\') => word.push(escaped),
                other => word.extend(['\\', other]),
            },
            char => word.push(char),
        }
    }
}

/// The path without empty, `.` and `..` parts, as far as its text tells.
pub(super) fn normal_path(path: &str) -> String {
    let rooted = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match (part, parts.last()) {
            ("" | ".", _) => {}
            ("..", Some(&last)) if last != ".." => {
                parts.pop();
            }
            ("..", None) if rooted => {}
            (part, _) => parts.push(part),
        }
    }
    let joined = parts.join("/");
    match (rooted, joined.is_empty()) {
        (true, _) => format!("/{joined}"),
        (false, true) => ".".to_string(),
        (false, false) => joined,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_end_at_spaces_outside_quotes() {
        assert_eq!(
            split(r#"/a  "/b c"/d '/e f' g\ h"#).unwrap(),
            ["/a", "/b c/d", "/e f", "g h"]
        );
        assert_eq!(split("'"), None);
        assert_eq!(split(""), Some(vec![]));
    }

    #[test]
    fn paths_lose_their_detours() {
        for (path, expected) in [
            ("/a//b/./c/../d", "/a/b/d"),
            ("", "."),
            ("../x/..", ".."),
            ("/..", "/"),
            ("a/", "a"),
        ] {
            assert_eq!(normal_path(path), expected);
        }
    }
}
