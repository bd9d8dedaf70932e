//! Files of secrets that a COPY of a whole folder takes along unseen.

use std::collections::HashSet;

use crate::syntax::ast::{Arguments, Keyword};

use super::dockerignore::context_path;
use super::{Dockerfile, Wanted};

/// Where tools and people keep secrets at the root of a project. Sources: the manuals of npm, pip, git, curl, Docker, the
/// AWS CLI, ssh-keygen and Vault; dotenv's convention.
const NAMES: [&str; 14] = [
    ".aws/credentials",
    ".docker/config.json",
    ".env",
    ".env.local",
    ".env.prod",
    ".env.production",
    ".git-credentials",
    ".netrc",
    ".npmrc",
    ".pypirc",
    ".ssh/id_ed25519",
    ".ssh/id_rsa",
    ".vault-token",
    "id_rsa",
];

/// How many folders are asked about at most.
const MOST: usize = 8;

/// The files of the build context that hold secrets if they are there, in folders that COPY and ADD may take whole.
/// Apart from [`super::wanted`], since they say nothing of where the context is.
#[must_use]
pub fn secrets_beside(dockerfile: &Dockerfile) -> Vec<Wanted> {
    let mut seen = HashSet::new();
    let mut wanted = Vec::new();
    for instruction in &dockerfile.instructions {
        let ast = instruction.effective();
        let (Arguments::Words(_) | Arguments::Exec(_)) = &ast.arguments else { continue };
        if !matches!(ast.keyword, Keyword::Copy | Keyword::Add) || instruction.flag("from").is_some() {
            continue;
        }
        let sources = instruction.values.len().saturating_sub(1);
        for source in instruction.values.iter().take(sources).filter_map(|value| value.known()) {
            let folder = context_path(source);
            // What has an ending is mostly a file.
            let is_file = folder.rsplit('/').next().is_some_and(|name| name.len() > 1 && name.contains('.'));
            if is_file
                || source.contains(['*', '?', '[', ':', '<'])
                || seen.len() >= MOST
                || !seen.insert(folder.clone())
            {
                continue;
            }
            let within = |name: &str| if folder == "." { name.to_owned() } else { format!("{folder}/{name}") };
            wanted.extend(NAMES.iter().map(|name| Wanted { path: within(name), read: true, named: false }));
        }
    }
    wanted
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Source;

    #[test]
    fn folders_are_asked_about_once() {
        let text =
            "FROM a\nCOPY . .\nCOPY ./ /x\nCOPY package.json src /y\nCOPY --from=b /z /z\nADD https://a.example/ /\n";
        let wanted = secrets_beside(&Dockerfile::new("Dockerfile", Source::from(text)));
        assert_eq!(wanted.len(), 2 * NAMES.len());
        assert!(wanted.iter().any(|one| one.path == ".env") && wanted.iter().any(|one| one.path == "src/.env"));
    }
}
