# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""One frame, one policy: the executor and the contract on numbers that are known, to be held against the kernel."""

import random
import struct

import z3

import spec
from ebpf import CONTEXT, Machine, Pointer, Region, known, term


class Run(Machine):
    """Runs a program on FRAME with the content STATE of the map of policies; nobody is an exempt source."""

    def __init__(self, obj, frame, state, knobs=None):
        super().__init__(obj)
        self.content, self.state_content, self.values = frame, state, knobs or {}
        self.length = self.total = len(frame)

    def knob(self, variable):
        return z3.BitVecVal(getattr(self, "values", {}).get(variable.name, 0), 8)

    def packet_byte(self, offset):
        return z3.BitVecVal(self.content[known(offset)], 8)

    def load(self, state, pointer, size):
        if pointer.region.kind == "shared" and pointer.region.name == "ff_state":
            self.within(state, pointer, size, pointer.region.size)
            return int.from_bytes(self.state_content[pointer.offset:pointer.offset + size], "little")
        return super().load(state, pointer, size)

    def map_lookup_elem(self, state, what, key):
        if what.kind != 6:
            self.bytes_at(state, key, what.key_size)
            return 0
        return Pointer(Region("words", what.name, what.value_size), 0)

    def words_at_first(self, region):
        return z3.K(z3.BitVecSort(64), z3.BitVecVal(0, 64))

    def clock(self, state):
        return 0

    def judged(self, program="flagfilter_trace"):
        """The fate, what the trace was told, and the counters that are not zero."""
        (end,), _ = self.run([self.start(program, [Pointer(CONTEXT, 0)])])
        told = [event.what[2] for event in end.events if event.kind == "store" and event.name == "ff_last"]
        counters = {}
        memory = next((words for region, words in end.memory.items() if region.name == "counters"), None)
        while memory is not None and z3.is_store(memory):
            memory, at, _ = memory.children()
            counters[known(at)] = None
        final = next((words for region, words in end.memory.items() if region.name == "counters"), None)
        counters = {at: known(z3.Select(final, term(at))) for at in counters}
        data = b"".join(known(value).to_bytes(value.size() // 8, "little") for value in told)
        return known(term(end.registers[0], 32)), struct.unpack("<HH", data), counters


def reading(frame, no_ethernet=False):
    """What the contract says of FRAME, as numbers."""
    def byte(at):
        at = known(at)
        return z3.BitVecVal(frame[at] if at < len(frame) else 0, 8)
    read = spec.read(spec.Frame(byte, z3.BitVecVal(len(frame), 64), z3.BoolVal(no_ethernet)))
    return known(read.kind)


def random_state(obj, layout, seed):
    """A table of verdicts of every kind, with silent ones; every other port is exempt."""
    rng = random.Random(seed)
    state = bytearray(obj.variables[".data.state", "ff_state"].size)
    for kind in range(spec.CLASSES):
        action = rng.randrange(4)
        word = (action << 8 | rng.randrange(128) | rng.choice((0, spec.SILENT))) if action else 0
        struct.pack_into("<H", state, layout.slot + layout.verdict + 2 * kind, word)
    for at in range(8192):
        state[layout.slot + layout.port + at] = 0xaa
    return state
