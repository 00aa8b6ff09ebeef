"""What the compiler says a function takes of the stack (-fstack-usage), beside what its machine code pushes."""
from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from machine_code import Function, short_name


@dataclass
class StackUsage:
    """Bytes by short name; overloads and static functions of one name have several."""
    sizes: dict[str, set[int]] = field(default_factory=dict)
    unbounded: set[str] = field(default_factory=set)
    agree: int = 0
    differ: int = 0
    unknown: int = 0  # assembly and libraries that come compiled

    def read(self, folder: Path) -> None:
        for file in sorted(folder.rglob("*.su")):
            for line in file.read_text().splitlines():
                place, size, kind = line.split("\t")
                name = short_name(place.split(":", 3)[3])
                for known_as in {name, name.rsplit("::", 1)[-1]}:  # the latter: extern "C" in a namespace
                    self.sizes.setdefault(known_as, set()).add(int(size))
                if kind == "dynamic":
                    self.unbounded.add(name)

    def frame(self, function: Function) -> int:
        """The larger of what compiler and machine code say."""
        sizes = self.sizes.get(function.name, set())
        if function.frame in sizes:
            self.agree += 1
            return function.frame
        if sizes:
            self.differ += 1
        else:
            self.unknown += 1
        return max(function.frame, *sizes, 0)
