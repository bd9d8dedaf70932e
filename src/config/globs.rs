//! Globs as `.gitignore` has them.

use std::path::Path;

use ignore::gitignore::{Gitignore, GitignoreBuilder};

/// Globs with the meaning that `.gitignore` gives them: `vendor/` is a folder at any depth, `/vendor` one beside the
/// configuration file, `**/*.dev.Dockerfile` files anywhere, and a later `!glob` takes back an earlier one.
#[derive(Clone, Debug)]
pub struct Globs {
    matcher: Gitignore,
}

impl Default for Globs {
    fn default() -> Self {
        Self { matcher: Gitignore::empty() }
    }
}

impl Globs {
    /// Makes a matcher of globs.
    ///
    /// # Errors
    /// When a glob is malformed: its index, and what is wrong with it.
    pub fn new<'a>(globs: impl IntoIterator<Item = &'a str>) -> Result<Self, (usize, String)> {
        let mut builder = GitignoreBuilder::new("");
        let mut last = 0;
        for (index, glob) in globs.into_iter().enumerate() {
            builder.add_line(None, glob).map_err(|error| (index, error.to_string()))?;
            last = index;
        }
        let matcher = builder.build().map_err(|error| (last, error.to_string()))?;
        Ok(Self { matcher })
    }

    /// Whether a glob matches the file at `path`, relative to the folder the globs are for, or a folder it is in.
    #[must_use]
    pub fn matches(&self, path: &Path) -> bool {
        !path.has_root() && self.matcher.matched_path_or_any_parents(path, false).is_ignore()
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::Globs;

    #[test]
    fn globs_match_as_in_gitignore() {
        let globs =
            Globs::new(["vendor/", "/only/here", "*.dev.Dockerfile", "!keep.dev.Dockerfile"]).expect("valid globs");
        for path in ["a/vendor/b/Dockerfile", "only/here/Dockerfile", "x/web.dev.Dockerfile"] {
            assert!(globs.matches(Path::new(path)), "{path}");
        }
        for path in ["vendor", "x/only/here/Dockerfile", "keep.dev.Dockerfile", "Dockerfile"] {
            assert!(!globs.matches(Path::new(path)), "{path}");
        }
        assert_eq!(Globs::new(["ok", "[z-a]"]).map(|_| ()).map_err(|(index, _)| index), Err(1));
    }
}
