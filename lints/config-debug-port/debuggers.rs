//! Options and variables that start a debugger. Sources: the JDK's "Connection and Invocation Details", the manuals of
//! Node.js, debugpy, Delve, GDB, Werkzeug, Django, Xdebug and Ruby's debug.

/// A debugger that is switched on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Debugger {
    /// Whose it is, fit for a sentence: `Java's debugger`.
    pub(super) name: &'static str,
    /// Who can reach it.
    pub(super) reach: Reach,
    /// Its port, where that is said.
    pub(super) port: Option<u16>,
    /// Whether who reaches it can run code, not only read.
    pub(super) executes: bool,
}

/// Who can reach a debugger.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Reach {
    /// It listens on all addresses.
    Everyone,
    /// It listens where other settings or the version say.
    Unclear,
    /// It listens on the loopback address.
    Loopback,
    /// It connects to whoever is named.
    Outwards,
}

impl Debugger {
    /// What it does, behind the name of what switches it on.
    pub(super) fn says(&self) -> String {
        let Self { name, port, .. } = self;
        let port = port.map_or(String::new(), |port| format!(" on port {port}"));
        match self.reach {
            Reach::Everyone if self.executes => format!("has {name} listen on all addresses{port}"),
            Reach::Loopback => format!("has {name} listen on the loopback address{port}"),
            Reach::Outwards => format!("has {name} connect to another host"),
            Reach::Everyone | Reach::Unclear if port.is_empty() => format!("switches {name} on"),
            Reach::Everyone | Reach::Unclear => format!("starts {name}{port}"),
        }
    }

    pub(super) fn why(&self) -> &'static str {
        match (self.reach, self.executes) {
            (Reach::Everyone, true) => "it asks for no password: whoever reaches the port runs code in the container",
            (Reach::Unclear, true) => {
                "whoever reaches it runs code in the container, and which addresses it listens on is not said here"
            }
            (_, false) => "it shows code, settings and variables to whoever provokes an error",
            (Reach::Loopback, _) => {
                "every process of the container, and of its pod, can run code in the program through it"
            }
            (Reach::Outwards, _) => "who answers there runs code in the container",
        }
    }
}

/// What a variable switches on.
pub(super) fn of_variable(name: &str, value: &str) -> Option<Debugger> {
    let value = value.trim();
    let on = matches!(value.to_ascii_lowercase().as_str(), "1" | "true" | "yes" | "on");
    let found = |name, reach, executes| Some(Debugger { name, reach, port: None, executes });
    match name {
        "FLASK_DEBUG" if on => found(WERKZEUG, Reach::Unclear, true),
        "FLASK_ENV" if value == "development" => found(WERKZEUG, Reach::Unclear, true),
        "WERKZEUG_DEBUG_PIN" if value == "off" => found("Werkzeug's debugger without its PIN", Reach::Everyone, true),
        "DJANGO_DEBUG" if on => found("Django's debug pages", Reach::Unclear, false),
        "XDEBUG_MODE" if value.split(',').any(|mode| mode.trim() == "debug") => found(XDEBUG, Reach::Outwards, true),
        "XDEBUG_CONFIG" => xdebug(value),
        "RUBY_DEBUG_OPEN" if !value.is_empty() && value != "0" && value != "false" => {
            found("Ruby's debugger", Reach::Loopback, true)
        }
        "RUBY_DEBUG_HOST" if is_everyone(value) => found("Ruby's debugger", Reach::Everyone, true),
        "NODE_OPTIONS" => node(value.split_whitespace()),
        _ => java(value),
    }
}

/// What the words of a command switch on.
pub(super) fn of_command(words: &[String]) -> Option<Debugger> {
    let name = base_name(words.first()?);
    let arguments = || words.iter().skip(1).map(String::as_str);
    let named = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
    match named {
        "node" | "nodejs" | "nodemon" | "ts-node" | "tsx" | "ts-node-dev" | "bun" | "deno" => node(arguments()),
        "dlv" => delve(words),
        "gdbserver" => address_of(arguments().find(|word| !word.starts_with('-'))?, "gdbserver"),
        "lldb-server" => address_of(arguments().find(|word| word.contains(':'))?, "LLDB's server"),
        "python" if module(words) == Some("debugpy") => listen(words, "debugpy"),
        "debugpy" => listen(words, "debugpy"),
        "rdbg" if arguments().any(|word| matches!(word, "-O" | "--open")) => {
            let host = option(words, "--host").unwrap_or("localhost");
            let reach = if is_everyone(host) { Reach::Everyone } else { Reach::Loopback };
            let port = option(words, "--port").and_then(|port| port.parse().ok());
            Some(Debugger { name: "Ruby's debugger", reach, port, executes: true })
        }
        "flask" if arguments().any(|word| word == "--debug") => {
            let host = option(words, "--host").or_else(|| option(words, "-h")).unwrap_or("127.0.0.1");
            let reach = if is_everyone(host) { Reach::Everyone } else { Reach::Loopback };
            Some(Debugger { name: WERKZEUG, reach, port: None, executes: true })
        }
        _ => words.iter().find_map(|word| java(word)),
    }
}

const WERKZEUG: &str = "Werkzeug's debugger";
const XDEBUG: &str = "Xdebug";

/// `-agentlib:jdwp=transport=dt_socket,server=y,address=*:5005`, and JMX that asks nobody who they are.
fn java(text: &str) -> Option<Debugger> {
    for word in text.split_whitespace() {
        let word = word.trim_matches(['"', '\'']);
        let Some(options) = ["-agentlib:jdwp=", "-Xrunjdwp:"].iter().find_map(|start| word.strip_prefix(start)) else {
            continue;
        };
        let value = |key: &str| options.split(',').find_map(|pair| pair.strip_prefix(key)?.strip_prefix('='));
        let name = "Java's debugger";
        let address = value("address").unwrap_or("");
        if value("server") != Some("y") {
            return Some(Debugger { name, reach: Reach::Outwards, port: None, executes: true });
        }
        // A port alone is the loopback address from Java 9 on, and all addresses before it.
        let alone = !address.contains(':');
        let found = split(address, name);
        return Some(if alone { Debugger { reach: Reach::Unclear, ..found } } else { found });
    }
    let setting = |key: &str| {
        text.split_whitespace().find_map(|word| word.strip_prefix("-D")?.strip_prefix(key)?.strip_prefix('='))
    };
    let port = setting("com.sun.management.jmxremote.port")?.parse().ok();
    let open = setting("com.sun.management.jmxremote.authenticate") == Some("false");
    open.then_some(Debugger {
        name: "Java's management (JMX) without a password",
        reach: Reach::Everyone,
        port,
        executes: true,
    })
}

/// `--inspect`, `--inspect-brk=0.0.0.0:9229`. Without a host it is the loopback address.
fn node<'a>(words: impl Iterator<Item = &'a str>) -> Option<Debugger> {
    for word in words {
        let (option, value) = word.split_once('=').unwrap_or((word, ""));
        if !matches!(option, "--inspect" | "--inspect-brk" | "--inspect-wait") {
            continue;
        }
        let name = "Node.js's inspector";
        return Some(match value.parse::<u16>() {
            Ok(port) => Debugger { name, reach: Reach::Loopback, port: Some(port), executes: true },
            Err(_) if value.is_empty() => Debugger { name, reach: Reach::Loopback, port: Some(9229), executes: true },
            Err(_) => {
                let found = split(value, name);
                Debugger { port: found.port.or(Some(9229)), ..found }
            }
        });
    }
    None
}

/// `dlv exec --headless --listen=:2345 ./app`. Without `--headless` it is a terminal.
fn delve(words: &[String]) -> Option<Debugger> {
    let headless = words.iter().any(|word| word == "--headless" || word == "--headless=true")
        || words.iter().any(|word| word == "dap");
    let address = option(words, "--listen").or_else(|| option(words, "-l")).unwrap_or("127.0.0.1:0");
    headless.then(|| split(address, "Delve"))
}

/// debugpy's `--listen 0.0.0.0:5678`; a port alone is the loopback address.
fn listen(words: &[String], name: &'static str) -> Option<Debugger> {
    let address = option(words, "--listen")?;
    match address.parse::<u16>() {
        Ok(port) => Some(Debugger { name, reach: Reach::Loopback, port: Some(port), executes: true }),
        Err(_) => Some(split(address, name)),
    }
}

/// An address that has a colon in it: gdbserver takes files and process numbers, too.
fn address_of(text: &str, name: &'static str) -> Option<Debugger> {
    text.contains(':').then(|| split(text, name))
}

/// `host=… remote_connect_back=1`: whoever sends a request is connected to.
fn xdebug(value: &str) -> Option<Debugger> {
    let back = value.split_whitespace().any(|pair| matches!(pair, "remote_connect_back=1" | "discover_client_host=1"));
    let on = value.split_whitespace().any(|pair| matches!(pair, "remote_enable=1" | "mode=debug"));
    let name = if back { "Xdebug, which connects back to whoever asks," } else { XDEBUG };
    (back || on).then_some(Debugger { name, reach: Reach::Outwards, port: None, executes: true })
}

/// `*:5005`, `0.0.0.0:5005`, `[::]:5005`, `:5005`, `localhost:5005`.
fn split(address: &str, name: &'static str) -> Debugger {
    let (host, port) = address.rsplit_once(':').unwrap_or(("", address));
    let reach = match host {
        "localhost" | "127.0.0.1" | "[::1]" | "::1" => Reach::Loopback,
        host if host.is_empty() || is_everyone(host) => Reach::Everyone,
        _ => Reach::Unclear,
    };
    Debugger { name, reach, port: port.parse().ok(), executes: true }
}

fn is_everyone(host: &str) -> bool {
    matches!(host, "*" | "0.0.0.0" | "::" | "[::]")
}

/// The value of an option, joined by `=` or as the next word.
fn option<'a>(words: &'a [String], name: &str) -> Option<&'a str> {
    words.iter().enumerate().find_map(|(index, word)| match word.strip_prefix(name)? {
        "" => words.get(index + 1).map(String::as_str),
        rest => rest.strip_prefix('='),
    })
}

/// What stands behind `-m`.
fn module(words: &[String]) -> Option<&str> {
    let at = words.iter().position(|word| word == "-m")?;
    words.get(at + 1).map(String::as_str)
}

fn base_name(word: &str) -> &str {
    word.rsplit('/').next().unwrap_or(word)
}
