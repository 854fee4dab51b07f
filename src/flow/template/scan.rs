//! Takes a template apart without rendering it: which names it uses, and where.
//!
//! Serves only the checks of definitions. What a rendered command may hold is decided when it is
//! rendered, so that nothing unsafe follows from a name this scanner misses.

/// A part of a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Piece<'t> {
    /// Text that stays as it is.
    Literal(&'t str, usize),
    /// `{{ … }}`: the expression and its offset.
    Emit(&'t str, usize),
    /// `{% … %}`: the words inside and their offset.
    Tag(&'t str, usize),
}

/// A name that an expression uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// A value: `version`, `host` of `host.name`.
    Value,
    /// What stands behind `|`.
    Filter,
    /// What stands behind `is`.
    Test,
    /// The template itself gives it a value: by `for` or `set`.
    Assigned,
}

/// One use of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Use<'t> {
    /// What it is used as.
    pub role: Role,
    /// The name.
    pub name: &'t str,
    /// The names behind it: `labels`, `rack` of `host.labels["rack"]`.
    pub path: Vec<&'t str>,
    /// Where it stands in the template, in bytes.
    pub at: usize,
    /// Whether it stands in `{{ … }}`, and not in a condition or loop.
    pub emitted: bool,
}

const KEYWORDS: [&str; 14] = [
    "and", "or", "not", "in", "is", "if", "else", "elif", "true", "false", "none", "True", "False",
    "None",
];

/// The pieces of a template that the template engine accepts.
pub(super) fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(open) = next_marker(text, at) {
        if open > at {
            found.push(Piece::Literal(&text[at..open], at));
        }
        let inner = open + 2;
        let (end, piece) = match &text[open..inner] {
            "{#" => (after(text, inner, "#}"), None),
            "{{" => {
                let end = expression_end(text, inner, "}}");
                (end.1, Some(Piece::Emit(&text[inner..end.0], inner)))
            }
            _ => {
                let end = expression_end(text, inner, "%}");
                (end.1, Some(Piece::Tag(&text[inner..end.0], inner)))
            }
        };
        let raw =
            matches!(piece, Some(Piece::Tag(words, _)) if words.trim_matches(is_trim) == "raw");
        found.extend(piece);
        at = end;
        if raw {
            let close = raw_end(text, at);
            found.push(Piece::Literal(&text[at..close.0], at));
            at = close.1;
        }
    }
    if at < text.len() {
        found.push(Piece::Literal(&text[at..], at));
    }
    found
}

fn is_trim(c: char) -> bool {
    c.is_whitespace() || matches!(c, '-' | '+')
}

fn next_marker(text: &str, from: usize) -> Option<usize> {
    text[from..]
        .match_indices('{')
        .map(|(at, _)| from + at)
        .find(|at| matches!(text.as_bytes().get(at + 1), Some(b'{' | b'%' | b'#')))
}

fn after(text: &str, from: usize, end: &str) -> usize {
    text[from..]
        .find(end)
        .map_or(text.len(), |at| from + at + end.len())
}

/// Where `{% endraw %}` begins and ends.
fn raw_end(text: &str, from: usize) -> (usize, usize) {
    let tags = text[from..].match_indices("{%").map(|(at, _)| from + at);
    for open in tags {
        let end = after(text, open, "%}");
        let inner = text[open..end]
            .trim_start_matches("{%")
            .trim_end_matches("%}");
        if inner.trim_matches(is_trim) == "endraw" {
            return (open, end);
        }
    }
    (text.len(), text.len())
}

/// Where an expression ends, and where its end mark does; strings and braces in it are skipped.
fn expression_end(text: &str, from: usize, mark: &str) -> (usize, usize) {
    let mut depth = 0_usize;
    let mut at = from;
    while at < text.len() {
        if depth == 0 && text[at..].starts_with(mark) {
            return (at, at + mark.len());
        }
        let c = text[at..].chars().next().unwrap_or(' ');
        match c {
            '"' | '\'' => {
                at = string_end(text, at, c);
                continue;
            }
            '{' | '[' | '(' => depth += 1,
            '}' | ']' | ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        at += c.len_utf8();
    }
    (text.len(), text.len())
}

/// The offset behind the string that opens at `from`.
fn string_end(text: &str, from: usize, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in text[from..].char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == quote => return from + at + 1,
            _ => {}
        }
    }
    text.len()
}

/// The names that a template uses, in its order.
pub(super) fn uses(text: &str) -> Vec<Use<'_>> {
    let mut found = Vec::new();
    for piece in pieces(text) {
        match piece {
            Piece::Literal(..) => {}
            Piece::Emit(inner, at) => names(inner, at, true, &mut found),
            Piece::Tag(inner, at) => names(inner, at, false, &mut found),
        }
    }
    found
}

/// The names that one expression uses.
pub(super) fn expression_uses(text: &str) -> Vec<Use<'_>> {
    let mut found = Vec::new();
    names(text, 0, false, &mut found);
    found
}

fn names<'t>(inner: &'t str, offset: usize, emitted: bool, found: &mut Vec<Use<'t>>) {
    let tokens = tokens(inner);
    let tag = if emitted {
        None
    } else {
        tokens.iter().find_map(Token::word)
    };
    let mut assigning = matches!(tag, Some("for" | "set"));
    let mut at = usize::from(matches!(
        tag,
        Some("for" | "set" | "if" | "elif" | "else" | "raw" | "endif" | "endfor")
    ));
    at += tokens
        .iter()
        .take_while(|token| matches!(token.kind, Kind::Sign('-' | '+')))
        .count();
    while let Some(token) = tokens.get(at) {
        match token.kind {
            Kind::Sign('=') | Kind::Word if assigning && matches!(token.text, "=" | "in") => {
                assigning = false;
            }
            Kind::Word if assigning => {
                found.push(Use::new(Role::Assigned, token, offset, emitted));
            }
            Kind::Word if !KEYWORDS.contains(&token.text) => {
                at = use_of(&tokens, at, offset, emitted, found);
                continue;
            }
            _ => {}
        }
        at += 1;
    }
}

/// Notes the use of the name at `at`; the index behind it and its path.
fn use_of<'t>(
    tokens: &[Token<'t>],
    at: usize,
    offset: usize,
    emitted: bool,
    found: &mut Vec<Use<'t>>,
) -> usize {
    let token = &tokens[at];
    let before = |back: usize| at.checked_sub(back).and_then(|at| tokens.get(at));
    let role = match before(1) {
        Some(token) if token.is('.') => return at + 1,
        Some(token) if token.is('|') => Role::Filter,
        Some(token) if token.text == "is" => Role::Test,
        Some(token) if token.text == "not" && before(2).is_some_and(|token| token.text == "is") => {
            Role::Test
        }
        _ => Role::Value,
    };
    let next = |ahead: usize| tokens.get(at + ahead);
    let keyword_argument = next(1).is_some_and(|token| token.is('='))
        && !next(2).is_some_and(|token| token.is('='))
        && before(1).is_some_and(|token| token.is('(') || token.is(','));
    if keyword_argument {
        return at + 2;
    }
    let mut used = Use::new(role, token, offset, emitted);
    let mut end = at + 1;
    if role != Role::Value {
        found.push(used);
        return end;
    }
    loop {
        let piece = |ahead: usize| tokens.get(end + ahead);
        let field = match (piece(0), piece(1), piece(2)) {
            (Some(dot), Some(name), _) if dot.is('.') && name.kind == Kind::Word => (name.text, 2),
            (Some(open), Some(key), Some(close))
                if open.is('[') && key.kind == Kind::Text && close.is(']') =>
            {
                (key.text, 3)
            }
            _ => break,
        };
        used.path.push(field.0);
        end += field.1;
    }
    found.push(used);
    end
}

impl<'t> Use<'t> {
    fn new(role: Role, token: &Token<'t>, offset: usize, emitted: bool) -> Self {
        Self {
            role,
            name: token.text,
            path: Vec::new(),
            at: offset + token.at,
            emitted,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Word,
    Text,
    Sign(char),
}

#[derive(Debug)]
struct Token<'t> {
    kind: Kind,
    text: &'t str,
    at: usize,
}

impl<'t> Token<'t> {
    fn is(&self, sign: char) -> bool {
        self.kind == Kind::Sign(sign)
    }

    fn word(&self) -> Option<&'t str> {
        (self.kind == Kind::Word).then_some(self.text)
    }
}

fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        let start = at;
        at += c.len_utf8();
        let is_part = |c: char| c.is_alphanumeric() || c == '_';
        let kind = if c == '"' || c == '\'' {
            at = string_end(text, start, c);
            Kind::Text
        } else if is_part(c) {
            at = text[at..]
                .find(|c| !is_part(c))
                .map_or(text.len(), |end| at + end);
            if c.is_ascii_digit() {
                continue;
            }
            Kind::Word
        } else if c.is_whitespace() {
            continue;
        } else {
            Kind::Sign(c)
        };
        let whole = &text[start..at];
        let inner = if kind == Kind::Text {
            whole.trim_matches(c)
        } else {
            whole
        };
        found.push(Token {
            kind,
            text: inner,
            at: start,
        });
    }
    found
}

#[cfg(test)]
mod tests;
