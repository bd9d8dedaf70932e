//! Images taken by a name that somebody else can point at other bytes.

use crate::diagnostic::{Category, Confidence, Fix, Severity};
use crate::lint::{Findings, Lint};
use crate::model::{Base, Dockerfile, ImageName, Value};
use crate::syntax::ast::{Arguments, Keyword};
use crate::syntax::mount::Mount;
use crate::tables::{TagKind, base_image, tag_kind};
use crate::text::{Edit, Span};

pub(super) static LINT: Lint = Lint {
    summary: "An image is not pinned by digest",
    category: Category::SupplyChain,
    severity: Severity::Medium,
    aliases: &[
        "DL3006",
        "DL3007",
        "DS-0001",
        "CKV_DOCKER_7",
        "9efb0b2d",
        "f45ea400",
        "dockerfile.best-practice.missing-image-version.missing-image-version",
        "dockerfile.best-practice.avoid-latest-version.avoid-latest-version",
        "dockerfile.audit.dockerfile-source-not-pinned.dockerfile-source-not-pinned",
        "missing_tag",
        "latest_tag",
    ],
    sources: &[
        "https://docs.docker.com/build/building/best-practices/#pin-base-image-versions",
        "https://docs.docker.com/reference/dockerfile/#from",
        "https://slsa.dev/spec/v1.0/threats",
    ],
    dockerfile: Some(check),
    ..Lint::BASE
};

fn check(dockerfile: &Dockerfile, findings: &mut Findings) {
    let mut images: Vec<Image> = Vec::new();
    for used in frontend(dockerfile).into_iter().chain(bases(dockerfile)).chain(copied(dockerfile)) {
        if used.image.digest.is_some() || !is_readable(&used.image) {
            continue;
        }
        match images.iter_mut().find(|image| image.first.role == used.role && image.first.image.text == used.image.text)
        {
            Some(image) => image.repeats.push(used),
            None => images.push(Image { first: used, repeats: Vec::new() }),
        }
    }
    for image in &images {
        report(dockerfile, image, findings);
    }
}

/// An image with every place that names it alike.
struct Image {
    first: Use,
    repeats: Vec<Use>,
}

/// One place that names an image.
struct Use {
    image: ImageName,
    role: Role,
    /// Whether what the build makes depends on it.
    reached: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Frontend,
    Base,
    Copied,
    Mounted,
}

fn report(dockerfile: &Dockerfile, image: &Image, findings: &mut Findings) {
    let (first, name) = (&image.first.image, &image.first.image.text);
    let role = image.first.role;
    let kind = tag_kind(first.tag.as_deref());
    let what = match role {
        Role::Frontend => "the Dockerfile frontend",
        Role::Base => "the base image",
        Role::Copied => "the image copied from,",
        Role::Mounted => "the image mounted,",
    };
    let tail = if matches!(role, Role::Copied | Role::Mounted) { "," } else { "" };
    let tag = first.tag.as_deref().unwrap_or("");
    let (message, because) = match kind {
        TagKind::None => (
            format!("{what} `{name}`{tail} has no tag and no digest"),
            "a builder takes `latest`, whatever that is on the day of the build".to_owned(),
        ),
        TagKind::Latest => (
            format!("{what} `{name}`{tail} is whatever was pushed last"),
            "whoever can push to the repository decides what the next build runs, and no build can be repeated"
                .to_owned(),
        ),
        TagKind::Moving => (
            format!("{what} `{name}`{tail} has a tag that moves, and no digest"),
            format!("`{tag}` names another image after the publisher's next release"),
        ),
        TagKind::FullVersion => (
            format!("{what} `{name}`{tail} has a version, and no digest"),
            "a tag can be pushed again with other content; a digest can't".to_owned(),
        ),
    };
    let severity = match kind {
        TagKind::None | TagKind::Latest => Severity::Medium,
        TagKind::Moving => Severity::Low,
        TagKind::FullVersion => Severity::Info,
    };
    let reached = image.first.reached || image.repeats.iter().any(|used| used.reached);
    let severity = if reached { severity } else { severity.min(Severity::Low) };
    // A bare word behind `from=` may be a build context that the command line names.
    let may_be_context = matches!(role, Role::Copied | Role::Mounted)
        && first.registry.is_none()
        && !first.text.contains(['/', ':'])
        && base_image(None, &first.repository, None).is_none();
    let confidence = match kind {
        _ if may_be_context => Confidence::Low,
        _ if first.value.overridable => Confidence::Medium,
        TagKind::None | TagKind::Latest => Confidence::High,
        // What a tag promises is convention.
        TagKind::Moving | TagKind::FullVersion => Confidence::Medium,
    };
    let pinned = match (kind, first.tag.as_deref()) {
        (TagKind::None, _) => format!("{name}:<version>@sha256:<digest>"),
        (TagKind::Latest, Some(tag)) => {
            format!("{}:<version>@sha256:<digest>", name.trim_end_matches(tag).trim_end_matches(':'))
        }
        _ => format!("{name}@sha256:<digest>"),
    };
    let finding = findings.report(first.span, message);
    finding
        .because(because)
        .help(format!("Write `{pinned}`; `docker buildx imagetools inspect` prints the digest"))
        .severity(severity)
        .confidence(confidence);
    if role == Role::Base {
        finding.aliases(aliases(kind));
    }
    for &source in &first.value.sources {
        if let Some(instruction) = dockerfile.instructions.get(source) {
            finding.label(instruction.ast.span, "this sets what FROM names");
        }
    }
    for used in &image.repeats {
        finding.label(used.image.span, "the same image again");
    }
    if let Some(fix) = pin(dockerfile, image) {
        finding.fix(fix);
    }
}

/// Puts the digest that the name means now behind it, everywhere.
fn pin(dockerfile: &Dockerfile, image: &Image) -> Option<Fix> {
    let name = &image.first.image.text;
    let digest = dockerfile.known_of(&image.first.image)?.digest.as_ref()?;
    let mut edits: Vec<Edit> = Vec::new();
    let mut by_registry = false;
    for used in std::iter::once(&image.first).chain(&image.repeats) {
        let certain = place_of_digest(dockerfile, used);
        by_registry |= certain.is_none();
        let at = certain.or_else(|| behind_registry(dockerfile, used))?;
        let edit = Edit::insert(at, format!("@{digest}"));
        if !edits.contains(&edit) {
            edits.push(edit);
        }
    }
    let title = format!("Pin `{name}` to the digest it has now");
    if by_registry {
        let why = "who builds with another registry may find no image with this digest there";
        return Some(Fix::risky(title, why, edits));
    }
    let why = "the digest is the one that the name means now, so that the same image is taken";
    Some(Fix::safe(title, why, edits))
}

/// The end of a name of which variables only say where the image comes from: the digest is the same in every copy.
fn behind_registry(dockerfile: &Dockerfile, used: &Use) -> Option<u32> {
    let written = dockerfile.text(used.image.span);
    let (front, last) = written.rsplit_once('/')?;
    let is_plain = front.starts_with('$')
        && !last.contains(['$', '}', '"', '\''])
        && used.image.text.rsplit('/').next() == Some(last);
    (used.role == Role::Base && is_plain).then_some(used.image.span.end)
}

/// The end of the image's name, where the file has it as it is.
fn place_of_digest(dockerfile: &Dockerfile, used: &Use) -> Option<u32> {
    let image = &used.image;
    let written = dockerfile.text(image.span);
    if written == image.text {
        return Some(image.span.end);
    }
    if written.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) == Some(image.text.as_str()) {
        return Some(image.span.end - 1);
    }
    match used.role {
        Role::Mounted => {
            let field = format!("from={}", image.text);
            let mut places = written.match_indices(&field).map(|(at, _)| at + field.len());
            let end = places.next().filter(|&end| matches!(written.as_bytes().get(end), None | Some(b',')))?;
            places.next().is_none().then_some(image.span.start + end as u32)
        }
        Role::Base => end_of_default(dockerfile, image),
        Role::Copied | Role::Frontend => None,
    }
}

/// The end of the default of the ARG that is all that FROM names, where it is good for nothing else.
fn end_of_default(dockerfile: &Dockerfile, image: &ImageName) -> Option<u32> {
    let name = variable(dockerfile.text(image.span))?;
    let [source] = image.value.sources[..] else { return None };
    let declares = |words: &Arguments| match words {
        Arguments::Words(words) => words.iter().any(|word| word.text.split('=').next() == Some(name)),
        _ => false,
    };
    let all = dockerfile.instructions.iter().enumerate();
    let mut others = all.filter(|(index, it)| *index != source && it.effective().keyword == Keyword::Arg);
    let mentions = dockerfile.mentions(name);
    let names_image = |index: &usize| {
        let ast = &dockerfile.instructions[*index].ast;
        let Arguments::Words(words) = &ast.arguments else { return false };
        let others = words.get(1..).unwrap_or(&[]).iter().map(|word| &word.text);
        let values = ast.flags.iter().filter_map(|flag| flag.value.as_ref()).map(|word| &word.text);
        ast.keyword == Keyword::From
            && words.first().is_some_and(|first| variable(&first.text) == Some(name))
            && !others.chain(values).any(|text| text.contains('$') && text.contains(name))
    };
    if others.any(|(_, other)| declares(&other.effective().arguments)) || !mentions.others.iter().all(names_image) {
        return None;
    }
    let argument = &dockerfile.instructions.get(source)?.ast;
    let Arguments::Words(words) = &argument.arguments else { return None };
    let word = words.iter().find(|word| word.text.split('=').next() == Some(name))?;
    let (_, default) = dockerfile.text(word.span).split_once('=')?;
    let quote = u32::from(default.starts_with(['"', '\'']) && default.len() > 1);
    let bare = default.get(quote as usize..default.len() - quote as usize)?;
    (argument.keyword == Keyword::Arg && bare == image.text).then_some(word.span.end - quote)
}

/// The name in a word that is `$NAME` or `${NAME}` and nothing else.
fn variable(word: &str) -> Option<&str> {
    let rest = word.strip_prefix('$')?;
    let name = rest.strip_prefix('{').map_or(Some(rest), |rest| rest.strip_suffix('}'))?;
    (!name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')).then_some(name)
}

fn aliases(kind: TagKind) -> &'static [&'static str] {
    match kind {
        TagKind::None => &[
            "DL3006",
            "DS-0001",
            "CKV_DOCKER_7",
            "9efb0b2d",
            "dockerfile.best-practice.missing-image-version.missing-image-version",
            "dockerfile.audit.dockerfile-source-not-pinned.dockerfile-source-not-pinned",
            "missing_tag",
        ],
        TagKind::Latest => &[
            "DL3007",
            "DS-0001",
            "CKV_DOCKER_7",
            "f45ea400",
            "dockerfile.best-practice.avoid-latest-version.avoid-latest-version",
            "dockerfile.audit.dockerfile-source-not-pinned.dockerfile-source-not-pinned",
            "latest_tag",
        ],
        TagKind::Moving | TagKind::FullVersion => {
            &["dockerfile.audit.dockerfile-source-not-pinned.dockerfile-source-not-pinned"]
        }
    }
}

/// What FROM names.
fn bases(dockerfile: &Dockerfile) -> Vec<Use> {
    let images = dockerfile.stages.iter().filter_map(|stage| match &stage.base {
        Base::Image(image) if tag_is_known(dockerfile, image) => {
            Some(Use { image: image.clone(), role: Role::Base, reached: stage.reached })
        }
        _ => None,
    });
    images.collect()
}

/// Whether no unknown variable takes part in the last part of the name, where the tag is. `$REGISTRY/node` has no tag
/// whatever the registry; of `node:$VERSION` nothing can be said.
fn tag_is_known(dockerfile: &Dockerfile, image: &ImageName) -> bool {
    if image.value.unknown.is_empty() {
        return true;
    }
    let written = dockerfile.text(image.span);
    let last = written.rsplit_once('/').map_or(written, |(_, last)| last);
    !last.contains(['$', '}'])
}

/// What COPY, ADD and RUN take from images.
fn copied(dockerfile: &Dockerfile) -> Vec<Use> {
    let mut uses = Vec::new();
    for instruction in &dockerfile.instructions {
        let Some(stage) = instruction.stage else { continue };
        let reached = dockerfile.stages.get(stage).is_some_and(|stage| stage.reached);
        let keyword = instruction.effective().keyword;
        for (flag, value) in instruction.flags() {
            let (from, role) = match (keyword, flag.name.as_str()) {
                (Keyword::Copy | Keyword::Add, "from") => (Some(value.text.clone()), Role::Copied),
                (Keyword::Run, "mount") => {
                    let from = Mount::parse(&value.text).ok().and_then(|mount| mount.from().map(str::to_owned));
                    (from, Role::Mounted)
                }
                _ => continue,
            };
            let Some(from) = from.filter(|from| is_image(dockerfile, from, stage, value)) else { continue };
            let value = Value { text: from, ..value.clone() };
            let span = flag.value.as_ref().map_or(flag.span, |word| word.span);
            uses.push(Use { image: ImageName::parse(value, span), role, reached });
        }
    }
    uses
}

/// Whether `from` names an image, as far as the file tells: no stage, no number of one, nothing unknown.
fn is_image(dockerfile: &Dockerfile, from: &str, stage: usize, value: &Value) -> bool {
    let is_number = from.bytes().all(|byte| byte.is_ascii_digit());
    let names_stage = dockerfile.stages.iter().any(|stage| stage.name.as_deref() == Some(&from.to_lowercase()));
    value.unknown.is_empty()
        && !is_number
        && !names_stage
        && from != "scratch"
        && dockerfile.stage_named(from, stage).is_none()
}

/// The image that `# syntax=` names: it reads the Dockerfile and runs with the build's privileges.
fn frontend(dockerfile: &Dockerfile) -> Option<Use> {
    let directive = dockerfile.directives.iter().find(|directive| directive.name == "syntax")?;
    // BuildKit takes the first word.
    let name = directive.value.split_whitespace().next()?;
    let value = Value { text: name.to_owned(), ..Value::default() };
    let at = dockerfile.text(directive.span).find(name).unwrap_or(0) as u32 + directive.span.start;
    let span = Span::new(at, (at + name.len() as u32).min(directive.span.end));
    let image = ImageName::parse(value, span);
    // Docker's own frontends are meant to be followed by their major version: no reviewer asks for more.
    (!is_docker_frontend(&image)).then_some(Use { image, role: Role::Frontend, reached: true })
}

fn is_docker_frontend(image: &ImageName) -> bool {
    matches!(image.registry.as_deref(), None | Some("docker.io" | "index.docker.io"))
        && matches!(image.repository.as_str(), "docker/dockerfile" | "docker/dockerfile-upstream")
}

/// Whether the text can be an image's name. Templates that are filled in before the build have other signs in it.
fn is_readable(image: &ImageName) -> bool {
    !image.repository.is_empty()
        && image
            .text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-' | b'/' | b':'))
}
