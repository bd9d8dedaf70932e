//! Options, variables and settings that keep tools from checking certificates. Sources: the tools' manuals.

use super::fixes::Removal;
use super::{Evidence, Switch};
use crate::model::CommandRef;
use crate::shell::tools::{self, Tool};
use crate::shell::{Assignment, Word};

/// What the words of a command switch off, the assignments in front of it included.
pub(super) fn of_command(command: CommandRef<'_>) -> Vec<Evidence> {
    let assigned = command.command.assignments.iter().filter_map(|assignment| assigned(command, assignment));
    let mut found: Vec<Evidence> = assigned.collect();
    let name = command.command.base_name();
    let words = &command.command.arguments;
    if name == "env" {
        let pairs = words.iter().filter_map(|word| {
            let (name, value) = word.text.split_once('=')?;
            Some(Evidence::new(word.span, of_variable(name, value)?).removal(Removal::Words(vec![word.span])))
        });
        found.extend(pairs);
    }
    if let Some(invocation) = tools::invocation(command.command) {
        let mut option = |option: &str, alias: Option<&'static str>| {
            if let Some(used) = invocation.option(option).filter(|used| used.is_on()) {
                let mut switch = Switch::new(&used.word.text, format!("`{name}`"));
                switch.alias = alias;
                let uses = invocation.options_named(option).map(|used| used.word).collect();
                found.push(Evidence::new(used.word.span, switch).removal(Removal::options(uses)));
            }
        };
        match invocation.tool {
            Tool::Curl => option("--insecure", Some("CKV2_DOCKER_2")),
            Tool::Wget => option("--no-check-certificate", Some("CKV2_DOCKER_3")),
            Tool::Apk => option("--no-check-certificate", None),
            Tool::Git => found.extend(git(&invocation)),
            Tool::Pip => {
                if let Some(used) = invocation.option("--trusted-host") {
                    let switch = Switch::new("--trusted-host", format!("`{name}`")).alias("CKV2_DOCKER_4");
                    let uses =
                        invocation.options_named("--trusted-host").map(tools::OptionUse::span).collect::<Option<_>>();
                    found.push(Evidence::new(used.word.span, switch).removal(Removal::words(uses)));
                }
            }
            Tool::Npm | Tool::Yarn | Tool::Pnpm => {
                if let Some(used) = invocation.options.iter().rfind(|used| used.name.ends_with("strict-ssl"))
                    && invocation.switch("--strict-ssl") == Some(false)
                {
                    let switch = Switch::new(&used.word.text, format!("`{name}`")).alias("CKV2_DOCKER_13");
                    let uses = invocation.options.iter().filter(|used| used.name.ends_with("strict-ssl"));
                    let uses = uses.map(tools::OptionUse::span).collect::<Option<_>>();
                    found.push(Evidence::new(used.word.span, switch).removal(Removal::words(uses)));
                }
            }
            Tool::Apt => {
                for key in ["Acquire::https::Verify-Peer", "Acquire::https::Verify-Host"] {
                    if let Some(value) = invocation.setting("--option", key).filter(|value| is_no(value.text)) {
                        let switch = Switch::new(format!("{key}=false"), "`apt`");
                        let used = invocation.options_named("--option");
                        let used = used.filter(|used| used.value.is_some_and(|it| it.word.span == value.word.span));
                        let used = used.map(tools::OptionUse::span).collect::<Option<_>>();
                        found.push(Evidence::new(value.word.span, switch).removal(Removal::words(used)));
                    }
                }
            }
            _ => {}
        }
    }
    found.extend(by_words(name, words));
    found
}

fn assigned(command: CommandRef<'_>, assignment: &Assignment) -> Option<Evidence> {
    let switch = of_variable(&assignment.name, &assignment.value.text)?;
    let is_all = command.command.assignments.len() == 1
        && matches!(command.command.base_name(), "" | "export" | "declare" | "readonly")
        && command.command.redirects.is_empty();
    let removal = if is_all { Removal::Step } else { Removal::Words(vec![assignment.span]) };
    Some(Evidence::new(assignment.span, switch).removal(removal))
}

/// `-c http.sslVerify=false`, `git config --global http.sslVerify false`.
fn git(invocation: &tools::Invocation<'_>) -> Option<Evidence> {
    let is_key = |key: &str| {
        let key = key.to_ascii_lowercase();
        key.starts_with("http.") && key.ends_with(".sslverify")
    };
    let mut pairs = invocation.options.iter().filter(|used| matches!(used.name, "-c" | "--config"));
    let by_option = pairs.find_map(|used| {
        let value = used.value?;
        let (key, setting) = value.text.split_once('=')?;
        let removal = Removal::words(used.span().map(|span| vec![span]));
        (is_key(key) && is_no(setting))
            .then(|| Evidence::new(value.word.span, Switch::new(value.text, "`git`")).removal(removal))
    });
    let by_config = || {
        let at = invocation.operands.iter().position(|word| is_key(&word.text))?;
        let value = invocation.operands.get(at + 1).filter(|value| is_no(&value.text))?;
        let key = invocation.operands[at];
        let shown = format!("{} {}", key.text, value.text);
        Some(Evidence::new(key.span.cover(value.span), Switch::new(shown, "`git`")).removal(Removal::Step))
    };
    by_option.or_else(|| if invocation.verb() == "config" { by_config() } else { None })
}

/// Tools that are told by the words alone: `npm config set strict-ssl false`, `conda config --set ssl_verify no`.
fn by_words(name: &str, words: &[Word]) -> Vec<Evidence> {
    let mut found = Vec::new();
    // Programs that the words below can't concern, and which most commands are.
    if matches!(
        name,
        "apt-get"
            | "apt"
            | "apk"
            | "curl"
            | "wget"
            | "tar"
            | "rm"
            | "mv"
            | "cp"
            | "ln"
            | "mkdir"
            | "cd"
            | "echo"
            | "chmod"
            | "chown"
            | "make"
            | "cmake"
            | "set"
            | "test"
            | "["
            | "[["
            | "export"
            | "git"
            | "gpg"
            | "sed"
            | "find"
            | "cat"
    ) {
        return found;
    }
    let is_config = words.iter().any(|word| matches!(word.text.as_str(), "config" | "set" | "env"));
    for (index, word) in words.iter().enumerate() {
        let text = word.text.as_str();
        let next = words.get(index + 1);
        let value = next.map_or("", |next| next.text.as_str());
        let pair = text.split_once('=').unwrap_or((text, value));
        let span =
            if text.contains('=') { word.span } else { next.map_or(word.span, |next| word.span.cover(next.span)) };
        let (key, value) = pair;
        let shown = || format!("{key} {value}");
        let who = || format!("`{name}`");
        let mut add = |switch: Switch| found.push(Evidence::new(span, switch).removal(Removal::Step));
        match (name, key) {
            ("npm" | "yarn" | "pnpm", "strict-ssl" | "enableStrictSsl") if is_config && is_no(value) => {
                add(Switch::new(shown(), who()).alias("CKV2_DOCKER_13"));
            }
            ("pip" | "pip3", _) if is_config && key.ends_with(".trusted-host") => add(Switch::new(shown(), who())),
            ("conda" | "mamba" | "micromamba", "ssl_verify") if is_no(value) => add(Switch::new(shown(), who())),
            ("composer", "disable-tls") if is_yes(value) => add(Switch::new(shown(), who())),
            ("composer", "secure-http") if is_no(value) => add(Switch::new(shown(), who())),
            ("bundle" | "bundler", "ssl_verify_mode") if value == "0" => add(Switch::new(shown(), who())),
            ("go", "GOINSECURE" | "GOSUMDB" | "GONOSUMDB" | "GONOSUMCHECK") => {
                if let Some(switch) = of_variable(key, value) {
                    add(switch);
                }
            }
            ("go", "-insecure") => {
                found.push(Evidence::new(word.span, Switch::new(text, who())).removal(Removal::Words(vec![word.span])))
            }
            ("yum" | "dnf" | "tdnf" | "microdnf" | "dnf5" | "yum-config-manager", _) => {
                let setting = text.trim_start_matches("--setopt=");
                if let Some((key, value)) = setting.split_once('=')
                    && key.ends_with("sslverify")
                    && is_no(value)
                {
                    let switch = Switch::new(setting, who()).alias("CKV2_DOCKER_15");
                    let alone = text.starts_with("--") && name != "yum-config-manager";
                    let removal = if alone { Removal::Words(vec![word.span]) } else { Removal::Unknown };
                    found.push(Evidence::new(word.span, switch).removal(removal));
                }
            }
            ("kubectl" | "helm", "--insecure-skip-tls-verify")
            | ("aws", "--no-verify-ssl")
            | ("cf", "--skip-ssl-validation") => {
                found.push(Evidence::new(word.span, Switch::new(text, who())).removal(Removal::Words(vec![word.span])))
            }
            ("skopeo" | "podman" | "buildah", "--tls-verify" | "--src-tls-verify" | "--dest-tls-verify")
            | ("http" | "https" | "xh", "--verify")
            | ("aria2c", "--check-certificate")
                if is_no(value) =>
            {
                found.push(Evidence::new(word.span, Switch::new(text, who())).removal(Removal::Words(vec![word.span])));
            }
            (_, key) if key.eq_ignore_ascii_case("-SkipCertificateCheck") => {
                found.push(Evidence::new(word.span, Switch::new(text, who())).removal(Removal::Words(vec![word.span])));
            }
            _ => {}
        }
    }
    found
}

/// Variables that switch checks off when they have the value.
pub(super) fn of_variable(name: &str, value: &str) -> Option<Switch> {
    let value = value.trim();
    let shown = format!("{name}={value}");
    let lower = name.to_ascii_lowercase();
    Some(match lower.as_str() {
        "node_tls_reject_unauthorized" if value == "0" => Switch::new(shown, "Node.js").alias("CKV2_DOCKER_6"),
        "pythonhttpsverify" if value == "0" => Switch::new(shown, "Python").alias("CKV2_DOCKER_5"),
        "git_ssl_no_verify" if !value.is_empty() && !is_no(value) => {
            Switch::new(shown, "`git`").alias("CKV2_DOCKER_14")
        }
        "npm_config_strict_ssl" if is_no(value) => Switch::new(shown, "`npm`").alias("CKV2_DOCKER_12"),
        "yarn_strict_ssl" | "yarn_enable_strict_ssl" if is_no(value) => Switch::new(shown, "`yarn`"),
        "pip_trusted_host" if !value.is_empty() => Switch::new("PIP_TRUSTED_HOST", "`pip`").alias("CKV2_DOCKER_16"),
        "uv_insecure_host" if !value.is_empty() => Switch::new("UV_INSECURE_HOST", "`uv`"),
        "gosumdb" if value == "off" => Switch::new(shown, "`go`"),
        "goinsecure" if !value.is_empty() => Switch::new(shown, "`go`"),
        // The other flags may hold anything, such as a token for the linker to put in.
        "goflags" if value.split_whitespace().any(|flag| flag == "-insecure") => {
            Switch::new(format!("{name}=-insecure"), "`go`")
        }
        "conda_ssl_verify" if is_no(value) => Switch::new(shown, "`conda`"),
        "bundle_ssl_verify_mode" if value == "0" => Switch::new(shown, "`bundle`"),
        "perl_lwp_ssl_verify_hostname" if value == "0" => Switch::new(shown, "Perl"),
        _ => return None,
    })
}

/// Lines of configuration files.
pub(super) fn of_line(file: &str, line: &str) -> Option<Switch> {
    let line = line.trim();
    if line.starts_with(['#', ';']) || line.starts_with("//") {
        return None;
    }
    let close: String = line.chars().filter(|c| !c.is_whitespace() && !matches!(c, '"' | '\'')).collect();
    let close = close.to_ascii_lowercase();
    let is_file = |name: &str| file.rsplit(['/', '\\']).next().is_some_and(|last| last == name);
    if (is_file(".curlrc") || is_file("_curlrc") || is_file("curlrc"))
        && matches!(close.as_str(), "insecure" | "-k" | "--insecure")
    {
        return Some(Switch::new(line, "`curl`"));
    }
    let (key, value) = close.split_once('=').or_else(|| close.split_once(':'))?;
    let value = value.trim_end_matches(';');
    let key = key.trim_start_matches(':');
    Some(match key {
        "check_certificate" if is_no(value) => Switch::new(line, "`wget`"),
        "strict-ssl" if is_no(value) => Switch::new(line, "`npm`"),
        "enablestrictssl" if is_no(value) => Switch::new(line, "`yarn`"),
        "sslverify" if is_no(value) && file.ends_with("gitconfig") => Switch::new(line, "`git`"),
        "sslverify" if is_no(value) => Switch::new(line, "`dnf`"),
        "trusted-host" if !value.is_empty() => Switch::new(line, "`pip`"),
        "ssl_verify" if is_no(value) => Switch::new(line, "`conda`"),
        "ssl_verify_mode" if value == "0" => Switch::new(line, "`gem`"),
        _ => return None,
    })
}

fn is_no(text: &str) -> bool {
    ["0", "false", "no", "off"].iter().any(|word| word.eq_ignore_ascii_case(text))
}

fn is_yes(text: &str) -> bool {
    ["1", "true", "yes", "on"].iter().any(|word| word.eq_ignore_ascii_case(text))
}
