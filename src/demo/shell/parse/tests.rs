use super::*;

#[test]
fn what_the_small_shell_cannot_do_is_said_and_not_guessed() {
    for (text, why) in [
        ("exec 3>&1", "descriptor"),
        ("case x in a", "expected"),
        ("echo `date`", "backquote"),
        ("echo 'x", "Unterminated"),
        ("if true; then", "fi"),
        ("echo $(", "\")\" expected"),
        ("| cat", "\"|\" unexpected"),
        ("done", "\"done\" unexpected"),
        (";;", "unexpected"),
    ] {
        let error = parse(text).unwrap_err().to_string();
        assert!(error.contains(why), "{text}: {error}");
    }
}

#[test]
fn depth_is_limited_and_length_is_not() {
    let deep = format!("{}true{}", "(".repeat(5000), ")".repeat(5000));
    assert!(parse(&deep).is_err());
    let long = vec!["true"; 20_000];
    assert!(parse(&long.join(" && ")).is_ok());
    assert!(parse(&long.join(" | ")).is_ok());
    assert!(parse(&long.join("; ")).is_ok());
}

proptest::proptest! {
    #[test]
    fn no_text_panics_or_hangs(text in "[ a-c|&;<>(){}$\"'\\\\#!=\n*~`0-9:-]{0,60}") {
        let _ = parse(&text);
    }

    #[test]
    fn no_words_of_the_grammar_panic(words in proptest::collection::vec(
        proptest::sample::select(vec![
            "if", "then", "case", "esac", ";;", "f()", "<<E", "E\n", "&", "${x%%", "fi", "for", "i", "in", "do", "done", "while", "{", "}", "(", ")", ";",
            "\n", "&&", "||", "|", "!", ">", "2>&1", "<", "$(", "$((", "${x", ":-", "'", "\"", "a=",
        ]), 0..30)) {
        let _ = parse(&words.join(" "));
    }
}
