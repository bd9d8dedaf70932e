"""Puts an image together from the archives of its layers, and keeps what overlayfs leaves behind in the form of layers.

    layout.py opaque DIR LOWER[:LOWER…]         an upper folder of overlayfs: opaque is only what hides something
    layout.py whiteouts DIR                     the same: what it hides, as the whiteouts of a layer
    layout.py image DIR CONFIG LAYER.tar…       an OCI layout; CONFIG is the configuration without rootfs
        --zstd                                  layers compressed with zstd, not with `gzip -n -6`
"""

import hashlib
import json
import os
import stat
import subprocess
import sys

MARK = "trusted.overlay.opaque"


def opaque(folder, lower):
    """Overlayfs marks each new folder as opaque, even where there is nothing to hide; builders leave such marks out."""
    for path, _, _ in os.walk(folder):
        name = os.path.relpath(path, folder)
        if MARK in os.listxattr(path) and not any(os.path.isdir(os.path.join(one, name)) for one in lower.split(":")):
            os.removexattr(path, MARK)


def whiteouts(folder):
    """Turns devices 0:0 into `.wh.NAME` and opaque folders into `.wh..wh..opq`."""
    for path, names, files in os.walk(folder):
        for name in names + files:
            whole = os.path.join(path, name)
            status = os.lstat(whole)
            if stat.S_ISCHR(status.st_mode) and status.st_rdev == 0:
                os.remove(whole)
                open(os.path.join(path, f".wh.{name}"), "w").close()
        if MARK in os.listxattr(path):
            open(os.path.join(path, ".wh..wh..opq"), "w").close()


def digest_of(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def put(folder, kind, data):
    digest = hashlib.sha256(data).hexdigest()
    with open(os.path.join(folder, "blobs/sha256", digest), "wb") as file:
        file.write(data)
    return {"mediaType": f"application/vnd.oci.image.{kind}", "digest": f"sha256:{digest}", "size": len(data)}


def put_layer(folder, layer, zstd):
    blobs = os.path.join(folder, "blobs/sha256")
    command = ["zstd", "-q", "-3", "-c"] if zstd else ["gzip", "-n", "-6"]
    with open(layer, "rb") as source, open(os.path.join(blobs, "new"), "wb") as blob:
        subprocess.run(command, stdin=source, stdout=blob, check=True)
    digest = digest_of(os.path.join(blobs, "new"))
    os.rename(os.path.join(blobs, "new"), os.path.join(blobs, digest))
    return {
        "mediaType": "application/vnd.oci.image.layer.v1.tar+" + ("zstd" if zstd else "gzip"),
        "digest": f"sha256:{digest}",
        "size": os.path.getsize(os.path.join(blobs, digest)),
    }


def image(folder, config, layers, zstd):
    os.makedirs(os.path.join(folder, "blobs/sha256"))
    with open(config, encoding="utf-8") as file:
        whole = {"architecture": "amd64", "os": "linux"} | json.load(file)
    whole["rootfs"] = {"type": "layers", "diff_ids": [f"sha256:{digest_of(layer)}" for layer in layers]}
    manifest = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": put(folder, "config.v1+json", json.dumps(whole).encode()),
        "layers": [put_layer(folder, layer, zstd) for layer in layers],
    }
    top = put(folder, "manifest.v1+json", json.dumps(manifest).encode())
    top["annotations"] = {"org.opencontainers.image.ref.name": "latest"}
    with open(os.path.join(folder, "index.json"), "w", encoding="utf-8") as file:
        json.dump({"schemaVersion": 2, "manifests": [top]}, file)
    with open(os.path.join(folder, "oci-layout"), "w", encoding="utf-8") as file:
        file.write('{"imageLayoutVersion": "1.0.0"}')


zstd = "--zstd" in sys.argv
what, folder, *rest = [word for word in sys.argv[1:] if word != "--zstd"]
if what == "opaque":
    opaque(folder, rest[0])
elif what == "whiteouts":
    whiteouts(folder)
else:
    image(folder, rest[0], rest[1:], zstd)
