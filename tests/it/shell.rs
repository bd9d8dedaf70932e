//! Bodies → commands: what is found, what it stands in, and that its places are right.

use std::collections::HashSet;

use harden::model::Dockerfile;
use harden::shell::{
    Body, Command, Dialect, Gap, GapKind, Guard, Nesting, Part, STACK_BYTES, Script, dialect_of, dialect_of_shebang,
    exec, script,
};
use harden::syntax::ast::{self, Arguments, Keyword};
use harden::text::{Source, Span};
use proptest::prelude::*;

use crate::support;

fn read(text: &str, dialect: Dialect) -> Script {
    script(&Body { file: text, span: Span::new(0, text.len() as u32), gaps: &[] }, dialect)
}

/// One line a command: pipeline and position, parent, nesting, guard, the words, and the file's text at the span where
/// that differs from the words.
fn show(file: &str, script: &Script) -> Vec<String> {
    let line = |command: &Command| {
        let nesting = match command.nesting {
            Nesting::Plain => "",
            Nesting::Conditional => "? ",
            Nesting::Function => "fn ",
            Nesting::Substitution => "$ ",
            Nesting::Process => "< ",
            Nesting::Argument => "> ",
        };
        let guard = match command.guard {
            Guard::Always => "",
            Guard::And => "&& ",
            Guard::Or => "|| ",
        };
        let parent = command.parent.map(|parent| format!("^{parent} ")).unwrap_or_default();
        let (pipeline, position) = command.pipeline;
        let words: Vec<&str> =
            std::iter::once(&command.name).chain(&command.arguments).map(|word| word.text.as_str()).collect();
        let written = &file[command.span.range()];
        let written = if words.join(" ") == written { String::new() } else { format!(" @ {written}") };
        format!("{pipeline}.{position} {parent}{nesting}{guard}{}{written}", words.join("|"))
    };
    script.commands.iter().map(line).collect()
}

#[track_caller]
fn check(dialect: Dialect, text: &str, expected: &[&str]) {
    let script = read(text, dialect);
    assert_eq!(show(text, &script), expected, "{text}");
    assert!(script.clean, "{text}");
}

#[track_caller]
fn posix(text: &str, expected: &[&str]) {
    check(Dialect::Posix, text, expected);
}

#[test]
fn chains_pipelines_and_groups() {
    posix("a x && b 'y z' || c; d", &["0.0 a|x", "1.0 && b|y z @ b 'y z'", "2.0 || c", "3.0 d"]);
    posix("a | b |& c && d", &["0.0 a", "0.1 b", "0.2 c", "1.0 && d"]);
    posix("(a || b) | c", &["0.0 a", "0.0 || b", "0.1 c"]);
    posix("{ a | b; c; } | d", &["0.0 a", "0.1 b", "0.0 c", "0.2 d"]);
    posix("x && { a; b; }", &["0.0 x", "1.0 && a", "2.0 b"]);
    posix("! a | b & c", &["0.0 a", "0.1 b", "1.0 c"]);
    posix("time a && exit 1", &["0.0 a", "1.0 && exit|1"]);
}

#[test]
fn branches_loops_and_functions() {
    posix(
        "if [[ -f x && $a == b* ]]; then c; elif d; then e; else f; fi",
        &["0.0 [[|-f|x|&&|$a|==|b*|]]", "1.0 ? c", "2.0 ? d", "3.0 ? e", "4.0 ? f"],
    );
    posix("while read l; do q \"$l\"; done < <(p)", &["0.0 read|l", "1.0 ? q|$l @ q \"$l\"", "2.0 < p"]);
    posix("for i in $(a); do b; done; until c; do d; done", &["0.0 $ a", "1.0 ? b", "2.0 c", "3.0 ? d"]);
    posix("case $x in a|b) c ;; *) d ;; esac", &["0.0 ? c", "1.0 ? d"]);
    posix("f() { a; if b; then c; fi; }; f", &["0.0 fn a", "1.0 fn b", "2.0 fn c", "3.0 f"]);
}

#[test]
fn words_lose_quotes_and_keep_what_is_expanded() {
    let text = r#"x 'a b' "c \"d\" \x" e\ f "$HOME/g"'h' ${V:-w} *.so {a,b} $'i\tj' `k` "$((1+2))" \$z $1"#;
    let script = read(text, Dialect::Posix);
    let words: Vec<&str> = script.commands[0].arguments.iter().map(|word| word.text.as_str()).collect();
    let expected =
        ["a b", "c \"d\" \\x", "e f", "$HOME/gh", "${V:-w}", "*.so", "{a,b}", "i\tj", "`k`", "$((1+2))", "$z", "$1"];
    assert_eq!(words, expected);
    let parts = |index: usize| script.commands[0].arguments[index].parts.as_slice();
    assert_eq!(parts(1), []);
    assert_eq!(parts(3), [Part::Variable("HOME".into()), Part::Literal("/gh".into())]);
    assert_eq!(parts(4), [Part::Modified("V".into())]);
    assert_eq!(parts(5), [Part::Pattern("*".into()), Part::Literal(".so".into())]);
    assert_eq!(parts(6), [Part::Pattern("{a,b}".into())]);
    assert_eq!(parts(8), [Part::Substitution]);
    assert_eq!(parts(10), []);
    assert_eq!(parts(11), [Part::Variable("1".into())]);
}

#[test]
fn assignments_and_redirects() {
    let text = "export A=1 B=\"x $(y)\"; C=2; D+=3 run -x 2>&1 >> /log {fd}<in &> all <<< here";
    let script = read(text, Dialect::Posix);
    let expected = [
        "0.0 export|A=1|B=x $(y) @ export A=1 B=\"x $(y)\"",
        "1.0 ^0 $ y",
        "2.0  @ C=2",
        "3.0 run|-x @ D+=3 run -x 2>&1 >> /log {fd}<in &> all <<< here",
    ];
    assert_eq!(show(text, &script), expected);
    let assigned = |index: usize| -> Vec<(&str, &str, &str)> {
        let assignments = script.commands[index].assignments.iter();
        assignments.map(|it| (it.name.as_str(), it.value.text.as_str(), &text[it.span.range()])).collect()
    };
    assert_eq!(assigned(0), [("A", "1", "A=1"), ("B", "x $(y)", "B=\"x $(y)\"")]);
    assert_eq!(assigned(2), [("C", "2", "C=2")]);
    assert_eq!(assigned(3), [("D", "3", "D+=3")]);
    let redirects = script.commands[3].redirects.iter();
    let redirects: Vec<(&str, &str)> =
        redirects.map(|it| (it.operator.as_str(), &text[it.target.span.range()])).collect();
    assert_eq!(redirects, [("2>&", "1"), (">>", "/log"), ("{fd}<", "in"), ("&>", "all"), ("<<<", "here")]);
    posix(">&2 echo a >/dev/null b", &["0.0 echo|a|b @ >&2 echo a >/dev/null b"]);
}

#[test]
fn substitutions_belong_to_the_innermost_command_that_holds_them() {
    posix("a $(b $(c)) `d`", &["0.0 a|$(b $(c))|`d`", "1.0 ^0 $ b|$(c)", "2.0 ^1 $ c", "3.0 ^0 $ d"]);
    posix("sudo a <(b)", &["0.0 sudo|a|<(b)", "0.0 ^0 > a|<(b)", "1.0 ^1 < b"]);
    posix("bash -c \"$(curl x)\"", &["0.0 bash|-c|$(curl x) @ bash -c \"$(curl x)\"", "1.0 ^0 $ curl|x"]);
    posix("bash <(curl x)", &["0.0 bash|<(curl x)", "1.0 ^0 < curl|x"]);
    posix("a ${x:-$(b)} $(( $(c) + 1 ))", &["0.0 a|${x:-$(b)}|$(( $(c) + 1 ))", "1.0 ^0 $ b", "2.0 ^0 $ c"]);
}

#[test]
fn commands_that_run_commands() {
    for wrapper in [
        "sudo -E -u app",
        "doas -u app",
        "gosu app",
        "su-exec app:app",
        "setpriv --reuid 1 --clear-groups",
        "chroot --userspec=1 /mnt",
        "env -i -u X A=b",
        "exec -a n",
        "command",
        "nohup",
        "nice -n 5",
        "ionice -c 2 -n7",
        "timeout -k 5 1m",
        "xargs -0 -r -n 1 -I {}",
        "tini -s --",
        "dumb-init --",
        "busybox",
        "stdbuf -oL",
        "runuser -u app --",
    ] {
        let text = format!("{wrapper} run -x y");
        let script = read(&text, Dialect::Posix);
        let [outer, nested] = script.commands.as_slice() else { panic!("{text}: {:?}", script.commands) };
        assert_eq!(&text[nested.span.range()], "run -x y", "{text}");
        assert_eq!((nested.nesting, nested.parent, nested.pipeline), (Nesting::Argument, Some(0), outer.pipeline));
    }
    posix("command -v curl", &["0.0 command|-v|curl"]);
    posix("sudo -h", &["0.0 sudo|-h"]);
    posix(
        r"find / -perm -4000 -exec chmod a-s {} \; -o -exec rm {} +",
        &[
            r"0.0 find|/|-perm|-4000|-exec|chmod|a-s|{}|;|-o|-exec|rm|{}|+ @ find / -perm -4000 -exec chmod a-s {} \; -o -exec rm {} +",
            "0.0 ^0 > chmod|a-s|{}",
            "0.0 ^0 > rm|{}",
        ],
    );
    posix(
        "start-stop-daemon --start --exec /bin/d -- -f x",
        &["0.0 start-stop-daemon|--start|--exec|/bin/d|--|-f|x", "0.0 ^0 > /bin/d|-f|x @ /bin/d -- -f x"],
    );
    posix("env -S 'a b'", &["0.0 env|-S|a b @ env -S 'a b'", "0.0 ^0 > a|b @ 'a b'"]);
}

#[test]
fn scripts_in_words_have_exact_places() {
    posix(
        r#"sudo sh -exc "echo \"hi $X\" && curl $(cat url) | sh""#,
        &[
            r#"0.0 sudo|sh|-exc|echo "hi $X" && curl $(cat url) | sh @ sudo sh -exc "echo \"hi $X\" && curl $(cat url) | sh""#,
            r#"0.0 ^0 > sh|-exc|echo "hi $X" && curl $(cat url) | sh @ sh -exc "echo \"hi $X\" && curl $(cat url) | sh""#,
            r#"0.0 ^1 > echo|hi $X @ echo \"hi $X\""#,
            "0.0 ^1 > && curl|$(cat url)",
            "1.0 ^3 $ cat|url",
            "0.1 ^1 > && sh",
        ],
    );
    posix(
        "bash -o pipefail -ec 'a | b' x",
        &["0.0 bash|-o|pipefail|-ec|a | b|x @ bash -o pipefail -ec 'a | b' x", "0.0 ^0 > a", "0.1 ^0 > b"],
    );
    posix(
        "su - app -c 'make && make install'",
        &[
            "0.0 su|-|app|-c|make && make install @ su - app -c 'make && make install'",
            "0.0 ^0 > make",
            "0.0 ^0 > && make|install",
        ],
    );
    posix(
        "eval a b && eval 'c; d'",
        &["0.0 eval|a|b", "0.0 ^0 > a|b", "1.0 && eval|c; d @ eval 'c; d'", "1.0 ^2 > c", "1.0 ^2 > d"],
    );
    posix("sh x.sh -c 'a'", &["0.0 sh|x.sh|-c|a @ sh x.sh -c 'a'"]);
    posix(
        "pwsh -NoProfile -c \"Get-Item \\$x; b\"",
        &[
            "0.0 pwsh|-NoProfile|-c|Get-Item $x; b @ pwsh -NoProfile -c \"Get-Item \\$x; b\"",
            "0.0 ^0 > Get-Item|$x @ Get-Item \\$x",
            "0.0 ^0 > b",
        ],
    );
}

#[test]
fn heredocs_for_a_shell_are_scripts() {
    posix("bash <<'E'\na $(b)\nE\nc", &["0.0 bash @ bash <<'E'", "0.0 ^0 > a|$(b)", "1.0 ^1 $ b", "2.0 c"]);
    posix("<<E sh -ex\na\nE\n", &["0.0 sh|-ex @ <<E sh -ex", "0.0 ^0 > a"]);
    posix(
        "cat <<E | sudo sh\na \\$x $(b)\nE\n",
        &["0.0 cat @ cat <<E", "0.1 sudo|sh", "0.1 ^1 > sh", "0.1 ^2 > a|$x|$(b) @ a \\$x $(b)", "1.0 ^0 $ b"],
    );
    posix("cat <<E > f\n$(a)\nrm x\nE\n", &["0.0 cat @ cat <<E > f", "1.0 ^0 $ a"]);
    posix("python3 <<E\nimport os\nE\n", &["0.0 python3 @ python3 <<E"]);
    posix("sh <<< 'a b'", &["0.0 sh @ sh <<< 'a b'", "0.0 ^0 > a|b"]);
}

/// A body as Docker's reader hands it over: gaps are found by the test, as `\⏎` and comment lines.
#[test]
fn what_docker_takes_out_does_not_reach_the_shell() {
    let text = "RUN apt-get install -y \\  \n  # why\n\n  curl\\\n-dev 'a\\\n b' && `\n rm x\r\n";
    let gap = |piece: &str, kind| {
        let start = text.find(piece).expect("the piece is there") as u32;
        Gap { span: Span::new(start, start + piece.len() as u32), kind }
    };
    let gaps = [
        gap("\\  \n", GapKind::Continuation),
        gap("  # why\n", GapKind::Line),
        gap("\n  curl", GapKind::Line),
        gap("\\\n-dev", GapKind::Continuation),
        gap("\\\n b", GapKind::Continuation),
        gap("`\n", GapKind::Continuation),
    ]
    .map(|gap| Gap { span: Span::new(gap.span.start, gap.span.end.min(gap.span.start + 8)), ..gap });
    let shorten = |gap: Gap, length| Gap { span: Span::new(gap.span.start, gap.span.start + length), ..gap };
    let gaps = [gaps[0], gaps[1], shorten(gaps[2], 1), shorten(gaps[3], 2), shorten(gaps[4], 2), gaps[5]];
    let body = Body { file: text, span: Span::new(4, text.len() as u32), gaps: &gaps };
    let script = script(&body, Dialect::Posix);
    assert!(script.clean);
    let lines = [
        "0.0 apt-get|install|-y|curl-dev|a b @ apt-get install -y \\  \n  # why\n\n  curl\\\n-dev 'a\\\n b'",
        "1.0 && rm|x",
    ];
    assert_eq!(show(text, &script), lines);
    assert_eq!(&text[script.commands[0].arguments[2].span.range()], "curl\\\n-dev");
    // In a heredoc's script the backslash is the shell's own business.
    posix("a 'x\\\ny' b\\\nc", &["0.0 a|x\\\ny|bc @ a 'x\\\ny' b\\\nc"]);
}

#[test]
fn exec_form_is_one_command_with_what_it_runs() {
    let file = r#"["/bin/sh", "-c", "a && b"]["tini", "--", "x\ty"]["sh", "-c", "p \"q\""]"#;
    let words = |texts: &[(&str, &str)]| -> Vec<(String, Span)> {
        let place = |raw: &str| file.find(raw).expect("the word is there") as u32;
        let word =
            |(text, raw): &(&str, &str)| ((*text).to_owned(), Span::new(place(raw), place(raw) + raw.len() as u32));
        texts.iter().map(word).collect()
    };
    let script = exec(&words(&[("/bin/sh", "\"/bin/sh\""), ("-c", "\"-c\""), ("a && b", "\"a && b\"")]));
    let expected = ["0.0 /bin/sh|-c|a && b @ \"/bin/sh\", \"-c\", \"a && b\"", "0.0 ^0 > a", "0.0 ^0 > && b"];
    assert_eq!(show(file, &script), expected);
    let script = exec(&words(&[("tini", "\"tini\""), ("--", "\"--\""), ("x\ty", "\"x\\ty\"")]));
    assert_eq!(show(file, &script)[1], "0.0 ^0 > x\ty @ \"x\\ty\"");
    // Escapes in the string: the word is the closest place there is.
    let script = exec(&words(&[("sh", "\"sh\""), ("-c", "\"-c\""), ("p \"q\"", "\"p \\\"q\\\"\"")]));
    assert_eq!(show(file, &script)[1], "0.0 ^0 > p|q @ \"p \\\"q\\\"\"");
    assert!(exec(&[]).commands.is_empty());
}

#[test]
fn cmd_exe() {
    let cmd = |text: &str, expected: &[&str]| check(Dialect::Cmd, text, expected);
    cmd(
        "mkdir C:\\a && if not exist \"%T%\\x y\" (echo a ^& b > c 2>&1) else del /q x || exit /b 1",
        &["0.0 mkdir|C:\\a", "1.0 ? && echo|a|&|b @ echo a ^& b > c 2>&1", "2.0 ? del|/q|x", "3.0 ? || exit|/b|1"],
    );
    cmd(
        "for %i in (a b) do @call foo %i | find \"x\" & rem y & z",
        &["0.0 ? call|foo|%i", "0.0 ^0 > foo|%i", "0.1 ? find|x @ find \"x\""],
    );
    cmd(
        "powershell -NoProfile -Command \"iwr $env:U; b \\\"c\\\"\"",
        &[
            "0.0 powershell|-NoProfile|-Command|iwr $env:U; b \"c\" @ powershell -NoProfile -Command \"iwr $env:U; b \\\"c\\\"\"",
            "0.0 ^0 > iwr|$env:U",
            "0.0 ^0 > b|c @ b \\\"c\\\"",
        ],
    );
    cmd("powershell -Command a x ; b y", &["0.0 powershell|-Command|a|x|;|b|y", "0.0 ^0 > a|x", "0.0 ^0 > b|y"]);
    let text = "set \"A=b c\"& setx /M PATH \"%PATH%;C:\\x\"";
    let script = read(text, Dialect::Cmd);
    let set = &script.commands[0].assignments[0];
    assert_eq!((set.name.as_str(), set.value.text.as_str(), &text[set.value.span.range()]), ("A", "b c", "b c"));
    let path = &script.commands[1].assignments[0];
    assert_eq!(path.name, "PATH");
    assert_eq!(path.value.parts, [Part::Variable("PATH".into()), Part::Literal(";C:\\x".into())]);
}

#[test]
fn powershell() {
    let powershell = |text: &str, expected: &[&str]| check(Dialect::PowerShell, text, expected);
    powershell(
        "Get-X 'it''s' \"a`\"b $v\" -P:1 `\n -Q | Sort <# c | d #> ; & 'C:\\p f\\x.exe' /S # e; f",
        &[
            "0.0 Get-X|it's|a\"b $v|-P:1|-Q @ Get-X 'it''s' \"a`\"b $v\" -P:1 `\n -Q",
            "0.1 Sort",
            "1.0 C:\\p f\\x.exe|/S @ & 'C:\\p f\\x.exe' /S",
        ],
    );
    powershell(
        "if (Test-Path x) { a } else { b }\nforeach ($f in ls) { c $f }; try { d } catch [E] { e }; function g($x) { h }",
        &["0.0 Test-Path|x", "1.0 ? a", "2.0 ? b", "3.0 ls", "4.0 ? c|$f", "5.0 d", "6.0 ? e", "7.0 fn h"],
    );
    powershell(
        "iex ((New-Object Net.WebClient).DownloadString('https://x'))",
        &[
            "0.0 iex|((New-Object Net.WebClient).DownloadString('https://x'))",
            "1.0 ^0 $ |(New-Object Net.WebClient).DownloadString('https://x') @ (New-Object Net.WebClient).DownloadString('https://x')",
            "2.0 ^1 $ New-Object|Net.WebClient",
            "3.0 ^1 $ |https://x @ 'https://x'",
        ],
    );
    powershell(
        "ls | % { rm $_ }; Start-Process msiexec -ArgumentList '/i', 'a.msi' -Wait; iex 'p; q'",
        &[
            "0.0 ls",
            "0.1 %|{ rm $_ }",
            "0.1 ^1 > rm|$_",
            "1.0 Start-Process|msiexec|-ArgumentList|/i,|a.msi|-Wait @ Start-Process msiexec -ArgumentList '/i', 'a.msi' -Wait",
            "1.0 ^3 > msiexec|/i|a.msi @ msiexec -ArgumentList '/i', 'a.msi'",
            "2.0 iex|p; q @ iex 'p; q'",
            "2.0 ^5 > p",
            "2.0 ^5 > q",
        ],
    );
    let text = "$env:A = 'b'; $h = (Get-FileHash z).Hash";
    let script = read(text, Dialect::PowerShell);
    let set = &script.commands[0].assignments[0];
    assert_eq!((set.name.as_str(), set.value.literal()), ("env:A", Some("b")));
    assert_eq!(show(text, &script)[2], "2.0 ^1 $ Get-FileHash|z");
}

#[test]
fn shells_and_shebangs_name_their_dialect() {
    let argv = |words: &[&str]| dialect_of(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>());
    assert_eq!(argv(&["/bin/bash", "-o", "pipefail", "-c"]), Dialect::Posix);
    assert_eq!(argv(&["busybox", "sh", "-c"]), Dialect::Posix);
    assert_eq!(argv(&["C:\\Windows\\System32\\cmd.EXE", "/S", "/C"]), Dialect::Cmd);
    assert_eq!(argv(&["pwsh", "-Command", "$x"]), Dialect::PowerShell);
    assert_eq!(argv(&["/usr/bin/python3", "-c"]), Dialect::Other);
    assert_eq!(argv(&[]), Dialect::Other);
    assert_eq!(dialect_of_shebang("#!/usr/bin/env -S bash -e"), Some(Dialect::Posix));
    assert_eq!(dialect_of_shebang("#! /bin/ash"), Some(Dialect::Posix));
    assert_eq!(dialect_of_shebang("#!/usr/bin/env python3"), Some(Dialect::Other));
    assert_eq!(dialect_of_shebang("set -e"), None);
}

#[test]
fn a_stray_quote_or_bracket_costs_one_command() {
    let broken = |text: &str, expected: &[&str]| {
        let script = read(text, Dialect::Posix);
        assert_eq!(show(text, &script), expected, "{text}");
        assert!(!script.clean, "{text}");
    };
    broken("a && b 'c \\\n && d | e", &["0.0 a", "2.0 && d", "2.1 e"]);
    broken("a x && ( b; c", &["0.0 a|x", "1.0 && b", "2.0 c"]);
    broken("a || b ) && c", &["0.0 a", "1.0 || b", "2.0 && c"]);
    broken("if a; then b; c 'd", &["0.0 a", "1.0 b"]);
    assert_eq!(read("a \\", Dialect::Posix).commands.len(), 1);
    assert!(read("", Dialect::Posix).commands.is_empty());
    assert!(read("import os", Dialect::Other).commands.is_empty());
}

/// The shell-form bodies of RUN in the corpus that have no heredoc: the body as a file of its own, and its gaps.
fn corpus_bodies() -> Vec<(String, Vec<Gap>)> {
    let mut bodies = Vec::new();
    for (_, text) in support::dockerfiles() {
        for instruction in harden::syntax::parse(&Source::from(text.as_str())).instructions {
            let Arguments::Shell(word) = &instruction.arguments else { continue };
            if instruction.keyword != Keyword::Run || !instruction.heredocs.is_empty() {
                continue;
            }
            let start = word.span.start;
            let inside = instruction.gaps.iter().filter(|gap| word.span.contains(gap.span));
            let gaps = inside.map(|gap| Gap {
                span: Span::new(gap.span.start - start, gap.span.end - start),
                kind: match gap.kind {
                    ast::GapKind::Continuation => GapKind::Continuation,
                    _ => GapKind::Line,
                },
            });
            bodies.push((text[word.span.range()].to_owned(), gaps.collect()));
        }
    }
    bodies
}

/// What every answer keeps to, for any text.
fn check_laws(file: &str, script: &Script) {
    let mut last = 0;
    for (index, command) in script.commands.iter().enumerate() {
        assert!(command.span.start >= last, "ordered: {command:?}");
        last = command.span.start;
        assert!(command.parent.is_none_or(|parent| (parent as usize) < index), "behind its parent: {command:?}");
        let words = std::iter::once(&command.name).chain(&command.arguments);
        let targets = command.redirects.iter().map(|redirect| &redirect.target);
        let values = command.assignments.iter().map(|assignment| &assignment.value);
        let spans = words.chain(targets).chain(values).map(|word| word.span).chain([command.span]);
        for span in spans {
            assert!(file.get(span.range()).is_some(), "a slice of the file: {span:?} of {command:?}");
        }
    }
}

/// A change of these numbers is a change of what real files come to: look at the difference before writing it here.
#[test]
fn real_bodies_are_read_whole() {
    let files = support::dockerfiles();
    if files.is_empty() {
        return;
    }
    let mut counts = [[0_usize; 3]; 4];
    for (name, text) in &files {
        let file = Dockerfile::new(name, Source::from(text.as_str()));
        for instruction in file.instructions.iter().filter(|instruction| instruction.ast.keyword == Keyword::Run) {
            for script in &instruction.scripts {
                check_laws(text, script);
                let count = &mut counts[instruction.before.shell.dialect as usize];
                count[0] += 1;
                count[1] += usize::from(script.clean);
                count[2] += script.commands.len();
            }
        }
    }
    // Scripts, of them clean, commands: Posix, Cmd, PowerShell, Other. The POSIX ones that are not clean are Windows
    // files whose base does not tell.
    assert_eq!(counts, [[15_833, 15_830, 75_974], [305, 305, 2_353], [485, 485, 5_628], [0, 0, 0]]);
}

/// Undamaged commands that are still found when 500 real bodies are cut, or get a stray character, at random places.
#[test]
fn damage_to_real_bodies_stays_where_it_is() {
    let bodies = corpus_bodies();
    if bodies.is_empty() {
        return;
    }
    let mut state = 12345_u64;
    let mut random = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below.max(1)
    };
    let parse = |text: &str, gaps: &[Gap]| {
        script(&Body { file: text, span: Span::new(0, text.len() as u32), gaps }, Dialect::Posix)
    };
    for stray in ["", "'", "\"", "(", ")"] {
        let (mut undamaged, mut kept, mut bodies_done) = (0, 0, 0);
        while bodies_done < 500 {
            let (text, gaps) = &bodies[random(bodies.len())];
            let whole = parse(text, gaps);
            let at = random(text.len());
            if !whole.clean || whole.commands.len() < 3 || !text.is_char_boundary(at) {
                continue;
            }
            bodies_done += 1;
            let cut = stray.is_empty();
            let damaged = if cut { text[..at].to_owned() } else { [&text[..at], stray, &text[at..]].concat() };
            let at = at as u32;
            let shift = |gap: &Gap| match gap.span {
                span if span.end <= at => Some(*gap),
                span if span.start >= at && !cut => Some(Gap { span: Span::new(span.start + 1, span.end + 1), ..*gap }),
                _ => None,
            };
            let after = parse(&damaged, &gaps.iter().filter_map(shift).collect::<Vec<_>>());
            check_laws(&damaged, &after);
            let key = |command: &Command, shift: u32| {
                let arguments: Vec<String> = command.arguments.iter().map(|argument| argument.text.clone()).collect();
                (command.span.start + shift, command.name.text.clone(), arguments)
            };
            let found: HashSet<_> = after.commands.iter().map(|command| key(command, 0)).collect();
            for command in &whole.commands {
                let behind = command.span.start > at;
                if command.span.end < at || (behind && !cut) {
                    undamaged += 1;
                    kept += usize::from(found.contains(&key(command, u32::from(behind))));
                }
            }
        }
        assert!(kept * 100 >= undamaged * 94, "{stray:?}: {kept} of {undamaged}");
    }
}

/// Constructs that nest, each with what opens, fills and closes it.
const NESTS: [(&str, &str, &str); 24] = [
    ("(", "a", ")"),
    ("{ ", "a", "; }"),
    ("if a; then ", "b", "; fi"),
    ("while a; do ", "b", "; done"),
    ("case x in y) ", "b", ";; esac"),
    ("f() { ", "b", "; }"),
    ("echo $(", "a", ")"),
    ("echo \"$(", "a", ")\""),
    ("echo ${x:-", "a", "}"),
    ("$((", "1", "))"),
    ("cat <(", "a", ")"),
    ("[[ ( ", "a", " ) ]]"),
    ("(", "", ""),
    ("$(", "", ""),
    ("`", "", ""),
    ("{", "", ""),
    ("sh -c \"", "", ""),
    ("sudo ", "a", ""),
    ("eval ", "a", ""),
    ("a && ", "b", ""),
    ("a | ", "b", ""),
    ("x=(", "b", ")"),
    ("'", "b", ""),
    ("<<E ", "b", ""),
];

/// An overflow of the stack kills the test's process.
#[test]
fn deep_and_long_scripts_need_no_more_than_the_stated_stack() {
    let all = || {
        for depth in [10, 12, 13, 50, 99, 101, 400, 5_000] {
            for (open, inner, close) in NESTS {
                let text = open.repeat(depth) + inner + &close.repeat(depth);
                for dialect in [Dialect::Posix, Dialect::Cmd, Dialect::PowerShell] {
                    check_laws(&text, &read(&text, dialect));
                }
            }
        }
        // Deeper than what is read on the caller's stack, and whole all the same.
        let text = "(".repeat(60) + "a" + &")".repeat(60);
        assert!(read(&text, Dialect::Posix).clean);
        let text = "a && ".repeat(5_000) + "b";
        assert_eq!(read(&text, Dialect::Posix).commands.len(), 5_001);
    };
    let thread = std::thread::Builder::new().stack_size(STACK_BYTES).spawn(all).expect("a thread starts");
    thread.join().expect("nothing fails");
}

#[test]
fn big_scripts_are_bounded() {
    for unit in ["a", "a && ", "$(", "{a,", "$a[;", "a b c ", "é", "\0", "(a)", "\\\n", "sh -c '", "%a"] {
        let text = unit.repeat(200_000 / unit.len());
        for dialect in [Dialect::Posix, Dialect::Cmd, Dialect::PowerShell] {
            check_laws(&text, &read(&text, dialect));
        }
    }
    let many = read(&"a\n".repeat(300_000), Dialect::Posix);
    assert_eq!((many.commands.len(), many.clean), (1 << 18, false));
}

const FRAGMENTS: [&str; 44] = [
    "a",
    "apt-get install -y",
    " ",
    " ",
    "\n",
    "\\\n",
    "\\",
    "'",
    "\"",
    "`",
    "$(",
    "${",
    "$((",
    ")",
    "(",
    "{ ",
    "; }",
    "}",
    "&&",
    "||",
    "|",
    "&",
    ";",
    "<<E\n",
    "\nE\n",
    "<<-'X'\n",
    ">",
    "2>&1",
    "#",
    "sh -c ",
    "sudo ",
    "find . -exec ",
    "eval ",
    "é𝄞",
    "\0",
    "\r\n",
    "A=b ",
    "if ",
    "then ",
    "fi",
    "%x%",
    "^",
    "$x",
    "@'",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn any_text_has_an_answer_with_valid_places(
        pieces in prop::collection::vec(prop::sample::select(&FRAGMENTS[..]), 0..40),
        lead in "[ -~]{0,6}",
    ) {
        let body = pieces.concat();
        let file = format!("{lead}{body}");
        let span = Span::new(lead.len() as u32, file.len() as u32);
        for dialect in [Dialect::Posix, Dialect::Cmd, Dialect::PowerShell] {
            check_laws(&file, &script(&Body { file: &file, span, gaps: &[] }, dialect));
        }
        // Any gaps, right ones or not.
        let starts = file.match_indices("\\\n").map(|found| found.0 as u32);
        let gaps: Vec<Gap> =
            starts.map(|at| Gap { span: Span::new(at, at + 2), kind: GapKind::Continuation }).collect();
        check_laws(&file, &script(&Body { file: &file, span, gaps: &gaps }, Dialect::Posix));
    }
}
