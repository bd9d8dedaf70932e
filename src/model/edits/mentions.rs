//! Which instructions name a variable, and what a RUN has to be given to have it as a secret instead.

use crate::shell::Dialect;
use crate::syntax::ast::{Arguments, GapKind, Keyword, Word};
use crate::text::Edit;

use crate::model::{Dockerfile, Without};

/// The instructions (indices) that use a variable.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Mentions {
    /// RUNs whose text has the name as a word of its own, in whatever language.
    pub runs: Vec<usize>,
    /// Other instructions that expand it (`$NAME`, `${NAME}`).
    pub others: Vec<usize>,
    /// ENTRYPOINTs, CMDs and HEALTHCHECKs that have the name: containers use it.
    pub starts: Vec<usize>,
}

impl Dockerfile {
    /// Who uses the variable `name`; the instructions that set it don't count for that.
    #[must_use]
    pub fn mentions(&self, name: &str) -> Mentions {
        let mut mentions = Mentions::default();
        for (index, instruction) in self.instructions.iter().enumerate() {
            let ast = instruction.effective();
            let uses = |expanded: bool| {
                let text = self.text(ast.span);
                whole_words(text, name).any(|at| {
                    let offset = ast.span.start + at as u32;
                    let in_comment = ast
                        .gaps
                        .iter()
                        .any(|gap| gap.kind == GapKind::Comment && gap.span.start <= offset && offset < gap.span.end);
                    let dollar = text[..at].trim_end_matches('{').ends_with('$');
                    !in_comment && (dollar || !expanded)
                })
            };
            match ast.keyword {
                Keyword::Run if uses(false) => mentions.runs.push(index),
                Keyword::Entrypoint | Keyword::Cmd | Keyword::Healthcheck if uses(false) => mentions.starts.push(index),
                Keyword::Run | Keyword::Entrypoint | Keyword::Cmd | Keyword::Healthcheck => {}
                _ if uses(true) => mentions.others.push(index),
                _ => {}
            }
        }
        mentions
    }

    /// Gives those of `runs` that have the variable `name` in force it as a secret, whoever set it; none of them, an empty
    /// list. `None` where one can't have it: it sets the variable itself, is for another shell than POSIX, or runs later
    /// (ONBUILD), or the frontend is too old.
    #[must_use]
    pub fn mount_secret(&self, runs: &[usize], name: &str) -> Option<Vec<Edit>> {
        let mut edits = Vec::new();
        for instruction in runs.iter().filter_map(|&index| self.instructions.get(index)) {
            let ast = &instruction.ast;
            if instruction.before.variables.get(name).is_none() {
                continue;
            }
            let posix = instruction.before.shell.dialect == Dialect::Posix;
            let commands = || instruction.scripts.iter().flat_map(|script| &script.commands);
            let sets = commands().flat_map(|command| &command.assignments).any(|assignment| assignment.name == name);
            let (id, variable) = (format!("id={name}"), format!("env={name}"));
            let has = |field: &str| {
                let mut mounts = instruction.flags().filter(|(flag, _)| flag.name == "mount");
                mounts.any(|(_, value)| value.text.split(',').any(|one| one == field))
            };
            if ast.keyword != Keyword::Run || !posix || sets || !self.frontend_reads(1, 10) {
                return None;
            }
            if has(&variable) {
                continue;
            }
            if has(&id) {
                return None;
            }
            edits.push(instruction.with_flag(&format!("--mount=type=secret,{id},{variable}")));
        }
        Some(edits)
    }

    /// Takes every declaration of the build argument `name` out: the edits, and how many instructions go with them.
    #[must_use]
    pub fn without_argument(&self, name: &str) -> Option<(Vec<Edit>, usize)> {
        let mut edits = Vec::new();
        let mut gone = 0;
        for (index, instruction) in self.instructions.iter().enumerate() {
            let ast = instruction.effective();
            let (Keyword::Arg, Arguments::Words(words)) = (ast.keyword, &ast.arguments) else { continue };
            let named: Vec<&Word> = words.iter().filter(|word| word.text.split('=').next() == Some(name)).collect();
            match named[..] {
                [] => {}
                [word] if !instruction.is_trigger() => match self.without_word(index, word, 0)? {
                    Without::Command(edit) => edits.push(edit),
                    Without::Step(edit) => {
                        edits.push(edit);
                        gone += 1;
                    }
                },
                _ => return None,
            }
        }
        Some((edits, gone))
    }

    /// Whether the frontend that reads the file knows what came with version `major.minor` of Dockerfile, as far as
    /// `# syntax=` tells: without the line it is the builder's own, which is taken to be a new one.
    #[must_use]
    pub fn frontend_reads(&self, major: u32, minor: u32) -> bool {
        let Some(directive) = self.directives.iter().find(|directive| directive.name == "syntax") else { return true };
        let name = directive.value.split(['@', ' ', '\t']).next().unwrap_or("");
        let Some((repository, tag)) = name.rsplit_once(':') else { return name.ends_with("docker/dockerfile") };
        if !repository.ends_with("docker/dockerfile") && !repository.ends_with("docker/dockerfile-upstream") {
            return false;
        }
        let mut parts = tag.split(['.', '-']);
        match (parts.next().map(str::parse::<u32>), parts.next().map(str::parse::<u32>)) {
            (Some(Ok(first)), Some(Ok(second))) => (first, second) >= (major, minor),
            // `1` and `1-labs` are the newest of their major version.
            (Some(Ok(first)), _) => first >= major,
            _ => tag == "latest" || tag == "labs" || tag == "master",
        }
    }
}

/// Where `name` stands in `text` with nothing that belongs to a name beside it.
fn whole_words<'a>(text: &'a str, name: &'a str) -> impl Iterator<Item = usize> + 'a {
    let is_part = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    memchr::memmem::find_iter(text.as_bytes(), name.as_bytes()).filter(move |&at| {
        let before = at.checked_sub(1).and_then(|before| text.as_bytes().get(before));
        !name.is_empty() && !is_part(before) && !is_part(text.as_bytes().get(at + name.len()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Source;

    fn read(text: &str) -> Dockerfile {
        Dockerfile::new("Dockerfile", Source::from(text))
    }

    #[test]
    fn a_variable_is_used_where_it_is_named() {
        let file = read(
            "FROM a\nARG TOKEN\nENV X=$TOKEN TOKEN_X=1\nRUN echo $TOKEN_X\nRUN a \\\n # TOKEN\n b\nRUN node -e process.env.TOKEN\nCMD echo ${TOKEN}\n",
        );
        let mentions = file.mentions("TOKEN");
        assert_eq!((mentions.runs, mentions.others, mentions.starts), (vec![5], vec![2], vec![6]));
    }

    #[test]
    fn the_frontend_is_known_by_its_tag() {
        let reads = |line: &str| read(&format!("{line}FROM a\n")).frontend_reads(1, 10);
        assert!(
            reads("") && reads("# syntax=docker/dockerfile:1\n") && reads("# syntax=docker/dockerfile:1.10-labs\n")
        );
        assert!(!reads("# syntax=docker/dockerfile:1.4\n") && !reads("# syntax=other/frontend:2\n"));
    }

    #[test]
    fn secrets_go_to_the_runs_that_had_the_variable() {
        let file = read("FROM a\nRUN echo $T\nARG T\nRUN --network=none echo $T\nRUN T=1 echo\nARG A=1 T\n");
        let runs = |runs: &[usize]| file.mount_secret(runs, "T").map(|edits| edits.len());
        assert_eq!((runs(&[1]), runs(&[3]), runs(&[4])), (Some(0), Some(1), None));
        let (edits, gone) = file.without_argument("T").expect("plain declarations");
        assert_eq!((edits.len(), gone), (2, 1));
    }
}
