use super::*;

fn chords(text: &str) -> Vec<Chord> {
    text.split(' ')
        .map(|key| Chord::parse(key).unwrap())
        .collect()
}

#[test]
fn every_key_of_the_table_is_one_and_stands_for_one_act() {
    let map = Keymap::default();
    for entry in TABLE {
        for keys in entry.keys.split(' ') {
            let pressed = Chord::parse(keys).map_or_else(
                || {
                    keys.chars()
                        .map(|key| Chord::parse(&key.to_string()).unwrap())
                        .collect()
                },
                |chord| vec![chord],
            );
            assert_eq!(map.find(&pressed), Found::Act(entry.act), "{keys}");
        }
        assert_eq!(map.key(entry.act), entry.keys.split(' ').next().unwrap());
    }
    assert_eq!(map.find(&chords("g")), Found::Begun);
    assert_eq!(map.find(&chords("g x")), Found::Nothing);
}

#[test]
fn nothing_that_cannot_be_undone_has_a_key_with_ctrl_or_enter() {
    for entry in TABLE.iter().filter(|entry| entry.tier == Tier::Asks) {
        assert!(
            entry.label.ends_with('…'),
            "{} asks and does not say so",
            entry.name
        );
        for key in entry.keys.split(' ') {
            let chord = Chord::parse(key).unwrap();
            assert!(
                !chord.ctrl && matches!(chord.key, Key::Char(_)),
                "{}: {key}",
                entry.name
            );
        }
    }
}

#[test]
fn keys_can_be_changed_and_mistakes_are_named() {
    let map = Keymap::parse("abort = \"V\"\ndown = [\"j\", \"^n\"]\n").unwrap();
    assert_eq!(map.find(&chords("V")), Found::Act(Act::Abort));
    assert_eq!(map.find(&chords("X")), Found::Nothing);
    assert_eq!(map.find(&chords("^n")), Found::Act(Act::Down));
    assert_eq!(map.key(Act::Abort), "V");
    for (text, said) in [
        ("abrt = \"V\"", "abrt"),
        ("abort = \"p\"", "pause"),
        ("abort = \"Ctrl-x\"", "is no key"),
        ("abort = 3", "needs a key"),
        ("abort = \"g\"", "begins another"),
    ] {
        let error = Keymap::parse(text).unwrap_err();
        assert!(error.contains(said), "{text}: {error}");
    }
}
