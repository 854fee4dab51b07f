//! The demo's small shell against a real one: what both know, both must do alike.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test's helper fails its test"
)]

use std::process::{Command, Stdio};

use theconn::demo::Fleet;

const SCRIPTS: &[&str] = &[
    "echo a  b 'c  d' \"e  f\"",
    "echo \"it's\" 'a\"b' a\\ b \\$HOME",
    "x=1; echo $x ${x} \"$x\" '$x' ${y:-none} \"${y-no ne}\"",
    "x='a  b'; echo $x; echo \"$x\"",
    "x=' a '; echo -$x-",
    "echo $(echo in; echo side) \"$(printf 'a\\nb')\"",
    "echo $((2+3*4)) $(( (2+3)*4 )) $((7/2)) $((7%4)) $((1<2)) $((x=0))x",
    "true && echo yes || echo no",
    "false && echo yes || echo no",
    "false || false || echo third",
    "! true; echo $?; ! false; echo $?",
    "if false; then echo a; elif true; then echo b; else echo c; fi",
    "if false; then echo a; fi; echo $?",
    "for i in 1 2 3; do echo $i; done",
    "for i in a b c d; do if [ $i = b ]; then continue; fi; if [ $i = d ]; then break; fi; echo $i; done",
    "i=0; while [ $i -lt 3 ]; do echo $i; i=$((i+1)); done; echo end $i",
    "i=0; until [ $i -ge 2 ]; do i=$((i+1)); done; echo $i",
    "seq 5 | while read n; do echo n=$n; done",
    "printf 'a b c\\n' | { read x y; echo \"$y-$x\"; }",
    "(x=1; echo $x); echo \"[$x]\"",
    "{ echo a; echo b; } | wc -l",
    "{ echo out; echo err >&2; } 2>&1 | sort",
    "echo lost 2>/dev/null >/dev/null; echo kept",
    "echo x >/nonexistent/file; echo $?",
    "cat /nonexistent 2>/dev/null; echo $?",
    "exit 3",
    "(exit 4); echo $?",
    "sh -c 'exit 5'; echo $?",
    "sh -c 'echo $1 $#' name one two",
    "sh -c 'echo \"$@\"; for a in \"$@\"; do echo \"<$a>\"; done' n 'a b' c",
    "x=outer; x=inner sh -c 'echo $x'; echo $x",
    "set -- p q; echo $# $1 $2; shift; echo $1",
    "echo one; # a comment\necho two # another",
    "echo a\\\nb",
    "echo 'unterminated",
    "echo )",
    "if true; then echo x",
    "printf '%s-%s\\n' a b c d",
    "printf '%5s|%-5s|%03d\\n' a b 7",
    "printf 'no newline'",
    "printf '\\t\\\\x\\n'",
    "seq 3",
    "seq 2 2 7",
    "seq 3 -1 1",
    "seq 100 | head -n 2; seq 100 | tail -n 2",
    "seq 20 | grep 1 | wc -l",
    "seq 20 | grep -c '^1'",
    "seq 20 | grep -v 1 | head -3",
    "printf 'Ab\\nab\\nxy\\n' | grep -i '^a.*b$'",
    "printf 'a.c\\nabc\\n' | grep -F a.c; printf 'a.c\\nabc\\n' | grep 'a\\.c'",
    "grep x /dev/null; echo $?",
    "printf 'b\\na\\nb\\n' | sort | uniq -c | tr -d ' '",
    "printf '10\\n9\\n8\\n' | sort -n; printf '10\\n9\\n8\\n' | sort -r",
    "printf 'a:b:c\\n' | cut -d: -f1,3",
    "echo hello | tr a-z A-Z",
    "echo hello | sha256sum",
    "printf 'a b\\nc\\n' | wc -w",
    "test -z '' && echo empty; [ a != b ] && echo differ; [ 2 -gt 10 ]; echo $?",
    "basename /a/b/c; dirname /a/b/c; dirname x",
    "yes | head -n 3",
    "seq 100000 | tail -n 1",
    "nosuchcommand; echo $?",
    "f() { echo \"<$1>\" $#; return 3; }; f a b; echo $? $#",
    "f() { x=set; set -- q; echo $1; }; f; echo $x $#",
    "f () (x=lost; echo in); f; echo \"[$x]\"",
    "g() { for i in 1 2 3; do [ $i = 2 ] && return 7; echo $i; done; }; g; echo $?",
    "case abc in a*c) echo glob;; *) echo other;; esac",
    "case 'a) b' in *') '*) echo yes;; esac; case x in y|x) echo alt;; esac",
    "case q in (a) echo a;; esac; echo $?; case '*' in '*') echo star; esac",
    "case - in [!a-z]) echo sign;; [a-z]) echo letter;; esac",
    "l='12 (sh) S 1 2'; echo ${l%% *} ${l##*) } ${l#* } ${l% *}",
    "p=/a/b.tar.gz; echo ${p##*/} ${p%.*} ${p%%.*} ${#p} ${p#/a}",
    "echo ${u:+set}${p:+set} ${u:=new} $u ${u+x}",
    "set -- 1 2 3 4 5 6 7 8 9 ten; echo ${10} $10",
    "cat <<E\none $((1+1)) $(echo three)\n\\$x 'q' \"r\"\nE\necho after",
    "cat <<'E' | wc -l; echo next\n$x\n`\nE\n",
    "while read a b; do s=\"$s<$b$a>\"; done <<E\n1 2\n3 4 5\nE\necho $s",
    "IFS= read -r l <<E\n  keep  \nE\necho \"[$l]\"",
    "sleep 0.1 & wait $!; echo $?; (exit 6) & wait $!; echo $?",
    "sh -c 'kill -TERM $$'; echo $?",
    "sleep 60 & kill $!; wait $!; echo $?",
    "printf %b 'a\\0101\\n\\0134'; printf '%s\\n' 'a\\nb'",
    "eval \"$(printf %b 'echo a\\0012echo b')\"",
    "exec echo only; echo never",
    "sh -c 'exec sh -c \"exit 9\"; echo never'; echo $?",
    "x='*'; echo \"$x\" '*' \\*; case '*x' in \"$x\") echo no;; $x) echo yes;; esac",
    "for-each 2>/dev/null; echo $?; do_it=1; echo $do_it",
    "true; { false || true; } && echo grouped",
    "cd /tmp && rm -f conn-demo.f && mkfifo conn-demo.f && { cat < conn-demo.f & echo through > conn-demo.f; wait; }; rm conn-demo.f",
    "cd /tmp && printf 'abcdef' > conn-demo.x && printf 'XY' 1<> conn-demo.x && cat conn-demo.x; rm conn-demo.x",
    "printf 'abcdef' | tail -c +3; printf 'a\\nb\\nc\\n' | tail -n +2; printf 'abcdef' | tail -c 2",
    "printf 'abcdef' | { head -c 0; cat; }; printf 'abc' | LC_ALL=C dd bs=65536 count=2 2>/dev/null",
    "printf 'abc' | dd bs=2 count=1 2>/dev/null; printf abc | dd bs=8 2>&1 >/dev/null | head -n 1",
    "umask 077; mkdir /tmp/conn-demo.d && ls -ld /tmp/conn-demo.d | head -c 10; rmdir /tmp/conn-demo.d",
    "mkdir /tmp/conn-demo.e; mkdir /tmp/conn-demo.e 2>/dev/null || echo there; rmdir /tmp/conn-demo.e",
    "setsid sh -c 'exit 8'; echo $?; nohup sh -c 'exit 2' 2>/dev/null; echo $?",
    "i=0; until [ $i = 2 ] && [ -n x ] || [ $i -ge 9 ]; do i=$((i+1)); done; echo $i",
    "printf '%8s|\\n' ''; printf '.\\n' || exit 9",
    "echo 'echo in; exit 3' | sh; echo $?",
    "printf '{\\necho a\\ncat <<E\\nb\\nE\\nexit 4\\n}\\necho never' | sh; echo $?",
    "sh -c 'kill -KILL $$' 2>&1; echo $?",
    "exec 2>&1; echo to 2 >&2; (exec >/dev/null; echo lost); echo kept",
    "cd /tmp; exec > conn-demo.o; echo into; { echo group; } >&2; cat conn-demo.o >&2; rm conn-demo.o",
    "set -- a b c d e; shift 2; echo $1 $#; shift; echo $#",
    "false; x=1; echo $?; x=$(false); echo $?; x=1 y=$x; echo $y; z=$? echo $?",
    "false; rc=$?; echo $rc; x=$(exit 3) true; echo $?",
    "f() { cat; }; echo piped | f | { read x; echo got $x; }",
    "[ -r /etc/passwd ] && [ ! -e /no ] && echo files",
];

/// Standard output and status of a script in dash.
fn real(script: &str) -> (String, Option<i32>) {
    let out = Command::new("dash")
        .args(["-c", script])
        .stdin(Stdio::null())
        .env_remove("x")
        .env_remove("y")
        .output()
        .expect("this test needs dash: apt-get install dash");
    (String::from_utf8(out.stdout).unwrap(), out.status.code())
}

#[test]
fn what_both_shells_know_both_do_alike() {
    let dir = tempfile::tempdir().unwrap();
    let fleet = Fleet::start(dir.path()).unwrap();
    let played = |script: &str| {
        let out = Command::new("ssh")
            .arg("-F")
            .arg(&fleet.files().ssh_config)
            .args(["-o", "ControlMaster=auto", "-o", "ControlPersist=5", "-S"])
            .arg(dir.path().join("mux"))
            .args(["web01", script])
            .stdin(Stdio::null())
            .output()
            .expect("this test needs OpenSSH's ssh: apt-get install openssh-client");
        (String::from_utf8(out.stdout).unwrap(), out.status.code())
    };
    let different: Vec<_> = SCRIPTS
        .iter()
        .map(|script| (script, played(script), real(script)))
        .filter(|(_, played, real)| played != real)
        .collect();
    assert!(different.is_empty(), "script, played, real: {different:#?}");
}
