//! Facts of the world, each with its source and date: base images and their users, moving tags, ports that give remote
//! control. Knows no Dockerfile.

mod base_images;
mod https_hosts;
mod moving_tags;
mod ports;
mod trusted_places;

pub use base_images::{BaseImage, Family, ImageUser, base_image, family};
pub use https_hosts::{serves_ftp_as_https, serves_https};
pub use moving_tags::{TagKind, tag_kind};
pub use ports::{AdminPort, admin_port};
pub use trusted_places::{TrustedPlace, trusted_place};
