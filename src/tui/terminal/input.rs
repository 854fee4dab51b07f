//! Keys, pastes and sizes from the terminal, read by a thread of its own.
//!
//! crossterm's own stream loses its wake-up when it is polled to see whether there is more; a
//! channel can be looked into at any time.

use std::io;

use crossterm::event::{Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers, read};
use tokio::sync::mpsc;

/// Events that may wait; more than that, and the terminal waits.
const QUEUED: usize = 1024;

/// Begins to read. The channel closes when the terminal is gone. The thread waits in a read for as
/// long as the process lives: there is one console in it.
pub(in crate::tui) fn start() -> io::Result<mpsc::Receiver<Event>> {
    let (events, taken) = mpsc::channel(QUEUED);
    std::thread::Builder::new()
        .name("keys".to_owned())
        .spawn(move || {
            while let Ok(event) = read() {
                for event in plain(event).into_iter().flatten() {
                    if events.blocking_send(event).is_err() {
                        return;
                    }
                }
            }
        })?;
    Ok(taken)
}

/// An event as we know it. A letter right behind an Esc is how terminals write Alt; over a slow link
/// an Esc and the next key come together as well. No key here has Alt, so it is always the latter.
fn plain(event: Event) -> [Option<Event>; 2] {
    match event {
        Event::Key(key) if key.kind == KeyEventKind::Release => [None, None],
        Event::Key(key) if key.modifiers.contains(KeyModifiers::ALT) => {
            let esc = KeyEvent::new(KeyCode::Esc, KeyModifiers::NONE);
            let rest = KeyEvent::new(key.code, key.modifiers - KeyModifiers::ALT);
            [Some(Event::Key(esc)), Some(Event::Key(rest))]
        }
        event => [Some(event), None],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_escape_and_the_key_behind_it_are_two_keys() {
        let together = KeyEvent::new(KeyCode::Char(':'), KeyModifiers::ALT);
        let [first, second] = plain(Event::Key(together));
        assert_eq!(first, Some(Event::Key(KeyCode::Esc.into())));
        assert_eq!(second, Some(Event::Key(KeyCode::Char(':').into())));
    }
}
