//! What to look for in the content of an image's files: keywords that a fast search finds, and a judge of what stands
//! around them.

mod ground;
mod key;
mod text;

use std::ops::Range;

use super::Secret;

/// A secret and where it stands in [`Window::bytes`].
pub type Found = Option<(Range<usize>, Secret)>;

/// Something to look for in the content of files.
#[derive(Debug)]
pub struct Content {
    /// Its identity; a new name when the keywords or the judge change, since results are cached by it.
    pub name: &'static str,
    /// Byte strings one of which stands wherever the judge could say yes; at least three bytes each.
    pub keywords: &'static [&'static str],
    /// Judges one place.
    pub judge: fn(&Window<'_>) -> Found,
}

/// What stands around a keyword.
#[derive(Clone, Copy, Debug)]
pub struct Window<'a> {
    /// Absolute path of the file.
    pub path: &'a str,
    /// Up to 1 KiB in front of the keyword, and up to 4 KiB from its start.
    pub bytes: &'a [u8],
    /// Where the keyword is in `bytes`.
    pub keyword: (usize, usize),
}

/// What is looked for in the content of every file of an image. Precision comes before recall: what distributions and
/// packages ship (documentation, tests, examples) is left out, see `ground`.
pub static CONTENT: &[Content] = &[
    Content {
        name: "token-2",
        // The starts of `form::FORMS`, as far as they are rare in text; several share one here. A test holds both together.
        keywords: &[
            "AKIA",
            "ASIA",
            "ghp_",
            "gho_",
            "ghu_",
            "ghs_",
            "ghr_",
            "github_pat_",
            "glpat-",
            "gldt-",
            "glrt-",
            "glptt-",
            "xox",
            "xapp-",
            "https://hooks.slack.com/services/T",
            "https://discord.com/api/webhooks/",
            "sk_live_",
            "rk_live_",
            "whsec_",
            "npm_",
            "pypi-AgE",
            "rubygems_",
            "AIza",
            "GOCSPX-",
            "AccountKey=",
            "SharedAccessKey=",
            "dop_v1_",
            "doo_v1_",
            "dor_v1_",
            "hvs.",
            "hvb.",
            "dckr_",
            "sk-ant-",
            "sk-proj-",
            "sk-svcacct-",
            "gsk_",
            "shpat_",
            "shpca_",
            "shppa_",
            "shpss_",
            "dapi",
            "AGE-SECRET-KEY-1",
            "glsa_",
            "lin_api_",
            "sntrys_",
            "pul-",
            "NRAK-",
            "PMAK-",
            "dp.pt.",
            "dp.st.",
            "tskey-",
            "sbp_",
            "figd_",
            "ATATT3",
            "AKCp",
            "CLOJARS_",
        ],
        judge: text::token,
    },
    Content {
        name: "private-key-1",
        keywords: &["PRIVATE KEY", "PuTTY-User-Key-File-", "client-key-data:"],
        judge: key::judge,
    },
    Content { name: "url-1", keywords: &["://"], judge: text::url },
    Content {
        name: "aws-secret-1",
        keywords: &["aws_secret_", "AWS_SECRET_", "ecretAccessKey", "secretaccesskey"],
        judge: text::aws_secret,
    },
    Content { name: "web-token-1", keywords: &["eyJhbGciOi", "eyJ0eXAiOi"], judge: text::web_token },
    Content {
        name: "registry-login-1",
        keywords: &["_authToken", "_auth=", "\"auth\"", "\"identitytoken\""],
        judge: text::registry_login,
    },
    Content { name: "git-header-1", keywords: &["AUTHORIZATION: basic "], judge: text::git_header },
    Content {
        name: "assignment-1",
        keywords: &["PASSWORD=", "SECRET=", "SECRET_KEY=", "API_KEY=", "TOKEN="],
        judge: text::assignment,
    },
];

#[cfg(test)]
mod tests {
    use super::{CONTENT, Window};
    use crate::secret::form::FORMS;

    /// Starts of forms that are looked for in no file, since they stand in nearly every binary and minified program, where
    /// the judge would be asked for each: of `sk-`, the long forms with a word behind it are keywords of their own.
    const TOO_SHORT: [&str; 4] = ["SG.", "SK", "hf_", "sk-"];

    #[test]
    fn every_form_is_found_by_a_keyword() {
        let keywords = CONTENT[0].keywords;
        for form in FORMS {
            let found = keywords.iter().any(|keyword| form.prefix.starts_with(keyword));
            assert_ne!(found, TOO_SHORT.contains(&form.prefix), "`{}`", form.prefix);
        }
        for short in TOO_SHORT {
            assert!(short.len() <= 3 && FORMS.iter().any(|form| form.prefix == short), "`{short}` is no exception");
        }
    }

    #[test]
    fn tokens_of_pulumi_and_supabase_are_found() {
        for (keyword, kind) in [("pul-", "Pulumi access token"), ("sbp_", "Supabase access token")] {
            assert!(CONTENT[0].keywords.contains(&keyword));
            let text = format!("token: {keyword}9f86d081884c7d659a2feaa0c55ad015a3bf4f1b\n");
            let window = Window { path: "/app/settings", bytes: text.as_bytes(), keyword: (7, 7 + keyword.len()) };
            let (range, secret) = (CONTENT[0].judge)(&window).expect(kind);
            assert_eq!((range, secret.kind), (7..text.len() - 1, kind));
        }
    }
}
