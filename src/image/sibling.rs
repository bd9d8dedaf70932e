//! The other platforms of an image's tag: their configurations, which are small, without their layers.

use super::ImageConfig;

/// The image for another platform that the same index names.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sibling {
    /// The platform as the index has it, such as `linux/arm64`.
    pub platform: String,
    /// Its configuration.
    pub config: ImageConfig,
}

impl Sibling {
    /// Reads a sibling's configuration, as leniently as that of the image itself. What is odd about it is said when that
    /// platform is looked at.
    #[must_use]
    pub(super) fn read(platform: String, config: &[u8]) -> Self {
        let (config, _) = ImageConfig::read(config, 0, &mut Vec::new());
        Self { platform, config }
    }
}
