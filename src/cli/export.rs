//! `harden export`.

use std::path::PathBuf;

use clap::builder::PossibleValuesParser;

use crate::image::{Reference, Transport, source};
use crate::policy::export::{self, Source, Target};
use crate::policy::{self, Needs};

use super::failure::Failure;
use super::opening::{Opener, Opening};
use super::output::{Console, Output};
use super::run::flags::Flags;

#[derive(clap::Args, Debug)]
pub(super) struct Arguments {
    /// The form: docker, podman, compose, kubernetes, ecs, oci, seccomp, apparmor, selinux, systemd, quadlet
    #[arg(
        long, value_name = "TARGET", required = true,
        value_parser = PossibleValuesParser::new(Target::ALL.map(|(name, _)| name)), hide_possible_values = true
    )]
    to: String,

    /// Write all files of the form into this folder; without it, the first goes to standard output
    #[arg(short, long, value_name = "FOLDER", value_hint = clap::ValueHint::DirPath)]
    output: Option<PathBuf>,

    /// The container's name
    #[arg(long, value_name = "NAME", default_value = "app", help_heading = "Container")]
    name: String,

    #[command(flatten)]
    flags: Flags,

    #[command(flatten)]
    opening: Opening,

    /// Say more
    #[arg(long, help_heading = "Global options")]
    verbose: bool,

    /// The image, as `harden image` takes it, and a command in place of the image's; flags come before
    #[arg(value_names = ["REF", "COMMAND"], trailing_var_arg = true, num_args = 1.., required = true)]
    words: Vec<String>,
}

pub(super) fn run(arguments: &Arguments, console: &Console) -> Result<u8, Failure> {
    let console = &Console { verbose: arguments.verbose, ..*console };
    let usage = |error: &dyn std::fmt::Display| Failure::Usage(error.to_string());
    let Some((name, command)) = arguments.words.split_first() else {
        return Err(usage(&"there is no image; name one"));
    };
    let reference = Reference::parse(name).map_err(|error| usage(&error))?;
    let wishes = arguments.flags.wishes(command, false, console)?;
    // Where it will run isn't known, so this machine bounds nothing.
    let host = policy::Host::default();
    let profile = match arguments.flags.profile()? {
        Some(profile) => policy::check(profile, &wishes.allow, &host),
        None => {
            let opener = Opener::new(&arguments.opening, console);
            let image =
                source::read(&opener.request(name, &reference)).map_err(|error| Failure::Read(error.to_string()))?;
            policy::infer(&Needs::of(&image), &wishes, &host)
        }
    };
    let profile = profile.map_err(|error| usage(&error))?;
    if let Some((path, _)) = profile.lsm.value.apparmor_file() {
        let remedy = "load it with `apparmor_parser -r`, and give the name of its profile";
        return Err(usage(&format_args!("--security-opt apparmor={path}: only `harden run` loads files; {remedy}")));
    }
    let target = Target::ALL.iter().find(|(name, _)| *name == arguments.to).map(|(_, target)| *target);
    let target = target.ok_or_else(|| usage(&format_args!("`{}` is no form", arguments.to)))?;
    let (image, is_name) = image_name(name, &reference);
    let source = Source { image, name: arguments.name.clone() };
    let exported = export::export(&profile, &source, target);
    if !is_name && exported.files.iter().any(|(_, text)| text.contains(&source.image)) {
        let image = &source.image;
        console.note(&format_args!("`{image}` is a place here: put in its place the name that the image has there"));
    }
    for note in &exported.notes {
        console.note(note);
    }
    for (at, (name, text)) in exported.files.iter().enumerate() {
        let path = arguments.output.as_ref().map(|folder| folder.join(name));
        if path.is_none() && at > 0 {
            console.note(&format_args!("`{name}` belongs beside it; `--output FOLDER` writes both"));
            continue;
        }
        if let Some(folder) = &arguments.output {
            std::fs::create_dir_all(folder)
                .map_err(|source| Failure::Write { to: folder.display().to_string(), source })?;
        }
        let mut output = Output::to(path.as_deref())?;
        output.write(|out| out.write_all(text.as_bytes()))?;
        output.finish()?;
    }
    Ok(0)
}

/// The name of an image where it will run, and whether it is one: files and folders of this machine have none.
fn image_name(name: &str, reference: &Reference) -> (String, bool) {
    match &reference.transport {
        Transport::Registry { .. } => (name.trim_start_matches("docker://").to_owned(), true),
        // Engines know their own images without saying whose they are.
        Transport::DockerDaemon { name } => (name.clone(), true),
        _ => (name.to_owned(), false),
    }
}
