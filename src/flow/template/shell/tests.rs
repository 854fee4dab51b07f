//! Where a value may stand in shell text.

use super::*;

fn takes(before: &str) -> Result<(), &'static str> {
    let mut shell = Shell::default();
    shell.literal(before);
    shell.value()
}

#[test]
fn a_value_may_stand_where_an_ordinary_word_does() {
    for before in [
        "",
        "echo ",
        "echo a",
        "v=",
        "echo 'x' ",
        "echo \"a b\" ",
        "x; ",
        "echo $(cat ",
        "echo \"$(cat ",
        "( ",
        "echo a#",
        "cat <<E\nbody's\nE\necho ",
        "cat <<<",
        "a[1] ",
        "case x in ",
        "# it's\necho ",
        "echo $(( 1 + 2 )) ",
        "echo ${x} ",
        "echo `id` ",
        "2>",
        "echo \\' ",
        "if x; then ",
        "echo $x ",
        "cat <<-'E'\n\tit's\n\tE\n",
    ] {
        assert_eq!(takes(before), Ok(()), "{before}");
    }
}

#[test]
fn a_value_is_refused_where_its_quotes_would_not_hold() {
    for before in [
        "'",
        "\"",
        "echo 'x",
        "echo \"$(id) ",
        "\\",
        "$",
        "echo `cat ",
        "echo ${x:-",
        "echo $((",
        "echo $'",
        "# ",
        "x #",
        "cat <<E\n",
        "cat <<E\n\tE\n",
        "cat <<",
        "a[",
        "eval ",
        "let x=",
        "eval a ",
        "((",
        "echo \"$(case x in a) echo ",
        "$[",
        "echo \"\\\\",
        "echo \"${x:-\"",
        "echo $'\\'' ",
        "x=$((1)",
    ] {
        assert!(takes(before).is_err(), "{before}");
    }
}
