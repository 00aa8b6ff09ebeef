"""Ten pairs of firmware versions, old and new, to measure transfer encodings with.

The firmware is real: the examples, a guest of the tests, and applications made of lwIP and mbedTLS (the source packages in
build/sources), built with the SDK's start-up and linker script for the chip. Five changes are small (a constant, a string, a
function more), five are large (a library more, another configuration of a library, another compiler option).
"""
import dataclasses
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
HERE = ROOT / "bench/update"

LWIP_SOURCES = ["core/*.c", "core/ipv4/*.c", "core/ipv6/*.c", "netif/ethernet.c", "apps/http/httpd.c", "apps/http/fs.c",
                "apps/mdns/mdns.c", "apps/mqtt/mqtt.c", "apps/sntp/sntp.c", "apps/altcp_tls/*.c"]
CPU = ["-mcpu=cortex-m33", "-mthumb", "-mfloat-abi=soft"]
SMALL = ["-Os", "-ffunction-sections", "-fdata-sections"]


@dataclasses.dataclass(frozen=True)
class Program:
    """What all versions of a firmware share: sources and include folders as patterns below the tree or the build."""
    sources: tuple
    includes: tuple = ()
    options: tuple = ()
    linker_script: str = "sdk/linker/stm32u585_application.ld"


SDK = ("sdk/startup/startup_stm32u585.c",)
LED = Program(("examples/applications/log_led_c/main.c", *SDK))
GUEST = "tests/applications/guests/"
TASKS = Program(tuple(GUEST + name for name in ("tasks.c", "rtos.c", "rtos_port.c", "clocks.c", "i2c.c", "pins.c", "report.c",
                                                "serial.c", "vectors.c")), linker_script=GUEST + "application.ld")
CONNECTED = Program(("bench/update/connected.c", *SDK, *("build/sources/lwip/src/" + name for name in LWIP_SOURCES)),
                    ("build/sources/lwip/src/include",))
SECURE = Program((*CONNECTED.sources, "build/sources/mbedtls/library/*.c"),
                 (*CONNECTED.includes, "build/sources/mbedtls/include"))
SELF_TEST = Program(("build/sources/mbedtls/programs/test/selftest.c", "build/sources/mbedtls/library/*.c", *SDK),
                    ("build/sources/mbedtls/include",))

FULL = ("-DFEATURE_MQTT", "-DFEATURE_TLS")
# name, what changes, program, the old one's options, program, the new one's options
PAIRS = [
    ("led-string", "a string, small image", LED, ("-DAPP_NAME=\"demo version 1\"",), LED, ("-DAPP_NAME=\"demo version 2\"",)),
    ("tasks-option", "constants and a string, unoptimised small image",
     TASKS, ("-O0", "-DAPP_NAME=\"classic\"", "-DSTART_CALL=2", "-DMASKED_PRIORITY=0xA0", "-DLOG_BUFFER_SIZE=5120"),
     TASKS, ("-O0", "-DAPP_NAME=\"recent\"", "-DSTART_CALL=102", "-DMASKED_PRIORITY=0x50", "-DNETWORK_LINE=TIM8_BRK_LINE",
             "-Dnetwork_interrupt=TIM8_BRK_IRQHandler")),
    ("net-constant", "a constant and a longer string", CONNECTED, (), CONNECTED,
     ("-DSAMPLE_PERIOD_MS=2500", "-DGREETING=\"sensor 1.1, the second\"")),
    ("net-function", "a function more, which prints", CONNECTED, (), CONNECTED, ("-DFEATURE_AVERAGE",)),
    ("tls-function", "a function more, large image", SECURE, FULL, SECURE, (*FULL, "-DFEATURE_AVERAGE")),
    ("net-mqtt", "a library more", CONNECTED, (), CONNECTED, ("-DFEATURE_MQTT",)),
    ("net-tls", "a library three times its size more", CONNECTED, ("-DFEATURE_MQTT",), SECURE, FULL),
    ("net-ipv6", "IPv6: all structures and most functions change", CONNECTED, (), CONNECTED, ("-DFEATURE_IPV6",)),
    ("tls-protocol", "DTLS and ChaCha20 more, large image", SECURE, (*FULL, "-DWITHOUT_DTLS", "-DWITHOUT_CHACHA"), SECURE, FULL),
    ("crypto-tables", "other variants of AES and SHA-256, large image", SELF_TEST, (), SELF_TEST, ("-DWITH_SMALL_TABLES",)),
]


class Builder:
    """Writes one Ninja file for all images and lets it run: what has been built before is not built again."""

    def __init__(self, build):
        self.build, self.folder = build, build / "bench/update"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.lines = ["rule cc", "  command = $launcher arm-none-eabi-gcc $flags -MMD -MF $out.d -c $in -o $out",
                      "  depfile = $out.d", "  deps = gcc",
                      "rule link", "  command = arm-none-eabi-gcc $flags -o $out.elf $in && "
                      "arm-none-eabi-objcopy -O binary --gap-fill 0xFF $out.elf $out", ""]
        launcher = subprocess.run(["which", "ccache"], capture_output=True, text=True).stdout.strip()
        self.lines.insert(0, f"launcher = {launcher}")
        self.objects = {}

    def located(self, pattern):
        folder = self.build if pattern.startswith("build/") else ROOT
        return folder / pattern.removeprefix("build/")

    def compiled(self, source, flags):
        key = (source, flags)
        if key not in self.objects:
            self.objects[key] = f"{len(self.objects)}-{source.stem}.o"
            self.lines += [f"build {self.objects[key]}: cc {source}", f"  flags = {flags}"]
        return self.objects[key]

    def image(self, name, program, options):
        """The image's file, once ninja has run. Options concern all its files, but FEATURE ones only ours and lwIP's."""
        includes = [f"-I{folder}" for folder in (HERE, self.build / "abi", ROOT / GUEST, *map(self.located, program.includes))]
        quoted = [option.replace('"', '\\"').replace(" ", "\\ ") for option in options]
        base = [*CPU, *(() if "-O0" in options else SMALL), "-w", '-DMBEDTLS_CONFIG_FILE=\\"mbedtls_config.h\\"', *includes]
        objects = []
        for pattern in program.sources:
            where = self.located(pattern)
            for source in sorted(where.parent.glob(where.name)):
                ours = [option for option in quoted if "mbedtls/library" not in str(source) or "WITH" in option]
                objects.append(self.compiled(source, " ".join([*base, *ours])))
        link = [*CPU, "-nostartfiles", "--specs=nano.specs", "--specs=nosys.specs", "-Wl,--gc-sections", "-Wl,--no-warnings", "-T",
                ROOT / program.linker_script]
        self.lines += [f"build {name}.bin: link {' '.join(objects)} {self.build / 'abi/mv_syscalls.o'}",
                       f"  flags = {' '.join(map(str, link))}"]
        return self.folder / f"{name}.bin"

    def run(self):
        (self.folder / "build.ninja").write_text("\n".join(self.lines) + "\n")
        subprocess.run(["ninja", "-C", self.folder, "--quiet"], check=True, stdout=subprocess.DEVNULL)


def build_pairs(build):
    """[(name, what changes, old image's file, new image's file)], built below `build`."""
    builder = Builder(pathlib.Path(build).resolve())
    pairs = [(name, change, builder.image(f"{name}-old", old, old_options), builder.image(f"{name}-new", new, new_options))
             for name, change, old, old_options, new, new_options in PAIRS]
    builder.run()
    return pairs
