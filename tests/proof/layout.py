"""Adds an image of one layer to an OCI layout: layout.py DIR NAME LAYER CONFIG."""

import hashlib
import json
import os
import shutil
import sys

folder, name, layer, config = sys.argv[1:]
blobs = os.path.join(folder, "blobs", "sha256")
os.makedirs(blobs, exist_ok=True)


def described(kind, digest, size):
    return {"mediaType": f"application/vnd.oci.image.{kind}", "digest": f"sha256:{digest}", "size": size}


def put(kind, value):
    text = json.dumps(value).encode()
    digest = hashlib.sha256(text).hexdigest()
    with open(os.path.join(blobs, digest), "wb") as file:
        file.write(text)
    return described(kind, digest, len(text))


with open(layer, "rb") as file:
    digest = hashlib.file_digest(file, "sha256").hexdigest()
size = os.path.getsize(layer)
shutil.move(layer, os.path.join(blobs, digest))
image = put("config.v1+json", {
    "architecture": "amd64",
    "os": "linux",
    "config": json.loads(config),
    "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]},
    "history": [{"created_by": f"tests/proof/bases.sh {name}"}],
})
manifest = put("manifest.v1+json", {
    "schemaVersion": 2,
    "mediaType": "application/vnd.oci.image.manifest.v1+json",
    "config": image,
    "layers": [described("layer.v1.tar", digest, size)],
})
path = os.path.join(folder, "index.json")
index = {"schemaVersion": 2, "manifests": []}
if os.path.exists(path):
    with open(path) as file:
        index = json.load(file)
manifest["annotations"] = {"org.opencontainers.image.ref.name": name}
index["manifests"].append(manifest)
with open(path, "w") as file:
    json.dump(index, file)
with open(os.path.join(folder, "oci-layout"), "w") as file:
    file.write('{"imageLayoutVersion": "1.0.0"}')
