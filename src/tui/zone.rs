//! The zone that times are shown in: UTC, unless the person at the screen chose their own.
//!
//! A bastion's zone is nobody's, so it is never taken. Zones come from the system's tzdata, or, where
//! there is none, from the copy inside the program.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::words;
use crate::run::ids::At;

/// Letters of `2026-11-23`.
const DATE: usize = 10;

/// The full UTC time that a text begins with, and its length.
fn full_time(text: &str) -> Option<(At, usize)> {
    let until = text.bytes().take(30).position(|byte| byte == b'Z')?;
    let time = chrono::DateTime::parse_from_rfc3339(text.get(..=until)?).ok()?;
    Some((At(time.timestamp_millis()), until + 1))
}

/// Where times are shown.
#[derive(Debug, Clone, Default)]
pub(super) struct Zone {
    /// The person's own, by name.
    own: Option<(String, TimeZone)>,
    /// Whether it is used now.
    on: bool,
}

impl Zone {
    /// A zone by its name, as in `Europe/Amsterdam`; not used before [`turn`](Self::turn).
    pub fn named(name: &str) -> Result<Self, String> {
        let zone = TimeZone::get(name).map_err(|_| {
            format!("there is no time zone {name:?}. Names look like Europe/Amsterdam")
        })?;
        Ok(Self {
            own: Some((name.to_owned(), zone)),
            on: false,
        })
    }

    /// Between UTC and the own zone. The name of what is shown now; none when there is no own zone.
    pub fn turn(&mut self) -> Option<&str> {
        let (name, _) = self.own.as_ref()?;
        self.on = !self.on;
        Some(if self.on { name } else { "UTC" })
    }

    /// A time of day: `14:02:11Z` in UTC, `16:02:11 ` elsewhere; as wide in both.
    pub fn clock(&self, at: At) -> String {
        match self.local(at) {
            None => words::clock(at),
            Some(local) => local.strftime("%H:%M:%S ").to_string(),
        }
    }

    /// A time of day with the zone's letters: `16:02:11 CEST`.
    pub fn named_clock(&self, at: At) -> String {
        match self.local(at) {
            None => words::clock(at),
            Some(local) => local.strftime("%H:%M:%S %Z").to_string(),
        }
    }

    /// A day and a time, without the day when it is today's.
    pub fn moment(&self, at: At, now: At) -> String {
        match (self.local(at), self.local(now)) {
            (Some(local), Some(now)) if local.date() == now.date() => self.clock(at),
            (Some(local), _) => local.strftime("%d %b %H:%M").to_string(),
            _ => words::moment(at, now),
        }
    }

    /// A time to the minute, as short as it can be in a sentence: `17:01Z`, with the day when that
    /// is not today.
    pub fn short(&self, at: At, now: At) -> String {
        match (self.local(at), self.local(now)) {
            (Some(local), Some(now)) if local.date() == now.date() => {
                local.strftime("%H:%M").to_string()
            }
            (Some(local), _) => local.strftime("%d %b %H:%M").to_string(),
            _ => words::short(at, now),
        }
    }

    /// A sentence of the engine's, which gives times in full so that they mean the same to
    /// everybody, with its times as they are shown here.
    pub fn said(&self, text: &str, now: At) -> String {
        let mut said = String::new();
        let mut rest = text;
        while let Some(place) = rest.find('T') {
            let found = place
                .checked_sub(DATE)
                .and_then(|from| Some((from, full_time(rest.get(from..)?)?)));
            let (until, words) = match found {
                Some((from, (at, length))) => {
                    said.push_str(&rest[..from]);
                    (from + length, self.short(at, now))
                }
                None => (place + 1, rest[..=place].to_owned()),
            };
            said.push_str(&words);
            rest = &rest[until..];
        }
        said.push_str(rest);
        said
    }

    fn local(&self, at: At) -> Option<jiff::Zoned> {
        let (_, zone) = self.own.as_ref().filter(|_| self.on)?;
        let time = Timestamp::from_millisecond(at.0).ok()?;
        Some(time.to_zoned(zone.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // 2026-07-01T22:30:00Z and 2026-01-01T22:30:00Z.
    const SUMMER: At = At(1_782_945_000_000);
    const WINTER: At = At(1_767_306_600_000);

    #[test]
    fn times_are_utc_until_the_person_turns_to_their_own_zone() {
        let mut zone = Zone::named("Europe/Amsterdam").unwrap();
        assert_eq!(zone.clock(SUMMER), "22:30:00Z");
        assert_eq!(zone.turn(), Some("Europe/Amsterdam"));
        assert_eq!(zone.named_clock(SUMMER), "00:30:00 CEST");
        assert_eq!(zone.named_clock(WINTER), "23:30:00 CET");
        assert_eq!(zone.clock(SUMMER).len(), "22:30:00Z".len());
        assert_eq!(zone.turn(), Some("UTC"));
        assert_eq!(zone.clock(SUMMER), "22:30:00Z");
    }

    #[test]
    fn today_is_the_day_of_the_zone() {
        let mut zone = Zone::named("Europe/Amsterdam").unwrap();
        let later = At(SUMMER.0 + 3_600_000);
        zone.turn();
        assert_eq!(zone.moment(SUMMER, later), "00:30:00 ");
        let before = At(SUMMER.0 - 3_600_000);
        assert_eq!(zone.moment(before, later), "01 Jul 23:30");
    }

    #[test]
    fn full_times_in_sentences_are_shown_as_times_are_here() {
        let mut zone = Zone::named("Europe/Amsterdam").unwrap();
        let text = "The T asks until 2026-07-01T22:30:00.125Z, or 2026-07-02T08:00:00Z; noT2026-";
        let said = zone.said(text, SUMMER);
        assert_eq!(said, "The T asks until 22:30Z, or 02 Jul 08:00Z; noT2026-");
        zone.turn();
        let said = zone.said(text, At(SUMMER.0 + 3_600_000));
        assert_eq!(said, "The T asks until 00:30, or 10:00; noT2026-");
        for odd in ["T", "", "ééééééT", "2026-99-99T00:00:00Z", "0123456789T…Z"] {
            assert_eq!(zone.said(odd, SUMMER), odd);
        }
    }

    #[test]
    fn without_an_own_zone_there_is_nothing_to_turn_to() {
        assert_eq!(Zone::default().turn(), None);
        assert!(Zone::named("Europe/Nowhere").is_err());
    }
}
