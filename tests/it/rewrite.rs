//! Insertion and rewriting: where lines go, how commands are added to a RUN and taken out of one.

use harden::model::Dockerfile;
use harden::text::{Edit, Source, apply};

fn dockerfile(text: &str) -> Dockerfile {
    Dockerfile::new("Dockerfile", Source::from(text))
}

fn applied(text: &str, edit: Option<Edit>) -> Option<String> {
    edit.map(|edit| apply(text, &[edit]).expect("an edit of this text"))
}

/// The text with `rm x` appended to its last RUN.
fn appended(text: &str) -> Option<String> {
    let file = dockerfile(text);
    let run = file.instructions.iter().rposition(|one| one.ast.name.text.eq_ignore_ascii_case("run")).expect("a RUN");
    applied(text, file.append_command(run, "rm x"))
}

/// The text without its first command named `gone`.
fn removed(text: &str) -> Option<String> {
    let file = dockerfile(text);
    let command = file.run_commands().find(|command| command.command.base_name() == "gone").expect("the command");
    applied(text, file.without_command(&command))
}

#[test]
fn a_command_is_appended_in_the_style_of_the_run() {
    for (before, after) in [
        ("FROM a\nRUN a\n", "FROM a\nRUN a && rm x\n"),
        ("FROM a\nRUN a; b", "FROM a\nRUN a; b && rm x"),
        ("FROM a\nRUN set -e; a; b\n", "FROM a\nRUN set -e; a; b; rm x\n"),
        ("FROM a\nRUN set -e; a && b\n", "FROM a\nRUN set -e; a && b && rm x\n"),
        ("FROM a\nRUN a \\\n  && b\nCMD c\n", "FROM a\nRUN a \\\n  && b \\\n  && rm x\nCMD c\n"),
        ("FROM a\r\nRUN a && \\\r\n\tb\r\n", "FROM a\r\nRUN a && \\\r\n\tb && \\\r\n\trm x\r\n"),
        ("FROM a\nRUN set -eux; \\\n\ta; \\\n\tb\n", "FROM a\nRUN set -eux; \\\n\ta; \\\n\tb; \\\n\trm x\n"),
        ("FROM a\nRUN a \\\n  b \\\n  c\n", "FROM a\nRUN a \\\n  b \\\n  c \\\n    && rm x\n"),
        ("FROM a\nRUN a \\\n && b\nRUN c \\\n  d\n", "FROM a\nRUN a \\\n && b\nRUN c \\\n  d \\\n && rm x\n"),
        ("# escape=`\nFROM debian\nRUN a `\n  b\n", "# escape=`\nFROM debian\nRUN a `\n  b `\n    && rm x\n"),
        ("FROM a\nRUN if a; then b; fi\n", "FROM a\nRUN if a; then b; fi && rm x\n"),
        ("FROM a\nRUN (a; b)\n", "FROM a\nRUN (a; b) && rm x\n"),
        ("FROM a\nRUN a \\\n  # why\n  && b\n", "FROM a\nRUN a \\\n  # why\n  && b \\\n    && rm x\n"),
        ("FROM a\nRUN <<EOF\na\nb\nEOF\n", "FROM a\nRUN <<EOF\na\nb && rm x\nEOF\n"),
    ] {
        assert_eq!(appended(before).as_deref(), Some(after), "{before}");
    }
}

#[test]
fn nothing_is_appended_where_it_would_not_run_or_not_count() {
    for text in [
        "FROM a\nRUN a # why\n",
        "FROM a\nRUN a &\n",
        "FROM a\nRUN a;\n",
        "FROM a\nRUN exec a\n",
        "FROM a\nRUN [\"a\"]\n",
        "FROM a\nRUN if a; then\n",
        "FROM a\nRUN cat <<EOF > f\na\nEOF\n",
        "FROM a\nRUN <<EOF\na\ncat <<X\nb\nX\nEOF\n",
        "FROM a\nSHELL [\"powershell\"]\nRUN a\n",
        "FROM a\nRUN a \\\n",
    ] {
        assert_eq!(appended(text), None, "{text}");
    }
}

#[test]
fn a_command_is_taken_out_with_what_joins_it() {
    for (before, after) in [
        ("FROM a\nRUN gone && b\n", "FROM a\nRUN b\n"),
        ("FROM a\nRUN a && gone && b\n", "FROM a\nRUN a && b\n"),
        ("FROM a\nRUN a; gone && b\n", "FROM a\nRUN a; b\n"),
        ("FROM a\nRUN a && gone; b\n", "FROM a\nRUN a; b\n"),
        ("FROM a\nRUN a && gone\n", "FROM a\nRUN a\n"),
        ("FROM a\nRUN a \\\n && gone \\\n && b\n", "FROM a\nRUN a \\\n && b\n"),
        ("FROM a\nRUN <<EOF\na\ngone x\nb\nEOF\n", "FROM a\nRUN <<EOF\na\nb\nEOF\n"),
    ] {
        assert_eq!(removed(before).as_deref(), Some(after), "{before}");
    }
    for text in [
        "FROM a\nRUN gone\n",
        "FROM a\nRUN a || gone\n",
        "FROM a\nRUN gone || a\n",
        "FROM a\nRUN gone | a\n",
        "FROM a\nRUN if gone; then a; fi\n",
        "FROM a\nRUN a && \\\n# why\n gone && b\n",
        "FROM a\nRUN (a && gone)\n",
    ] {
        assert_eq!(removed(text), None, "{text}");
    }
}

#[test]
fn lines_go_above_the_comments_of_an_instruction() {
    let above = |text: &str, index| applied(text, dockerfile(text).insert_above(index, &["USER 1".to_owned()]));
    assert_eq!(above("FROM a\n\n# b\n# c\nCMD d\n", 1).as_deref(), Some("FROM a\n\nUSER 1\n# b\n# c\nCMD d\n"));
    assert_eq!(above("FROM a\n# b\n\nCMD d\n", 1).as_deref(), Some("FROM a\n# b\n\nUSER 1\nCMD d\n"));
    assert_eq!(above("# syntax=x\nFROM a\n", 0).as_deref(), Some("# syntax=x\nUSER 1\nFROM a\n"));
    assert_eq!(above("FROM a\r\n  CMD d\r\n", 1).as_deref(), Some("FROM a\r\nUSER 1\r\n  CMD d\r\n"));
    assert_eq!(
        above("FROM a\nRUN b \\\n# c\n d\nCMD e\n", 2).as_deref(),
        Some("FROM a\nRUN b \\\n# c\n d\nUSER 1\nCMD e\n")
    );
}

#[test]
fn lines_go_behind_what_an_instruction_holds() {
    let below = |text: &str, index| applied(text, dockerfile(text).insert_below(index, &["USER 1".to_owned()]));
    assert_eq!(below("FROM a", 0).as_deref(), Some("FROM a\nUSER 1"));
    assert_eq!(below("FROM a  \nCMD b\n", 0).as_deref(), Some("FROM a  \nUSER 1\nCMD b\n"));
    assert_eq!(below("FROM a\nRUN <<X\nb\nX\nCMD b\n", 1).as_deref(), Some("FROM a\nRUN <<X\nb\nX\nUSER 1\nCMD b\n"));
    assert_eq!(below("FROM a\nRUN b \\\n", 1), None);
    assert_eq!(below("FROM a\nRUN b \\\n\n# c\n", 1), None);
}

#[test]
fn a_user_goes_behind_the_last_step() {
    let user = |text: &str| {
        let file = dockerfile(text);
        applied(text, file.insert_behind_steps(file.target().expect("a stage"), &["USER 1".to_owned()]))
    };
    assert_eq!(user("FROM a\nRUN b\nEXPOSE 1\nCMD c\n").as_deref(), Some("FROM a\nRUN b\nEXPOSE 1\nUSER 1\nCMD c\n"));
    assert_eq!(user("FROM a\nCMD c\nRUN b\n").as_deref(), Some("FROM a\nCMD c\nRUN b\nUSER 1\n"));
    assert_eq!(user("FROM a\nENTRYPOINT b\nCMD c\n").as_deref(), Some("FROM a\nUSER 1\nENTRYPOINT b\nCMD c\n"));
}

#[test]
fn an_instruction_goes_with_its_lines() {
    let without = |text: &str, index| applied(text, dockerfile(text).without(index));
    assert_eq!(without("FROM a\n# b\n  CMD c \\\n d\nCMD e\n", 1).as_deref(), Some("FROM a\n# b\nCMD e\n"));
    assert_eq!(without("FROM a\nCMD c", 1).as_deref(), Some("FROM a\n"));
    assert_eq!(without("FROM a\nRUN <<X\nb\nX\nCMD e\n", 1).as_deref(), Some("FROM a\nCMD e\n"));
}
