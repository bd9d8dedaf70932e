//! Facts: stages, what is in force, values and where they come from.

use harden::model::{Base, Dockerfile, Origin};
use harden::shell::Dialect;
use harden::text::Source;

fn facts(text: &str) -> Dockerfile {
    Dockerfile::new("Dockerfile", Source::from(text))
}

#[test]
fn stages_know_what_they_need_and_whether_they_are_reached() {
    let file = facts(
        "FROM golang:1.22 AS Build\nRUN go build\n\
         FROM alpine AS unused\n\
         FROM build AS test\n\
         FROM scratch\nCOPY --from=build /a /a\nRUN --mount=type=bind,from=0,target=/m true\nCOPY --from=nginx:1 /b /b\n",
    );
    let names: Vec<_> = file.stages.iter().map(|stage| stage.name.as_deref()).collect();
    assert_eq!(names, [Some("build"), Some("unused"), Some("test"), None]);
    assert_eq!(file.stages.iter().map(|stage| stage.reached).collect::<Vec<_>>(), [true, false, false, true]);
    assert_eq!(file.stages[2].base, Base::Stage(0));
    assert_eq!(file.stages[3].base, Base::Scratch);
    assert_eq!(file.stages[3].needs, [0]);
}

#[test]
fn a_stage_takes_over_what_was_in_force_in_the_one_it_starts_from() {
    let file = facts(
        "FROM a AS one\nUSER app\nWORKDIR /srv\nENV A=1\nENTRYPOINT [\"x\"]\nCMD [\"y\"]\n\
         FROM one\nWORKDIR sub\nENTRYPOINT [\"z\"]\n",
    );
    let end = &file.stages[1].end;
    assert_eq!(end.user.as_ref().map(|user| user.value.text.as_str()), Some("app"));
    assert_eq!(end.workdir.as_ref().and_then(|folder| folder.value.known()), Some("/srv/sub"));
    assert_eq!(end.variables.get("A").and_then(|binding| binding.value.as_ref()?.known()), Some("1"));
    // A new ENTRYPOINT drops the CMD that the base brought.
    assert_eq!((end.entrypoint, end.cmd), (Some(8), None));
}

#[test]
fn values_say_where_they_come_from_and_what_is_unknown() {
    let file = facts(
        "ARG VERSION=22\nARG NAME\nFROM node:${VERSION}-alpine\nARG VERSION\nENV V=$VERSION W=\"a b\"\n\
         USER ${APP:-app}\nWORKDIR $HOME/x\n\
         FROM ${NAME}\nFROM ${NAME:-debian}\n",
    );
    let Base::Image(node) = &file.stages[0].base else { panic!("{:?}", file.stages[0].base) };
    assert_eq!((node.repository.as_str(), node.tag.as_deref()), ("node", Some("22-alpine")));
    assert_eq!((node.value.sources.as_slice(), node.value.overridable), (&[0][..], true));
    let version = file.stages[0].end.variables.get("V").expect("ENV is in force");
    let value = version.value.as_ref().expect("it has a value");
    assert_eq!((value.known(), value.sources.as_slice()), (Some("22"), &[0][..]));
    assert_eq!(version.origin, Origin::Instruction(4, harden::text::Span::new(68, 69)));
    let user = file.stages[0].end.user.as_ref().expect("USER is in force");
    assert_eq!(user.value.known(), Some("app"));
    let folder = file.stages[0].end.workdir.as_ref().expect("WORKDIR is in force");
    assert_eq!((folder.value.known(), folder.value.unknown.as_slice()), (None, &["HOME".to_owned()][..]));
    assert_eq!(file.stages[1].base, Base::Unknown);
    let Base::Image(debian) = &file.stages[2].base else { panic!("{:?}", file.stages[2].base) };
    assert_eq!((debian.repository.as_str(), debian.value.overridable), ("debian", true));
}

#[test]
fn env_hides_arg_of_the_same_name() {
    let file = facts("FROM a\nENV X=env\nARG X=arg\nUSER $X\n");
    assert_eq!(file.stages[0].end.user.as_ref().and_then(|user| user.value.known()), Some("env"));
}

#[test]
fn the_shell_in_force_decides_the_language() {
    let file = facts(
        "FROM mcr.microsoft.com/windows/servercore:ltsc2022\nRUN dir\nSHELL [\"powershell\", \"-Command\"]\nRUN ls\n\
         FROM alpine\nRUN ls\nRUN <<EOF\n#!/usr/bin/env python3\nprint(1)\nEOF\n",
    );
    let dialects: Vec<_> = file.instructions.iter().map(|instruction| instruction.before.shell.dialect).collect();
    assert_eq!(dialects[1..4], [Dialect::Cmd, Dialect::Cmd, Dialect::PowerShell]);
    assert_eq!(dialects[5], Dialect::Posix);
    let python = &file.instructions[6].scripts;
    assert!(python.len() == 1 && python[0].commands.is_empty());
}

#[test]
fn commands_stand_where_they_are_written() {
    let text = "FROM a\nENV D=/opt\nRUN apt-get update \\\n  # note\n  && chmod 4755 $D/x\nONBUILD RUN make\n\
                HEALTHCHECK CMD curl -f http://x\nENTRYPOINT [\"tini\", \"--\", \"app\"]\n";
    let file = facts(text);
    let commands: Vec<&str> = file.commands().map(|command| file.text(command.command.span)).collect();
    assert_eq!(
        commands,
        ["apt-get update", "chmod 4755 $D/x", "make", "curl -f http://x", "\"tini\", \"--\", \"app\"", "\"app\"",]
    );
    let chmod = file.run_commands().nth(1).expect("there are two");
    assert_eq!(chmod.resolve(&chmod.command.arguments[1]).as_deref(), Some("/opt/x"));
}

#[test]
fn instructions_without_from_are_one_stage_of_unknown_base() {
    let file = facts("ARG A=1\nRUN echo hi\nUSER root\n");
    assert_eq!(file.stages.len(), 1);
    assert_eq!(file.stages[0].base, Base::Unknown);
    assert_eq!(file.stages[0].instructions, 1..3);
    assert!(file.stages[0].reached);
}

#[test]
fn many_variables_cost_no_more_than_they_should() {
    let many: String = (0..20_000).map(|number| format!("ENV V{number}=$V{} x=1\n", number / 2)).collect();
    let file = facts(&format!("FROM a\n{many}"));
    assert!(file.stages[0].end.variables.get("V19999").is_some());
    let doubling: String = (0..200).map(|number| format!("ENV A{}=$A{number}$A{number}\n", number + 1)).collect();
    let file = facts(&format!("FROM a\nENV A0=0123456789\n{doubling}"));
    let last = file.stages[0].end.variables.get("A200").and_then(|binding| binding.value.as_ref());
    assert!(last.is_some_and(|value| value.known().is_none() && value.text.len() < 1 << 20));
    let stages: String = (0..100_000).map(|number| format!("FROM s{} AS s{}\n", number, number + 1)).collect();
    let file = facts(&format!("FROM a AS s0\n{stages}"));
    assert!(file.stages.iter().all(|stage| stage.reached));
}
