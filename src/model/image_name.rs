//! Image names. Source: the reference grammar of the OCI distribution project (distribution/reference).

use crate::text::Span;

use super::{Dockerfile, ImageFacts, ImageName, Value};

impl ImageName {
    /// Takes a name apart. Total: what is no valid name ends up in `repository`.
    #[must_use]
    pub fn parse(value: Value, span: Span) -> Self {
        let text = value.text.trim().to_owned();
        let (name, digest) = text.split_once('@').map_or((text.as_str(), None), |(name, digest)| (name, Some(digest)));
        let (name, tag) = match name.rsplit_once(':') {
            Some((name, tag)) if !tag.contains('/') => (name, Some(tag)),
            _ => (name, None),
        };
        // The first part is a registry if it can't be a user's name: it has a dot or a port, or is `localhost`.
        let (registry, repository) = match name.split_once('/') {
            Some((first, rest)) if first.contains(['.', ':']) || first == "localhost" => (Some(first), rest),
            _ => (None, name),
        };
        let on_docker_hub = matches!(registry, None | Some("docker.io" | "index.docker.io" | "registry-1.docker.io"));
        let repository =
            if on_docker_hub { repository.strip_prefix("library/").unwrap_or(repository) } else { repository };
        Self {
            registry: registry.map(str::to_owned),
            repository: repository.to_owned(),
            tag: tag.map(str::to_owned),
            digest: digest.map(str::to_owned),
            text: text.clone(),
            value,
            span,
        }
    }
}

impl Dockerfile {
    /// What is known of an image: by its name, or by the name without the digest where that one means the same bytes.
    #[must_use]
    pub fn known_of(&self, image: &ImageName) -> Option<&ImageFacts> {
        let by_tag = || {
            let digest = image.digest.as_ref()?;
            let facts = self.images.get(image.text.split_once('@')?.0)?;
            (facts.digest.as_ref() == Some(digest)).then_some(facts)
        };
        self.images.get(&image.text).or_else(by_tag)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_apart() {
        let parse = |text: &str| {
            let name = ImageName::parse(Value { text: text.to_owned(), ..Value::default() }, Span::default());
            let part = |part: Option<String>| part.unwrap_or_default();
            [part(name.registry), name.repository, part(name.tag), part(name.digest)].join(" ")
        };
        assert_eq!(parse("node"), " node  ");
        assert_eq!(parse("docker.io/library/node:22"), "docker.io node 22 ");
        assert_eq!(parse("localhost:5000/a/b:c@sha256:d"), "localhost:5000 a/b c sha256:d");
        assert_eq!(parse("bitnami/redis@sha256:d"), " bitnami/redis  sha256:d");
        assert_eq!(parse("ghcr.io:443/x"), "ghcr.io:443 x  ");
    }
}
