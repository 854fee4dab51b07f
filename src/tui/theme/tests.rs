use ratatui::style::{Color, Modifier, Style};

use super::level::SIXTEEN;
use super::style::{colour, parse};
use super::*;

/// Least contrast of text, as WCAG 2.2 has it for level AA.
const AA: f64 = 4.5;

fn rgb(wanted: Color) -> Option<[u8; 3]> {
    match wanted {
        Color::Rgb(red, green, blue) => Some([red, green, blue]),
        Color::Reset => None,
        _ => SIXTEEN
            .into_iter()
            .find(|(named, _)| *named == wanted)
            .map(|(_, rgb)| rgb),
    }
}

/// Relative luminance: WCAG 2.2, "relative luminance".
fn luminance(rgb: [u8; 3]) -> f64 {
    let linear = |value: u8| {
        let value = f64::from(value) / 255.0;
        if value <= 0.04045 {
            value / 12.92
        } else {
            ((value + 0.055) / 1.055).powf(2.4)
        }
    };
    let [red, green, blue] = rgb.map(linear);
    0.2126 * red + 0.7152 * green + 0.0722 * blue
}

fn contrast(one: [u8; 3], other: [u8; 3]) -> f64 {
    let (one, other) = (luminance(one) + 0.05, luminance(other) + 0.05);
    (one / other).max(other / one)
}

fn themes(level: Level) -> Vec<Theme> {
    BUILT_IN
        .iter()
        .map(|(name, text)| {
            let theme = Theme::parse(text, level).unwrap_or_else(|why| panic!("{name}: {why}"));
            assert_eq!(theme.name, *name);
            theme
        })
        .collect()
}

#[test]
fn every_theme_can_be_read_on_its_ground() {
    let mut poor = Vec::new();
    for theme in themes(Level::Rgb) {
        let Ground::Colour(ground) = &theme.ground else {
            continue;
        };
        let ground = rgb(colour(ground).unwrap()).unwrap();
        let text = rgb(theme.style(Role::Text).fg.unwrap()).unwrap();
        for (role, name) in Role::ALL {
            // A line between parts is no text.
            if role == Role::Line {
                continue;
            }
            let style = theme.style(role);
            let mut front = style.fg.and_then(rgb).unwrap_or(text);
            let mut back = style.bg.and_then(rgb).unwrap_or(ground);
            if style.add_modifier.contains(Modifier::REVERSED) {
                std::mem::swap(&mut front, &mut back);
            }
            let found = contrast(front, back);
            if found < AA {
                poor.push(format!("{} {name}: {found:.1}", theme.name));
            }
        }
    }
    assert!(poor.is_empty(), "less than {AA}:\n{}", poor.join("\n"));
}

#[test]
fn what_must_be_told_apart_differs_in_colour_where_there_is_colour() {
    for theme in themes(Level::Rgb)
        .iter()
        .filter(|theme| theme.name != "mono")
    {
        let told = [Role::Ok, Role::Failed, Role::Running, Role::InDoubt];
        for (at, one) in told.iter().enumerate() {
            for other in &told[at + 1..] {
                assert_ne!(
                    theme.style(*one).fg,
                    theme.style(*other).fg,
                    "{}: {one:?} and {other:?}",
                    theme.name
                );
            }
        }
    }
}

#[test]
fn a_style_is_read_from_words() {
    let style = parse("bold #010203 on bright-red").unwrap();
    let wanted = Style::new()
        .fg(Color::Rgb(1, 2, 3))
        .bg(Color::LightRed)
        .add_modifier(Modifier::BOLD);
    assert_eq!(style, wanted);
    assert!(parse("loud").unwrap_err().contains("loud"));
}

#[test]
fn a_wrong_theme_is_refused_with_the_reason() {
    let wrong = |from: &str, to: &str| {
        let text = BUILT_IN[0].1.replace(from, to);
        Theme::parse(&text, Level::Rgb).unwrap_err()
    };
    assert!(wrong("\ntext", "\ntekst").contains("tekst"));
    assert!(wrong("ground", "underground").contains("underground"));
}

#[test]
fn colours_fit_the_terminal() {
    let red = Style::new()
        .fg(Color::Rgb(250, 10, 10))
        .bg(Color::Rgb(0, 0, 1));
    assert_eq!(Level::Sixteen.fit(red).fg, Some(Color::LightRed));
    assert_eq!(Level::Extended.fit(red).fg, Some(Color::Indexed(196)));
    let mono = Level::Mono.fit(red);
    assert_eq!(mono.fg, Some(Color::Reset));
    assert!(mono.add_modifier.contains(Modifier::REVERSED));
    let of = |pairs: &[(&str, &str)]| {
        Level::of(|name| {
            let found = pairs.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    };
    assert_eq!(of(&[("TERM", "linux")]), Level::Sixteen);
    assert_eq!(of(&[("TERM", "xterm-256color")]), Level::Extended);
    assert_eq!(
        of(&[("TERM", "tmux-256color"), ("COLORTERM", "truecolor")]),
        Level::Rgb
    );
    assert_eq!(
        of(&[("TERM", "xterm-256color"), ("NO_COLOR", "1")]),
        Level::Mono
    );
    assert_eq!(of(&[("TERM", "dumb")]), Level::Mono);
}
