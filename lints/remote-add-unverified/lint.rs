//! ADD of something remote that no checksum or commit pins.

use crate::diagnostic::{Category, Confidence, Severity};
use crate::lint::{Findings, Lint};
use crate::model::{Dockerfile, Instruction, Value};
use crate::shell::{Script, tools};
use crate::syntax::ast::{Arguments, Keyword, Word};
use crate::tables::{TagKind, tag_kind};

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
