# What is wrong with the flawed image, a function a layer; build.sh reads it, planted.txt lists it. Each function gets
# the root file system that it changes. Numbers are those of planted.txt.

# Layer 1: a careless installation. sshd's package makes its host keys.
flawed_packages() {
    # The lists compressed and in one language keep the image small.
    printf 'Acquire::GzipIndexes "true";\nAcquire::Languages "none";\n' >"$1/etc/apt/apt.conf.d/docker-gzip-indexes"
    install_packages "$1" --no-install-recommends python3-minimal openssh-server sudo gcc libc6-dev gdb-minimal iputils-ping
    rm -rf "$1"/usr/share/{doc,man,locale}/* "$1"/usr/lib/gcc/x86_64-linux-gnu/12/{lto1,lib*san*.a}
    rm -f "$1"/var/cache/apt/archives/{gcc-12,cpp-12,libgcc-12-dev}_*.deb
    setcap -q cap_net_raw+ep "$1/usr/bin/ping"
}

# Layer 2: more privilege than anybody needs.
flawed_privilege() {
    local bin=$1/usr/local/bin
    install -m 4755 "$1/usr/bin/bash" "$bin/backup"
    install -m 4755 "$1/usr/bin/python3.11" "$bin/pyadmin"
    install -m 4777 "$1/usr/bin/sleep" "$bin/reload"
    install -o 10001 -g 10001 -m 4755 "$1/usr/bin/env" "$bin/deploy"
    install -g 42 -m 2755 "$1/usr/bin/cat" "$bin/readlog"
    printf '#!/bin/sh\nlogrotate /etc/logrotate.conf\n' >"$bin/rotate.sh"
    chmod 4755 "$bin/rotate.sh"
    setcap -q cap_setuid,cap_net_raw+ep "$1/usr/bin/python3.11"
}

# Layer 3 is written entry by entry: forms.py hardlink.

# Layer 4: the service, its accounts and what is around it.
flawed_service() {
    local app=$1/srv/app
    mkdir -p "$app/bin" "$app/lib" "$1/opt/tools/bin" "$1/var/lib/shared" "$1/etc/cron.d" "$1/etc/apt/sources.list.d"
    printf '#include <unistd.h>\nint main(int n, char **words) { return execv("/bin/sh", words); }\n' >"$1/tmp/runner.c"
    in_root "$1" gcc -Wl,-rpath,/srv/app/lib:lib -o /srv/app/bin/runner /tmp/runner.c
    printf 'void hook(void) {}\n' >"$1/tmp/hook.c"
    in_root "$1" gcc -shared -fPIC -o /srv/app/lib/hook.so /tmp/hook.c
    rm "$1"/tmp/{runner,hook}.c
    cp "$app/lib/hook.so" "$1/usr/local/lib/libtrace.so"
    printf '#!/srv/app/bin/runner\nexec /usr/bin/sleep infinity\n' >"$app/entrypoint.sh"
    chown -R 10001:10001 "$app"
    chmod 755 "$app/entrypoint.sh"
    chmod 777 "$app/bin/runner"
    # Writable by everybody: on PATH, in Python's path, what cron runs as root.
    chmod 777 "$1/opt/tools/bin" "$1/var/lib/shared"
    printf '* * * * * root /usr/local/bin/rotate.sh\n' >"$1/etc/cron.d/rotate"
    chmod 666 "$1/etc/cron.d/rotate"
    # An account without a password, a second root, a service that may log in, an old hash, a number used twice.
    printf '%s\n' guest:x:1001:1001::/home/guest:/bin/bash toor:x:0:0::/root:/bin/bash \
        legacy:x:1002:1002::/home/legacy:/bin/bash app2:x:10001:10001::/srv/app:/usr/sbin/nologin >>"$1/etc/passwd"
    printf '%s:x:%s:\n' guest 1001 legacy 1002 >>"$1/etc/group"
    printf '%s:%s:20000:0:99999:7:::\n' guest '' toor '*' app2 '!' \
        legacy "$(openssl passwd -1 -salt harden00 "$password")" >>"$1/etc/shadow"
    sed -i 's|^\(www-data:.*:\)[^:]*$|\1/bin/bash|' "$1/etc/passwd"
    echo /usr/local/lib/libtrace.so >"$1/etc/ld.so.preload"
    mknod -m 666 "$app/disk" b 8 0
    mknod -m 640 "$1/opt/tools/mem" c 1 1
    printf 'app ALL=(ALL) NOPASSWD: ALL\n' >"$1/etc/sudoers.d/app"
    chmod 440 "$1/etc/sudoers.d/app"
    printf '[global]\ntrusted-host = pypi.example.com\n' >"$1/etc/pip.conf"
    printf 'deb [trusted=yes] http://apt.example.com/debian bookworm main\n' >"$1/etc/apt/sources.list.d/internal.list"
    printf 'Acquire::AllowInsecureRepositories "true";\nAPT::Get::AllowUnauthenticated "true";\n' >"$1/etc/apt/apt.conf.d/99insecure"
    printf 'strict-ssl=false\n' >"$1/root/.npmrc"
    printf '[http]\n\tsslVerify = false\n' >"$1/etc/gitconfig"
}

# Layer 5: everything that COPY . . and a build as root bring along.
flawed_secrets() {
    local app=$1/srv/app home=$1/root key
    mkdir -p "$app/.git/objects/pack" "$app/.git/refs/heads" "$home"/.{aws,ssh,kube,docker} "$1/tmp/build" "$1"/etc/ssl/{private,certs}
    chmod 700 "$home/.ssh"
    printf '%s\n' "DATABASE_URL=postgres://app:$proxy_password@db.example.com:5432/app" \
        "STRIPE_SECRET_KEY=$stripe" DEBUG=0 >"$app/.env"
    printf 'ref: refs/heads/main\n' >"$app/.git/HEAD"
    printf '[core]\n\tbare = false\n[remote "origin"]\n\turl = https://deploy:%s@github.com/example/app.git\n' "$github" >"$app/.git/config"
    printf '[default]\naws_access_key_id = %s\naws_secret_access_key = %s\n' "$aws_id" "$aws_secret" >"$home/.aws/credentials"
    ssh-keygen -q -t ed25519 -N '' -C build@example.com -f "$home/.ssh/id_ed25519"
    printf 'machine git.example.com login deploy password %s\n' "$password" >"$home/.netrc"
    printf '//registry.npmjs.org/:_authToken=%s\n' "$npm" >"$app/.npmrc"
    printf '[pypi]\nusername = __token__\npassword = %s\n' "$pypi" >"$home/.pypirc"
    printf 'https://deploy:%s@gitlab.com\n' "$gitlab" >"$home/.git-credentials"
    printf 'db.example.com:5432:app:app:%s\n' "$password" >"$home/.pgpass"
    printf '%s\n' 'apiVersion: v1' 'kind: Config' 'clusters:' '- name: prod' \
        '  cluster: {server: "https://k8s.example.com:6443"}' \
        'users:' '- name: admin' '  user:' "    token: $jwt" >"$home/.kube/config"
    printf '{"auths": {"registry.example.com": {"auth": "%s"}}}\n' "$docker_auth" >"$home/.docker/config.json"
    openssl genpkey -quiet -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out "$1/etc/ssl/private/server.key" 2>/dev/null
    openssl req -x509 -key "$1/etc/ssl/private/server.key" -subj /CN=app.example.com -days 3650 -out "$1/etc/ssl/certs/server.crt"
    openssl genpkey -quiet -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out "$work/gcp.key" 2>/dev/null
    key=$(awk '{ printf "%s\\n", $0 }' "$work/gcp.key")
    printf '{"type": "service_account", "project_id": "example", "private_key_id": "%s", "private_key": "%s", %s}\n' \
        "$api_token" "$key" '"client_email": "app@example.iam.gserviceaccount.com"' >"$app/service-account.json"
    printf 'ls\nmysql -u root -p%s app\n' "$proxy_password" >"$home/.bash_history"
    printf '\0\0\0\1Bud1' >"$app/.DS_Store"
    printf 'FROM debian\nCOPY . /srv/app\n' >"$app/Dockerfile"
    # The header of an ELF file whose type is "core", and what a process may have had in memory.
    { printf '\177ELF\2\1\1\0\0\0\0\0\0\0\0\0\4\0\76\0\1\0\0\0'; head -c 4096 /dev/zero; } >"$app/core"
    # Gone from what a container sees after the next layer: by a whiteout, by an opaque folder, by other content.
    printf '%s\n' "$github_build" >"$1/tmp/build/token"
    printf 'SLACK_TOKEN = "%s"\nDEBUG = False\n' "$slack" >"$app/settings.py"
    head -c 20000000 /dev/zero | openssl enc -aes-128-ctr -nosalt -K 00 -iv 00 2>/dev/null >"$1/tmp/build/model.bin"
    head -c 8000000 /dev/zero | openssl enc -aes-128-ctr -nosalt -K 01 -iv 00 2>/dev/null >"$app/data.bin"
}

# Layer 6: tidied up too late, and a packaged program replaced.
flawed_cleanup() {
    rm -rf "$1"/var/lib/apt/lists/* "$1"/root/.ssh "$1/tmp/build"
    mkdir "$1/tmp/build"
    printf 'import os\nSLACK_TOKEN = os.environ["SLACK_TOKEN"]\nDEBUG = False\n' >"$1/srv/app/settings.py"
    chmod 600 "$1/srv/app/data.bin"
    printf '#!/bin/sh\necho "Filesystem 1K-blocks"\n' >"$1/usr/bin/df.new"
    chmod 755 "$1/usr/bin/df.new"
    mv "$1/usr/bin/df.new" "$1/usr/bin/df"
}

# The configuration, as BuildKit writes it: docker's own fields beside those of OCI.
flawed_config() {
    cat <<JSON
{"created": "2025-12-01T00:00:00Z", "config": {
  "User": "app", "WorkingDir": "/srv/app", "Entrypoint": ["/srv/app/entrypoint.sh"], "Cmd": ["serve"],
  "Env": ["PATH=/opt/tools/bin:.:$path", "API_TOKEN=$api_token", "AWS_SECRET_ACCESS_KEY=$aws_secret",
    "LD_PRELOAD=/srv/app/lib/hook.so", "PYTHONPATH=/var/lib/shared", "NODE_TLS_REJECT_UNAUTHORIZED=0",
    "GIT_SSL_NO_VERIFY=1", "JAVA_TOOL_OPTIONS=-agentlib:jdwp=transport=dt_socket,server=y,suspend=n,address=*:5005",
    "HTTPS_PROXY=http://build:$proxy_password@proxy.example.com:3128"],
  "Labels": {"org.opencontainers.image.title": "flawed", "com.example.source": "https://deploy:$gitlab@gitlab.com/example/app"},
  "ExposedPorts": {"22/tcp": {}, "5005/tcp": {}, "8080/tcp": {}},
  "Volumes": {"/var/run/docker.sock": {}, "/etc": {}, "/srv/app/uploads": {}},
  "Healthcheck": {"Test": ["NONE"]}, "OnBuild": ["RUN curl -s https://example.com/setup.sh | sh"]},
 "history": [
  {"created": "2025-12-01T00:00:00Z", "created_by": "mmdebstrap bookworm"},
  {"created": "2025-12-01T00:00:00Z", "created_by": "RUN /bin/sh -c apt-get update && apt-get install -y openssh-server sudo gcc gdb # buildkit"},
  {"created": "2025-12-01T00:00:00Z", "created_by": "RUN /bin/sh -c install -m 4755 /bin/bash /usr/local/bin/backup # buildkit"},
  {"created": "2025-12-01T00:00:00Z", "created_by": "RUN |1 NPM_TOKEN=$npm_history /bin/sh -c npm ci # buildkit"},
  {"created": "2025-12-01T00:00:00Z", "created_by": "ENV API_TOKEN=$api_token", "empty_layer": true},
  {"created": "2025-12-01T00:00:00Z", "created_by": "RUN /bin/sh -c pip install https://deploy:$github_build@github.com/example/lib/archive/main.zip # buildkit"},
  {"created": "2025-12-01T00:00:00Z", "created_by": "COPY . /srv/app # buildkit"},
  {"created": "2025-12-01T00:00:00Z", "created_by": "RUN /bin/sh -c rm -rf /var/lib/apt/lists/* /root/.ssh /tmp/build # buildkit"},
  {"created": "2025-12-01T00:00:00Z", "created_by": "EXPOSE map[22/tcp:{} 5005/tcp:{} 8080/tcp:{}]", "empty_layer": true}]}
JSON
}
