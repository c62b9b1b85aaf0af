# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A BPF object file: its functions as instructions, its maps and variables as regions of memory, and from its type
information (BTF) how large they are and where the members of a structure lie. Either byte order."""

import dataclasses
import struct

R_BPF_64_64, R_BPF_64_32 = 1, 10  # the address of a variable or a map; a call
SHT_SYMTAB, SHT_NOBITS, SHT_REL = 2, 8, 9
STT_FUNC, STT_SECTION = 2, 3


@dataclasses.dataclass(eq=False)
class Variable:
    """What an instruction takes the address of: SIZE bytes of a section of data, CONTENT at first."""
    name: str
    section: str
    size: int
    content: bytes


@dataclasses.dataclass(eq=False)
class Map:
    """A map: its kind and the sizes of its key and value. Only helpers take one."""
    name: str
    kind: int
    key_size: int
    value_size: int


@dataclasses.dataclass(eq=False)
class Instruction:
    """CODE and its operands; LOADS is the variable (and an offset into it) or the map of a wide load, CALLS the name of the
    function of this object that is called."""
    code: int
    dst: int
    src: int
    off: int
    imm: int
    loads: object = None
    calls: str = None


@dataclasses.dataclass(eq=False)
class Function:
    """Instructions by their number within the function; the second half of a wide one has no instruction of its own."""
    name: str
    is_global: bool
    code: dict
    entry: bool = False  # the kernel calls it


class Types:
    """BTF, as much of it as tells sizes, members and the definitions of maps."""
    INT, PTR, ARRAY, STRUCT, UNION, ENUM, FWD, TYPEDEF, VOLATILE, CONST, RESTRICT, FUNC, PROTO, VAR, DATASEC, \
        FLOAT, DECL_TAG, TYPE_TAG, ENUM64 = range(1, 20)

    def __init__(self, data, order):
        header, type_off, type_len, str_off, str_len = struct.unpack_from(order + "IIIII", data, 4)
        self.strings = data[header + str_off:header + str_off + str_len]
        self.types = [None]
        at, end = header + type_off, header + type_off + type_len
        while at < end:
            name, info, size = struct.unpack_from(order + "III", data, at)
            kind, vlen = info >> 24 & 31, info & 0xffff
            width, count = {self.INT: (1, 1), self.ARRAY: (3, 1), self.STRUCT: (3, vlen), self.UNION: (3, vlen),
                            self.ENUM: (2, vlen), self.PROTO: (2, vlen), self.VAR: (1, 1), self.DATASEC: (3, vlen),
                            self.DECL_TAG: (1, 1), self.ENUM64: (3, vlen)}.get(kind, (0, 0))
            words = struct.unpack_from(f"{order}{width * count}I", data, at + 12)
            rows = [words[i * width:(i + 1) * width] for i in range(count)]
            self.types.append((kind, self.string(name), size, rows))
            at += 12 + 4 * width * count

    def string(self, at):
        return self.strings[at:self.strings.index(b"\0", at)].decode()

    def strip(self, number):
        while self.types[number][0] in (self.TYPEDEF, self.VOLATILE, self.CONST, self.RESTRICT, self.TYPE_TAG):
            number = self.types[number][2]
        return number

    def size(self, number):
        kind, _, size, rows = self.types[self.strip(number)]
        if kind == self.ARRAY:
            return self.size(rows[0][0]) * rows[0][2]
        return 8 if kind == self.PTR else size

    def find(self, name, kinds):
        return next(i for i, known in enumerate(self.types) if known and known[1] == name and known[0] in kinds)

    def offset(self, name, *path):
        """Where in struct NAME a member lies; unnamed structures and unions on the way are stepped through."""
        number, total = self.find(name, (self.STRUCT,)), 0
        for member in path:
            at, number = self.member(number, member)
            total += at
        return total

    def member(self, number, name):
        for row in self.types[self.strip(number)][3]:
            if self.string(row[0]) == name:
                return (row[2] & 0xffffff) // 8, row[1]
            if not self.string(row[0]) and self.types[self.strip(row[1])][0] in (self.STRUCT, self.UNION):
                found = self.member(row[1], name)
                if found:
                    return (row[2] & 0xffffff) // 8 + found[0], found[1]
        return None

    def size_of(self, name):
        return self.size(self.find(name, (self.STRUCT,)))

    def map(self, name):
        """A map is a variable whose structure says all by types: a number is the length of an array pointed to."""
        number = self.types[self.find(name, (self.VAR,))][2]
        facts = {}
        for row in self.types[self.strip(number)][3]:
            member, target = self.string(row[0]), self.types[self.strip(row[1])][2]
            kind, _, _, rows = self.types[self.strip(target)]
            facts[member] = self.size(target) if member in ("key", "value") else rows[0][2] if kind == self.ARRAY else 0
        return Map(name, facts["type"], facts.get("key", facts.get("key_size", 0)),
                   facts.get("value", facts.get("value_size", 0)))


class Object:
    """A BPF object file."""

    def __init__(self, path):
        with open(path, "rb") as file:
            self.data = file.read()
        assert self.data[:4] == b"\x7fELF" and self.data[4] == 2, f"{path}: not a 64-bit ELF file"
        self.big = self.data[5] == 2
        self.order = ">" if self.big else "<"
        (sections_at,) = struct.unpack_from(self.order + "Q", self.data, 40)
        size, count, names = struct.unpack_from(self.order + "HHH", self.data, 58)
        self.sections = [struct.unpack_from(self.order + "IIQQQQIIQQ", self.data, sections_at + i * size)
                         for i in range(count)]
        self.names = [self.string(names, section[0]) for section in self.sections]
        self.symbols = list(self.read_symbols())
        self.types = Types(self.content(self.names.index(".BTF")), self.order)
        self.variables, self.maps, self.functions = {}, {}, {}
        for section, name in enumerate(self.names):
            if self.sections[section][2] & 4 and self.sections[section][1] == 1:  # SHF_EXECINSTR, SHT_PROGBITS
                self.read_code(section, name)

    def string(self, section, at):
        start = self.sections[section][4] + at
        return self.data[start:self.data.index(b"\0", start)].decode()

    def content(self, section):
        _, kind, _, _, at, size, *_ = self.sections[section]
        return bytes(size) if kind == SHT_NOBITS else self.data[at:at + size]

    def read_symbols(self):
        index = next(i for i, section in enumerate(self.sections) if section[1] == SHT_SYMTAB)
        data = self.content(index)
        for at in range(0, len(data), 24):
            name, info, _, section, value, size = struct.unpack_from(self.order + "IBBHQQ", data, at)
            yield self.string(self.sections[index][6], name), info & 15, info >> 4, section, value, size

    def functions_of(self, section):
        return sorted((value, size, name, bind == 1) for name, kind, bind, where, value, size in self.symbols
                      if kind == STT_FUNC and where == section)

    def function_at(self, section, at):
        return next(name for value, _, name, _ in self.functions_of(section) if value == at)

    def variable(self, section, at):
        """The variable of SECTION that byte AT is in, and where in it."""
        for name, kind, _, where, value, size in self.symbols:
            if kind == 1 and where == section and value <= at < value + size:
                content = self.content(section)[value:value + size]
                key = (self.names[section], name)
                return self.variables.setdefault(key, Variable(name, key[0], size, content)), at - value
        raise ValueError(f"no variable at {self.names[section]}+{at}")

    def relocations(self, section):
        for kind, info, *rest in ((s[1], s[7], s) for s in self.sections):
            if kind == SHT_REL and info == section:
                _, _, _, _, at, size, *_ = rest[0]
                for where in range(at, at + size, 16):
                    offset, what = struct.unpack_from(self.order + "QQ", self.data, where)
                    yield offset // 8, what & 0xffffffff, self.symbols[what >> 32]

    def decode(self, data, at):
        code, registers, off, imm = struct.unpack_from(self.order + "BBhi", data, at * 8)
        low, high = registers & 15, registers >> 4
        return Instruction(code, *((high, low) if self.big else (low, high)), off, imm)

    def read_code(self, section, section_name):
        data = self.content(section)
        relocations = {at: (kind, symbol) for at, kind, symbol in self.relocations(section)}
        for start, size, name, is_global in self.functions_of(section):
            code, at, first = {}, start // 8, start // 8
            while at < (start + size) // 8:
                one = self.decode(data, at)
                wide = one.code == 0x18
                if wide:
                    one.imm = one.imm & 0xffffffff | (self.decode(data, at + 1).imm & 0xffffffff) << 32
                if at in relocations:
                    self.relocate(one, *relocations[at])
                elif one.code == 0x85 and one.src == 1:
                    one.calls = self.function_at(section, (at + 1 + one.imm) * 8)
                code[at - first] = one
                at += 2 if wide else 1
            self.functions[name] = Function(name, is_global, code, section_name != ".text")

    def relocate(self, one, kind, symbol):
        name, symbol_kind, _, section, value, _ = symbol
        if kind == R_BPF_64_32:
            at = value + (one.imm + 1) * 8 if symbol_kind == STT_SECTION else value
            one.calls = self.function_at(section, at)
        elif kind == R_BPF_64_64 and self.names[section] == ".maps":
            one.loads = self.maps.setdefault(name, self.types.map(name))
        elif kind == R_BPF_64_64:
            one.loads = self.variable(section, value + one.imm)
        else:
            raise ValueError(f"relocation of kind {kind} is not modelled")

    def variable_named(self, name):
        _, _, _, section, value, _ = next(s for s in self.symbols if s[0] == name and s[1] == 1)
        return self.variable(section, value)[0]
