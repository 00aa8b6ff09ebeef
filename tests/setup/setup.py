#!/usr/bin/python3
"""What script/setup promises, one function each: the script itself on a machine that is made up.

Usage: setup.py SCRIPT PROMISE. The machine is a PATH of stand-ins for what would change the real one (apt-get, sudo) or says
what it is (id, dpkg-query), and a folder in the place of /etc. The stand-ins write down how they were called.
"""
import hashlib
import pathlib
import re
import resource
import shutil
import subprocess
import sys
import tempfile

TOOLS = ["awk", "basename", "bash", "cat", "comm", "cp", "dirname", "env", "mkdir", "mv", "rm", "sed", "sort", "touch", "true"]
DEBIAN_12 = 'ID=debian\nVERSION_ID="12"\n'
LINE_FORM = "# main\ndeb [arch=amd64] http://one.example/debian bookworm main\ndeb-src http://two.example/debian bookworm main\n"
FIELD_FORM = "Types: deb\nURIs: http://three.example/debian\nSuites: bookworm\nComponents: main\nSigned-By: /usr/share/keyrings/x.gpg\n"

# `source` leaves what it would have unpacked, and the lists that it was given.
APT_GET = """#!/usr/bin/env bash
echo "apt-get $*" >>"$CALLS"
for word in "$@"; do
  case $word in
    Dir::Etc::SourceList=*) cat "${word#*=}" >"$LISTS" ;;
    Dir::Etc::SourceParts=*) cat "${word#*=}"/* >>"$LISTS" || true ;;
  esac
done
[[ " $* " != *" source "* ]] || mkdir "${!#}-1.0"
"""


class Machine:
    """A scratch folder with script/setup in it, a PATH and an /etc."""

    def __init__(self, folder, script, *, user=0, sudo=False, installed=None, release=DEBIAN_12):
        self.folder, self.calls, self.lists = folder, folder / "calls", folder / "lists"
        self.tree, self.etc, self.path = folder / "tree", folder / "etc", folder / "path"
        for made in (self.tree / "script", self.etc / "apt/sources.list.d", self.path):
            made.mkdir(parents=True)
        shutil.copy(script, self.tree / "script/setup")
        (self.etc / "os-release").write_text(release)
        (self.etc / "apt/sources.list").write_text(LINE_FORM)
        (self.etc / "apt/sources.list.d/more.sources").write_text(FIELD_FORM)
        for tool in TOOLS:
            (self.path / tool).symlink_to(shutil.which(tool))
        packages = wanted_packages(script) if installed is None else installed
        self.stand_in("id", f"case $1 in -u) echo {user} ;; *) echo somebody ;; esac")
        self.stand_in("dpkg-query", "".join(f"echo installed {package}\n" for package in packages) or "true")
        (self.path / "apt-get").write_text(APT_GET)
        (self.path / "apt-get").chmod(0o755)
        if sudo:
            self.stand_in("sudo", 'echo "sudo $*" >>"$CALLS"\n[ "$1" = -n ] && shift\nexec "$@"')

    def stand_in(self, name, body):
        (self.path / name).write_text(f"#!/usr/bin/env bash\n{body}\n")
        (self.path / name).chmod(0o755)

    def unpack_sources(self):
        for package in re.search(r"source_packages=\((.*?)\)", (self.tree / "script/setup").read_text())[1].split():
            (self.tree / "build/sources" / package).mkdir(parents=True)
            (self.tree / "build/sources" / package / ".unpacked").touch()

    def run(self):
        self.calls.write_text("")
        environment = {"PATH": str(self.path), "CALLS": str(self.calls), "LISTS": str(self.lists), "MICROVISOR_ETC": str(self.etc)}
        return subprocess.run([self.tree / "script/setup"], env=environment, stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=50)

    def called(self):
        return self.calls.read_text().splitlines()

    def etc_fingerprint(self):
        return [(path, hashlib.sha256(path.read_bytes()).digest()) for path in sorted(self.etc.rglob("*")) if path.is_file()]


def wanted_packages(script):
    text = re.search(r"^packages=\((.*?)^\)", pathlib.Path(script).read_text(), re.DOTALL | re.MULTILINE)[1]
    return [word for line in text.splitlines() if not line.strip().startswith("#") for word in line.split()]


def expect(condition, what, result):
    if not condition:
        sys.exit(f"not so: {what}\nstatus {result.returncode}\nstdout: {result.stdout}\nstderr: {result.stderr}")


def nothing_missing(machine):
    """Neither root nor network, and under 5 s (of its own: how busy the machine is is not the script's doing)."""
    computer = machine(user=1000)
    computer.unpack_sources()
    result = computer.run()
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    expect(result.returncode == 0 and result.stdout == "setup: ready\n", "it is ready at once", result)
    expect(computer.called() == [], f"nothing is fetched and nobody asked, but {computer.called()}", result)
    expect(used.ru_utime + used.ru_stime < 5, "it takes less than 5 s", result)


def asks_once(machine):
    """As root: says size and minutes first, installs just what is missing; the second time there is nothing to do."""
    computer = machine(installed=[package for package in wanted_packages(sys.argv[1]) if package not in ("cmake", "git")])
    result = computer.run()
    expect(result.returncode == 0, "it succeeds", result)
    expect(re.match(r"setup: installing 2 packages \(.* MB .* GB .* minutes\)\n", result.stdout), "sizes and minutes come first", result)
    installs = [call for call in computer.called() if " install " in call]
    expect(len(installs) == 1 and installs[0].endswith(" cmake git"), f"cmake and git are installed, but {installs}", result)
    computer.stand_in("dpkg-query", "".join(f"echo installed {package}\n" for package in wanted_packages(sys.argv[1])))
    again = computer.run()
    expect(again.returncode == 0 and computer.called() == [], f"the second run does nothing, but {computer.called()}", again)


def neither_root_nor_sudo(machine):
    for sudo in (False, True):
        computer = machine(user=1000, sudo=sudo, installed=[])
        if sudo:
            computer.stand_in("sudo", "exit 1")  # it would ask for a password, and there is no terminal
        result = computer.run()
        expect(result.returncode == 3 and result.stdout == "", "it exits with 3 before it does anything", result)
        expect(re.fullmatch(r"setup: .*apt-get install .*\n", result.stderr), "one line says what to run", result)
        named = set(result.stderr.rstrip("'\n").split())
        expect(named.issuperset(wanted_packages(sys.argv[1])), "the line names every package", result)
        expect(computer.called() == [], f"nothing is called, but {computer.called()}", result)


def through_sudo(machine):
    computer = machine(user=1000, sudo=True, installed=[])
    result = computer.run()
    expect(result.returncode == 0, "it succeeds", result)
    system_wide = [call for call in computer.called() if call.startswith("apt-get") and "Dir::Etc" not in call]
    asked = [call for call in computer.called() if call.startswith("sudo") and " apt-get " in call]
    expect(len(system_wide) == len(asked) == 2, f"update and install go through sudo, but {computer.called()}", result)


def both_forms_of_sources(machine):
    """Source packages come from where the machine's packages come from, by lists of their own."""
    computer = machine(user=1000)
    before = computer.etc_fingerprint()
    result = computer.run()
    expect(result.returncode == 0, "it succeeds", result)
    entries = [line for line in computer.lists.read_text().splitlines() if line.startswith(("deb", "Types", "URIs", "Signed"))]
    expect(entries == ["deb-src [arch=amd64] http://one.example/debian bookworm main", "Types: deb-src",
                       "URIs: http://three.example/debian", "Signed-By: /usr/share/keyrings/x.gpg"],
           f"each source is there once, as deb-src, but {entries}", result)
    expect(computer.etc_fingerprint() == before, "the system's configuration is as it was", result)
    fetched = [call.split()[-1] for call in computer.called() if " source " in call]
    unpacked = sorted(path.parent.name for path in (computer.tree / "build/sources").glob("*/.unpacked"))
    expect(fetched and sorted(fetched) == unpacked, f"each source package is unpacked, but {unpacked}", result)


def another_release(machine):
    for release in ('ID=debian\nVERSION_ID="11"\n', 'ID=ubuntu\nVERSION_ID="22.04"\n', "ID=debian\n"):
        computer = machine(installed=[], release=release)
        result = computer.run()
        expect(result.returncode == 1 and result.stdout == "", "it refuses before it does anything", result)
        expect(re.fullmatch(r"setup: this is .* Debian 12 .*\n", result.stderr), "one line says why", result)
        expect(computer.called() == [], f"nothing is called, but {computer.called()}", result)


def main():
    with tempfile.TemporaryDirectory(prefix="microvisor-setup-") as scratch:
        def machine(**how):
            return Machine(pathlib.Path(tempfile.mkdtemp(dir=scratch)), sys.argv[1], **how)

        globals()[sys.argv[2]](machine)
    print(f"setup: {sys.argv[2]} holds")


if __name__ == "__main__":
    main()
