#!/usr/bin/env python3
"""Generates everything that follows from abi/interface.toml.

    generate.py interface.toml OUTDIR

writes into OUTDIR
    mv_syscalls.h     the application's C and C++ header, with layout checks for the compiler that reads it
    mv_syscalls.s     absolute Thumb function symbols of the gates, for the assembler
    interface.hpp     the kernel's view: the same structures with addresses in place of pointers, so that their layout is
                      the same on every host, with layout checks; and the arguments of each call
    dispatch.hpp      the kernel's two dispatch tables, over templates of call bodies: those in RAM and those in flash
    gates.hpp         address and name, for tools in C++
    gates.csv         slot, address and name, for tools and documentation
    shapes.hpp        which arguments are pointers and handles, what they lead to and how far: for tests that are made from
                      the interface
    statuses.hpp      which status each call may give, for tests
    calls.md          the same for people; docs/calls.md is a copy

The table is checked first: a slot, name or offset used twice, an unknown type or a gap that is neither named nor listed
as unnamed ends the run with one line.
"""
import pathlib
import re
import sys
import tomllib

INTEGERS = {"uint8_t": 1, "uint16_t": 2, "uint32_t": 4, "uint64_t": 8}
MAX_ARGUMENTS = 4  # registers r0 to r3 of the procedure call standard


class Interface:
    """The parsed table, with the questions the writers ask of it."""

    def __init__(self, table):
        self.table = table
        self.handles = {h["name"]: h for h in table["handle"]}
        self.enums = {e["name"]: e for e in table["enum"]}
        self.structs = {s["name"]: s for s in table["struct"]}
        self.calls = sorted(table["call"], key=lambda c: c["slot"])
        for call in self.calls:
            call.setdefault("parameters", [])
            call.setdefault("errors", [])
            call.setdefault("also", [])
            call.setdefault("handlers", False)
            call.setdefault("resident", True)
            if not call["handlers"] and "UNAVAILABLE" not in call["errors"]:
                call["errors"].append("UNAVAILABLE")

    def size_and_alignment(self, c_type):
        """Size and alignment in bytes of a C type on the device (AAPCS, short enums)."""
        if c_type.endswith("*"):
            return 4, 4
        if c_type in self.handles:
            return 4, 4
        if c_type in INTEGERS:
            return INTEGERS[c_type], INTEGERS[c_type]
        kind, _, name = c_type.partition(" ")
        if kind == "enum" and name in self.enums:
            return self.enums[name]["size"], self.enums[name]["size"]
        if kind == "struct" and name in self.structs:
            return self.structs[name]["size"], self.structs[name]["align"]
        raise SystemExit(f"interface.toml: unknown type '{c_type}'")

    def address(self, call):
        return self.table["gate_base"] + self.table["gate_stride"] * call["slot"]

    def check(self):
        self.check_slots()
        for struct in self.structs.values():
            self.check_struct(struct)
        for enum in self.enums.values():
            values = [m[0] for m in enum["members"].values()]
            if len(set(values)) != len(values) or max(values) >= 256 ** enum["size"] - 1:
                raise SystemExit(f"interface.toml: values of {enum['name']} collide")
        statuses = self.enums["MvStatus"]["members"]
        for call in self.calls:
            unknown = [e for e in call["errors"] + call["also"] if e not in statuses]
            if unknown or len(call["parameters"]) > MAX_ARGUMENTS:
                raise SystemExit(f"interface.toml: {call['name']}: unknown status {unknown} or too many parameters")
            if call["handlers"] and not call["resident"]:
                raise SystemExit(f"interface.toml: {call['name']}: a handler cannot wait for the flash, so the call is resident")

    def check_slots(self):
        used = [c["slot"] for c in self.calls] + self.table["unnamed_slots"]
        if sorted(used) != list(range(self.table["slots"])):
            raise SystemExit("interface.toml: slots are missing or used twice")
        if len({c["name"] for c in self.calls}) != len(self.calls):
            raise SystemExit("interface.toml: a call's name is used twice")

    def check_struct(self, struct):
        end = 4 if struct.get("versioned") else 0
        alignment = 4 if struct.get("versioned") else 1
        for offset, c_type, name, *_ in struct["fields"]:
            size, align = self.size_and_alignment(c_type)
            if offset != -(-end // align) * align:
                raise SystemExit(f"interface.toml: {struct['name']}.{name} is not where the compiler puts it")
            end, alignment = offset + size, max(alignment, align)
        if -(-end // alignment) * alignment != struct["size"] or alignment != struct["align"]:
            raise SystemExit(f"interface.toml: size or alignment of {struct['name']}")


def declare(c_type, name):
    """'T name', with the star beside the name as C writes it."""
    return f"{c_type[:-1]}*{name}" if c_type.endswith("*") else f"{c_type} {name}"


# --- the application's header -----------------------------------------------------------------------------------------

def header_enum(enum):
    lines = [f"/** {enum['doc']} */", f"enum {enum['name']} {{"]
    width = 2 * enum["size"]
    for name, (value, doc) in enum["members"].items():
        lines.append(f"  {enum['prefix']}{name} = 0x{value:x}, /**< {doc} */")
    lines.append(f"  {enum['prefix']}_MAX = 0x{'f' * width} /* never a value: fixes the size */")
    lines += ["};", f"MV_CHECK(sizeof(enum {enum['name']}) == {enum['size']}, \"short enumerations are required\");", ""]
    return lines


def header_struct(struct):
    indent = "  "
    lines = [f"/** {struct['doc']} */", f"struct {struct['name']} {{"]
    path = ""
    if struct.get("versioned"):
        lines += ["  uint32_t version; /**< 1 */", "  union {", "    struct {"]
        indent, path = "      ", "v1."
    for offset, c_type, name, doc, *_ in struct["fields"]:
        lines.append(f"{indent}{declare(c_type, name)}; /**< {doc} */")
    if struct.get("versioned"):
        lines += ["    } v1;", "  };"]
    lines += ["};", f"MV_CHECK(sizeof(struct {struct['name']}) == {struct['size']}, \"layout\");"]
    for offset, _, name, *_ in struct["fields"]:
        lines.append(f"MV_CHECK(offsetof(struct {struct['name']}, {path}{name}) == {offset}, \"layout\");")
    return lines + [""]


def header_call(interface, call):
    lines = ["/**", f" * {call['doc']}", " *"]
    for _, name, direction, doc, *_ in call["parameters"]:
        tag = "" if direction == "value" else {"in": "[in]", "out": "[out]", "inout": "[in,out]"}[direction]
        lines.append(f" * @param{tag} {name} {doc}")
    errors = ["OKAY"] + call["errors"]
    lines.append(" * @return " + ", ".join("MV_STATUS_" + e for e in errors))
    lines.append(" * May be called from interrupt handlers." if call["handlers"] else
                 " * Not from interrupt handlers: MV_STATUS_UNAVAILABLE.")
    lines.append(" */")
    parameters = ", ".join(declare(p[0], p[1]) for p in call["parameters"]) or "void"
    return lines + [f"enum MvStatus {call['name']}({parameters});", ""]


def write_header(interface):
    lines = [
        "/*",
        f" * Microvisor system calls, interface version {interface.table['version']}. Generated from abi/interface.toml.",
        " *",
        " * Calls are ordinary functions at fixed addresses; link with mv_syscalls.o. Pointers must lead into the",
        " * application's memory. Compile with short enumerations (the default of arm-none-eabi).",
        " */",
        "#ifndef MV_SYSCALLS_H",
        "#define MV_SYSCALLS_H",
        "",
        "#include <stddef.h>",
        "#include <stdint.h>",
        "",
        "#ifdef __cplusplus",
        "#define MV_CHECK(condition, text) static_assert(condition, text)",
        'extern "C" {',
        "#else",
        "#define MV_CHECK(condition, text) _Static_assert(condition, text)",
        "#endif",
        "",
    ]
    for handle in interface.handles.values():
        lines += [f"/** {handle['doc']} 0: none. */",
                  f"typedef struct {handle['name']}Opaque *{handle['name']};", ""]
    for enum in interface.enums.values():
        lines += header_enum(enum)
    for struct in interface.structs.values():
        if not struct.get("internal"):
            lines += header_struct(struct)
    for call in interface.calls:
        if not call.get("internal"):
            lines += header_call(interface, call)
    lines += ["#undef MV_CHECK", "", "#ifdef __cplusplus", "}", "#endif", "", "#endif /* MV_SYSCALLS_H */"]
    return lines


# --- the symbol object ------------------------------------------------------------------------------------------------

def write_symbols(interface):
    lines = ["@ Microvisor's call gates as absolute Thumb functions. Generated from abi/interface.toml.",
             "  .syntax unified", "  .cpu cortex-m33", "  .thumb", ""]
    for call in interface.calls:
        name = call["name"]
        lines += [f"  .global {name}", f"  .type {name}, %function",
                  f"  .set {name}, 0x{interface.address(call) | 1:08X}",
                  f"  .size {name}, {interface.table['gate_stride']}"]
    return lines


# --- the kernel's view ------------------------------------------------------------------------------------------------

def kernel_name(name):
    return re.sub("^[Mm]v", "", name)


def kernel_type(c_type):
    if c_type.endswith("*"):
        return "Address"
    kind, _, name = c_type.partition(" ")
    return kernel_name(name) if kind in ("enum", "struct") else kernel_name(c_type) if c_type.startswith("Mv") \
        else "std::" + c_type


def kernel_enum(enum):
    lines = [f"/// {enum['doc']}", f"enum class {kernel_name(enum['name'])} : std::uint{8 * enum['size']}_t {{"]
    for name, (value, doc) in enum["members"].items():
        lines.append(f"  {name} = 0x{value:x},  ///< {doc}")
    return lines + ["};", ""]


def kernel_struct(struct):
    name = kernel_name(struct["name"])
    lines = [f"/// {struct['doc']}", f"struct {name} {{"]
    fields = list(struct["fields"])
    if struct.get("versioned"):
        fields.insert(0, [0, "uint32_t", "version", "1"])
    for _, c_type, field, doc, *_ in fields:
        lines.append(f"  {kernel_type(c_type)} {field};  ///< {doc}")
    lines += ["};", f"static_assert(sizeof({name}) == {struct['size']} && alignof({name}) == {struct['align']});"]
    for offset, _, field, *_ in fields:
        lines.append(f"static_assert(offsetof({name}, {field}) == {offset});")
    return lines + [""]


def kernel_arguments(interface, call):
    """The arguments of a call, taken out of r0 to r3; narrow ones lose the bits above their width."""
    name = kernel_name(call["name"]) + "Arguments"
    lines = [f"/// {call['doc']}", f"struct {name} {{",
             "  static constexpr const char* kName = \"" + call["name"] + "\";"]
    for c_type, parameter, direction, doc, *_ in call["parameters"]:
        lines.append(f"  {kernel_type(c_type)} {parameter};  ///< {doc}")
    values = ", ".join(f"static_cast<{kernel_type(p[0])}>(r.r[{i}])" for i, p in enumerate(call["parameters"]))
    unused = "" if call["parameters"] else "[[maybe_unused]] "
    lines += [f"  static constexpr {name} from({unused}const Registers& r) {{ return {{{values}}}; }}", "};", ""]
    return lines


def kernel_question(name, doc, calls):
    """A function that tells whether a gate is that of one of `calls`."""
    lines = [f"/// {doc}", f"constexpr bool {name}(Gate gate) {{", "  switch (gate) {"]
    lines += [f"    case Gate::{kernel_name(c['name'])}:" for c in calls]
    lines[-1] += " return true;"
    return lines + ["    default: return false;", "  }", "}", ""]


def write_interface(interface):
    table = interface.table
    lines = [
        "// The system-call interface as the kernel sees it. Generated from abi/interface.toml.",
        "//",
        "// Pointers of the application are plain addresses here, so that nothing can be followed by mistake, and so that",
        "// the layout is the device's on every host.",
        "#pragma once",
        "",
        "#include <cstddef>",
        "#include <cstdint>",
        "",
        "namespace microvisor::abi {",
        "",
        f"inline constexpr const char* kVersion = \"{table['version']}\";",
        f"inline constexpr std::uint32_t kGateBase = 0x{table['gate_base']:08X};",
        f"inline constexpr std::uint32_t kGateStride = {table['gate_stride']};",
        f"inline constexpr unsigned kGateCount = {table['slots']};",
        "",
        "/// An address in the application's memory, unchecked.",
        "using Address = std::uint32_t;",
        "/// Argument registers of a call.",
        "struct Registers {",
        "  std::uint32_t r[4];",
        "};",
        "",
    ]
    for handle in interface.handles.values():
        lines += [f"/// {handle['doc']}", f"using {kernel_name(handle['name'])} = std::uint32_t;"]
    lines.append("")
    for enum in interface.enums.values():
        lines += kernel_enum(enum)
    for struct in interface.structs.values():
        lines += kernel_struct(struct)
    lines += ["/// The gates, by slot.", "enum class Gate : std::uint8_t {"]
    lines += [f"  {kernel_name(c['name'])} = {c['slot']}," for c in interface.calls]
    lines += ["};", ""]
    lines += kernel_question("allowed_in_handlers", "Calls that may be made from an interrupt handler; the others answer "
                             "UNAVAILABLE there.", [c for c in interface.calls if c["handlers"]])
    lines += kernel_question("lies_in_flash", "Calls whose bodies are not resident: they wait while the flash is busy.",
                             [c for c in interface.calls if not c["resident"]])
    for call in interface.calls:
        lines += kernel_arguments(interface, call)
    return lines + ["}  // namespace microvisor::abi"]


DISPATCH_OPENING = """\
// The dispatch tables over the kernel's call bodies. Generated from abi/interface.toml.
//
// A body is a template's specialisation for a gate, with run(const ...Arguments&); a call without one answers UNAVAILABLE,
// as the unnamed slots do. Bodies that are resident are of one template, those in flash of another, and each has a table.
#pragma once

#include <array>

#include "abi/interface.hpp"

namespace microvisor::abi {

using CallFunction = Status (*)(const Registers&);

inline Status answer_unavailable(const Registers&) { return Status::UNAVAILABLE; }

template <typename Body, typename Arguments>
concept Implements = requires(const Arguments& arguments) { Body::run(arguments); };

template <typename Body, typename Arguments>
Status invoke(const Registers& registers) {
  if constexpr (Implements<Body, Arguments>) {
    return Body::run(Arguments::from(registers));
  } else {
    return answer_unavailable(registers);
  }
}

/// Entry of a table for a call that the other one has.
template <typename Body, typename Arguments, CallFunction kFunction>
constexpr CallFunction left_to_other() {
  static_assert(!Implements<Body, Arguments>, "interface.toml says that this body lies elsewhere");
  return kFunction;
}
"""


def write_dispatch(interface):
    in_flash = [c for c in interface.calls if not c["resident"]]
    by_slot = {c["slot"]: c for c in interface.calls}
    lines = [
        DISPATCH_OPENING,
        "/// Bodies in flash.",
        f"inline constexpr unsigned kFlashCallCount = {len(in_flash)};",
        "",
        "/// By slot. `InFlash<n>::run` performs entry n of flash_table().",
        "template <template <Gate> typename Body, template <unsigned> typename InFlash>",
        "constexpr std::array<CallFunction, kGateCount> dispatch_table() {",
        "  return {",
    ]
    for slot in range(interface.table["slots"]):
        if slot not in by_slot:
            lines.append("      answer_unavailable,")
            continue
        name = kernel_name(by_slot[slot]["name"])
        body = f"Body<Gate::{name}>, {name}Arguments"
        lines.append(f"      invoke<{body}>," if by_slot[slot]["resident"] else
                     f"      left_to_other<{body}, InFlash<{in_flash.index(by_slot[slot])}>::run>(),")
    lines += ["  };", "}", "", "/// In the order of slots.", "template <template <Gate> typename Body>",
              "constexpr std::array<CallFunction, kFlashCallCount> flash_table() {"]
    lines += [f"  static_cast<void>(left_to_other<Body<Gate::{name}>, {name}Arguments, answer_unavailable>());"
              for name in (kernel_name(c["name"]) for c in interface.calls if c["resident"])]
    lines.append("  return {")
    lines += [f"      invoke<Body<Gate::{name}>, {name}Arguments>," for name in (kernel_name(c["name"]) for c in in_flash)]
    return lines + ["  };", "}", "", "}  // namespace microvisor::abi"]


def write_gates(interface):
    lines = [
        "// The gates by address and public name, for tools. Generated from abi/interface.toml.",
        "#pragma once",
        "",
        "#include <cstdint>",
        "",
        "namespace microvisor::abi {",
        "",
        "struct NamedGate {",
        "  std::uint32_t address;",
        "  const char* name;",
        "};",
        "inline constexpr NamedGate kGates[] = {",
    ]
    lines += [f"    {{0x{interface.address(c):08X}, \"{c['name']}\"}}," for c in interface.calls]
    return lines + ["};", "", "}  // namespace microvisor::abi"]


# --- shapes, for tests -------------------------------------------------------------------------------------------------

SHAPE_TYPES = """\
enum class Direction : std::uint8_t { In, Out, InOut };
enum class HandleType : std::uint8_t { Notification, Network, Channel, SystemEvent, ExternalFlash, NetworkInterface };

struct Structure;
/// A pointer among arguments (`place` is the argument's number) or in a structure (`place` is its offset).
struct Pointer {
  const char* name;
  std::uint32_t place;
  Direction direction;
  std::uint32_t element;       ///< bytes of one element
  int extent;                  ///< place of what tells how much there is; -1: one element
  bool extent_in_bytes;        ///< else in elements
  const Structure* structure;  ///< of each element; null: plain bytes
  int handle;                  ///< HandleType of what it leads to, -1: no handle
};
struct HandlePlace {
  std::uint32_t place;
  HandleType type;
};
struct Structure {
  const char* name;
  std::uint32_t size;
  bool versioned;
  std::span<const Pointer> pointers;
  std::span<const HandlePlace> handles;
};
struct CallShape {
  const char* name;
  unsigned slot;
  std::uint32_t address;
  std::uint64_t statuses;  ///< bit n: the call may give status n; OKAY included, UNAVAILABLE where it is published
  unsigned parameters;
  std::span<const char* const> parameter_names;
  std::span<const Pointer> pointers;
  std::span<const HandlePlace> handles;
};
"""


def handle_type(c_type):
    return kernel_name(c_type).removesuffix("Handle")


class ShapeWriter:
    """Lines of shapes.hpp; structures are written once, those that others lead to first."""

    def __init__(self, interface):
        self.interface = interface
        self.lines = []
        self.written = set()

    def members(self, struct, base=0):
        """(offset, type, name, extent with an offset in place of the name); embedded structures are dissolved."""
        offsets = {field[2]: base + field[0] for field in struct["fields"]}
        for offset, c_type, name, _, *extent in struct["fields"]:
            embedded = self.interface.structs.get(c_type.removeprefix("struct ")) if not c_type.endswith("*") else None
            if embedded:
                yield from ((o, t, f"{name}.{n}", d, e) for o, t, n, d, e in self.members(embedded, base + offset))
            else:
                direction = "in" if c_type.startswith("const") else "out"
                yield base + offset, c_type, name, direction, {k: offsets[v] for k, v in extent[0].items()} if extent else {}

    def pointer(self, place, c_type, name, direction, extent):
        target = c_type.removeprefix("const ").removesuffix("*").strip()
        structure = self.interface.structs.get(target.removeprefix("struct "))
        if structure:
            self.structure(structure)
        size, _ = self.interface.size_and_alignment(target)
        unit, far = next(iter(extent.items()), ("count", -1))
        pointee = f"&k{structure['name']}" if structure else "nullptr"
        handle = f"static_cast<int>(HandleType::{handle_type(target)})" if target in self.interface.handles else "-1"
        direction = {"in": "In", "out": "Out", "inout": "InOut"}[direction]
        return f'{{"{name}", {place}, Direction::{direction}, {size}, {far}, {str(unit == "bytes").lower()}, {pointee}, {handle}}}'

    def array(self, element, name, items):
        """Defines an array and returns a span of it."""
        if not items:
            return "{}"
        self.lines.append(f"inline constexpr {element} {name}[] = {{{', '.join(items)}}};")
        return name

    def places(self, name, members):
        pointers = [self.pointer(o, t, n, d, e) for o, t, n, d, e in members if t.endswith("*")]
        handles = [f"{{{o}, HandleType::{handle_type(t)}}}" for o, t, _, _, _ in members if t in self.interface.handles]
        return self.array("Pointer", f"k{name}Pointers", pointers), self.array("HandlePlace", f"k{name}Handles", handles)

    def structure(self, struct):
        name = struct["name"]
        if name in self.written:
            return
        self.written.add(name)
        pointers, handles = self.places(name, list(self.members(struct)))
        versioned = str(bool(struct.get("versioned"))).lower()
        self.lines.append(
            f'inline constexpr Structure k{name}{{"{name}", {struct["size"]}, {versioned}, {pointers}, {handles}}};')

    def call(self, call):
        numbers = {parameter[1]: number for number, parameter in enumerate(call["parameters"])}
        members = [(numbers[name], c_type, name, direction, {k: numbers[v] for k, v in extent[0].items()} if extent else {})
                   for c_type, name, direction, _, *extent in call["parameters"]]
        pointers, handles = self.places(call["name"], members)
        names = self.array("const char*", f"k{call['name']}Names", [f'"{name}"' for name in numbers])
        members = self.interface.enums["MvStatus"]["members"]
        statuses = sum(1 << members[status][0] for status in ["OKAY", *call["errors"], *call["also"]])
        return (f'    {{"{call["name"]}", {call["slot"]}, 0x{self.interface.address(call):08X}, 0x{statuses:X}, {len(numbers)}, '
                f"{names}, {pointers}, {handles}}},")


def write_shapes(interface):
    writer = ShapeWriter(interface)
    calls = [writer.call(call) for call in interface.calls]
    return [
        "// What the arguments of the calls are, for tests made from the interface. Generated from abi/interface.toml.",
        "#pragma once",
        "",
        "#include <cstdint>",
        "#include <span>",
        "",
        "namespace microvisor::abi {",
        "",
        SHAPE_TYPES,
        *writer.lines,
        "",
        "inline constexpr CallShape kCallShapes[] = {",
        *calls,
        "};",
        "",
        "}  // namespace microvisor::abi",
    ]
def write_statuses(interface):
    rows = [(call, error) for call in interface.calls for error in call["errors"] + call["also"]]
    lines = [
        "// Which status each call may give besides OKAY, for tests. Generated from abi/interface.toml.",
        "#pragma once",
        "",
        "#include <array>",
        "",
        '#include "abi/interface.hpp"',
        "",
        "namespace microvisor::abi {",
        "",
        "struct DocumentedStatus {",
        "  Gate gate;",
        "  const char* call;",
        "  const char* group;",
        "  Status status;",
        "  const char* name;",
        "};",
        f"inline constexpr std::array<DocumentedStatus, {len(rows)}> kDocumentedStatuses{{{{",
    ]
    lines += [f"    {{Gate::{kernel_name(call['name'])}, \"{call['name']}\", \"{call['group']}\", Status::{error}, "
              f"\"{error}\"}}," for call, error in rows]
    return lines + ["}};", "", "}  // namespace microvisor::abi"]


def write_document(interface):
    lines = [
        "# System calls and what they answer",
        "",
        "Generated from `abi/interface.toml`; the header `mv_syscalls.h` has parameters and structures. Every call may answer",
        "`OKAY`. Each status below is provoked on the virtual board by `tests/kernel` (StatusesOnBoard). What the kernel decides",
        "where the published interface is silent stands in [system-calls.md](system-calls.md).",
        "",
        "| call | what it does | in handlers | statuses |",
        "|---|---|---|---|",
    ]
    for call in interface.calls:
        statuses = ", ".join(f"`{e}`" for e in call["errors"] + call["also"]) or "-"
        lines.append(f"| `{call['name']}` | {call['doc']} | {'yes' if call['handlers'] else 'no'} | {statuses} |")
    return lines


def write_csv(interface):
    return ["slot,address,name"] + [f"{c['slot']},0x{interface.address(c):08X},{c['name']}" for c in interface.calls]


def main(arguments):
    if len(arguments) != 2:
        raise SystemExit(__doc__)
    with open(arguments[0], "rb") as file:
        interface = Interface(tomllib.load(file))
    interface.check()
    folder = pathlib.Path(arguments[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name, writer in [("mv_syscalls.h", write_header), ("mv_syscalls.s", write_symbols),
                         ("interface.hpp", write_interface), ("dispatch.hpp", write_dispatch),
                         ("gates.hpp", write_gates), ("gates.csv", write_csv),
                         ("shapes.hpp", write_shapes), ("statuses.hpp", write_statuses),
                         ("calls.md", write_document)]:
        (folder / name).write_text("\n".join(writer(interface)) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
