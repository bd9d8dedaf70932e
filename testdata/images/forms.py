"""What skopeo doesn't write.

    forms.py docker-old LAYOUT FILE     what `docker save` wrote before version 25: a folder a layer
    forms.py docker-25 LAYOUT FILE      what it writes since: an OCI layout with a manifest.json beside it
    forms.py without-history LAYOUT DIR the same image as builders leave it that write no history
    forms.py diff-ids LAYOUT            the diff_ids of an image, one a line
    forms.py hardlink FILE              a layer whose hard link entry makes the file it names setuid root
    forms.py ambiguous FILE             a layer that can be read in more ways than one
"""

import gzip
import hashlib
import io
import json
import os
import shutil
import sys
import tarfile

EPOCH = 1764547200


def blob(layout, digest):
    with open(os.path.join(layout, "blobs/sha256", digest.removeprefix("sha256:")), "rb") as file:
        return file.read()


def read(layout):
    with open(os.path.join(layout, "index.json"), encoding="utf-8") as file:
        descriptor = json.load(file)["manifests"][0]
    manifest = json.loads(blob(layout, descriptor["digest"]))
    return descriptor, manifest, blob(layout, manifest["config"]["digest"])


def add(archive, name, data=b"", **fields):
    info = tarfile.TarInfo(name)
    info.mtime, info.size, info.mode = EPOCH, len(data), 0o644
    for field, value in fields.items():
        setattr(info, field, value)
    archive.addfile(info, io.BytesIO(data))


def plain_layers(layout, manifest):
    wanted = json.loads(blob(layout, manifest["config"]["digest"]))["rootfs"]["diff_ids"]
    for layer, diff_id in zip(manifest["layers"], wanted, strict=True):
        data = gzip.decompress(blob(layout, layer["digest"]))
        assert "sha256:" + hashlib.sha256(data).hexdigest() == diff_id, layer
        yield data


def docker_old(layout, path):
    _, manifest, config = read(layout)
    name = hashlib.sha256(config).hexdigest() + ".json"
    layers, parent = [], None
    with tarfile.open(path, "w") as archive:
        for data in plain_layers(layout, manifest):
            identity = hashlib.sha256((parent or "").encode() + hashlib.sha256(data).digest()).hexdigest()
            add(archive, f"{identity}/", type=tarfile.DIRTYPE, mode=0o755)
            add(archive, f"{identity}/VERSION", b"1.0")
            add(archive, f"{identity}/json", json.dumps({"id": identity, "parent": parent, "os": "linux"}).encode())
            add(archive, f"{identity}/layer.tar", data)
            layers.append(f"{identity}/layer.tar")
            parent = identity
        add(archive, name, config)
        add(archive, "manifest.json", json.dumps([{"Config": name, "RepoTags": ["flawed:latest"], "Layers": layers}]).encode())
        add(archive, "repositories", json.dumps({"flawed": {"latest": parent}}).encode())


def docker_25(layout, path):
    _, manifest, config = read(layout)
    names = {}

    def put(archive, data):
        digest = hashlib.sha256(data).hexdigest()
        names[digest] = f"blobs/sha256/{digest}"
        add(archive, names[digest], data)
        return {"digest": f"sha256:{digest}", "size": len(data)}

    with tarfile.open(path, "w") as archive:
        add(archive, "blobs/", type=tarfile.DIRTYPE, mode=0o755)
        add(archive, "blobs/sha256/", type=tarfile.DIRTYPE, mode=0o755)
        layers = [{"mediaType": "application/vnd.oci.image.layer.v1.tar"} | put(archive, data)
                  for data in plain_layers(layout, manifest)]
        config = {"mediaType": "application/vnd.oci.image.config.v1+json"} | put(archive, config)
        whole = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "config": config, "layers": layers}
        top = {"mediaType": whole["mediaType"]} | put(archive, json.dumps(whole).encode())
        top["annotations"] = {"io.containerd.image.name": "docker.io/library/flawed:latest",
                              "org.opencontainers.image.ref.name": "latest"}
        add(archive, "index.json", json.dumps({"schemaVersion": 2, "manifests": [top]}).encode())
        add(archive, "manifest.json", json.dumps([{
            "Config": "blobs/sha256/" + config["digest"][7:],
            "RepoTags": ["flawed:latest"],
            "Layers": ["blobs/sha256/" + layer["digest"][7:] for layer in layers],
        }]).encode())
        add(archive, "oci-layout", b'{"imageLayoutVersion":"1.0.0"}')


def without_history(layout, folder):
    descriptor, manifest, config = read(layout)
    blobs = os.path.join(folder, "blobs/sha256")
    os.makedirs(blobs)
    for layer in manifest["layers"]:
        name = layer["digest"][7:]
        os.link(os.path.join(layout, "blobs/sha256", name), os.path.join(blobs, name))

    def put(value):
        data = json.dumps(value).encode()
        digest = hashlib.sha256(data).hexdigest()
        with open(os.path.join(blobs, digest), "wb") as file:
            file.write(data)
        return {"digest": f"sha256:{digest}", "size": len(data)}

    config = json.loads(config)
    del config["history"]
    manifest["config"] |= put(config)
    descriptor |= put(manifest)
    with open(os.path.join(folder, "index.json"), "w", encoding="utf-8") as file:
        json.dump({"schemaVersion": 2, "manifests": [descriptor]}, file)
    shutil.copy(os.path.join(layout, "oci-layout"), folder)


def diff_ids(layout):
    print("\n".join(json.loads(read(layout)[2])["rootfs"]["diff_ids"]))


def hardlink(path):
    """The regular entry is harmless; engines apply the second entry's mode to the inode that both names share."""
    with open("/bin/busybox", "rb") as file:
        program = file.read()
    with tarfile.open(path, "w") as archive:
        for folder in ["usr/", "usr/local/", "usr/local/lib/"]:
            add(archive, folder, type=tarfile.DIRTYPE, mode=0o755)
        add(archive, "usr/local/lib/helper", program, mode=0o755)
        add(archive, "usr/local/lib/helper-link", type=tarfile.LNKTYPE, linkname="usr/local/lib/helper", mode=0o4755)


def ambiguous(path):
    """An entry twice with different modes; a file and its whiteout in one layer. The opaque mark behind a folder's content
    hides nothing of its own layer, in whatever order (OCI image-layer specification), so nothing is said of it."""
    with open("/bin/busybox", "rb") as file:
        program = file.read()
    with tarfile.open(path, "w") as archive:
        add(archive, "bin/", type=tarfile.DIRTYPE, mode=0o755)
        add(archive, "bin/busybox", program, mode=0o4755)
        add(archive, "bin/busybox", program, mode=0o755)
        add(archive, "etc/", type=tarfile.DIRTYPE, mode=0o755)
        add(archive, "etc/hidden", b"once\n")
        add(archive, "etc/.wh.hidden")
        add(archive, "opt/", type=tarfile.DIRTYPE, mode=0o755)
        add(archive, "opt/first", b"1\n")
        add(archive, "opt/.wh..wh..opq")


{"docker-old": docker_old, "docker-25": docker_25, "without-history": without_history, "diff-ids": diff_ids,
 "hardlink": hardlink, "ambiguous": ambiguous}[sys.argv[1]](*sys.argv[2:])
