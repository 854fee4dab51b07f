//! What somebody was shown before they said yes.

use super::whole::{part, record, steer, whole_of};
use super::{core, new};
use crate::engine::core::Core;
use crate::run::event::What;
use crate::run::ids::{HostIx, RunId, StepIx};
use crate::run::outcome::OutcomeKind;
use crate::wire::request::Steer;
use crate::wire::standing::Asked;

/// A run of stages with so many parts, of two hosts each.
fn with_parts(core: &mut Core, parts: usize) -> (RunId, Vec<RunId>) {
    let (whole, _) = core
        .create_now(new(whole_of(&["a", "b", "c"][..parts]), None))
        .unwrap();
    let parts = (0..parts).map(|stage| part(core, whole, stage));
    (whole, parts.collect())
}

#[tokio::test]
async fn a_question_that_came_after_the_one_somebody_saw_is_not_answered() {
    let (mut core, _inbox, _spool) = core(0);
    let (whole, parts) = with_parts(&mut core, 1);
    let what = What::BarrierReached {
        step: StepIx(0),
        until: None,
    };
    record(&mut core, parts[0], what);
    let seen = Asked {
        run: parts[0],
        place: 0,
        batch: 1,
    };
    let before = Asked { batch: 0, ..seen };
    let approve = |asked| Steer::Approve {
        reason: String::new(),
        asked,
    };
    let reject = |asked| Steer::Reject {
        reason: String::new(),
        asked,
    };
    for run in [whole, parts[0]] {
        for act in [approve(Some(before)), reject(Some(before))] {
            let fault = steer(&mut core, run, act).await.unwrap_err();
            assert!(
                fault.message.contains("asks something else by now"),
                "{fault:?}"
            );
        }
    }
    steer(&mut core, whole, approve(Some(seen))).await.unwrap();
    assert_eq!(core.live_run(parts[0]).unwrap().run.asks(), None);
}

#[tokio::test]
async fn more_hosts_than_somebody_saw_do_not_start_again() {
    let (mut core, _inbox, _spool) = core(0);
    let (whole, parts) = with_parts(&mut core, 2);
    for part in &parts {
        let (by, hosts) = ("ann".to_owned(), vec![HostIx(0), HostIx(1)]);
        record(&mut core, *part, What::Skipped { by, hosts });
    }
    let again = |shown| Steer::Retry {
        only: vec![OutcomeKind::Skipped],
        hosts: String::new(),
        shown: Some(shown),
    };
    for (run, hosts) in [(parts[0], 2), (whole, 4)] {
        let fault = steer(&mut core, run, again(hosts - 1)).await.unwrap_err();
        assert!(
            fault.message.contains("would start again by now"),
            "{fault:?}"
        );
    }
    steer(&mut core, whole, again(4)).await.unwrap();
}
