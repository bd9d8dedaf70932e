//! ADD of something remote that no checksum or commit pins.

use crate::diagnostic::{Category, Confidence, Fix, Severity};
use crate::lint::{Findings, Lint};
use crate::model::{Dockerfile, Instruction, Value};
use crate::shell::{Script, tools};
use crate::syntax::ast::{Arguments, Keyword, Word};
use crate::tables::{TagKind, serves_https, tag_kind};
use crate::text::{Edit, Span};

pub(super) static LINT: Lint = Lint {
    summary: "ADD takes a remote source that nothing verifies",
    category: Category::SupplyChain,
    severity: Severity::High,
    aliases: &["DS-0005", "CKV_DOCKER_4", "curl_or_wget_instead_of_add", "CIS-4.9"],
    sources: &[
        "https://docs.docker.com/reference/dockerfile/#add---checksum",
        "https://docs.docker.com/reference/dockerfile/#adding-files-from-a-git-repository",
        "https://cwe.mitre.org/data/definitions/494.html",
    ],
    dockerfile: Some(check),
    ..Lint::BASE
};

fn check(dockerfile: &Dockerfile, findings: &mut Findings) {
    for (index, instruction) in dockerfile.instructions.iter().enumerate() {
        let ast = instruction.effective();
        if ast.keyword != Keyword::Add || instruction.flag("checksum").is_some() {
            continue;
        }
        let (Arguments::Words(words) | Arguments::Exec(words)) = &ast.arguments else { continue };
        let sources = words.len().saturating_sub(1);
        for (word, value) in words.iter().zip(&instruction.values).take(sources) {
            if let Some(judgement) = judge(value).filter(|_| !is_checked(dockerfile, index, value)) {
                report(dockerfile, instruction, word, value, &judgement, findings);
            }
        }
    }
}

/// Whether a later RUN of the stage checks a file of that name.
fn is_checked(dockerfile: &Dockerfile, add: usize, value: &Value) -> bool {
    let path = value.text.split(['?', '#']).next().unwrap_or("");
    let name = path.rsplit('/').next().unwrap_or("");
    let stage = dockerfile.instructions[add].stage;
    let mut later = dockerfile.run_commands().filter(|it| it.instruction_index > add && it.instruction.stage == stage);
    // The sum and the name stand in the check's own words or are fed to it.
    let names = |script: &Script, index: usize| {
        let command = &script.commands[index];
        (matches!(command.base_name(), "echo" | "printf") || tools::verifies(script, index))
            && dockerfile.text(command.span).contains(name)
    };
    name.len() > 2
        && later.any(|command| {
            tools::verifies(command.script, command.index)
                && (0..command.script.commands.len()).any(|index| names(command.script, index))
        })
}

struct Judgement {
    message: String,
    because: &'static str,
    help: &'static str,
    severity: Severity,
    aliases: &'static [&'static str],
}

fn report(
    dockerfile: &Dockerfile,
    instruction: &Instruction,
    word: &Word,
    value: &Value,
    judgement: &Judgement,
    findings: &mut Findings,
) {
    let reached = instruction.stage.and_then(|stage| dockerfile.stages.get(stage)).is_none_or(|stage| stage.reached);
    let severity = if reached { judgement.severity } else { judgement.severity.min(Severity::Low) };
    let finding = findings.report(word.span, judgement.message.as_str());
    finding.because(judgement.because).help(judgement.help).severity(severity).aliases(judgement.aliases);
    if value.overridable || !value.unknown.is_empty() {
        finding.confidence(Confidence::Medium);
    }
    let fixes = [checksum(dockerfile, instruction, value), encrypted(dockerfile, word, value)];
    for fix in fixes.into_iter().flatten() {
        finding.fix(fix);
    }
}

/// Writes down the digest that the address has now. BuildKit takes a checksum for one source alone.
fn checksum(dockerfile: &Dockerfile, instruction: &Instruction, value: &Value) -> Option<Fix> {
    let address = value.known()?;
    let digest = dockerfile.downloads.get(address).filter(|digest| digest.starts_with("sha256:"))?;
    let ast = instruction.effective();
    let (Arguments::Words(words) | Arguments::Exec(words)) = &ast.arguments else { return None };
    if words.len() != 2 || Git::parse(address).is_some() || !dockerfile.frontend_reads(1, 6) {
        return None;
    }
    let edits = vec![instruction.with_flag(&format!("--checksum={digest}"))];
    let title = "Have `ADD` compare the checksum that the file has now";
    if value.overridable {
        let why = "whoever builds with another address has to change the checksum too";
        return Some(Fix::risky(title, why, edits));
    }
    if !names_version(address) {
        let why = "the address names no version, so that the build stops as soon as another file is published there";
        return Some(Fix::risky(title, why, edits));
    }
    let why = "the digest is that of the file the address serves now, so that the same file is taken";
    Some(Fix::safe(title, why, edits))
}

/// Whether an address promises to stay what it is: a version's digits in it, and no word for "newest".
fn names_version(address: &str) -> bool {
    const NEWEST: [&str; 8] = ["latest", "master", "main", "head", "nightly", "stable", "current", "trunk"];
    let path = address.split_once("://").and_then(|(_, rest)| rest.split_once('/')).map_or("", |(_, path)| path);
    let mut words = path.split(|c: char| !c.is_ascii_alphanumeric());
    let is_newest = words.any(|word| NEWEST.iter().any(|newest| word.eq_ignore_ascii_case(newest)));
    let dotted =
        || path.as_bytes().windows(3).any(|it| it[0].is_ascii_digit() && it[1] == b'.' && it[2].is_ascii_digit());
    let commit = || path.split('/').any(is_commit);
    !is_newest && (dotted() || commit())
}

/// Encrypts the way to a host that is known to have https; the builder itself fetches, and has certificates.
fn encrypted(dockerfile: &Dockerfile, word: &Word, value: &Value) -> Option<Fix> {
    let (_, rest) = value.text.split_once("://")?;
    let host = rest.split(['/', '?', '#']).next().filter(|host| serves_https(host))?;
    let written = dockerfile.text(word.span);
    let quote = u32::from(written.starts_with(['"', '\'']));
    let is_plain = has_scheme(written.get(quote as usize..)?, "http://");
    let scheme = Span::new(word.span.start + quote, word.span.start + quote + "http".len() as u32);
    let why = "a checksum is still missing, which only who looked at the file can give";
    is_plain
        .then(|| Fix::suggestion(format!("Fetch from `{host}` over https"), why, vec![Edit::replace(scheme, "https")]))
}

fn judge(value: &Value) -> Option<Judgement> {
    let text = value.text.as_str();
    if let Some(git) = Git::parse(text) {
        return git_judgement(&git, !value.unknown.is_empty());
    }
    let clear_text = has_scheme(text, "http://");
    if !clear_text && !has_scheme(text, "https://") {
        return None;
    }
    let (because, severity) = if clear_text {
        ("the download is not encrypted: anyone on the way to the server can replace the file", Severity::High)
    } else {
        ("whoever controls that address decides what the next build puts into the image", Severity::Medium)
    };
    Some(Judgement {
        message: format!("`ADD` takes `{}` without a checksum", shortened(text)),
        because,
        help: "Add `--checksum=sha256:<digest>` with the digest of the file that was looked at",
        severity,
        aliases: &["DS-0005", "CKV_DOCKER_4", "curl_or_wget_instead_of_add", "CIS-4.9"],
    })
}

fn git_judgement(git: &Git<'_>, has_unknown: bool) -> Option<Judgement> {
    let reference = git.reference.unwrap_or("");
    let pinned = git.checksum.is_some_and(|sum| !sum.is_empty()) || is_commit(reference);
    // A variable whose value isn't known may well hold the commit.
    if pinned || has_unknown && reference.is_empty() {
        return None;
    }
    let clear_text = has_scheme(git.address, "git://") || has_scheme(git.address, "http://");
    let address = shortened(git.address);
    let severity = match tag_kind(Some(reference)) {
        _ if clear_text => Severity::High,
        TagKind::FullVersion => Severity::Low,
        _ => Severity::Medium,
    };
    let message = if reference.is_empty() {
        format!("`ADD` takes the default branch of `{address}`")
    } else {
        format!("`ADD` takes `{reference}` of `{address}`, which is no commit")
    };
    Some(Judgement {
        message,
        because: if clear_text {
            "the transport is not authenticated: anyone on the way to the server can replace what arrives"
        } else {
            "branches move and tags can be moved, so another build may take other code"
        },
        help: "Name the whole commit, `#<commit>` behind the address, or give it as `--checksum=<commit>`",
        severity,
        aliases: &[],
    })
}

/// A Git repository as ADD takes it. Source: moby/buildkit, `util/gitutil`.
struct Git<'a> {
    address: &'a str,
    /// Branch, tag or commit.
    reference: Option<&'a str>,
    /// `checksum=` or `commit=` of the query.
    checksum: Option<&'a str>,
}

impl<'a> Git<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let (front, fragment) = text.split_once('#').map_or((text, None), |(front, rest)| (front, Some(rest)));
        let (address, query) = front.split_once('?').map_or((front, ""), |(front, query)| (front, query));
        let over_http = has_scheme(address, "http://") || has_scheme(address, "https://");
        let scp = || {
            !address.contains("://")
                && address.split_once('@').is_some_and(|(user, rest)| !user.contains('/') && rest.contains(':'))
        };
        let is_git = has_scheme(address, "git://")
            || has_scheme(address, "ssh://")
            || over_http && address.ends_with(".git")
            || address.starts_with("github.com/")
            || scp();
        if !is_git {
            return None;
        }
        let field = |names: &[&str]| {
            query.split('&').filter_map(|pair| pair.split_once('=')).find(|(name, _)| names.contains(name)).map(|p| p.1)
        };
        let of_fragment = fragment.map(|fragment| fragment.split(':').next().unwrap_or("")).filter(|f| !f.is_empty());
        Some(Self {
            address,
            reference: of_fragment.or_else(|| field(&["ref", "tag", "branch"])),
            checksum: field(&["checksum", "commit"]),
        })
    }
}

fn has_scheme(text: &str, scheme: &str) -> bool {
    text.get(..scheme.len()).is_some_and(|head| head.eq_ignore_ascii_case(scheme))
}

fn is_commit(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The address without its query, and without a user's name and password.
fn shortened(address: &str) -> String {
    let path = address.split(['?', '#']).next().unwrap_or("");
    let Some((scheme, rest)) = path.split_once("://") else { return path.to_owned() };
    let (host, tail) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    format!("{scheme}://{host}{tail}")
}
