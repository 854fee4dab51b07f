//! What a command line of a demo host means, once parsed.

use std::sync::Arc;

/// A list, pipeline or command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node {
    /// Words, assignments and redirections.
    Simple(Simple),
    /// Commands joined by `|`, and whether `!` turns the status round.
    Pipeline {
        /// The commands, left to right.
        commands: Vec<Node>,
        /// `!` stands before it.
        negated: bool,
    },
    /// A command and those behind it, each with whether it runs after success (`&&`) or failure
    /// (`||`). Flat, so that a long chain is no deep tree.
    AndOr(Box<Node>, Vec<(bool, Node)>),
    /// Commands one after another.
    List(Vec<Node>),
    /// `if` with its branches: condition and body, then `else`.
    If {
        /// Conditions with what follows them.
        branches: Vec<(Node, Node)>,
        /// What follows `else`.
        otherwise: Option<Box<Node>>,
    },
    /// `while` or `until`.
    While {
        /// Goes on while this succeeds, or fails for `until`.
        condition: Box<Node>,
        /// What is repeated.
        body: Box<Node>,
        /// `until`
        until: bool,
    },
    /// `for NAME in WORDS`
    For {
        /// The variable.
        name: String,
        /// What it takes in turn.
        words: Vec<Word>,
        /// What is repeated.
        body: Box<Node>,
    },
    /// `case WORD in …`
    Case {
        /// What is looked at.
        word: Word,
        /// Patterns and what follows them.
        arms: Vec<(Vec<Word>, Node)>,
    },
    /// `NAME() …`
    Function {
        /// Its name.
        name: String,
        /// What a call runs.
        body: Arc<Node>,
    },
    /// `command &`
    Background(Arc<Node>),
    /// `{ …; }` or `( … )` with redirections.
    Group {
        /// The commands inside.
        body: Box<Node>,
        /// Redirections of the whole.
        redirects: Vec<Redirect>,
        /// `( … )`: variables set inside are forgotten.
        subshell: bool,
    },
}

/// A command with its surroundings.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Simple {
    /// `NAME=value` before the command.
    pub assignments: Vec<(String, Word)>,
    /// The command and its arguments.
    pub words: Vec<Word>,
    /// Where its streams go.
    pub redirects: Vec<Redirect>,
}

/// One redirection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redirect {
    /// 0, 1 or 2.
    pub stream: u8,
    /// Where to.
    pub to: Target,
}

/// Where a stream is redirected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// `< file`
    Read(Word),
    /// `> file`
    Replace(Word),
    /// `>> file`
    Append(Word),
    /// `1<> file`: from its beginning, without cutting it.
    Update(Word),
    /// `>&1`, `>&2`
    Stream(u8),
    /// `<<END`: the lines up to END.
    Text(Word),
}

/// A word before expansion.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Word(pub Vec<Part>);

/// A piece of a word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// Characters as they are; quoted ones make no patterns.
    Text {
        /// The characters.
        text: String,
        /// In quotes or behind a backslash.
        quoted: bool,
    },
    /// `$NAME`, `${NAME}`, `${NAME:-word}`
    Variable {
        /// Its name, or one of `?`, `$`, `#`, `@`, `*`, `!`, a number.
        name: String,
        /// What becomes of its value.
        change: Option<(Change, Word)>,
        /// In double quotes: not split.
        quoted: bool,
    },
    /// `$( … )`
    Command {
        /// What to run.
        body: Box<Node>,
        /// In double quotes: not split.
        quoted: bool,
    },
    /// `$(( … ))`
    Arithmetic(Word),
}

/// What `${NAME…}` does with the value, by the word behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// `:-` and `-`: the word stands for an empty value.
    Default,
    /// `:+` and `+`: the word stands for a value that is not empty.
    Alternative,
    /// `:=` and `=`: an empty variable becomes the word.
    Assign,
    /// `#`: without the shortest beginning that fits the pattern.
    Beginning,
    /// `##`: without the longest.
    LongBeginning,
    /// `%`: without the shortest end that fits the pattern.
    Ending,
    /// `%%`: without the longest.
    LongEnding,
    /// `${#NAME}`: how many characters it has.
    Length,
}
