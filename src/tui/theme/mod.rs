//! Colours and styles by role: a screen never names a colour.
//!
//! Themes are TOML files, in `themes/` and in the user's configuration. Signs and words carry every
//! meaning without colour; a theme only adds.

mod level;
mod style;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use ratatui::style::Style;
use serde::Deserialize;

pub(super) use level::Level;

use style::parse;

/// What something on the screen is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// Ordinary text.
    Text,
    /// Less important than the text around it.
    Dim,
    /// A heading.
    Title,
    /// A key in the hint line.
    Key,
    /// The bar at the top.
    Bar,
    /// The tab that is open.
    Tab,
    /// Lines between parts.
    Line,
    /// The row the keys act on.
    Cursor,
    /// A row that was selected or marked.
    Mark,
    /// What a search found.
    Match,
    /// Something to look at that is neither good nor bad.
    Accent,
    /// Ended well.
    Ok,
    /// At work.
    Running,
    /// Has not begun.
    Waiting,
    /// Failed, was killed, or took too long.
    Failed,
    /// Nobody knows.
    InDoubt,
    /// Could not be reached.
    Unreachable,
    /// Trust failed.
    Refused,
    /// Left out, cancelled, not begun before the end.
    Skipped,
    /// Standard error.
    Stderr,
    /// Only in the newer, or the one that differs.
    Added,
    /// Only in the older, or the main group.
    Removed,
    /// As it was a while ago.
    Stale,
    /// Everything must be read now.
    Alarm,
}

impl Role {
    /// All roles with their names in theme files.
    pub const ALL: [(Self, &'static str); 24] = [
        (Self::Text, "text"),
        (Self::Dim, "dim"),
        (Self::Title, "title"),
        (Self::Key, "key"),
        (Self::Bar, "bar"),
        (Self::Tab, "tab"),
        (Self::Line, "line"),
        (Self::Cursor, "cursor"),
        (Self::Mark, "mark"),
        (Self::Match, "match"),
        (Self::Accent, "accent"),
        (Self::Ok, "ok"),
        (Self::Running, "running"),
        (Self::Waiting, "waiting"),
        (Self::Failed, "failed"),
        (Self::InDoubt, "in_doubt"),
        (Self::Unreachable, "unreachable"),
        (Self::Refused, "refused"),
        (Self::Skipped, "skipped"),
        (Self::Stderr, "stderr"),
        (Self::Added, "added"),
        (Self::Removed, "removed"),
        (Self::Stale, "stale"),
        (Self::Alarm, "alarm"),
    ];
}

/// A theme's file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    name: String,
    about: String,
    ground: Ground,
    /// Whether the whole screen is painted in the ground's colour.
    #[serde(default)]
    paint: bool,
    roles: BTreeMap<String, String>,
}

/// The background that a theme is made for.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "String")]
pub(crate) enum Ground {
    /// Whatever the terminal has.
    Terminal,
    /// A colour, as `#rrggbb`.
    Colour(String),
}

impl From<String> for Ground {
    fn from(text: String) -> Self {
        match text.as_str() {
            "terminal" => Self::Terminal,
            _ => Self::Colour(text),
        }
    }
}

/// A theme, ready to draw with.
#[derive(Debug, Clone)]
pub(super) struct Theme {
    /// Its name.
    pub name: String,
    /// What it is made for, in a sentence.
    pub about: String,
    /// The background it is made for.
    pub ground: Ground,
    base: Style,
    styles: Vec<Style>,
}

impl Theme {
    /// Reads a theme's file; `Err` is a sentence for its author.
    pub fn parse(text: &str, level: Level) -> Result<Self, String> {
        let file: File = toml::from_str(text).map_err(|error| error.to_string())?;
        let unknown = file
            .roles
            .keys()
            .find(|name| Role::ALL.iter().all(|(_, known)| known != name));
        if let Some(name) = unknown {
            return Err(format!("there is no role {name:?}"));
        }
        let base = match &file.ground {
            Ground::Colour(colour) if file.paint => parse(&format!("default on {colour}"))?,
            _ => Style::reset(),
        };
        let mut styles = Vec::with_capacity(Role::ALL.len());
        for (_, name) in Role::ALL {
            let words = file
                .roles
                .get(name)
                .ok_or_else(|| format!("the role {name:?} is missing"))?;
            let style = parse(words).map_err(|why| format!("{name}: {why}"))?;
            styles.push(level.fit(base.patch(style)));
        }
        Ok(Self {
            name: file.name,
            about: file.about,
            ground: file.ground,
            base: level.fit(base),
            styles,
        })
    }

    /// A theme that is always there.
    pub fn fallback(level: Level) -> Self {
        Self::parse(BUILT_IN[0].1, level).unwrap_or_else(|_| Self {
            name: BUILT_IN[0].0.to_owned(),
            about: String::new(),
            ground: Ground::Terminal,
            base: Style::reset(),
            styles: vec![Style::reset(); Role::ALL.len()],
        })
    }

    /// The style of a role.
    pub fn style(&self, role: Role) -> Style {
        self.styles[role as usize]
    }

    /// What is under everything.
    pub fn base(&self) -> Style {
        self.base
    }
}

/// The themes that are part of the program: name and text.
pub(super) const BUILT_IN: [(&str, &str); 7] = [
    ("terminal", include_str!("../../../themes/terminal.toml")),
    ("dark", include_str!("../../../themes/dark.toml")),
    ("light", include_str!("../../../themes/light.toml")),
    ("sixteen", include_str!("../../../themes/sixteen.toml")),
    ("mono", include_str!("../../../themes/mono.toml")),
    ("contrast", include_str!("../../../themes/contrast.toml")),
    ("harbour", include_str!("../../../themes/harbour.toml")),
];
