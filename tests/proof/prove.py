#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Proves what docs/proof.md claims of a BPF object, function by function, and says what it took. Speaks TAP.

usage: prove.py [OBJECT [FUNCTION...]]
"""

import dataclasses
import pathlib
import sys
import time

import z3

import elf
import spec
from ebpf import CONTEXT, Enough, Event, Machine, Pointer, State, Unmodelled, known, same, term

IP_AT_MAX = 256  # the IP header begins before this byte
HEADER_SIZE_MAX = 2048
FIRST_ROUNDS_MS = 10000  # a question about these is for a frame to show, and not part of the proof
FIRST_ROUNDS = "P3, in one of the first rounds: "
CONTEXT_POINTER = Pointer(CONTEXT, 0)
PARSE, CHAIN, SAMPLE = "ff_parse", "ff_class_exthdr", "ff_take_sample"  # the latter's loop is taken by induction


def as_number(condition):
    return z3.If(condition, z3.BitVecVal(1, 64), z3.BitVecVal(0, 64))


class Layout:
    """Where in the maps that lies which the program shares with the loader."""

    def __init__(self, types):
        self.generation = types.offset("ff_state", "generation")
        self.slot, self.policy_size = types.offset("ff_state", "slot"), types.size_of("ff_policy")
        self.verdict, self.port = types.offset("ff_policy", "verdict"), types.offset("ff_policy", "port")
        self.passed, self.dropped = types.offset("ff_counters", "passed"), types.offset("ff_counters", "dropped")
        self.rule, self.rule_size = types.offset("ff_counters", "rule"), types.size_of("ff_rule_count")
        self.of_rule = {name: types.offset("ff_rule_count", name) for name in ("dropped", "would_drop", "exempted")}
        self.class_last, self.verdict_last = (types.offset("ff_judgement", name) for name in ("class", "verdict"))

    def slot_at(self, generation):
        return self.slot + (term(generation) & 1) * self.policy_size

    def verdict_at(self, generation, kind):
        return self.slot_at(generation) + self.verdict + kind * 2


class Proof:
    """The proof of one function of OBJECT."""

    def __init__(self, obj, name):
        self.object, self.name = obj, name
        self.layout, self.function = Layout(obj.types), obj.functions[name]
        contracts = {known: call for known, call in ((CHAIN, self.call_chain), (PARSE, self.call_parse),
                                                                  (SAMPLE, self.call_sample))
                     if known != name and known in obj.functions}
        self.machine = Machine(obj, contracts, name)
        self.ends = []
        no_ethernet = None
        self.has_no_ethernet = any(symbol[0] == "ff_no_ethernet" for symbol in obj.symbols)
        if self.has_no_ethernet:
            no_ethernet = self.machine.knob(obj.variable_named("ff_no_ethernet")) != 0
        self.frame = spec.Frame(self.machine.byte, self.machine.total, no_ethernet)
        self.frame.chain = self.chain
        # What the contract says of the frame has a name each, and what it is by definition is looked at where it matters.
        read = spec.read(self.frame)
        self.reading = spec.Reading(z3.BitVec("class", 64), z3.BitVec("TCP at", 64), z3.Bool("IP"), z3.BitVec("IP at", 64),
                                    z3.BitVec("datagram's end", 64))
        self.definition = [one == other for one, other in
                           zip(dataclasses.astuple(self.reading), dataclasses.astuple(read))]
        if name not in (PARSE, CHAIN):
            self.machine.assume(z3.And(*self.reading_bounds(self.reading)))

    def reading_bounds(self, reading):
        """What is true of each reading, and is proved where the parser is."""
        base = self.machine.frame_alignment()
        return (z3.ULT(reading.kind, spec.CLASSES), z3.ULE(reading.tcp, IP_AT_MAX + spec.HEADERS_MAX * HEADER_SIZE_MAX),
                z3.Or(reading.tcp == 0, (reading.tcp + base) & 3 == 0), z3.ULE(reading.ip, 14 + 4 * spec.TAGS_MAX),
                z3.Implies(reading.found, (reading.ip + base) & 3 == 0),
                z3.Or(reading.found, reading.ip == 0),
                z3.Implies(z3.And(reading.found, z3.Not(self.frame.no_ethernet)), reading.ip != 0),
                z3.Or(reading.found, reading.tcp == 0),
                z3.Implies(z3.And(reading.found, reading.kind != spec.CLASS["malformed"]),
                           spec.is_one_of(self.frame.u8(reading.ip) >> 4, (4, 6))))

    # The chain of extension headers, where it is called: by what was proved of it.

    def chain(self, header):
        """What the chain says that begins with HEADER, the first: something, the same for the same header."""
        numbers = (header.at, header.kind, header.left)
        sorts = [z3.BitVecSort(64)] * 3
        kind, tcp = (z3.Function(name, *sorts, z3.BitVecSort(16))(*numbers) for name in ("chain's class", "chain's TCP"))
        reading = spec.Reading(term(kind), term(tcp), z3.BoolVal(False), z3.BitVecVal(0, 64), z3.BitVecVal(0, 64))
        self.machine.assume(*self.chain_bounds(reading))
        return reading

    def chain_bounds(self, reading):
        return (z3.ULT(reading.kind, spec.CLASSES), z3.ULE(reading.tcp, IP_AT_MAX + spec.HEADERS_MAX * HEADER_SIZE_MAX),
                z3.Or(reading.tcp == 0, (reading.tcp + self.machine.frame_alignment()) & 3 == 0))

    def call_chain(self, machine, state, arguments):
        context, at, kind, left, end = arguments
        machine.is_context(context)
        at, kind, left = term(term(at, 32)), term(term(kind, 8)), term(term(left, 32))
        machine.must(state, z3.And(self.is_total(end), *self.chain_begins(spec.Header(at, kind, left, None, None))), "the chain is called with what its proof does not cover")
        reading = self.chain(spec.Header(z3.simplify(at), z3.simplify(kind), z3.simplify(left), None, None))
        result = machine.fresh("chain", 64)  # of which the upper half may be anything
        state.path.append(self.is_word_of(result, reading))
        return result

    def call_parse(self, machine, state, arguments):
        machine.is_context(arguments[0])
        machine.must(state, self.is_total(arguments[1]), "the parser is told another length")
        result = machine.fresh("parsed", 64)
        state.path += self.is_parsed_word(result, self.reading)
        return result

    def is_parsed_word(self, word, reading):
        """How the parser returns a reading: the class in the lower 10 bits, where the IP header is above, then where TCP is."""
        word = term(term(word, 32))
        if self.has_no_ethernet:
            ip = [(word & 0x400 != 0) == reading.found, z3.LShR(word, 10) & 0x3e == reading.ip]
        else:
            ip = [z3.LShR(word, 10) & 0x3f == reading.ip]
        return [word & 0x3ff == reading.kind, z3.LShR(word, 16) & 0x7fff == reading.tcp, *ip]

    def call_sample(self, machine, state, arguments):
        """It writes to its own map and, for the class that it is called for, to the table of verdicts; nothing else."""
        machine.is_context(arguments[0])
        slot, kind, verdict = (term(value, 32) for value in arguments[1:4])
        machine.must(state, z3.And(z3.ULT(kind, spec.CLASSES), z3.ULT(verdict, 1 << 16),
                                   z3.ULE(term(arguments[4]), machine.total)), "a sample of no class, or of more than the frame")
        state.events.append(Event("call", SAMPLE, (slot, term(kind), term(verdict))))
        for region in state.memory:
            if region.name == "sampling":
                state.memory[region] = z3.Array(f"sampling!{next(machine.numbers)}", z3.BitVecSort(64), z3.BitVecSort(64))
        return machine.fresh("sample", 64)

    def is_total(self, end):
        return term(term(end, 32)) == self.machine.total

    def chain_begins(self, header):
        return (z3.ULE(header.at, IP_AT_MAX), spec.is_one_of(header.kind, spec.EXTENSIONS),
                (header.at + self.machine.frame_alignment()) & 3 == 0)

    @staticmethod
    def is_word_of(result, reading):
        """How the chain's function returns a reading: the class in the lower 16 bits, where TCP is above."""
        return z3.And(term(term(result, 16)) == reading.kind, term(z3.Extract(31, 16, term(result))) == reading.tcp)

    # Claims.

    def claim(self, state, claim, what):
        self.machine.must(state, claim, what)

    def claim_by_cases(self, state, claim, what):
        """The same, with what the contract says of the frame spelt out."""
        cases = list(spec.cases(self.frame))
        claims = [z3.Implies(z3.And(case, *self.definition), claim) for case in cases]
        path = list(state.path)
        for one in [z3.Or(*cases), *claims]:
            before = len(self.machine.failures)
            self.claim(state, one, what)
            state.path = list(path)  # a claim that failed is not to hide another
            if len(self.machine.failures) > before:
                break

    def run(self, arguments):
        self.ends, _ = self.machine.run([self.machine.start(self.name, [CONTEXT_POINTER, *arguments])])
        return self.ends

    def prove(self):
        try:
            claims = {"ff_parse": self.prove_parse, "ff_exempt": self.prove_exempt, "ff_judge_rare": self.prove_rare,
                      "ff_take_sample": self.prove_sample, CHAIN: self.prove_chain}
            if self.function.entry:
                self.prove_program()
            elif self.name in claims:
                claims[self.name]()
            else:
                self.run([z3.BitVec(f"argument {i}", 64) for i in range(2, 6)])
            self.prove_something_was_run()
        except Unmodelled as problem:
            self.machine.failures.append((self.name, f"not modelled: {problem}", None, None))
        except Enough:
            pass
        return not self.machine.failures

    def prove_something_was_run(self):
        """Proofs of nothing are true, too: each way to the end can be gone, and each instruction was met."""
        for state in self.ends:
            if self.machine.ask(state.path, False) is None:
                continue
            break
        else:
            self.machine.failures.append((self.name, "no end is ever reached", None, None))
        missing = [pc for pc in self.function.code if (self.name, pc) not in self.machine.visited]
        if missing:
            self.machine.failures.append((self.name, f"instructions that were never met: {missing}", None, None))

    def prove_parse(self):
        end = z3.BitVec("end", 64)
        self.machine.assume(self.is_total(end))
        for state in self.run([end]):
            claim, *rest = self.is_parsed_word(state.registers[0], self.reading)
            self.claim_by_cases(state, claim, "P3: the class is not the contract's")
            self.claim_by_cases(state, z3.And(*rest), "P3: the headers are elsewhere")
            self.claim_by_cases(state, z3.And(*self.reading_bounds(self.reading)), "out of bounds")

    # Exemptions.

    def exempt(self, state, generation):
        """Whether the frame is exempt, by what the maps said on this way."""
        known_port, port = spec.destination_port(self.frame, self.reading)
        known_source, family, address = spec.source(self.frame, self.reading)
        exempt_port = self.machine.fresh("port", 1) == 1
        for offset, size, value in self.loads(state, 4):
            self.claim(state, offset == self.layout.slot_at(generation) + self.layout.port + z3.LShR(port, 5) * 4,
                       "another port's bit is looked at")
            exempt_port = z3.LShR(value, term(port & 31, 32)) & 1 == 1
        prefix = [z3.Extract(i + 7, i, term(z3.If(family == 4, z3.BitVecVal(64, 64), z3.BitVecVal(160, 64)), 32))
                  for i in (range(24, -1, -8) if self.object.big else range(0, 32, 8))]
        key = z3.Concat(*prefix, term(term(generation) & 1, 8), term(family, 8), z3.BitVecVal(0, 16),
                        *(term(byte, 8) for byte in address))
        listed = z3.Function("sources", z3.BitVecSort(192), z3.BoolSort())(key)
        return z3.Or(z3.And(known_port, exempt_port), z3.And(known_source, listed))

    def prove_exempt(self):
        slot = z3.BitVec("slot", 64)
        for state in self.run([slot]):
            exempt = self.exempt(state, slot)
            self.claim(state, term(state.registers[0], 32) == term(as_number(exempt), 32), "exempt, or not, by mistake")

    # What is counted.

    def loads(self, state, size):
        """What was read of the state but for members that have an offset of their own."""
        for event in state.events:
            if event.kind == "load" and event.name == "ff_state" and event.what[1] == size and \
                    not isinstance(known(event.what[0]), int):
                yield term(event.what[0]), size, event.what[2]

    def counted(self, state, verdict, kind, exempt):
        """P5, at the end of a way: the counters, and the fate."""
        layout, machine = self.layout, self.machine
        judgement = spec.judge(verdict, exempt)
        index, rule = kind, verdict & spec.RULES_COUNTED - 1
        frames = [(judgement.dropped, layout.dropped + index * 8, z3.BitVecVal(1, 64))]
        pairs = [(judgement.passed, layout.passed + index * 16)]
        pairs += [(getattr(judgement, name), layout.rule + rule * layout.rule_size + at) for name, at in layout.of_rule.items()]
        for condition, at in pairs:
            frames += [(condition, at, z3.BitVecVal(1, 64)), (condition, at + 8, machine.total)]
        word = z3.BitVec("some word", 64)
        counters = next((region for region in state.memory if region.name == "counters"), None)
        before = z3.Array("counters", z3.BitVecSort(64), z3.BitVecSort(64))
        after = state.memory[counters] if counters else before
        none = machine.nulls.get("counters", z3.BoolVal(True))
        expected = z3.Select(before, word)
        for condition, at, amount in frames:
            there = z3.And(z3.Not(none), condition, z3.LShR(at, 3) == word)
            expected += z3.If(there, amount, z3.BitVecVal(0, 64))
        # The shortcut asks for the whole length only where a frame can have more buffers.
        self.claim(state, z3.Implies(self.one_buffer_is_enough(), z3.Select(after, word) == expected), "P5: counted otherwise than the contract says")
        fate = z3.If(z3.And(z3.Not(none), judgement.dropped), z3.BitVecVal(spec.FATE_DROP, 32),
                     z3.BitVecVal(spec.FATE_PASS, 32))
        self.claim(state, term(state.registers[0], 32) == fate, "P5: the fate is not the table's")

    def one_buffer_is_enough(self):
        """What drivers do: if a frame has further buffers, the first has 1024 bytes, or the datagram says that it reaches
        beyond it."""
        machine = self.machine
        return z3.Or(machine.length == machine.total, z3.UGE(machine.length, 1024),
                     z3.And(self.reading.found, z3.UGT(self.reading.end, machine.length)))

    def stores(self, state, generation, kind, verdict):
        """All that is ever written to the state: a class's verdict, no longer asking for samples."""
        for event in state.events:
            if event.kind == "store" and event.name == "ff_state":
                offset, size, value = event.what
                self.claim(state, z3.And(term(offset) == self.layout.verdict_at(generation, kind), size == 2,
                                         term(value) == verdict & ~spec.SAMPLE & 0xffff),
                           "something else of the policy is changed")
            elif event.kind == "call":
                called_slot, called_kind, called_verdict = event.what
                self.claim(state, z3.And(called_slot & 1 == term(generation, 32) & 1, called_kind == kind,
                                         called_verdict == verdict), "a sample of something else is taken")

    def prove_rare(self):
        slot, kind, verdict, size = (z3.BitVec(name, 64) for name in ("slot", "class", "verdict", "bytes"))
        self.machine.assume(z3.ULT(term(kind, 32), spec.CLASSES), z3.ULT(term(verdict, 32), 1 << 16), size == self.machine.total)
        for state in self.run([slot, kind, verdict, size]):
            low = [term(term(value, 32)) for value in (kind, verdict)]
            self.counted(state, low[1], low[0], self.exempt(state, slot))
            self.stores(state, slot, *low)

    def prove_sample(self):
        slot, kind, verdict, size = (z3.BitVec(name, 64) for name in ("slot", "class", "verdict", "bytes"))
        self.machine.assume(z3.ULT(term(kind, 32), spec.CLASSES), z3.ULT(term(verdict, 32), 1 << 16), z3.ULE(size, self.machine.total))
        for state in self.run([slot, kind, verdict, size]):
            self.stores(state, slot, term(term(kind, 32)), term(term(verdict, 32)))
            if any(region.name == "counters" for region in state.memory):
                self.machine.fail(state, "a sample touches the counters", None)

    # The programs.

    def prove_program(self):
        self.machine.on_load = self.at_verdict
        for state in self.run([]):
            generation, verdicts = self.generation(state), list(self.loads(state, 2))
            if len(verdicts) > 1:
                self.machine.fail(state, "the policy is looked at twice", None)
                continue
            verdict = term(verdicts[0][2]) if verdicts else z3.BitVecVal(0, 64)
            if not verdicts:
                self.claim(state, self.machine.nulls["counters"], "no verdict was looked at")
            exempt = self.exempt(state, generation) if verdicts else z3.BoolVal(False)
            self.counted(state, verdict, self.reading.kind, exempt)
            self.stores(state, generation, self.reading.kind, verdict)
            self.prove_trace(state, self.reading.kind, verdict)

    def generation(self, state):
        """The policy's number, which is looked at once."""
        generations = [event.what[2] for event in state.events if event.kind == "load" and event.name == "ff_state" and
                       known(event.what[0]) == self.layout.generation]
        if len(generations) > 1:
            self.machine.fail(state, "the generation is looked at twice", None)
        return generations[0] if generations else z3.BitVecVal(0, 32)

    def at_verdict(self, state, event):
        """Where the verdict is looked up: this is that of the contract's class. What comes then is about any class and length:
        what led here is forgotten, but for whether there are counters, and numbers that are the class or the length are
        called so."""
        if event.name != "ff_state" or isinstance(known(event.what[0]), int) or event.what[1] != 2:
            return
        self.claim_by_cases(state, term(event.what[0]) == self.layout.verdict_at(self.generation(state), self.reading.kind),
                            "P3: the class is not the contract's")
        right = term(event.what[0]) == self.layout.verdict_at(self.generation(state), self.reading.kind)
        state.path.append(right)
        stack = state.stacks[state.calls[-1].stack]
        for place, value in [*state.registers.items()]:
            state.registers[place] = self.by_name(state, value)
        for at, (value, size, index) in [*stack.items()]:
            if index == 0 and size == 8 and all(stack.get(at + i, (None,))[0] is value for i in range(8)):
                value = self.by_name(state, value)
                stack.update({at + i: (value, 8, i) for i in range(8)})
        nulls = [*self.machine.nulls.values()]
        state.path = [one for one in state.path if any(one.eq(null) or one.eq(z3.Not(null)) for null in nulls)]
        state.path.append(self.one_buffer_is_enough())

    def by_name(self, state, value):
        if not isinstance(value, z3.BitVecRef):
            return value
        if self.machine.solve([*state.path, value != self.reading.kind]) is None:
            return self.reading.kind
        cases = [z3.And(case, *self.definition) for case in spec.cases(self.frame)]
        enough = [*state.path, self.one_buffer_is_enough()]
        if all(self.machine.solve([*enough, case, value != self.machine.total]) is None for case in cases):
            return self.machine.total
        return value

    def prove_trace(self, state, kind, verdict):
        written = {}
        for event in state.events:
            if event.kind == "store" and event.name == "ff_last":
                offset, size, value = event.what
                for i in range(0, size, 2):
                    low = (size - 2 - i if self.object.big else i) * 8
                    written[offset + i] = term(z3.Extract(low + 15, low, value))
            elif event.kind == "store" and event.name != "ff_state":
                self.machine.fail(state, f"{event.name} is written", None)
        if written:
            for at, expected in ((self.layout.class_last, kind), (self.layout.verdict_last, verdict)):
                self.claim(state, written[at] == expected, "the trace tells something else")

    # The chain, by induction: whatever header is met with whatever was met before, one round of the loop does what the
    # contract says of one header. What the compiler keeps where is guessed when the loop is entered: each number that
    # then differs from one of the contract's by something constant is supposed to do so in each round, until a round does not.

    def prove_chain(self):
        machine = self.machine
        at, kind, left, end = (z3.BitVec(name, 64) for name in ("at", "kind", "left", "end"))
        begin = spec.Header(term(term(at, 32)), term(term(kind, 8)), term(term(left, 32)), z3.BoolVal(False),
                            z3.BitVecVal(0, 64))
        machine.assume(self.is_total(end), *self.chain_begins(begin))
        heads = machine.flow(self.function).heads
        if len(heads) != 1:
            raise Unmodelled(f"{len(heads)} loops in {self.name}")
        stop = (1, heads.pop())
        entry = machine.start(self.name, [CONTEXT_POINTER, at, kind, left, end])
        self.ends, arrived = machine.run([entry], stop)
        if self.ends:
            raise Unmodelled("an end before the loop")
        (arrived,) = machine.merged(arrived)
        current = spec.Header(*(z3.BitVec(f"header's {name}", 64) for name in ("at", "kind", "left")), z3.Bool("first"),
                              z3.BitVec("seen", 64))
        guess = Guess(machine, arrived, begin, current)
        machine.readable = [z3.ULE(one.left, 1024) for one in (current, begin)] + [z3.ULE(current.at, machine.length)]
        machine.quiet = True
        while True:
            ends, back = machine.run([guess.state()], stop)
            _, _, following = spec.one_header(self.frame, current)
            if guess.holds(back, following):
                break
        machine.quiet = False
        self.ends, back = machine.run([guess.state()], stop)
        last, reading, following = spec.one_header(self.frame, current)
        for state in self.ends:
            self.claim(state, last, "P3: the chain ends where the contract goes on")
            self.claim(state, self.is_word_of(state.registers[0], reading), "P3: the chain's class is not the contract's")
            self.claim(state, z3.And(*self.chain_bounds(reading)), "out of bounds")
        for state in back:
            self.claim(state, z3.Not(last), "P3: the chain goes on where the contract ends")
            self.claim(state, z3.And(*guess.bounds(following)), "out of bounds")
        if machine.failures:
            self.show_in_first_rounds(arrived, begin, stop)

    def show_in_first_rounds(self, arrived, header, stop):
        """What failed in any round may stand for no frame at all; what fails in the first two has one."""
        failures, self.machine.failures = self.machine.failures, []
        self.machine.readable = [z3.ULE(header.left, 1024), z3.ULE(header.at, self.machine.length)]
        self.machine.timeout_ms = FIRST_ROUNDS_MS
        states = [arrived]
        for _ in range(2):
            if self.machine.failures:
                break
            last, reading, following = spec.one_header(self.frame, header)
            ends, states = self.machine.run(states, stop)
            for state in ends:
                self.claim(state, z3.And(last, self.is_word_of(state.registers[0], reading)),
                           FIRST_ROUNDS + "the chain's class is not the contract's")
            for state in states:
                self.claim(state, z3.Not(last), FIRST_ROUNDS + "the chain goes on where the contract ends")
            header = following
        self.machine.failures += failures


class Guess:
    """What is supposed of registers and stack at a loop's head: what they have to do with the header that is next."""

    def __init__(self, machine, arrived, begin, current):
        self.machine, self.arrived, self.current = machine, arrived, current
        stack = arrived.stacks[arrived.calls[-1].stack]
        self.places = [("register", r) for r in arrived.registers]
        self.places += [("stack", at) for at, (_, size, index) in stack.items()
                        if index == 0 and all(stack.get(at + i, (0, 0, 0))[1:] == (size, i) for i in range(size))]
        self.unchanged = set(self.places)
        self.supposed = {}
        # A difference that is not the same in two models is not worth a question.
        one = machine.solve(arrived.path)
        self.models = [one, machine.solve([*arrived.path, *(value != one.eval(value, True) for value in
                                                            (begin.at, begin.kind, begin.left, machine.total))])]
        for place in self.places:
            self.supposed[place] = list(self.relations(self.number(arrived, place), begin))

    @staticmethod
    def number(state, place):
        value = Guess.value(state, place)
        return value.offset if isinstance(value, Pointer) else value

    @staticmethod
    def value(state, place):
        if place[0] == "register":
            return state.registers[place[1]]
        slot = state.stacks[state.calls[-1].stack].get(place[1])
        return slot[0] if slot else None

    @staticmethod
    def numbers(header):
        return {"at": header.at, "kind": header.kind, "left": header.left, "first": as_number(header.first), "seen": header.seen}

    def relations(self, value, begin):
        """(bits, sign, name, constant): that many bits of VALUE are the constant plus or minus a number of the header."""
        value = term(value) if isinstance(value, int) else value
        for name, number in self.numbers(begin).items():
            for bits in (64, 32, 8, 1):
                for sign in (1, -1) if bits <= value.size() else ():
                    difference = term(value, bits) - sign * term(number, bits)
                    constant, other = (model.eval(difference, True) for model in self.models)
                    if constant.eq(other) and self.machine.ask(self.arrived.path, difference == constant) is None:
                        yield bits, sign, name, constant.as_long()

    def claim(self, value, relation, header):
        bits, sign, name, constant = relation
        return term(value, bits) == constant + sign * term(self.numbers(header)[name], bits)

    def bounds(self, header):
        return ((header.at + self.machine.frame_alignment()) & 3 == 0, z3.ULE(header.at, IP_AT_MAX + header.seen * HEADER_SIZE_MAX), z3.ULT(header.left, 1 << 32),
                z3.ULT(header.kind, 256), z3.ULT(header.seen, spec.HEADERS_MAX), z3.Implies(header.first, header.seen != 0),
                spec.is_one_of(header.kind, spec.EXTENSIONS))

    def state(self):
        """The state at the loop's head in any round."""
        arrived, machine = self.arrived, self.machine
        state = State(arrived.calls, arrived.pc, arrived.registers, arrived.path, [], arrived.stacks, arrived.memory)
        state.path += self.bounds(self.current)
        stack = state.stacks[state.calls[-1].stack]
        for place in self.places:
            if place in self.unchanged:
                continue
            old = self.value(arrived, place)
            size = stack[place[1]][1] if place[0] == "stack" else 8
            new = machine.fresh("kept", size * 8)
            state.path += [self.claim(new, relation, self.current) for relation in self.supposed[place]]
            if place[0] == "register":
                state.registers[place[1]] = Pointer(old.region, new) if isinstance(old, Pointer) else new
            else:
                for i in range(size):
                    stack[place[1] + i] = (new, size, i)
        return state

    def holds(self, back, following):
        """Drops what a round does not keep. Whether all was kept."""
        kept = True
        for state in back:
            for place in self.places:
                old, new = self.value(self.arrived, place), self.value(state, place)
                if new is None or isinstance(old, Pointer) != isinstance(new, Pointer) or \
                        isinstance(old, Pointer) and old.region != new.region:
                    raise Unmodelled(f"{place} is something else after a round of the loop")
                if place in self.unchanged and not same(old, new):
                    self.unchanged.discard(place)
                    kept = False
            if not kept:
                continue
            for place in set(self.places) - self.unchanged:
                value = self.number(state, place)
                for relation in list(self.supposed[place]):
                    if self.machine.ask(state.path, self.claim(value, relation, following)) is not None:
                        self.supposed[place].remove(relation)
                        kept = False
        return kept


def evaluate(model, what):
    return model.eval(what, True).as_long()


def frame_of(failure):
    """The frame of a failure, and the verdict that was looked up, or 0. What failed in the middle of a chain of headers gets
    a frame around it: destination options, and a fragment header if there was to be one before. (None, 0): there is none."""
    where, what, model, state = failure
    if not isinstance(model, z3.ModelRef):
        return None, 0
    byte = z3.Function("byte", z3.BitVecSort(64), z3.BitVecSort(8))
    length = min(evaluate(model, z3.BitVec("length", 64)), 2048)
    content = bytes(evaluate(model, byte(z3.BitVecVal(i, 64))) for i in range(length))
    if state.calls[0].function.name == CHAIN if state.calls else where.startswith(CHAIN):
        later = not what.startswith(FIRST_ROUNDS)
        at, kind, left = (evaluate(model, z3.BitVec(f"header's {name}" if later else name, 64)) & mask
                          for name, mask in (("at", 0xffffffff), ("kind", 0xff), ("left", 0xffffffff)))
        seen, first = evaluate(model, z3.BitVec("seen", 64)) if later else 0, z3.is_true(model.eval(z3.Bool("first"), True))
        kinds = [spec.DESTINATION] * seen
        if first and kinds:
            kinds[0] = spec.FRAGMENT
        kinds.append(kind)
        headers = b"".join(bytes([following, 0, 0, 1 if this == spec.FRAGMENT else 0, 0, 0, 0, 0])
                           for this, following in zip(kinds, kinds[1:]))
        left += len(headers)
        ip = bytes([0x60, 0, 0, 0, left >> 8 & 255, left & 255, kinds[0], 64]) + bytes(32)
        return bytes(12) + b"\x86\xdd" + ip + headers + content[at:], 0
    verdicts = [event.what[2] for event in state.events
                if event.kind == "load" and event.name == "ff_state" and event.what[1] == 2]
    return content, evaluate(model, verdicts[0]) if verdicts else 0


def expected(layout, verdict, kind, size):
    """The fate, and what is added to which of the counters' words, of a frame that is not exempt."""
    judgement = spec.judge(z3.BitVecVal(verdict, 64), z3.BoolVal(False))
    said = {name: z3.is_true(z3.simplify(condition)) for name, condition in vars(judgement).items()}
    rule = layout.rule + (verdict & spec.RULES_COUNTED - 1) * layout.rule_size
    added = {}
    if said["dropped"]:
        added[(layout.dropped + 8 * kind) // 8] = 1
    for name, at in (("passed", layout.passed + 16 * kind), *((name, rule + at) for name, at in layout.of_rule.items())):
        if said[name]:
            added[at // 8], added[at // 8 + 1] = 1, size
    return spec.FATE_DROP if said["dropped"] else spec.FATE_PASS, added


def show(failure):
    where, what, model, _ = failure
    lines = [f"{where}: {what}"]
    frame, verdict = frame_of(failure)
    if frame is not None:
        lines.append(f"    frame of {len(frame)} bytes: {frame.hex()}, verdict {verdict:#06x}")
        lines += sorted(f"    {one.name()} = {model[one]}" for one in model.decls()
                        if one.arity() == 0 and z3.is_bv_sort(one.range()))
    elif model is not None:
        lines.append(f"    the solver does not know ({model})")
    return "\n".join(lines)


def main():
    arguments = sys.argv[1:]
    obj = elf.Object(arguments[0] if arguments else "build/bpf/flagfilter.stripped.o")
    passed = failed = 0
    table = ["function          states  queries  seconds"]
    for name in arguments[1:] or obj.functions:
        start = time.process_time()
        proof = Proof(obj, name)
        good = proof.prove()
        passed, failed = passed + good, failed + (not good)
        machine = proof.machine
        seconds = time.process_time() - start
        table.append(f"{name:17} {machine.states:6}  {machine.queries:7}  {seconds:7.1f}")
        print(f"{'ok' if good else 'not ok'} {passed + failed} {name}: {machine.states} states, {machine.queries} queries, "
              f"{seconds:.1f} s", flush=True)
        for failure in machine.failures:
            print("\n".join(f"# {line}" for line in show(failure).splitlines()), flush=True)
    if not arguments:
        pathlib.Path("build/proof.txt").write_text("\n".join(table) + "\n", encoding="ascii")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
