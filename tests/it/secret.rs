//! The secret detector. Tokens are put together from two parts, so that no scanner takes this file for a leak.

use harden::diagnostic::Confidence::{self, High, Low, Medium};
use harden::secret::{self, Secret};

const ALNUM: &str =
    "zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ0mLq17Zt2Kf8Lw3Xv6Yb1Ec7Gd9Ha5Jm4Nn0Pp8Qr2Ss6Tu3VvWx1Yz5Ab7Cd9Ef2Gh4";
const HEX: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

fn one(text: &str) -> Option<Secret> {
    let mut found = secret::in_text(text);
    assert!(found.len() <= 1, "{} found", found.len());
    found.pop().map(|(_, secret)| secret)
}

fn kind(text: &str) -> Option<(&'static str, Confidence)> {
    one(text).map(|secret| (secret.kind, secret.confidence))
}

fn by_name(name: &str, value: &str) -> Option<(&'static str, Confidence)> {
    secret::in_assignment(name, value).map(|secret| (secret.kind, secret.confidence))
}

#[test]
fn a_github_token_is_sure_where_its_checksum_holds() {
    let token = format!("{}_{}", "ghp", &ALNUM[..36]);
    assert_eq!(
        one(&format!("curl -H 'Authorization: token {token}' x")),
        Some(Secret {
            kind: "GitHub personal access token",
            confidence: High,
            shown: "`ghp_…` (40 characters)".to_owned()
        })
    );
    let wrong = token.replace("17", "71");
    assert_eq!(kind(&wrong), Some(("GitHub personal access token", Medium)));
    assert_eq!(kind(&token[..39]), None);
    assert_eq!(kind(&format!("{token}0")), None);
    assert_eq!(kind(&format!("x{token}")), None);
    assert_eq!(kind(&format!("https://{token}@github.com/a/b")), Some(("GitHub personal access token", High)));
    assert_eq!(
        kind(&format!("https://x-access-token:{token}@github.com/a")),
        Some(("GitHub personal access token", High))
    );
}

#[test]
fn tokens_of_known_form_are_named() {
    let upper = "Q3EGRXVJ7TZ2LMNA";
    let cases = [
        ("AKIA", upper.to_owned(), "AWS access key ID", High),
        ("AKIA", "1234567890ABCDEF".to_owned(), "AWS access key ID", Medium),
        ("ASIA", upper.to_owned(), "AWS temporary access key ID", High),
        (
            "github_pat_",
            format!("{}_{}", &ALNUM[..22], &ALNUM[..59]),
            "GitHub fine-grained personal access token",
            High,
        ),
        ("glpat-", ALNUM[..20].to_owned(), "GitLab personal access token", High),
        ("xoxb-", format!("1234567890-{}", &ALNUM[..24]), "Slack bot token", High),
        (
            "https://hooks.slack.com/services/T",
            format!("0ABCDEF12/B0ABCDEF34/{}", &ALNUM[..24]),
            "Slack webhook URL",
            High,
        ),
        ("sk_live_", ALNUM[..24].to_owned(), "Stripe secret key", High),
        ("rk_live_", ALNUM[..24].to_owned(), "Stripe restricted key", High),
        ("npm_", ALNUM[..36].to_owned(), "npm access token", High),
        ("pypi-AgEI", format!("cHlwaS5vcmc{}", &ALNUM[..80]), "PyPI API token", High),
        ("AIza", ALNUM[..35].to_owned(), "Google API key", High),
        ("AccountKey=", format!("{}==", &ALNUM[..86]), "Azure storage account key", High),
        ("SharedAccessKey=", format!("{}=", &ALNUM[..43]), "Azure shared access key", High),
        ("SG.", format!("{}.{}", &ALNUM[..22], &ALNUM[..43]), "SendGrid API key", High),
        ("SK", HEX[..32].to_owned(), "Twilio API key", Medium),
        ("dop_v1_", HEX.to_owned(), "DigitalOcean personal access token", High),
        ("hvs.", ALNUM[..90].to_owned(), "HashiCorp Vault service token", High),
        ("dckr_pat_", ALNUM[..27].to_owned(), "Docker personal access token", High),
        ("hf_", ALNUM[..34].to_owned(), "Hugging Face token", High),
        ("sk-ant-", format!("api03-{}", &ALNUM[..95]), "Anthropic API key", High),
        ("sk-", format!("{}T3BlbkFJ{}", &ALNUM[..20], &ALNUM[20..40]), "OpenAI API key", High),
        ("sk-", ALNUM[..48].to_owned(), "API key", Medium),
        ("shpat_", HEX[..32].to_owned(), "Shopify access token", High),
        ("dapi", HEX[..32].to_owned(), "Databricks access token", High),
        ("AGE-SECRET-KEY-1", ALNUM[..58].to_ascii_uppercase(), "age secret key", High),
        ("eyJhbGciOi", format!("{}.eyJ{}.{}", &ALNUM[..10], &ALNUM[..30], &ALNUM[..43]), "JSON Web Token", Medium),
        ("aws_secret_access_key = ", ALNUM[..40].to_owned(), "AWS secret access key", High),
        ("7123456789:AA", ALNUM[..33].to_owned(), "Telegram bot token", High),
    ];
    for (prefix, tail, expected, confidence) in cases {
        for text in
            [format!("{prefix}{tail}"), format!("export X='{prefix}{tail}' && y"), format!("a,{prefix}{tail},b")]
        {
            assert_eq!(kind(&text), Some((expected, confidence)), "{prefix}");
        }
    }
}

#[test]
fn private_keys_are_found_and_public_ones_are_not() {
    let pem = |label: &str| format!("-----BEGIN {label}-----\nMIIE{ALNUM}\n-----END {label}-----\n");
    for label in ["RSA PRIVATE KEY", "OPENSSH PRIVATE KEY", "EC PRIVATE KEY", "PRIVATE KEY"] {
        assert_eq!(kind(&pem(label)), Some(("private key", High)), "{label}");
    }
    assert_eq!(kind(&pem("ENCRYPTED PRIVATE KEY")), Some(("encrypted private key", Medium)));
    assert_eq!(kind(&pem("PGP PRIVATE KEY BLOCK")), Some(("OpenPGP private key", High)));
    for label in ["PUBLIC KEY", "CERTIFICATE", "PGP PUBLIC KEY BLOCK", "CERTIFICATE REQUEST"] {
        assert_eq!(kind(&pem(label)), None, "{label}");
    }
    assert_eq!(kind(&format!("{{\"private_key\": \"{}\"}}", pem("PRIVATE KEY"))), Some(("private key", High)));
}

#[test]
fn credentials_in_urls() {
    assert_eq!(
        kind("pip install --index-url https://ci:s3cr3t-Value9@pypi.acme.io/simple x"),
        Some(("password in a URL", High))
    );
    assert_eq!(kind("postgres://app:hunter2@db:5432/app"), Some(("password in a URL", Medium)));
    for harmless in [
        "https://user:pass@example.com/",
        "postgresql://user:password@localhost/db",
        "https://${USER}:${TOKEN}@github.com/a/b",
        "https://oauth2:$TOKEN@gitlab.com/a/b",
        "https://x-access-token:$(cat /run/secrets/t)@github.com/a",
        "https://<user>:<password>@host/",
        "git@github.com:a/b.git",
        "ssh://git@github.com/a/b",
        "https://example.com:8443/@scope/pkg",
        "https://example.com/a?x=b:c@d",
        "http://proxy.acme.io:3128",
        "https://user:xxxxxx@host/",
        "https://user:changeme@host/",
        "redis://:@host",
    ] {
        assert_eq!(kind(harmless), None, "{harmless}");
    }
}

#[test]
fn names_that_ask_for_a_secret() {
    for name in [
        "PASSWORD",
        "MYSQL_ROOT_PASSWORD",
        "PGPASSWORD",
        "dbPassword",
        "DB_PASS",
        "DB_PWD",
        "SSHPASS",
        "GITHUB_TOKEN",
        "NPM_TOKEN",
        "API_KEY",
        "APIKEY",
        "openaiApiKey",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_ACCESS_KEY_ID",
        "SECRET_KEY_BASE",
        "JWT_SECRET",
        "CLIENT_SECRET",
        "SSH_PRIVATE_KEY",
        "ENCRYPTION_KEY",
        "MASTER_KEY",
        "RAILS_MASTER_KEY",
        "KEYSTORE_PASSWORD",
        "db-password",
        "VITE_AWS_ACCESS_KEY_ID",
        "TOKEN_1",
        "PASSWORD_PROD",
        "GIT_CREDENTIALS",
        "REDISCLI_AUTH",
    ] {
        assert!(secret::is_secret_name(name), "{name}");
    }
    for name in [
        "KEY_NAME",
        "AUTH_MODE",
        "PASSWORD_FILE",
        "MYSQL_ROOT_PASSWORD_FILE",
        "SECRET_PATH",
        "SECRET_NAME",
        "API_KEY_ID",
        "TOKEN_URL",
        "TOKEN_TTL",
        "PASSWORD_MIN_LENGTH",
        "PUBLIC_KEY",
        "SSH_PUBLIC_KEY",
        "KEYRING",
        "KEYSERVER",
        "GPG_KEY",
        "GPG_KEYS",
        "NGINX_GPGKEY",
        "TOKEN_ENABLED",
        "PASSWORD_VERSION",
        "SECRETS_DIR",
        "PWD",
        "OLDPWD",
        "BYPASS",
        "MONKEY",
        "TOKENIZERS_PARALLELISM",
        "ALLOW_EMPTY_PASSWORD",
        "MYSQL_RANDOM_ROOT_PASSWORD",
        "PAD_TOKEN",
        "MAX_TOKENS",
        "NODE_VERSION",
        "COMPASS",
        "PASS",
        "SORT_KEY",
        "KEY",
        "KEYCLOAK_VERSION",
        "SECRET_MANAGER_URL",
        "ACCESS_LOG",
        "AUTHOR",
        "HTPASSWD_FILE",
        "PASSWORD_HASH",
        "PASSTHROUGH",
        "TOKEN_EXPIRY",
        "",
    ] {
        assert!(!secret::is_secret_name(name), "{name}");
    }
}

#[test]
fn a_literal_under_a_secret_name_is_a_secret() {
    let random = &ALNUM[..32];
    let cases = [
        ("MYSQL_ROOT_PASSWORD", "root", "password", Medium),
        ("POSTGRES_PASSWORD", "postgres", "password", Medium),
        ("DB_PASSWORD", "123456", "password", Medium),
        ("DB_PASSWORD", "\"hunter2\"", "password", Medium),
        ("DB_PASSWORD", "Xk9!vQ2#mL7%pR4", "password", High),
        ("JWT_SECRET", random, "secret", High),
        ("SECRET_KEY", "django-insecure", "key", Low),
        ("API_TOKEN", "abc123def", "token", Medium),
        ("API_KEY", HEX, "API key", High),
        ("APP_KEY", &format!("base64:{random}="), "key", High),
        ("AWS_SECRET_ACCESS_KEY", &ALNUM[..40], "AWS secret access key", High),
        ("AWS_ACCESS_KEY_ID", &format!("{}Q3EGRXVJ7TZ2LMNA", "AKIA"), "AWS access key ID", High),
        ("ANYTHING", &format!("{}_{}", "ghp", &ALNUM[..36]), "GitHub personal access token", High),
        ("DATABASE_URL", "postgres://app:hunter2@db/app", "password in a URL", Medium),
        ("SIGNER_KEY", random, "random value", Low),
    ];
    for (name, value, kind, confidence) in cases {
        assert_eq!(by_name(name, value), Some((kind, confidence)), "{name}");
    }
}

#[test]
fn placeholders_paths_digests_and_the_like_are_no_secrets() {
    let cases = [
        ("PASSWORD", ""),
        ("PASSWORD", "''"),
        ("PASSWORD", "changeme"),
        ("PASSWORD", "***"),
        ("PASSWORD", "xxxxxxxx"),
        ("PASSWORD", "${DB_PASSWORD}"),
        ("PASSWORD", "$DB_PASSWORD"),
        ("PASSWORD", "$(cat /run/secrets/x)"),
        ("PASSWORD", "<password>"),
        ("PASSWORD", "your-password"),
        ("PASSWORD", "none"),
        ("PASSWORD", "/run/secrets/password"),
        ("PASSWORD", "{{ password }}"),
        ("PASSWORD", "%DB_PASSWORD%"),
        ("PASSWORD", "true"),
        ("PASSWORD", "PASSWORD"),
        ("API_TOKEN", "dummy"),
        ("API_TOKEN", "example-token"),
        ("API_TOKEN", "token"),
        ("API_TOKEN", "3600"),
        ("SESSION_TOKEN", "30s"),
        ("SECRET_KEY_BASE", "1"),
        ("SECRET_KEY_BASE", "precompile_placeholder"),
        ("SECRET_KEY_BASE", "dummy"),
        ("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
        ("SECRET_FILE", "kX92mfQz71LpWvA0bT5c"),
        ("NODE_CHECKSUM_KEY", HEX),
        ("GPG_KEY", "E3FF2839C048B25C084DEBE9B26995E310250568"),
        ("SIGNING_KEY", "E3FF2839C048B25C084DEBE9B26995E310250568"),
        ("NGINX_GPGKEY", "573BFD6B3D8FBC641079A6ABABF5BD827BD9BF62"),
        ("KEY_NAME", "production-signing-key-1"),
        ("AUTH_MODE", "token"),
        ("TOKEN_URL", "https://login.acme.io/oauth/token"),
        ("NODE_VERSION", "22.11.0"),
        ("SOURCE_COMMIT", "4f5e6d7c8b9a0f1e2d3c4b5a69788796a5b4c3d2"),
        ("DOWNLOAD_SHA256", HEX),
        ("SSH_PRIVATE_KEY", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIE1 me"),
        ("TLS_PRIVATE_KEY", "certs/server.key"),
        ("PUBLIC_KEY", ALNUM),
        ("API_KEY", "API_KEY"),
        ("ACCESS_KEY", "ACCESS-KEY"),
        ("DB_PASSWORD_SECRET", "projects/acme/secrets/db"),
        ("GOOGLE_APPLICATION_CREDENTIALS", "/app/key.json"),
        ("TOKENIZERS_PARALLELISM", "false"),
    ];
    for (name, value) in cases {
        assert_eq!(by_name(name, value), None, "{name}={value}");
    }
}

#[test]
fn nothing_of_a_secret_is_shown_but_a_public_prefix() {
    assert_eq!(secret::in_assignment("DB_PASSWORD", "hunter2").expect("found").shown, "7 characters");
    let found = secret::in_text(&format!("sk_live_{}", &ALNUM[..24]));
    assert_eq!(found[0].0, 0..32);
    assert_eq!(found[0].1.shown, "`sk_l…` (32 characters)");
    assert_eq!(one("https://ci:s3cr3t-Value9@pypi.acme.io").expect("found").shown, "13 characters");
}

#[test]
fn several_secrets_come_in_order_and_once() {
    let text = format!("a={}_{} https://u:hunter2@h b={}{}", "ghp", &ALNUM[..36], "glpat-", &ALNUM[..20]);
    let found = secret::in_text(&text);
    let kinds: Vec<_> = found.iter().map(|(_, secret)| secret.kind).collect();
    assert_eq!(kinds, ["GitHub personal access token", "password in a URL", "GitLab personal access token"]);
    assert_eq!(&text[found[1].0.clone()], "hunter2");
}

#[test]
fn hostile_text_is_read_a_bounded_number_of_times() {
    let size = 1 << 20;
    for unit in [
        "sk-",
        "glpat-",
        "eyJ-",
        "eyJa.",
        "-----BEGIN PRIVATE KEY-----",
        "a://b:c@",
        "://",
        "aws_secret_access_key=",
        "é",
        "A",
        "1234567890:AA-",
    ] {
        let text = unit.repeat(size / unit.len());
        // A second look for every start would take hours. Also, every range is one of the text.
        assert!(secret::in_text(&text).iter().all(|(range, _)| text.get(range.clone()).is_some()), "{unit}");
        let _ = secret::in_assignment("PASSWORD", &text);
    }
}

#[test]
fn files_of_secrets_are_told_by_name() {
    let guess = |path: &str| secret::in_path(path).map(|guess| guess.confidence);
    for (path, confidence) in [
        (".env", High),
        ("app/.env.production", Medium),
        ("keys/id_rsa", High),
        ("/root/.aws/credentials", High),
        (".ssh/", High),
        ("certs/server.key", Medium),
        ("tls-key.pem", Medium),
        ("server-ecdhkey.pem", Medium),
        ("something.pem", Low),
        ("keystore.p12", Medium),
        ("testdata/server.key", Low),
        ("C:\\Users\\me\\.docker\\config.json", High),
    ] {
        assert_eq!(guess(path), Some(confidence), "{path}");
    }
    for path in [
        ".env.example",
        "prod.env.sample",
        "id_rsa.pub",
        ".ssh/known_hosts",
        ".ssh/authorized_keys",
        "ca.pem",
        "cert.pem",
        "server.crt.pem",
        "ecdhcert.pem",
        "truststore.jks",
        "nodesource.gpg.key",
        "Release.key",
        "config.json",
        "passwd",
        "environment.yml",
        "secrets.py",
        "keyboard.key.md",
        "",
        ".",
        "/",
    ] {
        assert_eq!(guess(path), None, "{path}");
    }
}
