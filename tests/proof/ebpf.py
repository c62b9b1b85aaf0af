# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Executes the functions of a BPF object on terms: on every frame at once.

A register holds a number (an int if it is known, else a term of 64 bits) or a pointer: a region of memory and an offset.
What must hold for an instruction to be safe is an obligation, given to the solver at once: bounds, alignment, no pointer that
wraps, no shift beyond the width, nothing read that was not written. What is not modelled here raises Unmodelled, and fails the proof.

States that meet at an instruction, with the same pointers in what is still needed, are merged: a number that differs becomes
"if this path, then this". So the number of states stays near that of instructions, and no path is left out.
"""

import dataclasses
import itertools

import z3

from elf import Map, Variable

MASK = (1 << 64) - 1
FAR = 1 << 40  # no offset of a pointer gets here: so its address does not wrap
CTX, STACK_SIZE, NET_IP_ALIGN = 1, 512, 2
SOLVER_TIMEOUT_MS = 240000
ROUNDS_MAX = 64  # of a loop that is not taken by induction


class Enough(Exception):
    """So many failures as were asked for."""


class Unmodelled(Exception):
    """What the executor does not know fails the proof."""


@dataclasses.dataclass(frozen=True)
class Region:
    """Memory that pointers point into. Kinds: packet, context, stack; words (a per-CPU value, which nobody else writes);
    shared (what others read and write at any time); constant (set before loading)."""
    kind: str
    name: str
    size: int = 0


PACKET, CONTEXT = Region("packet", "frame"), Region("context", "context", 24)


@dataclasses.dataclass(frozen=True)
class Pointer:
    """OFFSET bytes into REGION; NULL if the condition `null` holds, should there be one."""
    region: Region
    offset: object
    null: object = None


@dataclasses.dataclass(frozen=True)
class Event:
    """What a frame's run did to memory that others see, or was told by it."""
    kind: str  # load, store, lookup, call
    name: str
    what: tuple


@dataclasses.dataclass
class Call:
    """A function that is being run, from where it was called, and the caller's registers that it gets back."""
    function: object
    at: int
    saved: dict
    stack: Region


class State:
    """Everything at one instruction of one path, or of several that were merged."""

    def __init__(self, calls, pc, registers, path=(), events=(), stacks=None, memory=None):
        self.calls, self.pc, self.registers = list(calls), pc, dict(registers)
        self.path, self.events = list(path), list(events)
        self.stacks = {region: dict(slots) for region, slots in (stacks or {}).items()}
        self.memory = dict(memory or {})
        self.rounds = 0

    def fork(self, pc, condition):
        other = State(self.calls, pc, self.registers, self.path + [condition], self.events, self.stacks, self.memory)
        other.rounds = self.rounds
        return other


def term(value, bits=64):
    """VALUE's lowest BITS as a term."""
    if isinstance(value, int):
        return z3.BitVecVal(value, bits)
    return z3.Extract(bits - 1, 0, value) if value.size() > bits else \
        z3.ZeroExt(bits - value.size(), value) if value.size() < bits else value


def known(value):
    """VALUE as an int or bool, if it is known."""
    if isinstance(value, (int, bool)):
        return value
    value = z3.simplify(value)
    if z3.is_bv_value(value):
        return value.as_long()
    return True if z3.is_true(value) else False if z3.is_false(value) else value


def same(one, other):
    """Whether two values are the same term; never by what is printed of them."""
    if isinstance(one, Pointer) and isinstance(other, Pointer):
        return one.region == other.region and same(one.offset, other.offset) and \
            (one.null is other.null or one.null is not None and other.null is not None and one.null.eq(other.null))
    if isinstance(one, Pointer) or isinstance(other, Pointer):
        return False
    if isinstance(one, int) or isinstance(other, int):
        return isinstance(one, int) and isinstance(other, int) and one == other
    return one.eq(other)


def conjunction(conditions):
    return conditions[0] if len(conditions) == 1 else z3.And(*conditions) if conditions else z3.BoolVal(True)


ALU = {0x00: lambda a, b: a + b, 0x10: lambda a, b: a - b, 0x20: lambda a, b: a * b, 0x40: lambda a, b: a | b,
       0x50: lambda a, b: a & b, 0xa0: lambda a, b: a ^ b}
SHIFTS = {0x60: lambda a, b: a << b, 0x70: z3.LShR, 0xc0: lambda a, b: a >> b}
JUMPS = {0x10: lambda a, b: a == b, 0x20: z3.UGT, 0x30: z3.UGE, 0x40: lambda a, b: a & b != 0, 0x50: lambda a, b: a != b,
         0x60: lambda a, b: a > b, 0x70: lambda a, b: a >= b, 0xa0: z3.ULT, 0xb0: z3.ULE, 0xc0: lambda a, b: a < b,
         0xd0: lambda a, b: a <= b}
SIZES = {0x00: 4, 0x08: 2, 0x10: 1, 0x18: 8}
HELPER_ARGUMENTS = {1: 2, 5: 0, 7: 0, 25: 5, 118: 0, 188: 1, 189: 4}


class Flow:
    """What is known of a function's instructions before they run: what follows which, in which order, what is still needed."""

    def __init__(self, function, live_arguments):
        self.code = function.code
        self.next = {pc: self.successors(pc) for pc in self.code}
        order, seen, stack = [], set(), [(0, iter(self.next[0]))]
        seen.add(0)
        on_way, self.heads = {0}, set()
        while stack:  # depth first: what leads back to what is on the way is a loop's head
            pc, rest = stack[-1]
            following = next(rest, None)
            if following is None:
                order.append(pc)
                on_way.discard(pc)
                stack.pop()
            elif following in on_way:
                self.heads.add(following)
            elif following not in seen:
                seen.add(following)
                on_way.add(following)
                stack.append((following, iter(self.next[following])))
        self.order = {pc: i for i, pc in enumerate(reversed(order))}
        self.live = self.liveness(live_arguments)

    def successors(self, pc):
        one = self.code[pc]
        after = pc + (2 if one.code == 0x18 else 1)
        if one.code & 7 in (5, 6):
            if one.code == 0x95:
                return []
            if one.code & 0xf0 == 0x00:
                return [pc + 1 + (one.imm if one.code & 7 == 6 else one.off)]
            if one.code & 0xf0 != 0x80:
                return [after, pc + 1 + one.off]
        return [after]

    def uses(self, one, live_arguments):
        kind, operation = one.code & 7, one.code & 0xf0
        register = {one.src} if one.code & 8 else set()
        if kind in (4, 7):  # arithmetic
            if operation == 0xd0:
                return {one.dst}, {one.dst}
            return register | (set() if operation == 0xb0 else {one.dst}), {one.dst}
        if kind in (5, 6):
            if one.code == 0x95:
                return {0}, set()
            if one.code == 0x85:
                count = live_arguments(one.calls) if one.calls else HELPER_ARGUMENTS.get(one.imm, 5)
                return set(range(1, count + 1)) if isinstance(count, int) else count, set(range(6))
            return (register | {one.dst} if operation else set()), set()
        if kind == 0:
            return set(), {one.dst}
        if kind == 1:
            return {one.src}, {one.dst}
        return {one.dst} | ({one.src} if kind == 3 else set()), set()

    def liveness(self, live_arguments):
        live, changed = {pc: set() for pc in self.code}, True
        while changed:
            changed = False
            for pc in sorted(self.order, key=self.order.get, reverse=True):
                used, written = self.uses(self.code[pc], live_arguments)
                needed = used | (set().union(*(live[n] for n in self.next[pc])) - written)
                if needed != live[pc]:
                    live[pc], changed = needed, True
        return live


class Machine:
    """Runs functions of OBJECT on a frame of which nothing is known: `length` bytes in its first buffer, `total` in all.

    contracts: {name of a function: what takes its place, called with (machine, state, arguments), returns r0}
    """

    def __init__(self, obj, contracts=None, label=""):
        self.object, self.contracts, self.label = obj, contracts or {}, label
        self.byte = z3.Function("byte", z3.BitVecSort(64), z3.BitVecSort(8))
        self.length, self.total = z3.BitVec("length", 64), z3.BitVec("total", 64)
        self.queries, self.states, self.failures = 0, 0, []
        self.apart = ("counters",)  # what differs in these maps stays in states of their own
        self.failures_wanted = None  # if a number, the proof ends there
        self.timeout_ms = SOLVER_TIMEOUT_MS
        self.readable = []  # what makes a model one that is easy to read
        self.on_load = None  # is told of each load of memory that others write
        self.quiet = False  # obligations are not looked at
        self.flows, self.knobs, self.nulls, self.visited = {}, {}, {}, set()
        self.numbers = itertools.count()
        self.facts = []
        self.assume(z3.ULT(self.length, 1 << 32), z3.ULE(self.length, self.total), z3.ULT(self.total, 1 << 32))
        # Without ff_frags the kernel has no frames in several buffers.
        if "ff_frags" in {name for name, *_ in obj.symbols}:
            self.assume(z3.Or(self.length == self.total, self.knob(obj.variable_named("ff_frags")) != 0))
        else:
            self.assume(self.length == self.total)

    # What is not known.

    def fresh(self, name, bits):
        return z3.BitVec(f"{name}!{next(self.numbers)}", bits)

    def assume(self, *facts):
        self.facts += facts

    def knob(self, variable):
        """A number that the loader sets before loading: any truth value."""
        if variable not in self.knobs:
            if variable.size != 1:
                raise Unmodelled(f"a constant of {variable.size} bytes: {variable.name}")
            self.knobs[variable] = z3.BitVec(variable.name, 8)
            self.assume(z3.ULE(self.knobs[variable], 1))
        return self.knobs[variable]

    # What must hold.

    def ask(self, path, claim):
        """None if CLAIM holds wherever PATH does, else a model of where it does not."""
        claim = known(claim)
        if claim is True:
            return None
        wrong = [*path, z3.BoolVal(True) if claim is False else z3.Not(claim)]
        # A model is to be read, and sent: so that of a short frame, in one buffer, is best.
        model = self.solve(wrong)
        for most in (64, 96, 128, 256, 1600) if model is not None else ():
            short = self.solve([*wrong, *self.readable, z3.ULE(self.length, most), z3.UGE(self.length, 14), self.length == self.total])
            if isinstance(short, z3.ModelRef):
                return short
        return model

    def solve(self, conditions):
        """A model of CONDITIONS, None if there is none, or why that is not known. A solver that is new each time takes the
        whole to bits at once, and is a hundred times faster than one that is asked again and again."""
        self.queries += 1
        solver = z3.Solver()
        solver.set("timeout", self.timeout_ms)
        solver.add(*self.facts, *conditions)
        answer = solver.check()
        return solver.model() if answer == z3.sat else None if answer == z3.unsat else solver.reason_unknown()

    def must(self, state, claim, what):
        """An obligation: if it does not hold that is a failure, and it is taken for granted from there on."""
        if self.quiet or claim is True:
            return
        model = self.ask(state.path, claim)
        if model is not None:
            self.fail(state, what, model)
            state.path.append(z3.BoolVal(False) if claim is False else claim)

    def fail(self, state, what, model):
        at = state.calls[-1] if state.calls else None
        self.failures.append((f"{at.function.name}+{state.pc}" if at else self.label, what, model, state))
        if len(self.failures) == self.failures_wanted:
            raise Enough

    # Running.

    def flow(self, function):
        if function.name not in self.flows:
            def live_arguments(name):
                return self.flow(self.object.functions[name]).live[0] & set(range(1, 6))
            self.flows[function.name] = Flow(function, live_arguments)
        return self.flows[function.name]

    def start(self, name, arguments, memory=None):
        function = self.object.functions[name]
        state = State([], 0, {i + 1: value for i, value in enumerate(arguments)}, memory=memory)
        self.enter(state, function, None)
        return state

    def enter(self, state, function, at):
        if len(state.calls) == 8:
            raise Unmodelled("nine calls deep")
        saved = {r: state.registers[r] for r in range(6, 11) if r in state.registers}
        stack = Region("stack", f"stack of {function.name}, {len(state.calls)}", STACK_SIZE)
        state.calls.append(Call(function, at, saved, stack))
        state.stacks[stack] = {}
        state.registers = {r: v for r, v in state.registers.items() if 1 <= r <= 5}
        state.registers[10] = Pointer(stack, 0)
        state.pc = 0

    def place(self, state):
        return tuple((call.function.name, call.at) for call in state.calls) + (state.pc,)

    def rank(self, state):
        ranks = []
        for call, inner in zip(state.calls, state.calls[1:]):
            ranks.append(self.flow(call.function).order[inner.at])
        return tuple(ranks) + (self.flow(state.calls[-1].function).order[state.pc],)

    def run(self, states, stop=None):
        """Runs STATES to their ends. Returns those, and those that came to the instruction STOP = (depth, pc)."""
        waiting, ended, stopped = list(states), [], []
        while waiting:
            first = min(waiting, key=self.rank)
            here = self.place(first)
            group = [state for state in waiting if self.place(state) == here]
            waiting = [state for state in waiting if self.place(state) != here]
            for state in self.merged(group):
                self.states += 1
                for following in self.step(state):
                    if not following.calls:
                        ended.append(following)
                    elif stop == (len(following.calls), following.pc):
                        stopped.append(following)
                    else:
                        waiting.append(following)
        return ended, stopped

    def reachable(self, state):
        """Without the solver: whether nothing on the path is false as it stands."""
        return not any(z3.is_false(condition) for condition in state.path)

    # Merging.

    def needed(self, state):
        """The registers that are still needed, of the running function and of its callers."""
        live = self.flow(state.calls[-1].function).live[state.pc] | {10}
        return {r: v for r, v in state.registers.items() if r in live}

    def merged(self, group):
        for state in group:
            state.registers = self.needed(state)
        result = []
        for state in group:
            for i, other in enumerate(result):
                both = self.merge(other, state)
                if both:
                    result[i] = both
                    break
            else:
                result.append(state)
        return result

    def merge(self, one, other):
        if len(one.events) != len(other.events) or any(a is not b for a, b in zip(one.events, other.events)):
            return None
        if any(not self.words(one, region).eq(self.words(other, region)) for region in one.memory.keys() | other.memory.keys()
               if region.name in self.apart):
            return None
        shapes = [(one.registers, other.registers)]
        shapes += [(a.saved, b.saved) for a, b in zip(one.calls, other.calls)]
        for left, right in shapes:
            if left.keys() != right.keys() or any(isinstance(v, Pointer) != isinstance(right[r], Pointer) or
                                                  isinstance(v, Pointer) and not same(v, right[r])
                                                  for r, v in left.items()):
                return None
        common = 0
        while common < min(len(one.path), len(other.path)) and one.path[common].eq(other.path[common]):
            common += 1
        here, there = conjunction(one.path[common:]), conjunction(other.path[common:])

        def choose(a, b):
            return a if same(a, b) else known(z3.If(here, term(a), term(b)))

        registers = {r: v if isinstance(v, Pointer) else choose(v, other.registers[r]) for r, v in one.registers.items()}
        calls = [dataclasses.replace(a, saved={r: v if isinstance(v, Pointer) else choose(v, b.saved[r])
                                               for r, v in a.saved.items()}) for a, b in zip(one.calls, other.calls)]
        both = known(z3.Or(here, there))
        path = one.path[:common] + ([] if both is True else [z3.BoolVal(both) if both is False else both])
        state = State(calls, one.pc, registers, path, one.events, None, None)
        for call in calls:
            state.stacks[call.stack] = self.merge_stacks(one.stacks[call.stack], other.stacks[call.stack], choose)
        for region in one.memory.keys() | other.memory.keys():
            a, b = self.words(one, region), self.words(other, region)
            state.memory[region] = a if a.eq(b) else z3.If(here, a, b)
        state.rounds = max(one.rounds, other.rounds)
        return state

    def merge_stacks(self, one, other, choose):
        """Slots: {offset: (value, its size, which byte of it)}. What one has not written is as if none had."""
        slots, done = {}, {}
        for at in one.keys() & other.keys():
            (a, size, index), (b, size_b, index_b) = one[at], other[at]
            if (size, index) == (size_b, index_b) and same(a, b):
                slots[at] = one[at]
            elif not isinstance(a, Pointer) and not isinstance(b, Pointer):
                if (size, index) == (size_b, index_b):
                    if at - index not in done:
                        done[at - index] = choose(a, b)
                    slots[at] = (done[at - index], size, index)
                else:
                    slots[at] = (choose(self.slot_byte(one[at]), self.slot_byte(other[at])), 1, 0)
        return slots

    def slot_byte(self, slot):
        value, size, index = slot
        shift = (size - 1 - index if self.object.big else index) * 8
        return value >> shift & 255 if isinstance(value, int) else known(z3.Extract(shift + 7, shift, value))

    # One instruction.

    def step(self, state):
        self.visited.add((state.calls[-1].function.name, state.pc))
        one = state.calls[-1].function.code[state.pc]
        kind = one.code & 7
        if kind in (4, 7):
            self.arithmetic(state, one, 64 if kind == 7 else 32)
        elif kind in (5, 6):
            return self.jump(state, one, 64 if kind == 5 else 32)
        elif one.code == 0x18:
            state.registers[one.dst] = self.address(one)
            state.pc += 1
        elif one.code & 0xe7 == 0x61:
            state.registers[one.dst] = self.load(state, self.shifted(state, one.src, one.off), SIZES[one.code & 0x18])
        elif one.code & 0xe7 == 0x63:
            self.store(state, self.shifted(state, one.dst, one.off), SIZES[one.code & 0x18], self.register(state, one.src))
        elif one.code & 0xe7 == 0x62:
            self.store(state, self.shifted(state, one.dst, one.off), SIZES[one.code & 0x18], one.imm & MASK)
        else:
            raise Unmodelled(f"instruction {one.code:#x}")
        state.pc += 1
        return [state]

    def register(self, state, number):
        if number not in state.registers:
            raise Unmodelled(f"r{number} is read, and was not written, at {state.calls[-1].function.name}+{state.pc}")
        return state.registers[number]

    def number(self, state, number):
        value = self.register(state, number)
        if isinstance(value, Pointer):
            raise Unmodelled(f"a pointer into {value.region.name} is taken for a number, at "
                             f"{state.calls[-1].function.name}+{state.pc}")
        return value

    def address(self, one):
        if isinstance(one.loads, Map):
            return one.loads
        if one.loads is None:
            return one.imm
        variable, at = one.loads
        return Pointer(self.region_of(variable), at)

    def region_of(self, variable):
        if isinstance(variable, Variable):
            kind = "constant" if variable.section.startswith(".rodata") else "shared"
            return Region(kind, variable.name, variable.size)
        raise Unmodelled("no variable")

    def arithmetic(self, state, one, bits):
        operation = one.code & 0xf0
        registers = state.registers
        if operation == 0xb0 and (not one.code & 8 or bits == 64):
            if one.off:
                raise Unmodelled("a move with sign extension")
            registers[one.dst] = self.register(state, one.src) if one.code & 8 else one.imm & (1 << bits) - 1
            return
        if operation == 0xd0:
            registers[one.dst] = self.byte_order(self.number(state, one.dst), one)
            return
        right = self.register(state, one.src) if one.code & 8 else one.imm & MASK
        left = self.register(state, one.dst) if operation != 0xb0 else 0
        if isinstance(left, Pointer) or isinstance(right, Pointer):
            registers[one.dst] = self.pointer_arithmetic(state, operation, bits, left, right)
            return
        registers[one.dst] = self.compute(state, operation, bits, left, right)

    def compute(self, state, operation, bits, left, right):
        left, right = term(left, bits), term(right, bits)
        if operation == 0xb0:
            result = right
        elif operation == 0x80:
            result = -left
        elif operation in ALU:
            result = ALU[operation](left, right)
        elif operation in SHIFTS:
            self.must(state, known(z3.ULT(right, bits)), "a shift beyond the width")
            result = SHIFTS[operation](left, right)
        elif operation in (0x30, 0x90):
            zero = right == 0
            result = z3.If(zero, 0 if operation == 0x30 else left,
                           z3.UDiv(left, right) if operation == 0x30 else z3.URem(left, right))
        else:
            raise Unmodelled(f"arithmetic {operation:#x}")
        return known(term(result))

    def byte_order(self, value, one):
        swap = (one.code & 8 != 0) != self.object.big
        value = term(value, one.imm)
        parts = [z3.Extract(i + 7, i, value) for i in range(0, one.imm, 8)]
        return known(term(z3.Concat(*parts) if swap else value))

    def pointer_arithmetic(self, state, operation, bits, left, right):
        if bits == 64 and operation == 0x00:
            pointer, number = (left, right) if isinstance(left, Pointer) else (right, left)
            if not isinstance(pointer, Pointer) or isinstance(number, Pointer) or pointer.null is not None:
                raise Unmodelled("an addition of pointers")
            return self.moved(state, pointer, number)
        if bits == 64 and operation == 0x10 and isinstance(left, Pointer):
            if isinstance(right, Pointer):
                if left.region != right.region or left.null is not None or right.null is not None:
                    raise Unmodelled("a difference of pointers into different memory")
                return known(term(left.offset) - term(right.offset))
            return self.moved(state, left, known(-term(right)))
        raise Unmodelled(f"arithmetic {operation:#x} of a pointer")

    def moved(self, state, pointer, number):
        offset = known(term(pointer.offset) + term(number))
        if pointer.region.kind == "stack":
            if not isinstance(offset, int):
                raise Unmodelled("a variable offset into the stack")
            offset = offset - (1 << 64) if offset >> 63 else offset
        elif isinstance(offset, int):
            self.must(state, offset < FAR, "a pointer far outside")
        else:
            self.must(state, z3.ULT(offset, FAR), "a pointer that may wrap")
        return Pointer(pointer.region, offset)

    # Jumps and calls.

    def jump(self, state, one, bits):
        operation = one.code & 0xf0
        if one.code == 0x95:
            return self.leave(state)
        if one.code == 0x85:
            return self.call(state, one)
        if operation == 0:
            state.pc += 1 + (one.imm if bits == 32 else one.off)
            return [state]
        if operation not in JUMPS:
            raise Unmodelled(f"jump {one.code:#x}")
        left = self.register(state, one.dst)
        right = self.register(state, one.src) if one.code & 8 else one.imm & MASK
        condition = self.condition(state, operation, bits, left, right)
        condition = known(condition)
        after, target = state.pc + 1, state.pc + 1 + one.off
        if isinstance(condition, bool):
            state.pc = target if condition else after
            return self.again([state], target, condition)
        ways = [state.fork(after, known(z3.Not(condition))), state.fork(target, condition)]
        if isinstance(left, Pointer) and left.null is not None:
            equal = operation == 0x10
            for way, null in zip(ways, (not equal, equal)):
                for number, value in way.registers.items():
                    if isinstance(value, Pointer) and value.null is not None and value.null.eq(left.null):
                        way.registers[number] = 0 if null else Pointer(value.region, value.offset)
        return self.again(ways, target, True)

    def again(self, ways, target, taken):
        """A loop must come to an end."""
        for way in ways:
            if taken and way.pc == target and target in self.flow(way.calls[-1].function).heads:
                way.rounds += 1
                if way.rounds > ROUNDS_MAX:
                    raise Unmodelled(f"a loop without an end that is known: {way.calls[-1].function.name}+{target}")
        return ways

    def condition(self, state, operation, bits, left, right):
        if isinstance(left, Pointer) or isinstance(right, Pointer):
            if bits == 64 and isinstance(left, Pointer) and right == 0 and operation in (0x10, 0x50):
                null = left.null if left.null is not None else z3.BoolVal(False)
                return null if operation == 0x10 else z3.Not(null)
            if bits != 64 or not isinstance(left, Pointer) or not isinstance(right, Pointer) or \
                    left.region != right.region or left.null is not None or right.null is not None:
                raise Unmodelled(f"a comparison with a pointer, {operation:#x} {bits} {left} {right} at {state.calls[-1].function.name}+{state.pc}")
            left, right = left.offset, right.offset
        if isinstance(left, (Map,)) or isinstance(right, (Map,)):
            raise Unmodelled("a comparison with a map")
        return JUMPS[operation](term(left, bits), term(right, bits))

    def leave(self, state):
        result = self.register(state, 0)
        call = state.calls.pop()
        del state.stacks[call.stack]
        state.registers = {0: result, **call.saved}
        if state.calls:
            state.pc = call.at + 1
        else:
            state.pc = None
        return [state]

    def call(self, state, one):
        arguments = [state.registers.get(r) for r in range(1, 6)]
        if one.calls and one.calls not in self.contracts:
            at = state.pc
            self.enter(state, self.object.functions[one.calls], at)
            return [state]
        if one.calls:
            result = self.contracts[one.calls](self, state, arguments)
        elif one.src:
            raise Unmodelled(f"a call of kind {one.src}")
        else:
            result = self.helper(state, one.imm, arguments)
        for r in range(1, 6):
            state.registers.pop(r, None)
        state.registers[0] = result
        state.pc += 1
        return [state]

    def helper(self, state, number, arguments):
        helpers = {1: self.map_lookup_elem, 5: self.clock, 25: self.perf_event_output, 118: self.clock,
                   188: self.xdp_get_buff_len, 189: self.xdp_load_bytes}
        if number not in helpers:
            raise Unmodelled(f"helper {number}")
        for argument in arguments[:HELPER_ARGUMENTS[number]]:
            if argument is None:
                raise Unmodelled(f"helper {number} without all its arguments")
        return helpers[number](state, *arguments[:HELPER_ARGUMENTS[number]])

    # Helpers, as the kernel has them.

    def map_lookup_elem(self, state, what, key):
        if not isinstance(what, Map) or not isinstance(key, Pointer):
            raise Unmodelled("a look-up of something else")
        value = self.bytes_at(state, key, what.key_size)
        region = Region("words", what.name, what.value_size)
        if what.kind in (2, 6):  # an array: one that is per CPU
            if known(value) != 0 or what.kind == 2:
                raise Unmodelled(f"an element of {what.name} that is not the first")
            null = self.nulls.setdefault(what.name, z3.Bool(f"no {what.name}"))
        else:
            present = z3.Function(what.name, z3.BitVecSort(8 * what.key_size), z3.BoolSort())(term(value, 8 * what.key_size))
            state.events.append(Event("lookup", what.name, (value, present)))
            null = z3.Not(present)
        return Pointer(region, 0, null)

    def clock(self, state):
        return self.fresh("clock", 64)

    def xdp_get_buff_len(self, state, context):
        self.is_context(context)
        return self.total

    def xdp_load_bytes(self, state, context, at, to, size):
        """Bytes of the whole frame, or an error: bpf_xdp_pointer() refuses what is 64 KiB from the start and further."""
        self.is_context(context)
        size, at = known(size), term(known(term(at, 32)))
        if not isinstance(size, int) or not isinstance(to, Pointer) or to.region.kind != "stack":
            raise Unmodelled("a copy of bytes to somewhere else than the stack, or of a number that varies")
        there = z3.And(z3.ULE(at, 0xffff), z3.ULE(at + size, self.total))
        for i in range(size):
            unknown = self.fresh("unwritten", 8)  # an error fills the buffer with zeros, or leaves it
            self.store(state, Pointer(to.region, to.offset + i), 1, known(term(z3.If(there, self.packet_byte(at + i), unknown))))
        return known(z3.If(there, z3.BitVecVal(0, 64), z3.BitVecVal(-22 & MASK, 64)))

    def perf_event_output(self, state, context, what, flags, data, size):
        self.is_context(context)
        size = known(size)
        if not isinstance(what, Map) or not isinstance(data, Pointer) or not isinstance(size, int):
            raise Unmodelled("a perf event of something else")
        self.must(state, known(z3.ULE(z3.LShR(term(flags), 32), self.total)), "a sample of more than the frame")
        self.bytes_at(state, data, size)
        return self.fresh("event", 64)

    def is_context(self, value):
        if value != Pointer(CONTEXT, 0):
            raise Unmodelled("a helper that is not given the context")

    # Memory.

    def shifted(self, state, number, off):
        pointer = self.register(state, number)
        if not isinstance(pointer, Pointer):
            raise Unmodelled(f"an access by a number, at {state.calls[-1].function.name}+{state.pc}")
        if pointer.null is not None:
            raise Unmodelled(f"an access by a pointer that may be NULL, at {state.calls[-1].function.name}+{state.pc}")
        return self.moved(state, pointer, off & MASK) if off else pointer

    def within(self, state, pointer, size, end, base=0):
        """The access lies inside its region, and is aligned as the strictest processors want it."""
        offset = pointer.offset
        if isinstance(offset, int) and isinstance(end, int):
            inside = 0 <= offset and offset + size <= end
        else:
            inside = known(z3.And(z3.ULT(term(offset), FAR), z3.ULE(term(offset) + size, term(end))))
        self.must(state, inside, f"{size} bytes outside of {pointer.region.name}")
        aligned = known((term(offset) + base) & size - 1 == 0)
        self.must(state, aligned, f"{size} bytes of {pointer.region.name} at an odd place")

    def frame_alignment(self):
        """The kernel puts the IP header at a multiple of four, behind 14 bytes of Ethernet header."""
        for variable, value in self.knobs.items():
            if variable.name == "ff_no_ethernet":
                return z3.If(value != 0, z3.BitVecVal(0, 64), z3.BitVecVal(NET_IP_ALIGN, 64))
        return NET_IP_ALIGN

    def packet_byte(self, offset):
        return self.byte(term(known(offset)))

    def join(self, parts):
        """Bytes, in the order of their addresses, as one number."""
        parts = list(parts) if self.object.big else list(reversed(parts))
        return known(term(z3.Concat(*parts) if len(parts) > 1 else parts[0]))

    def load(self, state, pointer, size):
        region = pointer.region
        if region.kind == "packet":
            self.within(state, pointer, size, self.length, self.frame_alignment())
            return self.join([self.packet_byte(term(pointer.offset) + i) for i in range(size)])
        if region.kind == "context":
            if size != 4 or pointer.offset not in (0, 4):
                raise Unmodelled(f"the context at {pointer.offset}")
            return Pointer(PACKET, 0 if pointer.offset == 0 else self.length)
        if region.kind == "stack":
            return self.load_stack(state, pointer, size)
        self.within(state, pointer, size, region.size)
        if region.kind == "constant":
            if size != region.size:
                raise Unmodelled(f"a part of the constant {region.name}")
            return known(term(self.knob(self.object.variable_named(region.name))))
        if region.kind == "shared":
            value = self.fresh(region.name, size * 8)
            state.events.append(Event("load", region.name, (pointer.offset, size, value)))
            if self.on_load:
                self.on_load(state, state.events[-1])
            return term(value)
        if size != 8:
            raise Unmodelled(f"{size} bytes of a number in {region.name}")
        return known(z3.Select(self.words(state, region), z3.LShR(term(pointer.offset), 3)))

    def words(self, state, region):
        if region not in state.memory:
            state.memory[region] = self.words_at_first(region)
        return state.memory[region]

    def words_at_first(self, region):
        return z3.Array(region.name, z3.BitVecSort(64), z3.BitVecSort(64))

    def store(self, state, pointer, size, value):
        region = pointer.region
        if isinstance(value, Map):
            raise Unmodelled("a map in memory")
        if region.kind == "stack":
            self.stack_within(state, pointer, size)
            if not isinstance(value, Pointer):
                value = known(term(value, size * 8))
            elif size != 8 or value.null is not None:
                raise Unmodelled("a part of a pointer, or one that may be NULL, on the stack")
            slots = state.stacks[region]
            for i in range(size):
                slots[pointer.offset + i] = (value, size, i)
            return
        if isinstance(value, Pointer):
            raise Unmodelled(f"a pointer is written to {region.name}")
        if region.kind not in ("words", "shared"):
            raise Unmodelled(f"a write to {region.name}")
        self.within(state, pointer, size, region.size)
        if region.kind == "shared":
            state.events.append(Event("store", region.name, (pointer.offset, size, term(value, size * 8))))
        elif size == 8:
            state.memory[region] = z3.Store(self.words(state, region), term(known(z3.LShR(term(pointer.offset), 3))),
                                            term(value))
        else:
            raise Unmodelled(f"{size} bytes of a number in {region.name}")

    def stack_within(self, state, pointer, size):
        self.must(state, -STACK_SIZE <= pointer.offset and pointer.offset + size <= 0, f"{size} bytes outside of the stack")
        self.must(state, pointer.offset % size == 0, f"{size} bytes of the stack at an odd place")

    def load_stack(self, state, pointer, size):
        self.stack_within(state, pointer, size)
        slots = [state.stacks[pointer.region].get(pointer.offset + i) for i in range(size)]
        if None in slots:
            raise Unmodelled(f"the stack is read where it was not written, at {state.calls[-1].function.name}+{state.pc}")
        value, stored, _ = slots[0]
        if all(slot == (value, stored, i) if isinstance(value, Pointer) else
               slot[0] is value and slot[1:] == (stored, i) for i, slot in enumerate(slots)) and stored == size:
            return value if isinstance(value, (Pointer, int)) else known(term(value))
        if any(isinstance(slot[0], Pointer) for slot in slots):
            raise Unmodelled("a part of a pointer")
        return self.join([term(self.slot_byte(slot), 8) for slot in slots])

    def bytes_at(self, state, pointer, size):
        """What a helper reads: all of it must have been written. As one number, in the order of addresses."""
        if pointer.region.kind != "stack":
            raise Unmodelled(f"a helper reads {pointer.region.name}")
        self.must(state, -STACK_SIZE <= pointer.offset and pointer.offset + size <= 0, "a helper reads outside of the stack")
        parts = []
        for i in range(size):
            slot = state.stacks[pointer.region].get(pointer.offset + i)
            if slot is None or isinstance(slot[0], Pointer):
                raise Unmodelled("a helper reads what was not written")
            parts.append(term(self.slot_byte(slot), 8))
        return known(z3.Concat(*parts) if size > 1 else term(parts[0]))
