//! Facts of the world, each with its source and date: base images and their users, moving tags. Knows no Dockerfile.
