#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""user/policy/compile.c: every policy of up to 64 rules gives the table that docs/contract.md says. Speaks TAP.

The argument. A class's verdict depends, by the contract, on the first enforced rule that matches it, and if there is none on
the first monitored one. So of each rule it matters whether it matches, and its mode: whether it is *enforcing* this class,
*watching* it, or neither; and rules behind the first of a kind do not matter. What the code makes of a class is a function
of the same sequence of these three letters, for it asks of a rule nothing else: rule_matches() and the mode, and tells its
counter alone. So it is enough to try
    1. rule_matches() for every value, mask and class of the nine flag bits, and every named class: all of it,
    2. for numbers of rules up to 64, every place of the first enforcing and the first watching rule, with letters behind them that
       tempt, and letters before them that do not match or are off.
"""

import ctypes
import pathlib
import random
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
CLASSES, RULES_MAX = 521, 64
OFF, MONITORED, ENFORCED = range(3)
MONITOR, DROP, DROP_UNLESS_EXEMPT = 1, 2, 3

GLUE = """
#include "policy/policy.h"
#include "policy/compile.h"
/* The value, mask and class for which rule_matches() says something else than is meant, or 0. */
unsigned long long mismatch(void)
{
	for (unsigned int mask = 1; mask < 512; mask++)
		for (unsigned int value = mask;; value = (value - 1) & mask) {
			struct ff_rule rule = {.value = value, .mask = mask};

			for (unsigned int class = 0; class < FF_CLASSES; ++class)
				if (rule_matches(&rule, class) != (class < 512 && (class & mask) == value))
					return 1ull << 63 | (unsigned long long)mask << 40 | value << 20 | class;
			if (!value)
				break;
		}
	for (unsigned int named = 512; named < FF_CLASSES; named++) {
		struct ff_rule rule = {.class = named};

		for (unsigned int class = 0; class < FF_CLASSES; ++class)
			if (rule_matches(&rule, class) != (class == named))
				return 1ull << 62 | named << 20 | class;
	}
	return 0;
}
"""


class Rule(ctypes.Structure):
    """struct ff_rule"""
    _fields_ = [("name", ctypes.c_char * 32), ("value", ctypes.c_uint16), ("mask", ctypes.c_uint16), ("kind", ctypes.c_uint16),
                ("mode", ctypes.c_uint8), ("counter", ctypes.c_uint8)]


def library(folder):
    glue = pathlib.Path(folder, "glue.c")
    glue.write_text(GLUE, encoding="ascii")
    path = pathlib.Path(folder, "compile.so")
    subprocess.run(["cc", "-std=gnu11", "-D_GNU_SOURCE", "-O2", "-shared", "-fPIC", "-I", ROOT, "-I", ROOT / "include",
                    "-I", ROOT / "user", glue, *(ROOT / "user").glob("policy/*.c"), *(ROOT / "user").glob("base/*.c"),
                    "-lyaml", "-ljansson", "-lseccomp", "-o", path], check=True)
    return ctypes.CDLL(str(path))


def naive(rules, exempt, kind):
    """The contract's sentence: the first enforcing rule that matches drops; only without one, the first monitored counts."""
    matching = [rule for rule in rules if (rule.kind == kind if rule.kind else kind < 512 and kind & rule.mask == rule.value)]
    for mode, action in ((ENFORCED, DROP_UNLESS_EXEMPT if exempt else DROP), (MONITORED, MONITOR)):
        for rule in matching:
            if rule.mode == mode:
                return action << 8 | rule.counter
    return 0


def letters(count, enforcing, watching, rng):
    """COUNT rules of which those at these places are the first to enforce and to watch class 0x03; None: none does."""
    for place in range(count):
        may = [(0x03, 0x03, OFF), (0x04, 0x04, ENFORCED), (0x04, 0x04, MONITORED)]
        if watching is not None and place > watching:
            may.append((0x03, 0x03, MONITORED))
        if enforcing is not None and place > enforcing:
            may.append((0x03, 0x03, ENFORCED))
        value, mask, mode = rng.choice(may)
        if place == enforcing:
            value, mask, mode = 0x03, 0x03, ENFORCED
        elif place == watching:
            value, mask, mode = 0x02, 0x02, MONITORED
        yield Rule(b"rule", value, mask, 0, mode, rng.randrange(128))


def wrong_tables(code):
    rng = random.Random(14)
    table = (ctypes.c_uint16 * CLASSES)()
    for count in (*range(9), 31, 32, 33, 63, 64):
        places = [None, *range(count)]
        for enforcing in places:
            for watching in places:
                if enforcing is not None and enforcing == watching:
                    continue
                rules = (Rule * RULES_MAX)(*letters(count, enforcing, watching, rng))
                exempt = rng.random() < 0.5
                code.compile_verdicts(rules, count, ctypes.c_bool(exempt), table)
                for kind in (0x03, 0x02, 0x04, 0x00, rng.randrange(CLASSES)):
                    if table[kind] != naive(rules[:count], exempt, kind):
                        return f"{count} rules, enforcing {enforcing}, watching {watching}: class {kind} gets {table[kind]:#x}"
    return None


def main():
    with tempfile.TemporaryDirectory() as folder:
        code = library(folder)
        code.mismatch.restype = ctypes.c_ulonglong
        problems = [("a rule matches what its flags or its class say", f"{code.mismatch():#x}" if code.mismatch() else None),
                    ("up to 64 rules give the table of the naive reading", wrong_tables(code))]
    for number, (name, problem) in enumerate(problems, 1):
        print(f"{'not ok' if problem else 'ok'} {number} {name}{f': {problem}' if problem else ''}")
    return 1 if any(problem for _, problem in problems) else 0


if __name__ == "__main__":
    sys.exit(main())
