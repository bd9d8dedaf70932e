use super::{Invocation, OptionUse, Tool, invocation, table};
use crate::shell::{Command, Guard, Nesting, Part, Word};
use crate::text::Span;

/// A command from plain text: words split at blanks, `'…'` kept together, a `$` makes an expansion.
fn command(line: &str) -> Command {
    let mut words = Vec::new();
    let (mut start, mut quoted) = (None, false);
    for (at, char) in line.char_indices().chain([(line.len(), ' ')]) {
        quoted ^= char == '\'';
        match (char == ' ' && !quoted, start) {
            (false, None) => start = Some(at),
            (true, Some(from)) => {
                let text = line[from..at].replace('\'', "");
                let parts = if text.contains('$') { vec![Part::Variable(text.clone())] } else { Vec::new() };
                words.push(Word { span: Span::new(from as u32, at as u32), text, parts });
                start = None;
            }
            _ => {}
        }
    }
    let mut words = words.into_iter();
    Command {
        span: Span::new(0, line.len() as u32),
        name: words.next().unwrap_or_default(),
        arguments: words.collect(),
        assignments: Vec::new(),
        redirects: Vec::new(),
        pipeline: (0, 0),
        guard: Guard::Always,
        nesting: Nesting::Plain,
        parent: None,
    }
}

fn with<T>(line: &str, ask: impl FnOnce(&Invocation<'_>) -> T) -> T {
    let command = command(line);
    ask(&invocation(&command).unwrap_or_else(|| panic!("{line}: a known tool")))
}

/// `subcommand | option[=value] … | operand …`.
fn shape(line: &str) -> String {
    with(line, |invocation| {
        let options: Vec<String> = invocation
            .options
            .iter()
            .map(|option| match option.value {
                Some(value) => format!("{}={}", option.name, value.text),
                None => option.name.to_owned(),
            })
            .collect();
        format!("{} | {} | {}", invocation.verb(), options.join(" "), texts(&invocation.operands))
    })
}

fn texts(words: &[&Word]) -> String {
    words.iter().map(|word| word.text.as_str()).collect::<Vec<_>>().join(" ")
}

fn packages(line: &str) -> String {
    with(line, |invocation| texts(invocation.packages()))
}

fn check(cases: &[(&str, &str)]) {
    for (line, expected) in cases {
        assert_eq!(shape(line), *expected, "{line}");
    }
}

#[test]
fn tables_are_well_formed() {
    for grammar in table::EVERY {
        let own = grammar.subcommands.iter().map(|subcommand| subcommand.options).chain([grammar.options]);
        for options in own {
            let mut names: Vec<&str> = options.iter().flat_map(|option| option.names).copied().collect();
            let count = names.len();
            assert!(names.iter().all(|name| name.starts_with('-') && name.len() > 1), "{:?}", grammar.tool);
            names.sort_unstable();
            let twice: Vec<&[&str]> = names.windows(2).filter(|pair| pair[0] == pair[1]).collect();
            assert!(twice.is_empty(), "{:?}: {twice:?} of {count}", grammar.tool);
        }
    }
}

#[test]
fn names_find_their_tool() {
    for (name, tool) in [
        ("/usr/bin/apt-get", Tool::Apt),
        ("apt", Tool::Apt),
        ("microdnf", Tool::Dnf),
        ("pip3.12", Tool::Pip),
        ("pip", Tool::Pip),
        ("curl.exe", Tool::Curl),
        ("gpg2", Tool::Gpg),
        ("su-exec", Tool::Gosu),
    ] {
        assert_eq!(with(name, |invocation| invocation.tool), tool, "{name}");
    }
    for name in ["echo", "", "pipenv", "pipx", "apt-key", "python3 setup.py install", "python -c pip", "python"] {
        assert_eq!(invocation(&command(name)), None, "{name}");
    }
}

#[test]
fn apt() {
    check(&[
        (
            "apt-get install -y --no-install-recommends curl=7.88.1-10 git",
            "install | --yes --no-install-recommends | curl=7.88.1-10 git",
        ),
        (
            "apt-get -o Acquire::Check-Valid-Until=false -qq update",
            "update | --option=Acquire::Check-Valid-Until=false --quiet --quiet | ",
        ),
        (
            "apt-get -oAPT::Get::AllowUnauthenticated=true -q=2 -yt bookworm-backports install $PKGS",
            "install | --option=APT::Get::AllowUnauthenticated=true --quiet=2 --yes --target-release=bookworm-backports | $PKGS",
        ),
        ("apt list -a nginx", "list | --all-versions | nginx"),
        ("apt-get --option=Dir::Etc=/e install -- x", "install | --option=Dir::Etc=/e | x"),
    ]);
    let line =
        "apt-get -o Acquire::https::Verify-Peer=false -o=acquire::check-date=no --allow-unauthenticated install x";
    with(line, |invocation| {
        assert_eq!(
            invocation.setting("--option", "acquire::https::verify-peer").map(|value| value.text),
            Some("false")
        );
        assert_eq!(invocation.setting("--option", "Acquire::Check-Date").map(|value| value.text), Some("no"));
        assert_eq!(invocation.setting("--option", "Acquire"), None);
        assert!(invocation.has("--allow-unauthenticated") && invocation.is_install());
    });
    assert_eq!(packages("apt-get -y install a b"), "a b");
    assert_eq!(packages("apt-get remove a"), "");
    let recommends = |line| with(line, |invocation| invocation.switch("--install-recommends"));
    assert_eq!(recommends("apt-get install --no-install-recommends x"), Some(false));
    assert_eq!(recommends("apt-get install --install-recommends=no x"), Some(false));
    assert_eq!(recommends("apt-get install --no-install-recommends=false x"), Some(true));
    assert_eq!(recommends("apt-get install x"), None);
}

#[test]
fn apk() {
    check(&[
        ("apk add --no-cache --virtual .deps gcc musl-dev", "add | --no-cache --virtual=.deps | gcc musl-dev"),
        ("apk --update add -t .b curl", "add | --update-cache --virtual=.b | curl"),
        (
            "apk add -X https://dl-cdn.alpinelinux.org/alpine/edge/testing --allow-untrusted gosu",
            "add | --repository=https://dl-cdn.alpinelinux.org/alpine/edge/testing --allow-untrusted | gosu",
        ),
        ("apk add --virt x --allow-untr y", "add | --virtual=x --allow-untrusted | y"),
    ]);
    assert_eq!(packages("apk -U add --no-cache bash>=5 curl"), "bash>=5 curl");
}

#[test]
fn dnf_and_yum() {
    check(&[
        (
            "dnf -y --setopt=install_weak_deps=False install nginx",
            "install | --assumeyes --setopt=install_weak_deps=False | nginx",
        ),
        (
            "yum install -y --enablerepo epel --nogpgcheck htop",
            "install | --assumeyes --enablerepo=epel --nogpgcheck | htop",
        ),
        ("tdnf install -y --setopt tsflags=nodocs jq", "install | --assumeyes --setopt=tsflags=nodocs | jq"),
        ("dnf config-manager --enable crb", "config-manager | --enable | crb"),
    ]);
    with("microdnf install --setopt=gpgcheck=0 x", |invocation| {
        assert_eq!(invocation.setting("--setopt", "gpgcheck").map(|value| value.text), Some("0"));
    });
    assert_eq!(packages("yum -y groupinstall 'Development Tools'"), "Development Tools");
    assert_eq!(packages("dnf group install -y core"), "core");
    assert_eq!(packages("dnf group remove -y core"), "");
    assert_eq!(packages("yum -y install https://rpm.nodesource.com/pub.rpm"), "https://rpm.nodesource.com/pub.rpm");
}

#[test]
fn zypper_rpm_and_dpkg() {
    check(&[
        (
            "zypper -n --no-gpg-checks --root /mnt in -y --no-recommends -r oss -t pattern base",
            "in | --non-interactive --no-gpg-checks --root=/mnt --no-confirm --no-recommends --repo=oss --type=pattern | base",
        ),
        ("zypper ar -G -p 90 https://d.o/repo name", "ar | --no-gpgcheck --priority=90 | https://d.o/repo name"),
        ("rpm -Uvh --nosignature https://x/y.rpm", " | --upgrade --verbose --hash --nosignature | https://x/y.rpm"),
        ("rpm --root /mnt -i --nodeps y.rpm", " | --root=/mnt --install --nodeps | y.rpm"),
        ("dpkg -i --force-depends --root=/x a.deb", " | --install --force-depends --root=/x | a.deb"),
    ]);
    assert_eq!(packages("zypper --non-interactive install vim"), "vim");
    assert_eq!(packages("rpm -ivh a.rpm"), "a.rpm");
    assert_eq!(packages("rpm -qi bash"), "");
    assert_eq!(packages("rpm --import https://x/KEY"), "");
    assert_eq!(packages("dpkg -i /tmp/a.deb"), "/tmp/a.deb");
    assert_eq!(packages("dpkg -l"), "");
}

#[test]
fn pip() {
    check(&[
        (
            "pip install --no-cache-dir -Ur requirements.txt 'flask==3.0'",
            "install | --no-cache-dir --upgrade --requirement=requirements.txt | flask==3.0",
        ),
        (
            "python3.11 -W ignore -m pip --proxy http://p install -i http://pypi.local/ --trusted-host pypi.local x",
            "install | --proxy=http://p --index-url=http://pypi.local/ --trusted-host=pypi.local | x",
        ),
        (
            "pip3 install --extra-index-url=https://e/ -e . -c c.txt",
            "install | --extra-index-url=https://e/ --editable=. --constraint=c.txt | ",
        ),
        ("pip install --trusted pypi.org x", "install | --trusted-host=pypi.org | x"),
    ]);
    assert_eq!(packages("python -m pip install --user a b"), "a b");
    assert_eq!(packages("pip download a"), "");
}

#[test]
fn npm_yarn_and_pnpm() {
    check(&[
        (
            "npm install -g --unsafe-perm=true typescript@5.4.2",
            "install | --global --unsafe-perm=true | typescript@5.4.2",
        ),
        ("npm --prefix /app ci --omit dev --ignore-scripts", "ci | --prefix=/app --omit=dev --ignore-scripts | "),
        ("npm i --strict-ssl false x", "i | --strict-ssl=false | x"),
        ("npm config set strict-ssl false", "config |  | set strict-ssl false"),
        (
            "yarn --cwd app install --frozen-lockfile --production true",
            "install | --cwd=app --frozen-lockfile --production=true | ",
        ),
        ("yarn global add serve@14", "global |  | add serve@14"),
        (
            "pnpm -C web install --frozen-lockfile --filter api...",
            "install | --dir=web --frozen-lockfile --filter=api... | ",
        ),
    ]);
    assert_eq!(packages("yarn global add serve@14"), "serve@14");
    assert_eq!(packages("pnpm add -g vite"), "vite");
    for (line, expected) in [
        ("npm ci", true),
        ("npm i", true),
        ("npm run install", false),
        ("yarn", true),
        ("yarn --version", false),
        ("yarn build", false),
        ("yarn add x", true),
        ("yarn global remove x", false),
        ("pnpm i", true),
        ("pnpm run build", false),
    ] {
        assert_eq!(with(line, |invocation| invocation.is_install()), expected, "{line}");
    }
    with("npm i --strict-ssl=false --unsafe-perm x", |invocation| {
        assert_eq!(invocation.switch("--strict-ssl"), Some(false));
        assert_eq!(invocation.switch("--unsafe-perm"), Some(true));
        assert_eq!(invocation.switch("--audit"), None);
    });
    assert_eq!(with("npm i --no-strict-ssl x", |invocation| invocation.switch("--strict-ssl")), Some(false));
}

#[test]
fn gem() {
    check(&[
        ("gem install bundler -v 2.4.1 --no-document", "install | --version=2.4.1 --no-document | bundler"),
        (
            "gem install -N -P HighSecurity -s http://g/ rails:7",
            "install | --no-document --trust-policy=HighSecurity --source=http://g/ | rails:7",
        ),
    ]);
    assert_eq!(packages("gem install rake -v 13 --pre"), "rake");
}

#[test]
fn curl() {
    check(&[
        ("curl -fsSLk https://x/i.sh", " | --fail --silent --show-error --location --insecure | https://x/i.sh"),
        ("curl -ok https://x", " | --output=k | https://x"),
        (
            "curl -sSo /tmp/a -H 'Accept: x' https://x",
            " | --silent --show-error --output=/tmp/a --header=Accept: x | https://x",
        ),
        ("curl -L https://x -O -o $FILE", " | --location --remote-name --output=$FILE | https://x"),
        (
            "curl --proto =https --tlsv1.2 -sSf https://sh.rustup.rs",
            " | --proto==https --tlsv1.2 --silent --show-error --fail | https://sh.rustup.rs",
        ),
        ("curl --retry 3 --unknown -Z-k https://x", " | --retry=3 --unknown --parallel -- --insecure | https://x"),
        ("curl -$FLAGS https://x", " | -$FLAGS | https://x"),
        ("curl -é https://x", " | -é | https://x"),
        ("curl -o", " | --output | "),
    ]);
    with("curl -k -ux:y --url http://a http://b", |invocation| {
        assert_eq!(texts(&invocation.urls()), "http://b http://a");
        let user = invocation.option("--user").expect("-u is there");
        assert_eq!((user.word.text.as_str(), user.value.map(|value| value.text)), ("-ux:y", Some("x:y")));
        let url = invocation.option("--url").and_then(|option| option.value).expect("a value");
        assert_eq!(url.word.span, Span::new(20, 28));
    });
    assert_eq!(with("curl -H a -H b u", |invocation| invocation.options_named("--header").count()), 2);
}

#[test]
fn wget() {
    check(&[
        ("wget -qO- https://x", " | --quiet --output-document=- | https://x"),
        (
            "wget -nv -nc -P /opt --no-check-cert https://x",
            " | --no-verbose --no-clobber --directory-prefix=/opt --no-check-certificate | https://x",
        ),
        (
            "wget -qnv --no-hsts --header 'A: b' --tries=3 -i list",
            " | --quiet --no-verbose --no-hsts --header=A: b --tries=3 --input-file=list | ",
        ),
    ]);
    let checked = |line| with(line, |invocation| invocation.switch("--check-certificate"));
    assert_eq!(checked("wget --no-check-certificate https://x"), Some(false));
    assert_eq!(checked("wget https://x"), None);
    assert_eq!(with("wget -O f example.org/a", |invocation| texts(&invocation.urls())), "example.org/a");
}

#[test]
fn git() {
    check(&[
        (
            "git -c http.sslVerify=false -C /src clone --depth 1 -b v1 https://x/y.git y",
            "clone | -c=http.sslVerify=false -C=/src --depth=1 --branch=v1 | https://x/y.git y",
        ),
        ("git checkout -b x", "checkout | -b=x | "),
        ("git config --global http.sslVerify false", "config | --global | http.sslVerify false"),
        ("git commit -qam msg", "commit | -q --all --message=msg | "),
    ]);
    with("git -c http.sslverify=false clone -b dev git@github.com:a/b.git d", |invocation| {
        assert_eq!(invocation.setting("-c", "http.sslVerify").map(|value| value.text), Some("false"));
        assert_eq!(texts(&invocation.urls()), "git@github.com:a/b.git");
    });
    assert_eq!(with("git remote add o https://x/y", |invocation| texts(&invocation.urls())), "https://x/y");
}

#[test]
fn gpg_and_openssl() {
    check(&[
        (
            "gpg --batch --keyserver hkps://keys.openpgp.org --recv-keys B42F6819007F00F88E364FD4036A9C25BF357DD4",
            " | --batch --keyserver=hkps://keys.openpgp.org --receive-keys | B42F6819007F00F88E364FD4036A9C25BF357DD4",
        ),
        ("gpg --dearmor -o /k.gpg", " | --dearmor --output=/k.gpg | "),
        ("gpg --batch --verify a.asc a", " | --batch --verify | a.asc a"),
        ("gpg --homedir /h --import k.asc", " | --homedir=/h --import | k.asc"),
        (
            "openssl req -x509 -nodes -newkey rsa:2048 -keyout k.pem -out c.pem -days 365 -subj /CN=x",
            "req | -x509 -nodes -newkey=rsa:2048 -keyout=k.pem -out=c.pem -days=365 -subj=/CN=x | ",
        ),
        ("openssl genrsa -out k.pem 1024", "genrsa | -out=k.pem | 1024"),
        ("openssl enc --in a -d -k pw -aes-256-cbc", "enc | -in=a -d -k=pw -aes-256-cbc | "),
        ("openssl dgst -sha256 -verify pub.pem -signature s f", "dgst | -sha256 -verify=pub.pem -signature=s | f"),
    ]);
}

#[test]
fn docker_login() {
    check(&[
        ("docker login -u me -p $TOKEN registry.example", "login | --username=me --password=$TOKEN | registry.example"),
        (
            "docker -H tcp://h:2375 login --password=x -u=me",
            "login | --host=tcp://h:2375 --password=x --username=me | ",
        ),
    ]);
}

#[test]
fn chmod_tells_modes_from_options() {
    check(&[
        ("chmod -R 777 /app", " | --recursive | 777 /app"),
        ("chmod -x -v f", " | --verbose | -x f"),
        ("chmod -w f", " |  | -w f"),
        ("chmod -Rv u+s,g+s a b", " | --recursive --verbose | u+s,g+s a b"),
        ("chmod --recurs --ref /a b", " | --recursive --reference=/a | b"),
        ("chmod -- -x f", " |  | -x f"),
    ]);
    with("chmod 4755 /usr/bin/x /y", |invocation| {
        assert!(invocation.mode().is_some_and(|mode| mode.sets_setuid()));
        assert_eq!(texts(invocation.targets()), "/usr/bin/x /y");
    });
    with("chmod --reference=/a u+s", |invocation| {
        assert_eq!((invocation.mode(), texts(invocation.targets())), (None, "u+s".to_owned()));
    });
    assert_eq!(with("chmod $MODE /x", |invocation| invocation.mode()), None);
    assert!(with("chmod -s /x", |invocation| invocation.mode().is_some_and(|mode| mode.clears_setuid())));
}

#[test]
fn chown_install_and_mkdir() {
    check(&[
        ("chown -hR app:app /app", " | --no-dereference --recursive | app:app /app"),
        ("chown --from=root --ref /a /b", " | --from=root --reference=/a | /b"),
        ("chgrp -R 0 /app", " | --recursive | 0 /app"),
        ("install -dm 0777 -o root -g root /data", " | --directory --mode=0777 --owner=root --group=root | /data"),
        ("install --mode=u=rwxs,go=rx a /usr/local/bin", " | --mode=u=rwxs,go=rx | a /usr/local/bin"),
    ]);
    assert_eq!(with("chown app /a /b", |invocation| texts(invocation.targets())), "/a /b");
    assert!(with("install -dm0777 /data", |invocation| invocation.mode().is_some_and(|mode| mode.world_writable())));
    assert!(with("install --mode=u=rwxs a b", |invocation| invocation.mode().is_some_and(|mode| mode.sets_setuid())));
    assert!(with("mkdir -p -m 1777 /t", |invocation| invocation.mode().is_some_and(|mode| mode.sticky())));
    assert_eq!(with("mkdir -p /t", |invocation| invocation.mode()), None);
}

#[test]
fn find_reads_an_expression() {
    check(&[
        (
            "find / -xdev -perm /6000 -type f -exec chmod a-s {} ; -print",
            " | -xdev -perm=/6000 -type=f -exec=chmod -print | /",
        ),
        ("find -L /a /b ( -name '*.pyc' -o -name x ) -delete", " | -L -name=*.pyc -o -name=x -delete | /a /b"),
        ("find . -exec chown app {} + -perm -4000", " | -exec=chown -perm=-4000 | ."),
        ("find . -fprintf out %p -perm +6000", " | -fprintf=out -perm=+6000 | ."),
        ("find . -exec", " | -exec | ."),
    ]);
}

#[test]
fn tar() {
    check(&[
        (
            "tar -xzf a.tgz -C /opt --strip-components=1",
            " | --extract --gzip --file=a.tgz --directory=/opt --strip-components=1 | ",
        ),
        (
            "tar xzCf /opt a.tgz --no-same-owner m",
            " | --extract --gzip --directory=/opt --file=a.tgz --no-same-owner | m",
        ),
        ("tar -xJ --strip 1 -f - x", " | --extract --xz --strip-components=1 --file=- | x"),
        ("tar --list -f a", " | --list --file=a | "),
    ]);
}

#[test]
fn users_and_groups() {
    check(&[
        (
            "useradd -rms /bin/bash -u 1000 -g app app",
            " | --system --create-home --shell=/bin/bash --uid=1000 --gid=app | app",
        ),
        ("useradd --sys --ui=1001 --password x app", " | --system --uid=1001 --password=x | app"),
        ("useradd -l -G sudo,docker app", " | --no-log-init --groups=sudo,docker | app"),
        ("adduser -DH -u 10001 -G app app", " | -D -H --uid=10001 -G=app | app"),
        ("adduser --disabled-password --gecos '' --uid 5 app", " | --disabled-password --comment= --uid=5 | app"),
        ("adduser -disabled-password -uid 5 app", " | --disabled-password --uid=5 | app"),
        ("adduser app sudo", " |  | app sudo"),
        ("groupadd -r -g 999 app", " | --system --gid=999 | app"),
        ("addgroup -S -g 101 app", " | --system --gid=101 | app"),
        ("usermod -aG docker app", " | --append --groups=docker | app"),
    ]);
}

#[test]
fn su_sudo_gosu_and_setcap() {
    check(&[
        ("su - app -c 'npm ci'", " | --login --command=npm ci | app"),
        ("su -s /bin/sh -c 'id -u' app", " | --shell=/bin/sh --command=id -u | app"),
        ("sudo -EH -u app A=b make -j 4", " | --preserve-env --set-home --user=app | A=b make -j 4"),
        ("sudo -- rm -rf /x", " |  | rm -rf /x"),
        ("gosu nobody true -c x", " |  | nobody true -c x"),
        ("setcap cap_net_bind_service=+ep /bin/node", " |  | cap_net_bind_service=+ep /bin/node"),
        ("setcap -r -n 1000 /bin/ping", " | -r -n=1000 | /bin/ping"),
    ]);
}

#[test]
fn an_option_stands_where_it_can_be_taken_out() {
    let span = |line: &str, name: &str| with(line, |it| it.option(name).and_then(OptionUse::span).map(Span::range));
    assert_eq!(span("curl -k x", "--insecure"), Some(5..7));
    assert_eq!(span("curl -sk x", "--insecure"), None);
    assert_eq!(span("curl -o f x", "--output"), Some(5..9));
    assert_eq!(span("curl -of x", "--output"), Some(5..8));
    assert_eq!(span("curl -sof x", "--output"), None);
    assert_eq!(span("curl --output=f x", "--output"), Some(5..15));
}
