//! Which files are Dockerfiles. Reads folders, never the files in them.
