//! Package managers across the steps of a file: whether a folder of theirs is kept out of the layer, what later steps make
//! of an index that one step fetched, whether a step fails where one of its commands does, and where an option goes.

use crate::shell::tools::{self, Tool};
use crate::shell::{Command, Dialect, Guard, Nesting, Word};
use crate::syntax::ast::Keyword;
use crate::text::{Edit, Span};

use super::edits::stops_at_errors;
use super::modes::{is_below, mount_targets};
use super::{Base, CommandRef, Dockerfile, Instruction, Stage};

/// What later steps make of a package index that one step leaves.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reliance {
    /// Nothing: nobody asks for it, or only behind a step that fetches it anew.
    Nothing,
    /// A later step runs something that isn't seen through, at this place.
    Unclear(Span),
    /// A later command works with it, at this place.
    Used(Span),
}

/// What a step does about a folder that package managers fill.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cleanup {
    /// Nothing that is seen.
    Missing,
    /// It empties the folder, or runs something that may.
    Done,
}

/// What one command does with a package index.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Touch {
    Nothing,
    Fetches,
    Uses,
    Unclear,
}

/// How many commands of one step one question looks at, so that a step of nothing but installations can't take quadratic
/// time.
const LOOK_AHEAD: usize = 512;

impl Instruction {
    /// Whether what is written to `path` in this step stays out of the image, since a mount of the step covers it.
    #[must_use]
    pub fn is_mounted(&self, path: &str) -> bool {
        mount_targets(self).iter().any(|target| is_below(path, target))
    }

    /// Whether the step mounts something at a path that holds `part`.
    #[must_use]
    pub fn mounts_something_like(&self, part: &str) -> bool {
        mount_targets(self).iter().any(|target| target.contains(part))
    }
}

impl Dockerfile {
    /// Puts ` option` behind a word of a command, where the word stands in the file as the shell reads it.
    #[must_use]
    pub fn insert_option(&self, command: &CommandRef<'_>, behind: &Word, option: &str) -> Option<Edit> {
        let posix = command.instruction.before.shell.dialect == Dialect::Posix;
        let plain = self.text(behind.span) == behind.text && !behind.text.is_empty();
        (command.script.clean && posix && plain).then(|| Edit::insert(behind.span.end, format!(" {option}")))
    }

    /// What the steps behind the one at `index`, those of stages built from its stage too, make of the index that `tool`
    /// (apt or apk) has on disk then.
    #[must_use]
    pub fn reliance_on_index(&self, index: usize, tool: Tool) -> Reliance {
        let own = self.instructions.get(index).and_then(|instruction| instruction.stage);
        let Some(own) = own.and_then(|stage| self.stages.get(stage)) else { return Reliance::Nothing };
        let mut carries = vec![false; self.stages.len()];
        let mut found = Reliance::Nothing;
        for stage in &self.stages[own.index..] {
            let from = match stage.base {
                _ if stage.index == own.index => index + 1,
                Base::Stage(base) if carries[base] => stage.instructions.start,
                _ => {
                    let copied = stage.needs.iter().any(|&needed| carries[needed]);
                    if let Some(span) = copied.then(|| self.copies_root(stage, &carries)).flatten() {
                        found = Reliance::Unclear(span);
                    }
                    continue;
                }
            };
            match self.reliance_within(from..stage.instructions.end, tool, &mut found) {
                Some(used @ Reliance::Used(_)) => return used,
                Some(_) => {}
                None => carries[stage.index] = true,
            }
        }
        found
    }

    /// What a row of instructions makes of the index; `None` where it still lies there at the end.
    fn reliance_within(
        &self,
        instructions: std::ops::Range<usize>,
        tool: Tool,
        found: &mut Reliance,
    ) -> Option<Reliance> {
        for instruction in &self.instructions[instructions] {
            let keyword = instruction.effective().keyword;
            let is_run = keyword == Keyword::Run;
            let whole = instruction.before.shell.dialect == Dialect::Posix
                && instruction.scripts.iter().all(|script| script.clean);
            if is_run && !whole {
                *found = Reliance::Unclear(instruction.ast.name.span);
            }
            'scripts: for script in &instruction.scripts {
                for command in &script.commands {
                    match touch(command, tool) {
                        Touch::Uses => return Some(Reliance::Used(command.span)),
                        Touch::Fetches if is_run && !instruction.is_trigger() => return Some(Reliance::Nothing),
                        Touch::Fetches => break 'scripts,
                        // What a container starts with is rarely seen through, and rarely installs anything.
                        Touch::Unclear if is_run => *found = Reliance::Unclear(command.span),
                        Touch::Unclear | Touch::Nothing => {}
                    }
                }
            }
        }
        None
    }

    /// The COPY of a stage that takes a whole file system, or the part with the index, from one of the stages marked.
    fn copies_root(&self, stage: &Stage, marked: &[bool]) -> Option<Span> {
        self.instructions_of(stage).find_map(|(_, instruction)| {
            let (_, from) = instruction.flag("from")?;
            let source = self.stage_named(from.known()?, stage.index)?;
            let (_, sources) = instruction.values.split_last()?;
            let whole = sources.iter().any(|source| {
                let path = source.text.trim_end_matches(['*', '/']);
                ["", "/var", "/var/lib", "/var/cache"].contains(&path) || path.starts_with("/var/lib/apt")
            });
            (whole && marked[source.index]).then_some(instruction.ast.span)
        })
    }

    /// Indices of the instructions whose text has one of the words, in any case. Words are in lower case.
    #[must_use]
    pub fn saying(&self, words: &[&str]) -> Vec<usize> {
        let text = self.source.text().to_ascii_lowercase();
        let finders: Vec<_> = words.iter().map(memchr::memmem::Finder::new).collect();
        let mentions = |(index, instruction): (usize, &Instruction)| {
            let text = text.get(instruction.ast.span.range())?.as_bytes();
            finders.iter().any(|finder| finder.find(text).is_some()).then_some(index)
        };
        self.instructions.iter().enumerate().filter_map(mentions).collect()
    }

    /// Whether one of the instructions (indices, ascending) is the one at `index` or stands in front of it in its stage or
    /// in those that this is built from.
    #[must_use]
    pub fn is_behind_any(&self, index: usize, among: &[usize]) -> bool {
        let stage = self.instructions.get(index).and_then(|instruction| instruction.stage);
        let Some(stage) = stage.and_then(|stage| self.stages.get(stage)) else { return !among.is_empty() };
        !among.is_empty()
            && self.lineage(stage).any(|stage| {
                let next = among.partition_point(|&other| other < stage.instructions.start);
                among.get(next).is_some_and(|&other| other <= index && other < stage.instructions.end)
            })
    }
}

impl<'a> CommandRef<'a> {
    /// The command that this one is run by, through however many (`sudo`, `sh -c`); itself where none does.
    #[must_use]
    pub fn outermost(&self) -> &'a Command {
        let mut outer = self.command;
        while let Some(parent) = outer.parent.and_then(|parent| self.script.commands.get(parent as usize)) {
            outer = parent;
        }
        outer
    }

    /// The command that runs this one, if any does.
    #[must_use]
    pub fn parent(&self) -> Option<&'a Command> {
        self.script.commands.get(self.command.parent? as usize)
    }

    /// Whether the whole step fails where this command does, as far as the script tells.
    #[must_use]
    pub fn decides(&self) -> bool {
        if self.script.commands.len() - self.index > LOOK_AHEAD {
            return false;
        }
        let own = self.outermost();
        let is_own = |command: &&Command| command.parent.is_none() && command.span.start > own.span.end;
        let later = || self.script.commands[self.index..].iter().filter(is_own);
        let piped = later().any(|other| other.pipeline.0 == own.pipeline.0);
        if !self.script.clean || own.nesting != Nesting::Plain || piped {
            return false;
        }
        let only_if = later().all(|other| other.nesting == Nesting::Plain && other.guard == Guard::And);
        let errexit = || {
            let options = &self.instruction.before.shell.argv;
            let by_shell =
                options.iter().any(|word| word.starts_with('-') && word[1..].contains('e') && word.len() < 9);
            let next = later().next().map(|next| (next.guard, next.nesting));
            (by_shell || stops_at_errors(self.script)) && matches!(next, None | Some((Guard::Always, Nesting::Plain)))
        };
        only_if || errexit()
    }

    /// What the rest of the step does about a folder: `is_done` tells of a command whether it empties it. Scripts that are
    /// named like a clean-up are taken for one.
    #[must_use]
    pub fn cleanup_behind(&self, is_done: impl Fn(&Command) -> bool) -> Cleanup {
        // Clean-ups stand at the end.
        let mut later = self.script.commands[self.index + 1..].iter().rev().take(LOOK_AHEAD);
        let done = later.any(|command| {
            let name = command.base_name();
            name.contains("clean") || name.contains("Clean") || is_done(command)
        });
        if done { Cleanup::Done } else { Cleanup::Missing }
    }
}

/// Whether a command takes files away below one of `folders`, which are named as they may stand in its words.
#[must_use]
pub fn empties(command: &Command, folders: &[&str]) -> bool {
    let removes = matches!(command.base_name(), "rm" | "find" | "unlink" | "truncate" | "shred" | "mv");
    // `/var/lib/{apt,dpkg}` and what variables hold are taken for the folder.
    let named = |text: &str| folders.iter().any(|folder| text.contains(folder)) || text.contains("/{");
    removes && command.arguments.iter().any(|word| named(&word.text))
}

/// Whether a command works with the package index that `tool` (apt or apk) has on disk, or isn't seen through.
#[must_use]
pub fn may_use_index(command: &Command, tool: Tool) -> bool {
    matches!(touch(command, tool), Touch::Uses | Touch::Unclear)
}

/// Whether a command takes apt's lists away.
#[must_use]
pub fn takes_apt_lists(command: &Command) -> bool {
    let is_distclean = matches!(command.base_name(), "apt-get" | "apt")
        && command.arguments.iter().any(|word| matches!(word.text.as_str(), "distclean" | "dist-clean"));
    let named = ["/var/lib/apt", "apt/lists", "/var/lib/*", "/var/*", "/var/lib/[", "lists/*"];
    is_distclean || empties(command, &named)
}

/// What a command does with the index of `tool`.
fn touch(command: &Command, tool: Tool) -> Touch {
    let name = command.base_name();
    let Some(invocation) = tools::invocation(command).filter(|invocation| invocation.tool == tool) else {
        return match name {
            "aptitude" | "nala" | "apt-fast" if tool == Tool::Apt => {
                let is = |verb: &str| command.arguments.iter().any(|word| word.text == verb);
                if is("update") { Touch::Fetches } else { Touch::Uses }
            }
            "apt-cache" | "apt-file" | "gdebi" | "mk-build-deps" | "rosdep" | "tasksel" | "apt-rdepends"
            | "apt-clone"
                if tool == Tool::Apt =>
            {
                Touch::Uses
            }
            // What is gone is as good as fetched anew: nobody works with the old one.
            "rm" | "find" if tool == Tool::Apt && takes_apt_lists(command) => Touch::Fetches,
            _ if is_opaque(command) => Touch::Unclear,
            _ => Touch::Nothing,
        };
    };
    let certain = matches!(command.nesting, Nesting::Plain | Nesting::Argument) && command.guard != Guard::Or;
    let own_index = invocation.has("--no-cache") || invocation.has("--update-cache");
    match (tool, invocation.verb()) {
        (_, "update") if certain => Touch::Fetches,
        (_, "update") => Touch::Nothing,
        (Tool::Apt, "list") if invocation.has("--installed") || invocation.has("--manual-installed") => Touch::Nothing,
        (
            Tool::Apt,
            "" | "remove" | "purge" | "autoremove" | "autopurge" | "clean" | "autoclean" | "distclean" | "dist-clean"
            | "auto-remove" | "auto-clean" | "mark" | "help" | "changelog",
        ) => Touch::Nothing,
        (Tool::Apk, _) if own_index => Touch::Nothing,
        (
            Tool::Apk,
            "" | "del" | "info" | "cache" | "stats" | "audit" | "verify" | "version" | "index" | "manifest",
        ) => Touch::Nothing,
        _ => Touch::Uses,
    }
}

/// Whether a command runs something that isn't seen through: a script, a target of make that prepares the machine, a
/// configuration manager.
fn is_opaque(command: &Command) -> bool {
    let (name, base) = (command.name.text.as_str(), command.base_name());
    let mut words = command.arguments.iter().map(|word| word.text.as_str());
    match base {
        "sh" | "bash" | "dash" | "ash" | "zsh" | "ksh" => {
            let commands =
                words.clone().any(|word| word.starts_with('-') && !word.starts_with("--") && word.contains('c'));
            let fed =
                command.pipeline.1 > 0 || command.redirects.iter().any(|redirect| redirect.operator.starts_with('<'));
            !commands && (fed || words.any(|word| !word.starts_with('-')))
        }
        "source" | "." | "eval" | "ansible-playbook" | "ansible" | "ansible-pull" | "puppet" | "chef-client"
        | "chef-solo" | "salt-call" | "pyinfra" | "cloud-init" => true,
        "make" | "just" | "task" | "rake" => words.any(|word| {
            ["dep", "setup", "prereq", "bootstrap", "provision", "apt", "system"].iter().any(|part| word.contains(part))
        }),
        _ => {
            let script = base.ends_with(".sh") || base.ends_with(".bash") || base.starts_with("install-");
            let elsewhere = name.contains('/') && !name.contains("/bin/") && !name.contains("/sbin/");
            script || elsewhere || name.contains('$')
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::text::Source;

    use super::*;

    fn read(text: &str) -> Dockerfile {
        Dockerfile::new("Dockerfile", Source::from(text))
    }

    /// What the steps behind the first RUN make of the index.
    fn reliance(text: &str, tool: Tool) -> &'static str {
        let file = read(text);
        let run = file.instructions.iter().position(|one| one.ast.keyword == Keyword::Run);
        match run.map(|run| file.reliance_on_index(run, tool)) {
            Some(Reliance::Used(_)) => "used",
            Some(Reliance::Unclear(_)) => "unclear",
            Some(Reliance::Nothing) => "nothing",
            None => "no RUN",
        }
    }

    #[test]
    fn later_steps_use_an_index_or_fetch_their_own() {
        for (rest, expected) in [
            ("RUN apt-get install a", "used"),
            ("RUN sudo apt install a", "used"),
            ("RUN sh -c 'apt-get install a'", "used"),
            ("RUN apt-get update && apt-get install a", "nothing"),
            ("RUN rm -rf /var/lib/apt/lists/*\nRUN apt-get install a", "nothing"),
            ("RUN true || apt-get update; apt-get install a", "used"),
            ("RUN if a; then apt-get update; fi; apt-get install a", "used"),
            ("RUN apt-get remove a && apt list --installed && dpkg -i a.deb && make && pip install a", "nothing"),
            ("RUN ./setup.sh", "unclear"),
            ("RUN bash /tmp/setup", "unclear"),
            ("RUN curl x | bash", "unclear"),
            ("RUN bash -c 'make all'", "nothing"),
            ("RUN make install-deps", "unclear"),
            ("RUN /opt/venv/bin/pip install a && /usr/bin/env", "nothing"),
            ("RUN $INSTALL a", "unclear"),
            ("RUN \"", "unclear"),
            ("RUN ./setup.sh && apt-get install a", "used"),
            ("ONBUILD RUN apt-get install a", "used"),
            ("ONBUILD RUN apt-get update && apt-get install a", "nothing"),
            ("CMD apt-get install a", "used"),
            ("ENTRYPOINT [\"/entrypoint.sh\"]", "nothing"),
            ("FROM a\nRUN apt-get install a", "used"),
            ("FROM c\nRUN apt-get install a", "nothing"),
            ("FROM a AS d\nRUN apt-get update\nFROM d\nRUN apt-get install a", "nothing"),
            ("FROM c\nCOPY --from=a / /\nRUN true", "unclear"),
            ("FROM c\nCOPY --from=a /app /app\nRUN apt-get install a", "nothing"),
        ] {
            let text = format!("FROM debian AS a\nRUN apt-get update\n{rest}\n");
            assert_eq!(reliance(&text, Tool::Apt), expected, "{text}");
        }
        for (rest, expected) in [
            ("RUN apk add a", "used"),
            ("RUN apk add --no-cache a", "nothing"),
            ("RUN apk add -U a", "nothing"),
            ("RUN apk del a", "nothing"),
        ] {
            let text = format!("FROM alpine AS a\nRUN apk update\n{rest}\n");
            assert_eq!(reliance(&text, Tool::Apk), expected, "{text}");
        }
    }

    #[test]
    fn a_step_fails_with_the_commands_that_decide() {
        for (body, expected) in [
            ("x", true),
            ("a && x && b", true),
            ("sudo x && b", true),
            ("a; x", true),
            ("a | x", true),
            ("set -e; x; b", true),
            ("x || true", false),
            ("x; b", false),
            ("x | a", false),
            ("a && x; b", false),
            ("if a; then x; fi", false),
            ("set -e; x && b; c", false),
            ("set -e; x || b", false),
            ("x && if a; then b; fi", false),
        ] {
            let text = format!("FROM a\nRUN {body}\n");
            let file = read(&text);
            let found = file.run_commands().find(|command| command.command.base_name() == "x");
            assert_eq!(found.map(|command| command.decides()), Some(expected), "{body}");
        }
        let text = "FROM a\nSHELL [\"/bin/bash\", \"-eo\", \"pipefail\", \"-c\"]\nRUN x; b\n";
        assert_eq!(read(text).run_commands().next().map(|command| command.decides()), Some(true));
    }

    #[test]
    fn mounts_cover_what_lies_below_them() {
        let file = read("FROM a\nRUN --mount=type=cache,target=/var/lib/apt b\n");
        let run = &file.instructions[1];
        assert!(run.is_mounted("/var/lib/apt/lists") && run.is_mounted("/var/lib/apt"));
        assert!(!run.is_mounted("/var/lib") && !run.is_mounted("/var/lib/apt2"));
        assert!(run.mounts_something_like("lib/apt"));
    }

    #[test]
    fn an_option_goes_behind_a_word_as_it_is_written() {
        let option = |text: &str| {
            let file = read(text);
            let command = file.run_commands().find(|command| command.command.base_name() == "x")?;
            let edit = file.insert_option(&command, command.command.arguments.first()?, "-y")?;
            crate::text::apply(text, &[edit]).ok()
        };
        assert_eq!(option("FROM a\nRUN x \\\n  b \\\n  c\n").as_deref(), Some("FROM a\nRUN x \\\n  b -y \\\n  c\n"));
        assert_eq!(option("FROM a\nRUN sh -c 'x b c'\n").as_deref(), Some("FROM a\nRUN sh -c 'x b -y c'\n"));
        for text in
            ["FROM a\nRUN [\"x\", \"b\"]\n", "FROM a\nRUN x 'b'\n", "FROM a\nRUN x b\\\nc\n", "FROM a\nRUN x b; \"\n"]
        {
            assert_eq!(option(text), None, "{text}");
        }
    }
}
