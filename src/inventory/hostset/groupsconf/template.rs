//! `$NAME` and `${NAME}` in a source's commands and directories.

/// Replaces the given names; others stay as they are, `$$` becomes `$`.
///
/// A value is never looked at a second time. What may be put into a command is for the caller to
/// say: the shell will read it.
pub(super) fn substitute(text: &str, values: &[(&str, &str)]) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        rest = after;
        if let Some(after) = after.strip_prefix('$') {
            out.push('$');
            rest = after;
            continue;
        }
        let (name, behind) = reference(after);
        match values.iter().find(|(known, _)| *known == name) {
            Some((_, value)) => {
                out.push_str(value);
                rest = behind;
            }
            None => out.push('$'),
        }
    }
    out + rest
}

/// The name at the beginning, in braces or not, and what follows it.
fn reference(text: &str) -> (&str, &str) {
    let braced = text.strip_prefix('{').unwrap_or(text);
    let is_part = |char: char| char.is_ascii_alphanumeric() || char == '_';
    let end = braced.find(|char| !is_part(char)).unwrap_or(braced.len());
    let (name, behind) = braced.split_at(end);
    if braced.len() == text.len() {
        return (name, behind);
    }
    behind
        .strip_prefix('}')
        .map_or(("", text), |behind| (name, behind))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_known_names_are_replaced_and_values_once() {
        let values = [("GROUP", "a$SOURCE"), ("SOURCE", "s")];
        for (text, expected) in [
            ("x $GROUP:${GROUP} $SOURCE", "x a$SOURCE:a$SOURCE s"),
            (
                "$GROUPS ${GROUP $HOME $$GROUP $",
                "$GROUPS ${GROUP $HOME $GROUP $",
            ),
            ("awk '{print $1}'", "awk '{print $1}'"),
        ] {
            assert_eq!(substitute(text, &values), expected);
        }
    }
}
