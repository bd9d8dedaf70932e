//! What mends a download: the switch taken out, or the address with TLS.

use super::Evidence;
use super::address::Address;
use crate::diagnostic::{Fix, Safety};
use crate::model::{CommandRef, Dockerfile, Origin, Without};
use crate::shell::tools::{self, Written};
use crate::shell::{Guard, Nesting, Word};
use crate::syntax::ast::{Arguments, Keyword};
use crate::tables::{serves_ftp_as_https, serves_https};
use crate::text::{Edit, Span};

/// What has to go for a switch to be gone.
pub(super) enum Removal {
    /// Nothing that is known to be right.
    Unknown,
    /// Words with all that stands between them, each span for itself.
    Words(Vec<Span>),
    /// A letter of a cluster such as `-skL`: the word's span.
    Letter(Span),
    /// The whole command.
    Step,
}

impl Removal {
    /// Words, where it is known which.
    pub(super) fn words(spans: Option<Vec<Span>>) -> Self {
        spans.map_or(Self::Unknown, Self::Words)
    }

    /// The words that hold an option, by its long name or as `-k`, alone or in a cluster.
    pub(super) fn options(words: Vec<&Word>) -> Self {
        match &words[..] {
            [one] if !one.text.starts_with("--") && one.text.len() > 2 => Self::Letter(one.span),
            many if many.iter().all(|word| word.text.starts_with("--") || word.text.len() == 2) => {
                Self::Words(words.iter().map(|word| word.span).collect())
            }
            _ => Self::Unknown,
        }
    }
}

/// At most so many commands are searched for an earlier download.
const MOST_COMMANDS: usize = 2000;

const TITLE: &str = "Leave certificates to be checked";
const WHY: &str = "the build fails where the server's certificate is not one that the image trusts";

/// Takes out what a command switches off.
pub(super) fn of_switches(dockerfile: &Dockerfile, command: CommandRef<'_>, found: &[Evidence]) -> Option<Fix> {
    if let [Evidence { removal: Removal::Step, .. }] = found {
        return without(dockerfile, command);
    }
    let mut edits = Vec::new();
    for evidence in found {
        match &evidence.removal {
            Removal::Words(spans) if !spans.is_empty() => {
                for span in spans {
                    edits.push(dockerfile.without_words(command.instruction_index, *span)?);
                }
            }
            Removal::Letter(word) => {
                let written = dockerfile.text(*word);
                let at = word.start + written.find('k')? as u32;
                let is_plain = written.matches('k').count() == 1 && written.starts_with('-');
                edits.push(is_plain.then(|| Edit::delete(Span::new(at, at + 1)))?);
            }
            _ => return None,
        }
    }
    (!edits.is_empty()).then(|| Fix::risky(TITLE, WHY, edits))
}

fn without(dockerfile: &Dockerfile, command: CommandRef<'_>) -> Option<Fix> {
    let (edit, is_step) = match dockerfile.without_step(&command)? {
        Without::Command(edit) => (edit, false),
        Without::Step(edit) => (edit, true),
    };
    let fix = Fix::risky(TITLE, WHY, vec![edit]);
    let fix = if is_step { fix.removes("RUN") } else { fix };
    let names = command.names_within();
    Some(names.iter().fold(fix, |fix, name| fix.removes_command(name)))
}

/// A command that writes one line and nothing else is the switch itself.
pub(super) fn of_written(command: CommandRef<'_>, written: &Written) -> Removal {
    let echoes = matches!(command.command.base_name(), "echo" | "printf");
    let one_line = written.text.lines().filter(|line| !line.trim().is_empty()).count() == 1;
    if echoes && one_line && !command.command.redirects.is_empty() { Removal::Step } else { Removal::Unknown }
}

/// Takes a variable out of the ENV or ARG at `index` that stands at `span`.
pub(super) fn of_variable(dockerfile: &Dockerfile, index: usize, span: Span) -> Option<Fix> {
    let ast = &dockerfile.instructions.get(index)?.ast;
    let without = match &ast.arguments {
        Arguments::Pairs(pairs) if ast.keyword == Keyword::Env => {
            let pair = pairs.iter().find(|pair| pair.name.span.cover(pair.value.span) == span)?;
            dockerfile.without_pair(index, pair)?
        }
        Arguments::Words(words) if ast.keyword == Keyword::Arg => {
            dockerfile.without_word(index, words.iter().find(|word| word.span == span)?, 0)?
        }
        _ => return None,
    };
    let why = "the build or the app fails where a server's certificate is not one that the image trusts";
    Some(match without {
        Without::Command(edit) => Fix::risky(TITLE, why, vec![edit]),
        Without::Step(edit) => Fix::risky(TITLE, why, vec![edit]).removes(ast.keyword.as_str()),
    })
}

/// Takes a line out of a configuration file.
pub(super) fn of_line(line: Span) -> Fix {
    Fix::risky(TITLE, "what reads the file fails where a server's certificate is not trusted", vec![Edit::delete(line)])
}

/// Fetches over https: known to work for some hosts, to be tried for others.
pub(super) fn of_addresses(dockerfile: &Dockerfile, command: CommandRef<'_>, addresses: &[Address]) -> Option<Fix> {
    let mut edits = Vec::new();
    let mut is_known = true;
    let mut by_variable = false;
    for address in addresses {
        let known = match address.scheme.as_str() {
            "http" => serves_https(&address.host),
            "git" => ["github.com", "gitlab.com"].contains(&address.host.as_str()),
            _ => serves_ftp_as_https(&address.host) && !address.shown.contains(['*', '?', '[']) && !recurses(command),
        };
        // What listens at another port, or was only ever offered by other protocols, is not known to have TLS.
        if !known && (address.scheme != "http" || address.host.contains(':')) {
            return None;
        }
        is_known &= known;
        let edit = match &address.variable {
            None => encrypted(dockerfile, address, address.span)?,
            Some(name) => {
                by_variable = true;
                encrypted(dockerfile, address, value_of(dockerfile, command, name)?)?
            }
        };
        if !edits.contains(&edit) {
            edits.push(edit);
        }
    }
    if !command.script.clean {
        return None;
    }
    let (safety, why) = if !is_known {
        (Safety::Suggestion, "whether the server offers the same over https has to be tried")
    } else if by_variable {
        (Safety::Unsafe, "others use the variable too, and the image may have no certificates to check against")
    } else if brings_certificates(command) {
        (Safety::Safe, "the server is known to offer the same over https, and the program brings its own certificates")
    } else if fetched_before(dockerfile, command) {
        let why = "the server is known to offer the same over https, and this stage has fetched over https before";
        (Safety::Safe, why)
    } else {
        (Safety::Unsafe, "the download fails where the image has no certificates of authorities to check against")
    };
    Some(Fix::new("Fetch over https", safety, why, edits))
}

/// Puts `https` in the place of the address's scheme, which stands in the text at `span` once.
fn encrypted(dockerfile: &Dockerfile, address: &Address, span: Span) -> Option<Edit> {
    let scheme = format!("{}://", address.scheme);
    let mut places = dockerfile.text(span).match_indices(&scheme).map(|(at, _)| at);
    let at = places.next().filter(|_| places.next().is_none())? as u32 + span.start;
    Some(Edit::replace(Span::new(at, at + address.scheme.len() as u32), "https"))
}

/// Where the value of a variable stands that ENV or ARG set, or the script itself.
fn value_of(dockerfile: &Dockerfile, command: CommandRef<'_>, name: &str) -> Option<Span> {
    let own = command.script.commands.get(..command.index)?.iter().flat_map(|it| &it.assignments);
    let mut own = own.filter(|assignment| assignment.name == name);
    if let Some(first) = own.next() {
        return own.next().is_none().then_some(first.value.span);
    }
    let Origin::Instruction(index, place) = command.instruction.before.variables.get(name)?.origin else { return None };
    match &dockerfile.instructions.get(index)?.ast.arguments {
        Arguments::Pairs(pairs) => Some(pairs.iter().find(|pair| pair.name.span == place)?.value.span),
        Arguments::Words(words) => Some(words.iter().find(|word| word.span.contains(place))?.span),
        _ => None,
    }
}

/// Node.js has Mozilla's authorities built in.
fn brings_certificates(command: CommandRef<'_>) -> bool {
    matches!(command.command.base_name(), "npm" | "yarn" | "pnpm")
}

fn recurses(command: CommandRef<'_>) -> bool {
    tools::invocation(command.command)
        .is_none_or(|it| it.has("--recursive") || it.has("--mirror") || it.has("--accept"))
}

/// Whether the same program has fetched over https before, in a step of the stage that can't have been skipped.
fn fetched_before(dockerfile: &Dockerfile, command: CommandRef<'_>) -> bool {
    let earlier = dockerfile.run_commands().take(MOST_COMMANDS);
    let mut earlier = earlier.take_while(|it| !std::ptr::eq(it.command, command.command));
    earlier.any(|it| {
        let own = it.command;
        it.instruction.stage == command.instruction.stage
            && own.base_name() == command.command.base_name()
            && own.nesting == Nesting::Plain
            && own.guard != Guard::Or
            && it.script.clean
            && !tools::invocation(own).is_some_and(|it| it.has("--insecure") || it.has("--no-check-certificate"))
            && own.arguments.iter().any(|word| word.text.starts_with("https://"))
            && is_decisive(&it)
    })
}

/// Whether the step fails where the command does, as far as its neighbours tell.
fn is_decisive(command: &CommandRef<'_>) -> bool {
    let behind = command.script.commands.get(command.index + 1..).unwrap_or(&[]);
    let pipeline = command.command.pipeline.0;
    command.command.pipeline.1 == 0
        && behind
            .iter()
            .all(|other| other.pipeline.0 != pipeline && other.guard == Guard::And || other.parent.is_some())
}
