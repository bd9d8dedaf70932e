//! Variables and settings in an image that keep its programs from checking certificates. In a Dockerfile,
//! `insecure-download` finds the same.

mod files;

use crate::diagnostic::{Category, Confidence, Severity};
use crate::image::{Image, Spot};
use crate::lint::{Findings, Lint};

pub(super) static LINT: Lint = Lint {
    summary: "Programs of the image don't check certificates",
    category: Category::Network,
    severity: Severity::Medium,
    sources: &[
        "https://nodejs.org/api/cli.html#node_tls_reject_unauthorizedvalue",
        "https://git-scm.com/docs/git-config#Documentation/git-config.txt-httpsslVerify",
        "https://cwe.mitre.org/data/definitions/295.html",
    ],
    image: Some(check),
    reads: files::READS,
    ..Lint::BASE
};

const WHY: &str =
    "it holds in every container: whoever is on the way to a server reads and changes what goes to and from it";
const HELP: &str =
    "Take it out, and add the missing certificate with `update-ca-certificates` or the tool's own setting";

/// What a switch does.
struct Switch {
    /// As it is written.
    shown: String,
    /// Whose checks it switches off.
    who: &'static str,
    confidence: Confidence,
    severity: Severity,
}

impl Switch {
    fn new(shown: impl Into<String>, who: &'static str) -> Self {
        Self { shown: shown.into(), who, confidence: Confidence::High, severity: Severity::Medium }
    }

    fn message(&self) -> String {
        format!("`{}` keeps {} from checking certificates", self.shown, self.who)
    }
}

fn check(image: &Image, findings: &mut Findings<Spot>) {
    for (index, pair) in image.config.env.iter().enumerate() {
        let Some((name, value)) = pair.split_once('=') else { continue };
        let Some(switch) = of_variable(name, value.trim()) else { continue };
        let finding = findings.report(Spot::Config(format!("config.Env[{index}]")), switch.message());
        finding.because(WHY).help(HELP).confidence(switch.confidence).severity(switch.severity);
    }
    for (path, bytes) in image.texts() {
        let switches = files::switches(path, bytes);
        let Some((first, others)) = switches.split_first() else { continue };
        let place = image.content_spot(path);
        let finding = findings.report(place.clone(), first.message());
        finding.because(WHY).help(HELP).confidence(first.confidence).severity(first.severity);
        for other in others {
            finding.label(place.clone(), other.message());
        }
    }
}

/// Variables that switch checks off when they have the value. Sources: the tools' manuals.
fn of_variable(name: &str, value: &str) -> Option<Switch> {
    let shown = format!("{name}={value}");
    // npm and others take their settings in any case.
    let lower = name.to_ascii_lowercase();
    let on = !value.is_empty() && !is_no(value);
    Some(match lower.as_str() {
        "node_tls_reject_unauthorized" if value == "0" => Switch::new(shown, "Node.js"),
        "pythonhttpsverify" if value == "0" => Switch::new(shown, "Python"),
        "git_ssl_no_verify" if on => Switch::new(shown, "git"),
        "npm_config_strict_ssl" if is_no(value) => Switch::new(shown, "npm"),
        "yarn_strict_ssl" | "yarn_enable_strict_ssl" if is_no(value) => Switch::new(shown, "Yarn"),
        "pip_trusted_host" | "uv_insecure_host" if !value.is_empty() => Switch::new(name, "pip"),
        "goinsecure" if !value.is_empty() => Switch::new(name, "go"),
        // The other flags may hold anything, such as a token for the linker to put in.
        "goflags" if value.split_whitespace().any(|flag| flag == "-insecure") => {
            Switch::new(format!("{name}=-insecure"), "go")
        }
        "conda_ssl_verify" if is_no(value) => Switch::new(shown, "conda"),
        "bundle_ssl_verify_mode" if value == "0" => Switch::new(shown, "Bundler"),
        "perl_lwp_ssl_verify_hostname" if value == "0" => Switch::new(shown, "Perl"),
        "kubernetes_insecure_skip_tls_verify"
        | "vault_skip_verify"
        | "consul_http_ssl_verify"
        | "nomad_skip_verify"
            if skips(&lower, value) =>
        {
            Switch::new(shown, if lower.starts_with('k') { "kubectl" } else { "HashiCorp's tools" })
        }
        // requests before 2.28 took an empty bundle for none.
        "requests_ca_bundle" | "curl_ca_bundle" if value.is_empty() => {
            Switch { confidence: Confidence::Low, severity: Severity::Low, ..Switch::new(shown, "Python's requests") }
        }
        _ => return None,
    })
}

fn skips(name: &str, value: &str) -> bool {
    if name.ends_with("ssl_verify") { is_no(value) } else { is_yes(value) }
}

fn is_no(text: &str) -> bool {
    ["0", "false", "no", "off"].iter().any(|word| word.eq_ignore_ascii_case(text))
}

fn is_yes(text: &str) -> bool {
    ["1", "true", "yes", "on"].iter().any(|word| word.eq_ignore_ascii_case(text))
}
