//! One secret detector for Dockerfiles, configurations, layers and history. It never prints what it finds.
