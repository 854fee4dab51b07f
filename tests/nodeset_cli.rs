//! `conn nodeset` against the installed `nodeset`: the same output and exit code.

// A helper of tests may fail as a test does.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::{Case, Site, compare};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;

fn cases(lines: &[&str]) -> Vec<Case> {
    lines
        .iter()
        .map(|line| Case::new(&line.split(' ').collect::<Vec<_>>()))
        .collect()
}

#[test]
fn every_command_prints_the_same() {
    compare(
        "nodeset",
        "nodeset",
        &Site::new(),
        &cases(&[
            "-f web[1-5],db1 web6",
            "-e web[08-12] a",
            "-c web[1-5] web[3-9]",
            "--fold --quiet a b",
            "--expand r[1-2]n[1-3]",
            "--count r[1-2]n[1-3]",
            "-f -f a",
            "-fq a b",
            "-f",
            "-c",
            "-e",
            "",
            "-f -c a",
            "-f -l",
            "-q a",
            "-f --unknown a",
            "-z",
            "-f a -z --fold",
            "-f -- -5",
            "-R -f -- -5-3,8",
            "-f a[",
            "-f a[5-1]",
            "-f a,,b",
        ]),
    );
}

#[test]
fn operations_apply_in_the_same_order() {
    compare(
        "nodeset",
        "nodeset",
        &Site::new(),
        &cases(&[
            "-f n[1-9] -x n[2-3] n3 -i n[1-5] -X n[5-7]",
            "-f -x n2 n[1-3]",
            "-f -x n2 -a",
            "-f -a -x db1 -i web[1-4] -X web[3-8]",
            "-f -i n[1-3] -x n2 -X n9 n[1-9]",
            "-f -xn2 n[1-3] --exclude n1 n7",
            "-f n[1-9] --intersection n[2-4] --xor n3",
            "-f n[1-3] -x",
            "-f --exclude=n1 n[1-3]",
            "-f n[1-5]!n2&n[1-3]^n9",
            "-f n[1-5] --exclude=n1",
            "-R -f 1-9 -x 2-3 -i 1-5 -X 5-7",
            "-R -c -x 2 1-9",
        ]),
    );
}

#[test]
fn standard_input_is_read_alike() {
    let input = "web1 web[2-5]  # comment\n\ndb1,db2\nweb9\n# all comment\n";
    let with = |arguments: &[&str]| Case::with_input(arguments, input);
    compare(
        "nodeset",
        "nodeset",
        &Site::new(),
        &[
            with(&["-f"]),
            with(&["-c"]),
            with(&["-e", "-S", "\\n"]),
            with(&["-f", "-"]),
            with(&["-f", "web3", "-"]),
            with(&["-f", "web[1-3]", "-i", "-"]),
            with(&["-f", "web[1-3]", "-x", "-"]),
            with(&["-f", "web[1-3]", "-X", "-"]),
            with(&["-f", "-x", "web1"]),
            with(&["-f", "-x", "-", "web[1-9]"]),
            with(&["-ll", "-"]),
            with(&["-ll"]),
            with(&["-r"]),
            Case::with_input(&["-R", "-f"], "1 2-5\n9\n"),
            Case::with_input(&["-f", "-i", "-", "a"], ""),
            Case::with_input(&["-f"], ""),
            Case::with_input(&["-f"], "a[1 \n"),
            Case::with_input(&["-f"], "n1 n[2-5]!n3 n9,\n"),
            Case::with_input(&["-f"], "n1 n[2-5]!n3 n9\n"),
        ],
    );
}

#[test]
fn results_are_formed_alike() {
    compare(
        "nodeset",
        "nodeset",
        &Site::new(),
        &cases(&[
            "-f --autostep=3 n[1,3,5,7]",
            "-f --autostep=5 n[1,3,5,7]",
            "-f --autostep=auto n[1,3,5,7]",
            "-f --autostep=auto n[1,3]",
            "-f --autostep=50% n[1,3,5,7,20]",
            "-f --autostep=100% n[1,3,5,7,20]",
            "-f --autostep=x n1",
            "-f --autostep=3 r[1,3,5]n[2,4,6]",
            "--autostep=3 -R -f 1,3,5",
            "--autostep 4 -f n[0-20/2] --autostep",
            "-e -S , n[1-3]",
            "-e -S \\n n[1-3]",
            "-e -S \\t\\x41\\101\\q n[1-2]",
            "-e -S ' n[1-2]",
            "-e -S \\ n[1-2]",
            "-f -S ''' n[1-2]",
            "-e -S - n[1-2]",
            "-e --separator=: n[1-2]",
            "-e -O %s-ib0 n[1-3]",
            "-f -O %s-ib0 n[1-3]",
            "-f -O x[%s] n[1-3]",
            "-f -O 1%s n[1-3] a",
            "-c -O <%d> n[1-3]",
            "-c -O %05d%% n[1-3]",
            "-c -O %5s| n[1-3]",
            "-e -O %-6s| n[1-3]",
            "-e -O %r n[1-2]",
            "-f -O plain n1",
            "-f -O %s%s n1",
            "-f -O %d n1",
            "-R -f -O <%s> 1-5",
            "-R -e -O %s. 1-3,08-10",
            "-f -I 0 n[1-9]",
            "-f -I 2-4,7 n[1-9] a b",
            "-e -I 1-3 r[1-2]n[1-3]",
            "-f -I 0-99 n[1-9]",
            "-f -I 50 n[1-9]",
            "-f -I -3--2 n[1-9]",
            "-f -I x n[1-9]",
            "-R -f -I 1-2 5-9",
            "-R -f -I -3--2 5-9",
            "-f --slice=1 --autostep=3 n[1,3,5,7]",
            "-f --split=3 n[1-10]",
            "-e --split=3 n[1-10]",
            "-c --split=3 n[1-10] a",
            "-f --split=0 n[1-3]",
            "-f --split=1 n[1-3]",
            "-f --split=-1 n[1-3]",
            "-f --split=100 n[1-3]",
            "-f --split=0x2 n[1-3]",
            "-f --split=x n[1-3]",
            "-f --split=2 r[1-2]n[1-3]",
            "-R -f --split=2 1-5",
            "-f --contiguous n[1-3,5,9-10] a r[1,3]n[1-2,4-5]",
            "-e --contiguous n[1-3,5]",
            "-c --contiguous n[1-3,5]",
            "-R -f --contiguous 1-3,5",
            "-f --contiguous --split=2 n[1-3]",
            "-f --axis=1 r[1-2]n[1-2]",
            "-f --axis=2 r[1-2]n[1-2] n[1-3]",
            "-f --axis=-1 r[1-2]n[1-2] n[1-3]",
            "-f --axis -2 r[1-2]n[1-2] n[1-3]",
            "-f --axis=1,3 r[1-2]n[1-2]p[1-2]",
            "-f --axis=0 n[1-2]",
            "-f --axis=x n[1-2]",
            "-e --axis=1 n[1-2]",
            "-R -f --axis=1 1-2",
            "-f --axis=1 --split=2 r[1-2]n[1-4]",
            "-f --axis=1 -O %sx r[1-2]n[1-4]",
            "-c --pick=2 n[1-9]",
            "-c --pick=20 n[1-9]",
            "-c --pick=0 n[1-9]",
            "-f --pick=-1 n[1-9]",
            "-f --pick=9 n[1-9]",
            "-R -c --pick=2 1-9",
            "-c --pick=3 r[1-3]n[1-3] a b",
        ]),
    );
}

#[test]
fn groups_are_found_and_listed_alike() {
    compare(
        "nodeset",
        "nodeset",
        &Site::new(),
        &cases(&[
            "-f @rack1",
            "-f @rack[1-2]",
            "-f @nope",
            "-f @nowhere:x",
            "-f @roles:front",
            "-f @roles:back",
            "-f @racks:r2",
            "-f @racks:old",
            "-f @*",
            "-f @racks:*",
            "-f @roles:*",
            "-f @@racks",
            "-f @@",
            "-f @nolist:x",
            "-f @nolist:*",
            "-f @@nolist",
            "-f @failing:x",
            "-f @failing:*",
            "-f @rev:rack1",
            "-f @rev:*",
            "-f @reverse:io",
            "-s roles -f @front",
            "-s roles -f @*",
            "-s nowhere -f a",
            "-s roles -f -a",
            "-s racks -f -a",
            "-s nolist -f -a",
            "-s failing -f -a",
            "-f -a",
            "-e -a",
            "-c -a -x @io",
            "-f web*",
            "-f *[1-2]",
            "-f web? -x *4",
            "-f *!web*",
            "-s racks -f db*",
            "-f @rack1!@adm",
            "-l",
            "-ll",
            "-lll",
            "-L",
            "-LL",
            "-LLL",
            "-l -s racks",
            "-ll -s racks",
            "-lll -s racks -G",
            "-l -s nolist",
            "-l -s failing",
            "-L -s roles",
            "-L -s roles -G",
            "-l web1",
            "-ll web[1-4]",
            "-lll web[1-4] db1",
            "-lll -s racks web[1-4] db2",
            "-lll -G -s racks web[1-4] db2",
            "-lll -a",
            "-ll -i web1 web[1-5]",
            "-l web99",
            "-ll -s rev web1",
            "-ll -s rev web[1-9]",
            "-r web[1-6]",
            "-r web[1-7]",
            "-r web[1-9] db1",
            "-r -a",
            "-r -s racks web[1-6] db2 x",
            "-r -s racks -G web[1-6] db2 x",
            "-r -s rev web[1-3]",
            "-r -O <%s> web[1-3]",
            "-r --split=2 web[1-6]",
            "-r x y",
            "-R -r 1",
            "-R -a -f",
            "-s roles -R -f 1-3",
            "--list-sources",
            "--groupsources",
            "--list-sources -q",
            "--list-sources -s racks",
            "-f -s -x a",
            "-d -f @rack1",
            "--groupsconf=/nonexistent -f a",
            "--groupsconf=/nonexistent -f @a",
            "--groupsconf=/nonexistent -L",
            "--groupsconf=/nonexistent -l",
            "--groupsconf=/nonexistent --list-sources",
        ]),
    );
}

#[test]
fn random_option_mixes_print_the_same() {
    let set = prop_oneof![
        Just("n[1-9]"),
        Just("n[2-20/3]"),
        Just("a"),
        Just("n[08-11]"),
        Just("r[1-3]n[1-2]"),
        Just("r2n[2-5]"),
        Just("@rack1"),
        Just("@racks:*"),
        Just("web?"),
        Just("r1n1,r2n2,r3n1"),
    ];
    let operation = prop_oneof![4 => Just(""), 1 => Just("-x"), 1 => Just("-i"), 1 => Just("-X")];
    let form = prop_oneof![
        Just("-f"),
        Just("-e"),
        Just("-c"),
        Just("-r"),
        Just("-f --split=3"),
        Just("-e --contiguous"),
        Just("-f -I 1-4"),
        Just("-f --axis=1"),
        Just("-e -S ,"),
        Just("-f -O %s-x"),
        Just("-f --autostep=auto"),
        Just("-lll"),
    ];
    let case =
        (form, proptest::collection::vec((operation, set), 1..6)).prop_map(|(form, sets)| {
            let words = sets.iter().flat_map(|(operation, set)| [*operation, *set]);
            let words: Vec<&str> = form
                .split(' ')
                .chain(words)
                .filter(|word| !word.is_empty())
                .collect();
            Case::new(&words)
        });
    let mut runner = TestRunner::deterministic();
    let cases: Vec<Case> = (0..250)
        .map(|_| case.new_tree(&mut runner).unwrap().current())
        .collect();
    compare("nodeset", "nodeset", &Site::new(), &cases);
}

#[test]
fn random_formats_and_separators_are_read_alike() {
    let piece = prop_oneof![
        Just("%s"),
        Just("%%"),
        Just("%d"),
        Just("%5s"),
        Just("%-5s"),
        Just("%.2s"),
        Just("%05d"),
        Just("%+d"),
        Just("% x"),
        Just("%#x"),
        Just("%X"),
        Just("%o"),
        Just("%#o"),
        Just("%r"),
        Just("%a"),
        Just("%8.3d"),
        Just("%-8.3d|"),
        Just("%5%"),
        Just("%"),
        Just("%q"),
        Just("%*s"),
        Just("%(a)s"),
        Just("x"),
        Just("-"),
        Just("%+ 05d"),
        Just("%li"),
        Just("%-05x|"),
    ];
    let format = proptest::collection::vec(piece, 1..3).prop_map(|pieces| pieces.concat());
    let escape = prop_oneof![
        Just("\\n"),
        Just("\\t"),
        Just("\\"),
        Just("'"),
        Just("\""),
        Just("\\x41"),
        Just("\\x4"),
        Just("\\101"),
        Just("\\7"),
        Just("\\u00e9"),
        Just("\\ud800"),
        Just("\\N{x}"),
        Just("\\q"),
        Just("a"),
        Just("\\'"),
        Just("\\\\"),
        Just("''"),
        Just("\n"),
    ];
    let separator = proptest::collection::vec(escape, 1..4).prop_map(|pieces| pieces.concat());
    let mut runner = TestRunner::deterministic();
    let cases: Vec<Case> = (0..250)
        .map(|number| {
            match (
                number % 4,
                format.new_tree(&mut runner),
                separator.new_tree(&mut runner),
            ) {
                (0, Ok(format), _) => Case::new(&["-e", "-O", &format.current(), "n[1-2]", "é"]),
                (1, Ok(format), _) => Case::new(&["-c", "-O", &format.current(), "n[1-30]"]),
                (2, Ok(format), _) => Case::new(&["-f", "-O", &format.current(), "n[1-3]"]),
                (_, _, Ok(separator)) => Case::new(&["-e", "-S", &separator.current(), "n[1-2]"]),
                _ => unreachable!(),
            }
        })
        .collect();
    compare("nodeset", "nodeset", &Site::new(), &cases);
}
