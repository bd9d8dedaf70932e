//! What a variable's name says of its value.

/// A variable's name in words.
pub(super) struct Name {
    words: Vec<String>,
}

/// What a name asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Asks {
    /// A password, which may be any word.
    Password,
    /// A token, secret or key, which is never a plain word in earnest.
    Token(&'static str),
}

impl Name {
    pub(super) fn new(name: &str) -> Self {
        // Names are short; what is longer is no name.
        Self { words: if name.len() <= 256 { words(name) } else { Vec::new() } }
    }

    /// What the name asks for, if it plainly asks for a secret.
    pub(super) fn asks(&self) -> Option<Asks> {
        let (asks, end) = self.noun()?;
        let (before, behind) = (&self.words[..end], &self.words[end..]);
        let plain = behind.iter().all(|word| is_neutral(word)) && !before.iter().any(|word| is_disclaimer(word));
        plain.then_some(asks)
    }

    /// Whether the name has to do with a secret without plainly asking for one: `TOKEN_GITHUB`, `SIGNER_KEY`.
    pub(super) fn hints(&self) -> bool {
        let described = |end: usize| {
            self.words[end..].iter().any(|word| is_attribute(word))
                || self.words[..end].iter().any(|word| is_disclaimer(word))
        };
        match self.noun() {
            Some((_, end)) => !described(end),
            None => {
                let key = self.words.iter().rposition(|word| word == "key");
                key.is_some_and(|index| index > 0 && !described(index + 1))
            }
        }
    }

    /// `AWS_ACCESS_KEY_ID`, the public half of a pair that is only passed with the other.
    pub(super) fn is_access_key_id(&self) -> bool {
        self.words.ends_with(&["aws", "access", "key", "id"].map(str::to_owned))
    }

    /// Whether the name is that of the secret half of an AWS key.
    pub(super) fn is_aws_secret(&self) -> bool {
        let has = |word: &str| self.words.iter().any(|own| own == word);
        has("secret") && (has("aws") || has("s3") || has("access")) && has("key")
    }

    /// Whether the value is a checksum, a commit or a fingerprint by the name.
    pub(super) fn is_digest(&self) -> bool {
        self.words.iter().any(|word| {
            let word = word.trim_end_matches(|c: char| c.is_ascii_digit());
            matches!(
                word,
                "sha"
                    | "shasum"
                    | "md"
                    | "checksum"
                    | "checksums"
                    | "sum"
                    | "digest"
                    | "hash"
                    | "commit"
                    | "rev"
                    | "revision"
                    | "ref"
                    | "version"
                    | "fingerprint"
                    | "gpg"
                    | "pgp"
                    | "keyid"
                    | "sri"
                    | "integrity"
            )
        })
    }

    /// Whether `value` only repeats the name, as templates do.
    pub(super) fn is_repeated_by(&self, value: &str) -> bool {
        value.len() <= 256 && !self.words.is_empty() && words(value) == self.words
    }

    /// The last noun that means a secret, and the index behind it.
    fn noun(&self) -> Option<(Asks, usize)> {
        let index = (0..self.words.len()).rev().find_map(|index| self.noun_at(index).map(|asks| (asks, index + 1)));
        // `PWD` and `OLDPWD` are the shell's working directory.
        index.filter(|_| self.words.len() > 1 || self.words[0] != "pwd")
    }

    fn noun_at(&self, index: usize) -> Option<Asks> {
        let word = self.words[index].as_str();
        let previous = index.checked_sub(1).map(|before| self.words[before].as_str());
        Some(match word {
            "password" | "passwords" | "passwd" | "passphrase" | "pword" | "pwd" => Asks::Password,
            "pass" | "pw" if previous.is_some() => Asks::Password,
            "pgpassword" | "sshpass" | "dbpass" | "dbpassword" | "userpass" | "rootpass" | "adminpass" | "keypass"
            | "storepass" | "smtppass" | "mysqlpassword" | "redispassword" => Asks::Password,
            "secret" | "secrets" => Asks::Token("secret"),
            "token" | "tokens" | "accesstoken" | "authtoken" | "apitoken" | "bearer" => Asks::Token("token"),
            "credential" | "credentials" | "creds" => Asks::Token("credential"),
            "apikey" | "apikeys" => Asks::Token("API key"),
            "secretkey" | "privatekey" | "accesskey" | "authkey" | "encryptionkey" | "signingkey" | "masterkey" => {
                Asks::Token("key")
            }
            "auth" if previous.is_some_and(|word| matches!(word, "rediscli" | "npm")) => Asks::Token("credential"),
            "key" | "keys" => match previous? {
                "api" => Asks::Token("API key"),
                "private" | "priv" => Asks::Token("private key"),
                "secret" | "access" | "encryption" | "encrypt" | "signing" | "master" | "auth" | "deploy"
                | "account" | "shared" | "session" | "app" | "application" | "storage" | "subscription" | "admin"
                | "hmac" | "jwt" | "cipher" | "aes" | "cookie" | "registration" | "instrumentation" => {
                    Asks::Token("key")
                }
                _ => return None,
            },
            _ => return None,
        })
    }
}

/// A name's words in lower case, parted at `_`, `-`, `.` and where camel case turns.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut previous = ' ';
    for c in name.chars() {
        let boundary = !c.is_ascii_alphanumeric() || (c.is_ascii_uppercase() && previous.is_ascii_lowercase());
        if boundary && words.last().is_some_and(|word| !word.is_empty()) {
            words.push(String::new());
        }
        if let (true, Some(word)) = (c.is_ascii_alphanumeric(), words.last_mut()) {
            word.push(c.to_ascii_lowercase());
        }
        previous = c;
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Words behind the noun that change nothing.
fn is_neutral(word: &str) -> bool {
    word.bytes().all(|byte| byte.is_ascii_digit())
        || matches!(
            word,
            "base"
                | "base64"
                | "b64"
                | "value"
                | "val"
                | "string"
                | "str"
                | "text"
                | "default"
                | "prod"
                | "production"
                | "dev"
                | "development"
                | "staging"
                | "stage"
                | "test"
                | "ci"
                | "old"
                | "new"
                | "current"
                | "primary"
                | "secondary"
                | "backup"
                | "ro"
                | "rw"
                | "local"
                | "global"
                | "hex"
                | "raw"
                | "plain"
                | "seed"
                | "json"
        )
}

/// Words behind the noun that make the value something about the secret.
fn is_attribute(word: &str) -> bool {
    matches!(
        word,
        "file"
            | "files"
            | "filename"
            | "path"
            | "paths"
            | "dir"
            | "directory"
            | "folder"
            | "name"
            | "names"
            | "id"
            | "ids"
            | "url"
            | "urls"
            | "uri"
            | "endpoint"
            | "host"
            | "hosts"
            | "port"
            | "version"
            | "mode"
            | "type"
            | "kind"
            | "ttl"
            | "expiry"
            | "expire"
            | "expires"
            | "expiration"
            | "lifetime"
            | "timeout"
            | "age"
            | "length"
            | "len"
            | "min"
            | "max"
            | "size"
            | "count"
            | "limit"
            | "policy"
            | "algorithm"
            | "alg"
            | "algo"
            | "format"
            | "enable"
            | "enabled"
            | "disable"
            | "disabled"
            | "required"
            | "optional"
            | "rotation"
            | "server"
            | "ring"
            | "store"
            | "prefix"
            | "suffix"
            | "header"
            | "field"
            | "param"
            | "hash"
            | "hashed"
            | "reset"
            | "manager"
            | "provider"
            | "backend"
            | "engine"
            | "method"
            | "issuer"
            | "audience"
            | "scope"
            | "scopes"
            | "location"
            | "mount"
            | "target"
            | "template"
            | "regex"
            | "pattern"
            | "class"
            | "service"
            | "user"
            | "username"
            | "email"
            | "arn"
            | "env"
            | "var"
            | "ref"
            | "label"
            | "digest"
            | "checksum"
            | "sha"
            | "sha1"
            | "sha256"
            | "sha512"
            | "md5"
            | "fingerprint"
            | "address"
            | "comment"
            | "realm"
            | "domain"
            | "group"
            | "role"
            | "driver"
            | "plugin"
            | "strategy"
            | "source"
            | "config"
            | "cache"
            | "days"
            | "hours"
            | "minutes"
            | "seconds"
            | "interval"
            | "encoding"
            | "public"
            | "pub"
            | "list"
            | "map"
            | "index"
            | "sort"
            | "case"
            | "bytes"
            | "bits"
            | "namespace"
            | "region"
            | "bucket"
            | "support"
            | "strength"
            | "complexity"
            | "history"
            | "auth"
            | "authentication"
            | "validation"
            | "check"
            | "generator"
    )
}

/// Words in front that make the value something that isn't kept secret.
fn is_disclaimer(word: &str) -> bool {
    matches!(
        word,
        "public"
            | "disabled"
            | "with"
            | "pub"
            | "gpg"
            | "pgp"
            | "publishable"
            | "no"
            | "disable"
            | "allow"
            | "skip"
            | "use"
            | "enable"
            | "require"
            | "requires"
            | "required"
            | "has"
            | "is"
            | "show"
            | "max"
            | "min"
            | "num"
            | "empty"
            | "random"
            | "pad"
            | "eos"
            | "bos"
            | "unk"
            | "mask"
            | "stop"
            | "sort"
            | "primary"
            | "foreign"
            | "fake"
            | "dummy"
            | "example"
            | "without"
            | "ignore"
            | "apt"
            | "repo"
            | "keyring"
    )
}
