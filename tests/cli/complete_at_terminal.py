#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Types at a shell as a person does: prints the words that stand on its line after TAB.

usage: complete_at_terminal.py bash|zsh COMPLETION-FILE TEXT
"""

import os
import pty
import re
import select
import sys
import time

SETUP = {
    "bash": (["bash", "--norc", "--noprofile", "-i"], "bind 'set bell-style none'; source {file}; PS1='rea''dy> '"),
    "zsh": (["zsh", "-f", "-i"], "fpath=({dir} $fpath); autoload -Uz compinit; compinit -u -D; unsetopt beep; PS1='rea''dy> '"),
}


def read_until(terminal, wanted, seconds):
    seen = ""
    end = time.monotonic() + seconds
    while not re.search(wanted, seen) and time.monotonic() < end:
        if select.select([terminal], [], [], 0.05)[0]:
            seen += os.read(terminal, 4096).decode()
    return seen


def main():
    shell, path, text = sys.argv[1:]
    command, setup = SETUP[shell]
    pid, terminal = pty.fork()
    if not pid:
        os.environ["TERM"] = "dumb"
        os.execvp(command[0], command)
    os.write(terminal, (setup.format(file=path, dir=os.path.dirname(path)) + "\n").encode())
    read_until(terminal, "ready> ", 10)
    os.write(terminal, text.encode())
    time.sleep(0.2)
    os.write(terminal, b"\t")
    time.sleep(1)  # there is no telling when a shell has completed
    # To the front of the line, which then is an argument list: free of what the shell did to draw it.
    os.write(terminal, b"\x01printf '\\n<%s>' \x05; printf '\\nend\\n'\n")
    print(" ".join(re.findall(r"\n<([^\r\n]*)>", read_until(terminal, r"\nend", 10))))
    os.close(terminal)


if __name__ == "__main__":
    main()
