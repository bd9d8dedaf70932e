//! Users and groups of an image: passwd(5), group(5), shadow(5).

use std::collections::{HashMap, HashSet};

use super::Image;

/// The accounts of an image. Empty where the files are missing.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Accounts {
    /// `/etc/passwd`, in its order; lines that the C library skips left out.
    pub users: Vec<User>,
    /// `/etc/group`, in its order.
    pub groups: Vec<Group>,
    /// `/etc/shadow`, in its order; `None` where there is no such file.
    pub shadow: Option<Vec<Shadow>>,
    /// Lines of `/etc/passwd` that the C library skips but container engines take for an account: a uid or gid that is no
    /// number, or absent, is 0 to them.
    pub malformed_users: Vec<User>,
}

/// A line of `/etc/passwd`.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[allow(missing_docs)]
pub struct User {
    pub name: String,
    /// The second field, as written: `x` where the hash is in shadow, empty where no password is needed.
    pub password: String,
    pub uid: u32,
    pub gid: u32,
    pub home: String,
    pub shell: String,
}

/// A line of `/etc/group`.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[allow(missing_docs)]
pub struct Group {
    pub name: String,
    pub gid: u32,
    pub members: Vec<String>,
}

/// A line of `/etc/shadow`; the hash is not kept.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[allow(missing_docs)]
pub struct Shadow {
    pub name: String,
    /// What the second field is.
    pub password: Password,
}

/// What a password field is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Password {
    /// Empty: no password is needed.
    Empty,
    /// `*`, `!`, `!!`, `!hash`: nobody can log in with one.
    #[default]
    Locked,
    /// A hash of a weak kind: DES, `$1$`.
    WeakHash,
    /// A hash.
    Hash,
}

/// Malformed lines that are kept; no real system has any.
const MOST_MALFORMED: usize = 1 << 12;

impl Accounts {
    /// The files that [`Accounts::read`] asks for.
    pub const READS: [&'static str; 3] = ["/etc/passwd", "/etc/group", "/etc/shadow"];

    /// Reads the accounts of an image's merged file system.
    #[must_use]
    pub fn read(image: &Image) -> Self {
        let [passwd, group, shadow] = Self::READS.map(|path| image.text(path));
        Self::parse(passwd.unwrap_or_default(), group.unwrap_or_default(), shadow)
    }

    /// Reads the accounts from the bytes of passwd, group and shadow. Lines that don't follow the form are left out.
    #[must_use]
    pub fn parse(passwd: &[u8], group: &[u8], shadow: Option<&[u8]>) -> Self {
        let mut accounts = Self::default();
        for line in lines(passwd) {
            let fields: Vec<&str> = line.split(':').collect();
            let field = |at: usize| fields.get(at).copied().unwrap_or("").to_owned();
            let number = |at: usize| fields.get(at).and_then(|field| id(field));
            let user = User {
                name: field(0),
                password: field(1),
                uid: number(2).unwrap_or(0),
                gid: number(3).unwrap_or(0),
                home: field(5),
                shell: field(6),
            };
            let digits =
                |at: usize| fields.get(at).is_some_and(|field| field.bytes().all(|byte| byte.is_ascii_digit()));
            let formed = digits(2) && digits(3) && number(2).is_some() && number(3).is_some() && !user.name.is_empty();
            if formed {
                accounts.users.push(user);
            } else if accounts.malformed_users.len() < MOST_MALFORMED {
                accounts.malformed_users.push(user);
            }
        }
        for line in lines(group) {
            let mut fields = line.split(':');
            let (name, gid) = (fields.next().unwrap_or(""), fields.nth(1).and_then(id));
            let members = fields.next().unwrap_or("").split(',').map(str::trim).filter(|name| !name.is_empty());
            if let (Some(gid), false) = (gid, name.is_empty()) {
                accounts.groups.push(Group {
                    name: name.to_owned(),
                    gid,
                    members: members.map(str::to_owned).collect(),
                });
            }
        }
        accounts.shadow = shadow.map(|shadow| lines(shadow).filter_map(|line| Shadow::read(&line)).collect());
        accounts
    }

    /// The account that `config.User` or a USER word names, by name or number, a group behind it left out. An empty word
    /// means root.
    #[must_use]
    pub fn user(&self, word: &str) -> Option<&User> {
        let word = word.split(':').next().unwrap_or("");
        let number = if word.is_empty() { Some(0) } else { id(word) };
        self.users.iter().find(|user| user.name == word || Some(user.uid) == number)
    }

    /// The uid that a word names: an account's, or the number itself.
    #[must_use]
    pub fn uid_of(&self, word: &str) -> Option<u32> {
        self.user(word).map(|user| user.uid).or_else(|| id(word.split(':').next()?))
    }

    /// The gid that a word names: a group's, or the number itself.
    #[must_use]
    pub fn gid_of(&self, word: &str) -> Option<u32> {
        let number = id(word);
        let group = self.groups.iter().find(|group| group.name == word || Some(group.gid) == number);
        group.map(|group| group.gid).or(number)
    }

    /// The groups of an account: its own first, then those that name it as a member, each once.
    #[must_use]
    pub fn gids_of(&self, user: &User) -> Vec<u32> {
        let named = self.groups.iter().filter(|group| group.members.contains(&user.name));
        let mut seen = HashSet::new();
        std::iter::once(user.gid).chain(named.map(|group| group.gid)).filter(|gid| seen.insert(*gid)).collect()
    }

    /// The accounts with what their passwords are, in the order of passwd: [`Accounts::password`] of each, looked up once.
    pub fn passwords(&self) -> impl Iterator<Item = (&User, Password)> {
        let mut hashes: HashMap<&str, Password> = HashMap::new();
        for line in self.shadow.iter().flatten() {
            hashes.entry(&line.name).or_insert(line.password);
        }
        self.users.iter().map(move |user| {
            let hash = || hashes.get(user.name.as_str()).copied().unwrap_or(Password::Locked);
            (user, if user.password == "x" { hash() } else { Password::of(&user.password) })
        })
    }

    /// What an account's password is: that of shadow where passwd says `x`, and a locked one where nothing says any.
    #[must_use]
    pub fn password(&self, user: &User) -> Password {
        if user.password != "x" {
            return Password::of(&user.password);
        }
        let line = self.shadow.iter().flatten().find(|line| line.name == user.name);
        line.map_or(Password::Locked, |line| line.password)
    }
}

impl Shadow {
    fn read(line: &str) -> Option<Self> {
        let (name, rest) = line.split_once(':')?;
        let password = rest.split(':').next().unwrap_or("");
        (!name.is_empty()).then(|| Self { name: name.to_owned(), password: Password::of(password) })
    }
}

impl Password {
    /// What a password field is, by crypt(5). What no hash function makes counts as locked.
    #[must_use]
    pub fn of(field: &str) -> Self {
        let des = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'/'));
        match field.as_bytes() {
            [] => Self::Empty,
            [b'$', ..] if ["$1$", "$3$", "$md5"].iter().any(|weak| field.starts_with(weak)) => Self::WeakHash,
            [b'$', ..] if field.len() > 8 => Self::Hash,
            [b'_', ..] if field.len() == 20 && des(&field[1..]) => Self::WeakHash,
            _ if field.len() == 13 && des(field) => Self::WeakHash,
            _ => Self::Locked,
        }
    }
}

/// A user's or group's number as Go's `strconv.Atoi` reads it, which engines use: a sign may stand in front.
pub(super) fn id(word: &str) -> Option<u32> {
    word.parse::<i64>().ok().and_then(|number| u32::try_from(number).ok())
}

/// The lines that are no comment, no inclusion of NIS (`+`, `-`) and not empty.
fn lines(bytes: &[u8]) -> impl Iterator<Item = std::borrow::Cow<'_, str>> {
    let lines = bytes.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    lines.filter(|line| !matches!(line, [] | [b'#' | b'+' | b'-', ..])).map(String::from_utf8_lossy)
}
