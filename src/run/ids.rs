//! The numbers that name things in a run, each a type of its own so that none is taken for another.

use serde::{Deserialize, Serialize};

macro_rules! number {
    ($(#[$doc:meta])* $name:ident, $inner:ty) => {
        $(#[$doc])*
        #[derive(
            Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
        )]
        #[serde(transparent)]
        pub struct $name(pub $inner);

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = std::num::ParseIntError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
    };
}

number!(
    /// A run: counted from 1 within an instance, so short, sortable and typeable.
    RunId,
    u64
);
number!(
    /// A host's place in the frozen target list of its run.
    HostIx,
    u32
);
number!(
    /// A step's place in its run.
    StepIx,
    u16
);
number!(
    /// The count of dispatches of one (run, step, host), from 1.
    Attempt,
    u32
);

impl HostIx {
    /// The place as an index into the target list.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// A moment of wall-clock time: milliseconds since the Unix epoch, UTC. Shown, never used to order.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct At(pub i64);

impl At {
    /// Milliseconds from `earlier` to this moment, never negative.
    pub fn since(self, earlier: Self) -> u64 {
        u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0)
    }

    /// RFC 3339 in UTC with milliseconds and a `Z`.
    pub fn rfc3339(self) -> String {
        chrono::DateTime::from_timestamp_millis(self.0).map_or_else(
            || format!("@{}ms", self.0),
            |time| time.to_rfc3339_opts(chrono::SecondsFormat::Millis, true),
        )
    }
}
