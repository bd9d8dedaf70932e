//! Platforms, `linux/arm64/v8`, and which of an index's manifests fits one.

use std::fmt;

use crate::image::Error;

/// What an image runs on.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(in crate::image) struct Platform {
    os: String,
    architecture: String,
    /// Empty for none.
    variant: String,
}

impl Platform {
    /// A platform, names normalised as containerd does: `x86_64` is `amd64`, `aarch64` and `arm64/v8` are `arm64`.
    pub(in crate::image) fn new(os: &str, architecture: &str, variant: &str) -> Self {
        let variant = variant.to_ascii_lowercase();
        let architecture = architecture.to_ascii_lowercase();
        let (architecture, variant) = match (architecture.as_str(), variant.as_str()) {
            ("x86_64" | "x86-64", variant) => ("amd64", variant),
            ("aarch64", variant) => ("arm64", variant),
            ("i386" | "i486" | "i586" | "i686" | "x86", variant) => ("386", variant),
            ("armhf", _) => ("arm", "v7"),
            ("armel", _) => ("arm", "v6"),
            ("powerpc64le", variant) => ("ppc64le", variant),
            ("loongarch64", variant) => ("loong64", variant),
            (other, variant) => (other, variant),
        };
        let variant = match (architecture, variant) {
            ("amd64", "v1") | ("arm64", "v8" | "8") => "",
            ("arm", "5" | "6" | "7" | "8") => &format!("v{variant}"),
            (_, variant) => variant,
        };
        Self { os: os.to_ascii_lowercase(), architecture: architecture.to_owned(), variant: variant.to_owned() }
    }

    /// Reads `OS/ARCHITECTURE[/VARIANT]`.
    ///
    /// # Errors
    /// Any other text.
    pub(in crate::image) fn parse(text: &str) -> Result<Self, Error> {
        let parts: Vec<&str> = text.split('/').collect();
        match parts[..] {
            [os, architecture] if !os.is_empty() && !architecture.is_empty() => Ok(Self::new(os, architecture, "")),
            [os, architecture, variant] if !parts.contains(&"") => Ok(Self::new(os, architecture, variant)),
            _ => Err(Error::new(text, "it is no platform", "write one such as `linux/amd64` or `linux/arm/v7`")),
        }
    }

    /// Linux on this machine's architecture: also on macOS and Windows containers are Linux unless said otherwise.
    pub(in crate::image) fn here() -> Self {
        Self::new("linux", std::env::consts::ARCH, "")
    }

    /// Whether it is what stands in front of attestations.
    pub(super) fn is_unknown(&self) -> bool {
        self.os == "unknown" && self.architecture == "unknown"
    }

    /// Whether it says nothing.
    pub(super) fn is_empty(&self) -> bool {
        self.os.is_empty() && self.architecture.is_empty()
    }

    /// How well an image for `offered` serves: 0 best, `None` not at all.
    pub(super) fn fit(&self, offered: &Self) -> Option<u8> {
        if self.os != offered.os || self.architecture != offered.architecture {
            return None;
        }
        if self.variant == offered.variant {
            return Some(0);
        }
        // A newer processor runs what older ones run; without a word, 32-bit ARM means v7 as in containerd.
        let level = |variant: &str| match (variant, self.architecture.as_str()) {
            ("", "arm") => Some(7),
            ("", "arm64") => Some(8),
            ("", _) => Some(1),
            (variant, _) => variant.strip_prefix('v').and_then(|number| number.parse::<u8>().ok()),
        };
        level(&self.variant)?.checked_sub(level(&offered.variant)?)
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", super::printable(&self.os), super::printable(&self.architecture))?;
        if self.variant.is_empty() { Ok(()) } else { write!(f, "/{}", super::printable(&self.variant)) }
    }
}

#[cfg(test)]
mod tests {
    use super::Platform;

    #[test]
    fn the_nearest_older_variant_fits() {
        let fit = |asked: &str, offered: &str| {
            Platform::parse(asked).expect("a platform").fit(&Platform::parse(offered).expect("a platform"))
        };
        assert_eq!(fit("linux/amd64", "linux/x86_64"), Some(0));
        assert_eq!(fit("linux/arm64", "linux/arm64/v8"), Some(0));
        assert_eq!(fit("linux/arm", "linux/arm/v7"), Some(0));
        assert_eq!(fit("linux/arm/v7", "linux/arm/v5"), Some(2));
        assert_eq!(fit("linux/arm/v6", "linux/arm/v7"), None);
        assert_eq!(fit("linux/amd64", "linux/amd64/v2"), None);
        assert_eq!(fit("linux/amd64", "windows/amd64"), None);
        assert!(Platform::parse("amd64").is_err() && Platform::parse("linux//v7").is_err());
    }
}
