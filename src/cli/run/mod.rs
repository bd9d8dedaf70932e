//! `harden run`.

pub(super) mod flags;
mod settings;
mod values;
mod wishes;

use std::path::PathBuf;

use clap::ValueEnum;

use crate::image::Reference;
use crate::policy::{self, Profile};
use crate::run::runtimes::Runtime;
use crate::run::{self, Job, Options, Pull};

use super::failure::Failure;
use super::opening::{Opener, Opening};
use super::output::{Console, Output, clean};
use flags::Flags;

/// What scripts rely on.
const EXIT_CODES: &str = "Exit codes: the program's own, 128 and the number of the signal that ended it, 125 harden refused \
    or failed, 126 the program can't be executed, 127 it is not found";

#[derive(clap::Args, Debug)]
#[command(after_help = EXIT_CODES)]
pub(super) struct Arguments {
    /// Keep standard input open
    #[arg(short, long, help_heading = "Container")]
    interactive: bool,

    /// Give it a terminal
    #[arg(short, long, help_heading = "Container")]
    tty: bool,

    /// Nothing is kept of a container anyway; for those used to saying so
    #[arg(long, hide = true)]
    rm: bool,

    /// The container's name
    #[arg(long, value_name = "NAME", help_heading = "Container")]
    name: Option<String>,

    /// End it after so many seconds
    #[arg(long, value_name = "SECONDS", help_heading = "Container")]
    timeout: Option<u64>,

    /// When to fetch the image
    #[arg(long, value_enum, value_name = "WHEN", default_value_t, help_heading = "Image")]
    pull: PullName,

    #[command(flatten)]
    flags: Flags,

    /// Let another runtime start it, with the same profile; what it can't do is said, or refused
    #[arg(long, value_name = "RUNTIME", value_parser = runtimes(), help_heading = "Confinement")]
    runtime: Option<String>,

    /// Print the profile, each field with its reason, and start nothing: text, json or toml
    #[arg(
        long, value_enum, value_name = "FORM", num_args = 0..=1, require_equals = true, default_missing_value = "text",
        help_heading = "Confinement"
    )]
    explain: Option<Form>,

    /// Write what was asked, what is in force and by which mechanism, as read back from the kernel: JSON, or a table on -
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath, help_heading = "Confinement")]
    proof: Option<PathBuf>,

    /// Tell which system calls and paths were refused, by whom, and what would allow each
    #[arg(long, help_heading = "Confinement")]
    refusals: bool,

    /// Tell at the end what was used: memory, CPU, processes, I/O
    #[arg(long, help_heading = "Limits")]
    account: bool,

    /// Remove the images that no container uses, and start nothing
    #[arg(long, help_heading = "Image", conflicts_with = "words")]
    gc: bool,

    #[command(flatten)]
    opening: Opening,

    /// Say more
    #[arg(long, help_heading = "Global options")]
    verbose: bool,

    /// The image, as `harden image` takes it, and a command in place of the image's; flags come before
    #[arg(value_names = ["REF", "COMMAND"], trailing_var_arg = true, num_args = 1.., required_unless_present = "gc")]
    words: Vec<String>,
}

/// How a profile is printed.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Form {
    /// A table for people
    Text,
    /// As --profile takes it
    Json,
    /// As --profile takes it
    Toml,
}

/// [`Pull`], as the command line names it.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum PullName {
    /// When it isn't there
    #[default]
    Missing,
    /// Always, to see what the name means by now
    Always,
    /// Never
    Never,
}

impl From<PullName> for Pull {
    fn from(name: PullName) -> Self {
        match name {
            PullName::Missing => Self::Missing,
            PullName::Always => Self::Always,
            PullName::Never => Self::Never,
        }
    }
}

fn runtimes() -> clap::builder::PossibleValuesParser {
    Runtime::ALL.map(|(name, _)| name).into()
}

fn runtime(name: &str) -> Option<Runtime> {
    Runtime::ALL.iter().find(|(known, _)| *known == name).map(|(_, runtime)| *runtime)
}

/// The exit code of what is ours to fail, as docker has it.
pub(super) const OWN_FAILURE: u8 = 125;

pub(super) fn run(arguments: &Arguments, console: &Console) -> u8 {
    let console = Console { verbose: arguments.verbose, ..*console };
    start(arguments, &console).unwrap_or_else(|failure| {
        console.error(&failure);
        OWN_FAILURE
    })
}

fn start(arguments: &Arguments, console: &Console) -> Result<u8, Failure> {
    if arguments.gc {
        let freed = run::collect(&data_home()?).map_err(|error| Failure::Usage(error.to_string()))?;
        console.note(&format_args!("removed {} images and {} left-overs", freed.images, freed.leftovers));
        return Ok(0);
    }
    let Some((name, command)) = arguments.words.split_first() else {
        return Err(Failure::Usage("there is no image to run; name one".to_owned()));
    };
    let reference = Reference::parse(name).map_err(|error| Failure::Usage(error.to_string()))?;
    let wishes = arguments.flags.wishes(command, arguments.tty, console)?;
    let opener = Opener::new(&arguments.opening, console);
    let request = opener.request(name, &reference);
    let note = |text: &str| console.note(&text);
    let options = Options {
        data: data_home()?,
        pull: arguments.pull.into(),
        name: arguments.name.clone(),
        interactive: arguments.interactive,
        timeout: arguments.timeout,
        proof: arguments.proof.clone(),
        refusals: arguments.refusals,
        account: arguments.account,
        runtime: arguments.runtime.as_deref().and_then(runtime),
    };
    let profile = arguments.flags.profile()?;
    let job = Job { request: &request, wishes: &wishes, profile, options, trust: &|_| Ok(()), note: &note };
    let refused = |refused: run::Refused| {
        console.error(&refused);
        Ok(refused.code())
    };
    match run::prepare(job) {
        Err(error) => refused(error),
        Ok(ready) => match arguments.explain {
            Some(form) => print(ready.profile(), form).map(|()| 0),
            None => ready.start().or_else(refused),
        },
    }
}

/// Prints a profile. Values of variables are printed only in the forms that a program reads.
fn print(profile: &Profile, form: Form) -> Result<(), Failure> {
    let text = match form {
        Form::Json => profile.to_json(),
        Form::Toml => profile.to_toml(),
        Form::Text => Ok(table(profile)),
    };
    let text = text.map_err(|error| Failure::Usage(error.to_string()))?;
    let mut output = Output::stdout();
    output.write(|out| out.write_all(text.as_bytes()))?;
    output.finish()
}

fn table(profile: &Profile) -> String {
    let sections = policy::explain(profile);
    let fields = sections.iter().flat_map(|section| &section.rows).map(|row| row.field.chars().count());
    let width = fields.max().unwrap_or(0);
    let mut text = String::new();
    for section in &sections {
        text.push_str(&format!("{}\n", section.title));
        for row in &section.rows {
            text.push_str(&format!("  {:width$}  {}\n", row.field, clean(&row.value)));
            if !row.why.is_empty() {
                text.push_str(&format!("  {:width$}    {}\n", "", clean(&row.why)));
            }
        }
    }
    text
}

/// The folder of the user's data (XDG Base Directory Specification).
fn data_home() -> Result<PathBuf, Failure> {
    let path = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    path("XDG_DATA_HOME")
        .or_else(|| path("HOME").map(|home| home.join(".local/share")))
        .ok_or_else(|| Failure::Usage("neither XDG_DATA_HOME nor HOME says where images are kept; set one".to_owned()))
}
