//! Who the program runs as.

use crate::policy::profile::{Ids, Level, Said};
use crate::policy::widen::Gate;
use crate::policy::{Account, Needs, Wishes};

/// Nobody (nobody(4) of the BSDs, `overflowuid` of Linux): owns nothing.
const NOBODY: u32 = 65534;

/// The user with its home, which a variable names.
pub(super) struct User {
    pub(super) ids: Said<Ids>,
    pub(super) home: String,
}

/// Finds the user: the one asked for, the image's own, or in place of root the owner of what is started.
pub(super) fn user(needs: &Needs, wishes: &Wishes, level: Level, gate: &mut Gate<'_>) -> User {
    let mut user = match wishes.user.as_deref().filter(|text| !text.is_empty()) {
        Some(text) => asked(needs, text, level, gate),
        None => of_image(needs, level, gate),
    };
    for group in &wishes.groups {
        match gid(needs, group) {
            Some(gid) if !user.ids.value.groups.contains(&gid) && gid != user.ids.value.gid => {
                user.ids.value.groups.push(gid);
            }
            Some(_) => {}
            None => gate.fault(
                &format!("--group-add {group}"),
                "the image's /etc/group has no such group",
                "name one that it has, or a number",
            ),
        }
    }
    if !wishes.groups.is_empty() {
        user.ids.why.push_str("; groups were added by `--group-add`");
    }
    user
}

fn asked(needs: &Needs, text: &str, level: Level, gate: &mut Gate<'_>) -> User {
    let place = format!("-u {text}");
    let why = format!("`-u {text}` asks for it");
    let user = match resolve(needs, text) {
        Ok(user) => User { ids: Said::new(user.ids, why), home: user.home },
        Err(problem) => {
            gate.fault(&place, &problem, "name one that it has, or a number");
            return nobody(why);
        }
    };
    if user.ids.value.uid == 0 && level != Level::Docker {
        gate.ask("root", &place);
    }
    user
}

fn of_image(needs: &Needs, level: Level, gate: &mut Gate<'_>) -> User {
    let said = if needs.user.is_empty() {
        "the image names no user".to_owned()
    } else {
        format!("the image's USER is `{}`", shown(&needs.user))
    };
    match resolve(needs, &needs.user) {
        Ok(user) if user.ids.uid != 0 => User { ids: Said::new(user.ids, said), home: user.home },
        Ok(user) if level == Level::Docker => {
            let why = format!("{said}, and Docker runs that as root; it is root of a user namespace only");
            User { ids: Said::new(user.ids, why), home: user.home }
        }
        Ok(_) => instead_of_root(needs, &said),
        Err(problem) => {
            gate.fault("config.User", &format!("{said}, and {problem}"), "name a user with `-u`, or mend the image");
            nobody(said)
        }
    }
}

/// In place of root: the owner of the first folder of the program, of its working directory or of its volumes that isn't
/// root's, since the image was made for that user; else nobody.
fn instead_of_root(needs: &Needs, said: &str) -> User {
    let root = if needs.user.is_empty() { "which would mean root" } else { "which is root" };
    match needs.owners.iter().find(|(_, uid, _)| *uid != 0 && *uid <= i32::MAX as u32) {
        Some((path, uid, gid)) => {
            let account = needs.accounts.iter().find(|account| account.uid == *uid);
            let (gid, home) = account.map_or((*gid, ""), |account| (account.gid, &account.home));
            let groups = account.map(|account| groups(needs, account)).unwrap_or_default();
            let name = account.map(|account| format!(" (`{}`)", shown(&account.name))).unwrap_or_default();
            let why = format!("{said}, {root}; `{}` belongs to this user{name}", shown(path));
            User { ids: Said::new(Ids { uid: *uid, gid, groups }, why), home: home.to_owned() }
        }
        None => nobody(format!("{said}, {root}; nothing that is started belongs to anybody else, so it is nobody")),
    }
}

fn nobody(why: String) -> User {
    User { ids: Said::new(Ids { uid: NOBODY, gid: NOBODY, groups: Vec::new() }, why), home: String::new() }
}

struct Resolved {
    ids: Ids,
    home: String,
}

/// `USER[:GROUP]` as engines read it (`GetExecUser` of moby/sys): the first account with that name or number; a group
/// behind a colon in place of the account's; a number without an account has group 0. Empty means root.
fn resolve(needs: &Needs, text: &str) -> Result<Resolved, String> {
    let (user, group) = text.split_once(':').unwrap_or((text, ""));
    let number = if user.is_empty() { Some(0) } else { id(user) };
    let account = needs.accounts.iter().find(|account| account.name == user || Some(account.uid) == number);
    let uid = account.map(|account| account.uid).or(number);
    let uid = uid.ok_or_else(|| format!("the image's /etc/passwd has no user `{}`", shown(user)))?;
    let home = account.map(|account| account.home.clone()).unwrap_or_default();
    if group.is_empty() {
        let gid = account.map_or(0, |account| account.gid);
        let groups = account.map(|account| groups(needs, account)).unwrap_or_default();
        return Ok(Resolved { ids: Ids { uid, gid, groups }, home });
    }
    let gid = gid(needs, group).ok_or_else(|| format!("the image's /etc/group has no group `{}`", shown(group)))?;
    Ok(Resolved { ids: Ids { uid, gid, groups: Vec::new() }, home })
}

fn gid(needs: &Needs, word: &str) -> Option<u32> {
    let number = id(word);
    let line = needs.groups.iter().find(|group| group.name == word || Some(group.gid) == number);
    line.map(|group| group.gid).or(number)
}

/// The groups that name an account as a member, its own left out.
fn groups(needs: &Needs, account: &Account) -> Vec<u32> {
    let mut gids: Vec<u32> = needs
        .groups
        .iter()
        .filter(|group| group.gid != account.gid && group.members.contains(&account.name))
        .map(|group| group.gid)
        .collect();
    gids.sort_unstable();
    gids.dedup();
    // NGROUPS_MAX of Linux.
    gids.truncate(1 << 16);
    gids
}

/// A number that an id can be: engines take those of 31 bits.
fn id(word: &str) -> Option<u32> {
    word.parse::<i64>().ok().and_then(|number| u32::try_from(number).ok()).filter(|id| *id <= i32::MAX as u32)
}

/// A word of the image as it may be shown: no control characters, not too long.
fn shown(word: &str) -> String {
    super::shown(word)
}
