//! The sentences for somebody whose roles are not enough.

use std::fmt;

use super::Deed;
use super::authority::Lack;

/// Why somebody may not do something, and whom to ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denied {
    /// Who may not.
    pub who: String,
    /// What they may not.
    pub deed: Deed,
    /// Who may.
    pub ask: String,
    pub(super) lack: Box<Lack>,
}

impl std::error::Error for Denied {}

impl fmt::Display for Denied {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (who, words) = (&self.who, self.deed.words());
        let needs = self.deed.needs();
        match &*self.lack {
            Lack::NoRole => write!(
                out,
                "{who} may not {words}: that takes the role {needs}, and {who} has no role here"
            ),
            Lack::Lower(role) => write!(
                out,
                "{who} may not {words}: that takes the role {needs}, and {who} is {role}"
            ),
            Lack::OtherWork { work, role, covers } => write!(
                out,
                "{who} may not {words}: {who} is {role} for {}, and not for {work}",
                for_what(covers)
            ),
            Lack::OtherHosts {
                first,
                more,
                role,
                covers,
                unknown,
            } => {
                let more = match more {
                    0 => String::new(),
                    1 => " and 1 more host".to_owned(),
                    many => format!(" and {many} more hosts"),
                };
                write!(
                    out,
                    "{who} may not {words} on {first}{more}: {who} is {role} on {} only",
                    covers.join(", ")
                )?;
                match unknown {
                    Some(why) => write!(out, ", and nobody knows all of these hosts ({why})"),
                    None => Ok(()),
                }
            }
            Lack::Limited(role) => write!(
                out,
                "{who} may not {words}: that takes the role {needs} without limits, and {who} is \
                 {role} for some hosts or definitions only"
            ),
        }?;
        write!(out, ". Ask {}", self.ask)
    }
}

fn for_what(covers: &[String]) -> String {
    if covers.is_empty() {
        // A role that is limited to hosts says nothing about definitions.
        "some hosts".to_owned()
    } else {
        covers.join(", ")
    }
}
