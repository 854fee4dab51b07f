//! What is too large to be journalled, checked at the door of both implementations.

use super::{Append, MAX_APPEND, MAX_KEY, StoreError};

/// Refuses an append whose payloads are over the limit together.
pub(in crate::store) fn check_append(records: &[Append]) -> Result<(), StoreError> {
    let size = records.iter().map(|record| record.payload.len()).sum();
    check("append", size, MAX_APPEND)
}

/// Refuses a key or a value over its limit.
pub(in crate::store) fn check_put(key: &[u8], value: Option<&[u8]>) -> Result<(), StoreError> {
    check("key", key.len(), MAX_KEY)?;
    check("value", value.map_or(0, <[u8]>::len), MAX_APPEND)
}

fn check(what: &'static str, size: usize, limit: usize) -> Result<(), StoreError> {
    if size > limit {
        return Err(StoreError::TooLarge { what, size, limit });
    }
    Ok(())
}
