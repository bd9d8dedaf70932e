//! The forms of tokens that say of themselves what they are: a public prefix, an alphabet, a length.
//!
//! Source of each form: the service's own documentation of its tokens ("GitHub's token formats", "AWS IAM identifiers",
//! GitLab "Token overview", Slack "Token types", Stripe "API keys", PyPI "API tokens", …), read up to November 2026.

use crate::diagnostic::Confidence::{self, High, Medium};

/// A token's form.
pub(super) struct Form {
    /// The public part at the start.
    pub(super) prefix: &'static str,
    /// What such a token is called.
    pub(super) kind: &'static str,
    /// The characters behind the prefix.
    pub(super) alphabet: Alphabet,
    /// Fewest characters behind the prefix.
    pub(super) least: usize,
    /// Most characters behind the prefix.
    pub(super) most: usize,
    /// How sure the form alone makes us.
    pub(super) confidence: Confidence,
    /// What else has to hold.
    pub(super) check: Check,
}

/// The characters of a token's secret part.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Alphabet {
    /// `[A-Za-z0-9]`
    Alphanumeric,
    /// `[A-Z0-9]`
    Upper,
    /// `[a-f0-9]`
    Hex,
    /// `[A-Za-z0-9_]`
    Word,
    /// `[A-Za-z0-9_-]`
    Base64Url,
    /// `[A-Za-z0-9+/=]`
    Base64,
    /// `[A-Za-z0-9_.-]`
    Dotted,
    /// `[A-Za-z0-9_/-]`
    Slashed,
}

/// What else has to hold of a token.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Check {
    /// Nothing.
    Nothing,
    /// Its last six characters are the CRC-32 of those before, in base 62: then it is sure, else it is probable.
    Crc,
    /// This text is in it.
    Contains(&'static str),
    /// Capital letters and digits 2 to 7 only make it sure.
    Base32,
}

impl Alphabet {
    pub(super) const COUNT: usize = 8;

    pub(super) fn has(self, byte: u8) -> bool {
        match self {
            Self::Alphanumeric => byte.is_ascii_alphanumeric(),
            Self::Upper => byte.is_ascii_uppercase() || byte.is_ascii_digit(),
            Self::Hex => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
            Self::Word => byte.is_ascii_alphanumeric() || byte == b'_',
            Self::Base64Url => byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'),
            Self::Base64 => byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'='),
            Self::Dotted => byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'),
            Self::Slashed => byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'/'),
        }
    }
}

const fn form(prefix: &'static str, kind: &'static str, alphabet: Alphabet, least: usize, most: usize) -> Form {
    Form { prefix, kind, alphabet, least, most, confidence: High, check: Check::Nothing }
}

use Alphabet::{Alphanumeric, Base64, Base64Url, Dotted, Hex, Slashed, Upper, Word};

/// Longer prefixes stand before shorter ones that they start with.
pub(super) const FORMS: &[Form] = &[
    Form { check: Check::Base32, confidence: Medium, ..form("AKIA", "AWS access key ID", Upper, 16, 16) },
    Form { check: Check::Base32, confidence: Medium, ..form("ASIA", "AWS temporary access key ID", Upper, 16, 16) },
    Form {
        check: Check::Crc,
        confidence: Medium,
        ..form("ghp_", "GitHub personal access token", Alphanumeric, 36, 36)
    },
    Form { check: Check::Crc, confidence: Medium, ..form("gho_", "GitHub OAuth token", Alphanumeric, 36, 36) },
    Form { check: Check::Crc, confidence: Medium, ..form("ghu_", "GitHub user token", Alphanumeric, 36, 36) },
    Form { check: Check::Crc, confidence: Medium, ..form("ghs_", "GitHub server token", Alphanumeric, 36, 36) },
    Form { check: Check::Crc, confidence: Medium, ..form("ghr_", "GitHub refresh token", Alphanumeric, 36, 76) },
    form("github_pat_", "GitHub fine-grained personal access token", Word, 82, 82),
    form("glpat-", "GitLab personal access token", Dotted, 20, 300),
    form("gldt-", "GitLab deploy token", Base64Url, 20, 300),
    form("glrt-", "GitLab runner token", Dotted, 20, 300),
    form("glptt-", "GitLab trigger token", Base64Url, 20, 300),
    Form { check: Check::Contains("-"), ..form("xoxb-", "Slack bot token", Base64Url, 15, 300) },
    Form { check: Check::Contains("-"), ..form("xoxp-", "Slack user token", Base64Url, 15, 300) },
    Form { check: Check::Contains("-"), ..form("xoxa-", "Slack token", Base64Url, 15, 300) },
    Form { check: Check::Contains("-"), ..form("xoxr-", "Slack refresh token", Base64Url, 15, 300) },
    Form { check: Check::Contains("-"), ..form("xoxs-", "Slack token", Base64Url, 15, 300) },
    Form { check: Check::Contains("-"), ..form("xoxe-", "Slack refresh token", Base64Url, 15, 300) },
    Form { check: Check::Contains("-"), ..form("xapp-", "Slack app token", Base64Url, 15, 300) },
    Form {
        check: Check::Contains("/B"),
        ..form("https://hooks.slack.com/services/T", "Slack webhook URL", Slashed, 24, 100)
    },
    form("https://discord.com/api/webhooks/", "Discord webhook URL", Slashed, 60, 120),
    form("sk_live_", "Stripe secret key", Alphanumeric, 16, 250),
    form("rk_live_", "Stripe restricted key", Alphanumeric, 16, 250),
    form("whsec_", "webhook signing secret", Base64, 32, 90),
    Form { check: Check::Crc, confidence: Medium, ..form("npm_", "npm access token", Alphanumeric, 36, 36) },
    form("pypi-AgEI", "PyPI API token", Base64Url, 50, 1000),
    form("pypi-AgEN", "TestPyPI API token", Base64Url, 50, 1000),
    form("rubygems_", "RubyGems API key", Hex, 48, 48),
    form("AIza", "Google API key", Base64Url, 35, 35),
    form("GOCSPX-", "Google OAuth client secret", Base64Url, 28, 28),
    form("AccountKey=", "Azure storage account key", Base64, 86, 88),
    form("SharedAccessKey=", "Azure shared access key", Base64, 43, 44),
    Form { check: Check::Contains("."), ..form("SG.", "SendGrid API key", Dotted, 66, 66) },
    Form { confidence: Medium, ..form("SK", "Twilio API key", Hex, 32, 32) },
    form("dop_v1_", "DigitalOcean personal access token", Hex, 64, 64),
    form("doo_v1_", "DigitalOcean OAuth token", Hex, 64, 64),
    form("dor_v1_", "DigitalOcean refresh token", Hex, 64, 64),
    form("hvs.", "HashiCorp Vault service token", Base64Url, 24, 300),
    form("hvb.", "HashiCorp Vault batch token", Base64Url, 60, 400),
    form("dckr_pat_", "Docker personal access token", Base64Url, 27, 60),
    form("dckr_oat_", "Docker organisation access token", Base64Url, 32, 60),
    form("hf_", "Hugging Face token", Alphanumeric, 34, 40),
    form("sk-ant-", "Anthropic API key", Base64Url, 32, 200),
    form("sk-proj-", "OpenAI API key", Base64Url, 40, 250),
    form("sk-svcacct-", "OpenAI API key", Base64Url, 40, 250),
    Form { check: Check::Contains("T3BlbkFJ"), ..form("sk-", "OpenAI API key", Base64Url, 40, 250) },
    Form { confidence: Medium, ..form("sk-", "API key", Alphanumeric, 48, 48) },
    form("gsk_", "Groq API key", Alphanumeric, 52, 52),
    form("shpat_", "Shopify access token", Hex, 32, 32),
    form("shpca_", "Shopify access token", Hex, 32, 32),
    form("shppa_", "Shopify access token", Hex, 32, 32),
    form("shpss_", "Shopify shared secret", Hex, 32, 32),
    form("dapi", "Databricks access token", Hex, 32, 32),
    form("AGE-SECRET-KEY-1", "age secret key", Upper, 58, 58),
    form("glsa_", "Grafana service account token", Word, 41, 41),
    form("lin_api_", "Linear API key", Alphanumeric, 40, 40),
    form("sntrys_", "Sentry auth token", Base64, 60, 400),
    form("pul-", "Pulumi access token", Hex, 40, 40),
    form("NRAK-", "New Relic user API key", Upper, 27, 27),
    form("PMAK-", "Postman API key", Base64Url, 59, 59),
    form("dp.pt.", "Doppler personal token", Alphanumeric, 40, 44),
    form("dp.st.", "Doppler service token", Dotted, 40, 80),
    form("tskey-auth-", "Tailscale auth key", Base64Url, 20, 80),
    form("tskey-api-", "Tailscale API key", Base64Url, 20, 80),
    form("sbp_", "Supabase access token", Hex, 40, 40),
    form("figd_", "Figma access token", Base64Url, 40, 60),
    form("ATATT3", "Atlassian API token", Base64Url, 100, 300),
    form("AKCp", "Artifactory API key", Alphanumeric, 69, 69),
    form("CLOJARS_", "Clojars deploy token", Hex, 60, 60),
];
