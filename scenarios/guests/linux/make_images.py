#!/usr/bin/env python3
"""Makes what Linux guests are started from, out of Debian's own packages.

    make_images.py FOLDER [SERIES...]

leaves in FOLDER, per kernel series (6.1-cloud unless told), `vmlinuz-SERIES` (the package's file,
as it is) and `initrd-SERIES` (busybox, e2fsprogs' makers and checkers of file systems, the daemons
of Hyper-V's integration services, the modules named below, `init`, `poweroff`, `parts/` and
`programs/`). The same packages and the same compiler give the same bytes. Packages are fetched with
`apt-get download` and kept in FOLDER/packages.
"""

import lzma
import pathlib
import re
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
SERIES = {
    "6.1-cloud": r"linux-image-6\.1\.0-\d+-cloud-amd64",
    "6.12-cloud": r"linux-image-6\.12\.\d+\+deb12-cloud-amd64",
}
# Programs, by package and where they lie in it: those that are linked dynamically, as a user space
# is, and what they are linked with.
PROGRAMS = {
    "busybox": ["bin/busybox"],
    "e2fsprogs": ["sbin/mke2fs", "sbin/e2fsck"],
    "hyperv-daemons": ["usr/sbin/hv_kvp_daemon", "usr/sbin/hv_vss_daemon"],
}
LIBRARIES = {
    "libc6": ["ld-linux-x86-64.so.2", "libc.so.6", "libresolv.so.2"],
    "libext2fs2": ["libext2fs.so.2", "libe2p.so.2"],
    "libcom-err2": ["libcom_err.so.2"],
    "libblkid1": ["libblkid.so.1"],
    "libuuid1": ["libuuid.so.1"],
}
# How programs of our own are made, which need neither a C library nor a loader.
COMPILER = ["gcc-12", "-Os", "-Wall", "-Wextra", "-Werror", "-static", "-nostdlib",
            "-ffreestanding", "-fno-stack-protector", "-fno-pie", "-no-pie",
            "-fno-asynchronous-unwind-tables", "-Wl,--build-id=none", "-s"]
MODULES = [
    "hv_vmbus",
    "hv_utils",
    "scsi_common",
    "scsi_mod",
    "scsi_transport_fc",
    "hv_storvsc",
    "crc64",
    "crc64-rocksoft",
    "crct10dif_common",
    "crct10dif_generic",
    "crc-t10dif",
    "t10-pi",
    "sd_mod",
    "hv_netvsc",
]


def fail(text):
    sys.exit(f"make_images.py: {text}")


def output(*command, **more):
    done = subprocess.run(command, capture_output=True, text=True, check=False, **more)
    if done.returncode != 0:
        fail(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout


def package_of(pattern):
    """The newest package whose name is like the pattern."""
    listed = output("apt-cache", "search", "--names-only", "^linux-image")
    names = [line.split(" ")[0] for line in listed.splitlines()]
    found = [name for name in names if re.fullmatch(pattern, name)]
    if not found:
        fail(f"Debian has no package like {pattern}; is there a package list (apt-get update)?")
    return max(found, key=lambda name: [int(n) for n in re.findall(r"\d+", name)])


def unpacked(package, folder):
    """The package's files, in a folder of its own."""
    root = folder / "packages" / package
    if not (root / ".complete").exists():
        root.mkdir(parents=True, exist_ok=True)
        for old in root.glob("*.deb"):
            old.unlink()
        output("apt-get", "-o", "APT::Sandbox::User=root", "download", package, cwd=root)
        [deb] = root.glob("*.deb")
        output("dpkg-deb", "-x", str(deb), str(root))
        (root / ".complete").touch()
    return root


class Cpio:
    """A newc archive whose files have no time and no owner but root."""

    def __init__(self):
        self.bytes = bytearray()
        self.inode = 0

    def add(self, name, mode, content=b"", device=(0, 0)):
        self.inode += 1
        encoded = name.encode() + b"\0"
        fields = [self.inode, mode, 0, 0, 1, 0, len(content), 0, 0, *device, len(encoded), 0]
        self.bytes += b"070701" + b"".join(b"%08x" % field for field in fields) + encoded
        self.pad()
        self.bytes += content
        self.pad()

    def pad(self):
        self.bytes += b"\0" * (-len(self.bytes) % 4)

    def finish(self):
        self.inode = -1
        self.add("TRAILER!!!", 0)
        return bytes(self.bytes)


def user_space(folder):
    """Name in the archive -> content."""
    files = {}
    for package, names in PROGRAMS.items():
        root = unpacked(package, folder)
        files.update((name, (root / name).read_bytes()) for name in names)
    for package, names in LIBRARIES.items():
        root = unpacked(package, folder)
        for name in names:
            [path] = root.glob(f"**/x86_64-linux-gnu/{name}")
            files[f"lib/x86_64-linux-gnu/{name}"] = path.read_bytes()
    for source in sorted((HERE / "programs").glob("*.c")):
        files[f"bin/{source.stem}"] = compiled(source)
    return files


def compiled(source):
    with tempfile.TemporaryDirectory() as folder:
        program = pathlib.Path(folder) / source.stem
        output(*COMPILER, "-o", str(program), str(source))
        return program.read_bytes()


def initrd(kernel_root, programs):
    archive = Cpio()
    for name in ("bin", "sbin", "dev", "etc", "lib64", "lib", "lib/x86_64-linux-gnu", "proc", "sys",
                 "tmp", "mnt", "modules", "parts", "usr", "usr/sbin", "var", "var/lib"):
        archive.add(name, 0o040755)
    archive.add("dev/console", 0o020600, device=(5, 1))
    for name, content in programs.items():
        archive.add(name, 0o100755, content)
    archive.add("lib64/ld-linux-x86-64.so.2", 0o120777,
                b"/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2")
    archive.add("init", 0o100755, (HERE / "init").read_bytes())
    archive.add("sbin/poweroff", 0o100755, (HERE / "poweroff").read_bytes())
    for part in sorted((HERE / "parts").iterdir()):
        archive.add(f"parts/{part.name}", 0o100644, part.read_bytes())
    there = {}
    for path in kernel_root.glob("lib/modules/*/kernel/**/*.ko*"):
        there[path.name.split(".")[0].replace("_", "-")] = path
    order = []
    for module in MODULES:
        path = there.get(module.replace("_", "-"))
        if path is None:
            continue  # built into this kernel, or not part of its series
        content = path.read_bytes()
        if path.suffix == ".xz":  # busybox's insmod takes them plain
            content = lzma.decompress(content)
        name = path.name.removesuffix(".xz")
        archive.add(f"modules/{name}", 0o100644, content)
        order.append(name)
    archive.add("modules/order", 0o100644, ("\n".join(order) + "\n").encode())
    return archive.finish()


def replace(path, content):
    if path.exists() and path.read_bytes() == content:
        path.touch()  # as new as what it is made from
        return
    fresh = path.with_name(path.name + ".new")
    fresh.write_bytes(content)
    fresh.rename(path)


def main():
    if len(sys.argv) < 2:
        fail("usage: make_images.py FOLDER [SERIES...]")
    folder = pathlib.Path(sys.argv[1])
    wanted = sys.argv[2:] or ["6.1-cloud"]
    for series in wanted:
        if series not in SERIES:
            fail(f"there is no series {series}; known: {', '.join(SERIES)}")
    folder.mkdir(parents=True, exist_ok=True)
    programs = user_space(folder)
    for series in wanted:
        root = unpacked(package_of(SERIES[series]), folder)
        [kernel] = root.glob("boot/vmlinuz-*")
        replace(folder / f"vmlinuz-{series}", kernel.read_bytes())
        replace(folder / f"initrd-{series}", initrd(root, programs))


main()
