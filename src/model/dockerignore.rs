//! What `.dockerignore` keeps out of the build context.
//!
//! Source: the Docker documentation on build contexts, and moby/patternmatcher with its `ignorefile`, whose observable
//! behaviour this follows. The rules are those of Go's `filepath.Match` with `**`: a pattern that matches a folder holds
//! for everything below it, and the last pattern that matches decides. It is not gitignore: a name alone is anchored at
//! the root of the context.

/// The longest pattern that can match: no path is longer.
const MAX_PATTERN: usize = 4096;

/// What one question may cost, in steps of matching; a path that takes more is not ignored.
const MAX_STEPS: usize = 1 << 20;

/// An ignore file, read.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Dockerignore {
    rules: Vec<Rule>,
    errors: Vec<IgnoreError>,
}

/// A malformed line of an ignore file. Docker refuses the build when it gets to it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct IgnoreError {
    /// The line, from 1.
    pub line: u32,
    /// What is wrong, in the present tense, without a full stop.
    pub message: String,
}

#[derive(Clone, PartialEq, Eq, Debug)]
struct Rule {
    /// `!pattern`: takes back what a pattern above ignores.
    exception: bool,
    /// The pattern, cleaned.
    text: String,
    pattern: Pattern,
}

impl Dockerignore {
    /// Reads an ignore file. A malformed line becomes an error and matches nothing.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut file = Self::default();
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        for (number, line) in text.lines().enumerate() {
            if line.starts_with('#') || line.trim().is_empty() {
                continue;
            }
            match rule(line.trim()) {
                Ok(rule) => file.rules.push(rule),
                Err(message) => file.errors.push(IgnoreError { line: number as u32 + 1, message }),
            }
        }
        file
    }

    /// Malformed lines.
    #[must_use]
    pub fn errors(&self) -> &[IgnoreError] {
        &self.errors
    }

    /// Whether a path is kept out: it or a folder above it matches, and no exception below the pattern takes it back.
    /// The path is relative to the root of the context, with `/`.
    #[must_use]
    pub fn ignores(&self, path: &str) -> bool {
        let path = context_path(path);
        if path == "." {
            return false;
        }
        let mut steps = MAX_STEPS;
        let mut ignored = false;
        for rule in &self.rules {
            if rule.exception == ignored && rule.pattern.matches_path_or_parent(&path, &mut steps) {
                ignored = !rule.exception;
            }
        }
        ignored && steps > 0
    }

    /// Whether an exception could bring back something below a folder that is ignored itself.
    #[must_use]
    pub fn has_exception_below(&self, folder: &str) -> bool {
        let folder = context_path(folder);
        self.rules.iter().filter(|rule| rule.exception).any(|rule| {
            let literal = &rule.text[..rule.text.find(['*', '?', '[', '\\']).unwrap_or(rule.text.len())];
            let open = literal.len() < rule.text.len();
            literal.strip_prefix(folder.as_str()).is_some_and(|rest| rest.starts_with('/'))
                || (open && folder.starts_with(literal))
                || (open && format!("{folder}/").starts_with(literal))
        })
    }
}

/// A path as the context knows it: relative to its root, cleaned, with `/`; `.` is the root. What climbs above the root
/// stays at the root, as in BuildKit.
#[must_use]
pub fn context_path(path: &str) -> String {
    let cleaned = clean(&format!("/{path}"));
    let relative = cleaned.trim_start_matches('/');
    if relative.is_empty() { ".".to_owned() } else { relative.to_owned() }
}

/// The shortest path that means the same by its letters alone: what Go's `path.Clean` gives.
#[must_use]
pub fn clean(path: &str) -> String {
    let rooted = path.starts_with('/');
    let is_clean = |part: &str| !matches!(part, "" | "." | "..");
    if path.len() > 1 && path[usize::from(rooted)..].split('/').all(is_clean) {
        return path.to_owned();
    }
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            ".." if rooted => {}
            part => parts.push(part),
        }
    }
    let joined = parts.join("/");
    match (rooted, joined.is_empty()) {
        (true, _) => format!("/{joined}"),
        (false, true) => ".".to_owned(),
        (false, false) => joined,
    }
}

/// Whether a name with `*`, `?`, `[…]` and escapes, as COPY takes it, matches a whole path. `**` has no meaning there.
#[must_use]
pub fn glob_matches(glob: &str, path: &str) -> bool {
    let mut steps = MAX_STEPS;
    Pattern::parse(glob, false).is_ok_and(|pattern| pattern.run(path, false, &mut steps))
}

fn rule(line: &str) -> Result<Rule, String> {
    let (exception, body) = match line.strip_prefix('!') {
        Some(rest) => (true, rest.trim()),
        None => (false, line),
    };
    let cleaned = if body.is_empty() { String::new() } else { clean(body) };
    let text = cleaned.strip_prefix('/').filter(|rest| !rest.is_empty()).unwrap_or(&cleaned).trim().to_owned();
    if exception && (text.is_empty() || text == "/") {
        return Err(format!("`{line}` names nothing to take back"));
    }
    if text.len() > MAX_PATTERN {
        return Err(format!("a pattern of more than {MAX_PATTERN} bytes matches no path"));
    }
    let pattern = Pattern::parse(&text, true).map_err(|problem| format!("the pattern `{line}` {problem}"))?;
    Ok(Rule { exception, text, pattern })
}

#[derive(Clone, PartialEq, Eq, Debug)]
struct Pattern {
    tokens: Vec<Token>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Token {
    Character(char),
    /// `?`: one character of a name.
    One,
    /// `*`: any characters of a name.
    Many,
    /// `[…]`; unlike `?` it can match a `/`, since BuildKit hands it to a regular expression as it is.
    Class {
        negated: bool,
        ranges: Vec<(char, char)>,
    },
    /// `**`, first half: nothing, or the second half.
    Deep,
    /// `**`, second half: any characters up to and with a `/`.
    DeepRest,
    /// `**` at the end, or in front of plain text without `/`: any characters.
    Anything,
}

impl Pattern {
    /// Reads a pattern. The error is the rest of a sentence that starts with the pattern.
    fn parse(text: &str, deep: bool) -> Result<Self, String> {
        // Go looks for plain text behind a leading `**` as an ending of the path, so `**.log` matches `a/b.log`, which
        // `**` in any other place in front of text does not.
        let ending = text.strip_prefix("**").filter(|rest| !rest.contains(['*', '?', '[', ']', '\\']));
        let mut tokens = Vec::new();
        let mut rest = text.chars().peekable();
        let mut first = true;
        while let Some(c) = rest.next() {
            match c {
                '*' if deep && rest.next_if_eq(&'*').is_some() => {
                    let slash = rest.next_if_eq(&'/').is_some();
                    if rest.peek().is_none() || (first && !slash && ending.is_some()) {
                        tokens.push(Token::Anything);
                    } else {
                        tokens.extend([Token::Deep, Token::DeepRest]);
                    }
                }
                '*' => tokens.push(Token::Many),
                '?' => tokens.push(Token::One),
                '\\' => tokens.push(Token::Character(rest.next().ok_or("ends with a `\\` that escapes nothing")?)),
                '[' => tokens.push(class(&mut rest)?),
                c => tokens.push(Token::Character(c)),
            }
            first = false;
        }
        Ok(Self { tokens })
    }

    fn matches_path_or_parent(&self, path: &str, steps: &mut usize) -> bool {
        self.run(path, true, steps)
    }

    /// Whether the pattern matches the path, or, with `parents`, a folder above it. Keeps the set of places in the
    /// pattern that the path so far can lead to.
    fn run(&self, path: &str, parents: bool, steps: &mut usize) -> bool {
        let end = self.tokens.len();
        let mut here = vec![false; end + 1];
        let mut next = here.clone();
        here[0] = true;
        for c in path.chars().map(Some).chain([None]) {
            *steps = steps.saturating_sub(end + 1);
            if *steps == 0 {
                return false;
            }
            next.fill(false);
            let mut alive = false;
            for index in 0..end {
                if !here[index] {
                    continue;
                }
                let in_name = c.is_some_and(|c| c != '/');
                let (goes_on, to) = match &self.tokens[index] {
                    Token::Character(wanted) => (c == Some(*wanted), index + 1),
                    Token::One => (in_name, index + 1),
                    Token::Many => {
                        here[index + 1] = true;
                        (in_name, index)
                    }
                    Token::Class { negated, ranges } => {
                        let within = |c: char| ranges.iter().any(|(low, high)| (*low..=*high).contains(&c));
                        (c.is_some_and(|c| within(c) != *negated), index + 1)
                    }
                    Token::Deep => {
                        here[index + 1] = true;
                        here[index + 2] = true;
                        continue;
                    }
                    Token::DeepRest => {
                        if c == Some('/') {
                            next[index + 1] = true;
                        }
                        (c.is_some(), index)
                    }
                    Token::Anything => {
                        here[index + 1] = true;
                        (c.is_some(), index)
                    }
                };
                if goes_on {
                    next[to] = true;
                    alive = true;
                }
            }
            if here[end] && (c.is_none() || (parents && c == Some('/'))) {
                return true;
            }
            if !alive {
                return false;
            }
            std::mem::swap(&mut here, &mut next);
        }
        false
    }
}

/// The rest of `[…]`, by the grammar of Go's `filepath.Match`.
fn class(rest: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Result<Token, String> {
    const OPEN: &str = "has a `[` that is not closed";
    const BAD: &str = "has `[…]` that Docker does not understand";
    let negated = rest.next_if_eq(&'^').is_some();
    let mut ranges = Vec::new();
    let bound = |rest: &mut std::iter::Peekable<std::str::Chars<'_>>| match rest.next() {
        None => Err(OPEN),
        Some('-' | ']') => Err(BAD),
        Some('\\') => rest.next().ok_or(OPEN),
        Some(c) => Ok(c),
    };
    loop {
        if !ranges.is_empty() && rest.next_if_eq(&']').is_some() {
            return Ok(Token::Class { negated, ranges });
        }
        let low = bound(rest)?;
        let high = if rest.next_if_eq(&'-').is_some() { bound(rest)? } else { low };
        if low > high {
            return Err(BAD.to_owned());
        }
        ranges.push((low, high));
    }
}
