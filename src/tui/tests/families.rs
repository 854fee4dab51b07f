//! Runs that are made of runs, and runs that wait, in every list.

use insta::assert_snapshot;

use super::flow_fixtures::{family, flow_run, with_flows};
use super::{Console, NOW};
use crate::run::ids::{At, RunId};
use crate::run::outcome::OutcomeKind;
use crate::run::tally::Tally;
use crate::wire::flows::HeldBy;
use crate::wire::reply::Fault;
use crate::wire::standing::Stand;
use crate::wire::view::RunView;
use crate::wire::{Reply, Request};

const SIZES: [(u16, u16); 2] = [(80, 24), (160, 45)];

fn shot(name: &str, size: (u16, u16), console: &mut Console) {
    assert_snapshot!(format!("{name}-{}x{}", size.0, size.1), console.screen());
}

/// An engine with a run of stages, and beside its parts this many more.
pub(super) fn with_family(more: u64) -> impl Fn(&Request) -> Result<Reply, Fault> {
    move |request| {
        let (whole, at_work, over) = family();
        Ok(match with_flows(request)? {
            Reply::Overview(mut overview) => {
                overview.open = vec![at_work, whole];
                overview.ended.insert(0, over);
                Reply::Overview(overview)
            }
            Reply::Runs(_) => {
                let parts = (0..more).map(|number| crate::wire::view::RunLine {
                    run: RunId(5_000 + number),
                    ..over.clone()
                });
                Reply::Runs(parts.collect())
            }
            other => other,
        })
    }
}

/// An engine whose one flow at work is this one.
fn with_open(view: RunView) -> impl Fn(&Request) -> Result<Reply, Fault> {
    move |request| {
        Ok(match with_flows(request)? {
            Reply::Overview(mut overview) => {
                overview.open[0] = view.clone();
                Reply::Overview(overview)
            }
            Reply::Grid(mut grid) => {
                grid.view = view.clone();
                Reply::Grid(grid)
            }
            other => other,
        })
    }
}

fn at_runs(more: u64, size: (u16, u16)) -> Console {
    let mut console = Console::new(size.0, size.1);
    console.answer(with_family(more)).press("2 2");
    console.answer(with_family(more));
    console
}

#[test]
fn parts_stand_folded_under_their_whole_in_the_list_of_runs() {
    for size in SIZES {
        let mut console = at_runs(0, size);
        shot("runs-folded", size, &mut console);
        console.press("l");
        shot("runs-unfolded", size, &mut console);
        // On a part, h goes back to its whole.
        console.press("j j h");
        assert!(!console.screen().contains("4431"), "{}", console.screen());
    }
}

#[test]
fn a_thousand_parts_take_one_row() {
    let mut console = at_runs(1_000, (80, 24));
    let screen = console.screen();
    assert!(screen.contains(" of 1,00"), "{screen}");
    assert!(!screen.contains("5999"), "{screen}");
    assert!(screen.contains("l shows its 1,002 runs"), "{screen}");
    console.press("/").type_text("canary").press("Enter");
    let screen = console.screen();
    assert!(screen.contains("‹FlightingUpdate 4430›"), "{screen}");
}

#[test]
fn the_first_screen_names_the_whole_and_counts_its_stages() {
    for size in SIZES {
        let mut console = Console::new(size.0, size.1);
        console.answer(with_family(0));
        shot("now-family", size, &mut console);
    }
}

fn waiting(stand: Stand, state: &str) -> RunView {
    RunView {
        state: state.into(),
        stand: Some(stand),
        eta_s: None,
        rate: None,
        tally: Tally::all_ended(40, OutcomeKind::Ok),
        ..flow_run()
    }
}

fn screens(view: RunView) -> [String; 3] {
    let mut console = Console::new(80, 24);
    let reply = with_open(view);
    console.answer(&reply);
    let now = console.screen();
    console.press("2").answer(&reply);
    let flows = console.screen();
    console.press("g g Enter").answer(&reply);
    [now, flows, console.screen()]
}

#[test]
fn a_run_that_soaks_says_so_and_how_long_still() {
    let stand = Stand {
        what: "soak".into(),
        until: Some(At(NOW.0 + 540_000)),
        ..Stand::default()
    };
    let [now, flows, run] = screens(waiting(stand, "running"));
    for list in [&now, &flows] {
        assert!(list.contains("soaking, 9m00s left"), "{list}");
    }
    assert!(!now.contains("run 4420"), "it needs nobody: {now}");
    assert!(run.contains(" SOAKING 9m00s left"), "{run}");
}

#[test]
fn a_run_that_asks_says_whose_yes_it_waits_for_and_until_when() {
    let stand = Stand {
        what: "approval".into(),
        who: Some("lead".into()),
        until: Some(At(NOW.0 + 3_600_000)),
        ..Stand::default()
    };
    let view = RunView {
        because: Some("\"confirm\" asks a lead for a yes, until 2026-11-23T15:02:11Z".into()),
        waits_for: Some("approval".into()),
        ..waiting(stand, "waiting")
    };
    let [now, flows, run] = screens(view);
    assert!(flows.contains("waiting for approval (lead)"), "{flows}");
    assert!(now.contains("asks a lead"), "{now}");
    assert!(
        run.contains("WAITING for approval (lead) until 15:02Z"),
        "{run}"
    );
    assert!(!run.contains("2026-11"), "{run}");
}

#[test]
fn a_run_that_waits_for_a_lease_says_who_holds_what_until_when() {
    let stand = |run| Stand {
        what: "lease".into(),
        until: Some(At(NOW.0 + 3_600_000)),
        held: Some(HeldBy {
            run: RunId(run),
            holder: Some("lee".into()),
            count: 3,
            hosts: "rs[01-03]".into(),
        }),
        ..Stand::default()
    };
    let [now, flows, run] = screens(waiting(stand(4412), "waiting"));
    assert!(
        !now.contains("run 4420"),
        "they are free before long: {now}"
    );
    assert!(flows.contains("waiting for hosts of run 4412"), "{flows}");
    let words = "for the lease of rs[01-03], held by run 4412 (lee) until about 15:02Z";
    assert!(run.contains(&format!("WAITING {words}")), "{run}");
    // A run that stands still gives them back when somebody lets it.
    let [now, ..] = screens(waiting(stand(4413), "waiting"));
    assert!(now.contains("run 4420"), "{now}");
}
