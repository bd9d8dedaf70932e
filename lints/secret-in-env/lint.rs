//! Secrets in ENV, which every container and everyone who can pull the image gets to see.

mod image;

use crate::diagnostic::{Category, Confidence, Fix, Safety, Severity};
use crate::lint::{Draft, Findings, Lint};
use crate::model::{BindingKind, Dockerfile, Instruction, Origin, Without};
use crate::secret::{self, Secret};
use crate::syntax::ast::{Arguments, Keyword, Pair};
use crate::text::Span;

pub(super) static LINT: Lint = Lint {
    summary: "A secret is set with ENV",
    category: Category::Secret,
    severity: Severity::High,
    aliases: &[
        "DL3064",
        "SecretsUsedInArgOrEnv",
        "DS-0031",
        "c3e1b6ae",
        "S6472",
        "CIS-DI-0010",
        "CIS-4.10",
        "tally/secrets-in-code",
    ],
    sources: &[
        "https://docs.docker.com/reference/build-checks/secrets-used-in-arg-or-env/",
        "https://docs.docker.com/build/building/secrets/",
        "CIS Docker Benchmark 1.6.0, 4.10",
    ],
    dockerfile: Some(check),
    image: Some(image::check),
    ..Lint::BASE
};

/// Ids of checks that go by a variable's name.
const BY_NAME: [&str; 7] =
    ["DL3064", "SecretsUsedInArgOrEnv", "DS-0031", "c3e1b6ae", "S6472", "CIS-DI-0010", "CIS-4.10"];
/// Ids of checks that go by a value's form.
const BY_FORM: [&str; 3] = ["c3e1b6ae", "CIS-4.10", "tally/secrets-in-code"];

/// At most so many pairs of an instruction are looked at: what holds more is data.
const MOST: usize = 500;

/// For at most so many variables a fix is looked for, each time through the whole file.
const MOST_FIXES: usize = 50;

const HELP: &str = "Take it out, replace it where it is in use, and hand it over when the container starts, or to one RUN \
                    with `--mount=type=secret`";

fn check(dockerfile: &Dockerfile, findings: &mut Findings) {
    let shipped = dockerfile.shipped();
    let mut fixes = 0;
    let mut take_out = |index: usize, pair: &Pair, argument: Option<&str>| {
        fixes += 1;
        if fixes <= MOST_FIXES { take_out(dockerfile, index, pair, argument) } else { None }
    };
    for (index, instruction) in dockerfile.instructions.iter().enumerate() {
        let ast = instruction.effective();
        let (Keyword::Env, Arguments::Pairs(pairs)) = (ast.keyword, &ast.arguments) else { continue };
        let is_shipped = instruction.stage.is_some_and(|stage| shipped[stage]);
        for (pair, value) in pairs.iter().zip(&instruction.values).take(MOST) {
            let found = value.known().and_then(|text| Some((secret::in_assignment(&pair.name.text, text)?, text)));
            match found {
                // What another ENV set is reported there.
                Some(_) if comes_from_env(instruction, pair) => {}
                Some((secret, text)) => {
                    let draft = literal(findings, pair, &secret, text, is_shipped);
                    if let Some(fix) = take_out(index, pair, None) {
                        draft.fix(fix);
                    }
                }
                None => {
                    let Some((argument, place)) = argument_in(instruction, pair) else { continue };
                    let draft = from_argument(findings, pair, argument, place, is_shipped);
                    if let Some(fix) = take_out(index, pair, Some(argument)) {
                        draft.fix(fix);
                    }
                }
            }
        }
    }
}

fn literal<'a>(
    findings: &'a mut Findings,
    pair: &Pair,
    secret: &Secret,
    value: &str,
    is_shipped: bool,
) -> &'a mut Draft {
    let (name, kind, shown) = (&pair.name.text, article(secret.kind), &secret.shown);
    let draft = findings.report(pair.value.span, format!("`{name}` holds {kind}: {shown}"));
    draft.because(why(is_shipped)).help(HELP).confidence(secret.confidence).hide(pair.value.span);
    draft.aliases(if secret::is_secret_name(name) { &BY_NAME } else { &BY_FORM });
    let form = secret::in_text(value);
    if !form.is_empty() && secret::is_secret_name(name) {
        draft.aliases(&["tally/secrets-in-code"]);
    }
    weigh(draft, secret.confidence, is_shipped);
    draft
}

/// The build argument with the name of a secret that fills an ENV, and where it is declared.
fn argument_in<'a>(instruction: &Instruction, pair: &'a Pair) -> Option<(&'a str, Span)> {
    variables(&pair.value.text).find_map(|name| {
        let binding = instruction.before.variables.get(name)?;
        let Origin::Instruction(_, place) = binding.origin else { return None };
        let default = binding.value.as_ref().map_or("", |value| value.text.as_str());
        let open = secret::is_placeholder(default);
        let asks = secret::is_secret_name(name) || secret::is_secret_name(&pair.name.text);
        (binding.kind == BindingKind::Arg && open && asks).then_some((name, place))
    })
}

/// An ENV that is filled from a build argument with the name of a secret keeps whatever the build was given.
fn from_argument<'a>(
    findings: &'a mut Findings,
    pair: &Pair,
    argument: &str,
    declared: Span,
    is_shipped: bool,
) -> &'a mut Draft {
    let name = &pair.name.text;
    let draft = findings.report(
        pair.name.span.cover(pair.value.span),
        format!("`{name}` keeps the secret that the build is given in the argument `{argument}`"),
    );
    draft.because(why(is_shipped)).help(HELP).aliases(&BY_NAME).confidence(Confidence::Medium);
    draft.label(declared, "the build argument");
    weigh(draft, Confidence::Medium, is_shipped);
    draft
}

/// Takes the variable out, with the build argument that fills it where it serves nothing else, and gives the RUNs that
/// name it a build secret.
fn take_out(dockerfile: &Dockerfile, index: usize, pair: &Pair, argument: Option<&str>) -> Option<Fix> {
    let name = pair.name.text.as_str();
    let instruction = dockerfile.instructions.get(index)?;
    let mentions = dockerfile.mentions(name);
    let Arguments::Pairs(pairs) = &instruction.ast.arguments else { return None };
    let mut neighbours = pairs.iter().filter(|other| other.name.span != pair.name.span);
    let is_used = |name: &str| variables(&pair.value.text).any(|used| used == name);
    let feeds = neighbours.any(|it| variables(&it.value.text).any(|used| used == name || Some(used) == argument));
    // The pair itself may name the variable: `ENV TOKEN=$TOKEN`.
    let others = |others: &[usize], name: &str| others.iter().any(|&other| other != index || !is_used(name));
    if instruction.is_trigger() || feeds || others(&mentions.others, name) {
        return None;
    }
    let (mut edits, mut gone) = match dockerfile.without_pair(index, pair)? {
        Without::Command(edit) => (vec![edit], Vec::new()),
        Without::Step(edit) => (vec![edit], vec!["ENV"]),
    };
    if let Some(argument) = argument {
        let used = dockerfile.mentions(argument);
        if others(&used.others, argument) || argument != name && !used.runs.is_empty() {
            return None;
        }
        let (more, arguments) = dockerfile.without_argument(argument)?;
        edits.extend(more);
        gone.extend(std::iter::repeat_n("ARG", arguments));
    }
    let mounts = dockerfile.mount_secret(&mentions.runs, name)?;
    let fix = if mounts.is_empty() {
        let why = "whoever starts a container has to hand it over, if anything in it reads the variable";
        Fix::suggestion(format!("Take `{name}` out of ENV"), why, edits)
    } else {
        edits.extend(mounts);
        let started = !mentions.starts.is_empty();
        let safety = if started { Safety::Suggestion } else { Safety::Unsafe };
        let why = if started {
            format!(
                "builds have to pass `--secret id={name}`, and the container's own command needs it handed over too"
            )
        } else {
            format!(
                "builds have to pass `--secret id={name}`, to BuildKit with Dockerfile 1.10, and the app may read the \
                 variable"
            )
        };
        Fix::new(format!("Give `{name}` as a build secret to the RUNs that name it"), safety, why, edits)
    };
    Some(gone.into_iter().fold(fix, Fix::removes))
}

fn weigh<P: Clone>(draft: &mut Draft<P>, confidence: Confidence, is_shipped: bool) {
    if !is_shipped || confidence == Confidence::Low {
        draft.severity(Severity::Medium);
    }
}

fn why(is_shipped: bool) -> &'static str {
    if is_shipped {
        "everyone who can pull the image can read its variables, and every process in it inherits them"
    } else {
        "this stage isn't the image that a plain build makes, but its variables stay in the build cache, and in an image \
         built from it"
    }
}

/// Whether the value only repeats variables that an ENV set.
fn comes_from_env(instruction: &Instruction, pair: &Pair) -> bool {
    let mut names = variables(&pair.value.text).peekable();
    names.peek().is_some()
        && names
            .all(|name| instruction.before.variables.get(name).is_some_and(|binding| binding.kind == BindingKind::Env))
        && secret::in_assignment(&pair.name.text, &pair.value.text).is_none()
}

/// Names behind `$` or `${` in a value.
fn variables(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices('$').filter_map(|(at, _)| {
        let rest = text[at + 1..].trim_start_matches('{');
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
        (end > 0).then(|| &rest[..end])
    })
}

fn article(kind: &str) -> String {
    let vowel = kind.starts_with(['a', 'e', 'i', 'o', 'A', 'O']) || kind.starts_with("npm");
    format!("{} {kind}", if vowel { "an" } else { "a" })
}
