#!/usr/bin/python3
"""From a project's folder to GDB on a device: `microvisor deploy --debug`, and the files for GDB and VS Code beside the examples.

Usage: deploying.py MICROVISOR EXAMPLES CASE SDK. Each case is a function below.
"""
import json
import pathlib
import re
import shutil
import socket
import subprocess
import sys

from user import Started, User, check

EXAMPLES = pathlib.Path(sys.argv[2])
PROJECTS = [folder.parent for folder in sorted(EXAMPLES.glob("*/main.*"))]
BATCH = ["-batch", "-ex", "set confirm off"]


class Desk(Started):
    """A user with a copy of the examples, a cloud, and a board that waits for an application."""

    def __init__(self, board=True):
        super().__init__()
        self.user = User(sys.argv[1])
        self.user.environment["MICROVISOR_SDK"] = sys.argv[4]
        shutil.copytree(EXAMPLES, self.user.home / "examples")
        if board:
            self.keep(self.user.start_cloud())
            self.sid = self.user.create_board()
            self.keep(self.user.run_board("board", fast=False))


def last_line(result, *words):
    line = result.stderr.splitlines()[-1]
    check(line.startswith("microvisor: ") and all(word in line for word in words), f"the last line: {line}")


def without_comments(text):
    return "\n".join(line for line in text.splitlines() if not line.startswith("#"))


# --- cases ------------------------------------------------------------------------------------------------------------


def from_project_to_gdb():
    """Built, bundled with a key, deployed, served, and GDB started on it: one command."""
    with Desk() as desk:
        command = ["deploy", "examples/log_led_c", "--device", desk.sid, "--debug"]
        first = desk.user.command(*command, "--", *BATCH, "-ex", "break main", "-ex", "monitor reset", "-ex", "continue", "-ex", "backtrace")
        check(re.search(r"Breakpoint 1, main \(\) at .*log_led_c/main\.c:\d+", first.stdout), "GDB has stopped in main")
        check("#0  main ()" in first.stdout, "and shows where")
        build = desk.user.home / "examples/log_led_c/build"
        check((build / "log_led_c.zip").exists(), "the bundle lies in the build folder")
        private = build / "debug_auth_prv_key.pem"
        check(private.stat().st_mode & 0o077 == 0, "the private key is the user's alone")
        key = private.read_bytes()
        second = desk.user.command(*command, "--", *BATCH, "-ex", "print $pc != 0")
        check("$1 = 1" in second.stdout and private.read_bytes() == key, "a second time with the same key")
        ended = desk.user.command(*command, "--gdb", "false", status=1)
        check("GDB server listening" in ended.stderr, "a GDB that fails ends the command")
        last_line(desk.user.command(*command, "--gdb", "/nowhere/gdb", status=1), "/nowhere/gdb")


def step_by_step():
    """Building, bundling and deploying apart, and the log behind it."""
    with Desk() as desk:
        last_line(desk.user.command("deploy", "examples/log_led_c", "--deploy", "--device", desk.sid, status=1), "not been built")
        built = desk.user.command("deploy", "examples/log_led_c", "--build")
        check(not built.stdout, "the build's output goes to stderr")
        log = desk.user.start("deploy", "examples/log_led_c", "--deploy", "--device", desk.sid, "--log", stdout=subprocess.PIPE)
        desk.processes.append(log)
        for line in log.stdout:
            if "[app_logging]" in line:
                break
        check("[app_logging]" in line, f"the log: {line.strip()}")
        # The same with an ELF file, whose key lies beside it.
        elf = desk.user.home / "examples/log_led_c/build/log_led_c.elf"
        words = desk.user.command("deploy", elf, "--device", desk.sid, "--genkeys", "--wait").stderr
        check(f"debug it: microvisor debug {desk.sid} {elf.parent}/debug_auth_prv_key.pem" in words, "it says how to go on")


def what_does_not_work():
    with Desk(board=False) as desk:
        command = desk.user.command
        last_line(command("deploy", "examples", "--build", status=1), "log_led_c", "log_led_cpp", "--application")
        check((desk.user.home / "examples/build/log_led_cpp/log_led_cpp.elf").exists(), "they have been built")
        command("deploy", "examples", "--build", "--application", "log_led_cpp", "--clean")
        last_line(command("deploy", "examples/demo", "--device", "UV1", "--build", "--application", "x", status=1))
        last_line(command("deploy", "nowhere", "--build", status=1), "nowhere")
        last_line(command("deploy", desk.user.home, "--build", status=1), "CMakeLists.txt")
        last_line(command("deploy", "examples/log_led_c", status=1), "--device")
        last_line(command("deploy", "--device", "UV1", status=1), "what is to be deployed")
        last_line(command("deploy", "KA" + 32 * "0", "--device", "UV1", "--debug", status=1), "--privatekey")
        broken = desk.user.home / "examples/log_led_c/main.c"
        broken.write_text(broken.read_text() + "\n#error broken\n")
        last_line(command("deploy", "examples/log_led_c", "--build", status=1), "building has failed")
        precious = desk.user.home / "examples/crash_at_start/build"
        precious.mkdir()
        (precious / "thesis").write_text("unsaved")
        last_line(command("deploy", "examples/crash_at_start", "--build", "--clean", status=1), "not emptied")
        check((precious / "thesis").exists(), "a folder that CMake has not made stays")


def files_beside_the_examples():
    """Each example has them, all the same; what they say is what the tools take."""
    files = [".gdbinit", ".vscode/launch.json", ".vscode/tasks.json", ".vscode/extensions.json"]
    for name in files:
        texts = {(project / name).read_text() for project in PROJECTS}
        check(len(PROJECTS) >= 3 and len(texts) == 1, f"{name} of {len(PROJECTS)} examples")
    tasks = json.loads((PROJECTS[0] / files[2]).read_text())["tasks"]
    launch = json.loads((PROJECTS[0] / files[1]).read_text())["configurations"][0]
    names = {task["label"]: task for task in tasks}
    with Desk() as desk:
        project = desk.user.home / "examples/log_led_cpp"

        def filled(text):
            return (text.replace("${workspaceFolderBasename}", project.name).replace("${workspaceFolder}", str(project))
                    .replace("${env:MV_DEVICE_SID}", desk.sid))
        server = names[launch["preLaunchTask"]]
        desk.user.command(*map(filled, names[server["dependsOn"]]["args"]))
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]  # the files' own may be in use on this machine
        process = desk.user.start(*map(filled, server["args"]), "--listen", str(port), stdout=subprocess.PIPE)
        desk.processes.append(process)
        ready = process.stdout.readline()
        check(re.match(server["problemMatcher"]["background"]["endsPattern"], ready), f"the editor waits for: {ready.strip()}")
        executable = pathlib.Path(filled(launch["executable"]))
        check(executable.exists() and launch["target"] == "localhost:8001", f"it debugs {executable.name}")
        script = project / "gdbinit"
        script.write_text(without_comments((project / ".gdbinit").read_text()).replace("8001", str(port)))
        output = subprocess.run(["gdb-multiarch", "-nx", *BATCH, "-x", script, executable, "-ex", "info line main"], stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, text=True, timeout=100).stdout
        check(re.search(r'Line \d+ of ".*main\.cpp" starts at', output), "GDB by .gdbinit, with line numbers")
        check(process.wait(30) == 0, "the server ends with it")


globals()[sys.argv[3]]()
