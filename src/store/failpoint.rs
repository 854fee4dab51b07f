//! Labelled places where a test lets the process die.
//!
//! Only in builds for tests (`cfg(test)` or the feature `failpoints`): `CONN_FAILPOINT=label` or
//! `label:N` aborts at the first or Nth time the place is reached. Elsewhere a place costs
//! nothing.

/// All places there are, in the order of the layers.
#[cfg(any(test, feature = "failpoints"))]
pub const LABELS: [&str; 31] = [
    "journal.before_write",
    "journal.half_written",
    "journal.written",
    "journal.synced",
    "journal.next_created",
    "journal.rolled",
    "segment.created",
    "segment.half_written",
    "segment.written",
    "segment.synced",
    "blob.written",
    "blob.synced",
    "blob.renamed",
    "seal.written",
    "seal.synced",
    "seal.renamed",
    "seal.noted",
    "drop.noted",
    "drop.events_unlinked",
    "drop.output_unlinked",
    "archive.written",
    "archive.synced",
    "archive.compacted",
    "archive.renamed",
    "cut.copied_forward",
    "cut.unlinked",
    "index.applied",
    "index.flushed",
    "index.synced",
    "index.moved_aside",
    "index.swapping",
];

/// Dies here if this is the place that was asked for.
#[cfg(any(test, feature = "failpoints"))]
pub(in crate::store) fn hit(label: &str) {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    static WANTED: OnceLock<Option<(String, u64)>> = OnceLock::new();
    static SEEN: AtomicU64 = AtomicU64::new(0);

    debug_assert!(LABELS.contains(&label), "{label} is not in the list");
    let wanted = WANTED.get_or_init(|| {
        std::env::var("CONN_FAILPOINT")
            .ok()
            .map(|text| parse(&text))
    });
    if let Some((name, count)) = wanted
        && name == label
        && SEEN.fetch_add(1, Ordering::Relaxed) + 1 == *count
    {
        std::process::abort();
    }
}

#[cfg(any(test, feature = "failpoints"))]
fn parse(text: &str) -> (String, u64) {
    let (label, count) = text.split_once(':').unwrap_or((text, "1"));
    (label.to_owned(), count.parse().unwrap_or(1))
}

/// Nothing, in builds that people use.
#[cfg(not(any(test, feature = "failpoints")))]
#[inline]
pub(in crate::store) fn hit(_label: &str) {}
