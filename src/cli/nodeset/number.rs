//! Option values of `conn nodeset` that are numbers, or nearly so.

/// From how many hosts on a step is written.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Autostep {
    /// This many.
    Count(i64),
    /// This share of all hosts of the result.
    Share(f64),
    /// All hosts of the result, if they are three or more.
    Auto,
}

impl Autostep {
    /// The number of hosts, for a result of `len` hosts.
    pub(super) fn count(self, len: usize) -> i64 {
        let len = i64::try_from(len).unwrap_or(i64::MAX);
        match self {
            Self::Count(count) => count,
            Self::Share(share) => (len as f64 * share).ceil() as i64,
            Self::Auto => len.max(3),
        }
    }
}

/// Reads the value of `--autostep`.
pub(super) fn autostep(text: &str) -> Result<Autostep, String> {
    let read = || match text.strip_suffix('%') {
        Some(percent) => Some(Autostep::Share(
            percent
                .trim()
                .parse::<f64>()
                .ok()
                .filter(|p| p.is_finite())?
                / 100.0,
        )),
        None if text == "auto" => Some(Autostep::Auto),
        None => text.trim().parse().ok().map(Autostep::Count),
    };
    read().ok_or_else(|| "write a number of hosts (4), a percentage (50%) or auto".to_string())
}

/// Reads a whole number, also `0x1f`, `0o17` and `0b11`.
pub(super) fn integer(text: &str) -> Result<i64, String> {
    let lower = text.trim().to_lowercase();
    let (sign, digits) = match lower.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, lower.as_str()),
    };
    let based = [("0x", 16), ("0o", 8), ("0b", 2)]
        .into_iter()
        .find_map(|(prefix, base)| {
            digits
                .strip_prefix(prefix)
                .map(|digits| i64::from_str_radix(digits, base))
        });
    let value = based.unwrap_or_else(|| digits.parse());
    value
        .map(|value| sign * value)
        .map_err(|_| "write a whole number".to_string())
}

/// Reads the name of a group source: not empty, and not an option that lost its value.
pub(super) fn source_name(text: &str) -> Result<String, String> {
    if text.is_empty() || text.starts_with('-') {
        return Err("write the name of a group source".to_string());
    }
    Ok(text.to_string())
}
