# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The object in the running kernel, attached to nothing: one frame by BPF_PROG_TEST_RUN, and what was counted of it. Needs
root."""

import ctypes
import os

LIBBPF = ctypes.CDLL("libbpf.so.1", use_errno=True)
for name in ("bpf_object__open_file", "bpf_object__find_program_by_name", "bpf_object__find_map_by_name",
             "bpf_object__next_map", "bpf_map__initial_value", "bpf_map__name"):
    getattr(LIBBPF, name).restype = ctypes.c_void_p
BPF_F_XDP_HAS_FRAGS = 1 << 5


class RunOptions(ctypes.Structure):
    """struct bpf_test_run_opts"""
    _fields_ = [("sz", ctypes.c_size_t), ("data_in", ctypes.c_void_p), ("data_out", ctypes.c_void_p),
                ("data_size_in", ctypes.c_uint32), ("data_size_out", ctypes.c_uint32), ("ctx_in", ctypes.c_void_p),
                ("ctx_out", ctypes.c_void_p), ("ctx_size_in", ctypes.c_uint32), ("ctx_size_out", ctypes.c_uint32),
                ("retval", ctypes.c_uint32), ("repeat", ctypes.c_int), ("duration", ctypes.c_uint32),
                ("flags", ctypes.c_uint32), ("cpu", ctypes.c_uint32), ("batch_size", ctypes.c_uint32)]


class Refused(Exception):
    """The kernel's verifier does not take the object."""


class Loaded:
    """The object at PATH, loaded; knobs: {name of a constant: its value}."""

    def __init__(self, path, obj, knobs=None, program="flagfilter"):
        self.object = obj
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})  # counters of one CPU
        LIBBPF.libbpf_set_print(None)
        self.handle = LIBBPF.bpf_object__open_file(path.encode(), None)
        if not self.handle:
            raise Refused(f"{path}: cannot be opened")
        frags = (knobs or {}).get("ff_frags", 0)
        for variable, value in (knobs or {}).items():
            self.set_constant(variable, value)
        for each in ("flagfilter", "flagfilter_trace"):
            found = ctypes.c_void_p(LIBBPF.bpf_object__find_program_by_name(ctypes.c_void_p(self.handle), each.encode()))
            LIBBPF.bpf_program__set_autoload(found, each == program)
            if frags:
                LIBBPF.bpf_program__set_flags(found, BPF_F_XDP_HAS_FRAGS)
        if LIBBPF.bpf_object__load(ctypes.c_void_p(self.handle)):
            self.close()
            raise Refused("the kernel's verifier refuses it")
        found = ctypes.c_void_p(LIBBPF.bpf_object__find_program_by_name(ctypes.c_void_p(self.handle), program.encode()))
        self.program = LIBBPF.bpf_program__fd(found)
        self.maps = {name: self.map_fd(name) for name in ("counters", "sources", "sampling", ".data.state", ".bss")}

    def close(self):
        LIBBPF.bpf_object__close(ctypes.c_void_p(self.handle))

    def map_named(self, wanted):
        at = None
        while True:
            at = LIBBPF.bpf_object__next_map(ctypes.c_void_p(self.handle), ctypes.c_void_p(at))
            if not at:
                raise Refused(f"no map {wanted}")
            if ctypes.string_at(LIBBPF.bpf_map__name(ctypes.c_void_p(at))).decode().endswith(wanted):
                return ctypes.c_void_p(at)

    def map_fd(self, name):
        return LIBBPF.bpf_map__fd(self.map_named(name))

    def set_constant(self, name, value):
        size = ctypes.c_size_t()
        content = LIBBPF.bpf_map__initial_value(self.map_named(".rodata"), ctypes.byref(size))
        _, _, _, _, at, _ = next(symbol for symbol in self.object.symbols if symbol[0] == name)
        ctypes.memset(content + at, value, 1)

    def read(self, name, size, cpus=1):
        value = ctypes.create_string_buffer((size + 7) // 8 * 8 * cpus)
        if LIBBPF.bpf_map_lookup_elem(self.maps[name], ctypes.byref(ctypes.c_uint32(0)), value):
            raise OSError(ctypes.get_errno(), name)
        return value.raw

    def write(self, name, key, value):
        if LIBBPF.bpf_map_update_elem(self.maps[name], key, value, ctypes.c_uint64(0)):
            raise OSError(ctypes.get_errno(), name)

    def write_state(self, content):
        self.write(".data.state", ctypes.byref(ctypes.c_uint32(0)), bytes(content))

    def counters(self):
        """The 64-bit numbers of all CPUs, summed."""
        size, cpus = self.object.maps["counters"].value_size, LIBBPF.libbpf_num_possible_cpus()
        raw = self.read("counters", size, cpus)
        words = memoryview(raw).cast("Q")
        step = size // 8
        return [sum(words[cpu * step + i] for cpu in range(cpus)) for i in range(step)]

    def last(self):
        """What flagfilter_trace told: class and verdict."""
        words = memoryview(self.read(".bss", 4)).cast("H")
        return words[0], words[1]

    def run(self, frame):
        """The fate of FRAME, of 14 bytes at least."""
        data = ctypes.create_string_buffer(bytes(frame), len(frame))
        options = RunOptions(sz=ctypes.sizeof(RunOptions), data_in=ctypes.addressof(data), data_size_in=len(frame), repeat=1)
        if LIBBPF.bpf_prog_test_run_opts(self.program, ctypes.byref(options)):
            raise OSError(ctypes.get_errno(), "BPF_PROG_TEST_RUN")
        return options.retval
