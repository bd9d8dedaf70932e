//! What is read of an image besides its files: configuration, history, accounts, rights, os-release, start.
