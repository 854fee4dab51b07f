//! Whatever a host writes and however it comes: no secret of the attempt is in what is stored.

use proptest::prelude::*;

use super::*;
use crate::run::secret::Secret;

fn words(texts: &[&str]) -> Redact {
    let secrets: Vec<Secret> = texts.iter().map(|text| Secret::new("s", text)).collect();
    Redact::of(Words::of(&secrets))
}

/// What is stored of a stream that comes in these pieces.
fn stored(redact: &Redact, pieces: &[&[u8]]) -> Vec<u8> {
    let mut stream = Stream::new(redact, 0);
    let mut all = Vec::new();
    let mut offset = 0;
    for piece in pieces {
        let shown = stream.feed(offset, piece);
        assert!(shown.bytes.is_empty() || shown.offset == all.len() as u64);
        all.extend(shown.bytes);
        offset += piece.len() as u64;
    }
    let shown = stream.finish();
    assert!(shown.bytes.is_empty() || shown.offset == all.len() as u64);
    all.extend(shown.bytes);
    all
}

fn whole(redact: &Redact, text: &str) -> String {
    String::from_utf8(stored(redact, &[text.as_bytes()])).unwrap()
}

#[test]
fn a_secret_becomes_as_many_stars_and_everything_else_stays() {
    let redact = words(&["hunter22"]);
    assert_eq!(
        whole(&redact, "a hunter22 b hunter2"),
        "a ******** b *******"
    );
    assert_eq!(whole(&redact, "hunter2 hunte"), "hunter2 hunte");
    assert_eq!(whole(&redact, "hunterhunter22"), "hunter********");
}

#[test]
fn a_secret_in_json_is_hidden_as_well() {
    let redact = words(&["it\"s\nso long"]);
    assert_eq!(
        whole(&redact, r#"{"token":"it\"s\nso long"}"#),
        format!(r#"{{"token":"{}"}}"#, "*".repeat(14))
    );
}

#[test]
fn a_secret_is_hidden_however_json_is_written() {
    let redact = words(&["a&b</é😀\"end\""]);
    for text in [
        r#"a&b</é😀\"end\""#,
        r#"a\u0026b\u003c/é😀\"end\""#,
        r#"a&b<\/é😀\"end\""#,
        r#"a&b</\u00e9\ud83d\ude00\"end\""#,
        r#"a&b<\/\u00e9\ud83d\ude00\"end\""#,
    ] {
        assert_eq!(whole(&redact, text), "*".repeat(text.len()), "{text}");
    }
}

#[test]
fn the_token_of_a_header_is_hidden_alone() {
    let redact = words(&["Bearer abcdefghijkl"]);
    assert_eq!(whole(&redact, "bearer abcdefghijkl"), "bearer ************");
    let redact = words(&["correct horse battery"]);
    assert_eq!(whole(&redact, "a battery"), "a battery");
}

#[test]
fn secrets_that_overlap_are_all_hidden() {
    let redact = words(&["abcabcabc", "bcabcX"]);
    assert_eq!(whole(&redact, "abcabcabcabc-"), "************-");
    assert_eq!(whole(&redact, "abcabcX-"), "a******-");
}

#[test]
fn each_line_of_a_secret_is_hidden_and_the_ends_of_lines_stay() {
    let redact = words(&["-----BEGIN\nMIIEvQ==\nx\n-----END"]);
    assert_eq!(whole(&redact, "MIIEvQ==\r\nx\n"), "********\r\nx\n");
    assert_eq!(
        whole(&redact, ">-----BEGIN\nMIIEvQ==\nx\n-----END<"),
        ">**********\n********\n*\n********<"
    );
}

#[test]
fn what_is_left_of_a_secret_beside_missing_bytes_is_hidden() {
    let redact = words(&["0123456789abcdef"]);
    let mut stream = Stream::new(&redact, 0);
    assert_eq!(stream.feed(0, b"x 0123456789").bytes, b"x ");
    assert!(stream.jumps_to(100));
    assert_eq!(stream.finish().bytes, b"**********");
    let mut shown = stream.feed(100, b"789abcdef and").bytes;
    shown.extend(stream.feed(113, b" more").bytes);
    shown.extend(stream.finish().bytes);
    assert_eq!(shown, b"********* and more");
    let mut shown = stream.feed(200, b"3456789").bytes;
    shown.extend(stream.finish().bytes);
    assert_eq!(shown, b"*******");
}

#[test]
fn without_the_secrets_nothing_of_the_stream_is_shown() {
    assert_eq!(whole(&Redact::All, "ab\ncd"), "**\n**");
    assert!(!Redact::All.text("hunter22").contains("hunter22"));
}

#[test]
fn in_a_sentence_a_secret_stands_by_its_name() {
    let redact = Redact::of(Words::of(&[Secret::new("pool", "hunter22")]));
    assert_eq!(redact.text("no: hunter22!"), "no: [secret pool]!");
    assert_eq!(redact.text("cut off: hunter2"), "cut off: *******");
    assert_eq!(redact.text("nothing"), "nothing");
}

#[test]
fn no_more_is_held_back_than_the_longest_secret() {
    let redact = words(&["aaaaaaaaaaaaaaaaaaaaaab", "aaaaaa-"]);
    let mut stream = Stream::new(&redact, 0);
    for turn in 0..200 {
        stream.feed(turn * 1000, &[b'a'; 1000]);
        assert!(stream.held.len() < 23, "{}", stream.held.len());
    }
}

/// Secrets and texts of few letters, so that they meet.
fn secrets() -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec("[ab\n]{6,12}", 1..4)
}

fn text() -> impl Strategy<Value = String> {
    "[abc\n]{0,120}"
}

/// The text without its secrets, in the plainest way there is.
fn plainly(redact: &Redact, text: &[u8]) -> Vec<u8> {
    let Redact::Words(words) = redact else {
        panic!()
    };
    let mut hidden = vec![false; text.len()];
    for (word, _) in words.words() {
        for at in 0..text.len() {
            if text[at..].starts_with(word) {
                hidden[at..at + word.len()].fill(true);
            }
        }
        let cut = (SHORTEST..word.len()).rev();
        if let Some(length) = cut.clone().find(|length| text.ends_with(&word[..*length])) {
            hidden[text.len() - length..].fill(true);
        }
    }
    let bytes = text.iter().zip(hidden);
    bytes
        .map(|(byte, hidden)| if hidden { star(*byte) } else { *byte })
        .collect()
}

proptest! {
    #[test]
    fn in_whatever_pieces_it_comes_what_is_stored_is_the_same_and_has_no_secret(
        secrets in secrets(), text in text(), cuts in prop::collection::vec(0usize..120, 0..12),
    ) {
        let list: Vec<&str> = secrets.iter().map(String::as_str).collect();
        let redact = words(&list);
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(text.len())).collect();
        cuts.extend([0, text.len()]);
        cuts.sort_unstable();
        let pieces: Vec<&[u8]> = cuts.windows(2).map(|cut| &text.as_bytes()[cut[0]..cut[1]]).collect();
        let stored = stored(&redact, &pieces);
        prop_assert_eq!(stored.len(), text.len());
        prop_assert_eq!(&stored, &plainly(&redact, text.as_bytes()));
        for secret in &secrets {
            prop_assert!(memchr::memmem::find(&stored, secret.as_bytes()).is_none()
                || secret.trim().is_empty());
        }
    }

    #[test]
    fn text_without_a_secret_is_unchanged(text in "[c-z ]{0,200}", secrets in secrets()) {
        let list: Vec<&str> = secrets.iter().map(String::as_str).collect();
        prop_assert_eq!(whole(&words(&list), &text), text);
    }

    /// An engine that was killed asks the host to go on a little before what it had stored.
    #[test]
    fn what_is_followed_again_goes_on_where_it_was_stored_without_a_secret(
        secrets in secrets(), text in text(), first in 0usize..120, lost in 0usize..120,
    ) {
        let list: Vec<&str> = secrets.iter().map(String::as_str).collect();
        let redact = words(&list);
        let bytes = text.as_bytes();
        let first = first.min(bytes.len());
        let mut kept = Stream::new(&redact, 0).feed(0, &bytes[..first]).bytes;
        // Of what it stored, the disk may have kept any beginning.
        kept.truncate(lost);
        let extent = kept.len() as u64;
        let from = extent.saturating_sub(redact.overlap());
        let mut stream = Stream::new(&redact, extent);
        for (at, byte) in (from..).zip(&bytes[from as usize..]) {
            let shown = stream.feed(at, &[*byte]);
            prop_assert!(shown.bytes.is_empty() || shown.offset == kept.len() as u64);
            kept.extend(shown.bytes);
        }
        kept.extend(stream.finish().bytes);
        prop_assert_eq!(kept.len(), bytes.len());
        for secret in &secrets {
            prop_assert!(memchr::memmem::find(&kept, secret.as_bytes()).is_none()
                || secret.trim().is_empty());
        }
    }
}
