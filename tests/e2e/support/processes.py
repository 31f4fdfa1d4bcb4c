"""The processes that a daemon consists of, as the kernel shows them."""

import os

from .waiting import eventually


class Process:
    """A process that is not a child of ours."""

    def __init__(self, pid):
        self.pid = pid

    def status(self, field):
        """A line of its status, without the name."""
        with open(f"/proc/{self.pid}/status", encoding="ascii") as file:
            return next(line.split(":", 1)[1].split() for line in file if line.startswith(field + ":"))

    def descriptors(self):
        """Number -> what it is, of all that are open."""
        folder = f"/proc/{self.pid}/fd"
        found = {}
        for name in os.listdir(folder):
            try:
                found[name] = os.readlink(f"{folder}/{name}")
            except FileNotFoundError:
                continue  # it was for a moment
        return found


def find_children(pid):
    """Name -> Process of the children of `pid` that are alive."""
    found = {}
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        children = file.read().split()
    for child in children:
        try:
            with open(f"/proc/{child}/comm", encoding="ascii") as file:
                found[file.read().strip()] = Process(int(child))
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


def wait_child(pid, name, other_than=None):
    """The child of that name, once there is one (a new one, with `other_than`)."""
    def find():
        child = find_children(pid).get(name)
        return child if child and (other_than is None or child.pid != other_than.pid) else None

    return eventually(find, f"a process {name}")
