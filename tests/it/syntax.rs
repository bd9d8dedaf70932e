//! The Dockerfile language's edges, one test each, and the trees of `testdata/syntax`.
//!
//! Expectations are BuildKit's: each was checked against its parser, or its source where that is newer.

use std::fmt::Write as _;
use std::path::Path;

use harden::syntax::ast::{Arguments, Instruction};
use harden::syntax::{Parse, Tree, parse, parse_tree};
use harden::text::Source;

use crate::support;

/// One line an instruction: its name, flags, whether it is exec form, its words, its heredocs.
fn outline(text: &str) -> Vec<String> {
    let source = Source::from(text);
    let (parse, tree) = parse_tree(&source);
    assert_eq!(tree.bytes(), text.as_bytes());
    parse.instructions.iter().map(|instruction| line(text, instruction)).collect()
}

fn line(text: &str, instruction: &Instruction) -> String {
    let mut line = instruction.name.text.clone();
    for flag in &instruction.flags {
        let value = flag.value.as_ref().map_or(String::new(), |value| format!("={}", value.text));
        let _ = write!(line, " --{}{value}", flag.name);
    }
    arguments(text, &instruction.arguments, &mut line);
    // An ONBUILD has the heredocs of its trigger.
    let shown = !matches!(instruction.arguments, Arguments::Onbuild(_));
    for heredoc in instruction.heredocs.iter().filter(|_| shown) {
        let (dash, expand) = (if heredoc.chomp { "-" } else { "" }, if heredoc.expand { "" } else { " as is" });
        let content = &text[heredoc.content.range()];
        let _ = write!(line, " {}<<{dash}{}{expand} {content:?}", heredoc.descriptor, heredoc.name);
    }
    line
}

fn arguments(text: &str, arguments_of: &Arguments, line: &mut String) {
    match arguments_of {
        Arguments::None => {}
        Arguments::Words(words) => {
            for word in words {
                let _ = write!(line, " {:?}", word.text);
            }
        }
        Arguments::Exec(words) => {
            let words: Vec<&str> = words.iter().map(|word| word.text.as_str()).collect();
            let _ = write!(line, " {words:?}");
        }
        Arguments::Shell(body) => {
            let _ = write!(line, " sh {:?}", body.text);
        }
        Arguments::Health(kind, command) => {
            let _ = write!(line, " {}", kind.text);
            arguments(text, command, line);
        }
        Arguments::Pairs(pairs) => {
            for pair in pairs {
                let sign = if pair.equals { '=' } else { ' ' };
                let _ = write!(line, " {:?}{sign}{:?}", pair.name.text, pair.value.text);
            }
        }
        Arguments::Onbuild(trigger) => {
            let _ = write!(line, " {}", self::line(text, trigger));
        }
    }
}

/// What is refused, in order.
fn errors(text: &str) -> Vec<String> {
    parse(&Source::from(text)).errors.into_iter().map(|error| error.message).collect()
}

/// The outline of instructions behind a FROM, all of them taken.
fn accepted(text: &str) -> Vec<String> {
    let text = format!("FROM a\n{text}");
    assert_eq!(errors(&text), [""; 0], "{text}");
    outline(&text).split_off(1)
}

#[test]
fn heredoc_behind_a_continuation() {
    assert_eq!(
        accepted("RUN cat \\\n  <<EOF\nhi\nEOF\nCMD b"),
        [r#"RUN sh "cat   <<EOF" 0<<EOF "hi\n""#, r#"CMD sh "b""#]
    );
}

#[test]
fn several_heredocs_on_a_line() {
    assert_eq!(
        accepted("RUN <<A cat >a && <<B cat >b\n1\nA\n2\nB\nCOPY <<x <<y /d/\nx\ny\n"),
        [r#"RUN sh "<<A cat >a && <<B cat >b" 0<<A "1\n" 0<<B "2\n""#, r#"COPY "<<x" "<<y" "/d/" 0<<x "" 0<<y """#]
    );
}

#[test]
fn dash_lets_tabs_stand_before_the_terminator_only_there() {
    assert_eq!(accepted("RUN <<-EOF\n\thi\n\tEOF\n"), [r#"RUN sh "<<-EOF" 0<<-EOF "\thi\n""#]);
    assert_eq!(accepted("RUN <<EOF\n\tEOF\nEOF\n"), [r#"RUN sh "<<EOF" 0<<EOF "\tEOF\n""#]);
    assert_eq!(accepted("RUN <<-EOF\n  EOF\nEOF\n"), [r#"RUN sh "<<-EOF" 0<<-EOF "  EOF\n""#]);
}

#[test]
fn quoted_and_escaped_delimiters() {
    assert_eq!(accepted("RUN <<\"EOF\"\n$x\nEOF\n"), [r#"RUN sh "<<\"EOF\"" 0<<EOF as is "$x\n""#]);
    assert_eq!(accepted("RUN <<'E F'\n$x\nE F\n"), [r#"RUN sh "<<'E F'" 0<<E F as is "$x\n""#]);
    // A backslash goes, but unlike in a shell it does not switch expansion off.
    assert_eq!(accepted("RUN <<\\EOF\n$x\nEOF\n"), [r#"RUN sh "<<\\EOF" 0<<EOF "$x\n""#]);
}

#[test]
fn blanks_behind_the_heredoc_operator() {
    assert_eq!(accepted("RUN cat << EOF\nhi\nEOF\n"), [r#"RUN sh "cat << EOF" 0<<EOF "hi\n""#]);
    // The price that BuildKit pays for it: a shift is a heredoc that is never closed.
    assert_eq!(errors("FROM a\nRUN echo $((1 << 3))\nUSER b"), ["the heredoc `3))` is never closed"]);
    assert_eq!(outline("FROM a\nRUN echo $((1 << 3))\nUSER b")[2], r#"USER "b""#);
}

#[test]
fn digits_before_the_heredoc_operator() {
    assert_eq!(accepted("RUN cat 3<<EOF <&3\nhi\nEOF\n"), [r#"RUN sh "cat 3<<EOF <&3" 3<<EOF "hi\n""#]);
    assert_eq!(accepted("RUN cat x<<EOF\nCMD b"), [r#"RUN sh "cat x<<EOF""#, r#"CMD sh "b""#]);
}

#[test]
fn heredoc_in_add() {
    assert_eq!(accepted("ADD <<EOF /a\nhi\nEOF\n"), [r#"ADD "<<EOF" "/a" 0<<EOF "hi\n""#]);
}

#[test]
fn heredoc_in_onbuild() {
    let outline = accepted("ONBUILD RUN <<EOF\nhi\nEOF\nONBUILD COPY <<EOF /a\nhi\nEOF\n");
    assert_eq!(outline, [r#"ONBUILD RUN sh "<<EOF" 0<<EOF "hi\n""#, r#"ONBUILD COPY "<<EOF" "/a" 0<<EOF "hi\n""#]);
}

#[test]
fn heredoc_terminator_at_the_end_of_the_file() {
    assert_eq!(accepted("RUN <<EOF\nhi\nEOF"), [r#"RUN sh "<<EOF" 0<<EOF "hi\n""#]);
}

#[test]
fn instruction_right_behind_the_terminator() {
    let outline = accepted("RUN <<EOF\nhi\nEOF\nRUN b\nCOPY <<EOF /\n\nEOF\nUSER c");
    assert_eq!(
        outline,
        [r#"RUN sh "<<EOF" 0<<EOF "hi\n""#, r#"RUN sh "b""#, r#"COPY "<<EOF" "/" 0<<EOF "\n""#, r#"USER "c""#]
    );
}

#[test]
fn here_strings_open_no_heredoc() {
    assert_eq!(
        accepted("RUN cat <<< \"EOF\" && b <<<c\nCMD b"),
        [r#"RUN sh "cat <<< \"EOF\" && b <<<c""#, r#"CMD sh "b""#]
    );
}

#[test]
fn quoted_text_opens_no_heredoc() {
    assert_eq!(accepted("RUN echo \"<<EOF\" '<<EOF'\nCMD b"), [r#"RUN sh "echo \"<<EOF\" '<<EOF'""#, r#"CMD sh "b""#]);
}

#[test]
fn no_heredoc_where_the_instruction_takes_none() {
    assert_eq!(accepted("CMD cat <<EOF\nUSER b"), [r#"CMD sh "cat <<EOF""#, r#"USER "b""#]);
}

#[test]
fn heredoc_that_is_never_closed_ends_at_the_next_instruction() {
    let text = "FROM a\nRUN <<EOF\nrun me\nCOPYING x\nUSER b\n";
    assert_eq!(errors(text), ["the heredoc `EOF` is never closed"]);
    assert_eq!(outline(text)[1..], [r#"RUN sh "<<EOF" 0<<EOF "run me\nCOPYING x\n""#, r#"USER "b""#]);
}

#[test]
fn comments_inside_a_continuation() {
    assert_eq!(accepted("RUN a \\\n# one\n  \t# two\n  b \\\n#\nc"), [r#"RUN sh "a   b c""#]);
    // Not at its start, `#` is text.
    assert_eq!(accepted("RUN a \\\n b # c \\\n d"), [r#"RUN sh "a  b # c  d""#]);
}

#[test]
fn blank_lines_inside_a_continuation() {
    assert_eq!(accepted("RUN a \\\n\n \t\nb\nCMD c"), [r#"RUN sh "a b""#, r#"CMD sh "c""#]);
}

#[test]
fn blanks_behind_the_escape_character() {
    assert_eq!(accepted("RUN a \\ \t \nb"), [r#"RUN sh "a b""#]);
}

#[test]
fn doubled_escape_character_ends_the_line() {
    assert_eq!(accepted("RUN dir c:\\\\\nUSER b"), [r#"RUN sh "dir c:\\\\""#, r#"USER "b""#]);
}

#[test]
fn continuation_at_the_end_of_the_file() {
    assert_eq!(accepted("RUN a \\\n"), [r#"RUN sh "a""#]);
    assert_eq!(accepted("RUN a \\"), [r#"RUN sh "a""#]);
}

#[test]
fn keyword_behind_an_escape_character_alone() {
    let text = "FROM a\n\\\n# b\n \\\n  RUN <<E\nhi\nE\n";
    assert_eq!(accepted(&text["FROM a\n".len()..]), [r#"RUN sh "<<E" 0<<E "hi\n""#]);
    assert_eq!(parse(&Source::from(text)).instructions[1].span.start as usize, text.find("RUN").unwrap_or_default());
    assert_eq!(outline("FROM a\n\\\n"), [r#"FROM "a""#, ""]);
}

#[test]
fn escape_directive_with_blanks() {
    let text = "#  EsCaPe \t=  `\nFROM a\nRUN dir c:\\ `\n  b\n";
    assert_eq!(parse(&Source::from(text)).escape, '`');
    assert_eq!(outline(text)[1], r#"RUN sh "dir c:\\   b""#);
}

#[test]
fn directives_stand_only_in_the_block_at_the_top() {
    for text in ["\n# escape=`\nFROM a", "# a comment\n# escape=`\nFROM a", "FROM a\n# escape=`\nRUN b `\nCMD c"] {
        assert_eq!(parse(&Source::from(text)).escape, '\\', "{text}");
    }
    assert_eq!(parse(&Source::from("# syntax=docker/dockerfile:1\n# escape=`\nFROM a")).escape, '`');
    assert_eq!(errors("# escape=`\n# escape=`\nFROM a"), ["the parser directive `escape` is repeated"]);
    assert_eq!(errors("# escape=x\nFROM a"), ["`x` can't be the escape character"]);
}

#[test]
fn byte_order_mark() {
    assert_eq!(errors("\u{feff}FROM a\n"), [""; 0]);
    assert_eq!(outline("\u{feff}FROM a\n"), [r#"FROM "a""#]);
    assert_eq!(parse(&Source::from("\u{feff}# escape=`\nFROM a")).escape, '`');
}

#[test]
fn crlf_line_ends() {
    let outline = accepted("RUN a \\\r\n  b\r\nENV x=1\r\nRUN <<EOF\r\nhi\r\nEOF\r\nCMD [\"c\"]\r\n");
    assert_eq!(outline, [r#"RUN sh "a   b""#, r#"ENV "x"="1""#, r#"RUN sh "<<EOF" 0<<EOF "hi\r\n""#, r#"CMD ["c"]"#]);
    assert_eq!(parse(&Source::from("# escape=`\r\nFROM a\r\n")).escape, '`');
}

#[test]
fn bytes_that_are_no_text() {
    let source = Source::new(b"FROM a\nRUN echo \xff\x00\xfe\nUSER b\n".to_vec());
    let (parse, tree) = parse_tree(&source);
    assert_eq!(tree.bytes(), source.bytes());
    let lines: Vec<String> = parse.instructions.iter().map(|instruction| line(source.text(), instruction)).collect();
    assert_eq!(lines, [r#"FROM "a""#, r#"RUN sh "echo \u{1a}\0\u{1a}""#, r#"USER "b""#]);
}

#[test]
fn mounts_quoted_in_any_order_and_without_target() {
    assert_eq!(
        accepted(
            "RUN --mount=type=\"cache\",target=/c --mount='id=x,type=secret' --network=none --mount=type=ssh b --c"
        ),
        ["RUN --mount=type=cache,target=/c --mount=id=x,type=secret --network=none --mount=type=ssh sh \"b --c\""]
    );
    assert_eq!(accepted("RUN --mount=type=secret,id=x b"), [r#"RUN --mount=type=secret,id=x sh "b""#]);
    assert_eq!(
        accepted("RUN --mount=src=a,dst=/b \\\n  --mount=type=tmpfs,target=/t \\\n  b")[0].matches("--").count(),
        2
    );
}

#[test]
fn json_that_is_none_is_shell_form() {
    assert_eq!(accepted("CMD ['a', 'b']"), [r#"CMD sh "['a', 'b']""#]);
    assert_eq!(accepted("CMD [\"a\", \"b\""), [r#"CMD sh "[\"a\", \"b\"""#]);
    assert_eq!(accepted("CMD [\"a\"] b"), [r#"CMD sh "[\"a\"] b""#]);
    assert_eq!(accepted("ENTRYPOINT []"), ["ENTRYPOINT []"]);
    assert_eq!(accepted("ENTRYPOINT  [ \"\\u0041\\n\" , \"b\\\"\" ] "), [r#"ENTRYPOINT ["A\n", "b\""]"#]);
    assert_eq!(accepted("COPY [\"a b\", \"/c\"]"), [r#"COPY ["a b", "/c"]"#]);
    assert_eq!(accepted("COPY [a /c"), [r#"COPY "[a" "/c""#]);
    assert_eq!(accepted("HEALTHCHECK --interval=5s CMD [\"a\"]"), [r#"HEALTHCHECK --interval=5s CMD ["a"]"#]);
}

#[test]
fn shell_tests_at_the_start_of_a_line() {
    assert_eq!(accepted("RUN [ -f a ] && b"), [r#"RUN sh "[ -f a ] && b""#]);
    assert_eq!(accepted("RUN a && \\\n[ \"b\" ] && \\\n[[ c ]]"), [r#"RUN sh "a && [ \"b\" ] && [[ c ]]""#]);
}

#[test]
fn old_style_env_and_label_over_several_lines() {
    assert_eq!(accepted("ENV a b c \\\n  d=e"), [r#"ENV "a" "b c   d=e""#]);
    assert_eq!(accepted("LABEL a \\\n  \"b c\""), [r#"LABEL "a" "\"b c\"""#]);
    assert_eq!(accepted("ENV a=b \\\n  c=\"d e\" \\\n  f=g\\ h"), [r#"ENV "a"="b" "c"="\"d e\"" "f"="g\\ h""#]);
    assert_eq!(errors("FROM a\nENV b\nUSER c").len(), 1);
}

#[test]
fn lower_case_keywords() {
    let text = "from a as b\nrun c\nonbuild run d\nhealthcheck cmd e\nEnv f=g\n";
    assert_eq!(errors(text), [""; 0]);
    assert_eq!(
        outline(text),
        [
            r#"from "a" "as" "b""#,
            r#"run sh "c""#,
            r#"onbuild run sh "d""#,
            r#"healthcheck cmd sh "e""#,
            r#"Env "f"="g""#
        ]
    );
}

#[test]
fn several_arg_names() {
    assert_eq!(accepted("ARG a b=c \\\n  d=\"e f\""), [r#"ARG "a" "b=c" "d=\"e f\"""#]);
}

#[test]
fn expansions_with_patterns_are_kept_as_written() {
    assert_eq!(
        accepted("ENV a=${x%y} b=${x##*/} c=${x/a/b} d=\"${x//a b/c}\" e=${x:-f}"),
        [r#"ENV "a"="${x%y}" "b"="${x##*/}" "c"="${x/a/b}" "d"="\"${x//a b/c}\"" "e"="${x:-f}""#]
    );
    assert_eq!(accepted("COPY ${x%y} ${x/a/b} /c"), [r#"COPY "${x%y}" "${x/a/b}" "/c""#]);
}

#[test]
fn unknown_instruction_costs_its_line_only() {
    let text = "FROM a\nFOO bar \\\n  baz\nUSER b\n";
    assert_eq!(errors(text), ["`FOO` is no instruction"]);
    assert_eq!(outline(text), [r#"FROM "a""#, "FOO", r#"USER "b""#]);
}

#[test]
fn trees_are_those_written_down() {
    let mut seen = 0;
    for (folder, refused) in [("ok", false), ("err", true)] {
        let folder = support::root().join("testdata/syntax").join(folder);
        let mut files: Vec<_> = std::fs::read_dir(&folder)
            .expect("the folder is there")
            .map(|entry| entry.expect("the entry is readable").path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "Dockerfile"))
            .collect();
        files.sort();
        for path in files {
            let source = Source::new(std::fs::read(&path).expect("the file is readable"));
            let (parse, tree) = parse_tree(&source);
            assert_eq!(!parse.errors.is_empty(), refused, "{}: {:?}", path.display(), parse.errors);
            assert_eq!(tree.bytes(), source.bytes(), "{}", path.display());
            check_snapshot(&path.with_extension("tree"), &snapshot(&parse, &tree));
            seen += 1;
        }
    }
    assert!(seen >= 20, "only {seen} files");
}

fn snapshot(parse: &Parse, tree: &Tree<'_>) -> String {
    let mut text = tree.dump();
    for error in &parse.errors {
        let _ = writeln!(text, "error {:?} {}; {}", error.span, error.message, error.help);
    }
    text
}

/// Compares with the file, or writes it where `HARDEN_UPDATE=1` says so.
fn check_snapshot(path: &Path, actual: &str) {
    if std::env::var_os("HARDEN_UPDATE").is_some_and(|value| value == "1") {
        std::fs::write(path, actual).expect("the snapshot can be written");
    }
    let expected = std::fs::read_to_string(path).unwrap_or_default();
    assert!(actual == expected, "{} differs; HARDEN_UPDATE=1 rewrites it:\n{actual}", path.display());
}
