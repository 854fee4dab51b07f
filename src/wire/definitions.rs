//! Definitions between the engine and its clients.

use serde::{Deserialize, Serialize};

use crate::flow::definition::Kind;
use crate::flow::plan::PlanView;
use crate::run::complaint::{Complaint, Place};
use crate::run::ids::At;
use crate::wire::hidden::Hidden;

/// Definitions to be stored: all of them, or none.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Apply {
    /// Their texts.
    pub files: Vec<GivenFile>,
    /// Remove what is stored of these kinds and not among them.
    pub prune: Vec<Kind>,
    /// Only say what would change.
    pub dry_run: bool,
}

/// The text of a definition.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct GivenFile {
    /// Where it was read, for complaints.
    pub path: String,
    /// The text.
    pub text: String,
    /// The version it was made from, 0 when it is to be new: be refused when another is current by
    /// now.
    pub base: Option<u32>,
}

/// What came of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Applied {
    /// What changed, or would: in the order of the files, then what was removed.
    pub changes: Vec<Change>,
    /// All that is wrong; then nothing was changed.
    pub complaints: Vec<Told>,
}

/// What became of one definition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// Its kind.
    pub kind: Kind,
    /// Its name.
    pub name: String,
    /// In which way.
    pub what: Changed,
    /// Its version after it; of a removed one, its last.
    pub version: u32,
    /// The digest of that version's text, hex.
    pub digest: String,
    /// Where the text was read.
    #[serde(default)]
    pub file: Option<String>,
}

/// In which way a definition changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Changed {
    /// There was none.
    Added,
    /// There was another text.
    Changed,
    /// There was the same text.
    Unchanged,
    /// It is current no more.
    Removed,
}

impl Changed {
    /// Its word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Changed => "changed",
            Self::Unchanged => "unchanged",
            Self::Removed => "removed",
        }
    }
}

/// A complaint about a text.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Told {
    /// The file.
    pub file: String,
    /// From 1; 0 means the file as a whole.
    pub line: u32,
    /// From 1; 0 means the line as a whole.
    pub column: u32,
    /// What is wrong and why.
    pub message: String,
    /// What to do next.
    pub hint: Option<String>,
    /// The line.
    pub excerpt: Option<String>,
}

impl From<Complaint> for Told {
    fn from(complaint: Complaint) -> Self {
        Self {
            file: complaint.place.file.to_string(),
            line: complaint.place.line,
            column: complaint.place.column,
            message: complaint.message,
            hint: complaint.hint,
            excerpt: complaint.excerpt,
        }
    }
}

impl From<Told> for Complaint {
    fn from(told: Told) -> Self {
        Self {
            place: Place::new(&told.file.into(), told.line, told.column),
            message: told.message,
            hint: told.hint,
            excerpt: told.excerpt,
        }
    }
}

/// One definition in a list.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct DefinitionLine {
    /// Its kind.
    pub kind: Kind,
    /// Its name.
    pub name: String,
    /// Its current version.
    pub version: u32,
    /// The digest of its text, hex.
    pub digest: String,
    /// Who wrote it.
    pub by: String,
    /// When.
    pub at: At,
    /// The application it belongs to.
    #[serde(default)]
    pub app: Option<String>,
    /// What it is for.
    #[serde(default)]
    pub about: Option<String>,
    /// Why it cannot be used, if it cannot.
    #[serde(default)]
    pub broken: Option<String>,
}

/// One version of a definition, and which others there are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DefinitionView {
    /// Its kind.
    pub kind: Kind,
    /// Its name.
    pub name: String,
    /// The version.
    pub version: VersionLine,
    /// The text.
    pub text: String,
    /// The version that is current; none when it was removed.
    pub current: Option<u32>,
    /// All versions, oldest first.
    pub versions: Vec<VersionLine>,
}

/// A version of a definition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VersionLine {
    /// Its number.
    pub version: u32,
    /// The digest of its text, hex.
    pub digest: String,
    /// Who wrote it.
    pub by: String,
    /// When.
    pub at: At,
}

/// What would a flow or fanout do on these hosts?
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct PlanFlow {
    /// Which of the two.
    pub kind: Kind,
    /// Its name.
    pub name: String,
    /// The host set; empty, where its stages name their hosts.
    pub targets: String,
    /// Values of its parameters, as `NAME=VALUE`.
    pub set: Vec<String>,
    /// The `ssh_config` to use instead of the user's.
    pub ssh_config: Option<String>,
    /// Parameters whose secrets are typed when it starts.
    pub typed: Vec<String>,
}

/// Start a flow on these hosts.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct StartFlow {
    /// What is started.
    pub plan: PlanFlow,
    /// Be refused rather than wait for a lease.
    pub no_wait: bool,
    /// The digest of the plan that was shown: be refused when it is another one by now.
    pub shown: Option<String>,
    /// Secrets that were typed, by their parameter: all of the plan's.
    pub secrets: Vec<(String, Hidden)>,
}

/// That.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Planned {
    /// The version of the flow that was planned.
    pub version: u32,
    /// The plan.
    pub plan: PlanView,
    /// What is wrong with the inventory, a sentence each.
    #[serde(default)]
    pub warnings: Vec<String>,
}
