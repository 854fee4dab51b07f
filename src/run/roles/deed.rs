//! What may be done, and the role that each takes: one table.

use super::Role;

/// Something that a person may do or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    /// Look at hosts, runs, output, definitions, plans and audit records.
    Look,
    /// Start a run.
    Start,
    /// Stop a run: pause it, abort it.
    Stop,
    /// Make a run go on, or otherwise, for whoever has its conn.
    Steer,
    /// Take the conn; a holder who is attached has time to answer.
    Take,
    /// Take the conn without waiting for the answer.
    TakeAtOnce,
    /// Answer a question that asks for this role.
    Answer(Role),
    /// Add words to a run, or say that its failure is known.
    Note,
    /// Change definitions.
    Define,
    /// Unlock a key of the engine.
    Unlock,
    /// End the engine, or replace it.
    Engine,
}

/// The least role that a deed takes.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// The deed.
    pub deed: Deed,
    /// Who has this role or a higher one may do it.
    pub role: Role,
    /// What it is, for a sentence: "may not …".
    pub words: &'static str,
    /// Its commands, for documents.
    pub commands: &'static str,
}

const fn rule(deed: Deed, role: Role, words: &'static str, commands: &'static str) -> Rule {
    Rule {
        deed,
        role,
        words,
        commands,
    }
}

/// Every deed but answers, whose role stands in the question.
pub const TABLE: [Rule; 10] = [
    rule(
        Deed::Look,
        Role::Viewer,
        "look at anything",
        "`hosts`, `runs`, `runs show`, `output`, `why`, `compare`, `report`, `follow`, `list`, `show`, `flow plan`, `audit`, `handover`",
    ),
    rule(
        Deed::Note,
        Role::Operator,
        "add to the notes of a run",
        "`runs note`, acknowledging a failure",
    ),
    rule(
        Deed::Start,
        Role::Operator,
        "start a run",
        "`run`, `preflight`, `flow start`",
    ),
    rule(
        Deed::Stop,
        Role::Operator,
        "stop a run",
        "`runs pause`, `abort`",
    ),
    rule(
        Deed::Steer,
        Role::Operator,
        "steer a run",
        "with the conn: `runs resume`, `retry`, `skip`, `tune`, `settle`, `keep`, `give`; without it: `runs secret`",
    ),
    rule(
        Deed::Take,
        Role::Operator,
        "take the conn",
        "`runs take`: a holder who is attached has 30 s to answer",
    ),
    rule(
        Deed::TakeAtOnce,
        Role::Lead,
        "take the conn at once",
        "`runs take`, without that wait",
    ),
    rule(
        Deed::Define,
        Role::Lead,
        "change definitions",
        "`apply`, `edit`",
    ),
    rule(Deed::Unlock, Role::Admin, "unlock a key", "`unlock`"),
    rule(
        Deed::Engine,
        Role::Admin,
        "end or replace the engine",
        "`engine stop`, `upgrade`",
    ),
];

impl Deed {
    /// The least role that may do it.
    pub fn needs(self) -> Role {
        match self {
            // Who only looks answers nothing.
            Self::Answer(role) => role.max(Role::Operator),
            // What is not in the table is nobody else's; a test sees that all are.
            other => other.rule().map_or(Role::Admin, |rule| rule.role),
        }
    }

    /// What it is, for a sentence: "may not …".
    pub fn words(self) -> &'static str {
        match self {
            Self::Answer(_) => "answer this question",
            other => other.rule().map_or("do this", |rule| rule.words),
        }
    }

    fn rule(self) -> Option<&'static Rule> {
        TABLE.iter().find(|rule| rule.deed == self)
    }
}
