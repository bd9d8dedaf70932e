//! What a stage starts from: the image under it, what that image is made from and which user it sets, as its content tells
//! or else the table of well-known images.

use std::collections::HashSet;

use crate::syntax::mount::Mount;
use crate::tables::{self, BaseImage, Family, ImageUser};

use super::{Base, Dockerfile, ImageContent, ImageName, Stage};

/// The user that is in force where a file sets none.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum BaseUser {
    /// Root, or on Windows an administrator.
    Root,
    /// Another user, by name or number as the image's configuration gives it.
    Other(String),
    /// Nothing is known of the image.
    Unknown,
}

impl Dockerfile {
    /// The image at the bottom of a stage; `None` for `scratch` and for a name that isn't known.
    #[must_use]
    pub fn image_under<'a>(&'a self, stage: &'a Stage) -> Option<&'a ImageName> {
        match &self.lineage(stage).last()?.base {
            Base::Image(image) if image.value.known().is_some() => Some(image),
            _ => None,
        }
    }

    /// The names of images that the file takes something from, as the builder gets them, each once: those of FROM, of
    /// `--from`, of mounts, and of the `syntax` directive. What is a stage is left out, and what isn't known.
    #[must_use]
    pub fn image_names(&self) -> Vec<String> {
        let mut seen = HashSet::new();
        let mut names = Vec::new();
        let mut add = |name: &str| {
            if !name.is_empty() && seen.insert(name.to_owned()) {
                names.push(name.to_owned());
            }
        };
        for directive in self.directives.iter().filter(|directive| directive.name == "syntax") {
            add(directive.value.split_whitespace().next().unwrap_or(""));
        }
        for stage in &self.stages {
            if let Base::Image(image) = &stage.base
                && image.value.known().is_some()
            {
                add(&image.text);
            }
        }
        for instruction in &self.instructions {
            let Some(stage) = instruction.stage else { continue };
            for (flag, value) in instruction.flags() {
                let mount = || Mount::parse(&value.text).ok().and_then(|mount| mount.from().map(str::to_owned));
                let from = match flag.name.as_str() {
                    "from" => value.known().map(str::to_owned),
                    "mount" => mount(),
                    _ => None,
                };
                if let Some(from) = from.filter(|from| self.stage_named(from, stage).is_none()) {
                    add(&from);
                }
            }
        }
        names
    }

    /// What was read of the image at the bottom of a stage.
    #[must_use]
    pub fn content_under(&self, stage: &Stage) -> Option<&ImageContent> {
        self.known_of(self.image_under(stage)?)?.content.as_ref()
    }

    /// What the image at the bottom of a stage is made from, by its name.
    #[must_use]
    pub fn family_under(&self, stage: &Stage) -> Option<Family> {
        let image = self.image_under(stage)?;
        tables::family(image.registry.as_deref(), &image.repository, image.tag.as_deref())
    }

    /// The row of the table of well-known images that the image at the bottom of a stage has.
    #[must_use]
    pub fn row_under(&self, stage: &Stage) -> Option<&'static BaseImage> {
        let image = self.image_under(stage)?;
        tables::base_image(image.registry.as_deref(), &image.repository, image.tag.as_deref())
    }

    /// The user that is in force in a stage where neither it nor those it is built from set one.
    #[must_use]
    pub fn user_under(&self, stage: &Stage) -> BaseUser {
        if self.lineage(stage).last().is_some_and(|root| root.base == Base::Scratch) {
            return BaseUser::Root;
        }
        if let Some(content) = self.content_under(stage) {
            let user = content.user.trim();
            let is_root = user.is_empty() || is_root(user);
            return if is_root { BaseUser::Root } else { BaseUser::Other(user.to_owned()) };
        }
        match self.row_under(stage).map(|row| row.user) {
            Some(ImageUser::Root) => BaseUser::Root,
            Some(ImageUser::Other(user)) => BaseUser::Other(user.to_owned()),
            None => BaseUser::Unknown,
        }
    }

    /// Whether the instruction at `index` runs as root; `None` where that can't be known.
    #[must_use]
    pub fn is_root_at(&self, index: usize) -> Option<bool> {
        let instruction = self.instructions.get(index)?;
        match &instruction.before.user {
            Some(user) => user.value.known().map(is_root),
            None => match self.user_under(self.stages.get(instruction.stage?)?) {
                BaseUser::Root => Some(true),
                BaseUser::Other(_) => Some(false),
                BaseUser::Unknown => None,
            },
        }
    }
}

/// Whether a value of USER means root on Linux: by name or number, with or without a group.
#[must_use]
pub fn is_root(user: &str) -> bool {
    let name = user.split(':').next().unwrap_or("").trim();
    name == "root" || !name.is_empty() && name.bytes().all(|byte| byte == b'0')
}
