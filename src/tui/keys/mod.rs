//! Keys: one table of acts feeds the handlers, the hint line, the help and the palette.

mod chord;
mod map;
#[cfg(test)]
mod tests;

pub(super) use chord::Chord;
#[cfg(test)]
pub(super) use chord::Key;
pub(super) use map::{Found, Keymap};

/// What a person can do with a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Act {
    /// Open the screen of what needs a person.
    Now,
    /// Open the list of flows; there, the list of runs.
    Runs,
    /// The next part of a screen.
    NextPane,
    /// One row down.
    Down,
    /// One row up.
    Up,
    /// One step to the left.
    Left,
    /// One step to the right.
    Right,
    /// To the first row.
    Top,
    /// To the last row; in output, follow it.
    Bottom,
    /// Half a screen down.
    PageDown,
    /// Half a screen up.
    PageUp,
    /// Open what the cursor is on.
    Open,
    /// Back to where one came from.
    Back,
    /// The screen before, in history.
    Earlier,
    /// The screen after, in history.
    Later,
    /// Filter a list, search in output.
    Search,
    /// To the next thing found.
    Next,
    /// To the previous thing found.
    Previous,
    /// The palette.
    Palette,
    /// The keys of this screen.
    Help,
    /// To the next failure.
    NextFailure,
    /// To the previous failure.
    PreviousFailure,
    /// To the newest line, and stay there.
    Follow,
    /// Differences against the main group.
    Diff,
    /// Differences between two.
    DiffTwo,
    /// Numbers and addresses count as the same, or not.
    Mask,
    /// Select what the cursor is on.
    Select,
    /// Select all that stand alike.
    SelectGroup,
    /// Every group with its lines, or only its name.
    Unfold,
    /// Another way to show the same.
    View,
    /// Another order.
    Sort,
    /// Wrap long lines or cut them.
    Wrap,
    /// In output: times from the start, of the clock, or none. Elsewhere: UTC or the own zone.
    Times,
    /// Copy the line.
    Copy,
    /// Copy the hosts as a host set.
    CopyHosts,
    /// Remember this screen under a letter.
    Mark,
    /// To the screen under a letter.
    GoMark,
    /// Start a command.
    Start,
    /// Start a flow.
    StartFlow,
    /// Change a definition.
    Edit,
    /// Make a flow of a run.
    SaveAs,
    /// Start nothing new in the run.
    Pause,
    /// Go on.
    Resume,
    /// Retry what did not end well.
    Retry,
    /// Skip hosts that have not begun.
    Skip,
    /// Undo what the run did.
    RollBack,
    /// Say what became of a host in doubt.
    Settle,
    /// Change the limits of the run.
    Tune,
    /// Abort the run.
    Abort,
    /// Take the conn.
    Take,
    /// Hand the conn over.
    Give,
    /// Keep the conn that somebody asks for.
    Keep,
    /// Say that a failure is known.
    Acknowledge,
    /// Say yes to what a run asks.
    Approve,
    /// Say no to it: the run is aborted.
    Reject,
    /// Write a note.
    Note,
    /// Take back the last act that can be.
    Undo,
    /// Compare with an earlier run.
    Compare,
    /// Another theme.
    Theme,
    /// Draw everything anew.
    Redraw,
    /// Leave the console; work goes on.
    Detach,
    /// What `^C` says.
    Interrupt,
}

/// How dangerous an act is: what it asks before it is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Tier {
    /// Looks only.
    Look,
    /// Can be undone: done at once.
    Reversible,
    /// Cannot: a sheet says what it does, and asks.
    Asks,
}

/// One line of the table.
pub(super) struct Entry {
    /// The act.
    pub act: Act,
    /// Its name in `keys.toml`.
    pub name: &'static str,
    /// The keys it has unless changed, separated by blanks.
    pub keys: &'static str,
    /// Its label in the hint line; one that asks first ends in `…`.
    pub label: &'static str,
    /// A sentence for the help and the palette.
    pub about: &'static str,
    /// What it asks.
    pub tier: Tier,
}

macro_rules! table {
    ($($act:ident $name:literal $keys:literal $label:literal $tier:ident $about:literal;)*) => {
        /// Every act, in the order of the help.
        pub(super) const TABLE: &[Entry] = &[$(Entry {
            act: Act::$act,
            name: $name,
            keys: $keys,
            label: $label,
            about: $about,
            tier: Tier::$tier,
        },)*];
    };
}

table! {
    Open "open" "Enter" "open" Look "Open what the cursor is on.";
    Back "back" "Esc" "back" Look "Back to where you came from. Never does anything else.";
    Down "down" "j Down" "down" Look "One row down.";
    Up "up" "k Up" "up" Look "One row up.";
    Left "left" "h Left" "left" Look "One step to the left; fold.";
    Right "right" "l Right" "right" Look "One step to the right; unfold.";
    Top "top" "gg Home" "top" Look "To the first row.";
    Bottom "bottom" "G End" "end" Look "To the last row. Output is followed from there.";
    PageDown "page-down" "^d PageDown" "page" Look "Half a screen down.";
    PageUp "page-up" "^u PageUp" "page up" Look "Half a screen up.";
    NextPane "next-pane" "Tab" "pane" Look "The next part of the screen.";
    Now "now" "1" "now" Look "What needs you.";
    Runs "runs" "2" "flows" Look "The flows that are stored and those at work; again: all runs.";
    Earlier "earlier" "[" "earlier" Look "The screen before this one, as you left it.";
    Later "later" "]" "later" Look "Forward again.";
    Mark "mark" "m" "mark" Look "Remember this screen under a letter: ma.";
    GoMark "go-mark" "'" "to mark" Look "To the screen under a letter: 'a.";
    Search "search" "/" "filter" Look "Filter a list: state:failed ams2 !db ~regex. Search in output.";
    Next "next" "n" "next" Look "The next thing found.";
    Previous "previous" "N" "previous" Look "The previous thing found.";
    NextFailure "next-failure" "e" "failure" Look "The next failure.";
    PreviousFailure "previous-failure" "E" "failure back" Look "The previous failure.";
    Follow "follow" "f" "follow" Look "To the newest line. Whoever stands there follows.";
    Diff "diff" "=" "diff" Look "What differs from the group that most hosts are in.";
    DiffTwo "diff-two" "d" "diff two" Look "What differs between the selected group and this one.";
    Mask "mask" "M" "mask" Look "Numbers, addresses and host names count as the same.";
    View "view" "v" "view" Look "Another way to show the same.";
    Sort "sort" "o" "sort" Look "Another order.";
    Select "select" "Space" "select" Look "Select what the cursor is on, or not.";
    SelectGroup "select-group" "*" "select group" Look "Select all hosts that stand as this one does, or none of them.";
    Unfold "unfold" "F" "unfold all" Look "Every group with the end of its output, or only its name.";
    Wrap "wrap" "w" "wrap" Look "Wrap long lines, or cut them.";
    Times "times" "t" "times" Look "In output: times from the start, of the clock, none. Elsewhere: UTC or your own zone.";
    Copy "copy" "y" "copy" Look "Copy the line to your clipboard, through the terminal.";
    CopyHosts "copy-hosts" "Y" "copy hosts" Look "Copy the hosts as a host set.";
    Start "start" "r" "run…" Asks "Start a command on hosts.";
    StartFlow "start-flow" "s" "start…" Asks "Start the flow: its hosts, its parameters, its plan, then a question.";
    Edit "edit" "I" "edit" Look "Change the definition here: checked as it is typed, saved after a look at what changed.";
    SaveAs "save-as" "S" "save as…" Asks "Make a flow of this run's command: shown before it is saved.";
    Compare "compare" "C" "compare" Look "Compare with the run before it with the same title.";
    Pause "pause" "p" "pause" Reversible "Start nothing new; what runs is finished.";
    Resume "resume" "c" "resume" Reversible "Go on.";
    Retry "retry" "R" "retry…" Asks "Start hosts again that did not end well; Tab: only those that ended in one way.";
    Skip "skip" "K" "skip…" Asks "Leave out hosts that have not begun, a step, or a stage.";
    RollBack "roll-back" "B" "roll back…" Asks "Stop, and undo what was done: the rollback commands, the last step first.";
    Settle "settle" "Z" "settle…" Asks "Say what became of the host in doubt here: it did it, it failed, or do it again.";
    Tune "tune" "L" "limits…" Asks "Change how many hosts are at work at once, how many may fail, the batches to come.";
    Abort "abort" "X" "abort…" Asks "Cancel what runs, never start the rest; or only that, when the open batch has ended.";
    Take "take" "T" "take the conn…" Asks "Be the one who steers this run.";
    Give "give" "W" "give the conn…" Asks "Hand the conn of this run to somebody.";
    Keep "keep" "D" "keep the conn" Reversible "Say no to whoever asks for the conn.";
    Acknowledge "acknowledge" "a" "ack" Reversible "Say that you know of this run's failures; again: not any more.";
    Approve "approve" "A" "approve…" Asks "Say yes: a run that asks goes on past the step that asks.";
    Reject "reject" "x" "reject…" Asks "Say no: a run that asks is aborted.";
    Note "note" "i" "note…" Asks "Add words to this run.";
    Undo "undo" "u" "undo" Reversible "Take back the last act, for ten seconds.";
    Palette "palette" ": ^p" "command" Look "Everything you can do, by name.";
    Theme "theme" "^t" "theme" Look "Another theme.";
    Help "help" "? F1" "keys" Look "The keys of this screen, and what the signs mean.";
    Redraw "redraw" "^l" "redraw" Look "Draw everything anew, when something else wrote over it.";
    Detach "detach" "q" "detach" Look "Leave. What runs goes on.";
    Interrupt "interrupt" "^c" "" Look "Says how to leave and how to abort.";
}

impl Act {
    /// Its line of the table.
    pub fn entry(self) -> &'static Entry {
        &TABLE[TABLE
            .iter()
            .position(|entry| entry.act == self)
            .unwrap_or(0)]
    }
}
