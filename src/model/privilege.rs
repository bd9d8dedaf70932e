//! Whether a container gives root up by itself, whatever USER says: its entrypoint starts as root, prepares, and goes on
//! as another user.

use crate::shell::{self, Body, Command, Dialect, Script, tools};
use crate::syntax::ast::{Arguments, Keyword, Word};
use crate::tables;
use crate::text::Span;

use super::context::script_of;
use super::{Base, Dockerfile, Instruction, Stage};

/// What gives root up.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PrivilegeDrop {
    /// A command of ENTRYPOINT or CMD, such as `gosu app …`: where it stands.
    Command(Span),
    /// A script of the build context that ENTRYPOINT or CMD starts: its path there.
    Script(String),
    /// The base image's own entrypoint, which the stage leaves in force. Known by the image's name only.
    Base,
    /// A program for the purpose (`gosu`, `su-exec`) is installed, and ENTRYPOINT or CMD starts a script that can't be
    /// read here: the place where it is installed.
    Likely(Span),
}

/// Finds what gives root up in a container of `stage`; `None` where nothing does, as far as can be seen.
#[must_use]
pub fn drops_privileges(dockerfile: &Dockerfile, stage: &Stage) -> Option<PrivilegeDrop> {
    let starts = [stage.end.entrypoint, stage.end.cmd].into_iter().flatten();
    let starts: Vec<&Instruction> = starts.filter_map(|index| dockerfile.instructions.get(index)).collect();
    let direct = starts.iter().flat_map(|start| &start.scripts).flat_map(|script| &script.commands);
    if let Some(command) = direct.into_iter().find(|command| switches_user(command)) {
        return Some(PrivilegeDrop::Command(command.span));
    }
    let script = script_of(dockerfile, stage);
    match &script {
        Some(script) if script_drops(script.text) => return Some(PrivilegeDrop::Script(script.path.to_owned())),
        None if stage.end.entrypoint.is_none() && base_drops(dockerfile, stage) => return Some(PrivilegeDrop::Base),
        _ => {}
    }
    if let Some(inline) = inline_script_drops(dockerfile, stage, &starts) {
        return Some(inline);
    }
    let starts_script =
        starts.iter().flat_map(|start| &start.scripts).flat_map(|script| &script.commands).any(may_be_a_script);
    (starts_script && script.is_none())
        .then(|| installed_helper(dockerfile, stage))
        .flatten()
        .map(PrivilegeDrop::Likely)
}

/// An entrypoint script written by the Dockerfile itself: `COPY <<EOF /entrypoint.sh`.
fn inline_script_drops(dockerfile: &Dockerfile, stage: &Stage, starts: &[&Instruction]) -> Option<PrivilegeDrop> {
    let names: Vec<&str> = starts
        .iter()
        .flat_map(|start| &start.scripts)
        .flat_map(|script| &script.commands)
        .flat_map(|command| std::iter::once(&command.name).chain(&command.arguments))
        .map(|word| word.text.rsplit('/').next().unwrap_or(""))
        .collect();
    dockerfile.inherited(stage, Keyword::Copy).find_map(|(_, copy)| {
        let destination = copy.values.last()?.text.rsplit('/').next()?.to_owned();
        let content = copy.ast.heredocs.first()?.content;
        let wanted = names.contains(&destination.as_str()) && script_drops(dockerfile.text(content));
        wanted.then_some(PrivilegeDrop::Command(copy.ast.span))
    })
}

/// Whether a script goes on as another user.
fn script_drops(text: &str) -> bool {
    let first_line = text.lines().next().unwrap_or("");
    let dialect = if first_line.starts_with("#!") { shell::dialect_of_shebang(first_line) } else { None };
    if first_line.contains("with-contenv") || first_line.contains("execlineb") {
        // s6's own languages name a user with a word of their own.
        return USER_SWITCHES.iter().any(|name| text.split_whitespace().any(|word| word == *name));
    }
    let Script { commands, .. } = shell::script(
        &Body { file: text, span: Span::new(0, text.len() as u32), gaps: &[] },
        dialect.unwrap_or(Dialect::Posix),
    );
    commands.iter().any(switches_user)
}

/// Programs that run another one as the user they are given.
const USER_SWITCHES: [&str; 7] =
    ["gosu", "su-exec", "setuidgid", "s6-setuidgid", "s6-applyuidgid", "runuser", "setuser"];

/// Whether a command runs another one as a user that isn't root.
#[must_use]
pub fn switches_user(command: &Command) -> bool {
    let name = command.base_name();
    let arguments: Vec<&str> = command.arguments.iter().map(|word| word.text.as_str()).collect();
    let root = |user: &str| matches!(user.split(':').next().unwrap_or(""), "root" | "0");
    let value_of = |long: &str, short: &str| {
        arguments.iter().enumerate().find_map(|(index, argument)| {
            let joined = argument.strip_prefix(long).and_then(|rest| rest.strip_prefix('='));
            let apart = (*argument == long || *argument == short).then(|| arguments.get(index + 1).copied()).flatten();
            joined.or(apart)
        })
    };
    match name {
        "runuser" if value_of("--user", "-u").is_some() => value_of("--user", "-u").is_some_and(|user| !root(user)),
        name if USER_SWITCHES.contains(&name) => {
            let user = arguments.iter().find(|argument| !argument.starts_with('-') || **argument == "-");
            user.is_some_and(|user| !root(user))
        }
        "setpriv" => value_of("--reuid", "--ruid").is_some_and(|user| !root(user)),
        "chroot" => value_of("--userspec", "--userspec").is_some_and(|user| !root(user)),
        "chpst" => value_of("-u", "-U").is_some_and(|user| !root(user)),
        "start-stop-daemon" => value_of("--chuid", "-c").is_some_and(|user| !root(user)),
        "sudo" => value_of("--user", "-u").is_some_and(|user| !root(user)),
        "su" => {
            // The values of its options name nobody: `su -c /app` stays root.
            let su = tools::invocation(command);
            let user = su.iter().flat_map(|su| &su.operands).find(|word| word.text != "-");
            user.is_some_and(|user| !root(&user.text))
        }
        _ => false,
    }
}

fn may_be_a_script(command: &Command) -> bool {
    let script = |word: &shell::Word| word.text.ends_with(".sh") || word.text.contains("entrypoint");
    script(&command.name) || command.arguments.iter().any(script)
}

/// Whether the base image's entrypoint is in force and known to give root up.
fn base_drops(dockerfile: &Dockerfile, stage: &Stage) -> bool {
    let Some(root) = dockerfile.lineage(stage).last() else { return false };
    let Base::Image(image) = &root.base else { return false };
    let row = tables::base_image(image.registry.as_deref(), &image.repository, image.tag.as_deref());
    row.is_some_and(|row| row.drops_privileges)
}

/// Where the stage (or one it is built from) gets a program that switches users.
fn installed_helper(dockerfile: &Dockerfile, stage: &Stage) -> Option<Span> {
    let helper = |word: &str| {
        let name = word.rsplit('/').next().unwrap_or("").split(['=', '-']).next().unwrap_or("");
        matches!(name, "gosu") || word.rsplit('/').next().unwrap_or("").starts_with("su-exec")
    };
    let inherited = |keyword| dockerfile.inherited(stage, keyword);
    let in_copy = inherited(Keyword::Copy).chain(inherited(Keyword::Add)).find_map(|(_, copy)| {
        let words: &[Word] = match &copy.ast.arguments {
            Arguments::Words(words) | Arguments::Exec(words) => words,
            _ => &[],
        };
        words.iter().find(|word| helper(&word.text)).map(|word| word.span)
    });
    in_copy.or_else(|| {
        inherited(Keyword::Run).find_map(|(_, run)| {
            let commands = run.scripts.iter().flat_map(|script| &script.commands);
            commands.flat_map(|command| &command.arguments).find(|word| helper(&word.text)).map(|word| word.span)
        })
    })
}
