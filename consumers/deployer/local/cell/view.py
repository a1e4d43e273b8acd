"""What a function sees of the machine: system folders, its bundle, one folder of its own.

Built as a fresh root by mount namespace. Pushline's home, other functions, the homes of people
and the sockets below /run are not hidden in it, they are not there. All that a function can
write, /tmp and /dev/shm too, lies in one tmpfs whose size and number of files are limited.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from consumers.deployer.local.cell import confided, kernel

SYSTEM: Final = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/etc", "/opt", "/nix")
DEVICES: Final = ("null", "zero", "full", "random", "urandom", "tty")
ROOT: Final = 1024 * 1024  # bytes of the root itself: folders, links, places to mount on
BYTES_PER_FILE: Final = 4096  # the smallest file takes a page: so many files fit at most


def build(
    *,
    folder: str,
    shown: tuple[str, ...],
    disk: int,
    uid: int,
    gid: int,
    secrets: Mapping[str, bytes],
) -> None:
    """Enter the function's root; ``folder`` is its own, ``shown`` what it may read beside it.

    Every path is the same inside and outside. Raises OSError where mounting is not allowed.
    """
    kernel.mount("", "/", flags=kernel.MS_REC | kernel.MS_PRIVATE)
    root = Path(folder)  # empty, and hidden from now on by what is mounted over it
    size = f"size={ROOT + confided.room(secrets)},mode=755"
    kernel.mount("tmpfs", folder, "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV, size)
    for path in SYSTEM:
        _show_system(root, path)
    _show(root, str(Path("/etc/resolv.conf").resolve()))
    _devices(root)
    _writable(root, folder, disk=disk, uid=uid, gid=gid)
    for path in shown:
        _show(root, path)
    if secrets:
        _confide(root, secrets, uid=uid, gid=gid)
    (root / "proc").mkdir()
    kernel.mount("proc", str(root / "proc"), "proc", kernel.MS_NOSUID | kernel.MS_NODEV)
    kernel.enter_root(folder)
    kernel.mount("", "/", flags=kernel.MS_REMOUNT | kernel.MS_BIND | kernel.MS_RDONLY)


def _confide(root: Path, secrets: Mapping[str, bytes], *, uid: int, gid: int) -> None:
    """Lay out what the function alone may know; the root is read-only once it stands."""
    confided.lay(secrets, root / confided.PLACE.lstrip("/"), uid, gid)
    also = root / confided.ALSO.lstrip("/")
    also.parent.mkdir(exist_ok=True)
    also.symlink_to(confided.PLACE)


def _show_system(root: Path, path: str) -> None:
    """Bring one system folder along; /bin is often a link into /usr."""
    place = root / path.lstrip("/")
    if Path(path).is_symlink():
        place.symlink_to(Path(path).readlink())
    elif Path(path).is_dir():
        place.mkdir()
        kernel.bind(path, str(place))


def _show(root: Path, path: str) -> None:
    """Show one path at its own place; nothing to do where a system folder shows it already."""
    place = root / path.lstrip("/")
    if not Path(path).exists() or path.startswith(tuple(f"{known}/" for known in SYSTEM)):
        return
    if Path(path).is_dir():
        place.mkdir(parents=True, exist_ok=True)
    else:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.touch()
    kernel.bind(path, str(place))


def _devices(root: Path) -> None:
    devices = root / "dev"
    devices.mkdir()
    for name in DEVICES:
        (devices / name).touch()
        kernel.mount(f"/dev/{name}", str(devices / name), flags=kernel.MS_BIND)
    (devices / "fd").symlink_to("/proc/self/fd")
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        (devices / name).symlink_to(f"/proc/self/fd/{number}")


def _writable(root: Path, folder: str, *, disk: int, uid: int, gid: int) -> None:
    """One tmpfs for all that may be written, so that one limit holds for all."""
    store = root / ".own"
    store.mkdir()
    size = f"size={disk},nr_inodes={max(disk // BYTES_PER_FILE, 64)},mode=755"
    kernel.mount("tmpfs", str(store), "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV, size)
    # /tmp first: the folder may lie below it.
    for name, place in (("tmp", "/tmp"), ("shm", "/dev/shm"), ("home", folder)):  # noqa: S108
        own = store / name
        own.mkdir(mode=0o700)
        os.chown(own, uid, gid)
        target = root / place.lstrip("/")
        target.mkdir(parents=True, exist_ok=True)
        kernel.mount(str(own), str(target), flags=kernel.MS_BIND)
