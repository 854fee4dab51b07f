//! Values in URLs: every byte that could mean something there as `%` and two digits.

use std::fmt::Write as _;

/// Adds a value to a URL, as data. Letters, digits and `-._~` stay.
pub fn encode(value: &str, url: &mut String) {
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            url.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(url, "%{byte:02X}");
        }
    }
}
