//! Facts of the world, each with its source and date: base images and their users, moving tags, ports that give remote
//! control, until when distributions are supported, their setuid files, programs that hand out a shell. Knows no
//! Dockerfile.

mod base_images;
mod end_of_life;
mod https_hosts;
mod known_escapes;
mod moving_tags;
mod ports;
mod setid_baseline;
mod supervisors;
mod trusted_places;

pub use base_images::{BaseImage, Family, ImageUser, base_image, family};
pub use end_of_life::{Support, support};
pub use https_hosts::{serves_ftp_as_https, serves_https};
pub use known_escapes::{Escape, escape};
pub use moving_tags::{TagKind, tag_kind};
pub use ports::{AdminPort, admin_port};
pub use setid_baseline::{UsualSetid, usual};
pub use supervisors::is_supervisor;
pub use trusted_places::{TrustedPlace, trusted_place};
