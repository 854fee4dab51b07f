use super::*;
use crate::store::{Append, Store, StoreError, Stream};

fn append(store: &SimStore, run: u64, text: &'static str) -> Lsn {
    store
        .append(vec![Append::new(Stream::Run(run), text)])
        .unwrap()
}

#[test]
fn a_crash_leaves_what_was_synced_and_nothing_else() {
    let store = SimStore::new(Syncing::Manual);
    let first = append(&store, 1, "a");
    append(&store, 1, "b");
    store.sync_to(first);
    assert_eq!(store.durability().borrow().lsn, first);
    assert_eq!(store.read(Stream::Run(1), 0, 9).unwrap().len(), 2);
    let after = store.crash();
    assert_eq!(after.read(Stream::Run(1), 0, 9).unwrap().len(), 1);
    assert!(matches!(
        store.read(Stream::Run(1), 0, 9),
        Err(StoreError::Closed)
    ));
}

#[test]
fn after_a_failed_sync_nothing_becomes_durable_any_more() {
    let store = SimStore::new(Syncing::Automatic);
    let first = append(&store, 1, "a");
    store.fail_sync("EIO");
    append(&store, 1, "b");
    assert_eq!(store.durability().borrow().lsn, first);
    assert_eq!(store.durability().borrow().failed.as_deref(), Some("EIO"));
    let again = store.append(vec![Append::new(Stream::Audit, "c")]);
    assert!(matches!(again, Err(StoreError::Failed { .. })));
    assert_eq!(store.crash().read(Stream::Run(1), 0, 9).unwrap().len(), 1);
}

#[test]
fn a_full_disk_and_a_full_queue_refuse_without_a_trace() {
    let store = SimStore::new(Syncing::Automatic);
    store.set_space(SpaceState::Full);
    let append = || store.append(vec![Append::new(Stream::Audit, "a")]);
    assert!(matches!(append(), Err(StoreError::NoSpace)));
    store.set_space(SpaceState::Reserve);
    store.set_busy(true);
    assert!(matches!(append(), Err(StoreError::Busy { .. })));
    store.set_busy(false);
    append().unwrap();
    assert_eq!(store.read(Stream::Audit, 0, 9).unwrap().len(), 1);
}
