//! Which account a stage could run as: one that its base or its own steps made, a new one by the base's own tools, or a
//! number that needs none.

use crate::shell::tools::{self, Tool};
use crate::shell::{Command, Dialect, Nesting, Part, Word};
use crate::syntax::ast::{Arguments, Keyword};
use crate::tables::Family;

use crate::model::{BaseUser, is_root};
use crate::model::{CommandRef, Dockerfile, Stage};

/// The number of an account that is made.
const NEW_ID: u32 = 10001;
/// The number of `nonroot` in distroless images and their kin, for images that can't get an account.
const NUMBER: &str = "65532:65532";

/// An account to run as, and what makes it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RunAs {
    /// What USER says: the number where it is known, since only that can be checked before the start.
    pub user: String,
    /// What chown and `--chown` say.
    pub owner: String,
    /// The name, where the account has one that is known.
    pub name: Option<String>,
    /// Where it comes from.
    pub source: AccountSource,
    /// The RUN that makes it, without the keyword.
    pub making: Option<&'static str>,
    /// Whether the stage's last state allows a RUN as root in a shell of the usual kind.
    pub can_run: bool,
}

/// Where an account comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AccountSource {
    /// The base image sets it, as its configuration tells.
    BaseUser,
    /// The base image sets it, as its name tells.
    BaseUserByName,
    /// A step of the file makes it.
    Made,
    /// One of several that steps of the file make.
    MadeOneOf,
    /// Steps of the file give files to it.
    Owner,
    /// The base image has it.
    Base,
    /// It is made.
    New,
    /// It is a number alone.
    Number,
    /// It is a number alone, on a base of which nothing is known, not even that it runs as root.
    Guess,
}

const GROUPADD: &str =
    "groupadd --system --gid 10001 app && useradd --system --uid 10001 --gid app --no-create-home app";
const ADDGROUP: &str = "addgroup -S -g 10001 app && adduser -S -D -H -u 10001 -G app app";

/// Which account `stage` could run as; `None` where none is sure to do (the names it would make are taken).
#[must_use]
pub fn run_as(dockerfile: &Dockerfile, stage: &Stage) -> Option<RunAs> {
    let trace = Trace::of(dockerfile, stage);
    let family = dockerfile.family_under(stage).or(trace.family);
    let shell = &stage.end.shell;
    let first = shell.argv.first().map_or("", String::as_str).to_ascii_lowercase();
    let windows_shell = shell.dialect == Dialect::Cmd || first.starts_with("powershell");
    let at_root = match &stage.end.user {
        Some(user) => user.value.known().is_some_and(is_root),
        None => match dockerfile.user_under(stage) {
            BaseUser::Root => true,
            BaseUser::Other(_) => false,
            BaseUser::Unknown => trace.needs_root,
        },
    };
    let has_shell = trace.runs || family.is_some_and(|family| family != Family::Distroless);
    let can_run = at_root && has_shell && shell.dialect == Dialect::Posix;
    let plain = |user: &str, source| RunAs {
        user: user.to_owned(),
        owner: user.to_owned(),
        name: None,
        source,
        making: None,
        can_run,
    };
    if let BaseUser::Other(user) = dockerfile.user_under(stage) {
        let known = dockerfile.content_under(stage).is_some();
        let source = if known { AccountSource::BaseUser } else { AccountSource::BaseUserByName };
        return Some(plain(&user, source));
    }
    if family == Some(Family::Windows) || family.is_none() && windows_shell {
        return Some(RunAs { can_run: false, ..plain("ContainerUser", AccountSource::Base) });
    }
    if let Some(account) = trace.account(dockerfile, stage, family) {
        return Some(RunAs { can_run, ..account });
    }
    if let Some((name, user)) = of_the_base(dockerfile, stage, family) {
        let source = AccountSource::Base;
        let owner = name.clone();
        return Some(RunAs { user, owner, name: Some(name), source, making: None, can_run });
    }
    if !can_run || !trace.has_account_tools(dockerfile, stage, family) {
        let unknown = matches!(dockerfile.user_under(stage), BaseUser::Unknown) && !at_root;
        return Some(plain(NUMBER, if unknown { AccountSource::Guess } else { AccountSource::Number }));
    }
    let making = if matches!(family, Some(Family::Alpine | Family::Busybox)) { ADDGROUP } else { GROUPADD };
    let taken = dockerfile.content_under(stage).is_some_and(|content| {
        content.accounts.iter().any(|account| account.name == "app" || [account.uid, account.gid].contains(&NEW_ID))
    });
    if taken || trace.names_number || trace.groups.iter().any(|group| group == "app") {
        return Some(plain(NUMBER, AccountSource::Number));
    }
    Some(RunAs {
        user: NEW_ID.to_string(),
        owner: format!("{NEW_ID}:{NEW_ID}"),
        name: Some("app".to_owned()),
        source: AccountSource::New,
        making: Some(making),
        can_run,
    })
}

impl Dockerfile {
    /// Whether root runs the instruction at `index`: because USER or the base image says so, or because the stage's steps
    /// do what only root can while no USER is set: they install packages or make accounts without sudo.
    #[must_use]
    pub fn acts_as_root(&self, index: usize) -> bool {
        let Some(instruction) = self.instructions.get(index) else { return false };
        self.is_root_at(index).unwrap_or_else(|| {
            let stage = instruction.stage.and_then(|stage| self.stages.get(stage));
            instruction.before.user.is_none() && stage.is_some_and(|stage| Trace::of(self, stage).needs_root)
        })
    }
}

/// A user without root's rights that the base image has, with what USER says for it.
fn of_the_base(dockerfile: &Dockerfile, stage: &Stage, family: Option<Family>) -> Option<(String, String)> {
    let row = dockerfile.row_under(stage);
    let listed = row.and_then(|row| row.accounts.first()).filter(|(name, _)| *name != "nobody");
    let Some(content) = dockerfile.content_under(stage) else {
        let &(name, number) = listed?;
        let number = number.or(match (name, family?) {
            // Debian's base-passwd gives www-data 33; php and httpd give it 82 on Alpine, as Alpine's packages do.
            ("www-data", Family::Debian) => Some(33),
            ("www-data", Family::Alpine) => Some(82),
            _ => None,
        });
        return Some((name.to_owned(), number.map_or_else(|| name.to_owned(), |number| number.to_string())));
    };
    let people = |uid: u32| (1000..60000).contains(&uid);
    let by_name = listed.and_then(|(name, _)| content.accounts.iter().find(|account| account.name == *name));
    let known = || content.accounts.iter().find(|account| account.uid != 0 && account.name == "nonroot");
    let account = by_name.or_else(known).or_else(|| content.accounts.iter().find(|account| people(account.uid)))?;
    Some((account.name.clone(), account.uid.to_string()))
}

/// What the steps of a stage, and of those it is built from, tell of accounts.
#[derive(Default)]
struct Trace {
    /// Accounts that are made: the name as USER would say it, and the number.
    made: Vec<(String, Option<String>)>,
    /// Groups that are made.
    groups: Vec<String>,
    /// Users that files are given to, by name or number.
    owners: Vec<String>,
    /// Whether some step runs in a shell.
    runs: bool,
    /// Whether some step did what only root can.
    needs_root: bool,
    /// Whether useradd was called, or the package that brings it installed.
    has_useradd: bool,
    /// Whether an account or a group is given the number that a new one would get.
    names_number: bool,
    /// What the package manager that is called says of the base.
    family: Option<Family>,
    /// Whether the package manager is that of a minimal image, which brings no useradd.
    minimal: bool,
}

impl Trace {
    fn of(dockerfile: &Dockerfile, stage: &Stage) -> Self {
        let mut trace = Self::default();
        let mut lineage: Vec<&Stage> = dockerfile.lineage(stage).collect();
        lineage.reverse();
        for (index, instruction) in lineage.into_iter().flat_map(|stage| dockerfile.instructions_of(stage)) {
            match instruction.ast.keyword {
                Keyword::Copy | Keyword::Add => {
                    let value = instruction.flag("chown").and_then(|(_, value)| value.known());
                    trace.owners.extend(value.and_then(owner_of).map(str::to_owned));
                }
                Keyword::Run => {
                    trace.runs |= matches!(instruction.ast.arguments, Arguments::Shell(_));
                    instruction.commands(index).for_each(|command| trace.command(stage, &command));
                }
                _ => {}
            }
        }
        trace
    }

    fn command(&mut self, stage: &Stage, command: &CommandRef<'_>) {
        let own = command.command;
        let name = own.base_name();
        if matches!(name, "userdel" | "deluser")
            && let Some(gone) = own.arguments.last()
        {
            self.made.retain(|(name, _)| *name != gone.text);
        }
        // Most commands are none of these, and reading their options takes time.
        const TELLING: [&str; 14] = [
            "useradd", "adduser", "groupadd", "addgroup", "chown", "apt-get", "apt", "apk", "dnf", "dnf5", "yum",
            "microdnf", "tdnf", "zypper",
        ];
        let telling = TELLING.contains(&name).then(|| tools::invocation(own));
        let Some(invocation) = telling.flatten() else { return };
        let certain = own.nesting == Nesting::Plain || own.nesting == Nesting::Argument && is_by_sudo(command);
        match invocation.tool {
            Tool::Useradd | Tool::Adduser => {
                self.has_useradd |= name == "useradd";
                self.needs_root |= own.parent.is_none();
                let number = invocation.option("--uid").and_then(|option| option.value);
                self.names_number |= number.is_some_and(|value| value.text == NEW_ID.to_string());
                // Two operands put a user into a group, and `useradd -D` sets defaults.
                let [operand] = invocation.operands[..] else { return };
                let defaults = name == "useradd" && invocation.has("--defaults");
                let number = number.map(|value| value.text).filter(|text| is_number(text));
                if certain
                    && !defaults
                    && number.is_none_or(|number| !is_root(number))
                    && let Some(user) = user_word(stage, command, operand)
                    && !is_root(&user)
                    && !self.made.iter().any(|(other, _)| *other == user)
                {
                    self.made.push((user, number.map(str::to_owned)));
                }
            }
            Tool::Groupadd | Tool::Addgroup => {
                self.needs_root |= own.parent.is_none();
                let number = invocation.option("--gid").and_then(|option| option.value);
                self.names_number |= number.is_some_and(|value| value.text == NEW_ID.to_string());
                self.groups.extend(invocation.operands.first().map(|word| word.text.clone()));
            }
            Tool::Chown => {
                self.needs_root |= own.parent.is_none();
                let word = invocation.operands.first().filter(|word| certain && word.literal().is_some());
                self.owners.extend(word.and_then(|word| owner_of(&word.text)).map(str::to_owned));
            }
            tool => self.packages(tool, own, invocation.is_install(), name, &invocation.operands),
        }
    }

    fn packages(&mut self, tool: Tool, command: &Command, installs: bool, name: &str, operands: &[&Word]) {
        let family = match tool {
            Tool::Apt => Family::Debian,
            Tool::Apk => Family::Alpine,
            Tool::Dnf if name == "tdnf" => Family::Tdnf,
            Tool::Dnf => Family::RedHat,
            Tool::Zypper => Family::Suse,
            _ => return,
        };
        self.family.get_or_insert(family);
        self.minimal |= name == "microdnf";
        // Whom sudo or another user's shell runs it for tells nothing of the user in force.
        self.needs_root |= installs && command.parent.is_none();
        self.has_useradd |= installs && operands.iter().any(|word| matches!(word.text.as_str(), "shadow-utils"));
    }

    /// The one account that the file's steps make or give files to.
    fn account(&self, dockerfile: &Dockerfile, stage: &Stage, family: Option<Family>) -> Option<RunAs> {
        let mut owners = self.owners.clone();
        owners.sort_unstable();
        owners.dedup();
        let run_as = |name: &str, number: Option<&str>, source| RunAs {
            user: number.unwrap_or(name).to_owned(),
            owner: name.to_owned(),
            name: Some(name.to_owned()),
            source,
            making: None,
            can_run: false,
        };
        let owned = |made: &&(String, Option<String>)| {
            owners.iter().any(|owner| *owner == made.0 || made.1.as_ref() == Some(owner))
        };
        match &self.made[..] {
            [] => {}
            [(name, number)] => return Some(run_as(name, number.as_deref(), AccountSource::Made)),
            several => {
                let mut favoured = several.iter().filter(owned);
                let (one, next) = (favoured.next(), favoured.next());
                let sure = one.is_some() && next.is_none();
                let (name, number) = one.filter(|_| sure).or(several.last())?;
                let source = if sure { AccountSource::Made } else { AccountSource::MadeOneOf };
                return Some(run_as(name, number.as_deref(), source));
            }
        }
        let [owner] = &owners[..] else { return None };
        let base = of_the_base(dockerfile, stage, family).filter(|(name, user)| name == owner || user == owner);
        if let Some((name, user)) = base {
            return Some(run_as(&name, Some(&user), AccountSource::Base));
        }
        let number = match (owner.as_str(), family) {
            ("www-data", Some(Family::Debian)) => Some("33"),
            ("www-data", Some(Family::Alpine)) => Some("82"),
            _ => None,
        };
        Some(run_as(owner, number, AccountSource::Owner))
    }

    /// Whether the base has the programs that make accounts.
    fn has_account_tools(&self, dockerfile: &Dockerfile, stage: &Stage, family: Option<Family>) -> bool {
        if let Some(content) = dockerfile.content_under(stage).filter(|content| !content.programs.is_empty()) {
            let busybox = matches!(family, Some(Family::Alpine | Family::Busybox));
            return self.has_useradd || content.has_program(if busybox { "adduser" } else { "useradd" });
        }
        let image = dockerfile.image_under(stage);
        let says = |word: &str| {
            image.is_some_and(|image| {
                image.repository.contains(word) || image.tag.as_deref().is_some_and(|tag| tag.contains(word))
            })
        };
        match family {
            Some(Family::Debian | Family::Alpine | Family::Busybox | Family::Arch | Family::Suse) => true,
            // These leave shadow-utils out.
            Some(Family::RedHat) => {
                let minimal = self.minimal || ["minimal", "slim", "amazonlinux", "micro"].into_iter().any(says);
                self.has_useradd || !minimal
            }
            Some(Family::Tdnf) => self.has_useradd,
            _ => false,
        }
    }
}

/// Whether sudo, and nothing else, runs the command.
fn is_by_sudo(command: &CommandRef<'_>) -> bool {
    let parent = command.command.parent.and_then(|parent| command.script.commands.get(parent as usize));
    parent.is_some_and(|parent| parent.base_name() == "sudo" && parent.nesting == Nesting::Plain)
}

/// How USER would name the operand of useradd: as written where it is literal or its variables are in force at the end of
/// the stage too.
fn user_word(stage: &Stage, command: &CommandRef<'_>, word: &Word) -> Option<String> {
    let resolved = command.resolve(word).filter(|name| is_name(name))?;
    if word.parts.is_empty() {
        return Some(resolved);
    }
    let lasts = word.parts.iter().all(|part| match part {
        Part::Literal(_) => true,
        Part::Variable(name) => {
            let then = command.instruction.before.variables.get(name).map(|binding| &binding.origin);
            then.is_some() && then == stage.end.variables.get(name).map(|binding| &binding.origin)
        }
        _ => false,
    });
    lasts.then(|| word.text.clone())
}

/// The user of `user:group`, if it is one without root's rights.
fn owner_of(text: &str) -> Option<&str> {
    let user = text.split([':', '.']).next().unwrap_or("");
    ((is_name(user) || is_number(user)) && !is_root(user)).then_some(user)
}

fn is_name(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'))
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}
