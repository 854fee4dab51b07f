//! Quoting a value as one word of a shell command.
//!
//! Quote each value, not the whole argument; once; at the last moment. What was quoted must never
//! be expanded or quoted again.

use std::borrow::Cow;

use thiserror::Error;

/// A value that no shell can hold.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum QuoteError {
    /// A NUL byte ends every argument of a process.
    #[error(
        "The value has a NUL character at byte {at}, which no command can be given. Remove it, or \
         pass the value on standard input."
    )]
    Nul {
        /// Where, from 0.
        at: usize,
    },
}

/// Words that a POSIX shell, bash or busybox takes for syntax where a command begins.
const RESERVED: [&str; 19] = [
    "case",
    "coproc",
    "do",
    "done",
    "elif",
    "else",
    "esac",
    "fi",
    "for",
    "function",
    "if",
    "in",
    "namespace",
    "select",
    "then",
    "time",
    "typeset",
    "until",
    "while",
];

/// The value as one word for any POSIX shell, wherever in a command it stands.
///
/// Plain names and paths stay as they are. Everything else goes into single quotes, in which a
/// shell sees nothing but the closing quote; numbers too, because `echo {{ n }}>file` would
/// otherwise redirect a descriptor.
pub fn sh_quote(value: &str) -> Result<Cow<'_, str>, QuoteError> {
    if let Some(at) = value.find('\0') {
        return Err(QuoteError::Nul { at });
    }
    if is_plain(value) {
        return Ok(Cow::Borrowed(value));
    }
    Ok(Cow::Owned(format!("'{}'", value.replace('\'', r"'\''"))))
}

fn is_plain(value: &str) -> bool {
    let is_plain_byte = |c: u8| {
        c.is_ascii_alphanumeric()
            || matches!(c, b'_' | b'-' | b'.' | b'/' | b':' | b'@' | b'+' | b',')
    };
    value.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '/' | '_'))
        && value.bytes().all(is_plain_byte)
        && !RESERVED.contains(&value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_names_and_paths_stay_readable() {
        for plain in ["web1", "/var/log/x-1.2.log", "me@host:22", "a,b+c", "_x"] {
            assert_eq!(sh_quote(plain), Ok(Cow::Borrowed(plain)));
        }
    }

    #[test]
    fn everything_else_goes_into_single_quotes() {
        for (value, quoted) in [
            ("", "''"),
            ("a b", "'a b'"),
            ("it's", r"'it'\''s'"),
            ("$(reboot)", "'$(reboot)'"),
            ("-rf", "'-rf'"),
            ("2", "'2'"),
            ("A=b", "'A=b'"),
            ("if", "'if'"),
            ("~root", "'~root'"),
            ("ü", "'ü'"),
            ("a\nb", "'a\nb'"),
        ] {
            assert_eq!(sh_quote(value).unwrap(), quoted);
        }
    }

    #[test]
    fn a_nul_is_refused_with_its_place() {
        assert_eq!(sh_quote("ab\0c"), Err(QuoteError::Nul { at: 2 }));
    }
}
