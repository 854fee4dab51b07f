//! Any text as a host set: no panic, no endless work, and what folds is read back as the same set.

use theconn::inventory::hostset::{GroupError, Groups, HostSet};

/// Larger sets are not folded: the text is what is fuzzed, not the arithmetic of millions.
const MOST: usize = 5_000;

/// One source with two groups, one of which asks for itself.
struct Two;

impl Groups for Two {
    fn sources(&self) -> Result<Vec<String>, GroupError> {
        Ok(vec!["local".to_owned()])
    }

    fn hosts(&self, _: Option<&str>, group: &str) -> Result<Vec<String>, GroupError> {
        Ok(match group {
            "web" => vec!["web[1-3]".to_owned()],
            "circle" => vec!["@circle".to_owned()],
            _ => Vec::new(),
        })
    }

    fn all_hosts(&self, _: Option<&str>) -> Result<Vec<String>, GroupError> {
        Ok(vec!["web[1-3]".to_owned(), "db1".to_owned()])
    }

    fn group_names(&self, _: Option<&str>) -> Result<Vec<String>, GroupError> {
        Ok(vec!["web".to_owned(), "circle".to_owned()])
    }

    fn knows_groups_of(&self, _: Option<&str>) -> bool {
        false
    }

    fn groups_of(&self, _: Option<&str>, _: &str) -> Result<Vec<String>, GroupError> {
        Ok(Vec::new())
    }
}

pub fn run(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let Ok(set) = HostSet::parse(&text, &Two) else {
        return;
    };
    if set.len() > MOST {
        return;
    }
    let folded = set.fold();
    match HostSet::parse(&folded, &Two) {
        Ok(again) => assert_eq!(again.fold(), folded, "{text:?}"),
        Err(error) => assert!(set.is_empty(), "{text:?} folds to {folded:?}: {error}"),
    }
    assert_eq!(set.iter().count(), set.len(), "{text:?}");
}
