//! How many colours a terminal has, and the nearest of them.

use ratatui::style::{Color, Modifier, Style};

/// How many colours there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    /// None: bold, underlined and reversed are all there is.
    Mono,
    /// The sixteen that the user chose.
    Sixteen,
    /// xterm's 256.
    Extended,
    /// 24 bits.
    Rgb,
}

/// The sixteen as xterm has them, to measure distances by; the user may have chosen others.
pub(super) const SIXTEEN: [(Color, [u8; 3]); 16] = [
    (Color::Black, [0, 0, 0]),
    (Color::Red, [205, 0, 0]),
    (Color::Green, [0, 205, 0]),
    (Color::Yellow, [205, 205, 0]),
    (Color::Blue, [0, 0, 238]),
    (Color::Magenta, [205, 0, 205]),
    (Color::Cyan, [0, 205, 205]),
    (Color::Gray, [229, 229, 229]),
    (Color::DarkGray, [127, 127, 127]),
    (Color::LightRed, [255, 0, 0]),
    (Color::LightGreen, [0, 255, 0]),
    (Color::LightYellow, [255, 255, 0]),
    (Color::LightBlue, [92, 92, 255]),
    (Color::LightMagenta, [255, 0, 255]),
    (Color::LightCyan, [0, 255, 255]),
    (Color::White, [255, 255, 255]),
];

impl Level {
    /// What a terminal with these variables has. `NO_COLOR` is the user's word against all others.
    pub fn of(variable: impl Fn(&str) -> Option<String>) -> Self {
        let given = |name: &str| variable(name).filter(|value| !value.is_empty());
        let term = given("TERM").unwrap_or_default();
        if given("NO_COLOR").is_some() || term == "dumb" || term.starts_with("vt") {
            return Self::Mono;
        }
        let deep = given("COLORTERM").is_some_and(|value| value == "truecolor" || value == "24bit");
        if deep || term.ends_with("-direct") {
            Self::Rgb
        } else if term.contains("256color") || term.starts_with("xterm-kitty") {
            Self::Extended
        } else {
            Self::Sixteen
        }
    }

    /// The style with colours that there are.
    pub fn fit(self, style: Style) -> Style {
        let fitted = Style {
            fg: style.fg.map(|colour| self.nearest(colour)),
            bg: style.bg.map(|colour| self.nearest(colour)),
            ..style
        };
        // Without colours, what stood on a ground of its own is reversed.
        let stood_out = style.bg.is_some_and(|colour| colour != Color::Reset);
        if self == Self::Mono && stood_out {
            return fitted.add_modifier(Modifier::REVERSED);
        }
        fitted
    }

    fn nearest(self, colour: Color) -> Color {
        match (self, colour) {
            (Self::Mono, _) => Color::Reset,
            (Self::Sixteen, Color::Rgb(red, green, blue)) => sixteen([red, green, blue]),
            (Self::Extended, Color::Rgb(red, green, blue)) => extended([red, green, blue]),
            _ => colour,
        }
    }
}

fn sixteen(wanted: [u8; 3]) -> Color {
    SIXTEEN
        .into_iter()
        .min_by_key(|(_, rgb)| distance(*rgb, wanted))
        .map_or(Color::Reset, |(colour, _)| colour)
}

/// The nearest of the 6×6×6 cube and the 24 grays.
fn extended(wanted: [u8; 3]) -> Color {
    const STEPS: [u8; 6] = [0, 95, 135, 175, 215, 255];
    let step = |value: u8| {
        (0..6u8)
            .min_by_key(|at| STEPS[usize::from(*at)].abs_diff(value))
            .unwrap_or(0)
    };
    let [red, green, blue] = wanted.map(step);
    let cube = [red, green, blue].map(|at| STEPS[usize::from(at)]);
    let mean = wanted.iter().map(|value| u16::from(*value)).sum::<u16>() / 3;
    let gray_at = u8::try_from(mean.saturating_sub(3) / 10)
        .unwrap_or(23)
        .min(23);
    let gray = [8 + 10 * gray_at; 3];
    if distance(gray, wanted) < distance(cube, wanted) {
        Color::Indexed(232 + gray_at)
    } else {
        Color::Indexed(16 + 36 * red + 6 * green + blue)
    }
}

fn distance(one: [u8; 3], other: [u8; 3]) -> u32 {
    let weights = [3, 6, 1];
    one.iter()
        .zip(other)
        .zip(weights)
        .map(|((one, other), weight)| weight * u32::from(one.abs_diff(other)).pow(2))
        .sum()
}
