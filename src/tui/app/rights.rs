//! Which keys stand for something that the person's role is enough for, as far as the console knows.
//!
//! The engine decides, and its refusal says whom to ask. Here only the hints are dimmed.

use crate::run::roles::{Deed, Role};
use crate::tui::keys::Act;

/// Whether somebody whose highest role is this one may do it anywhere.
pub(super) fn may(role: Option<Role>, act: Act) -> bool {
    let Some(role) = role else {
        // Nobody said yet.
        return true;
    };
    deed(act).is_none_or(|deed| role >= deed.needs())
}

fn deed(act: Act) -> Option<Deed> {
    Some(match act {
        Act::Start => Deed::Start,
        Act::Pause | Act::Abort => Deed::Stop,
        Act::Resume
        | Act::Retry
        | Act::RollBack
        | Act::Skip
        | Act::Settle
        | Act::Tune
        | Act::Give
        | Act::Keep => Deed::Steer,
        Act::Take => Deed::Take,
        Act::Approve | Act::Reject => Deed::Answer(Role::Operator),
        Act::Note => Deed::Note,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_viewer_has_the_keys_that_look_and_an_operator_those_that_steer() {
        let acts = [Act::Start, Act::Abort, Act::Retry, Act::Approve, Act::Note];
        for act in acts {
            assert!(!may(Some(Role::Viewer), act), "{act:?}");
            assert!(may(Some(Role::Operator), act), "{act:?}");
            assert!(may(None, act), "{act:?}");
        }
        assert!(may(Some(Role::Viewer), Act::Help));
    }
}
