//! Lines that let a stage end as another user than root: the account, the folders it needs to write, USER.

use crate::diagnostic::{Fix, Safety};
use crate::shell::{Body, Command, Dialect, Script};
use crate::syntax::ast::Keyword;
use crate::syntax::ports;
use crate::tables::Family;
use crate::text::{Edit, Span};

use super::account::{AccountSource, RunAs};
use super::writable::{FolderKind, Folders};
use crate::model::modes::is_below;
use crate::model::script_of;
use crate::model::{BaseUser, Dockerfile, PrivilegeDrop, Stage, drops_privileges};

/// The fix that adds USER, and what it needs, to a stage that ends as root or as whoever the base image says. `None`
/// where the lines have no place. `account` is what [`super::run_as`] says of the stage.
#[must_use]
pub fn leave_root(dockerfile: &Dockerfile, stage: &Stage, account: &RunAs) -> Option<Fix> {
    let folders = if keeps_base_user(account.source) { Folders::default() } else { Folders::of(dockerfile, stage) };
    let folders = Folders { needed: folders.needed.into_iter().filter(|_| account.user != "ContainerUser").collect() };
    let mut plan = Plan::default();
    if let Some(making) = account.making {
        plan.run(dockerfile, making);
    }
    let mut edits = Vec::new();
    let mut given = true;
    let mut apps = Vec::new();
    let volume = folders.first_volume(dockerfile, stage).filter(|_| account.can_run && is_there_early(account));
    match volume.filter(|index| is_root_by_then(dockerfile, stage, *index)) {
        // What is done to a volume behind its VOLUME is lost with some builders.
        Some(index) => {
            let mut early = Plan::default();
            let volumes = |kind| kind == FolderKind::Volume;
            folders.giving(account, volumes).iter().for_each(|script| early.run(dockerfile, script));
            edits.push(dockerfile.insert_above(index, &early.lines)?);
            plan.said.extend(early.said);
            edits.extend(folders.copies(dockerfile, index..stage.instructions.end, account, volumes));
            apps = app_copies(dockerfile, stage, account, &folders);
            folders
                .giving(account, |kind| kind != FolderKind::Volume)
                .iter()
                .for_each(|script| plan.run(dockerfile, script));
        }
        None if account.can_run => {
            folders.giving(account, |_| true).iter().for_each(|script| plan.run(dockerfile, script));
            apps = app_copies(dockerfile, stage, account, &folders);
        }
        None => {
            // Where no step can give the folder itself, its files are better left to root.
            let copies =
                folders.copies(dockerfile, stage.instructions.clone(), account, |kind| kind != FolderKind::App);
            given = copies.len() >= folders.needed.iter().filter(|folder| folder.kind != FolderKind::App).count();
            edits.extend(copies);
        }
    }
    edits.extend(apps.into_iter().filter(|edit| !edits.contains(edit)).collect::<Vec<_>>());
    plan.lines.push(dockerfile.line(Keyword::User, &account.user));
    edits.push(dockerfile.insert_behind_steps(stage, &plan.lines)?);
    let doubt = doubt(dockerfile, stage, account, given.then_some(&folders));
    let (safety, why) = match doubt {
        Some(doubt) => (Safety::Suggestion, doubt),
        None if is_same(dockerfile, stage, account.source) => {
            (Safety::Safe, "the base image sets this user already, as its configuration says".to_owned())
        }
        None => (Safety::Unsafe, risks(dockerfile, stage, account, &folders)),
    };
    let mut fix = Fix::new(title(account, Some(&folders).filter(|_| given)), safety, why, edits).adds("USER");
    for (kind, name) in plan.said {
        fix = if kind == Said::Instruction { fix.adds(name) } else { fix.adds_command(name) };
    }
    Some(fix)
}

/// `--chown` for what is put into the app's folder behind the last step, which finds everything as before. An account that
/// a step makes may not be there yet.
fn app_copies(dockerfile: &Dockerfile, stage: &Stage, account: &RunAs, folders: &Folders) -> Vec<Edit> {
    if !is_there_early(account) {
        return Vec::new();
    }
    let is_run = |index: &usize| dockerfile.instructions[*index].ast.keyword == Keyword::Run;
    let last = stage.instructions.clone().rfind(is_run);
    let range = last.map_or(stage.instructions.start, |last| last + 1)..stage.instructions.end;
    folders.copies(dockerfile, range, account, |kind| kind == FolderKind::App)
}

/// Whether the account is there wherever in the stage its owner is named.
fn is_there_early(account: &RunAs) -> bool {
    matches!(account.source, AccountSource::Base | AccountSource::New | AccountSource::Number | AccountSource::Guess)
}

/// Whether root runs the steps at `index`, where it does at the end.
fn is_root_by_then(dockerfile: &Dockerfile, stage: &Stage, index: usize) -> bool {
    stage.end.user.is_none() || dockerfile.is_root_at(index) == Some(true)
}

fn keeps_base_user(source: AccountSource) -> bool {
    matches!(source, AccountSource::BaseUser | AccountSource::BaseUserByName)
}

/// Whether USER says what is in force anyway, and nothing was brought that it would make a way around.
fn is_same(dockerfile: &Dockerfile, stage: &Stage, source: AccountSource) -> bool {
    let no_setid = dockerfile.content_under(stage).is_some_and(|content| content.setid.is_empty());
    let no_steps = dockerfile.inherited(stage, Keyword::Run).next().is_none();
    source == AccountSource::BaseUser && no_setid && no_steps && stage.end.user.is_none()
}

/// Lines in the making, and what the fix has to say of them.
#[derive(Default)]
struct Plan {
    lines: Vec<String>,
    said: Vec<(Said, &'static str)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Said {
    Instruction,
    Command,
}

impl Plan {
    fn run(&mut self, dockerfile: &Dockerfile, script: &str) {
        const COMMANDS: [&str; 7] = ["groupadd", "useradd", "addgroup", "adduser", "mkdir", "touch", "chown"];
        self.said.push((Said::Instruction, "RUN"));
        for part in script.split(" && ") {
            let name = part.split(' ').next().unwrap_or("");
            self.said.extend(COMMANDS.into_iter().filter(|known| *known == name).map(|name| (Said::Command, name)));
        }
        self.lines.push(dockerfile.line(Keyword::Run, script));
    }
}

/// Programs that start as root by design: they start services as users of their own, or set the system up.
const AS_ROOT: [&str; 50] = [
    "apache2",
    "apache2ctl",
    "apachectl",
    "buildkitd",
    "buildkitd-entrypoint.sh",
    "chronyd",
    "containerd",
    "crio",
    "cron",
    "crond",
    "dnsmasq",
    "dockerd",
    "dockerd-entrypoint.sh",
    "dovecot",
    "haproxy",
    "init",
    "ip",
    "iptables",
    "k3s",
    "keepalived",
    "kubelet",
    "libvirtd",
    "modprobe",
    "mount",
    "my_init",
    "named",
    "nginx",
    "ntpd",
    "openrc-init",
    "openvpn",
    "postfix",
    "rpcbind",
    "rsyslogd",
    "runit",
    "runit-init",
    "runsvdir",
    "s6-overlay-init",
    "s6-svscan",
    "service",
    "slapd",
    "smbd",
    "squid",
    "sshd",
    "supervisord",
    "sysctl",
    "systemctl",
    "systemd",
    "tailscaled",
    "vsftpd",
    "xinetd",
];

/// Commands of a script that only root can do.
const ROOT_ONLY: [&str; 16] = [
    "chown",
    "useradd",
    "usermod",
    "groupadd",
    "groupmod",
    "adduser",
    "addgroup",
    "chpasswd",
    "apt-get",
    "apk",
    "service",
    "mount",
    "iptables",
    "sysctl",
    "update-ca-certificates",
    "crond",
];

/// What makes the choice a human's.
fn doubt(dockerfile: &Dockerfile, stage: &Stage, account: &RunAs, given: Option<&Folders>) -> Option<String> {
    let image = dockerfile.image_under(stage);
    let repository = image.map_or("", |image| image.repository.as_str());
    if keeps_base_user(account.source) {
        return None;
    }
    if let Some(PrivilegeDrop::Likely(_)) = drops_privileges(dockerfile, stage) {
        return Some("what starts here may have to start as root to give it up itself".to_owned());
    }
    if dockerfile.instructions_of(stage).any(|(_, instruction)| instruction.is_trigger()) {
        return Some("the triggers of ONBUILD would run as this user in images built on this one".to_owned());
    }
    if account.source == AccountSource::MadeOneOf {
        return Some("the file makes several accounts, and which of them is meant is not said".to_owned());
    }
    let from_the_base = matches!(repository, "nginx" | "httpd") && dockerfile.row_under(stage).is_some();
    if let Some(name) = starts_as_root(dockerfile, stage).filter(|name| !(from_the_base && name == "nginx")) {
        return Some(format!("`{name}`, which starts here, is made to start as root"));
    }
    if repository.starts_with("webdevops/") {
        return Some("the base image's supervisor is made to start as root".to_owned());
    }
    if account.source == AccountSource::Guess {
        let name = image.and_then(|image| image.text.split('@').next());
        let name = name.map_or("the base image".to_owned(), |name| format!("`{name}`"));
        return Some(format!("{name} is not known, and may set a user that is the right one"));
    }
    let starts = stage.end.entrypoint.or(stage.end.cmd).is_some();
    if !starts && dockerfile.user_under(stage) == BaseUser::Unknown {
        return Some("what the base image starts is not known, and may have to start as root".to_owned());
    }
    given.is_none().then(|| "a volume stays root's, since no shell is here to give it to the user".to_owned())
}

/// The program, started by ENTRYPOINT, CMD or their script in the context, that wants root.
#[must_use]
pub fn starts_as_root(dockerfile: &Dockerfile, stage: &Stage) -> Option<String> {
    let starts = [stage.end.entrypoint, stage.end.cmd].into_iter().flatten();
    let instructions = starts.filter_map(|index| dockerfile.instructions.get(index));
    let commands: Vec<&Command> =
        instructions.flat_map(|instruction| &instruction.scripts).flat_map(|script| &script.commands).collect();
    let named = |names: &[&str], command: &Command| names.contains(&command.base_name());
    let is_sudo = |command: &Command| matches!(command.base_name(), "sudo" | "su" | "doas");
    let direct = commands.iter().find(|command| named(&AS_ROOT, command) || is_sudo(command));
    // A wrapper such as `tini --` has the program among its arguments.
    let wrapped = || {
        let words = commands.iter().flat_map(|command| &command.arguments);
        let mut names = words.map(|word| word.text.rsplit('/').next().unwrap_or(""));
        names.find(|name| matches!(*name, "supervisord" | "sshd" | "cron" | "crond" | "systemd"))
    };
    if let Some(found) = direct {
        return Some(found.base_name().to_owned());
    }
    if let Some(found) = wrapped() {
        return Some(found.to_owned());
    }
    let script = script_of(dockerfile, stage)?;
    let body = Body { file: script.text, span: Span::new(0, script.text.len() as u32), gaps: &[] };
    let Script { commands, .. } = crate::shell::script(&body, Dialect::Posix);
    let wants = |command: &&Command| named(&AS_ROOT, command) || named(&ROOT_ONLY, command) || is_sudo(command);
    commands.iter().find(wants).map(|command| command.base_name().to_owned())
}

/// What may break, in one clause.
fn risks(dockerfile: &Dockerfile, stage: &Stage, account: &RunAs, folders: &Folders) -> String {
    if keeps_base_user(account.source) {
        let content = dockerfile.content_under(stage).is_some();
        let told = if content { "the base image sets this user already" } else { "only the base image's name tells" };
        return match content {
            true => format!("{told}, but setuid programs or steps of the file deserve a look"),
            false => format!("{told} that it sets this user"),
        };
    }
    let mut parts = Vec::new();
    let starts = stage.end.entrypoint.or(stage.end.cmd).is_some();
    if dockerfile.family_under(stage) == Some(Family::Windows) || account.user == "ContainerUser" {
        return "what the container starts may need an administrator's rights".to_owned();
    }
    let workdir = stage.end.workdir.as_ref().and_then(|workdir| workdir.value.known()).filter(|path| {
        path.starts_with('/') && *path != "/" && !folders.needed.iter().any(|folder| is_below(path, &folder.path))
    });
    parts.push(match workdir {
        Some(path) => format!("the program may need root's rights or write to files of root, as in `{path}`"),
        None => "the program may need root's rights or write to files of root".to_owned(),
    });
    if !starts {
        parts.push("images built on this one have to set `USER root` for steps of their own".to_owned());
    }
    if matches!(account.source, AccountSource::Number | AccountSource::Guess) && dockerfile.image_under(stage).is_some()
    {
        parts.push("the number has no account that it could look up".to_owned());
    }
    if let Some(port) = low_port(dockerfile, stage) {
        parts.push(format!("port {port} is open to other users with Docker 20.10 or later, not on every platform"));
    }
    parts.join("; ")
}

/// A port under 1024 that the image is to listen on.
fn low_port(dockerfile: &Dockerfile, stage: &Stage) -> Option<u16> {
    let mut exposed = dockerfile.inherited(stage, Keyword::Expose).flat_map(|(_, expose)| &expose.values).peekable();
    if exposed.peek().is_none() {
        let image = dockerfile.image_under(stage)?;
        let apache = image.repository == "php" && image.tag.as_deref().is_some_and(|tag| tag.contains("apache"));
        let web = apache || matches!(image.repository.as_str(), "nginx" | "httpd" | "wordpress");
        return (web && dockerfile.row_under(stage).is_some()).then_some(80);
    }
    let ports = exposed.filter_map(|value| ports::parse(value.known()?).ok());
    ports.map(|ports| *ports.range.start()).find(|port| *port < 1024)
}

fn title(account: &RunAs, given: Option<&Folders>) -> String {
    let numbered =
        |name: &str| if name == account.user { format!("`{name}`") } else { format!("`{name}` ({})", account.user) };
    let name = account.name.as_deref().unwrap_or(&account.user);
    let user = match account.source {
        AccountSource::BaseUser | AccountSource::BaseUserByName => {
            format!("Say `USER {}`, as the base image does", account.user)
        }
        AccountSource::Made | AccountSource::MadeOneOf => format!("Run as {}, which the file makes", numbered(name)),
        AccountSource::Owner => format!("Run as {}, which the file gives files to", numbered(name)),
        AccountSource::Base => format!("Run as {}, which the base image has", numbered(name)),
        AccountSource::New => format!("Make the user {} and run as it", numbered(name)),
        AccountSource::Number | AccountSource::Guess => format!("Run as {}, which needs no account", numbered(name)),
    };
    match given.map(|folders| &folders.needed[..]) {
        Some([one]) => format!("{user}, and give it `{}`", one.path),
        Some([first, rest @ ..]) => format!("{user}, and give it `{}` and {} more", first.path, rest.len()),
        _ => user,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Account, ImageContent, ImageFacts};
    use crate::text::Source;

    fn fix(text: &str, content: Option<ImageContent>) -> Fix {
        let mut file = Dockerfile::new("Dockerfile", Source::from(text));
        file.images.insert("base:1".to_owned(), ImageFacts { digest: None, content });
        {
            let stage = file.target().expect("a stage");
            let account = crate::model::run_as(&file, stage).expect("an account");
            leave_root(&file, stage, &account).expect("a fix")
        }
    }

    #[test]
    fn only_what_the_base_says_itself_is_safe() {
        let svc = Account { name: "svc".to_owned(), uid: 7, gid: 7, home: "/".to_owned() };
        let content = ImageContent { user: "svc".to_owned(), accounts: vec![svc], ..ImageContent::default() };
        let safety = |text: &str, content: &ImageContent| fix(text, Some(content.clone())).safety;
        assert_eq!(safety("FROM base:1\nCMD a\n", &content), Safety::Safe);
        assert_eq!(safety("FROM base:1\nRUN b\nCMD a\n", &content), Safety::Unsafe);
        let with_setid = ImageContent { setid: vec!["/bin/su".to_owned()], ..content.clone() };
        assert_eq!(safety("FROM base:1\nCMD a\n", &with_setid), Safety::Unsafe);
        let root = ImageContent { user: String::new(), ..content };
        assert_eq!(safety("FROM base:1\nCMD a\n", &root), Safety::Unsafe);
    }

    #[test]
    fn what_is_likely_meant_to_be_root_is_a_suggestion() {
        for text in [
            "FROM base:1\nCMD a\n",
            "FROM debian\nCMD [\"supervisord\", \"-n\"]\n",
            "FROM debian\nENTRYPOINT [\"tini\", \"--\", \"/usr/sbin/sshd\"]\n",
            "FROM debian\nCMD service x start && exec y\n",
            "FROM debian\nONBUILD RUN make\n",
            "FROM debian\nRUN useradd a && useradd b\nCMD x\n",
            "FROM webdevops/php\n",
            "FROM scratch\nVOLUME /data\nCMD [\"/a\"]\n",
        ] {
            assert_eq!(fix(text, None).safety, Safety::Suggestion, "{text}");
        }
    }

    #[test]
    fn fixes_say_what_comes() {
        let made = fix("FROM alpine\nVOLUME /data\nCMD a\n", None);
        assert_eq!(made.instructions.added, ["USER", "RUN", "RUN"]);
        assert_eq!(made.commands.added, ["addgroup", "adduser", "mkdir", "chown"]);
        assert!(made.instructions.removed.is_empty() && made.commands.removed.is_empty());
        assert_eq!((made.safety, made.edits.len()), (Safety::Unsafe, 2));
        let low = fix("FROM python\nEXPOSE 80\nCMD a\n", None);
        assert!(low.why.contains("port 80"), "{}", low.why);
    }
}
