"""Makes `testdata/images/shop`: a small image of the Dockerfile beside it, for README's tour. Run it from the project's root.

The image is made by hand, so that the tour needs no builder; its secret is made up here."""

import io
import json
import os
import random
import shutil
import string
import subprocess
import sys
import tarfile
import tempfile

FOLDER = "testdata/images/shop"
TIME = 1764547200


def archive(path, entries):
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as tar:
        for name, kind, mode, data in entries:
            entry = tarfile.TarInfo(name)
            entry.type, entry.mode, entry.mtime = kind, mode, TIME
            if kind == tarfile.SYMTYPE:
                entry.linkname, data = data, ""
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data.encode()))


F, D, L = tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE
random.seed(7)
password = "".join(random.choices(string.ascii_letters + string.digits, k=24))
token = "gh" + "p_" + "".join(random.choices(string.ascii_letters + string.digits, k=36))
program = "\x7fELF\x02\x01\x01" + "\0" * 9 + "\x02\0\x3e\0" + "\0" * 44

base = [
    ("etc", D, 0o755, ""),
    ("etc/os-release", F, 0o644, 'ID=debian\nVERSION_ID="12"\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n'),
    ("etc/passwd", F, 0o644, "root:x:0:0:root:/root:/bin/sh\nshop:x:1000:1000::/srv/shop:/usr/sbin/nologin\n"),
    ("etc/group", F, 0o644, "root:x:0:\nshop:x:1000:\n"),
    ("bin", L, 0o777, "usr/bin"),
    ("usr/bin", D, 0o755, ""),
    ("usr/bin/sh", F, 0o755, program + "sh" * 40),
    ("usr/bin/node", F, 0o755, program + "node" * 60),
    ("var/lib/dpkg", D, 0o755, ""),
    ("var/lib/dpkg/status", F, 0o644, "Package: dash\nStatus: install ok installed\nArchitecture: amd64\nVersion: 0.5.12-2\n\n"
                                      "Package: nodejs\nStatus: install ok installed\nArchitecture: amd64\nVersion: 18.19.0\n"),
    ("var/lib/dpkg/info/dash.list", F, 0o644, "/.\n/bin\n/bin/sh\n"),
    ("var/lib/dpkg/info/nodejs.list", F, 0o644, "/.\n/usr/bin\n/usr/bin/node\n"),
]
copied = [
    ("srv/shop", D, 0o755, ""),
    ("srv/shop/server.js", F, 0o644, "require('http').createServer((q, a) => a.end('open')).listen(8080)\n"),
    ("srv/shop/.env", F, 0o600, f"DATABASE_PASSWORD={password}\n"),
    ("srv/shop/.npmrc", F, 0o600, f"//npm.pkg.github.com/:_authToken={token}\n"),
    ("srv/shop/start.sh", F, 0o777, "#!/bin/sh\nexec node /srv/shop/server.js\n"),
]
tool = [("usr/local/bin", D, 0o755, ""), ("usr/local/bin/as-root", F, 0o4755, program + "sh" * 40)]
gone = [("srv/shop/.wh..npmrc", F, 0o644, "")]

config = {
    "architecture": "amd64",
    "os": "linux",
    "created": "2025-12-01T00:00:00Z",
    "config": {
        "User": "shop",
        "Env": ["PATH=/usr/local/bin:/usr/bin:/bin"],
        "Entrypoint": ["/srv/shop/start.sh"],
        "WorkingDir": "/srv/shop",
    },
    "history": [
        {"created_by": "# debian.sh --arch 'amd64' out/ 'bookworm'"},
        {"created_by": "COPY . /srv/shop # buildkit"},
        {"created_by": "RUN /bin/sh -c cp /bin/sh /usr/local/bin/as-root && chmod 4755 /usr/local/bin/as-root # buildkit"},
        {"created_by": "RUN /bin/sh -c rm .npmrc # buildkit"},
        {"created_by": "WORKDIR /srv/shop", "empty_layer": True},
        {"created_by": "USER shop", "empty_layer": True},
        {"created_by": 'ENTRYPOINT ["/srv/shop/start.sh"]', "empty_layer": True},
    ],
}

with tempfile.TemporaryDirectory() as work:
    shutil.rmtree(FOLDER, ignore_errors=True)
    layers = []
    for number, entries in enumerate([base, copied, tool, gone]):
        layers.append(os.path.join(work, f"{number}.tar"))
        archive(layers[-1], entries)
    described = os.path.join(work, "config.json")
    with open(described, "w") as file:
        json.dump(config, file)
    subprocess.run([sys.executable, "testdata/images/layout.py", "image", FOLDER, described, *layers], check=True)
