"""Containers without a container engine of the host: podman, in namespaces of its own.

Network, mounts and process ids are private, so that neither the host's network nor its
containers are touched, and all ends with the one process that holds them. There is no
registry: the base image is a Debian made with debootstrap, which trusts the
certificates and has the package settings of this machine.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

NEEDED = ("podman", "crun", "buildah", "debootstrap", "iptables", "unshare")
HELPERS = ("netavark", "aardvark-dns")
BASE = "localhost/raftwerk-test-base"
HYBRID_CGROUPS = Path("/sys/fs/cgroup/unified")
CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
ROOTFS_VARIABLE = "RAFTWERK_TEST_ROOTFS"
"""Names a Debian with Python that is there already, to be taken for the base image."""


def compose_command() -> str:
    """Return podman-compose, which is installed beside our Python."""
    return str(Path(sys.executable).with_name("podman-compose"))


def why_not() -> str:
    """Return why there can be no containers here; empty if there can."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return "containers need Linux and root"
    for program in (*NEEDED, compose_command()):
        if shutil.which(program) is None:
            return f"{Path(program).name} is not installed"
    for helper in HELPERS:
        folders = ("/usr/lib/podman", "/usr/libexec/podman")
        if not any((Path(folder) / helper).exists() for folder in folders):
            return f"{helper} is not installed"
    tried = subprocess.run(
        ["unshare", "--net", "--mount", "--pid", "--fork", "--mount-proc", "true"],
        check=False,
        capture_output=True,
        text=True,
    )
    return f"no namespaces here: {tried.stderr.strip()}" if tried.returncode else ""


def settings(folder: Path) -> dict[str, str]:
    """Return the environment in which podman keeps all that it has in a folder."""
    (folder / "containers.conf").write_text(
        '[engine]\ncgroup_manager = "cgroupfs"\nruntime = "crun"\n'
        'events_logger = "file"\n[network]\nnetwork_backend = "netavark"\n'
    )
    (folder / "storage.conf").write_text(
        f'[storage]\ndriver = "overlay"\ngraphroot = "{folder}/store"\n'
        f'runroot = "{folder}/run"\n'
    )
    return os.environ | {
        "CONTAINERS_CONF": str(folder / "containers.conf"),
        "CONTAINERS_STORAGE_CONF": str(folder / "storage.conf"),
        "BUILDAH_ISOLATION": "chroot",  # steps of a build need no container then
        "BUILDAH_FORMAT": "docker",  # the other one knows no health checks
        "COMPOSE_PROJECT_NAME": "rwk",
    }


def private(*words: str, network: bool) -> list[str]:
    """Return a command that runs another one in namespaces which end with it."""
    ours = ["--mount", "--pid", "--fork", "--mount-proc", "--kill-child"]
    ours += ["--propagation", "private"]
    return ["unshare", *(["--net"] if network else []), *ours, *words]


def make_base(folder: Path, env: Mapping[str, str]) -> None:
    """Make the image that others are built from."""
    given = os.environ.get(ROOTFS_VARIABLE)
    root = Path(given) if given else folder / "rootfs"
    if not given:
        packages = "--include=python3,python3-venv,ca-certificates"
        _run(env, "debootstrap", "--variant=minbase", packages, "bookworm", str(root))
    # Ours in place of its own: an archive has each file once.
    ours = [name for name in (CERTIFICATES, "/etc/pip.conf") if Path(name).exists()]
    theirs = (f"--exclude=.{name}" for name in ours)
    leave_out = ["--exclude=./var/cache/apt/archives/*.deb", "--exclude=./dev/*"]
    archive = folder / "base.tar"
    _run(env, "tar", "-C", str(root), *leave_out, *theirs, "-cf", str(archive), ".")
    if ours:
        words = ["-h", "-C", "/", "-rf", str(archive), *(f".{name}" for name in ours)]
        _run(env, "tar", *words)
    trust = ("--change", f"ENV=SSL_CERT_FILE={CERTIFICATES}")
    _run(env, *private("podman", "import", *trust, str(archive), BASE, network=False))
    archive.unlink()


def _run(env: Mapping[str, str], *words: str) -> None:
    """Run a command; fail with what it said."""
    ended = subprocess.run(
        words, env=dict(env), check=False, capture_output=True, text=True
    )
    assert ended.returncode == 0, f"{words}: {ended.stdout[-4000:]}{ended.stderr}"
