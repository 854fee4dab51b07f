use proptest::prelude::*;

use super::*;
use crate::run::line_index::{LineIndex, Window};

type Owned = (u64, OutStream, u16, u32, Vec<u8>, bool, Option<u64>);

fn own(piece: Piece<'_>) -> Owned {
    (
        piece.number,
        piece.stream,
        piece.step,
        piece.attempt,
        piece.bytes.to_vec(),
        piece.goes_on,
        piece.gap.map(|(len, _)| len),
    )
}

fn chunk(stream: OutStream, attempt: u32, body: ChunkBody) -> Chunk {
    Chunk {
        host: 0,
        step: 0,
        attempt,
        stream,
        offset: 0,
        at_ms: 7,
        body,
    }
}

fn data(stream: OutStream, bytes: &[u8]) -> Chunk {
    chunk(stream, 1, ChunkBody::Data(Bytes::copy_from_slice(bytes)))
}

fn all(chunks: &[Chunk]) -> Vec<Owned> {
    let (mut splitter, mut lines) = (Splitter::default(), Vec::new());
    for chunk in chunks {
        splitter.feed(chunk, &mut |piece| lines.push(own(piece)));
    }
    lines.extend(splitter.unfinished().map(own));
    assert_eq!(lines.len() as u64, splitter.total());
    assert!((0..).zip(&lines).all(|(number, line)| line.0 == number));
    lines
}

fn texts(chunks: &[Chunk]) -> Vec<(OutStream, String)> {
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let lines = all(chunks).into_iter();
    lines.map(|line| (line.1, text(line.4))).collect()
}

use OutStream::{Stderr, Stdout};

#[test]
fn a_line_stands_where_it_is_completed_and_what_is_unfinished_at_the_end() {
    let chunks = [
        data(Stdout, b"one\ntw"),
        data(Stderr, b"oops\r\nhm"),
        data(Stdout, b"o\n\nthree"),
    ];
    let wanted = [
        (Stdout, "one"),
        (Stderr, "oops\r"),
        (Stdout, "two"),
        (Stdout, ""),
        (Stdout, "three"),
        (Stderr, "hm"),
    ];
    let wanted: Vec<_> = wanted.iter().map(|(s, t)| (*s, (*t).to_owned())).collect();
    assert_eq!(texts(&chunks), wanted);
}

#[test]
fn a_gap_is_a_line_and_a_new_attempt_begins_a_new_one() {
    let gap = ChunkBody::Gap {
        len: 99,
        reason: GapReason::OverBudget,
    };
    let chunks = [
        data(Stdout, b"cut"),
        chunk(Stdout, 1, gap),
        data(Stdout, b"off"),
        chunk(Stderr, 2, ChunkBody::Data(Bytes::from_static(b"again"))),
    ];
    let lines = all(&chunks);
    let told: Vec<_> = lines
        .iter()
        .map(|line| (line.3, line.4.as_slice(), line.6))
        .collect();
    let wanted: [(u32, &[u8], Option<u64>); 4] = [
        (1, b"cut", None),
        (1, b"", Some(99)),
        (1, b"off", None),
        (2, b"again", None),
    ];
    assert_eq!(told, wanted);
}

#[test]
fn a_long_line_comes_in_pieces_and_one_of_just_that_length_in_one() {
    for (length, pieces) in [
        (LONGEST_LINE - 1, 1),
        (LONGEST_LINE, 1),
        (LONGEST_LINE + 1, 2),
        (LONGEST_LINE * 3, 3),
        (LONGEST_LINE * 3 + 1, 4),
    ] {
        let mut bytes = vec![b'x'; length];
        bytes.push(b'\n');
        let whole = all(&[data(Stdout, &bytes)]);
        assert_eq!(whole.len(), pieces, "{length}");
        assert_eq!(whole.iter().filter(|line| line.5).count(), pieces - 1);
        let single: Vec<Chunk> = bytes.iter().map(|byte| data(Stdout, &[*byte])).collect();
        assert_eq!(all(&single), whole, "{length}");
    }
}

/// Bytes with many line feeds, and runs that are longer than a line may be.
fn stream() -> impl Strategy<Value = Vec<u8>> {
    let part = prop_oneof![
        8 => proptest::collection::vec(prop_oneof![3 => Just(b'\n'), 9 => any::<u8>()], 0..40),
        1 => (LONGEST_LINE - 2..2 * LONGEST_LINE + 2).prop_map(|length| vec![b'y'; length]),
    ];
    proptest::collection::vec(part, 0..8).prop_map(|parts| parts.concat())
}

/// The two streams cut at these lengths and laid over each other in this order.
fn cut(streams: &[Vec<u8>; 2], cuts: &[(bool, usize)]) -> Vec<Chunk> {
    let mut rest = [&streams[0][..], &streams[1][..]];
    let mut chunks = Vec::new();
    let mut take = |second: bool, most: usize| {
        let place = usize::from(second);
        let (first, left) = rest[place].split_at(most.min(rest[place].len()));
        rest[place] = left;
        if !first.is_empty() {
            chunks.push(data(OutStream::ALL[place], first));
        }
    };
    for (second, most) in cuts {
        take(*second, *most);
    }
    take(false, usize::MAX);
    take(true, usize::MAX);
    chunks
}

fn of_stream(chunks: &[Chunk], stream: OutStream) -> Vec<(Vec<u8>, bool)> {
    let lines = all(chunks).into_iter().filter(|line| line.1 == stream);
    lines.map(|line| (line.4, line.5)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_splitting_gives_the_same_lines_of_each_stream(
        stdout in stream(),
        stderr in stream(),
        cuts in proptest::collection::vec((any::<bool>(), 0usize..5000), 0..60),
    ) {
        let streams = [stdout, stderr];
        let (whole, split) = (cut(&streams, &[]), cut(&streams, &cuts));
        for (place, stream) in OutStream::ALL.into_iter().enumerate() {
            let lines = of_stream(&split, stream);
            prop_assert_eq!(&lines, &of_stream(&whole, stream));
            let mut joined: Vec<u8> = Vec::new();
            for (n, (bytes, goes_on)) in lines.iter().enumerate() {
                if n > 0 && !goes_on {
                    joined.push(b'\n');
                }
                joined.extend(bytes);
            }
            let bytes = streams[place].strip_suffix(b"\n").unwrap_or(&streams[place]);
            prop_assert_eq!(joined, bytes);
        }
    }

    #[test]
    fn a_window_read_from_a_mark_is_that_part_of_the_whole(
        stdout in proptest::collection::vec(stream(), 0..30),
        stderr in stream(),
        cuts in proptest::collection::vec((any::<bool>(), 0usize..9000), 0..90),
        page in 1usize..6,
        from in 0u64..400,
        count in 0u64..90,
    ) {
        let chunks = cut(&[stdout.concat(), stderr], &cuts);
        let mut index = LineIndex::default();
        for (number, chunks) in chunks.chunks(page).enumerate() {
            index.grow(chunks, number as u64 + 1);
        }
        let whole = all(&chunks);
        prop_assert_eq!(index.total(), whole.len() as u64);
        let mut window = Window::new(&index, from, from + count);
        let mut lines = Vec::new();
        for (number, chunks) in chunks.chunks(page).enumerate().skip(window.cursor() as usize) {
            window.feed(chunks, number as u64 + 1, &mut |piece| lines.push(own(piece)));
        }
        window.end(&mut |piece| lines.push(own(piece)));
        let wanted: Vec<_> = whole
            .into_iter()
            .skip(from as usize)
            .take(count as usize)
            .collect();
        prop_assert_eq!(lines, wanted);
    }
}
